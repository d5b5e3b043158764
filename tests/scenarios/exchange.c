/*
 * One UPDATE in the gateway's order, and what must be true of every one.
 */
#include "tests/scenarios/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The zone at one moment: RRsets are immutable, so that holding them is enough. */
struct snapshot {
	struct snapshot_set {
		uint8_t owner[NAME_MAX_LEN];
		struct rrset *set; /* counted */
	} * sets;
	size_t count;
};

static void snapshot_clear(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++)
		rrset_unref(snapshot->sets[i].set);
	free(snapshot->sets);
	*snapshot = (struct snapshot){0};
}

static int snapshot_take(struct snapshot *snapshot, const struct zone *zone)
{
	const struct zone_node *node;
	struct rrset *set;
	size_t cursor = 0, count = zone_count_rrsets(zone);

	*snapshot = (struct snapshot){.sets = calloc(count + 1, sizeof(*snapshot->sets))};
	if (!snapshot->sets)
		return -ENOMEM;
	while ((node = zone_next_node(zone, &cursor))) {
		const uint8_t *owner = zone_node_owner(node);
		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++) {
			if (snapshot->count == count)
				return -EPROTO; /* more than the zone says it has */
			struct snapshot_set *s = &snapshot->sets[snapshot->count++];
			memcpy(s->owner, owner, name_len(owner));
			s->set = rrset_ref(set);
		}
	}
	return snapshot->count == count ? 0 : -EPROTO;
}

static bool snapshot_is_zone(const struct snapshot *snapshot, const struct zone *zone)
{
	if (snapshot->count != zone_count_rrsets(zone))
		return false;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct snapshot_set *s = &snapshot->sets[i];
		if (!rrset_is_identical(s->set, zone_find(zone, s->owner, s->set->type)))
			return false;
	}
	return true;
}

/* What the listener does with the octets; on NOERROR *ret_update is the caller's. */
static struct verdict receive(struct update **ret_update, struct policy_subject *subject,
	struct tsig_context *tsig, const struct exchange_gateway *gateway,
	const uint8_t *msg, size_t len, int64_t now)
{
	struct wire_message m;
	uint8_t name[NAME_MAX_LEN];
	struct verdict v = wire_walk(&m, msg, len);

	if (!verdict_is_ok(&v))
		return v;
	v = tsig_verify_request(tsig, gateway->pool, gateway->ring, msg, &m, now);
	if (!verdict_is_ok(&v))
		return v;
	subject->key = tsig->key ? tsig->key->name : NULL;
	v = update_read_zone(name, msg, &m);
	if (!verdict_is_ok(&v))
		return v;
	if (!name_is_equal(name, zone_apex(gateway->zone)))
		return verdict_refuse(RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE,
			"not a zone of this gateway");
	return update_read(ret_update, msg, &m);
}

/* What the zone thread does with the update. */
static struct verdict evaluate(struct changeset **ret_cs, const struct update *update,
	const struct policy_subject *subject, const struct exchange_gateway *gateway)
{
	struct zone *zone = gateway->zone;
	const struct policy *policy = gateway->policy;
	struct verdict v = policy_check_update(policy, zone_apex(zone), subject, update);

	if (verdict_is_ok(&v))
		v = policy_check_effect(policy, zone, subject, update);
	if (verdict_is_ok(&v))
		v = prereq_check(zone, update);
	if (verdict_is_ok(&v))
		v = apply_update(zone, update, gateway->bumps_serial, ret_cs);
	if (!verdict_is_ok(&v))
		return v;
	v = policy_check_result(policy, zone_apex(zone), subject, *ret_cs);
	if (verdict_is_ok(&v))
		return v;
	changeset_undo(*ret_cs, zone);
	changeset_unref(*ret_cs);
	*ret_cs = NULL;
	return v;
}

/* Back to before, and forward again. */
static int check_undo(const struct changeset *cs, struct zone *zone,
	const struct snapshot *before, const char **ret_why)
{
	struct snapshot after;
	int r = snapshot_take(&after, zone);

	if (r == 0) {
		changeset_undo(cs, zone);
		if (!snapshot_is_zone(before, zone)) {
			*ret_why = "undoing the change set does not restore the zone";
			r = -EPROTO;
		}
	}
	if (r == 0)
		r = changeset_redo(cs, zone);
	if (r == 0 && !snapshot_is_zone(&after, zone)) {
		*ret_why = "redoing the change set does not change the zone again";
		r = -EPROTO;
	}
	snapshot_clear(&after);
	return r;
}

static int check_result(struct exchange_result *result, const struct changeset *cs,
	struct zone *zone, const struct snapshot *before, const char **ret_why)
{
	bool is_same = snapshot_is_zone(before, zone);

	result->is_changed = !is_same;
	*ret_why = "a refused update changed the zone";
	if (!verdict_is_ok(&result->verdict))
		return is_same && !cs ? 0 : -EPROTO;
	*ret_why = "NOERROR without a change set";
	if (!cs)
		return -EPROTO;
	*ret_why = "the change set does not tell whether the zone changed";
	if ((cs->count == 0) != is_same)
		return -EPROTO;
	return check_undo(cs, zone, before, ret_why);
}

int exchange_run(struct exchange_result *ret_result,
	const struct exchange_gateway *gateway, const struct policy_subject *sender,
	const uint8_t *msg, size_t len, int64_t now, const char **ret_why)
{
	struct exchange_result result = {0};
	struct policy_subject subject = *sender;
	struct tsig_context tsig = {0};
	struct update *update = NULL;
	struct changeset *cs = NULL;
	struct snapshot before;

	*ret_why = "the zone's count of RRsets is wrong";
	int r = snapshot_take(&before, gateway->zone);
	if (r == 0) {
		result.verdict =
			receive(&update, &subject, &tsig, gateway, msg, len, now);
		if (verdict_is_ok(&result.verdict))
			result.verdict = evaluate(&cs, update, &subject, gateway);
		r = check_result(&result, cs, gateway->zone, &before, ret_why);
	}
	if (r == 0)
		*ret_result = result;
	changeset_unref(cs);
	update_free(update);
	snapshot_clear(&before);
	return r;
}
