/*
 * The writing half of the powerdns target.
 *
 * The API has no conditional change, so a delivery looks first (one GET of the SOA) and
 * then writes (one PATCH, which PowerDNS applies as a whole or not at all).  A write by
 * somebody else between the two shows in the serial after the PATCH, if the zone's
 * SOA-EDIT-API allows it (powerdns_serial.h): then the batch is done, but the zone
 * counts as unknown, the next delivery returns CHANGED, and the other change is
 * loaded.  It cannot be noticed if a change gives no new serial (no SOA-EDIT-API), or
 * happens in the same second (EPOCH).
 *
 * Three things are remembered between operations: the SOA believed to be there, the SOA
 * that the caller's mirror is a copy of (mirrored), and the last PATCH if its outcome
 * is unknown (attempt).
 *
 * A PATCH contains what RRsets become, not what is added to them, so it may be sent
 * twice, and a retry need not know whether the first try was applied.  It looks at the
 * serial again: if that is unchanged, or is what the first try alone would have made
 * it, the same PATCH is sent again, with the same SOA if it had one.  Any other serial,
 * or one of a kind that shows nothing, means CHANGED: after a load the batch is formed
 * again from what is really there.
 *
 * PATCHes for one zone are never sent concurrently, since PowerDNS would duplicate
 * records.
 */
#include "gateway/target/target_powerdns_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/base/log.h"

enum { LOOK_MS = 10000 }; /* how old the zone's settings may be */

/* ---- the end of a delivery ---- */

/* Nothing of the batch was applied, or an earlier try was: the zone is not as
 * believed. */
static void complete_changed(struct powerdns_target *t)
{
	const struct verdict why = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
		"PowerDNS: the zone was changed by somebody else");

	rrset_keep(&t->believed, NULL);
	rrset_keep(&t->op.seen, NULL);
	t->attempt.is_open = false;
	t->is_suspect = false;
	target_operation_end(&t->op, TARGET_CHANGED, &why);
}

/* The batch was applied, and maybe something else too. */
static void complete_suspect(struct powerdns_target *t)
{
	rrset_keep(&t->believed, NULL);
	rrset_keep(&t->mirrored, NULL);
	rrset_keep(&t->op.seen, NULL);
	t->is_suspect = true;
	t->op.maybe_others = true;
	target_operation_succeed(&t->op);
}

/* The batch was applied, and the zone has t->op.seen. */
static void complete_delivered(struct powerdns_target *t, bool is_certain)
{
	target_operation_adopt(t->op.seen, &t->believed, &t->mirrored);
	t->believed_stored = t->serial.stored;
	if (is_certain)
		powerdns_be_certain(t);
	else
		powerdns_look_later(t);
	target_operation_succeed(&t->op);
}

static void complete_rejected(struct powerdns_target *t, enum ede ede, const char *text)
{
	const struct verdict why =
		verdict_refuse(RCODE_REFUSED, ede, "PowerDNS: %s", text);

	t->attempt.is_open = false;
	rrset_keep(&t->op.seen, t->believed); /* the zone is as it was */
	target_operation_end(&t->op, TARGET_REJECTED, &why);
}

/* ---- after the PATCH ---- */

/* Is the SOA that is there now what the PATCH left?  PowerDNS 4.9.12, 5.0.2 and later do
 * not touch the serial if nothing was to be changed. */
static bool is_left_by_us(const struct powerdns_target *t, uint32_t stored)
{
	const struct powerdns_write *write = &t->attempt.write;

	if (t->has_after)
		return stored == t->after;
	if (!write->has_soa && stored == write->before)
		return true;
	return powerdns_serial_fits(t->serial.bump, write, stored) != POWERDNS_FIT_NO;
}

/* t->sent, or the answer to the PATCH, shows what the batch did to the SOA. */
static void on_soa_after(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;
	struct powerdns_zone zone;
	const struct target_failure failure = powerdns_read_zone(t, response, &zone);
	bool is_ours;

	if (!verdict_is_ok(
		    &failure.why)) { /* it was applied, only its serial is unknown */
		complete_suspect(t);
		return;
	}
	is_ours = is_left_by_us(t, zone.stored);
	powerdns_note_settings(t, &zone);
	rrset_keep(&t->op.seen, zone.soa);
	powerdns_zone_clear(&zone);
	if (is_ours)
		complete_delivered(t, true);
	else
		complete_suspect(t);
}

/* The SOA that the zone has now; NULL: it has to be asked for. */
static struct rrset *known_soa(const struct powerdns_target *t)
{
	if (!t->serial.is_served_as_stored)
		return NULL;
	if (t->has_after && !t->sent)
		return soa_with_serial(t->op.seen, t->after);
	if (t->sent && t->serial.bump == POWERDNS_BUMP_NONE)
		return rrset_ref(t->sent);
	return NULL;
}

static void finish_delivery(struct powerdns_target *t)
{
	char name[NAME_TEXT_MAX];
	struct rrset *soa;

	if (t->fit == POWERDNS_FIT_NO) {
		log_warning("zone %s: somebody else changed it in %s at the same time; "
			    "what they did to the same RRsets is lost",
			name_to_text(t->zone, name), t->config->id);
		complete_suspect(t);
		return;
	}
	soa = known_soa(t);
	if (!soa) {
		powerdns_ask(t, POWERDNS_SOA, on_soa_after);
		return;
	}
	rrset_keep(&t->op.seen, soa);
	rrset_unref(soa);
	t->serial.stored = t->serial.served = rrset_serial(soa);
	complete_delivered(t, t->fit == POWERDNS_FIT_YES);
}

static bool read_serial_header(
	const struct http_response *response, const char *name, uint32_t *ret_serial)
{
	char text[16], *end;

	if (!http_response_header(response, name, text, sizeof(text)) || !text[0])
		return false;
	*ret_serial = (uint32_t)strtoul(text, &end, 10);
	return *end == '\0';
}

/* The two headers, see powerdns_serial.h. */
static void note_serials(struct powerdns_target *t, const struct http_response *response)
{
	const struct powerdns_write *write = &t->attempt.write;
	uint32_t before;

	t->has_after = read_serial_header(response, "X-PDNS-New-Serial", &t->after);
	if (!t->has_after)
		t->fit = POWERDNS_FIT_MAYBE;
	else if (read_serial_header(response, "X-PDNS-Old-Serial", &before) &&
		before != t->after)
		t->fit = before == write->before ? POWERDNS_FIT_YES : POWERDNS_FIT_NO;
	else
		t->fit = powerdns_serial_fits(t->serial.bump, write, t->after);
}

/* Does the server refuse the batch itself, so that it would refuse it again? */
bool powerdns_is_rejection(const struct http_response *response)
{
	static const char *const passing[] = {"locked", "transaction", "ectify"};
	char text[POWERDNS_WHY_MAX];

	if (response->error)
		return false;
	if (response->status == 400 || response->status == 413)
		return true; /* not understood, or too large */
	if (response->status != 422)
		return false;
	powerdns_json_read_error(response->body, response->body_len, text);
	for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++)
		if (strstr(text, passing[i]))
			return false;
	return true;
}

static void drop_body(struct powerdns_target *t)
{
	free(t->body);
	t->body = NULL;
}

/* It gives no details, but whatever it is, reading is not what has failed. */
static void fail_to_write(struct powerdns_target *t, const struct http_response *response)
{
	struct target_failure failure = powerdns_explain(response);

	if (failure.trouble == TARGET_FAULTY)
		failure.trouble = TARGET_CANNOT_WRITE;
	target_operation_fail(&t->op, &failure);
}

static void on_patched(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;
	char text[POWERDNS_WHY_MAX];

	drop_body(t);
	if (powerdns_is_rejection(response)) {
		powerdns_json_read_error(response->body, response->body_len, text);
		complete_rejected(t, EDE_OTHER, text);
		return;
	}
	if (!powerdns_is_success(response)) {
		fail_to_write(t, response);
		return;
	}
	t->attempt.is_open = false;
	powerdns_parents_note(t->parents, t->changes);
	note_serials(t, response);
	if (t->must_rectify)
		powerdns_want_rectify(t);
	finish_delivery(t);
}

static const struct rrset *batch_soa(const struct powerdns_target *t)
{
	const struct change *change = changeset_find(t->changes, t->zone, TYPE_SOA);

	return change ? change->after : NULL;
}

/* Puts the SOA to send, if any, into t->sent.  0 or -ENOMEM. */
static int choose_soa(struct powerdns_target *t)
{
	const struct rrset *wanted = batch_soa(t);
	const struct powerdns_write *last = &t->attempt.write;
	uint32_t serial, wanted_serial = 0;

	rrset_keep(&t->sent, NULL);
	if (!wanted && !powerdns_serial_must_send(&t->serial))
		return 0;
	if (wanted)
		wanted_serial = rrset_serial(wanted);
	if (t->attempt.is_open && last->has_soa)
		serial = last->sent; /* again the same */
	else
		serial = powerdns_serial_to_send(
			&t->serial, wanted ? &wanted_serial : NULL);
	t->sent = soa_with_serial(wanted ? wanted : t->op.seen, serial);
	return t->sent ? 0 : -ENOMEM;
}

static void note_attempt(struct powerdns_target *t)
{
	t->is_certain = false;
	t->attempt = (struct powerdns_attempt){.is_open = true,
		.write = {.before = t->serial.stored, .has_soa = t->sent != NULL}};
	if (t->sent)
		t->attempt.write.sent = rrset_serial(t->sent);
}

void powerdns_send_patch(struct powerdns_target *t)
{
	struct http_request request = {.method = "PATCH",
		.answer_max = POWERDNS_ANSWER_MAX,
		.timeout_ms = (long)t->config->timeout_ms *
			(t->upkeep.rectifies_itself ? POWERDNS_SLOW_FACTOR : 1)};
	struct powerdns_patch patch = {.changes = t->changes,
		.apex = t->zone,
		.disabled = t->disabled,
		.spelt = t->spelt,
		.max = t->patch_max,
		.is_lmdb = t->is_lmdb};
	char why[POWERDNS_WHY_MAX];
	int ret = choose_soa(t);

	patch.soa = t->sent;
	drop_body(t); /* of a PATCH that could not be sent */
	if (!ret)
		ret = powerdns_json_write_patch(&patch, &t->body, &request.body_len, why);
	if (ret == -EINVAL) {
		complete_rejected(t, EDE_NOT_SUPPORTED, why);
		return;
	}
	if (ret == -EFBIG) {
		complete_rejected(t, EDE_NOT_SUPPORTED,
			"more than its webserver-max-bodysize takes");
		return;
	}
	if (ret) {
		target_operation_fail_memory(&t->op);
		return;
	}
	t->must_rectify = powerdns_is_rectified_here(t) &&
		powerdns_parents_need_rectify(t->parents, t->changes, t->is_signed);
	note_attempt(t);
	request.body = t->body;
	powerdns_ask_with(t, POWERDNS_ZONE, &request, on_patched);
}

/* SOA-EDIT moves the served serial with the calendar, which alone does not mean a
 * write. */
static bool is_believed(const struct powerdns_target *t)
{
	struct rrset *in_its_time;
	bool is_same;

	if (t->serial.is_served_as_stored || t->serial.stored != t->believed_stored)
		return rrset_has_same_data(t->believed, t->op.seen);
	in_its_time = soa_with_serial(t->believed, rrset_serial(t->op.seen));
	is_same = in_its_time && rrset_has_same_data(in_its_time, t->op.seen);
	rrset_unref(in_its_time);
	return is_same;
}

/* Is the zone as believed, or as the previous try would have left it? */
static bool is_expected(const struct powerdns_target *t)
{
	if (is_believed(t))
		return true;
	return t->is_retry && t->attempt.is_open &&
		powerdns_serial_fits(t->serial.bump, &t->attempt.write,
			t->serial.stored) == POWERDNS_FIT_YES;
}

static void on_soa_before(void *arg, const struct http_response *response)
{
	struct powerdns_target *t = arg;

	if (!powerdns_take_soa(t, response))
		return;
	if (!is_expected(t)) {
		complete_changed(t);
		return;
	}
	powerdns_be_certain(t);
	powerdns_send_patch(t);
}

/* Is it certain that nobody has written but us?  It has to be looked at now and then, as
 * its settings may have changed. */
static bool is_certain(const struct powerdns_target *t)
{
	const int64_t now_ms = turn_monotonic_ms(t->alarms->clock);

	return t->is_certain && now_ms - t->certain_ms <= POWERDNS_CERTAIN_MS &&
		now_ms - t->looked_ms <= LOOK_MS;
}

static void start_delivery(struct powerdns_target *t)
{
	if (t->changes->count == 0) {
		rrset_keep(&t->op.seen, t->believed);
		target_operation_succeed(&t->op);
	} else if (t->is_suspect) {
		complete_changed(t);
	} else if (!t->believed) {
		powerdns_start_load(t); /* for its settings and disabled records */
	} else if (is_certain(t)) {
		rrset_keep(&t->op.seen, t->believed);
		powerdns_send_patch(t);
	} else {
		powerdns_ask(t, POWERDNS_SOA, on_soa_before);
	}
}

void powerdns_deliver(struct target *target, const struct target_batch *batch,
	target_done *done, void *arg)
{
	struct powerdns_target *t = powerdns_of(target);

	target_operation_begin(&t->op, done, arg);
	t->is_delivering = true;
	t->changes = batch->changes;
	t->is_retry = batch->is_retry;
	if (!t->is_retry)
		t->attempt.is_open = false;
	powerdns_begin(t, start_delivery);
}
