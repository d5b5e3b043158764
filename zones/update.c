/*
 * RFC 2136: from a walked message to a struct update (update.h).
 *
 * Judges everything that can be judged without the zone's content: the zone section
 * (3.1.1), the form of prerequisites (the stateless half of 3.2) and the prescan of the
 * update section (3.4.1), RDATA included.  The additional section is not looked at:
 * glue may be ignored (2.6), and the walk handles OPT and TSIG.
 *
 * This is the hot path: a message takes one allocation for the struct, the records, and
 * an arena for names and RDATA.  Names are stored once per run of equal owners.  Where
 * compression makes the expanded records larger than guessed, further chunks follow; a
 * message of 64 KiB expands to a few MiB at most (every record at its longest name).
 */
#include "zones/update.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "zones/arena.h"
#include "zones/rdata.h"

enum {
	SECTION_ZONE = 0,
	SECTION_PREREQ = 1,
	SECTION_UPDATE = 2,
	ARENA_SLACK = 512, /* octets estimated for the names in RDATA of small messages */
	WITHIN_MAX = 64,   /* pairs of names that update_is_within compares */
	ARENA_CHUNK = 16 * 1024,            /* minimum octets of a further chunk */
	RDATA_EXPANSION = 2 * NAME_MAX_LEN, /* usual growth by expanding names */
	RDATA_MAX = 65535,
	TTL_MAX = 0x7fffffff, /* RFC 2181 8 */
};

struct reading {
	struct wire_reader r;
	struct update *update;
	struct arena arena;
	int section;     /* SECTION_PREREQ or SECTION_UPDATE */
	unsigned number; /* of the record in its section, from 1, for error messages */
	bool is_outside; /* rr.owner is not in the zone */
	struct rr rr;    /* the record being read; rdata and class as in the message */
	size_t rdata_at;
};

static const uint8_t no_rdata[1];

static struct update *update_new(struct reading *in, const struct wire_message *m)
{
	size_t records = (size_t)m->counts[SECTION_PREREQ] + m->counts[SECTION_UPDATE];
	size_t records_len = records * sizeof(struct rr);
	size_t arena_len = 2 * m->end + ARENA_SLACK;
	struct update *update = malloc(sizeof(*update) + records_len + arena_len);

	if (!update)
		return NULL;
	update->prereq_count = 0;
	update->change_count = 0;
	update->prereqs = (struct rr *)(update + 1);
	update->changes = update->prereqs + m->counts[SECTION_PREREQ];
	update->prereq_refusal = verdict_ok();
	update->is_bounded = true;
	update->memory = NULL;
	in->update = update;
	in->arena.free_at = (uint8_t *)(update + 1) + records_len;
	in->arena.free_len = arena_len;
	return update;
}

void update_free(struct update *update)
{
	if (!update)
		return;
	arena_free(update->memory);
	free(update);
}

/* ---- the zone section ---- */

struct verdict update_read_zone(
	uint8_t ret_zone[NAME_MAX_LEN], const uint8_t *msg, const struct wire_message *m)
{
	struct wire_reader r;
	uint16_t type, class;

	/* 3.1.1: "exactly one RR therein and that the RR's ZTYPE is SOA, else signal
	 * FORMERR" */
	if (m->counts[SECTION_ZONE] != 1)
		return verdict_refuse(RCODE_FORMERR, EDE_OTHER,
			"zone section has %u records, not one", m->counts[SECTION_ZONE]);
	wire_reader_init(&r, msg, WIRE_HEADER_LEN, m->end);
	wire_read_name(&r, ret_zone);
	type = wire_read_u16(&r);
	class = wire_read_u16(&r);
	if (r.failed)
		return verdict_refuse(
			RCODE_FORMERR, EDE_OTHER, "zone section is not readable");
	if (type != TYPE_SOA)
		return verdict_refuse(RCODE_FORMERR, EDE_OTHER,
			"zone section asks for type %u, not SOA", type);
	if (class != CLASS_IN)
		return verdict_refuse(RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE,
			"no zones of class %u here", class);
	name_lower(ret_zone);
	return verdict_ok();
}

/* ---- records ---- */

static struct verdict refuse_record(
	const struct reading *in, enum rcode rcode, const char *why)
{
	char owner[NAME_TEXT_MAX];
	char type[RDATA_TYPE_NAME_MAX];

	return verdict_refuse(rcode, EDE_OTHER, "%s %u (%.*s %s): %s",
		in->section == SECTION_PREREQ ? "prerequisite" : "update record",
		in->number, VERDICT_WHY_MAX / 2, name_to_text(in->rr.owner, owner),
		rdata_type_name(in->rr.type, type), why);
}

/* Reads the owner, which shares the octets of the record before it if it is the same. */
static int read_owner(struct reading *in, const struct rr *before)
{
	uint8_t written[NAME_MAX_LEN];
	size_t len = wire_read_name(&in->r, written);
	uint8_t *copy, *spelled;

	if (!len)
		return -EBADMSG;
	if (before) {
		in->rr.owner = before->owner;
		in->rr.spelled = before->spelled;
		if (name_is_equal(
			    written, before->spelled ? before->spelled : before->owner))
			return 0;
	}
	if (arena_reserve(&in->arena, 2 * len, ARENA_CHUNK) < 0)
		return -ENOMEM;
	copy = arena_take(&in->arena, len);
	memcpy(copy, written, len);
	name_lower(copy);
	in->rr.owner = copy;
	in->rr.spelled = NULL;
	if (memcmp(copy, written, len) != 0) {
		spelled = arena_take(&in->arena, len);
		memcpy(spelled, written, len);
		in->rr.spelled = spelled;
	}
	in->is_outside = !name_is_subdomain(copy, in->update->zone);
	return 0;
}

/* Reads everything up to the RDATA; the reader skips the RDATA. */
static int read_record(struct reading *in, const struct rr *before)
{
	int r = read_owner(in, before);

	if (r < 0)
		return r;
	in->rr.type = wire_read_u16(&in->r);
	in->rr.class = wire_read_u16(&in->r);
	in->rr.ttl = wire_read_u32(&in->r);
	in->rr.rdata_len = wire_read_u16(&in->r);
	in->rr.rdata = no_rdata;
	in->rdata_at = in->r.at;
	wire_read_octets(&in->r, in->rr.rdata_len);
	return in->r.failed ? -EBADMSG : 0;
}

/* Expands RDATA, which must have the shape of its type, into the free part of the arena
 * or, if that is too small, into a new chunk. */
static bool read_rdata(struct reading *in, struct verdict *refusal)
{
	const size_t rooms[] = {
		in->rr.rdata_len, (size_t)in->rr.rdata_len + RDATA_EXPANSION, RDATA_MAX};
	const char *why = "malformed RDATA";
	int len = -ENOSPC;

	for (int i = 0; i < 3 && len == -ENOSPC; i++) {
		if (arena_reserve(&in->arena, rooms[i], ARENA_CHUNK) < 0) {
			*refusal = verdict_no_memory();
			return false;
		}
		len = rdata_read(in->rr.type, in->r.msg, in->r.end, in->rdata_at,
			in->rr.rdata_len, in->arena.free_at, in->arena.free_len, &why);
	}
	if (len < 0) {
		*refusal = refuse_record(in, RCODE_FORMERR,
			len == -ENOSPC ? "RDATA too long once its names are expanded"
				       : why);
		return false;
	}
	in->rr.rdata = arena_take(&in->arena, (size_t)len);
	in->rr.rdata_len = (uint16_t)len;
	return true;
}

/* Types without RDATA to compare with. */
static bool is_transport_type(uint16_t type)
{
	return type == 0 || type == TYPE_OPT || type == TYPE_TSIG || type == TYPE_TKEY;
}

/*
 * The form of a prerequisite, checked in the order of 3.2.5.  NULL: it is right, and
 * its RDATA is still to be read if its class is IN.  Unlike 3.4.1.2, meta types are not
 * forbidden here: the answer is that no such RRset exists.
 */
static const char *check_prereq(const struct reading *in, enum rcode *ret_rcode)
{
	const struct rr *rr = &in->rr;

	*ret_rcode = RCODE_FORMERR;
	if (rr->ttl != 0)
		return "TTL is not zero";
	if (in->is_outside) {
		*ret_rcode = RCODE_NOTZONE;
		return "not in the zone";
	}
	if (rr->class != CLASS_ANY && rr->class != CLASS_NONE && rr->class != CLASS_IN)
		return "class is neither the zone's nor ANY nor NONE";
	if (rr->class != CLASS_IN && rr->rdata_len != 0)
		return "RDATA is not empty";
	if (rr->class == CLASS_IN && is_transport_type(rr->type))
		return "type is not one of data";
	return NULL;
}

/*
 * RFC 3007 3.1.1: "NXT records MUST NOT be created, modified, or deleted by dynamic
 * update"; the same holds for the types that replaced it (RFC 3755).  Signatures are
 * not forbidden there, but they belong to the zone's signer, and name servers refuse
 * them.
 */
static bool is_of_the_signer(uint16_t type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3 ||
		type == TYPE_SIG || type == TYPE_NXT;
}

/*
 * 3.4.1, the prescan of the update section, in the order of 3.4.1.3.  "Any unrecognized
 * type" of 3.4.1.2 is not FORMERR: since RFC 3597 unknown types are data.
 */
static const char *check_change(const struct reading *in, enum rcode *ret_rcode)
{
	const struct rr *rr = &in->rr;

	*ret_rcode = RCODE_FORMERR;
	if (in->is_outside) {
		*ret_rcode = RCODE_NOTZONE;
		return "not in the zone";
	}
	if (rr->class != CLASS_ANY && rr->class != CLASS_NONE && rr->class != CLASS_IN)
		return "class is neither the zone's nor ANY nor NONE";
	if (rr->class != CLASS_IN && rr->ttl != 0)
		return "TTL of a deletion is not zero";
	if (rr->class == CLASS_ANY && rr->rdata_len != 0)
		return "RDATA of a deletion by type is not empty";
	if (rr->class == CLASS_ANY && rr->type == TYPE_ANY)
		return NULL;
	if (rr->type == 0 || rdata_type_is_meta(rr->type))
		return "type is a metatype";
	return NULL;
}

static bool has_rdata(const struct reading *in)
{
	if (in->section == SECTION_PREREQ)
		return in->rr.class == CLASS_IN;
	return in->rr.class != CLASS_ANY;
}

/* Reads and judges the next record of a section into in->rr. */
static bool read_next(
	struct reading *in, const struct rr *before, struct verdict *refusal)
{
	enum rcode rcode;
	const char *why;
	int r = read_record(in, before);

	if (r == -ENOMEM) {
		*refusal = verdict_no_memory();
		return false;
	}
	if (r < 0) {
		*refusal = verdict_refuse(RCODE_FORMERR, EDE_OTHER,
			"record %u is not readable", in->number);
		return false;
	}
	if (in->section == SECTION_PREREQ)
		why = check_prereq(in, &rcode);
	else
		why = check_change(in, &rcode);
	if (why) {
		*refusal = refuse_record(in, rcode, why);
		return false;
	}
	if (has_rdata(in) && !read_rdata(in, refusal))
		return false;
	if (in->section == SECTION_UPDATE && is_of_the_signer(in->rr.type)) {
		*refusal = refuse_record(in, RCODE_REFUSED,
			"only who signs the zone makes records of this type");
		return false;
	}
	/* RFC 2181 8: "treat TTL values received with the most significant bit set as
	 * if the entire value received was zero" */
	if (in->rr.ttl > TTL_MAX)
		in->rr.ttl = 0;
	return true;
}

/* Reads up to the first record that is wrong, or all of them. */
static bool read_section(struct reading *in, int section, const struct wire_message *m,
	struct rr *to, uint16_t *ret_count, struct verdict *refusal)
{
	const struct rr *before = NULL;

	in->section = section;
	wire_reader_init(&in->r, in->r.msg, m->section_at[section], m->end);
	for (*ret_count = 0; *ret_count < m->counts[section]; ++*ret_count) {
		in->number = *ret_count + 1u;
		if (!read_next(in, before, refusal))
			return false;
		to[*ret_count] = in->rr;
		before = &to[*ret_count];
	}
	return true;
}

/*
 * 3.2.5 takes the prerequisites one by one, so a prerequisite that fails comes before
 * the wrong form of a later one.  Those about values come after all others.
 */
static bool may_fail_before(const struct update *update)
{
	for (uint16_t i = 0; i < update->prereq_count; i++) {
		if (update->prereqs[i].class != CLASS_IN)
			return true;
	}
	return false;
}

static struct verdict read_sections(
	struct reading *in, struct update *update, const struct wire_message *m)
{
	struct verdict v = verdict_ok();

	if (!read_section(
		    in, SECTION_PREREQ, m, update->prereqs, &update->prereq_count, &v)) {
		if (v.rcode == RCODE_SERVFAIL || !may_fail_before(update))
			return v;
		update->prereq_refusal = v;
		v = verdict_ok();
	}
	read_section(in, SECTION_UPDATE, m, update->changes, &update->change_count, &v);
	return v;
}

struct verdict update_read_records(struct update **ret_update, const uint8_t *zone,
	const uint8_t *msg, const struct wire_message *m)
{
	struct reading in = {0};
	struct update *update;
	struct verdict v;

	update = update_new(&in, m);
	if (!update)
		return verdict_no_memory();
	memcpy(update->zone, zone, name_len(zone));
	in.r.msg = msg;
	v = read_sections(&in, update, m);
	update->memory = in.arena.chunks;
	if (verdict_is_ok(&v))
		*ret_update = update;
	else
		update_free(update);
	return v;
}

struct verdict update_read(
	struct update **ret_update, const uint8_t *msg, const struct wire_message *m)
{
	uint8_t zone[NAME_MAX_LEN];
	const struct verdict v = update_read_zone(zone, msg, m);

	return verdict_is_ok(&v) ? update_read_records(ret_update, zone, msg, m) : v;
}

/* ---- forms ---- */

bool update_is_add(const struct rr *rr)
{
	return rr->class == CLASS_IN;
}

bool update_is_delete_rrset(const struct rr *rr)
{
	return rr->class == CLASS_ANY && rr->type != TYPE_ANY;
}

bool update_is_delete_name(const struct rr *rr)
{
	return rr->class == CLASS_ANY && rr->type == TYPE_ANY;
}

static bool has_name_of(const struct rr *rrs, uint16_t count, const struct changeset *cs)
{
	for (uint16_t i = 0; i < count; i++)
		if (changeset_has_name(cs, rrs[i].owner))
			return true;
	return false;
}

static bool has_only_names_of(
	const struct rr *rrs, uint16_t count, const struct changeset *cs)
{
	for (uint16_t i = 0; i < count; i++)
		if (!changeset_has_name(cs, rrs[i].owner))
			return false;
	return true;
}

bool update_is_within(const struct update *update, const struct changeset *cs)
{
	const size_t records = (size_t)update->prereq_count + update->change_count;

	return records * cs->count <= WITHIN_MAX &&
		has_only_names_of(update->prereqs, update->prereq_count, cs) &&
		has_only_names_of(update->changes, update->change_count, cs);
}

bool update_shares_name(const struct update *update, const struct changeset *cs)
{
	return has_name_of(update->prereqs, update->prereq_count, cs) ||
		has_name_of(update->changes, update->change_count, cs);
}

bool update_is_delete_record(const struct rr *rr)
{
	return rr->class == CLASS_NONE;
}

/* ---- text ---- */

struct line {
	char *buf;
	size_t len;
	bool is_full;
};

static void line_add(struct line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void line_add(struct line *line, const char *format, ...)
{
	size_t room = UPDATE_TEXT_MAX - line->len;
	va_list args;
	int n;

	if (line->is_full)
		return;
	va_start(args, format);
	n = vsnprintf(line->buf + line->len, room, format, args);
	va_end(args);
	line->is_full = n < 0 || (size_t)n >= room;
	line->len += line->is_full ? 0 : (size_t)n;
}

static void line_add_change(struct line *line, const struct rr *rr)
{
	char owner[NAME_TEXT_MAX];
	char type[RDATA_TYPE_NAME_MAX];
	char *rdata;

	if (update_is_add(rr))
		line_add(line, "+%u", rr->ttl);
	else
		line_add(line, update_is_delete_record(rr) ? "-NONE" : "-ANY");
	line_add(line, " %s %s", name_to_text(rr->owner, owner),
		rdata_type_name(rr->type, type));
	if (rr->class == CLASS_ANY)
		return;
	rdata = rdata_to_text(rr->type, rr->rdata, rr->rdata_len);
	line_add(line, " %s", rdata ? rdata : "?");
	free(rdata);
}

void update_to_text(const struct update *update, char buf[UPDATE_TEXT_MAX])
{
	struct line line = {.buf = buf};

	buf[0] = '\0';
	for (uint16_t i = 0; i < update->change_count && !line.is_full; i++) {
		if (i > 0)
			line_add(&line, "; ");
		line_add_change(&line, &update->changes[i]);
	}
	if (line.is_full)
		memcpy(buf + UPDATE_TEXT_MAX - 4, "...", 4);
	/* Peers must not write control characters into a log. */
	for (char *c = buf; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}
