/*
 * A target under the hands of a test: reads commands from standard input, works with a
 * real server, and prints what the target told it.
 *
 *   target_driver ZONE ADDRESS PORT TIMEOUT_MS [KEYFILE KEYNAME]     the ddns target
 *   target_driver ZONE powerdns URL[,URL]... SERVER TIMEOUT_MS APIKEY   powerdns
 *
 *   load [difference]       whole content (or what changed) into the mirror
 *   probe
 *   set OWNER TYPE                    the RRset goes       } collected, in the mirror
 *   set OWNER TYPE TTL RDATA [| RDATA]...   it becomes so  } too
 *   deliver [retry]         what was collected; it stays for a retry unless it was done
 *   ahead                   begins to deliver what was collected; what is collected from
 *                           now on is delivered behind it, and "deliver" waits for both
 *   undo                    takes what was collected out of the mirror
 *   forget                  a new target, which knows nothing of the server
 *   abandon TURNS load|probe|deliver   begins that, lets the loop turn so often, then
 *                           forget
 *   desert TURNS load|probe|deliver    the same, but each turn waits for an event; ends
 *                           with the operation
 *   settle                  lets the loop turn until the target is settled
 *   rectify auto|server     that setting; then forget
 *   clock SECONDS           the target's clock is off by so much
 *   dump                    the mirror, "RR owner ttl type rdata" for each record
 *
 * Each command prints one last line: "= OUTCOME serial N|-: NOERROR|RCODE why".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "gateway/target/look_ups.h"
#include "gateway/target/powerdns_server.h"
#include "gateway/target/target.h"
#include "tsig/keyfile.h"
#include "zones/rdata.h"

enum { URLS_MAX = 4 };

struct driver {
	struct target_env env;
	struct turn_clock time;
	struct alarms alarms;
	struct config_target config;
	struct config_server server; /* of config */
	char *urls[URLS_MAX];        /* of the powerdns target */
	struct keyring *ring;        /* its keys; NULL: none */
	const struct target_ops *ops;
	char **key; /* file and name; NULL: unsigned */
	struct target *target;
	uint8_t zone_name[NAME_MAX_LEN];
	struct zone *mirror;
	struct changeset *changes;
	struct changeset *ahead; /* being delivered before the changes; NULL: nothing */
	struct evbuffer *input;
	bool is_called;
	bool is_quiet;   /* an abandoned operation says nothing */
	bool is_calling; /* inside a call to the target: callbacks must not come */
};

static int64_t clock_offset_s;

static int64_t real_time(void)
{
	return time(NULL) + clock_offset_s;
}

__attribute__((noreturn)) static void die(const char *why)
{
	fprintf(stderr, "target_driver: %s\n", why);
	exit(2);
}

static void *must(void *memory)
{
	if (!memory)
		die("no memory");
	return memory;
}

static const char *outcome_name(enum target_outcome outcome)
{
	static const char *const names[] = {
		[TARGET_DONE] = "DONE",
		[TARGET_CHANGED] = "CHANGED",
		[TARGET_REJECTED] = "REJECTED",
		[TARGET_FAILED] = "FAILED",
	};

	return names[outcome];
}

static void print_result(
	const struct driver *d, const struct target_result *result, const char *more)
{
	const char *trouble = target_trouble_name(result->trouble);
	char name[VERDICT_NAME_MAX], serial[16] = "-";

	if (d->is_quiet)
		return;
	if (result->soa)
		snprintf(serial, sizeof(serial), "%u", rrset_serial(result->soa));
	printf("= %s serial %s%s%s%s: %s %s\n", outcome_name(result->outcome), serial,
		more, trouble ? " trouble " : "", trouble ? trouble : "",
		verdict_name(&result->verdict, name), result->verdict.why);
}

static void print_rr(const char *mark, const struct rr *rr)
{
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX];
	char *text = must(rdata_to_text(rr->type, rr->rdata, rr->rdata_len));

	printf("%s %s %u %s %s\n", mark, name_to_text(rr->owner, owner), rr->ttl,
		rdata_type_name(rr->type, type), text);
	free(text);
}

static void note_call(struct driver *d)
{
	if (d->is_calling)
		die("called back from within the call");
	if (d->is_called)
		die("called back twice");
	d->is_called = true;
}

static void on_done(void *arg, const struct target_result *result)
{
	struct driver *d = arg;

	note_call(d);
	if (d->changes && result->outcome == TARGET_DONE) {
		changeset_unref(d->changes);
		d->changes = must(changeset_new());
	}
	print_result(d, result, "");
}

/* If it was not applied, nothing is told of the batch behind it. */
static void on_ahead(void *arg, const struct target_result *result)
{
	struct driver *d = arg;

	if (d->is_calling)
		die("called back from within the call");
	changeset_unref(d->ahead);
	d->ahead = NULL;
	printf("ahead %s\n", outcome_name(result->outcome));
	if (result->outcome == TARGET_DONE)
		return;
	note_call(d);
	print_result(d, result, "");
}

static void on_probed(void *arg, const struct target_result *result)
{
	struct driver *d = arg;

	note_call(d);
	print_result(d, result, "");
}

static void take_difference(struct driver *d, struct update *difference)
{
	struct changeset *cs = NULL;
	struct verdict v;

	for (unsigned i = 0; i < difference->change_count; i++)
		print_rr(difference->changes[i].class == CLASS_NONE ? "-" : "+",
			&difference->changes[i]);
	v = apply_update(d->mirror, difference, false, &cs);
	if (!verdict_is_ok(&v))
		die(v.why);
	changeset_unref(cs);
	update_free(difference);
}

static void on_loaded(void *arg, struct target_content *content)
{
	struct driver *d = arg;
	char more[64] = "";

	note_call(d);
	if (content->zone) {
		zone_free(d->mirror);
		d->mirror = content->zone;
		snprintf(more, sizeof(more), " zone %zu", zone_count_records(d->mirror));
	}
	if (content->difference) {
		snprintf(more, sizeof(more), " difference %u",
			content->difference->change_count);
		take_difference(d, content->difference);
	}
	print_result(d, &content->result, more);
}

static void begin(struct driver *d, const char *what, const char *how)
{
	const struct target_ops *ops = target_ops(d->target);
	const struct target_batch batch = {
		.changes = d->changes,
		.is_retry = how && !strcmp(how, "retry"),
	};

	d->is_called = false;
	d->is_calling = true;
	if (!strcmp(what, "load"))
		ops->load(d->target, how && !strcmp(how, "difference"), on_loaded, d);
	else if (!strcmp(what, "probe"))
		ops->probe(d->target, on_probed, d);
	else
		ops->deliver(d->target, &batch, on_done, d);
	d->is_calling = false;
}

static void run(struct driver *d)
{
	while (!d->is_called) {
		turn_clock_begin(&d->time);
		if (event_base_loop(d->env.base, EVLOOP_ONCE) != 0)
			die("nothing under way, and no answer");
	}
}

/* What is in the file of the key now. */
static void load_key(struct driver *d)
{
	struct keyring *ring = must(keyring_new());
	char error[KEYFILE_ERROR_MAX];
	uint8_t name[NAME_MAX_LEN];

	if (keyfile_load(ring, d->key[0], NULL, NULL, error) < 0)
		die(error);
	if (name_from_text(name, d->key[1], NULL) < 0)
		die("bad key name");
	d->config.key = keyring_find(ring, name);
	d->config.transfer_key = d->config.key;
	if (!d->config.key)
		die("no such key");
	keyring_free(d->ring);
	d->ring = ring;
}

static void forget(struct driver *d)
{
	const struct target_zone zone = {.name = d->zone_name};

	if (d->target)
		target_ops(d->target)->free(d->target);
	if (d->key)
		load_key(d);
	d->target = must(d->ops->new (&d->config, &zone, &d->env));
}

static void dump(const struct driver *d)
{
	const struct zone_node *node;
	size_t cursor = 0;

	while ((node = zone_next_node(d->mirror, &cursor))) {
		struct rrset *set;

		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++) {
			struct rr rr = {.owner = zone_node_owner(node),
				.type = set->type,
				.class = CLASS_IN,
				.ttl = set->ttl};
			size_t at = 0;

			while ((rr.rdata = rrset_next(set, &at, &rr.rdata_len)))
				print_rr("RR", &rr);
		}
	}
	puts("= DUMPED");
}

static struct rrset *add_text(struct rrset *set, uint16_t type, uint32_t ttl,
	const char *text, const uint8_t *origin)
{
	static uint8_t rdata[65535];
	const int len = rdata_from_text(type, text, origin, rdata, sizeof(rdata));
	struct rrset *more;

	if (len < 0)
		die(text);
	more = must(set ? rrset_with(set, rdata, (uint16_t)len)
			: rrset_new(type, ttl, rdata, (uint16_t)len));
	rrset_unref(set);
	return more;
}

/* OWNER TYPE [TTL RDATA [| RDATA]...] */
static void set(struct driver *d, char *words)
{
	char *owner_text = strsep(&words, " "), *type_text = strsep(&words, " ");
	char *ttl_text = strsep(&words, " "), *end;
	uint8_t owner[NAME_MAX_LEN];
	struct rrset *rrset = NULL;
	uint16_t type;

	if (!owner_text || !type_text)
		die("set what?");
	type = rdata_type_from_name(type_text);
	if (!type || name_from_text(owner, owner_text, d->zone_name) < 0)
		die("set: no such type, or bad name");
	name_lower(owner);
	while (ttl_text && words) {
		end = strstr(words, " | ");
		if (end)
			*end = '\0';
		rrset = add_text(rrset, type, (uint32_t)strtoul(ttl_text, NULL, 10),
			words, d->zone_name);
		words = end ? end + 3 : NULL;
	}
	if (changeset_put(d->changes, d->mirror, owner, type, rrset) < 0)
		die("no memory");
	rrset_unref(rrset);
	puts("= SET");
}

static void undo(struct driver *d)
{
	changeset_undo(d->changes, d->mirror);
	changeset_unref(d->changes);
	d->changes = must(changeset_new());
	puts("= UNDONE");
}

static void abandon(struct driver *d, char *words, int flags)
{
	const char *turns = strsep(&words, " ");

	d->is_quiet = true;
	begin(d, words ? words : "load", NULL);
	for (long i = turns ? strtol(turns, NULL, 10) : 0; i > 0 && !d->is_called; i--) {
		turn_clock_begin(&d->time);
		event_base_loop(d->env.base, flags);
	}
	forget(d);
	d->is_quiet = false;
	puts("= ABANDONED");
}

static void deliver_ahead(struct driver *d)
{
	const struct target_ops *ops = target_ops(d->target);
	const struct target_batch batch = {.changes = d->changes};

	d->ahead = d->changes;
	d->changes = must(changeset_new());
	ops->deliver(d->target, &batch, on_ahead, d);
	while (!ops->takes_more(d->target)) {
		turn_clock_begin(&d->time);
		if (!d->ahead || event_base_loop(d->env.base, EVLOOP_ONCE) != 0)
			die("nothing may be behind it");
	}
	puts("= AHEAD");
}

static void settle(struct driver *d)
{
	const struct target_ops *ops = target_ops(d->target);

	while (ops->is_settled && !ops->is_settled(d->target)) {
		turn_clock_begin(&d->time);
		if (event_base_loop(d->env.base, EVLOOP_ONCE) != 0)
			die("not settled, and nothing under way");
	}
	puts("= SETTLED");
}

static void set_rectify(struct driver *d, const char *who)
{
	d->config.rectify =
		strcmp(who, "server") ? CONFIG_RECTIFY_AUTO : CONFIG_RECTIFY_SERVER;
	forget(d);
	puts("= OK");
}

static void obey(struct driver *d, char *line)
{
	char *rest = line;
	const char *verb = strsep(&rest, " ");

	if (!strcmp(verb, "set")) {
		set(d, rest);
	} else if (!strcmp(verb, "undo")) {
		undo(d);
	} else if (!strcmp(verb, "dump")) {
		dump(d);
	} else if (!strcmp(verb, "forget")) {
		forget(d);
		puts("= FORGOTTEN");
	} else if (!strcmp(verb, "ahead")) {
		deliver_ahead(d);
	} else if (!strcmp(verb, "settle")) {
		settle(d);
	} else if (!strcmp(verb, "rectify")) {
		set_rectify(d, rest ? rest : "");
	} else if (!strcmp(verb, "clock")) {
		clock_offset_s = rest ? strtoll(rest, NULL, 10) : 0;
		puts("= CLOCK");
	} else if (!strcmp(verb, "abandon")) {
		abandon(d, rest, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	} else if (!strcmp(verb, "desert")) {
		abandon(d, rest, EVLOOP_ONCE);
	} else if (!strcmp(verb, "load") || !strcmp(verb, "probe") ||
		!strcmp(verb, "deliver")) {
		begin(d, verb, rest);
		run(d);
	} else {
		die("unknown command");
	}
	fflush(stdout);
}

static void configure_powerdns(struct driver *d, char **argv)
{
	d->ops = &target_powerdns;
	d->config.type = CONFIG_TARGET_POWERDNS;
	d->config.id = argv[2];
	d->config.urls = d->urls;
	while (argv[3] && d->config.url_count < URLS_MAX)
		d->urls[d->config.url_count++] = strsep(&argv[3], ",");
	d->env.powerdns_servers = must(powerdns_servers_new());
	d->config.server = argv[4];
	d->config.timeout_ms = (unsigned)strtoul(argv[5], NULL, 10);
	d->config.api_key = argv[6];
}

static void configure(struct driver *d, int argc, char **argv)
{
	if (argc != 5 && argc != 7)
		die("usage: ZONE ADDRESS PORT TIMEOUT_MS [KEYFILE KEYNAME]");
	if (name_from_text(d->zone_name, argv[1], NULL) < 0)
		die("bad zone");
	if (argc == 7 && !strcmp(argv[2], "powerdns")) {
		configure_powerdns(d, argv);
		return;
	}
	d->ops = &target_ddns;
	d->config.type = CONFIG_TARGET_DDNS;
	d->config.timeout_ms = (unsigned)strtoul(argv[4], NULL, 10);
	d->config.servers = &d->server;
	d->config.server_count = 1;
	if (config_parse_address(&d->server.address, argv[2],
		    (unsigned)strtoul(argv[3], NULL, 10)) < 0)
		die("bad address");
	d->server.text = d->server.address.text;
	if (argc == 7)
		d->key = argv + 5;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	bool *is_readable = arg;

	(void)fd;
	(void)what;
	*is_readable = true;
}

/* The target goes on with what it does by itself until a command is there. */
static void wait_for_input(struct driver *d)
{
	bool is_readable = false;
	struct event *event = must(
		event_new(d->env.base, STDIN_FILENO, EV_READ, on_readable, &is_readable));

	event_add(event, NULL);
	while (!is_readable) {
		turn_clock_begin(&d->time);
		if (event_base_loop(d->env.base, EVLOOP_ONCE) != 0)
			die("standard input cannot be waited for");
	}
	event_free(event);
}

/* To be freed; NULL: the end. */
static char *next_line(struct driver *d)
{
	char *line;

	while (!(line = evbuffer_readln(d->input, NULL, EVBUFFER_EOL_LF))) {
		wait_for_input(d);
		if (evbuffer_read(d->input, STDIN_FILENO, -1) <= 0)
			break;
	}
	return line;
}

int main(int argc, char **argv)
{
	struct driver d = {0};
	char *line;

	d.env.base = must(event_base_new());
	d.env.alarms = &d.alarms;
	if (alarms_init(&d.alarms, &d.time, d.env.base))
		die("no memory");
	d.env.pool = must(hmac_pool_new());
	d.env.look_ups = must(look_ups_new(d.env.base));
	d.env.real_time = real_time;
	configure(&d, argc, argv);
	d.mirror = must(zone_new(d.zone_name));
	d.changes = must(changeset_new());
	forget(&d);
	d.input = must(evbuffer_new());
	while ((line = next_line(&d))) {
		obey(&d, line);
		free(line);
	}
	evbuffer_free(d.input);
	target_ops(d.target)->free(d.target);
	powerdns_servers_free(d.env.powerdns_servers);
	keyring_free(d.ring);
	changeset_unref(d.changes);
	zone_free(d.mirror);
	hmac_pool_free(d.env.pool);
	look_ups_free(d.env.look_ups);
	alarms_clear(&d.alarms);
	event_base_free(d.env.base);
	return 0;
}
