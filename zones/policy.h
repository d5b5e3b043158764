/*
 * Who may do what: an ordered list of rules per zone, deny by default.
 *
 * A record of an update is allowed by the first rule whose every condition holds for
 * it.  If no rule allows one of the records, the whole update is refused.  The reason
 * given is that of the rule that came closest.
 *
 * Adding a record and deleting one exact record (RFC 2136 2.5.1, 2.5.4) can be judged
 * from the message.  Deleting an RRset or a name (2.5.2, 2.5.3) deletes whatever is
 * there: from the message it is only judged whether the key could be allowed to delete
 * something there (policy_check_update), and each record that would be removed is
 * judged later against the mirror (policy_check_effect), before prerequisites.  So is a
 * record that another one replaces (CNAME, DNAME, SOA, WKS) or that cannot stay without
 * another (DS).  A deletion is judged by every condition except ttl, max_records, and
 * data = "source".
 *
 * The rules that match a subject are looked for once per message; what a rule says
 * about a name and type is evaluated once per RRset; and each RRset is judged once,
 * however often a message asks for its deletion.
 */
#ifndef MUSTER_POLICY_H
#define MUSTER_POLICY_H

#include "zones/update.h"

/* An address without a socket: IPv4 or IPv6; IPv4-mapped addresses become IPv4. */
struct ip_address {
	uint8_t family;     /* 4 or 6; 0: none */
	uint8_t octets[16]; /* network order; 4 used for IPv4 */
};

struct cidr {
	struct ip_address address;
	uint8_t bits;
};

/* "192.0.2.0/24", "2001:db8::/32"; an address without a length is a prefix of full
 * length.  Bits beyond the prefix must be zero.  0 or -EINVAL. */
int cidr_from_text(struct cidr *ret, const char *text);
bool cidr_contains(const struct cidr *cidr, const struct ip_address *address);
bool cidr_list_contains(
	const struct cidr *list, size_t count, const struct ip_address *a);

enum policy_match {
	POLICY_MATCH_SELF,      /* the key's name is the owner */
	POLICY_MATCH_SELFSUB,   /* the owner is at or below the key's name */
	POLICY_MATCH_NAME,      /* the owner is one of names */
	POLICY_MATCH_SUBDOMAIN, /* the owner is at or below one of names */
	POLICY_MATCH_PATTERN,   /* the owner matches one of names, each * one label */
	POLICY_MATCH_ZONE,      /* any owner of the zone */
};

enum policy_operation { POLICY_ADD = 1, POLICY_DELETE = 2 };
enum policy_transport { POLICY_UDP = 1, POLICY_TCP = 2 };

struct policy_rule {
	uint8_t **keys; /* patterns over key names; never empty */
	size_t key_count;
	enum policy_match match;
	uint8_t **names; /* absolute; for name, subdomain, pattern */
	size_t name_count;
	uint16_t *types; /* none: every type except those of policy_type_is_guarded;
	                  * ANY: every type */
	size_t type_count;
	unsigned operations; /* of enum policy_operation */
	struct cidr *data;   /* for A and AAAA; empty: any address */
	size_t data_count;
	bool data_source;     /* A and AAAA: only the sender's own address */
	uint8_t **data_names; /* patterns for rdata_target */
	size_t data_name_count;
	uint32_t ttl_min, ttl_max; /* of added records, seconds */
	unsigned max_records;      /* in the RRset after the update; 0: no limit */
	uint32_t max_names;        /* that the key may hold in the zone; 0: no limit */
	uint32_t max_size;         /* octets of those; 0: no limit */
	struct cidr *from;         /* empty: from anywhere */
	size_t from_count;
	unsigned transports;      /* of enum policy_transport */
	bool transfer;            /* keys may AXFR and IXFR */
	bool has_lease;           /* false: records that it allows are permanent */
	uint32_t lease_default_s; /* 0: only updates that ask get one */
	uint32_t lease_min_s, lease_max_s;
	uint32_t lease_key_max_s; /* in place of lease_max_s for KEY records */
	bool adopt; /* permanent records that are added again get a lease; PTR records
	             * of others give way */
	bool ptr;   /* PTR records follow the addresses that it allows */
	bool merge; /* deleting an RRset spares what others have leased: lease_merge */
	int line;   /* its line in the configuration, for messages; 0: none */
};

struct policy {
	struct policy_rule *rules;
	size_t count;
};

/* everything allowed, but no key matches */
void policy_rule_init(struct policy_rule *rule);
void policy_clear(struct policy *policy); /* frees the rules and their lists */

struct policy_subject {
	const uint8_t *key; /* name; NULL: unsigned, which matches no rule */
	struct ip_address source;
	unsigned transport; /* one of enum policy_transport */
};

/* NSEC, NSEC3, NSEC3PARAM, RRSIG, DNSKEY, CDS, CDNSKEY, DS, SOA, NS, CSYNC, ZONEMD:
 * allowed only by name or by types = [ "ANY" ] (RFC 3007 3.1). */
bool policy_type_is_guarded(uint16_t type);

/*
 * Judged from the message alone.  NOERROR, or REFUSED with the reason ("rule 2 (line
 * 31): type MX is not among its types").
 */
struct verdict policy_check_update(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct update *update);

/*
 * Judged against the mirror, before prerequisites: what deletions of RRsets and names
 * would remove, and what an added record would replace.  At the apex, SOA and NS, which
 * 3.4.2.3 keeps, do not count.  REFUSED, too, if there is more than APPLY_SIZE_MAX to
 * be judged.
 */
struct verdict policy_check_effect(const struct policy *policy, const struct zone *zone,
	const struct policy_subject *subject, const struct update *update);

/*
 * Judged once the change set of the update is known: a rule must allow the subject to
 * delete whatever it removed.  Also max_records: each RRset to which the update adds,
 * unless it leaves fewer records than there were, is held to the limits of the rules
 * that allowed the additions.
 */
struct verdict policy_check_result(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct update *update,
	const struct changeset *cs);

/*
 * max_names and max_size, judged after the update has been applied and made the zone
 * larger: what the subject then holds, against the limits of the rules that allowed the
 * growth.
 */
struct verdict policy_check_holding(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct update *update,
	const struct changeset *cs, const struct zone_holding *held);

/*
 * Prerequisites of a client that may not query the zone: REFUSED unless each is about a
 * name that a rule lets the subject touch, or about the SOA of the zone, which any key
 * named in a rule may query, or the subject may transfer the zone.
 */
struct verdict policy_check_prereqs(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct update *update);
/*
 * May a client that query_from does not include query this name of the zone?  Yes if a
 * rule lets the subject add or delete anything there, or transfer the zone.  Any key
 * named in a rule may ask for the SOA of the zone, as clients do to find it, and for
 * whoami.<zone>.
 */
bool policy_may_query(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const uint8_t *name, uint16_t type);

/* ---- one record after another ---- */

enum { POLICY_JUDGE_FEW = 16 }; /* rules kept in place */

/*
 * The rules that match one subject, found as they are needed, once for all the records
 * of a message.  Everything passed to its constructor must outlive it.
 */
struct policy_judge {
	const struct policy *policy;
	const uint8_t *zone;
	const struct policy_subject *subject;
	size_t next;  /* of the policy's rules; those before it have been looked at */
	size_t count; /* of rules */
	size_t room;  /* of many; 0: few is used */
	const struct policy_rule **many;
	const struct policy_rule *few[POLICY_JUDGE_FEW];
};

void policy_judge_init(struct policy_judge *judge, const struct policy *policy,
	const uint8_t *zone, const struct policy_subject *subject);
void policy_judge_clear(struct policy_judge *judge);
/* Like policy_find_rule. */
const struct policy_rule *policy_judge_find(struct policy_judge *judge,
	enum policy_operation op, const struct rr *rr, struct verdict *ret_why);

/* The rule that allows one record to be added or deleted; NULL, and the reason in why
 * (may be NULL). */
const struct policy_rule *policy_find_rule(const struct policy *policy,
	const uint8_t *zone, const struct policy_subject *subject,
	enum policy_operation op, const struct rr *rr, struct verdict *ret_why);

/* Does the rule name the key? */
bool policy_names_key(const struct policy_rule *rule, const uint8_t *key);

/* May this subject transfer the zone? */
bool policy_allows_transfer(
	const struct policy *policy, const struct policy_subject *subject);

#endif
