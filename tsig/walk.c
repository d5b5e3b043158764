/*
 * The walk over a whole message, before any of it is trusted.
 *
 * Skips names without copying them; its rule for names is that of name_read, so that a
 * name accepted here can be read there.  RDATA is not looked at, except for the options
 * of OPT.
 */
#include "tsig/wire.h"

#include <string.h>

#include "tsig/plural.h"

enum { QUESTION, ANSWER, AUTHORITY, ADDITIONAL, SECTIONS };

enum {
	RR_FIXED_LEN = 10,      /* type, class, TTL, RDLENGTH */
	QUESTION_FIXED_LEN = 4, /* type, class */
	OPTION_FIXED_LEN = 4,   /* code, length */
	EDNS_DO = 0x8000,       /* in the TTL, RFC 6891 6.1.3 */
};

static inline uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)get_u16(p) << 16 | get_u16(p + 2);
}

/* Skips the name at at.  Returns the offset of the octet after it, or 0 if it is
 * invalid. */
static size_t skip_name(const uint8_t *msg, size_t end, size_t at)
{
	size_t pos = at, run = at, after = 0, len = 0;
	unsigned pointers = 0;

	while (pos < end) {
		unsigned octet = msg[pos];

		if (octet == 0)
			return after ? after : pos + 1;
		if (octet < 64) {
			len += 1 + octet;
			pos += 1 + octet;
			if (len >= NAME_MAX_LEN)
				return 0;
			continue;
		}
		/* RFC 1035 4.1.4; strictly backwards, and no endless chains
		 * (name_read). */
		if (octet < 0xc0 || end - pos < 2 || pointers++ == NAME_MAX_LABELS)
			return 0;
		size_t target = (octet & 0x3f) << 8 | msg[pos + 1];

		if (target >= run)
			return 0;
		if (!after)
			after = pos + 2;
		pos = run = target;
	}
	return 0;
}

/* RFC 6891 6.1.1, 6.1.2.  fixed points after the owner name.  NULL, or what is wrong. */
static const char *take_opt(struct wire_message *m, const uint8_t *msg, unsigned section,
	size_t start, const uint8_t *fixed)
{
	uint32_t ttl = get_u32(fixed + 4);
	size_t at = (size_t)(fixed - msg) + RR_FIXED_LEN;
	size_t end = at + get_u16(fixed + 8);

	if (section != ADDITIONAL)
		return "OPT outside the additional section";
	if (m->opt_at)
		return "more than one OPT";
	if (msg[start] != 0)
		return "OPT not at the root";
	/* Any fault after this is in the options, and RFC 6891 7 requires an OPT in the
	 * FORMERR that reports it. */
	m->opt_at = start;
	/* RFC 6891 6.2.3: less than 512 means 512. */
	if (get_u16(fixed + 2) > WIRE_UDP_PLAIN)
		m->udp_size = get_u16(fixed + 2);
	m->edns_version = (uint8_t)(ttl >> 16);
	m->dnssec_ok = ttl & EDNS_DO;
	m->opt_rdata_at = at;
	m->opt_rdata_len = (uint16_t)(end - at);
	while (at < end) {
		if (end - at < OPTION_FIXED_LEN)
			return "EDNS option cut short";
		at += OPTION_FIXED_LEN;
		if (get_u16(msg + at - 2) > end - at)
			return "EDNS option longer than OPT";
		at += get_u16(msg + at - 2);
	}
	return NULL;
}

/* RFC 8945 4.2, 5.2. */
static const char *take_tsig(struct wire_message *m, unsigned section, bool is_last,
	size_t start, const uint8_t *fixed)
{
	if (section != ADDITIONAL)
		return "TSIG outside the additional section";
	if (!is_last)
		return "TSIG not the last record";
	if (get_u16(fixed + 2) != CLASS_ANY)
		return "TSIG not of class ANY";
	if (get_u32(fixed + 4) != 0)
		return "TSIG with a TTL";
	m->tsig_at = start;
	return NULL;
}

static const char *walk_record(struct wire_message *m, const uint8_t *msg,
	unsigned section, bool is_last, size_t *at)
{
	size_t start = *at, pos = skip_name(msg, m->end, start);

	if (pos == 0)
		return "bad owner name";
	if (m->end - pos < RR_FIXED_LEN)
		return "record cut short";

	const uint8_t *fixed = msg + pos;
	uint16_t type = get_u16(fixed);
	size_t rdlength = get_u16(fixed + 8);

	pos += RR_FIXED_LEN;
	if (m->end - pos < rdlength)
		return "RDATA runs past the end of the message";
	*at = pos + rdlength;
	if (type == TYPE_OPT)
		return take_opt(m, msg, section, start, fixed);
	if (type == TYPE_TSIG)
		return take_tsig(m, section, is_last, start, fixed);
	if (type == TYPE_SIG && section == ADDITIONAL && rdlength >= 2)
		m->has_sig0 |= get_u16(fixed + RR_FIXED_LEN) == 0;
	return NULL;
}

static const char *walk_question(
	const struct wire_message *m, const uint8_t *msg, size_t *at)
{
	size_t pos = skip_name(msg, m->end, *at);

	if (pos == 0)
		return "bad name";
	if (m->end - pos < QUESTION_FIXED_LEN)
		return "question cut short";
	*at = pos + QUESTION_FIXED_LEN;
	return NULL;
}

static const char *walk_section(struct wire_message *m, const uint8_t *msg,
	unsigned section, unsigned *i, size_t *at)
{
	const char *wrong = NULL;

	m->section_at[section] = *at;
	for (*i = 0; *i < m->counts[section] && !wrong; ++*i) {
		if (section == QUESTION)
			wrong = walk_question(m, msg, at);
		else
			wrong = walk_record(
				m, msg, section, *i + 1 == m->counts[section], at);
	}
	return wrong;
}

static void take_header(struct wire_message *m, const uint8_t *msg)
{
	m->id = get_u16(msg);
	m->flags = get_u16(msg + 2);
	m->opcode = m->flags >> 11 & 15;
	for (unsigned i = 0; i < SECTIONS; i++)
		m->counts[i] = get_u16(msg + 4 + 2 * i);
}

struct verdict wire_walk(struct wire_message *m, const uint8_t *msg, size_t len)
{
	static const char *const names[SECTIONS] = {
		"question", "answer", "authority", "additional"};
	size_t at = WIRE_HEADER_LEN;
	unsigned i = 0;

	*m = (struct wire_message){.end = len, .udp_size = WIRE_UDP_PLAIN};
	if (len < WIRE_HEADER_LEN)
		return verdict_refuse(RCODE_FORMERR, EDE_NONE, "shorter than a header");
	take_header(m, msg);
	if (len > WIRE_MESSAGE_MAX)
		return verdict_refuse(
			RCODE_FORMERR, EDE_NONE, "longer than a message can be");
	for (unsigned section = 0; section < SECTIONS; section++) {
		const char *wrong = walk_section(m, msg, section, &i, &at);

		if (wrong)
			return verdict_refuse(RCODE_FORMERR, EDE_NONE,
				"%s section, record %u: %s", names[section], i, wrong);
		if (section == QUESTION)
			m->question_end = at;
	}
	if (at != len)
		return verdict_refuse(RCODE_FORMERR, EDE_NONE,
			"%zu %s after the last record", len - at,
			PLURAL(len - at, "octet"));
	return verdict_ok();
}

bool wire_is_answerable(const uint8_t *msg, size_t len)
{
	return len >= WIRE_HEADER_LEN && !(get_u16(msg + 2) & WIRE_QR);
}

const uint8_t *wire_find_option(const struct wire_message *m, const uint8_t *msg,
	uint16_t code, uint16_t *ret_len)
{
	size_t at = m->opt_rdata_at, end = at + m->opt_rdata_len;

	if (!m->opt_at)
		return NULL;
	while (end - at >= OPTION_FIXED_LEN) {
		uint16_t len = get_u16(msg + at + 2);

		at += OPTION_FIXED_LEN;
		if (len > end - at)
			return NULL;
		if (get_u16(msg + at - OPTION_FIXED_LEN) == code) {
			*ret_len = len;
			return msg + at;
		}
		at += len;
	}
	return NULL;
}
