/*
 * Orders to compare targets with a zone, and copies of what comes of them (view.h).
 */
#include "gateway/served/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/served/served.h"

/* ---- what comes of it ---- */

static struct rr copy_rr(const struct rr *rr, const uint8_t *owner, uint8_t *rdata)
{
	struct rr copy = *rr;

	copy.owner = owner;
	copy.spelled = NULL;
	copy.rdata = NULL;
	if (rr->rdata)
		copy.rdata = memcpy(rdata, rr->rdata, rr->rdata_len);
	return copy;
}

/* 0 or -ENOMEM. */
static int copy_drift(struct view_drift *to, const struct drift *drift)
{
	const struct rr *rr =
		drift->kind == DRIFT_FOREIGN ? &drift->found : &drift->wanted;
	const size_t owner_len = name_len(rr->owner);
	const size_t wanted_len = drift->wanted.rdata ? drift->wanted.rdata_len : 0;
	const size_t found_len = drift->found.rdata ? drift->found.rdata_len : 0;

	to->memory = malloc(owner_len + wanted_len + found_len);
	if (!to->memory)
		return -ENOMEM;
	memcpy(to->memory, rr->owner, owner_len);
	to->drift = (struct drift){.kind = drift->kind,
		.wanted = copy_rr(&drift->wanted, to->memory, to->memory + owner_len),
		.found = copy_rr(
			&drift->found, to->memory, to->memory + owner_len + wanted_len)};
	return 0;
}

static void on_drift(const struct drift *drift, enum reconcile_fate fate, void *arg)
{
	struct view_sync *sync = arg;
	struct view_drift *to;

	if (sync->record_count == VIEW_SYNC_MAX) {
		sync->more++;
		return;
	}
	if (!sync->records)
		sync->records = calloc(VIEW_SYNC_MAX, sizeof(*sync->records));
	to = sync->records ? &sync->records[sync->record_count] : NULL;
	if (!to || copy_drift(to, drift)) {
		sync->more++;
		return;
	}
	to->target = sync->target_count; /* the one that is under way */
	to->fate = fate;
	sync->record_count++;
}

static void on_ended(const char *target, bool is_primary,
	const struct reconcile_outcome *outcome, void *arg)
{
	struct view_sync *sync = arg;
	struct view_synced *longer = reallocarray(
		sync->targets, sync->target_count + 1, sizeof(*sync->targets));

	if (!longer) {
		sync->has_failed = true;
		return;
	}
	sync->targets = longer;
	longer[sync->target_count] = (struct view_synced){
		.id = strdup(target), .is_primary = is_primary, .outcome = *outcome};
	sync->has_failed |= !longer[sync->target_count].id;
	sync->target_count++;
}

void view_sync_clear(struct view_sync *sync)
{
	for (size_t i = 0; i < sync->record_count; i++)
		free(sync->records[i].memory);
	for (size_t i = 0; i < sync->target_count; i++)
		free(sync->targets[i].id);
	free(sync->records);
	free(sync->targets);
}

/* ---- the order ---- */

static void on_done(int result, void *arg)
{
	struct view_sync *sync = arg;

	sync->result = result;
	zone_call_finish(sync->call);
}

bool view_sync(struct served *served, struct zone_call *call)
{
	struct view_sync *sync = call->subject;
	struct served_zone *zone = served_find(served, call->zone);
	const struct reconciling how = {
		.target = sync->target,
		.is_dry = sync->is_dry,
		.takes = sync->takes,
		.why = sync->why,
		.visit = on_drift,
		.ended = on_ended,
		.done = on_done,
		.arg = sync,
	};

	sync->call = call;
	sync->result = zone ? reconcile_begin(zone, &how) : -EAGAIN;
	return sync->result != 0;
}
