/*
 * Updates that the gateway itself makes (update_builder.h).
 *
 * The records are stored behind the structure and move as it grows; their octets are in
 * an arena and do not move.
 */
#include "zones/update_builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROOM_MIN = 4, /* records */
	/* Octets of a chunk: as much as there is already, within these limits. */
	CHUNK_MIN = 256,
	CHUNK_MAX = 64 * 1024,
};

static struct rr *records_of(const struct update_builder *b)
{
	return (struct rr *)(b->update + 1);
}

static void make_room(struct update_builder *b, size_t room)
{
	struct update *update =
		realloc(b->update, sizeof(*update) + room * sizeof(struct rr));

	if (!update) {
		b->error = -ENOMEM;
		return;
	}
	b->update = update;
	b->room = room;
}

static void make_octets(struct update_builder *b, size_t len)
{
	size_t chunk_len = b->octets > CHUNK_MIN ? b->octets : CHUNK_MIN;

	if (chunk_len > CHUNK_MAX)
		chunk_len = CHUNK_MAX;
	if (!b->error)
		b->error = arena_reserve(&b->arena, len, chunk_len);
}

void update_builder_init(struct update_builder *b, const uint8_t *apex)
{
	*b = (struct update_builder){.apex = apex};
}

void update_builder_reserve(struct update_builder *b, size_t records, size_t octets)
{
	const size_t room = b->count + records;

	if (room > b->room && room <= UINT16_MAX && !b->error)
		make_room(b, room);
	make_octets(b, octets);
}

static const uint8_t *copy(struct update_builder *b, const uint8_t *octets, size_t len)
{
	uint8_t *to = arena_take(&b->arena, len);

	if (len)
		memcpy(to, octets, len);
	b->octets += len;
	return to;
}

static bool is_same_owner(const struct rr *a, const struct rr *b)
{
	if (!a->spelled != !b->spelled || !name_is_equal(a->owner, b->owner))
		return false;
	return !a->spelled || memcmp(a->spelled, b->spelled, name_len(a->owner)) == 0;
}

static void copy_record(struct update_builder *b, const struct rr *rr)
{
	const size_t owner_len = name_len(rr->owner);
	struct rr *to = &records_of(b)[b->count];
	const struct rr *before = b->count ? to - 1 : NULL;

	*to = *rr;
	if (before && is_same_owner(before, rr)) {
		to->owner = before->owner;
		to->spelled = before->spelled;
	} else {
		to->owner = copy(b, rr->owner, owner_len);
		if (rr->spelled)
			to->spelled = copy(b, rr->spelled, owner_len);
	}
	to->rdata = copy(b, rr->rdata, rr->rdata_len);
	b->count++;
}

void update_builder_add(struct update_builder *b, const struct rr *rr)
{
	if (!b->error && b->count == UINT16_MAX)
		b->error = -E2BIG;
	if (!b->error && b->count == b->room)
		make_room(b, b->room ? 2 * b->room : ROOM_MIN);
	make_octets(b, 2 * name_len(rr->owner) + rr->rdata_len);
	if (!b->error)
		copy_record(b, rr);
}

int update_builder_finish(struct update_builder *b, struct update **ret_update)
{
	struct update *update;
	int r;

	if (!b->error && !b->update)
		make_room(b, 0);
	r = b->error;
	update = b->update;
	if (r < 0) {
		update_builder_clear(b);
		*ret_update = NULL;
		return r;
	}
	*update = (struct update){.change_count = (uint16_t)b->count,
		.changes = records_of(b),
		.prereqs = records_of(b),
		.prereq_refusal = verdict_ok(),
		.memory = b->arena.chunks};
	memcpy(update->zone, b->apex, name_len(b->apex));
	update_builder_init(b, b->apex);
	*ret_update = update;
	return 0;
}

void update_builder_clear(struct update_builder *b)
{
	arena_free(b->arena.chunks);
	free(b->update);
	update_builder_init(b, b->apex);
}
