/*
 * A gateway in a scenario: configured, started, stopped, and moved on.
 */
#include "tests/scenarios/gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/listener/intake.h"
#include "gateway/served/writer.h"
#include "tests/scenarios/content.h"
#include "tests/scenarios/gateway_private.h"
#include "tests/scenarios/spare.h"
#include "tests/unit/store_memory.h"

enum {
	ROUNDS_MAX = 1000000, /* at one moment: more never come to an end */
	START_MONOTONIC_MS = 1000000,
	REPLAY_PLACES = 1 << 12, /* more than a scenario sends */
};

/* ---- zones and their servers ---- */

static struct zone *read_zone(struct gateway *gateway, const struct gateway_zone *zone)
{
	FILE *file = fmemopen(zone->text, strlen(zone->text), "r");
	struct zone *content = zone_new(zone->apex);
	char error[ZONE_ERROR_MAX] = "out of memory";

	if (file && content && zone_read_file(content, file, error) == 0) {
		fclose(file);
		return content;
	}
	snprintf(gateway->why, sizeof(gateway->why), "the zone: %.400s", error);
	if (file)
		fclose(file);
	zone_free(content);
	return NULL;
}

static int add_server(struct gateway *gateway, const struct gateway_zone *zone,
	const struct gateway_target *target, const char *id)
{
	const struct fake_server *primary;
	struct fake_server *server;
	struct zone *content;

	if (fake_net_find(&gateway->net, target->name, zone->apex))
		return 0;
	/* Whoever adds a server later gives it what there is. */
	primary = fake_net_find(&gateway->net, zone->targets[0].name, zone->apex);
	content = primary ? content_copy(primary->zone, NULL) : read_zone(gateway, zone);
	if (!content)
		return -EINVAL;
	server = fake_net_add(&gateway->net, target->name, id, target->type, content);
	zone_free(content);
	if (server)
		server->is_late = gateway->threads != NULL;
	return server ? 0 : gateway_why(gateway, -ENOMEM, "a server");
}

static int prepare_zone(
	struct gateway *gateway, size_t index, const struct config_zone *config)
{
	const struct gateway_zone *zone = &gateway->zones[index];
	char name[32];
	int r = 0;

	snprintf(name, sizeof(name), "%zu.zone", index);
	if (!zone->target_count)
		r = gateway_write_file(gateway, name, zone->text);
	for (size_t i = 0; !r && i < zone->target_count; i++)
		r = add_server(gateway, zone, &zone->targets[i], config->targets[i].id);
	return r;
}

struct gateway_zone *gateway_find_zone(struct gateway *gateway, const uint8_t *apex)
{
	for (size_t i = 0; i < gateway->zone_count; i++)
		if (name_is_equal(gateway->zones[i].apex, apex))
			return &gateway->zones[i];
	return NULL;
}

struct gateway_zone *gateway_add_zone(struct gateway *gateway, const uint8_t *apex)
{
	struct gateway_zone *zone = &gateway->zones[gateway->zone_count];

	if (gateway->zone_count == GATEWAY_ZONES_MAX || gateway_find_zone(gateway, apex))
		return NULL;
	*zone = (struct gateway_zone){0};
	memcpy(zone->apex, apex, name_len(apex));
	gateway->zone_count++;
	gateway->is_dirty = true;
	return zone;
}

static void clear_zone(struct gateway_zone *zone)
{
	for (size_t i = 0; i < zone->rule_count; i++)
		free(zone->rules[i].words);
	free(zone->settings);
	free(zone->text);
}

void gateway_drop_zone(struct gateway *gateway, struct gateway_zone *zone)
{
	const size_t index = (size_t)(zone - gateway->zones);

	clear_zone(zone);
	gateway->zone_count--;
	memmove(zone, zone + 1, (gateway->zone_count - index) * sizeof(*zone));
	gateway->is_dirty = true;
}

/* ---- the zone threads ---- */

static unsigned count_threads(const struct gateway *gateway)
{
	return gateway->threads ? zone_threads_count(gateway->threads) : 0;
}

static struct writer *thread_at(const struct gateway *gateway, unsigned i)
{
	return zone_threads_writer(gateway->threads, i);
}

/* The threads have the same time, except while they start and stop. */
static int64_t now_of(const struct writer *writer)
{
	return writer_time(writer).monotonic_ms;
}

static struct turn_clock latest_time(const struct gateway *gateway)
{
	struct turn_clock latest = gateway->time;

	for (unsigned i = 0; i < count_threads(gateway); i++) {
		const struct turn_clock time = writer_time(thread_at(gateway, i));

		if (time.monotonic_ms >= latest.monotonic_ms)
			latest = time;
	}
	return latest;
}

/* Something has been done. */
static bool turn(struct writer *writer)
{
	if (writer_turn(writer, false))
		return true;
	if (writer_next_alarm_ms(writer) > now_of(writer))
		return false;
	writer_advance(writer, now_of(writer));
	return true;
}

/* Will the journal or the reader return something to it without further help? */
static bool is_waiting(const struct gateway *gateway, const struct writer *writer)
{
	return (writer_in_reader(writer) && !gateway->is_reader_held) ||
		(writer_in_journal(writer) && !gateway->is_journal_held);
}

/* Something has been done, or was waited for. */
static bool go_on(struct gateway *gateway)
{
	const unsigned count = count_threads(gateway);
	const bool was_spared = spare(gateway->is_looked_at);
	bool is_done = false;

	for (unsigned i = 0; i < count; i++)
		is_done |= turn(thread_at(gateway, i));
	for (unsigned i = 0; !is_done && i < count; i++) {
		struct writer *writer = thread_at(gateway, i);

		is_done = is_waiting(gateway, writer) && writer_turn(writer, true);
	}
	(void)spare(was_spared);
	return is_done;
}

int gateway_settle(struct gateway *gateway)
{
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		if (!go_on(gateway))
			return 0;
	return gateway_why(gateway, -ELOOP, "what happens does not come to an end");
}

/* Moves all threads from alarm to alarm, whichever of them set it, until this time. */
static int advance(struct gateway *gateway, int64_t to_ms)
{
	const unsigned count = count_threads(gateway);
	bool is_there = false, was_spared;
	int r;

	while (!(r = gateway_settle(gateway)) && !is_there) {
		int64_t next_ms = to_ms;

		is_there = true;
		for (unsigned i = 0; i < count; i++) {
			struct writer *writer = thread_at(gateway, i);
			const int64_t alarm_ms = writer_next_alarm_ms(writer);

			is_there &= now_of(writer) >= to_ms;
			next_ms = alarm_ms < next_ms ? alarm_ms : next_ms;
		}
		was_spared = spare(gateway->is_looked_at);
		for (unsigned i = 0; !is_there && i < count; i++)
			writer_advance(thread_at(gateway, i), next_ms);
		(void)spare(was_spared);
	}
	return r;
}

/* ---- running ---- */

/* Each thread opens its zones by itself, and some take longer. */
static int start(struct gateway *gateway)
{
	const struct zone_threads_env env = {.store = &store_memory,
		.targets = gateway->net.types,
		.time = gateway->time,
		.queue_max = gateway->queue_max,
		.replay_places = REPLAY_PLACES};
	int r = zone_threads_new(&gateway->threads, gateway->config, &env);

	if (!r)
		r = zone_threads_add_mailbox(gateway->threads, &gateway->mailbox);
	if (r)
		return gateway_why(gateway, r, "the gateway does not start");
	for (unsigned i = 0; i < count_threads(gateway); i++)
		writer_open_zones(thread_at(gateway, i));
	return advance(gateway, latest_time(gateway).monotonic_ms);
}

static int reconfigure(struct gateway *gateway)
{
	struct config *config = NULL;
	int r = gateway_make_folder(gateway);

	if (!r)
		r = gateway_load_config(gateway, &config);
	for (size_t i = 0; !r && i < config->zone_count; i++)
		r = prepare_zone(gateway, i, &config->zones[i]);
	if (r) {
		config_unref(config);
		return r;
	}
	config_unref(gateway->config);
	gateway->config = config;
	gateway->is_dirty = false;
	if (!gateway->threads)
		return 0;
	r = zone_threads_reload(gateway->threads, config);
	return r ? gateway_why(gateway, r, "a reload") : gateway_settle(gateway);
}

int gateway_ready(struct gateway *gateway)
{
	int r = 0;

	if (!gateway->zone_count)
		return gateway_why(gateway, -ENOENT, "a zone");
	if (gateway->is_dirty)
		r = reconfigure(gateway);
	return r || gateway->threads ? r : start(gateway);
}

/* Ends its threads, which have stopped or count as killed. */
static void end(struct gateway *gateway)
{
	struct dns_request *dns;

	if (!gateway->threads)
		return;
	gateway->time = latest_time(gateway);
	zone_threads_free(gateway->threads);
	gateway->threads = NULL;
	gateway_fail_journal(gateway, 0);
	while ((dns = gateway_next_answer(gateway)))
		dns_request_free(dns);
}

/* What is not durable will not be. */
static void kill_it(struct gateway *gateway)
{
	if (gateway->threads)
		gateway_fail_journal(gateway, UINT32_MAX);
	if (gateway->is_journal_held)
		(void)gateway_release_journal(gateway);
	if (gateway->is_reader_held)
		(void)gateway_hold_reader(gateway, false);
	end(gateway);
}

int gateway_restart(struct gateway *gateway, int64_t away_s, bool is_killed)
{
	int r = gateway_ready(gateway);

	if (r)
		return r;
	if (is_killed) {
		kill_it(gateway);
	} else {
		zone_threads_stop(gateway->threads);
		end(gateway);
	}
	turn_clock_advance(&gateway->time, gateway->time.monotonic_ms + away_s * 1000);
	return start(gateway);
}

int gateway_init(struct gateway *gateway, int64_t real_s)
{
	turn_clock_set(&gateway->time, START_MONOTONIC_MS, real_s * 1000);
	gateway->thread_count = 1;
	fake_net_init(&gateway->net);
	gateway->listener.pool = hmac_pool_new();
	gateway->ring = keyring_new();
	if (!gateway->listener.pool || !gateway->ring)
		return gateway_why(gateway, -ENOMEM, "the gateway");
	if (queue_init(&gateway->mailbox.queue))
		return gateway_why(gateway, -EMFILE, "the gateway");
	if (queue_init(&gateway->calls)) {
		queue_clear(&gateway->mailbox.queue);
		return gateway_why(gateway, -EMFILE, "the gateway");
	}
	gateway->has_queues = true;
	return 0;
}

void gateway_forget(struct gateway *gateway)
{
	kill_it(gateway);
	if (gateway->config)
		store_memory_forget(gateway->config->database);
	config_unref(gateway->config);
	gateway->config = NULL;
	fake_net_clear(&gateway->net);
	gateway_remove_folder(gateway);
	while (gateway->zone_count)
		clear_zone(&gateway->zones[--gateway->zone_count]);
}

void gateway_clear(struct gateway *gateway)
{
	gateway_forget(gateway);
	if (gateway->has_queues) {
		queue_clear(&gateway->mailbox.queue);
		queue_clear(&gateway->calls);
	}
	hmac_pool_free(gateway->listener.pool);
	keyring_free(gateway->ring);
}

/* ---- time ---- */

int64_t gateway_now_s(const struct gateway *gateway)
{
	return latest_time(gateway).real_ms / 1000;
}

void gateway_set_time(struct gateway *gateway, int64_t real_s)
{
	turn_clock_set(&gateway->time, gateway->time.monotonic_ms, real_s * 1000);
	for (unsigned i = 0; i < count_threads(gateway); i++)
		writer_set_real_time(thread_at(gateway, i), real_s * 1000);
}

int gateway_pass_time(struct gateway *gateway, int64_t ms)
{
	const int r = gateway_ready(gateway);

	return r ? r : advance(gateway, latest_time(gateway).monotonic_ms + ms);
}

int gateway_stand_still(struct gateway *gateway, int64_t ms)
{
	const int r = gateway_ready(gateway);
	const int64_t end_ms = latest_time(gateway).monotonic_ms + ms;

	for (unsigned i = 0; i < count_threads(gateway); i++)
		writer_stand_still(thread_at(gateway, i), end_ms);
	return r;
}

/* ---- the journal ---- */

void gateway_hold_journal(struct gateway *gateway)
{
	store_memory_hold(gateway->config->database);
	gateway->is_journal_held = true;
}

int gateway_release_journal(struct gateway *gateway)
{
	store_memory_release(gateway->config->database);
	gateway->is_journal_held = false;
	return gateway_settle(gateway);
}

void gateway_fail_journal(struct gateway *gateway, unsigned commits)
{
	store_memory_fail_commits(gateway->config->database, commits, -ENOSPC);
}

int gateway_hold_reader(struct gateway *gateway, bool is_held)
{
	store_memory_hold_reads(gateway->config->database, is_held);
	gateway->is_reader_held = is_held;
	return is_held ? 0 : gateway_settle(gateway);
}

void gateway_fail_reader(struct gateway *gateway, unsigned reads)
{
	store_memory_fail_reads(gateway->config->database, reads);
}

/* ---- requests ---- */

static void set_peer(struct gateway *gateway, const struct policy_subject *sender,
	struct dns_peer *ret)
{
	struct sockaddr_in *in = (void *)&ret->address;
	struct sockaddr_in6 *in6 = (void *)&ret->address;

	*ret = (struct dns_peer){.socket = -1};
	if (sender->transport == POLICY_TCP)
		ret->connection = (void *)gateway; /* only asked whether there is one */
	if (sender->source.family == 4) {
		*in = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_port = htons(5353)};
		memcpy(&in->sin_addr, sender->source.octets, sizeof(in->sin_addr));
		ret->address_len = sizeof(*in);
	} else {
		*in6 = (struct sockaddr_in6){
			.sin6_family = AF_INET6, .sin6_port = htons(5353)};
		memcpy(&in6->sin6_addr, sender->source.octets, sizeof(in6->sin6_addr));
		ret->address_len = sizeof(*in6);
	}
}

static struct dns_request *new_request(struct gateway *gateway,
	const struct policy_subject *sender, const uint8_t *msg, size_t len)
{
	struct dns_peer peer;
	struct dns_request *dns;

	set_peer(gateway, sender, &peer);
	dns = dns_request_new(gateway->config, &peer, &gateway->mailbox, msg, len);
	if (!dns)
		return NULL;
	dns->request.received_ms = latest_time(gateway).monotonic_ms;
	dns->request.real_s = gateway_now_s(gateway);
	return dns;
}

static void forward(struct gateway *gateway, struct request *request)
{
	const unsigned thread = config_zone_thread(request->zone, count_threads(gateway));

	queue_push_one(zone_threads_queue(gateway->threads, thread), &request->node);
}

int gateway_take(struct gateway *gateway, const struct policy_subject *sender,
	const uint8_t *msg, size_t len)
{
	struct dns_request *dns = new_request(gateway, sender, msg, len);
	enum intake_result result;
	bool was_spared;

	if (!dns)
		return gateway_why(gateway, -ENOMEM, "a request");
	was_spared = spare(false);
	result = intake_judge(dns, gateway->listener.pool);
	(void)spare(was_spared);
	if (result == INTAKE_FORWARD)
		forward(gateway, &dns->request);
	else
		queue_push_one(&gateway->mailbox.queue, &dns->request.node);
	return 0;
}

struct dns_request *gateway_next_answer(struct gateway *gateway)
{
	struct queue_list list;
	struct queue_node *node;

	queue_list_init(&list);
	queue_take_all(&gateway->mailbox.queue, &list);
	node = queue_list_take(&list);
	if (list.head)
		queue_push(&gateway->mailbox.queue, &list);
	return node ? dns_request_of_node(node) : NULL;
}

size_t gateway_compose(struct gateway *gateway, struct dns_request *dns, uint8_t *buf)
{
	return listener_compose(&gateway->listener, dns, buf);
}

/* Others stay. */
static bool take_from(struct queue *queue, const struct queue_node *wanted)
{
	struct queue_list list, others;
	struct queue_node *node;
	bool is_there = false;

	queue_list_init(&list);
	queue_list_init(&others);
	queue_take_all(queue, &list);
	while ((node = queue_list_take(&list))) {
		if (node == wanted)
			is_there = true;
		else
			queue_list_append(&others, node);
	}
	if (others.head)
		queue_push(queue, &others);
	return is_there;
}

int gateway_send_call(struct gateway *gateway, struct zone_call *call)
{
	int r = gateway_ready(gateway);

	if (r)
		return r;
	call->back = &gateway->calls;
	zone_threads_call(gateway->threads, call, gateway->config);
	return gateway_settle(gateway);
}

bool gateway_take_call(struct gateway *gateway, const struct zone_call *call)
{
	return take_from(&gateway->calls, &call->node);
}

int gateway_call(struct gateway *gateway, const uint8_t *zone,
	bool (*run)(struct served *served, struct zone_call *call), void *subject)
{
	struct zone_call call = {.zone = zone, .run = run, .subject = subject};
	int r;

	gateway->is_looked_at = true;
	r = gateway_send_call(gateway, &call);
	gateway->is_looked_at = false;
	if (!r && !gateway_take_call(gateway, &call))
		abort(); /* something still points to what goes out of scope here */
	return r;
}

int gateway_look(struct gateway *gateway, const uint8_t *zone,
	struct view_zones *ret_page, const struct view_zone **ret_zone)
{
	int r = gateway_ready(gateway);

	if (r)
		return r;
	r = view_zones_init(ret_page, gateway->config);
	if (!r) {
		view_zones_turn(ret_page, GATEWAY_ZONES_MAX);
		r = gateway_call(gateway, NULL, view_zones, ret_page);
	}
	for (size_t i = 0; !r && i < ret_page->count; i++) {
		*ret_zone = &ret_page->zones[i];
		if (name_is_equal((*ret_zone)->config->name, zone))
			return 0;
	}
	view_zones_clear(ret_page);
	return r ? r : gateway_why(gateway, -ENOENT, "the zone");
}

int gateway_leases(struct gateway *gateway, const uint8_t *zone, const uint8_t *owner,
	struct view_leases *ret_leases)
{
	int r;

	*ret_leases = (struct view_leases){.owner = owner};
	do
		r = gateway_call(gateway, zone, view_leases, ret_leases);
	while (!r && ret_leases->cursor);
	if (!r && ret_leases->has_failed)
		r = gateway_why(gateway, -ENOMEM, "leases");
	return r;
}

/* ---- content ---- */

static size_t make_question(const uint8_t *apex, uint8_t buf[WIRE_UDP_PLAIN])
{
	struct wire_writer w;

	wire_writer_init(&w, buf, WIRE_UDP_PLAIN, NULL);
	for (unsigned i = 0; i < 6; i++)
		wire_write_u16(&w, i == 2); /* one question, nothing else */
	wire_write_name(&w, apex);
	wire_write_u16(&w, TYPE_AXFR);
	wire_write_u16(&w, CLASS_IN);
	return w.at;
}

struct zone *gateway_content(struct gateway *gateway, const uint8_t *apex)
{
	static const struct policy_subject us = {
		.source = {.family = 4, .octets = {127, 0, 0, 1}},
		.transport = POLICY_TCP};
	uint8_t msg[WIRE_UDP_PLAIN];
	struct zone *content = NULL;
	struct dns_request *dns;
	struct verdict v;
	int r;

	if (gateway_ready(gateway) || gateway_settle(gateway))
		return NULL;
	dns = new_request(gateway, &us, msg, make_question(apex, msg));
	if (!dns)
		return NULL;
	gateway->is_looked_at = true;
	v = dns_request_walk(dns);
	dns->request.zone = config_find_zone(gateway->config, apex);
	dns->question_type = TYPE_AXFR;
	request_set_state(&dns->request, REQUEST_JUDGED);
	forward(gateway, &dns->request);
	r = gateway_settle(gateway);
	gateway->is_looked_at = false;
	if (!verdict_is_ok(&v) || r ||
		!take_from(&gateway->mailbox.queue, &dns->request.node))
		return NULL;
	if (dns->transfer)
		content = content_from_transfer(apex, dns->transfer);
	dns_request_free(dns);
	return content;
}
