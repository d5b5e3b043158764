/*
 * A scenario while it runs, and its statements.  The language is described in runner.c.
 *
 * A statement's function gets the rest of its line, may read further lines, and returns 0
 * or, having said why, -errno.
 */
#ifndef MUSTER_SCENARIO_H
#define MUSTER_SCENARIO_H

#include "tests/scenarios/exchange.h"
#include "tests/scenarios/message.h"

enum { SCENARIO_HOLDS_MAX = 16 };

struct scenario {
	const char *path;
	char *text; /* the file; cut into lines as it is read */
	char *next; /* first octet of the next line; NULL: at the end */
	int line;   /* of the last line read, from 1 */
	uint8_t apex[NAME_MAX_LEN];
	struct policy policy;
	struct exchange_gateway gateway;
	struct keyring *gateway_ring, *client_ring;
	struct hmac_pool *client_pool; /* not shared: each ring counts its secrets */
	int64_t now_s;   /* the gateway's clock; the client's is that plus its skew */
	uint32_t serial; /* as of the last check */
	uint16_t next_id;
	bool is_unchecked; /* a result nobody has asked about yet */
	bool has_result;
	struct exchange_result result;
	struct message message;
	struct lease_expiry expiry;
	unsigned expire_max; /* records a turn of expiry */
	unsigned hold_count;
	uint8_t holds[SCENARIO_HOLDS_MAX][NAME_MAX_LEN]; /* for RESTART */
};

/* "FILE:LINE: why" to stderr; returns -EINVAL. */
int scenario_fail(const struct scenario *s, const char *why, ...)
	__attribute__((format(printf, 2, 3)));
/* The next line as it stands in the file; NULL at its end. */
char *scenario_read_raw_line(struct scenario *s);
/* The next line that says something, without indentation and comment. */
char *scenario_read_line(struct scenario *s);
/* The value of a word "name=value"; NULL: another name. */
const char *scenario_value_of(const char *word, const char *name);
/* "30", "30s", "-5m", "2h", "7d" */
bool scenario_time_from_text(int64_t *ret_s, const char *text);
/* A name, completed with the zone's, in lower case; false if text is NULL or none. */
bool scenario_read_name(
	const struct scenario *s, uint8_t ret_name[NAME_MAX_LEN], const char *text);

/* scene.c */
int scene_set_zone(struct scenario *s, char *at);
int scene_add_rule(struct scenario *s, char *at);
int scene_add_key(struct scenario *s, char *at);
int scene_add_gateway_key(struct scenario *s, char *at);
int scene_add_client_key(struct scenario *s, char *at);
int scene_set_time(struct scenario *s, char *at);

/* lease.c */
int lease_begin(struct scenario *s); /* none, for the zone that there is */
int lease_pass_time(struct scenario *s, char *at);
int lease_restart(struct scenario *s, char *at);
int lease_set_expiry(struct scenario *s, char *at);
int lease_hold_host(struct scenario *s, char *at);
int lease_release_host(struct scenario *s, char *at);
int lease_expire_host(struct scenario *s, char *at);
int lease_resume(struct scenario *s, char *at);
int lease_check(struct scenario *s, char *at);
int lease_check_state(struct scenario *s, char *at);
int lease_check_brake(struct scenario *s, char *at);

/* send.c */
int send_update(struct scenario *s, char *at);

/* check.c */
int check_result(struct scenario *s, char *at);
int check_rrset(struct scenario *s, char *at);
int check_name(struct scenario *s, char *at);
int check_serial(struct scenario *s, char *at);

#endif
