/*
 * Records for which only their target has octets (verbatim.h).
 */
#include "zones/verbatim.h"

#include <string.h>

/* Nearly all other RDATA differs in the first octet. */
static const uint8_t MARK[VERBATIM_MARK_LEN] = {0xff, 0xff, 'm', 'u', 's', 't', 'e', 'r',
	' ', 't', 'e', 'x', 't', ':', 0xff, 0xff};

enum { RDATA_MAX = 65535 };

uint16_t verbatim_write(uint8_t *out, size_t cap, const char *text, size_t text_len)
{
	const size_t room = (cap < RDATA_MAX ? cap : RDATA_MAX) - sizeof(MARK);

	memcpy(out, MARK, sizeof(MARK));
	if (text_len > room)
		text_len = 0;
	memcpy(out + sizeof(MARK), text, text_len);
	return (uint16_t)(sizeof(MARK) + text_len);
}

bool verbatim_is(const uint8_t *rdata, size_t len)
{
	return len >= sizeof(MARK) && rdata[0] == MARK[0] &&
		memcmp(rdata, MARK, sizeof(MARK)) == 0;
}

bool verbatim_is_among(const struct rrset *set)
{
	const uint8_t *rdata;
	size_t at = 0;
	uint16_t len;

	while ((rdata = rrset_next(set, &at, &len))) {
		if (verbatim_is(rdata, len))
			return true;
	}
	return false;
}

const char *verbatim_text(const uint8_t *rdata, size_t len, size_t *ret_len)
{
	if (!verbatim_is(rdata, len) || len == sizeof(MARK))
		return NULL;
	*ret_len = len - sizeof(MARK);
	return (const char *)rdata + sizeof(MARK);
}

struct rrset *verbatim_of_large_set(uint16_t type, uint32_t ttl)
{
	return rrset_new(type, ttl, MARK, sizeof(MARK));
}

bool verbatim_is_of_large_set(const struct rrset *set)
{
	size_t at = 0;
	uint16_t len;
	const uint8_t *rdata = rrset_next(set, &at, &len);

	return rdata && len == sizeof(MARK) && verbatim_is(rdata, len);
}
