/*
 * Requests in a zone thread: judged, waiting, answered.
 *
 *   request.h        one request, whatever brought it
 *   dns_request.h    the DNS message around it
 *   signer.h         who signed it
 *   requests.c       what all requests of a zone thread share; answers
 *   judgement.c      updates: judged against the content, edits made of them
 *   waiting.c        those that wait for the primary target, and what becomes of them
 *   query.c          queries, transfers, NOTIFY
 *   query_signed.c   those that only the server which signs the zone can answer
 *   replay.h         the memory of requests
 *   seen.h           hosts last heard of at names without leases
 */
#ifndef MUSTER_REQUESTS_H
#define MUSTER_REQUESTS_H

#include "gateway/request/replay.h"
#include "gateway/request/seen.h"
#include "gateway/request/dns_request.h"

enum {
	REQUESTS_MAILBOXES = 64,       /* as many as config.threads may be */
	REQUESTS_REFUSALS_PER_S = 100, /* audit rows; further refusals are only logged */
	/* names of one heartbeat that are recorded (seen.h) */
	REQUESTS_SEEN_MAX = 16,
	REQUESTS_REFUSAL_SIZE = 1536, /* maximum octets of one in the journal */
	/* This part of a zone's max_size (one in this many) is kept for keys that hold
	 * no more than that part themselves. */
	REQUESTS_RESERVE_PART = 16,
	REQUESTS_SHARE_PART = 64,
};

/* ---- of a zone thread ---- */

/* Answers for one listener. */
struct requests_outbox {
	struct mailbox *to;
	struct queue_list answers; /* of this turn */
};

struct requests {
	struct zone_thread *thread;
	struct requests_outbox outboxes[REQUESTS_MAILBOXES]; /* by mailbox.number */
	size_t outbox_count;
	struct replay *replay;            /* shared: to be locked (replay_lock) */
	struct seen *seen;                /* hosts without leases */
	uint64_t replay_hits;             /* requests answered as before, or joined */
	uint8_t answer[WIRE_MESSAGE_MAX]; /* where answers to queries are built */
};

/* The memory of requests, shared by all zone threads: it is stored beside the database,
 * and settled by the journal.  places as for replay_new.  0 or -errno, logged;
 * replay_free. */
int requests_open_memory(struct replay **ret_replay, struct database *database,
	uint32_t places, unsigned max_fudge_s, int64_t now_s)
	__attribute__((warn_unused_result));

/* 0 or -ENOMEM; requests_close is needed either way. */
int requests_open(struct requests *requests, struct zone_thread *thread,
	struct replay *replay) __attribute__((warn_unused_result));
void requests_close(struct requests *requests);
/* The largest accepted fudge has changed. */
void requests_set_fudge(struct requests *requests, unsigned max_fudge_s);
/* Where answers will go, identified by its number.  0 or -ENOSPC. */
int requests_add_mailbox(struct requests *requests, struct mailbox *mailbox)
	__attribute__((warn_unused_result));
/* Sends the answers of this turn to their listeners. */
void requests_send(struct requests *requests);
/* Files beside the database may have been removed with it: creates them again. */
void requests_place_files(struct requests *requests);
/* Writes what must be written before any answer is sent. */
void requests_flush(struct requests *requests);

/* Returns a request to its receiver, with its verdict set: remembers the answer for its
 * twins, answers those that joined it, and logs a refusal. */
void requests_answer(struct requests *requests, struct request *request);
/* Likewise, with this verdict. */
void requests_refuse(
	struct requests *requests, struct request *request, struct verdict verdict);
/* Likewise, with the len octets that have been built in requests->answer. */
void requests_answer_query(
	struct requests *requests, struct dns_request *dns, size_t len);

/* ---- of a zone ---- */

struct signer_line;

/* Totals since the zone was opened. */
struct request_counters {
	uint64_t updates;    /* accepted, with a change */
	uint64_t heartbeats; /* accepted, without */
	uint64_t refused;    /* by policy, prerequisites or a target */
};

TAILQ_HEAD(request_list, request);

struct zone_requests {
	struct requests *all;
	struct content *content;
	struct request_list waiting; /* for the primary target, by deadline */
	struct request_list paused;  /* until the content's gate opens */
	struct alarm deadline;       /* of the first that waits */
	struct request_counters counters;
	int64_t refusal_s; /* the second that refusals counts for */
	unsigned refusals;
	struct signer_line *questions, *transfers; /* NULL: not yet (query_signed.c) */
};

extern const struct content_observer requests_observer;

void zone_requests_init(
	struct zone_requests *zone, struct requests *all, struct content *content);
void zone_requests_clear(struct zone_requests *zone);
/* Does nothing wait for an answer? */
bool zone_requests_are_quiet(const struct zone_requests *zone);
size_t zone_requests_count_waiting(const struct zone_requests *zone);
/* There is no time left to wait: answers all that wait; with ack = "applied" withdraws
 * their changes. */
void zone_requests_give_up(struct zone_requests *zone);

/* An update that its receiver has judged, refused or not.  Takes it over. */
void requests_update(struct zone_requests *zone, struct request *request);
/* A query or transfer.  Takes it over. */
void requests_query(struct zone_requests *zone, struct dns_request *dns);
/* NOTIFY (RFC 1996).  Takes it over. */
void requests_notified(struct zone_requests *zone, struct request *request);

/* ---- judgement.c ---- */

/* Judges an update by the present content.  NOERROR: it is in the edit, which is empty
 * if it was a heartbeat; otherwise the edit is unchanged. */
struct verdict requests_evaluate(
	struct zone_requests *zone, const struct request *request, struct edit *edit);
/* Judges an update, again if the first time came to nothing, and does what follows. */
void requests_judge(struct zone_requests *zone, struct request *request);

/* Tells the observers of the content that an update was accepted. */
void requests_accept(struct zone_requests *zone, struct request *request,
	const struct changeset *changes);

/* ---- waiting.c ---- */

/* Until the content's gate opens. */
void requests_pause(struct zone_requests *zone, struct request *request);

/* For an update whose edit is in progress. */
extern const struct edit_ops requests_edit_ops;
/* The answer to a heartbeat waits for what it found. */
void requests_wait_for_newest(struct zone_requests *zone, struct request *request);
/* Judges durable edits whose clients still wait again, since the content under them has
 * changed.  They get the answer that is right now. */
void requests_judge_again(struct zone_requests *zone);
/* The same for those that ask about the names of a change that has been undone, and so
 * may have been judged by it. */
void requests_judge_again_without(
	struct zone_requests *zone, const struct changeset *undone);

/* ---- query.c ---- */

/* Octets left for an answer without its signature. */
size_t requests_answer_limit(const struct dns_request *dns);

/* ---- query_signed.c ---- */

/* Is this a query that only the primary target can answer, since it signs the zone? */
bool requests_are_for_signer(
	const struct zone_requests *zone, const struct dns_request *dns);
/* Asks the primary target.  Takes over the query. */
void requests_ask_signer(struct zone_requests *zone, struct dns_request *dns);
bool requests_is_asking(const struct zone_requests *zone);
/* Answers all that wait for it. */
void requests_give_up_asking(struct zone_requests *zone);
void requests_signer_clear(struct zone_requests *zone);

#endif
