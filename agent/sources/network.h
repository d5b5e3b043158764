/*
 * The host's network as it is now: links and addresses, and a call whenever they have
 * changed.
 *
 * The kernel reports changes (rtnetlink(7)); after each, all links and addresses are
 * listed anew, on a second socket, so that nothing can drift.  Many changes at once cause
 * one listing.  Changes of what we do not look at (such as lifetimes that routers
 * prolong) cause no call.
 */
#ifndef MUSTER_AGENT_NETWORK_H
#define MUSTER_AGENT_NETWORK_H

#include "agent/sources/netlink.h"
#include "gateway/base/alarm.h"

/* The view differs from before, or is the first. */
typedef void network_changed(void *arg);

struct network;
/* NULL: logged. */
struct network *network_new(struct alarms *alarms, network_changed *changed, void *arg);
void network_free(struct network *network); /* NULL is harmless */
/* Valid until the loop turns; NULL: not known yet. */
const struct netlink_view *network_view(const struct network *network);

#endif
