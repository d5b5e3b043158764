/*
 * The signer of a TSIG request: name, time, fingerprint, room for the answer's signature,
 * and the answer signed by it.
 */
#include "gateway/request/tsig_signer.h"

#include "tsig_fixture.h"

/* The request's octets need not outlive the call. */
static struct verdict read_signer(struct fixture *f, struct tsig_signer *ts,
	const struct message *msg, int64_t now_s, struct signer **ret_signer)
{
	struct wire_message m;

	struct verdict v;

	assert_verdict(wire_walk(&m, msg->octets, msg->len), "NOERROR");
	v = tsig_verify_request(&ts->tsig, f->pool, f->ring, msg->octets, &m, now_s);
	*ret_signer = tsig_signer_read(ts);
	return v;
}

static void sign_by(struct fixture *f, struct signer *signer, bool is_next,
	struct message *msg, int64_t now_s)
{
	const size_t len = msg->len;

	assert_int_equal(
		signer_sign(signer, f->pool, is_next, msg->octets, &msg->len, CAP, now_s),
		0);
	assert_int_equal(msg->len - len, signer_reserve(signer));
}

static void who_signed_is_told(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct tsig_context client;
	struct message msg = sign_request(f, &client, &key, SIGNED_AT);
	const struct tsig_record record = read_record(&msg);
	struct tsig_signer ts;
	struct signer *signer;

	add_key(f, &key);
	assert_verdict(read_signer(f, &ts, &msg, SIGNED_AT + 1, &signer), "NOERROR");
	assert_ptr_equal(signer, &ts.signer);
	assert_true(signer->kind->is_repeatable);
	assert_true(name_is_equal(signer->name, HOST1));
	assert_int_equal(signer->time_s, SIGNED_AT);
	assert_memory_equal(signer->fingerprint, record.mac, SIGNER_FINGERPRINT_LEN);
}

/* All messages of an answer, of which the first alone has the request's MAC before it;
 * and the fingerprint stays what it was. */
static void answers_are_signed_by_it(void **state)
{
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct message answer = unhex(vector_answer), next = answer;
	struct tsig_context client;
	struct message msg = sign_request(f, &client, &key, SIGNED_AT);
	uint8_t fingerprint[SIGNER_FINGERPRINT_LEN];
	struct tsig_stream *stream;
	struct tsig_signer ts;
	struct signer *signer;

	add_key(f, &key);
	assert_verdict(read_signer(f, &ts, &msg, SIGNED_AT, &signer), "NOERROR");
	memcpy(fingerprint, signer->fingerprint, sizeof(fingerprint));
	sign_by(f, signer, false, &answer, SIGNED_AT);
	sign_by(f, signer, true, &next, SIGNED_AT);
	assert_memory_equal(signer->fingerprint, fingerprint, sizeof(fingerprint));
	assert_verdict(verify_answer(f, &client, &answer, SIGNED_AT), "NOERROR");
	stream = tsig_stream_new(&client);
	assert_verdict(verify_next(f, stream, &next, true, SIGNED_AT), "NOERROR");
	tsig_stream_free(stream);
}

static void a_short_mac_is_filled_up(void **state)
{
	static const uint8_t zeros[SIGNER_FINGERPRINT_LEN];
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA1, 0);
	struct tsig_context client;
	struct tsig_signer ts;
	struct signer *signer;
	struct tsig_record record;
	struct message msg;

	key.mac_min = 10;
	add_key(f, &key);
	msg = sign_request(f, &client, &key, SIGNED_AT);
	record = read_record(&msg);
	assert_int_equal(record.mac_len, 10);
	memset(&ts, 0xff, sizeof(ts));
	assert_verdict(read_signer(f, &ts, &msg, SIGNED_AT, &signer), "NOERROR");
	assert_memory_equal(signer->fingerprint, record.mac, 10);
	assert_memory_equal(signer->fingerprint + 10, zeros, sizeof(zeros) - 10);
}

/* RFC 8945 5.3.2: its own error is reported, and goes into the answer. */
static void a_key_that_nobody_knows_is_a_name_alone(void **state)
{
	static const uint8_t zeros[SIGNER_FINGERPRINT_LEN];
	struct fixture *f = *state;
	struct tsig_key key = make_key(HMAC_SHA256, 0);
	struct message answer = unhex(vector_answer);
	struct tsig_context client;
	struct message msg = sign_request(f, &client, &key, SIGNED_AT);
	struct tsig_signer ts;
	struct signer *signer;

	assert_verdict(read_signer(f, &ts, &msg, SIGNED_AT, &signer), "NOTAUTH(BADKEY)");
	assert_non_null(signer);
	assert_true(name_is_equal(signer->name, HOST1));
	assert_memory_equal(signer->fingerprint, zeros, sizeof(zeros));
	sign_by(f, signer, false, &answer, SIGNED_AT);
	assert_int_equal(read_record(&answer).mac_len, 0);
}

static void nobody_signed(void **state)
{
	struct fixture *f = *state;
	struct message msg = unhex(vector_request), answer = unhex(vector_answer);
	struct tsig_signer ts;
	struct signer *signer;

	assert_verdict(read_signer(f, &ts, &msg, SIGNED_AT, &signer), "NOERROR");
	assert_null(signer);
	assert_int_equal(signer_reserve(signer), 0);
	sign_by(f, signer, false, &answer, SIGNED_AT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_signed_is_told),
		TEST(answers_are_signed_by_it),
		TEST(a_short_mac_is_filled_up),
		TEST(a_key_that_nobody_knows_is_a_name_alone),
		TEST(nobody_signed),
	};

	return cmocka_run_group_tests_name("signer", tests, NULL, NULL);
}
