/*
 * UTF-8, RFC 3629.
 */
#ifndef MUSTER_UTF8_H
#define MUSTER_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Octets of the character that begins at p, with left octets to go; 0 if it is
 * invalid. */
size_t utf8_len(const uint8_t *p, size_t left);

#endif
