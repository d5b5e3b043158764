/*
 * Reads what the database has of a zone (opening.h).
 */
#include "gateway/served/opening.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/leases/leases.h"

static void opening_free(struct opening *opening)
{
	struct opening_target *target;

	while ((target = STAILQ_FIRST(&opening->targets))) {
		STAILQ_REMOVE_HEAD(&opening->targets, entry);
		free(target);
	}
	lease_table_free(opening->leases);
	free(opening);
}

/* ---- in the reader's thread ---- */

static int add_target(const char *id, uint64_t cursor, void *arg)
{
	struct opening *opening = arg;
	const size_t size = strlen(id) + 1;
	struct opening_target *target = calloc(1, sizeof(*target) + size);

	if (!target)
		return -ENOMEM;
	target->start.cursor = cursor;
	memcpy(target->id, id, size);
	STAILQ_INSERT_TAIL(&opening->targets, target, entry);
	return 0;
}

static int read_targets(
	struct opening *opening, const struct store_ops *ops, struct store *store)
{
	struct opening_target *target;
	int r = 0;

	STAILQ_FOREACH(target, &opening->targets, entry)
	{
		if (!r)
			r = ops->find_belief(
				store, opening->id, target->id, &target->start.belief);
		if (!r)
			r = ops->find_reach(
				store, opening->id, target->id, &target->start.reach);
	}
	return r;
}

static int count_overtaken(
	struct opening *opening, const struct store_ops *ops, struct store *store)
{
	struct opening_target *target;
	int r = 0;

	STAILQ_FOREACH(target, &opening->targets, entry)
	{
		if (!r)
			r = ops->count_changes(store, opening->id, target->start.cursor,
				SIZE_MAX >> 1, &target->start.overtaken);
	}
	return r;
}

static int count_aside(const struct store_set_aside *row, void *arg)
{
	struct opening *opening = arg;

	opening->set_aside += row->zone == opening->id;
	return 0;
}

static int read_known(
	struct opening *opening, const struct store_ops *ops, struct store *store)
{
	int r = ops->each_cursor(store, opening->id, add_target, opening);

	if (!r)
		r = ops->each_set_aside(store, count_aside, opening);
	if (!r)
		r = read_targets(opening, ops, store);
	if (!r && opening->thread->database->is_older)
		r = count_overtaken(opening, ops, store);
	if (!r)
		r = leases_read(
			opening->leases, &opening->read.job, opening->id, ops, store);
	return r;
}

static int read_zone(
	struct reader_job *job, const struct store_ops *ops, struct store *store)
{
	struct opening *opening = (struct opening *)(void *)job;
	int r = ops->find_zone(store, opening->name, &opening->id);

	if (r)
		return r;
	opening->leases =
		lease_table_new(opening->name, &opening->thread->target_env.seed);
	if (!opening->leases)
		return -ENOMEM;
	return opening->id ? read_known(opening, ops, store) : 0;
}

/* ---- in the zone thread ---- */

static void finish(struct opening *opening, int result, const char *error)
{
	if (opening->done)
		opening->done(opening, result, error);
	opening_free(opening);
}

static void on_numbered(struct journal_op *op, void *arg)
{
	struct opening *opening = arg;
	char error[STORE_ERROR_MAX] = "";

	opening->id = op->zone;
	if (op->result)
		journal_last_error(opening->thread->journal, error);
	finish(opening, op->result, error);
}

static void on_read(struct thread_read *read)
{
	struct opening *opening = (struct opening *)(void *)read;

	if (!opening->done || read->job.result || opening->id) {
		finish(opening, read->job.result, read->job.error);
		return;
	}
	opening->op = (struct journal_op){
		.kind = JOURNAL_ZONE,
		.host = opening->name,
		.done = on_numbered,
		.arg = opening,
	};
	zone_thread_submit(opening->thread, &opening->op);
}

int opening_begin(struct opening **ret_opening, struct zone_thread *thread,
	const uint8_t *name,
	void (*done)(struct opening *opening, int result, const char *error), void *arg)
{
	struct opening *opening = calloc(1, sizeof(*opening));

	if (!opening)
		return -ENOMEM;
	opening->read.job.run = read_zone;
	opening->read.done = on_read;
	opening->thread = thread;
	opening->done = done;
	opening->arg = arg;
	memcpy(opening->name, name, name_len(name));
	STAILQ_INIT(&opening->targets);
	*ret_opening = opening;
	zone_thread_read(thread, &opening->read);
	return 0;
}

void opening_give_up(struct opening *opening)
{
	opening->done = NULL;
	atomic_store(&opening->read.job.is_given_up, true);
}

const struct delivery_start *opening_find_target(
	const struct opening *opening, const char *id)
{
	const struct opening_target *target;

	STAILQ_FOREACH(target, &opening->targets, entry)
	{
		if (!strcmp(target->id, id))
			return &target->start;
	}
	return NULL;
}
