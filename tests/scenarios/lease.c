/*
 * Leases: what happens while time passes, what administrators say, and what must be true.
 *
 * Service time goes with TIME_PASSES; TIME, which sets the clock, does not move it, nor
 * does RESTART.
 */
#include "tests/scenarios/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zones/rdata.h"

enum {
	MAX_DEFAULT = 128,   /* records a turn */
	TURNS_MAX = 1000000, /* without time passing: then expiry goes round in circles */
	LEASES_MAX = 1000,   /* kept over a RESTART */
};

int lease_begin(struct scenario *s)
{
	lease_table_free(s->gateway.leases);
	s->gateway.leases = lease_table_new(s->apex, NULL);
	s->expiry = (struct lease_expiry){0};
	s->expire_max = MAX_DEFAULT;
	s->hold_count = 0;
	return s->gateway.leases ? 0 : -ENOMEM;
}

/* ---- time ---- */

static uint32_t serial_of(const struct scenario *s)
{
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	rdata = rrset_next(zone_soa(s->gateway.zone), &at, &len);
	return soa_serial(rdata, len);
}

/* Exactly what expiry said goes, and the serial moves once. */
static int apply_expiry(struct scenario *s, const struct update *update)
{
	struct exchange_gateway *g = &s->gateway;
	uint32_t expected = serial_of(s) + g->bumps_serial;
	size_t records = zone_count_records(g->zone);
	struct changeset *cs = NULL;
	struct verdict v = apply_update(g->zone, update, g->bumps_serial, &cs);

	if (!verdict_is_ok(&v))
		return scenario_fail(s, "cannot expire: %s", v.why);
	int r = lease_finish_expiry(g->leases, update, g->service_ms, cs);
	changeset_unref(cs);
	if (r != 0)
		return scenario_fail(s, "cannot finish expiry");
	if (serial_of(s) != expected)
		return scenario_fail(s, "a batch of expiry moves the serial once");
	if (zone_count_records(g->zone) + update->change_count != records)
		return scenario_fail(s, "expiry removed other records than it said");
	return 0;
}

static int expire_due(struct scenario *s)
{
	struct exchange_gateway *g = &s->gateway;
	int r = 0;

	for (unsigned turn = 0; r == 0 && turn < TURNS_MAX; turn++) {
		struct update *update = NULL;

		if (lease_next_due(g->leases, &s->expiry) > g->service_ms)
			return 0;
		r = lease_expire(
			g->leases, &s->expiry, g->service_ms, s->expire_max, &update);
		if (r != 0)
			return scenario_fail(s, "cannot expire: %s", strerror(-r));
		if (update)
			r = apply_expiry(s, update);
		update_free(update);
	}
	return r == 0 ? scenario_fail(s, "expiry does not come to an end") : r;
}

/* From one moment at which something is due to the next. */
int lease_pass_time(struct scenario *s, char *at)
{
	struct exchange_gateway *g = &s->gateway;
	const char *word = message_next_word(&at);
	int64_t passed_s, end_ms;
	int r = 0;

	if (!word || !scenario_time_from_text(&passed_s, word) || passed_s < 0)
		return scenario_fail(s, "expected TIME_PASSES 30s|5m|2h|7d");
	s->now_s += passed_s;
	end_ms = g->service_ms + passed_s * 1000;
	if (!g->leases) {
		g->service_ms = end_ms;
		return 0;
	}
	for (;;) {
		int64_t due_ms = lease_next_due(g->leases, &s->expiry);

		if (due_ms > g->service_ms)
			g->service_ms = due_ms < end_ms ? due_ms : end_ms;
		r = expire_due(s);
		if (r != 0 || g->service_ms == end_ms)
			return r;
	}
}

/* ---- a restart ---- */

struct stored {
	struct lease_record record;
	uint8_t owner[NAME_MAX_LEN], key[NAME_MAX_LEN], rdata[WIRE_UDP_PLAIN];
};

struct store {
	const struct lease_table *table;
	struct stored *leases;
	size_t count;
	bool is_full;
};

static void store_lease(const struct lease *lease, void *arg)
{
	struct store *store = arg;
	struct stored *to = &store->leases[store->count];
	struct lease_record *record = &to->record;

	if (store->count == LEASES_MAX) {
		store->is_full = true;
		return;
	}
	lease_describe(store->table, lease, record);
	if (record->rdata_len > sizeof(to->rdata)) {
		store->is_full = true;
		return;
	}
	memcpy(to->owner, record->owner, name_len(record->owner));
	memcpy(to->key, record->key, name_len(record->key));
	memcpy(to->rdata, record->rdata, record->rdata_len);
	record->owner = to->owner;
	record->key = to->key;
	record->rdata = to->rdata;
	store->count++;
}

static int load_leases(struct scenario *s, const struct store *store)
{
	int r = 0;

	lease_table_free(s->gateway.leases);
	s->gateway.leases = lease_table_new(s->apex, NULL);
	if (!s->gateway.leases)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < store->count; i++)
		r = lease_table_load(s->gateway.leases, &store->leases[i].record, 0);
	for (unsigned i = 0; r == 0 && i < s->hold_count; i++)
		r = lease_hold(s->gateway.leases, s->holds[i], s->gateway.service_ms);
	return r;
}

int lease_restart(struct scenario *s, char *at)
{
	struct store store = {.table = s->gateway.leases};
	const char *word = message_next_word(&at);
	int64_t away_s = 0;
	uint64_t cursor = 0;

	if (!s->gateway.leases || (word && !scenario_time_from_text(&away_s, word)))
		return scenario_fail(s, "expected RESTART [TIME], in a zone");
	store.leases = calloc(LEASES_MAX, sizeof(*store.leases));
	if (!store.leases)
		return scenario_fail(s, "no memory");
	do
		cursor = lease_table_scan(store.table, cursor, 16, store_lease, &store);
	while (cursor);
	int r = store.is_full ? -ENOSPC : load_leases(s, &store);
	free(store.leases);
	s->now_s += away_s;
	return r == 0 ? expire_due(s)
		      : scenario_fail(s, "cannot start: %s", strerror(-r));
}

/* ---- an administrator ---- */

int lease_set_expiry(struct scenario *s, char *at)
{
	const char *word, *value;
	int64_t grace_s;

	while ((word = message_next_word(&at))) {
		if ((value = scenario_value_of(word, "grace")) &&
			scenario_time_from_text(&grace_s, value))
			s->expiry.grace_ms = grace_s * 1000;
		else if ((value = scenario_value_of(word, "count")))
			s->expiry.brake_count = (unsigned)strtoul(value, NULL, 10);
		else if ((value = scenario_value_of(word, "percent")))
			s->expiry.brake_percent = (unsigned)strtoul(value, NULL, 10);
		else if ((value = scenario_value_of(word, "max")))
			s->expire_max = (unsigned)strtoul(value, NULL, 10);
		else
			return scenario_fail(s, "unknown word %s", word);
	}
	return 0;
}

static int read_host(const struct scenario *s, uint8_t ret_owner[NAME_MAX_LEN], char **at)
{
	if (!s->gateway.leases ||
		!scenario_read_name(s, ret_owner, message_next_word(at)))
		return scenario_fail(s, "expected a name, in a zone");
	return 0;
}

int lease_hold_host(struct scenario *s, char *at)
{
	uint8_t owner[NAME_MAX_LEN];
	int r = read_host(s, owner, &at);

	if (r != 0)
		return r;
	if (s->hold_count == SCENARIO_HOLDS_MAX ||
		lease_hold(s->gateway.leases, owner, s->gateway.service_ms) != 0)
		return scenario_fail(s, "cannot hold it");
	memcpy(s->holds[s->hold_count++], owner, sizeof(owner));
	return 0;
}

int lease_release_host(struct scenario *s, char *at)
{
	uint8_t owner[NAME_MAX_LEN];
	int r = read_host(s, owner, &at);

	if (r != 0)
		return r;
	if (lease_release(s->gateway.leases, owner, s->gateway.service_ms) != 0)
		return scenario_fail(s, "it is not held");
	for (unsigned i = 0; i < s->hold_count; i++)
		if (name_is_equal(s->holds[i], owner))
			memcpy(s->holds[i], s->holds[--s->hold_count], sizeof(owner));
	return expire_due(s);
}

int lease_expire_host(struct scenario *s, char *at)
{
	uint8_t owner[NAME_MAX_LEN];
	int r = read_host(s, owner, &at);

	if (r != 0)
		return r;
	if (lease_expire_now(s->gateway.leases, owner, s->gateway.service_ms) == 0)
		return scenario_fail(s, "it has no leases");
	return expire_due(s);
}

int lease_resume(struct scenario *s, char *at)
{
	(void)at;
	if (!s->gateway.leases)
		return scenario_fail(s, "expected RESUME in a zone");
	lease_release_brake(s->gateway.leases, s->gateway.service_ms);
	return expire_due(s);
}

/* ---- what must be true ---- */

/* "host1 A 192.0.2.1 30m": what stands before the last word is a record. */
static int read_record(struct scenario *s, char *at, uint8_t owner[NAME_MAX_LEN],
	uint16_t *ret_type, uint8_t rdata[WIRE_MESSAGE_MAX])
{
	int r = read_host(s, owner, &at);
	const char *type = r == 0 ? message_next_word(&at) : NULL;

	if (r != 0)
		return r;
	*ret_type = type ? rdata_type_from_name(type) : 0;
	int len = *ret_type ? message_rdata_from_text(*ret_type, at + strspn(at, " \t"),
				      s->apex, rdata, WIRE_MESSAGE_MAX)
			    : -EINVAL;
	return len < 0 ? scenario_fail(s, "expected LEASE NAME TYPE RDATA TIME|none")
		       : len;
}

int lease_check(struct scenario *s, char *at)
{
	char *last = strrchr(at, ' ');
	uint8_t owner[NAME_MAX_LEN], rdata[WIRE_MESSAGE_MAX];
	struct lease_record got;
	int64_t expected_s;
	uint16_t type;

	if (!last)
		return scenario_fail(s, "expected LEASE NAME TYPE RDATA TIME|none");
	*last++ = '\0';
	int len = read_record(s, at, owner, &type, rdata);
	if (len < 0)
		return len;
	const struct lease *lease =
		lease_find(s->gateway.leases, owner, type, rdata, (uint16_t)len);
	if (strcmp(last, "none") == 0)
		return lease ? scenario_fail(s, "expected no lease, and there is one")
			     : 0;
	if (!scenario_time_from_text(&expected_s, last))
		return scenario_fail(s, "expected a time or none, not %s", last);
	if (!lease)
		return scenario_fail(s, "expected a lease, and there is none");
	lease_describe(s->gateway.leases, lease, &got);
	int64_t got_s = (got.deadline_ms - s->gateway.service_ms) / 1000;
	if (got_s != expected_s)
		return scenario_fail(s, "expected a lease of %lld s, got %lld s",
			(long long)expected_s, (long long)got_s);
	const struct rrset *set = zone_find(s->gateway.zone, owner, type);
	if (!set || rrset_find(set, rdata, (uint16_t)len) < 0)
		return scenario_fail(s, "there is a lease without its record");
	return 0;
}

int lease_check_state(struct scenario *s, char *at)
{
	static const char *const words[] = {[LEASE_ACTIVE] = "active",
		[LEASE_STALE] = "stale",
		[LEASE_HELD] = "held"};
	const struct lease_table *table = s->gateway.leases;
	uint8_t owner[NAME_MAX_LEN];
	const char *got = "none", *word;
	enum lease_state worst = LEASE_ACTIVE;
	int r = read_host(s, owner, &at);

	if (r != 0)
		return r;
	for (const struct lease *l = lease_first_at(table, owner); l;
		l = lease_next_at(table, l)) {
		if (lease_state(table, l) > worst)
			worst = lease_state(table, l);
		got = words[worst];
	}
	word = message_next_word(&at);
	if (!word || strcmp(word, got) != 0)
		return scenario_fail(
			s, "expected %s, got %s", word ? word : "a state", got);
	return 0;
}

int lease_check_brake(struct scenario *s, char *at)
{
	const char *word = message_next_word(&at), *got;

	if (!s->gateway.leases || !word)
		return scenario_fail(s, "expected BRAKE on|off, in a zone");
	got = lease_is_braked(s->gateway.leases) ? "on" : "off";
	return strcmp(word, got) == 0
		? 0
		: scenario_fail(s, "expected the brake %s, it is %s", word, got);
}
