"""The ddns target against servers that break off, lie, or send rubbish."""

import os
import random
import socket
import struct
import threading

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from servers import HOST, Key
from target_driver import PROGRAM, TIMEOUT_MS, TargetDriver

pytestmark = pytest.mark.skipif(
    not os.access(PROGRAM, os.X_OK), reason="target_driver is not built")

SOA = "ns1.dyn.example. admin.dyn.example. {} 3600 600 86400 60"
SEED = 20
SILENCE_MS = 2000  # that a server which says no more is given


def soa(serial):
    return dns.rrset.from_text("dyn.example.", 300, "IN", "SOA", SOA.format(serial))


def a(owner, address="192.0.2.1"):
    return dns.rrset.from_text(f"{owner}.dyn.example.", 300, "IN", "A", address)


def odd(owner, rdtype, octets):
    """A record with RDATA that does not have the shape of its type."""
    rdata = dns.rdata.GenericRdata(dns.rdataclass.IN, rdtype, octets)
    name = owner if owner.endswith(".") else f"{owner}.dyn.example."
    return dns.rrset.from_rdata(name, 300, rdata)


def answer(query, *rrsets, rcode=0):
    """The wire form of an answer; records stay in order, doubled ones as well."""
    message = dns.message.Message(query.id)
    message.flags = dns.flags.QR | dns.flags.AA
    message.set_opcode(query.opcode())
    message.set_rcode(rcode)
    message.question = query.question
    wire = bytearray(message.to_wire())
    for rrset in rrsets:
        for rdata in rrset:
            octets = rdata.to_wire()
            wire += rrset.name.to_wire() + struct.pack(
                "!HHIH", rrset.rdtype, rrset.rdclass, rrset.ttl, len(octets)) + octets
    wire[6:8] = struct.pack("!H", sum(len(rrset) for rrset in rrsets))
    return bytes(wire)


def framed(*messages):
    return b"".join(struct.pack("!H", len(message)) + message for message in messages)


class FakeServer:
    """Serves one connection after the other.  behave(query) returns the octets to write, or
    None to hang up; attributes count what came."""

    def __init__(self, behave, key=None):
        self.behave = behave
        self.key = key
        self.error = None
        self.socket = socket.create_server((HOST, 0))
        self.port = self.socket.getsockname()[1]
        self.connections = 0
        self.queries = []
        self.current = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        if self.current is not None:
            self.hang_up()
        self.thread.join(60)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error

    def hang_up(self):
        try:
            self.current.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def run(self):
        while True:
            try:
                self.current, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            with self.current:
                try:
                    self.serve(self.current)
                except OSError:
                    pass
                except Exception as error:  # a mistake in the test
                    self.error = error

    def serve(self, connection):
        file = connection.makefile("rb")
        while True:
            prefix = file.read(2)
            if len(prefix) < 2:
                return
            wire = file.read(struct.unpack("!H", prefix)[0])
            query = dns.message.from_wire(wire, keyring=self.key and self.key.ring)
            self.queries.append(query)
            octets = self.behave(query)
            if octets is None:
                return
            connection.sendall(octets)


def is_update(query):
    """But for the empty one that is sent behind it if there is no answer for 3 ms."""
    return query.opcode() == dns.opcode.UPDATE and any(query.sections[1:3])


def rdtype(query):
    return dns.rdatatype.to_text(query.question[0].rdtype)


def run(behave, tmp_path, *commands, key=None, timeout_ms=TIMEOUT_MS):
    """The results of commands, and the server."""
    with FakeServer(behave, key) as server, \
            TargetDriver(server.port, tmp_path, key, timeout_ms=timeout_ms) as target:
        results = []
        for command in commands:
            if command.startswith("set"):
                target.command(command)
            else:
                results.append(target.ask(command))
        return results, server


def transfer(*rrsets):
    return lambda query: framed(answer(query, *rrsets))


def test_a_good_transfer(tmp_path):
    (result,), _ = run(transfer(soa(5), a("x"), soa(5)), tmp_path, "load")
    assert (result.outcome, result.count, result.serial) == ("DONE", 2, 5)


def test_one_record_per_message(tmp_path):
    def behave(query):
        return framed(*(answer(query, rr) for rr in (soa(5), a("x"), a("y"), soa(5))))
    (result, again), _ = run(behave, tmp_path, "load", "load difference")
    assert (result.outcome, result.count) == ("DONE", 3)
    # the first message holds the SOA alone: to IXFR that means "nothing new"
    assert (again.outcome, again.kind, again.count) == ("DONE", "difference", 0)


@pytest.mark.parametrize("rrsets, why", [
    ((a("x"), soa(5), soa(5)), "the first record is not the zone's SOA"),
    ((soa(5), a("x"), soa(6)), "the zone changed while it was transferred"),
    ((soa(5), a("x"), soa(5), a("y")), "records after the last one"),
    ((soa(5), a("x")), f"fell silent for {SILENCE_MS} ms in the middle of a transfer"),
    ((soa(5), dns.rrset.from_text("x.dyn.example.", 1, "CH", "TXT", "a"), soa(5)),
     "is not of class IN"),
    ((odd("dyn.example.", dns.rdatatype.SOA, b"\0\0"), soa(5)), "dyn.example. SOA"),
])
def test_broken_transfers(tmp_path, rrsets, why):
    (result,), _ = run(transfer(*rrsets), tmp_path, "load", timeout_ms=SILENCE_MS)
    assert result.outcome == "FAILED"
    assert why in result.why


def test_no_records_at_all(tmp_path):
    (result,), _ = run(lambda query: framed(answer(query)), tmp_path, "load")
    assert (result.outcome, "a message without records" in result.why) == ("FAILED", True)


def test_records_outside_the_zone_are_ignored(tmp_path):
    other = dns.rrset.from_text("x.elsewhere.", 1, "IN", "A", "192.0.2.1")
    (result,), _ = run(transfer(soa(5), other, a("x"), soa(5)), tmp_path, "load")
    assert (result.outcome, result.count) == ("DONE", 2)


@pytest.mark.parametrize("rdtype, rdata", [
    (dns.rdatatype.SSHFP, b"\1"),
    (dns.rdatatype.MX, b"\0\1"),
    (dns.rdatatype.CNAME, b"\3abc"),
    (dns.rdatatype.NSEC, b"\1a\0"),
    (dns.rdatatype.A, b"\1\2\3\4\5"),
    (dns.rdatatype.NULL, b"\xff\xffmuster text:\xff\xffx"),
])
def test_rdata_of_a_wrong_shape_is_mirrored(tmp_path, rdtype, rdata):
    (result,), _ = run(transfer(soa(5), odd("x", rdtype, rdata), soa(5)), tmp_path, "load")
    assert (result.outcome, result.count) == ("DONE", 2)


@pytest.mark.parametrize("difference, kind, count", [
    ((soa(6),), "zone", 2),  # says only that it has another: more has to come, and does not
    ((soa(5), soa(5)), "zone", 1),
    ((soa(7), soa(5), a("x"), soa(7), a("y"), soa(7)), "difference", 4),
    ((soa(7), soa(5), soa(6), a("y"), soa(6), a("y"), soa(7), a("z"), soa(7)),
     "difference", 5),
    ((soa(7), soa(4), soa(7), a("y"), soa(7)), "zone", 2),  # from another version
    ((soa(7), soa(5), soa(6), a("y"), soa(5), soa(7), soa(7)), "zone", 2),
    ((soa(4),), "zone", 2),  # went back
])
def test_incremental_transfers(tmp_path, difference, kind, count):
    def behave(query):
        if rdtype(query) == "IXFR":
            return framed(answer(query, *difference))
        return framed(answer(query, soa(5), a("x"), soa(5)))
    (_, result), server = run(behave, tmp_path, "load", "load difference",
                              timeout_ms=SILENCE_MS)
    asked = [rdtype(query) for query in server.queries]
    if difference == (soa(6),):
        assert "fell silent" in result.why
        return
    assert (result.outcome, result.kind, result.count) == ("DONE", kind, count), result
    if difference == (soa(5), soa(5)):
        assert asked == ["AXFR", "IXFR"]
    else:
        assert asked == ["AXFR", "IXFR"] + (["AXFR"] if kind == "zone" else [])


@pytest.mark.parametrize("rcode", ["NOTIMP", "FORMERR", "REFUSED", None])
def test_server_without_ixfr(tmp_path, rcode):
    def behave(query):
        if rdtype(query) == "IXFR":
            return framed(answer(query, rcode=dns.rcode.from_text(rcode))) if rcode else None
        return framed(answer(query, soa(5), a("x"), soa(5)))
    (_, result), _ = run(behave, tmp_path, "load", "load difference")
    assert (result.outcome, result.kind) == ("DONE", "zone")


@pytest.mark.parametrize("octets, why", [
    (b"\x00\x00", "malformed message: no header"),
    (b"\x00\x05abcde", "malformed message: no header"),
    (framed(b"\xff" * 40), "malformed message"),
    (b"\x00\x40abc", "gave no answer"),
    (b"", "gave no answer"),
])
def test_rubbish(tmp_path, octets, why):
    results, _ = run(lambda query: octets, tmp_path, "probe", "load",
                     timeout_ms=SILENCE_MS)
    for result in results:
        assert (result.outcome, why in result.why) == ("FAILED", True), result


@pytest.mark.parametrize("spoil", [
    lambda wire: bytes([wire[0] ^ 1]) + wire[1:],            # another id
    lambda wire: wire[:2] + bytes([wire[2] & 0x7f]) + wire[3:],  # not an answer
    lambda wire: wire[:2] + bytes([wire[2] | 0x28]) + wire[3:],  # another opcode
])
def test_not_the_answer(tmp_path, spoil):
    results, _ = run(
        lambda query: framed(spoil(answer(query, soa(5), soa(5)))), tmp_path, "probe", "load")
    for result in results:
        assert (result.outcome, "something other than the answer" in result.why) == (
            "FAILED", True), result


def test_not_authoritative(tmp_path):
    def behave(query):
        wire = bytearray(answer(query, soa(5)))
        wire[2] &= 0xfb
        return framed(bytes(wire))
    (result,), _ = run(behave, tmp_path, "probe")
    assert (result.outcome, "is not authoritative" in result.why) == ("FAILED", True)


def test_unsigned_answer_to_a_signed_request(tmp_path):
    results, _ = run(lambda query: framed(answer(query, soa(5), soa(5))), tmp_path,
                     "probe", "load", key=Key("k."))
    for result in results:
        assert (result.outcome, "answered NOERROR without signature" in result.why) == (
            "FAILED", True), result


def signed(query, *rrsets):
    message = dns.message.make_response(query)
    message.flags |= dns.flags.AA
    message.answer = list(rrsets)
    return message.to_wire()


def test_last_message_of_a_transfer_is_not_signed(tmp_path):
    (result,), _ = run(
        lambda query: framed(signed(query, soa(5), a("x")), answer(query, soa(5))),
        tmp_path, "load", key=Key("k."))
    assert (result.outcome, "did not sign the last message" in result.why) == ("FAILED", True)


@pytest.mark.parametrize("at", [-20, 30])  # in the TSIG record, in the answer
def test_signed_answer_that_somebody_changed(tmp_path, at):
    def behave(query):
        wire = bytearray(signed(query, soa(5)))
        wire[at] ^= 0x20
        return framed(bytes(wire))
    (result,), _ = run(behave, tmp_path, "probe", key=Key("k."))
    assert result.outcome == "FAILED"


def test_octets_after_the_answer(tmp_path):
    results, server = run(
        lambda query: framed(answer(query, soa(5))) + b"\x00\x20more", tmp_path,
        "probe", "probe")
    assert [result.outcome for result in results] == ["DONE", "DONE"]
    assert server.connections == 2


def test_hung_up_without_an_answer(tmp_path):
    (result,), server = run(lambda query: None, tmp_path, "probe")
    assert (result.outcome, "closed the connection without an answer" in result.why) == (
        "FAILED", True)
    assert len(server.queries) == 1


def test_query_is_repeated_on_a_connection_that_had_been_idle(tmp_path):
    def behave(query):
        return None if len(server.queries) == 2 else framed(answer(query, soa(5)))
    with FakeServer(behave) as server, TargetDriver(server.port, tmp_path) as target:
        assert target.probe().outcome == "DONE"
        assert target.probe().outcome == "DONE"
        assert (server.connections, len(server.queries)) == (2, 3)


class Zone:
    """As much of a primary as these tests need.  lose: UPDATEs (by number) whose connection
    is closed, with "before" or "after" they are applied."""

    def __init__(self, lose, others=0):
        self.serial = 5
        self.lose = lose
        self.others = others
        self.updates = 0

    def __call__(self, query):
        if not is_update(query):
            return framed(answer(query, soa(self.serial)))
        when = self.lose.get(self.updates)
        self.updates += 1
        if when == "before":
            self.serial += self.others
            return None
        wanted, changes = query.sections[1:3]
        if wanted and wanted[0][0].serial != self.serial:
            return framed(answer(query, rcode=dns.rcode.NXRRSET))
        if changes:
            self.serial += 1
        return None if when == "after" else framed(answer(query))


@pytest.mark.parametrize("lose, others, outcome, serial, updates", [
    ({0: "before"}, 0, "DONE", 6, 2),          # sent again
    ({0: "after"}, 0, "DONE", 6, 2),           # found by its serial, then checked
    ({0: "before"}, 2, "CHANGED", 7, 1),       # others have been there
    ({0: "before", 1: "before"}, 0, "FAILED", None, 2),  # once is enough
])
def test_connection_closed_under_an_update(tmp_path, lose, others, outcome, serial, updates):
    zone = Zone(lose, others)
    (_, result), _ = run(
        zone, tmp_path, "probe", "set x A 60 192.0.2.1", "deliver")
    assert (result.outcome, result.serial) == (outcome, serial), result
    assert zone.updates == updates


def is_change(query):
    """An UPDATE of more than the SOA."""
    return is_update(query) and any(
        rrset.rdtype != dns.rdatatype.SOA for rrset in query.sections[2])


def refusing(rcode, what):
    def behave(query):
        if what(query):
            return framed(answer(query, rcode=dns.rcode.from_text(rcode)))
        return framed(answer(query, soa(5)))
    return behave


@pytest.mark.parametrize("rcode, of_all, of_some", [
    ("FORMERR", "REJECTED", "REJECTED"), ("SERVFAIL", "FAILED", "REJECTED"),
    ("NOTIMP", "FAILED", "FAILED"), ("REFUSED", "FAILED", "REJECTED"),
    ("YXDOMAIN", "REJECTED", "REJECTED"), ("YXRRSET", "REJECTED", "REJECTED"),
    ("NOTAUTH", "FAILED", "REJECTED"), ("NOTZONE", "FAILED", "REJECTED"),
    ("NXDOMAIN", "REJECTED", "REJECTED"),
])
def test_what_rcodes_mean(tmp_path, rcode, of_all, of_some):
    """Said to every UPDATE, and only to those that change something."""
    for what, outcome in ((is_update, of_all), (is_change, of_some)):
        (_, result), _ = run(refusing(rcode, what), tmp_path, "probe",
                             "set x A 60 192.0.2.1", "deliver")
        assert (result.outcome, rcode in result.why) == (outcome, True), result
        if outcome == "REJECTED":
            assert result.rcode == rcode


class Troubled(Zone):
    """Answers the first UPDATEs as told: an rcode; "forward", which is a SERVFAIL to what
    was done; "lost", which is no answer to what was done; None to hang up; "others", who
    change the zone first.  "" and all later ones are done."""

    def __init__(self, *answers):
        super().__init__({})
        self.answers = list(answers)
        self.sizes = []  # of the update sections

    def __call__(self, query):
        if not is_update(query):
            return super().__call__(query)
        self.sizes.append(sum(len(rrset) for rrset in query.sections[2]))
        what = self.answers.pop(0) if self.answers else ""
        if what is None:
            return None
        if what == "others":
            self.serial += 2
        if what not in ("", "others", "forward", "lost"):
            return framed(answer(query, rcode=dns.rcode.from_text(what)))
        done = super().__call__(query)
        if what == "forward":
            return framed(answer(query, rcode=dns.rcode.SERVFAIL))
        return None if what == "lost" else done


@pytest.mark.parametrize("answers, outcome, serial, sizes", [
    (["SERVFAIL"], "DONE", 6, [2, 2]),
    (["SERVFAIL"] * 2, "DONE", 7, [2, 2, 1, 2]),
    (["SERVFAIL", "SERVFAIL", "", "SERVFAIL"], "REJECTED", 9, [2, 2, 1, 2, 1, 1, 1]),
    # what is left of its room is enough for a serial or two
    (["SERVFAIL", "SERVFAIL", "", "SERVFAIL", "", "SERVFAIL"], "FAILED", None,
     [2, 2, 1, 2, 1, 1]),
    (["SERVFAIL", "SERVFAIL", "", "forward"], "DONE", 7, [2, 2, 1, 2, 1, 0]),
    (["SERVFAIL"] * 3, "FAILED", None, [2, 2, 1]),
    (["SERVFAIL", "SERVFAIL", "REFUSED"], "FAILED", None, [2, 2, 1]),
    (["SERVFAIL", "REFUSED"], "REJECTED", None, [2, 2, 1]),
    (["SERVFAIL"] + ["REFUSED"] * 2, "DONE", 6, [2, 2, 1, 1]),  # without a SOA
    (["SERVFAIL"] + ["REFUSED"] * 3, "REJECTED", None, [2, 2, 1, 1, 0]),
    (["SERVFAIL"] + ["REFUSED"] * 4, "FAILED", None, [2, 2, 1, 1, 0]),
    (["REFUSED", "REFUSED"] + ["SERVFAIL"] * 2, "FAILED", None, [2, 1, 1, 1]),
    (["SERVFAIL", "others"], "CHANGED", 7, [2, 2]),
    (["SERVFAIL", "SERVFAIL", "others"], "CHANGED", 7, [2, 2, 1]),
    (["SERVFAIL", "SERVFAIL", "", "others"], "CHANGED", 8, [2, 2, 1, 2]),
    (["forward"], "DONE", 6, [2, 2, 0]),           # found by its serial, then checked
    (["SERVFAIL", "forward"], "DONE", 6, [2, 2, 1, 0]),
    (["SERVFAIL", None], "DONE", 6, [2, 2, 2]),
    (["SERVFAIL", "SERVFAIL", None], "FAILED", None, [2, 2, 1]),
    (["SERVFAIL", "SERVFAIL", "", None], "DONE", 7, [2, 2, 1, 2, 2]),
    ([None, "SERVFAIL", "SERVFAIL"], "DONE", 7, [2, 2, 2, 1, 2]),
])
def test_servfail_is_looked_into(tmp_path, answers, outcome, serial, sizes):
    zone = Troubled(*answers)
    (_, result), _ = run(zone, tmp_path, "probe", "set x A 60 192.0.2.1", "deliver")
    assert (result.outcome, zone.sizes) == (outcome, sizes), result
    if serial or outcome == "FAILED":
        assert result.serial == serial, result


def test_trial_without_an_answer_is_no_delivery(tmp_path):
    """It took the very serial that the batch was to have; what the batch was to bring is
    not there."""
    zone = Troubled("SERVFAIL", "SERVFAIL", "lost", "NXRRSET")
    (_, failed, changed, done), _ = run(
        zone, tmp_path, "probe", "set x A 60 192.0.2.1", "deliver", "deliver retry",
        "deliver")
    assert (failed.outcome, changed.outcome, changed.serial) == ("FAILED", "CHANGED", 6)
    assert (done.outcome, done.serial, zone.sizes) == ("DONE", 7, [2, 2, 1, 0, 2])


@pytest.mark.parametrize("rcode, what, outcome, sizes, why", [
    ("FORMERR", is_change, "REJECTED", [2, 2, 1, 2, 1, 1, 1],
     "answered FORMERR without signature"),
    ("SERVFAIL", is_change, "REJECTED", [2, 2, 1, 2, 1, 1, 1],
     "answered SERVFAIL without signature"),
    # who says so has yet to sign anything
    ("FORMERR", is_update, "FAILED", [2, 2, 1], "answered FORMERR without signature"),
    # said to keys that are not known, and this one is
    ("REFUSED", is_change, "REJECTED", [2, 1], "target does not allow it"),
    ("NOTAUTH", is_change, "REJECTED", [2, 1], "target does not allow it"),
    ("REFUSED", is_update, "FAILED", [2, 1, 1, 0], "answered REFUSED without signature"),
])
def test_unsigned_errors_are_looked_into(tmp_path, rcode, what, outcome, sizes, why):
    """No server signs an answer to what it could not read (BIND and Knot neither)."""
    zone = Zone({})
    seen = []

    def behave(query):
        if is_update(query):
            seen.append(sum(len(rrset) for rrset in query.sections[2]))
        if what(query):
            return framed(answer(query, rcode=dns.rcode.from_text(rcode)))
        zone(query)
        return framed(signed(query, *([] if is_update(query) else [soa(zone.serial)])))

    (_, result), _ = run(behave, tmp_path, "probe", "set x A 60 192.0.2.1", "deliver",
                         key=Key("k."))
    assert (result.outcome, seen) == (outcome, sizes), result
    assert why in result.why


@pytest.mark.parametrize("turns", range(12))
def test_freed_while_it_waits(tmp_path, turns):
    """In every state of a delivery that meets SERVFAIL only."""
    with FakeServer(refusing("SERVFAIL", is_update)) as server, \
            TargetDriver(server.port, tmp_path) as target:
        assert target.probe().outcome == "DONE"
        target.set("x", "A", 60, "192.0.2.1")
        target.command(f"desert {turns} deliver")
        assert target.probe().outcome == "DONE"


def test_refusal_with_its_reason(tmp_path):
    def behave(query):
        if not is_change(query):
            return framed(answer(query, soa(5)))
        message = dns.message.make_response(query)
        message.use_edns(options=[dns.edns.EDEOption(18, "not on\x1b[1m Sundays")])
        message.set_rcode(dns.rcode.REFUSED)
        return framed(message.to_wire())
    (_, result), _ = run(behave, tmp_path, "probe", "set x A 60 192.0.2.1", "deliver")
    assert (result.outcome, result.rcode) == ("REJECTED", "REFUSED")
    assert result.why == "target says REFUSED: not on?[1m Sundays"


def test_more_differences_than_an_update_can_hold(tmp_path):
    many = [a(f"h{i}") for i in range(500)]

    def behave(query):
        if rdtype(query) == "AXFR":
            return framed(answer(query, soa(5), a("x"), soa(5)))
        return framed(answer(query, soa(7), soa(5), a("x"), soa(7)),
                      *[answer(query, *many)] * 140, answer(query, soa(7)))
    (_, result), server = run(behave, tmp_path, "load", "load difference")
    assert (result.outcome, result.kind) == ("DONE", "zone")
    assert [rdtype(query) for query in server.queries] == ["AXFR", "IXFR", "AXFR"]


def test_nobody_listens(tmp_path):
    with FakeServer(lambda query: None) as server:
        pass
    with TargetDriver(server.port, tmp_path) as target:
        for command in ("probe", "load", "probe"):
            result = target.ask(command)
            assert (result.outcome, "Connection refused" in result.why) == ("FAILED", True)


def test_spoilt_octets(tmp_path):
    """Whatever the server sends, each command ends with a result; sanitizers watch."""
    source = random.Random(SEED)

    def behave(query):
        kinds = [
            (soa(5), a("x"), a("y", "192.0.2.2"), soa(5)),
            (soa(7), soa(5), a("x"), soa(7), a("z"), soa(7)),
            (soa(5),),
        ]
        wire = bytearray(answer(query, *source.choice(kinds)))
        for _ in range(source.randrange(4)):
            wire[source.randrange(4, len(wire))] = source.choice(
                (0, 1, 12, 0x3f, 0xc0, 0xff, source.randrange(256)))
        wire = wire[:source.choice((len(wire), len(wire), source.randrange(13, len(wire))))]
        return framed(bytes(wire))

    with FakeServer(behave) as server, \
            TargetDriver(server.port, tmp_path, timeout_ms=20) as target:
        outcomes = set()
        for _ in range(400):
            for command in ("load", "probe", "load difference"):
                outcomes.add(target.ask(command).outcome)
        assert outcomes == {"DONE", "FAILED"}
