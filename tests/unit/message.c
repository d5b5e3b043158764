/* UPDATE messages from lines of text, zones from text and back, for unit tests. */
#include "message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>
#include "zones/rdata.h"

enum { LINE_MAX_LEN = 4096, RING = 16 };

const uint8_t *message_name(const char *text)
{
	static uint8_t ring[RING][NAME_MAX_LEN];
	static unsigned turn;
	uint8_t *name = ring[turn++ % RING];

	if (name_from_text(name, text, NULL) < 0)
		fail_msg("not a name: %s", text);
	return name;
}

/* ---- messages ---- */

void message_begin_bare(struct message *m, const char *zone)
{
	memset(m->counts, 0, sizeof(m->counts));
	wire_writer_init(&m->w, m->octets, sizeof(m->octets), &m->names);
	wire_write_u16(&m->w, 0x1234);
	wire_write_u16(&m->w, OPCODE_UPDATE << 11);
	for (int i = 0; i < 4; i++)
		wire_write_u16(&m->w, 0);
	memcpy(m->zone, message_name(zone), name_len(message_name(zone)));
}

static void count_record(struct message *m, int section)
{
	m->counts[section]++;
	wire_put_u16(&m->w, 4 + 2 * (size_t)section, m->counts[section]);
	for (int later = section + 1; later < 4; later++)
		assert_int_equal(m->counts[later], 0);
}

void message_add_zone(struct message *m, const char *name, uint16_t type, uint16_t class)
{
	wire_write_name(&m->w, message_name(name));
	wire_write_u16(&m->w, type);
	wire_write_u16(&m->w, class);
	count_record(m, MESSAGE_ZONE);
}

void message_begin(struct message *m, const char *zone)
{
	message_begin_bare(m, zone);
	message_add_zone(m, zone, TYPE_SOA, CLASS_IN);
}

static void write_owner(struct message *m, const char *text)
{
	uint8_t owner[NAME_MAX_LEN];

	if (name_from_text(owner, text, m->zone) < 0)
		fail_msg("not a name: %s", text);
	wire_write_name(&m->w, owner);
}

void message_add_raw(struct message *m, int section, const char *owner, uint16_t type,
	uint16_t class, uint32_t ttl, const void *rdata, uint16_t len)
{
	write_owner(m, owner);
	wire_write_u16(&m->w, type);
	wire_write_u16(&m->w, class);
	wire_write_u32(&m->w, ttl);
	wire_write_u16(&m->w, len);
	if (len)
		wire_write_octets(&m->w, rdata, len);
	count_record(m, section);
	assert_false(m->w.failed);
}

static uint16_t class_from_text(const char *text)
{
	static const struct {
		const char *name;
		uint16_t class;
	} classes[] = {
		{"IN", CLASS_IN}, {"CH", 3}, {"NONE", CLASS_NONE}, {"ANY", CLASS_ANY}};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strcasecmp(text, classes[i].name) == 0)
			return classes[i].class;
	}
	fail_msg("not a class: %s", text);
	return 0;
}

void message_add(struct message *m, int section, const char *line)
{
	char owner[1024], class[16], type[16];
	uint8_t rdata[LINE_MAX_LEN];
	uint16_t type_code;
	unsigned ttl;
	int rest = 0, len = 0;

	if (sscanf(line, "%1023s %u %15s %15s %n", owner, &ttl, class, type, &rest) != 4)
		fail_msg("not a record: %s", line);
	type_code = rdata_type_from_name(type);
	if (!type_code)
		fail_msg("not a type: %s", type);
	if (line[rest])
		len = rdata_from_text(
			type_code, line + rest, m->zone, rdata, sizeof(rdata));
	if (len < 0)
		fail_msg("not RDATA: %s", line);
	message_add_raw(m, section, owner, type_code, class_from_text(class), ttl, rdata,
		(uint16_t)len);
}

void message_prereq(struct message *m, const char *line, ...)
{
	char text[LINE_MAX_LEN];
	va_list args;

	va_start(args, line);
	vsnprintf(text, sizeof(text), line, args);
	va_end(args);
	message_add(m, MESSAGE_PREREQ, text);
}

void message_change(struct message *m, const char *line, ...)
{
	char text[LINE_MAX_LEN];
	va_list args;

	va_start(args, line);
	vsnprintf(text, sizeof(text), line, args);
	va_end(args);
	message_add(m, MESSAGE_UPDATE, text);
}

struct verdict message_read(const struct message *m, struct update **ret_update)
{
	struct wire_message walked;
	struct verdict v = wire_walk(&walked, m->octets, m->w.at);

	if (!verdict_is_ok(&v))
		return v;
	return update_read(ret_update, m->octets, &walked);
}

struct update *message_update(const struct message *m)
{
	struct update *update = NULL;
	struct verdict v = message_read(m, &update);

	if (!verdict_is_ok(&v))
		fail_msg("rcode %u: %s", v.rcode, v.why);
	return update;
}

struct update *message_update_of(const char *zone, const char *const *lines)
{
	struct message *m = malloc(sizeof(*m));
	struct update *update;

	assert_non_null(m);
	message_begin(m, zone);
	for (; *lines; lines++)
		message_add(m, MESSAGE_UPDATE, *lines);
	update = message_update(m);
	free(m);
	return update;
}

struct changeset *message_apply(
	struct zone *zone, bool bump, enum rcode expected, const char *const *lines)
{
	struct update *update = message_update_of("example.", lines);
	struct changeset *cs = NULL;
	char *before = message_zone_text(zone);
	struct verdict v = apply_update(zone, update, bump, &cs);

	if (v.rcode != expected)
		fail_msg("rcode %u, not %u: %s", v.rcode, expected, v.why);
	if (v.rcode != RCODE_NOERROR)
		assert_null(cs);
	if (v.rcode != RCODE_NOERROR || cs->count == 0)
		message_assert_zone(zone, before);
	free(before);
	update_free(update);
	return cs;
}

/* ---- zones ---- */

void message_fill(struct zone *zone, const char *owner, unsigned count, uint16_t len)
{
	uint8_t *rdata = calloc(1, len);
	struct rr rr = {.owner = message_name(owner),
		.type = 65280,
		.ttl = 300,
		.class = CLASS_IN,
		.rdata = rdata,
		.rdata_len = len};

	assert_non_null(rdata);
	for (unsigned i = 0; i < count; i++) {
		rdata[0] = (uint8_t)(i >> 8);
		rdata[1] = (uint8_t)i;
		assert_int_equal(zone_load_rr(zone, &rr), 0);
	}
	free(rdata);
}

struct zone *message_make_zone(const char *apex, const char *text)
{
	struct zone *zone = zone_new(message_name(apex));
	char error[ZONE_ERROR_MAX] = "";
	FILE *file;

	assert_non_null(zone);
	file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	assert_non_null(file);
	if (zone_read_file(zone, file, error) < 0)
		fail_msg("%s", error);
	fclose(file);
	return zone;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts the lines of a text, leaving out empty ones and what indents them; free(). */
static char *sort_lines(const char *text)
{
	char *copy = strdup(text), *out = calloc(1, strlen(text) + 2), *save, *line;
	char **lines = calloc(strlen(text) + 1, sizeof(*lines));
	size_t count = 0;

	assert_true(copy && out && lines);
	for (line = strtok_r(copy, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		if (*line)
			lines[count++] = line;
	}
	qsort(lines, count, sizeof(*lines), compare_lines);
	line = out;
	for (size_t i = 0; i < count; i++)
		line += sprintf(line, "%s\n", lines[i]);
	free(copy);
	free(lines);
	return out;
}

static void print_record(FILE *to, const char *owner, unsigned ttl, uint16_t type,
	const uint8_t *rdata, uint16_t len)
{
	char type_name[RDATA_TYPE_NAME_MAX];
	char *text = rdata_to_text(type, rdata, len);

	assert_non_null(text);
	fprintf(to, "%s %u %s%s%s\n", owner, ttl, rdata_type_name(type, type_name),
		*text ? " " : "", text);
	free(text);
}

static void print_rrset(FILE *to, const uint8_t *owner, const struct rrset *set)
{
	char name[NAME_TEXT_MAX];
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	while ((rdata = rrset_next(set, &at, &len)))
		print_record(
			to, name_to_text(owner, name), set->ttl, set->type, rdata, len);
}

char *message_zone_text(const struct zone *zone)
{
	const struct zone_node *node;
	const struct rrset *set;
	char *text = NULL, *sorted;
	size_t cursor = 0, len = 0;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	while ((node = zone_next_node(zone, &cursor))) {
		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++)
			print_rrset(to, zone_node_owner(node), set);
	}
	fclose(to);
	sorted = sort_lines(text);
	free(text);
	return sorted;
}

/* The lines as message_zone_text writes them: RDATA has more than one spelling. */
static char *canonical_lines(const char *lines)
{
	char *copy = strdup(lines), *text = NULL, *sorted, *save, *line;
	char owner[1024], type_name[16];
	uint8_t rdata[LINE_MAX_LEN];
	unsigned ttl;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	assert_true(copy && to);
	for (line = strtok_r(copy, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		int rest = 0, n;
		uint16_t type;

		if (sscanf(line, "%1023s %u %15s %n", owner, &ttl, type_name, &rest) != 3)
			fail_msg("not a record: %s", line);
		type = rdata_type_from_name(type_name);
		n = rdata_from_text(type, line + rest, NULL, rdata, sizeof(rdata));
		if (!type || n < 0)
			fail_msg("not a record: %s", line);
		print_record(to, owner, ttl, type, rdata, (uint16_t)n);
	}
	fclose(to);
	sorted = sort_lines(text);
	free(text);
	free(copy);
	return sorted;
}

void message_assert_zone(const struct zone *zone, const char *lines)
{
	char *there = message_zone_text(zone);
	char *expected = canonical_lines(lines);

	assert_string_equal(there, expected);
	free(there);
	free(expected);
}
