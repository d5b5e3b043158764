/*
 * What only the database knows: the audit, and what became of one update.
 *
 * It is read here, through a connection of this thread's own, while the zone thread goes
 * on.  One answer looks at a bounded number of rows (store.h), so it may be empty and yet
 * not the last.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control_survey.h"
#include "gateway/journal/refusals.h"
#include "gateway/journal/row_text.h"
#include "zones/rdata.h"

enum { AUDIT_DEFAULT = 100 };

/* ---- rows ---- */

struct rows {
	struct control *control;
	json_t *list; /* borrowed */
	int64_t since_ms;
	bool is_over; /* older than since */
	bool has_failed;
	uint64_t last; /* seq of the last row seen */
};

/* As logs write it; null for what the gateway did itself. */
static json_t *id_to_json(uint64_t transaction)
{
	return transaction ? json_sprintf("%llx", (unsigned long long)transaction)
			   : json_null();
}

struct zone_search {
	int64_t id;
	json_t *name;
};

static int look_at_zone(int64_t id, const uint8_t *name, void *arg)
{
	struct zone_search *search = arg;

	if (id != search->id)
		return 0;
	search->name = control_json_name(name);
	return 1;
}

/* Zones that are no longer served too. */
static json_t *zone_to_json(struct control *c, int64_t id)
{
	struct zone_search search = {.id = id};

	if (c->store_ops->each_zone(c->store, look_at_zone, &search) < 0 || !search.name)
		return json_null();
	return search.name;
}

/* NULL: no memory. */
static json_t *row_to_json(struct control *c, const struct store_row *row)
{
	char key[NAME_TEXT_MAX], source[ROW_SOURCE_MAX], request[UPDATE_TEXT_MAX];

	return json_pack("{s:I, s:o, s:o, s:o, s:s?, s:s?, s:o, s:s?, s:s?, s:s?, s:o}",
		"seq", (json_int_t)row->seq, "id", id_to_json(row->transaction), "at",
		control_json_time(row->at_ms), "zone", zone_to_json(c, row->zone), "key",
		row_key_text(row, key), "source", row_source_text(row, source), "answer",
		control_json_rcode(row->rcode), "reason", row->reason, "request",
		row_request_text(row, request), "event", row->event, "host",
		row->host ? control_json_name(row->host) : json_null());
}

static int add_row(const struct store_row *row, void *arg)
{
	struct rows *rows = arg;

	rows->last = row->seq;
	if (row->at_ms < rows->since_ms) {
		rows->is_over = true;
		return 0;
	}
	if (!control_json_add(rows->list, row_to_json(rows->control, row)))
		rows->has_failed = true;
	return 0;
}

/* ---- the audit ---- */

struct audit {
	struct store_filter filter;
	uint8_t name[NAME_MAX_LEN], key[NAME_MAX_LEN];
	uint64_t since_s;
};

static bool read_events(struct control_request *r, struct audit *a)
{
	const char *text = control_parameter(r, "events");

	a->filter.events_only = text && (!strcmp(text, "1") || !strcmp(text, "true"));
	if (!text || a->filter.events_only || !strcmp(text, "0") ||
		!strcmp(text, "false"))
		return true;
	control_fail(r, 400, "events: must be 1 or 0");
	return false;
}

/* after: what has come since, in order; otherwise the newest first, before (0: all). */
static bool read_numbers(struct control_request *r, struct audit *a)
{
	uint64_t limit = AUDIT_DEFAULT;

	if (!control_read_number(r, "after", &a->filter.after) ||
		!control_read_number(r, "before", &a->filter.before) ||
		!control_read_number(r, "since", &a->since_s) ||
		!control_read_number(r, "limit", &limit))
		return false;
	a->filter.is_newest_first = !control_parameter(r, "after");
	a->filter.limit = limit < CONTROL_PAGE_MAX ? (size_t)limit : CONTROL_PAGE_MAX;
	if (a->since_s > INT64_MAX / 1000) {
		control_fail(r, 400, "since: is no time");
		return false;
	}
	return read_events(r, a);
}

/* The zone may be one that is no longer served. */
static bool read_names(struct control_request *r, struct audit *a, struct store *store)
{
	const char *zone = control_parameter(r, "zone");
	const char *name = control_parameter(r, "name");
	const char *key = control_parameter(r, "key");
	uint8_t wire[NAME_MAX_LEN];

	if (zone && !control_read_name(r, zone, wire))
		return false;
	if (zone && !control_find_zone(r, wire, true))
		return false;
	if (zone && r->control->store_ops->find_zone(store, wire, &a->filter.zone)) {
		control_fail(r, 503, "%s", r->control->store_ops->error(store));
		return false;
	}
	if (zone && !a->filter.zone)
		a->filter.limit = 0; /* nothing was ever written of it */
	if (name && !control_read_name(r, name, a->name))
		return false;
	a->filter.name = name ? a->name : NULL;
	if (key && !control_read_name(r, key, a->key))
		return false;
	a->filter.key = key ? a->key : NULL;
	return true;
}

static void answer_audit(struct control_request *r, struct rows *rows,
	const struct audit *a, uint64_t next, uint64_t newest)
{
	char text[24];
	json_t *value = NULL;

	if (rows->is_over || !a->filter.limit)
		next = 0;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)next);
	if (!rows->has_failed)
		value = json_pack("{s:O, s:s?, s:I}", "rows", rows->list, "next",
			next ? text : NULL, "newest", (json_int_t)newest);
	control_done(r, value);
}

void control_get_audit(struct control_request *r)
{
	struct control *c = r->control;
	struct rows rows = {.control = c};
	struct audit a = {.since_s = 0};
	uint64_t next = 0, newest = 0;
	const char *error;
	struct store *store = control_store(c, &error);

	if (!store) {
		control_fail(r, 503, "%s", error);
		return;
	}
	if (!read_numbers(r, &a) || !read_names(r, &a, store))
		return;
	rows.since_ms = (int64_t)a.since_s * 1000;
	rows.list = json_array();
	/* First, so that who follows misses nothing. */
	if (c->store_ops->last_seq(store, &newest) ||
		(rows.list && a.filter.limit &&
			c->store_ops->each_row(store, &a.filter, &next, add_row, &rows)))
		control_fail(r, 503, "%s", c->store_ops->error(store));
	else if (!rows.list)
		control_fail(r, 503, "out of memory");
	else
		answer_audit(r, &rows, &a, next, newest);
	json_decref(rows.list);
}

/* ---- why ---- */

struct why {
	struct control_survey survey; /* first; of one page: the row's zone */
	json_t *value;                /* counted; the answer, being built */
	uint64_t seq;
	int64_t zone;
	bool has_changes;
};

struct change_text {
	json_t *list;
	bool has_failed;
};

static bool add_change(bool removed, const struct rr *rr, void *arg)
{
	struct change_text *to = arg;
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX];
	char *data = rdata_to_text(rr->type, rr->rdata, rr->rdata_len);
	json_t *line = data ? json_sprintf("%c %s %u %s %s", removed ? '-' : '+',
				      name_to_text(rr->owner, owner), (unsigned)rr->ttl,
				      rdata_type_name(rr->type, type), data)
			    : NULL;

	free(data);
	if (!control_json_add(to->list, line))
		to->has_failed = true;
	return !to->has_failed && json_array_size(to->list) < CONTROL_PAGE_MAX;
}

static int take_row(const struct store_row *row, void *arg)
{
	struct why *w = arg;
	struct change_text text = {.list = json_array()};

	w->zone = row->zone;
	w->has_changes = row->changes && row->changes->count;
	if (text.list && row->changes)
		(void)changeset_each_record(row->changes, add_change, &text);
	w->value = row_to_json(w->survey.question.control, row);
	if (text.has_failed || !w->value ||
		!control_json_set(w->value, "changes", text.list)) {
		json_decref(w->value);
		w->value = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* ---- where it was delivered ---- */

/* The change of an update that was refused after all was taken back.  (What takes it
 * back is a row of the gateway's own.) */
static bool is_taken_back(const struct why *w)
{
	const char *answer = json_string_value(json_object_get(w->value, "answer"));

	return answer && strcmp(answer, "NOERROR") != 0 &&
		json_is_string(json_object_get(w->value, "id"));
}

struct aside {
	const struct why *why;
	const char *target;
	json_t *reason; /* NULL: it is not set aside there */
};

static int look_at_aside(const struct store_set_aside *row, void *arg)
{
	struct aside *aside = arg;

	if (row->seq == aside->why->seq && row->zone == aside->why->zone &&
		!strcmp(row->target, aside->target))
		aside->reason = json_string(row->why.why);
	return aside->reason != NULL;
}

static json_t *target_to_json(const struct why *w, const struct view_target *target)
{
	struct control *c = w->survey.question.control;
	struct aside aside = {.why = w, .target = target->id};
	const char *state = w->seq <= target->cursor ? "delivered" : "pending";

	(void)c->store_ops->each_set_aside(c->store, look_at_aside, &aside);
	if (is_taken_back(w))
		state = aside.reason ? "refused" : "withdrawn";
	else if (aside.reason)
		state = "set aside";
	return json_pack("{s:s, s:s, s:o, s:s?}", "target", target->id, "state", state,
		"reason", aside.reason ? aside.reason : json_null(), "failing",
		target->why[0] ? target->why : NULL);
}

static bool answer_why(struct control_question *q)
{
	struct why *w = (struct why *)(void *)q;
	const struct view_zone *zone = w->survey.page.zones;
	json_t *targets = json_array();
	bool is_whole = targets && !w->survey.page.has_failed;

	/* What changed nothing is no target's business. */
	for (size_t i = 0; is_whole && w->has_changes && w->survey.page.count &&
		i < zone->target_count;
		i++)
		is_whole =
			control_json_add(targets, target_to_json(w, &zone->targets[i]));
	if (!is_whole || json_object_set(w->value, "targets", targets)) {
		json_decref(w->value);
		w->value = NULL;
	}
	json_decref(targets);
	control_question_done(q, w->value);
	w->value = NULL;
	return true;
}

/* What the database says nothing of: refusals without a valid key or a zone, and those
 * that were too many to be written. */
static bool is_only_remembered(const struct refusal *refusal)
{
	return !refusal->is_known || !refusal->has_zone;
}

static void answer_refusal(const struct control_request *r, const struct refusal *refusal)
{
	control_done(r,
		json_pack("{s:n, s:o, s:o, s:o, s:o, s:s, s:s, s:s?, s:s?, s:n, s:n, "
			  "s:[], s:[]}",
			"seq", "id", id_to_json(refusal->id), "at",
			control_json_time(refusal->at_ms), "zone",
			refusal->has_zone ? control_json_name(refusal->zone)
					  : json_null(),
			"key",
			refusal->has_key ? control_json_name(refusal->key) : json_null(),
			"source", refusal->peer, "answer", refusal->answer, "reason",
			refusal->why[0] ? refusal->why : NULL, "request",
			refusal->request[0] ? refusal->request : NULL, "event", "host",
			"changes", "targets"));
}

/* The row of an update, or what is remembered of its refusal.  False: answered. */
static bool find_update(
	struct control_request *r, struct store *store, uint64_t id, uint64_t *ret_seq)
{
	struct refusal refusal;
	const bool is_remembered =
		refusals_find(listeners_refusals(r->control->listeners), id, &refusal);

	/* A number that no row has is looked for in all of them. */
	if (is_remembered && is_only_remembered(&refusal)) {
		answer_refusal(r, &refusal);
		return false;
	}
	if (r->control->store_ops->find_transaction(store, id, ret_seq)) {
		control_fail(r, 503, "%s", r->control->store_ops->error(store));
		return false;
	}
	if (*ret_seq || !is_remembered)
		return true;
	answer_refusal(r, &refusal);
	return false;
}

/* "#123" is a row; anything else the id of an update, as logs and answers have it.
 * False: answered. */
static bool find_row(struct control_request *r, struct store *store, uint64_t *ret_seq)
{
	const char *text = r->segments[3];
	const bool is_seq = text[0] == '#';
	unsigned long long id;
	char *end;

	errno = 0;
	id = strtoull(text + is_seq, &end, is_seq ? 10 : 16);
	if (!strchr("0123456789abcdefABCDEF", text[is_seq]) || !text[is_seq] || *end ||
		errno || id > INT64_MAX) {
		control_fail(r, 400, "%.64s: is no id of an update", text);
		return false;
	}
	*ret_seq = id;
	if (!is_seq && !find_update(r, store, id, ret_seq))
		return false;
	if (*ret_seq)
		return true;
	control_fail(r, 404,
		"%.64s: there is no such update in the audit or among the last refusals",
		text);
	return false;
}

static bool read_row(struct control_request *r, struct store *store, struct why *w)
{
	const struct store_filter filter = {.after = w->seq - 1,
		.before = w->seq + 1,
		.wants_changes = true,
		.limit = 1};
	uint64_t next;

	if (r->control->store_ops->each_row(store, &filter, &next, take_row, w)) {
		control_fail(r, 503, "it cannot be read");
		return false;
	}
	if (w->value)
		return true;
	control_fail(
		r, 404, "%.64s: there is no such update in the audit", r->segments[3]);
	return false;
}

/* The index of the row's zone; the number of zones if it is served no longer. */
static size_t find_zone_of(struct control *c, const json_t *value)
{
	const char *text = json_string_value(json_object_get(value, "zone"));
	const struct config_zone *zone = NULL;
	uint8_t name[NAME_MAX_LEN];

	if (text && !name_from_text(name, text, NULL))
		zone = config_find_zone(c->config, name);
	return zone ? (size_t)(zone - c->config->zones) : c->config->zone_count;
}

static void clear_why(struct control_question *q)
{
	struct why *w = (struct why *)(void *)q;

	json_decref(w->value);
	control_survey_clear(q);
}

void control_get_why(struct control_request *r)
{
	const char *error;
	struct store *store = control_store(r->control, &error);
	uint64_t seq;
	struct why *w;

	if (!store) {
		control_fail(r, 503, "%s", error);
		return;
	}
	if (!find_row(r, store, &seq))
		return;
	w = (struct why *)(void *)control_survey_new(r, sizeof(*w), answer_why);
	if (!w)
		return;
	w->survey.question.clear = clear_why;
	w->survey.page_max = 1;
	w->seq = seq;
	if (!read_row(r, store, w)) {
		control_question_free(&w->survey.question);
		return;
	}
	w->survey.page.next = find_zone_of(r->control, w->value);
	control_survey_ask(&w->survey);
}
