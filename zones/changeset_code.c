/*
 * The stored form of change sets (changeset.h), in network order:
 *
 *   version (8 bits, 1 or 2), flags (8 bits, 1: sets_serial), number of changes (32)
 *   per change: owner (wire name), type (16), before, after
 *   before, after: number of records (16), 0 for none; else TTL (32), octets of data (32)
 *   and the data as in struct rrset; in version 2, which is written only if there is one
 *   to tell, the length (8) of the owner as it was written, 0 for none, and the name
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
	CODE_VERSION_SPELLED = 2,
	CODE_SETS_SERIAL = 1,
	CODE_HEADER_LEN = 6,
	CODE_CHANGE_MIN = 1 + 2 + 2 + 2, /* octets of the shortest change */
	CODE_SET_LEN = 2 + 4 + 4,        /* octets before an RRset's data */
};

static size_t set_code_len(const struct rrset *set, uint8_t version)
{
	if (!set)
		return 2;
	return CODE_SET_LEN + (size_t)set->size +
		(version == CODE_VERSION ? 0 : 1u + set->spelled_len);
}

static bool is_spelled(const struct rrset *set)
{
	return set && set->spelled_len;
}

static uint8_t find_version(const struct changeset *cs)
{
	for (uint32_t i = 0; i < cs->count; i++) {
		if (is_spelled(cs->changes[i].before) || is_spelled(cs->changes[i].after))
			return CODE_VERSION_SPELLED;
	}
	return CODE_VERSION;
}

static void encode_set(struct wire_writer *w, const struct rrset *set, uint8_t version)
{
	wire_write_u16(w, set ? set->count : 0);
	if (!set)
		return;
	wire_write_u32(w, set->ttl);
	wire_write_u32(w, set->size);
	wire_write_octets(w, set->data, set->size);
	if (version == CODE_VERSION)
		return;
	wire_write_u8(w, (uint8_t)set->spelled_len);
	wire_write_octets(w, set->data + set->size, set->spelled_len);
}

uint8_t *changeset_encode(const struct changeset *cs, size_t *ret_len)
{
	const uint8_t version = find_version(cs);
	size_t len = CODE_HEADER_LEN;
	struct wire_writer w;
	uint8_t *octets;

	for (uint32_t i = 0; i < cs->count; i++) {
		const struct change *change = &cs->changes[i];

		len += name_len(change->owner) + 2;
		len += set_code_len(change->before, version) +
			set_code_len(change->after, version);
	}
	octets = malloc(len);
	if (!octets)
		return NULL;
	wire_writer_init(&w, octets, len, NULL);
	wire_write_u8(&w, version);
	wire_write_u8(&w, cs->sets_serial ? CODE_SETS_SERIAL : 0);
	wire_write_u32(&w, cs->count);
	for (uint32_t i = 0; i < cs->count; i++) {
		const struct change *change = &cs->changes[i];

		wire_write_name_plain(&w, change->owner);
		wire_write_u16(&w, change->type);
		encode_set(&w, change->before, version);
		encode_set(&w, change->after, version);
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

/* The owner as it was written.  False: another name, or none. */
static bool decode_spelled(
	struct wire_reader *r, const uint8_t *owner, uint8_t ret[NAME_MAX_LEN])
{
	const size_t end = r->at + wire_read_u8(r) + 1;
	int len;

	ret[0] = 0;
	if (r->failed || end > r->end)
		return false;
	if (end == r->at)
		return true;
	len = name_read_uncompressed(ret, r->msg, end, &r->at);
	return len > 1 && r->at == end && name_is_equal_nocase(ret, owner);
}

/* 0 with NULL for none; -EBADMSG or -ENOMEM. */
static int decode_set(struct wire_reader *r, uint8_t version, const uint8_t *owner,
	uint16_t type, struct rrset **ret_set)
{
	uint8_t spelled[NAME_MAX_LEN] = {0};
	size_t spelled_len;
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
	if (version != CODE_VERSION && !decode_spelled(r, owner, spelled))
		return -EBADMSG;
	spelled_len = spelled[0] ? name_len(spelled) : 0;
	set = malloc(sizeof(*set) + size + spelled_len);
	if (!set)
		return -ENOMEM;
	*set = (struct rrset){.refs = 1,
		.ttl = ttl,
		.type = type,
		.count = count,
		.size = size & 0xffffff,
		.spelled_len = spelled_len & 0xff};
	memcpy(set->data, data, size);
	memcpy(set->data + size, spelled, spelled_len);
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

static int decode_change(struct changeset *cs, struct wire_reader *r, uint8_t version)
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
	result = decode_set(r, version, owner, type, &before);
	if (result == 0)
		result = decode_set(r, version, owner, type, &after);
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

	if (r->failed || version < CODE_VERSION || version > CODE_VERSION_SPELLED ||
		flags & ~CODE_SETS_SERIAL)
		return -EBADMSG;
	if (count > (r->end - r->at) / CODE_CHANGE_MIN)
		return -EBADMSG;
	cs->sets_serial = flags & CODE_SETS_SERIAL;
	for (uint32_t i = 0; i < count; i++) {
		int result = decode_change(cs, r, version);

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
