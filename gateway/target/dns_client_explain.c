/*
 * Why a channel to a DNS server has failed, in words for people (dns_client_private.h).
 */
#include "gateway/target/dns_client_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "tsig/tsig_record.h"

struct target_failure dns_client_trouble(const struct dns_client *client,
	enum target_trouble kind, const char *format, ...)
{
	struct target_failure failure = {.trouble = kind};
	char text[VERDICT_WHY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	failure.why = verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR, "%s %s",
		dns_places_text(client->places), text);
	return failure;
}

/* An answer that proves nothing, but shows what may be wrong.  PowerDNS answers so to a
 * key that it does not accept, Knot to queries for a zone that it does not have. */
static enum target_trouble kind_of_unsigned(const struct dns_client *client)
{
	const uint8_t rcode = client->walk.flags & 15;
	uint16_t len;
	const uint8_t *ede = wire_find_option(
		&client->walk, client->answer, DNS_CLIENT_OPTION_EDE, &len);

	if (ede && len >= 2 && ede[0] == 0 && ede[1] == EDE_NOT_AUTHORITATIVE)
		return TARGET_ZONE_MISSING;
	if (rcode == RCODE_NOTAUTH || rcode == RCODE_REFUSED)
		return TARGET_BAD_CREDENTIALS;
	return TARGET_NOT_SIGNED;
}

static struct target_failure explain_unsigned(
	const struct dns_client *client, const char *key)
{
	const uint8_t rcode = client->walk.flags & 15;
	char name[VERDICT_NAME_MAX];

	/* A server that cannot read a message does not find its signature either. */
	if (rcode == RCODE_FORMERR)
		return dns_client_trouble(client, kind_of_unsigned(client),
			"answered FORMERR without signature (it could not read the "
			"message)");
	return dns_client_trouble(client, kind_of_unsigned(client),
		"answered %s without signature (does it know key %.100s?)",
		verdict_rcode_name(rcode, name), key);
}

struct target_failure dns_client_explain_tsig(
	const struct exchange *x, const struct verdict *verdict, int64_t now)
{
	const struct dns_client *client = x->client;
	const struct wire_message *m = &client->walk;
	uint8_t owner[NAME_MAX_LEN], alg[NAME_MAX_LEN];
	char key[NAME_TEXT_MAX];
	struct tsig_record record;
	struct target_failure failure;

	if (!m->tsig_at || tsig_record_read(&record, owner, alg, client->answer, m))
		record = (struct tsig_record){0};

	name_to_text(x->tsig.key->name, key);
	if (!m->tsig_at)
		failure = explain_unsigned(client, key);
	else if (record.error == TSIG_ERROR_BADKEY)
		failure = dns_client_trouble(client, TARGET_BAD_CREDENTIALS,
			"does not know key %.100s (BADKEY)", key);
	else if (record.error == TSIG_ERROR_BADSIG)
		failure = dns_client_trouble(client, TARGET_BAD_CREDENTIALS,
			"has another secret for key %.100s (BADSIG)", key);
	else if (record.error == TSIG_ERROR_BADTIME && record.other_len == TSIG_OTHER_LEN)
		failure = dns_client_trouble(client, TARGET_CLOCKS_DIFFER,
			"clocks differ by %lld s (BADTIME)",
			llabs((long long)tsig_read_server_time(client->answer, m) -
				(long long)now));
	else
		failure =
			dns_client_trouble(client, TARGET_NOT_SIGNED, "%s", verdict->why);
	failure.why.rcode = verdict->rcode;
	failure.why.tsig_error = verdict->tsig_error;
	return failure;
}
