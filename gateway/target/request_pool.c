/*
 * Who may ask a server now: see request_pool.h.
 */
#include "gateway/target/request_pool.h"

#include <stddef.h>

/* ---- the number of places ---- */

static struct pool_places *places_of(struct request_pool *pool, enum pool_line line)
{
	return line == POOL_READS ? &pool->reads : &pool->writes;
}

/* Does anybody wait for one of those places? */
static bool is_wanted(const struct request_pool *pool, const struct pool_places *places)
{
	if (places == &pool->reads)
		return !TAILQ_EMPTY(&pool->waiting[POOL_READS]);
	return !TAILQ_EMPTY(&pool->waiting[POOL_WRITES]) ||
		!TAILQ_EMPTY(&pool->waiting[POOL_CHORES]);
}

static void set_places(struct pool_places *places, unsigned number)
{
	places->places = number;
	places->answers = 0;
}

/* An answer while nobody waits says nothing: more places would make no difference. */
static void grow(const struct request_pool *pool, struct pool_places *places)
{
	if (!is_wanted(pool, places) || places->places >= places->max)
		return;
	if (++places->answers / places->patience >= places->places)
		set_places(places, places->places + 1);
}

static bool may_lower(const struct pool_places *places, const struct pool_ticket *ticket)
{
	return ticket->lowered == places->lowered;
}

static void lower(struct pool_places *places, unsigned number)
{
	set_places(places, number ? number : 1);
	places->lowered++;
}

static void lower_by_conflict(struct pool_places *places)
{
	lower(places, 1);
	if (places->patience < POOL_PATIENCE_MAX)
		places->patience *= POOL_PATIENCE_FACTOR;
}

void request_pool_set_writes_max(struct request_pool *pool, unsigned max)
{
	struct pool_places *writes = &pool->writes;

	writes->max = max < POOL_MAX ? max : POOL_MAX;
	if (writes->places > writes->max)
		set_places(writes, writes->max);
}

/* ---- coming and going ---- */

void request_pool_init(struct request_pool *pool)
{
	const struct pool_places places = {
		.places = POOL_START, .max = POOL_MAX, .patience = POOL_PATIENCE};

	*pool = (struct request_pool){
		.state = POOL_NEW, .reads = places, .writes = places};
	for (unsigned i = 0; i < POOL_LINES; i++)
		TAILQ_INIT(&pool->waiting[i]);
}

/* Whoever tried last has a back-off of its own. */
static bool may_try(
	const struct request_pool *pool, const struct pool_ticket *ticket, int64_t now_ms)
{
	return !pool->trial && (pool->tried == ticket || now_ms >= pool->try_at_ms);
}

bool request_pool_enter(struct request_pool *pool, struct pool_ticket *ticket,
	enum pool_line line, int64_t now_ms)
{
	if (pool->state == POOL_DOWN && !may_try(pool, ticket, now_ms))
		return false;
	ticket->line = line;
	ticket->state = POOL_WAITING;
	ticket->conflicts = 0;
	TAILQ_INSERT_TAIL(&pool->waiting[line], ticket, entry);
	return true;
}

static struct pool_ticket *take_waiting(struct request_pool *pool, enum pool_line line)
{
	struct pool_ticket *ticket = TAILQ_FIRST(&pool->waiting[line]);

	if (ticket)
		TAILQ_REMOVE(&pool->waiting[line], ticket, entry);
	return ticket;
}

/* Of all that wait. */
static struct pool_ticket *take_any(struct request_pool *pool)
{
	struct pool_ticket *ticket = take_waiting(pool, POOL_WRITES);

	if (!ticket)
		ticket = take_waiting(pool, POOL_READS);
	return ticket ? ticket : take_waiting(pool, POOL_CHORES);
}

static struct pool_ticket *take_write(struct request_pool *pool)
{
	const bool is_chores_turn = (pool->writes.started + 1) % POOL_CHORE_TURN == 0;
	struct pool_ticket *ticket =
		take_waiting(pool, is_chores_turn ? POOL_CHORES : POOL_WRITES);

	return ticket ? ticket
		      : take_waiting(pool, is_chores_turn ? POOL_WRITES : POOL_CHORES);
}

static struct pool_ticket *let_in(struct request_pool *pool, struct pool_ticket *ticket)
{
	struct pool_places *places;

	if (!ticket)
		return NULL;
	places = places_of(pool, ticket->line);
	places->inside++;
	ticket->state = POOL_INSIDE;
	ticket->was_alone = places->inside == 1;
	ticket->lowered = places->lowered;
	ticket->started = ++places->started;
	return ticket;
}

static struct pool_ticket *next_trial(struct request_pool *pool)
{
	if (pool->trial)
		return NULL;
	pool->trial = let_in(pool, take_any(pool));
	return pool->trial;
}

struct pool_ticket *request_pool_next(struct request_pool *pool, bool *ret_is_trial)
{
	*ret_is_trial = pool->state != POOL_OPEN;
	if (*ret_is_trial)
		return next_trial(pool);
	if (pool->writes.inside < pool->writes.places && is_wanted(pool, &pool->writes))
		return let_in(pool, take_write(pool));
	if (pool->reads.inside < pool->reads.places)
		return let_in(pool, take_waiting(pool, POOL_READS));
	return NULL;
}

bool request_pool_is_busy(const struct request_pool *pool)
{
	return is_wanted(pool, &pool->reads) || is_wanted(pool, &pool->writes);
}

static unsigned count_waiting(const struct request_pool *pool, enum pool_line line)
{
	const struct pool_ticket *ticket;
	unsigned count = 0;

	TAILQ_FOREACH(ticket, &pool->waiting[line], entry)
		count++;
	return count;
}

struct pool_use request_pool_look(const struct request_pool *pool, bool is_writes)
{
	const struct pool_places *places = is_writes ? &pool->writes : &pool->reads;

	return (struct pool_use){
		.inside = places->inside,
		.waiting = is_writes ? count_waiting(pool, POOL_WRITES) +
				count_waiting(pool, POOL_CHORES)
				     : count_waiting(pool, POOL_READS),
		.places = places->places,
		.started = places->started,
	};
}

void request_pool_leave(struct request_pool *pool, struct pool_ticket *ticket)
{
	if (ticket->state == POOL_WAITING)
		TAILQ_REMOVE(&pool->waiting[ticket->line], ticket, entry);
	if (ticket->state == POOL_INSIDE)
		places_of(pool, ticket->line)->inside--;
	if (pool->trial == ticket)
		pool->trial = NULL;
	ticket->state = POOL_OUTSIDE;
}

/* ---- how it ended ---- */

bool request_pool_answered(struct request_pool *pool, struct pool_ticket *ticket)
{
	grow(pool, places_of(pool, ticket->line));
	request_pool_leave(pool, ticket);
	return request_pool_open(pool);
}

bool request_pool_unanswered(struct request_pool *pool, struct pool_ticket *ticket)
{
	struct pool_places *places = places_of(pool, ticket->line);

	if (may_lower(places, ticket))
		lower(places, places->places / 2);
	request_pool_leave(pool, ticket);
	return ++pool->silent >= POOL_SILENT_MAX;
}

bool request_pool_conflicted(
	struct request_pool *pool, struct pool_ticket *ticket, bool is_certain)
{
	struct pool_places *places = places_of(pool, ticket->line);
	const bool is_alone = ticket->was_alone && ticket->started == places->started;

	pool->silent = 0;
	pool->conflicts++;
	if (may_lower(places, ticket) && (is_certain || !is_alone))
		lower_by_conflict(places);
	if (++ticket->conflicts >= POOL_CONFLICTS_MAX)
		return false;
	places->inside--;
	ticket->state = POOL_WAITING;
	TAILQ_INSERT_HEAD(&pool->waiting[ticket->line], ticket, entry);
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
	struct pool_ticket *ticket = take_any(pool);

	if (ticket)
		ticket->state = POOL_OUTSIDE;
	return ticket;
}
