/*
 * musterd.conf on disk: the files that it names, who may read them, and the sample of the
 * design in full.
 *
 * Everything is written into a folder of its own under TMPDIR, and removed again.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/config_messages.h"

/* ---- helpers ---- */

struct folder {
	char path[PATH_MAX]; /* absolute, without symbolic links */
	struct config_messages messages;
};

static int make_folder(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct folder *folder = calloc(1, sizeof(*folder));
	char name[PATH_MAX], resolved[PATH_MAX];

	if (!folder)
		return -1;
	*state = folder;
	snprintf(name, sizeof(name), "%s/muster-config-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(name) || !realpath(name, resolved))
		return -1;
	snprintf(folder->path, sizeof(folder->path), "%s", resolved);
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *folder = *state;
	DIR *dir = opendir(folder->path);
	const struct dirent *entry;
	char path[PATH_MAX + 256];

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder->path, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder->path);
	free(folder);
	return 0;
}

static void write_octets(const struct folder *folder, const char *name, unsigned mode,
	const char *octets, size_t len)
{
	char path[PATH_MAX + 256];

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	unlink(path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(octets, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void write_text(
	const struct folder *folder, const char *name, unsigned mode, const char *text)
{
	write_octets(folder, name, mode, text, strlen(text));
}

/* In messages the folder becomes "DIR". */
static void hide_folder(struct folder *folder)
{
	char *at, *text = folder->messages.text;
	size_t len = strlen(folder->path);

	while ((at = strstr(text, folder->path))) {
		memcpy(at, "DIR", 3);
		memmove(at + 3, at + len, strlen(at + len) + 1);
	}
}

static int load(struct config **ret, struct folder *folder, const char *name)
{
	char path[PATH_MAX + 256];

	folder->messages.text[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	int err = config_load(ret, path, config_collect, &folder->messages);
	hide_folder(folder);
	return err;
}

static struct config *load_good(struct folder *folder, const char *warnings)
{
	struct config *config = NULL;
	int err = load(&config, folder, "t.conf");

	assert_string_equal(folder->messages.text, warnings);
	assert_int_equal(err, 0);
	return config;
}

static void load_bad(struct folder *folder, const char *messages)
{
	struct config *config = NULL;
	int err = load(&config, folder, "t.conf");

	assert_string_equal(folder->messages.text, messages);
	assert_int_equal(err, -EINVAL);
	assert_null(config);
}

static const struct tsig_key *find_key(const struct config *config, const char *text)
{
	static const uint8_t root[] = {0};
	uint8_t name[NAME_MAX_LEN];

	assert_int_equal(name_from_text(name, text, root), 0);
	return keyring_find(config->keys, name);
}

static void assert_path(const char *path, const struct folder *folder, const char *name)
{
	char expected[PATH_MAX + 256];

	snprintf(expected, sizeof(expected), "%s/%s", folder->path, name);
	assert_string_equal(path, expected);
}

#define ZONE "zones = ( { name = \"example.\"; allow = ( ); } );\n"

/* ---- the sample of the design ---- */

static const char sample[] =
	"# musterd.conf (libconfig). Times: seconds, or \"90s\", \"15m\", \"24h\", "
	"\"7d\".\n"
	"listen   = ( { address = \"0.0.0.0\"; port = 53; }, { address = \"::\"; port = "
	"53; } "
	");   # UDP and TCP each\n"
	"user     = \"muster\";\n"
	"database = \"/var/lib/muster/muster.db\";\n"
	"control  = \"/run/muster/musterd.sock\";       # HTTP over a Unix socket\n"
	"http     = { address = \"127.0.0.1\"; port = 8053; };\n"
	"key_files = [ \"ddns.keys\" ];\n"
	"zones = (\n"
	"  { name = \"dyn.example.\";\n"
	"    ack  = \"wait\"; ack_timeout = \"2s\";       # wait | applied | durable\n"
	"    targets = (\n"
	"      { type = \"powerdns\"; url = \"http://127.0.0.1:8081\"; server = "
	"\"localhost\"; api_key_file = \"pdns.key\"; },\n"
	"      { type = \"ddns\"; address = \"192.0.2.53\"; port = 53; key = "
	"\"muster-to-bind.\"; }\n"
	"    );\n"
	"    allow = (\n"
	"      { keys = [ \"*.dyn.example.\" ]; match = \"self\"; types = [ \"A\", "
	"\"AAAA\", "
	"\"SSHFP\", \"TXT\" ];\n"
	"        lease = { default = \"1h\"; min = \"30s\"; max = \"24h\"; }; },\n"
	"      { keys = [ \"acme.\" ]; match = \"pattern\"; names = [ "
	"\"_acme-challenge.*\" "
	"]; types = [ \"TXT\" ];\n"
	"        from = [ \"192.0.2.0/24\" ]; lease = { default = \"2h\"; }; },\n"
	"      { keys = [ \"admin.\" ]; match = \"zone\"; types = [ \"ANY\" ]; }\n"
	"    ); }\n"
	");\n";

static const char sample_keys[] =
	"key \"muster-to-bind\" { algorithm hmac-sha256; secret \"c2VjcmV0LW9uZQ==\"; "
	"};\n"
	"key \"acme.\" { algorithm hmac-sha256; secret \"c2VjcmV0LXR3bw==\"; };\n"
	"key \"admin.\" { algorithm hmac-sha512; secret \"c2VjcmV0LXRocmVl\"; };\n";

static void assert_sample_targets(const struct config *c)
{
	const struct config_target *targets = c->zones[0].targets;

	assert_int_equal(c->zones[0].target_count, 2);
	assert_int_equal(targets[0].type, CONFIG_TARGET_POWERDNS);
	assert_string_equal(targets[0].id, "powerdns http://127.0.0.1:8081 localhost");
	assert_string_equal(targets[0].urls[0], "http://127.0.0.1:8081");
	assert_string_equal(targets[0].server, "localhost");
	assert_string_equal(targets[0].api_key, "the-api-key");
	assert_int_equal(targets[1].type, CONFIG_TARGET_DDNS);
	assert_string_equal(targets[1].id, "ddns 192.0.2.53#53");
	assert_ptr_equal(targets[1].key, find_key(c, "muster-to-bind."));
	assert_non_null(targets[1].key);
}

static void assert_sample_rules(const struct config *c)
{
	const struct policy_rule *rules = c->zones[0].policy.rules;
	char text[NAME_TEXT_MAX];

	assert_int_equal(c->zones[0].policy.count, 3);
	assert_int_equal(rules[0].match, POLICY_MATCH_SELF);
	assert_int_equal(rules[0].type_count, 4);
	assert_int_equal(rules[0].lease_default_s, 3600);
	assert_int_equal(rules[0].lease_min_s, 30);
	assert_int_equal(rules[0].lease_max_s, 86400);
	assert_int_equal(rules[0].line, 16);
	assert_int_equal(rules[1].match, POLICY_MATCH_PATTERN);
	assert_string_equal(
		name_to_text(rules[1].names[0], text), "_acme-challenge.*.dyn.example.");
	assert_int_equal(rules[1].from_count, 1);
	assert_int_equal(rules[1].lease_default_s, 7200);
	assert_int_equal(rules[2].match, POLICY_MATCH_ZONE);
	assert_int_equal(rules[2].types[0], TYPE_ANY);
	assert_false(rules[2].has_lease);
}

static void the_design_s_sample_loads(void **state)
{
	struct folder *folder = *state;

	write_text(folder, "t.conf", 0644, sample);
	write_text(folder, "ddns.keys", 0640, sample_keys);
	write_text(folder, "pdns.key", 0600, "  the-api-key \n");
	struct config *c = load_good(folder, "");

	assert_int_equal(c->listen_count, 2);
	assert_string_equal(c->listen[1].text, "::#53");
	assert_string_equal(c->user, "muster");
	assert_string_equal(c->database, "/var/lib/muster/muster.db");
	assert_string_equal(c->control, "/run/muster/musterd.sock");
	assert_string_equal(c->http.text, "127.0.0.1#8053");
	assert_int_equal(keyring_count(c->keys), 3);
	assert_int_equal(c->zone_count, 1);
	assert_string_equal(c->zones[0].text, "dyn.example.");
	assert_int_equal(c->zones[0].ack, CONFIG_ACK_WAIT);
	assert_int_equal(c->zones[0].ack_timeout_ms, 2000);
	assert_sample_targets(c);
	assert_sample_rules(c);
	config_unref(c);
}

/* ---- the file itself ---- */

static void what_can_not_be_opened_says_so(void **state)
{
	struct folder *folder = *state;
	struct config *config = NULL;

	assert_int_equal(load(&config, folder, "none.conf"), -ENOENT);
	assert_string_equal(folder->messages.text,
		"error: DIR/none.conf: No such file or directory\n");
	assert_int_equal(load(&config, folder, "."), -EISDIR);
	assert_string_equal(
		folder->messages.text, "error: DIR/.: is a folder, not a file\n");
	assert_null(config);
}

static void nul_octets_are_no_end(void **state)
{
	static const char text[] = ZONE "\0frobnicate = 1;\n";

	write_octets(*state, "t.conf", 0600, text, sizeof(text) - 1);
	load_bad(*state, "error: DIR/t.conf:2: a NUL octet\n");
}

static void a_program_that_can_not_be_run_is_worth_a_warning(void **state)
{
	struct folder *folder = *state;
	char text[3 * PATH_MAX];

	snprintf(text, sizeof(text),
		"zones = ( { name = \"example.\"; allow = ( );\n"
		"on_stale = \"%s/none\"; on_expire = \"%s/tell\"; } );\n",
		folder->path, folder->path);
	write_text(folder, "tell", 0755, "#!/bin/sh\n");
	write_text(folder, "t.conf", 0644, text);
	struct config *c = load_good(folder,
		"warning: DIR/t.conf:2: zones[0].on_stale: cannot be run: No such file "
		"or directory\n");
	assert_path(c->zones[0].on_stale, folder, "none");
	assert_path(c->zones[0].on_expire, folder, "tell");
	config_unref(c);
}

static void paths_start_from_the_file_s_folder(void **state)
{
	struct folder *folder = *state;

	write_text(folder, "t.conf", 0644,
		"database = \"m.db\"; pid_file = \"run/m.pid\"; control = \"/c\";\n"
		"zones = ( { name = \"example.\"; allow = ( );\n"
		"  targets = ( { type = \"local\"; file = \"example.zone\"; } ); } );\n");
	struct config *c = load_good(folder, "");
	assert_path(c->database, folder, "m.db");
	assert_path(c->pid_file, folder, "run/m.pid");
	assert_string_equal(c->control, "/c");
	assert_path(c->zones[0].targets[0].file, folder, "example.zone");
	config_unref(c);
}

static void a_file_without_a_folder_loads(void **state)
{
	struct folder *folder = *state;
	struct config *config = NULL;
	char *before = getcwd(NULL, 0);

	assert_non_null(before);
	write_text(folder, "t.conf", 0644, "database = \"m.db\";\n" ZONE);
	assert_int_equal(chdir(folder->path), 0);
	int err = config_load(&config, "t.conf", NULL, NULL);
	assert_int_equal(chdir(before), 0);
	free(before);
	assert_int_equal(err, 0);
	assert_path(config->database, folder, "m.db");
	config_unref(config);
}

static void includes_are_followed(void **state)
{
	struct folder *folder = *state;

	write_text(folder, "t.conf", 0600, "@include \"keys.conf\"\n" ZONE);
	write_text(folder, "keys.conf", 0600,
		"\nkeys = ( { name = \"a\"; secret = \"b2xk\"; } );\n");
	struct config *c = load_good(folder, "");
	assert_non_null(find_key(c, "a."));
	config_unref(c);

	write_text(folder, "keys.conf", 0644,
		"\nkeys = ( { name = \"a\"; secret = \"b2xk\"; } );\n");
	load_bad(folder,
		"error: keys.conf:2: keys[0].secret: the file holds a secret but is "
		"accessible by others (mode 0644)\n");
	write_text(folder, "keys.conf", 0600, "\nkeys = 1\n2;\n");
	load_bad(folder, "error: keys.conf:3: \";\" expected, not \"2\"\n");
}

/* ---- keys ---- */

static void key_files_are_read(void **state)
{
	struct folder *folder = *state;

	write_text(
		folder, "t.conf", 0644, "key_files = ( \"a.keys\", \"b.keys\" );\n" ZONE);
	write_text(folder, "a.keys", 0600, sample_keys);
	write_text(folder, "b.keys", 0600, "hmac-sha256:line.:bGluZQ==\n");
	struct config *c = load_good(folder, "");
	assert_int_equal(keyring_count(c->keys), 4);
	assert_non_null(find_key(c, "line."));
	config_unref(c);
}

static void bad_key_files_are_all_reported(void **state)
{
	struct folder *folder = *state;
	struct config *config = NULL;

	write_text(folder, "t.conf", 0644,
		"key_files = [ \"none\", \"open\", \"good\", \"bad\" ];\n"
		"frobnicate = 1;\n" ZONE);
	write_text(folder, "open", 0604, sample_keys);
	write_text(folder, "good", 0600, sample_keys);
	write_text(folder, "bad", 0600,
		"\nkey \"a\" { algorithm rot13; secret \"SECRET\"; };");
	assert_int_equal(load(&config, folder, "t.conf"), -EINVAL);
	const char *text = folder->messages.text;
	assert_non_null(
		strstr(text, "error: DIR/t.conf:2: frobnicate: unknown setting\n"));
	assert_non_null(strstr(text,
		"error: DIR/t.conf:1: key_files[0]: DIR/none: No such file or "
		"directory"));
	assert_non_null(
		strstr(text, "error: DIR/t.conf:1: key_files[1]: DIR/open: open"));
	assert_null(strstr(text, "DIR/good"));
	assert_non_null(strstr(text, "error: DIR/t.conf:1: key_files[3]: DIR/bad:2: "));
	assert_null(strstr(text, "SECRET"));
}

static void what_a_key_file_leaves_out_is_said(void **state)
{
	struct folder *folder = *state;

	write_text(folder, "t.conf", 0644, "key_files = [ \"named.conf\" ];\n" ZONE);
	write_text(folder, "named.conf", 0600,
		"key a { algorithm hmac-sha256; secret b2xk; };\n"
		"zone x { key b { algorithm hmac-sha256; secret SECRET; }; };\n");
	config_unref(load_good(folder,
		"warning: DIR/t.conf:1: key_files[0]: DIR/named.conf:2: a key inside of "
		"another statement is not loaded\n"));
}

/* The same key with an end in musterd.conf and without in a key file ends. */
static void an_end_is_not_lost_to_a_key_file(void **state)
{
	struct folder *folder = *state;

	write_text(folder, "t.conf", 0600,
		"key_files = [ \"a.keys\" ];\n"
		"keys = ( { name = \"a\"; secret = \"b2xk\";\n"
		"           not_after = \"2026-12-31T23:59:59Z\"; } );\n" ZONE);
	write_text(folder, "a.keys", 0600, "hmac-sha256:a.:b2xk\n");
	struct config *c = load_good(folder, "");
	assert_int_equal(keyring_count(c->keys), 1);
	assert_int_equal(find_key(c, "a.")->not_after, 1798761599);
	config_unref(c);
}

static void secrets_are_not_for_others(void **state)
{
	static const char text[] =
		"keys = ( { name = \"a\"; secret = \"b2xk\"; } );\n" ZONE;
	struct folder *folder = *state;

	write_text(folder, "t.conf", 0640, text);
	config_unref(load_good(folder, ""));
	for (unsigned mode = 0601; mode <= 0604; mode += mode == 0601 ? 1 : 2) {
		char message[256];
		snprintf(message, sizeof(message),
			"error: DIR/t.conf:1: keys[0].secret: the file holds a secret "
			"but "
			"is accessible by others (mode %04o)\n",
			mode);
		write_text(folder, "t.conf", mode, text);
		load_bad(folder, message);
	}
}

static void secret_files_are_read(void **state)
{
	struct folder *folder = *state;

	write_text(folder, "t.conf", 0644,
		"keys = ( { name = \"a\"; secret_file = \"s\"; } );\n" ZONE);
	write_text(folder, "s", 0640, "\n b2xk\r\n\n");
	struct config *c = load_good(folder, "");
	assert_memory_equal(find_key(c, "a.")->secret, "old", 3);
	config_unref(c);

	write_text(folder, "s", 0644, "b2xk\n");
	load_bad(folder,
		"error: DIR/t.conf:1: keys[0].secret_file: DIR/s: holds a secret "
		"but is accessible by others (mode 0644)\n");
	write_text(folder, "s", 0600, "b2xk\nb2xk\n");
	load_bad(folder,
		"error: DIR/t.conf:1: keys[0].secret_file: DIR/s: must contain exactly "
		"one line\n");
	write_text(folder, "s", 0600, " \n");
	load_bad(folder,
		"error: DIR/t.conf:1: keys[0].secret_file: DIR/s: must contain exactly "
		"one line\n");
	write_octets(folder, "s", 0600, "b2xk\0b2xk", 9);
	load_bad(folder,
		"error: DIR/t.conf:1: keys[0].secret_file: DIR/s: must contain exactly "
		"one line\n");
	write_text(folder, "s", 0600, "SECRET!\n");
	load_bad(folder,
		"error: DIR/t.conf:1: keys[0].secret_file: is not base64 of 1 to "
		"512 octets\n");
}

static void only_regular_files_hold_secrets(void **state)
{
	static const char large[READER_SECRET_MAX + 1] = "";
	struct folder *folder = *state;
	char path[PATH_MAX + 256];

	write_text(folder, "t.conf", 0644,
		"keys = ( { name = \"a\"; secret_file = \"s\"; } );\n" ZONE);
	load_bad(folder,
		"error: DIR/t.conf:1: keys[0].secret_file: DIR/s: No such file or "
		"directory\n");
	write_octets(folder, "s", 0600, large, sizeof(large));
	load_bad(folder,
		"error: DIR/t.conf:1: keys[0].secret_file: DIR/s: is too large for "
		"a secret\n");
	/* One without a writer would block for ever. */
	snprintf(path, sizeof(path), "%s/s", folder->path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	load_bad(folder,
		"error: DIR/t.conf:1: keys[0].secret_file: DIR/s: not a regular "
		"file\n");
}

/* ---- the API key of PowerDNS ---- */

/* It is named after the first, so that another behind it changes nothing. */
static void urls_are_a_list(void **state)
{
	struct folder *folder = *state;
	const struct config_target *target;
	struct config *c;

	write_text(folder, "k", 0600, "t0p+key\n");
	write_text(folder, "t.conf", 0644,
		"zones = ( { name = \"example.\"; allow = ( );\n"
		"  targets = ( { type = \"powerdns\"; api_key_file = \"k\";\n"
		"    url = [ \"https://a.example/x/\", \"http://[::1]:8081\" ]; } ); } "
		");\n");
	c = load_good(folder, "");
	target = &c->zones[0].targets[0];
	assert_int_equal(target->url_count, 2);
	assert_string_equal(target->urls[0], "https://a.example/x");
	assert_string_equal(target->urls[1], "http://[::1]:8081");
	assert_string_equal(target->id, "powerdns https://a.example/x localhost");
	config_unref(c);
}

static void api_keys_are_read(void **state)
{
	struct folder *folder = *state;

	write_text(folder, "t.conf", 0644,
		"zones = ( { name = \"example.\"; allow = ( );\n"
		"  targets = ( { type = \"powerdns\"; url = "
		"\"https://pdns.example/x//\";\n"
		"    server = \"s1\"; api_key_file = \"k\"; timeout = \"1s\"; } ); } "
		");\n");
	write_text(folder, "k", 0600, "t0p+key\n");
	struct config *c = load_good(folder, "");
	const struct config_target *target = &c->zones[0].targets[0];
	assert_string_equal(target->urls[0], "https://pdns.example/x");
	assert_string_equal(target->server, "s1");
	assert_string_equal(target->id, "powerdns https://pdns.example/x s1");
	assert_string_equal(target->api_key, "t0p+key");
	assert_int_equal(target->timeout_ms, 1000);
	assert_int_equal(target->rectify, CONFIG_RECTIFY_AUTO);
	assert_int_equal(target->url_count, 1);
	assert_int_equal(target->sync_every_s, 0);
	assert_true(target->sync_repair);
	config_unref(c);

	write_text(folder, "t.conf", 0644,
		"zones = ( { name = \"example.\"; allow = ( ); targets = (\n"
		"  { type = \"powerdns\"; url = \"http://h\"; rectify = \"server\";\n"
		"    sync = { every = \"6h\"; repair = false; };\n"
		"    api_key_file = \"k\"; } ); } );\n");
	c = load_good(folder, "");
	target = &c->zones[0].targets[0];
	assert_int_equal(target->rectify, CONFIG_RECTIFY_SERVER);
	assert_int_equal(target->sync_every_s, 6 * 3600);
	assert_false(target->sync_repair);
	config_unref(c);

	write_text(folder, "k", 0602, "t0p+key\n");
	load_bad(folder,
		"error: DIR/t.conf:4: zones[0].targets[0].api_key_file: DIR/k: holds "
		"a secret but is accessible by others (mode 0602)\n");
	write_text(folder, "k", 0600, "SEC\rRET: x\n");
	load_bad(folder,
		"error: DIR/t.conf:4: zones[0].targets[0].api_key_file: the key has "
		"octets that HTTP headers can not\n");
}

/* ---- contrib/examples ---- */

/* Copies a file of the examples into the folder.  False: the sources are not here. */
static bool copy_example(const struct folder *folder, const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[PATH_MAX], text[16384];

	snprintf(path, sizeof(path), "%s/contrib/examples/%s", srcdir ? srcdir : ".",
		name);
	FILE *file = fopen(path, "r");
	if (!file)
		return false;
	size_t len = fread(text, 1, sizeof(text), file);
	fclose(file);
	assert_in_range(len, 1, sizeof(text) - 1);
	write_octets(folder, "t.conf", 0644, text, len);
	return true;
}

/* They load without a warning once the keys that their comments name are there. */
static void the_examples_load(void **state)
{
	static const char *const names[] = {
		"local.conf", "bind.conf", "knot.conf", "powerdns.conf"};
	static const char keys[] =
		"key \"muster-to-bind.\" { algorithm hmac-sha256; secret \"b25l\"; };\n"
		"key \"host1.dyn.example.\" { algorithm hmac-sha256; secret \"dHdv\"; "
		"};\n"
		"key \"acme.\" { algorithm hmac-sha256; secret \"dGhyZWU=\"; };\n"
		"key \"admin.\" { algorithm hmac-sha256; secret \"Zm91cg==\"; };\n"
		"key \"secondary.\" { algorithm hmac-sha256; secret \"Zml2ZQ==\"; };\n";
	static const char knot_key[] = "# hmac-sha256:muster-to-knot:c2l4\n"
				       "key:\n"
				       "  - id: muster-to-knot\n"
				       "    algorithm: hmac-sha256\n"
				       "    secret: c2l4\n";
	struct folder *folder = *state;

	write_text(folder, "example.keys", 0640, keys);
	write_text(folder, "muster-to-knot.key", 0640, knot_key);
	write_text(folder, "pdns.key", 0640, "0123456789abcdef\n");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!copy_example(folder, names[i]))
			skip();
		struct config *c = load_good(folder, "");
		assert_int_equal(c->zone_count, 1);
		assert_string_equal(c->zones[0].text, "dyn.example.");
		assert_path(c->database, folder, "muster.db");
		config_unref(c);
	}
}

#define TEST(function)                                                                   \
	cmocka_unit_test_setup_teardown(function, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_design_s_sample_loads),
		TEST(what_can_not_be_opened_says_so),
		TEST(nul_octets_are_no_end),
		TEST(a_program_that_can_not_be_run_is_worth_a_warning),
		TEST(paths_start_from_the_file_s_folder),
		TEST(a_file_without_a_folder_loads),
		TEST(includes_are_followed),
		TEST(key_files_are_read),
		TEST(bad_key_files_are_all_reported),
		TEST(what_a_key_file_leaves_out_is_said),
		TEST(an_end_is_not_lost_to_a_key_file),
		TEST(secrets_are_not_for_others),
		TEST(secret_files_are_read),
		TEST(only_regular_files_hold_secrets),
		TEST(api_keys_are_read),
		TEST(urls_are_a_list),
		TEST(the_examples_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
