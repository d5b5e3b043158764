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

/* An update on its way. */
struct passage {
	const struct exchange_gateway *gateway;
	struct policy_subject subject;
	struct tsig_context tsig;
	struct update *update;
	struct lease_terms granted;
	int64_t now; /* real time, seconds */
};

/* What the listener does with the octets. */
static struct verdict receive(struct passage *p, const uint8_t *msg, size_t len)
{
	const struct exchange_gateway *gateway = p->gateway;
	struct lease_terms asked = {0};
	struct wire_message m;
	uint8_t name[NAME_MAX_LEN];
	struct verdict v = wire_walk(&m, msg, len);

	if (!verdict_is_ok(&v))
		return v;
	v = tsig_verify_request(&p->tsig, gateway->pool, gateway->ring, msg, &m, p->now);
	if (!verdict_is_ok(&v))
		return v;
	p->subject.key = p->tsig.key ? p->tsig.key->name : NULL;
	v = update_read_zone(name, msg, &m);
	if (!verdict_is_ok(&v))
		return v;
	if (!name_is_equal(name, zone_apex(gateway->zone)))
		return verdict_refuse(RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE,
			"not a zone of this gateway");
	v = lease_terms_read(&asked, msg, &m);
	if (verdict_is_ok(&v))
		v = update_read(&p->update, msg, &m);
	if (verdict_is_ok(&v))
		v = policy_check_update(gateway->policy, name, &p->subject, p->update);
	if (verdict_is_ok(&v))
		p->granted = lease_grant(
			gateway->policy, name, &p->subject, p->update, &asked);
	return v;
}

/* What the zone thread does to the zone. */
static struct verdict evaluate(
	struct changeset **ret_cs, const struct passage *p, const struct update *update)
{
	struct zone *zone = p->gateway->zone;
	const struct policy *policy = p->gateway->policy;
	struct verdict v = policy_check_effect(policy, zone, &p->subject, update);

	if (verdict_is_ok(&v))
		v = prereq_check(zone, update);
	if (verdict_is_ok(&v))
		v = apply_update(zone, update, p->gateway->bumps_serial, ret_cs);
	if (!verdict_is_ok(&v))
		return v;
	v = policy_check_result(policy, zone_apex(zone), &p->subject, update, *ret_cs);
	if (verdict_is_ok(&v))
		return v;
	changeset_undo(*ret_cs, zone);
	changeset_unref(*ret_cs);
	*ret_cs = NULL;
	return v;
}

/* And to the leases. */
static struct verdict lease(
	struct changeset *cs, const struct passage *p, const struct update *update)
{
	const struct lease_update lu = {
		.zone = p->gateway->zone,
		.policy = p->gateway->policy,
		.subject = &p->subject,
		.update = update,
		.granted = &p->granted,
		.now_ms = p->gateway->service_ms,
		.real_s = p->now,
	};

	if (lease_apply(p->gateway->leases, &lu, cs) < 0)
		return verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "no memory");
	return verdict_ok();
}

static struct verdict execute(struct changeset **ret_cs, const struct passage *p)
{
	const struct exchange_gateway *gateway = p->gateway;
	struct update *merged = NULL;
	const struct update *update;
	struct verdict v = lease_merge(gateway->leases, gateway->zone, gateway->policy,
		&p->subject, p->update, &merged);

	update = merged ? merged : p->update;
	if (verdict_is_ok(&v))
		v = evaluate(ret_cs, p, update);
	if (verdict_is_ok(&v))
		v = lease(*ret_cs, p, update);
	update_free(merged);
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
	struct passage p = {.gateway = gateway, .subject = *sender, .now = now};
	struct exchange_result result = {0};
	struct changeset *cs = NULL;
	struct snapshot before;

	*ret_why = "the zone's count of RRsets is wrong";
	int r = snapshot_take(&before, gateway->zone);
	if (r == 0) {
		result.verdict = receive(&p, msg, len);
		if (verdict_is_ok(&result.verdict))
			result.verdict = execute(&cs, &p);
		/* RFC 9664 4.3: in answers of success. */
		if (verdict_is_ok(&result.verdict))
			result.granted = p.granted;
		r = check_result(&result, cs, gateway->zone, &before, ret_why);
	}
	if (r == 0)
		*ret_result = result;
	changeset_unref(cs);
	update_free(p.update);
	snapshot_clear(&before);
	return r;
}
