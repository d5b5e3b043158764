/*
 * Runs scenarios with one allocation of the gateway failing in each run: the request
 * that needed it may fail, but every request is answered, once; nothing is left half
 * done, which is what every scenario looks for at its end; and nothing leaks (the
 * sanitizer's leak check).
 *
 * Each run fails the first allocation that is made from a place from where none has
 * failed yet (fault.h), until there is none.  With FAULTS=all in the environment it is
 * the first allocation, the second, and so on.  Arguments are files of scenarios; without
 * any, those below run.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "tests/faults/fault.h"
#include "tests/scenarios/scenario.h"

enum {
	RUNS_MAX = 100000, /* of one scenario: more means that it does not end */
	DEPTH = 2,         /* calls that make a place: a look at all, in seconds */
};

static const char *const scenarios[] = {
	"ack-modes",
	"target-refuses",
	"target-changes",
	"target-changes-waiting",
	"ptr-zones",
	"ptr-order",
	"lease-expiry",
	"reload",
	"backlog",
	"opening",
	"journal-fails",
	"orders-adopt",
};

/* Has *ret_has_failed: has a call failed? */
static bool is_survived(const char *path, uint32_t nth, bool *ret_has_failed)
{
	struct fault_control *control = fault_control();
	int r;

	(void)fault_spare(true);
	control->depth = DEPTH;
	fault_arm(FAULT_MEMORY, nth);
	r = scenario_run(path, 1);
	*ret_has_failed = fault_disarm();
	if (r)
		fprintf(stderr, "%s: call %u, %s at offset %#llx\n", path, control->calls,
			*ret_has_failed ? control->name : "none failed",
			(unsigned long long)control->caller);
	return !r;
}

static bool run(const char *path)
{
	const char *all = getenv("FAULTS");
	const bool is_every = all && strcmp(all, "all") == 0;
	bool is_good = !scenario_run(path, 1), has_failed = is_good;
	uint32_t n = 0;

	while (has_failed && n < RUNS_MAX)
		is_good &= is_survived(path, is_every ? ++n : (n++, 0), &has_failed);
	printf("%s: %u faults\n", path, n ? n - 1 : 0);
	return is_good && !has_failed;
}

static bool run_all(void)
{
	const char *srcdir = getenv("srcdir");
	bool is_good = true;
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		snprintf(path, sizeof(path), "%s/tests/scenarios/%s.scn",
			srcdir ? srcdir : ".", scenarios[i]);
		is_good &= run(path);
	}
	return is_good;
}

int main(int argc, char **argv)
{
	bool is_good = true;

	log_set_level(getenv("MUSTER_SCENARIO_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	if (argc == 1)
		is_good = run_all();
	for (int i = 1; i < argc; i++)
		is_good &= run(argv[i]);
	return is_good ? 0 : 1;
}
