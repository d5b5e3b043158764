/*
 * A request, apart from what brought it: who asks, for what, what was granted, and what
 * becomes of it.  It is all that the zone thread's judgement and waiting know; a DNS
 * message that brought it is around it (dns_request.h).
 *
 * Whoever receives it makes it, judges what can be judged without the zone (intake.h) and
 * hands it to the zone thread; from there it goes to the journal, to the targets, and
 * back by reply to whoever received it, with its verdict.  At every moment one thread
 * owns it: the one whose queue or structure it stands in.  (While it is with the journal,
 * the journal thread reads it and the zone thread leaves it alone.)
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
 * It is judged again if what it found comes to nothing.  Whoever received it may also
 * answer it before the zone thread has it.
 */
enum request_state {
	REQUEST_RECEIVED,   /* with whoever received it */
	REQUEST_JUDGED,     /* on the way to, or in, the zone thread */
	REQUEST_COMMITTING, /* its change set is on the way to the disk */
	REQUEST_DELIVERING, /* durable; waits for the primary target */
	REQUEST_JOINED,     /* a retransmission of one that is still in progress */
	REQUEST_ANSWERED,   /* on the way back to, or with, whoever received it */
};

struct refusals;
struct replay_entry;
struct request_list;
struct zone_requests;

struct request {
	struct queue_node node; /* first: queues carry requests by it */
	enum request_kind kind;
	enum request_state state;
	uint64_t id;           /* what logs, audit and EDE texts call it */
	int64_t received_ms;   /* monotonic */
	int64_t real_s;        /* real time of receipt, seconds since 1970 */
	struct config *config; /* counted: keys, zones and rules it is judged by */
	const struct config_zone *zone; /* of config; NULL: no served zone */

	/* Who asks. */
	struct policy_subject subject;
	uint16_t port;         /* of subject.source */
	struct signer *signer; /* NULL: it is not signed */

	/* For what. */
	struct update *update; /* owned; NULL: not an update, or not read yet */
	/* RFC 9664, of updates: what was asked for, and, if policy let them in, what is
	 * granted.  form 0: there was no option. */
	struct lease_terms lease_asked, lease_granted;

	/* Its way through the zone thread. */
	struct replay_entry *replay; /* where its answer will be remembered; NULL: not */
	struct request *twins;       /* retransmissions that wait for the same answer,
				      * linked by next_twin */
	struct request *next_twin;
	struct zone_requests *requests; /* of its zone */
	struct edit *edit;              /* what it did, while that is on its way */
	struct edit_waiter waiter;      /* for somebody else's (a heartbeat's) */
	TAILQ_ENTRY(request) entry;     /* in one of zone_requests' lists */
	struct request_list *list;      /* which; NULL: none */
	int64_t deadline_ms; /* monotonic; when the zone's ack_timeout ends; 0: it has not
			      * begun to wait */

	/* The answer. */
	struct verdict verdict;
	struct mailbox *reply; /* of whoever received it, and knows what is around it */
	struct refusals *refusals; /* remembers what is refused; NULL: nobody does */
	/* Adds what the journal stores of what brought it; NULL: nothing more. */
	void (*describe)(const struct request *request, struct journal_request *ret);
};

/* Sets what has to be set of one that is all zeros. */
void request_init(struct request *request, struct config *config);
/* Frees what it owns. */
void request_clear(struct request *request);

/* The only place where state changes.  False: there is no way from the one to the other,
 * which is logged as the mistake that it is, and nothing has changed. */
bool request_set_state(struct request *request, enum request_state state);

/* What the journal stores of it; points into the request. */
struct journal_request request_for_journal(const struct request *request);

/* One line about a refusal, and who is to blame: "update 1f3a of dyn.example. by key
 * ...".  What the log says is remembered (refusals.h). */
void request_log_refusal(const struct request *request);

#endif
