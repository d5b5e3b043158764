/* What the files of PTR records share. */
#ifndef MUSTER_REVERSE_PRIVATE_H
#define MUSTER_REVERSE_PRIVATE_H

#include "gateway/content/edit.h"
#include "gateway/reverse/reverse.h"
#include "zones/reverse.h"
#include "zones/reverse.h"

/* ---- an address and its PTR record ---- */

/* All that there is at one reverse name. */
struct ptr_place {
	struct zone_reverse *reverse;
	uint8_t name[NAME_MAX_LEN];
	const struct rrset *set; /* NULL: no PTR records */
	struct lease *lease;     /* derived, of the host's; NULL: none */
	bool is_waiting;         /* that is without a record */
	bool is_there;           /* the host's record is, whosever it is */
	bool are_derived;        /* all of set */
};

/* The zone of this name, or the closest one that encloses it.  NULL: none. */
struct zone_reverse *reverse_find(const struct reverse_zones *all, const uint8_t *name);
/* False: there is no such place now. */
bool ptr_place_find(struct reverse_zones *all, const uint8_t *host, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len, struct ptr_place *ret);
/* Has the record been made here?  (One for which a host waits is somebody else's.) */
bool ptr_is_derived(const struct lease_table *table, const struct lease *lease);
bool ptr_has_address(const struct zone_reverse *zone, const uint8_t *host, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len);

/* Where the address of a derived PTR record should be. */
struct ptr_address {
	uint8_t host[NAME_MAX_LEN];
	uint8_t rdata[REVERSE_ADDRESS_MAX];
	struct rr address;            /* points into the two */
	struct zone_reverse *forward; /* NULL: in no zone that we know */
};

/* Is the address of this PTR record there? */
bool ptr_find_address(
	struct reverse_zones *all, const struct rr *ptr, struct ptr_address *ret);

/* ---- what shall happen ---- */

enum ptr_wish_kind {
	PTR_COMES, /* the record, with its lease */
	PTR_GOES,  /* the record */
	PTR_WAITS, /* the lease alone */
	PTR_STOPS, /* to wait */
};

/* What shall happen to the PTR record of a host. */
struct ptr_wish {
	struct zone_reverse *reverse; /* where; NULL: done */
	uint8_t name[NAME_MAX_LEN];
	uint8_t target[NAME_MAX_LEN];
	uint8_t key[NAME_MAX_LEN];
	enum ptr_wish_kind kind;
	bool is_clearing; /* whatever stands there goes first */
	bool is_adopted;  /* the record is there: only its lease comes */
	uint32_t ttl;
	struct lease_record lease; /* of one that comes or waits; its names are above */
};

/* lease: of what comes or waits; otherwise NULL.  NULL: no memory. */
struct ptr_wish *ptr_wish_add(struct ptr_wishes *wishes, const struct ptr_place *place,
	enum ptr_wish_kind kind, const uint8_t *target, const struct lease_record *lease);
/* The host has the address of this place no longer: whoever waits gets its PTR record. */
void ptr_place_give_up(
	struct ptr_wishes *wishes, const struct ptr_place *place, const uint8_t *host);
/* Whoever is next gets the PTR record; what stands there is to go.  False: nobody. */
bool ptr_place_pass_on(struct ptr_wishes *wishes, const struct ptr_place *place);

#endif
