/*
 * Copies what control sees of the zones in service (view.h).  There is one function for
 * each kind: zones, targets, leases, hosts.
 *
 * Orders are passed on to orders.c and leases/.
 */
#include "gateway/served/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/served/served.h"
#include "zones/lease_origin.h"

static struct served_zone *zone_of(
	const struct served *served, const struct zone_call *call)
{
	return served_find(served, call->zone);
}

/* Makes room for one more of count elements of this size.  NULL: no memory. */
static void *make_room(void **elements, size_t *count, size_t *room, size_t size)
{
	if (*count == *room) {
		const size_t more = *room ? 2 * *room : 64;
		void *longer = reallocarray(*elements, more, size);

		if (!longer)
			return NULL;
		*elements = longer;
		*room = more;
	}
	return memset((char *)*elements + (*count)++ * size, 0, size);
}

/* ---- targets and zones ---- */

/* False: no memory. */
static bool copy_target(struct view_target *to, const struct served_zone *zone,
	const struct delivery *delivery, int64_t now_ms)
{
	const struct delivery_view look = delivery_look(delivery, now_ms);
	const struct reconcile_state *synced = reconcile_look(zone, delivery);

	*to = (struct view_target){
		.id = strdup(look.id),
		.is_primary = look.is_primary,
		.is_local = look.is_local,
		.place = look.place ? strdup(look.place) : NULL,
		.is_down = look.is_down,
		.trouble = look.trouble,
		.pause_ms = look.pause_ms,
		.cursor = look.cursor,
		.pending = look.pending,
		.is_live = look.is_live,
		.first_seq = look.first_seq,
		.delivered = look.delivered,
		.failures = look.failures,
		.rejected = look.rejected,
		.is_compared = synced != NULL,
		.counts = *look.counts,
	};
	if (synced)
		to->synced = *synced;
	snprintf(to->why, sizeof(to->why), "%s", look.why ? look.why : "");
	return to->id && (to->place || !look.place);
}

static bool copy_targets(struct view_zone *to, const struct served_zone *zone)
{
	const struct content *content = &zone->content;
	const int64_t now_ms = turn_monotonic_ms(&content->thread->time);

	to->targets = calloc(content->delivery_count, sizeof(*to->targets));
	if (!to->targets)
		return false;
	while (to->target_count < content->delivery_count) {
		const size_t i = to->target_count++;

		if (!copy_target(&to->targets[i], zone, content->deliveries[i], now_ms))
			return false;
	}
	return true;
}

static void copy_content(struct view_zone *to, const struct served_zone *zone)
{
	to->is_ready = zone->content.mirror != NULL;
	to->is_failed = !zone->content.mirror && zone->seed.is_failed;
	if (!zone->content.mirror) {
		snprintf(to->why, sizeof(to->why), "%s",
			zone->seed.why ? zone->seed.why : zone->content.not_ready.why);
		return;
	}
	to->why[0] = '\0';
	to->serial = rrset_serial(zone_soa(zone->content.mirror));
	to->names = zone_count_names(zone->content.mirror);
	to->records = zone_count_records(zone->content.mirror);
	to->octets = zone_count_octets(zone->content.mirror);
}

static void copy_counters(struct view_counters *to, const struct served_zone *zone)
{
	const struct request_counters *requests = &zone->requests.counters;
	const struct lease_counters *leases = &zone->leases.counters;

	*to = (struct view_counters){
		.updates = requests->updates,
		.heartbeats = requests->heartbeats,
		.refused = requests->refused,
		.expired_records = leases->expired_records,
		.expired_hosts = leases->expired_hosts,
		.went_stale = leases->went_stale,
		.came_back = leases->came_back,
		.braked = leases->braked,
		.asked = zone->restored.waits,
	};
}

static void copy_leases(struct view_zone *to, const struct served_zone *zone)
{
	const struct lease_table *table = zone->content.leases;

	to->leases = lease_table_count(table);
	to->stale = lease_table_count_stale(table);
	to->held = lease_table_count_held(table);
	to->unleased = zone->unleased;
	to->is_braked = lease_is_braked(table);
	to->is_asked = zone->restored.refused != NULL;
}

/* False: no memory. */
static bool copy_zone(struct view_zone *to, const struct served_zone *zone)
{
	to->is_served = true;
	to->id = zone->content.id;
	to->set_aside = zone->content.set_aside;
	to->waiting = zone_requests_count_waiting(&zone->requests);
	copy_content(to, zone);
	copy_leases(to, zone);
	copy_counters(&to->counters, zone);
	return copy_targets(to, zone);
}

static void add_totals(struct view_totals *to, const struct served *served)
{
	const struct zone_thread *thread = served->thread;

	const bool is_failing = journal_is_failing(thread->journal);

	if (is_failing && !to->is_failing)
		journal_last_error(thread->journal, to->database_error);
	to->is_failing |= is_failing;
	to->is_older |= thread->database->is_older;
	to->in_journal += thread->in_journal;
	to->last_seq = journal_last_seq(thread->journal);
	to->replay_hits += served->requests.replay_hits;
	to->journal = journal_totals(thread->journal);
}

bool view_zones(struct served *served, struct zone_call *call)
{
	struct view_zones *page = call->subject;

	for (size_t i = 0; i < page->count; i++) {
		struct view_zone *to = &page->zones[i];
		const struct served_zone *zone = served_find(served, to->config->name);
		const char *why =
			zone ? NULL : served_why_unopened(served, to->config->name);

		if (zone && !copy_zone(to, zone))
			page->has_failed = true;
		if (!why)
			continue;
		to->is_failed = true;
		snprintf(to->why, sizeof(to->why), "%s", why);
	}
	add_totals(&page->totals, served);
	return true;
}

static void forget_zones(struct view_zones *page)
{
	for (size_t i = 0; i < page->count; i++) {
		struct view_zone *zone = &page->zones[i];

		for (size_t j = 0; j < zone->target_count; j++) {
			free(zone->targets[j].id);
			free(zone->targets[j].place);
		}
		free(zone->targets);
	}
	page->count = 0;
}

int view_zones_init(struct view_zones *page, const struct config *config)
{
	*page = (struct view_zones){.config = config};
	page->zones = calloc(VIEW_ZONES_MAX, sizeof(*page->zones));
	return page->zones ? 0 : -ENOMEM;
}

void view_zones_clear(struct view_zones *page)
{
	forget_zones(page);
	free(page->zones);
	page->zones = NULL;
}

void view_zones_turn(struct view_zones *page, size_t limit)
{
	const struct config *config = page->config;

	forget_zones(page);
	page->totals = (struct view_totals){0};
	while (page->next < config->zone_count && page->count < limit) {
		struct view_zone *zone = &page->zones[page->count++];

		/* Until a zone thread says that it has the zone, or why not. */
		*zone = (struct view_zone){
			.config = &config->zones[page->next++],
			.why = "is being opened or closed",
		};
	}
}

/* ---- leases ---- */

static void copy_lease(struct view_leases *page, const struct lease_record *record,
	enum lease_state state, int64_t now_ms)
{
	const size_t owner_len = name_len(record->owner), key_len = name_len(record->key);
	uint8_t *memory = malloc(owner_len + key_len + record->rdata_len);
	struct view_lease *to = memory ? make_room((void **)&page->leases, &page->count,
						 &page->room, sizeof(*to))
				       : NULL;

	if (!to) {
		free(memory);
		page->has_failed = true;
		return;
	}
	memcpy(memory, record->owner, owner_len);
	memcpy(memory + owner_len, record->key, key_len);
	if (record->rdata_len)
		memcpy(memory + owner_len + key_len, record->rdata, record->rdata_len);
	to->memory = memory;
	to->record = *record;
	to->record.owner = memory;
	to->record.key = memory + owner_len;
	to->record.rdata = memory + owner_len + key_len;
	to->state = state;
	to->left_ms = record->deadline_ms - now_ms;
}

/* One pass over the leases of a zone. */
struct looking {
	struct served_zone *zone;
	int64_t now_ms; /* service time */
	union {
		struct view_leases *leases;
		struct view_hosts *hosts;
	} to;
};

static void look_at_lease(const struct lease *lease, void *arg)
{
	const struct looking *l = arg;
	const struct lease_table *table = l->zone->content.leases;
	struct lease_record record;

	lease_describe(table, lease, &record);
	copy_lease(l->to.leases, &record, lease_state(table, lease), l->now_ms);
}

bool view_leases(struct served *served, struct zone_call *call)
{
	struct view_leases *page = call->subject;
	struct served_zone *zone = zone_of(served, call);
	struct looking l = {.zone = zone, .to.leases = page};
	const struct lease_table *table;

	if (!zone) {
		page->cursor = 0;
		return true;
	}
	table = zone->content.leases;
	l.now_ms = content_service_ms(&zone->content);
	if (!page->owner) {
		page->cursor = lease_table_scan(
			table, page->cursor, VIEW_PAGE_MAX, look_at_lease, &l);
		return true;
	}
	for (const struct lease *lease = lease_first_at(table, page->owner); lease;
		lease = lease_next_at(table, lease))
		look_at_lease(lease, &l);
	return true;
}

void view_leases_clear(struct view_leases *page)
{
	for (size_t i = 0; i < page->count; i++)
		free(page->leases[i].memory);
	free(page->leases);
	page->leases = NULL;
	page->count = page->room = 0;
}

/* ---- hosts ---- */

static void note_latest(struct view_host *to, const struct lease_record *record)
{
	to->has_key = true;
	memcpy(to->key, record->key, name_len(record->key));
	to->source = record->source;
	to->seen_s = record->seen_s;
	to->duration_s = record->duration_s;
}

/* False: it has no leases except derived ones, which belong to hosts elsewhere. */
static bool describe_leased(
	const struct looking *l, const struct lease *first, struct view_host *to)
{
	const struct lease_table *table = l->zone->content.leases;

	*to = (struct view_host){.state = LEASE_ACTIVE};
	for (const struct lease *lease = first; lease;
		lease = lease_next_at(table, lease)) {
		const enum lease_state state = lease_state(table, lease);
		struct lease_record record;
		int64_t left_ms;

		lease_describe(table, lease, &record);
		if (record.flags & LEASE_DERIVED)
			continue;
		left_ms = record.deadline_ms - l->now_ms;
		if (state > to->state)
			to->state = state;
		if (!to->leases || left_ms < to->left_ms)
			to->left_ms = left_ms;
		if (!to->leases++ || record.seen_s > to->seen_s)
			note_latest(to, &record);
		memcpy(to->name, record.owner, name_len(record.owner));
	}
	return to->leases > 0;
}

static bool has_no_lease(const struct looking *l, const uint8_t *name)
{
	struct view_host host;

	return !describe_leased(l, lease_first_at(l->zone->content.leases, name), &host);
}

static void describe_without_lease(
	const struct looking *l, const uint8_t *name, struct view_host *to)
{
	const struct seen_host *seen =
		seen_find(l->zone->served->requests.seen, l->zone->content.id, name);

	*to = (struct view_host){.state = lease_is_held(l->zone->content.leases, name)
			? LEASE_HELD
			: LEASE_ACTIVE};
	memcpy(to->name, name, name_len(name));
	if (!seen)
		return;
	to->has_key = true;
	memcpy(to->key, seen->key, name_len(seen->key));
	to->source = seen->source;
	to->seen_s = seen->at_s;
}

static void add_host(struct view_hosts *page, const struct view_host *host)
{
	struct view_host *to =
		make_room((void **)&page->hosts, &page->count, &page->room, sizeof(*to));

	if (to)
		*to = *host;
	else
		page->has_failed = true;
}

/* Each host, at the first of its leases. */
static void look_at_host(const struct lease *lease, void *arg)
{
	const struct looking *l = arg;
	const struct lease_table *table = l->zone->content.leases;
	struct lease_record record;
	struct view_host host;

	lease_describe(table, lease, &record);
	if (lease_first_at(table, record.owner) == lease &&
		describe_leased(l, lease, &host))
		add_host(l->to.hosts, &host);
}

static void look_at_held(const uint8_t *name, void *arg)
{
	const struct looking *l = arg;
	struct view_host host;

	if (!has_no_lease(l, name))
		return;
	describe_without_lease(l, name, &host);
	add_host(l->to.hosts, &host);
}

/* Few hosts are held, each by an administrator's order: they come with the last page. */
static void look_at_leased(struct looking *l, struct view_hosts *page)
{
	page->cursor = lease_table_scan(
		l->zone->content.leases, page->cursor, VIEW_PAGE_MAX, look_at_host, l);
	if (!page->cursor)
		lease_each_hold(l->zone->content.leases, look_at_held, l);
}

/* Does it have permanent records, and has it been heard of? */
static bool is_permanent(const struct looking *l, const uint8_t *name)
{
	const struct served_zone *zone = l->zone;

	return zone->content.mirror && zone_is_name_in_use(zone->content.mirror, name) &&
		!lease_is_held(zone->content.leases, name) && has_no_lease(l, name);
}

static void look_at_permanent(const struct looking *l, struct view_hosts *page)
{
	const struct served_zone *zone = l->zone;
	const struct seen_host *seen = NULL;
	size_t at = (size_t)page->cursor;
	struct view_host host;

	while (page->count < VIEW_PAGE_MAX &&
		(seen = seen_next(zone->served->requests.seen, zone->content.id, &at))) {
		if (!is_permanent(l, seen->owner))
			continue;
		describe_without_lease(l, seen->owner, &host);
		add_host(page, &host);
	}
	page->cursor = seen ? at : 0;
}

static void look_at_one(const struct looking *l, struct view_hosts *page)
{
	const struct lease *first = lease_first_at(l->zone->content.leases, page->name);
	struct view_host host;
	bool is_there = describe_leased(l, first, &host);

	if (!is_there) {
		describe_without_lease(l, page->name, &host);
		is_there = host.state == LEASE_HELD ||
			(host.has_key && is_permanent(l, page->name));
	}
	if (is_there)
		add_host(page, &host);
}

bool view_hosts(struct served *served, struct zone_call *call)
{
	struct view_hosts *page = call->subject;
	struct looking l = {.zone = zone_of(served, call), .to.hosts = page};

	if (!l.zone) {
		page->cursor = 0;
		return true;
	}
	l.now_ms = content_service_ms(&l.zone->content);
	if (page->kind == VIEW_ONE)
		look_at_one(&l, page);
	else if (page->kind == VIEW_PERMANENT)
		look_at_permanent(&l, page);
	else
		look_at_leased(&l, page);
	return true;
}

void view_hosts_clear(struct view_hosts *page)
{
	free(page->hosts);
	page->hosts = NULL;
	page->count = page->room = 0;
}

/* ---- orders ---- */

static void on_stored(int result, void *arg)
{
	struct view_order *order = arg;

	order->result = result;
	zone_call_finish(order->call);
}

static size_t retry(const struct content *content)
{
	size_t count = 0;

	for (size_t i = 0; i < content->delivery_count; i++)
		count += delivery_retry(content->deliveries[i]);
	return count;
}

/* 0 or -errno; 0 for an order that has to be stored means that on_stored will be
 * called. */
static int carry_out(struct view_order *order, struct served_zone *zone)
{
	switch (order->verb) {
	case VIEW_EXPIRE:
		return served_expire_host(zone, order->host, &order->why, &order->count);
	case VIEW_HOLD:
	case VIEW_RELEASE:
		return served_hold_host(zone, order->host, order->verb == VIEW_HOLD,
			&order->why, on_stored, order);
	case VIEW_RESUME:
		return served_resume(zone, &order->why);
	case VIEW_RETRY:
		order->count = retry(&zone->content);
		return 0;
	case VIEW_REMOVE:
		order->count = 1;
		return served_remove_lease(
			zone, &order->lease, &order->why, on_stored, order);
	case VIEW_FILL:
	case VIEW_TAKE:
		return restored_decide(zone, order->verb == VIEW_TAKE, &order->why);
	}
	return -EINVAL;
}

bool view_give(struct served *served, struct zone_call *call)
{
	struct view_order *order = call->subject;
	struct served_zone *zone = zone_of(served, call);

	order->call = call;
	order->result = zone ? carry_out(order, zone) : -EAGAIN;
	return order->result ||
		(order->verb != VIEW_HOLD && order->verb != VIEW_RELEASE &&
			order->verb != VIEW_REMOVE);
}

static bool wants(const uint8_t *owner, void *arg)
{
	const struct view_adoption *a = arg;

	return !a->wants || a->wants(owner, a->arg);
}

static void note_adopted(
	const struct rr *rr, const struct lease_origin *origin, void *arg)
{
	struct view_adoption *a = arg;
	const struct lease_record record = {
		.owner = rr->owner,
		.type = rr->type,
		.rdata = rr->rdata,
		.rdata_len = rr->rdata_len,
		.key = origin->key,
		.duration_s = origin->rule->lease_default_s,
	};

	if (a->records.count == VIEW_PAGE_MAX || a->records.has_failed)
		return;
	copy_lease(&a->records, &record, LEASE_ACTIVE, 0);
	if (!a->records.has_failed)
		a->records.leases[a->records.count - 1].line = origin->rule->line;
}

static void on_adopted(int result, const struct adopted *found, void *arg)
{
	struct view_adoption *a = arg;

	a->result = result;
	a->lease_count = found->leases;
	a->names = found->names;
	zone_call_finish(a->call);
}

bool view_adopt(struct served *served, struct zone_call *call)
{
	struct view_adoption *a = call->subject;
	struct served_zone *zone = zone_of(served, call);
	const struct adopting how = {
		.is_dry = a->is_dry,
		.why = a->why,
		.wants = wants,
		.visit = note_adopted,
		.done = on_adopted,
		.arg = a,
	};

	a->call = call;
	a->result = zone ? adopt_begin(zone, &how) : -EAGAIN;
	return a->result != 0;
}
