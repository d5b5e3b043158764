/*
 * Gives leases to records that have none, though the rules would give them one: for use
 * after the loss of the database, which knew whose leases they were.
 */
#include <errno.h>
#include <string.h>

#include "gateway/control/control_walk.h"
#include "tsig/plural.h"

/* The state of a request. */
struct adopt {
	struct view_adoption adoption;
	const struct config_zone *zone; /* of the request's configuration */
	const char *pattern;            /* in the query; NULL: all names */
};

/* In the zone thread. */
static bool wants(const uint8_t *owner, void *arg)
{
	return control_name_matches(((const struct adopt *)arg)->pattern, owner);
}

/* ---- the answer ---- */

static json_t *record_to_json(const struct view_lease *lease)
{
	const struct lease_record *record = &lease->record;

	return json_pack("{s:o, s:o, s:o, s:I, s:o, s:i}", "name",
		control_json_name(record->owner), "type", control_json_type(record->type),
		"data",
		control_json_rdata(record->type, record->rdata, record->rdata_len),
		"lease_s", (json_int_t)record->duration_s, "key",
		control_json_name(record->key), "line", lease->line);
}

static void answer_adopt(struct control_request *r)
{
	const struct adopt *adopt = r->state;
	const struct view_adoption *a = &adopt->adoption;
	const char *zone = adopt->zone->text;

	r->has_failed |= a->records.has_failed;
	for (size_t i = 0; i < a->records.count; i++)
		control_add(r, r->list, record_to_json(&a->records.leases[i]));
	if (a->result == -EALREADY)
		control_fail(r, 409, "%s: another adoption is in progress", zone);
	else if (a->result == -EAGAIN)
		control_fail(r, 503, CONTROL_NOT_NOW, zone);
	else if (a->result)
		control_fail(r, 503, "zone %s: %s; granted so far: %zu %s", zone,
			strerror(-a->result), a->lease_count,
			PLURAL(a->lease_count, "lease"));
	else
		control_done(r,
			json_pack("{s:s, s:b, s:I, s:I, s:O}", "zone", zone, "dry_run",
				a->is_dry, "leases", (json_int_t)a->lease_count, "names",
				(json_int_t)a->names, "records", r->list));
}

/* ---- asking ---- */

static void clear_adopt(void *state)
{
	view_leases_clear(&((struct adopt *)state)->adoption.records);
}

void control_post_adopt(struct control_request *r)
{
	struct adopt *a = control_state_new(r, sizeof(*a), clear_adopt);

	if (!a || !control_read_flag(r, "dry_run", &a->adoption.is_dry))
		return;
	a->zone = control_read_zone(r, r->argument);
	if (!a->zone)
		return;
	a->pattern = control_parameter(r, "pattern");
	a->adoption.wants = a->pattern ? wants : NULL;
	a->adoption.arg = a;
	a->adoption.why = verdict_ok();
	snprintf(a->adoption.why.why, sizeof(a->adoption.why.why),
		"adopted by user id %lu", (unsigned long)r->uid);
	control_ask(r, view_adopt, a->zone->name, &a->adoption, answer_adopt);
}
