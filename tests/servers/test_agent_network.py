"""muster-agent in a network of its own: addresses come and go, prefixes change, links flap.

Two network namespaces and a pair of veth links, made without privileges (user namespaces)
where the kernel lets us; skipped where it does not.
"""

import os
import subprocess
import sys
import time

import pytest

import agent as agent_module
from agent import NAME, Agent, FakeGateway
from gateway import SharedKey
from servers import HOST, find, wait_for

UNSHARE = [find("unshare") or "unshare", "-Urnm"]
FLAPS = 1000


def _can_make_links():
    if sys.platform != "linux" or not find("unshare") or not find("ip"):
        return False
    test = "ip link add m0 type veth peer name m1 && ip link set lo up && " \
        "ip addr add 192.0.2.1/32 dev lo"
    return subprocess.run([*UNSHARE, "sh", "-c", test], capture_output=True, check=False,
                          timeout=20).returncode == 0


pytestmark = pytest.mark.skipif(not _can_make_links(),
                                reason="network namespaces can not be made here")


class Host:
    """A namespace whose eth0 is a veth link; commands run in it.  The test, and with it the
    gateway, stay outside: what passes between them is a relay on a Unix socket, since the
    namespace has no way out, which is what makes it safe."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.holder = subprocess.Popen(
            [*UNSHARE, "sh", "-c", "echo ready; exec cat"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"
        self.enter = [find("nsenter"), "-t", str(self.holder.pid), "-U", "-n",
                      "--preserve-credentials"]
        self.relays = []
        self.run("ip link set lo up; ip link add eth0 type veth peer name far; "
                 "ip link set far up; ip link set eth0 up")

    def run(self, script):
        done = subprocess.run([*self.enter, "sh", "-ec", script], capture_output=True,
                              text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr

    def relay(self, port):
        """UDP to HOST#port in the namespace ends at the same place outside."""
        place = os.path.join(self.folder, "relay.sock")
        # The namespace's socket is handed out of it: file descriptors know no borders.
        code = (
            "import array, socket, sys\n"
            "udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            f"udp.bind(('{HOST}', {port}))\n"
            f"out = socket.socket(socket.AF_UNIX); out.connect('{place}')\n"
            "socket.send_fds(out, [b'x'], [udp.fileno()])\n")
        import socket
        import threading
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(place)
        listener.listen(1)
        helper = subprocess.Popen([*self.enter, "/usr/bin/env", "python3", "-c", code])
        listener.settimeout(20)
        connection, _ = listener.accept()
        _, fds, _, _ = socket.recv_fds(connection, 1, 1)
        assert helper.wait(20) == 0
        connection.close()
        listener.close()
        inside = socket.socket(fileno=fds[0])

        def serve():
            while True:
                try:
                    wire, client = inside.recvfrom(65535)
                except OSError:
                    return
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
                    outside.settimeout(5)
                    outside.connect((HOST, port))
                    try:
                        outside.send(wire)
                        inside.sendto(outside.recv(65535), client)
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        self.relays.append(inside)

    def close(self):
        import socket
        for relay in self.relays:
            try:
                relay.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            relay.close()
        self.holder.stdin.close()
        self.holder.wait(20)


@pytest.fixture
def host(tmp_path):
    made = Host(tmp_path)
    yield made
    made.close()


@pytest.fixture
def place(host, gateways, host_key, tmp_path):
    """(host, gateway, a function that starts an agent in the host)."""
    if not agent_module.is_built():
        pytest.skip(f"{agent_module.PROGRAM} is not there")
    server = gateways(keys=[host_key, SharedKey("admin.")], zones={
        "dyn.example.": {"allow": [
            {"keys": [NAME], "match": "self", "types": ["A", "AAAA"]},
            {"keys": ["admin."], "match": "zone", "types": ["ANY"], "transfer": True}]}})
    host.relay(server.port)
    made = []

    def start(**settings):
        source = {"type": "interfaces", "interfaces": ["eth*"]}
        source.update(settings.pop("source", {}))
        own = Agent(tmp_path / "agent", host_key, [server.port], prefix=host.enter,
                    records=[], sources=[source], **settings)
        made.append(own)
        own.start()
        return own

    yield host, server, start
    for own in made:
        own.stop()


def wait_right(server, ipv4, ipv6=(), timeout_s=20):
    def is_right():
        return server.records(NAME, "A") == set(ipv4) and \
            server.records(NAME, "AAAA") == set(ipv6)
    wait_for(is_right, f"{ipv4} {ipv6}; there is {server.records(NAME, 'A')} "
             f"{server.records(NAME, 'AAAA')}", timeout_s)


def test_addresses_added_removed_changed(place):
    host, server, start = place
    host.run("ip addr add 192.0.2.10/24 dev eth0")
    start()
    wait_right(server, ["192.0.2.10"])
    host.run("ip addr add 192.0.2.20/24 dev eth0")
    wait_right(server, ["192.0.2.10", "192.0.2.20"])
    host.run("ip addr del 192.0.2.20/24 dev eth0")
    wait_right(server, ["192.0.2.10"])
    host.run("ip addr del 192.0.2.10/24 dev eth0; ip addr add 198.51.100.1/24 dev eth0")
    wait_right(server, ["198.51.100.1"])
    host.run("ip addr add 2001:db8::10/64 dev eth0 nodad")
    wait_right(server, ["198.51.100.1"], ["2001:db8::10"])


def test_only_lasting_addresses_of_chosen_links(place):
    """No link-local, deprecated, tentative, loopback; not of other links."""
    host, server, start = place
    host.run("ip addr add 192.0.2.10/24 dev eth0; ip addr add 169.254.7.7/16 dev eth0; "
             "ip addr add 127.1.2.3/8 dev lo; ip addr add 192.0.2.99/32 dev lo; "
             "ip addr add 192.0.2.50/24 dev far; "
             "ip addr add 2001:db8::1/64 dev eth0 nodad; "
             "ip addr add 2001:db8::2/64 dev eth0 nodad valid_lft 3600 preferred_lft 0")
    start()
    wait_right(server, ["192.0.2.10"], ["2001:db8::1"])
    # An address becomes ours when duplicate detection is over.
    host.run("ip addr add 2001:db8::3/64 dev eth0")
    wait_right(server, ["192.0.2.10"], ["2001:db8::1", "2001:db8::3"])


def test_the_prefix_is_renumbered(place):
    """The stable suffix is published under each prefix that comes, and no other address."""
    host, server, start = place
    host.run("ip addr add 2001:db8:1::abcd/64 dev eth0 nodad; "
             "ip addr add 2001:db8:1::1/64 dev eth0 nodad")
    start(source={"suffix": "::abcd"})
    wait_right(server, [], ["2001:db8:1::abcd"])
    host.run("ip addr add 2001:db8:2::abcd/64 dev eth0 nodad; "
             "ip addr add 2001:db8:2::1/64 dev eth0 nodad; "
             "ip addr change 2001:db8:1::abcd/64 dev eth0 valid_lft 3600 preferred_lft 0")
    wait_right(server, [], ["2001:db8:2::abcd"])


def test_a_link_goes_down_and_comes_back(place):
    host, server, start = place
    host.run("ip addr add 192.0.2.10/24 dev eth0")
    start()
    wait_right(server, ["192.0.2.10"])
    host.run("ip link set far down")
    wait_right(server, [])
    host.run("ip link set far up")
    wait_right(server, ["192.0.2.10"])


def test_a_link_flaps_a_thousand_times(place):
    """Right after quiet, with a bounded number of updates; how soon it is says
    bench/agent.py."""
    host, server, start = place
    host.run("ip addr add 192.0.2.10/24 dev eth0")
    own = start()
    wait_right(server, ["192.0.2.10"])
    started = time.monotonic()
    host.run(f"for i in $(seq {FLAPS}); do ip link set far down; ip link set far up; done; "
             "ip addr add 192.0.2.11/24 dev eth0")
    wait_right(server, ["192.0.2.10", "192.0.2.11"], timeout_s=60)
    lasted = time.monotonic() - started
    updates = own.zone_status()["updates"]
    assert updates <= lasted + 5, f"{updates} updates in {lasted:.0f} s"


def test_addresses_come_and_go_without_end(place):
    """Never quiet for long, and yet neither silent nor a storm.  No more of them at a time
    than fit into a datagram, since the relay knows no TCP."""
    host, server, start = place
    own = start()
    started = time.monotonic()
    host.run("ip addr add 192.0.2.1/24 dev eth0; for round in $(seq 8); do "
             "for i in $(seq 2 26); do ip addr add 192.0.2.$i/24 dev eth0; done; "
             "for i in $(seq 2 26); do ip addr del 192.0.2.$i/24 dev eth0; done; done")
    wait_right(server, ["192.0.2.1"], timeout_s=60)
    lasted = time.monotonic() - started
    assert own.zone_status()["updates"] <= lasted + 5


def test_an_agent_that_starts_without_network(place):
    """It waits for one, and is there when it comes."""
    host, server, start = place
    host.run("ip link set lo down")
    own = start(timeout="1s")
    wait_for(lambda: "not updated" in own.log(), "a failure")
    host.run("ip link set lo up; ip addr add 192.0.2.10/24 dev eth0")
    wait_right(server, ["192.0.2.10"])


def test_ptr_on_request(host, host_key, tmp_path):
    """In the zones that are named for them."""
    with FakeGateway(host_key) as fake:
        host.relay(fake.port)
        host.run("ip addr add 192.0.2.10/24 dev eth0; ip addr add 198.51.100.1/24 dev eth0")
        own = Agent(tmp_path / "agent", host_key, [fake.port], prefix=host.enter, records=[],
                    publish=["PTR"], name=NAME, zone=["dyn.example.", "2.0.192.in-addr.arpa."],
                    sources=[{"type": "interfaces", "interfaces": ["eth0"]}])
        own.start()
        try:
            fake.wait_updates(1)
            text = fake.updates()[0].message.to_text()
            assert "10.2.0.192.in-addr.arpa. 300 IN PTR host1.dyn.example." in text
            assert "198" not in text.split(";UPDATE")[1]
            wait_for(lambda: "lies in none of the zones" in own.log(), "the warning")
        finally:
            own.stop()
