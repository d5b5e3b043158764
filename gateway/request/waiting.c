/*
 * Updates that wait for the primary target, and what becomes of them: applied, late,
 * refused there, withdrawn.
 */
#include "gateway/served/served.h"

#include "gateway/base/log.h"

/* ---- waiting for the primary target ---- */

static void set_ack_alarm(struct served_zone *zone)
{
	if (zone->waiting)
		alarm_set(&zone->ack_alarm, zone->waiting->deadline_ms);
	else
		alarm_stop(&zone->ack_alarm);
}

void served_start_waiting(struct served_zone *zone, struct transaction *t)
{
	const bool is_first = !zone->waiting;

	transaction_set_state(t, TRANSACTION_DELIVERING);
	if (!t->deadline_ms) /* who waits again waits no longer for it */
		t->deadline_ms = turn_monotonic_ms(&zone->thread->time) +
			zone->zone->ack_timeout_ms;
	t->wait_next = NULL;
	*zone->waiting_tail = t;
	zone->waiting_tail = &t->wait_next;
	if (is_first)
		set_ack_alarm(zone);
}

void served_stop_waiting(struct served_zone *zone, struct transaction *transaction)
{
	struct transaction **link = &zone->waiting;

	while (*link && *link != transaction)
		link = &(*link)->wait_next;
	if (!*link)
		return;
	*link = transaction->wait_next;
	if (!*link)
		zone->waiting_tail = link;
	transaction->wait_next = NULL;
}

void served_on_ack_timeout(void *arg)
{
	struct served_zone *zone = arg;
	const struct verdict late = verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR,
		"target %s did not answer in time: the change was withdrawn",
		delivery_id(zone->deliveries[0]));
	const int64_t now = turn_monotonic_ms(&zone->thread->time);

	while (zone->waiting && zone->waiting->deadline_ms <= now) {
		struct transaction *t = zone->waiting;

		served_stop_waiting(zone, t);
		if (zone->zone->ack == CONFIG_ACK_APPLIED)
			served_withdraw(zone, t, &late);
		else
			zone_thread_answer(zone->thread, t);
	}
	set_ack_alarm(zone);
}

/* ---- what deliveries report ---- */

void served_applied(struct served_zone *zone, struct delivery *delivery, uint64_t seq,
	struct rrset *soa)
{
	if (delivery != zone->deliveries[0])
		return;
	if (soa)
		mirror_adopt_soa(zone, soa);
	served_expiry_applied(zone, seq);
	while (zone->waiting && zone->waiting->seq <= seq) {
		struct transaction *t = zone->waiting;

		served_stop_waiting(zone, t);
		zone_thread_answer(zone->thread, t);
	}
	set_ack_alarm(zone);
}

void served_primary_down(struct served_zone *zone)
{
	served_expiry_applied(zone, UINT64_MAX);
	if (zone->zone->ack != CONFIG_ACK_WAIT)
		return;
	while (zone->waiting) {
		struct transaction *t = zone->waiting;

		served_stop_waiting(zone, t);
		zone_thread_answer(zone->thread, t);
	}
	set_ack_alarm(zone);
}

void served_note_outcome(
	struct served_zone *zone, uint64_t seq, const struct verdict *verdict)
{
	const struct journal_op note = {
		.kind = JOURNAL_OUTCOME,
		.zone = zone->id,
		.seq = seq,
		.verdict = *verdict,
	};

	(void)zone_thread_submit_note(zone->thread, &note);
}

/* Takes changes back in the mirror and the journal.  False: nothing was left to take
 * back, or no memory. */
static bool withdraw_changes(struct served_zone *zone, const struct changeset *changes,
	struct transaction *t, const struct verdict *verdict,
	enum served_append_kind kind)
{
	struct changeset *back = NULL;
	int r = apply_withdrawal(
		zone->mirror, changes, delivery_bumps_serial(zone->deliveries[0]), &back);

	if (r)
		return false;
	if (!served_lease_withdraw(zone, changes, back) &&
		(back->count || back->leases) &&
		served_append_changes(zone, back, t, verdict, kind))
		return true;
	served_lease_undo(zone, back);
	changeset_unref(back);
	return false;
}

void served_judge_heartbeats(struct served_zone *zone, uint64_t seq)
{
	struct transaction *t = zone->waiting, *next, *first = NULL, **tail = &first;

	zone->withdrawals++;
	/* Off the list before one is judged, which may put it there again. */
	for (; t; t = next) {
		next = t->wait_next;
		if (t->changes || t->seq < seq)
			continue;
		served_stop_waiting(zone, t);
		*tail = t;
		tail = &t->wait_next;
	}
	while ((t = first)) {
		first = t->wait_next;
		t->wait_next = NULL;
		served_judge(zone, t);
	}
}

static void withdraw(struct served_zone *zone, struct transaction *t,
	const struct verdict *verdict, enum served_append_kind kind)
{
	const uint64_t seq = t->seq;

	t->verdict = *verdict;
	if (!t->changes) { /* a heartbeat that waited for others' changes */
		zone_thread_answer(zone->thread, t);
		return;
	}
	if (kind == SERVED_REJECTION)
		zone->leases.counters.refused++;
	served_note_outcome(zone, seq, verdict);
	/* The refusal is sent when the withdrawal is durable: what was refused is not
	 * delivered after a crash. */
	if (!withdraw_changes(zone, t->changes, t, verdict, kind))
		zone_thread_answer(zone->thread, t);
	served_judge_heartbeats(zone, seq);
}

void served_withdraw(
	struct served_zone *zone, struct transaction *t, const struct verdict *verdict)
{
	withdraw(zone, t, verdict, SERVED_WITHDRAWAL);
}

static struct transaction *find_waiting(const struct served_zone *zone, uint64_t seq)
{
	struct transaction *t = zone->waiting;

	while (t && (t->seq != seq || !t->changes))
		t = t->wait_next;
	return t;
}

/* A target lacks, for good, what somebody was told is done: a person has to see it. */
static void set_aside(struct served_zone *zone, const struct delivery *delivery,
	uint64_t seq, const struct verdict *verdict)
{
	const struct journal_op note = {
		.kind = JOURNAL_SET_ASIDE,
		.zone = zone->id,
		.seq = seq,
		.at_ms = turn_real_ms(&zone->thread->time),
		.target = delivery_id(delivery),
		.verdict = *verdict,
	};

	(void)zone_thread_submit_note(zone->thread, &note);
}

static void log_rejection(const struct served_zone *zone, const struct delivery *delivery,
	uint64_t seq, const char *what_follows, const struct verdict *verdict)
{
	log_warning("zone %s: target %s refuses change %llu, which %s: %s",
		zone->zone->text, delivery_id(delivery), (unsigned long long)seq,
		what_follows, verdict->why);
}

/* Nobody waits, and somebody was told that it is done; the mirror must not claim what the
 * primary does not have. */
static void take_back_acknowledged(struct served_zone *zone, uint64_t seq,
	const struct changeset *changes, const struct verdict *verdict)
{
	served_note_outcome(zone, seq, verdict);
	(void)withdraw_changes(zone, changes, NULL, verdict, SERVED_REJECTION);
	served_judge_heartbeats(zone, seq);
}

void served_rejected(struct served_zone *zone, struct delivery *delivery, uint64_t seq,
	struct changeset *changes, bool is_withdrawal, const struct verdict *verdict)
{
	const bool is_primary = delivery == zone->deliveries[0];
	struct transaction *t = is_primary ? find_waiting(zone, seq) : NULL;

	if (!t)
		set_aside(zone, delivery, seq, verdict);
	if (!is_primary || is_withdrawal) {
		log_rejection(zone, delivery, seq, "is set aside", verdict);
		/* What a withdrawal wanted to take back may be there or not: look. */
		if (is_primary)
			delivery_want_whole(delivery);
		return;
	}
	log_rejection(zone, delivery, seq,
		t ? "is taken back" : "is taken back, and nobody waits to be told",
		verdict);
	served_expiry_rejected(zone, seq);
	/* What was evaluated on top of it must not bring it along. */
	if (delivery_has_pending(delivery) || !TAILQ_EMPTY(&zone->uncommitted))
		delivery_want_whole(delivery);
	if (!t) {
		take_back_acknowledged(zone, seq, changes, verdict);
		return;
	}
	served_stop_waiting(zone, t);
	set_ack_alarm(zone);
	withdraw(zone, t, verdict, SERVED_REJECTION);
}
