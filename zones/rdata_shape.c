/*
 * The table of types, and how long each of their fields is.
 *
 * What a field means is judged by rdata_check.c, once the shape is known to be right.
 * Every type of the IANA registry whose RDATA is published has a line.
 */
#include "zones/rdata_shape.h"

#include <string.h>

#define OLD (RDATA_AS_HEX | RDATA_UNNAMED)

static const struct rdata_shape SHAPES[RDATA_INDEXED] = {
	[TYPE_A] = {"A", "a", NULL, 0},
	[TYPE_NS] = {"NS", "C", NULL, 0},
	[TYPE_MD] = {"MD", "C", NULL, OLD},
	[TYPE_MF] = {"MF", "C", NULL, OLD},
	[TYPE_CNAME] = {"CNAME", "C", NULL, 0},
	[TYPE_SOA] = {"SOA", "CC4dddd", NULL, 0},
	[7] = {"MB", "C", NULL, 0},
	[8] = {"MG", "C", NULL, 0},
	[9] = {"MR", "C", NULL, 0},
	[10] = {"NULL", NULL, NULL, OLD},
	[TYPE_WKS] = {"WKS", "avn", rdata_check_wks, OLD},
	[TYPE_PTR] = {"PTR", "C", NULL, 0},
	[13] = {"HINFO", "ss", NULL, 0},
	[14] = {"MINFO", "CC", NULL, 0},
	[TYPE_MX] = {"MX", "2C", NULL, 0},
	[TYPE_TXT] = {"TXT", "S", NULL, 0},
	[17] = {"RP", "DD", NULL, 0},
	[18] = {"AFSDB", "2D", NULL, 0},
	[19] = {"X25", "s", rdata_check_x25, OLD},
	[20] = {"ISDN", "so", NULL, OLD},
	[21] = {"RT", "2D", NULL, OLD},
	[22] = {"NSAP", "z", NULL, OLD},
	[23] = {"NSAP-PTR", "N", NULL, OLD},
	[TYPE_SIG] = {"SIG", "tG1dTT2DB", NULL, RDATA_AS_HEX},
	[TYPE_KEY] = {"KEY", "2kGb", rdata_check_key, 0},
	[26] = {"PX", "2DD", NULL, OLD},
	[27] = {"GPOS", "sss", rdata_check_gpos, OLD},
	[TYPE_AAAA] = {"AAAA", "A", NULL, 0},
	[29] = {"LOC", "1L", rdata_check_loc, 0},
	[TYPE_NXT] = {"NXT", "Dy", rdata_check_nxt, OLD},
	[31] = {"EID", "X", NULL, OLD},
	[32] = {"NIMLOC", "X", NULL, OLD},
	[TYPE_SRV] = {"SRV", "222D", NULL, 0},
	[34] = {"ATMA", "X", rdata_check_atma, OLD},
	[35] = {"NAPTR", "22sssD", rdata_check_naptr, 0},
	[36] = {"KX", "2D", NULL, 0},
	[37] = {"CERT", "K2GB", NULL, 0},
	[38] = {"A6", "6", NULL, RDATA_AS_HEX},
	[TYPE_DNAME] = {"DNAME", "D", NULL, 0},
	[40] = {"SINK", "111b", NULL, OLD},
	[TYPE_OPT] = {"OPT", NULL, NULL, RDATA_AS_HEX},
	[42] = {"APL", "p", NULL, 0},
	[TYPE_DS] = {"DS", "2GJX", rdata_check_ds, 0},
	[TYPE_SSHFP] = {"SSHFP", "11X", rdata_check_sshfp, 0},
	[45] = {"IPSECKEY", "111gb", rdata_check_ipseckey, 0},
	[TYPE_RRSIG] = {"RRSIG", "tG1dTT2FB", rdata_check_rrsig, 0},
	[TYPE_NSEC] = {"NSEC", "NW", NULL, 0},
	[TYPE_DNSKEY] = {"DNSKEY", "2kGB", rdata_check_dnskey, 0},
	[TYPE_DHCID] = {"DHCID", "B", rdata_check_dhcid, 0},
	[TYPE_NSEC3] = {"NSEC3", "112hHw", rdata_check_nsec3, 0},
	[TYPE_NSEC3PARAM] = {"NSEC3PARAM", "112h", NULL, 0},
	[52] = {"TLSA", "111X", NULL, 0},
	[53] = {"SMIMEA", "111X", NULL, 0},
	[55] = {"HIP", "IM", NULL, OLD},
	[56] = {"NINFO", "S", NULL, OLD},
	[57] = {"RKEY", "2kGB", rdata_check_rkey, 0},
	[58] = {"TALINK", "NN", NULL, OLD},
	[TYPE_CDS] = {"CDS", "2GJX", rdata_check_cds, 0},
	[TYPE_CDNSKEY] = {"CDNSKEY", "2kGB", rdata_check_cdnskey, 0},
	[61] = {"OPENPGPKEY", "B", NULL, 0},
	[62] = {"CSYNC", "42w", NULL, 0},
	[63] = {"ZONEMD", "411X", rdata_check_zonemd, 0},
	[64] = {"SVCB", "2NP", rdata_check_svcb, 0},
	[65] = {"HTTPS", "2NP", rdata_check_svcb, 0},
	[66] = {"DSYNC", "t12N", NULL, OLD},
	[67] = {"HHIT", "B", NULL, OLD},
	[68] = {"BRID", "B", NULL, OLD},
	[99] = {"SPF", "S", NULL, 0},
	[100] = {"UINFO", NULL, NULL, OLD},
	[101] = {"UID", NULL, NULL, OLD},
	[102] = {"GID", NULL, NULL, OLD},
	[103] = {"UNSPEC", NULL, NULL, OLD},
	[104] = {"NID", "2i", NULL, 0},
	[105] = {"L32", "2a", NULL, 0},
	[106] = {"L64", "2i", NULL, 0},
	[107] = {"LP", "2N", NULL, 0},
	[108] = {"EUI48", "E", NULL, 0},
	[109] = {"EUI64", "e", NULL, 0},
	[128] = {"NXNAME", NULL, NULL, OLD},
	[TYPE_TKEY] = {"TKEY", NULL, NULL, RDATA_AS_HEX},
	[TYPE_TSIG] = {"TSIG", NULL, NULL, RDATA_AS_HEX},
	[TYPE_IXFR] = {"IXFR", NULL, NULL, RDATA_AS_HEX},
	[TYPE_AXFR] = {"AXFR", NULL, NULL, RDATA_AS_HEX},
	[TYPE_MAILB] = {"MAILB", NULL, NULL, RDATA_AS_HEX},
	[TYPE_MAILA] = {"MAILA", NULL, NULL, RDATA_AS_HEX},
	[TYPE_ANY] = {"ANY", NULL, NULL, RDATA_AS_HEX},
	[256] = {"URI", "22Q", NULL, 0},
	[257] = {"CAA", "1cq", rdata_check_caa, 0},
	[258] = {"AVC", "S", NULL, OLD},
	[259] = {"DOA", "441sb", NULL, OLD},
	[260] = {"AMTRELAY", "11g", NULL, OLD},
	[261] = {"RESINFO", "S", NULL, OLD},
	[262] = {"WALLET", "S", NULL, OLD},
	[263] = {"CLA", "S", NULL, OLD},
	[264] = {"IPN", NULL, NULL, OLD},
};

static const struct rdata_shape TA = {"TA", "2GJX", rdata_check_ds, OLD};
static const struct rdata_shape DLV = {"DLV", "2GJX", rdata_check_ds, 0};

const struct rdata_shape *rdata_shape_of(uint16_t type)
{
	if (type < RDATA_INDEXED)
		return SHAPES[type].name ? &SHAPES[type] : NULL;
	if (type == 32768)
		return &TA;
	return type == 32769 ? &DLV : NULL;
}

int rdata_name_len(const uint8_t *p, size_t left)
{
	size_t at = 0;

	while (at < left && at < NAME_MAX_LEN) {
		uint8_t label = p[at];
		if (label > 63)
			return -1;
		at += 1u + label;
		if (label == 0)
			return (int)at;
	}
	return -1;
}

/* Zero or more names, all of them complete. */
static int names_len(const uint8_t *p, size_t left)
{
	size_t at = 0;

	while (at < left) {
		int n = rdata_name_len(p + at, left - at);
		if (n < 0)
			return -1;
		at += (size_t)n;
	}
	return (int)at;
}

static int strings_len(const uint8_t *p, size_t left)
{
	size_t at = 0;

	while (at < left)
		at += 1u + p[at];
	return at == left && at > 0 ? (int)at : -1;
}

/* RFC 4034 4.1.2: windows in order, 1 to 32 octets each, without trailing zero octets. */
static int bitmap_len(const uint8_t *p, size_t left)
{
	int last_window = -1;
	size_t at = 0;

	while (at < left) {
		if (left - at < 2 || p[at] <= last_window)
			return -1;
		size_t n = p[at + 1];
		if (n == 0 || n > 32 || left - at - 2 < n || p[at + 1 + n] == 0)
			return -1;
		last_window = p[at];
		at += 2 + n;
	}
	return (int)at;
}

/*
 * RFC 3123 4.  Families other than IPv4 and IPv6 have no text form that any server
 * reads, so a zone that contained one could not be written out.  They are refused.
 */
static int apl_len(const uint8_t *p, size_t left)
{
	size_t at = 0;

	while (at < left) {
		if (left - at < 4)
			return -1;
		unsigned family = rdata_u16(p + at);
		size_t n = p[at + 3] & 0x7f;
		if (family != 1 && family != 2)
			return -1;
		if (p[at + 2] > (family == 1 ? 32 : 128) || n > (family == 1 ? 4 : 16))
			return -1;
		if (left - at - 4 < n || (n > 0 && p[at + 3 + n] == 0))
			return -1;
		at += 4 + n;
	}
	return (int)at;
}

/* RFC 9460 2.2: key, length, value; keys strictly ascending. */
static int svcparams_len(const uint8_t *p, size_t left)
{
	int last_key = -1;
	size_t at = 0;

	while (at < left) {
		if (left - at < 4 || (int)rdata_u16(p + at) <= last_key)
			return -1;
		last_key = (int)rdata_u16(p + at);
		size_t n = rdata_u16(p + at + 2);
		if (left - at - 4 < n)
			return -1;
		at += 4 + n;
	}
	return (int)at;
}

static int gateway_len(unsigned kind, const uint8_t *p, size_t left)
{
	static const uint8_t LENGTHS[] = {0, 4, 16};

	if (kind == 3)
		return rdata_name_len(p, left);
	if (kind > 3)
		/* a later type of RFC 8777 4.2.3, which IPSECKEY lacks */
		return (int)left;
	return left < LENGTHS[kind] ? -1 : LENGTHS[kind];
}

/* RFC 8005 5: HIT length, algorithm, public key length, HIT, public key. */
static int hip_len(const uint8_t *p, size_t left)
{
	if (left < 4 || p[0] == 0 || rdata_u16(p + 2) == 0)
		return -1;
	size_t n = 4u + p[0] + rdata_u16(p + 2);
	return n <= left ? (int)n : -1;
}

/* RFC 2874 3.1: prefix length, the part of the address that is not in the prefix
 * (padding bits zero), and the prefix name unless the prefix is empty. */
static int a6_len(const uint8_t *p, size_t left)
{
	if (left < 1 || p[0] > 128)
		return -1;
	size_t suffix = (128u - p[0] + 7) / 8;
	if (left < 1 + suffix)
		return -1;
	if (p[0] % 8 != 0 && p[1] >> (8 - p[0] % 8) != 0)
		return -1;
	if (p[0] == 0)
		return (int)(1 + suffix);
	int n = rdata_name_len(p + 1 + suffix, left - 1 - suffix);
	return n < 0 ? -1 : (int)(1 + suffix) + n;
}

static int fixed_len(size_t n, size_t left)
{
	return left >= n ? (int)n : -1;
}

/* One case per letter: longer than most functions, but flat. */
int rdata_field_len(char field, const uint8_t *rdata, const uint8_t *p, size_t left)
{
	switch (field) {
	case '1':
	case 'G':
	case 'J':
	case 'k':
	case 'v':
		return fixed_len(1, left);
	case '2':
	case 'K':
	case 't':
		return fixed_len(2, left);
	case '4':
	case 'd':
	case 'T':
	case 'a':
		return fixed_len(4, left);
	case 'E':
		return fixed_len(6, left);
	case 'e':
	case 'i':
		return fixed_len(8, left);
	case 'L':
		return fixed_len(15, left);
	case 'A':
		return fixed_len(16, left);
	case 'C':
	case 'D':
	case 'F':
	case 'N':
		return rdata_name_len(p, left);
	case 'o':
		return left == 0 ? 0 : fixed_len(1u + p[0], left);
	case 's':
	case 'c':
	case 'h':
		return left == 0 ? -1 : fixed_len(1u + p[0], left);
	case 'H':
		return left == 0 || p[0] == 0 ? -1 : fixed_len(1u + p[0], left);
	case 'S':
		return strings_len(p, left);
	case 'w':
		return bitmap_len(p, left);
	case 'W':
		return left == 0 ? -1 : bitmap_len(p, left);
	case 'p':
		return apl_len(p, left);
	case 'P':
		return svcparams_len(p, left);
	case 'g':
		return gateway_len(rdata[1] & 0x7f, p, left);
	case 'I':
		return hip_len(p, left);
	case 'M':
		return names_len(p, left);
	case '6':
		return a6_len(p, left);
	case 'X':
	case 'B':
	case 'Q':
	case 'z':
		return left == 0 ? -1 : (int)left;
	default: /* x b q n y */
		return (int)left;
	}
}
