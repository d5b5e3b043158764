/*
 * Statements that say what must be true of leases.
 */
#include "tests/scenarios/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zones/rdata.h"

static int read_host(const struct scenario *s, uint8_t ret_owner[NAME_MAX_LEN], char **at)
{
	if (!s->zone || !scenario_read_name(s, ret_owner, message_next_word(at)))
		return scenario_fail(s, "expected a name, in a zone");
	return 0;
}

/* "host1 A 192.0.2.1 30m": what stands before the last word is a record. */
static int read_record(struct scenario *s, char *at, uint8_t owner[NAME_MAX_LEN],
	uint16_t *ret_type, uint8_t rdata[WIRE_MESSAGE_MAX])
{
	int r = read_host(s, owner, &at);
	const char *type = r == 0 ? message_next_word(&at) : NULL;

	if (r != 0)
		return r;
	*ret_type = type ? rdata_type_from_name(type) : 0;
	int len = *ret_type ? message_rdata_from_text(*ret_type, at + strspn(at, " \t"),
				      s->zone->apex, rdata, WIRE_MESSAGE_MAX)
			    : -EINVAL;
	return len < 0 ? scenario_fail(s, "expected LEASE NAME TYPE RDATA TIME|none")
		       : len;
}

static const struct view_lease *find_lease(const struct view_leases *leases,
	uint16_t type, const uint8_t *rdata, uint16_t len)
{
	for (size_t i = 0; i < leases->count; i++) {
		const struct lease_record *record = &leases->leases[i].record;

		if (record->type == type &&
			rdata_is_equal(
				type, record->rdata, record->rdata_len, rdata, len))
			return &leases->leases[i];
	}
	return NULL;
}

static int check_record_of(struct scenario *s, const uint8_t *owner, uint16_t type,
	const uint8_t *rdata, uint16_t len)
{
	struct zone *zone = NULL;
	int r = check_read_zone(s, &zone);
	const struct rrset *set = zone ? zone_find(zone, owner, type) : NULL;

	if (!r && (!set || rrset_find(set, rdata, len) < 0))
		r = scenario_fail(s, "there is a lease without its record");
	zone_free(zone);
	return r;
}

static int check_left(
	struct scenario *s, const char *expected, const struct view_lease *lease)
{
	int64_t expected_s;

	if (strcmp(expected, "none") == 0)
		return lease ? scenario_fail(s, "expected no lease, and there is one")
			     : 0;
	if (!scenario_time_from_text(&expected_s, expected))
		return scenario_fail(s, "expected a time or none, not %s", expected);
	if (!lease)
		return scenario_fail(s, "expected a lease, and there is none");
	if (lease->left_ms / 1000 != expected_s)
		return scenario_fail(s, "expected a lease of %lld s, got %lld s",
			(long long)expected_s, (long long)lease->left_ms / 1000);
	return 0;
}

int lease_check(struct scenario *s, char *at)
{
	char *last = strrchr(at, ' ');
	uint8_t owner[NAME_MAX_LEN], rdata[WIRE_MESSAGE_MAX];
	const struct view_lease *lease;
	struct view_leases leases;
	uint16_t type = 0;

	if (!last)
		return scenario_fail(s, "expected LEASE NAME TYPE RDATA TIME|none");
	*last++ = '\0';
	int len = read_record(s, at, owner, &type, rdata);
	if (len < 0)
		return len;
	int r = scenario_check(
		s, gateway_leases(&s->gateway, s->zone->apex, owner, &leases));
	if (r)
		return r;
	lease = find_lease(&leases, type, rdata, (uint16_t)len);
	r = check_left(s, last, lease);
	if (!r && lease && !(lease->record.flags & LEASE_WAITING))
		r = check_record_of(s, owner, type, rdata, (uint16_t)len);
	view_leases_clear(&leases);
	return r;
}

int lease_check_state(struct scenario *s, char *at)
{
	static const char *const words[] = {[LEASE_ACTIVE] = "active",
		[LEASE_STALE] = "stale",
		[LEASE_HELD] = "held"};
	enum lease_state worst = LEASE_ACTIVE;
	uint8_t owner[NAME_MAX_LEN];
	struct view_leases leases;
	const char *got, *word;
	int r = read_host(s, owner, &at);

	if (r == 0)
		r = scenario_check(
			s, gateway_leases(&s->gateway, s->zone->apex, owner, &leases));
	if (r != 0)
		return r;
	for (size_t i = 0; i < leases.count; i++)
		if (leases.leases[i].state > worst)
			worst = leases.leases[i].state;
	got = leases.count ? words[worst] : "none";
	view_leases_clear(&leases);
	word = message_next_word(&at);
	if (!word || strcmp(word, got) != 0)
		return scenario_fail(
			s, "expected %s, got %s", word ? word : "a state", got);
	return 0;
}

/* ---- what must always be true ---- */

static bool is_same_lease(const struct view_lease *a, const struct view_lease *b)
{
	/* Deadlines do not count: whoever was heard is refreshed, even if the update
	 * failed. */
	return a->record.type == b->record.type &&
		a->record.rdata_len == b->record.rdata_len &&
		name_is_equal(a->record.owner, b->record.owner) &&
		name_is_equal(a->record.key, b->record.key) &&
		memcmp(a->record.rdata, b->record.rdata, a->record.rdata_len) == 0 &&
		a->record.flags == b->record.flags;
}

/* In any order. */
bool lease_are_same(const struct view_leases *a, const struct view_leases *b)
{
	for (size_t i = 0; i < a->count; i++) {
		size_t j = 0;

		while (j < b->count && !is_same_lease(&a->leases[i], &b->leases[j]))
			j++;
		if (j == b->count)
			return false;
	}
	return a->count == b->count;
}

int lease_check_records(
	struct scenario *s, const struct view_leases *leases, const struct zone *zone)
{
	for (size_t i = 0; zone && i < leases->count; i++) {
		const struct lease_record *record = &leases->leases[i].record;
		const struct rrset *set = zone_find(zone, record->owner, record->type);
		char name[NAME_TEXT_MAX];

		if (!(record->flags & LEASE_WAITING) &&
			(!set || rrset_find(set, record->rdata, record->rdata_len) < 0))
			return scenario_fail(s, "%s has a lease without its record",
				name_to_text(record->owner, name));
	}
	return 0;
}
