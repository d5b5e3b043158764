/*
 * base64url.  What is encoded may be a secret, of which no bits stay behind.
 */
#include "tsig/base64url.h"

#include <errno.h>
#include <string.h>

#include "tsig/hmac.h"

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_encode(const uint8_t *octets, size_t len, char *ret_text)
{
	uint32_t bits = 0;
	unsigned count = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | octets[i];
		for (count += 8; count >= 6; count -= 6)
			*ret_text++ = digits[bits >> (count - 6) & 63];
	}
	if (count)
		*ret_text++ = digits[bits << (6 - count) & 63];
	*ret_text = '\0';
	hmac_wipe(&bits, sizeof(bits));
}

int base64url_decode(const char *text, size_t len, uint8_t *ret_octets, size_t cap)
{
	uint32_t bits = 0;
	unsigned count = 0;
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;

		if (!digit)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)(digit - digits);
		count += 6;
		if (count < 8)
			continue;
		if (at == cap)
			return -EINVAL;
		count -= 8;
		ret_octets[at++] = (uint8_t)(bits >> count);
	}
	hmac_wipe(&bits, sizeof(bits));
	return (int)at;
}
