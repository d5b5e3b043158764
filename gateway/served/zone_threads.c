/*
 * All zone threads (zone_threads.h).
 */
#include "gateway/served/zone_threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/served/writer.h"
#include "gateway/target/powerdns_server.h"

struct zone_threads {
	struct writer_shared shared;
	struct queue opened; /* writers that have opened their zones */
	size_t ready_count;
	/* shared.count; NULL: not made yet */
	struct writer *writers[DATABASE_THREADS_MAX];
};

const struct zone_threads_env zone_threads_env = {
	.store = &store_sqlite, .targets = target_types, .replay_places = REPLAY_MAX};

/* ---- life ---- */

static int open_shared(struct zone_threads *all, const struct zone_threads_env *env)
{
	struct writer_shared *shared = &all->shared;
	struct turn_clock time = env->time;
	int r = queue_init(&all->opened);

	shared->powerdns_servers = powerdns_servers_new();
	if (!r && !shared->powerdns_servers)
		r = -ENOMEM;
	if (!r)
		r = database_open(&shared->database, env->store, shared->config);
	if (!r)
		r = requests_open_memory(&shared->replay, &shared->database,
			env->replay_places, shared->config->max_fudge_s,
			turn_real_s(&time));
	return r;
}

int zone_threads_new(struct zone_threads **ret_threads, struct config *config,
	const struct zone_threads_env *env)
{
	struct zone_threads *all = calloc(1, sizeof(*all));
	int r;

	if (!all)
		return -ENOMEM;
	all->opened.fd = -1;
	all->shared.config = config_ref(config);
	all->shared.count = config->zone_threads;
	zone_claims_init(&all->shared.claims);
	r = open_shared(all, env);
	for (unsigned i = 0; !r && i < all->shared.count; i++)
		r = writer_new(&all->writers[i], &all->shared, i, env);
	if (r) {
		zone_threads_free(all);
		return r;
	}
	*ret_threads = all;
	return 0;
}

int zone_threads_add_mailbox(struct zone_threads *all, struct mailbox *mailbox)
{
	int r = 0;

	for (unsigned i = 0; !r && i < all->shared.count; i++)
		r = requests_add_mailbox(&all->writers[i]->served.requests, mailbox);
	return r;
}

/* If there are zones, but errors in their files leave none to serve, whoever starts the
 * gateway is told at once. */
static int look_at_zones(struct zone_threads *all)
{
	size_t bad_count = 0;

	for (unsigned i = 0; i < all->shared.count; i++) {
		bad_count += all->writers[i]->bad_count;
		all->ready_count += all->writers[i]->ready_count;
	}
	if (!bad_count || bad_count < all->shared.config->zone_count)
		return 0;
	log_error("no zone can be served: none of the zone files could be read");
	return -EINVAL;
}

static void wait_for_opened(struct zone_threads *all, unsigned count)
{
	struct queue_list list;

	while (count) {
		queue_list_init(&list);
		queue_wait(&all->opened);
		queue_take_all(&all->opened, &list);
		count -= (unsigned)list.count;
	}
}

int zone_threads_start(struct zone_threads *all)
{
	unsigned started = 0;
	int r = 0;

	while (!r && started < all->shared.count) {
		r = writer_start(all->writers[started], &all->opened);
		started += !r;
	}
	wait_for_opened(all, started);
	if (!r)
		r = look_at_zones(all);
	if (r)
		zone_threads_stop(all);
	return r;
}

size_t zone_threads_count_ready(const struct zone_threads *all)
{
	return all->ready_count;
}

static struct writer_command *new_command(struct config *config, bool is_patient)
{
	struct writer_command *command;

	do
		command = writer_command_new(config);
	while (!command && is_patient);
	return command;
}

/* Out of memory is transient, and nothing else can be done. */
void zone_threads_stop(struct zone_threads *all)
{
	for (unsigned i = 0; i < all->shared.count; i++)
		writer_send(all->writers[i], new_command(NULL, true));
	for (unsigned i = 0; i < all->shared.count; i++)
		writer_join(all->writers[i]);
}

static void free_writers(struct zone_threads *all)
{
	const unsigned count = all->shared.count;

	for (unsigned i = 0; i < count; i++) {
		if (all->writers[i])
			writer_give_up(all->writers[i]);
	}
	if (all->shared.database.journal)
		journal_stop(all->shared.database.journal);
	for (unsigned i = 0; i < count; i++) {
		if (all->writers[i])
			writer_take_last(all->writers[i]);
	}
	for (unsigned i = 0; i < count; i++)
		writer_free(all->writers[i]);
}

void zone_threads_free(struct zone_threads *all)
{
	if (!all)
		return;
	free_writers(all);
	replay_free(all->shared.replay);
	database_close(&all->shared.database);
	zone_claims_clear(&all->shared.claims);
	powerdns_servers_free(all->shared.powerdns_servers);
	config_unref(all->shared.config);
	queue_clear(&all->opened);
	free(all);
}

/* ---- while they run ---- */

struct queue *zone_threads_queue(struct zone_threads *all, unsigned number)
{
	return &all->writers[number]->queue;
}

unsigned zone_threads_count(const struct zone_threads *all)
{
	return all->shared.count;
}

void zone_threads_ping(struct zone_threads *all)
{
	for (unsigned i = 0; i < all->shared.count; i++)
		writer_ping(all->writers[i]);
}

bool zone_threads_are_alive(const struct zone_threads *all)
{
	for (unsigned i = 0; i < all->shared.count; i++) {
		if (!writer_is_alive(all->writers[i]))
			return false;
	}
	return true;
}

struct powerdns_servers *zone_threads_powerdns_servers(struct zone_threads *all)
{
	return all->shared.powerdns_servers;
}

static void push_call(struct zone_threads *all, struct zone_call *call, unsigned number)
{
	queue_push_one(&all->writers[number]->calls, &call->node);
}

void zone_threads_call(
	struct zone_threads *all, struct zone_call *call, const struct config *config)
{
	const struct config_zone *zone =
		call->zone ? config_find_zone(config, call->zone) : NULL;

	call->threads = all;
	call->next = 1;
	push_call(all, call, zone ? config_zone_thread(zone, all->shared.count) : 0);
}

void zone_call_finish(struct zone_call *call)
{
	struct zone_threads *all = call->threads;

	if (!call->zone && call->next < all->shared.count)
		push_call(all, call, call->next++);
	else
		queue_push_one(call->back, &call->node);
}

/* All of them get it, or none. */
int zone_threads_reload(struct zone_threads *all, struct config *config)
{
	struct writer_command *commands[DATABASE_THREADS_MAX];
	unsigned count = 0;

	while (count < all->shared.count) {
		commands[count] = new_command(config, false);
		if (!commands[count])
			break;
		count++;
	}
	if (count < all->shared.count) {
		while (count)
			writer_command_free(commands[--count]);
		return -ENOMEM;
	}
	config_keep_pins(config, all->shared.config);
	config_ref(config);
	config_unref(all->shared.config);
	all->shared.config = config;
	for (unsigned i = 0; i < count; i++)
		writer_send(all->writers[i], commands[i]);
	return 0;
}

/* For tests. */
struct writer *zone_threads_writer(struct zone_threads *all, unsigned number)
{
	return all->writers[number];
}
