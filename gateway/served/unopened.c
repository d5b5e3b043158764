/*
 * Zones that should be in service but could not be opened: keeps the reasons until they
 * can.
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"

struct served_unopened {
	UT_hash_handle hh; /* by name */
	uint8_t name[NAME_MAX_LEN];
	char why[VERDICT_WHY_MAX];
	bool is_lost; /* there was no memory to enter it */
};

static struct served_unopened *find_unopened(
	const struct served *served, const uint8_t *name)
{
	struct served_unopened *unopened;

	HASH_FIND(hh, served->unopened, name, name_len(name), unopened);
	return unopened;
}

const char *served_why_unopened(const struct served *served, const uint8_t *name)
{
	const struct served_unopened *unopened = find_unopened(served, name);

	return unopened ? unopened->why : NULL;
}

/* Without memory for the reason, the zone is tried again all the same. */
static struct served_unopened *enter_unopened(struct served *served, const uint8_t *name)
{
	struct served_unopened *unopened = calloc(1, sizeof(*unopened));

	if (!unopened)
		return NULL;
	memcpy(unopened->name, name, name_len(name));
	HASH_ADD_KEYPTR(hh, served->unopened, unopened->name, name_len(name), unopened);
	if (!unopened->is_lost)
		return unopened;
	free(unopened);
	return NULL;
}

void served_note_unopened(
	struct served *served, const uint8_t *name, int error, const char *database_error)
{
	struct served_unopened *unopened = find_unopened(served, name);
	char text[NAME_TEXT_MAX], why[VERDICT_WHY_MAX];

	if (error == -ENOMEM)
		snprintf(why, sizeof(why), "cannot be opened: out of memory");
	else
		snprintf(why, sizeof(why), "cannot be opened: the database: %.128s",
			database_error);
	if (unopened && !strcmp(unopened->why, why))
		return;
	log_error("zone %s: %s", name_to_text(name, text), why);
	if (!unopened)
		unopened = enter_unopened(served, name);
	if (unopened)
		memcpy(unopened->why, why, sizeof(why));
}

void served_note_opened(struct served *served, const uint8_t *name)
{
	struct served_unopened *unopened = find_unopened(served, name);

	if (!unopened)
		return;
	HASH_DEL(served->unopened, unopened);
	free(unopened);
}

void served_forget_unopened(struct served *served, const struct config *config)
{
	struct served_unopened *unopened, *next;

	HASH_ITER(hh, served->unopened, unopened, next) {
		if (!config || !config_find_zone(config, unopened->name))
			served_note_opened(served, unopened->name);
	}
}
