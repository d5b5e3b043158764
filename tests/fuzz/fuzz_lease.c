/*
 * Updates of arbitrary octets against a zone with leases: the option, merging, what
 * lease_apply does, expiry and withdrawal.
 *
 * It must not crash, no lease may be without its record, and expiry must remove exactly
 * what it says.  The octets choose what is done next, and to which of a few records.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zones/lease.h"

enum { NAMES = 4, DATA = 4, CHANGES_MAX = 6, STEPS_MAX = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

struct scene {
	struct wire_reader r; /* past the end it yields zeros */
	uint8_t names[NAMES][NAME_MAX_LEN];
	uint8_t keys[2][NAME_MAX_LEN];
	uint8_t *key_lists[2][1];
	struct policy_rule rules[2];
	struct policy policy;
	struct zone *zone;
	struct lease_table *table;
	struct lease_expiry expiry;
	int64_t now_ms;
	struct rr rrs[CHANGES_MAX];
};

static const uint8_t data[DATA][4] = {
	{10, 0, 0, 1}, {10, 0, 0, 2}, {3, 'a', 'B', 'c'}, {3, 'A', 'b', 'C'}};

static void require(bool is_true)
{
	if (!is_true)
		abort();
}

static uint8_t take(struct scene *s)
{
	return wire_read_u8(&s->r);
}

static void read_name(uint8_t ret[NAME_MAX_LEN], const char *text)
{
	require(name_from_text(ret, text, NULL) == 0);
}

static void open_scene(struct scene *s)
{
	static const char *const names[NAMES] = {
		"example.", "a.example.", "b.example.", "c.b.example."};
	static const uint8_t soa[] = {
		0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5};
	uint8_t settings = take(s);

	for (int i = 0; i < NAMES; i++)
		read_name(s->names[i], names[i]);
	for (int i = 0; i < 2; i++) {
		read_name(s->keys[i], i ? "key." : "a.example.");
		policy_rule_init(&s->rules[i]);
		s->key_lists[i][0] = s->keys[i];
		s->rules[i].keys = s->key_lists[i];
		s->rules[i].key_count = 1;
		s->rules[i].has_lease = settings & 1;
		s->rules[i].lease_default_s = settings & 2 ? 100 : 0;
		s->rules[i].adopt = settings & 4;
		s->rules[i].merge = settings & 8;
		settings >>= 4;
	}
	s->policy = (struct policy){s->rules, 2};
	s->zone = zone_new(s->names[0]);
	require(s->zone);
	require(zone_load_rr(s->zone,
			&(struct rr){.owner = s->names[0],
				.type = TYPE_SOA,
				.class = CLASS_IN,
				.ttl = 60,
				.rdata_len = sizeof(soa),
				.rdata = soa}) == 0);
	s->table = lease_table_new(s->names[0], NULL);
	require(s->table);
	s->expiry.brake_count = take(s) % 4;
	s->expiry.brake_percent = 50;
}

static struct rr take_rr(struct scene *s, bool is_prereq)
{
	static const uint16_t classes[] = {CLASS_IN, CLASS_IN, CLASS_NONE, CLASS_ANY};
	uint8_t what = take(s), number = take(s) % DATA;
	struct rr rr = {.owner = s->names[what & 3],
		.class = classes[what >> 2 & 3],
		.type = number < 2 ? TYPE_A : TYPE_TXT};

	if (is_prereq && rr.class == CLASS_NONE)
		rr.class = CLASS_ANY;
	if (rr.class == CLASS_IN && !is_prereq)
		rr.ttl = what >> 4;
	if (rr.class == CLASS_ANY && what & 16)
		rr.type = TYPE_ANY;
	if (rr.class == CLASS_ANY)
		return rr;
	rr.rdata = data[number];
	rr.rdata_len = 4;
	return rr;
}

/* ---- what must be true ---- */

static void check_lease(const struct lease *lease, void *arg)
{
	struct scene *s = arg;
	const struct rrset *set;
	struct lease_record r;

	lease_describe(s->table, lease, &r);
	set = zone_find(s->zone, r.owner, r.type);
	require(set && rrset_find(set, r.rdata, r.rdata_len) >= 0);
	require(lease_find(s->table, r.owner, r.type, r.rdata, r.rdata_len) == lease);
}

static void check(struct scene *s)
{
	uint64_t cursor = 0;

	do
		cursor = lease_table_scan(s->table, cursor, 5, check_lease, s);
	while (cursor);
}

/* ---- what is done ---- */

/* It is taken back, withdrawn or kept. */
static void end(struct scene *s, struct changeset *cs, uint8_t how)
{
	struct changeset *back;

	if (how % 8 == 1) {
		changeset_undo(cs, s->zone);
		lease_undo(s->table, cs->leases);
	} else if (how % 8 == 2) {
		require(apply_withdrawal(s->zone, cs, true, &back) == 0);
		require(lease_withdraw(s->table, s->zone, cs, s->now_ms, back) == 0);
		changeset_unref(back);
	}
	changeset_unref(cs);
	check(s);
}

static void update(struct scene *s)
{
	uint8_t how = take(s), count = take(s) % CHANGES_MAX + 1;
	struct update u = {.prereq_refusal = verdict_ok()}, *merged = NULL;
	struct policy_subject subject = {
		.key = s->keys[how & 1], .transport = POLICY_UDP};
	struct lease_terms asked = {.form = how & 2 ? 8 : 0}, granted;
	struct lease_update lu = {
		s->zone, &s->policy, &subject, &u, &granted, s->now_ms, 0};
	struct changeset *cs;
	struct verdict v;
	bool is_prereq = (how & 28) == 28;

	if (asked.form) {
		asked.lease_s = take(s);
		asked.key_lease_s = take(s);
	}
	if (how & 32)
		subject.source = (struct ip_address){.family = 6, .octets = {how}};
	for (uint8_t i = 0; i < count; i++)
		s->rrs[i] = take_rr(s, is_prereq);
	*(is_prereq ? &u.prereqs : &u.changes) = s->rrs;
	*(is_prereq ? &u.prereq_count : &u.change_count) = count;
	v = lease_merge(s->table, s->zone, &s->policy, &subject, &u, &merged);
	require(verdict_is_ok(&v));
	lu.update = merged ? merged : &u;
	granted = lease_grant(&s->policy, s->names[0], &subject, &u, &asked);
	require(!asked.form || (granted.lease_s >= LEASE_MIN_S));
	v = apply_update(s->zone, lu.update, true, &cs);
	require(verdict_is_ok(&v));
	require(lease_apply(s->table, &lu, cs) == 0);
	update_free(merged);
	check(s);
	end(s, cs, take(s));
}

static void expire(struct scene *s)
{
	size_t before = zone_count_records(s->zone), max = take(s) % 4 + 1u;
	struct update *u;
	struct changeset *cs;
	struct verdict v;

	require(lease_expire(s->table, &s->expiry, s->now_ms, max, &u) == 0);
	if (!u)
		return;
	require(u->change_count && u->change_count <= max);
	v = apply_update(s->zone, u, true, &cs);
	require(verdict_is_ok(&v));
	require(zone_count_records(s->zone) + u->change_count == before);
	require(lease_finish_expiry(s->table, u, s->now_ms, cs) == 0);
	update_free(u);
	end(s, cs, take(s));
}

static void administer(struct scene *s, uint8_t what)
{
	const uint8_t *owner = s->names[take(s) % NAMES];
	int r = 0;

	if (what == 0)
		r = lease_hold(s->table, owner);
	else if (what == 1)
		r = lease_release(s->table, owner, s->now_ms);
	else if (what == 2)
		lease_expire_now(s->table, owner, s->now_ms);
	else if (what == 3)
		lease_release_brake(s->table, s->now_ms);
	require(r == 0 || r == -EALREADY);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	struct scene *s = calloc(1, sizeof(*s));

	require(s);
	wire_reader_init(&s->r, octets, 0, len);
	open_scene(s);
	for (int i = 0; i < STEPS_MAX && !s->r.failed; i++) {
		uint8_t what = take(s);

		s->now_ms += (int64_t)(what >> 4) * 7 * 1000;
		if ((what & 15) < 8)
			update(s);
		else if ((what & 15) < 12)
			expire(s);
		else
			administer(s, what & 3);
	}
	check(s);
	lease_table_free(s->table);
	zone_free(s->zone);
	free(s);
	return 0;
}
