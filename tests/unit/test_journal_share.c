/* Each key's share of the journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gateway/journal/journal.h"
#include "gateway/thread/journal_share.h"

static const uint8_t A[] = {1, 'a', 0}, B[] = {1, 'b', 0};

enum { MOST = 64 << 20, MIB = 1 << 20 };

static struct journal_share *make(uint64_t used)
{
	struct journal_share *share = journal_share_new(MOST);

	assert_non_null(share);
	journal_share_note(share, used);
	return share;
}

static enum rcode take(
	struct journal_share *share, const uint8_t *key, size_t octets, int64_t now_ms)
{
	return journal_share_take(share, key, octets, now_ms).rcode;
}

static void nobody_is_limited_while_there_is_room(void **state)
{
	struct journal_share *share = make(MOST / 2);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(take(share, A, MIB, 0), RCODE_NOERROR);
	journal_share_free(share);
}

static void each_key_has_its_share(void **state)
{
	struct journal_share *share = make(MOST / 2 + 1);
	struct verdict v;

	(void)state;
	assert_int_equal(take(share, A, MIB / 2, 1000), RCODE_NOERROR);
	assert_int_equal(take(share, A, MIB / 2, 1000), RCODE_NOERROR);
	v = journal_share_take(share, A, 1, 61000);
	assert_int_equal(v.rcode, RCODE_REFUSED);
	assert_int_equal(v.ede, EDE_PROHIBITED);
	assert_non_null(strstr(v.why, "key a. has written its share of it, 1 MiB"));
	assert_int_equal(take(share, B, MIB, 61000), RCODE_NOERROR);
	assert_int_equal(take(share, B, 1, 61000), RCODE_REFUSED);
	/* An hour later */
	assert_int_equal(take(share, A, 1, JOURNAL_SHORT_MS), RCODE_REFUSED);
	assert_int_equal(take(share, A, MIB, JOURNAL_SHORT_MS + 1000), RCODE_NOERROR);
	assert_int_equal(take(share, A, 1, JOURNAL_SHORT_MS + 1000), RCODE_REFUSED);
	/* or once there is room again. */
	journal_share_note(share, MOST / 2);
	assert_int_equal(take(share, A, MIB, JOURNAL_SHORT_MS + 1000), RCODE_NOERROR);
	journal_share_free(share);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_limited_while_there_is_room),
		cmocka_unit_test(each_key_has_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
