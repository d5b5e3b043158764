/*
 * UPDATE ... SEND: builds the message, signs it by the client's clock, and lets the
 * gateway's part judge it.
 */
#include "tests/scenarios/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zones/rdata.h"

struct envelope {
	const struct tsig_key *key; /* NULL: not signed */
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
		return name_from_text(e->zone.name, value, s->apex);
	if ((value = scenario_value_of(word, "ztype")))
		return (e->zone.type = rdata_type_from_name(value)) ? 0 : -EINVAL;
	if ((value = scenario_value_of(word, "zclass")))
		return message_class_from_text(&e->zone.class, value) ? 0 : -EINVAL;
	if (!(value = scenario_value_of(word, "zcount")))
		return -EINVAL;
	e->zone.count = (unsigned)strtoul(value, NULL, 10);
	return 0;
}

static int read_records(struct scenario *s)
{
	const char *why;
	char *line;

	while ((line = scenario_read_line(s)) && strcmp(line, "SEND") != 0)
		if (message_add_line(&s->message, line, &why) != 0)
			return scenario_fail(s, "%s", why);
	return line ? 0 : scenario_fail(s, "expected SEND");
}

static int send_message(struct scenario *s, const struct envelope *e)
{
	struct tsig_context tsig;
	const char *why = "no memory";
	int len;

	if (e->option_len)
		message_add_options(&s->message, e->option, e->option_len);
	len = message_end(&s->message);
	if (len < 0)
		return scenario_fail(s, "the message is too long");
	size_t size = (size_t)len;
	if (e->key &&
		tsig_sign_request(&tsig, s->client_pool, e->key, s->message.octets, &size,
			sizeof(s->message.octets), s->now_s + e->skew_s) != 0)
		return scenario_fail(s, "cannot sign the message");
	if (exchange_run(&s->result, &s->gateway, &e->sender, s->message.octets, size,
		    s->now_s, &why) != 0)
		return scenario_fail(s, "%s", why);
	s->has_result = s->is_unchecked = true;
	return 0;
}

int send_update(struct scenario *s, char *at)
{
	struct envelope e = {
		.sender = {.source = {.family = 4, .octets = {127, 0, 0, 1}},
			.transport = POLICY_UDP},
		.zone = {.type = TYPE_SOA, .class = CLASS_IN, .count = 1},
	};
	const char *word;

	if (!s->gateway.zone)
		return scenario_fail(s, "UPDATE before ZONE");
	if (s->is_unchecked)
		return scenario_fail(s, "nobody expected anything of the update before");
	memcpy(e.zone.name, s->apex, sizeof(e.zone.name));
	if (!strstr(at, "key="))
		return scenario_fail(s, "expected UPDATE key=NAME|none");
	while ((word = message_next_word(&at)))
		if (set_envelope(s, &e, word) != 0)
			return scenario_fail(s, "cannot read %s", word);
	message_begin(&s->message, s->next_id++, &e.zone, s->apex);
	int r = read_records(s);
	return r == 0 ? send_message(s, &e) : r;
}
