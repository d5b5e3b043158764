/*
 * The HTTP server through which administrators and their tools ask and instruct a running
 * gateway: libevent's evhttp, in a thread of its own.  (control_private.h says which file
 * does what.)
 *
 * There are two doors.  At the Unix socket `control`, root and the gateway's own user may
 * ask and do everything.  At `http`, anybody who can reach it sees /, /health, /status
 * and /metrics, none of which names hosts or keys.
 *
 * Zone threads are asked by calls for copies of what they own, in pages of bounded size
 * (served/view.h); the JSON is made here.  Another thread reads the database
 * (control_reader.h), so that this one never waits for anything.  The main thread carries
 * out reloads, which it gets as orders.
 */
#ifndef MUSTER_CONTROL_H
#define MUSTER_CONTROL_H

#include "gateway/config/config.h"
#include "gateway/listener/listener.h"
#include "gateway/served/zone_threads.h"

enum {
	CONTROL_GUESTS_MAX = 16,  /* connections of each door; others wait to be
				  * accepted.  (LISTENER_RESERVE_CONTROL counts on it) */
	CONTROL_WAITING_MAX = 64, /* requests that wait for zone threads, the reader or
					* main; others get 503 */
	CONTROL_HEADERS_MAX = 16 << 10, /* octets */
	CONTROL_BODY_MAX = 64 << 10,    /* octets */
	CONTROL_TIMEOUT_S = 10,         /* for a peer that neither sends nor reads */
	CONTROL_PATIENCE_MS = 30000,    /* for one whole request or answer */
	CONTROL_PAGE_MAX = 500,         /* entries of one answer */
	CONTROL_STOP_MS = 2000,         /* for answers under way when the gateway ends */
};

struct control;

/*
 * Opens the sockets that config.control and config.http name, if any, before privileges
 * are dropped.  config_path is borrowed, and only shown to people.  0 or -errno, logged.
 */
int control_open(struct control **ret_control, struct config *config,
	const char *config_path) __attribute__((warn_unused_result));
/* Starts the thread.  Zone threads and listeners must outlive control_stop. */
int control_start(struct control *control, struct zone_threads *zone_threads,
	struct listeners *listeners) __attribute__((warn_unused_result));

/* ---- for the main thread ---- */

/* A request to the main thread: read the configuration, and adopt it or only check it. */
struct control_order;

/* A descriptor that is readable while there are orders. */
int control_orders_fd(const struct control *control);
/* The next order; NULL: there is none. */
struct control_order *control_take_order(struct control *control);
bool control_order_is_check(const struct control_order *order);
/* A config_report whose arg is the order: its messages go into the answer.  An order of
 * NULL is harmless. */
void control_order_report(bool error, const char *message, void *order);
/* Answers an order with its result, 0 or -errno, and frees it.  NULL is harmless. */
void control_finish_order(
	struct control *control, struct control_order *order, int result);

/* Adopts a new configuration.  A socket whose address has changed is opened, and the old
 * one closed; if it cannot be opened, that is reported and the old one stays. */
void control_configure(
	struct control *control, struct config *config, config_report *report, void *arg);

/* Ends the thread and removes the socket's file.  The zone threads must still be running.
 * NULL is harmless. */
void control_stop(struct control *control);
/* To be called after zone_threads_free.  NULL is harmless. */
void control_free(struct control *control);

#endif
