/*
 * Updates on their way into the zone.  The order of everything here is the order in which
 * the zone thread evaluates: sequence numbers, the journal, the list of the uncommitted
 * and that of the waiting all follow it.
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/answer/answer.h"
#include "gateway/base/log.h"
#include "gateway/request/seen.h"

/* ---- journalling ---- */

static void append_free(struct served_append *append)
{
	changeset_unref(append->changes);
	changeset_unref(append->journalled);
	update_free(append->update);
	free(append);
}

static bool waits_for_primary(const struct served_zone *zone)
{
	const struct delivery *primary = zone->deliveries[0];

	if (zone->zone->ack == CONFIG_ACK_DURABLE || delivery_is_local(primary))
		return false;
	return zone->zone->ack == CONFIG_ACK_APPLIED || !delivery_is_down(primary);
}

static void deliver(struct served_zone *zone, const struct served_append *append)
{
	for (size_t i = 0; i < zone->delivery_count; i++) {
		/* What changes leases only is nothing to targets. */
		if ((i == 0 && append->kind == SERVED_REJECTION) ||
			append->journalled->count == 0)
			delivery_pass(zone->deliveries[i], append->op.seq);
		else
			/* What it means on the primary's content, or as it was made. */
			delivery_add(zone->deliveries[i], append->op.seq,
				i == 0 ? append->changes : append->journalled,
				append->kind != SERVED_CHANGE);
	}
	if (append->journalled->count == 0)
		return;
	mirror_touch(zone);
	transfer_history_add(zone->history, append->changes);
	if (delivery_is_local(zone->deliveries[0]))
		notify_send(zone->notify);
}

/* The change is durable. */
static void on_durable(struct served_zone *zone, struct served_append *append)
{
	struct transaction *t = append->transaction;

	deliver(zone, append);
	served_expiry_stored(zone, append, true);
	if (!t)
		return;
	if (append->kind != SERVED_CHANGE || !waits_for_primary(zone) ||
		delivery_cursor(zone->deliveries[0]) >= append->op.seq) {
		zone_thread_answer(zone->thread, t);
		return;
	}
	served_start_waiting(zone, t);
	if (append->is_in_doubt)
		mirror_judge_again(zone, t);
}

static struct verdict database_verdict(struct zone_thread *thread)
{
	char error[STORE_ERROR_MAX];

	journal_last_error(thread->journal, error);
	return verdict_refuse(
		RCODE_SERVFAIL, EDE_OTHER, "the change could not be stored: %s", error);
}

/* The group failed; the mirror takes it back when all that built on it is back too
 * (served_forget_uncommitted). */
static void on_not_durable(struct served_zone *zone, struct served_append *append)
{
	struct zone_thread *thread = zone->thread;

	served_expiry_stored(zone, append, false);
	if (append->transaction) {
		append->transaction->verdict = database_verdict(thread);
		append->transaction->seq = 0;
		zone_thread_answer(thread, append->transaction);
	}
}

static void on_appended(struct journal_op *op, void *arg)
{
	struct served_append *append = arg;
	struct served_zone *zone = append->zone;

	zone->operations--;
	if (op->result) {
		on_not_durable(zone, append);
		/* It stays in uncommitted, to be undone in order. */
		append->transaction = NULL;
		return;
	}
	TAILQ_REMOVE(&zone->uncommitted, append, entry);
	on_durable(zone, append);
	append_free(append);
	served_kick_later(zone);
}

/* Takes the changes, and the update, which may be NULL.  The sequence number; 0: no
 * memory, nothing taken. */
static uint64_t append_changes(struct served_zone *zone, struct changeset *changes,
	struct transaction *t, struct update *update, const struct verdict *verdict,
	enum served_append_kind kind)
{
	struct served_append *append = calloc(1, sizeof(*append));
	uint64_t seq;

	if (!append)
		return 0;
	append->zone = zone;
	append->changes = changes;
	append->journalled = changeset_ref(changes);
	append->transaction = t;
	append->update = update;
	append->kind = kind;
	append->op = (struct journal_op){
		.kind = JOURNAL_APPEND,
		.zone = zone->id,
		.seq = ++zone->thread->last_seq,
		.at_ms = turn_real_ms(&zone->thread->time),
		.request.update = update,
		.changes = changes,
		.verdict = *verdict,
		.done = on_appended,
		.arg = append,
	};
	seq = append->op.seq;
	if (t && kind == SERVED_CHANGE) {
		append->op.request = transaction_journal_request(t);
		t->seq = seq;
	}
	if (t)
		transaction_set_state(t, TRANSACTION_COMMITTING);
	zone->last_seq = seq;
	TAILQ_INSERT_TAIL(&zone->uncommitted, append, entry);
	zone->operations++;
	zone_thread_submit(zone->thread, &append->op);
	served_lease_wake(zone);
	served_ptr_follow(zone, changes);
	return seq;
}

bool served_append_changes(struct served_zone *zone, struct changeset *changes,
	struct transaction *t, const struct verdict *verdict,
	enum served_append_kind kind)
{
	return append_changes(zone, changes, t, NULL, verdict, kind) != 0;
}

uint64_t served_append_own(struct served_zone *zone, struct changeset *changes,
	struct update *update, const struct verdict *why)
{
	return append_changes(zone, changes, NULL, update, why, SERVED_CHANGE);
}

void served_forget_uncommitted(struct served_zone *zone)
{
	struct served_append *append;

	delivery_hold(zone->deliveries[0], 0);
	while ((append = TAILQ_LAST(&zone->uncommitted, served_uncommitted))) {
		/* Leases as they were evaluated, records as they now stand. */
		lease_undo(zone->leases.table, append->journalled->leases);
		changeset_undo(append->changes, zone->mirror);
		TAILQ_REMOVE(&zone->uncommitted, append, entry);
		append_free(append);
	}
	served_lease_wake(zone);
}

/* ---- heartbeats and refusals ---- */

/* A heartbeat promises no more than the changes that it found: it waits for the primary
 * with them, and shares their fate. */
static void answer_or_wait(struct served_zone *zone, struct transaction *t)
{
	if (waits_for_primary(zone) && verdict_is_ok(&t->verdict) &&
		delivery_cursor(zone->deliveries[0]) < t->seq)
		served_start_waiting(zone, t);
	else
		zone_thread_answer(zone->thread, t);
}

static void on_barrier(struct journal_op *op, void *arg)
{
	struct served_answer *barrier = arg;
	struct served_zone *zone = barrier->zone;

	zone->operations--;
	if (op->result)
		barrier->transaction->verdict = database_verdict(zone->thread);
	/* What it found may have been refused in the meantime. */
	if (verdict_is_ok(&barrier->transaction->verdict) &&
		zone->withdrawals != barrier->withdrawals)
		served_judge(zone, barrier->transaction);
	else
		answer_or_wait(zone, barrier->transaction);
	free(barrier);
}

/* What it finds unchanged may itself be on its way to the disk: the answer, which
 * promises that it is there, waits for that. */
static void answer_heartbeat(struct served_zone *zone, struct transaction *t)
{
	struct served_answer *barrier;

	t->seq = zone->last_seq;
	if (TAILQ_EMPTY(&zone->uncommitted)) {
		answer_or_wait(zone, t);
		return;
	}
	barrier = calloc(1, sizeof(*barrier));
	if (!barrier) {
		t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "out of memory");
		zone_thread_answer(zone->thread, t);
		return;
	}
	barrier->zone = zone;
	barrier->transaction = t;
	barrier->withdrawals = zone->withdrawals;
	barrier->op.kind = JOURNAL_BARRIER;
	barrier->op.done = on_barrier;
	barrier->op.arg = barrier;
	transaction_set_state(t, TRANSACTION_COMMITTING);
	zone->operations++;
	zone_thread_submit(zone->thread, &barrier->op);
}

static void on_refusal_written(struct journal_op *op, void *arg)
{
	struct served_answer *refusal = arg;

	(void)op; /* an audit row that could not be written changes no answer */
	refusal->zone->operations--;
	zone_thread_answer(refusal->zone->thread, refusal->transaction);
	free(refusal);
}

/* Of what is written: a change, or the row of a refusal. */
static struct verdict take_share(
	struct served_zone *zone, const struct transaction *t, size_t octets)
{
	struct zone_thread *thread = zone->thread;
	const int64_t now_ms = turn_monotonic_ms(&thread->time);
	uint64_t used;

	if (journal_share_is_due(thread->share, now_ms) &&
		!thread->store_ops->used(thread->store, &used))
		journal_share_note(thread->share, used, now_ms);
	return journal_share_take(thread->share, t->subject.key, octets, now_ms);
}

/* A client that is refused again and again must not fill the disk. */
static bool may_write_refusal(struct served_zone *zone, const struct transaction *t)
{
	const int64_t second = t->received_ms / 1000;
	struct verdict v;

	if (second != zone->refusal_s) {
		zone->refusal_s = second;
		zone->refusals = 0;
	}
	if (zone->refusals++ >= SERVED_REFUSALS_PER_S)
		return false;
	v = take_share(zone, t, SERVED_REFUSAL_SIZE);
	return verdict_is_ok(&v);
}

/* A row for the audit; the answer does not depend on it but comes after it. */
static void answer_refusal(struct served_zone *zone, struct transaction *t)
{
	struct served_answer *refusal = NULL;

	zone->leases.counters.refused++;
	if (!zone->thread->is_broken && may_write_refusal(zone, t))
		refusal = calloc(1, sizeof(*refusal));
	if (!refusal) {
		zone_thread_answer(zone->thread, t);
		return;
	}
	refusal->zone = zone;
	refusal->transaction = t;
	refusal->op = (struct journal_op){
		.kind = JOURNAL_APPEND,
		.zone = zone->id,
		.seq = ++zone->thread->last_seq,
		.at_ms = turn_real_ms(&zone->thread->time),
		.request = transaction_journal_request(t),
		.verdict = t->verdict,
		.done = on_refusal_written,
		.arg = refusal,
	};
	transaction_set_state(t, TRANSACTION_COMMITTING);
	zone->operations++;
	zone_thread_submit(zone->thread, &refusal->op);
}

/* ---- evaluation ---- */

/* What the sender holds, with the names that the changes have made larger, each counted
 * once: those of one owner stand together. */
static struct zone_holding count_holding(const struct served_zone *zone,
	const uint8_t *key, const struct changeset *changes)
{
	struct zone_holding held = zone_holding(zone->mirror, key);
	const uint8_t *last = NULL;

	for (uint32_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->changes[i];
		struct zone_holding more;

		if (!change_is_growing(change) ||
			(last && name_is_equal(last, change->owner)))
			continue;
		last = change->owner;
		more = zone_holding_at(zone->mirror, last, key);
		held.names += more.names;
		held.octets += more.octets;
	}
	return held;
}

/*
 * The last part of max_size is for those who hold little of the zone: whoever holds much
 * must not be able to keep all others from adding anything.
 */
static struct verdict check_share(
	const struct transaction *t, const struct zone_holding *held, size_t after)
{
	const size_t most = t->zone->max_size;
	const size_t share = most / SERVED_SHARE_PART;
	char key[NAME_TEXT_MAX];

	if (after > most)
		return verdict_refuse(
			RCODE_REFUSED, EDE_OTHER, "the zone has reached its max_size");
	if (after <= most - most / SERVED_RESERVE_PART || held->octets <= share)
		return verdict_ok();
	return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
		"the zone has nearly reached its max_size, and key %.*s holds %zu octets "
		"of it: what is left is for those with less than %zu",
		VERDICT_WHY_MAX / 4, name_to_text(t->subject.key, key), held->octets,
		share);
}

/* The zone had so many octets before. */
static struct verdict check_size(const struct served_zone *zone,
	const struct transaction *t, const struct update *update,
	const struct changeset *changes, size_t before)
{
	const size_t after = zone_count_octets(zone->mirror);
	struct zone_holding held;
	struct verdict v;

	if (after <= before)
		return verdict_ok();
	held = count_holding(zone, t->subject.key, changes);
	v = check_share(t, &held, after);
	if (verdict_is_ok(&v))
		v = policy_check_holding(&t->zone->policy, zone->name, &t->subject,
			update, changes, &held);
	return v;
}

/* Names that became larger are the sender's.  Without memory they stay as they were. */
static void hold_names(struct served_zone *zone, const struct transaction *t,
	const struct changeset *changes)
{
	for (uint32_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->changes[i];

		if (change_is_growing(change) &&
			zone_hold(zone->mirror, change->owner, t->subject.key) < 0)
			return;
	}
}

/* In the mirror and the leases; or in neither. */
static struct verdict check_and_lease(struct served_zone *zone,
	const struct transaction *t, const struct update *update, size_t before,
	struct changeset *changes)
{
	struct verdict v = policy_check_result(
		&t->zone->policy, zone->name, &t->subject, update, changes);

	if (verdict_is_ok(&v))
		v = check_size(zone, t, update, changes, before);
	if (verdict_is_ok(&v) && changes->count)
		v = take_share(zone, t, changeset_size(changes));
	if (verdict_is_ok(&v))
		v = served_lease_apply(zone, t, update, changes);
	if (verdict_is_ok(&v)) {
		hold_names(zone, t, changes);
		return v;
	}
	changeset_undo(changes, zone->mirror);
	changeset_unref(changes);
	return v;
}

static struct verdict evaluate(struct served_zone *zone, const struct transaction *t,
	const struct update *update, struct changeset **ret_changes)
{
	const size_t before = zone_count_octets(zone->mirror);
	struct changeset *changes = NULL;
	struct verdict v;

	/* Policy before prerequisites: who may not update learns nothing (RFC 2136 3.3
	 * has it the other way round; BIND settled it). */
	v = policy_check_effect(&t->zone->policy, zone->mirror, &t->subject, update);
	if (verdict_is_ok(&v))
		v = prereq_check(zone->mirror, update);
	if (verdict_is_ok(&v))
		v = apply_update(zone->mirror, update,
			delivery_bumps_serial(zone->deliveries[0]), &changes);
	if (verdict_is_ok(&v))
		v = check_and_lease(zone, t, update, before, changes);
	if (verdict_is_ok(&v))
		*ret_changes = changes;
	return v;
}

struct verdict served_evaluate(struct served_zone *zone, const struct transaction *t,
	struct changeset **ret_changes)
{
	struct update *merged = NULL;
	struct verdict v = lease_merge(zone->leases.table, zone->mirror, &t->zone->policy,
		&t->subject, t->update, &merged);

	if (verdict_is_ok(&v))
		v = evaluate(zone, t, merged ? merged : t->update, ret_changes);
	update_free(merged);
	return v;
}

/* A twin gets the first one's answer; true: t is taken care of. */
static bool answer_twin(struct served_zone *zone, struct transaction *t)
{
	struct replay *replay = zone->thread->replay;
	struct replay_entry *entry = NULL;
	struct transaction *first;

	switch (replay_look(replay, &t->tsig, t->real_s, &entry)) {
	case REPLAY_NEW:
		replay_set_transaction(replay, entry, t);
		return false;
	case REPLAY_TWIN:
		zone->thread->replay_hits++;
		first = replay_transaction(replay, entry);
		if (first) {
			transaction_set_state(t, TRANSACTION_JOINED);
			t->wait_next = first->twins;
			first->twins = t;
			return true;
		}
		t->verdict = replay_verdict(entry);
		zone_thread_answer(zone->thread, t);
		return true;
	case REPLAY_TOO_OLD:
		t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
			"signed before messages that are forgotten, it may be a replay: "
			"sign it again");
		break;
	case REPLAY_NO_MEMORY:
		t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "out of memory");
		break;
	}
	zone_thread_answer(zone->thread, t);
	return true;
}

/* A host whose records are permanent has no lease that would say when it last spoke. */
static void note_seen(struct served_zone *zone, const struct transaction *t)
{
	const struct update *update = t->update;
	const uint16_t count =
		update->change_count ? update->change_count : update->prereq_count;
	const struct rr *rrs = update->change_count ? update->changes : update->prereqs;
	const uint8_t *last = NULL;

	for (uint16_t i = 0, noted = 0; i < count && noted < SERVED_SEEN_MAX; i++) {
		if ((last && name_is_equal(last, rrs[i].owner)) || !t->subject.key)
			continue;
		last = rrs[i].owner;
		noted++;
		if (!lease_first_at(zone->leases.table, last) &&
			zone_is_name_in_use(zone->mirror, last))
			seen_note(zone->thread->seen, zone->id, last, t->subject.key,
				&t->subject.source, t->real_s);
	}
}

/* May the zone take an update now? */
static struct verdict check_ready(const struct served_zone *zone)
{
	if (zone->is_closing)
		return verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
			"the gateway is being reconfigured");
	if (!zone->mirror)
		return zone->not_ready;
	if (zone->thread->is_broken)
		return database_verdict(zone->thread);
	return verdict_ok();
}

void served_update(struct served_zone *zone, struct transaction *t)
{
	if (!verdict_is_ok(&t->verdict)) { /* by intake */
		answer_refusal(zone, t);
		return;
	}
	t->verdict = check_ready(zone);
	if (!verdict_is_ok(&t->verdict)) {
		/* Not remembered: the same message may succeed a moment later. */
		zone_thread_answer(zone->thread, t);
		return;
	}
	if (!answer_twin(zone, t))
		served_judge(zone, t);
}

void served_judge(struct served_zone *zone, struct transaction *t)
{
	struct changeset *changes = NULL;

	t->verdict = check_ready(zone);
	if (!verdict_is_ok(&t->verdict)) { /* no longer */
		zone_thread_answer(zone->thread, t);
		return;
	}
	t->verdict = served_evaluate(zone, t, &changes);
	if (!verdict_is_ok(&t->verdict)) {
		answer_refusal(zone, t);
		return;
	}
	if (changes->count == 0 && !changes->leases) {
		note_seen(zone, t);
		served_lease_wake(zone);
		served_ptr_update(zone, t, changes);
		changeset_unref(changes);
		zone->leases.counters.heartbeats++;
		answer_heartbeat(zone, t);
		return;
	}
	t->changes = changeset_ref(changes);
	if (!served_append_changes(zone, changes, t, &t->verdict, SERVED_CHANGE)) {
		served_lease_undo(zone, changes);
		changeset_unref(changes);
		t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "out of memory");
		zone_thread_answer(zone->thread, t);
		return;
	}
	zone->leases.counters.updates++;
	served_ptr_update(zone, t, changes);
}
