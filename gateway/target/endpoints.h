/*
 * The places at which one server can be reached, as its configuration lists them: which
 * of them is used, and when the next one is tried.
 *
 * The one that answered last is used for as long as it answers.  If it does not, the
 * others are tried in turn, each once in a round, and the first that answers is used from
 * then on.  Nothing goes back to an earlier one by itself, since that could be wrong at
 * each attempt.  Places are numbers here, from 0; what they stand for (a URL, an address)
 * is the caller's.
 */
#ifndef MUSTER_ENDPOINTS_H
#define MUSTER_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>

struct endpoints {
	size_t count;    /* at least one */
	size_t current;  /* where the next request goes */
	size_t answered; /* the last that answered; at first the first */
	size_t failed;   /* so many in this round */
};

static inline void endpoints_init(struct endpoints *endpoints, size_t count)
{
	*endpoints = (struct endpoints){.count = count};
}

/* Begins a round: each of them may be tried once. */
void endpoints_begin(struct endpoints *endpoints);
/* What was sent to this one was not answered.  True: there is another to try in this
 * round, which is the current one now.  Of several requests that fail at one place, the
 * first moves on. */
bool endpoints_fail(struct endpoints *endpoints, size_t at);
/* This one has answered, and ends the round.  True: it was another before. */
bool endpoints_answer(struct endpoints *endpoints, size_t at);

#endif
