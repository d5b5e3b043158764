/* Which addresses are published, and what the kernel says about them. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "agent/sources/netlink.h"

enum { DEFAULT_SCOPES = SCOPE_GLOBAL | SCOPE_PRIVATE };

static struct address make(const char *text)
{
	struct address address = {.is_link_up = true, .interface = "eth0"};

	address.family = strchr(text, ':') ? 6 : 4;
	assert_int_equal(
		inet_pton(address.family == 4 ? AF_INET : AF_INET6, text, address.octets),
		1);
	return address;
}

static void scopes_of_addresses(void **state)
{
	static const struct {
		const char *text;
		unsigned scope;
	} rows[] = {
		{"8.8.8.8", SCOPE_GLOBAL},
		{"192.0.2.1", SCOPE_GLOBAL},
		{"10.1.2.3", SCOPE_PRIVATE},
		{"172.16.0.1", SCOPE_PRIVATE},
		{"172.31.255.255", SCOPE_PRIVATE},
		{"172.32.0.1", SCOPE_GLOBAL},
		{"192.168.1.1", SCOPE_PRIVATE},
		{"100.64.0.1", SCOPE_PRIVATE},
		{"100.128.0.1", SCOPE_GLOBAL},
		{"169.254.1.1", SCOPE_LINK},
		{"127.0.0.1", SCOPE_HOST},
		{"0.0.0.0", 0},
		{"224.0.0.1", 0},
		{"255.255.255.255", 0},
		{"2001:db8::1", SCOPE_GLOBAL},
		{"fd00::1", SCOPE_PRIVATE},
		{"fc00::1", SCOPE_PRIVATE},
		{"fec0::1", SCOPE_PRIVATE},
		{"fe80::1", SCOPE_LINK},
		{"::1", SCOPE_HOST},
		{"::", 0},
		{"ff02::1", 0},
		{"::ffff:192.0.2.1", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct address address = make(rows[i].text);

		if (address_scope(address.family, address.octets) != rows[i].scope)
			fail_msg("%s", rows[i].text);
	}
}

static void the_settings_choose(void **state)
{
	const struct config_source usual = {
		.publish = PUBLISH_A | PUBLISH_AAAA, .scopes = DEFAULT_SCOPES};
	struct config_source source = usual;
	struct address a = make("192.0.2.1"), b = make("2001:db8::1:2:3:4");

	(void)state;
	assert_true(address_is_chosen(&a, &source));
	assert_true(address_is_chosen(&b, &source));
	source.publish = PUBLISH_AAAA;
	assert_false(address_is_chosen(&a, &source));
	assert_true(address_is_chosen(&b, &source));
	source = usual;
	source.scopes = SCOPE_PRIVATE;
	assert_false(address_is_chosen(&a, &source));
	source = usual;
	source.has_suffix = true;
	memcpy(source.suffix, b.octets + 8, 8);
	assert_true(address_is_chosen(&b, &source));
	assert_true(address_is_chosen(&a, &source)); /* says nothing about IPv4 */
	source.suffix[7]++;
	assert_false(address_is_chosen(&b, &source));
	source = usual;
	a.is_link_up = false;
	assert_false(address_is_chosen(&a, &source));
}

static void passing_addresses_are_left_out_unless_asked_for(void **state)
{
	static const unsigned includes[] = {
		INCLUDE_TEMPORARY, INCLUDE_DEPRECATED, INCLUDE_TENTATIVE};
	struct config_source source = {.publish = PUBLISH_AAAA, .scopes = DEFAULT_SCOPES};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct address a = make("2001:db8::1");

		a.is_temporary = i == 0;
		a.is_deprecated = i == 1;
		a.is_tentative = i == 2;
		source.include = 0;
		assert_false(address_is_chosen(&a, &source));
		source.include = includes[i];
		assert_true(address_is_chosen(&a, &source));
		source.include = includes[(i + 1) % 3];
		assert_false(address_is_chosen(&a, &source));
	}
}

static void loopback_is_published_if_it_is_named(void **state)
{
	char lo[] = "lo", *named[] = {lo, NULL};
	struct config_source source = {.publish = PUBLISH_A, .scopes = DEFAULT_SCOPES};
	struct address a = make("192.0.2.1");

	(void)state;
	a.interface = "lo";
	a.is_loopback_link = true;
	assert_false(address_is_chosen(&a, &source));
	source.interfaces = named;
	assert_true(address_is_chosen(&a, &source));
}

static void patterns_choose_interfaces(void **state)
{
	char eth[] = "eth*", wlan[] = "wlan0", not_eth1[] = "!eth1", not_tun[] = "!tun*";
	char *some[] = {eth, wlan, not_eth1, NULL}, *others[] = {not_tun, NULL};

	(void)state;
	assert_true(address_is_interface_chosen("eth0", some));
	assert_false(address_is_interface_chosen("eth1", some));
	assert_true(address_is_interface_chosen("wlan0", some));
	assert_false(address_is_interface_chosen("wlan1", some));
	assert_false(address_is_interface_chosen("tun0", others));
	assert_true(address_is_interface_chosen("eth0", others));
	assert_true(address_is_interface_chosen("enp3s0", NULL));
	assert_false(address_is_interface_chosen("docker0", NULL));
	assert_false(address_is_interface_chosen("br-1234", NULL));
	assert_false(address_is_interface_chosen("veth12", NULL));
	assert_true(address_is_interface_chosen("br0", NULL));
}

/* ---- rtnetlink ---- */

struct dump {
	uint8_t octets[4096] __attribute__((aligned(NLMSG_ALIGNTO)));
	size_t len;
};

static struct nlmsghdr *begin(struct dump *dump, uint16_t type, size_t body)
{
	struct nlmsghdr *header = (void *)(dump->octets + dump->len);

	*header = (struct nlmsghdr){.nlmsg_type = type,
		.nlmsg_seq = 7,
		.nlmsg_len = (uint32_t)NLMSG_LENGTH(body)};
	return header;
}

static void attribute(
	struct nlmsghdr *header, uint16_t type, const void *octets, size_t len)
{
	struct rtattr *a = (void *)((uint8_t *)header + NLMSG_ALIGN(header->nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), octets, len);
	header->nlmsg_len = (uint32_t)(NLMSG_ALIGN(header->nlmsg_len) + RTA_SPACE(len));
}

static void end(struct dump *dump, const struct nlmsghdr *header)
{
	dump->len += NLMSG_ALIGN(header->nlmsg_len);
}

static void add_link(struct dump *dump, int index, unsigned flags, const char *name)
{
	struct nlmsghdr *header = begin(dump, RTM_NEWLINK, sizeof(struct ifinfomsg));

	*(struct ifinfomsg *)NLMSG_DATA(header) =
		(struct ifinfomsg){.ifi_index = index, .ifi_flags = flags};
	attribute(header, IFLA_IFNAME, name, strlen(name) + 1);
	end(dump, header);
}

static void add_address(struct dump *dump, unsigned link, uint32_t flags,
	const char *local, const char *peer)
{
	struct nlmsghdr *header = begin(dump, RTM_NEWADDR, sizeof(struct ifaddrmsg));
	const struct address a = make(local ? local : peer), b = make(peer);
	const size_t len = a.family == 4 ? 4 : 16;

	*(struct ifaddrmsg *)NLMSG_DATA(header) =
		(struct ifaddrmsg){.ifa_family = a.family == 4 ? AF_INET : AF_INET6,
			.ifa_index = link,
			.ifa_flags = (uint8_t)flags};
	attribute(header, IFA_ADDRESS, b.octets, len);
	if (local)
		attribute(header, IFA_LOCAL, a.octets, len);
	attribute(header, IFA_FLAGS, &flags, sizeof(flags));
	end(dump, header);
}

static void assert_address(const struct netlink_view *view, size_t i, const char *text)
{
	const struct address wanted = make(text), got = netlink_address_at(view, i);

	assert_int_equal(got.family, wanted.family);
	assert_memory_equal(got.octets, wanted.octets, 16);
}

static void dumps_are_read(void **state)
{
	struct netlink_view view = {0};
	struct dump dump = {0};
	struct address a;

	(void)state;
	add_link(&dump, 1, IFF_UP | IFF_RUNNING | IFF_LOOPBACK, "lo");
	add_link(&dump, 2, IFF_UP | IFF_RUNNING, "eth0");
	add_link(&dump, 3, IFF_UP, "eth1");
	add_address(&dump, 1, 0, "127.0.0.1", "127.0.0.1");
	add_address(&dump, 2, 0, "192.0.2.1", "192.0.2.254"); /* point-to-point */
	add_address(&dump, 2, IFA_F_SECONDARY, "192.0.2.2", "192.0.2.2");
	add_address(&dump, 3, IFA_F_TEMPORARY | IFA_F_DEPRECATED, NULL, "2001:db8::1");
	add_address(&dump, 3, IFA_F_DADFAILED, NULL, "2001:db8::2");
	end(&dump, begin(&dump, NLMSG_DONE, sizeof(int)));
	netlink_read(&view, dump.octets, dump.len, 7);
	assert_true(view.is_done);
	assert_int_equal(view.error, 0);
	assert_int_equal(view.address_count, 5);
	assert_true(netlink_address_at(&view, 0).is_loopback_link);
	assert_address(&view, 1, "192.0.2.1");
	assert_string_equal(netlink_address_at(&view, 1).interface, "eth0");
	/* The bit means something else for IPv4. */
	assert_false(netlink_address_at(&view, 2).is_temporary);
	a = netlink_address_at(&view, 3);
	assert_true(a.is_temporary && a.is_deprecated && !a.is_tentative);
	assert_false(a.is_link_up); /* no carrier */
	assert_true(netlink_address_at(&view, 4).is_tentative);
	netlink_view_clear(&view);
}

static void answers_to_others_and_errors(void **state)
{
	struct netlink_view view = {0};
	struct dump dump = {0};
	struct nlmsghdr *header;

	(void)state;
	add_link(&dump, 2, IFF_UP, "eth0");
	netlink_read(&view, dump.octets, dump.len, 8);
	assert_int_equal(view.link_count, 0);
	dump.len = 0;
	header = begin(&dump, NLMSG_ERROR, sizeof(struct nlmsgerr));
	*(struct nlmsgerr *)NLMSG_DATA(header) = (struct nlmsgerr){.error = -EPERM};
	end(&dump, header);
	netlink_read(&view, dump.octets, dump.len, 7);
	assert_int_equal(view.error, -EPERM);
	netlink_view_clear(&view);
}

/* Messages cut short anywhere: nothing is read beyond their end (sanitizers check
 * that). */
static void dumps_that_are_cut(void **state)
{
	struct dump dump = {0};

	(void)state;
	add_link(&dump, 2, IFF_UP | IFF_RUNNING, "eth0");
	add_address(&dump, 2, 0, "192.0.2.1", "192.0.2.1");
	for (size_t len = 0; len < dump.len; len++) {
		struct netlink_view view = {0};
		uint8_t exact[4096] __attribute__((aligned(NLMSG_ALIGNTO)));

		memcpy(exact, dump.octets, len);
		netlink_read(&view, exact, len, 7);
		assert_false(view.is_done);
		netlink_view_clear(&view);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes_of_addresses),
		cmocka_unit_test(the_settings_choose),
		cmocka_unit_test(passing_addresses_are_left_out_unless_asked_for),
		cmocka_unit_test(loopback_is_published_if_it_is_named),
		cmocka_unit_test(patterns_choose_interfaces),
		cmocka_unit_test(dumps_are_read),
		cmocka_unit_test(answers_to_others_and_errors),
		cmocka_unit_test(dumps_that_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
