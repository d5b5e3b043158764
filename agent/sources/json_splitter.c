/*
 * Counting braces outside of strings.
 */
#include "agent/sources/json_splitter.h"

#include <stdlib.h>
#include <string.h>

enum { FEW = 4096 };

static bool keep(struct json_splitter *s, char octet)
{
	if (s->len == s->cap) {
		const size_t cap = s->cap ? 2 * s->cap : FEW;
		char *text = s->cap < JSON_OBJECT_MAX ? realloc(s->text, cap) : NULL;

		if (!text)
			return false;
		s->text = text;
		s->cap = cap;
	}
	s->text[s->len++] = octet;
	return true;
}

/* In a string; or what changes the depth. */
static void look(struct json_splitter *s, char octet)
{
	if (s->is_escape) {
		s->is_escape = false;
	} else if (s->is_string) {
		s->is_escape = octet == '\\';
		s->is_string = octet != '"';
	} else if (octet == '"') {
		s->is_string = true;
	} else if (octet == '{' || octet == '[') {
		s->depth++;
	} else if (octet == '}' || octet == ']') {
		s->depth--;
	}
}

bool json_splitter_feed(struct json_splitter *s, const char *octets, size_t len,
	json_object_given *give, void *arg)
{
	for (size_t i = 0; i < len; i++) {
		/* Outside: brackets of the list, commas, line ends. */
		if (!s->depth && octets[i] != '{')
			continue;
		look(s, octets[i]);
		if (!keep(s, octets[i]))
			return false;
		if (s->depth)
			continue;
		if (!give(arg, s->text, s->len))
			return false;
		s->len = 0;
	}
	return true;
}

void json_splitter_clear(struct json_splitter *s)
{
	free(s->text);
	*s = (struct json_splitter){0};
}
