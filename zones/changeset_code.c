/*
 * The stored form of change sets (changeset.h), in network order:
 *
 *   version (8 bits, 1 to 3), flags (8 bits, 1: sets_serial, 2: is_uncertain), number of
 *   changes (32)
 *   per change: owner (wire name), type (16), before, after
 *   before, after: number of records (16), 0 for none; else TTL (32), octets of data (32)
 *   and the data as in struct rrset; from version 2 on the length (8) of the owner as it
 *   was written, 0 for none, and the name
 *   after, in version 3, if the number of records has CODE_SHARED: behind the octets of
 *   data, how many of them are those that before begins (32) and ends (32) with; the data
 *   is only what stands between these
 *
 * One record more or less in a large RRset, or a new serial in a SOA, takes a few
 * octets.  Version 3 is written if some RRset exists before and after and is long
 * enough for this, version 2 if the spelling of an owner has to be stored.
 *
 * Decoding checks everything: names, lengths, that no RRset appears twice, that no
 * octet is left over.
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
	CODE_VERSION_SHARED = 3,
	CODE_SHARED = 0x8000, /* RRSET_COUNT_MAX is less */
	CODE_SHARED_LEN = 4 + 4,
	CODE_STRIDE = 8, /* octets compared at once */
	CODE_SETS_SERIAL = 1,
	CODE_UNCERTAIN = 2,
	CODE_HEADER_LEN = 6,
	CODE_CHANGE_MIN = 1 + 2 + 2 + 2, /* octets of the shortest change */
	CODE_SET_LEN = 2 + 4 + 4,        /* octets before an RRset's data */
};

/* Octets that two RRsets have in common; none if sharing them is not worth it. */
struct shared {
	uint32_t first, last;
};

static uint32_t count_first(const uint8_t *a, const uint8_t *b, uint32_t most)
{
	uint32_t count = 0;

	while (most - count >= CODE_STRIDE && !memcmp(a + count, b + count, CODE_STRIDE))
		count += CODE_STRIDE;
	while (count < most && a[count] == b[count])
		count++;
	return count;
}

static uint32_t count_last(const uint8_t *a_end, const uint8_t *b_end, uint32_t most)
{
	uint32_t count = 0;

	while (most - count >= CODE_STRIDE &&
		!memcmp(a_end - count - CODE_STRIDE, b_end - count - CODE_STRIDE,
			CODE_STRIDE))
		count += CODE_STRIDE;
	while (count < most &&
		a_end[-1 - (ptrdiff_t)count] == b_end[-1 - (ptrdiff_t)count])
		count++;
	return count;
}

/* Are both RRsets long enough to share octets? */
static bool may_share(const struct change *change)
{
	return change->before && change->after &&
		change->before->size > CODE_SHARED_LEN &&
		change->after->size > CODE_SHARED_LEN;
}

static struct shared find_shared(const struct change *change)
{
	const struct rrset *before = change->before, *after = change->after;
	struct shared shared = {0, 0};
	uint32_t most;

	if (!may_share(change))
		return shared;
	most = before->size < after->size ? before->size : after->size;
	shared.first = count_first(before->data, after->data, most);
	shared.last = count_last(before->data + before->size, after->data + after->size,
		most - shared.first);
	if (shared.first + shared.last <= CODE_SHARED_LEN)
		shared.first = shared.last = 0;
	return shared;
}

static bool is_shared(const struct shared *shared)
{
	return shared->first || shared->last;
}

/* The largest size, when nothing is shared. */
static size_t set_code_len(const struct rrset *set)
{
	return set ? CODE_SET_LEN + (size_t)set->size + 1 + set->spelled_len : 2;
}

static bool is_spelled(const struct rrset *set)
{
	return set && set->spelled_len;
}

static uint8_t find_version(const struct changeset *cs)
{
	uint8_t version = CODE_VERSION;

	for (uint32_t i = 0; i < cs->count; i++) {
		const struct change *change = &cs->changes[i];

		if (may_share(change))
			return CODE_VERSION_SHARED;
		if (is_spelled(change->before) || is_spelled(change->after))
			version = CODE_VERSION_SPELLED;
	}
	return version;
}

static void encode_set(struct wire_writer *w, const struct rrset *set, uint8_t version,
	const struct shared *shared)
{
	if (!set) {
		wire_write_u16(w, 0);
		return;
	}
	wire_write_u16(w, set->count | (is_shared(shared) ? CODE_SHARED : 0));
	wire_write_u32(w, set->ttl);
	wire_write_u32(w, set->size);
	if (is_shared(shared)) {
		wire_write_u32(w, shared->first);
		wire_write_u32(w, shared->last);
	}
	wire_write_octets(w, set->data + shared->first,
		(size_t)set->size - shared->first - shared->last);
	if (version == CODE_VERSION)
		return;
	wire_write_u8(w, (uint8_t)set->spelled_len);
	wire_write_octets(w, set->data + set->size, set->spelled_len);
}

static void encode_change(
	struct wire_writer *w, const struct change *change, uint8_t version)
{
	const struct shared none = {0, 0};
	const struct shared shared = find_shared(change);

	wire_write_name_plain(w, change->owner);
	wire_write_u16(w, change->type);
	encode_set(w, change->before, version, &none);
	encode_set(w, change->after, version, &shared);
}

size_t changeset_code_max(const struct changeset *cs)
{
	size_t len = CODE_HEADER_LEN;

	for (uint32_t i = 0; i < cs->count; i++) {
		const struct change *change = &cs->changes[i];

		len += name_len(change->owner) + 2 + set_code_len(change->before) +
			set_code_len(change->after);
	}
	return len;
}

size_t changeset_encode_to(const struct changeset *cs, uint8_t *buf, size_t room)
{
	const uint8_t version = find_version(cs);
	struct wire_writer w;

	wire_writer_init(&w, buf, room, NULL);
	wire_write_u8(&w, version);
	wire_write_u8(&w,
		(cs->sets_serial ? CODE_SETS_SERIAL : 0) |
			(cs->is_uncertain ? CODE_UNCERTAIN : 0));
	wire_write_u32(&w, cs->count);
	for (uint32_t i = 0; i < cs->count; i++)
		encode_change(&w, &cs->changes[i], version);
	return w.at;
}

uint8_t *changeset_encode(const struct changeset *cs, size_t *ret_len)
{
	const size_t room = changeset_code_max(cs);
	uint8_t *octets = malloc(room);

	if (octets)
		*ret_len = changeset_encode_to(cs, octets, room);
	return octets;
}

/* Does data hold exactly count records?  They need not be well formed, since change
 * sets also hold what a target has. */
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

/* Reads the owner as it was written.  False: it is another name, or not a name. */
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

/* Reads what is shared, for a set of size octets.  False: malformed. */
static bool decode_shared(struct wire_reader *r, const struct rrset *before,
	uint32_t size, struct shared *ret)
{
	ret->first = wire_read_u32(r);
	ret->last = wire_read_u32(r);
	return !r->failed && before && ret->first <= before->size &&
		ret->last <= before->size && ret->first <= size &&
		ret->last <= size - ret->first;
}

/* Reads the data of a set of size octets.  False: malformed. */
static bool decode_data(struct wire_reader *r, const struct rrset *before,
	const struct shared *shared, uint32_t size, uint8_t *to)
{
	const size_t own = (size_t)size - shared->first - shared->last;
	const uint8_t *data = wire_read_octets(r, own);

	if (r->failed || !data)
		return false;
	memcpy(to + shared->first, data, own);
	if (!before)
		return true;
	memcpy(to, before->data, shared->first);
	memcpy(to + shared->first + own, before->data + before->size - shared->last,
		shared->last);
	return true;
}

struct set_code {
	uint16_t count;
	uint32_t ttl, size;
	struct shared shared;
};

/* Reads everything before the data.  False: malformed. */
static bool decode_head(struct wire_reader *r, uint8_t version,
	const struct rrset *before, struct set_code *ret)
{
	const bool has_shared =
		version == CODE_VERSION_SHARED && ret->count & CODE_SHARED;

	ret->ttl = wire_read_u32(r);
	ret->size = wire_read_u32(r);
	if (has_shared)
		ret->count &= ~CODE_SHARED;
	if (!ret->count || ret->count > RRSET_COUNT_MAX || ret->size > RRSET_SIZE_MAX)
		return false;
	if (has_shared && !decode_shared(r, before, ret->size, &ret->shared))
		return false;
	/* Allocate nothing larger than what the octets present can fill. */
	return !r->failed &&
		ret->size - ret->shared.first - ret->shared.last <= r->end - r->at;
}

/* The length of the owner as it was written, if the octets are well formed. */
static size_t peek_spelled_len(
	const struct wire_reader *r, uint8_t version, const struct set_code *code)
{
	const size_t at = r->at + code->size - code->shared.first - code->shared.last;

	return version == CODE_VERSION || at >= r->end ? 0 : r->msg[at];
}

static struct rrset *new_set(
	const struct set_code *code, uint16_t type, size_t spelled_len)
{
	struct rrset *set = malloc(sizeof(*set) + code->size + spelled_len);

	if (set)
		*set = (struct rrset){.refs = 1,
			.ttl = code->ttl,
			.type = type,
			.count = code->count,
			.size = code->size & 0xffffff,
			.spelled_len = spelled_len & 0xff};
	return set;
}

/* before: what after may share octets with; NULL: nothing.  0 (NULL for an absent
 * RRset), -EBADMSG or -ENOMEM. */
static int decode_set(struct wire_reader *r, uint8_t version, const uint8_t *owner,
	uint16_t type, const struct rrset *before, struct rrset **ret_set)
{
	struct set_code code = {.count = wire_read_u16(r)};
	uint8_t spelled[NAME_MAX_LEN] = {0};
	struct rrset *set;

	*ret_set = NULL;
	if (!code.count)
		return r->failed ? -EBADMSG : 0;
	if (!decode_head(r, version, before, &code))
		return -EBADMSG;
	set = new_set(&code, type, peek_spelled_len(r, version, &code));
	if (!set)
		return -ENOMEM;
	if (!decode_data(r, before, &code.shared, code.size, set->data) ||
		!is_set_data(set->data, code.size, code.count) ||
		(version != CODE_VERSION && !decode_spelled(r, owner, spelled))) {
		rrset_unref(set);
		return -EBADMSG;
	}
	memcpy(set->data + code.size, spelled, set->spelled_len);
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
	result = decode_set(r, version, owner, type, NULL, &before);
	if (result == 0)
		result = decode_set(r, version, owner, type, before, &after);
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

	if (r->failed || version < CODE_VERSION || version > CODE_VERSION_SHARED ||
		flags & ~(CODE_SETS_SERIAL | CODE_UNCERTAIN))
		return -EBADMSG;
	if (count > (r->end - r->at) / CODE_CHANGE_MIN)
		return -EBADMSG;
	cs->sets_serial = flags & CODE_SETS_SERIAL;
	cs->is_uncertain = flags & CODE_UNCERTAIN;
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
