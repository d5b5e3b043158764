/*
 * Servers that hold zones in memory, and targets that talk to them, without sockets.
 *
 * A server behaves as target.h says: it applies a batch whole, if the zone is still as
 * the target believes, or says that it has changed.  It answers in the next turn of the
 * loop.  What it is told by a test it does instead: it holds requests back, fails with or
 * without having applied them, refuses what concerns a name; and others write to its
 * zone.
 *
 * A server like those of RFC 2136 moves the serial with each batch and gives differences.
 * One like PowerDNS does neither: it puts final states in place of what there was.
 */
#ifndef MUSTER_SCENARIO_FAKE_TARGET_H
#define MUSTER_SCENARIO_FAKE_TARGET_H

#include "gateway/target/target.h"

enum { FAKE_NAME_MAX = 32, FAKE_ID_MAX = 128 };

struct fake_version; /* a change of the zone */
struct fake_target;

struct fake_server {
	struct fake_server *next;
	char name[FAKE_NAME_MAX]; /* what scenarios call it */
	char id[FAKE_ID_MAX];     /* config_target.id of targets that talk to it */
	enum config_target_type type;
	struct zone *zone; /* owned */
	struct fake_version *versions;
	size_t version_count;
	struct fake_target *targets; /* that there are */
	struct zone *backup;         /* owned; NULL: none */
	bool is_late; /* added while the gateway ran, with what the primary had then */
	/* What it is told to do. */
	bool is_down;     /* everything fails */
	bool is_held;     /* requests wait */
	unsigned passing; /* but for the next so many */
	unsigned failing; /* so many batches fail, and are not applied */
	unsigned losing;  /* so many are applied, and fail nevertheless */
	/* batches with a change at this name: at once, or, with SERVFAIL, only when it
	 * has applied another since the first try */
	bool is_refusing;
	unsigned written; /* batches that it has ever applied */
	uint8_t refused[NAME_MAX_LEN];
	enum rcode refusal;
	/* What it has been asked. */
	unsigned batches;  /* that it has applied */
	unsigned requests; /* batches, whatever became of them */
	unsigned loads;    /* of the whole zone */
	unsigned differences;
};

/* All servers of a scenario; target_env.types is types. */
struct fake_net {
	const struct target_ops *types[CONFIG_TARGET_TYPES];
	struct fake_server *servers;
};

void fake_net_init(struct fake_net *net);
void fake_net_clear(struct fake_net *net);
/* A server for targets of this id, with a copy of the zone.  NULL: no memory. */
struct fake_server *fake_net_add(struct fake_net *net, const char *name, const char *id,
	enum config_target_type type, const struct zone *zone);
/* By its name, and zone if that is not NULL.  NULL: there is none. */
struct fake_server *fake_net_find(
	const struct fake_net *net, const char *name, const uint8_t *apex);

/* Carries on with what is held back, or with so many of the next requests, which may have
 * arrived already. */
void fake_server_release(struct fake_server *server);
void fake_server_pass(struct fake_server *server, unsigned requests);
/* Carries out what is held back, without answering yet.  How many requests that was. */
unsigned fake_server_work(struct fake_server *server);
/* Somebody else's change, which moves the serial.  0 or -errno. */
int fake_server_write(struct fake_server *server, const struct update *update)
	__attribute__((warn_unused_result));
/* Keeps a copy of its zone; puts it in the place of its zone.  0 or -errno. */
int fake_server_back_up(struct fake_server *server) __attribute__((warn_unused_result));
int fake_server_restore(struct fake_server *server) __attribute__((warn_unused_result));
/* Requests that have not been answered. */
unsigned fake_server_count_waiting(const struct fake_server *server);

#endif
