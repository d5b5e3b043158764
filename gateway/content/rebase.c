/*
 * Other content from the primary target comes under what is pending, which is then on top
 * of it as it now is.
 */
#include <errno.h>

#include "gateway/content/edit.h"
#include "zones/rebase.h"

struct rebasing {
	struct zone *mirror;
	struct edit *next; /* the first that may have made the next change */
	bool is_other;     /* a change is not what it was */
};

static bool is_same_change(const struct change *change, const struct changeset *rebased)
{
	const struct change *now = changeset_find(rebased, change->owner, change->type);

	return change->type == TYPE_SOA ||
		(now && rrset_is_identical(now->after, change->after));
}

/* Should it come to be taken back, then what the edit does now: a record that somebody
 * else has deleted meanwhile is not the client's to bring back. */
static void tell_edit(
	struct rebasing *rebasing, const struct changeset *old, struct changeset *rebased)
{
	struct edit *edit = rebasing->next;

	while (edit && edit->changes != old)
		edit = TAILQ_NEXT(edit, entry);
	if (!edit)
		return; /* nobody awaits it */
	edit_set_rebased(edit, rebased);
	rebasing->next = TAILQ_NEXT(edit, entry);
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
	tell_edit(rebasing, old, rebased);
	return rebased;
}

int content_take_zone(struct content *content, struct zone *zone)
{
	struct rebasing rebasing = {
		.mirror = zone, .next = TAILQ_FIRST(&content->delivering)};
	int r = delivery_rebase(content_primary(content), rebase_onto, &rebasing);

	if (r)
		return r;
	if (content->mirror)
		zone_hold_as(zone, content->mirror);
	zone_free(content->mirror);
	content->mirror = zone;
	content_touch(content);
	transfer_history_clear(content->history);
	delivery_set_ready(content_primary(content));
	return 0;
}

static void undo_pending(struct changeset *changes, void *arg)
{
	changeset_undo(changes, arg);
}

bool content_take_difference(struct content *content, const struct update *difference,
	struct changeset **ret_changes)
{
	struct delivery *primary = content_primary(content);
	struct rebasing rebasing = {
		.mirror = content->mirror, .next = TAILQ_FIRST(&content->delivering)};
	struct changeset *changes = NULL;
	int r;

	*ret_changes = NULL;
	if (!delivery_is_live(primary)) { /* some of what is pending is not at hand */
		delivery_want_whole(primary);
		return true;
	}
	delivery_each_newest_first(primary, undo_pending, content->mirror);
	r = rebase_difference(content->mirror, difference, &changes);
	/* What there is no memory for is missing until the zone has been loaded again. */
	if (delivery_rebase(primary, rebase_onto, &rebasing) || r)
		delivery_want_whole(primary);
	content_touch(content);
	transfer_history_clear(content->history);
	if (!r && !delivery_has_pending(primary))
		transfer_history_add(content->history, changes);
	*ret_changes = changes;
	return !rebasing.is_other;
}
