/*
 * Lists of change sets in order, bounded in number and in octets.
 */
#include "gateway/delivery/delivery_private.h"

#include <errno.h>
#include <stdlib.h>

void delivery_list_init(struct delivery_list *list, size_t count_max)
{
	TAILQ_INIT(&list->entries);
	list->count_max = count_max;
}

bool delivery_list_has_room(const struct delivery_list *list, size_t octets)
{
	return !list->count ||
		(list->count < list->count_max &&
			list->octets + octets <= DELIVERY_QUEUE_OCTETS);
}

static void append(struct delivery_list *list, struct delivery_entry *e)
{
	TAILQ_INSERT_TAIL(&list->entries, e, entry);
	list->count++;
	list->sets += e->sets;
	list->octets += e->size;
}

static void take_out(struct delivery_list *list, struct delivery_entry *e)
{
	TAILQ_REMOVE(&list->entries, e, entry);
	list->count--;
	list->sets -= e->sets;
	list->octets -= e->size;
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
		.size = changeset_size(changes),
		.is_withdrawal = is_withdrawal};

	if (!delivery_list_has_room(list, entry.size))
		return -ENOSPC;
	return delivery_list_put(list, &entry);
}

void delivery_list_drop(struct delivery_list *list, struct delivery_entry *e)
{
	take_out(list, e);
	changeset_unref(e->changes);
	free(e);
}

void delivery_list_move(
	struct delivery_list *to, struct delivery_list *from, struct delivery_entry *e)
{
	take_out(from, e);
	append(to, e);
}

void delivery_list_replace(
	struct delivery_list *list, struct delivery_entry *e, struct changeset *changes)
{
	changeset_unref(e->changes);
	e->changes = changes;
	list->octets -= e->size;
	e->size = changeset_size(changes);
	list->octets += e->size;
}

void delivery_list_clear(struct delivery_list *list)
{
	while (!TAILQ_EMPTY(&list->entries))
		delivery_list_drop(list, TAILQ_FIRST(&list->entries));
}
