/*
 * Fuzz target: RDATA of any type.
 *
 * Input: two octets of type, then RDATA.  It is read as part of a message, in which
 * compression pointers lead into the input itself.  Valid RDATA must stay the same when
 * it is printed and read again, in both forms, and when it is written into a message.
 * Then the same octets are read as text, and the RDATA of that must be valid.
 */
#include "zones/rdata.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	INPUT_MAX = 8192
}; /* octets: larger inputs find nothing that smaller ones do not */

static void require(bool condition)
{
	if (!condition)
		abort();
}

typedef int from_text_function(
	uint16_t type, const char *text, const uint8_t *origin, uint8_t *out, size_t cap);

static void check_text(uint16_t type, const uint8_t *rdata, uint16_t len, char *text,
	from_text_function *from_text)
{
	static uint8_t back[UINT16_MAX];

	require(text != NULL);
	int n = from_text(type, text, NULL, back, sizeof(back));
	require(n == len);
	require(memcmp(back, rdata, len) == 0);
	free(text);
}

static void check_written(uint16_t type, const uint8_t *rdata, uint16_t len)
{
	static uint8_t msg[2 * UINT16_MAX], back[UINT16_MAX];
	struct wire_names names;
	struct wire_writer w;
	const char *why;

	wire_writer_init(&w, msg, sizeof(msg), &names);
	for (unsigned i = 0; i < WIRE_HEADER_LEN; i++)
		wire_write_u8(&w, 0);
	rdata_write(&w, type, rdata, len);
	size_t second = w.at;
	rdata_write(&w, type, rdata, len);
	require(!w.failed);
	uint16_t rdlength = (uint16_t)(msg[second] << 8 | msg[second + 1]);
	require(second + 2 + rdlength == w.at);
	int n = rdata_read(
		type, msg, w.at, second + 2, rdlength, back, sizeof(back), &why);
	require(n == len && rdata_is_equal(type, back, len, rdata, len));
}

static void check_rdata(uint16_t type, const uint8_t *data, size_t size)
{
	static uint8_t out[UINT16_MAX];
	const char *why = NULL;
	int n = rdata_read(
		type, data, size, 2, (uint16_t)(size - 2), out, sizeof(out), &why);

	if (n < 0) {
		require(n == -EBADMSG ? why != NULL : n == -ENOSPC);
		return;
	}
	require(rdata_is_valid(type, out, (uint16_t)n, &why));
	require(rdata_is_equal(type, out, (uint16_t)n, out, (uint16_t)n));
	rdata_target(type, out, (uint16_t)n);
	check_written(type, out, (uint16_t)n);
	check_text(type, out, (uint16_t)n, rdata_to_text(type, out, (uint16_t)n),
		rdata_from_text);
	check_text(type, out, (uint16_t)n, rdata_to_text_powerdns(type, out, (uint16_t)n),
		rdata_from_text_powerdns);
}

static void read_text(uint16_t type, const uint8_t *data, size_t size)
{
	static const uint8_t ORIGIN[] = {1, 'o', 0};
	static uint8_t out[UINT16_MAX];
	char *text = strndup((const char *)data, size), reason[RDATA_WHY_MAX];
	const char *why;

	require(text != NULL);
	int n = rdata_from_text_powerdns(type, text, ORIGIN, out, sizeof(out));
	if (n >= 0) {
		/* Whatever a server has can be printed and passed on. */
		rdata_has_shape(type, out, (uint16_t)n);
		rdata_target(type, out, (uint16_t)n);
		if (rdata_is_valid(type, out, (uint16_t)n, &why))
			check_written(type, out, (uint16_t)n);
		free(rdata_to_text_powerdns(type, out, (uint16_t)n));
	}
	n = rdata_from_text_why(type, text, ORIGIN, out, sizeof(out), reason);
	require((n < 0) == (reason[0] != '\0'));
	if (n >= 0)
		require(rdata_is_valid(type, out, (uint16_t)n, &why));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > INPUT_MAX)
		return 0;
	uint16_t type = (uint16_t)(data[0] << 8 | data[1]);
	check_rdata(type, data, size);
	read_text(type, data + 2, size - 2);
	return 0;
}
