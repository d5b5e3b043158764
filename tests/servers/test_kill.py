"""kill -9 of the gateway, of a target, and of all at once, in the middle of work: afterwards
every acknowledged update is at every target, nothing refused is, and no update is there in
part.

KILL_ROUNDS in the environment: how often each test kills, 2 unless it says otherwise.
KILL_SEED: where the random moments begin; each test prints it.
"""

import itertools
import os
import random
import socket
import threading
import time

import dns.exception
import pytest

from front import NAME, Front, full, is_installed, make_server
from gateway import Udp, sign
from servers import wait_for

ROUNDS = int(os.environ.get("KILL_ROUNDS", "2"))
SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)
CLIENTS = 64
HOSTS = 200
ANSWER_S = 5
LOOK_S = 0.1  # how often a client that waits looks whether it should
CAUGHT_UP_S = 120  # a pause of 30 s, and all that has gathered meanwhile

BEHIND = {
    "local": [],
    "bind": ["bind"],
    "knot": ["knot"],
    "pdns-sqlite": ["pdns-sqlite"],
    "pdns-lmdb": ["pdns-lmdb"],
    "bind+pdns": ["bind", "pdns-sqlite"],
    "pdns+bind": ["pdns-sqlite", "bind"],
}


class Host:
    """A name whose two RRsets say which update made them, and what came of each."""

    def __init__(self, index):
        self.name = f"k{index}"
        self.last = 0          # the number of the last update sent
        self.acknowledged = 0  # of the last one that was answered with NOERROR
        self.refused = set()

    def message(self, front):
        self.last += 1
        address = f"10.{self.last >> 16}.{self.last >> 8 & 255}.{self.last & 255}"
        return front.message(
            delete=[(self.name, "A"), (self.name, "TXT")],
            add=[(self.name, 60, "A", address), (self.name, 60, "TXT", f'"{self.last}"')])

    def answered(self, rcode, refusals):
        if rcode == "NOERROR":
            self.acknowledged = self.last
        else:
            assert rcode in refusals
            self.refused.add(self.last)

    def fault(self, zone):
        """What is wrong with the name in this zone, or None."""
        texts = zone.get((full(self.name), "TXT"), set())
        addresses = zone.get((full(self.name), "A"), set())
        if not texts and not addresses and not self.acknowledged:
            return None
        if len(texts) != 1 or len(addresses) != 1:
            return f"{self.name} has {texts} and {addresses}, not one of each"
        number = int(next(iter(texts)).strip('"'))
        _, *octets = map(int, next(iter(addresses)).split("."))
        if octets != [number >> 16, number >> 8 & 255, number & 255]:
            return f"{self.name} has {texts} and {addresses}, of two updates"
        if number < self.acknowledged or number > self.last or number in self.refused:
            return f"{self.name} has {number}; {self.acknowledged} was acknowledged, " \
                f"{self.last} the last one, {sorted(self.refused)[-5:]} were refused"
        return None


class Load:
    """Clients, each with hosts of its own and one update on its way."""

    def __init__(self, front, refusals=("SERVFAIL",)):
        self.front = front
        self.refusals = refusals
        self.hosts = [Host(index) for index in range(HOSTS)]
        self.threads = []
        self.sockets = []
        self.is_stopping = False
        self.errors = []
        self.answers = itertools.count()
        self.answer_count = 0

    def start(self):
        self.is_stopping = False
        self.sockets = [None] * CLIENTS
        self.threads = [threading.Thread(target=self._run, args=(index,), daemon=True)
                        for index in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self, index):
        try:
            for host in itertools.cycle(self.hosts[index::CLIENTS]):
                if self.is_stopping:
                    return
                self._update(index, host)
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)
        finally:
            if self.sockets[index]:
                self.sockets[index].close()

    def _update(self, index, host):
        signed = sign(host.message(self.front), self.front.admin)
        client = self.sockets[index] = self.sockets[index] or Udp(self.front.gateway.port)
        try:
            client.send(signed.wire)
            answer = self._receive(client)
        except (OSError, IndexError, dns.exception.DNSException):
            client.close()  # so that a late answer is not taken for the next one's
            self.sockets[index] = None
            return
        assert answer.is_authentic(signed)
        host.answered(answer.rcode, self.refusals)
        self.answer_count = next(self.answers)

    def _receive(self, client):
        deadline = time.monotonic() + ANSWER_S
        while True:
            try:
                return client.receive(LOOK_S)
            except socket.timeout:
                if self.is_stopping or time.monotonic() > deadline:
                    raise

    def wait_for_more(self, count):
        """Returns when so many more updates have been answered."""
        goal = self.answer_count + count
        wait_for(lambda: self.errors or self.answer_count >= goal, f"{count} answers", 60)
        assert not self.errors, self.errors

    def stop(self):
        """Ends the clients; the last update of each may stay without an answer."""
        self.is_stopping = True
        for thread in self.threads:
            thread.join(2 * ANSWER_S)
        assert not self.errors, self.errors

    def faults(self, server):
        zone = {}
        for line in self.front.content(server):
            name, _, rdtype, text = line.split(" ", 3)
            zone.setdefault((name, rdtype), set()).add(text)
        return [fault for fault in (host.fault(zone) for host in self.hosts) if fault]

    def assert_kept(self):
        """At the gateway at once, at the targets when it has caught up."""
        assert not self.faults(self.front.gateway)
        for server in self.front.servers:
            try:
                wait_for(lambda server=server: not self.faults(server), "no faults",
                         CAUGHT_UP_S)
            except Exception:
                raise AssertionError(f"{server.program}: {self.faults(server)[:10]}") from None


@pytest.fixture
def draw():
    print(f"KILL_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture
def make(tmp_path, gateways, admin):
    """make(behind): a running front with these servers, ended with the test."""
    fronts = []

    def begin(behind, **zone):
        for kind in BEHIND[behind]:
            if not is_installed(kind):
                pytest.skip(f"{kind} is not installed")
        servers = [make_server(kind, tmp_path / kind) for kind in BEHIND[behind]]
        front = Front(gateways, admin, servers, zone=zone, targets={"timeout": "2s"}
                      if servers else None)
        fronts.append(front)
        return front.start()

    yield begin
    for front in fronts:
        front.stop()


@pytest.mark.parametrize("behind", sorted(set(BEHIND) - {"pdns+bind"}))
def test_the_gateway_is_killed(make, draw, behind):
    front = make(behind)
    load = Load(front)
    for _ in range(ROUNDS):
        load.start()
        load.wait_for_more(draw.randrange(20, 400))
        front.gateway.kill()
        load.stop()
        front.start_gateway()
        load.assert_kept()
    front.assert_same()


@pytest.mark.parametrize("behind", ["bind", "knot", "pdns-lmdb", "pdns+bind"])
def test_a_target_is_killed(make, draw, behind):
    front = make(behind)
    load = Load(front)
    load.start()
    for _ in range(ROUNDS):
        server = draw.choice(front.servers)
        load.wait_for_more(draw.randrange(20, 300))
        server.kill()
        load.wait_for_more(draw.randrange(20, 300))
        server.start()
    load.wait_for_more(draw.randrange(1, 100))
    load.stop()
    load.assert_kept()
    front.assert_same()


@pytest.mark.parametrize("behind", ["bind+pdns"])
def test_all_are_killed(make, draw, behind):
    front = make(behind)
    load = Load(front)
    for _ in range(ROUNDS):
        load.start()
        load.wait_for_more(draw.randrange(20, 300))
        for process in draw.sample([*front.servers, front.gateway], len(front.servers) + 1):
            process.kill()
        load.stop()
        for server in front.servers:
            server.start()
        front.start_gateway()
        load.assert_kept()
    front.assert_same()


@pytest.mark.parametrize("behind", ["bind"])
def test_what_was_withdrawn_before_the_kill_is_nowhere(make, draw, behind):
    front = make(behind, ack="applied", ack_timeout="100ms")
    load = Load(front)
    for number in range(ROUNDS):
        load.start()
        load.wait_for_more(draw.randrange(20, 200))
        front.primary.pause()
        if number == ROUNDS - 1:  # not only what was answered before the pause
            wait_for(lambda: any(host.refused for host in load.hosts), "a withdrawal")
        load.wait_for_more(draw.randrange(1, 150))
        if draw.random() < 0.5:
            front.gateway.kill()
            front.primary.resume()
        else:
            front.primary.resume()
            load.wait_for_more(draw.randrange(1, 50))
            front.gateway.kill()
        load.stop()
        front.start_gateway()
        front.wait_delivered()
        load.assert_kept()
    assert any(host.refused for host in load.hosts)
    front.assert_same()


def test_the_gateway_is_killed_while_it_catches_up(make, draw):
    """A queue of thousands, delivered over several lives."""
    front = make("bind+pdns", ack="durable")
    load = Load(front)
    for server in front.servers:
        server.stop()
    load.start()
    load.wait_for_more(1500)
    load.stop()
    for server in front.servers:
        server.start()
    for _ in range(ROUNDS):
        wait_for(lambda: draw.random() < 0.1, "a little while")
        front.gateway.kill()
        front.start_gateway()
    load.assert_kept()
    front.assert_same()
    assert front.gateway.serial(NAME) == front.primary.serial(NAME)
