/*
 * Are the settings of a target still the same, in what only a new one takes up?
 */
#include "gateway/delivery/delivery_private.h"

#include <string.h>

/* All secrets of the name, with their times, since a client chooses among them. */
static bool is_same_key(const struct tsig_key *a, const struct tsig_key *b)
{
	for (; a && b; a = a->next_secret, b = b->next_secret) {
		if (!name_is_equal(a->name, b->name) || a->alg != b->alg ||
			a->not_before != b->not_before || a->not_after != b->not_after ||
			a->secret_len != b->secret_len ||
			!hmac_is_equal(a->secret, b->secret, a->secret_len))
			return false;
	}
	return !a && !b;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool is_same_servers(const struct config_target *a, const struct config_target *b)
{
	if (a->server_count != b->server_count)
		return false;
	for (size_t i = 0; i < a->server_count; i++)
		if (strcmp(a->servers[i].text, b->servers[i].text) != 0)
			return false;
	return true;
}

static bool is_same_urls(const struct config_target *a, const struct config_target *b)
{
	for (size_t i = 0; i < a->url_count && i < b->url_count; i++)
		if (strcmp(a->urls[i], b->urls[i]) != 0)
			return false;
	return a->url_count == b->url_count;
}

bool delivery_has_same_settings(
	const struct config_target *a, const struct config_target *b)
{
	return a->timeout_ms == b->timeout_ms && is_same_servers(a, b) &&
		is_same_key(a->key, b->key) &&
		is_same_key(a->transfer_key, b->transfer_key) &&
		is_same_text(a->api_key, b->api_key) && a->rectify == b->rectify &&
		is_same_urls(a, b);
}
