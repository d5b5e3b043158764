/* Base64 with the alphabet for URLs (RFC 4648 5), without padding. */
#ifndef MUSTER_BASE64URL_H
#define MUSTER_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

/* Room for the text of len octets, with its final zero. */
#define BASE64URL_ROOM(len) (((len) + 2) / 3 * 4 + 1)

void base64url_encode(const uint8_t *octets, size_t len, char *ret_text);
/* The number of octets; or -EINVAL: there are other characters, or more than cap octets.
 * Bits that fill no octet are passed over. */
int base64url_decode(const char *text, size_t len, uint8_t *ret_octets, size_t cap);

#endif
