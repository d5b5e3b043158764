/*
 * What the tests of policy share.  Every step is asserted: a line that cannot be read
 * fails its test.
 */
#include "tests/unit/policy_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/rdata.h"

/* ---- building ---- */

void bench_read_name(uint8_t ret[NAME_MAX_LEN], const struct bench *b, const char *text)
{
	assert_int_equal(name_from_text(ret, text, b->zone), 0);
	name_lower(ret);
}

void bench_set_key(struct bench *b, const char *name)
{
	b->subject.key = NULL;
	if (!name)
		return;
	bench_read_name(b->key, b, name);
	b->subject.key = b->key;
}

void bench_set_source(struct bench *b, const char *text)
{
	struct cidr cidr;

	assert_int_equal(cidr_from_text(&cidr, text), 0);
	b->subject.source = cidr.address;
}

int bench_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b)
		return -1;
	*state = b;
	bench_read_name(b->zone, b, "dyn.example.");
	b->mirror = zone_new(b->zone);
	bench_set_key(b, "host1");
	bench_set_source(b, "192.0.2.1");
	b->subject.transport = POLICY_UDP;
	return b->mirror ? 0 : -1;
}

int bench_teardown(void **state)
{
	struct bench *b = *state;

	policy_clear(&b->policy);
	zone_free(b->mirror);
	free(b);
	return 0;
}

void bench_add_names(
	const struct bench *b, uint8_t ***list, size_t *count, const char *words)
{
	char text[LINE_MAX_LEN], *save = NULL;

	snprintf(text, sizeof(text), "%s", words);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		uint8_t name[NAME_MAX_LEN];
		assert_int_equal(name_pattern_from_text(name, w, b->zone), 0);
		name_lower(name);
		*list = reallocarray(*list, *count + 1, sizeof(**list));
		assert_non_null(*list);
		(*list)[*count] = malloc(name_len(name));
		assert_non_null((*list)[*count]);
		memcpy((*list)[(*count)++], name, name_len(name));
	}
}

void bench_add_cidrs(struct cidr **list, size_t *count, const char *words)
{
	char text[LINE_MAX_LEN], *save = NULL;

	snprintf(text, sizeof(text), "%s", words);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		*list = reallocarray(*list, *count + 1, sizeof(**list));
		assert_non_null(*list);
		assert_int_equal(cidr_from_text(&(*list)[(*count)++], w), 0);
	}
}

static void add_types(struct policy_rule *rule, const char *words)
{
	char text[LINE_MAX_LEN], *save = NULL;

	snprintf(text, sizeof(text), "%s", words);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		rule->types = reallocarray(
			rule->types, rule->type_count + 1, sizeof(*rule->types));
		assert_non_null(rule->types);
		rule->types[rule->type_count++] = rdata_type_from_name(w);
	}
}

/* Valid until the next rule is added. */
struct policy_rule *bench_add_rule(struct bench *b, const char *keys,
	enum policy_match match, const char *names, const char *types)
{
	struct policy *p = &b->policy;

	p->rules = reallocarray(p->rules, p->count + 1, sizeof(*p->rules));
	assert_non_null(p->rules);
	struct policy_rule *rule = &p->rules[p->count++];
	policy_rule_init(rule);
	rule->match = match;
	bench_add_names(b, &rule->keys, &rule->key_count, keys);
	bench_add_names(b, &rule->names, &rule->name_count, names);
	add_types(rule, types);
	return rule;
}

static uint16_t read_rdata(
	const struct bench *b, uint16_t type, const char *text, uint8_t *out)
{
	int len = rdata_from_text(type, text, b->zone, out, LINE_MAX_LEN);

	assert_true(len >= 0);
	return (uint16_t)len;
}

/* "add OWNER TTL TYPE RDATA", "del OWNER [TYPE [RDATA]]" */
static void read_change(struct bench *b, unsigned index, char *line)
{
	struct rr *rr = &b->changes[index];
	char *save = NULL;
	const char *verb = strtok_r(line, " ", &save);
	const char *owner = strtok_r(NULL, " ", &save);

	assert_true(index < CHANGES_MAX);
	bench_read_name(b->owners[index], b, owner);
	*rr = (struct rr){
		.owner = b->owners[index], .type = TYPE_ANY, .class = CLASS_ANY};
	if (strcmp(verb, "add") == 0) {
		rr->ttl = (uint32_t)strtoul(strtok_r(NULL, " ", &save), NULL, 10);
		rr->class = CLASS_IN;
	}
	const char *type = strtok_r(NULL, " ", &save);
	if (!type)
		return;
	rr->type = rdata_type_from_name(type);
	assert_int_not_equal(rr->type, 0);
	const char *rdata = strtok_r(NULL, "", &save);
	if (!rdata)
		return;
	rr->rdata = b->rdata[index];
	rr->rdata_len = read_rdata(b, rr->type, rdata, b->rdata[index]);
	if (rr->class == CLASS_ANY)
		rr->class = CLASS_NONE;
}

/* Changes separated by "; "; "" for none. */
void bench_read_update(struct bench *b, const char *lines)
{
	char text[LINE_MAX_LEN], *save = NULL;

	snprintf(text, sizeof(text), "%s", lines);
	b->update = (struct update){.changes = b->changes};
	memcpy(b->update.zone, b->zone, sizeof(b->zone));
	for (char *l = strtok_r(text, ";", &save); l; l = strtok_r(NULL, ";", &save))
		read_change(b, b->update.change_count++, l);
}

void bench_load(struct bench *b, const char *record)
{
	bench_read_update(b, record);
	assert_int_equal(zone_load_rr(b->mirror, &b->changes[0]), 0);
}

/* ---- asking ---- */

void bench_expect(const struct verdict *v, const char *why, const char *asked, int line)
{
	if (!why && !verdict_is_ok(v))
		print_error("\"%s\": refused: %s\n", asked, v->why);
	if (why && verdict_is_ok(v))
		print_error("\"%s\": allowed\n", asked);
	else if (why && !strstr(v->why, why))
		print_error("\"%s\": the reason is \"%s\"\n", asked, v->why);
	_assert_int_equal(v->rcode, why ? RCODE_REFUSED : RCODE_NOERROR, __FILE__, line);
	_assert_true(!why || strstr(v->why, why), "reason", __FILE__, line);
	_assert_int_equal(v->ede, why ? EDE_PROHIBITED : EDE_NONE, __FILE__, line);
}

void bench_ask(struct bench *b, const char *lines, const char *why, int line)
{
	bench_read_update(b, lines);
	struct verdict v =
		policy_check_update(&b->policy, b->zone, &b->subject, &b->update);
	bench_expect(&v, why, lines, line);
}

/* Both halves, as the gateway asks them. */
void bench_ask_effect(struct bench *b, const char *lines, const char *why, int line)
{
	bench_ask(b, lines, NULL, line);
	struct verdict v =
		policy_check_effect(&b->policy, b->mirror, &b->subject, &b->update);
	bench_expect(&v, why, lines, line);
}
