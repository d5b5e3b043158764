/*
 * Judges what is loaded from the primary target, and puts back what it has lost
 * (restored.h).
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"
#include "zones/update_builder.h"

/* ---- what is said of it ---- */

__attribute__((format(printf, 3, 4))) static void say(
	struct served_zone *zone, const char *event, const char *format, ...)
{
	struct verdict why = verdict_ok();
	va_list args;

	va_start(args, format);
	vsnprintf(why.why, sizeof(why.why), format, args);
	va_end(args);
	log_warning("zone %s: %s: %s", zone->content.text,
		delivery_id(content_primary(&zone->content)), why.why);
	leases_note(&zone->leases, event, NULL, NULL, &why);
}

/* ---- is it plausible? ---- */

static bool is_implausible(const struct served_zone *zone, size_t lost, size_t all)
{
	const struct lease_expiry *limits = &zone->content.rules->expiry;

	return limits->brake_count && lost >= limits->brake_count &&
		(uint64_t)lost * 100 >= (uint64_t)limits->brake_percent * all;
}

bool restored_is_doubtful(const struct served_zone *zone, const struct update *difference)
{
	size_t removed = 0;

	for (uint16_t i = 0; i < difference->change_count; i++)
		removed += difference->changes[i].class == CLASS_NONE;
	return zone->content.mirror &&
		is_implausible(zone, removed, zone_count_records(zone->content.mirror));
}

/* Without a mirror there are numbers: of records when the cursor was stored, and of
 * leases. */
static void count_lost_without_mirror(struct served_zone *zone, const struct zone *taking)
{
	struct restored *r = &zone->restored;
	const struct lease_table *leases = zone->content.leases;
	const struct store_belief *belief =
		delivery_belief(content_primary(&zone->content));
	const size_t have = zone_count_records(taking) + r->plan.back;
	const size_t bare = r->plan.back ? 0 : owed_count_bare_leases(leases, taking);

	r->all = belief->is_known ? belief->records : 0;
	r->lost = r->all > have ? r->all - have : 0;
	if (is_implausible(zone, r->lost, r->all) ||
		!is_implausible(zone, bare, lease_table_count(leases)))
		return;
	r->lost = bare;
	r->all = lease_table_count(leases);
}

/* ---- a person's word ---- */

static void wait_for_word(struct served_zone *zone)
{
	struct restored *r = &zone->restored;
	struct content *content = &zone->content;
	const bool is_news = !r->refused;

	snprintf(r->why, sizeof(r->why),
		"it lacks %zu of %zu %s for which nothing else vouches; nothing is taken "
		"or sent until a person decides: see musterctl sync",
		r->lost, r->all, content->mirror ? "records" : "records or leases");
	rrset_keep(&r->refused, zone_soa(content->taking.zone));
	if (!content->mirror)
		content->not_ready = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
			"the zone is not loaded: its primary target lacks too much, and "
			"a person has to decide");
	if (!is_news)
		return;
	r->waits++;
	say(zone, "asked", "%s", r->why);
}

static void end_waiting(struct served_zone *zone)
{
	rrset_keep(&zone->restored.refused, NULL);
	zone->restored.why[0] = '\0';
}

bool restored_is_refused(const struct served_zone *zone, const struct rrset *soa)
{
	const struct rrset *refused = zone->restored.refused;

	return refused && soa && rrset_has_same_data(refused, soa);
}

int restored_decide(struct served_zone *zone, bool take, const struct verdict *why)
{
	struct restored *r = &zone->restored;
	struct delivery *primary = content_primary(&zone->content);

	if (zone->content.is_closing || zone->served->thread->is_broken ||
		zone->served->thread->is_over)
		return -EAGAIN;
	if (!r->refused)
		return -EALREADY;
	r->word = take ? RESTORED_TAKE : RESTORED_FILL;
	leases_note(&zone->leases, take ? "taken" : "filled", NULL, NULL, why);
	delivery_want_whole(primary);
	(void)delivery_retry(primary);
	return 0;
}

/* ---- putting back ---- */

static void on_failed(struct edit *edit)
{
	/* It is missing again. */
	delivery_want_whole(content_primary(edit->content));
}

static const struct edit_ops put_back_ops = {.failed = on_failed};

/* Takes over the update.  0 or -ENOMEM. */
static int put_back(
	struct served_zone *zone, struct update *update, const struct verdict *why)
{
	struct content *content = &zone->content;
	struct edit *edit = edit_begin(content, EDIT_PUT_BACK, &put_back_ops, zone);
	struct verdict v;

	if (!edit) {
		update_free(update);
		return -ENOMEM;
	}
	edit->update = update;
	v = edit_apply(edit, update);
	if (!verdict_is_ok(&v) ||
		lease_follow(content->leases, content->mirror, edit->step) ||
		edit_keep(edit)) {
		edit_abort(edit);
		return -ENOMEM;
	}
	if (edit_is_empty(edit))
		edit_discard(edit);
	else
		edit_commit(edit, why, NULL);
	return 0;
}

/* The serial moves beyond the one that is known, before anything else does.  0 or
 * -ENOMEM. */
static int lift_serial(struct served_zone *zone, const struct verdict *why)
{
	const struct content *content = &zone->content;
	const uint32_t known = delivery_belief(content_primary(content))->serial;
	struct rrset *now = zone_soa(content->mirror), *soa;
	struct rr rr = {.owner = content->name, .type = TYPE_SOA, .class = CLASS_IN};
	struct update_builder builder;
	struct update *update;
	size_t at = 0;
	int r;

	if (serial_is_newer(rrset_serial(now), known))
		return 0;
	soa = soa_with_serial(now, serial_next(known));
	if (!soa)
		return -ENOMEM;
	rr.ttl = soa->ttl;
	rr.rdata = rrset_next(soa, &at, &rr.rdata_len);
	update_builder_init(&builder, content->name);
	update_builder_add(&builder, &rr);
	r = update_builder_finish(&builder, &update);
	rrset_unref(soa);
	return r ? r : put_back(zone, update, why);
}

/* 0 or -ENOMEM: some of it may have been put back. */
static int carry_out(struct served_zone *zone)
{
	struct restored *r = &zone->restored;
	struct verdict why = verdict_ok();
	int result = 0;

	snprintf(why.why, sizeof(why.why), "put back: %s",
		r->word == RESTORED_FILL ? "a person said so"
					 : "the primary target had gone back to an older "
					   "state");
	if (r->is_older)
		result = lift_serial(zone, &why);
	for (size_t i = 0; !result && i < r->plan.count; i++) {
		struct update *update = r->plan.updates[i];

		r->plan.updates[i] = NULL;
		result = put_back(zone, update, &why);
	}
	return result;
}

static void say_what_was_done(struct served_zone *zone)
{
	const struct restored *r = &zone->restored;
	const uint32_t known = delivery_belief(content_primary(&zone->content))->serial;
	char older[64] = "";

	if (!r->is_older && r->word == RESTORED_NO_WORD)
		return;
	if (r->is_older)
		snprintf(older, sizeof(older), "it has gone back from serial %u to %u; ",
			known, r->serial);
	if (r->word == RESTORED_TAKE)
		say(zone, "restored", "%swhat it has is taken", older);
	else
		say(zone, "restored",
			"%s%zu %s put back, %zu deleted again, %zu of %zu lost", older,
			r->plan.back, PLURAL(r->plan.back, "record"), r->plan.deleted,
			r->lost, r->all);
}

/* ---- a whole zone ---- */

static void forget_taking(struct restored *r)
{
	owed_plan_clear(&r->plan);
	if (r->has_provenance)
		provenance_clear(&r->provenance);
	r->has_provenance = false;
	changeset_unref(r->said);
	r->said = NULL;
}

/* At the gate.  Is the zone, with what is pending, what it should be? */
static int judge(const struct zone *taking, void *arg)
{
	struct served_zone *zone = arg;
	struct restored *r = &zone->restored;
	const struct zone *mirror = zone->content.mirror;
	const struct owed_evidence evidence = {
		.found = taking,
		.mirror = mirror,
		.is_mirror_vouched = r->word == RESTORED_FILL,
		.provenance = r->has_provenance ? &r->provenance : NULL,
		.said = r->said,
		.leases = r->has_provenance || r->said ? zone->content.leases : NULL,
	};

	r->lost = r->all = 0;
	if (r->word == RESTORED_TAKE)
		return 0;
	if (owed_plan_make(&r->plan, &evidence))
		return -ENOMEM;
	if (mirror) {
		r->lost = r->plan.lost;
		r->all = zone_count_records(mirror);
	} else {
		count_lost_without_mirror(zone, taking);
	}
	if (r->word != RESTORED_NO_WORD || !is_implausible(zone, r->lost, r->all))
		return 0;
	wait_for_word(zone);
	return -ECANCELED;
}

static void put_off(struct served_zone *zone, int result)
{
	delivery_put_off(content_primary(&zone->content),
		result == -ENOMEM ? TARGET_OUR_MEMORY : TARGET_OUR_DATABASE,
		result == -ENOMEM ? "out of memory" : "the journal cannot be read");
}

static void on_taken(int result, void *arg)
{
	struct served_zone *zone = arg;
	struct restored *r = &zone->restored;
	struct delivery *primary = content_primary(&zone->content);

	if (!result && carry_out(zone))
		delivery_want_whole(primary);
	if (!result) {
		say_what_was_done(zone);
		if (!r->is_older)
			delivery_believe(primary, r->serial,
				zone_count_records(zone->content.mirror));
		end_waiting(zone);
		r->word = RESTORED_NO_WORD;
	} else if (result == -ECANCELED) {
		delivery_wait_for_word(primary, r->why);
	} else {
		put_off(zone, result);
	}
	forget_taking(r);
	r->taken(zone, result);
}

static void take(struct served_zone *zone)
{
	struct zone *found = zone->restored.found;

	zone->restored.found = NULL;
	content_take_zone(&zone->content, found,
		&(struct content_take){.judge = judge, .taken = on_taken, .arg = zone});
}

static void give_up(struct served_zone *zone, int result)
{
	zone_free(zone->restored.found);
	zone->restored.found = NULL;
	put_off(zone, result);
	zone->restored.taken(zone, result);
}

static void go_on(struct served_zone *zone, int result)
{
	if (result)
		give_up(zone, result);
	else
		take(zone);
}

static void on_provenance(int result, struct provenance *provenance, void *arg)
{
	struct served_zone *zone = arg;
	struct restored *r = &zone->restored;

	r->reader = NULL;
	r->has_provenance = !result;
	if (!result)
		r->provenance = *provenance;
	go_on(zone, result);
}

static void on_said(int result, struct changeset *said, void *arg)
{
	struct served_zone *zone = arg;

	zone->restored.since = NULL;
	zone->restored.said = said;
	go_on(zone, result);
}

static void ask_journal(struct served_zone *zone)
{
	struct restored *r = &zone->restored;
	struct content *content = &zone->content;
	const struct since_mark_question question = {
		.found = r->found,
		.is_everything = r->word == RESTORED_FILL,
		.done = on_said,
		.arg = zone,
	};

	if (content->mirror)
		r->reader = provenance_reader_new(
			content->thread, content->id, content->text, on_provenance, zone);
	else
		r->since = since_mark_ask(content, &question);
	if (!r->reader && !r->since)
		give_up(zone, -ENOMEM);
}

void restored_take(struct served_zone *zone, struct zone *found,
	void (*taken)(struct served_zone *zone, int result))
{
	struct restored *r = &zone->restored;
	struct delivery *primary = content_primary(&zone->content);
	const struct store_belief *belief = delivery_belief(primary);

	r->found = found;
	r->taken = taken;
	r->serial = rrset_serial(zone_soa(found));
	r->is_older = belief->is_known && serial_is_newer(belief->serial, r->serial);
	if (r->is_older)
		delivery_doubt(primary);
	if (r->word == RESTORED_FILL || (r->is_older && r->word == RESTORED_NO_WORD))
		ask_journal(zone);
	else
		take(zone);
}

void restored_clear(struct served_zone *zone)
{
	struct restored *r = &zone->restored;

	provenance_reader_stop(r->reader);
	r->reader = NULL;
	since_mark_give_up(r->since, r->found);
	r->since = NULL;
	r->found = NULL;
	forget_taking(r);
	rrset_unref(r->refused);
	r->refused = NULL;
}
