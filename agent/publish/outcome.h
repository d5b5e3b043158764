/*
 * How an exchange with a gateway ended, what to do next, and what a person may do about
 * it.  Pure.
 */
#ifndef MUSTER_AGENT_OUTCOME_H
#define MUSTER_AGENT_OUTCOME_H

#include "agent/publish/exchange.h"

enum outcome_kind {
	OUTCOME_OK,      /* NOERROR (or NXDOMAIN, to a query), authentic */
	OUTCOME_NEXT,    /* the next gateway may know better */
	OUTCOME_TCP,     /* truncated: again, over TCP */
	OUTCOME_CLOCK,   /* again, with the server's time */
	OUTCOME_REFUSED, /* an authentic refusal: another gateway would refuse, too */
};

enum {
	OUTCOME_TEXT_MAX = 384, /* octets, with the final zero */
	OUTCOME_SHORT_MAX = 32,
};

struct outcome {
	enum outcome_kind kind;
	char word[OUTCOME_SHORT_MAX]; /* "NOERROR", "REFUSED", "timeout" */
	char text[OUTCOME_TEXT_MAX];  /* what happened; with the server's EDE text */
	const char *advice;           /* static: what to look at; NULL: nothing */
};

struct outcome outcome_judge(const struct exchange_result *result);

#endif
