/*
 * What can be wrong with a target, as far as a person has to do something different about
 * it.  Whoever recognises it says so (target_result.trouble, or target_ops.flaw, if
 * changes arrive nevertheless); the text of the verdict beside it has the details.
 * Changes wait meanwhile; none is lost.
 */
#ifndef MUSTER_TARGET_TROUBLE_H
#define MUSTER_TARGET_TROUBLE_H

#include "tsig/verdict.h"

enum target_trouble {
	TARGET_NO_TROUBLE,
	TARGET_UNREACHABLE, /* no connection, or none in time, or it broke off */
	TARGET_TIMED_OUT,   /* no answer in time, over a connection */
	/* it does not accept the key, or not for this */
	TARGET_BAD_CREDENTIALS,
	TARGET_CLOCKS_DIFFER,
	TARGET_ZONE_MISSING,
	TARGET_NOT_PRIMARY,  /* it has the zone, but from elsewhere */
	TARGET_CANNOT_WRITE, /* it answers, but does not store changes: a full disk */
	TARGET_OVERTAKEN,    /* others change the zone faster than it can be followed */
	TARGET_GONE_BACK,    /* it has lost what it had: a person is asked */
	TARGET_NOT_SIGNED,   /* its answers prove nothing */
	TARGET_NO_TRANSFER,  /* it has the zone, but does not give it to us */
	TARGET_REFUSES,      /* it has the zone, but accepts no change of it */
	TARGET_GARBLED,      /* its answers make no sense */
	TARGET_FAULTY,       /* it answers that it has failed, or cannot do such things */
	TARGET_UNRECTIFIED, /* PowerDNS: changes arrive, but it cannot rectify the zone */
	/* ours, not the target's */
	TARGET_OUR_MEMORY,
	TARGET_OUR_DATABASE,
	TARGET_TROUBLES
};

/* Why a target has failed, or what is wrong although it has not. */
struct target_failure {
	enum target_trouble trouble;
	struct verdict why;
};

/* A word for programs ("timed-out"); NULL: no trouble. */
const char *target_trouble_name(enum target_trouble trouble);
/* What a person can do about it, as a clause; NULL: no trouble. */
const char *target_trouble_advice(enum target_trouble trouble);

#endif
