/* Record sets of the agent as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "agent_records.h"

#include "agent/records/record_text.h"
#include "zones/rdata.h"

static const uint8_t zone[] = "\003dyn\007example";

static bool add_claim(struct records *set, const char *line)
{
	char owner[256], type[32], more[2];
	uint8_t name[NAME_MAX_LEN];

	if (sscanf(line, "%255s %31s %1s", owner, type, more) != 2 ||
		!rdata_type_from_name(type))
		return false;
	assert_int_equal(name_from_text(name, owner, zone), 0);
	assert_int_equal(records_add_claim(set, name, rdata_type_from_name(type)), 0);
	return true;
}

void agent_records_add(struct records *set, const char *const *lines)
{
	char why[RECORD_WHY_MAX] = "";

	for (; *lines; lines++)
		if (!add_claim(set, *lines) &&
			record_text_parse(set, *lines, zone, 300, why))
			fail_msg("%s: %s", *lines, why);
	records_sort(set);
}

const char *agent_records_text(const struct records *set, char buf[RECORDS_TEXT_MAX])
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < set->count; i++) {
		char text[RECORD_TEXT_MAX], *suffix;

		record_to_text(&set->items[i], text);
		suffix = strstr(text, ".dyn.example. ");
		if (suffix)
			memmove(suffix, suffix + strlen(".dyn.example."),
				strlen(suffix + strlen(".dyn.example.")) + 1);
		at += (size_t)snprintf(buf + at, RECORDS_TEXT_MAX - at, "%s|", text);
		assert_true(at < RECORDS_TEXT_MAX);
	}
	return buf;
}
