/*
 * Queries from names, answers as text (answer_text.h).
 */
#include "tests/unit/answer_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/message.h"
#include "zones/rdata.h"

/* ---- queries ---- */

static void walk(struct query *q)
{
	struct verdict v = wire_walk(&q->m, q->octets, q->len);

	if (!verdict_is_ok(&v))
		fail_msg("not a query: %s", v.why);
}

void query_make(
	struct query *q, const char *name, uint16_t type, uint16_t class, uint16_t flags)
{
	struct wire_writer w;

	wire_writer_init(&w, q->octets, sizeof(q->octets), NULL);
	wire_write_u16(&w, 0x1234);
	wire_write_u16(&w, flags);
	wire_write_u16(&w, 1);
	for (int i = 0; i < 3; i++)
		wire_write_u16(&w, 0);
	wire_write_name(&w, message_name(name));
	wire_write_u16(&w, type);
	wire_write_u16(&w, class);
	assert_false(w.failed);
	q->len = w.at;
	walk(q);
}

void query_add_opt(struct query *q, uint16_t size, uint8_t version, uint16_t flags)
{
	struct wire_writer w;

	wire_writer_init(&w, q->octets, sizeof(q->octets), NULL);
	w.at = q->len;
	wire_write_u8(&w, 0);
	wire_write_u16(&w, TYPE_OPT);
	wire_write_u16(&w, size);
	wire_write_u8(&w, 0);
	wire_write_u8(&w, version);
	wire_write_u16(&w, flags);
	wire_write_u16(&w, 0);
	wire_put_u16(&w, 10, 1);
	assert_false(w.failed);
	q->len = w.at;
	walk(q);
}

/* ---- answers ---- */

void answer_read_record(
	struct wire_reader *r, struct rr *ret_rr, struct record_buffers *buffers)
{
	const char *why = "";
	uint16_t rdlength;
	int len;

	*ret_rr = (struct rr){.owner = buffers->owner, .rdata = buffers->rdata};
	wire_read_name(r, buffers->owner);
	ret_rr->type = wire_read_u16(r);
	ret_rr->class = wire_read_u16(r);
	ret_rr->ttl = wire_read_u32(r);
	rdlength = wire_read_u16(r);
	assert_false(r->failed);
	len = rdata_read(ret_rr->type, r->msg, r->end, r->at, rdlength, buffers->rdata,
		sizeof(buffers->rdata), &why);
	if (len < 0)
		fail_msg("RDATA of type %u: %s", ret_rr->type, why);
	wire_read_octets(r, rdlength);
	ret_rr->rdata_len = (uint16_t)len;
}

static void print_record(FILE *to, struct wire_reader *r, const char *section)
{
	struct record_buffers *buffers = malloc(sizeof(*buffers));
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX], *rdata;
	struct rr rr;

	assert_non_null(buffers);
	answer_read_record(r, &rr, buffers);
	assert_int_equal(rr.class, CLASS_IN);
	rdata = rdata_to_text(rr.type, rr.rdata, rr.rdata_len);
	assert_non_null(rdata);
	fprintf(to, "%s %s %u %s %s\n", section, name_to_text(rr.owner, owner),
		(unsigned)rr.ttl, rdata_type_name(rr.type, type), rdata);
	free(rdata);
	free(buffers);
}

/* All its octets are ours to judge: the rest of the rcode, version, flags, options. */
static void print_opt(FILE *to, const struct wire_message *m, const uint8_t *msg)
{
	struct wire_reader r;

	wire_reader_init(&r, msg, m->opt_at, m->end);
	wire_read_octets(&r, 3);
	fprintf(to, "opt %u", wire_read_u16(&r));
	wire_read_u8(&r);
	assert_int_equal(wire_read_u8(&r), 0);
	fprintf(to, "%s", wire_read_u16(&r) == QUERY_DO ? " do" : "");
	wire_reader_init(&r, msg, m->opt_rdata_at, m->opt_rdata_at + m->opt_rdata_len);
	while (r.at < r.end) {
		unsigned code = wire_read_u16(&r);
		uint16_t len = wire_read_u16(&r);

		if (code == 15) {
			fprintf(to, " ede %u", wire_read_u16(&r));
			fprintf(to, " \"%.*s\"", len - 2,
				(const char *)wire_read_octets(&r, len - 2));
			continue;
		}
		fprintf(to, " option %u ", code);
		for (unsigned i = 0; i < len; i++)
			fprintf(to, "%02x", wire_read_u8(&r));
	}
	assert_false(r.failed);
	fprintf(to, "\n");
}

static void print_header(FILE *to, const struct wire_message *m, const uint8_t *msg)
{
	static const struct {
		unsigned flag;
		const char *name;
	} flags[] = {{WIRE_AA, "aa"}, {WIRE_TC, "tc"}, {WIRE_RD, "rd"}, {WIRE_RA, "ra"},
		{0x40, "z"}, {WIRE_AD, "ad"}, {WIRE_CD, "cd"}};
	char name[VERDICT_NAME_MAX];
	unsigned rcode = m->flags & 15;

	assert_true(m->flags & WIRE_QR);
	if (m->opt_at)
		rcode |= (unsigned)msg[m->opt_at + 5] << 4;
	fprintf(to, "%s", verdict_rcode_name((uint16_t)rcode, name));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (m->flags & flags[i].flag)
			fprintf(to, " %s", flags[i].name);
	}
	fprintf(to, "\n");
}

static void print_question(FILE *to, struct wire_reader *r)
{
	char text[NAME_TEXT_MAX], type_name[RDATA_TYPE_NAME_MAX];
	uint8_t name[NAME_MAX_LEN];
	uint16_t type;

	wire_read_name(r, name);
	type = wire_read_u16(r);
	fprintf(to, "? %s %s", name_to_text(name, text),
		type == TYPE_ANY ? "ANY" : rdata_type_name(type, type_name));
	switch (wire_read_u16(r)) {
	case CLASS_IN:
		fprintf(to, " IN\n");
		break;
	case CLASS_ANY:
		fprintf(to, " ANY\n");
		break;
	default:
		fprintf(to, " other\n");
	}
	assert_false(r->failed);
}

char *answer_text(const uint8_t *msg, size_t len)
{
	static const char *const sections[] = {"?", "an", "au", "ad"};
	struct wire_message m;
	struct verdict v = wire_walk(&m, msg, len);
	struct wire_reader r;
	char *text = NULL;
	size_t text_len;
	FILE *to = open_memstream(&text, &text_len);

	assert_non_null(to);
	if (!verdict_is_ok(&v))
		fail_msg("not a message: %s", v.why);
	print_header(to, &m, msg);
	wire_reader_init(&r, msg, WIRE_HEADER_LEN, len);
	for (unsigned i = 0; i < m.counts[0]; i++)
		print_question(to, &r);
	for (unsigned section = 1; section < 4; section++) {
		for (unsigned i = 0; i < m.counts[section]; i++) {
			if (m.opt_at && r.at == m.opt_at) {
				print_opt(to, &m, msg);
				r.at = m.opt_rdata_at + m.opt_rdata_len;
			} else {
				print_record(to, &r, sections[section]);
			}
		}
	}
	fclose(to);
	return text;
}

void answer_assert(const uint8_t *msg, size_t len, const char *expected)
{
	char *text = answer_text(msg, len);

	assert_string_equal(text, expected);
	free(text);
}
