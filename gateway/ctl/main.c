/*
 * musterctl: the command line.
 */
#include <curl/curl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "gateway/ctl/ctl.h"

#define DEFAULT_SOCKET "/run/muster/musterd.sock"

/* Options that a command takes, besides those that all take. */
enum option_kind {
	OPTION_ZONE = 1 << 0,
	OPTION_NAME = 1 << 1,
	OPTION_KEY = 1 << 2,
	OPTION_STATE = 1 << 3,
	OPTION_SINCE = 1 << 4,
	OPTION_LIMIT = 1 << 5,
	OPTION_FOLLOW = 1 << 6,
	OPTION_DELETE = 1 << 7,
	OPTION_SOURCE = 1 << 8,
	OPTION_TTL = 1 << 9,
	OPTION_TCP = 1 << 10,
	OPTION_GATEWAY = 1 << 11,
	OPTION_AGAIN = 1 << 12,
	OPTION_DRY_RUN = 1 << 13,
};

static const struct command {
	const char *name, *usage, *help;
	int args_min, args_max;
	unsigned options;
	enum ctl_exit (*function)(const struct ctl *ctl);
} commands[] = {
	{"status", "status", "show the gateway as a whole", 0, 0, 0, ctl_status},
	{"zones", "zones", "show the zones and their states", 0, 0, 0, ctl_zones},
	{"hosts", "hosts [--zone Z] [--state S] [PATTERN]",
		"show hosts with leases, and expired ones", 0, 1,
		OPTION_ZONE | OPTION_STATE, ctl_hosts},
	{"leases", "leases [--zone Z] [NAME]", "show every record under a lease", 0, 1,
		OPTION_ZONE, ctl_leases},
	{"expire", "expire NAME", "end the leases of a host now", 1, 1, 0, ctl_expire},
	{"hold", "hold NAME", "exempt a host from expiry", 1, 1, 0, ctl_hold},
	{"release", "release NAME", "undo hold", 1, 1, 0, ctl_release},
	{"remove", "remove ID", "end one lease (leases --json shows the ids)", 1, 1, 0,
		ctl_remove},
	{"resume", "resume ZONE", "let expiry go on that the brake has stopped", 1, 1, 0,
		ctl_resume},
	{"adopt", "adopt [--dry-run] ZONE [PATTERN]",
		"give leases, by the rules, to records that have none", 1, 2,
		OPTION_DRY_RUN, ctl_adopt},
	{"keys", "keys", "show the TSIG keys, and where they are used", 0, 0, 0,
		ctl_keys},
	{"audit",
		"audit [--follow] [--zone Z] [--name N] [--key K] [--since T] [--limit "
		"N]",
		"show updates, refusals and other events", 0, 0,
		OPTION_ZONE | OPTION_NAME | OPTION_KEY | OPTION_SINCE | OPTION_LIMIT |
			OPTION_FOLLOW,
		ctl_audit},
	{"why", "why ID", "show what became of one update", 1, 1, 0, ctl_why},
	{"explain",
		"explain [--delete] [--source A] [--tcp] [--ttl N] KEY NAME TYPE [DATA]",
		"show which rule would allow an update, or why none does", 3, 4,
		OPTION_DELETE | OPTION_SOURCE | OPTION_TTL | OPTION_TCP, ctl_explain},
	{"queue", "queue", "show targets that are behind", 0, 0, 0, ctl_queue},
	{"retry", "retry ZONE", "try failing targets now", 1, 1, 0, ctl_retry},
	{"enrol", "enrol [--zone Z] [--gateway HOST:PORT]... [--again] NAME",
		"make a key for a host, and print the line for muster-agent --enrol", 1,
		1, OPTION_ZONE | OPTION_GATEWAY | OPTION_AGAIN, ctl_enrol},
	{"reload", "reload", "make the gateway read its configuration again", 0, 0, 0,
		ctl_reload},
	{"check", "check", "check the configuration without loading it", 0, 0, 0,
		ctl_check_config},
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"socket", required_argument, NULL, 's'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"zone", required_argument, NULL, 'z'},
	{"name", required_argument, NULL, 'n'},
	{"key", required_argument, NULL, 'k'},
	{"state", required_argument, NULL, 't'},
	{"since", required_argument, NULL, 'i'},
	{"limit", required_argument, NULL, 'l'},
	{"follow", no_argument, NULL, 'f'},
	{"delete", no_argument, NULL, 'd'},
	{"source", required_argument, NULL, 'o'},
	{"ttl", required_argument, NULL, 'T'},
	{"tcp", no_argument, NULL, 'p'},
	{"gateway", required_argument, NULL, 'g'},
	{"again", no_argument, NULL, 'a'},
	{"dry-run", no_argument, NULL, 'D'},
	{NULL, 0, NULL, 0},
};

static void help(void)
{
	puts("usage: musterctl [-c FILE | -s SOCKET] [--json] COMMAND ...\n"
	     "  -c FILE    configuration that says where the socket is "
	     "(default " CONFIG_FILE ")\n"
	     "  -s SOCKET  the socket of the gateway\n"
	     "  --json     print JSON\n"
	     "  --help, -V\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		printf("  %s\n      %s\n", commands[i].usage, commands[i].help);
}

static enum ctl_exit complain(const char *what, const char *about)
{
	fprintf(stderr, "musterctl: %s%s%s; see musterctl --help\n", about,
		*about ? ": " : "", what);
	return CTL_FAILED;
}

/* ---- options ---- */

/* Takes the option of this letter.  0: all commands have it. */
static unsigned take_option(struct ctl *ctl, int letter)
{
	switch (letter) {
	case 'z':
		ctl->zone = optarg;
		return OPTION_ZONE;
	case 'n':
		ctl->name = optarg;
		return OPTION_NAME;
	case 'k':
		ctl->key = optarg;
		return OPTION_KEY;
	case 't':
		ctl->state = optarg;
		return OPTION_STATE;
	case 'i':
		ctl->since = optarg;
		return OPTION_SINCE;
	case 'l':
		ctl->limit = optarg;
		return OPTION_LIMIT;
	case 'f':
		ctl->is_follow = true;
		return OPTION_FOLLOW;
	case 'd':
		ctl->is_delete = true;
		return OPTION_DELETE;
	case 'o':
		ctl->source = optarg;
		return OPTION_SOURCE;
	case 'T':
		ctl->ttl = optarg;
		return OPTION_TTL;
	case 'p':
		ctl->transport = "tcp";
		return OPTION_TCP;
	case 'g':
		/* Refused like an option that the command does not have. */
		if (ctl->gateway_count == CTL_GATEWAYS_MAX)
			return ~0U;
		ctl->gateways[ctl->gateway_count++] = optarg;
		return OPTION_GATEWAY;
	case 'a':
		ctl->is_again = true;
		return OPTION_AGAIN;
	case 'D':
		ctl->is_dry_run = true;
		return OPTION_DRY_RUN;
	case 'c':
		ctl->config_path = optarg;
		return 0;
	case 's':
		ctl->socket_path = optarg;
		return 0;
	default:
		ctl->is_json = true;
		return 0;
	}
}

/* The exit status, or -1 to go on. */
static int parse(struct ctl *ctl, int argc, char **argv, unsigned *ret_options)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "c:s:jhV", long_options, NULL)) != -1) {
		if (letter == 'h') {
			help();
			return CTL_OK;
		}
		if (letter == 'V') {
			puts("musterctl " PACKAGE_VERSION);
			return CTL_OK;
		}
		if (letter == '?')
			return CTL_FAILED; /* getopt has reported it */
		*ret_options |= take_option(ctl, letter);
	}
	return -1;
}

/* ---- the socket ---- */

/* From the configuration.  NULL: it names no socket, or cannot be read by this user. */
static char *read_socket_path(const char *config_path)
{
	char *path = NULL;
	config_t tree;

	config_init(&tree);
	if (ctl_config_read(config_path, &tree, NULL))
		path = ctl_config_path(config_path, &tree, "control");
	config_destroy(&tree);
	return path;
}

/* ---- commands ---- */

static enum ctl_exit run(struct ctl *ctl, const struct command *command)
{
	char *path = NULL;
	enum ctl_exit r;

	if (!ctl->socket_path) {
		path = read_socket_path(ctl->config_path);
		ctl->is_socket_guessed = !path;
		ctl->socket_path = path ? path : DEFAULT_SOCKET;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		ctl_check(NULL);
	r = command->function(ctl);
	/* A list that was cut off must not pass for a whole one. */
	if ((fflush(stdout) || ferror(stdout)) && r == CTL_OK) {
		fprintf(stderr, "musterctl: the output cannot be written\n");
		r = CTL_FAILED;
	}
	curl_global_cleanup();
	free(path);
	return r;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.config_path = CONFIG_FILE};
	const struct command *command = NULL;
	unsigned options = 0;
	int status = parse(&ctl, argc, argv, &options);

	if (status >= 0)
		return status;
	if (optind == argc)
		return complain("a command is missing", "");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[optind], commands[i].name))
			command = &commands[i];
	if (!command)
		return complain("there is no such command", argv[optind]);
	ctl.args = argv + optind + 1;
	ctl.arg_count = argc - optind - 1;
	if (ctl.arg_count < command->args_min || ctl.arg_count > command->args_max ||
		options & ~command->options) {
		fprintf(stderr, "musterctl: usage: musterctl %s\n", command->usage);
		return CTL_FAILED;
	}
	return run(&ctl, command);
}
