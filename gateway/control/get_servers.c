/*
 * The PowerDNS servers, which all zones share: what they are asked, and how much of it at
 * once (target/request_pool.h).
 */
#include "gateway/control/control_private.h"

#include "gateway/target/powerdns_server.h"

static json_t *use_to_json(const struct pool_use *use)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "open", (json_int_t)use->inside,
		"waiting", (json_int_t)use->waiting, "limit", (json_int_t)use->places,
		"total", (json_int_t)use->started);
}

static json_t *server_to_json(const struct powerdns_view *server)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:I}", "target", server->id, "state",
		server->is_down ? "down" : "up", "reads", use_to_json(&server->reads),
		"writes", use_to_json(&server->writes), "conflicts",
		(json_int_t)server->conflicts);
}

void control_get_servers(struct control_request *r)
{
	struct powerdns_view *servers = NULL;
	size_t count = 0;

	r->list = json_array();
	r->has_failed |= !r->list ||
		powerdns_servers_look(
			zone_threads_powerdns_servers(r->control->zone_threads), &servers,
			&count) != 0;
	for (size_t i = 0; i < count; i++)
		control_add(r, r->list, server_to_json(&servers[i]));
	powerdns_views_free(servers, count);
	control_done_page(r, "servers", json_null());
}
