/*
 * Writing and reading the state file, and showing it to people.
 *
 * It is written by hand: a tree of JSON values for thousands of records would be larger
 * than all else that the agent holds.
 */
#include "agent/status.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/daemon.h"
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
		putc(*text < ' ' || *text > '~' ? '?' : *text, out);
	}
	putc('"', out);
}

static int64_t real_time(const struct status *status, int64_t steady_ms)
{
	return status->real_s + (steady_ms - status->steady_ms) / 1000;
}

static bool write_record(
	FILE *out, const struct status *status, const struct ledger_entry *entry)
{
	const struct record *record = &entry->record;
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
	fprintf(out, ", \"state\": \"%s\"",
		!entry->is_wanted           ? "leaving"
			: entry->is_held    ? "published"
			: entry->is_refused ? "refused"
					    : "waiting");
	if (entry->is_wanted && entry->is_held)
		fprintf(out, ", \"until\": %" PRId64,
			real_time(status, entry->expires_ms));
	putc('}', out);
	return true;
}

static bool write_records(
	FILE *out, const struct status *status, const struct ledger *ledger)
{
	const char *separator = "\n      ";

	fputs(", \"records\": [", out);
	for (size_t i = 0; i < ledger->count; i++) {
		if (!ledger->entries[i].record.len)
			continue;
		fputs(separator, out);
		if (!write_record(out, status, &ledger->entries[i]))
			return false;
		separator = ",\n      ";
	}
	fputs("]", out);
	return true;
}

static bool write_zone(
	FILE *out, const struct status *status, struct publisher *publisher)
{
	const struct publisher_status *s = publisher_status(publisher);
	char zone[NAME_TEXT_MAX];

	fputs("{\"zone\": ", out);
	write_text(out, name_to_text(publisher_zone(publisher), zone));
	fprintf(out, ", \"ok\": %s, \"failures\": %u, \"updates\": %lu",
		s->is_ok ? "true" : "false", s->failures, s->updates);
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
	if (!write_records(out, status, publisher_ledger(publisher)))
		return false;
	putc('}', out);
	return true;
}

static bool write_all(FILE *out, const struct status *status)
{
	char name[NAME_TEXT_MAX];

	fprintf(out,
		"{\"version\": %d, \"pid\": %ld, \"started\": %" PRId64 ",\n \"name\": ",
		STATUS_VERSION, (long)getpid(), status->started_s);
	write_text(out, name_to_text(status->name, name));
	fputs(",\n \"zones\": [", out);
	for (size_t i = 0; i < status->publisher_count; i++) {
		fputs(i ? ",\n    " : "\n    ", out);
		if (!write_zone(out, status, status->publishers[i]))
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
	r = daemon_write_file(path, text, STATUS_MODE);
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

static bool visit_record(
	const uint8_t *zone, const json_t *object, status_visit *visit, void *arg)
{
	static const uint8_t root[] = {0};
	uint8_t owner[NAME_MAX_LEN], rdata[DATA_MAX];
	struct record record = {
		.owner = owner,
		.rdata = rdata,
		.type = rdata_type_from_name(text_of(object, "type")),
		.ttl = (uint32_t)json_integer_value(json_object_get(object, "ttl")),
	};
	int len;

	if (!record.type || !read_name(object, "name", owner) ||
		!name_is_subdomain(owner, zone))
		return true;
	len = rdata_from_text(
		record.type, text_of(object, "data"), root, rdata, sizeof(rdata));
	if (len <= 0)
		return true;
	record.len = (uint16_t)len;
	return visit(arg, zone, &record);
}

int status_each_record(const char *path, status_visit *visit, void *arg)
{
	uint8_t zone[NAME_MAX_LEN];
	json_t *root, *object, *record;
	size_t i, j;
	bool is_going = true;
	int r = load(path, &root);

	if (r)
		return r;
	json_array_foreach(json_object_get(root, "zones"), i, object)
	{
		if (!read_name(object, "zone", zone))
			continue;
		json_array_foreach(json_object_get(object, "records"), j, record)
			is_going = is_going && visit_record(zone, record, visit, arg);
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
	json_array_foreach(json_object_get(root, "zones"), i, zone) print_zone(zone);
}

static bool is_all_well(const json_t *root)
{
	const json_t *zone;
	size_t i;

	json_array_foreach(json_object_get(root, "zones"), i,
		zone) if (!json_is_true(json_object_get(zone, "ok"))) return false;
	return true;
}

int status_print(const char *path, bool as_json)
{
	const bool is_running = daemon_is_locked(path);
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
