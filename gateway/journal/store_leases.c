/*
 * The store's leases and held hosts.
 */
#include "gateway/journal/store_private.h"

#include <errno.h>
#include <string.h>

static size_t address_len(const struct ip_address *address)
{
	if (address->family == 0)
		return 0;
	return address->family == 4 ? 4 : 16;
}

static void bind_record(
	struct store_call *call, int64_t zone, const struct lease_record *lease)
{
	store_bind_number(call, 1, zone);
	store_bind_name(call, 2, lease->owner);
	store_bind_number(call, 3, lease->type);
	/* Empty RDATA is an octet string too, not NULL. */
	store_bind_octets(call, 4, lease->rdata_len ? lease->rdata : (const uint8_t *)"",
		lease->rdata_len);
}

int store_put_lease(struct store *store, int64_t zone, const struct lease_record *lease)
{
	struct store_call call = store_call(store, SQL_PUT_LEASE);
	const size_t source_len = address_len(&lease->source);

	bind_record(&call, zone, lease);
	store_bind_name(&call, 5, lease->key);
	store_bind_octets(&call, 6, source_len ? lease->source.octets : NULL, source_len);
	store_bind_number(&call, 7, lease->duration_s);
	store_bind_number(&call, 8, lease->deadline_ms);
	store_bind_number(&call, 9, lease->seen_s);
	store_bind_number(&call, 10, lease->flags);
	return store_run(&call);
}

int store_remove_lease(
	struct store *store, int64_t zone, const struct lease_record *lease)
{
	struct store_call call = store_call(store, SQL_REMOVE_LEASE);

	bind_record(&call, zone, lease);
	return store_run(&call);
}

int store_note_seen(struct store *store, int64_t zone, const uint8_t *owner,
	const struct lease_record *last)
{
	struct store_call call = store_call(store, SQL_NOTE_SEEN);
	const size_t source_len = address_len(&last->source);

	store_bind_number(&call, 1, zone);
	store_bind_name(&call, 2, owner);
	store_bind_name(&call, 3, last->key);
	store_bind_octets(&call, 4, source_len ? last->source.octets : NULL, source_len);
	store_bind_number(&call, 5, last->seen_s);
	return store_run(&call);
}

static struct ip_address column_address(struct store_call *call, int column)
{
	struct ip_address ret = {0};
	size_t len;
	const uint8_t *octets = store_column_octets(call, column, &len);

	if (len != 4 && len != 16)
		return ret;
	ret.family = len == 4 ? 4 : 6;
	memcpy(ret.octets, octets, len);
	return ret;
}

/* False: the row is not a valid lease, and call has the error. */
static bool column_lease(struct store_call *call, struct lease_record *ret)
{
	size_t rdata_len;

	*ret = (struct lease_record){
		.owner = store_column_name(call, 0),
		.type = (uint16_t)store_column_number(call, 1),
		.rdata = store_column_octets(call, 2, &rdata_len),
		.key = store_column_name(call, 3),
		.source = column_address(call, 4),
		.duration_s = (uint32_t)store_column_number(call, 5),
		.deadline_ms = (int64_t)store_column_number(call, 6),
		.seen_s = (int64_t)store_column_number(call, 7),
		.flags = (unsigned)store_column_number(call, 8),
	};
	ret->rdata_len = (uint16_t)rdata_len;
	if (!ret->owner || !ret->key || rdata_len > UINT16_MAX) {
		call->rc = call->rc == SQLITE_ROW ? SQLITE_CORRUPT : call->rc;
		return false;
	}
	return call->rc == SQLITE_ROW;
}

int store_each_lease(struct store *store, int64_t zone,
	int (*visit)(const struct lease_record *lease, void *arg), void *arg)
{
	struct store_call call = store_call(store, SQL_EACH_LEASE);
	struct lease_record lease;
	int r = 0;

	store_bind_number(&call, 1, zone);
	while (!r && store_step(&call)) {
		if (column_lease(&call, &lease))
			r = visit(&lease, arg);
	}
	return store_end(&call, r);
}

/* ---- holds ---- */

int store_put_hold(struct store *store, int64_t zone, const uint8_t *owner, bool is_held)
{
	struct store_call call =
		store_call(store, is_held ? SQL_PUT_HOLD : SQL_REMOVE_HOLD);

	store_bind_number(&call, 1, zone);
	store_bind_name(&call, 2, owner);
	return store_run(&call);
}

int store_each_hold(struct store *store, int64_t zone,
	int (*visit)(const uint8_t *owner, void *arg), void *arg)
{
	struct store_call call = store_call(store, SQL_EACH_HOLD);
	int r = 0;

	store_bind_number(&call, 1, zone);
	while (!r && store_step(&call)) {
		const uint8_t *owner = store_column_name(&call, 0);

		if (owner)
			r = visit(owner, arg);
	}
	return store_end(&call, r);
}
