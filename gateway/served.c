/*
 * Updates in progress.  The order of everything here is the order in which the zone
 * thread evaluates: sequence numbers, the journal, the list of the uncommitted and that
 * of the waiting all follow it.
 */
#include "gateway/served.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/answer.h"
#include "gateway/clock.h"
#include "gateway/log.h"

/* ---- waiting for the primary target ---- */

static void set_ack_timer(struct served_zone *zone)
{
	struct timeval left = {0};
	int64_t ms;

	if (!zone->waiting) {
		event_del(zone->ack_timer);
		return;
	}
	ms = zone->waiting->deadline_ms - clock_monotonic_ms();
	if (ms > 0)
		left = (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	event_add(zone->ack_timer, &left);
}

static void start_waiting(struct served_zone *zone, struct transaction *t)
{
	const bool is_first = !zone->waiting;

	transaction_set_state(t, TRANSACTION_DELIVERING);
	t->deadline_ms = clock_monotonic_ms() + zone->zone->ack_timeout_ms;
	t->wait_next = NULL;
	*zone->waiting_tail = t;
	zone->waiting_tail = &t->wait_next;
	if (is_first)
		set_ack_timer(zone);
}

void served_stop_waiting(struct served_zone *zone, struct transaction *transaction)
{
	struct transaction **link = &zone->waiting;

	while (*link && *link != transaction)
		link = &(*link)->wait_next;
	if (!*link)
		return;
	*link = transaction->wait_next;
	if (!*link)
		zone->waiting_tail = link;
	transaction->wait_next = NULL;
}

static void on_ack_timeout(evutil_socket_t fd, short events, void *arg)
{
	struct served_zone *zone = arg;
	const struct verdict late = verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR,
		"target %s did not answer in time: the change was withdrawn",
		delivery_id(zone->deliveries[0]));
	const int64_t now = clock_monotonic_ms();

	(void)fd;
	(void)events;
	while (zone->waiting && zone->waiting->deadline_ms <= now) {
		struct transaction *t = zone->waiting;

		served_stop_waiting(zone, t);
		if (zone->zone->ack == CONFIG_ACK_APPLIED)
			served_withdraw(zone, t, &late);
		else
			zone_thread_answer(zone->thread, t);
	}
	set_ack_timer(zone);
}

/* ---- journalling ---- */

static void append_free(struct served_append *append)
{
	changeset_unref(append->changes);
	changeset_unref(append->journalled);
	free(append);
}

/* The change is durable. */
static void on_durable(struct served_zone *zone, struct served_append *append)
{
	struct transaction *t = append->transaction;

	for (size_t i = 0; i < zone->delivery_count; i++) {
		if (i == 0 && append->kind == SERVED_REJECTION)
			delivery_pass(zone->deliveries[i], append->op.seq);
		else
			delivery_add(zone->deliveries[i], append->op.seq, append->changes,
				append->kind != SERVED_CHANGE);
	}
	mirror_touch(zone);
	transfer_history_add(zone->history, append->changes);
	if (delivery_is_local(zone->deliveries[0]))
		notify_send(zone->notify);
	if (!t)
		return;
	if (append->kind != SERVED_CHANGE || zone->zone->ack == CONFIG_ACK_DURABLE ||
		delivery_is_local(zone->deliveries[0]) ||
		(zone->zone->ack == CONFIG_ACK_WAIT &&
			delivery_is_down(zone->deliveries[0])))
		zone_thread_answer(zone->thread, t);
	else
		start_waiting(zone, t);
}

static struct verdict database_verdict(struct zone_thread *thread)
{
	char error[STORE_ERROR_MAX];

	journal_last_error(thread->journal, error);
	return verdict_refuse(
		RCODE_SERVFAIL, EDE_OTHER, "the change could not be stored: %s", error);
}

/* The group failed; the mirror takes it back when all that built on it is back too
 * (served_forget_uncommitted). */
static void on_not_durable(struct served_zone *zone, struct served_append *append)
{
	struct zone_thread *thread = zone->thread;

	if (append->transaction) {
		append->transaction->verdict = database_verdict(thread);
		append->transaction->seq = 0;
		zone_thread_answer(thread, append->transaction);
	}
}

static void on_appended(struct journal_op *op, void *arg)
{
	struct served_append *append = arg;
	struct served_zone *zone = append->zone;

	zone->operations--;
	if (op->result) {
		on_not_durable(zone, append);
		append->transaction =
			NULL; /* stays in uncommitted, to be undone in order */
		return;
	}
	TAILQ_REMOVE(&zone->uncommitted, append, entry);
	on_durable(zone, append);
	append_free(append);
	for (size_t i = 0; i < zone->delivery_count; i++)
		delivery_kick(zone->deliveries[i], false);
}

bool served_append_changes(struct served_zone *zone, struct changeset *changes,
	struct transaction *t, const struct verdict *verdict,
	enum served_append_kind kind)
{
	struct served_append *append = calloc(1, sizeof(*append));

	if (!append)
		return false;
	append->zone = zone;
	append->changes = changes;
	append->journalled = changeset_ref(changes);
	append->transaction = t;
	append->kind = kind;
	append->op = (struct journal_op){
		.kind = JOURNAL_APPEND,
		.zone = zone->id,
		.seq = ++zone->thread->last_seq,
		.at_ms = clock_real_ms(),
		.transaction = kind == SERVED_CHANGE ? t : NULL,
		.changes = changes,
		.verdict = *verdict,
		.done = on_appended,
		.arg = append,
	};
	if (t && kind == SERVED_CHANGE)
		t->seq = append->op.seq;
	if (t)
		transaction_set_state(t, TRANSACTION_COMMITTING);
	zone->last_seq = append->op.seq;
	TAILQ_INSERT_TAIL(&zone->uncommitted, append, entry);
	zone->operations++;
	zone_thread_submit(zone->thread, &append->op);
	return true;
}

void served_forget_uncommitted(struct served_zone *zone)
{
	struct served_append *append;

	while ((append = TAILQ_LAST(&zone->uncommitted, served_uncommitted))) {
		changeset_undo(append->changes, zone->mirror);
		TAILQ_REMOVE(&zone->uncommitted, append, entry);
		append_free(append);
	}
}

/* ---- heartbeats and refusals ---- */

/* An answer that waits for an operation of the journal. */
struct served_answer {
	struct journal_op op;
	struct served_zone *zone;
	struct transaction *transaction;
};

/* With ack = "applied" a heartbeat promises no more than the changes that it found: it
 * waits for the primary with them, and shares their fate. */
static void answer_or_wait(struct served_zone *zone, struct transaction *t)
{
	const struct delivery *primary = zone->deliveries[0];

	if (zone->zone->ack == CONFIG_ACK_APPLIED && !delivery_is_local(primary) &&
		verdict_is_ok(&t->verdict) && delivery_cursor(primary) < t->seq)
		start_waiting(zone, t);
	else
		zone_thread_answer(zone->thread, t);
}

static void on_barrier(struct journal_op *op, void *arg)
{
	struct served_answer *barrier = arg;
	struct served_zone *zone = barrier->zone;

	zone->operations--;
	if (op->result)
		barrier->transaction->verdict = database_verdict(zone->thread);
	answer_or_wait(zone, barrier->transaction);
	free(barrier);
}

/* What it finds unchanged may itself be on its way to the disk: the answer, which
 * promises that it is there, waits for that. */
static void answer_heartbeat(struct served_zone *zone, struct transaction *t)
{
	struct served_answer *barrier;

	t->seq = zone->last_seq;
	if (TAILQ_EMPTY(&zone->uncommitted)) {
		answer_or_wait(zone, t);
		return;
	}
	barrier = calloc(1, sizeof(*barrier));
	if (!barrier) {
		t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "out of memory");
		zone_thread_answer(zone->thread, t);
		return;
	}
	barrier->zone = zone;
	barrier->transaction = t;
	barrier->op.kind = JOURNAL_BARRIER;
	barrier->op.done = on_barrier;
	barrier->op.arg = barrier;
	transaction_set_state(t, TRANSACTION_COMMITTING);
	zone->operations++;
	zone_thread_submit(zone->thread, &barrier->op);
}

static void on_refusal_written(struct journal_op *op, void *arg)
{
	struct served_answer *refusal = arg;

	(void)op; /* an audit row that could not be written changes no answer */
	refusal->zone->operations--;
	zone_thread_answer(refusal->zone->thread, refusal->transaction);
	free(refusal);
}

/* A client that is refused again and again must not fill the disk. */
static bool may_write_refusal(struct served_zone *zone, int64_t second)
{
	if (second != zone->refusal_s) {
		zone->refusal_s = second;
		zone->refusals = 0;
	}
	return zone->refusals++ < SERVED_REFUSALS_PER_S;
}

/* A row for the audit; the answer does not depend on it but comes after it. */
static void answer_refusal(struct served_zone *zone, struct transaction *t)
{
	struct served_answer *refusal = NULL;

	if (!zone->thread->is_broken && may_write_refusal(zone, t->received_ms / 1000))
		refusal = calloc(1, sizeof(*refusal));
	if (!refusal) {
		zone_thread_answer(zone->thread, t);
		return;
	}
	refusal->zone = zone;
	refusal->transaction = t;
	refusal->op = (struct journal_op){
		.kind = JOURNAL_APPEND,
		.zone = zone->id,
		.seq = ++zone->thread->last_seq,
		.at_ms = clock_real_ms(),
		.transaction = t,
		.verdict = t->verdict,
		.done = on_refusal_written,
		.arg = refusal,
	};
	transaction_set_state(t, TRANSACTION_COMMITTING);
	zone->operations++;
	zone_thread_submit(zone->thread, &refusal->op);
}

/* ---- evaluation ---- */

struct verdict served_evaluate(struct served_zone *zone, const struct transaction *t,
	struct changeset **ret_changes)
{
	const struct policy *policy = &t->zone->policy;
	struct changeset *changes = NULL;
	struct verdict v;

	/* Policy before prerequisites: who may not update learns nothing (RFC 2136 3.3
	 * has it the other way round; BIND settled it). */
	v = policy_check_effect(policy, zone->mirror, &t->subject, t->update);
	if (verdict_is_ok(&v))
		v = prereq_check(zone->mirror, t->update);
	if (verdict_is_ok(&v))
		v = apply_update(zone->mirror, t->update,
			delivery_bumps_serial(zone->deliveries[0]), &changes);
	if (!verdict_is_ok(&v))
		return v;
	v = policy_check_result(policy, zone->name, &t->subject, changes);
	if (!verdict_is_ok(&v)) {
		changeset_undo(changes, zone->mirror);
		changeset_unref(changes);
		return v;
	}
	*ret_changes = changes;
	return v;
}

/* A twin gets the first one's answer; true: t is taken care of. */
static bool answer_twin(struct served_zone *zone, struct transaction *t)
{
	struct replay *replay = zone->thread->replay;
	struct replay_entry *entry = NULL;
	struct transaction *first;

	switch (replay_look(replay, &t->tsig, &entry)) {
	case REPLAY_NEW:
		replay_set_transaction(replay, entry, t);
		return false;
	case REPLAY_TWIN:
		first = replay_transaction(replay, entry);
		if (first) {
			transaction_set_state(t, TRANSACTION_JOINED);
			t->wait_next = first->twins;
			first->twins = t;
			return true;
		}
		t->verdict = replay_verdict(entry);
		zone_thread_answer(zone->thread, t);
		return true;
	case REPLAY_TOO_OLD:
		break;
	}
	t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
		"signed before messages that are forgotten, it may be a replay: sign it "
		"again");
	zone_thread_answer(zone->thread, t);
	return true;
}

/* May the zone take an update now? */
static struct verdict check_ready(const struct served_zone *zone)
{
	if (zone->is_closing)
		return verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
			"the gateway is being reconfigured");
	if (!zone->mirror)
		return zone->not_ready;
	if (zone->thread->is_broken)
		return database_verdict(zone->thread);
	return verdict_ok();
}

void served_update(struct served_zone *zone, struct transaction *t)
{
	struct changeset *changes = NULL;

	t->served = zone;
	if (!verdict_is_ok(&t->verdict)) { /* by intake */
		answer_refusal(zone, t);
		return;
	}
	t->verdict = check_ready(zone);
	if (!verdict_is_ok(&t->verdict)) {
		/* Not remembered: the same message may succeed a moment later. */
		zone_thread_answer(zone->thread, t);
		return;
	}
	if (answer_twin(zone, t))
		return;
	t->verdict = served_evaluate(zone, t, &changes);
	if (!verdict_is_ok(&t->verdict)) {
		answer_refusal(zone, t);
		return;
	}
	if (changes->count == 0) {
		changeset_unref(changes);
		answer_heartbeat(zone, t);
		return;
	}
	t->changes = changeset_ref(changes);
	if (!served_append_changes(zone, changes, t, &t->verdict, SERVED_CHANGE)) {
		changeset_undo(changes, zone->mirror);
		changeset_unref(changes);
		t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "out of memory");
		zone_thread_answer(zone->thread, t);
	}
}

/* ---- what deliveries report ---- */

void served_applied(struct served_zone *zone, struct delivery *delivery, uint64_t seq,
	struct rrset *soa)
{
	if (delivery != zone->deliveries[0])
		return;
	if (soa)
		mirror_adopt_soa(zone, soa);
	while (zone->waiting && zone->waiting->seq <= seq) {
		struct transaction *t = zone->waiting;

		served_stop_waiting(zone, t);
		zone_thread_answer(zone->thread, t);
	}
	set_ack_timer(zone);
}

void served_primary_down(struct served_zone *zone)
{
	if (zone->zone->ack != CONFIG_ACK_WAIT)
		return;
	while (zone->waiting) {
		struct transaction *t = zone->waiting;

		served_stop_waiting(zone, t);
		zone_thread_answer(zone->thread, t);
	}
	set_ack_timer(zone);
}

static void note_outcome(
	struct served_zone *zone, uint64_t seq, const struct verdict *verdict)
{
	const struct journal_op note = {
		.kind = JOURNAL_OUTCOME,
		.zone = zone->id,
		.seq = seq,
		.verdict = *verdict,
	};

	(void)zone_thread_submit_note(zone->thread, &note);
}

/* Takes changes back in the mirror and the journal.  False: nothing was left to take
 * back, or no memory. */
static bool withdraw_changes(struct served_zone *zone, const struct changeset *changes,
	struct transaction *t, const struct verdict *verdict,
	enum served_append_kind kind)
{
	struct changeset *back = NULL;
	int r = apply_withdrawal(
		zone->mirror, changes, delivery_bumps_serial(zone->deliveries[0]), &back);

	if (!r && back->count && served_append_changes(zone, back, t, verdict, kind))
		return true;
	if (!r && back->count)
		changeset_undo(back, zone->mirror);
	if (!r)
		changeset_unref(back);
	return false;
}

/* Those that found a change which is now withdrawn. */
static void refuse_heartbeats(
	struct served_zone *zone, uint64_t seq, const struct verdict *verdict)
{
	struct transaction *t = zone->waiting, *next;

	for (; t; t = next) {
		next = t->wait_next;
		if (t->changes || t->seq < seq)
			continue;
		served_stop_waiting(zone, t);
		t->verdict = *verdict;
		zone_thread_answer(zone->thread, t);
	}
}

static void withdraw(struct served_zone *zone, struct transaction *t,
	const struct verdict *verdict, enum served_append_kind kind)
{
	t->verdict = *verdict;
	if (!t->changes) { /* a heartbeat that waited for others' changes */
		zone_thread_answer(zone->thread, t);
		return;
	}
	refuse_heartbeats(zone, t->seq, verdict);
	note_outcome(zone, t->seq, verdict);
	/* The refusal is sent when the withdrawal is durable: what was refused is not
	 * delivered after a crash. */
	if (!withdraw_changes(zone, t->changes, t, verdict, kind))
		zone_thread_answer(zone->thread, t);
}

void served_withdraw(
	struct served_zone *zone, struct transaction *t, const struct verdict *verdict)
{
	withdraw(zone, t, verdict, SERVED_WITHDRAWAL);
}

static struct transaction *find_waiting(const struct served_zone *zone, uint64_t seq)
{
	struct transaction *t = zone->waiting;

	while (t && (t->seq != seq || !t->changes))
		t = t->wait_next;
	return t;
}

void served_rejected(struct served_zone *zone, struct delivery *delivery, uint64_t seq,
	struct changeset *changes, bool is_withdrawal, const struct verdict *verdict)
{
	const struct journal_op note = {
		.kind = JOURNAL_SET_ASIDE,
		.zone = zone->id,
		.seq = seq,
		.at_ms = clock_real_ms(),
		.target = delivery_id(delivery),
		.verdict = *verdict,
	};
	struct transaction *t;

	log_warning("zone %s: target %s refuses change %llu, which is set aside: %s",
		zone->zone->text, delivery_id(delivery), (unsigned long long)seq,
		verdict->why);
	(void)zone_thread_submit_note(zone->thread, &note);
	if (delivery != zone->deliveries[0])
		return;
	if (is_withdrawal) {
		/* What it wanted to take back may be there or not: look. */
		delivery_want_whole(delivery);
		return;
	}
	/* What was evaluated on top of it must not bring it along. */
	if (delivery_has_pending(delivery) || !TAILQ_EMPTY(&zone->uncommitted))
		delivery_want_whole(delivery);
	t = find_waiting(zone, seq);
	if (t) {
		served_stop_waiting(zone, t);
		set_ack_timer(zone);
		withdraw(zone, t, verdict, SERVED_REJECTION);
		return;
	}
	/* Nobody waits: the mirror must still not claim what the primary does not have.
	 */
	note_outcome(zone, seq, verdict);
	(void)withdraw_changes(zone, changes, NULL, verdict, SERVED_REJECTION);
}

/* ---- construction ---- */

static void on_refresh(evutil_socket_t fd, short events, void *arg)
{
	struct served_zone *zone = arg;

	(void)fd;
	(void)events;
	delivery_want_probe(zone->deliveries[0]);
}

static int open_deliveries(struct served_zone *zone, const struct config_zone *config)
{
	zone->deliveries = calloc(config->target_count, sizeof(*zone->deliveries));
	if (!zone->deliveries)
		return -ENOMEM;
	for (size_t i = 0; i < config->target_count; i++) {
		int r = delivery_new(&zone->deliveries[i], zone->thread, zone,
			zone->config, &config->targets[i], i == 0);
		if (r)
			return r;
		zone->delivery_count++;
		/* Only the primary waits for the mirror. */
		if (i > 0)
			delivery_kick(zone->deliveries[i], false);
	}
	return 0;
}

/* Whoever is new among them hears of the zone at once. */
static int set_secondaries(struct served_zone *zone, const struct config_target *primary)
{
	struct notify *notify = NULL;

	if (primary->notify_count) {
		notify = notify_new(zone->thread->base, zone->name, primary->notify,
			primary->notify_count);
		if (!notify)
			return -ENOMEM;
		notify_send(notify);
	}
	notify_free(zone->notify);
	zone->notify = notify;
	return 0;
}

static int start(struct served_zone *zone)
{
	const struct config_target *primary = &zone->zone->targets[0];
	const struct timeval refresh = {.tv_sec = zone->zone->refresh_s};
	int r;

	if (primary->type == CONFIG_TARGET_LOCAL) {
		r = set_secondaries(zone, primary);
		return r ? r : mirror_load_local(zone, primary);
	}
	zone->not_ready = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
		"the zone is not loaded yet from %s", primary->id);
	if (zone->zone->refresh_s)
		event_add(zone->refresh_timer, &refresh);
	delivery_want_load(zone->deliveries[0]);
	return 0;
}

int served_new(struct served_zone **ret_zone, struct zone_thread *thread,
	struct config *config, const struct config_zone *zone_config)
{
	struct served_zone *zone = calloc(1, sizeof(*zone));
	int r;

	if (!zone)
		return -ENOMEM;
	zone->thread = thread;
	zone->config = config_ref(config);
	zone->zone = zone_config;
	memcpy(zone->name, zone_config->name, sizeof(zone->name));
	zone->waiting_tail = &zone->waiting;
	TAILQ_INIT(&zone->uncommitted);
	zone->history = transfer_history_new();
	zone->ack_timer = event_new(thread->base, -1, 0, on_ack_timeout, zone);
	zone->refresh_timer = event_new(thread->base, -1, EV_PERSIST, on_refresh, zone);
	r = zone->history && zone->ack_timer && zone->refresh_timer ? 0 : -ENOMEM;
	if (!r)
		r = thread->store_ops->zone_id(thread->store, zone->name, &zone->id);
	if (!r)
		r = open_deliveries(zone, zone_config);
	if (!r)
		r = start(zone);
	if (!r) {
		*ret_zone = zone;
		return 0;
	}
	served_free(zone);
	return r;
}

void served_free(struct served_zone *zone)
{
	if (!zone)
		return;
	for (size_t i = 0; i < zone->delivery_count; i++)
		delivery_free(zone->deliveries[i]);
	free(zone->deliveries);
	notify_free(zone->notify);
	transfer_unref(zone->axfr);
	transfer_history_free(zone->history);
	zone_free(zone->mirror);
	if (zone->ack_timer)
		event_free(zone->ack_timer);
	if (zone->refresh_timer)
		event_free(zone->refresh_timer);
	config_unref(zone->config);
	free(zone);
}

/* ---- reconfiguration ---- */

static struct delivery *take_delivery(struct served_zone *zone, const char *id)
{
	for (size_t i = 0; i < zone->delivery_count; i++) {
		struct delivery *d = zone->deliveries[i];

		if (!d || strcmp(delivery_id(d), id))
			continue;
		zone->deliveries[i] = NULL;
		return d;
	}
	return NULL;
}

/* Can this zone go on as it is, with other targets at most behind the primary? */
static bool has_same_primary(
	const struct served_zone *zone, const struct config_zone *zone_config)
{
	return !strcmp(delivery_id(zone->deliveries[0]), zone_config->targets[0].id);
}

int served_configure(struct served_zone *zone, struct config *config,
	const struct config_zone *zone_config)
{
	const size_t count = zone_config->target_count;
	struct delivery **deliveries;
	int r = 0;

	if (!has_same_primary(zone, zone_config))
		return -EXDEV; /* the caller closes it and opens it anew */
	if (delivery_is_local(zone->deliveries[0]))
		r = set_secondaries(zone, &zone_config->targets[0]);
	if (r)
		return r;
	deliveries = calloc(count, sizeof(*deliveries));
	if (!deliveries)
		return -ENOMEM;
	for (size_t i = 0; i < count && !r; i++) {
		deliveries[i] = take_delivery(zone, zone_config->targets[i].id);
		if (deliveries[i])
			delivery_configure(
				deliveries[i], config, &zone_config->targets[i]);
		else
			r = delivery_new(&deliveries[i], zone->thread, zone, config,
				&zone_config->targets[i], false);
	}
	for (size_t i = 0; i < zone->delivery_count; i++)
		delivery_free(zone->deliveries[i]);
	free(zone->deliveries);
	zone->deliveries = deliveries;
	zone->delivery_count = count;
	config_unref(zone->config);
	zone->config = config_ref(config);
	zone->zone = zone_config;
	for (size_t i = 1; i < count && !r; i++)
		delivery_kick(zone->deliveries[i], false);
	return r;
}

bool served_close(struct served_zone *zone)
{
	zone->is_closing = true;
	served_primary_down(zone);
	while (zone->waiting) {
		struct transaction *t = zone->waiting;

		served_stop_waiting(zone, t);
		zone_thread_answer(zone->thread, t);
	}
	return zone->operations == 0;
}

bool served_is_quiet(const struct served_zone *zone)
{
	return zone->operations == 0 && !zone->waiting && TAILQ_EMPTY(&zone->uncommitted);
}
