/*
 * Listener threads: sockets, framing, TSIG.
 *
 * Each thread has its own UDP and TCP sockets on every address (SO_REUSEPORT spreads
 * the clients), its own event loop and its own prepared MACs.  It reads requests,
 * judges them (intake.h), passes them to the zone thread, and signs and sends the
 * answers.
 */
#ifndef MUSTER_LISTENER_H
#define MUSTER_LISTENER_H

#include "gateway/config/config.h"
#include "gateway/base/queue.h"

enum {
	LISTENER_IN_FLIGHT_MAX = 16384,       /* requests of one thread that wait for the
	                                 * zone thread: bounds memory; further ones get
	                                 * SERVFAIL */
	LISTENER_IN_FLIGHT_OCTETS = 64 << 20, /* and their octets: 1,000 of the largest
	                                       * messages; further ones get SERVFAIL */
	LISTENER_UDP_BATCH = 64,              /* datagrams per system call */
	LISTENER_UDP_BUFFER = 4 << 20,        /* octets of socket buffer requested:
	                                       * 1,000 outstanding updates of 4 KiB */
	LISTENER_CONNECTIONS_MAX = 16384,     /* TCP connections of one thread, if it may
	                                   * have as many descriptors; beyond it a new
	                                   * one replaces the one that has been idle
	                                   * longest.  A source may have three quarters
	                                   * (listener_source.h) */
	LISTENER_CONNECTIONS_MIN = 16, /* for each thread, even if others need them */
	LISTENER_RESERVE = 64,         /* descriptors for the rest of the gateway:
	                                   * the database (about 10), queues and loops,
	                                   * logs, files read at a start or reload, and
	                                   * some to spare */
	LISTENER_RESERVE_CONTROL = 48, /* for control and http, if configured: their
	                                   * connections, loop and database */
	LISTENER_RESERVE_ZONES = 16,   /* for each zone thread except the first:
	                                   * queues, loop, database */
	LISTENERS_QUEUES_MAX = 64,     /* the limit of config.zone_threads */
	/* event loop, mailbox, a connection just accepted */
	LISTENER_RESERVE_THREAD = 4,
	LISTENER_RESERVE_TARGET = 4,   /* a connection and a wake-up for it, or two of
	                               * them while a reload replaces it */
	LISTENER_PIPELINE_MAX = 1024,  /* requests in progress on one connection; reading
					* pauses at the limit (RFC 7766 6.2.1.1) */
	LISTENER_OUTPUT_MAX = 1 << 20, /* octets queued for one connection before reading
					* from it pauses */
	LISTENER_OUTPUTS_MAX = 64 << 20, /* octets queued for all connections of one
	                                  * thread; beyond it the peer that has left
	                                  * answers unread for longest is disconnected */
	LISTENER_TRANSFERS_MAX = 64,     /* zone transfers requested and not yet sent, per
	                              * thread: each may hold a copy of a zone */
	LISTENER_TRANSFER_OUTPUT = 256 << 10, /* octets of transfers queued ahead */
	LISTENER_STALLED_S = 10,              /* a peer that reads none of its answers */
	LISTENER_UNREAD_S = 60,    /* until everything that was queued has been read,
	                            * however slowly */
	LISTENER_FINISH_MS = 2000, /* at the end: until the last answers have been sent */
};

enum { LISTENER_RCODES = 24 }; /* of RFC 6895 2.3, as far as they are used */

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
 * Opens the sockets of config.listen for config.threads threads; to be called before
 * privileges are dropped.  The process may have file_limit descriptors.  0 or -errno,
 * logged.
 */
int listeners_open(struct listeners **ret_listeners, struct config *config,
	size_t file_limit) __attribute__((warn_unused_result));

/* TCP connections that each of the threads, with this many sockets of its own, may
 * have: its share of the file_limit descriptors, less those for config's targets and
 * the rest of the gateway. */
size_t listener_connections_max(
	const struct config *config, size_t threads, size_t sockets, size_t file_limit);

/* Mailboxes, one per thread, for the zone thread's answers. */
size_t listeners_count(const struct listeners *listeners);
struct mailbox *listeners_mailbox(struct listeners *listeners, size_t index);

/* Starts the threads; judged requests go to the queue of their zone's thread. */
int listeners_start(struct listeners *listeners, struct queue *const *queues,
	unsigned count) __attribute__((warn_unused_result));

/* Recent refusals, by these threads or by the zone thread. */
struct refusals *listeners_refusals(struct listeners *listeners);

/* Callable from any thread. */
struct listener_totals listeners_totals(const struct listeners *listeners);

/* Takes effect with the next request; listen and threads do not change. */
void listeners_set_config(struct listeners *listeners, struct config *config);

/* Stops reading; returns when no thread will push to a queue any more. */
void listeners_stop_reading(struct listeners *listeners);
/* Sends what is left (within limits), ends the threads and frees everything. */
void listeners_free(struct listeners *listeners); /* NULL is harmless */

#endif
