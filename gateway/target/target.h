/*
 * A target: whatever holds a zone, seen as three operations.
 *
 *   load     its whole content, or what changed there since we last looked
 *   probe    its SOA, to see whether somebody else changed the zone
 *   deliver  bring a batch of changes to it, all or nothing
 *
 * It is a server, or the gateway's own database (target_local.c).  What a delivery does
 * differently for one type than for another is a member of struct target_ops.
 *
 * Targets live in the zone thread and on its event base.  At most one operation of a
 * target is under way; its callback comes once, never from within the call that began it,
 * unless the target is freed first.  The exception are batches, of which several may be
 * delivered at once (takes_more): each builds on the one before, and their callbacks come
 * in their order.  If one is not DONE, those behind it get no callback: they were not
 * applied, unless it has FAILED, and then nothing is known of them either.
 *
 * The target remembers the SOA that the zone has there ("believed"), as of its last
 * load, probe or deliver.  A delivery compares with it and fails with TARGET_CHANGED if
 * the zone has been changed by others, so that such changes are noticed, not
 * overwritten.
 */
#ifndef MUSTER_TARGET_H
#define MUSTER_TARGET_H

#include <event2/event.h>
#include "gateway/base/alarm.h"
#include "gateway/config/config.h"
#include "gateway/journal/journal.h"
#include "gateway/target/target_trouble.h"
#include "zones/update.h"

enum target_outcome {
	TARGET_DONE,     /* applied, and durable as far as the server reports */
	TARGET_CHANGED,  /* nothing applied: the zone there is not as believed.  If the
	                  * batch was a retry, an earlier try may have been applied */
	TARGET_REJECTED, /* nothing applied, and this batch never will be: see verdict */
	/* unreachable, timed out or busy: try again; the outcome is unknown */
	TARGET_FAILED,
};

struct target_result {
	enum target_outcome outcome;
	enum target_trouble trouble; /* of FAILED: what kind it is */
	struct verdict verdict;      /* why, unless DONE */
	/* SOA that the zone now has there, borrowed; NULL: not known, as after FAILED */
	struct rrset *soa;
	/* deliver, DONE: others may have changed the zone at the same moment: only a
	 * check, or a load, shows it */
	bool maybe_others;
	/* deliver, FAILED: perhaps it is this batch, of which nothing was applied, and
	 * not the server: it should not be in the way of others.  If the server then
	 * applies others, the batch is REJECTED. */
	bool is_doubtful;
};

typedef void target_done(void *arg, const struct target_result *result);

/* What load found: outcome DONE and either zone or difference; or the reason for its
 * failure. */
struct target_content {
	struct target_result result;
	struct zone *zone;         /* whole content; taken over by the callback */
	struct update *difference; /* only changes, class NONE deletes, IN adds, in
	                            * order, from the SOA of the last load to
	                            * result.soa; taken over by the callback.
	                            * change_count 0: nothing has changed. */
};

typedef void target_loaded(void *arg, struct target_content *content);

struct target_batch {
	struct changeset *changes; /* merged; must not be changed; borrowed until the
	                            * callback */
	uint64_t seq;              /* it has everything up to here */
	bool is_retry; /* the same batch was tried before, with unknown outcome */
	bool is_exact; /* as far as is known, the target has what is before the changes */
};

/*
 * For a target to which one large change set costs less than many small ones: it lags
 * behind on purpose.  Meanwhile change sets melt into one, so that many changes of an
 * RRset become one, and need little memory.  They can no longer be told apart: such a
 * target must refuse nothing, and nobody else may change the zone there.
 */
struct target_lag {
	unsigned few_ms; /* how long it lags while up to few change sets have melted */
	size_t few;
	unsigned many_ms; /* how long it lags with more */
	size_t max;       /* with so many it lags no longer */
};

struct target_ops;
struct powerdns_servers;
struct look_ups;

struct target_env {
	const struct target_ops *const *types; /* by enum config_target_type */
	struct event_base *base;
	struct alarms *alarms;      /* of the same loop */
	struct hmac_pool *pool;     /* for signing; the zone thread's own */
	int64_t (*real_time)(void); /* seconds since 1970 */
	struct name_seed seed;      /* of the zones that load makes; secret */
	struct powerdns_servers *powerdns_servers; /* of all threads */
	struct look_ups *look_ups;                 /* of the same loop */
	bool only_looks; /* what is loaded is only looked at: targets change no settings
	                  * of their servers, and give people no hints */
	/* Hands an operation to the journal; op->done is called in this thread, however
	 * much later.  For targets of the gateway's own database. */
	void (*submit)(void *thread, struct journal_op *op);
	void *thread;
};

/* The zone of a target. */
struct target_zone {
	const uint8_t *name;
	int64_t id;         /* store_ops.zone_id */
	size_t *operations; /* journal_op.outstanding; must outlive them */
	/* The target could not be reached, and others have found out that it can: what
	 * failed may be tried again now.  Called from the event loop. */
	void (*back)(void *arg);
	void *back_arg;
};

struct target; /* Every implementation begins with an embedded struct target_base. */

struct target_ops {
	size_t batch_changes; /* RRsets that a batch should not exceed (a single update
	                       * that is larger is sent whole) */
	bool owns_serial;     /* the target, not the gateway, bumps serials */
	/* The target is the gateway's own database, which has the cursor, too: deliver
	 * moves both.  There is nothing to load or probe (NULL), and what is durable need
	 * not wait for it. */
	bool is_local;
	const struct target_lag *lag; /* NULL: whatever is pending is sent at once */
	struct target *(*new)(const struct config_target *config,
		const struct target_zone *zone,
		const struct target_env
			*env); /* config and env outlive it; it copies what it
		                                * needs of zone; NULL: no memory */
	void (*free)(struct target *target);
	/* Where it is reached, of several places; NULL: at the first.  Valid until
	 * free. */
	const char *(*place)(const struct target *target);
	/* What is wrong there although changes arrive; NULL: nothing.  Valid until the
	 * loop goes on.  NULL: nothing ever is. */
	const struct target_failure *(*flaw)(const struct target *target);
	/* have_content: there is a mirror, so a difference from the last load is
	 * enough. */
	void (*load)(
		struct target *target, bool have_content, target_loaded *done, void *arg);
	void (*probe)(struct target *target, target_done *done, void *arg);
	void (*deliver)(struct target *target, const struct target_batch *batch,
		target_done *done, void *arg);
	/* Is this an address of its server?  NULL: not known. */
	bool (*is_at)(const struct target *target, const struct ip_address *address);
	/* It leaves the configuration: undoes what was changed at the server for the
	 * gateway's own sake.  Called for a target that has done nothing else.  NULL:
	 * there is never anything. */
	void (*leave)(struct target *target, target_done *done, void *arg);
	/* False: it is still doing something by itself, soon done, which should not be
	 * left undone when the gateway stops.  NULL: it never does. */
	bool (*is_settled)(const struct target *target);
	/* While batches are being delivered: would one more, which is no retry, be
	 * delivered behind them at once?  NULL: never. */
	bool (*takes_more)(const struct target *target);
	/* Are requests that it has got at about the same time one version there?  Such a
	 * server takes a second now and then for what takes it milliseconds otherwise
	 * (Knot), and nobody should wait for it that long.  NULL: they are not. */
	bool (*groups)(const struct target *target);
	/* A batch is about to be delivered, unless what is on its way to the disk fails:
	 * whatever it would have to wait for can be done now.  NULL: there is nothing. */
	void (*expect)(struct target *target);
	/* Has somebody else changed the zone, too (maybe_others)?  DONE: no; CHANGED: a
	 * load shows what.  Batches may be delivered meanwhile, but nothing else done.
	 * NULL: a load is needed to know. */
	void (*check)(struct target *target, target_done *done, void *arg);
};

struct target_base {
	const struct target_ops *ops;
};

static inline const struct target_ops *target_ops(const struct target *target)
{
	return ((const struct target_base *)(const void *)target)->ops;
}

static inline const char *target_place(const struct target *target)
{
	const struct target_ops *ops = target_ops(target);

	return ops->place ? ops->place(target) : NULL;
}

static inline const struct target_failure *target_flaw(const struct target *target)
{
	const struct target_ops *ops = target_ops(target);

	return ops->flaw ? ops->flaw(target) : NULL;
}

/*
 * local: the zone's records in the gateway's database, which the journal writes
 * (JOURNAL_RECORDS).  They lag behind the journal's rows, of which as many are read again
 * after a crash.
 */
extern const struct target_ops target_local;

/*
 * ddns: RFC 2136 to any server over TCP, kept open between requests (RFC 7766), signed
 * with the target's key.  load: AXFR, or IXFR from the serial of the last load (RFC
 * 1995; falls back to AXFR if the server answers with a whole zone or not at all).
 * deliver: one UPDATE whose prerequisite is the believed SOA (2.4.2) and which replaces
 * it by one of a newer serial (the client's own if the batch contains one).  So the
 * resulting SOA is known without a query, and a retry needs one SOA query to find out
 * whether the first try was applied.  A server that does not let the key change the SOA
 * counts its serial itself (3.6): it gets UPDATEs without one, and is asked afterwards.
 */
extern const struct target_ops target_ddns;

/*
 * powerdns: the HTTP API of PowerDNS 4.7 and later, through libcurl's multi interface on
 * the event base.  load: GET of the zone.  deliver: one PATCH with the final state of
 * each RRset, before which the serial is looked at unless it is certain.  Between
 * operations the zone is rectified.
 */
extern const struct target_ops target_powerdns;

/* target_env.types, of the gateway. */
extern const struct target_ops *const target_types[CONFIG_TARGET_TYPES];

#endif
