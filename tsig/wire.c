/*
 * The bounded reader and writer of DNS messages.
 *
 * Messages are judged in walk.c, not here.  Nothing here allocates.  Integers are in
 * network order, octet by octet.
 */
#include "tsig/wire.h"

#include <string.h>

enum {
	POINTER = 0xc000,       /* RFC 1035 4.1.4 */
	POINTER_REACH = 0x4000, /* offsets from here on do not fit 14 bits */
	PROBES_MAX = 8, /* slots tried; a name that finds none free is not remembered */
	NAMES_MASK = sizeof(((struct wire_names *)0)->at) / sizeof(uint16_t) - 1,
};

/* ---- reading ---- */

void wire_reader_init(struct wire_reader *r, const uint8_t *msg, size_t at, size_t end)
{
	*r = (struct wire_reader){.msg = msg, .at = at, .end = end, .failed = at > end};
}

const uint8_t *wire_read_octets(struct wire_reader *r, size_t len)
{
	if (r->failed || len > r->end - r->at) {
		r->failed = true;
		return NULL;
	}
	r->at += len;
	return r->msg + r->at - len;
}

uint8_t wire_read_u8(struct wire_reader *r)
{
	const uint8_t *p = wire_read_octets(r, 1);

	return p ? *p : 0;
}

uint16_t wire_read_u16(struct wire_reader *r)
{
	const uint8_t *p = wire_read_octets(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t wire_read_u32(struct wire_reader *r)
{
	const uint8_t *p = wire_read_octets(r, 4);

	return p
		? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
		: 0;
}

uint64_t wire_read_u48(struct wire_reader *r)
{
	const uint8_t *p = wire_read_octets(r, 6);
	uint64_t v = 0;

	for (int i = 0; p && i < 6; i++)
		v = v << 8 | p[i];
	return v;
}

size_t wire_read_name(struct wire_reader *r, uint8_t ret_name[NAME_MAX_LEN])
{
	int len = r->failed ? -1 : name_read(ret_name, r->msg, r->end, &r->at);

	if (len < 0) {
		r->failed = true;
		return 0;
	}
	return (size_t)len;
}

/* ---- writing ---- */

void wire_writer_init(
	struct wire_writer *w, uint8_t *buf, size_t cap, struct wire_names *names)
{
	*w = (struct wire_writer){.buf = buf, .cap = cap, .names = names};
	if (names)
		memset(names, 0, sizeof(*names));
}

/* Makes room for len octets, already counted as written; NULL: they do not fit. */
static uint8_t *take_room(struct wire_writer *w, size_t len)
{
	if (w->failed || len > w->cap - w->at) {
		w->failed = true;
		return NULL;
	}
	w->at += len;
	return w->buf + w->at - len;
}

void wire_write_octets(struct wire_writer *w, const void *octets, size_t len)
{
	uint8_t *p = take_room(w, len);

	if (p && len)
		memcpy(p, octets, len);
}

void wire_write_u8(struct wire_writer *w, uint8_t v)
{
	uint8_t *p = take_room(w, 1);

	if (p)
		*p = v;
}

static void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put_u32(uint8_t *p, uint32_t v)
{
	put_u16(p, (uint16_t)(v >> 16));
	put_u16(p + 2, (uint16_t)v);
}

void wire_write_u16(struct wire_writer *w, uint16_t v)
{
	uint8_t *p = take_room(w, 2);

	if (p)
		put_u16(p, v);
}

void wire_write_u32(struct wire_writer *w, uint32_t v)
{
	uint8_t *p = take_room(w, 4);

	if (p)
		put_u32(p, v);
}

void wire_write_u48(struct wire_writer *w, uint64_t v)
{
	uint8_t *p = take_room(w, 6);

	if (!p)
		return;
	put_u16(p, (uint16_t)(v >> 32));
	put_u32(p + 2, (uint32_t)v);
}

void wire_put_u16(struct wire_writer *w, size_t at, uint16_t v)
{
	if (w->failed || at > w->at || w->at - at < 2) {
		w->failed = true;
		return;
	}
	put_u16(w->buf + at, v);
}

void wire_write_name_plain(struct wire_writer *w, const uint8_t *name)
{
	wire_write_octets(w, name, name_len(name));
}

static inline uint8_t fold(uint8_t c)
{
	return (uint8_t)(c - 'A') < 26 ? c | 0x20 : c;
}

/*
 * Is the name at an offset of our own message equal to this suffix, ignoring case?  It
 * trusts the message: the offset comes from the table, and this writer wrote the
 * pointers.
 */
static bool is_written_at(const struct wire_writer *w, size_t at, const uint8_t *suffix)
{
	for (;;) {
		const uint8_t *p = w->buf + at;

		if (*p >= POINTER >> 8) {
			at = (size_t)(p[0] & 0x3f) << 8 | p[1];
			continue;
		}
		if (*p != *suffix)
			return false;
		for (unsigned i = 1; i <= *p; i++) {
			if (fold(p[i]) != fold(suffix[i]))
				return false;
		}
		if (*p == 0)
			return true;
		at += 1 + *p;
		suffix += 1 + *suffix;
	}
}

/* Where the message already has a suffix; 0: nowhere known. */
static uint16_t find_written(
	const struct wire_writer *w, const uint8_t *suffix, uint32_t hash)
{
	for (unsigned i = 0; i < PROBES_MAX; i++) {
		uint16_t at = w->names->at[(hash + i) & NAMES_MASK];

		if (at == 0 || is_written_at(w, at, suffix))
			return at;
	}
	return 0;
}

static void remember_written(struct wire_writer *w, size_t at, uint32_t hash)
{
	for (unsigned i = 0; at < POINTER_REACH && i < PROBES_MAX; i++) {
		uint16_t *slot = &w->names->at[(hash + i) & NAMES_MASK];

		if (*slot == 0) {
			*slot = (uint16_t)at;
			return;
		}
	}
}

/* Adds one label, folded, to the hash of what follows it. */
static uint32_t hash_label(uint32_t hash, const uint8_t *label)
{
	for (unsigned i = 0; i <= *label; i++)
		hash = (hash ^ fold(label[i])) * 16777619u;
	return hash ^ hash >> 15;
}

/* Finds where each label starts, and the hash of the name from there on; returns their
 * number. */
static unsigned hash_suffixes(const uint8_t *name, uint16_t ret_starts[NAME_MAX_LABELS],
	uint32_t ret_hashes[NAME_MAX_LABELS])
{
	uint32_t hash = 2166136261u;
	unsigned count = 0;

	for (size_t at = 0; name[at] && count < NAME_MAX_LABELS; at += 1 + name[at])
		ret_starts[count++] = (uint16_t)at;
	for (unsigned i = count; i > 0; i--)
		ret_hashes[i - 1] = hash = hash_label(hash, name + ret_starts[i - 1]);
	return count;
}

void wire_write_name(struct wire_writer *w, const uint8_t *name)
{
	uint16_t starts[NAME_MAX_LABELS], known = 0;
	uint32_t hashes[NAME_MAX_LABELS];
	unsigned count, fresh = 0; /* labels; those before a pointer */
	size_t start = w->at;

	if (!w->names) {
		wire_write_name_plain(w, name);
		return;
	}
	count = hash_suffixes(name, starts, hashes);
	while (fresh < count) {
		known = find_written(w, name + starts[fresh], hashes[fresh]);
		if (known)
			break;
		fresh++;
	}

	size_t kept = known ? starts[fresh] : name_len(name);
	uint8_t *p = take_room(w, kept + (known ? 2 : 0));

	if (!p)
		return;
	memcpy(p, name, kept);
	if (known) {
		p[kept] = (uint8_t)((POINTER | known) >> 8);
		p[kept + 1] = (uint8_t)known;
	}
	/* Only now, since names in the table are compared as a whole. */
	for (unsigned i = 0; i < fresh; i++)
		remember_written(w, start + starts[i], hashes[i]);
}

/*
 * Slots fill in the order of offsets, so the slots freed here are the last ones filled:
 * no older name was placed further along its probes because of them.
 */
void wire_writer_rewind(struct wire_writer *w, size_t at)
{
	if (at > w->at)
		return;
	w->at = at;
	w->failed = false;
	for (size_t i = 0; w->names && i <= NAMES_MASK; i++) {
		if (w->names->at[i] >= at)
			w->names->at[i] = 0;
	}
}
