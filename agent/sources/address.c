/*
 * The choice of addresses.
 */
#include "agent/sources/address.h"

#include <fnmatch.h>
#include <string.h>

/* RFC 1918, RFC 6598. */
static unsigned scope_ipv4(const uint8_t *octets)
{
	const unsigned a = octets[0], b = octets[1];

	if (a == 0 || a >= 224)
		return 0;
	if (a == 127)
		return SCOPE_HOST;
	if (a == 169 && b == 254)
		return SCOPE_LINK;
	if (a == 10 || (a == 172 && b >= 16 && b < 32) || (a == 192 && b == 168) ||
		(a == 100 && b >= 64 && b < 128))
		return SCOPE_PRIVATE;
	return SCOPE_GLOBAL;
}

/* RFC 4291 2.4, RFC 4193 3.1. */
static unsigned scope_ipv6(const uint8_t *octets)
{
	static const uint8_t loopback[16] = {[15] = 1}, unspecified[16];
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (octets[0] == 0xff || !memcmp(octets, unspecified, 16) ||
		!memcmp(octets, mapped, 12))
		return 0;
	if (!memcmp(octets, loopback, 16))
		return SCOPE_HOST;
	if (octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80)
		return SCOPE_LINK;
	if ((octets[0] & 0xfe) == 0xfc || (octets[0] == 0xfe && octets[1] >= 0xc0))
		return SCOPE_PRIVATE;
	return SCOPE_GLOBAL;
}

unsigned address_scope(unsigned family, const uint8_t *octets)
{
	return family == 4 ? scope_ipv4(octets) : scope_ipv6(octets);
}

bool address_is_interface_chosen(const char *name, char *const *given)
{
	static const char *const usual[] = {"!lo", "!docker*", "!br-*", "!veth*",
		"!virbr*", "!cni*", "!podman*", "!lxc*", "!lxdbr*", "!incusbr*", "!cali*",
		"!flannel*", "!kube*", NULL};
	const char *const *patterns = given ? (const char *const *)given : usual;
	bool is_chosen = false, has_positive = false;

	for (; *patterns; patterns++) {
		const bool is_excluding = (*patterns)[0] == '!';

		has_positive |= !is_excluding;
		if (fnmatch(*patterns + is_excluding, name, 0))
			continue;
		if (is_excluding)
			return false;
		is_chosen = true;
	}
	return is_chosen || !has_positive;
}

bool address_is_chosen(const struct address *address, const struct config_source *source)
{
	const unsigned family = address->family == 4 ? PUBLISH_A : PUBLISH_AAAA;

	if (!(source->publish & (family | PUBLISH_PTR)) || !address->is_link_up)
		return false;
	/* A router may have addresses of its own on loopback: whoever wants them names
	 * the link. */
	if (address->is_loopback_link && !source->interfaces)
		return false;
	if (!address_is_interface_chosen(address->interface, source->interfaces) ||
		!(address_scope(address->family, address->octets) & source->scopes))
		return false;
	if ((address->is_temporary && !(source->include & INCLUDE_TEMPORARY)) ||
		(address->is_deprecated && !(source->include & INCLUDE_DEPRECATED)) ||
		(address->is_tentative && !(source->include & INCLUDE_TENTATIVE)))
		return false;
	return address->family == 4 || !source->has_suffix ||
		!memcmp(address->octets + 8, source->suffix, sizeof(source->suffix));
}
