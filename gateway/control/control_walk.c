/*
 * Walks: see control_walk.h.
 */
#include "gateway/control/control_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- patterns ---- */

/* Each * stands for any octets, each ? for one.  One place to come back to is enough. */
static bool matches_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

bool control_name_matches(const char *pattern, const uint8_t *name)
{
	char text[NAME_TEXT_MAX];
	size_t len;

	name_to_text(name, text);
	if (matches_glob(pattern, text))
		return true;
	len = strlen(text);
	text[len - 1] = '\0';
	return len > 1 && matches_glob(pattern, text);
}

bool control_walk_matches(const struct control_walk *walk, const uint8_t *name)
{
	return !walk->pattern || control_name_matches(walk->pattern, name);
}

/* ---- places ---- */

const struct config_zone *control_walk_zone(const struct control_walk *walk)
{
	return &walk->question.config->zones[walk->zone];
}

bool control_walk_next_zone(struct control_walk *walk)
{
	if (walk->is_one_zone || walk->is_exact ||
		walk->zone + 1 >= walk->question.config->zone_count)
		return false;
	walk->zone++;
	walk->cursor = 0;
	walk->in_expired = !walk->wants_leases;
	walk->has_host = false;
	return true;
}

static void write_cursor(const struct control_walk *walk, char buf[CONTROL_CURSOR_MAX])
{
	const char *zone = control_walk_zone(walk)->text;
	char host[NAME_TEXT_MAX] = "-";

	if (walk->has_host)
		name_to_text(walk->host, host);
	if (walk->in_expired)
		snprintf(buf, CONTROL_CURSOR_MAX, "e %s %s", host, zone);
	else
		snprintf(buf, CONTROL_CURSOR_MAX, "l %llu %s",
			(unsigned long long)walk->cursor, zone);
}

static bool find_place(struct control_walk *walk, const char *zone_text)
{
	const struct config *config = walk->question.config;
	const struct config_zone *zone;
	uint8_t name[NAME_MAX_LEN];

	if (name_from_text(name, zone_text, NULL))
		return false;
	name_lower(name);
	zone = config_find_zone(config, name);
	if (zone)
		walk->zone = (size_t)(zone - config->zones);
	return zone != NULL;
}

static bool read_cursor(struct control_walk *walk, const char *text)
{
	const char *blank = text[0] && text[1] == ' ' ? strchr(text + 2, ' ') : NULL;
	char host[NAME_TEXT_MAX], *end;

	if (!blank || (size_t)(blank - text - 2) >= sizeof(host) ||
		!find_place(walk, blank + 1))
		return false;
	memcpy(host, text + 2, (size_t)(blank - text - 2));
	host[blank - text - 2] = '\0';
	if (text[0] == 'l') {
		walk->cursor = strtoull(host, &end, 10);
		return !*end;
	}
	walk->in_expired = true;
	walk->has_host = strcmp(host, "-") != 0;
	return text[0] == 'e' &&
		(!walk->has_host || !name_from_text(walk->host, host, NULL));
}

/* ---- life ---- */

static void clear_walk(struct control_question *q)
{
	struct control_walk *walk = (struct control_walk *)(void *)q;

	free(walk->pattern);
	json_decref(walk->list);
}

/* A pattern has * or ?; anything else is one name. */
static bool read_pattern(
	struct control_request *r, struct control_walk *walk, const char *pattern)
{
	const struct config_zone *zone;

	if (!pattern)
		return true;
	if (strpbrk(pattern, "*?")) {
		walk->pattern = strdup(pattern);
		for (char *at = walk->pattern; at && *at; at++)
			if (*at >= 'A' && *at <= 'Z')
				*at += 'a' - 'A';
		if (!walk->pattern)
			control_fail(r, 503, "out of memory");
		return walk->pattern != NULL;
	}
	walk->is_exact = true;
	if (!control_read_name(r, pattern, walk->name))
		return false;
	zone = control_find_zone(r, walk->name, false);
	if (zone)
		walk->zone = (size_t)(zone - walk->question.config->zones);
	return zone != NULL;
}

static bool read_zone(struct control_request *r, struct control_walk *walk)
{
	const char *text = control_parameter(r, "zone");
	const struct config_zone *zone;
	uint8_t name[NAME_MAX_LEN];

	if (!text)
		return true;
	if (!control_read_name(r, text, name))
		return false;
	zone = control_find_zone(r, name, true);
	if (!zone)
		return false;
	if (walk->is_exact && &walk->question.config->zones[walk->zone] != zone) {
		control_fail(r, 404, "the name is in another zone: %s",
			walk->question.config->zones[walk->zone].text);
		return false;
	}
	walk->is_one_zone = true;
	walk->zone = (size_t)(zone - walk->question.config->zones);
	return true;
}

static bool read_place(struct control_request *r, struct control_walk *walk)
{
	const char *cursor = control_parameter(r, "cursor");

	if (!cursor || walk->is_exact || read_cursor(walk, cursor))
		return true;
	control_fail(r, 400, "cursor: is none of ours, or of a zone that is gone");
	return false;
}

struct control_walk *control_walk_new(struct control_request *r, size_t size,
	const char *pattern, bool (*answer)(struct control_question *question))
{
	struct control_walk *walk = control_question_new(r, size, answer);

	if (!walk)
		return NULL;
	walk->question.clear = clear_walk;
	walk->state = -1;
	walk->wants_leases = true;
	walk->list = json_array();
	if (!walk->list)
		control_fail(r, 503, "out of memory");
	if (walk->list && read_pattern(r, walk, pattern) && read_zone(r, walk) &&
		read_place(r, walk))
		return walk;
	control_question_free(&walk->question);
	return NULL;
}

void control_walk_done(struct control_walk *walk, const char *name, bool is_at_end)
{
	char next[CONTROL_CURSOR_MAX];
	json_t *value = NULL;

	if (!is_at_end)
		write_cursor(walk, next);
	if (!walk->has_failed)
		value = json_pack(
			"{s:O, s:s?}", name, walk->list, "next", is_at_end ? NULL : next);
	control_question_done(&walk->question, value);
}
