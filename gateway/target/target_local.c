/*
 * The local target: the journal writes the final states of RRsets and the cursor to the
 * database (journal/record_writer.h).
 *
 * The target is the operation that the journal has, so that delivering needs no memory.
 * If it is freed meanwhile, its memory stays until the operation comes back.
 */
#include "gateway/target/target.h"

#include <stdlib.h>
#include <string.h>

enum {
	BATCH_CHANGES = 20000, /* of change sets that did not melt */
	LAG_FEW_MS = 1000,
	LAG_FEW = 1000,
	LAG_MANY_MS = 5000,
	LAG_MAX = 100000, /* after a crash, as many are read again, in a second or two */
};

struct local_target {
	struct target_base base;
	const struct target_env *env;
	int64_t zone;
	size_t *operations;
	struct journal_op op;      /* under way if changes is set */
	struct changeset *changes; /* counted; NULL: nothing is being written */
	target_done *done;         /* NULL: the target has been freed */
	void *arg;
	char id[]; /* of its cursor */
};

static struct local_target *local_of(struct target *target)
{
	return (struct local_target *)(void *)target;
}

static void on_written(struct journal_op *op, void *arg)
{
	struct local_target *t = arg;
	const struct target_result result = {
		.outcome = op->result ? TARGET_FAILED : TARGET_DONE,
		.trouble = op->result ? TARGET_OUR_DATABASE : TARGET_NO_TROUBLE,
		.verdict = op->result
			? verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "the database fails")
			: verdict_ok(),
	};

	changeset_unref(t->changes);
	t->changes = NULL;
	if (t->done)
		t->done(t->arg, &result);
	else
		free(t);
}

static void local_deliver(struct target *target, const struct target_batch *batch,
	target_done *done, void *arg)
{
	struct local_target *t = local_of(target);

	t->changes = changeset_ref(batch->changes);
	t->done = done;
	t->arg = arg;
	t->op = (struct journal_op){
		.kind = JOURNAL_RECORDS,
		.zone = t->zone,
		.seq = batch->seq,
		.changes = t->changes,
		.target = t->id,
		.outstanding = t->operations,
		.done = on_written,
		.arg = t,
	};
	t->env->submit(t->env->thread, &t->op);
}

static void local_free(struct target *target)
{
	struct local_target *t = local_of(target);

	if (t && t->changes)
		t->done = NULL;
	else
		free(t);
}

static struct target *local_new(const struct config_target *config,
	const struct target_zone *zone, const struct target_env *env)
{
	const size_t id_size = strlen(config->id) + 1;
	struct local_target *t = calloc(1, sizeof(*t) + id_size);

	if (!t)
		return NULL;
	t->base.ops = &target_local;
	t->env = env;
	t->zone = zone->id;
	t->operations = zone->operations;
	memcpy(t->id, config->id, id_size);
	return (struct target *)(void *)t;
}

static const struct target_lag lag = {
	.few_ms = LAG_FEW_MS, .few = LAG_FEW, .many_ms = LAG_MANY_MS, .max = LAG_MAX};

const struct target_ops target_local = {
	.batch_changes = BATCH_CHANGES,
	.is_local = true,
	.lag = &lag,
	.new = local_new,
	.free = local_free,
	.deliver = local_deliver,
};
