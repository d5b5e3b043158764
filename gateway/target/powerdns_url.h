/*
 * Where things are in PowerDNS' HTTP API.  Pure, but for memory; each result is allocated
 * (free()), NULL: no memory.
 */
#ifndef MUSTER_POWERDNS_URL_H
#define MUSTER_POWERDNS_URL_H

#include <stdint.h>

/* base is the configured one ("http://127.0.0.1:8081"), server its name of itself there
 * ("localhost"): base/api/v1/servers/localhost. */
char *powerdns_url_server(const char *base, const char *server);

/* server_url/zones/ID.  In the id, letters, digits, dots and hyphens of the zone's name
 * stand for themselves, everything else as =XX. */
char *powerdns_url_zone(const char *server_url, const uint8_t *zone);

/* The zone's settings and its SOA record alone. */
char *powerdns_url_soa(const char *zone_url, const uint8_t *zone);

#endif
