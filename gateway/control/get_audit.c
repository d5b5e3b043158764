/*
 * What only the database knows: the audit, and what became of one update.
 *
 * The reader's thread (control_reader.h) reads it, and makes its JSON.  One answer looks
 * at a bounded number of rows (store.h), so it may be empty and yet not the last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control_survey.h"
#include "gateway/journal/refusals.h"
#include "gateway/journal/row_text.h"
#include "zones/rdata.h"

enum { AUDIT_DEFAULT = 100 };

/* ---- rows ---- */

/* In hexadecimal, as in logs; null for what the gateway did by itself. */
static json_t *id_to_json(uint64_t transaction)
{
	return transaction ? json_sprintf("%llx", (unsigned long long)transaction)
			   : json_null();
}

/* The name of the last row's zone, since most rows of one read share a few zones. */
struct zone_name {
	const struct store_ops *ops;
	struct store *store;
	int64_t id;   /* 0: none yet */
	json_t *text; /* counted; null: no zone has this number */
};

static int look_at_zone(int64_t id, const uint8_t *name, void *arg)
{
	struct zone_name *zone = arg;

	if (id != zone->id)
		return 0;
	zone->text = control_json_name(name);
	return 1;
}

/* Finds zones that are no longer served, too. */
static json_t *name_of_zone(struct zone_name *zone, int64_t id)
{
	if (zone->id != id) {
		json_decref(zone->text);
		zone->text = NULL;
		zone->id = id;
		if (zone->ops->each_zone(zone->store, look_at_zone, zone) < 0 ||
			!zone->text)
			zone->text = json_null();
	}
	return json_incref(zone->text);
}

/* NULL: no memory. */
static json_t *row_to_json(struct zone_name *zone, const struct store_row *row)
{
	char key[NAME_TEXT_MAX], source[ROW_SOURCE_MAX], request[UPDATE_TEXT_MAX];

	return json_pack("{s:I, s:o, s:o, s:o, s:s?, s:s?, s:o, s:s?, s:s?, s:s?, s:o}",
		"seq", (json_int_t)row->seq, "id", id_to_json(row->transaction), "at",
		control_json_time(row->at_ms), "zone", name_of_zone(zone, row->zone),
		"key", row_key_text(row, key), "source", row_source_text(row, source),
		"answer", control_json_rcode(row->rcode), "reason", row->reason,
		"request", row_request_text(row, request), "event", row->event, "host",
		row->host ? control_json_name(row->host) : json_null());
}

/* ---- the audit ---- */

/* The state of a request. */
struct audit {
	struct store_filter filter;
	const struct config_zone *zone; /* NULL: all */
	uint8_t name[NAME_MAX_LEN], key[NAME_MAX_LEN];
	uint64_t since_s;
	/* What the read has found. */
	struct zone_name zone_name;
	bool is_over; /* a row was older than since_s */
	uint64_t next, newest;
};

/* With after, rows come in the order in which they were written; otherwise the newest
 * come first, from before on (0: from the last). */
static bool read_numbers(struct control_request *r)
{
	struct audit *a = r->state;
	uint64_t limit = AUDIT_DEFAULT;

	if (!control_read_number(r, "after", &a->filter.after) ||
		!control_read_number(r, "before", &a->filter.before) ||
		!control_read_number(r, "since", &a->since_s) ||
		!control_read_number(r, "limit", &limit))
		return false;
	a->filter.is_newest_first = !control_parameter(r, "after");
	a->filter.limit = limit < CONTROL_PAGE_MAX ? (size_t)limit : CONTROL_PAGE_MAX;
	if (a->since_s <= INT64_MAX / 1000)
		return control_read_flag(r, "events", &a->filter.events_only);
	control_fail(r, 400, "since: is not a time");
	return false;
}

static bool read_names(struct control_request *r)
{
	struct audit *a = r->state;
	const char *zone = control_parameter(r, "zone");
	const char *name = control_parameter(r, "name");
	const char *key = control_parameter(r, "key");

	if (zone && !(a->zone = control_read_zone(r, zone)))
		return false;
	a->filter.name = name ? a->name : NULL;
	a->filter.key = key ? a->key : NULL;
	return (!name || control_read_name(r, name, a->name)) &&
		(!key || control_read_name(r, key, a->key));
}

/* ---- in the reader's thread ---- */

static int add_row(const struct store_row *row, void *arg)
{
	struct control_request *r = arg;
	struct audit *a = r->state;

	if (row->at_ms < (int64_t)a->since_s * 1000)
		a->is_over = true;
	else
		control_add(r, r->list, row_to_json(&a->zone_name, row));
	return 0;
}

static int look_at_rows(
	struct control_request *r, const struct store_ops *ops, struct store *store)
{
	struct audit *a = r->state;
	/* This comes first, so that a client which asks for later rows misses none. */
	int e = ops->last_seq(store, &a->newest);

	if (!e && a->zone)
		e = ops->find_zone(store, a->zone->name, &a->filter.zone);
	if (e || !a->filter.limit || (a->zone && !a->filter.zone))
		return e; /* a zone without a number has no rows */
	a->zone_name = (struct zone_name){.ops = ops, .store = store};
	e = ops->each_row(store, &a->filter, &a->next, add_row, r);
	json_decref(a->zone_name.text);
	return e;
}

/* ---- the answer ---- */

static void answer_audit(struct control_request *r)
{
	const struct audit *a = r->state;

	control_done(r,
		json_pack("{s:O, s:o, s:I}", "rows", r->list, "next",
			a->next && !a->is_over
				? json_sprintf("%llu", (unsigned long long)a->next)
				: json_null(),
			"newest", (json_int_t)a->newest));
}

void control_get_audit(struct control_request *r)
{
	if (control_state_new(r, sizeof(struct audit), NULL) && read_numbers(r) &&
		read_names(r))
		control_read(r, look_at_rows, answer_audit);
}

/* ---- what targets have refused ---- */

struct aside {
	int64_t zone;
	uint64_t seq;
	int64_t at_ms;
	char *target, *why; /* owned */
};

/* The state of a request. */
struct asides {
	const struct config_zone *zone; /* NULL: all */
	int64_t zone_id;                /* 0: all */
	uint64_t from;                  /* so many come before the page */
	struct aside page[CONTROL_PAGE_MAX];
	size_t count, passed;
	struct zone_name zone_name;
	bool has_row; /* of the one that is looked at */
	json_t *value;
};

static int take_aside(const struct store_set_aside *row, void *arg)
{
	struct control_request *r = arg;
	struct asides *a = r->state;
	struct aside *to = &a->page[a->count];

	if ((a->zone_id && row->zone != a->zone_id) || a->passed++ < a->from ||
		a->count == CONTROL_PAGE_MAX)
		return 0;
	a->count++;
	*to = (struct aside){row->zone, row->seq, row->at_ms, strdup(row->target),
		strdup(row->why.why)};
	r->has_failed |= !to->target || !to->why;
	return 0;
}

static void add_names(struct control_request *r, const struct changeset *changes)
{
	json_t *names = json_array();

	for (uint32_t i = 0; changes && i < changes->count; i++) {
		const struct change *change = &changes->changes[i];

		if (change->type != TYPE_SOA &&
			(!i || !name_is_equal(change->owner, change[-1].owner)))
			control_add(r, names, control_json_name(change->owner));
	}
	control_set(r, ((struct asides *)r->state)->value, "names", names);
}

static int take_aside_row(const struct store_row *row, void *arg)
{
	struct control_request *r = arg;
	struct asides *a = r->state;

	a->has_row = true;
	a->value = row_to_json(&a->zone_name, row);
	if (a->value)
		add_names(r, row->changes);
	return 0;
}

/* Even if its row is gone. */
static int add_aside(struct control_request *r, const struct store_ops *ops,
	struct store *store, const struct aside *aside)
{
	struct asides *a = r->state;
	const struct store_filter filter = {.after = aside->seq - 1,
		.before = aside->seq + 1,
		.limit = 1,
		.wants_changes = true};
	uint64_t next;
	int e;

	a->has_row = false;
	a->value = NULL;
	e = ops->each_row(store, &filter, &next, take_aside_row, r);
	if (!e && !a->has_row)
		a->value = json_pack("{s:I, s:o}", "seq", (json_int_t)aside->seq, "zone",
			name_of_zone(&a->zone_name, aside->zone));
	if (e || !a->value) {
		json_decref(a->value);
		return e ? e : -ENOMEM;
	}
	control_set(r, a->value, "target", json_string(aside->target));
	control_set(r, a->value, "refused_at", control_json_time(aside->at_ms));
	control_set(r, a->value, "why", json_string(aside->why));
	control_add(r, r->list, a->value);
	return 0;
}

static int look_at_asides(
	struct control_request *r, const struct store_ops *ops, struct store *store)
{
	struct asides *a = r->state;
	int e = a->zone ? ops->find_zone(store, a->zone->name, &a->zone_id) : 0;

	if (e || (a->zone && !a->zone_id))
		return e;
	e = ops->each_set_aside(store, take_aside, r);
	a->zone_name = (struct zone_name){.ops = ops, .store = store};
	for (size_t i = 0; !e && !r->has_failed && i < a->count; i++)
		e = add_aside(r, ops, store, &a->page[i]);
	json_decref(a->zone_name.text);
	return e;
}

static void answer_asides(struct control_request *r)
{
	const struct asides *a = r->state;
	const uint64_t next = a->from + a->count;

	control_done_page(r, "set_aside",
		next < a->passed ? json_sprintf("%llu", (unsigned long long)next)
				 : json_null());
}

static void clear_asides(void *state)
{
	struct asides *a = state;

	for (size_t i = 0; i < a->count; i++) {
		free(a->page[i].target);
		free(a->page[i].why);
	}
}

void control_get_asides(struct control_request *r)
{
	struct asides *a = control_state_new(r, sizeof(*a), clear_asides);
	const char *zone = control_parameter(r, "zone");

	if (!a || !control_read_number(r, "cursor", &a->from))
		return;
	if (zone && !(a->zone = control_read_zone(r, zone)))
		return;
	control_read(r, look_at_asides, answer_asides);
}

/* ---- why ---- */

/* The state of a request. */
struct why {
	struct control_survey survey; /* first; its one page is the row's zone */
	bool is_seq;                  /* "#123": a row; otherwise the id of an update */
	uint64_t number;
	bool is_remembered; /* in refusal */
	struct refusal refusal;
	/* What the read has found. */
	struct zone_name zone_name;
	json_t *value;  /* counted; the answer, being built; NULL: there is no such row */
	json_t *asides; /* counted; target: reason */
	uint64_t at;    /* where to look on for an update; 0: nowhere */
	uint64_t seq;
	int64_t zone;
	bool has_changes;
};

/* arg is the request, whose list is that of the changes. */
static bool add_change(bool removed, const struct rr *rr, void *arg)
{
	struct control_request *r = arg;
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX];
	char *data = rdata_to_text(rr->type, rr->rdata, rr->rdata_len);

	control_add(r, r->list,
		data ? json_sprintf("%c %s %u %s %s", removed ? '-' : '+',
			       name_to_text(rr->owner, owner), (unsigned)rr->ttl,
			       rdata_type_name(rr->type, type), data)
		     : NULL);
	free(data);
	return !r->has_failed && json_array_size(r->list) < CONTROL_PAGE_MAX;
}

static int take_row(const struct store_row *row, void *arg)
{
	struct control_request *r = arg;
	struct why *w = r->state;

	w->zone = row->zone;
	w->has_changes = row->changes && row->changes->count;
	if (row->changes)
		(void)changeset_each_record(row->changes, add_change, r);
	w->value = row_to_json(&w->zone_name, row);
	control_set(r, w->value, "changes", json_incref(r->list));
	return r->has_failed ? -ENOMEM : 0;
}

/* ---- where it was delivered ---- */

/* If an update was refused after all, its change was taken back.  (A row of the gateway's
 * own did that.) */
static bool is_taken_back(const struct why *w)
{
	const char *answer = json_string_value(json_object_get(w->value, "answer"));

	return answer && strcmp(answer, "NOERROR") != 0 &&
		json_is_string(json_object_get(w->value, "id"));
}

static json_t *target_to_json(const struct why *w, const struct view_target *target)
{
	json_t *reason = json_object_get(w->asides, target->id);
	const char *state = w->seq <= target->cursor ? "delivered" : "pending";

	if (is_taken_back(w))
		state = reason ? "refused" : "withdrawn";
	else if (reason)
		state = "set aside";
	return json_pack("{s:s, s:s, s:o, s:s?}", "target", target->id, "state", state,
		"reason", reason ? json_incref(reason) : json_null(), "failing",
		target->why[0] ? target->why : NULL);
}

static void answer_why(struct control_request *r)
{
	const struct why *w = r->state;
	const struct view_zones *page = &w->survey.page;
	json_t *targets = json_array();

	r->has_failed |= page->has_failed;
	/* An update that changed nothing was sent to no target. */
	for (size_t i = 0; w->has_changes && page->count && i < page->zones->target_count;
		i++)
		control_add(r, targets, target_to_json(w, &page->zones->targets[i]));
	control_set(r, w->value, "targets", targets);
	control_done(r, json_incref(w->value));
}

/* The database has no row of a refusal without a valid key or a zone, nor of those that
 * were too many to be written. */
static bool is_only_remembered(const struct refusal *refusal)
{
	return !refusal->is_known || !refusal->has_zone;
}

static json_t *refusal_to_json(const struct refusal *refusal)
{
	return json_pack("{s:n, s:o, s:o, s:o, s:o, s:s, s:s, s:s?, s:s?, s:n, s:n, "
			 "s:[], s:[]}",
		"seq", "id", id_to_json(refusal->id), "at",
		control_json_time(refusal->at_ms), "zone",
		refusal->has_zone ? control_json_name(refusal->zone) : json_null(), "key",
		refusal->has_key ? control_json_name(refusal->key) : json_null(),
		"source", refusal->peer, "answer", refusal->answer, "reason",
		refusal->why[0] ? refusal->why : NULL, "request",
		refusal->request[0] ? refusal->request : NULL, "event", "host", "changes",
		"targets");
}

/* ---- in the reader's thread ---- */

static int look_at_aside(const struct store_set_aside *row, void *arg)
{
	struct control_request *r = arg;
	const struct why *w = r->state;

	if (row->seq == w->seq && row->zone == w->zone)
		control_set(r, w->asides, row->target, json_string(row->why.why));
	return r->has_failed ? -ENOMEM : 0;
}

static int look_at_row(
	struct control_request *r, const struct store_ops *ops, struct store *store)
{
	struct why *w = r->state;
	struct store_filter filter = {.wants_changes = true, .limit = 1};
	uint64_t next;
	int e = 0;

	w->seq = w->number;
	if (!w->is_seq)
		e = ops->find_transaction(store, w->number, &w->at, &w->seq);
	if (e || !w->seq)
		return e;
	filter.after = w->seq - 1;
	filter.before = w->seq + 1;
	w->zone_name = (struct zone_name){.ops = ops, .store = store};
	e = ops->each_row(store, &filter, &next, take_row, r);
	json_decref(w->zone_name.text);
	return e ? e : ops->each_set_aside(store, look_at_aside, r);
}

/* ---- asking ---- */

/* The index of the row's zone, or the number of zones if it is no longer served. */
static size_t find_zone_of(const struct config *config, const json_t *value)
{
	const char *text = json_string_value(json_object_get(value, "zone"));
	const struct config_zone *zone = NULL;
	uint8_t name[NAME_MAX_LEN];

	if (text && !name_from_text(name, text, NULL))
		zone = config_find_zone(config, name);
	return zone ? (size_t)(zone - config->zones) : config->zone_count;
}

static void answer_row(struct control_request *r)
{
	struct why *w = r->state;

	if (!w->seq && w->at) {
		control_read(r, look_at_row, answer_row);
	} else if (w->value) {
		w->survey.page.next = find_zone_of(r->config, w->value);
		control_survey_ask(r);
	} else if (w->is_remembered) {
		control_done(r, refusal_to_json(&w->refusal));
	} else {
		control_fail(r, 404, "%.64s: there is no such update in the audit%s",
			r->argument, w->seq ? "" : " or among the last refusals");
	}
}

/* False: the request has been answered. */
static bool read_id(struct control_request *r, struct why *w)
{
	const char *text = r->argument;
	unsigned long long number;
	char *end;

	w->is_seq = text[0] == '#';
	errno = 0;
	number = strtoull(text + w->is_seq, &end, w->is_seq ? 10 : 16);
	if (!strchr("0123456789abcdefABCDEF", text[w->is_seq]) || !text[w->is_seq] ||
		*end || errno || number > INT64_MAX) {
		control_fail(r, 400, "%.64s: is not the id of an update", text);
		return false;
	}
	w->number = number;
	return true;
}

static void clear_why(void *state)
{
	struct why *w = state;

	json_decref(w->value);
	json_decref(w->asides);
	control_survey_clear(state);
}

void control_get_why(struct control_request *r)
{
	struct why *w =
		control_survey_new(r, sizeof(*w), SURVEY_NOTHING, answer_why, clear_why);

	if (!w || !read_id(r, w))
		return;
	w->survey.page_max = 1;
	w->asides = json_object();
	w->is_remembered = !w->is_seq &&
		refusals_find(listeners_refusals(r->control->listeners), w->number,
			&w->refusal);
	/* To look for a number that no row has takes reading the whole journal. */
	if (w->is_remembered && is_only_remembered(&w->refusal))
		control_done(r, refusal_to_json(&w->refusal));
	else
		control_read(r, look_at_row, answer_row);
}
