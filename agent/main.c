/*
 * muster-agent: command line, start, signals, end.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/setup.h"
#include "agent/status.h"
#include "build.h"
#include "gateway/base/alarm.h"
#include "gateway/base/log.h"
#include "gateway/base/supervise.h"
#include "tsig/plural.h"

#define PROGRAM "muster-agent"

enum {
	ONCE_LIMIT_MS = 120 * 1000, /* --once and --withdraw give up after */
	EXIT_LIMIT_MS = 8 * 1000,   /* withdraw_on_exit: service managers wait 90 s,
	                             * people less */
	SIGNALS = 5,                /* that are watched */
};

enum mode {
	MODE_RUN,
	MODE_ONCE,
	MODE_CHECK,
	MODE_WITHDRAW,
	MODE_STATUS,
	MODE_CREATE_CONFIG,
	MODE_ENROL,
	MODE_INSTALL_SERVICE,
};

struct options {
	const char *config_path;
	const char *argument; /* of --enrol, --install-service; NULL: none */
	enum mode mode;
	bool is_foreground;
	bool is_json;
	bool is_verbose;
};

struct program {
	struct options options;
	struct event_base *base;
	struct turn_clock clock;
	struct alarms alarms;
	struct event *signals[SIGNALS];
	struct alarm limit;
	struct agent *agent;
	struct config *config; /* until the agent takes it over */
	char *state;           /* of the first configuration: it is locked */
	char *pid_file;
	bool withdraw_on_exit;
	bool is_stopping;
	int parent; /* supervise_detach's; -1: none waits */
	int lock;
	int status; /* to exit with */
};

static void usage(FILE *out)
{
	fputs("usage: muster-agent [-c FILE] [-fv]\n"
	      "       muster-agent [-c FILE] --once | --check | --withdraw\n"
	      "       muster-agent [-c FILE] --status [--json]\n"
	      "       muster-agent [-c FILE] --create-config | --enrol LINE | "
	      "--install-service[=FOLDER]\n"
	      "  -c FILE            configuration (default " CONFIG_FILE ")\n"
	      "  -f                 stay in the foreground, log to standard error\n"
	      "  -v                 log more\n"
	      "  --once             publish once and exit\n"
	      "  --check            check the configuration and exit\n"
	      "  --withdraw         remove what is published and exit\n"
	      "  --status           what is published, until when, the last answer; "
	      "--json\n"
	      "  --create-config    write a configuration to begin with\n"
	      "  --enrol LINE       write key and configuration from an enrolment line; "
	      "-: read it\n"
	      "  --install-service  write a systemd unit\n"
	      "  -V, --version      print the version and exit\n"
	      "  -h, --help         print this and exit\n",
		out);
}

enum long_option {
	OPTION_ONCE = 256,
	OPTION_CHECK,
	OPTION_WITHDRAW,
	OPTION_STATUS,
	OPTION_JSON,
	OPTION_CREATE_CONFIG,
	OPTION_ENROL,
	OPTION_INSTALL_SERVICE,
};

static const struct option long_options[] = {
	{"once", no_argument, NULL, OPTION_ONCE},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"withdraw", no_argument, NULL, OPTION_WITHDRAW},
	{"status", no_argument, NULL, OPTION_STATUS},
	{"json", no_argument, NULL, OPTION_JSON},
	{"create-config", no_argument, NULL, OPTION_CREATE_CONFIG},
	{"enrol", required_argument, NULL, OPTION_ENROL},
	{"install-service", optional_argument, NULL, OPTION_INSTALL_SERVICE},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* False: another mode was given before. */
static bool set_mode(struct options *options, int c)
{
	static const enum mode modes[] = {
		[OPTION_ONCE - OPTION_ONCE] = MODE_ONCE,
		[OPTION_CHECK - OPTION_ONCE] = MODE_CHECK,
		[OPTION_WITHDRAW - OPTION_ONCE] = MODE_WITHDRAW,
		[OPTION_STATUS - OPTION_ONCE] = MODE_STATUS,
		[OPTION_CREATE_CONFIG - OPTION_ONCE] = MODE_CREATE_CONFIG,
		[OPTION_ENROL - OPTION_ONCE] = MODE_ENROL,
		[OPTION_INSTALL_SERVICE - OPTION_ONCE] = MODE_INSTALL_SERVICE,
	};

	if (options->mode != MODE_RUN)
		return false;
	options->mode = modes[c - OPTION_ONCE];
	options->argument = optarg;
	return true;
}

/* -1: go on; otherwise the exit status. */
static int parse_options(struct options *options, int argc, char **argv)
{
	int c;

	options->config_path = CONFIG_FILE;
	while ((c = getopt_long(argc, argv, "c:fvVh", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->config_path = optarg;
			break;
		case 'f':
			options->is_foreground = true;
			break;
		case 'v':
			options->is_verbose = true;
			break;
		case OPTION_JSON:
			options->is_json = true;
			break;
		case 'V':
			puts("muster-agent " PACKAGE_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			if (c >= OPTION_ONCE && set_mode(options, c))
				break;
			usage(stderr);
			return 2;
		}
	}
	if (optind == argc && (!options->is_json || options->mode == MODE_STATUS))
		return -1;
	usage(stderr);
	return 2;
}

static void report(bool is_error, const char *message, void *arg)
{
	(void)arg;
	if (is_error)
		log_error("%s", message);
	else
		log_warning("%s", message);
}

static int check(const struct options *options)
{
	char name[NAME_TEXT_MAX];
	struct config *config;

	if (config_load(&config, options->config_path, report, NULL))
		return 1;
	printf("%s: %s, %zu %s, %zu %s, %zu %s: valid\n", options->config_path,
		name_to_text(config->name, name), config->gateway_count,
		PLURAL(config->gateway_count, "gateway"), config->zone_count,
		PLURAL(config->zone_count, "zone"), config->source_count,
		PLURAL(config->source_count, "source"));
	if (config->gateway_count > 1)
		puts("note: until gateways share a store, each has leases of its own: "
		     "they must have the same keys and rules, and must each be told of "
		     "changes by the zone's servers (NOTIFY); the agent refreshes at "
		     "every "
		     "gateway where it has registered");
	config_free(config);
	return 0;
}

static int show_status(const struct options *options)
{
	struct config *config;
	int status;

	if (config_load(&config, options->config_path, report, NULL))
		return 2;
	status = status_print(config->state, options->is_json);
	config_free(config);
	return status;
}

static void report_nothing(bool is_error, const char *message, void *arg)
{
	(void)is_error;
	(void)message;
	(void)arg;
}

/* The configuration may be made later: then the key is where --enrol puts it. */
static int install_service(const struct options *options)
{
	struct config *config = NULL;
	int status;

	if (config_load(&config, options->config_path, report_nothing, NULL))
		config = NULL;
	status = setup_install_service(options->config_path,
		config ? config->key_file : NULL, options->argument);
	config_free(config);
	return status;
}

/* ---- the loop ---- */

static void stop(struct program *program)
{
	event_base_loopbreak(program->base);
}

static void on_settled(void *arg, bool is_ok)
{
	struct program *program = arg;

	if (program->options.mode == MODE_RUN && !program->is_stopping)
		return;
	if (program->options.mode != MODE_RUN)
		program->status = is_ok ? 0 : 1;
	stop(program);
}

static void on_limit(void *arg)
{
	struct program *program = arg;

	log_error("not done in time; what was published may stay until its lease ends");
	if (program->options.mode != MODE_RUN)
		program->status = 1;
	stop(program);
}

static void on_stop(evutil_socket_t signal, short what, void *arg)
{
	struct program *program = arg;

	(void)what;
	supervise_notify("STOPPING=1");
	/* Whoever asks a second time wants it at once. */
	if (program->is_stopping || program->options.mode != MODE_RUN ||
		!program->withdraw_on_exit) {
		log_info("stopping on signal %d", (int)signal);
		if (program->options.mode != MODE_RUN)
			program->status = 1; /* not done */
		stop(program);
		return;
	}
	log_info("stopping on signal %d: removing what is published", (int)signal);
	program->is_stopping = true;
	alarm_set_in(&program->limit, EXIT_LIMIT_MS);
	agent_withdraw(program->agent);
}

static struct agent *make_agent(
	struct program *program, struct config *config, bool delay)
{
	const struct agent_options options = {
		.alarms = &program->alarms,
		.state = program->state,
		.has_delay = delay,
		.is_once = program->options.mode == MODE_ONCE,
		.is_withdrawing = program->options.mode == MODE_WITHDRAW,
		.settled = on_settled,
		.arg = program,
	};

	const bool withdraw_on_exit = config->withdraw_on_exit;
	struct agent *agent = agent_new(config, &options);

	if (agent)
		program->withdraw_on_exit = withdraw_on_exit;
	return agent;
}

static void on_reload(evutil_socket_t signal, short what, void *arg)
{
	struct program *program = arg;
	struct config *config;
	struct agent *agent;

	(void)signal;
	(void)what;
	if (program->is_stopping || program->options.mode != MODE_RUN)
		return;
	supervise_notify("RELOADING=1");
	if (config_load(&config, program->options.config_path, report, NULL)) {
		log_error("the previous configuration stays in effect");
		supervise_notify("READY=1");
		return;
	}
	if (strcmp(config->state, program->state))
		log_warning("state: takes effect at the next start");
	/* The old agent ends only once the new one has been made: a configuration that
	 * cannot work changes nothing. */
	agent = make_agent(program, config, false);
	if (agent) {
		agent_free(program->agent);
		program->agent = agent;
	}
	if (agent)
		log_info("configuration reloaded");
	else
		log_error("the previous configuration stays in effect");
	supervise_notify("READY=1");
}

static void on_child(evutil_socket_t signal, short what, void *arg)
{
	struct program *program = arg;

	(void)signal;
	(void)what;
	if (program->agent)
		agent_child_ended(program->agent);
}

static void on_status(evutil_socket_t signal, short what, void *arg)
{
	struct program *program = arg;

	(void)signal;
	(void)what;
	if (program->agent)
		agent_log_status(program->agent);
}

static int watch_signals(struct program *program)
{
	static const struct {
		int number;
		event_callback_fn callback;
	} watched[SIGNALS] = {
		{SIGTERM, on_stop},
		{SIGINT, on_stop},
		{SIGHUP, on_reload},
		{SIGCHLD, on_child},
		{SIGUSR1, on_status},
	};

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SIGNALS; i++) {
		program->signals[i] = evsignal_new(
			program->base, watched[i].number, watched[i].callback, program);
		if (!program->signals[i] || event_add(program->signals[i], NULL))
			return -ENOMEM;
	}
	return 0;
}

static int make_loop(struct program *program)
{
	int r;

	program->base = event_base_new();
	if (!program->base)
		return -ENOMEM;
	program->clock.counts_sleep = true; /* leases go on meanwhile */
	r = alarms_init(&program->alarms, &program->clock, program->base);
	if (r)
		return r;
	alarm_init(&program->limit, &program->alarms, on_limit, program);
	return watch_signals(program);
}

/* ---- start and end ---- */

static int take_lock(struct program *program)
{
	supervise_make_folder(program->state, program->config->user);
	program->lock = supervise_lock(program->state, STATUS_LOCK_SUFFIX);
	if (program->lock == -EWOULDBLOCK || program->lock == -EAGAIN) {
		log_error("another muster-agent runs with the state file %s; stop it "
			  "first, "
			  "or give this one another \"state\"",
			program->state);
		return -EBUSY;
	}
	if (program->lock < 0)
		log_warning(
			"%s.lock: %s; --status will not know that the agent runs: make "
			"the folder writable, or set \"state\"",
			program->state, strerror(-program->lock));
	return 0;
}

static int take_rights(struct program *program)
{
	const char *user = program->config->user;
	int r = supervise_drop_privileges(user);

	if (r)
		log_error("user %s: %s", user,
			r == -ENOENT ? "no such user here: add it, or name another in "
				       "the setting user"
				     : strerror(-r));
	supervise_forbid_core_dumps();
	return r;
}

static int write_pid(struct program *program)
{
	int r;

	if (program->options.mode != MODE_RUN)
		return 0;
	r = supervise_write_pid_file(program->pid_file);
	if (r)
		log_error("%s: %s", program->pid_file, strerror(-r));
	return r;
}

/* After this nobody reads standard error any more. */
static int tell_ready(struct program *program)
{
	int r = 0;

	if (program->options.mode != MODE_RUN)
		return 0;
	if (!program->options.is_foreground) {
		log_to_syslog(PROGRAM);
		r = supervise_leave_terminal();
	}
	if (!r)
		r = supervise_ready(program->parent);
	program->parent = -1;
	return r;
}

static int start(struct program *program)
{
	char name[NAME_TEXT_MAX];
	int r = take_lock(program);

	if (!r)
		r = take_rights(program);
	if (!r)
		r = make_loop(program);
	if (r)
		return r;
	name_to_text(program->config->name, name);
	program->agent =
		make_agent(program, program->config, program->options.mode == MODE_RUN);
	program->config = NULL;
	if (!program->agent)
		return -EINVAL;
	if (program->options.mode == MODE_WITHDRAW)
		agent_withdraw(program->agent);
	if (program->options.mode != MODE_RUN)
		alarm_set_in(&program->limit, ONCE_LIMIT_MS);
	r = write_pid(program);
	if (!r)
		r = tell_ready(program);
	if (!r && program->options.mode == MODE_RUN)
		log_info("muster-agent " PACKAGE_VERSION " is ready: %s", name);
	return r;
}

static void clean_up(struct program *program)
{
	agent_free(program->agent);
	config_free(program->config);
	for (int i = 0; i < SIGNALS; i++)
		if (program->signals[i])
			event_free(program->signals[i]);
	alarms_clear(&program->alarms);
	if (program->base)
		event_base_free(program->base);
	if (program->lock >= 0)
		close(program->lock);
	free(program->state);
	free(program->pid_file);
	libevent_global_shutdown();
}

static int run(struct program *program)
{
	const bool is_daemon =
		program->options.mode == MODE_RUN && !program->options.is_foreground;
	int r = 0;

	if (is_daemon) {
		r = program->parent = supervise_detach();
		if (r < 0)
			log_error("going into the background: %s", strerror(-r));
	}
	if (r >= 0)
		r = start(program);
	if (r >= 0)
		alarms_loop(&program->alarms);
	else
		program->status = 1;
	if (r >= 0 && program->options.mode == MODE_RUN)
		supervise_remove_pid_file(program->pid_file);
	clean_up(program);
	return program->status;
}

/* Detaching changes the folder, and a reload reads the file again. */
static int load(struct program *program)
{
	const char *path = program->options.config_path;

	if (config_load(&program->config, path, report, NULL)) {
		if (access(path, F_OK))
			log_info("\"muster-agent -c %s --create-config\" makes one to "
				 "begin "
				 "with",
				path);
		return -EINVAL;
	}
	program->state = strdup(program->config->state);
	if (program->config->pid_file)
		program->pid_file = strdup(program->config->pid_file);
	return program->state ? 0 : -ENOMEM;
}

static int dispatch(struct program *program)
{
	const struct options *options = &program->options;

	switch (options->mode) {
	case MODE_CHECK:
		return check(options);
	case MODE_STATUS:
		return show_status(options);
	case MODE_CREATE_CONFIG:
		return setup_create_config(options->config_path);
	case MODE_ENROL:
		return setup_enrol(options->config_path, options->argument);
	case MODE_INSTALL_SERVICE:
		return install_service(options);
	default:
		if (load(program)) {
			clean_up(program);
			return 1;
		}
		return run(program);
	}
}

int main(int argc, char **argv)
{
	struct program program = {.parent = -1, .lock = -1};
	char *path;
	int status;

	supervise_open_streams();
	umask(022);
	log_to_stderr(PROGRAM);
	status = parse_options(&program.options, argc, argv);
	if (status >= 0)
		return status;
	if (program.options.is_verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	path = realpath(program.options.config_path, NULL);
	if (path)
		program.options.config_path = path;
	status = dispatch(&program);
	free(path);
	return status;
}
