/*
 * The two halves of the powerdns target, as they see each other: target_powerdns.c
 * (looking, loading, how an operation begins and ends) and target_powerdns_deliver.c
 * (writing).
 */
#ifndef MUSTER_TARGET_POWERDNS_PRIVATE_H
#define MUSTER_TARGET_POWERDNS_PRIVATE_H

#include "gateway/target/http_client.h"
#include "gateway/target/powerdns_json.h"
#include "gateway/target/powerdns_rectify.h"
#include "gateway/target/powerdns_serial.h"
#include "gateway/target/target.h"

enum {
	POWERDNS_ANSWER_MAX = 1 << 20, /* octets of any answer but a zone */
	POWERDNS_SLOW_FACTOR = 12,     /* longer than others may requests take that are as
	                                * long as the zone is large */
};

/* The last PATCH, while its outcome is not known. */
struct powerdns_attempt {
	bool is_open;
	struct powerdns_write write;
};

struct powerdns_target {
	struct target_base base;
	uint8_t zone[NAME_MAX_LEN];
	struct name_seed seed;
	char *who; /* the target's id, for the log */
	char *server_url, *zone_url, *soa_url, *metadata_url, *rectify_url, *config_url;
	char *key_header; /* the API key: wiped on free */
	long timeout_ms;
	struct http_client *http;
	struct event *later; /* tells the caller, never from within the caller's call */

	struct rrset *believed, *mirrored; /* NULL: not known */
	uint32_t believed_stored;          /* the stored serial behind believed */
	bool is_suspect; /* believed is not known, and CHANGED has not been said yet */
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
	target_done *done;     /* probe, deliver */
	target_loaded *loaded; /* load */
	void *arg;
	const struct changeset *changes; /* deliver; borrowed */
	bool is_retry;
	bool must_rectify;
	char *body;         /* of the PATCH */
	struct rrset *seen; /* the SOA found there; what later tells */
	struct rrset *sent; /* the SOA in the PATCH; NULL: none */
	bool has_after;     /* the PATCH's answer told the serial: */
	uint32_t after;     /* as stored */
	bool has_other_writer;
	struct target_content content; /* what later tells */
};

static inline struct powerdns_target *powerdns_of(struct target *target)
{
	return (struct powerdns_target *)(void *)target;
}

/* Puts a new reference in the place of an old one. */
static inline void powerdns_remember(struct rrset **place, struct rrset *set)
{
	rrset_ref(set);
	rrset_unref(*place);
	*place = set;
}

/* Takes the reference over; NULL stays what it is. */
static inline void powerdns_replace(struct rrset **place, struct rrset *set)
{
	rrset_unref(*place);
	*place = set;
}

/* ---- target_powerdns.c ---- */

/* Ends the operation, in a moment; t->seen goes along, if it is known. */
void powerdns_complete(struct powerdns_target *t, enum target_outcome outcome,
	const struct verdict *why);
void powerdns_complete_no_memory(struct powerdns_target *t);
void powerdns_complete_failed(
	struct powerdns_target *t, const struct http_response *response);

/* A request, with the headers that all have; or the operation ends for lack of memory. */
void powerdns_ask_with(
	struct powerdns_target *t, struct http_request *request, http_done *done);
/* A GET. */
void powerdns_ask(struct powerdns_target *t, const char *url, http_done *done);

bool powerdns_is_success(const struct http_response *response);
/* Why it is none. */
struct verdict powerdns_explain(const struct http_response *response);

/* An answer about the zone.  NOERROR with *ret to be cleared, or why it will not do. */
struct verdict powerdns_read_zone(struct powerdns_target *t,
	const struct http_response *response, bool want_content,
	struct powerdns_zone *ret);
/* t->seen and t->serial are what the zone has, as far as we know. */
void powerdns_believe(struct powerdns_target *t);

/* What every answer about the zone says: t->seen, t->serial, t->is_signed. */
void powerdns_note_settings(struct powerdns_target *t, const struct powerdns_zone *zone);
/* Both, for a look at the SOA.  False: it would not do, and the operation ends. */
bool powerdns_take_soa(struct powerdns_target *t, const struct http_response *response);

/* The whole zone; goes on with powerdns_send_patch if a batch waits (t->changes). */
void powerdns_start_load(struct powerdns_target *t);

/* ---- target_powerdns_deliver.c ---- */

void powerdns_deliver(struct target *target, const struct target_batch *batch,
	target_done *done, void *arg);
/* t->changes onto t->seen, which is what the zone has. */
void powerdns_send_patch(struct powerdns_target *t);

#endif
