/*
 * What the two halves of the powerdns target share: target_powerdns.c (probing,
 * loading, asking) and target_powerdns_deliver.c (writing).
 */
#ifndef MUSTER_TARGET_POWERDNS_PRIVATE_H
#define MUSTER_TARGET_POWERDNS_PRIVATE_H

#include "gateway/target/powerdns_json.h"
#include "gateway/target/powerdns_rectify.h"
#include "gateway/target/powerdns_serial.h"
#include "gateway/target/powerdns_server.h"
#include "gateway/target/powerdns_steps.h"
#include "gateway/target/target_operation.h"

enum {
	POWERDNS_ANSWER_MAX = 1 << 20, /* octets of any answer except a zone */
	POWERDNS_SLOW_FACTOR = 12,     /* factor on the timeout of requests whose
	                                * duration grows with the zone */
	POWERDNS_METADATA_MAX = 16,    /* octets of a value, with its final zero */
	POWERDNS_CERTAIN_MS = 50,      /* how long nobody is expected to write after we
					* have looked: others have as much time to do
					* so unnoticed */
};

/* In POWERDNS_NOTE_KIND: API-RECTIFY was not set. */
#define POWERDNS_UNSET "unset"

struct powerdns_target;
typedef void powerdns_step(struct powerdns_target *t);

/* The last PATCH, while its outcome is unknown. */
struct powerdns_attempt {
	bool is_open;
	struct powerdns_write write;
};

/*
 * What is done between operations (target_powerdns_upkeep.c): one request at a time, and
 * an operation that begins meanwhile waits.
 */
struct powerdns_upkeep {
	struct alarm alarm; /* when something may be to be done */
	struct alarm look_alarm;
	bool is_late; /* it rang during an operation, after which it is done */
	bool is_busy;
	powerdns_step *waiting; /* begins when it is no longer busy; NULL: none waits */
	int64_t began_ms;       /* monotonic */

	/* whose task it is to rectify; as of the last look at the zone's settings */
	bool is_known;         /* they have been read */
	bool is_presigned;     /* nobody rectifies it */
	bool rectifies_itself; /* PowerDNS does, with each PATCH */
	bool is_default;       /* so it would without API-RECTIFY */
	bool is_refused;       /* Muster may not take it over */
	bool is_leaving;       /* it is given back, whatever the setting says */
	/* API-RECTIFY, POWERDNS_UNSET if it is not set; "": not known */
	char setting[POWERDNS_METADATA_MAX];
	/* what that was before Muster took it over; "": it was not taken over */
	char noted[POWERDNS_METADATA_MAX];

	bool is_due;                /* it has to be rectified */
	int64_t due_ms;             /* monotonic; since when */
	int64_t took_ms;            /* for the last time */
	unsigned retry_ms;          /* the pause after a failure; 0: nothing has failed */
	bool is_unreached;          /* that was for lack of a connection */
	struct target_failure flaw; /* what follows from it for the zone, if is_due */
};

struct powerdns_target {
	struct target_base base;
	struct target_operation op;
	uint8_t zone[NAME_MAX_LEN];
	const struct config_target *config;
	struct name_seed seed;
	struct alarms *alarms;
	struct powerdns_caller caller; /* of its server */
	bool is_delivering;            /* and not probing or loading */

	struct rrset *believed, *mirrored; /* NULL: not known */
	uint32_t believed_stored;          /* the stored serial behind believed */
	bool is_suspect; /* believed is unknown, and CHANGED has not been returned yet */
	struct powerdns_attempt attempt;
	struct powerdns_serial serial;           /* as of the last look */
	struct powerdns_texts *disabled, *spelt; /* as of the last load */
	struct powerdns_parents *parents;
	bool is_signed;
	bool has_hinted;
	bool only_looks;  /* target_env.only_looks */
	bool is_lmdb;     /* the back end, if /config tells it */
	size_t patch_max; /* octets */
	struct powerdns_upkeep upkeep;
	powerdns_step *with_settings; /* goes on when they have been read */
	bool is_certain;              /* nobody else had written, as of: */
	int64_t certain_ms;           /* monotonic */
	int64_t looked_ms;            /* monotonic; when the zone's settings were read */

	/* the operation under way */
	const struct changeset *changes; /* deliver; borrowed */
	struct powerdns_steps steps;     /* the whole zone is being read */
	bool is_retry;
	bool must_rectify;
	char *body;            /* of the PATCH */
	struct rrset *sent;    /* the SOA in the PATCH; NULL: none */
	bool has_after;        /* the PATCH's answer contained the serial: */
	uint32_t after;        /* as stored */
	enum powerdns_fit fit; /* of the PATCH's answer */
};

static inline struct powerdns_target *powerdns_of(struct target *target)
{
	return (struct powerdns_target *)(void *)target;
}

/* ---- target_powerdns.c ---- */

/* Ends the operation, or the upkeep that it waits for: the request failed. */
void powerdns_fail(struct powerdns_target *t, const struct http_response *response);

/* Sends a request, whose url and headers are filled in. */
void powerdns_ask_with(struct powerdns_target *t, enum powerdns_place place,
	struct http_request *request, http_done *done);
/* Sends a GET. */
void powerdns_ask(struct powerdns_target *t, enum powerdns_place place, http_done *done);

bool powerdns_is_success(const struct http_response *response);
/* Why it is not one. */
struct target_failure powerdns_explain(const struct http_response *response);

/* An answer about the zone's SOA.  why is NOERROR, with *ret to be cleared, or says why
 * it cannot be used. */
struct target_failure powerdns_read_zone(struct powerdns_target *t,
	const struct http_response *response, struct powerdns_zone *ret);
/* Records that the zone has t->op.seen and t->serial, as far as is known. */
void powerdns_believe(struct powerdns_target *t);

/* What every answer about the zone contains, except its SOA: t->serial and so on. */
void powerdns_note_settings(struct powerdns_target *t, const struct powerdns_zone *zone);
/* Does that for an operation that has looked at the SOA, which is then in t->op.seen.
 * False: it failed, and the operation ends. */
bool powerdns_take_soa(struct powerdns_target *t, const struct http_response *response);

/* Reads the settings of zone and server that concern rectification and batches; then
 * goes on, or ends the operation, or the upkeep if that has asked. */
void powerdns_read_settings(struct powerdns_target *t, powerdns_step *then);

/* Loads the whole zone; continues with powerdns_send_patch if a batch waits
 * (t->changes). */
void powerdns_start_load(struct powerdns_target *t);

/* ---- target_powerdns_upkeep.c ---- */

void powerdns_upkeep_init(struct powerdns_target *t);
void powerdns_upkeep_clear(struct powerdns_target *t);

void powerdns_leave(struct target *target, target_done *done, void *arg);
bool powerdns_is_settled(const struct target *target);
const struct target_failure *powerdns_flaw(const struct target *target);
/* Begins an operation, when the upkeep allows it. */
void powerdns_begin(struct powerdns_target *t, powerdns_step *step);
/* Does Muster rectify the zone? */
bool powerdns_is_rectified_here(const struct powerdns_target *t);
/* The zone has to be rectified, soon. */
void powerdns_want_rectify(struct powerdns_target *t);
/* The server answers: what could not be asked waits no longer. */
void powerdns_upkeep_answered(struct powerdns_target *t);
/* The zone has been loaded. */
void powerdns_upkeep_loaded(struct powerdns_target *t);
/* After a write that does not tell whether others have written, too: looks at the SOA
 * when the last look is too old, unless a delivery does so before it writes. */
void powerdns_look_later(struct powerdns_target *t);
void powerdns_be_certain(struct powerdns_target *t);
/* A step of the upkeep has failed. */
void powerdns_upkeep_fail(
	struct powerdns_target *t, const struct target_failure *failure);

/* ---- target_powerdns_deliver.c ---- */

void powerdns_deliver(struct target *target, const struct target_batch *batch,
	target_done *done, void *arg);
/* Does the server refuse the request itself, so that it would refuse it again? */
bool powerdns_is_rejection(const struct http_response *response);
/* Applies t->changes to t->op.seen, which the zone has. */
void powerdns_send_patch(struct powerdns_target *t);

#endif
