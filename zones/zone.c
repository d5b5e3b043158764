/*
 * The mirror: a zone's RRsets in memory (zone.h).
 *
 * Chained linear hashing: the table grows by one bucket per node, so that no insertion
 * ever waits for a million nodes to move.  It never shrinks.
 *
 * A node that has lost its last RRset and child is vacant: callers do not see it, but
 * it stays in the table, with its room for RRsets, until zone_settle.  So what was just
 * removed can be put back without allocating, and undo cannot fail; and an incomplete
 * chain of ancestors needs no cleaning up.
 */
#include "zones/zone.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "zones/holding.h"
#include "zones/scan_order.h"
#include "zones/verbatim.h"

enum {
	BUCKETS_MIN = 16,
	VACANT_MAX = 4096, /* nodes kept for an undo, across several updates */
	SWEEP_MIN = 256,   /* buckets looked at by one zone_settle */
	NODE_SETS_MAX = UINT16_MAX,
};

struct zone_node {
	struct zone_node *next; /* in its bucket */
	union {
		struct rrset *one; /* while room is 0 */
		struct rrset **many;
	} sets;
	uint32_t hash;     /* of name */
	uint32_t children; /* existing nodes one label below */
	uint16_t count;    /* RRsets */
	uint16_t room;     /* pointers in sets.many; 0: sets.one is used */
	uint32_t holder;   /* number of its holder; if vacant, of the last one */
	uint8_t name[];    /* wire, lower case */
};

struct zone {
	struct zone_node **buckets;
	size_t base;  /* buckets before this round of splitting, a power of two */
	size_t split; /* buckets already split in this round: base + split are in use */
	size_t room;  /* pointers allocated */
	size_t nodes; /* in the table, vacant ones included */
	size_t vacant;
	size_t sweep; /* bucket where the next zone_settle goes on */
	size_t names; /* nodes with RRsets */
	size_t records;
	size_t octets;          /* of nodes, vacant ones included, and RRsets */
	struct zone_node *apex; /* never vacant */
	struct name_seed seed;
	bool is_signed; /* by its server */
	bool is_kept;   /* zone_keep */
	struct holders holders;
};

/* ---- the table ---- */

static size_t bucket_of(const struct zone *zone, uint32_t hash)
{
	size_t bucket;

	hash ^= hash >> 16; /* its low bits are the weakest */
	bucket = hash & (zone->base - 1);
	return bucket < zone->split ? hash & (2 * zone->base - 1) : bucket;
}

static struct zone_node *lookup(const struct zone *zone, const uint8_t *name)
{
	uint32_t hash = name_hash_seeded(name, &zone->seed);
	struct zone_node *node = zone->buckets[bucket_of(zone, hash)];

	while (node && (node->hash != hash || !name_is_equal(node->name, name)))
		node = node->next;
	return node;
}

/* Adds one bucket.  Without memory for it, chains only get longer. */
static void grow(struct zone *zone)
{
	size_t used = zone->base + zone->split;
	size_t room = zone->room + zone->room / 4;
	struct zone_node **buckets, *node, *next;

	if (used == zone->room) {
		buckets = realloc(zone->buckets, room * sizeof(*buckets));
		if (!buckets)
			return;
		zone->buckets = buckets;
		zone->room = room;
	}
	node = zone->buckets[zone->split];
	zone->buckets[zone->split] = NULL;
	zone->buckets[used] = NULL;
	zone->split++;
	for (; node; node = next) {
		struct zone_node **bucket = &zone->buckets[bucket_of(zone, node->hash)];

		next = node->next;
		node->next = *bucket;
		*bucket = node;
	}
	if (zone->split == zone->base) {
		zone->base *= 2;
		zone->split = 0;
	}
}

/* ---- nodes ---- */

static bool is_vacant(const struct zone *zone, const struct zone_node *node)
{
	return !node->count && !node->children && node != zone->apex;
}

static size_t node_size(const uint8_t *name)
{
	const size_t size = offsetof(struct zone_node, name) + name_len(name);

	return size < sizeof(struct zone_node) ? sizeof(struct zone_node) : size;
}

static struct zone_node *node_new(struct zone *zone, const uint8_t *name)
{
	struct zone_node *node = malloc(node_size(name)), **bucket;

	if (!node)
		return NULL;
	memset(node, 0, sizeof(*node));
	memcpy(node->name, name, name_len(name));
	node->hash = name_hash_seeded(name, &zone->seed);
	zone->nodes++;
	zone->vacant++;
	zone->octets += node_size(name);
	if (zone->nodes > zone->base + zone->split)
		grow(zone);
	bucket = &zone->buckets[bucket_of(zone, node->hash)];
	node->next = *bucket;
	*bucket = node;
	return node;
}

static void node_free(struct zone_node *node)
{
	for (unsigned i = 0; i < node->count; i++)
		rrset_unref(zone_node_rrset(node, i));
	if (node->room)
		free(node->sets.many);
	free(node);
}

/* Finds the node of owner and all its ancestors up to the apex, or makes them, vacant.
 * NULL: no memory; the vacant nodes made before do no harm. */
static struct zone_node *node_ensure(struct zone *zone, const uint8_t *owner)
{
	struct zone_node *first = NULL;

	for (const uint8_t *name = owner;; name = name_parent(name)) {
		struct zone_node *node = lookup(zone, name);

		if (!node)
			node = node_new(zone, name);
		if (!node)
			return NULL;
		if (!first)
			first = node;
		if (!is_vacant(zone, node))
			return first; /* then its ancestors exist */
	}
}

/* A vacant node begins to exist: its parent counts it, and so on upwards. */
static void node_appear(struct zone *zone, struct zone_node *node)
{
	bool was_vacant = true;

	while (was_vacant) {
		zone->vacant--;
		node = lookup(zone, name_parent(node->name));
		was_vacant = is_vacant(zone, node);
		node->children++;
	}
}

/* A node has become vacant: its parent loses a child, and so on upwards. */
static void node_vanish(struct zone *zone, struct zone_node *node)
{
	while (is_vacant(zone, node)) {
		zone->vacant++;
		node = lookup(zone, name_parent(node->name));
		node->children--;
	}
}

static struct rrset **node_sets(const struct zone_node *node)
{
	return node->room ? node->sets.many : (struct rrset **)&node->sets.one;
}

static int node_index(const struct zone_node *node, uint16_t type)
{
	struct rrset **sets = node_sets(node);

	for (int i = 0; i < node->count; i++) {
		if (sets[i]->type == type)
			return i;
	}
	return -1;
}

static int node_make_room(struct zone_node *node)
{
	size_t room = node->room ? 2u * node->room : 2;
	struct rrset **many;

	if (node->count < (node->room ? node->room : 1))
		return 0;
	if (node->count == NODE_SETS_MAX)
		return -ENOMEM;
	if (room > NODE_SETS_MAX)
		room = NODE_SETS_MAX;
	many = realloc(
		node->room ? node->sets.many : NULL, room * sizeof(struct rrset *));
	if (!many)
		return -ENOMEM;
	if (!node->room)
		many[0] = node->sets.one;
	node->sets.many = many;
	node->room = (uint16_t)room;
	return 0;
}

/* ---- putting ---- */

static int put_new(struct zone *zone, const uint8_t *owner, struct rrset *set)
{
	struct zone_node *node;
	int r;

	if (!name_is_subdomain(owner, zone->apex->name))
		return -EINVAL;
	node = node_ensure(zone, owner);
	if (!node)
		return -ENOMEM;
	r = node_make_room(node);
	if (r < 0)
		return r;
	if (is_vacant(zone, node))
		node_appear(zone, node);
	if (!node->count) {
		zone->names++;
		holders_gain(&zone->holders, node->holder, 1, node_size(node->name));
	}
	holders_gain(&zone->holders, node->holder, 0, rrset_octets(set));
	node_sets(node)[node->count] = rrset_ref(set);
	node->count++;
	zone->records += set->count;
	zone->octets += rrset_octets(set);
	return 0;
}

static void put_replace(
	struct zone *zone, struct zone_node *node, int index, struct rrset *set)
{
	struct rrset **slot = &node_sets(node)[index];
	struct rrset *old = *slot;

	zone->records = zone->records - old->count + set->count;
	zone->octets = zone->octets - rrset_octets(old) + rrset_octets(set);
	holders_lose(&zone->holders, node->holder, 0, rrset_octets(old));
	holders_gain(&zone->holders, node->holder, 0, rrset_octets(set));
	*slot = rrset_ref(set);
	rrset_unref(old);
}

static void put_remove(struct zone *zone, struct zone_node *node, int index)
{
	struct rrset **sets = node_sets(node);
	struct rrset *old = sets[index];

	node->count--;
	sets[index] = sets[node->count];
	zone->records -= old->count;
	zone->octets -= rrset_octets(old);
	holders_lose(&zone->holders, node->holder, 0, rrset_octets(old));
	rrset_unref(old);
	if (node->count)
		return;
	holders_lose(&zone->holders, node->holder, 1, node_size(node->name));
	zone->names--;
	node_vanish(zone, node);
}

int zone_put(struct zone *zone, const uint8_t *owner, uint16_t type, struct rrset *set)
{
	struct zone_node *node = lookup(zone, owner);
	int index = node ? node_index(node, type) : -1;

	if (index < 0)
		return set ? put_new(zone, owner, set) : 0;
	if (set)
		put_replace(zone, node, index, set);
	else
		put_remove(zone, node, index);
	return 0;
}

/* A mark stands for the whole RRset, not for the part that did not fit: otherwise
 * whoever writes the RRset would take the rest for the whole. */
static int load_large_set(struct zone *zone, const struct rr *rr, uint32_t ttl)
{
	struct rrset *set = verbatim_of_large_set(rr->type, ttl);
	int r;

	if (!set)
		return -ENOMEM;
	r = zone_put(zone, rr->owner, rr->type, set);
	rrset_unref(set);
	return r ? r : -ENOSPC;
}

int zone_load_rr(struct zone *zone, const struct rr *rr)
{
	struct rrset *old, *set;
	int r;

	if (!name_is_subdomain(rr->owner, zone->apex->name))
		return 0;
	/* It is not a zone SOA (RFC 2136 3.4.2.2), and no transfer could pass it on,
	 * since a SOA ends a transfer (RFC 5936 2.2). */
	if (rr->type == TYPE_SOA && !name_is_equal(rr->owner, zone->apex->name))
		return 0;
	old = zone_find(zone, rr->owner, rr->type);
	if (old &&
		(rrset_find(old, rr->rdata, rr->rdata_len) >= 0 ||
			verbatim_is_of_large_set(old)))
		return 0;
	if (old &&
		(old->count >= RRSET_COUNT_MAX ||
			old->size + 2u + rr->rdata_len > RRSET_SIZE_MAX))
		return load_large_set(zone, rr, old->ttl);
	set = old ? rrset_with(old, rr->rdata, rr->rdata_len)
		  : rrset_new_spelled(
			    rr->type, rr->ttl, rr->rdata, rr->rdata_len, rr->spelled);
	if (!set)
		return -ENOMEM;
	r = zone_put(zone, rr->owner, rr->type, set);
	rrset_unref(set);
	return r;
}

void zone_settle(struct zone *zone)
{
	size_t used = zone->base + zone->split;
	size_t budget = SWEEP_MIN + zone->vacant / 8;

	if (zone->is_kept || zone->vacant <= VACANT_MAX)
		return;
	for (; budget; budget--) {
		struct zone_node **at, *node;

		zone->sweep = zone->sweep < used ? zone->sweep : 0;
		at = &zone->buckets[zone->sweep++];
		while ((node = *at)) {
			if (!is_vacant(zone, node)) {
				at = &node->next;
				continue;
			}
			*at = node->next;
			zone->octets -= node_size(node->name);
			node_free(node);
			zone->nodes--;
			zone->vacant--;
		}
	}
}

void zone_keep(struct zone *zone, bool is_kept)
{
	zone->is_kept = is_kept;
}

/* ---- life ---- */

struct zone *zone_new(const uint8_t *apex)
{
	static const struct name_seed known = {{0, 0}};

	return zone_new_seeded(apex, &known);
}

struct zone *zone_new_seeded(const uint8_t *apex, const struct name_seed *seed)
{
	struct zone *zone = calloc(1, sizeof(*zone));

	if (!zone)
		return NULL;
	zone->seed = *seed;
	holders_init(&zone->holders);
	zone->base = BUCKETS_MIN;
	zone->room = BUCKETS_MIN;
	zone->buckets = calloc(zone->room, sizeof(struct zone_node *));
	if (zone->buckets)
		zone->apex = node_new(zone, apex);
	if (!zone->apex) {
		zone_free(zone);
		return NULL;
	}
	zone->vacant = 0; /* the apex never is */
	return zone;
}

void zone_free(struct zone *zone)
{
	if (!zone)
		return;
	for (size_t i = 0; zone->buckets && i < zone->base + zone->split; i++) {
		while (zone->buckets[i]) {
			struct zone_node *node = zone->buckets[i];

			zone->buckets[i] = node->next;
			node_free(node);
		}
	}
	free(zone->buckets);
	holders_clear(&zone->holders);
	free(zone);
}

/* ---- looking ---- */

const uint8_t *zone_apex(const struct zone *zone)
{
	return zone->apex->name;
}

const struct name_seed *zone_seed(const struct zone *zone)
{
	return &zone->seed;
}

const struct zone_node *zone_find_node(const struct zone *zone, const uint8_t *owner)
{
	const struct zone_node *node = lookup(zone, owner);

	return node && !is_vacant(zone, node) ? node : NULL;
}

const uint8_t *zone_node_owner(const struct zone_node *node)
{
	return node->name;
}

struct rrset *zone_node_rrset(const struct zone_node *node, unsigned index)
{
	return index < node->count ? node_sets(node)[index] : NULL;
}

struct rrset *zone_node_find(const struct zone_node *node, uint16_t type)
{
	int index = node_index(node, type);

	return index < 0 ? NULL : node_sets(node)[index];
}

bool zone_node_has_children(const struct zone_node *node)
{
	return node->children > 0;
}

struct rrset *zone_find(const struct zone *zone, const uint8_t *owner, uint16_t type)
{
	const struct zone_node *node = lookup(zone, owner);

	return node ? zone_node_find(node, type) : NULL;
}

bool zone_is_name_in_use(const struct zone *zone, const uint8_t *owner)
{
	const struct zone_node *node = lookup(zone, owner);

	return node && node->count;
}

struct rrset *zone_soa(const struct zone *zone)
{
	return zone_node_find(zone->apex, TYPE_SOA);
}

void zone_set_signed(struct zone *zone, bool is_signed)
{
	zone->is_signed = is_signed;
}

bool zone_is_signed(const struct zone *zone)
{
	return zone->is_signed;
}

bool zone_type_is_proof(uint16_t type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3;
}

bool zone_type_is_signers(const struct zone *zone, uint16_t type)
{
	/* where BIND records what remains to be signed */
	enum { TYPE_BIND_SIGNING = 65534 };

	return zone->is_signed &&
		(type == TYPE_DNSKEY || type == TYPE_NSEC3PARAM || type == TYPE_CDS ||
			type == TYPE_CDNSKEY || type == TYPE_BIND_SIGNING);
}

/* ---- who holds names ---- */

static struct zone_holding holding_of_node(const struct zone_node *node)
{
	struct zone_holding holding = {1, node_size(node->name)};

	for (unsigned i = 0; i < node->count; i++)
		holding.octets += rrset_octets(node_sets(node)[i]);
	return holding;
}

int zone_hold(struct zone *zone, const uint8_t *owner, const uint8_t *key)
{
	struct zone_node *node = lookup(zone, owner);
	struct zone_holding holding;
	uint32_t holder;

	if (!node || !node->count)
		return 0;
	if (holders_put(&zone->holders, owner, key, &holder) < 0)
		return -ENOMEM;
	if (holder == node->holder)
		return 0;
	holding = holding_of_node(node);
	holders_lose(&zone->holders, node->holder, holding.names, holding.octets);
	holders_gain(&zone->holders, holder, holding.names, holding.octets);
	node->holder = holder;
	return 0;
}

static const uint8_t *key_of_node(const struct zone *zone, const struct zone_node *node)
{
	return holders_key(&zone->holders, node->name, node->holder);
}

struct zone_holding zone_holding(const struct zone *zone, const uint8_t *key)
{
	struct zone_holding holding = holders_find(&zone->holders, key), own;
	const struct zone_node *node = lookup(zone, key);

	if (!node || !node->count || node->holder != HOLDER_ITSELF)
		return holding;
	own = holding_of_node(node);
	holding.names += own.names;
	holding.octets += own.octets;
	return holding;
}

struct zone_holding zone_holding_at(
	const struct zone *zone, const uint8_t *owner, const uint8_t *key)
{
	const struct zone_node *node = lookup(zone, owner);
	const uint8_t *holder = node && node->count ? key_of_node(zone, node) : NULL;

	if (!node || !node->count || (holder && name_is_equal(holder, key)))
		return (struct zone_holding){0};
	return holding_of_node(node);
}

void zone_hold_as(struct zone *zone, const struct zone *old)
{
	const struct zone_node *node;
	size_t cursor = 0;

	while ((node = zone_next_node(old, &cursor))) {
		const uint8_t *key = key_of_node(old, node);

		if (key && zone_hold(zone, node->name, key) < 0)
			return;
	}
}

/* ---- numbers ---- */

size_t zone_count_names(const struct zone *zone)
{
	return zone->names;
}

size_t zone_count_records(const struct zone *zone)
{
	return zone->records;
}

size_t zone_count_octets(const struct zone *zone)
{
	return zone->octets;
}

/* The cursor is the address of the last node returned; its hash tells where to go on. */
const struct zone_node *zone_next_node(const struct zone *zone, size_t *cursor)
{
	const struct zone_node *node = (const struct zone_node *)(uintptr_t)*cursor;
	size_t bucket = 0;

	if (node) {
		bucket = bucket_of(zone, node->hash) + 1;
		node = node->next;
	}
	for (;;) {
		for (; node; node = node->next) {
			if (!node->count)
				continue;
			*cursor = (size_t)(uintptr_t)node;
			return node;
		}
		if (bucket == zone->base + zone->split)
			return NULL;
		node = zone->buckets[bucket++];
	}
}

uint64_t zone_scan(const struct zone *zone, uint64_t cursor, size_t limit,
	void (*visit)(const struct zone_node *node, void *arg), void *arg)
{
	size_t seen = 0;

	/* Empty buckets count too, since there may be a million of them. */
	for (size_t i = 0; seen + i / 8 < limit && cursor <= UINT32_MAX; i++) {
		const uint32_t bits = scan_bits(cursor);
		size_t mask = zone->base - 1;

		if ((bits & mask) < zone->split)
			mask = 2 * zone->base - 1;
		for (const struct zone_node *node = zone->buckets[bits & mask]; node;
			node = node->next) {
			if (!node->count)
				continue;
			visit(node, arg);
			seen++;
		}
		cursor = scan_next(cursor, (uint32_t)mask);
	}
	return cursor <= UINT32_MAX ? cursor : 0;
}
