/*
 * From a verdict, an answer or a transfer to signed octets.
 */
#include <string.h>

#include "gateway/answer/answer.h"
#include "gateway/listener/listener_private.h"

/* The octets before the TSIG. */
static size_t compose_plain(const struct transaction *t, uint8_t *buf, size_t limit)
{
	if (t->answer && t->answer_len <= limit) {
		memcpy(buf, t->answer, t->answer_len);
		return t->answer_len;
	}
	return answer_verdict(t->msg, &t->walk, &t->verdict, NULL, 0, buf, limit);
}

size_t listener_compose(struct listener *listener, struct transaction *t, uint8_t *buf)
{
	const size_t limit = answer_limit(&t->walk, transaction_is_tcp(t));
	const size_t reserve = tsig_reserved_space(&t->tsig);
	size_t len;

	if (t->transfer)
		return listener_compose_transfer(listener, t, 0, buf);
	/* An unknown key may have a name that leaves no room for the record that would
	 * say so: then the rcode has to do. */
	if (reserve + WIRE_HEADER_LEN > limit)
		return compose_plain(t, buf, limit);
	len = compose_plain(t, buf, limit - reserve);
	if (len &&
		tsig_sign_answer(&t->tsig, listener->pool, buf, &len, limit, t->real_s))
		return 0;
	return len;
}

size_t listener_compose_transfer(
	struct listener *listener, struct transaction *t, size_t index, uint8_t *buf)
{
	const struct transfer_message *message = &t->transfer->messages[index];
	size_t len = message->len;
	int r;

	memcpy(buf, message->octets, len);
	buf[0] = (uint8_t)(t->walk.id >> 8);
	buf[1] = (uint8_t)t->walk.id;
	/* RFC 8945 5.3.1: every message is signed, which some clients insist on. */
	if (index == 0)
		r = tsig_sign_answer(
			&t->tsig, listener->pool, buf, &len, WIRE_MESSAGE_MAX, t->real_s);
	else
		r = tsig_sign_next(
			&t->tsig, listener->pool, buf, &len, WIRE_MESSAGE_MAX, t->real_s);
	return r ? 0 : len;
}
