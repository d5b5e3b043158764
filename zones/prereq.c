/*
 * RFC 2136 3.2: do the prerequisites of an update hold in the zone as it is?
 *
 * Names are taken literally (1.1.3, 1.1.4): wildcards and CNAMEs are not followed, and
 * an empty non-terminal is not in use (2.4.4, 2.4.5).  update_read has judged the form
 * of the records.
 */
#include "zones/update.h"

#include "zones/draft.h"
#include "zones/rdata.h"

static struct verdict refuse(enum rcode rcode, const struct rr *rr, const char *why)
{
	char owner[NAME_TEXT_MAX];
	char type[RDATA_TYPE_NAME_MAX];

	/* The rcode tells the client everything, so there is no EDE. */
	return verdict_refuse(rcode, EDE_NONE, "prerequisite %.*s %s: %s",
		VERDICT_WHY_MAX / 2, name_to_text(rr->owner, owner),
		rdata_type_name(rr->type, type), why);
}

/* 3.2.1 */
static struct verdict check_exists(const struct zone *zone, const struct rr *rr)
{
	if (rr->type == TYPE_ANY && !zone_is_name_in_use(zone, rr->owner))
		return refuse(RCODE_NXDOMAIN, rr, "name is not in use");
	if (rr->type != TYPE_ANY && !zone_find(zone, rr->owner, rr->type))
		return refuse(RCODE_NXRRSET, rr, "no such RRset");
	return verdict_ok();
}

/* 3.2.2 */
static struct verdict check_absent(const struct zone *zone, const struct rr *rr)
{
	if (rr->type == TYPE_ANY && zone_is_name_in_use(zone, rr->owner))
		return refuse(RCODE_YXDOMAIN, rr, "name is in use");
	if (rr->type != TYPE_ANY && zone_find(zone, rr->owner, rr->type))
		return refuse(RCODE_YXRRSET, rr, "RRset exists");
	return verdict_ok();
}

/* "build an RRset for each unique <NAME,TYPE>", for those of one owner. */
static int collect(struct draft_node *drafts, const struct update *update,
	const struct draft_groups *groups, uint32_t head)
{
	for (uint32_t i = head; i != DRAFT_GROUP_END; i = groups->next[i]) {
		const struct rr *rr = &update->prereqs[i];
		struct draft *draft;

		if (rr->class != CLASS_IN)
			continue;
		draft = draft_node_make(drafts, rr->type);
		/* Only equal records count as one; records do not replace each other
		 * here (1.1.5). */
		if (!draft || draft_include(draft, rr->rdata, rr->rdata_len) < 0)
			return -1;
	}
	return 0;
}

/* "compare each resulting RRset for set equality (same members, no more, no less)" */
static struct verdict check_owner(const struct zone *zone, const struct update *update,
	const struct draft_groups *groups, uint32_t head)
{
	const uint8_t *owner = update->prereqs[head].owner;
	struct verdict v = verdict_ok();
	struct draft_node drafts;
	struct draft *draft;

	if (draft_node_init(&drafts, NULL) < 0 ||
		collect(&drafts, update, groups, head) < 0)
		v = verdict_no_memory();
	for (unsigned i = 0; verdict_is_ok(&v) && (draft = draft_node_at(&drafts, i));
		i++) {
		struct rr rr = {.owner = owner, .type = draft->type};

		if (!draft_has_same_data(draft, zone_find(zone, owner, draft->type)))
			v = refuse(RCODE_NXRRSET, &rr, "RRset has not these records");
	}
	draft_node_clear(&drafts);
	return v;
}

/* 3.2.3 */
static struct verdict check_values(const struct zone *zone, const struct update *update)
{
	struct draft_groups groups;
	struct verdict v = verdict_ok();

	if (draft_groups_init(&groups, update->prereqs, update->prereq_count) < 0)
		return verdict_no_memory();
	for (size_t i = 0; verdict_is_ok(&v) && i < groups.count; i++)
		v = check_owner(zone, update, &groups, groups.heads[i]);
	draft_groups_clear(&groups);
	return v;
}

struct verdict prereq_check(const struct zone *zone, const struct update *update)
{
	struct verdict v = verdict_ok();
	bool has_values = false;

	for (uint16_t i = 0; i < update->prereq_count; i++) {
		const struct rr *rr = &update->prereqs[i];

		if (rr->class == CLASS_IN) {
			has_values = true;
			continue;
		}
		v = rr->class == CLASS_ANY ? check_exists(zone, rr)
					   : check_absent(zone, rr);
		if (!verdict_is_ok(&v))
			return v;
	}
	if (!verdict_is_ok(&update->prereq_refusal))
		return update->prereq_refusal;
	return has_values ? check_values(zone, update) : v;
}
