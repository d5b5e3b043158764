/*
 * RFC 8945: verifying requests, signing answers, signing requests.
 *
 * Answers are verified in tsig_stream.c.  The latest Time Signed of a key is not
 * remembered (the SHOULD of 5.2.3): UDP reorders messages, and replays are recognised
 * elsewhere by their MAC.
 */
#include "tsig/tsig_record.h"

#include <errno.h>
#include <string.h>

#include "tsig/plural.h"

/* ---- verifying a request ---- */

/* The first secret, from key on, that may have made this MAC. */
static const struct tsig_key *find_candidate(
	const struct tsig_key *key, enum hmac_algorithm alg, int64_t now)
{
	while (key && (key->alg != alg || !tsig_key_is_valid_at(key, now)))
		key = key->next_secret;
	return key;
}

/* 5.2.1.  ret_key is the first secret that may be right. */
static struct verdict check_key(const struct tsig_context *ctx,
	const struct keyring *ring, int64_t now, const struct tsig_key **ret_key,
	enum hmac_algorithm *ret_alg)
{
	const struct tsig_key *first = keyring_find(ring, ctx->key_name);
	const struct tsig_key *key = first;
	char name[NAME_TEXT_MAX], alg[NAME_TEXT_MAX];

	if (first && hmac_algorithm_from_wire(ctx->alg_name, ret_alg)) {
		*ret_key = find_candidate(first, *ret_alg, now);
		if (*ret_key)
			return verdict_ok();
		while (key && key->alg != *ret_alg)
			key = key->next_secret;
		if (key)
			return verdict_bad_tsig(TSIG_ERROR_BADKEY,
				"key %s is not valid at this time",
				name_to_text(ctx->key_name, name));
	}
	if (!first)
		return verdict_bad_tsig(TSIG_ERROR_BADKEY, "unknown key %s",
			name_to_text(ctx->key_name, name));
	return verdict_bad_tsig(TSIG_ERROR_BADKEY, "key %s is not for algorithm %s",
		name_to_text(ctx->key_name, name), name_to_text(ctx->alg_name, alg));
}

/*
 * 5.2.2: tries every secret of the name that may be right.  NOERROR with ctx->key and
 * the MAC in ctx, BADSIG, or a failure of the machine.
 */
static struct verdict check_mac(struct tsig_context *ctx, struct hmac_pool *pool,
	const struct tsig_key *key, const struct tsig_record *record,
	const struct tsig_digest *digest, int64_t now)
{
	enum hmac_algorithm alg = key->alg;
	uint8_t mac[HMAC_MAX_LEN];
	char name[NAME_TEXT_MAX];

	for (; key; key = find_candidate(key->next_secret, alg, now)) {
		int r = tsig_record_compute(pool, key, digest, record, mac);

		/* 5.2.1: recognised, but not implemented. */
		if (r == -ENOTSUP)
			return verdict_bad_tsig(TSIG_ERROR_BADKEY,
				"%s is not available here", hmac_algorithm_text(alg));
		if (r < 0)
			return verdict_refuse(
				RCODE_SERVFAIL, EDE_NONE, "HMAC: %s", strerror(-r));
		if (!hmac_is_equal(mac, record->mac, record->mac_len))
			continue;
		ctx->key = key;
		ctx->alg = alg;
		memcpy(ctx->mac, record->mac, record->mac_len);
		ctx->mac_len = ctx->request_mac_len = record->mac_len;
		return verdict_ok();
	}
	return verdict_bad_tsig(TSIG_ERROR_BADSIG, "the MAC is not of key %s",
		name_to_text(ctx->key_name, name));
}

static size_t smallest_mac(const struct tsig_key *key)
{
	size_t whole = hmac_len(key->alg);

	return key->mac_min < whole ? key->mac_min : whole;
}

/* 5.2.3, 5.2.4, in this order and only after the MAC has been verified. */
static struct verdict check_time_and_truncation(const struct tsig_context *ctx,
	const struct tsig_record *record, unsigned fudge_max, int64_t now)
{
	if (!tsig_record_is_timely(record, UINT16_MAX, now))
		return verdict_bad_tsig(TSIG_ERROR_BADTIME,
			"signed at %llu with fudge %u, but it is %lld",
			(unsigned long long)record->time_signed, record->fudge,
			(long long)now);
	if (!tsig_record_is_timely(record, fudge_max, now))
		return verdict_bad_tsig(TSIG_ERROR_BADTIME,
			"signed at %llu with fudge %u, of which %u count, but it is %lld",
			(unsigned long long)record->time_signed, record->fudge, fudge_max,
			(long long)now);
	if (record->mac_len < smallest_mac(ctx->key))
		return verdict_bad_tsig(TSIG_ERROR_BADTRUNC,
			"MAC of %u %s, but %zu wanted", record->mac_len,
			PLURAL(record->mac_len, "octet"), smallest_mac(ctx->key));
	return verdict_ok();
}

static void remember_names(struct tsig_context *ctx, const struct tsig_record *record)
{
	ctx->original_id = record->original_id;
	ctx->time_signed = record->time_signed;
	ctx->fudge = record->fudge;
	ctx->is_signed = true;
}

/* FORMERR and failures of the machine are answered without TSIG: nothing was validated,
 * and there is no TSIG error code for them. */
static struct verdict answer_unsigned(struct tsig_context *ctx, struct verdict v)
{
	ctx->is_signed = false;
	ctx->key = NULL;
	return v;
}

static struct verdict answer_with_error(struct tsig_context *ctx, struct verdict v)
{
	ctx->error = v.tsig_error;
	return v;
}

/* 5.2.2.1 requires FORMERR.  Since the record can be read, the answer has a TSIG (5.2),
 * an unsigned one, as for every other wrong MAC (5.3.2). */
static struct verdict refuse_mac_len(enum hmac_algorithm alg, uint16_t len)
{
	struct verdict v = verdict_refuse(RCODE_FORMERR, EDE_NONE, "MAC of %u %s for %s",
		len, PLURAL(len, "octet"), hmac_algorithm_text(alg));

	v.tsig_error = TSIG_ERROR_BADSIG;
	return v;
}

struct verdict tsig_verify_request(struct tsig_context *ctx, struct hmac_pool *pool,
	const struct keyring *ring, const uint8_t *msg, const struct wire_message *m,
	int64_t now)
{
	const struct tsig_key *key = NULL;
	struct tsig_record record;
	enum hmac_algorithm alg = HMAC_SHA256;
	struct verdict v;

	*ctx = (struct tsig_context){0};
	if (!m->tsig_at)
		return verdict_ok();

	const char *wrong =
		tsig_record_read(&record, ctx->key_name, ctx->alg_name, msg, m);

	if (wrong)
		return verdict_refuse(RCODE_FORMERR, EDE_NONE, "%s", wrong);
	remember_names(ctx, &record);

	v = check_key(ctx, ring, now, &key, &alg);
	if (!verdict_is_ok(&v))
		return answer_with_error(ctx, v);
	/* 5.2.2.1 belongs to the MAC check, and the minimum depends on the algorithm,
	 * so this comes after the key. */
	if (!tsig_record_is_mac_len_allowed(alg, record.mac_len))
		return answer_with_error(ctx, refuse_mac_len(alg, record.mac_len));

	const struct tsig_digest digest = {.msg = msg,
		.msg_len = m->tsig_at,
		.arcount = (uint16_t)(m->counts[3] - 1)};

	v = check_mac(ctx, pool, key, &record, &digest, now);
	if (v.rcode == RCODE_SERVFAIL)
		return answer_unsigned(ctx, v);
	if (verdict_is_ok(&v))
		v = check_time_and_truncation(ctx, &record, keyring_fudge_max(ring), now);
	return answer_with_error(ctx, v);
}

/* ---- signing ---- */

/* 5.3.2: errors of key or MAC are never signed.  key is set only if the MAC is right. */
static bool is_answer_signed(const struct tsig_context *ctx)
{
	return ctx->key != NULL;
}

/* As long as the key requires, and never shorter than the request's (5.2.4). */
static size_t answer_mac_len(const struct tsig_context *ctx)
{
	size_t len = smallest_mac(ctx->key);

	return ctx->request_mac_len > len ? ctx->request_mac_len : len;
}

/* Makes a record with the names and the original ID of the exchange. */
static struct tsig_record make_record(const struct tsig_context *ctx, int64_t now)
{
	return (struct tsig_record){
		.key_name = ctx->key_name,
		.alg_name = ctx->alg_name,
		.time_signed = (uint64_t)now,
		.fudge = TSIG_FUDGE_S,
		.original_id = ctx->original_id,
	};
}

size_t tsig_reserved_space(const struct tsig_context *ctx)
{
	struct tsig_record record = make_record(ctx, 0);

	if (!ctx->is_signed)
		return 0;
	if (is_answer_signed(ctx))
		record.mac_len = (uint16_t)answer_mac_len(ctx);
	if (ctx->error == TSIG_ERROR_BADTIME)
		record.other_len = TSIG_OTHER_LEN;
	return tsig_record_len(&record);
}

/*
 * Signs msg with ctx->key and appends the record, whose mac_len says how much of the
 * MAC to send.  ctx->mac is the prior MAC and becomes the new one; on failure nothing
 * changes.
 */
static int sign_and_append(struct tsig_context *ctx, struct hmac_pool *pool,
	struct tsig_record *record, bool timers_only, uint8_t *msg, size_t *len,
	size_t cap)
{
	const struct tsig_digest digest = {
		.prior_mac = ctx->mac,
		.prior_mac_len = ctx->mac_len,
		.msg = msg,
		.msg_len = *len,
		.arcount =
			(uint16_t)(*len < WIRE_HEADER_LEN ? 0 : msg[10] << 8 | msg[11]),
		.timers_only = timers_only,
	};
	uint8_t mac[HMAC_MAX_LEN];
	int r = tsig_record_check_room(record, msg, *len, cap);

	if (r == 0)
		r = tsig_record_compute(pool, ctx->key, &digest, record, mac);
	if (r < 0)
		return r;
	record->mac = mac;
	tsig_record_append(record, msg, len, cap);
	memcpy(ctx->mac, mac, record->mac_len);
	ctx->mac_len = record->mac_len;
	return 0;
}

static int append_unsigned(
	struct tsig_context *ctx, uint8_t *msg, size_t *len, size_t cap)
{
	struct tsig_record record = make_record(ctx, (int64_t)ctx->time_signed);
	int r;

	record.fudge = ctx->fudge;
	record.error = ctx->error ? ctx->error : TSIG_ERROR_BADKEY;
	r = tsig_record_check_room(&record, msg, *len, cap);
	if (r == 0)
		tsig_record_append(&record, msg, len, cap);
	return r;
}

int tsig_sign_answer(struct tsig_context *ctx, struct hmac_pool *pool, uint8_t *msg,
	size_t *len, size_t cap, int64_t now)
{
	struct tsig_record record = make_record(ctx, now);
	uint8_t server_time[TSIG_OTHER_LEN];
	struct wire_writer w;

	if (!ctx->is_signed)
		return 0;
	if (!is_answer_signed(ctx))
		return append_unsigned(ctx, msg, len, cap);
	record.error = ctx->error;
	record.mac_len = (uint16_t)answer_mac_len(ctx);
	if (ctx->error == TSIG_ERROR_BADTIME) {
		/* 5.2.3: Time Signed is the client's, so that it can verify this; ours
		 * goes into Other Data. */
		wire_writer_init(&w, server_time, sizeof(server_time), NULL);
		wire_write_u48(&w, (uint64_t)now);
		record.time_signed = ctx->time_signed;
		record.fudge = ctx->fudge;
		record.other = server_time;
		record.other_len = TSIG_OTHER_LEN;
	}
	return sign_and_append(ctx, pool, &record, false, msg, len, cap);
}

int tsig_sign_next(struct tsig_context *ctx, struct hmac_pool *pool, uint8_t *msg,
	size_t *len, size_t cap, int64_t now)
{
	struct tsig_record record = make_record(ctx, now);

	if (!ctx->is_signed)
		return 0;
	if (!is_answer_signed(ctx))
		return append_unsigned(ctx, msg, len, cap);
	record.error = ctx->error;
	record.mac_len = (uint16_t)answer_mac_len(ctx);
	return sign_and_append(ctx, pool, &record, true, msg, len, cap);
}

static void copy_name(uint8_t ret_name[NAME_MAX_LEN], const uint8_t *name)
{
	memcpy(ret_name, name, name_len(name));
}

int tsig_sign_request(struct tsig_context *ctx, struct hmac_pool *pool,
	const struct tsig_key *key, uint8_t *msg, size_t *len, size_t cap, int64_t now)
{
	struct tsig_record record;
	int r;

	if (*len < WIRE_HEADER_LEN)
		return -EINVAL;
	*ctx = (struct tsig_context){
		.is_signed = true,
		.key = key,
		.alg = key->alg,
		.original_id = (uint16_t)(msg[0] << 8 | msg[1]),
		.time_signed = (uint64_t)now,
		.fudge = TSIG_FUDGE_S,
	};
	copy_name(ctx->key_name, key->name);
	name_lower(ctx->key_name);
	copy_name(ctx->alg_name, hmac_algorithm_wire(key->alg));

	record = make_record(ctx, now);
	record.mac_len = (uint16_t)smallest_mac(key);
	r = sign_and_append(ctx, pool, &record, false, msg, len, cap);
	if (r == 0)
		ctx->request_mac_len = ctx->mac_len;
	return r;
}
