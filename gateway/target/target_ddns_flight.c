/*
 * Deliveries of the ddns target: UPDATEs that are sent one behind the other, without
 * waiting for the answers.
 *
 * Each carries as prerequisite the SOA that the one before gives the zone, so that it
 * fails if that one does.  But somebody else may have given the zone the same SOA: the
 * serial is the next one for everybody.  So it also requires one RRset to be as the one
 * before has left it ("the mark"), and is not sent if there is no such RRset.
 *
 * A server that groups gets one at a time, with all that has gathered meanwhile, unless
 * that is too much for one: a group costs it about the same whatever its size.  But Knot
 * (3.2 to 3.5) must not be left without work between them.  Once it has applied one, it
 * cannot begin the next version for 10 ms; if nothing waits in its queue when it is done,
 * it writes the zone file instead, 40 ms for 100,000 names, whereas with work it does so
 * once a second.  And an UPDATE in the second after the last one, while Knot has still to
 * notify its secondaries of that, is not looked at until a whole second has passed.  So
 * empty UPDATEs ("fillers") are sent as long as anything is in flight: the one that
 * comes while Knot is busy with ours keeps it from the file for those 10 ms, in which
 * clients have their answers and we have the next batch.
 *
 * Whatever gets another answer than NOERROR is dealt with when nothing is in flight any
 * more, alone (target_ddns_deliver.c).  If it is applied then, those behind it are dealt
 * with after it; otherwise they are forgotten.
 */
#include "gateway/target/target_ddns_private.h"

#include <errno.h>
#include <stdlib.h>

enum {
	/* From one filler to the next: shorter than Knot takes for an UPDATE. */
	FILLER_MS = 3,
	/* Knot may be writing the zone file, and the larger the zone is, the longer this
	 * takes, and an UPDATE as well: with each of so many that are not answered they
	 * become rarer, */
	FILLERS_PACE = 16,
	FILLERS_MAX = 64, /* and then no more are sent */

	/* A batch is as large as batches get from this part of the limit on. */
	FULL_PERCENT = 75,
	FLIGHTS_EXACT = 2, /* one that the server works on, and one that it finds next */
};

static void drop_flight(struct ddns_flight *flight)
{
	TAILQ_REMOVE(&flight->target->flights, flight, entry);
	changeset_unref(flight->batch.changes);
	rrset_unref(flight->after);
	*flight = (struct ddns_flight){.target = NULL};
}

void ddns_drop_flights(struct ddns_target *t)
{
	struct ddns_flight *flight;

	while ((flight = TAILQ_FIRST(&t->flights)))
		drop_flight(flight);
}

/* ---- landing ---- */

/* The caller may free the target. */
static void land_applied(struct ddns_target *t, struct ddns_flight *flight)
{
	struct target_result result = {.outcome = TARGET_DONE, .verdict = verdict_ok()};
	target_done *done = flight->done;
	void *arg = flight->arg;
	struct rrset *soa = rrset_ref(flight->after);

	result.maybe_others = ddns_note_applied(t, &flight->batch, soa);
	result.soa = soa;
	drop_flight(flight);
	if (!TAILQ_EMPTY(&t->flights) &&
		TAILQ_FIRST(&t->flights)->state != DDNS_FLIGHT_UNDER_WAY)
		alarm_set_in(&t->landing, 0);
	done(arg, &result);
	rrset_unref(soa);
}

static bool is_one_under_way(const struct ddns_target *t)
{
	const struct ddns_flight *flight;

	TAILQ_FOREACH(flight, &t->flights, entry) {
		if (flight->state == DDNS_FLIGHT_UNDER_WAY)
			return true;
	}
	return false;
}

/* The first has been dealt with.  If it was applied after all, those behind it are dealt
 * with, too. */
static void on_alone(void *arg, const struct target_result *result)
{
	struct ddns_flight *flight = arg;
	struct ddns_target *t = flight->target;
	target_done *done = flight->done;
	void *done_arg = flight->arg;

	drop_flight(flight);
	if (result->outcome != TARGET_DONE)
		ddns_drop_flights(t);
	else if (!TAILQ_EMPTY(&t->flights))
		alarm_set_in(&t->landing, 0);
	done(done_arg, result);
}

/* Nothing is under way. */
static void deal_with_first(struct ddns_target *t, struct ddns_flight *first)
{
	struct target_batch batch = first->batch;

	batch.is_retry = first->state == DDNS_FLIGHT_LOST;
	if (batch.is_retry) {
		t->lacks_soa = false;
		rrset_keep(&t->intended, first->after);
	}
	first->state = DDNS_FLIGHT_ALONE;
	ddns_deliver_alone(t, &batch, on_alone, first);
}

static void land_first(struct ddns_target *t)
{
	struct ddns_flight *first = TAILQ_FIRST(&t->flights);

	if (first->state == DDNS_FLIGHT_APPLIED)
		land_applied(t, first);
	else if (first->state != DDNS_FLIGHT_ALONE && !is_one_under_way(t))
		deal_with_first(t, first);
}

void ddns_on_landing(void *arg)
{
	land_first(arg);
}

static void on_answer(void *arg, const struct dns_client_result *result)
{
	struct ddns_flight *flight = arg;
	struct ddns_target *t = flight->target;

	if (result->status == DNS_CLIENT_ANSWERED || result->status == DNS_CLIENT_DENIED)
		flight->state = DDNS_FLIGHT_REFUSED;
	else
		flight->state = DDNS_FLIGHT_LOST;
	if (result->status == DNS_CLIENT_ANSWERED &&
		ddns_read_rcode(result->msg, result->m) == RCODE_NOERROR)
		flight->state = DDNS_FLIGHT_APPLIED;
	if (flight->state != DDNS_FLIGHT_APPLIED && flight == TAILQ_FIRST(&t->flights) &&
		!TAILQ_NEXT(flight, entry)) {
		ddns_deal_with(t, flight, result);
		drop_flight(flight);
	} else if (TAILQ_FIRST(&t->flights)->state != DDNS_FLIGHT_UNDER_WAY) {
		land_first(t);
	}
}

/* ---- keeping the server busy ---- */

static void set_filler(struct ddns_target *t)
{
	if (t->kind == DDNS_SERVER_GROUPING && is_one_under_way(t) &&
		t->fillers < FILLERS_MAX && !alarm_is_set(&t->filler))
		alarm_set_in(&t->filler, FILLER_MS * (1 + t->fillers / FILLERS_PACE));
}

/* If it was the last, the server begins now with what came after it. */
static void on_filler(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;

	t->fillers--;
	if (!t->fillers && result->status == DNS_CLIENT_ANSWERED)
		alarm_set_in(&t->filler, 0);
	else
		set_filler(t);
}

void ddns_on_filler(void *arg)
{
	struct ddns_target *t = arg;
	const struct changeset none = {.refs = 1};
	const struct ddns_guard guard = {.soa = NULL};
	uint8_t buf[DDNS_QUERY_MAX];
	const int len =
		ddns_compose_update(buf, sizeof(buf), t->zone, &guard, NULL, &none);
	const struct dns_client_request request = {.octets = buf,
		.len = len < 0 ? 0 : (size_t)len,
		.is_repeatable = true,
		.done = on_filler,
		.arg = t};

	if (!is_one_under_way(t) || len < 0 || dns_client_ask(t->client, &request) < 0)
		return;
	t->fillers++;
	set_filler(t);
}

/* ---- taking off ---- */

/* 0 or -errno. */
static int send_flight(struct ddns_flight *flight, const struct ddns_guard *guard)
{
	struct ddns_target *t = flight->target;
	const size_t cap = dns_client_request_max(t->client);
	uint8_t *buf = malloc(cap);
	struct dns_client_request request = {
		.octets = buf, .done = on_answer, .arg = flight};
	int len = -ENOMEM;

	if (buf)
		len = ddns_compose_update(
			buf, cap, t->zone, guard, flight->after, flight->batch.changes);
	if (len >= 0) {
		request.len = (size_t)len;
		len = dns_client_ask(t->client, &request);
	}
	free(buf);
	return len;
}

/* There is room for it. */
static struct ddns_flight *add_flight(struct ddns_target *t,
	const struct target_batch *batch, target_done *done, void *arg)
{
	struct ddns_flight *flight = t->flight_slots;

	while (flight->target)
		flight++;
	*flight = (struct ddns_flight){
		.target = t, .batch = *batch, .done = done, .arg = arg};
	changeset_ref(batch->changes);
	TAILQ_INSERT_TAIL(&t->flights, flight, entry);
	return flight;
}

/* What is not known to be exact counts as Knot. */
bool ddns_groups(const struct target *target)
{
	return ((const struct ddns_target *)(const void *)target)->kind !=
		DDNS_SERVER_EXACT;
}

bool ddns_takes_more(const struct target *target)
{
	const struct ddns_target *t = (const struct ddns_target *)(const void *)target;
	const struct ddns_flight *last = TAILQ_LAST(&t->flights, ddns_flights);
	const struct ddns_flight *flight;
	unsigned count = 0;

	if (!last || !ddns_find_mark(last->batch.changes, t->zone))
		return false;
	TAILQ_FOREACH(flight, &t->flights, entry) {
		if (flight->state != DDNS_FLIGHT_UNDER_WAY)
			return false;
		count++;
	}
	if (t->kind == DDNS_SERVER_EXACT)
		return count < FLIGHTS_EXACT;
	return count < DDNS_FLIGHTS_MAX &&
		last->batch.changes->count >= DDNS_BATCH_CHANGES * FULL_PERCENT / 100;
}

static bool can_fly(const struct ddns_target *t, const struct target_batch *batch)
{
	return t->believed && !batch->is_retry && !t->is_soa_blind && !t->is_soa_denied &&
		ddns_has_differences(batch->changes, t->zone);
}

/* Sends it.  0 or -errno. */
static int take_off(struct ddns_target *t, struct ddns_flight *flight,
	const struct rrset *before, const struct ddns_flight *previous)
{
	struct ddns_guard guard = {
		.soa = before,
		.mark = previous ? previous->batch.changes : NULL,
		.has_befores = ddns_needs_befores(t, &flight->batch),
	};
	int r;

	flight->after = ddns_intended_soa(before, flight->batch.changes, t->zone);
	if (!flight->after)
		return -ENOMEM;
	r = send_flight(flight, &guard);
	if (r == -ENOSPC && guard.has_befores) {
		guard.has_befores = false;
		r = send_flight(flight, &guard);
	}
	flight->has_befores = guard.has_befores;
	set_filler(t);
	return r;
}

void ddns_deliver(struct target *target, const struct target_batch *batch,
	target_done *done, void *arg)
{
	struct ddns_target *t = ddns_of(target);
	const struct ddns_flight *last = TAILQ_LAST(&t->flights, ddns_flights);
	struct rrset *before = last ? last->after : t->believed;
	struct ddns_flight *flight;

	if (batch->is_retry) /* it is asked with the next one, when it is back */
		ddns_forget_server(t);
	else
		ddns_look_at_server(t);
	if (!last && !can_fly(t, batch)) {
		ddns_deliver_alone(t, batch, done, arg);
		return;
	}
	flight = add_flight(t, batch, done, arg);
	if (!ddns_has_differences(batch->changes, t->zone)) {
		flight->state = DDNS_FLIGHT_APPLIED;
		flight->after = rrset_ref(before);
	} else if (take_off(t, flight, before, last) < 0) {
		/* It is dealt with when those before it have landed. */
		flight->state = DDNS_FLIGHT_REFUSED;
		if (!last)
			alarm_set_in(&t->landing, 0);
	}
}
