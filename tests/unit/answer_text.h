/*
 * For unit tests: queries from names, answers as text.
 *
 * What cannot be built or read fails the test; nothing here returns an error.
 */
#ifndef MUSTER_TESTS_ANSWER_TEXT_H
#define MUSTER_TESTS_ANSWER_TEXT_H

#include "tsig/wire.h"
#include "zones/rr.h"

enum { QUERY_PLAIN = 0, QUERY_DO = 0x8000 };

struct query {
	uint8_t octets[1024];
	size_t len;
	struct wire_message m; /* their walk */
};

/* One question, id 0x1234, opcode QUERY with these flags, no OPT. */
void query_make(
	struct query *q, const char *name, uint16_t type, uint16_t class, uint16_t flags);
/* Appends an OPT: UDP size, version, flags (QUERY_DO or QUERY_PLAIN). */
void query_add_opt(struct query *q, uint16_t size, uint8_t version, uint16_t flags);

/*
 * A message as lines of text, free():
 *
 *   NOERROR aa tc rd cd             extended rcode, flags
 *   ? wWw.eXample. A IN             the question, as written
 *   an www.example. 300 A 192.0.2.1 records of the sections an, au, ad
 *   opt 1232 do ede 18 "why"
 *
 * It must be a well-formed response.
 */
char *answer_text(const uint8_t *msg, size_t len);
void answer_assert(const uint8_t *msg, size_t len, const char *expected);

/* The record at the reader; its owner, in its case, and its RDATA, uncompressed, are
 * written to the buffers. */
struct record_buffers {
	uint8_t owner[NAME_MAX_LEN];
	uint8_t rdata[WIRE_MESSAGE_MAX];
};
void answer_read_record(
	struct wire_reader *r, struct rr *ret_rr, struct record_buffers *buffers);

#endif
