/*
 * The octets stored for an update when its message is gone (update.h).
 *
 * What a peer sent is kept as it is, up to the additional section.  An update that the
 * gateway made itself, or that is too long, is written here: without prerequisites,
 * which are never shown, and with as many whole records as fit.
 */
#include "zones/update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	COUNTS_AT = 4, /* where the header has its four counts */
	UPDATE_COUNT_AT = COUNTS_AT + 4,
	ADDITIONAL_COUNT_AT = COUNTS_AT + 6,
	RECORD_FIXED_LEN = 2 + 2 + 4, /* type, class, TTL */
	UPDATE_FLAGS = OPCODE_UPDATE << 11,
};

/* ---- writing ---- */

static void write_record(struct wire_writer *w, const struct rr *rr)
{
	wire_write_name_plain(w, rr->spelled ? rr->spelled : rr->owner);
	wire_write_u16(w, rr->type);
	wire_write_u16(w, rr->class);
	wire_write_u32(w, update_is_add(rr) ? rr->ttl : 0);
	wire_write_u16(w, rr->rdata_len);
	wire_write_octets(w, rr->rdata, rr->rdata_len);
}

size_t update_encode(const struct update *update, uint8_t *buf, size_t cap)
{
	struct wire_writer w;

	wire_writer_init(&w, buf, cap, NULL);
	wire_write_u16(&w, 0);
	wire_write_u16(&w, UPDATE_FLAGS);
	wire_write_u16(&w, 1);
	wire_write_u16(&w, 0);
	wire_write_u16(&w, update->change_count);
	wire_write_u16(&w, 0);
	wire_write_name_plain(&w, update->zone);
	wire_write_u16(&w, TYPE_SOA);
	wire_write_u16(&w, CLASS_IN);
	for (uint16_t i = 0; i < update->change_count; i++) {
		const size_t at = w.at;

		write_record(&w, &update->changes[i]);
		if (!w.failed)
			continue;
		wire_writer_rewind(&w, at);
		break;
	}
	return w.at;
}

/* ---- reading ---- */

static void skip_record(struct wire_reader *r)
{
	uint8_t owner[NAME_MAX_LEN];

	wire_read_name(r, owner);
	wire_read_octets(r, RECORD_FIXED_LEN);
	wire_read_octets(r, wire_read_u16(r));
}

/* Counts the complete records of the update section, and finds their end.  False: even
 * what comes before them is incomplete. */
static bool find_end(
	const uint8_t *octets, size_t len, uint16_t *ret_count, size_t *ret_end)
{
	uint8_t zone[NAME_MAX_LEN];
	uint16_t zones, prereqs, changes;
	struct wire_reader r;

	wire_reader_init(&r, octets, COUNTS_AT, len);
	zones = wire_read_u16(&r);
	prereqs = wire_read_u16(&r);
	changes = wire_read_u16(&r);
	wire_read_u16(&r);
	wire_read_name(&r, zone);
	wire_read_octets(&r, 4);
	for (uint16_t i = 0; i < prereqs && !r.failed; i++)
		skip_record(&r);
	*ret_end = r.at;
	if (r.failed || zones != 1)
		return false;
	for (*ret_count = 0; *ret_count < changes; ++*ret_count) {
		skip_record(&r);
		if (r.failed)
			break;
		*ret_end = r.at;
	}
	return true;
}

static void put_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static struct verdict read_message(
	struct update **ret_update, const uint8_t *msg, size_t len)
{
	struct wire_message walk;
	struct verdict v = wire_walk(&walk, msg, len);

	return verdict_is_ok(&v) ? update_read(ret_update, msg, &walk) : v;
}

struct update *update_decode(const uint8_t *octets, size_t len, bool *ret_is_cut)
{
	struct update *update = NULL;
	struct verdict v;
	uint16_t count, claimed;
	uint8_t *msg;
	size_t end;

	if (len < WIRE_HEADER_LEN || !find_end(octets, len, &count, &end)) {
		errno = EBADMSG;
		return NULL;
	}
	msg = malloc(end);
	if (!msg) {
		errno = ENOMEM;
		return NULL;
	}
	memcpy(msg, octets, end);
	claimed = (uint16_t)(msg[UPDATE_COUNT_AT] << 8 | msg[UPDATE_COUNT_AT + 1]);
	put_u16(msg + UPDATE_COUNT_AT, count);
	put_u16(msg + ADDITIONAL_COUNT_AT, 0);
	v = read_message(&update, msg, end);
	free(msg);
	*ret_is_cut = count < claimed;
	errno = v.rcode == RCODE_SERVFAIL ? ENOMEM : EBADMSG;
	return update;
}
