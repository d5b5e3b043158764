/*
 * Which RRsets answer a question: RFC 1034 4.3.2 over one zone, without recursion.
 *
 * Aliases are followed inside the zone for at most CHAIN_MAX steps; then the answer is
 * what has been found so far.  DNSSEC records are data like any other: no proofs are
 * added.
 */
#include <arpa/inet.h>
#include <string.h>

#include "gateway/answer/answer_private.h"
#include "zones/rdata.h"

enum { CHAIN_MAX = 16 }; /* CNAME and DNAME steps: more than real chains have */

enum place_kind {
	PLACE_NAME,     /* node is the name itself, maybe without RRsets */
	PLACE_WILDCARD, /* node is the wildcard that covers it */
	PLACE_NOWHERE,  /* the name does not exist */
	PLACE_CUT,      /* node is the zone cut at or above it */
	PLACE_DNAME,    /* node, above it, has a DNAME */
};

struct place {
	enum place_kind kind;
	const struct zone_node *node;
};

/* ---- where is a name ---- */

/* RFC 4592 2.2.1, 3.3.1: only the wildcard below the closest encloser counts, and it is
 * the source of synthesis even if it is an empty non-terminal. */
static struct place find_wildcard(
	const struct zone *zone, const struct zone_node *encloser)
{
	uint8_t name[NAME_MAX_LEN] = {1, '*'};
	const uint8_t *owner = zone_node_owner(encloser);
	const size_t len = name_len(owner);
	const struct zone_node *node;

	/* It fits, since the name asked for has a label before this one. */
	if (len > sizeof(name) - 2)
		return (struct place){.kind = PLACE_NOWHERE};
	memcpy(name + 2, owner, len);
	node = zone_find_node(zone, name);
	return (struct place){
		.kind = node ? PLACE_WILDCARD : PLACE_NOWHERE, .node = node};
}

/* From the apex downwards, since cuts and DNAMEs hide what is below them.  name is in
 * the zone. */
static struct place find_place(
	const struct zone *zone, const uint8_t *name, uint16_t type)
{
	const unsigned below = name_labels(name) - name_labels(zone_apex(zone));
	const uint8_t *names[NAME_MAX_LABELS]; /* names[n]: without its first n labels */
	struct place place = {.kind = PLACE_NAME};

	for (unsigned i = 0; i < below; i++, name = name_parent(name))
		names[i] = name;
	place.node = zone_find_node(zone, name);
	for (unsigned i = below; i-- > 0;) {
		const struct zone_node *next;

		if (zone_node_find(place.node, TYPE_DNAME)) {
			place.kind = PLACE_DNAME;
			return place;
		}
		next = zone_find_node(zone, names[i]);
		if (!next)
			return find_wildcard(zone, place.node);
		place.node = next;
		/* RFC 4035 3.1.4.1: the DS of a cut belongs to the parent, that is, to
		 * us. */
		if (zone_node_find(next, TYPE_NS) && !(i == 0 && type == TYPE_DS)) {
			place.kind = PLACE_CUT;
			return place;
		}
	}
	return place;
}

/* ---- whoami ---- */

bool answer_is_whoami(const struct zone *zone, const uint8_t *name)
{
	static const char label[] = {'w', 'h', 'o', 'a', 'm', 'i'};

	return name[0] == sizeof(label) && memcmp(name + 1, label, sizeof(label)) == 0 &&
		name_is_equal(name + 1 + sizeof(label), zone_apex(zone));
}

/* The client's own address, which must not be cached for other clients. */
static void answer_whoami(struct answer *a, const uint8_t *name)
{
	const struct ip_address *source = &a->query->source;
	const bool is_ipv4 = source->family == 4;
	struct rr rr = {.owner = name, .ttl = ANSWER_WHOAMI_TTL_S};
	uint8_t text[1 + INET6_ADDRSTRLEN]; /* a character-string */
	const uint16_t before = a->counts[ANSWER_ANSWER];

	rr.type = is_ipv4 ? TYPE_A : TYPE_AAAA;
	rr.rdata = source->octets;
	rr.rdata_len = is_ipv4 ? 4 : 16;
	if (source->family && (a->type == rr.type || a->type == TYPE_ANY))
		answer_add_record(a, ANSWER_ANSWER, &rr);
	if (source->family && (a->type == TYPE_TXT || a->type == TYPE_ANY) &&
		inet_ntop(is_ipv4 ? AF_INET : AF_INET6, source->octets, (char *)text + 1,
			INET6_ADDRSTRLEN)) {
		text[0] = (uint8_t)strlen((char *)text + 1);
		rr.type = TYPE_TXT;
		rr.rdata = text;
		rr.rdata_len = 1 + text[0];
		answer_add_record(a, ANSWER_ANSWER, &rr);
	}
	if (a->counts[ANSWER_ANSWER] == before)
		answer_add_negative_soa(a);
}

/* ---- one step ---- */

/* Continues with another name, if it is in this zone. */
static bool move_to(
	const struct answer *a, uint8_t name[NAME_MAX_LEN], const uint8_t *target)
{
	memcpy(name, target, name_len(target));
	name_lower(name);
	return name_is_subdomain(name, zone_apex(a->query->zone));
}

static const uint8_t *first_rdata(const struct rrset *set, uint16_t *ret_len)
{
	size_t at = 0;

	return rrset_next(set, &at, ret_len);
}

/* Adds everything at a node. */
static void answer_any(
	struct answer *a, const uint8_t *name, const struct zone_node *node)
{
	const struct rrset *set;

	for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++)
		answer_add_set(a, ANSWER_ANSWER, name, node, set);
	if (!zone_node_rrset(node, 0))
		answer_add_negative_soa(a);
}

/* Adds the data of a node for a name: true if it leads to another name of the zone,
 * which is then in name. */
static bool answer_from_node(
	struct answer *a, uint8_t name[NAME_MAX_LEN], const struct zone_node *node)
{
	const struct rrset *set;
	const uint8_t *target;
	uint16_t len;

	if (a->type == TYPE_ANY) {
		answer_any(a, name, node);
		return false;
	}
	set = zone_node_find(node, a->type);
	if (set) {
		answer_add_set(a, ANSWER_ANSWER, name, node, set);
		return false;
	}
	set = zone_node_find(node, TYPE_CNAME);
	if (!set) {
		answer_add_negative_soa(a);
		return false;
	}
	target = first_rdata(set, &len);
	target = rdata_target(TYPE_CNAME, target, len);
	return answer_add_set(a, ANSWER_ANSWER, name, node, set) && target &&
		move_to(a, name, target);
}

/*
 * RFC 6672 2.2, 3.2: the DNAME, and a CNAME made of it with its TTL (3.1) for the name
 * below it.
 */
static bool answer_from_dname(
	struct answer *a, uint8_t name[NAME_MAX_LEN], const struct zone_node *node)
{
	const struct rrset *set = zone_node_find(node, TYPE_DNAME);
	const uint8_t *owner = zone_node_owner(node);
	const size_t prefix_len = name_len(name) - name_len(owner);
	struct rr cname = {.owner = name, .type = TYPE_CNAME, .ttl = set->ttl};
	uint8_t target[NAME_MAX_LEN];
	const uint8_t *suffix;
	uint16_t len;

	if (!answer_has_set(a, node, set) &&
		!answer_add_set(a, ANSWER_ANSWER, owner, node, set))
		return false;
	suffix = first_rdata(set, &len);
	suffix = rdata_target(TYPE_DNAME, suffix, len);
	if (!suffix)
		return false;
	len = (uint16_t)name_len(suffix);
	if (prefix_len + len > NAME_MAX_LEN) {
		a->rcode = RCODE_YXDOMAIN;
		return false;
	}
	memcpy(target, name, prefix_len);
	memcpy(target + prefix_len, suffix, len);
	cname.rdata = target;
	cname.rdata_len = (uint16_t)(prefix_len + len);
	answer_add_record(a, ANSWER_ANSWER, &cname);
	if (a->type == TYPE_CNAME || a->type == TYPE_ANY)
		return false;
	return move_to(a, name, target);
}

/* RFC 1034 4.3.2 step 3b.  AA is cleared only if the answer begins here. */
static void answer_referral(struct answer *a, const struct zone_node *cut)
{
	if (a->counts[ANSWER_ANSWER] == 0)
		a->flags &= (uint16_t)~WIRE_AA;
	answer_add_set(a, ANSWER_AUTHORITY, zone_node_owner(cut), cut,
		zone_node_find(cut, TYPE_NS));
}

/* True if name has become another one to look up. */
static bool answer_step(struct answer *a, uint8_t name[NAME_MAX_LEN])
{
	const struct zone *zone = a->query->zone;
	const struct place place = find_place(zone, name, a->type);

	switch (place.kind) {
	case PLACE_CUT:
		answer_referral(a, place.node);
		return false;
	case PLACE_DNAME:
		return answer_from_dname(a, name, place.node);
	case PLACE_NAME:
		return answer_from_node(a, name, place.node);
	case PLACE_WILDCARD:
	case PLACE_NOWHERE:
		break;
	}
	if (answer_is_whoami(zone, name)) {
		answer_whoami(a, name);
		return false;
	}
	if (place.kind == PLACE_WILDCARD)
		return answer_from_node(a, name, place.node);
	/* For the last name of a chain, RFC 2308 2.1. */
	a->rcode = RCODE_NXDOMAIN;
	answer_add_negative_soa(a);
	return false;
}

/* ---- additional addresses ---- */

static bool is_service(uint16_t type)
{
	return type == TYPE_SVCB || type == TYPE_HTTPS;
}

/* Adds the addresses of one name, and its service records if a record of this type
 * refers to those; false: something did not fit. */
static bool add_addresses(struct answer *a, const uint8_t *name, uint16_t type)
{
	const uint16_t types[] = {TYPE_A, TYPE_AAAA, type};
	const size_t count = is_service(type) ? 3 : 2;
	const struct zone_node *node = zone_find_node(a->query->zone, name);
	bool fits = true;

	for (size_t i = 0; node && i < count; i++) {
		const struct rrset *set = zone_node_find(node, types[i]);

		if (!set || answer_has_set(a, node, set))
			continue;
		if (!answer_add_set(a, ANSWER_ADDITIONAL, name, node, set))
			fits = false;
	}
	return fits;
}

/*
 * The name whose addresses a record needs; NULL: none.  RFC 9460 2.5: a root target
 * means the owner itself in ServiceMode, and that there is no service in AliasMode.
 */
static const uint8_t *find_target(
	const struct answer_set *of, const uint8_t *rdata, uint16_t len)
{
	const uint8_t *target = rdata_target(of->set->type, rdata, len);
	const uint8_t *owner = zone_node_owner(of->node);

	if (!target || target[0] || !is_service(of->set->type))
		return target;
	return (rdata[0] || rdata[1]) && !name_is_wildcard(owner) ? owner : NULL;
}

/*
 * RFC 9471 3.1: glue for name servers below the cut must be included, or TC set, since
 * resolvers cannot find them otherwise.  All other additional records are optional.
 */
static void add_targets(struct answer *a, const struct answer_set *of)
{
	const bool is_referral = of->section == ANSWER_AUTHORITY;
	const struct rrset *set = of->set;
	uint8_t name[NAME_MAX_LEN];
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	while ((is_referral || a->set_count < ANSWER_SETS_MAX) &&
		(rdata = rrset_next(set, &at, &len))) {
		const uint8_t *target = find_target(of, rdata, len);

		if (!target || !move_to(a, name, target) ||
			add_addresses(a, name, set->type))
			continue;
		if (is_referral && name_is_subdomain(name, zone_node_owner(of->node))) {
			answer_truncate(a);
			return;
		}
	}
}

static void add_additional(struct answer *a)
{
	/* RFC 9460 4.1: services added here may refer to further names; each is
	 * followed once. */
	for (size_t i = 0; i < a->set_count && !a->is_closed; i++) {
		const struct answer_set of = a->sets[i];

		if (of.set->type == TYPE_NS || of.set->type == TYPE_MX ||
			of.set->type == TYPE_SRV || is_service(of.set->type))
			add_targets(a, &of);
	}
}

static bool is_among(const uint8_t *name, uint8_t (*names)[NAME_MAX_LEN], unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (name_is_equal(name, names[i]))
			return true;
	}
	return false;
}

void answer_look_up(struct answer *a, uint8_t name[NAME_MAX_LEN])
{
	uint8_t seen[CHAIN_MAX][NAME_MAX_LEN];

	for (unsigned i = 0; i < CHAIN_MAX; i++) {
		memcpy(seen[i], name, name_len(name));
		if (!answer_step(a, name))
			break;
		/* RFC 1034 3.6.2: "CNAME loops signalled as an error", along with what
		 * has been found. */
		if (is_among(name, seen, i + 1)) {
			a->rcode = RCODE_SERVFAIL;
			break;
		}
	}
	add_additional(a);
}
