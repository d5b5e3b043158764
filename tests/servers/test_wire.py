"""musterd's sockets: sizes, pipelining, slow and rude peers, octets that are no messages."""

import contextlib
import random
import socket
import struct

import dns.message
import dns.opcode
import dns.query
import dns.update
import pytest

import servers
from gateway import SharedKey, Tcp, Udp, add, sign

ZONE = "dyn.example."
QR, TC, RD = 0x8000, 0x0200, 0x0100


@pytest.fixture(scope="module")
def gateway(shared_gateways, shared_admin):
    return shared_gateways(keys=[shared_admin])


def soa_query():
    return dns.message.make_query(ZONE, "SOA", flags=0)


def assert_alive(gateway):
    assert gateway.query(ZONE, "SOA", tcp=False).answer
    assert gateway.query(ZONE, "SOA", tcp=True).answer


# ---- sizes ----

def update_of(length, key, tag):
    """A signed UPDATE of exactly so many octets, and how many records it adds."""
    message = dns.update.UpdateMessage(ZONE)
    wire = message.to_wire()
    room = length - len(sign(wire, key).wire)
    records = b""
    count = 0
    while room > 0:
        size = min(room, 2000)
        if 0 < room - size < 40:  # not too little left for another record
            size -= 40
        owner = f"{tag}{count:04d}".encode()
        fixed = 1 + len(owner) + 2 + 10
        strings = b""
        while len(strings) < size - fixed:
            rest = min(255, size - fixed - len(strings) - 1)
            if size - fixed - len(strings) - 1 - rest == 0 or rest == 255:
                strings += bytes([rest]) + rest * b"x"
        records += bytes([len(owner)]) + owner + b"\xc0\x0c" + \
            struct.pack("!HHIH", 16, 1, 60, len(strings)) + strings
        room -= fixed + len(strings)
        count += 1
    wire = wire[:8] + struct.pack("!H", count) + wire[10:12] + wire[12:] + records
    signed = sign(wire, key)
    assert len(signed.wire) == length
    return signed, count


@pytest.mark.parametrize("length, tcp", [
    (65535, True), (65507, False), (16384, True), (8192, False), (4096, False),
    (513, False)])
def test_large_updates(gateway, shared_admin, length, tcp):
    tag = f"big{length}t"
    request, count = update_of(length, shared_admin, tag)
    answer = gateway.exchange(request.wire, tcp)
    assert answer.rcode == "NOERROR" and answer.is_authentic(request)
    assert not answer.flags & TC and len(answer.wire) <= 512
    for index in 0, count - 1:
        assert gateway.records(f"{tag}{index:04d}.{ZONE}", "TXT")


def test_answers_to_updates_never_say_tc(gateways):
    """The longest names there are, refused with a reason, over UDP without and with EDNS."""
    label = 63 * "z" + "."
    zone = 3 * label + 59 * "y" + "."
    key = SharedKey(3 * label + 61 * "k" + ".", "hmac-sha512")
    gateway = gateways.make(keys=[key], zones={zone: {
        "targets": [{"type": "local", "file": "long.seed"}],
        "allow": [{"keys": [key.name], "match": "zone", "types": ["A"]}]}})
    gateway.write("long.seed", f"{zone} 60 SOA . . 1 2 3 4 5\n{zone} 60 NS ns.example.\n")
    gateway.start()
    for rdtype, data, rcode in ("A", "192.0.2.1", "NOERROR"), ("TXT", "x", "REFUSED"):
        for edns in False, 0:
            message = dns.update.UpdateMessage(zone)
            message.add("a", 60, rdtype, data)
            message.use_edns(edns, payload=512)
            request = sign(message, key)
            answer = gateway.exchange(request.wire)
            assert answer.rcode == rcode and answer.is_authentic(request)
            assert not answer.flags & TC and len(answer.wire) <= 512


# ---- addresses ----

def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.parametrize("tcp", [False, True])
def test_answers_come_from_the_address_that_was_asked(gateways, shared_admin, tcp):
    port = servers.free_port()
    listen = [{"address": "0.0.0.0", "port": port}]
    addresses = ["127.0.0.1", "127.0.0.2", "127.9.9.9"]
    if has_ipv6():
        listen.append({"address": "::", "port": port})
        addresses.append("::1")
    gateways(keys=[shared_admin], port=port, listen=listen)
    ask = dns.query.tcp if tcp else dns.query.udp
    for address in addresses:  # dnspython minds where an answer comes from
        rdtype = "AAAA" if ":" in address else "A"
        query = dns.message.make_query(f"whoami.{ZONE}", rdtype, flags=0)
        answer = ask(query, address, port=port, timeout=30)
        assert answer.answer[0][0].address == ("::1" if ":" in address else "127.0.0.1")
        message = add(f"address.{ZONE}", "192.0.2.1")
        message.use_tsig(shared_admin.ring)
        assert ask(message, address, port=port, timeout=30).rcode() == 0


def test_answers_of_one_turn_reach_their_clients(gateways, shared_admin):
    """Those of one length to one client leave together, but are datagrams of their own."""
    port = servers.free_port()
    listen = [{"address": "0.0.0.0", "port": port}]
    addresses = ["127.0.0.1", "127.0.0.2"]
    if has_ipv6():
        listen.append({"address": "::", "port": port})
        addresses.append("::1")
    gateway = gateways(keys=[shared_admin], port=port, threads=1, listen=listen)
    kinds = [(ZONE, "SOA"), (f"whoami.{ZONE}", "A"), (f"nothing.{ZONE}", "A"), (ZONE, "NS")]
    queries = {}
    for index in range(150):
        query = dns.message.make_query(*kinds[index // 7 % len(kinds)], flags=0)
        query.id = index
        queries[index] = query
    with contextlib.ExitStack() as stack:
        clients = []
        for address in [*addresses, "127.0.0.1"]:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            client = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            client.settimeout(servers.QUERY_TIMEOUT_S)
            client.connect((address, port))  # nothing comes from elsewhere
            clients.append(client)
        gateway.pause()
        for index, query in queries.items():
            for client in clients[:1 + index // 30 % len(clients)]:
                client.send(query.to_wire())
        gateway.resume()
        for number, client in enumerate(clients):
            asked = {index for index in queries if number <= index // 30 % len(clients)}
            answers = [dns.message.from_wire(client.recv(65535)) for _ in asked]
            assert {answer.id for answer in answers} == asked
            assert all(queries[answer.id].is_response(answer) for answer in answers)


# ---- TCP ----

def test_pipelining_answers_in_any_order(gateway, shared_admin):
    """Updates that wait for the disk do not hold up requests that need not."""
    slow = [sign(add(f"pipe{index}.{ZONE}", "192.0.2.1"), shared_admin)
            for index in range(3)]
    quick = add(f"pipe.{ZONE}", "192.0.2.1")  # unsigned: refused at once
    wires = [request.wire for request in slow] + [quick.to_wire()]
    with Tcp(gateway.port) as client:
        client.socket.sendall(b"".join(struct.pack("!H", len(wire)) + wire
                                       for wire in wires))
        answers = [client.receive() for _ in wires]
    assert answers[0].id == quick.id and answers[0].rcode == "REFUSED"
    by_id = {answer.id: answer for answer in answers}
    for request in slow:
        answer = by_id[struct.unpack("!H", request.wire[:2])[0]]
        assert answer.rcode == "NOERROR" and answer.is_authentic(request)


@pytest.mark.parametrize("kind", ["updates", "queries", "refusals", "headers"])
def test_hundreds_in_one_pipeline(gateway, shared_admin, kind):
    wires = []
    for index in range(1500):
        if kind == "updates" and index >= 300:
            break
        message = add(f"many{index}.{ZONE}", "192.0.2.1")
        if kind == "queries":
            message = soa_query()
        message.id = index
        wire = message.to_wire()
        if kind == "updates":
            wire = sign(wire, shared_admin).wire
        if kind == "headers":
            wire = struct.pack("!6H", index, 0, 0, 0, 0, 0)
        wires.append(wire)
    with Tcp(gateway.port) as client:
        client.socket.sendall(b"".join(struct.pack("!H", len(wire)) + wire
                                       for wire in wires))
        client.finish()
        answers = [client.receive() for _ in wires]
        assert client.is_closed()
    rcode = {"refusals": "REFUSED", "headers": "FORMERR"}.get(kind, "NOERROR")
    assert {answer.rcode for answer in answers} == {rcode}
    assert {answer.id for answer in answers} == set(range(len(wires)))
    assert_alive(gateway)


def test_octet_by_octet(gateway, shared_admin):
    request = sign(add(f"slow.{ZONE}", "192.0.2.1"), shared_admin)
    wire = struct.pack("!H", len(request.wire)) + request.wire
    with Tcp(gateway.port) as slow, Tcp(gateway.port) as quick:
        for at, octet in enumerate(2 * wire):
            slow.socket.sendall(bytes([octet]))
            if at % 64 == 0:
                quick.send(soa_query().to_wire())
                assert quick.receive().rcode == "NOERROR"
        for _ in range(2):  # the second is the first one's twin
            answer = slow.receive()
            assert answer.rcode == "NOERROR" and answer.is_authentic(request)


def test_half_closed_connection_gets_its_answers(gateway, shared_admin):
    requests = [sign(add(f"half{index}.{ZONE}", "192.0.2.1"), shared_admin)
                for index in range(20)]
    with Tcp(gateway.port) as client:
        for request in requests:
            client.send(request.wire)
        client.finish()
        ids = {client.receive().id for _ in requests}
        assert client.is_closed()
    assert ids == {struct.unpack("!H", request.wire[:2])[0] for request in requests}


def test_gone_before_the_answer(gateway, shared_admin):
    """The update is executed all the same."""
    for index in range(20):
        with Tcp(gateway.port) as client:
            client.send(sign(add(f"gone{index}.{ZONE}", "192.0.2.1"), shared_admin).wire)
            if index % 2:  # reset it
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack("ii", 1, 0))
    servers.wait_for(lambda: gateway.records(f"gone18.{ZONE}", "A"), "the last update")
    assert_alive(gateway)


@pytest.mark.parametrize("octets", [
    b"\0\0", b"\0\x05abcde", b"\0\x0c" + 12 * b"\xff", b"\0\x0b" + 11 * b"\0"])
def test_tcp_garbage_ends_the_connection_only(gateway, octets):
    with Tcp(gateway.port) as other:
        with Tcp(gateway.port) as client:
            client.socket.sendall(octets + octets)
            assert client.is_closed()
        other.send(soa_query().to_wire())
        assert other.receive().rcode == "NOERROR"


def test_tcp_cut_in_a_message(gateway):
    with Tcp(gateway.port) as client:
        client.socket.sendall(b"\x01\x00" + soa_query().to_wire())
        client.finish()
        assert client.is_closed()
    assert_alive(gateway)


def test_many_connections(gateway):
    clients = [Tcp(gateway.port) for _ in range(300)]
    for client in clients:
        client.send(soa_query().to_wire())
    for client in clients:
        assert client.receive().rcode == "NOERROR"
    assert_alive(gateway)
    for client in clients:
        client.close()


# ---- opcodes and garbage ----

@pytest.mark.parametrize("opcode", [code for code in range(16) if code not in (0, 4, 5)])
def test_unknown_opcodes(gateway, opcode):
    for wire in struct.pack("!6H", 77, opcode << 11 | RD, 0, 0, 0, 0), \
            soa_query().to_wire()[:2] + struct.pack("!H", opcode << 11 | RD) + \
            soa_query().to_wire()[4:]:
        answer = gateway.exchange(wire)
        assert answer.rcode == "NOTIMP" and answer.opcode == opcode
        assert answer.flags & QR


@pytest.mark.parametrize("opcode", range(16))
def test_responses_are_not_answered(gateway, opcode):
    """Else two servers would talk forever."""
    query = soa_query()
    with Udp(gateway.port) as client:
        wire = query.to_wire()
        client.send(wire[:2] + struct.pack("!H", QR | opcode << 11) + wire[4:])
        client.send(struct.pack("!6H", 1, QR | opcode << 11, 0, 0, 0, 0))
        last = soa_query()
        last.id = query.id ^ 1
        client.send(last.to_wire())
        assert client.receive().id == last.id


@pytest.mark.parametrize("length", range(12))
def test_less_than_a_header_is_not_answered(gateway, length):
    with Udp(gateway.port) as client:
        client.send(length * b"\0")
        last = soa_query()
        client.send(last.to_wire())
        assert client.receive().id == last.id


@pytest.mark.parametrize("opcode", [0, 4, 5])
def test_header_alone_is_formerr(gateway, opcode):
    answer = gateway.exchange(struct.pack("!6H", 9, opcode << 11, 0, 0, 0, 0))
    assert (answer.id, answer.opcode, answer.rcode) == (9, opcode, "FORMERR")


@pytest.mark.parametrize("rd", [0, RD])
def test_flags_of_answers(gateway, rd):
    """RD is echoed; AD, CD, Z and RA are not ours to set."""
    wire = soa_query().to_wire()
    answer = gateway.exchange(wire[:2] + struct.pack("!H", rd | 0x00f0) + wire[4:])
    assert answer.flags & RD == rd
    assert answer.flags & 0x00e0 == 0 and answer.rcode == "NOERROR"


def test_notify_for_a_local_zone(gateway, shared_admin):
    notify = dns.message.make_query(ZONE, "SOA", flags=0)
    notify.set_opcode(dns.opcode.NOTIFY)
    assert gateway.exchange(notify.to_wire()).rcode == "REFUSED"
    request = sign(notify, shared_admin)
    answer = gateway.exchange(request.wire)
    assert answer.rcode == "NOERROR" and answer.is_authentic(request)
    other = dns.message.make_query("other.example.", "SOA", flags=0)
    other.set_opcode(dns.opcode.NOTIFY)
    assert gateway.exchange(other.to_wire()).rcode == "NOTAUTH"


def test_random_octets(gateway, shared_admin):
    """Garbage, and messages with some octets changed: the gateway survives, and executes
    none of them."""
    chance = random.Random(2136)
    good = sign(add(f"random.{ZONE}", "192.0.2.1"), shared_admin).wire
    with Udp(gateway.port) as client:
        for _ in range(1500):
            wire = bytearray(good)
            if chance.random() < 0.3:
                wire = bytearray(chance.randbytes(chance.randrange(1, 300)))
            else:
                # Not 0x20: names of a TSIG are signed in lower case.
                for at in chance.sample(range(2, len(wire)), chance.randrange(1, 6)):
                    wire[at] ^= chance.choice([1, 2, 4, 8, 16, 64, 128, 255])
            client.send(bytes(wire[:chance.randrange(1, 400)]))
    for _ in range(50):
        with Tcp(gateway.port) as client:
            try:
                client.socket.sendall(chance.randbytes(chance.randrange(1, 3000)))
            except OSError:
                pass  # it has had enough of us already
    assert_alive(gateway)
    assert gateway.records(f"random.{ZONE}", "A") == set()


def test_a_sig0_signature_is_named(gateway):
    """RFC 2931: what signs it is no TSIG, but it is not unsigned either."""
    message = dns.update.UpdateMessage(ZONE)
    message.use_edns()
    wire = bytearray(message.to_wire())
    wire[11] += 1
    wire += struct.pack("!BHHIH", 0, 24, 255, 0, 23) + struct.pack(
        "!HBBIIIHB", 0, 8, 0, 0, 2**31, 0, 1, 0) + bytes(4)
    answer = gateway.exchange(bytes(wire))
    assert answer.rcode == "REFUSED"
    assert b"it is signed with SIG(0) (RFC 2931)" in answer.wire  # the EDE's text
