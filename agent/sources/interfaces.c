/*
 * The source interfaces: the host's own name has the addresses of its interfaces, as the
 * network is now (network.h).
 */
#include <stdlib.h>

#include "agent/sources/network.h"
#include "agent/sources/source.h"

static int add(
	const struct source *source, struct records *found, const struct address *address)
{
	const struct config *config = source->context->config;
	const unsigned type = address->family == 4 ? PUBLISH_A : PUBLISH_AAAA;
	const unsigned publish = source->config->publish;
	const uint32_t ttl = source->config->ttl;
	int r = 0;

	if (publish & type)
		r = source_add_address(
			found, config->name, address->family, address->octets, ttl);
	if (!r && publish & PUBLISH_PTR)
		r = source_add_reverse(
			found, config->name, address->family, address->octets, ttl);
	return r;
}

static void give(struct source *source, const struct netlink_view *view)
{
	const struct config *config = source->context->config;
	struct records found = {0};
	int r = 0;

	if (!source->config->is_shared)
		r = source_claim_addresses(&found, config->name, source->config->publish);
	for (size_t i = 0; i < view->address_count && !r; i++) {
		const struct address address = netlink_address_at(view, i);

		if (address_is_chosen(&address, source->config))
			r = add(source, &found, &address);
	}
	if (r) {
		source_fail(
			source, "%s; its records stay as they were", records_strerror(r));
		records_clear(&found);
		return;
	}
	source_recover(source);
	source_give(source, &found);
}

static void interfaces_network_changed(struct source *source)
{
	const struct netlink_view *view = network_view(source->context->network);

	if (view)
		give(source, view);
}

static void interfaces_close(struct source *source)
{
	free(source);
}

static struct source *interfaces_open(
	const struct source_context *context, const struct config_source *config)
{
	struct source *source = context->network ? calloc(1, sizeof(*source)) : NULL;

	if (source)
		source_init(source, &source_interfaces_ops, context, config);
	return source;
}

const struct source_ops source_interfaces_ops = {
	.type = "interfaces",
	.open = interfaces_open,
	.close = interfaces_close,
	.network_changed = interfaces_network_changed,
};
