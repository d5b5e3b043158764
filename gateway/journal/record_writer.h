/*
 * The records of local zones, written bit by bit (JOURNAL_RECORDS).
 *
 * One such operation may have thousands of RRsets, and every commit would have to wait
 * for all of them.  So each group of the journal takes some, and the operation is done
 * with the group that writes the last ones and moves the cursor.  What was written
 * before does no harm: after the next start the journal's rows after the cursor are
 * applied again, with the same result.
 *
 * They are written in the order in which the database has them, so that neighbours share
 * a page.
 *
 * The content of a new zone is written in the same way, but its SOA comes last: records
 * without one are no zone, so what a crash leaves of them is not taken for the whole.
 */
#ifndef MUSTER_RECORD_WRITER_H
#define MUSTER_RECORD_WRITER_H

#include "gateway/journal/journal.h"

enum {
	RECORD_WRITER_STEP = 256, /* RRsets in one group: half a millisecond */
	/* so many of a new zone's content count as one: it is rare, and the zone is not
	 * in service before */
	RECORD_WRITER_CONTENT = 4,
};

struct record_place;

struct record_writer {
	struct queue_list waiting;  /* of struct journal_op; the first is being written */
	struct record_place *order; /* of the first's changes; NULL: unsorted */
	uint32_t sorted;            /* of the first's changes, the next one */
	uint32_t *heads;            /* of the sorted runs: the next to write of each */
	uint32_t at;                /* so many have been written */
	/* Of the first's content: the name being written, and the next of its RRsets. */
	const struct zone_node *node; /* NULL: the next */
	size_t node_cursor;           /* 0, at the beginning and at the end */
	unsigned set;
	bool is_content_written; /* but for its SOA */
};

void record_writer_init(struct record_writer *writer);
/* Takes over the operation. */
void record_writer_add(struct record_writer *writer, struct journal_op *op);
static inline bool record_writer_is_idle(const struct record_writer *writer)
{
	return !writer->waiting.head;
}
/* Does an operation of this zone wait? */
bool record_writer_has(const struct record_writer *writer, int64_t zone);

/* Writes up to limit RRsets, in an open transaction; operations that are complete go to
 * done.  0 or -errno. */
int record_writer_step(struct record_writer *writer, const struct store_ops *ops,
	struct store *store, size_t limit, struct queue_list *done);
/* The transaction failed: everything that waits goes to failed. */
void record_writer_give_up(struct record_writer *writer, struct queue_list *failed);

#endif
