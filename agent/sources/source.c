/*
 * What sources have in common.
 */
#include "agent/sources/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"
#include "zones/reverse.h"

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
	const int r = source->config->is_shared ? 0 : records_claim_all(found);

	if (r) {
		source_fail(
			source, "%s; its records stay as they were", records_strerror(r));
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

const char *source_subject(const struct source *source)
{
	if (source->config->command)
		return source->config->command[0];
	return source->config->path ? source->config->path : "";
}

void source_fail(struct source *source, const char *format, ...)
{
	const char *subject = source_subject(source);
	char why[SOURCE_WHY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	if (!strcmp(why, source->why))
		return;
	strcpy(source->why, why);
	/* The state file already says what the log says. */
	source->context->judged(source->context->arg, source);
	log_error("source %s: %s%s%s", source->ops->type, subject, subject[0] ? ": " : "",
		why);
}

void source_recover(struct source *source)
{
	if (!source->why[0])
		return;
	source->why[0] = '\0';
	source->context->judged(source->context->arg, source);
	log_info("source %s: works again", source->ops->type);
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
		return 0; /* cannot be */
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
