/*
 * An address as rules and logs speak of it, from the socket's form of it.
 */
#ifndef MUSTER_IP_ADDRESS_H
#define MUSTER_IP_ADDRESS_H

#include <sys/socket.h>

#include "zones/policy.h"

/* IPv4-mapped addresses become IPv4: rules speak of those.  Family 0: it is neither. */
struct ip_address ip_address_of(const struct sockaddr_storage *address);

#endif
