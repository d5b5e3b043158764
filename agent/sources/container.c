/*
 * Turns labels of containers into records.
 *
 * Whoever may start containers may choose labels: names outside of the zones are refused
 * here, and the rest is for the gateway's policy.
 */
#include "agent/sources/container.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/records/record_text.h"
#include "agent/sources/source.h"
#include "zones/rdata.h"

enum {
	NAMES_MAX = 64,   /* of one container */
	LABEL_MAX = 4096, /* octets of muster.name */
	WHY_MAX = 256,
};

struct labels {
	const char *names;
	const char *type;
	const char *data;
};

/* What one container is to get, name by name. */
struct wish {
	const struct config *config;
	const struct config_source *source;
	const json_t *object;
	const struct labels *labels;
	struct records *records;
	uint16_t type; /* 0: by the addresses */
	char why[WHY_MAX];
};

/* Keeps the first complaint. */
static void complain(struct wish *wish, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void complain(struct wish *wish, const char *format, ...)
{
	va_list args;

	if (wish->why[0])
		return;
	va_start(args, format);
	vsnprintf(wish->why, sizeof(wish->why), format, args);
	va_end(args);
}

static const char *label(const json_t *labels, const char *name)
{
	const char *text = json_string_value(json_object_get(labels, name));

	return text && *text ? text : NULL;
}

/* ---- addresses ---- */

static int add_address(const struct wish *wish, const uint8_t *owner, const char *text)
{
	uint8_t octets[16];
	unsigned family;

	if (!text || !*text)
		return 0;
	if (inet_pton(AF_INET, text, octets) == 1)
		family = 4;
	else if (inet_pton(AF_INET6, text, octets) == 1)
		family = 6;
	else
		return 0;
	if (wish->type && wish->type != (family == 4 ? TYPE_A : TYPE_AAAA))
		return 0;
	return source_add_address(
		wish->records, owner, family, octets, wish->source->ttl);
}

static int add_network_addresses(const struct wish *wish, const uint8_t *owner)
{
	const json_t *settings = json_object_get(wish->object, "NetworkSettings");
	json_t *networks = json_object_get(settings, "Networks"), *network;
	const char *name;
	int r = 0;

	json_object_foreach(networks, name, network)
	{
		if (wish->source->network && strcmp(wish->source->network, name))
			continue;
		if (!r)
			r = add_address(wish, owner,
				json_string_value(json_object_get(network, "IPAddress")));
		if (!r)
			r = add_address(wish, owner,
				json_string_value(
					json_object_get(network, "GlobalIPv6Address")));
	}
	return r;
}

static int add_fixed_addresses(const struct wish *wish, const uint8_t *owner)
{
	const struct config_source *source = wish->source;
	int r = 0;

	for (size_t i = 0; i < source->address_count && !r; i++) {
		const struct config_address *a = &source->addresses[i];

		if (!wish->type || wish->type == (a->family == 4 ? TYPE_A : TYPE_AAAA))
			r = source_add_address(
				wish->records, owner, a->family, a->octets, source->ttl);
	}
	return r;
}

/* The host's addresses are known only when all sources are put together. */
static int add_host(const struct wish *wish, const uint8_t *owner)
{
	static const uint8_t any[] = {1};

	return records_add(wish->records,
		&(struct record){
			.owner = (uint8_t *)owner,
			.type = SOURCE_TYPE_HOST,
			.ttl = wish->source->ttl,
			.rdata = any,
			.len = sizeof(any),
		});
}

/* A container in the host's network has no address of its own. */
static bool is_in_host_network(const json_t *object)
{
	const char *mode = json_string_value(
		json_object_get(json_object_get(object, "HostConfig"), "NetworkMode"));

	return mode && !strcmp(mode, "host");
}

static int add_addresses(const struct wish *wish, const uint8_t *owner)
{
	if (wish->source->address_count)
		return add_fixed_addresses(wish, owner);
	if (wish->source->is_host_address || is_in_host_network(wish->object))
		return add_host(wish, owner);
	return add_network_addresses(wish, owner);
}

/* ---- records ---- */

static int add_data(struct wish *wish, const uint8_t *owner)
{
	struct record_room *room = malloc(sizeof(*room));
	char why[RECORD_WHY_MAX];
	int r = room ? record_text_data(wish->type, wish->labels->data,
			       wish->source->origin, room, why)
		     : -ENOMEM;

	if (r > 0)
		r = records_add(wish->records,
			&(struct record){
				.owner = (uint8_t *)owner,
				.type = wish->type,
				.ttl = wish->source->ttl,
				.rdata = room->rdata,
				.len = (uint16_t)r,
			});
	if (r == -EINVAL)
		complain(wish, "muster.data=%.100s is not data of its type: %.100s",
			wish->labels->data, why);
	free(room);
	return r == -EINVAL ? 0 : r;
}

static int add_name(struct wish *wish, const char *name)
{
	const struct config *config = wish->config;
	uint8_t owner[NAME_MAX_LEN];

	if (config_complete_name(config, wish->source->origin, name, owner)) {
		complain(wish, "the name \"%.100s\" lies in none of the zones", name);
		return 0;
	}
	if (wish->labels->data)
		return add_data(wish, owner);
	if (!wish->type || wish->type == TYPE_A || wish->type == TYPE_AAAA)
		return add_addresses(wish, owner);
	if (wish->type == TYPE_CNAME)
		return records_add(wish->records,
			&(struct record){
				.owner = owner,
				.type = TYPE_CNAME,
				.ttl = wish->source->ttl,
				.rdata = config->name,
				.len = (uint16_t)name_len(config->name),
			});
	complain(wish, "muster.type=%.20s needs muster.data", wish->labels->type);
	return 0;
}

/* Without muster.type, an address in muster.data has the type of its family. */
static bool read_type(struct wish *wish)
{
	const struct labels *labels = wish->labels;
	uint8_t octets[16];

	if (!labels->type) {
		if (!labels->data)
			return true;
		wish->type = inet_pton(AF_INET, labels->data, octets) == 1 ? TYPE_A
			: inet_pton(AF_INET6, labels->data, octets) == 1   ? TYPE_AAAA
									   : TYPE_CNAME;
		return true;
	}
	wish->type = rdata_type_from_name(labels->type);
	if (wish->type && !rdata_type_is_meta(wish->type) && wish->type != TYPE_SOA)
		return true;
	complain(wish, "muster.type=%.20s is not a type for hosts", labels->type);
	return false;
}

static int add_names(struct wish *wish)
{
	char names[LABEL_MAX], *rest, *name;
	unsigned count = 0;
	int r = 0;

	if (strlen(wish->labels->names) >= sizeof(names)) {
		complain(wish, "its label of names is longer than %d octets",
			LABEL_MAX - 1);
		return 0;
	}
	strcpy(names, wish->labels->names);
	for (name = strtok_r(names, ", \t", &rest); name && !r;
		name = strtok_r(NULL, ", \t", &rest)) {
		if (++count > NAMES_MAX) {
			complain(wish, "it has more than %d names", NAMES_MAX);
			break;
		}
		r = add_name(wish, name);
	}
	return r;
}

static int read_object(struct container *container, const struct config *config,
	const struct config_source *source, const json_t *object)
{
	const json_t *all = json_object_get(object, "Labels");
	const char *id = json_string_value(json_object_get(object, "Id"));
	struct labels labels = {
		.names = label(all, "muster.name"),
		.type = label(all, "muster.type"),
		.data = label(all, "muster.data"),
	};
	struct wish wish = {
		.config = config,
		.source = source,
		.object = object,
		.labels = &labels,
		.records = &container->records,
	};
	int r = 0;

	if (!labels.names)
		labels.names = label(all, "joyride.host.name");
	if (!labels.names || !id || !*id)
		return -EINVAL;
	snprintf(container->id, sizeof(container->id), "%s", id);
	if (read_type(&wish))
		r = add_names(&wish);
	if (r || !wish.why[0])
		return r;
	container->why = strdup(wish.why);
	return container->why ? 0 : -ENOMEM;
}

int container_read(struct container *ret_container, const struct config *config,
	const struct config_source *source, const char *json, size_t len)
{
	json_t *object = json_loadb(json, len, 0, NULL);
	int r = -EINVAL;

	*ret_container = (struct container){0};
	if (json_is_object(object))
		r = read_object(ret_container, config, source, object);
	json_decref(object);
	if (r)
		container_clear(ret_container);
	else
		records_sort(&ret_container->records);
	return r;
}

void container_clear(struct container *container)
{
	records_clear(&container->records);
	free(container->why);
	container->why = NULL;
}
