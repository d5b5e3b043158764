/*
 * RRsets while they are being worked on.
 *
 * A struct rrset is immutable, so changing one record of it copies all of it.  To add,
 * remove or look up many records of an RRset, use a draft: an array of views of RDATA
 * with a hash index once it is long, so that the cost of a message of n records grows
 * with n, not with n times the size of the RRset.
 *
 * A draft owns no RDATA: its records point into the message or the RRset they came
 * from, which must outlive it.  Internal to zones/.
 */
#ifndef MUSTER_DRAFT_H
#define MUSTER_DRAFT_H

#include "zones/zone.h"

enum {
	DRAFT_FEW = 6,       /* records kept in place and searched one by one */
	DRAFT_NODE_FEW = 3,  /* types kept in place */
	DRAFT_GROUP_FEW = 8, /* records grouped without memory of their own */
};

struct draft_record {
	const uint8_t *rdata;
	uint16_t len;
	bool is_gone;
};

struct draft {
	uint16_t type;
	bool is_touched; /* may differ from before; set by the user */
	/* filled by draft_include: no record replaces another */
	bool is_exact;
	uint32_t ttl;               /* seconds */
	const uint8_t *spelled;     /* rrset_spelled of the result; set by the user
	                             * with the first record */
	const struct rrset *before; /* the RRset it began as; NULL: none */
	const struct rrset *folded; /* before, until its records are taken in */
	uint32_t count;             /* records present */
	uint32_t used;              /* entries of the array, including removed ones */
	uint32_t cap;               /* room in many; 0: few is used */
	uint32_t slot_count;        /* power of two; 0: no index */
	uint32_t *slots;            /* entry number + 1; 0: free */
	struct draft_record *many;
	struct draft_record few[DRAFT_FEW];
};

/* before may be NULL.  Only draft_unfold takes in its records. */
void draft_init(struct draft *draft, uint16_t type, const struct rrset *before);
void draft_clear(struct draft *draft);

/* Takes in the records of before.  It must have succeeded before the functions from
 * here to draft_build are used, except draft_remove_all.  0 or -ENOMEM. */
int draft_unfold(struct draft *draft) __attribute__((warn_unused_result));

/* Adds a record by RFC 2136 3.4.2.2: it takes the place of a record that it duplicates
 * or, by 1.1.5, replaces.  0 or -ENOMEM. */
int draft_add(struct draft *draft, const uint8_t *rdata, uint16_t len)
	__attribute__((warn_unused_result));

/* Adds a record unless one with the same RDATA is present.  0 or -ENOMEM. */
int draft_include(struct draft *draft, const uint8_t *rdata, uint16_t len)
	__attribute__((warn_unused_result));

/* The record with this RDATA in the sense of rdata_is_equal, or NULL. */
struct draft_record *draft_find(struct draft *draft, const uint8_t *rdata, uint16_t len);

/* The record with exactly these octets, or NULL. */
struct draft_record *draft_find_exact(
	struct draft *draft, const uint8_t *rdata, uint16_t len);

/* The record whose place draft_add would take, or NULL. */
struct draft_record *draft_find_replaced(
	struct draft *draft, const uint8_t *rdata, uint16_t len);

/* The first record present, or NULL. */
struct draft_record *draft_first(struct draft *draft);

void draft_remove(struct draft *draft, struct draft_record *record);
void draft_remove_all(struct draft *draft);

/* Does it have the same members, regardless of TTL (RFC 2136 3.2.3)? */
bool draft_has_same_data(struct draft *draft, const struct rrset *set);

/* Does it have the same octets and TTL as before, so that nothing changes? */
bool draft_is_unchanged(struct draft *draft);

/* Builds the RRset, which the caller owns; NULL if no record is left.  0, -ENOMEM, or
 * -ENOSPC beyond RRSET_COUNT_MAX or RRSET_SIZE_MAX. */
int draft_build(const struct draft *draft, struct rrset **ret_set)
	__attribute__((warn_unused_result));

/* ---- the drafts of one owner ---- */

struct draft_node {
	unsigned count;
	unsigned cap; /* room in many and types; 0: few is used */
	/* the types in many: one owner may have thousands, too many to search the
	 * drafts one by one */
	uint16_t *types;
	struct draft *many;
	struct draft few[DRAFT_NODE_FEW];
};

/* Makes a folded draft for each RRset of node, which may be NULL.  0 or -ENOMEM. */
int draft_node_init(struct draft_node *drafts, const struct zone_node *node)
	__attribute__((warn_unused_result));
void draft_node_clear(struct draft_node *drafts);

/* By index, NULL after the last. */
struct draft *draft_node_at(struct draft_node *drafts, unsigned index);
/* NULL: there is no draft of this type.  A draft without records may be found. */
struct draft *draft_node_find(struct draft_node *drafts, uint16_t type);
/* Makes the draft if there is none; then the others' addresses change.  NULL: no
 * memory. */
struct draft *draft_node_make(struct draft_node *drafts, uint16_t type);

/* ---- records by owner ---- */

/*
 * The rules of RFC 2136 look at one name at a time, so records may be taken owner by
 * owner, as long as those of one owner stay in order.
 */
struct draft_groups {
	size_t count;    /* owners */
	uint32_t *heads; /* the first record of each owner, in order of appearance */
	/* for each record the next one of its owner, or DRAFT_GROUP_END */
	uint32_t *next;
	void *memory;
	uint32_t few[3 * DRAFT_GROUP_FEW];
};

#define DRAFT_GROUP_END UINT32_MAX

int draft_groups_init(struct draft_groups *groups, const struct rr *rrs, size_t count)
	__attribute__((warn_unused_result)); /* 0 or -ENOMEM */
void draft_groups_clear(struct draft_groups *groups);

#endif
