/*
 * DNS messages as octets: the bounded reader and writer that everything else goes
 * through, and the walk that decides whether an octet string is a DNS message at all.
 *
 * Reader and writer have a sticky error: after the first access out of bounds nothing
 * more is read or written and reads return zero, so a caller can check once at the
 * end.  No structure is ever cast onto a packet.
 */
#ifndef MUSTER_WIRE_H
#define MUSTER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tsig/name.h"
#include "tsig/verdict.h"

enum {
	WIRE_HEADER_LEN = 12,
	WIRE_MESSAGE_MAX = 65535, /* RFC 1035 4.2.2 */
	WIRE_UDP_PLAIN = 512,     /* largest UDP answer without EDNS, RFC 1035 4.2.1 */
};

/* Opcodes (RFC 1035 4.1.1, 1996, 2136). */
enum opcode { OPCODE_QUERY = 0, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5 };

/* Header flags, as they stand in the second 16-bit word. */
enum {
	WIRE_QR = 0x8000,
	WIRE_AA = 0x0400,
	WIRE_TC = 0x0200,
	WIRE_RD = 0x0100,
	WIRE_RA = 0x0080,
	WIRE_AD = 0x0020,
	WIRE_CD = 0x0010,
};

/* The record types named in the code; zones/rdata.c knows the shape of many more. */
enum rr_type {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_MD = 3,
	TYPE_MF = 4,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_WKS = 11,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_SIG = 24,
	TYPE_KEY = 25,
	TYPE_AAAA = 28,
	TYPE_NXT = 30,
	TYPE_SRV = 33,
	TYPE_DNAME = 39,
	TYPE_OPT = 41,
	TYPE_DS = 43,
	TYPE_SSHFP = 44,
	TYPE_RRSIG = 46,
	TYPE_NSEC = 47,
	TYPE_DNSKEY = 48,
	TYPE_DHCID = 49,
	TYPE_NSEC3 = 50,
	TYPE_NSEC3PARAM = 51,
	TYPE_CDS = 59,
	TYPE_CDNSKEY = 60,
	TYPE_CSYNC = 62,
	TYPE_ZONEMD = 63,
	TYPE_SVCB = 64,
	TYPE_HTTPS = 65,
	TYPE_TKEY = 249,
	TYPE_TSIG = 250,
	TYPE_IXFR = 251,
	TYPE_AXFR = 252,
	TYPE_MAILB = 253,
	TYPE_MAILA = 254,
	TYPE_ANY = 255,
	TYPE_CAA = 257,
};

enum rr_class { CLASS_IN = 1, CLASS_CH = 3, CLASS_NONE = 254, CLASS_ANY = 255 };

/* ---- reading ---- */

struct wire_reader {
	const uint8_t *msg; /* whole message: compression pointers lead into it */
	size_t at;          /* octets from msg */
	size_t end;         /* first octet not to be read */
	bool failed;        /* sticky */
};

void wire_reader_init(struct wire_reader *r, const uint8_t *msg, size_t at, size_t end);
uint8_t wire_read_u8(struct wire_reader *r);
uint16_t wire_read_u16(struct wire_reader *r);
uint32_t wire_read_u32(struct wire_reader *r);
uint64_t wire_read_u48(struct wire_reader *r);
/* A pointer into msg, or NULL if fewer than len octets are left. */
const uint8_t *wire_read_octets(struct wire_reader *r, size_t len);
/* Reads a name, compressed or not; returns its length, or 0 on failure. */
size_t wire_read_name(struct wire_reader *r, uint8_t ret_name[NAME_MAX_LEN]);

/* ---- writing ---- */

/* Where this message already has names (RFC 1035 4.1.4): a small open hash table. */
struct wire_names {
	uint16_t at[256]; /* offset of a name in the message; 0: free slot */
};

struct wire_writer {
	uint8_t *buf;             /* the caller's */
	size_t at;                /* octets written */
	size_t cap;               /* octets that may be written */
	bool failed;              /* sticky: something did not fit */
	struct wire_names *names; /* NULL: write names uncompressed */
};

/* names may be NULL; it is cleared here otherwise. */
void wire_writer_init(
	struct wire_writer *w, uint8_t *buf, size_t cap, struct wire_names *names);
void wire_write_u8(struct wire_writer *w, uint8_t v);
void wire_write_u16(struct wire_writer *w, uint16_t v);
void wire_write_u32(struct wire_writer *w, uint32_t v);
void wire_write_u48(struct wire_writer *w, uint64_t v);
void wire_write_octets(struct wire_writer *w, const void *octets, size_t len);
/* Compresses against what was written before, if w->names is set; remembers its own
 * suffixes. */
void wire_write_name(struct wire_writer *w, const uint8_t *name);
/* Never compressed, never remembered. */
void wire_write_name_plain(struct wire_writer *w, const uint8_t *name);
/* Overwrites 16 bits at an offset written earlier. */
void wire_put_u16(struct wire_writer *w, size_t at, uint16_t v);
/* Removes everything written after at (a whole record that did not fit): clears failed
 * and forgets the compression targets beyond at. */
void wire_writer_rewind(struct wire_writer *w, size_t at);

/* ---- the walk ---- */

/*
 * What the walk found.  Offsets are octets from the start of the message.  After a
 * failed walk the header fields are valid if len >= WIRE_HEADER_LEN, and question_end
 * is nonzero if the question (or zone) section could be read, so that the error can be
 * answered.
 */
struct wire_message {
	uint16_t id;
	uint16_t flags; /* the whole second word */
	uint8_t opcode;
	uint16_t counts[4];   /* question/zone, answer/prerequisite, authority/update,
			       * additional */
	size_t section_at[4]; /* where each section starts */
	size_t question_end;  /* == section_at[1]; 0: question section not readable */
	size_t end;           /* length of the message */
	size_t opt_at;        /* where the OPT record starts; 0: none */
	uint16_t udp_size;    /* sender's UDP payload size, at least 512 */
	uint8_t edns_version;
	bool dnssec_ok;      /* DO bit */
	size_t opt_rdata_at; /* options of the OPT record */
	uint16_t opt_rdata_len;
	size_t tsig_at; /* where the TSIG record starts; 0: none */
	bool has_sig0;  /* a SIG record that covers no type: RFC 2931 */
};

/*
 * Walks a whole message: counts against octets, bounds of every record, compression, no
 * octets after the last record (FORMERR); at most one OPT, at the root, in the
 * additional section (RFC 6891 6.1.1), whose options fit its RDATA; at most one TSIG,
 * the last record (RFC 8945 5.2), class ANY, TTL 0.  The RDATA of other records is not
 * looked at.  NOERROR, or FORMERR with the reason.
 */
struct verdict wire_walk(struct wire_message *m, const uint8_t *msg, size_t len);

/* Can it be answered at all: does it have a header, and is it not a response? */
bool wire_is_answerable(const uint8_t *msg, size_t len);

/* Finds the EDNS option code in a walked message; NULL if absent. */
const uint8_t *wire_find_option(const struct wire_message *m, const uint8_t *msg,
	uint16_t code, uint16_t *ret_len);

#endif
