/*
 * One record as text: "NAME [TTL] [IN] TYPE DATA", TTL and class in either order
 * (RFC 1035 5.1), through the grammar of zones/entry.h: comments, parentheses, quotes,
 * escapes.
 *
 * A name may be quoted; a single unquoted "@" is the origin.  A TTL is in seconds or,
 * as in BIND, like 1h30m.  Types are mnemonics or TYPEn, data may be \# length hex (RFC
 * 3597).  IN is the only class.
 */
#ifndef MUSTER_RECORD_H
#define MUSTER_RECORD_H

#include <stdio.h>

#include "zones/rdata.h"

enum {
	RECORD_TTL_MAX = 0x7fffffff, /* RFC 2181 8 */
	RECORD_WHY_MAX = RDATA_WHY_MAX,
};

/* Memory for a record that was read; struct rr points into it. */
struct record_room {
	uint8_t owner[NAME_MAX_LEN], spelled[NAME_MAX_LEN];
	uint8_t rdata[UINT16_MAX];
};

/* What a record inherits from earlier ones. */
struct record_state {
	const uint8_t *origin;
	uint8_t owner[NAME_MAX_LEN];   /* of the last record, in lower case */
	uint8_t spelled[NAME_MAX_LEN]; /* owner as it was written */
	bool has_owner;
	uint32_t default_ttl; /* $TTL (RFC 2308 4) */
	bool has_default_ttl;
	uint32_t last_ttl; /* the last one stated (RFC 1035 5.1) */
	bool has_last_ttl;
};

/*
 * Reads the record of one line.  Names are completed with origin; default_ttl is the
 * TTL if the line has none.  Unlike a zone file, a line has no directives, and an owner
 * "@" in quotes is considered a mistake.  1: *ret points into room, its owner both in
 * lower case and as it was written; 0: the line has no words; -EINVAL with a reason in
 * ret_why; -ENOMEM.
 */
int record_from_text(struct rr *ret, struct record_room *room, const char *line,
	const uint8_t *origin, uint32_t default_ttl, char ret_why[RECORD_WHY_MAX])
	__attribute__((warn_unused_result));

struct entry;

/*
 * The same for the next entry of a text, which may span several lines in parentheses;
 * an entry that begins with a space has the owner of the record before it, kept in
 * state.  Call entry_init before the first and entry_clear after the last.  *ret_line
 * is the line of the reason.  -ENODATA: end of the text.
 */
int record_read(struct rr *ret, struct record_room *room, struct entry *entry, FILE *from,
	struct record_state *state, char ret_why[RECORD_WHY_MAX], unsigned *ret_line)
	__attribute__((warn_unused_result));

/* ---- for zone files ---- */

struct parser;
struct parser_error;

/* What stands between owner and data. */
struct record_head {
	uint16_t type;
	uint32_t ttl;
	bool has_ttl, has_class;
};

/* Reads the words of a head.  0 or -EINVAL. */
int record_take_head(struct parser *x, struct record_head *ret,
	struct parser_error *ret_error) __attribute__((warn_unused_result));
/* Reads an owner name, quoted or not, which becomes state's owner.  0 or -EINVAL. */
int record_take_owner(struct parser *x, struct record_state *state,
	struct parser_error *ret_error) __attribute__((warn_unused_result));
/* Restores the owner of from, after records with owners of their own. */
void record_restore_owner(struct record_state *state, const struct record_state *from);
/* Reads the data, and determines the TTL.  0, -EINVAL or -ENOSPC. */
int record_take_data(struct parser *x, const struct record_head *head,
	struct record_state *state, struct record_room *room, struct rr *ret,
	struct parser_error *ret_error) __attribute__((warn_unused_result));
/* Reads owner, head and data of an entry.  1, 0 (no words), -EINVAL. */
int record_from_entry(const struct entry *entry, struct record_state *state,
	struct record_room *room, struct rr *ret, struct parser_error *ret_error)
	__attribute__((warn_unused_result));

#endif
