/*
 * Parses rtnetlink messages.  Lengths are checked, although they come from the kernel.
 */
#include "agent/sources/netlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { FEW = 16 };

static void *make_room(struct netlink_view *view, void *items, size_t count, size_t *cap,
	size_t size, size_t max)
{
	const size_t wanted = *cap ? 2 * *cap : FEW;
	void *more;

	if (count < *cap)
		return items;
	if (count >= max) {
		view->is_full = true;
		return NULL;
	}
	more = reallocarray(items, wanted, size);
	if (more)
		*cap = wanted;
	else
		view->error = -ENOMEM;
	return more;
}

/* The octets of attribute type, at least min of them, or NULL. */
static const void *find_attribute(const struct rtattr *first, int len,
	unsigned short type, size_t min, size_t *ret_len)
{
	for (const struct rtattr *a = first; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type != type)
			continue;
		if (RTA_PAYLOAD(a) < min)
			return NULL;
		*ret_len = RTA_PAYLOAD(a);
		return RTA_DATA(a);
	}
	return NULL;
}

static void read_link(struct netlink_view *view, const struct nlmsghdr *header)
{
	const struct ifinfomsg *info = NLMSG_DATA(header);
	struct netlink_link *links;
	size_t len;
	const char *name;

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
		return;
	name = find_attribute(
		IFLA_RTA(info), (int)IFLA_PAYLOAD(header), IFLA_IFNAME, 1, &len);
	if (!name)
		return;
	links = make_room(view, view->links, view->link_count, &view->link_cap,
		sizeof(*links), NETLINK_LINKS_MAX);
	if (!links)
		return;
	view->links = links;
	struct netlink_link *link = &links[view->link_count++];
	*link = (struct netlink_link){.index = info->ifi_index, .flags = info->ifi_flags};
	if (len > sizeof(link->name) - 1)
		len = sizeof(link->name) - 1;
	memcpy(link->name, name, len);
}

static void read_address(struct netlink_view *view, const struct nlmsghdr *header)
{
	const struct ifaddrmsg *info = NLMSG_DATA(header);
	const unsigned char family = info->ifa_family;
	const size_t octets = family == AF_INET ? 4 : 16;
	struct netlink_address *addresses;
	const void *found, *flags;
	uint32_t flag_bits;
	size_t len;
	int rest;

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
		(family != AF_INET && family != AF_INET6))
		return;
	rest = (int)IFA_PAYLOAD(header);
	/* On point-to-point links IFA_ADDRESS is the peer's. */
	found = find_attribute(IFA_RTA(info), rest, IFA_LOCAL, octets, &len);
	if (!found)
		found = find_attribute(IFA_RTA(info), rest, IFA_ADDRESS, octets, &len);
	addresses = make_room(view, view->addresses, view->address_count,
		&view->address_cap, sizeof(*addresses), NETLINK_ADDRESSES_MAX);
	if (!found || !addresses) {
		view->addresses = addresses ? addresses : view->addresses;
		return;
	}
	view->addresses = addresses;
	flag_bits = info->ifa_flags; /* the lowest 8 of them */
	flags = find_attribute(IFA_RTA(info), rest, IFA_FLAGS, sizeof(flag_bits), &len);
	if (flags)
		memcpy(&flag_bits, flags, sizeof(flag_bits));
	struct netlink_address *a = &addresses[view->address_count++];
	*a = (struct netlink_address){.link = (int)info->ifa_index};
	a->address.family = family == AF_INET ? 4 : 6;
	memcpy(a->address.octets, found, octets);
	/* IPv4 uses the bit of IFA_F_TEMPORARY for secondary addresses. */
	a->address.is_temporary = family == AF_INET6 && flag_bits & IFA_F_TEMPORARY;
	a->address.is_deprecated = flag_bits & IFA_F_DEPRECATED;
	a->address.is_tentative = flag_bits & (IFA_F_TENTATIVE | IFA_F_DADFAILED);
}

static void read_error(struct netlink_view *view, const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);

	if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(*error)))
		view->error = error->error ? error->error : view->error;
}

void netlink_read(
	struct netlink_view *view, const void *datagram, size_t len, uint32_t sequence)
{
	const struct nlmsghdr *header = datagram;
	int rest = (int)len;

	for (; NLMSG_OK(header, (unsigned)rest); header = NLMSG_NEXT(header, rest)) {
		if (header->nlmsg_seq != sequence)
			continue;
		if (header->nlmsg_flags & NLM_F_DUMP_INTR)
			view->is_disturbed = true;
		switch (header->nlmsg_type) {
		case NLMSG_DONE:
			view->is_done = true;
			return;
		case NLMSG_ERROR:
			read_error(view, header);
			return;
		case RTM_NEWLINK:
			read_link(view, header);
			break;
		case RTM_NEWADDR:
			read_address(view, header);
			break;
		default:
			break;
		}
	}
}

struct address netlink_address_at(const struct netlink_view *view, size_t index)
{
	struct address address = view->addresses[index].address;

	address.interface = "";
	for (size_t i = 0; i < view->link_count; i++) {
		const struct netlink_link *link = &view->links[i];

		if (link->index != view->addresses[index].link)
			continue;
		address.interface = link->name;
		/* RUNNING is the kernel's word for a carrier and its like (RFC 2863). */
		address.is_link_up = link->flags & IFF_UP && link->flags & IFF_RUNNING;
		address.is_loopback_link = link->flags & IFF_LOOPBACK;
	}
	return address;
}

static bool is_same_link(const struct netlink_link *a, const struct netlink_link *b)
{
	const unsigned flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;

	return a->index == b->index && (a->flags & flags) == (b->flags & flags) &&
		!strcmp(a->name, b->name);
}

static bool is_same_address(
	const struct netlink_address *a, const struct netlink_address *b)
{
	const struct address *x = &a->address, *y = &b->address;

	return a->link == b->link && x->family == y->family &&
		!memcmp(x->octets, y->octets, sizeof(x->octets)) &&
		x->is_temporary == y->is_temporary &&
		x->is_deprecated == y->is_deprecated &&
		x->is_tentative == y->is_tentative;
}

bool netlink_view_is_equal(const struct netlink_view *a, const struct netlink_view *b)
{
	if (a->link_count != b->link_count || a->address_count != b->address_count)
		return false;
	for (size_t i = 0; i < a->link_count; i++)
		if (!is_same_link(&a->links[i], &b->links[i]))
			return false;
	for (size_t i = 0; i < a->address_count; i++)
		if (!is_same_address(&a->addresses[i], &b->addresses[i]))
			return false;
	return true;
}

void netlink_view_clear(struct netlink_view *view)
{
	free(view->links);
	free(view->addresses);
	*view = (struct netlink_view){0};
}
