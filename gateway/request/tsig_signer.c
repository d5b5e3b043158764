/*
 * TSIG as a kind of signer.
 */
#include "gateway/request/tsig_signer.h"

#include <string.h>

static int sign(struct signer *signer, struct hmac_pool *pool, bool is_next, uint8_t *msg,
	size_t *len, size_t cap, int64_t now_s)
{
	struct tsig_context *tsig = &((struct tsig_signer *)(void *)signer)->tsig;

	if (is_next)
		return tsig_sign_next(tsig, pool, msg, len, cap, now_s);
	return tsig_sign_answer(tsig, pool, msg, len, cap, now_s);
}

static const struct signer_kind by_tsig = {.is_repeatable = true, .sign = sign};

/* The context's MAC is replaced when the answer is signed. */
static void set_signer(struct signer *signer, const struct tsig_context *tsig)
{
	const size_t len = tsig->mac_len < SIGNER_FINGERPRINT_LEN
		? tsig->mac_len
		: SIGNER_FINGERPRINT_LEN;

	*signer = (struct signer){
		.kind = &by_tsig,
		.name = tsig->key_name,
		.time_s = tsig->time_signed,
		.reserve = tsig_reserved_space(tsig),
	};
	memcpy(signer->fingerprint, tsig->mac, len);
}

struct verdict tsig_signer_verify(struct tsig_signer *ts, struct hmac_pool *pool,
	const struct keyring *ring, const uint8_t *msg, const struct wire_message *m,
	int64_t now_s, struct signer **ret_signer)
{
	const struct verdict v =
		tsig_verify_request(&ts->tsig, pool, ring, msg, m, now_s);

	*ret_signer = NULL;
	if (ts->tsig.is_signed) {
		set_signer(&ts->signer, &ts->tsig);
		*ret_signer = &ts->signer;
	}
	return v;
}
