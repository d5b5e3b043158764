/*
 * The content follows the primary target.
 *
 * After a load the zone is what the target has plus, rebased, what is still on the way
 * there.  Updates whose clients still wait are judged again, since they were judged by
 * a stale content.  All of this happens at the content's gate, when nothing is on its
 * way to the disk.
 */
#include "gateway/served/served.h"

#include <errno.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"
#include "zones/rdata.h"

/* ---- what has been loaded ---- */

static void on_taken(struct served_zone *zone, int result)
{
	struct content *content = &zone->content;
	const bool is_first = !zone->was_loaded;

	if (result)
		return;
	zone->was_loaded = true;
	requests_judge_again(&zone->requests);
	content_tell_loaded(content);
	log_info("zone %s: %s from %s, %zu %s%s", content->text,
		is_first ? "loaded" : "loaded again",
		delivery_id(content_primary(content)),
		zone_count_records(content->mirror),
		PLURAL(zone_count_records(content->mirror), "record"),
		zone_is_signed(content->mirror) ? " beside those of its signer" : "");
	if (is_first)
		zone_thread_later(content->thread, &content->kick);
	delivery_go_on(content_primary(content));
}

static void take_difference(struct served_zone *zone)
{
	struct content *content = &zone->content;
	struct delivery *primary = content_primary(content);
	struct update *difference = zone->difference;
	struct changeset *changes = NULL;
	bool is_kept;

	zone->difference = NULL;
	if (restored_is_doubtful(zone, difference))
		delivery_want_whole(primary);
	else
		changes = content_take_difference(content, difference, &is_kept);
	update_free(difference);
	if (!changes)
		return;
	delivery_believe(
		primary, zone->difference_serial, zone_count_records(content->mirror));
	log_info("zone %s: %u %s from %s", content->text, changes->count,
		PLURAL(changes->count, "change"), delivery_id(content_primary(content)));
	content_tell_followed(content, changes, is_kept);
	requests_judge_again(&zone->requests);
	changeset_unref(changes);
}

/* Nothing is on its way to the disk now. */
static void enter(struct content_caller *caller)
{
	struct served_zone *zone = caller->owner;

	take_difference(zone);
	delivery_go_on(content_primary(&zone->content));
}

/* ---- what the primary's delivery reports ---- */

static void on_loaded(void *arg, struct target_content *loaded)
{
	struct served_zone *zone = arg;
	struct content *content = &zone->content;

	zone->was_tried = true;
	if (loaded->result.outcome != TARGET_DONE) {
		if (!content->mirror)
			content->not_ready = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
				"the zone is not loaded: %s", loaded->result.verdict.why);
		return;
	}
	if (loaded->zone) {
		if (!content->mirror)
			content->not_ready = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
				"the zone is not loaded yet: what is on its way to %s is "
				"being read",
				delivery_id(content_primary(content)));
		restored_take(zone, loaded->zone, on_taken);
	} else if (loaded->difference && loaded->difference->change_count) {
		zone->difference = loaded->difference;
		zone->difference_serial = rrset_serial(loaded->result.soa);
		content_call(content, &zone->caller);
	} else { /* unchanged */
		update_free(loaded->difference);
		delivery_go_on(content_primary(content));
	}
}

static bool on_probed(void *arg, const struct rrset *soa)
{
	const struct served_zone *zone = arg;
	const struct rrset *ours =
		zone->content.mirror ? zone_soa(zone->content.mirror) : NULL;

	if (zone->restored.refused)
		return !restored_is_refused(zone, soa);
	return !ours || !soa || !rrset_has_same_data(ours, soa);
}

/*
 * A server that signs the zone may treat changes to the signer's records in its own
 * way: BIND ignores the deletion of a key that it uses and turns NSEC3PARAM into a
 * task, Knot ignores changes to whatever it maintains itself; and no difference would
 * ever show that.
 */
static bool changes_signer(const struct content *content, const struct changeset *changes)
{
	const struct zone *mirror = content->mirror;

	if (!changes || !zone_is_signed(mirror))
		return false;
	for (uint32_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->changes[i];

		if (zone_type_is_signers(mirror, change->type) &&
			name_is_equal(change->owner, content->name))
			return true;
	}
	return false;
}

static void on_applied(
	void *arg, struct delivery *delivery, const struct delivery_success *success)
{
	struct served_zone *zone = arg;
	struct content *content = &zone->content;

	if (delivery != content_primary(content))
		return;
	if (success->soa) {
		content_adopt_soa(content, success->soa);
		delivery_believe(delivery, rrset_serial(success->soa),
			content->mirror ? zone_count_records(content->mirror) : 0);
	} else if (success->changes && success->changes->count) {
		delivery_doubt(delivery);
	}
	edit_end_applied(content, success->seq);
	if (changes_signer(content, success->changes))
		delivery_want_whole(delivery);
}

static int on_rejected(
	void *arg, struct delivery *delivery, const struct delivery_rejection *rejection)
{
	struct served_zone *zone = arg;
	const int r = content_rejected(&zone->content, delivery, rejection);

	if (!r && delivery == content_primary(&zone->content))
		requests_judge_again_without(&zone->requests, rejection->changes);
	return r;
}

static void on_strayed(void *arg, struct delivery *delivery)
{
	reconcile_strayed(arg, delivery);
}

static void on_found_soa(void *arg, struct rrset *soa)
{
	struct served_zone *zone = arg;

	content_adopt_soa(&zone->content, soa);
}

static void on_down(void *arg)
{
	struct served_zone *zone = arg;

	content_tell_down(&zone->content);
}

static uint64_t find_awaited(void *arg)
{
	const struct served_zone *zone = arg;
	const struct edit *first = TAILQ_FIRST(&zone->content.delivering);

	return first ? first->op.seq : UINT64_MAX;
}

static uint64_t find_primary_cursor(void *arg)
{
	const struct served_zone *zone = arg;

	return delivery_cursor(content_primary(&zone->content));
}

const struct delivery_events follow_events = {
	.loaded = on_loaded,
	.probed = on_probed,
	.applied = on_applied,
	.rejected = on_rejected,
	.strayed = on_strayed,
	.found_soa = on_found_soa,
	.down = on_down,
	.awaited = find_awaited,
	.primary_cursor = find_primary_cursor,
};

/* ---- now and then ---- */

/* Each zone has a moment of its own in the interval, which it keeps, so that the servers
 * of many zones are asked evenly, even after the gateway has stood still. */
static int64_t next_refresh_ms(const struct served_zone *zone, int64_t now_ms)
{
	const int64_t interval_ms = (int64_t)zone->content.rules->refresh_s * 1000;
	const int64_t moment_ms = name_hash(zone->content.name) % interval_ms;

	return now_ms + interval_ms - (now_ms + interval_ms - moment_ms) % interval_ms;
}

void follow_set_refresh(struct served_zone *zone)
{
	struct turn_clock *time = &zone->content.thread->time;

	if (zone->content.rules->refresh_s && !TAILQ_EMPTY(&zone->reconciles))
		alarm_set(&zone->refresh, next_refresh_ms(zone, turn_monotonic_ms(time)));
	else
		alarm_stop(&zone->refresh);
}

static void on_refresh(void *arg)
{
	struct served_zone *zone = arg;

	follow_set_refresh(zone);
	delivery_want_probe(content_primary(&zone->content));
	reconcile_probe(zone);
}

void follow_init(struct served_zone *zone)
{
	alarm_init(&zone->refresh, &zone->content.thread->alarms, on_refresh, zone);
	zone->caller = (struct content_caller){.enter = enter, .owner = zone};
}

void follow_clear(struct served_zone *zone)
{
	alarm_stop(&zone->refresh);
	update_free(zone->difference);
}
