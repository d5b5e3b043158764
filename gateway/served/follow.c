/*
 * The mirror follows the primary target.
 *
 * After a load the zone is what the target has, and on top of it, rebased, what is still
 * on the way there: the journal beyond the target's cursor, then what is not durable yet.
 * Updates whose clients still wait are judged again against the new content, since what
 * they were judged by was stale: they get the answer that is true now.  Those that the
 * journal has at that moment are judged again when it gives them back, and what was
 * judged on top of one that does not stand, too.
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"
#include "zones/rdata.h"
#include "zones/rebase.h"

struct rebasing {
	struct zone *mirror;
	struct transaction *waiting; /* the first that may wait for the next change */
	bool is_other;               /* a change is not what it was */
};

static bool is_same_change(const struct change *change, const struct changeset *rebased)
{
	const struct change *now = changeset_find(rebased, change->owner, change->type);

	return change->type == TYPE_SOA ||
		(now && rrset_is_identical(now->after, change->after));
}

/* Whoever waits takes back, should it come to that, what its change does now: a record
 * that somebody else has deleted meanwhile is not its to bring back. */
static void tell_waiting(
	struct rebasing *rebasing, const struct changeset *old, struct changeset *rebased)
{
	struct transaction *t = rebasing->waiting;

	while (t && t->changes != old)
		t = t->wait_next;
	if (!t)
		return; /* nobody does */
	changeset_unref(t->changes);
	t->changes = changeset_ref(rebased);
	rebasing->waiting = t->wait_next;
}

/* What came of it for leases stays what it was. */
static struct changeset *rebase_onto(struct changeset *old, void *arg)
{
	struct rebasing *rebasing = arg;
	struct changeset *rebased;

	if (rebase_changeset(rebasing->mirror, old, &rebased))
		return NULL;
	if (old->leases) {
		rebased->leases = lease_changes_copy(old->leases);
		if (!rebased->leases) {
			changeset_undo(rebased, rebasing->mirror);
			changeset_unref(rebased);
			return NULL;
		}
	}
	for (uint32_t i = 0; i < old->count && !rebasing->is_other; i++)
		rebasing->is_other = !is_same_change(&old->changes[i], rebased);
	tell_waiting(rebasing, old, rebased);
	return rebased;
}

int mirror_go_into_service(struct served_zone *zone, struct zone *content)
{
	struct rebasing rebasing = {.mirror = content};
	int r = delivery_rebase(zone->deliveries[0], rebase_onto, &rebasing);

	if (r)
		return r;
	zone->mirror = content;
	log_info("zone %s: %zu %s in service", zone->zone->text,
		zone_count_records(content),
		PLURAL(zone_count_records(content), "record"));
	served_lease_loaded(zone);
	for (size_t i = 0; i < zone->delivery_count; i++)
		delivery_kick(zone->deliveries[i], false);
	return 0;
}

int mirror_draw_seed(struct name_seed *ret_seed)
{
	const ssize_t got = getrandom(ret_seed, sizeof(*ret_seed), 0);

	if (got < 0)
		return -errno;
	return got == sizeof(*ret_seed) ? 0 : -EIO;
}

/* ---- remote zones ---- */

bool mirror_takes_difference(const struct served_zone *zone)
{
	return zone->mirror && delivery_is_live(zone->deliveries[0]);
}

/* Has a client moved the serial (3.4.2.2), on the way to the primary? */
static bool has_serial_pending(const struct served_zone *zone)
{
	const struct served_append *append;

	TAILQ_FOREACH(append, &zone->uncommitted, entry) {
		if (append->kind != SERVED_REJECTION &&
			changeset_find(append->changes, zone->name, TYPE_SOA))
			return true;
	}
	return delivery_has_change(zone->deliveries[0], zone->name, TYPE_SOA);
}

void mirror_adopt_soa(struct served_zone *zone, struct rrset *soa)
{
	struct rrset *ours = zone->mirror ? zone_soa(zone->mirror) : NULL;
	const uint8_t *a, *b;
	uint16_t a_len, b_len;
	uint32_t theirs_serial, ours_serial;
	size_t at = 0;

	if (!ours)
		return;
	a = rrset_next(soa, &at, &a_len);
	at = 0;
	b = rrset_next(ours, &at, &b_len);
	theirs_serial = soa_serial(a, a_len);
	ours_serial = soa_serial(b, b_len);
	if (theirs_serial == ours_serial)
		return;
	if (!serial_is_newer(theirs_serial, ours_serial)) {
		if (has_serial_pending(zone))
			return;
		/* The primary has refused a client's serial.  Were ours to stay ahead, it
		 * would stand still under the changes to come. */
		transfer_history_lose(zone->history);
	}
	mirror_touch(zone);
	if (zone_put(zone->mirror, zone->name, TYPE_SOA, soa))
		log_error("zone %s: out of memory", zone->zone->text);
}

/* What is on its way to the disk, onto new content.  0 or -ENOMEM. */
static int rebase_uncommitted(struct served_zone *zone, struct rebasing *rebasing)
{
	struct served_append *append;

	TAILQ_FOREACH(append, &zone->uncommitted, entry) {
		struct transaction *t = append->transaction;
		struct changeset *rebased;

		/* It does not wait yet, but will: with what it does now. */
		rebasing->waiting = t && t->changes ? t : NULL;
		rebased = rebase_onto(append->changes, rebasing);
		if (!rebased)
			return -ENOMEM;
		changeset_unref(append->changes);
		append->changes = rebased;
	}
	return 0;
}

/* What is pending, on new content.  What there is no memory for is missing in the mirror
 * until it has been loaded again.  False: something does not do what it did. */
static bool rebase_pending(struct served_zone *zone)
{
	struct delivery *primary = zone->deliveries[0];
	struct rebasing rebasing = {.mirror = zone->mirror, .waiting = zone->waiting};
	int r = delivery_rebase(primary, rebase_onto, &rebasing);

	if (!r)
		r = rebase_uncommitted(zone, &rebasing);
	if (r)
		delivery_want_whole(primary);
	return !r && !rebasing.is_other;
}

/* The change as it stands in the mirror is replaced by what the update does now. */
static void replace_change(struct served_zone *zone, struct transaction *t,
	struct changeset *back, struct changeset *forth)
{
	const uint64_t seq = t->seq;
	const struct verdict again = {.ede = EDE_NONE,
		.why = "evaluated again: the zone was changed at its primary target"};

	if (changeset_merge(back, forth))
		log_error("zone %s: out of memory", zone->zone->text);
	served_lease_merge(zone, back, forth);
	changeset_normalise(back);
	if (back->count == 0) {
		/* It does the same as before, and still waits, with what is pending:
		 * tell_waiting knows it by that. */
		served_lease_write_ends(zone, back);
		changeset_unref(back);
		changeset_unref(forth);
		return;
	}
	changeset_unref(t->changes);
	t->changes = forth;
	served_stop_waiting(zone, t);
	if (!served_append_changes(zone, back, t, &again, SERVED_CHANGE)) {
		served_lease_undo(zone, back);
		changeset_unref(back);
		t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "out of memory");
		zone_thread_answer(zone->thread, t);
	} else {
		served_ptr_update(zone, t, t->changes);
	}
	served_judge_heartbeats(zone, seq);
}

static void refuse_after_all(struct served_zone *zone, struct transaction *t,
	struct changeset *back, const struct verdict *verdict)
{
	const uint64_t seq = t->seq;

	served_stop_waiting(zone, t);
	t->verdict = *verdict;
	served_note_outcome(zone, seq, verdict);
	if ((!back->count && !back->leases) ||
		!served_append_changes(zone, back, t, verdict, SERVED_WITHDRAWAL)) {
		served_lease_undo(zone, back);
		changeset_unref(back);
		zone_thread_answer(zone->thread, t);
	}
	served_judge_heartbeats(zone, seq);
}

static void evaluate_again(struct served_zone *zone, struct transaction *t)
{
	const bool bump = delivery_bumps_serial(zone->deliveries[0]);
	struct changeset *back, *forth;
	struct verdict v;

	if (apply_withdrawal(zone->mirror, t->changes, bump, &back))
		return;
	if (served_lease_withdraw(zone, t->changes, back)) {
		changeset_undo(back, zone->mirror);
		changeset_unref(back);
		return;
	}
	v = served_evaluate(zone, t, &forth);
	if (verdict_is_ok(&v))
		replace_change(zone, t, back, forth);
	else
		refuse_after_all(zone, t, back, &v);
}

/* Whoever is on the way to the disk, up to seq. */
static void doubt_uncommitted(struct served_zone *zone, uint64_t seq)
{
	struct served_append *append;

	TAILQ_FOREACH(append, &zone->uncommitted, entry) {
		if (append->op.seq <= seq)
			append->is_in_doubt = true;
	}
}

/* Nothing goes to the primary before what takes it back. */
static void hold_primary(struct served_zone *zone)
{
	if (!TAILQ_EMPTY(&zone->uncommitted))
		delivery_hold(zone->deliveries[0], zone->last_seq);
}

/* In order.  Evaluating one may take heartbeats behind it off the list, never a change.
 */
static void evaluate_waiting_again(struct served_zone *zone)
{
	struct transaction *t = zone->waiting, *next;

	doubt_uncommitted(zone, zone->last_seq);
	for (; t; t = next) {
		for (next = t->wait_next; next && !next->changes;)
			next = next->wait_next;
		if (t->changes)
			evaluate_again(zone, t);
	}
	hold_primary(zone);
}

void mirror_judge_again(struct served_zone *zone, struct transaction *t)
{
	const uint64_t last_seq = zone->last_seq;

	evaluate_again(zone, t);
	if (zone->last_seq == last_seq)
		return; /* it stands */
	doubt_uncommitted(zone, last_seq);
	hold_primary(zone);
}

static void take_zone(struct served_zone *zone, struct zone *content)
{
	struct zone *old = zone->mirror;
	const bool is_first = !old;

	zone->mirror = content;
	mirror_touch(zone);
	transfer_history_clear(zone->history);
	(void)rebase_pending(zone);
	if (old)
		zone_hold_as(content, old);
	zone_free(old);
	evaluate_waiting_again(zone);
	served_lease_loaded(zone);
	log_info("zone %s: %s from %s, %zu %s%s", zone->zone->text,
		is_first ? "loaded" : "loaded again", delivery_id(zone->deliveries[0]),
		zone_count_records(content),
		PLURAL(zone_count_records(content), "record"),
		zone_is_signed(content) ? " beside those of its signer" : "");
	if (is_first) {
		for (size_t i = 1; i < zone->delivery_count; i++)
			delivery_kick(zone->deliveries[i], false);
	}
}

/* Under what is pending, which comes on top again as it now is. */
static void take_difference(struct served_zone *zone, const struct update *difference)
{
	struct delivery *primary = zone->deliveries[0];
	struct changeset *cs = NULL;
	bool is_same;
	int r;

	if (difference->change_count == 0)
		return;
	mirror_hide_uncommitted(zone);
	delivery_undo(primary, zone->mirror);
	r = rebase_difference(zone->mirror, difference, &cs);
	is_same = rebase_pending(zone);
	mirror_touch(zone);
	transfer_history_clear(zone->history);
	if (!is_same)
		served_lease_sweep(zone);
	if (r) {
		delivery_want_whole(primary);
		return;
	}
	log_info("zone %s: %u %s from %s", zone->zone->text, cs->count,
		PLURAL(cs->count, "change"), delivery_id(primary));
	if (TAILQ_EMPTY(&zone->uncommitted) && !delivery_has_pending(primary))
		transfer_history_add(zone->history, cs);
	served_lease_follow(zone, cs);
	changeset_unref(cs);
	evaluate_waiting_again(zone);
}

void mirror_loaded(struct served_zone *zone, struct target_content *content)
{
	zone->was_tried = true;
	if (content->result.outcome != TARGET_DONE) {
		if (!zone->mirror)
			zone->not_ready = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
				"the zone is not loaded: %s",
				content->result.verdict.why);
		return;
	}
	if (content->zone)
		take_zone(zone, content->zone);
	else
		take_difference(zone, content->difference);
	update_free(content->difference);
}

/* ---- transfers see only what is durable ---- */

void mirror_touch(struct served_zone *zone)
{
	transfer_unref(zone->axfr);
	zone->axfr = NULL;
}

void mirror_hide_uncommitted(struct served_zone *zone)
{
	struct served_append *append;

	TAILQ_FOREACH_REVERSE(append, &zone->uncommitted, served_uncommitted, entry)
		changeset_undo(append->changes, zone->mirror);
}

void mirror_show_uncommitted(struct served_zone *zone)
{
	struct served_append *append;

	TAILQ_FOREACH(append, &zone->uncommitted, entry) {
		if (changeset_redo(append->changes, zone->mirror)) {
			/* The mirror would be wrong from here on; the journal is not. */
			log_error("zone %s: out of memory in the middle of a transfer",
				zone->zone->text);
			abort();
		}
	}
}
