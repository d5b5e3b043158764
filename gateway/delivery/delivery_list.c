/*
 * Lists of change sets in order, bounded in number and in octets, each by itself and all
 * of a zone thread together.
 */
#include "gateway/delivery/delivery_private.h"

#include <errno.h>
#include <stdlib.h>

size_t delivery_entry_octets(const struct changeset *changes)
{
	return sizeof(struct delivery_entry) + changeset_size(changes);
}

void delivery_list_init(
	struct delivery_list *list, size_t count_max, struct zone_thread *thread)
{
	TAILQ_INIT(&list->entries);
	list->count_max = count_max;
	list->thread = thread;
}

/* Of all lists of the thread. */
static size_t find_shared_room(const struct zone_thread *thread)
{
	const size_t share = DELIVERY_TOTAL_OCTETS / (thread->count ? thread->count : 1);

	return thread->delivery_octets < share ? share - thread->delivery_octets : 0;
}

size_t delivery_list_room(const struct delivery_list *list)
{
	const size_t least = list->octets < DELIVERY_LEAST_OCTETS
		? DELIVERY_LEAST_OCTETS - list->octets
		: 0;
	size_t room = list->octets < DELIVERY_QUEUE_OCTETS
		? DELIVERY_QUEUE_OCTETS - list->octets
		: 0;

	if (list->thread && find_shared_room(list->thread) < room)
		room = find_shared_room(list->thread);
	return room > least ? room : least;
}

bool delivery_list_has_room(const struct delivery_list *list, size_t octets)
{
	return !list->count ||
		(list->count < list->count_max && octets <= delivery_list_room(list));
}

static void count_octets(struct delivery_list *list, size_t more, size_t less)
{
	list->octets += more - less;
	if (list->thread)
		list->thread->delivery_octets += more - less;
}

static void append(struct delivery_list *list, struct delivery_entry *e)
{
	TAILQ_INSERT_TAIL(&list->entries, e, entry);
	list->count++;
	list->passed += e->was_passed;
	list->doubtful += e->is_doubtful;
	list->sets += e->sets;
	count_octets(list, e->size, 0);
}

static void take_out(struct delivery_list *list, struct delivery_entry *e)
{
	TAILQ_REMOVE(&list->entries, e, entry);
	list->count--;
	list->passed -= e->was_passed;
	list->doubtful -= e->is_doubtful;
	list->sets -= e->sets;
	count_octets(list, 0, e->size);
}

int delivery_list_put(struct delivery_list *list, const struct delivery_entry *entry)
{
	struct delivery_entry *e = malloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	*e = *entry;
	e->changes = changeset_ref(entry->changes);
	append(list, e);
	return 0;
}

int delivery_list_add(struct delivery_list *list, uint64_t seq, struct changeset *changes,
	bool is_withdrawal)
{
	const struct delivery_entry entry = {.first_seq = seq,
		.last_seq = seq,
		.seq = seq,
		.sets = 1,
		.changes = changes,
		.size = delivery_entry_octets(changes),
		.is_withdrawal = is_withdrawal};

	if (!delivery_list_has_room(list, entry.size))
		return -ENOSPC;
	return delivery_list_put(list, &entry);
}

void delivery_list_drop(struct delivery_list *list, struct delivery_entry *e)
{
	take_out(list, e);
	changeset_unref(e->changes);
	changeset_unref(e->origin);
	free(e);
}

void delivery_list_move(
	struct delivery_list *to, struct delivery_list *from, struct delivery_entry *e)
{
	take_out(from, e);
	append(to, e);
}

struct changeset *delivery_entry_origin(const struct delivery_entry *e)
{
	return e->origin ? e->origin : e->changes;
}

void delivery_list_replace(
	struct delivery_list *list, struct delivery_entry *e, struct changeset *changes)
{
	size_t size = delivery_entry_octets(changes);

	if (!e->origin && e->changes->is_uncertain)
		e->origin = e->changes;
	else
		changeset_unref(e->changes);
	e->changes = changes;
	if (e->origin)
		size += changeset_size(e->origin);
	count_octets(list, size, e->size);
	e->size = size;
}

void delivery_list_clear(struct delivery_list *list)
{
	while (!TAILQ_EMPTY(&list->entries))
		delivery_list_drop(list, TAILQ_FIRST(&list->entries));
}
