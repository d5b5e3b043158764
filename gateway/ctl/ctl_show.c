/*
 * The gateway as a whole: status, zones, keys; reload and check.
 */
#include "gateway/ctl/ctl.h"

#include <stdlib.h>
#include <string.h>

#include "tsig/plural.h"

/* ---- status ---- */

static void print_counts(const json_t *value)
{
	const json_t *counts = json_object_get(value, "counts");
	const json_t *updates = json_object_get(value, "updates"), *count;
	const char *rcode;

	printf("zones     %lld, %lld ready\n", ctl_integer(counts, "zones"),
		ctl_integer(counts, "ready"));
	printf("targets   %lld, %lld down, %lld %s pending\n",
		ctl_integer(counts, "targets"), ctl_integer(counts, "targets_down"),
		ctl_integer(counts, "pending"),
		PLURAL(ctl_integer(counts, "pending"), "change"));
	printf("records   %lld\n", ctl_integer(counts, "records"));
	printf("leases    %lld, %lld stale; %lld %s held\n",
		ctl_integer(counts, "leases"), ctl_integer(counts, "stale"),
		ctl_integer(counts, "held"), PLURAL(ctl_integer(counts, "held"), "host"));
	printf("keys      %lld\n", ctl_integer(value, "keys"));
	fputs("updates  ", stdout);
	json_object_foreach((json_t *)updates, rcode, count)
		printf(" %s %lld", rcode, (long long)json_integer_value(count));
	puts(json_object_size(updates) ? "" : " none yet");
}

static void print_status(const struct ctl *ctl, const json_t *value)
{
	const json_t *database = json_object_get(value, "database");
	const json_t *warnings = json_object_get(value, "warnings"), *warning;
	const char *why = ctl_text(database, "why");
	char span[CTL_TEXT_MAX];
	size_t i;

	(void)ctl;
	printf("musterd   %s, process %lld, for %s\n", ctl_text_or(value, "version"),
		ctl_integer(value, "pid"), ctl_span(ctl_real(value, "uptime_s"), span));
	printf("config    %s\n", ctl_text_or(value, "config"));
	printf("health    %s\n", ctl_text_or(value, "health"));
	printf("database  %s%s%s\n", ctl_text_or(database, "state"), why ? ": " : "",
		why ? why : "");
	print_counts(value);
	json_array_foreach(warnings, i, warning)
	{
		const char *text = json_string_value(warning);

		printf("%swarning%s   %s\n", ctl_mark(), ctl_unmark(), text ? text : "?");
	}
}

enum ctl_exit ctl_status(const struct ctl *ctl)
{
	return ctl_show(ctl, "GET", ctl_path("/status", NULL), print_status);
}

/* ---- zones ---- */

static const char *count_targets(const json_t *targets, char buf[CTL_TEXT_MAX])
{
	const json_t *target;
	size_t i, down = 0;

	json_array_foreach(targets, i, target) down +=
		!strcmp(ctl_text_or(target, "state"), "down");
	snprintf(buf, CTL_TEXT_MAX, down ? "%zu, %zu down" : "%zu",
		json_array_size(targets), down);
	return buf;
}

enum ctl_exit ctl_zones(const struct ctl *ctl)
{
	static const struct ctl_column columns[] = {
		{"ZONE", "zone", NULL},
		{"STATE", "state", NULL},
		{">SERIAL", "serial", NULL},
		{">RECORDS", "records", NULL},
		{">LEASES", "leases", NULL},
		{">STALE", "stale", NULL},
		{">HELD", "held", NULL},
		{"TARGETS", "targets", count_targets},
		{"WHY", "why", NULL},
		{NULL, NULL, NULL},
	};

	return ctl_list(
		ctl, ctl_path("/api/v1/zones", NULL), "zones", columns, false, NULL);
}

/* ---- targets ---- */

/* Of a histogram; NULL: nothing was counted. */
static const char *average(const json_t *batches, const char *histogram, double unit,
	const char *suffix, char buf[CTL_TEXT_MAX])
{
	const json_t *all = json_object_get(batches, histogram);
	const long long count = ctl_integer(all, "count");

	if (!count)
		return NULL;
	snprintf(buf, CTL_TEXT_MAX, "%.1f%s", ctl_real(all, "sum") / (double)count / unit,
		suffix);
	return buf;
}

static const char *average_size(const json_t *batches, char buf[CTL_TEXT_MAX])
{
	return average(batches, "rrsets", 1, "", buf);
}

static const char *average_time(const json_t *batches, char buf[CTL_TEXT_MAX])
{
	return average(batches, "seconds", 0.001, " ms", buf);
}

static const char *count_batches(const json_t *batches, char buf[CTL_TEXT_MAX])
{
	return ctl_number(batches, "requests", buf);
}

static const char *count_merged(const json_t *batches, char buf[CTL_TEXT_MAX])
{
	return ctl_number(batches, "merged", buf);
}

static const char *describe_use(const json_t *use, char buf[CTL_TEXT_MAX])
{
	snprintf(buf, CTL_TEXT_MAX, "%lld of %lld, %lld waiting",
		ctl_integer(use, "open"), ctl_integer(use, "limit"),
		ctl_integer(use, "waiting"));
	return buf;
}

enum ctl_exit ctl_targets(const struct ctl *ctl)
{
	static const struct ctl_column targets[] = {
		{"ZONE", "zone", NULL},
		{"TARGET", "target", NULL},
		{"STATE", "state", NULL},
		{">PENDING", "pending", NULL},
		{">BEHIND", "lag_s", ctl_span_cell},
		{">DELIVERED", "delivered", NULL},
		{">MERGED", "batches", count_merged},
		{">BATCHES", "batches", count_batches},
		{">RRSETS", "batches", average_size},
		{">TIME", "batches", average_time},
		{">FAILED", "failures", NULL},
		{">REFUSED", "rejected", NULL},
		{NULL, NULL, NULL},
	};
	static const struct ctl_column servers[] = {
		{"SERVER", "target", NULL},
		{"STATE", "state", NULL},
		{"READS", "reads", describe_use},
		{"WRITES", "writes", describe_use},
		{">CONFLICTS", "conflicts", NULL},
		{NULL, NULL, NULL},
	};
	const struct ctl_listed lists[2] = {
		{"/api/v1/targets", "targets", targets},
		{"/api/v1/servers", "servers", servers},
	};

	return ctl_list_both(ctl, lists);
}

/* ---- keys ---- */

static const char *describe_uses(const json_t *uses, char buf[CTL_TEXT_MAX])
{
	const json_t *use;
	size_t i, at = 0;

	json_array_foreach(uses, i, use)
	{
		const char *target = ctl_text(use, "target");
		char rule[CTL_TEXT_MAX];
		int len =
			snprintf(buf + at, CTL_TEXT_MAX - at, "%s%s %s%s", i ? ", " : "",
				ctl_text_or(use, "zone"), target ? "target " : "rule ",
				target ? target : ctl_number(use, "rule", rule));

		at += len > 0 ? (size_t)len : 0;
		if (at >= CTL_TEXT_MAX)
			break;
	}
	return at ? buf : "nowhere";
}

static const char *describe_state(const json_t *key, char buf[CTL_TEXT_MAX])
{
	const char *until = ctl_text(key, "not_after");

	snprintf(buf, CTL_TEXT_MAX, "%s%s%s%s", ctl_text_or(key, "state"),
		until ? " until " : "", until ? until : "",
		ctl_bool(key, "weak") ? ", weak" : "");
	return buf;
}

enum ctl_exit ctl_keys(const struct ctl *ctl)
{
	static const struct ctl_column columns[] = {
		{"KEY", "name", NULL},
		{"ALGORITHM", "algorithm", NULL},
		{">BITS", "bits", NULL},
		{"STATE", NULL, describe_state},
		{"USED IN", "uses", describe_uses},
		{NULL, NULL, NULL},
	};

	return ctl_list(ctl, ctl_path("/api/v1/keys", NULL), "keys", columns, true, NULL);
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

enum ctl_exit ctl_order(const struct ctl *ctl)
{
	const bool is_check = !strcmp(ctl->command, "check");
	json_t *value;
	enum ctl_exit r = ctl_ask_one(ctl, "POST",
		ctl_path("/api/v1", "/", is_check ? "check" : "reload", NULL), NULL,
		&value);

	if (!ctl->is_json) {
		print_messages(value, "errors", "error");
		if (!ctl->is_quiet)
			print_messages(value, "warnings", "warning");
		if (r == CTL_OK && !ctl->is_quiet)
			puts(is_check ? "valid" : "reloaded");
	}
	json_decref(value);
	return r;
}
