/*
 * Messages to gateways and what their answers hold.
 */
#include "agent/publish/message.h"

#include <stdio.h>
#include <string.h>

#include "zones/rdata.h"

enum { OPT_LEN = 11 + 4 + 4 }; /* octets of OPT with a lease of the 4-octet form */

/* ---- writing ---- */

static void write_header(struct wire_writer *w, uint16_t flags, uint16_t additional)
{
	wire_write_u16(w, 0); /* the id: given when it is sent */
	wire_write_u16(w, flags);
	wire_write_u16(w, 1); /* question, or zone */
	wire_write_u16(w, 0);
	wire_write_u16(w, 0); /* updates: put in at the end */
	wire_write_u16(w, additional);
}

static void write_opt(struct wire_writer *w, const uint32_t *lease_s)
{
	wire_write_u8(w, 0);
	wire_write_u16(w, TYPE_OPT);
	wire_write_u16(w, MESSAGE_UDP_PAYLOAD);
	wire_write_u32(w, 0);
	wire_write_u16(w, lease_s ? 8 : 0);
	if (!lease_s)
		return;
	/* The 4-octet form: there are no KEY records here, and old servers know no other
	 * (RFC 9664 4.3). */
	wire_write_u16(w, OPTION_LEASE);
	wire_write_u16(w, 4);
	wire_write_u32(w, *lease_s);
}

static void write_record(struct wire_writer *w, const struct record *record,
	uint16_t class, uint32_t ttl, bool has_rdata)
{
	wire_write_name(w, record->owner);
	wire_write_u16(w, record->type);
	wire_write_u16(w, class);
	wire_write_u32(w, ttl);
	if (has_rdata)
		rdata_write(w, record->type, record->rdata, record->len);
	else
		wire_write_u16(w, 0);
}

/* What takes something away stands first (an address has to go before a CNAME comes). */
static bool is_removal(const struct ledger_entry *entry)
{
	return entry->record.len == 0 || !entry->is_wanted;
}

static void write_entry(struct wire_writer *w, const struct ledger_entry *entry)
{
	if (entry->record.len == 0) /* 2.5.2: delete an RRset */
		write_record(w, &entry->record, CLASS_ANY, 0, false);
	else if (!entry->is_wanted) /* 2.5.4: delete an RR from an RRset */
		write_record(w, &entry->record, CLASS_NONE, 0, true);
	else /* 2.5.1: add to an RRset */
		write_record(w, &entry->record, CLASS_IN, entry->record.ttl, true);
}

/* The picked entries of one owner, or of as much of it as stands in [first, end). */
static unsigned write_owner(
	struct wire_writer *w, const struct ledger *ledger, size_t first, size_t end)
{
	unsigned count = 0;

	for (int removals = 1; removals >= 0; removals--)
		for (size_t i = first; i < end; i++) {
			const struct ledger_entry *entry = &ledger->entries[i];

			if (!entry->is_picked || is_removal(entry) != removals)
				continue;
			write_entry(w, entry);
			count++;
		}
	return count;
}

static size_t find_owner_end(const struct ledger *ledger, size_t first, size_t end)
{
	const uint8_t *owner = ledger->entries[first].record.owner;

	while (first < end && name_is_equal(ledger->entries[first].record.owner, owner))
		first++;
	return first;
}

/* An owner that is too large for a whole message goes entry by entry, sorted as it is:
 * claims before their records.  Where it stopped. */
static size_t write_part(struct wire_writer *w, const struct ledger *ledger, size_t first,
	size_t end, unsigned *count)
{
	size_t i = first;

	for (; i < end; i++) {
		const size_t start = w->at;
		const unsigned written = write_owner(w, ledger, i, i + 1);

		if (w->failed) {
			wire_writer_rewind(w, start);
			break;
		}
		*count += written;
	}
	return i;
}

size_t message_write_update(uint8_t *buf, size_t cap, const uint8_t *zone,
	const struct ledger *ledger, size_t first, size_t end, uint32_t lease_s,
	size_t *ret_end)
{
	struct wire_names names;
	struct wire_writer w;
	unsigned count = 0;
	size_t i = first;

	wire_writer_init(&w, buf, cap - OPT_LEN, &names);
	write_header(&w, OPCODE_UPDATE << 11, 1);
	wire_write_name(&w, zone);
	wire_write_u16(&w, TYPE_SOA);
	wire_write_u16(&w, CLASS_IN);
	while (i < end) {
		const size_t owner_end = find_owner_end(ledger, i, end), start = w.at;
		const unsigned written = write_owner(&w, ledger, i, owner_end);

		if (w.failed) {
			wire_writer_rewind(&w, start);
			if (!count)
				i = write_part(&w, ledger, i, owner_end, &count);
			break;
		}
		count += written;
		i = owner_end;
	}
	*ret_end = i;
	if (!count)
		return 0;
	wire_put_u16(&w, 8, (uint16_t)count);
	w.cap = cap;
	write_opt(&w, &lease_s);
	return w.at;
}

size_t message_write_query(uint8_t *buf, size_t cap, const uint8_t *name, uint16_t type)
{
	struct wire_writer w;

	wire_writer_init(&w, buf, cap, NULL);
	write_header(&w, OPCODE_QUERY << 11, 1);
	wire_write_name(&w, name);
	wire_write_u16(&w, type);
	wire_write_u16(&w, CLASS_IN);
	write_opt(&w, NULL);
	return w.at;
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
