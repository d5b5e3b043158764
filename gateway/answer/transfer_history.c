/*
 * Recent changes of a zone, version by version, for IXFR.
 *
 * A version is what happened between two serials.  If a target owns the serial, the
 * changes come first and their SOA later, so they are gathered until then.  Whatever
 * cannot be described exactly is forgotten, since a whole transfer is always right.
 */
#include <errno.h>
#include <stdlib.h>

#include "gateway/answer/transfer_private.h"

struct transfer_history {
	struct transfer_histories *all;
	TAILQ_HEAD(transfer_versions, transfer_version) versions; /* oldest first */
	size_t size;               /* octets, approximately, of the versions */
	struct changeset *pending; /* changes since the last version, without a new
	                            * serial; NULL: none */
	size_t pending_size;       /* octets, about */
	bool is_broken; /* a change since the last version was lost, and would be
	                 * missing from the next */
};

struct transfer_history *transfer_history_new(struct transfer_histories *all)
{
	struct transfer_history *history = calloc(1, sizeof(*history));

	if (!history)
		return NULL;
	history->all = all;
	all->count++;
	TAILQ_INIT(&history->versions);
	return history;
}

static size_t find_limit(const struct transfer_history *history)
{
	const size_t threads = history->all->threads ? history->all->threads : 1;
	const size_t share = TRANSFER_HISTORY_TOTAL / threads / history->all->count;

	return share < TRANSFER_HISTORY_MAX ? share : TRANSFER_HISTORY_MAX;
}

static void forget_first(struct transfer_history *history)
{
	struct transfer_version *version = TAILQ_FIRST(&history->versions);

	TAILQ_REMOVE(&history->versions, version, entry);
	history->size -= version->size;
	changeset_unref(version->changes);
	free(version);
}

static void forget_versions(struct transfer_history *history)
{
	while (!TAILQ_EMPTY(&history->versions))
		forget_first(history);
}

void transfer_history_clear(struct transfer_history *history)
{
	forget_versions(history);
	changeset_unref(history->pending);
	history->pending = NULL;
	history->pending_size = 0;
	history->is_broken = false;
}

void transfer_history_free(struct transfer_history *history)
{
	if (!history)
		return;
	transfer_history_clear(history);
	history->all->count--;
	free(history);
}

/* ---- adding ---- */

static size_t changes_size(const struct changeset *cs)
{
	return sizeof(struct transfer_version) + changeset_size(cs);
}

/* A SOA only occurs at the apex. */
static const struct change *find_soa(const struct changeset *cs)
{
	for (uint32_t i = 0; i < cs->count; i++) {
		if (cs->changes[i].type == TYPE_SOA)
			return &cs->changes[i];
	}
	return NULL;
}

void transfer_history_lose(struct transfer_history *history)
{
	transfer_history_clear(history);
	history->is_broken = true;
}

/* changeset_merge without normalising, whose cost would grow with what is pending. */
static int absorb(struct changeset *into, const struct changeset *cs)
{
	for (uint32_t i = 0; i < cs->count; i++) {
		const struct change *next = &cs->changes[i];
		const struct change *found =
			changeset_find(into, next->owner, next->type);
		struct change *known;

		if (!found) {
			int r = changeset_append(
				into, next->owner, next->type, next->before, next->after);

			if (r < 0)
				return r;
			continue;
		}
		known = &into->changes[found - into->changes];
		rrset_unref(known->after);
		known->after = rrset_ref(next->after);
	}
	return 0;
}

/* Adds to the changes that wait for a serial. */
static void gather(struct transfer_history *history, const struct changeset *cs)
{
	if (!history->pending)
		history->pending = changeset_new();
	history->pending_size += changes_size(cs);
	if (!history->pending || history->pending_size > find_limit(history) ||
		absorb(history->pending, cs) < 0)
		transfer_history_lose(history);
}

/* Takes over changes. */
static void add_version(struct transfer_history *history, struct changeset *changes)
{
	const struct change *soa = find_soa(changes);
	const uint32_t from = soa ? rrset_serial(soa->before) : 0;
	const uint32_t to = soa ? rrset_serial(soa->after) : 0;
	struct transfer_version *version = NULL, *last;

	/* A version cannot lead to an older serial (RFC 1982). */
	if (serial_is_newer(to, from))
		version = malloc(sizeof(*version));
	if (!version) {
		forget_versions(history);
		changeset_unref(changes);
		return;
	}
	*version = (struct transfer_version){.changes = changes,
		.soa = soa,
		.from = from,
		.to = to,
		.size = changes_size(changes)};
	last = TAILQ_LAST(&history->versions, transfer_versions);
	if (last && last->to != from)
		forget_versions(history);
	TAILQ_INSERT_TAIL(&history->versions, version, entry);
	history->size += version->size;
	while (history->size > find_limit(history))
		forget_first(history);
}

/* The pending changes have got their serial. */
static void finish_pending(struct transfer_history *history)
{
	struct changeset *changes = history->pending;

	history->pending = NULL;
	history->pending_size = 0;
	changeset_normalise(changes);
	add_version(history, changes);
}

void transfer_history_add(struct transfer_history *history, struct changeset *cs)
{
	const struct change *soa = find_soa(cs);
	bool moves;

	if (cs->count == 0)
		return;
	if (soa && (!soa->before || !soa->after)) {
		transfer_history_lose(history);
		return;
	}
	moves = soa && rrset_serial(soa->before) != rrset_serial(soa->after);
	if (moves && !history->pending && !history->is_broken) {
		add_version(history, changeset_ref(cs));
		return;
	}
	if (!history->is_broken)
		gather(history, cs);
	if (!moves)
		return;
	if (!history->is_broken)
		finish_pending(history);
	history->is_broken = false;
}

/* ---- finding ---- */

const struct transfer_version *transfer_history_find(
	const struct transfer_history *history, uint32_t serial, uint32_t current)
{
	const struct transfer_version *version =
		TAILQ_LAST(&history->versions, transfer_versions);

	if (!version || version->to != current)
		return NULL;
	TAILQ_FOREACH(version, &history->versions, entry) {
		if (version->from == serial)
			return version;
	}
	return NULL;
}
