/*
 * The durable store, behind a table of functions: no other file knows which database it
 * is.
 *
 * A struct store is one connection and belongs to one thread: the journal thread
 * writes, readers read (journal.h tells how it all fits together).  It contains:
 *
 *   journal    every change set, in order, with who made it and what was answered;
 *              updates that policy or a prerequisite refused, with the reason and
 *              without changes; what happened to hosts.  It is the queue of the
 *              targets and the audit trail in one
 *   cursors    per zone and target, the last sequence number that has been applied there;
 *              what the zone then was like there (store_belief); and how far later ones
 *              may have been sent (put_reach)
 *   marks      which serial the zone had there when that was applied, now and then
 *   set aside  change sets that a target refused for good
 *   records    the content of zones with a local target, as of that target's cursor
 *   leases     as they began or were last changed, and when their hosts had been seen
 *              when those last became stale or active
 *   holds      hosts that are exempt from expiry
 *
 * Where nothing else is said, functions return 0 or -errno: -ENOSPC if the disk is full,
 * -EIO for any other error of the database, whose text store_ops.error has.
 */
#ifndef MUSTER_STORE_H
#define MUSTER_STORE_H

#include "zones/changeset.h"
#include "zones/lease.h"

enum {
	/* change sets that are kept set aside: a person looks at them one by one */
	STORE_ASIDES_MAX = 10000,
	STORE_ERROR_MAX = 256,
	STORE_MAC_LEN = 16,
	/* Octets of a request that a row keeps: at least what its text shows
	 * (UPDATE_TEXT_MAX), since the text of a record rarely has fewer characters
	 * than half of its octets. */
	STORE_REQUEST_MAX = 2048,
};

struct store;

enum store_transport { STORE_NO_TRANSPORT, STORE_UDP, STORE_TCP };

/* Where something came from. */
struct store_source {
	struct ip_address address; /* family 0: not known */
	uint16_t port;
	enum store_transport transport; /* STORE_NO_TRANSPORT: no message, no port */
};

/* A row of the journal: an update, or what happened to a host.  row_text.h turns it into
 * text. */
struct store_row {
	uint64_t seq;         /* order of all rows; assigned by the journal thread */
	int64_t zone;         /* store_ops.zone_id */
	int64_t at_ms;        /* real time of the decision */
	uint64_t transaction; /* the update's name in logs and EDE texts; 0: our own */
	/* Who asked; for an event, who last refreshed the host's leases. */
	const uint8_t *key; /* name; NULL: unsigned, or the gateway itself */
	struct store_source source;
	uint16_t rcode;         /* what was answered */
	const char *reason;     /* why, for refusals and for the gateway's own changes */
	const uint8_t *request; /* update_decode; NULL: none */
	size_t request_len;
	const char *request_text; /* read only, instead of the octets: for rows from
	                           * before version 3 */
	const struct changeset *changes; /* NULL: nothing changed */
	const uint8_t *mac;   /* STORE_MAC_LEN octets of the request's; NULL: none */
	uint64_t time_signed; /* seconds since 1970; with mac */
	/* What happened to a host or to its zone, in one word: STORE_EVENT_EXPIRED or
	 * another; NULL: this is an update. */
	const char *event;
	const uint8_t *host; /* owner of its leases; NULL: the event is about the zone */
	int64_t seen_s;      /* with event: real time when the host was last heard of; 0:
	                 * not about that */
};

/* The event that puts a host among each_expired; the caller chooses other words. */
#define STORE_EVENT_EXPIRED "expired"

/* Which rows an administrator wants to see: all conditions must hold. */
struct store_filter {
	int64_t zone;       /* 0: of any */
	const uint8_t *key; /* name; NULL: of any */
	/* The host of the event, an owner that the changes touch, or one named in the
	 * request (row_request_names); NULL: any. */
	const uint8_t *name;
	bool events_only;
	uint64_t after, before; /* after < seq < before; before 0: no end */
	bool is_newest_first;
	bool wants_changes; /* store_row.changes is needed; otherwise it is NULL */
	size_t limit;       /* rows; 0: none */
};

/* Does the row match the filter?  Its changes count only if it contains them. */
bool store_row_is_wanted(const struct store_filter *filter, const struct store_row *row);

/* Where each_expired begins; afterwards where it continues. */
struct store_host_cursor {
	bool is_set;                /* false: at the first host; afterwards: at the end */
	uint8_t host[NAME_MAX_LEN]; /* behind this one */
};

/* What a zone is known to have had at a target (a second one: only the serial), when
 * everything up to the cursor had been applied there, and nothing else. */
struct store_belief {
	bool is_known;
	uint32_t serial;
	uint64_t records;
	int64_t at_ms; /* real time */
	bool is_mark;  /* it is also kept as one of many, to be found by its serial */
};

/* A change set that a target refused for good. */
struct store_set_aside {
	int64_t zone;
	const char *target;
	uint64_t seq;
	int64_t at_ms;
	struct verdict why;
};

/* What a zone's rows from first to last come to, so that most of them need not be kept
 * for targets. */
struct store_melting {
	int64_t zone;
	uint64_t first, last;
	size_t count;
	const uint64_t *seqs; /* the zone's last count rows with changes among them */
	struct changeset *const *parts; /* their new changes; the others have none */
};

struct store_ops {
	/* Creates, migrates or refuses (-EINVAL: made by a newer version). */
	int (*open)(
		struct store **ret_store, const char *path, char error[STORE_ERROR_MAX]);
	void (*close)(struct store *store); /* NULL is harmless */
	const char *(*error)(const struct store *store);

	/* Are its files still in place?  0; -ENOENT: one is gone; -ESTALE: another one
	 * is in the place of the database. */
	int (*check)(struct store *store);
	/* Writes what this connection sees to new, durable files in place of those that
	 * are gone.  Every connection, including this one, must then be opened again:
	 * until then it uses what was removed. */
	int (*rescue)(struct store *store);

	/* Durable once commit returns 0, if check succeeds too.  After a failure:
	 * rollback. */
	int (*begin)(struct store *store);
	int (*commit)(struct store *store);
	void (*rollback)(struct store *store);
	/* Commits go to a log.  Returns its length after this connection's last commit,
	 * in octets; 0: there is nothing to move. */
	uint64_t (*log_octets)(const struct store *store);
	/* Moves the log into the database, as far as no reader prevents it, in parallel
	 * with other connections' commits.  Returns what has been moved by now, and
	 * what has not, of the log as it was at the beginning: if nothing is left, the
	 * next commit starts it again. */
	int (*checkpoint)(struct store *store, uint64_t *ret_moved, uint64_t *ret_left);

	/* Finds or makes the number of a zone; only the journal thread calls this. */
	int (*zone_id)(struct store *store, const uint8_t *name, int64_t *ret_id);
	/* Finds it without writing; 0: the zone has none. */
	int (*find_zone)(struct store *store, const uint8_t *name, int64_t *ret_id);

	/* Its number is higher than those of all rows before. */
	int (*append)(struct store *store, const struct store_row *row);
	/* Corrects what was answered (a target refused it later). */
	int (*set_outcome)(
		struct store *store, uint64_t seq, uint16_t rcode, const char *reason);
	int (*last_seq)(struct store *store, uint64_t *ret_seq);
	/* Rows of a zone with changes, seq > after, in order, at most limit; visit gets
	 * these beside the row, which is valid only then, and takes its own reference.
	 * Stops when visit returns nonzero, and returns that. */
	int (*each_change)(struct store *store, int64_t zone, uint64_t after,
		size_t limit,
		int (*visit)(const struct store_row *row, struct changeset *changes,
			void *arg),
		void *arg);
	/* The number of those, up to limit. */
	int (*count_changes)(struct store *store, int64_t zone, uint64_t after,
		size_t limit, uint64_t *ret_count);
	/* For each_change, count_changes and prune. */
	int (*melt)(struct store *store, const struct store_melting *melting);
	/* Requests whose MAC was signed at or after since. */
	int (*each_mac)(struct store *store, uint64_t since,
		void (*visit)(const uint8_t *key, const uint8_t *mac,
			uint64_t time_signed, uint16_t rcode, void *arg),
		void *arg);

	int (*put_cursor)(
		struct store *store, int64_t zone, const char *target, uint64_t seq);
	int (*forget_cursor)(struct store *store, int64_t zone, const char *target);
	/* Stops when visit returns nonzero, and returns that. */
	int (*each_cursor)(struct store *store, int64_t zone,
		int (*visit)(const char *target, uint64_t seq, void *arg), void *arg);
	/* Of a target that has a cursor: no row behind seq has been sent to it.
	 * UINT64_MAX, as at first: any may have been. */
	int (*put_reach)(
		struct store *store, int64_t zone, const char *target, uint64_t seq);
	int (*find_reach)(
		struct store *store, int64_t zone, const char *target, uint64_t *ret_seq);
	/* Of a target that has a cursor, which is at seq. */
	int (*put_belief)(struct store *store, int64_t zone, const char *target,
		uint64_t seq, const struct store_belief *belief);
	/* The newest; is_known false: there is none. */
	int (*find_belief)(struct store *store, int64_t zone, const char *target,
		struct store_belief *ret_belief);
	/* A zone with this serial there has everything up to *ret_seq: of the newest
	 * mark whose serial is not newer.  0: there is no such mark. */
	int (*find_mark)(struct store *store, int64_t zone, const char *target,
		uint32_t serial, uint64_t *ret_seq);
	int (*set_aside)(struct store *store, int64_t zone, const char *target,
		uint64_t seq, int64_t at_ms, const struct verdict *why);
	/* It is no longer set aside. */
	int (*drop_aside)(
		struct store *store, int64_t zone, const char *target, uint64_t seq);

	/* set NULL: removes it. */
	int (*put_rrset)(struct store *store, int64_t zone, const uint8_t *owner,
		uint16_t type, const struct rrset *set);
	/* Loads a zone's content into an empty mirror. */
	int (*read_records)(struct store *store, int64_t zone, struct zone *mirror);

	/* Leases: each is identified by zone, owner, type and the exact octets of
	 * rdata. */
	int (*put_lease)(
		struct store *store, int64_t zone, const struct lease_record *lease);
	int (*remove_lease)(
		struct store *store, int64_t zone, const struct lease_record *lease);
	/* When and from where a host was last heard of: updates those of its leases (at
	 * owner) that have the key of last and an earlier time. */
	int (*note_seen)(struct store *store, int64_t zone, const uint8_t *owner,
		const struct lease_record *last);
	/* In no particular order.  Stops when visit returns nonzero, and returns that;
	 * so do the functions below. */
	int (*each_lease)(struct store *store, int64_t zone,
		int (*visit)(const struct lease_record *lease, void *arg), void *arg);
	int (*put_hold)(
		struct store *store, int64_t zone, const uint8_t *owner, bool is_held);
	int (*each_hold)(struct store *store, int64_t zone,
		int (*visit)(const uint8_t *owner, void *arg), void *arg);

	/*
	 * For the administrator.  A call looks at a bounded number of rows and blocks
	 * nothing: *ret_next is the seq to continue from (after, or before if newest
	 * first), 0 at the end.  It may be set even if nothing was found.  The row is
	 * valid only within visit.
	 */
	int (*each_row)(struct store *store, const struct store_filter *filter,
		uint64_t *ret_next, int (*visit)(const struct store_row *row, void *arg),
		void *arg);
	/* The row of an update by store_row.transaction; 0: there is none, or it has
	 * not been found yet.  *at is 0 at first, then where to continue; 0 again at
	 * the end. */
	int (*find_transaction)(struct store *store, uint64_t transaction, uint64_t *at,
		uint64_t *ret_seq);
	/* Hosts whose latest event is STORE_EVENT_EXPIRED and that have no lease now, at
	 * most limit, in the order of their names' octets; visit gets the row of that
	 * event. */
	int (*each_expired)(struct store *store, int64_t zone,
		struct store_host_cursor *at, size_t limit,
		int (*visit)(const struct store_row *row, void *arg), void *arg);
	int (*each_set_aside)(struct store *store,
		int (*visit)(const struct store_set_aside *aside, void *arg), void *arg);
	/* Every zone that ever existed. */
	int (*each_zone)(struct store *store,
		int (*visit)(int64_t id, const uint8_t *name, void *arg), void *arg);

	/* Octets of the database that are in use; the room left by removed rows does
	 * not count. */
	int (*used)(struct store *store, uint64_t *ret_octets);
	/* Looks at rows seq > from, at most limit, and deletes those older than
	 * before_ms that every cursor of their zone has passed, unless they are set
	 * aside; what is set aside beyond STORE_ASIDES_MAX is forgotten, the oldest
	 * first.  *ret_next is where to continue; 0: the rest is newer, and older marks
	 * have been deleted, too. */
	int (*prune)(struct store *store, int64_t before_ms, uint64_t from, size_t limit,
		uint64_t *ret_next);
};

extern const struct store_ops store_sqlite;

/* Does the database at path have content of this zone?  Changes nothing there; false if
 * it cannot be read. */
bool store_sqlite_has_zone(const char *path, const uint8_t *name);

#endif
