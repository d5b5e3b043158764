/*
 * Each key's share of the journal.
 *
 * While the database has room, changes are not limited.  Once more than half of
 * JOURNAL_FILE_MAX is in use, so that delivered changes might have to be forgotten
 * early, each key may write one part in JOURNAL_SHARE_PART of it within
 * JOURNAL_SHORT_MS, which is how long changes are kept then.  Heartbeats write nothing
 * and do not count.
 *
 * Shared by all zone threads, whose clocks are an argument; they agree well enough.
 */
#ifndef MUSTER_JOURNAL_SHARE_H
#define MUSTER_JOURNAL_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tsig/verdict.h"

enum { JOURNAL_SHARE_PART = 64 };

struct journal_share;

/* most: octets of the database beyond which the journal forgets early.  NULL: no
 * memory. */
struct journal_share *journal_share_new(uint64_t most);
void journal_share_free(struct journal_share *share); /* NULL is harmless */

/* This many octets of the database are in use; called every few seconds. */
void journal_share_note(struct journal_share *share, uint64_t used);

/* Is more than half of that in use? */
bool journal_share_is_tight(struct journal_share *share);

/* A key is going to write this many octets: NOERROR, and they are counted, or REFUSED
 * with how long it has to wait. */
struct verdict journal_share_take(
	struct journal_share *share, const uint8_t *key, size_t octets, int64_t now_ms);

#endif
