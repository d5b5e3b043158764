/* Whether a state file is this machine's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "agent/host.h"

static void what_is_known_on_both_sides_counts(void **state)
{
	const struct host a = {
		.machine = "01", .links = {"aa", "bb"}, .link_count = 2, .lock = 7};
	struct host b = a;

	(void)state;
	assert_true(host_is_same(&a, &b));
	assert_true(host_is_same(&a, &(struct host){0}));
	assert_true(host_is_same(&a, &(struct host){.lock = 7}));
	assert_false(host_is_same(&a, &(struct host){.lock = 8}));
	assert_false(host_is_same(&a, &(struct host){.machine = "02"}));
	/* A new card beside an old one. */
	assert_true(
		host_is_same(&a, &(struct host){.links = {"cc", "bb"}, .link_count = 2}));
	assert_false(host_is_same(&a, &(struct host){.links = {"cc"}, .link_count = 1}));
	/* The same id, but another machine's cards: a clone. */
	strcpy(b.links[0], "dd");
	strcpy(b.links[1], "ee");
	assert_false(host_is_same(&a, &b));
}

static void a_machine_is_the_same_as_itself(void **state)
{
	char path[] = "/tmp/agent-host-XXXXXX", lock[64];
	const int fd = mkstemp(path);
	struct host a, b;

	(void)state;
	assert_true(fd >= 0);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	assert_int_equal(rename(path, lock), 0);
	host_read(&a, path);
	host_read(&b, path);
	assert_true(a.lock != 0);
	assert_true(host_is_same(&a, &b));
	unlink(lock);
	close(fd);
	host_read(&b, path);
	assert_true(b.lock == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_known_on_both_sides_counts),
		cmocka_unit_test(a_machine_is_the_same_as_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
