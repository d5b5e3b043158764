/* What the files of the listener share: listener.c (threads), listener_udp.c and
 * listener_tcp.c (sockets), listener_answer.c (composing and signing). */
#ifndef MUSTER_LISTENER_PRIVATE_H
#define MUSTER_LISTENER_PRIVATE_H

#include <event2/event.h>
#include <sys/queue.h>

#include "gateway/base/alarm.h"
#include "gateway/listener/listener.h"
#include "gateway/listener/listener_output.h"
#include "gateway/listener/listener_source.h"
#include "gateway/listener/listener_window.h"
#include "gateway/request/dns_request.h"

struct listener_socket {
	struct listener *listener;
	int fd;
	bool is_wildcard; /* UDP: answers must set their source address */
	struct event *event;
};

/* struct listener_totals; written by one thread, read by any. */
struct listener_counters {
	atomic_uint_fast64_t updates[LISTENER_RCODES];
	atomic_uint_fast64_t queries, notifies, others;
	atomic_uint_fast64_t badsig, badkey, badtime, badtrunc;
};

struct connection;
struct listener_udp; /* buffers of listener_udp.c */

struct listener {
	struct listeners *all;
	pthread_t thread;
	bool is_running;
	struct event_base *base;
	struct turn_clock time;
	struct alarms alarms;
	struct hmac_pool *pool;
	struct mailbox mailbox; /* answers from the zone thread */
	struct event *mailbox_event;
	pthread_mutex_t config_lock;
	struct config *config; /* counted; under config_lock */
	struct listener_udp *udp;
	struct listener_socket *udp_sockets, *tcp_sockets; /* one per config.listen */
	size_t socket_count;
	/* Judged in this turn, by the thread of their zone. */
	struct queue_list forward[LISTENERS_QUEUES_MAX];
	size_t transfers;              /* asked for and not yet sent */
	struct listener_load load;     /* with the zone thread */
	TAILQ_HEAD(, connection) idle; /* nothing in progress; longest idle first */
	TAILQ_HEAD(, connection) busy; /* the others */
	size_t connection_count;
	struct listener_sources sources;
	struct listener_outputs outputs;
	struct listener_counters counters;
	bool is_accepting;
	struct alarm accept_alarm;
	struct alarm idle_alarm;   /* set while any is idle */
	struct alarm unread_alarm; /* set while any output waits */
};

enum listeners_phase {
	LISTENERS_READING,
	LISTENERS_DRAINING,  /* no more reading */
	LISTENERS_FINISHING, /* the zone thread is gone */
};

struct listeners {
	struct listener *listeners;
	size_t count;
	size_t started;                             /* threads that run */
	size_t file_limit;                          /* descriptors of the process */
	atomic_size_t connections_max;              /* of each listener */
	struct queue *queues[LISTENERS_QUEUES_MAX]; /* of the zone threads */
	unsigned queue_count;
	struct refusals *refusals;  /* of all threads */
	atomic_int phase;           /* enum listeners_phase */
	atomic_size_t drained;      /* threads that have stopped reading */
	struct queue drained_queue; /* wakes the thread that waits for them */
};

/* ---- listener.c ---- */

/* The message as a request.  NULL: there is nobody to answer, or no memory. */
struct dns_request *listener_new_request(struct listener *listener, struct config *config,
	const struct dns_peer *peer, const uint8_t *msg, size_t len);
/* A request has arrived: judges it, and forwards or answers it.  Takes it over. */
void listener_take_request(struct listener *listener, struct dns_request *dns);
/* Frees it once it has been answered, or cannot be. */
void listener_drop_request(struct listener *listener, struct dns_request *dns);
/* The current configuration; the caller drops the reference. */
struct config *listener_get_config(struct listener *listener);
/* Sends what listener_take_request has gathered to the zone thread. */
void listener_forward(struct listener *listener);

/* Makes a socket that does not block and shares its port with those of other threads.
 * 0 or -errno. */
int listener_socket_open(struct listener_socket *s, int family, int type);
/* For all sockets of one kind: fn is called when one is readable.  0 or -ENOMEM. */
int listener_sockets_start(
	struct listener *listener, struct listener_socket *sockets, event_callback_fn fn);
void listener_sockets_stop(struct listener *listener, struct listener_socket *sockets);
void listener_sockets_close(struct listener *listener, struct listener_socket *sockets);

/* ---- listener_answer.c ---- */

/* Counts a request that is about to be answered. */
void listener_count(struct listener *listener, const struct dns_request *dns);

/* Writes the whole signed answer into buf; returns its length, 0 if there can be none. */
size_t listener_compose(struct listener *listener, struct dns_request *dns, uint8_t *buf);
/* The same for a message of its transfer. */
size_t listener_compose_transfer(
	struct listener *listener, struct dns_request *dns, size_t index, uint8_t *buf);

/* ---- listener_udp.c ---- */

int listener_udp_open(struct listener_socket *s, const struct config_address *address);
int listener_udp_start(struct listener *listener);
/* Answers and frees it; listener_udp_flush sends the answer. */
void listener_udp_answer(struct listener *listener, struct dns_request *dns);
void listener_udp_flush(struct listener *listener);

/* ---- listener_tcp.c ---- */

int listener_tcp_open(struct listener_socket *s, const struct config_address *address);
int listener_tcp_start(struct listener *listener);
void listener_tcp_stop(struct listener *listener); /* accepts and reads no more */
void listener_tcp_free(struct listener *listener); /* closes everything */
/* The source of the connection that a request came by; NULL: it came by UDP. */
struct listener_source *listener_tcp_source(const struct dns_request *dns);
/* Answers and frees it. */
void listener_tcp_answer(struct listener *listener, struct dns_request *dns);
bool listener_tcp_is_flushed(const struct listener *listener);

#endif
