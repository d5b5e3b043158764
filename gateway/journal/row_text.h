/*
 * Rows of the journal as text.  A row contains octets: names, addresses and requests
 * become text here, when somebody asks for them.
 *
 * All functions return their buffer, or NULL if the row lacks the value.
 */
#ifndef MUSTER_ROW_TEXT_H
#define MUSTER_ROW_TEXT_H

#include "gateway/journal/store.h"
#include "zones/update.h"

enum { ROW_SOURCE_MAX = 80 };

/* "" for an unsigned request; NULL: the gateway itself. */
const char *row_key_text(const struct store_row *row, char buf[NAME_TEXT_MAX]);
/* "192.0.2.1#5353/udp"; for an event "192.0.2.1". */
const char *row_source_text(const struct store_row *row, char buf[ROW_SOURCE_MAX]);
/* Like update_to_text. */
const char *row_request_text(const struct store_row *row, char buf[UPDATE_TEXT_MAX]);

/* Does the request name this owner, as far as the row contains it? */
bool row_request_names(const struct store_row *row, const uint8_t *owner);

#endif
