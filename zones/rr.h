/*
 * Resource records and RRsets.
 *
 * A struct rr is a view: it owns nothing and lives as long as what it points into.  A
 * struct rrset is immutable and counted: the mirror, change sets and batches share it,
 * and changing an RRset means making a new one.  Counts are not atomic: RRsets belong
 * to one thread at a time (the zone thread).
 */
#ifndef MUSTER_RR_H
#define MUSTER_RR_H

#include "tsig/wire.h"

struct rr {
	const uint8_t *owner;   /* wire, lower case */
	const uint8_t *spelled; /* the owner as it was written; NULL: in lower case */
	uint16_t type;
	uint16_t class; /* IN; in updates also NONE and ANY */
	uint32_t ttl;   /* seconds */
	uint16_t rdata_len;
	const uint8_t *rdata; /* uncompressed; valid for its type unless rdata_len is 0 */
};

struct rrset {
	uint32_t refs;
	uint32_t ttl; /* seconds; one per RRset (RFC 2181 5.2) */
	uint16_t type;
	uint16_t count;     /* records, at least 1 */
	uint32_t size : 24; /* octets of data */
	/* octets of the owner behind the data; 0: it is in lower case */
	uint32_t spelled_len : 8;
	/* count times: RDATA length (16 bits, big endian), RDATA; then the owner as it
	 * was written */
	uint8_t data[];
};

enum {
	RRSET_SIZE_MAX = 1 << 20,
	RRSET_COUNT_MAX = 10000
}; /* octets and records: an RRset must fit into an answer and a PATCH; far above real
    * ones */

/* A new RRset of one record, with count 1.  NULL: no memory. */
struct rrset *rrset_new(uint16_t type, uint32_t ttl, const uint8_t *rdata, uint16_t len);
/* With its owner as it was written (RFC 1035 2.3.3: "case should be preserved"); spelled
 * may be NULL. */
struct rrset *rrset_new_spelled(uint16_t type, uint32_t ttl, const uint8_t *rdata,
	uint16_t len, const uint8_t *spelled);
/* NULL: in lower case.  Comparisons of RRsets ignore it. */
const uint8_t *rrset_spelled(const struct rrset *set);
size_t rrset_octets(const struct rrset *set); /* of memory */
/* Copies of old (which keeps its count) with one record more, or another TTL.  NULL: no
 * memory (or beyond RRSET_SIZE_MAX, RRSET_COUNT_MAX). */
struct rrset *rrset_with(const struct rrset *old, const uint8_t *rdata, uint16_t len);
struct rrset *rrset_with_ttl(const struct rrset *old, uint32_t ttl);
struct rrset *rrset_ref(struct rrset *set); /* NULL is harmless; returns set */
void rrset_unref(struct rrset *set);        /* frees at 0; NULL is harmless */
/* Puts a new reference into *place, instead of the old one; both may be NULL. */
void rrset_keep(struct rrset **place, struct rrset *set);

/* Records in order.  *at starts at 0; returns the RDATA and advances, NULL after the
 * last. */
const uint8_t *rrset_next(const struct rrset *set, size_t *at, uint16_t *ret_len);
/* Index of the record with equal RDATA in the sense of rdata_is_equal, or -1. */
int rrset_find(const struct rrset *set, const uint8_t *rdata, uint16_t len);

/*
 * For many searches in one RRset, which must outlive it.  The second search builds an
 * index, so that all of them together cost about as much as their octets and the
 * RRset.  Without memory for it, each search is an rrset_find.
 */
struct rrset_finder {
	const struct rrset *set; /* NULL: nothing is found */
	uint32_t searches;
	uint32_t slot_count; /* power of two; 0: no index */
	uint32_t *slots; /* where a record begins in the RRset's data, plus 1; 0: free */
};

void rrset_finder_init(struct rrset_finder *finder, const struct rrset *set);
void rrset_finder_clear(struct rrset_finder *finder);
bool rrset_finder_has(struct rrset_finder *finder, const uint8_t *rdata, uint16_t len);

/* Same records in any order (RDATA as in rdata_is_equal), regardless of TTL (RFC 2136
 * 1.1.1). */
bool rrset_has_same_data(const struct rrset *a, const struct rrset *b);
/* Same octets and same TTL, records in any order; NULL equals NULL. */
bool rrset_is_identical(const struct rrset *a, const struct rrset *b);

/* The SOA's serial, and RFC 1982 arithmetic.  rrset_serial: of the first record; NULL:
 * 0. */
uint32_t rrset_serial(const struct rrset *soa);
uint32_t soa_serial(const uint8_t *rdata, uint16_t len);
uint32_t soa_minimum(const uint8_t *rdata, uint16_t len);
struct rrset *soa_with_serial(const struct rrset *soa, uint32_t serial);
uint32_t serial_next(uint32_t serial);        /* +1, never 0 (RFC 2136 7.11) */
bool serial_is_newer(uint32_t a, uint32_t b); /* a > b in RFC 1982 3.2 */

#endif
