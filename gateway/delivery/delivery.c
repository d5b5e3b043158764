/*
 * Deliveries.  A delivery is idle, or busy with exactly one thing: a load, a probe,
 * batches, or a pause after a failure.  delivery_kick decides what comes next whenever
 * one of these ends or something new arrives.
 *
 * While a batch is in flight another may follow, if the target takes it
 * (target_ops.takes_more).  What one comes to is told in their order.  If it was not
 * applied, those behind it were not either, and are formed again.
 */
#include "gateway/delivery/delivery_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"

static void on_alarm(void *arg);
static void on_check_alarm(void *arg);

static void on_back(void *arg)
{
	(void)delivery_retry(arg);
}

static bool open_target(struct delivery *d)
{
	const struct target_env *env = &d->zone.thread->target_env;
	const struct target_zone zone = {
		.name = d->zone.name,
		.id = d->zone.id,
		.operations = d->zone.operations,
		.back = on_back,
		.back_arg = d,
	};

	d->target =
		env->types[d->target_config->type]->new (d->target_config, &zone, env);
	return d->target != NULL;
}

static size_t queue_max(const struct zone_thread *thread)
{
	return thread->queue_max ? thread->queue_max : DELIVERY_QUEUE_MAX;
}

int delivery_new(struct delivery **ret_delivery, const struct delivery_zone *zone,
	struct config *config, const struct config_target *target_config, bool is_primary,
	const struct delivery_start *start)
{
	struct delivery *d = calloc(1, sizeof(*d));
	struct zone_thread *thread = zone->thread;

	if (!d)
		return -ENOMEM;
	d->zone = *zone;
	d->is_primary = is_primary;
	d->backoff_ms = DELIVERY_BACKOFF_MIN_MS;
	TAILQ_INIT(&d->batches);
	delivery_list_init(&d->queue, queue_max(thread), thread);
	delivery_list_init(&d->tail, queue_max(thread), thread);
	delivery_list_init(&d->altered, queue_max(thread), thread);
	d->id = strdup(target_config->id);
	alarm_init(&d->alarm, &d->zone.thread->alarms, on_alarm, d);
	alarm_init(&d->check_alarm, &d->zone.thread->alarms, on_check_alarm, d);
	alarm_init(
		&d->cursor_alarm, &d->zone.thread->alarms, delivery_on_cursor_alarm, d);
	alarm_init(&d->step, &d->zone.thread->alarms, delivery_on_step, d);
	if (!d->id)
		goto fail;
	d->config = config_ref(config);
	d->target_config = target_config;
	departures_stop(&d->zone.thread->departures, d->zone.name, d->id);
	if (!open_target(d) || delivery_start(d, start))
		goto fail;
	*ret_delivery = d;
	return 0;

fail:
	delivery_free(d);
	return -ENOMEM;
}

void delivery_free(struct delivery *d)
{
	if (!d)
		return;
	delivery_stop_reading(d);
	delivery_stop_shrinking(d);
	delivery_stop_reaching(d);
	if (d->target)
		target_ops(d->target)->free(d->target);
	delivery_list_clear(&d->queue);
	delivery_list_clear(&d->altered);
	changeset_unref(d->spent);
	delivery_drop_batches(d);
	changeset_unref(d->mending.changes);
	alarm_stop(&d->alarm);
	alarm_stop(&d->check_alarm);
	alarm_stop(&d->cursor_alarm);
	config_unref(d->config);
	config_unref(d->next_config);
	free(d->why);
	free(d->id);
	free(d);
}

void delivery_leave(const struct delivery *d)
{
	if (departures_begin(&d->zone.thread->departures, d->zone.name, d->config,
		    d->target_config, NULL, NULL) == -ENOMEM)
		log_error("zone %s: target %s: out of memory", d->zone.text, d->id);
}

/* ---- success and failure ---- */

static void succeed(struct delivery *d)
{
	d->state = d->in_flight ? DELIVERY_SENDING : DELIVERY_IDLE;
	if (d->changed_in_a_row > DELIVERY_CHANGED_MAX || d->is_waiting)
		return; /* it answers, but accepts nothing, or must get nothing */
	if (d->is_down) {
		log_info("zone %s: target %s is back", d->zone.text, d->id);
		d->backlog = d->zone.thread->durable_seq;
		delivery_fold_queue(d);
		/* It may have been put back to an older state. */
		d->want_probe |= !d->is_primary;
	}
	d->is_down = false;
	d->has_answered = true;
	d->trouble = TARGET_NO_TROUBLE;
	free(d->why);
	d->why = NULL;
	d->backoff_ms = DELIVERY_BACKOFF_MIN_MS;
}

static void pause_for_ms(struct delivery *d, int64_t pause_ms)
{
	d->state = DELIVERY_PAUSING;
	d->pause_until_ms = turn_monotonic_ms(&d->zone.thread->time) + pause_ms;
	alarm_set(&d->alarm, d->pause_until_ms);
}

/* Said again if something else is wrong than before. */
static void log_failure(
	const struct delivery *d, enum target_trouble trouble, const char *why)
{
	if (d->is_down && (d->is_waiting || d->trouble == trouble))
		return;
	log_warning("zone %s: target %s fails: %s (%s: %s)", d->zone.text, d->id, why,
		target_trouble_name(trouble), target_trouble_advice(trouble));
}

void delivery_pause_for(struct delivery *d, enum target_trouble trouble, const char *why)
{
	log_failure(d, trouble, why);
	d->is_down = true;
	d->has_answered = false;
	d->failures++;
	if (!d->is_waiting || !d->why) {
		d->trouble = trouble;
		free(d->why);
		d->why = strdup(why);
	}
	pause_for_ms(d, d->backoff_ms);
	d->backoff_ms *= 2;
	if (d->backoff_ms > DELIVERY_BACKOFF_MAX_MS)
		d->backoff_ms = DELIVERY_BACKOFF_MAX_MS;
	if (d->is_primary)
		d->zone.events->down(d->zone.arg);
	delivery_limit_reach(d);
	delivery_shrink(d);
	delivery_fail_mending(d, trouble, why);
}

static void on_alarm(void *arg)
{
	struct delivery *d = arg;

	if (d->state == DELIVERY_PAUSING)
		d->state = DELIVERY_IDLE;
	delivery_kick(d, false);
}

bool delivery_retry(struct delivery *d)
{
	if (d->state != DELIVERY_PAUSING)
		return false;
	alarm_stop(&d->alarm);
	d->state = DELIVERY_IDLE;
	delivery_kick(d, false);
	return true;
}

/* ---- loading and probing (primary) ---- */

static void on_loaded(void *arg, struct target_content *content)
{
	struct delivery *d = arg;

	if (content->zone) {
		d->want_whole = false;
		if (d->is_check_loading)
			delivery_put_off_checks(d);
	}
	d->is_check_loading = false;
	if (content->result.outcome == TARGET_DONE) {
		succeed(d);
		d->state = DELIVERY_LOADED;
	} else {
		d->want_load = true;
		delivery_pause_for(
			d, content->result.trouble, content->result.verdict.why);
	}
	d->zone.events->loaded(d->zone.arg, content);
}

void delivery_go_on(struct delivery *d)
{
	if (d->is_waiting) {
		d->is_waiting = false;
		succeed(d);
	}
	if (d->state == DELIVERY_LOADED)
		d->state = DELIVERY_IDLE;
	delivery_kick(d, false);
}

void delivery_put_off(struct delivery *d, enum target_trouble trouble, const char *why)
{
	d->want_load = true;
	d->want_whole = true;
	if (d->state == DELIVERY_LOADED)
		delivery_pause_for(d, trouble, why);
}

/* What is known of it is why it waits, even if it cannot be reached meanwhile. */
void delivery_wait_for_word(struct delivery *d, const char *why)
{
	d->is_waiting = false;
	d->is_down = true; /* which whoever calls this says itself */
	d->trouble = TARGET_GONE_BACK;
	d->want_probe = true;
	d->want_whole = true; /* what is there is not beneath the present content */
	delivery_pause_for(d, TARGET_GONE_BACK, why);
	d->is_waiting = true;
}

void delivery_set_ready(struct delivery *d)
{
	d->is_ready = true;
}

static void on_probed(void *arg, const struct target_result *result)
{
	struct delivery *d = arg;

	if (result->outcome != TARGET_DONE) {
		delivery_pause_for(d, result->trouble, result->verdict.why);
		return;
	}
	succeed(d);
	if (!d->is_primary) {
		/* Otherwise what is sent next tells. */
		if (TAILQ_EMPTY(&d->queue.entries))
			delivery_note_probed(d, result->soa);
	} else if (d->zone.events->probed(d->zone.arg, result->soa)) {
		d->want_load = true;
	} else if (d->is_waiting) {
		d->want_probe = true;
		pause_for_ms(d, DELIVERY_BACKOFF_MAX_MS);
	}
	delivery_kick(d, false);
}

void delivery_want_load(struct delivery *d)
{
	d->want_load = true;
	delivery_kick(d, false);
}

void delivery_want_whole(struct delivery *d)
{
	d->want_whole = true;
	delivery_want_load(d);
}

void delivery_want_probe(struct delivery *d)
{
	d->want_probe = true;
	delivery_kick(d, false);
}

/* ---- batches ---- */

/* Removes what a finished batch held from the queue. */
static void finish_batch(
	struct delivery *d, struct delivery_batch *batch, bool is_rejected)
{
	const bool has_senders = delivery_blame_has_senders(&d->blame) || is_rejected;
	size_t changes = 0;

	for (size_t i = 0; i < batch->entries; i++) {
		struct delivery_entry *e = TAILQ_FIRST(&d->queue.entries);

		if (has_senders)
			delivery_blame_note(&d->blame, e->sender, is_rejected);
		d->delivered += e->sets;
		changes += e->changes->count;
		delivery_list_drop(&d->queue, e);
	}
	if (changes > batch->changes->count)
		d->counts.merged += changes - batch->changes->count;
	if (batch->seq > d->applied)
		d->applied = batch->seq;
	/* It may be followed by change sets that do not concern this target. */
	if (!delivery_has_pending(d))
		d->applied = d->loaded;
	delivery_drop_batch(d, batch);
	delivery_move_cursor(d, delivery_last_before_passed(d, d->applied));
}

/* The target has the whole batch. */
static void finish_applied(
	struct delivery *d, struct delivery_batch *batch, struct rrset *soa)
{
	struct changeset *changes = changeset_ref(batch->changes);

	delivery_blame_applied(&d->blame, batch->entries);
	finish_batch(d, batch, false);
	d->zone.events->applied(d->zone.arg, d,
		&(struct delivery_success){
			.seq = d->applied, .changes = changes, .soa = soa});
	delivery_spend(d, changes);
}

/* The batch leaves the queue when what it did has been undone.  Until there is memory for
 * that, the target refuses it again and again. */
static void finish_rejected(struct delivery *d, struct delivery_batch *batch,
	const struct target_result *result)
{
	const struct delivery_entry *first = TAILQ_FIRST(&d->queue.entries);
	/* As it was queued, since batches do not contain leases. */
	struct delivery_rejection rejection = {
		.seq = batch->seq,
		.changes = first->changes,
		.is_withdrawal = first->is_withdrawal,
		.why = &result->verdict,
	};

	if (d->zone.events->rejected(d->zone.arg, d, &rejection)) {
		pause_for_ms(d, DELIVERY_BACKOFF_MIN_MS);
		return;
	}
	succeed(d);
	finish_batch(d, batch, true);
	d->delivered--;
	d->rejected++;
}

static void on_rejected(struct delivery *d, struct delivery_batch *batch,
	const struct target_result *result)
{
	if (TAILQ_FIRST(&d->queue.entries)->is_folded) {
		succeed(d);
		delivery_unfold(d);
		return;
	}
	if (delivery_blame_refused(&d->blame, batch->entries)) {
		finish_rejected(d, batch, result);
		return;
	}
	delivery_note_named(d, batch, result->verdict.why);
	succeed(d);
	delivery_drop_batch(d, batch);
}

/* The first batch was not applied, so those behind it were not either: unless its outcome
 * is unknown. */
static void drop_followers(struct delivery *d, enum target_outcome outcome)
{
	struct delivery_batch *first = TAILQ_FIRST(&d->batches), *next;

	while ((next = TAILQ_NEXT(first, entry))) {
		if (outcome == TARGET_FAILED)
			delivery_note_uncertain(d, next->last_seq);
		delivery_drop_batch(d, next);
	}
	d->in_flight = 0;
}

/* Somebody else writes to the zone, too.  If a target is found changed again and again,
 * the next batch is put off, so that following the zone does not take all the time. */
static void on_changed(struct delivery *d, struct delivery_batch *batch)
{
	succeed(d);
	delivery_give_up_batch(d, batch);
	if (d->is_primary)
		d->want_load = true;
	delivery_note_changed(d);
	if (++d->changed_in_a_row > DELIVERY_CHANGED_MAX)
		delivery_pause_for(d, TARGET_OVERTAKEN,
			"others change the zone faster than it can be followed");
}

static size_t batch_limit(const struct delivery *d)
{
	return target_ops(d->target)->batch_changes;
}

/* ---- sending ---- */

static void on_delivered(void *arg, const struct target_result *result)
{
	struct delivery *d = arg;
	struct delivery_batch *batch = TAILQ_FIRST(&d->batches);

	d->in_flight--;
	if (result->outcome != TARGET_DONE)
		drop_followers(d, result->outcome);
	switch (result->outcome) {
	case TARGET_DONE:
		d->changed_in_a_row = 0;
		succeed(d);
		if (target_ops(d->target)->is_local)
			d->cursor_stored = batch->seq;
		target_counts_add(&d->counts, batch->changes->count,
			turn_monotonic_ms(&d->zone.thread->time) - batch->sent_ms);
		delivery_start_gathering(d, batch);
		if (d->is_primary && result->maybe_others)
			delivery_suspect_others(d);
		finish_applied(d, batch, result->soa);
		delivery_note_applied(d, result->soa);
		break;
	case TARGET_CHANGED:
		on_changed(d, batch);
		break;
	case TARGET_REJECTED:
		on_rejected(d, batch, result);
		/* After a withdrawal, which may have restored an older one. */
		if (d->is_primary && result->soa)
			d->zone.events->found_soa(d->zone.arg, result->soa);
		break;
	case TARGET_FAILED:
		batch->is_retry = true;
		if (result->is_doubtful) {
			delivery_put_in_doubt(d, batch);
			delivery_drop_batch(d, batch);
		}
		delivery_pause_for(d, result->trouble, result->verdict.why);
		return;
	}
	delivery_kick(d, false);
}

static void send_batch(struct delivery *d, struct delivery_batch *batch)
{
	const struct target_batch request = {
		.changes = batch->changes,
		.seq = batch->seq,
		.is_retry = batch->is_retry,
		.is_exact = d->is_primary && !batch->changes->is_uncertain,
	};

	/* The pending changes cancelled each other out. */
	if (batch->changes->count == 0 && !d->in_flight) {
		d->changed_in_a_row = 0;
		finish_applied(d, batch, NULL);
		return;
	}
	d->state = DELIVERY_SENDING;
	d->in_flight++;
	d->counts.requests++;
	batch->sent_ms = turn_monotonic_ms(&d->zone.thread->time);
	if (batch->last_seq > d->sent)
		d->sent = batch->last_seq;
	target_ops(d->target)->deliver(d->target, &request, on_delivered, d);
}

static void load(struct delivery *d)
{
	const bool have_content = !d->want_whole && d->is_ready && d->is_live;

	d->state = DELIVERY_LOADING;
	d->load_began_ms = turn_monotonic_ms(&d->zone.thread->time);
	d->want_load = false;
	d->want_check = false;
	d->want_probe = false;
	target_ops(d->target)->load(d->target, have_content, on_loaded, d);
}

static void probe(struct delivery *d)
{
	d->state = DELIVERY_PROBING;
	d->want_probe = false;
	target_ops(d->target)->probe(d->target, on_probed, d);
}

/* ---- mending ---- */

static void on_mended(void *arg, const struct target_result *result)
{
	struct delivery *d = arg;

	switch (result->outcome) {
	case TARGET_DONE:
		d->changed_in_a_row = 0;
		succeed(d);
		delivery_note_left(d, result->soa);
		d->zone.events->applied(d->zone.arg, d,
			&(struct delivery_success){.seq = d->cursor,
				.changes = d->mending.changes,
				.soa = result->soa});
		break;
	case TARGET_CHANGED:
		succeed(d);
		d->want_load |= d->is_primary;
		delivery_note_left(d, NULL);
		break;
	case TARGET_REJECTED:
		succeed(d);
		break;
	case TARGET_FAILED:
		delivery_pause_for(d, result->trouble, result->verdict.why);
		break;
	}
	delivery_end_mending(d, result);
	delivery_kick(d, false);
}

static void mend(struct delivery *d)
{
	const struct target_batch request = {
		.changes = d->mending.changes, .seq = d->cursor};

	d->state = DELIVERY_MENDING;
	target_ops(d->target)->deliver(d->target, &request, on_mended, d);
}

int delivery_mend(
	struct delivery *d, struct changeset *changes, target_done *done, void *arg)
{
	if (d->is_down || d->mending.changes)
		return -EAGAIN;
	d->mending = (struct delivery_mending){
		.changes = changeset_ref(changes), .done = done, .arg = arg};
	delivery_kick(d, false);
	return 0;
}

/* ---- other settings ---- */

/* Between two requests.  0, or -ENOMEM with the old settings. */
static int take_settings(struct delivery *d)
{
	struct target *old = d->target;
	const struct config_target *old_config = d->target_config;

	d->target_config = d->next_target_config;
	if (!open_target(d)) {
		d->target_config = old_config;
		d->target = old;
		return -ENOMEM;
	}
	target_ops(old)->free(old);
	d->is_checking = false;
	config_unref(d->config);
	d->config = d->next_config;
	d->next_config = NULL;
	delivery_give_up_batches(d);
	d->want_load = d->is_primary;
	d->want_whole = true;
	return 0;
}

/* While nothing is in flight: whatever needs the target for itself.  False: it has begun,
 * or nothing may. */
static bool look_around(struct delivery *d)
{
	if (d->next_config && take_settings(d)) {
		delivery_pause_for(d, TARGET_OUR_MEMORY, "out of memory");
		return false;
	}
	if (d->want_load && target_ops(d->target)->load) {
		if (!d->is_checking)
			load(d);
		return false;
	}
	if (d->is_waiting && d->want_probe && target_ops(d->target)->probe) {
		probe(d);
		return false;
	}
	if (d->is_waiting || (d->is_primary && !d->is_ready))
		return false;
	if (delivery_is_mending_due(d)) {
		mend(d);
		return false;
	}
	return true;
}

/* May another batch follow those in flight? */
static bool may_follow(const struct delivery *d)
{
	const struct target_ops *ops = target_ops(d->target);

	return d->state == DELIVERY_SENDING && ops->takes_more && !d->next_config &&
		!d->want_load && !d->is_waiting && !d->mending.changes &&
		!delivery_blame_is_looking(&d->blame) && delivery_next_entry(d) &&
		ops->takes_more(d->target);
}

/* The batch to be sent now, perhaps again; NULL: no memory. */
static struct delivery_batch *next_batch(struct delivery *d)
{
	struct delivery_batch *again = d->in_flight ? NULL : TAILQ_FIRST(&d->batches);

	return again ? again : delivery_form_batch(d, batch_limit(d));
}

/* Without memory it is tried again after a pause, or when what is in flight is over. */
static void put_off(struct delivery *d)
{
	if (!d->in_flight)
		delivery_pause_for(d, TARGET_OUR_MEMORY, "out of memory");
}

static void on_checked(void *arg, const struct target_result *result)
{
	delivery_take_check(arg, result);
	delivery_kick(arg, false);
}

static void on_check_alarm(void *arg)
{
	delivery_kick(arg, false);
}

void delivery_kick(struct delivery *d, bool flush)
{
	const struct target_ops *ops = target_ops(d->target);
	struct delivery_batch *batch;

	delivery_check(d, on_checked);
	while (d->state == DELIVERY_IDLE || may_follow(d)) {
		if (d->state == DELIVERY_IDLE && !look_around(d))
			return;
		if (delivery_catch_up(d)) {
			put_off(d);
			return;
		}
		/* A batch compares the serial itself, so probing is for quiet times. */
		if (TAILQ_EMPTY(&d->queue.entries)) {
			if (d->want_probe && ops->probe && d->is_live)
				probe(d);
			return;
		}
		if (d->is_live && d->is_held)
			return;
		if ((d->in_flight || TAILQ_EMPTY(&d->batches)) && !flush &&
			(delivery_is_lagging(d) || delivery_is_gathering(d)))
			return;
		if (!delivery_is_in_reach(d, delivery_next_entry(d))) {
			if (d->want_probe && d->state == DELIVERY_IDLE && !d->reaching)
				probe(d);
			return;
		}
		d->want_probe = false;
		batch = next_batch(d);
		if (!batch) {
			put_off(d);
			return;
		}
		send_batch(d, batch);
	}
}
