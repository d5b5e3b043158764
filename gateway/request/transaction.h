/*
 * One request from receipt to response.
 *
 * A listener makes it, judges what can be judged from the octets (intake.h) and answers
 * it or hands it to the zone thread; from there it goes to the journal, to the targets,
 * and back to its listener, which signs, sends and frees it.  At every moment one thread
 * owns it: the one whose queue or structure it stands in.  (While it is with the journal,
 * the journal thread reads it and the zone thread leaves it alone.)
 */
#ifndef MUSTER_TRANSACTION_H
#define MUSTER_TRANSACTION_H

#include "gateway/config/config.h"
#include "gateway/base/queue.h"
#include "gateway/journal/journal.h"
#include "gateway/answer/transfer.h"
#include "gateway/content/edit.h"
#include "gateway/request/tsig_signer.h"
#include "zones/lease.h"
#include "zones/update.h"

enum transaction_state {
	TRANSACTION_RECEIVED,   /* with its listener */
	TRANSACTION_JUDGED,     /* on the way to, or in, the zone thread */
	TRANSACTION_COMMITTING, /* its change set is on the way to the disk */
	TRANSACTION_DELIVERING, /* durable; waits for the primary target */
	TRANSACTION_JOINED,     /* a retransmission of one that is still in progress */
	TRANSACTION_ANSWERED,   /* on the way back to, or in, its listener */
};

struct connection;
struct transaction_list;
struct zone_requests;
struct refusals;
struct replay_entry;

/* Who sent it, and how to answer. */
struct transaction_peer {
	struct sockaddr_storage address;
	socklen_t address_len;
	struct mailbox *mailbox;       /* of the listener that will answer */
	struct connection *connection; /* the listener's; NULL: UDP */
	int socket;                    /* UDP: which socket it came by */
	struct ip_address local;       /* UDP: the address it was sent to; family 0: not
					* known, let the kernel choose */
	unsigned interface;            /* UDP: for link-local answers; 0: any */
	struct refusals *refusals;     /* remembers what is refused; NULL: nobody does */
};

struct transaction {
	struct queue_node node; /* first: queues carry transactions by it */
	enum transaction_state state;
	uint64_t id;           /* what logs, audit and EDE texts call it */
	int64_t received_ms;   /* monotonic */
	int64_t real_s;        /* real time of receipt, seconds since 1970 */
	struct config *config; /* counted: keys, zones and rules it is judged by */
	const struct config_zone *zone; /* of config; NULL: no served zone */
	struct transaction_peer peer;

	/* The request. */
	struct wire_message walk;
	struct signer *signer;   /* NULL: it is not signed */
	struct tsig_signer tsig; /* signer, if it is signed so */
	struct policy_subject subject;
	struct update *update; /* owned; NULL: not an update, or not read yet */
	/* RFC 9664, of updates: what was asked for, and, if policy let them in, what is
	 * granted.  form 0: there was no option. */
	struct lease_terms lease_asked, lease_granted;
	uint16_t question_type; /* of queries */

	/* Its way through the zone thread. */
	struct replay_entry *replay; /* where its answer will be remembered; NULL: not */
	struct transaction *twins;   /* retransmissions that wait for the same answer,
				      * linked by wait_next */
	struct transaction *wait_next;
	struct zone_requests *requests; /* of its zone */
	struct edit *edit;              /* what it did, while that is on its way */
	struct edit_waiter waiter;      /* for somebody else's (a heartbeat's) */
	struct content_caller caller;   /* at the gate (a transfer's) */
	TAILQ_ENTRY(transaction) entry; /* in one of zone_requests' lists */
	struct transaction_list *list;  /* which; NULL: none */
	int64_t deadline_ms; /* monotonic; when the zone's ack_timeout ends; 0: it has not
			      * begun to wait */

	/* The response. */
	struct verdict verdict;
	uint8_t *answer; /* owned; NULL: compose one from the verdict */
	size_t answer_len;
	struct transfer *transfer; /* counted; NULL: no zone transfer */

	size_t len;
	uint8_t msg[]; /* the request as it came */
};

/* Copies the message.  NULL: no memory. */
struct transaction *transaction_new(struct config *config,
	const struct transaction_peer *peer, const uint8_t *msg, size_t len);
/* Frees it and what it owns; NULL is harmless. */
void transaction_free(struct transaction *transaction);

/* The only place where state changes. */
void transaction_set_state(struct transaction *transaction, enum transaction_state state);

static inline bool transaction_is_tcp(const struct transaction *t)
{
	return t->peer.connection != NULL;
}

/* "192.0.2.1#5353/udp". */
enum { TRANSACTION_PEER_MAX = 80 };
void transaction_peer_text(
	const struct transaction *transaction, char buf[TRANSACTION_PEER_MAX]);

/* What the journal stores of it; points into the transaction. */
struct journal_request transaction_journal_request(const struct transaction *transaction);

/* One line about a refusal, and who is to blame: "update 1f3a of dyn.example. by key
 * ...".  What the log says is remembered (refusals.h). */
void transaction_log_refusal(const struct transaction *transaction);

#endif
