/*
 * The stored form of change sets (changeset.h), in network order:
 *
 *   version (8 bits, 1), flags (8 bits, 1: sets_serial), number of changes (32)
 *   per change: owner (wire name), type (16), before, after
 *   before, after: number of records (16), 0 for none; else TTL (32), octets of data (32)
 *   and the data as in struct rrset
 *
 * Decoding believes nothing: names, lengths, no RRset twice, no octet left over.
 */
#include "zones/changeset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zones/draft.h"
#include "zones/rdata.h"

enum {
	CODE_VERSION = 1,
	CODE_SETS_SERIAL = 1,
	CODE_HEADER_LEN = 6,
	CODE_CHANGE_MIN = 1 + 2 + 2 + 2, /* octets of the shortest change */
	CODE_SET_LEN = 2 + 4 + 4,        /* octets before an RRset's data */
};

static size_t set_code_len(const struct rrset *set)
{
	return set ? CODE_SET_LEN + (size_t)set->size : 2;
}

static void encode_set(struct wire_writer *w, const struct rrset *set)
{
	wire_write_u16(w, set ? set->count : 0);
	if (!set)
		return;
	wire_write_u32(w, set->ttl);
	wire_write_u32(w, set->size);
	wire_write_octets(w, set->data, set->size);
}

uint8_t *changeset_encode(const struct changeset *cs, size_t *ret_len)
{
	size_t len = CODE_HEADER_LEN;
	struct wire_writer w;
	uint8_t *octets;

	for (uint32_t i = 0; i < cs->count; i++) {
		const struct change *change = &cs->changes[i];

		len += name_len(change->owner) + 2;
		len += set_code_len(change->before) + set_code_len(change->after);
	}
	octets = malloc(len);
	if (!octets)
		return NULL;
	wire_writer_init(&w, octets, len, NULL);
	wire_write_u8(&w, CODE_VERSION);
	wire_write_u8(&w, cs->sets_serial ? CODE_SETS_SERIAL : 0);
	wire_write_u32(&w, cs->count);
	for (uint32_t i = 0; i < cs->count; i++) {
		const struct change *change = &cs->changes[i];

		wire_write_name_plain(&w, change->owner);
		wire_write_u16(&w, change->type);
		encode_set(&w, change->before);
		encode_set(&w, change->after);
	}
	*ret_len = len;
	return octets;
}

/* Does data hold exactly count records?  They need not have the shape of their type: what
 * a target has is in change sets, too. */
static bool is_set_data(const uint8_t *data, uint32_t size, unsigned count)
{
	struct wire_reader r;

	wire_reader_init(&r, data, 0, size);
	for (unsigned i = 0; i < count; i++) {
		uint16_t len = wire_read_u16(&r);

		if (!wire_read_octets(&r, len) || r.failed)
			return false;
	}
	return r.at == size;
}

/* 0 with NULL for none; -EBADMSG or -ENOMEM. */
static int decode_set(struct wire_reader *r, uint16_t type, struct rrset **ret_set)
{
	uint16_t count = wire_read_u16(r);
	const uint8_t *data;
	uint32_t ttl, size;
	struct rrset *set;

	*ret_set = NULL;
	if (!count)
		return r->failed ? -EBADMSG : 0;
	ttl = wire_read_u32(r);
	size = wire_read_u32(r);
	if (count > RRSET_COUNT_MAX || size > RRSET_SIZE_MAX)
		return -EBADMSG;
	data = wire_read_octets(r, size);
	if (r->failed || !data || !is_set_data(data, size, count))
		return -EBADMSG;
	set = malloc(sizeof(*set) + size);
	if (!set)
		return -ENOMEM;
	*set = (struct rrset){
		.refs = 1, .ttl = ttl, .type = type, .count = count, .size = size};
	memcpy(set->data, data, size);
	*ret_set = set;
	return 0;
}

/* A name as Muster stores owners: uncompressed, in lower case. */
static bool decode_owner(struct wire_reader *r, uint8_t ret_owner[NAME_MAX_LEN])
{
	uint8_t lower[NAME_MAX_LEN];
	int len;

	if (r->failed)
		return false;
	len = name_read_uncompressed(ret_owner, r->msg, r->end, &r->at);
	if (len < 0)
		return false;
	memcpy(lower, ret_owner, (size_t)len);
	name_lower(lower);
	return memcmp(lower, ret_owner, (size_t)len) == 0;
}

static int decode_change(struct changeset *cs, struct wire_reader *r)
{
	uint8_t owner[NAME_MAX_LEN];
	struct rrset *before = NULL, *after = NULL;
	uint16_t type;
	int result;

	if (!decode_owner(r, owner))
		return -EBADMSG;
	type = wire_read_u16(r);
	if (r->failed || rdata_type_is_meta(type) || changeset_find(cs, owner, type))
		return -EBADMSG;
	result = decode_set(r, type, &before);
	if (result == 0)
		result = decode_set(r, type, &after);
	if (result == 0)
		result = changeset_append(cs, owner, type, before, after);
	rrset_unref(before);
	rrset_unref(after);
	return result;
}

static int decode_all(struct changeset *cs, struct wire_reader *r)
{
	uint8_t version = wire_read_u8(r);
	uint8_t flags = wire_read_u8(r);
	uint32_t count = wire_read_u32(r);

	if (r->failed || version != CODE_VERSION || flags & ~CODE_SETS_SERIAL)
		return -EBADMSG;
	if (count > (r->end - r->at) / CODE_CHANGE_MIN)
		return -EBADMSG;
	cs->sets_serial = flags & CODE_SETS_SERIAL;
	for (uint32_t i = 0; i < count; i++) {
		int result = decode_change(cs, r);

		if (result < 0)
			return result;
	}
	return r->at == r->end ? 0 : -EBADMSG;
}

struct changeset *changeset_decode(const uint8_t *octets, size_t len)
{
	struct changeset *cs = changeset_new();
	struct wire_reader r;
	int result;

	if (!cs) {
		errno = ENOMEM;
		return NULL;
	}
	wire_reader_init(&r, octets, 0, len);
	result = decode_all(cs, &r);
	if (result == 0)
		return cs;
	changeset_unref(cs);
	errno = -result;
	return NULL;
}
