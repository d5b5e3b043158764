/* What the rooms of a delivery share: delivery.c (what comes next with the target) and
 * delivery_queue.c (what is pending, and the cursor). */
#ifndef MUSTER_DELIVERY_PRIVATE_H
#define MUSTER_DELIVERY_PRIVATE_H

#include <sys/queue.h>

#include "gateway/delivery/delivery.h"

enum delivery_state {
	DELIVERY_IDLE,
	DELIVERY_LOADING,
	DELIVERY_LOADED, /* until delivery_go_on */
	DELIVERY_PROBING,
	DELIVERY_SENDING,
	DELIVERY_PAUSING, /* after a failure */
};

struct delivery_entry {
	TAILQ_ENTRY(delivery_entry) entry;
	uint64_t seq;
	struct changeset *changes; /* counted */
	size_t size;               /* octets that changes holds */
	bool is_withdrawal;        /* takes back an earlier one */
};

struct delivery {
	struct zone_thread *thread;
	struct delivery_zone zone;
	char *id;
	struct target *target; /* NULL: local */
	bool is_primary;
	enum delivery_state state;
	struct config *config; /* counted: what target_config is part of */
	const struct config_target *target_config;
	struct config *next_config; /* counted; NULL: no other settings wait */
	const struct config_target *next_target_config;
	bool is_retired; /* freed, but the journal still writes its batch */
	bool is_ready;   /* of the primary: there is a mirror */
	bool want_load, want_probe;
	bool want_whole;        /* a difference will not do */
	bool is_down;           /* since the last success it has failed */
	unsigned backoff_ms;    /* the next pause */
	int64_t pause_until_ms; /* monotonic; in DELIVERY_PAUSING */
	char *why; /* owned: the last failure; NULL: it works, or no memory */
	uint64_t delivered, failures, rejected; /* struct delivery_view */
	struct alarm alarm;        /* end of a pause; of a local zone's lag */
	struct alarm cursor_alarm; /* writes a cursor that has moved */
	uint64_t cursor;           /* applied there up to here */
	uint64_t cursor_stored;    /* as the journal has it */

	TAILQ_HEAD(delivery_queue, delivery_entry)
	queue; /* durable, not yet applied, by seq */
	size_t queue_count;
	size_t queue_size; /* octets */
	uint64_t loaded;   /* last seq that the queue has, or has had */
	uint64_t hold;     /* nothing is sent before loaded is there */
	bool is_live;      /* the queue has everything after the cursor */

	struct changeset *batch; /* being sent, or to be sent again; NULL: none */
	uint64_t batch_seq;      /* the batch is everything up to here */
	size_t batch_entries;
	bool batch_is_retry; /* tried before, outcome unknown */
	uint64_t uncertain;  /* up to here an earlier process, or a batch that was given
			      * up, may have applied changes */
	unsigned changed_in_a_row; /* batches that found the zone changed by others */
	size_t isolate;            /* so many entries still go one by one */
	int64_t sent_ms;           /* monotonic; when the batch went out */
	int64_t gather_until_ms;   /* monotonic; the next waits until then, or until the
				    * queue has gather_count entries */
	size_t gather_count;
};

/* ---- delivery_queue.c ---- */

/* Where does a target stand that may be new to the zone?  0 or -errno. */
int delivery_read_cursor(struct delivery *delivery);
/* The cursor is written to the journal after a while: what lags there is delivered again
 * after a crash, which changes nothing. */
void delivery_move_cursor(struct delivery *delivery, uint64_t seq);
void delivery_on_cursor_alarm(void *arg);

void delivery_pop(struct delivery *delivery);
void delivery_drop_batch(struct delivery *delivery);
/* Reads back from the journal if the queue has run empty.  0 or -errno, logged. */
int delivery_catch_up(struct delivery *delivery);
/* Merges the head of the queue to a batch.  False: no memory. */
bool delivery_form_batch(struct delivery *delivery, size_t limit);

#endif
