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

#define TAKES(option) (1U << (option))

static const struct command {
	const char *name, *usage, *help;
	int args_min, args_max;
	unsigned options; /* that it takes, besides those that all take */
	ctl_command *function;
} commands[] = {
	{"status", "status", "show the gateway as a whole", 0, 0, 0, ctl_status},
	{"zones", "zones", "show the zones and their states", 0, 0, 0, ctl_zones},
	{"targets", "targets", "show the targets, and what they are sent", 0, 0, 0,
		ctl_targets},
	{"hosts", "hosts [--zone Z] [--state S] [PATTERN]",
		"show hosts with leases, and expired ones", 0, 1,
		TAKES(CTL_ZONE) | TAKES(CTL_STATE), ctl_hosts},
	{"leases", "leases [--zone Z] [NAME]", "show every record under a lease", 0, 1,
		TAKES(CTL_ZONE), ctl_leases},
	{"expire", "expire NAME", "end the leases of a host now", 1, 1, 0, ctl_act},
	{"hold", "hold NAME", "exempt a host from expiry", 1, 1, 0, ctl_act},
	{"release", "release NAME", "undo hold", 1, 1, 0, ctl_act},
	{"remove", "remove ID", "end one lease (leases --json shows the ids)", 1, 1, 0,
		ctl_act},
	{"resume", "resume ZONE", "let expiry go on that the brake has stopped", 1, 1, 0,
		ctl_act},
	{"adopt", "adopt [--dry-run] ZONE [PATTERN]",
		"give leases, by the rules, to records that have none", 1, 2,
		TAKES(CTL_DRY_RUN), ctl_adopt},
	{"rectify", "rectify --give-back ZONE",
		"let PowerDNS rectify a zone again that is no longer configured", 1, 1,
		TAKES(CTL_GIVE_BACK), ctl_rectify},
	{"sync", "sync [--target T] [--dry-run] [--take] ZONE",
		"compare targets with the zone, and give them what they lack", 1, 1,
		TAKES(CTL_TARGET) | TAKES(CTL_DRY_RUN) | TAKES(CTL_TAKE), ctl_sync},
	{"keys", "keys", "show the TSIG keys, and where they are used", 0, 0, 0,
		ctl_keys},
	{"audit",
		"audit [--follow] [--zone Z] [--name N] [--key K] [--since T] [--limit "
		"N]",
		"show updates, refusals and other events", 0, 0,
		TAKES(CTL_ZONE) | TAKES(CTL_NAME) | TAKES(CTL_KEY) | TAKES(CTL_SINCE) |
			TAKES(CTL_LIMIT) | TAKES(CTL_FOLLOW),
		ctl_audit},
	{"why", "why ID", "show what became of one update", 1, 1, 0, ctl_why},
	{"explain",
		"explain [--delete] [--source A] [--tcp] [--ttl N] KEY NAME TYPE [DATA]",
		"show which rule would allow an update, or why none does", 3, 4,
		TAKES(CTL_DELETE) | TAKES(CTL_SOURCE) | TAKES(CTL_TTL) | TAKES(CTL_TCP),
		ctl_explain},
	{"queue", "queue", "show targets that are behind", 0, 0, 0, ctl_queue},
	{"retry", "retry ZONE [NUMBER | all]",
		"try failing targets now, or what they have refused again", 1, 2, 0,
		ctl_asides},
	{"drop", "drop ZONE NUMBER | all", "forget what targets have refused", 2, 2, 0,
		ctl_asides},
	{"enrol", "enrol [--zone Z] [--gateway HOST:PORT]... [--again] NAME",
		"make a key for a host, and print the line for muster-agent --enrol", 1,
		1, TAKES(CTL_ZONE) | TAKES(CTL_GATEWAY) | TAKES(CTL_AGAIN), ctl_enrol},
	{"reload", "reload", "make the gateway read its configuration again", 0, 0, 0,
		ctl_order},
	{"check", "check", "check the configuration without loading it", 0, 0, 0,
		ctl_order},
};

/* Those of single commands come first, and have no letter of their own. */
static const struct option long_options[] = {
	[CTL_ZONE] = {"zone", required_argument, NULL, 0},
	[CTL_NAME] = {"name", required_argument, NULL, 0},
	[CTL_KEY] = {"key", required_argument, NULL, 0},
	[CTL_STATE] = {"state", required_argument, NULL, 0},
	[CTL_SINCE] = {"since", required_argument, NULL, 0},
	[CTL_LIMIT] = {"limit", required_argument, NULL, 0},
	[CTL_FOLLOW] = {"follow", no_argument, NULL, 0},
	[CTL_DELETE] = {"delete", no_argument, NULL, 0},
	[CTL_SOURCE] = {"source", required_argument, NULL, 0},
	[CTL_TTL] = {"ttl", required_argument, NULL, 0},
	[CTL_TCP] = {"tcp", no_argument, NULL, 0},
	[CTL_GATEWAY] = {"gateway", required_argument, NULL, 0},
	[CTL_AGAIN] = {"again", no_argument, NULL, 0},
	[CTL_DRY_RUN] = {"dry-run", no_argument, NULL, 0},
	[CTL_GIVE_BACK] = {"give-back", no_argument, NULL, 0},
	[CTL_TARGET] = {"target", required_argument, NULL, 0},
	[CTL_TAKE] = {"take", no_argument, NULL, 0},
	{"config", required_argument, NULL, 'c'},
	{"socket", required_argument, NULL, 's'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
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

/* Of a single command.  False: there are too many of it. */
static bool take_option(struct ctl *ctl, int option)
{
	ctl->options[option] = optarg ? optarg : "";
	if (option != CTL_GATEWAY)
		return true;
	if (ctl->gateway_count == CTL_GATEWAYS_MAX)
		return false;
	ctl->gateways[ctl->gateway_count++] = optarg;
	return true;
}

/* The exit status, or -1 to go on. */
static int parse(struct ctl *ctl, int argc, char **argv)
{
	int letter, i;

	while ((letter = getopt_long(argc, argv, "c:s:jhV", long_options, &i)) != -1) {
		switch (letter) {
		case 0:
			if (!take_option(ctl, i))
				return complain("too many", "--gateway");
			break;
		case 'c':
			ctl->config_path = optarg;
			break;
		case 's':
			ctl->socket_path = optarg;
			break;
		case 'j':
			ctl->is_json = true;
			break;
		case 'h':
			help();
			return CTL_OK;
		case 'V':
			puts("musterctl " PACKAGE_VERSION);
			return CTL_OK;
		default:
			return CTL_FAILED; /* getopt has reported it */
		}
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

static bool suits(const struct ctl *ctl, const struct command *command)
{
	for (unsigned i = 0; i < CTL_OPTIONS; i++)
		if (ctl->options[i] && !(command->options & TAKES(i)))
			return false;
	return ctl->arg_count >= command->args_min && ctl->arg_count <= command->args_max;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.config_path = CONFIG_FILE};
	const struct command *command = NULL;
	int status = parse(&ctl, argc, argv);

	if (status >= 0)
		return status;
	if (optind == argc)
		return complain("a command is missing", "");
	ctl.command = argv[optind];
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(ctl.command, commands[i].name))
			command = &commands[i];
	if (!command)
		return complain("there is no such command", ctl.command);
	ctl.args = argv + optind + 1;
	ctl.arg_count = argc - optind - 1;
	if (!suits(&ctl, command)) {
		fprintf(stderr, "musterctl: usage: musterctl %s\n", command->usage);
		return CTL_FAILED;
	}
	return run(&ctl, command);
}
