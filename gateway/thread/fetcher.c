/*
 * The thread that fetches zones, and its two queues (fetcher.h).
 *
 * A fetch has a target of its own, which belongs to the thread and ends with it.
 */
#include "gateway/thread/fetcher.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "gateway/base/thread.h"
#include "gateway/target/look_ups.h"

struct fetch {
	struct queue_node node;  /* first */
	LIST_ENTRY(fetch) entry; /* in the fetcher's thread: it has a target */
	struct fetcher *fetcher;
	struct config *config; /* counted */
	const struct config_target *target_config;
	uint8_t zone[NAME_MAX_LEN];
	struct target *target; /* NULL: it has not begun, or has ended */
	struct alarm end;      /* frees the target, which has called back */
	struct fetched fetched;
	fetch_done *done; /* NULL: nobody wants it any more */
	void *arg;
};

struct fetcher {
	struct zone_thread *owner;
	struct event *back_event; /* of back, in the owner's loop */
	struct queue work, back;
	struct queue_node last; /* ends the thread */
	pthread_t thread;
	bool is_running;
	/* The thread's, unless it is the owner's that is used (is_inside). */
	bool is_inside;
	LIST_HEAD(, fetch) fetches; /* that have targets */
	struct turn_clock time;
	struct alarms alarms;
	struct event *work_event;
	struct target_env env;
};

/* ---- in the thread ---- */

static void end_target(struct fetch *fetch)
{
	if (!fetch->target)
		return;
	alarm_stop(&fetch->end);
	target_ops(fetch->target)->free(fetch->target);
	fetch->target = NULL;
	LIST_REMOVE(fetch, entry);
}

static void send_back(struct fetch *fetch)
{
	end_target(fetch);
	queue_push_one(&fetch->fetcher->back, &fetch->node);
}

static void on_end(void *arg)
{
	send_back(arg);
}

static void on_loaded(void *arg, struct target_content *content)
{
	struct fetch *fetch = arg;

	fetch->fetched = (struct fetched){
		.why = content->result.outcome == TARGET_DONE ? verdict_ok()
							      : content->result.verdict,
		.zone = content->zone,
		.soa = content->zone ? rrset_ref(content->result.soa) : NULL,
	};
	/* Nothing was asked for a difference. */
	update_free(content->difference);
	alarm_set_in(&fetch->end, 0);
}

static void fail(struct fetch *fetch, const char *why)
{
	fetch->fetched.why = verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "%s", why);
	queue_push_one(&fetch->fetcher->back, &fetch->node);
}

static void begin(struct fetch *fetch)
{
	struct fetcher *fetcher = fetch->fetcher;
	const struct target_ops *ops = fetcher->env.types[fetch->target_config->type];
	const struct target_zone zone = {.name = fetch->zone};

	fetch->target = ops->new (fetch->target_config, &zone, &fetcher->env);
	if (!fetch->target) {
		fail(fetch, "out of memory");
		return;
	}
	LIST_INSERT_HEAD(&fetcher->fetches, fetch, entry);
	alarm_init(&fetch->end, fetcher->env.alarms, on_end, fetch);
	ops->load(fetch->target, false, on_loaded, fetch);
}

static void on_work(evutil_socket_t fd, short events, void *arg)
{
	struct fetcher *fetcher = arg;
	struct queue_list list;
	struct queue_node *node;

	(void)fd;
	(void)events;
	queue_list_init(&list);
	queue_take_all(&fetcher->work, &list);
	while ((node = queue_list_take(&list))) {
		if (node == &fetcher->last)
			event_base_loopbreak(fetcher->env.base);
		else
			begin((struct fetch *)(void *)node);
	}
}

static void *fetcher_main(void *arg)
{
	struct fetcher *fetcher = arg;
	struct fetch *fetch;

	alarms_loop(&fetcher->alarms);
	while ((fetch = LIST_FIRST(&fetcher->fetches)))
		send_back(fetch);
	return NULL;
}

/* ---- in the owner's ---- */

static void fetch_free(struct fetch *fetch)
{
	zone_free(fetch->fetched.zone);
	rrset_unref(fetch->fetched.soa);
	config_unref(fetch->config);
	free(fetch);
}

static void take_back(struct fetch *fetch)
{
	if (fetch->done) {
		fetch->done(&fetch->fetched, fetch->arg);
		fetch->fetched.zone = NULL;
		fetch->fetched.soa = NULL;
	}
	fetch_free(fetch);
}

static void on_back(evutil_socket_t fd, short events, void *arg)
{
	struct fetcher *fetcher = arg;
	struct queue_list list;
	struct queue_node *node;

	(void)fd;
	(void)events;
	queue_list_init(&list);
	queue_take_all(&fetcher->back, &list);
	while ((node = queue_list_take(&list)))
		take_back((struct fetch *)(void *)node);
}

/* ---- life ---- */

/* A loop like the owner's.  0 or -errno. */
static int set_up_loop(struct fetcher *fetcher)
{
	struct target_env *env = &fetcher->env;
	int r;

	env->base = event_base_new();
	env->pool = hmac_pool_new();
	env->alarms = &fetcher->alarms;
	env->look_ups = look_ups_new(env->base);
	if (!env->base || !env->pool || !env->look_ups)
		return -ENOMEM;
	r = alarms_init(&fetcher->alarms, &fetcher->time, env->base);
	if (r)
		return r;
	fetcher->work_event = event_new(
		env->base, fetcher->work.fd, EV_READ | EV_PERSIST, on_work, fetcher);
	return fetcher->work_event && !event_add(fetcher->work_event, NULL) ? 0 : -ENOMEM;
}

static void clear_loop(struct fetcher *fetcher)
{
	if (fetcher->is_inside)
		return;
	if (fetcher->work_event)
		event_free(fetcher->work_event);
	fetcher->work_event = NULL;
	alarms_clear(&fetcher->alarms);
	hmac_pool_free(fetcher->env.pool);
	fetcher->env.pool = NULL;
	look_ups_free(fetcher->env.look_ups);
	fetcher->env.look_ups = NULL;
	if (fetcher->env.base)
		event_base_free(fetcher->env.base);
	fetcher->env.base = NULL;
}

struct fetcher *fetcher_new(struct zone_thread *thread)
{
	struct fetcher *fetcher = calloc(1, sizeof(*fetcher));

	if (!fetcher)
		return NULL;
	fetcher->owner = thread;
	fetcher->env = thread->target_env;
	fetcher->env.only_looks = true;
	fetcher->is_inside = thread->time.is_manual;
	fetcher->time.counts_sleep = thread->time.counts_sleep;
	fetcher->work.fd = fetcher->back.fd = -1;
	LIST_INIT(&fetcher->fetches);
	if (queue_init(&fetcher->work) || queue_init(&fetcher->back))
		goto fail;
	fetcher->back_event = event_new(
		thread->base, fetcher->back.fd, EV_READ | EV_PERSIST, on_back, fetcher);
	if (!fetcher->back_event || event_add(fetcher->back_event, NULL))
		goto fail;
	return fetcher;

fail:
	fetcher_free(fetcher);
	return NULL;
}

static void stop(struct fetcher *fetcher)
{
	struct fetch *fetch;

	if (fetcher->is_running) {
		queue_push_one(&fetcher->work, &fetcher->last);
		pthread_join(fetcher->thread, NULL);
		fetcher->is_running = false;
	}
	while ((fetch = LIST_FIRST(&fetcher->fetches)))
		send_back(fetch);
}

static void empty(struct queue *queue)
{
	struct queue_list list;
	struct queue_node *node;

	if (queue->fd < 0)
		return;
	queue_list_init(&list);
	queue_take_all(queue, &list);
	while ((node = queue_list_take(&list)))
		fetch_free((struct fetch *)(void *)node);
	queue_clear(queue);
}

void fetcher_free(struct fetcher *fetcher)
{
	if (!fetcher)
		return;
	stop(fetcher);
	clear_loop(fetcher);
	if (fetcher->back_event)
		event_free(fetcher->back_event);
	empty(&fetcher->work);
	empty(&fetcher->back);
	free(fetcher);
}

/* 0 or -errno. */
static int start(struct fetcher *fetcher)
{
	int r;

	if (fetcher->is_inside || fetcher->is_running)
		return 0;
	r = set_up_loop(fetcher);
	if (!r)
		r = thread_start(&fetcher->thread, "zone-fetches", fetcher_main, fetcher);
	if (r)
		clear_loop(fetcher);
	fetcher->is_running = !r;
	return r;
}

struct fetch *fetch_new(struct fetcher *fetcher, struct config *config,
	const struct config_target *target, const uint8_t *zone, fetch_done *done,
	void *arg)
{
	struct fetch *fetch = calloc(1, sizeof(*fetch));

	if (!fetch || start(fetcher)) {
		free(fetch);
		return NULL;
	}
	fetch->fetcher = fetcher;
	fetch->config = config_ref(config);
	fetch->target_config = target;
	memcpy(fetch->zone, zone, name_len(zone));
	fetch->done = done;
	fetch->arg = arg;
	if (fetcher->is_inside)
		begin(fetch);
	else
		queue_push_one(&fetcher->work, &fetch->node);
	return fetch;
}

void fetch_stop(struct fetch *fetch)
{
	if (fetch)
		fetch->done = NULL;
}
