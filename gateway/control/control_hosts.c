/*
 * Hosts: those with leases, from the zone thread, and those whose leases have ended, from
 * the database.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/control/control_walk.h"

struct host_copy {
	uint8_t name[NAME_MAX_LEN], key[NAME_MAX_LEN];
	bool has_key;
	struct ip_address source;
	int64_t seen_s, left_ms;
	uint32_t duration_s;
	size_t leases;
	enum lease_state state;
};

static const char *const state_names[] = {
	"active", "stale", "held", "expired", "permanent"};
enum { STATE_EXPIRED = LEASE_HELD + 1, STATE_PERMANENT };

/* ---- in the zone thread ---- */

static void copy_host(const struct served_host_view *view, void *arg)
{
	struct control_walk *walk = arg;
	struct host_copy *copy = control_walk_copy(walk, sizeof(*copy));

	if (!copy) {
		walk->has_failed = true;
		return;
	}
	memcpy(copy->name, view->latest.owner, name_len(view->latest.owner));
	copy->has_key = view->latest.key != NULL;
	if (copy->has_key)
		memcpy(copy->key, view->latest.key, name_len(view->latest.key));
	copy->source = view->latest.source;
	copy->seen_s = view->latest.seen_s;
	copy->duration_s = view->latest.duration_s;
	copy->left_ms = view->left_ms;
	copy->leases = view->leases;
	copy->state = view->state;
}

static bool run_hosts(struct zone_thread *thread, struct zone_call *call)
{
	struct control_walk *walk = (struct control_walk *)(void *)call;
	struct served_zone *zone = served_find(thread, control_walk_zone(walk)->name);
	struct served_host_view view;

	walk->count = 0;
	if (!zone || walk->in_expired) {
		walk->cursor = 0;
	} else if (walk->is_exact) {
		if (served_find_host(zone, walk->name, &view))
			copy_host(&view, walk);
	} else if (walk->state == STATE_PERMANENT) {
		served_each_permanent(zone, copy_host, walk);
	} else {
		walk->cursor = served_each_host(
			zone, walk->cursor, CONTROL_PAGE_MAX, copy_host, walk);
		/* Few, each by an administrator's word: with the last page. */
		if (!walk->cursor)
			served_each_held(zone, copy_host, walk);
	}
	return true;
}

/* ---- as JSON ---- */

/* Among state_names. */
static int state_of(const struct host_copy *host)
{
	return host->state == LEASE_ACTIVE && !host->leases ? STATE_PERMANENT
							    : (int)host->state;
}

static json_t *host_to_json(const struct control_walk *walk, const struct host_copy *host)
{
	const bool is_ending = host->state != LEASE_HELD && host->duration_s;

	return json_pack("{s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "name",
		control_json_name(host->name), "zone", control_walk_zone(walk)->text,
		"state", state_names[state_of(host)], "leases", (json_int_t)host->leases,
		"last_seen", control_json_time(host->seen_s * 1000), "source",
		control_json_address(&host->source), "key",
		host->has_key ? control_json_name(host->key) : json_null(),
		"expires_in_s",
		is_ending ? json_real((double)host->left_ms / 1000) : json_null());
}

static void add_hosts(struct control_walk *walk)
{
	const struct host_copy *hosts = walk->copies;

	for (size_t i = 0; i < walk->count; i++) {
		if (walk->state >= 0 && state_of(&hosts[i]) != walk->state)
			continue;
		if (control_walk_matches(walk, hosts[i].name) &&
			!control_json_add(walk->list, host_to_json(walk, &hosts[i])))
			walk->has_failed = true;
	}
}

/* ---- expired hosts ---- */

struct expired {
	struct control_walk *walk;
	size_t seen;
};

static int add_expired(const struct store_row *row, void *arg)
{
	struct expired *e = arg;
	struct control_walk *walk = e->walk;

	e->seen++;
	memcpy(walk->host, row->host, name_len(row->host));
	walk->has_host = true;
	if (!control_walk_matches(walk, row->host))
		return 0;
	if (!control_json_add(walk->list,
		    json_pack("{s:o, s:s, s:s, s:i, s:o, s:s?, s:s?, s:o, s:s?}", "name",
			    control_json_name(row->host), "zone",
			    control_walk_zone(walk)->text, "state", "expired", "leases",
			    0, "last_seen", control_json_time(row->seen_s * 1000),
			    "source", row->source, "key", row->key, "expired_at",
			    control_json_time(row->at_ms), "why", row->reason)))
		walk->has_failed = true;
	return 0;
}

/* The latest event of one host: is it the end of its leases? */
static int look_at_event(const struct store_row *row, void *arg)
{
	if (row->event && row->host && !strcmp(row->event, STORE_EVENT_EXPIRED))
		return add_expired(row, arg);
	return 0;
}

/* True: there may be more in this zone.  *ret_error: what the database said. */
static bool read_expired(struct control_walk *walk, const char **ret_error)
{
	struct control *c = walk->question.control;
	struct expired e = {.walk = walk};
	struct store *store = control_store(c, ret_error);
	struct store_filter filter = {.name = walk->name,
		.events_only = true,
		.is_newest_first = true,
		.limit = 1};
	uint64_t next;
	int64_t zone;
	int r = store ? c->store_ops->zone_id(store, control_walk_zone(walk)->name, &zone)
		      : -EIO;

	if (r)
		return false;
	filter.zone = zone;
	if (walk->is_exact)
		r = c->store_ops->each_row(store, &filter, &next, look_at_event, &e);
	else
		r = c->store_ops->each_expired(store, zone,
			walk->has_host ? walk->host : NULL, CONTROL_PAGE_MAX, add_expired,
			&e);
	if (r)
		*ret_error = c->store_ops->error(store);
	return !r && !walk->is_exact && e.seen == CONTROL_PAGE_MAX;
}

/* ---- the walk ---- */

/* What is read here needs nobody else.  False: the walk is at its end. */
static bool go_on(struct control_walk *walk, const char **ret_error)
{
	if (!walk->in_expired && walk->cursor)
		return true;
	if (!walk->in_expired && walk->wants_expired &&
		!(walk->is_exact && json_array_size(walk->list))) {
		walk->in_expired = true;
		return true;
	}
	if (walk->in_expired && read_expired(walk, ret_error))
		return true;
	return !*ret_error && control_walk_next_zone(walk);
}

static bool is_page_full(const struct control_walk *walk)
{
	return json_array_size(walk->list) >= CONTROL_PAGE_MAX ||
		walk->rounds >= CONTROL_ROUNDS_MAX;
}

static bool answer_hosts(struct control_question *q)
{
	struct control_walk *walk = (struct control_walk *)(void *)q;
	const char *error = NULL;
	bool is_more;

	add_hosts(walk);
	walk->count = 0;
	do {
		walk->rounds++;
		is_more = go_on(walk, &error);
	} while (is_more && walk->in_expired && !is_page_full(walk));
	if (error)
		control_question_fail(q, 503, "%s", error);
	else if (is_more && !is_page_full(walk))
		return false;
	else
		control_walk_done(walk, "hosts", !is_more);
	return true;
}

static bool read_state(struct control_request *r, struct control_walk *walk)
{
	const char *text = control_parameter(r, "state");

	walk->wants_expired = true;
	if (!text)
		return true;
	for (int i = 0; i <= STATE_PERMANENT; i++) {
		if (strcmp(text, state_names[i]) != 0)
			continue;
		walk->state = i;
		walk->wants_leases = i != STATE_EXPIRED;
		walk->wants_expired = i == STATE_EXPIRED;
		return true;
	}
	control_fail(r, 400, "state: must be active, stale, held, expired or permanent");
	return false;
}

void control_get_hosts(struct control_request *r)
{
	struct control_walk *walk = control_walk_new(r, sizeof(*walk),
		control_parameter(r, "pattern"), run_hosts, answer_hosts);

	if (!walk)
		return;
	if (!read_state(r, walk)) {
		control_question_free(&walk->question);
		return;
	}
	if (!r->control->config->zone_count) {
		control_walk_done(walk, "hosts", true);
		control_question_free(&walk->question);
		return;
	}
	if (!walk->wants_leases)
		walk->in_expired = true;
	control_ask(&walk->question);
}
