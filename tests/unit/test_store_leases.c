/* The store's leases and holds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/journal/store.h"
#include "tests/unit/message.h"
#include "tests/unit/store_place.h"

static const uint8_t first_address[] = {192, 0, 2, 1};
static const uint8_t second_address[] = {192, 0, 2, 2};

static struct lease_record some_lease(const char *owner, const uint8_t *address)
{
	return (struct lease_record){
		.owner = message_name(owner),
		.type = TYPE_A,
		.rdata_len = 4,
		.rdata = address,
		.key = message_name("key.example."),
		.source = {4, {198, 51, 100, 7}},
		.duration_s = 3600,
		.deadline_ms = 5000000000000,
		.seen_s = 1700000000,
		.flags = LEASE_DERIVED,
	};
}

struct seen {
	unsigned count;
	struct lease_record last; /* without what it points to */
	uint8_t owner[NAME_MAX_LEN], key[NAME_MAX_LEN], rdata[16];
	int64_t latest_s; /* seen_s */
	struct ip_address latest_source;
	int answer; /* of the visitor */
};

static int see(const struct lease_record *lease, void *arg)
{
	struct seen *seen = arg;

	seen->count++;
	seen->last = *lease;
	if (lease->seen_s > seen->latest_s) {
		seen->latest_s = lease->seen_s;
		seen->latest_source = lease->source;
	}
	memcpy(seen->owner, lease->owner, name_len(lease->owner));
	memcpy(seen->key, lease->key, name_len(lease->key));
	assert_true(lease->rdata_len <= sizeof(seen->rdata));
	if (lease->rdata_len)
		memcpy(seen->rdata, lease->rdata, lease->rdata_len);
	return seen->answer;
}

static unsigned count_leases(struct store_place *place, int64_t zone)
{
	struct seen seen = {0};

	assert_int_equal(place->ops->each_lease(place->store, zone, see, &seen), 0);
	return seen.count;
}

static void put(
	struct store_place *place, int64_t zone, const char *owner, const uint8_t *a)
{
	const struct lease_record lease = some_lease(owner, a);

	assert_int_equal(place->ops->put_lease(place->store, zone, &lease), 0);
}

static void a_lease_comes_back_as_it_was(void **state)
{
	struct store_place *place = *state;
	struct seen seen = {0};

	put(place, 3, "h.example.", first_address);
	store_place_reopen(place);
	assert_int_equal(place->ops->each_lease(place->store, 3, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_true(name_is_equal(seen.owner, message_name("h.example.")));
	assert_true(name_is_equal(seen.key, message_name("key.example.")));
	assert_int_equal(seen.last.type, TYPE_A);
	assert_int_equal(seen.last.rdata_len, 4);
	assert_memory_equal(seen.rdata, first_address, 4);
	assert_int_equal(seen.last.source.family, 4);
	assert_int_equal(seen.last.source.octets[3], 7);
	assert_int_equal(seen.last.duration_s, 3600);
	assert_int_equal(seen.last.deadline_ms, 5000000000000);
	assert_int_equal(seen.last.seen_s, 1700000000);
	assert_int_equal(seen.last.flags, LEASE_DERIVED);
	assert_int_equal(count_leases(place, 4), 0);
}

static void extremes_come_back_as_they_were(void **state)
{
	struct store_place *place = *state;
	struct lease_record lease = some_lease("h.example.", first_address);
	struct seen seen = {0};

	lease.rdata = NULL;
	lease.rdata_len = 0;
	lease.source = (struct ip_address){6, {0x20, 1, [15] = 9}};
	lease.duration_s = UINT32_MAX;
	lease.deadline_ms = INT64_MAX;
	lease.seen_s = 0;
	assert_int_equal(place->ops->put_lease(place->store, 1, &lease), 0);
	assert_int_equal(place->ops->each_lease(place->store, 1, see, &seen), 0);
	assert_int_equal(seen.last.rdata_len, 0);
	assert_int_equal(seen.last.source.family, 6);
	assert_int_equal(seen.last.source.octets[15], 9);
	assert_int_equal(seen.last.duration_s, UINT32_MAX);
	assert_int_equal(seen.last.deadline_ms, INT64_MAX);
	lease.source = (struct ip_address){0};
	assert_int_equal(place->ops->put_lease(place->store, 1, &lease), 0);
	assert_int_equal(place->ops->each_lease(place->store, 1, see, &seen), 0);
	assert_int_equal(seen.last.source.family, 0);
	assert_int_equal(seen.count, 2); /* one each time */
	assert_int_equal(place->ops->remove_lease(place->store, 1, &lease), 0);
	assert_int_equal(count_leases(place, 1), 0);
}

static void a_lease_is_one_of_a_record(void **state)
{
	struct store_place *place = *state;
	struct lease_record lease = some_lease("h.example.", first_address);
	struct seen seen = {0};

	put(place, 1, "h.example.", first_address);
	put(place, 1, "h.example.", second_address);
	put(place, 1, "i.example.", first_address);
	put(place, 2, "h.example.", first_address);
	assert_int_equal(count_leases(place, 1), 3);
	lease.deadline_ms = 1;
	lease.flags = 0;
	assert_int_equal(place->ops->put_lease(place->store, 1, &lease), 0);
	assert_int_equal(count_leases(place, 1), 3);
	lease.type = TYPE_AAAA;
	assert_int_equal(place->ops->remove_lease(place->store, 1, &lease), 0);
	assert_int_equal(count_leases(place, 1), 3);
	lease.type = TYPE_A;
	assert_int_equal(place->ops->remove_lease(place->store, 1, &lease), 0);
	lease.rdata = second_address;
	assert_int_equal(place->ops->remove_lease(place->store, 1, &lease), 0);
	assert_int_equal(place->ops->each_lease(place->store, 1, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_true(name_is_equal(seen.owner, message_name("i.example.")));
	assert_int_equal(count_leases(place, 2), 1);
}

static void a_refreshed_lease_is_stored_as_it_is_now(void **state)
{
	struct store_place *place = *state;
	struct lease_record lease = some_lease("h.example.", first_address);
	struct seen seen = {0};

	assert_int_equal(place->ops->put_lease(place->store, 1, &lease), 0);
	lease.key = message_name("other.example.");
	lease.source.octets[3] = 8;
	lease.duration_s = 60;
	lease.deadline_ms = -5;
	lease.seen_s = 1800000000;
	lease.flags = LEASE_ALONE;
	assert_int_equal(place->ops->put_lease(place->store, 1, &lease), 0);
	assert_int_equal(place->ops->each_lease(place->store, 1, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_true(name_is_equal(seen.key, message_name("other.example.")));
	assert_int_equal(seen.last.source.octets[3], 8);
	assert_int_equal(seen.last.duration_s, 60);
	assert_int_equal(seen.last.deadline_ms, -5);
	assert_int_equal(seen.last.seen_s, 1800000000);
	assert_int_equal(seen.last.flags, LEASE_ALONE);
}

static void a_visitor_may_stop(void **state)
{
	struct store_place *place = *state;
	struct seen seen = {.answer = -ENOMEM};

	put(place, 1, "h.example.", first_address);
	put(place, 1, "h.example.", second_address);
	assert_int_equal(place->ops->each_lease(place->store, 1, see, &seen), -ENOMEM);
	assert_int_equal(seen.count, 1);
}

static void a_row_that_is_no_lease_is_an_error(void **state)
{
	struct store_place *place = *state;
	struct seen seen = {0};

	put(place, 1, "h.example.", first_address);
	store_place_execute(place->path, "UPDATE leases SET key = x'40'");
	assert_int_equal(place->ops->each_lease(place->store, 1, see, &seen), -EIO);
	assert_int_equal(seen.count, 0);
	store_place_execute(
		place->path, "UPDATE leases SET key = x'00', owner = x'0161'");
	assert_int_equal(place->ops->each_lease(place->store, 1, see, &seen), -EIO);
	store_place_execute(
		place->path, "UPDATE leases SET owner = x'00', rdata = zeroblob(65536)");
	assert_int_equal(place->ops->each_lease(place->store, 1, see, &seen), -EIO);
	assert_int_equal(seen.count, 0);
}

static int see_hold(const uint8_t *owner, void *arg)
{
	strncat(arg, (const char *)owner + 1, owner[0]);
	return 0;
}

static void holds_are_set_and_released(void **state)
{
	struct store_place *place = *state;
	char seen[32] = "";

	for (int i = 0; i < 2; i++)
		assert_int_equal(place->ops->put_hold(place->store, 1,
					 message_name("one.example."), true),
			0);
	assert_int_equal(
		place->ops->put_hold(place->store, 1, message_name("two.example."), true),
		0);
	assert_int_equal(place->ops->put_hold(
				 place->store, 2, message_name("other.example."), true),
		0);
	assert_int_equal(place->ops->put_hold(
				 place->store, 1, message_name("two.example."), false),
		0);
	assert_int_equal(place->ops->put_hold(
				 place->store, 1, message_name("two.example."), false),
		0);
	store_place_reopen(place);
	assert_int_equal(place->ops->each_hold(place->store, 1, see_hold, seen), 0);
	assert_string_equal(seen, "one");
}

/* The time when a host was last heard of is noted at its leases, but not at those of
 * another key or another host, and not at those that have a later time. */
static void who_was_seen_is_noted(void **state)
{
	struct store_place *place = *state;
	const struct lease_record mine = some_lease("h.example.", first_address);
	struct lease_record theirs = some_lease("h.example.", second_address);
	struct lease_record last = {.key = mine.key,
		.source = {6, {0x20, 1, 0xd, 0xb8}},
		.seen_s = mine.seen_s + 100};
	struct seen seen = {0};

	theirs.key = message_name("other.example.");
	put(place, 1, "below.h.example.", first_address);
	put(place, 2, "h.example.", first_address);
	assert_int_equal(place->ops->put_lease(place->store, 1, &theirs), 0);
	assert_int_equal(place->ops->note_seen(place->store, 1, mine.owner, &last), 0);
	assert_int_equal(place->ops->each_lease(place->store, 1, see, &seen), 0);
	assert_int_equal(place->ops->each_lease(place->store, 2, see, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.latest_s, mine.seen_s);
	put(place, 1, "h.example.", first_address);
	assert_int_equal(place->ops->note_seen(place->store, 1, mine.owner, &last), 0);
	last.seen_s -= 50;
	assert_int_equal(place->ops->note_seen(place->store, 1, mine.owner, &last), 0);
	store_place_reopen(place);
	assert_int_equal(place->ops->each_lease(place->store, 1, see, &seen), 0);
	assert_int_equal(seen.latest_s, mine.seen_s + 100);
	assert_int_equal(seen.latest_source.family, 6);
	assert_int_equal(seen.latest_source.octets[3], 0xb8);
	assert_int_equal(place->ops->each_lease(place->store, 2, see, &seen), 0);
	assert_int_equal(seen.last.seen_s, mine.seen_s);
}

static void what_is_rolled_back_never_was(void **state)
{
	struct store_place *place = *state;
	char held[32] = "";

	put(place, 1, "h.example.", first_address);
	assert_int_equal(place->ops->begin(place->store), 0);
	put(place, 1, "i.example.", first_address);
	assert_int_equal(
		place->ops->put_hold(place->store, 1, message_name("h.example."), true),
		0);
	place->ops->rollback(place->store);
	assert_int_equal(count_leases(place, 1), 1);
	assert_int_equal(place->ops->each_hold(place->store, 1, see_hold, held), 0);
	assert_string_equal(held, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_PLACE_TEST(a_lease_comes_back_as_it_was),
		STORE_PLACE_TEST(extremes_come_back_as_they_were),
		STORE_PLACE_TEST(a_lease_is_one_of_a_record),
		STORE_PLACE_TEST(a_refreshed_lease_is_stored_as_it_is_now),
		STORE_PLACE_TEST(a_visitor_may_stop),
		STORE_PLACE_SQLITE_TEST(a_row_that_is_no_lease_is_an_error),
		STORE_PLACE_TEST(holds_are_set_and_released),
		STORE_PLACE_TEST(who_was_seen_is_noted),
		STORE_PLACE_TEST(what_is_rolled_back_never_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
