"""What musterd refuses: the answer, its TSIG, its reason for clients that sent OPT, one
line in the log, and for known keys a row in the audit."""

import struct
import time

import dns.edns
import dns.message
import dns.update
import pytest

from servers import wait_for
from gateway import FUDGE_S, SharedKey, Signed, Udp, append_record, sign, tsig_record

ZONE = "dyn.example."
HOST1 = f"host1.{ZONE}"
PROHIBITED, NOT_AUTHORITATIVE, OTHER = 18, 20, 0


@pytest.fixture(scope="module")
def keys(shared_admin):
    return {"admin": shared_admin, "host1": SharedKey(HOST1),
            "truncated": SharedKey("truncated.", "hmac-sha256-128"),
            "cut": SharedKey("cut.", "hmac-sha512-264"),
            "stranger": SharedKey("stranger.")}


@pytest.fixture(scope="module")
def gateway(shared_gateways, keys):
    rules = [
        {"keys": [f"*.{ZONE}"], "match": "self", "types": ["A", "AAAA", "TXT"],
         "ttl": {"min": 60, "max": 3600}, "max_records": 2},
        {"keys": ["admin.", "truncated.", "cut."], "match": "zone", "types": ["ANY"]},
    ]
    return shared_gateways(keys=list(keys.values())[:-1], zones={
        ZONE: {"allow": rules}, "norules.example.": {"allow": []}})


def with_opt(message):
    message.use_edns(0, payload=1232)
    return message


def update(*records, zone=ZONE):
    message = dns.update.UpdateMessage(zone)
    for record in records or [(HOST1, 300, "A", "192.0.2.1")]:
        message.add(*record)
    return message


def ask(gateway, request, tcp=False):
    wire = request if isinstance(request, bytes) else request.wire
    answer = gateway.exchange(wire, tcp)
    assert answer.id == struct.unpack("!H", wire[:2])[0]
    assert answer.flags & 0x8000 and not answer.flags & 0x0200, "QR, and never TC"
    return answer


class Pace:
    """Strangers cause at most LOG_STRANGER_PER_S lines a second: we stay below."""

    PER_S = 15

    def __init__(self):
        self.times = []

    def wait(self):
        wait_for(self._is_time, "the log to take a stranger's line")
        self.times.append(time.monotonic())

    def _is_time(self):
        since = time.monotonic() - 1.1
        return sum(at > since for at in self.times) < self.PER_S


pace = Pace()


def ask_as_stranger(gateway, request, tcp=False):
    """For what the gateway cannot attribute to a key, and logs within limits."""
    pace.wait()
    return ask(gateway, request, tcp)


def expect_one_line(gateway, answer, *words):
    line, = gateway.lines_about(answer.port)
    for word in words:
        assert word in line, line


def expect_signed_refusal(gateway, request, answer, rcode, why, ede=PROHIBITED):
    assert answer.rcode == rcode and answer.is_authentic(request)
    assert answer.tsig.error == 0 and answer.tsig.other == b""
    code, text = answer.ede
    assert code == ede and why in text
    expect_one_line(gateway, answer, f": {rcode}: ", why, f"key {request.key.name}")
    row, = gateway.audit(answer.port)
    assert (row["key"], row["changes"]) == (request.key.name, None)
    assert why in row["reason"] and row["txn"] > 0
    assert row["rcode"] == answer.message.rcode()


# ---- TSIG (RFC 8945 5.2, 5.3.2) ----

def expect_bad_tsig(gateway, answer, name, number, *words):
    assert answer.rcode == "NOTAUTH"
    assert answer.tsig.error == number
    expect_one_line(gateway, answer, f": NOTAUTH({name}): ", *words)
    assert gateway.audit(answer.port) == [], "strangers do not fill the audit"


@pytest.mark.parametrize("tcp", [False, True])
def test_unknown_key(gateway, keys, tcp):
    request = sign(update(), keys["stranger"])
    answer = ask_as_stranger(gateway, request, tcp)
    expect_bad_tsig(gateway, answer, "BADKEY", 17, "stranger.")
    assert answer.tsig.mac == b"" and answer.tsig.name == "stranger."
    assert answer.tsig.algorithm == "hmac-sha256." and answer.tsig.other == b""
    assert answer.tsig.original_id == answer.id


def test_known_key_with_another_algorithm(gateway, keys):
    other = SharedKey("admin.", "hmac-sha512", keys["admin"].secret)
    answer = ask_as_stranger(gateway, sign(update(), other))
    expect_bad_tsig(gateway, answer, "BADKEY", 17, "admin.", "hmac-sha512")
    assert answer.tsig.mac == b"" and answer.tsig.algorithm == "hmac-sha512."


def test_unknown_algorithm(gateway, keys):
    answer = ask_as_stranger(gateway, sign(update(), keys["admin"], algorithm="hmac-sha3."))
    expect_bad_tsig(gateway, answer, "BADKEY", 17, "hmac-sha3.")
    assert answer.tsig.mac == b"" and answer.tsig.algorithm == "hmac-sha3."


@pytest.mark.parametrize("tcp", [False, True])
def test_wrong_secret(gateway, tcp):
    answer = ask_as_stranger(gateway, sign(update(), SharedKey("admin.")), tcp)
    expect_bad_tsig(gateway, answer, "BADSIG", 16, "admin.")
    assert answer.tsig.mac == b"" and answer.tsig.other == b""


def test_changed_on_the_way(gateway, keys):
    request = sign(update(), keys["admin"])
    at = request.wire.index(b"\xc0\x00\x02\x01")
    wire = request.wire[:at] + b"\xc0\x00\x02\x02" + request.wire[at + 4:]
    answer = ask_as_stranger(gateway, wire)
    expect_bad_tsig(gateway, answer, "BADSIG", 16)


@pytest.mark.parametrize("shift", [-FUDGE_S - 60, FUDGE_S + 60, -10**6])
def test_wrong_time(gateway, keys, shift):
    then = int(time.time()) + shift
    request = sign(update(), keys["admin"], at=then)
    answer = ask_as_stranger(gateway, request)
    expect_bad_tsig(gateway, answer, "BADTIME", 18, str(then))
    # RFC 8945 5.2.3: signed, the request's time and fudge, the server's time in Other Data.
    assert answer.is_authentic(request)
    assert answer.tsig.time == then and answer.tsig.fudge == FUDGE_S
    assert abs(int.from_bytes(answer.tsig.other, "big") - time.time()) < 30
    assert len(answer.tsig.other) == 6


def test_time_is_judged_after_the_mac(gateway):
    answer = ask_as_stranger(gateway, sign(update(), SharedKey("admin."), at=1000))
    expect_bad_tsig(gateway, answer, "BADSIG", 16)


def test_time_inside_the_fudge(gateway, keys):
    for shift in -FUDGE_S + 30, FUDGE_S - 30:
        request = sign(update(), keys["admin"], at=time.time() + shift)
        answer = ask_as_stranger(gateway, request)
        assert answer.rcode == "NOERROR" and answer.is_authentic(request)


def test_truncated_mac_where_policy_wants_a_whole_one(gateway, keys):
    request = sign(update(), keys["admin"], mac_len=16)
    answer = ask_as_stranger(gateway, request)
    expect_bad_tsig(gateway, answer, "BADTRUNC", 22, "MAC of 16 octets")


@pytest.mark.parametrize("name", ["truncated", "cut"])
def test_truncated_mac_where_the_key_allows_it(gateway, keys, name):
    request = sign(update(), keys[name])
    answer = ask_as_stranger(gateway, request)
    assert answer.rcode == "NOERROR" and answer.is_authentic(request)


@pytest.mark.parametrize("mac", [b"", b"123456789", 33 * b"x"])
def test_mac_of_an_impossible_length_is_formerr(gateway, keys, mac):
    answer = ask_as_stranger(gateway, sign(update(), keys["admin"], mac=mac))
    assert answer.rcode == "FORMERR"
    assert answer.tsig.error == 16 and answer.tsig.mac == b""
    expect_one_line(gateway, answer, ": FORMERR(BADSIG): ")


def test_names_that_leave_no_room_for_a_tsig(gateway):
    """Key and algorithm of 255 octets: their TSIG alone is larger than 512 octets."""
    label = 63 * "x" + "."
    key = SharedKey(3 * label + 61 * "y" + ".")
    message = update()
    wire = message.to_wire()
    wire = append_record(wire, tsig_record(key, 32 * b"m", int(time.time()), message.id,
                                           algorithm=3 * label + 61 * "z" + "."))
    with Udp(gateway.port) as client:
        client.send(wire)
        client.send(dns.message.make_query(ZONE, "SOA").to_wire())
        answer = client.receive()
    assert len(answer.wire) <= 512 and not answer.flags & 0x0200
    assert answer.rcode in ("NOTAUTH", "NOERROR"), "no answer at all is in order too"


# ---- policy ----

@pytest.mark.parametrize("tcp", [False, True])
def test_unsigned(gateway, tcp):
    answer = ask_as_stranger(gateway, with_opt(update()).to_wire(), tcp)
    assert answer.rcode == "REFUSED" and answer.tsig is None
    assert answer.ede[0] == PROHIBITED and "not signed" in answer.ede[1]
    expect_one_line(gateway, answer, ": REFUSED: ", "not signed", "key none")
    assert gateway.audit(answer.port) == []


@pytest.mark.parametrize("record, why", [
    ((f"host2.{ZONE}", 300, "A", "192.0.2.1"), "is not the key's own name"),
    ((f"sub.{HOST1}", 300, "A", "192.0.2.1"), "is not the key's own name"),
    ((ZONE, 300, "A", "192.0.2.1"), "is not the key's own name"),
    ((HOST1, 300, "MX", "10 mx"), "MX"),
    ((HOST1, 30, "A", "192.0.2.1"), "30"),
    ((HOST1, 4000, "A", "192.0.2.1"), "4000"),
], ids=["other name", "below", "apex", "type", "short ttl", "long ttl"])
@pytest.mark.parametrize("tcp", [False, True])
def test_forbidden_record(gateway, keys, record, why, tcp):
    request = sign(with_opt(update((HOST1, 300, "TXT", "allowed"), record)), keys["host1"])
    answer = ask(gateway, request, tcp)
    expect_signed_refusal(gateway, request, answer, "REFUSED", why)
    assert "rule 1" in answer.ede[1]
    assert gateway.records(HOST1, "TXT") == set(), "all or nothing"


def test_more_records_than_allowed(gateway, keys):
    records = [(HOST1, 300, "AAAA", f"2001:db8::{i}") for i in range(3)]
    request = sign(with_opt(update(*records)), keys["host1"])
    answer = ask(gateway, request)
    expect_signed_refusal(gateway, request, answer, "REFUSED", "maximum 2")
    assert gateway.records(HOST1, "AAAA") == {"2001:db8::11"}, "the seed's"


def test_policy_comes_before_prerequisites(gateway, keys):
    """A key that may not update learns nothing about what exists."""
    for host in f"nobody.{ZONE}", f"www.{ZONE}":
        message = with_opt(update((f"host2.{ZONE}", 300, "A", "192.0.2.1")))
        message.present(host)
        request = sign(message, keys["host1"])
        answer = ask(gateway, request)
        expect_signed_refusal(gateway, request, answer, "REFUSED", "own name")


def test_zone_without_rules(gateway, keys):
    request = sign(with_opt(update(("a.norules.example.", 60, "A", "192.0.2.1"),
                                   zone="norules.example.")), keys["admin"])
    answer = ask(gateway, request)
    expect_signed_refusal(gateway, request, answer, "REFUSED", "no rules")


# ---- prerequisites and zones ----

def test_bad_prerequisite(gateway, keys):
    message = with_opt(update((f"p.{ZONE}", 300, "A", "192.0.2.1")))
    message.present(f"nobody.{ZONE}")
    request = sign(message, keys["admin"])
    answer = ask(gateway, request)
    assert answer.rcode == "NXDOMAIN" and answer.is_authentic(request)
    expect_one_line(gateway, answer, ": NXDOMAIN: ", f"nobody.{ZONE}")
    row, = gateway.audit(answer.port)
    assert row["rcode"] == 3 and "nobody" in row["reason"] and row["changes"] is None


@pytest.mark.parametrize("zone", ["other.example.", f"www.{ZONE}", "example.", "."])
def test_not_our_zone(gateway, keys, zone):
    message = with_opt(dns.update.UpdateMessage(zone))
    message.add("x" if zone == "." else f"x.{zone}", 300, "A", "192.0.2.1")
    request = sign(message, keys["admin"])
    answer = ask(gateway, request)
    assert answer.rcode == "NOTAUTH" and answer.is_authentic(request)
    assert answer.tsig.error == 0
    assert answer.ede[0] == NOT_AUTHORITATIVE
    expect_one_line(gateway, answer, ": NOTAUTH: ", zone)


def test_class_chaos(gateway, keys):
    wire = dns.update.UpdateMessage(ZONE).to_wire()
    request = Signed(wire[:-1] + b"\x03", keys["admin"])
    answer = ask(gateway, request)
    assert answer.rcode == "NOTAUTH" and answer.is_authentic(request)


def test_name_outside_the_zone(gateway, keys):
    message = with_opt(dns.update.UpdateMessage(ZONE))
    message.add("host.other.example.", 300, "A", "192.0.2.1")
    request = sign(message, keys["admin"])
    answer = ask(gateway, request)
    expect_signed_refusal(gateway, request, answer, "NOTZONE", "host.other.example.", OTHER)


def test_edns_version(gateway, keys):
    message = update()
    message.use_edns(1)
    request = sign(message, keys["admin"])
    answer = ask(gateway, request)
    assert answer.rcode == "BADVERS" and answer.is_authentic(request)
    assert answer.message.edns == 0, "the version that we have (RFC 6891 6.1.3)"


def test_no_reason_for_who_did_not_ask(gateway, keys):
    request = sign(update((f"host2.{ZONE}", 300, "A", "192.0.2.1")), keys["host1"])
    answer = ask(gateway, request)
    assert answer.rcode == "REFUSED" and answer.message.edns == -1


# ---- malformed, but signed: FORMERR, and signed ----

def record(name, rdtype, rdclass, ttl, rdata):
    return name + struct.pack("!HHIH", rdtype, rdclass, ttl, len(rdata)) + rdata


HOST = b"\x01f\xc0\x0c"
IN, NONE, ANY = 1, 254, 255
MALFORMED_UPDATES = {
    "A of three octets": record(HOST, 1, IN, 60, b"abc"),
    "A of five octets": record(HOST, 1, IN, 60, b"abcde"),
    "TXT without a string": record(HOST, 16, IN, 60, b""),
    "TXT that ends early": record(HOST, 16, IN, 60, b"\x05abc"),
    "SOA cut short": record(b"\xc0\x0c", 6, IN, 60, b"\x00\x00abcd"),
    "delete RRset with a TTL": record(HOST, 1, ANY, 60, b""),
    "delete RRset with data": record(HOST, 1, ANY, 0, b"abcd"),
    "delete RR with a TTL": record(HOST, 1, NONE, 60, b"abcd"),
    "delete RR of type ANY": record(HOST, 255, NONE, 0, b""),
    "add of type ANY": record(HOST, 255, IN, 60, b""),
    "add of type AXFR": record(HOST, 252, IN, 60, b""),
    "class CHAOS": record(HOST, 1, 3, 60, b"abcd"),
}


@pytest.mark.parametrize("name", MALFORMED_UPDATES)
def test_malformed_update(gateway, keys, name):
    wire = with_opt(dns.update.UpdateMessage(ZONE)).to_wire()
    plain, opt = wire[:-11], wire[-11:]
    good = record(b"\x04good\xc0\x0c", 1, IN, 60, b"abcd")
    wire = plain[:8] + b"\0\2\0\1" + plain[12:] + good + MALFORMED_UPDATES[name] + opt
    request = Signed(wire, keys["admin"])
    answer = ask(gateway, request)
    expect_signed_refusal(gateway, request, answer, "FORMERR", "", OTHER)
    assert gateway.records(f"good.{ZONE}", "A") == set()


@pytest.mark.parametrize("name, prerequisite", {
    "TTL": record(HOST, 1, ANY, 1, b""),
    "class ANY with data": record(HOST, 1, ANY, 0, b"abcd"),
    "class NONE with data": record(HOST, 1, NONE, 0, b"abcd"),
    "value without data": record(HOST, 1, IN, 0, b""),
    "class CHAOS": record(HOST, 1, 3, 0, b""),
}.items())
def test_malformed_prerequisite(gateway, keys, name, prerequisite):
    wire = with_opt(dns.update.UpdateMessage(ZONE)).to_wire()
    wire = wire[:6] + b"\0\1" + wire[8:-11] + prerequisite + wire[-11:]
    request = Signed(wire, keys["admin"])
    answer = ask(gateway, request)
    expect_signed_refusal(gateway, request, answer, "FORMERR", "", OTHER)


@pytest.mark.parametrize("count", [0, 2])
def test_zone_section_must_have_one_record(gateway, keys, count):
    wire = dns.update.UpdateMessage(ZONE).to_wire()
    wire = wire[:4] + struct.pack("!H", count) + wire[6:12] + count * wire[12:]
    request = Signed(wire, keys["admin"])
    answer = ask(gateway, request)
    assert answer.rcode == "FORMERR" and answer.is_authentic(request)
    expect_one_line(gateway, answer, ": FORMERR: ")


def test_zone_section_must_ask_for_soa(gateway, keys):
    wire = dns.update.UpdateMessage(ZONE).to_wire()
    request = Signed(wire[:-4] + b"\0\1\0\1", keys["admin"])
    answer = ask(gateway, request)
    assert answer.rcode == "FORMERR" and answer.is_authentic(request)


def unsigned_forms(keys):
    """Octets that are not a message, so that nothing is signed."""
    plain = update().to_wire()
    signed = sign(update(), keys["admin"])
    tsig = signed.wire[len(plain):]
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
    return {
        "octets behind the end": plain + b"\0",
        "cut in the record": plain[:-2],
        "more records than octets": plain[:9] + b"\x09" + plain[10:],
        "pointer forwards": plain[:12] + b"\xc0\x20" + plain[14:],
        "pointer to itself": plain[:12] + b"\xc0\x0c" + plain[14:],
        "label type 01": plain[:12] + b"\x41" + plain[13:],
        "two OPT": append_record(append_record(plain, opt), opt),
        "OPT not at the root": append_record(plain, b"\x01x" + opt),
        "two TSIG": append_record(signed.wire, tsig),
        "TSIG before the last": append_record(signed.wire, opt),
        "TSIG of class IN": signed.wire.replace(b"\0\xfa\0\xff", b"\0\xfa\0\x01"),
        "TSIG with a TTL": signed.wire.replace(b"\0\xfa\0\xff\0\0\0\0",
                                               b"\0\xfa\0\xff\0\0\0\1"),
        "TSIG among the updates": plain[:9] + b"\x02" + plain[10:] + tsig,
        "TSIG cut short": append_record(plain, tsig[:-2].replace(
            struct.pack("!H", len(tsig) - 17), struct.pack("!H", len(tsig) - 19))),
    }


@pytest.mark.parametrize("tcp", [False, True])
def test_not_a_message(gateway, keys, tcp):
    for name, wire in unsigned_forms(keys).items():
        answer = ask_as_stranger(gateway, wire, tcp)
        assert (answer.rcode, answer.tsig) == ("FORMERR", None), name
        expect_one_line(gateway, answer, ": FORMERR: ")
        assert gateway.audit(answer.port) == []
