/*
 * What happens to a gateway: time, restarts, its disk, its servers.
 */
#include "tests/scenarios/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scenarios/spare.h"

enum {
	END_MS = 3000,     /* in which everything that lags is written */
	SHAKEN_MS = 20000, /* in which everything that failed is tried again */
};

int life_set_time(struct scenario *s, char *at)
{
	const char *word = message_next_word(&at);
	int64_t real_s;

	if (!word || !scenario_time_from_text(&real_s, word))
		return scenario_fail(s, "expected TIME SECONDS");
	gateway_set_time(&s->gateway, real_s);
	return 0;
}

int life_pass_time(struct scenario *s, char *at)
{
	const char *word = message_next_word(&at);
	int64_t passed_s;
	char *end;

	if (word && (passed_s = strtoll(word, &end, 10)) >= 0 && !strcmp(end, "ms"))
		return scenario_check(s, gateway_pass_time(&s->gateway, passed_s));
	if (!word || !scenario_time_from_text(&passed_s, word) || passed_s < 0)
		return scenario_fail(s, "expected TIME_PASSES 100ms|30s|5m|2h|7d");
	return scenario_check(s, gateway_pass_time(&s->gateway, passed_s * 1000));
}

int life_stand_still(struct scenario *s, char *at)
{
	const char *word = message_next_word(&at);
	int64_t passed_s;

	if (!word || !scenario_time_from_text(&passed_s, word) || passed_s < 0)
		return scenario_fail(s, "expected STANDS_STILL 30s|5m|2h|7d");
	return scenario_check(s, gateway_stand_still(&s->gateway, passed_s * 1000));
}

static int restart(struct scenario *s, char *at, bool is_killed)
{
	const char *word = message_next_word(&at);
	int64_t away_s = 0;

	if (!s->zone || (word && !scenario_time_from_text(&away_s, word)))
		return scenario_fail(s, "expected RESTART|KILL [TIME], in a zone");
	return scenario_check(s, gateway_restart(&s->gateway, away_s, is_killed));
}

int life_restart(struct scenario *s, char *at)
{
	return restart(s, at, false);
}

int life_kill(struct scenario *s, char *at)
{
	return restart(s, at, true);
}

int life_reload(struct scenario *s, char *at)
{
	(void)at;
	s->gateway.is_dirty = true;
	return scenario_check(s, gateway_ready(&s->gateway));
}

/* ---- the disk ---- */

int life_journal(struct scenario *s, char *at)
{
	const char *word = message_next_word(&at), *count = message_next_word(&at);
	int r = scenario_check(s, gateway_ready(&s->gateway));

	if (r)
		return r;
	if (word && strcmp(word, "release") == 0)
		return scenario_check(s, gateway_release_journal(&s->gateway));
	if (word && strcmp(word, "fails") == 0) {
		gateway_fail_journal(
			&s->gateway, count ? (unsigned)strtoul(count, NULL, 10) : 1);
		return 0;
	}
	if (!word || strcmp(word, "hold") != 0)
		return scenario_fail(s, "expected JOURNAL hold|release|fails [N]");
	r = scenario_check(s, gateway_settle(&s->gateway));
	gateway_hold_journal(&s->gateway);
	return r;
}

int life_reader(struct scenario *s, char *at)
{
	const char *word = message_next_word(&at);
	int r = scenario_check(s, gateway_ready(&s->gateway));

	if (r)
		return r;
	if (word && strcmp(word, "fails") == 0) {
		gateway_fail_reader(&s->gateway, (unsigned)strtoul(at, NULL, 10));
		return 0;
	}
	if (!word || (strcmp(word, "hold") != 0 && strcmp(word, "release") != 0))
		return scenario_fail(s, "expected READER hold|release|fails N");
	return scenario_check(
		s, gateway_hold_reader(&s->gateway, strcmp(word, "hold") == 0));
}

/* ---- servers ---- */

static int set_refusal(
	struct scenario *s, struct fake_server *server, char *at, enum rcode refusal)
{
	const char *name = message_next_word(&at);

	server->refusal = refusal;
	server->is_refusing = scenario_read_name(s, server->refused, name);
	return server->is_refusing
		? 0
		: scenario_fail(s, "expected SERVER NAME refuses|fails_for OWNER");
}

/* Lines as in an update, up to END. */
static int write_foreign(struct scenario *s, struct fake_server *server)
{
	struct message_zone zone = {.type = TYPE_SOA, .class = CLASS_IN, .count = 1};
	struct update *update = NULL;
	const char *why = "expected END";
	struct wire_message m;
	struct verdict v;
	char *line;
	int len, r = 0;

	memcpy(zone.name, s->zone->apex, sizeof(zone.name));
	message_begin(&s->message, 0, &zone, s->zone->apex);
	while (!r && (line = scenario_read_line(s)) && strcmp(line, "END") != 0)
		r = message_add_line(&s->message, line, &why);
	len = message_end(&s->message);
	if (r || !line || len < 0)
		return scenario_fail(s, "%s", why);
	v = wire_walk(&m, s->message.octets, (size_t)len);
	if (verdict_is_ok(&v))
		v = update_read(&update, s->message.octets, &m);
	if (!verdict_is_ok(&v))
		return scenario_fail(s, "%s", v.why);
	s->has_foreign = true;
	r = fake_server_write(server, update);
	update_free(update);
	return r ? scenario_fail(s, "the server does not take it") : 0;
}

static int restore(struct scenario *s, struct fake_server *server)
{
	s->has_foreign = true;
	return fake_server_restore(server)
		? scenario_fail(s, "there is no backup, or no memory")
		: 0;
}

static int do_server(struct scenario *s, struct fake_server *server, char *at)
{
	const char *word = message_next_word(&at);
	const bool is_up = word && !strcmp(word, "up");

	if (is_up || (word && !strcmp(word, "down")))
		server->is_down = !is_up;
	else if (word && !strcmp(word, "hold"))
		server->is_held = true;
	else if (word && !strcmp(word, "release"))
		fake_server_release(server);
	else if (word && !strcmp(word, "passes"))
		fake_server_pass(server, (unsigned)strtoul(at, NULL, 10));
	else if (word && !strcmp(word, "works"))
		return fake_server_work(server)
			? 0
			: scenario_fail(s, "there is nothing for it to do");
	else if (word && !strcmp(word, "fails"))
		server->failing = (unsigned)strtoul(at, NULL, 10);
	else if (word && !strcmp(word, "loses"))
		server->losing = (unsigned)strtoul(at, NULL, 10);
	else if (word && !strcmp(word, "accepts"))
		server->is_refusing = false;
	else if (word && !strcmp(word, "refuses"))
		return set_refusal(s, server, at, RCODE_REFUSED);
	else if (word && !strcmp(word, "fails_for"))
		return set_refusal(s, server, at, RCODE_SERVFAIL);
	else if (word && !strcmp(word, "writes"))
		return write_foreign(s, server);
	else if (word && !strcmp(word, "backs_up"))
		return fake_server_back_up(server);
	else if (word && !strcmp(word, "restores"))
		return restore(s, server);
	else
		return scenario_fail(s,
			"expected SERVER NAME hold|release|passes N|works|"
			"down|up|fails N|loses N|refuses OWNER|fails_for "
			"OWNER|accepts|writes|"
			"backs_up|restores");
	return 0;
}

int life_server(struct scenario *s, char *at)
{
	const char *name = message_next_word(&at);
	struct fake_server *server = NULL;
	int r = scenario_check(s, gateway_ready(&s->gateway));

	if (!r && name)
		server = fake_net_find(&s->gateway.net, name, s->zone->apex);
	if (!r && !server)
		return scenario_fail(s, "expected SERVER NAME ..., of this zone");
	return r ? r : do_server(s, server, at);
}

/* ---- the end ---- */

/* Does the server behave as it should, so that it can be compared with the gateway? */
static bool is_well(const struct fake_server *server)
{
	return !server->is_down && !server->is_held && !server->is_refusing &&
		!server->failing && !server->losing;
}

/* Each server has serials of its own; the gateway has the primary's. */
static int check_server(
	struct scenario *s, const struct fake_server *server, const struct zone *content)
{
	const struct gateway_zone *zone =
		gateway_find_zone(&s->gateway, zone_apex(server->zone));
	const bool is_primary = zone && strcmp(zone->targets[0].name, server->name) == 0;

	if (!is_well(server) || (is_shaken() && server->is_late) ||
		(is_primary ? content_is_same(content, server->zone)
			    : content_is_same_but_soa(content, server->zone)))
		return 0;
	content_print_difference(content, server->zone);
	return scenario_fail(
		s, "in the end %s has something else than the gateway", server->name);
}

/* What there is of a zone in the end. */
struct end {
	struct zone *content;
	struct view_leases leases;
};

static int take_end(struct scenario *s, const struct gateway_zone *zone, struct end *end)
{
	int r;

	end->content = gateway_content(&s->gateway, zone->apex);
	r = scenario_check(
		s, gateway_leases(&s->gateway, zone->apex, NULL, &end->leases));
	if (!r)
		r = lease_check_records(s, &end->leases, end->content);
	for (const struct fake_server *server = s->gateway.net.servers; !r && server;
		server = server->next)
		if (name_is_equal(zone->apex, zone_apex(server->zone)))
			r = check_server(s, server, end->content);
	return r;
}

static int settle_end(struct scenario *s)
{
	const int64_t ms = is_shaken() ? SHAKEN_MS : END_MS;

	return scenario_check(s, gateway_pass_time(&s->gateway, ms));
}

static int take_ends(struct scenario *s, struct end ends[GATEWAY_ZONES_MAX])
{
	int r = 0;

	for (size_t i = 0; !r && i < s->gateway.zone_count; i++)
		r = take_end(s, &s->gateway.zones[i], &ends[i]);
	return r;
}

static void clear_ends(struct end ends[GATEWAY_ZONES_MAX])
{
	for (size_t i = 0; i < GATEWAY_ZONES_MAX; i++) {
		zone_free(ends[i].content);
		view_leases_clear(&ends[i].leases);
	}
}

static int check_same_end(struct scenario *s, const struct end *then,
	const struct end *now, const char *what)
{
	if (!content_is_same(then->content, now->content)) {
		content_print_difference(then->content, now->content);
		return scenario_fail(s, "after %s the zone is another one", what);
	}
	return lease_are_same(&then->leases, &now->leases)
		? 0
		: scenario_fail(s, "after %s leases are others", what);
}

static int check_restart(
	struct scenario *s, const struct end ends[GATEWAY_ZONES_MAX], bool is_killed)
{
	struct end now[GATEWAY_ZONES_MAX] = {0};
	int r = scenario_check(s, gateway_restart(&s->gateway, 0, is_killed));

	if (!r)
		r = settle_end(s);
	if (!r)
		r = take_ends(s, now);
	for (size_t i = 0; !r && i < s->gateway.zone_count; i++)
		r = check_same_end(
			s, &ends[i], &now[i], is_killed ? "kill -9" : "a restart");
	clear_ends(now);
	return r;
}

int life_check_end(struct scenario *s)
{
	struct end ends[GATEWAY_ZONES_MAX] = {0};
	int r = 0;

	if (!s->gateway.zone_count)
		return 0;
	if (s->gateway.is_journal_held)
		r = scenario_check(s, gateway_release_journal(&s->gateway));
	if (!r && s->gateway.is_reader_held)
		r = scenario_check(s, gateway_hold_reader(&s->gateway, false));
	if (!r)
		r = settle_end(s);
	if (!r)
		r = take_ends(s, ends);
	if (!r)
		r = check_restart(s, ends, true);
	if (!r && !is_shaken())
		r = check_restart(s, ends, false);
	clear_ends(ends);
	return r;
}
