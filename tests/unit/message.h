/*
 * For unit tests: UPDATE messages from lines of text, zones from text and back.
 *
 * What cannot be built fails the test; nothing here returns an error.
 */
#ifndef MUSTER_TESTS_MESSAGE_H
#define MUSTER_TESTS_MESSAGE_H

#include "zones/update.h"

enum { MESSAGE_ZONE = 0, MESSAGE_PREREQ = 1, MESSAGE_UPDATE = 2, MESSAGE_ADDITIONAL = 3 };

struct message {
	uint8_t octets[WIRE_MESSAGE_MAX];
	struct wire_writer w; /* w.at is the length */
	struct wire_names names;
	uint8_t zone[NAME_MAX_LEN]; /* completes relative names */
	uint16_t counts[4];
};

/* An UPDATE with the zone section given: "example.". */
void message_begin(struct message *m, const char *zone);
/* A header only: opcode UPDATE, no zone section, but a zone to complete names with. */
void message_begin_bare(struct message *m, const char *zone);
void message_add_zone(struct message *m, const char *name, uint16_t type, uint16_t class);

/* A record as text: "host 300 IN A 192.0.2.1", "host 0 ANY A", "@ 0 NONE ANY".  Without
 * RDATA its length is zero.  Sections must be filled in their order. */
void message_add(struct message *m, int section, const char *line);
/* The same, each line formatted like printf. */
void message_prereq(struct message *m, const char *line, ...)
	__attribute__((format(printf, 2, 3)));
void message_change(struct message *m, const char *line, ...)
	__attribute__((format(printf, 2, 3)));
/* A record with any octets for RDATA. */
void message_add_raw(struct message *m, int section, const char *owner, uint16_t type,
	uint16_t class, uint32_t ttl, const void *rdata, uint16_t len);

/* Walk and update_read. */
struct verdict message_read(const struct message *m, struct update **ret_update);
/* The same, for messages that must be right; update_free(). */
struct update *message_update(const struct message *m);
/* An update from lines of the update section, ended by NULL. */
struct update *message_update_of(const char *zone, const char *const *lines);

/* Applies such lines to a zone example., which must come to the rcode expected.  The
 * change set; NULL after a refusal, which must have left the zone alone. */
struct changeset *message_apply(
	struct zone *zone, bool bump, enum rcode expected, const char *const *lines);

/* Loads records of TYPE65280, TTL 300, into one RRset: each begins with its number (16
 * bits) and has len octets. */
void message_fill(struct zone *zone, const char *owner, unsigned count, uint16_t len);

/* A zone from the text of a zone file. */
struct zone *message_make_zone(const char *apex, const char *text);
/* All its records, one line each ("owner TTL type RDATA"), sorted; free(). */
char *message_zone_text(const struct zone *zone);
/* The zone holds these records, in any order: lines "owner TTL type RDATA", absolute. */
void message_assert_zone(const struct zone *zone, const char *lines);

/* Name from text, absolute or below origin, into a static ring of buffers. */
const uint8_t *message_name(const char *text);

#endif
