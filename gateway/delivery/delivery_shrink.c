/*
 * The journal shrinks: rows that a target lacks make room for what they come to, if the
 * database is large and the target is down.
 *
 * delivery_read.c folds them, in windows of as much as fits into memory; here the parts
 * of a fold become the changes of the last of its rows, in one step of the journal.  The
 * other rows have none for targets any more, and are pruned when they are old.
 *
 * Each part says what its RRsets may have held at any of its rows, and must not hold: so
 * it leads to the last state from whatever a target has got of them by then.
 */
#include "gateway/delivery/delivery_private.h"

#include <stdlib.h>

#include "gateway/base/log.h"

struct delivery_melting {
	struct journal_op op;
	struct zone_thread *thread;
	struct delivery *delivery; /* NULL: it has ended */
	struct delivery_list list;
	struct store_melting melting;
	uint64_t *seqs;           /* owned */
	struct changeset **parts; /* owned; those in list */
};

static void free_melting(struct delivery_melting *m)
{
	m->thread->is_shrinking = false;
	delivery_list_clear(&m->list);
	free(m->seqs);
	free(m->parts);
	free(m);
}

void delivery_stop_shrinking(struct delivery *d)
{
	if (d->melted)
		d->melted->delivery = NULL;
	d->melted = NULL;
}

static void on_melted(struct journal_op *op, void *arg)
{
	struct delivery_melting *m = arg;
	struct delivery *d = m->delivery;

	if (d) {
		d->melted = NULL;
		if (!op->result)
			log_info("zone %s: the database is large: %zu changes that wait "
				 "for target %s have become %zu",
				d->zone.text, m->list.sets, d->id, m->list.count);
	}
	free_melting(m);
}

static void set_parts(struct delivery_melting *m, const uint64_t *seqs, size_t seqs_max)
{
	const struct delivery_entry *e;
	size_t at = 0;

	TAILQ_FOREACH(e, &m->list.entries, entry) {
		const size_t row = m->list.sets - m->list.count + at;

		m->seqs[at] = seqs[row % seqs_max];
		m->parts[at++] = e->changes;
	}
}

static bool make_parts(
	struct delivery_melting *m, const uint64_t *seqs, size_t seqs_max, int64_t zone)
{
	const struct delivery_entry *first = TAILQ_FIRST(&m->list.entries);

	m->seqs = calloc(m->list.count, sizeof(*m->seqs));
	m->parts = calloc(m->list.count, sizeof(struct changeset *));
	if (!m->seqs || !m->parts)
		return false;
	set_parts(m, seqs, seqs_max);
	m->melting = (struct store_melting){
		.zone = zone,
		.first = first->first_seq,
		.last = first->last_seq,
		.count = m->list.count,
		.seqs = m->seqs,
		.parts = m->parts,
	};
	return true;
}

void delivery_melt_rows(struct delivery *d, struct delivery_list *parts,
	const uint64_t *seqs, size_t seqs_max)
{
	struct delivery_melting *m = calloc(1, sizeof(*m));

	if (!m)
		return;
	m->thread = d->zone.thread;
	delivery_list_init(&m->list, SIZE_MAX, m->thread);
	while (!TAILQ_EMPTY(&parts->entries))
		delivery_list_move(&m->list, parts, TAILQ_FIRST(&parts->entries));
	if (!make_parts(m, seqs, seqs_max, d->zone.id)) {
		free_melting(m);
		return;
	}
	m->delivery = d;
	m->op = (struct journal_op){
		.kind = JOURNAL_MELT,
		.zone = d->zone.id,
		.melting = &m->melting,
		.outstanding = d->zone.operations,
		.done = on_melted,
		.arg = m,
	};
	d->melted = m;
	zone_thread_submit(d->zone.thread, &m->op);
}
