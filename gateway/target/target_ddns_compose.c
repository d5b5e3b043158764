/*
 * The messages of the ddns target: SOA, AXFR and IXFR queries, and UPDATE (RFC 2136).
 *
 * An UPDATE is written so that servers which differ in the finer points of RFC 2136
 * 3.4.2 all do the same: records are deleted one by one before anything is added; a TTL
 * is changed by deleting the RRset and adding it again, since Knot ignores an added
 * record that exists with another TTL; and at the apex, where the last NS cannot be
 * deleted (3.4.2.4), NS records have an order of their own.
 *
 * A change set is never split: what does not fit into one message cannot be delivered
 * all or nothing.
 */
#include "gateway/target/target_ddns_private.h"

#include <errno.h>
#include "zones/rdata.h"
#include "zones/verbatim.h"

enum {
	EDNS_UDP_SIZE = 1232, /* means nothing over TCP */
	EDNS_DO = 0x8000,     /* in the TTL, RFC 6891 6.1.3 */
	COUNTS_AT = 4,        /* offset of the counts of the sections, RFC 2136 2.2 */
};

struct composer {
	struct wire_writer w;
	struct wire_names names;
	uint16_t counts[4];
};

static void compose_header(
	struct composer *c, uint8_t *buf, size_t cap, enum opcode opcode)
{
	*c = (struct composer){0};
	wire_writer_init(&c->w, buf, cap, &c->names);
	wire_write_u16(&c->w, 0); /* id: the channel's */
	wire_write_u16(&c->w, (uint16_t)(opcode << 11));
	for (int i = 0; i < 4; i++)
		wire_write_u16(&c->w, 0);
}

static void compose_question_of(
	struct composer *c, const uint8_t *name, uint16_t type, uint16_t class)
{
	wire_write_name(&c->w, name);
	wire_write_u16(&c->w, type);
	wire_write_u16(&c->w, class);
	c->counts[0]++;
}

static void compose_question(struct composer *c, const uint8_t *zone, uint16_t type)
{
	compose_question_of(c, zone, type, CLASS_IN);
}

static void compose_rr(struct composer *c, int section, const struct rr *rr)
{
	/* An owner that is not in lower case is written without compression, to keep
	 * its case. */
	if (rr->spelled)
		wire_write_name_plain(&c->w, rr->spelled);
	else
		wire_write_name(&c->w, rr->owner);
	wire_write_u16(&c->w, rr->type);
	wire_write_u16(&c->w, rr->class);
	wire_write_u32(&c->w, rr->ttl);
	if (rr->rdata)
		rdata_write(&c->w, rr->type, rr->rdata, rr->rdata_len);
	else
		wire_write_u16(&c->w, 0);
	c->counts[section]++;
}

/* Writes every record of a set. */
static void compose_rrset(struct composer *c, int section, const uint8_t *owner,
	const struct rrset *set, uint32_t ttl)
{
	struct rr rr = {.owner = owner, .type = set->type, .class = CLASS_IN, .ttl = ttl};
	size_t at = 0;

	rr.spelled = rrset_spelled(set);
	while ((rr.rdata = rrset_next(set, &at, &rr.rdata_len)))
		compose_rr(c, section, &rr);
}

/* Writes an OPT record (RFC 6891 6.1.2), so that the server can explain a refusal (RFC
 * 8914). */
static void compose_opt(struct composer *c, bool dnssec_ok)
{
	wire_write_u8(&c->w, 0);
	wire_write_u16(&c->w, TYPE_OPT);
	wire_write_u16(&c->w, EDNS_UDP_SIZE);
	wire_write_u32(&c->w, dnssec_ok ? EDNS_DO : 0);
	wire_write_u16(&c->w, 0);
	c->counts[3]++;
}

static int compose_end(struct composer *c)
{
	for (size_t i = 0; i < 4; i++)
		wire_put_u16(&c->w, COUNTS_AT + 2 * i, c->counts[i]);
	return c->w.failed ? -ENOSPC : (int)c->w.at;
}

/* ---- what a change set means to a server ---- */

static bool is_apex_soa(const struct change *change, const uint8_t *zone)
{
	return change->type == TYPE_SOA && name_is_equal(change->owner, zone);
}

static bool is_apex_ns(const struct change *change, const uint8_t *zone)
{
	return change->type == TYPE_NS && name_is_equal(change->owner, zone);
}

static bool is_retimed(const struct change *change)
{
	return change->before && change->after &&
		change->before->ttl != change->after->ttl;
}

/* Writes the records of set that other lacks, or all.  Returns their number; c NULL:
 * only counts. */
static unsigned compose_missing(struct composer *c, const struct change *change,
	const struct rrset *set, const struct rrset *other, bool all, uint16_t class)
{
	struct rr rr = {.owner = change->owner, .type = change->type, .class = class};
	struct rrset_finder finder;
	unsigned count = 0;
	size_t at = 0;

	if (!set)
		return 0;
	rrset_finder_init(&finder, all ? NULL : other);
	rr.spelled = rrset_spelled(set);
	rr.ttl = class == CLASS_IN ? set->ttl : 0; /* 2.5.4: a deletion's TTL MUST be 0 */
	while ((rr.rdata = rrset_next(set, &at, &rr.rdata_len))) {
		if (rrset_finder_has(&finder, rr.rdata, rr.rdata_len))
			continue;
		if (verbatim_is(rr.rdata, rr.rdata_len))
			continue;
		count++;
		if (c)
			compose_rr(c, 2, &rr);
	}
	rrset_finder_clear(&finder);
	return count;
}

/*
 * Does it have a record that cannot be named in a message to the server, or that the
 * server might not accept in one although it has it?
 */
static bool has_odd_record(const struct rrset *set)
{
	const uint8_t *rdata;
	size_t at = 0;
	uint16_t len;

	while ((rdata = rrset_next(set, &at, &len))) {
		if (!rdata_has_shape(set->type, rdata, len))
			return true;
	}
	return false;
}

/* Deletes record by record, except for a deleted RRset with records that cannot be
 * named. */
static unsigned compose_deletes(struct composer *c, const struct change *change, bool all)
{
	const struct rr rrset = {
		.owner = change->owner, .type = change->type, .class = CLASS_ANY};

	if (change->before && !change->after && has_odd_record(change->before)) {
		if (c)
			compose_rr(c, 2, &rrset);
		return 1;
	}
	return compose_missing(c, change, change->before, change->after, all, CLASS_NONE);
}

static unsigned compose_adds(struct composer *c, const struct change *change, bool all)
{
	return compose_missing(c, change, change->after, change->before, all, CLASS_IN);
}

bool ddns_has_differences(const struct changeset *changes, const uint8_t *zone)
{
	for (uint32_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->changes[i];

		if (is_apex_soa(change, zone) || is_retimed(change) ||
			compose_deletes(NULL, change, false) ||
			compose_adds(NULL, change, false))
			return true;
	}
	return false;
}

/*
 * Servers never delete the last apex NS, but they differ: BIND and Knot check each
 * record, while PowerDNS defers these deletions to the end and does none of them if
 * they would delete all records.  So new ones are added before old ones are deleted.
 * An added record gives its TTL to the whole RRset, but for Knot it must not exist yet:
 * if nothing else is added, a name that cannot exist (RFC 6761 6.4) is added and
 * deleted again, within the one transaction of the UPDATE.
 */
static void compose_apex_ns(struct composer *c, const struct change *change)
{
	static const uint8_t passing[] = "\7passing\7invalid";
	struct rr rr = {.owner = change->owner,
		.type = TYPE_NS,
		.class = CLASS_IN,
		.rdata = passing,
		.rdata_len = sizeof(passing)};
	const bool is_passing = is_retimed(change) && !compose_adds(NULL, change, false);

	rr.ttl = change->after ? change->after->ttl : 0;
	if (is_passing)
		compose_rr(c, 2, &rr);
	compose_adds(c, change, is_retimed(change));
	compose_deletes(c, change, false);
	rr.class = CLASS_NONE;
	rr.ttl = 0;
	if (is_passing)
		compose_rr(c, 2, &rr);
}

static void compose_changes(
	struct composer *c, const struct changeset *changes, const uint8_t *zone)
{
	const struct change *change;
	const struct change *end = changes->changes + changes->count;

	for (change = changes->changes; change < end; change++) {
		if (!is_apex_soa(change, zone) && !is_apex_ns(change, zone))
			compose_deletes(c, change, is_retimed(change));
	}
	for (change = changes->changes; change < end; change++) {
		if (!is_apex_soa(change, zone) && !is_apex_ns(change, zone))
			compose_adds(c, change, is_retimed(change));
		else if (is_apex_ns(change, zone))
			compose_apex_ns(c, change);
	}
}

/* ---- prerequisites ---- */

/* The RRset is so (2.4.1, 2.4.2), or does not exist (2.4.3). */
static void compose_state(
	struct composer *c, const uint8_t *owner, uint16_t type, const struct rrset *set)
{
	struct rr rr = {.owner = owner, .type = type, .class = CLASS_NONE};

	if (set && !has_odd_record(set)) {
		compose_rrset(c, 1, owner, set, 0);
		return;
	}
	if (set)
		rr.class = CLASS_ANY;
	compose_rr(c, 1, &rr);
}

static bool is_mark(const struct change *change, const uint8_t *zone)
{
	if (is_apex_soa(change, zone) || is_apex_ns(change, zone))
		return false;
	if (!change->before || !change->after)
		return change->before != change->after;
	return !has_odd_record(change->after) &&
		!rrset_has_same_data(change->before, change->after);
}

const struct change *ddns_find_mark(const struct changeset *changes, const uint8_t *zone)
{
	for (uint32_t i = 0; i < changes->count; i++) {
		if (is_mark(&changes->changes[i], zone))
			return &changes->changes[i];
	}
	return NULL;
}

/* Does any of them begin with something at this name? */
static bool is_name_used(const struct changeset *changes, const uint8_t *owner)
{
	for (uint32_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->changes[i];

		if (change->before && name_is_equal(change->owner, owner))
			return true;
	}
	return false;
}

static void compose_befores(
	struct composer *c, const struct changeset *changes, const uint8_t *zone)
{
	for (uint32_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->changes[i];
		const bool is_free =
			change->was_free && !is_name_used(changes, change->owner);

		if (!is_apex_soa(change, zone)) /* free: 2.4.5 */
			compose_state(c, change->owner, is_free ? TYPE_ANY : change->type,
				change->before);
	}
}

static void compose_guard(struct composer *c, const struct ddns_guard *guard,
	const struct changeset *changes, const uint8_t *zone)
{
	const struct change *mark =
		guard->mark ? ddns_find_mark(guard->mark, zone) : NULL;

	if (guard->soa)
		compose_rrset(c, 1, zone, guard->soa, 0);
	/* What is before these changes was left by the others. */
	if (mark &&
		!(guard->has_befores && changeset_find(changes, mark->owner, mark->type)))
		compose_state(c, mark->owner, mark->type, mark->after);
	if (guard->has_befores)
		compose_befores(c, changes, zone);
}

int ddns_compose_update(uint8_t *buf, size_t cap, const uint8_t *zone,
	const struct ddns_guard *guard, const struct rrset *intended,
	const struct changeset *changes)
{
	struct composer c;

	compose_header(&c, buf, cap, OPCODE_UPDATE);
	compose_question(&c, zone, TYPE_SOA);
	compose_guard(&c, guard, changes, zone);
	if (intended)
		compose_rrset(&c, 2, zone, intended, intended->ttl);
	compose_changes(&c, changes, zone);
	compose_opt(&c, false);
	return compose_end(&c);
}

int ddns_compose_check(uint8_t *buf, size_t cap, const uint8_t *zone,
	const struct rrset *soa, const struct changeset *changes)
{
	struct composer c;

	compose_header(&c, buf, cap, OPCODE_UPDATE);
	compose_question(&c, zone, TYPE_SOA);
	if (soa)
		compose_rrset(&c, 1, zone, soa, 0);
	for (uint32_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->changes[i];

		if (!is_apex_soa(change, zone))
			compose_state(&c, change->owner, change->type, change->after);
	}
	compose_opt(&c, false);
	return compose_end(&c);
}

int ddns_compose_query(uint8_t *buf, size_t cap, const uint8_t *name, uint16_t type,
	const struct rrset *soa, bool dnssec_ok)
{
	struct composer c;

	compose_header(&c, buf, cap, OPCODE_QUERY);
	compose_question(&c, name, type);
	if (soa)
		compose_rrset(&c, 2, name, soa, soa->ttl);
	compose_opt(&c, dnssec_ok);
	return compose_end(&c);
}

int ddns_compose_version_query(uint8_t *buf, size_t cap)
{
	static const uint8_t name[] = "\7version\4bind";
	struct composer c;

	compose_header(&c, buf, cap, OPCODE_QUERY);
	compose_question_of(&c, name, TYPE_TXT, CLASS_CH);
	return compose_end(&c);
}

/* ---- the next SOA ---- */

/* Do they differ in more than the serial? */
static bool has_new_fields(const struct rrset *before, const struct rrset *after)
{
	struct rrset *same = soa_with_serial(before, rrset_serial(after));
	const bool has = !same || !rrset_is_identical(same, after);

	rrset_unref(same);
	return has;
}

struct rrset *ddns_intended_soa(const struct rrset *believed,
	const struct changeset *changes, const uint8_t *zone)
{
	const struct change *change = changeset_find(changes, zone, TYPE_SOA);
	const uint32_t serial = rrset_serial(believed);

	if (!change || !change->after)
		return soa_with_serial(believed, serial_next(serial));
	if (serial_is_newer(rrset_serial(change->after), serial))
		return rrset_ref(change->after);
	if (change->before && !has_new_fields(change->before, change->after))
		return soa_with_serial(believed, serial_next(serial));
	return soa_with_serial(change->after, serial_next(serial));
}
