/* What the rooms of PTR records share: served_ptr.c (which addresses come, stay and go)
 * and served_ptr_place.c (what stands at a reverse name, and how that changes). */
#ifndef MUSTER_REVERSE_PRIVATE_H
#define MUSTER_REVERSE_PRIVATE_H

#include "gateway/served/served.h"
#include "zones/reverse.h"

/* ---- an address and its PTR record ---- */

/* All that there is at one reverse name. */
struct ptr_place {
	struct served_zone *reverse;
	uint8_t name[NAME_MAX_LEN];
	const struct rrset *set; /* NULL: no PTR records */
	struct lease *lease;     /* derived, of the host's; NULL: none */
	bool is_waiting;         /* that is without a record */
	bool is_there;           /* the host's record is, whosever it is */
	bool are_derived;        /* all of set */
};

/* False: there is no such place now. */
bool ptr_place_find(struct zone_thread *thread, const uint8_t *host, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len, struct ptr_place *ret);
/* Has the record been made here?  (One for which a host waits is somebody else's.) */
bool ptr_is_derived(const struct lease_table *table, const struct lease *lease);
bool ptr_has_address(const struct served_zone *zone, const uint8_t *host, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len);

/* Where the address of a derived PTR record should be. */
struct ptr_address {
	uint8_t host[NAME_MAX_LEN];
	uint8_t rdata[REVERSE_ADDRESS_MAX];
	struct rr address;           /* points into the two */
	struct served_zone *forward; /* NULL: in no zone that we know */
};

/* Is the address of this PTR record there? */
bool ptr_find_address(
	struct zone_thread *thread, const struct rr *ptr, struct ptr_address *ret);

/* ---- what shall happen ---- */

enum ptr_wish_kind {
	PTR_COMES, /* the record, with its lease */
	PTR_GOES,  /* the record */
	PTR_WAITS, /* the lease alone */
	PTR_STOPS, /* to wait */
};

/* What shall happen to the PTR record of a host. */
struct ptr_wish {
	struct served_zone *reverse; /* where; NULL: done */
	uint8_t name[NAME_MAX_LEN];
	uint8_t target[NAME_MAX_LEN];
	uint8_t key[NAME_MAX_LEN];
	enum ptr_wish_kind kind;
	bool is_clearing; /* whatever stands there goes first */
	bool is_adopted;  /* the record is there: only its lease comes */
	uint32_t ttl;
	struct lease_record lease; /* of one that comes or waits; its names are above */
};

struct ptr_wishes {
	struct ptr_wish *wishes;
	size_t count, room;
	bool is_incomplete; /* no memory */
};

/* lease: of what comes or waits; otherwise NULL.  NULL: no memory. */
struct ptr_wish *ptr_wish_add(struct ptr_wishes *wishes, const struct ptr_place *place,
	enum ptr_wish_kind kind, const uint8_t *target, const struct lease_record *lease);
/* The host has the address of this place no longer: whoever waits gets its PTR record. */
void ptr_place_give_up(
	struct ptr_wishes *wishes, const struct ptr_place *place, const uint8_t *host);
/* Whoever is next gets the PTR record; what stands there is to go.  False: nobody. */
bool ptr_place_pass_on(struct ptr_wishes *wishes, const struct ptr_place *place);
/* All of them, one update for each reverse zone; where several come to one place, the
 * first does, and the others wait.  Frees them. */
void ptr_wishes_grant(struct ptr_wishes *wishes);

#endif
