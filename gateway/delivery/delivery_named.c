/*
 * Which entry of a refused batch its target means.
 *
 * PowerDNS names what it minds ("RRset host1.example. IN CNAME: Conflicts with
 * pre-existing RRset", "Record host1.example./A '192.0.2': Parsing record content ..."),
 * and so do other servers that explain themselves in an extended error (RFC 8914).  That
 * is no more than a hint: who is to blame is found by sending (delivery_blame.h).
 */
#include <string.h>

#include "gateway/delivery/delivery_private.h"
#include "tsig/name.h"
#include "zones/rdata.h"

static const char AROUND[] = " ,;:'\"()";

/* An RRset that a text mentions. */
struct mention {
	uint8_t owner[NAME_MAX_LEN];
	uint16_t type; /* 0: not known */
};

static void copy_word(char *to, size_t cap, const char *word, size_t len)
{
	if (len >= cap)
		len = 0;
	memcpy(to, word, len);
	to[len] = '\0';
}

static uint16_t read_type(const char *word)
{
	char type[RDATA_TYPE_NAME_MAX];

	copy_word(type, sizeof(type), word, strcspn(word, AROUND));
	return rdata_type_from_name(type);
}

/* "NAME", "NAME/TYPE" or "NAME IN TYPE"; only a name with its final dot looks like one.
 */
static bool read_mention(const char *word, size_t len, struct mention *ret)
{
	const char *slash = memchr(word, '/', len);
	const size_t owner_len = slash ? (size_t)(slash - word) : len;
	char owner[NAME_TEXT_MAX];

	if (owner_len < 2 || word[owner_len - 1] != '.')
		return false;
	copy_word(owner, sizeof(owner), word, owner_len);
	if (name_from_text(ret->owner, owner, NULL))
		return false;
	name_lower(ret->owner);
	ret->type = 0;
	if (slash)
		ret->type = read_type(slash + 1);
	else if (!strncmp(word + len, " IN ", 4))
		ret->type = read_type(word + len + 4);
	return true;
}

static bool concerns(const struct changeset *changes, const struct mention *mention)
{
	return mention->type
		? changeset_find(changes, mention->owner, mention->type) != NULL
		: changeset_has_name(changes, mention->owner);
}

/* The last of them: what earlier ones had there was not sent. */
static void note_entry(struct delivery *d, size_t entries, const struct mention *mention)
{
	const struct delivery_entry *e = TAILQ_FIRST(&d->queue.entries);

	for (size_t i = 0; i < entries && e; i++, e = TAILQ_NEXT(e, entry))
		if (concerns(e->changes, mention))
			delivery_blame_name(&d->blame, i);
}

void delivery_note_named(
	struct delivery *d, const struct delivery_batch *batch, const char *text)
{
	struct mention mention;

	for (text += strspn(text, AROUND); *text; text += strspn(text, AROUND)) {
		const size_t len = strcspn(text, AROUND);

		if (read_mention(text, len, &mention) &&
			concerns(batch->changes, &mention)) {
			note_entry(d, batch->entries, &mention);
			return;
		}
		text += len;
	}
}
