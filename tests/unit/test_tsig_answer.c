/*
 * RFC 8945, signing answers and, as a client, verifying them: single ones, and the many
 * of a zone transfer.
 */
#include "tsig_fixture.h"

/* ---- the client ---- */

/* 5.3.1, client: the first like any answer, then with gaps. */
static void test_vector_stream(void **state)
{
	struct fixture *f = *state;
	struct message request = unhex(vector_axfr), first = unhex(vector_stream[0]);
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct tsig_stream *stream;
	struct tsig_context ctx;
	struct wire_message m;

	/* Our request comes out the same, so that their answers answer it. */
	assert_verdict(wire_walk(&m, request.octets, request.len), "NOERROR");
	request.len = m.tsig_at;
	request.octets[11] = 0;
	assert_int_equal(tsig_sign_request(&ctx, f->pool, &key, request.octets,
				 &request.len, CAP, SIGNED_AT),
		0);
	assert_verdict(verify_answer(f, &ctx, &first, SIGNED_AT), "NOERROR");
	stream = tsig_stream_new(&ctx);
	for (int i = 1; i < 5; i++) {
		struct message msg = unhex(vector_stream[i]), bad = msg;

		/* A changed octet is seen, and changes nothing. */
		bad.octets[14] ^= 1;
		if (i == 1 || i == 4)
			assert_verdict(verify_next(f, stream, &bad, false, SIGNED_AT),
				"NOTAUTH(BADSIG)");
		assert_verdict(
			verify_next(f, stream, &msg, i == 4, SIGNED_AT), "NOERROR");
	}
	/* The last once more is out of order. */
	struct message last = unhex(vector_stream[4]);

	assert_verdict(verify_next(f, stream, &last, true, SIGNED_AT), "NOTAUTH(BADSIG)");
	/* The two unsigned ones before the last TSIG no longer count. */
	last = unhex(vector_stream[2]);
	for (int i = 0; i < TSIG_UNSIGNED_MAX; i++)
		assert_verdict(
			verify_next(f, stream, &last, false, SIGNED_AT), "NOERROR");
	assert_verdict(
		verify_next(f, stream, &last, false, SIGNED_AT), "NOTAUTH(BADSIG)");
	tsig_stream_free(stream);
}

/* A request signed with a short MAC, answered by a server that sends shorter ones
 * still. */
static void test_answer_too_short(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct message msg, answer = unhex(vector_answer), cut;
	struct tsig_context server, client;

	key.mac_min = 20;
	add_key(f, &key);
	msg = sign_request(f, &client, &key, SIGNED_AT);
	assert_int_equal(read_record(&msg).mac_len, 20);
	assert_verdict(verify(f, &server, &msg, SIGNED_AT), "NOERROR");
	sign_answer(f, &server, &answer, SIGNED_AT);
	cut = cut_mac(&answer, 16);
	assert_verdict(verify_answer(f, &client, &cut, SIGNED_AT), "NOTAUTH(BADTRUNC)");
	cut = cut_mac(&answer, 15);
	assert_verdict(verify_answer(f, &client, &cut, SIGNED_AT), "NOTAUTH(BADSIG)");
	/* One that the key allows is the prior MAC of what follows, as it was sent. */
	key.mac_min = 16;
	cut = cut_mac(&answer, 16);
	assert_verdict(verify_answer(f, &client, &cut, SIGNED_AT), "NOERROR");
	assert_int_equal(client.mac_len, 16);
	key.mac_min = 20;
	sign_request(f, &client, &key, SIGNED_AT);
	assert_verdict(verify_answer(f, &client, &answer, SIGNED_AT), "NOERROR");
}

/* 5.4: after any number of forged answers the right one still verifies. */
static void test_forged_answers(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct message answer = unhex(vectors[HMAC_SHA256].answer), forged;
	struct tsig_context client, other, before;
	struct verdict v;

	add_key(f, &key);
	sign_request(f, &client, &key, SIGNED_AT);
	before = client;
	forged = unhex(vector_answer);
	v = verify_answer(f, &client, &forged, SIGNED_AT);
	assert_verdict(v, "NOTAUTH(BADSIG)");
	assert_string_equal(v.why, "the answer is not signed");

	/* A right answer to another request. */
	struct message request = sign_request(f, &other, &key, SIGNED_AT + 1);

	assert_verdict(verify(f, &other, &request, SIGNED_AT), "NOERROR");
	sign_answer(f, &other, &forged, SIGNED_AT);
	assert_verdict(verify_answer(f, &client, &forged, SIGNED_AT), "NOTAUTH(BADSIG)");

	/* The name of another key, and another algorithm. */
	forged = unhex(vectors[HMAC_SHA1].answer);
	assert_verdict(verify_answer(f, &client, &forged, SIGNED_AT), "NOTAUTH(BADKEY)");
	/* No MAC, and no error that would allow that. */
	forged = cut_mac(&answer, 0);
	assert_verdict(verify_answer(f, &client, &forged, SIGNED_AT), "NOTAUTH(BADSIG)");

	assert_memory_equal(&client, &before, sizeof(client));
	assert_verdict(verify_answer(f, &client, &answer, SIGNED_AT), "NOERROR");
}

/* The same on the client's side. */
static void test_every_bit_of_an_answer_turned(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA1, 0);
	struct tsig_context client;
	struct message msg = unhex(vectors[HMAC_SHA1].answer), right = msg;
	unsigned verified = 0;

	sign_request(f, &client, &key, SIGNED_AT);
	for (size_t i = 2; i < msg.len; i++) {
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			struct wire_message m;
			struct tsig_context copy = client;

			msg.octets[i] ^= (uint8_t)bit;
			struct verdict v = wire_walk(&m, msg.octets, msg.len);

			if (verdict_is_ok(&v))
				v = tsig_verify_answer(
					&copy, f->pool, msg.octets, &m, SIGNED_AT);
			verified += verdict_is_ok(&v);
			if (!verdict_is_ok(&v))
				assert_memory_equal(&copy, &client, sizeof(copy));
			msg.octets[i] ^= (uint8_t)bit;
		}
	}
	/* The letters of "host1", which stand in TSIG, and of "hmac-sha". */
	assert_int_equal(verified, 4 + 7);
	assert_verdict(verify_answer(f, &client, &right, SIGNED_AT), "NOERROR");
}

/* 5.3.1: server and client over many messages, all signed, any octet counts. */
static void test_stream_of_our_own(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < HMAC_ALGORITHMS; i++) {
		struct tsig_key key = make_key((enum hmac_algorithm)i, 0);
		struct tsig_context server, client;
		struct tsig_stream *stream;
		struct message request, first = unhex(vector_answer);

		add_key(f, &key);
		request = sign_request(f, &client, &key, SIGNED_AT);
		assert_verdict(verify(f, &server, &request, SIGNED_AT), "NOERROR");
		sign_answer(f, &server, &first, SIGNED_AT);
		assert_verdict(verify_answer(f, &client, &first, SIGNED_AT), "NOERROR");
		stream = tsig_stream_new(&client);
		for (int n = 0; n < 20; n++) {
			struct message next = unhex(vector_answer);

			assert_int_equal(tsig_sign_next(&server, f->pool, next.octets,
						 &next.len, CAP, SIGNED_AT + n),
				0);
			assert_verdict(
				verify_next(f, stream, &next, n == 19, SIGNED_AT + n),
				"NOERROR");
		}
		tsig_stream_free(stream);
	}
	tsig_stream_free(NULL);
}

/* 99 messages without TSIG in a row are accepted, the hundredth not, nor the last. */
static void test_stream_unsigned_run(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct tsig_context client;
	struct tsig_stream *stream;
	struct message bare = unhex(vector_answer);

	sign_request(f, &client, &key, SIGNED_AT);
	stream = tsig_stream_new(&client);
	assert_verdict(verify_next(f, stream, &bare, true, SIGNED_AT), "NOTAUTH(BADSIG)");
	for (int i = 0; i < TSIG_UNSIGNED_MAX; i++)
		assert_verdict(
			verify_next(f, stream, &bare, false, SIGNED_AT), "NOERROR");
	assert_verdict(
		verify_next(f, stream, &bare, false, SIGNED_AT), "NOTAUTH(BADSIG)");
	tsig_stream_free(stream);
}

/* In later messages the MAC does not cover the error, which must not be believed. */
static void test_stream_error_field(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct message msg = unhex(vector_stream[1]), first = unhex(vector_stream[0]);
	struct message request = unhex(vector_axfr);
	struct tsig_stream *stream;
	struct tsig_context ctx;
	struct wire_message m;

	assert_verdict(wire_walk(&m, request.octets, request.len), "NOERROR");
	request.len = m.tsig_at;
	request.octets[11] = 0;
	assert_int_equal(tsig_sign_request(&ctx, f->pool, &key, request.octets,
				 &request.len, CAP, SIGNED_AT),
		0);
	assert_verdict(verify_answer(f, &ctx, &first, SIGNED_AT), "NOERROR");
	stream = tsig_stream_new(&ctx);
	msg.octets[msg.len - 3] = TSIG_ERROR_BADTIME;
	struct verdict v = verify_next(f, stream, &msg, false, SIGNED_AT);

	assert_verdict(v, "NOTAUTH(BADSIG)");
	assert_string_equal(v.why, "TSIG error 18 in a later message of an answer");
	tsig_stream_free(stream);
}

/* ---- the signer ---- */

/* 5.3.1, server: their first two messages come out of our signer. */
static void test_vector_stream_signed_by_us(void **state)
{
	struct fixture *f = *state;
	struct message request = unhex(vector_axfr);
	struct tsig_context ctx;

	add_vector_key(f, HMAC_SHA256);
	assert_verdict(verify(f, &ctx, &request, SIGNED_AT), "NOERROR");
	for (int i = 0; i < 2; i++) {
		struct message theirs = unhex(vector_stream[i]), ours = theirs;
		struct wire_message m;

		assert_verdict(wire_walk(&m, theirs.octets, theirs.len), "NOERROR");
		ours.len = m.tsig_at;
		ours.octets[11] = 0;
		if (i == 0)
			sign_answer(f, &ctx, &ours, SIGNED_AT + 1);
		else
			assert_int_equal(tsig_sign_next(&ctx, f->pool, ours.octets,
						 &ours.len, CAP, SIGNED_AT + 2),
				0);
		assert_same_message(&ours, &theirs);
	}
}

static void test_unsigned_exchange(void **state)
{
	struct fixture *f = *state;
	struct message msg = unhex(vector_request), answer = unhex(vector_answer);
	size_t len = answer.len;
	struct tsig_context ctx;

	assert_verdict(verify(f, &ctx, &msg, SIGNED_AT), "NOERROR");
	assert_false(ctx.is_signed);
	assert_int_equal(tsig_reserved_space(&ctx), 0);
	sign_answer(f, &ctx, &answer, SIGNED_AT);
	assert_int_equal(
		tsig_sign_next(&ctx, f->pool, answer.octets, &answer.len, CAP, SIGNED_AT),
		0);
	assert_int_equal(answer.len, len);
}

/* Exactly the reserved room is enough; with less the message stays as it was. */
static void test_no_room(void **state)
{
	struct fixture *f = *state;
	struct message request = unhex(vectors[HMAC_SHA512].request);
	static const int64_t times[] = {
		SIGNED_AT, SIGNED_AT + 1000}; /* NOERROR, BADTIME */

	add_vector_key(f, HMAC_SHA512);
	for (int i = 0; i < 3; i++) {
		struct message before = unhex(vector_answer), answer = before;
		struct tsig_context ctx, ctx_before;

		if (i == 2)
			request.octets[20] ^= 1; /* BADSIG */
		verify(f, &ctx, &request, times[i % 2]);
		ctx_before = ctx;
		size_t needed = answer.len + tsig_reserved_space(&ctx);

		for (size_t cap = 0; cap < needed; cap++) {
			assert_int_equal(tsig_sign_answer(&ctx, f->pool, answer.octets,
						 &answer.len, cap, times[i % 2]),
				-ENOSPC);
			assert_memory_equal(&answer, &before, sizeof(answer));
			assert_memory_equal(&ctx, &ctx_before, sizeof(ctx));
		}
		assert_int_equal(tsig_sign_answer(&ctx, f->pool, answer.octets,
					 &answer.len, needed, times[i % 2]),
			0);
		assert_int_equal(answer.len, needed);
		assert_int_equal(answer.octets[11], 1);
	}
}

static void test_message_that_cannot_be_signed(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	static uint8_t big[WIRE_MESSAGE_MAX + 200];
	struct message msg = unhex(vector_request);
	struct tsig_context ctx;
	size_t len;

	for (len = 0; len < WIRE_HEADER_LEN; len++) {
		size_t short_len = len;

		assert_int_equal(tsig_sign_request(&ctx, f->pool, &key, msg.octets,
					 &short_len, CAP, SIGNED_AT),
			-EINVAL);
	}
	/* No ARCOUNT is left. */
	msg.octets[10] = msg.octets[11] = 0xff;
	assert_int_equal(tsig_sign_request(&ctx, f->pool, &key, msg.octets, &msg.len, CAP,
				 SIGNED_AT),
		-ENOSPC);
	/* A message never exceeds the length field of RFC 1035 4.2.2, whatever the
	 * room. */
	len = WIRE_MESSAGE_MAX - 60;
	assert_int_equal(
		tsig_sign_request(&ctx, f->pool, &key, big, &len, sizeof(big), SIGNED_AT),
		-ENOSPC);
	assert_int_equal(len, WIRE_MESSAGE_MAX - 60);
}

/* The largest possible record fits into TSIG_RESERVE_MAX. */
static void test_reserve_max(void **state)
{
	struct tsig_context ctx = {.is_signed = true, .error = TSIG_ERROR_BADTIME};
	struct tsig_key key = make_key(HMAC_SHA512, 0);

	(void)state;
	for (unsigned i = 0; i < 127; i++)
		ctx.key_name[2 * i] = ctx.alg_name[2 * i] = 1;
	ctx.key = &key;
	assert_int_equal(tsig_reserved_space(&ctx), TSIG_RESERVE_MAX);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_vector_stream),
		TEST(test_answer_too_short),
		TEST(test_forged_answers),
		TEST(test_every_bit_of_an_answer_turned),
		TEST(test_stream_of_our_own),
		TEST(test_stream_unsigned_run),
		TEST(test_stream_error_field),
		TEST(test_vector_stream_signed_by_us),
		TEST(test_unsigned_exchange),
		TEST(test_no_room),
		TEST(test_message_that_cannot_be_signed),
		TEST(test_reserve_max),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
