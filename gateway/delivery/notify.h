/*
 * NOTIFY to the secondaries of a local zone (RFC 1996): one datagram per secondary when
 * the zone has changed, repeated until it is answered with NOERROR or has been sent
 * NOTIFY_TRIES times.
 *
 * It is sent from the address that a secondary expects: the configured source, or else
 * an address that the gateway listens on.
 *
 * Some secondaries accept a NOTIFY only if it is signed (NSD, if allow-notify names a
 * key), others only if it is not (Knot, if an acl names none).  If the configuration
 * names no key, the first NOTIFY is unsigned.  If that is refused, it is sent again,
 * signed with the key that the secondary has used to transfer the zone, then with other
 * keys that it might use.  What was accepted is tried first from then on.  A secondary
 * learns nothing of a key except a MAC.
 */
#ifndef MUSTER_NOTIFY_H
#define MUSTER_NOTIFY_H

#include "gateway/config/config.h"
#include "gateway/target/target.h"

enum {
	NOTIFY_TRIES = 5,             /* RFC 1996 3.6 */
	NOTIFY_TIMEOUT_MS = 3000,     /* doubles with each try */
	NOTIFY_PAUSE_MS = 250,        /* changes within this time share a NOTIFY */
	NOTIFY_KEYS_MAX = 4,          /* tried in one round, in addition to no key */
	NOTIFY_KEYS_LOOKED_AT = 1000, /* of the keyring, to find those */
};

struct notify;

/* For a zone whose primary target is local and has secondaries; keeps a reference to
 * the configuration.  old: its predecessor, whose findings it inherits; may be NULL.
 * NULL: no memory or no socket. */
struct notify *notify_new(const struct target_env *env, struct config *config,
	const struct config_zone *zone, const struct notify *old);
void notify_free(struct notify *notify); /* NULL is harmless */
/* The zone has changed.  NULL is harmless. */
void notify_send(struct notify *notify);
/* A client at this address that signed with this key has transferred the zone.  NULL is
 * harmless. */
void notify_learn(
	struct notify *notify, const struct ip_address *source, const uint8_t *key);

#endif
