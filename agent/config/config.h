/*
 * muster-agent.conf, read and checked (muster-agent.conf(5)).
 *
 * A struct config does not change once it is read; a reload reads a new one.  It owns
 * everything in it.
 */
#ifndef MUSTER_AGENT_CONFIG_H
#define MUSTER_AGENT_CONFIG_H

#include "agent/records/records.h"
#include "tsig/key.h"

enum {
	CONFIG_GATEWAYS_MAX = 16,
	CONFIG_SOURCES_MAX = 64,
	CONFIG_WORDS_MAX = 64, /* elements of one list of words */
};

struct config_gateway {
	char *host; /* address or name */
	char *text; /* as configured, for logs */
	uint16_t port;
};

/* What a name of this host may get from its addresses. */
enum config_publish {
	PUBLISH_A = 1,
	PUBLISH_AAAA = 2,
	PUBLISH_SSHFP = 4,
	PUBLISH_PTR = 8,
};

enum config_source_type {
	SOURCE_INTERFACES,
	SOURCE_HOSTS,
	SOURCE_DOCKER,
	SOURCE_WHOAMI,
	SOURCE_COMMAND,
	SOURCE_TYPES, /* their number */
};

/* Which addresses of interfaces count. */
enum config_scope {
	SCOPE_GLOBAL = 1,
	SCOPE_PRIVATE = 2, /* RFC 1918, RFC 6598, and RFC 4193's unique local ones */
	SCOPE_LINK = 4,
	SCOPE_HOST = 8, /* loopback */
};

enum config_include {
	INCLUDE_TEMPORARY = 1, /* RFC 8981 */
	INCLUDE_DEPRECATED = 2,
	INCLUDE_TENTATIVE = 4,
};

struct config_address {
	uint8_t family; /* 4 or 6 */
	uint8_t octets[16];
};

struct config_source {
	enum config_source_type type;
	unsigned line;        /* of the file, for logs */
	unsigned publish;     /* enum config_publish; interfaces and whoami */
	unsigned scopes;      /* enum config_scope; interfaces */
	unsigned include;     /* enum config_include; interfaces */
	char **interfaces;    /* patterns; NULL: all but containers' bridges and lo */
	bool has_suffix;      /* interfaces: */
	uint8_t suffix[8];    /* only IPv6 addresses that end in it */
	char *path;           /* hosts: file or folder; docker: the engine's socket */
	char **command;       /* command: program and arguments; ends with NULL */
	char *network;        /* docker: addresses of this network only; NULL: of all */
	bool is_host_address; /* docker: the host's addresses, not the container's */
	struct config_address *addresses; /* docker: these, not the container's */
	size_t address_count;
	uint32_t ttl;        /* seconds */
	uint32_t interval_s; /* whoami, command: between two looks; 0: never again */
	uint32_t timeout_ms; /* command: how long it may run */
	uint32_t grace_ms;   /* docker: a stopped container's records stay for */
	bool is_shared; /* others add to the same RRsets: leave their records alone */
	uint8_t origin[NAME_MAX_LEN]; /* what relative names are completed with */
};

struct config {
	char *path;
	struct config_gateway *gateways;
	size_t gateway_count;
	char *key_file; /* as configured; a credential may stand for it */
	struct keyring *keys;
	const struct tsig_key *key;     /* the first secret of the key to sign with */
	uint8_t (*zones)[NAME_MAX_LEN]; /* lower case; the first completes names */
	size_t zone_count;
	uint8_t name[NAME_MAX_LEN]; /* the host's own, lower case */
	uint32_t lease_s;
	uint32_t ttl;           /* seconds */
	unsigned publish;       /* enum config_publish */
	char **interfaces;      /* as in struct config_source */
	char *ssh_keys;         /* pattern of the host's public keys' files */
	struct records records; /* sorted; those that stand in the configuration */
	struct config_source *sources;
	size_t source_count;
	bool is_shared;
	bool withdraw_on_exit;
	bool is_tcp;               /* never UDP */
	uint32_t initial_delay_ms; /* at most, RFC 9664 4.2 */
	uint32_t timeout_ms;       /* for one gateway to answer */
	char *state;               /* file; what is published */
	char *user;                /* NULL: stay who we are */
	char *pid_file;            /* NULL: none */
};

/* Called for each problem: "file:line: setting: reason". */
typedef void config_report(bool is_error, const char *message, void *arg);

/* 0 with the caller's *ret_config; -EINVAL or -ENOMEM, reported. */
int config_load(struct config **ret_config, const char *path, config_report *report,
	void *arg) __attribute__((warn_unused_result));
/* The same on text in memory, for tests; key files are read relative to folder. */
int config_parse(struct config **ret_config, const char *text, const char *folder,
	config_report *report, void *arg) __attribute__((warn_unused_result));
void config_free(struct config *config); /* NULL is harmless */

/* The zone that a name lies in: the longest; NULL: in none of them. */
const uint8_t *config_find_zone(const struct config *config, const uint8_t *name);

/*
 * A host name as people write it in hosts files and labels: "web" is completed with
 * origin, "web.dyn.example" is taken as it is if it lies in one of the zones; a service
 * ("_http._tcp") that lies in none of them is completed, too.  0, or
 * -EINVAL: no name, or in none of the zones.  Lower case.
 */
int config_complete_name(const struct config *config, const uint8_t *origin,
	const char *text, uint8_t ret_name[NAME_MAX_LEN])
	__attribute__((warn_unused_result));

#endif
