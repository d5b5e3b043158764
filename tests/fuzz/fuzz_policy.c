/*
 * Policy on rules, subjects and updates made of arbitrary octets.
 *
 * It must not crash, an update must be allowed exactly if each of its changes is, a
 * refusal must have a reason, and a further rule must never forbid what was allowed.
 * Names come from a short list and RDATA is valid for its type, as update_read
 * guarantees; the octets decide everything else.
 */
#include <stdlib.h>
#include <string.h>

#include "zones/policy.h"
#include "zones/rdata.h"

enum { RULES_MAX = 8, CHANGES_MAX = 8, LIST_MAX = 3, NAMES = 12 };

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

struct scene {
	struct wire_reader r; /* past the end it yields zeros */
	uint8_t names[NAMES][NAME_MAX_LEN];
	struct policy policy;
	struct policy_subject subject;
	struct update update;
	struct rr changes[CHANGES_MAX];
};

static void require(bool is_true)
{
	if (!is_true)
		abort();
}

static void fill_names(struct scene *s)
{
	static const char *const texts[NAMES] = {".", "*.", "dyn.example.", "example.",
		"host1.dyn.example.", "a.host1.dyn.example.", "*.dyn.example.",
		"*.host1.dyn.example.", "a.*.dyn.example.", "xhost1.dyn.example.",
		"mail.example.", "*.*.*."};

	for (size_t i = 0; i < NAMES; i++)
		require(name_from_text(s->names[i], texts[i], NULL) == 0);
}

static const uint8_t *take_name(struct scene *s)
{
	return s->names[wire_read_u8(&s->r) % NAMES];
}

static void take_names(struct scene *s, uint8_t ***list, size_t *count)
{
	size_t wanted = wire_read_u8(&s->r) % (LIST_MAX + 1);

	*list = calloc(wanted + 1, sizeof(**list));
	require(*list);
	while (*count < wanted) {
		const uint8_t *name = take_name(s);
		(*list)[*count] = malloc(name_len(name));
		require((*list)[*count]);
		memcpy((*list)[(*count)++], name, name_len(name));
	}
}

static struct ip_address take_address(struct scene *s)
{
	static const uint8_t families[4] = {4, 6, 4, 0};
	struct ip_address address = {.family = families[wire_read_u8(&s->r) % 4]};

	for (size_t i = 0; i < (address.family == 6 ? 16 : 4); i++)
		address.octets[i] = wire_read_u8(&s->r) & 3;
	return address;
}

static void take_cidrs(struct scene *s, struct cidr **list, size_t *count)
{
	size_t wanted = wire_read_u8(&s->r) % (LIST_MAX + 1);

	*list = calloc(wanted + 1, sizeof(**list));
	require(*list);
	while (*count < wanted) {
		struct cidr *cidr = &(*list)[(*count)++];
		cidr->address = take_address(s);
		cidr->bits = wire_read_u8(&s->r) % (cidr->address.family == 6 ? 129 : 33);
	}
}

static void take_rule(struct scene *s, struct policy_rule *rule)
{
	uint8_t bits = wire_read_u8(&s->r);

	policy_rule_init(rule);
	rule->match = (enum policy_match)(bits % (POLICY_MATCH_ZONE + 1));
	rule->data_source = bits & 8;
	rule->transfer = bits & 16;
	rule->operations = bits >> 5 & 3;
	rule->transports = wire_read_u8(&s->r) & 3;
	rule->line = wire_read_u8(&s->r);
	rule->ttl_min = wire_read_u8(&s->r);
	rule->ttl_max = rule->ttl_min + wire_read_u16(&s->r);
	take_names(s, &rule->keys, &rule->key_count);
	take_names(s, &rule->names, &rule->name_count);
	take_names(s, &rule->data_names, &rule->data_name_count);
	take_cidrs(s, &rule->data, &rule->data_count);
	take_cidrs(s, &rule->from, &rule->from_count);
	size_t wanted = wire_read_u8(&s->r) % (LIST_MAX + 1);
	rule->types = calloc(wanted + 1, sizeof(*rule->types));
	require(rule->types);
	while (rule->type_count < wanted)
		rule->types[rule->type_count++] = wire_read_u8(&s->r);
}

/* False: update_read would not have accepted such RDATA. */
static bool take_change(struct scene *s, struct rr *rr)
{
	uint8_t kind = wire_read_u8(&s->r) % 4, type = wire_read_u8(&s->r);

	*rr = (struct rr){.owner = take_name(s), .type = type, .class = CLASS_ANY};
	if (kind == 0)
		rr->type = TYPE_ANY;
	if (kind < 2)
		return true;
	rr->class = kind == 2 ? CLASS_NONE : CLASS_IN;
	rr->ttl = kind == 2 ? 0 : wire_read_u16(&s->r);
	rr->rdata_len = wire_read_u8(&s->r);
	rr->rdata = wire_read_octets(&s->r, rr->rdata_len);
	return rr->rdata && !rdata_type_is_meta(rr->type) &&
		rdata_is_valid(rr->type, rr->rdata, rr->rdata_len, &(const char *){NULL});
}

static void take_update(struct scene *s)
{
	size_t wanted = wire_read_u8(&s->r) % (CHANGES_MAX + 1);

	s->update.changes = s->changes;
	while (wanted-- > 0)
		if (take_change(s, &s->changes[s->update.change_count]))
			s->update.change_count++;
}

static void check(const struct scene *s, const uint8_t *zone)
{
	struct policy shorter = s->policy;
	struct verdict v = policy_check_update(&s->policy, zone, &s->subject, &s->update);
	bool are_all_allowed = true;

	for (unsigned i = 0; i < s->update.change_count; i++) {
		const struct rr *rr = &s->changes[i];
		struct verdict why = verdict_ok();
		enum policy_operation op = update_is_add(rr) ? POLICY_ADD : POLICY_DELETE;
		if (policy_find_rule(&s->policy, zone, &s->subject, op, rr, &why))
			continue;
		are_all_allowed = false;
		require(why.rcode == RCODE_REFUSED && why.why[0]);
	}
	if (s->update.change_count > 0)
		require(verdict_is_ok(&v) == are_all_allowed);
	require(verdict_is_ok(&v) == (v.why[0] == '\0'));
	require(s->subject.key || !verdict_is_ok(&v));
	(void)policy_allows_transfer(&s->policy, &s->subject);
	if (shorter.count == 0)
		return;
	shorter.count--;
	struct verdict before =
		policy_check_update(&shorter, zone, &s->subject, &s->update);
	require(!verdict_is_ok(&before) || verdict_is_ok(&v));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	struct scene s = {0};

	wire_reader_init(&s.r, octets, 0, len);
	fill_names(&s);
	s.subject.key = wire_read_u8(&s.r) % 8 ? take_name(&s) : NULL;
	s.subject.source = take_address(&s);
	s.subject.transport = wire_read_u8(&s.r) & 1 ? POLICY_TCP : POLICY_UDP;
	s.policy.rules = calloc(RULES_MAX, sizeof(*s.policy.rules));
	require(s.policy.rules);
	size_t wanted = wire_read_u8(&s.r) % (RULES_MAX + 1);
	while (s.policy.count < wanted)
		take_rule(&s, &s.policy.rules[s.policy.count++]);
	take_update(&s);
	check(&s, s.names[2]);
	policy_clear(&s.policy);
	return 0;
}
