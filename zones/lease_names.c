/*
 * Sets of names (lease_table.h): keys, stored once however many leases have them, and
 * hosts that are held.
 */
#include "zones/lease_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MIN = 8 };

void lease_names_clear(struct lease_names *names)
{
	for (size_t i = 0; i < names->bucket_count; i++) {
		struct lease_name *name = names->buckets[i];

		while (name) {
			struct lease_name *next = name->next;

			free(name);
			name = next;
		}
	}
	free(names->buckets);
	free(names->by_number);
	*names = (struct lease_names){0};
}

static struct lease_name **bucket_of(const struct lease_names *names,
	const struct name_seed *seed, const uint8_t *name)
{
	return &names->buckets[name_hash_seeded(name, seed) & (names->bucket_count - 1)];
}

struct lease_name *lease_names_find(const struct lease_names *names,
	const struct name_seed *seed, const uint8_t *name)
{
	struct lease_name *found = NULL;

	if (names->count)
		found = *bucket_of(names, seed, name);
	while (found && !name_is_equal(found->name, name))
		found = found->next;
	return found;
}

static int grow(struct lease_names *names, const struct name_seed *seed)
{
	struct lease_names larger = *names;

	if (names->count < names->bucket_count)
		return 0;
	larger.bucket_count = names->bucket_count ? 2 * names->bucket_count : BUCKETS_MIN;
	larger.buckets = calloc(larger.bucket_count, sizeof(struct lease_name *));
	if (!larger.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < names->bucket_count; i++) {
		struct lease_name *name = names->buckets[i];

		while (name) {
			struct lease_name *next = name->next;
			struct lease_name **bucket = bucket_of(&larger, seed, name->name);

			name->next = *bucket;
			*bucket = name;
			name = next;
		}
	}
	free(names->buckets);
	*names = larger;
	return 0;
}

static int add(struct lease_names *names, const struct name_seed *seed,
	const uint8_t *octets, struct lease_name **ret_name)
{
	size_t len = name_len(octets);
	struct lease_name *name, **bucket;
	int r = grow(names, seed);

	if (r < 0)
		return r;
	name = malloc(sizeof(*name) + len);
	if (!name)
		return -ENOMEM;
	memcpy(name->name, octets, len);
	name->number = 0;
	bucket = bucket_of(names, seed, octets);
	name->next = *bucket;
	*bucket = name;
	names->count++;
	*ret_name = name;
	return 0;
}

int lease_names_add(
	struct lease_names *names, const struct name_seed *seed, const uint8_t *name)
{
	struct lease_name *added;

	if (lease_names_find(names, seed, name))
		return -EEXIST;
	return add(names, seed, name, &added);
}

bool lease_names_remove(
	struct lease_names *names, const struct name_seed *seed, const uint8_t *name)
{
	struct lease_name *found = lease_names_find(names, seed, name);
	struct lease_name **at;

	if (!found)
		return false;
	for (at = bucket_of(names, seed, name); *at != found;)
		at = &(*at)->next;
	*at = found->next;
	names->count--;
	free(found);
	return true;
}

int lease_names_intern(struct lease_names *names, const struct name_seed *seed,
	const uint8_t *name, uint32_t *ret_number)
{
	struct lease_name *found = lease_names_find(names, seed, name);
	int r;

	if (found) {
		*ret_number = found->number;
		return 0;
	}
	if (names->count == names->by_number_room) {
		size_t room = names->by_number_room ? 2 * names->by_number_room : 4;
		struct lease_name **longer =
			realloc(names->by_number, room * sizeof(struct lease_name *));

		if (!longer)
			return -ENOMEM;
		names->by_number = longer;
		names->by_number_room = room;
	}
	r = add(names, seed, name, &found);
	if (r < 0)
		return r;
	names->by_number[names->count - 1] = found;
	found->number = (uint32_t)names->count; /* from 1 */
	*ret_number = found->number;
	return 0;
}
