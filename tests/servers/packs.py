"""The journal in a database of musterd's, with the rows that stand in packs (store_packs.c)."""

import struct

HEAD = struct.Struct("!IHHQqqQ")
KEY, SOURCE, REASON, REQUEST, MAC, CHANGES = (1 << bit for bit in range(6))
COLUMNS = ("seq, zone, at_ms, txn, key, source, rcode, reason, request, changes, mac, "
           "time_signed, event, host")


class Octets:
    def __init__(self, octets):
        self.octets = octets

    def take(self, count):
        taken, self.octets = self.octets[:count], self.octets[count:]
        return taken

    def counted(self, width):
        return self.take(int.from_bytes(self.take(width), "big"))

    def name(self):
        at = 0
        while self.octets[at]:
            at += 1 + self.octets[at]
        return self.take(at + 1)


def unpack_row(head, octets):
    _, flags, rcode, seq, zone, at_ms, transaction = head
    rest = Octets(octets)
    key = rest.name() if flags & KEY else None
    source = rest.counted(1) if flags & SOURCE else None
    reason = rest.counted(2)[:-1].decode() if flags & REASON else None
    request = rest.counted(2) if flags & REQUEST else None
    mac = rest.take(16) if flags & MAC else None
    time_signed = int.from_bytes(rest.take(8), "big") if flags & MAC else None
    changes = rest.octets if flags & CHANGES else None
    return (seq, zone, at_ms, transaction - (transaction >> 63 << 64), key, source, rcode,
            reason, request, changes, mac, time_signed, None, None)


def unpack(pack):
    at = 0
    while at < len(pack):
        head = HEAD.unpack_from(pack, at)
        end = at + 4 + head[0]
        yield unpack_row(head, pack[at + HEAD.size:end])
        at = end


def show_packed(database):
    """On this connection, `journal` has all rows from now on."""
    database.execute(f"CREATE TEMP TABLE journal AS SELECT {COLUMNS} FROM main.journal")
    known = {seq for seq, in database.execute("SELECT seq FROM journal")}
    rows = [row for pack, in database.execute("SELECT rows FROM packs") for row in unpack(pack)
            if row[0] not in known]
    database.executemany(f"INSERT INTO journal VALUES ({', '.join('?' * 14)})", rows)
