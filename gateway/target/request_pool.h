/*
 * Who may ask a server now: one pool for each server, for the requests of all zones.
 *
 * A request enters, waits until there is a place for it, and leaves when it has been
 * answered or given up.  Reads and writes have places of their own, so that neither the
 * loading of a large zone nor a queue of changes keeps the other waiting.  Writes that
 * nobody waits for have the same places as others, but a line of their own, and few turns
 * while there are others.  In each line first come is first served.  A zone has one
 * request at a time, and its next one goes to the end, so the zones take turns.
 *
 * How many places there are is learned.  A few at first; one more after many answers
 * while others waited; half as many after a request that was not answered in time; one
 * after writes that got in each other's way, and then it takes much longer until a second
 * is tried again, since some servers can never take two.  There is always one.
 *
 * A server that does not answer at all is down: whoever waits is refused, and so is
 * whoever comes, except that one request at a time may try.  A new server, too, is tried
 * with one request before the others.
 *
 * Pure: no clock, no threads, no sockets.  The caller keeps others away meanwhile, sends
 * what request_pool_next gives it, and says how that ended.
 */
#ifndef MUSTER_REQUEST_POOL_H
#define MUSTER_REQUEST_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
	POOL_START = 4,     /* places at first, for reads and for writes each */
	POOL_MAX = 16,      /* and at most: connections are cheap, but the server has a
			 * thread for each */
	POOL_PATIENCE = 32, /* answers per place until there is one more */
	POOL_PATIENCE_FACTOR = 16,    /* more of them after each conflict */
	POOL_PATIENCE_MAX = 10 << 20, /* a limit for that */
	POOL_SILENT_MAX = 2,    /* requests in a row without an answer: it is down */
	POOL_TRY_MS = 1000,     /* between tries of different requests */
	POOL_CONFLICTS_MAX = 5, /* of one request, then it has failed */
	POOL_CHORE_TURN = 8,    /* one place in so many is for a chore, if others wait */
};

enum pool_line {
	POOL_READS,
	POOL_WRITES,
	POOL_CHORES, /* writes that nobody waits for */
	POOL_LINES,
};

enum pool_ticket_state {
	POOL_OUTSIDE,
	POOL_WAITING,
	POOL_INSIDE, /* it has a place */
};

/* A request; embedded.  All zero before the first use. */
struct pool_ticket {
	TAILQ_ENTRY(pool_ticket) entry; /* while it waits; the caller's while inside */
	enum pool_ticket_state state;
	enum pool_line line;
	unsigned conflicts; /* it had to be sent again so often */
	unsigned lowered;   /* the places', when it got one */
	uint64_t started;   /* the same */
	bool was_alone;     /* there, when it got its place */
};

TAILQ_HEAD(pool_tickets, pool_ticket);

/* Those for reads, or for writes. */
struct pool_places {
	unsigned places, max;
	unsigned inside;
	unsigned answers;  /* since the number last changed, while others waited */
	unsigned patience; /* POOL_PATIENCE, or more */
	unsigned lowered;  /* how often there were fewer; what was sent before
			    * the last time does not lower it once more */
	uint64_t started;  /* requests so far */
};

enum pool_state {
	POOL_NEW,
	POOL_OPEN,
	POOL_DOWN,
};

struct request_pool {
	struct pool_tickets waiting[POOL_LINES];
	struct pool_places reads, writes;
	enum pool_state state;
	struct pool_ticket *trial;       /* it tries for all; NULL: none does */
	const struct pool_ticket *tried; /* the last that did; only compared */
	int64_t try_at_ms;               /* monotonic; others may try from then on */
	unsigned silent;                 /* requests in a row without an answer */
	uint64_t conflicts;              /* requests that had to be sent again */
};

/* Reads; or writes, chores among them. */
struct pool_use {
	unsigned inside, waiting, places;
	uint64_t started; /* so far */
};

void request_pool_init(struct request_pool *pool);
/* No more than this many writes at once, whatever is learned. */
void request_pool_set_writes_max(struct request_pool *pool, unsigned max);

/* False: the server is down. */
bool request_pool_enter(struct request_pool *pool, struct pool_ticket *ticket,
	enum pool_line line, int64_t now_ms);
/* The next that gets a place; NULL: none does.  *ret_is_trial: it is to find out whether
 * there is a server, and request_pool_open or request_pool_shut follows. */
struct pool_ticket *request_pool_next(struct request_pool *pool, bool *ret_is_trial);
/* Does anybody wait? */
bool request_pool_is_busy(const struct request_pool *pool);
struct pool_use request_pool_look(const struct request_pool *pool, bool is_writes);
/* It is given up, whether it waits or is inside. */
void request_pool_leave(struct request_pool *pool, struct pool_ticket *ticket);

/* ---- how it ended: it leaves ---- */

/* There was an answer.  True: the server had been down. */
bool request_pool_answered(struct request_pool *pool, struct pool_ticket *ticket);
/* It was sent, but not answered.  True: nor was the one before, so the server, or the way
 * to it, seems to be out of order. */
bool request_pool_unanswered(struct request_pool *pool, struct pool_ticket *ticket);
/* The server could not do it because of others, or so it seems.  True: it waits again,
 * first in its line.  False: that happens too often, and the ticket is still inside. */
bool request_pool_conflicted(
	struct request_pool *pool, struct pool_ticket *ticket, bool is_certain);

/* ---- the server ---- */

/* It answers.  True: it had been down. */
bool request_pool_open(struct request_pool *pool);
/* It does not: whoever waits is to be taken out with request_pool_refuse.  ticket has
 * found that out, and is still inside. */
void request_pool_shut(
	struct request_pool *pool, const struct pool_ticket *ticket, int64_t now_ms);
/* The next that waits, which leaves; NULL: nobody does. */
struct pool_ticket *request_pool_refuse(struct request_pool *pool);

#endif
