/*
 * What stands in the path, the query and the body of a request.
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

bool control_read_number(struct control_request *r, const char *name, uint64_t *ret)
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

bool control_read_flag(struct control_request *r, const char *name, bool *ret)
{
	const char *text = control_parameter(r, name);

	if (!text)
		return true;
	*ret = !strcmp(text, "1") || !strcmp(text, "true");
	if (*ret || !strcmp(text, "0") || !strcmp(text, "false"))
		return true;
	control_fail(r, 400, "%s: must be 1 or 0", name);
	return false;
}

/* ---- names ---- */

bool control_read_name(
	struct control_request *r, const char *text, uint8_t ret_name[NAME_MAX_LEN])
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
	struct control_request *r, const uint8_t *name)
{
	const struct config_zone *zone = config_find_zone(r->config, name);
	char text[NAME_TEXT_MAX];

	if (!zone)
		control_fail(r, 404, "%s: is not a zone of this gateway",
			name_to_text(name, text));
	return zone;
}

const struct config_zone *control_read_zone(struct control_request *r, const char *text)
{
	uint8_t name[NAME_MAX_LEN];

	return control_read_name(r, text, name) ? control_find_zone(r, name) : NULL;
}

const struct config_zone *control_read_owner(
	struct control_request *r, const char *text, uint8_t ret_name[NAME_MAX_LEN])
{
	const struct config_zone *zone;
	char canonical[NAME_TEXT_MAX];

	if (!control_read_name(r, text, ret_name))
		return NULL;
	zone = config_find_enclosing_zone(r->config, ret_name);
	if (!zone)
		control_fail(r, 404, "%s: is in no zone of this gateway",
			name_to_text(ret_name, canonical));
	return zone;
}

json_t *control_read_body(struct control_request *r)
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
