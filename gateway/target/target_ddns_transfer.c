/*
 * Reads zone transfers: AXFR (RFC 5936), IXFR (RFC 1995) and the SOA of an answer.
 *
 * A transfer is read message by message, record by record, into a zone, or into a list
 * of removed and added records.  The peer is a server chosen by the operator; yet
 * nothing that it sends is trusted before it has been checked.  Its content is
 * mirrored, not judged: RDATA without the shape of its type is kept as it is, and
 * counted.  The exception is the signatures and proofs of a zone that the server signs
 * (zone_set_signed).
 *
 * Limits: LOAD_RECORDS_MAX, LOAD_DIFFERENCE_MAX, RRSET_SIZE_MAX.
 */
#include "gateway/target/target_ddns_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "zones/rdata.h"
#include "zones/update_builder.h"
#include "zones/verbatim.h"

enum {
	TTL_MAX = 0x7fffffff, /* RFC 2181 8 */
	RDATA_MAX = 65535,
};

struct ddns_transfer {
	enum ddns_transfer_state state;
	uint8_t zone_name[NAME_MAX_LEN];
	struct name_seed seed;
	struct rrset *since; /* NULL: AXFR */
	struct rrset *soa;   /* first, and last, record */
	struct zone *zone;   /* DDNS_TRANSFER_WHOLE */
	struct zone *proofs; /* the same: what only signers make (zone_type_is_proof),
	                      * while the signer is not known; otherwise NULL */
	bool is_signed;      /* by the server, as far as is known */
	bool has_keys;       /* DDNS_TRANSFER_WHOLE: a DNSKEY at the apex */
	bool has_signature;  /* of the SOA: DDNS_TRANSFER_WHOLE; IXFR: so far */
	uint32_t version;    /* IXFR: serial that the sequences have reached */
	size_t records;
	struct update_builder difference; /* IXFR */
	bool is_only_soa;                 /* the message holds one record */
	ddns_transfer_sink *sink;         /* NULL: it is kept */
	void *sink_arg;
	/* without the shape of their type, and RRsets that are too large */
	struct odd_list odd;
	uint16_t rcode;   /* of the last message */
	bool has_run_out; /* of memory */
	char reason[VERDICT_WHY_MAX];
	uint8_t rdata[RDATA_MAX];
};

/* ---- headers and single records ---- */

uint16_t ddns_read_rcode(const uint8_t *msg, const struct wire_message *m)
{
	uint16_t rcode = m->flags & 15;

	if (m->opt_at) /* owner (the root), type, class, then the TTL's upper octet */
		rcode |= (uint16_t)(msg[m->opt_at + 1 + 2 + 2] << 4);
	return rcode;
}

enum target_trouble ddns_trouble_of(uint16_t rcode)
{
	switch (rcode) {
	case RCODE_REFUSED: /* BIND: to a query for a zone that it does not have */
	case RCODE_NOTAUTH:
	case RCODE_NXDOMAIN:
		return TARGET_ZONE_MISSING;
	default:
		return TARGET_FAULTY;
	}
}

const char *ddns_rcode_to_text(
	const uint8_t *msg, const struct wire_message *m, char buf[DDNS_RCODE_TEXT_MAX])
{
	char name[VERDICT_NAME_MAX];
	const char *rcode = verdict_rcode_name(ddns_read_rcode(msg, m), name);
	uint16_t len = 0;
	const uint8_t *ede = wire_find_option(m, msg, DNS_CLIENT_OPTION_EDE, &len);

	if (ede && len > 2) /* INFO-CODE, then EXTRA-TEXT */
		snprintf(buf, DDNS_RCODE_TEXT_MAX, "%s: %.*s", rcode, len - 2,
			(const char *)ede + 2);
	else
		snprintf(buf, DDNS_RCODE_TEXT_MAX, "%s", rcode);
	return buf;
}

/* A record as it is in a message. */
struct raw_rr {
	uint8_t owner[NAME_MAX_LEN]; /* lower case */
	uint8_t written[NAME_MAX_LEN];
	bool is_written; /* it is not in lower case */
	uint16_t type, class, rdlength;
	uint32_t ttl;
	size_t rdata_at;
};

static bool read_rr(struct wire_reader *r, struct raw_rr *ret)
{
	const size_t owner_len = wire_read_name(r, ret->written);

	ret->type = wire_read_u16(r);
	ret->class = wire_read_u16(r);
	ret->ttl = wire_read_u32(r);
	ret->rdlength = wire_read_u16(r);
	ret->rdata_at = r->at;
	wire_read_octets(r, ret->rdlength);
	if (r->failed)
		return false;
	memcpy(ret->owner, ret->written, owner_len);
	name_lower(ret->owner);
	ret->is_written = memcmp(ret->owner, ret->written, owner_len) != 0;
	if (ret->ttl >
		TTL_MAX) /* RFC 2181 8: "as if the entire value received was zero" */
		ret->ttl = 0;
	return true;
}

struct rrset *ddns_read_soa(
	const uint8_t *msg, const struct wire_message *m, const uint8_t *zone)
{
	uint8_t rdata[2 * NAME_MAX_LEN + 20];
	struct wire_reader r;
	struct raw_rr rr;
	const char *why;
	int len;

	wire_reader_init(&r, msg, m->section_at[1], m->end);
	for (unsigned i = 0; i < m->counts[1] && read_rr(&r, &rr); i++) {
		if (rr.type != TYPE_SOA || rr.class != CLASS_IN ||
			!name_is_equal(rr.owner, zone))
			continue;
		len = rdata_read(TYPE_SOA, msg, m->end, rr.rdata_at, rr.rdlength, rdata,
			sizeof(rdata), &why);
		return len < 0 ? NULL : rrset_new(TYPE_SOA, rr.ttl, rdata, (uint16_t)len);
	}
	return NULL;
}

bool ddns_read_version(const uint8_t *msg, const struct wire_message *m,
	char ret_version[DDNS_VERSION_MAX])
{
	struct wire_reader r;
	struct raw_rr rr;
	size_t len;

	wire_reader_init(&r, msg, m->section_at[1], m->end);
	for (unsigned i = 0; i < m->counts[1] && read_rr(&r, &rr); i++) {
		if (rr.type != TYPE_TXT || rr.class != CLASS_CH || !rr.rdlength)
			continue;
		len = msg[rr.rdata_at]; /* of the first string, RFC 1035 3.3.14 */
		if (len >= rr.rdlength)
			return false;
		if (len >= DDNS_VERSION_MAX)
			len = DDNS_VERSION_MAX - 1;
		memcpy(ret_version, msg + rr.rdata_at + 1, len);
		ret_version[len] = '\0';
		return true;
	}
	return false;
}

/* ---- RDATA ---- */

__attribute__((format(printf, 3, 4))) static enum ddns_transfer_state leave(
	struct ddns_transfer *t, enum ddns_transfer_state state, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->reason, sizeof(t->reason), format, args);
	va_end(args);
	return state;
}

static enum ddns_transfer_state run_out_of_memory(struct ddns_transfer *t)
{
	t->has_run_out = true;
	return leave(t, DDNS_TRANSFER_BROKEN, "out of memory");
}

static enum ddns_transfer_state broken_rr(
	struct ddns_transfer *t, const struct rr *rr, const char *why)
{
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX];

	return leave(t, DDNS_TRANSFER_BROKEN, "%.80s %s: %s",
		name_to_text(rr->owner, owner), rdata_type_name(rr->type, type), why);
}

/* A record that Muster cannot read (its RDATA lacks the shape of its type), or not
 * hold. */
static void note_odd(struct ddns_transfer *t, const struct rr *rr, const char *why)
{
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX];

	odd_list_add(&t->odd, "%.80s %s%s", name_to_text(rr->owner, owner),
		rdata_type_name(rr->type, type), why);
}

/* ---- SOAs ---- */

static const uint8_t *soa_rdata(const struct rrset *soa, uint16_t *ret_len)
{
	size_t at = 0;

	return rrset_next(soa, &at, ret_len);
}

static bool is_soa(const struct ddns_transfer *t, const struct rr *rr)
{
	return rr->type == TYPE_SOA && name_is_equal(rr->owner, t->zone_name);
}

static bool is_last_soa(const struct ddns_transfer *t, const struct rr *rr)
{
	return is_soa(t, rr) && rrset_find(t->soa, rr->rdata, rr->rdata_len) >= 0;
}

/* ---- zones that their server signs ---- */

static bool is_soa_signature(const struct ddns_transfer *t, const struct rr *rr)
{
	return rr->type == TYPE_RRSIG && rr->rdata_len > 2 &&
		(rr->rdata[0] << 8 | rr->rdata[1]) == TYPE_SOA &&
		name_is_equal(rr->owner, t->zone_name);
}

/* Keys, and a signature of the SOA itself, which each change replaces, show that the
 * server signs the zone.  From then on proofs are not kept, so that they take no memory
 * if the apex comes first. */
static void look_for_signer(struct ddns_transfer *t, const struct rr *rr)
{
	if (rr->type == TYPE_DNSKEY && name_is_equal(rr->owner, t->zone_name))
		t->has_keys = true;
	else if (is_soa_signature(t, rr))
		t->has_signature = true;
	else
		return;
	if (!t->has_keys || !t->has_signature || t->is_signed)
		return;
	t->is_signed = true;
	zone_free(t->proofs);
	t->proofs = NULL;
}

/* Nobody signs the zone: they are data like any other.  0 or -ENOMEM. */
static int put_proofs_back(struct ddns_transfer *t)
{
	const struct zone_node *node;
	struct rrset *set;
	size_t cursor = 0;
	int r = 0;

	while (t->proofs && !r && (node = zone_next_node(t->proofs, &cursor))) {
		for (unsigned i = 0; !r && (set = zone_node_rrset(node, i)); i++)
			r = zone_put(t->zone, zone_node_owner(node), set->type, set);
	}
	zone_free(t->proofs);
	t->proofs = NULL;
	return r;
}

static enum ddns_transfer_state end_whole(struct ddns_transfer *t)
{
	if (t->sink)
		return DDNS_TRANSFER_END;
	zone_set_signed(t->zone, t->is_signed);
	if (put_proofs_back(t) < 0)
		return run_out_of_memory(t);
	return DDNS_TRANSFER_END;
}

/* ---- the states ---- */

static enum ddns_transfer_state load_rr(struct ddns_transfer *t, const struct rr *rr)
{
	const bool is_proof = zone_type_is_proof(rr->type);
	int r;

	if (t->sink || !name_is_subdomain(rr->owner, t->zone_name) ||
		rdata_type_is_meta(rr->type))
		return DDNS_TRANSFER_WHOLE;
	look_for_signer(t, rr);
	if (is_proof && t->is_signed)
		return DDNS_TRANSFER_WHOLE;
	r = zone_load_rr(is_proof ? t->proofs : t->zone, rr);
	if (r == -ENOSPC)
		note_odd(t, rr, " (too many records)");
	else if (r < 0)
		return run_out_of_memory(t);
	return DDNS_TRANSFER_WHOLE;
}

/* RFC 1995 4: the server has nothing for a client that is up to date. */
static enum ddns_transfer_state judge_only_soa(struct ddns_transfer *t)
{
	const uint32_t serial = rrset_serial(t->soa);
	const uint32_t since = rrset_serial(t->since);

	if (t->sink)
		return serial_is_newer(serial, since) ? DDNS_TRANSFER_SECOND
						      : DDNS_TRANSFER_END;
	if (serial == since && rrset_is_identical(t->soa, t->since))
		return DDNS_TRANSFER_END;
	if (serial == since)
		return leave(
			t, DDNS_TRANSFER_USELESS, "another SOA with serial %u", serial);
	if (!serial_is_newer(serial, since))
		return leave(t, DDNS_TRANSFER_USELESS, "serial went back from %u to %u",
			since, serial);
	return DDNS_TRANSFER_SECOND; /* one record per message: more follow */
}

static enum ddns_transfer_state read_first(struct ddns_transfer *t, const struct rr *rr)
{
	if (!is_soa(t, rr))
		return broken_rr(t, rr, "the first record is not the zone's SOA");
	t->soa = rrset_new(TYPE_SOA, rr->ttl, rr->rdata, rr->rdata_len);
	if (!t->soa)
		return run_out_of_memory(t);
	if (t->since && t->is_only_soa)
		return judge_only_soa(t);
	return DDNS_TRANSFER_SECOND;
}

static enum ddns_transfer_state read_whole(struct ddns_transfer *t, const struct rr *rr)
{
	if (is_last_soa(t, rr))
		return end_whole(t);
	if (is_soa(t, rr))
		return leave(t, DDNS_TRANSFER_BROKEN,
			"the zone changed while it was transferred");
	return load_rr(t, rr);
}

/* The second record distinguishes an incremental transfer from a whole one (RFC 1995
 * 4). */
static enum ddns_transfer_state read_second(struct ddns_transfer *t, const struct rr *rr)
{
	uint16_t len;
	struct rr soa = {.owner = t->zone_name, .type = TYPE_SOA, .class = CLASS_IN};

	if (t->since && is_soa(t, rr) && !is_last_soa(t, rr)) {
		t->version = soa_serial(rr->rdata, rr->rdata_len);
		if (t->version != rrset_serial(t->since))
			return leave(t, DDNS_TRANSFER_USELESS,
				"differences from serial %u instead of %u", t->version,
				rrset_serial(t->since));
		return DDNS_TRANSFER_REMOVING;
	}
	if (t->sink) {
		t->state = DDNS_TRANSFER_WHOLE;
		return read_whole(t, rr);
	}
	t->is_signed = false;
	t->zone = zone_new_seeded(t->zone_name, &t->seed);
	t->proofs = zone_new_seeded(t->zone_name, &t->seed);
	if (!t->zone || !t->proofs)
		return run_out_of_memory(t);
	soa.rdata = soa_rdata(t->soa, &len);
	soa.rdata_len = len;
	soa.ttl = t->soa->ttl;
	t->state = load_rr(t, &soa);
	return t->state == DDNS_TRANSFER_WHOLE ? read_whole(t, rr) : t->state;
}

static enum ddns_transfer_state read_difference(
	struct ddns_transfer *t, const struct rr *rr)
{
	struct rr change = *rr;

	if (t->sink || !name_is_subdomain(rr->owner, t->zone_name) ||
		rdata_type_is_meta(rr->type))
		return t->state;
	if (is_soa_signature(t, rr))
		t->has_signature = t->state == DDNS_TRANSFER_ADDING;
	if (zone_type_is_proof(rr->type) && t->is_signed)
		return t->state;
	/* struct update counts in 16 bits; two more records are needed for the SOA. */
	if (t->difference.count + 2 >= UINT16_MAX ||
		t->difference.octets > LOAD_DIFFERENCE_MAX)
		return leave(t, DDNS_TRANSFER_USELESS, "too many differences");
	if (t->state == DDNS_TRANSFER_REMOVING) {
		change.class = CLASS_NONE;
		change.ttl = 0;
	}
	update_builder_add(&t->difference, &change);
	return t->difference.error ? run_out_of_memory(t) : t->state;
}

/* After the removed records of one sequence comes the SOA that it leads to. */
static enum ddns_transfer_state read_removing(
	struct ddns_transfer *t, const struct rr *rr)
{
	if (!is_soa(t, rr))
		return read_difference(t, rr);
	t->version = soa_serial(rr->rdata, rr->rdata_len);
	return DDNS_TRANSFER_ADDING;
}

/* After the added records the same SOA comes again: as the old one of the next sequence
 * or, at the final version, as the end of the transfer. */
static enum ddns_transfer_state read_adding(struct ddns_transfer *t, const struct rr *rr)
{
	if (!is_soa(t, rr))
		return read_difference(t, rr);
	if (soa_serial(rr->rdata, rr->rdata_len) != t->version)
		return leave(t, DDNS_TRANSFER_USELESS, "sequences that do not follow on");
	if (t->version != rrset_serial(t->soa))
		return DDNS_TRANSFER_REMOVING;
	if (!t->sink && t->has_signature != t->is_signed)
		return leave(t, DDNS_TRANSFER_USELESS,
			t->is_signed ? "the server signs the zone no longer"
				     : "the server has begun to sign the zone");
	return is_last_soa(t, rr)
		? DDNS_TRANSFER_END
		: leave(t, DDNS_TRANSFER_USELESS, "two SOAs of the same serial");
}

static enum ddns_transfer_state take_rr(struct ddns_transfer *t, const struct rr *rr)
{
	switch (t->state) {
	case DDNS_TRANSFER_START:
		return read_first(t, rr);
	case DDNS_TRANSFER_SECOND:
		return read_second(t, rr);
	case DDNS_TRANSFER_WHOLE:
		return read_whole(t, rr);
	case DDNS_TRANSFER_REMOVING:
		return read_removing(t, rr);
	case DDNS_TRANSFER_ADDING:
		return read_adding(t, rr);
	default:
		return leave(t, DDNS_TRANSFER_BROKEN, "records after the last one");
	}
}

/* Keeps and counts RDATA without the shape of its type.  False: the zone cannot be
 * without it. */
static bool take_odd(struct ddns_transfer *t, struct rr *rr)
{
	/* It only looks like our mark: these octets came from a server, and are not a
	 * text. */
	if (verbatim_is(rr->rdata, rr->rdata_len))
		rr->rdata_len = verbatim_write(t->rdata, sizeof(t->rdata), "", 0);
	if (rdata_has_shape(rr->type, rr->rdata, rr->rdata_len))
		return true;
	if (t->state != DDNS_TRANSFER_REMOVING)
		note_odd(t, rr, "");
	return !is_soa(t, rr);
}

static enum ddns_transfer_state take_raw(struct ddns_transfer *t, const uint8_t *msg,
	const struct wire_message *m, const struct raw_rr *raw)
{
	struct rr rr = {.owner = raw->owner,
		.spelled = raw->is_written ? raw->written : NULL,
		.type = raw->type,
		.class = raw->class,
		.ttl = raw->ttl,
		.rdata = t->rdata};
	int len;

	if (++t->records > LOAD_RECORDS_MAX)
		return leave(t, DDNS_TRANSFER_BROKEN, "more than %d records",
			LOAD_RECORDS_MAX);
	if (raw->class != CLASS_IN)
		return broken_rr(t, &rr, "is not of class IN");
	len = rdata_read_loosely(raw->type, msg, m->end, raw->rdata_at, raw->rdlength,
		t->rdata, sizeof(t->rdata));
	if (len < 0)
		return broken_rr(t, &rr, "RDATA is too long");
	rr.rdata_len = (uint16_t)len;
	if (t->sink && !t->sink(&rr, t->sink_arg))
		return leave(t, DDNS_TRANSFER_BROKEN, "it cannot be handed on");
	if (!t->sink && !take_odd(t, &rr))
		return broken_rr(t, &rr, "RDATA does not have the shape of its type");
	return take_rr(t, &rr);
}

static bool is_going_on(enum ddns_transfer_state state)
{
	return state != DDNS_TRANSFER_BROKEN && state != DDNS_TRANSFER_USELESS &&
		state != DDNS_TRANSFER_REFUSED;
}

enum dns_client_next ddns_transfer_next(enum ddns_transfer_state state)
{
	if (state == DDNS_TRANSFER_END || state == DDNS_TRANSFER_REFUSED)
		return DNS_CLIENT_LAST;
	return is_going_on(state) ? DNS_CLIENT_MORE : DNS_CLIENT_STOP;
}

enum ddns_transfer_state ddns_transfer_read(
	struct ddns_transfer *t, const uint8_t *msg, const struct wire_message *m)
{
	struct wire_reader r;
	struct raw_rr raw;
	char text[DDNS_RCODE_TEXT_MAX];

	t->rcode = ddns_read_rcode(msg, m);
	if (t->rcode != RCODE_NOERROR) {
		t->state = leave(
			t, DDNS_TRANSFER_REFUSED, "%s", ddns_rcode_to_text(msg, m, text));
		return t->state;
	}
	if (!m->counts[1]) { /* RFC 5936 2.2: "at least one" */
		t->state = leave(t, DDNS_TRANSFER_BROKEN, "a message without records");
		return t->state;
	}
	t->is_only_soa = m->counts[1] == 1;
	wire_reader_init(&r, msg, m->section_at[1], m->end);
	for (unsigned i = 0; i < m->counts[1] && is_going_on(t->state); i++) {
		if (!read_rr(&r, &raw))
			t->state = leave(t, DDNS_TRANSFER_BROKEN, "a malformed record");
		else
			t->state = take_raw(t, msg, m, &raw);
	}
	return t->state;
}

/* ---- begin and end ---- */

/* Removes the old SOA and adds the new one, once for all sequences. */
static void add_soas(struct ddns_transfer *t)
{
	struct rr rr = {.owner = t->zone_name, .type = TYPE_SOA, .class = CLASS_NONE};

	if (t->state != DDNS_TRANSFER_END || rrset_is_identical(t->soa, t->since))
		return;
	rr.rdata = soa_rdata(t->since, &rr.rdata_len);
	update_builder_add(&t->difference, &rr);
	rr.class = CLASS_IN;
	rr.ttl = t->soa->ttl;
	rr.rdata = soa_rdata(t->soa, &rr.rdata_len);
	update_builder_add(&t->difference, &rr);
}

int ddns_transfer_take(struct ddns_transfer *t, struct ddns_transferred *ret)
{
	struct update *difference = NULL;

	if (!t->zone) {
		add_soas(t);
		if (update_builder_finish(&t->difference, &difference) < 0)
			return -ENOMEM;
	}
	*ret = (struct ddns_transferred){.soa = rrset_ref(t->soa),
		.zone = t->zone,
		.difference = difference,
		.is_signed = t->is_signed,
		.odd = &t->odd};
	t->zone = NULL;
	return 0;
}

const char *ddns_transfer_reason(const struct ddns_transfer *t)
{
	return t->reason;
}

uint16_t ddns_transfer_rcode(const struct ddns_transfer *t)
{
	return t->rcode;
}

bool ddns_transfer_lacks_ixfr(
	const struct ddns_transfer *t, const struct dns_client_result *result)
{
	return t->since && result->status == DNS_CLIENT_ANSWERED &&
		(t->rcode == RCODE_NOTIMP || t->rcode == RCODE_FORMERR ||
			t->rcode == RCODE_REFUSED);
}

/* Some servers just close the connection. */
bool ddns_transfer_needs_whole(
	const struct ddns_transfer *t, const struct dns_client_result *result)
{
	return ddns_transfer_lacks_ixfr(t, result) || t->state == DDNS_TRANSFER_USELESS ||
		(t->since && result->status == DNS_CLIENT_LOST);
}

bool ddns_transfer_is_whole(const struct ddns_transfer *t)
{
	return t->zone || t->state == DDNS_TRANSFER_WHOLE;
}

struct target_failure ddns_transfer_judge(const struct ddns_transfer *t,
	const struct dns_client_result *result, const char *who, const char *hint)
{
	const char *what = t->since ? "IXFR" : "AXFR";

	if (t->state == DDNS_TRANSFER_REFUSED)
		return (struct target_failure){ddns_trouble_of(t->rcode),
			verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR,
				"%s answered %s with %s%s", who, what, t->reason, hint)};
	if (!is_going_on(t->state))
		return (struct target_failure){
			t->has_run_out ? TARGET_OUR_MEMORY : TARGET_GARBLED,
			verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR, "%s of %s: %s",
				what, who, t->reason)};
	if (result->status != DNS_CLIENT_ANSWERED)
		return result->failure;
	return (struct target_failure){.why = verdict_ok()};
}

struct ddns_transfer *ddns_transfer_new(const uint8_t *zone, struct rrset *since,
	bool is_signed, const struct name_seed *seed)
{
	struct ddns_transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	memcpy(t->zone_name, zone, name_len(zone));
	update_builder_init(&t->difference, t->zone_name);
	t->since = rrset_ref(since);
	t->is_signed = since && is_signed;
	t->has_signature = t->is_signed;
	t->seed = *seed;
	return t;
}

void ddns_transfer_hand_on(struct ddns_transfer *t, ddns_transfer_sink *sink, void *arg)
{
	t->sink = sink;
	t->sink_arg = arg;
}

void ddns_transfer_free(struct ddns_transfer *t)
{
	if (!t)
		return;
	rrset_unref(t->since);
	rrset_unref(t->soa);
	zone_free(t->zone);
	zone_free(t->proofs);
	update_builder_clear(&t->difference);
	free(t);
}
