"""A primary target is put back to an older copy, while clients and others change the zone, and
the gateway runs, is away, or is killed: everything that clients were told is there again, and
nothing that they deleted.  What others had changed since the copy is lost with it.

RESTORED_ROUNDS=100 in the environment: as many times, one after the other.
"""

import os
import random
import shutil

import pytest

from front import KINDS, NAME, Front, full, is_installed, make_server, try_theirs
from musterctl import controlled, ctl, ctl_json
from servers import PowerDNS, wait_for

ROUNDS = int(os.environ.get("RESTORED_ROUNDS", "1"))
HOSTS = 12
TIMES = 8  # changes between two events of a round


@pytest.fixture(params=KINDS)
def front(request, tmp_path, gateways, admin):
    if not is_installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    server = make_server(request.param, tmp_path / request.param)
    server.start()
    if isinstance(server, PowerDNS):
        assert server.api("PUT", f"/servers/localhost/zones/{NAME}",
                          json={"soa_edit_api": "INCREASE"}).ok
    with Front(gateways, admin, [server], zone={"refresh": "1s", "ack_timeout": "2s"},
               **controlled()) as running:
        yield running


# ---- copies of a server ----

def is_data(path):
    return os.path.isfile(path) and not path.endswith((".log", ".conf", ".pid"))


def copy_data(source, target):
    os.makedirs(target, exist_ok=True)
    for name in os.listdir(source):
        path = os.path.join(source, name)
        if os.path.isdir(path):
            copy_data(path, os.path.join(target, name))
        elif is_data(path):
            shutil.copy2(path, target)


def remove_data(folder):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            remove_data(path)
        elif is_data(path):
            os.unlink(path)


class Copy:
    """Of a server that is stopped for it."""

    def __init__(self, server, folder):
        self.server = server
        self.folder = str(folder)
        server.stop()
        copy_data(server.folder, self.folder)
        server.start()

    def put_back(self):
        self.server.stop()
        remove_data(self.server.folder)
        copy_data(self.folder, self.server.folder)
        self.server.start()


# ---- who changes what ----

class Writer:
    """Names, each with what it has: a set of (ttl, type, text)."""

    def __init__(self, draw, tag, write):
        self.draw = draw
        self.tag = tag
        self.write = write
        self.names = {}
        self.count = 0

    def change(self, kind=None):
        self.count += 1
        name = f"{self.tag}{self.draw.randrange(HOSTS)}"
        has = self.names.get(name, frozenset())
        address = f"10.0.{self.count >> 8}.{self.count & 255}"
        kind = kind or self.draw.choice(("address", "address", "delete", "text"))
        if kind == "delete":
            delete, add, then = [(name, "A"), (name, "TXT")], [], frozenset()
        elif kind == "text":
            text = f'"{self.count}"'
            delete, add = [(name, "TXT")], [(name, 60, "TXT", text)]
            then = frozenset(r for r in has if r[1] != "TXT") | {(60, "TXT", text)}
        else:
            ttl = 60
            delete, add = [(name, "A")], [(name, ttl, "A", address)]
            then = frozenset(r for r in has if r[1] != "A") | {(ttl, "A", address)}
        self.write(add, delete)
        self.names[name] = then

    def lines(self):
        return {f"{full(name)} {ttl} {rdtype} {text}" for name, records in self.names.items()
                for ttl, rdtype, text in records}


class Round:
    """One of them: what is expected in the end is what the clients have, and what others
    had when the copy was made or have written since it was put back."""

    def __init__(self, front, draw, folder, clients, others):
        self.front = front
        self.draw = draw
        self.folder = folder
        self.clients = clients
        self.others = others

    def some(self, writer):
        for _ in range(self.draw.randrange(1, TIMES)):
            writer.change()

    def run(self):
        self.some(self.clients)
        self.some(self.others)
        self.settle()
        copy = Copy(self.front.primary, self.folder)
        then = dict(self.others.names)
        self.retry()
        self.clients.change("text")  # something that is sure to be lost
        self.some(self.clients)
        self.settle()
        self.some(self.others)
        self.settle()
        self.some(self.clients)
        way = self.draw.choice((self.while_running, self.while_away, self.while_killed))
        way(copy)
        self.others.names = then
        self.retry()
        self.some(self.clients)
        self.settle()
        self.some(self.others)
        self.settle()

    def while_running(self, copy):
        said = self.front.gateway.log().count("has gone back")
        copy.put_back()
        self.retry()
        wait_for(lambda: self.front.gateway.log().count("has gone back") > said,
                 "the gateway to say so")

    def while_away(self, copy):
        self.front.gateway.stop()
        copy.put_back()
        self.front.start_gateway()

    def while_killed(self, copy):
        """Also right after it has begun to mend it."""
        self.front.gateway.kill()
        copy.put_back()
        self.front.start_gateway()
        if self.draw.randrange(2):
            self.front.gateway.kill()
            self.front.start_gateway()

    def retry(self):
        assert ctl(self.front.gateway, "retry", NAME).code == 0

    def expected(self):
        return self.clients.lines() | self.others.lines()

    def settle(self):
        """Everybody has what is expected."""
        for server in self.front.primary, self.front.gateway:
            wait_for(lambda s=server: self.is_expected(s), f"{server.program} to have it")

    def is_expected(self, server):
        tags = (self.clients.tag, self.others.tag)
        lines = {line for line in self.front.content(server) if line.startswith(tags)}
        if lines != self.expected():
            self.difference = (server.program, sorted(lines - self.expected()),
                               sorted(self.expected() - lines))
        return lines == self.expected()


def test_everything_that_was_told_is_there_again(front, tmp_path):
    seed = random.SystemRandom().randrange(1 << 32)
    draw = random.Random(seed)

    def update(add, delete):
        rcode = front.update(add, delete)
        assert rcode == "NOERROR", rcode

    def theirs(add, delete):
        wait_for(lambda: try_theirs(front.primary, add, delete), "their change")

    clients, others = Writer(draw, "ours", update), Writer(draw, "theirs", theirs)
    for number in range(ROUNDS):
        this = Round(front, draw, tmp_path / f"copy{number}", clients, others)
        try:
            this.run()
        except Exception as error:
            raise AssertionError(f"round {number} of seed {seed}: {error}; "
                                 f"{getattr(this, 'difference', '')}; "
                                 f"{front.gateway.log()[-3000:]}") from error
    front.assert_same()
    assert not front.set_aside()


# ---- asked ----

def state(front):
    zone, = ctl_json(front.gateway, "zones")["zones"]
    return zone["state"]


def sync(front, *options):
    return ctl(front.gateway, "sync", *options, NAME)


@pytest.fixture
def careful(tmp_path, gateways, admin):
    """A front that asks a person if a fifth of the zone, and four records, are lost."""
    if not is_installed("bind"):
        pytest.skip("bind is not installed")
    with Front(gateways, admin, [make_server("bind", tmp_path / "bind")], **controlled(),
               zone={"refresh": "1s", "expiry": {"brake_count": 4, "brake_percent": 20}}) \
            as running:
        yield running


def lose(front):
    """Somebody deletes much of the zone, and the gateway sees it."""
    wait_for(lambda: try_theirs(front.primary, delete=[
        ("host1", "A"), ("host1", "AAAA"), ("text", "TXT"), ("*.wild", "A")]), "their change")
    wait_for(lambda: state(front) == "asked", "the gateway to ask")


def test_a_person_decides_what_the_primary_should_have(careful):
    front = careful
    had = front.content(front.gateway)
    lose(front)
    gateway = front.gateway
    assert front.content(gateway) == had
    warning, = ctl_json(gateway, "status")["warnings"]
    assert "lacks 5 of 11 records" in warning and "musterctl sync" in warning
    assert front.update(add=[("new", 60, "A", "192.0.2.7")]) == "NOERROR"
    assert front.seen("new") == set()
    # What it is about.
    for options, action in [((), "repair"), (("--take",), "leave")]:
        shown = ctl_json(gateway, "sync", "--dry-run", *options, NAME, code=1)
        (target,) = shown["targets"]
        assert target["compared"] and target["missing"] == 5, target
        assert {(row["name"], row["kind"], row["action"]) for row in shown["records"]} == {
            (full(name), "missing", action) for name in ("host1", "text", "*.wild")}
    assert state(front) == "asked"
    assert len(ctl_json(gateway, "status")["warnings"]) == 1

    assert sync(front).output == f"{NAME}: the primary target gets back what it has lost\n"
    wait_for(lambda: front.seen("new") == {"192.0.2.7"}, "the primary to be filled")
    front.assert_same()
    assert front.content(gateway) == had | {f"new.{NAME} 60 A 192.0.2.7"}
    assert state(front) == "ready"
    assert "targets" in ctl_json(gateway, "sync", NAME)  # it compares, as always

    lose(front)
    assert sync(front, "--take").output == f"{NAME}: the primary target counts, as it is now\n"
    wait_for(lambda: state(front) == "ready", "the gateway to take it")
    front.assert_same()
    assert front.mirrored("host1") == set()
    assert front.mirrored("new") == {"192.0.2.7"}
    events = [row["event"] for row in gateway.rows(
        "SELECT event FROM journal WHERE event IS NOT NULL ORDER BY seq")]
    assert events == ["asked", "filled", "restored", "compared",
                      "asked", "taken", "restored"]


def test_without_a_mirror_the_zone_waits_for_the_word(careful):
    front = careful
    assert front.update(add=[("new", 60, "A", "192.0.2.7")]) == "NOERROR"
    front.gateway.stop()
    wait_for(lambda: try_theirs(front.primary, delete=[
        ("host1", "A"), ("host1", "AAAA"), ("text", "TXT"), ("*.wild", "A")]), "their change")
    front.gateway.start()
    wait_for(lambda: state(front) == "asked", "the zone to be judged")
    reply = front.send(front.message(add=[("newer", 60, "A", "192.0.2.8")]))
    assert reply.rcode == "SERVFAIL" and "a person has to decide" in reply.ede[1]
    assert sync(front, "--take").code == 0
    front.wait_loaded()
    front.assert_same()
    assert front.mirrored("new") == {"192.0.2.7"} and front.mirrored("host1") == set()
