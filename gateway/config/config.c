/*
 * musterd.conf: reads the file and its top-level settings, and makes and frees struct
 * config.
 *
 * The rest of the file is read in config_keys.c, config_zone.c, config_target.c and
 * config_policy.c; values in config_read.c and config_text.c; the text of the file comes
 * from gateway/base/settings_text.h.
 *
 * Limits: READER_FILE_MAX.  libconfig 1.5 does not check its own allocations, and ends
 * the process when one fails; the code here checks them.
 */
#include "gateway/config/config_read.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/reverse.h"

enum {
	PORT_DNS = 53,
	PORT_HTTP = 8053,
	THREADS_MAX = 64, /* listener threads; more than any network card has queues */
	ZONE_THREADS_MAX = 64,
	AUDIT_DAYS = 30, /* default */
	AUDIT_DAYS_MAX = 36500,
	TCP_IDLE_TIMEOUT_MS = 30000, /* default, RFC 7766 6.2.3 */
	TCP_IDLE_TIMEOUT_MIN_MS = 1000,
	TCP_IDLE_TIMEOUT_MAX_MS = 3600 * 1000,
};

static const char default_database[] = "/var/lib/muster/muster.db";

/* ---- top-level settings ---- */

static const struct reader_member address_members[] = {
	READER_ELSEWHERE("address"), /* reader_address */
	READER_ELSEWHERE("port"),
};

static void check_twice(struct settings_reader *r, const config_setting_t *setting,
	const struct config_address *all, size_t index)
{
	const char *text = all[index].text;

	/* Port 0 means another port each time. */
	if (strcmp(strrchr(text, '#'), "#0") == 0)
		return;
	for (size_t i = 0; i < index; i++)
		if (strcmp(all[i].text, text) == 0)
			reader_error(r, setting, "%s is listed twice", text);
}

static void read_listen(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config *config = object;

	if (!reader_is_list(r, setting))
		return;
	size_t count = reader_count(setting);
	if (count == 0) {
		reader_error(r, setting, "must not be empty");
		return;
	}
	config->listen = reader_alloc(r, count, sizeof(*config->listen));
	for (size_t i = 0; config->listen && i < count; i++) {
		const config_setting_t *group = reader_element(setting, i);
		if (!reader_is_group(r, group))
			continue;
		reader_read_group(r, group, address_members, 2, NULL);
		if (!reader_address(r, group, NULL, PORT_DNS, 0,
			    &config->listen[config->listen_count]))
			continue;
		check_twice(r, group, config->listen, config->listen_count);
		config->listen_count++;
	}
}

static void read_http_hosts(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config *config = object;

	reader_names(
		r, setting, NULL, NULL, &config->http_hosts, &config->http_host_count);
}

static void read_http(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	static const struct reader_member members[] = {
		READER_ELSEWHERE("address"), /* reader_address */
		READER_ELSEWHERE("port"),
		READER_OWN("hosts", read_http_hosts),
	};
	struct config *config = object;

	if (!reader_is_group(r, setting))
		return;
	reader_read_group(
		r, setting, members, sizeof(members) / sizeof(members[0]), config);
	(void)reader_address(r, setting, "127.0.0.1", PORT_HTTP, 0, &config->http);
}

static void read_max_fudge(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	int64_t ms;

	if (reader_time(r, setting, 1000, KEYRING_FUDGE_MAX_S * 1000, &ms))
		((struct config *)object)->max_fudge_s = (unsigned)(ms / 1000);
}

static const struct reader_member root_members[] = {
	READER_OWN("listen", read_listen),
	READER_TEXT("user", struct config, user),
	READER_PATH("database", struct config, database),
	READER_PATH("pid_file", struct config, pid_file),
	READER_PATH("control", struct config, control),
	READER_OWN("http", read_http),
	READER_NUMBER("threads", struct config, threads, 1, THREADS_MAX),
	READER_NUMBER("audit_days", struct config, audit_days, 1, AUDIT_DAYS_MAX),
	READER_NUMBER("zone_threads", struct config, zone_threads, 1, ZONE_THREADS_MAX),
	READER_TIME("tcp_idle_timeout", struct config, tcp_idle_timeout_ms,
		TCP_IDLE_TIMEOUT_MIN_MS, TCP_IDLE_TIMEOUT_MAX_MS),
	READER_OWN("max_fudge", read_max_fudge),
	READER_ELSEWHERE("weak_keys"), /* config_keys_read */
	READER_ELSEWHERE("keys"),
	READER_ELSEWHERE("key_files"),
	READER_ELSEWHERE("enrol_keys"),
	/* read by config_zones_read, which needs the keys */
	READER_ELSEWHERE("zones"),
};

/* ---- defaults ---- */

static unsigned count_cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	int count = CPU_COUNT(&set);
	return count > THREADS_MAX ? THREADS_MAX : (unsigned)count;
}

static void set_defaults(struct settings_reader *r)
{
	struct config *config = r->config;

	if (!config->database)
		(void)reader_set_text(r, &config->database, default_database);
	if (config->listen)
		return;
	config->listen = reader_alloc(r, 2, sizeof(*config->listen));
	if (!config->listen)
		return;
	config->listen_count = 2;
	if (config_parse_address(&config->listen[0], "0.0.0.0", PORT_DNS) ||
		config_parse_address(&config->listen[1], "::", PORT_DNS))
		abort(); /* they are addresses */
}

void config_set_pin(struct config_zone *zone)
{
	bool has_ptr = reverse_is_zone(zone->name);

	for (size_t i = 0; i < zone->policy.count; i++)
		has_ptr |= zone->policy.rules[i].ptr;
	zone->pin = has_ptr ? CONFIG_PIN_PTR : name_hash(zone->name);
}

const struct config_target *config_zone_find_target(
	const struct config_zone *zone, const char *id)
{
	for (size_t i = 0; i < zone->target_count; i++) {
		if (!strcmp(zone->targets[i].id, id))
			return &zone->targets[i];
	}
	return NULL;
}

const struct config_target *config_find_target(
	const struct config *config, const char *id)
{
	const struct config_target *target = NULL;

	for (size_t i = 0; !target && i < config->zone_count; i++)
		target = config_zone_find_target(&config->zones[i], id);
	return target;
}

void config_keep_pins(struct config *config, const struct config *before)
{
	for (size_t i = 0; i < config->zone_count; i++) {
		const struct config_zone *old =
			config_find_zone(before, config->zones[i].name);

		if (old && old->pin == CONFIG_PIN_PTR)
			config->zones[i].pin = CONFIG_PIN_PTR;
	}
}

static void read_root(struct settings_reader *r, const config_setting_t *root)
{
	const config_setting_t *zones = config_setting_get_member(root, "zones");

	r->config->threads = count_cores();
	/* The other cores are for the listeners, which sign and verify. */
	r->config->zone_threads = r->config->threads > 2 ? r->config->threads / 2 : 1;
	r->config->audit_days = AUDIT_DAYS;
	r->config->max_fudge_s = KEYRING_FUDGE_MAX_S;
	r->config->tcp_idle_timeout_ms = TCP_IDLE_TIMEOUT_MS;
	reader_read_group(r, root, root_members,
		sizeof(root_members) / sizeof(root_members[0]), r->config);
	set_defaults(r);
	config_keys_read(r, root);
	if (r->config->keys)
		keyring_set_fudge_max(r->config->keys, r->config->max_fudge_s);
	if (zones)
		config_zones_read(r, zones);
	for (size_t i = 0; i < r->config->zone_count; i++)
		config_set_pin(&r->config->zones[i]);
	if (r->config->zone_count == 0)
		reader_warning_missing(r, root, "zones", "no update is accepted");
}

/* ---- the file ---- */

static void read_text(struct settings_reader *r, struct settings_text *text,
	const struct settings_source *source)
{
	config_t tree;

	config_init(&tree);
	if (settings_text_read(text, source, &tree))
		read_root(r, config_root_setting(&tree));
	else
		r->error = -EINVAL;
	config_destroy(&tree);
}

/* Consumes text. */
static int read_config(struct config **ret_config, struct settings_reader *r,
	struct settings_text *text, const struct settings_source *source)
{
	r->text = text;
	r->config = calloc(1, sizeof(*r->config));
	if (r->config) {
		atomic_init(&r->config->refs, 1);
		read_text(r, text, source);
	} else {
		reader_error_memory(r);
	}
	settings_text_free(text);
	if (r->error) {
		config_unref(r->config);
		return r->error;
	}
	*ret_config = r->config;
	return 0;
}

int config_parse(struct config **ret_config, const char *name, const char *text,
	size_t len, config_report *report, void *arg)
{
	struct settings_reader r = {.path = name, .report = report, .arg = arg};
	const struct settings_source source = {
		.path = name, .size_max = READER_FILE_MAX, .report = report, .arg = arg};
	struct settings_text *whole;
	const int err = settings_text_parse(&whole, &source, text, len);

	return err ? err : read_config(ret_config, &r, whole, &source);
}

/* Absolute, since the daemon leaves the folder that it was started in. */
static char *find_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = NULL;

	if (!slash)
		return realpath(".", NULL);
	/* The slash itself is kept for the root folder. */
	if (asprintf(&folder, "%.*s", (int)(slash - path + 1), path) < 0)
		return NULL;
	char *absolute = realpath(folder, NULL);
	free(folder);
	return absolute;
}

static void report_folder(const char *path, int err, config_report *report, void *arg)
{
	struct settings_reader r = {.path = path, .report = report, .arg = arg};
	char message[SETTINGS_MESSAGE_MAX];

	snprintf(message, sizeof(message), "%.512s: %s", path, strerror(-err));
	reader_error_raw(&r, err, message);
}

int config_load(
	struct config **ret_config, const char *path, config_report *report, void *arg)
{
	struct settings_reader r = {.path = path, .report = report, .arg = arg};
	struct settings_source source = {
		.path = path, .size_max = READER_FILE_MAX, .report = report, .arg = arg};
	struct settings_text *text;
	char *folder = find_folder(path);
	int err = folder ? 0 : -errno;

	r.folder = source.folder = folder;
	if (err)
		report_folder(path, err, report, arg);
	else
		err = settings_text_load(&text, &source);
	if (!err)
		err = read_config(ret_config, &r, text, &source);
	free(folder);
	return err;
}

/* ---- its life ---- */

struct config *config_ref(struct config *config)
{
	atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
	return config;
}

void config_unref(struct config *config)
{
	/* The thread that frees must see what the others did before they let go. */
	if (!config ||
		atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) > 1)
		return;
	config_zones_free_index(config);
	for (size_t i = 0; i < config->zone_count; i++)
		config_zone_clear(&config->zones[i]);
	free(config->zones);
	keyring_free(config->keys);
	free(config->listen);
	free(config->user);
	free(config->database);
	free(config->pid_file);
	free(config->control);
	for (size_t i = 0; i < config->http_host_count; i++)
		free(config->http_hosts[i]);
	free(config->http_hosts);
	free(config);
}
