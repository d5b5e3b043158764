/*
 * The memory store: databases and their tables; zones, records, leases.
 */
#include "tests/unit/store_memory_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY_PAGE = 4096 }; /* octets: what a file would take is counted in them */

/* All that there are; nothing else here outlives a connection. */
static struct memory_database *databases;
static pthread_mutex_t databases_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- tables ---- */

static void free_row(void *value)
{
	struct memory_row *row = value;

	free(row->changes);
	free(row);
}

static void free_rrset(void *value)
{
	rrset_unref(value);
}

void *memory_find(struct memory_database *database, enum memory_kind kind,
	const struct memory_key *key)
{
	return memory_table_find(&database->tables[kind], key->octets, key->len);
}

int memory_put(struct memory_database *database, enum memory_kind kind,
	const struct memory_key *key, void *value)
{
	return memory_table_put(
		&database->tables[kind], &database->log, key->octets, key->len, value);
}

int memory_each(struct memory_database *database, enum memory_kind kind,
	const struct memory_key *prefix,
	int (*visit)(const struct memory_entry *entry, void *arg), void *arg)
{
	const struct memory_table *table = &database->tables[kind];
	size_t at = memory_table_find_from(table, prefix->octets, prefix->len);
	int r = 0;

	for (; !r && at < table->count; at++) {
		const struct memory_entry *entry = table->entries[at];

		if (entry->key_len < prefix->len ||
			memcmp(entry->key, prefix->octets, prefix->len) != 0)
			break;
		r = visit(entry, arg);
	}
	return r;
}

/* ---- databases ---- */

static struct memory_database *find_database(const char *path)
{
	struct memory_database *database = databases;

	while (database && strcmp(database->path, path) != 0)
		database = database->next;
	return database;
}

static struct memory_database *add_database(const char *path)
{
	struct memory_database *database = calloc(1, sizeof(*database));
	pthread_mutexattr_t recursive;

	if (!database)
		return NULL;
	database->path = strdup(path);
	if (!database->path) {
		free(database);
		return NULL;
	}
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&database->lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	pthread_cond_init(&database->released, NULL);
	for (unsigned i = 0; i < MEMORY_TABLES; i++)
		database->tables[i].free_value = free;
	database->tables[MEMORY_ROWS].free_value = free_row;
	database->tables[MEMORY_RECORDS].free_value = free_rrset;
	database->next = databases;
	databases = database;
	return database;
}

void store_memory_forget(const char *path)
{
	struct memory_database **at = &databases, *database;

	pthread_mutex_lock(&databases_lock);
	while (*at && strcmp((*at)->path, path) != 0)
		at = &(*at)->next;
	database = *at;
	if (database && !database->open_count) {
		*at = database->next;
		for (unsigned i = 0; i < MEMORY_TABLES; i++)
			memory_table_clear(&database->tables[i]);
		free(database->log.steps);
		pthread_cond_destroy(&database->released);
		pthread_mutex_destroy(&database->lock);
		free(database->path);
		free(database);
	}
	pthread_mutex_unlock(&databases_lock);
}

static int open_store(
	struct store **ret_store, const char *path, char error[STORE_ERROR_MAX])
{
	struct store *store = calloc(1, sizeof(*store));
	struct memory_database *database;

	if (!store)
		return -ENOMEM;
	pthread_mutex_lock(&databases_lock);
	database = find_database(path);
	if (!database)
		database = add_database(path);
	if (database)
		database->open_count++;
	pthread_mutex_unlock(&databases_lock);
	if (!database) {
		snprintf(error, STORE_ERROR_MAX, "out of memory");
		free(store);
		return -ENOMEM;
	}
	store->database = database;
	*ret_store = store;
	return 0;
}

static void close_store(struct store *store)
{
	if (!store)
		return;
	pthread_mutex_lock(&databases_lock);
	store->database->open_count--;
	pthread_mutex_unlock(&databases_lock);
	free(store);
}

static const char *store_why(const struct store *store)
{
	return store->why;
}

int memory_fail(struct store *store, int error, const char *why)
{
	snprintf(store->why, sizeof(store->why), "%s", why);
	return -error;
}

struct memory_database *memory_lock(struct store *store)
{
	pthread_mutex_lock(&store->database->lock);
	return store->database;
}

void memory_unlock(struct memory_database *database)
{
	pthread_mutex_unlock(&database->lock);
}

static int no_files(struct store *store)
{
	(void)store;
	return 0;
}

struct memory_database *memory_lock_by_path(const char *path)
{
	struct memory_database *database;

	pthread_mutex_lock(&databases_lock);
	database = find_database(path);
	pthread_mutex_unlock(&databases_lock);
	if (!database)
		abort(); /* nobody has opened it */
	pthread_mutex_lock(&database->lock);
	return database;
}

/* ---- transactions ---- */

/* The lock stays until commit or rollback. */
static int begin(struct store *store)
{
	struct memory_database *database = memory_lock(store);

	while (database->is_held)
		pthread_cond_wait(&database->released, &database->lock);
	if (database->log.is_open) {
		memory_unlock(database);
		return memory_fail(store, EIO, "a transaction within a transaction");
	}
	memory_log_begin(&database->log);
	return 0;
}

static int commit(struct store *store)
{
	struct memory_database *database = store->database;

	if (database->failing) {
		database->failing--;
		snprintf(store->why, sizeof(store->why), "%s",
			strerror(-database->failure));
		return database->failure;
	}
	memory_log_end(&database->log);
	memory_unlock(database);
	return 0;
}

static void rollback(struct store *store)
{
	struct memory_database *database = memory_lock(store);

	if (database->log.is_open) {
		memory_log_undo(&database->log);
		memory_unlock(database);
	}
	memory_unlock(database);
}

static uint64_t log_octets(const struct store *store)
{
	(void)store;
	return 0;
}

static int checkpoint(struct store *store, uint64_t *ret_moved, uint64_t *ret_left)
{
	(void)store;
	*ret_moved = *ret_left = 0;
	return 0;
}

/* ---- zones ---- */

static int look_for_last(const struct memory_entry *entry, void *arg)
{
	const struct memory_zone *zone = entry->value;
	int64_t *last = arg;

	if (zone->id > *last)
		*last = zone->id;
	return 0;
}

/* Of the numbers that are taken. */
static int64_t last_zone(struct memory_database *database)
{
	struct memory_key all;
	int64_t last = 0;

	memory_key_init(&all);
	(void)memory_each(database, MEMORY_ZONES, &all, look_for_last, &last);
	return last;
}

static int add_zone(struct memory_database *database, const struct memory_key *key,
	struct memory_zone **ret_zone)
{
	struct memory_zone *zone = calloc(1, sizeof(*zone));

	if (!zone)
		return -ENOMEM;
	zone->id = last_zone(database) + 1;
	*ret_zone = zone;
	return memory_put(database, MEMORY_ZONES, key, zone);
}

static int find_zone_of_name(struct store *store, const uint8_t *name, int64_t *ret_id)
{
	struct memory_database *database;
	const struct memory_zone *zone;
	struct memory_key key;
	const int r = memory_lock_to_read(store, &database);

	if (r)
		return r;
	memory_key_init(&key);
	memory_key_add_name(&key, name);
	zone = memory_find(database, MEMORY_ZONES, &key);
	*ret_id = zone ? zone->id : 0;
	memory_unlock(database);
	return 0;
}

static int zone_id(struct store *store, const uint8_t *name, int64_t *ret_id)
{
	struct memory_database *database = memory_lock(store);
	struct memory_zone *zone;
	struct memory_key key;
	int r = 0;

	memory_key_init(&key);
	memory_key_add_name(&key, name);
	zone = memory_find(database, MEMORY_ZONES, &key);
	if (!zone)
		r = add_zone(database, &key, &zone);
	if (!r)
		*ret_id = zone->id;
	memory_unlock(database);
	return r;
}

struct zone_visit {
	int (*visit)(int64_t id, const uint8_t *name, void *arg);
	void *arg;
};

static int visit_zone(const struct memory_entry *entry, void *arg)
{
	const struct zone_visit *visit = arg;
	const struct memory_zone *zone = entry->value;

	return visit->visit(zone->id, entry->key, visit->arg);
}

static int each_zone(struct store *store,
	int (*visit)(int64_t id, const uint8_t *name, void *arg), void *arg)
{
	struct memory_database *database = memory_lock(store);
	struct zone_visit zone_visit = {visit, arg};
	struct memory_key all;
	int r;

	memory_key_init(&all);
	r = memory_each(database, MEMORY_ZONES, &all, visit_zone, &zone_visit);
	memory_unlock(database);
	return r;
}

/* ---- records ---- */

/* Counts of RRsets are not atomic: the database has its own.  NULL: no memory. */
static struct rrset *copy_rrset(const struct rrset *set)
{
	const uint8_t *rdata;
	size_t at = 0;
	uint16_t len;
	struct rrset *copy = NULL, *longer;

	while ((rdata = rrset_next(set, &at, &len))) {
		longer = copy ? rrset_with(copy, rdata, len)
			      : rrset_new_spelled(set->type, set->ttl, rdata, len,
					rrset_spelled(set));
		rrset_unref(copy);
		copy = longer;
		if (!copy)
			return NULL;
	}
	return copy;
}

static int put_rrset(struct store *store, int64_t zone, const uint8_t *owner,
	uint16_t type, const struct rrset *set)
{
	struct memory_database *database = memory_lock(store);
	struct rrset *copy = set ? copy_rrset(set) : NULL;
	struct memory_key key;
	int r = set && !copy ? -ENOMEM : 0;

	memory_key_init(&key);
	memory_key_add_number(&key, (uint64_t)zone);
	memory_key_add_name(&key, owner);
	memory_key_add_type(&key, type);
	if (!r)
		r = memory_put(database, MEMORY_RECORDS, &key, copy);
	memory_unlock(database);
	return r;
}

static int load_rrset(const struct memory_entry *entry, void *arg)
{
	const struct rrset *set = entry->value;
	struct rr rr = {
		.owner = entry->key + 8, /* behind the zone */
		.spelled = rrset_spelled(set),
		.type = set->type,
		.class = CLASS_IN,
		.ttl = set->ttl,
	};
	size_t at = 0;
	int r = 0;

	while (!r && (rr.rdata = rrset_next(set, &at, &rr.rdata_len)))
		r = zone_load_rr(arg, &rr);
	return r;
}

static int read_records(struct store *store, int64_t zone, struct zone *mirror)
{
	struct memory_database *database;
	struct memory_key prefix;
	int r = memory_lock_to_read(store, &database);

	if (r)
		return r;
	memory_key_init(&prefix);
	memory_key_add_number(&prefix, (uint64_t)zone);
	r = memory_each(database, MEMORY_RECORDS, &prefix, load_rrset, mirror);
	memory_unlock(database);
	return r;
}

/* ---- leases and holds ---- */

static void init_lease_key(
	struct memory_key *key, int64_t zone, const struct lease_record *lease)
{
	memory_key_init(key);
	memory_key_add_number(key, (uint64_t)zone);
	memory_key_add_name(key, lease->owner);
	memory_key_add_type(key, lease->type);
	memory_key_add(key, lease->rdata, lease->rdata_len);
}

static struct memory_lease *copy_lease(const struct lease_record *lease)
{
	const size_t owner_len = name_len(lease->owner), key_len = name_len(lease->key);
	struct memory_lease *copy =
		malloc(sizeof(*copy) + owner_len + key_len + lease->rdata_len);
	uint8_t *at;

	if (!copy)
		return NULL;
	at = copy->octets;
	copy->lease = *lease;
	copy->lease.owner = memcpy(at, lease->owner, owner_len);
	copy->lease.key = memcpy(at + owner_len, lease->key, key_len);
	copy->lease.rdata = at + owner_len + key_len;
	if (lease->rdata_len)
		memcpy(at + owner_len + key_len, lease->rdata, lease->rdata_len);
	return copy;
}

static int put_lease(struct store *store, int64_t zone, const struct lease_record *lease)
{
	struct memory_database *database;
	struct memory_lease *copy;
	struct memory_key key;
	int r = -ENOMEM;

	if (!lease->owner || !lease->key)
		return memory_fail(store, EIO, "a lease has an owner and a key");
	database = memory_lock(store);
	init_lease_key(&key, zone, lease);
	copy = copy_lease(lease);
	if (copy)
		r = memory_put(database, MEMORY_LEASES, &key, copy);
	memory_unlock(database);
	return r;
}

static int remove_lease(
	struct store *store, int64_t zone, const struct lease_record *lease)
{
	struct memory_database *database = memory_lock(store);
	struct memory_key key;
	int r;

	init_lease_key(&key, zone, lease);
	r = memory_put(database, MEMORY_LEASES, &key, NULL);
	memory_unlock(database);
	return r;
}

struct lease_visit {
	int (*visit)(const struct lease_record *lease, void *arg);
	void *arg;
};

static int visit_lease(const struct memory_entry *entry, void *arg)
{
	const struct lease_visit *visit = arg;
	const struct memory_lease *lease = entry->value;

	return visit->visit(&lease->lease, visit->arg);
}

static int each_lease(struct store *store, int64_t zone,
	int (*visit)(const struct lease_record *lease, void *arg), void *arg)
{
	struct memory_database *database = memory_lock(store);
	struct lease_visit lease_visit = {visit, arg};
	struct memory_key prefix;
	int r;

	memory_key_init(&prefix);
	memory_key_add_number(&prefix, (uint64_t)zone);
	r = memory_each(database, MEMORY_LEASES, &prefix, visit_lease, &lease_visit);
	memory_unlock(database);
	return r;
}

struct note {
	struct memory_database *database;
	int64_t zone;
	const struct lease_record *last;
};

static int note_lease(const struct memory_entry *entry, void *arg)
{
	const struct note *note = arg;
	const struct lease_record *lease = &((struct memory_lease *)entry->value)->lease;
	struct memory_lease *copy;
	struct memory_key key;

	if (!name_is_equal(lease->key, note->last->key) ||
		lease->seen_s >= note->last->seen_s)
		return 0;
	init_lease_key(&key, note->zone, lease);
	copy = copy_lease(lease);
	if (!copy)
		return -ENOMEM;
	copy->lease.source = note->last->source;
	copy->lease.seen_s = note->last->seen_s;
	return memory_put(note->database, MEMORY_LEASES, &key, copy);
}

static int note_seen(struct store *store, int64_t zone, const uint8_t *owner,
	const struct lease_record *last)
{
	struct note note = {memory_lock(store), zone, last};
	struct memory_key prefix;
	int r;

	memory_key_init(&prefix);
	memory_key_add_number(&prefix, (uint64_t)zone);
	memory_key_add_name(&prefix, owner);
	r = memory_each(note.database, MEMORY_LEASES, &prefix, note_lease, &note);
	memory_unlock(note.database);
	return r;
}

static int put_hold(struct store *store, int64_t zone, const uint8_t *owner, bool is_held)
{
	struct memory_database *database = memory_lock(store);
	void *mark = is_held ? malloc(1) : NULL;
	struct memory_key key;
	int r = is_held && !mark ? -ENOMEM : 0;

	memory_key_init(&key);
	memory_key_add_number(&key, (uint64_t)zone);
	memory_key_add_name(&key, owner);
	if (!r)
		r = memory_put(database, MEMORY_HOLDS, &key, mark);
	memory_unlock(database);
	return r;
}

struct hold_visit {
	int (*visit)(const uint8_t *owner, void *arg);
	void *arg;
};

static int visit_hold(const struct memory_entry *entry, void *arg)
{
	const struct hold_visit *visit = arg;

	return visit->visit(entry->key + 8, visit->arg); /* behind the zone */
}

static int each_hold(struct store *store, int64_t zone,
	int (*visit)(const uint8_t *owner, void *arg), void *arg)
{
	struct memory_database *database = memory_lock(store);
	struct hold_visit hold_visit = {visit, arg};
	struct memory_key prefix;
	int r;

	memory_key_init(&prefix);
	memory_key_add_number(&prefix, (uint64_t)zone);
	r = memory_each(database, MEMORY_HOLDS, &prefix, visit_hold, &hold_visit);
	memory_unlock(database);
	return r;
}

/* ---- the table of functions ---- */

/* As if each entry took half a page. */
static int used(struct store *store, uint64_t *ret_octets)
{
	struct memory_database *database = memory_lock(store);
	uint64_t halves = 0;

	for (unsigned i = 0; i < MEMORY_TABLES; i++)
		halves += database->tables[i].count;
	memory_unlock(database);
	*ret_octets = halves * MEMORY_PAGE / 2;
	return 0;
}

const struct store_ops store_memory = {
	.open = open_store,
	.close = close_store,
	.error = store_why,
	.check = no_files,
	.rescue = no_files,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.log_octets = log_octets,
	.checkpoint = checkpoint,
	.zone_id = zone_id,
	.find_zone = find_zone_of_name,
	.append = memory_append,
	.set_outcome = memory_set_outcome,
	.last_seq = memory_last_seq,
	.each_change = memory_each_change,
	.count_changes = memory_count_changes,
	.melt = memory_melt,
	.each_mac = memory_each_mac,
	.put_cursor = memory_put_cursor,
	.forget_cursor = memory_forget_cursor,
	.each_cursor = memory_each_cursor,
	.put_reach = memory_put_reach,
	.find_reach = memory_find_reach,
	.put_belief = memory_put_belief,
	.find_belief = memory_find_belief,
	.find_mark = memory_find_mark,
	.set_aside = memory_set_aside,
	.drop_aside = memory_drop_aside,
	.put_rrset = put_rrset,
	.read_records = read_records,
	.put_lease = put_lease,
	.remove_lease = remove_lease,
	.note_seen = note_seen,
	.each_lease = each_lease,
	.put_hold = put_hold,
	.each_hold = each_hold,
	.each_row = memory_each_row,
	.find_transaction = memory_find_transaction,
	.each_expired = memory_each_expired,
	.each_set_aside = memory_each_set_aside,
	.each_zone = each_zone,
	.prune = memory_prune,
	.used = used,
};
