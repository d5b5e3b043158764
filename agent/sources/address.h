/*
 * Which of a host's addresses are published.  Pure.
 */
#ifndef MUSTER_AGENT_ADDRESS_H
#define MUSTER_AGENT_ADDRESS_H

#include "agent/config/config.h"

/* One address as the kernel knows it. */
struct address {
	uint8_t family; /* 4 or 6 */
	uint8_t octets[16];
	bool is_temporary;  /* RFC 8981 */
	bool is_deprecated; /* RFC 4862 5.5.4 */
	bool is_tentative;  /* RFC 4862 5.4: not yet ours; or found to be somebody else's
			    * */
	bool is_link_up;    /* of its interface: up, and with a carrier */
	bool is_loopback_link;
	const char *interface; /* name */
};

/* enum config_scope of an address; 0: never to be published (unspecified, multicast). */
unsigned address_scope(unsigned family, const uint8_t *octets);

/* Is this one to be published by a source of these settings? */
bool address_is_chosen(const struct address *address, const struct config_source *source);

/* Does an interface's name match one of the patterns ("eth*"; "!docker0" excludes)?
 * NULL: all but those that containers and virtual machines live behind. */
bool address_is_interface_chosen(const char *name, char *const *patterns);

#endif
