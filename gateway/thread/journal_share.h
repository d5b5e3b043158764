/*
 * Each key's share of the journal.
 *
 * As long as the database has room nobody's changes are limited.  Once more than half of
 * JOURNAL_FILE_MAX is in use, so that delivered changes might have to be forgotten early,
 * each key may write one part in JOURNAL_SHARE_PART of it within JOURNAL_SHORT_MS, which
 * is as long as changes are then kept.  Heartbeats write nothing and are not counted.
 *
 * Shared by all zone threads, whose clocks are an argument; they agree well enough.
 */
#ifndef MUSTER_JOURNAL_SHARE_H
#define MUSTER_JOURNAL_SHARE_H

#include <stddef.h>
#include <stdint.h>

#include "tsig/verdict.h"

enum { JOURNAL_SHARE_PART = 64 };

struct journal_share;

/* most: octets of the database at which the journal forgets early.  NULL: no memory. */
struct journal_share *journal_share_new(uint64_t most);
void journal_share_free(struct journal_share *share); /* NULL is harmless */

/* So many octets of the database are in use; every few seconds. */
void journal_share_note(struct journal_share *share, uint64_t used);

/* A key is going to write so many octets: NOERROR, and they are counted, or REFUSED with
 * how long it takes until it may. */
struct verdict journal_share_take(
	struct journal_share *share, const uint8_t *key, size_t octets, int64_t now_ms);

#endif
