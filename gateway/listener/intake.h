/*
 * What a listener decides about a request from its octets alone: is it a message, who
 * signed it, which zone is it for, does it have the form of RFC 2136, does policy let it
 * in.
 */
#ifndef MUSTER_INTAKE_H
#define MUSTER_INTAKE_H

#include "gateway/request/transaction.h"

enum intake_result {
	INTAKE_ANSWER,  /* t->verdict says what */
	INTAKE_FORWARD, /* to the zone thread: t->zone is set.  An update with a verdict
			 * other than NOERROR is refused there, with an audit row */
};

/* pool is the calling thread's own. */
enum intake_result intake_judge(struct transaction *transaction, struct hmac_pool *pool);

#endif
