/*
 * What the kernel says about links and addresses (rtnetlink(7)), message by message.
 * Pure: octets in, structures out.
 */
#ifndef MUSTER_AGENT_NETLINK_H
#define MUSTER_AGENT_NETLINK_H

#include "agent/sources/address.h"

enum { NETLINK_NAME_MAX = 16, NETLINK_LINKS_MAX = 4096, NETLINK_ADDRESSES_MAX = 4096 };

struct netlink_link {
	int index;
	unsigned flags; /* IFF_... */
	char name[NETLINK_NAME_MAX];
};

struct netlink_address {
	int link;               /* index */
	struct address address; /* interface and flags of the link not filled in */
};

/* Everything that a dump has said so far. */
struct netlink_view {
	struct netlink_link *links;
	size_t link_count, link_cap;
	struct netlink_address *addresses;
	size_t address_count, address_cap;
	bool is_done;      /* NLMSG_DONE has come */
	bool is_disturbed; /* changed while it was told: begin again (NLM_F_DUMP_INTR) */
	bool is_full;      /* more than the limits: the rest is left out */
	int error;         /* -errno that the kernel reported, or -ENOMEM */
};

/* Reads a datagram of the answer to a dump with this sequence number; others' messages
 * are skipped. */
void netlink_read(
	struct netlink_view *view, const void *datagram, size_t len, uint32_t sequence);
/* The address at index, complete with its link's name and state; it points into view. */
struct address netlink_address_at(const struct netlink_view *view, size_t index);
/* The same links and addresses, in the same state and order? */
bool netlink_view_is_equal(const struct netlink_view *a, const struct netlink_view *b);
/* Ready for the second half of a dump, or the next one. */
void netlink_view_clear(struct netlink_view *view);

#endif
