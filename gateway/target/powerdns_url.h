/*
 * The URLs of PowerDNS' HTTP API.  Pure, except for memory; each result is allocated
 * (free()), NULL: no memory.
 */
#ifndef MUSTER_POWERDNS_URL_H
#define MUSTER_POWERDNS_URL_H

#include <stdint.h>

/* base is the configured one ("http://127.0.0.1:8081"), server the name it has for
 * itself ("localhost"): base/api/v1/servers/localhost. */
char *powerdns_url_server(const char *base, const char *server);

/* server_url/zones/ID.  In the ID, letters, digits, dots and hyphens of the zone's name
 * are unchanged, everything else becomes =XX. */
char *powerdns_url_zone(const char *server_url, const uint8_t *zone);

/* Only the zone's settings and its SOA record. */
char *powerdns_url_soa(const char *zone_url, const uint8_t *zone);

#endif
