/*
 * What the files of transfer.h share.
 *
 *   transfer.c          the messages of AXFR and IXFR
 *   transfer_history.c  the versions of a zone, for IXFR
 */
#ifndef MUSTER_TRANSFER_PRIVATE_H
#define MUSTER_TRANSFER_PRIVATE_H

#include <sys/queue.h>

#include "gateway/answer/transfer.h"

/* From one serial to the next. */
struct transfer_version {
	TAILQ_ENTRY(transfer_version) entry; /* the next one begins at our to */
	struct changeset *changes;           /* counted */
	const struct change *soa;            /* the one of changes that moves the SOA */
	uint32_t from, to;                   /* serials */
	size_t size;                         /* octets, about */
};

/* The version that begins at serial, if the history leads from there to current;
 * otherwise NULL.  Valid until the history changes. */
const struct transfer_version *transfer_history_find(
	const struct transfer_history *history, uint32_t serial, uint32_t current);

#endif
