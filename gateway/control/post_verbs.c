/*
 * What is done to hosts, leases and zones: expire, hold, release, resume, retry.
 *
 * Each goes through the zone thread's own way of doing it, so that it is journalled,
 * delivered and audited like everything else.  The audit says whose user id asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control_private.h"

/* The state of a request. */
struct verb {
	struct view_order order;
	const struct config_zone *zone; /* of the request's configuration */
	uint8_t name[NAME_MAX_LEN];     /* of a host */
	uint8_t *memory;                /* owned; what order.lease points into */
};

/* ---- the answer ---- */

/* Of the host, or of the zone. */
static const char *name_of(const struct verb *v, char buf[NAME_TEXT_MAX])
{
	if (v->order.verb == VIEW_RESUME || v->order.verb == VIEW_RETRY)
		return v->zone->text;
	return name_to_text(
		v->order.verb == VIEW_REMOVE ? v->order.lease.owner : v->name, buf);
}

static const char *why_nothing_is_found(enum view_verb verb)
{
	if (verb == VIEW_REMOVE)
		return "there is no such lease";
	return verb == VIEW_HOLD ? "has neither records nor leases" : "has no leases";
}

static const char *why_nothing_is_to_be_done(enum view_verb verb)
{
	if (verb == VIEW_RESUME)
		return "its expiry has not stopped";
	return verb == VIEW_HOLD ? "is held already" : "is not held";
}

static void answer_verb(struct control_request *r)
{
	const struct verb *v = r->state;
	const int result = v->order.result;
	const bool is_of_zone =
		v->order.verb == VIEW_RESUME || v->order.verb == VIEW_RETRY;
	char buf[NAME_TEXT_MAX];
	const char *name = name_of(v, buf);

	if (result == -ENOENT)
		control_fail(r, 404, "%s: %s", name, why_nothing_is_found(v->order.verb));
	else if (result == -EALREADY)
		control_fail(
			r, 409, "%s: %s", name, why_nothing_is_to_be_done(v->order.verb));
	else if (result == -EAGAIN)
		control_fail(r, 503, CONTROL_NOT_NOW, v->zone->text);
	else if (result)
		control_fail(r, 503, "zone %s: %s", v->zone->text, strerror(-result));
	else if (is_of_zone)
		control_done(r,
			json_pack("{s:s, s:I}", "zone", name, "targets",
				(json_int_t)v->order.count));
	else
		control_done(r,
			json_pack("{s:s, s:s, s:I}", "name", name, "zone", v->zone->text,
				"leases", (json_int_t)v->order.count));
}

/* ---- asking ---- */

static void clear_verb(void *state)
{
	free(((struct verb *)state)->memory);
}

/* zone NULL: the request has been answered. */
static void give(
	struct control_request *r, enum view_verb verb, const struct config_zone *zone)
{
	struct verb *v = r->state;

	if (!zone)
		return;
	v->zone = zone;
	v->order.verb = verb;
	v->order.why = verdict_ok();
	snprintf(v->order.why.why, sizeof(v->order.why.why), "%s by user id %lu",
		verb == VIEW_REMOVE ? "lease removed" : "asked for",
		(unsigned long)r->uid);
	control_ask(r, view_give, zone->name, &v->order, answer_verb);
}

void control_post_host(struct control_request *r)
{
	struct verb *v = control_state_new(r, sizeof(*v), clear_verb);

	if (!v)
		return;
	v->order.host = v->name;
	give(r, (enum view_verb)r->variant, control_read_owner(r, r->argument, v->name));
}

void control_post_zone(struct control_request *r)
{
	if (control_state_new(r, sizeof(struct verb), clear_verb))
		give(r, (enum view_verb)r->variant, control_read_zone(r, r->argument));
}

void control_delete_lease(struct control_request *r)
{
	struct verb *v = control_state_new(r, sizeof(*v), clear_verb);
	const uint8_t *zone;

	if (v &&
		control_read_lease_id(r, r->argument, &v->memory, &zone, &v->order.lease))
		give(r, VIEW_REMOVE, control_find_zone(r, zone));
}
