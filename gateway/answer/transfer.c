/*
 * The messages of AXFR (RFC 5936) and IXFR (RFC 1995), built from the zone as it is.
 *
 * Or from records that another server has given for this very purpose.
 *
 * Does not send, sign, or check who may transfer a zone.  A record may fill a message
 * of its own; if it is too large even for that (beyond 64 KiB with its TSIG), the
 * transfer is impossible.  Ids are 0.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/answer/transfer_private.h"
#include "tsig/tsig.h"
#include "zones/rdata.h"
#include "zones/verbatim.h"

enum {
	TCP_MESSAGE_MAX = WIRE_MESSAGE_MAX - TSIG_RESERVE_MAX,
	POINTER = 0xc000,       /* RFC 1035 4.1.4 */
	POINTER_REACH = 0x4000, /* offsets from here on do not fit 14 bits */
	QUESTION_FIXED_LEN = 4, /* type, class */
};

/* A transfer while it is built. */
struct stream {
	struct transfer *transfer;
	size_t room;          /* in transfer->messages */
	struct wire_writer w; /* the message being written */
	struct wire_names names;
	uint16_t count;       /* its records */
	const uint8_t *apex;  /* by identity */
	const uint8_t *owner; /* of the last record, by identity; NULL: none */
	size_t owner_at;      /* its offset */
	/* octets: a message with records does not grow beyond this */
	size_t close_at;
	size_t len_max;      /* octets: no message is longer than this */
	bool is_single;      /* UDP: there is only one message */
	size_t records_left; /* when it is used up, the transfer is too large */
	int error;           /* sticky: -ENOMEM; -E2BIG: does not fit; -ENOTSUP */
	uint8_t buf[WIRE_MESSAGE_MAX];
};

/* The zone and question that a transfer is for. */
struct subject {
	const struct zone *zone; /* NULL: whoever builds it supplies the records */
	const uint8_t *apex;
	const struct rrset *soa;
	const uint8_t *question;
	size_t question_len;
	size_t udp_limit;                     /* octets; 0: TCP */
	const struct transfer_version *first; /* where differences begin */
};

/* ---- the transfer ---- */

struct transfer *transfer_ref(struct transfer *transfer)
{
	atomic_fetch_add(&transfer->refs, 1);
	return transfer;
}

void transfer_unref(struct transfer *transfer)
{
	if (!transfer || atomic_fetch_sub(&transfer->refs, 1) > 1)
		return;
	for (size_t i = 0; i < transfer->count; i++)
		free(transfer->messages[i].octets);
	free(transfer->messages);
	free(transfer);
}

/* ---- messages ---- */

/*
 * RFC 5936 3.4: the names of the zone keep their case, so a name must not be compressed
 * against one that differs in case.  Owners are in lower case; other names that are not
 * are written in full and never pointed to.
 */
static bool has_upper_case(const uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (octets[i] >= 'A' && octets[i] <= 'Z')
			return true;
	}
	return false;
}

static void open_message(struct stream *s)
{
	wire_writer_init(&s->w, s->buf, s->len_max, &s->names);
	wire_write_u16(&s->w, 0);
	wire_write_u16(&s->w, WIRE_QR | WIRE_AA);
	for (int i = 0; i < 4; i++)
		wire_write_u16(&s->w, 0);
	s->count = 0;
	s->owner = NULL;
}

/* RFC 5936 2.2.1: as it came, if it does not depend on the message it came in; its name
 * is always the apex. */
static void write_question(struct stream *s, const struct subject *of)
{
	const uint8_t *name = of->apex;
	const size_t start = s->w.at;
	uint8_t read[NAME_MAX_LEN];
	size_t at = 0;

	if (of->question_len < QUESTION_FIXED_LEN)
		return;
	if (name_read_uncompressed(read, of->question, of->question_len, &at) >= 0 &&
		at + QUESTION_FIXED_LEN == of->question_len)
		name = read;
	if (has_upper_case(name, name_len(name)))
		wire_write_name_plain(&s->w, name);
	else
		wire_write_name(&s->w, name);
	wire_write_octets(&s->w, of->question + of->question_len - QUESTION_FIXED_LEN,
		QUESTION_FIXED_LEN);
	if (s->w.failed)
		wire_writer_rewind(&s->w, start);
	else
		wire_put_u16(&s->w, 4, 1);
}

static int make_room(struct stream *s)
{
	struct transfer *t = s->transfer;
	const size_t room = s->room ? 2 * s->room : 1;
	struct transfer_message *messages;

	if (t->count < s->room)
		return 0;
	messages = realloc(t->messages, room * sizeof(*messages));
	if (!messages)
		return -ENOMEM;
	t->messages = messages;
	s->room = room;
	return 0;
}

static void close_message(struct stream *s)
{
	struct transfer *t = s->transfer;
	uint8_t *octets;

	wire_put_u16(&s->w, 6, s->count);
	octets = malloc(s->w.at);
	if (!octets || make_room(s) < 0) {
		free(octets);
		s->error = -ENOMEM;
		return;
	}
	memcpy(octets, s->buf, s->w.at);
	t->messages[t->count++] =
		(struct transfer_message){.octets = octets, .len = s->w.at};
}

/* ---- records ---- */

/*
 * The records of a node follow one another, so its name need not be searched for.  Of
 * other names only the part after the first label is likely to occur again; remembering
 * every host would fill the table of names and make each search long.
 */
static void write_owner(struct stream *s, const uint8_t *owner)
{
	if (owner == s->owner) {
		wire_write_u16(&s->w, (uint16_t)(POINTER | s->owner_at));
		return;
	}
	s->owner_at = s->w.at;
	s->owner = s->owner_at < POINTER_REACH ? owner : NULL;
	if (owner != s->apex && owner[0]) {
		wire_write_octets(&s->w, owner, 1 + (size_t)owner[0]);
		owner = name_parent(owner);
	}
	if (has_upper_case(owner, name_len(owner)))
		wire_write_name_plain(&s->w, owner);
	else
		wire_write_name(&s->w, owner);
}

/* False: it does not fit, and nothing has been written. */
static bool write_record(struct stream *s, const struct rr *rr, size_t cap)
{
	const size_t start = s->w.at;

	if (start >= cap)
		return false;
	s->w.cap = cap;
	write_owner(s, rr->spelled ? rr->spelled : rr->owner);
	wire_write_u16(&s->w, rr->type);
	wire_write_u16(&s->w, CLASS_IN);
	wire_write_u32(&s->w, rr->ttl);
	if (has_upper_case(rr->rdata, rr->rdata_len))
		s->w.names = NULL;
	rdata_write(&s->w, rr->type, rr->rdata, rr->rdata_len);
	s->w.names = &s->names;
	if (s->w.failed) {
		wire_writer_rewind(&s->w, start);
		s->owner = NULL;
		return false;
	}
	s->count++;
	return true;
}

static void add_record(struct stream *s, const struct rr *rr)
{
	if (s->error)
		return;
	if (verbatim_is(rr->rdata, rr->rdata_len)) {
		s->error = -ENOTSUP;
		return;
	}
	if (s->records_left-- == 0) {
		s->error = -E2BIG;
		return;
	}
	if (s->count > 0) {
		if (write_record(s, rr, s->close_at))
			return;
		if (s->is_single) {
			s->error = -E2BIG;
			return;
		}
		close_message(s);
		open_message(s);
	}
	if (!s->error && !write_record(s, rr, s->len_max))
		s->error = -E2BIG;
}

static void add_set(struct stream *s, const uint8_t *owner, const struct rrset *set)
{
	struct rr rr = {.owner = owner,
		.spelled = rrset_spelled(set),
		.type = set->type,
		.ttl = set->ttl};
	size_t at = 0;

	while (!s->error && (rr.rdata = rrset_next(set, &at, &rr.rdata_len)))
		add_record(s, &rr);
}

/* ---- what they say ---- */

/* Adds everything at a node except one type. */
static void add_node(struct stream *s, const struct zone_node *node, uint16_t but)
{
	const struct rrset *set;

	for (unsigned i = 0; !s->error && (set = zone_node_rrset(node, i)); i++) {
		if (set->type != but)
			add_set(s, zone_node_owner(node), set);
	}
}

/* RFC 5936 2.2: SOA, everything else in any order, SOA. */
static void add_zone(struct stream *s, const struct subject *of)
{
	const struct zone_node *apex_node = zone_find_node(of->zone, of->apex), *node;
	size_t cursor = 0;

	add_set(s, of->apex, of->soa);
	add_node(s, apex_node, TYPE_SOA);
	while (!s->error && (node = zone_next_node(of->zone, &cursor))) {
		if (node != apex_node)
			add_node(s, node, TYPE_SOA);
	}
	add_set(s, of->apex, of->soa);
}

struct visit {
	struct stream *stream;
	bool wants_removed;
};

static bool visit_record(bool removed, const struct rr *rr, void *arg)
{
	const struct visit *visit = arg;

	/* The SOA is at the beginning of each half instead. */
	if (removed == visit->wants_removed && rr->type != TYPE_SOA)
		add_record(visit->stream, rr);
	return !visit->stream->error;
}

static void add_half(struct stream *s, const struct transfer_version *version,
	const struct rrset *soa, bool removed)
{
	struct visit visit = {.stream = s, .wants_removed = removed};

	add_set(s, s->apex, soa);
	if (!s->error)
		changeset_each_record(version->changes, visit_record, &visit);
}

/* RFC 1995 4: the current SOA; for each version the old SOA with what was removed and
 * the new one with what was added; the current SOA. */
static void add_versions(struct stream *s, const struct subject *of)
{
	const struct transfer_version *v;

	/* RFC 1995 5: not longer than the whole zone. */
	s->records_left = zone_count_records(of->zone) + 1;
	add_set(s, of->apex, of->soa);
	for (v = of->first; v && !s->error; v = TAILQ_NEXT(v, entry)) {
		add_half(s, v, v->soa->before, true);
		add_half(s, v, v->soa->after, false);
	}
	add_set(s, of->apex, of->soa);
}

static void add_soa(struct stream *s, const struct subject *of)
{
	add_set(s, of->apex, of->soa);
}

/* Not even one record fits: TC makes the client use TCP. */
static void add_nothing(struct stream *s, const struct subject *of)
{
	(void)of;
	wire_put_u16(&s->w, 2, WIRE_QR | WIRE_AA | WIRE_TC);
}

/* ---- building ---- */

typedef void add_function(struct stream *s, const struct subject *of);

/* Begins the first message.  NULL: no memory. */
static struct stream *stream_new(const struct subject *of)
{
	struct stream *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	memset(s, 0, offsetof(struct stream, buf));
	s->is_single = of->udp_limit > 0;
	s->len_max = s->is_single && of->udp_limit < TCP_MESSAGE_MAX ? of->udp_limit
								     : TCP_MESSAGE_MAX;
	s->close_at = s->is_single ? s->len_max : TRANSFER_MESSAGE_LEN;
	s->apex = of->apex;
	s->records_left = SIZE_MAX;
	s->transfer = calloc(1, sizeof(*s->transfer));
	if (!s->transfer) {
		free(s);
		return NULL;
	}
	atomic_init(&s->transfer->refs, 1);
	open_message(s);
	if (s->w.failed)
		s->error = -E2BIG;
	else
		write_question(s, of);
	return s;
}

/* 0 with *ret_transfer; -ENOMEM; -E2BIG: too large for its limits; -ENOTSUP: a record
 * has no octets. */
static int build(
	struct transfer **ret_transfer, const struct subject *of, add_function *add)
{
	struct stream *s = stream_new(of);
	int error;

	if (!s)
		return -ENOMEM;
	if (!s->error)
		add(s, of);
	if (!s->error)
		close_message(s);
	error = s->error;
	if (error)
		transfer_unref(s->transfer);
	else
		*ret_transfer = s->transfer;
	free(s);
	return error;
}

struct transfer *transfer_new_axfr(
	const struct zone *zone, const uint8_t *question, size_t question_len)
{
	const struct subject of = {.zone = zone,
		.apex = zone_apex(zone),
		.soa = zone_soa(zone),
		.question = question,
		.question_len = question_len};
	struct transfer *transfer = NULL;
	int r = -ENOMEM;

	if (of.soa)
		r = build(&transfer, &of, add_zone);
	errno = -r;
	return transfer;
}

/* RFC 1995 2, 4: over UDP it also means that the rest is available over TCP. */
static struct transfer *build_soa(const struct subject *of)
{
	struct transfer *transfer = NULL;
	int r = build(&transfer, of, add_soa);

	if (r == -E2BIG)
		r = build(&transfer, of, add_nothing);
	errno = -r;
	return transfer;
}

struct transfer *transfer_new_ixfr(const struct zone *zone,
	const struct transfer_history *history, uint32_t serial, const uint8_t *question,
	size_t question_len, size_t udp_limit)
{
	struct subject of = {.zone = zone,
		.apex = zone_apex(zone),
		.soa = zone_soa(zone),
		.question = question,
		.question_len = question_len,
		.udp_limit = udp_limit};
	struct transfer *transfer = NULL;
	uint32_t current;
	int r = -E2BIG;

	errno = ENOMEM;
	if (!of.soa)
		return NULL;
	current = rrset_serial(of.soa);
	if (serial == current || serial_is_newer(serial, current))
		return build_soa(&of);
	of.first = transfer_history_find(history, serial, current);
	if (of.first)
		r = build(&transfer, &of, add_versions);
	if (r == -E2BIG)
		r = build(&transfer, &of, add_zone);
	if (r == -E2BIG && udp_limit)
		return build_soa(&of);
	errno = -r;
	return transfer;
}

/* ---- passed on ---- */

/*
 * The stream identifies owners by their address: all records have their owner in one
 * place, whose content changes.
 */
struct transfer_builder {
	struct subject of; /* soa is counted; NULL: no record yet */
	struct rrset *soa;
	struct stream *stream;
	uint8_t apex[NAME_MAX_LEN];
	uint8_t owner[NAME_MAX_LEN];
	uint8_t question[]; /* of's */
};

void transfer_builder_free(struct transfer_builder *b)
{
	if (!b)
		return;
	if (b->stream)
		transfer_unref(b->stream->transfer);
	free(b->stream);
	rrset_unref(b->soa);
	free(b);
}

struct transfer_builder *transfer_builder_new(const uint8_t *apex,
	const uint8_t *question, size_t question_len, size_t udp_limit)
{
	struct transfer_builder *b = calloc(1, sizeof(*b) + question_len);

	if (!b)
		return NULL;
	memcpy(b->apex, apex, name_len(apex));
	memcpy(b->question, question, question_len);
	b->of = (struct subject){.apex = b->apex,
		.question = b->question,
		.question_len = question_len,
		.udp_limit = udp_limit};
	b->stream = stream_new(&b->of);
	if (!b->stream) {
		transfer_builder_free(b);
		return NULL;
	}
	return b;
}

int transfer_builder_add(struct transfer_builder *b, const struct rr *rr)
{
	const uint8_t *owner = rr->spelled ? rr->spelled : rr->owner;
	struct stream *s = b->stream;
	struct rr copy = *rr;

	if (!b->soa) {
		b->soa = rrset_new(rr->type, rr->ttl, rr->rdata, rr->rdata_len);
		if (!b->soa)
			s->error = -ENOMEM;
	}
	if (!name_is_equal(b->owner, owner)) {
		s->owner = NULL;
		memcpy(b->owner, owner, name_len(owner));
	}
	copy.owner = b->owner;
	copy.spelled = NULL;
	add_record(s, &copy);
	return s->error;
}

struct transfer *transfer_builder_finish(struct transfer_builder *b)
{
	struct stream *s = b->stream;
	struct transfer *transfer = NULL;

	b->of.soa = b->soa;
	if (!b->soa)
		return NULL;
	if (!s->error)
		close_message(s);
	if (s->error == -E2BIG && s->is_single)
		return build_soa(&b->of);
	if (!s->error)
		transfer = transfer_ref(s->transfer);
	return transfer;
}
