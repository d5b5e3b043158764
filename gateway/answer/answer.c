/*
 * The frame of every answer: header, question, OPT with extended rcode and EDE.
 *
 * Does not sign, and does not choose records (answer_lookup.c does).  An answer never
 * exceeds the limit given.  If not everything fits, the most important parts are kept:
 * the header, then OPT, its options, the question, and last the text of the EDE.
 */
#include <string.h>

#include "gateway/answer/answer_private.h"
#include "zones/rdata.h"

enum {
	OPT_FIXED_LEN = 11,   /* root, type, class, TTL, RDLENGTH */
	OPTION_FIXED_LEN = 4, /* code, length */
	OPTION_EDE = 15,      /* RFC 8914 2 */
	EDE_FIXED_LEN = OPTION_FIXED_LEN + 2,
	EDNS_DO = 0x8000,     /* in the TTL, RFC 6891 6.1.3 */
	RCODE_PLAIN_MAX = 15, /* larger ones need an OPT, RFC 6891 6.1.3 */
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t answer_limit(const struct wire_message *m, bool is_tcp)
{
	/* Without OPT udp_size is 512. */
	return is_tcp ? WIRE_MESSAGE_MAX : smaller(m->udp_size, ANSWER_UDP_SIZE);
}

/* ---- header and question ---- */

/* The flags of the request that are returned. */
static uint16_t flags_of(const struct wire_message *m, uint16_t rcode)
{
	uint16_t flags = (uint16_t)(WIRE_QR | m->opcode << 11);

	/* RD: RFC 1035 4.1.1.  CD is cleared: RFC 4035 3.1.6. */
	if (m->opcode == OPCODE_QUERY)
		flags |= m->flags & WIRE_RD;
	/* RFC 1996 4.7: like the request, except for QR. */
	if (m->opcode == OPCODE_NOTIFY && rcode == RCODE_NOERROR)
		flags |= m->flags & WIRE_AA;
	return flags;
}

/* The counts are zero until they are put in. */
static void write_header(struct wire_writer *w, uint16_t id, uint16_t flags)
{
	wire_write_u16(w, id);
	wire_write_u16(w, flags);
	for (int i = 0; i < 4; i++)
		wire_write_u16(w, 0);
}

/*
 * Every question as the client wrote it, including its case, which some clients check.
 * It is read and written, not copied: a pointer into the request's header would lead to
 * something else in ours.  All of them or none.
 */
static bool echo_question(
	struct wire_writer *w, const uint8_t *msg, const struct wire_message *m)
{
	const size_t start = w->at;
	uint8_t name[NAME_MAX_LEN];
	struct wire_reader r;

	if (!m->question_end)
		return false;
	wire_reader_init(&r, msg, WIRE_HEADER_LEN, m->question_end);
	for (unsigned i = 0; i < m->counts[0] && !w->failed; i++) {
		if (!wire_read_name(&r, name))
			break;
		wire_write_name(w, name);
		wire_write_u16(w, wire_read_u16(&r));
		wire_write_u16(w, wire_read_u16(&r));
	}
	if (r.failed || w->failed) {
		wire_writer_rewind(w, start);
		return false;
	}
	wire_put_u16(w, 4, m->counts[0]);
	return true;
}

/* ---- OPT ---- */

/*
 * RFC 6891 6.1.2, without its RDATA: returns the place of RDLENGTH, for close_opt.
 * Version 0 is the one we speak, whatever was asked for (6.1.3).
 */
static size_t open_opt(
	struct wire_writer *w, const struct wire_message *m, uint16_t rcode)
{
	wire_write_u8(w, 0);
	wire_write_u16(w, TYPE_OPT);
	wire_write_u16(w, ANSWER_UDP_SIZE);
	wire_write_u8(w, (uint8_t)(rcode >> 4));
	wire_write_u8(w, 0);
	wire_write_u16(w, m->dnssec_ok ? EDNS_DO : 0); /* RFC 3225 3 */
	wire_write_u16(w, 0);
	return w->at - 2;
}

static void close_opt(struct wire_writer *w, size_t length_at)
{
	wire_put_u16(w, length_at, (uint16_t)(w->at - length_at - 2));
}

/* RFC 8914 2; the text is UTF-8 without a final zero, and may be empty. */
static void write_ede(struct wire_writer *w, const struct verdict *verdict)
{
	const size_t room = w->cap - w->at;
	size_t len;

	if (verdict_is_ok(verdict) || verdict->ede == EDE_NONE || room < EDE_FIXED_LEN)
		return;
	len = smaller(strnlen(verdict->why, VERDICT_WHY_MAX), room - EDE_FIXED_LEN);
	wire_write_u16(w, OPTION_EDE);
	wire_write_u16(w, (uint16_t)(2 + len));
	wire_write_u16(w, (uint16_t)verdict->ede);
	wire_write_octets(w, verdict->why, len);
}

/* ---- an answer without records ---- */

size_t answer_verdict(const uint8_t *msg, const struct wire_message *m,
	const struct verdict *verdict, const uint8_t *extra, size_t extra_len,
	uint8_t *buf, size_t limit)
{
	uint16_t rcode = verdict->rcode;
	struct wire_writer w;
	size_t room; /* beside the header */
	bool has_opt;

	if (limit < WIRE_HEADER_LEN)
		return 0;
	limit = smaller(limit, WIRE_MESSAGE_MAX);
	room = limit - WIRE_HEADER_LEN;
	has_opt = m->opt_at && room >= OPT_FIXED_LEN;
	if (!has_opt || !extra || extra_len > room - OPT_FIXED_LEN)
		extra_len = 0;
	/* Its low bits alone might mean NOERROR. */
	if (rcode > RCODE_PLAIN_MAX && !has_opt)
		rcode = RCODE_SERVFAIL;

	wire_writer_init(&w, buf, limit, NULL);
	write_header(&w, m->id, flags_of(m, rcode) | (rcode & RCODE_PLAIN_MAX));
	if (has_opt)
		w.cap = limit - OPT_FIXED_LEN - extra_len;
	/* RFC 2136 3.8: all sections of an update or none.  All clients accept none of
	 * them, and some find a granted lease only then. */
	if (m->opcode != OPCODE_UPDATE)
		echo_question(&w, msg, m);
	w.cap = limit;
	if (has_opt) {
		size_t length_at = open_opt(&w, m, rcode);

		if (extra_len)
			wire_write_octets(&w, extra, extra_len);
		write_ede(&w, verdict);
		close_opt(&w, length_at);
		wire_put_u16(&w, 10, 1);
	}
	return w.at;
}

/* ---- answers from a zone ---- */

bool answer_read_question(const uint8_t *msg, const struct wire_message *m,
	uint8_t ret_name[NAME_MAX_LEN], uint16_t *ret_type, uint16_t *ret_class)
{
	uint8_t name[NAME_MAX_LEN];
	uint16_t type, class;
	struct wire_reader r;

	if (m->counts[0] != 1 || !m->question_end)
		return false;
	wire_reader_init(&r, msg, WIRE_HEADER_LEN, m->question_end);
	wire_read_name(&r, name);
	type = wire_read_u16(&r);
	class = wire_read_u16(&r);
	if (r.failed)
		return false;
	name_lower(name);
	memcpy(ret_name, name, name_len(name));
	*ret_type = type;
	*ret_class = class;
	return true;
}

/*
 * Types that no RRset has (RFC 6895 3.1) and that have no meaning as QTYPE either, or
 * that, like MAILA and MAILB (RFC 1035 3.2.3), no server supports.
 */
static struct verdict judge_type(uint16_t type)
{
	char name[RDATA_TYPE_NAME_MAX];

	if (!rdata_type_is_meta(type) || type == 0 || type == TYPE_ANY)
		return verdict_ok();
	return verdict_refuse(
		type == TYPE_MAILA || type == TYPE_MAILB ? RCODE_NOTIMP : RCODE_FORMERR,
		EDE_NOT_SUPPORTED, "no records have the type %s",
		rdata_type_name(type, name));
}

/* Whether, and why, this question gets no records at all. */
static struct verdict judge(const struct answer_query *query,
	uint8_t ret_name[NAME_MAX_LEN], struct answer *a)
{
	struct verdict v;
	uint16_t class;

	if (!answer_read_question(query->msg, query->m, ret_name, &a->type, &class))
		return verdict_refuse(
			RCODE_FORMERR, EDE_OTHER, "a query must have one question");
	if (class != CLASS_IN && class != CLASS_ANY)
		return verdict_refuse(RCODE_REFUSED, EDE_NOT_AUTHORITATIVE,
			"there are only zones of class IN here");
	if (!name_is_subdomain(ret_name, zone_apex(query->zone)))
		return verdict_refuse(RCODE_REFUSED, EDE_NOT_AUTHORITATIVE,
			"no zone served here encloses this name");
	if (!zone_soa(query->zone))
		return verdict_refuse(
			RCODE_SERVFAIL, EDE_NOT_READY, "the zone has no SOA yet");
	v = judge_type(a->type);
	if (!verdict_is_ok(&v))
		return v;
	/* RFC 1035 6.2: no server is authoritative for every class, so QCLASS ANY gets
	 * no AA. */
	a->flags = flags_of(query->m, RCODE_NOERROR) | (class == CLASS_IN ? WIRE_AA : 0);
	return verdict_ok();
}

static size_t finish(struct answer *a, size_t limit, bool has_opt)
{
	struct wire_writer *w = &a->w;

	w->cap = limit;
	if (has_opt) {
		close_opt(w, open_opt(w, a->query->m, a->rcode));
		a->counts[ANSWER_ADDITIONAL]++;
	}
	wire_put_u16(w, 2, a->flags | a->rcode);
	for (size_t i = ANSWER_ANSWER; i <= ANSWER_ADDITIONAL; i++)
		wire_put_u16(w, 4 + 2 * i, a->counts[i]);
	return w->at;
}

/* answer.h promises a header. */
static size_t clamp(size_t limit)
{
	return limit < WIRE_HEADER_LEN ? WIRE_HEADER_LEN
				       : smaller(limit, WIRE_MESSAGE_MAX);
}

/* Writes everything before the records.  False: even the question does not fit. */
static bool begin(struct answer *a, uint8_t *buf, size_t limit, bool *ret_has_opt)
{
	const struct answer_query *query = a->query;
	const bool has_opt = query->m->opt_at && limit - WIRE_HEADER_LEN >= OPT_FIXED_LEN;

	*ret_has_opt = has_opt;
	wire_writer_init(&a->w, buf, has_opt ? limit - OPT_FIXED_LEN : limit, &a->names);
	write_header(&a->w, query->m->id, 0);
	a->records_at = WIRE_HEADER_LEN;
	if (!echo_question(&a->w, query->msg, query->m)) {
		answer_truncate(a);
		return false;
	}
	a->records_at = a->w.at;
	return true;
}

size_t answer_build(const struct answer_query *query, uint8_t *buf, size_t limit)
{
	uint8_t name[NAME_MAX_LEN];
	struct answer a = {.query = query};
	struct verdict v = judge(query, name, &a);
	bool has_opt;

	limit = clamp(limit);
	if (!verdict_is_ok(&v))
		return answer_verdict(query->msg, query->m, &v, NULL, 0, buf, limit);
	if (begin(&a, buf, limit, &has_opt))
		answer_look_up(&a, name);
	/* A part is a valid answer to ANY (RFC 8482 4.1). */
	if (a.has_left_out && (a.type != TYPE_ANY || !a.counts[ANSWER_ANSWER])) {
		v = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_SUPPORTED,
			"only the zone's own server can give this record");
		return answer_verdict(query->msg, query->m, &v, NULL, 0, buf, limit);
	}
	return finish(&a, limit, has_opt);
}

size_t answer_hand_on(const struct answer_query *query, const uint8_t *from,
	const struct wire_message *m, uint8_t *buf, size_t limit)
{
	struct answer a = {.query = query};
	bool has_opt;

	limit = clamp(limit);
	a.flags = flags_of(query->m, RCODE_NOERROR) | (m->flags & (WIRE_AA | WIRE_TC));
	a.rcode = m->flags & RCODE_PLAIN_MAX;
	if (begin(&a, buf, limit, &has_opt))
		answer_copy(&a, from, m);
	return finish(&a, limit, has_opt);
}
