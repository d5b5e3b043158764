/*
 * The JSON of PowerDNS' HTTP API, read and written.
 *
 * A zone's answer is read one RRset at a time, so that a zone of a million names needs
 * no tree of them in memory.  What PowerDNS serves is mirrored, not judged: contents
 * become wire form whatever they mean, and what we cannot parse is kept as text
 * (zones/verbatim.h).  What Muster cannot represent (an unknown type, an invalid name)
 * is left alone.  All of these are counted, and the first are named.
 *
 * A REPLACE writes the whole RRset, so everything that PowerDNS had in it is sent back
 * as PowerDNS wrote it.  For this we remember texts that Muster would spell
 * differently, and disabled records, which are not served but would be deleted.
 * Comments stay unless a PATCH mentions them.
 *
 * Pure, except for memory.
 */
#ifndef MUSTER_POWERDNS_JSON_H
#define MUSTER_POWERDNS_JSON_H

#include "gateway/target/odd_list.h"
#include "gateway/target/powerdns_rectify.h"
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
	uint32_t stored;      /* serial in the SOA record; 0 if there is none */
	uint32_t served;      /* serial that queries see */
	struct rrset *soa;    /* as served; NULL: the zone has none that is enabled */
	struct zone *content; /* as served; NULL if not wanted */
	struct powerdns_parents *parents; /* of what is served; NULL if not wanted */
	struct powerdns_texts *disabled;  /* NULL if not wanted, or none */
	struct powerdns_texts *spelt;     /* enabled ones that Muster would spell
	                               * differently; NULL if not wanted, or none */
	size_t outside;      /* records that are not in the zone and are never served */
	struct odd_list odd; /* records kept as text or without the shape of their
	                      * type; RRsets that are too large, or left alone */
};

/* Also for what a failed read left. */
void powerdns_zone_clear(struct powerdns_zone *zone);

enum powerdns_want {
	POWERDNS_WANT_SOA,   /* all other RRsets are skipped */
	POWERDNS_WANT_TEXTS, /* what a PATCH has to know */
	POWERDNS_WANT_CONTENT,
};

/*
 * Reads the answer to GET /zones/{zone}; seed is the content's.  0 with *ret, to be
 * cleared; -EBADMSG with why; -ENOMEM.
 */
int powerdns_json_read_zone(struct powerdns_zone *ret, const char *json, size_t len,
	const uint8_t *apex, const struct name_seed *seed, enum powerdns_want want,
	char ret_why[POWERDNS_WHY_MAX]) __attribute__((warn_unused_result));

/*
 * The same, step by step: a large zone takes long to read, and other zones wait for their
 * thread meanwhile.
 */
struct powerdns_reading;

/* Takes over json (NULL: it is empty), even if there is no memory: then NULL. */
struct powerdns_reading *powerdns_reading_new(char *json, size_t len, const uint8_t *apex,
	const struct name_seed *seed, enum powerdns_want want);
void powerdns_reading_free(struct powerdns_reading *reading); /* NULL is harmless */
/* Reads so many RRsets.  1: there are more, or 0 or an error as above; it must not be
 * called again then. */
int powerdns_reading_step(struct powerdns_reading *reading, size_t limit)
	__attribute__((warn_unused_result));
const char *powerdns_reading_why(const struct powerdns_reading *reading);
/* Everything has been read: the zone, to be cleared. */
struct powerdns_zone powerdns_reading_take(struct powerdns_reading *reading);

/* Is it a secondary there?  The API accepts changes to secondaries nevertheless. */
bool powerdns_zone_is_secondary(const struct powerdns_zone *zone);

/* What a PATCH is made of. */
struct powerdns_patch {
	const struct changeset *changes;
	const uint8_t *apex;
	const struct rrset
		*soa; /* sent instead of the batch's own; NULL: no SOA is sent */
	const struct powerdns_texts *disabled; /* may be NULL */
	const struct powerdns_texts *spelt;    /* may be NULL */
	size_t max;                            /* octets that the server accepts */
	bool is_lmdb;                          /* the server's back end is LMDB */
};

/*
 * Writes the body of a PATCH, allocated (free()).  Deletions come first, since PowerDNS
 * compares each RRset with those existing at that moment.  0; -EINVAL with why: it
 * cannot be expressed; -EFBIG; -ENOMEM.
 */
int powerdns_json_write_patch(const struct powerdns_patch *patch, char **ret_body,
	size_t *ret_len, char ret_why[POWERDNS_WHY_MAX])
	__attribute__((warn_unused_result));

/* The text of an error answer: {"error": ...}, or else its first line.  Never NULL. */
void powerdns_json_read_error(
	const char *body, size_t len, char ret_text[POWERDNS_WHY_MAX]);

/* A setting's value in the answer to GET /config or GET /zones/{zone}/metadata: the
 * first of a list.  False: absent, or longer than cap - 1. */
bool powerdns_json_read_setting(
	const char *json, size_t len, const char *name, char *ret, size_t cap);

#endif
