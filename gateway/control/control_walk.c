/*
 * Walks (control_walk.h).
 */
#include "gateway/control/control_walk.h"

#include <stdlib.h>
#include <string.h>

/* ---- patterns ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* text is in lower case.  One place to come back to is enough. */
static bool matches_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == '?' || lower(*pattern) == *text) {
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

const struct config_zone *control_walk_zone(const struct control_request *r)
{
	return &r->config->zones[((struct control_walk *)r->state)->zone];
}

static void set_zone(struct control_request *r, const struct config_zone *zone)
{
	((struct control_walk *)r->state)->zone = (size_t)(zone - r->config->zones);
}

/* False: the walk is at its end. */
static bool move_on(struct control_request *r)
{
	struct control_walk *walk = r->state;

	if (walk->in_expired ? walk->has_host : walk->cursor != 0)
		return true;
	if (!walk->in_expired && walk->wants_expired &&
		!(walk->is_exact && json_array_size(r->list))) {
		walk->in_expired = true;
		return true;
	}
	if (walk->is_one_zone || walk->is_exact ||
		walk->zone + 1 >= r->config->zone_count)
		return false;
	walk->zone++;
	walk->in_expired = walk->skips_leases;
	return true;
}

static json_t *write_cursor(const struct control_request *r)
{
	const struct control_walk *walk = r->state;
	const char *zone = control_walk_zone(r)->text;
	char host[NAME_TEXT_MAX] = "-";

	if (walk->has_host)
		name_to_text(walk->host, host);
	if (walk->in_expired)
		return json_sprintf("e %s %s", host, zone);
	return json_sprintf("l %llu %s", (unsigned long long)walk->cursor, zone);
}

static bool find_place(struct control_request *r, const char *zone_text)
{
	const struct config_zone *zone;
	uint8_t name[NAME_MAX_LEN];

	if (name_from_text(name, zone_text, NULL))
		return false;
	name_lower(name);
	zone = config_find_zone(r->config, name);
	if (zone)
		set_zone(r, zone);
	return zone != NULL;
}

static bool read_cursor(struct control_request *r, const char *text)
{
	struct control_walk *walk = r->state;
	const char *blank = text[0] && text[1] == ' ' ? strchr(text + 2, ' ') : NULL;
	char host[NAME_TEXT_MAX], *end;

	if (!blank || (size_t)(blank - text - 2) >= sizeof(host) ||
		!find_place(r, blank + 1))
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

/* ---- parameters ---- */

/* A pattern has * or ?; anything else is one name. */
static bool read_pattern(struct control_request *r, const char *pattern)
{
	struct control_walk *walk = r->state;
	const struct config_zone *zone;

	if (!pattern || strpbrk(pattern, "*?")) {
		walk->pattern = pattern;
		return true;
	}
	walk->is_exact = true;
	zone = control_read_owner(r, pattern, walk->name);
	if (zone)
		set_zone(r, zone);
	return zone != NULL;
}

static bool read_zone(struct control_request *r)
{
	struct control_walk *walk = r->state;
	const char *text = control_parameter(r, "zone");
	const struct config_zone *zone = text ? control_read_zone(r, text) : NULL;

	if (!zone)
		return !text;
	if (walk->is_exact && control_walk_zone(r) != zone) {
		control_fail(r, 404, "the name is in another zone: %s",
			control_walk_zone(r)->text);
		return false;
	}
	walk->is_one_zone = true;
	set_zone(r, zone);
	return true;
}

static bool read_place(struct control_request *r)
{
	const char *cursor = control_parameter(r, "cursor");

	if (!cursor || ((struct control_walk *)r->state)->is_exact ||
		read_cursor(r, cursor))
		return true;
	control_fail(
		r, 400, "cursor: is not from an earlier answer, or its zone is gone");
	return false;
}

bool control_walk_read(struct control_request *r, const char *pattern)
{
	return read_pattern(r, pattern) && read_zone(r) && read_place(r);
}

/* ---- the walk ---- */

void control_walk_begin(struct control_request *r, const struct control_walk_ops *ops)
{
	struct control_walk *walk = r->state;

	walk->ops = ops;
	walk->in_expired |= walk->skips_leases;
	if (r->config->zone_count)
		ops->ask(r);
	else
		control_done_page(r, ops->list, json_null());
}

void control_walk_go_on(struct control_request *r)
{
	struct control_walk *walk = r->state;
	bool is_more;

	walk->ops->take(r);
	is_more = move_on(r);
	if (is_more && ++walk->rounds < CONTROL_ROUNDS_MAX &&
		json_array_size(r->list) < CONTROL_PAGE_MAX)
		walk->ops->ask(r);
	else
		control_done_page(
			r, walk->ops->list, is_more ? write_cursor(r) : json_null());
}
