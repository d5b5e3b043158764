/*
 * Records of local zones in small steps (record_writer.h).
 */
#include "gateway/journal/record_writer.h"

#include <stdlib.h>
#include <string.h>

void record_writer_init(struct record_writer *writer)
{
	*writer = (struct record_writer){.at = 0};
	queue_list_init(&writer->waiting);
}

static struct journal_op *first_of(const struct record_writer *writer)
{
	return (struct journal_op *)(void *)writer->waiting.head;
}

/* The first octets decide nearly always: they stand beside the pointer, so that sorting
 * seldom has to follow it. */
struct record_place {
	uint64_t first; /* octets of the owner, as a number */
	const struct change *change;
};

static uint64_t first_octets(const uint8_t *owner)
{
	const size_t len = name_len(owner);
	uint64_t first = 0;

	for (size_t i = 0; i < sizeof(first); i++)
		first = first << 8 | (i < len ? owner[i] : 0);
	return first;
}

/* As the database compares octets. */
static int compare_places(const void *a, const void *b)
{
	const struct record_place *x = a, *y = b;
	size_t x_len, y_len;
	int order;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	x_len = name_len(x->change->owner);
	y_len = name_len(y->change->owner);
	order = memcmp(x->change->owner, y->change->owner, x_len < y_len ? x_len : y_len);
	if (order || x_len != y_len)
		return order ? order : (x_len < y_len ? -1 : 1);
	return x->change->type - y->change->type;
}

/* Without memory they are written as they are. */
static void begin_first(struct record_writer *writer)
{
	const struct journal_op *op = first_of(writer);
	const uint32_t count = op ? op->changes->count : 0;

	free(writer->order);
	writer->at = 0;
	writer->order = count ? malloc(count * sizeof(*writer->order)) : NULL;
	if (!writer->order)
		return;
	for (uint32_t i = 0; i < count; i++) {
		const struct change *change = &op->changes->changes[i];

		writer->order[i] =
			(struct record_place){first_octets(change->owner), change};
	}
	qsort(writer->order, count, sizeof(*writer->order), compare_places);
}

void record_writer_add(struct record_writer *writer, struct journal_op *op)
{
	queue_list_append(&writer->waiting, &op->node);
	if (first_of(writer) == op)
		begin_first(writer);
}

static int write_first(struct record_writer *writer, const struct store_ops *ops,
	struct store *store, size_t *limit)
{
	const struct journal_op *op = first_of(writer);

	for (; writer->at < op->changes->count && *limit; ++writer->at, --*limit) {
		const struct change *change = writer->order
			? writer->order[writer->at].change
			: &op->changes->changes[writer->at];
		int r = ops->put_rrset(
			store, op->zone, change->owner, change->type, change->after);
		if (r)
			return r;
	}
	return 0;
}

int record_writer_step(struct record_writer *writer, const struct store_ops *ops,
	struct store *store, size_t limit, struct queue_list *done)
{
	while (writer->waiting.head && limit) {
		const struct journal_op *op = first_of(writer);
		int r = write_first(writer, ops, store, &limit);

		if (!r && writer->at < op->changes->count)
			return 0;
		if (!r)
			r = ops->put_cursor(store, op->zone, op->target, op->seq);
		if (r)
			return r;
		queue_list_append(done, queue_list_take(&writer->waiting));
		begin_first(writer);
	}
	return 0;
}

void record_writer_give_up(struct record_writer *writer, struct queue_list *failed)
{
	while (writer->waiting.head)
		queue_list_append(failed, queue_list_take(&writer->waiting));
	begin_first(writer);
}
