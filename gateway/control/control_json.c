/*
 * Names, times and records as texts of JSON.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/control/control_private.h"
#include "zones/rdata.h"

enum { TIME_MAX = 32 };

json_t *control_json_name(const uint8_t *name)
{
	char text[NAME_TEXT_MAX];

	return json_string(name_to_text(name, text));
}

json_t *control_json_time(int64_t real_ms)
{
	const time_t seconds = (time_t)(real_ms / 1000);
	char text[TIME_MAX];
	struct tm tm;

	if (real_ms <= 0 || !gmtime_r(&seconds, &tm) ||
		!strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

void control_add(struct control_request *r, json_t *array, json_t *value)
{
	r->has_failed |= json_array_append_new(array, value) != 0;
}

void control_set(
	struct control_request *r, json_t *object, const char *key, json_t *value)
{
	r->has_failed |= json_object_set_new(object, key, value) != 0;
}

json_t *control_json_type(uint16_t type)
{
	char text[RDATA_TYPE_NAME_MAX];

	return json_string(rdata_type_name(type, text));
}

json_t *control_json_rdata(uint16_t type, const uint8_t *rdata, uint16_t len)
{
	char *text = rdata_to_text(type, rdata, len);
	json_t *value = text ? json_string(text) : NULL;

	free(text);
	return value;
}

json_t *control_json_address(const struct ip_address *address)
{
	char text[INET6_ADDRSTRLEN];

	if (!address->family ||
		!inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->octets,
			text, sizeof(text)))
		return json_null();
	return json_string(text);
}

json_t *control_json_rcode(uint16_t rcode)
{
	char text[VERDICT_NAME_MAX];

	return json_string(verdict_rcode_name(rcode, text));
}
