/*
 * Zone transfers out: AXFR (RFC 5936) and IXFR (RFC 1995).
 *
 * The messages of a transfer are all built at once in the zone thread, from the present
 * mirror, then shared read-only with the listener threads that sign and send them.  The
 * count is atomic.  Ids are 0 and filled in by the sender; each message leaves
 * TSIG_RESERVE_MAX octets free of 65535.
 */
#ifndef MUSTER_TRANSFER_H
#define MUSTER_TRANSFER_H

#include <stdatomic.h>
#include "zones/changeset.h"

enum {
	TRANSFER_MESSAGE_LEN = 16384,   /* octets at which a message is closed: several
	                               * fit into the socket buffer, and compression
	                               * works */
	TRANSFER_HISTORY_MAX = 4 << 20, /* octets of change sets kept for IXFR */
	TRANSFER_HISTORY_TOTAL = 128 << 20, /* of all zones, each with the same share */
};

struct transfer_message {
	uint8_t *octets;
	size_t len;
};

struct transfer {
	atomic_uint refs;
	size_t count;
	struct transfer_message *messages;
};

/* Whole zone, SOA first and last.  question is the request's question section as it
 * came (owner, type, class), repeated in the first message only (RFC 5936 2.2.1).  NULL
 * with errno: ENOTSUP if the zone has a record for which only its server has octets
 * (zones/verbatim.h); otherwise there was no memory. */
struct transfer *transfer_new_axfr(
	const struct zone *zone, const uint8_t *question, size_t question_len);

/* Recent change sets of one zone in order, each leading from one serial to the next. */
struct transfer_history;
/* Those of a zone thread, which outlives them. */
struct transfer_histories {
	unsigned threads; /* that share the total; 0: one */
	size_t count;
};
struct transfer_history *transfer_history_new(struct transfer_histories *all);
void transfer_history_free(struct transfer_history *history);
/* Remembers a change set (takes its own reference) if it moves the SOA; forgets the
 * oldest beyond the limits.  A change set that does not follow the last one
 * clears all before it. */
void transfer_history_add(struct transfer_history *history, struct changeset *cs);
void transfer_history_clear(struct transfer_history *history);
/* The same if something is also missing from the version that now begins. */
void transfer_history_lose(struct transfer_history *history);

/*
 * The differences since serial; a whole transfer if the history does not go back that
 * far or the differences are larger than the zone; only the SOA if serial is current or
 * newer (RFC 1995 2).  udp_limit 0 for TCP; over UDP the answer is one message, or the
 * SOA alone if it would not fit (RFC 1995 4).  NULL as above.
 */
struct transfer *transfer_new_ixfr(const struct zone *zone,
	const struct transfer_history *history, uint32_t serial, const uint8_t *question,
	size_t question_len, size_t udp_limit);

/*
 * A transfer passed on record by record, in the order in which another server sends
 * them, from its first SOA to its last; each record keeps its owner's case and its
 * TTL.  udp_limit as above.  add: 0, or -ENOMEM or -E2BIG, which then persist.  finish:
 * NULL after these, or without records; only the SOA if the answer must be one message
 * and would be too large.
 */
struct transfer_builder;
struct transfer_builder *transfer_builder_new(const uint8_t *apex,
	const uint8_t *question, size_t question_len, size_t udp_limit);
int transfer_builder_add(struct transfer_builder *builder, const struct rr *rr)
	__attribute__((warn_unused_result));
struct transfer *transfer_builder_finish(struct transfer_builder *builder);
void transfer_builder_free(struct transfer_builder *builder); /* NULL is harmless */

struct transfer *transfer_ref(struct transfer *transfer);
void transfer_unref(struct transfer *transfer); /* NULL is harmless */

#endif
