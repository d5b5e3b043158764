/*
 * The keyring: a hash table of key names, each with its chain of secrets.
 *
 * One allocation per key holds the key, its name and its secret.  Keys are never
 * removed from a ring; a reload fills another one.  There are no locks: a ring must be
 * filled before it is shared.
 */
#include "tsig/key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MIN = 64 }; /* a power of two; doubled whenever there are as many names */

struct entry {
	struct tsig_key key;
	struct entry *next_in_bucket; /* the next name; only the first secret of a name
	                               * is in a bucket */
	uint32_t hash;
	uint8_t octets[]; /* name, secret */
};

struct keyring {
	struct entry **buckets;
	size_t bucket_count; /* a power of two */
	size_t name_count;
	size_t key_count;
	unsigned fudge_max_s;
};

bool tsig_key_is_valid_at(const struct tsig_key *key, int64_t now)
{
	return now >= key->not_before && now <= key->not_after;
}

const struct tsig_key *tsig_key_choose(const struct tsig_key *key, int64_t now)
{
	for (const struct tsig_key *k = key; k; k = k->next_secret) {
		if (tsig_key_is_valid_at(k, now))
			return k;
	}
	return key;
}

struct keyring *keyring_new(void)
{
	struct keyring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return NULL;
	ring->fudge_max_s = KEYRING_FUDGE_MAX_S;
	ring->bucket_count = BUCKETS_MIN;
	ring->buckets = calloc(ring->bucket_count, sizeof(*ring->buckets));
	if (!ring->buckets) {
		free(ring);
		return NULL;
	}
	return ring;
}

/* The key is the first member of its entry. */
static struct entry *entry_of(const struct tsig_key *key)
{
	return (struct entry *)key;
}

static void free_secrets(struct entry *first)
{
	const struct tsig_key *key = &first->key;

	while (key) {
		struct entry *entry = entry_of(key);

		key = key->next_secret;
		hmac_wipe(entry->octets + name_len(entry->octets), entry->key.secret_len);
		free(entry);
	}
}

void keyring_free(struct keyring *ring)
{
	if (!ring)
		return;
	for (size_t i = 0; i < ring->bucket_count; i++) {
		struct entry *entry = ring->buckets[i];

		while (entry) {
			struct entry *next = entry->next_in_bucket;

			free_secrets(entry);
			entry = next;
		}
	}
	free(ring->buckets);
	free(ring);
}

static struct entry *find_entry(
	const struct keyring *ring, const uint8_t *name, uint32_t hash)
{
	struct entry *entry = ring->buckets[hash & (ring->bucket_count - 1)];

	for (; entry; entry = entry->next_in_bucket) {
		if (entry->hash == hash && name_is_equal(entry->key.name, name))
			return entry;
	}
	return NULL;
}

const struct tsig_key *keyring_find(const struct keyring *ring, const uint8_t *name)
{
	struct entry *entry = find_entry(ring, name, name_hash(name));

	return entry ? &entry->key : NULL;
}

static int grow_buckets(struct keyring *ring)
{
	size_t count = ring->bucket_count * 2;
	struct entry **buckets = calloc(count, sizeof(*buckets));

	if (!buckets)
		return -ENOMEM;
	for (size_t i = 0; i < ring->bucket_count; i++) {
		struct entry *entry = ring->buckets[i];

		while (entry) {
			struct entry *next = entry->next_in_bucket;
			struct entry **head = &buckets[entry->hash & (count - 1)];

			entry->next_in_bucket = *head;
			*head = entry;
			entry = next;
		}
	}
	free(ring->buckets);
	ring->buckets = buckets;
	ring->bucket_count = count;
	return 0;
}

static struct entry *copy_key(
	const struct tsig_key *key, const uint8_t *name, uint32_t hash)
{
	size_t len = name_len(name);
	struct entry *entry = malloc(sizeof(*entry) + len + key->secret_len);

	if (!entry)
		return NULL;
	memcpy(entry->octets, name, len);
	memcpy(entry->octets + len, key->secret, key->secret_len);
	entry->key = *key;
	entry->key.name = entry->octets;
	entry->key.secret = entry->octets + len;
	entry->key.next_secret = NULL;
	entry->hash = hash;
	entry->next_in_bucket = NULL;
	return entry;
}

static bool is_same_secret(const struct tsig_key *a, const struct tsig_key *b)
{
	return a->alg == b->alg && a->secret_len == b->secret_len &&
		hmac_is_equal(a->secret, b->secret, a->secret_len);
}

int keyring_add(struct keyring *ring, const struct tsig_key *key)
{
	uint8_t name[NAME_MAX_LEN];
	struct entry *first, *last = NULL, *entry;

	if (key->secret_len == 0 || key->secret_len > HMAC_SECRET_MAX)
		return -EINVAL;
	memcpy(name, key->name, name_len(key->name));
	name_lower(name);

	uint32_t hash = name_hash(name);

	first = find_entry(ring, name, hash);
	for (entry = first; entry; entry = entry_of(entry->key.next_secret)) {
		if (is_same_secret(&entry->key, key))
			return 0;
		last = entry;
	}
	if (ring->key_count == KEYRING_MAX)
		return -ENOSPC;
	if (!first && ring->name_count == ring->bucket_count && grow_buckets(ring) < 0)
		return -ENOMEM;
	entry = copy_key(key, name, hash);
	if (!entry)
		return -ENOMEM;
	entry->key.serial = ++ring->key_count;
	if (last) {
		last->key.next_secret = &entry->key;
		return 0;
	}
	struct entry **head = &ring->buckets[hash & (ring->bucket_count - 1)];

	entry->next_in_bucket = *head;
	*head = entry;
	ring->name_count++;
	return 0;
}

size_t keyring_count(const struct keyring *ring)
{
	return ring->key_count;
}

void keyring_set_fudge_max(struct keyring *ring, unsigned fudge_max_s)
{
	ring->fudge_max_s = fudge_max_s;
}

unsigned keyring_fudge_max(const struct keyring *ring)
{
	return ring->fudge_max_s;
}

void keyring_each(const struct keyring *ring,
	bool (*visit)(const struct tsig_key *key, void *arg), void *arg)
{
	for (size_t i = 0; i < ring->bucket_count; i++) {
		struct entry *entry = ring->buckets[i];

		for (; entry; entry = entry->next_in_bucket) {
			const struct tsig_key *key = &entry->key;

			for (; key; key = key->next_secret) {
				if (!visit(key, arg))
					return;
			}
		}
	}
}
