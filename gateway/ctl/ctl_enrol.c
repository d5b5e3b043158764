/*
 * enrol makes a new key for a host, adds it to the file that enrol_keys names in the
 * configuration, and prints the one line that sets up the host's agent.
 *
 * The key is made and written here and not by the gateway, so that no secret ever passes
 * through its socket: the gateway only reloads its configuration.  If it rejects that,
 * the file is restored.  Memory that held the secret is wiped.
 *
 * The file has one key per line.  A new file with mode 0600 replaces it, under a lock in
 * a file of its own.  It keeps its owner; a first file belongs to the gateway's user.
 */
#include "gateway/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/supervise.h"
#include "tsig/enrolment.h"

enum {
	SECRET_LEN = 32,     /* octets, as many as hmac-sha256 has */
	KEYS_MAX = 64 << 20, /* octets of the whole file */
	KEY_LINE_MAX = NAME_TEXT_MAX + 256,
};

struct enrolling {
	const struct ctl *ctl;
	struct ctl quiet; /* asks, but prints nothing when all is well */
	struct enrolment enrolment;
	char name[NAME_TEXT_MAX]; /* as text */
	char *path;               /* of the key file; owned */
	uid_t owner;
	gid_t group;
	char *old; /* its content; owned; NULL: there was none */
	size_t old_len;
	int lock;
};

static enum ctl_exit complain(const char *what, const char *why)
{
	fprintf(stderr, "musterctl: %s: %s\n", what, why);
	return CTL_FAILED;
}

/* ---- what the configuration says ---- */

/* A new file will belong to the user that the gateway runs as. */
static void read_user(struct enrolling *e, const config_t *tree)
{
	const struct passwd *pw = NULL;
	const char *user;

	e->owner = geteuid();
	e->group = getegid();
	if (geteuid() == 0 && config_lookup_string(tree, "user", &user))
		pw = getpwnam(user);
	if (pw) {
		e->owner = pw->pw_uid;
		e->group = pw->pw_gid;
	}
}

static void print_problem(bool error, const char *message, void *arg)
{
	(void)error;
	(void)arg;
	fprintf(stderr, "musterctl: %s\n", message);
}

/* config_path is what the gateway itself has read, whatever -c says. */
static enum ctl_exit read_config(struct enrolling *e, const char *config_path)
{
	config_t tree;
	enum ctl_exit r = CTL_OK;

	config_init(&tree);
	if (ctl_config_read(config_path, &tree, print_problem)) {
		e->path = ctl_config_path(config_path, &tree, "enrol_keys");
		read_user(e, &tree);
		if (!e->path)
			r = complain(config_path,
				"has no enrol_keys, the file for new keys: add "
				"enrol_keys = \"enrolled.keys\";");
	} else {
		r = CTL_FAILED;
	}
	config_destroy(&tree);
	return r;
}

static enum ctl_exit find_config(struct enrolling *e)
{
	json_t *value;
	const char *path;
	enum ctl_exit r;

	r = ctl_ask(&e->quiet, "GET", ctl_path("/status", NULL), NULL, &value);
	path = ctl_text(value, "config");
	if (r == CTL_OK)
		r = path ? read_config(e, path)
			 : complain("the gateway",
				   "does not say where its configuration is");
	json_decref(value);
	return r;
}

/* ---- what the gateway says about the name ---- */

/* Finds the zone of the name, and warns if no rule would let the host add an address. */
static enum ctl_exit find_zone(struct enrolling *e)
{
	json_t *body = ctl_check(json_pack(
		       "{s:s, s:s, s:s}", "key", e->name, "name", e->name, "type", "A")),
	       *value;
	const char *zone;
	enum ctl_exit r;

	r = ctl_ask(&e->quiet, "POST", ctl_path("/api/v1/explain", NULL), body, &value);
	zone = ctl_text(value, "zone");
	if (r == CTL_OK && !e->ctl->options[CTL_ZONE] &&
		(!zone || name_from_text(e->enrolment.zone, zone, NULL)))
		r = complain(e->name, "its zone is not known");
	if (r == CTL_OK && !json_is_integer(json_object_get(value, "rule")))
		fprintf(stderr,
			"warning: no rule lets a key of this name add an address "
			"there\n");
	json_decref(value);
	json_decref(body);
	return r;
}

/* CTL_NO: there is a key of this name that must not be replaced. */
static enum ctl_exit look_for_key(struct enrolling *e, bool is_in_file)
{
	json_t *value;
	enum ctl_exit r;

	r = ctl_ask(&e->quiet, "GET", ctl_path("/api/v1/keys", "name", e->name, NULL),
		NULL, &value);
	if (r == CTL_OK && json_array_size(json_object_get(value, "keys")) &&
		!(is_in_file && e->ctl->options[CTL_AGAIN])) {
		complain(e->name,
			is_in_file ? "is enrolled: --again replaces its key"
				   : "there is a key of this name in another file");
		r = CTL_NO;
	}
	json_decref(value);
	return r;
}

/* ---- what goes into the line ---- */

/* Adds the fully qualified name of this machine, if it has one. */
static bool add_own_name(struct enrolment *enrolment)
{
	const struct addrinfo hints = {.ai_flags = AI_CANONNAME};
	struct addrinfo *info = NULL;
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) || getaddrinfo(host, NULL, &hints, &info))
		return false;
	if (info->ai_canonname && strchr(info->ai_canonname, '.') &&
		snprintf(enrolment->gateways[0], ENROLMENT_GATEWAY_MAX, "%s:53",
			info->ai_canonname) < ENROLMENT_GATEWAY_MAX)
		enrolment->gateway_count = 1;
	freeaddrinfo(info);
	return enrolment->gateway_count == 1;
}

static enum ctl_exit add_gateways(struct enrolling *e)
{
	struct enrolment *enrolment = &e->enrolment;

	for (size_t i = 0; i < e->ctl->gateway_count; i++) {
		const char *gateway = e->ctl->gateways[i];
		const char *colon = strrchr(gateway, ':');
		/* 2001:db8::1 has colons but no port, and [2001:db8::1]:53 has one. */
		const bool has_port =
			colon && (strchr(gateway, ':') == colon || colon[-1] == ']');

		if (snprintf(enrolment->gateways[i], ENROLMENT_GATEWAY_MAX, "%s%s",
			    gateway, has_port ? "" : ":53") >= ENROLMENT_GATEWAY_MAX)
			return complain(gateway, "is too long");
		enrolment->gateway_count++;
	}
	if (enrolment->gateway_count || add_own_name(enrolment))
		return CTL_OK;
	return complain("the name of this machine is not known",
		"use --gateway HOST:PORT, as hosts reach it");
}

static enum ctl_exit read_names(struct enrolling *e)
{
	static const uint8_t root[] = {0};
	struct enrolment *enrolment = &e->enrolment;

	if (name_from_text(enrolment->name, e->ctl->args[0], root) || !enrolment->name[0])
		return complain(e->ctl->args[0], "is not a domain name");
	name_lower(enrolment->name);
	memcpy(enrolment->key, enrolment->name, sizeof(enrolment->key));
	name_to_text(enrolment->name, e->name);
	if (e->ctl->options[CTL_ZONE] &&
		name_from_text(enrolment->zone, e->ctl->options[CTL_ZONE], root))
		return complain(e->ctl->options[CTL_ZONE], "is not a domain name");
	name_lower(enrolment->zone);
	if (e->ctl->options[CTL_ZONE] &&
		!name_is_subdomain(enrolment->name, enrolment->zone))
		return complain(e->name, "is not in that zone");
	return CTL_OK;
}

static enum ctl_exit make_secret(struct enrolment *enrolment)
{
	enrolment->algorithm = HMAC_SHA256;
	enrolment->secret_len = SECRET_LEN;
	if (getrandom(enrolment->secret, SECRET_LEN, 0) != SECRET_LEN)
		return complain("getrandom", strerror(errno));
	return CTL_OK;
}

/* ---- the key file ---- */

static enum ctl_exit lock_file(struct enrolling *e)
{
	char *path = NULL;

	if (asprintf(&path, "%s-lock", e->path) < 0)
		ctl_check(NULL);
	e->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (e->lock < 0 || flock(e->lock, LOCK_EX)) {
		complain(path, strerror(errno));
		free(path);
		return CTL_FAILED;
	}
	free(path);
	return CTL_OK;
}

static enum ctl_exit read_keys(struct enrolling *e)
{
	struct stat st;
	int fd = open(e->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t len;

	if (fd < 0)
		return errno == ENOENT ? CTL_OK : complain(e->path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > KEYS_MAX) {
		close(fd);
		return complain(e->path, "is not a file with keys");
	}
	e->owner = st.st_uid;
	e->group = st.st_gid;
	e->old = ctl_check(malloc((size_t)st.st_size + 1));
	len = read(fd, e->old, (size_t)st.st_size);
	close(fd);
	if (len != st.st_size)
		return complain(e->path, "cannot be read");
	e->old_len = (size_t)len;
	e->old[len] = '\0';
	return CTL_OK;
}

/* Is this line a key of this name, in the form that compose_keys gives it? */
static bool is_key_line(const struct enrolling *e, const char *line)
{
	const size_t len = strlen(e->name);

	return !strncmp(line, "key \"", 5) && !strncmp(line + 5, e->name, len) &&
		line[5 + len] == '"';
}

static bool is_in_file(const struct enrolling *e)
{
	for (const char *line = e->old; line && *line;) {
		const char *end = strchr(line, '\n');

		if (is_key_line(e, line))
			return true;
		line = end ? end + 1 : NULL;
	}
	return false;
}

/* All other lines, and then the new key.  The caller wipes and frees it. */
static char *compose_keys(const struct enrolling *e)
{
	const size_t room = e->old_len + KEY_LINE_MAX;
	char *text = ctl_check(malloc(room)), *at = text;
	char secret[HMAC_BASE64_LEN(SECRET_LEN)];

	for (const char *line = e->old; line && *line;) {
		const size_t len = strcspn(line, "\n");

		if (!is_key_line(e, line))
			at += sprintf(at, "%.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
	hmac_encode_base64(e->enrolment.secret, SECRET_LEN, secret);
	snprintf(at, room - (size_t)(at - text),
		"key \"%s\" { algorithm hmac-sha256; secret \"%s\"; };\n", e->name,
		secret);
	hmac_wipe(secret, sizeof(secret));
	return text;
}

static int sync_folder(const char *path)
{
	char *folder = ctl_folder(path);
	const int fd = open(folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	free(folder);
	if (fd < 0)
		return -errno;
	r = fsync(fd) ? -errno : 0;
	close(fd);
	return r;
}

static int replace_file(const struct enrolling *e, const char *text)
{
	const int r = supervise_write_file(e->path, text, 0600, e->owner, e->group);

	return r ? r : sync_folder(e->path);
}

static void restore_file(const struct enrolling *e)
{
	const int r = e->old ? replace_file(e, e->old) : unlink(e->path) ? -errno : 0;

	if (r)
		complain(e->path, strerror(-r));
}

/* ---- all of it ---- */

static enum ctl_exit put_key(struct enrolling *e)
{
	char *text = compose_keys(e);
	enum ctl_exit status;
	int r = replace_file(e, text);

	hmac_wipe(text, strlen(text));
	free(text);
	if (r)
		return complain(e->path, strerror(-r));
	status = ctl_order(&e->quiet);
	if (status == CTL_OK)
		return CTL_OK;
	restore_file(e);
	complain(e->name, "is not enrolled: the gateway does not accept the new key");
	return status;
}

static enum ctl_exit print_line(const struct enrolling *e)
{
	char line[ENROLMENT_LINE_MAX], zone[NAME_TEXT_MAX];
	json_t *value;

	if (enrolment_encode(&e->enrolment, line))
		return complain(e->name, "no line can be made for these gateways");
	if (!e->ctl->is_json) {
		puts(line);
	} else {
		value = ctl_check(json_pack("{s:s, s:s, s:s}", "name", e->name, "zone",
			name_to_text(e->enrolment.zone, zone), "line", line));
		ctl_print_json(value);
		json_decref(value);
	}
	hmac_wipe(line, sizeof(line));
	return CTL_OK;
}

/* Also tries to encode the line: if that fails, the old key must stay in force. */
static enum ctl_exit prepare(struct enrolling *e)
{
	char line[ENROLMENT_LINE_MAX];
	enum ctl_exit r = read_names(e);

	if (r == CTL_OK)
		r = add_gateways(e);
	if (r == CTL_OK)
		r = find_config(e);
	if (r == CTL_OK)
		r = find_zone(e);
	if (r == CTL_OK)
		r = make_secret(&e->enrolment);
	if (r == CTL_OK && enrolment_encode(&e->enrolment, line))
		r = complain("--gateway", "is not HOST:PORT");
	hmac_wipe(line, sizeof(line));
	return r;
}

enum ctl_exit ctl_enrol(const struct ctl *ctl)
{
	struct enrolling e = {.ctl = ctl, .quiet = *ctl, .lock = -1};
	enum ctl_exit r;

	e.quiet.command = "reload";
	e.quiet.is_json = false;
	e.quiet.is_quiet = true;
	r = prepare(&e);

	if (r == CTL_OK)
		r = lock_file(&e);
	if (r == CTL_OK)
		r = read_keys(&e);
	if (r == CTL_OK)
		r = look_for_key(&e, is_in_file(&e));
	if (r == CTL_OK)
		r = put_key(&e);
	if (r == CTL_OK)
		r = print_line(&e);
	if (e.lock >= 0)
		close(e.lock);
	if (e.old)
		hmac_wipe(e.old, e.old_len);
	free(e.old);
	free(e.path);
	enrolment_wipe(&e.enrolment);
	return r;
}
