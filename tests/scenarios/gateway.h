/*
 * A gateway in a scenario: the daemon's own zone threads, journal, deliveries and leases,
 * without its sockets and without any time but the scenario's.
 *
 * Its database is in memory, and its zones live in it or at fake servers.  Whoever calls
 * these functions is all of its zone threads: they take turns, and their clocks go
 * together.  What is configured takes effect with the next thing that happens
 * (gateway_ready).
 *
 * Functions return 0 or -errno, and then why says what is wrong.
 */
#ifndef MUSTER_SCENARIO_GATEWAY_H
#define MUSTER_SCENARIO_GATEWAY_H

#include "gateway/listener/listener_private.h"
#include "gateway/served/view.h"
#include "tests/scenarios/fake_target.h"

enum {
	GATEWAY_ZONES_MAX = 4,
	GATEWAY_TARGETS_MAX = 4, /* of a zone */
	GATEWAY_RULES_MAX = 32,  /* of a zone */
	GATEWAY_WHY_MAX = 512,
};

struct gateway_rule {
	char *words; /* as in rule_text.h; owned */
	int line;    /* of the scenario */
};

struct gateway_target {
	char name[FAKE_NAME_MAX];
	unsigned number;   /* in its address */
	char settings[64]; /* of musterd.conf, for the target */
	enum config_target_type type;
};

struct gateway_zone {
	uint8_t apex[NAME_MAX_LEN];
	char *text; /* zone file; owned */
	struct gateway_rule rules[GATEWAY_RULES_MAX];
	size_t rule_count;
	struct gateway_target targets[GATEWAY_TARGETS_MAX]; /* none: it lives here */
	size_t target_count;
	/* Of all targets that it has ever had: one that comes back has its old
	 * address. */
	char names[2 * GATEWAY_TARGETS_MAX][FAKE_NAME_MAX];
	unsigned name_count;
	char *settings; /* of musterd.conf, for the zone; owned; NULL: none */
	struct lease_expiry expiry;
	uint32_t serial; /* as of the last check */
};

struct gateway {
	char folder[32]; /* for what does stand in files; "": not made */
	struct gateway_zone zones[GATEWAY_ZONES_MAX];
	size_t zone_count;
	struct keyring *ring;
	struct fake_net net;
	struct config *config;        /* counted; what it runs with */
	struct zone_threads *threads; /* NULL: it does not run */
	unsigned thread_count;        /* at its next start; 1 at first */
	struct turn_clock time;       /* while it does not run */
	struct mailbox mailbox;
	struct queue calls;       /* that are done */
	struct listener listener; /* as far as answers are composed by it */
	bool is_dirty;            /* another configuration than it runs with */
	bool is_looked_at;        /* by the scenario: nothing fails meanwhile */
	bool is_journal_held, is_reader_held;
	size_t queue_max; /* zone_threads_env's */
	bool has_queues;
	char why[GATEWAY_WHY_MAX];
};

int gateway_init(struct gateway *gateway, int64_t real_s);
/* Stops it as if it had been killed. */
void gateway_clear(struct gateway *gateway);
/* The same, and neither zones nor anything in files or memory is left. */
void gateway_forget(struct gateway *gateway);

struct gateway_zone *gateway_add_zone(struct gateway *gateway, const uint8_t *apex);
/* It is no longer configured.  Those behind it move. */
void gateway_drop_zone(struct gateway *gateway, struct gateway_zone *zone);
struct gateway_zone *gateway_find_zone(struct gateway *gateway, const uint8_t *apex);

/* It runs, with what is configured. */
int gateway_ready(struct gateway *gateway);
/* What can happen without time passing has happened. */
int gateway_settle(struct gateway *gateway);
int gateway_pass_time(struct gateway *gateway, int64_t ms);
/* The same, but it does not run in the meantime; what it missed comes with the next
 * turn. */
int gateway_stand_still(struct gateway *gateway, int64_t ms);
void gateway_set_time(struct gateway *gateway, int64_t real_s);
int64_t gateway_now_s(const struct gateway *gateway); /* real time */
/* It stops, or is killed; away_s later it starts again. */
int gateway_restart(struct gateway *gateway, int64_t away_s, bool is_killed);

/* Commits wait, go on, or fail so many times. */
void gateway_hold_journal(struct gateway *gateway);
int gateway_release_journal(struct gateway *gateway);
void gateway_fail_journal(struct gateway *gateway, unsigned commits);

/* Reads of changes wait, go on, or fail so many times. */
int gateway_hold_reader(struct gateway *gateway, bool is_held);
void gateway_fail_reader(struct gateway *gateway, unsigned reads);

/* A request as a listener would take it, judged from its octets. */
int gateway_take(struct gateway *gateway, const struct policy_subject *sender,
	const uint8_t *msg, size_t len);
/* The next request that is answered, or NULL; dns_request_free. */
struct dns_request *gateway_next_answer(struct gateway *gateway);
/* The answer's octets; 0: there is none. */
size_t gateway_compose(struct gateway *gateway, struct dns_request *dns, uint8_t *buf);

/* What secondaries would get of a zone now; NULL: it is not in service. */
struct zone *gateway_content(struct gateway *gateway, const uint8_t *apex);
/* Runs it in the zone's thread (in all if it names none); what it works on must
 * stay until gateway_take_call says that it is back, or the gateway ends. */
int gateway_send_call(struct gateway *gateway, struct zone_call *call);
bool gateway_take_call(struct gateway *gateway, const struct zone_call *call);
/* The same, waiting for it. */
int gateway_call(struct gateway *gateway, const uint8_t *zone,
	bool (*run)(struct served *served, struct zone_call *call), void *subject);
/* A zone as administrators see it; view_zones_clear. */
int gateway_look(struct gateway *gateway, const uint8_t *zone,
	struct view_zones *ret_page, const struct view_zone **ret_zone);
/* Leases of a zone, or only those at owner; view_leases_clear. */
int gateway_leases(struct gateway *gateway, const uint8_t *zone, const uint8_t *owner,
	struct view_leases *ret_leases);

#endif
