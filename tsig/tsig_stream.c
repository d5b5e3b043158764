/*
 * The client's side of RFC 8945: verifying an answer (5.4) and the messages that follow
 * it in a zone transfer (5.3.1).
 *
 * A verification that fails changes nothing in the context, so that a client may go on
 * waiting for the right answer after a forged one (5.4).  A stream holds the octets of
 * at most TSIG_UNSIGNED_MAX messages, until the MAC that covers them arrives.
 */
#include "tsig/tsig_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tsig/plural.h"

struct tsig_stream {
	struct tsig_context ctx;
	uint8_t *pending;   /* messages since the last TSIG, concatenated */
	size_t pending_len; /* octets */
	size_t pending_cap; /* octets; at most twice what the unsigned messages need */
};

/* Checks of the record that need no MAC. */
static struct verdict check_record(const struct tsig_context *ctx,
	const struct tsig_record *record, bool timers_only)
{
	char name[NAME_TEXT_MAX];

	/* 5.3.1: here the MAC does not cover the error, which therefore means nothing. */
	if (timers_only && record->error)
		return verdict_bad_tsig(TSIG_ERROR_BADSIG,
			"TSIG error %u in a later message of an answer", record->error);
	/* 5.3.2, 5.4: an unsigned error, which could be forged. */
	if (record->mac_len == 0 &&
		(record->error == TSIG_ERROR_BADKEY ||
			record->error == TSIG_ERROR_BADSIG))
		return verdict_bad_tsig((enum tsig_error)record->error,
			"the server refuses key %s, and does not sign that",
			name_to_text(ctx->key_name, name));
	if (!name_is_equal(record->key_name, ctx->key_name) ||
		!name_is_equal(record->alg_name, ctx->alg_name))
		return verdict_bad_tsig(TSIG_ERROR_BADKEY,
			"answer signed with another key (%s) or algorithm",
			name_to_text(record->key_name, name));
	if (!tsig_record_is_mac_len_allowed(ctx->alg, record->mac_len))
		return verdict_bad_tsig(TSIG_ERROR_BADSIG, "answer with a MAC of %u %s",
			record->mac_len, PLURAL(record->mac_len, "octet"));
	return verdict_ok();
}

static struct verdict check_mac(const struct tsig_context *ctx, struct hmac_pool *pool,
	const struct tsig_digest *digest, const struct tsig_record *record)
{
	uint8_t mac[HMAC_MAX_LEN];
	int r = tsig_record_compute(pool, ctx->key, digest, record, mac);

	if (r < 0)
		return verdict_refuse(RCODE_SERVFAIL, EDE_NONE, "HMAC: %s", strerror(-r));
	if (!hmac_is_equal(mac, record->mac, record->mac_len))
		return verdict_bad_tsig(
			TSIG_ERROR_BADSIG, "the MAC of the answer is wrong");
	return verdict_ok();
}

static uint64_t read_server_time(const struct tsig_record *record)
{
	struct wire_reader r;

	wire_reader_init(&r, record->other, 0, record->other_len);
	return wire_read_u48(&r);
}

/* Time, the peer's own error, truncation; the MAC has been verified. */
static struct verdict check_rest(
	const struct tsig_context *ctx, const struct tsig_record *record, int64_t now)
{
	/* 5.4.3.  Its Time Signed is ours, so there is nothing to check. */
	if (record->error == TSIG_ERROR_BADTIME)
		return verdict_bad_tsig(TSIG_ERROR_BADTIME,
			"the server's clock says %llu, ours %lld (signed with the key)",
			(unsigned long long)read_server_time(record), (long long)now);
	if (!tsig_record_is_timely(record, UINT16_MAX, now))
		return verdict_bad_tsig(TSIG_ERROR_BADTIME,
			"answer signed at %llu with fudge %u, but it is %lld",
			(unsigned long long)record->time_signed, record->fudge,
			(long long)now);
	if (record->error)
		return verdict_bad_tsig((enum tsig_error)record->error,
			"the server answers with TSIG error %u (signed with the key)",
			record->error);
	if (record->mac_len < ctx->key->mac_min && record->mac_len < hmac_len(ctx->alg))
		return verdict_bad_tsig(TSIG_ERROR_BADTRUNC, "answer with a MAC of %u %s",
			record->mac_len, PLURAL(record->mac_len, "octet"));
	return verdict_ok();
}

/* Checks one message with TSIG completely, then keeps the new MAC. */
static struct verdict verify_signed(struct tsig_context *ctx, struct hmac_pool *pool,
	struct tsig_digest *digest, const struct wire_message *m, int64_t now)
{
	uint8_t key_name[NAME_MAX_LEN], alg_name[NAME_MAX_LEN];
	struct tsig_record record;
	struct verdict v;
	const char *wrong = tsig_record_read(&record, key_name, alg_name, digest->msg, m);

	if (wrong)
		return verdict_bad_tsig(TSIG_ERROR_BADSIG, "%s", wrong);
	digest->prior_mac = ctx->mac;
	digest->prior_mac_len = ctx->mac_len;
	digest->msg_len = m->tsig_at;
	digest->arcount = (uint16_t)(m->counts[3] - 1);
	v = check_record(ctx, &record, digest->timers_only);
	if (verdict_is_ok(&v))
		v = check_mac(ctx, pool, digest, &record);
	if (verdict_is_ok(&v))
		v = check_rest(ctx, &record, now);
	if (!verdict_is_ok(&v))
		return v;
	memcpy(ctx->mac, record.mac, record.mac_len);
	ctx->mac_len = record.mac_len;
	ctx->unsigned_run = 0;
	return v;
}

struct verdict tsig_verify_answer(struct tsig_context *ctx, struct hmac_pool *pool,
	const uint8_t *msg, const struct wire_message *m, int64_t now)
{
	struct tsig_digest digest = {.msg = msg};

	if (!m->tsig_at)
		return verdict_bad_tsig(TSIG_ERROR_BADSIG, "the answer is not signed");
	return verify_signed(ctx, pool, &digest, m, now);
}

uint64_t tsig_read_server_time(const uint8_t *msg, const struct wire_message *m)
{
	uint8_t key_name[NAME_MAX_LEN], alg_name[NAME_MAX_LEN];
	struct tsig_record record;

	if (!m->tsig_at || tsig_record_read(&record, key_name, alg_name, msg, m))
		return 0;
	if (record.error == TSIG_ERROR_BADTIME && record.other_len == TSIG_OTHER_LEN)
		return read_server_time(&record);
	return record.time_signed;
}

struct tsig_stream *tsig_stream_new(const struct tsig_context *ctx)
{
	struct tsig_stream *stream = calloc(1, sizeof(*stream));

	if (stream)
		stream->ctx = *ctx;
	return stream;
}

void tsig_stream_free(struct tsig_stream *stream)
{
	if (!stream)
		return;
	free(stream->pending);
	free(stream);
}

/* Bounded by TSIG_UNSIGNED_MAX messages of WIRE_MESSAGE_MAX octets. */
static int keep_pending(struct tsig_stream *stream, const uint8_t *msg, size_t len)
{
	size_t needed = stream->pending_len + len;

	if (needed > stream->pending_cap) {
		uint8_t *pending = realloc(stream->pending, 2 * needed);

		if (!pending)
			return -ENOMEM;
		stream->pending = pending;
		stream->pending_cap = 2 * needed;
	}
	memcpy(stream->pending + stream->pending_len, msg, len);
	stream->pending_len = needed;
	return 0;
}

static struct verdict take_unsigned(
	struct tsig_stream *stream, const uint8_t *msg, size_t len, bool last)
{
	if (last)
		return verdict_bad_tsig(
			TSIG_ERROR_BADSIG, "the last message is not signed");
	if (stream->ctx.unsigned_run == TSIG_UNSIGNED_MAX)
		return verdict_bad_tsig(TSIG_ERROR_BADSIG,
			"more than %d messages in a row not signed", TSIG_UNSIGNED_MAX);
	if (keep_pending(stream, msg, len) < 0)
		return verdict_no_memory();
	stream->ctx.unsigned_run++;
	return verdict_ok();
}

struct verdict tsig_stream_verify(struct tsig_stream *stream, struct hmac_pool *pool,
	const uint8_t *msg, const struct wire_message *m, bool last, int64_t now)
{
	struct tsig_digest digest = {
		.pending = stream->pending,
		.pending_len = stream->pending_len,
		.msg = msg,
		.timers_only = true,
	};
	struct verdict v;

	if (!m->tsig_at)
		return take_unsigned(stream, msg, m->end, last);
	v = verify_signed(&stream->ctx, pool, &digest, m, now);
	if (verdict_is_ok(&v))
		stream->pending_len = 0;
	return v;
}
