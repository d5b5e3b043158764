/*
 * What the tests of leases stand on (lease_bench.h).
 */
#include "tests/unit/lease_bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/message.h"
#include "zones/lease_table.h"
#include "zones/rdata.h"

static const char apex_text[] = "dyn.example.";

/* ---- building ---- */

const uint8_t *lease_bench_name(const struct lease_bench *b, const char *text)
{
	static uint8_t names[8][NAME_MAX_LEN];
	static unsigned next;
	uint8_t *name = names[next++ % 8];

	assert_int_equal(name_from_text(name, text, zone_apex(b->zone)), 0);
	name_lower(name);
	return name;
}

struct policy_rule *lease_bench_rule(struct lease_bench *b, const char *key)
{
	const uint8_t *name = lease_bench_name(b, key);
	struct policy_rule *rule;

	b->policy.rules = reallocarray(
		b->policy.rules, b->policy.count + 1, sizeof(*b->policy.rules));
	assert_non_null(b->policy.rules);
	rule = &b->policy.rules[b->policy.count++];
	policy_rule_init(rule);
	rule->keys = malloc(sizeof(*rule->keys));
	assert_non_null(rule->keys);
	rule->keys[0] = malloc(name_len(name));
	assert_non_null(rule->keys[0]);
	memcpy(rule->keys[0], name, name_len(name));
	rule->key_count = 1;
	return rule;
}

static struct policy_rule *leased_rule(
	struct lease_bench *b, const char *key, uint32_t default_s)
{
	struct policy_rule *rule = lease_bench_rule(b, key);

	rule->has_lease = true;
	rule->lease_default_s = default_s;
	return rule;
}

static void on_event(
	enum lease_event_kind kind, const struct lease_record *record, void *arg)
{
	static const char *const words[] = {[LEASE_EVENT_STALE] = "stale",
		[LEASE_EVENT_ACTIVE] = "active",
		[LEASE_EVENT_BRAKE] = "brake",
		[LEASE_EVENT_FREE] = "free"};
	struct lease_bench *b = arg;
	size_t len = strlen(b->events);
	char owner[NAME_TEXT_MAX] = "";

	if (record->owner) {
		name_to_text(record->owner, owner);
		owner[strcspn(owner, ".")] = '\0';
	}
	snprintf(b->events + len, sizeof(b->events) - len, "%s%s%s; ", words[kind],
		*owner ? " " : "", owner);
}

int lease_bench_setup(void **state)
{
	struct lease_bench *b = calloc(1, sizeof(*b));

	if (!b)
		return -1;
	*state = b;
	b->zone = message_make_zone(apex_text,
		"@ 300 IN SOA ns hostmaster 100 3600 900 604800 300\n"
		"@ 300 IN NS ns\n@ 300 IN NS ns2\n");
	b->table = lease_table_new(zone_apex(b->zone), NULL);
	assert_non_null(b->table);
	lease_table_on_event(b->table, on_event, b);
	leased_rule(b, "hour.", 3600);
	leased_rule(b, "asked.", 0);
	lease_bench_rule(b, "perm.");
	leased_rule(b, "adopt.", 3600)->adopt = true;
	leased_rule(b, "acme.", 7200)->merge = true;
	leased_rule(b, "acme2.", 7200)->merge = true;
	b->subject.source = (struct ip_address){.family = 4, .octets = {192, 0, 2, 1}};
	b->subject.transport = POLICY_UDP;
	b->now_ms = 1000 * 1000;
	b->real_s = 1700000000;
	return 0;
}

int lease_bench_teardown(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_check(b);
	changeset_unref(b->cs);
	lease_table_free(b->table);
	zone_free(b->zone);
	policy_clear(&b->policy);
	free(b);
	return 0;
}

void lease_bench_load(struct lease_bench *b, const char *line)
{
	const char *lines[] = {line, NULL};
	struct update *update = message_update_of(apex_text, lines);
	struct rr rr = update->changes[0];

	assert_int_equal(zone_load_rr(b->zone, &rr), 0);
	update_free(update);
}

/* ---- updates ---- */

static struct update *read_lines(const char *lines)
{
	struct message *m = malloc(sizeof(*m));
	char *text = strdup(lines), *save = NULL;
	struct update *update;

	assert_non_null(m);
	assert_non_null(text);
	message_begin(m, apex_text);
	for (char *l = strtok_r(text, ";", &save); l; l = strtok_r(NULL, ";", &save)) {
		l += strspn(l, " ");
		if (*l == '?')
			message_add(m, MESSAGE_PREREQ, l + 2);
		else if (*l)
			message_add(m, MESSAGE_UPDATE, l);
	}
	update = message_update(m);
	free(text);
	free(m);
	return update;
}

static int apply(struct lease_bench *b, const struct update *update)
{
	const uint8_t *apex = zone_apex(b->zone);
	struct lease_update lu = {
		.zone = b->zone,
		.policy = &b->policy,
		.subject = &b->subject,
		.update = update,
		.granted = &b->granted,
		.now_ms = b->now_ms,
		.real_s = b->real_s,
	};
	struct verdict v = policy_check_update(&b->policy, apex, &b->subject, update);
	struct changeset *cs = NULL;
	int r;

	assert_string_equal(v.why, "");
	v = policy_check_effect(&b->policy, b->zone, &b->subject, update);
	assert_string_equal(v.why, "");
	v = prereq_check(b->zone, update);
	assert_string_equal(v.why, "");
	v = apply_update(b->zone, update, true, &cs);
	assert_string_equal(v.why, "");
	b->granted = lease_grant(&b->policy, apex, &b->subject, update, &b->asked);
	r = lease_apply(b->table, &lu, cs);
	if (r < 0) {
		assert_null(cs->leases);
		changeset_undo(cs, b->zone);
		changeset_unref(cs);
		return r;
	}
	changeset_unref(b->cs);
	b->cs = cs;
	return 0;
}

int lease_bench_try(struct lease_bench *b, const char *key, const char *lines)
{
	struct update *update = read_lines(lines), *merged;
	struct verdict v;
	int r;

	memcpy(b->key, lease_bench_name(b, key), NAME_MAX_LEN);
	b->subject.key = b->key;
	v = lease_merge(b->table, b->zone, &b->policy, &b->subject, update, &merged);
	assert_string_equal(v.why, "");
	r = apply(b, merged ? merged : update);
	update_free(merged);
	update_free(update);
	return r;
}

void lease_bench_update(struct lease_bench *b, const char *key, const char *lines)
{
	assert_int_equal(lease_bench_try(b, key, lines), 0);
	lease_bench_check(b);
}

struct changeset *lease_bench_take(struct lease_bench *b)
{
	struct changeset *cs = b->cs;

	b->cs = NULL;
	return cs;
}

/* ---- time ---- */

void lease_bench_pass(struct lease_bench *b, int64_t s)
{
	b->now_ms += s * 1000;
	b->real_s += s;
}

size_t lease_bench_expire(struct lease_bench *b, size_t max)
{
	struct update *update;
	struct verdict v;
	size_t count;

	assert_int_equal(lease_expire(b->table, &b->expiry, b->now_ms, max, &update), 0);
	lease_bench_check(b);
	if (!update)
		return 0;
	assert_true(name_is_equal(update->zone, zone_apex(b->zone)));
	count = update->change_count;
	assert_true(count && count <= max);
	changeset_unref(b->cs);
	v = apply_update(b->zone, update, true, &b->cs);
	assert_string_equal(v.why, "");
	assert_int_equal(lease_finish_expiry(b->table, update, b->now_ms, b->cs), 0);
	assert_int_equal(lease_bench_changes(b), count);
	update_free(update);
	lease_bench_check(b);
	return count;
}

size_t lease_bench_expire_all(struct lease_bench *b)
{
	size_t count = 0;

	for (int turns = 0; lease_next_due(b->table, &b->expiry) <= b->now_ms; turns++) {
		assert_true(turns < 10000);
		count += lease_bench_expire(b, 128);
	}
	return count;
}

/* ---- looking ---- */

struct bench_record {
	struct update *update;
	const struct rr *rr;
};

static struct bench_record read_record(const char *record)
{
	char line[512];
	const char *lines[] = {line, NULL};
	size_t len = strcspn(record, " ");
	struct bench_record read;

	snprintf(line, sizeof(line), "%.*s 0 IN%s", (int)len, record, record + len);
	read.update = message_update_of(apex_text, lines);
	read.rr = &read.update->changes[0];
	return read;
}

struct lease *lease_bench_find(const struct lease_bench *b, const char *record)
{
	struct bench_record read = read_record(record);
	struct lease *lease = lease_find(b->table, read.rr->owner, read.rr->type,
		read.rr->rdata, read.rr->rdata_len);

	update_free(read.update);
	return lease;
}

bool lease_bench_has_record(const struct lease_bench *b, const char *record)
{
	struct bench_record read = read_record(record);
	const struct rrset *set = zone_find(b->zone, read.rr->owner, read.rr->type);
	bool has = set && rrset_find(set, read.rr->rdata, read.rr->rdata_len) >= 0;

	update_free(read.update);
	return has;
}

int64_t lease_bench_left(const struct lease_bench *b, const char *record)
{
	const struct lease *lease = lease_bench_find(b, record);
	struct lease_record described;

	if (!lease)
		return -1;
	assert_true(lease_bench_has_record(b, record));
	lease_describe(b->table, lease, &described);
	return (described.deadline_ms - b->now_ms) / 1000;
}

size_t lease_bench_changes(const struct lease_bench *b)
{
	return b->cs->leases ? b->cs->leases->count : 0;
}

uint32_t lease_bench_serial(const struct lease_bench *b)
{
	return rrset_serial(zone_soa(b->zone));
}

/* ---- the inside ---- */

static void check_heap(const struct lease_heap *heap)
{
	for (uint32_t i = 0; i < heap->count; i++) {
		assert_int_equal(heap->leases[i]->heap_at, i);
		if (i)
			assert_true(heap->ticks[(i - 1) / 4] <= heap->ticks[i]);
	}
}

static void check_states(const struct lease_table *table)
{
	size_t forced = 0, released = 0;

	for (uint32_t i = 0; i < table->active.count; i++) {
		const struct lease *l = table->active.leases[i];

		assert_false(
			l->flags & (LEASE_IS_STALE | LEASE_IS_FORCED | LEASE_IS_HELD));
		assert_true(table->active.ticks[i] <= lease_tick_of(lease_stale_at(l)));
	}
	for (uint32_t i = 0; i < table->stale.count; i++) {
		const struct lease *l = table->stale.leases[i];

		assert_true(
			!(l->flags & LEASE_IS_STALE) != !(l->flags & LEASE_IS_FORCED));
		forced += !!(l->flags & LEASE_IS_FORCED);
		released += !!(l->flags & LEASE_IS_RELEASED);
	}
	assert_int_equal(forced, table->forced);
	assert_int_equal(released, table->released);
}

struct seen {
	const struct lease_table *table;
	size_t count, nowhere;
	bool was_stale; /* the lease before, of the same host */
};

static void check_lease(const struct lease *lease, void *arg)
{
	struct seen *seen = arg;
	bool is_stale = lease->flags & LEASE_IS_STALE;

	seen->count++;
	assert_ptr_equal(lease->after->before, lease);
	assert_ptr_equal(lease->before->after, lease);
	assert_false(lease->flags & LEASE_IS_PLANNED);
	assert_ptr_equal(lease_find(seen->table, lease_owner(lease), lease->type,
				 lease_rdata(lease), lease->rdata_len),
		lease);
	if (lease->flags & LEASE_IS_HEAD)
		assert_ptr_equal(lease_first_at(seen->table, lease_owner(lease)), lease);
	else
		assert_true(seen->was_stale || !is_stale); /* the stale come first */
	seen->was_stale = is_stale;
	seen->nowhere += lease->heap_at == LEASE_NOWHERE;
	if (lease->heap_at == LEASE_NOWHERE)
		assert_true(!lease->duration_s || lease->flags & LEASE_IS_HELD);
}

void lease_bench_check(const struct lease_bench *b)
{
	const struct lease_table *table = b->table;
	struct seen seen = {.table = table};
	uint64_t cursor = 0;

	check_heap(&table->active);
	check_heap(&table->stale);
	check_states(table);
	do
		cursor = lease_table_scan(table, cursor, 7, check_lease, &seen);
	while (cursor);
	assert_int_equal(seen.count, lease_table_count(table));
	assert_int_equal(
		seen.count - seen.nowhere, table->active.count + table->stale.count);
}
