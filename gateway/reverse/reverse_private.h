/* What the files of PTR records share. */
#ifndef MUSTER_REVERSE_PRIVATE_H
#define MUSTER_REVERSE_PRIVATE_H

#include "gateway/content/edit.h"
#include "gateway/reverse/reverse.h"
#include "zones/reverse.h"

/* ---- an address and its PTR record ---- */

/* Everything known about one reverse name. */
struct ptr_place {
	struct zone_reverse *reverse;
	uint8_t name[NAME_MAX_LEN];
	const struct rrset *set; /* NULL: no PTR records */
	struct lease *lease;     /* derived, of this host; NULL: none */
	bool is_waiting;         /* its lease has no record */
	bool is_there;           /* the host's record exists, whoever made it */
	bool are_derived;        /* all of set */
};

/* The configured zone that encloses this name most closely.  NULL: there is none, or it
 * is not in service now (then a zone around it knows nothing of the name). */
struct zone_reverse *reverse_find(const struct reverse_zones *all, const uint8_t *name);
/* False: there is no such place now. */
bool ptr_place_find(struct reverse_zones *all, const uint8_t *host, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len, struct ptr_place *ret);
/* Was the record made here?  (One for which a host waits belongs to somebody else.) */
bool ptr_is_derived(const struct lease_table *table, const struct lease *lease);
bool ptr_has_address(const struct zone_reverse *zone, const uint8_t *host, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len);

/* Where the address of a derived PTR record should be. */
struct ptr_address {
	uint8_t host[NAME_MAX_LEN];
	uint8_t rdata[REVERSE_ADDRESS_MAX];
	struct rr address;            /* points into the two */
	struct zone_reverse *forward; /* NULL: in no zone that is known here */
};

/* Does the address of this PTR record exist? */
bool ptr_find_address(
	struct reverse_zones *all, const struct rr *ptr, struct ptr_address *ret);

/* A wish for this zone has lacked memory: those that could be deferred are granted, and
 * derived records are checked, a little later. */
void reverse_look_again(struct zone_reverse *zone);

/* ---- what shall happen ---- */

enum ptr_wish_kind {
	PTR_COMES, /* the record, with its lease */
	PTR_GOES,  /* the record */
	PTR_WAITS, /* the lease alone */
	PTR_STOPS, /* to wait */
};

/* What is to happen to the PTR record of a host. */
struct ptr_wish {
	struct zone_reverse *reverse; /* where; NULL: done */
	uint8_t name[NAME_MAX_LEN];
	uint8_t target[NAME_MAX_LEN];
	uint8_t key[NAME_MAX_LEN];
	enum ptr_wish_kind kind;
	bool is_clearing; /* whatever stands there is removed first */
	bool is_adopted;  /* the record exists already: only its lease is added */
	uint32_t ttl;
	/* of a record that is added or waited for; its names are above */
	struct lease_record lease;
};

/* lease: of the record that is added or waited for; otherwise NULL.  NULL: no memory. */
struct ptr_wish *ptr_wish_add(struct ptr_wishes *wishes, const struct ptr_place *place,
	enum ptr_wish_kind kind, const uint8_t *target, const struct lease_record *lease);
/* The host no longer has the address of this place: a host that waits gets its PTR
 * record. */
void ptr_place_give_up(
	struct ptr_wishes *wishes, const struct ptr_place *place, const uint8_t *host);
/* The next host gets the PTR record; what stands there is to be removed.  False: none
 * waits. */
bool ptr_place_pass_on(struct ptr_wishes *wishes, const struct ptr_place *place);

#endif
