/*
 * What the files of control share.  A file calls only those that are listed below it;
 * where it has to tell others something, they have given it a function.
 *
 *   control.c             the thread; opening, exchanging and closing its sockets
 *   control_route.c       who may ask what, and the table of what is answered
 *
 *   get_*.c, post_*.c     one file for each thing that is asked for or done
 *
 *   control_survey.c      all zones, page by page
 *   control_walk.c        hosts or leases of all zones or one, page by page
 *   control_parameters.c  what stands in the path, the query and the body
 *   control_json.c        names, times and records as JSON
 *   control_request.c     the life of a request: what it waits for, and its answer
 *
 *   control_door.c        evhttp on a socket, and the limits that it lacks
 *   control_reader.c      which read of the database is next
 *   control_socket.c      the sockets themselves, and who has connected to them
 *
 * A request comes in at a door, and control_route.c finds its function in get_*.c or
 * post_*.c.  That function either answers it (control_done, control_fail), or says what
 * the request has to wait for (control_ask, control_read, control_order) and which
 * function goes on then, which does the same.  The request is handed over to the other
 * thread when the function has returned.
 */
#ifndef MUSTER_CONTROL_PRIVATE_H
#define MUSTER_CONTROL_PRIVATE_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <jansson.h>

#include "gateway/base/alarm.h"
#include "gateway/control/control.h"
#include "gateway/control/control_reader.h"
#include "gateway/served/view.h"

enum { CONTROL_SEGMENTS_MAX = 6 };

/* ---- sockets (control_socket.c) ---- */

/* Both return a listening socket, or -errno, logged. */
int control_socket_unix(const char *path, const char *user)
	__attribute__((warn_unused_result));
int control_socket_http(const struct config_address *address)
	__attribute__((warn_unused_result));
/* Removes the socket's file, unless another process has put its own there by now. */
void control_socket_unlink(const char *path, ino_t inode);
/* The inode of the file; 0: there is no file. */
ino_t control_socket_inode(const char *path);
/* The user id of whoever has connected.  0 or -errno. */
int control_socket_peer(int fd, uid_t *ret_uid);

/* ---- doors (control_door.c) ---- */

/* A connection, with what evhttp does not tell of it. */
struct control_guest {
	struct bufferevent *bev; /* counted; NULL: this place is free */
	int64_t heard_ms;        /* monotonic; when it was made, or got its last answer */
	bool is_busy;            /* its request has not been answered yet */
};

/* A whole request has come in at the door. */
typedef void control_on_request_fn(struct evhttp_request *request, void *door);

struct control_door {
	struct control *control;
	control_on_request_fn *on_request;
	bool is_private; /* the Unix socket */
	bool is_shut;    /* for good */
	struct evhttp *http;
	struct evhttp_bound_socket *bound; /* evhttp's; NULL: no socket */
	struct control_guest guests[CONTROL_GUESTS_MAX];
	struct alarm alarm; /* while there are guests */
};

/* Makes a door without a socket.  0 or -ENOMEM; control_door_close in both cases. */
int control_door_open(struct control_door *door, struct control *control, bool is_private,
	control_on_request_fn *on_request) __attribute__((warn_unused_result));
/* Replaces the listening socket by fd, which it takes; -1: by none.  Connections stay.
 * 0, or -ENOMEM: the old socket stays. */
int control_door_listen(struct control_door *door, int fd)
	__attribute__((warn_unused_result));
/* Accepts no more connections. */
void control_door_shut(struct control_door *door);
/* Closes its connections too.  Harmless for a door that is not open. */
void control_door_close(struct control_door *door);
/* The request is about to be answered. */
void control_door_release(struct control_door *door, struct evhttp_request *request);

/* ---- the thread ---- */

struct control_keys; /* get_keys.c: the keyring as a list */

struct control {
	/* Of the main thread. */
	char *unix_path;      /* NULL: there is no such socket */
	ino_t unix_inode;     /* of its file */
	char http_text[64];   /* "": there is no such socket */
	int unix_fd, http_fd; /* opened, but not handed over yet; -1: none */
	pthread_t thread;
	bool is_running;
	const char *config_path; /* borrowed, constant */
	char *database;          /* constant: changing it takes a restart */
	int64_t since_s;         /* real time of the start */

	struct zone_threads *zone_threads;
	struct listeners *listeners;
	struct queue inbox;  /* control.c's, for the thread */
	struct queue back;   /* struct control_request, from zone threads and main */
	struct queue orders; /* struct control_request, for main */

	/* Of the control thread. */
	struct event_base *base;
	struct turn_clock time;
	struct alarms alarms;
	struct event *inbox_event, *back_event;
	struct control_door unix_door, http_door;
	struct config *config;     /* counted; the newest */
	struct control_keys *keys; /* of config; NULL: not needed yet */
	struct control_reader *reader;
	size_t waiting; /* requests that wait for another thread */
	bool is_stopping;
};

/* ---- requests (control_request.c) ---- */

struct control_request;

typedef void control_fn(struct control_request *r);
/* A read of the database, in the reader's thread.  0 or -errno. */
typedef int control_look_fn(
	struct control_request *r, const struct store_ops *ops, struct store *store);

enum control_wait { CONTROL_ZONES, CONTROL_SHORT_READ, CONTROL_READ, CONTROL_ORDER };

/* A request belongs to whichever thread works on it.  Its connection may be lost in the
 * meantime: evhttp keeps it until it is answered, and drops the answer. */
struct control_request {
	struct zone_call call;    /* first */
	struct control_read read; /* of the database */
	struct control *control;
	struct control_door *door;
	struct evhttp_request *http; /* NULL: it has been answered */
	struct config *config;       /* counted; as it was when the request came */
	uid_t uid; /* of whoever asks; meaningless unless the door is private */
	char *segments[CONTROL_SEGMENTS_MAX]; /* of the path, decoded */
	size_t segment_count;
	const char *argument; /* the segment at the "*" of the route */
	int variant;          /* of the route */
	struct evkeyvalq query;
	/* Of its function, which goes on with it when what it waits for is back. */
	void *state;                /* owned */
	void (*clear)(void *state); /* frees what it holds; NULL: nothing */
	json_t *list;               /* counted: elements of the answer */
	bool has_failed;            /* no memory: something in the answer is missing */
	/* What it waits for, from the return of its function on. */
	control_fn *then; /* goes on when it is back; NULL: it does not wait */
	enum control_wait wait;
	control_look_fn *look;
};

/* NULL: no memory, and it has been answered. */
struct control_request *control_request_new(
	struct control_door *door, struct evhttp_request *http);
void control_request_free(struct control_request *r);
/* Calls fn, and sees to what the request waits for then; if it does not, frees it. */
void control_run(struct control_request *r, control_fn *fn);
/* Goes on with all requests that are back from zone threads and main. */
void control_take_back(struct control *control);
/* The functions of control_reader_user; arg is the struct control. */
bool control_read_is_wanted(const struct control_read *read, void *control);
void control_read_is_done(struct control_read *read, void *control);
/* Ends the loop if the gateway stops and no request waits. */
void control_stop_if_quiet(struct control *control);

/* The state of the request, of this size and zeroed, and an empty list.  NULL: it has
 * been answered with 503. */
void *control_state_new(
	struct control_request *r, size_t size, void (*clear)(void *state));
/* Asks the thread of a zone, or all zone threads if zone is NULL.  run is a function of
 * view.h with its subject; zone is a name in the request's configuration. */
void control_ask(struct control_request *r,
	bool (*run)(struct served *served, struct zone_call *call), const uint8_t *zone,
	void *subject, control_fn *then);
/* Reads the database.  If that fails, the request is answered with 503. */
void control_read(struct control_request *r, control_look_fn *look, control_fn *then);
/* A short read goes before others.  If it fails, or too many wait, it is done without. */
void control_read_shortly(
	struct control_request *r, control_look_fn *look, control_fn *then);
/* Gives the request to main as an order. */
void control_order(struct control_request *r, control_fn *then);

/* Answers the request.  Takes over the value; NULL means that there was no memory. */
void control_done(struct control_request *r, json_t *value);
void control_done_with(struct control_request *r, int code, json_t *value);
/* The list under that name, and next: where it goes on, or null. */
void control_done_page(struct control_request *r, const char *name, json_t *next);
/* Takes over the body, which may be NULL. */
void control_done_text(
	struct control_request *r, const char *type, struct evbuffer *body);
void control_fail(struct control_request *r, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- what is asked for (control_parameters.c) ---- */

/* A parameter of the query; NULL: it is missing, or empty. */
const char *control_parameter(const struct control_request *r, const char *name);
/* Each of these answers the request, with 400 or 404, if it returns false or NULL.
 * Without the parameter, *ret stays as it is. */
bool control_read_number(struct control_request *r, const char *name, uint64_t *ret);
bool control_read_flag(struct control_request *r, const char *name, bool *ret);
/* A domain name, whose final dot may be missing; becomes lower case. */
bool control_read_name(
	struct control_request *r, const char *text, uint8_t ret_name[NAME_MAX_LEN]);
/* The zone of this name, and the zone that a name is in. */
const struct config_zone *control_read_zone(struct control_request *r, const char *text);
const struct config_zone *control_read_owner(
	struct control_request *r, const char *text, uint8_t ret_name[NAME_MAX_LEN]);
const struct config_zone *control_find_zone(
	struct control_request *r, const uint8_t *name);
/* The body as a JSON object, which the caller frees. */
json_t *control_read_body(struct control_request *r);
/* The id of a lease.  What *ret_record and *ret_zone point into is *ret_memory, which the
 * caller frees. */
bool control_read_lease_id(struct control_request *r, const char *id,
	uint8_t **ret_memory, const uint8_t **ret_zone, struct lease_record *ret_record);

/* ---- texts, as JSON has them (control_json.c) ---- */

/* Both take over the value, which may be NULL: then has_failed is set. */
void control_add(struct control_request *r, json_t *array, json_t *value);
void control_set(
	struct control_request *r, json_t *object, const char *key, json_t *value);
json_t *control_json_name(const uint8_t *name);
/* Such as "2030-01-31T12:00:00Z"; null for 0. */
json_t *control_json_time(int64_t real_ms);
json_t *control_json_type(uint16_t type);
json_t *control_json_rdata(uint16_t type, const uint8_t *rdata, uint16_t len);
json_t *control_json_address(const struct ip_address *address);
json_t *control_json_rcode(uint16_t rcode);

/* ---- what is answered (get_*.c, post_*.c) ---- */

/* control_request.variant: of control_get_targets, and of control_post_order.  That of
 * control_post_host and control_post_zone is an enum view_verb. */
enum { CONTROL_ALL, CONTROL_BEHIND };
enum { CONTROL_DROP_ASIDES, CONTROL_RETRY_ASIDES };
enum { CONTROL_RELOAD, CONTROL_CHECK };

/* Of a zone; for 503. */
#define CONTROL_NOT_NOW "zone %s: not now: it is not loaded, or the database fails"

control_fn control_get_health, control_get_status, control_get_zones, control_get_targets,
	control_get_metrics, control_get_page, control_get_hosts, control_get_leases,
	control_get_audit, control_get_why, control_get_keys, control_get_asides,
	control_get_servers;
control_fn control_post_host, control_post_zone, control_post_adopt, control_post_asides,
	control_post_retry, control_post_rectify, control_post_sync, control_post_explain,
	control_post_order, control_delete_lease;

/* The keyring has been replaced. */
void control_forget_keys(struct control *control);

/* ---- routes (control_route.c) ---- */

/* A control_on_request_fn: finds the function of the request, and runs it. */
void control_on_request(struct evhttp_request *http, void *door);

#endif
