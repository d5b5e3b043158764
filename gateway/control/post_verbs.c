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

struct verb {
	struct control_question question; /* first */
	struct view_order order;
	const struct config_zone *zone; /* of the question's configuration */
	uint8_t name[NAME_MAX_LEN];     /* of a host */
	uint8_t *memory;                /* owned; what order.lease points into */
};

static const struct {
	const char *name;
	enum view_verb verb;
} host_verbs[] = {{"expire", VIEW_EXPIRE}, {"hold", VIEW_HOLD},
	{"release", VIEW_RELEASE}},
  zone_verbs[] = {{"resume", VIEW_RESUME}, {"retry", VIEW_RETRY}};

/* ---- the answer ---- */

static void fail(struct verb *v)
{
	struct control_question *q = &v->question;
	char name[NAME_TEXT_MAX];

	name_to_text(v->order.verb == VIEW_REMOVE ? v->order.lease.owner : v->name, name);
	if (v->order.result == -ENOENT && v->order.verb == VIEW_REMOVE)
		control_question_fail(q, 404, "%s: there is no such lease", name);
	else if (v->order.result == -ENOENT && v->order.verb == VIEW_HOLD)
		control_question_fail(q, 404, "%s: has neither records nor leases", name);
	else if (v->order.result == -ENOENT)
		control_question_fail(q, 404, "%s: has no leases", name);
	else if (v->order.result == -EALREADY && v->order.verb == VIEW_RESUME)
		control_question_fail(
			q, 409, "%s: its expiry has not stopped", v->zone->text);
	else if (v->order.result == -EALREADY)
		control_question_fail(q, 409, "%s: %s", name,
			v->order.verb == VIEW_HOLD ? "is held already" : "is not held");
	else if (v->order.result == -EAGAIN)
		control_question_fail(q, 503,
			"zone %s: not now: it is not loaded, or the database fails",
			v->zone->text);
	else
		control_question_fail(
			q, 503, "zone %s: %s", v->zone->text, strerror(-v->order.result));
}

static bool answer_verb(struct control_question *q)
{
	struct verb *v = (struct verb *)(void *)q;

	if (v->order.result)
		fail(v);
	else if (v->order.verb == VIEW_RESUME || v->order.verb == VIEW_RETRY)
		control_question_done(q,
			json_pack("{s:s, s:I}", "zone", v->zone->text, "targets",
				(json_int_t)v->order.count));
	else
		control_question_done(q,
			json_pack("{s:o, s:s, s:I}", "name",
				control_json_name(v->order.verb == VIEW_REMOVE
						? v->order.lease.owner
						: v->name),
				"zone", v->zone->text, "leases",
				(json_int_t)v->order.count));
	return true;
}

/* ---- asking ---- */

static void clear_verb(struct control_question *q)
{
	free(((struct verb *)(void *)q)->memory);
}

static struct verb *verb_new(
	struct control_request *r, enum view_verb verb, const struct config_zone *zone)
{
	struct verb *v = control_question_new(r, sizeof(*v), answer_verb);

	if (!v)
		return NULL;
	v->question.clear = clear_verb;
	v->order.verb = verb;
	v->zone = zone;
	v->order.why = verdict_ok();
	snprintf(v->order.why.why, sizeof(v->order.why.why), "%s by user id %lu",
		verb == VIEW_REMOVE ? "lease removed" : "asked for",
		(unsigned long)r->uid);
	return v;
}

static void give(struct verb *v)
{
	control_ask(&v->question, view_give, v->zone->name, &v->order);
}

void control_post_host(struct control_request *r)
{
	const struct config_zone *zone;
	uint8_t name[NAME_MAX_LEN];
	struct verb *v;
	size_t i = 0;

	while (i < sizeof(host_verbs) / sizeof(host_verbs[0]) &&
		strcmp(r->segments[4], host_verbs[i].name) != 0)
		i++;
	if (i == sizeof(host_verbs) / sizeof(host_verbs[0])) {
		control_fail(r, 404, "there is nothing of this name");
		return;
	}
	if (!control_read_name(r, r->segments[3], name))
		return;
	zone = control_find_zone(r, name, false);
	v = zone ? verb_new(r, host_verbs[i].verb, zone) : NULL;
	if (!v)
		return;
	memcpy(v->name, name, name_len(name));
	v->order.host = v->name;
	give(v);
}

void control_post_zone(struct control_request *r)
{
	const struct config_zone *zone;
	uint8_t name[NAME_MAX_LEN];
	struct verb *v;
	size_t i = 0;

	while (i < sizeof(zone_verbs) / sizeof(zone_verbs[0]) &&
		strcmp(r->segments[4], zone_verbs[i].name) != 0)
		i++;
	if (i == sizeof(zone_verbs) / sizeof(zone_verbs[0])) {
		control_fail(r, 404, "there is nothing of this name");
		return;
	}
	if (!control_read_name(r, r->segments[3], name))
		return;
	zone = control_find_zone(r, name, true);
	v = zone ? verb_new(r, zone_verbs[i].verb, zone) : NULL;
	if (v)
		give(v);
}

void control_delete_lease(struct control_request *r)
{
	const struct config_zone *zone;
	struct lease_record record;
	const uint8_t *zone_name;
	uint8_t *memory;
	struct verb *v;
	int e = control_read_lease_id(r->segments[3], &memory, &zone_name, &record);

	if (e) {
		control_fail(r, e == -EINVAL ? 400 : 503,
			e == -EINVAL ? "this is no id of a lease" : "out of memory");
		return;
	}
	zone = control_find_zone(r, zone_name, true);
	v = zone ? verb_new(r, VIEW_REMOVE, zone) : NULL;
	if (!v) {
		free(memory);
		return;
	}
	v->memory = memory;
	v->order.lease = record;
	give(v);
}
