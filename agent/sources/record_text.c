/*
 * Lines of records.  The RDATA is zones/rdata.h's to read.
 */
#include "agent/sources/record_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "zones/rdata.h"

enum {
	LINE_MAX_LEN = 4096,    /* octets of a line */
	TTL_MAX_S = 0x7fffffff, /* RFC 2181 8 */
};

/* Cuts off the next word; NULL: there is none. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " \t");

	if (!*word)
		return NULL;
	*at = word + strcspn(word, " \t");
	if (**at)
		*(*at)++ = '\0';
	return word;
}

static bool is_number(const char *word)
{
	for (; *word; word++)
		if (!isdigit((unsigned char)*word))
			return false;
	return true;
}

/* TTL and class in either order, as RFC 1035 5.1 has it; then the type.  NULL, or what is
 * wrong. */
static const char *read_type(char **at, struct record *record)
{
	char *word = next_word(at);
	unsigned long ttl;

	for (int i = 0; i < 2 && word; i++) {
		if (is_number(word)) {
			errno = 0;
			ttl = strtoul(word, NULL, 10);
			if (errno || ttl > TTL_MAX_S)
				return "the TTL is too large";
			record->ttl = (uint32_t)ttl;
			word = next_word(at);
		} else if (!strcasecmp(word, "IN")) {
			word = next_word(at);
		}
	}
	record->type = word ? rdata_type_from_name(word) : 0;
	if (!record->type)
		return word ? "unknown type" : "there is no type";
	if (rdata_type_is_meta(record->type) || record->type == TYPE_SOA)
		return "this type is not for hosts";
	return NULL;
}

static int parse(struct records *set, char *text, struct record *record,
	const uint8_t *origin, const char **ret_why)
{
	uint8_t owner[NAME_MAX_LEN], rdata[LINE_MAX_LEN];
	char *at = text, *word = next_word(&at);
	int len;

	if (!word || *word == ';' || *word == '#')
		return 0;
	if (name_from_text(owner, word, origin)) {
		*ret_why = "the first word is no domain name";
		return -EINVAL;
	}
	*ret_why = read_type(&at, record);
	if (*ret_why)
		return -EINVAL;
	len = rdata_from_text(record->type, at, origin, rdata, sizeof(rdata));
	if (len == -ENOMEM)
		return len;
	if (len <= 0) {
		*ret_why = "the data is not that of the type";
		return -EINVAL;
	}
	record->owner = owner;
	record->rdata = rdata;
	record->len = (uint16_t)len;
	return records_add(set, record);
}

int record_text_parse(struct records *set, const char *line, const uint8_t *origin,
	uint32_t default_ttl, const char **ret_why)
{
	struct record record = {.ttl = default_ttl};
	const size_t len = strcspn(line, "\r\n");
	char text[LINE_MAX_LEN];

	*ret_why = "the line is too long";
	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, line, len);
	text[len] = '\0';
	return parse(set, text, &record, origin, ret_why);
}
