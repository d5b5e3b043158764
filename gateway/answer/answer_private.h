/*
 * What the files of answer.h share: an answer while it is built.
 *
 *   answer.c          the frame: header, question, OPT, verdicts
 *   answer_records.c  RRsets into sections, whole or not at all
 *   answer_lookup.c   which RRsets: RFC 1034 4.3.2
 *
 * Sections must be filled in their order.
 */
#ifndef MUSTER_ANSWER_PRIVATE_H
#define MUSTER_ANSWER_PRIVATE_H

#include "gateway/answer/answer.h"

enum answer_section { ANSWER_ANSWER = 1, ANSWER_AUTHORITY = 2, ANSWER_ADDITIONAL = 3 };

/* RRsets remembered: those whose targets get addresses, and those that must not be
 * added twice.  Beyond it, only glue is added to the additional section. */
enum { ANSWER_SETS_MAX = 64 };

/* An RRset of the zone that is in the answer. */
struct answer_set {
	const struct zone_node *node;
	const struct rrset *set;
	enum answer_section section;
};

struct answer {
	const struct answer_query *query;
	uint16_t type;        /* the question's */
	uint16_t flags;       /* of the header, without rcode */
	uint16_t rcode;       /* enum rcode, below 16 */
	uint16_t counts[4];   /* records per section */
	size_t records_at;    /* octets: where the question ends */
	bool is_closed;       /* truncated: takes no more records */
	bool has_left_out;    /* an answer that only the zone's server can give */
	struct wire_writer w; /* cap leaves room for the OPT */
	struct wire_names names;
	struct answer_set sets[ANSWER_SETS_MAX];
	size_t set_count;
};

/* Fills the sections from the zone.  name is the question's, in lower case; it is
 * overwritten while aliases are followed. */
void answer_look_up(struct answer *a, uint8_t name[NAME_MAX_LEN]);

/*
 * Adds an RRset of the zone's node under this owner name, all of it or nothing; returns
 * whether it is in the message.  If it does not fit, the answer or authority section is
 * truncated.
 */
bool answer_add_set(struct answer *a, enum answer_section section, const uint8_t *owner,
	const struct zone_node *node, const struct rrset *set);

/* Has answer_add_set added it to any section? */
bool answer_has_set(
	const struct answer *a, const struct zone_node *node, const struct rrset *set);

/* Adds a record that is not in the zone. */
void answer_add_record(
	struct answer *a, enum answer_section section, const struct rr *rr);

/* Adds the records of a walked answer, section by section. */
void answer_copy(struct answer *a, const uint8_t *from, const struct wire_message *m);

/* Adds the SOA to the authority section of a negative answer (RFC 2308 3). */
void answer_add_negative_soa(struct answer *a);

/* Sets TC.  Over UDP only the question stays, since a client that sees TC asks again
 * over TCP (RFC 2181 9).  Over TCP it cannot ask in another way, so what fits stays. */
void answer_truncate(struct answer *a);

#endif
