/*
 * A request, independent of how it came: who asks, for what, what was granted, and what
 * becomes of it.  Judging and waiting in the zone thread use nothing else; if it came
 * as a DNS message, that is around it (dns_request.h).
 *
 * Its receiver makes it, judges what can be judged without the zone (intake.h) and
 * passes it to the zone thread; from there it goes to the journal, to the targets, and
 * by reply back to its receiver, with its verdict.  At every moment one thread owns it:
 * the one whose queue or structure it is in.  (While it is with the journal, the
 * journal thread reads it and the zone thread does not touch it.)
 */
#ifndef MUSTER_REQUEST_H
#define MUSTER_REQUEST_H

#include "gateway/config/config.h"
#include "gateway/base/queue.h"
#include "gateway/content/edit.h"
#include "gateway/journal/journal.h"
#include "gateway/request/signer.h"
#include "zones/lease.h"
#include "zones/update.h"

enum request_kind { REQUEST_OTHER, REQUEST_UPDATE, REQUEST_QUERY, REQUEST_NOTIFY };

/*
 *	received   -> judged
 *	judged     -> committing, delivering, joined, answered
 *	committing -> delivering, answered; judged again
 *	delivering -> answered; judged again; committing, if its change is replaced or
 *	              taken back
 *	joined     -> answered
 *
 * It is judged again if what it found comes to nothing.  If its receiver answers it by
 * itself, its state stays what it is.
 */
enum request_state {
	REQUEST_RECEIVED,   /* with its receiver */
	REQUEST_JUDGED,     /* on the way to, or in, the zone thread */
	REQUEST_COMMITTING, /* its change set is on the way to the disk */
	REQUEST_DELIVERING, /* durable; waits for the primary target */
	REQUEST_JOINED,     /* a retransmission of one that is still in progress */
	REQUEST_ANSWERED,   /* on the way back to, or at, its receiver */
};

struct refusals;
struct replay_entry;
struct request_list;
struct zone_requests;

struct request {
	struct queue_node node; /* first: queues carry requests by it */
	enum request_kind kind;
	enum request_state state;
	uint64_t id;           /* its name in logs, audit and EDE texts */
	int64_t received_ms;   /* monotonic */
	int64_t real_s;        /* real time of receipt, seconds since 1970 */
	struct config *config; /* counted: the keys, zones and rules it is judged by */
	const struct config_zone *zone; /* of config; NULL: not a served zone */

	/* Who asks. */
	struct policy_subject subject;
	uint16_t port;         /* of subject.source */
	struct signer *signer; /* NULL: it is not signed */
	/* Its id is another one than when it was signed: Kea's transport does that.  Kea
	 * waits for an answer for 100 ms. */
	bool is_renumbered;

	/* For what. */
	struct update *update; /* owned; NULL: not an update, or not read yet */
	/* RFC 9664, of updates: what was asked for and, if policy let them in, what is
	 * granted.  form 0: there was no option. */
	struct lease_terms lease_asked, lease_granted;

	/* Its way through the zone thread. */
	/* where its answer will be remembered; NULL: nowhere */
	struct replay_entry *replay;
	struct request *twins; /* retransmissions that wait for the same answer,
				      * linked by next_twin */
	struct request *next_twin;
	struct zone_requests *requests; /* of its zone */
	struct edit *edit;              /* what it did, while that is in progress */
	/* for the edit of another request (if it is a heartbeat) */
	struct edit_waiter waiter;
	TAILQ_ENTRY(request) entry; /* in one of zone_requests' lists */
	struct request_list *list;  /* the list it is in; NULL: none */
	int64_t deadline_ms; /* monotonic; when the zone's ack_timeout ends; 0: it does
	                      * not wait yet */

	/* The answer. */
	struct verdict verdict;
	struct mailbox *reply;     /* of its receiver, which knows what is around it */
	struct refusals *refusals; /* remembers refusals; NULL: they are not remembered */
	/* Adds what the journal stores about how it came; NULL: nothing more. */
	void (*describe)(const struct request *request, struct journal_request *ret);
};

/* Sets what must be set in a request that is all zeros. */
void request_init(struct request *request, struct config *config);
/* Frees what it owns. */
void request_clear(struct request *request);

/* The only function that changes the state.  False: there is no such transition; this
 * is logged as a bug, and nothing changes. */
bool request_set_state(struct request *request, enum request_state state);

/* What the journal stores about it; points into the request. */
struct journal_request request_for_journal(const struct request *request);

/* Logs one line about a refusal: "update ID from PEER key KEY zone ZONE: RCODE:
 * reason".  What is logged is also remembered (refusals.h). */
void request_log_refusal(const struct request *request);

#endif
