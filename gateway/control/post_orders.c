/*
 * Orders, which the main thread carries out: it reads the configuration, as it does for
 * SIGHUP, and its messages come back with the order.
 */
#include <stdlib.h>

#include "gateway/control/control_private.h"

enum { MESSAGES_MAX = 200 }; /* further ones are only logged */

struct control_order {
	struct control_mail mail; /* first: on its way back */
	struct control_door *door;
	struct evhttp_request *http;
	bool is_check;
	int result;
	json_t *errors, *warnings; /* counted */
};

void control_free_order(struct control_order *order)
{
	if (!order)
		return;
	json_decref(order->errors);
	json_decref(order->warnings);
	free(order);
}

/* ---- in main ---- */

int control_orders_fd(const struct control *c)
{
	return queue_fd(&c->orders);
}

struct control_order *control_take_order(struct control *c)
{
	struct queue_list list;
	struct queue_node *node, *first;

	queue_list_init(&list);
	queue_take_all(&c->orders, &list);
	first = queue_list_take(&list);
	while ((node = queue_list_take(&list)))
		queue_push_one(&c->orders, node);
	return (struct control_order *)(void *)first;
}

bool control_order_is_check(const struct control_order *order)
{
	return order->is_check;
}

void control_order_report(bool error, const char *message, void *arg)
{
	struct control_order *order = arg;
	json_t *list = NULL;

	if (order)
		list = error ? order->errors : order->warnings;
	if (list && json_array_size(list) < MESSAGES_MAX)
		(void)json_array_append_new(list, json_string(message));
}

void control_finish_order(struct control *c, struct control_order *order, int result)
{
	if (!order)
		return;
	order->result = result;
	queue_push_one(&c->inbox, &order->mail.node);
}

/* ---- in the control thread ---- */

void control_answer_order(struct control *c, struct control_mail *mail)
{
	struct control_order *order = (struct control_order *)(void *)mail;
	const bool is_valid = !order->result;

	c->questions--;
	control_answer_json(order->door, order->http, is_valid ? 200 : 409,
		json_pack("{s:b, s:s?, s:O, s:O}", order->is_check ? "valid" : "reloaded",
			is_valid, "error",
			is_valid ? NULL
				 : "the configuration has errors; the previous one stays "
				   "in effect",
			"errors", order->errors, "warnings", order->warnings));
	control_free_order(order);
}

static void give_order(struct control_request *r, bool is_check)
{
	struct control *c = r->control;
	struct control_order *order = NULL;

	if (c->questions < CONTROL_QUESTIONS_MAX && !c->is_stopping)
		order = calloc(1, sizeof(*order));
	if (order) {
		order->errors = json_array();
		order->warnings = json_array();
	}
	if (!order || !order->errors || !order->warnings) {
		control_free_order(order);
		control_fail(r, 503, "too much is in progress");
		return;
	}
	order->mail.kind = CONTROL_ORDER;
	order->door = r->door;
	order->http = r->http;
	order->is_check = is_check;
	c->questions++;
	queue_push_one(&c->orders, &order->mail.node);
}

void control_post_reload(struct control_request *r)
{
	give_order(r, false);
}

void control_post_check(struct control_request *r)
{
	give_order(r, true);
}
