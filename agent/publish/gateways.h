/*
 * The gateways, and the order in which they are asked.
 *
 * An errand brings one message to the first gateway that takes it: the next one is tried
 * after a timeout, SERVFAIL, NOTAUTH or an answer that proves nothing; TCP after a
 * truncated answer; the server's time after BADTIME; the key's other secrets (rotation)
 * after BADKEY and BADSIG.  An errand may also be for one gateway alone.  What errands
 * learn (which gateway works; each gateway's addresses, clock and secret) is shared by
 * those that follow.
 */
#ifndef MUSTER_AGENT_GATEWAYS_H
#define MUSTER_AGENT_GATEWAYS_H

#include "agent/config/config.h"
#include "agent/publish/outcome.h"
#include "gateway/base/alarm.h"

struct gateways;
/* config and base must outlive it.  NULL: no memory. */
struct gateways *gateways_new(struct alarms *alarms, const struct config *config);
void gateways_free(struct gateways *gateways); /* no errand may be left */
/* Called when the network has changed: names are looked up again, and the first gateway
 * is tried first again. */
void gateways_forget(struct gateways *gateways);

struct errand_result {
	struct outcome outcome; /* OK, REFUSED, or NEXT: none took it */
	const uint8_t *msg;     /* the answer; NULL: there is none */
	const struct wire_message *m;
	const char *gateway; /* whose; as configured */
};

/* Called once, from the loop; may begin another errand. */
typedef void errand_done(void *arg, const struct errand_result *result);

enum { ERRAND_ANY = -1 };

struct errand_request {
	const uint8_t *octets; /* without TSIG; copied */
	size_t len;
	int family;  /* AF_UNSPEC, or only addresses of this one */
	int gateway; /* index of the only one to ask; ERRAND_ANY: the last that worked,
		      * then the others */
	errand_done *done;
	void *arg;
};

struct errand;
/* NULL: no memory.  Always leads to done, later. */
struct errand *errand_start(
	struct gateways *gateways, const struct errand_request *request);
/* Cancels the errand without calling done.  Must be called after done as well (or by it).
 * NULL is harmless. */
void errand_free(struct errand *errand);

#endif
