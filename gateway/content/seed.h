/*
 * Where the content of a zone of the gateway's own comes from: the database, or its
 * seed, which is a file or generated.
 *
 * A zone that cannot be loaded is out of service, with the reason where administrators
 * can see it.  Loading is tried again when the configuration is read again, when the
 * file has changed, and from time to time in any case, since included files may have
 * changed.
 */
#ifndef MUSTER_SEED_H
#define MUSTER_SEED_H

#include "gateway/content/content.h"

/* What shows whether a file has changed. */
struct seed_file {
	uint64_t device, inode;
	int64_t size, changed_s, changed_ns;
};

struct seeding;

struct seed {
	struct content *content; /* NULL: the zone is not the gateway's own */
	struct seeding *reading; /* it is being read; NULL: it is not */
	struct alarm alarm;      /* until it is tried again */
	bool is_failed;          /* it could not be loaded, and is tried again */
	bool is_bad;             /* ... since its file has an error, or does not exist */
	bool was_tried;
	char *why; /* why it could not be loaded last, for administrators; owned; NULL:
	            * it could, or there was no memory for this */
	struct seed_file file; /* as it was then */
	unsigned looks;        /* at that since */
};

void seed_init(struct seed *seed, struct content *content);
void seed_clear(struct seed *seed);
/* Begins to load it, beside the zone thread.  If that fails the zone is out of service;
 * this is logged, and tried again. */
void seed_load(struct seed *seed);
/* For someone who reads the configuration again: loads it again if it could not be
 * loaded, and logs the reason again if it still cannot. */
void seed_load_again(struct seed *seed);

#endif
