/*
 * The names under which addresses are looked up, in-addr.arpa (RFC 1035 3.5) and
 * ip6.arpa (RFC 3596 2.5), and the way back.
 */
#ifndef MUSTER_REVERSE_H
#define MUSTER_REVERSE_H

#include <stdbool.h>

#include "zones/rr.h"

enum { REVERSE_ADDRESS_MAX = 16 }; /* octets of RDATA */

/* The reverse name of the address in an A or AAAA record.  0, or -EINVAL for another
 * type or length. */
int reverse_from_address(uint8_t ret_name[NAME_MAX_LEN], uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len);

/* The address (RDATA of type *ret_type) that a name in lower case stands for.  0, or
 * -EINVAL if it does not stand for a single address, or is not written in the usual
 * way. */
int reverse_to_address(const uint8_t *name, uint16_t *ret_type,
	uint8_t ret_rdata[REVERSE_ADDRESS_MAX], uint16_t *ret_len);

/* Is it a zone where the names of addresses belong, or one that encloses those? */
bool reverse_is_zone(const uint8_t *name);

#endif
