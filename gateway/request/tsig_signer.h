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
 * Like tsig_verify_request.  *ret_signer is set if the request has a signature that can
 * be read and answered, otherwise NULL; only with NOERROR is it true.  It points into
 * ts, which must not move.
 */
struct verdict tsig_signer_verify(struct tsig_signer *ts, struct hmac_pool *pool,
	const struct keyring *ring, const uint8_t *msg, const struct wire_message *m,
	int64_t now_s, struct signer **ret_signer);

#endif
