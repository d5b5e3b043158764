/*
 * Publishing to one zone.
 *
 * An attempt is a stack of ranges of the ledger: at first one, all of it.  A message
 * takes as much of the range on top as fits.  A refused message is split in two until the
 * RRset that the server does not want stands alone.
 *
 * Limits: RANGES_MAX levels of splitting (enough for 2^30 RRsets); after REFUSALS_MAX
 * refusals in a row nothing more is tried one by one.
 */
#include "agent/publish/publisher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/publish/message.h"
#include "agent/publish/schedule.h"
#include "gateway/base/alarm.h"
#include "gateway/base/log.h"
#include "tsig/plural.h"

enum {
	RANGES_MAX = 32,
	REFUSALS_MAX = 16, /* so that a policy which allows nothing is noticed soon */
};

struct range {
	size_t first, end; /* of the ledger's entries */
};

struct publisher {
	struct alarms *alarms;
	const struct config *config;
	struct gateways *gateways;
	size_t gateway;
	uint8_t zone[NAME_MAX_LEN];
	char zone_text[NAME_TEXT_MAX];
	publisher_told *told;
	void *arg;
	struct ledger ledger;
	struct alarm alarm;
	struct errand *errand;  /* NULL: no update is under way */
	struct records pending; /* wanted next, once the update is answered */
	bool has_pending;
	bool is_known;   /* publisher_want has been called */
	bool is_started; /* the initial delay is over */
	bool is_withdrawing;
	bool is_refresh_only; /* the attempt */
	int64_t start_ms;
	int64_t change_first_ms, change_last_ms; /* of a change not sent yet */
	int64_t sent_ms;                         /* the last change; INT64_MIN: none */
	int64_t failed_ms;                       /* the first of the failures in a row */
	int64_t retry_ms;                        /* SCHEDULE_NEVER: no failure */
	struct range ranges[RANGES_MAX];
	size_t range_count;
	struct range under_way;
	unsigned refusals_in_row;
	char told_word[OUTCOME_SHORT_MAX]; /* the failure that was logged last */
	struct publisher_status status;
};

static void attempt(struct publisher *p);
static void send_next(struct publisher *p);

static int64_t read_clock(const struct publisher *p)
{
	return turn_monotonic_ms(p->alarms->clock);
}

static uint32_t draw(const struct publisher *p)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint32_t)read_clock(p) * 2654435761U;
	return random;
}

/* ---- when ---- */

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t find_due(const struct publisher *p, int64_t now_ms)
{
	const struct ledger *ledger = &p->ledger;
	int64_t due_ms = SCHEDULE_NEVER;

	if (!p->is_known)
		return SCHEDULE_NEVER;
	if (!p->is_started)
		return p->start_ms;
	if (p->retry_ms != SCHEDULE_NEVER)
		return p->retry_ms;
	/* A refused record that may be tried again is no new change, and has no time of
	 * one: it counts as changed now. */
	if (ledger_is_changed(ledger, now_ms))
		due_ms = schedule_change(earliest(p->change_first_ms, now_ms),
			earliest(p->change_last_ms, now_ms), p->sent_ms,
			ledger_is_removal_only(ledger, now_ms));
	due_ms = earliest(due_ms, ledger_next_refresh(ledger));
	return earliest(due_ms, ledger_next_refused(ledger));
}

static void reschedule(struct publisher *p)
{
	if (p->errand || p->is_withdrawing)
		return;
	p->status.next_ms = find_due(p, read_clock(p));
	alarm_set(&p->alarm, p->status.next_ms);
}

static void on_alarm(void *arg)
{
	struct publisher *p = arg;

	p->is_started = true;
	attempt(p);
}

/* ---- the end of an attempt ---- */

static void apply_pending(struct publisher *p)
{
	struct records pending = p->pending;

	if (!p->has_pending)
		return;
	p->pending = (struct records){0};
	p->has_pending = false;
	if (publisher_want(p, &pending))
		log_error("zone %s: out of memory: a change of the sources is lost until "
			  "the next one",
			p->zone_text);
	records_clear(&pending);
}

static void end_attempt(struct publisher *p)
{
	ledger_unpick(&p->ledger);
	ledger_sweep(&p->ledger);
	p->range_count = 0;
	errand_free(p->errand);
	p->errand = NULL;
	apply_pending(p);
	reschedule(p);
	p->told(p->arg, p, PUBLISHER_DONE);
}

static bool is_power_of_two(unsigned n)
{
	return (n & (n - 1)) == 0;
}

static void log_failure(struct publisher *p, const struct outcome *outcome)
{
	const char *advice = outcome->advice ? outcome->advice : "";

	/* A repeated failure is logged the 1st, 2nd, 4th, 8th time, and so on. */
	if (!strcmp(p->told_word, outcome->word) &&
		!is_power_of_two(p->status.failures)) {
		log_debug("zone %s: not updated: gateway %s: %s", p->zone_text,
			p->status.gateway, outcome->text);
		return;
	}
	snprintf(p->told_word, sizeof(p->told_word), "%s", outcome->word);
	log_error("zone %s: not updated (attempt %u): gateway %s: %s%s%s", p->zone_text,
		p->status.failures, p->status.gateway, outcome->text,
		advice[0] ? "; " : "", advice);
}

static void note_answer(struct publisher *p, const struct errand_result *result)
{
	snprintf(p->status.answer, sizeof(p->status.answer), "%s", result->outcome.text);
	p->status.answered_s = turn_real_s(p->alarms->clock);
	p->status.has_tried = true;
}

/* When a gateway that was away comes back, all of its leases run anew: a retry has to
 * come before they end. */
static int64_t limit_pause(const struct publisher *p, int64_t pause_ms)
{
	const uint32_t lease_s =
		p->status.lease_s ? p->status.lease_s : p->config->lease_s;

	return ledger_count_sent(&p->ledger)
		? earliest(pause_ms, schedule_longest_absence(lease_s))
		: pause_ms;
}

static void set_retry(struct publisher *p)
{
	const int64_t now_ms = read_clock(p);
	const int64_t expires_ms = ledger_next_expiry(&p->ledger);
	const int64_t refresh_ms = ledger_next_refresh(&p->ledger);
	const int64_t pause_ms = schedule_backoff(p->status.failures, false, draw(p));
	const int64_t backoff_ms = now_ms + limit_pause(p, pause_ms);

	if (refresh_ms > now_ms) {
		p->retry_ms = earliest(backoff_ms, refresh_ms);
		return;
	}
	p->retry_ms = schedule_retry_refresh(
		now_ms, p->failed_ms, expires_ms, p->status.failures, draw(p));
	p->retry_ms = now_ms + limit_pause(p, p->retry_ms - now_ms);
	if (!p->is_refresh_only)
		p->retry_ms = earliest(p->retry_ms, backoff_ms);
}

/* The state file already says what the log says. */
static void fail(struct publisher *p, const struct outcome *outcome)
{
	const struct outcome copy = *outcome; /* the errand's goes with it */

	p->status.is_ok = false;
	if (p->status.failures++ == 0)
		p->failed_ms = read_clock(p);
	set_retry(p);
	end_attempt(p);
	log_failure(p, &copy);
}

static void succeed(struct publisher *p)
{
	const bool is_news = p->status.failures > 0 || !p->is_refresh_only;

	p->status.failures = 0;
	p->retry_ms = SCHEDULE_NEVER;
	p->told_word[0] = '\0';
	ledger_sweep(&p->ledger);
	/* If something was refused earlier and still waits, not all is well. */
	p->status.is_ok = ledger_is_complete(&p->ledger);
	const bool is_told = p->status.is_ok && is_news;
	const size_t count = ledger_count_held(&p->ledger);
	end_attempt(p);
	if (is_told)
		log_info("zone %s: its records are published at %s: %zu %s", p->zone_text,
			p->status.gateway, count, PLURAL(count, "record"));
}

/* ---- refusals ---- */

static size_t find_rrset_end(const struct ledger *ledger, size_t i, size_t end)
{
	const struct record *record = &ledger->entries[i].record;

	while (i < end && record_is_same_rrset(&ledger->entries[i].record, record))
		i++;
	return i;
}

static bool is_one_owner(const struct ledger *ledger, struct range range)
{
	return name_is_equal(ledger->entries[range.first].record.owner,
		ledger->entries[range.end - 1].record.owner);
}

/* An alias and what stood in its place, or takes it, belong together (RFC 2136
 * 3.4.2.2). */
static bool has_alias(const struct ledger *ledger, struct range range)
{
	for (size_t i = range.first; i < range.end; i++)
		if (ledger->entries[i].is_picked &&
			ledger->entries[i].record.type == TYPE_CNAME)
			return true;
	return false;
}

/* Without the entries at both ends that are not picked. */
static struct range trim(const struct ledger *ledger, struct range range)
{
	while (range.first < range.end && !ledger->entries[range.first].is_picked)
		range.first++;
	while (range.end > range.first && !ledger->entries[range.end - 1].is_picked)
		range.end--;
	return range;
}

/* Where to cut a range in two, between owners or, if there is but one, between its
 * RRsets; 0: it cannot be cut. */
static size_t find_middle(const struct ledger *ledger, struct range range)
{
	const size_t half = range.first + (range.end - range.first) / 2;
	const bool by_owner = !is_one_owner(ledger, range);
	size_t cut = 0;

	if (!by_owner && has_alias(ledger, range))
		return 0;
	for (size_t i = find_rrset_end(ledger, range.first, range.end); i < range.end;
		i = find_rrset_end(ledger, i, range.end)) {
		if (by_owner &&
			name_is_equal(ledger->entries[i - 1].record.owner,
				ledger->entries[i].record.owner))
			continue;
		cut = i;
		if (i >= half)
			break;
	}
	return cut;
}

static void refuse(struct publisher *p, struct range range, const struct outcome *outcome)
{
	struct ledger *ledger = &p->ledger;
	const struct ledger_entry *first = &ledger->entries[range.first];
	const int64_t pause_ms = schedule_backoff(first->refusals + 1, true, draw(p));
	char text[RECORD_TEXT_MAX], next[64] = "it is not tried again";

	if (ledger_refuse(ledger, range.first, range.end, read_clock(p) + pause_ms))
		snprintf(next, sizeof(next), "next try in %lld s",
			(long long)(pause_ms / 1000));
	p->status.is_ok = false;
	p->told(p->arg, p, PUBLISHER_REFUSED);
	log_error("zone %s: gateway %s does not %s %s%s: %s; %s; %s", p->zone_text,
		p->status.gateway, first->is_wanted ? "take" : "remove",
		record_to_text(&first->record, text),
		range.end - range.first > 1 ? " and others" : "", outcome->text,
		outcome->advice ? outcome->advice : "", next);
}

static void handle_refusal(struct publisher *p, const struct outcome *outcome)
{
	const struct range range = trim(&p->ledger, p->under_way);
	const size_t middle = find_middle(&p->ledger, range);

	if (middle && ++p->refusals_in_row < REFUSALS_MAX &&
		p->range_count + 2 <= RANGES_MAX) {
		p->ranges[p->range_count++] = (struct range){middle, range.end};
		p->ranges[p->range_count++] = (struct range){range.first, middle};
		return;
	}
	refuse(p, range, outcome);
}

/* ---- sending ---- */

static void handle_ok(struct publisher *p, const struct errand_result *result)
{
	const int64_t now_ms = read_clock(p);
	uint32_t lease_s = p->config->lease_s;

	/* RFC 9664 4.2: what the server grants; without an option, as if it had granted
	 * what was asked for. */
	p->status.is_lease_granted = message_read_lease(result->msg, result->m, &lease_s);
	p->status.lease_s = lease_s;
	p->refusals_in_row = 0;
	ledger_acknowledge(&p->ledger, p->under_way.first, p->under_way.end,
		&(struct ledger_lease){
			.refresh_ms = now_ms + schedule_refresh_delay(lease_s, draw(p)),
			.expires_ms = now_ms + INT64_C(1000) * lease_s,
			.is_granted = p->status.is_lease_granted,
		});
}

static void on_done(void *arg, const struct errand_result *result)
{
	struct publisher *p = arg;

	note_answer(p, result);
	switch (result->outcome.kind) {
	case OUTCOME_OK:
		handle_ok(p, result);
		break;
	case OUTCOME_REFUSED:
		handle_refusal(p, &result->outcome);
		break;
	default:
		fail(p, &result->outcome);
		return;
	}
	/* The changes come with the next update. */
	if (p->has_pending && !p->is_withdrawing)
		p->range_count = 0;
	send_next(p);
}

static bool start_errand(struct publisher *p, const uint8_t *octets, size_t len)
{
	const struct errand_request request = {
		.octets = octets,
		.len = len,
		.family = AF_UNSPEC,
		.gateway = (int)p->gateway,
		.done = on_done,
		.arg = p,
	};

	errand_free(p->errand);
	p->errand = errand_start(p->gateways, &request);
	p->status.updates++;
	return p->errand != NULL;
}

/* Does the message hold records that were never sent before? */
static bool has_unsent(const struct ledger *ledger, struct range range)
{
	for (size_t i = range.first; i < range.end; i++) {
		const struct ledger_entry *entry = &ledger->entries[i];

		if (entry->is_picked && !entry->is_sent && entry->record.len)
			return true;
	}
	return false;
}

/* Composes the next message.  Its length in octets; 0: there is none; -ENOMEM. */
static ssize_t compose(struct publisher *p, uint8_t *buf)
{
	while (p->range_count > 0) {
		const struct range range = p->ranges[--p->range_count];
		size_t end;
		const ssize_t len = message_write_update(buf, MESSAGE_CAP, p->zone,
			&p->ledger, range.first, range.end, p->config->lease_s, &end);
		if (!len)
			continue;
		if (len < 0)
			return len;
		if (end < range.end)
			p->ranges[p->range_count++] = (struct range){end, range.end};
		p->under_way = (struct range){range.first, end};
		return len;
	}
	return 0;
}

static void send_next(struct publisher *p)
{
	static const struct outcome no_memory = {
		.kind = OUTCOME_NEXT, .word = "memory", .text = "out of memory here"};
	uint8_t *buf = malloc(MESSAGE_CAP);
	const ssize_t len = buf ? compose(p, buf) : -ENOMEM;
	bool is_new;

	if (len <= 0) {
		free(buf);
		if (len)
			fail(p, &no_memory);
		else
			succeed(p);
		return;
	}
	is_new = has_unsent(&p->ledger, p->under_way);
	ledger_mark_sent(&p->ledger, p->under_way.first, p->under_way.end);
	if (is_new)
		p->told(p->arg, p, PUBLISHER_SENDING);
	if (!start_errand(p, buf, (size_t)len))
		fail(p, &no_memory);
	free(buf);
}

static void begin(struct publisher *p)
{
	p->refusals_in_row = 0;
	p->ranges[0] = (struct range){0, p->ledger.count};
	p->range_count = 1;
	send_next(p);
}

static void attempt(struct publisher *p)
{
	const int64_t now_ms = read_clock(p);

	if (p->is_withdrawing) {
		ledger_pick_withdrawal(&p->ledger);
	} else if (!ledger_pick(&p->ledger, now_ms)) {
		p->retry_ms = SCHEDULE_NEVER;
		ledger_sweep(&p->ledger);
		p->status.is_ok = ledger_is_complete(&p->ledger);
		end_attempt(p);
		return;
	}
	p->is_refresh_only = !ledger_has_picked_change(&p->ledger);
	const bool is_refresh = ledger_next_refresh(&p->ledger) <= now_ms;
	if (!p->is_refresh_only)
		p->sent_ms = now_ms;
	p->change_first_ms = SCHEDULE_NEVER;
	begin(p);
	if (is_refresh && !p->is_withdrawing)
		p->told(p->arg, p, PUBLISHER_REFRESHING);
}

/* ---- the interface ---- */

int publisher_want(struct publisher *p, const struct records *records)
{
	const int64_t now_ms = read_clock(p);
	const bool was_changed = ledger_is_changed(&p->ledger, now_ms);
	int r;

	if (p->errand) {
		records_clear(&p->pending);
		r = records_add_all(&p->pending, records);
		if (r)
			records_clear(
				&p->pending); /* a part of it would remove the rest */
		p->has_pending = !r;
		return r;
	}
	r = ledger_want(&p->ledger, records);
	if (r)
		return r;
	p->is_known = true;
	p->change_last_ms = now_ms;
	if (!was_changed || p->change_first_ms == SCHEDULE_NEVER)
		p->change_first_ms = now_ms;
	/* A refused record that is no longer wanted is no longer a problem. */
	if (!p->status.failures && p->status.has_tried &&
		!ledger_is_changed(&p->ledger, now_ms))
		p->status.is_ok = ledger_is_complete(&p->ledger);
	/* Failures of earlier changes do not delay new ones. */
	if (p->retry_ms != SCHEDULE_NEVER && ledger_is_changed(&p->ledger, now_ms))
		publisher_hurry(p);
	reschedule(p);
	return 0;
}

void publisher_hurry(struct publisher *p)
{
	const int64_t soon_ms = read_clock(p) + SCHEDULE_SPACING_MS;

	if (p->retry_ms == SCHEDULE_NEVER || p->retry_ms < soon_ms)
		return;
	p->retry_ms = soon_ms;
	reschedule(p);
}

void publisher_refresh(struct publisher *p)
{
	ledger_hurry_refresh(&p->ledger, read_clock(p));
	reschedule(p);
}

void publisher_withdraw(struct publisher *p)
{
	errand_free(p->errand);
	p->errand = NULL;
	p->range_count = 0;
	p->has_pending = false;
	p->is_withdrawing = true;
	alarm_set(&p->alarm, 0);
}

struct publisher *publisher_new(const struct publisher_config *config)
{
	struct publisher *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->alarms = config->alarms;
	p->config = config->config;
	p->gateways = config->gateways;
	p->gateway = config->gateway;
	p->status.gateway = config->config->gateways[config->gateway].text;
	p->told = config->told;
	p->arg = config->arg;
	memcpy(p->zone, config->zone, name_len(config->zone));
	name_to_text(p->zone, p->zone_text);
	p->sent_ms = INT64_MIN;
	p->change_first_ms = SCHEDULE_NEVER;
	p->retry_ms = SCHEDULE_NEVER;
	p->status.next_ms = SCHEDULE_NEVER;
	p->start_ms = read_clock(p) + config->delay_ms;
	alarm_init(&p->alarm, config->alarms, on_alarm, p);
	return p;
}

void publisher_free(struct publisher *p)
{
	if (!p)
		return;
	errand_free(p->errand);
	alarm_stop(&p->alarm);
	records_clear(&p->pending);
	ledger_clear(&p->ledger);
	free(p);
}

struct ledger *publisher_ledger(struct publisher *p)
{
	return &p->ledger;
}

const struct publisher_status *publisher_status(const struct publisher *p)
{
	return &p->status;
}
