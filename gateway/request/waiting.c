/*
 * Updates that wait, for the content's gate or for the primary target, and what becomes
 * of the latter: applied, late, refused there, withdrawn.
 */
#include "gateway/request/requests.h"

#include "gateway/base/log.h"

/* ---- lists ---- */

static void leave_list(struct transaction *t)
{
	if (!t->list)
		return;
	TAILQ_REMOVE(t->list, t, entry);
	t->list = NULL;
}

static void set_deadline(struct zone_requests *zone)
{
	const struct transaction *first = TAILQ_FIRST(&zone->waiting);

	if (first)
		alarm_set(&zone->deadline, first->deadline_ms);
	else
		alarm_stop(&zone->deadline);
}

/* Mostly at the end: whoever waits again has kept the deadline. */
static void start_waiting(struct zone_requests *zone, struct transaction *t)
{
	struct zone_thread *thread = zone->all->thread;
	struct transaction *before;

	transaction_set_state(t, TRANSACTION_DELIVERING);
	if (!t->deadline_ms)
		t->deadline_ms = turn_monotonic_ms(&thread->time) +
			zone->content->rules->ack_timeout_ms;
	before = TAILQ_LAST(&zone->waiting, transaction_list);
	while (before && before->deadline_ms > t->deadline_ms)
		before = TAILQ_PREV(before, transaction_list, entry);
	if (before)
		TAILQ_INSERT_AFTER(&zone->waiting, before, t, entry);
	else
		TAILQ_INSERT_HEAD(&zone->waiting, t, entry);
	t->list = &zone->waiting;
	if (!before)
		set_deadline(zone);
}

static void stop_waiting(struct transaction *t)
{
	struct zone_requests *zone = t->requests;
	const bool was_first = t == TAILQ_FIRST(&zone->waiting);

	leave_list(t);
	if (was_first)
		set_deadline(zone);
	edit_stop_waiting(&t->waiter);
}

/* Whatever becomes of its edit. */
static void stop_and_answer(struct transaction *t)
{
	stop_waiting(t);
	if (t->edit)
		edit_disown(t->edit);
	t->edit = NULL;
	requests_answer(t->requests->all, t);
}

void requests_pause(struct zone_requests *zone, struct transaction *t)
{
	TAILQ_INSERT_TAIL(&zone->paused, t, entry);
	t->list = &zone->paused;
}

static void on_opened(void *part)
{
	struct zone_requests *zone = part;
	struct transaction *t;

	while (!content_is_gated(zone->content) && (t = TAILQ_FIRST(&zone->paused))) {
		leave_list(t);
		requests_judge(zone, t);
	}
}

/* ---- heartbeats ---- */

static void wait_for(struct zone_requests *zone, struct transaction *t, struct edit *edit)
{
	edit_wait(edit, &t->waiter);
	if (edit->state == EDIT_DURABLE)
		start_waiting(zone, t);
	else
		transaction_set_state(t, TRANSACTION_COMMITTING);
}

static void on_told(struct edit_waiter *waiter, struct edit *edit, enum edit_state state)
{
	struct transaction *t = waiter->owner;
	struct zone_requests *zone = t->requests;

	stop_waiting(t);
	switch (state) {
	case EDIT_DURABLE:
		if (content_waits_for_primary(zone->content)) {
			wait_for(zone, t, edit);
			return;
		}
		break;
	case EDIT_FAILED:
		t->verdict = content_database_verdict(zone->content);
		break;
	case EDIT_UNDONE: /* what it finds now counts */
		requests_judge(zone, t);
		return;
	default:
		break;
	}
	requests_answer(zone->all, t);
}

/* It promises no more than the changes that it found, and shares their fate. */
void requests_wait_for_newest(struct zone_requests *zone, struct transaction *t)
{
	struct edit *edit = edit_newest(zone->content);

	t->waiter.owner = t;
	t->waiter.tell = on_told;
	if (edit &&
		(edit->state == EDIT_COMMITTING ||
			content_waits_for_primary(zone->content)))
		wait_for(zone, t, edit);
	else
		requests_answer(zone->all, t);
}

/* ---- changes that are taken back ---- */

static bool on_taken_back(struct edit *edit)
{
	struct transaction *t = edit->owner;

	requests_answer(t->requests->all, t);
	return false;
}

static void on_not_taken_back(struct edit *edit)
{
	struct transaction *t = edit->owner;

	t->verdict = content_database_verdict(t->requests->content);
	requests_answer(t->requests->all, t);
}

/* The refusal is sent when what takes the change back is durable: what was refused is not
 * delivered after a crash. */
static const struct edit_ops taking_back = {
	.durable = on_taken_back,
	.failed = on_not_taken_back,
};

/* A change whose client waits is taken back, and the client gets this verdict. */
static void take_back(
	struct transaction *t, const struct verdict *verdict, enum edit_origin origin)
{
	struct edit *edit = t->edit;

	t->verdict = *verdict;
	t->edit = NULL;
	stop_waiting(t);
	transaction_set_state(t, TRANSACTION_COMMITTING);
	if (!edit || !edit_take_back(edit, origin, verdict, &taking_back, t))
		requests_answer(t->requests->all, t);
}

/* ---- what becomes of an update ---- */

static bool on_durable(struct edit *edit)
{
	struct transaction *t = edit->owner;

	if (content_waits_for_primary(edit->content)) {
		start_waiting(t->requests, t);
		return true;
	}
	t->edit = NULL;
	requests_answer(t->requests->all, t);
	return false;
}

static void on_failed(struct edit *edit)
{
	struct transaction *t = edit->owner;

	t->edit = NULL;
	t->verdict = content_database_verdict(edit->content);
	requests_answer(t->requests->all, t);
}

static void on_applied(struct edit *edit)
{
	struct transaction *t = edit->owner;

	t->edit = NULL; /* it ends by itself */
	stop_and_answer(t);
}

static bool on_rejected(struct edit *edit, const struct verdict *why)
{
	struct transaction *t = edit->owner;

	t->requests->counters.refused++;
	take_back(t, why, EDIT_REJECTION);
	return true;
}

const struct edit_ops requests_edit_ops = {
	.durable = on_durable,
	.failed = on_failed,
	.applied = on_applied,
	.rejected = on_rejected,
};

/* ---- patience ---- */

static void on_deadline(void *arg)
{
	struct zone_requests *zone = arg;
	struct content *content = zone->content;
	const int64_t now_ms = turn_monotonic_ms(&zone->all->thread->time);
	const struct verdict late = verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR,
		"target %s did not answer in time: the change was withdrawn",
		delivery_id(content_primary(content)));
	struct transaction *t;

	while ((t = TAILQ_FIRST(&zone->waiting)) && t->deadline_ms <= now_ms) {
		if (content->rules->ack == CONFIG_ACK_APPLIED)
			take_back(t, &late, EDIT_TAKE_BACK);
		else
			stop_and_answer(t);
	}
}

static void on_down(void *part)
{
	struct zone_requests *zone = part;
	struct transaction *t;

	if (zone->content->rules->ack != CONFIG_ACK_WAIT)
		return;
	while ((t = TAILQ_FIRST(&zone->waiting)))
		stop_and_answer(t);
}

void zone_requests_give_up(struct zone_requests *zone)
{
	const struct content *content = zone->content;
	const struct verdict closing = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
		"the zone is being closed: the change was withdrawn");
	struct transaction *t;

	requests_give_up_asking(zone);
	while ((t = TAILQ_FIRST(&zone->waiting))) {
		if (content->rules->ack == CONFIG_ACK_APPLIED && content->mirror)
			take_back(t, &closing, EDIT_TAKE_BACK);
		else
			stop_and_answer(t);
	}
}

/* ---- judged again ---- */

/* The change is what the update does now. */
static void replace(struct transaction *t, struct edit *old, struct edit *now)
{
	const struct verdict again = {.ede = EDE_NONE,
		.why = "evaluated again: the zone was changed at its primary target"};
	const struct journal_request request = transaction_journal_request(t);

	if (!now->changes->count) {
		/* It does the same as before, and still waits, with what is pending. */
		edit_discard(now);
		return;
	}
	stop_waiting(t);
	t->edit = now;
	transaction_set_state(t, TRANSACTION_COMMITTING);
	(void)edit_commit(now, &again, &request);
	requests_accept(t->requests, t, now->asked);
	edit_end_undone(old->content, old->op.seq, old);
}

static void refuse_after_all(struct transaction *t, struct edit *old, struct edit *back)
{
	stop_waiting(t);
	t->edit = NULL;
	content_note_outcome(old->content, old->op.seq, &t->verdict);
	if (edit_is_empty(back)) {
		edit_abort(back);
		requests_answer(t->requests->all, t);
	} else {
		back->origin = EDIT_TAKE_BACK;
		back->ops = &taking_back;
		transaction_set_state(t, TRANSACTION_COMMITTING);
		(void)edit_commit(back, &t->verdict, NULL);
	}
	edit_end_undone(old->content, old->op.seq, old);
}

static void judge_again(struct zone_requests *zone, struct transaction *t)
{
	struct edit *old = t->edit;
	struct edit *edit = edit_begin(zone->content, EDIT_CLIENT, &requests_edit_ops, t);
	struct verdict v;

	/* Without memory it stands as it is. */
	if (!edit || edit_withdraw(edit, old->asked) || edit_keep(edit)) {
		edit_abort(edit);
		return;
	}
	v = requests_evaluate(zone, t, edit);
	if (verdict_is_ok(&v)) {
		replace(t, old, edit);
	} else {
		t->verdict = v;
		refuse_after_all(t, old, edit);
	}
}

/* In order.  Judging one may bring heartbeats back to judgement, never a change. */
void requests_judge_again(struct zone_requests *zone)
{
	struct content *content = zone->content;
	struct edit *edit = TAILQ_FIRST(&content->delivering), *next;

	for (; edit; edit = next) {
		next = TAILQ_NEXT(edit, entry);
		if (edit->ops == &requests_edit_ops)
			judge_again(zone, edit->owner);
	}
	/* Nothing goes to the primary before what takes it back. */
	if (!TAILQ_EMPTY(&content->committing))
		delivery_hold(content_primary(content), content->last_seq);
}

/* ---- life ---- */

const struct content_observer requests_observer = {
	.down = on_down,
	.opened = on_opened,
};

void zone_requests_init(
	struct zone_requests *zone, struct requests *all, struct content *content)
{
	zone->all = all;
	zone->content = content;
	TAILQ_INIT(&zone->waiting);
	TAILQ_INIT(&zone->paused);
	alarm_init(&zone->deadline, &all->thread->alarms, on_deadline, zone);
}

void zone_requests_clear(struct zone_requests *zone)
{
	alarm_stop(&zone->deadline);
	requests_signer_clear(zone);
}

bool zone_requests_are_quiet(const struct zone_requests *zone)
{
	return TAILQ_EMPTY(&zone->waiting) && TAILQ_EMPTY(&zone->paused) &&
		!content_is_gated(zone->content) && !requests_is_asking(zone);
}

size_t zone_requests_count_waiting(const struct zone_requests *zone)
{
	const struct transaction *t;
	size_t count = 0;

	TAILQ_FOREACH(t, &zone->waiting, entry)
		count++;
	return count;
}
