/*
 * musterd.conf: read once into an immutable, counted structure.
 *
 * A reload reads a whole new struct config; requests keep a reference to the one they
 * began with, so that its keys and rules stay valid.  The count is atomic: every thread
 * may hold references.
 */
#ifndef MUSTER_CONFIG_H
#define MUSTER_CONFIG_H

#include <stdatomic.h>
#include <sys/socket.h>
#include "tsig/key.h"
#include "zones/lease.h"
#include "zones/policy.h"

enum config_ack {
	CONFIG_ACK_WAIT,    /* after the primary target, or after ack_timeout */
	CONFIG_ACK_APPLIED, /* after the primary target, or else SERVFAIL and withdrawn */
	CONFIG_ACK_DURABLE, /* after the commit */
};

enum config_target_type {
	CONFIG_TARGET_LOCAL,
	CONFIG_TARGET_DDNS,
	CONFIG_TARGET_POWERDNS,
	CONFIG_TARGET_TYPES, /* their number */
};

struct config_address { /* a numeric socket address */
	struct sockaddr_storage storage;
	socklen_t len;
	char text[64]; /* "192.0.2.1#53", "2001:db8::1#53" */
};

struct config_secondary { /* of a local zone: gets NOTIFY */
	struct config_address address;
	struct config_address source; /* to send from; len 0: a listening address */
	/* NULL: the secondary may use any; owned by the keyring */
	const struct tsig_key *key;
};

struct config_server {                 /* where a server can be reached */
	struct config_address address; /* len 0: it is looked up when it is needed */
	char *host;                    /* NULL: address is numeric */
	unsigned port;
	char *text; /* "192.0.2.1#53", "ns1.example#53" */
};

/* Who rectifies a zone in PowerDNS after changes. */
enum config_rectify {
	CONFIG_RECTIFY_AUTO,   /* the gateway: it takes that over */
	CONFIG_RECTIFY_SERVER, /* PowerDNS, if it is set to */
};

struct config_target {
	enum config_target_type type;
	char *id; /* names its cursor in the database and the target in logs: "local",
		   * "ddns 192.0.2.53#53", "powerdns http://127.0.0.1:8081 localhost" */
	unsigned timeout_ms; /* of one request; 5 s */
	/* not local: how often it is compared with the zone (0: only when something is
	 * wrong with it), and whether what is ours is repaired by that (true) */
	unsigned sync_every_s;
	bool sync_repair;
	/* local */
	char *file; /* seeds an empty zone; NULL: SOA and NS are generated */
	struct config_secondary *notify;
	size_t notify_count;
	/* ddns */
	struct config_server *servers; /* of which one is used; at least one */
	size_t server_count;
	const struct tsig_key *key;          /* NULL: unsigned; owned by the keyring */
	const struct tsig_key *transfer_key; /* for queries and transfers; not NULL if
	                                      * key is not */
	/* powerdns */
	char **urls; /* of one server, without final slashes; the first names it */
	size_t url_count;
	char *server;  /* "localhost" */
	char *api_key; /* from api_key_file; wiped on free */
	enum config_rectify rectify;
};

enum { CONFIG_PIN_PTR = 0 };

struct config_zone {
	uint8_t name[NAME_MAX_LEN];
	/* Zones with the same pin are served by the same thread: CONFIG_PIN_PTR for all
	 * zones that contain, or may contain, addresses with PTR records or these PTR
	 * records; otherwise a hash of the name. */
	uint32_t pin;
	char *text; /* "dyn.example." */
	enum config_ack ack;
	unsigned ack_timeout_ms;       /* 0: the target's kind determines it */
	struct config_target *targets; /* at least one; the first is the primary */
	size_t target_count;
	struct policy policy;
	uint8_t *mname;          /* NULL: the SOA's own */
	struct cidr *query_from; /* empty: anyone */
	size_t query_from_count;
	unsigned refresh_s; /* between serial checks of the primary; 60 */
	size_t max_size;    /* octets of memory beyond which no update makes it grow */
	struct lease_expiry expiry;
	/* What to do when a host goes stale, or its records expire: an absolute path of
	 * a program, or an http(s) URL; NULL: nothing. */
	char *on_stale, *on_expire;
};

struct config {
	atomic_uint refs;
	struct config_address *listen;
	size_t listen_count;
	char *user; /* NULL: stay */
	char *database;
	char *pid_file;             /* NULL: none */
	char *control;              /* path of the Unix socket; NULL: none */
	struct config_address http; /* len 0: off */
	/* names under which http is reached, besides its addresses */
	uint8_t **http_hosts;
	size_t http_host_count;
	unsigned threads;      /* listener threads; one per core */
	unsigned zone_threads; /* 1, or half of the cores if there are more than 2 */
	unsigned audit_days;   /* how long delivered journal rows are kept; 30 */
	unsigned max_fudge_s;  /* keyring_set_fudge_max; KEYRING_FUDGE_MAX_S */
	unsigned tcp_idle_timeout_ms; /* until an inactive connection is closed; 30 s */
	struct keyring *keys;
	struct config_zone *zones;
	size_t zone_count;
	void *zone_index; /* config.c's: zones by name */
};

/* The zone's target with this id; NULL: none. */
const struct config_target *config_zone_find_target(
	const struct config_zone *zone, const char *id);
/* The first target with this id, of whatever zone; NULL: none. */
const struct config_target *config_find_target(
	const struct config *config, const char *id);

/*
 * Called for each problem: "musterd.conf:12: zones[0].ack: unknown value \"fast\"".
 * error false: a warning.
 */
typedef void config_report(bool error, const char *message, void *arg);

/*
 * Reads the file, and the key files, API key files and so on that it names.  All
 * problems are reported before it fails.  *ret_config with one reference, or -EINVAL
 * (bad content), -ENOMEM, or the error of open (reported too).
 */
int config_load(struct config **ret_config, const char *path, config_report *report,
	void *arg) __attribute__((warn_unused_result));
struct config *config_ref(struct config *config);
void config_unref(struct config *config); /* NULL is harmless */

/* The served zone of exactly this name; NULL: none. */
const struct config_zone *config_find_zone(
	const struct config *config, const uint8_t *name);
/* The served zone that contains this name (the closest enclosing one); NULL: none. */
const struct config_zone *config_find_enclosing_zone(
	const struct config *config, const uint8_t *name);

/* Which of count zone threads serves it: 0 to count - 1. */
static inline unsigned config_zone_thread(const struct config_zone *zone, unsigned count)
{
	return zone->pin % count;
}
/* Sets a zone's pin, by its rules and its name. */
void config_set_pin(struct config_zone *zone);
/* Zones that were served with ptr rules keep their pin although the rules are gone,
 * since their PTR records still follow.  To be called before config is shared. */
void config_keep_pins(struct config *config, const struct config *before);

/* A numeric address ("192.0.2.1", "2001:db8::1") and a port.  0 or -EINVAL. */
int config_parse_address(struct config_address *ret, const char *address, unsigned port);

#endif
