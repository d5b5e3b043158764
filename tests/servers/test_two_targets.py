"""One zone with two targets, BIND and PowerDNS, each being the primary one in turn: both get
everything, one that is away is caught up in order, and what one of them refuses for good is
set aside and stops nothing else."""

import re

import pytest

from front import NAME, Front, full, is_installed, make_server, paused, random_changes
from servers import Bind, PowerDNS, wait_for

pytestmark = pytest.mark.skipif(
    not (is_installed("bind") and is_installed("pdns-sqlite")),
    reason="BIND or PowerDNS is not installed")

ORDERS = ["bind-first", "pdns-first"]
QUICK = {"timeout": "500ms"}  # to know soon that one hangs
LONG_S = 60
SOON_S = 20  # on a busy machine, and much less than that


class PickyBind(Bind):
    """BIND that lets nobody touch forbidden.dyn.example."""

    def prepare(self):
        super().prepare()
        key = self.keys[0].name
        with open(self.path("named.conf")) as file:
            config = file.read()
        policy = f"update-policy {{ deny {key} name {full('forbidden')} ANY; " \
            f"grant {key} zonesub ANY; }};"
        config, count = re.subn(r"allow-update {[^}]*};", policy, config)
        assert count == 1
        self.write("named.conf", config)


def picky_bind(folder):
    return PickyBind(folder, keys=make_server("bind", folder).keys)


def two_servers(order, folder, bind=None):
    servers = [bind or make_server("bind", folder / "bind"),
               make_server("pdns-sqlite", folder / "pdns")]
    return servers if order == "bind-first" else servers[::-1]


@pytest.fixture(params=ORDERS)
def front(request, tmp_path, gateways, admin):
    with Front(gateways, admin, two_servers(request.param, tmp_path)) as running:
        yield running


@pytest.fixture(params=ORDERS)
def quick(request, tmp_path, gateways, admin):
    with Front(gateways, admin, two_servers(request.param, tmp_path), targets=QUICK,
               zone={"ack_timeout": "1s"}) as running:
        yield running


def wait_at(server, name, expected, rdtype="A"):
    wait_for(lambda: server.records(full(name), rdtype) == expected,
             f"{name} {rdtype} at {server.program} to be {expected}")


# ---- both ----

def test_both_get_everything(front):
    for delete, add in random_changes(seed=2, count=60):
        assert front.update(add, delete) == "NOERROR"
    front.assert_same()


def test_both_get_what_is_acknowledged_at_once(front):
    assert front.update(add=[("both", 60, "A", "192.0.2.1")]) == "NOERROR"
    assert front.seen("both") == {"192.0.2.1"}
    wait_at(front.servers[1], "both", {"192.0.2.1"})


# ---- one is away ----

def conflicting_changes(front):
    """Updates whose order decides the result, over more than one batch."""
    assert front.update(add=[("seq", 60, "A", "192.0.2.1")]) == "NOERROR"
    assert front.update(delete=[("seq",)], add=[("seq", 60, "CNAME", "host1")]) == "NOERROR"
    assert front.update(delete=[("host1",)]) == "NOERROR"
    for part in range(3):
        assert front.update(add=[(f"n{part}-{i}", 60, "A", "192.0.2.1")
                                 for i in range(250)]) == "NOERROR"
    assert front.update(delete=[("seq",)], add=[("seq", 60, "A", "192.0.2.2")]) == "NOERROR"
    assert front.update(delete=[("n0-7",)]) == "NOERROR"


@pytest.mark.parametrize("away", [0, 1], ids=["primary", "second"])
def test_one_is_down_and_the_other_goes_on(front, away):
    server, other = front.servers[away], front.servers[1 - away]
    assert front.update(add=[("before", 60, "A", "192.0.2.1")]) == "NOERROR"
    wait_at(front.servers[1], "before", {"192.0.2.1"})
    server.kill()
    conflicting_changes(front)
    wait_at(other, "seq", {"192.0.2.2"})
    wait_for(lambda: f"target {'ddns' if isinstance(server, Bind) else 'powerdns'} " in
             front.gateway.log(), "the log to tell that it fails")
    server.start()
    wait_at(server, "seq", {"192.0.2.2"})
    front.assert_same()
    assert " is back" in front.gateway.log()
    assert front.update(add=[("after", 60, "A", "192.0.2.1")]) == "NOERROR"
    assert front.seen("after") == {"192.0.2.1"}


@pytest.mark.parametrize("away", [0, 1], ids=["primary", "second"])
def test_one_hangs_and_the_other_goes_on(quick, away):
    server, other = quick.servers[away], quick.servers[1 - away]
    assert quick.update(add=[("before", 60, "A", "192.0.2.1")]) == "NOERROR"
    wait_at(quick.servers[1], "before", {"192.0.2.1"})
    with paused(server):
        conflicting_changes(quick)
        wait_at(other, "seq", {"192.0.2.2"})
    wait_at(server, "seq", {"192.0.2.2"})
    quick.assert_same()


@pytest.mark.parametrize("order", ORDERS)
def test_the_second_delays_no_answer(order, tmp_path, gateways, admin):
    with Front(gateways, admin, two_servers(order, tmp_path), targets={"timeout": LONG_S},
               zone={"ack_timeout": LONG_S}) as front:
        with paused(front.servers[1]):
            for last in range(5):  # each would take at least its timeout
                reply = front.begin(front.message(
                    delete=[("quick", "A")], add=[("quick", 60, "A", f"192.0.2.{last}")]))
                assert reply.result(SOON_S).rcode == "NOERROR"
                assert front.seen("quick") == {f"192.0.2.{last}"}
        wait_at(front.servers[1], "quick", {"192.0.2.4"})


def test_a_gateway_that_was_restarted_meanwhile_catches_the_second_up(front):
    front.servers[1].stop()
    conflicting_changes(front)
    front.gateway.restart()
    front.wait_loaded()
    assert front.update(add=[("restarted", 60, "A", "192.0.2.1")]) == "NOERROR"
    front.gateway.kill()
    front.servers[1].start()
    front.start_gateway()
    wait_at(front.servers[1], "restarted", {"192.0.2.1"})
    front.assert_same()


# ---- one refuses ----

def test_what_the_second_refuses_is_set_aside(tmp_path, gateways, admin):
    servers = two_servers("pdns-first", tmp_path, bind=picky_bind(tmp_path / "bind"))
    with Front(gateways, admin, servers) as front:
        assert front.update(add=[("forbidden", 60, "A", "192.0.2.1"),
                                 ("beside", 60, "A", "192.0.2.1")]) == "NOERROR"
        assert front.update(add=[("after", 60, "A", "192.0.2.1")]) == "NOERROR"
        pdns, bind = servers
        assert pdns.records(full("forbidden"), "A") == {"192.0.2.1"}
        wait_at(bind, "after", {"192.0.2.1"})
        assert bind.records(full("forbidden"), "A") == set()
        assert bind.records(full("beside"), "A") == set()  # all or nothing
        row, = wait_for(front.set_aside, "the row")
        first = next(row for row in front.gateway.audit() if row["changes"])
        assert (row["seq"], row["rcode"]) == (first["seq"], 5)
        assert row["target"] == f"ddns 127.0.0.1#{bind.port}"
        assert "REFUSED" in row["reason"]
        assert first["rcode"] == 0
        assert re.search(rf"target {row['target']} refuses change {row['seq']}, "
                         r"which is set aside: .*REFUSED", front.gateway.log())
        front.wait_delivered()


def test_the_one_to_blame_is_found_in_a_batch(tmp_path, gateways, admin):
    servers = two_servers("pdns-first", tmp_path, bind=picky_bind(tmp_path / "bind"))
    with Front(gateways, admin, servers) as front:
        front.servers[1].kill()
        for i in range(4):
            assert front.update(add=[(f"good{i}", 60, "A", "192.0.2.1")]) == "NOERROR"
        assert front.update(add=[("forbidden", 60, "A", "192.0.2.1")]) == "NOERROR"
        for i in range(4, 8):
            assert front.update(add=[(f"good{i}", 60, "A", "192.0.2.1")]) == "NOERROR"
        front.servers[1].start()
        for i in range(8):
            wait_at(front.servers[1], f"good{i}", {"192.0.2.1"})
        assert len(wait_for(front.set_aside, "the row")) == 1
        assert front.servers[1].records(full("forbidden"), "A") == set()


def test_what_powerdns_has_besides_is_in_the_way(tmp_path, gateways, admin):
    with Front(gateways, admin, two_servers("bind-first", tmp_path)) as front:
        bind, pdns = front.servers
        assert pdns.patch(NAME, (full("theirs"), "CNAME", 60, [full("host1")])).ok
        assert front.update(add=[("theirs", 60, "A", "192.0.2.1")]) == "NOERROR"
        assert front.update(add=[("ours", 60, "A", "192.0.2.1")]) == "NOERROR"
        assert bind.records(full("theirs"), "A") == {"192.0.2.1"}
        wait_at(pdns, "ours", {"192.0.2.1"})
        row, = wait_for(front.set_aside, "the row")
        assert row["target"].startswith("powerdns ")
        assert "onflict" in row["reason"]
        assert pdns.records(full("theirs"), "CNAME") == {full("host1")}


def assert_taken_back(front, name, before):
    """The mirror and the other target keep what they had."""
    assert front.mirrored(name, "TXT") == before
    assert front.update(add=[("later", 60, "A", "192.0.2.1")]) == "NOERROR"
    assert front.seen("later") == {"192.0.2.1"}
    wait_at(front.servers[1], "later", {"192.0.2.1"})
    assert front.mirrored(name, "TXT") == before
    assert front.servers[1].records(full(name), "TXT") == before
    front.assert_same()
    rows = len(front.gateway.audit())
    assert front.update() == "NOERROR"
    assert len(front.gateway.audit()) == rows, "it goes on and on"


def test_the_primary_refuses_while_the_client_waits(tmp_path, gateways, admin):
    servers = two_servers("bind-first", tmp_path, bind=picky_bind(tmp_path / "bind"))
    with Front(gateways, admin, servers) as front:
        reply = front.send(front.message(
            delete=[("text",)],
            add=[("forbidden", 60, "TXT", '"x"'), ("beside", 60, "A", "192.0.2.1")]))
        assert reply.rcode == "REFUSED"
        assert reply.ede and "REFUSED" in reply.ede[1]
        assert front.mirrored("beside") == set()
        assert front.mirrored("text", "TXT") == {'"first" "second; with spaces"'}
        assert_taken_back(front, "forbidden", set())
        assert front.servers[1].records(full("text"), "TXT") == \
            {'"first" "second; with spaces"'}
        refused = [row for row in front.gateway.audit() if row["key"] == "admin."][0]
        assert refused["rcode"] == 5
        assert "REFUSED" in refused["reason"]


def test_the_primary_powerdns_refuses_while_the_client_waits(tmp_path, gateways, admin):
    with Front(gateways, admin, two_servers("pdns-first", tmp_path)) as front:
        reply = front.send(front.message(
            delete=[("host1", "A", "192.0.2.11")],
            add=[("b\\032ad", 60, "TXT", '"x"'), ("host1", 300, "A", "192.0.2.13")]))
        assert reply.rcode == "REFUSED"
        assert reply.ede and "PowerDNS" in reply.ede[1]
        assert front.mirrored("host1") == front.seen("host1") == \
            {"192.0.2.11", "192.0.2.12"}
        assert_taken_back(front, "b\\032ad", set())
        assert isinstance(front.primary, PowerDNS)


def test_the_primary_refuses_one_of_many_that_wait(tmp_path, gateways, admin):
    servers = two_servers("bind-first", tmp_path, bind=picky_bind(tmp_path / "bind"))
    with Front(gateways, admin, servers) as front:
        with paused(front.primary):
            first = front.begin(front.message(add=[("first", 60, "A", "192.0.2.1")]))
            wait_for(lambda: front.mirrored("first"), "the first to be on its way")
            names = ["a", "b", "forbidden", "c", "d"]
            replies = {}
            for name in names:
                replies[name] = front.begin(
                    front.message(add=[(name, 60, "A", "192.0.2.1")]))
                wait_for(lambda name=name: front.mirrored(name), f"{name} to be accepted")
            assert not any(reply.done() for reply in replies.values())
        assert first.result().rcode == "NOERROR"
        for name in names:
            reply = replies[name].result()
            assert reply.rcode == ("REFUSED" if name == "forbidden" else "NOERROR"), name
            assert front.seen(name) == ({"192.0.2.1"} if name != "forbidden" else set())
        assert_taken_back(front, "forbidden", set())


@pytest.mark.parametrize("order", ORDERS)
def test_what_was_refused_does_not_come_along_with_the_next(order, tmp_path, gateways, admin):
    servers = two_servers(order, tmp_path, bind=picky_bind(tmp_path / "bind"))
    bad = "forbidden" if order == "bind-first" else "b\\032ad"
    with Front(gateways, admin, servers) as front:
        with paused(front.primary):
            first = front.begin(front.message(add=[("first", 60, "A", "192.0.2.1")]))
            wait_for(lambda: front.mirrored("first"), "the first to be on its way")
            refused = front.begin(front.message(add=[
                (bad, 60, "TXT", '"x"'), ("shared", 60, "A", "192.0.2.1")]))
            wait_for(lambda: front.mirrored("shared"), "the second to be accepted")
            last = front.begin(front.message(add=[("shared", 60, "A", "192.0.2.2")]))
            wait_for(lambda: len(front.mirrored("shared")) == 2, "the third to be accepted")
        assert first.result().rcode == last.result().rcode == "NOERROR"
        assert refused.result().rcode == "REFUSED"
        wait_at(front.primary, "shared", {"192.0.2.2"})
        wait_for(lambda: front.mirrored("shared") == {"192.0.2.2"}, "the mirror to say so")
        wait_at(front.servers[1], "shared", {"192.0.2.2"})
        assert_taken_back(front, bad, set())
        assert front.seen("shared") == front.mirrored("shared") == {"192.0.2.2"}


def test_the_primary_refuses_when_nobody_waits_any_more(tmp_path, gateways, admin):
    servers = two_servers("bind-first", tmp_path, bind=picky_bind(tmp_path / "bind"))
    with Front(gateways, admin, servers, zone={"ack": "durable"}) as front:
        assert front.update(add=[("forbidden", 60, "TXT", '"x"')]) == "NOERROR"
        wait_for(front.set_aside, "the row")
        wait_for(lambda: front.mirrored("forbidden", "TXT") == set(), "the mirror to tell")
        wait_at(front.servers[1], "forbidden", set(), "TXT")
        front.assert_same()
        assert len(front.gateway.audit()) < 10


@pytest.mark.parametrize("order", ORDERS)
def test_a_record_too_many_for_bind_stops_nobody(order, tmp_path, gateways, admin):
    """BIND answers it with SERVFAIL, every time: as it does when it is in trouble."""
    bind = make_server("bind", tmp_path / "bind", options="max-records-per-type 20;")
    with Front(gateways, admin, two_servers(order, tmp_path, bind)) as front:
        many = [("crowd", 60, "A", f"192.0.2.{i}") for i in range(21)]
        reply = front.send(front.message(add=many))
        assert reply.rcode == ("SERVFAIL" if order == "bind-first" else "NOERROR")
        assert front.update(add=[("after", 60, "A", "192.0.2.1")]) == "NOERROR"
        wait_at(bind, "after", {"192.0.2.1"})
        assert bind.records(full("crowd"), "A") == set()
        if order == "bind-first":
            front.wait_delivered()
            front.assert_same()
            assert not front.set_aside()  # the client was told
            assert "which is taken back: " in front.gateway.log()
        else:
            row, = wait_for(front.set_aside, "the row")
            assert row["target"].startswith("ddns ")
            front.wait_delivered()
