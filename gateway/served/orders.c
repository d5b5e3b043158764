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

/* An order that is on its way to the disk. */
struct order {
	struct journal_op op; /* of those about holding */
	struct served_zone *zone;
	uint8_t owner[NAME_MAX_LEN];
	void (*done)(int result, void *arg);
	void *arg;
};

static struct order *order_new(
	struct served_zone *zone, void (*done)(int result, void *arg), void *arg)
{
	struct order *order = calloc(1, sizeof(*order));

	if (!order)
		return NULL;
	order->zone = zone;
	order->done = done;
	order->arg = arg;
	return order;
}

static void finish(struct order *order, int result)
{
	order->done(result, order->arg);
	free(order);
}

/* A host is held from the order on, and until its release is stored, which needs no
 * memory.  So it is released here, or has been by another order. */
static void on_hold_stored(struct journal_op *op, void *arg)
{
	struct order *order = arg;
	struct content *content = &order->zone->content;
	const bool is_stored = !op->result;

	if (op->is_held != is_stored)
		(void)lease_release(
			content->leases, order->owner, content_service_ms(content));
	leases_wake(&order->zone->leases);
	finish(order, op->result);
}

/* 0 or -errno. */
static int set_held(const struct served_zone *zone, const uint8_t *owner, bool is_held)
{
	struct lease_table *table = zone->content.leases;

	if (!is_held)
		return lease_is_held(table, owner) ? 0 : -EALREADY;
	if (!lease_first_at(table, owner)) {
		if (!zone->content.mirror)
			return -EAGAIN;
		if (!zone_is_name_in_use(zone->content.mirror, owner))
			return -ENOENT;
	}
	return lease_hold(table, owner);
}

int served_hold_host(struct served_zone *zone, const uint8_t *owner, bool is_held,
	const struct verdict *why, void (*done)(int result, void *arg), void *arg)
{
	struct order *order;
	int r;

	if (!can_change(zone))
		return -EAGAIN;
	order = order_new(zone, done, arg);
	if (!order)
		return -ENOMEM;
	r = set_held(zone, owner, is_held);
	if (r) {
		free(order);
		return r;
	}
	memcpy(order->owner, owner, name_len(owner));
	order->op = (struct journal_op){
		.kind = JOURNAL_HOLD,
		.zone = zone->content.id,
		.host = order->owner,
		.is_held = is_held,
		.done = on_hold_stored,
		.arg = order,
	};
	content_submit(&zone->content, &order->op);
	leases_note(&zone->leases, is_held ? "held" : "released", owner, NULL, why);
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

static bool on_removal_stored(struct edit *edit)
{
	finish(edit->owner, 0);
	return false;
}

static void on_removal_failed(struct edit *edit)
{
	finish(edit->owner, -EIO);
}

static const struct edit_ops removal_ops = {
	.durable = on_removal_stored,
	.failed = on_removal_failed,
};

/* 0 or -errno. */
static int remove_lease(
	struct order *order, const struct lease *lease, const struct verdict *why)
{
	struct content *content = &order->zone->content;
	struct edit *edit = edit_begin(content, EDIT_ADMINISTRATOR, &removal_ops, order);
	struct lease_record record;
	int r;

	if (!edit)
		return -ENOMEM;
	lease_describe(content->leases, lease, &record);
	r = end_lease(edit, &record);
	if (!r)
		r = edit_keep(edit);
	if (r)
		edit_abort(edit);
	else
		edit_commit(edit, why, NULL);
	return r;
}

int served_remove_lease(struct served_zone *zone, const struct lease_record *record,
	const struct verdict *why, void (*done)(int result, void *arg), void *arg)
{
	const struct lease *lease = lease_find(zone->content.leases, record->owner,
		record->type, record->rdata, record->rdata_len);
	struct order *order;
	int r;

	if (!can_change(zone) || !zone->content.mirror)
		return -EAGAIN;
	if (!lease)
		return -ENOENT;
	order = order_new(zone, done, arg);
	if (!order)
		return -ENOMEM;
	r = remove_lease(order, lease, why);
	if (r)
		free(order);
	return r;
}
