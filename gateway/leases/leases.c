/*
 * The leases of a zone: opening them, their alarm, and what loads do to them
 * (leases.h).
 */
#include "gateway/leases/leases.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"

/* ---- time ---- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Monotonic; ALARM_NEVER: never.  Reads the clock only if there are leases. */
static int64_t next_due(struct zone_leases *leases, int64_t monotonic_ms)
{
	const struct content *content = leases->content;
	int64_t due_ms;

	if (content->is_closing || content->thread->is_over)
		return ALARM_NEVER;
	if (leases->is_sweeping && content->mirror)
		return monotonic_ms;
	due_ms = earlier(
		leases_expire_due(leases, monotonic_ms), leases_retry_due(leases));
	if (lease_table_count(leases->table))
		due_ms = earlier(due_ms, monotonic_ms + SERVICE_TICK_MS);
	return due_ms;
}

/* An alarm that comes too early does no harm: it looks again for what is due. */
void leases_wake(struct zone_leases *leases)
{
	const int64_t now_ms = turn_monotonic_ms(&leases->content->thread->time);

	alarm_set_earlier(&leases->alarm, next_due(leases, now_ms));
}

/* ---- records that loads took away ---- */

/* After a start, the key of the lease is the only known holder of the name. */
static void hold_name(const struct lease *lease, void *arg)
{
	const struct zone_leases *leases = arg;
	struct lease_record record;

	lease_describe(leases->table, lease, &record);
	if (!(record.flags & LEASE_DERIVED))
		(void)!zone_hold(leases->content->mirror, record.owner, record.key);
}

static void sweep_page(struct zone_leases *leases)
{
	const struct content *content = leases->content;
	struct lease_changes *changes;

	if (!leases->is_sweeping || !content->mirror)
		return;
	(void)lease_table_scan(
		leases->table, leases->sweep_cursor, LEASES_STEP, hold_name, leases);
	if (lease_sweep(leases->table, content->mirror, &leases->sweep_cursor,
		    LEASES_STEP, &changes))
		return; /* no memory: the next turn tries again */
	leases->is_sweeping = leases->sweep_cursor != 0;
	if (!changes->count) {
		lease_changes_free(changes);
		return;
	}
	log_info("zone %s: %zu %s ended because %s gone", content->text, changes->count,
		PLURAL(changes->count, "lease"),
		changes->count == 1 ? "its record is" : "their records are");
	leases_write(leases, changes);
}

void leases_sweep(struct zone_leases *leases)
{
	leases->is_sweeping = lease_table_count(leases->table) > 0;
	leases->sweep_cursor = 0;
	leases_wake(leases);
}

/* ---- what happens to the content ---- */

static void on_followed(void *part, struct changeset *changes, bool is_kept)
{
	struct zone_leases *leases = part;

	if (!is_kept)
		leases_sweep(leases);
	if (lease_follow(leases->table, leases->content->mirror, changes))
		leases_sweep(leases); /* which finds the same */
	else
		leases_write_ends(leases, changes);
}

static void on_loaded(void *part)
{
	leases_sweep(part);
}

static void on_accepted(void *part, const struct content_request *request,
	const struct changeset *changes)
{
	(void)request;
	(void)changes;
	leases_wake(part);
}

static void on_committing(void *part, const struct edit *edit)
{
	(void)edit;
	leases_wake(part);
}

static void on_down(void *part)
{
	leases_expiry_down(part);
}

static void on_undone(void *part)
{
	leases_wake(part);
}

static void on_opened(void *part)
{
	leases_wake(part);
}

const struct content_observer leases_observer = {
	.loaded = on_loaded,
	.followed = on_followed,
	.accepted = on_accepted,
	.committing = on_committing,
	.undone = on_undone,
	.down = on_down,
	.opened = on_opened,
};

/* ---- life ---- */

static void on_alarm(void *arg)
{
	struct zone_leases *leases = arg;
	const int64_t now_ms = turn_monotonic_ms(&leases->content->thread->time);

	if (leases->content->is_closing)
		return;
	(void)content_service_ms(leases->content);
	sweep_page(leases);
	leases_expire(leases, now_ms);
	leases_retry(leases, now_ms);
	leases_wake(leases);
}

struct reading {
	struct lease_table *table;
	struct reader_job *job;
};

/* A zone may have very many. */
static int check_wanted(const struct reading *reading)
{
	return atomic_load(&reading->job->is_given_up) ? -ECANCELED : 0;
}

/*
 * After a start every lease runs anew, in service time that begins at 0: heartbeats are
 * not stored, and went unheard in the meantime.  No host is removed because of what we
 * missed; one that is gone stays that much longer.
 */
static int read_lease(const struct lease_record *stored, void *arg)
{
	const struct reading *reading = arg;
	struct lease_record record = *stored;
	const int r = check_wanted(reading);

	record.deadline_ms = (int64_t)record.duration_s * 1000;
	return r ? r : lease_table_load(reading->table, &record);
}

static int read_hold(const uint8_t *owner, void *arg)
{
	const struct reading *reading = arg;
	int r = check_wanted(reading);

	if (!r)
		r = lease_hold(reading->table, owner);
	return r == -EALREADY ? 0 : r;
}

int leases_read(struct lease_table *table, struct reader_job *job, int64_t zone,
	const struct store_ops *ops, struct store *store)
{
	struct reading reading = {.table = table, .job = job};
	const int r = ops->each_lease(store, zone, read_lease, &reading);

	return r ? r : ops->each_hold(store, zone, read_hold, &reading);
}

void leases_open(struct zone_leases *leases, struct content *content,
	struct lease_table *table, struct actions *actions,
	const struct lease_hooks *hooks)
{
	leases->content = content;
	leases->actions = actions;
	leases->hooks = *hooks;
	STAILQ_INIT(&leases->unstored);
	alarm_init(&leases->alarm, &content->thread->alarms, on_alarm, leases);
	leases->table = table;
	content->leases = table;
	lease_table_on_event(table, leases_on_event, leases);
	leases_configure(leases);
	if (lease_table_count(table))
		log_info("zone %s: %zu %s", content->text, lease_table_count(table),
			PLURAL(lease_table_count(table), "lease"));
}

void leases_configure(struct zone_leases *leases)
{
	/* Without a brake nothing is braked any more. */
	if (!leases->content->rules->expiry.brake_count && lease_is_braked(leases->table))
		lease_release_brake(leases->table, content_service_ms(leases->content));
	leases_wake(leases);
}

void leases_close(struct zone_leases *leases)
{
	if (!leases->content)
		return;
	leases_forget_unstored(leases);
	alarm_stop(&leases->alarm);
	lease_table_free(leases->table);
}
