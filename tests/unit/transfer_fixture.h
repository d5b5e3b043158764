/*
 * For unit tests of zone transfers: a zone with a history, and what a client makes of the
 * messages.
 *
 * What is not as it must be fails the test; nothing here returns an error.
 */
#ifndef MUSTER_TESTS_TRANSFER_FIXTURE_H
#define MUSTER_TESTS_TRANSFER_FIXTURE_H

#include "gateway/answer/transfer.h"
#include "tests/unit/answer_text.h"
#include "zones/update.h"

/* Of example., serial 10, with names in upper case. */
extern const char transfer_zone_text[];

/* The question as clients write it. */
extern const uint8_t transfer_axfr_question[];
extern const uint8_t transfer_ixfr_question[];
enum { TRANSFER_QUESTION_LEN = 9 + 4 };

/* ---- reading ---- */

struct transfer_record {
	struct rr rr;
	struct record_buffers *buffers;
};

/* All records of a transfer in order, as an IXFR client would see them. */
struct transfer_records {
	struct transfer_record *list;
	size_t count;
};

/* Every message must be well-formed; the question stands in the first only. */
struct transfer_records transfer_read(const struct transfer *transfer);
void transfer_records_clear(struct transfer_records *records);
/* Is the record of this index a SOA with this serial? */
bool transfer_is_soa(const struct transfer_records *records, size_t i, uint32_t serial);

/* ---- zones ---- */

struct transfer_fixture {
	struct zone *zone;
	struct zone *old; /* as it was at first */
	struct transfer_histories histories;
	struct transfer_history *history;
};

/* For cmocka; with hosts, so that differences are smaller than the zone. */
int transfer_set_up(void **state);
int transfer_set_up_hosts(void **state);
int transfer_tear_down(void **state);

struct zone *transfer_copy_zone(const struct zone *zone);
/* "host0" to as many, one address each. */
void transfer_load_hosts(struct zone *zone, unsigned count);

/* Applies an update of these lines; transfer_remember adds it to the history too. */
#define TRANSFER_LINES(...) ((const char *const[]){__VA_ARGS__, NULL})
struct changeset *transfer_change(
	struct transfer_fixture *f, bool bump, const char *const *lines);
void transfer_remember(struct transfer_fixture *f, bool bump, const char *const *lines);

/* ---- asking, and what the answer must be; these free the transfer ---- */

struct transfer *transfer_ixfr(
	const struct transfer_fixture *f, uint32_t serial, size_t udp_limit);
void transfer_expect_soa_alone(struct transfer *transfer, uint32_t serial);
void transfer_expect_whole(struct transfer *transfer, const struct zone *zone);
/* The differences since from, by these serials, make the zone out of old, which is
 * changed by it. */
void transfer_expect_difference(const struct transfer_fixture *f,
	struct transfer *transfer, struct zone *old, uint32_t from,
	const uint32_t *serials, size_t count);

#endif
