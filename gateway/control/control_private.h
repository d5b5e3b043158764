/*
 * What the files of control share.  The lower stand below the upper ones here, and call
 * none of them; where they have something to tell them, they have been given a function.
 *
 *   control.c           the thread; opening, exchanging and closing its sockets
 *   control_route.c     who may ask what, and the table of what is answered
 *
 *   get_*.c, post_*.c   one file for each thing that is asked for or done
 *
 *   control_survey.c    a question to all zone threads about zones, page by page
 *   control_walk.c      the same about hosts or leases
 *   control_question.c  questions to zone threads and to the reader of the database
 *   control_request.c   the parameters of a request
 *   control_answer.c    what is sent back
 *   control_json.c      names, times and records as JSON
 *
 *   control_door.c      evhttp on a socket, and the limits that it lacks
 *   control_reader.c    which read of the database is next
 *   control_socket.c    the sockets themselves, and who has connected to them
 *
 * A request comes in at a door and goes to control_route.c, which calls its function in
 * get_*.c or post_*.c.  That answers at once, or asks a question, whose own function goes
 * on when it is back.
 */
#ifndef MUSTER_CONTROL_PRIVATE_H
#define MUSTER_CONTROL_PRIVATE_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <jansson.h>
#include <stdarg.h>

#include "gateway/base/alarm.h"
#include "gateway/control/control.h"
#include "gateway/control/control_reader.h"
#include "gateway/served/view.h"

enum { CONTROL_SEGMENTS_MAX = 6, CONTROL_TIME_MAX = 32 };

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

/* A connection, and what evhttp does not tell about it. */
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

enum control_mail_kind { CONTROL_CONFIG, CONTROL_ORDER, CONTROL_STOP };

/* From the main thread to the control thread. */
struct control_mail {
	struct queue_node node; /* first */
	enum control_mail_kind kind;
};

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
	struct queue inbox;  /* struct control_mail, for the thread */
	struct queue back;   /* struct zone_call, for the thread */
	struct queue orders; /* struct control_order, for main */

	/* Of the control thread. */
	struct event_base *base;
	struct turn_clock time;
	struct alarms alarms;
	struct event *inbox_event, *back_event;
	struct control_door unix_door, http_door;
	struct config *config;     /* counted; the newest */
	struct control_keys *keys; /* of config; NULL: not needed yet */
	struct control_reader *reader;
	size_t questions; /* under way */
	bool is_stopping;
};

/* ---- texts, as JSON has them (control_json.c) ---- */

json_t *control_json_name(const uint8_t *name);
/* Such as "2030-01-31T12:00:00Z"; null for 0. */
json_t *control_json_time(int64_t real_ms);
/* Both take over the value, which may be NULL.  False: there was no memory. */
bool control_json_add(json_t *array, json_t *value);
bool control_json_set(json_t *object, const char *key, json_t *value);
json_t *control_json_type(uint16_t type);
json_t *control_json_rdata(uint16_t type, const uint8_t *rdata, uint16_t len);
json_t *control_json_address(const struct ip_address *address);
json_t *control_json_rcode(uint16_t rcode);
const char *control_state_name(enum lease_state state);

/* ---- answers (control_answer.c) ---- */

/* A request, while it is being read. */
struct control_request {
	struct control *control;
	struct control_door *door;
	struct evhttp_request *http;
	uid_t uid; /* of whoever asks; meaningless unless the door is private */
	char *segments[CONTROL_SEGMENTS_MAX]; /* of the path, decoded */
	size_t segment_count;
	struct evkeyvalq query;
};

void control_answer_text(struct control_door *door, struct evhttp_request *http, int code,
	const char *type, const char *text, size_t len);
/* Takes over the value; NULL means that there was no memory for it. */
void control_answer_json(
	struct control_door *door, struct evhttp_request *http, int code, json_t *value);
/* The same for requests that are answered at once. */
void control_done(const struct control_request *r, json_t *value);
void control_fail(const struct control_request *r, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* What both kinds of failing do. */
void control_answer_error(struct control_door *door, struct evhttp_request *http,
	int code, const char *format, va_list arguments)
	__attribute__((format(printf, 4, 0)));

/* ---- what is asked for (control_request.c) ---- */

/* A parameter of the query; NULL: it is missing, or empty. */
const char *control_parameter(const struct control_request *r, const char *name);
/* Reads a domain name, whose final dot may be missing.  False: answered with 400. */
bool control_read_name(const struct control_request *r, const char *text,
	uint8_t ret_name[NAME_MAX_LEN]);
/* The zone of this very name (is_exact), or the one that encloses it.  NULL: answered
 * with 404. */
const struct config_zone *control_find_zone(
	const struct control_request *r, const uint8_t *name, bool is_exact);
/* Reads a whole number; without the parameter *ret stays as it is.  False: answered with
 * 400. */
bool control_read_number(
	const struct control_request *r, const char *name, uint64_t *ret);
/* The body as a JSON object, which the caller frees.  NULL: answered with 400. */
json_t *control_read_body(const struct control_request *r);

/* ---- questions (control_question.c) ---- */

/*
 * A request whose answer has to wait for zone threads or for the database.  It is the
 * first member of the structure of what is asked, belongs to whichever thread works on
 * it, and is freed by clear and then free.
 */
struct control_question {
	struct zone_call call; /* first */
	struct control_read read;
	/* What control_read was called for; runs in the reader's thread. */
	int (*look)(struct control_question *question, const struct store_ops *ops,
		struct store *store);
	struct control *control;
	struct control_door *door;
	struct evhttp_request *http;
	struct config *config; /* counted; as it was when the question was asked */
	uid_t uid;
	/* Called in the control thread when it is back.  True: the request has been
	 * answered; false: the question is under way again. */
	bool (*answer)(struct control_question *question);
	void (*clear)(struct control_question *question); /* NULL: nothing to free */
};

/* A question of this size, zeroed.  NULL: answered with 503. */
void *control_question_new(const struct control_request *r, size_t size,
	bool (*answer)(struct control_question *question));
void control_question_free(struct control_question *question);
/* Asks the thread of a zone, or all zone threads if zone is NULL.  run is a function of
 * view.h with its subject; zone is a name in the question's configuration. */
void control_ask(struct control_question *question,
	bool (*run)(struct served *served, struct zone_call *call), const uint8_t *zone,
	void *subject);
/* Asks the reader.  False: too many reads wait already, and nothing has happened. */
bool control_read(struct control_question *question,
	int (*look)(struct control_question *question, const struct store_ops *ops,
		struct store *store),
	bool is_short) __attribute__((warn_unused_result));
/* The same for a read that is not short.  True: too many wait already, and the request
 * has been answered with 503. */
bool control_read_or_fail(struct control_question *question,
	int (*look)(struct control_question *question, const struct store_ops *ops,
		struct store *store)) __attribute__((warn_unused_result));
/* Has the read failed?  If so the request has been answered with 503. */
bool control_read_has_failed(struct control_question *question);
/* Goes on with all questions that are back from zone threads. */
void control_take_back(struct control *control);
/* The functions of control_reader_user; arg is the struct control. */
bool control_read_is_wanted(const struct control_read *read, void *control);
void control_read_is_done(struct control_read *read, void *control);
/* Ends the loop if the gateway stops and no question is under way. */
void control_stop_if_quiet(struct control *control);
/* Answers the request of a question. */
void control_question_done(struct control_question *question, json_t *value);
void control_question_fail(struct control_question *question, int code,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- what is answered (get_*.c, post_*.c) ---- */

void control_get_health(struct control_request *r);
void control_get_status(struct control_request *r);
void control_get_zones(struct control_request *r);
void control_get_targets(struct control_request *r);
void control_get_queue(struct control_request *r);
void control_get_metrics(struct control_request *r);
void control_get_page(struct control_request *r);
void control_get_hosts(struct control_request *r);
void control_get_leases(struct control_request *r);
void control_delete_lease(struct control_request *r);
void control_post_host(struct control_request *r);
void control_post_zone(struct control_request *r);
void control_post_adopt(struct control_request *r);
void control_get_audit(struct control_request *r);
void control_get_why(struct control_request *r);
void control_get_keys(struct control_request *r);
void control_post_explain(struct control_request *r);
void control_post_reload(struct control_request *r);
void control_post_check(struct control_request *r);

/* Answers an order that main has carried out, and frees it. */
void control_answer_order(struct control *control, struct control_mail *mail);
void control_free_order(struct control_order *order);
/* The keyring has been replaced. */
void control_forget_keys(struct control *control);

/* Reads the id of a lease in URLs.  The record points into *ret_memory, which the caller
 * frees.  0, -EINVAL or -ENOMEM. */
int control_read_lease_id(const char *id, uint8_t **ret_memory, const uint8_t **ret_zone,
	struct lease_record *ret_record) __attribute__((warn_unused_result));

/* ---- routes (control_route.c) ---- */

/* A control_on_request_fn: answers the request, or asks a question about it. */
void control_on_request(struct evhttp_request *http, void *door);

#endif
