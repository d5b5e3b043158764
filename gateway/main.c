/*
 * musterd: command line, start, signals, end.
 */
#include <errno.h>
#include <event2/thread.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"
#include "gateway/control/control.h"
#include "gateway/listener/listener.h"
#include "gateway/base/event_memory.h"
#include "gateway/base/log.h"
#include "gateway/base/supervise.h"
#include "gateway/content/seed_check.h"
#include "gateway/served/zone_threads.h"
#include "tsig/plural.h"

struct options {
	const char *config_path;
	bool foreground;
	bool check_only;
};

struct daemon {
	struct options options;
	struct config *first_config; /* what was opened by it stays until the end */
	struct config *config;       /* the newest */
	struct listeners *listeners;
	struct zone_threads *zone_threads;
	struct control *control;
	int signals;       /* signalfd */
	int parent;        /* supervise_detach's; -1: none waits */
	size_t file_limit; /* the limit of descriptors */
};

static void usage(FILE *out)
{
	fputs("usage: musterd [-c FILE] [-f] [-n] [-V]\n"
	      "  -c FILE  configuration (default " CONFIG_FILE ")\n"
	      "  -f       stay in the foreground, log to standard error\n"
	      "  -n       check the configuration and exit\n"
	      "  -V       print the version and exit\n",
		out);
}

/* -1: go on; otherwise the exit status. */
static int parse_options(struct options *options, int argc, char **argv)
{
	int c;

	options->config_path = CONFIG_FILE;
	while ((c = getopt(argc, argv, "c:fnVh")) != -1) {
		switch (c) {
		case 'c':
			options->config_path = optarg;
			break;
		case 'f':
			options->foreground = true;
			break;
		case 'n':
			options->check_only = true;
			break;
		case 'V':
			puts("musterd " PACKAGE_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	usage(stderr);
	return 2;
}

/* arg: the order that it is for; NULL: nobody's. */
static void report(bool error, const char *message, void *arg)
{
	control_order_report(error, message, arg);
	if (error)
		log_error("%s", message);
	else
		log_warning("%s", message);
}

static int check(const struct options *options)
{
	struct config *config;
	int r = config_load(&config, options->config_path, report, NULL);

	if (r)
		return 1;
	r = seed_check(config, report, NULL);
	if (r) {
		config_unref(config);
		return 1;
	}
	printf("%s: %zu %s, %zu %s: valid\n", options->config_path, config->zone_count,
		PLURAL(config->zone_count, "zone"), keyring_count(config->keys),
		PLURAL(keyring_count(config->keys), "key"));
	config_unref(config);
	return 0;
}

/* ---- signals ---- */

static int watch_signals(struct daemon *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* writing to a file that must not grow fails instead */
	d->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return d->signals < 0 ? -errno : 0;
}

/* What was opened at the start, and rights that were given up then, cannot be changed
 * later. */
static void warn_of_unchanged(const struct config *old, const struct config *new)
{
	bool is_same = old->listen_count == new->listen_count;

	for (size_t i = 0; is_same && i < old->listen_count; i++)
		is_same = !strcmp(old->listen[i].text, new->listen[i].text);
	if (!is_same)
		log_warning("listen: takes effect at the next start");
	if (old->threads != new->threads)
		log_warning("threads: takes effect at the next start");
	if (old->zone_threads != new->zone_threads)
		log_warning("zone_threads: takes effect at the next start");
	if (strcmp(old->database, new->database))
		log_warning("database: takes effect at the next start");
	if (strcmp(old->user ? old->user : "", new->user ? new->user : ""))
		log_warning("user: takes effect at the next start");
	if (strcmp(old->pid_file ? old->pid_file : "",
		    new->pid_file ? new->pid_file : ""))
		log_warning("pid_file: takes effect at the next start");
}

/* Zones come first: what the listeners accept must find its zone. */
static void take_config(struct daemon *d, struct config *config, void *order)
{
	listeners_set_config(d->listeners, config);
	control_configure(d->control, config, report, order);
	warn_of_unchanged(d->first_config, config);
	config_unref(d->config);
	d->config = config;
	log_info("configuration reloaded");
}

/* 0, or -errno with the old one kept. */
static int reload(struct daemon *d, struct control_order *order)
{
	struct config *config;
	int r;

	supervise_notify("RELOADING=1");
	r = config_load(&config, d->options.config_path, report, order);
	if (r) {
		log_error("the previous configuration stays in effect");
	} else if ((r = zone_threads_reload(d->zone_threads, config))) {
		log_error("reload: out of memory; the previous configuration stays in "
			  "effect");
		config_unref(config);
	} else {
		take_config(d, config, order);
	}
	supervise_notify("READY=1");
	return r;
}

/* Messages go to whoever asked, and not into the log. */
static int check_again(struct daemon *d, struct control_order *order)
{
	struct config *config;
	int r = config_load(&config, d->options.config_path, control_order_report, order);

	if (r)
		return r;
	r = seed_check(config, control_order_report, order);
	config_unref(config);
	return r;
}

static void take_orders(struct daemon *d)
{
	struct control_order *order;

	while ((order = control_take_order(d->control)))
		control_finish_order(d->control, order,
			control_order_is_check(order) ? check_again(d, order)
						      : reload(d, order));
}

/* False: it is time to end. */
static bool take_signal(struct daemon *d)
{
	struct signalfd_siginfo info;

	if (read(d->signals, &info, sizeof(info)) != sizeof(info))
		return true;
	if (info.ssi_signo != SIGHUP)
		return false;
	(void)reload(d, NULL);
	return true;
}

/* Until SIGTERM or SIGINT. */
static void wait_for_signals(struct daemon *d)
{
	const int watchdog_ms = supervise_watchdog_ms();
	struct pollfd fds[] = {
		{.fd = d->signals, .events = POLLIN},
		{.fd = control_orders_fd(d->control), .events = POLLIN},
	};

	for (;;) {
		int ready = poll(fds, 2, watchdog_ms ? watchdog_ms : -1);

		if (watchdog_ms && zone_threads_are_alive(d->zone_threads)) {
			supervise_notify("WATCHDOG=1");
			zone_threads_ping(d->zone_threads);
		}
		if (ready <= 0)
			continue;
		if (fds[0].revents && !take_signal(d))
			return;
		if (fds[1].revents)
			take_orders(d);
	}
}

/* ---- start and end ---- */

static int start_threads(struct daemon *d)
{
	struct queue *queues[LISTENERS_QUEUES_MAX];
	unsigned count;
	int r = zone_threads_new(&d->zone_threads, d->config, &zone_threads_env);

	for (size_t i = 0; !r && i < listeners_count(d->listeners); i++)
		r = zone_threads_add_mailbox(
			d->zone_threads, listeners_mailbox(d->listeners, i));
	if (!r)
		r = zone_threads_start(d->zone_threads);
	if (r) {
		zone_threads_free(d->zone_threads);
		d->zone_threads = NULL;
		return r;
	}
	count = zone_threads_count(d->zone_threads);
	for (unsigned i = 0; i < count; i++)
		queues[i] = zone_threads_queue(d->zone_threads, i);
	r = listeners_start(d->listeners, queues, count);
	if (!r)
		r = control_start(d->control, d->zone_threads, d->listeners);
	if (r)
		log_error("starting threads: %s", strerror(-r));
	return r;
}

static int start(struct daemon *d)
{
	int r = listeners_open(&d->listeners, d->config, d->file_limit);

	if (!r)
		r = control_open(&d->control, d->config, d->options.config_path);
	if (r)
		return r;
	r = supervise_drop_privileges(d->config->user);
	if (r) {
		log_error("user %s: %s", d->config->user,
			r == -ENOENT ? "no such user here: add it, or name another in "
				       "the setting user"
				     : strerror(-r));
		return r;
	}
	supervise_forbid_core_dumps();
	r = start_threads(d);
	if (r)
		return r;
	r = supervise_write_pid_file(d->config->pid_file);
	if (r)
		log_error("%s: %s", d->config->pid_file, strerror(-r));
	return r;
}

/* What was accepted is answered before the threads end. */
static void stop(struct daemon *d)
{
	control_stop(d->control);
	if (d->zone_threads) {
		listeners_stop_reading(d->listeners);
		zone_threads_stop(d->zone_threads);
	}
	zone_threads_free(d->zone_threads);
	control_free(d->control);
	listeners_free(d->listeners);
}

/* From here on nobody reads standard error. */
static int go_to_background(void)
{
	int r;

	log_to_syslog("musterd");
	r = supervise_leave_terminal();
	if (r) {
		log_to_stderr("musterd");
		log_error("/dev/null: %s", strerror(-r));
	}
	return r;
}

static int serve(struct daemon *d)
{
	int r = d->options.foreground ? 0 : go_to_background();

	if (r)
		return r;
	log_info("musterd " PACKAGE_VERSION " is ready: %zu of %zu %s loaded, %zu %s",
		zone_threads_count_ready(d->zone_threads), d->config->zone_count,
		PLURAL(d->config->zone_count, "zone"), keyring_count(d->config->keys),
		PLURAL(keyring_count(d->config->keys), "key"));
	r = supervise_ready(d->parent);
	d->parent = -1;
	if (r) {
		log_error("the command that started the gateway has gone: %s",
			strerror(-r));
		return r;
	}
	wait_for_signals(d);
	supervise_notify("STOPPING=1");
	log_info("stopping");
	return 0;
}

static int run(struct daemon *d)
{
	int r = start(d);
	const bool is_started = !r;

	if (is_started)
		r = serve(d);
	stop(d);
	if (is_started)
		supervise_remove_pid_file(d->first_config->pid_file);
	return r ? 1 : 0;
}

static int detach_and_run(struct daemon *d)
{
	int r;

	if (!d->options.foreground) {
		d->parent = supervise_detach();
		if (d->parent < 0) {
			log_error("going into the background: %s", strerror(-d->parent));
			return 1;
		}
	}
	r = event_memory_install();
	if (!r)
		r = evthread_use_pthreads() ? -ENOSYS : watch_signals(d);
	if (r) {
		log_error("starting: %s", strerror(-r));
		return 1;
	}
	return run(d);
}

int main(int argc, char **argv)
{
	struct daemon d = {.signals = -1, .parent = -1};
	char *path;
	int status;

	supervise_open_streams();
	umask(027); /* the database says who did what */
	log_to_stderr("musterd");
	status = parse_options(&d.options, argc, argv);
	if (status >= 0)
		return status;
	if (d.options.check_only)
		return check(&d.options);
	/* Detaching changes the folder, and a reload reads it again. */
	path = realpath(d.options.config_path, NULL);
	if (path)
		d.options.config_path = path;
	if (config_load(&d.config, d.options.config_path, report, NULL)) {
		free(path);
		return 1;
	}
	d.first_config = config_ref(d.config);
	d.file_limit = supervise_raise_file_limit();
	status = detach_and_run(&d);
	config_unref(d.config);
	config_unref(d.first_config);
	free(path);
	return status;
}
