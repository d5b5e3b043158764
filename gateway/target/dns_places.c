/*
 * Where a ddns target is asked: see dns_places.h.
 */
#include "gateway/target/dns_places.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "gateway/base/log.h"
#include "gateway/target/endpoints.h"
#include "gateway/target/look_ups.h"

enum {
	ADDRESSES_MAX = 16, /* of one host; more are not tried */
	TEXT_MAX = 384,     /* of a host, and its address */
};

TAILQ_HEAD(waiters, dns_places_waiter);

struct dns_places {
	const struct config_target *target;
	const struct target_env *env;
	uint8_t zone[NAME_MAX_LEN]; /* for the log; 0 labels: it says nothing */
	struct endpoints servers;   /* of the configuration */

	/* the current server's, if it is a host */
	struct config_address found[ADDRESSES_MAX];
	size_t found_count, at;
	bool is_fresh; /* looked up in this round */
	struct look_up_waiter look_up;
	const char *why;

	struct waiters waiters;
	struct config_address answered; /* the last one; len 0: none */
	char text[TEXT_MAX];
};

static const struct config_server *current(const struct dns_places *places)
{
	return &places->target->servers[places->servers.current];
}

const struct config_address *dns_places_address(const struct dns_places *places)
{
	const struct config_server *server = current(places);

	if (!server->host)
		return &server->address;
	return places->at < places->found_count ? &places->found[places->at] : NULL;
}

static void set_text(struct dns_places *places)
{
	const struct config_address *address = dns_places_address(places);
	const struct config_server *server = current(places);

	if (server->host && address)
		snprintf(places->text, sizeof(places->text), "%s (%s)", server->text,
			address->text);
	else
		snprintf(places->text, sizeof(places->text), "%s", server->text);
}

const char *dns_places_text(const struct dns_places *places)
{
	return places->text;
}

const char *dns_places_elsewhere(const struct dns_places *places)
{
	return places->servers.answered ? places->text : NULL;
}

const char *dns_places_why(const struct dns_places *places)
{
	return places->why;
}

/* ---- looking up ---- */

static void forget(struct dns_places *places)
{
	places->found_count = 0;
	places->at = 0;
}

static void take_addresses(struct dns_places *places, const struct addrinfo *list)
{
	char text[NI_MAXHOST];

	for (; list && places->found_count < ADDRESSES_MAX; list = list->ai_next) {
		if (getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof(text), NULL,
			    0, NI_NUMERICHOST))
			continue;
		if (!config_parse_address(&places->found[places->found_count], text,
			    current(places)->port))
			places->found_count++;
	}
}

static void tell(struct dns_places *places)
{
	struct dns_places_waiter *waiter;

	while ((waiter = TAILQ_FIRST(&places->waiters))) {
		TAILQ_REMOVE(&places->waiters, waiter, entry);
		waiter->is_waiting = false;
		alarm_set_in(&waiter->found, 0);
	}
}

static void on_resolved(void *arg, const struct addrinfo *list, const char *why)
{
	struct dns_places *places = arg;

	forget(places);
	places->is_fresh = true;
	take_addresses(places, list);
	places->why = list ? "it has no address" : why;
	set_text(places);
	tell(places);
}

void dns_places_find(struct dns_places *places, struct dns_places_waiter *waiter)
{
	const struct config_server *server = current(places);

	TAILQ_INSERT_TAIL(&places->waiters, waiter, entry);
	waiter->is_waiting = true;
	if (places->look_up.look_up ||
		!look_ups_ask(places->env->look_ups, server->host, &places->look_up))
		return;
	places->why = "no memory, or no thread";
	tell(places);
}

void dns_places_give_up(struct dns_places *places, struct dns_places_waiter *waiter)
{
	if (waiter->is_waiting)
		TAILQ_REMOVE(&places->waiters, waiter, entry);
	waiter->is_waiting = false;
	alarm_stop(&waiter->found);
}

/* ---- which one ---- */

bool dns_places_is_same(const struct config_address *a, const struct config_address *b)
{
	return a && b && a->len == b->len && !memcmp(&a->storage, &b->storage, a->len);
}

void dns_places_begin(struct dns_places *places)
{
	endpoints_begin(&places->servers);
	places->is_fresh = false;
}

/* The round goes from where it is, so a host's addresses before the current one are tried
 * when its turn comes again. */
bool dns_places_fail(struct dns_places *places, const struct config_address *address)
{
	const struct config_address *now = dns_places_address(places);
	bool has_another;

	if (places->look_up.look_up || (now && !dns_places_is_same(address, now)))
		return true; /* somebody else has moved on */
	if (places->at + 1 < places->found_count) {
		places->at++;
		set_text(places);
		return true;
	}
	has_another = now && current(places)->host && !places->is_fresh;
	if (!has_another)
		has_another = endpoints_fail(&places->servers, places->servers.current);
	places->is_fresh = false;
	forget(places);
	set_text(places);
	return has_another;
}

void dns_places_answer(struct dns_places *places, const struct config_address *address)
{
	char name[NAME_TEXT_MAX];
	const bool is_first = !places->answered.len;

	if (dns_places_is_same(address, &places->answered) ||
		!dns_places_is_same(address, dns_places_address(places)))
		return;
	places->answered = *address;
	endpoints_answer(&places->servers, places->servers.current);
	if (!is_first && places->zone[0])
		log_info("zone %s: target %s is asked at %s now",
			name_to_text(places->zone, name), places->target->id,
			places->text);
}

static bool is_at(const struct config_address *address, const struct ip_address *ip)
{
	const struct ip_address own = ip_address_of(&address->storage);

	return !memcmp(&own, ip, sizeof(own));
}

bool dns_places_has(const struct dns_places *places, const struct ip_address *address)
{
	for (size_t i = 0; i < places->target->server_count; i++) {
		const struct config_server *server = &places->target->servers[i];

		if (!server->host && is_at(&server->address, address))
			return true;
	}
	for (size_t i = 0; i < places->found_count; i++)
		if (is_at(&places->found[i], address))
			return true;
	return false;
}

/* ---- life ---- */

struct dns_places *dns_places_new(const struct config_target *target, const uint8_t *zone,
	const struct target_env *env)
{
	struct dns_places *places = calloc(1, sizeof(*places));

	if (!places)
		return NULL;
	places->target = target;
	places->env = env;
	places->look_up.done = on_resolved;
	places->look_up.arg = places;
	if (zone)
		memcpy(places->zone, zone, name_len(zone));
	TAILQ_INIT(&places->waiters);
	endpoints_init(&places->servers, target->server_count);
	set_text(places);
	return places;
}

void dns_places_free(struct dns_places *places)
{
	if (!places)
		return;
	look_ups_give_up(&places->look_up);
	free(places);
}
