/*
 * Texts of records.  The grammar is zones/record.h's; which types a host may have is
 * known here.
 */
#include "agent/records/record_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsig/byte_order_mark.h"
#include "zones/entry.h"

static int check(const struct rr *rr, char ret_why[RECORD_WHY_MAX])
{
	const char *why = NULL;

	if (rr->type == TYPE_SOA)
		why = "this type is not for hosts";
	else if (rr->rdata_len > RECORD_DATA_MAX)
		why = "more than 32768 octets of data, which fit no message";
	if (!why)
		return 0;
	snprintf(ret_why, RECORD_WHY_MAX, "%s", why);
	return -EINVAL;
}

static int add(struct records *set, const struct rr *rr, char ret_why[RECORD_WHY_MAX])
{
	const int r = check(rr, ret_why);

	if (r)
		return r;
	return records_add(set,
		&(struct record){.owner = (uint8_t *)rr->owner,
			.rdata = rr->rdata,
			.type = rr->type,
			.len = rr->rdata_len,
			.ttl = rr->ttl});
}

int record_text_parse(struct records *set, const char *text, const uint8_t *origin,
	uint32_t default_ttl, char ret_why[RECORD_WHY_MAX])
{
	struct record_room *room = malloc(sizeof(*room));
	struct rr rr;
	int r;

	if (!room)
		return -ENOMEM;
	text += byte_order_mark_len(text, strlen(text));
	r = record_from_text(&rr, room, text, origin, default_ttl, ret_why);
	if (r > 0)
		r = add(set, &rr, ret_why);
	free(room);
	return r;
}

/* Between entries a "#" begins a comment too, as in shell scripts and most configuration
 * files. */
static void mark_comment(char *text, size_t len, size_t at)
{
	while (at < len && strchr(" \t\r\n", text[at]) && text[at])
		at++;
	if (at < len && text[at] == '#')
		text[at] = ';';
}

static int read_all(struct records *set, FILE *file, char *text, size_t len,
	struct record_state *state, struct record_room *room,
	char ret_why[RECORD_WHY_MAX], unsigned *ret_line)
{
	struct entry entry;
	struct rr rr;
	int r = 0;

	entry_init(&entry);
	while (r >= 0) {
		mark_comment(text, len, (size_t)ftell(file));
		r = record_read(&rr, room, &entry, file, state, ret_why, ret_line);
		if (r > 0)
			r = add(set, &rr, ret_why);
	}
	entry_clear(&entry);
	return r == -ENODATA ? 0 : r;
}

int record_text_read(struct records *set, char *text, size_t len, const uint8_t *origin,
	uint32_t default_ttl, char ret_why[RECORD_WHY_MAX], unsigned *ret_line)
{
	struct record_state state = {
		.origin = origin, .default_ttl = default_ttl, .has_default_ttl = true};
	struct record_room *room = malloc(sizeof(*room));
	const size_t mark = byte_order_mark_len(text, len);
	FILE *file = len > mark ? fmemopen(text + mark, len - mark, "r") : NULL;
	int r = len > mark ? -ENOMEM : 0;

	/* Nothing has been read ahead, so comments can be marked in the text that is
	 * still to come. */
	if (room && file && !setvbuf(file, NULL, _IONBF, 0))
		r = read_all(set, file, text + mark, len - mark, &state, room, ret_why,
			ret_line);
	if (file)
		fclose(file);
	free(room);
	return r;
}

int record_text_data(uint16_t type, const char *text, const uint8_t *origin,
	struct record_room *room, char ret_why[RECORD_WHY_MAX])
{
	char name[RDATA_TYPE_NAME_MAX], *line;
	struct rr rr;
	int r;

	if (asprintf(&line, "@ 0 %s %s", rdata_type_name(type, name), text) < 0)
		return -ENOMEM;
	r = record_from_text(&rr, room, line, origin, 0, ret_why);
	free(line);
	if (r > 0)
		r = check(&rr, ret_why);
	return r ? r : rr.rdata_len;
}
