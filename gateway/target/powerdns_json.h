/*
 * What PowerDNS' HTTP API says and wants to hear, as JSON.
 *
 * A zone's answer is read one RRset at a time, so that a zone of a million names needs no
 * tree of them in memory.  What PowerDNS serves is mirrored, not judged: contents become
 * wire form whatever they say, and what no parser here reads is kept as text
 * (zones/verbatim.h).  What Muster has no place for (a type that it does not know, a name
 * that is none) is left alone.  All of these are counted, and the first is named.
 *
 * A REPLACE writes the whole RRset, so that all that PowerDNS had in it goes back as
 * PowerDNS wrote it: texts that Muster would spell otherwise are remembered, and so are
 * disabled records, which are no content (nobody is served them) but would be deleted.
 * Comments stay as they are when a PATCH does not mention them.
 *
 * Pure, but for memory.
 */
#ifndef MUSTER_POWERDNS_JSON_H
#define MUSTER_POWERDNS_JSON_H

#include "gateway/target/odd_list.h"
#include "zones/changeset.h"

enum {
	POWERDNS_WHY_MAX = 192, /* octets of a reason, with its final zero */
	POWERDNS_KIND_MAX = 32, /* of the names of kinds */
	POWERDNS_TYPE_ALIAS = 65401,
	POWERDNS_TYPE_LUA = 65402,
};

/* Records as PowerDNS wrote them, by RRset. */
struct powerdns_texts;
void powerdns_texts_free(struct powerdns_texts *texts);          /* NULL is harmless */
size_t powerdns_texts_count(const struct powerdns_texts *texts); /* RRsets */

struct powerdns_zone {
	char kind[POWERDNS_KIND_MAX];         /* "Native", "Master", "Slave", ... */
	char soa_edit_api[POWERDNS_KIND_MAX]; /* "": not set */
	char soa_edit[POWERDNS_KIND_MAX];
	bool api_rectify;     /* set for the zone; false may also be "not set" */
	bool is_signed;       /* by PowerDNS */
	uint32_t stored;      /* serial in the SOA record; 0 without one */
	uint32_t served;      /* serial that queries see */
	struct rrset *soa;    /* as served; NULL: the zone has none, or none enabled */
	struct zone *content; /* as served; NULL when not wanted */
	struct powerdns_texts *disabled; /* NULL when not wanted, or none */
	struct powerdns_texts *spelt; /* enabled ones that Muster would spell otherwise;
					  * NULL when not wanted, or none */
	size_t outside; /* records that are not in the zone and that nobody is served */
	struct odd_list odd; /* records kept as text or without the shape of their type,
			      * RRsets that are too large or left alone */
};

/* Accepts what a failed read left. */
void powerdns_zone_clear(struct powerdns_zone *zone);

/*
 * Reads the answer to GET /zones/{zone}; seed is the content's.  want_content false: the
 * RRsets but the SOA are passed over.  0 with *ret, to be cleared; -EBADMSG with why;
 * -ENOMEM.
 */
int powerdns_json_read_zone(struct powerdns_zone *ret, const char *json, size_t len,
	const uint8_t *apex, const struct name_seed *seed, bool want_content,
	char ret_why[POWERDNS_WHY_MAX]) __attribute__((warn_unused_result));

/* Is it a secondary there?  The API takes changes to one all the same. */
bool powerdns_zone_is_secondary(const struct powerdns_zone *zone);

/* What a PATCH is made of. */
struct powerdns_patch {
	const struct changeset *changes;
	const uint8_t *apex;
	const struct rrset
		*soa; /* sent in place of the batch's own; NULL: none is sent */
	const struct powerdns_texts *disabled; /* may be NULL */
	const struct powerdns_texts *spelt;    /* may be NULL */
	size_t max;                            /* octets that the server takes */
	bool is_lmdb;                          /* the server's back end is LMDB */
};

/*
 * Writes a PATCH's body, allocated (free()).  Deletions stand first, since PowerDNS
 * compares each RRset with those there are at that moment.  0; -EINVAL with why:
 * something cannot be said; -EFBIG; -ENOMEM.
 */
int powerdns_json_write_patch(const struct powerdns_patch *patch, char **ret_body,
	size_t *ret_len, char ret_why[POWERDNS_WHY_MAX])
	__attribute__((warn_unused_result));

/* The text of an error's answer: {"error": ...}, or else its first line.  Never NULL. */
void powerdns_json_read_error(
	const char *body, size_t len, char ret_text[POWERDNS_WHY_MAX]);

/* A setting's value in the answer to GET /config or GET /zones/{zone}/metadata: the first
 * of a list.  False: not there, or longer than cap - 1. */
bool powerdns_json_read_setting(
	const char *json, size_t len, const char *name, char *ret, size_t cap);

#endif
