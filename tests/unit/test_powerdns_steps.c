/* A zone's answer that is read in steps, and only as far as it is wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include "gateway/target/powerdns_steps.h"
#include "message.h"

#define HEAD "{\"name\":\"example.\",\"kind\":\"Native\",\"rrsets\":["
#define RRSET(name, type, content, disabled)                                             \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"ttl\":60,\"records\":"           \
	"[{\"content\":\"" content "\",\"disabled\":" disabled "}]}"
#define SOA RRSET("example.", "SOA", "ns.example. root.example. 7 1 2 3 4", "false")

enum { HOSTS = 2 * POWERDNS_STEP_RRSETS }; /* and the SOA: a third step */

static const struct name_seed seed = {{1, 2}};

static struct powerdns_reading *read_text(const char *text, enum powerdns_want want)
{
	struct powerdns_reading *reading = powerdns_reading_new(
		strdup(text), strlen(text), message_name("example."), &seed, want);

	assert_non_null(reading);
	return reading;
}

static struct powerdns_reading *read_hosts(const char *end)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	struct powerdns_reading *reading;

	assert_non_null(to);
	fputs(HEAD SOA, to);
	for (int i = 0; i < HOSTS; i++)
		fprintf(to, "," RRSET("h%d.example.", "A", "192.0.2.1", "false"), i);
	fputs(end, to);
	assert_int_equal(fclose(to), 0);
	reading = read_text(text, POWERDNS_WANT_CONTENT);
	free(text);
	return reading;
}

/* ---- in turns ---- */

struct bench {
	struct turn_clock clock;
	struct alarms alarms;
	struct powerdns_steps steps;
	unsigned turns;
	bool is_done;
	int result;
	struct powerdns_zone zone;
};

static int begin(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	turn_clock_set(&bench->clock, 1000, 1000);
	assert_int_equal(alarms_init(&bench->alarms, &bench->clock, NULL), 0);
	powerdns_steps_init(&bench->steps, &bench->alarms);
	*state = bench;
	return 0;
}

static int end(void **state)
{
	struct bench *bench = *state;

	powerdns_steps_clear(&bench->steps);
	powerdns_zone_clear(&bench->zone);
	alarms_clear(&bench->alarms);
	free(bench);
	return 0;
}

static void on_read(void *arg, int result, struct powerdns_reading *reading)
{
	struct bench *bench = arg;

	assert_false(bench->is_done);
	bench->is_done = true;
	bench->result = result;
	if (!result)
		bench->zone = powerdns_reading_take(reading);
	else
		assert_string_not_equal(powerdns_reading_why(reading), "");
}

static void read_in_turns(struct bench *bench, struct powerdns_reading *reading)
{
	powerdns_steps_begin(&bench->steps, reading, on_read, bench);
	for (bench->turns = 1; !bench->is_done; bench->turns++)
		alarms_ring_due(&bench->alarms);
}

static void a_large_zone_takes_several_turns(void **state)
{
	struct bench *bench = *state;

	read_in_turns(bench, read_hosts("]}"));
	assert_int_equal(bench->turns, 3);
	assert_int_equal(bench->result, 0);
	assert_int_equal(zone_count_records(bench->zone.content), HOSTS + 1);
	assert_int_equal(bench->zone.served, 7);
}

static void what_is_wrong_at_the_end_is_found(void **state)
{
	struct bench *bench = *state;

	read_in_turns(bench, read_hosts("}"));
	assert_int_equal(bench->turns, 3);
	assert_int_equal(bench->result, -EBADMSG);
}

/* It begins again, with the octet escaped. */
static void latin_1_near_the_end_is_read(void **state)
{
	struct bench *bench = *state;
	const char *name = "g.example.";

	read_in_turns(bench,
		read_hosts("," RRSET("g.example.", "TXT", "\\\"\xe9\\\"", "false") "]}"));
	assert_int_equal(bench->turns, 6);
	assert_int_equal(bench->result, 0);
	assert_non_null(zone_find(bench->zone.content, message_name(name), TYPE_TXT));
}

static void a_reading_can_be_given_up(void **state)
{
	struct bench *bench = *state;

	powerdns_steps_begin(&bench->steps, read_hosts("]}"), on_read, bench);
	powerdns_steps_clear(&bench->steps);
	alarms_ring_due(&bench->alarms);
	assert_false(bench->is_done);
}

/* ---- what is wanted ---- */

static void a_delivery_needs_no_content(void **state)
{
	struct powerdns_reading *reading = read_text(HEAD SOA
		"," RRSET("a.example.", "A", "192.0.2.1", "false") "," RRSET(
			"b.example.", "A", "192.0.2.2", "true") "," RRSET("c.example.",
			"TXT", "\\\"\\\\099\\\"", "false") "]}",
		POWERDNS_WANT_TEXTS);
	struct powerdns_zone zone;

	(void)state;
	assert_int_equal(powerdns_reading_step(reading, SIZE_MAX), 0);
	zone = powerdns_reading_take(reading);
	powerdns_reading_free(reading);
	assert_null(zone.content);
	assert_non_null(zone.soa);
	assert_non_null(zone.parents);
	assert_int_equal(powerdns_texts_count(zone.disabled), 1);
	assert_int_equal(powerdns_texts_count(zone.spelt), 1);
	powerdns_zone_clear(&zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_large_zone_takes_several_turns, begin, end),
		cmocka_unit_test_setup_teardown(
			what_is_wrong_at_the_end_is_found, begin, end),
		cmocka_unit_test_setup_teardown(latin_1_near_the_end_is_read, begin, end),
		cmocka_unit_test_setup_teardown(a_reading_can_be_given_up, begin, end),
		cmocka_unit_test(a_delivery_needs_no_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
