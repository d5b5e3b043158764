/*
 * The gateway as a whole: status, zones, queue, keys; reload and check.
 */
#include "gateway/ctl/ctl.h"

#include <stdlib.h>
#include <string.h>

#include "tsig/plural.h"

enum { PENDING_MAX = 10000 }; /* up to which the gateway counts */

/* Asks for one object, and prints it as it is if JSON is wanted. */
static enum ctl_exit ask_one(
	const struct ctl *ctl, const char *method, const char *path, json_t **ret_value)
{
	enum ctl_exit r = ctl_ask(ctl, method, path, NULL, ret_value);

	if (ctl->is_json && *ret_value)
		ctl_print_json(*ret_value);
	return r;
}

static long long integer(const json_t *object, const char *member)
{
	return (long long)json_integer_value(json_object_get(object, member));
}

/* ---- status ---- */

static void print_counts(const json_t *value)
{
	const json_t *counts = json_object_get(value, "counts");
	const json_t *updates = json_object_get(value, "updates"), *count;
	const char *rcode;

	printf("zones     %lld, %lld ready\n", integer(counts, "zones"),
		integer(counts, "ready"));
	printf("targets   %lld, %lld down, %lld %s pending\n", integer(counts, "targets"),
		integer(counts, "targets_down"), integer(counts, "pending"),
		PLURAL(integer(counts, "pending"), "change"));
	printf("records   %lld\n", integer(counts, "records"));
	printf("leases    %lld, %lld stale; %lld %s held\n", integer(counts, "leases"),
		integer(counts, "stale"), integer(counts, "held"),
		PLURAL(integer(counts, "held"), "host"));
	printf("keys      %lld\n", integer(value, "keys"));
	fputs("updates  ", stdout);
	json_object_foreach((json_t *)updates, rcode, count)
		printf(" %s %lld", rcode, (long long)json_integer_value(count));
	puts(json_object_size(updates) ? "" : " none yet");
}

static void print_status(const json_t *value)
{
	const json_t *database = json_object_get(value, "database");
	const json_t *warnings = json_object_get(value, "warnings"), *warning;
	const char *state = ctl_text(database, "state"), *why = ctl_text(database, "why");
	const char *version = ctl_text(value, "version"),
		   *config = ctl_text(value, "config"),
		   *health = ctl_text(value, "health");
	char span[CTL_TEXT_MAX];
	size_t i;

	printf("musterd   %s, process %lld, for %s\n", version ? version : "?",
		integer(value, "pid"), ctl_span(ctl_real(value, "uptime_s"), span));
	printf("config    %s\n", config ? config : "?");
	printf("health    %s\n", health ? health : "?");
	printf("database  %s%s%s\n", state ? state : "?", why ? ": " : "",
		why ? why : "");
	print_counts(value);
	json_array_foreach(warnings, i, warning)
	{
		const char *text = json_string_value(warning);

		printf("%swarning%s   %s\n", ctl_mark(true), ctl_unmark(),
			text ? text : "?");
	}
}

enum ctl_exit ctl_status(const struct ctl *ctl)
{
	json_t *value;
	enum ctl_exit r = ask_one(ctl, "GET", "/status", &value);

	if (r == CTL_OK && !ctl->is_json)
		print_status(value);
	json_decref(value);
	return r;
}

/* ---- zones ---- */

static void add_zone(const json_t *zone, void *arg)
{
	const json_t *targets = json_object_get(zone, "targets"), *target;
	char serial[CTL_TEXT_MAX], records[CTL_TEXT_MAX], leases[CTL_TEXT_MAX];
	char stale[CTL_TEXT_MAX], held[CTL_TEXT_MAX], state_of_targets[CTL_TEXT_MAX];
	size_t i, down = 0;

	json_array_foreach(targets, i, target)
	{
		const char *state = ctl_text(target, "state");

		down += state && !strcmp(state, "down");
	}
	snprintf(state_of_targets, sizeof(state_of_targets),
		down ? "%zu, %zu down" : "%zu", json_array_size(targets), down);
	ctl_table_add(arg,
		(const char *const[]){ctl_text(zone, "zone"), ctl_text(zone, "state"),
			ctl_number(json_object_get(zone, "serial"), serial),
			ctl_number(json_object_get(zone, "records"), records),
			ctl_number(json_object_get(zone, "leases"), leases),
			ctl_number(json_object_get(zone, "stale"), stale),
			ctl_number(json_object_get(zone, "held"), held), state_of_targets,
			ctl_text(zone, "why")});
}

/* Prints all pages of a list as one table. */
static enum ctl_exit show_list(const struct ctl *ctl, const char *path, const char *list,
	const char *const *titles, void (*add)(const json_t *element, void *arg),
	bool is_sorted)
{
	struct ctl_table *table;
	enum ctl_exit r;

	if (ctl->is_json)
		return ctl_ask_pages(ctl, path, list, NULL, NULL);
	table = ctl_table_new(titles);
	r = ctl_ask_pages(ctl, path, list, add, table);
	if (is_sorted)
		ctl_table_sort(table);
	if (r == CTL_OK)
		ctl_table_print(table);
	ctl_table_free(table);
	return r;
}

enum ctl_exit ctl_zones(const struct ctl *ctl)
{
	static const char *const titles[] = {"ZONE", "STATE", ">SERIAL", ">RECORDS",
		">LEASES", ">STALE", ">HELD", "TARGETS", "WHY", NULL};

	return show_list(ctl, "/api/v1/zones", "zones", titles, add_zone, false);
}

/* ---- queue ---- */

static void add_target(const json_t *target, void *arg)
{
	const double next_s = ctl_real(target, "next_try_ms") / 1000;
	char pending[CTL_TEXT_MAX], count[CTL_TEXT_MAX], lag[CTL_TEXT_MAX];
	char next[CTL_TEXT_MAX];

	/* A plus sign marks a number up to which the gateway has stopped counting. */
	snprintf(pending, sizeof(pending), "%s%s",
		ctl_number(json_object_get(target, "pending"), count),
		ctl_bool(target, "more_in_journal") &&
				integer(target, "pending") >= PENDING_MAX
			? "+"
			: "");
	ctl_table_add(arg,
		(const char *const[]){ctl_text(target, "zone"),
			ctl_text(target, "target"), ctl_text(target, "state"), pending,
			ctl_span(ctl_real(target, "lag_s"), lag),
			next_s > 0 ? ctl_span(next_s, next) : NULL,
			ctl_text(target, "why")});
}

enum ctl_exit ctl_queue(const struct ctl *ctl)
{
	static const char *const titles[] = {"ZONE", "TARGET", "STATE", ">PENDING",
		">BEHIND", ">RETRY IN", "WHY", NULL};

	return show_list(ctl, "/api/v1/queue", "targets", titles, add_target, false);
}

/* ---- keys ---- */

static void describe_uses(const json_t *uses, char *buf, size_t size)
{
	const json_t *use;
	size_t i, at = 0;

	buf[0] = '\0';
	json_array_foreach(uses, i, use)
	{
		const char *zone = ctl_text(use, "zone"),
			   *target = ctl_text(use, "target");
		char rule[CTL_TEXT_MAX];
		int len = snprintf(buf + at, size - at, "%s%s %s%s", i ? ", " : "",
			zone ? zone : "?", target ? "target " : "rule ",
			target ? target : ctl_number(json_object_get(use, "rule"), rule));

		at += len > 0 ? (size_t)len : 0;
		if (at >= size)
			return;
	}
}

static void add_key(const json_t *key, void *arg)
{
	char bits[CTL_TEXT_MAX], state[CTL_TEXT_MAX], uses[1024];
	const char *until = ctl_text(key, "not_after"), *text = ctl_text(key, "state");

	snprintf(state, sizeof(state), "%s%s%s%s", text ? text : "?",
		until ? " until " : "", until ? until : "",
		ctl_bool(key, "weak") ? ", weak" : "");
	describe_uses(json_object_get(key, "uses"), uses, sizeof(uses));
	ctl_table_add(arg,
		(const char *const[]){ctl_text(key, "name"), ctl_text(key, "algorithm"),
			ctl_number(json_object_get(key, "bits"), bits), state,
			uses[0] ? uses : "nowhere"});
}

enum ctl_exit ctl_keys(const struct ctl *ctl)
{
	static const char *const titles[] = {
		"KEY", "ALGORITHM", ">BITS", "STATE", "USED IN", NULL};

	return show_list(ctl, "/api/v1/keys", "keys", titles, add_key, true);
}

/* ---- reload, check ---- */

static void print_messages(const json_t *value, const char *list, const char *kind)
{
	const json_t *message;
	size_t i;

	json_array_foreach(json_object_get(value, list), i, message)
	{
		const char *text = json_string_value(message);

		fprintf(stderr, "%s: %s\n", kind, text ? text : "?");
	}
}

static enum ctl_exit order(const struct ctl *ctl, const char *path, const char *done)
{
	json_t *value;
	enum ctl_exit r = ask_one(ctl, "POST", path, &value);

	if (!ctl->is_json) {
		print_messages(value, "errors", "error");
		if (!ctl->is_quiet)
			print_messages(value, "warnings", "warning");
		if (r == CTL_OK && !ctl->is_quiet)
			puts(done);
	}
	json_decref(value);
	return r;
}

enum ctl_exit ctl_reload(const struct ctl *ctl)
{
	return order(ctl, "/api/v1/reload", "reloaded");
}

enum ctl_exit ctl_check_config(const struct ctl *ctl)
{
	return order(ctl, "/api/v1/check", "valid");
}
