/*
 * Reading the captured messages and their keys.  See vector_file.h.
 */
#include "tests/unit/vector_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tsig/keyfile.h"

enum { RR_FIXED_LEN = 10 }; /* octets: type, class, TTL, RDLENGTH */

uint16_t vector_get_u16(const struct octets *msg, size_t at)
{
	return (uint16_t)(msg->at[at] << 8 | msg->at[at + 1]);
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool read_hex(struct octets *msg, const char *line)
{
	for (; line[0] && line[0] != '\n'; line += 2) {
		int high = hex_value(line[0]), low = hex_value(line[1]);

		if (high < 0 || low < 0 || msg->len + VECTOR_SPARE >= VECTOR_OCTETS_MAX)
			return false;
		msg->at[msg->len++] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* "# field: value"; other fields are for people. */
static void read_field(struct vector *v, const char *line)
{
	long long time;

	sscanf(line, "# key: %127s", v->key);
	sscanf(line, "# zone: %127s", v->zone);
	sscanf(line, "# prereqs: %u", &v->prereqs);
	sscanf(line, "# changes: %u", &v->changes);
	if (sscanf(line, "# time: %lld", &time) == 1)
		v->time = time;
}

/* Where the parts of the TSIG record are.  False: there is no sound one. */
static bool find_tsig(struct vector *v)
{
	struct verdict verdict = wire_walk(&v->m, v->msg.at, v->msg.len);
	uint8_t name[NAME_MAX_LEN];
	size_t at;

	if (!verdict_is_ok(&verdict) || !v->m.tsig_at)
		return false;
	at = v->m.tsig_at;
	if (name_read(name, v->msg.at, v->msg.len, &at) < 0)
		return false;
	v->fixed_at = at;
	v->rdata_at = at += RR_FIXED_LEN;
	if (name_read(name, v->msg.at, v->msg.len, &at) < 0)
		return false;
	v->mac_size_at = at + VECTOR_TIMES_LEN;
	v->mac_len = vector_get_u16(&v->msg, v->mac_size_at);
	return true;
}

struct vector *vector_read(const char *path)
{
	struct vector *v = calloc(1, sizeof(*v));
	FILE *file = fopen(path, "r");
	char line[512];
	bool is_good = v && file;

	while (is_good && fgets(line, sizeof(line), file)) {
		if (line[0] == '#')
			read_field(v, line);
		else
			is_good = read_hex(&v->msg, line);
	}
	if (file)
		fclose(file);
	if (is_good && v->time && v->key[0] && v->zone[0] && find_tsig(v))
		return v;
	fprintf(stderr, "%s: not a vector\n", path);
	free(v);
	return NULL;
}

/* A checkout may be open to all; a key file may not. */
static bool copy_closed(int to, const char *path)
{
	FILE *from = fopen(path, "r");
	char buf[4096];
	bool is_good = from != NULL;
	size_t len;

	while (is_good && (len = fread(buf, 1, sizeof(buf), from)) > 0)
		is_good = write(to, buf, len) == (ssize_t)len;
	if (from)
		fclose(from);
	return is_good;
}

struct keyring *vector_read_keys(const char *path)
{
	char closed[] = "vectors-XXXXXX", error[KEYFILE_ERROR_MAX] = "";
	struct keyring *ring = keyring_new();
	int fd = mkstemp(closed); /* mode 0600 */
	bool is_good = ring && fd >= 0 && copy_closed(fd, path) &&
		keyfile_load(ring, closed, NULL, NULL, error) == 0;

	if (fd >= 0) {
		close(fd);
		unlink(closed);
	}
	if (is_good)
		return ring;
	fprintf(stderr, "%s: %s\n", path, error);
	keyring_free(ring);
	return NULL;
}
