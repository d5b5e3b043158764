/*
 * Sources: where the records that a host publishes come from.
 *
 * A source is a table of functions, and what it found.  It watches something, and
 * whenever that changes it hands over all its records anew (source_give); before it has
 * done so for the first time, its records are not known.  A source that fails keeps what
 * it gave before, and says why (source_fail): a command that crashes removes no name.
 *
 * Sources use no clocks but alarms, and no network but what they watch.
 */
#ifndef MUSTER_AGENT_SOURCE_H
#define MUSTER_AGENT_SOURCE_H

#include "agent/config/config.h"
#include "agent/publish/gateways.h"
#include "gateway/base/alarm.h"

struct network;
struct source;

struct source_context {
	struct alarms *alarms;
	const struct config *config;
	struct gateways *gateways; /* for whoami */
	struct network *network;   /* NULL: not known here */
	/* The records of this source have changed, or are known for the first time. */
	void (*changed)(void *arg, struct source *source);
	/* The source has failed, or works again. */
	void (*judged)(void *arg, struct source *source);
	void *arg;
};

struct source_ops {
	const char *type;
	/* NULL: it cannot work, logged. */
	struct source *(*open)(
		const struct source_context *context, const struct config_source *config);
	void (*close)(struct source *source); /* frees it */
	/* The network has changed, or is known for the first time: look again.  NULL: it
	 * does not matter. */
	void (*network_changed)(struct source *source);
	/* Leases are being refreshed: the source looks for changes that nothing has told
	 * it of.  NULL: it cannot. */
	void (*look_again)(struct source *source);
	/* A child process of ours has ended.  NULL: there are none. */
	void (*child_ended)(struct source *source);
};

enum { SOURCE_WHY_MAX = 384 }; /* octets, with the final zero */

struct source { /* the first member of each kind of source */
	const struct source_ops *ops;
	const struct source_context *context;
	const struct config_source *config;
	struct records records; /* sorted */
	bool is_known;
	char why[SOURCE_WHY_MAX]; /* what is wrong; "": nothing */
};

/* An RRset that stands for the host's own addresses: its records' RDATA is one octet, the
 * real type is put in its place when the sources are put together. */
enum { SOURCE_TYPE_HOST = 65535 };

extern const struct source_ops source_interfaces_ops;
extern const struct source_ops source_hosts_ops;
extern const struct source_ops source_docker_ops;
extern const struct source_ops source_whoami_ops;
extern const struct source_ops source_command_ops;

/* By its type.  NULL: it cannot work, logged. */
struct source *source_open(
	const struct source_context *context, const struct config_source *config);
void source_close(struct source *source); /* NULL is harmless */

/* Fills the common part. */
void source_init(struct source *source, const struct source_ops *ops,
	const struct source_context *context, const struct config_source *config);
/* Sorts found and takes it over (it is empty afterwards), with claims unless the source
 * is shared; tells if anything changed. */
void source_give(struct source *source, struct records *found);

/* The source's file, socket or program; "" if it has none. */
const char *source_subject(const struct source *source);
/* Notes what is wrong, and logs it unless the same was wrong before.  source_recover: all
 * is well again. */
void source_fail(struct source *source, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void source_recover(struct source *source);

/* ---- what several sources add ---- */

/* An address record of family 4 or 6; its PTR too if publish asks for it.  0 or -errno of
 * records_add. */
int source_add_address(struct records *set, const uint8_t *owner, unsigned family,
	const uint8_t *octets, uint32_t ttl) __attribute__((warn_unused_result));
int source_add_reverse(struct records *set, const uint8_t *target, unsigned family,
	const uint8_t *octets, uint32_t ttl) __attribute__((warn_unused_result));
/* Claims of the RRsets that a host's own name gets by publish, even if it has no address
 * of a family: what is left there from earlier has to go. */
int source_claim_addresses(struct records *set, const uint8_t *owner, unsigned publish)
	__attribute__((warn_unused_result));

#endif
