/*
 * A run: one target is compared with the zone, and mended (reconcile.h).
 *
 * fetch -> pieces of the comparison -> a page of what differs -> (once: the journal is
 * read) -> each record is judged -> what is to be mended is sent -> the next piece ...
 * The run goes on with an alarm after each piece, so that whatever else the zone thread
 * has to do comes in between.
 */
#include "gateway/served/reconcile_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"

enum {
	PIECE_NAMES = 300, /* of the zone: less than a millisecond */
	GATE_MS = 5,       /* between two checks whether something waits at the gate */
	/* The primary has changes by others, which are being followed: */
	BEHIND_MS = 200,
	BEHIND_MAX = 25,
	CHANGED_MAX = 3, /* tries of a request while others change the zone there */
};

static void go_on(void *arg);
static void drop_taking(struct reconcile_run *run);

/* ---- life ---- */

struct reconcile_run *reconcile_run_new(
	struct reconciliation *shared, struct reconcile *reconcile)
{
	struct reconcile_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->shared = shared;
	run->reconcile = reconcile;
	run->content = &reconcile->zone->content;
	run->outcome.why = verdict_ok();
	digest_set_init(&run->touched, &shared->thread->target_env.seed);
	update_builder_init(&run->takes, run->content->name);
	alarm_init(&run->alarm, &shared->thread->alarms, go_on, run);
	return run;
}

static void drop_page(struct reconcile_run *run)
{
	changeset_unref(run->drift);
	changeset_unref(run->mends);
	free(run->mended);
	run->drift = run->mends = NULL;
	run->mended = NULL;
	run->sent = run->sending = 0;
	run->has_page = false;
	update_builder_clear(&run->takes);
	update_builder_init(&run->takes, run->content->name);
}

/* Whatever is under way. */
static void drop_all(struct reconcile_run *run)
{
	alarm_stop(&run->alarm);
	fetch_stop(run->fetch);
	run->fetch = NULL;
	provenance_reader_stop(run->reader);
	run->reader = NULL;
	if (run->sending)
		delivery_stop_mending(run->reconcile->delivery);
	drop_page(run);
	drop_taking(run);
	comparison_clear(&run->comparison);
	if (run->has_provenance)
		provenance_clear(&run->provenance);
	run->has_provenance = false;
	digest_set_clear(&run->touched);
}

void reconcile_run_stop(struct reconcile_run *run)
{
	drop_all(run);
	update_builder_clear(&run->takes);
	free(run);
}

__attribute__((format(printf, 2, 3))) static void end(
	struct reconcile_run *run, const char *format, ...)
{
	va_list args;

	if (format) {
		va_start(args, format);
		run->outcome.why = verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "%s", "");
		vsnprintf(
			run->outcome.why.why, sizeof(run->outcome.why.why), format, args);
		va_end(args);
	}
	drop_all(run);
	run->ended(run);
}

static void end_without_memory(struct reconcile_run *run)
{
	end(run, "out of memory");
}

/* ---- what changes meanwhile ---- */

void reconcile_run_spoil(struct reconcile_run *run)
{
	run->is_stale = true;
}

void reconcile_run_touch(struct reconcile_run *run, const struct changeset *changes)
{
	struct digest_set *touched = &run->touched;

	for (uint32_t i = 0; i < changes->count && !run->is_stale; i++) {
		const struct change *change = &changes->changes[i];

		if (touched->count >= RECONCILE_TOUCHED_MAX ||
			digest_set_put(touched,
				digest_of_rrset(touched, change->owner, change->type),
				false))
			run->is_stale = true;
	}
}

static void touch(struct changeset *changes, void *arg)
{
	reconcile_run_touch(arg, changes);
}

/* What is on its way to the target, or will be when it is on the disk. */
static void touch_pending(struct reconcile_run *run)
{
	const struct edit *edit;

	digest_set_clear(&run->touched);
	run->is_stale = false;
	delivery_each_newest_first(run->reconcile->delivery, touch, run);
	TAILQ_FOREACH(edit, &run->content->committing, entry)
		reconcile_run_touch(run, edit->changes);
}

/* ---- the end, and taking over ---- */

/* Edits on their way to the disk, which outlive a run that is stopped. */
struct taking {
	struct reconcile_run *run; /* NULL: it is gone */
	size_t count;
};

static void drop_taking(struct reconcile_run *run)
{
	if (run->taking && run->taking->count)
		run->taking->run = NULL;
	else
		free(run->taking);
	run->taking = NULL;
}

static void look_at_end(struct reconcile_run *run)
{
	if (run->is_compared && (!run->taking || !run->taking->count))
		end(run, NULL);
}

static void let_go(struct taking *taking)
{
	if (taking->run)
		look_at_end(taking->run);
	else if (!taking->count)
		free(taking);
}

static bool on_taken(struct edit *edit)
{
	struct taking *taking = edit->owner;

	taking->count--;
	let_go(taking);
	return false;
}

static void on_not_taken(struct edit *edit)
{
	struct taking *taking = edit->owner;

	taking->count--;
	if (taking->run)
		taking->run->outcome.why =
			content_database_verdict(taking->run->content, "stored");
	let_go(taking);
}

static const struct edit_ops taking_ops = {
	.durable = on_taken,
	.failed = on_not_taken,
};

static struct taking *get_taking(struct reconcile_run *run)
{
	if (!run->taking)
		run->taking = calloc(1, sizeof(*run->taking));
	if (run->taking)
		run->taking->run = run;
	return run->taking;
}

/* Those that the zone has now. */
static void count_taken(struct reconcile_run *run, const struct update *update)
{
	for (unsigned i = 0; i < update->change_count; i++) {
		const struct rr *rr = &update->changes[i];
		const struct rrset *set =
			zone_find(run->content->mirror, rr->owner, rr->type);

		if (!set || rrset_find(set, rr->rdata, rr->rdata_len) < 0)
			continue;
		run->outcome.taken++;
		run->outcome.left[DRIFT_FOREIGN]--;
	}
}

static struct verdict apply_takes(struct reconcile_run *run, struct edit *edit)
{
	struct verdict v;

	if (update_builder_finish(&run->takes, &edit->update))
		return verdict_no_memory();
	v = edit_apply(edit, edit->update);
	if (verdict_is_ok(&v) && edit_keep(edit))
		v = verdict_no_memory();
	return v;
}

/* The foreign records of the page are added to the zone, like an update. */
static void take_over(struct reconcile_run *run)
{
	struct taking *taking;
	struct edit *edit = NULL;
	struct verdict v = verdict_no_memory();

	if (!run->takes.count)
		return;
	taking = get_taking(run);
	if (taking)
		edit = edit_begin(run->content, EDIT_ADMINISTRATOR, &taking_ops, taking);
	if (edit)
		v = apply_takes(run, edit);
	if (!verdict_is_ok(&v)) {
		edit_abort(edit);
		run->outcome.why = v;
		return;
	}
	count_taken(run, edit->update);
	if (edit_is_empty(edit)) {
		edit_discard(edit);
		return;
	}
	taking->count++;
	edit_commit(edit, &run->how.why, NULL);
}

/* ---- mending ---- */

static void send_mends(struct reconcile_run *run);

static void next_piece(struct reconcile_run *run)
{
	drop_page(run);
	alarm_set_in(&run->alarm, 0);
}

/* Those that were being sent, in the outcome. */
static size_t count_sent(struct reconcile_run *run, bool is_done)
{
	size_t count = 0;

	for (uint32_t i = run->sent; i < run->sent + run->sending; i++) {
		for (int kind = 0; kind < DRIFT_KINDS; kind++) {
			count += run->mended[i][kind];
			if (is_done)
				run->outcome.left[kind] -= run->mended[i][kind];
		}
	}
	return count;
}

/* The target has them, or one refused one was skipped: the next may be more. */
static void get_on(struct reconcile_run *run, uint32_t count)
{
	run->sent += count;
	run->tries = 0;
	run->most *= 2;
}

static void on_mended(void *arg, const struct target_result *result)
{
	struct reconcile_run *run = arg;
	const uint32_t count = run->sending;
	const size_t records = count_sent(run, result->outcome == TARGET_DONE);

	run->sending = 0;
	switch (result->outcome) {
	case TARGET_DONE:
		run->outcome.repaired += records;
		get_on(run, count);
		break;
	case TARGET_REJECTED:
		if (count > 1) {
			run->most = count / 2; /* one of them is to blame */
			break;
		}
		run->outcome.refused += records;
		run->outcome.refusal = result->verdict;
		get_on(run, count);
		break;
	case TARGET_CHANGED: /* it knows the zone anew */
		if (++run->tries < CHANGED_MAX)
			break;
		end(run, "others change the zone there");
		return;
	case TARGET_FAILED:
		end(run, "%s", result->verdict.why);
		return;
	}
	send_mends(run);
}

/* As many as the target takes at a time. */
static void send_mends(struct reconcile_run *run)
{
	const size_t limit = delivery_target(run->reconcile->delivery)->batch_changes;
	struct changeset *part;
	int r = 0;

	if (run->sent == run->mends->count) {
		next_piece(run);
		return;
	}
	if (run->most < 1 || run->most > limit)
		run->most = run->most < 1 ? 1 : (uint32_t)limit;
	part = changeset_new();
	for (uint32_t i = run->sent;
		part && !r && i < run->mends->count && i - run->sent < run->most; i++) {
		const struct change *change = &run->mends->changes[i];

		r = changeset_append(
			part, change->owner, change->type, change->before, change->after);
	}
	if (!part || r) {
		changeset_unref(part);
		end_without_memory(run);
		return;
	}
	run->sending = part->count;
	r = delivery_mend(run->reconcile->delivery, part, on_mended, run);
	changeset_unref(part);
	if (r) {
		run->sending = 0;
		end(run, "the target fails");
	}
}

/* ---- pages ---- */

static void on_journal(int result, struct provenance *provenance, void *arg)
{
	struct reconcile_run *run = arg;

	run->reader = NULL;
	if (result) {
		end(run, "the journal cannot be read");
		return;
	}
	run->provenance = *provenance;
	run->has_provenance = true;
	alarm_set_in(&run->alarm, 0);
}

static void deal_with_page(struct reconcile_run *run)
{
	if (reconcile_needs_journal(run)) {
		run->reader = provenance_reader_new(run->shared->thread, run->content->id,
			run->content->text, on_journal, run);
		if (!run->reader)
			end_without_memory(run);
		return;
	}
	if (reconcile_judge(run)) {
		end_without_memory(run);
		return;
	}
	take_over(run);
	send_mends(run);
}

/* Compares a piece.  False: the run goes on otherwise. */
static bool compare_piece(struct reconcile_run *run)
{
	int r;

	if (!run->comparison.found) {
		run->is_compared = true;
		look_at_end(run);
		return false;
	}
	r = comparison_step(
		&run->comparison, run->content->mirror, PIECE_NAMES, run->drift);
	if (r < 0) {
		end_without_memory(run);
		return false;
	}
	if (r == 0)
		comparison_clear(&run->comparison);
	return true;
}

/* ---- fetching ---- */

static const struct config_target *find_target(const struct reconcile_run *run)
{
	const struct config_zone *rules = run->content->rules;
	const char *id = delivery_id(run->reconcile->delivery);

	for (size_t i = 0; i < rules->target_count; i++)
		if (!strcmp(rules->targets[i].id, id))
			return &rules->targets[i];
	return NULL;
}

/* Has somebody else changed the zone at the primary target?  Then it is followed
 * first. */
static bool is_behind(const struct reconcile_run *run, const struct rrset *soa)
{
	const struct content *content = run->content;

	return !run->is_preview && run->reconcile->delivery == content_primary(content) &&
		soa && rrset_serial(soa) != rrset_serial(zone_soa(content->mirror)) &&
		!delivery_has_pending(run->reconcile->delivery) &&
		TAILQ_EMPTY(&content->committing);
}

static void wait_until_followed(struct reconcile_run *run)
{
	if (++run->behind > BEHIND_MAX) {
		end(run,
			"others have changed the zone there, and it has not been loaded "
			"again");
		return;
	}
	run->is_behind = true;
	delivery_want_load(run->reconcile->delivery);
	alarm_set_in(&run->alarm, BEHIND_MS);
}

static void take_fetched(struct reconcile_run *run, struct zone *zone)
{
	run->outcome.here = zone_count_records(run->content->mirror);
	run->outcome.there = zone_count_records(zone);
	run->most = UINT32_MAX;
	comparison_init(&run->comparison, zone);
	alarm_set_in(&run->alarm, 0);
}

static void on_fetched(struct fetched *fetched, void *arg)
{
	struct reconcile_run *run = arg;

	run->fetch = NULL;
	if (!verdict_is_ok(&fetched->why)) {
		end(run, "%s", fetched->why.why);
	} else if (is_behind(run, fetched->soa)) {
		zone_free(fetched->zone);
		wait_until_followed(run);
	} else {
		take_fetched(run, fetched->zone);
	}
	rrset_unref(fetched->soa);
}

static void fetch(struct reconcile_run *run)
{
	struct reconciliation *shared = run->shared;
	const struct config_target *target = find_target(run);

	run->is_behind = false;
	touch_pending(run);
	if (!shared->fetcher)
		shared->fetcher = fetcher_new(shared->thread);
	if (shared->fetcher && target)
		run->fetch = fetch_new(shared->fetcher, run->content->config, target,
			run->content->name, on_fetched, run);
	if (!run->fetch)
		end_without_memory(run);
}

void reconcile_run_begin(struct reconcile_run *run)
{
	const struct delivery *delivery = run->reconcile->delivery;

	run->is_preview = run->how.is_dry && delivery_awaits_word(delivery);
	if (!run->content->mirror)
		end(run, "the zone is not loaded");
	else if (!run->is_preview && !delivery_is_live(delivery))
		end(run, "it has not caught up yet");
	else
		fetch(run);
}

/* The next piece, when the alarm rings. */
static void go_on(void *arg)
{
	struct reconcile_run *run = arg;
	const size_t page = delivery_target(run->reconcile->delivery)->batch_changes;

	if (run->is_behind) {
		fetch(run);
		return;
	}
	if (run->is_stale) {
		end(run, "the zone has changed as a whole meanwhile, or too much of it");
		return;
	}
	if (content_is_gated(run->content)) {
		alarm_set_in(&run->alarm, GATE_MS);
		return;
	}
	if (!run->drift)
		run->drift = changeset_new();
	if (!run->drift) {
		end_without_memory(run);
		return;
	}
	/* A page that waited for the journal is complete. */
	if (!run->has_page && !compare_piece(run))
		return;
	run->has_page = run->drift->count >= page || !run->comparison.found;
	if (run->has_page)
		deal_with_page(run);
	else
		alarm_set_in(&run->alarm, 0);
}
