"""Is musterd right?  Cases over RFC 1035, 2136, 2181, 3597, 6891 and 8945, in front of every
kind of target: the same answers, and the same zone, at the gateway and behind it.

What depends on the zone is asked of all targets; what is decided before, of one.  The cases
are in conformance_*.py.
"""

import re
import struct

import dns.rdatatype
import pytest

import conformance
import conformance_messages
import conformance_names
import conformance_prereqs
import conformance_queries
import conformance_tsig
import conformance_types
import conformance_updates
import front
from conformance import (ZONE, Content, expected_line, message_octets, query_octets, told)
from conformance_tsig import ALL_KEYS, KEY
from front import target_settings, write_secret
from gateway import Signed, Tcp, Udp
from servers import Bind, Key, PowerDNS, wait_for

KINDS = ["local", "bind", "knot", "pdns-sqlite"]
RULE = {"keys": ["*."], "match": "zone", "types": ["ANY"], "transfer": True}
OPT = ". 0 CLASS1232 OPT"


def make_server(kind, folder):
    options = {"zones": {ZONE: conformance.ZONE_TEXT}}
    if kind == "bind":  # it is asked to hold what the RFCs let stand in a zone
        options["zone_options"] = "check-names ignore; check-integrity no;"
    return front.make_server(kind, folder, **options)


class Bench:
    """A gateway in front of a kind of target."""

    def __init__(self, kind, gateways, folder):
        self.kind = kind
        self.server = None
        self.numbers = 0
        zone = {"allow": [{**RULE, "keys": sorted({key.name for key in ALL_KEYS})}]}
        keys = list(ALL_KEYS)
        if kind != "local":
            self.server = make_server(kind, folder)
            self.server.start()
            zone["targets"] = [target_settings(self.server)]
            keys += self.server.keys
        self.gateway = gateways.make(keys=keys, zones={ZONE: zone})
        self.gateway.write("dyn.example.seed", conformance.ZONE_TEXT)
        if isinstance(self.server, PowerDNS):
            write_secret(self.gateway.path(front.API_KEY_FILE), self.server.api_key)
        self.gateway.start()
        wait_for(lambda: self.gateway.query(ZONE, "SOA").answer, "the zone")
        self.initial = self.content()

    def close(self):
        if self.server:
            self.server.stop()

    # -- asking --

    def own(self):
        """A name that nobody has had."""
        self.numbers += 1
        return f"c{self.numbers}"

    def ask(self, request, tcp=None):
        """The Answer to a Signed or to octets, or None."""
        wire = request if isinstance(request, bytes) else request.wire
        if tcp is None:
            tcp = len(wire) > conformance.UDP_MAX
        with (Tcp if tcp else Udp)(self.gateway.port) as client:
            client.send(wire)
            return client.receive()

    def update(self, own="", **options):
        """The answer to a signed update with OPT, which must have the form of one."""
        request = Signed(message_octets(own=own, additional=[OPT], **options), KEY)
        answer = self.ask(request)
        assert answer.flags & 0xf800 == 0xa800, "no answer to an update"
        assert told(answer, request).split()[1:] == ["signed", "opt"], told(answer, request)
        assert answer.id == struct.unpack("!H", request.wire[:2])[0]
        assert answer.flags & 0x0200 == 0, "TC"
        return answer

    def do(self, own, *records):
        answer = self.update(own, update=records)
        assert answer.rcode == "NOERROR", f"{answer.rcode} {answer.ede}: {records}"

    # -- the zone --

    def content(self):
        return Content(self.gateway.port, KEY)

    def behind(self):
        """What the target has."""
        key = self.server.keys[0] if self.server.keys else None
        return Content(self.server.port, key)

    def assert_same_behind(self, here):
        """Names in RDATA may have come by compression with another one's case."""
        if self.server is None:
            return
        there = self.behind()
        lower = [{line.lower() for line in zone.lines} for zone in (here, there)]
        if isinstance(self.server, PowerDNS):  # it has them, but not for everybody
            lower[0] = {line for line in lower[0]
                        if line.split()[2] not in ("cds", "cdnskey")}
        assert lower[0] == lower[1]
        assert (here.serial, here.soa.lower()) == (there.serial, there.soa.lower())

    def clear(self):
        """Makes the zone what it was."""
        now = self.content()
        if now == self.initial:
            return
        records = []
        names = [{line.split()[0] for line in zone.lines} for zone in (now, self.initial)]
        records += [f"{name} 0 ANY ANY" for name in sorted(names[0] - names[1])]
        changed = {tuple(line.split()[::2][:2]) for line in now.lines ^ self.initial.lines}
        for name, rdtype in sorted(changed):
            if name in names[1] and (name, rdtype) != (ZONE, "NS"):
                records.append(f"{name} 0 ANY {rdtype}")
        for line in sorted(self.initial.lines):
            name, ttl, rdtype, rdata = line.split(None, 3)
            if (name, rdtype) in changed:
                records.append(f"{name} {ttl} IN {rdtype} {rdata}")
        for line in sorted(now.lines - self.initial.lines):
            name, ttl, rdtype, rdata = line.split(None, 3)
            if (name, rdtype) == (ZONE, "NS") and \
                    not any(line.endswith(f" NS {rdata}") for line in self.initial.lines):
                records.append(f"{name} 0 NONE {rdtype} {rdata}")
        if now.soa != self.initial.soa:
            ttl, *names, rest = self.initial.soa.split(None, 3)
            records.append(f"@ {ttl} IN SOA {' '.join(names)} "
                           f"{(now.serial + 1) & 0xffffffff} {rest}")
        self.do("", *records)
        assert self.content() == self.initial


@pytest.fixture(scope="module")
def benches(shared_gateways, tmp_path_factory):
    made = {}

    def get(kind):
        if kind not in made:
            if kind != "local" and not front.is_installed(kind):
                pytest.skip(f"{kind} is not installed")
            made[kind] = Bench(kind, shared_gateways, tmp_path_factory.mktemp(kind))
        return made[kind]

    yield get
    for bench in made.values():
        bench.close()


@pytest.fixture(params=KINDS, scope="module")
def bench(request, benches):
    """Each kind of target."""
    return benches(request.param)


@pytest.fixture(scope="module")
def one(benches):
    """One that needs no other program."""
    return benches("local")


@pytest.fixture
def clean(bench):
    yield bench
    bench.clear()


def title(section, what):
    return f"{section}: {what}".replace("/", "|")[:80]


# ---- prerequisites ----

def rcodes(bench, own, rows):
    return [(prereq, bench.update(own, prereq=[prereq]).rcode) for prereq, _ in rows]


@pytest.mark.parametrize("state", conformance_prereqs.STATES)
def test_prerequisites(clean, state):
    """RFC 2136 2.4 and 3.2.1 to 3.2.3: every form against this state."""
    own = clean.own()
    if conformance_prereqs.STATES[state]:
        clean.do(own, *conformance_prereqs.STATES[state])
    before = clean.content()
    rows = conformance_prereqs.matrix()[state]
    assert rcodes(clean, own, rows) == rows
    after = clean.content()
    assert (after, after.serial) == (before, before.serial)


def test_prerequisites_of_the_zone(bench):
    """RFC 2136 3.2: the apex, cuts, glue, aliases, wildcards, empty non-terminals."""
    rows = conformance_prereqs.IN_THE_ZONE
    assert rcodes(bench, bench.own(), rows) == rows


@pytest.mark.parametrize("section, prereqs, rcode", conformance_prereqs.SEVERAL)
def test_several_prerequisites(one, section, prereqs, rcode):
    own = one.own()
    one.do(own, *conformance_prereqs.STATES["two"])
    before = one.content()
    answer = one.update(own, prereq=prereqs, update=["x.% 300 IN A 192.0.2.9"])
    assert answer.rcode == rcode, section
    assert (one.content() == before) == (rcode != "NOERROR")
    one.clear()


@pytest.mark.parametrize("held", [False, True])
def test_wrong_prerequisites(one, held):
    """RFC 2136 3.2: what is no prerequisite is so whether there is anything or not."""
    own = one.own()
    if held:
        one.do(own, "% 300 IN A 192.0.2.1")
    before = one.content()
    got = []
    for section, prereq, rcode in conformance_prereqs.WRONG:
        answer = one.ask(Signed(message_octets(own=own, prereq=[prereq]), KEY))
        got.append((section, prereq, answer.rcode))
    assert got == conformance_prereqs.WRONG
    after = one.content()
    assert (after, after.serial) == (before, before.serial)
    one.clear()


# ---- updates ----

def run_update(bench, case):
    own = bench.own()
    if case.before:
        bench.do(own, *case.before)
    before = bench.content() if case.before else bench.initial
    serial = bench.content().serial
    answer = bench.update(own, prereq=case.prereq, update=case.update)
    if case.unlike.get(bench.kind) == "dropped":
        pytest.skip("this target drops it without a word")
    refused = bench.kind in case.unlike
    assert answer.rcode == ("REFUSED" if refused else case.rcode), answer.ede
    if refused:
        assert answer.ede and answer.ede[1], "no reason is given"
    here = bench.content()
    if case.after is None or refused:
        expected = before.lines
    else:
        expected = {expected_line(line, own) for line in case.after} | \
            bench.initial.lines - {expected_line(line, own) for line in case.gone}
    assert here.lines == expected
    assert here.soa == before.soa
    moved = (here.serial - serial) & 0xffffffff
    assert moved == (here.lines != before.lines)
    bench.assert_same_behind(here)


@pytest.mark.parametrize("case", conformance_updates.CASES,
                         ids=lambda case: title(case.ref, case.what))
def test_updates(clean, case):
    run_update(clean, case)


@pytest.mark.parametrize("held", [False, True])
def test_wrong_updates(one, held):
    """RFC 2136 3.4.1: alone and behind a record that is right, nothing is done."""
    own = one.own()
    if held:
        one.do(own, "% 300 IN A 192.0.2.1")
    before = one.content()
    for first in [], ["y.% 300 IN A 192.0.2.9"]:
        got = []
        for section, record, _ in conformance_updates.WRONG:
            request = Signed(message_octets(own=own, update=[*first, record]), KEY)
            got.append((section, record, one.ask(request).rcode))
        assert got == conformance_updates.WRONG
    after = one.content()
    assert (after, after.serial) == (before, before.serial)
    one.clear()


@pytest.mark.parametrize("section, what, start, update, end, soa", conformance_names.SERIALS,
                         ids=[title(*row[:2]) for row in conformance_names.SERIALS])
def test_serials(clean, section, what, start, update, end, soa):
    # pylint: disable=too-many-arguments
    del section, what
    while start is not None and (now := clean.content().serial) != start:
        step = min((start - now) & 0xffffffff, (1 << 31) - 1)
        clean.do("", conformance_names.SOA.format("ns1", step).replace(
            "{%d}" % step, str((now + step) & 0xffffffff)))
    before = clean.content()

    def serial(match):
        return str((before.serial + int(match[1])) & 0xffffffff)

    update = [re.sub(r"\{([+-]\d+)\}", serial, record) for record in update]
    clean.do(clean.own(), *update)
    after = clean.content()
    if isinstance(end, str):
        end = (before.serial + int(end)) & 0xffffffff
    assert (after.serial, after.soa) == (end, soa or before.soa)
    clean.assert_same_behind(after)


# ---- types and names ----

def typed(owner, rdclass, rdtype, rdata, ttl=0):
    return f"{owner} {ttl} {rdclass} {rdtype} " + (f"0x{rdata}" if rdata else "")


GOOD = [(rdtype, rdata) for rdtype, all_rdata in conformance_types.GOOD.items()
        for rdata in all_rdata]


def test_every_type(clean):
    """RFC 3597 3 to 6: added, found by value, given back as it was, deleted by value."""
    held_by = clean.kind
    good = [(f"t{number}.%", rdtype, rdata) for number, (rdtype, rdata) in enumerate(GOOD)
            if (rdtype, rdata) not in conformance_types.NOT_HELD.get(held_by, ())]
    own = clean.own()
    cuts = [f"{owner} 300 IN NS ns1" for owner, rdtype, _ in good if rdtype == "DS"]
    clean.do(own, *cuts, *(typed(owner, "IN", *rest, ttl=300) for owner, *rest in good))
    here = clean.content()
    got = {(str(record.owner).split(".")[0], record.octets.hex()) for record in here.records}
    for owner, _, rdata in good:
        assert (owner.split(".")[0], rdata) in got, (owner, rdata)
    clean.assert_same_behind(here)
    answer = clean.update(
        own, prereq=[typed(owner, "IN", *rest) for owner, *rest in good],
        update=[typed(owner, "NONE", *rest) for owner, *rest in good if rest[0] != "DS"] +
        [cut.replace(" 300 IN ", " 0 NONE ") for cut in cuts])
    assert answer.rcode == "NOERROR"
    assert clean.content().lines == clean.initial.lines
    clean.assert_same_behind(clean.content())


@pytest.mark.parametrize("kind, rdtype, rdata", [
    (kind, *row) for kind, rows in conformance_types.NOT_HELD.items() for row in rows])
def test_what_a_target_does_not_hold(benches, kind, rdtype, rdata):
    """Refused with the reason, and neither mirror nor target have changed."""
    bench = benches(kind)
    before = bench.content()
    answer = bench.update(bench.own(), update=["y.% 300 IN A 192.0.2.1",
                                               typed("%", "IN", rdtype, rdata, 300)])
    assert answer.rcode == "REFUSED" and answer.ede and answer.ede[1]
    after = bench.content()
    assert after.lines == before.lines
    bench.assert_same_behind(after)


@pytest.mark.parametrize("rdtype", conformance_types.BAD)
def test_malformed_rdata(one, rdtype):
    """RFC 2136 2.2: FORMERR, added or deleted, alone or behind what is right."""
    own = one.own()
    for rdata in conformance_types.BAD[rdtype]:
        for update in [typed("%", "IN", rdtype, rdata, 300)], \
                [typed("%", "NONE", rdtype, rdata)], \
                ["y.% 300 IN A 192.0.2.1", typed("%", "IN", rdtype, rdata, 300)]:
            request = Signed(message_octets(own=own, update=update), KEY)
            assert told(one.ask(request), request) == "FORMERR signed", update
    assert one.content().lines == one.initial.lines


@pytest.mark.parametrize("owner, is_common", conformance_names.OWNERS)
def test_owners(clean, owner, is_common):
    """RFC 2181 11: any octets, in their case (RFC 1035 2.3.3); a server that says no to some is
    believed, with its reason."""
    own = clean.own()
    name = f"{owner}.%"
    held = is_common or clean.kind != "pdns-sqlite"
    answer = clean.update(own, update=[f"{name} 300 IN TXT x", "y.% 300 IN TXT y"])
    assert answer.rcode == ("NOERROR" if held else "REFUSED"), answer.ede
    here = clean.content()
    assert here.lines - clean.initial.lines == ({
        expected_line(f"{name} 300 TXT x", own),
        expected_line("y.% 300 TXT y", own)} if held else set())
    clean.assert_same_behind(here)
    if not held:
        assert answer.ede and "unsupported characters" in answer.ede[1]
        return
    answer = clean.update(own, prereq=[f"{name} 0 IN TXT x"],
                          update=[f"{name} 0 ANY ANY", "y.% 0 NONE TXT y"])
    assert answer.rcode == "NOERROR"
    assert clean.content().lines == clean.initial.lines


def test_the_longest_name(bench):
    """RFC 1035 2.3.4: 255 octets, as owner and in RDATA."""
    rest = 255 - len(conformance.ORIGIN.to_wire()) - 3 * 64 - 1
    name = ".".join([rest * "b", *3 * [63 * "b"]])
    assert len(conformance.name_octets(name)) == 255
    bench.do("", f"{name} 300 IN CNAME {name}")
    assert expected_line(f"{name} 300 CNAME {name}", "") in bench.content().lines
    bench.assert_same_behind(bench.content())
    bench.clear()


# ---- queries ----

def lines_of(records):
    """With owners as they are asked for; the SOA of negative answers without its data."""
    return sorted(" ".join(str(record).split()[:3]) if record.rdtype == dns.rdatatype.SOA
                  else str(record) for record in records)


def expected_lines(texts):
    return sorted(f"{ZONE}{text[1:]}" if text == conformance_queries.NEGATIVE
                  else expected_line(text, "") for text in texts)


@pytest.mark.parametrize("case", conformance_queries.CASES,
                         ids=[title(case[0], " ".join(case[1:3]))
                              for case in conformance_queries.CASES])
def test_queries(bench, case):
    _, name, rdtype, rcode, is_authoritative, answers, authority = case
    query = query_octets(name, dns.rdatatype.from_text(rdtype))
    for request in query, Signed(query, KEY):
        for tcp in False, True:
            answer = bench.ask(request, tcp)
            sections = conformance.read_sections(answer.plain)
            assert answer.rcode == rcode
            assert bool(answer.flags & 0x0400) == is_authoritative
            assert lines_of(sections[0]) == expected_lines(answers)
            assert lines_of(sections[1]) == expected_lines(authority)


# ---- messages ----

def assert_told(bench, make, expected):
    """Over UDP and TCP, to the same octets: what was done once is not done twice."""
    request = make(bench.own())
    for tcp in False, True:
        answer = bench.ask(request, tcp)
        assert told(answer, request) == expected, f"tcp={tcp}"
        wire = request if isinstance(request, bytes) else request.wire
        assert answer.id == struct.unpack("!H", wire[:2])[0]
        assert answer.flags & 0x8000 and answer.opcode == wire[2] >> 3 & 15


@pytest.mark.parametrize("section, what, make, expected", conformance_tsig.CASES,
                         ids=[title(*case[:2]) for case in conformance_tsig.CASES])
def test_tsig(one, section, what, make, expected):
    """RFC 8945"""
    del section, what
    assert_told(one, make, expected)


def test_badtime_tells_the_time(one):
    """RFC 8945 5.2.3: the client's time and fudge, and the server's time."""
    request = Signed(conformance_tsig.update(one.own()), KEY, at=1000000, fudge=7)
    tsig = one.ask(request).tsig
    assert (tsig.time, tsig.fudge) == (1000000, 7)
    assert abs(int.from_bytes(tsig.other, "big") - conformance_tsig.at(0)) < 5


def test_what_unsigned_errors_say(one):
    """RFC 8945 5.3.2: no MAC; the names as they came."""
    request = Signed(conformance_tsig.update(one.own()), conformance_tsig.STRANGER)
    tsig = one.ask(request).tsig
    assert (tsig.mac, tsig.name, tsig.algorithm, tsig.other) == (
        b"", "stranger.", "hmac-sha256.", b"")


@pytest.mark.parametrize("section, what, make, expected", conformance_messages.CASES,
                         ids=[title(*case[:2]) for case in conformance_messages.CASES])
def test_messages(one, section, what, make, expected):
    """RFC 1035 4, 2136 2, 6891"""
    del section, what
    assert_told(one, make, expected)


@pytest.mark.parametrize("make", conformance_messages.CUT)
def test_cut_short_at_every_length(one, make):
    """RFC 1035 4.1.1, 2136 2.2: with a header it is answered, and nothing is done."""
    whole = make()
    before = one.content()
    with Udp(one.gateway.port) as client:
        for length in range(12, len(whole)):
            client.send(whole[:length])
            answer = client.receive()
            assert (answer.rcode, answer.tsig) == ("FORMERR", None), length
    assert one.content() == before


@pytest.mark.parametrize("opcode", range(16))
def test_answers_are_not_answered(one, opcode):
    """RFC 1035 4.1.1: QR."""
    with Udp(one.gateway.port) as client:
        client.send(query_octets("host", flags=0x8000 | opcode << 11))
        last = query_octets("host")
        client.send(last)
        assert client.receive().id == struct.unpack("!H", last[:2])[0]


@pytest.mark.parametrize("opcode, flags, echoed", conformance_messages.FLAGS)
def test_flags(one, opcode, flags, echoed):
    """RFC 1035 4.1.1: RD comes back, RA and Z do not, whatever was asked."""
    request = query_octets("host", flags=flags)
    if opcode:
        request = Signed(message_octets(own=one.own(), flags=opcode | flags), KEY)
    answer = one.ask(request)
    assert answer.rcode == "NOERROR"
    assert answer.flags & 0x03f0 == echoed
    one.clear()
