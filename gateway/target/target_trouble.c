/*
 * The names of troubles, and what to do about them (target_trouble.h).  musterctl(8) has
 * the same list.
 */
#include "gateway/target/target_trouble.h"

static const struct {
	const char *name, *advice;
} troubles[TARGET_TROUBLES] = {
	[TARGET_UNREACHABLE] = {"unreachable",
		"see whether it runs, and whether the target's address and port, or its "
		"url, lead to it"},
	[TARGET_TIMED_OUT] = {"timed-out",
		"see what keeps it busy, or give it more time (timeout)"},
	[TARGET_BAD_CREDENTIALS] = {"credentials",
		"compare the target's key, or api_key_file, with what the server has, "
		"and what it allows it"},
	[TARGET_CLOCKS_DIFFER] = {"clocks", "set the clocks of both machines"},
	[TARGET_ZONE_MISSING] = {"zone-missing",
		"create the zone there, or correct where the target leads (address, url, "
		"server)"},
	[TARGET_NOT_PRIMARY] = {"not-primary",
		"make the zone a primary one there, or name its primary as the target"},
	[TARGET_CANNOT_WRITE] = {"cannot-write",
		"see the server's log: its disk may be full, its files not writable, or "
		"it "
		"passes changes on to another server that it cannot reach"},
	[TARGET_OVERTAKEN] = {"changed-by-others",
		"find out who else changes the zone there"},
	[TARGET_GONE_BACK] = {"gone-back",
		"decide: musterctl sync if the gateway is right, musterctl sync --take "
		"if "
		"the server is"},
	[TARGET_NOT_SIGNED] = {"not-signed",
		"see whether the server knows the target's key, and whether it is the "
		"server that answers"},
	[TARGET_NO_TRANSFER] = {"no-transfer",
		"allow transfers to the target's key there (allow-transfer in BIND, an "
		"acl with action transfer in Knot)"},
	[TARGET_REFUSES] = {"refused",
		"allow updates to the target's key there; the zone must not be frozen, "
		"nor a secondary"},
	[TARGET_GARBLED] = {"garbled",
		"see whether the target leads to the right port of the right server"},
	[TARGET_FAULTY] = {"server-error", "see the server's log"},
	[TARGET_UNRECTIFIED] = {"not-rectified",
		"see the server's log, and what pdnsutil check-zone and rectify-zone say "
		"there"},
	[TARGET_OUR_MEMORY] = {"memory", "give musterd more memory"},
	[TARGET_OUR_DATABASE] = {"database", "see why musterd's own database fails"},
};

const char *target_trouble_name(enum target_trouble trouble)
{
	return troubles[trouble].name;
}

const char *target_trouble_advice(enum target_trouble trouble)
{
	return troubles[trouble].advice;
}
