/*
 * Thousands of random operations on leases, compared with a model that is too simple to
 * be wrong: an array of records.  After each operation the zone, the leases, deadlines
 * and keys must be those of the model.
 *
 * Every operation is also tried with each of its allocations failing in turn, which must
 * leave everything as it was.
 */
#include "tests/unit/lease_bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/message.h"

enum {
	OWNERS = 5,
	DATA = 6, /* records of one owner: A and TXT in turn */
	RECORDS = OWNERS * DATA,
	OPERATIONS = 2500,
	DURATION_S = 3600,
	ASKED_S = 1800,
};

/* ---- memory that runs out (-Wl,--wrap) ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long allowed = -1; /* allocations until one fails; -1: none does */

static bool is_out(void)
{
	if (allowed < 0)
		return false;
	return allowed-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return is_out() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_out() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return is_out() ? NULL : __real_realloc(old, size);
}

/* ---- the model ---- */

struct model_record {
	bool is_there, is_leased;
	int64_t deadline_ms;
	uint32_t duration_s;
	const char *key;
};

struct model {
	struct lease_bench *b;
	struct model_record records[RECORDS];
	bool held[OWNERS];
	uint64_t random;
};

static unsigned dice(struct model *m, unsigned sides)
{
	m->random = m->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(m->random >> 33) % sides;
}

static uint16_t type_of(unsigned number)
{
	return number % 2 ? TYPE_TXT : TYPE_A;
}

/* "h3 A 10.0.0.4" with what stands between owner and type */
static void print_record(char buf[80], unsigned number, const char *between)
{
	unsigned owner = number / DATA, data = number % DATA;

	if (type_of(number) == TYPE_A)
		snprintf(buf, 80, "h%u %sA 10.0.0.%u", owner, between, data);
	else
		snprintf(buf, 80, "h%u %sTXT t%u", owner, between, data);
}

static void expect_record(const struct model *m, unsigned number)
{
	const struct model_record *expected = &m->records[number];
	struct lease_record got;
	struct lease *lease;
	char text[80];

	print_record(text, number, "");
	assert_int_equal(lease_bench_has_record(m->b, text), expected->is_there);
	lease = lease_bench_find(m->b, text);
	assert_int_equal(!!lease, expected->is_leased);
	if (!lease)
		return;
	lease_describe(m->b->table, lease, &got);
	assert_int_equal(got.deadline_ms, expected->deadline_ms);
	assert_int_equal(got.duration_s, expected->duration_s);
	assert_true(name_is_equal(got.key, lease_bench_name(m->b, expected->key)));
	assert_int_equal(
		lease_state(m->b->table, lease) == LEASE_HELD, m->held[number / DATA]);
}

static void expect_all(const struct model *m)
{
	size_t leased = 0;

	for (unsigned i = 0; i < RECORDS; i++) {
		expect_record(m, i);
		leased += m->records[i].is_leased;
	}
	assert_int_equal(lease_table_count(m->b->table), leased);
	lease_bench_check(m->b);
}

/* ---- updates ---- */

static const char *const keys[] = {"hour.", "perm.", "adopt.", "asked.", "acme."};
enum { KEY_HOUR, KEY_PERM, KEY_ADOPT, KEY_ASKED, KEY_ACME, KEYS };

static uint32_t duration_of(const struct model *m, unsigned key)
{
	if (key == KEY_PERM)
		return 0;
	if (m->b->asked.form)
		return ASKED_S;
	if (key == KEY_ACME)
		return 7200;
	return key == KEY_ASKED ? 0 : DURATION_S;
}

/* What becomes of the records according to lease.h. */
struct effect {
	bool is_there[RECORDS];
	bool is_added[RECORDS]; /* named by an addition */
};

static void model_update(struct model *m, unsigned key, const struct effect *e)
{
	uint32_t duration_s = duration_of(m, key);

	for (unsigned i = 0; i < RECORDS; i++) {
		struct model_record *r = &m->records[i];
		bool was_there = r->is_there;

		r->is_there = e->is_there[i];
		if (!r->is_there)
			r->is_leased = false;
		if (!r->is_there || !e->is_added[i])
			continue;
		if (!r->is_leased && was_there && key != KEY_ADOPT)
			continue;
		r->is_leased = duration_s > 0;
		r->duration_s = duration_s;
		r->deadline_ms = m->b->now_ms + (int64_t)duration_s * 1000;
		r->key = keys[key];
	}
}

static void model_delete(struct effect *e, unsigned owner, uint16_t type)
{
	for (unsigned i = owner * DATA; i < (owner + 1) * DATA; i++)
		if (type == TYPE_ANY || type_of(i) == type)
			e->is_there[i] = false;
}

/* Adds a line, and what it does. */
static void add_line(
	struct model *m, struct effect *e, unsigned key, char *lines, size_t size)
{
	unsigned number = dice(m, RECORDS), owner = number / DATA;
	unsigned what = dice(m, 10);
	size_t len = strlen(lines);
	char record[80];

	/* test_lease_merge.c tests merging. */
	if (what == 8 && key == KEY_ACME)
		what = 7;
	if (what < 6) {
		print_record(record, number, "300 IN ");
		e->is_there[number] = e->is_added[number] = true;
	} else if (what < 8) {
		print_record(record, number, "0 NONE ");
		e->is_there[number] = false;
	} else if (what == 8) {
		snprintf(record, sizeof(record), "h%u 0 ANY %s", owner,
			type_of(number) == TYPE_A ? "A" : "TXT");
		model_delete(e, owner, type_of(number));
	} else {
		snprintf(record, sizeof(record), "h%u 0 ANY ANY", owner);
		model_delete(e, owner, TYPE_ANY);
	}
	snprintf(lines + len, size - len, "%s;", record);
}

static void do_update(struct model *m)
{
	struct lease_bench *b = m->b;
	unsigned key = dice(m, KEYS), count = 1 + dice(m, 6);
	char lines[1024] = "";
	struct effect effect = {0};
	bool is_asking = dice(m, 3) == 0;

	b->asked = is_asking ? (struct lease_terms){4, ASKED_S, ASKED_S}
			     : (struct lease_terms){0};
	if (dice(m, 4) == 0)
		b->subject.source = (struct ip_address){
			.family = dice(m, 2) ? 6 : 4, .octets = {10, [15] = 1}};
	for (unsigned i = 0; i < RECORDS; i++)
		effect.is_there[i] = m->records[i].is_there;
	for (unsigned i = 0; i < count; i++)
		add_line(m, &effect, key, lines, sizeof(lines));
	lease_bench_update(b, keys[key], lines);
	model_update(m, key, &effect);
	if (dice(m, 8))
		return;
	/* It could not be stored: all as before.  Only what was not a change, a refresh,
	 * stays: the model is asked what that was. */
	changeset_undo(b->cs, b->zone);
	lease_undo(b->table, b->cs->leases);
	for (unsigned i = 0; i < RECORDS; i++) {
		struct lease_record got;
		struct lease *lease;
		char text[80];

		print_record(text, i, "");
		m->records[i].is_there = lease_bench_has_record(b, text);
		lease = lease_bench_find(b, text);
		m->records[i].is_leased = lease != NULL;
		if (!lease)
			continue;
		lease_describe(b->table, lease, &got);
		m->records[i].deadline_ms = got.deadline_ms;
		m->records[i].duration_s = got.duration_s;
		for (unsigned k = 0; k < KEYS; k++)
			if (name_is_equal(got.key, lease_bench_name(b, keys[k])))
				m->records[i].key = keys[k];
	}
}

static void do_prereqs(struct model *m)
{
	unsigned key = dice(m, KEYS), number = dice(m, RECORDS);
	char line[80];

	m->b->asked = (struct lease_terms){0};
	if (!m->records[number].is_there)
		return;
	snprintf(line, sizeof(line), "? h%u 0 ANY %s", number / DATA,
		type_of(number) == TYPE_A ? "A" : "TXT");
	lease_bench_update(m->b, keys[key], line);
	assert_null(m->b->cs->leases);
	for (unsigned i = 0; i < RECORDS; i++) {
		struct model_record *r = &m->records[i];

		if (i / DATA == number / DATA && type_of(i) == type_of(number) &&
			r->is_leased && strcmp(r->key, keys[key]) == 0)
			r->deadline_ms = m->b->now_ms + (int64_t)r->duration_s * 1000;
	}
}

/* ---- time ---- */

static void do_expiry(struct model *m)
{
	struct lease_bench *b = m->b;

	lease_bench_pass(b, dice(m, 1500));
	b->expiry.grace_ms = dice(m, 2) * 60 * 1000;
	lease_bench_expire(b, 1 + dice(m, 4));
	/* Whatever went: it was due; and all that is due goes. */
	for (unsigned i = 0; i < RECORDS; i++) {
		struct model_record *r = &m->records[i];
		bool is_due = r->is_leased && !m->held[i / DATA] &&
			r->deadline_ms + b->expiry.grace_ms <= b->now_ms;
		char text[80];

		print_record(text, i, "");
		if (is_due && !lease_bench_has_record(b, text))
			r->is_there = r->is_leased = false;
	}
	expect_all(m);
	lease_bench_expire_all(b);
	for (unsigned i = 0; i < RECORDS; i++) {
		struct model_record *r = &m->records[i];

		if (r->is_leased && !m->held[i / DATA] &&
			r->deadline_ms + b->expiry.grace_ms <= b->now_ms)
			r->is_there = r->is_leased = false;
	}
}

static void do_hold(struct model *m)
{
	unsigned owner = dice(m, OWNERS);
	char text[16];

	snprintf(text, sizeof(text), "h%u", owner);
	m->held[owner] = !m->held[owner];
	if (m->held[owner]) {
		assert_int_equal(
			lease_hold(m->b->table, lease_bench_name(m->b, text)), 0);
		return;
	}
	assert_int_equal(
		lease_release(m->b->table, lease_bench_name(m->b, text), m->b->now_ms),
		0);
	for (unsigned i = owner * DATA; i < (owner + 1) * DATA; i++)
		m->records[i].deadline_ms =
			m->b->now_ms + (int64_t)m->records[i].duration_s * 1000;
}

static void operations(void **state)
{
	static void (*const all[])(struct model * m) = {do_update, do_update, do_update,
		do_update, do_prereqs, do_expiry, do_hold};
	struct model m = {.b = *state, .random = 1};

	for (int i = 0; i < OPERATIONS; i++) {
		all[dice(&m, sizeof(all) / sizeof(all[0]))](&m);
		expect_all(&m);
		m.b->events[0] = '\0';
	}
}

/* ---- no memory ---- */

/* Everything about every lease, as octets. */
struct copy {
	char text[64 * 1024];
	size_t len;
	const struct lease_table *table;
};

static void copy_lease(const struct lease *lease, void *arg)
{
	struct copy *copy = arg;
	struct lease_record r;
	char owner[NAME_TEXT_MAX], key[NAME_TEXT_MAX];

	lease_describe(copy->table, lease, &r);
	copy->len += (size_t)snprintf(copy->text + copy->len,
		sizeof(copy->text) - copy->len,
		"%s %u %02x%02x %s %u %u %lld %lld %u %d\n", name_to_text(r.owner, owner),
		r.type, r.rdata[r.rdata_len - 1], r.rdata[0], name_to_text(r.key, key),
		r.source.family, r.duration_s, (long long)r.deadline_ms,
		(long long)r.seen_s, r.flags, lease_state(copy->table, lease));
	assert_true(copy->len < sizeof(copy->text));
}

static void copy_table(struct copy *copy, const struct lease_table *table)
{
	uint64_t cursor = 0;

	copy->len = 0;
	copy->table = table;
	do
		cursor = lease_table_scan(table, cursor, 100, copy_lease, copy);
	while (cursor);
	copy->len += (size_t)snprintf(copy->text + copy->len,
		sizeof(copy->text) - copy->len, "%zu stale, %zu held\n",
		lease_table_count_stale(table), lease_table_count_held(table));
}

struct failing {
	struct lease_bench *b;
	struct lease_update update;
	struct changeset *cs;
	struct update *expired;
	struct lease_changes *changes;
	uint64_t cursor;
};

/* Repeats it with the first, second ... allocation failing, until none fails. */
static void with_each_failing(struct failing *f, int (*operate)(struct failing *f))
{
	static struct copy before, after;
	long nth = 0;
	int r;

	copy_table(&before, f->b->table);
	for (;; nth++) {
		allowed = nth;
		r = operate(f);
		if (allowed >= 0) {
			allowed = -1;
			break;
		}
		/* A table that cannot grow only gets slower, so that it has succeeded. */
		if (r == 0)
			break;
		assert_int_equal(r, -ENOMEM);
		copy_table(&after, f->b->table);
		assert_string_equal(before.text, after.text);
		lease_bench_check(f->b);
	}
	assert_int_equal(r, 0);
	assert_true(nth > 0);
	lease_bench_check(f->b);
}

static int try_apply(struct failing *f)
{
	struct lease_changes *had = f->cs->leases;
	size_t count = had ? had->count : 0;
	int r = lease_apply(f->b->table, &f->update, f->cs);

	if (r < 0) {
		assert_ptr_equal(f->cs->leases, had);
		assert_int_equal(had ? had->count : 0, count);
	}
	return r;
}

static void applying(struct lease_bench *b, const char *key, const char *const *lines)
{
	struct update *update = message_update_of("dyn.example.", lines);
	struct failing f = {.b = b};
	struct verdict v = apply_update(b->zone, update, true, &f.cs);

	assert_string_equal(v.why, "");
	memcpy(b->key, lease_bench_name(b, key), NAME_MAX_LEN);
	b->subject.key = b->key;
	f.update = (struct lease_update){b->zone, &b->policy, &b->subject, update,
		&b->granted, b->now_ms, b->real_s};
	with_each_failing(&f, try_apply);
	update_free(update);
	changeset_unref(b->cs);
	b->cs = f.cs;
}

static int try_expire(struct failing *f)
{
	return lease_expire(f->b->table, &f->b->expiry, f->b->now_ms, 128, &f->expired);
}

static int try_finish(struct failing *f)
{
	return lease_finish_expiry(f->b->table, f->expired, f->b->now_ms, f->cs);
}

static int try_withdraw(struct failing *f)
{
	return lease_withdraw(f->b->table, f->b->zone, f->b->cs, f->b->now_ms, f->cs);
}

static int try_sweep(struct failing *f)
{
	return lease_sweep(f->b->table, f->b->zone, &f->cursor, SIZE_MAX, &f->changes);
}

static void no_memory(void **state)
{
	static const char *const add[] = {"h1 300 IN A 10.0.0.1", "h1 300 IN TXT a",
		"h2 300 IN A 10.0.0.2", "h3 300 IN A 10.0.0.3", "h4 300 IN A 10.0.0.4",
		"h4 300 IN A 10.0.0.5", "h4 300 IN A 10.0.0.6", "h4 300 IN A 10.0.0.7",
		"h5 300 IN A 10.0.0.5", "h6 300 IN A 10.0.0.6", "h7 300 IN A 10.0.0.7",
		"h8 300 IN A 10.0.0.8", "h9 300 IN A 10.0.0.9", NULL};
	static const char *const change[] = {"h1 0 ANY ANY", "h2 300 IN A 10.0.0.9",
		"h3 300 IN A 10.0.0.3", "h4 0 NONE A 10.0.0.5", "h5 300 IN A 10.0.0.5",
		"h10 300 IN A 10.0.0.10", NULL};
	struct lease_bench *b = *state;
	struct failing f = {.b = b};
	struct verdict v;

	applying(b, "hour.", add);
	assert_int_equal(lease_bench_changes(b), 13);
	b->subject.source = (struct ip_address){.family = 6, .octets = {1}};
	lease_bench_pass(b, 3200);
	assert_int_equal(lease_bench_expire(b, 128), 0);
	b->granted = (struct lease_terms){4, ASKED_S, ASKED_S};
	applying(b, "adopt.", change);
	assert_int_equal(lease_bench_changes(b), 7);
	lease_bench_pass(b, 400);
	with_each_failing(&f, try_expire);
	assert_int_equal(f.expired->change_count, 8);
	changeset_unref(b->cs);
	v = apply_update(b->zone, f.expired, true, &b->cs);
	assert_string_equal(v.why, "");
	f.cs = b->cs;
	with_each_failing(&f, try_finish);
	assert_int_equal(lease_bench_changes(b), 8);
	update_free(f.expired);
	assert_int_equal(apply_withdrawal(b->zone, b->cs, true, &f.cs), 0);
	with_each_failing(&f, try_withdraw);
	assert_int_equal(f.cs->leases->count, 8);
	changeset_unref(f.cs);
	lease_bench_pass(b, 1);
	lease_expire_now(b->table, lease_bench_name(b, "h2"), b->now_ms);
	applying(b, "perm.", (const char *[]){"h2 0 ANY ANY", NULL});
	lease_undo(b->table, b->cs->leases);
	with_each_failing(&f, try_sweep);
	assert_int_equal(f.changes->count, 2);
	lease_changes_free(f.changes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LEASES(operations),
		WITH_LEASES(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
