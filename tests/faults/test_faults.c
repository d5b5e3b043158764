/*
 * Runs each operation with its first fallible call failing, then its second, and so on,
 * until none fails: each run must report the error or have the right result all the same,
 * leave its arguments as they were, leak nothing (the sanitizer's leak check at the end),
 * and work the next time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/faults/fault.h"
#include "tests/faults/operation.h"

enum {
	FAULTS =
		FAULT_MEMORY | FAULT_LIBRARY | FAULT_DATABASE | FAULT_DISK | FAULT_SOCKET,
	CALLS_MAX = 100000, /* of one operation: more means that it does not end */
};

enum outcome operation_wrong(const char *what)
{
	fprintf(stderr, "wrong: %s\n", what);
	return OUTCOME_WRONG;
}

static bool is_undisturbed_right(const struct operation *operation, uint32_t nth)
{
	const enum outcome outcome = operation->run();

	if (outcome == OUTCOME_RIGHT)
		return true;
	fprintf(stderr, "%s: without a fault, after that of call %u: not right\n",
		operation->name, nth);
	return false;
}

/* One turn.  *ret_has_failed: a call has. */
static bool is_fault_survived(
	const struct operation *operation, uint32_t nth, bool *ret_has_failed)
{
	const struct fault_control *control = fault_control();
	enum outcome outcome;

	fault_arm(FAULTS, nth);
	outcome = operation->run();
	*ret_has_failed = fault_disarm();
	if (outcome == OUTCOME_RIGHT || (outcome == OUTCOME_FAILED && *ret_has_failed))
		return true;
	fprintf(stderr, "%s: call %u, %s at offset %#llx: %s\n", operation->name, nth,
		*ret_has_failed ? control->name : "none failed",
		(unsigned long long)control->caller,
		outcome == OUTCOME_WRONG ? "wrong" : "failed for no reason");
	return false;
}

static bool run(const struct operation *operation)
{
	bool has_failed = true, is_good = is_undisturbed_right(operation, 0);
	uint32_t nth = 1;

	for (; has_failed && nth < CALLS_MAX; nth++) {
		is_good &= is_fault_survived(operation, nth, &has_failed);
		is_good &= is_undisturbed_right(operation, nth);
	}
	printf("%-28s %6u faults\n", operation->name, nth - 2);
	return is_good && !has_failed && nth > 2;
}

static bool run_all(const struct operation *operations)
{
	bool is_good = true;

	for (; operations->name; operations++)
		is_good &= run(operations);
	return is_good;
}

int main(void)
{
	bool is_good;

	is_good = run_all(operations_zones);
	is_good &= run_all(operations_gateway);
	return is_good ? 0 : 1;
}
