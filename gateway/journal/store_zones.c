/*
 * The store's zones: their numbers, and the records of those with a local target.
 */
#include "gateway/journal/store_private.h"

#include <errno.h>
#include <string.h>

int store_find_zone(struct store *store, const uint8_t *name, int64_t *ret_id)
{
	struct store_call call = store_call(store, SQL_FIND_ZONE);
	uint64_t id;
	int r;

	store_bind_name(&call, 1, name);
	r = store_run_for_number(&call, &id);
	if (!r)
		*ret_id = (int64_t)id;
	return r;
}

int store_zone_id(struct store *store, const uint8_t *name, int64_t *ret_id)
{
	struct store_call call;
	int64_t id;
	int r = store_find_zone(store, name, &id);

	if (!r && !id) {
		call = store_call(store, SQL_ADD_ZONE);
		store_bind_name(&call, 1, name);
		r = store_run(&call);
		id = sqlite3_last_insert_rowid(store->db);
	}
	if (!r)
		*ret_id = id;
	return r;
}

int store_each_zone(struct store *store,
	int (*visit)(int64_t id, const uint8_t *name, void *arg), void *arg)
{
	struct store_call call = store_call(store, SQL_EACH_ZONE);
	int r = 0;

	while (!r && store_step(&call)) {
		const uint8_t *name = store_column_name(&call, 1);

		if (name)
			r = visit((int64_t)store_column_number(&call, 0), name, arg);
	}
	return store_end(&call, r);
}

int store_put_rrset(struct store *store, int64_t zone, const uint8_t *owner,
	uint16_t type, const struct rrset *set)
{
	struct store_call call =
		store_call(store, set ? SQL_PUT_RRSET : SQL_DELETE_RRSET);

	store_bind_number(&call, 1, zone);
	store_bind_name(&call, 2, owner);
	store_bind_number(&call, 3, type);
	if (set) {
		store_bind_number(&call, 4, set->ttl);
		store_bind_number(&call, 5, set->count);
		/* The owner as it was written is stored with it. */
		store_bind_octets(&call, 6, set->data, set->size + set->spelled_len);
	}
	return store_run(&call);
}

/* What follows the records, if anything. */
static bool find_spelled(
	const uint8_t *data, size_t size, uint64_t count, uint8_t ret[NAME_MAX_LEN])
{
	struct wire_reader r;

	wire_reader_init(&r, data, 0, size);
	for (uint64_t i = 0; i < count; i++)
		wire_read_octets(&r, wire_read_u16(&r));
	return !r.failed && r.at < size &&
		name_read_uncompressed(ret, data, size, &r.at) > 0 && r.at == size;
}

/* Puts each record of a stored RRset into the mirror. */
static int load_rrset(struct store_call *call, struct zone *mirror)
{
	struct rr rr = {
		.type = (uint16_t)store_column_number(call, 1),
		.class = CLASS_IN,
		.ttl = (uint32_t)store_column_number(call, 2),
	};
	size_t size;
	const uint8_t *name = store_column_name(call, 0);
	const uint8_t *data = store_column_octets(call, 4, &size);
	const uint64_t count = store_column_number(call, 3);
	uint8_t owner[NAME_MAX_LEN], spelled[NAME_MAX_LEN];
	struct wire_reader r;

	if (!name || !data)
		return 0; /* store_end tells */
	memcpy(owner, name, name_len(name));
	rr.owner = owner;
	if (find_spelled(data, size, count, spelled) &&
		name_is_equal_nocase(spelled, owner))
		rr.spelled = spelled;
	wire_reader_init(&r, data, 0, size);
	for (uint64_t i = 0; i < count; i++) {
		int rc;

		rr.rdata_len = wire_read_u16(&r);
		rr.rdata = wire_read_octets(&r, rr.rdata_len);
		if (r.failed)
			return -EIO;
		rc = zone_load_rr(mirror, &rr);
		if (rc)
			return rc;
	}
	return 0;
}

int store_read_records(struct store *store, int64_t zone, struct zone *mirror)
{
	struct store_call call = store_call(store, SQL_READ_RECORDS);
	int r = 0;

	store_bind_number(&call, 1, zone);
	while (!r && store_step(&call))
		r = load_rrset(&call, mirror);
	return store_end(&call, r);
}
