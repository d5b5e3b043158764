"""Messages as the libraries of clients write them, for clients that cannot be run here.

    client = Client(place, key)
    client.update([add("www", 60, "A", "192.0.2.1")], tcp=True)   # -> "NOERROR"

miekg/dns (external-dns, Terraform, cert-manager, Caddy, lego) and D2 do not compress
names; dnspython does.  A reply has to be signed, and has to come within the time that the
client would wait.
"""

import itertools
import struct

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from gateway import ANSWER_TIMEOUT_S, Signed, Tcp, Udp

UPDATE = 5 << 11
RECURSION_DESIRED = 1 << 8
IN, NONE, ANY = 1, 254, 255
MIEKG_UDP_MAX = 512

_ids = itertools.count(1)


def next_id():
    return next(_ids) * 25717 & 0xffff  # none twice within any client's memory


# ---- records: (name relative to the zone, type, class, TTL, RDATA or None) ----

def add(name, ttl, rdtype, text):
    return name, rdtype, IN, ttl, text


def remove(name, rdtype, text):
    """One record."""
    return name, rdtype, NONE, 0, text


def remove_rrset(name, rdtype="ANY"):
    """One RRset, or with ANY the whole name."""
    return name, rdtype, ANY, 0, None


def in_use(name, rdtype="ANY"):
    """Prerequisite; as octets the same as remove_rrset."""
    return name, rdtype, ANY, 0, None


def unused(name, rdtype="ANY"):
    return name, rdtype, NONE, 0, None


def equals(name, rdtype, text):
    """Prerequisite: the RRset consists of this and others given like it."""
    return name, rdtype, IN, 0, text


def _record(place, record):
    name, rdtype, rdclass, ttl, text = record
    number = dns.rdatatype.from_text(rdtype)
    rdata = b"" if text is None else dns.rdata.from_text(
        dns.rdataclass.IN, number, text, origin=dns.name.from_text(place.zone),
        relativize=False).to_wire()
    owner = name if name.endswith(".") else place.full(name)
    return dns.name.from_text(owner).to_wire() + \
        struct.pack("!HHIH", number, rdclass, ttl, len(rdata)) + rdata


def update_wire(place, updates, prerequisites=(), zone=None, message_id=None):
    """Without compression."""
    sections = [list(prerequisites), list(updates)]
    wire = struct.pack("!6H", next_id() if message_id is None else message_id, UPDATE, 1,
                       *map(len, sections), 0)
    wire += dns.name.from_text(zone or place.zone).to_wire() + struct.pack("!HH", 6, IN)
    return wire + b"".join(_record(place, record) for section in sections
                           for record in section)


def query_wire(name, rdtype, recursion=False, edns=None):
    query = dns.message.make_query(name, rdtype, payload=edns, use_edns=edns is not None)
    query.id = next_id()
    query.flags = RECURSION_DESIRED if recursion else 0
    return query.to_wire()


# ---- exchanging them ----

class Client:
    """key: None leaves everything unsigned.  patience_s: later answers are failures."""

    def __init__(self, place, key=None, patience_s=ANSWER_TIMEOUT_S):
        self.place = place
        self.key = key
        self.patience_s = patience_s

    def exchange(self, wire, tcp=False, signed=True, socket=None, header_id=None):
        """One connection or socket for each message, unless there is a socket."""
        request = Signed(wire, self.key, header_id=header_id) if signed and self.key else None
        own = None
        if socket is None:
            own = socket = (Tcp if tcp else Udp)(self.place.gateway.port)
        try:
            socket.send(request.wire if request else wire)
            answer = socket.receive(self.patience_s)
        finally:
            if own:
                own.close()
        assert answer.id == (header_id or struct.unpack("!H", wire[:2])[0])
        if request:
            assert answer.is_authentic(request)
        return answer

    def update(self, updates, prerequisites=(), tcp=False, zone=None, **options):
        """The rcode."""
        answer = self.exchange(update_wire(self.place, updates, prerequisites, zone), tcp,
                               **options)
        assert not answer.flags & 1 << 9, "TC in the answer to an UPDATE"
        return answer.rcode

    def query(self, name, rdtype, tcp=False, signed=True, recursion=False, edns=None):
        """The answer; by UDP it fits into what was offered, or is truncated."""
        answer = self.exchange(query_wire(name, rdtype, recursion, edns), tcp, signed)
        assert tcp or len(answer.wire) <= (edns or MIEKG_UDP_MAX)
        return answer

    def transfer(self):
        """The zone as lines, from a connection of its own; every message verified."""
        return self.place.gateway.axfr(self.place.zone, key=self.key)


def is_truncated(answer):
    return bool(answer.flags & 1 << 9)


def is_authoritative(answer):
    return bool(answer.flags & 1 << 10)


def ancestors(name):
    """The name, its parent, ... up to the top level."""
    labels = name.rstrip(".").split(".")
    return [".".join(labels[start:]) + "." for start in range(len(labels))]
