/*
 * What the two halves of the powerdns target share: target_powerdns.c (probing,
 * loading, asking) and target_powerdns_deliver.c (writing).
 */
#ifndef MUSTER_TARGET_POWERDNS_PRIVATE_H
#define MUSTER_TARGET_POWERDNS_PRIVATE_H

#include "gateway/target/http_client.h"
#include "gateway/target/powerdns_json.h"
#include "gateway/target/powerdns_rectify.h"
#include "gateway/target/powerdns_serial.h"
#include "gateway/target/powerdns_url.h"
#include "gateway/target/target_operation.h"

enum {
	POWERDNS_ANSWER_MAX = 1 << 20, /* octets of any answer except a zone */
	POWERDNS_SLOW_FACTOR = 12,     /* factor on the timeout of requests whose
	                                * duration grows with the zone */
};

/* The last PATCH, while its outcome is unknown. */
struct powerdns_attempt {
	bool is_open;
	struct powerdns_write write;
};

struct powerdns_target {
	struct target_base base;
	struct target_operation op;
	uint8_t zone[NAME_MAX_LEN];
	const struct config_target *config;
	struct name_seed seed;
	char *key_header; /* the API key: wiped on free */
	struct http_client *http;

	struct rrset *believed, *mirrored; /* NULL: not known */
	uint32_t believed_stored;          /* the stored serial behind believed */
	bool is_suspect; /* believed is unknown, and CHANGED has not been returned yet */
	struct powerdns_attempt attempt;
	struct powerdns_serial serial;           /* as of the last look */
	struct powerdns_texts *disabled, *spelt; /* as of the last load */
	struct powerdns_parents *parents;
	bool is_signed;
	bool rectifies_itself; /* with each PATCH */
	bool has_hinted;
	bool is_lmdb;     /* the back end, if /config tells it */
	size_t patch_max; /* octets */

	/* the operation under way */
	const struct changeset *changes; /* deliver; borrowed */
	bool is_retry;
	bool must_rectify;
	char *body;         /* of the PATCH */
	struct rrset *sent; /* the SOA in the PATCH; NULL: none */
	bool has_after;     /* the PATCH's answer contained the serial: */
	uint32_t after;     /* as stored */
	bool has_other_writer;
};

static inline struct powerdns_target *powerdns_of(struct target *target)
{
	return (struct powerdns_target *)(void *)target;
}

/* ---- target_powerdns.c ---- */

/* Ends the operation: the request failed. */
void powerdns_fail(struct powerdns_target *t, const struct http_response *response);

/* Sends a request, whose url and headers it fills in; without memory ends the
 * operation. */
void powerdns_ask_with(struct powerdns_target *t, enum powerdns_place place,
	struct http_request *request, http_done *done);
/* Sends a GET. */
void powerdns_ask(struct powerdns_target *t, enum powerdns_place place, http_done *done);

bool powerdns_is_success(const struct http_response *response);
/* Why it is not one. */
struct verdict powerdns_explain(const struct http_response *response);

/* An answer about the zone.  NOERROR with *ret to be cleared, or why it cannot be
 * used. */
struct verdict powerdns_read_zone(struct powerdns_target *t,
	const struct http_response *response, bool want_content,
	struct powerdns_zone *ret);
/* Records that the zone has t->op.seen and t->serial, as far as is known. */
void powerdns_believe(struct powerdns_target *t);

/* What every answer about the zone contains: t->op.seen, t->serial, t->is_signed. */
void powerdns_note_settings(struct powerdns_target *t, const struct powerdns_zone *zone);
/* Does both for a look at the SOA.  False: it failed, and the operation ends. */
bool powerdns_take_soa(struct powerdns_target *t, const struct http_response *response);

/* Loads the whole zone; continues with powerdns_send_patch if a batch waits
 * (t->changes). */
void powerdns_start_load(struct powerdns_target *t);

/* ---- target_powerdns_deliver.c ---- */

void powerdns_deliver(struct target *target, const struct target_batch *batch,
	target_done *done, void *arg);
/* Applies t->changes to t->op.seen, which the zone has. */
void powerdns_send_patch(struct powerdns_target *t);

#endif
