/*
 * Makes files for first-time users.  They are opened with O_EXCL, so nothing is
 * overwritten.
 */
#include "agent/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/supervise.h"
#include "tsig/enrolment.h"

enum {
	KEY_MODE = 0600,
	CONFIG_MODE = 0644,
};

#define UNIT_FOLDER "/etc/systemd/system"
#define UNIT_NAME   "muster-agent.service"

static int complain(const char *path, int error)
{
	fprintf(stderr, "muster-agent: %s: %s%s\n", path, strerror(error),
		error == EEXIST ? "; move it away first, nothing is overwritten" : "");
	return 1;
}

/* 0 or errno. */
static int make_file(const char *path, const char *text, mode_t mode)
{
	const int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	const size_t len = strlen(text);
	int error = 0;

	if (fd < 0)
		return errno;
	if (fchmod(fd, mode) || write(fd, text, len) != (ssize_t)len || fsync(fd))
		error = errno ? errno : EIO;
	if (close(fd) && !error)
		error = errno;
	if (error)
		unlink(path);
	return error;
}

/* ---- --create-config ---- */

static const char example[] =
	"# muster-agent: what this host keeps current in the DNS; muster-agent.conf(5).\n"
	"# Check it with \"muster-agent --check\".\n"
	"\n"
	"# The servers that updates go to, in order; the next one when one fails.\n"
	"gateways = [ \"gw1.example:53\" ];\n"
	"\n"
	"# The key that signs, as tsig-keygen prints it; for root and the agent only.\n"
	"key_file = \"host.key\";\n"
	"\n"
	"# The host's name is the key's, and the zone the one above it, unless said so.\n"
	"# name = \"host1.dyn.example.\";\n"
	"# zone = \"dyn.example.\";\n"
	"\n"
	"# Records end by themselves when the host is not heard of for so long.\n"
	"lease = \"1h\";\n"
	"ttl   = 300;\n"
	"\n"
	"# A, AAAA, SSHFP (fingerprints of ssh's host keys), PTR.\n"
	"publish = [ \"A\", \"AAAA\" ];\n"
	"\n"
	"# Only these interfaces; without it all but loopback and containers' bridges.\n"
	"# interfaces = [ \"eth0\" ];\n"
	"\n"
	"# Where records come from; without it the addresses of the interfaces.\n"
	"# sources = (\n"
	"#   { type = \"interfaces\"; },\n"
	"#   { type = \"whoami\"; },                      # behind NAT, instead\n"
	"#   { type = \"hosts\"; path = \"/etc/muster/hosts.d\"; },\n"
	"#   { type = \"docker\"; },\n"
	"#   { type = \"command\"; command = [ \"/usr/local/bin/records\" ]; }\n"
	"# );\n";

int setup_create_config(const char *path)
{
	int error;

	supervise_make_folder(path, NULL);
	error = make_file(path, example, CONFIG_MODE);
	if (error)
		return complain(path, error);
	printf("%s: made; put your gateway and key in, then: muster-agent -c %s "
	       "--check\n",
		path, path);
	return 0;
}

/* ---- --enrol ---- */

/* As tsig-keygen prints it.  0 or errno. */
static int make_key_file(const char *path, const struct enrolment *e)
{
	char name[NAME_TEXT_MAX], secret[HMAC_BASE64_LEN(HMAC_SECRET_MAX)], *text;
	int error;

	hmac_encode_base64(e->secret, e->secret_len, secret);
	if (asprintf(&text, "key \"%s\" {\n\talgorithm %s;\n\tsecret \"%s\";\n};\n",
		    name_to_text(e->key, name), hmac_algorithm_text(e->algorithm),
		    secret) < 0)
		text = NULL;
	error = text ? make_file(path, text, KEY_MODE) : ENOMEM;
	if (text)
		hmac_wipe(text, strlen(text));
	hmac_wipe(secret, sizeof(secret));
	free(text);
	return error;
}

static int write_config(FILE *out, const struct enrolment *e)
{
	char name[NAME_TEXT_MAX], zone[NAME_TEXT_MAX];

	fputs("# Made by muster-agent --enrol; muster-agent.conf(5) has all settings.\n"
	      "gateways = [ ",
		out);
	for (size_t i = 0; i < e->gateway_count; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", e->gateways[i]);
	fprintf(out,
		" ];\nkey_file = \"host.key\";\nzone     = \"%s\";\nname     = \"%s\";\n"
		"lease    = \"1h\";\nttl      = 300;\npublish  = [ \"A\", \"AAAA\" ];\n",
		name_to_text(e->zone, zone), name_to_text(e->name, name));
	return ferror(out) ? ENOMEM : 0;
}

/* Names with quotes or backslashes would have to be escaped, and no host has one. */
static bool is_plain(const uint8_t *wire)
{
	char text[NAME_TEXT_MAX];

	return !strpbrk(name_to_text(wire, text), "\"\\");
}

static int make_config(const char *path, const struct enrolment *e)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int error = out ? write_config(out, e) : ENOMEM;

	if (out && fclose(out) && !error)
		error = ENOMEM;
	if (!error)
		error = make_file(path, text, CONFIG_MODE);
	free(text);
	return error;
}

static int enrol(const char *path, const char *key_path, const struct enrolment *e)
{
	char name[NAME_TEXT_MAX];
	int error;

	/* The configuration is checked first, because a key file alone is of no use. */
	if (!access(path, F_OK))
		return complain(path, EEXIST);
	supervise_make_folder(path, NULL);
	error = make_key_file(key_path, e);
	if (error)
		return complain(key_path, error);
	error = make_config(path, e);
	if (error) {
		unlink(key_path);
		return complain(path, error);
	}
	printf("%s: made\n%s: made\n%s is enrolled; start the agent with: muster-agent "
	       "-c "
	       "%s\n",
		key_path, path, name_to_text(e->name, name), path);
	return 0;
}

static char *beside(const char *path, const char *name)
{
	char *copy = strdup(path), *made = NULL;

	if (copy && asprintf(&made, "%s/%s", dirname(copy), name) < 0)
		made = NULL;
	free(copy);
	return made;
}

int setup_enrol(const char *path, const char *line)
{
	char typed[ENROLMENT_LINE_MAX] = "", *key_path = beside(path, "host.key");
	const char *why = "out of memory";
	struct enrolment e = {0};
	int status = 1;

	if (!strcmp(line, "-"))
		line = fgets(typed, sizeof(typed), stdin) ? typed : "";
	if (!key_path || enrolment_decode(&e, line, &why))
		fprintf(stderr,
			"muster-agent: --enrol: this is not an enrolment line: %s\n",
			why);
	else if (!is_plain(e.key) || !is_plain(e.name) || !is_plain(e.zone))
		fprintf(stderr,
			"muster-agent: --enrol: its names are not those of a host\n");
	else
		status = enrol(path, key_path, &e);
	enrolment_wipe(&e);
	hmac_wipe(typed, sizeof(typed));
	free(key_path);
	return status;
}

/* ---- --install-service ---- */

static const char unit[] =
	"[Unit]\n"
	"Description=Muster agent, keeps this host's own names current\n"
	"Documentation=man:muster-agent(8) man:muster-agent.conf(5)\n"
	"Wants=network-online.target\n"
	"After=network-online.target nss-lookup.target\n"
	"\n"
	"[Service]\n"
	"Type=notify\n"
	"NotifyAccess=main\n"
	"ExecStart=%s -f -c %s\n"
	"ExecReload=/bin/kill -HUP $MAINPID\n"
	"Restart=on-failure\n"
	"RestartSec=5s\n"
	"TimeoutStopSec=15s\n"
	"\n"
	"# An account that exists only while it runs; the key stays root's alone.\n"
	"DynamicUser=yes\n"
	"LoadCredential=%s:%s\n"
	"StateDirectory=muster-agent\n"
	"# For the source docker:\n"
	"#SupplementaryGroups=docker\n"
	"\n"
	"CapabilityBoundingSet=\n"
	"LimitCORE=0\n"
	"LockPersonality=yes\n"
	"MemoryDenyWriteExecute=yes\n"
	"NoNewPrivileges=yes\n"
	"PrivateDevices=yes\n"
	"PrivateTmp=yes\n"
	"ProtectClock=yes\n"
	"ProtectControlGroups=yes\n"
	"ProtectHome=yes\n"
	"ProtectKernelLogs=yes\n"
	"ProtectKernelModules=yes\n"
	"ProtectKernelTunables=yes\n"
	"ProtectSystem=strict\n"
	"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK\n"
	"RestrictNamespaces=yes\n"
	"RestrictRealtime=yes\n"
	"RestrictSUIDSGID=yes\n"
	"SystemCallArchitectures=native\n"
	"SystemCallFilter=@system-service\n"
	"UMask=0022\n"
	"\n"
	"[Install]\n"
	"WantedBy=multi-user.target\n";

/* Characters that systemd would split at, or replace. */
static bool is_plain_path(const char *path)
{
	return path[0] == '/' && !strpbrk(path, " \t\n\"'\\%$;");
}

int setup_install_service(const char *path, const char *key_file, const char *folder)
{
	char program[PATH_MAX], unit_path[PATH_MAX];
	char *key_path = key_file ? strdup(key_file) : beside(path, "host.key");
	const ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *text = NULL;
	int error;

	program[len > 0 ? len : 0] = '\0';
	if (!folder && access("/run/systemd/system", F_OK)) {
		fprintf(stderr,
			"muster-agent: --install-service: systemd does not run here, and "
			"services of other systems are not made; \"muster-agent -c %s\" "
			"goes into the background by itself\n",
			path);
		free(key_path);
		return 1;
	}
	if (!is_plain_path(program) || !is_plain_path(path) || !key_path ||
		!is_plain_path(key_path)) {
		fprintf(stderr,
			"muster-agent: --install-service: the paths of program, "
			"configuration and key must be absolute and plain: %s, %s, %s\n",
			program, path, key_path ? key_path : "-");
		free(key_path);
		return 1;
	}
	snprintf(unit_path, sizeof(unit_path), "%s/%s", folder ? folder : UNIT_FOLDER,
		UNIT_NAME);
	if (asprintf(&text, unit, program, path, strrchr(key_path, '/') + 1, key_path) <
		0)
		text = NULL;
	error = text ? make_file(unit_path, text, CONFIG_MODE) : ENOMEM;
	free(text);
	free(key_path);
	if (error)
		return complain(unit_path, error);
	printf("%s: made; now: systemctl daemon-reload && systemctl enable --now %s\n",
		unit_path, UNIT_NAME);
	return 0;
}
