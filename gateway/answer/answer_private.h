/*
 * Between the rooms of answer.h: an answer in the making.
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

/* RRsets remembered: those whose targets get addresses, and those not to be given twice.
 * Beyond it there are no more additional records but glue. */
enum { ANSWER_SETS_MAX = 64 };

/* An RRset of the zone that stands in the answer. */
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

/* Fills the sections from the zone.  name is the question's, in lower case; it is used up
 * while following aliases. */
void answer_look_up(struct answer *a, uint8_t name[NAME_MAX_LEN]);

/*
 * An RRset of the zone's node under this owner name, all of it or nothing; is it in the
 * message?  What does not fit the answer or authority section truncates the answer.
 */
bool answer_add_set(struct answer *a, enum answer_section section, const uint8_t *owner,
	const struct zone_node *node, const struct rrset *set);

/* Has answer_add_set put it into any section? */
bool answer_has_set(
	const struct answer *a, const struct zone_node *node, const struct rrset *set);

/* A record that the zone does not hold. */
void answer_add_record(
	struct answer *a, enum answer_section section, const struct rr *rr);

/* The records of a walked answer, section by section. */
void answer_copy(struct answer *a, const uint8_t *from, const struct wire_message *m);

/* The SOA into the authority section of a negative answer (RFC 2308 3). */
void answer_add_negative_soa(struct answer *a);

/* TC.  Over UDP nothing but the question stays: who has seen TC asks again over TCP (RFC
 * 2181 9).  Over TCP there is no other way, so that what does fit stays. */
void answer_truncate(struct answer *a);

#endif
