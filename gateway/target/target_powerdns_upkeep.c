/*
 * What the powerdns target does between operations.
 *
 * It rectifies the zone.  PowerDNS would do so with each PATCH, unless API-RECTIFY or
 * default-api-rectify forbids that, and each time that takes time in proportion to the
 * zone.  With rectify = "auto" Muster takes this over: it notes at the server what
 * API-RECTIFY was (POWERDNS_NOTE_KIND), sets it to 0, and asks for a rectification only
 * after batches that need one (powerdns_rectify.h), once they pause, or, if they do not,
 * after a time in proportion to how long the last one took.  Nothing has to remember that
 * across a crash, or what others have changed meanwhile: each zone that is loaded is
 * rectified.  When the setting becomes "server", or the target leaves the configuration,
 * it is given back.  (The API can set
 * API-RECTIFY to 1 and to 0, but cannot remove it: where it was not set it becomes what
 * default-api-rectify says.)
 *
 * It looks at the SOA after writes that do not show by themselves whether somebody else
 * has written.
 */
#include "gateway/target/target_powerdns_private.h"

#include <stdio.h>
#include <string.h>
#include "gateway/base/log.h"

enum {
	OPENING_MS = 3000, /* until a target that nobody has used is looked at */
	/* Without further batches for as long as the last rectification took, within
	 * these limits, the zone is rectified; ... */
	QUIET_MIN_MS = 20,
	QUIET_MAX_MS = 1000,
	/* ... but not later than after so many times that, within these limits. */
	LATEST_FACTOR = 10,
	LATEST_MIN_MS = 1000,
	LATEST_MAX_MS = 60000,
	/* the pause after a failure, which doubles */
	RETRY_MIN_MS = 1000,
	RETRY_MAX_MS = 300 * 1000,
};

static int64_t now_ms(const struct powerdns_target *t)
{
	return turn_monotonic_ms(t->alarms->clock);
}

static int64_t within(int64_t ms, int64_t min_ms, int64_t max_ms)
{
	if (ms < min_ms)
		return min_ms;
	return ms > max_ms ? max_ms : ms;
}

static int64_t quiet_ms(const struct powerdns_target *t)
{
	return within(t->upkeep.took_ms, QUIET_MIN_MS, QUIET_MAX_MS);
}

/* ---- what is to be done ---- */

/* Is it to be Muster's task? */
static bool is_ours(const struct powerdns_target *t)
{
	return t->config->rectify == CONFIG_RECTIFY_AUTO && !t->upkeep.is_leaving;
}

static bool wants_to_take_over(const struct powerdns_target *t)
{
	const struct powerdns_upkeep *u = &t->upkeep;

	/* Only a zone that was loaded is known to be no secondary. */
	return is_ours(t) && t->believed && u->is_known && u->rectifies_itself &&
		u->setting[0] && !u->is_presigned && !u->is_refused;
}

static bool wants_to_give_back(const struct powerdns_target *t)
{
	const struct powerdns_upkeep *u = &t->upkeep;

	return !is_ours(t) && u->noted[0] && !u->is_refused;
}

bool powerdns_is_rectified_here(const struct powerdns_target *t)
{
	const struct powerdns_upkeep *u = &t->upkeep;

	return is_ours(t) && u->is_known && !u->rectifies_itself && !u->is_presigned;
}

/* Must operations wait for it? */
static bool is_pressing(const struct powerdns_target *t)
{
	const struct powerdns_upkeep *u = &t->upkeep;

	if (u->is_late)
		return true;
	if (u->retry_ms)
		return false;
	if (wants_to_take_over(t))
		return true;
	return u->is_due &&
		now_ms(t) - u->due_ms >=
		within(u->took_ms * LATEST_FACTOR, LATEST_MIN_MS, LATEST_MAX_MS);
}

static void set_due(struct powerdns_target *t)
{
	struct powerdns_upkeep *u = &t->upkeep;

	if (!u->is_due)
		u->due_ms = now_ms(t);
	u->is_due = true;
}

void powerdns_want_rectify(struct powerdns_target *t)
{
	if (!powerdns_is_rectified_here(t))
		return;
	set_due(t);
	if (!t->upkeep.retry_ms)
		alarm_set_in(&t->upkeep.alarm, quiet_ms(t));
}

/* The zone's settings are known again. */
static void note_known(struct powerdns_target *t)
{
	if (powerdns_is_rectified_here(t) || wants_to_give_back(t))
		set_due(t);
}

void powerdns_upkeep_loaded(struct powerdns_target *t)
{
	note_known(t);
	if (!t->upkeep.retry_ms)
		alarm_set_in(&t->upkeep.alarm, quiet_ms(t));
}

/* ---- the end of it ---- */

static void resume(struct powerdns_target *t)
{
	powerdns_step *const waiting = t->upkeep.waiting;

	t->upkeep.is_busy = false;
	t->upkeep.waiting = NULL;
	if (waiting)
		waiting(t);
}

void powerdns_upkeep_fail(struct powerdns_target *t, const struct target_failure *failure)
{
	struct powerdns_upkeep *u = &t->upkeep;
	char name[NAME_TEXT_MAX];

	if (u->is_leaving) {
		u->is_busy = false;
		target_operation_fail(&t->op, failure);
		return;
	}
	if (!u->retry_ms && u->is_due)
		log_warning("zone %s: %s could not rectify it, and is asked again: %s",
			name_to_text(t->zone, name), t->config->id, failure->why.why);
	u->is_unreached = failure->trouble == TARGET_UNREACHABLE;
	u->flaw = (struct target_failure){TARGET_UNRECTIFIED,
		verdict_refuse(RCODE_SERVFAIL, EDE_OTHER,
			"the zone could not be rectified: %s", failure->why.why)};
	u->retry_ms = (unsigned)within(u->retry_ms * 2, RETRY_MIN_MS, RETRY_MAX_MS);
	alarm_set_in(&u->alarm, u->retry_ms);
	resume(t);
}

static void succeed(struct powerdns_target *t)
{
	struct powerdns_upkeep *u = &t->upkeep;

	u->retry_ms = 0;
	resume(t);
}

void powerdns_upkeep_answered(struct powerdns_target *t)
{
	struct powerdns_upkeep *u = &t->upkeep;

	if (!u->retry_ms || !u->is_unreached)
		return;
	u->is_unreached = false;
	alarm_set_in(&u->alarm, quiet_ms(t));
}

const struct target_failure *powerdns_flaw(const struct target *target)
{
	const struct powerdns_target *t = (const void *)target;
	const struct powerdns_upkeep *u = &t->upkeep;

	return u->retry_ms && u->is_due ? &u->flaw : NULL;
}

/* ---- its steps ---- */

static void go_on(struct powerdns_target *t);

static void put(struct powerdns_target *t, enum powerdns_place place, const char *body,
	http_done *done)
{
	struct http_request request = {.method = "PUT",
		.body = body,
		.body_len = strlen(body),
		.answer_max = POWERDNS_ANSWER_MAX,
		.timeout_ms = (long)t->config->timeout_ms};

	if (place == POWERDNS_RECTIFY)
		request.timeout_ms *= POWERDNS_SLOW_FACTOR;
	powerdns_ask_with(t, place, &request, done);
}

static void on_rectified(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;
	struct powerdns_upkeep *u = &t->upkeep;
	char name[NAME_TEXT_MAX];

	if (!powerdns_is_success(response)) {
		powerdns_fail(t, response);
		return;
	}
	if (u->retry_ms)
		log_info("zone %s: %s has rectified it", name_to_text(t->zone, name),
			t->config->id);
	u->retry_ms = 0;
	u->is_due = false;
	u->took_ms = now_ms(t) - u->began_ms;
	go_on(t);
}

static void rectify(struct powerdns_target *t)
{
	t->upkeep.began_ms = now_ms(t);
	put(t, POWERDNS_RECTIFY, "", on_rectified);
}

/* True: whoever refuses it will always do so, and this has been said. */
static bool is_refused(struct powerdns_target *t, const struct http_response *response)
{
	const long status = response->error ? 0 : response->status;
	struct target_failure failure;
	char name[NAME_TEXT_MAX];

	if (!powerdns_is_rejection(response) && status != 403 && status != 405 &&
		status != 501)
		return false;
	failure = powerdns_explain(response);
	log_warning("zone %s: %s does not let Muster change who rectifies the zone: %s",
		name_to_text(t->zone, name), t->config->id, failure.why.why);
	t->upkeep.is_refused = true;
	return true;
}

/* What a step needs to go on.  False: it has failed. */
static bool has_succeeded(struct powerdns_target *t, const struct http_response *response)
{
	if (powerdns_is_success(response))
		return true;
	if (is_refused(t, response))
		go_on(t);
	else
		powerdns_fail(t, response);
	return false;
}

static void on_taken_over(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;
	struct powerdns_upkeep *u = &t->upkeep;
	char name[NAME_TEXT_MAX];

	if (!has_succeeded(t, response))
		return;
	log_info("zone %s: %s rectified the whole zone after every change; from now on "
		 "Muster asks for it when it is needed (rectify = \"auto\")",
		name_to_text(t->zone, name), t->config->id);
	memcpy(u->noted, u->setting, sizeof(u->noted));
	snprintf(u->setting, sizeof(u->setting), "0");
	u->rectifies_itself = false;
	go_on(t);
}

static void on_noted(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;

	if (has_succeeded(t, response))
		put(t, POWERDNS_ZONE, "{\"api_rectify\":false}", on_taken_over);
}

static void take_over(struct powerdns_target *t)
{
	const bool is_unset = !strcmp(t->upkeep.setting, POWERDNS_UNSET);

	put(t, POWERDNS_NOTE,
		is_unset ? "{\"metadata\":[\"" POWERDNS_UNSET "\"]}"
			 : "{\"metadata\":[\"1\"]}",
		on_noted);
}

static void on_forgotten(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;
	char name[NAME_TEXT_MAX];

	if (!has_succeeded(t, response))
		return;
	log_info("zone %s: it is left to %s again when to rectify it",
		name_to_text(t->zone, name), t->config->id);
	t->upkeep.noted[0] = '\0';
	go_on(t);
}

static void forget(struct powerdns_target *t)
{
	struct http_request request = {.method = "DELETE",
		.answer_max = POWERDNS_ANSWER_MAX,
		.timeout_ms = (long)t->config->timeout_ms};

	powerdns_ask_with(t, POWERDNS_NOTE, &request, on_forgotten);
}

static void on_given_back(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;

	if (!has_succeeded(t, response))
		return;
	t->upkeep.rectifies_itself = true;
	forget(t);
}

static void give_back(struct powerdns_target *t)
{
	const struct powerdns_upkeep *u = &t->upkeep;
	const bool was_on = u->is_default || strcmp(u->noted, POWERDNS_UNSET);

	/* If it was not set, and is off by default, 0 means the same.  If it is not 0,
	 * somebody else has set it. */
	if (!was_on || strcmp(u->setting, "0"))
		forget(t);
	else
		put(t, POWERDNS_ZONE, "{\"api_rectify\":true}", on_given_back);
}

static void on_settings(struct powerdns_target *t)
{
	note_known(t);
	go_on(t);
}

static void go_on(struct powerdns_target *t)
{
	if (!t->upkeep.is_known)
		powerdns_read_settings(t, on_settings);
	else if (wants_to_take_over(t))
		take_over(t);
	else if (t->upkeep.is_due)
		rectify(t);
	else if (wants_to_give_back(t))
		give_back(t);
	else
		succeed(t);
}

/* ---- when ---- */

static void run(struct powerdns_target *t)
{
	alarm_stop(&t->upkeep.alarm);
	t->upkeep.is_late = false;
	t->upkeep.is_busy = true;
	go_on(t);
}

/* If an operation is under way, the next one waits. */
static void on_alarm(void *arg)
{
	struct powerdns_target *t = arg;

	if (!t->upkeep.is_busy && !t->op.done && !t->op.loaded) {
		run(t);
		return;
	}
	t->upkeep.is_late = true;
	alarm_set_in(&t->upkeep.alarm, quiet_ms(t));
}

void powerdns_begin(struct powerdns_target *t, powerdns_step *step)
{
	if (!t->upkeep.is_busy && is_pressing(t)) {
		t->upkeep.waiting = step;
		run(t);
	} else if (t->upkeep.is_busy) {
		t->upkeep.waiting = step;
	} else {
		step(t);
	}
}

static void on_left(struct powerdns_target *t)
{
	target_operation_succeed(&t->op);
}

void powerdns_leave(struct target *target, target_done *done, void *arg)
{
	struct powerdns_target *t = powerdns_of(target);

	target_operation_begin(&t->op, done, arg);
	t->upkeep.is_leaving = true;
	t->upkeep.waiting = on_left;
	run(t);
}

bool powerdns_is_settled(const struct target *target)
{
	const struct powerdns_target *t = (const void *)target;
	const struct powerdns_upkeep *u = &t->upkeep;

	if (u->is_busy || alarm_is_set(&u->look_alarm))
		return false;
	return u->retry_ms ||
		!(u->is_due || wants_to_take_over(t) || wants_to_give_back(t));
}

/* ---- looking ---- */

void powerdns_be_certain(struct powerdns_target *t)
{
	t->is_certain = true;
	t->certain_ms = now_ms(t);
}

static void on_look(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;
	struct powerdns_zone zone;
	const struct target_failure failure = powerdns_read_zone(t, response, &zone);

	/* Otherwise the next operation looks for itself. */
	if (verdict_is_ok(&failure.why)) {
		if (t->believed && rrset_is_identical(t->believed, zone.soa) &&
			t->believed_stored == zone.stored) {
			powerdns_note_settings(t, &zone);
			powerdns_be_certain(t);
		}
		powerdns_zone_clear(&zone);
	}
	resume(t);
}

/* An operation that has begun already looks for itself. */
static void on_look_alarm(void *arg)
{
	struct powerdns_target *t = arg;

	if (t->upkeep.is_busy || t->op.done || t->op.loaded)
		return;
	t->upkeep.is_busy = true;
	powerdns_ask(t, POWERDNS_SOA, on_look);
}

void powerdns_look_later(struct powerdns_target *t)
{
	const int64_t until_ms = t->certain_ms + POWERDNS_CERTAIN_MS;

	t->is_certain = until_ms > now_ms(t);
	alarm_set(&t->upkeep.look_alarm, until_ms);
}

/* ---- life ---- */

void powerdns_upkeep_init(struct powerdns_target *t)
{
	alarm_init(&t->upkeep.alarm, t->alarms, on_alarm, t);
	alarm_init(&t->upkeep.look_alarm, t->alarms, on_look_alarm, t);
	alarm_set_in(&t->upkeep.alarm, OPENING_MS);
}

void powerdns_upkeep_clear(struct powerdns_target *t)
{
	alarm_stop(&t->upkeep.alarm);
	alarm_stop(&t->upkeep.look_alarm);
}
