/*
 * Rows of the journal as people read them.  A row holds octets: names, addresses and
 * requests become text here, when somebody asks.
 *
 * All of them return their buffer, or NULL for what the row does not have.
 */
#ifndef MUSTER_ROW_TEXT_H
#define MUSTER_ROW_TEXT_H

#include "gateway/journal/store.h"
#include "zones/update.h"

enum { ROW_SOURCE_MAX = 80 };

/* "" of an unsigned request; NULL: the gateway itself. */
const char *row_key_text(const struct store_row *row, char buf[NAME_TEXT_MAX]);
/* "192.0.2.1#5353/udp"; of an event "192.0.2.1". */
const char *row_source_text(const struct store_row *row, char buf[ROW_SOURCE_MAX]);
/* As update_to_text. */
const char *row_request_text(const struct store_row *row, char buf[UPDATE_TEXT_MAX]);

/* Does the request name this owner, as far as the row has the request? */
bool row_request_names(const struct store_row *row, const uint8_t *owner);

#endif
