/*
 * An operation, which the driver (test_faults.c) repeats, with another call failing each
 * time, until none has failed.
 */
#ifndef MUSTER_TESTS_OPERATION_H
#define MUSTER_TESTS_OPERATION_H

enum outcome {
	OUTCOME_RIGHT,  /* the right result */
	OUTCOME_FAILED, /* it says that it could not, and everything is as it was */
	OUTCOME_WRONG,  /* neither; said on standard error */
};

struct operation {
	const char *name;
	enum outcome (*run)(void);
};

/* Ended by one without name. */
extern const struct operation operations_zones[];
extern const struct operation operations_gateway[];

/* Says what is wrong. */
enum outcome operation_wrong(const char *what);

#endif
