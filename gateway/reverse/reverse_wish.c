/*
 * Collects what is to happen at reverse names, and then does it by edits of the
 * gateway's own, one for each zone.
 */
#include "gateway/reverse/reverse_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "zones/places.h"
#include "zones/update_builder.h"

/* NULL: no memory. */
static struct ptr_wish *add(struct ptr_wishes *wishes)
{
	if (wishes->count == wishes->room) {
		const size_t room = wishes->room ? 2 * wishes->room : 4;
		struct ptr_wish *more = realloc(wishes->wishes, room * sizeof(*more));

		if (!more) {
			wishes->is_incomplete = true;
			return NULL;
		}
		wishes->wishes = more;
		wishes->room = room;
	}
	return &wishes->wishes[wishes->count++];
}

struct ptr_wish *ptr_wish_add(struct ptr_wishes *wishes, const struct ptr_place *place,
	enum ptr_wish_kind kind, const uint8_t *target, const struct lease_record *lease)
{
	struct ptr_wish *wish = add(wishes);

	if (!wish) {
		reverse_look_again(place->reverse);
		return NULL;
	}
	*wish = (struct ptr_wish){.reverse = place->reverse, .kind = kind};
	memcpy(wish->name, place->name, name_len(place->name));
	memcpy(wish->target, target, name_len(target));
	if (!lease)
		return wish;
	wish->lease = *lease;
	memcpy(wish->key, lease->key, name_len(lease->key));
	return wish;
}

/* Adds the records of one wish, if any. */
static void put_wish(struct update_builder *b, const struct ptr_wish *wish)
{
	const bool is_coming = wish->kind == PTR_COMES;

	if (!is_coming && wish->kind != PTR_GOES)
		return;
	if (wish->is_clearing)
		update_builder_add(b,
			&(struct rr){.owner = wish->name,
				.type = TYPE_PTR,
				.class = CLASS_ANY});
	update_builder_add(b,
		&(struct rr){.owner = wish->name,
			.type = TYPE_PTR,
			.class = is_coming ? CLASS_IN : CLASS_NONE,
			.ttl = is_coming ? wish->ttl : 0,
			.rdata = wish->target,
			.rdata_len = (uint16_t)name_len(wish->target)});
}

/* Takes the wishes, from first on, that are for the same zone. */
static int make_update(
	const struct ptr_wishes *wishes, size_t first, struct update **ret_update)
{
	const struct zone_reverse *reverse = wishes->wishes[first].reverse;
	struct update_builder b;

	update_builder_init(&b, reverse->content->name);
	for (size_t i = first; i < wishes->count; i++) {
		if (wishes->wishes[i].reverse == reverse)
			put_wish(&b, &wishes->wishes[i]);
	}
	return update_builder_finish(&b, ret_update);
}

/* By now the records have been added and removed. */
static int put_lease(const struct ptr_wish *wish, struct changeset *cs)
{
	struct lease_table *table = wish->reverse->content->leases;
	const uint16_t target_len = (uint16_t)name_len(wish->target);
	struct lease *lease =
		lease_find(table, wish->name, TYPE_PTR, wish->target, target_len);
	struct lease_record record = wish->lease;
	bool is_there;

	if (wish->kind == PTR_STOPS)
		return lease ? lease_end(table, lease, cs) : 0;
	is_there = ptr_has_address(
		wish->reverse, wish->name, TYPE_PTR, wish->target, target_len);
	if (wish->kind == PTR_GOES || is_there != (wish->kind == PTR_COMES))
		return 0;
	record.owner = wish->name;
	record.type = TYPE_PTR;
	record.rdata = wish->target;
	record.rdata_len = target_len;
	record.key = wish->key;
	return lease_put(table, &record, cs);
}

/* Leases of records that were added, are waited for, or were removed. */
static int put_leases(const struct zone_reverse *reverse, const struct ptr_wishes *wishes,
	size_t first, struct changeset *step)
{
	const struct content *content = reverse->content;
	int r = 0;

	for (size_t i = first; i < wishes->count && !r; i++) {
		if (wishes->wishes[i].reverse == reverse)
			r = put_lease(&wishes->wishes[i], step);
	}
	return r ? r : lease_follow(content->leases, content->mirror, step);
}

/* Takes over the update.  0 or -ENOMEM. */
static int edit_reverse(
	const struct ptr_wishes *wishes, size_t first, struct update *update)
{
	const struct verdict why = {
		.ede = EDE_NONE, .why = "follows the address of a host"};
	const struct zone_reverse *reverse = wishes->wishes[first].reverse;
	struct edit *edit = edit_begin(reverse->content, EDIT_REVERSE, NULL, NULL);
	struct verdict v;

	if (!edit) {
		update_free(update);
		return -ENOMEM;
	}
	edit->update = update;
	v = edit_apply(edit, update);
	if (v.rcode == RCODE_SERVFAIL) {
		edit_abort(edit);
		return -ENOMEM;
	}
	if (!verdict_is_ok(&v)) {
		log_warning("zone %s: PTR records cannot follow: %s",
			reverse->content->text, v.why);
		edit_abort(edit);
		return 0;
	}
	if (put_leases(reverse, wishes, first, edit->step) || edit_keep(edit)) {
		edit_abort(edit);
		return -ENOMEM;
	}
	if (edit_is_empty(edit)) {
		edit_discard(edit);
		return 0;
	}
	if (!update->change_count) { /* waiting changes no record */
		update_free(update);
		edit->update = NULL;
	}
	edit_commit(edit, &why, NULL);
	return 0;
}

/* One message may give an address to several hosts; when the wishes were made, none of
 * their records existed. */
static void let_first_come(struct ptr_wishes *wishes)
{
	struct places taken;
	uint32_t number;

	places_init(&taken);
	for (size_t i = 0; i < wishes->count; i++) {
		struct ptr_wish *wish = &wishes->wishes[i];
		int r;

		if (wish->kind != PTR_COMES || wish->is_adopted)
			continue;
		r = places_put(&taken, wish->name, TYPE_PTR, &number);
		if (r < 0) {
			wishes->is_incomplete = true;
			reverse_look_again(wish->reverse);
		}
		if (r == 1)
			continue;
		wish->kind = PTR_WAITS;
		wish->is_clearing = false;
		wish->lease.flags |= LEASE_WAITING;
	}
	places_clear(&taken);
}

/* Those for the same zone as the first are deferred. */
static void put_off(struct ptr_wishes *wishes, size_t first)
{
	struct zone_reverse *reverse = wishes->wishes[first].reverse;

	for (size_t i = first; i < wishes->count; i++) {
		struct ptr_wish *copy;

		if (wishes->wishes[i].reverse != reverse)
			continue;
		copy = add(&reverse->wishes);
		if (!copy) {
			wishes->is_incomplete = true;
			return;
		}
		*copy = wishes->wishes[i];
	}
}

static void grant_first(struct ptr_wishes *wishes, size_t first)
{
	struct zone_reverse *reverse = wishes->wishes[first].reverse;
	struct update *update;

	if (content_is_gated(reverse->content)) { /* until that opens */
		put_off(wishes, first);
	} else if (make_update(wishes, first, &update) ||
		edit_reverse(wishes, first, update)) {
		wishes->is_incomplete = true;
		put_off(wishes, first);
		reverse_look_again(reverse);
	}
}

void reverse_grant(struct ptr_wishes *wishes)
{
	if (wishes->count > 1)
		let_first_come(wishes);
	for (size_t i = 0; i < wishes->count; i++) {
		const struct zone_reverse *reverse = wishes->wishes[i].reverse;

		if (!reverse)
			continue;
		grant_first(wishes, i);
		for (size_t j = wishes->count; j-- > i;) {
			if (wishes->wishes[j].reverse == reverse)
				wishes->wishes[j].reverse = NULL;
		}
	}
	if (wishes->is_incomplete)
		log_error("PTR records: out of memory");
	free(wishes->wishes);
	*wishes = (struct ptr_wishes){0};
}
