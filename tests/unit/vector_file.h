/*
 * The files of tests/vectors: signed messages of real clients, as capture.py writes them.
 *
 * A .hex file has lines "# field: value" and then the octets in hexadecimal digits; which
 * fields count is what struct vector says.  vectors.keys has their keys.
 */
#ifndef MUSTER_VECTOR_FILE_H
#define MUSTER_VECTOR_FILE_H

#include "tsig/key.h"
#include "tsig/wire.h"

enum {
	VECTOR_OCTETS_MAX =
		16384,        /* of a message and its twins; the largest has 13 KiB */
	VECTOR_SPARE = 512,   /* octets that a twin may have more */
	VECTOR_TIMES_LEN = 8, /* octets of a TSIG's Time Signed and Fudge */
};

struct octets {
	size_t len;
	uint8_t at[VECTOR_OCTETS_MAX];
};

struct vector {
	struct octets msg;
	struct wire_message m;      /* the walk of msg */
	int64_t time;               /* of capture, seconds since 1970 */
	char key[128];              /* name of the key that signed it */
	char zone[128];             /* what the client was told to update */
	unsigned prereqs, changes;  /* how many it was told to send */
	size_t fixed_at;            /* offsets in the TSIG record: its type */
	size_t rdata_at;            /* the algorithm's name */
	size_t mac_size_at;         /* MAC Size; the MAC follows */
	size_t mac_len;             /* octets */
	const struct keyring *ring; /* the test's */
	struct hmac_pool *pool;     /* the test's */
};

uint16_t vector_get_u16(const struct octets *msg, size_t at);

/* NULL if the file is none, with a line on standard error.  free() it. */
struct vector *vector_read(const char *path);

/* The keys of a file that may be open to all, as files of a checkout are: loads a closed
 * copy, since that is what keyfile_load asks for.  NULL like above. */
struct keyring *vector_read_keys(const char *path);

#endif
