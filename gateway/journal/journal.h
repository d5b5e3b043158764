/*
 * The journal: what must survive, and the thread that makes it durable.
 *
 * A row is one update as it was decided, with its change set or with the reason of the
 * refusal, or something that happened to a host.  The rows are the audit trail, and they
 * are the queue of the targets: each target of a zone has a cursor, the number of the
 * last row that it has applied.  Beside the rows the database contains the leases, the
 * holds, the records of local zones, and what targets refused for good (store.h).
 *
 * Zone threads submit operations.  The journal thread takes all that wait, does them in
 * one database transaction with one sync (group commit), and returns each to its client.
 * If one fails, the whole group is rolled back, and every later operation of a client
 * that had one in it fails too, until that client has undone what it built on them and
 * calls journal_resume: nothing is ever committed on top of something that was not.
 * Clients do not build on each other's operations, so those without one in the group
 * continue.
 *
 * What happens to a row, and where:
 *
 *   numbers      The journal numbers rows in the order in which it writes them, so the
 *                order of numbers is that of commits (journal_last_seq).
 *   packs        A statement for each row would cost more than everything else.  The
 *                rows of one transaction are gathered as octets and written together;
 *                only events, which have an index, are written one by one
 *                (store_packs.c).  Readers see them in one order (store_rows.c).
 *   spans        No index has rows by zone.  Instead, each transaction notes for each of
 *                its zones between which numbers the changes are (store_journal.c).
 *   records      What a local zone's changes come to is written to its records in small
 *                steps, so that no commit waits for thousands.  Until its cursor has
 *                moved, a start applies the rows once more (record_writer.h).
 *   checkpoints  A commit only appends to the database's log.  Another thread moves the
 *                log into the database, beside the commits (checkpoint.h).
 *   files        Nothing is called durable before it has been checked that the files
 *                still have their names.  Removed ones are written again
 *                (store_files.c).
 *   reading      Whoever needs rows reads them in a thread and with a connection of its
 *                own (reader.h): a backlog in pieces, or what an administrator asks for
 *                (store_audit.c, row_text.h).
 *   pruning      Rows that are old, and that every target of their zone has, are removed
 *                in bounded steps (store_prune.c).
 *   melting      If the database is large, and a target is down, rows that wait for it
 *                become what they come to, so that the others can be removed, too
 *                (store_melt.c, delivery/delivery_shrink.c).
 *
 * Refusals of strangers are not rows, since strangers would determine how much is
 * written: the last of them are in memory (refusals.h).
 */
#ifndef MUSTER_JOURNAL_H
#define MUSTER_JOURNAL_H

#include <stdatomic.h>

#include "gateway/base/queue.h"
#include "gateway/journal/store.h"
#include "tsig/key.h"

/* A database with more octets keeps delivered rows only for JOURNAL_SHORT_MS.  That
 * does not make it smaller, but what is removed makes room for new rows. */
#define JOURNAL_FILE_MAX ((int64_t)16 << 30)
/* For this long, a request signed ahead of time may come again. */
enum { JOURNAL_SHORT_MS = 2 * KEYRING_FUDGE_MAX_S * 1000 };

enum journal_kind {
	JOURNAL_ZONE,      /* the zone named by host gets a number, which becomes zone */
	JOURNAL_APPEND,    /* a row: a change set with its leases, a refusal, an event */
	JOURNAL_LEASES,    /* leases as they are now */
	JOURNAL_HOLD,      /* host becomes exempt from expiry, or stops being so */
	JOURNAL_BARRIER,   /* only checks how much of the database is in use: when it
	                    * is durable, so is everything before it, except
	                    * JOURNAL_RECORDS that are still being written */
	JOURNAL_PROBE,     /* only a write, to see whether the database works */
	JOURNAL_OUTCOME,   /* corrects a row's rcode and reason */
	JOURNAL_CURSOR,    /* a target has applied everything up to seq, and belief, if it
	                    * is known, is what it has then */
	JOURNAL_REACH,     /* nothing behind seq has been sent to a target
	                    * (store_ops.put_reach) */
	JOURNAL_RECORDS,   /* the final states in changes become a local zone's
	                    * records, bit by bit, then all of content, its SOA last
	                    * (NULL: neither), and at the end the target's cursor
	                    * moves to seq; operations submitted later may be done
	                    * first */
	JOURNAL_SET_ASIDE, /* a target refused seq for good */
	JOURNAL_DROP_ASIDE, /* ... which is forgotten, or tried again */
	/* a target is no longer configured, and gets nothing any more */
	JOURNAL_FORGET,
	JOURNAL_MELT,  /* a zone's rows become what they come to, for its targets */
	JOURNAL_PRUNE, /* one step of removing delivered rows older than at_ms, from
	                * seq on; seq becomes the start of the next step, 0 at the end */
};

/*
 * Who asked for what a row records, and for what.  Everything it points to is borrowed
 * until the operation is done.
 */
struct journal_request {
	uint64_t id;        /* its name in logs and EDE texts; 0: the gateway's own */
	const uint8_t *key; /* name in wire form; NULL: unsigned */
	struct ip_address source;
	uint16_t port;
	bool is_tcp;
	const uint8_t *mac;   /* with key: STORE_MAC_LEN octets; NULL: none */
	uint64_t time_signed; /* seconds since 1970; with mac */
	/* What is asked for; NULL: nothing, or it could not be read.  For a message,
	 * its octets up to the additional section. */
	const struct update *update;
	const uint8_t *octets;
	size_t octets_len;
};

/* A submitter of operations: a zone thread. */
struct journal_client {
	struct queue done;     /* operations come back here */
	atomic_bool is_broken; /* set by the journal, cleared by journal_resume */
	/* Private to the journal thread. */
	struct queue_list back; /* of a group, until the whole result is known */
	struct journal_client *next_back;
};

int journal_client_init(struct journal_client *client) /* 0 or -errno */
	__attribute__((warn_unused_result));
/* To be called when the journal has none of its operations any more. */
void journal_client_clear(struct journal_client *client);

struct journal_op {
	struct queue_node node;        /* first */
	struct journal_client *client; /* its submitter */
	enum journal_kind kind;
	int64_t zone; /* store_ops.zone_id */
	uint64_t seq; /* JOURNAL_APPEND: the row's number, set by the journal */
	int64_t at_ms;
	struct journal_request request;  /* JOURNAL_APPEND: the request of the row */
	const struct changeset *changes; /* borrowed until done */
	/* JOURNAL_LEASES: borrowed until done.  (Those of a row are in its changes.) */
	const struct lease_changes *leases;
	bool is_held;        /* JOURNAL_HOLD */
	const char *event;   /* JOURNAL_APPEND: store_row.event; static; NULL: none */
	const uint8_t *host; /* with event, JOURNAL_HOLD, JOURNAL_ZONE: borrowed until
			      * done */
	/* With host: key, source and time of what was last heard of it, which are then
	 * also stored in its leases of that key; borrowed until done; may be NULL. */
	const struct lease_record *last;
	const struct zone *content; /* JOURNAL_RECORDS: must not change until done */
	const struct store_melting *melting; /* JOURNAL_MELT: borrowed until done */
	const char *target;                  /* borrowed until done */
	struct store_belief belief;          /* JOURNAL_CURSOR */
	struct verdict verdict; /* what was answered, or why it was set aside */
	uint64_t used; /* JOURNAL_BARRIER, set by the journal: octets of the database
	                * that are in use (store_ops.used); 0: not known */
	size_t *outstanding; /* counts its submitter's operations in progress; NULL:
	                      * they are not counted */
	int result;          /* 0 or -errno, set by the journal */
	void (*done)(struct journal_op *op, void *arg); /* in the zone thread */
	void *arg;
};

struct journal;

/* Opens the store (whose errors are returned in error) and starts the thread. */
int journal_new(struct journal **ret_journal, const struct store_ops *ops,
	const char *path, char error[STORE_ERROR_MAX]);
/* Does what was submitted, and ends the thread; journal_last_error can still be
 * called. */
void journal_stop(struct journal *journal);
/* Stops it if necessary, and closes the store.  NULL is harmless. */
void journal_free(struct journal *journal);

/* From any thread. */
void journal_submit(struct journal *journal, struct queue_list *ops);
/* The client has all its operations back, and has undone what it built on those that
 * failed. */
void journal_resume(struct journal_client *client);
/* Has a group failed, and none been written since?  From any thread. */
bool journal_is_failing(const struct journal *journal);

/*
 * With every group, the journal checks whether the files are in place
 * (store_ops.check).  Files that somebody has removed are written again, as they were,
 * and the group goes there: then this number changes, and all other users of the
 * database must open it again.  If that cannot be done, or another file has replaced
 * the database, the group fails.
 */
unsigned journal_generation(const struct journal *journal);

/* The number of the newest row in the database, or a higher one that will not be given
 * out; never 0.  Rows are numbered in the order in which they are committed: whoever sees
 * one in the database sees all that have lower numbers.  From any thread. */
uint64_t journal_last_seq(const struct journal *journal);
/* Before anything is submitted: numbers up to seq are not given out. */
void journal_pass_seq(struct journal *journal, uint64_t seq);

/* JOURNAL_PRUNE's at_ms, or later if the database at path is too large. */
int64_t journal_prune_before_ms(const char *path, int64_t at_ms, int64_t now_ms);
/* Totals since journal_new; from any thread. */
struct journal_totals {
	uint64_t commits;    /* durable groups */
	uint64_t operations; /* in them */
	uint64_t failures;   /* groups that failed */
	uint64_t busy_us;    /* time in all of them */
};
struct journal_totals journal_totals(const struct journal *journal);
/* The database's last error, for logs and EDE texts. */
void journal_last_error(struct journal *journal, char ret_error[STORE_ERROR_MAX]);

#endif
