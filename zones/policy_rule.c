/*
 * The conditions of a rule, one predicate each, and the text for each that fails.
 *
 * Comparing builds no text and allocates nothing; the text is built only when no rule
 * allows a record.  Zone cuts are unknown here, and names are taken to be in the zone:
 * update_read has answered NOTZONE before.
 */
#include "zones/policy_rule.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "zones/rdata.h"

bool policy_type_is_guarded(uint16_t type)
{
	switch (type) {
	case TYPE_NS:
	case TYPE_SOA:
	case TYPE_DS:
	case TYPE_RRSIG:
	case TYPE_NSEC:
	case TYPE_DNSKEY:
	case TYPE_NSEC3:
	case TYPE_NSEC3PARAM:
	case TYPE_CDS:
	case TYPE_CDNSKEY:
	case TYPE_CSYNC:
	case TYPE_ZONEMD:
		return true;
	default:
		return false;
	}
}

/* ---- conditions on the subject ---- */

bool policy_names_key(const struct policy_rule *rule, const uint8_t *key)
{
	static const uint8_t anybody[] = {1, '*', 0}; /* "*." */

	if (!key)
		return false;
	for (size_t i = 0; i < rule->key_count; i++) {
		const uint8_t *pattern = rule->keys[i];
		if (name_is_equal(pattern, anybody) || name_match_pattern(key, pattern))
			return true;
	}
	return false;
}

enum policy_obstacle policy_rule_meet_subject(
	const struct policy_rule *rule, const struct policy_subject *subject)
{
	if (!policy_names_key(rule, subject->key))
		return POLICY_OBSTACLE_KEY;
	if (rule->from_count > 0 &&
		!cidr_list_contains(rule->from, rule->from_count, &subject->source))
		return POLICY_OBSTACLE_FROM;
	if ((rule->transports & subject->transport) == 0)
		return POLICY_OBSTACLE_TRANSPORT;
	return POLICY_OBSTACLE_NONE;
}

/* ---- conditions on the record ---- */

static bool name_matches(
	enum policy_match match, const uint8_t *owner, const uint8_t *name)
{
	if (match == POLICY_MATCH_NAME)
		return name_is_equal(owner, name);
	if (match == POLICY_MATCH_SUBDOMAIN)
		return name_is_subdomain(owner, name);
	return name_match_pattern(owner, name);
}

bool policy_rule_meet_owner(const struct policy_rule *rule, const uint8_t *zone,
	const struct policy_subject *subject, const uint8_t *owner)
{
	if (rule->match == POLICY_MATCH_SELF)
		return name_is_equal(owner, subject->key);
	if (rule->match == POLICY_MATCH_SELFSUB)
		return name_is_subdomain(owner, subject->key);
	if (rule->match == POLICY_MATCH_ZONE)
		return name_is_subdomain(owner, zone);
	for (size_t i = 0; i < rule->name_count; i++)
		if (name_matches(rule->match, owner, rule->names[i]))
			return true;
	return false;
}

/* RFC 3007 3.1: types on which DNSSEC and delegations depend are never allowed by
 * accident. */
static bool type_matches(const struct policy_rule *rule, const struct rr *rr)
{
	if (rr->class == CLASS_ANY && rr->type == TYPE_ANY)
		return true; /* the deletion of a name, whatever types it has */
	if (rule->type_count == 0)
		return !policy_type_is_guarded(rr->type);
	for (size_t i = 0; i < rule->type_count; i++)
		if (rule->types[i] == rr->type || rule->types[i] == TYPE_ANY)
			return true;
	return false;
}

static bool ttl_matches(const struct policy_rule *rule, const struct policy_request *req)
{
	if (req->op == POLICY_DELETE)
		return true;
	return req->rr->ttl >= rule->ttl_min && req->rr->ttl <= rule->ttl_max;
}

/* The address in A or AAAA RDATA; false for other types and RDATA of a wrong length. */
static bool read_address(struct ip_address *ret, const struct rr *rr)
{
	/* RFC 4291 2.5.5.2 */
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *octets = rr->rdata;
	size_t len = rr->rdata_len;

	if (!(rr->type == TYPE_A && len == 4) && !(rr->type == TYPE_AAAA && len == 16))
		return false;
	if (len == 16 && memcmp(octets, mapped, sizeof(mapped)) == 0) {
		octets += sizeof(mapped);
		len = 4;
	}
	*ret = (struct ip_address){.family = len == 4 ? 4 : 6};
	memcpy(ret->octets, octets, len);
	return true;
}

static bool address_is_equal(const struct ip_address *a, const struct ip_address *b)
{
	return a->family == b->family &&
		memcmp(a->octets, b->octets, a->family == 4 ? 4 : 16) == 0;
}

static bool address_matches(
	const struct policy_rule *rule, const struct policy_request *req)
{
	struct ip_address address;

	if (rule->data_count == 0 && !rule->data_source)
		return true;
	if (req->rr->type != TYPE_A && req->rr->type != TYPE_AAAA)
		return true;
	if (!read_address(&address, req->rr))
		return false;
	if (cidr_list_contains(rule->data, rule->data_count, &address))
		return true;
	if (!rule->data_source)
		return false;
	/* A client that has moved must be able to delete its old address, which is no
	 * longer its own, so "source" does not limit deletions. */
	return req->op == POLICY_DELETE ||
		address_is_equal(&address, &req->subject->source);
}

static bool target_matches(
	const struct policy_rule *rule, const struct policy_request *req)
{
	const struct rr *rr = req->rr;
	uint8_t target[NAME_MAX_LEN];

	if (rule->data_name_count == 0)
		return true;
	const uint8_t *name = rdata_target(rr->type, rr->rdata, rr->rdata_len);
	if (!name)
		return true;
	memcpy(target, name, name_len(name));
	name_lower(target);
	for (size_t i = 0; i < rule->data_name_count; i++)
		if (name_match_pattern(target, rule->data_names[i]))
			return true;
	return false;
}

enum policy_obstacle policy_rule_meet_rrset(
	const struct policy_rule *rule, const struct policy_request *req)
{
	if (!policy_rule_meet_owner(rule, req->zone, req->subject, req->rr->owner))
		return POLICY_OBSTACLE_NAME;
	if (!type_matches(rule, req->rr))
		return POLICY_OBSTACLE_TYPE;
	if ((rule->operations & req->op) == 0)
		return POLICY_OBSTACLE_OPERATION;
	return POLICY_OBSTACLE_NONE;
}

enum policy_obstacle policy_rule_meet_record(
	const struct policy_rule *rule, const struct policy_request *req)
{
	enum policy_obstacle obstacle = policy_rule_meet_rrset(rule, req);

	if (obstacle != POLICY_OBSTACLE_NONE || req->rr->class == CLASS_ANY)
		return obstacle;
	return policy_rule_meet_data(rule, req);
}

enum policy_obstacle policy_rule_meet_data(
	const struct policy_rule *rule, const struct policy_request *req)
{
	if (!ttl_matches(rule, req))
		return POLICY_OBSTACLE_TTL;
	if (!address_matches(rule, req))
		return POLICY_OBSTACLE_ADDRESS;
	if (!target_matches(rule, req))
		return POLICY_OBSTACLE_TARGET;
	return POLICY_OBSTACLE_NONE;
}

/* "source" does not limit deletions: see address_matches. */
bool policy_rule_limits_deletion(const struct policy_rule *rule, uint16_t type)
{
	bool is_address = type == TYPE_A || type == TYPE_AAAA;

	return rule->data_name_count > 0 ||
		(is_address && rule->data_count > 0 && !rule->data_source);
}

/* ---- reasons ---- */

static const char *address_to_text(
	const struct ip_address *address, char buf[INET6_ADDRSTRLEN])
{
	int family = address->family == 4 ? AF_INET : AF_INET6;

	if (address->family == 0 ||
		!inet_ntop(family, address->octets, buf, INET6_ADDRSTRLEN))
		return "an unknown address";
	return buf;
}

static void say_name(char buf[POLICY_REASON_MAX], const struct policy_rule *rule,
	const struct policy_request *req)
{
	static const char *const words[] = {
		[POLICY_MATCH_SELF] = "is not the key's own name",
		[POLICY_MATCH_SELFSUB] = "is not at or below the key's own name",
		[POLICY_MATCH_NAME] = "is not one of its names",
		[POLICY_MATCH_SUBDOMAIN] = "is not at or below one of its names",
		[POLICY_MATCH_PATTERN] = "matches none of its patterns",
		[POLICY_MATCH_ZONE] = "is not in its zone",
	};
	char owner[NAME_TEXT_MAX];

	snprintf(buf, POLICY_REASON_MAX, "%s %s", name_to_text(req->rr->owner, owner),
		words[rule->match]);
}

static void say_type(char buf[POLICY_REASON_MAX], const struct policy_rule *rule,
	const struct policy_request *req)
{
	char type[RDATA_TYPE_NAME_MAX];

	snprintf(buf, POLICY_REASON_MAX, "type %s is %s",
		rdata_type_name(req->rr->type, type),
		rule->type_count > 0 ? "not among its types"
				     : "guarded and not named in its types");
}

static void say_operation(char buf[POLICY_REASON_MAX], const struct policy_rule *rule)
{
	const char *words = "it may neither add nor delete";

	if (rule->operations & POLICY_ADD)
		words = "it may add but not delete";
	else if (rule->operations & POLICY_DELETE)
		words = "it may delete but not add";
	snprintf(buf, POLICY_REASON_MAX, "%s", words);
}

static void say_ttl(char buf[POLICY_REASON_MAX], const struct policy_rule *rule,
	const struct policy_request *req)
{
	bool is_low = req->rr->ttl < rule->ttl_min;

	snprintf(buf, POLICY_REASON_MAX, "TTL %u is %s %u", (unsigned)req->rr->ttl,
		is_low ? "below its minimum" : "above its maximum",
		(unsigned)(is_low ? rule->ttl_min : rule->ttl_max));
}

static void say_address(char buf[POLICY_REASON_MAX], const struct policy_rule *rule,
	const struct policy_request *req)
{
	struct ip_address address = {0};
	char text[INET6_ADDRSTRLEN], source[INET6_ADDRSTRLEN];

	(void)read_address(&address, req->rr); /* stays unknown */
	const char *a = address_to_text(&address, text);
	if (req->op == POLICY_DELETE)
		snprintf(buf, POLICY_REASON_MAX, "%s is not an address it may delete", a);
	else if (!rule->data_source)
		snprintf(buf, POLICY_REASON_MAX, "%s is not an address it may register",
			a);
	else
		snprintf(buf, POLICY_REASON_MAX, "%s is %s the sender's own address %s%s",
			a, rule->data_count > 0 ? "neither" : "not",
			address_to_text(&req->subject->source, source),
			rule->data_count > 0 ? " nor one it may register" : "");
}

static void say_target(char buf[POLICY_REASON_MAX], const struct policy_request *req)
{
	const struct rr *rr = req->rr;
	const uint8_t *target = rdata_target(rr->type, rr->rdata, rr->rdata_len);
	char text[NAME_TEXT_MAX];

	snprintf(buf, POLICY_REASON_MAX, "%s is not a target it may point to",
		target ? name_to_text(target, text) : "nothing");
}

void policy_rule_say(char buf[POLICY_REASON_MAX], enum policy_obstacle obstacle,
	const struct policy_rule *rule, const struct policy_request *req)
{
	char source[INET6_ADDRSTRLEN];

	switch (obstacle) {
	case POLICY_OBSTACLE_FROM:
		snprintf(buf, POLICY_REASON_MAX, "it takes no updates from %s",
			address_to_text(&req->subject->source, source));
		return;
	case POLICY_OBSTACLE_TRANSPORT:
		snprintf(buf, POLICY_REASON_MAX, "it takes no updates over %s",
			req->subject->transport == POLICY_TCP ? "TCP" : "UDP");
		return;
	case POLICY_OBSTACLE_NAME:
		say_name(buf, rule, req);
		return;
	case POLICY_OBSTACLE_TYPE:
		say_type(buf, rule, req);
		return;
	case POLICY_OBSTACLE_OPERATION:
		say_operation(buf, rule);
		return;
	case POLICY_OBSTACLE_TTL:
		say_ttl(buf, rule, req);
		return;
	case POLICY_OBSTACLE_ADDRESS:
		say_address(buf, rule, req);
		return;
	case POLICY_OBSTACLE_TARGET:
		say_target(buf, req);
		return;
	case POLICY_OBSTACLE_KEY:
	case POLICY_OBSTACLE_NONE:
		break;
	}
	snprintf(buf, POLICY_REASON_MAX, "it does not allow this");
}
