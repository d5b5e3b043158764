/*
 * The table of target types.
 */
#include "gateway/target/target.h"

const struct target_ops *const target_types[CONFIG_TARGET_TYPES] = {
	[CONFIG_TARGET_LOCAL] = &target_local,
	[CONFIG_TARGET_DDNS] = &target_ddns,
	[CONFIG_TARGET_POWERDNS] = &target_powerdns,
};
