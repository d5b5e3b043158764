/*
 * Why text is not a record: the word that is wrong, and what belongs there.
 */
#include "zones/rdata_parser.h"

#include <stdio.h>
#include <string.h>

/* The name of a field, for a message about what stands there instead. */
static const char *field_name(char field)
{
	static const struct {
		char field;
		const char *name;
	} NAMES[] = {
		{'1', "a number from 0 to 255"},
		{'2', "a number from 0 to 65535"},
		{'4', "a number from 0 to 4294967295"},
		{'d', "seconds, as 3600 or 1h30m, up to 4294967295"},
		{'G', "an algorithm"},
		{'J', "a type of digest"},
		{'k', "a protocol of keys"},
		{'v', "an IP protocol"},
		{'K', "a type of certificate"},
		{'t', "a type"},
		{'T', "a time, as YYYYMMDDHHMMSS"},
		{'a', "an IPv4 address"},
		{'A', "an IPv6 address"},
		{'s', "a string of at most 255 octets"},
		{'o', "a string of at most 255 octets"},
		{'S', "a string of at most 255 octets"},
		{'c', "a word of at most 255 octets"},
		{'h', "octets in hex, or -"},
		{'H', "octets in base32hex"},
		{'x', "octets in hex"},
		{'X', "octets in hex"},
		{'z', "octets in hex after 0x"},
		{'b', "octets in base64"},
		{'B', "octets in base64"},
		{'w', "types"},
		{'W', "types"},
		{'y', "types"},
		{'n', "ports"},
		{'p', "items as 1:192.0.2.0/24"},
		{'P', "parameters as alpn=h2, each once"},
		{'q', "a string"},
		{'Q', "a string"},
		{'g', "a gateway of the kind that stands before it"},
		{PARSER_OPAQUE, "\\# length hex"},
		{PARSER_RECORD_END, "the end of the record"},
	};

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (NAMES[i].field == field)
			return NAMES[i].name;
	return field && strchr("CDFNM", field) ? "a domain name" : "data of the type";
}

void parser_explain(struct parser_error *ret, const char *token, const char *expected)
{
	char word[48];
	size_t n = token ? strcspn(token, " \t\r\n") : 0;

	ret->at = token;
	if (!n) {
		snprintf(ret->why, sizeof(ret->why), "%s is missing", expected);
		return;
	}
	if (n >= sizeof(word))
		n = sizeof(word) - 1;
	for (size_t i = 0; i < n; i++)
		word[i] = token[i] >= ' ' && token[i] <= '~' ? token[i] : '?';
	word[n] = '\0';
	snprintf(ret->why, sizeof(ret->why), "'%s' where %s belongs", word, expected);
}

void parser_explain_field(struct parser_error *ret, const struct parser *x, char field)
{
	if (x->why) {
		ret->at = x->token;
		snprintf(ret->why, sizeof(ret->why), "%s", x->why);
	} else {
		parser_explain(
			ret, x->token, x->expected ? x->expected : field_name(field));
	}
}
