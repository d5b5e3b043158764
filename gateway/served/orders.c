/*
 * Carries out what administrators order for leases and zones (served.h).  view.c has
 * what they see.
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "zones/update_builder.h"

static bool can_change(const struct served_zone *zone)
{
	return !zone->content.is_closing && !zone->served->thread->is_broken &&
		!zone->served->thread->is_over;
}

int served_expire_host(struct served_zone *zone, const uint8_t *owner,
	const struct verdict *why, size_t *ret_leases)
{
	if (!can_change(zone) || !zone->content.mirror)
		return -EAGAIN;
	*ret_leases = lease_expire_now(
		zone->content.leases, owner, content_service_ms(&zone->content));
	if (!*ret_leases)
		return -ENOENT;
	leases_note(&zone->leases, "expire", owner, NULL, why);
	leases_wake(&zone->leases);
	return 0;
}

struct holding {
	struct journal_op op;
	struct served_zone *zone;
	uint8_t owner[NAME_MAX_LEN];
	void (*done)(int result, void *arg);
	void *arg;
};

static int set_held(struct served_zone *zone, const uint8_t *owner, bool is_held)
{
	struct lease_table *table = zone->content.leases;
	const int64_t now_ms = content_service_ms(&zone->content);

	return is_held ? lease_hold(table, owner, now_ms)
		       : lease_release(table, owner, now_ms);
}

static void on_held(struct journal_op *op, void *arg)
{
	struct holding *holding = arg;
	struct served_zone *zone = holding->zone;

	if (op->result && set_held(zone, holding->owner, !op->is_held))
		log_error("zone %s: out of memory", zone->content.text);
	if (holding->done)
		holding->done(op->result, holding->arg);
	leases_wake(&zone->leases);
	free(holding);
}

int served_hold_host(struct served_zone *zone, const uint8_t *owner, bool is_held,
	const struct verdict *why, void (*done)(int result, void *arg), void *arg)
{
	struct holding *holding;
	int r;

	if (!can_change(zone))
		return -EAGAIN;
	if (is_held && !lease_first_at(zone->content.leases, owner)) {
		if (!zone->content.mirror)
			return -EAGAIN;
		if (!zone_is_name_in_use(zone->content.mirror, owner))
			return -ENOENT;
	}
	holding = calloc(1, sizeof(*holding));
	if (!holding)
		return -ENOMEM;
	r = set_held(zone, owner, is_held);
	if (r) {
		free(holding);
		return r;
	}
	holding->zone = zone;
	memcpy(holding->owner, owner, name_len(owner));
	holding->done = done;
	holding->arg = arg;
	holding->op = (struct journal_op){
		.kind = JOURNAL_HOLD,
		.zone = zone->content.id,
		.host = holding->owner,
		.is_held = is_held,
		.done = on_held,
		.arg = holding,
	};
	content_submit(&zone->content, &holding->op);
	leases_note(&zone->leases, is_held ? "held" : "released", owner, NULL, why);
	leases_wake(&zone->leases);
	return 0;
}

int served_resume(struct served_zone *zone, const struct verdict *why)
{
	if (!lease_is_braked(zone->content.leases))
		return -EALREADY;
	leases_note(&zone->leases, "resume", NULL, NULL, why);
	lease_release_brake(zone->content.leases, content_service_ms(&zone->content));
	leases_wake(&zone->leases);
	return 0;
}

/* One deletion (RFC 2136 2.5.4). */
static int make_deletion(const struct content *content, const struct lease_record *record,
	struct update **ret_update)
{
	struct update_builder b;

	update_builder_init(&b, content->name);
	update_builder_add(&b,
		&(struct rr){.owner = record->owner,
			.type = record->type,
			.class = CLASS_NONE,
			.rdata = record->rdata,
			.rdata_len = record->rdata_len});
	return update_builder_finish(&b, ret_update);
}

/* If its host waits for a record, there is none to be deleted. */
static int end_lease(struct edit *edit, const struct lease_record *record)
{
	struct content *content = edit->content;
	struct lease_table *table = content->leases;
	struct verdict v;

	if (record->flags & LEASE_WAITING) {
		if (edit_apply_nothing(edit))
			return -ENOMEM;
		return lease_end(table,
			lease_find(table, record->owner, record->type, record->rdata,
				record->rdata_len),
			edit->step);
	}
	if (make_deletion(content, record, &edit->update))
		return -ENOMEM;
	v = edit_apply(edit, edit->update);
	if (!verdict_is_ok(&v))
		return -EIO;
	return lease_follow(table, content->mirror, edit->step);
}

int served_remove_lease(struct served_zone *zone, const uint8_t *owner, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len, const struct verdict *why)
{
	struct content *content = &zone->content;
	const struct lease *lease =
		lease_find(content->leases, owner, type, rdata, rdata_len);
	struct lease_record record;
	struct edit *edit;
	int r;

	if (!can_change(zone) || !content->mirror)
		return -EAGAIN;
	if (!lease)
		return -ENOENT;
	lease_describe(content->leases, lease, &record);
	edit = edit_begin(content, EDIT_ADMINISTRATOR, NULL, NULL);
	if (!edit)
		return -ENOMEM;
	r = end_lease(edit, &record);
	if (!r)
		r = edit_keep(edit);
	if (r)
		edit_abort(edit);
	else
		(void)edit_commit(edit, why, NULL);
	return r;
}
