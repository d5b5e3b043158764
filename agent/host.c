/*
 * The machine's identity.  Only links with a device count as network cards: those of
 * containers and bridges have random addresses.
 */
#include "agent/host.h"

#include <glob.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE_MAX_LEN = 128, DIGEST_OCTETS = 8 };

/* machine-id(5) says that the id should be hashed before it is shown to others. */
static void digest(char out[HOST_DIGEST_MAX], const char *text)
{
	unsigned char octets[EVP_MAX_MD_SIZE];
	char salted[LINE_MAX_LEN + 16];

	snprintf(salted, sizeof(salted), "muster-agent:%s", text);
	out[0] = '\0';
	if (EVP_Digest(salted, strlen(salted), octets, NULL, EVP_sha256(), NULL) != 1)
		return;
	for (int i = 0; i < DIGEST_OCTETS; i++)
		snprintf(out + 2 * i, 3, "%02x", octets[i]);
}

/* The first line of a file, hashed.  False: there is none. */
static bool read_digest(char out[HOST_DIGEST_MAX], const char *path)
{
	char line[LINE_MAX_LEN] = "";
	FILE *file = fopen(path, "re");

	out[0] = '\0';
	if (!file)
		return false;
	if (fgets(line, sizeof(line), file))
		line[strcspn(line, "\r\n")] = '\0';
	fclose(file);
	if (line[0])
		digest(out, line);
	return out[0] != '\0';
}

static void read_links(struct host *host)
{
	glob_t found;

	if (glob("/sys/class/net/*/device", 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc && host->link_count < HOST_LINKS_MAX; i++) {
		char path[LINE_MAX_LEN];
		const char *device = found.gl_pathv[i];
		const int folder_len = (int)(strrchr(device, '/') - device);

		snprintf(path, sizeof(path), "%.*s/address", folder_len, device);
		host->link_count += read_digest(host->links[host->link_count], path);
	}
	globfree(&found);
}

void host_read(struct host *ret, const char *state)
{
	struct stat st;
	char *lock;

	*ret = (struct host){0};
	if (!read_digest(ret->machine, "/etc/machine-id"))
		(void)read_digest(ret->machine, "/var/lib/dbus/machine-id");
	read_links(ret);
	if (asprintf(&lock, "%s.lock", state) < 0)
		return;
	if (!stat(lock, &st))
		ret->lock = st.st_ino;
	free(lock);
}

static bool has_link_of(const struct host *a, const struct host *b)
{
	for (unsigned i = 0; i < a->link_count; i++)
		for (unsigned j = 0; j < b->link_count; j++)
			if (!strcmp(a->links[i], b->links[j]))
				return true;
	return false;
}

bool host_is_same(const struct host *a, const struct host *b)
{
	if (a->machine[0] && b->machine[0] && strcmp(a->machine, b->machine))
		return false;
	if (a->link_count && b->link_count && !has_link_of(a, b))
		return false;
	return !a->lock || !b->lock || a->lock == b->lock;
}
