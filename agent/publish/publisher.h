/*
 * Keeps one zone of one gateway as the sources want it: registers, refreshes, removes,
 * and tries again (RFC 9664 4.2, 5.2, 6).  Which gateways get one says roster.h.
 *
 * A change is sent once it has settled, a refresh when it is due, a failed attempt again
 * as schedule.h says.  One update is under way at a time; what changes meanwhile comes
 * with the next.  An update that is refused is sent again in parts, so that one record
 * that the server's policy does not allow takes none of the others with it.
 */
#ifndef MUSTER_AGENT_PUBLISHER_H
#define MUSTER_AGENT_PUBLISHER_H

#include "agent/publish/gateways.h"
#include "agent/publish/ledger.h"

struct publisher;

enum publisher_event {
	PUBLISHER_SENDING,    /* records that were never sent before are about to be sent,
	                    * and have to be remembered now */
	PUBLISHER_REFRESHING, /* a refresh begins: a good moment to look at the sources */
	PUBLISHER_REFUSED,    /* a part of an attempt was refused */
	PUBLISHER_DONE,       /* an attempt has ended; publisher_status says how */
};

typedef void publisher_told(
	void *arg, struct publisher *publisher, enum publisher_event event);

struct publisher_config {
	struct alarms *alarms;
	const struct config *config; /* must outlive it, as must gateways */
	struct gateways *gateways;
	size_t gateway;      /* index of the one that it is about */
	const uint8_t *zone; /* copied */
	int64_t delay_ms;    /* before the first update */
	publisher_told *told;
	void *arg;
};

struct publisher_status {
	bool is_ok; /* all that is wanted is held, as far as is known */
	bool has_tried;
	char answer[OUTCOME_TEXT_MAX]; /* the last; "" before the first */
	const char *gateway;           /* as configured */
	int64_t answered_s;            /* real time of it */
	uint32_t lease_s;              /* the last one granted, or assumed */
	bool is_lease_granted;         /* by the server, not by ourselves */
	unsigned failures;             /* attempts in a row without success */
	int64_t next_ms;       /* of the loop's clock: the next update; INT64_MAX: none */
	unsigned long updates; /* sent since the start */
};

struct publisher *publisher_new(const struct publisher_config *config); /* NULL: memory */
void publisher_free(struct publisher *publisher); /* NULL is harmless */

/* Sets the records, which are sorted, that the zone is to hold.  0 or -ENOMEM. */
int publisher_want(struct publisher *publisher, const struct records *records)
	__attribute__((warn_unused_result));
/* The network has changed: whatever waits for a retry is tried soon. */
void publisher_hurry(struct publisher *publisher);
/* Refreshes everything soon. */
void publisher_refresh(struct publisher *publisher);
/* Removes everything, at once; then PUBLISHER_DONE. */
void publisher_withdraw(struct publisher *publisher);

struct ledger *publisher_ledger(struct publisher *publisher);
const struct publisher_status *publisher_status(const struct publisher *publisher);

#endif
