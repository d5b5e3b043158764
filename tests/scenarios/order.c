/*
 * What administrators order, and what they are told.
 */
#include "tests/scenarios/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zones/rdata.h"

/* ---- orders ---- */

static struct scenario_order *find(struct scenario *s, const char *label)
{
	for (size_t i = 0; i < SCENARIO_ORDERS_MAX; i++)
		if (s->orders[i].call.run && strcmp(s->orders[i].label, label) == 0)
			return &s->orders[i];
	return NULL;
}

/* "[@LABEL] ..." NULL: that is wrong, and has been reported. */
static struct scenario_order *begin(struct scenario *s, char **at)
{
	const char *label = "";
	struct scenario_order *order = NULL;

	*at += strspn(*at, " \t");
	if (**at == '@')
		label = message_next_word(at);
	for (size_t i = 0; !order && i < SCENARIO_ORDERS_MAX; i++)
		if (!s->orders[i].call.run)
			order = &s->orders[i];
	if (!s->zone || !order || find(s, label) ||
		strlen(label) >= sizeof(order->label)) {
		(void)scenario_fail(s, "expected an order in a zone, with a new label");
		return NULL;
	}
	*order = (struct scenario_order){0};
	strcpy(order->label, label);
	memcpy(order->zone, s->zone->apex, sizeof(order->zone));
	order->call.zone = order->zone;
	return order;
}

static int result_of(const struct scenario_order *order)
{
	return order->call.run == view_adopt ? order->adoption.result
					     : order->order.result;
}

/* Its place is free. */
static void end(struct scenario_order *order)
{
	view_leases_clear(&order->adoption.records);
	order->call.run = NULL;
}

void order_clear(struct scenario *s)
{
	for (size_t i = 0; i < SCENARIO_ORDERS_MAX; i++)
		end(&s->orders[i]);
}

static int send_order(struct scenario *s, struct scenario_order *order,
	bool (*run)(struct served *served, struct zone_call *call), void *subject)
{
	int r;

	order->call.run = run;
	order->call.subject = subject;
	r = scenario_check(s, gateway_send_call(&s->gateway, &order->call));
	if (r || order->label[0])
		return r;
	if (!gateway_take_call(&s->gateway, &order->call))
		return scenario_fail(s, "nobody is told what became of the order");
	r = result_of(order);
	end(order);
	return r ? scenario_fail(s, "the order: %s", strerror(-r)) : 0;
}

/* "NAME", the host of most orders. */
static int read_host(struct scenario *s, struct scenario_order *order, char **at)
{
	if (!scenario_read_name(s, order->host, message_next_word(at)))
		return scenario_fail(s, "expected the name of a host");
	return 0;
}

static int give(struct scenario *s, struct scenario_order *order, enum view_verb verb)
{
	order->order.verb = verb;
	order->order.host = order->host;
	order->order.why = (struct verdict){.why = "the scenario says so"};
	return send_order(s, order, view_give, &order->order);
}

static int order_host(struct scenario *s, enum view_verb verb, char *at)
{
	struct scenario_order *order = begin(s, &at);
	const int r = order ? read_host(s, order, &at) : -EINVAL;

	return r ? r : give(s, order, verb);
}

int order_hold(struct scenario *s, char *at)
{
	return order_host(s, VIEW_HOLD, at);
}

int order_release(struct scenario *s, char *at)
{
	return order_host(s, VIEW_RELEASE, at);
}

int order_expire(struct scenario *s, char *at)
{
	return order_host(s, VIEW_EXPIRE, at);
}

int order_resume(struct scenario *s, char *at)
{
	struct scenario_order *order = begin(s, &at);

	return order ? give(s, order, VIEW_RESUME) : -EINVAL;
}

int order_fill(struct scenario *s, char *at)
{
	struct scenario_order *order = begin(s, &at);

	return order ? give(s, order, VIEW_FILL) : -EINVAL;
}

int order_take(struct scenario *s, char *at)
{
	struct scenario_order *order = begin(s, &at);

	return order ? give(s, order, VIEW_TAKE) : -EINVAL;
}

/* "NAME TYPE RDATA" */
int order_remove(struct scenario *s, char *at)
{
	struct scenario_order *order = begin(s, &at);
	struct lease_record *record;
	const char *type;
	int r = order ? read_host(s, order, &at) : -EINVAL;

	if (r)
		return r;
	record = &order->order.lease;
	record->owner = order->host;
	type = message_next_word(&at);
	record->type = type ? rdata_type_from_name(type) : 0;
	r = record->type ? message_rdata_from_text(record->type, at + strspn(at, " \t"),
				   s->zone->apex, order->rdata, sizeof(order->rdata))
			 : -EINVAL;
	if (r < 0)
		return scenario_fail(s, "expected REMOVE NAME TYPE RDATA");
	record->rdata = order->rdata;
	record->rdata_len = (uint16_t)r;
	return give(s, order, VIEW_REMOVE);
}

static bool wants(const uint8_t *owner, void *arg)
{
	return name_is_equal(owner, arg);
}

/* "[dry] [NAME]" */
int order_adopt(struct scenario *s, char *at)
{
	struct scenario_order *order = begin(s, &at);
	const char *word = order ? message_next_word(&at) : NULL;
	struct view_adoption *adoption;

	if (!order)
		return -EINVAL;
	adoption = &order->adoption;
	adoption->why = (struct verdict){.why = "the scenario says so"};
	adoption->is_dry = word && strcmp(word, "dry") == 0;
	if (adoption->is_dry)
		word = message_next_word(&at);
	if (word) {
		if (!scenario_read_name(s, order->host, word))
			return scenario_fail(s, "expected ADOPT [dry] [NAME]");
		adoption->wants = wants;
		adoption->arg = order->host;
	}
	return send_order(s, order, view_adopt, adoption);
}

/* ---- what they are told ---- */

bool order_is_waiting(struct scenario *s, const char *label)
{
	struct scenario_order *order = find(s, label);

	if (order && !order->is_back)
		order->is_back = gateway_take_call(&s->gateway, &order->call);
	return order && !order->is_back;
}

static int check_leases(
	struct scenario *s, const struct scenario_order *order, const char *word)
{
	const char *value = scenario_value_of(word, "leases");
	const size_t count = order->call.run == view_adopt ? order->adoption.lease_count
							   : order->order.count;

	if (!value)
		return scenario_fail(s, "unknown word %s", word);
	return strtoul(value, NULL, 10) == count
		? 0
		: scenario_fail(s, "expected %s leases, got %zu", value, count);
}

/* "@LABEL done|none|already|later|failed [leases=N]" */
int order_check(struct scenario *s, char *at)
{
	static const struct {
		int result;
		const char *word;
	} results[] = {{0, "done"}, {-ENOENT, "none"}, {-EALREADY, "already"},
		{-EAGAIN, "later"}};
	const char *label = message_next_word(&at), *word = message_next_word(&at);
	struct scenario_order *order = label ? find(s, label) : NULL;
	const char *got = "failed";
	int r = scenario_check(s, gateway_settle(&s->gateway));

	if (r)
		return r;
	if (!order || !word)
		return scenario_fail(
			s, "expected TOLD @LABEL done|none|already|later|failed");
	if (order_is_waiting(s, label))
		return scenario_fail(s, "nobody has been told yet");
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (result_of(order) == results[i].result)
			got = results[i].word;
	if (strcmp(word, got) != 0)
		r = scenario_fail(s, "expected %s, got %s", word, got);
	word = message_next_word(&at);
	if (!r && word)
		r = check_leases(s, order, word);
	end(order);
	return r;
}
