/*
 * Gives a zone's rectification back to the PowerDNS servers from which it was taken over,
 * after the zone has left the configuration.
 */
#include <string.h>

#include "gateway/control/control_private.h"

/* The state of a request. */
struct rectify {
	struct view_return order;
	uint8_t zone[NAME_MAX_LEN];
};

static json_t *servers_to_json(const struct view_return *order)
{
	json_t *list = json_array();

	for (size_t i = 0; i < order->count; i++) {
		const struct view_server *server = &order->servers[i];

		if (json_array_append_new(list,
			    json_pack("{s:s, s:s?}", "target", server->id, "error",
				    server->has_failed ? server->why : NULL))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static bool have_all_failed(const struct view_return *order)
{
	for (size_t i = 0; i < order->count; i++) {
		if (!order->servers[i].has_failed)
			return false;
	}
	return true;
}

static void answer_rectify(struct control_request *r)
{
	const struct rectify *rectify = r->state;
	const struct view_return *order = &rectify->order;
	char zone[NAME_TEXT_MAX];

	name_to_text(rectify->zone, zone);
	if (order->result)
		control_fail(r, 503, "%s: %s", zone, strerror(-order->result));
	else if (!order->count)
		control_fail(r, 409,
			"%s: there is no PowerDNS server of which it could have left the "
			"configuration; while it has one, set rectify = \"server\" there",
			zone);
	else if (have_all_failed(order))
		control_fail(r, 503, "%s: %s: %s", zone, order->servers[0].id,
			order->servers[0].why);
	else
		control_done(r,
			json_pack("{s:s, s:o}", "zone", zone, "servers",
				servers_to_json(order)));
}

void control_post_rectify(struct control_request *r)
{
	struct rectify *rectify = control_state_new(r, sizeof(*rectify), NULL);
	bool gives_back = false;

	if (!rectify || !control_read_flag(r, "give_back", &gives_back) ||
		!control_read_name(r, r->argument, rectify->zone))
		return;
	if (!gives_back) {
		control_fail(r, 400,
			"give_back is missing, and nothing else can be asked for");
		return;
	}
	rectify->order.config = r->config;
	control_ask(r, view_give_back, rectify->zone, &rectify->order, answer_rectify);
}
