/*
 * Inside powerdns_*.c: records of a PowerDNS zone as PowerDNS wrote them, by RRset.
 *
 * There are two lists of them: disabled records, and those whose text is not what Muster
 * would write for the same RDATA.  Almost always both are empty, or small: sorted arrays.
 */
#ifndef MUSTER_POWERDNS_TEXTS_H
#define MUSTER_POWERDNS_TEXTS_H

#include <stddef.h>
#include <stdint.h>

struct powerdns_text {
	char *content;
	const uint8_t *rdata; /* the RDATA that it stands for; in the same block */
	uint16_t rdata_len;
};

struct powerdns_text_set {
	uint8_t *owner; /* wire, lower case */
	uint16_t type;
	uint32_t ttl; /* seconds, of the RRset */
	size_t count;
	size_t cap;
	struct powerdns_text *texts;
};

struct powerdns_texts {
	struct powerdns_text_set *sets;
	size_t count;
	size_t cap;
};

/* Adds a record while a zone is read; records of one RRset come one after the other.
 * set has owner, type and ttl.  Makes *texts if it is NULL.  0 or -ENOMEM. */
int powerdns_texts_add(struct powerdns_texts **texts, const struct powerdns_text_set *set,
	const struct powerdns_text *text) __attribute__((warn_unused_result));

/* To be called after the last was added, before the first search.  NULL is harmless. */
void powerdns_texts_sort(struct powerdns_texts *texts);

/* NULL: none; texts may be NULL. */
const struct powerdns_text_set *powerdns_texts_find(
	const struct powerdns_texts *texts, const uint8_t *owner, uint16_t type);

/* The text in a set (may be NULL) that stands for exactly these octets; NULL: none. */
const char *powerdns_text_of(
	const struct powerdns_text_set *set, const uint8_t *rdata, uint16_t len);

#endif
