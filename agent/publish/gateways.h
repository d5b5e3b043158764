/*
 * The gateways: who is asked, in which order, and who after whom.
 *
 * An errand brings one message to the first gateway that takes it: the next one is tried
 * after a timeout, SERVFAIL, NOTAUTH or an answer that proves nothing; TCP after a
 * truncated answer; the server's time after BADTIME; the key's other secrets (rotation)
 * after BADKEY and BADSIG.  What errands learn (which gateway works, the clocks' offset,
 * addresses of names) is shared by those that follow.
 */
#ifndef MUSTER_AGENT_GATEWAYS_H
#define MUSTER_AGENT_GATEWAYS_H

#include "agent/config.h"
#include "agent/publish/outcome.h"

struct gateways;
/* config and base must outlive it.  NULL: no memory. */
struct gateways *gateways_new(struct event_base *base, const struct config *config);
void gateways_free(struct gateways *gateways); /* no errand may be left */
/* The gateway that took the last message, as configured; NULL: none yet. */
const char *gateways_current(const struct gateways *gateways);
/* Addresses of names are looked up anew, and the first gateway is the first again: the
 * network has changed. */
void gateways_forget(struct gateways *gateways);

struct errand_result {
	struct outcome outcome; /* OK, REFUSED, or NEXT: none took it */
	const uint8_t *msg;     /* the answer; NULL: there is none */
	const struct wire_message *m;
	const char *gateway; /* whose; as configured */
};

/* Called once, from the loop; may begin another errand. */
typedef void errand_done(void *arg, const struct errand_result *result);

struct errand_request {
	const uint8_t *octets; /* without TSIG; copied */
	size_t len;
	int family;         /* AF_UNSPEC, or only addresses of this one */
	bool is_from_first; /* begin with the first gateway, not with the last that worked
			     * */
	errand_done *done;
	void *arg;
};

struct errand;
/* NULL: no memory.  Always leads to done, later. */
struct errand *errand_start(
	struct gateways *gateways, const struct errand_request *request);
/* Cancels; nobody is told.  To be called after done, too (or by it).  NULL is harmless.
 * */
void errand_free(struct errand *errand);

#endif
