/*
 * UPDATE messages from nsupdate's lines: one function per kind of line, all of which end
 * in write_record.  Limits: a record's RDATA is at most 65535 octets, a message as well.
 */
#include "tests/scenarios/message.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "zones/rdata.h"

enum {
	SECTION_PREREQ = 1,
	SECTION_UPDATE = 2,
	SECTION_ADDITIONAL = 3
}; /* index of the header's counts */

struct record {
	uint8_t owner[NAME_MAX_LEN];
	uint16_t type, class;
	uint32_t ttl;
	const char *rdata; /* text; NULL: none */
};

char *message_next_word(char **at)
{
	char *word = *at + strspn(*at, " \t");

	if (!*word)
		return NULL;
	char *end = word + strcspn(word, " \t");
	*at = end;
	if (*end) {
		*end = '\0';
		*at = end + 1;
	}
	return word;
}

/* What is left of a line after its last word; NULL: nothing. */
static const char *read_rest(const char *at)
{
	at += strspn(at, " \t");
	return *at ? at : NULL;
}

bool message_class_from_text(uint16_t *ret_class, const char *text)
{
	static const struct {
		const char *text;
		uint16_t class;
	} classes[] = {{"IN", CLASS_IN}, {"NONE", CLASS_NONE}, {"ANY", CLASS_ANY},
		{"CH", 3}, {"HS", 4}};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strcasecmp(text, classes[i].text) != 0)
			continue;
		*ret_class = classes[i].class;
		return true;
	}
	if (strncasecmp(text, "CLASS", 5) != 0 || !isdigit((unsigned char)text[5]))
		return false;
	*ret_class = (uint16_t)strtoul(text + 5, NULL, 10);
	return true;
}

static bool ttl_from_text(uint32_t *ret_ttl, const char *text)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	unsigned long long ttl = strtoull(text, &end, 10);
	if (*end || ttl > UINT32_MAX)
		return false;
	*ret_ttl = (uint32_t)ttl;
	return true;
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The part behind "\#" (RFC 3597 5), without asking whether the type can look so. */
static int rdata_from_hex(const char *text, uint8_t *out, size_t cap)
{
	char *at;
	unsigned long len = strtoul(text, &at, 10), got = 0;

	if (len > cap)
		return -EINVAL;
	for (at += strspn(at, " \t"); *at; at += strspn(at, " \t")) {
		int high = hex_digit(at[0]), low = high < 0 ? -1 : hex_digit(at[1]);
		if (low < 0 || got == len)
			return -EINVAL;
		out[got++] = (uint8_t)(high << 4 | low);
		at += 2;
	}
	return got == len ? (int)len : -EINVAL;
}

int message_rdata_from_text(
	uint16_t type, const char *text, const uint8_t *origin, uint8_t *out, size_t cap)
{
	if (strncmp(text, "\\#", 2) == 0)
		return rdata_from_hex(text + 2, out, cap);
	return rdata_from_text(type, text, origin, out, cap);
}

static int write_record(
	struct message *m, int section, const struct record *record, const char **ret_why)
{
	uint8_t rdata[WIRE_MESSAGE_MAX];
	int len = 0;

	if (section == SECTION_PREREQ && m->counts[SECTION_UPDATE] > 0) {
		*ret_why = "a prerequisite after an update";
		return -EINVAL;
	}
	if (record->rdata)
		len = message_rdata_from_text(
			record->type, record->rdata, m->zone, rdata, sizeof(rdata));
	if (len < 0) {
		*ret_why = "cannot read the RDATA";
		return -EINVAL;
	}
	wire_write_name(&m->writer, record->owner);
	wire_write_u16(&m->writer, record->type);
	wire_write_u16(&m->writer, record->class);
	wire_write_u32(&m->writer, record->ttl);
	if (record->rdata && strncmp(record->rdata, "\\#", 2) != 0) {
		rdata_write(&m->writer, record->type, rdata, (uint16_t)len);
	} else {
		wire_write_u16(&m->writer, (uint16_t)len);
		wire_write_octets(&m->writer, rdata, (size_t)len);
	}
	m->counts[section]++;
	return 0;
}

static bool read_owner(const struct message *m, struct record *record, char **at)
{
	const char *word = message_next_word(at);

	return word && name_from_text(record->owner, word, m->zone) == 0;
}

/* An optional class, which nsupdate takes and which changes nothing, then the type. */
static bool read_type(struct record *record, char **at)
{
	const char *word = message_next_word(at);
	uint16_t ignored;

	if (word && rdata_type_from_name(word) == 0 &&
		message_class_from_text(&ignored, word))
		word = message_next_word(at);
	record->type = word ? rdata_type_from_name(word) : 0;
	return record->type != 0;
}

/* RFC 2136 2.4: class NONE asks for absence, ANY for presence, IN for these records. */
static int add_prereq(struct message *m, char *at, const char **ret_why)
{
	struct record record = {.type = TYPE_ANY, .class = CLASS_ANY};
	const char *kind = message_next_word(&at);

	*ret_why =
		"expected prereq nxdomain|yxdomain|nxrrset|yxrrset NAME [TYPE [RDATA]]";
	if (!kind || !read_owner(m, &record, &at))
		return -EINVAL;
	if (strncasecmp(kind, "nx", 2) == 0)
		record.class = CLASS_NONE;
	else if (strncasecmp(kind, "yx", 2) != 0)
		return -EINVAL;
	if (strcasecmp(kind + 2, "domain") == 0)
		return read_rest(at) ? -EINVAL
				     : write_record(m, SECTION_PREREQ, &record, ret_why);
	if (strcasecmp(kind + 2, "rrset") != 0 || !read_type(&record, &at))
		return -EINVAL;
	record.rdata = read_rest(at);
	if (record.rdata && record.class == CLASS_NONE)
		return -EINVAL;
	if (record.rdata)
		record.class = CLASS_IN;
	return write_record(m, SECTION_PREREQ, &record, ret_why);
}

static int add_addition(struct message *m, char *at, const char **ret_why)
{
	struct record record = {.class = CLASS_IN};

	*ret_why = "expected add NAME TTL [CLASS] TYPE RDATA";
	if (!read_owner(m, &record, &at))
		return -EINVAL;
	const char *ttl = message_next_word(&at);
	if (!ttl || !ttl_from_text(&record.ttl, ttl) || !read_type(&record, &at))
		return -EINVAL;
	record.rdata = read_rest(at);
	if (!record.rdata)
		return -EINVAL;
	return write_record(m, SECTION_UPDATE, &record, ret_why);
}

/* RFC 2136 2.5.2 to 2.5.4; a TTL is taken, as nsupdate does, and not sent. */
static int add_deletion(struct message *m, char *at, const char **ret_why)
{
	struct record record = {.type = TYPE_ANY, .class = CLASS_ANY};
	uint32_t ignored;

	*ret_why = "expected del NAME [TTL] [CLASS] [TYPE [RDATA]]";
	if (!read_owner(m, &record, &at))
		return -EINVAL;
	at += strspn(at, " \t");
	if (isdigit((unsigned char)*at) &&
		!ttl_from_text(&ignored, message_next_word(&at)))
		return -EINVAL;
	if (read_rest(at) && !read_type(&record, &at))
		return -EINVAL;
	record.rdata = read_rest(at);
	if (record.rdata)
		record.class = CLASS_NONE;
	return write_record(m, SECTION_UPDATE, &record, ret_why);
}

static int add_raw(struct message *m, char *at, const char **ret_why)
{
	struct record record = {0};
	const char *section = message_next_word(&at);

	*ret_why = "expected raw prereq|update NAME CLASS TTL TYPE [RDATA]";
	if (!section || !read_owner(m, &record, &at))
		return -EINVAL;
	const char *class = message_next_word(&at), *ttl = message_next_word(&at);
	const char *type = message_next_word(&at);
	if (!class || !message_class_from_text(&record.class, class))
		return -EINVAL;
	if (!ttl || !ttl_from_text(&record.ttl, ttl) || !type)
		return -EINVAL;
	record.type = rdata_type_from_name(type);
	record.rdata = read_rest(at);
	if (strcasecmp(section, "prereq") == 0)
		return write_record(m, SECTION_PREREQ, &record, ret_why);
	if (strcasecmp(section, "update") == 0)
		return write_record(m, SECTION_UPDATE, &record, ret_why);
	return -EINVAL;
}

int message_add_line(struct message *m, char *line, const char **ret_why)
{
	static const struct {
		const char *word;
		int (*add)(struct message *m, char *at, const char **ret_why);
	} verbs[] = {{"prereq", add_prereq}, {"add", add_addition}, {"del", add_deletion},
		{"delete", add_deletion}, {"raw", add_raw}};
	const char *word = message_next_word(&line);

	if (word && strcasecmp(word, "update") == 0)
		word = message_next_word(&line);
	for (size_t i = 0; word && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcasecmp(word, verbs[i].word) == 0)
			return verbs[i].add(m, line, ret_why);
	*ret_why = "expected prereq, add, del, raw or SEND";
	return -EINVAL;
}

void message_begin(struct message *m, uint16_t id, const struct message_zone *zone,
	const uint8_t *origin)
{
	memset(m->counts, 0, sizeof(m->counts));
	m->zone = origin;
	m->counts[0] = (uint16_t)zone->count;
	wire_writer_init(&m->writer, m->octets, sizeof(m->octets), &m->names);
	wire_write_u16(&m->writer, id);
	wire_write_u16(&m->writer, OPCODE_UPDATE << 11);
	for (int i = 0; i < 4; i++)
		wire_write_u16(&m->writer, 0); /* counts, known at the end */
	for (unsigned i = 0; i < zone->count; i++) {
		wire_write_name(&m->writer, zone->name);
		wire_write_u16(&m->writer, zone->type);
		wire_write_u16(&m->writer, zone->class);
	}
}

void message_add_options(struct message *m, const uint8_t *options, uint16_t len)
{
	enum { UDP_SIZE = 1232, DNSSEC_OK = 0x8000 };

	wire_write_u8(&m->writer, 0);
	wire_write_u16(&m->writer, TYPE_OPT);
	wire_write_u16(&m->writer, UDP_SIZE);
	wire_write_u32(&m->writer, DNSSEC_OK);
	wire_write_u16(&m->writer, len);
	wire_write_octets(&m->writer, options, len);
	m->counts[SECTION_ADDITIONAL]++;
}

int message_end(struct message *m)
{
	for (size_t i = 0; i < 4; i++)
		wire_put_u16(&m->writer, 4 + 2 * i, m->counts[i]);
	return m->writer.failed ? -EMSGSIZE : (int)m->writer.at;
}
