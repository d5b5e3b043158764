/*
 * Group commit.  The store is used by this thread only, between journal_new and
 * journal_free.
 */
#include "gateway/journal/journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/journal/checkpoint.h"
#include "gateway/journal/record_writer.h"
#include "gateway/base/thread.h"
#include "zones/update.h"

enum {
	JOURNAL_GROUP_MAX = 4096, /* operations in one commit: limits how long it takes */
	JOURNAL_PRUNE_ROWS = 1000, /* rows that one JOURNAL_PRUNE looks at */
	JOURNAL_SEEN_US = 10000,   /* the files are in place if they were so recently */
};

struct journal {
	const struct store_ops *ops;
	struct store *store;
	struct checkpointer *checkpointer;
	char *path; /* of the database */
	struct queue work;
	pthread_t thread;
	struct queue_list failed;    /* of broken clients, taken with this group */
	struct journal_client *back; /* those with operations to give back */
	atomic_bool is_failing;
	struct record_writer records;
	struct queue_list written;          /* by it, in this group */
	uint64_t last_seq;                  /* the last number given out */
	atomic_uint_fast64_t committed_seq; /* ... in a group that was committed */
	int64_t seen_us;                    /* monotonic: the files were in place */
	bool is_missed; /* the files are gone, and this has been logged */
	/* files without a name contain what was refused: there is no way back */
	bool is_astray;
	atomic_uint generation;
	atomic_bool is_stopping;
	pthread_mutex_t error_lock;
	char error[STORE_ERROR_MAX]; /* under error_lock */
	/* struct journal_totals; written by the thread alone */
	atomic_uint_fast64_t commits, operations, failures, busy_us;
};

static void describe_request(const struct journal_request *request, struct store_row *row)
{
	if (request->id) {
		row->transaction = request->id;
		row->source.address = request->source;
		row->source.port = request->port;
		row->source.transport = request->is_tcp ? STORE_TCP : STORE_UDP;
	}
	if (request->key) {
		row->key = request->key;
		row->mac = request->mac;
		row->time_signed = request->time_signed;
	}
}

/* buf is for updates that the gateway made itself, or that are too long. */
static void describe_update(const struct journal_request *request, struct store_row *row,
	uint8_t buf[STORE_REQUEST_MAX])
{
	if (!request->update)
		return;
	if (request->octets && request->octets_len <= STORE_REQUEST_MAX) {
		row->request = request->octets;
		row->request_len = request->octets_len;
	} else {
		row->request = buf;
		row->request_len = update_encode(request->update, buf, STORE_REQUEST_MAX);
	}
}

static int append_row(struct journal *journal, const struct journal_op *op)
{
	uint8_t request[STORE_REQUEST_MAX];
	struct store_row row = {
		.seq = op->seq,
		.zone = op->zone,
		.at_ms = op->at_ms,
		.rcode = op->verdict.rcode,
		.reason = op->verdict.why[0] ? op->verdict.why : NULL,
		.changes = op->changes,
		.event = op->event,
		.host = op->host,
	};

	if (op->last) {
		row.key = op->last->key;
		row.source.address = op->last->source;
		row.seen_s = op->last->seen_s;
	}
	describe_request(&op->request, &row);
	describe_update(&op->request, &row, request);
	return journal->ops->append(journal->store, &row);
}

static bool is_same_row(const struct lease_record *a, const struct lease_record *b)
{
	return a->type == b->type && a->rdata_len == b->rdata_len &&
		(!a->rdata_len || !memcmp(a->rdata, b->rdata, a->rdata_len)) &&
		name_is_equal(a->owner, b->owner);
}

static int put_lease(
	struct journal *journal, int64_t zone, const struct lease_change *change)
{
	const struct store_ops *ops = journal->ops;
	int r = 0;

	/* RDATA that is equal (except for the case of a name) may be another row. */
	if (change->had && !(change->has && is_same_row(&change->before, &change->after)))
		r = ops->remove_lease(journal->store, zone, &change->before);
	if (!r && change->has)
		r = ops->put_lease(journal->store, zone, &change->after);
	return r;
}

static int put_leases(struct journal *journal, const struct journal_op *op,
	const struct lease_changes *leases)
{
	for (size_t i = 0; i < leases->count; i++) {
		int r = put_lease(journal, op->zone, &leases->changes[i]);
		if (r)
			return r;
	}
	return 0;
}

static int append_event(struct journal *journal, const struct journal_op *op)
{
	int r = append_row(journal, op);

	if (r || !op->last)
		return r;
	return journal->ops->note_seen(journal->store, op->zone, op->host, op->last);
}

/* Changes of leases alone are not a change set for targets. */
static int append(struct journal *journal, const struct journal_op *op)
{
	struct journal_op row = *op;
	int r;

	if (op->event)
		return append_event(journal, op);
	if (!op->changes || !op->changes->leases)
		return append_row(journal, op);
	if (!op->changes->count)
		row.changes = NULL;
	r = append_row(journal, &row);
	return r ? r : put_leases(journal, op, op->changes->leases);
}

/* No zone has this number. */
static int probe(struct journal *journal)
{
	static const uint8_t root[] = {0};
	const int r = journal->ops->put_hold(journal->store, 0, root, true);

	return r ? r : journal->ops->put_hold(journal->store, 0, root, false);
}

int64_t journal_prune_before_ms(const char *path, int64_t at_ms, int64_t now_ms)
{
	struct stat file;

	if (stat(path, &file) || file.st_size <= JOURNAL_FILE_MAX)
		return at_ms;
	return now_ms - JOURNAL_SHORT_MS > at_ms ? now_ms - JOURNAL_SHORT_MS : at_ms;
}

/* Not knowing it is not a failure. */
static int look(struct journal *journal, struct journal_op *op)
{
	if (journal->ops->used(journal->store, &op->used))
		op->used = 0;
	return 0;
}

static int put_cursor(struct journal *journal, const struct journal_op *op)
{
	const struct store_ops *ops = journal->ops;
	const int r = ops->put_cursor(journal->store, op->zone, op->target, op->seq);

	if (r || !op->belief.is_known)
		return r;
	return ops->put_belief(
		journal->store, op->zone, op->target, op->seq, &op->belief);
}

static int run(struct journal *journal, struct journal_op *op)
{
	const struct store_ops *ops = journal->ops;

	switch (op->kind) {
	case JOURNAL_ZONE:
		return ops->zone_id(journal->store, op->host, &op->zone);
	case JOURNAL_APPEND:
		op->seq = ++journal->last_seq;
		return append(journal, op);
	case JOURNAL_LEASES:
		return put_leases(journal, op, op->leases);
	case JOURNAL_HOLD:
		return ops->put_hold(journal->store, op->zone, op->host, op->is_held);
	case JOURNAL_BARRIER:
		return look(journal, op);
	case JOURNAL_PROBE:
		return probe(journal);
	case JOURNAL_OUTCOME:
		return ops->set_outcome(
			journal->store, op->seq, op->verdict.rcode, op->verdict.why);
	case JOURNAL_CURSOR:
		return put_cursor(journal, op);
	case JOURNAL_REACH:
		return ops->put_reach(journal->store, op->zone, op->target, op->seq);
	case JOURNAL_RECORDS: /* they have a list of their own */
		break;
	case JOURNAL_SET_ASIDE:
		return ops->set_aside(journal->store, op->zone, op->target, op->seq,
			op->at_ms, &op->verdict);
	case JOURNAL_DROP_ASIDE:
		return ops->drop_aside(journal->store, op->zone, op->target, op->seq);
	case JOURNAL_FORGET:
		return ops->forget_cursor(journal->store, op->zone, op->target);
	case JOURNAL_MELT:
		return ops->melt(journal->store, op->melting);
	case JOURNAL_PRUNE:
		return ops->prune(journal->store,
			journal_prune_before_ms(
				journal->path, op->at_ms, clock_real_ms()),
			op->seq, JOURNAL_PRUNE_ROWS, &op->seq);
	}
	return -EINVAL;
}

static void remember_error(struct journal *journal, int result)
{
	pthread_mutex_lock(&journal->error_lock);
	snprintf(journal->error, sizeof(journal->error), "%s",
		result == -ENOSPC ? "the disk is full"
				  : journal->ops->error(journal->store));
	pthread_mutex_unlock(&journal->error_lock);
}

/* ---- files that somebody removes ---- */

static int open_rescued(struct journal *journal)
{
	char error[STORE_ERROR_MAX];
	struct store *store;
	int r = journal->ops->open(&store, journal->path, error);

	if (r) {
		log_error("database %s: %s", journal->path, error);
		return r;
	}
	journal->ops->close(journal->store);
	journal->store = store;
	checkpointer_reopen(journal->checkpointer, journal->path);
	atomic_fetch_add(&journal->generation, 1);
	log_warning("database %s: its files were missing and have been written again; "
		    "nothing is lost",
		journal->path);
	return 0;
}

/* 0: the files are in place, maybe again. */
static int check_files(struct journal *journal)
{
	int r = journal->ops->check(journal->store);

	if (r != -ENOENT || journal->is_astray)
		return r;
	if (!journal->is_missed)
		log_error("database %s: removed while in use: %s", journal->path,
			journal->ops->error(journal->store));
	journal->is_missed = true;
	r = journal->ops->rescue(journal->store);
	if (!r)
		r = open_rescued(journal);
	journal->is_missed = r != 0;
	return r;
}

/* ---- groups ---- */

/* Must it not overtake records of its zone? */
static bool is_in_order(const struct journal *journal, const struct journal_op *op)
{
	return (op->kind == JOURNAL_CURSOR || op->kind == JOURNAL_SET_ASIDE ||
		       op->kind == JOURNAL_FORGET) &&
		record_writer_has(&journal->records, op->zone);
}

static int write_records(struct journal *journal, size_t limit)
{
	return record_writer_step(&journal->records, journal->ops, journal->store, limit,
		&journal->written);
}

static int run_in_transaction(struct journal *journal, const struct queue_list *group)
{
	int r = journal->ops->begin(journal->store);

	for (struct queue_node *node = group->head; !r && node; node = node->next) {
		struct journal_op *op = (struct journal_op *)(void *)node;

		if (is_in_order(journal, op))
			r = write_records(journal, SIZE_MAX);
		if (!r)
			r = run(journal, op);
	}
	if (!r)
		r = write_records(journal, RECORD_WRITER_STEP);
	if (!r)
		r = journal->ops->commit(journal->store);
	if (!r)
		atomic_store(&journal->committed_seq, journal->last_seq);
	else
		journal->last_seq = atomic_load(&journal->committed_seq);
	return r;
}

/* The files are checked before anything is called durable, and also before anything is
 * written, unless that was a moment ago: what goes to files without a name is lost if it
 * cannot be rescued. */
static int run_group(
	struct journal *journal, const struct queue_list *group, int64_t now_us)
{
	int r = now_us - journal->seen_us < JOURNAL_SEEN_US ? 0 : check_files(journal);

	if (!r)
		r = run_in_transaction(journal, group);
	if (!r) {
		r = check_files(journal);
		journal->is_astray = r != 0;
	}
	journal->seen_us = r ? 0 : now_us;
	if (!r)
		return 0;
	remember_error(journal, r);
	journal->ops->rollback(journal->store);
	return r;
}

static void add(atomic_uint_fast64_t *total, uint64_t number)
{
	atomic_fetch_add_explicit(total, number, memory_order_relaxed);
}

/* Some operations write nothing. */
static bool has_written(const struct queue_list *group)
{
	for (const struct queue_node *node = group->head; node; node = node->next) {
		const struct journal_op *op =
			(const struct journal_op *)(const void *)node;

		if (op->kind != JOURNAL_BARRIER && op->kind != JOURNAL_PRUNE)
			return true;
	}
	return false;
}

/* Changes of it are logged. */
static void note_result(
	struct journal *journal, const struct queue_list *group, int result)
{
	char error[STORE_ERROR_MAX];

	if (result) {
		if (atomic_exchange(&journal->is_failing, true))
			return;
		journal_last_error(journal, error);
		log_error("the database fails: %s; updates are refused until it works",
			error);
		return;
	}
	if (!atomic_load(&journal->is_failing) ||
		(!journal->written.head && !has_written(group)))
		return;
	atomic_store(&journal->is_failing, false);
	log_info("the database works again");
}

static int run_and_count(struct journal *journal, const struct queue_list *group)
{
	const int64_t began_us = clock_monotonic_us();
	int result = run_group(journal, group, began_us);

	note_result(journal, group, result);
	add(&journal->busy_us, (uint64_t)(clock_monotonic_us() - began_us));
	add(result ? &journal->failures : &journal->commits, 1);
	add(&journal->operations, result ? 0 : group->count + journal->written.count);
	return result;
}

/* Each goes to its client; all of a client's in one step. */
static void give_back(struct journal *journal, struct queue_list *ops, int result)
{
	struct queue_node *node;

	while ((node = queue_list_take(ops))) {
		struct journal_op *op = (struct journal_op *)(void *)node;
		struct journal_client *client = op->client;

		op->result = result;
		if (result)
			atomic_store(&client->is_broken, true);
		if (!client->back.head) {
			client->next_back = journal->back;
			journal->back = client;
		}
		queue_list_append(&client->back, node);
	}
}

static void push_back(struct journal *journal)
{
	struct journal_client *client;

	while ((client = journal->back)) {
		journal->back = client->next_back;
		queue_push(&client->done, &client->back);
	}
}

static void commit_group(struct journal *journal, struct queue_list *group)
{
	const bool is_any = group->head || !record_writer_is_idle(&journal->records);
	const int result = is_any ? run_and_count(journal, group) : 0;

	while (journal->written.head)
		queue_list_append(group, queue_list_take(&journal->written));
	if (result)
		record_writer_give_up(&journal->records, group);
	give_back(journal, group, result);
	give_back(journal, &journal->failed, -EIO);
	push_back(journal);
	if (is_any && !result)
		checkpointer_turn(journal->checkpointer, journal->store);
}

/* A broken client recovers only when it has all of its operations back, so all of them
 * are either here or there. */
static void take_group(
	struct journal *journal, struct queue_list *work, struct queue_list *group)
{
	struct queue_node *node;

	while (group->count < JOURNAL_GROUP_MAX && (node = queue_list_take(work))) {
		struct journal_op *op = (struct journal_op *)(void *)node;

		if (atomic_load_explicit(&op->client->is_broken, memory_order_relaxed))
			queue_list_append(&journal->failed, node);
		else if (op->kind == JOURNAL_RECORDS)
			record_writer_add(&journal->records, op);
		else
			queue_list_append(group, node);
	}
}

static void *journal_main(void *arg)
{
	struct journal *journal = arg;
	struct queue_list work, group;
	bool is_last;

	queue_list_init(&group);
	for (;;) {
		queue_list_init(&work);
		if (record_writer_is_idle(&journal->records))
			queue_wait(&journal->work);
		/* Before the work is taken: whatever was submitted before journal_stop is
		 * in it then. */
		is_last = atomic_load(&journal->is_stopping);
		queue_take_all(&journal->work, &work);
		do {
			take_group(journal, &work, &group);
			commit_group(journal, &group);
		} while (work.head);
		if (is_last && record_writer_is_idle(&journal->records))
			return NULL;
	}
}

int journal_client_init(struct journal_client *client)
{
	atomic_init(&client->is_broken, false);
	queue_list_init(&client->back);
	client->next_back = NULL;
	return queue_init(&client->done);
}

void journal_client_clear(struct journal_client *client)
{
	queue_clear(&client->done);
}

void journal_pass_seq(struct journal *journal, uint64_t seq)
{
	if (seq > journal->last_seq)
		journal->last_seq = seq;
	atomic_store(&journal->committed_seq, journal->last_seq);
}

static int open_store(
	struct journal *journal, const char *path, char error[STORE_ERROR_MAX])
{
	const struct store_ops *ops = journal->ops;
	uint64_t last_seq;
	int r;

	error[0] = '\0';
	journal->path = strdup(path);
	r = journal->path ? ops->open(&journal->store, path, error) : -ENOMEM;
	if (r)
		return r;
	r = ops->last_seq(journal->store, &last_seq);
	if (r) {
		snprintf(error, STORE_ERROR_MAX, "%s", ops->error(journal->store));
		ops->close(journal->store);
		return r;
	}
	journal_pass_seq(journal, last_seq ? last_seq : 1);
	return 0;
}

int journal_new(struct journal **ret_journal, const struct store_ops *ops,
	const char *path, char error[STORE_ERROR_MAX])
{
	struct journal *journal = calloc(1, sizeof(*journal));
	int r;

	if (!journal)
		return -ENOMEM;
	journal->ops = ops;
	record_writer_init(&journal->records);
	queue_list_init(&journal->written);
	queue_list_init(&journal->failed);
	pthread_mutex_init(&journal->error_lock, NULL);
	r = open_store(journal, path, error);
	if (r)
		goto no_store;
	r = checkpointer_new(&journal->checkpointer, ops, path, error);
	if (r)
		goto no_checkpointer;
	r = queue_init(&journal->work);
	if (r)
		goto no_queue;
	r = thread_start(&journal->thread, "journal", journal_main, journal);
	if (r)
		goto no_thread;
	*ret_journal = journal;
	return 0;

no_thread:
	queue_clear(&journal->work);
no_queue:
	checkpointer_free(journal->checkpointer);
no_checkpointer:
	ops->close(journal->store);
no_store:
	pthread_mutex_destroy(&journal->error_lock);
	free(journal->path);
	free(journal);
	return r;
}

void journal_stop(struct journal *journal)
{
	if (atomic_exchange(&journal->is_stopping, true))
		return;
	queue_wake(&journal->work);
	pthread_join(journal->thread, NULL);
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	journal_stop(journal);
	queue_clear(&journal->work);
	checkpointer_free(journal->checkpointer);
	journal->ops->close(journal->store);
	pthread_mutex_destroy(&journal->error_lock);
	free(journal->path);
	free(journal);
}

void journal_submit(struct journal *journal, struct queue_list *ops)
{
	queue_push(&journal->work, ops);
}

unsigned journal_generation(const struct journal *journal)
{
	return atomic_load(&journal->generation);
}

uint64_t journal_last_seq(const struct journal *journal)
{
	return atomic_load(&journal->committed_seq);
}

void journal_resume(struct journal_client *client)
{
	atomic_store(&client->is_broken, false);
}

bool journal_is_failing(const struct journal *journal)
{
	return atomic_load(&journal->is_failing);
}

struct journal_totals journal_totals(const struct journal *journal)
{
	return (struct journal_totals){
		.commits = atomic_load(&journal->commits),
		.operations = atomic_load(&journal->operations),
		.failures = atomic_load(&journal->failures),
		.busy_us = atomic_load(&journal->busy_us),
	};
}

void journal_last_error(struct journal *journal, char ret_error[STORE_ERROR_MAX])
{
	pthread_mutex_lock(&journal->error_lock);
	memcpy(ret_error, journal->error, sizeof(journal->error));
	pthread_mutex_unlock(&journal->error_lock);
}
