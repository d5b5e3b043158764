/*
 * What a listener decides about a request from its octets alone: is it a message, who
 * signed it, which zone is it for, does it have the form of RFC 2136, does policy let it
 * in.
 */
#ifndef MUSTER_INTAKE_H
#define MUSTER_INTAKE_H

#include "gateway/request/dns_request.h"

enum intake_result {
	INTAKE_ANSWER,  /* its verdict says what */
	INTAKE_FORWARD, /* to the zone thread: its zone is set.  An update with a verdict
			 * other than NOERROR is refused there, with an audit row */
};

/* Does policy let an update in, whatever brought it?  Its zone, its subject and what it
 * asks for are set; what is granted is set here. */
struct verdict intake_judge_update(struct request *request);

/* pool is the calling thread's own. */
enum intake_result intake_judge(struct dns_request *dns, struct hmac_pool *pool);

#endif
