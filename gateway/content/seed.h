/*
 * Where the content of a zone of the gateway's own comes from: the database, or its seed,
 * which is a file or made up.
 *
 * A zone that cannot be loaded is out of service, with the reason where administrators
 * look, and is tried again until it can: when the configuration is read again, when its
 * file has changed, and now and then in any case, since other files may be included.
 */
#ifndef MUSTER_SEED_H
#define MUSTER_SEED_H

#include "gateway/content/content.h"

/* As much of a file as tells when it is another. */
struct seed_file {
	uint64_t device, inode;
	int64_t size, changed_s, changed_ns;
};

struct seed {
	struct content *content; /* NULL: the zone is not the gateway's own */
	struct alarm alarm;      /* until it is tried again */
	bool is_failed;          /* it could not be loaded, and is tried again */
	bool is_bad;             /* ... since its file has an error, or is none */
	bool was_tried;
	char *why; /* it could not be loaded last, for administrators; owned; NULL: it
		    * could, or there was no memory to say so */
	struct seed_file file; /* as it was then */
	unsigned looks;        /* at that since */
};

void seed_init(struct seed *seed, struct content *content);
void seed_clear(struct seed *seed);
/* If that fails the zone is out of service, logged, and tried again. */
void seed_load(struct seed *seed);
/* Whoever reads the configuration again wants to hear it again. */
void seed_load_again(struct seed *seed);

#endif
