/*
 * Fake targets: the server carries out a request when its event comes, or holds it back
 * until it is released.
 */
#include "tests/scenarios/fake_target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scenarios/content.h"
#include "tests/scenarios/spare.h"
#include "tests/unit/rrset_without.h"
#include "zones/update_builder.h"

enum { FAKE_BATCH_CHANGES = 1000 };

struct fake_version {
	struct changeset *changes; /* with the SOA, if it moved */
};

enum fake_request { FAKE_NONE, FAKE_LOAD, FAKE_PROBE, FAKE_DELIVER };

struct fake_target {
	struct target_base base;
	struct fake_target *next; /* of the same server */
	struct fake_server *server;
	struct name_seed seed;
	struct event *event;    /* its request is done, or answered */
	struct rrset *believed; /* counted, as below; NULL: not known */
	struct rrset *mirrored; /* of the content that it has loaded */
	struct rrset *intended; /* what the last batch would make of it */
	struct rrset *seen;     /* what its last answer says */
	/* The request under way. */
	enum fake_request request;
	bool have_content;
	struct target_batch batch;
	target_loaded *loaded;
	target_done *done;
	void *arg;
	uint64_t doubted; /* the last batch that it failed for, perhaps for good */
	unsigned doubted_written; /* written, then */
	bool is_worked;           /* it is done, and content has the answer */
	struct target_content content;
};

static struct fake_target *fake_of(struct target *target)
{
	return (struct fake_target *)(void *)target;
}

/* ---- the server's zone ---- */

/* Takes the changes, which are in the zone. */
static int keep_version(struct fake_server *server, struct changeset *changes)
{
	struct fake_version *more = reallocarray(
		server->versions, server->version_count + 1, sizeof(*server->versions));

	if (!more) {
		changeset_undo(changes, server->zone);
		changeset_unref(changes);
		return -ENOMEM;
	}
	server->versions = more;
	more[server->version_count++].changes = changes;
	return 0;
}

/* A set with the one's records gone and the other's there, as an UPDATE says it: what
 * both have is not mentioned, unless its TTL changes. */
static struct rrset *replace_records(
	struct rrset *now, const struct rrset *gone, const struct rrset *come)
{
	const bool is_retimed = gone && come && gone->ttl != come->ttl;
	const struct rrset *kept = is_retimed ? NULL : gone;
	struct rrset *set = rrset_ref(now), *next;
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;
	int index;

	while (gone && set && (rdata = rrset_next(gone, &at, &len))) {
		if (!is_retimed && come && rrset_find(come, rdata, len) >= 0)
			continue;
		index = rrset_find(set, rdata, len);
		if (index < 0)
			continue;
		next = rrset_without(set, index);
		rrset_unref(set);
		set = next;
	}
	at = 0;
	while (come && (rdata = rrset_next(come, &at, &len))) {
		if ((kept && rrset_find(kept, rdata, len) >= 0) ||
			(set && rrset_find(set, rdata, len) >= 0))
			continue;
		next = set ? rrset_with(set, rdata, len)
			   : rrset_new_spelled(come->type, come->ttl, rdata, len,
				     rrset_spelled(come));
		rrset_unref(set);
		set = next;
	}
	if (set && come && set->ttl != come->ttl) {
		next = rrset_with_ttl(set, come->ttl);
		rrset_unref(set);
		set = next;
	}
	return set;
}

/* The batch's changes and the new SOA, into the zone. */
static int apply(
	struct fake_server *server, const struct changeset *batch, struct rrset *soa)
{
	const uint8_t *apex = zone_apex(server->zone);
	struct changeset *changes = changeset_new();
	int r = changes ? 0 : -ENOMEM;

	for (uint32_t i = 0; !r && i < batch->count; i++) {
		const struct change *change = &batch->changes[i];
		struct rrset *now = zone_find(server->zone, change->owner, change->type);
		struct rrset *set = server->type == CONFIG_TARGET_POWERDNS
			? rrset_ref(change->after)
			: replace_records(now, change->before, change->after);

		if (change->type != TYPE_SOA)
			r = changeset_put(
				changes, server->zone, change->owner, change->type, set);
		rrset_unref(set);
	}
	if (!r)
		r = changeset_put(changes, server->zone, apex, TYPE_SOA, soa);
	if (r) {
		if (changes)
			changeset_undo(changes, server->zone);
		changeset_unref(changes);
		return r;
	}
	changeset_normalise(changes);
	return keep_version(server, changes);
}

int fake_server_write(struct fake_server *server, const struct update *update)
{
	struct changeset *changes;
	struct verdict v = apply_update(server->zone, update, true, &changes);

	if (!verdict_is_ok(&v))
		return -EINVAL;
	return keep_version(server, changes);
}

/* ---- differences ---- */

struct difference {
	struct update_builder builder;
	bool is_failed;
};

static bool add_record(bool removed, const struct rr *rr, void *arg)
{
	struct difference *difference = arg;
	struct rr change = *rr;

	if (rr->type == TYPE_SOA)
		return true; /* once for all, at the end */
	change.class = removed ? CLASS_NONE : CLASS_IN;
	if (removed)
		change.ttl = 0;
	update_builder_add(&difference->builder, &change);
	return true;
}

static void add_soa(struct difference *difference, const struct rrset *soa, bool removed)
{
	struct rr rr = {.owner = difference->builder.apex,
		.type = TYPE_SOA,
		.class = removed ? CLASS_NONE : CLASS_IN,
		.ttl = removed ? 0 : soa->ttl};
	size_t at = 0;

	rr.rdata = rrset_next(soa, &at, &rr.rdata_len);
	update_builder_add(&difference->builder, &rr);
}

/* The first version that changed a zone with this SOA; version_count: none did. */
static size_t find_version(const struct fake_server *server, const struct rrset *soa)
{
	const uint8_t *apex = zone_apex(server->zone);
	size_t i = 0;

	for (; i < server->version_count; i++) {
		const struct change *change =
			changeset_find(server->versions[i].changes, apex, TYPE_SOA);

		if (change && rrset_is_identical(change->before, soa))
			break;
	}
	return i;
}

/* NULL: there is none, the whole zone has to do. */
static struct update *make_difference(
	const struct fake_server *server, const struct rrset *since)
{
	const struct rrset *soa = zone_soa(server->zone);
	size_t i = find_version(server, since);
	struct difference difference = {0};
	struct update *update = NULL;

	if (i == server->version_count && !rrset_is_identical(since, soa))
		return NULL;
	update_builder_init(&difference.builder, zone_apex(server->zone));
	if (!rrset_is_identical(since, soa)) {
		for (; i < server->version_count; i++)
			(void)changeset_each_record(
				server->versions[i].changes, add_record, &difference);
		add_soa(&difference, since, true);
		add_soa(&difference, soa, false);
	}
	return update_builder_finish(&difference.builder, &update) ? NULL : update;
}

/* ---- requests, done at the server ---- */

static void set_result(struct fake_target *t, enum target_outcome outcome,
	enum rcode rcode, const char *why)
{
	rrset_keep(&t->seen, outcome == TARGET_FAILED ? NULL : zone_soa(t->server->zone));
	t->content.result = (struct target_result){
		.outcome = outcome,
		.trouble = outcome == TARGET_FAILED ? TARGET_FAULTY : TARGET_NO_TROUBLE,
		.verdict =
			why ? verdict_refuse(rcode, EDE_OTHER, "%s", why) : verdict_ok(),
		.soa = t->seen,
	};
}

static void do_load(struct fake_target *t)
{
	struct fake_server *server = t->server;
	struct rrset *soa = zone_soa(server->zone);

	if (t->have_content && t->mirrored && server->type == CONFIG_TARGET_DDNS)
		t->content.difference = make_difference(server, t->mirrored);
	if (t->content.difference)
		server->differences++;
	else
		t->content.zone = content_copy(server->zone, &t->seed);
	if (!t->content.difference && !t->content.zone) {
		set_result(t, TARGET_FAILED, RCODE_SERVFAIL, "out of memory");
		return;
	}
	if (t->content.zone)
		server->loads++;
	rrset_keep(&t->believed, soa);
	rrset_keep(&t->mirrored, soa);
	set_result(t, TARGET_DONE, RCODE_NOERROR, NULL);
}

static void do_probe(struct fake_target *t)
{
	if (!t->believed)
		rrset_keep(&t->believed, zone_soa(t->server->zone));
	set_result(t, TARGET_DONE, RCODE_NOERROR, NULL);
}

/* What the batch makes of the zone's SOA.  NULL: no memory. */
static struct rrset *next_soa(
	const struct fake_server *server, const struct changeset *batch)
{
	struct rrset *now = zone_soa(server->zone);
	const struct change *change =
		changeset_find(batch, zone_apex(server->zone), TYPE_SOA);

	if (change && change->after &&
		serial_is_newer(rrset_serial(change->after), rrset_serial(now)))
		return rrset_ref(change->after);
	if (server->type == CONFIG_TARGET_POWERDNS)
		return rrset_ref(now);
	return soa_with_serial(now, serial_next(rrset_serial(now)));
}

static bool is_refused(const struct fake_server *server, const struct changeset *batch)
{
	for (uint32_t i = 0; server->is_refusing && i < batch->count; i++)
		if (name_is_equal(batch->changes[i].owner, server->refused))
			return true;
	return false;
}

static void refuse(struct fake_target *t)
{
	const struct fake_server *server = t->server;

	if (server->refusal != RCODE_SERVFAIL ||
		(t->batch.seq <= t->doubted && server->written > t->doubted_written)) {
		set_result(t, TARGET_REJECTED, server->refusal, "the server refuses it");
		return;
	}
	t->doubted = t->batch.seq;
	t->doubted_written = server->written;
	set_result(t, TARGET_FAILED, server->refusal, "the server fails for it");
	t->content.result.is_doubtful = true;
}

static void deliver(struct fake_target *t, const struct changeset *batch)
{
	struct fake_server *server = t->server;
	struct rrset *soa = next_soa(server, batch);
	const bool is_mirrored =
		t->mirrored && rrset_is_identical(t->mirrored, zone_soa(server->zone));

	if (!soa || apply(server, batch, soa)) {
		set_result(t, TARGET_FAILED, RCODE_SERVFAIL, "out of memory");
	} else if (server->losing) {
		server->losing--;
		server->batches++;
		rrset_keep(&t->intended, soa);
		set_result(t, TARGET_FAILED, RCODE_SERVFAIL, "the answer was lost");
	} else {
		server->batches++;
		server->written++;
		rrset_keep(&t->mirrored, is_mirrored ? soa : NULL);
		rrset_keep(&t->believed, soa);
		rrset_keep(&t->intended, NULL);
		set_result(t, TARGET_DONE, RCODE_NOERROR, NULL);
	}
	rrset_unref(soa);
}

static void do_deliver(struct fake_target *t)
{
	struct fake_server *server = t->server;
	struct rrset *soa = zone_soa(server->zone);

	if (!t->believed)
		rrset_keep(&t->believed, soa);
	if (t->batch.is_retry && t->intended && rrset_is_identical(t->intended, soa)) {
		/* An earlier try was applied. */
		rrset_keep(&t->believed, soa);
		rrset_keep(&t->mirrored, soa);
		rrset_keep(&t->intended, NULL);
		set_result(t, TARGET_DONE, RCODE_NOERROR, NULL);
	} else if (!rrset_is_identical(t->believed, soa)) {
		rrset_keep(&t->believed, NULL);
		rrset_keep(&t->intended, NULL);
		set_result(t, TARGET_CHANGED, RCODE_SERVFAIL, "somebody changed it");
	} else if (is_refused(server, t->batch.changes)) {
		refuse(t);
	} else {
		deliver(t, t->batch.changes);
	}
}

static void work(struct fake_target *t)
{
	struct fake_server *server = t->server;

	if (t->is_worked)
		return;
	t->is_worked = true;
	server->requests += t->request == FAKE_DELIVER;
	if (server->is_down) {
		set_result(t, TARGET_FAILED, RCODE_SERVFAIL, "it is down");
	} else if (t->request == FAKE_LOAD) {
		do_load(t);
	} else if (t->request == FAKE_PROBE) {
		do_probe(t);
	} else if (server->failing) {
		server->failing--;
		set_result(t, TARGET_FAILED, RCODE_SERVFAIL, "it fails");
	} else {
		do_deliver(t);
	}
}

static void answer(struct fake_target *t)
{
	const enum fake_request request = t->request;
	struct target_content content = t->content;
	struct rrset *soa = rrset_ref(content.result.soa);

	t->content = (struct target_content){0};
	t->request = FAKE_NONE;
	t->is_worked = false;
	/* Behind this it may be free, or have another request. */
	if (request == FAKE_LOAD)
		t->loaded(t->arg, &content);
	else
		t->done(t->arg, &content.result);
	rrset_unref(soa);
}

static void on_event(evutil_socket_t fd, short events, void *arg)
{
	struct fake_target *t = arg;
	bool was_spared;

	(void)fd;
	(void)events;
	if (t->request == FAKE_NONE || (t->server->is_held && !t->server->passing))
		return;
	t->server->passing -= t->server->is_held;
	was_spared = spare(true);
	work(t);
	(void)spare(was_spared);
	answer(t);
}

static void begin(struct fake_target *t, enum fake_request request, void *arg)
{
	t->request = request;
	t->arg = arg;
	event_active(t->event, EV_TIMEOUT, 1);
}

/* ---- the table of functions ---- */

static void fake_free(struct target *target)
{
	struct fake_target *t = fake_of(target), **at;

	if (!t)
		return;
	for (at = &t->server->targets; *at && *at != t; at = &(*at)->next)
		;
	if (*at)
		*at = t->next;
	if (t->event)
		event_free(t->event);
	zone_free(t->content.zone);
	update_free(t->content.difference);
	rrset_unref(t->believed);
	rrset_unref(t->mirrored);
	rrset_unref(t->intended);
	rrset_unref(t->seen);
	free(t);
}

static struct fake_server *find_server(
	const struct target_env *env, const char *id, const uint8_t *apex)
{
	const struct fake_net *net = (const void *)env->types;
	struct fake_server *server = net->servers;

	while (server &&
		(strcmp(server->id, id) != 0 ||
			!name_is_equal(zone_apex(server->zone), apex)))
		server = server->next;
	return server;
}

static const struct target_ops fake_ops;

static struct target *fake_new(const struct config_target *config,
	const struct target_zone *zone, const struct target_env *env)
{
	struct fake_server *server = find_server(env, config->id, zone->name);
	struct fake_target *t = server ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	t->base.ops = &fake_ops;
	t->server = server;
	t->seed = env->seed;
	t->next = server->targets;
	server->targets = t;
	t->event = event_new(env->base, -1, 0, on_event, t);
	if (!t->event) {
		fake_free((struct target *)(void *)t);
		return NULL;
	}
	return (struct target *)(void *)t;
}

static void fake_load(
	struct target *target, bool have_content, target_loaded *loaded, void *arg)
{
	struct fake_target *t = fake_of(target);

	t->have_content = have_content;
	t->loaded = loaded;
	begin(t, FAKE_LOAD, arg);
}

static void fake_probe(struct target *target, target_done *done, void *arg)
{
	struct fake_target *t = fake_of(target);

	t->done = done;
	begin(t, FAKE_PROBE, arg);
}

static void fake_deliver(struct target *target, const struct target_batch *batch,
	target_done *done, void *arg)
{
	struct fake_target *t = fake_of(target);

	t->batch = *batch;
	t->done = done;
	begin(t, FAKE_DELIVER, arg);
}

static const struct target_ops fake_ops = {
	.batch_changes = FAKE_BATCH_CHANGES,
	.owns_serial = true,
	.new = fake_new,
	.free = fake_free,
	.load = fake_load,
	.probe = fake_probe,
	.deliver = fake_deliver,
};

/* ---- servers ---- */

void fake_net_init(struct fake_net *net)
{
	*net = (struct fake_net){.types = {
					 [CONFIG_TARGET_LOCAL] = &target_local,
					 [CONFIG_TARGET_DDNS] = &fake_ops,
					 [CONFIG_TARGET_POWERDNS] = &fake_ops,
				 }};
}

static void forget_versions(struct fake_server *server)
{
	for (size_t i = 0; i < server->version_count; i++)
		changeset_unref(server->versions[i].changes);
	free(server->versions);
	server->versions = NULL;
	server->version_count = 0;
}

static void free_server(struct fake_server *server)
{
	zone_free(server->zone);
	zone_free(server->backup);
	forget_versions(server);
	free(server);
}

void fake_net_clear(struct fake_net *net)
{
	struct fake_server *server;

	while ((server = net->servers)) {
		net->servers = server->next;
		free_server(server);
	}
}

struct fake_server *fake_net_add(struct fake_net *net, const char *name, const char *id,
	enum config_target_type type, const struct zone *zone)
{
	struct fake_server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->type = type;
	snprintf(server->name, sizeof(server->name), "%s", name);
	snprintf(server->id, sizeof(server->id), "%s", id);
	server->zone = content_copy(zone, NULL);
	if (!server->zone) {
		free(server);
		return NULL;
	}
	server->next = net->servers;
	net->servers = server;
	return server;
}

struct fake_server *fake_net_find(
	const struct fake_net *net, const char *name, const uint8_t *apex)
{
	struct fake_server *server = net->servers;

	while (server &&
		(strcmp(server->name, name) != 0 ||
			(apex && !name_is_equal(zone_apex(server->zone), apex))))
		server = server->next;
	return server;
}

static void wake(struct fake_server *server)
{
	for (struct fake_target *t = server->targets; t; t = t->next)
		if (t->request != FAKE_NONE)
			event_active(t->event, EV_TIMEOUT, 1);
}

void fake_server_release(struct fake_server *server)
{
	server->is_held = false;
	server->passing = 0;
	wake(server);
}

void fake_server_pass(struct fake_server *server, unsigned requests)
{
	server->is_held = true;
	server->passing = requests;
	wake(server);
}

unsigned fake_server_work(struct fake_server *server)
{
	unsigned count = 0;

	for (struct fake_target *t = server->targets; t; t = t->next) {
		if (t->request == FAKE_NONE || t->is_worked)
			continue;
		work(t);
		count++;
	}
	return count;
}

int fake_server_back_up(struct fake_server *server)
{
	struct zone *copy = content_copy(server->zone, NULL);

	if (!copy)
		return -ENOMEM;
	zone_free(server->backup);
	server->backup = copy;
	return 0;
}

int fake_server_restore(struct fake_server *server)
{
	struct zone *copy = server->backup ? content_copy(server->backup, NULL) : NULL;

	if (!copy)
		return server->backup ? -ENOMEM : -ENOENT;
	zone_free(server->zone);
	server->zone = copy;
	forget_versions(server);
	return 0;
}

unsigned fake_server_count_waiting(const struct fake_server *server)
{
	unsigned count = 0;

	for (const struct fake_target *t = server->targets; t; t = t->next)
		count += t->request != FAKE_NONE;
	return count;
}
