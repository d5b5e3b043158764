/*
 * Questions and zone transfers passed on to the server of a ddns target, for clients
 * that ask for what the mirror lacks: a zone's signatures.
 *
 * One exchange at a time, over a connection of its own, signed with the target's key.
 * The server's answers are passed on unchanged, and neither kept nor compared with the
 * mirror.  Belongs to the zone thread.
 */
#ifndef MUSTER_TARGET_RELAY_H
#define MUSTER_TARGET_RELAY_H

#include "gateway/target/target.h"

struct target_relay;

struct target_relay_result {
	struct verdict why; /* NOERROR, or why there is no answer */
	const uint8_t *msg; /* a question's answer: NOERROR, NXDOMAIN, YXDOMAIN */
	/* its walk; both are valid until the next exchange begins */
	const struct wire_message *m;
};

/* Called once, from the event loop; may begin the next exchange or free the relay. */
typedef void target_relay_done(void *arg, const struct target_relay_result *result);
/* A record of a transfer, in order.  False: stop; done gets a failure. */
typedef bool target_relay_record(const struct rr *rr, void *arg);

/* config and env must outlive it.  NULL: no memory. */
struct target_relay *target_relay_new(const struct config_target *config,
	const uint8_t *zone, const struct target_env *env);
/* Cancels the current exchange without a callback.  NULL is harmless. */
void target_relay_free(struct target_relay *relay);

/* There must be no other exchange.  done is always called, later. */
void target_relay_ask(struct target_relay *relay, const uint8_t *name, uint16_t type,
	bool dnssec_ok, target_relay_done *done, void *arg);
/* since: a SOA with the client's serial (IXFR), a reference is taken; NULL: AXFR.  A
 * server without IXFR is asked for AXFR. */
void target_relay_transfer(struct target_relay *relay, struct rrset *since,
	target_relay_record *record, target_relay_done *done, void *arg);

#endif
