/*
 * What waits for targets, and what they have refused for good: queue, retry, drop.
 */
#include "gateway/ctl/ctl.h"

#include <string.h>

enum { PENDING_MAX = 10000 }; /* up to which the gateway counts */

/* A plus sign marks a number up to which the gateway has stopped counting. */
static const char *count_pending(const json_t *target, char buf[CTL_TEXT_MAX])
{
	const long long pending = ctl_integer(target, "pending");
	const bool is_more = ctl_bool(target, "more_in_journal");

	snprintf(buf, CTL_TEXT_MAX, "%lld%s", pending,
		is_more && pending >= PENDING_MAX ? "+" : "");
	return buf;
}

static const char *next_try(const json_t *milliseconds, char buf[CTL_TEXT_MAX])
{
	const double seconds = json_number_value(milliseconds) / 1000;

	return seconds > 0 ? ctl_span(seconds, buf) : NULL;
}

/* What the target said, and what to do about it. */
static const char *describe_trouble(const json_t *target, char buf[CTL_TEXT_MAX])
{
	const char *why = ctl_text(target, "why"), *advice = ctl_text(target, "advice");

	if (!why || !advice)
		return why;
	snprintf(buf, CTL_TEXT_MAX, "%s (%s)", why, advice);
	return buf;
}

/* A few of the names that it is about. */
static const char *describe_names(const json_t *names, char buf[CTL_TEXT_MAX])
{
	const json_t *name;
	size_t i, at = 0;

	json_array_foreach(names, i, name)
	{
		const char *text = json_string_value(name);
		int len;

		if (i == 3) {
			snprintf(buf + at, CTL_TEXT_MAX - at, " and %zu more",
				json_array_size(names) - i);
			break;
		}
		len = snprintf(buf + at, CTL_TEXT_MAX - at, "%s%s", i ? " " : "",
			text ? text : "?");
		at += len > 0 ? (size_t)len : 0;
		if (at >= CTL_TEXT_MAX)
			break;
	}
	return json_array_size(names) ? buf : "-";
}

enum ctl_exit ctl_queue(const struct ctl *ctl)
{
	static const struct ctl_column targets[] = {
		{"ZONE", "zone", NULL},
		{"TARGET", "target", NULL},
		{"STATE", "state", NULL},
		{">PENDING", NULL, count_pending},
		{">BEHIND", "lag_s", ctl_span_cell},
		{">RETRY IN", "next_try_ms", next_try},
		{"AT", "at", NULL},
		{"TROUBLE", "trouble", NULL},
		{"WHY", NULL, describe_trouble},
		{NULL, NULL, NULL},
	};
	static const struct ctl_column asides[] = {
		{"ZONE", "zone", NULL},
		{"TARGET", "target", NULL},
		{">NUMBER", "seq", NULL},
		{"REFUSED", "refused_at", ctl_ago},
		{"KEY", "key", NULL},
		{"FROM", "source", NULL},
		{"NAMES", "names", describe_names},
		{"WHY", "why", NULL},
		{NULL, NULL, NULL},
	};
	const struct ctl_listed lists[2] = {
		{"/api/v1/queue", "targets", targets},
		{"/api/v1/set-aside", "set_aside", asides},
	};

	return ctl_list_both(ctl, lists);
}

static void print_done(const struct ctl *ctl, const json_t *value)
{
	const bool is_retry = !strcmp(ctl->command, "retry");
	const long long overtaken = ctl_integer(value, "overtaken");
	const long long lost = ctl_integer(value, "lost");

	printf("%s: %lld %s\n", ctl_text_or(value, "zone"),
		ctl_integer(value, is_retry ? "retried" : "dropped"),
		is_retry ? "sent again" : "forgotten");
	if (overtaken)
		printf("%lld not, since other changes have taken their place\n",
			overtaken);
	if (lost)
		printf("%lld not, since their target or what they changed is gone\n",
			lost);
}

enum ctl_exit ctl_asides(const struct ctl *ctl)
{
	if (!ctl->args[1])
		return ctl_act(ctl);
	return ctl_show(ctl, "POST",
		ctl_path("/api/v1/zones", "/", ctl->args[0], "/", ctl->command, "number",
			ctl->args[1], NULL),
		print_done);
}
