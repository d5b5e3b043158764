/*
 * Runs the scenarios given, or all of them.
 */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/log.h"
#include "tests/scenarios/scenario.h"

enum { THREADS = 3 }; /* zone threads, where there are several */

static int run(const char *path)
{
	int r = scenario_run(path, 1);

	if (r == 0)
		r = scenario_run(path, THREADS);
	if (r == 0)
		printf("ok %s\n", path);
	return r;
}

/* All scenarios beside this source; automake tells where that is. */
static int run_all(void)
{
	const char *srcdir = getenv("srcdir");
	char pattern[PATH_MAX];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/tests/scenarios/*.scn",
		srcdir ? srcdir : ".");
	if (glob(pattern, 0, NULL, &found) != 0) {
		fprintf(stderr, "no scenarios: %s\n", pattern);
		return -ENOENT;
	}
	int r = 0;
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
		r = run(found.gl_pathv[i]);
	globfree(&found);
	return r;
}

int main(int argc, char **argv)
{
	int r;

	/* To see what the gateway has to say: MUSTER_SCENARIO_LOG=1. */
	log_set_level(getenv("MUSTER_SCENARIO_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	r = argc > 1 ? 0 : run_all();
	for (int i = 1; r == 0 && i < argc; i++)
		r = run(argv[i]);
	return r == 0 ? 0 : 1;
}
