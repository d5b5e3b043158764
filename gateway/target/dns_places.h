/*
 * Where a ddns target is asked: the addresses and hosts of its configuration, of which
 * one is used at a time.
 *
 * The address that answered last is used for as long as it answers.  If one cannot be
 * reached, or does not answer, the next is tried: first the other addresses of the same
 * host, then the other hosts of the configuration (endpoints.h).  The addresses of a host
 * are looked up when it is its turn, and again when its turn comes back, so that a server
 * that has moved is found.
 *
 * One target's channels share it.  It belongs to a thread and its event base.
 */
#ifndef MUSTER_DNS_PLACES_H
#define MUSTER_DNS_PLACES_H

#include <sys/queue.h>

#include "gateway/base/ip_address.h"
#include "gateway/target/target.h"

struct dns_places;

/* Waits for an address; embedded.  All zero before the first use. */
struct dns_places_waiter {
	TAILQ_ENTRY(dns_places_waiter) entry;
	bool is_waiting;
	struct alarm found; /* set by its owner; rings when it need not wait any more */
};

/* For a target, which outlives it.  zone is named in the log when another address is
 * used; NULL: nothing is logged.  NULL: no memory. */
struct dns_places *dns_places_new(const struct config_target *target, const uint8_t *zone,
	const struct target_env *env);
void dns_places_free(struct dns_places *places); /* NULL is harmless; nobody waits */

/* Nothing is under way: each of them may be tried once. */
void dns_places_begin(struct dns_places *places);
/* The one to use; NULL: it is not known, and has to be found. */
const struct config_address *dns_places_address(const struct dns_places *places);
/* After dns_places_find: why there is no address. */
const char *dns_places_why(const struct dns_places *places);
/* The waiter's alarm rings, once. */
void dns_places_find(struct dns_places *places, struct dns_places_waiter *waiter);
/* Its alarm does not ring.  Harmless if it does not wait. */
void dns_places_give_up(struct dns_places *places, struct dns_places_waiter *waiter);

/* This address was not reached, or gave no answer; NULL: it was not found.  True: there
 * is another one, which may have to be found first. */
bool dns_places_fail(struct dns_places *places, const struct config_address *address);
/* This address has answered.  It counts if it is still the one to use. */
void dns_places_answer(struct dns_places *places, const struct config_address *address);

bool dns_places_is_same(const struct config_address *a, const struct config_address *b);
/* Is this one of the addresses that are known now?  Their ports do not matter. */
bool dns_places_has(const struct dns_places *places, const struct ip_address *address);

/* For messages: the address in use, with the name of its host if it has one. */
const char *dns_places_text(const struct dns_places *places);
/* The same if it is another than the first of the configuration; otherwise NULL. */
const char *dns_places_elsewhere(const struct dns_places *places);

#endif
