/*
 * Which machine this is, so that the agent recognises a state file that came here with a
 * copy of another machine's disk or folder.
 *
 * Whatever both sides know is compared: the machine's id (machine-id(5)), the hardware
 * addresses of its network cards (a cloned virtual machine gets new ones, even if it has
 * the same id), and the inode of the state file's lock (a copy has another).
 */
#ifndef MUSTER_AGENT_HOST_H
#define MUSTER_AGENT_HOST_H

#include <stdbool.h>
#include <stdint.h>

enum {
	HOST_LINKS_MAX = 8,
	HOST_DIGEST_MAX = 17, /* hexadecimal digits, with the final zero */
};

struct host {
	char machine[HOST_DIGEST_MAX];               /* of its id; "": unknown */
	char links[HOST_LINKS_MAX][HOST_DIGEST_MAX]; /* of hardware addresses */
	unsigned link_count;
	uint64_t lock; /* inode; 0: unknown */
};

/* state is the path of the state file, which is locked by now. */
void host_read(struct host *ret, const char *state);
bool host_is_same(const struct host *a, const struct host *b);

#endif
