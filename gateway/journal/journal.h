/*
 * The journal thread: makes things durable, in order, in groups.
 *
 * Zone threads submit operations; the journal thread takes all that wait, does them in
 * one database transaction with one sync (group commit), and gives each back to the
 * client that it is of.  If one fails, the whole group is rolled back, and every later
 * operation of a client that had one in it fails too, until that client has taken back
 * what it built on them and calls journal_resume: nothing is ever committed on top of
 * something that was not.  No client builds on what another has submitted, so those
 * without an operation in the group go on.
 */
#ifndef MUSTER_JOURNAL_H
#define MUSTER_JOURNAL_H

#include <stdatomic.h>

#include "gateway/base/queue.h"
#include "gateway/journal/store.h"
#include "tsig/key.h"

/* A database of more octets keeps delivered rows only for JOURNAL_SHORT_MS.  It does not
 * get smaller by that, but what it forgets makes room for what comes. */
#define JOURNAL_FILE_MAX ((int64_t)16 << 30)
/* What was signed ahead may come again for so long. */
enum { JOURNAL_SHORT_MS = 2 * KEYRING_FUDGE_MAX_S * 1000 };

enum journal_kind {
	JOURNAL_APPEND,    /* a row: a change set with its leases, a refusal, an event */
	JOURNAL_LEASES,    /* leases as they are now */
	JOURNAL_HOLD,      /* host is exempt from expiry, or no longer */
	JOURNAL_BARRIER,   /* nothing, but a look at how much of the database is in use:
			    * durable means that everything before it is, but
			    * for JOURNAL_RECORDS that are still being written */
	JOURNAL_PROBE,     /* nothing, but a write: does the database work? */
	JOURNAL_OUTCOME,   /* corrects a row's rcode and reason */
	JOURNAL_CURSOR,    /* a target has applied everything up to seq */
	JOURNAL_RECORDS,   /* the final states in changes become a local zone's records,
			    * bit by bit, and at the end the target's cursor moves to
			    * seq; what is submitted behind it may be done before */
	JOURNAL_CONTENT,   /* the whole content becomes a local zone's records */
	JOURNAL_SET_ASIDE, /* a target refused seq for good */
	JOURNAL_FORGET,    /* a target is no longer configured: nothing is owed to it */
	JOURNAL_PRUNE, /* one step of forgetting delivered rows older than at_ms, from seq
			* on; seq becomes where the next step begins, 0 at the end */
};

/*
 * Who asked for what a row tells of, and for what.  Everything it points to is borrowed
 * until the operation is done.
 */
struct journal_request {
	uint64_t id;        /* what logs and EDE texts call it; 0: the gateway's own */
	const uint8_t *key; /* name in wire form; NULL: unsigned */
	struct ip_address source;
	uint16_t port;
	bool is_tcp;
	const uint8_t *mac;   /* with key: STORE_MAC_LEN octets; NULL: none */
	uint64_t time_signed; /* seconds since 1970; with mac */
	/* What is asked for; NULL: nothing, or it could not be read.  If it is a message,
	 * the octets of that up to its additional section. */
	const struct update *update;
	const uint8_t *octets;
	size_t octets_len;
};

/* Who submits operations: a zone thread. */
struct journal_client {
	struct queue done;     /* operations come back here */
	atomic_bool is_broken; /* set by the journal, cleared by journal_resume */
	/* The journal thread's. */
	struct queue_list back; /* of a group, until all of it is known */
	struct journal_client *next_back;
};

int journal_client_init(struct journal_client *client) /* 0 or -errno */
	__attribute__((warn_unused_result));
/* When nothing of it is with the journal any more. */
void journal_client_clear(struct journal_client *client);

struct journal_op {
	struct queue_node node;        /* first */
	struct journal_client *client; /* whose it is */
	enum journal_kind kind;
	int64_t zone; /* store_ops.zone_id */
	uint64_t seq;
	int64_t at_ms;
	struct journal_request request;  /* JOURNAL_APPEND: whose row it is */
	const struct changeset *changes; /* borrowed until done */
	/* JOURNAL_LEASES: borrowed until done.  (Those of a row are in its changes.) */
	const struct lease_changes *leases;
	bool is_held;        /* JOURNAL_HOLD */
	const char *event;   /* JOURNAL_APPEND: store_row.event; static; NULL: none */
	const uint8_t *host; /* with event, JOURNAL_HOLD: borrowed until done */
	/* With host: key, source and time of what was last heard of it, which its leases
	 * of that key then say too; borrowed until done; may be NULL. */
	const struct lease_record *last;
	const struct zone *content; /* JOURNAL_CONTENT: must not change until
					  * done */
	const char *target;         /* borrowed until done */
	struct verdict verdict;     /* what was answered, or why set aside */
	uint64_t used; /* JOURNAL_BARRIER, set by the journal: octets of the database that
			* hold something (store_ops.used); 0: not known */
	size_t *outstanding; /* counts its submitter's operations that are under way;
			      * NULL: nobody does */
	int result;          /* 0 or -errno, set by the journal */
	void (*done)(struct journal_op *op, void *arg); /* in the zone thread */
	void *arg;
};

struct journal;

/* Opens the store (whose errors come back in error) and starts the thread. */
int journal_new(struct journal **ret_journal, const struct store_ops *ops,
	const char *path, char error[STORE_ERROR_MAX]);
/* Does what was submitted, and ends the thread; journal_last_error still answers. */
void journal_stop(struct journal *journal);
/* The same, unless it is done, and closes the store.  NULL is harmless. */
void journal_free(struct journal *journal);

/* Any thread. */
void journal_submit(struct journal *journal, struct queue_list *ops);
/* The client's operations are all back, and what it built on those that failed is undone.
 */
void journal_resume(struct journal_client *client);
/* Has the last group failed that would have written something?  Any thread. */
bool journal_is_failing(const struct journal *journal);

/*
 * The journal looks with every group whether the files are in place (store_ops.check).
 * Files that somebody has removed are written anew, as they were, and the group goes
 * there: then this number becomes another, and whoever has the database open besides has
 * to open it anew.  If that can not be done, or another file stands in the database's
 * place, the group fails.
 */
unsigned journal_generation(const struct journal *journal);
/* JOURNAL_PRUNE's at_ms, or later if the database at path is too large. */
int64_t journal_prune_before_ms(const char *path, int64_t at_ms, int64_t now_ms);
/* Totals since journal_new; any thread. */
struct journal_totals {
	uint64_t commits;    /* that are durable */
	uint64_t operations; /* in them */
	uint64_t failures;   /* groups that are not */
	uint64_t busy_us;    /* time in all of them */
};
struct journal_totals journal_totals(const struct journal *journal);
/* What the database said when it last failed; for logs and EDE texts. */
void journal_last_error(struct journal *journal, char ret_error[STORE_ERROR_MAX]);

#endif
