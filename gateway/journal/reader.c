/*
 * The reader's thread, and its two queues (reader.h).
 */
#include "gateway/journal/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/thread.h"

struct reader {
	struct reader_user user;
	struct event *event; /* of back, in the user's loop */
	/* Between the two threads. */
	struct queue work, back;
	atomic_bool is_stopping; /* jobs that have not begun never will */
	struct reader_job last;  /* ends the thread */
	pthread_t thread;
	bool is_running;
	/* Private to the thread. */
	const struct store_ops *ops;
	char *path;          /* owned */
	struct store *store; /* NULL: not opened yet */
};

/* ---- the thread ---- */

/* The journal may have created the files again, or somebody may have replaced them: a
 * removed file is no longer the database. */
static struct store *open_store(struct reader *reader)
{
	char error[STORE_ERROR_MAX];

	if (reader->store && reader->ops->check(reader->store)) {
		reader->ops->close(reader->store);
		reader->store = NULL;
	}
	if (!reader->store && reader->ops->open(&reader->store, reader->path, error))
		reader->store = NULL;
	return reader->store;
}

static void explain(const struct reader *reader, struct reader_job *job)
{
	const char *error = "the database cannot be opened for reading";

	job->error[0] = '\0';
	if (!job->result)
		return;
	if (job->result == -ENOMEM)
		error = "out of memory";
	else if (reader->store)
		error = reader->ops->error(reader->store);
	snprintf(job->error, sizeof(job->error), "%s", error);
}

static void carry_out(struct reader *reader, struct reader_job *job)
{
	struct store *store;

	if (atomic_load(&job->is_given_up) || atomic_load(&reader->is_stopping)) {
		job->result = -ECANCELED;
		snprintf(job->error, sizeof(job->error), "given up");
		return;
	}
	store = open_store(reader);
	job->result = store ? job->run(job, reader->ops, store) : -EIO;
	explain(reader, job);
}

static void *reader_main(void *arg)
{
	struct reader *reader = arg;
	struct queue_list list;
	struct reader_job *job;
	bool is_over = false;

	queue_list_init(&list);
	while (!is_over) {
		queue_wait(&reader->work);
		queue_take_all(&reader->work, &list);
		while ((job = (struct reader_job *)(void *)queue_list_take(&list))) {
			is_over = job == &reader->last;
			if (is_over)
				break;
			carry_out(reader, job);
			queue_push_one(&reader->back, &job->node);
		}
	}
	if (reader->store)
		reader->ops->close(reader->store);
	return NULL;
}

/* ---- the user's loop ---- */

void reader_submit(struct reader *reader, struct reader_job *job)
{
	queue_push_one(&reader->work, &job->node);
}

static void on_back(evutil_socket_t fd, short events, void *arg)
{
	struct reader *reader = arg;
	struct queue_list list;
	struct reader_job *job;

	(void)fd;
	(void)events;
	queue_list_init(&list);
	queue_take_all(&reader->back, &list);
	while ((job = (struct reader_job *)(void *)queue_list_take(&list)))
		reader->user.back(job, reader->user.arg);
}

/* ---- life ---- */

static int set_up(struct reader *reader, const char *thread_name, struct event_base *base)
{
	int r = queue_init(&reader->work);

	if (!r)
		r = queue_init(&reader->back);
	if (r)
		return r;
	reader->event =
		event_new(base, reader->back.fd, EV_READ | EV_PERSIST, on_back, reader);
	if (!reader->path || !reader->event || event_add(reader->event, NULL))
		return -ENOMEM;
	r = thread_start(&reader->thread, thread_name, reader_main, reader);
	reader->is_running = !r;
	return r;
}

int reader_new(struct reader **ret_reader, const char *thread_name,
	struct event_base *base, const struct store_ops *ops, const char *path,
	const struct reader_user *user)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return -ENOMEM;
	reader->user = *user;
	reader->ops = ops;
	reader->path = strdup(path);
	reader->work.fd = reader->back.fd = -1;
	r = set_up(reader, thread_name, base);
	if (r) {
		reader_free(reader);
		return r;
	}
	*ret_reader = reader;
	return 0;
}

void reader_stop(struct reader *reader)
{
	if (!reader || !reader->is_running)
		return;
	atomic_store(&reader->is_stopping, true);
	queue_push_one(&reader->work, &reader->last.node);
	pthread_join(reader->thread, NULL);
	reader->is_running = false;
}

struct reader_job *reader_take_left(struct reader *reader)
{
	struct queue_list list;
	struct queue_node *node;

	queue_list_init(&list);
	queue_take_all(&reader->back, &list);
	node = queue_list_take(&list);
	queue_push(&reader->back, &list);
	return (struct reader_job *)(void *)node;
}

void reader_free(struct reader *reader)
{
	if (!reader)
		return;
	reader_stop(reader);
	if (reader->event)
		event_free(reader->event);
	if (reader->work.fd >= 0)
		queue_clear(&reader->work);
	if (reader->back.fd >= 0)
		queue_clear(&reader->back);
	free(reader->path);
	free(reader);
}
