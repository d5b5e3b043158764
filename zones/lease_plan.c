/*
 * Changes of leases are first planned and then carried out (lease_table.h).
 *
 * Planning allocates all memory, so that a plan is carried out whole or not at all.  A
 * lease that ends is kept in its change, so that lease_undo needs no memory.
 */
#include "zones/lease_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* struct lease_change.memory */
struct change_memory {
	struct lease *ended; /* for lease_undo; NULL: none */
	size_t size;         /* of octets */
	uint8_t octets[];
};

/* ---- changes ---- */

struct lease_changes *lease_changes_new(void)
{
	return calloc(1, sizeof(struct lease_changes));
}

static void change_clear(struct lease_change *change)
{
	struct change_memory *memory = change->memory;

	if (memory)
		free(memory->ended);
	free(memory);
	change->memory = NULL;
}

void lease_changes_free(struct lease_changes *changes)
{
	if (!changes)
		return;
	for (size_t i = 0; i < changes->count; i++)
		change_clear(&changes->changes[i]);
	free(changes->changes);
	free(changes);
}

size_t lease_changes_size(const struct lease_changes *changes)
{
	size_t size = sizeof(*changes);

	for (size_t i = 0; i < changes->count; i++) {
		const struct lease_change *change = &changes->changes[i];
		const struct change_memory *memory = change->memory;

		size += sizeof(*change) + sizeof(*memory) + (memory ? memory->size : 0);
		if (memory && memory->ended)
			size += sizeof(struct lease) + change->before.rdata_len;
	}
	return size;
}

static const uint8_t *put_octets(uint8_t **at, const uint8_t *octets, size_t len)
{
	uint8_t *copy = *at;

	if (len)
		memcpy(copy, octets, len);
	*at += len;
	return copy;
}

int lease_change_own(struct lease_change *change)
{
	struct lease_record *one = change->has ? &change->after : &change->before;
	struct lease_record *other = change->had ? &change->before : one;
	size_t owner_len = name_len(one->owner);
	size_t size = owner_len + one->rdata_len + name_len(one->key) +
		(other != one ? name_len(other->key) : 0);
	struct change_memory *memory = malloc(sizeof(*memory) + size);
	uint8_t *at;

	if (!memory)
		return -ENOMEM;
	memory->ended = NULL;
	memory->size = size;
	at = memory->octets;
	one->owner = put_octets(&at, one->owner, owner_len);
	one->rdata = put_octets(&at, one->rdata, one->rdata_len);
	one->key = put_octets(&at, one->key, name_len(one->key));
	if (other != one) {
		other->owner = one->owner;
		other->rdata = one->rdata;
		other->key = put_octets(&at, other->key, name_len(other->key));
	}
	change->memory = memory;
	return 0;
}

/* Makes room for count more.  The capacity follows from the count: it is the power of
 * two at or above it. */
static int changes_reserve(struct lease_changes *changes, size_t count)
{
	size_t room = 1, wanted = changes->count + count;
	struct lease_change *longer;

	while (room < changes->count)
		room *= 2;
	if (changes->count && wanted <= room)
		return 0;
	while (room < wanted)
		room *= 2;
	longer = realloc(changes->changes, room * sizeof(*longer));
	if (!longer)
		return -ENOMEM;
	changes->changes = longer;
	return 0;
}

/* ---- planning ---- */

void lease_plan_init(struct lease_plan *plan, struct lease_table *table)
{
	plan->table = table;
	plan->count = 0;
	plan->room = LEASE_PLAN_FEW;
	plan->begin_count = 0;
	plan->durable_count = 0;
	plan->steps = plan->few;
}

static void step_clear(struct lease_step *step)
{
	if (step->lease)
		step->lease->flags &= (uint16_t)~LEASE_IS_PLANNED;
	free(step->fresh);
	change_clear(&step->change);
}

void lease_plan_clear(struct lease_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		step_clear(&plan->steps[i]);
	if (plan->steps != plan->few)
		free(plan->steps);
	lease_plan_init(plan, plan->table);
}

static int make_room(struct lease_plan *plan)
{
	size_t room = 2 * plan->room;
	struct lease_step *steps;

	if (plan->count < plan->room)
		return 0;
	steps = realloc(
		plan->steps == plan->few ? NULL : plan->steps, room * sizeof(*steps));
	if (!steps)
		return -ENOMEM;
	if (plan->steps == plan->few)
		memcpy(steps, plan->few, sizeof(plan->few));
	plan->steps = steps;
	plan->room = room;
	return 0;
}

/* Takes over what the step holds, even on failure. */
static int add_step(struct lease_plan *plan, struct lease_step *step)
{
	int r = make_room(plan);

	if (r == 0 && step->is_durable)
		r = lease_change_own(&step->change);
	if (r < 0) {
		step_clear(step);
		return r;
	}
	if (step->lease)
		step->lease->flags |= LEASE_IS_PLANNED;
	plan->begin_count += !step->lease;
	plan->durable_count += step->is_durable;
	plan->steps[plan->count++] = *step;
	return 0;
}

int lease_plan_put(struct lease_plan *plan, struct lease *lease,
	const struct lease_record *to, bool is_durable)
{
	struct lease_step step = {.lease = lease, .is_durable = is_durable};

	if (lease && lease->flags & LEASE_IS_PLANNED)
		return 0;
	if (lease_table_intern(plan->table, to->owner, to->key, &step.key) < 0)
		return -ENOMEM;
	step.change.has = true;
	step.change.after = *to;
	if (lease) {
		step.change.had = true;
		lease_describe(plan->table, lease, &step.change.before);
	}
	if (!lease || !lease_has_room(lease, &to->source)) {
		struct lease_record record = *to;

		/* Use the octets of the existing lease, whose case may differ. */
		if (lease)
			lease_describe(plan->table, lease, &record);
		record.source = to->source;
		step.fresh = lease_new(&record, step.key);
		if (!step.fresh)
			return -ENOMEM;
	}
	return add_step(plan, &step);
}

int lease_plan_end(struct lease_plan *plan, struct lease *lease)
{
	struct lease_step step = {.lease = lease, .is_durable = true};

	if (lease->flags & LEASE_IS_PLANNED)
		return 0;
	step.change.had = true;
	lease_describe(plan->table, lease, &step.change.before);
	return add_step(plan, &step);
}

int lease_plan_end_gone(struct lease_plan *plan, const uint8_t *owner,
	const struct rrset *before, struct rrset_finder *after)
{
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;
	int r = 0;

	while (r == 0 && (rdata = rrset_next(before, &at, &len))) {
		struct lease *lease;

		if (rrset_finder_has(after, rdata, len))
			continue;
		lease = lease_find(plan->table, owner, before->type, rdata, len);
		if (lease && !(lease->flags & LEASE_WAITING))
			r = lease_plan_end(plan, lease);
	}
	return r;
}

/* ---- carrying out ---- */

static void begin(struct lease_plan *plan, struct lease_step *step)
{
	const struct lease_record *to = &step->change.after;
	struct lease *there =
		lease_find(plan->table, to->owner, to->type, to->rdata, to->rdata_len);

	/* The same record occurs twice in one plan: the first step has begun its
	 * lease. */
	if (there) {
		step->is_durable = false;
		return;
	}
	step->fresh->deadline_ms = to->deadline_ms;
	lease_table_insert(plan->table, step->fresh);
	step->fresh = NULL;
}

static void carry_out(struct lease_plan *plan, struct lease_step *step)
{
	struct lease *lease = step->lease;

	if (!lease) {
		begin(plan, step);
		return;
	}
	lease->flags &= (uint16_t)~LEASE_IS_PLANNED;
	step->lease = NULL;
	if (!step->change.has) {
		struct change_memory *memory = step->change.memory;

		lease_table_remove(plan->table, lease);
		memory->ended = lease;
		return;
	}
	if (step->fresh) {
		lease_table_replace(plan->table, lease, step->fresh);
		lease = step->fresh;
		step->fresh = NULL;
	}
	lease_table_set(plan->table, lease, &step->change.after, step->key);
}

int lease_plan_carry_out(struct lease_plan *plan, struct lease_changes **changes)
{
	struct lease_changes *into = *changes;

	if (plan->durable_count && !into)
		into = lease_changes_new();
	if ((plan->durable_count && !into) ||
		(plan->durable_count && changes_reserve(into, plan->durable_count) < 0) ||
		lease_table_reserve(plan->table, plan->begin_count) < 0) {
		if (into != *changes)
			lease_changes_free(into);
		lease_plan_clear(plan);
		return -ENOMEM;
	}
	for (size_t i = 0; i < plan->count; i++) {
		struct lease_step *step = &plan->steps[i];

		carry_out(plan, step);
		if (!step->is_durable)
			continue;
		into->changes[into->count++] = step->change;
		step->change.memory = NULL;
	}
	*changes = into;
	lease_plan_clear(plan);
	return 0;
}

/* ---- taking back ---- */

static struct lease *find_record(
	const struct lease_table *table, const struct lease_record *record)
{
	return lease_find(
		table, record->owner, record->type, record->rdata, record->rdata_len);
}

static uint32_t find_key(
	const struct lease_table *table, const struct lease_record *record)
{
	const struct lease_name *key =
		lease_names_find(&table->keys, &table->seed, record->key);

	return key && !name_is_equal(record->key, record->owner) ? key->number : 0;
}

static void take_back(struct lease_table *table, struct lease_change *change)
{
	struct change_memory *memory = change->memory;
	struct lease *lease;

	if (!change->has) {
		lease = memory ? memory->ended : NULL;
		if (!lease)
			return;
		memory->ended = NULL;
		lease_table_insert(table, lease);
		return;
	}
	lease = find_record(table, &change->after);
	if (!lease)
		return;
	if (change->had) {
		lease_table_set(
			table, lease, &change->before, find_key(table, &change->before));
		return;
	}
	lease_table_remove(table, lease);
	free(lease);
}

void lease_undo(struct lease_table *table, const struct lease_changes *changes)
{
	if (!changes)
		return;
	for (size_t i = changes->count; i-- > 0;)
		take_back(table, &changes->changes[i]);
}
