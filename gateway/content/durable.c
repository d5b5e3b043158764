/*
 * What others see of a content: secondaries by transfers, targets by deliveries.  Both
 * pass on only what is durable.
 */
#include <errno.h>
#include <string.h>

#include "gateway/content/edit.h"

/* ---- history ---- */

static void remember(void *part, const struct edit *edit)
{
	struct content *content = part;

	if (!edit->changes->count)
		return;
	content_touch(content);
	transfer_history_add(content->history, edit->changes);
	notify_send(content->notify);
}

const struct content_observer content_history_observer = {.durable = remember};

/* ---- deliveries ---- */

static void deliver(void *part, const struct edit *edit)
{
	struct content *content = part;
	const bool is_withdrawal =
		edit->origin == EDIT_TAKE_BACK || edit->origin == EDIT_REJECTION;
	const struct delivery_sender sender = {
		.key = edit->op.request.key, .update = edit->op.request.update};
	const bool has_sender = edit->origin == EDIT_CLIENT && edit->ops;

	for (size_t i = 0; i < content->delivery_count; i++) {
		struct changeset *changes = edit->changes;

		if (i == 0 && edit->origin == EDIT_REJECTION)
			changes = edit->remnant;
		/* Changes of leases alone do not concern targets. */
		if (changes && changes->count)
			delivery_add(content->deliveries[i], edit->op.seq, changes,
				is_withdrawal, has_sender ? &sender : NULL);
		else
			delivery_pass(content->deliveries[i], edit->op.seq);
	}
	zone_thread_later(content->thread, &content->kick);
}

static void expect(void *part, const struct edit *edit)
{
	struct content *content = part;

	for (size_t i = 0; edit->changes->count && i < content->delivery_count; i++)
		delivery_expect(content->deliveries[i]);
}

const struct content_observer content_delivery_observer = {
	.committing = expect, .durable = deliver};

/* ---- transfers ---- */

static bool is_same_question(
	const struct transfer *transfer, const uint8_t *question, size_t len)
{
	const struct transfer_message *first = &transfer->messages[0];

	return first->len >= WIRE_HEADER_LEN + len &&
		!memcmp(first->octets + WIRE_HEADER_LEN, question, len);
}

/* Clients that ask for the same content share it. */
struct transfer *content_axfr(
	struct content *content, const uint8_t *question, size_t question_len)
{
	if (content->axfr && !is_same_question(content->axfr, question, question_len))
		content_touch(content);
	if (!content->axfr)
		content->axfr =
			transfer_new_axfr(content->mirror, question, question_len);
	return content->axfr ? transfer_ref(content->axfr) : NULL;
}

struct transfer *content_ixfr(struct content *content, uint32_t serial,
	const uint8_t *question, size_t question_len, size_t udp_limit)
{
	return transfer_new_ixfr(content->mirror, content->history, serial, question,
		question_len, udp_limit);
}
