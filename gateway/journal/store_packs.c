/*
 * Packs: the rows of one transaction, written together.
 *
 * The rows of updates are gathered as octets, and each run of STORE_PACK_LEN octets
 * becomes one row of the table packs, numbered by the last seq in it.  Packs do not
 * overlap.  Events (which have an index there) and rows outside a transaction are written
 * alone, to the table journal.  A row whose outcome is corrected is copied there too, and
 * the copy counts.
 *
 *   pack   rows, by seq
 *   row    octets that follow (32 bits), flags (16), rcode (16), seq, zone, at_ms,
 *          transaction (64 each); then, as the flags say: key (wire name); length (8) and
 *          source; length (16) and reason with its NUL; length (16) and request; MAC
 *          and time signed (64); and to its end the change set
 *
 * in network order.
 */
#include "gateway/journal/store_private.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	STORE_PACK_LEN = 60000,      /* octets in a pack, unless one row has more */
	STORE_PACKED_MAX = 1 << 20,  /* octets that are gathered */
	STORE_PACKED_KEPT = 4 << 20, /* octets of memory that are kept for that */
};

enum pack_flag {
	PACK_KEY = 1,
	PACK_SOURCE = 2,
	PACK_REASON = 4,
	PACK_REQUEST = 8,
	PACK_MAC = 16,
	PACK_CHANGES = 32,
	PACK_FLAGS = 63, /* all flags known */
};

/* ---- where something came from, as octets ---- */

size_t store_encode_source(
	const struct store_source *source, uint8_t ret[STORE_SOURCE_LEN])
{
	const size_t len = source->address.family == 4 ? 4 : 16;

	if (!source->address.family)
		return 0;
	memcpy(ret, source->address.octets, len);
	if (source->transport == STORE_NO_TRANSPORT)
		return len;
	ret[len] = (uint8_t)(source->port >> 8);
	ret[len + 1] = (uint8_t)source->port;
	ret[len + 2] = (uint8_t)source->transport;
	return len + 3;
}

struct store_source store_decode_source(const uint8_t *octets, size_t len)
{
	struct store_source source = {.transport = STORE_NO_TRANSPORT};
	const size_t address_len = len < 16 ? 4 : 16;

	if (!octets || len < address_len)
		return source;
	source.address.family = address_len == 4 ? 4 : 6;
	memcpy(source.address.octets, octets, address_len);
	if (len == address_len + 3) {
		source.port = (uint16_t)(octets[len - 3] << 8 | octets[len - 2]);
		source.transport = octets[len - 1];
	}
	return source;
}

/* ---- a row as octets ---- */

enum { HEAD_LEN = 4 + 2 + 2 + 4 * 8 };

static void put_u64(uint8_t *at, uint64_t value)
{
	value = htobe64(value);
	memcpy(at, &value, sizeof(value));
}

static uint64_t get_u64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return be64toh(value);
}

static uint64_t read_u64(struct wire_reader *r)
{
	const uint8_t *octets = wire_read_octets(r, 8);

	return octets ? get_u64(octets) : 0;
}

static unsigned find_flags(const struct store_row *row)
{
	return (row->key ? PACK_KEY : 0) |
		(row->source.address.family ? PACK_SOURCE : 0) |
		(row->reason ? PACK_REASON : 0) | (row->request ? PACK_REQUEST : 0) |
		(row->mac ? PACK_MAC : 0) | (row->changes ? PACK_CHANGES : 0);
}

/* At most. */
static size_t find_len(const struct store_row *row)
{
	return HEAD_LEN + NAME_MAX_LEN + 1 + STORE_SOURCE_LEN + 2 +
		(row->reason ? strlen(row->reason) + 1 : 0) + 2 + row->request_len +
		STORE_MAC_LEN + 8 + (row->changes ? changeset_code_max(row->changes) : 0);
}

static void write_head(
	uint8_t head[HEAD_LEN], const struct store_row *row, unsigned flags, size_t len)
{
	put_u64(head, (uint64_t)(len - 4) << 32 | flags << 16 | row->rcode);
	put_u64(head + 8, row->seq);
	put_u64(head + 16, (uint64_t)row->zone);
	put_u64(head + 24, (uint64_t)row->at_ms);
	put_u64(head + 32, row->transaction);
}

/* buf has room for find_len octets.  Octets written; 0: a value is longer than its
 * length field allows. */
static size_t encode_row(const struct store_row *row, uint8_t *buf, size_t room)
{
	const unsigned flags = find_flags(row);
	uint8_t source[STORE_SOURCE_LEN], time_signed[8];
	const size_t source_len = store_encode_source(&row->source, source);
	const size_t reason_len = row->reason ? strlen(row->reason) + 1 : 0;
	struct wire_writer w;

	if (reason_len > UINT16_MAX || row->request_len > UINT16_MAX)
		return 0;
	wire_writer_init(&w, buf, room, NULL);
	w.at = HEAD_LEN;
	if (flags & PACK_KEY)
		wire_write_name_plain(&w, row->key);
	if (flags & PACK_SOURCE) {
		wire_write_u8(&w, (uint8_t)source_len);
		wire_write_octets(&w, source, source_len);
	}
	if (flags & PACK_REASON) {
		wire_write_u16(&w, (uint16_t)reason_len);
		wire_write_octets(&w, row->reason, reason_len);
	}
	if (flags & PACK_REQUEST) {
		wire_write_u16(&w, (uint16_t)row->request_len);
		wire_write_octets(&w, row->request, row->request_len);
	}
	if (flags & PACK_MAC) {
		put_u64(time_signed, row->time_signed);
		wire_write_octets(&w, row->mac, STORE_MAC_LEN);
		wire_write_octets(&w, time_signed, sizeof(time_signed));
	}
	if (flags & PACK_CHANGES)
		w.at += changeset_encode_to(row->changes, buf + w.at, room - w.at);
	write_head(buf, row, flags, w.at);
	return w.failed || w.at > UINT32_MAX ? 0 : w.at;
}

size_t store_packed_len(const uint8_t *octets, size_t len)
{
	const uint64_t row_len = len < HEAD_LEN ? 0 : (get_u64(octets) >> 32) + 4;

	return row_len >= HEAD_LEN && row_len <= len ? (size_t)row_len : 0;
}

uint64_t store_packed_seq(const uint8_t *octets)
{
	return get_u64(octets + 8);
}

static const char *read_reason(struct wire_reader *r)
{
	const size_t len = wire_read_u16(r);
	const uint8_t *octets = wire_read_octets(r, len);

	if (octets && len && !octets[len - 1])
		return (const char *)octets;
	r->failed = true;
	return NULL;
}

static void read_parts(struct wire_reader *r, unsigned flags, struct store_read_row *ret)
{
	struct store_row *row = &ret->row;
	size_t len;

	if (flags & PACK_KEY) {
		r->failed = r->failed ||
			name_read_uncompressed(ret->key, r->msg, r->end, &r->at) < 0;
		row->key = ret->key;
	}
	if (flags & PACK_SOURCE) {
		len = wire_read_u8(r);
		row->source = store_decode_source(wire_read_octets(r, len), len);
	}
	if (flags & PACK_REASON)
		row->reason = read_reason(r);
	if (flags & PACK_REQUEST) {
		row->request_len = wire_read_u16(r);
		row->request = wire_read_octets(r, row->request_len);
	}
	if (flags & PACK_MAC) {
		row->mac = wire_read_octets(r, STORE_MAC_LEN);
		row->time_signed = read_u64(r);
	}
	if (flags & PACK_CHANGES) {
		ret->changes_len = r->end - r->at;
		ret->changes = wire_read_octets(r, ret->changes_len);
	}
}

bool store_unpack(const uint8_t *octets, size_t len, struct store_read_row *ret)
{
	const uint64_t head = get_u64(octets);
	const unsigned flags = (uint16_t)(head >> 16);
	struct wire_reader r;

	ret->row = (struct store_row){
		.rcode = (uint16_t)head,
		.seq = store_packed_seq(octets),
		.zone = (int64_t)get_u64(octets + 16),
		.at_ms = (int64_t)get_u64(octets + 24),
		.transaction = get_u64(octets + 32),
	};
	ret->changes = NULL;
	ret->changes_len = 0;
	wire_reader_init(&r, octets, HEAD_LEN, len);
	read_parts(&r, flags, ret);
	return !r.failed && !(flags & ~PACK_FLAGS) && r.at == len;
}

/* ---- gathering ---- */

/* 0 or -ENOMEM. */
static int make_room(struct store_packs *packs, size_t len)
{
	size_t room = packs->room;
	uint8_t *octets;

	if (packs->len + len <= room)
		return 0;
	while (room < packs->len + len)
		room = 2 * room + 4096;
	octets = realloc(packs->octets, room);
	if (!octets)
		return -ENOMEM;
	packs->octets = octets;
	packs->room = room;
	return 0;
}

static int gather(struct store_packs *packs, const struct store_row *row)
{
	const size_t most = find_len(row);
	size_t len;
	int r = make_room(packs, most);

	if (r)
		return r;
	len = encode_row(row, packs->octets + packs->len, most);
	if (!len)
		return -EINVAL;
	packs->len += len;
	return 0;
}

void store_drop_packs(struct store *store)
{
	struct store_packs *packs = &store->packs;

	packs->len = 0;
	if (packs->room <= STORE_PACKED_KEPT)
		return;
	free(packs->octets);
	packs->octets = NULL;
	packs->room = 0;
}

/* ---- writing ---- */

static int put_pack(struct store *store, const uint8_t *octets, size_t len, uint64_t last)
{
	struct store_call call = store_call(store, SQL_ADD_PACK);

	store_bind_number(&call, 1, (int64_t)last);
	store_bind_octets(&call, 2, octets, len);
	return store_run(&call);
}

/* Rows that are in order. */
static int put_rows(struct store *store, const uint8_t *octets, size_t len)
{
	for (size_t from = 0, at = 0; at < len;) {
		const uint64_t seq = store_packed_seq(octets + at);
		size_t next;

		at += store_packed_len(octets + at, len - at);
		next = at < len ? store_packed_len(octets + at, len - at) : 0;
		if (next && at + next - from <= STORE_PACK_LEN)
			continue;
		int r = put_pack(store, octets + from, at - from, seq);
		if (r)
			return r;
		from = at;
	}
	return 0;
}

int store_put_packs(struct store *store)
{
	int r = put_rows(store, store->packs.octets, store->packs.len);

	store_drop_packs(store);
	return r;
}

void store_free_packs(struct store *store)
{
	free(store->packs.octets);
}

int store_pack(struct store *store, const struct store_row *row)
{
	int r = gather(&store->packs, row);

	return !r && store->packs.len > STORE_PACKED_MAX ? store_put_packs(store) : r;
}

/* ---- forgetting ---- */

int store_replace_pack(
	struct store *store, uint64_t last, const uint8_t *octets, size_t len)
{
	struct store_call call = store_call(store, SQL_DROP_PACK);
	int r;

	store_bind_number(&call, 1, (int64_t)last);
	r = store_run(&call);
	return r ? r : put_rows(store, octets, len);
}
