/*
 * Any octets as a query against a small zone.  If the message passes the walk, so does
 * its answer, which is within its limit and has the question that was asked; over UDP and
 * TCP, with little room and with much.  A refusal of the same message is well-formed,
 * too.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/answer/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char zone_text[] = "$TTL 60\n"
				"@ SOA ns admin 1 2 3 4 5\n"
				"@ NS ns\n"
				"@ MX 10 two\n"
				"ns A 192.0.2.1\n"
				"two A 192.0.2.1\n"
				"two A 192.0.2.2\n"
				"two TXT x\n"
				"_s SRV 1 2 3 two\n"
				"alias CNAME two\n"
				"loop CNAME loop\n"
				"out CNAME a.b.\n"
				"deep.ent A 192.0.2.1\n"
				"d DNAME ent\n"
				"e DNAME f.e\n"
				"cut NS ns.cut\n"
				"ns.cut AAAA 2001:db8::1\n"
				"*.w CNAME two\n";

static const uint8_t *const mnames[] = {NULL, (const uint8_t *)"\7gateway\3net"};

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

/* It lives as long as the process, and never changes. */
static const struct zone *fixed_zone(void)
{
	static struct zone *zone;
	char error[ZONE_ERROR_MAX];
	FILE *file;

	if (zone)
		return zone;
	zone = zone_new((const uint8_t *)"\7example");
	file = fmemopen((void *)(uintptr_t)zone_text, sizeof(zone_text) - 1, "r");
	must(zone && file && zone_read_file(zone, file, error) == 0, "the zone is read");
	fclose(file);
	return zone;
}

static void check_question(const uint8_t *msg, const struct wire_message *m,
	const uint8_t *answer, const struct wire_message *a)
{
	uint8_t asked[NAME_MAX_LEN], echoed[NAME_MAX_LEN];
	struct wire_reader r, s;

	wire_reader_init(&r, msg, WIRE_HEADER_LEN, m->question_end);
	wire_reader_init(&s, answer, WIRE_HEADER_LEN, a->question_end);
	must(m->counts[0] == a->counts[0], "all questions are echoed");
	for (unsigned i = 0; i < m->counts[0]; i++) {
		wire_read_name(&r, asked);
		wire_read_name(&s, echoed);
		must(name_is_equal(asked, echoed), "the name is echoed to the octet");
		must(wire_read_u32(&r) == wire_read_u32(&s), "so are type and class");
	}
}

/* Copied to its exact size, so that overreads are noticed. */
static void check_answer(const uint8_t *msg, const struct wire_message *m,
	const uint8_t *buf, size_t len, size_t limit)
{
	uint8_t *answer = malloc(len);
	struct wire_message a;
	struct verdict v;

	must(answer != NULL, "memory");
	memcpy(answer, buf, len);
	must(len >= WIRE_HEADER_LEN && len <= limit, "it keeps within its limit");
	v = wire_walk(&a, answer, len);
	must(verdict_is_ok(&v), v.why);
	must(a.id == m->id && a.opcode == m->opcode, "it answers this message");
	must((a.flags & (WIRE_QR | WIRE_RA)) == WIRE_QR, "it is an answer");
	must(!a.opt_at || m->opt_at, "an OPT only for an OPT");
	if (a.counts[0])
		check_question(msg, m, answer, &a);
	free(answer);
}

static void check_build(
	const uint8_t *msg, const struct wire_message *m, bool is_tcp, size_t limit)
{
	const uint8_t *buf;
	struct answer_query query = {
		.msg = msg,
		.m = m,
		.zone = fixed_zone(),
		.mname = mnames[m->id & 1],
		.source = {.family = m->id & 2 ? 4 : 6, .octets = {192, 0, 2, 1}},
		.is_tcp = is_tcp,
	};
	uint8_t *room = malloc(limit);

	must(room != NULL, "memory");
	buf = room;
	check_answer(msg, m, buf, answer_build(&query, room, limit), limit);
	free(room);
}

static void check_verdict(const uint8_t *msg, const struct wire_message *m, size_t limit)
{
	const struct verdict v =
		verdict_refuse(RCODE_BADVERS, EDE_OTHER, "%s", "a reason of some length");
	uint8_t *room = malloc(limit);

	must(room != NULL, "memory");
	check_answer(
		msg, m, room, answer_verdict(msg, m, &v, NULL, 0, room, limit), limit);
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t limits[] = {12, 23, 40, 64, 100, 200};
	struct wire_message m;
	struct verdict v = wire_walk(&m, data, size);

	if (size < WIRE_HEADER_LEN)
		return 0;
	check_verdict(data, &m, answer_limit(&m, false));
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		check_verdict(data, &m, limits[i]);
	if (!verdict_is_ok(&v) || m.opcode != OPCODE_QUERY)
		return 0;
	check_build(data, &m, true, answer_limit(&m, true));
	check_build(data, &m, false, answer_limit(&m, false));
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		check_build(data, &m, i & 1, limits[i]);
	return 0;
}
