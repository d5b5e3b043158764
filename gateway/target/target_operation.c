/*
 * Beginning and ending what a target does (target_operation.h).
 */
#include "gateway/target/target_operation.h"

#include <errno.h>

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct target_operation *operation = arg;
	const struct target_operation ended = *operation;
	struct target_content content = ended.content;

	(void)fd;
	(void)what;
	/* The caller may begin the next one, or free the target with this one. */
	*operation = (struct target_operation){.later = ended.later};
	if (ended.done)
		ended.done(ended.arg, &content.result);
	else
		ended.loaded(ended.arg, &content);
	rrset_unref(ended.seen);
}

int target_operation_init(struct target_operation *operation, struct event_base *base)
{
	*operation = (struct target_operation){
		.later = evtimer_new(base, on_later, operation)};
	return operation->later ? 0 : -ENOMEM;
}

void target_operation_clear(struct target_operation *operation)
{
	if (operation->later)
		event_free(operation->later);
	rrset_unref(operation->seen);
	zone_free(operation->content.zone);
	update_free(operation->content.difference);
}

void target_operation_begin(
	struct target_operation *operation, target_done *done, void *arg)
{
	operation->done = done;
	operation->arg = arg;
}

void target_operation_begin_load(
	struct target_operation *operation, target_loaded *loaded, void *arg)
{
	operation->loaded = loaded;
	operation->arg = arg;
}

void target_operation_end(struct target_operation *operation, enum target_outcome outcome,
	const struct verdict *why)
{
	operation->content.result = (struct target_result){
		.outcome = outcome,
		.verdict = *why,
		.soa = operation->seen,
		.maybe_others = operation->maybe_others,
		.is_doubtful = operation->is_doubtful,
	};
	event_active(operation->later, EV_TIMEOUT, 1);
}

void target_operation_succeed(struct target_operation *operation)
{
	const struct verdict why = verdict_ok();

	target_operation_end(operation, TARGET_DONE, &why);
}

void target_operation_fail(
	struct target_operation *operation, const struct target_failure *failure)
{
	rrset_keep(&operation->seen, NULL);
	target_operation_end(operation, TARGET_FAILED, &failure->why);
	operation->content.result.trouble = failure->trouble;
}

void target_operation_fail_memory(struct target_operation *operation)
{
	const struct target_failure failure = {TARGET_OUR_MEMORY, verdict_no_memory()};

	target_operation_fail(operation, &failure);
}

void target_operation_adopt(
	struct rrset *soa, struct rrset **believed, struct rrset **mirrored)
{
	const bool is_mirrored =
		*mirrored && *believed && rrset_has_same_data(*mirrored, *believed);

	rrset_keep(mirrored, is_mirrored ? soa : NULL);
	rrset_keep(believed, soa);
}
