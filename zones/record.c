/*
 * Records as text (record.h): owner, TTL, class, type; rdata_parse.c reads the data.
 *
 * Directives are not read here, and what a zone may hold is not checked.
 */
#include "zones/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "zones/entry.h"
#include "zones/rdata_parser.h"

static int refuse(struct parser_error *error, const char *at, const char *why)
{
	error->at = at;
	snprintf(error->why, sizeof(error->why), "%s", why);
	return -EINVAL;
}

static int refuse_word(struct parser_error *error, const char *at, const char *expected)
{
	parser_explain(error, at, expected);
	return -EINVAL;
}

/* ---- the owner ---- */

/* Takes the text inside the quotes, and keeps escapes. */
static void take_quoted(struct parser *x, char token[PARSER_TOKEN_MAX])
{
	size_t n = 0;

	x->token = x->p++;
	while (*x->p && *x->p != '"') {
		const size_t step = x->p[0] == '\\' && x->p[1] ? 2 : 1;

		if (n + step >= PARSER_TOKEN_MAX) {
			parser_refuse(x, "too long a word");
			break;
		}
		memcpy(token + n, x->p, step);
		n += step;
		x->p += step;
	}
	token[n] = '\0';
	x->p += *x->p == '"';
}

int record_take_owner(
	struct parser *x, struct record_state *state, struct parser_error *ret_error)
{
	char token[PARSER_TOKEN_MAX];
	uint8_t owner[NAME_MAX_LEN];

	if (!parser_at_end(x) && *x->p == '"')
		take_quoted(x, token);
	else
		parser_take_token(x, token);
	if (x->token && *x->token == '"' && !strcmp(token, "@"))
		strcpy(token, "\\@"); /* not the origin, which would be an unquoted "@" */
	if (x->error || name_from_text(owner, token, state->origin))
		return refuse_word(ret_error, x->token, "a domain name");
	memcpy(state->spelled, owner, name_len(owner));
	name_lower(owner);
	memcpy(state->owner, owner, name_len(owner));
	state->has_owner = true;
	return 0;
}

void record_restore_owner(struct record_state *state, const struct record_state *from)
{
	memcpy(state->owner, from->owner, sizeof(state->owner));
	memcpy(state->spelled, from->spelled, sizeof(state->spelled));
	state->has_owner = from->has_owner;
}

/* ---- TTL, class, type ---- */

static bool is_other_class(const char *word)
{
	static const char *const CLASSES[] = {"CH", "HS", "CS", "NONE"};

	if (!strncasecmp(word, "CLASS", 5) && word[5] >= '0' && word[5] <= '9')
		return true;
	for (size_t i = 0; i < sizeof(CLASSES) / sizeof(CLASSES[0]); i++)
		if (!strcasecmp(word, CLASSES[i]))
			return true;
	return false;
}

static bool is_class_in(const char *word)
{
	return !strcasecmp(word, "IN") || !strcasecmp(word, "CLASS1");
}

static int take_ttl(struct parser *x, const char *word, struct record_head *head,
	struct parser_error *error)
{
	uint64_t ttl;

	if (head->has_ttl)
		return refuse(error, x->token, "a second TTL");
	if (!parser_read_duration(word, RECORD_TTL_MAX, &ttl))
		return refuse_word(error, x->token,
			"a TTL, as 3600 or 1h30m, up to 2147483647 seconds,");
	head->ttl = (uint32_t)ttl;
	head->has_ttl = true;
	return 0;
}

/* What Windows DNS servers write into their files, besides records. */
static const char *explain_windows(const char *word)
{
	if (!strncasecmp(word, "[AGE:", 5))
		return "[AGE:...] is of a Windows DNS server alone: take it out of the "
		       "file";
	if (!strncasecmp(word, "[Aging:", 7))
		return "[Aging:...] is of a Windows DNS server alone: take it out of the "
		       "file";
	if (!strcasecmp(word, "WINS") || !strcasecmp(word, "WINSR") ||
		!strcasecmp(word, "WINS-R"))
		return "WINS records are of a Windows DNS server alone: take them out of "
		       "the file";
	return NULL;
}

static int take_type(struct parser *x, const char *word, struct record_head *head,
	struct parser_error *error)
{
	const char *windows = explain_windows(word);

	if (windows)
		return refuse(error, x->token, windows);
	if (is_other_class(word))
		return refuse_word(error, x->token, "class IN, and no other,");
	head->type = rdata_type_from_name(word);
	if (rdata_type_is_meta(head->type))
		return refuse_word(
			error, x->token, head->type ? "a type that is data" : "a type");
	return 0;
}

int record_take_head(
	struct parser *x, struct record_head *ret, struct parser_error *ret_error)
{
	char word[PARSER_TOKEN_MAX];

	*ret = (struct record_head){0};
	for (;;) {
		parser_take_token(x, word);
		if (x->error)
			return refuse_word(ret_error, x->token, "a type");
		if (word[0] >= '0' && word[0] <= '9') {
			const int r = take_ttl(x, word, ret, ret_error);

			if (r)
				return r;
		} else if (is_class_in(word) && !ret->has_class) {
			ret->has_class = true;
		} else {
			return take_type(x, word, ret, ret_error);
		}
	}
}

/* ---- the data, and the whole ---- */

/* RFC 2308 4, RFC 1035 5.1.  As in BIND, a SOA without any other TTL has that of its
 * minimum. */
static int settle_ttl(struct record_state *state, const struct record_head *head,
	struct rr *rr, struct parser_error *error)
{
	if (head->has_ttl) {
		state->last_ttl = head->ttl;
		state->has_last_ttl = true;
		rr->ttl = head->ttl;
	} else if (state->has_default_ttl) {
		rr->ttl = state->default_ttl;
	} else if (state->has_last_ttl) {
		rr->ttl = state->last_ttl;
	} else if (rr->type == TYPE_SOA) {
		rr->ttl = soa_minimum(rr->rdata, rr->rdata_len);
		if (rr->ttl > RECORD_TTL_MAX)
			return refuse(error, NULL, "its minimum, as a TTL, is too large");
		state->default_ttl = rr->ttl;
		state->has_default_ttl = true;
	} else {
		return refuse(error, NULL,
			"no TTL: neither here nor in a record before, and no $TTL");
	}
	return 0;
}

int record_take_data(struct parser *x, const struct record_head *head,
	struct record_state *state, struct record_room *room, struct rr *ret,
	struct parser_error *ret_error)
{
	int len;

	x->origin = state->origin;
	x->out = room->rdata;
	x->cap = sizeof(room->rdata);
	len = parser_read_rdata(x, head->type, ret_error);
	if (len < 0)
		return len;
	memcpy(room->owner, state->owner, name_len(state->owner));
	memcpy(room->spelled, state->spelled, name_len(state->spelled));
	*ret = (struct rr){.owner = room->owner,
		.spelled = name_is_equal(state->owner, state->spelled) ? NULL
								       : room->spelled,
		.type = head->type,
		.class = CLASS_IN,
		.rdata = room->rdata,
		.rdata_len = (uint16_t)len};
	return settle_ttl(state, head, ret, ret_error);
}

/* Takes what follows the owner, if there is one. */
static int take_rest(struct parser *x, struct record_state *state,
	struct record_room *room, struct rr *ret, struct parser_error *ret_error)
{
	struct record_head head;
	int r = record_take_head(x, &head, ret_error);

	if (!r)
		r = record_take_data(x, &head, state, room, ret, ret_error);
	return r ? r : 1;
}

int record_from_entry(const struct entry *entry, struct record_state *state,
	struct record_room *room, struct rr *ret, struct parser_error *ret_error)
{
	struct parser x = {.p = entry->text};
	int r;

	if (parser_at_end(&x))
		return 0;
	if (entry->is_indented && !state->has_owner)
		return refuse(ret_error, x.p,
			"the line begins with a space, and there is no owner before it");
	r = entry->is_indented ? 0 : record_take_owner(&x, state, ret_error);
	return r ? r : take_rest(&x, state, room, ret, ret_error);
}

static int read_line(const struct entry *entry, struct record_state *state,
	struct record_room *room, struct rr *ret, struct parser_error *error)
{
	static const char QUOTED_ORIGIN[] = "\"@\"";
	struct parser x = {.p = entry->text};

	if (parser_at_end(&x))
		return 0;
	if (*x.p == '$')
		return refuse(error, x.p,
			"directives, as $TTL and $ORIGIN, are for zone files, and not "
			"for such lines");
	if (!strncmp(x.p, QUOTED_ORIGIN, sizeof(QUOTED_ORIGIN) - 1))
		return refuse(error, x.p, "an owner @ stands without quotes");
	return record_from_entry(entry, state, room, ret, error);
}

/* Ends the record of a line, where r is the result of reading the entry; gives the
 * reason. */
static int finish(int r, const struct entry *entry, struct record_state *state,
	struct record_room *room, struct rr *ret, char ret_why[RECORD_WHY_MAX])
{
	struct parser_error error = {0};

	if (r == -EINVAL)
		snprintf(error.why, sizeof(error.why), "%s", entry->why);
	if (r >= 0)
		r = read_line(entry, state, room, ret, &error);
	if (r == -ENOSPC)
		r = -EINVAL;
	if (r == -ENOMEM)
		snprintf(error.why, sizeof(error.why), "out of memory");
	snprintf(ret_why, RECORD_WHY_MAX, "%s", error.why);
	return r;
}

int record_from_text(struct rr *ret, struct record_room *room, const char *line,
	const uint8_t *origin, uint32_t default_ttl, char ret_why[RECORD_WHY_MAX])
{
	struct record_state state = {
		.origin = origin, .default_ttl = default_ttl, .has_default_ttl = true};
	struct entry entry;
	int r;

	entry_init(&entry);
	r = finish(entry_from_text(&entry, line), &entry, &state, room, ret, ret_why);
	entry_clear(&entry);
	return r;
}

int record_read(struct rr *ret, struct record_room *room, struct entry *entry, FILE *from,
	struct record_state *state, char ret_why[RECORD_WHY_MAX], unsigned *ret_line)
{
	const int r = entry_read(entry, from);

	if (r == 0)
		return -ENODATA;
	*ret_line = r == -EINVAL ? entry->why_line : entry->line;
	return finish(r, entry, state, room, ret, ret_why);
}
