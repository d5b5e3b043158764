/*
 * Orders, which the main thread carries out: it reads the configuration, as it does for
 * SIGHUP, and its messages come back with the order.
 */
#include "gateway/control/control_private.h"

enum { MESSAGES_MAX = 200 }; /* further ones are only logged */

/* The state of a request. */
struct control_order {
	struct control_request *request;
	int result;
	json_t *errors, *warnings; /* counted */
};

/* ---- in main ---- */

int control_orders_fd(const struct control *c)
{
	return c->orders.fd;
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
	return first ? ((struct control_request *)(void *)first)->state : NULL;
}

bool control_order_is_check(const struct control_order *order)
{
	return order->request->variant == CONTROL_CHECK;
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
	order->result = result;
	queue_push_one(&c->back, &order->request->call.node);
}

/* ---- in the control thread ---- */

static void answer_order(struct control_request *r)
{
	const struct control_order *order = r->state;
	const bool is_valid = !order->result;

	control_done_with(r, is_valid ? 200 : 409,
		json_pack("{s:b, s:s?, s:O, s:O}",
			r->variant == CONTROL_CHECK ? "valid" : "reloaded", is_valid,
			"error",
			is_valid ? NULL
				 : "the configuration has errors; the previous one stays "
				   "in effect",
			"errors", order->errors, "warnings", order->warnings));
}

static void clear_order(void *state)
{
	struct control_order *order = state;

	json_decref(order->errors);
	json_decref(order->warnings);
}

void control_post_order(struct control_request *r)
{
	struct control_order *order = control_state_new(r, sizeof(*order), clear_order);

	if (!order)
		return;
	order->request = r;
	order->errors = json_array();
	order->warnings = json_array();
	if (order->errors && order->warnings)
		control_order(r, answer_order);
	else
		control_fail(r, 503, "out of memory");
}
