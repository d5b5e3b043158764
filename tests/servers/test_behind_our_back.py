"""Somebody changes the zone at BIND, Knot or PowerDNS while the gateway runs: it is seen, and
not overwritten.  What is judged by it, and when, is told by tests/scenarios/target-changes*."""

import random
import re
import threading

import dns.rcode
import pytest

from front import NAME, Front, full, is_installed, make_server, try_theirs
from servers import HOST, Knot, PowerDNS, free_port, wait_for

RACES = 30
DUELS = 40
KINDS = ["bind", "knot", "pdns-sqlite", "pdns-lmdb"]


@pytest.fixture(params=KINDS)
def kind(request):
    if not is_installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    return request.param


def notifying_server(kind, folder, port, admin):
    """A server that says NOTIFY to this port of ours."""
    if kind == "bind":
        return make_server(kind, folder, zone_options=f"notify explicit; notify-delay 0; "
                           f"also-notify {{ {HOST} port {port}; }};")
    if kind == "knot":
        return make_server(
            kind, folder, zone_options="    notify: gateway\n",
            server_options=f"remote:\n  - id: gateway\n    address: {HOST}@{port}\n")
    # Signed with a key that may transfer, since it is no address that notifies here.
    return make_server(kind, folder, keys=[admin], options="primary=yes\nonly-notify=\n"
                       f"also-notify={HOST}:{port}\n")


def make_front(kind, folder, gateways, admin, **zone):
    port = free_port()
    server = notifying_server(kind, folder / kind, port, admin)
    server.start()
    if isinstance(server, PowerDNS):
        # So that a foreign change shows in the serial, as the log advises.
        assert server.api("PUT", f"/servers/localhost/zones/{NAME}",
                          json={"soa_edit_api": "INCREASE"}).ok
    return Front(gateways, admin, [server], zone={"refresh": "1h", **zone}, port=port)


@pytest.fixture
def front(kind, tmp_path, gateways, admin):
    with make_front(kind, tmp_path, gateways, admin) as running:
        yield running


def theirs(server, add=(), delete=()):
    wait_for(lambda: try_theirs(server, add, delete), "somebody else's change")


def tell(front):
    """BIND and Knot say NOTIFY on their own; PowerDNS only now and then, or when asked."""
    if isinstance(front.primary, PowerDNS):
        assert front.primary.api("PUT", f"/servers/localhost/zones/{NAME}/notify").ok


# ---- seen ----

def test_a_notify_brings_the_change(front):
    assert front.update(add=[("ours", 60, "A", "192.0.2.1")]) == "NOERROR"
    theirs(front.primary, add=[("theirs", 60, "A", "192.0.2.2")], delete=[("host1", "A")])
    tell(front)
    wait_for(lambda: front.mirrored("theirs") == {"192.0.2.2"}, "the mirror to have it")
    assert front.mirrored("host1") == set()
    front.assert_same()
    theirs(front.primary, add=[("theirs", 60, "AAAA", "2001:db8::1")],
           delete=[("theirs", "A")])
    tell(front)
    wait_for(lambda: front.mirrored("theirs", "AAAA"), "the mirror to have the next")
    assert front.mirrored("theirs") == set()
    front.assert_same()
    assert front.update(add=[("ours", 60, "A", "192.0.2.3")]) == "NOERROR"
    assert len(front.seen("ours")) == 2


def test_a_notify_about_our_own_change_does_nothing(front):
    lines = front.gateway.log().count("\n")
    for last in range(5):
        assert front.update(add=[("ours", 60, "A", f"192.0.2.{last}")]) == "NOERROR"
        tell(front)
    assert front.update(add=[("last", 60, "A", "192.0.2.1")]) == "NOERROR"
    front.assert_same()
    news = front.gateway.log().splitlines()[lines:]
    assert not [line for line in news if "loaded again" in line or re.search(r" changes? from ", line)]


def test_the_refresh_timer_finds_the_change(kind, tmp_path, gateways, admin):
    server = make_server(kind, tmp_path / kind)
    with Front(gateways, admin, [server], zone={"refresh": "1s"}) as front:
        if isinstance(server, PowerDNS):
            assert server.api("PUT", f"/servers/localhost/zones/{NAME}",
                              json={"soa_edit_api": "INCREASE"}).ok
        theirs(server, add=[("theirs", 60, "A", "192.0.2.2")])
        wait_for(lambda: front.mirrored("theirs") == {"192.0.2.2"}, "the mirror to have it")
        front.assert_same()


# ---- judged by ----

@pytest.fixture
def deaf(kind, tmp_path, gateways, admin):
    """A front that nobody tells anything: only the look before each batch is left."""
    server = make_server(kind, tmp_path / kind)
    server.start()
    if isinstance(server, PowerDNS):
        assert server.api("PUT", f"/servers/localhost/zones/{NAME}",
                          json={"soa_edit_api": "INCREASE"}).ok
    with Front(gateways, admin, [server], zone={"refresh": "1h"}) as running:
        yield running


def test_their_change_stands_beside_ours(deaf):
    theirs(deaf.primary, add=[("theirs", 60, "A", "192.0.2.66"),
                              ("shared", 60, "TXT", '"theirs"')], delete=[("www", "CNAME")])
    assert deaf.update(add=[("shared", 60, "TXT", '"ours"'), ("ours", 60, "A", "192.0.2.1")],
                       delete=[("text",)]) == "NOERROR"
    assert deaf.seen("shared", "TXT") == {'"ours"', '"theirs"'}
    assert deaf.seen("theirs") == {"192.0.2.66"}
    assert deaf.seen("ours") == {"192.0.2.1"}
    assert deaf.seen("text", "TXT") == deaf.seen("www", "CNAME") == set()
    deaf.assert_same()


# ---- racing ----

class Disturber(threading.Thread):
    """Somebody else who makes one change for each of ours, at the same time: adds addresses
    and takes every third back; on BIND and Knot also adds to an RRset that we add to."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.shares = not isinstance(server, PowerDNS)  # that replaces whole RRsets
        self.turns = threading.Semaphore(0)
        self.made = 0
        self.is_ending = False
        self.error = None

    def run(self):
        try:
            while self.turns.acquire() and not self.is_ending:
                self.change(self.made)
                self.made += 1
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def change(self, i):
        shared = [("shared", 60, "TXT", f'"theirs-{i}"')] if self.shares else []
        wait_for(lambda: try_theirs(
            self.server, [(f"theirs{i}", 60, "A", "192.0.2.66"), *shared]), "their change")
        if i % 3 == 2:
            wait_for(lambda: try_theirs(self.server, (), [(f"theirs{i}", "A")]),
                     "their change")

    def end(self):
        self.is_ending = True
        self.turns.release()
        self.join()
        if self.error:
            raise self.error


def test_racing_changes_all_survive(deaf):
    server = deaf.primary
    disturber = Disturber(server)
    disturber.start()
    draw = random.Random(1)
    try:
        for i in range(RACES):
            disturber.turns.release()
            wait_for(lambda: draw.random() < 0.5, "a little while")
            assert deaf.update(add=[(f"ours{i}", 60, "A", "192.0.2.1"),
                                    ("shared", 60, "TXT", f'"ours-{i}"')]) == "NOERROR"
            if i % 3 == 2:
                assert deaf.update(delete=[(f"ours{i}", "A")]) == "NOERROR"
    finally:
        disturber.end()
    assert deaf.update(add=[("last", 60, "A", "192.0.2.1")]) == "NOERROR"
    zone = {}
    for line in deaf.content(server):
        name, _, rdtype, text = line.split(" ", 3)
        zone.setdefault((name, rdtype), set()).add(text)
    for who, count, address in (("ours", RACES, "192.0.2.1"),
                                ("theirs", disturber.made, "192.0.2.66")):
        for i in range(count):
            expected = None if i % 3 == 2 else {address}
            assert zone.get((full(f"{who}{i}"), "A")) == expected, f"{who}{i}"
    shared = {f'"ours-{i}"' for i in range(RACES)}
    if disturber.shares:
        shared |= {f'"theirs-{i}"' for i in range(disturber.made)}
    assert zone[full("shared"), "TXT"] == shared
    deaf.assert_same()


# ---- Knot makes one version of updates that come together ----

@pytest.fixture(params=["bind", "knot"])
def judge(request, tmp_path, gateways, admin):
    """A front before a server that judges prerequisites of others, too."""
    if not is_installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    server = make_server(request.param, tmp_path / request.param)
    server.start()
    with Front(gateways, admin, [server], zone={"refresh": "1h"}) as running:
        yield running


def test_one_of_two_gets_a_name(judge):
    """Both say that the name is not in use; ours and theirs come in any order."""
    server = judge.primary
    draw = random.Random(1)
    for i in range(DUELS):
        ours = judge.message([(f"duel{i}", 60, "A", "192.0.2.1")])
        other = judge.message([(f"duel{i}", 60, *(("A", "192.0.2.2"), ("TXT", "x"))[i % 2])])
        ours.absent(f"duel{i}")
        other.absent(f"duel{i}")
        answer = judge.begin(ours)
        wait_for(lambda: draw.random() < 0.5, "a little while")
        theirs_says = dns.rcode.to_text(server.send(other, server.update_key()).rcode())
        assert {theirs_says, answer.result().rcode} == {"NOERROR", "YXDOMAIN"}, f"duel {i}"
    judge.assert_same()


def test_what_others_do_with_ours_is_seen(judge):
    """Nobody tells the gateway, whose next update comes much later."""
    server = judge.primary
    for i in range(DUELS):
        assert judge.update(add=[(f"host{i}", 60, "A", "192.0.2.1")]) == "NOERROR"
    for i in range(DUELS):
        answer = judge.begin(judge.message([(f"other{i}", 60, "A", "192.0.2.1")]))
        theirs(server, delete=[(f"host{i}", "A")])
        assert answer.result().rcode == "NOERROR"
    if isinstance(server, Knot):  # all of it, and without another update
        judge.assert_same()
    else:
        assert judge.update(add=[("last", 60, "A", "192.0.2.1")]) == "NOERROR"
        judge.assert_same()
