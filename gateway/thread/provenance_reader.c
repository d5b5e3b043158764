/* Reads the journal for provenances (provenance_reader.h). */
#include "gateway/thread/provenance_reader.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway/base/log.h"

enum { PIECE_ROWS = 5000 }; /* some 20 ms of the reader's time */

struct provenance_reader {
	struct thread_read read; /* first */
	struct zone_thread *thread;
	int64_t zone;
	const char *text;
	uint64_t after; /* the last row that it has seen */
	size_t rows;    /* of the last piece */
	struct provenance provenance;
	provenance_reader_done *done; /* NULL: nobody wants to know any more */
	void *arg;
};

/* ---- in the reader's thread ---- */

static int note_row(const struct store_row *row, struct changeset *changes, void *arg)
{
	struct provenance_reader *reader = arg;
	const int r = provenance_note(&reader->provenance, changes);

	if (r)
		return r;
	reader->after = row->seq;
	reader->rows++;
	return atomic_load(&reader->read.job.is_given_up) ? -ECANCELED : 0;
}

static int read_piece(
	struct reader_job *job, const struct store_ops *ops, struct store *store)
{
	struct provenance_reader *reader = (struct provenance_reader *)(void *)job;

	reader->rows = 0;
	return ops->each_change(
		store, reader->zone, reader->after, PIECE_ROWS, note_row, reader);
}

/* ---- in the zone thread ---- */

static void finish(struct provenance_reader *reader, int result)
{
	if (reader->done && result)
		log_error("zone %s: reading the journal: %s", reader->text,
			reader->read.job.error);
	if (reader->done)
		reader->done(result, &reader->provenance, reader->arg);
	if (!reader->done || result)
		provenance_clear(&reader->provenance);
	free(reader);
}

static void on_read(struct thread_read *read)
{
	struct provenance_reader *reader = (struct provenance_reader *)(void *)read;

	if (reader->done && !reader->read.job.result && reader->rows == PIECE_ROWS)
		zone_thread_read(reader->thread, &reader->read);
	else
		finish(reader, reader->read.job.result);
}

struct provenance_reader *provenance_reader_new(struct zone_thread *thread, int64_t zone,
	const char *text, provenance_reader_done *done, void *arg)
{
	struct provenance_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->read.job.run = read_piece;
	reader->read.done = on_read;
	reader->thread = thread;
	reader->zone = zone;
	reader->text = text;
	reader->done = done;
	reader->arg = arg;
	provenance_init(&reader->provenance, &thread->target_env.seed);
	zone_thread_read(thread, &reader->read);
	return reader;
}

void provenance_reader_stop(struct provenance_reader *reader)
{
	if (!reader)
		return;
	atomic_store(&reader->read.job.is_given_up, true);
	reader->done = NULL;
}
