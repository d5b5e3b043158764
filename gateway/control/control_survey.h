/* A page of zones as the zone thread sees them, copied, and sums over all pages; for
 * control_zones.c, control_status.c and control_metrics.c. */
#ifndef MUSTER_CONTROL_SURVEY_H
#define MUSTER_CONTROL_SURVEY_H

#include "gateway/control/control_private.h"

enum {
	CONTROL_SURVEY_PAGE = 200,   /* zones: some 0.1 ms of the zone thread's time */
	CONTROL_PENDING_MAX = 10000, /* what is more is not counted in the journal */
};

struct control_target_view {
	struct delivery_view look; /* without its texts */
	char *id;                  /* owned */
	char why[VERDICT_WHY_MAX]; /* "": it works */
	size_t pending;            /* control_target_pending, likewise */
	int64_t lag_ms;            /* control_target_lag_ms, once it has been asked for */
};

struct control_zone_view {
	const struct config_zone *config; /* of the question's configuration */
	bool is_served; /* false: it is being opened or closed, or could not be opened:
			 * the numbers are 0 */
	bool is_ready;
	bool is_failed; /* it could not be opened or loaded, and is tried again */
	char why[ZONE_ERROR_MAX]; /* it is not ready; "" if it is */
	int64_t id;               /* store_ops.zone_id */
	uint32_t serial;
	size_t names, records, octets;
	size_t leases, stale, held;
	size_t unleased; /* records that lost their lease with the database */
	bool is_braked;
	size_t waiting; /* transactions, for the primary target */
	struct served_counters counters;
	struct control_target_view *targets; /* owned */
	size_t target_count;
};

struct control_sums {
	size_t zones, ready, braked, records, leases, stale, held, waiting;
	size_t targets, down, primaries_down, pending;
};

struct control_survey {
	struct control_question question; /* first */
	size_t from;                      /* index of the first zone of the next page */
	struct control_zone_view *views;
	size_t count;
	bool has_failed; /* no memory: something is missing */
	struct control_sums sums;
	json_t *list;       /* of what is answered */
	json_t *first_page; /* /status: the first zones; counted */
	/* The zone thread as a whole, when the last page was taken. */
	bool is_failing;
	char database_error[STORE_ERROR_MAX]; /* if it is */
	bool is_older;
	size_t in_journal;
	uint64_t last_seq, replay_hits;
	struct journal_totals journal;
};

/* From the first zone on; size: of the structure that embeds it first.  NULL: it has
 * been answered. */
struct control_survey *control_survey_new(struct control_request *r, size_t size,
	bool (*answer)(struct control_question *question));
/* What it frees, for who frees more. */
void control_survey_clear(struct control_question *question);
/* The page is added to the sums.  Is there another one? */
bool control_survey_next(struct control_survey *survey);
/* Room for it. */
void control_survey_turn(struct control_survey *survey);
/* In the zone thread: a page; or the first zone of it alone. */
bool control_survey_run(struct zone_thread *thread, struct zone_call *call);
bool control_survey_run_one(struct zone_thread *thread, struct zone_call *call);
/* "ready", "braked", "loading", "failed" or "closed". */
const char *control_zone_state(const struct control_zone_view *zone);
/* Changes that the target does not have: in memory and, if there are more than that
 * holds, in the journal, up to CONTROL_PENDING_MAX. */
size_t control_target_pending(struct control *control,
	const struct control_zone_view *zone, const struct control_target_view *target);
/* Age of the first change that the target does not have, as far as that can be told. */
int64_t control_target_lag_ms(struct control *control,
	const struct control_zone_view *zone, const struct control_target_view *target);

#endif
