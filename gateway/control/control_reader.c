/*
 * The reads that wait (control_reader.h).
 */
#include "gateway/control/control_reader.h"

#include <errno.h>
#include <stdlib.h>

TAILQ_HEAD(read_list, control_read);

struct control_reader {
	struct control_reader_user user;
	struct reader *reader;
	struct read_list short_reads, long_reads; /* that wait */
	size_t waiting;
	struct control_read *at_work; /* NULL: the reader has nothing to do */
};

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
			reader_submit(reader->reader, &read->job);
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

static void on_back(struct reader_job *job, void *arg)
{
	struct control_reader *reader = arg;

	reader->at_work = NULL;
	go_on(reader);
	reader->user.done((struct control_read *)(void *)job, reader->user.arg);
}

/* ---- life ---- */

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
	r = reader_new(&reader->reader, "control-reads", base, ops, path,
		&(struct reader_user){.back = on_back, .arg = reader});
	if (r) {
		free(reader);
		return r;
	}
	*ret_reader = reader;
	return 0;
}

void control_reader_stop(struct control_reader *reader)
{
	if (reader)
		reader_stop(reader->reader);
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
	reader_free(reader->reader);
	free(reader);
}
