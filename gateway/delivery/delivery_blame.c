/*
 * Who is to blame: see delivery_blame.h.
 */
#include "gateway/delivery/delivery_blame.h"

#include "tsig/name.h"

size_t delivery_blame_limit(const struct delivery_blame *blame)
{
	if (blame->is_named)
		return blame->before ? blame->before : 1;
	return blame->count ? (blame->count + 1) / 2 : SIZE_MAX;
}

/* Suspects have had their turn, or others have. */
static void end_turn(struct delivery_blame *blame)
{
	if (!blame->is_testing)
		blame->alone = BLAME_ALONE;
	else if (blame->alone)
		blame->alone--;
	blame->is_testing = false;
}

/* If they were all, nobody is to blame: the target minded that they came together. */
void delivery_blame_applied(struct delivery_blame *blame, size_t entries)
{
	blame->count -= entries < blame->count ? entries : blame->count;
	blame->is_named = blame->is_named && entries <= blame->before;
	blame->before -= blame->is_named ? entries : 0;
	end_turn(blame);
}

bool delivery_blame_refused(struct delivery_blame *blame, size_t entries)
{
	const bool is_found = entries == 1;

	blame->count = is_found ? 0 : entries;
	blame->is_named = false;
	if (is_found)
		end_turn(blame);
	return is_found;
}

void delivery_blame_name(struct delivery_blame *blame, size_t before)
{
	blame->is_named = true;
	blame->before = before;
}

void delivery_blame_begin_again(struct delivery_blame *blame)
{
	blame->count = blame->before = 0;
	blame->is_named = blame->is_testing = false;
}

/* ---- senders ---- */

/* FNV-1a: who makes two keys collide only shares their fate. */
uint32_t delivery_blame_sender(const uint8_t *key)
{
	uint32_t hash = 2166136261u;

	if (!key)
		return 0;
	for (size_t len = name_len(key); len; len--)
		hash = (hash ^ *key++) * 16777619u;
	return hash ? hash : 1;
}

static int find_sender(const struct delivery_blame *blame, uint32_t sender)
{
	for (int i = 0; sender && i < BLAME_SENDERS; i++)
		if (blame->senders[i].sender == sender)
			return i;
	return -1;
}

static int find_least(const struct delivery_blame *blame)
{
	int least = 0;

	for (int i = 1; i < BLAME_SENDERS; i++)
		if (blame->senders[i].weight < blame->senders[least].weight)
			least = i;
	return least;
}

bool delivery_blame_has_senders(const struct delivery_blame *blame)
{
	for (int i = 0; i < BLAME_SENDERS; i++)
		if (blame->senders[i].sender)
			return true;
	return false;
}

static void note_refused(struct delivery_blame *blame, uint32_t sender)
{
	int i = find_sender(blame, sender);

	if (i < 0) {
		i = find_least(blame);
		blame->senders[i].sender = sender;
		blame->senders[i].weight = 0;
	}
	blame->senders[i].weight += BLAME_REFUSED;
	if (blame->senders[i].weight > BLAME_MAX)
		blame->senders[i].weight = BLAME_MAX;
}

void delivery_blame_note(struct delivery_blame *blame, uint32_t sender, bool is_refused)
{
	int i;

	if (is_refused && sender) {
		note_refused(blame, sender);
		return;
	}
	i = find_sender(blame, sender);
	if (i >= 0 && --blame->senders[i].weight == 0)
		blame->senders[i].sender = 0;
}

bool delivery_blame_suspects(const struct delivery_blame *blame, uint32_t sender)
{
	const int i = find_sender(blame, sender);

	return i >= 0 && blame->senders[i].weight > BLAME_REFUSED;
}
