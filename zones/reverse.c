/*
 * Reverse names contain the address backwards: one decimal octet per label for IPv4,
 * four bits in hexadecimal per label for IPv6.
 */
#include "zones/reverse.h"

#include <errno.h>
#include <string.h>

enum { IPV4_LEN = 4, IPV6_LEN = 16 };

static const uint8_t in_addr_arpa[] = "\7in-addr\4arpa";
static const uint8_t ip6_arpa[] = "\3ip6\4arpa";
static const char digits[] = "0123456789abcdef";

static uint8_t *put_decimal(uint8_t *at, unsigned octet)
{
	uint8_t *const len = at++;

	if (octet >= 100)
		*at++ = (uint8_t)digits[octet / 100];
	if (octet >= 10)
		*at++ = (uint8_t)digits[octet / 10 % 10];
	*at++ = (uint8_t)digits[octet % 10];
	*len = (uint8_t)(at - len - 1);
	return at;
}

static uint8_t *put_nibble(uint8_t *at, unsigned nibble)
{
	*at++ = 1;
	*at++ = (uint8_t)digits[nibble];
	return at;
}

int reverse_from_address(uint8_t ret_name[NAME_MAX_LEN], uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len)
{
	uint8_t *at = ret_name;

	if (type == TYPE_A && rdata_len == IPV4_LEN) {
		for (int i = IPV4_LEN - 1; i >= 0; i--)
			at = put_decimal(at, rdata[i]);
		memcpy(at, in_addr_arpa, sizeof(in_addr_arpa));
		return 0;
	}
	if (type != TYPE_AAAA || rdata_len != IPV6_LEN)
		return -EINVAL;
	for (int i = IPV6_LEN - 1; i >= 0; i--) {
		at = put_nibble(at, rdata[i] & 0xf);
		at = put_nibble(at, rdata[i] >> 4);
	}
	memcpy(at, ip6_arpa, sizeof(ip6_arpa));
	return 0;
}

/* Reads a label of an IPv4 name; -1: it is not one. */
static int read_decimal(const uint8_t *label)
{
	int octet = 0;

	if (label[0] < 1 || label[0] > 3 || (label[0] > 1 && label[1] == '0'))
		return -1;
	for (unsigned i = 1; i <= label[0]; i++) {
		if (label[i] < '0' || label[i] > '9')
			return -1;
		octet = 10 * octet + label[i] - '0';
	}
	return octet <= 255 ? octet : -1;
}

static int read_nibble(const uint8_t *label)
{
	const char *digit;

	if (label[0] != 1 || label[1] == '\0')
		return -1;
	digit = strchr(digits, label[1]);
	return digit ? (int)(digit - digits) : -1;
}

static const uint8_t *next_label(const uint8_t *label)
{
	return label + 1 + label[0];
}

int reverse_to_address(const uint8_t *name, uint16_t *ret_type,
	uint8_t ret_rdata[REVERSE_ADDRESS_MAX], uint16_t *ret_len)
{
	const unsigned labels = name_labels(name);
	const bool is_ipv4 = labels == IPV4_LEN + 2;
	const uint16_t len = is_ipv4 ? IPV4_LEN : IPV6_LEN;

	if (!is_ipv4 && labels != 2 * IPV6_LEN + 2)
		return -EINVAL;
	for (int i = len - 1; i >= 0; i--) {
		int low = is_ipv4 ? read_decimal(name) : read_nibble(name), high = 0;

		name = next_label(name);
		if (!is_ipv4) {
			high = read_nibble(name);
			name = next_label(name);
		}
		if (low < 0 || high < 0)
			return -EINVAL;
		ret_rdata[i] = (uint8_t)(high << 4 | low);
	}
	if (!name_is_equal(name, is_ipv4 ? in_addr_arpa : ip6_arpa))
		return -EINVAL;
	*ret_type = is_ipv4 ? TYPE_A : TYPE_AAAA;
	*ret_len = len;
	return 0;
}

bool reverse_is_zone(const uint8_t *name)
{
	return name_is_subdomain(name, in_addr_arpa) ||
		name_is_subdomain(name, ip6_arpa) ||
		name_is_subdomain(in_addr_arpa, name) ||
		name_is_subdomain(ip6_arpa, name);
}
