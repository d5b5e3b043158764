/*
 * Questions, whose answer has to wait for other threads.
 *
 * A question belongs to whoever works on it.  Its request may lose its connection
 * meanwhile: evhttp keeps the request until it is answered, and drops the answer.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>

#include "gateway/control/control_private.h"

/* ---- questions ---- */

void control_stop_if_quiet(struct control *c)
{
	if (c->is_stopping && !c->questions)
		event_base_loopexit(c->base, NULL);
}

void *control_question_new(const struct control_request *r, size_t size,
	bool (*answer)(struct control_question *question))
{
	struct control *c = r->control;
	struct control_question *q = NULL;

	if (c->questions < CONTROL_QUESTIONS_MAX)
		q = calloc(1, size);
	if (!q) {
		control_fail(r, 503, "too much is in progress");
		return NULL;
	}
	q->call.back = &c->back;
	q->control = c;
	q->door = r->door;
	q->http = r->http;
	q->config = config_ref(c->config);
	q->uid = r->uid;
	q->answer = answer;
	return q;
}

void control_question_free(struct control_question *q)
{
	if (q->clear)
		q->clear(q);
	config_unref(q->config);
	free(q);
}

void control_ask(struct control_question *q,
	bool (*run)(struct served *served, struct zone_call *call), const uint8_t *zone,
	void *subject)
{
	q->call.zone = zone;
	q->call.run = run;
	q->call.subject = subject;
	q->control->questions++;
	zone_threads_call(q->control->zone_threads, &q->call, q->config);
}

/* A question is back. */
static void go_on(struct control_question *q)
{
	q->control->questions--;
	if (q->answer(q))
		control_question_free(q);
}

void control_take_back(struct control *c)
{
	struct queue_list list;
	struct control_question *q;

	queue_list_init(&list);
	queue_take_all(&c->back, &list);
	while ((q = (struct control_question *)(void *)queue_list_take(&list)))
		go_on(q);
}

/* ---- reads ---- */

static int run_read(
	struct reader_job *job, const struct store_ops *ops, struct store *store)
{
	const struct control_read *read = (struct control_read *)(void *)job;
	struct control_question *q = read->arg;

	return q->look(q, ops, store);
}

bool control_read(struct control_question *q,
	int (*look)(struct control_question *question, const struct store_ops *ops,
		struct store *store),
	bool is_short)
{
	struct control *c = q->control;

	q->look = look;
	q->read.job.run = run_read;
	q->read.arg = q;
	c->questions++;
	if (control_reader_add(c->reader, &q->read, is_short))
		return true;
	c->questions--;
	return false;
}

bool control_read_or_fail(struct control_question *q,
	int (*look)(struct control_question *question, const struct store_ops *ops,
		struct store *store))
{
	if (control_read(q, look, false))
		return false;
	control_question_fail(q, 503, "too much is in progress");
	return true;
}

bool control_read_has_failed(struct control_question *q)
{
	if (q->read.job.error[0])
		control_question_fail(q, 503, "%s", q->read.job.error);
	return q->read.job.error[0] != '\0';
}

/* A peer that has closed a Unix socket is always noticed; one that has closed a TCP
 * connection could be waiting still, and is only given up if the connection is broken. */
bool control_read_is_wanted(const struct control_read *read, void *control)
{
	const struct control_question *q = read->arg;
	struct evhttp_connection *connection = evhttp_request_get_connection(q->http);
	struct bufferevent *bev =
		connection ? evhttp_connection_get_bufferevent(connection) : NULL;
	struct pollfd fd = {.fd = bev ? bufferevent_getfd(bev) : -1};

	(void)control;
	return fd.fd >= 0 &&
		(poll(&fd, 1, 0) <= 0 || !(fd.revents & (POLLHUP | POLLERR)));
}

void control_read_is_done(struct control_read *read, void *control)
{
	struct control_question *q = read->arg;
	struct control *c = control;

	if (!read->is_given_up) {
		go_on(q);
	} else {
		c->questions--;
		control_question_fail(q, 503, "given up, since nobody waits for it");
		control_question_free(q);
	}
	control_stop_if_quiet(c);
}

void control_question_done(struct control_question *q, json_t *value)
{
	control_answer_json(q->door, q->http, 200, value);
}

void control_question_fail(struct control_question *q, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	control_answer_error(q->door, q->http, code, format, arguments);
	va_end(arguments);
}
