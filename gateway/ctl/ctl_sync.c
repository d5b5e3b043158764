/*
 * Comparing targets with a zone: sync.
 */
#include "gateway/ctl/ctl.h"

#include <string.h>

#include "tsig/plural.h"

/* ---- tables ---- */

/* What stands there instead. */
static const char *describe_found(const json_t *record, char buf[CTL_TEXT_MAX])
{
	char ttl[CTL_TEXT_MAX];

	if (!ctl_text(record, "found_data"))
		return "";
	snprintf(buf, CTL_TEXT_MAX, "%s %.500s", ctl_number(record, "found_ttl", ttl),
		ctl_text(record, "found_data"));
	return buf;
}

static void print_records(const json_t *value)
{
	static const struct ctl_column columns[] = {
		{"NAME", "name", NULL},
		{"TYPE", "type", NULL},
		{">TTL", "ttl", NULL},
		{"DATA", "data", NULL},
		{"TARGET", "target", NULL},
		{"IS", "kind", NULL},
		{"FOUND", NULL, describe_found},
		{"ACTION", "action", NULL},
		{NULL, NULL, NULL},
	};
	struct ctl_table table = {.columns = columns, .is_sorted = true};
	const json_t *record;
	size_t i;

	json_array_foreach(json_object_get(value, "records"), i, record)
	{
		ctl_table_add(&table, record);
	}
	if (table.count)
		ctl_table_print(&table);
	if (ctl_integer(value, "more"))
		printf("and %lld more\n", ctl_integer(value, "more"));
}

static void print_target(const json_t *target, bool is_dry)
{
	const char *id = ctl_text_or(target, "target");
	const long long differ = ctl_integer(target, "missing") +
		ctl_integer(target, "foreign") + ctl_integer(target, "different");

	if (!ctl_bool(target, "compared"))
		printf("%s: %snot compared%s%s: %s\n", id, ctl_mark(),
			differ ? " to its end" : "", ctl_unmark(),
			ctl_text_or(target, "why"));
	if (!ctl_bool(target, "compared") && !differ)
		return;
	printf("%s: %lld %s, %lld in the zone: %lld missing, %lld foreign, %lld "
	       "different",
		id, ctl_integer(target, "target_records"),
		PLURAL(ctl_integer(target, "target_records"), "record"),
		ctl_integer(target, "zone_records"), ctl_integer(target, "missing"),
		ctl_integer(target, "foreign"), ctl_integer(target, "different"));
	if (differ && !is_dry)
		printf("; %lld repaired, %lld taken over, %lld left",
			ctl_integer(target, "repaired"), ctl_integer(target, "taken"),
			ctl_integer(target, "left"));
	if (ctl_integer(target, "refused"))
		printf("; it refused %lld: %s", ctl_integer(target, "refused"),
			ctl_text_or(target, "refusal"));
	puts("");
	if (ctl_integer(target, "changing"))
		printf("%s: %lld %s being changed, and will be looked at again\n", id,
			ctl_integer(target, "changing"),
			ctl_integer(target, "changing") == 1 ? "RRset is" : "RRsets are");
}

/* The primary target had lost too much, and this was the word that was waited for. */
static void print_word(const json_t *value, const char *word)
{
	printf("%s: the primary target %s\n", ctl_text_or(value, "zone"),
		strcmp(word, "take") == 0 ? "counts, as it is now"
					  : "gets back what it has lost");
}

static void print_sync(const json_t *value)
{
	const char *word = ctl_text(value, "decided");
	const json_t *target;
	size_t i;

	if (word)
		print_word(value, word);
	print_records(value);
	json_array_foreach(json_object_get(value, "targets"), i, target)
	{
		print_target(target, ctl_bool(value, "dry_run"));
	}
}

enum ctl_exit ctl_sync(const struct ctl *ctl)
{
	json_t *value;
	enum ctl_exit r = ctl_ask_one(ctl, "POST",
		ctl_path("/api/v1/zones", "/", ctl->args[0], "/", "sync", "target",
			ctl->options[CTL_TARGET], "dry_run",
			ctl->options[CTL_DRY_RUN] ? "1" : NULL, "take",
			ctl->options[CTL_TAKE] ? "1" : NULL, NULL),
		NULL, &value);

	if (r == CTL_OK && !ctl->is_json)
		print_sync(value);
	if (r == CTL_OK && !ctl_bool(value, "in_step"))
		r = CTL_NO;
	json_decref(value);
	return r;
}
