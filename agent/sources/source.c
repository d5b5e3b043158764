/*
 * What sources have in common.
 */
#include "agent/sources/source.h"

#include <string.h>

#include "agent/log.h"
#include "zones/reverse.h"

static const struct source_ops *const all_ops[SOURCE_TYPES] = {
	[SOURCE_INTERFACES] = &source_interfaces_ops,
	[SOURCE_HOSTS] = &source_hosts_ops,
	[SOURCE_DOCKER] = &source_docker_ops,
	[SOURCE_WHOAMI] = &source_whoami_ops,
	[SOURCE_COMMAND] = &source_command_ops,
};

struct source *source_open(
	const struct source_context *context, const struct config_source *config)
{
	return all_ops[config->type]->open(context, config);
}

void source_close(struct source *source)
{
	if (!source)
		return;
	records_clear(&source->records);
	source->ops->close(source);
}

void source_init(struct source *source, const struct source_ops *ops,
	const struct source_context *context, const struct config_source *config)
{
	source->ops = ops;
	source->context = context;
	source->config = config;
}

void source_give(struct source *source, struct records *found)
{
	if (!source->config->is_shared && records_claim_all(found)) {
		log_error("source %s: out of memory; its records stay as they were",
			source->ops->type);
		records_clear(found);
		return;
	}
	records_sort(found);
	if (source->is_known && records_is_equal(found, &source->records)) {
		records_clear(found);
		return;
	}
	records_move(&source->records, found);
	source->is_known = true;
	source->context->changed(source->context->arg, source);
}

int source_add_address(struct records *set, const uint8_t *owner, unsigned family,
	const uint8_t *octets, uint32_t ttl)
{
	return records_add(set,
		&(struct record){
			.owner = (uint8_t *)owner,
			.type = family == 4 ? TYPE_A : TYPE_AAAA,
			.ttl = ttl,
			.rdata = octets,
			.len = family == 4 ? 4 : 16,
		});
}

int source_add_reverse(struct records *set, const uint8_t *target, unsigned family,
	const uint8_t *octets, uint32_t ttl)
{
	uint8_t owner[NAME_MAX_LEN];

	if (reverse_from_address(owner, family == 4 ? TYPE_A : TYPE_AAAA, octets,
		    family == 4 ? 4 : 16))
		return 0; /* can not be */
	return records_add(set,
		&(struct record){
			.owner = owner,
			.type = TYPE_PTR,
			.ttl = ttl,
			.rdata = target,
			.len = (uint16_t)name_len(target),
		});
}

int source_claim_addresses(struct records *set, const uint8_t *owner, unsigned publish)
{
	int r = 0;

	if (publish & PUBLISH_A)
		r = records_add_claim(set, owner, TYPE_A);
	if (!r && publish & PUBLISH_AAAA)
		r = records_add_claim(set, owner, TYPE_AAAA);
	return r;
}
