/*
 * Other settings for a target that a delivery has already: do they matter to it?
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

void delivery_configure(struct delivery *d, struct config *config,
	const struct config_target *target_config)
{
	const struct config_target *old = d->target_config;

	config_unref(d->next_config); /* the newest counts */
	d->next_config = NULL;
	if (old->timeout_ms == target_config->timeout_ms &&
		is_same_servers(old, target_config) &&
		is_same_key(old->key, target_config->key) &&
		is_same_key(old->transfer_key, target_config->transfer_key) &&
		is_same_text(old->api_key, target_config->api_key) &&
		old->rectify == target_config->rectify &&
		is_same_urls(old, target_config))
		return; /* the old configuration stays in use for this */
	d->next_config = config_ref(config);
	d->next_target_config = target_config;
	delivery_kick(d, false);
}
