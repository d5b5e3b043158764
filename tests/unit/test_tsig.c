/*
 * RFC 8945, the server's side: requests that another implementation signed, every length
 * of MAC, keys, times, and everything that must not verify.
 */
#include "tsig_fixture.h"

/* ---- what another implementation signed ---- */

/* Our requests and answers have the same octets as theirs, and each side verifies the
 * other. */
static void test_vectors(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < HMAC_ALGORITHMS; i++) {
		struct tsig_key key = make_key((enum hmac_algorithm)i, 0);
		struct message theirs = unhex(vectors[i].request), ours;
		struct tsig_context server, client;

		add_key(f, &key);
		ours = sign_request(f, &client, &key, SIGNED_AT);
		assert_same_message(&ours, &theirs);

		assert_verdict(verify(f, &server, &theirs, SIGNED_AT + 1), "NOERROR");
		assert_true(server.is_signed);
		assert_int_equal(server.alg, i);
		assert_int_equal(server.original_id, 0x1234);
		assert_true(server.time_signed == SIGNED_AT);
		assert_int_equal(server.fudge, 300);
		assert_true(name_is_equal(server.key_name, HOST1));

		theirs = unhex(vectors[i].answer);
		ours = unhex(vector_answer);
		sign_answer(f, &server, &ours, SIGNED_AT + 1);
		assert_same_message(&ours, &theirs);
		assert_verdict(
			verify_answer(f, &client, &theirs, SIGNED_AT + 2), "NOERROR");
	}
}

/* 5.2.3: the client's time, ours in Other Data. */
static void test_vectors_of_badtime(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < HMAC_ALGORITHMS; i++) {
		struct tsig_key key = make_key((enum hmac_algorithm)i, 0);
		struct message theirs = unhex(vectors[i].request);
		struct message ours = unhex(vector_notauth);
		struct tsig_context server, client;
		struct verdict v;

		add_key(f, &key);
		sign_request(f, &client, &key, SIGNED_AT);
		v = verify(f, &server, &theirs, SIGNED_AT + 1000);
		assert_verdict(v, "NOTAUTH(BADTIME)");
		assert_string_equal(v.why,
			"signed at 1700000000 with fudge 300, but it is 1700001000");
		assert_non_null(server.key);

		theirs = unhex(vectors[i].badtime);
		sign_answer(f, &server, &ours, SIGNED_AT + 1000);
		assert_same_message(&ours, &theirs);
		v = verify_answer(f, &client, &theirs, SIGNED_AT + 1);
		assert_verdict(v, "NOTAUTH(BADTIME)");
		assert_string_equal(v.why,
			"the server's clock says 1700001000, ours 1700000001 (signed "
			"with the "
			"key)");
	}
}

/* Names in any case (4.3.3), the ID changed on the way (4.3.2). */
static void test_vector_mixed_case_and_other_id(void **state)
{
	struct fixture *f = *state;
	struct message msg = unhex(vector_mixed), answer = unhex(vector_answer);
	struct tsig_context ctx;

	add_vector_key(f, HMAC_SHA256);
	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT), "NOERROR");
	assert_int_equal(ctx.original_id, 0x1234);
	assert_true(name_is_equal(ctx.key_name, HOST1));
	assert_true(name_is_equal(ctx.alg_name, WIRE("\013hmac-sha256")));
	answer.octets[0] = 0xbe;
	answer.octets[1] = 0xef;
	sign_answer(f, &ctx, &answer, SIGNED_AT);
	/* 4.2: the ID of the original request. */
	assert_int_equal(read_record(&answer).original_id, 0x1234);
}

/* ---- truncation ---- */

/* 5.2.2.1 and 5.3.2: the record could be read, so that its answer has one, with an empty
 * MAC. */
static void expect_unsigned_tsig(struct fixture *f, struct tsig_context *ctx)
{
	struct message answer = unhex(vector_notauth);
	struct tsig_record record;

	assert_true(ctx->is_signed);
	assert_null(ctx->key);
	sign_answer(f, ctx, &answer, SIGNED_AT);
	record = read_record(&answer);
	assert_int_equal(record.mac_len, 0);
	assert_int_equal(record.error, TSIG_ERROR_BADSIG);
}

/* Every length of MAC for every algorithm, against a key that allows them all. */
static void test_truncation(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < HMAC_ALGORITHMS; i++) {
		enum hmac_algorithm alg = (enum hmac_algorithm)i;
		struct tsig_key key = make_key(alg, 0);
		struct message whole = unhex(vectors[i].request);
		size_t half = hmac_hash_len(alg) / 2;

		key.mac_min = (uint8_t)(half < 10 ? 10 : half);
		add_key(f, &key);
		for (uint16_t len = 0; len <= hmac_len(alg); len++) {
			struct message msg = cut_mac(&whole, len);
			struct message answer = unhex(vector_answer);
			struct tsig_context ctx;
			struct verdict v = verify(f, &ctx, &msg, SIGNED_AT);

			if (len < 10 || len < half) {
				assert_verdict(v, "FORMERR(BADSIG)");
				expect_unsigned_tsig(f, &ctx);
				continue;
			}
			assert_verdict(v, "NOERROR");
			assert_int_equal(ctx.mac_len, len);
			/* The answer's MAC is as long as the request's. */
			sign_answer(f, &ctx, &answer, SIGNED_AT);
			assert_int_equal(read_record(&answer).mac_len, len);
			/* The last octet of the MAC counts. */
			msg.octets[msg.len - 7] ^= 1;
			assert_verdict(
				verify(f, &ctx, &msg, SIGNED_AT), "NOTAUTH(BADSIG)");
		}
	}
}

static void test_mac_longer_than_hash(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < HMAC_ALGORITHMS; i++) {
		static uint8_t mac[HMAC_MAX_LEN + 1];
		struct message msg = unhex(vector_request);
		struct tsig_record record = {
			.key_name = HOST1,
			.alg_name = hmac_algorithm_wire((enum hmac_algorithm)i),
			.time_signed = SIGNED_AT,
			.fudge = 300,
			.mac = mac,
			.mac_len = (uint16_t)(hmac_len((enum hmac_algorithm)i) + 1),
		};
		struct tsig_context ctx;

		add_vector_key(f, (enum hmac_algorithm)i);
		tsig_record_append(&record, msg.octets, &msg.len, CAP);
		assert_verdict(verify(f, &ctx, &msg, SIGNED_AT), "FORMERR(BADSIG)");
		expect_unsigned_tsig(f, &ctx);
	}
}

/* 5.2.4: right, in time, but too short for the key: the answer is signed, as long as the
 * key requires. */
static void test_badtrunc(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct message whole = unhex(vectors[HMAC_SHA256].request), msg, answer;
	struct tsig_context ctx, client;

	key.mac_min = 24;
	add_key(f, &key);
	msg = cut_mac(&whole, 23);
	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT), "NOTAUTH(BADTRUNC)");
	assert_non_null(ctx.key);
	answer = unhex(vector_notauth);
	sign_answer(f, &ctx, &answer, SIGNED_AT);
	assert_int_equal(read_record(&answer).mac_len, 24);
	assert_int_equal(read_record(&answer).error, TSIG_ERROR_BADTRUNC);
	/* A client that truncated its MAC like that verifies the answer. */
	key.mac_min = 23;
	sign_request(f, &client, &key, SIGNED_AT);
	assert_verdict(
		verify_answer(f, &client, &answer, SIGNED_AT), "NOTAUTH(BADTRUNC)");
	/* Time comes first, and the MAC before both. */
	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT + 301), "NOTAUTH(BADTIME)");
	msg.octets[20] ^= 1;
	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT + 301), "NOTAUTH(BADSIG)");

	msg = cut_mac(&whole, 24);
	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT), "NOERROR");
	answer = unhex(vector_answer);
	sign_answer(f, &ctx, &answer, SIGNED_AT);
	assert_int_equal(read_record(&answer).mac_len, 24);
}

/* A key that requires more than the algorithm has requires all of it. */
static void test_mac_min_beyond_hash(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct message msg, answer = unhex(vector_answer);
	struct tsig_context ctx, client;

	key.mac_min = 255;
	add_key(f, &key);
	msg = sign_request(f, &client, &key, SIGNED_AT);
	assert_int_equal(read_record(&msg).mac_len, 32);
	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT), "NOERROR");
	sign_answer(f, &ctx, &answer, SIGNED_AT);
	assert_int_equal(read_record(&answer).mac_len, 32);
	assert_verdict(verify_answer(f, &client, &answer, SIGNED_AT), "NOERROR");
}

/* ---- keys ---- */

/* 5.2.1, 5.3.2: BADKEY, answered unsigned with the names and time of the request. */
static void check_badkey(struct fixture *f, const struct message *msg, const char *why)
{
	struct message answer = unhex(vector_notauth);
	struct tsig_context ctx;
	struct tsig_record record;
	struct verdict v = verify(f, &ctx, msg, SIGNED_AT + 9);

	assert_verdict(v, "NOTAUTH(BADKEY)");
	assert_string_equal(v.why, why);
	assert_true(ctx.is_signed);
	assert_null(ctx.key);
	sign_answer(f, &ctx, &answer, SIGNED_AT + 9);
	record = read_record(&answer);
	assert_int_equal(record.mac_len, 0);
	assert_int_equal(record.error, TSIG_ERROR_BADKEY);
	assert_int_equal(record.other_len, 0);
	assert_int_equal(record.original_id, 0x1234);
	assert_int_equal(record.fudge, 300);
	assert_true(record.time_signed == SIGNED_AT);
	assert_true(name_is_equal(record.key_name, ctx.key_name));
	assert_true(name_is_equal(record.alg_name, ctx.alg_name));
}

static void test_badkey(void **state)
{
	struct fixture *f = *state;
	struct message msg = unhex(vectors[HMAC_SHA256].request);
	struct tsig_key key = make_key(HMAC_SHA512, 0);

	check_badkey(f, &msg, "unknown key host1.dyn.example.");
	/* The name is known, for another algorithm: also when only the truncation
	 * differs. */
	add_key(f, &key);
	key = make_key(HMAC_SHA256_128, 0);
	add_key(f, &key);
	check_badkey(f, &msg, "key host1.dyn.example. is not for algorithm hmac-sha256.");
}

/* An unknown algorithm, and a MAC of a length that no algorithm has. */
static void test_unknown_algorithm(void **state)
{
	struct fixture *f = *state;
	struct message msg = unhex(vector_request);
	struct tsig_record record = {
		.key_name = HOST1,
		.alg_name = WIRE("\010gss-tsig"),
		.time_signed = SIGNED_AT,
		.fudge = 300,
		.mac = WIRE("abc"),
		.mac_len = 3,
		.original_id = 0x1234,
	};

	add_vector_key(f, HMAC_SHA256);
	tsig_record_append(&record, msg.octets, &msg.len, CAP);
	check_badkey(f, &msg, "key host1.dyn.example. is not for algorithm gss-tsig.");
}

static void test_validity(void **state)
{
	struct fixture *f = *state;
	struct message msg = unhex(vectors[HMAC_SHA256].request);
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct tsig_context ctx;

	key.not_before = SIGNED_AT + 10;
	key.not_after = SIGNED_AT + 20;
	add_key(f, &key);
	check_badkey(f, &msg, "key host1.dyn.example. is not valid at this time");
	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT + 10), "NOERROR");
	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT + 20), "NOERROR");
	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT + 21), "NOTAUTH(BADKEY)");
}

/* All secrets of a name verify, and the one that did also signs; one that has expired
 * does neither. */
static void test_rotation(void **state)
{
	struct fixture *f = *state;
	struct tsig_key old, new;
	struct tsig_context server, client;
	struct message msg, answer = unhex(vector_answer);

	old = make_key(HMAC_SHA256, 1);
	old.not_after = SIGNED_AT + 100;
	add_key(f, &old);
	old = make_key(HMAC_SHA512, 2);
	add_key(f, &old);
	new = make_key(HMAC_SHA256, 3);
	add_key(f, &new);

	msg = sign_request(f, &client, &new, SIGNED_AT);
	assert_verdict(verify(f, &server, &msg, SIGNED_AT), "NOERROR");
	assert_memory_equal(server.key->secret, new.secret, new.secret_len);
	sign_answer(f, &server, &answer, SIGNED_AT);
	assert_verdict(verify_answer(f, &client, &answer, SIGNED_AT), "NOERROR");

	old = make_key(HMAC_SHA256, 1);
	msg = sign_request(f, &client, &old, SIGNED_AT);
	assert_verdict(verify(f, &server, &msg, SIGNED_AT + 100), "NOERROR");
	assert_memory_equal(server.key->secret, old.secret, old.secret_len);
	assert_verdict(verify(f, &server, &msg, SIGNED_AT + 101), "NOTAUTH(BADSIG)");
	assert_null(server.key);
	old = make_key(HMAC_SHA256, 4);
	msg = sign_request(f, &client, &old, SIGNED_AT);
	assert_verdict(verify(f, &server, &msg, SIGNED_AT), "NOTAUTH(BADSIG)");
}

/* 5.3.2: no MAC, and nothing of the false MAC in the context. */
static void test_badsig(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 5);
	struct tsig_context server, client;
	struct message msg, answer = unhex(vector_notauth);
	struct tsig_record record;
	struct verdict v;

	add_vector_key(f, HMAC_SHA256);
	key = make_key(HMAC_SHA256, 5);
	msg = sign_request(f, &client, &key, SIGNED_AT);
	v = verify(f, &server, &msg, SIGNED_AT + 1000);
	assert_verdict(v, "NOTAUTH(BADSIG)");
	assert_string_equal(v.why, "the MAC is not of key host1.dyn.example.");
	assert_int_equal(server.mac_len, 0);
	assert_null(server.key);
	sign_answer(f, &server, &answer, SIGNED_AT + 1000);
	record = read_record(&answer);
	assert_int_equal(record.mac_len, 0);
	assert_int_equal(record.error, TSIG_ERROR_BADSIG);
	assert_true(record.time_signed == SIGNED_AT);
	v = verify_answer(f, &client, &answer, SIGNED_AT);
	assert_verdict(v, "NOTAUTH(BADSIG)");
	assert_string_equal(v.why,
		"the server refuses key host1.dyn.example., and does not sign that");
}

/* ---- time ---- */

static void test_fudge(void **state)
{
	static const struct {
		int64_t offset;
		const char *verdict;
	} rows[] = {
		{-301, "NOTAUTH(BADTIME)"},
		{-300, "NOERROR"},
		{300, "NOERROR"},
		{301, "NOTAUTH(BADTIME)"},
	};
	struct fixture *f = *state;
	struct message msg = unhex(vectors[HMAC_SHA256].request);
	struct message answer = unhex(vectors[HMAC_SHA256].answer); /* a second later */
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct tsig_context server, client;

	add_key(f, &key);
	sign_request(f, &client, &key, SIGNED_AT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tsig_context copy = client;

		assert_verdict(verify(f, &server, &msg, SIGNED_AT + rows[i].offset),
			rows[i].verdict);
		assert_verdict(
			verify_answer(f, &copy, &answer, SIGNED_AT + 1 + rows[i].offset),
			rows[i].verdict);
	}
	assert_verdict(verify(f, &server, &msg, 0), "NOTAUTH(BADTIME)");
	assert_verdict(verify(f, &server, &msg, INT64_MAX), "NOTAUTH(BADTIME)");
}

/* However large the fudge of a message is, no more than the ring's counts: RFC 8945
 * 10. */
static void test_fudge_max(void **state)
{
	static const struct {
		unsigned fudge_max;
		int64_t offset;
		const char *verdict;
	} rows[] = {
		{1800, -1800, "NOERROR"},
		{1800, 1800, "NOERROR"},
		{1800, -1801, "NOTAUTH(BADTIME)"},
		{1800, 1801, "NOTAUTH(BADTIME)"},
		{300, -301, "NOTAUTH(BADTIME)"},
		{300, 300, "NOERROR"},
	};
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct message msg = unhex(vector_request);
	uint8_t mac[HMAC_MAX_LEN];
	struct tsig_record record = {
		.key_name = HOST1,
		.alg_name = hmac_algorithm_wire(HMAC_SHA256),
		.time_signed = SIGNED_AT,
		.fudge = UINT16_MAX,
		.mac = mac,
		.mac_len = 32,
	};
	const struct tsig_digest digest = {.msg = msg.octets, .msg_len = msg.len};
	struct tsig_context server;

	add_key(f, &key);
	assert_int_equal(keyring_fudge_max(f->ring), 1800);
	assert_int_equal(tsig_record_compute(f->pool, &key, &digest, &record, mac), 0);
	tsig_record_append(&record, msg.octets, &msg.len, CAP);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		keyring_set_fudge_max(f->ring, rows[i].fudge_max);
		assert_verdict(verify(f, &server, &msg, SIGNED_AT + rows[i].offset),
			rows[i].verdict);
	}
}

/* ---- hostile messages ---- */

/* Every bit of a signed request turned: it never verifies, but for the header's ID
 * (4.3.2) and the case of the record's names (4.3.3), which are not covered. */
static void test_every_bit_turned(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct tsig_context client, server;
	struct message msg = sign_request(f, &client, &key, SIGNED_AT);
	size_t names_at, rdata_at, names_end;
	struct wire_message m;

	add_key(f, &key);
	assert_verdict(wire_walk(&m, msg.octets, msg.len), "NOERROR");
	names_at = m.tsig_at;
	rdata_at = m.tsig_at + name_len(HOST1) + 10;
	names_end = rdata_at + name_len(WIRE("\013hmac-sha256"));
	for (size_t i = 0; i < msg.len; i++) {
		bool is_in_name = (i >= names_at && i < rdata_at - 10) ||
			(i >= rdata_at && i < names_end);
		uint8_t octet = msg.octets[i];
		bool is_letter = octet >= 'a' && octet <= 'z';

		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			msg.octets[i] = (uint8_t)(octet ^ bit);
			struct verdict v = verify(f, &server, &msg, SIGNED_AT);
			bool is_free = i < 2 || (is_in_name && is_letter && bit == 0x20);

			if ((verdict_is_ok(&v) && server.is_signed) != is_free)
				fail_msg("octet %zu, bit %02x: %s", i, bit, v.why);
		}
		msg.octets[i] = octet;
	}
	for (size_t len = 0; len < msg.len; len++) {
		struct message cut = msg;

		cut.len = len;
		assert_verdict(verify(f, &server, &cut, SIGNED_AT), "FORMERR");
	}
}

/* RDATA of every length but the right one: FORMERR, and an answer without TSIG. */
static void test_rdata_of_every_length(void **state)
{
	struct fixture *f = *state;
	struct message msg = unhex(vectors[HMAC_SHA256].request);
	struct tsig_context ctx;
	struct wire_message m;
	uint8_t name[NAME_MAX_LEN];

	add_vector_key(f, HMAC_SHA256);
	assert_verdict(wire_walk(&m, msg.octets, msg.len), "NOERROR");
	size_t at = m.tsig_at;

	assert_true(name_read(name, msg.octets, msg.len, &at) > 0);
	at += 10;
	for (size_t rdlength = 0; rdlength <= msg.len - at + 3; rdlength++) {
		struct message other = msg;

		other.len = at + rdlength;
		other.octets[at - 2] = (uint8_t)(rdlength >> 8);
		other.octets[at - 1] = (uint8_t)rdlength;
		assert_verdict(verify(f, &ctx, &other, SIGNED_AT),
			other.len == msg.len ? "NOERROR" : "FORMERR");
		assert_int_equal(ctx.is_signed, other.len == msg.len);
		assert_int_equal(tsig_reserved_space(&ctx) > 0, other.len == msg.len);
	}
}

/* 4.2: the algorithm's name MUST NOT be compressed. */
static void test_compressed_algorithm_name(void **state)
{
	struct fixture *f = *state;
	struct message msg =
		unhex("0001000000000000000000020b686d61632d7368613235360000010001"
		      "000000000000"
		      "0161"
		      "0000fa00ff000000000012"
		      "c00c"
		      "000000000000012c000012340000"
		      "0000");
	struct tsig_context ctx;

	assert_verdict(verify(f, &ctx, &msg, 0), "FORMERR");
	assert_false(ctx.is_signed);
}

/* Other Data in a request has no meaning (4.2), but the MAC covers it. */
static void test_other_data_in_a_request(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct message msg = unhex(vector_request);
	struct message badtime = unhex(vector_notauth), badsig = badtime;
	uint8_t mac[HMAC_MAX_LEN];
	struct tsig_record record = {
		.key_name = HOST1,
		.alg_name = hmac_algorithm_wire(HMAC_SHA256),
		.time_signed = SIGNED_AT,
		.fudge = 1,
		.mac = mac,
		.mac_len = 32,
		.other = WIRE("anything"),
		.other_len = 8,
	};
	const struct tsig_digest digest = {.msg = msg.octets, .msg_len = msg.len};
	struct tsig_context ctx;

	add_key(f, &key);
	assert_int_equal(tsig_record_compute(f->pool, &key, &digest, &record, mac), 0);
	tsig_record_append(&record, msg.octets, &msg.len, CAP);
	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT), "NOERROR");
	assert_int_equal(ctx.fudge, 1);
	/* Errors of time and MAC come back with the request's fudge (5.2.3, 5.3.2). */
	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT + 2), "NOTAUTH(BADTIME)");
	sign_answer(f, &ctx, &badtime, SIGNED_AT + 2);
	assert_int_equal(read_record(&badtime).fudge, 1);
	msg.octets[msg.len - 1] ^= 1;
	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT), "NOTAUTH(BADSIG)");
	sign_answer(f, &ctx, &badsig, SIGNED_AT);
	assert_int_equal(read_record(&badsig).fudge, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_vectors),
		TEST(test_vectors_of_badtime),
		TEST(test_vector_mixed_case_and_other_id),
		TEST(test_truncation),
		TEST(test_mac_longer_than_hash),
		TEST(test_badtrunc),
		TEST(test_mac_min_beyond_hash),
		TEST(test_badkey),
		TEST(test_unknown_algorithm),
		TEST(test_validity),
		TEST(test_rotation),
		TEST(test_badsig),
		TEST(test_fudge),
		TEST(test_fudge_max),
		TEST(test_every_bit_turned),
		TEST(test_rdata_of_every_length),
		TEST(test_compressed_algorithm_name),
		TEST(test_other_data_in_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
