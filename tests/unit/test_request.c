/*
 * Requests: their states; and updates that no DNS message brought, which the zone thread
 * judges, stores and answers like any other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/journal/row_text.h"
#include "gateway/listener/intake.h"
#include "tests/scenarios/gateway.h"
#include "tests/unit/store_memory.h"
#include "zones/update_builder.h"

#define WIRE(text) ((const uint8_t *)(text)) /* the final zero is the root label */
#define APEX       WIRE("\003dyn\007example")
#define HOST       WIRE("\001a\003dyn\007example")
#define OTHER      WIRE("\001b\003dyn\007example")
#define TOKEN      WIRE("\005token\007example")

/* ---- states ---- */

static void states_follow_each_other(void **state)
{
	static const struct {
		enum request_state from;
		const char *to; /* a letter for each state */
	} ways[] = {
		{REQUEST_RECEIVED, "j"},
		{REQUEST_JUDGED, "cdta"},
		{REQUEST_COMMITTING, "jda"},
		{REQUEST_DELIVERING, "jca"},
		{REQUEST_JOINED, "a"},
		{REQUEST_ANSWERED, ""},
	};
	static const char letters[] = {[REQUEST_RECEIVED] = 'r',
		[REQUEST_JUDGED] = 'j',
		[REQUEST_COMMITTING] = 'c',
		[REQUEST_DELIVERING] = 'd',
		[REQUEST_JOINED] = 't',
		[REQUEST_ANSWERED] = 'a'};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		for (size_t to = 0; to < sizeof(letters); to++) {
			struct request request = {.state = ways[i].from};
			const bool may = strchr(ways[i].to, letters[to]) != NULL;

			assert_int_equal(
				request_set_state(&request, (enum request_state)to), may);
			assert_int_equal(request.state, may ? to : ways[i].from);
		}
	}
}

/* ---- without a message ---- */

/* Takes requests that do not come by DNS. */
struct door {
	struct gateway gateway;
	struct mailbox mailbox;
};

/* A request that came that way, with a token, say, which signs nothing. */
struct visit {
	struct request request; /* first */
	struct signer signer;
};

static const struct signer_kind by_token = {.is_repeatable = false};

static int open_door(void **state)
{
	static const char text[] = "@ 300 IN SOA ns hostmaster 1 3600 900 604800 300\n"
				   "@ 300 IN NS ns\n"
				   "ns 300 IN A 192.0.2.53\n";
	struct door *door = calloc(1, sizeof(*door));
	struct gateway_zone *zone;

	assert_non_null(door);
	*state = door;
	assert_int_equal(gateway_init(&door->gateway, 1700000000), 0);
	zone = gateway_add_zone(&door->gateway, APEX);
	assert_non_null(zone);
	zone->text = strdup(text);
	zone->rules[zone->rule_count++].words = strdup("key=token.example. names=a "
						       "types=A match=name");
	assert_non_null(zone->text);
	assert_non_null(zone->rules[0].words);
	assert_int_equal(gateway_ready(&door->gateway), 0);
	assert_int_equal(queue_init(&door->mailbox.queue), 0);
	door->mailbox.number = 1;
	assert_int_equal(
		zone_threads_add_mailbox(door->gateway.threads, &door->mailbox), 0);
	return 0;
}

static int close_door(void **state)
{
	struct door *door = *state;

	gateway_clear(&door->gateway);
	queue_clear(&door->mailbox.queue);
	free(door);
	return 0;
}

static struct update *make_update(const uint8_t *owner)
{
	static const uint8_t address[] = {192, 0, 2, 1};
	const struct rr rr = {.owner = owner,
		.type = TYPE_A,
		.class = CLASS_IN,
		.ttl = 60,
		.rdata = address,
		.rdata_len = sizeof(address)};
	struct update_builder b;
	struct update *update;

	update_builder_init(&b, APEX);
	update_builder_add(&b, &rr);
	assert_int_equal(update_builder_finish(&b, &update), 0);
	return update;
}

/* Makes a request, and sends it to the zone thread. */
static struct visit *enter(struct door *door, const uint8_t *owner)
{
	struct gateway *gateway = &door->gateway;
	struct visit *visit = calloc(1, sizeof(*visit));
	struct request *request = &visit->request;

	assert_non_null(visit);
	visit->signer = (struct signer){.kind = &by_token, .name = TOKEN};
	request_init(request, gateway->config);
	request->kind = REQUEST_UPDATE;
	request->real_s = gateway_now_s(gateway);
	request->zone = config_find_zone(gateway->config, APEX);
	request->subject = (struct policy_subject){.key = TOKEN,
		.source = {.family = 4, .octets = {192, 0, 2, 7}},
		.transport = POLICY_TCP};
	request->port = 4711;
	request->signer = &visit->signer;
	request->reply = &door->mailbox;
	request->update = make_update(owner);
	request->verdict = intake_judge_update(request);
	assert_true(request_set_state(request, REQUEST_JUDGED));
	queue_push_one(zone_threads_queue(gateway->threads, 0), &request->node);
	return visit;
}

/* The next one that is answered; NULL: none. */
static struct visit *next_answer(struct door *door)
{
	struct queue_list list;
	struct queue_node *node;

	assert_int_equal(gateway_settle(&door->gateway), 0);
	queue_list_init(&list);
	queue_take_all(&door->mailbox.queue, &list);
	node = queue_list_take(&list);
	if (list.head)
		queue_push(&door->mailbox.queue, &list);
	return (struct visit *)(void *)node;
}

static void leave(struct visit *visit, enum rcode rcode)
{
	assert_int_equal(visit->request.state, REQUEST_ANSWERED);
	assert_int_equal(visit->request.verdict.rcode, rcode);
	request_clear(&visit->request);
	free(visit);
}

static bool zone_has(struct door *door, const uint8_t *owner)
{
	struct zone *zone = gateway_content(&door->gateway, APEX);
	bool has;

	assert_non_null(zone);
	has = zone_is_name_in_use(zone, owner);
	zone_free(zone);
	return has;
}

struct expected_row {
	uint64_t id;
	enum rcode rcode;
	bool is_found;
};

static int look_at_row(const struct store_row *row, void *arg)
{
	struct expected_row *expected = arg;
	char source[ROW_SOURCE_MAX], text[UPDATE_TEXT_MAX];

	if (row->transaction != expected->id)
		return 0;
	expected->is_found = true;
	assert_int_equal(row->rcode, expected->rcode);
	assert_true(name_is_equal(row->key, TOKEN));
	assert_null(row->mac);
	assert_string_equal(row_source_text(row, source), "192.0.2.7#4711/tcp");
	assert_non_null(strstr(row_request_text(row, text), "192.0.2.1"));
	return 0;
}

static void check_row(struct door *door, uint64_t id, enum rcode rcode)
{
	struct expected_row expected = {.id = id, .rcode = rcode};
	const struct store_filter filter = {.limit = 100};
	char error[STORE_ERROR_MAX];
	struct store *store;
	uint64_t next;

	assert_int_equal(
		store_memory.open(&store, door->gateway.config->database, error), 0);
	assert_int_equal(
		store_memory.each_row(store, &filter, &next, look_at_row, &expected), 0);
	store_memory.close(store);
	assert_true(expected.is_found);
}

static void an_update_is_executed_and_stored(void **state)
{
	struct door *door = *state;
	struct visit *visit = enter(door, HOST);
	const uint64_t id = visit->request.id;

	assert_ptr_equal(next_answer(door), visit);
	leave(visit, RCODE_NOERROR);
	assert_true(zone_has(door, HOST));
	check_row(door, id, RCODE_NOERROR);
}

static void one_that_no_rule_allows_is_refused_and_stored(void **state)
{
	struct door *door = *state;
	struct visit *visit = enter(door, OTHER);
	const uint64_t id = visit->request.id;

	assert_ptr_equal(next_answer(door), visit);
	leave(visit, RCODE_REFUSED);
	assert_false(zone_has(door, OTHER));
	check_row(door, id, RCODE_REFUSED);
}

/* The second does not count as a repetition of the first, since nobody could have
 * repeated that, but as a heartbeat: it waits for the change that it found, and shares
 * its fate. */
static void the_same_again_waits_for_the_first(void **state)
{
	struct door *door = *state;
	struct visit *first, *second;

	gateway_hold_journal(&door->gateway);
	first = enter(door, HOST);
	second = enter(door, HOST);
	assert_null(next_answer(door));
	assert_int_equal(first->request.state, REQUEST_COMMITTING);
	assert_int_equal(second->request.state, REQUEST_COMMITTING);
	gateway_fail_journal(&door->gateway, 1);
	assert_int_equal(gateway_release_journal(&door->gateway), 0);
	for (int i = 0; i < 2; i++)
		leave(next_answer(door), RCODE_SERVFAIL);
	assert_false(zone_has(door, HOST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_follow_each_other),
		cmocka_unit_test_setup_teardown(
			an_update_is_executed_and_stored, open_door, close_door),
		cmocka_unit_test_setup_teardown(
			one_that_no_rule_allows_is_refused_and_stored, open_door,
			close_door),
		cmocka_unit_test_setup_teardown(
			the_same_again_waits_for_the_first, open_door, close_door),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
