/*
 * Reads what the journal says of a zone's records (zones/provenance.h), a piece at a
 * time, beside the zone thread.
 *
 * It sees every row that was durable when it began.  Of later ones it may see some:
 * whoever needs to know has to watch what is changed meanwhile.
 */
#ifndef MUSTER_PROVENANCE_READER_H
#define MUSTER_PROVENANCE_READER_H

#include "gateway/thread/zone_thread.h"
#include "zones/provenance.h"

struct provenance_reader;

/* result 0, and the callback takes over what provenance owns; or -errno, logged with the
 * zone's text. */
typedef void provenance_reader_done(int result, struct provenance *provenance, void *arg);

/* Begins to read for the zone with this number (store_ops.zone_id).  done is called once,
 * later; then the reader is gone.  text must outlive it.  NULL: no memory. */
struct provenance_reader *provenance_reader_new(struct zone_thread *thread, int64_t zone,
	const char *text, provenance_reader_done *done, void *arg);
/* done is not called.  NULL is harmless. */
void provenance_reader_stop(struct provenance_reader *reader);

#endif
