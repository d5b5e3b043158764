/*
 * What the parts of the ddns target share: target_ddns.c (making and freeing it,
 * asking, probing, loading), target_ddns_flight.c and target_ddns_deliver.c (writing),
 * target_ddns_watch.c (what others do at the same moment), and two that are pure,
 * without sockets and clock: the messages that it sends, and reading zone transfers.
 */
#ifndef MUSTER_TARGET_DDNS_PRIVATE_H
#define MUSTER_TARGET_DDNS_PRIVATE_H

#include <sys/queue.h>

#include "gateway/target/dns_client.h"
#include "gateway/target/odd_list.h"
#include "gateway/target/target_operation.h"
#include "zones/update.h"

/* ---- target_ddns_compose.c: requests, without id and TSIG ---- */

/* Does it have changes that an UPDATE would express? */
bool ddns_has_differences(const struct changeset *changes, const uint8_t *zone);

/*
 * The SOA of the zone after the batch: the batch's own if its serial is newer than
 * believed's; otherwise believed's (with the other fields of the batch's, if it changed
 * those) with the next serial.  A new reference; NULL: no memory.
 */
struct rrset *ddns_intended_soa(const struct rrset *believed,
	const struct changeset *changes, const uint8_t *zone);

/* The prerequisites of an UPDATE. */
struct ddns_guard {
	const struct rrset *soa;      /* RFC 2136 2.4.2; NULL: none */
	const struct changeset *mark; /* this has been applied: ddns_find_mark; or NULL */
	bool has_befores;             /* every RRset is as it was before the changes */
};

/* The change that proves that they have been applied, if its RRset is as it was left;
 * NULL: there is none. */
const struct change *ddns_find_mark(const struct changeset *changes, const uint8_t *zone);

/*
 * One UPDATE: the prerequisites, then intended (NULL: the server counts its serial
 * itself, 3.6) and the differences.  Length, or -ENOSPC if it does not fit cap octets.
 */
int ddns_compose_update(uint8_t *buf, size_t cap, const uint8_t *zone,
	const struct ddns_guard *guard, const struct rrset *intended,
	const struct changeset *changes);

/*
 * An UPDATE without updates, whose prerequisites require that the changes have been
 * made: SOA as given (NULL: any), every after as it is, no RRset if there is no after.
 * Length or -ENOSPC.
 */
int ddns_compose_check(uint8_t *buf, size_t cap, const uint8_t *zone,
	const struct rrset *soa, const struct changeset *changes);

/* A query of class IN; IXFR from soa (RFC 1995 3; otherwise NULL).  Length or -ENOSPC:
 * it fits DDNS_QUERY_MAX. */
enum { DDNS_QUERY_MAX = 2048 }; /* octets: two names and one SOA of maximum length */
int ddns_compose_query(uint8_t *buf, size_t cap, const uint8_t *name, uint16_t type,
	const struct rrset *soa, bool dnssec_ok);

/* A query for the server's version (TXT of version.bind, class CH).  The same. */
int ddns_compose_version_query(uint8_t *buf, size_t cap);

/* ---- target_ddns_transfer.c: answers ---- */

/* The whole rcode, with the OPT record's upper bits (RFC 6891 6.1.3). */
uint16_t ddns_read_rcode(const uint8_t *msg, const struct wire_message *m);

/* What may be wrong with a server that answers with this rcode. */
enum target_trouble ddns_trouble_of(uint16_t rcode);

/* "REFUSED", or "REFUSED: text" with the server's explanation (RFC 8914), cut to fit. */
enum { DDNS_RCODE_TEXT_MAX = 128 };
const char *ddns_rcode_to_text(
	const uint8_t *msg, const struct wire_message *m, char buf[DDNS_RCODE_TEXT_MAX]);

/* The zone's SOA from the answer section.  A new RRset, or NULL: not found, or no
 * memory. */
struct rrset *ddns_read_soa(
	const uint8_t *msg, const struct wire_message *m, const uint8_t *zone);

/* The answer to ddns_compose_version_query, cut to fit.  False: there is none. */
enum { DDNS_VERSION_MAX = 64 };
bool ddns_read_version(const uint8_t *msg, const struct wire_message *m,
	char ret_version[DDNS_VERSION_MAX]);

enum {
	LOAD_RECORDS_MAX =
		20 * 1000 * 1000, /* records in one transfer: more than the memory of
		                   * usual machines holds; limits a bad server */
	LOAD_DIFFERENCE_MAX = 64
		<< 20, /* octets of an incremental transfer; beyond this, or beyond
		        * 65535 records, the whole zone is transferred */
};

enum ddns_transfer_state {
	DDNS_TRANSFER_START,
	DDNS_TRANSFER_SECOND,   /* the first SOA has been seen */
	DDNS_TRANSFER_WHOLE,    /* AXFR, or IXFR answered by it */
	DDNS_TRANSFER_REMOVING, /* IXFR: after an old SOA */
	DDNS_TRANSFER_ADDING,   /* IXFR: after a new SOA */
	DDNS_TRANSFER_END,      /* zone, difference or neither (unchanged) */
	DDNS_TRANSFER_USELESS,  /* IXFR does not work, ask for the whole zone: reason */
	DDNS_TRANSFER_BROKEN,   /* reason */
	DDNS_TRANSFER_REFUSED,  /* the server answered with an rcode: reason */
};

struct ddns_transfer;
/* since: the SOA to start from (IXFR), a reference is taken; NULL: AXFR.  is_signed:
 * the server signs the zone of that SOA. */
struct ddns_transfer *ddns_transfer_new(const uint8_t *zone, struct rrset *since,
	bool is_signed, const struct name_seed *seed);
void ddns_transfer_free(struct ddns_transfer *transfer); /* NULL is harmless */
/* The transfer keeps nothing: each record goes to sink as it comes, which may end it by
 * returning false.  Only the serial of since counts.  Then ddns_transfer_take must not be
 * called. */
typedef bool ddns_transfer_sink(const struct rr *rr, void *arg);
void ddns_transfer_hand_on(
	struct ddns_transfer *transfer, ddns_transfer_sink *sink, void *arg);
/* Takes in one message.  Returns the new state. */
enum ddns_transfer_state ddns_transfer_read(
	struct ddns_transfer *transfer, const uint8_t *msg, const struct wire_message *m);
/* What the connection has to do in this state. */
enum dns_client_next ddns_transfer_next(enum ddns_transfer_state state);
const char *ddns_transfer_reason(const struct ddns_transfer *transfer);
uint16_t ddns_transfer_rcode(const struct ddns_transfer *transfer);
/* Did the server answer that it does not do IXFR (RFC 1995 5), so that AXFR may work? */
bool ddns_transfer_lacks_ixfr(
	const struct ddns_transfer *transfer, const struct dns_client_result *result);
/* The same, or is IXFR of no use here for another reason? */
bool ddns_transfer_needs_whole(
	const struct ddns_transfer *transfer, const struct dns_client_result *result);
/* Has the server begun to send the whole zone? */
bool ddns_transfer_is_whole(const struct ddns_transfer *transfer);
/* What came of an exchange with this server: why is NOERROR, or says why there is no
 * transfer.  hint is added if the server refused it. */
struct target_failure ddns_transfer_judge(const struct ddns_transfer *transfer,
	const struct dns_client_result *result, const char *who, const char *hint);

/* The result at DDNS_TRANSFER_END; it passes to the caller. */
struct ddns_transferred {
	struct rrset *soa;
	struct zone *zone;         /* either this */
	struct update *difference; /* or this */
	bool is_signed;            /* by the server */
	/* Records that Muster cannot read, and RRsets that are too large; owned by the
	 * transfer. */
	const struct odd_list *odd;
};
/* 0 or -ENOMEM. */
int ddns_transfer_take(struct ddns_transfer *transfer, struct ddns_transferred *ret)
	__attribute__((warn_unused_result));

/* ---- target_ddns_watch.c ---- */

/* 0: the difference has the expected changes, and no others; 1: it is another one; or
 * -ENOMEM.  SOAs do not count. */
int ddns_compare(const uint8_t *zone, const struct changeset *expected,
	const struct update *difference);

/* ---- the target itself: target_ddns.c ---- */

enum {
	DDNS_BATCH_CHANGES = 300, /* RRsets: about 30 KiB, half of what fits into a
	                           * message */
	DDNS_FLIGHTS_MAX = 4,
};

enum ddns_flight_state {
	DDNS_FLIGHT_UNDER_WAY,
	DDNS_FLIGHT_APPLIED,
	DDNS_FLIGHT_REFUSED, /* not applied */
	DDNS_FLIGHT_LOST,    /* its outcome is unknown */
	DDNS_FLIGHT_ALONE,   /* the first, which is dealt with by ddns_deliver_alone */
};

struct ddns_flight {
	TAILQ_ENTRY(ddns_flight) entry;
	struct ddns_target *target; /* NULL: the slot is free */
	enum ddns_flight_state state;
	struct target_batch batch; /* its changes are counted */
	struct rrset *after;       /* counted: the SOA that it gives the zone */
	bool has_befores;          /* struct ddns_guard */
	target_done *done;
	void *arg;
};

/* Does it give each UPDATE a serial of its own? */
enum ddns_server {
	DDNS_SERVER_UNKNOWN,
	DDNS_SERVER_GROUPING, /* not as far as is known */
	DDNS_SERVER_EXACT,
};

/* Has been applied, perhaps together with changes of others. */
struct ddns_sent {
	TAILQ_ENTRY(ddns_sent) entry;
	struct changeset *changes; /* counted; NULL: none but the serial */
	struct rrset *after;       /* counted */
};

struct ddns_target {
	struct target_base base;
	struct target_operation op;
	uint8_t zone[NAME_MAX_LEN];
	const struct config_target *config;
	const struct target_env *env;
	struct dns_places *places;
	struct dns_client *client; /* for updates */
	/* and for transfers; the same as client if the key is */
	struct dns_client *queries;
	struct rrset *believed, *intended, *mirrored; /* NULL: not known */
	bool is_signed;                               /* by its server; as of mirrored */
	bool is_soa_blind;    /* the server cannot compare its SOA with a prerequisite */
	bool is_soa_denied;   /* the server does not let the key change its SOA */
	int64_t soa_denied_s; /* real time; as of when */
	bool lacks_soa;       /* the last UPDATE left the serial to the server */
	/* The last batch that got SERVFAIL without a trial to tell why (0: none); and has
	 * the server written anything since? */
	uint64_t doubted;
	bool has_written;
	struct alarm pause; /* deliver: after a SERVFAIL, until the next try */

	/* target_ddns_flight.c */
	struct ddns_flight flight_slots[DDNS_FLIGHTS_MAX];
	TAILQ_HEAD(ddns_flights, ddns_flight)
	flights;              /* in the order of their requests */
	unsigned fillers;     /* empty UPDATEs under way */
	struct alarm filler;  /* the next is due */
	struct alarm landing; /* the first of them is over */

	/* target_ddns_watch.c */
	enum ddns_server kind;
	struct dns_client *asker;     /* for its version; NULL: not under way */
	struct dns_client *watcher;   /* for checks; NULL: none yet */
	TAILQ_HEAD(, ddns_sent) sent; /* leads from mirrored to believed */
	unsigned sent_count;
	struct target_operation check;
	struct ddns_transfer *look; /* of the check under way */
	unsigned
		guard_failures; /* in a row: RRsets were not as before, but the SOA was */
	bool is_value_blind;    /* that happened with the whole zone just loaded */

	/* the operation under way */
	struct changeset *changes; /* deliver; borrowed */
	uint64_t seq;              /* deliver: the batch's */
	bool is_exact;             /* deliver: target_batch */
	bool was_guarded;          /* deliver: the UPDATE required RRsets as before */
	bool is_uncertain;         /* deliver: an earlier try may have been applied */
	bool was_lost;             /* deliver: this UPDATE once got no answer */
	unsigned servfails;        /* deliver: SERVFAIL answers to the batch */
	unsigned proofs; /* deliver: serials that the server has written since the last */
	struct rrset *trial;    /* deliver: the SOA of the trial UPDATE; NULL: none yet */
	struct verdict refusal; /* the server's answer to the batch */
	/* on the way to failing with it; and its trouble if the zone is there */
	struct target_failure failure;
	enum target_trouble trouble_if_there;
	struct ddns_transfer *transfer; /* load */
};

static inline struct ddns_target *ddns_of(struct target *target)
{
	return (struct ddns_target *)(void *)target;
}

/* Sends one UPDATE, with t as the arg of done (dns_client.h). */
void ddns_ask(struct ddns_target *t, const uint8_t *octets, int len, bool is_repeatable,
	dns_client_done *done);
/* The same for a query (ddns_compose_query), with the key for transfers. */
void ddns_ask_query(struct ddns_target *t, uint16_t type, const struct rrset *soa,
	dns_client_message *message, dns_client_done *done);

/* What the server answered instead of what was asked for. */
struct target_failure ddns_explain_rcode(const struct ddns_target *t,
	const struct dns_client_result *result, const char *what);
/* Ends the operation: every update is refused with this rcode, for t->refusal. */
void ddns_fail_refused(struct ddns_target *t, uint16_t rcode);
/* Puts the answer to a SOA query into t->op.seen, or says why not. */
struct target_failure ddns_judge_soa(
	struct ddns_target *t, const struct dns_client_result *result);
/* The same.  Without a SOA it ends the operation: false. */
bool ddns_take_soa(struct ddns_target *t, const struct dns_client_result *result);

/* ---- target_ddns_deliver.c ---- */

/* Nothing else is in flight. */
void ddns_deliver_alone(struct ddns_target *t, const struct target_batch *batch,
	target_done *done, void *arg);
/* The same for the only flight, which has got this answer, or none. */
void ddns_deal_with(struct ddns_target *t, const struct ddns_flight *flight,
	const struct dns_client_result *result);
void ddns_on_pause(void *arg);

/* ---- target_ddns_flight.c ---- */

void ddns_deliver(struct target *target, const struct target_batch *batch,
	target_done *done, void *arg);
bool ddns_takes_more(const struct target *target);
bool ddns_groups(const struct target *target);
void ddns_on_landing(void *arg);
void ddns_on_filler(void *arg);
void ddns_drop_flights(struct ddns_target *t);
/* ---- target_ddns_watch.c ---- */

/* Finds out what it is, if that is not known. */
void ddns_look_at_server(struct ddns_target *t);
/* It may be another one now. */
void ddns_forget_server(struct ddns_target *t);
/* Are its changes looked for, since those of others may have come with them? */
bool ddns_is_watched(const struct ddns_target *t);
bool ddns_needs_befores(const struct ddns_target *t, const struct target_batch *batch);
/* The batch has given the zone this SOA; its changes NULL: none.  True: changes of others
 * may have come with it. */
bool ddns_note_applied(
	struct ddns_target *t, const struct target_batch *batch, struct rrset *soa);
/* It is not known what leads to the caller's mirror: the next load is a whole one. */
void ddns_lose_track(struct ddns_target *t);
void ddns_forget_sent(struct ddns_target *t);
/* Makes a difference from mirrored, to soa, one from the caller's mirror.  0 or
 * -errno. */
int ddns_add_sent(
	const struct ddns_target *t, const struct rrset *soa, struct update **difference);
void ddns_check(struct target *target, target_done *done, void *arg);

#endif
