/*
 * Messages to gateways, built with ldns; and what their answers hold, read from the
 * octets.
 *
 * How many records fit into a message is counted without compression: it may hold fewer
 * records than it could, but is never too large.
 */
#include "agent/publish/message.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/rdata.h"

enum {
	HEADER_LEN = 12,
	ZONE_LEN = 4,         /* octets of the zone section behind the name */
	RECORD_LEN = 10,      /* octets of a record but for owner and RDATA */
	OPT_LEN = 11 + 4 + 4, /* octets of OPT with a lease of the 4-octet form */
	LEASE_LEN = 4,
};

/* RFC 2136 2: where a query has its authority section. */
#define UPDATE_SECTION LDNS_SECTION_AUTHORITY

/* ---- records ---- */

static ldns_rdf *make_name(const uint8_t *name)
{
	return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name_len(name), name);
}

static size_t count_octets(const ldns_rr *rr)
{
	size_t len = 0;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
		len += ldns_rdf_size(ldns_rr_rdf(rr, i));
	return len;
}

static void drop_rdata(ldns_rr *rr)
{
	ldns_rdf *rdf;

	while ((rdf = ldns_rr_pop_rdf(rr)))
		ldns_rdf_deep_free(rdf);
}

/* Field by field, so that ldns compresses the names that may be; what ldns does not read
 * as it is (types that it does not know, or that it takes for something else) as one. */
static bool set_rdata(ldns_rr *rr, const struct record *record)
{
	uint8_t *wire = malloc(2 + (size_t)record->len);
	ldns_rdf *rdf = NULL;
	size_t at = 0;
	bool is_whole;

	if (!wire)
		return false;
	wire[0] = (uint8_t)(record->len >> 8);
	wire[1] = (uint8_t)record->len;
	memcpy(wire + 2, record->rdata, record->len);
	is_whole =
		ldns_wire2rdf(rr, wire, 2 + (size_t)record->len, &at) == LDNS_STATUS_OK &&
		count_octets(rr) == record->len;
	if (!is_whole) {
		drop_rdata(rr);
		rdf = ldns_rdf_new_frm_data(
			LDNS_RDF_TYPE_UNKNOWN, record->len, record->rdata);
		is_whole = rdf && ldns_rr_push_rdf(rr, rdf);
		if (!is_whole)
			ldns_rdf_deep_free(rdf);
	}
	free(wire);
	return is_whole;
}

/* Removals come first (an address has to go before a CNAME can come). */
static bool is_removal(const struct ledger_entry *entry)
{
	return entry->record.len == 0 || !entry->is_wanted;
}

/* 2.5.2: delete an RRset; 2.5.4: delete an RR from an RRset; 2.5.1: add to an RRset. */
static ldns_rr *make_rr(const struct ledger_entry *entry)
{
	const struct record *record = &entry->record;
	ldns_rr *rr = ldns_rr_new();
	ldns_rdf *owner = make_name(record->owner);

	if (!rr || !owner) {
		ldns_rr_free(rr);
		ldns_rdf_deep_free(owner);
		return NULL;
	}
	ldns_rr_set_owner(rr, owner);
	ldns_rr_set_type(rr, (ldns_rr_type)record->type);
	ldns_rr_set_class(rr,
		record->len == 0           ? LDNS_RR_CLASS_ANY
			: entry->is_wanted ? LDNS_RR_CLASS_IN
					   : LDNS_RR_CLASS_NONE);
	ldns_rr_set_ttl(rr, is_removal(entry) ? 0 : record->ttl);
	if (!record->len || set_rdata(rr, record))
		return rr;
	ldns_rr_free(rr);
	return NULL;
}

/* ---- packets ---- */

/* The 4-octet form: there are no KEY records here, and old servers know no other (RFC
 * 9664 4.3). */
static bool add_lease(ldns_pkt *packet, uint32_t lease_s)
{
	uint8_t octets[LEASE_LEN];
	ldns_edns_option_list *list = ldns_edns_option_list_new();
	ldns_edns_option *option;

	ldns_write_uint32(octets, lease_s);
	option = ldns_edns_new_from_data(
		(ldns_edns_option_code)OPTION_LEASE, sizeof(octets), octets);
	if (list && option && ldns_edns_option_list_push(list, option)) {
		ldns_pkt_set_edns_option_list(packet, list);
		return true;
	}
	ldns_edns_deep_free(option);
	ldns_edns_option_list_deep_free(list);
	return false;
}

/* Frees the packet. */
static ssize_t write_packet(ldns_pkt *packet, uint8_t *buf, size_t cap)
{
	uint8_t *wire = NULL;
	size_t len = 0;
	ssize_t r = -ENOMEM;

	ldns_pkt_set_id(packet, 0); /* given when it is sent */
	ldns_pkt_set_edns_udp_size(packet, MESSAGE_UDP_PAYLOAD);
	if (ldns_pkt2wire(&wire, packet, &len) == LDNS_STATUS_OK && len <= cap) {
		memcpy(buf, wire, len);
		r = (ssize_t)len;
	}
	free(wire);
	ldns_pkt_free(packet);
	return r;
}

static ldns_pkt *make_update(const uint8_t *zone)
{
	ldns_rdf *name = make_name(zone);
	ldns_rr_list *none = ldns_rr_list_new();
	ldns_pkt *packet = NULL;

	if (name && none)
		packet = ldns_update_pkt_new(name, LDNS_RR_CLASS_IN, NULL, none, NULL);
	if (!packet)
		ldns_rdf_deep_free(name);
	ldns_rr_list_free(none);
	return packet;
}

/* ---- updates ---- */

/* What is being put together. */
struct draft {
	ldns_pkt *packet;
	size_t len; /* octets at most */
	size_t cap;
	unsigned count; /* records */
};

static size_t measure(const struct ledger *ledger, size_t first, size_t end)
{
	size_t len = 0;

	for (size_t i = first; i < end; i++) {
		const struct record *record = &ledger->entries[i].record;

		if (ledger->entries[i].is_picked)
			len += name_len(record->owner) + RECORD_LEN + record->len;
	}
	return len;
}

/* The picked entries of one owner, or of as much of it as stands in [first, end). */
static bool add_owner(
	struct draft *draft, const struct ledger *ledger, size_t first, size_t end)
{
	for (int removals = 1; removals >= 0; removals--)
		for (size_t i = first; i < end; i++) {
			const struct ledger_entry *entry = &ledger->entries[i];
			ldns_rr *rr;

			if (!entry->is_picked || is_removal(entry) != removals)
				continue;
			rr = make_rr(entry);
			if (!rr || !ldns_pkt_push_rr(draft->packet, UPDATE_SECTION, rr)) {
				ldns_rr_free(rr);
				return false;
			}
			draft->count++;
		}
	draft->len += measure(ledger, first, end);
	return true;
}

static size_t find_owner_end(const struct ledger *ledger, size_t first, size_t end)
{
	const uint8_t *owner = ledger->entries[first].record.owner;

	while (first < end && name_is_equal(ledger->entries[first].record.owner, owner))
		first++;
	return first;
}

static bool has_room(
	const struct draft *draft, const struct ledger *ledger, size_t first, size_t end)
{
	return draft->len + measure(ledger, first, end) <= draft->cap;
}

/* An owner that is too large for a whole message goes entry by entry, sorted as it is:
 * claims before their records. */
static bool add_part(
	struct draft *draft, const struct ledger *ledger, size_t *at, size_t end)
{
	for (; *at < end && has_room(draft, ledger, *at, *at + 1); (*at)++)
		if (!add_owner(draft, ledger, *at, *at + 1))
			return false;
	return true;
}

static bool add_entries(
	struct draft *draft, const struct ledger *ledger, size_t *at, size_t end)
{
	while (*at < end) {
		const size_t owner_end = find_owner_end(ledger, *at, end);

		if (!has_room(draft, ledger, *at, owner_end))
			return draft->count || add_part(draft, ledger, at, owner_end);
		if (!add_owner(draft, ledger, *at, owner_end))
			return false;
		*at = owner_end;
	}
	return true;
}

ssize_t message_write_update(uint8_t *buf, size_t cap, const uint8_t *zone,
	const struct ledger *ledger, size_t first, size_t end, uint32_t lease_s,
	size_t *ret_end)
{
	struct draft draft = {
		.len = HEADER_LEN + name_len(zone) + ZONE_LEN + OPT_LEN,
		.cap = cap,
		.packet = make_update(zone),
	};

	*ret_end = first;
	if (draft.packet && add_lease(draft.packet, lease_s) &&
		add_entries(&draft, ledger, ret_end, end)) {
		if (draft.count)
			return write_packet(draft.packet, buf, cap);
		ldns_pkt_free(draft.packet);
		return 0;
	}
	ldns_pkt_free(draft.packet);
	return -ENOMEM;
}

ssize_t message_write_query(uint8_t *buf, size_t cap, const uint8_t *name, uint16_t type)
{
	ldns_rdf *rdf = make_name(name);
	ldns_pkt *packet = rdf
		? ldns_pkt_query_new(rdf, (ldns_rr_type)type, LDNS_RR_CLASS_IN, 0)
		: NULL;

	if (packet)
		return write_packet(packet, buf, cap);
	ldns_rdf_deep_free(rdf);
	return -ENOMEM;
}

/* ---- reading ---- */

bool message_read_lease(
	const uint8_t *msg, const struct wire_message *m, uint32_t *ret_lease_s)
{
	uint16_t len = 0;
	const uint8_t *option = wire_find_option(m, msg, OPTION_LEASE, &len);
	struct wire_reader r;

	/* RFC 9664 4: 4 octets, or 8 with a lease of KEY records behind. */
	if (!option || (len != 4 && len != 8))
		return false;
	wire_reader_init(&r, option, 0, len);
	*ret_lease_s = wire_read_u32(&r);
	return true;
}

/* RFC 8914 4, those that servers give to updates. */
static const char *ede_name(uint16_t code)
{
	static const char *const names[] = {
		[0] = "Other",
		[14] = "Not Ready",
		[15] = "Blocked",
		[17] = "Filtered",
		[18] = "Prohibited",
		[20] = "Not Authoritative",
		[21] = "Not Supported",
		[22] = "No Reachable Authority",
		[23] = "Network Error",
		[24] = "Invalid Data",
	};

	if (code < sizeof(names) / sizeof(names[0]) && names[code])
		return names[code];
	return "extended error";
}

char *message_read_ede(
	const uint8_t *msg, const struct wire_message *m, char buf[MESSAGE_EDE_MAX])
{
	uint16_t len = 0;
	const uint8_t *option = wire_find_option(m, msg, OPTION_EDE, &len);
	int text_len;

	buf[0] = '\0';
	if (!option || len < 2)
		return buf;
	text_len = len - 2 < MESSAGE_EDE_MAX ? len - 2 : MESSAGE_EDE_MAX;
	snprintf(buf, MESSAGE_EDE_MAX, "%s%s%.*s",
		ede_name((uint16_t)(option[0] << 8 | option[1])), text_len ? ": " : "",
		text_len, (const char *)option + 2);
	return buf;
}

int message_read_addresses(struct records *set, const uint8_t *owner, uint32_t ttl,
	const uint8_t *msg, const struct wire_message *m, const uint8_t *name,
	uint16_t type)
{
	const uint16_t wanted_len = type == TYPE_A ? 4 : 16;
	uint8_t found[NAME_MAX_LEN];
	struct wire_reader r;
	int error = 0;

	wire_reader_init(&r, msg, m->section_at[1], m->end);
	for (unsigned i = 0; i < m->counts[1] && !error; i++) {
		const size_t found_len = wire_read_name(&r, found);
		const uint16_t found_type = wire_read_u16(&r);
		const uint16_t class = wire_read_u16(&r);
		uint16_t len;
		const uint8_t *rdata;

		wire_read_u32(&r);
		len = wire_read_u16(&r);
		rdata = wire_read_octets(&r, len);
		if (!found_len || !rdata)
			break;
		if (found_type != type || class != CLASS_IN || len != wanted_len ||
			!name_is_equal_nocase(found, name))
			continue;
		error = records_add(set,
			&(struct record){.owner = (uint8_t *)owner,
				.type = type,
				.ttl = ttl,
				.rdata = rdata,
				.len = len});
	}
	return error;
}
