/*
 * The audit; what became of one update; which rule would allow one.
 */
#include "gateway/ctl/ctl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/settings_words.h"

enum { FOLLOW_PAUSE_S = 1, LIMIT_DEFAULT = 20, PAGE_MAX = 500 };

#define SINCE_MAX_MS (INT64_C(1000) * 100 * 366 * 86400) /* a century ago */

/* ---- rows ---- */

/* Such as "2030-01-31T12:00:00Z  18c2f0a61f3a001  NOERROR  host.example. from ...". */
static void print_row(const json_t *row)
{
	const char *at = ctl_text(row, "at"), *id = ctl_text(row, "id");
	const char *answer = ctl_text(row, "answer"), *event = ctl_text(row, "event");
	const char *host = ctl_text(row, "host"), *zone = ctl_text(row, "zone");
	const char *key = ctl_text(row, "key"), *source = ctl_text(row, "source");
	const char *reason = ctl_text(row, "reason"), *request = ctl_text(row, "request");
	const bool is_refusal = answer && strcmp(answer, "NOERROR") != 0;
	char seq[CTL_TEXT_MAX], number[CTL_TEXT_MAX];

	snprintf(
		seq, sizeof(seq), "#%s", ctl_number(json_object_get(row, "seq"), number));
	printf("%s  %-16s  %s%-8s%s  ", at ? at : "-", id ? id : seq,
		is_refusal ? ctl_mark(true) : "",
		event            ? event
			: answer ? answer
				 : "?",
		is_refusal ? ctl_unmark() : "");
	if (event)
		fputs(host ? host : zone ? zone : "?", stdout);
	else if (source)
		printf("%s from %s", key && *key ? key : "unsigned", source);
	else
		fputs("the gateway", stdout);
	if (!event)
		printf(" zone %s", zone ? zone : "?");
	if (reason)
		printf(": %s", reason);
	if (request)
		printf(" [%s]", request);
	putchar('\n');
}

static void print_row_as(const struct ctl *ctl, const json_t *row)
{
	if (ctl->is_json)
		ctl_print_json(row);
	else
		print_row(row);
}

/* ---- the audit ---- */

static void begin_path(const struct ctl *ctl, struct ctl_path *path)
{
	ctl_path_init(path, "/api/v1/audit");
	ctl_path_query(path, "zone", ctl->zone);
	ctl_path_query(path, "name", ctl->name);
	ctl_path_query(path, "key", ctl->key);
}

/* Turns "90s", "15m", "24h", "7d" (ago) or a time as the gateway writes it into seconds
 * since 1970.  -1: it is neither. */
static long long read_since(const char *text)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	int64_t ago_ms;

	if (end && !*end)
		return (long long)timegm(&tm);
	if (settings_parse_time(text, &ago_ms) || ago_ms > SINCE_MAX_MS)
		return -1;
	return (long long)time(NULL) - ago_ms / 1000;
}

/* Reads rows from the newest back; print_past turns them round. */
static enum ctl_exit read_past(const struct ctl *ctl, long long since, size_t limit,
	json_t *rows, char newest[CTL_TEXT_MAX])
{
	char number[CTL_TEXT_MAX], before[CTL_TEXT_MAX] = "";
	enum ctl_exit r = CTL_OK;
	bool is_more = true, is_first = true;

	while (r == CTL_OK && is_more && (is_first || json_array_size(rows) < limit)) {
		const size_t left = limit - json_array_size(rows);
		struct ctl_path path;
		json_t *value;

		begin_path(ctl, &path);
		ctl_path_query(&path, "before", before[0] ? before : NULL);
		snprintf(number, sizeof(number), "%lld", since);
		ctl_path_query(&path, "since", since ? number : NULL);
		snprintf(
			number, sizeof(number), "%zu", left < PAGE_MAX ? left : PAGE_MAX);
		ctl_path_query(&path, "limit", number);
		r = ctl_ask(ctl, "GET", path.text, NULL, &value);
		ctl_path_clear(&path);
		if (r != CTL_OK) {
			if (ctl->is_json && value)
				ctl_print_json(value);
			json_decref(value);
			return r;
		}
		json_array_extend(rows, json_object_get(value, "rows"));
		is_more = ctl_text(value, "next") != NULL;
		snprintf(before, sizeof(before), "%s",
			is_more ? ctl_text(value, "next") : "");
		if (is_first)
			ctl_number(json_object_get(value, "newest"), newest);
		is_first = false;
		json_decref(value);
	}
	return r;
}

/* Prints the rows behind after, and moves that on. */
static enum ctl_exit read_news(const struct ctl *ctl, char after[CTL_TEXT_MAX])
{
	struct ctl_path path;
	json_t *value, *row;
	enum ctl_exit r;
	size_t i;

	begin_path(ctl, &path);
	ctl_path_query(&path, "after", after);
	ctl_path_query(&path, "limit", "500");
	r = ctl_ask(ctl, "GET", path.text, NULL, &value);
	ctl_path_clear(&path);
	json_array_foreach(json_object_get(value, "rows"), i, row) print_row_as(ctl, row);
	fflush(stdout);
	if (r == CTL_OK && ctl_text(value, "next"))
		snprintf(after, CTL_TEXT_MAX, "%s", ctl_text(value, "next"));
	else if (r == CTL_OK)
		ctl_number(json_object_get(value, "newest"), after);
	json_decref(value);
	return r;
}

static enum ctl_exit follow(const struct ctl *ctl, char after[CTL_TEXT_MAX])
{
	enum ctl_exit r = CTL_OK;

	while (r == CTL_OK && !ferror(stdout)) {
		sleep(FOLLOW_PAUSE_S);
		r = read_news(ctl, after);
	}
	return r;
}

static void print_past(const struct ctl *ctl, const json_t *rows)
{
	json_t *ordered, *document;

	if (!ctl->is_json || ctl->is_follow) {
		for (size_t i = json_array_size(rows); i-- > 0;)
			print_row_as(ctl, json_array_get(rows, i));
		return;
	}
	ordered = ctl_check(json_array());
	for (size_t i = json_array_size(rows); i-- > 0;)
		json_array_append(ordered, json_array_get(rows, i));
	document = ctl_check(json_pack("{s:o}", "rows", ordered));
	ctl_print_json(document);
	json_decref(document);
}

enum ctl_exit ctl_audit(const struct ctl *ctl)
{
	const long long since = ctl->since ? read_since(ctl->since) : 0;
	char *end = NULL;
	size_t limit = ctl->since ? (size_t)1000000 : LIMIT_DEFAULT;
	char newest[CTL_TEXT_MAX] = "0";
	json_t *rows;
	enum ctl_exit r;

	if (ctl->limit)
		limit = strtoul(ctl->limit, &end, 10);
	if (since < 0 || (end && (*end || end == ctl->limit || ctl->limit[0] == '-'))) {
		fputs("musterctl: --since is a span such as 2h, or a time such as "
		      "2030-01-31T12:00:00Z; --limit a number\n",
			stderr);
		return CTL_FAILED;
	}
	rows = ctl_check(json_array());
	r = read_past(ctl, since, limit, rows, newest);
	if (r == CTL_OK)
		print_past(ctl, rows);
	json_decref(rows);
	fflush(stdout);
	return r == CTL_OK && ctl->is_follow ? follow(ctl, newest) : r;
}

/* ---- why ---- */

static void print_line(const char *what, const char *text)
{
	if (text && *text)
		printf("%-9s %s\n", what, text);
}

static void print_why(const json_t *value)
{
	const json_t *line, *target;
	char answer[512];
	const char *rcode = ctl_text(value, "answer"),
		   *reason = ctl_text(value, "reason");
	const char *event = ctl_text(value, "event");
	size_t i;

	print_line("id", ctl_text(value, "id"));
	print_line("at", ctl_text(value, "at"));
	print_line("zone", ctl_text(value, "zone"));
	print_line("event", event);
	/* An event of a host says by which key, and from where, it was last heard of. */
	print_line(event ? "last key" : "key", ctl_text(value, "key"));
	if (ctl_text(value, "source"))
		print_line(event ? "last from" : "from", ctl_text(value, "source"));
	else
		print_line("from", "the gateway itself");
	print_line("host", ctl_text(value, "host"));
	snprintf(answer, sizeof(answer), "%s%s%s", rcode ? rcode : "?",
		reason ? ": " : "", reason ? reason : "");
	print_line("answer", answer);
	print_line("request", ctl_text(value, "request"));
	json_array_foreach(json_object_get(value, "changes"), i, line)
		print_line(i ? "" : "changes", json_string_value(line));
	json_array_foreach(json_object_get(value, "targets"), i, target)
	{
		const char *name = ctl_text(target, "target");
		const char *state = ctl_text(target, "state");
		const char *why = ctl_text(target, "reason");

		why = why ? why : ctl_text(target, "failing");
		printf("%-9s %s: %s%s%s\n", i ? "" : "targets", name ? name : "?",
			state ? state : "?", why ? ": " : "", why ? why : "");
	}
}

enum ctl_exit ctl_why(const struct ctl *ctl)
{
	struct ctl_path path;
	json_t *value;
	enum ctl_exit r;

	ctl_path_init(&path, "/api/v1/why");
	ctl_path_add(&path, ctl->args[0]);
	r = ctl_ask(ctl, "GET", path.text, NULL, &value);
	ctl_path_clear(&path);
	if (ctl->is_json && value)
		ctl_print_json(value);
	else if (r == CTL_OK)
		print_why(value);
	json_decref(value);
	return r;
}

/* ---- explain ---- */

static void print_explanation(const json_t *value)
{
	const json_t *lease = json_object_get(value, "lease");
	const char *zone = ctl_text(value, "zone"),
		   *problem = ctl_text(value, "key_problem");
	char rule[CTL_TEXT_MAX], line[CTL_TEXT_MAX], span[CTL_TEXT_MAX];

	printf("%s in zone %s\n", ctl_bool(value, "allowed") ? "allowed" : "refused",
		zone ? zone : "?");
	if (json_is_integer(json_object_get(value, "rule")))
		printf("by rule %s (line %s)\n",
			ctl_number(json_object_get(value, "rule"), rule),
			ctl_number(json_object_get(value, "line"), line));
	if (ctl_text(value, "reason"))
		printf("%s\n", ctl_text(value, "reason"));
	if (problem)
		printf("%s\n", problem);
	if (json_is_object(lease) && ctl_real(lease, "default_s") > 0)
		printf("under a lease of %s unless another is asked for\n",
			ctl_span(ctl_real(lease, "default_s"), span));
	else if (json_is_object(lease))
		puts("under a lease if one is asked for");
	else if (ctl_bool(value, "allowed"))
		puts("without a lease");
	if (ctl_text(value, "note"))
		printf("%s\n", ctl_text(value, "note"));
}

enum ctl_exit ctl_explain(const struct ctl *ctl)
{
	json_t *value,
		*body = ctl_check(json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s?, s:s?}",
			"key", ctl->args[0], "name", ctl->args[1], "type", ctl->args[2],
			"data", ctl->arg_count > 3 ? ctl->args[3] : NULL, "op",
			ctl->is_delete ? "delete" : "add", "source", ctl->source,
			"transport", ctl->transport));
	enum ctl_exit r;
	bool is_allowed;

	if (ctl->ttl && json_object_set_new(body, "ttl", json_integer(atoll(ctl->ttl))))
		ctl_check(NULL);
	r = ctl_ask(ctl, "POST", "/api/v1/explain", body, &value);
	is_allowed = ctl_bool(value, "allowed");
	if (ctl->is_json && value)
		ctl_print_json(value);
	else if (r == CTL_OK)
		print_explanation(value);
	json_decref(value);
	json_decref(body);
	return r == CTL_OK && !is_allowed ? CTL_NO : r;
}
