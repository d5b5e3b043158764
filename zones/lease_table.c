/*
 * The table of a zone's leases (lease.h, lease_table.h): finding, inserting and
 * removing.
 *
 * Chained linear hashing as in zone.c: the table grows by one bucket per lease, so that
 * no insertion has to wait until a million others have been moved.  It never shrinks.
 * A lease does not store its hash, which is computed again when it moves.
 *
 * Limit: 2^32 leases.
 */
#include "zones/lease_table.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "zones/rdata.h"
#include "zones/scan_order.h"

enum {
	BUCKETS_MIN = 16,
	SOURCE_LEN = 4,
	SOURCE_WIDE_LEN = 16,
};

/* ---- one lease ---- */

static size_t source_room(unsigned flags)
{
	return flags & LEASE_IS_WIDE ? SOURCE_WIDE_LEN : SOURCE_LEN;
}

const uint8_t *lease_owner(const struct lease *lease)
{
	return lease->octets + source_room(lease->flags);
}

const uint8_t *lease_rdata(const struct lease *lease)
{
	const uint8_t *owner = lease_owner(lease);

	return owner + name_len(owner);
}

const uint8_t *lease_key(const struct lease_table *table, const struct lease *lease)
{
	return lease->key ? table->keys.by_number[lease->key - 1]->name
			  : lease_owner(lease);
}

static void set_source(struct lease *lease, const struct ip_address *source)
{
	lease->flags &= (uint16_t) ~(LEASE_IS_IPV4 | LEASE_IS_IPV6);
	if (!source->family || !lease_has_room(lease, source))
		return;
	lease->flags |= source->family == 6 ? LEASE_IS_IPV6 : LEASE_IS_IPV4;
	memcpy(lease->octets, source->octets, source->family == 6 ? 16 : 4);
}

static struct ip_address get_source(const struct lease *lease)
{
	struct ip_address source = {0};

	if (lease->flags & LEASE_IS_IPV4)
		source.family = 4;
	else if (lease->flags & LEASE_IS_IPV6)
		source.family = 6;
	if (source.family)
		memcpy(source.octets, lease->octets, source.family == 6 ? 16 : 4);
	return source;
}

bool lease_has_room(const struct lease *lease, const struct ip_address *source)
{
	return source->family != 6 || lease->flags & LEASE_IS_WIDE;
}

static uint32_t seconds(int64_t s)
{
	if (s <= 0)
		return 0;
	return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

/* Sets everything that can change except the deadline, which determines the place in
 * the heaps. */
static void set_fields(struct lease *lease, const struct lease_record *to, uint32_t key)
{
	lease->duration_s = to->duration_s;
	lease->seen_s = seconds(to->seen_s);
	lease->key = key;
	lease->flags &= (uint16_t)~LEASE_PUBLIC;
	lease->flags |= to->flags & LEASE_PUBLIC;
	set_source(lease, &to->source);
}

struct lease *lease_new(const struct lease_record *record, uint32_t key)
{
	unsigned flags = record->source.family == 6 ? LEASE_IS_WIDE : 0;
	size_t source_len = source_room(flags), owner_len = name_len(record->owner);
	size_t size = offsetof(struct lease, octets) + source_len + owner_len +
		record->rdata_len;
	struct lease *lease = malloc(size < sizeof(*lease) ? sizeof(*lease) : size);

	if (!lease)
		return NULL;
	*lease = (struct lease){
		.deadline_ms = record->deadline_ms,
		.heap_at = LEASE_NOWHERE,
		.type = record->type,
		.rdata_len = record->rdata_len,
		.flags = (uint16_t)flags,
	};
	set_fields(lease, record, key);
	memcpy(lease->octets + source_len, record->owner, owner_len);
	if (record->rdata_len)
		memcpy(lease->octets + source_len + owner_len, record->rdata,
			record->rdata_len);
	return lease;
}

void lease_describe(const struct lease_table *table, const struct lease *lease,
	struct lease_record *ret)
{
	*ret = (struct lease_record){
		.owner = lease_owner(lease),
		.type = lease->type,
		.rdata_len = lease->rdata_len,
		.rdata = lease_rdata(lease),
		.key = lease_key(table, lease),
		.source = get_source(lease),
		.duration_s = lease->duration_s,
		.deadline_ms = lease->deadline_ms,
		.seen_s = lease->seen_s,
		.flags = lease->flags & LEASE_PUBLIC,
	};
}

/* ---- hashing ---- */

static uint32_t hash_owner(const struct lease_table *table, const uint8_t *owner)
{
	return name_hash_seeded(owner, &table->seed);
}

static uint32_t hash_record(const struct lease_table *table, const uint8_t *owner,
	uint16_t type, const uint8_t *rdata, uint16_t len)
{
	const struct name_seed seed = {
		{table->seed.key[0] + 1 + type, table->seed.key[1]}};

	return hash_owner(table, owner) + rdata_hash(type, rdata, len, &seed);
}

static uint32_t hash_of(const struct lease_table *table, const struct lease *lease)
{
	if (lease->flags & LEASE_IS_HEAD)
		return hash_owner(table, lease_owner(lease));
	return hash_record(table, lease_owner(lease), lease->type, lease_rdata(lease),
		lease->rdata_len);
}

static size_t bucket_mask(const struct lease_table *table, uint32_t hash)
{
	size_t mask = table->base - 1;

	return (hash & mask) < table->split ? 2 * table->base - 1 : mask;
}

static struct lease **bucket_of(const struct lease_table *table, uint32_t hash)
{
	return &table->buckets[hash & bucket_mask(table, hash)];
}

/* Adds one bucket.  Without memory for it, chains only get longer. */
static void grow(struct lease_table *table)
{
	size_t used = table->base + table->split;
	size_t room = table->room + table->room / 4;
	struct lease **buckets, *lease, *next;

	if (table->count <= used)
		return;
	if (used == table->room) {
		buckets = realloc(table->buckets, room * sizeof(struct lease *));
		if (!buckets)
			return;
		table->buckets = buckets;
		table->room = room;
	}
	lease = table->buckets[table->split];
	table->buckets[table->split] = NULL;
	table->buckets[used] = NULL;
	table->split++;
	for (; lease; lease = next) {
		struct lease **bucket = bucket_of(table, hash_of(table, lease));

		next = lease->next;
		lease->next = *bucket;
		*bucket = lease;
	}
	if (table->split == table->base) {
		table->base *= 2;
		table->split = 0;
	}
}

/* Chains it under what it stands for, a host or a record: LEASE_IS_HEAD. */
static void chain(struct lease_table *table, struct lease *lease)
{
	struct lease **bucket = bucket_of(table, hash_of(table, lease));

	lease->next = *bucket;
	*bucket = lease;
}

/* The pointer to it in its bucket. */
static struct lease **chain_slot(struct lease_table *table, const struct lease *lease)
{
	struct lease **at = bucket_of(table, hash_of(table, lease));

	while (*at != lease)
		at = &(*at)->next;
	return at;
}

static void unchain(struct lease_table *table, struct lease *lease)
{
	*chain_slot(table, lease) = lease->next;
}

/* ---- finding ---- */

struct lease *lease_first_at(const struct lease_table *table, const uint8_t *owner)
{
	struct lease *lease;

	if (!table->count)
		return NULL;
	lease = *bucket_of(table, hash_owner(table, owner));
	while (lease &&
		(!(lease->flags & LEASE_IS_HEAD) ||
			!name_is_equal(lease_owner(lease), owner)))
		lease = lease->next;
	return lease;
}

struct lease *lease_next_at(const struct lease_table *table, const struct lease *lease)
{
	(void)table;
	return lease->after->flags & LEASE_IS_HEAD ? NULL : lease->after;
}

static bool is_record(const struct lease *lease, uint16_t type, const uint8_t *rdata,
	uint16_t rdata_len)
{
	return lease->type == type &&
		rdata_is_equal(
			type, lease_rdata(lease), lease->rdata_len, rdata, rdata_len);
}

struct lease *lease_find(const struct lease_table *table, const uint8_t *owner,
	uint16_t type, const uint8_t *rdata, uint16_t rdata_len)
{
	struct lease *lease = lease_first_at(table, owner);

	if (!lease || is_record(lease, type, rdata, rdata_len))
		return lease;
	if (lease->after == lease)
		return NULL;
	lease = *bucket_of(table, hash_record(table, owner, type, rdata, rdata_len));
	while (lease &&
		(lease->flags & LEASE_IS_HEAD ||
			!is_record(lease, type, rdata, rdata_len) ||
			!name_is_equal(lease_owner(lease), owner)))
		lease = lease->next;
	return lease;
}

/* In scan_order.h's order.  Hosts are found by the hash of their owner, whichever
 * lease is their head. */
uint64_t lease_table_scan(const struct lease_table *table, uint64_t cursor, size_t limit,
	void (*visit)(const struct lease *lease, void *arg), void *arg)
{
	size_t seen = 0;

	/* Empty buckets count too, since there may be a million of them. */
	for (size_t i = 0; seen + i / 8 < limit && cursor <= UINT32_MAX; i++) {
		uint32_t hash = scan_bits(cursor);
		size_t mask = bucket_mask(table, hash);

		for (const struct lease *head = table->buckets[hash & mask]; head;
			head = head->next) {
			if (!(head->flags & LEASE_IS_HEAD))
				continue;
			for (const struct lease *l = head; l;
				l = lease_next_at(table, l)) {
				visit(l, arg);
				seen++;
			}
		}
		cursor = scan_next(cursor, (uint32_t)mask);
	}
	return cursor <= UINT32_MAX ? cursor : 0;
}

/* ---- rings ---- */

static void ring_join(struct lease *lease, struct lease *before_this)
{
	lease->after = before_this;
	lease->before = before_this->before;
	lease->before->after = lease;
	before_this->before = lease;
}

static void ring_leave(struct lease *lease)
{
	lease->before->after = lease->after;
	lease->after->before = lease->before;
}

/* Makes another lease of the ring its head. */
static void set_head(struct lease_table *table, struct lease *old, struct lease *new)
{
	unchain(table, old);
	unchain(table, new);
	old->flags &= (uint16_t)~LEASE_IS_HEAD;
	new->flags |= LEASE_IS_HEAD;
	chain(table, old);
	chain(table, new);
}

void lease_table_to_front(struct lease_table *table, struct lease *lease)
{
	struct lease *head;

	if (lease->flags & LEASE_IS_HEAD)
		return;
	head = lease_first_at(table, lease_owner(lease));
	ring_leave(lease);
	ring_join(lease, head);
	set_head(table, head, lease);
}

void lease_table_to_end(struct lease_table *table, struct lease *lease)
{
	if (lease->after == lease)
		return;
	if (lease->flags & LEASE_IS_HEAD) {
		/* The last one stands before the new head. */
		set_head(table, lease, lease->after);
		return;
	}
	ring_leave(lease);
	ring_join(lease, lease_first_at(table, lease_owner(lease)));
}

/* ---- in and out ---- */

int lease_table_reserve(struct lease_table *table, size_t count)
{
	size_t wanted = table->count + count;

	if (lease_heap_reserve(&table->active, wanted) < 0 ||
		lease_heap_reserve(&table->stale, wanted) < 0)
		return -ENOMEM;
	return 0;
}

int lease_table_intern(struct lease_table *table, const uint8_t *owner,
	const uint8_t *key, uint32_t *ret_key)
{
	*ret_key = 0;
	if (name_is_equal(owner, key))
		return 0;
	return lease_names_intern(&table->keys, &table->seed, key, ret_key);
}

void lease_table_insert(struct lease_table *table, struct lease *lease)
{
	const uint8_t *owner = lease_owner(lease);
	struct lease *head = lease_first_at(table, owner);

	lease->flags &= LEASE_PUBLIC | LEASE_IS_IPV4 | LEASE_IS_IPV6 | LEASE_IS_WIDE;
	if (table->holds.count && lease_names_find(&table->holds, &table->seed, owner))
		lease->flags |= LEASE_IS_HELD;
	if (head) {
		ring_join(lease, head);
	} else {
		lease->after = lease;
		lease->before = lease;
		lease->flags |= LEASE_IS_HEAD;
	}
	table->count++;
	grow(table);
	chain(table, lease);
	lease_state_settle(table, lease);
}

void lease_table_remove(struct lease_table *table, struct lease *lease)
{
	lease_state_leave(table, lease);
	if (lease->flags & LEASE_IS_HEAD && lease->after != lease)
		set_head(table, lease, lease->after);
	unchain(table, lease);
	ring_leave(lease);
	table->count--;
}

void lease_table_replace(
	struct lease_table *table, struct lease *lease, struct lease *fresh)
{
	struct lease_heap *heap = lease->flags & (LEASE_IS_STALE | LEASE_IS_FORCED)
		? &table->stale
		: &table->active;
	uint16_t wide = fresh->flags & LEASE_IS_WIDE;

	*chain_slot(table, lease) = fresh;
	memcpy(fresh, lease, offsetof(struct lease, octets));
	fresh->flags = (uint16_t)(lease->flags & ~LEASE_IS_WIDE) | wide;
	if (lease->after == lease) {
		fresh->before = fresh;
		fresh->after = fresh;
	}
	fresh->before->after = fresh;
	fresh->after->before = fresh;
	if (fresh->heap_at != LEASE_NOWHERE)
		heap->leases[fresh->heap_at] = fresh;
	free(lease);
}

void lease_table_set(struct lease_table *table, struct lease *lease,
	const struct lease_record *to, uint32_t key)
{
	bool is_other_time = to->deadline_ms != lease->deadline_ms ||
		to->duration_s != lease->duration_s;

	set_fields(lease, to, key);
	lease->deadline_ms = to->deadline_ms;
	if (is_other_time)
		lease_state_settle(table, lease);
}

int lease_table_load(struct lease_table *table, const struct lease_record *record)
{
	struct lease *lease;
	uint32_t key;

	if (lease_table_intern(table, record->owner, record->key, &key) < 0 ||
		lease_table_reserve(table, 1) < 0)
		return -ENOMEM;
	lease = lease_new(record, key);
	if (!lease)
		return -ENOMEM;
	lease_table_insert(table, lease);
	return 0;
}

/* ---- life ---- */

struct lease_table *lease_table_new(const uint8_t *apex, const struct name_seed *seed)
{
	struct lease_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	if (seed)
		table->seed = *seed;
	memcpy(table->apex, apex, name_len(apex));
	table->base = BUCKETS_MIN;
	table->room = BUCKETS_MIN;
	table->released_until_ms = INT64_MIN;
	table->buckets = calloc(table->room, sizeof(struct lease *));
	if (!table->buckets) {
		free(table);
		return NULL;
	}
	return table;
}

void lease_table_free(struct lease_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->base + table->split; i++) {
		while (table->buckets[i]) {
			struct lease *lease = table->buckets[i];

			table->buckets[i] = lease->next;
			free(lease);
		}
	}
	free(table->buckets);
	lease_heap_clear(&table->active);
	lease_heap_clear(&table->stale);
	lease_names_clear(&table->keys);
	lease_names_clear(&table->holds);
	free(table);
}

size_t lease_table_count(const struct lease_table *table)
{
	return table->count;
}

void lease_table_on_event(
	struct lease_table *table, lease_event_function *function, void *arg)
{
	table->on_event = function;
	table->event_arg = arg;
}
