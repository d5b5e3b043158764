/*
 * What targets of a zone have refused is tried again, or forgotten (view_asides): one
 * number, or all, a page at a time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control_private.h"

/* The state of a request. */
struct order {
	struct view_asides page;
	const struct config_zone *zone;
	uint64_t number; /* 0: all */
	uint64_t newest; /* what is refused again while this goes on is not part of it */
	uint64_t after;  /* those up to here have been looked at; with their target: */
	char *after_target;
	int64_t zone_id;
	size_t found, done, overtaken, lost;
};

/* ---- in the reader's thread ---- */

static bool is_wanted(const struct order *o, const struct store_set_aside *row)
{
	if (row->zone != o->zone_id || row->seq > o->newest ||
		(o->number && row->seq != o->number))
		return false;
	return row->seq > o->after ||
		(row->seq == o->after && o->after_target &&
			strcmp(row->target, o->after_target) > 0);
}

static int take_aside(const struct store_set_aside *row, void *arg)
{
	struct order *o = arg;
	struct view_asides *page = &o->page;

	if (page->count == VIEW_ASIDES_MAX || !is_wanted(o, row))
		return 0;
	page->asides[page->count] =
		(struct view_aside){.target = strdup(row->target), .seq = row->seq};
	return page->asides[page->count++].target ? 0 : -ENOMEM;
}

static int take_changes(const struct store_row *row, struct changeset *changes, void *arg)
{
	struct view_aside *aside = arg;

	if (row->seq == aside->seq)
		aside->changes = changeset_ref(changes);
	return 1; /* no more */
}

static int look(
	struct control_request *r, const struct store_ops *ops, struct store *store)
{
	struct order *o = r->state;
	int e = 0;

	if (!o->zone_id) {
		e = ops->find_zone(store, o->zone->name, &o->zone_id);
		if (!e)
			e = ops->last_seq(store, &o->newest);
	}
	if (!e && o->zone_id)
		e = ops->each_set_aside(store, take_aside, o);
	for (size_t i = 0; e >= 0 && o->page.is_retry && i < o->page.count; i++)
		e = ops->each_change(store, o->zone_id, o->page.asides[i].seq - 1, 1,
			take_changes, &o->page.asides[i]);
	return e < 0 ? e : 0;
}

/* ---- page after page ---- */

static void forget_page(struct order *o)
{
	for (size_t i = 0; i < o->page.count; i++) {
		free(o->page.asides[i].target);
		changeset_unref(o->page.asides[i].changes);
	}
	o->page.count = 0;
	o->page.done = o->page.overtaken = o->page.lost = 0;
}

static void clear_order(void *state)
{
	struct order *o = state;

	forget_page(o);
	free(o->after_target);
}

static void answer(struct control_request *r)
{
	const struct order *o = r->state;

	if (!o->found)
		control_fail(r, 404, "%s: nothing %sis set aside", o->zone->text,
			o->number ? "of that number " : "");
	else if (o->number && o->overtaken && !o->done)
		control_fail(r, 409,
			"%s: other changes have taken the place of all that it changed: "
			"musterctl drop forgets it",
			o->zone->text);
	else
		control_done(r,
			json_pack("{s:s, s:I, s:I, s:I}", "zone", o->zone->text,
				o->page.is_retry ? "retried" : "dropped",
				(json_int_t)o->done, "overtaken",
				(json_int_t)o->overtaken, "lost", (json_int_t)o->lost));
}

static void ask(struct control_request *r);

static void on_page_done(struct control_request *r)
{
	struct order *o = r->state;
	struct view_aside *last = &o->page.asides[o->page.count - 1];

	if (o->page.result == -EAGAIN) {
		control_fail(r, 503, CONTROL_NOT_NOW, o->zone->text);
		return;
	}
	if (o->page.result) {
		control_fail(r, 503, "zone %s: %s; done so far: %zu", o->zone->text,
			strerror(-o->page.result), o->done + o->page.done);
		return;
	}
	o->done += o->page.done;
	o->overtaken += o->page.overtaken;
	o->lost += o->page.lost;
	o->after = last->seq;
	free(o->after_target);
	o->after_target = last->target;
	last->target = NULL;
	forget_page(o);
	ask(r);
}

static void on_page(struct control_request *r)
{
	struct order *o = r->state;

	o->found += o->page.count;
	if (o->page.count)
		control_ask(r, view_asides, o->zone->name, &o->page, on_page_done);
	else
		answer(r);
}

static void ask(struct control_request *r)
{
	control_read(r, look, on_page);
}

/* "17", or "all".  False: the request has been answered. */
static bool read_which(struct control_request *r, struct order *o)
{
	const char *text = control_parameter(r, "number");
	const bool is_number = text && !text[strspn(text, "0123456789")];

	if (text && !strcmp(text, "all"))
		return true;
	if (is_number && !control_read_number(r, "number", &o->number))
		return false;
	if (o->number)
		return true;
	control_fail(r, 400, "number: must be the number of a change, or all");
	return false;
}

static void say_who(struct control_request *r, struct order *o)
{
	char which[64] = "what was refused";

	if (o->number)
		snprintf(which, sizeof(which), "change %llu, which was refused,",
			(unsigned long long)o->number);
	o->page.why = verdict_ok();
	snprintf(o->page.why.why, sizeof(o->page.why.why),
		"%s is %s: asked for by user id %lu", which,
		o->page.is_retry ? "sent again" : "forgotten", (unsigned long)r->uid);
}

void control_post_asides(struct control_request *r)
{
	struct order *o = control_state_new(r, sizeof(*o), clear_order);

	if (!o || !read_which(r, o))
		return;
	o->page.is_retry = r->variant == CONTROL_RETRY_ASIDES;
	o->zone = control_read_zone(r, r->argument);
	if (!o->zone)
		return;
	say_who(r, o);
	ask(r);
}

/* Without a number, the pauses of targets end, as they did before there was one. */
void control_post_retry(struct control_request *r)
{
	if (control_parameter(r, "number")) {
		r->variant = CONTROL_RETRY_ASIDES;
		control_post_asides(r);
	} else {
		r->variant = VIEW_RETRY;
		control_post_zone(r);
	}
}
