/*
 * Judges updates against the content.  They keep the order in which they are judged in
 * everything that follows: their numbers, the journal, the targets.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/request/requests.h"

/* ---- refusals ---- */

struct refusal_row {
	struct journal_op op;
	struct requests *all;
	struct request *request;
};

static void on_refusal_written(struct journal_op *op, void *arg)
{
	struct refusal_row *row = arg;

	(void)op; /* a missing audit row does not change the answer */
	requests_answer(row->all, row->request);
	free(row);
}

/* The share of what a request writes: a change, or the row of a refusal. */
static struct verdict take_share(
	struct zone_requests *zone, const struct request *request, size_t octets)
{
	struct zone_thread *thread = zone->all->thread;

	return journal_share_take(thread->database->share, request->subject.key, octets,
		turn_monotonic_ms(&thread->time));
}

/* A client whose updates are refused again and again must not fill the disk. */
static bool may_write_refusal(struct zone_requests *zone, const struct request *request)
{
	const int64_t second = request->received_ms / 1000;
	struct verdict v;

	if (second != zone->refusal_s) {
		zone->refusal_s = second;
		zone->refusals = 0;
	}
	if (zone->refusals++ >= REQUESTS_REFUSALS_PER_S)
		return false;
	v = take_share(zone, request, REQUESTS_REFUSAL_SIZE);
	return verdict_is_ok(&v);
}

/* Writes an audit row.  The answer comes after it, but does not depend on it. */
static void answer_refusal(struct zone_requests *zone, struct request *request)
{
	struct zone_thread *thread = zone->all->thread;
	struct refusal_row *row = NULL;

	zone->counters.refused++;
	if (!thread->is_broken && may_write_refusal(zone, request))
		row = calloc(1, sizeof(*row));
	if (!row) {
		requests_answer(zone->all, request);
		return;
	}
	row->all = zone->all;
	row->request = request;
	row->op = (struct journal_op){
		.kind = JOURNAL_APPEND,
		.zone = zone->content->id,
		.at_ms = turn_real_ms(&thread->time),
		.request = request_for_journal(request),
		.verdict = request->verdict,
		.done = on_refusal_written,
		.arg = row,
	};
	request_set_state(request, REQUEST_COMMITTING);
	content_submit(zone->content, &row->op);
}

/* ---- evaluation ---- */

/* What the sender holds, plus the names that the changes have made larger, each counted
 * once: names of one owner are adjacent. */
static struct zone_holding count_holding(
	const struct zone *mirror, const uint8_t *key, const struct changeset *changes)
{
	struct zone_holding held = zone_holding(mirror, key);
	const uint8_t *last = NULL;

	for (uint32_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->changes[i];
		struct zone_holding more;

		if (!change_is_growing(change) ||
			(last && name_is_equal(last, change->owner)))
			continue;
		last = change->owner;
		more = zone_holding_at(mirror, last, key);
		held.names += more.names;
		held.octets += more.octets;
	}
	return held;
}

/*
 * The last part of max_size is for keys that hold little of the zone: keys that hold
 * much must not keep all others from adding anything.
 */
static struct verdict check_share(
	const struct request *request, const struct zone_holding *held, size_t after)
{
	const size_t most = request->zone->max_size;
	const size_t share = most / REQUESTS_SHARE_PART;
	char key[NAME_TEXT_MAX];

	if (after > most)
		return verdict_refuse(
			RCODE_REFUSED, EDE_OTHER, "the zone has reached its max_size");
	if (after <= most - most / REQUESTS_RESERVE_PART || held->octets <= share)
		return verdict_ok();
	return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
		"the zone has nearly reached its max_size; the rest is reserved for keys "
		"with less than %zu octets, and key %.*s has %zu",
		share, VERDICT_WHY_MAX / 4, name_to_text(request->subject.key, key),
		held->octets);
}

/* before: octets of the zone before the update. */
static struct verdict check_size(const struct content *content,
	const struct request *request, const struct update *update,
	const struct changeset *changes, size_t before)
{
	const size_t after = zone_count_octets(content->mirror);
	struct zone_holding held;
	struct verdict v;

	if (after <= before)
		return verdict_ok();
	held = count_holding(content->mirror, request->subject.key, changes);
	v = check_share(request, &held, after);
	if (verdict_is_ok(&v))
		v = policy_check_holding(&request->zone->policy, content->name,
			&request->subject, update, changes, &held);
	return v;
}

/* Names that became larger now belong to the sender.  Without memory their holders
 * stay. */
static void hold_names(struct zone *mirror, const struct request *request,
	const struct changeset *changes)
{
	for (uint32_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->changes[i];

		if (change_is_growing(change) &&
			zone_hold(mirror, change->owner, request->subject.key) < 0)
			return;
	}
}

static struct verdict lease(struct content *content, const struct request *request,
	const struct update *update, struct changeset *changes)
{
	const struct lease_update what = {
		.zone = content->mirror,
		.policy = &request->zone->policy,
		.subject = &request->subject,
		.update = update,
		.granted = &request->lease_granted,
		.now_ms = content_service_ms(content),
		.real_s = request->real_s,
	};

	if (lease_apply(content->leases, &what, changes))
		return verdict_no_memory();
	return verdict_ok();
}

/* The update has been applied to the mirror: may it stay? */
static struct verdict check_and_lease(struct zone_requests *zone,
	const struct request *request, const struct update *update, size_t before,
	struct changeset *changes)
{
	struct content *content = zone->content;
	struct verdict v = policy_check_result(&request->zone->policy, content->name,
		&request->subject, update, changes);

	if (verdict_is_ok(&v))
		v = content_check_refused(content, changes);
	if (verdict_is_ok(&v))
		v = check_size(content, request, update, changes, before);
	if (verdict_is_ok(&v) && changes->count)
		v = take_share(zone, request, changeset_size(changes));
	if (verdict_is_ok(&v))
		v = lease(content, request, update, changes);
	if (verdict_is_ok(&v))
		hold_names(content->mirror, request, changes);
	return v;
}

static struct verdict evaluate(struct zone_requests *zone, const struct request *request,
	const struct update *update, struct edit *edit)
{
	const struct zone *mirror = zone->content->mirror;
	const size_t before = zone_count_octets(mirror);
	struct verdict v;

	/* Policy comes before prerequisites, so that clients who may not update learn
	 * nothing (RFC 2136 3.3 has the opposite order; BIND set the precedent). */
	v = policy_check_effect(
		&request->zone->policy, mirror, &request->subject, update);
	if (verdict_is_ok(&v))
		v = prereq_check(mirror, update);
	if (verdict_is_ok(&v))
		v = edit_apply(edit, update);
	if (!verdict_is_ok(&v))
		return v;
	v = check_and_lease(zone, request, update, before, edit->step);
	if (!verdict_is_ok(&v))
		edit_drop(edit);
	else if (edit_keep(edit))
		v = verdict_no_memory();
	return v;
}

struct verdict requests_evaluate(
	struct zone_requests *zone, const struct request *request, struct edit *edit)
{
	struct update *merged = NULL;
	struct verdict v = lease_merge(zone->content->leases, zone->content->mirror,
		&request->zone->policy, &request->subject, request->update, &merged);

	if (verdict_is_ok(&v))
		v = evaluate(zone, request, merged ? merged : request->update, edit);
	update_free(merged);
	return v;
}

/* ---- updates ---- */

/* Remembers the request, if it is new.  Otherwise *ret_first is the first one if it is
 * still in progress, or NULL with its answer in *ret_answer. */
static enum replay_result look_for_twin(struct requests *all, struct request *request,
	struct request **ret_first, struct verdict *ret_answer)
{
	struct replay *replay = all->replay;
	struct replay_entry *entry = NULL;
	enum replay_result result;

	replay_lock(replay);
	result = replay_look(replay, request->signer, request->real_s, &entry);
	if (result == REPLAY_NEW)
		replay_set_request(replay, entry, request);
	if (result == REPLAY_TWIN) {
		*ret_first = replay_request(replay, entry);
		if (!*ret_first)
			*ret_answer = replay_verdict(entry);
	}
	replay_unlock(replay);
	return result;
}

/* A twin gets the answer of the first request; true: the request is taken care of.
 * Requests that cannot be repeated have no twins.  If the first one is in progress, it
 * is for the same zone, and so in this thread. */
static bool answer_twin(struct requests *all, struct request *request)
{
	struct request *first = NULL;

	if (!request->signer || !request->signer->kind->is_repeatable)
		return false;
	switch (look_for_twin(all, request, &first, &request->verdict)) {
	case REPLAY_NEW:
		return false;
	case REPLAY_TWIN:
		all->replay_hits++;
		if (!first)
			break;
		request_set_state(request, REQUEST_JOINED);
		request->next_twin = first->twins;
		first->twins = request;
		return true;
	case REPLAY_TOO_OLD:
		request->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
			"this was signed before messages that have been forgotten, so it "
			"may be a replay: sign it again");
		break;
	case REPLAY_NO_MEMORY:
		request->verdict = verdict_no_memory();
		break;
	}
	requests_answer(all, request);
	return true;
}

/* A host with permanent records has no lease that shows when it was last heard of. */
static void note_seen(struct zone_requests *zone, const struct request *request)
{
	const struct content *content = zone->content;
	const struct update *update = request->update;
	const uint16_t count =
		update->change_count ? update->change_count : update->prereq_count;
	const struct rr *rrs = update->change_count ? update->changes : update->prereqs;
	const uint8_t *last = NULL;

	for (uint16_t i = 0, noted = 0; i < count && noted < REQUESTS_SEEN_MAX; i++) {
		if ((last && name_is_equal(last, rrs[i].owner)) || !request->subject.key)
			continue;
		last = rrs[i].owner;
		noted++;
		if (!lease_first_at(content->leases, last) &&
			zone_is_name_in_use(content->mirror, last))
			seen_note(zone->all->seen, content->id, last,
				request->subject.key, &request->subject.source,
				request->real_s);
	}
}

void requests_update(struct zone_requests *zone, struct request *request)
{
	request->requests = zone;
	if (!verdict_is_ok(&request->verdict)) { /* by intake */
		answer_refusal(zone, request);
		return;
	}
	request->verdict = content_check_ready(zone->content);
	if (!verdict_is_ok(&request->verdict)) {
		/* Not remembered, since the same message may succeed a moment later. */
		requests_answer(zone->all, request);
		return;
	}
	if (!answer_twin(zone->all, request))
		requests_judge(zone, request);
}

void requests_accept(struct zone_requests *zone, struct request *request,
	const struct changeset *changes)
{
	const struct content_request accepted = {
		.rules = request->zone,
		.subject = &request->subject,
		.update = request->update,
		.real_s = request->real_s,
	};

	content_tell_accepted(zone->content, &accepted, changes);
}

static void answer_heartbeat(
	struct zone_requests *zone, struct request *request, struct edit *edit)
{
	note_seen(zone, request);
	zone->counters.heartbeats++;
	requests_accept(zone, request, edit->asked);
	edit_discard(edit);
	requests_wait_for_newest(zone, request);
}

static void commit(struct zone_requests *zone, struct request *request, struct edit *edit)
{
	const struct journal_request row = request_for_journal(request);

	request->edit = edit;
	request_set_state(request, REQUEST_COMMITTING);
	zone->counters.updates++;
	edit_commit(edit, &request->verdict, &row);
	requests_accept(zone, request, edit->asked);
}

void requests_judge(struct zone_requests *zone, struct request *request)
{
	struct edit *edit;

	request->verdict = content_check_ready(zone->content);
	if (!verdict_is_ok(&request->verdict)) { /* no longer */
		requests_answer(zone->all, request);
		return;
	}
	if (content_is_gated(zone->content)) {
		requests_pause(zone, request);
		return;
	}
	edit = edit_begin(zone->content, EDIT_CLIENT, &requests_edit_ops, request);
	if (!edit) {
		requests_refuse(zone->all, request, verdict_no_memory());
		return;
	}
	request->verdict = requests_evaluate(zone, request, edit);
	if (!verdict_is_ok(&request->verdict)) {
		edit_abort(edit);
		answer_refusal(zone, request);
	} else if (edit_is_empty(edit)) {
		answer_heartbeat(zone, request, edit);
	} else {
		commit(zone, request, edit);
	}
}
