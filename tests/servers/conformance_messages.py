"""RFC 1035 4, 2136 2 and 3.1, 6891: headers, counts, names, EDNS.

Each: section, what, the octets made for a name of their own (or a Signed), the answer as
told by conformance.told(): "silence", or rcode; "signed"; the TSIG error; "opt", "do".
"""

import struct

from conformance import UPDATE, message_octets, name_octets, next_id, query_octets
from conformance_tsig import ADD, KEY, OPT
from gateway import Signed

QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10
HOST_A = b"\0\1\0\1"
SERVED = {0: "QUERY", 4: "NOTIFY", 5: "UPDATE"}
OTHERS = [opcode for opcode in range(16) if opcode not in SERVED]


def update(own, **options):
    options.setdefault("update", ADD)
    return Signed(message_octets(own=own, **options), KEY)


def header(opcode, *counts, end=b""):
    return struct.pack("!6H", next_id(), opcode << 11, *(counts or (0, 0, 0, 0))) + end


def question(octets, count=1):
    """A query whose question section is these octets."""
    return header(0, count, 0, 0, 0, end=octets)


def opt(size=1232, rcode=0, version=0, flags=0, data=b"", owner=b"\0"):
    return owner + struct.pack("!HHBBHH", 41, size, rcode, version, flags, len(data)) + data


def with_owner(octets):
    """An update whose record has this owner."""
    return lambda own: Signed(message_octets(
        own=own, counts=[1, 0, 1, 0], end=octets + b"\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"), KEY)


def with_rdata(rdtype, octets):
    """An update that adds these octets as RDATA; the zone's name is at 12."""
    return lambda own: Signed(message_octets(
        own=own, counts=[1, 0, 1, 0], end=name_octets("%", own) + struct.pack(
            "!HHIH", rdtype, 1, 300, len(octets)) + octets), KEY)


def zone_section(told, **options):
    """With updates, without, and unsigned: what is wrong with the zone is found first."""
    return [("2136 3.1", f"zone section {options}",
             lambda own: Signed(message_octets(own=own, **options), KEY), f"{told} signed"),
            ("2136 3.1", f"zone section {options}, unsigned",
             lambda own: message_octets(own=own, **options), told)]


# Types with a name in RDATA, and what stands before it: decompressed are those that RFC
# 3597 4 lists.  The others must come as they are (and KX, DNAME were allowed it once).
LONG_SIG = b"\0\1\5\3\0\0\1\x2c" + bytes(10)
DECOMPRESSED = {"NS": (2, b""), "CNAME": (5, b""), "PTR": (12, b""), "MX": (15, b"\0\x0a"),
                "MB": (7, b""), "MINFO": (14, b"\0"), "RP": (17, b"\0"),
                "AFSDB": (18, b"\0\1"), "RT": (21, b"\0\1"), "PX": (26, b"\0\1\0"),
                "SRV": (33, b"\0\1\0\1\0\1"), "NAPTR": (35, b"\0\1\0\2\0\0\0")}
AS_THEY_ARE = {"NSEC": (47, b""), "LP": (107, b"\0\1"), "SVCB": (64, b"\0\1"),
               "HTTPS": (65, b"\0\1"), "RRSIG": (46, LONG_SIG)}

HEADERS = [
    *[("1035 4.1.1", f"opcode {opcode}", lambda own, o=opcode: header(o), "NOTIMP")
      for opcode in OTHERS],
    *[("1035 4.1.1", f"opcode {opcode} with a question",
       lambda own, o=opcode: query_octets("host", flags=o << 11 | RD), "NOTIMP")
      for opcode in OTHERS],
    *[("6891 7", f"opcode {opcode} with OPT",
       lambda own, o=opcode: query_octets("host", flags=o << 11, additional=[OPT]),
       "NOTIMP opt") for opcode in OTHERS],
    *[("8490 4", f"opcode {opcode}, and something that is no question",
       lambda own, o=opcode: header(o, end=b"\0\1\0\4abcd"), "NOTIMP") for opcode in OTHERS],
    *[("1035 4.1.1", f"a header alone: {name}", lambda own, o=opcode: header(o), "FORMERR")
      for opcode, name in SERVED.items()],
    ("1035 4.1.2", "two questions",
     lambda own: question(2 * (name_octets("host") + HOST_A), 2), "FORMERR"),
    ("1035 4.1.2", "no question", lambda own: query_octets(None), "FORMERR"),
    ("1035 4.1", "records where a query has none",
     lambda own: query_octets("host", prereq=["host 300 IN A 192.0.2.1"],
                              update=["host 300 IN A 192.0.2.1"],
                              additional=["host 300 IN A 192.0.2.1"]), "NOERROR"),
    *[("1035 4.1", f"counts {counts} in a message of {[1, 1, 1, 1]}",
       lambda own, counts=counts: message_octets(
           own=own, prereq=["% 0 NONE A"], update=ADD, additional=[OPT], counts=counts), told)
      for counts, told in (
          ([0, 1, 1, 1], "FORMERR"), ([2, 1, 1, 1], "FORMERR"),
          ([1, 0, 1, 1], "FORMERR"), ([1, 2, 1, 1], "FORMERR"),
          ([1, 1, 0, 1], "FORMERR"), ([1, 1, 2, 1], "FORMERR"),
          ([1, 1, 1, 0], "FORMERR"), ([1, 1, 1, 2], "FORMERR opt"),
          ([1, 65535, 65535, 65535], "FORMERR"))],
    ("1035 4.1", "an octet behind the last record",
     lambda own: query_octets("host", end=b"\0"), "FORMERR"),
    ("1035 4.1", "behind an update", lambda own: update(own, end=b"\0"), "FORMERR"),
]

NAMES = [
    ("1035 3.1", "a label of type 01", lambda own: question(b"\x41aa\0" + HOST_A), "FORMERR"),
    ("1035 4.1.4", "a label of type 10", lambda own: question(b"\x81aa\0" + HOST_A), "FORMERR"),
    ("1035 4.1.4", "a pointer to itself", lambda own: question(b"\xc0\x0c" + HOST_A),
     "FORMERR"),
    ("1035 4.1.4", "a pointer forward",
     lambda own: question(b"\xc0\x20" + HOST_A + bytes(20)), "FORMERR"),
    ("1035 4.1.4", "half a pointer", lambda own: question(b"\xc0"), "FORMERR"),
    ("1035 4.1.4", "a pointer behind the end",
     lambda own: question(b"\xff\xff" + HOST_A), "FORMERR"),
    ("1035 3.1", "256 octets",
     lambda own: question(4 * (b"\x3f" + 63 * b"a") + b"\0" + HOST_A), "FORMERR"),
    ("1035 2.3.4", "255 octets",
     lambda own: question(3 * (b"\x3f" + 63 * b"a") + b"\x3d" + 61 * b"a" + b"\0" + HOST_A),
     "REFUSED"),
    ("1035 4.1.4", "an owner that points to the zone's name", with_owner(b"\2zy\xc0\x0c"),
     "NOERROR signed"),
    ("1035 4.1.4", "an owner that points to itself", with_owner(b"\xc0\x1d"), "FORMERR"),
    ("1035 4.1.4", "an owner in a loop", with_owner(b"\1a\xc0\x1d"), "FORMERR"),
    ("1035 4.1.4", "an owner of a label of no known type", with_owner(b"\x40"), "FORMERR"),
    *[("3597 4", f"a compressed name in {name} is decompressed",
       with_rdata(rdtype, before + b"\1q\xc0\x0c"), "NOERROR signed")
      for name, (rdtype, before) in DECOMPRESSED.items()],
    *[("3597 4", f"a compressed name in {name} is none",
       with_rdata(rdtype, before + b"\1q\xc0\x0c"), "FORMERR signed")
      for name, (rdtype, before) in AS_THEY_ARE.items()],
    *[("2136 2.2", f"{what} in {name}", with_rdata(rdtype, before + octets), "FORMERR signed")
      for name, (rdtype, before) in DECOMPRESSED.items()
      for what, octets in (("a pointer forward", b"\xc0\xff"), ("half a name", b"\5ab"),
                           ("an octet behind the name", b"\1a\0x"), ("no name", b""))],
    ("3597 3", "octets like a pointer in an unknown type are octets",
     with_rdata(65280, b"\1q\xc0\x0c"), "NOERROR signed"),
]

SECTIONS = [
    *zone_section("FORMERR", zone=None),
    *zone_section("FORMERR", zone_type=1),
    *zone_section("FORMERR", zone_type=2),
    *zone_section("FORMERR", zone_type=252),
    *zone_section("FORMERR", zone_type=255),
    *zone_section("FORMERR", zone=None, counts=[2, 0, 0, 0],
                  end=2 * (name_octets("@") + b"\0\6\0\1")),
    *zone_section("NOTAUTH", zone="other.example."),
    *zone_section("NOTAUTH", zone="example."),
    *zone_section("NOTAUTH", zone="."),
    *zone_section("NOTAUTH", zone="host.dyn.example."),
    *zone_section("NOTAUTH", zone="nope.dyn.example."),
    *zone_section("NOTAUTH", zone="sub.dyn.example."),
    *zone_section("NOTAUTH", zone_class=3),
    *zone_section("NOTAUTH", zone_class=255),
    *zone_section("NOTAUTH", zone_class=254),
    ("4343 3", "the zone's name in other cases",
     lambda own: update(own, zone="DYN.eXample."), "NOERROR signed"),
    ("2136 3.1.2", "another zone comes before what is wrong with the rest",
     lambda own: Signed(message_octets(zone="other.example.", update=["% 300 CH A 0x00"]),
                        KEY), "NOTAUTH signed"),
    ("2136 2.6", "glue in the additional section",
     lambda own: update(own, additional=["host 300 IN A 192.0.2.1"]), "NOERROR signed"),
    ("2136 2.6", "and what is none",
     lambda own: update(own, additional=["www.example.net. 0 ANY A"]), "NOERROR signed"),
    ("2136 2", "no prerequisites, no updates",
     lambda own: Signed(message_octets(), KEY), "NOERROR signed"),
]

EDNS = [
    ("6891 6.1.1", "OPT is answered with OPT",
     lambda own: query_octets("host", additional=[opt()]), "NOERROR opt"),
    ("6891 6.1.1", "none with none", lambda own: query_octets("host"), "NOERROR"),
    ("6891 6.1.1", "in updates", lambda own: update(own, additional=[opt()]),
     "NOERROR signed opt"),
    ("6891 6.1.1", "in refusals",
     lambda own: message_octets(own=own, update=ADD, additional=[opt()]), "REFUSED opt"),
    ("6891 6.1.1", "in NXDOMAIN", lambda own: query_octets("nope", additional=[opt()]),
     "NXDOMAIN opt"),
    *[("6891 6.2.3", f"payload size {size}",
       lambda own, size=size: query_octets("host", additional=[opt(size)]), "NOERROR opt")
      for size in (0, 100, 511, 512, 4096, 65535)],
    ("3225 3", "DO is echoed",
     lambda own: query_octets("host", additional=[opt(flags=0x8000)]), "NOERROR opt do"),
    ("3225 3", "in updates", lambda own: update(own, additional=[opt(flags=0x8000)]),
     "NOERROR signed opt do"),
    ("6891 6.1.4", "other flags are not",
     lambda own: query_octets("host", additional=[opt(flags=0x7fff)]), "NOERROR opt"),
    ("6891 6.1.3", "version 1", lambda own: query_octets("host", additional=[opt(version=1)]),
     "BADVERS opt"),
    ("6891 6.1.3", "version 255",
     lambda own: query_octets("nope", additional=[opt(version=255)]), "BADVERS opt"),
    ("6891 6.1.3", "version 1 in an update",
     lambda own: update(own, additional=[opt(version=1)]), "BADVERS signed opt"),
    ("6891 6.1.3", "before REFUSED",
     lambda own: query_octets("www.example.net.", additional=[opt(version=1)]), "BADVERS opt"),
    ("6891 6.1.3", "an extended rcode in a request",
     lambda own: query_octets("host", additional=[opt(rcode=1)]), "NOERROR opt"),
    *[("6891 6.1.2", f"options are ignored: {data[:4].hex()}",
       lambda own, data=data: update(own, additional=[opt(data=data)]), "NOERROR signed opt")
      for data in (b"\xff\xf0\0\2ab", b"\xff\xf0\0\0", 100 * b"\xff\xf0\0\0", b"\0\3\0\0",
                   b"\0\x0a\0\x08abcdefgh", b"\0\x08\0\4\0\1\0\0", b"\0\x0c\0\4\0\0\0\0",
                   b"\0\x0b\0\0", b"\0\x0f\0\2\0\0")],
    *[("6891 7", f"options that are none: {data.hex()}",
       lambda own, data=data: query_octets("host", additional=[opt(data=data)]),
       "FORMERR opt") for data in (b"\xff\xf0\0\5ab", b"\xff\xf0\0", b"\0")],
    ("6891 7", "in updates", lambda own: update(own, additional=[opt(data=b"\0\1\0")]),
     "FORMERR opt"),
    ("6891 6.1.1", "two OPT", lambda own: query_octets("host", additional=[opt(), opt()]),
     "FORMERR opt"),
    ("6891 6.1.1", "two OPT in an update",
     lambda own: update(own, additional=[opt(), opt(version=1)]), "FORMERR opt"),
    ("6891 6.1.2", "OPT below the root",
     lambda own: query_octets("host", additional=[opt(owner=b"\1a\0")]), "FORMERR"),
    ("6891 6.1.1", "OPT among the answers",
     lambda own: query_octets("host", prereq=[opt()]), "FORMERR"),
    ("6891 6.1.1", "OPT among the prerequisites",
     lambda own: Signed(message_octets(own=own, prereq=[opt()]), KEY), "FORMERR"),
    ("6891 6.1.1", "OPT among the updates",
     lambda own: Signed(message_octets(own=own, update=[opt()]), KEY), "FORMERR"),
    ("6891 6.1.1", "OPT before other records",
     lambda own: query_octets("host", additional=[opt(), "host 300 IN A 192.0.2.1"]),
     "NOERROR opt"),
    ("6891 6.1.1", "OPT whose RDATA goes on behind the end",
     lambda own: query_octets("host", additional=[opt()[:-2] + b"\0\x09"]), "FORMERR"),
]

QUESTIONS = [
    *[("1035 3.2.4", f"class {rdclass}",
       lambda own, c=rdclass: query_octets("host", zone_class=c), "REFUSED")
      for rdclass in (0, 2, 3, 4, 254, 65280)],
    *[("6895 3.1", f"type {rdtype}",
       lambda own, t=rdtype: query_octets("host", t), "FORMERR")
      for rdtype in (41, 128, 200, 249, 250)],
    *[("1035 3.2.3", f"type {rdtype}", lambda own, t=rdtype: query_octets("host", t), "NOTIMP")
      for rdtype in (253, 254)],
    *[("3597 3", f"type {rdtype}: none of it there",
       lambda own, t=rdtype: query_octets("host", t), "NOERROR")
      for rdtype in (10, 65279, 65535)],
    ("5936 4.2", "AXFR by whom nobody knows", lambda own: query_octets("@", 252), "REFUSED"),
    ("5936 2.1", "AXFR of what is no zone here",
     lambda own: Signed(query_octets("host", 252), KEY), "NOTAUTH signed"),
    ("1995 3", "IXFR without the serial it has",
     lambda own: Signed(query_octets("@", 251), KEY), "FORMERR signed"),
]

CASES = HEADERS + NAMES + SECTIONS + EDNS + QUESTIONS

# An update cut short at every length is no message; nor is a query.
CUT = [lambda: update("cut").wire, lambda: query_octets("host", additional=[opt()])]

# Flags of a request, and which of them come back (1035 4.1.1, 4035 3.1.6, 2136 2.2).
FLAGS = [(opcode, flags, echoed)
         for opcode, echo in ((0, RD), (UPDATE, 0))
         for flags in (0, RD, CD, AD, Z, RA, AA, TC, 0x000f, RD | CD, AA | TC | RD | RA | 0x7f)
         for echoed in (flags & echo,)]

