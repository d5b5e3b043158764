/*
 * The source docker: names for containers, from their labels (container.h).
 *
 * The engine's event stream only says that something has happened; a new list says what
 * there is now.  So nothing can drift, and a hundred containers that start at once cost a
 * few lists.  The list is asked for by label, and read one container at a time; it is
 * also asked for at each refresh of the leases, so that a lost event keeps no name alive.
 *
 * A container that is gone from the list keeps its records for the grace: restarting one
 * changes nothing.  While the engine cannot be asked, everything stays as it was; when it
 * is back, its containers are listed anew.
 *
 * Limits: CONTAINERS_MAX containers with names.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sources/container.h"
#include "agent/sources/engine.h"
#include "agent/sources/source.h"
#include "gateway/base/alarm.h"
#include "gateway/base/log.h"

enum {
	CONTAINERS_MAX = 5000,
	GATHER_MS = 100,       /* from an event to the list */
	FIRST_LIST_MS = 500,   /* for an engine that does not begin its event stream */
	LIST_LIMIT_MS = 30000, /* for a list to be whole */
	RECONNECT_MS = 500,    /* the first pause; doubled each time */
	RECONNECT_MAX_MS = 30000,
	LISTS = 2, /* the engine combines labels by and; we want or */
};

/* What would make lists differ: health checks, execs and the like do not.  Podman before
 * 4.4 says "died" and "remove" where Docker, and Podman since, say "die" and "destroy";
 * either engine takes the other's words for events that never happen. */
#define EVENTS_PATH                                                                      \
	"/events?filters=%7B%22type%22%3A%5B%22container%22%2C%22network%22%5D%2C"       \
	"%22event%22%3A%5B%22start%22%2C%22die%22%2C%22died%22%2C%22destroy%22%2C"       \
	"%22remove%22%2C%22rename%22%2C%22connect%22%2C%22disconnect%22%5D%7D"

static const char *const list_paths[LISTS] = {
	"/containers/json?filters=%7B%22label%22%3A%5B%22muster.name%22%5D%7D",
	"/containers/json?filters=%7B%22label%22%3A%5B%22joyride.host.name%22%5D%7D",
};

struct held {
	struct container container;
	int64_t gone_ms; /* when its records are to go; INT64_MAX: it is there */
};

struct held_list {
	struct held *items;
	size_t count, cap;
};

struct docker {
	struct source source;
	struct engine_request *events; /* NULL: not connected */
	struct engine_request *list;   /* NULL: none under way */
	unsigned list_index;           /* of list_paths */
	struct held_list found;        /* by the list under way */
	struct held_list held;
	struct alarm connecting;
	struct alarm listing;
	struct alarm limit; /* of a list */
	struct alarm grace;
	bool is_again; /* list once more */
	bool is_full;  /* has been told */
	int64_t pause_ms;
};

static void list_in(struct docker *docker, int64_t delay_ms);

/* ---- lists of containers ---- */

static void held_clear(struct held_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		container_clear(&list->items[i].container);
	free(list->items);
	*list = (struct held_list){0};
}

static struct held *held_find(const struct held_list *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->items[i].container.id, id))
			return &list->items[i];
	return NULL;
}

/* Takes over container on success.  0, -ENOMEM or -ENOSPC. */
static int held_add(
	struct held_list *list, const struct container *container, int64_t gone_ms)
{
	if (list->count == list->cap) {
		const size_t cap = list->cap ? 2 * list->cap : 16;
		struct held *items;

		if (list->count >= CONTAINERS_MAX)
			return -ENOSPC;
		items = reallocarray(list->items, cap, sizeof(*items));
		if (!items)
			return -ENOMEM;
		list->items = items;
		list->cap = cap;
	}
	list->items[list->count++] =
		(struct held){.container = *container, .gone_ms = gone_ms};
	return 0;
}

/* ---- giving ---- */

static bool has_owner(const struct records *records, const uint8_t *owner)
{
	for (size_t i = 0; i < records->count; i++)
		if (name_is_equal(records->items[i].owner, owner))
			return true;
	return false;
}

/* When another container takes over a name, the name is that container's at once. */
static int add_lingering(
	struct records *all, const struct records *there, const struct records *lingering)
{
	int r = 0;

	for (size_t i = 0; i < lingering->count && !r; i++)
		if (!has_owner(there, lingering->items[i].owner))
			r = records_add(all, &lingering->items[i]);
	return r;
}

static void give(struct docker *docker)
{
	struct records all = {0}, there = {0};
	int r = 0;

	for (size_t i = 0; i < docker->held.count && !r; i++)
		if (docker->held.items[i].gone_ms == INT64_MAX)
			r = records_add_all(
				&there, &docker->held.items[i].container.records);
	if (!r)
		r = records_add_all(&all, &there);
	for (size_t i = 0; i < docker->held.count && !r; i++)
		if (docker->held.items[i].gone_ms != INT64_MAX)
			r = add_lingering(
				&all, &there, &docker->held.items[i].container.records);
	records_clear(&there);
	if (r) {
		source_fail(&docker->source, "%s; its records stay as they were",
			records_strerror(r));
		records_clear(&all);
		return;
	}
	source_recover(&docker->source);
	source_give(&docker->source, &all);
}

static void set_grace(struct docker *docker)
{
	int64_t next_ms = ALARM_NEVER;

	for (size_t i = 0; i < docker->held.count; i++)
		if (docker->held.items[i].gone_ms < next_ms)
			next_ms = docker->held.items[i].gone_ms;
	alarm_set(&docker->grace, next_ms);
}

static void on_grace(void *arg)
{
	struct docker *docker = arg;
	const int64_t now_ms = turn_monotonic_ms(docker->source.context->alarms->clock);
	size_t kept = 0;

	for (size_t i = 0; i < docker->held.count; i++) {
		struct held *held = &docker->held.items[i];

		if (held->gone_ms > now_ms)
			docker->held.items[kept++] = *held;
		else
			container_clear(&held->container);
	}
	docker->held.count = kept;
	set_grace(docker);
	give(docker);
}

/* Moves what was held of a container that has gone into the new list, for the grace.
 * False: it stays where it is.  One that is listed without addresses is being restarted:
 * it has gone, too. */
static bool let_linger(struct docker *docker, struct held *held)
{
	const int64_t grace_ms = docker->source.config->grace_ms;
	struct held *listed = held_find(&docker->found, held->container.id);

	if (!grace_ms || !held->container.records.count ||
		(listed && listed->container.records.count))
		return false;
	if (held->gone_ms == INT64_MAX)
		held->gone_ms = turn_monotonic_ms(docker->source.context->alarms->clock) +
			grace_ms;
	if (!listed)
		return !held_add(&docker->found, &held->container, held->gone_ms);
	container_clear(&listed->container);
	*listed = *held;
	return true;
}

/* What is not in the new list any more begins to go. */
static void settle(struct docker *docker)
{
	for (size_t i = 0; i < docker->held.count; i++)
		if (!let_linger(docker, &docker->held.items[i]))
			container_clear(&docker->held.items[i].container);
	free(docker->held.items);
	docker->held = docker->found;
	docker->found = (struct held_list){0};
	set_grace(docker);
	give(docker);
}

/* ---- listing ---- */

static void fail(struct docker *docker, const char *why)
{
	engine_free(docker->events);
	engine_free(docker->list);
	docker->events = docker->list = NULL;
	held_clear(&docker->found);
	alarm_stop(&docker->limit);
	alarm_stop(&docker->listing);
	docker->is_again = false;
	source_fail(&docker->source,
		"%s; its names stay as they were; does the engine run, and may the agent "
		"open its socket (SupplementaryGroups=docker)?",
		why);
	alarm_set_in(&docker->connecting, docker->pause_ms);
	docker->pause_ms *= 2;
	if (docker->pause_ms > RECONNECT_MAX_MS)
		docker->pause_ms = RECONNECT_MAX_MS;
}

/* Errors in a container's labels are logged once, not at every list. */
static void tell_labels(const struct docker *docker, const struct container *container)
{
	const struct held *known = held_find(&docker->held, container->id);

	if (!container->why ||
		(known && known->container.why &&
			!strcmp(known->container.why, container->why)))
		return;
	log_warning("source docker: container %.12s: %s: that is left out", container->id,
		container->why);
}

static bool on_container(void *arg, const char *json, size_t len)
{
	struct docker *docker = arg;
	struct container container;
	int r = container_read(&container, docker->source.context->config,
		docker->source.config, json, len);

	if (r == -EINVAL)
		return true;
	if (!r && held_find(&docker->found, container.id)) {
		container_clear(&container); /* it has both labels */
		return true;
	}
	if (!r) {
		tell_labels(docker, &container);
		r = held_add(&docker->found, &container, INT64_MAX);
	}
	if (r)
		container_clear(&container);
	if (r == -ENOSPC && !docker->is_full)
		log_warning(
			"source docker: more than %d containers with names: the rest is "
			"left out",
			CONTAINERS_MAX);
	docker->is_full |= r == -ENOSPC;
	return r != -ENOMEM;
}

static void ask_list(struct docker *docker);

static void on_list_ended(void *arg, const char *why)
{
	struct docker *docker = arg;

	engine_free(docker->list);
	docker->list = NULL;
	if (why) {
		fail(docker, why);
		return;
	}
	if (++docker->list_index < LISTS) {
		ask_list(docker);
		return;
	}
	alarm_stop(&docker->limit);
	docker->pause_ms = RECONNECT_MS;
	settle(docker);
	if (docker->is_again)
		list_in(docker, GATHER_MS);
	docker->is_again = false;
}

static void ask_list(struct docker *docker)
{
	const struct engine_handler handler = {
		.object = on_container, .ended = on_list_ended, .arg = docker};

	docker->list = engine_ask(docker->source.context->alarms->base,
		docker->source.config->path, list_paths[docker->list_index], &handler);
	if (!docker->list)
		fail(docker, strerror(errno));
}

static void on_listing(void *arg)
{
	struct docker *docker = arg;

	docker->list_index = 0;
	held_clear(&docker->found);
	alarm_set_in(&docker->limit, LIST_LIMIT_MS);
	ask_list(docker);
}

static void on_limit(void *arg)
{
	fail(arg, "it does not finish its list");
}

/* Never put off by what comes meanwhile. */
static void list_in(struct docker *docker, int64_t delay_ms)
{
	if (docker->list)
		docker->is_again = true;
	else if (!alarm_is_set(&docker->listing))
		alarm_set_in(&docker->listing, delay_ms);
}

/* ---- events ---- */

static bool on_event(void *arg, const char *json, size_t len)
{
	(void)json;
	(void)len;
	list_in(arg, GATHER_MS);
	return true;
}

/* From here on no event is missed: now is the time to list. */
static void on_accepted(void *arg)
{
	struct docker *docker = arg;

	alarm_stop(&docker->listing);
	list_in(docker, 0);
}

static void on_events_ended(void *arg, const char *why)
{
	fail(arg, why ? why : "it ended its event stream");
}

static void on_connecting(void *arg)
{
	const struct engine_handler handler = {.accepted = on_accepted,
		.object = on_event,
		.ended = on_events_ended,
		.arg = arg};
	struct docker *docker = arg;

	docker->events = engine_ask(docker->source.context->alarms->base,
		docker->source.config->path, EVENTS_PATH, &handler);
	if (!docker->events)
		fail(docker, strerror(errno));
	else
		list_in(docker, FIRST_LIST_MS);
}

static void docker_look_again(struct source *source)
{
	struct docker *docker = (struct docker *)source;

	/* Without an event stream, the agent is connecting to the engine, which ends in a
	 * list. */
	if (docker->events)
		list_in(docker, 0);
}

static void docker_close(struct source *source)
{
	struct docker *docker = (struct docker *)source;

	engine_free(docker->events);
	engine_free(docker->list);
	held_clear(&docker->found);
	held_clear(&docker->held);
	alarm_stop(&docker->connecting);
	alarm_stop(&docker->listing);
	alarm_stop(&docker->limit);
	alarm_stop(&docker->grace);
	free(docker);
}

static struct source *docker_open(
	const struct source_context *context, const struct config_source *config)
{
	struct docker *docker = calloc(1, sizeof(*docker));

	if (!docker)
		return NULL;
	source_init(&docker->source, &source_docker_ops, context, config);
	docker->pause_ms = RECONNECT_MS;
	alarm_init(&docker->connecting, context->alarms, on_connecting, docker);
	alarm_init(&docker->listing, context->alarms, on_listing, docker);
	alarm_init(&docker->limit, context->alarms, on_limit, docker);
	alarm_init(&docker->grace, context->alarms, on_grace, docker);
	alarm_set(&docker->connecting, 0);
	return &docker->source;
}

const struct source_ops source_docker_ops = {
	.type = "docker",
	.open = docker_open,
	.close = docker_close,
	.look_again = docker_look_again,
};
