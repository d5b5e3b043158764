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

enum verb_kind {
	VERB_EXPIRE,
	VERB_HOLD,
	VERB_RELEASE,
	VERB_RESUME,
	VERB_RETRY,
	VERB_REMOVE
};

struct verb {
	struct control_question question; /* first */
	enum verb_kind kind;
	const struct config_zone *zone; /* of the question's configuration */
	uint8_t name[NAME_MAX_LEN];     /* of a host */
	struct lease_record record;     /* VERB_REMOVE; points into memory */
	uint8_t *memory;                /* owned */
	struct verdict why;
	int result;   /* 0 or -errno */
	size_t count; /* leases, or targets */
};

static const struct {
	const char *name;
	enum verb_kind kind;
} host_verbs[] = {{"expire", VERB_EXPIRE}, {"hold", VERB_HOLD},
	{"release", VERB_RELEASE}},
  zone_verbs[] = {{"resume", VERB_RESUME}, {"retry", VERB_RETRY}};

/* ---- in the zone thread ---- */

static void on_held(int result, void *arg)
{
	struct verb *v = arg;

	v->result = result;
	zone_call_finish(&v->question.call);
}

static size_t retry(struct served_zone *zone)
{
	size_t count = 0;

	for (size_t i = 0; i < zone->delivery_count; i++)
		count += delivery_retry(zone->deliveries[i]);
	return count;
}

/* False: on_held comes. */
static bool carry_out(struct verb *v, struct served_zone *zone)
{
	const struct lease_record *record = &v->record;

	switch (v->kind) {
	case VERB_EXPIRE:
		v->result = served_expire_host(zone, v->name, &v->why, &v->count);
		return true;
	case VERB_HOLD:
	case VERB_RELEASE:
		v->result = served_hold_host(
			zone, v->name, v->kind == VERB_HOLD, &v->why, on_held, v);
		return v->result != 0;
	case VERB_RESUME:
		v->result = served_resume(zone, &v->why);
		return true;
	case VERB_RETRY:
		v->count = retry(zone);
		v->result = 0;
		return true;
	case VERB_REMOVE:
		v->count = 1;
		v->result = served_remove_lease(zone, record->owner, record->type,
			record->rdata, record->rdata_len, &v->why);
		return true;
	}
	return true;
}

static bool run_verb(struct zone_thread *thread, struct zone_call *call)
{
	struct verb *v = (struct verb *)(void *)call;
	struct served_zone *zone = served_find(thread, v->zone->name);

	v->result = -EAGAIN;
	return !zone || carry_out(v, zone);
}

/* ---- the answer ---- */

static void fail(struct verb *v)
{
	struct control_question *q = &v->question;
	char name[NAME_TEXT_MAX];

	name_to_text(v->kind == VERB_REMOVE ? v->record.owner : v->name, name);
	if (v->result == -ENOENT && v->kind == VERB_REMOVE)
		control_question_fail(q, 404, "%s: there is no such lease", name);
	else if (v->result == -ENOENT && v->kind == VERB_HOLD)
		control_question_fail(q, 404, "%s: has neither records nor leases", name);
	else if (v->result == -ENOENT)
		control_question_fail(q, 404, "%s: has no leases", name);
	else if (v->result == -EALREADY && v->kind == VERB_RESUME)
		control_question_fail(
			q, 409, "%s: its expiry has not stopped", v->zone->text);
	else if (v->result == -EALREADY)
		control_question_fail(q, 409, "%s: %s", name,
			v->kind == VERB_HOLD ? "is held already" : "is not held");
	else if (v->result == -EAGAIN)
		control_question_fail(q, 503,
			"zone %s: not now: it is not loaded, or the database fails",
			v->zone->text);
	else
		control_question_fail(
			q, 503, "zone %s: %s", v->zone->text, strerror(-v->result));
}

static bool answer_verb(struct control_question *q)
{
	struct verb *v = (struct verb *)(void *)q;

	if (v->result)
		fail(v);
	else if (v->kind == VERB_RESUME || v->kind == VERB_RETRY)
		control_question_done(q,
			json_pack("{s:s, s:I}", "zone", v->zone->text, "targets",
				(json_int_t)v->count));
	else
		control_question_done(q,
			json_pack("{s:o, s:s, s:I}", "name",
				control_json_name(v->kind == VERB_REMOVE ? v->record.owner
									 : v->name),
				"zone", v->zone->text, "leases", (json_int_t)v->count));
	return true;
}

/* ---- asking ---- */

static void clear_verb(struct control_question *q)
{
	free(((struct verb *)(void *)q)->memory);
}

static struct verb *verb_new(
	struct control_request *r, enum verb_kind kind, const struct config_zone *zone)
{
	struct verb *v = control_question_new(r, sizeof(*v), run_verb, answer_verb);

	if (!v)
		return NULL;
	v->question.clear = clear_verb;
	v->kind = kind;
	v->zone = zone;
	v->why = verdict_ok();
	snprintf(v->why.why, sizeof(v->why.why), "%s by user id %lu",
		kind == VERB_REMOVE ? "lease removed" : "asked for",
		(unsigned long)r->uid);
	return v;
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
	v = zone ? verb_new(r, host_verbs[i].kind, zone) : NULL;
	if (!v)
		return;
	memcpy(v->name, name, name_len(name));
	control_ask(&v->question);
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
	v = zone ? verb_new(r, zone_verbs[i].kind, zone) : NULL;
	if (v)
		control_ask(&v->question);
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
	v = zone ? verb_new(r, VERB_REMOVE, zone) : NULL;
	if (!v) {
		free(memory);
		return;
	}
	v->memory = memory;
	v->record = record;
	control_ask(&v->question);
}
