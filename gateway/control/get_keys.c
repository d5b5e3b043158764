/*
 * Keys, of which everything but the secret may be shown, and which rule would allow an
 * update.  The configuration alone answers both, in this thread.
 *
 * A keyring can only be walked as a whole, and may hold two million keys.  So pointers to
 * all of them are kept for as long as the keyring stays the same.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/control/control_private.h"
#include "zones/rdata.h"

enum {
	USES_MAX = 20, /* uses of one key that are listed */
	/* comparisons of keys with patterns for one answer: some 50 ms */
	COMPARISONS_MAX = 500000,
};

struct control_keys {
	const struct tsig_key **keys;
	size_t count, room;
	size_t patterns; /* in all rules, and targets */
};

/* ---- the list ---- */

static bool note_key(const struct tsig_key *key, void *arg)
{
	struct control_keys *keys = arg;

	if (keys->count < keys->room)
		keys->keys[keys->count++] = key;
	return true;
}

static size_t count_patterns(const struct config *config)
{
	size_t count = 1;

	for (size_t i = 0; i < config->zone_count; i++) {
		const struct config_zone *zone = &config->zones[i];

		count += zone->target_count;
		for (size_t j = 0; j < zone->policy.count; j++)
			count += zone->policy.rules[j].key_count;
	}
	return count;
}

void control_forget_keys(struct control *c)
{
	if (c->keys)
		free(c->keys->keys);
	free(c->keys);
	c->keys = NULL;
}

static const struct control_keys *list_keys(struct control *c)
{
	if (c->keys)
		return c->keys;
	c->keys = calloc(1, sizeof(*c->keys));
	if (!c->keys)
		return NULL;
	c->keys->room = keyring_count(c->config->keys);
	c->keys->patterns = count_patterns(c->config);
	c->keys->keys = calloc(c->keys->room + 1, sizeof(*c->keys->keys));
	if (!c->keys->keys) {
		control_forget_keys(c);
		return NULL;
	}
	keyring_each(c->config->keys, note_key, c->keys);
	return c->keys;
}

/* ---- where a key is used ---- */

static void add_use(struct control_request *r, json_t *uses, json_t *use)
{
	if (json_array_size(uses) < USES_MAX)
		control_add(r, uses, use);
	else
		json_decref(use);
}

static void add_uses_of_zone(struct control_request *r, json_t *uses,
	const struct config_zone *zone, const struct tsig_key *key)
{
	for (size_t i = 0; i < zone->policy.count; i++) {
		const struct policy_rule *rule = &zone->policy.rules[i];

		if (policy_names_key(rule, key->name))
			add_use(r, uses,
				json_pack("{s:s, s:I, s:i}", "zone", zone->text, "rule",
					(json_int_t)i + 1, "line", rule->line));
	}
	for (size_t i = 0; i < zone->target_count; i++) {
		const struct config_target *target = &zone->targets[i];

		if (target->key && name_is_equal(target->key->name, key->name))
			add_use(r, uses,
				json_pack("{s:s, s:s}", "zone", zone->text, "target",
					target->id));
	}
}

static json_t *uses_to_json(struct control_request *r, const struct tsig_key *key)
{
	json_t *uses = json_array();

	for (size_t i = 0; i < r->config->zone_count; i++)
		add_uses_of_zone(r, uses, &r->config->zones[i], key);
	return uses;
}

static const char *validity_of(const struct tsig_key *key, int64_t now_s)
{
	if (now_s < key->not_before)
		return "not yet valid";
	return now_s > key->not_after ? "expired" : "valid";
}

static json_t *key_to_json(struct control_request *r, const struct tsig_key *key)
{
	return json_pack("{s:o, s:s, s:i, s:s, s:o, s:o, s:b, s:o}", "name",
		control_json_name(key->name), "algorithm", hmac_algorithm_text(key->alg),
		"bits", 8 * key->secret_len, "state",
		validity_of(key, clock_real_ms() / 1000), "not_before",
		key->not_before == INT64_MIN ? json_null()
					     : control_json_time(key->not_before * 1000),
		"not_after",
		key->not_after == INT64_MAX ? json_null()
					    : control_json_time(key->not_after * 1000),
		"weak", hmac_algorithm_is_weak(key->alg), "uses", uses_to_json(r, key));
}

/* There is one entry for each secret of the name. */
static void answer_named(struct control_request *r, const char *text)
{
	const struct tsig_key *key;
	uint8_t name[NAME_MAX_LEN];

	if (!control_read_name(r, text, name))
		return;
	for (key = keyring_find(r->config->keys, name); key; key = key->next_secret)
		control_add(r, r->list, key_to_json(r, key));
	control_done_page(r, "keys", json_null());
}

void control_get_keys(struct control_request *r)
{
	const char *name = control_parameter(r, "name");
	const struct control_keys *keys = list_keys(r->control);
	uint64_t from = 0;
	size_t end;

	if (!control_read_number(r, "cursor", &from))
		return;
	r->list = json_array();
	if (name) {
		answer_named(r, name);
		return;
	}
	if (!keys) {
		control_fail(r, 503, "out of memory");
		return;
	}
	if (from > keys->count)
		from = keys->count;
	end = (size_t)from + COMPARISONS_MAX / keys->patterns + 1;
	if (end > from + CONTROL_PAGE_MAX)
		end = (size_t)from + CONTROL_PAGE_MAX;
	if (end > keys->count)
		end = keys->count;
	for (size_t i = (size_t)from; i < end; i++)
		control_add(r, r->list, key_to_json(r, keys->keys[i]));
	control_done_page(
		r, "keys", end < keys->count ? json_sprintf("%zu", end) : json_null());
}

/* ---- explain ---- */

struct explaining {
	struct policy_subject subject;
	enum policy_operation op;
	struct rr rr;
	uint8_t key[NAME_MAX_LEN], name[NAME_MAX_LEN];
	uint8_t rdata[WIRE_MESSAGE_MAX];
	const struct config_zone *zone;
};

static const char *text_of(const json_t *body, const char *name)
{
	const char *text = json_string_value(json_object_get(body, name));

	return text && *text ? text : NULL;
}

/* Unknown members are refused, since they may be meant to change the answer.  False: the
 * request has been answered. */
static bool check_members(struct control_request *r, json_t *body)
{
	static const char *const texts[] = {
		"key", "name", "type", "data", "op", "source", "transport"};
	const char *name;
	json_t *value;

	json_object_foreach(body, name, value)
	{
		size_t i = 0;

		while (i < sizeof(texts) / sizeof(texts[0]) && strcmp(texts[i], name))
			i++;
		if (i == sizeof(texts) / sizeof(texts[0]) && strcmp(name, "ttl") != 0) {
			control_fail(r, 400, "%.64s: is not a member here", name);
			return false;
		}
		if (json_is_null(value) ||
			(strcmp(name, "ttl") ? json_is_string(value)
					     : json_is_integer(value)))
			continue;
		control_fail(r, 400, "%s: must be a %s", name,
			strcmp(name, "ttl") ? "text" : "whole number");
		return false;
	}
	return true;
}

static bool read_subject(
	struct control_request *r, const json_t *body, struct explaining *e)
{
	const char *key = text_of(body, "key"), *source = text_of(body, "source");
	const char *transport = text_of(body, "transport");
	struct cidr cidr = {.bits = 0};

	if (!key || !control_read_name(r, key, e->key)) {
		if (!key)
			control_fail(r, 400, "key: is missing");
		return false;
	}
	e->subject.key = e->key;
	if (source && cidr_from_text(&cidr, source)) {
		control_fail(r, 400, "source: must be an address");
		return false;
	}
	if (transport && strcmp(transport, "tcp") && strcmp(transport, "udp")) {
		control_fail(r, 400, "transport: must be udp or tcp");
		return false;
	}
	e->subject.source = cidr.address;
	e->subject.transport =
		transport && !strcmp(transport, "tcp") ? POLICY_TCP : POLICY_UDP;
	return true;
}

/* Without data the question is whether any record of this type could be allowed. */
static bool read_data(struct control_request *r, const json_t *body, struct explaining *e)
{
	const char *data = text_of(body, "data");
	char why[RDATA_WHY_MAX];
	int len;

	if (!data) {
		e->rr.class = CLASS_ANY;
		return true;
	}
	len = rdata_from_text_why(
		e->rr.type, data, e->zone->name, e->rdata, sizeof(e->rdata), why);
	if (len < 0) {
		control_fail(r, 400, "data: %s", why);
		return false;
	}
	e->rr.class = e->op == POLICY_ADD ? CLASS_IN : CLASS_NONE;
	e->rr.rdata = e->rdata;
	e->rr.rdata_len = (uint16_t)len;
	return true;
}

static bool read_record(
	struct control_request *r, const json_t *body, struct explaining *e)
{
	const char *name = text_of(body, "name"), *type = text_of(body, "type");
	const char *op = text_of(body, "op");
	const json_int_t ttl = json_integer_value(json_object_get(body, "ttl"));

	if (!name || !type || (op && strcmp(op, "add") && strcmp(op, "delete")) ||
		ttl < 0 || ttl > INT32_MAX) {
		control_fail(r, 400,
			"name and type are needed; op must be add or delete, and ttl "
			"a whole number");
		return false;
	}
	e->zone = control_read_owner(r, name, e->name);
	if (!e->zone)
		return false;
	e->op = op && !strcmp(op, "delete") ? POLICY_DELETE : POLICY_ADD;
	e->rr.owner = e->name;
	e->rr.ttl = (uint32_t)ttl;
	e->rr.type = rdata_type_from_name(type);
	if (!e->rr.type || (rdata_type_is_meta(e->rr.type) && e->rr.type != TYPE_ANY)) {
		control_fail(r, 400, "%.32s: is not a type", type);
		return false;
	}
	return read_data(r, body, e);
}

static json_t *lease_to_json(const struct policy_rule *rule)
{
	if (!rule || !rule->has_lease)
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "default_s",
		(json_int_t)rule->lease_default_s, "min_s", (json_int_t)rule->lease_min_s,
		"max_s", (json_int_t)rule->lease_max_s);
}

/* Why the key cannot be used at all, whatever the rules say; NULL: it can. */
static const char *obstacle_of(const struct config *config, const struct explaining *e)
{
	const struct tsig_key *key = keyring_find(config->keys, e->key);
	const int64_t now_s = clock_real_ms() / 1000;

	if (!key)
		return "there is no key of this name";
	for (; key; key = key->next_secret)
		if (tsig_key_is_valid_at(key, now_s))
			return NULL;
	return "the key is not valid now";
}

/* Only the rules were asked: conditions on the zone's content depend on the moment. */
static const char *note_of(const struct explaining *e)
{
	if (e->op == POLICY_ADD)
		return "what stands in the zone was not looked at: max_records, "
		       "max_names, max_size, and records that would make way and that "
		       "the key may not delete, can still have it refused";
	return "what stands in the zone was not looked at: records that would go and "
	       "that the key may not delete can still have it refused";
}

static json_t *explain(const struct config *config, struct explaining *e)
{
	struct verdict why = verdict_ok();
	const struct policy_rule *rule = policy_find_rule(
		&e->zone->policy, e->zone->name, &e->subject, e->op, &e->rr, &why);
	const char *obstacle = obstacle_of(config, e);
	const bool is_allowed = rule && !obstacle;

	return json_pack("{s:b, s:s, s:o, s:o, s:s?, s:s?, s:s?, s:o}", "allowed",
		is_allowed, "zone", e->zone->text, "rule",
		rule ? json_integer((json_int_t)(rule - e->zone->policy.rules) + 1)
		     : json_null(),
		"line", rule && rule->line ? json_integer(rule->line) : json_null(),
		"reason", rule ? NULL : why.why, "key_problem", obstacle, "note",
		is_allowed ? note_of(e) : NULL, "lease",
		e->op == POLICY_ADD ? lease_to_json(rule) : json_null());
}

void control_post_explain(struct control_request *r)
{
	struct explaining *e = control_state_new(r, sizeof(*e), NULL);
	json_t *body = e ? control_read_body(r) : NULL;

	if (body && check_members(r, body) && read_subject(r, body, e) &&
		read_record(r, body, e))
		control_done(r, explain(r->config, e));
	json_decref(body);
}
