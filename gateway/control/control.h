/*
 * What administrators and their tools ask a running gateway, and tell it: HTTP, by
 * libevent's evhttp, in a thread of its own.
 *
 *   control.c          the thread; sockets opened, exchanged at a reload, closed
 *   control_socket.c   the sockets themselves, and who has connected
 *   control_door.c     evhttp on a socket, and its limits
 *   control_route.c    which function answers a request
 *   control_question.c questions to zone threads and to the reader, and answers
 *   control_reader.c   reads of the database, in a thread of their own
 *   control_zones.c    zones, targets, queues (control_survey.h: all zones, page by page)
 *   control_status.c   status and health
 *   control_hosts.c    hosts (control_walk.h: through all zones, page by page)
 *   control_leases.c   leases, and their ids
 *   control_verbs.c    what is done to hosts, leases and zones
 *   control_adopt.c    leases for records that have lost theirs
 *   control_audit.c    what only the database knows: audit, why
 *   control_keys.c     keys, and which rule would allow what
 *   control_orders.c   reload and check, which are main's to do
 *   control_metrics.c  the whole for Prometheus
 *   control_page.c     the same for a browser
 *
 * Two doors: the Unix socket `control`, for root and the gateway's own user only, where
 * everything may be asked and done; and `http`, for anybody who reaches it, which only
 * shows /, /health, /status and /metrics: no names of hosts or keys.
 *
 * What a zone thread owns is asked of it by calls (served/view.h), in pages of bounded
 * size, copied; JSON is made here.  What only the database has is read by a thread of its
 * own (control_reader.h), so that this one never waits for anything.  Reloads are main's,
 * which gets them as orders.
 */
#ifndef MUSTER_CONTROL_H
#define MUSTER_CONTROL_H

#include "gateway/config/config.h"
#include "gateway/listener/listener.h"
#include "gateway/served/writer.h"

enum {
	CONTROL_GUESTS_MAX = 16,    /* connections of each door; more wait to be accepted.
				  * (LISTENER_RESERVE_CONTROL has room for them) */
	CONTROL_QUESTIONS_MAX = 64, /* with zone threads, the reader or main; more get
				     * 503 */
	CONTROL_HEADERS_MAX = 16 << 10, /* octets */
	CONTROL_BODY_MAX = 64 << 10,    /* octets */
	CONTROL_TIMEOUT_S = 10,         /* for a peer that says, or takes, nothing */
	CONTROL_PATIENCE_MS = 30000,    /* for a whole request, or a whole answer */
	CONTROL_PAGE_MAX = 500,         /* entries of one answer */
	CONTROL_STOP_MS = 2000,         /* at the end, for answers that are under way */
};

struct control;

/*
 * Opens what config.control and config.http say (maybe nothing), before privileges are
 * dropped.  config_path, borrowed, is for people.  0 or -errno, logged.
 */
int control_open(struct control **ret_control, struct config *config,
	const char *config_path) __attribute__((warn_unused_result));
/* Starts the thread.  Both outlive control_stop. */
int control_start(struct control *control, struct writer *writer,
	struct listeners *listeners) __attribute__((warn_unused_result));

/* ---- main's part ---- */

/* What main is asked to do: read the configuration, and take it or only look at it. */
struct control_order;

/* Readable when there are orders. */
int control_orders_fd(const struct control *control);
/* The next; NULL: none. */
struct control_order *control_take_order(struct control *control);
bool control_order_is_check(const struct control_order *order);
/* A config_report, with arg the order: the messages go into the answer.  NULL is
 * harmless. */
void control_order_report(bool error, const char *message, void *order);
/* 0 or -errno: what became of it.  Takes the order; NULL is harmless. */
void control_finish_order(
	struct control *control, struct control_order *order, int result);

/* A new configuration.  Sockets whose address is another are opened, the old ones closed;
 * what cannot be opened is reported, and the old one stays. */
void control_configure(
	struct control *control, struct config *config, config_report *report, void *arg);

/* Ends the thread and removes the socket's file; while the zone thread still runs.
 * NULL is harmless. */
void control_stop(struct control *control);
/* After writer_free; NULL is harmless. */
void control_free(struct control *control);

#endif
