/*
 * Converts the address of a socket to the form that rules and logs use.
 */
#ifndef MUSTER_IP_ADDRESS_H
#define MUSTER_IP_ADDRESS_H

#include <sys/socket.h>

#include "zones/policy.h"

/* IPv4-mapped addresses become IPv4, as rules expect.  Family 0: it is neither. */
struct ip_address ip_address_of(const struct sockaddr_storage *address);

#endif
