/*
 * UPDATE ...  SEND: builds the message, signs it by the client's clock, gives it to the
 * gateway, and takes the answer.
 *
 * An update that is waited for is sent twice if its change has to reach the disk: the
 * first time the commit fails, and then zone and leases must be as they were.
 */
#include "tests/scenarios/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scenarios/spare.h"
#include "tsig/verdict.h"
#include "zones/rdata.h"

enum {
	MANY_LINES_MAX = 16,
	PATIENCE_MS = 10000, /* in which every client has its answer */
};

struct envelope {
	const struct tsig_key *key; /* NULL: not signed */
	char label[SCENARIO_LABEL_MAX];
	struct policy_subject sender;
	int64_t skew_s;
	struct message_zone zone;
	uint8_t option[4 + 255]; /* Update Lease */
	uint16_t option_len;     /* 0: none */
};

/* "7200", "1800,604800" or "octets:5" */
static int set_envelope_lease(struct envelope *e, const char *value)
{
	struct wire_writer w;
	char *end;

	wire_writer_init(&w, e->option, sizeof(e->option), NULL);
	wire_write_u16(&w, 2);
	if (strncmp(value, "octets:", 7) == 0) {
		unsigned long len = strtoul(value + 7, &end, 10);
		wire_write_u16(&w, (uint16_t)len);
		for (; len > 0 && !w.failed; len--)
			wire_write_u8(&w, 0);
	} else {
		wire_write_u16(&w, strchr(value, ',') ? 8 : 4);
		wire_write_u32(&w, (uint32_t)strtoul(value, &end, 10));
		if (*end == ',')
			wire_write_u32(&w, (uint32_t)strtoul(end + 1, &end, 10));
	}
	e->option_len = (uint16_t)w.at;
	return *end || w.failed ? -EINVAL : 0;
}

static int set_envelope_key(struct scenario *s, struct envelope *e, const char *value)
{
	uint8_t name[NAME_MAX_LEN];

	if (strcmp(value, "none") == 0)
		return 0;
	if (!scenario_read_name(s, name, value))
		return -EINVAL;
	e->key = keyring_find(s->client_ring, name);
	return e->key ? 0 : -EINVAL;
}

static int set_envelope(struct scenario *s, struct envelope *e, const char *word)
{
	struct cidr address;
	const char *value;

	if ((value = scenario_value_of(word, "key")))
		return set_envelope_key(s, e, value);
	if ((value = scenario_value_of(word, "from"))) {
		if (strchr(value, '/') || cidr_from_text(&address, value) != 0)
			return -EINVAL;
		e->sender.source = address.address;
		return 0;
	}
	if ((value = scenario_value_of(word, "transport"))) {
		e->sender.transport = strcmp(value, "tcp") == 0 ? POLICY_TCP : POLICY_UDP;
		return strcmp(value, "tcp") && strcmp(value, "udp") ? -EINVAL : 0;
	}
	if ((value = scenario_value_of(word, "skew")))
		return scenario_time_from_text(&e->skew_s, value) ? 0 : -EINVAL;
	if ((value = scenario_value_of(word, "lease")))
		return set_envelope_lease(e, value);
	if ((value = scenario_value_of(word, "zone")))
		return name_from_text(e->zone.name, value, s->zone->apex);
	if ((value = scenario_value_of(word, "ztype")))
		return (e->zone.type = rdata_type_from_name(value)) ? 0 : -EINVAL;
	if ((value = scenario_value_of(word, "zclass")))
		return message_class_from_text(&e->zone.class, value) ? 0 : -EINVAL;
	if (!(value = scenario_value_of(word, "zcount")))
		return -EINVAL;
	e->zone.count = (unsigned)strtoul(value, NULL, 10);
	return 0;
}

/* Of an update that can be sent now. */
static int read_envelope(struct scenario *s, struct envelope *e, char *at)
{
	const char *word;
	int r;

	*e = (struct envelope){
		.sender = {.source = {.family = 4, .octets = {127, 0, 0, 1}},
			.transport = POLICY_UDP},
		.zone = {.type = TYPE_SOA, .class = CLASS_IN, .count = 1},
	};
	if (!s->zone)
		return scenario_fail(s, "UPDATE before ZONE");
	if (s->is_unchecked)
		return scenario_fail(s, "nobody expected anything of the update before");
	r = scenario_check(s, gateway_ready(&s->gateway));
	if (r)
		return r;
	memcpy(e->zone.name, s->zone->apex, sizeof(e->zone.name));
	if (!strstr(at, "key="))
		return scenario_fail(s, "expected UPDATE key=NAME|none");
	while ((word = message_next_word(&at)))
		if (set_envelope(s, e, word) != 0)
			return scenario_fail(s, "cannot read %s", word);
	return 0;
}

/* ---- requests ---- */

struct sent_update *send_find(struct scenario *s, const char *label)
{
	for (size_t i = 0; i < SCENARIO_REQUESTS_MAX; i++)
		if (s->requests[i].id && strcmp(s->requests[i].label, label) == 0)
			return &s->requests[i];
	return NULL;
}

static struct sent_update *find_by_id(struct scenario *s, uint16_t id)
{
	for (size_t i = 0; i < SCENARIO_REQUESTS_MAX; i++)
		if (s->requests[i].id == id)
			return &s->requests[i];
	return NULL;
}

/* Twins have one id: the first gets its answer first. */
static struct sent_update *find_asking(struct scenario *s, uint16_t id)
{
	for (size_t i = 0; i < SCENARIO_REQUESTS_MAX; i++)
		if (s->requests[i].id == id && !s->requests[i].is_answered)
			return &s->requests[i];
	return NULL;
}

/* In the place of the last one of this label. */
static struct sent_update *add_request(struct scenario *s, const struct envelope *e)
{
	struct sent_update *request = send_find(s, e->label);

	if (!request)
		request = find_by_id(s, 0);
	if (!request)
		return NULL;
	*request = (struct sent_update){
		.id = (uint16_t)(s->next_id - 1), .is_signed = e->key != NULL};
	memcpy(request->label, e->label, sizeof(e->label));
	return request;
}

/* ---- answers ---- */

/* RFC 6891 6.1.3: the upper octet stands in the TTL of OPT. */
static uint16_t read_rcode(const uint8_t *octets, const struct wire_message *m)
{
	const uint16_t low = m->flags & 0xf;

	return m->opt_at ? (uint16_t)(octets[m->opt_at + 5] << 4 | low) : low;
}

/* As a client reads it: whose it is, what it says. */
static int read_octets(struct scenario *s, struct sent_update *request,
	const struct dns_request *dns, const uint8_t *octets, size_t len)
{
	struct wire_message m;
	struct verdict v = wire_walk(&m, octets, len);

	if (!verdict_is_ok(&v) || m.id != request->id || !(m.flags & WIRE_QR) ||
		m.opcode != OPCODE_UPDATE)
		return scenario_fail(s, "the answer is no answer: %s", v.why);
	/* What the gateway knows better than it says. */
	request->verdict = dns->request.verdict;
	request->verdict.rcode = (enum rcode)read_rcode(octets, &m);
	if (request->verdict.rcode != dns->request.verdict.rcode)
		return scenario_fail(s, "the answer's rcode is not what was decided");
	v = lease_terms_read(&request->granted, octets, &m);
	if (!verdict_is_ok(&v))
		return scenario_fail(s, "the answer's lease: %s", v.why);
	if (!request->is_signed)
		return m.tsig_at ? scenario_fail(s, "a signed answer to an unsigned one")
				 : 0;
	v = tsig_verify_answer(
		&request->tsig, s->client_pool, octets, &m, gateway_now_s(&s->gateway));
	/* TSIG errors are part of the answer; any other error is ours. */
	if (v.tsig_error != dns->request.verdict.tsig_error)
		return scenario_fail(s, "the answer's signature: %s", v.why);
	return 0;
}

static int read_answer(struct scenario *s, struct dns_request *dns)
{
	uint8_t octets[WIRE_MESSAGE_MAX];
	const size_t len = gateway_compose(&s->gateway, dns, octets);
	struct sent_update *request = find_asking(s, dns->walk.id);

	if (!request)
		return scenario_fail(s, "an answer to nothing that was asked");
	if (!len)
		return scenario_fail(s, "the answer could not be composed");
	request->is_answered = true;
	return read_octets(s, request, dns, octets, len);
}

int send_read_answers(struct scenario *s)
{
	struct dns_request *dns;
	int r = 0;

	while ((dns = gateway_next_answer(&s->gateway))) {
		const int failed = read_answer(s, dns);

		r = r ? r : failed;
		dns_request_free(dns);
	}
	return r;
}

/* ---- sending ---- */

static int read_records(struct scenario *s, struct envelope *e)
{
	const char *why, *label;
	char *line;

	while ((line = scenario_read_line(s)) && strncmp(line, "SEND", 4) != 0)
		if (message_add_line(&s->message, line, &why) != 0)
			return scenario_fail(s, "%s", why);
	if (!line)
		return scenario_fail(s, "expected SEND");
	line += 4;
	label = message_next_word(&line);
	if (label && (*label != '@' || strlen(label) >= sizeof(e->label)))
		return scenario_fail(s, "expected SEND [@LABEL]");
	strcpy(e->label, label ? label : "");
	return 0;
}

static int sign(struct scenario *s, const struct envelope *e, struct sent_update *request,
	size_t *len)
{
	struct message *m = &s->message;

	if (!e->key)
		return 0;
	if (tsig_sign_request(&request->tsig, s->client_pool, e->key, m->octets, len,
		    sizeof(m->octets), gateway_now_s(&s->gateway) + e->skew_s) != 0)
		return scenario_fail(s, "cannot sign the message");
	return 0;
}

/* What there is before, and whether it is still so. */
struct before {
	struct zone *content;
	struct view_leases leases;
};

static void before_clear(struct before *before)
{
	zone_free(before->content);
	view_leases_clear(&before->leases);
}

static int before_take(struct scenario *s, struct before *before)
{
	*before = (struct before){.content = gateway_content(&s->gateway, s->zone->apex)};
	return scenario_check(
		s, gateway_leases(&s->gateway, s->zone->apex, NULL, &before->leases));
}

static int give(struct scenario *s, const struct envelope *e, size_t len)
{
	return scenario_check(
		s, gateway_take(&s->gateway, &e->sender, s->message.octets, len));
}

static int give_and_settle(struct scenario *s, const struct envelope *e, size_t len)
{
	int r = give(s, e, len);

	if (!r)
		r = scenario_check(s, gateway_settle(&s->gateway));
	return r ? r : send_read_answers(s);
}

/* The disk is full when it comes for the first time.  *ret_done: it was not asked for.
 * *ret_leases: leases are as they were. */
static int send_to_full_disk(struct scenario *s, const struct envelope *e,
	struct sent_update *request, const struct before *before, size_t len,
	bool *ret_done, bool *ret_leases)
{
	const struct sent_update unanswered = *request;
	struct before after;
	int r;

	gateway_fail_journal(&s->gateway, UINT32_MAX);
	r = give_and_settle(s, e, len);
	gateway_fail_journal(&s->gateway, 0);
	*ret_done = !request->is_answered || !strstr(request->verdict.why, "be stored");
	if (r || *ret_done)
		return r;
	if (request->verdict.rcode != RCODE_SERVFAIL)
		return scenario_fail(s, "what was not stored was not refused");
	r = before_take(s, &after);
	if (!r && !content_is_same(before->content, after.content)) {
		r = scenario_fail(s, "what could not be stored has changed the zone");
		content_print_difference(before->content, after.content);
	}
	*ret_leases = lease_are_same(&before->leases, &after.leases);
	before_clear(&after);
	*request = unanswered;
	return r;
}

static int check_effect(struct scenario *s, struct sent_update *request,
	const struct before *before, const struct before *after)
{
	request->is_changed = !content_is_same(before->content, after->content);
	if (verdict_is_ok(&request->verdict) ||
		(is_shaken() &&
			(s->has_foreign || !before->content ||
				strstr(request->verdict.why, "be withdrawn"))))
		return 0;
	if (request->is_changed) {
		content_print_difference(before->content, after->content);
		return scenario_fail(s, "a refused update changed the zone");
	}
	if (!lease_are_same(&before->leases, &after->leases))
		return scenario_fail(s, "a refused update changed leases");
	return 0;
}

static int send_and_wait(struct scenario *s, const struct envelope *e,
	struct sent_update *request, size_t len)
{
	struct before before, after = {0};
	bool is_done = s->gateway.is_journal_held || is_faulty(), has_leases = true;
	int r = before_take(s, &before);

	if (!r && !is_done)
		r = send_to_full_disk(s, e, request, &before, len, &is_done, &has_leases);
	if (!r && (!is_done || s->gateway.is_journal_held || is_faulty()))
		r = give_and_settle(s, e, len);
	if (!r && !request->is_answered && is_shaken()) {
		r = scenario_check(s, gateway_pass_time(&s->gateway, PATIENCE_MS));
		r = r ? r : send_read_answers(s);
	}
	if (!r && !request->is_answered)
		r = scenario_fail(s,
			"there is no answer: give it a label, and let "
			"happen what it waits for");
	if (!r)
		r = before_take(s, &after);
	if (!r)
		r = check_effect(s, request, &before, &after);
	if (!r && !has_leases)
		r = scenario_fail(s, "what could not be stored has changed leases");
	before_clear(&before);
	before_clear(&after);
	s->has_result = s->is_unchecked = true;
	return r;
}

static int send_message(struct scenario *s, const struct envelope *e)
{
	struct sent_update *request = add_request(s, e);
	size_t size;
	int len, r;

	if (!request)
		return scenario_fail(s, "too many labels");
	if (e->option_len)
		message_add_options(&s->message, e->option, e->option_len);
	len = message_end(&s->message);
	if (len < 0)
		return scenario_fail(s, "the message is too long");
	size = (size_t)len;
	r = sign(s, e, request, &size);
	if (r)
		return r;
	s->sent = *request;
	s->sender = e->sender;
	s->sent_len = size;
	return e->label[0] ? give(s, e, size) : send_and_wait(s, e, request, size);
}

/* ---- many ---- */

struct many {
	struct envelope envelope;
	char *lines[MANY_LINES_MAX];
	size_t line_count;
};

/* Up to SEND. */
static int read_lines(struct scenario *s, struct many *many)
{
	char *line;

	while ((line = scenario_read_line(s)) && strcmp(line, "SEND") != 0) {
		if (many->line_count == MANY_LINES_MAX)
			return scenario_fail(s, "too many lines");
		many->lines[many->line_count++] = line;
	}
	return line ? 0 : scenario_fail(s, "expected SEND");
}

static int add_numbered(struct scenario *s, const char *text, unsigned long number)
{
	char line[512];
	const char *why;
	size_t at = 0;

	for (; *text && at + 24 < sizeof(line); text++) {
		if (*text == '%')
			at += (size_t)sprintf(line + at, "%lu", number);
		else if (*text == '~')
			at += (size_t)sprintf(line + at, "%lu", number % 10);
		else
			line[at++] = *text;
	}
	line[at] = '\0';
	return message_add_line(&s->message, line, &why) ? scenario_fail(s, "%s", why)
							 : 0;
}

static int expect_accepted(struct scenario *s)
{
	struct dns_request *dns = gateway_next_answer(&s->gateway);
	const bool is_accepted = dns && verdict_is_ok(&dns->request.verdict);

	if (!is_accepted)
		(void)scenario_fail(s, "one is not accepted: %s",
			dns ? dns->request.verdict.why : "there is no answer");
	dns_request_free(dns);
	return is_accepted ? 0 : -EINVAL;
}

static int send_numbered(
	struct scenario *s, const struct many *many, unsigned long number)
{
	const struct envelope *e = &many->envelope;
	struct sent_update request = {0};
	size_t size;
	int len, r = 0;

	message_begin(&s->message, s->next_id++, &e->zone, s->zone->apex);
	for (size_t i = 0; !r && i < many->line_count; i++)
		r = add_numbered(s, many->lines[i], number);
	if (r)
		return r;
	len = message_end(&s->message);
	if (len < 0)
		return scenario_fail(s, "the message is too long");
	size = (size_t)len;
	r = sign(s, e, &request, &size);
	if (!r)
		r = give(s, e, size);
	if (!r)
		r = scenario_check(s, gateway_settle(&s->gateway));
	return r ? r : expect_accepted(s);
}

int send_many(struct scenario *s, char *at)
{
	const unsigned long count = strtoul(at, &at, 10);
	const char *word = message_next_word(&at);
	struct many many = {.line_count = 0};
	int r = word && !strcmp(word, "UPDATE")
		? read_envelope(s, &many.envelope, at)
		: scenario_fail(s, "expected MANY COUNT UPDATE key=NAME");

	if (!r)
		r = read_lines(s, &many);
	for (unsigned long i = 1; !r && i <= count; i++)
		r = send_numbered(s, &many, i);
	return r;
}

int send_again(struct scenario *s, char *at)
{
	const char *label = message_next_word(&at);
	struct envelope e = {.sender = s->sender};
	struct sent_update *request;

	if (!s->sent_len || !label || *label != '@' || strlen(label) >= sizeof(e.label))
		return scenario_fail(s, "expected AGAIN @LABEL, after an update");
	strcpy(e.label, label);
	request = add_request(s, &e);
	if (!request)
		return scenario_fail(s, "too many labels");
	*request = s->sent;
	strcpy(request->label, label);
	return give(s, &e, s->sent_len);
}

int send_update(struct scenario *s, char *at)
{
	struct envelope e;
	int r = read_envelope(s, &e, at);

	if (r)
		return r;
	message_begin(&s->message, s->next_id++, &e.zone, s->zone->apex);
	r = read_records(s, &e);
	return r == 0 ? send_message(s, &e) : r;
}
