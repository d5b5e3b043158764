/*
 * Inside rdata*.c only: the table that gives each type its fields.
 *
 * A shape is a string with one letter per field, in wire order:
 *
 *   1 2 4    unsigned number of this many octets        t   type number (16 bits)
 *   G v      algorithm, IP protocol (8 bits)          K   certificate type (16 bits)
 *   J k      digest type, protocol of a key (8 bits)
 *   T        time, 32 bits, RFC 4034 3.2              d   seconds, 32 bits
 *   a A      IPv4, IPv6 address
 *   C        name: folds case, may come compressed and is written compressed
 *   D        name: folds case, may come compressed, is written in full
 *   F        name: folds case, never compressed       N   name: neither
 *   s        character-string                         S   one or more of them, to the end
 *   o        one more character-string, or the end    c   character-string without quotes
 *   h H      one octet of length, then hex (may be empty), base32hex (may not)
 *   E e i    6 octets xx-xx-..., 8 octets xx-xx-..., 8 octets xxxx:xxxx:...
 *   g        gateway, its kind in the low 7 bits of the second octet (RFC 4025, 8777)
 *   I        what stands before the rendezvous servers in HIP (RFC 8005 5)
 *   M        names like N, to the end, maybe none
 *   6        A6, whole (RFC 2874)                     L   LOC after its version (RFC
 * 1876) w W      type bitmap, to the end, may be empty, may not (RFC 4034 4.1.2) p P APL
 * items, SvcParams, to the end, may be none n y      what follows in WKS, NXT, to the
 * end: bitmaps from bit 0 x X      octets to the end as hex: may be empty, may not z the
 * same, not empty, after 0x and with dots (RFC 1706 7) b B      the same as base64 q Q
 * the same as one quoted string
 */
#ifndef MUSTER_RDATA_SHAPE_H
#define MUSTER_RDATA_SHAPE_H

#include "zones/rdata.h"

enum {
	/* The text is \# len hex: PowerDNS 4.7 has no other form for the type. */
	RDATA_AS_HEX = 1,
	/* PowerDNS does not know the name of the type either: TYPE19. */
	RDATA_UNNAMED = 2,
};

struct rdata_shape {
	const char *name;   /* mnemonic in the IANA registry */
	const char *fields; /* NULL: opaque */
	/* Checks what the shape does not show; NULL: nothing to check.  RDATA has its
	 * shape already.  Returns NULL, or what is wrong. */
	const char *(*check)(const uint8_t *rdata, size_t len);
	unsigned flags;
};

enum { RDATA_INDEXED = 265 }; /* types below this are in one table; beyond it: TA, DLV */

/* NULL: a type without mnemonic, which is opaque (RFC 3597). */
const struct rdata_shape *rdata_shape_of(uint16_t type);

/* Octets of a field that starts at p, with left octets before the end of the RDATA and
 * names in full; -1 if it does not have the right shape.  rdata is where the RDATA
 * begins. */
int rdata_field_len(char field, const uint8_t *rdata, const uint8_t *p, size_t left);

/* Octets of a complete uncompressed name; -1 if there is none. */
int rdata_name_len(const uint8_t *p, size_t left);

static inline unsigned rdata_u16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static inline uint32_t rdata_u32(const uint8_t *p)
{
	return (uint32_t)rdata_u16(p) << 16 | rdata_u16(p + 2);
}

const char *rdata_check_x25(const uint8_t *rdata, size_t len);
const char *rdata_check_gpos(const uint8_t *rdata, size_t len);
const char *rdata_check_wks(const uint8_t *rdata, size_t len);
const char *rdata_check_key(const uint8_t *rdata, size_t len);
const char *rdata_check_dnskey(const uint8_t *rdata, size_t len);
const char *rdata_check_rkey(const uint8_t *rdata, size_t len);
const char *rdata_check_cdnskey(const uint8_t *rdata, size_t len);
const char *rdata_check_ds(const uint8_t *rdata, size_t len);
const char *rdata_check_cds(const uint8_t *rdata, size_t len);
const char *rdata_check_loc(const uint8_t *rdata, size_t len);
const char *rdata_check_nxt(const uint8_t *rdata, size_t len);
const char *rdata_check_atma(const uint8_t *rdata, size_t len);
const char *rdata_check_naptr(const uint8_t *rdata, size_t len);
const char *rdata_check_sshfp(const uint8_t *rdata, size_t len);
const char *rdata_check_ipseckey(const uint8_t *rdata, size_t len);
const char *rdata_check_rrsig(const uint8_t *rdata, size_t len);
const char *rdata_check_dhcid(const uint8_t *rdata, size_t len);
const char *rdata_check_nsec3(const uint8_t *rdata, size_t len);
const char *rdata_check_zonemd(const uint8_t *rdata, size_t len);
const char *rdata_check_svcb(const uint8_t *rdata, size_t len);
const char *rdata_check_caa(const uint8_t *rdata, size_t len);

#endif
