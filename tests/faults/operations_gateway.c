/*
 * Operations of the gateway that need no network: a configuration from its files, and a
 * change set on its way into the database and back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/config/config.h"
#include "gateway/journal/store.h"
#include "tests/faults/operation.h"

enum { PATH_LEN = 128 };

static const struct store_ops *const ops = &store_sqlite;

static const char keys_text[] =
	"key \"admin.\" {\n"
	"	algorithm hmac-sha256;\n"
	"	secret \"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\";\n"
	"};\n";

static const char config_text[] =
	"listen = ( { address = \"127.0.0.1\"; port = 0; } );\n"
	"database = \"muster.db\";\n"
	"key_files = [ \"keys\" ];\n"
	"zones = ( {\n"
	"	name = \"example.\"; mname = \"ns.example.\";\n"
	"	query_from = [ \"192.0.2.0/24\" ];\n"
	"	targets = (\n"
	"		{ type = \"powerdns\"; url = \"http://127.0.0.1:8081\";\n"
	"		  api_key_file = \"api-key\"; },\n"
	"		{ type = \"ddns\"; address = \"127.0.0.1\"; key = \"admin.\"; }\n"
	"	);\n"
	"	allow = (\n"
	"		{ keys = [ \"admin.\" ]; match = \"pattern\"; names = [ \"a.*\" "
	"];\n"
	"		  types = [ \"A\" ]; from = [ \"192.0.2.0/24\" ];\n"
	"		  data = [ \"192.0.2.0/24\" ]; }\n"
	"	);\n"
	"}, {\n"
	"	name = \"example.net.\"; targets = ( { type = \"local\"; } );\n"
	"	allow = ( { keys = [ \"admin.\" ]; match = \"zone\"; types = [ \"ANY\" "
	"]; } );\n"
	"} );\n";

/* ---- a folder for all operations, removed at the end ---- */

static char folder[] = "faults-XXXXXX";

static void path_to(const char *name, char path[PATH_LEN])
{
	snprintf(path, PATH_LEN, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
	char path[PATH_LEN];
	FILE *file;

	path_to(name, path);
	file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) || chmod(path, 0600))
		abort();
}

static void remove_folder(void)
{
	static const char *const names[] = {"musterd.conf", "keys", "api-key",
		"muster.db", "muster.db-wal", "muster.db-shm", NULL};
	char path[PATH_LEN];

	for (int i = 0; names[i]; i++) {
		path_to(names[i], path);
		unlink(path);
	}
	rmdir(folder);
}

/* The first operation makes it; no fault is armed then. */
static void make_folder(void)
{
	static bool is_made;

	if (is_made)
		return;
	is_made = true;
	if (!mkdtemp(folder))
		abort();
	atexit(remove_folder);
	write_file("keys", keys_text);
	write_file("api-key", "secret\n");
	write_file("musterd.conf", config_text);
}

/* ---- configuration ---- */

static void ignore(bool is_error, const char *message, void *arg)
{
	(void)is_error;
	(void)message;
	(void)arg;
}

static enum outcome load_config(void)
{
	struct config *config = NULL;
	enum outcome outcome = OUTCOME_RIGHT;
	char path[PATH_LEN];

	make_folder();
	path_to("musterd.conf", path);
	if (config_load(&config, path, ignore, NULL))
		return OUTCOME_FAILED;
	if (config->zone_count != 2 || config->zones[0].target_count != 2 ||
		config->zones[0].policy.count != 1 ||
		config->zones[1].policy.count != 1 || keyring_count(config->keys) != 1 ||
		!config_find_zone(config, (const uint8_t *)"\7example\3net"))
		outcome = operation_wrong("a configuration is loaded in part");
	config_unref(config);
	return outcome;
}

/* ---- the store ---- */

struct last {
	uint64_t seq;
	size_t count;
	bool is_whole;
};

static int see(const struct store_row *row, struct changeset *changes, void *arg)
{
	struct last *last = arg;

	last->count++;
	last->seq = row->seq;
	last->is_whole = changes->count == 1 && changes->changes[0].after &&
		changes->changes[0].after->count == 1;
	return 0;
}

static struct changeset *make_changes(void)
{
	struct changeset *changes = changeset_new();
	struct rrset *set = rrset_new(TYPE_A, 60, (const uint8_t *)"\300\0\2\1", 4);

	if (!changes || !set ||
		changeset_append(
			changes, (const uint8_t *)"\4host\7example", TYPE_A, NULL, set)) {
		changeset_unref(changes);
		changes = NULL;
	}
	rrset_unref(set);
	return changes;
}

/* 0 or -errno: then none of it is there. */
static int write_group(
	struct store *store, int64_t zone, uint64_t seq, const struct changeset *changes)
{
	static const uint8_t mac[STORE_MAC_LEN] = {1};
	const struct store_row row = {
		.seq = seq,
		.zone = zone,
		.at_ms = 1,
		.transaction = seq,
		.key = (const uint8_t *)"\5admin",
		.source = {{.family = 4, .octets = {192, 0, 2, 1}}, 53, STORE_UDP},
		.request = (const uint8_t *)"request",
		.request_len = 7,
		.changes = changes,
		.mac = mac,
		.time_signed = seq,
	};
	int r = ops->begin(store);

	if (!r)
		r = ops->append(store, &row);
	if (!r)
		r = ops->put_cursor(store, zone, "local", seq);
	if (!r)
		r = ops->put_rrset(store, zone, changes->changes[0].owner, TYPE_A,
			changes->changes[0].after);
	if (!r)
		r = ops->commit(store);
	if (r)
		ops->rollback(store);
	return r;
}

static int see_cursor(const char *target, uint64_t seq, void *arg)
{
	uint64_t *ret_seq = arg;

	(void)target; /* there is one */
	*ret_seq = seq;
	return 0;
}

/* A failure may leave all of it or nothing, but no part of it. */
static enum outcome look_back(
	struct store *store, int64_t zone, uint64_t seq, bool was_acknowledged)
{
	struct last last = {0};
	uint64_t cursor = 0;

	if (ops->each_change(store, zone, seq - 1, 10, see, &last) ||
		ops->each_cursor(store, zone, see_cursor, &cursor))
		return OUTCOME_FAILED;
	if (last.count > 1 || (last.count && (last.seq != seq || !last.is_whole)))
		return operation_wrong("what is stored is another");
	if ((cursor == seq) != (last.count == 1))
		return operation_wrong("a group is stored in part");
	if (was_acknowledged && !last.count)
		return operation_wrong("what was committed is not there");
	return was_acknowledged ? OUTCOME_RIGHT : OUTCOME_FAILED;
}

static struct store *open_store(void)
{
	char error[STORE_ERROR_MAX], path[PATH_LEN];
	struct store *store;

	path_to("muster.db", path);
	return ops->open(&store, path, error) ? NULL : store;
}

static enum outcome use_store(struct store *store, const struct changeset *changes)
{
	static const uint8_t name[] = "\7example";
	uint64_t seq;
	int64_t zone;
	int r;

	if (ops->zone_id(store, name, &zone) || ops->last_seq(store, &seq))
		return OUTCOME_FAILED;
	r = write_group(store, zone, seq + 1, changes);
	return look_back(store, zone, seq + 1, !r);
}

static enum outcome store_changes(void)
{
	struct changeset *changes;
	struct store *store;
	enum outcome outcome = OUTCOME_FAILED;

	make_folder();
	changes = make_changes();
	store = open_store();
	if (store && changes)
		outcome = use_store(store, changes);
	ops->close(store);
	changeset_unref(changes);
	return outcome;
}

const struct operation operations_gateway[] = {
	{"a configuration", load_config},
	{"changes into the store", store_changes},
	{0},
};
