/*
 * What all requests of a zone thread share: the memory of requests, and the way back.
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
	uint64_t since; /* requests signed at or after this */
};

static void restore_mac(const uint8_t *key, const uint8_t *mac, uint64_t time_signed,
	uint16_t rcode, void *arg)
{
	const struct restoring *restoring = arg;

	if (rcode == RCODE_SERVFAIL)
		return;
	replay_restore(restoring->replay, key, mac, time_signed, rcode, restoring->now_s);
}

static int restore(const struct store_ops *ops, struct store *store, void *arg)
{
	const struct restoring *restoring = arg;

	return ops->each_mac(store, restoring->since, restore_mac, arg);
}

/* Requests that were in progress became durable, or did not. */
static int settle(struct replay *replay, struct database *database, int64_t now_s)
{
	struct restoring restoring = {.replay = replay, .now_s = now_s};
	int r = 0;

	/* Only a database without a history contains no request that could be
	 * repeated. */
	if (database->is_older ||
		(!replay_is_whole(replay) && journal_last_seq(database->journal) > 1))
		replay_distrust(replay, now_s);
	if (replay_wants_journal(replay, now_s, &restoring.since))
		r = database_read(database, restore, &restoring);
	if (!r)
		replay_settle(replay);
	return r;
}

static int open_file(struct replay **ret_replay, const char *database, uint32_t places,
	unsigned window_s, int64_t now_s)
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
	r = path ? replay_new(ret_replay, path, boot[0] ? boot : NULL, places, window_s,
			   now_s)
		 : -ENOMEM;
	if (r)
		log_error("%s-replay: %s", database, strerror(-r));
	free(path);
	return r;
}

int requests_open_memory(struct replay **ret_replay, struct database *database,
	uint32_t places, unsigned max_fudge_s, int64_t now_s)
{
	int r = open_file(ret_replay, database->path, places, max_fudge_s, now_s);

	if (r)
		return r;
	r = settle(*ret_replay, database, now_s);
	if (r) {
		replay_free(*ret_replay);
		*ret_replay = NULL;
	}
	return r;
}

int requests_open(
	struct requests *requests, struct zone_thread *thread, struct replay *replay)
{
	requests->thread = thread;
	requests->replay = replay;
	requests->seen = seen_new(&thread->target_env.seed);
	return requests->seen ? 0 : -ENOMEM;
}

void requests_close(struct requests *requests)
{
	seen_free(requests->seen);
}

void requests_set_fudge(struct requests *requests, unsigned max_fudge_s)
{
	replay_lock(requests->replay);
	replay_set_window(
		requests->replay, max_fudge_s, turn_real_s(&requests->thread->time));
	replay_unlock(requests->replay);
}

void requests_place_files(struct requests *requests)
{
	replay_lock(requests->replay);
	replay_place_file(requests->replay);
	replay_unlock(requests->replay);
}

void requests_flush(struct requests *requests)
{
	replay_lock(requests->replay);
	replay_flush(requests->replay);
	replay_unlock(requests->replay);
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

	/* Only once, so that it is never in two lists. */
	if (request_set_state(request, REQUEST_ANSWERED))
		queue_list_append(&outbox->answers, &request->node);
}

static void remember_answer(struct replay *replay, struct request *request)
{
	/* Nothing else is ever looked up there, and the lock is for all zone threads. */
	if (request->kind != REQUEST_UPDATE)
		return;
	replay_lock(replay);
	/* A passing fault must not be repeated as an answer: clients try again with the
	 * same octets. */
	if (request->replay && request->verdict.rcode == RCODE_SERVFAIL)
		replay_forget(replay, request->replay);
	else if (request->replay)
		replay_answer(replay, request->replay, &request->verdict);
	replay_unlock(replay);
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

void requests_refuse(
	struct requests *requests, struct request *request, struct verdict verdict)
{
	request->verdict = verdict;
	requests_answer(requests, request);
}

void requests_answer_query(struct requests *requests, struct dns_request *dns, size_t len)
{
	dns->answer = malloc(len);
	if (!dns->answer) {
		requests_refuse(requests, &dns->request, verdict_no_memory());
		return;
	}
	memcpy(dns->answer, requests->answer, len);
	dns->answer_len = len;
	requests_answer(requests, &dns->request);
}
