/*
 * All SQL texts.
 *
 * Rows have one numbering for all zones.  Spans of a zone do not overlap, and a span
 * includes no more rows of other zones than one commit has.  Most rows are in packs
 * (store_packs.c), the others in the table journal, as all were before version 4.
 *
 * Names are BLOBs in wire form, RRsets their rrset data, change
 * sets changeset_encode's, requests update_decode's octets, addresses their 4 or 16
 * octets, and the sources of requests those, the port and the transport.  In rows of
 * before version 3 key, source and request are text.
 */
#include "gateway/journal/store_private.h"

const char *const store_migrations[] = {
	/* to version 1 */
	"CREATE TABLE zones (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);"
	"CREATE TABLE journal ("
	" seq INTEGER PRIMARY KEY, zone INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
	" txn INTEGER NOT NULL, key TEXT, source TEXT, rcode INTEGER NOT NULL,"
	" reason TEXT, request TEXT, changes BLOB, mac BLOB, time_signed INTEGER);"
	"CREATE INDEX journal_changes ON journal (zone, seq) WHERE changes IS NOT NULL;"
	"CREATE TABLE cursors (zone INTEGER NOT NULL, target TEXT NOT NULL,"
	" seq INTEGER NOT NULL, PRIMARY KEY (zone, target)) WITHOUT ROWID;"
	"CREATE TABLE set_aside (zone INTEGER NOT NULL, target TEXT NOT NULL,"
	" seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, rcode INTEGER NOT NULL,"
	" reason TEXT NOT NULL, PRIMARY KEY (zone, target, seq)) WITHOUT ROWID;"
	"CREATE TABLE records (zone INTEGER NOT NULL, owner BLOB NOT NULL,"
	" type INTEGER NOT NULL, ttl INTEGER NOT NULL, count INTEGER NOT NULL,"
	" data BLOB NOT NULL, PRIMARY KEY (zone, owner, type)) WITHOUT ROWID;",
	/* to version 2: leases.  (service_ms, is_clean: no longer used.) */
	"ALTER TABLE zones ADD COLUMN service_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE zones ADD COLUMN is_clean INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE journal ADD COLUMN event TEXT;"
	"ALTER TABLE journal ADD COLUMN host BLOB;"
	"CREATE INDEX journal_hosts ON journal (zone, host, seq, event)"
	" WHERE host IS NOT NULL;"
	"CREATE TABLE leases (zone INTEGER NOT NULL, owner BLOB NOT NULL,"
	" type INTEGER NOT NULL, rdata BLOB NOT NULL, key BLOB NOT NULL, source BLOB,"
	" duration_s INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,"
	" seen_s INTEGER NOT NULL, flags INTEGER NOT NULL,"
	" PRIMARY KEY (zone, owner, type, rdata)) WITHOUT ROWID;"
	"CREATE TABLE holds (zone INTEGER NOT NULL, owner BLOB NOT NULL,"
	" PRIMARY KEY (zone, owner)) WITHOUT ROWID;",
	/* to version 3: key, source and request are octets in new rows; spans in the
	 * place of an index of every row */
	"CREATE TABLE spans (zone INTEGER NOT NULL, last INTEGER NOT NULL,"
	" first INTEGER NOT NULL, PRIMARY KEY (zone, last)) WITHOUT ROWID;"
	"INSERT INTO spans (zone, last, first) SELECT zone, max(seq), min(seq)"
	" FROM journal WHERE changes IS NOT NULL GROUP BY zone, seq / 256;"
	"DROP INDEX journal_changes;",
	/* to version 4: rows of updates are in packs (store_packs.c) */
	"CREATE TABLE packs (last INTEGER PRIMARY KEY, rows BLOB NOT NULL);",
	/* to version 5: what zones are known to have had at their primary targets */
	"ALTER TABLE cursors ADD COLUMN serial INTEGER;"
	"ALTER TABLE cursors ADD COLUMN records INTEGER;"
	"CREATE TABLE marks (zone INTEGER NOT NULL, target TEXT NOT NULL,"
	" seq INTEGER NOT NULL, serial INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
	" PRIMARY KEY (zone, target, seq)) WITHOUT ROWID;"
	"CREATE INDEX marks_by_age ON marks (at_ms);",
	/* to version 6: how far anything may have been sent; NULL: no end is known */
	"ALTER TABLE cursors ADD COLUMN reach INTEGER;",
};

const int store_version = sizeof(store_migrations) / sizeof(store_migrations[0]);

#define ROW_COLUMNS                                                                      \
	"seq, zone, at_ms, txn, key, source, rcode, reason, request, event, host,"       \
	" changes, time_signed, mac"

/* Packs that may have rows between ?1 and ?2: the last begins before ?2 and may
 * continue after it. */
#define PACKS_BETWEEN                                                                    \
	"FROM packs WHERE last > ?1 AND last <= coalesce("                               \
	"(SELECT last FROM packs WHERE last >= ?2 ORDER BY last LIMIT 1), ?2)"

/* ?4 is the newest row of all, which stays, since it shows which numbers have been
 * given out.  What is in no span has melted. */
#define CAN_GO                                                                           \
	"seq > ?2 AND seq <= ?3 AND at_ms < ?1 AND seq < ?4"                             \
	" AND (changes IS NULL OR seq <= coalesce("                                      \
	"(SELECT min(seq) FROM cursors WHERE zone = journal.zone), seq)"                 \
	" OR seq < coalesce((SELECT first FROM spans WHERE zone = journal.zone"          \
	" AND last >= journal.seq ORDER BY last LIMIT 1), seq + 1))"                     \
	" AND NOT EXISTS (SELECT 1 FROM set_aside AS a WHERE a.zone = journal.zone"      \
	" AND a.seq = journal.seq)"

const char *const store_statements[SQL_STATEMENTS] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",

	[SQL_FIND_ZONE] = "SELECT id FROM zones WHERE name = ?1",
	[SQL_ADD_ZONE] = "INSERT INTO zones (name) VALUES (?1)",
	[SQL_EACH_ZONE] = "SELECT id, name FROM zones",
	[SQL_PUT_RRSET] =
		"INSERT OR REPLACE INTO records (zone, owner, type, ttl, count, data)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[SQL_DELETE_RRSET] =
		"DELETE FROM records WHERE zone = ?1 AND owner = ?2 AND type = ?3",
	[SQL_READ_RECORDS] =
		"SELECT owner, type, ttl, count, data FROM records WHERE zone = ?1",

	[SQL_APPEND] =
		"INSERT INTO journal (seq, zone, at_ms, txn, key, source, rcode,"
		" reason, request, changes, mac, time_signed, event, host)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
	[SQL_SET_OUTCOME] = "UPDATE journal SET rcode = ?2, reason = ?3 WHERE seq = ?1",
	[SQL_LAST_SEQ] = "SELECT max(seq) FROM (SELECT max(seq) AS seq FROM journal"
			 " UNION ALL SELECT max(last) FROM packs"
			 " UNION ALL SELECT max(seq) FROM cursors)",
	[SQL_LAST_ROW] = "SELECT max(seq) FROM (SELECT max(seq) AS seq FROM journal"
			 " UNION ALL SELECT max(last) FROM packs)",
	[SQL_ADD_PACK] = "INSERT INTO packs (last, rows) VALUES (?1, ?2)",
	[SQL_DROP_PACK] = "DELETE FROM packs WHERE last = ?1",
	[SQL_PACKS_UP] = "SELECT last, rows " PACKS_BETWEEN " ORDER BY last",
	[SQL_PACKS_DOWN] = "SELECT last, rows " PACKS_BETWEEN " ORDER BY last DESC",
	[SQL_ADD_SPAN] = "INSERT INTO spans (zone, last, first) VALUES (?1, ?2, ?3)",
	[SQL_EACH_SPAN] = "SELECT first, last FROM spans WHERE zone = ?1 AND last > ?2"
			  " ORDER BY last",
	[SQL_FIND_SPAN] = "SELECT first, last FROM spans WHERE zone = ?1 AND last >= ?2"
			  " ORDER BY last LIMIT 1",
	[SQL_SET_CHANGES] = "UPDATE journal SET changes = ?2 WHERE seq = ?1",
	/* What is left of spans that continue before ?2, or after ?2. */
	[SQL_KEEP_SPAN_BEFORE] =
		"INSERT INTO spans (zone, last, first) SELECT ?1, ?2 - 1, first FROM"
		" (SELECT first FROM spans WHERE zone = ?1 AND last >= ?2 ORDER BY last"
		" LIMIT 1) WHERE first < ?2",
	[SQL_KEEP_SPAN_AFTER] =
		"UPDATE spans SET first = ?2 + 1 WHERE zone = ?1 AND first <= ?2 AND"
		" last = (SELECT last FROM spans WHERE zone = ?1 AND last > ?2"
		" ORDER BY last LIMIT 1)",
	[SQL_DROP_SPANS] = "DELETE FROM spans WHERE zone = ?1 AND last BETWEEN ?2 AND ?3",
	[SQL_DROP_SPAN] = "DELETE FROM spans WHERE zone = ?1 AND last = ?2",
	[SQL_PUT_CURSOR] = "INSERT INTO cursors (zone, target, seq) VALUES (?1, ?2, ?3)"
			   " ON CONFLICT (zone, target) DO UPDATE SET seq = ?3",
	[SQL_FORGET_CURSOR] = "DELETE FROM cursors WHERE zone = ?1 AND target = ?2",
	[SQL_EACH_CURSOR] = "SELECT target, seq FROM cursors WHERE zone = ?1",
	[SQL_PUT_REACH] = "UPDATE cursors SET reach = ?3 WHERE zone = ?1 AND target = ?2",
	[SQL_FIND_REACH] = "SELECT reach FROM cursors WHERE zone = ?1 AND target = ?2"
			   " AND reach IS NOT NULL",
	[SQL_PUT_BELIEF] = "UPDATE cursors SET serial = ?3, records = ?4"
			   " WHERE zone = ?1 AND target = ?2",
	[SQL_FIND_BELIEF] = "SELECT serial, records FROM cursors WHERE zone = ?1"
			    " AND target = ?2 AND serial IS NOT NULL",
	/* The first serial that the zone had with this. */
	[SQL_ADD_MARK] = "INSERT OR IGNORE INTO marks (zone, target, seq, serial, at_ms)"
			 " VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_EACH_MARK] = "SELECT seq, serial FROM marks WHERE zone = ?1 AND target = ?2"
			  " ORDER BY seq DESC",
	[SQL_FORGET_MARKS] = "DELETE FROM marks WHERE zone = ?1 AND target = ?2",
	[SQL_PRUNE_MARKS] = "DELETE FROM marks WHERE at_ms < ?1",
	[SQL_SET_ASIDE] = "INSERT OR REPLACE INTO set_aside"
			  " (zone, target, seq, at_ms, rcode, reason)"
			  " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[SQL_DROP_ASIDE] =
		"DELETE FROM set_aside WHERE zone = ?1 AND target = ?2 AND seq = ?3",
	[SQL_COUNT_ASIDES] =
		"SELECT count(*) FROM set_aside WHERE seq > ?1 AND seq <= ?2",
	[SQL_IS_ASIDE] = "SELECT count(*) FROM set_aside WHERE zone = ?1 AND seq = ?2",
	[SQL_CUT_ASIDES] = "DELETE FROM set_aside WHERE (zone, target, seq) IN (SELECT "
			   "zone, target, seq"
			   " FROM set_aside ORDER BY seq DESC LIMIT -1 OFFSET ?1)",
	[SQL_PRUNE] = "DELETE FROM journal WHERE " CAN_GO,
	/* When its last row is gone, a span has nothing left that is waited for. */
	[SQL_PRUNE_SPANS] = "DELETE FROM spans WHERE (zone, last) IN (SELECT zone, seq"
			    " FROM journal WHERE " CAN_GO " AND changes IS NOT NULL)",
	[SQL_PRUNE_END] = "SELECT seq FROM journal WHERE seq > ?1 ORDER BY seq LIMIT 1"
			  " OFFSET ?2",
	[SQL_PRUNE_PACKS_END] = "SELECT last FROM packs WHERE last > ?1 ORDER BY last"
				" LIMIT 1 OFFSET ?2",
	[SQL_FIRST_CURSOR] = "SELECT min(seq) FROM cursors WHERE zone = ?1",
	[SQL_USED] = "SELECT (page_count - freelist_count) * page_size"
		     " FROM pragma_page_count, pragma_freelist_count, pragma_page_size",

	[SQL_PUT_LEASE] =
		"INSERT OR REPLACE INTO leases (zone, owner, type, rdata, key, source,"
		" duration_s, deadline_ms, seen_s, flags)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[SQL_REMOVE_LEASE] = "DELETE FROM leases WHERE zone = ?1 AND owner = ?2"
			     " AND type = ?3 AND rdata = ?4",
	[SQL_NOTE_SEEN] = "UPDATE leases SET source = ?4, seen_s = ?5 WHERE zone = ?1"
			  " AND owner = ?2 AND key = ?3 AND seen_s < ?5",
	[SQL_EACH_LEASE] =
		"SELECT owner, type, rdata, key, source, duration_s, deadline_ms, seen_s,"
		" flags FROM leases WHERE zone = ?1",
	[SQL_PUT_HOLD] = "INSERT OR IGNORE INTO holds (zone, owner) VALUES (?1, ?2)",
	[SQL_REMOVE_HOLD] = "DELETE FROM holds WHERE zone = ?1 AND owner = ?2",
	[SQL_EACH_HOLD] = "SELECT owner FROM holds WHERE zone = ?1",

	[SQL_ROWS_UP] = "SELECT " ROW_COLUMNS
			" FROM journal WHERE seq > ?1 AND seq < ?2 ORDER BY seq",
	[SQL_ROWS_DOWN] = "SELECT " ROW_COLUMNS
			  " FROM journal WHERE seq > ?1 AND seq < ?2 ORDER BY seq DESC",
	[SQL_LAST_EVENTS] =
		"SELECT host, max(seq), event FROM journal WHERE zone = ?1 AND host > ?2"
		" GROUP BY host ORDER BY host",
	[SQL_HAS_LEASE] = "SELECT 1 FROM leases WHERE zone = ?1 AND owner = ?2 LIMIT 1",
	[SQL_EACH_SET_ASIDE] = "SELECT zone, target, seq, at_ms, rcode, reason"
			       " FROM set_aside ORDER BY seq",
};

const char store_has_zone[] = "SELECT 1 FROM zones JOIN records ON zone = id"
			      " WHERE name = ?1 AND owner = ?1 AND type = 6";
