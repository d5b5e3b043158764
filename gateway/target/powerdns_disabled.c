/*
 * Disabled records: see powerdns_disabled.h, and powerdns_json.h for why.
 */
#include "gateway/target/powerdns_disabled.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/target/powerdns_json.h"

static void set_clear(struct powerdns_disabled_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->contents[i]);
	free(set->contents);
	free(set->owner);
}

void powerdns_disabled_free(struct powerdns_disabled *disabled)
{
	if (!disabled)
		return;
	for (size_t i = 0; i < disabled->count; i++)
		set_clear(&disabled->sets[i]);
	free(disabled->sets);
	free(disabled);
}

size_t powerdns_disabled_count(const struct powerdns_disabled *disabled)
{
	return disabled ? disabled->count : 0;
}

static int compare(const void *a, const void *b)
{
	const struct powerdns_disabled_set *x = a, *y = b;
	int order = name_compare(x->owner, y->owner);

	return order ? order : (x->type > y->type) - (x->type < y->type);
}

static bool is_of(
	const struct powerdns_disabled_set *set, const uint8_t *owner, uint16_t type)
{
	return set->type == type && name_is_equal(set->owner, owner);
}

static struct powerdns_disabled_set *append_set(struct powerdns_disabled *disabled,
	const uint8_t *owner, uint16_t type, uint32_t ttl)
{
	struct powerdns_disabled_set *set;

	if (disabled->count == disabled->cap) {
		size_t cap = disabled->cap ? disabled->cap * 2 : 4;
		set = reallocarray(disabled->sets, cap, sizeof(*set));
		if (!set)
			return NULL;
		disabled->sets = set;
		disabled->cap = cap;
	}
	set = &disabled->sets[disabled->count];
	*set = (struct powerdns_disabled_set){.type = type, .ttl = ttl};
	set->owner = malloc(name_len(owner));
	if (!set->owner)
		return NULL;
	memcpy(set->owner, owner, name_len(owner));
	disabled->count++;
	return set;
}

static int append_content(struct powerdns_disabled_set *set, const char *content)
{
	char **grown = reallocarray(set->contents, set->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	set->contents = grown;
	grown[set->count] = strdup(content);
	if (!grown[set->count])
		return -ENOMEM;
	set->count++;
	return 0;
}

int powerdns_disabled_add(struct powerdns_disabled **disabled, const uint8_t *owner,
	uint16_t type, uint32_t ttl, const char *content)
{
	struct powerdns_disabled_set *set = NULL;

	if (!*disabled)
		*disabled = calloc(1, sizeof(**disabled));
	if (!*disabled)
		return -ENOMEM;
	if ((*disabled)->count > 0)
		set = &(*disabled)->sets[(*disabled)->count - 1];
	if (!set || !is_of(set, owner, type))
		set = append_set(*disabled, owner, type, ttl);
	return set ? append_content(set, content) : -ENOMEM;
}

void powerdns_disabled_sort(struct powerdns_disabled *disabled)
{
	if (disabled)
		qsort(disabled->sets, disabled->count, sizeof(*disabled->sets), compare);
}

const struct powerdns_disabled_set *powerdns_disabled_find(
	const struct powerdns_disabled *disabled, const uint8_t *owner, uint16_t type)
{
	size_t low = 0, high = powerdns_disabled_count(disabled);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct powerdns_disabled_set *set = &disabled->sets[middle];
		int order = name_compare(set->owner, owner);
		if (order == 0)
			order = (set->type > type) - (set->type < type);
		if (order == 0)
			return set;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
