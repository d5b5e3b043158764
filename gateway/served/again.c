/*
 * What targets have refused is tried again, or forgotten (view_asides).
 *
 * What that means has to be right although the zone may have changed since:
 *
 *   the primary target   Its refusal was taken back from the mirror.  So the change is
 *                        made once more, as an edit of the gateway's own, where an RRset
 *                        is still as it was before the change; where it is not,
 *                        something else has taken its place, and stays.  The records
 *                        come back without a lease.
 *   any other            The mirror has what it refused, or what has become of it.  The
 *                        target alone gets a row that leads from what the change began
 *                        with to what the mirror has now, whichever of it the target
 *                        has.  (Others that read the row from the journal, after a
 *                        crash, get what they have already.)
 *
 * Either has a number of its own, and is set aside under that one if it is refused again.
 * The end of the old one goes to the journal behind it: if the new row is not stored,
 * neither is that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/content/edit.h"
#include "gateway/served/served.h"
#include "gateway/served/view.h"
#include "zones/update_builder.h"

struct run;

struct again {
	struct run *run;
	const struct view_aside *aside;
	struct changeset *changes; /* counted; of append; NULL: it is not used */
	struct journal_op append;  /* what another target than the primary gets */
	struct journal_op drop;
};

struct run {
	struct served_zone *zone;
	struct view_asides *subject;
	size_t left; /* operations in the journal */
	size_t count;
	struct again items[];
};

/* True: that was all. */
static bool run_end_one(struct run *run)
{
	if (--run->left)
		return false;
	for (size_t i = 0; i < run->count; i++)
		changeset_unref(run->items[i].changes);
	free(run);
	return true;
}

static void end_one(struct run *run, int result)
{
	struct view_asides *subject = run->subject;

	if (result)
		subject->result = -EIO;
	if (run_end_one(run))
		zone_call_finish(subject->call);
}

/* ---- the journal ---- */

static void on_dropped(struct journal_op *op, void *arg)
{
	const struct again *again = arg;
	struct content *content = &again->run->zone->content;

	if (!op->result && content->set_aside)
		content->set_aside--;
	end_one(again->run, op->result);
}

static void drop(struct again *again)
{
	struct run *run = again->run;

	again->drop = (struct journal_op){
		.kind = JOURNAL_DROP_ASIDE,
		.zone = run->zone->content.id,
		.seq = again->aside->seq,
		.target = again->aside->target,
		.done = on_dropped,
		.arg = again,
	};
	run->left++;
	run->subject->done++;
	content_submit(&run->zone->content, &again->drop);
}

/* It concerns that target alone. */
static void on_appended(struct journal_op *op, void *arg)
{
	struct again *again = arg;
	const struct content *content = &again->run->zone->content;

	for (size_t i = 0; !op->result && i < content->delivery_count; i++) {
		struct delivery *delivery = content->deliveries[i];

		if (strcmp(delivery_id(delivery), again->aside->target) != 0)
			delivery_pass(delivery, op->seq);
		else
			delivery_add(delivery, op->seq, again->changes, false, NULL);
	}
	zone_thread_later(content->thread, &again->run->zone->content.kick);
	end_one(again->run, op->result);
}

/* ---- another target ---- */

/* NULL: no memory. */
static struct changeset *changes_to_now(
	const struct content *content, const struct changeset *refused)
{
	struct changeset *changes = changeset_new();

	for (uint32_t i = 0; changes && i < refused->count; i++) {
		const struct change *change = &refused->changes[i];
		struct rrset *now =
			zone_find(content->mirror, change->owner, change->type);

		if (change->type != TYPE_SOA &&
			changeset_append(changes, change->owner, change->type,
				change->before, now)) {
			changeset_unref(changes);
			return NULL;
		}
	}
	if (changes)
		changeset_normalise(changes);
	return changes;
}

static int send_again(struct again *again)
{
	struct content *content = &again->run->zone->content;

	again->changes = changes_to_now(content, again->aside->changes);
	if (!again->changes)
		return -ENOMEM;
	if (again->changes->count) {
		again->append = (struct journal_op){
			.kind = JOURNAL_APPEND,
			.zone = content->id,
			.at_ms = turn_real_ms(&content->thread->time),
			.changes = again->changes,
			.verdict = again->run->subject->why,
			.done = on_appended,
			.arg = again,
		};
		again->run->left++;
		content_submit(content, &again->append);
	}
	drop(again);
	return 0;
}

/* ---- the primary target ---- */

struct remaking {
	const struct content *content;
	const struct changeset *changes;
	struct update_builder builder;
};

static bool remake_record(bool removed, const struct rr *rr, void *arg)
{
	struct remaking *r = arg;
	const struct change *change = changeset_find(r->changes, rr->owner, rr->type);
	struct rr again = *rr;

	if (rr->type == TYPE_SOA ||
		!rrset_is_identical(change->before,
			zone_find(r->content->mirror, rr->owner, rr->type)))
		return true;
	if (removed) {
		again.class = CLASS_NONE;
		again.ttl = 0;
	}
	update_builder_add(&r->builder, &again);
	return true;
}

/* 0, -ENOMEM, or -ESTALE: nothing of it is left to be made. */
static int make_again(struct again *again)
{
	struct content *content = &again->run->zone->content;
	struct remaking r = {.content = content, .changes = again->aside->changes};
	struct edit *edit = edit_begin(content, EDIT_ADMINISTRATOR, NULL, NULL);
	struct verdict v;

	if (!edit)
		return -ENOMEM;
	update_builder_init(&r.builder, content->name);
	(void)changeset_each_record(again->aside->changes, remake_record, &r);
	if (update_builder_finish(&r.builder, &edit->update)) {
		edit_abort(edit);
		return -ENOMEM;
	}
	v = edit_apply(edit, edit->update);
	if (!verdict_is_ok(&v) || edit_keep(edit)) {
		edit_abort(edit);
		return verdict_is_ok(&v) ? -ENOMEM : -ESTALE;
	}
	if (edit_is_empty(edit)) {
		edit_abort(edit);
		return -ESTALE;
	}
	edit_commit(edit, &again->run->subject->why, NULL);
	drop(again);
	return 0;
}

/* ---- a page of them ---- */

static const struct delivery *find_delivery(
	const struct content *content, const char *target)
{
	for (size_t i = 0; i < content->delivery_count; i++)
		if (!strcmp(delivery_id(content->deliveries[i]), target))
			return content->deliveries[i];
	return NULL;
}

static void do_one(struct again *again)
{
	const struct content *content = &again->run->zone->content;
	struct view_asides *subject = again->run->subject;
	const struct delivery *delivery;
	int r;

	if (!subject->is_retry) {
		drop(again);
		return;
	}
	delivery = find_delivery(content, again->aside->target);
	if (!delivery || !again->aside->changes) {
		subject->lost++;
		return;
	}
	r = delivery == content_primary(content) ? make_again(again) : send_again(again);
	if (r == -ESTALE)
		subject->overtaken++;
	else if (r)
		subject->result = r;
}

/* NULL, and subject->result: there is nothing to wait for. */
static struct run *run_new(struct served_zone *zone, struct view_asides *subject)
{
	struct run *run;

	subject->result = -EAGAIN;
	if (!zone || zone->content.is_closing || zone->served->thread->is_broken ||
		zone->served->thread->is_over || !zone->content.mirror)
		return NULL;
	run = calloc(1, sizeof(*run) + subject->count * sizeof(run->items[0]));
	subject->result = run ? 0 : -ENOMEM;
	if (!run)
		return NULL;
	run->zone = zone;
	run->subject = subject;
	run->count = subject->count;
	run->left = 1; /* until all have been begun */
	return run;
}

bool view_asides(struct served *served, struct zone_call *call)
{
	struct view_asides *subject = call->subject;
	struct served_zone *zone = served_find(served, call->zone);
	struct run *run = run_new(zone, subject);

	subject->call = call;
	if (!run)
		return true;
	for (size_t i = 0; i < run->count; i++) {
		run->items[i].run = run;
		run->items[i].aside = &subject->asides[i];
		do_one(&run->items[i]);
	}
	if (subject->done)
		leases_note(&zone->leases, subject->is_retry ? "retry" : "drop", NULL,
			NULL, &subject->why);
	return run_end_one(run);
}
