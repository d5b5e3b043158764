"""NOTIFY out: by which address and key, and what is done about a refusal.  NOTIFY in."""

import contextlib
import socket

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.tsigkeyring
import pytest

import servers
from gateway import SharedKey, sign
from servers import HOST, Bind, Server, free_port, have, wait_for

ZONE = "dyn.example."


class Secondary:
    """A socket in the place of a secondary: records what it receives, and answers as
    told."""

    def __init__(self, *keys):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, free_port()))
        self.socket.settimeout(30)
        self.keyring = dns.tsigkeyring.from_text({
            key.name: (key.algorithm, key.secret) for key in keys})

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def receive(self):
        """The next NOTIFY, whose signature is right if it has one, and its sender."""
        wire, sender = self.socket.recvfrom(4096)
        message = dns.message.from_wire(wire, keyring=self.keyring)
        assert message.opcode() == dns.opcode.NOTIFY
        return message, sender

    def answer(self, message, sender, rcode="NOERROR"):
        answer = dns.message.make_response(message)
        answer.set_rcode(dns.rcode.from_text(rcode))
        self.socket.sendto(answer.to_wire(), sender)


@pytest.fixture
def secondaries():
    with contextlib.ExitStack() as stack:
        def make(*keys):
            made = Secondary(*keys)
            stack.callback(made.socket.close)
            return made
        yield make


def local_gateway(gateways, keys, notify, **settings):
    """keys[0] may update, the others may transfer."""
    gateway = gateways.make(keys=keys, zones={ZONE: {
        "targets": [{"type": "local", "file": "here.seed", "notify": notify}],
        "allow": [{"keys": [keys[0].name], "match": "zone", "types": ["ANY"]}] +
                 [{"keys": [key.name], "transfer": True} for key in keys[1:]]}}, **settings)
    gateway.write("here.seed", servers.ZONE)
    return gateway


def change(gateway, host, key):
    assert gateway.update(add=[(f"{host}.{ZONE}", 60, "A", "192.0.2.1")], key=key) == "NOERROR"


def test_a_refused_notify_is_signed(gateways, admin, secondaries):
    """With no key in the configuration, as the secondary wants it."""
    reader, other = SharedKey("reader."), SharedKey("other.")
    secondary = secondaries(reader, other)
    gateway = local_gateway(gateways, [admin, reader, other], [f"{HOST}#{secondary.port}"])
    gateway.start()
    first, sender = secondary.receive()
    assert not first.had_tsig
    secondary.answer(first, sender, "REFUSED")
    tried = set()
    for _ in range(2):
        message, sender = secondary.receive()
        tried.add(message.keyname.to_text())
        if message.keyname.to_text() == "reader.":
            secondary.answer(message, sender)
            break
        secondary.answer(message, sender, "NOTAUTH")
    assert "admin." not in tried and "reader." in tried
    wait_for(lambda: "accepts NOTIFY signed with key reader." in gateway.log(), "the log line")
    assert f"NOTIFY to {HOST}#{secondary.port}, unsigned, was answered with REFUSED" in \
        gateway.log()
    # From now on it is signed at once, also after a reload.
    for index in range(2):
        change(gateway, f"n{index}", admin)
        message, sender = secondary.receive()
        assert message.keyname.to_text() == "reader."
        secondary.answer(message, sender)
        gateway.reconfigure()
        message, sender = secondary.receive()
        assert message.keyname.to_text() == "reader."
        secondary.answer(message, sender)


def test_key_and_source_of_a_secondary(gateways, admin, secondaries):
    upd = SharedKey("upd.")
    secondary = secondaries(upd)
    gateway = local_gateway(gateways, [admin, upd], [
        {"address": HOST, "port": secondary.port, "key": "upd.", "source": "127.0.0.5"}])
    gateway.start()
    first, sender = secondary.receive()
    assert first.keyname.to_text() == "upd." and sender[0] == "127.0.0.5"
    # What it refuses is said, and repeated with the same key.
    secondary.answer(first, sender, "SERVFAIL")
    wait_for(lambda: "signed with key upd., was answered with SERVFAIL" in gateway.log(),
             "the log line")
    second, sender = secondary.receive()
    assert second.id == first.id and second.keyname == first.keyname
    secondary.answer(second, sender)
    wait_for(lambda: "accepts NOTIFY" in gateway.log(), "the log line")


def test_notify_comes_from_a_listening_address(gateways, admin, secondaries):
    secondary = secondaries()
    gateway = local_gateway(gateways, [admin], [f"{HOST}#{secondary.port}"],
                            listen=[{"address": "127.0.0.6", "port": free_port()}])
    gateway.start()
    message, sender = secondary.receive()
    assert sender[0] == "127.0.0.6"
    secondary.answer(message, sender)


class Nsd(Server):
    """nsd as a secondary that takes NOTIFY only with its key, as its manual shows it."""

    program = "nsd"

    def __init__(self, folder, primary_port, key, port=None):
        super().__init__(folder, {ZONE: ""}, [key], port)
        self.primary_port = primary_port

    def prepare(self):
        key = self.keys[0]
        self.write("nsd.conf", f"""
server:
    ip-address: {HOST}@{self.port}
    username: ""
    database: ""
    zonesdir: "{self.folder}"
    pidfile: "{self.path("nsd.pid")}"
    xfrdfile: "{self.path("xfrd.state")}"
    xfrdir: "{self.folder}"
    zonelistfile: "{self.path("zone.list")}"
    verbosity: 2
remote-control:
    control-enable: no
key:
    name: "{key.name.rstrip(".")}"
    algorithm: {key.algorithm}
    secret: "{key.secret}"
zone:
    name: {ZONE}
    zonefile: "{self.path("zone")}"
    allow-notify: {HOST} {key.name.rstrip(".")}
    request-xfr: AXFR {HOST}@{self.primary_port} {key.name.rstrip(".")}
""")

    def command(self):
        return ["nsd", "-d", "-c", self.path("nsd.conf")]

    def records(self, *question):
        """None while it takes over what it has transferred: then it closes connections."""
        try:
            return super().records(*question)
        except ConnectionError:
            return None


@pytest.mark.skipif(not have("nsd"), reason="nsd is not installed")
def test_nsd_hears_of_changes(gateways, admin, tmp_path):
    port, reader, others = free_port(), SharedKey("reader."), [
        SharedKey(f"other{index}.") for index in range(6)]
    # Of more keys than are tried in turn it is the one that NSD transfers with.
    gateway = local_gateway(gateways, [admin, *others, reader], [f"{HOST}#{port}"])
    gateway.start()
    with Nsd(tmp_path / "nsd", gateway.port, reader, port) as nsd:
        wait_for(lambda: nsd.records(f"host1.{ZONE}", "A"), "the first transfer")
        for index in range(2):
            change(gateway, f"n{index}", admin)
            wait_for(lambda host=f"n{index}.{ZONE}": nsd.records(host, "A"), "the change")


# ---- NOTIFY in ----

def ask(gateway, key=None):
    message = dns.message.make_query(ZONE, "SOA", flags=dns.flags.AA)
    message.set_opcode(dns.opcode.NOTIFY)
    return gateway.exchange(sign(message, key).wire if key else message.to_wire()).rcode


def test_a_target_may_notify_from_anywhere_with_its_key(gateways, admin):
    update, transfer = SharedKey("update."), SharedKey("transfer.")
    gateway = gateways(keys=[admin, update, transfer], zones={ZONE: {
        "targets": [{"type": "ddns", "address": "127.0.0.9", "port": free_port(),
                     "key": "update.", "transfer_key": "transfer."}],
        "allow": [{"keys": ["admin."], "match": "zone"}]}})
    assert [ask(gateway, key) for key in (update, transfer)] == ["NOERROR"] * 2
    assert [ask(gateway, key) for key in (admin, None)] == ["REFUSED"] * 2
    assert "NOTIFY comes neither from the address of one of the zone's targets" in \
        gateway.log()


# ---- transfer_key ----

class StrictBind(Bind):
    """Updates with keys[0] only, transfers with keys[1] only."""

    def prepare(self):
        super().prepare()
        with open(self.path("named.conf")) as file:
            config = file.read()
        who = "".join(f'key "{key.name.rstrip(".")}"; ' for key in self.keys)
        update, transfer = (f'key "{key.name.rstrip(".")}"; ' for key in self.keys)
        assert f"allow-update {{ {who}}}" in config and f"allow-transfer {{ {who}}}" in config
        self.write("named.conf", config.replace(
            f"allow-update {{ {who}}}", f"allow-update {{ {update}}}").replace(
            f"allow-transfer {{ {who}}}",
            f"allow-transfer {{ {transfer}}}"))


def test_another_key_for_transfers(gateways, admin, tmp_path):
    update, transfer = SharedKey("update."), SharedKey("transfer.")
    with StrictBind(tmp_path / "bind", {ZONE: servers.ZONE}, [update, transfer]) as bind:
        gateway = gateways(keys=[admin, update, transfer], zones={ZONE: {
            "targets": [{"type": "ddns", "address": HOST, "port": bind.port,
                         "key": "update.", "transfer_key": "transfer."}],
            "allow": [{"keys": ["admin."], "match": "zone", "types": ["ANY"]}]}})
        wait_for(lambda: gateway.query(ZONE, "SOA").rcode() == dns.rcode.NOERROR, "the zone")
        change(gateway, "both", admin)
        wait_for(lambda: f"both.{ZONE}" in str(bind.axfr(key=transfer)), "the change")
