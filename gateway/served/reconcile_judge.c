/*
 * What is to become of the records that differ (reconcile.h), a page at a time.
 */
#include "gateway/served/reconcile_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "zones/rdata.h"

enum { RECORD_TEXT_MAX = 160 }; /* of a record in the log */

/* ---- where records come from ---- */

static bool is_primary(const struct reconcile_run *run)
{
	return run->reconcile->delivery == content_primary(run->content);
}

static bool is_owed(const struct reconcile_run *run, const struct rr *rr)
{
	return provenance_is_owed(
		run->has_provenance ? &run->provenance : NULL, run->content->leases, rr);
}

/* Is the record, which the target lacks, to be there? */
static bool is_put_back(const struct reconcile_run *run, const struct rr *rr)
{
	if (run->is_preview)
		return !run->how.takes;
	return is_owed(run, rr) || (run->is_ordered && !is_primary(run));
}

static bool puts_any_back(
	const struct reconcile_run *run, const uint8_t *owner, const struct rrset *set)
{
	struct rr rr = {.owner = owner, .type = set->type, .class = CLASS_IN};
	size_t at = 0;

	while ((rr.rdata = rrset_next(set, &at, &rr.rdata_len)))
		if (is_put_back(run, &rr))
			return true;
	return false;
}

/* Does a foreign record keep the target from getting what is to be put back, since
 * nothing may stand beside a CNAME? */
static bool is_in_the_way(const struct reconcile_run *run, const struct rr *rr)
{
	const struct zone_node *node = zone_find_node(run->content->mirror, rr->owner);
	const struct rrset *set;

	if (!node || (rr->type == TYPE_CNAME && zone_node_find(node, TYPE_CNAME)))
		return false;
	if (rr->type != TYPE_CNAME) {
		set = zone_node_find(node, TYPE_CNAME);
		return set && puts_any_back(run, rr->owner, set);
	}
	for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++)
		if (puts_any_back(run, rr->owner, set))
			return true;
	return false;
}

/* ---- one record ---- */

struct judging {
	struct reconcile_run *run;
	size_t repaired[DRIFT_KINDS]; /* of the RRset */
};

static enum reconcile_fate decide_foreign(
	const struct reconcile_run *run, const struct rr *rr)
{
	if (run->has_provenance &&
		provenance_find(&run->provenance, rr) == PROVENANCE_REMOVED)
		return RECONCILE_REPAIR;
	if (is_in_the_way(run, rr))
		return RECONCILE_REPAIR;
	if (run->how.takes && (run->is_preview || !is_primary(run)))
		return RECONCILE_TAKE;
	return RECONCILE_LEAVE;
}

static enum reconcile_fate decide(
	const struct reconcile_run *run, const struct drift *drift)
{
	enum reconcile_fate fate = RECONCILE_LEAVE;

	if (drift->kind == DRIFT_FOREIGN)
		fate = decide_foreign(run, &drift->found);
	else if (is_put_back(run, &drift->wanted))
		fate = RECONCILE_REPAIR;
	return run->repairs || fate == RECONCILE_TAKE ? fate : RECONCILE_LEAVE;
}

/* Of an RRset that is there already, it gets the TTL. */
static void take(struct reconcile_run *run, const struct rr *found)
{
	const struct rrset *set =
		zone_find(run->content->mirror, found->owner, found->type);
	struct rr rr = *found;

	if (set)
		rr.ttl = set->ttl;
	update_builder_add(&run->takes, &rr);
}

/* The first few are shown in the log. */
static void show(struct reconcile_run *run, const struct drift *drift)
{
	static const char *const words[DRIFT_KINDS] = {"lacks", "has", "has another"};
	const struct rr *rr =
		drift->kind == DRIFT_FOREIGN ? &drift->found : &drift->wanted;
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX], text[RECORD_TEXT_MAX];
	char *data = rdata_to_text(rr->type, rr->rdata, rr->rdata_len);
	const size_t room = sizeof(run->text) - run->text_len;
	int len;

	snprintf(text, sizeof(text), "%s%s %.80s %s %.40s", run->text_len ? ", " : "",
		words[drift->kind], name_to_text(rr->owner, owner),
		rdata_type_name(rr->type, type), data ? data : "");
	free(data);
	len = snprintf(run->text + run->text_len, room, "%s", text);
	if (len < 0 || (size_t)len >= room)
		run->text[run->text_len] =
			'\0'; /* no room: neither it nor a part of it */
	else
		run->text_len += (size_t)len;
}

static bool judge_record(const struct drift *drift, void *arg)
{
	struct judging *judging = arg;
	struct reconcile_run *run = judging->run;
	const enum reconcile_fate fate = decide(run, drift);

	run->outcome.found[drift->kind]++;
	run->outcome.left[drift->kind]++;
	show(run, drift);
	if (run->how.visit)
		run->how.visit(drift, fate, run->how.arg);
	if (run->how.is_dry)
		return false;
	if (fate == RECONCILE_TAKE)
		take(run, &drift->found);
	judging->repaired[drift->kind] += fate == RECONCILE_REPAIR;
	return fate == RECONCILE_REPAIR;
}

/* ---- the page ---- */

static bool is_touched(const struct reconcile_run *run, const struct change *change)
{
	return digest_set_has(&run->touched,
		digest_of_rrset(&run->touched, change->owner, change->type), NULL);
}

/* 0 or -ENOMEM. */
static int judge_set(struct reconcile_run *run, const struct change *change)
{
	struct judging judging = {.run = run};
	struct rrset *mended;
	int r = drift_mend(change, judge_record, &judging, &mended);

	if (r == -ENOSPC)
		return 0; /* it is left as it is */
	if (r)
		return r;
	for (int i = 0; i < DRIFT_KINDS; i++)
		run->mended[run->mends->count][i] = judging.repaired[i];
	if (judging.repaired[DRIFT_MISSING] || judging.repaired[DRIFT_FOREIGN] ||
		judging.repaired[DRIFT_DIFFERENT])
		r = changeset_append(
			run->mends, change->owner, change->type, change->before, mended);
	rrset_unref(mended);
	return r;
}

int reconcile_judge(struct reconcile_run *run)
{
	const struct changeset *drift = run->drift;
	int r = 0;

	run->mends = changeset_new();
	run->mended = calloc(drift->count + 1, sizeof(*run->mended));
	if (!run->mends || !run->mended)
		return -ENOMEM;
	for (uint32_t i = 0; i < drift->count && !r; i++) {
		if (is_touched(run, &drift->changes[i]))
			run->outcome.changing++;
		else
			r = judge_set(run, &drift->changes[i]);
	}
	return r;
}

/* A target that only lacks records with leases needs nothing else. */
static bool is_leased(const struct reconcile_run *run, const struct change *change)
{
	struct rr rr = {.owner = change->owner, .type = change->type, .class = CLASS_IN};
	size_t at = 0;

	if (change->before || !change->after)
		return false;
	while ((rr.rdata = rrset_next(change->after, &at, &rr.rdata_len)))
		if (!provenance_is_leased(run->content->leases, &rr))
			return false;
	return true;
}

bool reconcile_needs_journal(const struct reconcile_run *run)
{
	const struct changeset *drift = run->drift;

	for (uint32_t i = 0; i < drift->count && !run->has_provenance; i++) {
		const struct change *change = &drift->changes[i];

		if (!is_touched(run, change) && !is_leased(run, change))
			return true;
	}
	return false;
}
