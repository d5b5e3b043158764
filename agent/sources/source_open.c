/*
 * The table of the types of sources.
 */
#include "agent/sources/source.h"

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
