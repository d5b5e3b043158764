/*
 * Expiry: removes what is due, by edits like any other change (leases.h).
 */
#include "gateway/leases/leases.h"

#include "gateway/base/log.h"

enum { LOOK_AGAIN_MS = 10 }; /* after a look that found nothing to remove */

static bool is_resting(const struct zone_leases *leases)
{
	const struct content *content = leases->content;
	const struct zone_thread *thread = content->thread;

	return !content->mirror || content->is_closing || content_is_gated(content) ||
		thread->is_broken || thread->is_stopping || leases->batch ||
		leases->is_sweeping;
}

int64_t leases_expire_due(struct zone_leases *leases, int64_t monotonic_ms)
{
	struct content *content = leases->content;
	int64_t due_ms, first_ms = leases->batch_after_ms;

	if (is_resting(leases))
		return ALARM_NEVER;
	due_ms = lease_next_due(leases->table, &content->rules->expiry);
	if (due_ms == INT64_MAX)
		return ALARM_NEVER;
	due_ms += monotonic_ms -
		service_time_now(&content->service, &content->thread->clock);
	if (content->thread->heard_ms > first_ms)
		first_ms = content->thread->heard_ms;
	return due_ms > first_ms ? due_ms : first_ms;
}

/* ---- what becomes of a batch ---- */

static void finish(struct zone_leases *leases, int64_t pause_ms)
{
	leases->batch = NULL;
	leases->batch_after_ms =
		turn_monotonic_ms(&leases->content->thread->time) + pause_ms;
	leases_wake(leases);
}

static void finish_batch(struct zone_leases *leases)
{
	const int64_t now_ms = turn_monotonic_ms(&leases->content->thread->time);
	int64_t pause_ms = EXPIRY_PAUSES * (now_ms - leases->batch_began_ms);

	if (pause_ms > EXPIRY_PAUSE_MS)
		pause_ms = EXPIRY_PAUSE_MS;
	/* Single expiries happen on time, however slow the target. */
	if (!leases->batch_is_full)
		pause_ms = LOOK_AGAIN_MS;
	finish(leases, pause_ms);
}

static bool on_durable(struct edit *edit)
{
	struct zone_leases *leases = edit->owner;
	const struct content *content = edit->content;

	leases_tell_expired(leases, edit->changes);
	if (!content_is_local(content) && !delivery_is_down(content_primary(content)))
		return true;
	finish_batch(leases);
	return false;
}

static void on_failed(struct edit *edit)
{
	finish(edit->owner, EXPIRY_RETRY_MS);
}

static void on_applied(struct edit *edit)
{
	finish_batch(edit->owner);
}

static int on_rejected(struct edit *edit, const struct verdict *why)
{
	(void)why;
	finish(edit->owner, EXPIRY_RETRY_MS);
	return 0;
}

static const struct edit_ops batch_ops = {
	.durable = on_durable,
	.failed = on_failed,
	.applied = on_applied,
	.rejected = on_rejected,
};

void leases_expiry_down(struct zone_leases *leases)
{
	struct edit *batch = leases->batch;

	if (!batch || batch->state != EDIT_DURABLE)
		return;
	finish_batch(leases);
	edit_disown(batch);
}

/* ---- a batch ---- */

/* A lease that waits for a record has no record that could go: the lease alone ends. */
static void end_waiting(struct zone_leases *leases, struct lease *lease)
{
	struct changeset *cs = changeset_new();

	/* Without memory it stays due. */
	if (cs && !lease_end(leases->table, lease, cs))
		leases_write_ends(leases, cs);
	changeset_unref(cs);
}

/* May this record be deleted?  PTR records stay as long as their addresses. */
static bool may_expire(struct zone_leases *leases, const struct rr *rr)
{
	struct lease_table *table = leases->table;
	struct lease *lease =
		lease_find(table, rr->owner, rr->type, rr->rdata, rr->rdata_len);
	struct lease_record record = {0};
	int64_t longer_ms;

	if (lease)
		lease_describe(table, lease, &record);
	if (!(record.flags & LEASE_DERIVED))
		return true;
	if (!leases->hooks.may_expire(leases->hooks.part, rr, &longer_ms)) {
		lease_refresh(table, lease,
			content_service_ms(leases->content) + longer_ms, record.seen_s);
		return false;
	}
	if (record.flags & LEASE_WAITING)
		end_waiting(leases, lease);
	return !(record.flags & LEASE_WAITING);
}

static void spare_needed(struct zone_leases *leases, struct update *update)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < update->change_count; i++) {
		if (may_expire(leases, &update->changes[i]))
			update->changes[kept++] = update->changes[i];
	}
	update->change_count = kept;
}

/* Gives the edit its update.  False: it cannot be done now. */
static bool apply(struct zone_leases *leases, struct edit *edit)
{
	struct content *content = leases->content;
	struct verdict v = edit_apply(edit, edit->update);

	/* Other records may have gone with them (RFC 4034 5: a DS without its NS). */
	if (verdict_is_ok(&v) &&
		(lease_finish_expiry(leases->table, edit->update,
			 content_service_ms(content), edit->step) ||
			lease_follow(leases->table, content->mirror, edit->step) ||
			edit_keep(edit)))
		v = verdict_no_memory();
	if (verdict_is_ok(&v))
		return true;
	log_warning("zone %s: leases cannot expire: %s", content->text, v.why);
	return false;
}

/* Takes over the update.  False: try again later. */
static bool run_batch(struct zone_leases *leases, struct update *update)
{
	const struct verdict why = {.ede = EDE_NONE,
		.why = "expired: not refreshed before the end of the lease"};
	struct edit *edit = edit_begin(leases->content, EDIT_EXPIRY, &batch_ops, leases);

	if (!edit) {
		update_free(update);
		return false;
	}
	edit->update = update;
	if (!apply(leases, edit)) {
		edit_abort(edit);
		return false;
	}
	if (edit_is_empty(edit)) {
		edit_discard(edit);
		return true;
	}
	leases->batch = edit;
	edit_commit(edit, &why, NULL);
	leases_tell_expiring(leases, edit->changes);
	return true;
}

void leases_expire(struct zone_leases *leases, int64_t monotonic_ms)
{
	struct content *content = leases->content;
	const size_t max = content_is_local(content) ? EXPIRY_LOCAL_MAX : EXPIRY_MAX;
	struct update *update = NULL;

	if (leases_expire_due(leases, monotonic_ms) > monotonic_ms)
		return;
	leases->batch_after_ms = monotonic_ms + LOOK_AGAIN_MS;
	leases->batch_began_ms = monotonic_ms;
	if (lease_expire(leases->table, &content->rules->expiry,
		    content_service_ms(content), max, &update)) {
		leases->batch_after_ms = monotonic_ms + EXPIRY_RETRY_MS;
		return;
	}
	leases->batch_is_full = update && update->change_count == max;
	if (update)
		spare_needed(leases, update);
	if (update && update->change_count == 0) {
		update_free(update);
		return;
	}
	if (update && !run_batch(leases, update))
		leases->batch_after_ms = monotonic_ms + EXPIRY_RETRY_MS;
}
