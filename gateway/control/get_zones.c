/*
 * Zones, targets and queues, a page of zones at a time.
 */
#include "gateway/control/control_survey.h"

/* ---- targets as JSON ---- */

static bool is_behind(const struct view_target *target)
{
	return !target->is_local && (target->pending || !target->is_live);
}

static const char *state_of(const struct view_target *target)
{
	if (target->is_down)
		return "down";
	return is_behind(target) ? "behind" : "up";
}

/* When it was last compared with the zone, and what differed then. */
static json_t *synced_to_json(const struct view_target *target)
{
	const struct reconcile_state *s = &target->synced;

	if (!target->is_compared)
		return json_null();
	return json_pack("{s:o, s:s?, s:I, s:I, s:I}", "at",
		control_json_time(s->at_s * 1000), "why",
		verdict_is_ok(&s->why) ? NULL : s->why.why, "missing",
		(json_int_t)s->left[DRIFT_MISSING], "foreign",
		(json_int_t)s->left[DRIFT_FOREIGN], "different",
		(json_int_t)s->left[DRIFT_DIFFERENT]);
}

/* As in /metrics, each bucket contains the ones before it. */
static json_t *histogram_to_json(const uint64_t *counts, const unsigned *bounds,
	size_t bound_count, double unit, double sum)
{
	json_t *buckets = json_array();
	uint64_t count = 0;

	for (size_t i = 0; i < bound_count; i++) {
		count += counts[i];
		(void)json_array_append_new(buckets,
			json_pack("{s:f, s:I}", "le", bounds[i] * unit, "count",
				(json_int_t)count));
	}
	return json_pack("{s:I, s:f, s:o}", "count",
		(json_int_t)(count + counts[bound_count]), "sum", sum, "buckets",
		buckets);
}

static json_t *batches_to_json(const struct target_counts *n)
{
	return json_pack("{s:I, s:I, s:o, s:o}", "requests", (json_int_t)n->requests,
		"merged", (json_int_t)n->merged, "rrsets",
		histogram_to_json(n->sizes, target_size_bounds, TARGET_SIZE_BOUNDS, 1,
			(double)n->rrsets),
		"seconds",
		histogram_to_json(n->times, target_time_bounds_ms, TARGET_TIME_BOUNDS,
			0.001, (double)n->time_ms / 1000));
}

static json_t *target_to_json(
	const struct view_zone *zone, const struct view_target *target)
{
	return json_pack("{s:s, s:s, s:s?, s:b, s:s, s:s?, s:s?, s:s?, s:I, s:b, s:f, "
			 "s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
		"zone", zone->config->text, "target", target->id, "at", target->place,
		"primary", target->is_primary, "state", state_of(target), "trouble",
		target_trouble_name(target->trouble), "why",
		target->why[0] ? target->why : NULL, "advice",
		target_trouble_advice(target->trouble), "pending",
		(json_int_t)target->pending, "more_in_journal", !target->is_live, "lag_s",
		(double)target->lag_ms / 1000, "next_try_ms",
		(json_int_t)target->pause_ms, "delivered", (json_int_t)target->delivered,
		"failures", (json_int_t)target->failures, "rejected",
		(json_int_t)target->rejected, "cursor", (json_int_t)target->cursor,
		"sync", synced_to_json(target), "batches",
		batches_to_json(&target->counts));
}

static json_t *targets_to_json(struct control_request *r, const struct view_zone *zone)
{
	json_t *list = json_array();

	for (size_t i = 0; i < zone->target_count; i++)
		control_add(r, list, target_to_json(zone, &zone->targets[i]));
	return list;
}

/* ---- zones ---- */

static json_t *zone_to_json(struct control_request *r, const struct view_zone *zone)
{
	const struct view_counters *n = &zone->counters;

	return json_pack("{s:s, s:s, s:s?, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I,"
			 "s:{s:I, s:I, s:I, s:I, s:I}, s:o}",
		"zone", zone->config->text, "state", control_zone_state(zone), "why",
		zone->is_ready ? NULL : zone->why, "serial", (json_int_t)zone->serial,
		"names", (json_int_t)zone->names, "records", (json_int_t)zone->records,
		"octets", (json_int_t)zone->octets, "leases", (json_int_t)zone->leases,
		"stale", (json_int_t)zone->stale, "held", (json_int_t)zone->held,
		"braked", zone->is_braked, "waiting", (json_int_t)zone->waiting, "totals",
		"updates", (json_int_t)n->updates, "heartbeats",
		(json_int_t)n->heartbeats, "refused", (json_int_t)n->refused,
		"expired_records", (json_int_t)n->expired_records, "expired_hosts",
		(json_int_t)n->expired_hosts, "targets", targets_to_json(r, zone));
}

/* ---- pages ---- */

static void answer_page(struct control_request *r, const char *name)
{
	const struct view_zones *page = &((struct control_survey *)r->state)->page;

	r->has_failed |= page->has_failed;
	control_done_page(r, name,
		page->next < r->config->zone_count ? json_sprintf("%zu", page->next)
						   : json_null());
}

static void answer_zones(struct control_request *r)
{
	const struct control_survey *s = r->state;

	for (size_t i = 0; i < s->page.count; i++)
		control_add(r, r->list, zone_to_json(r, &s->page.zones[i]));
	answer_page(r, "zones");
}

static void answer_targets(struct control_request *r)
{
	const struct control_survey *s = r->state;

	for (size_t i = 0; i < s->page.count; i++) {
		const struct view_zone *zone = &s->page.zones[i];

		for (size_t j = 0; j < zone->target_count; j++) {
			const struct view_target *target = &zone->targets[j];

			if (r->variant == CONTROL_ALL || is_behind(target) ||
				target->is_down || target->trouble || target->place)
				control_add(r, r->list, target_to_json(zone, target));
		}
	}
	answer_page(r, "targets");
}

static void ask_page(struct control_request *r, control_fn *answer)
{
	uint64_t from = 0;
	struct control_survey *s;

	if (!control_read_number(r, "cursor", &from))
		return;
	s = control_survey_new(r, sizeof(*s), SURVEY_LAG, answer, control_survey_clear);
	if (!s)
		return;
	s->page.next =
		from < r->config->zone_count ? (size_t)from : r->config->zone_count;
	control_survey_ask(r);
}

void control_get_zones(struct control_request *r)
{
	ask_page(r, answer_zones);
}

void control_get_targets(struct control_request *r)
{
	ask_page(r, answer_targets);
}
