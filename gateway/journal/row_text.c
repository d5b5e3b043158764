/*
 * Octets of rows as text.
 */
#include "gateway/journal/row_text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

const char *row_key_text(const struct store_row *row, char buf[NAME_TEXT_MAX])
{
	if (row->key)
		return name_to_text(row->key, buf);
	buf[0] = '\0';
	return row->transaction ? buf : NULL;
}

const char *row_source_text(const struct store_row *row, char buf[ROW_SOURCE_MAX])
{
	const struct store_source *source = &row->source;
	const int family = source->address.family == 4 ? AF_INET : AF_INET6;
	char host[INET6_ADDRSTRLEN];

	if (!source->address.family ||
		!inet_ntop(family, source->address.octets, host, sizeof(host)))
		return NULL;
	if (source->transport == STORE_NO_TRANSPORT)
		return memcpy(buf, host, strlen(host) + 1);
	snprintf(buf, ROW_SOURCE_MAX, "%s#%u/%s", host, source->port,
		source->transport == STORE_TCP ? "tcp" : "udp");
	return buf;
}

/* ---- requests ---- */

static void note_cut(char buf[UPDATE_TEXT_MAX])
{
	static const char more[] = "...";
	const size_t len = strlen(buf), room = UPDATE_TEXT_MAX - sizeof(more);

	memcpy(buf + (len < room ? len : room), more, sizeof(more));
}

const char *row_request_text(const struct store_row *row, char buf[UPDATE_TEXT_MAX])
{
	struct update *update;
	bool is_cut;

	if (row->request_text) {
		snprintf(buf, UPDATE_TEXT_MAX, "%s", row->request_text);
		return buf;
	}
	update = row->request ? update_decode(row->request, row->request_len, &is_cut)
			      : NULL;
	if (!update)
		return NULL;
	update_to_text(update, buf);
	update_free(update);
	if (is_cut)
		note_cut(buf);
	return buf;
}

/* update_to_text has " owner " in each of its parts. */
static bool text_names(const char *request, const uint8_t *owner)
{
	char text[NAME_TEXT_MAX], word[NAME_TEXT_MAX + 2];

	snprintf(word, sizeof(word), " %s ", name_to_text(owner, text));
	return strstr(request, word) != NULL;
}

bool row_request_names(const struct store_row *row, const uint8_t *owner)
{
	struct update *update;
	bool is_cut, names = false;

	if (row->request_text)
		return text_names(row->request_text, owner);
	update = row->request ? update_decode(row->request, row->request_len, &is_cut)
			      : NULL;
	if (!update)
		return false;
	for (uint16_t i = 0; i < update->change_count && !names; i++)
		names = name_is_equal(update->changes[i].owner, owner);
	update_free(update);
	return names;
}
