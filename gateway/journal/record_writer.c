/*
 * Writes records of local zones in small steps (record_writer.h).
 */
#include "gateway/journal/record_writer.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_RUN = 4096 }; /* changes that are sorted at a time: a millisecond */

void record_writer_init(struct record_writer *writer)
{
	*writer = (struct record_writer){.at = 0};
	queue_list_init(&writer->waiting);
}

static struct journal_op *first_of(const struct record_writer *writer)
{
	return (struct journal_op *)(void *)writer->waiting.head;
}

/* The first octets are nearly always decisive: they are kept beside the pointer, so
 * that sorting rarely has to follow it. */
struct record_place {
	uint64_t first;
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

/* The order in which the database compares octets. */
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

static uint32_t count_runs(uint32_t count)
{
	return (count + RECORD_RUN - 1) / RECORD_RUN;
}

static uint32_t count_changes(const struct journal_op *op)
{
	return op && op->changes ? op->changes->count : 0;
}

/* Without memory they are written unsorted. */
static void begin_first(struct record_writer *writer)
{
	const uint32_t count = count_changes(first_of(writer));

	free(writer->order);
	free(writer->heads);
	writer->at = 0;
	writer->sorted = 0;
	writer->node = NULL;
	writer->node_cursor = 0;
	writer->is_content_written = false;
	writer->order = count ? malloc(count * sizeof(*writer->order)) : NULL;
	writer->heads = count ? calloc(count_runs(count), sizeof(*writer->heads)) : NULL;
	if (writer->order && writer->heads)
		return;
	free(writer->order);
	writer->order = NULL;
}

static void sort_run(struct record_writer *writer)
{
	const struct changeset *changes = first_of(writer)->changes;
	const uint32_t from = writer->sorted;
	const uint32_t left = changes->count - from;
	const uint32_t count = left < RECORD_RUN ? left : RECORD_RUN;

	for (uint32_t i = from; i < from + count; i++) {
		const struct change *change = &changes->changes[i];

		writer->order[i] =
			(struct record_place){first_octets(change->owner), change};
	}
	qsort(writer->order + from, count, sizeof(*writer->order), compare_places);
	writer->heads[from / RECORD_RUN] = from;
	writer->sorted += count;
}

/* Sorts one run, or all of them, so that no group waits for more than that.  Are all
 * sorted? */
static bool is_in_runs(struct record_writer *writer, bool is_all)
{
	const uint32_t count = count_changes(first_of(writer));

	if (!writer->order)
		return true;
	do {
		if (writer->sorted == count)
			return true;
		sort_run(writer);
	} while (is_all);
	return writer->sorted == count;
}

/* The lowest of the heads; there are few runs. */
static const struct change *next_change(struct record_writer *writer)
{
	const uint32_t count = first_of(writer)->changes->count;
	uint32_t *best = NULL;

	if (!writer->order)
		return &first_of(writer)->changes->changes[writer->at];
	for (uint32_t run = 0; run < count_runs(count); run++) {
		uint32_t *head = &writer->heads[run];
		const uint32_t end = (run + 1) * RECORD_RUN;

		if (*head == (end < count ? end : count))
			continue;
		if (!best ||
			compare_places(&writer->order[*head], &writer->order[*best]) < 0)
			best = head;
	}
	return writer->order[(*best)++].change;
}

void record_writer_add(struct record_writer *writer, struct journal_op *op)
{
	queue_list_append(&writer->waiting, &op->node);
	if (first_of(writer) == op)
		begin_first(writer);
}

bool record_writer_has(const struct record_writer *writer, int64_t zone)
{
	for (const struct queue_node *node = writer->waiting.head; node;
		node = node->next) {
		if (((const struct journal_op *)(const void *)node)->zone == zone)
			return true;
	}
	return false;
}

static int write_changes(struct record_writer *writer, const struct store_ops *ops,
	struct store *store, size_t *limit)
{
	const struct journal_op *op = first_of(writer);

	for (; writer->at < count_changes(op) && *limit; ++writer->at, --*limit) {
		const struct change *change = next_change(writer);
		int r = ops->put_rrset(
			store, op->zone, change->owner, change->type, change->after);
		if (r)
			return r;
	}
	return 0;
}

/* NULL: there is none left. */
static struct rrset *next_of_content(
	struct record_writer *writer, const struct zone *content)
{
	struct rrset *set;

	for (;;) {
		if (!writer->node) {
			writer->node = zone_next_node(content, &writer->node_cursor);
			writer->set = 0;
		}
		if (!writer->node)
			return NULL;
		set = zone_node_rrset(writer->node, writer->set++);
		if (set && set->type != TYPE_SOA)
			return set;
		if (!set)
			writer->node = NULL;
	}
}

/* At most a few.  0 or -errno. */
static int write_some_content(
	struct record_writer *writer, const struct store_ops *ops, struct store *store)
{
	const struct journal_op *op = first_of(writer);

	for (unsigned i = 0; i < RECORD_WRITER_CONTENT; i++) {
		struct rrset *set = next_of_content(writer, op->content);
		int r;

		if (!set) {
			writer->is_content_written = true;
			return 0;
		}
		r = ops->put_rrset(
			store, op->zone, zone_node_owner(writer->node), set->type, set);
		if (r)
			return r;
	}
	return 0;
}

static int write_content(struct record_writer *writer, const struct store_ops *ops,
	struct store *store, size_t *limit)
{
	int r = 0;

	for (; !r && !writer->is_content_written && *limit; --*limit)
		r = write_some_content(writer, ops, store);
	return r;
}

static int write_first(struct record_writer *writer, const struct store_ops *ops,
	struct store *store, size_t *limit)
{
	const int r = write_changes(writer, ops, store, limit);

	return r || !first_of(writer)->content ? r
					       : write_content(writer, ops, store, limit);
}

static bool is_first_written(const struct record_writer *writer)
{
	const struct journal_op *op = first_of(writer);

	return writer->at == count_changes(op) &&
		(!op->content || writer->is_content_written);
}

/* With this it counts as a whole. */
static int finish_first(const struct record_writer *writer, const struct store_ops *ops,
	struct store *store)
{
	const struct journal_op *op = first_of(writer);
	int r = 0;

	if (op->content)
		r = ops->put_rrset(store, op->zone, zone_apex(op->content), TYPE_SOA,
			zone_soa(op->content));
	return r ? r : ops->put_cursor(store, op->zone, op->target, op->seq);
}

int record_writer_step(struct record_writer *writer, const struct store_ops *ops,
	struct store *store, size_t limit, struct queue_list *done)
{
	const bool is_all = limit == SIZE_MAX;

	while (writer->waiting.head && limit) {
		int r = is_in_runs(writer, is_all)
			? write_first(writer, ops, store, &limit)
			: 0;

		if (!r && !is_first_written(writer))
			return 0;
		if (!r)
			r = finish_first(writer, ops, store);
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
