/*
 * Hosts: zone threads know those that have leases, and the database knows those whose
 * leases have ended.
 */
#include <string.h>

#include "gateway/control/control_walk.h"
#include "gateway/journal/row_text.h"

enum { STATE_EXPIRED = LEASE_HELD + 1, STATE_PERMANENT, STATES };

static const char *const state_names[STATES] = {
	"active", "stale", "held", "expired", "permanent"};

struct host_walk {
	struct control_walk walk; /* first */
	struct view_hosts page;
	const char *state; /* of state_names; NULL: any */
};

/* ---- as JSON ---- */

static const char *state_of(const struct view_host *host)
{
	return state_names[host->state == LEASE_ACTIVE && !host->leases
			? STATE_PERMANENT
			: (int)host->state];
}

static json_t *host_to_json(const struct config_zone *zone, const struct view_host *host)
{
	const bool is_ending = host->state != LEASE_HELD && host->duration_s;

	return json_pack("{s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "name",
		control_json_name(host->name), "zone", zone->text, "state",
		state_of(host), "leases", (json_int_t)host->leases, "last_seen",
		control_json_time(host->seen_s * 1000), "source",
		control_json_address(&host->source), "key",
		host->has_key ? control_json_name(host->key) : json_null(),
		"expires_in_s",
		is_ending ? json_real((double)host->left_ms / 1000) : json_null());
}

/* ---- expired hosts, in the reader's thread ---- */

static int add_expired(const struct store_row *row, void *arg)
{
	struct control_request *r = arg;
	char key[NAME_TEXT_MAX], source[ROW_SOURCE_MAX];

	if (!control_walk_matches(r->state, row->host))
		return 0;
	control_add(r, r->list,
		json_pack("{s:o, s:s, s:s, s:i, s:o, s:s?, s:s?, s:o, s:s?}", "name",
			control_json_name(row->host), "zone", control_walk_zone(r)->text,
			"state", state_names[STATE_EXPIRED], "leases", 0, "last_seen",
			control_json_time(row->seen_s * 1000), "source",
			row_source_text(row, source), "key", row_key_text(row, key),
			"expired_at", control_json_time(row->at_ms), "why", row->reason));
	return 0;
}

/* Adds the host if its latest event is the end of its leases. */
static int look_at_event(const struct store_row *row, void *arg)
{
	if (row->event && row->host && !strcmp(row->event, STORE_EVENT_EXPIRED))
		return add_expired(row, arg);
	return 0;
}

static int look_at_one(struct control_request *r, int64_t zone,
	const struct store_ops *ops, struct store *store)
{
	const struct control_walk *walk = r->state;
	const struct store_filter filter = {.zone = zone,
		.name = walk->name,
		.events_only = true,
		.is_newest_first = true,
		.limit = 1};
	uint64_t next;

	return ops->each_row(store, &filter, &next, look_at_event, r);
}

static int look_at_expired(
	struct control_request *r, const struct store_ops *ops, struct store *store)
{
	struct control_walk *walk = r->state;
	struct store_host_cursor at = {.is_set = walk->has_host};
	int64_t zone;
	int e = ops->find_zone(store, control_walk_zone(r)->name, &zone);

	walk->has_host = false;
	if (e || !zone)
		return e;
	if (walk->is_exact)
		return look_at_one(r, zone, ops, store);
	if (at.is_set)
		memcpy(at.host, walk->host, name_len(walk->host));
	e = ops->each_expired(store, zone, &at, CONTROL_PAGE_MAX, add_expired, r);
	walk->has_host = at.is_set;
	if (at.is_set)
		memcpy(walk->host, at.host, name_len(at.host));
	return e;
}

/* ---- the walk ---- */

static void ask(struct control_request *r)
{
	struct host_walk *w = r->state;

	if (w->walk.in_expired) {
		control_read(r, look_at_expired, control_walk_go_on);
		return;
	}
	w->page.kind = VIEW_LEASED;
	if (w->walk.is_exact)
		w->page.kind = VIEW_ONE;
	else if (w->state == state_names[STATE_PERMANENT])
		w->page.kind = VIEW_PERMANENT;
	w->page.name = w->walk.name;
	w->page.cursor = w->walk.cursor;
	control_ask(
		r, view_hosts, control_walk_zone(r)->name, &w->page, control_walk_go_on);
}

/* Adds the page to the answer, and empties it; expired hosts are there already. */
static void take(struct control_request *r)
{
	struct host_walk *w = r->state;

	if (w->walk.in_expired)
		return;
	r->has_failed |= w->page.has_failed;
	w->walk.cursor = w->page.cursor;
	for (size_t i = 0; i < w->page.count; i++) {
		const struct view_host *host = &w->page.hosts[i];

		if ((!w->state || w->state == state_of(host)) &&
			control_walk_matches(&w->walk, host->name))
			control_add(r, r->list, host_to_json(control_walk_zone(r), host));
	}
	view_hosts_clear(&w->page);
}

/* Also frees what came back but is not to be answered any more. */
static void clear(void *state)
{
	view_hosts_clear(&((struct host_walk *)state)->page);
}

static bool read_state(struct control_request *r)
{
	const char *text = control_parameter(r, "state");
	struct host_walk *w = r->state;

	for (size_t i = 0; text && i < STATES; i++)
		if (!strcmp(text, state_names[i]))
			w->state = state_names[i];
	w->walk.skips_leases = w->state == state_names[STATE_EXPIRED];
	w->walk.wants_expired = !text || w->walk.skips_leases;
	if (w->state || !text)
		return true;
	control_fail(r, 400, "state: must be active, stale, held, expired or permanent");
	return false;
}

static const struct control_walk_ops walk_ops = {"hosts", ask, take};

void control_get_hosts(struct control_request *r)
{
	if (control_state_new(r, sizeof(struct host_walk), clear) &&
		control_walk_read(r, control_parameter(r, "pattern")) && read_state(r))
		control_walk_begin(r, &walk_ops);
}
