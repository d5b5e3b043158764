/*
 * The control thread: started, reconfigured, ended.
 *
 * The main thread opens sockets and hands them over; the control thread does everything
 * else.  Mail goes to the control thread, and orders go to main.
 */
#include "gateway/control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/control/control_private.h"
#include "gateway/base/log.h"
#include "gateway/base/thread.h"

/* From the main thread to the control thread. */
struct mail {
	struct queue_node node;  /* first */
	struct config *config;   /* counted; NULL: the gateway ends */
	bool has_unix, has_http; /* the socket below replaces the old one */
	int unix_fd, http_fd;    /* -1: none */
};

/* ---- sockets, in main ---- */

struct reporting {
	config_report *report;
	void *arg;
};

static void report_socket(
	const struct reporting *to, const char *setting, const char *what, int error)
{
	char message[256];

	if (!to->report)
		return;
	snprintf(message, sizeof(message), "%s: %.160s: %s; it stays as it was", setting,
		what, strerror(-error));
	to->report(true, message, to->arg);
}

static bool is_same_path(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* 0: *ret_fd is the new socket (-1: there is to be none); -EALREADY: the old one stays;
 * or another -errno, reported. */
static int open_unix(struct control *c, const struct config *config,
	const struct reporting *to, int *ret_fd)
{
	char *path = NULL;

	*ret_fd = -1;
	if (is_same_path(c->unix_path, config->control))
		return -EALREADY;
	if (config->control) {
		path = strdup(config->control);
		*ret_fd = path ? control_socket_unix(path, config->user) : -ENOMEM;
		if (*ret_fd < 0) {
			const int r = *ret_fd;

			report_socket(to, "control", config->control, r);
			free(path);
			return r;
		}
	}
	if (c->unix_path)
		control_socket_unlink(c->unix_path, c->unix_inode);
	free(c->unix_path);
	c->unix_path = path;
	c->unix_inode = path ? control_socket_inode(path) : 0;
	return 0;
}

static int open_http(struct control *c, const struct config *config,
	const struct reporting *to, int *ret_fd)
{
	*ret_fd = -1;
	if (!strcmp(c->http_text, config->http.len ? config->http.text : ""))
		return -EALREADY;
	if (config->http.len) {
		*ret_fd = control_socket_http(&config->http);
		if (*ret_fd < 0) {
			report_socket(to, "http", config->http.text, *ret_fd);
			return *ret_fd;
		}
	}
	snprintf(c->http_text, sizeof(c->http_text), "%s",
		config->http.len ? config->http.text : "");
	return 0;
}

int control_open(
	struct control **ret_control, struct config *config, const char *config_path)
{
	const struct reporting nobody = {NULL, NULL};
	struct control *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->unix_fd = c->http_fd = -1;
	c->inbox.fd = c->back.fd = c->orders.fd = -1;
	c->config_path = config_path;
	c->since_s = clock_real_ms() / 1000;
	c->config = config_ref(config);
	c->database = strdup(config->database);
	r = c->database ? queue_init(&c->inbox) : -ENOMEM;
	if (!r)
		r = queue_init(&c->back);
	if (!r)
		r = queue_init(&c->orders);
	if (!r)
		r = open_unix(c, config, &nobody, &c->unix_fd);
	if (!r || r == -EALREADY)
		r = open_http(c, config, &nobody, &c->http_fd);
	if (r && r != -EALREADY) {
		control_stop(c);
		control_free(c);
		return r;
	}
	*ret_control = c;
	return 0;
}

void control_configure(
	struct control *c, struct config *config, config_report *report, void *arg)
{
	const struct reporting to = {report, arg};
	struct mail *mail = calloc(1, sizeof(*mail));

	if (!mail) {
		log_error("control: out of memory; it stays as it was");
		return;
	}
	mail->config = config_ref(config);
	mail->has_unix = !open_unix(c, config, &to, &mail->unix_fd);
	mail->has_http = !open_http(c, config, &to, &mail->http_fd);
	queue_push_one(&c->inbox, &mail->node);
}

/* ---- the thread ---- */

static void exchange(struct control_door *door, int fd)
{
	if (control_door_listen(door, fd))
		log_error("%s: out of memory", door->is_private ? "control" : "http");
}

static void take_config(struct control *c, const struct mail *mail)
{
	control_forget_keys(c);
	config_unref(c->config);
	c->config = mail->config;
	if (mail->has_unix)
		exchange(&c->unix_door, mail->unix_fd);
	if (mail->has_http)
		exchange(&c->http_door, mail->http_fd);
}

static void on_end(evutil_socket_t fd, short events, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)events;
	event_base_loopbreak(c->base);
}

/* Answers that are under way still go out, but no new connection is accepted. */
static void begin_stop(struct control *c)
{
	const struct timeval at_most = {.tv_sec = CONTROL_STOP_MS / 1000};

	c->is_stopping = true;
	control_door_shut(&c->unix_door);
	control_door_shut(&c->http_door);
	if (event_base_once(c->base, -1, EV_TIMEOUT, on_end, c, &at_most))
		event_base_loopexit(c->base, NULL);
}

static void on_inbox(evutil_socket_t fd, short events, void *arg)
{
	struct control *c = arg;
	struct queue_list list;
	struct mail *mail;

	(void)fd;
	(void)events;
	queue_list_init(&list);
	queue_take_all(&c->inbox, &list);
	while ((mail = (struct mail *)(void *)queue_list_take(&list))) {
		if (mail->config)
			take_config(c, mail);
		else
			begin_stop(c);
		free(mail);
	}
	control_stop_if_quiet(c);
}

static void on_back(evutil_socket_t fd, short events, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)events;
	control_take_back(c);
	control_stop_if_quiet(c);
}

static void *control_main(void *arg)
{
	struct control *c = arg;

	alarms_loop(&c->alarms);
	control_door_close(&c->unix_door);
	control_door_close(&c->http_door);
	return NULL;
}

static struct event *watch(struct control *c, struct queue *queue, event_callback_fn fn)
{
	struct event *event = event_new(c->base, queue->fd, EV_READ | EV_PERSIST, fn, c);

	if (event && event_add(event, NULL)) {
		event_free(event);
		return NULL;
	}
	return event;
}

/* Hands the sockets over to the doors. */
static int open_doors(struct control *c)
{
	const int unix_fd = c->unix_fd, http_fd = c->http_fd;
	int r = control_door_open(&c->unix_door, c, true, control_on_request);

	if (!r)
		r = control_door_open(&c->http_door, c, false, control_on_request);
	if (r)
		return r;
	c->unix_fd = -1;
	r = control_door_listen(&c->unix_door, unix_fd);
	if (r)
		return r;
	c->http_fd = -1;
	return control_door_listen(&c->http_door, http_fd);
}

int control_start(
	struct control *c, struct zone_threads *zone_threads, struct listeners *listeners)
{
	const struct control_reader_user reader_user = {
		.is_wanted = control_read_is_wanted,
		.done = control_read_is_done,
		.arg = c,
	};
	int r;

	c->zone_threads = zone_threads;
	c->listeners = listeners;
	c->base = event_base_new();
	if (!c->base || alarms_init(&c->alarms, &c->time, c->base))
		return -ENOMEM;
	c->inbox_event = watch(c, &c->inbox, on_inbox);
	c->back_event = watch(c, &c->back, on_back);
	if (!c->inbox_event || !c->back_event)
		return -ENOMEM;
	r = open_doors(c);
	if (!r)
		r = control_reader_new(
			&c->reader, c->base, &store_sqlite, c->database, &reader_user);
	if (!r)
		r = thread_start(&c->thread, "control", control_main, c);
	c->is_running = !r;
	return r;
}

/* ---- the end ---- */

void control_stop(struct control *c)
{
	struct mail *mail = NULL;

	if (!c)
		return;
	while (c->is_running && !(mail = calloc(1, sizeof(*mail))))
		; /* memory comes back, and there is nothing else to do meanwhile */
	if (mail) {
		queue_push_one(&c->inbox, &mail->node);
		pthread_join(c->thread, NULL);
		c->is_running = false;
	}
	control_reader_stop(c->reader);
	if (c->unix_path)
		control_socket_unlink(c->unix_path, c->unix_inode);
	free(c->unix_path);
	c->unix_path = NULL;
}

static void free_mail(struct mail *mail)
{
	if (mail->config) {
		config_unref(mail->config);
		if (mail->unix_fd >= 0)
			close(mail->unix_fd);
		if (mail->http_fd >= 0)
			close(mail->http_fd);
	}
	free(mail);
}

/* Frees requests that nobody will answer any more. */
static void free_requests(struct queue *queue)
{
	struct queue_list list;
	struct queue_node *node;

	queue_list_init(&list);
	queue_take_all(queue, &list);
	while ((node = queue_list_take(&list)))
		control_request_free((struct control_request *)(void *)node);
}

static void free_queues(struct control *c)
{
	struct queue_list list;
	struct queue_node *node;
	struct control_read *read;

	queue_list_init(&list);
	queue_take_all(&c->inbox, &list);
	while ((node = queue_list_take(&list)))
		free_mail((struct mail *)(void *)node);
	free_requests(&c->orders);
	free_requests(&c->back);
	while (c->reader && (read = control_reader_take_left(c->reader)))
		control_request_free(read->arg);
	control_reader_free(c->reader);
}

static void clear_queue(struct queue *queue)
{
	if (queue->fd >= 0)
		queue_clear(queue);
}

void control_free(struct control *c)
{
	if (!c)
		return;
	control_reader_stop(c->reader); /* of a start that failed; as are the doors */
	if (c->orders.fd >= 0)
		free_queues(c);
	control_door_close(&c->unix_door);
	control_door_close(&c->http_door);
	if (c->inbox_event)
		event_free(c->inbox_event);
	if (c->back_event)
		event_free(c->back_event);
	alarms_clear(&c->alarms);
	if (c->base)
		event_base_free(c->base);
	if (c->unix_fd >= 0)
		close(c->unix_fd);
	if (c->http_fd >= 0)
		close(c->http_fd);
	control_forget_keys(c);
	config_unref(c->config);
	free(c->database);
	clear_queue(&c->inbox);
	clear_queue(&c->back);
	clear_queue(&c->orders);
	free(c);
}
