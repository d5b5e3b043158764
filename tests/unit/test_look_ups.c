/* Addresses of hosts: one answer for all who ask at the same time, and only so many
 * questions at once. */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/target/look_ups.h"

enum { HOSTS = LOOK_UPS_MAX + 4, EACH = 3, PATIENCE_S = 60 };

/* The system's resolver, which answers when it is told to. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned asked, asking, most;
	bool is_open;
} resolver = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct waiter {
	struct look_up_waiter waiter; /* first */
	unsigned calls;
	bool was_found;
};

static struct bench {
	struct event_base *base;
	struct look_ups *look_ups;
	struct waiter waiters[HOSTS][EACH];
} bench;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret)
{
	int (*const real)(const char *, const char *, const struct addrinfo *,
		struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");

	pthread_mutex_lock(&resolver.lock);
	resolver.asked++;
	if (++resolver.asking > resolver.most)
		resolver.most = resolver.asking;
	pthread_cond_broadcast(&resolver.changed);
	while (!resolver.is_open)
		pthread_cond_wait(&resolver.changed, &resolver.lock);
	resolver.asking--;
	pthread_mutex_unlock(&resolver.lock);
	if (!strncmp(node, "none", 4))
		return EAI_NONAME;
	return real("127.0.0.1", service, hints, ret);
}

static void set_open(bool is_open)
{
	pthread_mutex_lock(&resolver.lock);
	resolver.is_open = is_open;
	pthread_cond_broadcast(&resolver.changed);
	pthread_mutex_unlock(&resolver.lock);
}

/* Waits until the resolver has been asked so often. */
static void wait_asked(unsigned count)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&resolver.lock);
	while (resolver.asked < count)
		assert_int_equal(
			pthread_cond_timedwait(&resolver.changed, &resolver.lock, &end),
			0);
	pthread_mutex_unlock(&resolver.lock);
}

static void on_done(void *arg, const struct addrinfo *list, const char *why)
{
	struct waiter *waiter = arg;

	assert_null(waiter->waiter.look_up);
	assert_int_equal(list == NULL, why != NULL);
	waiter->calls++;
	waiter->was_found = list != NULL;
}

static void ask(struct waiter *waiter, const char *host)
{
	waiter->waiter.done = on_done;
	waiter->waiter.arg = waiter;
	assert_int_equal(look_ups_ask(bench.look_ups, host, &waiter->waiter), 0);
}

static void ask_all(void)
{
	char host[32];

	for (unsigned i = 0; i < EACH; i++) {
		for (unsigned j = 0; j < HOSTS; j++) {
			snprintf(host, sizeof(host), "host%u.invalid", j);
			ask(&bench.waiters[j][i], host);
		}
	}
}

static unsigned count_calls(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < HOSTS; i++)
		for (unsigned j = 0; j < EACH; j++)
			count += bench.waiters[i][j].calls;
	return count;
}

static void run(unsigned calls)
{
	while (count_calls() < calls)
		assert_int_equal(event_base_loop(bench.base, EVLOOP_ONCE), 0);
}

static int begin(void **state)
{
	(void)state;
	memset(&bench, 0, sizeof(bench));
	set_open(false);
	resolver.asked = resolver.most = 0;
	bench.base = event_base_new();
	bench.look_ups = look_ups_new(bench.base);
	return bench.look_ups ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	set_open(true);
	look_ups_free(bench.look_ups);
	event_base_free(bench.base);
	return 0;
}

static void who_asks_for_the_same_gets_the_same(void **state)
{
	(void)state;
	ask_all();
	wait_asked(LOOK_UPS_MAX);
	set_open(true);
	run(HOSTS * EACH);
	assert_int_equal(resolver.asked, HOSTS);
	assert_int_equal(resolver.most, LOOK_UPS_MAX);
	for (unsigned i = 0; i < HOSTS; i++)
		for (unsigned j = 0; j < EACH; j++)
			assert_true(bench.waiters[i][j].was_found);
}

/* A resolver that hangs is not asked again and again. */
static void whoever_comes_next_gets_an_answer_that_nobody_waited_for(void **state)
{
	struct waiter *waiter = &bench.waiters[0][0];

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		ask(waiter, i % 2 ? "HOST.invalid" : "host.invalid");
		wait_asked(1);
		look_ups_give_up(&waiter->waiter);
		look_ups_give_up(&waiter->waiter);
	}
	ask(waiter, "host.invalid");
	set_open(true);
	run(1);
	assert_int_equal(resolver.asked, 1);
	/* And nothing is remembered. */
	ask(waiter, "host.invalid");
	run(2);
	assert_int_equal(resolver.asked, 2);
}

static void what_is_not_found_is_told(void **state)
{
	(void)state;
	ask(&bench.waiters[0][0], "none.invalid");
	set_open(true);
	run(1);
	assert_false(bench.waiters[0][0].was_found);
}

/* Whoever is told gives up for another, and asks again. */
static void on_done_first(void *arg, const struct addrinfo *list, const char *why)
{
	on_done(arg, list, why);
	look_ups_give_up(&bench.waiters[0][1].waiter);
	ask(arg, "host.invalid");
}

static void what_is_told_may_change_who_waits(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EACH; i++)
		ask(&bench.waiters[0][i], "host.invalid");
	bench.waiters[0][0].waiter.done = on_done_first;
	set_open(true);
	run(3);
	assert_int_equal(bench.waiters[0][0].calls, 2);
	assert_int_equal(bench.waiters[0][1].calls, 0);
	assert_int_equal(bench.waiters[0][2].calls, 1);
}

static void who_leaves_waits_for_no_thread(void **state)
{
	(void)state;
	ask_all();
	wait_asked(LOOK_UPS_MAX);
	for (unsigned i = 0; i < HOSTS; i++)
		for (unsigned j = 0; j < EACH; j++)
			look_ups_give_up(&bench.waiters[i][j].waiter);
	assert_int_equal(resolver.asked, LOOK_UPS_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_asks_for_the_same_gets_the_same),
		TEST(whoever_comes_next_gets_an_answer_that_nobody_waited_for),
		TEST(what_is_not_found_is_told),
		TEST(what_is_told_may_change_who_waits),
		TEST(who_leaves_waits_for_no_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
