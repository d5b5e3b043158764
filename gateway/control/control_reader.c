/*
 * The reader's thread, and the reads that wait for it (control_reader.h).
 */
#include "gateway/control/control_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/thread.h"

TAILQ_HEAD(read_list, control_read);

struct control_reader {
	/* The user's loop. */
	struct control_reader_user user;
	struct read_list short_reads, long_reads; /* that wait */
	size_t waiting;
	struct control_read *at_work; /* NULL: the thread has nothing to do */
	struct event *event;
	/* Between the two. */
	struct queue work, back;
	struct control_read last; /* ends the thread */
	pthread_t thread;
	bool is_running;
	/* The thread's. */
	const struct store_ops *ops;
	char *path;          /* owned */
	struct store *store; /* NULL: not opened yet */
};

/* ---- the thread ---- */

/* The journal may have written the files anew, or somebody may have put others in their
 * place: what was removed is no longer the database. */
static struct store *open_store(struct control_reader *reader)
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

static void carry_out(struct control_reader *reader, struct control_read *read)
{
	struct store *store = open_store(reader);
	const char *error = "the database cannot be opened for reading";
	const int r = store ? read->run(read, reader->ops, store) : -EIO;

	read->error[0] = '\0';
	if (!r)
		return;
	if (r == -ENOMEM)
		error = "out of memory";
	else if (store)
		error = reader->ops->error(store);
	snprintf(read->error, sizeof(read->error), "%s", error);
}

static void *reader_main(void *arg)
{
	struct control_reader *reader = arg;
	struct queue_list list;
	struct control_read *read;
	bool is_over = false;

	queue_list_init(&list);
	while (!is_over) {
		queue_wait(&reader->work);
		queue_take_all(&reader->work, &list);
		while ((read = (struct control_read *)(void *)queue_list_take(&list))) {
			is_over = read == &reader->last;
			if (is_over)
				break;
			carry_out(reader, read);
			queue_push_one(&reader->back, &read->node);
		}
	}
	if (reader->store)
		reader->ops->close(reader->store);
	return NULL;
}

/* ---- the user's loop ---- */

static struct control_read *take_waiting(struct control_reader *reader)
{
	struct read_list *list = TAILQ_EMPTY(&reader->short_reads) ? &reader->long_reads
								   : &reader->short_reads;
	struct control_read *read = TAILQ_FIRST(list);

	if (!read)
		return NULL;
	TAILQ_REMOVE(list, read, entry);
	reader->waiting--;
	return read;
}

/* Gives the thread the next read that somebody still waits for. */
static void go_on(struct control_reader *reader)
{
	const struct control_reader_user *user = &reader->user;
	struct control_read *read;

	while (!reader->at_work && (read = take_waiting(reader))) {
		if (user->is_wanted(read, user->arg)) {
			reader->at_work = read;
			queue_push_one(&reader->work, &read->node);
			continue;
		}
		read->is_given_up = true;
		user->done(read, user->arg);
	}
}

bool control_reader_add(
	struct control_reader *reader, struct control_read *read, bool is_short)
{
	if (reader->waiting == CONTROL_READS_MAX)
		return false;
	reader->waiting++;
	TAILQ_INSERT_TAIL(
		is_short ? &reader->short_reads : &reader->long_reads, read, entry);
	go_on(reader);
	return true;
}

static void on_back(evutil_socket_t fd, short events, void *arg)
{
	struct control_reader *reader = arg;
	struct queue_list list;
	struct control_read *read;

	(void)fd;
	(void)events;
	queue_list_init(&list);
	queue_take_all(&reader->back, &list);
	while ((read = (struct control_read *)(void *)queue_list_take(&list))) {
		reader->at_work = NULL;
		go_on(reader);
		reader->user.done(read, reader->user.arg);
	}
}

/* ---- life ---- */

static int set_up(struct control_reader *reader, struct event_base *base)
{
	int r = queue_init(&reader->work);

	if (!r)
		r = queue_init(&reader->back);
	if (r)
		return r;
	reader->event = event_new(
		base, queue_fd(&reader->back), EV_READ | EV_PERSIST, on_back, reader);
	if (!reader->path || !reader->event || event_add(reader->event, NULL))
		return -ENOMEM;
	r = thread_start(&reader->thread, "control-reads", reader_main, reader);
	reader->is_running = !r;
	return r;
}

int control_reader_new(struct control_reader **ret_reader, struct event_base *base,
	const struct store_ops *ops, const char *path,
	const struct control_reader_user *user)
{
	struct control_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return -ENOMEM;
	TAILQ_INIT(&reader->short_reads);
	TAILQ_INIT(&reader->long_reads);
	reader->user = *user;
	reader->ops = ops;
	reader->path = strdup(path);
	reader->work.fd = reader->back.fd = -1;
	r = set_up(reader, base);
	if (r) {
		control_reader_free(reader);
		return r;
	}
	*ret_reader = reader;
	return 0;
}

void control_reader_stop(struct control_reader *reader)
{
	if (!reader || !reader->is_running)
		return;
	queue_push_one(&reader->work, &reader->last.node);
	pthread_join(reader->thread, NULL);
	reader->is_running = false;
}

struct control_read *control_reader_take_left(struct control_reader *reader)
{
	struct control_read *read = reader->at_work;

	reader->at_work = NULL;
	return read ? read : take_waiting(reader);
}

void control_reader_free(struct control_reader *reader)
{
	if (!reader)
		return;
	if (reader->event)
		event_free(reader->event);
	if (reader->work.fd >= 0)
		queue_clear(&reader->work);
	if (reader->back.fd >= 0)
		queue_clear(&reader->back);
	free(reader->path);
	free(reader);
}
