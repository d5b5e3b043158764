/*
 * The mark of acknowledged changes: one line of text of a fixed length.
 */
#include "gateway/thread/high_water.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"

enum { LINE_MAX_LEN = 96 };

#define LINE_BEGIN "changes up to %020" PRIu64 " are durable, "
#define LINE_END   "%016" PRId64 " ms since 1970\n"
#define LINE_SCAN  "changes up to %" SCNu64 " are durable, %" SCNd64 " ms since 1970"

struct high_water {
	int fd;
	atomic_uint_fast64_t seq;
	pthread_mutex_t lock; /* for the following members, and for writing */
	bool is_failing;
	int64_t at_ms;
};

/* NULL: no memory. */
static char *make_path(const char *database)
{
	const char *slash = strrchr(database, '/');
	const char *name = slash ? slash + 1 : database;
	char *path;

	if (asprintf(&path, "%.*s.%s-mark", (int)(name - database), database, name) < 0)
		return NULL;
	return path;
}

static int read_line(struct high_water *mark)
{
	char line[LINE_MAX_LEN + 1];
	const ssize_t len = pread(mark->fd, line, LINE_MAX_LEN, 0);
	uint64_t seq = 0;

	if (len < 0)
		return -errno;
	line[len] = '\0';
	if (sscanf(line, LINE_SCAN, &seq, &mark->at_ms) != 2)
		seq = 0;
	atomic_init(&mark->seq, seq);
	return 0;
}

/* The gateway works without it, too. */
int high_water_open(struct high_water **ret_mark, const char *database)
{
	struct high_water *mark = calloc(1, sizeof(*mark));
	char *path = make_path(database);
	int r = 0;

	*ret_mark = mark;
	if (mark) {
		mark->fd = -1;
		pthread_mutex_init(&mark->lock, NULL);
	}
	if (!mark || !path) {
		free(path);
		return -ENOMEM;
	}
	mark->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = mark->fd < 0 ? -errno : read_line(mark);
	if (r)
		log_warning("%s: %s: whether the database is older than it was is not "
			    "known",
			path, strerror(-r));
	mark->is_failing = r != 0;
	free(path);
	return 0;
}

void high_water_close(struct high_water *mark)
{
	if (!mark)
		return;
	if (mark->fd >= 0)
		close(mark->fd);
	pthread_mutex_destroy(&mark->lock);
	free(mark);
}

uint64_t high_water_seq(const struct high_water *mark)
{
	return atomic_load_explicit(&mark->seq, memory_order_acquire);
}

int64_t high_water_at_ms(const struct high_water *mark)
{
	return mark->at_ms;
}

static void write_line(struct high_water *mark, uint64_t seq, int64_t at_ms)
{
	char line[LINE_MAX_LEN];
	const int len = snprintf(line, sizeof(line), LINE_BEGIN LINE_END, seq, at_ms);

	if (pwrite(mark->fd, line, (size_t)len, 0) == len) {
		mark->is_failing = false;
		return;
	}
	if (!mark->is_failing)
		log_warning("the record of acknowledged changes cannot be written: %s",
			strerror(errno));
	mark->is_failing = true;
}

/* The line is in the file before anybody sees the number. */
void high_water_raise(struct high_water *mark, uint64_t seq, int64_t at_ms)
{
	if (seq <= high_water_seq(mark))
		return;
	pthread_mutex_lock(&mark->lock);
	if (seq > high_water_seq(mark)) {
		mark->at_ms = at_ms;
		write_line(mark, seq, at_ms);
		atomic_store_explicit(&mark->seq, seq, memory_order_release);
	}
	pthread_mutex_unlock(&mark->lock);
}
