/*
 * Which peers read their answers, and which do not (listener_output.h).
 */
#include "gateway/listener/listener_output.h"

#include "gateway/listener/listener.h"

static void watch(
	struct listener_outputs *all, struct listener_output *output, int64_t now_ms)
{
	TAILQ_INSERT_TAIL(&all->list, output, entry);
	output->mark = output->queued;
	output->since_ms = now_ms;
}

void listener_output_note(struct listener_outputs *all, struct listener_output *output,
	size_t added, size_t len, int64_t now_ms)
{
	const bool was_watched = output->len > 0;

	all->len = all->len - output->len + len;
	output->len = len;
	output->queued += added;
	if (was_watched && len && output->queued - len < output->mark)
		return;
	if (was_watched)
		TAILQ_REMOVE(&all->list, output, entry);
	if (len)
		watch(all, output, now_ms);
}

struct listener_output *listener_output_first(const struct listener_outputs *all)
{
	return TAILQ_FIRST(&all->list);
}

bool listener_output_is_overdue(const struct listener_output *output, int64_t now_ms)
{
	return now_ms - output->since_ms >= LISTENER_UNREAD_S * (int64_t)1000;
}
