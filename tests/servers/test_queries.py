"""What musterd answers from its zones: queries, transfers, NOTIFY and secondaries."""

import hmac
import socket
import struct

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.update
import dns.xfr
import dns.zone
import pytest

import servers
from gateway import SharedKey, Tcp, digest, sign
from load import Load
from secondaries import BindSecondary, KnotSecondary
from servers import free_port, wait_for

ZONE = "dyn.example."
BIG = "big.example."
BIG_HOSTS = 1500
TRANSPORTS = [False, True]  # tcp?


@pytest.fixture(scope="module")
def keys(shared_admin):
    return {"admin": shared_admin, "reader": SharedKey("reader."),
            "writer": SharedKey("writer.", "hmac-sha512"), "host": SharedKey("host.")}


@pytest.fixture(scope="module")
def gateway(shared_gateways, keys):
    rules = [
        {"keys": ["admin."], "match": "zone", "types": ["ANY"], "transfer": True},
        {"keys": ["reader."], "transfer": True},
        {"keys": ["writer."], "match": "zone", "types": ["ANY"]},
        {"keys": ["host."], "match": "name", "names": ["mine"]},
    ]
    made = shared_gateways.make(keys=list(keys.values()), zones={
        ZONE: {"allow": rules},
        BIG: {"allow": rules, "targets": [{"type": "local", "file": "big.seed"}]},
        "closed.example.": {"allow": rules, "query_from": ["192.0.2.0/24"]},
        "named.example.": {"allow": rules, "mname": "gateway.example."},
        "made-up.example.": {"allow": rules, "targets": [{"type": "local"}]},
    })
    made.write("big.seed", f"""\
$ORIGIN {BIG}
$TTL 300
@ SOA ns hostmaster 10 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
""" + "".join(f"many TXT {index:03d}{200 * 'x'}\n" for index in range(40)) + "".join(
        f"host{index} A 192.0.2.{index % 250}\n" for index in range(BIG_HOSTS)))
    return made.start()


def question(name, rdtype, **options):
    return dns.message.make_query(name, rdtype, flags=0, **options)


def rrsets(section):
    return {rrset.to_text() for rrset in section}


# ---- queries ----

@pytest.mark.parametrize("tcp", TRANSPORTS)
def test_soa(gateway, tcp):
    answer = gateway.query(ZONE, "SOA", tcp=tcp)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.flags & dns.flags.AA and not answer.flags & dns.flags.RA
    assert rrsets(answer.answer) == {
        f"{ZONE} 300 IN SOA ns1.{ZONE} hostmaster.{ZONE} {gateway.serial()} "
        "3600 600 86400 60"}


@pytest.mark.parametrize("tcp", TRANSPORTS)
@pytest.mark.parametrize("name, rdtype, rcode", [
    (f"nobody.{ZONE}", "A", dns.rcode.NXDOMAIN),
    (f"nobody.{ZONE}", "SOA", dns.rcode.NXDOMAIN),
    (f"a.b.c.{ZONE}", "SOA", dns.rcode.NXDOMAIN),
    (f"host1.{ZONE}", "SOA", dns.rcode.NOERROR),
    (f"host1.{ZONE}", "MX", dns.rcode.NOERROR),
    (ZONE, "A", dns.rcode.NOERROR),
    (f"wild.{ZONE}", "A", dns.rcode.NOERROR),
    (f"x.wild.{ZONE}", "AAAA", dns.rcode.NOERROR),
])
def test_negative_answers(gateway, name, rdtype, rcode, tcp):
    answer = gateway.query(name, rdtype, tcp=tcp)
    assert answer.rcode() == rcode and not answer.answer
    assert answer.flags & dns.flags.AA
    soa, = answer.authority
    assert (soa.name.to_text(), soa.rdtype, soa.ttl) == (ZONE, dns.rdatatype.SOA, 60)


def test_positive_answers(gateway):
    assert gateway.records(f"host1.{ZONE}", "A") == {"192.0.2.11", "192.0.2.12"}
    assert gateway.records("HOST1.DYN.EXAMPLE.", "AAAA") == {"2001:db8::11"}
    assert gateway.records(f"text.{ZONE}", "TXT") == {'"first" "second; with spaces"'}
    assert gateway.records(f"any.wild.{ZONE}", "A") == {"192.0.2.99"}
    answer = gateway.query(f"www.{ZONE}", "AAAA")
    assert rrsets(answer.answer) == {f"www.{ZONE} 300 IN CNAME host1.{ZONE}",
                                     f"host1.{ZONE} 300 IN AAAA 2001:db8::11"}
    answer = gateway.query(f"host1.{ZONE}", "ANY")
    assert {rrset.rdtype for rrset in answer.answer} == {dns.rdatatype.A,
                                                         dns.rdatatype.AAAA}


@pytest.mark.parametrize("tcp", TRANSPORTS)
@pytest.mark.parametrize("name", ["example.", ".", "www.example.org.", "xdyn.example."])
def test_no_recursion(gateway, name, tcp):
    query = dns.message.make_query(name, "A", use_edns=0)
    answer = gateway.exchange(query.to_wire(), tcp)
    assert answer.rcode == "REFUSED" and answer.ede[0] == 20
    assert not answer.flags & dns.flags.AA and not answer.flags & dns.flags.RA
    assert not answer.message.answer and not answer.message.authority


@pytest.mark.parametrize("tcp", TRANSPORTS)
@pytest.mark.parametrize("key", ["admin", "writer"])
@pytest.mark.parametrize("name", [ZONE, f"nobody.{ZONE}", "other.example."])
def test_signed_queries_get_signed_answers(gateway, keys, name, key, tcp):
    request = sign(question(name, "SOA"), keys[key])
    assert gateway.exchange(request.wire, tcp).is_authentic(request)


def test_badly_signed_queries(gateway, keys):
    answer = gateway.exchange(sign(question(ZONE, "SOA"), SharedKey("admin.")).wire)
    assert (answer.rcode, answer.tsig.error, answer.tsig.mac) == ("NOTAUTH", 16, b"")
    assert not answer.message.answer
    request = sign(question(ZONE, "SOA"), keys["admin"], at=1000)
    answer = gateway.exchange(request.wire)
    assert (answer.rcode, answer.tsig.error) == ("NOTAUTH", 18)
    assert answer.is_authentic(request)


@pytest.mark.parametrize("key", [None, "writer"])
@pytest.mark.parametrize("payload", [None, 400, 512, 1200, 1232, 4096])
def test_what_does_not_fit_has_tc_and_comes_whole_by_tcp(gateway, keys, key, payload):
    query = question(f"many.{BIG}", "TXT", **({"use_edns": 0, "payload": payload}
                                              if payload else {}))
    request = sign(query, keys[key]) if key else None
    wire = request.wire if key else query.to_wire()
    answer = gateway.exchange(wire)
    assert answer.flags & dns.flags.TC and answer.rcode == "NOERROR"
    assert len(answer.wire) <= min(max(payload or 512, 512), 1232)
    assert key is None or answer.is_authentic(request)
    answer = gateway.exchange(wire, tcp=True)
    assert not answer.flags & dns.flags.TC
    assert len(answer.message.answer[0]) == 40
    assert key is None or answer.is_authentic(request)


def test_dig_follows_tc(gateway):
    ran = gateway.dig(f"many.{BIG}", "TXT", "+short")
    assert ran.code == 0
    assert len([line for line in ran.output.splitlines() if line.startswith('"')]) == 40


@pytest.mark.parametrize("tcp", TRANSPORTS)
def test_whoami(gateway, tcp):
    answer = gateway.query(f"whoami.{ZONE}", "A", tcp=tcp)
    assert rrsets(answer.answer) == {f"whoami.{ZONE} 0 IN A 127.0.0.1"}
    answer = gateway.query(f"whoami.{ZONE}", "TXT", tcp=tcp)
    assert rrsets(answer.answer) == {f'whoami.{ZONE} 0 IN TXT "127.0.0.1"'}
    answer = gateway.query(f"whoami.{ZONE}", "AAAA", tcp=tcp)
    assert answer.rcode() == dns.rcode.NOERROR and not answer.answer and answer.authority


def test_query_from(gateway, keys):
    name = "www.closed.example."
    query = question(name, "A", use_edns=0)
    answer = gateway.exchange(query.to_wire())
    assert answer.rcode == "REFUSED" and answer.ede == (
        18, "query_from does not have this address")
    request = sign(question(name, "CNAME"), keys["writer"])
    answer = gateway.exchange(request.wire)
    assert answer.rcode == "NOERROR" and answer.is_authentic(request)


def test_query_from_is_not_passed_by_a_key(gateway, keys):
    """A client that may not query is told about the names that it may write, by queries
    and by prerequisites, and about no others."""
    zone = "closed.example."
    for name, rdtype, rcode in [("mine.", "A", "NXDOMAIN"), ("", "SOA", "NOERROR"),
                                ("whoami.", "A", "NOERROR"), ("www.", "A", "REFUSED"),
                                ("", "NS", "REFUSED")]:
        request = sign(question(name + zone, rdtype), keys["host"])
        assert gateway.exchange(request.wire).rcode == rcode, name
    for name, rcode in [("mine", "NOERROR"), ("www", "REFUSED"), ("@", "REFUSED")]:
        message = dns.update.UpdateMessage(zone)
        message.absent(name, "MX")
        assert gateway.send(message, keys["host"]).rcode() == dns.rcode.from_text(rcode)
        message = dns.update.UpdateMessage(ZONE)
        message.absent(name, "MX")
        assert gateway.send(message, keys["host"]).rcode() == dns.rcode.NOERROR


def test_prerequisites_about_the_soa(gateway, keys):
    """They tell no more than the query that the key may ask."""
    message = dns.update.UpdateMessage("closed.example.")
    message.present("@", "SOA")
    assert gateway.send(message, keys["host"]).rcode() == dns.rcode.NOERROR


def test_mname(gateway, keys):
    assert gateway.rrset("named.example.", "SOA")[0].mname.to_text() == "gateway.example."
    negative, = gateway.query("nobody.named.example.", "A").authority
    assert negative[0].mname.to_text() == "gateway.example."
    # A client that reads it and asks for just this one must not be told otherwise.
    soa = gateway.rrset("named.example.", "SOA")[0]
    message = dns.update.UpdateMessage("named.example.")
    message.add("a", 60, "A", "192.0.2.1")
    assert gateway.send(message, keys["writer"]).rcode() == dns.rcode.NOERROR
    assert gateway.rrset("named.example.", "SOA")[0].serial == soa.serial + 1


def test_made_up_seed(gateway):
    """A zone without a file has what makes it one."""
    soa = gateway.rrset("made-up.example.", "SOA")[0]
    assert soa.mname.to_text() == "ns.made-up.example."
    assert gateway.records("made-up.example.", "NS") == {"ns.made-up.example."}


@pytest.mark.parametrize("change", [b"\0\0", b"\0\2"])
def test_a_query_must_have_one_question(gateway, change):
    wire = question(ZONE, "SOA").to_wire()
    count, = struct.unpack("!H", change)
    answer = gateway.exchange(wire[:4] + change + wire[6:12] + count * wire[12:])
    assert answer.rcode == "FORMERR"


def test_class_chaos(gateway):
    assert gateway.exchange(dns.message.make_query(
        "version.bind.", "TXT", "CH").to_wire()).rcode == "REFUSED"


# ---- transfers ----

def verified(answers, request):
    """Asserts that each message of a transfer is signed (RFC 8945 5.3.1)."""
    previous = request.mac
    for index, answer in enumerate(answers):
        assert answer.tsig is not None and answer.tsig.error == 0
        plain = struct.pack("!H", answer.tsig.original_id) + answer.plain[2:]
        mac = digest(request.key, plain, answer.tsig.time, answer.tsig.fudge,
                     request_mac=previous, variables=index == 0)
        assert hmac.compare_digest(mac, answer.tsig.mac), f"message {index}"
        previous = mac
    return answers


def transfer(gateway, key, zone=BIG, rdtype="AXFR", serial=None):
    """The messages of a transfer, verified."""
    query = dns.message.make_query(zone, rdtype, flags=0)
    if serial is not None:
        query.authority.append(dns.rrset.from_text(
            zone, 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
    request = sign(query.to_wire(), key)
    answers = []
    with Tcp(gateway.port) as client:
        client.send(request.wire)
        while not answers or not is_done(answers, serial):
            answers.append(client.receive())
    assert {answer.id for answer in answers} == {query.id}
    return verified(answers, request)


def soa_serials(answers):
    return [serial for answer in answers for serial in answer.soa_serials()]


def is_done(answers, serial):
    serials = soa_serials(answers)
    if serial is not None and serials[0] == serial:
        return True
    return len(serials) > 1 and serials[-1] == serials[0] and \
        (serials.count(serials[0]) > 2 or serials[1] == serials[0])


@pytest.mark.parametrize("key", ["admin", "reader"])
def test_axfr_is_whole_and_every_message_is_signed(gateway, keys, key):
    answers = transfer(gateway, keys[key])
    assert len(answers) > 2
    assert all(answer.flags & dns.flags.AA for answer in answers)
    records = [record for answer in answers for record in answer.records()]
    assert len(records) == BIG_HOSTS + 40 + 3 + 1
    assert len(set(records)) == BIG_HOSTS + 40 + 3


def test_axfr_by_dig(gateway, keys):
    ran = gateway.dig(ZONE, "AXFR", "+onesoa", "+noall", "+answer", key=keys["reader"])
    assert ran.code == 0
    lines = [line.split() for line in ran.output.splitlines() if line[:1] not in ";"]
    assert {line[3] for line in lines} >= {"SOA", "NS", "A", "AAAA", "CNAME", "TXT"}
    ran = gateway.dig(BIG, "AXFR", "+short", key=keys["reader"])
    assert len(ran.output.splitlines()) == BIG_HOSTS + 40 + 3 + 1


def test_axfr_by_dnspython(gateway, keys):
    assert len(gateway.axfr(BIG, keys["admin"])) == BIG_HOSTS + 40 + 3
    assert f"www.{ZONE} 300 CNAME host1.{ZONE}" in gateway.axfr(ZONE, keys["admin"])


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
@pytest.mark.parametrize("key, why", [(None, "must be signed"), ("writer", "no rule")])
def test_transfers_that_are_refused(gateway, keys, rdtype, key, why):
    query = question(ZONE, rdtype, use_edns=0)
    request = sign(query, keys[key]) if key else None
    answer = gateway.exchange(request.wire if key else query.to_wire(), tcp=True)
    assert answer.rcode == "REFUSED" and not answer.message.answer
    assert answer.ede[0] == 18 and why in answer.ede[1]
    assert key is None or answer.is_authentic(request)
    line, = gateway.lines_about(answer.port)
    assert "REFUSED" in line and why in line
    ran = gateway.dig(ZONE, rdtype if rdtype == "AXFR" else "IXFR=1", "+tcp",
                      key=keys[key] if key else None)
    assert "Transfer failed" in ran.output


def test_transfers_of_what_is_no_zone(gateway, keys):
    for name in f"host1.{ZONE}", "other.example.":
        request = sign(question(name, "AXFR"), keys["admin"])
        answer = gateway.exchange(request.wire, tcp=True)
        assert answer.rcode == "NOTAUTH" and answer.is_authentic(request)


def test_axfr_over_udp(gateway, keys):
    request = sign(question(ZONE, "AXFR"), keys["admin"])
    answer = gateway.exchange(request.wire)
    assert answer.rcode == "FORMERR" and answer.is_authentic(request)
    assert not answer.message.answer


def test_ixfr_tells_the_difference(gateway, keys):
    serial = gateway.serial(BIG)
    message = dns.update.UpdateMessage(BIG)
    message.delete("host7", "A")
    message.add("host7", 60, "A", "192.0.2.250")
    message.add("new", 60, "TXT", "one", "two")
    assert gateway.send(message, keys["admin"]).rcode() == dns.rcode.NOERROR
    answers = transfer(gateway, keys["reader"], rdtype="IXFR", serial=serial)
    records = [record for answer in answers for record in answer.records()]
    soa = [f"{BIG} 300 SOA ns.{BIG} hostmaster.{BIG} {number} 3600 600 86400 60"
           for number in (serial, serial + 1)]
    assert records[:2] == [soa[1], soa[0]] and records[-1] == soa[1]
    assert set(records[2:-1]) == {
        f"host7.{BIG} 300 A 192.0.2.7", soa[1], f"host7.{BIG} 60 A 192.0.2.250",
        f'new.{BIG} 60 TXT "one"', f'new.{BIG} 60 TXT "two"'}
    assert records[2] == f"host7.{BIG} 300 A 192.0.2.7" and records[3] == soa[1]


def test_ixfr_when_there_is_nothing_new(gateway, keys):
    serial = gateway.serial(ZONE)
    for known in serial, (serial + 5) % 2**32:
        request = sign(ixfr_query(ZONE, known), keys["reader"])
        for tcp in TRANSPORTS:
            answer = gateway.exchange(request.wire, tcp)
            assert answer.is_authentic(request)
            assert answer.soa_serials() == [serial] and len(answer.records()) == 1


def ixfr_query(zone, serial):
    query = question(zone, "IXFR")
    query.authority.append(dns.rrset.from_text(
        zone, 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
    return query.to_wire()


def test_ixfr_from_before_our_time_is_whole(gateway, keys):
    answers = transfer(gateway, keys["reader"], rdtype="IXFR", serial=1)
    records = [record for answer in answers for record in answer.records()]
    assert len(records) > BIG_HOSTS


def test_ixfr_over_udp(gateway, keys):
    """As one message, or the SOA alone (RFC 1995 4)."""
    serial = gateway.serial(BIG)
    message = dns.update.UpdateMessage(BIG)
    message.add("udp", 60, "A", "192.0.2.1")
    assert gateway.send(message, keys["admin"]).rcode() == dns.rcode.NOERROR
    request = sign(ixfr_query(BIG, serial), keys["reader"])
    answer = gateway.exchange(request.wire)
    assert answer.is_authentic(request) and not answer.flags & dns.flags.TC
    assert answer.soa_serials() == [serial + 1, serial, serial + 1, serial + 1]
    request = sign(ixfr_query(BIG, 1), keys["reader"])
    answer = gateway.exchange(request.wire)
    assert answer.is_authentic(request) and answer.soa_serials() == [serial + 1]
    assert len(answer.records()) == 1


@pytest.mark.parametrize("authority", ["none", "two", "no SOA"])
def test_ixfr_without_its_soa(gateway, keys, authority):
    wire = question(ZONE, "IXFR").to_wire()
    soa = ixfr_query(ZONE, 1)[len(wire):]
    if authority == "two":
        wire = wire[:8] + b"\0\2" + wire[10:] + 2 * soa
    if authority == "no SOA":
        wire = wire[:8] + b"\0\1" + wire[10:] + b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4abcd"
    request = sign(wire, keys["reader"])
    answer = gateway.exchange(request.wire, tcp=True)
    assert answer.rcode == "FORMERR" and answer.is_authentic(request)


def test_slow_reader_of_a_transfer_delays_nobody(gateway, keys):
    request = sign(question(BIG, "AXFR"), keys["reader"])
    clients = [Tcp(gateway.port) for _ in range(4)]
    for client in clients:
        client.send(request.wire)
        client.send(request.wire)
    assert gateway.query(ZONE, "SOA", tcp=False).answer
    for client in clients[:2]:
        client.close()
    for client in clients[2:]:
        for _ in range(2):
            answers = []
            while not answers or not is_done(answers, None):
                answers.append(client.receive())
            verified(answers, request)
        client.close()


# ---- transfers while updates come in ----

def test_transfers_under_load_are_consistent(gateways, admin):
    """Each is the zone between two updates, with the serial of that moment."""
    gateway = gateways(keys=[admin])
    start = gateway.serial()
    load = Load(gateway, admin, most=1500)
    load.start()
    while load.is_alive():
        answers = transfer(gateway, admin, ZONE)
        owners = {record.split(".")[0] for answer in answers for record in answer.records()}
        updates = {owner for owner in owners if owner[0] == "u" and owner[-1] != "t"}
        assert {f"{owner}t" for owner in updates} == {
            owner for owner in owners if owner[0] == "u" and owner[-1] == "t"}
        assert answers[0].soa_serials()[0] == start + len(updates)
    load.finish()


def test_a_copy_that_follows_by_ixfr_is_the_zone(gateways, admin):
    gateway = gateways(keys=[admin])
    copy = dns.zone.Zone(ZONE)
    load = Load(gateway, admin, outstanding=4, most=600)
    load.start()

    def follow():
        query, serial = dns.xfr.make_query(copy, keyring=admin.ring,
                                           keyname=admin.name)
        del serial
        dns.query.inbound_xfr(servers.HOST, copy, query, port=gateway.port, timeout=30)

    while load.is_alive():
        follow()
    load.finish()
    for number in range(0, 60, 3):
        message = dns.update.UpdateMessage(ZONE)
        message.delete(load.names(number)[0])
        message.add(load.names(number)[1], 60, "TXT", "other")
        assert gateway.send(message, admin).rcode() == dns.rcode.NOERROR
    follow()
    lines = {f"{name.derelativize(copy.origin)} {ttl} {dns.rdatatype.to_text(rdata.rdtype)} "
             f"{rdata.to_text(origin=copy.origin, relativize=False)}"
             for name, ttl, rdata in copy.iterate_rdatas()}
    assert lines == gateway.axfr(ZONE, admin)


# ---- secondaries ----

SECONDARIES = {  # and how each says that it has fetched a difference
    "bind": (BindSecondary, "1 messages, 6 records"),
    "knot": (KnotSecondary, "IXFR, incoming"),
}


@pytest.mark.parametrize("kind", sorted(SECONDARIES))
def test_secondary_follows(gateways, admin, tmp_path, kind):
    cls, difference = SECONDARIES[kind]
    if not servers.have(cls.program):
        pytest.skip(f"{cls.program} is not installed")
    reader = SharedKey("reader.")
    port = free_port()
    gateway = gateways.make(keys=[admin, reader], zones={ZONE: {
        "targets": [{"type": "local", "file": "here.seed", "notify": [f"127.0.0.1#{port}"]}],
        "allow": [{"keys": ["admin."], "match": "zone", "types": ["ANY"]},
                  {"keys": ["reader."], "transfer": True}]}})
    gateway.write("here.seed", servers.ZONE)
    gateway.start()
    with cls(tmp_path / kind, gateway.port, keys=[reader], port=port) as secondary:
        wait_for(lambda: secondary.records(f"host1.{ZONE}", "A"), "the first transfer")
        for index in range(3):
            host = f"second{index}.{ZONE}"
            assert gateway.update(
                add=[(host, 60, "A", "192.0.2.1"), (host, 60, "TXT", f"text{index}")],
                delete=[(f"second{index - 1}.{ZONE}",)], key=admin) == "NOERROR"
            wait_for(lambda: secondary.records(host, "A"), "the update at the secondary")
            assert secondary.records(host, "TXT") == {f'"text{index}"'}
            assert secondary.serial() == gateway.serial()
            assert secondary.records(f"second{index - 1}.{ZONE}", "A") == set()
        # While it is away, and after the gateway has lost its history.
        gateway.kill()
        gateway.start()
        assert gateway.update(add=[(f"later.{ZONE}", 60, "A", "192.0.2.1")],
                              key=admin) == "NOERROR"
        wait_for(lambda: secondary.records(f"later.{ZONE}", "A"), "the update after all")
        assert difference in secondary.log()


def test_notify_is_repeated_until_it_is_answered(gateways, admin):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as secondary:
        secondary.bind((servers.HOST, free_port()))
        secondary.settimeout(30)
        gateway = gateways.make(keys=[admin], zones={ZONE: {"targets": [
            {"type": "local", "file": "here.seed",
             "notify": [f"127.0.0.1#{secondary.getsockname()[1]}"]}]}})
        gateway.write("here.seed", servers.ZONE)
        gateway.start()
        gateway.update(add=[(f"n.{ZONE}", 60, "A", "192.0.2.1")], key=admin)
        first, sender = secondary.recvfrom(512)
        notify = dns.message.from_wire(first)
        assert notify.opcode() == dns.opcode.NOTIFY and notify.flags & dns.flags.AA
        assert notify.question[0].to_text() == f"{ZONE} IN SOA"
        secondary.sendto(first[:2] + bytes([first[2] & 0x7f]) + first[3:], sender)  # no answer
        second, sender = secondary.recvfrom(512)
        assert second == first
        secondary.sendto(first[:2] + bytes([first[2] | 0x80]) + first[3:], sender)
        gateway.update(add=[(f"n2.{ZONE}", 60, "A", "192.0.2.1")], key=admin)
        third = secondary.recv(512)
        while third == first:  # one more was on its way before we answered
            third = secondary.recv(512)
        assert third[:2] != first[:2] and third[2:] == first[2:]
