/*
 * The TSIG record as octets (RFC 8945 4.2) and its MAC (4.3).
 *
 * Makes no decisions about keys, times or errors; neither allocates nor copies
 * messages.
 */
#include "tsig/tsig_record.h"

#include <errno.h>

enum {
	RDATA_FIXED_LEN = 16, /* time, fudge, MAC size, original ID, error, other len */
	RR_FIXED_LEN = 10,    /* type, class, TTL, RDLENGTH */
	ARCOUNT_AT = 10,      /* offset in the header */
	VARIABLES_MAX = 2 * NAME_MAX_LEN + 18, /* all but Other Data */
};

const char *tsig_record_read(struct tsig_record *ret_record,
	uint8_t key_name[NAME_MAX_LEN], uint8_t alg_name[NAME_MAX_LEN],
	const uint8_t *msg, const struct wire_message *m)
{
	struct wire_reader r;

	wire_reader_init(&r, msg, m->tsig_at, m->end);
	wire_read_name(&r, key_name);
	wire_read_octets(&r, RR_FIXED_LEN - 2);
	size_t rdlength = wire_read_u16(&r);

	if (r.failed || rdlength != r.end - r.at)
		return "TSIG record cut short";
	/* 4.2: this name MUST NOT be compressed. */
	if (name_read_uncompressed(alg_name, msg, r.end, &r.at) < 0)
		return "TSIG with a bad algorithm name";
	name_lower(key_name);
	name_lower(alg_name);
	ret_record->key_name = key_name;
	ret_record->alg_name = alg_name;
	ret_record->time_signed = wire_read_u48(&r);
	ret_record->fudge = wire_read_u16(&r);
	ret_record->mac_len = wire_read_u16(&r);
	ret_record->mac = wire_read_octets(&r, ret_record->mac_len);
	ret_record->original_id = wire_read_u16(&r);
	ret_record->error = wire_read_u16(&r);
	ret_record->other_len = wire_read_u16(&r);
	ret_record->other = wire_read_octets(&r, ret_record->other_len);
	if (r.failed)
		return "TSIG RDATA cut short";
	return r.at == r.end ? NULL : "TSIG RDATA with octets behind it";
}

bool tsig_record_is_mac_len_allowed(enum hmac_algorithm alg, size_t len)
{
	return len >= 10 && len >= hmac_hash_len(alg) / 2 && len <= hmac_len(alg);
}

bool tsig_record_is_timely(
	const struct tsig_record *record, unsigned fudge_max, int64_t now)
{
	const int64_t signed_at = (int64_t)record->time_signed; /* 48 bits */
	const int64_t fudge = record->fudge < fudge_max ? record->fudge : fudge_max;

	return now >= signed_at - fudge && now <= signed_at + fudge;
}

/* 4.3.1, then pending messages (5.3.1), then 4.3.2: the header with the original ID and
 * the earlier ARCOUNT, and the rest of the message in place. */
static int hash_message(
	struct hmac_pool *pool, const struct tsig_digest *digest, uint16_t original_id)
{
	uint8_t buf[2 + HMAC_MAX_LEN + WIRE_HEADER_LEN];
	struct wire_writer w;
	int r;

	wire_writer_init(&w, buf, sizeof(buf), NULL);
	if (digest->prior_mac_len) {
		wire_write_u16(&w, (uint16_t)digest->prior_mac_len);
		wire_write_octets(&w, digest->prior_mac, digest->prior_mac_len);
	}
	if (digest->pending_len) {
		r = hmac_update(pool, buf, w.at);
		if (r == 0)
			r = hmac_update(pool, digest->pending, digest->pending_len);
		if (r < 0)
			return r;
		wire_writer_rewind(&w, 0);
	}
	wire_write_u16(&w, original_id);
	wire_write_octets(&w, digest->msg + 2, ARCOUNT_AT - 2);
	wire_write_u16(&w, digest->arcount);
	if (w.failed)
		return -EINVAL;
	r = hmac_update(pool, buf, w.at);
	if (r < 0)
		return r;
	return hmac_update(
		pool, digest->msg + WIRE_HEADER_LEN, digest->msg_len - WIRE_HEADER_LEN);
}

/* 4.3.3; in later messages of several (5.3.1) only the timers (4.3.3.1). */
static int hash_variables(
	struct hmac_pool *pool, const struct tsig_record *record, bool timers_only)
{
	uint8_t buf[VARIABLES_MAX];
	struct wire_writer w;
	int r;

	wire_writer_init(&w, buf, sizeof(buf), NULL);
	if (!timers_only) {
		wire_write_name_plain(&w, record->key_name);
		wire_write_u16(&w, CLASS_ANY);
		wire_write_u32(&w, 0); /* TTL */
		wire_write_name_plain(&w, record->alg_name);
	}
	wire_write_u48(&w, record->time_signed);
	wire_write_u16(&w, record->fudge);
	if (!timers_only) {
		wire_write_u16(&w, record->error);
		wire_write_u16(&w, record->other_len);
	}
	r = hmac_update(pool, buf, w.at);
	if (r < 0 || timers_only)
		return r;
	return hmac_update(pool, record->other, record->other_len);
}

int tsig_record_compute(struct hmac_pool *pool, const struct tsig_key *key,
	const struct tsig_digest *digest, const struct tsig_record *record,
	uint8_t ret_mac[HMAC_MAX_LEN])
{
	int r = hmac_start(pool, key->serial, key->alg, key->secret, key->secret_len);

	if (r == 0)
		r = hash_message(pool, digest, record->original_id);
	if (r == 0)
		r = hash_variables(pool, record, digest->timers_only);
	return r == 0 ? hmac_final(pool, ret_mac) : r;
}

static size_t rdata_len(const struct tsig_record *record)
{
	return name_len(record->alg_name) + RDATA_FIXED_LEN + record->mac_len +
		record->other_len;
}

size_t tsig_record_len(const struct tsig_record *record)
{
	return name_len(record->key_name) + RR_FIXED_LEN + rdata_len(record);
}

static uint16_t get_arcount(const uint8_t *msg)
{
	return (uint16_t)(msg[ARCOUNT_AT] << 8 | msg[ARCOUNT_AT + 1]);
}

int tsig_record_check_room(
	const struct tsig_record *record, const uint8_t *msg, size_t len, size_t cap)
{
	if (len < WIRE_HEADER_LEN)
		return -EINVAL;
	if (cap > WIRE_MESSAGE_MAX)
		cap = WIRE_MESSAGE_MAX;
	if (len > cap || tsig_record_len(record) > cap - len ||
		get_arcount(msg) == UINT16_MAX)
		return -ENOSPC;
	return 0;
}

void tsig_record_append(
	const struct tsig_record *record, uint8_t *msg, size_t *len, size_t cap)
{
	struct wire_writer w;

	wire_writer_init(&w, msg, cap, NULL);
	w.at = *len;
	wire_write_name_plain(&w, record->key_name);
	wire_write_u16(&w, TYPE_TSIG);
	wire_write_u16(&w, CLASS_ANY);
	wire_write_u32(&w, 0); /* TTL */
	wire_write_u16(&w, (uint16_t)rdata_len(record));
	wire_write_name_plain(&w, record->alg_name);
	wire_write_u48(&w, record->time_signed);
	wire_write_u16(&w, record->fudge);
	wire_write_u16(&w, record->mac_len);
	wire_write_octets(&w, record->mac, record->mac_len);
	wire_write_u16(&w, record->original_id);
	wire_write_u16(&w, record->error);
	wire_write_u16(&w, record->other_len);
	wire_write_octets(&w, record->other, record->other_len);
	wire_put_u16(&w, ARCOUNT_AT, (uint16_t)(get_arcount(msg) + 1));
	if (!w.failed)
		*len = w.at;
}
