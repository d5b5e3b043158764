/*
 * Sets of records, as sources find them and publishers send them to the gateways.
 *
 * A record without RDATA is a claim: the whole RRset of that type is this host's, so that
 * what somebody left there before may be removed.  It stands before the records of its
 * RRset.  Pure; a set owns what is in it.
 */
#ifndef MUSTER_AGENT_RECORDS_H
#define MUSTER_AGENT_RECORDS_H

#include "tsig/wire.h"

enum {
	RECORDS_MAX = 100000,    /* of one set, claims included: a host with all its
			       * containers, many times over */
	RECORD_DATA_MAX = 32768, /* octets of RDATA: one record fits a message */
	RECORD_TEXT_MAX = 512,   /* octets of a record in logs, with its final zero */
};

struct record {
	uint8_t *owner; /* wire, lower case; allocated, the RDATA behind it */
	const uint8_t *rdata;
	uint16_t type;
	uint16_t len; /* octets of RDATA; 0: a claim */
	uint32_t ttl; /* seconds */
};

struct records { /* zero it to begin with */
	struct record *items;
	size_t count;
	size_t cap;
};

/* Copies a record into the set.  0, -ENOMEM, or -ENOSPC beyond RECORDS_MAX. */
int records_add(struct records *set, const struct record *record)
	__attribute__((warn_unused_result));
int records_add_claim(struct records *set, const uint8_t *owner, uint16_t type)
	__attribute__((warn_unused_result));
/* A claim for every RRset of the set, which records_sort then puts into its place. */
int records_claim_all(struct records *set) __attribute__((warn_unused_result));
/* All of other, copied. */
int records_add_all(struct records *set, const struct records *other)
	__attribute__((warn_unused_result));

size_t records_count_data(const struct records *set); /* without claims */

/* Removes the claims. */
void records_drop_claims(struct records *set);

/* Sorts by owner, type and RDATA, claims first.  Duplicates become one, with the lowest
 * TTL, and all records of an RRset get its lowest TTL (RFC 2181 5.2). */
void records_sort(struct records *set);

/* Order of two records: owner, type, RDATA; TTL is not looked at. */
int record_compare(const struct record *a, const struct record *b);
/* Same owner and type? */
bool record_is_same_rrset(const struct record *a, const struct record *b);

/* For sorted sets. */
bool records_is_equal(const struct records *a, const struct records *b);

/* Explains an -errno of the functions above. */
const char *records_strerror(int error);

/* "host1.dyn.example. A 192.0.2.1", cut to fit. */
char *record_to_text(const struct record *record, char buf[RECORD_TEXT_MAX]);

void records_clear(struct records *set);
/* Clears to and moves all of from into it; from is empty afterwards. */
void records_move(struct records *to, struct records *from);

#endif
