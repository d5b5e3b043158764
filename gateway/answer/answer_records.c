/*
 * RRsets into the sections of an answer, each of them whole or not at all.
 *
 * Sets TC if something is left out that must not be, and puts the gateway's name into
 * the zone's SOA.
 */
#include <string.h>

#include "gateway/answer/answer_private.h"
#include "zones/rdata.h"
#include "zones/verbatim.h"

void answer_truncate(struct answer *a)
{
	a->flags |= WIRE_TC;
	if (a->query->is_tcp)
		return;
	wire_writer_rewind(&a->w, a->records_at);
	memset(a->counts, 0, sizeof(a->counts));
	a->set_count = 0;
	a->is_closed = true;
}

static void write_record(struct wire_writer *w, const struct rr *rr)
{
	if (rr->spelled)
		wire_write_name_plain(w, rr->spelled);
	else
		wire_write_name(w, rr->owner);
	wire_write_u16(w, rr->type);
	wire_write_u16(w, CLASS_IN);
	wire_write_u32(w, rr->ttl);
	rdata_write(w, rr->type, rr->rdata, rr->rdata_len);
}

/* A SOA (it only occurs at the apex) with the gateway as its MNAME, for clients that
 * send their updates to the server named there. */
static void write_soa(struct answer *a, const struct rr *soa)
{
	enum { SOA_NUMBERS_LEN = 20 }; /* RFC 1035 3.3.13 */
	uint8_t rdata[2 * NAME_MAX_LEN + SOA_NUMBERS_LEN];
	const uint8_t *mname = a->query->mname;
	struct rr rr = *soa;
	size_t old_len, new_len;

	if (mname) {
		old_len = name_len(soa->rdata);
		new_len = name_len(mname);
		memcpy(rdata, mname, new_len);
		memcpy(rdata + new_len, soa->rdata + old_len, soa->rdata_len - old_len);
		rr.rdata = rdata;
		rr.rdata_len = (uint16_t)(soa->rdata_len - old_len + new_len);
	}
	write_record(&a->w, &rr);
}

static void write_set(
	struct answer *a, const uint8_t *owner, const struct rrset *set, uint32_t ttl)
{
	struct rr rr = {.owner = owner, .type = set->type, .ttl = ttl};
	const uint8_t *spelled = rrset_spelled(set);
	size_t at = 0;

	/* RFC 4343 4.1; not for a wildcard, which answers under the name asked for. */
	if (spelled && name_is_equal_nocase(spelled, owner))
		rr.spelled = spelled;
	while (!a->w.failed && (rr.rdata = rrset_next(set, &at, &rr.rdata_len))) {
		if (set->type == TYPE_SOA)
			write_soa(a, &rr);
		else
			write_record(&a->w, &rr);
	}
}

/* Was what began at start written completely?  If not, it is removed. */
static bool settle(
	struct answer *a, enum answer_section section, size_t start, uint16_t records)
{
	if (!a->w.failed) {
		a->counts[section] = (uint16_t)(a->counts[section] + records);
		return true;
	}
	wire_writer_rewind(&a->w, start);
	/* RFC 2181 9: TC does not apply to additional records. */
	if (section != ANSWER_ADDITIONAL)
		answer_truncate(a);
	return false;
}

bool answer_add_set(struct answer *a, enum answer_section section, const uint8_t *owner,
	const struct zone_node *node, const struct rrset *set)
{
	const size_t start = a->w.at;

	if (a->is_closed)
		return false;
	if (verbatim_is_among(set)) {
		a->has_left_out |= section == ANSWER_ANSWER;
		return false;
	}
	write_set(a, owner, set, set->ttl);
	if (!settle(a, section, start, set->count))
		return false;
	if (a->set_count < ANSWER_SETS_MAX)
		a->sets[a->set_count++] =
			(struct answer_set){.node = node, .set = set, .section = section};
	return true;
}

bool answer_has_set(
	const struct answer *a, const struct zone_node *node, const struct rrset *set)
{
	for (size_t i = 0; i < a->set_count; i++) {
		if (a->sets[i].node == node && a->sets[i].set == set)
			return true;
	}
	return false;
}

void answer_add_record(struct answer *a, enum answer_section section, const struct rr *rr)
{
	const size_t start = a->w.at;

	if (a->is_closed)
		return;
	write_record(&a->w, rr);
	settle(a, section, start, 1);
}

void answer_add_negative_soa(struct answer *a)
{
	const struct rrset *soa = zone_soa(a->query->zone);
	const size_t start = a->w.at;
	const uint8_t *rdata;
	uint32_t minimum;
	uint16_t len;
	size_t at = 0;

	if (a->is_closed)
		return;
	rdata = rrset_next(soa, &at, &len);
	minimum = rdata ? soa_minimum(rdata, len) : 0;
	write_set(a, zone_apex(a->query->zone), soa,
		soa->ttl < minimum ? soa->ttl : minimum);
	settle(a, ANSWER_AUTHORITY, start, soa->count);
}

/* ---- another server's answer ---- */

/* RDATA without the shape of its type is passed on as it came. */
static void copy_record(struct wire_writer *w, const uint8_t *from, struct wire_reader *r)
{
	uint8_t owner[NAME_MAX_LEN], rdata[WIRE_MESSAGE_MAX];
	struct rr rr = {.owner = owner, .rdata = rdata};
	uint16_t len;
	int read;

	wire_read_name(r, owner);
	rr.type = wire_read_u16(r);
	wire_read_u16(r);
	rr.ttl = wire_read_u32(r);
	len = wire_read_u16(r);
	if (rr.type == TYPE_OPT || rr.type == TYPE_TSIG) {
		wire_read_octets(r, len);
		return;
	}
	read = rdata_read_loosely(
		rr.type, from, r->end, r->at, len, rdata, sizeof(rdata));
	wire_read_octets(r, len);
	if (read < 0)
		w->failed = true; /* it cannot be written, and so is left out */
	rr.rdata_len = (uint16_t)read;
	if (!r->failed && !w->failed)
		write_record(w, &rr);
}

/* True: all of it has been written. */
static bool copy_section(struct answer *a, enum answer_section section,
	const uint8_t *from, struct wire_reader *r, unsigned records)
{
	const size_t start = a->w.at;
	uint16_t count = 0;

	for (unsigned i = 0; i < records && !a->w.failed && !r->failed; i++) {
		const size_t before = a->w.at;

		copy_record(&a->w, from, r);
		count += a->w.at > before;
	}
	return settle(a, section, start, count);
}

void answer_copy(struct answer *a, const uint8_t *from, const struct wire_message *m)
{
	struct wire_reader r;

	wire_reader_init(&r, from, m->section_at[ANSWER_ANSWER], m->end);
	for (int section = ANSWER_ANSWER; section <= ANSWER_ADDITIONAL; section++) {
		if (copy_section(a, section, from, &r, m->counts[section]))
			continue;
		/* RFC 9471 3.1: addresses in a referral are not optional. */
		if (section == ANSWER_ADDITIONAL && !(m->flags & WIRE_AA))
			answer_truncate(a);
		return;
	}
}
