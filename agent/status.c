/*
 * Writing and reading the state file, and showing it to people.
 *
 * The JSON is written directly: a tree of values for thousands of records would be larger
 * than everything else that the agent holds.
 */
#include "agent/status.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/printable.h"
#include "gateway/base/supervise.h"
#include "tsig/plural.h"
#include "zones/rdata.h"

enum {
	STATUS_VERSION = 1,
	STATUS_MODE = 0644,
	TIME_TEXT_MAX = 32,
	DATA_MAX = 4096, /* octets of one record's RDATA in the file */
};

/* ---- writing ---- */

static void write_text(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc(printable_is(*text) ? *text : '?', out);
	}
	putc('"', out);
}

static int64_t real_time(const struct status *status, int64_t steady_ms)
{
	return status->real_s + (steady_ms - status->steady_ms) / 1000;
}

/* One record at all gateways of its zone. */
struct row {
	const struct record *record;
	const struct ledger_entry *entries[CONFIG_GATEWAYS_MAX]; /* NULL: not there */
	unsigned places[CONFIG_GATEWAYS_MAX]; /* in the zone's list of gateways */
	size_t count;
};

static const char *row_state(const struct row *row)
{
	bool is_wanted = false, is_held = false, is_refused = false;

	for (size_t i = 0; i < row->count; i++) {
		const struct ledger_entry *entry = row->entries[i];

		is_wanted |= entry && entry->is_wanted;
		is_held |= entry && entry->is_wanted && entry->is_held;
		is_refused |= entry && entry->is_refused;
	}
	if (!is_wanted)
		return "leaving";
	return is_held ? "published" : is_refused ? "refused" : "waiting";
}

static void write_places(FILE *out, const struct row *row)
{
	const char *separator = "";

	fputs(", \"at\": [", out);
	for (size_t i = 0; i < row->count; i++) {
		if (!row->entries[i] || !row->entries[i]->is_sent)
			continue;
		fprintf(out, "%s%u", separator, row->places[i]);
		separator = ", ";
	}
	fputs("]", out);
}

static void write_promises(FILE *out, const struct status *status, const struct row *row)
{
	bool is_there = false, is_leased = false;
	int64_t expires_ms = INT64_MIN;
	unsigned refusals = 0;

	for (size_t i = 0; i < row->count; i++) {
		const struct ledger_entry *entry = row->entries[i];

		if (!entry)
			continue;
		is_there |= entry->is_there;
		is_leased |= entry->is_leased;
		if ((entry->is_held || entry->is_leased) &&
			entry->expires_ms > expires_ms)
			expires_ms = entry->expires_ms;
		if (!entry->is_wanted && entry->refusals > refusals)
			refusals = entry->refusals;
	}
	if (is_there)
		fputs(", \"there\": true", out);
	if (is_leased)
		fputs(", \"leased\": true", out);
	if (refusals)
		fprintf(out, ", \"refusals\": %u", refusals);
	if (expires_ms != INT64_MIN)
		fprintf(out, ", \"until\": %" PRId64, real_time(status, expires_ms));
}

static bool write_record(FILE *out, const struct status *status, const struct row *row)
{
	const struct record *record = row->record;
	char type[RDATA_TYPE_NAME_MAX], owner[NAME_TEXT_MAX];
	char *data = rdata_to_text(record->type, record->rdata, record->len);

	if (!data)
		return false;
	fputs("{\"name\": ", out);
	write_text(out, name_to_text(record->owner, owner));
	fprintf(out, ", \"ttl\": %" PRIu32 ", \"type\": ", record->ttl);
	write_text(out, rdata_type_name(record->type, type));
	fputs(", \"data\": ", out);
	write_text(out, data);
	free(data);
	fprintf(out, ", \"state\": \"%s\"", row_state(row));
	write_promises(out, status, row);
	write_places(out, row);
	putc('}', out);
	return true;
}

/* The ledgers are sorted, so they can be read side by side like one. */
struct merge {
	const struct ledger *ledgers[CONFIG_GATEWAYS_MAX]; /* NULL: none */
	size_t at[CONFIG_GATEWAYS_MAX];
	size_t count;
};

static const struct ledger_entry *merge_head(const struct merge *merge, size_t i)
{
	const struct ledger *ledger = merge->ledgers[i];

	return ledger && merge->at[i] < ledger->count ? &ledger->entries[merge->at[i]]
						      : NULL;
}

static bool merge_next(struct merge *merge, struct row *ret)
{
	const struct record *least = NULL;
	unsigned place = 0;

	for (size_t i = 0; i < merge->count; i++) {
		const struct ledger_entry *head = merge_head(merge, i);

		if (head && (!least || record_compare(&head->record, least) < 0))
			least = &head->record;
	}
	*ret = (struct row){.record = least, .count = merge->count};
	for (size_t i = 0; i < merge->count && least; i++) {
		const struct ledger_entry *head = merge_head(merge, i);

		ret->places[i] = place;
		place += merge->ledgers[i] != NULL; /* only those stand in the list */
		if (!head || record_compare(&head->record, least))
			continue;
		ret->entries[i] = head;
		merge->at[i]++;
	}
	return least != NULL;
}

static void merge_init(
	struct merge *merge, const struct status *status, const struct roster *roster)
{
	*merge = (struct merge){.count = status->config->gateway_count};
	for (size_t i = 0; i < merge->count; i++) {
		struct publisher *p = roster_publisher(roster, i);

		merge->ledgers[i] = p ? publisher_ledger(p) : NULL;
	}
}

static bool write_records(
	FILE *out, const struct status *status, const struct roster *roster)
{
	const char *separator = "\n      ";
	struct merge merge;
	struct row row;

	merge_init(&merge, status, roster);
	fputs(", \"records\": [", out);
	while (merge_next(&merge, &row)) {
		if (!row.record->len)
			continue;
		fputs(separator, out);
		if (!write_record(out, status, &row))
			return false;
		separator = ",\n      ";
	}
	fputs("]", out);
	return true;
}

static void write_answer(
	FILE *out, const struct status *status, const struct publisher_status *s)
{
	if (s->has_tried) {
		fputs(",\n     \"gateway\": ", out);
		write_text(out, s->gateway);
		fputs(", \"answer\": ", out);
		write_text(out, s->answer);
		fprintf(out, ", \"answered\": %" PRId64, s->answered_s);
	}
	if (s->lease_s)
		fprintf(out, ", \"lease\": %" PRIu32 ", \"granted\": %s", s->lease_s,
			s->is_lease_granted ? "true" : "false");
	if (s->next_ms != INT64_MAX)
		fprintf(out, ", \"next\": %" PRId64, real_time(status, s->next_ms));
}

static void write_gateways(
	FILE *out, const struct status *status, const struct roster *roster)
{
	const char *separator = "\n      ";

	fputs(",\n     \"gateways\": [", out);
	for (size_t i = 0; i < status->config->gateway_count; i++) {
		struct publisher *p = roster_publisher(roster, i);
		const struct publisher_status *s = p ? publisher_status(p) : NULL;

		if (!s)
			continue;
		fputs(separator, out);
		fputs("{\"gateway\": ", out);
		write_text(out, s->gateway);
		fprintf(out, ", \"ok\": %s, \"failures\": %u, \"updates\": %lu",
			s->is_ok ? "true" : "false", s->failures, s->updates);
		fprintf(out, ", \"records\": %zu",
			ledger_count_held(publisher_ledger(p)));
		if (s->has_tried) {
			fputs(", \"answer\": ", out);
			write_text(out, s->answer);
			fprintf(out, ", \"answered\": %" PRId64, s->answered_s);
		}
		putc('}', out);
		separator = ",\n      ";
	}
	fputs("]", out);
}

static unsigned count_failures(const struct status *status, const struct roster *roster)
{
	unsigned least = UINT_MAX;

	for (size_t i = 0; i < status->config->gateway_count; i++) {
		struct publisher *p = roster_publisher(roster, i);

		if (p && publisher_status(p)->failures < least)
			least = publisher_status(p)->failures;
	}
	return least;
}

static unsigned long count_updates(
	const struct status *status, const struct roster *roster)
{
	unsigned long count = 0;

	for (size_t i = 0; i < status->config->gateway_count; i++) {
		struct publisher *p = roster_publisher(roster, i);

		count += p ? publisher_status(p)->updates : 0;
	}
	return count;
}

static bool write_zone(
	FILE *out, const struct status *status, const struct roster *roster)
{
	struct publisher_status front = *publisher_status(roster_front(roster));
	char zone[NAME_TEXT_MAX];

	front.next_ms = roster_next_ms(roster);
	fputs("{\"zone\": ", out);
	write_text(out, name_to_text(roster_zone(roster), zone));
	fprintf(out, ", \"ok\": %s, \"failures\": %u, \"updates\": %lu",
		roster_is_ok(roster) ? "true" : "false", count_failures(status, roster),
		count_updates(status, roster));
	write_answer(out, status, &front);
	write_gateways(out, status, roster);
	if (!write_records(out, status, roster))
		return false;
	putc('}', out);
	return true;
}

bool status_is_source_well(const struct source *source)
{
	return source && source->is_known && !source->why[0];
}

static void write_source(FILE *out, const struct status *status, size_t i)
{
	static const char *const types[SOURCE_TYPES] = {
		"interfaces", "hosts", "docker", "whoami", "command"};
	const struct source *source = status->sources ? status->sources[i] : NULL;
	const char *why = "it could not be started; the log says why";

	if (source)
		why = source->why[0] || source->is_known
			? source->why
			: "nothing is known about it yet";
	fputs(i ? ",\n    " : "\n    ", out);
	fprintf(out, "{\"type\": \"%s\", \"ok\": %s, \"subject\": ",
		types[status->config->sources[i].type],
		status_is_source_well(source) ? "true" : "false");
	write_text(out, source ? source_subject(source) : "");
	fprintf(out, ", \"records\": %zu, \"why\": ",
		source ? records_count_data(&source->records) : 0);
	write_text(out, why);
	putc('}', out);
}

static void write_host(FILE *out, const struct status *status)
{
	const struct host *host = status->host;

	fprintf(out, ",\n \"host\": {\"machine\": \"%s\", \"links\": [", host->machine);
	for (unsigned i = 0; i < host->link_count; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", host->links[i]);
	fprintf(out, "], \"lock\": %" PRIu64 ", \"guest\": %s}", host->lock,
		status->is_guest ? "true" : "false");
}

static bool write_all(FILE *out, const struct status *status)
{
	char name[NAME_TEXT_MAX];

	fprintf(out,
		"{\"version\": %d, \"pid\": %ld, \"started\": %" PRId64 ",\n \"name\": ",
		STATUS_VERSION, (long)getpid(), status->started_s);
	write_text(out, name_to_text(status->config->name, name));
	write_host(out, status);
	fputs(",\n \"sources\": [", out);
	for (size_t i = 0; i < status->config->source_count && status->sources; i++)
		write_source(out, status, i);
	fputs("],\n \"zones\": [", out);
	for (size_t i = 0; i < status->roster_count; i++) {
		fputs(i ? ",\n    " : "\n    ", out);
		if (!write_zone(out, status, status->rosters[i]))
			return false;
	}
	fputs("]}\n", out);
	return true;
}

int status_write(const char *path, const struct status *status)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool is_whole;
	int r;

	if (!out)
		return -ENOMEM;
	is_whole = write_all(out, status) && !ferror(out);
	if (fclose(out) || !is_whole) {
		free(text);
		return -ENOMEM;
	}
	r = supervise_write_file(path, text, STATUS_MODE, (uid_t)-1, (gid_t)-1);
	free(text);
	return r;
}

/* ---- reading ---- */

static int load(const char *path, json_t **ret_root)
{
	json_error_t error;
	json_t *root;

	if (access(path, F_OK))
		return -errno;
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return -EINVAL;
	if (json_integer_value(json_object_get(root, "version")) != STATUS_VERSION ||
		!json_is_array(json_object_get(root, "zones"))) {
		json_decref(root);
		return -EINVAL;
	}
	*ret_root = root;
	return 0;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static bool read_name(const json_t *object, const char *member, uint8_t *ret)
{
	if (name_from_text(ret, text_of(object, member), NULL))
		return false;
	name_lower(ret);
	return true;
}

/* Who gets the records of a state file, and by which clock their times are. */
struct reading {
	struct turn_clock *clock;
	status_visit *visit;
	void *arg;
};

static int64_t steady_time(struct turn_clock *clock, json_int_t real_s)
{
	return turn_monotonic_ms(clock) +
		INT64_C(1000) * ((int64_t)real_s - turn_real_s(clock));
}

static void read_promises(struct turn_clock *clock, const json_t *zone,
	const json_t *object, struct ledger_entry *ret)
{
	const json_t *until = json_object_get(object, "until");

	/* Files of old versions have neither "there" nor "leased", nor "at". */
	ret->is_there = json_is_true(json_object_get(object, "there")) ||
		(!json_object_get(object, "at") &&
			!strcmp(text_of(object, "state"), "published"));
	ret->is_leased = until &&
		(json_is_true(json_object_get(object, "leased")) ||
			(!json_object_get(object, "at") &&
				json_is_true(json_object_get(zone, "granted"))));
	if (until)
		ret->expires_ms = steady_time(clock, json_integer_value(until));
	ret->refusals = (unsigned)json_integer_value(json_object_get(object, "refusals"));
}

/* Visits the gateways where the record may be: those that the file names, or in old files
 * the one that answered. */
static bool visit_places(const json_t *zone, const json_t *object, const uint8_t *name,
	const struct ledger_entry *entry, const struct reading *reading)
{
	const json_t *places = json_object_get(object, "at"), *place;
	const json_t *gateways = json_object_get(zone, "gateways");
	bool is_going = true;
	size_t i;

	if (!places)
		return reading->visit(
			reading->arg, name, text_of(zone, "gateway"), entry);
	json_array_foreach(places, i, place)
	{
		const json_t *gateway =
			json_array_get(gateways, (size_t)json_integer_value(place));

		is_going = is_going &&
			reading->visit(
				reading->arg, name, text_of(gateway, "gateway"), entry);
	}
	return is_going;
}

static bool visit_record(const json_t *zone, const uint8_t *name, const json_t *object,
	const struct reading *reading)
{
	static const uint8_t root[] = {0};
	uint8_t owner[NAME_MAX_LEN], rdata[DATA_MAX];
	struct ledger_entry entry = {
		.record = {
			.owner = owner,
			.rdata = rdata,
			.type = rdata_type_from_name(text_of(object, "type")),
			.ttl = (uint32_t)json_integer_value(
				json_object_get(object, "ttl")),
		}};
	int len;

	if (!entry.record.type || !read_name(object, "name", owner) ||
		!name_is_subdomain(owner, name))
		return true;
	len = rdata_from_text(
		entry.record.type, text_of(object, "data"), root, rdata, sizeof(rdata));
	if (len <= 0)
		return true;
	entry.record.len = (uint16_t)len;
	read_promises(reading->clock, zone, object, &entry);
	return visit_places(zone, object, name, &entry, reading);
}

static void read_digest(char out[HOST_DIGEST_MAX], const char *text)
{
	snprintf(out, HOST_DIGEST_MAX, "%s", text);
}

static void read_owner(const json_t *root, struct status_owner *ret)
{
	const json_t *object = json_object_get(root, "host"), *link;
	struct host *host = &ret->host;
	size_t i;

	*ret = (struct status_owner){0};
	ret->is_guest = json_is_true(json_object_get(object, "guest"));
	read_digest(host->machine, text_of(object, "machine"));
	host->lock = (uint64_t)json_integer_value(json_object_get(object, "lock"));
	json_array_foreach(json_object_get(object, "links"), i, link)
	{
		if (host->link_count < HOST_LINKS_MAX && json_is_string(link))
			read_digest(
				host->links[host->link_count++], json_string_value(link));
	}
}

int status_read(const char *path, struct turn_clock *clock,
	struct status_owner *ret_owner, status_visit *visit, void *arg)
{
	const struct reading reading = {.clock = clock, .visit = visit, .arg = arg};
	uint8_t name[NAME_MAX_LEN];
	json_t *root, *zone, *record;
	size_t i, j;
	bool is_going = true;
	int r = load(path, &root);

	if (r)
		return r;
	read_owner(root, ret_owner);
	json_array_foreach(json_object_get(root, "zones"), i, zone)
	{
		if (!visit || !read_name(zone, "zone", name))
			continue;
		json_array_foreach(json_object_get(zone, "records"), j, record) is_going =
			is_going && visit_record(zone, name, record, &reading);
	}
	json_decref(root);
	return is_going ? 0 : -ENOMEM;
}

/* ---- showing ---- */

static const char *local_time(json_int_t seconds, char buf[TIME_TEXT_MAX])
{
	const time_t t = (time_t)seconds;
	struct tm tm;

	if (!seconds || !localtime_r(&t, &tm) ||
		!strftime(buf, TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm))
		return "-";
	return buf;
}

/* Prints all gateways if there are several, or the only one if it fails. */
static void print_gateways(const json_t *zone)
{
	const json_t *gateways = json_object_get(zone, "gateways"), *gateway;
	size_t i;

	if (json_array_size(gateways) < 2)
		return;
	json_array_foreach(gateways, i, gateway)
	{
		const json_int_t count =
			json_integer_value(json_object_get(gateway, "records"));

		printf("at       %s: %s%lld %s%s%s\n", text_of(gateway, "gateway"),
			json_is_true(json_object_get(gateway, "ok")) ? "" : "FAILS, ",
			(long long)count, PLURAL(count, "record"),
			*text_of(gateway, "answer") ? ", " : "",
			text_of(gateway, "answer"));
	}
}

static void print_sources(const json_t *root)
{
	const json_t *source;
	size_t i;

	json_array_foreach(json_object_get(root, "sources"), i, source)
	{
		const char *subject = text_of(source, "subject");
		const json_int_t count =
			json_integer_value(json_object_get(source, "records"));

		printf("source   %s%s%s: ", text_of(source, "type"), *subject ? " " : "",
			subject);
		if (json_is_true(json_object_get(source, "ok")))
			printf("%lld %s\n", (long long)count, PLURAL(count, "record"));
		else
			printf("FAILS: %s\n", text_of(source, "why"));
	}
}

static void print_zone(const json_t *zone)
{
	char answered[TIME_TEXT_MAX], next[TIME_TEXT_MAX], until[TIME_TEXT_MAX];
	const json_t *record;
	size_t i;

	printf("\nzone     %s\n", text_of(zone, "zone"));
	printf("gateway  %s\n",
		*text_of(zone, "gateway") ? text_of(zone, "gateway") : "-");
	printf("answer   %s (%s)\n",
		*text_of(zone, "answer") ? text_of(zone, "answer") : "none yet",
		local_time(
			json_integer_value(json_object_get(zone, "answered")), answered));
	if (json_object_get(zone, "lease"))
		printf("lease    %lld s, %s\n",
			(long long)json_integer_value(json_object_get(zone, "lease")),
			json_is_true(json_object_get(zone, "granted"))
				? "granted by the server"
				: "our own: the server grants none");
	printf("next     %s\n",
		local_time(json_integer_value(json_object_get(zone, "next")), next));
	print_gateways(zone);
	json_array_foreach(json_object_get(zone, "records"), i, record) printf(
		"  %-10s %s %s %s%s%s\n", text_of(record, "state"),
		text_of(record, "name"), text_of(record, "type"), text_of(record, "data"),
		json_object_get(record, "until") ? "  until " : "",
		json_object_get(record, "until")
			? local_time(json_integer_value(json_object_get(record, "until")),
				  until)
			: "");
}

static void print_for_people(const json_t *root, bool is_running)
{
	char started[TIME_TEXT_MAX];
	const json_t *zone;
	size_t i;

	printf("host     %s\n", text_of(root, "name"));
	if (is_running)
		printf("agent    runs since %s, process %lld\n",
			local_time(json_integer_value(json_object_get(root, "started")),
				started),
			(long long)json_integer_value(json_object_get(root, "pid")));
	else
		printf("agent    does not run: leases end at their time\n");
	print_sources(root);
	json_array_foreach(json_object_get(root, "zones"), i, zone) print_zone(zone);
}

static bool is_each_ok(const json_t *array)
{
	const json_t *object;
	size_t i;

	json_array_foreach(array, i,
		object) if (!json_is_true(json_object_get(object, "ok"))) return false;
	return true;
}

static bool is_all_well(const json_t *root)
{
	return is_each_ok(json_object_get(root, "zones")) &&
		is_each_ok(json_object_get(root, "sources"));
}

int status_print(const char *path, bool as_json)
{
	const bool is_running = supervise_is_locked(path, STATUS_LOCK_SUFFIX);
	json_t *root;
	const int r = load(path, &root);
	int status;

	if (r) {
		fprintf(stderr,
			"muster-agent: %s: %s; has the agent run, with this "
			"configuration?\n",
			path, r == -EINVAL ? "no state file" : strerror(-r));
		return 2;
	}
	if (as_json) {
		json_object_set_new(root, "running", json_boolean(is_running));
		json_dumpf(root, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_for_people(root, is_running);
	}
	status = is_running && is_all_well(root) ? 0 : 1;
	json_decref(root);
	return status;
}
