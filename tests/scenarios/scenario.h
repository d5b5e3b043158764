/*
 * A scenario while it runs, and its statements.  The language is described in runner.c.
 *
 * A statement's function gets the rest of its line, may read further lines, and returns 0
 * or, having said why, -errno.
 */
#ifndef MUSTER_SCENARIO_H
#define MUSTER_SCENARIO_H

#include "tests/scenarios/content.h"
#include "tests/scenarios/gateway.h"
#include "tests/scenarios/message.h"

enum { SCENARIO_REQUESTS_MAX = 32, SCENARIO_ORDERS_MAX = 8, SCENARIO_LABEL_MAX = 16 };

/* An update that was sent. */
struct sent_update {
	char label[SCENARIO_LABEL_MAX]; /* "@one"; "": the one whose answer is looked at
					 * next, and whose effect */
	uint16_t id;                    /* of the message; 0: this place is free */
	bool is_signed;
	struct tsig_context tsig; /* the client's, for the answer */
	/* What was answered. */
	bool is_answered;
	struct verdict verdict; /* rcode and TSIG error as in the answer's octets */
	struct lease_terms granted;
	bool is_changed; /* the zone is not as it was */
};

/* An order of an administrator. */
struct scenario_order {
	struct zone_call call;          /* first; run NULL: this place is free */
	char label[SCENARIO_LABEL_MAX]; /* "": it is waited for */
	bool is_back;
	struct view_order order;
	struct view_adoption adoption;
	uint8_t zone[NAME_MAX_LEN], host[NAME_MAX_LEN], rdata[256];
};

struct scenario {
	const char *path;
	char *text; /* the file; cut into lines as it is read */
	char *next; /* first octet of the next line; NULL: at the end */
	int line;   /* of the last line read, from 1 */
	struct gateway gateway;
	struct gateway_zone *zone;  /* that statements are about; NULL: none yet */
	struct fake_server *server; /* whose zone RRSET, NAME and SERIAL look at; NULL:
				     * the gateway's */
	struct keyring *client_ring;
	struct hmac_pool *client_pool; /* not shared: each ring counts its secrets */
	uint16_t next_id;
	bool is_unchecked; /* a result nobody has asked about yet */
	bool has_result;
	bool has_foreign; /* changes by others, which may be seen at any time */
	bool is_lenient;  /* once an allocation has failed, nothing is as expected */
	struct sent_update requests[SCENARIO_REQUESTS_MAX];
	struct scenario_order orders[SCENARIO_ORDERS_MAX];
	struct message message;
	/* What was sent last. */
	struct sent_update sent;
	struct policy_subject sender;
	size_t sent_len;
};

/* "FILE:LINE: why" to stderr; returns -EINVAL. */
int scenario_fail(const struct scenario *s, const char *why, ...)
	__attribute__((format(printf, 2, 3)));
/* Requests have failed without memory, so what the scenario expects may be otherwise, but
 * not what must always be true. */
bool scenario_is_lenient(const struct scenario *s);
/* What the gateway says why, if r is not 0; returns r. */
int scenario_check(const struct scenario *s, int r);
/* The next line as it stands in the file; NULL at its end. */
char *scenario_read_raw_line(struct scenario *s);
/* The next line that is not empty, without indentation and comment. */
char *scenario_read_line(struct scenario *s);
/* The value of a word "name=value"; NULL: another name. */
const char *scenario_value_of(const char *word, const char *name);
/* "30", "30s", "-5m", "2h", "7d" */
bool scenario_time_from_text(int64_t *ret_s, const char *text);
/* A name, completed with the zone's, in lower case; false if text is NULL or none. */
bool scenario_read_name(
	const struct scenario *s, uint8_t ret_name[NAME_MAX_LEN], const char *text);
/* Does what a line says. */
int scenario_do(struct scenario *s, char *line);
/* Runs a file.  0, or -errno, which has been said. */
int scenario_run(const char *path, unsigned thread_count);

/* scene.c */
int scene_set_zone(struct scenario *s, char *at);
int scene_drop_zone(struct scenario *s, char *at);
int scene_use_zone(struct scenario *s, char *at);
int scene_add_rule(struct scenario *s, char *at);
int scene_clear_rules(struct scenario *s, char *at);
int scene_add_target(struct scenario *s, char *at);
int scene_drop_target(struct scenario *s, char *at);
int scene_set_target(struct scenario *s, char *at);
int scene_set_settings(struct scenario *s, char *at);
int scene_set_queue(struct scenario *s, char *at);
int scene_set_expiry(struct scenario *s, char *at);
int scene_add_key(struct scenario *s, char *at);
int scene_add_gateway_key(struct scenario *s, char *at);
int scene_add_client_key(struct scenario *s, char *at);

/* life.c */
int life_set_time(struct scenario *s, char *at);
int life_pass_time(struct scenario *s, char *at);
int life_stand_still(struct scenario *s, char *at);
int life_restart(struct scenario *s, char *at);
int life_kill(struct scenario *s, char *at);
int life_reload(struct scenario *s, char *at);
int life_journal(struct scenario *s, char *at);
int life_reader(struct scenario *s, char *at);
int life_server(struct scenario *s, char *at);
/* Lets everything happen that is under way: then all have the same content, and still
 * have it after a restart. */
int life_check_end(struct scenario *s);

/* order.c */
int order_hold(struct scenario *s, char *at);
int order_release(struct scenario *s, char *at);
int order_expire(struct scenario *s, char *at);
int order_resume(struct scenario *s, char *at);
int order_fill(struct scenario *s, char *at);
int order_take(struct scenario *s, char *at);
int order_remove(struct scenario *s, char *at);
int order_adopt(struct scenario *s, char *at);
int order_check(struct scenario *s, char *at);
/* Is the order with this label still under way? */
bool order_is_waiting(struct scenario *s, const char *label);
void order_clear(struct scenario *s);

/* lease.c */
int lease_check(struct scenario *s, char *at);
int lease_check_state(struct scenario *s, char *at);
/* In any order. */
bool lease_are_same(const struct view_leases *a, const struct view_leases *b);
/* Does each lease that has a record have it in this zone? */
int lease_check_records(
	struct scenario *s, const struct view_leases *leases, const struct zone *zone);

/* send.c */
int send_update(struct scenario *s, char *at);
int send_again(struct scenario *s, char *at);
int send_many(struct scenario *s, char *at);
/* Reads the answers that there are. */
int send_read_answers(struct scenario *s);
/* NULL: none of that label has been sent. */
struct sent_update *send_find(struct scenario *s, const char *label);

/* check.c */
int check_brake(struct scenario *s, char *at);
int check_asked(struct scenario *s, char *at);
/* The gateway's zone, or the server's; *ret_zone NULL: there is none now; zone_free. */
int check_read_zone(struct scenario *s, struct zone **ret_zone);
int check_result(struct scenario *s, char *at);
int check_waiting(struct scenario *s, char *at);
int check_at(struct scenario *s, char *at);
int check_count(struct scenario *s, char *at);
int check_pending(struct scenario *s, char *at);
int check_rrset(struct scenario *s, char *at);
int check_name(struct scenario *s, char *at);
int check_serial(struct scenario *s, char *at);

#endif
