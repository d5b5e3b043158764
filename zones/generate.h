/*
 * $GENERATE of BIND's zone files: range, owner, [TTL] [class] type and data, where
 * owner and data are repeated with a number in place of "$".
 *
 *   start-stop[/step]      both ends belong to it
 *   $                      the number
 *   ${offset,width,base}   the number plus offset, in d, o, x, X, or n, N: nibbles with
 *                          dots between, least first; with zeros up to width
 *   $$ \$                  a dollar sign
 *
 * As in BIND, data that contains spaces is quoted, and the quotes are not part of it;
 * here the quotes may also be omitted.
 */
#ifndef MUSTER_GENERATE_H
#define MUSTER_GENERATE_H

#include "zones/record.h"

enum {
	/* records of one directive: as many as a /12 has addresses */
	GENERATE_MAX = 1 << 20,
};

/*
 * Reads the words after $GENERATE, and hands over each record.  A nonzero result of
 * take stops it and is returned.  0, -EINVAL, -ENOMEM.
 */
int generate_records(struct parser *x, struct record_state *state,
	struct record_room *room, int (*take)(const struct rr *rr, void *arg), void *arg,
	struct parser_error *ret_error) __attribute__((warn_unused_result));

#endif
