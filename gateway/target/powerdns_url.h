/*
 * The URLs of PowerDNS' HTTP API.  Pure, except for memory.
 */
#ifndef MUSTER_POWERDNS_URL_H
#define MUSTER_POWERDNS_URL_H

#include <stdint.h>

/* The metadata that has what API-RECTIFY was before Muster. */
#define POWERDNS_NOTE_KIND "X-MUSTER-API-RECTIFY"

/* What is asked for. */
enum powerdns_place {
	POWERDNS_ZONE,     /* settings and records */
	POWERDNS_SOA,      /* settings and the SOA record */
	POWERDNS_METADATA, /* of the zone */
	POWERDNS_NOTE,     /* the zone's POWERDNS_NOTE_KIND */
	POWERDNS_RECTIFY,
	POWERDNS_CONFIG, /* the server's settings */
};

/*
 * base is the configured one ("http://127.0.0.1:8081"), server the name it has for
 * itself ("localhost").  In the zone's ID, letters, digits, dots and hyphens of its name
 * are unchanged, everything else becomes =XX.  Allocated (free()); NULL: no memory.
 */
char *powerdns_url(const char *base, const char *server, const uint8_t *zone,
	enum powerdns_place place);

#endif
