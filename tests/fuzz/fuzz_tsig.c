/*
 * libFuzzer target: RFC 8945 on any octets, as a request to a server with a few keys and
 * as an answer to a client.
 *
 * A fuzzer does not guess MACs: each message is judged as it came, and again with the MAC
 * that a holder of the key would have put there, so that the checks after the MAC are
 * reached too.  The client must accept what the server signs, and nothing that was
 * changed on its way.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsig/keyfile.h"
#include "tsig/tsig_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	NOW = 1795253915, /* when the messages in the corpus were signed */
	ANSWER_MAX = WIRE_HEADER_LEN + TSIG_RESERVE_MAX,
};

/* The keys of tests/vectors, and second secrets for some of their names. */
static const char *const key_lines[] = {
	"hmac-md5:md5.key.example:hvA2lg+FxYYfckA7hgUh1Q==",
	"hmac-sha1:sha1.key.example:2XFytYTsdLVr7ZkfNtlEfJaqgfU=",
	"hmac-sha1-80:sha1-80.key.example:0k2eO4HQv+dQz9zS8Fh2T0Zjt6U=",
	"hmac-sha224:sha224.key.example:T4cd187+ntB1kpCorQ9OlhlUdN8vb5GeOgiZhw==",
	"hmac-sha256:sha256.key.example:AAAA",
	"hmac-sha256:sha256.key.example:TsThp1sNV2P18VDDPCq419HDfYGsjxdEUBNC6y7ZPfQ=",
	"hmac-sha256:sha256.key.example:AAAB",
	"hmac-sha512:sha256.key.example:AAAC",
	"hmac-sha256-128:sha256-128.key.example:"
	"WFPzQyu8M5HLCU+ANlyqlMIXwb09AZBh0mXHJsQA7pY=",
	"hmac-sha384:sha384.key.example:"
	"4RB5Xh51TqeeS5Cg/ptZ8f+n9DbIqnUOectaHpHpTtiWDtkaxXASCulGHfFBxA6Z",
	"hmac-sha512:sha512.key.example:"
	"ilmK+W4j0xqlX9HyqG3KlUq647l4qbsPaJoLULZD1zDaIIZ0Q8IURNEOSJWbvJqz0gcNAUIOBzpA"
	"28fTGIHQIQ==",
	"hmac-sha384-192:.:AAAD",
};

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

/* A key that has expired while the others are valid. */
static void add_old_key(struct keyring *ring)
{
	const struct tsig_key key = {
		.name = (const uint8_t *)"\3old\3key\7example",
		.secret = (const uint8_t *)"secret",
		.secret_len = 6,
		.not_before = INT64_MIN,
		.not_after = NOW - 1,
		.alg = HMAC_SHA256,
		.mac_min = 32,
	};

	must(keyring_add(ring, &key) == 0, "memory");
}

/* Both live as long as the process. */
static const struct keyring *fixed_ring(void)
{
	static struct keyring *ring;
	char error[KEYFILE_ERROR_MAX];

	if (ring)
		return ring;
	ring = keyring_new();
	must(ring != NULL, "memory");
	for (size_t i = 0; i < sizeof(key_lines) / sizeof(key_lines[0]); i++)
		must(keyfile_parse(ring, "key", key_lines[i], strlen(key_lines[i]), NULL,
			     NULL, error) == 0,
			"a key");
	add_old_key(ring);
	return ring;
}

static struct hmac_pool *fixed_pool(void)
{
	static struct hmac_pool *pool;

	if (!pool)
		pool = hmac_pool_new();
	must(pool != NULL, "memory");
	return pool;
}

/* A key of the ring that the record names, whatever its validity. */
static const struct tsig_key *find_key(const struct tsig_record *record)
{
	const struct tsig_key *key = keyring_find(fixed_ring(), record->key_name);
	enum hmac_algorithm alg;

	if (!hmac_algorithm_from_wire(record->alg_name, &alg))
		return NULL;
	while (key && key->alg != alg)
		key = key->next_secret;
	return key;
}

/* Puts the MAC of key (NULL: the first that the record names) into msg, as far as there
 * is room for it.  Is there a key? */
static bool put_mac(uint8_t *msg, const struct wire_message *m,
	const struct tsig_key *key, const struct tsig_digest *from)
{
	uint8_t names[2][NAME_MAX_LEN], mac[HMAC_MAX_LEN];
	struct tsig_digest digest = *from;
	struct tsig_record record;

	if (!m->tsig_at || tsig_record_read(&record, names[0], names[1], msg, m))
		return false;
	if (!key)
		key = find_key(&record);
	if (!key || record.mac_len > hmac_len(key->alg))
		return false;
	digest.msg = msg;
	digest.msg_len = m->tsig_at;
	digest.arcount = (uint16_t)(m->counts[3] - 1);
	must(tsig_record_compute(fixed_pool(), key, &digest, &record, mac) == 0, "HMAC");
	memcpy(msg + (record.mac - msg), mac, record.mac_len);
	return true;
}

/* ---- the server ---- */

static void check_context(const struct tsig_context *ctx, const struct wire_message *m,
	const struct verdict *v)
{
	must(verdict_is_ok(v) == (v->why[0] == '\0'), "refusals have a reason");
	must(!ctx->is_signed || m->tsig_at, "signed means a TSIG");
	must(!m->tsig_at || ctx->is_signed || v->rcode == RCODE_FORMERR,
		"a TSIG that can be read is known of");
	must(verdict_is_ok(v) == (!ctx->is_signed || (ctx->key && !ctx->error)) ||
			v->rcode == RCODE_FORMERR,
		"accepted means signed with a key, or not signed");
	must(v->rcode != RCODE_NOTAUTH || ctx->error == v->tsig_error,
		"the answer tells the error");
	if (!ctx->key)
		return;
	must(ctx->alg == ctx->key->alg, "the algorithm is the key's");
	must(name_is_equal(ctx->key->name, ctx->key_name), "the key has that name");
	must(tsig_record_is_mac_len_allowed(ctx->alg, ctx->mac_len), "MAC length");
	must(ctx->request_mac_len == ctx->mac_len, "the answer's MAC is no shorter");
}

/* The context of the client that sent this request. */
static struct tsig_context client_of(const struct tsig_context *server)
{
	struct tsig_context client = *server;

	client.error = 0;
	return client;
}

static struct verdict verify_answer(
	struct tsig_context *client, const uint8_t *msg, size_t len, int64_t now)
{
	struct wire_message m;
	struct verdict v = wire_walk(&m, msg, len);

	must(verdict_is_ok(&v), v.why);
	return tsig_verify_answer(client, fixed_pool(), msg, &m, now);
}

/* A changed answer is refused, and afterwards the unchanged one is still accepted. */
static void check_next(struct tsig_stream *stream, uint8_t *msg,
	const struct wire_message *m, bool last, int64_t now)
{
	struct verdict v;

	msg[3] ^= 1;
	v = tsig_stream_verify(stream, fixed_pool(), msg, m, last, now);
	must(v.tsig_error == TSIG_ERROR_BADSIG, "a changed message is refused");
	msg[3] ^= 1;
	v = tsig_stream_verify(stream, fixed_pool(), msg, m, last, now);
	must(verdict_is_ok(&v), v.why);
}

static struct wire_message sign_next(
	struct tsig_context *server, uint8_t *msg, int64_t now)
{
	struct wire_message m;
	struct verdict v;
	size_t len = WIRE_HEADER_LEN;

	msg[11] = 0; /* ARCOUNT */
	must(tsig_sign_next(server, fixed_pool(), msg, &len, ANSWER_MAX, now) == 0,
		"a next message is signed");
	v = wire_walk(&m, msg, len);
	must(verdict_is_ok(&v), v.why);
	return m;
}

/* Later messages of a transfer: two signed, one not, and one whose MAC covers that. */
static void check_stream(struct tsig_context *server, const struct tsig_context *client,
	uint8_t *msg, int64_t now)
{
	const uint8_t bare[WIRE_HEADER_LEN] = {0, 1, 0x80};
	struct tsig_stream *stream = tsig_stream_new(client);
	struct tsig_digest digest = {
		.pending = bare, .pending_len = sizeof(bare), .timers_only = true};
	struct tsig_context before;
	struct wire_message m;
	struct verdict v;

	must(stream != NULL, "memory");
	for (unsigned i = 0; i < 2; i++) {
		m = sign_next(server, msg, now);
		check_next(stream, msg, &m, false, now);
	}
	v = wire_walk(&m, bare, sizeof(bare));
	must(verdict_is_ok(&v), v.why);
	v = tsig_stream_verify(stream, fixed_pool(), bare, &m, false, now);
	must(verdict_is_ok(&v), v.why);
	before = *server;
	digest.prior_mac = before.mac;
	digest.prior_mac_len = before.mac_len;
	m = sign_next(server, msg, now);
	must(put_mac(msg, &m, server->key, &digest), "there is a key");
	check_next(stream, msg, &m, true, now);
	tsig_stream_free(stream);
}

/* RFC 8945 5.2.3: a client whose clock is wrong is told our time. */
static void check_server_time(const uint8_t *msg, size_t len, int64_t now)
{
	uint8_t names[2][NAME_MAX_LEN];
	struct tsig_record record;
	struct wire_message m;
	struct wire_reader r;
	struct verdict v = wire_walk(&m, msg, len);

	must(verdict_is_ok(&v), v.why);
	must(!tsig_record_read(&record, names[0], names[1], msg, &m), "a record");
	must(record.other_len == TSIG_OTHER_LEN, "with Other Data");
	wire_reader_init(&r, record.other, 0, record.other_len);
	must(wire_read_u48(&r) == (uint64_t)now, "which is our time");
}

static void check_accepted(struct tsig_context *server, struct tsig_context *client,
	uint8_t *msg, size_t len, int64_t now)
{
	struct tsig_context before = *client;
	struct verdict v;

	msg[3] ^= 1;
	v = verify_answer(client, msg, len, now);
	must(v.tsig_error == TSIG_ERROR_BADSIG, "a changed answer is refused");
	must(memcmp(client, &before, sizeof(before)) == 0, "which changes nothing");
	msg[3] ^= 1;
	v = verify_answer(client, msg, len, now);
	must(v.tsig_error == server->error, "the client hears the server's error");
	must(verdict_is_ok(&v) == !server->error, v.why);
	if (server->error == TSIG_ERROR_BADTIME)
		check_server_time(msg, len, now);
	if (verdict_is_ok(&v))
		check_stream(server, client, msg, now);
}

/* Signs the header of an answer: exactly the room that it needs is enough, less is
 * not. */
static void check_answer(
	struct tsig_context *server, const struct wire_message *m, int64_t now)
{
	struct tsig_context client = client_of(server), before = *server;
	const size_t needed = WIRE_HEADER_LEN + tsig_reserved_space(server);
	uint8_t msg[ANSWER_MAX] = {(uint8_t)(m->id >> 8), (uint8_t)m->id, 0x80};
	struct verdict v;
	size_t len = WIRE_HEADER_LEN;

	must(needed <= sizeof(msg), "the reserve is enough");
	if (server->is_signed) {
		must(tsig_sign_answer(server, fixed_pool(), msg, &len, needed - 1, now) ==
				-ENOSPC,
			"what does not fit is not written");
		must(len == WIRE_HEADER_LEN && msg[11] == 0, "nor a part of it");
		must(memcmp(server, &before, sizeof(before)) == 0, "nor remembered");
	}
	must(tsig_sign_answer(server, fixed_pool(), msg, &len, needed, now) == 0,
		"an answer is signed");
	must(len == needed, "in the room reserved for it");
	if (server->key) {
		check_accepted(server, &client, msg, len, now);
		return;
	}
	v = wire_walk(&(struct wire_message){0}, msg, len);
	must(verdict_is_ok(&v), v.why);
}

static void check_request(const uint8_t *msg, const struct wire_message *m, int64_t now)
{
	struct tsig_context ctx;
	struct verdict v =
		tsig_verify_request(&ctx, fixed_pool(), fixed_ring(), msg, m, now);

	check_context(&ctx, m, &v);
	check_answer(&ctx, m, now);
}

/* ---- the client ---- */

static struct tsig_context sign_request(const struct tsig_key *key)
{
	uint8_t request[ANSWER_MAX] = {0x12, 0x34};
	struct tsig_context ctx;
	size_t len = WIRE_HEADER_LEN;

	must(tsig_sign_request(
		     &ctx, fixed_pool(), key, request, &len, sizeof(request), NOW) == 0,
		"a request is signed");
	return ctx;
}

static bool is_proper(const struct verdict *v, const struct tsig_context *ctx)
{
	return verdict_is_ok(v) ? tsig_record_is_mac_len_allowed(ctx->alg, ctx->mac_len)
				: v->rcode == RCODE_NOTAUTH && v->tsig_error && v->why[0];
}

/* The same message again and again, until the client has had enough. */
static void check_hostile_stream(
	const struct tsig_context *ctx, uint8_t *msg, const struct wire_message *m)
{
	struct tsig_stream *stream = tsig_stream_new(ctx);
	unsigned taken = 0;
	struct verdict v = verdict_ok();

	must(stream != NULL, "memory");
	while (taken <= TSIG_UNSIGNED_MAX && verdict_is_ok(&v)) {
		put_mac(msg, m, NULL,
			&(struct tsig_digest){.prior_mac = ctx->mac,
				.prior_mac_len = ctx->mac_len,
				.timers_only = true});
		v = tsig_stream_verify(stream, fixed_pool(), msg, m, false, NOW);
		taken += verdict_is_ok(&v);
	}
	must(taken <= (m->tsig_at ? 1 : TSIG_UNSIGNED_MAX), "a stream is bounded");
	must(m->tsig_at || taken == TSIG_UNSIGNED_MAX, "as many as may be not signed");
	must(v.why[0], "refusals have a reason");
	v = tsig_stream_verify(stream, fixed_pool(), msg, m, true, NOW);
	must(!verdict_is_ok(&v), "the last message must be signed");
	tsig_stream_free(stream);
}

static void check_client(uint8_t *msg, const struct wire_message *m)
{
	uint8_t names[2][NAME_MAX_LEN];
	const uint8_t *name = (const uint8_t *)"\6sha256\3key\7example";
	const struct tsig_key *key = keyring_find(fixed_ring(), name);
	struct tsig_record record;
	struct tsig_context ctx;
	struct verdict v;

	if (m->tsig_at && !tsig_record_read(&record, names[0], names[1], msg, m) &&
		find_key(&record))
		key = find_key(&record);
	ctx = sign_request(key);
	v = tsig_verify_answer(&ctx, fixed_pool(), msg, m, NOW);
	must(is_proper(&v, &ctx), "a verdict on an answer");
	ctx = sign_request(key);
	put_mac(msg, m, NULL,
		&(struct tsig_digest){
			.prior_mac = ctx.mac, .prior_mac_len = ctx.mac_len});
	v = tsig_verify_answer(&ctx, fixed_pool(), msg, m, NOW);
	must(is_proper(&v, &ctx), "a verdict on an answer with the right MAC");
	check_hostile_stream(&ctx, msg, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t nows[] = {NOW, 0, INT64_C(1) << 47, (INT64_C(1) << 48) - 1};
	struct wire_message m;
	struct verdict v = wire_walk(&m, data, size);
	uint8_t *copy;

	if (!verdict_is_ok(&v))
		return 0;
	copy = malloc(size);
	must(copy != NULL, "memory");
	memcpy(copy, data, size);
	check_request(copy, &m, NOW);
	check_request(copy, &m, nows[m.id & 3]);
	if (put_mac(copy, &m, NULL, &(struct tsig_digest){0})) {
		check_request(copy, &m, NOW);
		check_request(copy, &m, nows[m.id & 3]);
	}
	check_client(copy, &m);
	free(copy);
	return 0;
}
