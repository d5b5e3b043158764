/* Reads the journal's rows behind a mark (since_mark.h). */
#include "gateway/content/since_mark.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "zones/owed.h"

enum { PIECE_ROWS = 5000 }; /* some 20 ms of the reader's time */

struct since_mark {
	struct thread_read read; /* first */
	struct since_mark_question question;
	struct content *content; /* NULL: nobody wants it any more */
	struct zone *orphan;     /* owned: found, if nobody wants it; NULL: not so */
	struct zone_thread *thread;
	int64_t zone;
	char *target;   /* owned: of the primary */
	uint64_t after; /* the last row that has been read */
	bool has_begun;
	size_t rows; /* of the last piece */
	struct changeset *said;
};

static void free_since(struct since_mark *since)
{
	changeset_unref(since->said);
	zone_free(since->orphan);
	free(since->target);
	free(since);
}

/* ---- in the reader's thread ---- */

static int note_row(const struct store_row *row, struct changeset *changes, void *arg)
{
	struct since_mark *since = arg;

	since->after = row->seq;
	since->rows++;
	if (atomic_load(&since->read.job.is_given_up))
		return -ECANCELED;
	return owed_note_row(since->said, since->question.found, changes);
}

static int read_piece(
	struct reader_job *job, const struct store_ops *ops, struct store *store)
{
	struct since_mark *since = (struct since_mark *)(void *)job;
	int r = 0;

	since->rows = 0;
	if (!since->has_begun && !since->question.is_everything)
		r = ops->find_mark(store, since->zone, since->target,
			rrset_serial(zone_soa(since->question.found)), &since->after);
	since->has_begun = true;
	return r ? r
		 : ops->each_change(
			   store, since->zone, since->after, PIECE_ROWS, note_row, since);
}

/* ---- in the zone thread ---- */

static void finish(struct since_mark *since, int result)
{
	const struct since_mark_question question = since->question;
	struct changeset *said = result ? NULL : changeset_ref(since->said);

	free_since(since);
	question.done(result, said, question.arg);
}

static void on_read(struct thread_read *read)
{
	struct since_mark *since = (struct since_mark *)(void *)read;
	const int result = read->job.result;

	if (!since->content) {
		free_since(since);
		return;
	}
	if (result)
		log_error("zone %s: reading the journal: %s", since->content->text,
			read->job.error);
	if (result || since->rows < PIECE_ROWS)
		finish(since, result);
	else
		zone_thread_read(since->thread, &since->read);
}

struct since_mark *since_mark_ask(
	struct content *content, const struct since_mark_question *question)
{
	struct since_mark *since = calloc(1, sizeof(*since));

	if (!since)
		return NULL;
	since->read.job.run = read_piece;
	since->read.done = on_read;
	since->question = *question;
	since->content = content;
	since->thread = content->thread;
	since->zone = content->id;
	since->target = strdup(delivery_id(content_primary(content)));
	since->said = changeset_new();
	if (!since->target || !since->said) {
		free_since(since);
		return NULL;
	}
	zone_thread_read(since->thread, &since->read);
	return since;
}

void since_mark_give_up(struct since_mark *since, struct zone *found)
{
	if (!since) {
		zone_free(found);
		return;
	}
	since->content = NULL;
	since->orphan = found;
	atomic_store(&since->read.job.is_given_up, true);
}
