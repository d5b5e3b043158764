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
	const char *id = ctl_text(row, "id"), *event = ctl_text(row, "event");
	const char *host = ctl_text(row, "host"), *source = ctl_text(row, "source");
	const char *key = ctl_text(row, "key"), *answer = ctl_text_or(row, "answer");
	const char *reason = ctl_text(row, "reason"), *request = ctl_text(row, "request");
	const bool is_refusal = strcmp(answer, "NOERROR") && strcmp(answer, "?");
	char seq[CTL_TEXT_MAX] = "#", number[CTL_TEXT_MAX];

	snprintf(seq + 1, sizeof(seq) - 1, "%s", ctl_number(row, "seq", number));
	printf("%s  %-16s  %s%-8s%s  ", ctl_text_or(row, "at"), id ? id : seq,
		is_refusal ? ctl_mark() : "", event ? event : answer,
		is_refusal ? ctl_unmark() : "");
	if (event)
		fputs(host ? host : ctl_text_or(row, "zone"), stdout);
	else if (source)
		printf("%s from %s", key && *key ? key : "unsigned", source);
	else
		fputs("the gateway", stdout);
	if (!event)
		printf(" zone %s", ctl_text_or(row, "zone"));
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

/* Asks for a page of rows: those behind after, or the newest before that; each NULL:
 * none.  since: seconds since 1970. */
static enum ctl_exit ask_rows(const struct ctl *ctl, const char *after,
	const char *before, long long since, size_t limit, json_t **ret_value)
{
	char since_text[CTL_TEXT_MAX], limit_text[CTL_TEXT_MAX];

	snprintf(since_text, sizeof(since_text), "%lld", since);
	snprintf(limit_text, sizeof(limit_text), "%zu",
		limit < PAGE_MAX ? limit : PAGE_MAX);
	return ctl_ask(ctl, "GET",
		ctl_path("/api/v1/audit", "zone", ctl->options[CTL_ZONE], "name",
			ctl->options[CTL_NAME], "key", ctl->options[CTL_KEY], "after",
			after, "before", before, "since", since ? since_text : NULL,
			"limit", limit_text, NULL),
		NULL, ret_value);
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
	char before[CTL_TEXT_MAX] = "";
	enum ctl_exit r;

	do {
		const char *next;
		json_t *value;

		r = ask_rows(ctl, NULL, before[0] ? before : NULL, since,
			limit - json_array_size(rows), &value);
		if (r != CTL_OK && ctl->is_json && value)
			ctl_print_json(value);
		json_array_extend(rows, json_object_get(value, "rows"));
		if (!before[0])
			ctl_number(value, "newest", newest);
		next = r == CTL_OK ? ctl_text(value, "next") : NULL;
		snprintf(before, sizeof(before), "%s", next ? next : "");
		json_decref(value);
	} while (before[0] && json_array_size(rows) < limit);
	return r;
}

/* Prints the rows behind after, and moves that on. */
static enum ctl_exit read_news(const struct ctl *ctl, char after[CTL_TEXT_MAX])
{
	json_t *value, *row;
	enum ctl_exit r = ask_rows(ctl, after, NULL, 0, PAGE_MAX, &value);
	size_t i;

	json_array_foreach(json_object_get(value, "rows"), i, row) print_row_as(ctl, row);
	fflush(stdout);
	if (r == CTL_OK && ctl_text(value, "next"))
		snprintf(after, CTL_TEXT_MAX, "%s", ctl_text(value, "next"));
	else if (r == CTL_OK)
		ctl_number(value, "newest", after);
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

	if (!ctl->is_json || ctl->options[CTL_FOLLOW]) {
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
	const long long since =
		ctl->options[CTL_SINCE] ? read_since(ctl->options[CTL_SINCE]) : 0;
	const char *text = ctl->options[CTL_LIMIT];
	char *end = NULL;
	size_t limit = ctl->options[CTL_SINCE] ? (size_t)1000000 : LIMIT_DEFAULT;
	char newest[CTL_TEXT_MAX] = "0";
	json_t *rows;
	enum ctl_exit r;

	if (text)
		limit = strtoul(text, &end, 10);
	if (since < 0 || (end && (*end || end == text || text[0] == '-'))) {
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
	return r == CTL_OK && ctl->options[CTL_FOLLOW] ? follow(ctl, newest) : r;
}

/* ---- why ---- */

static void print_line(const char *what, const char *text)
{
	if (text && *text)
		printf("%-9s %s\n", what, text);
}

static void print_why(const struct ctl *ctl, const json_t *value)
{
	const json_t *line, *target;
	const char *reason = ctl_text(value, "reason");
	const char *source = ctl_text(value, "source");
	const char *event = ctl_text(value, "event");
	size_t i;

	(void)ctl;
	print_line("id", ctl_text(value, "id"));
	print_line("at", ctl_text(value, "at"));
	print_line("zone", ctl_text(value, "zone"));
	print_line("event", event);
	/* An event of a host says by which key, and from where, it was last heard of. */
	print_line(event ? "last key" : "key", ctl_text(value, "key"));
	print_line(event && source ? "last from" : "from",
		source ? source : "the gateway itself");
	print_line("host", ctl_text(value, "host"));
	printf("%-9s %s%s%s\n", "answer", ctl_text_or(value, "answer"),
		reason ? ": " : "", reason ? reason : "");
	print_line("request", ctl_text(value, "request"));
	json_array_foreach(json_object_get(value, "changes"), i, line)
		print_line(i ? "" : "changes", json_string_value(line));
	json_array_foreach(json_object_get(value, "targets"), i, target)
	{
		const char *why = ctl_text(target, "reason");

		why = why ? why : ctl_text(target, "failing");
		printf("%-9s %s: %s%s%s\n", i ? "" : "targets",
			ctl_text_or(target, "target"), ctl_text_or(target, "state"),
			why ? ": " : "", why ? why : "");
	}
}

enum ctl_exit ctl_why(const struct ctl *ctl)
{
	return ctl_show(
		ctl, "GET", ctl_path("/api/v1/why", "/", ctl->args[0], NULL), print_why);
}

/* ---- explain ---- */

static void print_explanation(const json_t *value)
{
	const json_t *lease = json_object_get(value, "lease");
	char rule[CTL_TEXT_MAX], line[CTL_TEXT_MAX], span[CTL_TEXT_MAX];

	printf("%s in zone %s\n", ctl_bool(value, "allowed") ? "allowed" : "refused",
		ctl_text_or(value, "zone"));
	if (json_is_integer(json_object_get(value, "rule")))
		printf("by rule %s (line %s)\n", ctl_number(value, "rule", rule),
			ctl_number(value, "line", line));
	if (ctl_text(value, "reason"))
		puts(ctl_text(value, "reason"));
	if (ctl_text(value, "key_problem"))
		puts(ctl_text(value, "key_problem"));
	if (json_is_object(lease) && ctl_real(lease, "default_s") > 0)
		printf("under a lease of %s unless another is asked for\n",
			ctl_span(ctl_real(lease, "default_s"), span));
	else if (json_is_object(lease))
		puts("under a lease if one is asked for");
	else if (ctl_bool(value, "allowed"))
		puts("without a lease");
	if (ctl_text(value, "note"))
		puts(ctl_text(value, "note"));
}

enum ctl_exit ctl_explain(const struct ctl *ctl)
{
	const char *const *options = ctl->options;
	json_t *value,
		*body = ctl_check(json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s?, s:s?}",
			"key", ctl->args[0], "name", ctl->args[1], "type", ctl->args[2],
			"data", ctl->args[3], "op",
			options[CTL_DELETE] ? "delete" : "add", "source",
			options[CTL_SOURCE], "transport",
			options[CTL_TCP] ? "tcp" : NULL));
	enum ctl_exit r;
	bool is_allowed;

	if (options[CTL_TTL] &&
		json_object_set_new(body, "ttl", json_integer(atoll(options[CTL_TTL]))))
		ctl_check(NULL);
	r = ctl_ask_one(ctl, "POST", ctl_path("/api/v1/explain", NULL), body, &value);
	is_allowed = ctl_bool(value, "allowed");
	if (r == CTL_OK && !ctl->is_json)
		print_explanation(value);
	json_decref(value);
	json_decref(body);
	return r == CTL_OK && !is_allowed ? CTL_NO : r;
}
