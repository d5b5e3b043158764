/*
 * Hosts: zone threads know those that have leases, and the database knows those whose
 * leases have ended.
 */
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/control/control_walk.h"
#include "gateway/journal/row_text.h"

struct host_walk {
	struct control_walk walk; /* first */
	struct view_hosts page;
	void (*clear)(struct control_question *q); /* of the walk itself */
};

static const char *const state_names[] = {
	"active", "stale", "held", "expired", "permanent"};
enum { STATE_EXPIRED = LEASE_HELD + 1, STATE_PERMANENT };

/* ---- as JSON ---- */

/* The index of its state in state_names. */
static int state_of(const struct view_host *host)
{
	return host->state == LEASE_ACTIVE && !host->leases ? STATE_PERMANENT
							    : (int)host->state;
}

static json_t *host_to_json(const struct control_walk *walk, const struct view_host *host)
{
	const bool is_ending = host->state != LEASE_HELD && host->duration_s;

	return json_pack("{s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "name",
		control_json_name(host->name), "zone", control_walk_zone(walk)->text,
		"state", state_names[state_of(host)], "leases", (json_int_t)host->leases,
		"last_seen", control_json_time(host->seen_s * 1000), "source",
		control_json_address(&host->source), "key",
		host->has_key ? control_json_name(host->key) : json_null(),
		"expires_in_s",
		is_ending ? json_real((double)host->left_ms / 1000) : json_null());
}

/* Adds them to the answer, and empties the page. */
static void add_hosts(struct control_walk *walk, struct view_hosts *page)
{
	const struct view_host *hosts = page->hosts;

	walk->has_failed |= page->has_failed;
	walk->cursor = page->cursor;
	for (size_t i = 0; i < page->count; i++) {
		if (walk->state >= 0 && state_of(&hosts[i]) != walk->state)
			continue;
		if (control_walk_matches(walk, hosts[i].name) &&
			!control_json_add(walk->list, host_to_json(walk, &hosts[i])))
			walk->has_failed = true;
	}
	view_hosts_clear(page);
}

/* ---- expired hosts ---- */

static int add_expired(const struct store_row *row, void *arg)
{
	struct host_walk *w = arg;
	struct control_walk *walk = &w->walk;
	char key[NAME_TEXT_MAX], source[ROW_SOURCE_MAX];

	if (!control_walk_matches(walk, row->host))
		return 0;
	if (!control_json_add(walk->list,
		    json_pack("{s:o, s:s, s:s, s:i, s:o, s:s?, s:s?, s:o, s:s?}", "name",
			    control_json_name(row->host), "zone",
			    control_walk_zone(walk)->text, "state", "expired", "leases",
			    0, "last_seen", control_json_time(row->seen_s * 1000),
			    "source", row_source_text(row, source), "key",
			    row_key_text(row, key), "expired_at",
			    control_json_time(row->at_ms), "why", row->reason)))
		walk->has_failed = true;
	return 0;
}

/* Adds the host if its latest event is the end of its leases. */
static int look_at_event(const struct store_row *row, void *arg)
{
	if (row->event && row->host && !strcmp(row->event, STORE_EVENT_EXPIRED))
		return add_expired(row, arg);
	return 0;
}

static int look_at_one(struct host_walk *w, int64_t zone, const struct store_ops *ops,
	struct store *store)
{
	const struct store_filter filter = {.zone = zone,
		.name = w->walk.name,
		.events_only = true,
		.is_newest_first = true,
		.limit = 1};
	uint64_t next;

	return ops->each_row(store, &filter, &next, look_at_event, w);
}

/* In the reader's thread. */
static int look_at_expired(
	struct control_question *q, const struct store_ops *ops, struct store *store)
{
	struct host_walk *w = (struct host_walk *)(void *)q;
	struct control_walk *walk = &w->walk;
	struct store_host_cursor at = {.is_set = walk->has_host};
	int64_t zone;
	int r = ops->find_zone(store, control_walk_zone(walk)->name, &zone);

	walk->has_host = false;
	if (r || !zone)
		return r;
	if (walk->is_exact)
		return look_at_one(w, zone, ops, store);
	if (at.is_set)
		memcpy(at.host, walk->host, name_len(walk->host));
	r = ops->each_expired(store, zone, &at, CONTROL_PAGE_MAX, add_expired, w);
	walk->has_host = at.is_set;
	if (at.is_set)
		memcpy(walk->host, at.host, name_len(at.host));
	return r;
}

/* ---- the walk ---- */

/* True: it has been answered instead. */
static bool ask(struct host_walk *w)
{
	struct control_walk *walk = &w->walk;

	if (walk->in_expired)
		return control_read_or_fail(&walk->question, look_at_expired);
	w->page.kind = VIEW_LEASED;
	if (walk->is_exact)
		w->page.kind = VIEW_ONE;
	else if (walk->state == STATE_PERMANENT)
		w->page.kind = VIEW_PERMANENT;
	w->page.name = walk->name;
	w->page.cursor = walk->cursor;
	control_ask(&walk->question, view_hosts, control_walk_zone(walk)->name, &w->page);
	return false;
}

/* False: the walk is at its end. */
static bool go_on(struct control_walk *walk)
{
	if (walk->in_expired)
		return walk->has_host || control_walk_next_zone(walk);
	if (walk->cursor)
		return true;
	if (!walk->wants_expired || (walk->is_exact && json_array_size(walk->list)))
		return control_walk_next_zone(walk);
	walk->in_expired = true;
	return true;
}

static bool answer_hosts(struct control_question *q)
{
	struct host_walk *w = (struct host_walk *)(void *)q;
	struct control_walk *walk = &w->walk;
	bool is_more;

	if (!walk->in_expired)
		add_hosts(walk, &w->page);
	else if (control_read_has_failed(q))
		return true;
	is_more = go_on(walk);
	if (is_more && ++walk->rounds < CONTROL_ROUNDS_MAX &&
		json_array_size(walk->list) < CONTROL_PAGE_MAX)
		return ask(w);
	control_walk_done(walk, "hosts", !is_more);
	return true;
}

static bool read_state(struct control_request *r, struct control_walk *walk)
{
	const char *text = control_parameter(r, "state");

	walk->wants_expired = true;
	if (!text)
		return true;
	for (int i = 0; i <= STATE_PERMANENT; i++) {
		if (strcmp(text, state_names[i]) != 0)
			continue;
		walk->state = i;
		walk->wants_leases = i != STATE_EXPIRED;
		walk->wants_expired = i == STATE_EXPIRED;
		return true;
	}
	control_fail(r, 400, "state: must be active, stale, held, expired or permanent");
	return false;
}

/* Also frees what came back but is not to be answered any more. */
static void clear_hosts(struct control_question *q)
{
	struct host_walk *w = (struct host_walk *)(void *)q;

	view_hosts_clear(&w->page);
	w->clear(q);
}

void control_get_hosts(struct control_request *r)
{
	struct host_walk *w = (struct host_walk *)(void *)control_walk_new(
		r, sizeof(*w), control_parameter(r, "pattern"), answer_hosts);
	struct control_walk *walk = w ? &w->walk : NULL;

	if (!walk)
		return;
	w->clear = walk->question.clear;
	walk->question.clear = clear_hosts;
	if (!read_state(r, walk)) {
		control_question_free(&walk->question);
		return;
	}
	if (!r->control->config->zone_count) {
		control_walk_done(walk, "hosts", true);
		control_question_free(&walk->question);
		return;
	}
	if (!walk->wants_leases)
		walk->in_expired = true;
	if (ask(w))
		control_question_free(&walk->question);
}
