/*
 * The thread that moves the log into the database (checkpoint.h).
 *
 * A checkpoint that fails (the disk is full) is tried again when the log has grown by
 * CHECKPOINT_AT.  Until then, everything is durable in the log.
 */
#include "gateway/journal/checkpoint.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct checkpointer {
	const struct store_ops *ops;
	struct store *store; /* used by the thread while is_wanted; NULL: the journal
	                      * thread does everything */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_wanted, is_stopping; /* under lock */
	uint64_t moved;   /* under lock: octets of the log that the thread has moved */
	uint64_t last;    /* octets of the log, at the last turn */
	uint64_t next_at; /* nothing is done before the log has this many octets */
};

static void *checkpointer_main(void *arg)
{
	struct checkpointer *c = arg;
	uint64_t moved, left;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!c->is_wanted && !c->is_stopping)
			pthread_cond_wait(&c->changed, &c->lock);
		if (c->is_stopping)
			break;
		pthread_mutex_unlock(&c->lock);
		if (c->ops->checkpoint(c->store, &moved, &left))
			moved = 0;
		pthread_mutex_lock(&c->lock);
		c->moved = moved;
		c->is_wanted = false;
		pthread_cond_broadcast(&c->changed);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

int checkpointer_new(struct checkpointer **ret_checkpointer, const struct store_ops *ops,
	const char *path, char error[STORE_ERROR_MAX])
{
	struct checkpointer *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->ops = ops;
	c->next_at = CHECKPOINT_AT;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	r = ops->open(&c->store, path, error);
	if (!r)
		r = -pthread_create(&c->thread, NULL, checkpointer_main, c);
	if (!r) {
		(void)pthread_setname_np(c->thread, "checkpoint");
		*ret_checkpointer = c;
		return 0;
	}
	ops->close(c->store);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
	return r;
}

void checkpointer_free(struct checkpointer *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->is_stopping = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	c->ops->close(c->store);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- the journal thread's side ---- */

/* Is the thread busy?  With is_patient, waits until it is not. */
static bool is_at_it(struct checkpointer *c, bool is_patient, uint64_t *ret_moved)
{
	bool is_busy;

	pthread_mutex_lock(&c->lock);
	while (is_patient && c->is_wanted)
		pthread_cond_wait(&c->changed, &c->lock);
	is_busy = c->is_wanted;
	*ret_moved = c->moved;
	pthread_mutex_unlock(&c->lock);
	return is_busy;
}

static void ask(struct checkpointer *c)
{
	pthread_mutex_lock(&c->lock);
	c->is_wanted = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static void forget_moved(struct checkpointer *c)
{
	pthread_mutex_lock(&c->lock);
	c->moved = 0;
	pthread_mutex_unlock(&c->lock);
}

/* Moves what is left, unless a reader needs it or it cannot be written. */
static void finish(struct checkpointer *c, struct store *store, uint64_t log)
{
	uint64_t moved, left;
	const int r = c->ops->checkpoint(store, &moved, &left);

	c->next_at = r || left ? log + CHECKPOINT_AT : CHECKPOINT_AT;
	forget_moved(c);
}

void checkpointer_turn(struct checkpointer *c, struct store *store)
{
	const uint64_t log = c->ops->log_octets(store);
	uint64_t moved;

	if (log < c->last) { /* it has started again */
		c->next_at = CHECKPOINT_AT;
		if (!is_at_it(c, false, &moved) && moved)
			forget_moved(c);
	}
	c->last = log;
	if (log < c->next_at)
		return;
	if (is_at_it(c, log >= CHECKPOINT_MAX, &moved))
		return;
	if (!c->store || log >= CHECKPOINT_MAX || log - moved <= CHECKPOINT_REST)
		finish(c, store, log);
	else
		ask(c);
}

void checkpointer_reopen(struct checkpointer *c, const char *path)
{
	char error[STORE_ERROR_MAX];
	uint64_t moved;

	(void)is_at_it(c, true, &moved);
	c->ops->close(c->store);
	if (c->ops->open(&c->store, path, error))
		c->store = NULL;
	forget_moved(c);
}
