/*
 * How the files of the SQLite store run its prepared statements (store_private.h).
 */
#include "gateway/journal/store_private.h"

#include <errno.h>

int store_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
		return -EBUSY;
	default:
		return -EIO;
	}
}

/* ---- statements ---- */

struct store_call store_call(struct store *store, enum store_statement which)
{
	struct store_call call = {.stmt = store->prepared[which]};

	sqlite3_reset(call.stmt);
	sqlite3_clear_bindings(call.stmt);
	return call;
}

void store_bind_number(struct store_call *call, int at, int64_t value)
{
	if (call->rc == SQLITE_OK)
		call->rc = sqlite3_bind_int64(call->stmt, at, value);
}

void store_bind_text(struct store_call *call, int at, const char *text)
{
	if (call->rc == SQLITE_OK && text)
		call->rc = sqlite3_bind_text(call->stmt, at, text, -1, SQLITE_STATIC);
}

void store_bind_octets(struct store_call *call, int at, const void *octets, size_t len)
{
	if (call->rc == SQLITE_OK && octets)
		call->rc =
			sqlite3_bind_blob64(call->stmt, at, octets, len, SQLITE_STATIC);
}

void store_bind_name(struct store_call *call, int at, const uint8_t *name)
{
	store_bind_octets(call, at, name, name ? name_len(name) : 0);
}

bool store_step(struct store_call *call)
{
	if (call->rc == SQLITE_OK || call->rc == SQLITE_ROW)
		call->rc = sqlite3_step(call->stmt);
	return call->rc == SQLITE_ROW;
}

int store_end(struct store_call *call, int result)
{
	sqlite3_reset(call->stmt);
	return result ? result : store_errno(call->rc);
}

int store_run(struct store_call *call)
{
	store_step(call);
	return store_end(call, 0);
}

int store_run_for_number(struct store_call *call, uint64_t *ret)
{
	*ret = store_step(call) ? store_column_number(call, 0) : 0;
	return store_end(call, 0);
}

/* ---- columns ---- */

uint64_t store_column_number(const struct store_call *call, int column)
{
	return (uint64_t)sqlite3_column_int64(call->stmt, column);
}

/* Turning a column into text or octets may need memory. */
static void check_column(struct store_call *call, int column, const void *value)
{
	if (!value && sqlite3_column_bytes(call->stmt, column))
		call->rc = SQLITE_NOMEM;
}

const char *store_column_text(struct store_call *call, int column)
{
	const unsigned char *text = sqlite3_column_text(call->stmt, column);

	check_column(call, column, text);
	return (const char *)text;
}

const uint8_t *store_column_octets(struct store_call *call, int column, size_t *ret_len)
{
	const uint8_t *octets = sqlite3_column_blob(call->stmt, column);

	check_column(call, column, octets);
	*ret_len = octets ? (size_t)sqlite3_column_bytes(call->stmt, column) : 0;
	return octets;
}

const uint8_t *store_column_name(struct store_call *call, int column)
{
	uint8_t name[NAME_MAX_LEN];
	size_t len, at = 0;
	const uint8_t *octets = store_column_octets(call, column, &len);

	if (!octets)
		return NULL;
	if (name_read_uncompressed(name, octets, len, &at) >= 0 && at == len)
		return octets;
	call->rc = SQLITE_CORRUPT;
	return NULL;
}

const uint8_t *store_column_key(
	struct store_call *call, int column, uint8_t buf[NAME_MAX_LEN])
{
	const char *text;

	if (sqlite3_column_type(call->stmt, column) != SQLITE_TEXT)
		return store_column_name(call, column);
	text = store_column_text(call, column);
	return text && *text && !name_from_text(buf, text, NULL) ? buf : NULL;
}
