/*
 * The pure halves of the ddns target: the messages that it sends, and what zone transfers
 * say.  No sockets, no clock; only target_ddns.c and tests include this.
 */
#ifndef MUSTER_TARGET_DDNS_PRIVATE_H
#define MUSTER_TARGET_DDNS_PRIVATE_H

#include "gateway/dns_client.h"
#include "zones/update.h"

/* ---- target_ddns_compose.c: requests, without id and TSIG ---- */

/* Is there anything in it that an UPDATE would say? */
bool ddns_has_differences(const struct changeset *changes, const uint8_t *zone);

/*
 * The SOA that the zone has after the batch: the batch's own if its serial is newer than
 * believed's, else believed's (with the other fields of the batch's, if it changed those)
 * with the next serial.  A new reference; NULL: no memory.
 */
struct rrset *ddns_intended_soa(const struct rrset *believed,
	const struct changeset *changes, const uint8_t *zone);

/*
 * One UPDATE: prerequisite believed (RFC 2136 2.4.2; NULL: none), then intended and the
 * differences.  Length, or -ENOSPC if it would not fit cap octets.
 */
int ddns_compose_update(uint8_t *buf, size_t cap, const uint8_t *zone,
	const struct rrset *believed, const struct rrset *intended,
	const struct changeset *changes);

/*
 * An UPDATE without updates whose prerequisites say that the changes are there already:
 * SOA as given (NULL: any), every after as it is, no RRset where there is no after.
 * Length or -ENOSPC.
 */
int ddns_compose_check(uint8_t *buf, size_t cap, const uint8_t *zone,
	const struct rrset *soa, const struct changeset *changes);

/* QTYPE SOA, AXFR, or IXFR from soa (RFC 1995 3; else NULL).  Length or -ENOSPC. */
int ddns_compose_query(uint8_t *buf, size_t cap, const uint8_t *zone, uint16_t type,
	const struct rrset *soa);

/* ---- target_ddns_transfer.c: answers ---- */

/* The whole rcode, with the OPT record's upper bits (RFC 6891 6.1.3). */
uint16_t ddns_read_rcode(const uint8_t *msg, const struct wire_message *m);

/* "REFUSED", or "REFUSED: text" with what the server explains (RFC 8914), cut to fit. */
enum { DDNS_RCODE_TEXT_MAX = 128 };
const char *ddns_rcode_to_text(
	const uint8_t *msg, const struct wire_message *m, char buf[DDNS_RCODE_TEXT_MAX]);

/* The zone's SOA from the answer section.  A new RRset, or NULL: not there, or no memory.
 * */
struct rrset *ddns_read_soa(
	const uint8_t *msg, const struct wire_message *m, const uint8_t *zone);

enum {
	LOAD_RECORDS_MAX =
		20 * 1000 * 1000, /* records in one transfer: more than memory of
				   * usual machines holds, bounds a bad server */
	LOAD_DIFFERENCE_MAX = 64
		<< 20, /* octets of an incremental transfer; beyond it, or
			* beyond 65535 records, the whole zone is taken */
};

enum ddns_transfer_state {
	DDNS_TRANSFER_START,
	DDNS_TRANSFER_SECOND,   /* the first SOA has been seen */
	DDNS_TRANSFER_WHOLE,    /* AXFR, or IXFR answered so */
	DDNS_TRANSFER_REMOVING, /* IXFR: after an old SOA */
	DDNS_TRANSFER_ADDING,   /* IXFR: after a new SOA */
	DDNS_TRANSFER_END,      /* zone, difference or neither (unchanged) */
	DDNS_TRANSFER_USELESS,  /* IXFR: no use, ask for the whole zone: reason */
	DDNS_TRANSFER_BROKEN,   /* reason */
};

struct ddns_transfer;
/* since: the SOA that was asked from (IXFR), a reference is taken; NULL: AXFR. */
struct ddns_transfer *ddns_transfer_new(const uint8_t *zone, struct rrset *since);
void ddns_transfer_free(struct ddns_transfer *transfer); /* NULL is harmless */
/* Takes in one message.  The state it leads to. */
enum ddns_transfer_state ddns_transfer_read(
	struct ddns_transfer *transfer, const uint8_t *msg, const struct wire_message *m);
const char *ddns_transfer_reason(const struct ddns_transfer *transfer);

/* What is there at DDNS_TRANSFER_END; each passes to the caller. */
struct ddns_transferred {
	struct rrset *soa;
	struct zone *zone;         /* either this */
	struct update *difference; /* or this */
};
/* 0 or -ENOMEM. */
int ddns_transfer_take(struct ddns_transfer *transfer, struct ddns_transferred *ret)
	__attribute__((warn_unused_result));

#endif
