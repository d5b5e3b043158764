/*
 * Queues between threads.  What they carry, and limits on how much, are the users'
 * business.
 */
#include "gateway/base/queue.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

void queue_list_init(struct queue_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
	list->count = 0;
}

void queue_list_append(struct queue_list *list, struct queue_node *node)
{
	node->next = NULL;
	*list->tail = node;
	list->tail = &node->next;
	list->count++;
}

struct queue_node *queue_list_take(struct queue_list *list)
{
	struct queue_node *node = list->head;

	if (!node)
		return NULL;
	list->head = node->next;
	if (!list->head)
		list->tail = &list->head;
	list->count--;
	node->next = NULL;
	return node;
}

int queue_init(struct queue *queue)
{
	queue->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (queue->fd < 0)
		return -errno;
	pthread_mutex_init(&queue->lock, NULL);
	queue_list_init(&queue->list);
	return 0;
}

void queue_clear(struct queue *queue)
{
	close(queue->fd);
	pthread_mutex_destroy(&queue->lock);
}

void queue_wake(const struct queue *queue)
{
	const uint64_t one = 1;
	ssize_t written;

	/* This can only fail when the counter is full, and then the consumer is awake
	 * anyway. */
	do
		written = write(queue->fd, &one, sizeof(one));
	while (written < 0 && errno == EINTR);
}

void queue_push(struct queue *queue, struct queue_list *list)
{
	bool was_empty;

	if (!list->head)
		return;
	pthread_mutex_lock(&queue->lock);
	was_empty = !queue->list.head;
	*queue->list.tail = list->head;
	queue->list.tail = list->tail;
	queue->list.count += list->count;
	pthread_mutex_unlock(&queue->lock);
	queue_list_init(list);
	if (was_empty)
		queue_wake(queue);
}

void queue_push_one(struct queue *queue, struct queue_node *node)
{
	struct queue_list list;

	queue_list_init(&list);
	queue_list_append(&list, node);
	queue_push(queue, &list);
}

void queue_take_all(struct queue *queue, struct queue_list *ret_list)
{
	uint64_t count;
	ssize_t got;

	/* Must come before taking, or a wake-up between the two would be lost. */
	do
		got = read(queue->fd, &count, sizeof(count));
	while (got < 0 && errno == EINTR);
	pthread_mutex_lock(&queue->lock);
	if (queue->list.head) {
		*ret_list = queue->list;
		queue_list_init(&queue->list);
	}
	pthread_mutex_unlock(&queue->lock);
}

void queue_wait(struct queue *queue)
{
	struct pollfd fd = {.fd = queue->fd, .events = POLLIN};

	while (poll(&fd, 1, -1) < 0 && errno == EINTR)
		;
}

size_t queue_count(struct queue *queue)
{
	size_t count;

	pthread_mutex_lock(&queue->lock);
	count = queue->list.count;
	pthread_mutex_unlock(&queue->lock);
	return count;
}
