/*
 * Inside powerdns_*.c: the disabled records of a PowerDNS zone, by RRset.
 *
 * Almost always there are none, so they are a sorted array of texts.
 */
#ifndef MUSTER_POWERDNS_DISABLED_H
#define MUSTER_POWERDNS_DISABLED_H

#include <stddef.h>
#include <stdint.h>

struct powerdns_disabled_set {
	uint8_t *owner; /* wire, lower case */
	uint16_t type;
	uint32_t ttl; /* seconds, of the RRset */
	size_t count;
	char **contents; /* as PowerDNS wrote them */
};

struct powerdns_disabled {
	struct powerdns_disabled_set *sets;
	size_t count;
	size_t cap;
};

/* Adds a record while a zone is read; records of one RRset come one after the other.
 * *disabled NULL: made.  0 or -ENOMEM. */
int powerdns_disabled_add(struct powerdns_disabled **disabled, const uint8_t *owner,
	uint16_t type, uint32_t ttl, const char *content)
	__attribute__((warn_unused_result));

/* After the last was added, before the first is looked for. */
void powerdns_disabled_sort(struct powerdns_disabled *disabled);

/* NULL: none; disabled may be NULL. */
const struct powerdns_disabled_set *powerdns_disabled_find(
	const struct powerdns_disabled *disabled, const uint8_t *owner, uint16_t type);

#endif
