"""What musterd bounds besides connections (test_connections.py): the size of zones, what one
update changes, and how many may be in flight."""

import contextlib
import itertools
import struct
import threading

import dns.name
import pytest

from front import Front
from gateway import SharedKey, Tcp, sign
from load import Load, update_wire
from servers import Bind, Key, have, wait_for

ZONE = "dyn.example."
TXT, CLASS_NONE, CLASS_ANY = 16, 254, 255


def text(size):
    """RDATA of a TXT record of about that size."""
    return (b"\xff" + 255 * b"x") * (size // 256)


def deletion_wire(labels, rdtype):
    """An UPDATE that deletes these RRsets."""
    wire = struct.pack("!6H", 0, 5 << 11, 1, 0, len(labels), 0)
    wire += dns.name.from_text(ZONE).to_wire() + struct.pack("!HH", 6, 1)
    for label in labels:
        wire += bytes([len(label)]) + label.encode() + b"\xc0\x0c" + \
            struct.pack("!HHIH", rdtype, CLASS_ANY, 0, 0)
    return wire


_ids = itertools.count(1)


def ask(client, wire, key):
    """Never the same message twice."""
    client.send(sign(struct.pack("!H", next(_ids) & 0xffff) + wire[2:], key).wire)
    return client.receive()


def test_a_zone_has_a_size(gateways, admin):
    """A limit of 1 MiB: updates that would exceed it are refused, and others go on."""
    gateway = gateways(keys=[admin], zones={ZONE: {"max_size": 1}})
    with Tcp(gateway.port) as client:
        count = 0
        while True:
            answer = ask(client, update_wire(0, ZONE, (f"t{count}", TXT, text(16384))), admin)
            if answer.rcode != "NOERROR":
                break
            count += 1
            assert count < 100
        assert answer.rcode == "REFUSED" and count > 55
        assert "max_size" in gateway.log()
        serial = gateway.serial()
        # One that is full still changes and shrinks, and grows again into what is free then.
        same = update_wire(0, ZONE, ("t0", TXT, text(16384)))
        assert ask(client, same, admin).rcode == "NOERROR"
        assert gateway.serial() == serial
        more = update_wire(0, ZONE, ("more", TXT, text(16384)))
        assert ask(client, more, admin).rcode == "REFUSED"
        assert ask(client, deletion_wire(["t0", "t1"], TXT), admin).rcode == "NOERROR"
        assert ask(client, more, admin).rcode == "NOERROR"
        content = gateway.axfr(ZONE, admin)
        gateway.zones[ZONE]["max_size"] = 2
        gateway.reconfigure()
        wait_for(lambda: ask(client, same, admin).rcode == "NOERROR", "the new limit")
        gateway.zones[ZONE]["max_size"] = 1
        gateway.reconfigure()
    gateway.restart()
    assert gateway.axfr(ZONE, admin) >= {line for line in content if " SOA " not in line}


def test_one_key_leaves_room_for_others(gateways, admin):
    """Whoever holds much of a zone cannot take what is left of it.  After a restart it is
    the leases that tell who does."""
    host = SharedKey("host.")
    lease = {"default": 3600}
    gateway = gateways(keys=[admin, host], zones={ZONE: {"max_size": 1, "allow": [
        {"keys": ["admin."], "match": "zone", "lease": lease},
        {"keys": ["host."], "match": "zone"}]}})

    def fill(client):
        for count in itertools.count(1):
            answer = ask(client, update_wire(0, ZONE, (f"t{next(_ids)}", TXT, text(8192))),
                         admin)
            if answer.rcode != "NOERROR":
                return count, answer
            assert count < 150

    large = [("a", TXT, text(8192))]
    with Tcp(gateway.port) as client:
        count, answer = fill(client)
        assert count > 100 and answer.rcode == "REFUSED"
        assert "nearly reached its max_size" in gateway.log()
        assert ask(client, update_wire(0, ZONE, *large), admin).rcode == "REFUSED"
        # Others still can, and whoever holds much may still make it less.
        for index in range(5):
            more = update_wire(0, ZONE, (f"x{index}", TXT, text(1024)))
            assert ask(client, more, host).rcode == "NOERROR"
    gateway.restart()
    with Tcp(gateway.port) as client:
        # Each time another name: one that was let in would be a heartbeat from then on.
        wait_for(lambda: ask(client, update_wire(
            0, ZONE, (f"a{next(_ids)}", TXT, text(8192))), admin).rcode == "REFUSED",
                 "who holds what to be known again")
        more = update_wire(0, ZONE, ("y", TXT, text(1024)))
        assert ask(client, more, host).rcode == "NOERROR"


def test_a_rule_limits_what_a_key_holds(gateways, admin):
    host = SharedKey("host.")
    gateway = gateways(keys=[admin, host], zones={ZONE: {"allow": [
        {"keys": ["admin."], "match": "zone"},
        {"keys": ["host."], "match": "zone", "types": ["A"],
         "max_names": 3},
        {"keys": ["host."], "match": "zone", "types": ["TXT"],
         "max_size": 4096}]}})
    address = b"\xc0\x00\x02\x01"

    def add(client, label, rdtype=1, rdata=address, key=host):
        return ask(client, update_wire(0, ZONE, (label, rdtype, rdata)), key).rcode

    with Tcp(gateway.port) as client:
        for label in ("host", "a", "b"):
            assert add(client, label) == "NOERROR"
        assert add(client, "c") == "REFUSED"
        assert "would hold 4 names of the zone, and max_names is 3" in gateway.log()
        # What is there may change, and what goes makes room.
        assert add(client, "b") == "NOERROR"
        assert add(client, "b", rdata=b"\xc0\x00\x02\x02") == "NOERROR"
        assert ask(client, deletion_wire(["b"], 1), host).rcode == "NOERROR"
        assert add(client, "c") == "NOERROR"
        # Another key's names are its own.
        assert add(client, "other", key=admin) == "NOERROR"
        assert add(client, "host", TXT, text(2048)) == "NOERROR"
        assert add(client, "a", TXT, text(2048)) == "REFUSED"
        assert "octets of the zone, and max_size is 4096" in gateway.log()


def test_an_update_changes_only_so_much(gateways, admin):
    """16 MiB of RRsets.  A message of 64 KiB could name far more."""
    gateway = gateways(keys=[admin])
    labels = [f"d{index}" for index in range(3000)]
    with Tcp(gateway.port) as client:
        for start in range(0, len(labels), 10):
            records = [(label, TXT, text(6144)) for label in labels[start:start + 10]]
            assert ask(client, update_wire(0, ZONE, *records), admin).rcode == "NOERROR"
        serial = gateway.serial()
        assert ask(client, deletion_wire(labels, TXT), admin).rcode == "REFUSED"
        assert "RRsets of" in gateway.log()
        assert gateway.serial() == serial
        assert gateway.records(f"d2999.{ZONE}", "TXT")
        for half in labels[:1500], labels[1500:]:
            assert ask(client, deletion_wire(half, TXT), admin).rcode == "NOERROR"
        assert not gateway.records(f"d2999.{ZONE}", "TXT")


def test_five_hundred_in_flight(gateways, admin):
    """With the defaults, and none of them lost."""
    gateway = gateways(keys=[admin], threads=None)
    load = Load(gateway, admin, outstanding=500, most=5000)
    load.start()
    wait_for(lambda: not load.is_alive() or len(load.rcodes) == load.most, "all answers", 60)
    load.finish()
    assert set(load.rcodes.values()) == {"NOERROR"} and len(load.rcodes) == 5000
    load.assert_kept(gateway.axfr(ZONE, admin))


@pytest.mark.skipif(not have("named", "tsig-keygen"), reason="no named")
def test_octets_in_flight(gateways, admin, tmp_path):
    """While the target is away, connections that send 73 MiB are not read any further, others
    are, and nobody is refused."""
    bind = Bind(tmp_path / "bind", keys=[Key()])
    # Deletes a record that is not there: many octets for little work.
    nothing = struct.pack("!HHHIH", 0xc00c, TXT, CLASS_NONE, 0, 63 << 10) + text(63 << 10)
    count = 1200
    sent = []

    def send_all(client, first):
        client.socket.settimeout(60)
        for index in range(first, count, 2):
            wire = update_wire(index, ZONE, (f"f{index}", TXT, b"\1x"))
            both = wire[:8] + struct.pack("!H", 2) + wire[10:] + nothing
            message = sign(both, admin).wire
            client.socket.sendall(struct.pack("!H", len(message)) + message)
            sent.append(index)

    with Front(gateways, admin, [bind], {"ack_timeout": 60}, {"timeout": 60},
               threads=1) as front, contextlib.ExitStack() as stack:
        greedy = [stack.enter_context(Tcp(front.gateway.port)) for _ in range(2)]
        modest = stack.enter_context(Tcp(front.gateway.port))
        senders = [threading.Thread(target=send_all, args=(client, first), daemon=True)
                   for first, client in enumerate(greedy)]
        bind.pause()
        try:
            for sender in senders:
                sender.start()
            wait_for(lambda: len(front.gateway.audit()) > 50, "some to wait for the target", 60)
            modest.send(sign(update_wire(1, ZONE, ("modest", TXT, b"\1x")), admin).wire)
            wait_for(lambda: front.gateway.rows(
                "SELECT 1 FROM journal WHERE instr(changes, 'modest')"), "the other's", 60)
            assert len(sent) < count
        finally:
            bind.resume()
        assert modest.receive(60).rcode == "NOERROR"
        for client in greedy:
            assert {client.receive(60).rcode for _ in range(count // 2)} == {"NOERROR"}
        for sender in senders:
            sender.join(60)
        wait_for(lambda: len(front.content(bind)) > count, "all to be there", 60)