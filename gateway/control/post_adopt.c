/*
 * Gives leases to records that have none, though the rules would give them one: for use
 * after the loss of the database, which knew whose leases they were.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control_walk.h"
#include "tsig/plural.h"

struct adopt {
	struct control_question question; /* first */
	struct view_adoption adoption;
	const struct config_zone *zone; /* of the question's configuration */
	char *pattern;                  /* owned, in lower case; NULL: all names */
};

/* In the zone thread. */
static bool wants(const uint8_t *owner, void *arg)
{
	return control_name_matches(arg, owner);
}

/* ---- the answer ---- */

/* NULL: no memory. */
static json_t *records_to_json(const struct view_leases *records)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < records->count; i++) {
		const struct view_lease *lease = &records->leases[i];
		const struct lease_record *record = &lease->record;

		if (control_json_add(list,
			    json_pack("{s:o, s:o, s:o, s:I, s:o, s:i}", "name",
				    control_json_name(record->owner), "type",
				    control_json_type(record->type), "data",
				    control_json_rdata(record->type, record->rdata,
					    record->rdata_len),
				    "lease_s", (json_int_t)record->duration_s, "key",
				    control_json_name(record->key), "line", lease->line)))
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

static bool answer_adopt(struct control_question *q)
{
	const struct adopt *adopt = (struct adopt *)(void *)q;
	const struct view_adoption *a = &adopt->adoption;
	const char *zone = adopt->zone->text;

	if (a->result == -EALREADY)
		control_question_fail(
			q, 409, "%s: its records are being looked through", zone);
	else if (a->result == -EAGAIN)
		control_question_fail(q, 503,
			"zone %s: not now: it is not loaded, or the database fails",
			zone);
	else if (a->result)
		control_question_fail(q, 503, "zone %s: %s; granted so far: %zu %s", zone,
			strerror(-a->result), a->lease_count,
			PLURAL(a->lease_count, "lease"));
	else
		control_question_done(q,
			a->records.has_failed
				? NULL
				: json_pack("{s:s, s:b, s:I, s:I, s:o}", "zone", zone,
					  "dry_run", a->is_dry, "leases",
					  (json_int_t)a->lease_count, "names",
					  (json_int_t)a->names, "records",
					  records_to_json(&a->records)));
	return true;
}

/* ---- asking ---- */

static void clear_adopt(struct control_question *q)
{
	struct adopt *a = (struct adopt *)(void *)q;

	free(a->pattern);
	view_leases_clear(&a->adoption.records);
}

/* False: the request has been answered. */
static bool read_adopt(struct control_request *r, struct adopt *a)
{
	const char *pattern = control_parameter(r, "pattern");
	const char *dry_run = control_parameter(r, "dry_run");

	a->adoption.is_dry =
		dry_run && (!strcmp(dry_run, "1") || !strcmp(dry_run, "true"));
	if (dry_run && !a->adoption.is_dry && strcmp(dry_run, "0") != 0 &&
		strcmp(dry_run, "false") != 0) {
		control_fail(r, 400, "dry_run: must be 1 or 0");
		return false;
	}
	if (!pattern)
		return true;
	a->pattern = strdup(pattern);
	for (char *at = a->pattern; at && *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at += 'a' - 'A';
	a->adoption.wants = wants;
	a->adoption.arg = a->pattern;
	if (!a->pattern)
		control_fail(r, 503, "out of memory");
	return a->pattern != NULL;
}

void control_post_adopt(struct control_request *r)
{
	const struct config_zone *zone;
	uint8_t name[NAME_MAX_LEN];
	struct adopt *a;

	if (!control_read_name(r, r->segments[3], name))
		return;
	zone = control_find_zone(r, name, true);
	a = zone ? control_question_new(r, sizeof(*a), answer_adopt) : NULL;
	if (!a)
		return;
	a->question.clear = clear_adopt;
	a->zone = zone;
	a->adoption.why = verdict_ok();
	snprintf(a->adoption.why.why, sizeof(a->adoption.why.why),
		"adopted by user id %lu", (unsigned long)r->uid);
	if (!read_adopt(r, a)) {
		control_question_free(&a->question);
		return;
	}
	control_ask(&a->question, view_adopt, zone->name, &a->adoption);
}
