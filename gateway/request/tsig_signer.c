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
struct signer *tsig_signer_read(struct tsig_signer *ts)
{
	const struct tsig_context *tsig = &ts->tsig;
	const size_t len = tsig->mac_len < SIGNER_FINGERPRINT_LEN
		? tsig->mac_len
		: SIGNER_FINGERPRINT_LEN;

	if (!tsig->is_signed)
		return NULL;
	ts->signer = (struct signer){
		.kind = &by_tsig,
		.name = tsig->key_name,
		.time_s = tsig->time_signed,
		.reserve = tsig_reserved_space(tsig),
	};
	memcpy(ts->signer.fingerprint, tsig->mac, len);
	return &ts->signer;
}
