/*
 * What fails in tests/faults: the gateway's allocations, but not those of the scenario
 * and of its servers.  The functions of tests/faults/fault.h do not exist elsewhere.
 */
#ifndef MUSTER_SCENARIO_SPARE_H
#define MUSTER_SCENARIO_SPARE_H

#include <stdbool.h>
#include <stddef.h>

bool fault_spare(bool is_spared) __attribute__((weak));
bool fault_has_failed(void) __attribute__((weak));

/* Do allocations fail here? */
static inline bool is_faulty(void)
{
	return fault_spare != NULL;
}

/* Nothing that this thread does now fails.  Was it so before? */
static inline bool spare(bool is_spared)
{
	return fault_spare && fault_spare(is_spared);
}

/* Since then nothing but what must always be true can be expected. */
static inline bool is_shaken(void)
{
	return fault_has_failed && fault_has_failed();
}

#endif
