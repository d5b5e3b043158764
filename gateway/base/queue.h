/*
 * A queue from any number of threads to one: the only way in which threads talk here.
 *
 * Nodes are embedded in what they carry.  A producer appends a whole list at once and
 * wakes the consumer only if the queue was empty; the consumer takes everything that is
 * there.  The wake-up is an eventfd (fd), for an event loop or for a blocking wait.
 */
#ifndef MUSTER_QUEUE_H
#define MUSTER_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct queue_node {
	struct queue_node *next;
};

/* A list under construction; belongs to one thread. */
struct queue_list {
	struct queue_node *head;
	struct queue_node **tail;
	size_t count;
};

void queue_list_init(struct queue_list *list);
void queue_list_append(struct queue_list *list, struct queue_node *node);
struct queue_node *queue_list_take(struct queue_list *list); /* the first; NULL: empty */

struct queue {
	pthread_mutex_t lock;
	struct queue_list list; /* under lock */
	int fd;                 /* eventfd: readable when there is something */
};

int queue_init(struct queue *queue); /* 0 or -errno */
void queue_clear(struct queue *queue);

/* Moves the whole list (which is empty afterwards) to the end of the queue. */
void queue_push(struct queue *queue, struct queue_list *list);
void queue_push_one(struct queue *queue, struct queue_node *node);
/* Moves everything into ret_list, which must be empty, and rearms the wake-up. */
void queue_take_all(struct queue *queue, struct queue_list *ret_list);
/* Wakes the consumer even if the queue is empty. */
void queue_wake(const struct queue *queue);
/* Blocks until there is something, or queue_wake. */
void queue_wait(struct queue *queue);
/* A hint, for limits. */
size_t queue_count(struct queue *queue);

/* Where a thread receives what others send it.  A sender gathers messages during a turn,
 * in one list for each mailbox, and then sends each list at once. */
struct mailbox {
	struct queue queue;
	unsigned number; /* among the mailboxes that they send to, from 0 */
};

#endif
