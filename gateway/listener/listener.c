/*
 * Listener threads: starting and ending them, and the path of a request through them.
 */
#include "gateway/listener/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/listener/intake.h"
#include "gateway/listener/listener_private.h"
#include "gateway/base/log.h"
#include "gateway/base/thread.h"
#include "gateway/journal/refusals.h"

/* ---- requests and answers ---- */

struct config *listener_get_config(struct listener *listener)
{
	struct config *config;

	pthread_mutex_lock(&listener->config_lock);
	config = config_ref(listener->config);
	pthread_mutex_unlock(&listener->config_lock);
	return config;
}

struct dns_request *listener_new_request(struct listener *listener, struct config *config,
	const struct dns_peer *peer, const uint8_t *msg, size_t len)
{
	struct dns_request *dns;

	if (!wire_is_answerable(msg, len))
		return NULL;
	dns = dns_request_new(config, peer, &listener->mailbox, msg, len);
	if (dns)
		dns->request.refusals = listener->all->refusals;
	return dns;
}

static void answer(struct listener *listener, struct dns_request *dns)
{
	listener_count(listener, dns);
	if (dns_request_is_tcp(dns))
		listener_tcp_answer(listener, dns);
	else
		listener_udp_answer(listener, dns);
}

static void count_transfer(struct listener *listener, const struct dns_request *dns)
{
	struct listener_source *source = listener_tcp_source(dns);

	listener->transfers++;
	if (source)
		source->transfers++;
}

static void discount_transfer(struct listener *listener, const struct dns_request *dns)
{
	struct listener_source *source = listener_tcp_source(dns);

	listener->transfers--;
	if (source)
		source->transfers--;
}

/* No source may have more than half of what is left, so that the others get some
 * although none is reserved for them. */
static bool is_transfer_limit_reached(
	const struct listener *listener, const struct dns_request *dns)
{
	const struct listener_source *source = listener_tcp_source(dns);

	if (listener->transfers >= LISTENER_TRANSFERS_MAX)
		return true;
	return source &&
		source->transfers > (LISTENER_TRANSFERS_MAX - listener->transfers) / 2;
}

/* NULL: it may go to the zone thread. */
static const char *limit_reached(
	const struct listener *listener, const struct dns_request *dns)
{
	if (listener->load.in_flight >= LISTENER_IN_FLIGHT_MAX)
		return "too many requests are in progress";
	if (listener->load.in_flight_len + dns->len > LISTENER_IN_FLIGHT_OCTETS)
		return "too many octets of requests are in progress";
	if (dns_request_is_transfer(dns) && is_transfer_limit_reached(listener, dns))
		return "too many zone transfers are in progress";
	return NULL;
}

void listener_drop_request(struct listener *listener, struct dns_request *dns)
{
	if (dns->request.state == REQUEST_ANSWERED && dns_request_is_transfer(dns))
		discount_transfer(listener, dns);
	dns_request_free(dns);
}

void listener_take_request(struct listener *listener, struct dns_request *dns)
{
	const char *limit;

	if (intake_judge(dns, listener->pool) == INTAKE_ANSWER) {
		answer(listener, dns);
		return;
	}
	limit = limit_reached(listener, dns);
	if (limit) {
		dns->request.verdict =
			verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY, "%s", limit);
		answer(listener, dns);
		return;
	}
	listener->load.in_flight++;
	listener->load.in_flight_len += dns->len;
	if (dns_request_is_transfer(dns))
		count_transfer(listener, dns);
	queue_list_append(&listener->forward[config_zone_thread(
				  dns->request.zone, listener->all->queue_count)],
		&dns->request.node);
}

void listener_forward(struct listener *listener)
{
	for (unsigned i = 0; i < listener->all->queue_count; i++)
		queue_push(listener->all->queues[i], &listener->forward[i]);
}

static void finish_if_drained(struct listener *listener)
{
	if (!listener->is_running ||
		atomic_load(&listener->all->phase) == LISTENERS_READING)
		return;
	listener->is_running = false;
	listener_sockets_stop(listener, listener->udp_sockets);
	listener_tcp_stop(listener);
	atomic_fetch_add(&listener->all->drained, 1);
	queue_wake(&listener->all->drained_queue);
}

static void on_mailbox(evutil_socket_t fd, short events, void *arg)
{
	struct listener *listener = arg;
	struct queue_list list;
	struct queue_node *node;

	(void)fd;
	(void)events;
	queue_list_init(&list);
	queue_take_all(&listener->mailbox.queue, &list);
	while ((node = queue_list_take(&list))) {
		struct dns_request *dns = dns_request_of_node(node);

		listener->load.in_flight--;
		listener->load.in_flight_len -= dns->len;
		answer(listener, dns);
	}
	listener_udp_flush(listener);
	listener_forward(listener);
	finish_if_drained(listener);
}

/* ---- sockets ---- */

int listener_socket_open(struct listener_socket *s, int family, int type)
{
	const int on = 1;

	s->fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
		(family == AF_INET6 &&
			setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))))
		return -errno;
	return 0;
}

int listener_sockets_start(
	struct listener *listener, struct listener_socket *sockets, event_callback_fn fn)
{
	for (size_t i = 0; i < listener->socket_count; i++) {
		struct listener_socket *s = &sockets[i];

		s->event = event_new(listener->base, s->fd, EV_READ | EV_PERSIST, fn, s);
		if (!s->event || event_add(s->event, NULL))
			return -ENOMEM;
	}
	return 0;
}

void listener_sockets_stop(struct listener *listener, struct listener_socket *sockets)
{
	for (size_t i = 0; i < listener->socket_count; i++)
		event_del(sockets[i].event);
}

void listener_sockets_close(struct listener *listener, struct listener_socket *sockets)
{
	for (size_t i = 0; i < listener->socket_count; i++) {
		if (sockets[i].event)
			event_free(sockets[i].event);
		if (sockets[i].fd >= 0)
			close(sockets[i].fd);
	}
}

/* ---- the thread ---- */

static void turn(struct listener *listener)
{
	turn_clock_begin(&listener->time);
	event_base_loop(listener->base, EVLOOP_ONCE);
}

/* The zone thread has ended, and all answers are here.  Those on TCP may need a
 * moment. */
static void send_last_answers(struct listener *listener)
{
	const int64_t end = turn_monotonic_ms(&listener->time) + LISTENER_FINISH_MS;
	const struct timeval tick = {.tv_usec = 20000};

	do {
		event_base_loopexit(listener->base, &tick);
		turn(listener);
	} while (!listener_tcp_is_flushed(listener) &&
		turn_monotonic_ms(&listener->time) < end);
}

static void *listener_main(void *arg)
{
	struct listener *listener = arg;

	while (atomic_load(&listener->all->phase) != LISTENERS_FINISHING)
		turn(listener);
	send_last_answers(listener);
	return NULL;
}

/* ---- construction ---- */

static void set_port(struct config_address *address, uint16_t port)
{
	if (address->storage.ss_family == AF_INET)
		((struct sockaddr_in *)(void *)&address->storage)->sin_port = port;
	else
		((struct sockaddr_in6 *)(void *)&address->storage)->sin6_port = port;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len))
		return 0;
	if (address.ss_family == AF_INET)
		return ((struct sockaddr_in *)(void *)&address)->sin_port;
	return ((struct sockaddr_in6 *)(void *)&address)->sin6_port;
}

/* Port 0 becomes a free port for the first socket, and all others then share it. */
static int open_address(
	struct listener *listener, size_t i, struct config_address *address)
{
	struct listener_socket *udp = &listener->udp_sockets[i];
	struct listener_socket *tcp = &listener->tcp_sockets[i];
	int r;

	udp->listener = tcp->listener = listener;
	r = listener_udp_open(udp, address);
	if (!r) {
		set_port(address, bound_port(udp->fd));
		r = listener_tcp_open(tcp, address);
	}
	if (r)
		log_error("listen %s: %s", address->text, strerror(-r));
	return r;
}

static int open_sockets(struct listener *listener, struct config_address *addresses)
{
	const size_t count = listener->config->listen_count;

	listener->udp_sockets = calloc(count, sizeof(*listener->udp_sockets));
	listener->tcp_sockets = calloc(count, sizeof(*listener->tcp_sockets));
	if (!listener->udp_sockets || !listener->tcp_sockets)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		listener->udp_sockets[i].fd = listener->tcp_sockets[i].fd = -1;
	listener->socket_count = count;
	for (size_t i = 0; i < count; i++) {
		int r = open_address(listener, i, &addresses[i]);

		if (r)
			return r;
	}
	return 0;
}

static int listener_open(struct listener *listener, struct listeners *all,
	struct config *config, struct config_address *addresses)
{
	int r;

	listener->all = all;
	listener->config = config_ref(config);
	pthread_mutex_init(&listener->config_lock, NULL);
	for (unsigned i = 0; i < LISTENERS_QUEUES_MAX; i++)
		queue_list_init(&listener->forward[i]);
	listener->mailbox.number = (unsigned)(listener - all->listeners);
	TAILQ_INIT(&listener->idle);
	TAILQ_INIT(&listener->busy);
	TAILQ_INIT(&listener->outputs.list);
	listener->mailbox.queue.fd = -1;
	listener->base = event_base_new();
	listener->pool = hmac_pool_new();
	if (!listener->base || !listener->pool ||
		alarms_init(&listener->alarms, &listener->time, listener->base))
		return -ENOMEM;
	r = queue_init(&listener->mailbox.queue);
	if (r)
		return r;
	listener->mailbox_event = event_new(listener->base, listener->mailbox.queue.fd,
		EV_READ | EV_PERSIST, on_mailbox, listener);
	if (!listener->mailbox_event || event_add(listener->mailbox_event, NULL))
		return -ENOMEM;
	return open_sockets(listener, addresses);
}

static size_t descriptors_of_targets(const struct config *config)
{
	size_t count = 0;

	for (size_t i = 0; i < config->zone_count; i++) {
		const struct config_zone *zone = &config->zones[i];

		for (size_t k = 0; k < zone->target_count; k++) {
			const struct config_target *target = &zone->targets[k];

			count += target->type == CONFIG_TARGET_LOCAL
				? target->notify_count
				: LISTENER_RESERVE_TARGET;
		}
	}
	return count;
}

static size_t descriptors_of_zones(const struct config *config)
{
	return config->zone_threads > 1
		? (config->zone_threads - 1) * LISTENER_RESERVE_ZONES
		: 0;
}

size_t listener_connections_max(
	const struct config *config, size_t threads, size_t sockets, size_t file_limit)
{
	const size_t control =
		config->control || config->http.len ? LISTENER_RESERVE_CONTROL : 0;
	const size_t reserve = LISTENER_RESERVE + control +
		descriptors_of_targets(config) + descriptors_of_zones(config) +
		threads * (LISTENER_RESERVE_THREAD + sockets);
	const size_t share = file_limit > reserve ? (file_limit - reserve) / threads : 0;

	if (share < LISTENER_CONNECTIONS_MIN)
		return LISTENER_CONNECTIONS_MIN;
	return share < LISTENER_CONNECTIONS_MAX ? share : LISTENER_CONNECTIONS_MAX;
}

static void set_connections_max(struct listeners *all, const struct config *config)
{
	const size_t max = listener_connections_max(
		config, all->count, 2 * all->listeners[0].socket_count, all->file_limit);

	if (max == LISTENER_CONNECTIONS_MIN)
		log_warning("the limit of %zu open files leaves few for TCP connections",
			all->file_limit);
	atomic_store(&all->connections_max, max);
}

int listeners_open(
	struct listeners **ret_listeners, struct config *config, size_t file_limit)
{
	struct listeners *all = calloc(1, sizeof(*all));
	struct config_address *addresses = NULL;
	int r = -ENOMEM;

	if (!all)
		return -ENOMEM;
	all->drained_queue.fd = -1;
	all->file_limit = file_limit;
	addresses = calloc(config->listen_count, sizeof(*addresses));
	all->listeners = calloc(config->threads, sizeof(*all->listeners));
	all->refusals = refusals_new();
	if (addresses && all->listeners && all->refusals)
		r = queue_init(&all->drained_queue);
	if (!r)
		memcpy(addresses, config->listen,
			config->listen_count * sizeof(*addresses));
	for (unsigned i = 0; !r && i < config->threads; i++) {
		all->count++;
		r = listener_open(&all->listeners[i], all, config, addresses);
	}
	free(addresses);
	if (r) {
		listeners_free(all);
		return r;
	}
	set_connections_max(all, config);
	*ret_listeners = all;
	return 0;
}

struct refusals *listeners_refusals(struct listeners *all)
{
	return all->refusals;
}

size_t listeners_count(const struct listeners *all)
{
	return all->count;
}

struct listener_totals listeners_totals(const struct listeners *all)
{
	struct listener_totals sum = {0};

	for (size_t i = 0; i < all->count; i++) {
		const struct listener_counters *one = &all->listeners[i].counters;

		for (size_t rcode = 0; rcode < LISTENER_RCODES; rcode++)
			sum.updates[rcode] += atomic_load(&one->updates[rcode]);
		sum.queries += atomic_load(&one->queries);
		sum.notifies += atomic_load(&one->notifies);
		sum.others += atomic_load(&one->others);
		sum.badsig += atomic_load(&one->badsig);
		sum.badkey += atomic_load(&one->badkey);
		sum.badtime += atomic_load(&one->badtime);
		sum.badtrunc += atomic_load(&one->badtrunc);
	}
	return sum;
}

struct mailbox *listeners_mailbox(struct listeners *all, size_t index)
{
	return &all->listeners[index].mailbox;
}

static int start_one(struct listener *listener, size_t index)
{
	char name[16]; /* the kernel keeps no more */
	int r = listener_udp_start(listener);

	if (!r)
		r = listener_tcp_start(listener);
	if (r)
		return r;
	snprintf(name, sizeof(name), "listen-%hu", (unsigned short)index);
	listener->is_running = true; /* from here on the thread's own */
	r = thread_start(&listener->thread, name, listener_main, listener);
	if (r)
		listener->is_running = false;
	return r;
}

int listeners_start(struct listeners *all, struct queue *const *queues, unsigned count)
{
	memcpy(all->queues, queues, count * sizeof(*queues));
	all->queue_count = count;
	for (size_t i = 0; i < all->count; i++) {
		int r = start_one(&all->listeners[i], i);

		if (r)
			return r;
		all->started++;
	}
	return 0;
}

void listeners_set_config(struct listeners *all, struct config *config)
{
	set_connections_max(all, config);
	for (size_t i = 0; i < all->count; i++) {
		struct listener *listener = &all->listeners[i];
		struct config *old = listener->config;

		pthread_mutex_lock(&listener->config_lock);
		listener->config = config_ref(config);
		pthread_mutex_unlock(&listener->config_lock);
		config_unref(old);
	}
}

/* ---- the end ---- */

static void set_phase(struct listeners *all, enum listeners_phase phase)
{
	atomic_store(&all->phase, phase);
	for (size_t i = 0; i < all->started; i++)
		queue_wake(&all->listeners[i].mailbox.queue);
}

void listeners_stop_reading(struct listeners *all)
{
	struct queue_list none;

	queue_list_init(&none);
	set_phase(all, LISTENERS_DRAINING);
	while (atomic_load(&all->drained) < all->started) {
		queue_wait(&all->drained_queue);
		queue_take_all(&all->drained_queue, &none);
	}
}

static void listener_clear(struct listener *listener)
{
	listener_tcp_free(listener);
	listener_sockets_close(listener, listener->udp_sockets);
	free(listener->udp);
	free(listener->udp_sockets);
	free(listener->tcp_sockets);
	if (listener->mailbox_event)
		event_free(listener->mailbox_event);
	queue_clear(&listener->mailbox.queue);
	alarms_clear(&listener->alarms);
	if (listener->base)
		event_base_free(listener->base);
	hmac_pool_free(listener->pool);
	config_unref(listener->config);
	pthread_mutex_destroy(&listener->config_lock);
}

void listeners_free(struct listeners *all)
{
	if (!all)
		return;
	set_phase(all, LISTENERS_FINISHING);
	for (size_t i = 0; i < all->started; i++)
		pthread_join(all->listeners[i].thread, NULL);
	for (size_t i = 0; i < all->count; i++)
		listener_clear(&all->listeners[i]);
	queue_clear(&all->drained_queue);
	refusals_free(all->refusals);
	free(all->listeners);
	free(all);
}
