/*
 * Records as PowerDNS wrote them: see powerdns_texts.h, and powerdns_json.h for why.
 */
#include "gateway/target/powerdns_texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/target/powerdns_json.h"

static void set_clear(struct powerdns_text_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->texts[i].content);
	free(set->texts);
	free(set->owner);
}

void powerdns_texts_free(struct powerdns_texts *texts)
{
	if (!texts)
		return;
	for (size_t i = 0; i < texts->count; i++)
		set_clear(&texts->sets[i]);
	free(texts->sets);
	free(texts);
}

size_t powerdns_texts_count(const struct powerdns_texts *texts)
{
	return texts ? texts->count : 0;
}

static int compare(const void *a, const void *b)
{
	const struct powerdns_text_set *x = a, *y = b;
	int order = name_compare(x->owner, y->owner);

	return order ? order : (x->type > y->type) - (x->type < y->type);
}

static bool is_of(
	const struct powerdns_text_set *set, const uint8_t *owner, uint16_t type)
{
	return set->type == type && name_is_equal(set->owner, owner);
}

static struct powerdns_text_set *append_set(
	struct powerdns_texts *texts, const struct powerdns_text_set *like)
{
	struct powerdns_text_set *set;

	if (texts->count == texts->cap) {
		size_t cap = texts->cap ? texts->cap * 2 : 4;
		set = reallocarray(texts->sets, cap, sizeof(*set));
		if (!set)
			return NULL;
		texts->sets = set;
		texts->cap = cap;
	}
	set = &texts->sets[texts->count];
	*set = (struct powerdns_text_set){.type = like->type, .ttl = like->ttl};
	set->owner = malloc(name_len(like->owner));
	if (!set->owner)
		return NULL;
	memcpy(set->owner, like->owner, name_len(like->owner));
	texts->count++;
	return set;
}

static int append_text(struct powerdns_text_set *set, const struct powerdns_text *text)
{
	const size_t len = strlen(text->content) + 1;
	struct powerdns_text *copy;

	if (set->count == set->cap) {
		size_t cap = set->cap ? set->cap * 2 : 1;
		copy = reallocarray(set->texts, cap, sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		set->texts = copy;
		set->cap = cap;
	}
	copy = &set->texts[set->count];
	copy->content = malloc(len + text->rdata_len);
	if (!copy->content)
		return -ENOMEM;
	memcpy(copy->content, text->content, len);
	if (text->rdata_len)
		memcpy(copy->content + len, text->rdata, text->rdata_len);
	copy->rdata = (const uint8_t *)copy->content + len;
	copy->rdata_len = text->rdata_len;
	set->count++;
	return 0;
}

int powerdns_texts_add(struct powerdns_texts **texts,
	const struct powerdns_text_set *like, const struct powerdns_text *text)
{
	struct powerdns_text_set *set = NULL;

	if (!*texts)
		*texts = calloc(1, sizeof(**texts));
	if (!*texts)
		return -ENOMEM;
	if ((*texts)->count > 0)
		set = &(*texts)->sets[(*texts)->count - 1];
	if (!set || !is_of(set, like->owner, like->type))
		set = append_set(*texts, like);
	return set ? append_text(set, text) : -ENOMEM;
}

void powerdns_texts_sort(struct powerdns_texts *texts)
{
	if (texts)
		qsort(texts->sets, texts->count, sizeof(*texts->sets), compare);
}

const struct powerdns_text_set *powerdns_texts_find(
	const struct powerdns_texts *texts, const uint8_t *owner, uint16_t type)
{
	const struct powerdns_text_set wanted = {
		.owner = (uint8_t *)(uintptr_t)owner, .type = type};

	if (!powerdns_texts_count(texts))
		return NULL;
	return bsearch(&wanted, texts->sets, texts->count, sizeof(wanted), compare);
}

const char *powerdns_text_of(
	const struct powerdns_text_set *set, const uint8_t *rdata, uint16_t len)
{
	for (size_t i = 0; set && i < set->count; i++) {
		const struct powerdns_text *text = &set->texts[i];

		if (text->rdata_len == len &&
			(len == 0 || memcmp(text->rdata, rdata, len) == 0))
			return text->content;
	}
	return NULL;
}
