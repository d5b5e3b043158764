/*
 * What others do at a server that groups UPDATEs.
 *
 * RFC 2136 3.7 has UPDATEs serialised, and BIND and PowerDNS give each a serial of its
 * own: whoever requires the SOA that he believes in finds out whether anybody else has
 * changed the zone.  Knot applies all that wait in its queue to one version, whose serial
 * moves when the group is complete, or when one of them sets it.  Then the SOA is still
 * as believed after the UPDATE of somebody else in the same group, and ours, which sets
 * it, stands for both.  So with every server that is not known to do better
 *
 *   - each UPDATE requires the RRsets that it changes to be as they were (ddns_guard), so
 *     that of two who change the same, one fails;
 *   - what has been applied is remembered ("sent") until a difference from the server
 *     (IXFR) has shown that nothing else came with it.  Until then the caller's mirror
 *     counts as a copy of the SOA before: a difference takes back what was sent, and then
 *     has whatever the server made of it.
 *
 * The IXFR has a connection of its own: Knot writes answers to UPDATEs and transfers to
 * one connection at the same time.  Several batches share one.
 */
#include "gateway/target/target_ddns_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zones/rebase.h"
#include "zones/update_builder.h"

enum {
	SENT_MAX = 100, /* batches without a look at the server before the whole zone is
	                 * loaded instead */
};

/* ---- which server is it? ---- */

/* Those that give each UPDATE a serial. */
static bool is_exact(const char *version)
{
	return !strncmp(version, "9.", 2) || !strncmp(version, "BIND", 4) ||
		!strncmp(version, "PowerDNS", 8);
}

static void on_version(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;
	char version[DDNS_VERSION_MAX];

	if (result->status == DNS_CLIENT_ANSWERED &&
		ddns_read_version(result->msg, result->m, version) && is_exact(version))
		t->kind = DDNS_SERVER_EXACT;
	dns_client_free(t->asker);
	t->asker = NULL;
}

/* Unsigned: BIND has another view for this, which does not know the key.  If it fails,
 * the server counts as one that groups. */
void ddns_look_at_server(struct ddns_target *t)
{
	uint8_t buf[DDNS_QUERY_MAX];
	const int len = ddns_compose_version_query(buf, sizeof(buf));
	const struct dns_client_request request = {.octets = buf,
		.len = len < 0 ? 0 : (size_t)len,
		.is_repeatable = true,
		.done = on_version,
		.arg = t};

	if (t->kind != DDNS_SERVER_UNKNOWN || len < 0)
		return;
	t->kind = DDNS_SERVER_GROUPING;
	t->asker = dns_client_new(t->config, t->places, NULL, t->env);
	if (t->asker)
		(void)dns_client_ask(t->asker, &request);
}

void ddns_forget_server(struct ddns_target *t)
{
	if (!t->asker)
		t->kind = DDNS_SERVER_UNKNOWN;
}

bool ddns_is_watched(const struct ddns_target *t)
{
	return t->is_exact && t->kind != DDNS_SERVER_EXACT;
}

bool ddns_needs_befores(const struct ddns_target *t, const struct target_batch *batch)
{
	return batch->is_exact && t->kind != DDNS_SERVER_EXACT && !t->is_value_blind;
}

/* ---- what was sent ---- */

static void drop_sent(struct ddns_target *t, struct ddns_sent *sent)
{
	TAILQ_REMOVE(&t->sent, sent, entry);
	t->sent_count--;
	changeset_unref(sent->changes);
	rrset_unref(sent->after);
	free(sent);
}

void ddns_forget_sent(struct ddns_target *t)
{
	struct ddns_sent *sent;

	while ((sent = TAILQ_FIRST(&t->sent)))
		drop_sent(t, sent);
}

/* 0, -ENOMEM or -ENOSPC. */
static int remember(struct ddns_target *t, struct changeset *changes, struct rrset *soa)
{
	struct ddns_sent *sent;

	if (t->sent_count == SENT_MAX)
		return -ENOSPC;
	sent = malloc(sizeof(*sent));
	if (!sent)
		return -ENOMEM;
	*sent = (struct ddns_sent){
		.changes = changeset_ref(changes), .after = rrset_ref(soa)};
	TAILQ_INSERT_TAIL(&t->sent, sent, entry);
	t->sent_count++;
	return 0;
}

static bool is_same_soa(const struct rrset *a, const struct rrset *b)
{
	return a && b && rrset_has_same_data(a, b);
}

bool ddns_note_applied(
	struct ddns_target *t, const struct target_batch *batch, struct rrset *soa)
{
	const bool is_new = !is_same_soa(t->believed, soa);

	if (!batch->is_exact || t->kind == DDNS_SERVER_EXACT) {
		target_operation_adopt(soa, &t->believed, &t->mirrored);
		return false;
	}
	t->guard_failures = 0;
	rrset_keep(&t->believed, soa);
	/* A difference that has been seen already may have it. */
	if (!is_new || !t->mirrored || is_same_soa(t->mirrored, soa))
		return true;
	if (remember(t, batch->changes, soa) < 0)
		ddns_lose_track(t);
	return true;
}

void ddns_lose_track(struct ddns_target *t)
{
	ddns_forget_sent(t);
	rrset_keep(&t->mirrored, NULL);
}

/* Merges what leads from mirrored to soa.  1: nothing of ours does; 0 or -ENOMEM. */
static int collect_sent(
	const struct ddns_target *t, const struct rrset *soa, struct changeset *changes)
{
	const struct ddns_flight *flight;
	const struct ddns_sent *sent;
	int r;

	TAILQ_FOREACH(sent, &t->sent, entry) {
		r = sent->changes ? changeset_merge(changes, sent->changes) : 0;
		if (r || rrset_has_same_data(sent->after, soa))
			return r;
	}
	TAILQ_FOREACH(flight, &t->flights, entry) {
		r = changeset_merge(changes, flight->batch.changes);
		if (r || rrset_has_same_data(flight->after, soa))
			return r;
	}
	return 1;
}

/* ---- is a difference what was sent? ---- */

static bool is_apex_soa(const uint8_t *owner, uint16_t type, const uint8_t *zone)
{
	return type == TYPE_SOA && name_is_equal(owner, zone);
}

/* 0; 1: it has something else; or -ENOMEM. */
static int compare_in(struct zone *scratch, const struct changeset *expected,
	const struct update *difference)
{
	const uint8_t *apex = zone_apex(scratch);
	struct changeset *cs;
	int r = 0;

	for (uint32_t i = 0; i < expected->count && !r; i++) {
		const struct change *change = &expected->changes[i];

		r = zone_put(scratch, change->owner, change->type, change->before);
	}
	if (!r)
		r = rebase_difference(scratch, difference, &cs);
	if (r)
		return r;
	changeset_unref(cs);
	for (uint32_t i = 0; i < expected->count; i++) {
		const struct change *change = &expected->changes[i];
		const struct rrset *now = zone_find(scratch, change->owner, change->type);

		if (is_apex_soa(change->owner, change->type, apex))
			continue;
		if (!now != !change->after ||
			(now &&
				(now->ttl != change->after->ttl ||
					!rrset_has_same_data(now, change->after))))
			return 1;
	}
	return 0;
}

int ddns_compare(const uint8_t *zone, const struct changeset *expected,
	const struct update *difference)
{
	struct zone *scratch;
	int r;

	for (uint16_t i = 0; i < difference->change_count; i++) {
		const struct rr *rr = &difference->changes[i];

		if (!is_apex_soa(rr->owner, rr->type, zone) &&
			!changeset_find(expected, rr->owner, rr->type))
			return 1;
	}
	scratch = zone_new(zone);
	r = scratch ? compare_in(scratch, expected, difference) : -ENOMEM;
	zone_free(scratch);
	return r;
}

/* ---- a difference from what was sent ---- */

struct taking_back {
	struct update_builder builder;
	bool removes; /* first what was added is removed */
	const uint8_t *zone;
};

static bool take_back(bool removed, const struct rr *rr, void *arg)
{
	struct taking_back *back = arg;
	struct rr record = *rr;

	if (removed == back->removes || is_apex_soa(rr->owner, rr->type, back->zone))
		return true;
	record.class = removed ? CLASS_IN : CLASS_NONE;
	if (!removed)
		record.ttl = 0;
	update_builder_add(&back->builder, &record);
	return true;
}

/* First takes back what was sent.  0 or -errno. */
static int start_from_mirrored(const struct ddns_target *t, const struct changeset *sent,
	struct update **difference)
{
	struct taking_back back = {.removes = true, .zone = t->zone};
	struct update *whole;
	int r;

	update_builder_init(&back.builder, t->zone);
	changeset_each_record(sent, take_back, &back);
	back.removes = false;
	changeset_each_record(sent, take_back, &back);
	for (uint16_t i = 0; i < (*difference)->change_count; i++)
		update_builder_add(&back.builder, &(*difference)->changes[i]);
	r = update_builder_finish(&back.builder, &whole);
	if (r)
		return r;
	update_free(*difference);
	*difference = whole;
	return 0;
}

/* An update without changes takes its place.  0 or -ENOMEM. */
static int empty(const struct ddns_target *t, struct update **difference)
{
	struct update_builder builder;
	struct update *none;
	int r;

	update_builder_init(&builder, t->zone);
	r = update_builder_finish(&builder, &none);
	if (r)
		return r;
	update_free(*difference);
	*difference = none;
	return 0;
}

int ddns_add_sent(
	const struct ddns_target *t, const struct rrset *soa, struct update **difference)
{
	struct changeset *changes = changeset_new();
	const struct ddns_sent *sent;
	int r = changes ? 0 : -ENOMEM;

	TAILQ_FOREACH(sent, &t->sent, entry) {
		if (!r && sent->changes)
			r = changeset_merge(changes, sent->changes);
	}
	if (!r && is_same_soa(t->believed, soa) &&
		!ddns_compare(t->zone, changes, *difference))
		r = empty(t, difference);
	else if (!r)
		r = start_from_mirrored(t, changes, difference);
	changeset_unref(changes);
	return r;
}

/* ---- looking ---- */

static void end_check(struct ddns_target *t, bool is_as_expected)
{
	const struct verdict why = is_as_expected
		? verdict_ok()
		: verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
			  "the zone at %s was changed by somebody else, too",
			  dns_places_text(t->places));

	target_operation_end(
		&t->check, is_as_expected ? TARGET_DONE : TARGET_CHANGED, &why);
}

/* Everything up to this SOA has been seen. */
static void note_seen(struct ddns_target *t, struct rrset *soa)
{
	struct ddns_sent *sent;
	bool is_last = false;

	rrset_keep(&t->mirrored, soa);
	while (!is_last && (sent = TAILQ_FIRST(&t->sent))) {
		is_last = rrset_has_same_data(sent->after, soa);
		drop_sent(t, sent);
	}
}

static void judge_difference(struct ddns_target *t, const struct ddns_transferred *got)
{
	struct changeset *expected = changeset_new();
	int r = expected ? collect_sent(t, got->soa, expected) : -ENOMEM;

	if (!r)
		r = ddns_compare(t->zone, expected, got->difference);
	changeset_unref(expected);
	if (!r)
		note_seen(t, got->soa);
	if (r < 0)
		target_operation_fail_memory(&t->check);
	else
		end_check(t, !r);
}

static enum dns_client_next on_look_message(
	void *arg, const uint8_t *msg, const struct wire_message *m)
{
	struct ddns_target *t = arg;
	const enum ddns_transfer_state state = ddns_transfer_read(t->look, msg, m);

	/* The whole zone is for a load. */
	return state == DDNS_TRANSFER_WHOLE ? DNS_CLIENT_STOP : ddns_transfer_next(state);
}

static void on_look(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;
	const struct target_failure failure =
		ddns_transfer_judge(t->look, result, dns_places_text(t->places), "");
	struct ddns_transferred got;

	if (ddns_transfer_needs_whole(t->look, result) ||
		ddns_transfer_is_whole(t->look)) {
		end_check(t, false);
	} else if (!verdict_is_ok(&failure.why)) {
		target_operation_fail(&t->check, &failure);
	} else if (ddns_transfer_take(t->look, &got) < 0) {
		target_operation_fail_memory(&t->check);
	} else {
		judge_difference(t, &got);
		rrset_unref(got.soa);
		update_free(got.difference);
	}
	ddns_transfer_free(t->look);
	t->look = NULL;
}

static void look(struct ddns_target *t)
{
	uint8_t buf[DDNS_QUERY_MAX];
	const int len = ddns_compose_query(
		buf, sizeof(buf), t->zone, TYPE_IXFR, t->mirrored, false);
	struct dns_client_request request = {.octets = buf,
		.is_repeatable = true,
		.message = on_look_message,
		.done = on_look,
		.arg = t};

	if (!t->watcher)
		t->watcher = dns_client_new(
			t->config, t->places, t->config->transfer_key, t->env);
	t->look = ddns_transfer_new(t->zone, t->mirrored, t->is_signed, &t->env->seed);
	request.len = len < 0 ? 0 : (size_t)len;
	if (len < 0 || !t->watcher || !t->look ||
		dns_client_ask(t->watcher, &request) < 0) {
		ddns_transfer_free(t->look);
		t->look = NULL;
		target_operation_fail_memory(&t->check);
	}
}

void ddns_check(struct target *target, target_done *done, void *arg)
{
	struct ddns_target *t = ddns_of(target);

	target_operation_begin(&t->check, done, arg);
	if (!t->mirrored || !t->believed)
		end_check(t, false);
	else if (is_same_soa(t->mirrored, t->believed))
		end_check(t, true);
	else if (t->kind == DDNS_SERVER_EXACT && TAILQ_EMPTY(&t->sent))
		end_check(t, false);
	else
		look(t);
}
