/*
 * A container as the engine lists it, and the records that its labels ask for.  Pure.
 *
 *   muster.name=NAME[,NAME...]   also joyride.host.name
 *   muster.type=TYPE             A and AAAA, as the addresses are, if not said
 *   muster.data=DATA             the RDATA, as in a zone file; without it the addresses,
 *                                or for CNAME the host's name
 */
#ifndef MUSTER_AGENT_CONTAINER_H
#define MUSTER_AGENT_CONTAINER_H

#include "agent/config/config.h"

enum { CONTAINER_ID_MAX = 65 };

struct container {
	char id[CONTAINER_ID_MAX];
	struct records records; /* sorted */
	char *why;              /* what is wrong with its labels; NULL: nothing */
};

/*
 * Reads an object of GET /containers/json.  A label that is wrong takes nothing else with
 * it.  0, -EINVAL: no container, or none with a name; -ENOMEM.
 */
int container_read(struct container *ret_container, const struct config *config,
	const struct config_source *source, const char *json, size_t len)
	__attribute__((warn_unused_result));
void container_clear(struct container *container);

#endif
