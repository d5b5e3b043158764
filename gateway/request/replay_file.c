/*
 * The file of the memory of requests: a header, the ring, the floors, in the machine's
 * byte order, since it never leaves the machine.  It is written, not mapped: on a full
 * disk a mapped page would kill the process.
 *
 * If writing fails, this is recorded in its header (whose block exists already), and
 * the next start does not trust the file.  When it can be written again, it is written
 * as a whole.
 */
#include "gateway/request/replay_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/log.h"

enum {
	RING_AT = 4096,
	AGAIN_FAR = 512, /* distance between two places that justifies a separate write */
	RETRY_S = 10,    /* between two attempts to write everything */
};

static const char replay_magic[16] = "muster replay 2";

struct replay_header {
	char magic[sizeof(replay_magic)];
	char boot[64];
	struct name_seed seed;
	uint64_t floor;
	uint32_t places;
	uint32_t window_s;
	uint32_t is_lacking; /* something could not be written */
};

static size_t ring_len(const struct replay *replay)
{
	return replay->places * sizeof(struct replay_entry);
}

static off_t floors_at(const struct replay *replay)
{
	return RING_AT + (off_t)ring_len(replay);
}

/* ---- reading ---- */

/* Reads what there is, at most len octets; -errno. */
static ssize_t read_at(int fd, void *octets, size_t len, off_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got =
			pread(fd, (char *)octets + done, len - done, at + (off_t)done);

		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

static int read_ring(struct replay *replay)
{
	ssize_t got = read_at(replay->fd, replay->ring, ring_len(replay), RING_AT);

	if (got < 0)
		return (int)got;
	for (uint32_t i = 0; i < replay->places; i++)
		replay_take_entry(replay, i);
	replay->flushed = replay->hand;
	return 0;
}

static int read_floors(struct replay *replay, int64_t now_s)
{
	const size_t size = sizeof(struct replay_floor);
	size_t room = replay->floor_room;
	struct stat file;
	ssize_t got;
	int r = 0;

	if (fstat(replay->fd, &file))
		return -errno;
	while (floors_at(replay) + (off_t)(room * size) < file.st_size)
		room *= 2;
	if (room >= UINT32_MAX)
		return -EFBIG;
	r = replay_grow_floors(replay, room);
	if (r)
		return r;
	got = read_at(replay->fd, replay->floors, room * size, floors_at(replay));
	if (got < 0)
		return (int)got;
	for (size_t i = 0; !r && i < room; i++)
		r = replay_take_floor(replay, i, now_s);
	return r;
}

/* ---- writing ---- */

static bool write_at(
	const struct replay *replay, const void *octets, size_t len, off_t at)
{
	const ssize_t done = pwrite(replay->fd, octets, len, at);

	if (done >= 0 && done != (ssize_t)len)
		errno = ENOSPC;
	return done == (ssize_t)len;
}

static bool write_header(const struct replay *replay, bool is_lacking)
{
	struct replay_header header = {
		.seed = replay->seed,
		.floor = replay->floor,
		.places = replay->places,
		.window_s = replay->window_s,
		.is_lacking = is_lacking,
	};

	memcpy(header.magic, replay_magic, sizeof(header.magic));
	memcpy(header.boot, replay->boot, sizeof(header.boot));
	return write_at(replay, &header, sizeof(header), 0);
}

/* Writes the places from..to, which are adjacent. */
static bool write_places(const struct replay *replay, uint64_t from, uint64_t to)
{
	const size_t size = sizeof(*replay->ring);

	return write_at(replay, &replay->ring[from], (size_t)(to - from) * size,
		RING_AT + (off_t)(from * size));
}

static bool write_floors(const struct replay *replay, size_t from, size_t to)
{
	const size_t size = sizeof(*replay->floors);

	return write_at(replay, &replay->floors[from], (to - from) * size,
		floors_at(replay) + (off_t)(from * size));
}

void replay_file_fail(struct replay *replay)
{
	if (replay->is_failing)
		return;
	log_warning("the memory of requests cannot be written: %s; if the gateway "
		    "restarts before that works, requests signed earlier will be refused",
		strerror(errno));
	replay->is_failing = true;
	if (!write_header(replay, true))
		log_warning("and this cannot be recorded in the file either: %s",
			strerror(errno));
}

void replay_flush_floors(struct replay *replay)
{
	const size_t from = replay->floor_flushed, to = replay->floor_hand;

	if (replay->is_failing || from == to)
		return;
	if (write_floors(replay, from, to))
		replay->floor_flushed = to;
	else
		replay_file_fail(replay);
}

/* The answers of a turn are mostly for messages of one other turn, which are adjacent. */
static void flush_again(struct replay *replay)
{
	if (replay->is_failing || replay->again_from == replay->again_to)
		return;
	if (!write_places(replay, replay->again_from, replay->again_to))
		replay_file_fail(replay);
	replay->again_from = replay->again_to = 0;
}

void replay_write_again(struct replay *replay, uint32_t index)
{
	if (replay->again_from != replay->again_to &&
		(index + AGAIN_FAR < replay->again_from ||
			index > replay->again_to + AGAIN_FAR))
		flush_again(replay);
	if (replay->again_from == replay->again_to) {
		replay->again_from = index;
		replay->again_to = index + 1;
	} else if (index < replay->again_from) {
		replay->again_from = index;
	} else if (index >= replay->again_to) {
		replay->again_to = index + 1;
	}
}

/* Writes what the hand has passed since the last time. */
static void flush_ring(struct replay *replay)
{
	const uint64_t places = replay->places;

	if (replay->hand - replay->flushed > places)
		replay->flushed = replay->hand - places;
	while (!replay->is_failing && replay->flushed < replay->hand) {
		const uint64_t from = replay->flushed % places;
		const uint64_t left = replay->hand - replay->flushed;
		const uint64_t to = left < places - from ? from + left : places;

		if (write_places(replay, from, to))
			replay->flushed += to - from;
		else
			replay_file_fail(replay);
	}
}

void replay_file_note(struct replay *replay)
{
	if (!replay->is_failing && !write_header(replay, false))
		replay_file_fail(replay);
}

/* After a failure it is unknown what is missing. */
static void write_all(struct replay *replay)
{
	if (!write_places(replay, 0, replay->places) ||
		!write_floors(replay, 0, replay->floor_room) ||
		!write_header(replay, false))
		return;
	replay->flushed = replay->hand;
	replay->floor_flushed = replay->floor_hand;
	replay->again_from = replay->again_to = 0;
	replay->is_failing = false;
	log_info("the memory of requests can be written again");
}

void replay_flush(struct replay *replay)
{
	if (replay->fd < 0)
		return;
	if (replay->is_failing && replay->now_s >= replay->retry_s + RETRY_S) {
		replay->retry_s = replay->now_s;
		write_all(replay);
	}
	replay_flush_floors(replay);
	flush_again(replay);
	flush_ring(replay);
}

void replay_place_file(struct replay *replay)
{
	struct stat file;
	int fd;

	if (!fstat(replay->fd, &file) && file.st_nlink)
		return;
	fd = open(replay->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		replay_file_fail(replay);
		return;
	}
	close(replay->fd);
	replay->fd = fd;
	replay->is_failing = true; /* until all of it is written */
	write_all(replay);
}

/* ---- opening ---- */

static int start_anew(struct replay *replay)
{
	const size_t len = sizeof(replay->seed);

	if (getrandom(&replay->seed, len, 0) != (ssize_t)len)
		return -EIO;
	return ftruncate(replay->fd, 0) ? -errno : 0;
}

static int take_file(
	struct replay *replay, const struct replay_header *header, int64_t now_s)
{
	const unsigned window_s = replay->window_s;
	int r;

	replay->seed = header->seed;
	replay->floor = header->floor;
	r = read_ring(replay);
	if (!r)
		r = read_floors(replay, now_s);
	if (r)
		return r;
	replay->is_whole = replay->boot[0] && !header->is_lacking &&
		!memcmp(header->boot, replay->boot, sizeof(replay->boot));
	/* Its last moments may be missing, so only messages newer than the start are
	 * certainly new. */
	if (!replay->is_whole)
		replay_distrust(replay, now_s);
	replay->window_s = header->window_s;
	replay_set_window(replay, window_s, now_s);
	return 0;
}

int replay_file_open(
	struct replay *replay, const char *path, const char *boot, int64_t now_s)
{
	struct replay_header header;
	ssize_t got;
	int r;

	snprintf(replay->boot, sizeof(replay->boot), "%s", boot ? boot : "");
	replay->path = strdup(path);
	if (!replay->path)
		return -ENOMEM;
	replay->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (replay->fd < 0)
		return -errno;
	got = read_at(replay->fd, &header, sizeof(header), 0);
	if (got < 0)
		return (int)got;
	if (got == sizeof(header) &&
		!memcmp(header.magic, replay_magic, sizeof(replay_magic)) &&
		header.places == replay->places)
		r = take_file(replay, &header, now_s);
	else
		r = start_anew(replay);
	if (!r && !write_header(replay, false))
		replay_file_fail(replay);
	return r;
}

void replay_free(struct replay *replay)
{
	if (!replay)
		return;
	replay_flush(replay);
	if (replay->fd >= 0)
		close(replay->fd);
	replay_keys_clear(replay);
	free(replay->path);
	free(replay->ring);
	free(replay->chains);
	free(replay->next);
	free(replay->requests);
	pthread_mutex_destroy(&replay->lock);
	free(replay);
}
