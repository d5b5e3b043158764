/*
 * Puts other content from the primary target under what is pending.
 *
 * A whole zone is brought up to date before it comes into service, however much is
 * pending.  Meanwhile the present mirror stays in use, and edits continue.
 */
#include <errno.h>

#include "gateway/content/edit.h"
#include "zones/rebase.h"

struct rebasing {
	struct content *content;
	bool is_other;            /* a change is not what it was */
	struct changeset *undone; /* what undoing the pending changes did */
	int result;               /* of that */
};

static bool is_same_change(const struct change *change, const struct changeset *rebased)
{
	const struct change *now = changeset_find(rebased, change->owner, change->type);

	return change->type == TYPE_SOA ||
		(now && rrset_is_identical(now->after, change->after));
}

static bool is_same(const struct changeset *old, const struct changeset *rebased)
{
	for (uint32_t i = 0; i < old->count; i++) {
		if (!is_same_change(&old->changes[i], rebased))
			return false;
	}
	return rebased->count <= old->count;
}

/* The edit that has made a change, if something awaits it; to be asked for in order. */
static struct edit *find_edit(struct content *content, uint64_t seq)
{
	const struct edit *last = TAILQ_LAST(&content->delivering, edit_list);
	struct edit *edit = content->rebase_next;

	if (!last || last->op.seq < seq)
		return NULL;
	if (!edit)
		edit = TAILQ_FIRST(&content->delivering);
	while (edit->op.seq < seq)
		edit = TAILQ_NEXT(edit, entry);
	content->rebase_next = edit;
	return edit->op.seq == seq ? edit : NULL;
}

/* If it is to be undone later, then by what the edit does now: a record that somebody
 * else has deleted meanwhile must not be restored for the client. */
static void tell_edit(struct edit *edit, struct changeset *rebased)
{
	if (!edit)
		return;
	changeset_unref(edit->rebased);
	edit->rebased = changeset_ref(rebased);
}

/* Its effect on leases stays as it was. */
static struct changeset *rebase_onto(
	struct zone *zone, struct content *content, uint64_t seq, struct changeset *old)
{
	struct changeset *rebased;

	if (rebase_changeset(zone, old, &rebased))
		return NULL;
	if (lease_changes_rebase(old, rebased)) {
		changeset_undo(rebased, zone);
		changeset_unref(rebased);
		return NULL;
	}
	tell_edit(find_edit(content, seq), rebased);
	return rebased;
}

/* Drops what edits do to content that does not come into service. */
static void settle_edits(struct content *content, bool is_in_service)
{
	struct edit *edit;

	TAILQ_FOREACH(edit, &content->delivering, entry) {
		if (is_in_service)
			edit_take_rebased(edit);
		changeset_unref(edit->rebased);
		edit->rebased = NULL;
	}
	content->rebase_next = NULL;
}

/* ---- another zone ---- */

static struct changeset *rebase_onto_taken(
	uint64_t seq, struct changeset *old, bool *ret_is_other, void *arg)
{
	struct content *content = arg;
	struct changeset *rebased = rebase_onto(content->taking.zone, content, seq, old);

	*ret_is_other = rebased && !is_same(old, rebased);
	return rebased;
}

static void end_taking(struct content *content, int result)
{
	struct content_taking *taking = &content->taking;

	settle_edits(content, !result);
	zone_free(taking->zone); /* unless it is the mirror */
	taking->zone = NULL;
	taking->how.taken(result, taking->how.arg);
}

static void put_into_service(struct content *content)
{
	struct content_taking *taking = &content->taking;

	if (content->mirror)
		zone_hold_as(taking->zone, content->mirror);
	zone_free(content->mirror);
	content->mirror = taking->zone;
	taking->zone = NULL;
	content_touch(content);
	transfer_history_clear(content->history);
	delivery_set_ready(content_primary(content));
	end_taking(content, 0);
}

static void on_rebased(int result, void *arg)
{
	struct content *content = arg;

	if (result)
		end_taking(content, result);
	else
		content_call(content, &content->taking.caller);
}

/* Nothing is on its way to the disk now. */
static void take_the_last(struct content_caller *caller)
{
	struct content *content = caller->owner;
	const struct content_taking *taking = &content->taking;
	int r = delivery_rebase_end(content_primary(content));

	if (r == -EAGAIN)
		return; /* on_rebased comes again */
	if (!r && taking->how.judge) {
		r = taking->how.judge(taking->zone, taking->how.arg);
		if (r)
			delivery_rebase_drop(content_primary(content));
	}
	if (r)
		end_taking(content, r);
	else
		put_into_service(content);
}

void content_take_zone(
	struct content *content, struct zone *zone, const struct content_take *how)
{
	content->taking = (struct content_taking){
		.zone = zone,
		.caller = {.enter = take_the_last, .owner = content},
		.how = *how,
	};
	delivery_rebase_begin(content_primary(content),
		&(struct delivery_rebase){
			.rebase = rebase_onto_taken, .done = on_rebased, .arg = content});
}

bool content_is_taking(const struct content *content)
{
	return content->taking.zone != NULL;
}

/* ---- a difference ---- */

static struct changeset *rebase_onto_mirror(
	uint64_t seq, struct changeset *old, bool *ret_is_other, void *arg)
{
	struct rebasing *rebasing = arg;
	struct content *content = rebasing->content;
	struct changeset *rebased = rebase_onto(content->mirror, content, seq, old);

	*ret_is_other = rebased && !is_same(old, rebased);
	rebasing->is_other |= *ret_is_other;
	return rebased;
}

static void undo_rebased(struct changeset *rebased, void *arg)
{
	const struct rebasing *rebasing = arg;

	changeset_undo(rebased, rebasing->content->mirror);
}

static void undo_pending(struct changeset *changes, void *arg)
{
	struct rebasing *rebasing = arg;

	for (uint32_t i = 0; i < changes->count && !rebasing->result; i++) {
		const struct change *change = &changes->changes[i];

		rebasing->result =
			changeset_put(rebasing->undone, rebasing->content->mirror,
				change->owner, change->type, change->before);
	}
}

/* NULL: no memory, and the mirror may lack some of what was undone. */
static struct changeset *put_beneath(
	struct rebasing *rebasing, const struct update *difference)
{
	struct zone *mirror = rebasing->content->mirror;
	struct delivery *primary = content_primary(rebasing->content);
	const struct delivery_rebase rebase = {
		.rebase = rebase_onto_mirror, .undo = undo_rebased, .arg = rebasing};
	struct changeset *changes;

	delivery_each_newest_first(primary, undo_pending, rebasing);
	if (rebasing->result || rebase_difference(mirror, difference, &changes))
		return NULL;
	if (!delivery_rebase_queue(primary, &rebase))
		return changes;
	changeset_undo(changes, mirror);
	changeset_unref(changes);
	return NULL;
}

/* NULL: no memory, and everything is as it was: the mirror keeps what that takes. */
static struct changeset *try_difference(
	struct rebasing *rebasing, const struct update *difference)
{
	struct content *content = rebasing->content;
	struct changeset *changes = NULL;

	rebasing->undone = changeset_new();
	if (!rebasing->undone)
		return NULL;
	zone_keep(content->mirror, true);
	changes = put_beneath(rebasing, difference);
	if (!changes)
		changeset_undo(rebasing->undone, content->mirror);
	zone_keep(content->mirror, false);
	changeset_unref(rebasing->undone);
	settle_edits(content, changes != NULL);
	return changes;
}

struct changeset *content_take_difference(
	struct content *content, const struct update *difference, bool *ret_is_kept)
{
	struct delivery *primary = content_primary(content);
	struct rebasing rebasing = {.content = content};
	struct changeset *changes = NULL;

	if (delivery_is_live(primary)) /* else some pending changes are not available */
		changes = try_difference(&rebasing, difference);
	*ret_is_kept = !rebasing.is_other;
	if (!changes) {
		delivery_want_whole(primary);
		return NULL;
	}
	content_touch(content);
	transfer_history_clear(content->history);
	if (!delivery_has_pending(primary))
		transfer_history_add(content->history, changes);
	return changes;
}
