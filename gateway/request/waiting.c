/*
 * Updates that wait for the content's gate or for the primary target, and the outcomes
 * of the latter: applied, late, refused there, withdrawn.
 */
#include "gateway/request/requests.h"

#include "gateway/base/log.h"

enum { LONGER_MS = 100 }; /* for a client whose change cannot be taken back now */

/* ---- lists ---- */

static void leave_list(struct request *request)
{
	if (!request->list)
		return;
	TAILQ_REMOVE(request->list, request, entry);
	request->list = NULL;
}

static void set_deadline(struct zone_requests *zone)
{
	const struct request *first = TAILQ_FIRST(&zone->waiting);

	if (first)
		alarm_set(&zone->deadline, first->deadline_ms);
	else
		alarm_stop(&zone->deadline);
}

/* Usually at the end. */
static void enter_list(struct zone_requests *zone, struct request *request)
{
	struct request *before = TAILQ_LAST(&zone->waiting, request_list);

	while (before && before->deadline_ms > request->deadline_ms)
		before = TAILQ_PREV(before, request_list, entry);
	if (before)
		TAILQ_INSERT_AFTER(&zone->waiting, before, request, entry);
	else
		TAILQ_INSERT_HEAD(&zone->waiting, request, entry);
	request->list = &zone->waiting;
	if (!before)
		set_deadline(zone);
}

/* A request that waits again has kept its deadline. */
static void start_waiting(struct zone_requests *zone, struct request *request)
{
	struct zone_thread *thread = zone->all->thread;

	request_set_state(request, REQUEST_DELIVERING);
	if (!request->deadline_ms)
		request->deadline_ms = turn_monotonic_ms(&thread->time) +
			content_ack_timeout_ms(zone->content, request->is_renumbered);
	enter_list(zone, request);
}

static void stop_waiting(struct request *request)
{
	struct zone_requests *zone = request->requests;
	const bool was_first = request == TAILQ_FIRST(&zone->waiting);

	leave_list(request);
	if (was_first)
		set_deadline(zone);
	edit_stop_waiting(&request->waiter);
}

/* Whatever becomes of its edit. */
static void stop_and_answer(struct request *request)
{
	stop_waiting(request);
	if (request->edit)
		edit_disown(request->edit);
	request->edit = NULL;
	requests_answer(request->requests->all, request);
}

void requests_pause(struct zone_requests *zone, struct request *request)
{
	TAILQ_INSERT_TAIL(&zone->paused, request, entry);
	request->list = &zone->paused;
}

static void on_opened(void *part)
{
	struct zone_requests *zone = part;
	struct request *request;

	while (!content_is_gated(zone->content) &&
		(request = TAILQ_FIRST(&zone->paused))) {
		leave_list(request);
		requests_judge(zone, request);
	}
}

/* ---- heartbeats ---- */

static void wait_for(
	struct zone_requests *zone, struct request *request, struct edit *edit)
{
	edit_wait(edit, &request->waiter);
	if (edit->state == EDIT_DURABLE)
		start_waiting(zone, request);
	else
		request_set_state(request, REQUEST_COMMITTING);
}

static void on_told(struct edit_waiter *waiter, struct edit *edit, enum edit_state state)
{
	struct request *request = waiter->owner;
	struct zone_requests *zone = request->requests;

	stop_waiting(request);
	switch (state) {
	case EDIT_DURABLE:
		if (content_waits_for_primary(zone->content)) {
			wait_for(zone, request, edit);
			return;
		}
		break;
	case EDIT_FAILED:
		request->verdict = content_database_verdict(zone->content, "stored");
		break;
	case EDIT_UNDONE: /* it is judged by what it finds now */
		request_set_state(request, REQUEST_JUDGED);
		requests_judge(zone, request);
		return;
	default:
		break;
	}
	requests_answer(zone->all, request);
}

/* Its answer confirms only the changes that it found, so it shares their fate. */
void requests_wait_for_newest(struct zone_requests *zone, struct request *request)
{
	struct edit *edit = edit_newest(zone->content);

	request->waiter.owner = request;
	request->waiter.tell = on_told;
	if (edit &&
		(edit->state == EDIT_COMMITTING ||
			content_waits_for_primary(zone->content)))
		wait_for(zone, request, edit);
	else
		requests_answer(zone->all, request);
}

/* ---- changes that are taken back ---- */

static bool on_taken_back(struct edit *edit)
{
	struct request *request = edit->owner;

	requests_answer(request->requests->all, request);
	return false;
}

static void on_not_taken_back(struct edit *edit)
{
	struct request *request = edit->owner;

	requests_refuse(request->requests->all, request,
		content_database_verdict(edit->content, "withdrawn"));
}

/* The refusal is sent when the edit that undoes the change is durable, so that what was
 * refused is not delivered after a crash. */
static const struct edit_ops taking_back = {
	.durable = on_taken_back,
	.failed = on_not_taken_back,
};

/* Undoes a change whose client waits; the client gets this verdict.  0, or -ENOMEM: it
 * still waits. */
static int take_back(
	struct request *request, const struct verdict *verdict, enum edit_origin origin)
{
	struct edit *edit = request->edit;
	int r = 0;

	request->edit = NULL;
	if (edit)
		r = edit_take_back(edit, origin, verdict, &taking_back, request);
	if (r < 0) {
		request->edit = edit;
		return r;
	}
	request->verdict = *verdict;
	stop_waiting(request);
	request_set_state(request, REQUEST_COMMITTING);
	if (!r)
		requests_answer(request->requests->all, request);
	return 0;
}

/* ---- what becomes of an update ---- */

static bool on_durable(struct edit *edit)
{
	struct request *request = edit->owner;

	if (content_waits_for_primary(edit->content)) {
		start_waiting(request->requests, request);
		return true;
	}
	request->edit = NULL;
	requests_answer(request->requests->all, request);
	return false;
}

static void on_failed(struct edit *edit)
{
	struct request *request = edit->owner;

	request->edit = NULL;
	requests_refuse(request->requests->all, request,
		content_database_verdict(edit->content, "stored"));
}

static void on_applied(struct edit *edit)
{
	struct request *request = edit->owner;

	request->edit = NULL; /* it ends by itself */
	stop_and_answer(request);
}

static int on_rejected(struct edit *edit, const struct verdict *why)
{
	struct request *request = edit->owner;
	const int r = take_back(request, why, EDIT_REJECTION);

	if (r)
		return r;
	request->requests->counters.refused++;
	return 1;
}

const struct edit_ops requests_edit_ops = {
	.durable = on_durable,
	.failed = on_failed,
	.applied = on_applied,
	.rejected = on_rejected,
};

/* ---- patience ---- */

/* Its change cannot be taken back now. */
static void wait_longer(struct zone_requests *zone, struct request *request)
{
	leave_list(request);
	request->deadline_ms = turn_monotonic_ms(&zone->all->thread->time) + LONGER_MS;
	enter_list(zone, request);
	set_deadline(zone);
}

static void on_deadline(void *arg)
{
	struct zone_requests *zone = arg;
	struct content *content = zone->content;
	const int64_t now_ms = turn_monotonic_ms(&zone->all->thread->time);
	const struct verdict late = verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR,
		"target %s did not answer in time: the change was withdrawn",
		delivery_id(content_primary(content)));
	struct request *request;

	while ((request = TAILQ_FIRST(&zone->waiting)) &&
		request->deadline_ms <= now_ms) {
		if (content->rules->ack != CONFIG_ACK_APPLIED)
			stop_and_answer(request);
		else if (take_back(request, &late, EDIT_TAKE_BACK))
			wait_longer(zone, request);
	}
}

static void on_down(void *part)
{
	struct zone_requests *zone = part;
	struct request *request;

	if (zone->content->rules->ack != CONFIG_ACK_WAIT)
		return;
	while ((request = TAILQ_FIRST(&zone->waiting)))
		stop_and_answer(request);
}

void zone_requests_give_up(struct zone_requests *zone)
{
	const struct content *content = zone->content;
	const bool is_applied = content->rules->ack == CONFIG_ACK_APPLIED;
	const struct verdict withdrawn = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
		"the zone is being closed: the change was withdrawn");
	const struct verdict unknown = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
		"the gateway stops: the change reaches its target after the next start");
	struct request *r;

	requests_give_up_asking(zone);
	while ((r = TAILQ_FIRST(&zone->waiting))) {
		if (is_applied && content->mirror && !content->thread->is_over &&
			!take_back(r, &withdrawn, EDIT_TAKE_BACK))
			continue;
		if (is_applied)
			r->verdict = unknown;
		stop_and_answer(r);
	}
}

/* ---- judged again ---- */

/* The change is what the update does now. */
static void replace(struct request *request, struct edit *old, struct edit *now)
{
	const struct verdict again = {.ede = EDE_NONE,
		.why = "evaluated again: the zone was changed at its primary target"};
	const struct journal_request row = request_for_journal(request);

	stop_waiting(request);
	request->edit = now;
	request_set_state(request, REQUEST_COMMITTING);
	edit_commit(now, &again, &row);
	requests_accept(request->requests, request, now->asked);
	edit_end_undone(old->content, old->op.seq, old);
}

static void refuse_after_all(struct request *request, struct edit *old, struct edit *back)
{
	stop_waiting(request);
	request->edit = NULL;
	content_note_outcome(old->content, old->op.seq, &request->verdict);
	if (edit_is_empty(back)) {
		edit_abort(back);
		requests_answer(request->requests->all, request);
	} else {
		back->origin = EDIT_TAKE_BACK;
		back->ops = &taking_back;
		request_set_state(request, REQUEST_COMMITTING);
		edit_commit(back, &request->verdict, NULL);
	}
	edit_end_undone(old->content, old->op.seq, old);
}

/* moved: what others have become, by edits behind this one, whose outcome it must not
 * forestall if it was judged by that; what becomes of it is added.  0 or -ENOMEM. */
static int judge_again(
	struct zone_requests *zone, struct request *request, struct changeset *moved)
{
	const bool is_late = update_shares_name(request->update, moved);
	struct edit *old = request->edit;
	struct edit *edit =
		edit_begin(zone->content, EDIT_CLIENT, &requests_edit_ops, request);
	struct verdict v;

	/* Without memory it stays as it is. */
	if (!edit || edit_withdraw(edit, old->asked) || edit_keep(edit)) {
		edit_abort(edit);
		return -ENOMEM;
	}
	v = requests_evaluate(zone, request, edit);
	if (verdict_is_ok(&v) && !edit->changes->count && !is_late) {
		/* Its effect is the same as before, and it still waits, with what is
		 * pending.  Its leases are what they were, too: they are stored. */
		edit_abort(edit);
		return 0;
	}
	if (changeset_merge(moved, old->asked) || changeset_merge(moved, edit->asked)) {
		edit_abort(edit);
		return -ENOMEM;
	}
	if (verdict_is_ok(&v)) {
		replace(request, old, edit);
	} else {
		request->verdict = v;
		refuse_after_all(request, old, edit);
	}
	return 0;
}

/* In order: those that ask about these names (NULL: all), or about those of what has
 * become something else thereby.  Judging one may cause heartbeats to be judged again,
 * but never a change.  0, or -ENOMEM: not all. */
static int judge_those_of(struct zone_requests *zone, const struct changeset *names,
	struct changeset *moved)
{
	struct edit *edit = TAILQ_FIRST(&zone->content->delivering), *next;
	int r = 0;

	for (; edit; edit = next) {
		struct request *request = edit->owner;

		next = TAILQ_NEXT(edit, entry);
		if (edit->ops != &requests_edit_ops ||
			(names && !update_shares_name(request->update, names) &&
				!update_shares_name(request->update, moved)))
			continue;
		if (judge_again(zone, request, moved))
			r = -ENOMEM;
	}
	return r;
}

static int judge_some(struct zone_requests *zone, const struct changeset *names)
{
	struct changeset *moved = changeset_new();
	const int r = moved ? judge_those_of(zone, names, moved) : -ENOMEM;

	changeset_unref(moved);
	/* Nothing may reach the primary before the edit that undoes it. */
	edit_hold_primary(zone->content);
	return r;
}

void requests_judge_again(struct zone_requests *zone)
{
	(void)!judge_some(zone, NULL);
}

void requests_judge_again_without(
	struct zone_requests *zone, const struct changeset *undone)
{
	/* A load has all of them judged again. */
	if (judge_some(zone, undone))
		delivery_want_whole(content_primary(zone->content));
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
	const struct request *request;
	size_t count = 0;

	TAILQ_FOREACH(request, &zone->waiting, entry)
		count++;
	return count;
}
