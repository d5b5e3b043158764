/*
 * Leases for records that have none and would get one by the rules: after the loss of the
 * database, which knew who had which (served_adopt.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control_walk.h"
#include "tsig/plural.h"
#include "zones/lease_origin.h"
#include "zones/rdata.h"

struct adopt {
	struct control_question question; /* first */
	const struct config_zone *zone;   /* of the question's configuration */
	struct served_adopting how;
	char *pattern;   /* owned, in lower case; NULL: all names */
	json_t *list;    /* counted; of the first CONTROL_PAGE_MAX records */
	bool has_failed; /* no memory for that */
	struct served_adopted found;
	int result; /* 0 or -errno */
};

/* ---- in the zone thread ---- */

static bool wants(const uint8_t *owner, void *arg)
{
	const struct adopt *a = arg;

	return !a->pattern || control_name_matches(a->pattern, owner);
}

static void visit(const struct rr *rr, const struct lease_origin *origin, void *arg)
{
	struct adopt *a = arg;
	json_t *record;

	if (json_array_size(a->list) == CONTROL_PAGE_MAX)
		return;
	record = json_pack("{s:o, s:o, s:o, s:I, s:o, s:i}", "name",
		control_json_name(rr->owner), "type", control_json_type(rr->type), "data",
		control_json_rdata(rr->type, rr->rdata, rr->rdata_len), "lease_s",
		(json_int_t)origin->rule->lease_default_s, "key",
		control_json_name(origin->key), "line", origin->rule->line);
	if (!control_json_add(a->list, record))
		a->has_failed = true;
}

static void on_done(int result, const struct served_adopted *found, void *arg)
{
	struct adopt *a = arg;

	a->result = result;
	a->found = *found;
	zone_call_finish(&a->question.call);
}

static bool run_adopt(struct zone_thread *thread, struct zone_call *call)
{
	struct adopt *a = (struct adopt *)(void *)call;
	struct served_zone *zone = served_find(thread, a->zone->name);

	a->result = zone ? served_adopt(zone, &a->how) : -EAGAIN;
	return a->result != 0;
}

/* ---- the answer ---- */

static bool answer_adopt(struct control_question *q)
{
	struct adopt *a = (struct adopt *)(void *)q;

	if (a->result == -EALREADY)
		control_question_fail(q, 409, "%s: its records are being looked through",
			a->zone->text);
	else if (a->result == -EAGAIN)
		control_question_fail(q, 503,
			"zone %s: not now: it is not loaded, or the database fails",
			a->zone->text);
	else if (a->result)
		control_question_fail(q, 503, "zone %s: %s; given until then: %zu %s",
			a->zone->text, strerror(-a->result), a->found.leases,
			PLURAL(a->found.leases, "lease"));
	else
		control_question_done(q,
			a->has_failed ? NULL
				      : json_pack("{s:s, s:b, s:I, s:I, s:O}", "zone",
						a->zone->text, "dry_run", a->how.is_dry,
						"leases", (json_int_t)a->found.leases,
						"names", (json_int_t)a->found.names,
						"records", a->list));
	return true;
}

/* ---- asking ---- */

static void clear_adopt(struct control_question *q)
{
	struct adopt *a = (struct adopt *)(void *)q;

	free(a->pattern);
	json_decref(a->list);
}

/* False: answered. */
static bool read_adopt(struct control_request *r, struct adopt *a)
{
	const char *pattern = control_parameter(r, "pattern");
	const char *dry_run = control_parameter(r, "dry_run");

	a->how.is_dry = dry_run && (!strcmp(dry_run, "1") || !strcmp(dry_run, "true"));
	if (dry_run && !a->how.is_dry && strcmp(dry_run, "0") != 0 &&
		strcmp(dry_run, "false") != 0) {
		control_fail(r, 400, "dry_run: must be 1 or 0");
		return false;
	}
	a->list = json_array();
	a->pattern = pattern ? strdup(pattern) : NULL;
	for (char *at = a->pattern; at && *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at += 'a' - 'A';
	if (a->list && (a->pattern || !pattern))
		return true;
	control_fail(r, 503, "out of memory");
	return false;
}

void control_post_adopt(struct control_request *r)
{
	const struct config_zone *zone;
	uint8_t name[NAME_MAX_LEN];
	struct adopt *a;

	if (!control_read_name(r, r->segments[3], name))
		return;
	zone = control_find_zone(r, name, true);
	a = zone ? control_question_new(r, sizeof(*a), run_adopt, answer_adopt) : NULL;
	if (!a)
		return;
	a->question.clear = clear_adopt;
	a->zone = zone;
	a->how = (struct served_adopting){.why = verdict_ok(),
		.wants = wants,
		.visit = visit,
		.done = on_done,
		.arg = a};
	snprintf(a->how.why.why, sizeof(a->how.why.why), "adopted by user id %lu",
		(unsigned long)r->uid);
	if (!read_adopt(r, a)) {
		control_question_free(&a->question);
		return;
	}
	control_ask(&a->question);
}
