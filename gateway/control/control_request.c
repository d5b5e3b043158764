/*
 * What a request asks for: the parameters of its query, and its body.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control_private.h"

const char *control_parameter(const struct control_request *r, const char *name)
{
	const char *text = evhttp_find_header(&r->query, name);

	return text && *text ? text : NULL;
}

bool control_read_name(
	const struct control_request *r, const char *text, uint8_t ret_name[NAME_MAX_LEN])
{
	static const uint8_t root[] = {0};

	if (!*text || name_from_text(ret_name, text, root)) {
		control_fail(r, 400, "%.255s: is not a domain name", text);
		return false;
	}
	name_lower(ret_name);
	return true;
}

const struct config_zone *control_find_zone(
	const struct control_request *r, const uint8_t *name, bool is_exact)
{
	const struct config *config = r->control->config;
	const struct config_zone *zone = is_exact
		? config_find_zone(config, name)
		: config_find_enclosing_zone(config, name);
	char text[NAME_TEXT_MAX];

	if (!zone)
		control_fail(r, 404,
			is_exact ? "%s: is no zone that is served here"
				 : "%s: is in no zone that is served here",
			name_to_text(name, text));
	return zone;
}

bool control_read_number(const struct control_request *r, const char *name, uint64_t *ret)
{
	const char *text = control_parameter(r, name);
	unsigned long long number;
	char *end;

	if (!text)
		return true;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || number > INT64_MAX) {
		control_fail(r, 400, "%s: must be a whole number", name);
		return false;
	}
	*ret = number;
	return true;
}

json_t *control_read_body(const struct control_request *r)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(r->http);
	const size_t len = evbuffer_get_length(body);
	const unsigned char *octets = len ? evbuffer_pullup(body, -1) : NULL;
	json_t *value = NULL;

	if (octets)
		value = json_loadb(
			(const char *)octets, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(value))
		return value;
	json_decref(value);
	control_fail(r, 400, "the body must be a JSON object");
	return NULL;
}
