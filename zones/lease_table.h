/*
 * The inside of a lease table, for zones/lease*.c only; lease.h says what it is for.
 *
 * A lease is one block of memory: its numbers, then the sender's address, the owner and
 * the RDATA.  Leases of one owner form a ring.  One of them, the head, is found in the
 * hash table by its owner, the others by their records.  So one table serves both hosts
 * and records, and a thousand records of one owner are found as fast as one.  The stale
 * leases of a ring come first: a host is stale if its head is.
 *
 * A lease that can expire stands in one of two heaps: `active` by when it goes stale,
 * `stale` by its deadline.  A refresh only moves the deadline; the place in the heap is
 * corrected when the lease comes to the top.  So keys of `active` may be too early, but
 * never too late.
 *
 * Memory is allocated before anything changes (lease_plan.c), so that a change is never
 * carried out in part.
 */
#ifndef MUSTER_LEASE_TABLE_H
#define MUSTER_LEASE_TABLE_H

#include "zones/lease.h"

enum {
	LEASE_NOWHERE = UINT32_MAX, /* not in a heap */
	/* Heaps count in this unit, rounded up: an expiry is late by at most this much,
	 * and 32 bits last for 34 years of service.  Later deadlines never come. */
	LEASE_TICK_MS = 250,
	LEASE_WINDOW_SLOTS = 20, /* the brake's window is counted in parts */
};

/* Further bits of struct lease.flags; the low ones are of enum lease_flags. */
enum lease_private_flags {
	LEASE_PUBLIC = LEASE_DERIVED | LEASE_ALONE | LEASE_WAITING,
	LEASE_IS_HEAD = 1 << 4,
	LEASE_IS_STALE = 1 << 5,
	LEASE_IS_HELD = 1 << 6,
	LEASE_IS_FORCED = 1 << 7,   /* made due by an administrator; in the stale heap */
	LEASE_IS_RELEASED = 1 << 8, /* stale, but ignored by the brake: it was released,
		                    * or the lease is derived */
	LEASE_IS_PLANNED = 1 << 9,  /* in the plan that is being made */
	/* family of the source; if neither is set, it is not known */
	LEASE_IS_IPV4 = 1 << 10,
	LEASE_IS_IPV6 = 1 << 11,
	LEASE_IS_WIDE = 1 << 12, /* room for 16 octets of source, not 4 */
};

struct lease {
	struct lease *next;           /* in its bucket */
	struct lease *after, *before; /* in its ring */
	int64_t deadline_ms;
	uint32_t duration_s;
	uint32_t seen_s;  /* since 1970, until 2106 */
	uint32_t key;     /* number in keys; 0: the owner's name */
	uint32_t heap_at; /* index in its heap, or LEASE_NOWHERE */
	uint16_t type;
	uint16_t rdata_len;
	uint16_t flags;   /* public and private */
	uint8_t octets[]; /* source, owner, RDATA */
};

/* ---- names (lease_names.c) ---- */

/* Either names numbered from 1, which stay until the whole set is freed: keys, which
 * people configure, and which are few.  Or names without numbers, which can be removed:
 * hosts that are held. */
struct lease_name {
	struct lease_name *next; /* in its bucket */
	uint32_t number;
	uint8_t name[];
};

struct lease_names {
	struct lease_name **buckets;
	size_t bucket_count; /* power of two, or 0 */
	size_t count;
	struct lease_name **by_number; /* of keys; from 0 */
	size_t by_number_room;
};

void lease_names_clear(struct lease_names *names);
struct lease_name *lease_names_find(const struct lease_names *names,
	const struct name_seed *seed, const uint8_t *name);
/* 0, -EEXIST or -ENOMEM. */
int lease_names_add(struct lease_names *names, const struct name_seed *seed,
	const uint8_t *name) __attribute__((warn_unused_result));
bool lease_names_remove(
	struct lease_names *names, const struct name_seed *seed, const uint8_t *name);
/* Finds or adds it.  0 or -ENOMEM. */
int lease_names_intern(struct lease_names *names, const struct name_seed *seed,
	const uint8_t *name, uint32_t *ret_number) __attribute__((warn_unused_result));

/* ---- deadlines (lease_heap.c) ---- */

/* Leases by tick; each lease knows its place. */
struct lease_heap {
	uint32_t *ticks;
	struct lease **leases;
	uint32_t count, room;
};

/* 0 or -ENOMEM. */
int lease_heap_reserve(struct lease_heap *heap, size_t count)
	__attribute__((warn_unused_result));
void lease_heap_clear(struct lease_heap *heap);
void lease_heap_insert(struct lease_heap *heap, struct lease *lease, uint32_t tick);
void lease_heap_remove(struct lease_heap *heap, struct lease *lease);
void lease_heap_move(struct lease_heap *heap, struct lease *lease, uint32_t tick);
/* Up to max leases whose ticks are not after this one, the earliest first, the others
 * in no particular order.  Returns how many. */
size_t lease_heap_collect(
	const struct lease_heap *heap, uint32_t tick, struct lease **ret, size_t max);
uint32_t lease_tick_of(int64_t ms); /* rounded up */
int64_t lease_tick_to_ms(uint32_t tick);

/* ---- the table (lease_table.c) ---- */

struct lease_table {
	struct name_seed seed;
	struct lease **buckets; /* linear hashing, as in zone.c */
	size_t base, split, room;
	size_t count;
	struct lease_heap active, stale;
	size_t forced;
	size_t released; /* in the stale heap, with LEASE_IS_RELEASED */
	/* leases that went stale until then are released too */
	int64_t released_until_ms;
	bool is_braked;
	uint32_t expired[LEASE_WINDOW_SLOTS];
	int64_t window_slot; /* slot number of the last moment looked at */
	struct lease_names keys, holds;
	lease_event_function *on_event;
	void *event_arg;
	uint8_t apex[NAME_MAX_LEN];
};

const uint8_t *lease_owner(const struct lease *lease);
const uint8_t *lease_rdata(const struct lease *lease);
const uint8_t *lease_key(const struct lease_table *table, const struct lease *lease);

/* Makes room for this many more leases, so that inserting cannot fail.  0 or -ENOMEM. */
int lease_table_reserve(struct lease_table *table, size_t count)
	__attribute__((warn_unused_result));

/* A lease that is in no table yet; key comes from lease_table_intern.  NULL: no
 * memory. */
struct lease *lease_new(const struct lease_record *record, uint32_t key);
/* The key is 0 for a lease whose key is named like its owner.  0 or -ENOMEM. */
int lease_table_intern(struct lease_table *table, const uint8_t *owner,
	const uint8_t *key, uint32_t *ret_key) __attribute__((warn_unused_result));
/* Does this source fit into it? */
bool lease_has_room(const struct lease *lease, const struct ip_address *source);

/* Takes over the lease; there must be room, and no lease of this record. */
void lease_table_insert(struct lease_table *table, struct lease *lease);
/* Hands it back to the caller. */
void lease_table_remove(struct lease_table *table, struct lease *lease);
/* fresh, of the same record, takes the place of lease, which is freed. */
void lease_table_replace(
	struct lease_table *table, struct lease *lease, struct lease *fresh);
/* Sets everything except the record itself.  A lease whose deadline changes is then
 * active (or held). */
void lease_table_set(struct lease_table *table, struct lease *lease,
	const struct lease_record *to, uint32_t key);

/* ---- states (lease_state.c) ---- */

/* Moves it to the front of its ring, or to the end. */
void lease_table_to_front(struct lease_table *table, struct lease *lease);
void lease_table_to_end(struct lease_table *table, struct lease *lease);

/* Takes it out of the heaps. */
void lease_state_leave(struct lease_table *table, struct lease *lease);
/* Makes it not stale, and puts it where its deadline belongs. */
void lease_state_settle(struct lease_table *table, struct lease *lease);
/* An active lease has missed its heartbeat. */
void lease_state_go_stale(struct lease_table *table, struct lease *lease);
/* When it goes stale. */
int64_t lease_stale_at(const struct lease *lease);
void lease_state_tell(const struct lease_table *table, enum lease_event_kind kind,
	const struct lease *lease);

/* ---- plans (lease_plan.c) ---- */

enum { LEASE_PLAN_FEW = 4 }; /* steps kept in place */

/* A planned change of one lease. */
struct lease_step {
	struct lease *lease; /* NULL: it begins */
	/* memory for it, if it begins or needs more; otherwise NULL */
	struct lease *fresh;
	uint32_t key;    /* of change.after */
	bool is_durable; /* a change in the sense of lease.h */
	struct lease_change change;
};

struct lease_plan {
	struct lease_table *table;
	size_t count, room, begin_count, durable_count;
	struct lease_step *steps;
	struct lease_step few[LEASE_PLAN_FEW];
};

void lease_plan_init(struct lease_plan *plan, struct lease_table *table);
/* Drops the plan without carrying it out. */
void lease_plan_clear(struct lease_plan *plan);
/* The record is to have this lease.  lease: the present one, NULL: none.  A lease that
 * is already planned for is left alone.  0 or -ENOMEM. */
int lease_plan_put(struct lease_plan *plan, struct lease *lease,
	const struct lease_record *to, bool is_durable)
	__attribute__((warn_unused_result));
int lease_plan_end(struct lease_plan *plan, struct lease *lease)
	__attribute__((warn_unused_result));
/* Ends leases of records that an RRset had before and lacks after, except those that
 * wait for one.  It searches once per record that the RRset had, however many leases
 * others have at its owner.  0 or -ENOMEM. */
int lease_plan_end_gone(struct lease_plan *plan, const uint8_t *owner,
	const struct rrset *before, struct rrset_finder *after)
	__attribute__((warn_unused_result));
/* Carries out all of it, and adds the durable changes to *changes, made if NULL; or
 * nothing, and -ENOMEM.  Clears the plan either way. */
int lease_plan_carry_out(struct lease_plan *plan, struct lease_changes **changes)
	__attribute__((warn_unused_result));
/* An empty one; NULL: no memory. */
struct lease_changes *lease_changes_new(void);
/* Copies what both sides point into, so that the change owns it.  0 or -ENOMEM. */
int lease_change_own(struct lease_change *change) __attribute__((warn_unused_result));

#endif
