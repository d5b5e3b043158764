/*
 * A signer by TSIG (RFC 8945).
 */
#ifndef MUSTER_TSIG_SIGNER_H
#define MUSTER_TSIG_SIGNER_H

#include "gateway/request/signer.h"
#include "tsig/tsig.h"

struct tsig_signer {
	struct signer signer; /* first; points into tsig */
	struct tsig_context tsig;
};

/*
 * What tsig_verify_request has found, with ts->tsig.  NULL: the request has no signature
 * that can be read and answered.  It is true only after NOERROR, and points into ts,
 * which must not move.
 */
struct signer *tsig_signer_read(struct tsig_signer *ts);

#endif
