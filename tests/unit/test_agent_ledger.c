/* The ledger: what is to be sent, what the server holds, and what became of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "agent_records.h"

#include "agent/publish/message.h"
#include "zones/update.h"

enum { NOW = 1000000, LEASE_MS = 3600000, REFRESH_MS = 2880000 };

static const uint8_t zone[] = "\003dyn\007example";

static void want(struct ledger *ledger, const char *const *lines)
{
	struct records set = {0};

	agent_records_add(&set, lines);
	assert_int_equal(ledger_want(ledger, &set), 0);
	records_clear(&set);
}

#define WANT(ledger, ...) want(ledger, (const char *[]){__VA_ARGS__, NULL})

/* The update that is to be sent now, as the gateway reads it; "" if none is. */
static const char *update_text(struct ledger *ledger, int64_t now_ms)
{
	static char text[UPDATE_TEXT_MAX];
	uint8_t buf[MESSAGE_CAP];
	struct wire_message m;
	struct update *update;
	struct verdict v;
	size_t end;
	ssize_t len;

	ledger_pick(ledger, now_ms);
	len = message_write_update(
		buf, sizeof(buf), zone, ledger, 0, ledger->count, 3600, &end);
	assert_int_equal(end, ledger->count);
	assert_true(len >= 0);
	if (!len)
		return "";
	v = wire_walk(&m, buf, (size_t)len);
	assert_string_equal(v.why, "");
	v = update_read(&update, buf, &m);
	assert_string_equal(v.why, "");
	assert_int_equal(update->prereq_count, 0); /* RFC 9664 5.1 */
	update_to_text(update, text);
	update_free(update);
	return text;
}

static void acknowledge(struct ledger *ledger, int64_t now_ms)
{
	ledger_mark_sent(ledger, 0, ledger->count);
	ledger_acknowledge(ledger, 0, ledger->count,
		&(struct ledger_lease){now_ms + REFRESH_MS, now_ms + LEASE_MS, true});
	ledger_sweep(ledger);
}

static void a_registration_empties_what_is_claimed_and_adds(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A", "h A 192.0.2.1", "h A 192.0.2.2", "h AAAA");
	assert_string_equal(update_text(&ledger, NOW),
		"-ANY h.dyn.example. A; -ANY h.dyn.example. AAAA; "
		"+300 h.dyn.example. A 192.0.2.1; +300 h.dyn.example. A 192.0.2.2");
	acknowledge(&ledger, NOW);
	assert_int_equal(ledger_count_held(&ledger), 2);
	assert_false(ledger_is_changed(&ledger, NOW));
	ledger_clear(&ledger);
}

/* RFC 9664 5.1: a refresh works as a registration too, and is a heartbeat to who still
 * has it. */
static void a_refresh_adds_again_and_removes_nothing(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A", "h A 192.0.2.1", "h TXT x");
	update_text(&ledger, NOW);
	acknowledge(&ledger, NOW);
	assert_int_equal(ledger_next_refresh(&ledger), NOW + REFRESH_MS);
	assert_int_equal(ledger_next_expiry(&ledger), NOW + LEASE_MS);
	assert_string_equal(update_text(&ledger, NOW + REFRESH_MS - 1), "");
	assert_string_equal(update_text(&ledger, NOW + REFRESH_MS),
		"+300 h.dyn.example. A 192.0.2.1; +300 h.dyn.example. TXT \"x\"");
	assert_false(ledger_has_picked_change(&ledger));
	ledger_clear(&ledger);
}

static void a_change_sends_what_differs(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A", "h A 192.0.2.1", "h A 192.0.2.2", "i A 192.0.2.9");
	update_text(&ledger, NOW);
	acknowledge(&ledger, NOW);
	WANT(&ledger, "h A", "h A 192.0.2.2", "h A 192.0.2.3", "i A 192.0.2.9");
	assert_true(ledger_is_changed(&ledger, NOW));
	assert_false(ledger_is_removal_only(&ledger, NOW));
	assert_string_equal(update_text(&ledger, NOW),
		"-NONE h.dyn.example. A 192.0.2.1; +300 h.dyn.example. A 192.0.2.3");
	acknowledge(&ledger, NOW);
	WANT(&ledger, "h A", "h A 192.0.2.2", "h A 192.0.2.3");
	assert_true(ledger_is_removal_only(&ledger, NOW));
	assert_string_equal(
		update_text(&ledger, NOW), "-NONE i.dyn.example. A 192.0.2.9");
	acknowledge(&ledger, NOW);
	assert_int_equal(ledger_count_held(&ledger), 2);
	ledger_clear(&ledger);
}

static void back_and_forth_between_two_updates_is_nothing(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A", "h A 192.0.2.1");
	update_text(&ledger, NOW);
	acknowledge(&ledger, NOW);
	for (int i = 0; i < 1000; i++) {
		WANT(&ledger, "h A");
		WANT(&ledger, "h A", "h A 192.0.2.1");
	}
	assert_string_equal(update_text(&ledger, NOW), "");
	assert_int_equal(ledger.count, 2);
	ledger_clear(&ledger);
}

/* The answer to a removal is lost: it may have been made. */
static void what_was_perhaps_removed_is_added_again(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A", "h A 192.0.2.1");
	update_text(&ledger, NOW);
	acknowledge(&ledger, NOW);
	WANT(&ledger, "h A");
	assert_string_equal(
		update_text(&ledger, NOW), "-NONE h.dyn.example. A 192.0.2.1");
	ledger_mark_sent(&ledger, 0, ledger.count);
	ledger_unpick(&ledger);
	WANT(&ledger, "h A", "h A 192.0.2.1");
	assert_string_equal(update_text(&ledger, NOW), "+300 h.dyn.example. A 192.0.2.1");
	ledger_clear(&ledger);
}

/* The answer to an addition is lost, and then it is not wanted any more. */
static void what_was_perhaps_added_is_removed(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A 192.0.2.1", "i A 192.0.2.2");
	update_text(&ledger, NOW);
	ledger_mark_sent(&ledger, 0, ledger.count);
	ledger_unpick(&ledger);
	WANT(&ledger, "i A 192.0.2.2");
	assert_string_equal(update_text(&ledger, NOW),
		"-NONE h.dyn.example. A 192.0.2.1; +300 i.dyn.example. A 192.0.2.2");
	ledger_clear(&ledger);
}

static void what_was_never_sent_needs_no_removal(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A", "h A 192.0.2.1");
	WANT(&ledger, "i A 192.0.2.2");
	assert_string_equal(update_text(&ledger, NOW), "+300 i.dyn.example. A 192.0.2.2");
	assert_int_equal(ledger.count, 1);
	ledger_clear(&ledger);
}

static void another_ttl_is_added_again(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A 192.0.2.1");
	update_text(&ledger, NOW);
	acknowledge(&ledger, NOW);
	WANT(&ledger, "h 60 A 192.0.2.1");
	assert_string_equal(update_text(&ledger, NOW), "+60 h.dyn.example. A 192.0.2.1");
	ledger_clear(&ledger);
}

/* A new claim empties the RRset: what is held of it has to come along. */
static void a_claim_brings_all_of_its_rrset(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A 192.0.2.1", "h TXT x");
	update_text(&ledger, NOW);
	acknowledge(&ledger, NOW);
	WANT(&ledger, "h A", "h A 192.0.2.1", "h TXT x");
	assert_string_equal(update_text(&ledger, NOW),
		"-ANY h.dyn.example. A; +300 h.dyn.example. A 192.0.2.1");
	ledger_clear(&ledger);
}

/* RFC 2136 3.4.2.2: an alias is not added where an address stands, nor the other way. */
static void removals_of_an_owner_stand_first(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h CNAME i");
	update_text(&ledger, NOW);
	acknowledge(&ledger, NOW);
	WANT(&ledger, "h A", "h A 192.0.2.1");
	assert_string_equal(update_text(&ledger, NOW),
		"-ANY h.dyn.example. A; -NONE h.dyn.example. CNAME i.dyn.example.; "
		"+300 h.dyn.example. A 192.0.2.1");
	ledger_clear(&ledger);
}

static void remember(struct ledger *ledger, const struct record *record)
{
	const struct ledger_entry entry = {.record = *record};

	assert_int_equal(ledger_remember(ledger, &entry), 0);
}

static void what_is_remembered_goes_unless_wanted(void **state)
{
	struct ledger ledger = {0};
	struct records old = {0};

	(void)state;
	agent_records_add(&old, (const char *[]){"b A 192.0.2.2", "a A 192.0.2.1", NULL});
	for (size_t i = old.count; i-- > 0;)
		remember(&ledger, &old.items[i]);
	remember(&ledger, &old.items[0]);
	assert_int_equal(ledger.count, 2);
	WANT(&ledger, "b A 192.0.2.2");
	assert_string_equal(update_text(&ledger, NOW),
		"-NONE a.dyn.example. A 192.0.2.1; +300 b.dyn.example. A 192.0.2.2");
	records_clear(&old);
	ledger_clear(&ledger);
}

static void what_is_refused_waits_for_its_time(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A 192.0.2.1");
	update_text(&ledger, NOW);
	ledger_mark_sent(&ledger, 0, 1);
	assert_true(ledger_refuse(&ledger, 0, 1, NOW + 60000));
	assert_int_equal(ledger_next_refused(&ledger), NOW + 60000);
	assert_string_equal(update_text(&ledger, NOW + 59999), "");
	assert_string_equal(
		update_text(&ledger, NOW + 60000), "+300 h.dyn.example. A 192.0.2.1");
	acknowledge(&ledger, NOW);
	assert_int_equal(ledger_next_refused(&ledger), INT64_MAX);
	ledger_clear(&ledger);
}

static void refuse(struct ledger *ledger, int64_t now_ms, int64_t retry_ms)
{
	ledger_pick(ledger, now_ms);
	ledger_mark_sent(ledger, 0, ledger->count);
	(void)ledger_refuse(ledger, 0, ledger->count, retry_ms);
	ledger_sweep(ledger);
}

/* RFC 2136 3.7: a refused update has done nothing. */
static void what_was_never_taken_needs_no_removal(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A 192.0.2.1", "i A 192.0.2.2");
	refuse(&ledger, NOW, NOW + 60000);
	assert_int_equal(ledger.count, 2);
	assert_int_equal(ledger_count_sent(&ledger), 0);
	WANT(&ledger, "i A 192.0.2.2");
	assert_int_equal(ledger.count, 1);
	/* An update without an answer may have been made; a removal that is refused shows
	 * that it was not. */
	ledger_pick(&ledger, NOW + 60000);
	ledger_mark_sent(&ledger, 0, 1);
	ledger_unpick(&ledger);
	WANT(&ledger, "j A 192.0.2.3");
	assert_string_equal(update_text(&ledger, NOW + 60000),
		"-NONE i.dyn.example. A 192.0.2.2; +300 j.dyn.example. A 192.0.2.3");
	refuse(&ledger, NOW + 60000, NOW + 120000);
	assert_int_equal(ledger.count, 1);
	ledger_clear(&ledger);
}

static void a_refused_removal_is_tried_until_the_lease_ends(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A 192.0.2.1");
	update_text(&ledger, NOW);
	acknowledge(&ledger, NOW);
	WANT(&ledger, NULL);
	refuse(&ledger, NOW, NOW + 60000);
	assert_int_equal(ledger.count, 1);
	assert_int_equal(ledger_next_refused(&ledger), NOW + 60000);
	refuse(&ledger, NOW + 60000, NOW + 2 * LEASE_MS);
	assert_int_equal(ledger_next_refused(&ledger), NOW + LEASE_MS);
	assert_string_equal(update_text(&ledger, NOW + LEASE_MS), "");
	ledger_sweep(&ledger);
	assert_int_equal(ledger.count, 0);
	ledger_clear(&ledger);
}

static void without_a_lease_a_refused_removal_is_given_up(void **state)
{
	const struct ledger_lease plan = {NOW + REFRESH_MS, NOW + LEASE_MS, false};
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A 192.0.2.1");
	ledger_pick(&ledger, NOW);
	ledger_mark_sent(&ledger, 0, 1);
	ledger_acknowledge(&ledger, 0, 1, &plan);
	WANT(&ledger, NULL);
	for (int i = 1; i < LEDGER_REMOVALS_MAX; i++) {
		refuse(&ledger, NOW + 100 * LEASE_MS, NOW);
		assert_int_equal(ledger.count, 1);
	}
	refuse(&ledger, NOW, NOW);
	assert_int_equal(ledger.count, 0);
	ledger_clear(&ledger);
}

/* What is there, and may not be refreshed any more, is there until its lease ends. */
static void a_refused_refresh_removes_nothing(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A 192.0.2.1");
	update_text(&ledger, NOW);
	acknowledge(&ledger, NOW);
	refuse(&ledger, NOW + REFRESH_MS, NOW + REFRESH_MS + 60000);
	WANT(&ledger, NULL);
	assert_string_equal(update_text(&ledger, NOW + REFRESH_MS + 60000),
		"-NONE h.dyn.example. A 192.0.2.1");
	ledger_clear(&ledger);
}

static void a_hurried_refresh_is_due_at_once(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	WANT(&ledger, "h A 192.0.2.1");
	update_text(&ledger, NOW);
	acknowledge(&ledger, NOW);
	ledger_hurry_refresh(&ledger, NOW + 1);
	assert_int_equal(ledger_last_expiry(&ledger), NOW + LEASE_MS);
	assert_string_equal(
		update_text(&ledger, NOW + 1), "+300 h.dyn.example. A 192.0.2.1");
	assert_false(ledger_has_picked_change(&ledger));
	ledger_clear(&ledger);
}

static void a_withdrawal_removes_what_was_sent_and_no_more(void **state)
{
	struct ledger ledger = {0};
	uint8_t buf[MESSAGE_CAP];
	size_t end;

	(void)state;
	WANT(&ledger, "h A", "h A 192.0.2.1");
	update_text(&ledger, NOW);
	acknowledge(&ledger, NOW);
	WANT(&ledger, "h A", "h A 192.0.2.1", "i A 192.0.2.2");
	assert_int_equal(ledger_pick_withdrawal(&ledger), 1);
	assert_true(message_write_update(buf, sizeof(buf), zone, &ledger, 0, ledger.count,
			    3600, &end) > 0);
	assert_int_equal(buf[9], 1); /* UPCOUNT */
	acknowledge(&ledger, NOW);
	assert_int_equal(ledger.count, 0);
	ledger_clear(&ledger);
}

/* ---- messages ---- */

static void fill(struct ledger *ledger, unsigned owners)
{
	struct records set = {0};

	for (unsigned i = 0; i < owners; i++) {
		char line[64];

		snprintf(line, sizeof(line), "h%04u A 192.0.2.%u", i, i % 250);
		agent_records_add(&set, (const char *[]){line, NULL});
	}
	assert_int_equal(ledger_want(ledger, &set), 0);
	records_clear(&set);
}

static void what_does_not_fit_comes_with_the_next_message(void **state)
{
	struct ledger ledger = {0};
	uint8_t buf[1100];
	size_t first = 0, end;
	unsigned records = 0, messages = 0;

	(void)state;
	fill(&ledger, 200);
	ledger_pick(&ledger, NOW);
	for (; first < ledger.count; first = end, messages++) {
		struct wire_message m;
		const ssize_t len = message_write_update(
			buf, sizeof(buf), zone, &ledger, first, ledger.count, 3600, &end);
		const struct verdict v = wire_walk(&m, buf, (size_t)len);

		assert_true(len > 0 && len <= (ssize_t)sizeof(buf));
		assert_string_equal(v.why, "");
		assert_true(end > first);
		records += m.counts[2];
	}
	assert_int_equal(records, 200);
	assert_in_range(messages, 3, 10);
	ledger_clear(&ledger);
}

static void an_owner_is_cut_only_if_it_must(void **state)
{
	struct ledger ledger = {0};
	uint8_t buf[150];
	size_t end;

	(void)state;
	WANT(&ledger, "a A 192.0.2.1", "a A 192.0.2.2", "b A 192.0.2.1", "b A 192.0.2.2",
		"b A 192.0.2.3", "b A 192.0.2.4", "b A 192.0.2.5", "b A 192.0.2.6",
		"b A 192.0.2.7", "b A 192.0.2.8", "b A 192.0.2.9");
	ledger_pick(&ledger, NOW);
	assert_true(message_write_update(buf, sizeof(buf), zone, &ledger, 0, ledger.count,
			    3600, &end) > 0);
	assert_int_equal(end, 2);
	assert_true(message_write_update(buf, sizeof(buf), zone, &ledger, 2, ledger.count,
			    3600, &end) > 0);
	assert_in_range(end, 3, ledger.count - 1);
	ledger_clear(&ledger);
}

#define DIGEST "66402c9468c58941dd19ffd650bf2b42f9226f83d3bd06ad515d0e5104a77020"

/* Built with ldns, whatever it thinks of the type: the octets are those of the record. */
static void records_of_all_types_are_as_they_were(void **state)
{
	static const char *const lines[] = {"a A 192.0.2.1", "a AAAA 2001:db8::1",
		"a MX 10 mail", "a NS ns", "a TXT \"x\" \"y z\"", "a SRV 1 2 3 t",
		"a CAA 0 issue \"ca.example\"", "a SSHFP 4 2 " DIGEST,
		"a NAPTR 1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:i@x!\" .",
		"a HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1", "a SVCB 0 t",
		"a TLSA 3 1 1 " DIGEST, "a LOC 52 0 0 N 4 0 0 E 0m 1m 1m 1m",
		"a URI 10 1 \"ftp://x/\"", "a HINFO \"PC\" \"Linux\"", "a RP m t",
		"a IPSECKEY 10 1 2 192.0.2.3 AQNRU3mG", "a AMTRELAY 10 0 1 192.0.2.3",
		"a OPENPGPKEY AQNRU3mG", "a CERT 1 2 3 AQNRU3mG",
		"a EUI48 00-00-5e-00-53-2a", "a TYPE65280 \\# 3 010203", "a PTR t",
		"a DHCID AAIB"};
	char text[UPDATE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct ledger ledger = {0};
		char record[RECORD_TEXT_MAX], wanted[RECORD_TEXT_MAX + 16];

		WANT(&ledger, lines[i]);
		record_to_text(&ledger.entries[0].record, record);
		snprintf(wanted, sizeof(wanted), "+300 %s", record);
		snprintf(text, sizeof(text), "%s", update_text(&ledger, NOW));
		assert_string_equal(text, wanted);
		acknowledge(&ledger, NOW);
		WANT(&ledger, NULL);
		snprintf(wanted, sizeof(wanted), "-NONE %s", record);
		assert_string_equal(update_text(&ledger, NOW), wanted);
		ledger_clear(&ledger);
	}
}

/* Owners and the names of RFC 1035's types are compressed, others not (RFC 3597 4). */
static void names_are_compressed_where_they_may_be(void **state)
{
	struct ledger ledger = {0};
	uint8_t buf[MESSAGE_CAP];
	size_t end;

	(void)state;
	WANT(&ledger, "a MX 10 a", "a SRV 1 2 3 a");
	ledger_pick(&ledger, NOW);
	/* Header, zone, a: 1+1+2, MX to a pointer, a again, SRV in full, OPT. */
	assert_int_equal(message_write_update(buf, sizeof(buf), zone, &ledger, 0,
				 ledger.count, 3600, &end),
		12 + 13 + 4 + 4 + 10 + 2 + 2 + 2 + 10 + 6 + 15 + 19);
	ledger_clear(&ledger);
}

static void an_update_asks_for_its_lease(void **state)
{
	struct ledger ledger = {0};
	uint8_t buf[MESSAGE_CAP];
	struct wire_message m;
	uint32_t lease_s = 0;
	size_t end;
	ssize_t len;

	(void)state;
	WANT(&ledger, "h A 192.0.2.1");
	ledger_pick(&ledger, NOW);
	len = message_write_update(
		buf, sizeof(buf), zone, &ledger, 0, ledger.count, 7200, &end);
	assert_int_equal(wire_walk(&m, buf, (size_t)len).rcode, RCODE_NOERROR);
	assert_true(message_read_lease(buf, &m, &lease_s));
	assert_int_equal(lease_s, 7200);
	ledger_clear(&ledger);
}

/* An answer with these octets for options. */
static void make_answer(uint8_t *buf, size_t cap, struct wire_message *m,
	const uint8_t *options, uint16_t len)
{
	struct wire_writer w;

	wire_writer_init(&w, buf, cap, NULL);
	for (int i = 0; i < 6; i++)
		wire_write_u16(&w, i == 1 ? WIRE_QR | OPCODE_UPDATE << 11 : i == 5);
	wire_write_u8(&w, 0);
	wire_write_u16(&w, TYPE_OPT);
	wire_write_u16(&w, 1232);
	wire_write_u32(&w, 0);
	wire_write_u16(&w, len);
	wire_write_octets(&w, options, len);
	assert_int_equal(wire_walk(m, buf, w.at).rcode, RCODE_NOERROR);
}

static void leases_of_4_and_8_octets_are_read(void **state)
{
	static const uint8_t four[] = {0, 2, 0, 4, 0, 0, 0x0e, 0x10};
	static const uint8_t eight[] = {0, 2, 0, 8, 0, 0, 0, 60, 0, 1, 0, 0};
	static const uint8_t five[] = {0, 2, 0, 5, 0, 0, 0, 60, 0};
	struct wire_message m;
	uint8_t buf[256];
	uint32_t lease_s = 0;

	(void)state;
	make_answer(buf, sizeof(buf), &m, four, sizeof(four));
	assert_true(message_read_lease(buf, &m, &lease_s));
	assert_int_equal(lease_s, 3600);
	make_answer(buf, sizeof(buf), &m, eight, sizeof(eight));
	assert_true(message_read_lease(buf, &m, &lease_s));
	assert_int_equal(lease_s, 60);
	make_answer(buf, sizeof(buf), &m, five, sizeof(five));
	assert_false(message_read_lease(buf, &m, &lease_s));
	make_answer(buf, sizeof(buf), &m, NULL, 0);
	assert_false(message_read_lease(buf, &m, &lease_s));
}

static void extended_errors_are_shown(void **state)
{
	static const uint8_t prohibited[] = {0, 15, 0, 6, 0, 18, 'r', 'u', 'l', 'e'};
	static const uint8_t bare[] = {0, 15, 0, 2, 0, 18},
			     unknown[] = {0, 15, 0, 2, 9, 9};
	static const uint8_t cut[] = {0, 15, 0, 1, 0};
	char text[MESSAGE_EDE_MAX];
	struct wire_message m;
	uint8_t buf[256];

	(void)state;
	make_answer(buf, sizeof(buf), &m, prohibited, sizeof(prohibited));
	assert_string_equal(message_read_ede(buf, &m, text), "Prohibited: rule");
	make_answer(buf, sizeof(buf), &m, bare, sizeof(bare));
	assert_string_equal(message_read_ede(buf, &m, text), "Prohibited");
	make_answer(buf, sizeof(buf), &m, unknown, sizeof(unknown));
	assert_string_equal(message_read_ede(buf, &m, text), "extended error");
	make_answer(buf, sizeof(buf), &m, cut, sizeof(cut));
	assert_string_equal(message_read_ede(buf, &m, text), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registration_empties_what_is_claimed_and_adds),
		cmocka_unit_test(a_refresh_adds_again_and_removes_nothing),
		cmocka_unit_test(a_change_sends_what_differs),
		cmocka_unit_test(back_and_forth_between_two_updates_is_nothing),
		cmocka_unit_test(what_was_perhaps_removed_is_added_again),
		cmocka_unit_test(what_was_perhaps_added_is_removed),
		cmocka_unit_test(what_was_never_sent_needs_no_removal),
		cmocka_unit_test(another_ttl_is_added_again),
		cmocka_unit_test(a_claim_brings_all_of_its_rrset),
		cmocka_unit_test(removals_of_an_owner_stand_first),
		cmocka_unit_test(what_is_remembered_goes_unless_wanted),
		cmocka_unit_test(what_is_refused_waits_for_its_time),
		cmocka_unit_test(what_was_never_taken_needs_no_removal),
		cmocka_unit_test(a_refused_removal_is_tried_until_the_lease_ends),
		cmocka_unit_test(without_a_lease_a_refused_removal_is_given_up),
		cmocka_unit_test(a_refused_refresh_removes_nothing),
		cmocka_unit_test(a_hurried_refresh_is_due_at_once),
		cmocka_unit_test(a_withdrawal_removes_what_was_sent_and_no_more),
		cmocka_unit_test(what_does_not_fit_comes_with_the_next_message),
		cmocka_unit_test(an_owner_is_cut_only_if_it_must),
		cmocka_unit_test(records_of_all_types_are_as_they_were),
		cmocka_unit_test(names_are_compressed_where_they_may_be),
		cmocka_unit_test(an_update_asks_for_its_lease),
		cmocka_unit_test(leases_of_4_and_8_octets_are_read),
		cmocka_unit_test(extended_errors_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
