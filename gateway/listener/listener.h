/*
 * Listener threads: sockets, framing, TSIG.
 *
 * Each thread has its own UDP and TCP sockets on every address (SO_REUSEPORT spreads the
 * clients), its own event loop and its own prepared MACs.  It reads requests, judges them
 * (intake.h), hands them to the zone thread, and signs and sends what comes back.
 */
#ifndef MUSTER_LISTENER_H
#define MUSTER_LISTENER_H

#include "gateway/config/config.h"
#include "gateway/base/queue.h"

enum {
	LISTENER_IN_FLIGHT_MAX = 16384, /* requests of one thread that wait for the zone
					   * thread: bounds memory; more get SERVFAIL */
	LISTENER_IN_FLIGHT_OCTETS = 64 << 20, /* and octets of them: 1,000 of the largest
					       * messages; more get SERVFAIL */
	LISTENER_UDP_BATCH = 64,              /* datagrams per system call */
	LISTENER_UDP_BUFFER = 4 << 20,        /* octets of socket buffer asked for: 1,000
					   * outstanding updates of 4 KiB */
	LISTENER_CONNECTIONS_MAX = 16384, /* TCP connections of one thread, if it may have
					   * as many descriptors; beyond it a new one
					   * takes the place of the one that has been
					   * idle longest.  A source may have three
					   * quarters (listener_source.h) */
	LISTENER_CONNECTIONS_MIN = 16,    /* for each thread, whatever else needs them */
	LISTENER_RESERVE = 64,            /* descriptors for the rest of the gateway: the
					* database (some 10), queues and loops, logs, what
					* a start or reload reads, with room to spare */
	LISTENER_RESERVE_CONTROL = 48,    /* for control and http, if there are any: their
					* connections, loop and database */
	LISTENER_RESERVE_ZONES = 16,      /* for each zone thread but the first: queues,
					* loop, database */
	LISTENERS_QUEUES_MAX = 64,        /* as many as config.zone_threads may be */
	LISTENER_RESERVE_THREAD = 4,      /* event loop, mailbox, one just accepted */
	LISTENER_RESERVE_TARGET = 4,  /* a connection and a wake-up for it, or two of them
					* while a reload exchanges it */
	LISTENER_PIPELINE_MAX = 1024, /* requests in progress on one connection; reading
					* pauses at the limit (RFC 7766 6.2.1.1) */
	LISTENER_OUTPUT_MAX = 1 << 20, /* octets queued for one connection before reading
					* from it pauses */
	LISTENER_OUTPUTS_MAX = 64 << 20, /* octets queued for all connections of one
					  * thread; beyond it who has left answers
					  * unread for longest is cut off */
	LISTENER_TRANSFERS_MAX = 64, /* zone transfers asked for and not yet sent, of one
				      * thread: each may hold a copy of a zone */
	LISTENER_TRANSFER_OUTPUT = 256 << 10, /* octets of transfers queued ahead */
	LISTENER_STALLED_S = 10,   /* a peer that takes nothing of its answers */
	LISTENER_UNREAD_S = 60,    /* until what was queued has been taken, however many
				    * octets are taken at a time */
	LISTENER_FINISH_MS = 2000, /* at the end: until the last answers have left */
};

enum { LISTENER_RCODES = 24 }; /* of RFC 6895 2.3, as far as they are in use */

/* Answers since the start. */
struct listener_totals {
	uint64_t updates[LISTENER_RCODES]; /* by rcode; larger ones count as the last */
	uint64_t queries;                  /* zone transfers too */
	uint64_t notifies;
	uint64_t others;
	uint64_t badsig, badkey, badtime, badtrunc; /* of all of these */
};

struct listeners;

/*
 * Opens the sockets of config.listen for config.threads threads; before privileges are
 * dropped.  The process may have file_limit descriptors.  0 or -errno, logged.
 */
int listeners_open(struct listeners **ret_listeners, struct config *config,
	size_t file_limit) __attribute__((warn_unused_result));

/* TCP connections that each of so many threads, with so many sockets of its own each, may
 * have: its share of what config's targets, and the rest of the gateway, leave of
 * file_limit descriptors. */
size_t listener_connections_max(
	const struct config *config, size_t threads, size_t sockets, size_t file_limit);

/* Mailboxes, one per thread, for the zone thread's answers. */
size_t listeners_count(const struct listeners *listeners);
struct mailbox *listeners_mailbox(struct listeners *listeners, size_t index);

/* Starts the threads; judged requests go to the queue of their zone's thread. */
int listeners_start(struct listeners *listeners, struct queue *const *queues,
	unsigned count) __attribute__((warn_unused_result));

/* What was refused lately, by these or by the zone thread. */
struct refusals *listeners_refusals(struct listeners *listeners);

/* Any thread. */
struct listener_totals listeners_totals(const struct listeners *listeners);

/* From the next request on; listen and threads stay as they are. */
void listeners_set_config(struct listeners *listeners, struct config *config);

/* Nothing more is read; returns when no thread will push to a queue any more. */
void listeners_stop_reading(struct listeners *listeners);
/* Sends what is left (bounded), ends the threads and frees everything. */
void listeners_free(struct listeners *listeners); /* NULL is harmless */

#endif
