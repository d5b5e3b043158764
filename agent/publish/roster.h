/*
 * The gateways at which this host is registered for one zone, with a publisher for each.
 *
 * The first gateway of the configuration is registered with; the next one when those
 * before it fail, and only then.  Where the host was once registered it stays so: its
 * records are kept current and refreshed there, too, for as long as the gateway is
 * configured.  Gateways that share no store each have leases of their own, and one that
 * is not refreshed would remove the records of a live host from the servers that all of
 * them deliver to.
 *
 * A gateway that runs but cannot be reached from here does that all the same, as does one
 * that is no longer configured: when a lease has ended that could not be refreshed, the
 * others are sent everything once more.
 */
#ifndef MUSTER_AGENT_ROSTER_H
#define MUSTER_AGENT_ROSTER_H

#include "agent/publish/publisher.h"

typedef void roster_told(void *arg, enum publisher_event event);

struct roster_config {
	struct alarms *alarms;
	const struct config *config; /* must outlive it, as must gateways */
	struct gateways *gateways;
	const uint8_t *zone; /* copied */
	int64_t delay_ms;    /* before the first update */
	roster_told *told;
	void *arg;
};

struct roster;
struct roster *roster_new(const struct roster_config *config); /* NULL: no memory */
void roster_free(struct roster *roster);                       /* NULL is harmless */

/* What an earlier run has sent to this gateway (its text in the configuration; one that
 * is configured no more has its records looked after by the first).  Before the first
 * roster_want.  0 or -ENOMEM. */
int roster_remember(struct roster *roster, const char *gateway,
	const struct ledger_entry *entry) __attribute__((warn_unused_result));
/* Sets the records, which are sorted, that the zone is to hold.  0 or -ENOMEM. */
int roster_want(struct roster *roster, const struct records *records)
	__attribute__((warn_unused_result));
/* The network has changed: whatever waits for a retry is tried soon. */
void roster_hurry(struct roster *roster);
/* Removes everything, wherever it is. */
void roster_withdraw(struct roster *roster);

const uint8_t *roster_zone(const struct roster *roster);
/* The publisher of a gateway, by its place in the configuration; NULL: the host is not
 * registered there. */
struct publisher *roster_publisher(const struct roster *roster, size_t gateway);
/* The publisher that stands for the state of the zone: the first without a failure, or
 * else the first of all. */
struct publisher *roster_front(const struct roster *roster);
/* Does one of the gateways have all that is wanted (nothing, after a withdrawal)? */
bool roster_is_ok(const struct roster *roster);
/* Has every attempt ended, and none more to do now? */
bool roster_is_settled(const struct roster *roster);
/* The earliest update of all of them; INT64_MAX: none. */
int64_t roster_next_ms(const struct roster *roster);

#endif
