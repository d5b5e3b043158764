/*
 * Addresses and prefixes, without sockets: parsing and containment.
 *
 * An IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) is the IPv4 address it carries, wherever
 * it comes from, so that a rule for 192.0.2.0/24 also holds on a dual-stack socket.
 * Scoped addresses (fe80::1%eth0) have no place in policy and are not understood.
 */
#include "zones/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

enum { MAPPED_LEN = 12, MAPPED_BITS = 96 };

/* Parses "0" to "128" without sign, space or leading zeros; -1 otherwise. */
static int bits_from_text(const char *text)
{
	size_t n = strlen(text);
	int bits = 0;

	if (n == 0 || n > 3 || (text[0] == '0' && n > 1))
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		bits = bits * 10 + (*text - '0');
	}
	return bits;
}

static bool is_mapped(const uint8_t octets[16])
{
	static const uint8_t PREFIX[MAPPED_LEN] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};

	return memcmp(octets, PREFIX, MAPPED_LEN) == 0;
}

/* Are all bits from number bits on zero? */
static bool is_zero_beyond(const uint8_t *octets, size_t len, unsigned bits)
{
	for (size_t i = bits / 8; i < len; i++) {
		uint8_t mask = i == bits / 8 ? (uint8_t)(0xff >> bits % 8) : 0xff;
		if (octets[i] & mask)
			return false;
	}
	return true;
}

int cidr_from_text(struct cidr *ret, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	char address[INET6_ADDRSTRLEN];
	struct cidr cidr = {0};

	if (n >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, n);
	address[n] = '\0';
	if (inet_pton(AF_INET, address, cidr.address.octets) == 1)
		cidr.address.family = 4;
	else if (inet_pton(AF_INET6, address, cidr.address.octets) == 1)
		cidr.address.family = 6;
	else
		return -EINVAL;
	int most = cidr.address.family == 4 ? 32 : 128;
	int bits = slash ? bits_from_text(slash + 1) : most;
	if (bits < 0 || bits > most)
		return -EINVAL;
	if (!is_zero_beyond(cidr.address.octets, (size_t)most / 8, (unsigned)bits))
		return -EINVAL;
	if (cidr.address.family == 6 && is_mapped(cidr.address.octets) &&
		bits >= MAPPED_BITS) {
		memmove(cidr.address.octets, cidr.address.octets + MAPPED_LEN, 4);
		memset(cidr.address.octets + 4, 0, MAPPED_LEN);
		cidr.address.family = 4;
		bits -= MAPPED_BITS;
	}
	cidr.bits = (uint8_t)bits;
	*ret = cidr;
	return 0;
}

bool cidr_contains(const struct cidr *cidr, const struct ip_address *address)
{
	size_t whole = cidr->bits / 8;
	unsigned rest = cidr->bits % 8;

	if (address->family == 0 || cidr->address.family != address->family)
		return false;
	if (memcmp(cidr->address.octets, address->octets, whole) != 0)
		return false;
	if (rest == 0)
		return true;
	return (cidr->address.octets[whole] ^ address->octets[whole]) >> (8 - rest) == 0;
}

bool cidr_list_contains(const struct cidr *list, size_t count, const struct ip_address *a)
{
	for (size_t i = 0; i < count; i++)
		if (cidr_contains(&list[i], a))
			return true;
	return false;
}
