/*
 * Reports what happens to hosts: a line in the log (limited per second), a row in the
 * audit, a number for metrics, and the actions of on_stale and on_expire.
 *
 * Derived records are not reported: their hosts are in other zones.
 */
#include "gateway/leases/leases.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"
#include "zones/rdata.h"

enum { RECORDS_MAX = 32, TIME_TEXT_MAX = 32, SOURCE_TEXT_MAX = 46 };

/* ---- texts ---- */

static void write_time(int64_t seconds, char buf[TIME_TEXT_MAX])
{
	const time_t time = (time_t)seconds;
	struct tm tm;

	snprintf(buf, TIME_TEXT_MAX, "at no known time");
	if (seconds > 0 && gmtime_r(&time, &tm))
		strftime(buf, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void write_source(const struct ip_address *source, char buf[SOURCE_TEXT_MAX])
{
	buf[0] = '\0';
	if (source->family)
		inet_ntop(source->family == 4 ? AF_INET : AF_INET6, source->octets, buf,
			SOURCE_TEXT_MAX);
}

/* "last seen 2030-01-31T12:00:00Z by key host.example. from 192.0.2.1" */
static struct verdict describe(const char *what, const struct lease_record *record)
{
	char seen[TIME_TEXT_MAX], source[SOURCE_TEXT_MAX], key[NAME_TEXT_MAX];
	struct verdict why = {.ede = EDE_NONE};

	write_time(record->seen_s, seen);
	write_source(&record->source, source);
	name_to_text(record->key, key);
	snprintf(why.why, sizeof(why.why), "%s: last seen %s by key %.80s%s%s", what,
		seen, key, source[0] ? " from " : "", source);
	return why;
}

/* ---- actions ---- */

struct telling {
	char host[NAME_TEXT_MAX], key[NAME_TEXT_MAX], source[SOURCE_TEXT_MAX];
	char *records[RECORDS_MAX];
	size_t record_count;
};

static void add_record(struct telling *telling, const struct lease_record *record)
{
	char name[RDATA_TYPE_NAME_MAX], *text;

	if (telling->record_count == RECORDS_MAX)
		return;
	text = rdata_to_text(record->type, record->rdata, record->rdata_len);
	if (text &&
		asprintf(&telling->records[telling->record_count], "%s %s",
			rdata_type_name(record->type, name), text) >= 0)
		telling->record_count++;
	free(text);
}

static void tell(struct zone_leases *leases, const char *what, const char *event,
	const struct lease_record *record, struct telling *telling)
{
	write_source(&record->source, telling->source);
	actions_begin(leases->actions,
		&(struct action){
			.what = what,
			.event = event,
			.zone = leases->content->text,
			.host = name_to_text(record->owner, telling->host),
			.key = name_to_text(record->key, telling->key),
			.source = telling->source[0] ? telling->source : NULL,
			.seen_s = record->seen_s,
			.records = (const char *const *)telling->records,
			.record_count = telling->record_count,
		});
	for (size_t i = 0; i < telling->record_count; i++)
		free(telling->records[i]);
}

static void act_on_stale(struct zone_leases *leases, const struct lease_record *record)
{
	const struct lease_table *table = leases->table;
	struct telling telling = {.record_count = 0};
	struct lease_record other;

	if (!leases->content->rules->on_stale)
		return;
	for (const struct lease *lease = lease_first_at(table, record->owner); lease;
		lease = lease_next_at(table, lease)) {
		lease_describe(table, lease, &other);
		add_record(&telling, &other);
	}
	tell(leases, leases->content->rules->on_stale, "stale", record, &telling);
}

static bool is_told(const struct lease_change *change)
{
	return change->had && !change->has && !(change->before.flags & LEASE_DERIVED);
}

static void act_on_expire(struct zone_leases *leases, const struct lease_changes *changes,
	const struct lease_record *record)
{
	struct telling telling = {.record_count = 0};

	if (!leases->content->rules->on_expire)
		return;
	for (size_t i = 0; i < changes->count; i++) {
		const struct lease_change *change = &changes->changes[i];

		if (is_told(change) && name_is_equal(change->before.owner, record->owner))
			add_record(&telling, &change->before);
	}
	tell(leases, leases->content->rules->on_expire, "expired", record, &telling);
}

/* ---- audit ---- */

struct event_row {
	struct journal_op op;
	uint8_t host[NAME_MAX_LEN], key[NAME_MAX_LEN];
	struct lease_record last; /* only key, source and seen_s */
};

static void on_row_written(struct journal_op *op, void *arg)
{
	struct event_row *row = arg;

	(void)op; /* a row that could not be written has no other effect */
	free(row);
}

void leases_note(struct zone_leases *leases, const char *event, const uint8_t *host,
	const struct lease_record *last, const struct verdict *why)
{
	struct content *content = leases->content;
	struct zone_thread *thread = content->thread;
	struct event_row *row = NULL;

	if (!thread->is_broken && !thread->is_over)
		row = calloc(1, sizeof(*row));
	if (!row)
		return;
	if (host)
		memcpy(row->host, host, name_len(host));
	if (last) {
		memcpy(row->key, last->key, name_len(last->key));
		row->last.key = row->key;
		row->last.source = last->source;
		row->last.seen_s = last->seen_s;
	}
	row->op = (struct journal_op){
		.kind = JOURNAL_APPEND,
		.zone = content->id,
		.at_ms = turn_real_ms(&thread->time),
		.verdict = *why,
		.event = event,
		.host = host ? row->host : NULL,
		.last = last ? &row->last : NULL,
		.done = on_row_written,
		.arg = row,
	};
	content_submit(content, &row->op);
}

/* ---- states ---- */

static void log_of_host(const struct zone_leases *leases, const uint8_t *host,
	const char *state, const struct verdict *why)
{
	char text[NAME_TEXT_MAX];

	log_limited(LOG_HOST, turn_monotonic_ms(&leases->content->thread->time),
		"zone %s: %s %s, %s", leases->content->text, name_to_text(host, text),
		state, why->why);
}

static void went_stale(struct zone_leases *leases, const struct lease_record *record)
{
	const struct verdict why = describe("it missed its heartbeat", record);

	leases->counters.went_stale++;
	log_of_host(leases, record->owner, "is stale", &why);
	leases_note(leases, "stale", record->owner, record, &why);
	act_on_stale(leases, record);
}

static void came_back(struct zone_leases *leases, const struct lease_record *record)
{
	const struct verdict why = describe("it is active again", record);

	leases->counters.came_back++;
	log_of_host(leases, record->owner, "is back", &why);
	leases_note(leases, "active", record->owner, record, &why);
}

static void braked(struct zone_leases *leases)
{
	const struct lease_expiry *expiry = &leases->content->rules->expiry;
	const struct lease_table *table = leases->table;
	struct verdict why = {.ede = EDE_NONE};

	snprintf(why.why, sizeof(why.why),
		"%zu of %zu %s overdue, which is more than the brake allows (%u %% and "
		"%u)",
		lease_table_count_stale(table), lease_table_count(table),
		PLURAL(lease_table_count(table), "lease"), expiry->brake_percent,
		expiry->brake_count);
	leases->counters.braked++;
	log_warning(
		"zone %s: expiry has stopped: %s; it goes on when they are refreshed, or "
		"by musterctl resume %s",
		leases->content->text, why.why, leases->content->text);
	leases_note(leases, "brake", NULL, NULL, &why);
}

void leases_on_event(
	enum lease_event_kind kind, const struct lease_record *record, void *arg)
{
	const struct verdict on = {.ede = EDE_NONE, .why = "expiry goes on"};
	struct zone_leases *leases = arg;

	if (record && record->flags & LEASE_DERIVED)
		return;
	switch (kind) {
	case LEASE_EVENT_STALE:
		went_stale(leases, record);
		return;
	case LEASE_EVENT_ACTIVE:
		came_back(leases, record);
		return;
	case LEASE_EVENT_BRAKE:
		braked(leases);
		return;
	case LEASE_EVENT_FREE:
		log_info("zone %s: %s", leases->content->text, on.why);
		leases_note(leases, "resumed", NULL, NULL, &on);
		return;
	}
}

/* ---- expiry ---- */

/* The next host that ends here, each once; NULL after the last. */
static const struct lease_record *next_host(
	const struct lease_changes *changes, size_t *at)
{
	for (; changes && *at < changes->count; ++*at) {
		const struct lease_change *change = &changes->changes[*at];
		size_t i = 0;

		if (!is_told(change))
			continue;
		while (!is_told(&changes->changes[i]) ||
			!name_is_equal(
				changes->changes[i].before.owner, change->before.owner))
			i++;
		if (i == *at) {
			++*at;
			return &change->before;
		}
	}
	return NULL;
}

void leases_tell_expiring(struct zone_leases *leases, const struct changeset *cs)
{
	const struct lease_record *record;
	size_t at = 0;

	while ((record = next_host(cs->leases, &at))) {
		const struct verdict why = describe("its lease ended", record);

		leases_note(leases, STORE_EVENT_EXPIRED, record->owner, record, &why);
	}
}

void leases_tell_expired(struct zone_leases *leases, const struct changeset *cs)
{
	struct lease_counters *counters = &leases->counters;
	const struct lease_record *record;
	size_t at = 0;

	for (size_t i = 0; cs->leases && i < cs->leases->count; i++)
		counters->expired_records += !cs->leases->changes[i].has;
	while ((record = next_host(cs->leases, &at))) {
		const struct verdict why = describe("its lease ended", record);

		counters->expired_hosts++;
		log_of_host(leases, record->owner, "has expired", &why);
		act_on_expire(leases, cs->leases, record);
	}
}
