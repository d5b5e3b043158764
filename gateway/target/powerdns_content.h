/*
 * Inside powerdns_*.c: the `content` of a record in PowerDNS' API, and its RDATA.
 *
 * ALIAS and LUA, which only PowerDNS has, are kept in its wire form.  What we cannot
 * parse is kept as text (zones/verbatim.h), and so is anything longer than RDATA can
 * be.
 */
#ifndef MUSTER_POWERDNS_CONTENT_H
#define MUSTER_POWERDNS_CONTENT_H

#include "zones/rdata.h"

/* PowerDNS' name of a type, and back; 0: unknown here. */
const char *powerdns_type_name(uint16_t type, char buf[RDATA_TYPE_NAME_MAX]);
uint16_t powerdns_type_from_name(const char *name);

/* Accepts everything; out takes 65535 octets.  Length or -ENOMEM. */
int powerdns_content_from_text(
	uint16_t type, const char *text, const uint8_t *apex, uint8_t *out);

/* Sets *ret_text, allocated: 0; -EINVAL: PowerDNS has no text for it; -ENOMEM. */
int powerdns_content_to_text(
	uint16_t type, const uint8_t *rdata, uint16_t len, char **ret_text);

#endif
