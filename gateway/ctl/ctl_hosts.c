/*
 * Hosts and leases: showing, expiring, holding, removing and adopting them.
 */
#include "gateway/ctl/ctl.h"

#include <stdlib.h>
#include <string.h>

#include "tsig/plural.h"

/* ---- lists ---- */

static void add_host(const json_t *host, void *arg)
{
	const json_t *expired = json_object_get(host, "expired_at");
	char leases[CTL_TEXT_MAX], seen[CTL_TEXT_MAX], left[CTL_TEXT_MAX];

	ctl_table_add(arg,
		(const char *const[]){ctl_text(host, "name"), ctl_text(host, "state"),
			ctl_number(json_object_get(host, "leases"), leases),
			ctl_ago(json_object_get(host, "last_seen"), seen),
			ctl_text(host, "source"), ctl_text(host, "key"),
			expired ? ctl_ago(expired, left)
				: ctl_left(json_object_get(host, "expires_in_s"), left)});
}

static void add_lease(const json_t *lease, void *arg)
{
	char seen[CTL_TEXT_MAX], left[CTL_TEXT_MAX], span[CTL_TEXT_MAX];

	ctl_table_add(arg,
		(const char *const[]){ctl_text(lease, "name"), ctl_text(lease, "type"),
			ctl_text(lease, "data"), ctl_text(lease, "state"),
			ctl_left(json_object_get(lease, "expires_in_s"), left),
			ctl_real(lease, "lease_s") > 0
				? ctl_span(ctl_real(lease, "lease_s"), span)
				: NULL,
			ctl_ago(json_object_get(lease, "last_seen"), seen),
			ctl_bool(lease, "waiting")           ? "(waits for an address)"
				: ctl_bool(lease, "derived") ? "(follows an address)"
							     : ctl_text(lease, "key")});
}

static void count_element(const json_t *element, void *arg)
{
	(void)element;
	++*(size_t *)arg;
}

/* CTL_NO: one name was asked for, and there is nothing of it. */
static enum ctl_exit show(const struct ctl *ctl, const char *path, const char *list,
	const char *const *titles, void (*add)(const json_t *element, void *arg))
{
	const char *pattern = ctl->arg_count ? ctl->args[0] : NULL;
	const bool is_name = pattern && !strpbrk(pattern, "*?");
	struct ctl_table *table;
	size_t count = 0;
	enum ctl_exit r;

	if (ctl->is_json) {
		r = ctl_ask_pages(ctl, path, list, count_element, &count);
		return r == CTL_OK && is_name && !count ? CTL_NO : r;
	}
	table = ctl_table_new(titles);
	r = ctl_ask_pages(ctl, path, list, add, table);
	ctl_table_sort(table);
	if (r == CTL_OK && is_name && !ctl_table_count(table)) {
		fprintf(stderr, "musterctl: %s: has no leases%s\n", pattern,
			strcmp(list, "hosts") ? "" : ", and was not heard of lately");
		r = CTL_NO;
	} else if (r == CTL_OK) {
		ctl_table_print(table);
	}
	ctl_table_free(table);
	return r;
}

enum ctl_exit ctl_hosts(const struct ctl *ctl)
{
	static const char *const titles[] = {
		"HOST", "STATE", ">LEASES", "LAST SEEN", "FROM", "KEY", "EXPIRES", NULL};
	struct ctl_path path;
	enum ctl_exit r;

	ctl_path_init(&path, "/api/v1/hosts");
	ctl_path_query(&path, "pattern", ctl->arg_count ? ctl->args[0] : NULL);
	ctl_path_query(&path, "zone", ctl->zone);
	ctl_path_query(&path, "state", ctl->state);
	r = show(ctl, path.text, "hosts", titles, add_host);
	ctl_path_clear(&path);
	return r;
}

/* Ids are long and rarely needed, so that only --json shows them. */
enum ctl_exit ctl_leases(const struct ctl *ctl)
{
	static const char *const titles[] = {"NAME", "TYPE", "DATA", "STATE", "EXPIRES",
		"LEASE", "LAST SEEN", "KEY", NULL};
	struct ctl_path path;
	enum ctl_exit r;

	ctl_path_init(&path, "/api/v1/leases");
	ctl_path_query(&path, "name", ctl->arg_count ? ctl->args[0] : NULL);
	ctl_path_query(&path, "zone", ctl->zone);
	r = show(ctl, path.text, "leases", titles, add_lease);
	ctl_path_clear(&path);
	return r;
}

/* ---- verbs ---- */

static enum ctl_exit act(const struct ctl *ctl, const char *method, const char *folder,
	const char *verb, json_t **ret_value)
{
	struct ctl_path path;
	enum ctl_exit r;

	ctl_path_init(&path, folder);
	ctl_path_add(&path, ctl->args[0]);
	if (verb)
		ctl_path_add(&path, verb);
	r = ctl_ask(ctl, method, path.text, NULL, ret_value);
	if (ctl->is_json && *ret_value)
		ctl_print_json(*ret_value);
	ctl_path_clear(&path);
	return r;
}

/* Says of the host or zone that it is done. */
static enum ctl_exit act_and_say(const struct ctl *ctl, const char *folder,
	const char *verb, const char *member, const char *done)
{
	json_t *value;
	enum ctl_exit r = act(ctl, "POST", folder, verb, &value);
	const char *name = ctl_text(value, member);

	if (r == CTL_OK && !ctl->is_json)
		printf("%s %s\n", name ? name : "?", done);
	json_decref(value);
	return r;
}

static enum ctl_exit act_on_host(
	const struct ctl *ctl, const char *verb, const char *done)
{
	return act_and_say(ctl, "/api/v1/hosts", verb, "name", done);
}

enum ctl_exit ctl_expire(const struct ctl *ctl)
{
	return act_on_host(ctl, "expire", "expires now");
}

enum ctl_exit ctl_hold(const struct ctl *ctl)
{
	return act_on_host(ctl, "hold", "is exempt from expiry");
}

enum ctl_exit ctl_release(const struct ctl *ctl)
{
	return act_on_host(ctl, "release", "is no longer held; its leases start again");
}

enum ctl_exit ctl_resume(const struct ctl *ctl)
{
	return act_and_say(
		ctl, "/api/v1/zones", "resume", "zone", "deletes what is overdue");
}

static void print_adopted(const struct ctl *ctl, const json_t *value)
{
	static const char *const titles[] = {
		"NAME", "TYPE", "DATA", "LEASE", "KEY", NULL};
	const json_t *records = json_object_get(value, "records"), *record;
	const long long leases =
		(long long)json_integer_value(json_object_get(value, "leases"));
	const long long names =
		(long long)json_integer_value(json_object_get(value, "names"));
	struct ctl_table *table = ctl_table_new(titles);
	char span[CTL_TEXT_MAX];
	size_t i;

	json_array_foreach(records, i, record) ctl_table_add(table,
		(const char *const[]){ctl_text(record, "name"), ctl_text(record, "type"),
			ctl_text(record, "data"),
			ctl_span(ctl_real(record, "lease_s"), span),
			ctl_text(record, "key")});
	ctl_table_sort(table);
	if (leases)
		ctl_table_print(table);
	ctl_table_free(table);
	if ((size_t)leases > json_array_size(records))
		printf("and %lld more\n", leases - (long long)json_array_size(records));
	printf("%lld %s of %lld %s %s\n", leases, PLURAL(leases, "record"), names,
		PLURAL(names, "name"),
		ctl->is_dry_run ? "would get a lease" : "under a lease from now on");
}

enum ctl_exit ctl_adopt(const struct ctl *ctl)
{
	struct ctl_path path;
	json_t *value;
	enum ctl_exit r;

	ctl_path_init(&path, "/api/v1/zones");
	ctl_path_add(&path, ctl->args[0]);
	ctl_path_add(&path, "adopt");
	ctl_path_query(&path, "dry_run", ctl->is_dry_run ? "1" : NULL);
	ctl_path_query(&path, "pattern", ctl->arg_count > 1 ? ctl->args[1] : NULL);
	r = ctl_ask(ctl, "POST", path.text, NULL, &value);
	ctl_path_clear(&path);
	if (ctl->is_json && value)
		ctl_print_json(value);
	else if (r == CTL_OK)
		print_adopted(ctl, value);
	json_decref(value);
	return r;
}

enum ctl_exit ctl_retry(const struct ctl *ctl)
{
	json_t *value;
	enum ctl_exit r = act(ctl, "POST", "/api/v1/zones", "retry", &value);
	const char *zone = ctl_text(value, "zone");
	const long long count =
		(long long)json_integer_value(json_object_get(value, "targets"));

	if (r == CTL_OK && !ctl->is_json)
		printf("%s: %lld %s tried now\n", zone ? zone : "?", count,
			count == 1 ? "target is" : "targets are");
	json_decref(value);
	return r;
}

enum ctl_exit ctl_remove(const struct ctl *ctl)
{
	json_t *value;
	enum ctl_exit r = act(ctl, "DELETE", "/api/v1/leases", NULL, &value);
	const char *name = ctl_text(value, "name");

	if (r == CTL_OK && !ctl->is_json)
		printf("%s: the lease has ended, and its record is deleted\n",
			name ? name : "?");
	json_decref(value);
	return r;
}
