/*
 * Making and freeing a content, its gate, and its observers.
 */
#include "gateway/content/edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"

enum {
	ACK_TIMEOUT_MS = 1500, /* default: many clients wait no longer than 2 s */
	ACK_IMPATIENT_MS = 60, /* for a client that waits for 100 ms, in front of a server
	                        * that takes 15 as a rule, and a second now and then */
};

enum {
	HEARD_MS = 1000, /* how long requests held up while the thread was stopped are
	                  * listened to before anything expires */
};

#define EACH_OBSERVER(o, content)                                                        \
	for (const struct content_part *o = (content)->parts;                            \
		o < (content)->parts + (content)->part_count; o++)

/* ---- life ---- */

static void kick(struct thread_task *task)
{
	struct content *content = task->arg;

	for (size_t i = 0; i < content->delivery_count; i++)
		delivery_kick(content->deliveries[i], false);
}

int content_init(struct content *content, struct zone_thread *thread,
	struct config *config, const struct config_zone *rules, int64_t id)
{
	content->thread = thread;
	content->id = id;
	content->config = config_ref(config);
	content->rules = rules;
	memcpy(content->name, rules->name, sizeof(content->name));
	name_to_text(content->name, content->text);
	/* Without a mirror there must be a reason. */
	content->not_ready =
		verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY, "the zone is being loaded");
	content->kick = (struct thread_task){.run = kick, .arg = content};
	TAILQ_INIT(&content->committing);
	TAILQ_INIT(&content->delivering);
	TAILQ_INIT(&content->callers);
	content->history = transfer_history_new(&thread->histories);
	return content->history ? 0 : -ENOMEM;
}

void content_clear(struct content *content)
{
	zone_thread_forget(content->thread, &content->kick);
	for (size_t i = 0; i < content->delivery_count; i++)
		delivery_free(content->deliveries[i]);
	free(content->deliveries);
	refused_free(content->refused);
	notify_free(content->notify);
	transfer_unref(content->axfr);
	transfer_history_free(content->history);
	zone_free(content->mirror);
	zone_free(content->taking.zone);
	config_unref(content->config);
}

void content_configure(
	struct content *content, struct config *config, const struct config_zone *rules)
{
	config_ref(config);
	config_unref(content->config);
	content->config = config;
	content->rules = rules;
	/* They may have been because of the old one. */
	refused_free(content->refused);
	content->refused = NULL;
}

/* ---- how it is ---- */

struct verdict content_database_verdict(const struct content *content, const char *what)
{
	char error[STORE_ERROR_MAX];

	journal_last_error(content->thread->journal, error);
	return verdict_refuse(
		RCODE_SERVFAIL, EDE_OTHER, "the change could not be %s: %s", what, error);
}

struct verdict content_check_ready(const struct content *content)
{
	if (content->is_closing || content->thread->is_over)
		return verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
			"the gateway is being reconfigured");
	if (!content->mirror)
		return content->not_ready;
	if (content->thread->is_broken)
		return content_database_verdict(content, "stored");
	return verdict_ok();
}

bool content_bumps_serial(const struct content *content)
{
	return !delivery_target(content_primary(content))->owns_serial;
}

bool content_is_local(const struct content *content)
{
	return delivery_target(content_primary(content))->is_local;
}

bool content_waits_for_primary(const struct content *content)
{
	const struct delivery *primary = content_primary(content);

	if (content->rules->ack == CONFIG_ACK_DURABLE || content_is_local(content))
		return false;
	return content->rules->ack == CONFIG_ACK_APPLIED ||
		(!delivery_is_down(primary) && !delivery_is_behind(primary));
}

unsigned content_ack_timeout_ms(const struct content *content, bool is_impatient)
{
	const struct config_zone *rules = content->rules;

	if (rules->ack_timeout_ms)
		return rules->ack_timeout_ms;
	if (is_impatient && rules->ack == CONFIG_ACK_WAIT &&
		delivery_groups(content_primary(content)))
		return ACK_IMPATIENT_MS;
	return ACK_TIMEOUT_MS;
}

int64_t content_service_ms(struct content *content)
{
	struct zone_thread *thread = content->thread;
	const int64_t monotonic_ms = turn_monotonic_ms(&thread->time);

	if (!service_clock_look(&thread->clock, monotonic_ms))
		thread->heard_ms = monotonic_ms + HEARD_MS;
	return service_time_now(&content->service, &thread->clock);
}

void content_touch(struct content *content)
{
	transfer_unref(content->axfr);
	content->axfr = NULL;
}

/* ---- the journal ---- */

void content_submit(struct content *content, struct journal_op *op)
{
	op->outstanding = &content->operations;
	zone_thread_submit(content->thread, op);
}

void content_submit_note(struct content *content, const struct journal_op *op)
{
	struct journal_op note = *op;

	note.zone = content->id;
	note.outstanding = &content->operations;
	if (!zone_thread_submit_note(content->thread, &note))
		log_error("zone %s: out of memory", content->text);
}

/* ---- the gate ---- */

static bool is_open(const struct content *content)
{
	return TAILQ_EMPTY(&content->committing);
}

bool content_is_gated(const struct content *content)
{
	return !TAILQ_EMPTY(&content->callers);
}

void content_call(struct content *content, struct content_caller *caller)
{
	if (is_open(content) && !content_is_gated(content)) {
		caller->enter(caller);
		return;
	}
	TAILQ_INSERT_TAIL(&content->callers, caller, entry);
}

static void tell_opened(struct content *content)
{
	EACH_OBSERVER(o, content)
	{
		if (o->observer->opened)
			o->observer->opened(o->part);
	}
}

/* A caller that enters may put something on its way again. */
void content_look_at_gate(struct content *content)
{
	struct content_caller *caller;

	if (!content_is_gated(content))
		return;
	while (is_open(content) && (caller = TAILQ_FIRST(&content->callers))) {
		TAILQ_REMOVE(&content->callers, caller, entry);
		caller->enter(caller);
	}
	if (!content_is_gated(content))
		tell_opened(content);
}

/* ---- observers ---- */

void content_observe(
	struct content *content, const struct content_observer *observer, void *part)
{
	content->parts[content->part_count++] =
		(struct content_part){.observer = observer, .part = part};
}

void content_tell_loaded(struct content *content)
{
	(void)content_service_ms(content);
	service_time_run(&content->service, &content->thread->clock);
	EACH_OBSERVER(o, content)
	{
		if (o->observer->loaded)
			o->observer->loaded(o->part);
	}
}

void content_tell_followed(
	struct content *content, struct changeset *changes, bool is_kept)
{
	EACH_OBSERVER(o, content)
	{
		if (o->observer->followed)
			o->observer->followed(o->part, changes, is_kept);
	}
}

void content_tell_accepted(struct content *content, const struct content_request *request,
	const struct changeset *changes)
{
	EACH_OBSERVER(o, content)
	{
		if (o->observer->accepted)
			o->observer->accepted(o->part, request, changes);
	}
}

void content_tell_committing(struct content *content, const struct edit *edit)
{
	EACH_OBSERVER(o, content)
	{
		if (o->observer->committing)
			o->observer->committing(o->part, edit);
	}
}

void content_tell_durable(struct content *content, const struct edit *edit)
{
	EACH_OBSERVER(o, content)
	{
		if (o->observer->durable)
			o->observer->durable(o->part, edit);
	}
}

void content_tell_undone(struct content *content)
{
	EACH_OBSERVER(o, content)
	{
		if (o->observer->undone)
			o->observer->undone(o->part);
	}
}

void content_tell_down(struct content *content)
{
	EACH_OBSERVER(o, content)
	{
		if (o->observer->down)
			o->observer->down(o->part);
	}
	edit_leave_unawaited(content);
}
