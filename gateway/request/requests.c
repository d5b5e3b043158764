/*
 * What all requests of a zone thread share: their memory, and the way back.
 */
#include "gateway/request/requests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"

/* ---- the memory of requests ---- */

struct restoring {
	struct replay *replay;
	int64_t now_s;
};

static void restore_mac(const uint8_t *key, const uint8_t *mac, uint64_t time_signed,
	uint16_t rcode, void *arg)
{
	const struct restoring *restoring = arg;

	if (rcode == RCODE_SERVFAIL)
		return;
	replay_restore(restoring->replay, key, mac, time_signed, rcode, restoring->now_s);
}

/* What was in progress became durable, or not. */
static int settle(struct requests *requests, int64_t now_s)
{
	const struct zone_thread *thread = requests->thread;
	struct replay *replay = requests->replay;
	struct restoring restoring = {.replay = replay, .now_s = now_s};
	uint64_t since;
	int r = 0;

	/* Only a database without a history has none that could be repeated. */
	if (thread->is_older || (!replay_is_whole(replay) && thread->last_seq > 1))
		replay_distrust(replay, now_s);
	if (replay_wants_journal(replay, now_s, &since))
		r = thread->store_ops->each_mac(
			thread->store, since, restore_mac, &restoring);
	if (!r)
		replay_settle(replay);
	return r;
}

static int open_replay(
	struct requests *requests, const char *database, unsigned window_s, int64_t now_s)
{
	char boot[64] = "", *path;
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	int r;

	if (asprintf(&path, "%s-replay", database) < 0)
		path = NULL;
	if (file && !fgets(boot, sizeof(boot), file))
		boot[0] = '\0';
	if (file)
		fclose(file);
	r = path ? replay_new(&requests->replay, path, boot[0] ? boot : NULL, REPLAY_MAX,
			   window_s, now_s)
		 : -ENOMEM;
	if (r)
		log_error("%s-replay: %s", database, strerror(-r));
	free(path);
	return r;
}

int requests_open(
	struct requests *requests, struct zone_thread *thread, unsigned max_fudge_s)
{
	const int64_t now_s = turn_real_ms(&thread->time) / 1000;
	int r;

	requests->thread = thread;
	requests->seen = seen_new(&thread->target_env.seed);
	if (!requests->seen)
		return -ENOMEM;
	r = open_replay(requests, thread->database, max_fudge_s, now_s);
	if (r)
		return r;
	r = settle(requests, now_s);
	if (r)
		log_error("database %s: %s", thread->database,
			thread->store_ops->error(thread->store));
	return r;
}

void requests_close(struct requests *requests)
{
	replay_free(requests->replay);
	seen_free(requests->seen);
}

void requests_place_files(struct requests *requests)
{
	replay_place_file(requests->replay);
}

void requests_flush(struct requests *requests)
{
	replay_flush(requests->replay);
}

/* ---- answers ---- */

int requests_add_mailbox(struct requests *requests, struct mailbox *mailbox)
{
	struct requests_outbox *outbox;

	if (mailbox->number >= REQUESTS_MAILBOXES)
		return -ENOSPC;
	outbox = &requests->outboxes[mailbox->number];
	outbox->to = mailbox;
	queue_list_init(&outbox->answers);
	if (requests->outbox_count <= mailbox->number)
		requests->outbox_count = mailbox->number + 1;
	return 0;
}

void requests_send(struct requests *requests)
{
	for (size_t i = 0; i < requests->outbox_count; i++) {
		struct requests_outbox *outbox = &requests->outboxes[i];

		if (outbox->to)
			queue_push(&outbox->to->queue, &outbox->answers);
	}
}

static void give_back(struct requests *requests, struct request *request)
{
	struct requests_outbox *outbox = &requests->outboxes[request->reply->number];

	request_set_state(request, REQUEST_ANSWERED);
	queue_list_append(&outbox->answers, &request->node);
}

static void remember_answer(struct replay *replay, struct request *request)
{
	if (!request->replay)
		return;
	/* A passing fault is no answer to repeat: clients try again with the same octets.
	 */
	if (request->verdict.rcode == RCODE_SERVFAIL)
		replay_forget(replay, request->replay);
	else
		replay_answer(replay, request->replay, &request->verdict);
}

void requests_answer(struct requests *requests, struct request *request)
{
	struct request *twin = request->twins, *next;

	remember_answer(requests->replay, request);
	if (!verdict_is_ok(&request->verdict))
		request_log_refusal(request);
	for (; twin; twin = next) {
		next = twin->next_twin;
		twin->verdict = request->verdict;
		give_back(requests, twin);
	}
	request->twins = NULL;
	give_back(requests, request);
}
