/*
 * Enrolment lines.  Pure; enrolment.h describes the form.
 */
#include "tsig/enrolment.h"

#include <errno.h>
#include <string.h>

#include "tsig/base64url.h"
#include "tsig/wire.h"

enum {
	OCTETS_MAX = ENROLMENT_LINE_MAX / 4 * 3, /* before base64 */
	CHECK_LEN = 4,
};

static const char prefix[] = "muster1:";

static uint32_t crc32_of(const uint8_t *octets, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= octets[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
	}
	return ~crc;
}

/* ---- encoding ---- */

static bool is_gateway(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
			return false;
	return len > 0 && len < ENROLMENT_GATEWAY_MAX;
}

int enrolment_encode(const struct enrolment *e, char ret_line[ENROLMENT_LINE_MAX])
{
	uint8_t octets[OCTETS_MAX];
	struct wire_writer w;
	int r = 0;

	if (!e->gateway_count || e->gateway_count > ENROLMENT_GATEWAYS_MAX ||
		!e->secret_len || e->secret_len > HMAC_SECRET_MAX)
		return -EINVAL;
	wire_writer_init(&w, octets, sizeof(octets), NULL);
	wire_write_u8(&w, (uint8_t)e->gateway_count);
	for (size_t i = 0; i < e->gateway_count; i++) {
		const size_t len = strnlen(e->gateways[i], ENROLMENT_GATEWAY_MAX);

		if (!is_gateway(e->gateways[i], len))
			return -EINVAL;
		wire_write_u8(&w, (uint8_t)len);
		wire_write_octets(&w, e->gateways[i], len);
	}
	wire_write_name_plain(&w, e->zone);
	wire_write_name_plain(&w, e->name);
	wire_write_name_plain(&w, e->key);
	wire_write_name_plain(&w, hmac_algorithm_wire(e->algorithm));
	wire_write_u16(&w, e->secret_len);
	wire_write_octets(&w, e->secret, e->secret_len);
	if (!w.failed)
		wire_write_u32(&w, crc32_of(octets, w.at));
	if (w.failed || BASE64URL_ROOM(w.at) + sizeof(prefix) - 1 > ENROLMENT_LINE_MAX)
		r = -EINVAL;
	if (!r) {
		memcpy(ret_line, prefix, sizeof(prefix) - 1);
		base64url_encode(octets, w.at, ret_line + sizeof(prefix) - 1);
	}
	hmac_wipe(octets, sizeof(octets));
	return r;
}

/* ---- decoding ---- */

static void read_gateways(struct wire_reader *r, struct enrolment *e)
{
	const uint8_t count = wire_read_u8(r);

	if (!count || count > ENROLMENT_GATEWAYS_MAX)
		r->failed = true;
	for (unsigned i = 0; i < count && !r->failed; i++) {
		const uint8_t len = wire_read_u8(r);
		const uint8_t *text = wire_read_octets(r, len);

		if (!text || !is_gateway((const char *)text, len)) {
			r->failed = true;
			return;
		}
		memcpy(e->gateways[i], text, len);
		e->gateways[i][len] = '\0';
	}
	e->gateway_count = count;
}

static void read_name(struct wire_reader *r, uint8_t ret_name[NAME_MAX_LEN])
{
	const int len = r->failed
		? -EBADMSG
		: name_read_uncompressed(ret_name, r->msg, r->end, &r->at);

	if (len < 0) {
		r->failed = true;
		ret_name[0] = 0;
		return;
	}
	name_lower(ret_name);
}

static const char *read_octets(struct enrolment *e, const uint8_t *octets, size_t len)
{
	uint8_t algorithm[NAME_MAX_LEN];
	const uint8_t *secret;
	struct wire_reader r;

	wire_reader_init(&r, octets, len - CHECK_LEN, len);
	if (wire_read_u32(&r) != crc32_of(octets, len - CHECK_LEN))
		return "it was cut or mistyped: its check does not match";
	wire_reader_init(&r, octets, 0, len - CHECK_LEN);
	read_gateways(&r, e);
	read_name(&r, e->zone);
	read_name(&r, e->name);
	read_name(&r, e->key);
	read_name(&r, algorithm);
	e->secret_len = wire_read_u16(&r);
	secret = wire_read_octets(&r, e->secret_len);
	if (r.failed || !secret || r.at != r.end || !e->secret_len ||
		e->secret_len > HMAC_SECRET_MAX)
		return "it is not what musterctl enrol prints";
	if (!hmac_algorithm_from_wire(algorithm, &e->algorithm))
		return "its algorithm is not known here";
	if (!name_is_subdomain(e->name, e->zone))
		return "its name does not lie in its zone";
	memcpy(e->secret, secret, e->secret_len);
	return NULL;
}

int enrolment_decode(
	struct enrolment *ret_enrolment, const char *line, const char **ret_why)
{
	static const char blanks[] = " \t\r\n";
	uint8_t octets[OCTETS_MAX];
	struct enrolment e = {0};
	size_t text_len;
	int len;

	line += strspn(line, blanks);
	*ret_why = "it does not begin with \"muster1:\"";
	if (strncmp(line, prefix, sizeof(prefix) - 1))
		return -EINVAL;
	line += sizeof(prefix) - 1;
	text_len = strcspn(line, blanks);
	*ret_why = "there is more behind it";
	if (line[text_len + strspn(line + text_len, blanks)])
		return -EINVAL;
	*ret_why = "it has characters that are not base64url, or too many";
	len = base64url_decode(line, text_len, octets, sizeof(octets));
	if (len < 0)
		return -EINVAL;
	*ret_why = len <= CHECK_LEN ? "it is too short"
				    : read_octets(&e, octets, (size_t)len);
	hmac_wipe(octets, sizeof(octets));
	if (!*ret_why)
		*ret_enrolment = e;
	hmac_wipe(e.secret, sizeof(e.secret));
	return *ret_why ? -EINVAL : 0;
}

void enrolment_wipe(struct enrolment *enrolment)
{
	hmac_wipe(enrolment, sizeof(*enrolment));
}
