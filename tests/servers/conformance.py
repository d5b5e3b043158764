"""Conformance cases: requests as text, descriptions of answers, and the content of zones.

A record of a request is "owner ttl class type rdata". In owners and RDATA % is the case's
own name, so that no case sees the records of another; @ is the zone's name.  RDATA that
begins with 0x is given as octets, right or wrong, and may be empty.  The content of a
zone is read by AXFR, which does not follow the rules for queries.
"""

import itertools
import struct

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from gateway import Tcp, sign

ZONE = "dyn.example."
ORIGIN = dns.name.from_text(ZONE)
IN = dns.rdataclass.IN
UDP_MAX = 1200
UPDATE = 5 << 11

ZONE_TEXT = """\
$ORIGIN dyn.example.
$TTL 300
@	SOA	ns1 hostmaster 10 3600 600 86400 60
@	NS	ns1
@	NS	ns2
@	MX	10 mail
ns1	A	192.0.2.1
ns2	A	192.0.2.2
mail	A	192.0.2.3
host	A	192.0.2.11
host	A	192.0.2.12
host	AAAA	2001:db8::11
host	TXT	"first" "second; with spaces"
alias	CNAME	host
a.ent	A	192.0.2.21
*.wild	A	192.0.2.31
*.wild	TXT	"wild"
sub	NS	ns.sub
sub	NS	ns.elsewhere.example.
sub	DS	12345 8 1 00112233445566778899AABBCCDDEEFF00112233
ns.sub	A	192.0.2.41
redirect	DNAME	target
www.target	A	192.0.2.51
type	TYPE65280	\\# 4 01020304
"""

# ---- records as text ----

def name_octets(text, own=""):
    return dns.name.from_text(text.replace("%", own), ORIGIN).to_wire()


def rdata_octets(rdtype, text, own=""):
    if not text:
        return b""
    if text.startswith("0x"):
        return bytes.fromhex(text[2:])
    rdata = dns.rdata.from_text(IN, rdtype, text.replace("%", own), ORIGIN, relativize=False)
    return rdata.to_wire()


def record_octets(text, own=""):
    owner, ttl, rdclass, rdtype, rdata = (text.split(None, 4) + [""])[:5]
    rdtype = dns.rdatatype.from_text(rdtype)
    octets = rdata_octets(rdtype, rdata, own)
    return name_octets(owner, own) + struct.pack(
        "!HHIH", rdtype, dns.rdataclass.from_text(rdclass), int(ttl), len(octets)) + octets


_ids = itertools.count(1)


def next_id():
    return next(_ids) & 0xffff


def message_octets(zone=ZONE, prereq=(), update=(), additional=(), own="", flags=UPDATE,
                   zone_type=dns.rdatatype.SOA, zone_class=IN, counts=None, end=b""):
    """An UPDATE, or with other flags something in the same frame.  zone None: no zone section.
    counts: others than the true ones.  end: octets after the last record."""
    question = b""
    if zone is not None:
        question = name_octets(zone, own) + struct.pack("!HH", zone_type, zone_class)
    sections = [[record if isinstance(record, bytes) else record_octets(record, own)
                 for record in section] for section in (prereq, update, additional)]
    true_counts = [int(zone is not None)] + [len(section) for section in sections]
    return struct.pack("!6H", next_id(), flags, *(counts or true_counts)) + question + \
        b"".join(itertools.chain(*sections)) + end


def query_octets(name, rdtype=dns.rdatatype.A, flags=0, **options):
    """A question; records for other sections may come with it."""
    return message_octets(zone=name, zone_type=rdtype, flags=flags, **options)


def told(answer, request):
    """An Answer (None: there was none) as a line: the rcode; "signed" if it is so with the
    request's key; the TSIG error and the length of Other Data; "opt"; "do"."""
    if answer is None:
        return "silence"
    words = [answer.rcode]
    if answer.tsig is not None:
        if not isinstance(request, bytes) and answer.is_authentic(request):
            words.append("signed")
        elif answer.tsig.mac:
            words.append("wrongly-signed")
        if answer.tsig.error:
            words.append(f"tsig={answer.tsig.error}")
        if answer.tsig.other:
            words.append(f"other={len(answer.tsig.other)}")
    if answer.message.edns >= 0:
        words.append("opt")
        if answer.message.ednsflags & 0x8000:
            words.append("do")
    return " ".join(words)


def expected_line(text, own):
    """"owner ttl type rdata" in the form in which Content has it."""
    owner, ttl, rdtype, rdata = text.split(None, 3)
    rdtype = dns.rdatatype.from_text(rdtype)
    octets = rdata_octets(rdtype, rdata, own)
    return str(Record(dns.name.from_text(owner.replace("%", own), ORIGIN), rdtype, ttl,
                      octets, octets, 0))


# ---- zones as they stand ----

COMPRESSED = (7, 8, 9, 14)  # MB, MG, MR, MINFO: names only, and not known to dnspython


def read_names(wire, at, end):
    octets = b""
    while at < end:
        name, used = dns.name.from_wire(wire, at)
        octets += name.to_wire()
        at += used
    return octets


class Record:
    """One record of an answer.  RDATA that dnspython does not read is there all the same."""

    def __init__(self, owner, rdtype, ttl, octets, wire, at):
        self.owner, self.rdtype, self.ttl, self.octets = owner, rdtype, ttl, octets
        if rdtype in COMPRESSED:
            self.octets = read_names(wire, at, at + len(octets))
        self.text = f"0x{self.octets.hex()}"
        try:
            rdata = dns.rdata.from_wire(IN, rdtype, wire, at, len(octets))
            if not isinstance(rdata, dns.rdata.GenericRdata):
                self.text, self.octets = rdata.to_text(), rdata.to_wire()
        except (dns.exception.DNSException, ValueError, IndexError):
            pass

    def __str__(self):
        return f"{self.owner} {self.ttl} {dns.rdatatype.to_text(self.rdtype)} {self.text}"


def read_sections(wire):
    """The records of the answer, authority and additional sections."""
    questions, *counts = struct.unpack("!4H", wire[4:12])
    at = 12
    for _ in range(questions):
        at += dns.name.from_wire(wire, at)[1] + 4
    sections = []
    for count in counts:
        sections.append([])
        for _ in range(count):
            owner, used = dns.name.from_wire(wire, at)
            at += used + 10
            rdtype, _, ttl, length = struct.unpack("!HHIH", wire[at - 10:at])
            sections[-1].append(Record(owner, rdtype, ttl, wire[at:at + length], wire, at))
            at += length
    return sections


def transfer(port, key=None):
    """All records of the zone but for the closing SOA."""
    query = message_octets(flags=0, zone_type=dns.rdatatype.AXFR)
    got = []
    with Tcp(port) as client:
        client.send(sign(query, key).wire if key else query)
        while len(got) < 2 or got[-1].rdtype != dns.rdatatype.SOA:
            wire = client.receive_octets()
            assert wire[3] & 15 == 0, f"AXFR: {dns.rcode.to_text(wire[3] & 15)}"
            got += read_sections(wire)[0]
    return got[:-1]


class Content:
    """A zone: lines "owner ttl type rdata" without the SOA; its serial, its other fields."""

    def __init__(self, port, key=None):
        soa, *others = transfer(port, key)
        fields = soa.text.split()
        self.records = others
        self.serial = int(fields[2])
        self.soa = " ".join([str(soa.ttl), *fields[:2], *fields[3:]])
        self.lines = {str(record) for record in others}

    def __eq__(self, other):
        return (self.lines, self.soa) == (other.lines, other.soa)
