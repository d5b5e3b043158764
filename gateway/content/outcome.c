/*
 * What deliveries report: edits that a target has or refuses, and the SOA of the
 * primary.
 */
#include "gateway/base/log.h"
#include "gateway/content/edit.h"
#include "zones/rdata.h"

void content_note_outcome(
	struct content *content, uint64_t seq, const struct verdict *verdict)
{
	content_submit_note(content,
		&(struct journal_op){
			.kind = JOURNAL_OUTCOME, .seq = seq, .verdict = *verdict});
}

/* ---- refused ---- */

struct verdict content_check_refused(
	const struct content *content, const struct changeset *changes)
{
	return refused_check(
		content->refused, changes, turn_monotonic_ms(&content->thread->time));
}

/* A target will always lack something that was confirmed to a client; a person has to
 * look at it. */
static void set_aside(struct content *content, const struct delivery *delivery,
	const struct delivery_rejection *rejection)
{
	content->set_aside++;
	content_submit_note(content,
		&(struct journal_op){
			.kind = JOURNAL_SET_ASIDE,
			.seq = rejection->seq,
			.at_ms = turn_real_ms(&content->thread->time),
			.target = delivery_id(delivery),
			.verdict = *rejection->why,
		});
}

static void log_rejection(const struct content *content, const struct delivery *delivery,
	const struct delivery_rejection *rejection, const char *what_follows)
{
	log_warning("zone %s: target %s refuses change %llu, which %s: %s", content->text,
		delivery_id(delivery), (unsigned long long)rejection->seq, what_follows,
		rejection->why->why);
}

/* The mirror must not contain what the primary lacks.  0 or -ENOMEM. */
static int take_back(struct content *content, struct edit *edit,
	const struct delivery_rejection *rejection)
{
	int r = 0;

	if (edit && edit->ops && edit->ops->rejected)
		r = edit->ops->rejected(edit, rejection->why);
	if (r)
		return r < 0 ? r : 0;
	/* Nothing waits, and the change has been confirmed. */
	if (edit)
		edit->ops = NULL;
	r = edit_take_back_changes(content, rejection->seq, rejection->changes,
		EDIT_REJECTION, rejection->why, NULL, NULL);
	if (r < 0)
		return r;
	edit_end_undone(content, rejection->seq, edit);
	return 0;
}

struct search {
	const struct changeset *gone;
	bool is_found;
};

static void look_for_names(struct changeset *changes, void *arg)
{
	struct search *search = arg;

	search->is_found |=
		changes != search->gone && changeset_shares_name(changes, search->gone);
}

/* Does a change that is pending concern a name of one that is refused, so that it may
 * have become what it is because of that?  Requests that wait are judged again anyway. */
static bool is_built_on(const struct content *content, const struct changeset *gone)
{
	const struct delivery *primary = content_primary(content);
	struct search search = {.gone = gone};
	const struct edit *edit;

	if (!delivery_is_live(primary))
		return true;
	delivery_each_newest_first(primary, look_for_names, &search);
	TAILQ_FOREACH(edit, &content->committing, entry) {
		const struct update *update = edit->op.request.update;

		look_for_names(edit->changes, &search);
		search.is_found |= update && update_shares_name(update, gone);
	}
	return search.is_found;
}

static int reject_at_primary(struct content *content, struct delivery *primary,
	const struct delivery_rejection *rejection)
{
	struct edit *edit = edit_find_durable(content, rejection->seq);
	const bool is_awaited = edit && edit->origin == EDIT_CLIENT && edit->ops;
	const bool must_load = is_built_on(content, rejection->changes);
	const int r = take_back(content, edit, rejection);

	if (r)
		return r;
	refused_note(&content->refused, rejection->changes, rejection->why,
		turn_monotonic_ms(&content->thread->time));
	if (!is_awaited)
		set_aside(content, primary, rejection);
	log_rejection(content, primary, rejection,
		is_awaited
			? "is taken back"
			: "is taken back, although its client has been answered already");
	/* Pending changes that were evaluated on top of it must not contain it. */
	if (must_load)
		delivery_want_whole(primary);
	return 0;
}

int content_rejected(struct content *content, struct delivery *delivery,
	const struct delivery_rejection *rejection)
{
	const bool is_primary = delivery == content_primary(content);

	if (is_primary && !rejection->is_withdrawal)
		return reject_at_primary(content, delivery, rejection);
	set_aside(content, delivery, rejection);
	log_rejection(content, delivery, rejection, "is set aside");
	/* What a withdrawal was to undo may exist or not: load the zone. */
	if (is_primary)
		delivery_want_whole(delivery);
	return 0;
}

/* ---- applied ---- */

/* Is a client's change of the serial (3.4.2.2) on its way to the primary? */
static bool has_serial_pending(const struct content *content)
{
	const struct edit *edit;

	TAILQ_FOREACH(edit, &content->committing, entry) {
		if (edit->origin != EDIT_REJECTION &&
			changeset_find(edit->changes, content->name, TYPE_SOA))
			return true;
	}
	return delivery_has_change(content_primary(content), content->name, TYPE_SOA);
}

void content_adopt_soa(struct content *content, struct rrset *soa)
{
	struct rrset *ours = content->mirror ? zone_soa(content->mirror) : NULL;

	if (!ours || rrset_serial(soa) == rrset_serial(ours))
		return;
	if (!serial_is_newer(rrset_serial(soa), rrset_serial(ours))) {
		if (has_serial_pending(content))
			return;
		/* The primary has refused a client's serial.  If ours stayed ahead, it
		 * would not move with the next changes. */
		transfer_history_lose(content->history);
	}
	content_touch(content);
	if (zone_put(content->mirror, content->name, TYPE_SOA, soa))
		log_error("zone %s: out of memory", content->text);
}
