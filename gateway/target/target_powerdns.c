/*
 * The powerdns target: a zone in PowerDNS Authoritative 4.7 and later, through its HTTP
 * API.
 *
 * This file probes and loads, and begins and ends operations.
 * target_powerdns_deliver.c writes, and keeps track of the zone between writes.
 */
#include "gateway/target/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/base/log.h"
#include "gateway/target/target_powerdns_private.h"
#include "tsig/plural.h"
#include "zones/update_builder.h"

enum {
	BATCH_CHANGES = 1000,      /* RRsets: a few 100 KB, about 10 ms there */
	ZONE_ANSWER_MAX = 1 << 30, /* octets: about eight million addresses */
	PATCH_HEADERS = 4096, /* octets of what a request may have, for its headers */
	PATCH_MAX = 2 << 20, /* the same until the server has said: webserver-max-bodysize
	                       * of a server that does not set it */
};

/* ---- asking ---- */

/* Whatever has asked: the upkeep, for which an operation waits, or the operation. */
static void fail(struct powerdns_target *t, const struct target_failure *failure)
{
	if (t->upkeep.is_busy)
		powerdns_upkeep_fail(t, failure);
	else
		target_operation_fail(&t->op, failure);
}

/* A delivery's look at the SOA does not stand in line with those of probes. */
static enum pool_line line_of(const struct powerdns_target *t, enum powerdns_place place,
	const struct http_request *request)
{
	const bool is_read = strcmp(request->method, "GET") == 0;

	if (t->upkeep.is_busy)
		return is_read ? POOL_READS : POOL_CHORES;
	if (is_read && !(t->is_delivering && place == POWERDNS_SOA))
		return POOL_READS;
	return POOL_WRITES;
}

void powerdns_ask_with(struct powerdns_target *t, enum powerdns_place place,
	struct http_request *request, http_done *done)
{
	request->connect_timeout_ms = (long)t->config->timeout_ms;
	powerdns_server_ask(
		&t->caller, place, request, line_of(t, place, request), done, t);
}

void powerdns_ask(struct powerdns_target *t, enum powerdns_place place, http_done *done)
{
	struct http_request request = {.method = "GET",
		.answer_max = POWERDNS_ANSWER_MAX,
		.timeout_ms = (long)t->config->timeout_ms};

	powerdns_ask_with(t, place, &request, done);
}

bool powerdns_is_success(const struct http_response *response)
{
	return !response->error && response->status >= 200 && response->status < 300;
}

/* A page for people to read: from a proxy, or another web server. */
static bool is_page(const struct http_response *response)
{
	const char *body = response->body + strspn(response->body, " \t\r\n");

	return *body == '<';
}

/* Of an answer that is none, or not the one that was asked for. */
static enum target_trouble trouble_of(const struct http_response *response)
{
	switch (response->error) {
	case 0:
		break;
	case -ETIMEDOUT:
		return TARGET_TIMED_OUT;
	case -ENOMEM:
		return TARGET_OUR_MEMORY;
	case -EKEYREJECTED:
		return TARGET_NOT_SIGNED;
	case -EFBIG:
	case -EBADMSG:
		return TARGET_GARBLED;
	default:
		return TARGET_UNREACHABLE;
	}
	if (response->status == 401 || response->status == 403)
		return TARGET_BAD_CREDENTIALS;
	if (is_page(response))
		return TARGET_GARBLED;
	return response->status == 404 ? TARGET_ZONE_MISSING : TARGET_FAULTY;
}

static struct verdict explain_page(const struct http_response *response)
{
	return verdict_refuse(RCODE_SERVFAIL, EDE_OTHER,
		"PowerDNS: HTTP %ld with a web page: a proxy answers, or url is not "
		"that of the PowerDNS API",
		response->status);
}

static struct verdict explain(const struct http_response *response)
{
	char text[POWERDNS_WHY_MAX];

	if (response->error == -ENOMEM)
		return verdict_no_memory();
	if (response->error)
		return verdict_refuse(
			RCODE_SERVFAIL, EDE_NETWORK_ERROR, "PowerDNS: %s", response->why);
	if (response->status == 401)
		return verdict_refuse(RCODE_SERVFAIL, EDE_OTHER,
			"PowerDNS: API key refused: see api_key_file");
	if (is_page(response))
		return explain_page(response);
	if (response->status == 404) /* the same for each of them */
		return verdict_refuse(RCODE_SERVFAIL, EDE_OTHER,
			"PowerDNS: HTTP 404: the zone does not exist there, or url or "
			"server leads elsewhere");
	powerdns_json_read_error(response->body, response->body_len, text);
	if (response->status == 500) /* it gives no details */
		return verdict_refuse(RCODE_SERVFAIL, EDE_OTHER,
			"PowerDNS: HTTP 500: %.50s: see its log, and pdnsutil "
			"check-zone for a record that it cannot read itself",
			text);
	return verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "PowerDNS: HTTP %ld: %s",
		response->status, text);
}

struct target_failure powerdns_explain(const struct http_response *response)
{
	return (struct target_failure){trouble_of(response), explain(response)};
}

void powerdns_fail(struct powerdns_target *t, const struct http_response *response)
{
	const struct target_failure failure = powerdns_explain(response);

	fail(t, &failure);
}

/* May it be a target?  NO_TROUBLE, or why not. */
static struct target_failure judge_kind(const struct powerdns_zone *zone)
{
	/* The next transfer would undo everything, although the API accepts it. */
	if (powerdns_zone_is_secondary(zone))
		return (struct target_failure){TARGET_NOT_PRIMARY,
			verdict_refuse(RCODE_SERVFAIL, EDE_OTHER,
				"PowerDNS: the zone is not writable there: it is a "
				"secondary (kind %s)",
				zone->kind)};
	if (!zone->soa)
		return (struct target_failure){TARGET_ZONE_MISSING,
			verdict_refuse(RCODE_SERVFAIL, EDE_OTHER,
				"PowerDNS: the zone has no SOA there")};
	return (struct target_failure){TARGET_NO_TROUBLE, verdict_ok()};
}

static struct target_failure judge_answer(const struct http_response *response)
{
	if (!powerdns_is_success(response))
		return powerdns_explain(response);
	if (is_page(response))
		return (struct target_failure){TARGET_GARBLED, explain_page(response)};
	return (struct target_failure){TARGET_NO_TROUBLE, verdict_ok()};
}

/* What came of reading a zone.  why is NOERROR, with *zone to be cleared, or says why it
 * cannot be used. */
static struct target_failure judge_zone(
	int result, const char *why, struct powerdns_zone *zone)
{
	struct target_failure failure;

	if (result == -ENOMEM)
		return (struct target_failure){TARGET_OUR_MEMORY, verdict_no_memory()};
	if (result)
		return (struct target_failure){TARGET_GARBLED,
			verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "PowerDNS: %s", why)};
	failure = judge_kind(zone);
	if (!verdict_is_ok(&failure.why))
		powerdns_zone_clear(zone);
	return failure;
}

struct target_failure powerdns_read_zone(struct powerdns_target *t,
	const struct http_response *response, struct powerdns_zone *ret)
{
	const struct target_failure failure = judge_answer(response);
	char why[POWERDNS_WHY_MAX];
	int result;

	if (!verdict_is_ok(&failure.why))
		return failure;
	result = powerdns_json_read_zone(ret, response->body, response->body_len, t->zone,
		&t->seed, POWERDNS_WANT_SOA, why);
	return judge_zone(result, why, ret);
}

void powerdns_note_settings(struct powerdns_target *t, const struct powerdns_zone *zone)
{
	powerdns_serial_init(&t->serial, zone->soa_edit_api, zone->soa_edit, zone->stored,
		zone->served);
	t->looked_ms = turn_monotonic_ms(t->alarms->clock);
	if (zone->is_signed != t->is_signed)
		powerdns_want_rectify(t);
	t->is_signed = zone->is_signed;
	t->upkeep.rectifies_itself |= zone->api_rectify;
	powerdns_upkeep_answered(t);
}

void powerdns_believe(struct powerdns_target *t)
{
	rrset_keep(&t->believed, t->op.seen);
	t->believed_stored = t->serial.stored;
}

bool powerdns_take_soa(struct powerdns_target *t, const struct http_response *response)
{
	struct powerdns_zone zone;
	const struct target_failure failure = powerdns_read_zone(t, response, &zone);

	if (!verdict_is_ok(&failure.why)) {
		target_operation_fail(&t->op, &failure);
		return false;
	}
	powerdns_note_settings(t, &zone);
	rrset_keep(&t->op.seen, zone.soa);
	powerdns_zone_clear(&zone);
	return true;
}

/* ---- probe ---- */

static void on_probe(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;

	if (!powerdns_take_soa(t, response))
		return;
	/* The caller must be told of a newer SOA, so we do not adopt it here. */
	if (t->is_suspect)
		rrset_keep(&t->op.seen, NULL);
	else if (!t->believed)
		powerdns_believe(t);
	t->is_certain = false;
	target_operation_succeed(&t->op);
}

static void probe(struct powerdns_target *t)
{
	powerdns_ask(t, POWERDNS_SOA, on_probe);
}

static void powerdns_probe(struct target *target, target_done *done, void *arg)
{
	struct powerdns_target *t = powerdns_of(target);

	target_operation_begin(&t->op, done, arg);
	t->is_delivering = false;
	powerdns_begin(t, probe);
}

/* ---- load ---- */

static void hint(struct powerdns_target *t)
{
	char name[NAME_TEXT_MAX];

	if (t->has_hinted)
		return;
	t->has_hinted = true;
	name_to_text(t->zone, name);
	if (t->serial.bump == POWERDNS_BUMP_NONE)
		log_info("zone %s: %s has no SOA-EDIT-API for it: changes that others "
			 "make there without a new serial go unnoticed",
			name, t->config->id);
}

static void note_content(struct powerdns_target *t, struct powerdns_zone *zone)
{
	char name[NAME_TEXT_MAX];

	powerdns_note_settings(t, zone);
	rrset_keep(&t->op.seen, zone->soa);
	powerdns_believe(t);
	rrset_keep(&t->mirrored, t->op.loaded ? zone->soa : NULL);
	t->is_suspect = false;
	t->is_certain = false;
	t->attempt.is_open = false;
	powerdns_texts_free(t->disabled);
	t->disabled = zone->disabled;
	zone->disabled = NULL;
	powerdns_texts_free(t->spelt);
	t->spelt = zone->spelt;
	zone->spelt = NULL;
	powerdns_parents_free(t->parents);
	t->parents = zone->parents;
	zone->parents = NULL;
	if (t->only_looks)
		return;
	if (zone->outside > 0)
		log_warning("zone %s: %s has %zu %s outside the zone, which Muster "
			    "leaves alone",
			name_to_text(t->zone, name), t->config->id, zone->outside,
			PLURAL(zone->outside, "record"));
	odd_list_warn(&zone->odd, t->zone, t->config->id);
	hint(t);
	powerdns_upkeep_loaded(t);
}

static void take_zone(struct powerdns_target *t, struct powerdns_zone *zone)
{
	note_content(t, zone);
	if (!t->op.loaded) { /* a delivery that had to load the zone first */
		powerdns_zone_clear(zone);
		powerdns_send_patch(t);
		return;
	}
	t->op.content.zone = zone->content;
	zone->content = NULL;
	powerdns_zone_clear(zone);
	target_operation_succeed(&t->op);
}

static void on_read(void *arg, int result, struct powerdns_reading *reading)
{
	struct powerdns_target *t = arg;
	struct powerdns_zone zone = {0};
	struct target_failure failure;

	if (!result)
		zone = powerdns_reading_take(reading);
	failure = judge_zone(result, powerdns_reading_why(reading), &zone);
	if (verdict_is_ok(&failure.why))
		take_zone(t, &zone);
	else
		target_operation_fail(&t->op, &failure);
}

static void on_zone(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;
	const struct target_failure failure = judge_answer(response);
	struct powerdns_reading *reading;

	if (!verdict_is_ok(&failure.why)) {
		target_operation_fail(&t->op, &failure);
		return;
	}
	reading = powerdns_reading_new(http_response_take_body(response),
		response->body_len, t->zone, &t->seed,
		t->op.loaded ? POWERDNS_WANT_CONTENT : POWERDNS_WANT_TEXTS);
	if (reading)
		powerdns_steps_begin(&t->steps, reading, on_read, t);
	else
		target_operation_fail_memory(&t->op);
}

static void take_settings(struct powerdns_target *t)
{
	const struct powerdns_settings settings = powerdns_server_settings(&t->caller);
	struct powerdns_upkeep *u = &t->upkeep;

	t->patch_max = settings.body_max - PATCH_HEADERS;
	t->is_lmdb = settings.is_lmdb;
	u->is_default = settings.rectifies;
	u->rectifies_itself = strcmp(u->setting, "1") == 0 ||
		(strcmp(u->setting, POWERDNS_UNSET) == 0 && u->is_default);
	u->is_known = true;
}

static void read_metadata(const struct http_response *response, const char *kind,
	char ret[POWERDNS_METADATA_MAX], const char *without)
{
	snprintf(ret, POWERDNS_METADATA_MAX, "%s", without);
	if (powerdns_is_success(response))
		(void)powerdns_json_read_setting(response->body, response->body_len, kind,
			ret, POWERDNS_METADATA_MAX);
}

/* API-RECTIFY of the zone: "0" keeps PowerDNS from rectifying.  If it is not set (which
 * the zone's answer does not distinguish from "0"), default-api-rectify counts. */
static void on_metadata(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;
	struct powerdns_upkeep *u = &t->upkeep;
	char presigned[POWERDNS_METADATA_MAX];

	/* All other outcomes concern this request only, and the zone gets an answer of
	 * its own. */
	if (response->error || response->status == 401 || response->status == 404) {
		powerdns_fail(t, response);
		return;
	}
	read_metadata(response, "API-RECTIFY", u->setting,
		powerdns_is_success(response) ? POWERDNS_UNSET : "");
	read_metadata(response, POWERDNS_NOTE_KIND, u->noted, "");
	read_metadata(response, "PRESIGNED", presigned, "");
	u->is_presigned = strcmp(presigned, "1") == 0;
	take_settings(t);
	t->with_settings(t);
}

void powerdns_read_settings(struct powerdns_target *t, powerdns_step *then)
{
	t->with_settings = then;
	powerdns_ask(t, POWERDNS_METADATA, on_metadata);
}

static void ask_zone(struct powerdns_target *t)
{
	struct http_request request = {.method = "GET",
		.answer_max = ZONE_ANSWER_MAX,
		.timeout_ms = (long)t->config->timeout_ms * POWERDNS_SLOW_FACTOR};

	powerdns_ask_with(t, POWERDNS_ZONE, &request, on_zone);
}

void powerdns_start_load(struct powerdns_target *t)
{
	powerdns_read_settings(t, ask_zone);
}

static void on_soa_before_load(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;
	struct update_builder nothing;

	if (!powerdns_take_soa(t, response))
		return;
	if (!t->mirrored || !rrset_is_identical(t->mirrored, t->op.seen)) {
		powerdns_start_load(t);
		return;
	}
	update_builder_init(&nothing, t->zone);
	if (update_builder_finish(&nothing, &t->op.content.difference) < 0) {
		target_operation_fail_memory(&t->op);
		return;
	}
	powerdns_believe(t);
	target_operation_succeed(&t->op);
}

static void load_difference(struct powerdns_target *t)
{
	const bool is_counted = t->serial.bump == POWERDNS_BUMP_INCREASE ||
		t->serial.bump == POWERDNS_BUMP_DEFAULT;

	/* If each change gives a new serial, an unchanged one means that there was no
	 * change. */
	if (t->mirrored && is_counted)
		powerdns_ask(t, POWERDNS_SOA, on_soa_before_load);
	else
		powerdns_start_load(t);
}

static void powerdns_load(
	struct target *target, bool have_content, target_loaded *loaded, void *arg)
{
	struct powerdns_target *t = powerdns_of(target);

	target_operation_begin_load(&t->op, loaded, arg);
	t->is_delivering = false;
	powerdns_begin(t, have_content ? load_difference : powerdns_start_load);
}

static void powerdns_expect(struct target *target)
{
	powerdns_server_expect(&powerdns_of(target)->caller);
}

/* ---- life ---- */

static void powerdns_free(struct target *target)
{
	struct powerdns_target *t = powerdns_of(target);

	if (!t)
		return;
	powerdns_server_leave(&t->caller);
	powerdns_upkeep_clear(t);
	powerdns_steps_clear(&t->steps);
	free(t->body);
	powerdns_texts_free(t->disabled);
	powerdns_texts_free(t->spelt);
	powerdns_parents_free(t->parents);
	rrset_unref(t->believed);
	rrset_unref(t->mirrored);
	rrset_unref(t->sent);
	target_operation_clear(&t->op);
	free(t);
}

static struct target *powerdns_new(const struct config_target *config,
	const struct target_zone *zone, const struct target_env *env)
{
	struct powerdns_target *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->base.ops = &target_powerdns;
	memcpy(t->zone, zone->name, name_len(zone->name));
	t->config = config;
	t->seed = env->seed;
	t->patch_max = PATCH_MAX - PATCH_HEADERS;
	t->only_looks = env->only_looks;
	t->alarms = env->alarms;
	powerdns_upkeep_init(t);
	powerdns_steps_init(&t->steps, env->alarms);
	t->caller = (struct powerdns_caller){
		.zone = t->zone, .back = zone->back, .back_arg = zone->back_arg};
	t->parents = powerdns_parents_new(zone->name, &t->seed);
	if (target_operation_init(&t->op, env->base) || !t->parents ||
		powerdns_server_join(&t->caller, config, env)) {
		powerdns_free((struct target *)(void *)t);
		return NULL;
	}
	return (struct target *)(void *)t;
}

static const char *powerdns_place(const struct target *target)
{
	const struct powerdns_target *t = (const void *)target;

	return powerdns_server_url(&t->caller);
}

const struct target_ops target_powerdns = {
	.batch_changes = BATCH_CHANGES,
	.owns_serial = true,
	.new = powerdns_new,
	.free = powerdns_free,
	.place = powerdns_place,
	.flaw = powerdns_flaw,
	.load = powerdns_load,
	.probe = powerdns_probe,
	.deliver = powerdns_deliver,
	.expect = powerdns_expect,
	.leave = powerdns_leave,
	.is_settled = powerdns_is_settled,
};
