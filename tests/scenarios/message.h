/*
 * UPDATE messages from the lines that people give to nsupdate.
 *
 * A message is begun with its zone section, gets one record per line, and is ended.
 * Lines are, with names relative to the zone and words in any case:
 *
 *   prereq nxdomain NAME                prereq yxdomain NAME
 *   prereq nxrrset NAME [CLASS] TYPE    prereq yxrrset NAME [CLASS] TYPE [RDATA]
 *   [update] add NAME TTL [CLASS] TYPE RDATA
 *   [update] del[ete] NAME [TTL] [CLASS] [TYPE [RDATA]]
 *   raw prereq|update NAME CLASS TTL TYPE [RDATA]
 *
 * RDATA as in a zone file, or \# LENGTH HEX, which is taken as it is, valid or not.  raw
 * writes what no client should: any class, any TTL.  Prerequisites stand before updates,
 * as they do on the wire.  Owner names, and names in the RDATA of RFC 1035's types, are
 * compressed, as nsupdate does it.
 */
#ifndef MUSTER_SCENARIO_MESSAGE_H
#define MUSTER_SCENARIO_MESSAGE_H

#include "tsig/wire.h"

struct message {
	struct wire_writer writer;
	struct wire_names names;
	uint16_t counts[4];  /* of the header */
	const uint8_t *zone; /* what relative names are completed with */
	uint8_t octets[WIRE_MESSAGE_MAX];
};

/* The zone section, which scenarios may get wrong. */
struct message_zone {
	uint8_t name[NAME_MAX_LEN];
	uint16_t type, class;
	unsigned count; /* how often it is written */
};

/* origin must live as long as the message. */
void message_begin(struct message *m, uint16_t id, const struct message_zone *zone,
	const uint8_t *origin);
/* 0, or -EINVAL with a static reason.  Writes into line. */
int message_add_line(struct message *m, char *line, const char **ret_why)
	__attribute__((warn_unused_result));
/* An OPT record with these options, DO set; behind all other records. */
void message_add_options(struct message *m, const uint8_t *options, uint16_t len);
/* Its length, or -EMSGSIZE. */
int message_end(struct message *m) __attribute__((warn_unused_result));

/* The next word of a line, ended with a zero, and *at moved behind it; NULL: none. */
char *message_next_word(char **at);
/* "IN", "NONE", "ANY", "CH", "HS", "CLASS7"; false if none of them. */
bool message_class_from_text(uint16_t *ret_class, const char *text);
/* RDATA in either form; length or -EINVAL. */
int message_rdata_from_text(
	uint16_t type, const char *text, const uint8_t *origin, uint8_t *out, size_t cap);

#endif
