"""RFC 8945: requests that are signed rightly, wrongly, or in the wrong place.

Each: section, what, the request made for a name of its own, the answer as told by
conformance.told(): rcode; "signed" if its MAC is right; the TSIG error; "opt".
"""

import struct
import time

import dns.name

from conformance import message_octets, query_octets, record_octets
from gateway import SharedKey, Signed, algorithm_of, append_record, digest

ALGORITHMS = ["hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384",
              "hmac-sha512"]
KEYS = {name: SharedKey(f"{name[5:]}.", name) for name in ALGORITHMS}
# Keys that allow truncation, as BIND names them: at least so many bits.
SHORT = SharedKey("short.", "hmac-sha256-160")
SHORTEST = SharedKey("shortest.", "hmac-sha1-80")
KEY = KEYS["hmac-sha256"]
STRANGER = SharedKey("stranger.", "hmac-sha256")
OTHER_SECRET = SharedKey(KEY.name, KEY.algorithm)
ALL_KEYS = [*KEYS.values(), SHORT, SHORTEST]

OPT = ". 0 CLASS1232 OPT"
ADD = ["% 300 IN A 192.0.2.1"]
PAST, FUTURE = -1000, 1000


def update(own, **options):
    return message_octets(own=own, update=ADD, **options)


def at(offset):
    return int(time.time()) + offset


class ByHand:
    """A TSIG with anything in it.  The MAC is right for what it says, unless given."""

    def __init__(self, wire, key=KEY, rdclass=255, ttl=0, error=0, other=b"", mac=None,
                 mac_size=None, other_size=None, algorithm=None, owner=None, rdata_end=b"",
                 end=b""):
        now = int(time.time())
        self.key = key
        self.mac = digest(key, wire, now, 300, error, other) if mac is None else mac
        algorithm = algorithm or dns.name.from_text(algorithm_of(key)[1]).to_wire()
        rdata = algorithm + struct.pack(
            "!HIHH", now >> 32, now & 0xffffffff, 300,
            len(self.mac) if mac_size is None else mac_size) + self.mac + wire[:2] + \
            struct.pack("!HH", error, len(other) if other_size is None else other_size) + \
            other + rdata_end
        self.record = (owner or dns.name.from_text(key.name).to_wire()) + \
            struct.pack("!HHIH", 250, rdclass, ttl, len(rdata)) + rdata
        self.wire = append_record(wire, self.record) + end


def twice(own):
    return ByHand(ByHand(update(own)).wire)


def before(record):
    def make(own):
        request = ByHand(update(own))
        request.wire = append_record(request.wire, record_octets(record))
        return request
    return make


def in_section(name):
    return lambda own: message_octets(own=own, **{name: [ByHand(update(own)).record]})


def upper(own):
    """The key's name in capitals; its MAC is made with small letters (4.3.3)."""
    request = Signed(update(own), SharedKey(KEY.name.upper(), KEY.algorithm, KEY.secret))
    request.key = KEY
    return request


def base(key, **options):
    """Signed by the name of the whole hash, which is how BIND's keys with a length are
    used."""
    plain = SharedKey(key.name, key.algorithm.rsplit("-", 1)[0], key.secret)
    return lambda own: Signed(update(own), plain, **options)


CASES = [
    # -- algorithms (6) --
    *[("6", f"an update signed with {name}", lambda own, key=key: Signed(update(own), key),
       "NOERROR signed") for name, key in KEYS.items()],
    *[("6", f"a query signed with {name}",
       lambda own, key=key: Signed(query_octets("host"), key),
       "NOERROR signed") for name, key in KEYS.items()],
    *[("4.2", f"the algorithm's name in capitals: {name}",
       lambda own, key=key: Signed(update(own), key, algorithm=algorithm_of(key)[1].upper()),
       "NOERROR signed") for name, key in KEYS.items()],

    # -- key check (5.2.1) --
    ("5.2.1", "an unknown key", lambda own: Signed(update(own), STRANGER), "NOTAUTH tsig=17"),
    ("5.2.1", "a query with it", lambda own: Signed(query_octets("host"), STRANGER),
     "NOTAUTH tsig=17"),
    ("5.2.1", "with OPT", lambda own: Signed(update(own, additional=[OPT]), STRANGER),
     "NOTAUTH tsig=17 opt"),
    ("5.2.1", "a known key by another algorithm",
     lambda own: Signed(update(own), KEY, algorithm="hmac-sha512."), "NOTAUTH tsig=17"),
    ("5.2.1", "an unknown algorithm",
     lambda own: Signed(update(own), KEY, algorithm="hmac-sha999."), "NOTAUTH tsig=17"),
    ("5.2.1", "an algorithm named .", lambda own: ByHand(update(own), algorithm=b"\0"),
     "NOTAUTH tsig=17"),
    ("5.2.1", "a key named .", lambda own: ByHand(update(own), owner=b"\0"),
     "NOTAUTH tsig=17"),
    ("5.2.1", "the key is checked before the MAC",
     lambda own: Signed(update(own), STRANGER, mac=b""), "NOTAUTH tsig=17"),
    ("4.2", "a key's name in capitals", upper, "NOERROR signed"),

    # -- MAC check (5.2.2) --
    ("5.2.2", "another secret", lambda own: Signed(update(own), OTHER_SECRET),
     "NOTAUTH tsig=16"),
    ("5.2.2", "a query with it", lambda own: Signed(query_octets("host"), OTHER_SECRET),
     "NOTAUTH tsig=16"),
    *[("5.2.2", f"a wrong MAC: {name}",
       lambda own, key=key: Signed(update(own), key, mac=bytes(algorithm_of(key)[2])),
       "NOTAUTH tsig=16") for name, key in KEYS.items()],
    ("5.2.2", "with OPT",
     lambda own: Signed(update(own, additional=[OPT]), KEY, mac=bytes(32)),
     "NOTAUTH tsig=16 opt"),
    ("5.2.2", "the MAC is checked before the time",
     lambda own: Signed(update(own), KEY, at=at(PAST), mac=bytes(32)), "NOTAUTH tsig=16"),
    ("5.2.2", "and truncated before it is compared",
     lambda own: Signed(update(own), KEY, mac=bytes(16)), "NOTAUTH tsig=16"),

    # -- its length (5.2.2.1, 5.2.4) --
    *[("5.2.2.1", f"a MAC of {length} octets: {name}",
       lambda own, key=key, length=length: Signed(update(own), key, mac_len=length),
       "FORMERR tsig=16")
      for name, key in KEYS.items()
      for length in (0, 1, 9, max(10, algorithm_of(key)[2] // 2) - 1)],
    *[("5.2.2.1", f"a MAC longer than the hash: {name}",
       lambda own, key=key: Signed(update(own), key, mac=bytes(algorithm_of(key)[2] + 1)),
       "FORMERR tsig=16") for name, key in KEYS.items()],
    *[("5.2.4", f"truncated to {length} octets, which the key does not allow: {name}",
       lambda own, key=key, length=length: Signed(update(own), key, mac_len=length),
       "NOTAUTH signed tsig=22")
      for name, key in KEYS.items()
      for length in (max(10, algorithm_of(key)[2] // 2), algorithm_of(key)[2] - 1)],
    *[("5.2.2.1", f"{length} octets with a key that allows 20",
       base(SHORT, mac_len=length), told)
      for length, told in ((15, "FORMERR tsig=16"), (16, "NOTAUTH signed tsig=22"),
                           (19, "NOTAUTH signed tsig=22"), (20, "NOERROR signed"),
                           (21, "NOERROR signed"), (32, "NOERROR signed"))],
    *[("5.2.2.1", f"{length} octets with a key that allows 10",
       base(SHORTEST, mac_len=length), told)
      for length, told in ((9, "FORMERR tsig=16"), (10, "NOERROR signed"),
                           (20, "NOERROR signed"))],

    # -- time (5.2.3) --
    *[("5.2.3", f"{offset:+} s of 300 allowed",
       lambda own, offset=offset: Signed(update(own), KEY, at=at(offset)), "NOERROR signed")
      for offset in (-299, -1, 0, 1, 298)],
    *[("5.2.3", f"{offset:+} s: too far",
       lambda own, offset=offset: Signed(update(own), KEY, at=at(offset)),
       "NOTAUTH signed tsig=18 other=6")
      for offset in (-1000000, -1000, -302, 304, 1000, 1 << 31, 1 << 32, 1 << 40)],
    ("5.2.3", "a query", lambda own: Signed(query_octets("host"), KEY, at=at(PAST)),
     "NOTAUTH signed tsig=18 other=6"),
    ("5.2.3", "time 0", lambda own: Signed(update(own), KEY, at=0),
     "NOTAUTH signed tsig=18 other=6"),
    ("5.2.3", "the last time there is", lambda own: Signed(update(own), KEY, at=2**48 - 1),
     "NOTAUTH signed tsig=18 other=6"),
    ("5.2.3", "a small fudge, in time", lambda own: Signed(update(own), KEY, fudge=5),
     "NOERROR signed"),
    ("5.2.3", "and out of it",
     lambda own: Signed(update(own), KEY, at=at(-100), fudge=5),
     "NOTAUTH signed tsig=18 other=6"),
    ("5.2.3", "a large fudge", lambda own: Signed(update(own), KEY, at=at(PAST), fudge=65535),
     "NOERROR signed"),
    ("10", "but no fudge is larger than half an hour",
     lambda own: Signed(update(own), KEY, at=at(-2000), fudge=65535),
     "NOTAUTH signed tsig=18 other=6"),
    ("5.2.4", "the time is checked before truncation",
     lambda own: Signed(update(own), KEY, at=at(FUTURE), mac_len=16),
     "NOTAUTH signed tsig=18 other=6"),

    # -- the record (4.2, 5.1, 5.2) --
    ("5.3.2", "another id in the header",
     lambda own: Signed(update(own), KEY, header_id=0x1234), "NOERROR signed"),
    ("4.2", "an error in a request",
     lambda own: ByHand(update(own), error=18), "NOERROR signed"),
    ("4.2", "Other Data in a request",
     lambda own: ByHand(update(own), other=b"abcdef"), "NOERROR signed"),
    ("4.2", "much of it", lambda own: ByHand(update(own), other=bytes(600)), "NOERROR signed"),
    ("4.2", "class IN", lambda own: ByHand(update(own), rdclass=1), "FORMERR"),
    ("4.2", "class NONE", lambda own: ByHand(update(own), rdclass=254), "FORMERR"),
    ("4.2", "a TTL", lambda own: ByHand(update(own), ttl=1), "FORMERR"),
    ("5.2", "RDATA with an octet behind it",
     lambda own: ByHand(update(own), rdata_end=b"x"), "FORMERR"),
    ("5.2", "Other Data cut short", lambda own: ByHand(update(own), other_size=5), "FORMERR"),
    ("5.2", "a MAC cut short", lambda own: ByHand(update(own), mac_size=200), "FORMERR"),
    ("4.2", "a compressed algorithm name",
     lambda own: ByHand(update(own), algorithm=b"\xc0\x0c"), "FORMERR"),
    ("5.2", "an octet behind it", lambda own: ByHand(update(own), end=b"x"), "FORMERR"),
    ("5.2", "two of them", twice, "FORMERR"),
    ("5.2", "a record behind it", before("x 300 IN A 192.0.2.1"), "FORMERR"),
    ("5.2", "OPT behind it", before(OPT), "FORMERR"),
    ("5.2", "among the prerequisites", in_section("prereq"), "FORMERR"),
    ("5.2", "among the updates", in_section("update"), "FORMERR"),
    ("5.2", "in the answer section of a query",
     lambda own: query_octets("host", prereq=[ByHand(query_octets("host")).record]),
     "FORMERR"),

    # -- answers (5.3) --
    ("5.3", "no signature on the answer to an unsigned update", update, "REFUSED"),
    ("5.3", "nor to a query", lambda own: query_octets("host"), "NOERROR"),
    ("5.3", "signed: NXDOMAIN", lambda own: Signed(query_octets("nope"), KEY),
     "NXDOMAIN signed"),
    ("5.3", "signed: REFUSED", lambda own: Signed(query_octets("www.example.net."), KEY),
     "REFUSED signed"),
    ("5.3", "signed: NOTIMP",
     lambda own: Signed(query_octets("host", flags=3 << 11), KEY), "NOTIMP signed"),
    ("5.3", "signed: FORMERR",
     lambda own: Signed(message_octets(zone=None), KEY), "FORMERR signed"),
    ("5.3", "signed: NOTAUTH for another zone",
     lambda own: Signed(message_octets(zone="other.example."), KEY), "NOTAUTH signed"),
    ("5.3", "signed: YXDOMAIN",
     lambda own: Signed(message_octets(prereq=["host 0 NONE ANY"]), KEY), "YXDOMAIN signed"),
    ("5.3", "signed: FORMERR of an update",
     lambda own: Signed(message_octets(own=own, update=["% 300 IN A 0x00"]), KEY),
     "FORMERR signed"),
]
