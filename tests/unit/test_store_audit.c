/* What administrators read from the store. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/journal/row_text.h"
#include "gateway/journal/store.h"
#include "tests/unit/message.h"
#include "tests/unit/store_place.h"

/* Numbers of rows seen, as text: "3 2 1". */
struct seen {
	char text[256];
	unsigned count;
	unsigned with_changes;
	int answer;
};

static int see(const struct store_row *row, void *arg)
{
	struct seen *seen = arg;
	const size_t len = strlen(seen->text);

	snprintf(seen->text + len, sizeof(seen->text) - len, "%s%llu", len ? " " : "",
		(unsigned long long)row->seq);
	seen->count++;
	seen->with_changes += row->changes != NULL;
	return seen->answer;
}

#define ASSERT_ROWS(place, expected, ...)                                                \
	do {                                                                             \
		const struct store_filter filter = {.limit = 100, __VA_ARGS__};          \
		struct seen seen = {.text = ""};                                         \
		uint64_t next;                                                           \
                                                                                         \
		assert_int_equal((place)->ops->each_row(                                 \
					 (place)->store, &filter, &next, see, &seen),    \
			0);                                                              \
		assert_string_equal(seen.text, expected);                                \
	} while (0)

static void put(struct store_place *place, struct store_row row)
{
	row.at_ms = 1700000000000 + (int64_t)row.seq;
	assert_int_equal(place->ops->append(place->store, &row), 0);
}

static void put_event(
	struct store_place *place, uint64_t seq, const char *event, const char *host)
{
	put(place,
		(struct store_row){.seq = seq,
			.zone = 1,
			.event = event,
			.host = host ? message_name(host) : NULL});
}

/* Of host1.example.: 1, 2 (refused), 4; of another key 3; 5 and 6 nobody's.  1 and 3 are
 * written together, and 2, which stands between them, alone. */
static void fill(struct store_place *place)
{
	struct update *update = message_update_of("example.",
		(const char *[]){
			"a.example. 0 ANY A", "b.example. 60 IN A 192.0.2.1", NULL});
	uint8_t request[STORE_REQUEST_MAX];

	assert_int_equal(place->ops->begin(place->store), 0);
	store_place_append(place, 1, 1, "a 60 IN A 192.0.2.1");
	put(place,
		(struct store_row){.seq = 3,
			.zone = 2,
			.key = message_name("other.example."),
			.rcode = RCODE_REFUSED,
			.request = request,
			.request_len = update_encode(update, request, sizeof(request))});
	update_free(update);
	assert_int_equal(place->ops->commit(place->store), 0);
	store_place_append(place, 2, 2, NULL);
	assert_int_equal(place->ops->begin(place->store), 0);
	store_place_append(place, 1, 4, "b 60 IN A 192.0.2.1");
	assert_int_equal(place->ops->commit(place->store), 0);
	put_event(place, 5, "stale", "a.example.");
	put_event(place, 6, "brake", NULL);
}

static void rows_come_in_both_directions(void **state)
{
	struct store_place *place = *state;

	fill(place);
	ASSERT_ROWS(place, "1 2 3 4 5 6", .zone = 0);
	ASSERT_ROWS(place, "6 5 4 3 2 1", .is_newest_first = true);
	ASSERT_ROWS(place, "4 5 6", .after = 3);
	ASSERT_ROWS(place, "2 3", .after = 1, .before = 4);
	ASSERT_ROWS(place, "3 2", .after = 1, .before = 4, .is_newest_first = true);
	ASSERT_ROWS(place, "", .after = 6);
}

static void rows_are_filtered(void **state)
{
	struct store_place *place = *state;

	fill(place);
	ASSERT_ROWS(place, "1 4 5 6", .zone = 1);
	ASSERT_ROWS(place, "3", .key = message_name("other.example."));
	ASSERT_ROWS(place, "1 2 4", .key = message_name("host1.example."));
	ASSERT_ROWS(place, "5 6", .events_only = true);
	ASSERT_ROWS(place, "1 3 5", .name = message_name("a.example."));
	ASSERT_ROWS(place, "3 4", .name = message_name("b.example."));
	ASSERT_ROWS(place, "1 4", .name = message_name("example.")); /* the SOA */
	ASSERT_ROWS(place, "", .name = message_name("c.example."));
	ASSERT_ROWS(place, "4", .name = message_name("b.example."), .zone = 1);
}

static int check_row(const struct store_row *row, void *arg)
{
	char buf[UPDATE_TEXT_MAX];

	assert_int_equal(row->seq, 3);
	assert_int_equal(row->zone, 2);
	assert_int_equal(row->at_ms, 1700000000003);
	assert_int_equal(row->transaction, 0x8000000000000001);
	assert_string_equal(row_key_text(row, buf), row->event ? "" : "key.");
	assert_string_equal(row_source_text(row, buf), "2001:db8::1#53/tcp");
	assert_int_equal(row->rcode, RCODE_NXRRSET);
	assert_string_equal(row->reason, "why");
	assert_int_equal(row->request_len, 4);
	assert_memory_equal(row->request, "what", 4);
	assert_null(row_request_text(row, buf)); /* it is no update */
	if (row->event) {
		assert_string_equal(row->event, "word");
		assert_true(name_is_equal(row->host, message_name("h.example.")));
	}
	assert_int_equal(row->changes->count, 2);
	++*(int *)arg;
	return 0;
}

/* An event stands alone, an update among others. */
static void check_written(struct store_place *place, const struct store_row *row)
{
	const struct store_filter filter = {
		.limit = 1, .wants_changes = true, .after = 2};
	uint64_t next;
	int count = 0;

	assert_int_equal(place->ops->begin(place->store), 0);
	put(place, (struct store_row){.seq = 2, .zone = 1});
	put(place, *row);
	put(place, (struct store_row){.seq = 4, .zone = 1});
	assert_int_equal(place->ops->commit(place->store), 0);
	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, check_row, &count), 0);
	assert_int_equal(count, 1);
}

static void a_row_is_as_it_was_written(struct store_place *place, bool is_event)
{
	struct changeset *cs = store_place_changes("a 60 IN A 192.0.2.1");
	struct store_row row = {.seq = 3,
		.zone = 2,
		.transaction = 0x8000000000000001,
		.source = {{.family = 6, .octets = {0x20, 1, 0xd, 0xb8, [15] = 1}}, 53,
			STORE_TCP},
		.rcode = RCODE_NXRRSET,
		.reason = "why",
		.request = (const uint8_t *)"what",
		.request_len = 4,
		.changes = cs};

	if (is_event) {
		row.event = "word";
		row.host = message_name("h.example.");
	} else {
		row.key = message_name("key.");
	}
	check_written(place, &row);
	changeset_unref(cs);
}

static void an_event_is_as_it_was_written(void **state)
{
	a_row_is_as_it_was_written(*state, true);
}

static void an_update_is_as_it_was_written(void **state)
{
	a_row_is_as_it_was_written(*state, false);
}

static int see_outcome(const struct store_row *row, void *arg)
{
	char *seen = arg;

	sprintf(seen + strlen(seen), "%d %d %s %d\n", (int)row->seq, row->rcode,
		row->reason ? row->reason : "-", row->changes != NULL);
	return 0;
}

/* For a row among others, for one in the same transaction, and twice. */
static void an_outcome_can_be_corrected(void **state)
{
	struct store_place *place = *state;
	const struct store_filter all = {.limit = 9, .wants_changes = true};
	const struct store_ops *ops = place->ops;
	char outcomes[256] = "";
	uint64_t after, count;

	assert_int_equal(ops->begin(place->store), 0);
	store_place_append(place, 1, 1, "a 60 IN A 192.0.2.1");
	store_place_append(place, 1, 2, "b 60 IN A 192.0.2.1");
	store_place_append(place, 1, 3, "c 60 IN A 192.0.2.1");
	assert_int_equal(ops->commit(place->store), 0);
	assert_int_equal(ops->begin(place->store), 0);
	store_place_append(place, 1, 4, "d 60 IN A 192.0.2.1");
	assert_int_equal(ops->set_outcome(place->store, 4, RCODE_REFUSED, "no"), 0);
	assert_int_equal(ops->set_outcome(place->store, 2, RCODE_SERVFAIL, "first"), 0);
	assert_int_equal(ops->set_outcome(place->store, 2, RCODE_REFUSED, "then"), 0);
	assert_int_equal(ops->set_outcome(place->store, 7, RCODE_REFUSED, "none"), 0);
	store_place_append(place, 1, 5, NULL);
	assert_int_equal(ops->commit(place->store), 0);
	assert_int_equal(
		ops->each_row(place->store, &all, &after, see_outcome, outcomes), 0);
	assert_string_equal(
		outcomes, "1 0 - 1\n2 5 then 1\n3 0 - 1\n4 5 no 1\n5 5 because 0\n");
	ASSERT_ROWS(place, "5 4 3 2 1", .is_newest_first = true);
	assert_int_equal(ops->count_changes(place->store, 1, 0, 9, &count), 0);
	assert_int_equal(count, 4);
}

static void changes_come_only_to_who_wants_them(void **state)
{
	struct store_place *place = *state;
	struct store_filter filter = {.limit = 100, .name = message_name("a.example.")};
	struct seen seen = {.text = ""};
	uint64_t next;

	fill(place);
	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, see, &seen), 0);
	assert_int_equal(seen.with_changes, 0);
	filter.wants_changes = true;
	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, see, &seen), 0);
	assert_int_equal(seen.with_changes, 1);
}

static void reading_goes_on_where_it_stopped(void **state)
{
	struct store_place *place = *state;
	struct store_filter filter = {.limit = 2};
	struct seen seen = {.text = ""};
	uint64_t next;

	fill(place);
	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, see, &seen), 0);
	assert_int_equal(next, 2);
	filter.after = next;
	filter.limit = 100;
	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, see, &seen), 0);
	assert_int_equal(next, 0);
	assert_string_equal(seen.text, "1 2 3 4 5 6");
	seen.text[0] = '\0';
	filter = (struct store_filter){.limit = 4, .is_newest_first = true};
	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, see, &seen), 0);
	assert_int_equal(next, 3);
	filter.before = next;
	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, see, &seen), 0);
	assert_int_equal(next, 0);
	assert_string_equal(seen.text, "6 5 4 3 2 1");
}

static void fill_many(struct store_place *place, unsigned count)
{
	assert_int_equal(place->ops->begin(place->store), 0);
	for (unsigned i = 1; i <= count; i++)
		put(place,
			(struct store_row){
				.seq = i, .zone = 1, .transaction = i % 3 ? i * 10 : 0});
	assert_int_equal(place->ops->commit(place->store), 0);
}

static void one_call_does_not_read_for_ever(void **state)
{
	struct store_place *place = *state;
	struct store_filter filter = {.limit = 1, .zone = 7};
	struct seen seen = {.text = ""};
	unsigned calls = 0;

	fill_many(place, 25000);
	put(place, (struct store_row){.seq = 25001, .zone = 7});
	do {
		assert_int_equal(place->ops->each_row(place->store, &filter,
					 &filter.after, see, &seen),
			0);
		calls++;
	} while (filter.after && !seen.count);
	assert_string_equal(seen.text, "25001");
	assert_true(calls > 1);
}

static void a_visitor_may_stop(void **state)
{
	struct store_place *place = *state;
	const struct store_filter filter = {.limit = 100};
	struct seen seen = {.answer = -ECANCELED};
	uint64_t next;

	fill(place);
	assert_int_equal(place->ops->each_row(place->store, &filter, &next, see, &seen),
		-ECANCELED);
	assert_int_equal(seen.count, 1);
}

/* Calls it as often as it takes, *ret_calls times. */
static uint64_t find_in(
	struct store_place *place, uint64_t transaction, unsigned *ret_calls)
{
	uint64_t seq = 99, at = 0;

	*ret_calls = 0;
	do {
		assert_int_equal(place->ops->find_transaction(
					 place->store, transaction, &at, &seq),
			0);
		++*ret_calls;
	} while (at && !seq);
	return seq;
}

static uint64_t find(struct store_place *place, uint64_t transaction)
{
	unsigned calls;

	return find_in(place, transaction, &calls);
}

static void a_transaction_is_found(void **state)
{
	struct store_place *place = *state;

	assert_int_equal(find(place, 10), 0);
	fill_many(place, 50000);
	assert_int_equal(find(place, 10), 1);
	assert_int_equal(find(place, 20), 2);
	assert_int_equal(find(place, 300010), 30001);
	assert_int_equal(find(place, 500000), 50000);
	assert_int_equal(find(place, 500010), 0);
	assert_int_equal(find(place, 300020 + 1), 0);
	assert_int_equal(find(place, 5), 0);
}

static void a_transaction_out_of_order_is_found_too(void **state)
{
	struct store_place *place = *state;

	fill_many(place, 50000);
	/* As if the clock had been set back. */
	put(place, (struct store_row){.seq = 50001, .zone = 1, .transaction = 15});
	put(place, (struct store_row){.seq = 50002, .zone = 1, .transaction = 900000});
	assert_int_equal(find(place, 15), 50001);
	assert_int_equal(find(place, 900000), 50002);
	assert_int_equal(find(place, 10), 1);
}

static void looking_for_a_transaction_takes_bounded_steps(void **state)
{
	struct store_place *place = *state;
	unsigned calls;

	fill_many(place, 50000);
	put(place, (struct store_row){.seq = 50001, .zone = 1, .transaction = 15});
	put(place,
		(struct store_row){.seq = 900000001, .zone = 1, .transaction = 1000000});
	/* Where it should be; the first rows; the others. */
	assert_int_equal(find_in(place, 15, &calls), 50001);
	assert_int_equal(calls, 3);
	/* And what is behind the gap. */
	assert_int_equal(find_in(place, 25, &calls), 0);
	assert_int_equal(calls, 4);
	assert_int_equal(find_in(place, 300010, &calls), 30001);
	assert_int_equal(calls, 1);
}

static void the_expired_are_those_who_have_not_come_back(void **state)
{
	struct store_place *place = *state;
	struct seen seen = {.text = ""};
	struct store_host_cursor at = {.is_set = false};
	const struct lease_record lease = {
		.owner = message_name("back.example."),
		.type = TYPE_A,
		.rdata_len = 4,
		.rdata = (const uint8_t *)"abcd",
		.key = message_name("key."),
	};

	put_event(place, 1, "stale", "gone.example.");
	put_event(place, 2, STORE_EVENT_EXPIRED, "gone.example.");
	put_event(place, 3, STORE_EVENT_EXPIRED, "back.example.");
	put_event(place, 4, STORE_EVENT_EXPIRED, "active.example.");
	put_event(place, 5, "active", "active.example.");
	put_event(place, 6, STORE_EVENT_EXPIRED, "also.example.");
	put_event(place, 7, "stale", "stale.example.");
	put(place,
		(struct store_row){.seq = 8,
			.zone = 2,
			.event = STORE_EVENT_EXPIRED,
			.host = message_name("other.")});
	assert_int_equal(place->ops->put_lease(place->store, 1, &lease), 0);
	assert_int_equal(
		place->ops->each_expired(place->store, 1, &at, 100, see, &seen), 0);
	assert_string_equal(seen.text, "6 2"); /* also, gone */
	assert_false(at.is_set);
	seen.text[0] = '\0';
	assert_int_equal(
		place->ops->each_expired(place->store, 1, &at, 1, see, &seen), 0);
	assert_string_equal(seen.text, "6");
	assert_true(at.is_set && name_is_equal(at.host, message_name("also.example.")));
	assert_int_equal(
		place->ops->each_expired(place->store, 1, &at, 1, see, &seen), 0);
	assert_string_equal(seen.text, "6 2");
}

/* 6000 hosts that are active stand before the one that has expired. */
static void looking_for_the_expired_takes_bounded_steps(void **state)
{
	struct store_place *place = *state;
	struct store_host_cursor at = {.is_set = false};
	struct seen seen = {.text = ""};
	char name[32];
	unsigned calls = 0;

	assert_int_equal(place->ops->begin(place->store), 0);
	for (unsigned i = 1; i <= 6000; i++) {
		snprintf(name, sizeof(name), "a%u.example.", i);
		put_event(place, i, "active", name);
	}
	assert_int_equal(place->ops->commit(place->store), 0);
	put_event(place, 6001, STORE_EVENT_EXPIRED, "zzzzzzzz.example.");
	do {
		assert_int_equal(
			place->ops->each_expired(place->store, 1, &at, 10, see, &seen),
			0);
		calls++;
	} while (at.is_set);
	assert_string_equal(seen.text, "6001");
	assert_int_equal(calls, 2);
}

static int see_last(const struct store_row *row, void *arg)
{
	struct seen *seen = arg;
	char key[NAME_TEXT_MAX], source[ROW_SOURCE_MAX];

	snprintf(seen->text, sizeof(seen->text), "%.20s %s %lld",
		row->key ? row_key_text(row, key) : "-",
		row->source.address.family ? row_source_text(row, source) : "-",
		(long long)row->seen_s);
	return 0;
}

static void an_event_tells_who_was_last_heard_of(void **state)
{
	struct store_place *place = *state;
	struct seen seen = {.text = ""};
	struct store_host_cursor at = {.is_set = false};

	put(place,
		(struct store_row){.seq = 1,
			.zone = 1,
			.event = STORE_EVENT_EXPIRED,
			.host = message_name("gone.example."),
			.key = message_name("key."),
			.source.address = {.family = 4, .octets = {192, 0, 2, 1}},
			.seen_s = 1234567890});
	assert_int_equal(
		place->ops->each_expired(place->store, 1, &at, 1, see_last, &seen), 0);
	at.is_set = false;
	assert_string_equal(seen.text, "key. 192.0.2.1 1234567890");
	put_event(place, 2, STORE_EVENT_EXPIRED, "gone.example.");
	assert_int_equal(
		place->ops->each_expired(place->store, 1, &at, 1, see_last, &seen), 0);
	at.is_set = false;
	assert_string_equal(seen.text, "- - 0");
}

static int see_aside(const struct store_set_aside *aside, void *arg)
{
	assert_int_equal(aside->zone, 4);
	assert_string_equal(aside->target, "ddns 192.0.2.53#53");
	assert_int_equal(aside->seq, 17);
	assert_int_equal(aside->at_ms, 1700000000000);
	assert_int_equal(aside->why.rcode, RCODE_REFUSED);
	assert_string_equal(aside->why.why, "not here");
	++*(int *)arg;
	return 0;
}

static void what_is_set_aside_is_listed(void **state)
{
	struct store_place *place = *state;
	const struct verdict why = verdict_refuse(RCODE_REFUSED, EDE_NONE, "not here");
	int count = 0;

	assert_int_equal(place->ops->each_set_aside(place->store, see_aside, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(place->ops->set_aside(place->store, 4, "ddns 192.0.2.53#53", 17,
				 1700000000000, &why),
		0);
	assert_int_equal(place->ops->each_set_aside(place->store, see_aside, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(
		place->ops->drop_aside(place->store, 4, "ddns 192.0.2.53#53", 16), 0);
	assert_int_equal(place->ops->each_set_aside(place->store, see_aside, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(
		place->ops->drop_aside(place->store, 4, "ddns 192.0.2.53#53", 17), 0);
	assert_int_equal(place->ops->each_set_aside(place->store, see_aside, &count), 0);
	assert_int_equal(count, 2);
}

static int see_zone(int64_t id, const uint8_t *name, void *arg)
{
	char text[NAME_TEXT_MAX];

	assert_true(id > 0);
	strcat(arg, name_to_text(name, text));
	return 0;
}

static void zones_are_listed(void **state)
{
	struct store_place *place = *state;
	char seen[64] = "";
	int64_t id;

	assert_int_equal(place->ops->zone_id(place->store, message_name("one."), &id), 0);
	assert_int_equal(place->ops->zone_id(place->store, message_name("two."), &id), 0);
	assert_int_equal(place->ops->each_zone(place->store, see_zone, seen), 0);
	assert_string_equal(seen, "one.two.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_PLACE_TEST(rows_come_in_both_directions),
		STORE_PLACE_TEST(rows_are_filtered),
		STORE_PLACE_TEST(an_event_is_as_it_was_written),
		STORE_PLACE_TEST(an_update_is_as_it_was_written),
		STORE_PLACE_TEST(an_outcome_can_be_corrected),
		STORE_PLACE_TEST(changes_come_only_to_who_wants_them),
		STORE_PLACE_TEST(reading_goes_on_where_it_stopped),
		STORE_PLACE_TEST(one_call_does_not_read_for_ever),
		STORE_PLACE_TEST(a_visitor_may_stop),
		STORE_PLACE_TEST(a_transaction_is_found),
		STORE_PLACE_TEST(a_transaction_out_of_order_is_found_too),
		STORE_PLACE_SQLITE_TEST(looking_for_a_transaction_takes_bounded_steps),
		STORE_PLACE_TEST(the_expired_are_those_who_have_not_come_back),
		STORE_PLACE_SQLITE_TEST(looking_for_the_expired_takes_bounded_steps),
		STORE_PLACE_TEST(an_event_tells_who_was_last_heard_of),
		STORE_PLACE_TEST(what_is_set_aside_is_listed),
		STORE_PLACE_TEST(zones_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
