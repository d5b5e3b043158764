/* A walk through all zones, page by page (view_zones), with sums over all pages; for
 * get_zones.c, get_status.c, get_metrics.c and get_audit.c. */
#ifndef MUSTER_CONTROL_SURVEY_H
#define MUSTER_CONTROL_SURVEY_H

#include "gateway/control/control_private.h"

enum { CONTROL_PENDING_MAX = 10000 }; /* no more are counted in the journal */

struct control_sums {
	size_t zones, ready, braked, records, leases, stale, held, waiting;
	size_t targets, down, primaries_down, pending;
};

/* What is read in the database for each page, if it is needed. */
enum control_survey_reads {
	SURVEY_NOTHING, /* changes that wait in the journal alone are not counted */
	SURVEY_PENDING, /* view_target.pending: they are, up to CONTROL_PENDING_MAX */
	SURVEY_LAG,     /* view_target.lag_ms too */
};

struct control_survey {
	struct control_question question; /* first */
	/* The whole page is there.  As control_question.answer. */
	bool (*answer)(struct control_question *question);
	struct view_zones page;
	size_t page_max; /* zones of a page */
	enum control_survey_reads reads;
	bool has_failed; /* no memory: something is missing */
	struct control_sums sums;
	json_t *list;       /* of what is answered */
	json_t *first_page; /* /status: the first zones; counted */
};

/* From the first zone on; size: of the structure that embeds it first.  NULL: it has
 * been answered. */
struct control_survey *control_survey_new(struct control_request *r, size_t size,
	enum control_survey_reads reads,
	bool (*answer)(struct control_question *question));
/* What it frees, for whoever frees more. */
void control_survey_clear(struct control_question *question);
/* The page is added to the sums.  Is there another one? */
bool control_survey_next(struct control_survey *survey);
/* Asks for it. */
void control_survey_ask(struct control_survey *survey);
/* "ready", "braked", "loading", "failed" or "closed". */
const char *control_zone_state(const struct view_zone *zone);

#endif
