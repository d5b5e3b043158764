/*
 * What a listener decides about a request from its octets alone: whether it is a
 * message, who signed it, which zone it is for, whether it has the form of RFC 2136,
 * and whether policy lets it in.
 */
#ifndef MUSTER_INTAKE_H
#define MUSTER_INTAKE_H

#include "gateway/request/dns_request.h"

enum intake_result {
	INTAKE_ANSWER,  /* with its verdict */
	INTAKE_FORWARD, /* pass it to the zone thread: its zone is set.  An update with
	                 * a verdict other than NOERROR is refused there, with an audit
	                 * row */
};

/* Does policy let an update in, however it arrived?  Its zone, subject and requested
 * terms are set; this sets what is granted. */
struct verdict intake_judge_update(struct request *request);

/* pool belongs to the calling thread. */
enum intake_result intake_judge(struct dns_request *dns, struct hmac_pool *pool);

#endif
