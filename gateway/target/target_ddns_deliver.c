/*
 * Deliveries of the ddns target: one UPDATE for each batch, and what its answer means.
 *
 * If the outcome of an UPDATE is unknown, the serial is checked first, and then, since
 * somebody else may have used the same serial, an UPDATE with prerequisites only: is
 * everything there that should be?
 *
 * Rcodes do not distinguish a batch that the server will never accept from a server
 * that accepts nothing at the moment: BIND answers SERVFAIL for a full disk, but also
 * for an RRset of more than max-records-per-type.  The batch must be set aside in one
 * case and repeated in the other, so another UPDATE is sent for comparison:
 *
 *   REFUSED and its like   the SOA that the zone has, which changes nothing: accepted
 *                          wherever updates with a SOA are.  If it is not, the batch is
 *                          sent without a SOA (typical grants name the types that
 *                          clients need), and if that is refused, too, prerequisites
 *                          only: accepted wherever updates are
 *   SERVFAIL, repeatedly   a new serial only ("trial"): a server that can write does it.
 *                          Then the batch has one more try, since the server's trouble
 *                          may have passed in between.  If it fails again, the server
 *                          has to write a few more serials, for which as much room is
 *                          needed as for a usual change.
 *   FORMERR or SERVFAIL    the same: servers do not sign answers to what they cannot
 *                          read.
 *   without TSIG
 *
 * NOTAUTH with BADKEY counts as REFUSED if the key is good for another UPDATE: Knot
 * answers so what its ACL forbids.
 *
 * A server that does not let the key change the SOA counts its serial itself (RFC 2136
 * 3.6), and is asked for it after each batch.  Any serial but the next may be the work of
 * others, too.  From time to time, and after each failure, a SOA is tried again.
 *
 * Limits: a server with room for a few serials, but not for the batch, counts as one that
 * will never accept the batch.  A successful trial moves the serial forward.  Where it
 * must not be moved there is no trial, and what gets SERVFAIL is repeated until the
 * server has written something else.
 */
#include "gateway/target/target_ddns_private.h"

#include <errno.h>
#include <stdlib.h>
#include "gateway/base/log.h"

enum {
	SERVFAIL_TRIES = 3,  /* of a batch; the trial comes before the last one */
	SERVFAIL_PROOFS = 3, /* serials written after it */
	/* between tries: a client may be waiting for all of them */
	SERVFAIL_PAUSE_MS = 50,
	/* after this a server that has denied it is sent a SOA again: one refused UPDATE
	 * then, one query less for each batch if it was granted */
	SOA_DENIED_S = 3600,
};

/* For an UPDATE without changes of its own. */
static const struct changeset no_changes = {.refs = 1};

static void send_next(struct ddns_target *t);
static void send_trial(struct ddns_target *t);

/* ---- the end of a delivery ---- */

/* Nothing of the batch was applied, and the zone is not as we believed. */
static void complete_changed(struct ddns_target *t)
{
	struct verdict why;

	if (t->believed && t->op.seen)
		why = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
			"the zone at %s has serial %u, not %u",
			dns_places_text(t->places), rrset_serial(t->op.seen),
			rrset_serial(t->believed));
	else
		why = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
			"the zone at %s was changed by somebody else",
			dns_places_text(t->places));
	rrset_keep(&t->believed, NULL);
	rrset_keep(&t->intended, NULL);
	target_operation_end(&t->op, TARGET_CHANGED, &why);
}

/* An RRset is not as it was before the changes, with the SOA that we believe in: only the
 * whole zone shows what is.  If it happens again with that, the server compares in a
 * way of its own. */
static void complete_unlike(struct ddns_target *t)
{
	ddns_lose_track(t);
	t->is_value_blind = ++t->guard_failures > 1;
	rrset_keep(&t->believed, NULL);
	complete_changed(t);
}

/* An UPDATE of ours, with these changes or (NULL) none, has given the zone this SOA. */
static void adopt_soa(struct ddns_target *t, struct rrset *soa, struct changeset *changes)
{
	const struct target_batch batch = {.changes = changes, .is_exact = t->is_exact};

	rrset_keep(&t->op.seen, soa);
	t->op.maybe_others |= ddns_note_applied(t, &batch, soa);
	rrset_keep(&t->intended, NULL);
}

static void complete_delivered(struct ddns_target *t, struct rrset *soa)
{
	adopt_soa(t, soa, t->changes);
	target_operation_succeed(&t->op);
}

/* The server has counted the serial to what t->op.seen says.  The next one is ours alone;
 * with the same one nothing had to be done.  Any other may be the clock's, or stand for
 * changes of others, too: the caller's mirror is still one of the SOA before. */
static void complete_counted(struct ddns_target *t)
{
	const uint32_t before = rrset_serial(t->believed);
	const uint32_t now = rrset_serial(t->op.seen);

	t->has_written |= now != before;
	if (now == before || now == serial_next(before) || ddns_is_watched(t)) {
		complete_delivered(t, t->op.seen);
		return;
	}
	rrset_keep(&t->believed, t->op.seen);
	rrset_keep(&t->op.seen, NULL);
	t->op.maybe_others = true;
	target_operation_succeed(&t->op);
}

/* The batch was applied, and the SOA is not known. */
static void complete_unknown(struct ddns_target *t)
{
	if (ddns_is_watched(t))
		ddns_lose_track(t);
	rrset_keep(&t->believed, NULL);
	rrset_keep(&t->op.seen, NULL);
	t->op.maybe_others = true;
	target_operation_succeed(&t->op);
}

static void complete_rejected(struct ddns_target *t)
{
	if (!t->op.seen) /* the zone is unchanged */
		rrset_keep(&t->op.seen, t->believed);
	rrset_keep(&t->intended, NULL);
	target_operation_end(&t->op, TARGET_REJECTED, &t->refusal);
}

static void complete_too_large(struct ddns_target *t)
{
	const struct verdict why = verdict_refuse(RCODE_REFUSED, EDE_NOT_SUPPORTED,
		"too large for one UPDATE (%u RRsets)", t->changes->count);

	target_operation_end(&t->op, TARGET_REJECTED, &why);
}

/* ---- sending ---- */

/* From believed to soa (NULL: whatever the server makes of it), all or nothing; a check
 * has only the prerequisites of what is at soa.  0 or -errno: -ENOSPC if it does not
 * fit. */
static int send_changes(struct ddns_target *t, const struct rrset *soa,
	const struct changeset *changes, bool is_check, dns_client_done *done)
{
	const struct target_batch batch = {.is_exact = t->is_exact};
	struct ddns_guard guard = {
		.soa = is_check ? soa : t->believed,
		.has_befores = changes == t->changes && !is_check &&
			ddns_needs_befores(t, &batch),
	};
	const size_t cap = dns_client_request_max(t->client);
	uint8_t *buf = malloc(cap);
	int len;

	if (!buf)
		return -ENOMEM;
	if (t->is_soa_blind)
		guard.soa = NULL;
	len = is_check ? ddns_compose_check(buf, cap, t->zone, guard.soa, changes)
		       : ddns_compose_update(buf, cap, t->zone, &guard, soa, changes);
	if (len == -ENOSPC && guard.has_befores) {
		guard.has_befores = false;
		len = ddns_compose_update(buf, cap, t->zone, &guard, soa, changes);
	}
	t->was_guarded = guard.has_befores;
	if (len >= 0)
		ddns_ask(t, buf, len, is_check, done);
	free(buf);
	return len < 0 ? len : 0;
}

/* ---- has it been applied already? ---- */

static void on_check(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;

	if (result->status != DNS_CLIENT_ANSWERED)
		target_operation_fail(&t->op, &result->failure);
	else if (ddns_read_rcode(result->msg, result->m) != RCODE_NOERROR)
		complete_changed(t);
	else if (t->lacks_soa)
		complete_counted(t);
	else
		complete_delivered(t, t->op.seen);
}

/* The zone has the serial that the batch was to give it.  Does it have the content,
 * too? */
static void check_applied(struct ddns_target *t)
{
	const int r = send_changes(t, t->op.seen, t->changes, true, on_check);

	if (r == -ENOSPC)
		complete_changed(t);
	else if (r < 0)
		target_operation_fail_memory(&t->op);
}

static bool is_perhaps_applied(const struct ddns_target *t)
{
	if (!t->is_uncertain)
		return false;
	if (t->lacks_soa)
		return t->believed &&
			rrset_serial(t->op.seen) != rrset_serial(t->believed);
	return t->intended && rrset_serial(t->op.seen) == rrset_serial(t->intended);
}

/* Called before the first UPDATE to this server, and after one without an answer. */
static void on_soa_before(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;

	if (!ddns_take_soa(t, result))
		return;
	if (is_perhaps_applied(t)) {
		check_applied(t);
		return;
	}
	if (!t->believed)
		rrset_keep(&t->believed, t->op.seen);
	if (rrset_has_same_data(t->believed, t->op.seen))
		send_next(t);
	else
		complete_changed(t);
}

/*
 * Called after an UPDATE whose prerequisite, the believed SOA, did not hold.
 *
 * PowerDNS (4.7) compares text, and writes a SOA from an UPDATE differently than one in
 * a prerequisite, so it may deny having the SOA that it has.  With such a server we
 * query the SOA ourselves right before each UPDATE.
 */
static void on_soa_after(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;

	if (!ddns_take_soa(t, result))
		return;
	if (is_perhaps_applied(t)) { /* meanwhile the earlier try got through */
		check_applied(t);
		return;
	}
	if (t->is_soa_blind || !rrset_has_same_data(t->believed, t->op.seen)) {
		complete_changed(t);
		return;
	}
	if (t->was_guarded) {
		complete_unlike(t);
		return;
	}
	t->is_soa_blind = true;
	send_next(t);
}

/* Sends the next UPDATE, after querying the SOA if the server needs that. */
static void go_on(struct ddns_target *t)
{
	if (t->believed && !t->is_soa_blind)
		send_next(t);
	else
		ddns_ask_query(t, TYPE_SOA, NULL, NULL, on_soa_before);
}

/* ---- the batch ---- */

static void on_update(void *arg, const struct dns_client_result *result);

/* Does it change the SOA itself, so that it cannot do without one? */
static bool changes_soa(const struct ddns_target *t)
{
	struct rrset *next = ddns_intended_soa(t->believed, &no_changes, t->zone);
	struct rrset *intended = ddns_intended_soa(t->believed, t->changes, t->zone);
	const bool does = !next || !intended || !rrset_is_identical(next, intended);

	rrset_unref(next);
	rrset_unref(intended);
	return does;
}

static void send_batch(struct ddns_target *t, bool with_soa)
{
	struct rrset *soa =
		with_soa ? ddns_intended_soa(t->believed, t->changes, t->zone) : NULL;
	const int r = with_soa && !soa
		? -ENOMEM
		: send_changes(t, soa, t->changes, false, on_update);

	if (r == -ENOSPC)
		complete_too_large(t);
	else if (r < 0)
		target_operation_fail_memory(&t->op);
	t->lacks_soa = !with_soa;
	rrset_keep(&t->intended, soa);
	rrset_unref(soa);
}

/* ---- is the batch to blame, or the server? ---- */

/* Does it say that a prerequisite of ours does not hold? */
static bool is_prerequisite(const struct ddns_target *t, uint16_t rcode)
{
	return rcode == RCODE_NXRRSET ||
		(t->was_guarded && (rcode == RCODE_YXRRSET || rcode == RCODE_YXDOMAIN));
}

/* Signed by the key or not (DNS_CLIENT_DENIED), it does not say what it refuses. */
static bool is_refusal(const struct dns_client_result *result)
{
	uint16_t rcode;

	if (result->status != DNS_CLIENT_ANSWERED)
		return result->status == DNS_CLIENT_DENIED;
	rcode = ddns_read_rcode(result->msg, result->m);
	return rcode == RCODE_REFUSED || rcode == RCODE_NOTAUTH || rcode == RCODE_NOTZONE;
}

static void note_refusal(struct ddns_target *t, const struct dns_client_result *result)
{
	char text[DDNS_RCODE_TEXT_MAX];

	if (result->status == DNS_CLIENT_DENIED)
		t->refusal = verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
			"target does not allow it: it answers as if it did not know the "
			"key, which it accepts for other updates");
	else
		t->refusal = verdict_refuse(
			(enum rcode)ddns_read_rcode(result->msg, result->m), EDE_OTHER,
			"target says %s",
			ddns_rcode_to_text(result->msg, result->m, text));
}

static void note_soa_denied(struct ddns_target *t)
{
	char name[NAME_TEXT_MAX];

	if (!t->soa_denied_s)
		log_info("zone %s: %s does not let the key change the SOA, so it counts "
			 "the serial itself",
			name_to_text(t->zone, name), t->config->id);
	t->is_soa_denied = true;
	t->soa_denied_s = t->env->real_time();
}

/* A refusal is about the batch only if the server accepts other updates: if a zone is
 * frozen or a key no longer known, it refuses every update for a while. */
static void on_bare_update(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;
	uint16_t rcode;

	if (result->status != DNS_CLIENT_ANSWERED) {
		target_operation_fail(&t->op, &result->failure);
		return;
	}
	rcode = ddns_read_rcode(result->msg, result->m);
	if (rcode != RCODE_NOERROR && rcode != RCODE_NXRRSET) {
		ddns_fail_refused(t, rcode);
		return;
	}
	if (t->lacks_soa)
		note_soa_denied(t);
	complete_rejected(t);
}

static void send_bare_update(struct ddns_target *t)
{
	if (send_changes(t, t->believed, &no_changes, true, on_bare_update) < 0)
		target_operation_fail_memory(&t->op);
}

static void on_same_soa(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;
	uint16_t rcode = RCODE_NOERROR;

	if (result->status == DNS_CLIENT_ANSWERED)
		rcode = ddns_read_rcode(result->msg, result->m);
	if (is_refusal(result) && changes_soa(t))
		send_bare_update(t);
	else if (is_refusal(result))
		send_batch(t, false);
	else if (result->status != DNS_CLIENT_ANSWERED)
		target_operation_fail(&t->op, &result->failure);
	else if (rcode == RCODE_NXRRSET) /* perhaps before anybody looked at grants */
		ddns_ask_query(t, TYPE_SOA, NULL, NULL, on_soa_after);
	else if (rcode == RCODE_NOERROR)
		complete_rejected(t);
	else
		ddns_fail_refused(t, rcode);
}

static void handle_refusal(struct ddns_target *t, const struct dns_client_result *result)
{
	note_refusal(t, result);
	if (!is_refusal(result))
		complete_rejected(t);
	else if (t->lacks_soa)
		send_bare_update(t);
	else if (send_changes(t, t->believed, &no_changes, false, on_same_soa) < 0)
		target_operation_fail_memory(&t->op);
}

/* "If any system failure (such as an out of memory condition, or a hardware error)
 * occurs", nothing of the update is done and the answer is SERVFAIL (3.4.2.1).  So it
 * can be sent again; but a server that only forwards updates (6) also answers so if it
 * got no answer. */
static void handle_servfail(struct ddns_target *t)
{
	t->servfails++;
	t->is_uncertain = true;
	if (t->trial && t->servfails >= SERVFAIL_TRIES) {
		send_trial(t);
		return;
	}
	alarm_set_in(&t->pause, SERVFAIL_PAUSE_MS);
}

void ddns_on_pause(void *arg)
{
	go_on(arg);
}

static void on_trial(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;
	struct target_failure failure = result->failure;
	uint16_t rcode;

	if (result->status != DNS_CLIENT_ANSWERED) {
		target_operation_fail(&t->op, &failure);
		return;
	}
	rcode = ddns_read_rcode(result->msg, result->m);
	if (rcode == RCODE_NOERROR) {
		adopt_soa(t, t->trial, NULL);
		t->is_uncertain = false; /* the zone was still as believed */
		if (t->servfails < SERVFAIL_TRIES)
			go_on(t);
		else if (++t->proofs < SERVFAIL_PROOFS)
			send_trial(t);
		else
			complete_rejected(t);
		return;
	}
	rrset_keep(&t->trial, NULL);
	if (rcode == RCODE_NXRRSET) {
		ddns_ask_query(t, TYPE_SOA, NULL, NULL, on_soa_after);
		return;
	}
	failure = ddns_explain_rcode(t, result, "an UPDATE of nothing but the serial");
	/* Its queries are answered, or there would be no SOA to begin from. */
	if (rcode == RCODE_SERVFAIL)
		failure.trouble = TARGET_CANNOT_WRITE;
	target_operation_fail(&t->op, &failure);
}

/* Where the SOA must not be moved there is no trial: that the server writes something
 * else, but not this, has to do. */
static void doubt_batch(struct ddns_target *t)
{
	const struct target_failure failure = {TARGET_CANNOT_WRITE, t->refusal};

	if (t->has_written && t->seq <= t->doubted) {
		complete_rejected(t);
		return;
	}
	t->doubted = t->seq;
	t->has_written = false;
	t->op.is_doubtful = true;
	target_operation_fail(&t->op, &failure);
}

/* It needs the same durable write as the batch, but gives no reason to refuse it. */
static void send_trial(struct ddns_target *t)
{
	struct rrset *soa;

	if (t->is_soa_denied && t->refusal.rcode == RCODE_SERVFAIL) {
		doubt_batch(t);
		return;
	}
	if (t->is_soa_denied) { /* it cannot read the batch, whatever it can write */
		send_bare_update(t);
		return;
	}
	soa = ddns_intended_soa(t->believed, &no_changes, t->zone);
	if (soa && send_changes(t, soa, &no_changes, false, on_trial) == 0)
		rrset_keep(&t->trial, soa);
	else
		target_operation_fail_memory(&t->op);
	rrset_unref(soa);
}

/* ---- what came of the batch ---- */

static void on_counted(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;
	const struct target_failure failure = ddns_judge_soa(t, result);

	if (verdict_is_ok(&failure.why))
		complete_counted(t);
	else
		complete_unknown(t);
}

static void handle_applied(struct ddns_target *t)
{
	if (!t->lacks_soa) {
		complete_delivered(t, t->intended);
		return;
	}
	ddns_ask_query(t, TYPE_SOA, NULL, NULL, on_counted);
}

static void handle_update_answer(
	struct ddns_target *t, const struct dns_client_result *result)
{
	const uint16_t rcode = ddns_read_rcode(result->msg, result->m);
	struct target_failure failure;

	if (t->lacks_soa && !t->is_soa_denied && !is_refusal(result) &&
		!is_prerequisite(t, rcode))
		note_soa_denied(t);
	if (is_prerequisite(t, rcode)) {
		ddns_ask_query(t, TYPE_SOA, NULL, NULL, on_soa_after);
		return;
	}
	switch (rcode) {
	case RCODE_NOERROR:
		handle_applied(t);
		return;
	case RCODE_SERVFAIL:
		note_refusal(t, result);
		handle_servfail(t);
		return;
	case RCODE_NOTIMP:
	case RCODE_BADVERS:
		failure = ddns_explain_rcode(t, result, "an UPDATE");
		target_operation_fail(&t->op, &failure);
		return;
	default:
		handle_refusal(t, result);
	}
}

static void on_update(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;

	switch (result->status) {
	case DNS_CLIENT_ANSWERED:
		handle_update_answer(t, result);
		return;
	case DNS_CLIENT_DENIED:
		handle_refusal(t, result);
		return;
	case DNS_CLIENT_UNPROVEN:
		/* A server will never accept what it cannot read; but only a signed
		 * answer to the trial proves that the server itself says so. */
		t->refusal = verdict_refuse(
			RCODE_REFUSED, EDE_NOT_SUPPORTED, "%s", result->failure.why.why);
		handle_servfail(t);
		return;
	case DNS_CLIENT_LOST:
		if (t->was_lost)
			break;
		t->was_lost = true;
		t->is_uncertain = true;
		ddns_ask_query(t, TYPE_SOA, NULL, NULL, on_soa_before);
		return;
	case DNS_CLIENT_FAILED:
		break;
	}
	target_operation_fail(&t->op, &result->failure);
}

static void send_next(struct ddns_target *t)
{
	if (t->servfails == SERVFAIL_TRIES - 1 && !t->trial)
		send_trial(t);
	else
		send_batch(t, !t->is_soa_denied || changes_soa(t));
}

/* Grants may have been extended. */
static void forget_soa_denied(struct ddns_target *t, bool has_failed)
{
	if (has_failed || t->env->real_time() - t->soa_denied_s >= SOA_DENIED_S)
		t->is_soa_denied = false;
}

static void begin(struct ddns_target *t, const struct target_batch *batch,
	target_done *done, void *arg)
{
	target_operation_begin(&t->op, done, arg);
	t->changes = batch->changes;
	t->is_exact = batch->is_exact;
	t->seq = batch->seq;
	t->is_uncertain = batch->is_retry;
	t->was_lost = false;
	t->servfails = 0;
	t->proofs = 0;
	rrset_keep(&t->trial, NULL);
}

void ddns_deliver_alone(struct ddns_target *t, const struct target_batch *batch,
	target_done *done, void *arg)
{
	begin(t, batch, done, arg);
	if (t->is_soa_denied)
		forget_soa_denied(t, batch->is_retry);
	if (!ddns_has_differences(t->changes, t->zone)) {
		rrset_keep(&t->op.seen, t->believed);
		target_operation_succeed(&t->op);
		return;
	}
	if (t->is_uncertain)
		ddns_ask_query(t, TYPE_SOA, NULL, NULL, on_soa_before);
	else
		go_on(t);
}

void ddns_deal_with(struct ddns_target *t, const struct ddns_flight *flight,
	const struct dns_client_result *result)
{
	begin(t, &flight->batch, flight->done, flight->arg);
	t->lacks_soa = false;
	t->was_guarded = flight->has_befores;
	rrset_keep(&t->intended, flight->after);
	on_update(t, result);
}
