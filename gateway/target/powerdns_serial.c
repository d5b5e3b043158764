/*
 * Serials of PowerDNS zones: see powerdns_serial.h.
 */
#include "gateway/target/powerdns_serial.h"

#include <strings.h>
#include "zones/rr.h"

static bool is_set(const char *value)
{
	return value[0] != '\0' && strcasecmp(value, "NONE") != 0;
}

static enum powerdns_bump bump_of(const char *soa_edit_api, bool has_soa_edit)
{
	if (!is_set(soa_edit_api) || strcasecmp(soa_edit_api, "OFF") == 0)
		return POWERDNS_BUMP_NONE;
	if (strcasecmp(soa_edit_api, "DEFAULT") == 0)
		return POWERDNS_BUMP_DEFAULT;
	if (strcasecmp(soa_edit_api, "INCREASE") == 0)
		return POWERDNS_BUMP_INCREASE;
	if (strcasecmp(soa_edit_api, "EPOCH") == 0)
		return POWERDNS_BUMP_EPOCH;
	if (strcasecmp(soa_edit_api, "SOA-EDIT-INCREASE") == 0)
		return has_soa_edit ? POWERDNS_BUMP_EDIT_INCREASE
				    : POWERDNS_BUMP_INCREASE;
	/* SOA-EDIT, and kinds that later versions may have: assume nothing. */
	return POWERDNS_BUMP_EDIT;
}

void powerdns_serial_init(struct powerdns_serial *ret, const char *soa_edit_api,
	const char *soa_edit, uint32_t stored, uint32_t served)
{
	/* default-soa-edit is not among the zone's settings, but shows in its serials. */
	bool has_soa_edit = is_set(soa_edit) || stored != served;

	ret->bump = bump_of(soa_edit_api, has_soa_edit);
	ret->is_served_as_stored = !has_soa_edit;
	ret->adds_weeks = strcasecmp(soa_edit, "INCREMENT-WEEKS") == 0;
	ret->stored = stored;
	ret->served = served;
}

bool powerdns_serial_must_send(const struct powerdns_serial *now)
{
	return now->bump == POWERDNS_BUMP_NONE || now->bump == POWERDNS_BUMP_EDIT;
}

/* Does PowerDNS add one to the serial of a SOA that is sent to it? */
static bool adds_one(const struct powerdns_serial *now)
{
	return now->bump == POWERDNS_BUMP_INCREASE || now->bump == POWERDNS_BUMP_DEFAULT;
}

/*
 * What to store so that the served serial moves.  SOA-EDIT's other functions raise a
 * serial that is behind the calendar, so that one more than a stored serial far behind
 * would be served unchanged: the served serial is used as the base.
 */
static uint32_t next_stored(const struct powerdns_serial *now)
{
	if (now->is_served_as_stored || now->adds_weeks)
		return serial_next(now->stored);
	return serial_next(
		serial_is_newer(now->served, now->stored) ? now->served : now->stored);
}

uint32_t powerdns_serial_to_send(
	const struct powerdns_serial *now, const uint32_t *wanted)
{
	bool is_forward = wanted && serial_is_newer(*wanted, now->served);
	uint32_t target = is_forward ? *wanted : next_stored(now);

	return adds_one(now) ? target - 1 : target;
}

/* YYYYMMDD01, which DEFAULT stores with the first write of a day. */
static bool is_first_of_day(uint32_t serial)
{
	uint32_t day = serial / 100 % 100, month = serial / 10000 % 100;
	uint32_t year = serial / 1000000;

	return serial % 100 == 1 && day >= 1 && day <= 31 && month >= 1 && month <= 12 &&
		year >= 2000 && year < 2100;
}

/* base + 1, or the day's first.  base + 2 may be both, and is taken for two writes: a
 * false alarm costs a load, but a missed write would be overwritten. */
static bool is_default_after(uint32_t base, uint32_t after)
{
	if (after == base + 1)
		return true;
	return is_first_of_day(after) && serial_is_newer(after, base + 2);
}

enum powerdns_fit powerdns_serial_fits(
	enum powerdns_bump bump, const struct powerdns_write *write, uint32_t after)
{
	uint32_t base = write->has_soa ? write->sent : write->before;
	bool fits;

	switch (bump) {
	case POWERDNS_BUMP_NONE:
		fits = after == base;
		break;
	case POWERDNS_BUMP_INCREASE:
		fits = after == base + 1;
		break;
	case POWERDNS_BUMP_DEFAULT:
		fits = is_default_after(base, after);
		break;
	default:
		return POWERDNS_FIT_MAYBE;
	}
	return fits ? POWERDNS_FIT_YES : POWERDNS_FIT_NO;
}
