/*
 * Hosts and leases: showing, expiring, holding, removing and adopting them; and what is
 * done to zones.
 */
#include "gateway/ctl/ctl.h"

#include <string.h>

#include "tsig/plural.h"

/* ---- lists ---- */

static const char *end_of_host(const json_t *host, char buf[CTL_TEXT_MAX])
{
	const json_t *expired = json_object_get(host, "expired_at");

	return expired ? ctl_ago(expired, buf)
		       : ctl_left(json_object_get(host, "expires_in_s"), buf);
}

static const char *span_of_lease(const json_t *seconds, char buf[CTL_TEXT_MAX])
{
	return json_number_value(seconds) > 0 ? ctl_span_cell(seconds, buf) : NULL;
}

static const char *owner_of_lease(const json_t *lease, char buf[CTL_TEXT_MAX])
{
	(void)buf;
	if (ctl_bool(lease, "waiting"))
		return "(waits for an address)";
	return ctl_bool(lease, "derived") ? "(follows an address)"
					  : ctl_text(lease, "key");
}

/* The argument, if it is one name and no pattern. */
static bool is_name(const struct ctl *ctl)
{
	return ctl->args[0] && !strpbrk(ctl->args[0], "*?");
}

enum ctl_exit ctl_hosts(const struct ctl *ctl)
{
	static const struct ctl_column columns[] = {
		{"HOST", "name", NULL},
		{"STATE", "state", NULL},
		{">LEASES", "leases", NULL},
		{"LAST SEEN", "last_seen", ctl_ago},
		{"FROM", "source", NULL},
		{"KEY", "key", NULL},
		{"EXPIRES", NULL, end_of_host},
		{NULL, NULL, NULL},
	};

	return ctl_list(ctl,
		ctl_path("/api/v1/hosts", "pattern", ctl->args[0], "zone",
			ctl->options[CTL_ZONE], "state", ctl->options[CTL_STATE], NULL),
		"hosts", columns, true,
		is_name(ctl) ? "has no leases, and was not heard of lately" : NULL);
}

/* Ids are long and rarely needed, so that only --json shows them. */
enum ctl_exit ctl_leases(const struct ctl *ctl)
{
	static const struct ctl_column columns[] = {
		{"NAME", "name", NULL},
		{"TYPE", "type", NULL},
		{"DATA", "data", NULL},
		{"STATE", "state", NULL},
		{"EXPIRES", "expires_in_s", ctl_left},
		{"LEASE", "lease_s", span_of_lease},
		{"LAST SEEN", "last_seen", ctl_ago},
		{"KEY", NULL, owner_of_lease},
		{NULL, NULL, NULL},
	};

	return ctl_list(ctl,
		ctl_path("/api/v1/leases", "name", ctl->args[0], "zone",
			ctl->options[CTL_ZONE], NULL),
		"leases", columns, true, is_name(ctl) ? "has no leases" : NULL);
}

/* ---- verbs ---- */

static const struct verb {
	const char *name, *method, *folder;
	const char *done; /* said behind the name of the host or zone */
} verbs[] = {
	{"expire", "POST", "/api/v1/hosts", " expires now"},
	{"hold", "POST", "/api/v1/hosts", " is exempt from expiry"},
	{"release", "POST", "/api/v1/hosts",
		" is no longer held; its leases start again"},
	{"resume", "POST", "/api/v1/zones", " deletes what is overdue"},
	{"retry", "POST", "/api/v1/zones", NULL},
	{"remove", "DELETE", "/api/v1/leases",
		": the lease has ended, and its record is deleted"},
};

static const struct verb *verb_of(const struct ctl *ctl)
{
	const struct verb *verb = verbs;

	while (strcmp(verb->name, ctl->command) != 0)
		verb++;
	return verb;
}

static void print_done(const struct ctl *ctl, const json_t *value)
{
	const char *done = verb_of(ctl)->done;
	const char *name = ctl_text(value, "name");
	const long long targets = ctl_integer(value, "targets");

	if (!name)
		name = ctl_text_or(value, "zone");
	if (done)
		printf("%s%s\n", name, done);
	else
		printf("%s: %lld %s tried now\n", name, targets,
			targets == 1 ? "target is" : "targets are");
}

enum ctl_exit ctl_act(const struct ctl *ctl)
{
	const struct verb *verb = verb_of(ctl);
	const bool is_delete = !strcmp(verb->method, "DELETE");

	return ctl_show(ctl, verb->method,
		ctl_path(verb->folder, "/", ctl->args[0], "/",
			is_delete ? NULL : verb->name, NULL),
		print_done);
}

static void print_adopted(const struct ctl *ctl, const json_t *value)
{
	static const struct ctl_column columns[] = {
		{"NAME", "name", NULL},
		{"TYPE", "type", NULL},
		{"DATA", "data", NULL},
		{"LEASE", "lease_s", ctl_span_cell},
		{"KEY", "key", NULL},
		{NULL, NULL, NULL},
	};
	struct ctl_table table = {.columns = columns, .is_sorted = true};
	const json_t *records = json_object_get(value, "records"), *record;
	const long long leases = ctl_integer(value, "leases");
	const long long names = ctl_integer(value, "names");
	size_t i;

	json_array_foreach(records, i, record) ctl_table_add(&table, record);
	if (table.count)
		ctl_table_print(&table);
	if ((size_t)leases > json_array_size(records))
		printf("and %lld more\n", leases - (long long)json_array_size(records));
	printf("%lld %s of %lld %s %s\n", leases, PLURAL(leases, "record"), names,
		PLURAL(names, "name"),
		ctl->options[CTL_DRY_RUN] ? "would get a lease"
					  : "under a lease from now on");
}

static void print_given_back(const struct ctl *ctl, const json_t *value)
{
	const json_t *servers = json_object_get(value, "servers"), *server;
	size_t i;

	(void)ctl;
	json_array_foreach(servers, i, server)
	{
		const char *error = ctl_text(server, "error");

		printf("%s: %s\n", ctl_text_or(server, "target"),
			error ? error : "has everything that was taken over");
	}
}

enum ctl_exit ctl_rectify(const struct ctl *ctl)
{
	if (!ctl->options[CTL_GIVE_BACK]) {
		fputs("musterctl: usage: musterctl rectify --give-back ZONE\n", stderr);
		return CTL_FAILED;
	}
	return ctl_show(ctl, "POST",
		ctl_path("/api/v1/zones", "/", ctl->args[0], "/", "rectify", "give_back",
			"1", NULL),
		print_given_back);
}

enum ctl_exit ctl_adopt(const struct ctl *ctl)
{
	return ctl_show(ctl, "POST",
		ctl_path("/api/v1/zones", "/", ctl->args[0], "/", "adopt", "dry_run",
			ctl->options[CTL_DRY_RUN] ? "1" : NULL, "pattern", ctl->args[1],
			NULL),
		print_adopted);
}
