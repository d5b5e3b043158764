/*
 * Who may ask a server now: see request_pool.h.
 */
#include "gateway/target/request_pool.h"

#include <stddef.h>

/* ---- the number of places ---- */

static void set_places(struct pool_places *lane, unsigned places)
{
	lane->places = places;
	lane->answers = 0;
}

static void grow(struct pool_places *lane)
{
	if (TAILQ_EMPTY(&lane->waiting) || lane->places >= lane->max)
		return; /* more would make no difference */
	if (++lane->answers / lane->patience >= lane->places)
		set_places(lane, lane->places + 1);
}

static bool may_lower(const struct pool_places *lane, const struct pool_ticket *ticket)
{
	return ticket->lowered == lane->lowered;
}

static void lower(struct pool_places *lane, unsigned places)
{
	set_places(lane, places ? places : 1);
	lane->lowered++;
}

static void lower_by_conflict(struct pool_places *lane)
{
	lower(lane, 1);
	if (lane->patience < POOL_PATIENCE_MAX)
		lane->patience *= POOL_PATIENCE_FACTOR;
}

void request_pool_set_writes_max(struct request_pool *pool, unsigned max)
{
	struct pool_places *lane = &pool->lanes[POOL_WRITES];

	lane->max = max < POOL_MAX ? max : POOL_MAX;
	if (lane->places > lane->max)
		set_places(lane, lane->max);
}

/* ---- coming and going ---- */

void request_pool_init(struct request_pool *pool)
{
	*pool = (struct request_pool){.state = POOL_NEW};
	for (unsigned i = 0; i < POOL_LANES; i++) {
		pool->lanes[i] = (struct pool_places){
			.places = POOL_START, .max = POOL_MAX, .patience = POOL_PATIENCE};
		TAILQ_INIT(&pool->lanes[i].waiting);
	}
}

/* Whoever tried last has a back-off of its own. */
static bool may_try(
	const struct request_pool *pool, const struct pool_ticket *ticket, int64_t now_ms)
{
	return !pool->trial && (pool->tried == ticket || now_ms >= pool->try_at_ms);
}

bool request_pool_enter(struct request_pool *pool, struct pool_ticket *ticket,
	enum pool_lane lane, int64_t now_ms)
{
	if (pool->state == POOL_DOWN && !may_try(pool, ticket, now_ms))
		return false;
	ticket->lane = lane;
	ticket->state = POOL_WAITING;
	ticket->conflicts = 0;
	TAILQ_INSERT_TAIL(&pool->lanes[lane].waiting, ticket, entry);
	return true;
}

static struct pool_ticket *take_waiting(struct pool_places *lane)
{
	struct pool_ticket *ticket = TAILQ_FIRST(&lane->waiting);

	if (ticket)
		TAILQ_REMOVE(&lane->waiting, ticket, entry);
	return ticket;
}

static struct pool_ticket *let_in(struct pool_places *lane)
{
	struct pool_ticket *ticket = take_waiting(lane);

	if (!ticket)
		return NULL;
	lane->inside++;
	ticket->state = POOL_INSIDE;
	ticket->was_alone = lane->inside == 1;
	ticket->lowered = lane->lowered;
	ticket->started = ++lane->started;
	return ticket;
}

static struct pool_ticket *next_trial(struct request_pool *pool)
{
	struct pool_ticket *ticket;

	if (pool->trial)
		return NULL;
	ticket = let_in(&pool->lanes[POOL_WRITES]);
	if (!ticket)
		ticket = let_in(&pool->lanes[POOL_READS]);
	pool->trial = ticket;
	return ticket;
}

struct pool_ticket *request_pool_next(struct request_pool *pool, bool *ret_is_trial)
{
	*ret_is_trial = pool->state != POOL_OPEN;
	if (*ret_is_trial)
		return next_trial(pool);
	for (unsigned i = POOL_LANES; i-- > 0;) {
		struct pool_places *lane = &pool->lanes[i];

		if (lane->inside < lane->places && !TAILQ_EMPTY(&lane->waiting))
			return let_in(lane);
	}
	return NULL;
}

bool request_pool_is_busy(const struct request_pool *pool)
{
	return !TAILQ_EMPTY(&pool->lanes[POOL_READS].waiting) ||
		!TAILQ_EMPTY(&pool->lanes[POOL_WRITES].waiting);
}

void request_pool_leave(struct request_pool *pool, struct pool_ticket *ticket)
{
	struct pool_places *lane = &pool->lanes[ticket->lane];

	if (ticket->state == POOL_WAITING)
		TAILQ_REMOVE(&lane->waiting, ticket, entry);
	if (ticket->state == POOL_INSIDE)
		lane->inside--;
	if (pool->trial == ticket)
		pool->trial = NULL;
	ticket->state = POOL_OUTSIDE;
}

/* ---- how it ended ---- */

bool request_pool_answered(struct request_pool *pool, struct pool_ticket *ticket)
{
	grow(&pool->lanes[ticket->lane]);
	request_pool_leave(pool, ticket);
	return request_pool_open(pool);
}

bool request_pool_unanswered(struct request_pool *pool, struct pool_ticket *ticket)
{
	struct pool_places *lane = &pool->lanes[ticket->lane];

	if (may_lower(lane, ticket))
		lower(lane, lane->places / 2);
	request_pool_leave(pool, ticket);
	return ++pool->silent >= POOL_SILENT_MAX;
}

bool request_pool_conflicted(
	struct request_pool *pool, struct pool_ticket *ticket, bool is_certain)
{
	struct pool_places *lane = &pool->lanes[ticket->lane];
	const bool is_alone = ticket->was_alone && ticket->started == lane->started;

	pool->silent = 0;
	if (may_lower(lane, ticket) && (is_certain || !is_alone))
		lower_by_conflict(lane);
	if (++ticket->conflicts >= POOL_CONFLICTS_MAX)
		return false;
	lane->inside--;
	ticket->state = POOL_WAITING;
	TAILQ_INSERT_HEAD(&lane->waiting, ticket, entry);
	return true;
}

/* ---- the server ---- */

bool request_pool_open(struct request_pool *pool)
{
	const bool was_down = pool->state == POOL_DOWN;

	pool->state = POOL_OPEN;
	pool->trial = NULL;
	pool->silent = 0;
	return was_down;
}

void request_pool_shut(
	struct request_pool *pool, const struct pool_ticket *ticket, int64_t now_ms)
{
	pool->state = POOL_DOWN;
	pool->trial = NULL;
	pool->tried = ticket;
	pool->try_at_ms = now_ms + POOL_TRY_MS;
}

struct pool_ticket *request_pool_refuse(struct request_pool *pool)
{
	struct pool_ticket *ticket = take_waiting(&pool->lanes[POOL_WRITES]);

	if (!ticket)
		ticket = take_waiting(&pool->lanes[POOL_READS]);
	if (ticket)
		ticket->state = POOL_OUTSIDE;
	return ticket;
}
