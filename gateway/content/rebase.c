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
	bool is_other; /* a change is not what it was */
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
	if (old->leases) {
		rebased->leases = lease_changes_copy(old->leases);
		if (!rebased->leases) {
			changeset_undo(rebased, zone);
			changeset_unref(rebased);
			return NULL;
		}
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
	taking->taken(result, taking->arg);
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
	const int r = delivery_rebase_end(content_primary(content));

	if (r == -EAGAIN)
		return; /* on_rebased comes again */
	if (r)
		end_taking(content, r);
	else
		put_into_service(content);
}

void content_take_zone(struct content *content, struct zone *zone,
	void (*taken)(int result, void *arg), void *arg)
{
	content->taking = (struct content_taking){
		.zone = zone,
		.caller = {.enter = take_the_last, .owner = content},
		.taken = taken,
		.arg = arg,
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

static void undo_pending(struct changeset *changes, void *arg)
{
	changeset_undo(changes, arg);
}

bool content_take_difference(struct content *content, const struct update *difference,
	struct changeset **ret_changes)
{
	struct delivery *primary = content_primary(content);
	struct rebasing rebasing = {.content = content};
	const struct delivery_rebase rebase = {
		.rebase = rebase_onto_mirror, .arg = &rebasing};
	struct changeset *changes = NULL;
	int r;

	*ret_changes = NULL;
	if (!delivery_is_live(primary)) { /* some pending changes are not available */
		delivery_want_whole(primary);
		return true;
	}
	delivery_each_newest_first(primary, undo_pending, content->mirror);
	r = rebase_difference(content->mirror, difference, &changes);
	/* What lacks memory is missing until the zone has been loaded again. */
	if (delivery_rebase_queue(primary, &rebase) || r)
		delivery_want_whole(primary);
	settle_edits(content, true);
	content_touch(content);
	transfer_history_clear(content->history);
	if (!r && !delivery_has_pending(primary))
		transfer_history_add(content->history, changes);
	*ret_changes = changes;
	return !rebasing.is_other;
}
