/*
 * A zone thread's loop: passes what comes in to its zone, and what the journal returns
 * to its submitter.
 */
#include "gateway/served/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/thread.h"
#include "gateway/target/look_ups.h"
#include "gateway/thread/database_watch.h"
#include "gateway/thread/pruning.h"

enum {
	WRITER_START_MS = 2000,  /* how long starting waits for primary targets */
	WRITER_STOP_MS = 8000,   /* how long stopping waits for primary targets */
	WRITER_SAVE_MS = 3000,   /* and for the disk, each time */
	WRITER_RECOVER_MS = 100, /* until what failed is undone again, after a lack of
	                          * memory */
};

struct writer_command {
	struct queue_node node; /* first */
	struct config *config;  /* counted; NULL: to stop */
};

/* ---- requests ---- */

/* What intake has refused stays refused. */
static void answer_without_zone(struct writer *writer, struct request *request)
{
	const char *why = served_why_unopened(&writer->served, request->zone->name);

	if (verdict_is_ok(&request->verdict))
		request->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
			"the zone %s", why ? why : "is being opened or closed");
	requests_answer(&writer->served.requests, request);
}

static void dispatch(struct writer *writer, struct request *request)
{
	struct served_zone *zone = served_find(&writer->served, request->zone->name);

	if (!zone) {
		answer_without_zone(writer, request);
		return;
	}
	switch (request->kind) {
	case REQUEST_UPDATE:
		requests_update(&zone->requests, request);
		return;
	case REQUEST_NOTIFY:
		requests_notified(&zone->requests, request);
		return;
	default:
		requests_query(&zone->requests, dns_request_of(request));
		return;
	}
}

/* ---- the journal's results ---- */

/* 0 or -ENOMEM. */
static int undo_failed(struct writer *writer)
{
	struct served_zone *zone, *next;
	int r = 0;

	HASH_ITER(hh, writer->served.zones, zone, next)
		r |= edit_undo_failed(&zone->content);
	LIST_FOREACH(zone, &writer->closing, closing_entry)
	r |= edit_undo_failed(&zone->content);
	return r;
}

/* Until all that failed has been undone, nothing else is changed. */
static void recover(void *arg)
{
	struct writer *writer = arg;
	struct zone_thread *thread = &writer->thread;

	if (!thread->is_broken || thread->in_journal)
		return;
	if (undo_failed(writer)) {
		alarm_set_in(&writer->recover_alarm, WRITER_RECOVER_MS);
		return;
	}
	thread->is_broken = false;
	journal_resume(&thread->client);
}

static void on_done(evutil_socket_t fd, short events, void *arg)
{
	struct writer *writer = arg;
	struct zone_thread *thread = &writer->thread;
	struct queue_list list;
	struct queue_node *node;

	(void)fd;
	(void)events;
	queue_list_init(&list);
	queue_take_all(&writer->thread.client.done, &list);
	if (zone_thread_follow_database(thread))
		requests_place_files(&writer->served.requests);
	while ((node = queue_list_take(&list)))
		zone_thread_take_back(thread, (struct journal_op *)(void *)node);
	recover(writer);
	zone_thread_run_tasks(thread);
}

/* Sends what has gathered in this turn. */
static void flush(struct writer *writer)
{
	struct zone_thread *thread = &writer->thread;

	requests_flush(&writer->served.requests);
	journal_submit(thread->journal, &thread->submissions);
	requests_send(&writer->served.requests);
	if (thread->durable_seq > high_water_seq(thread->database->mark))
		high_water_raise(thread->database->mark, thread->durable_seq,
			turn_real_ms(&thread->time));
}

/* ---- what comes in ---- */

static void stop(struct writer *writer)
{
	writer->is_stopping = true;
	writer->thread.is_stopping = true;
	writer_stop_opening(writer);
}

static void take_commands(struct writer *writer)
{
	struct queue_list list;
	struct writer_command *command;

	queue_list_init(&list);
	queue_take_all(&writer->commands, &list);
	while ((command = (struct writer_command *)(void *)queue_list_take(&list))) {
		if (command->config)
			writer_reload_zones(writer, config_ref(command->config));
		else
			stop(writer);
		writer_command_free(command);
	}
}

static void on_command(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	take_commands(arg);
}

/* After the commands, so that calls about zones of a new configuration find them. */
static void on_call(evutil_socket_t fd, short events, void *arg)
{
	struct writer *writer = arg;
	struct queue_list list;
	struct zone_call *call;

	(void)fd;
	(void)events;
	queue_list_init(&list);
	queue_take_all(&writer->calls, &list);
	take_commands(writer);
	while ((call = (struct zone_call *)(void *)queue_list_take(&list))) {
		if (call->run(&writer->served, call))
			zone_call_finish(call);
	}
}

static void on_handover(evutil_socket_t fd, short events, void *arg)
{
	struct writer *writer = arg;
	struct queue_list list;
	struct zone_handover *handover;

	(void)fd;
	(void)events;
	queue_list_init(&list);
	queue_take_all(&writer->handovers, &list);
	while ((handover = (struct zone_handover *)(void *)queue_list_take(&list))) {
		writer_take_over(writer, handover->name);
		free(handover);
	}
}

static void on_queue(evutil_socket_t fd, short events, void *arg)
{
	struct writer *writer = arg;
	struct queue_list list;
	struct queue_node *node;

	(void)fd;
	(void)events;
	queue_list_init(&list);
	queue_take_all(&writer->queue, &list);
	/* What was judged by a new configuration must find its zones. */
	take_commands(writer);
	while ((node = queue_list_take(&list)))
		dispatch(writer, (struct request *)(void *)node);
}

/* ---- the loop ---- */

static bool is_quiet(struct writer *writer)
{
	struct served_zone *zone, *next;

	if (queue_count(&writer->queue) || writer->thread.in_journal)
		return false;
	HASH_ITER(hh, writer->served.zones, zone, next) {
		if (!served_is_quiet(zone))
			return false;
	}
	return LIST_EMPTY(&writer->closing);
}

/* Everything is answered: now the targets' cursors are written. */
static void save(struct writer *writer)
{
	struct served_zone *zone, *next;

	HASH_ITER(hh, writer->served.zones, zone, next) {
		const struct content *content = &zone->content;

		for (size_t i = 0; i < content->delivery_count; i++) {
			delivery_kick(content->deliveries[i], true);
			delivery_save(content->deliveries[i]);
		}
	}
}

static void end_turn(struct writer *writer)
{
	zone_thread_run_tasks(&writer->thread);
	writer_sweep_closing(writer);
	flush(writer);
}

static void turn(struct writer *writer, int flags)
{
	turn_clock_begin(&writer->thread.time);
	event_base_loop(writer->thread.base, flags);
	atomic_store(&writer->answered_pings, atomic_load(&writer->pings));
	end_turn(writer);
}

/* As if time had passed until the next alarm, but not beyond end. */
static void pass_time(struct writer *writer, int64_t end)
{
	const int64_t next = writer_next_alarm_ms(writer);

	if (writer->thread.in_journal || writer->thread.in_reader)
		(void)writer_turn(writer, true);
	else if (!writer_turn(writer, false))
		writer_advance(writer, next < end ? next : end);
}

/* A turn, or a moment with nothing to do, but not beyond end. */
static void turn_or_tick(struct writer *writer, int64_t end)
{
	const struct timeval tick = {.tv_usec = 20000};

	if (writer->thread.time.is_manual) {
		pass_time(writer, end);
		return;
	}
	event_base_loopexit(writer->thread.base, &tick);
	turn(writer, EVLOOP_ONCE);
}

static void run_until_quiet(struct writer *writer, int64_t at_most_ms, bool settles)
{
	struct turn_clock *time = &writer->thread.time;
	const int64_t end = turn_monotonic_ms(time) + at_most_ms;

	while ((!is_quiet(writer) || (settles && !served_is_settled(&writer->served))) &&
		turn_monotonic_ms(time) < end)
		turn_or_tick(writer, end);
}

/* What is durable is delivered after the next start. */
static void answer_waiting(struct writer *writer)
{
	struct served_zone *zone, *next;

	HASH_ITER(hh, writer->served.zones, zone, next)
		zone_requests_give_up(&zone->requests);
	LIST_FOREACH(zone, &writer->closing, closing_entry)
	zone_requests_give_up(&zone->requests);
}

static void give_up_waiting(struct writer *writer)
{
	answer_waiting(writer);
	flush(writer);
}

static void run(struct writer *writer)
{
	while (!writer->is_stopping)
		turn(writer, EVLOOP_ONCE);
	run_until_quiet(writer, WRITER_STOP_MS, true);
	give_up_waiting(writer);
	run_until_quiet(writer, WRITER_SAVE_MS, false);
	save(writer);
	flush(writer);
	run_until_quiet(writer, WRITER_SAVE_MS, false);
}

static void *writer_main(void *arg)
{
	struct writer *writer = arg;

	writer_open_zones(writer);
	queue_push_one(writer->opened, &writer->opening);
	run(writer);
	return NULL;
}

/* ---- without the thread ---- */

bool writer_turn(struct writer *writer, bool waits)
{
	struct event_base *base = writer->thread.base;

	(void)event_base_get_max_events(base, EVENT_BASE_COUNT_ACTIVE, true);
	turn(writer, waits ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
	return event_base_get_max_events(base, EVENT_BASE_COUNT_ACTIVE, true) > 0;
}

size_t writer_in_journal(const struct writer *writer)
{
	return writer->thread.in_journal;
}

size_t writer_in_reader(const struct writer *writer)
{
	return writer->thread.in_reader;
}

struct turn_clock writer_time(const struct writer *writer)
{
	return writer->thread.time;
}

int64_t writer_next_alarm_ms(const struct writer *writer)
{
	return alarms_next_ms(&writer->thread.alarms);
}

void writer_advance(struct writer *writer, int64_t to_ms)
{
	alarms_advance(&writer->thread.alarms, to_ms);
	end_turn(writer);
}

void writer_stand_still(struct writer *writer, int64_t to_ms)
{
	turn_clock_advance(&writer->thread.time, to_ms);
}

void writer_set_real_time(struct writer *writer, int64_t real_ms)
{
	struct turn_clock *time = &writer->thread.time;

	turn_clock_set(time, time->monotonic_ms, real_ms);
}

/* ---- construction ---- */

static int64_t real_time_s(void)
{
	return clock_real_ms() / 1000;
}

/* Makes the mirrors' hashes unpredictable; drawn once for all of them. */
static int draw_seed(struct name_seed *ret_seed)
{
	const ssize_t got = getrandom(ret_seed, sizeof(*ret_seed), 0);

	if (got < 0)
		return -errno;
	return got == sizeof(*ret_seed) ? 0 : -EIO;
}

static struct event *watch(
	struct writer *writer, struct queue *queue, event_callback_fn fn)
{
	struct event *event = event_new(
		writer->thread.base, queue->fd, EV_READ | EV_PERSIST, fn, writer);

	if (event && event_add(event, NULL)) {
		event_free(event);
		return NULL;
	}
	return event;
}

static int set_up_queues(struct writer *writer)
{
	struct zone_thread *thread = &writer->thread;

	if (queue_init(&writer->queue) || queue_init(&writer->commands) ||
		queue_init(&writer->calls) || queue_init(&writer->handovers) ||
		journal_client_init(&thread->client))
		return -EMFILE;
	writer->queue_event = watch(writer, &writer->queue, on_queue);
	writer->command_event = watch(writer, &writer->commands, on_command);
	writer->call_event = watch(writer, &writer->calls, on_call);
	writer->handover_event = watch(writer, &writer->handovers, on_handover);
	writer->done_event = watch(writer, &thread->client.done, on_done);
	return writer->queue_event && writer->command_event && writer->call_event &&
			writer->handover_event && writer->done_event
		? 0
		: -ENOMEM;
}

static void submit(void *thread, struct journal_op *op)
{
	zone_thread_submit(thread, op);
}

static int set_up_loop(struct writer *writer, const struct zone_threads_env *env)
{
	struct zone_thread *thread = &writer->thread;

	thread->time = env->time;
	thread->queue_max = env->queue_max;
	thread->base = event_base_new();
	thread->target_env = (struct target_env){
		.types = env->targets,
		.base = thread->base,
		.alarms = &thread->alarms,
		.powerdns_servers = writer->shared->powerdns_servers,
		.look_ups = look_ups_new(thread->base),
		.pool = hmac_pool_new(),
		.real_time = real_time_s,
		.submit = submit,
		.thread = thread,
	};
	departures_init(&thread->departures, &thread->target_env);
	if (!thread->base || !thread->target_env.pool || !thread->target_env.look_ups ||
		draw_seed(&thread->target_env.seed) ||
		alarms_init(&thread->alarms, &thread->time,
			env->time.is_manual ? NULL : thread->base))
		return -ENOMEM;
	alarm_init(&writer->reopen_alarm, &thread->alarms, writer_on_reopen, writer);
	alarm_init(&writer->recover_alarm, &thread->alarms, recover, writer);
	reconciliation_init(&writer->served.reconciliation, thread);
	writer->served.actions =
		actions_new(thread->base, &thread->alarms, ACTIONS_LIMIT_MS);
	service_clock_start(&thread->clock, turn_monotonic_ms(&thread->time));
	return writer->served.actions ? set_up_queues(writer) : -ENOMEM;
}

/* The tasks that one thread does for all. */
static int set_up_chores(struct writer *writer)
{
	struct zone_thread *thread = &writer->thread;

	if (thread->number)
		return 0;
	writer->pruning = pruning_new(thread, writer->config->audit_days);
	writer->watch = database_watch_new(thread);
	return writer->pruning && writer->watch ? 0 : -ENOMEM;
}

/* Of the database, or of zone files: however long that takes, it comes to an end. */
static bool is_any_read(const struct writer *writer)
{
	struct served_zone *zone, *next;

	if (!LIST_EMPTY(&writer->openings) || writer->thread.in_journal)
		return true;
	HASH_ITER(hh, writer->served.zones, zone, next) {
		if (zone->seed.reading)
			return true;
	}
	return false;
}

static bool is_any_loading(const struct writer *writer)
{
	struct served_zone *zone, *next;

	HASH_ITER(hh, writer->served.zones, zone, next) {
		if (served_is_loading(zone))
			return true;
	}
	return false;
}

static void note_opened(struct writer *writer)
{
	struct served_zone *zone, *next;

	HASH_ITER(hh, writer->served.zones, zone, next)
		writer->bad_count += zone->seed.is_bad;
	writer->ready_count = served_count_ready(&writer->served);
}

/* Zones are served from the first query on if their primary targets answer soon. */
void writer_open_zones(struct writer *writer)
{
	struct turn_clock *time = &writer->thread.time;
	const struct config *config = writer->config;
	int64_t end = turn_monotonic_ms(time) + WRITER_START_MS;

	for (size_t i = 0; i < config->zone_count; i++) {
		if (zone_thread_serves(&writer->thread, &config->zones[i]))
			writer_open_zone(writer, &config->zones[i]);
	}
	flush(writer);
	while (is_any_read(writer))
		turn_or_tick(writer, end);
	end = turn_monotonic_ms(time) + WRITER_START_MS;
	while (is_any_loading(writer) && turn_monotonic_ms(time) < end)
		turn_or_tick(writer, end);
	note_opened(writer);
}

int writer_new(struct writer **ret_writer, struct writer_shared *shared, unsigned number,
	const struct zone_threads_env *env)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return -ENOMEM;
	writer->shared = shared;
	writer->config = config_ref(shared->config);
	writer->thread.number = number;
	writer->thread.count = shared->count;
	writer->thread.histories.threads = shared->count;
	writer->queue.fd = writer->commands.fd = writer->calls.fd = -1;
	writer->handovers.fd = writer->thread.client.done.fd = -1;
	writer->served.thread = &writer->thread;
	writer->served.reverse.config = writer->config;
	queue_list_init(&writer->thread.submissions);
	r = set_up_loop(writer, env);
	if (r)
		log_error("a zone thread: %s", strerror(-r));
	else
		r = zone_thread_open_database(&writer->thread, &shared->database);
	if (!r)
		r = set_up_chores(writer);
	if (!r)
		r = requests_open(
			&writer->served.requests, &writer->thread, shared->replay);
	if (r) {
		writer_free(writer);
		return r;
	}
	*ret_writer = writer;
	return 0;
}

int writer_start(struct writer *writer, struct queue *opened)
{
	char name[16] = "zone"; /* the kernel keeps no more */
	int r;

	if (writer->thread.count > 1)
		snprintf(name, sizeof(name), "zone-%hu",
			(unsigned short)writer->thread.number);
	writer->opened = opened;
	r = thread_start(&writer->pthread, name, writer_main, writer);
	writer->is_running = !r;
	return r;
}

void writer_ping(struct writer *writer)
{
	atomic_fetch_add(&writer->pings, 1);
	queue_wake(&writer->queue);
}

bool writer_is_alive(const struct writer *writer)
{
	return atomic_load(&writer->answered_pings) == atomic_load(&writer->pings);
}

struct writer_command *writer_command_new(struct config *config)
{
	struct writer_command *command = calloc(1, sizeof(*command));

	if (command)
		command->config = config ? config_ref(config) : NULL;
	return command;
}

void writer_command_free(struct writer_command *command)
{
	if (command)
		config_unref(command->config);
	free(command);
}

void writer_send(struct writer *writer, struct writer_command *command)
{
	queue_push_one(&writer->commands, &command->node);
}

void writer_join(struct writer *writer)
{
	if (writer->is_running)
		pthread_join(writer->pthread, NULL);
	else
		run(writer);
	writer->is_running = false;
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

/* Work begun by a start that failed, or by a stop that took too long, ends here;
 * requests that still wait are answered. */
void writer_give_up(struct writer *writer)
{
	writer_stop_opening(writer);
	if (writer->thread.journal)
		give_up_waiting(writer);
}

void writer_take_last(struct writer *writer)
{
	struct queue_list list;
	struct queue_node *node;

	writer->thread.is_over = true;
	queue_list_init(&list);
	queue_take_all(&writer->thread.client.done, &list);
	while ((node = queue_list_take(&list)))
		zone_thread_take_back(&writer->thread, (struct journal_op *)(void *)node);
	undo_failed(writer);
	answer_waiting(writer); /* what came back last may have begun to wait */
	requests_send(&writer->served.requests);
}

static void free_handovers(struct writer *writer)
{
	struct queue_list list;
	struct queue_node *node;

	if (writer->handovers.fd < 0)
		return;
	queue_list_init(&list);
	queue_take_all(&writer->handovers, &list);
	while ((node = queue_list_take(&list)))
		free((struct zone_handover *)(void *)node);
}

void writer_free(struct writer *writer)
{
	if (!writer)
		return;
	writer_free_zones(writer);
	departures_clear(&writer->thread.departures);
	free_handovers(writer);
	served_forget_unopened(&writer->served, NULL);
	free_event(writer->queue_event);
	free_event(writer->command_event);
	free_event(writer->call_event);
	free_event(writer->handover_event);
	free_event(writer->done_event);
	pruning_free(writer->pruning);
	database_watch_free(writer->watch);
	reconciliation_clear(&writer->served.reconciliation);
	actions_free(writer->served.actions);
	hmac_pool_free(writer->thread.target_env.pool);
	look_ups_free(writer->thread.target_env.look_ups);
	requests_close(&writer->served.requests);
	zone_thread_close_database(&writer->thread);
	alarms_clear(&writer->thread.alarms);
	if (writer->thread.base)
		event_base_free(writer->thread.base);
	queue_clear(&writer->queue);
	queue_clear(&writer->commands);
	queue_clear(&writer->calls);
	queue_clear(&writer->handovers);
	journal_client_clear(&writer->thread.client);
	config_unref(writer->config);
	free(writer);
}
