/*
 * The ledger of one zone: a sorted array, merged with what the sources want.
 */
#include "agent/publish/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_FEW = 16 }; /* room that a ledger begins with */

static bool is_claim(const struct ledger_entry *entry)
{
	return entry->record.len == 0;
}

static void entry_clear(struct ledger_entry *entry)
{
	free(entry->record.owner);
}

void ledger_clear(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++)
		entry_clear(&ledger->entries[i]);
	free(ledger->entries);
	*ledger = (struct ledger){0};
}

static int copy_record(struct record *ret, const struct record *record)
{
	const size_t owner_len = name_len(record->owner);
	uint8_t *memory = malloc(owner_len + record->len);

	if (!memory)
		return -ENOMEM;
	memcpy(memory, record->owner, owner_len);
	if (record->len)
		memcpy(memory + owner_len, record->rdata, record->len);
	*ret = *record;
	ret->owner = memory;
	ret->rdata = memory + owner_len;
	return 0;
}

/* ---- wanting ---- */

static void want_again(struct ledger_entry *entry, const struct record *record)
{
	entry->is_wanted = true;
	if (entry->record.ttl == record->ttl)
		return;
	/* RFC 2136 3.4.2.2: adding it again sets the TTL. */
	entry->record.ttl = record->ttl;
	entry->is_held = false;
}

struct merge {
	struct ledger_entry *entries;
	size_t count;
};

static void keep_unwanted(struct merge *merge, const struct ledger_entry *entry)
{
	if (!entry->is_sent)
		return;
	merge->entries[merge->count] = *entry;
	merge->entries[merge->count++].is_wanted = false;
}

static void free_dropped(struct ledger *ledger, const bool *is_kept)
{
	for (size_t i = 0; i < ledger->count; i++)
		if (!is_kept[i])
			entry_clear(&ledger->entries[i]);
}

/* Entries of the ledger move to the merged array; new ones are copied into it first, so
 * that a lack of memory leaves all as it was. */
static int copy_new(struct ledger *ledger, const struct records *records,
	struct record *copies, size_t *ret_count)
{
	size_t at = 0, count = 0;
	int r = 0;

	for (size_t i = 0; i < records->count && !r; i++) {
		const struct record *record = &records->items[i];

		while (at < ledger->count &&
			record_compare(&ledger->entries[at].record, record) < 0)
			at++;
		if (at < ledger->count &&
			!record_compare(&ledger->entries[at].record, record))
			continue;
		r = copy_record(&copies[count], record);
		count += !r;
	}
	*ret_count = count;
	return r;
}

static size_t merge_all(struct ledger *ledger, const struct records *records,
	const struct record *copies, struct ledger_entry *into, bool *is_kept)
{
	struct merge merge = {.entries = into};
	size_t at = 0, copy = 0;

	for (size_t i = 0; i <= records->count; i++) {
		const struct record *record =
			i < records->count ? &records->items[i] : NULL;

		while (at < ledger->count &&
			(!record ||
				record_compare(&ledger->entries[at].record, record) <
					0)) {
			is_kept[at] = ledger->entries[at].is_sent;
			keep_unwanted(&merge, &ledger->entries[at++]);
		}
		if (!record)
			break;
		if (at < ledger->count &&
			!record_compare(&ledger->entries[at].record, record)) {
			is_kept[at] = true;
			want_again(&ledger->entries[at], record);
			merge.entries[merge.count++] = ledger->entries[at++];
			continue;
		}
		merge.entries[merge.count++] = (struct ledger_entry){
			.record = copies[copy++], .is_wanted = true};
	}
	return merge.count;
}

int ledger_want(struct ledger *ledger, const struct records *records)
{
	const size_t most = ledger->count + records->count;
	struct ledger_entry *merged = calloc(most + 1, sizeof(*merged));
	struct record *copies = calloc(records->count + 1, sizeof(*copies));
	bool *is_kept = calloc(ledger->count + 1, sizeof(*is_kept));
	size_t copied = 0;
	int r = -ENOMEM;

	if (merged && copies && is_kept)
		r = copy_new(ledger, records, copies, &copied);
	if (r) {
		while (copied > 0)
			free(copies[--copied].owner);
		free(merged);
	} else {
		const size_t count = merge_all(ledger, records, copies, merged, is_kept);

		free_dropped(ledger, is_kept);
		free(ledger->entries);
		ledger->entries = merged;
		ledger->count = count;
		ledger->cap = most + 1;
	}
	free(copies);
	free(is_kept);
	return r;
}

static int make_room(struct ledger *ledger)
{
	const size_t cap = ledger->cap ? 2 * ledger->cap : ENTRIES_FEW;
	struct ledger_entry *entries;

	if (ledger->count < ledger->cap)
		return 0;
	entries = reallocarray(ledger->entries, cap, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	ledger->entries = entries;
	ledger->cap = cap;
	return 0;
}

int ledger_remember(struct ledger *ledger, const struct ledger_entry *entry)
{
	const struct record *record = &entry->record;
	struct ledger_entry copy = {
		.is_sent = true,
		.is_there = entry->is_there,
		.is_leased = entry->is_leased,
		.refusals = entry->refusals,
		.expires_ms = entry->expires_ms,
	};
	size_t at = ledger->count;
	int r = make_room(ledger);

	if (r)
		return r;
	while (at > 0 && record_compare(&ledger->entries[at - 1].record, record) > 0)
		at--;
	if (at > 0 && !record_compare(&ledger->entries[at - 1].record, record))
		return 0;
	r = copy_record(&copy.record, record);
	if (r)
		return r;
	memmove(&ledger->entries[at + 1], &ledger->entries[at],
		(ledger->count - at) * sizeof(copy));
	ledger->entries[at] = copy;
	ledger->count++;
	return 0;
}

int ledger_get_wanted(const struct ledger *ledger, struct records *set)
{
	int r = 0;

	for (size_t i = 0; i < ledger->count && !r; i++)
		if (ledger->entries[i].is_wanted)
			r = records_add(set, &ledger->entries[i].record);
	return r;
}

/* ---- asking ---- */

static bool is_blocked(const struct ledger_entry *entry, int64_t now_ms)
{
	return entry->is_refused && now_ms < entry->retry_ms;
}

static bool is_to_be_added(const struct ledger_entry *entry, int64_t now_ms)
{
	return entry->is_wanted && !entry->is_held && !is_blocked(entry, now_ms);
}

static bool is_to_be_removed(const struct ledger_entry *entry, int64_t now_ms)
{
	return !entry->is_wanted && entry->is_sent && !is_blocked(entry, now_ms);
}

bool ledger_is_changed(const struct ledger *ledger, int64_t now_ms)
{
	for (size_t i = 0; i < ledger->count; i++)
		if (is_to_be_added(&ledger->entries[i], now_ms) ||
			is_to_be_removed(&ledger->entries[i], now_ms))
			return true;
	return false;
}

bool ledger_is_removal_only(const struct ledger *ledger, int64_t now_ms)
{
	bool is_removal = false;

	for (size_t i = 0; i < ledger->count; i++) {
		if (is_to_be_added(&ledger->entries[i], now_ms))
			return false;
		is_removal |= is_to_be_removed(&ledger->entries[i], now_ms);
	}
	return is_removal;
}

static bool has_lease(const struct ledger_entry *entry)
{
	return entry->is_wanted && entry->is_held && !is_claim(entry);
}

int64_t ledger_next_refresh(const struct ledger *ledger)
{
	int64_t next_ms = INT64_MAX;

	for (size_t i = 0; i < ledger->count; i++)
		if (has_lease(&ledger->entries[i]) &&
			ledger->entries[i].refresh_ms < next_ms)
			next_ms = ledger->entries[i].refresh_ms;
	return next_ms;
}

int64_t ledger_next_expiry(const struct ledger *ledger)
{
	int64_t next_ms = INT64_MAX;

	for (size_t i = 0; i < ledger->count; i++)
		if (has_lease(&ledger->entries[i]) &&
			ledger->entries[i].expires_ms < next_ms)
			next_ms = ledger->entries[i].expires_ms;
	return next_ms;
}

int64_t ledger_next_refused(const struct ledger *ledger)
{
	int64_t next_ms = INT64_MAX;

	for (size_t i = 0; i < ledger->count; i++)
		if (ledger->entries[i].is_refused &&
			ledger->entries[i].retry_ms < next_ms)
			next_ms = ledger->entries[i].retry_ms;
	return next_ms;
}

/* ---- updates ---- */

/* Emptying an RRset takes away what is held of it, so all of that has to be sent
 * along. */
static void pick_with_claim(struct ledger *ledger, size_t claim)
{
	const struct record *record = &ledger->entries[claim].record;

	for (size_t i = claim + 1; i < ledger->count; i++) {
		struct ledger_entry *entry = &ledger->entries[i];

		if (!record_is_same_rrset(&entry->record, record))
			return;
		entry->is_picked = entry->is_wanted || entry->is_sent;
	}
}

/* Once its lease has removed the record, a refused removal need not be tried again. */
static void forget_ended(struct ledger *ledger, int64_t now_ms)
{
	for (size_t i = 0; i < ledger->count; i++) {
		struct ledger_entry *entry = &ledger->entries[i];

		if (!entry->is_wanted && entry->is_refused && entry->is_leased &&
			now_ms >= entry->expires_ms)
			entry->is_sent = entry->is_there = false;
	}
}

size_t ledger_pick(struct ledger *ledger, int64_t now_ms)
{
	const bool is_refresh = ledger_next_refresh(ledger) <= now_ms;
	size_t count = 0;

	forget_ended(ledger, now_ms);
	for (size_t i = 0; i < ledger->count; i++) {
		struct ledger_entry *entry = &ledger->entries[i];

		entry->is_picked = is_to_be_added(entry, now_ms) ||
			is_to_be_removed(entry, now_ms) ||
			(is_refresh && has_lease(entry));
	}
	for (size_t i = 0; i < ledger->count; i++)
		if (ledger->entries[i].is_picked && is_claim(&ledger->entries[i]))
			pick_with_claim(ledger, i);
	for (size_t i = 0; i < ledger->count; i++)
		count += ledger->entries[i].is_picked;
	return count;
}

size_t ledger_pick_withdrawal(struct ledger *ledger)
{
	size_t count = 0;

	for (size_t i = 0; i < ledger->count; i++) {
		struct ledger_entry *entry = &ledger->entries[i];

		entry->is_wanted = false;
		entry->is_picked = entry->is_sent;
		count += entry->is_picked;
	}
	return count;
}

void ledger_hurry_refresh(struct ledger *ledger, int64_t now_ms)
{
	for (size_t i = 0; i < ledger->count; i++)
		if (has_lease(&ledger->entries[i]) &&
			ledger->entries[i].refresh_ms > now_ms)
			ledger->entries[i].refresh_ms = now_ms;
}

void ledger_unpick(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++)
		ledger->entries[i].is_picked = false;
}

bool ledger_has_picked_change(const struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++)
		if (ledger->entries[i].is_picked &&
			!(ledger->entries[i].is_wanted && ledger->entries[i].is_held))
			return true;
	return false;
}

void ledger_mark_sent(struct ledger *ledger, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		struct ledger_entry *entry = &ledger->entries[i];

		if (!entry->is_picked || is_claim(entry))
			continue;
		entry->is_sent = true;
		/* A removal may have taken effect even if its answer got lost. */
		entry->is_held = entry->is_held && entry->is_wanted;
	}
}

void ledger_acknowledge(
	struct ledger *ledger, size_t first, size_t end, const struct ledger_lease *lease)
{
	for (size_t i = first; i < end; i++) {
		struct ledger_entry *entry = &ledger->entries[i];

		if (!entry->is_picked)
			continue;
		entry->is_picked = false;
		entry->is_refused = false;
		entry->refusals = 0;
		entry->is_held = entry->is_wanted;
		entry->is_sent = entry->is_wanted && !is_claim(entry);
		entry->is_there = entry->is_sent;
		entry->is_leased = entry->is_sent && lease->is_granted;
		entry->refresh_ms = lease->refresh_ms;
		entry->expires_ms = lease->expires_ms;
	}
}

static void refuse(struct ledger_entry *entry, int64_t retry_ms)
{
	entry->is_picked = false;
	entry->is_refused = true;
	entry->is_held = false;
	entry->refusals++;
	entry->retry_ms = retry_ms;
	/* An update is all or nothing (RFC 2136 3.7): none of this one took effect, but
	 * what an earlier one brought is still there. */
	if (!entry->is_there)
		entry->is_sent = false;
	if (entry->is_wanted || !entry->is_sent)
		return;
	if (entry->is_leased && entry->expires_ms < retry_ms)
		entry->retry_ms = entry->expires_ms;
	else if (!entry->is_leased && entry->refusals >= LEDGER_REMOVALS_MAX)
		entry->is_sent = entry->is_there = false;
}

bool ledger_refuse(struct ledger *ledger, size_t first, size_t end, int64_t retry_ms)
{
	bool is_tried_again = false;

	for (size_t i = first; i < end; i++) {
		struct ledger_entry *entry = &ledger->entries[i];

		if (!entry->is_picked)
			continue;
		refuse(entry, retry_ms);
		is_tried_again |= entry->is_wanted || entry->is_sent;
	}
	return is_tried_again;
}

void ledger_sweep(struct ledger *ledger)
{
	size_t kept = 0;

	for (size_t i = 0; i < ledger->count; i++) {
		struct ledger_entry *entry = &ledger->entries[i];

		if (entry->is_wanted || entry->is_sent)
			ledger->entries[kept++] = *entry;
		else
			entry_clear(entry);
	}
	ledger->count = kept;
}

bool ledger_is_complete(const struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++) {
		const struct ledger_entry *entry = &ledger->entries[i];

		if (entry->is_wanted ? !entry->is_held : entry->is_sent)
			return false;
	}
	return true;
}

size_t ledger_count_held(const struct ledger *ledger)
{
	size_t count = 0;

	for (size_t i = 0; i < ledger->count; i++)
		count += has_lease(&ledger->entries[i]);
	return count;
}

size_t ledger_count_sent(const struct ledger *ledger)
{
	size_t count = 0;

	for (size_t i = 0; i < ledger->count; i++)
		count += ledger->entries[i].is_sent;
	return count;
}

int64_t ledger_last_expiry(const struct ledger *ledger)
{
	int64_t last_ms = INT64_MIN;

	for (size_t i = 0; i < ledger->count; i++)
		if (ledger->entries[i].is_leased &&
			ledger->entries[i].expires_ms > last_ms)
			last_ms = ledger->entries[i].expires_ms;
	return last_ms;
}
