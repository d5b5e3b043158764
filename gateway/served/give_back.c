/*
 * What the gateway has taken over at servers is given back by an administrator's order
 * (view.h), for a zone that the configuration no longer has there: every server that it
 * still has for other zones is asked.
 */
#include <errno.h>
#include <string.h>

#include "gateway/served/served.h"
#include "gateway/served/view.h"

static void on_answer(void *arg, const struct target_result *result)
{
	struct view_server *server = arg;
	struct view_return *order = server->order;

	server->has_failed = result->outcome != TARGET_DONE;
	if (server->has_failed)
		memcpy(server->why, result->verdict.why, sizeof(server->why));
	if (--order->waiting == 0)
		zone_call_finish(order->call);
}

static bool is_asked(const struct view_return *order, const char *id)
{
	for (size_t i = 0; i < order->count; i++) {
		if (!strcmp(order->servers[i].id, id))
			return true;
	}
	return false;
}

/* 0 or -ENOMEM. */
static int ask(struct view_return *order, struct served *served,
	const struct config_target *target)
{
	struct view_server *server = &order->servers[order->count];
	int r;

	if (order->count == VIEW_SERVERS_MAX || is_asked(order, target->id))
		return 0;
	*server = (struct view_server){.id = target->id, .order = order};
	r = departures_begin(&served->thread->departures, order->call->zone,
		order->config, target, on_answer, server);
	if (r)
		return r == -ENOTSUP ? 0 : r;
	order->count++;
	order->waiting++;
	return 0;
}

/* Is this one in service for the zone? */
static bool is_kept(const struct config_zone *rules, const struct config_target *target)
{
	const struct config_target *ours =
		rules ? config_zone_find_target(rules, target->id) : NULL;

	return ours && ours->rectify == CONFIG_RECTIFY_AUTO;
}

static int ask_all(struct view_return *order, struct served *served)
{
	const struct config *config = order->config;
	const struct config_zone *rules = config_find_zone(config, order->call->zone);
	int r = 0;

	for (size_t i = 0; !r && i < config->zone_count; i++) {
		const struct config_zone *zone = &config->zones[i];

		for (size_t k = 0; !r && k < zone->target_count; k++) {
			if (!is_kept(rules, &zone->targets[k]))
				r = ask(order, served, &zone->targets[k]);
		}
	}
	return r;
}

bool view_give_back(struct served *served, struct zone_call *call)
{
	struct view_return *order = call->subject;

	order->call = call;
	order->result = ask_all(order, served);
	return order->waiting == 0;
}
