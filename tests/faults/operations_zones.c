/*
 * Operations of the pure layers: an update from its octets to the zone and back, its
 * stored form, TSIG on both sides, keys and zones from text.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/faults/operation.h"
#include "tsig/keyfile.h"
#include "tsig/tsig.h"
#include "zones/rebase.h"
#include "zones/update_builder.h"

static const uint8_t apex[] = "\7example";

static const char zone_text[] = "$TTL 60\n"
				"@ SOA ns admin 10 2 3 4 5\n"
				"@ NS ns\n"
				"ns A 192.0.2.1\n"
				"host A 192.0.2.2\n"
				"host TXT one two\n"
				"mail MX 10 ns\n";

static const char keys_text[] =
	"key \"admin.\" {\n"
	"	algorithm hmac-sha256;\n"
	"	secret \"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\";\n"
	"};\n";

/* ---- zones ---- */

static struct zone *read_text(const char *text)
{
	struct zone *zone = zone_new(apex);
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	char error[ZONE_ERROR_MAX];

	if (!zone || !file || zone_read_file(zone, file, error)) {
		zone_free(zone);
		zone = NULL;
	}
	if (file)
		fclose(file);
	return zone;
}

static struct zone *read_zone(void)
{
	return read_text(zone_text);
}

static enum outcome zone_from_generator(void)
{
	struct zone *zone = read_text("$TTL 60\n"
				      "@ SOA ns admin (\n10 2 3 4 5 ) ; numbers\n"
				      "$GENERATE 1-3 host$ TXT \"host $\"\n");
	enum outcome outcome = OUTCOME_RIGHT;

	if (!zone)
		return OUTCOME_FAILED;
	if (zone_count_records(zone) != 4)
		outcome = operation_wrong("a zone that is generated is not whole");
	zone_free(zone);
	return outcome;
}

static enum outcome zone_from_file(void)
{
	struct zone *zone = read_zone();
	enum outcome outcome = OUTCOME_RIGHT;

	if (!zone)
		return OUTCOME_FAILED;
	if (zone_count_records(zone) != 6)
		outcome = operation_wrong("a zone that is read is not whole");
	zone_free(zone);
	return outcome;
}

/* ---- updates ---- */

static void write_record(struct wire_writer *w, const char *owner, uint16_t type,
	uint16_t class, const char *rdata, uint16_t len)
{
	wire_write_name_plain(w, (const uint8_t *)owner);
	wire_write_u16(w, type);
	wire_write_u16(w, class);
	wire_write_u32(w, class == CLASS_IN ? 60 : 0);
	wire_write_u16(w, len);
	wire_write_octets(w, rdata, len);
}

/* host exists; its TXT record is removed, an address is added, and so is a name with two
 * RRsets. */
static size_t write_update(uint8_t *msg, size_t cap)
{
	static const uint16_t counts[] = {1, 1, 4, 0};
	struct wire_writer w;

	wire_writer_init(&w, msg, cap, NULL);
	wire_write_u16(&w, 4711);
	wire_write_u16(&w, OPCODE_UPDATE << 11);
	for (int i = 0; i < 4; i++)
		wire_write_u16(&w, counts[i]);
	wire_write_name_plain(&w, apex);
	wire_write_u16(&w, TYPE_SOA);
	wire_write_u16(&w, CLASS_IN);
	write_record(&w, "\4host\7example", TYPE_ANY, CLASS_ANY, "", 0);
	write_record(&w, "\4host\7example", TYPE_TXT, CLASS_ANY, "", 0);
	write_record(&w, "\4host\7example", TYPE_A, CLASS_IN, "\300\0\2\11", 4);
	write_record(&w, "\3new\7example", TYPE_A, CLASS_IN, "\300\0\2\12", 4);
	write_record(&w, "\3new\7example", TYPE_TXT, CLASS_IN, "\1x", 2);
	return w.at;
}

static struct update *read_update(void)
{
	uint8_t msg[WIRE_UDP_PLAIN];
	const size_t len = write_update(msg, sizeof(msg));
	struct update *update = NULL;
	struct wire_message m;
	struct verdict v = wire_walk(&m, msg, len);

	if (!verdict_is_ok(&v))
		return NULL;
	v = update_read(&update, msg, &m);
	return verdict_is_ok(&v) ? update : NULL;
}

static bool is_zone_before(const struct zone *zone)
{
	const struct rrset *txt =
		zone_find(zone, (const uint8_t *)"\4host\7example", TYPE_TXT);

	return zone_count_records(zone) == 6 && zone_count_names(zone) == 4 && txt;
}

static bool is_zone_after(const struct zone *zone)
{
	return zone_count_records(zone) == 8 && zone_count_names(zone) == 5 &&
		zone_find(zone, (const uint8_t *)"\3new\7example", TYPE_TXT);
}

static bool is_same(const struct changeset *a, const struct changeset *b)
{
	bool is_same = a->count == b->count;

	for (uint32_t i = 0; is_same && i < a->count; i++)
		is_same = a->changes[i].type == b->changes[i].type &&
			name_is_equal(a->changes[i].owner, b->changes[i].owner) &&
			!a->changes[i].after == !b->changes[i].after;
	return is_same;
}

static enum outcome store_changes(const struct changeset *changes)
{
	size_t len;
	uint8_t *octets = changeset_encode(changes, &len);
	struct changeset *back = octets ? changeset_decode(octets, len) : NULL;
	enum outcome outcome = OUTCOME_FAILED;

	if (back)
		outcome = is_same(changes, back) ? OUTCOME_RIGHT
						 : operation_wrong("another change set");
	changeset_unref(back);
	free(octets);
	return outcome;
}

/* Onto a zone where it has happened already, from where it goes again. */
static enum outcome rebase_and_withdraw(
	struct zone *zone, const struct changeset *changes)
{
	struct changeset *rebased = NULL, *back = NULL;
	enum outcome outcome = OUTCOME_RIGHT;

	if (rebase_changeset(zone, changes, &rebased))
		return is_zone_after(zone) ? OUTCOME_FAILED
					   : operation_wrong("half rebased");
	changeset_unref(rebased);
	if (apply_withdrawal(zone, changes, true, &back))
		return is_zone_after(zone) ? OUTCOME_FAILED
					   : operation_wrong("half withdrawn");
	if (!is_zone_before(zone))
		outcome = operation_wrong("not withdrawn");
	changeset_undo(back, zone);
	changeset_unref(back);
	return is_zone_after(zone) ? outcome : operation_wrong("not undone");
}

static enum outcome look_at_changes(struct zone *zone, const struct changeset *changes)
{
	enum outcome stored, rebased;

	if (!is_zone_after(zone))
		return operation_wrong("an update is applied in part");
	stored = store_changes(changes);
	rebased = rebase_and_withdraw(zone, changes);
	changeset_undo(changes, zone);
	if (!is_zone_before(zone))
		return operation_wrong("an update is not undone");
	return rebased == OUTCOME_RIGHT ? stored : rebased;
}

static enum outcome apply(struct zone *zone, const struct update *update)
{
	struct changeset *changes = NULL;
	char text[UPDATE_TEXT_MAX];
	enum outcome outcome;
	struct verdict v = prereq_check(zone, update);

	update_to_text(update, text);
	if (verdict_is_ok(&v))
		v = apply_update(zone, update, true, &changes);
	if (!verdict_is_ok(&v)) {
		if (v.rcode != RCODE_SERVFAIL)
			return operation_wrong("no memory is another rcode");
		return is_zone_before(zone) ? OUTCOME_FAILED
					    : operation_wrong("refused and half done");
	}
	outcome = look_at_changes(zone, changes);
	changeset_unref(changes);
	return outcome;
}

static enum outcome update(void)
{
	struct zone *zone = read_zone();
	struct update *update = zone ? read_update() : NULL;
	enum outcome outcome = update ? apply(zone, update) : OUTCOME_FAILED;

	update_free(update);
	zone_free(zone);
	return outcome;
}

/* In a zone that has not kept what the changes removed. */
static enum outcome undo_late(const struct changeset *changes)
{
	struct zone *zone = read_text("$TTL 60\n@ SOA ns admin 10 2 3 4 5\n@ NS ns\n");
	enum outcome outcome = OUTCOME_FAILED;

	if (zone && !changeset_undo_late(changes, zone))
		outcome = OUTCOME_RIGHT;
	if (zone && changeset_undo_late(changes, zone))
		outcome = operation_wrong("what was undone in part stays so");
	if (zone && !is_zone_before(zone))
		outcome = operation_wrong("changes are undone in part");
	zone_free(zone);
	return outcome;
}

static enum outcome removal_undone_late(void)
{
	static const char *const owners[] = {
		"\2ns\7example", "\4host\7example", "\4mail\7example"};
	static const uint16_t types[] = {TYPE_A, TYPE_TXT, TYPE_MX};
	struct zone *zone = read_zone();
	struct changeset *changes = changeset_new();
	enum outcome outcome = OUTCOME_FAILED;
	int r = zone && changes ? 0 : -ENOMEM;

	for (int i = 0; i < 3 * 3 && !r; i++)
		r = changeset_put(changes, zone, (const uint8_t *)owners[i / 3],
			types[i % 3], NULL);
	if (!r) {
		changeset_normalise(changes);
		outcome = undo_late(changes);
	}
	changeset_unref(changes);
	zone_free(zone);
	return outcome;
}

/* ---- TSIG ---- */

static enum outcome exchange(
	struct hmac_pool *client, struct hmac_pool *server, const struct keyring *ring)
{
	const struct tsig_key *key = keyring_find(ring, (const uint8_t *)"\5admin");
	uint8_t msg[WIRE_UDP_PLAIN];
	size_t len = write_update(msg, sizeof(msg));
	struct tsig_context asked, seen;
	struct wire_message m;
	struct verdict v;

	if (!key)
		return operation_wrong("the key is lost");
	if (tsig_sign_request(&asked, client, key, msg, &len, sizeof(msg), 1000000))
		return OUTCOME_FAILED;
	v = wire_walk(&m, msg, len);
	if (verdict_is_ok(&v))
		v = tsig_verify_request(&seen, server, ring, msg, &m, 1000000);
	if (v.rcode == RCODE_SERVFAIL)
		return OUTCOME_FAILED;
	if (!verdict_is_ok(&v))
		return operation_wrong("the right signature is refused");
	msg[2] |= 0x80;
	len = m.tsig_at;
	msg[11] = 0;
	if (tsig_sign_answer(&seen, server, msg, &len, sizeof(msg), 1000000))
		return OUTCOME_FAILED;
	v = wire_walk(&m, msg, len);
	if (verdict_is_ok(&v))
		v = tsig_verify_answer(&asked, client, msg, &m, 1000000);
	if (v.rcode == RCODE_SERVFAIL)
		return OUTCOME_FAILED;
	return verdict_is_ok(&v) ? OUTCOME_RIGHT
				 : operation_wrong("the right answer is refused");
}

static enum outcome signatures(void)
{
	struct keyring *ring = keyring_new();
	struct hmac_pool *client = hmac_pool_new(), *server = hmac_pool_new();
	enum outcome outcome = OUTCOME_FAILED;
	char error[KEYFILE_ERROR_MAX];

	if (ring && client && server &&
		!keyfile_parse(ring, "keys", keys_text, sizeof(keys_text) - 1, NULL, NULL,
			error))
		outcome = exchange(client, server, ring);
	hmac_pool_free(client);
	hmac_pool_free(server);
	keyring_free(ring);
	return outcome;
}

static enum outcome own_update(void)
{
	struct update_builder b;
	struct update *update;
	enum outcome outcome = OUTCOME_RIGHT;

	update_builder_init(&b, apex);
	for (uint8_t i = 0; i < 100; i++) {
		const uint8_t rdata[] = {192, 0, 2, i};

		update_builder_add(&b,
			&(struct rr){.owner = apex,
				.type = TYPE_A,
				.class = CLASS_IN,
				.rdata = rdata,
				.rdata_len = sizeof(rdata)});
	}
	if (update_builder_finish(&b, &update) < 0)
		return OUTCOME_FAILED;
	if (update->change_count != 100 || update->changes[99].rdata[3] != 99)
		outcome = operation_wrong("an update that is built is not whole");
	update_free(update);
	return outcome;
}

const struct operation operations_zones[] = {
	{"a zone from its file", zone_from_file},
	{"a zone that is generated", zone_from_generator},
	{"an update and back", update},
	{"an update of one's own", own_update},
	{"a removal undone late", removal_undone_late},
	{"keys and signatures", signatures},
	{0},
};
