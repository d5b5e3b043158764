/* A walk through all zones, page by page (view_zones), with sums over all pages; for
 * get_zones.c, get_status.c, get_metrics.c and get_audit.c. */
#ifndef MUSTER_CONTROL_SURVEY_H
#define MUSTER_CONTROL_SURVEY_H

#include "gateway/control/control_private.h"

enum { CONTROL_PENDING_MAX = 10000 }; /* no more are counted in the journal */

struct control_sums {
	size_t zones, ready, braked, records, leases, stale, held, waiting;
	size_t set_aside;
	size_t targets, down, primaries_down, pending;
	size_t flawed; /* targets that work, but not as they should */
	size_t troubles[TARGET_TROUBLES]; /* targets that have each */
};

/* What is read in the database for each page, if it is needed. */
enum control_survey_reads {
	SURVEY_NOTHING, /* changes that wait in the journal alone are not counted */
	SURVEY_PENDING, /* view_target.pending: they are, up to CONTROL_PENDING_MAX */
	SURVEY_LAG,     /* view_target.lag_ms too */
};

/* The state of a request, or its first member. */
struct control_survey {
	control_fn *then; /* the whole page is there */
	struct view_zones page;
	size_t page_max; /* zones of a page */
	enum control_survey_reads reads;
	struct control_sums sums;
};

/* Makes the state of the request, of this size; the first page begins at the zone with
 * index page.next.  clear: control_survey_clear, or a function that calls it.  NULL: it
 * has been answered. */
void *control_survey_new(struct control_request *r, size_t size,
	enum control_survey_reads reads, control_fn *then, void (*clear)(void *state));
void control_survey_clear(void *state);
/* Adds the page to the sums, and asks for the next one.  False: there is none. */
bool control_survey_next(struct control_request *r);
/* Asks for the page at page.next. */
void control_survey_ask(struct control_request *r);
/* "ready", "braked", "asked", "loading", "failed" or "closed". */
const char *control_zone_state(const struct view_zone *zone);

#endif
