"""Leases, against every kind of target: who gets one, what refreshes it, what ends it, and
that expiry takes exactly its own."""

import time

import pytest

from front import NAME, Wire, full, is_installed, make_server
from leased import SHORT, Leased, keep_speaking
from servers import wait_for

KINDS = ["local", "bind", "knot", "pdns-sqlite"]
LEASE_S = 2
RULES = {
    "permanent.": {"types": ["ANY"]},
    "other.": {"types": ["ANY"], "lease": SHORT},
    "adopting.": {"types": ["ANY"], "lease": SHORT, "adopt": True},
    "asking.": {"types": ["ANY"], "lease": {"min": "1s"}},
}


@pytest.fixture(scope="module", params=KINDS)
def front(request, shared_gateways, shared_admin, tmp_path_factory):
    servers = []
    if request.param != "local":
        if not is_installed(request.param):
            pytest.skip(f"{request.param} is not installed")
        servers = [make_server(request.param, tmp_path_factory.mktemp(request.param))]
    with Leased(shared_gateways, shared_admin, servers, lease=SHORT, rules=RULES) as running:
        yield running


# ---- beginning and end ----

def test_the_default_and_the_end(front):
    before = len(front.batches())
    front.put(1, 2, 3)
    assert {lease for lease in front.leases().items() if lease[0][0] in ("h1", "h2", "h3")} \
        == {(("h1", "A", "192.0.2.1"), LEASE_S), (("h2", "A", "192.0.2.2"), LEASE_S),
            (("h3", "A", "192.0.2.3"), LEASE_S)}
    serial = front.primary.serial(NAME)
    assert front.seen("h1") == {"192.0.2.1"}
    front.wait_gone("h1", "h2", "h3")
    wait_for(lambda: not front.lease_hosts() & {"h1", "h2", "h3"}, "their leases to end")
    assert front.primary.serial(NAME) == serial + 1  # once for all of them
    assert len(front.batches()) == before + 1
    row = front.batches()[-1]
    assert row["reason"].startswith("expired: ")
    assert row["key"] is None and "-NONE h1.dyn.example. A 192.0.2.1" in row["request"]
    for host in ("h1", "h2", "h3"):
        assert [event for event, name in front.events() if name == full(host)] == \
            ["stale", "expired"]


def test_as_long_as_was_asked_for(front):
    assert front.put(11, key="asking.") is None
    assert front.put(12, key="asking.", lease=3) == 3
    assert front.leases()["h12", "A", "192.0.2.12"] == 3
    assert "h11" not in front.lease_hosts()  # who asks for nothing stays
    front.wait_gone("h12")
    assert front.seen("h11") == {"192.0.2.11"}


def test_siblings_stay(front):
    """Permanent ones, those of others, other types, other names below and above."""
    front.change([("sib", 60, "A", "192.0.2.20"), ("sib", 60, "TXT", '"stays"'),
                  ("below.sib", 60, "A", "192.0.2.23")], key="permanent.")
    front.change([("sib", 60, "A", "192.0.2.21")], lease=5)
    front.change([("sib", 60, "A", "192.0.2.22")], key="other.", lease=3600)
    assert front.seen("sib") == {"192.0.2.20", "192.0.2.21", "192.0.2.22"}
    wait_for(lambda: front.seen("sib") == {"192.0.2.20", "192.0.2.22"}, "one to go")
    assert front.seen("sib", "TXT") == {'"stays"'}
    assert front.seen("below.sib") == {"192.0.2.23"}
    assert front.leases()["sib", "A", "192.0.2.22"] == 3600


def test_deleting_ends_the_lease(front):
    front.put(30, lease=3600)
    assert "h30" in front.lease_hosts()
    front.change(delete=[("h30", "A")])
    assert "h30" not in front.lease_hosts()
    front.put(30, key="permanent.")
    assert "h30" not in front.lease_hosts()


def test_permanent_wins(front):
    front.put(31, lease=3600)
    front.put(31, key="permanent.")  # changes no record
    assert "h31" not in front.lease_hosts()


def test_what_was_permanent_stays_so(front):
    front.put(32, key="permanent.")
    front.put(32)
    assert "h32" not in front.lease_hosts()
    front.put(32, key="adopting.")  # changes no record, either
    assert "h32" in front.lease_hosts()
    front.wait_gone("h32")


# ---- heartbeats ----

def beat_by_adding(front):
    return front.message([("h40", 60, "A", "192.0.2.40")])


def beat_by_replacing(front):
    return front.message([("h40", 60, "A", "192.0.2.40")], delete=[("h40", "A")])


def beat_by_asking(front):
    message = front.message()
    message.present("h40", "A", "192.0.2.40")
    return message


@pytest.mark.parametrize("beat", [beat_by_adding, beat_by_replacing, beat_by_asking])
def test_heartbeats_keep_it(front, beat):
    def is_kept():
        front.put(40)
        serial = front.primary.serial(NAME)
        return keep_speaking(
            LEASE_S, 2.5 * LEASE_S,
            lambda: front.ask(beat(front))[0] == "NOERROR" and
            front.seen("h40") == {"192.0.2.40"} and front.primary.serial(NAME) == serial)

    wait_for(is_kept, "heartbeats in time")
    front.wait_gone("h40")


def test_a_late_refresh_brings_it_back(front):
    front.put(41)
    front.wait_gone("h41")
    message = front.message()
    message.present("h41", "A")
    assert front.ask(message)[0] == "NXRRSET"
    front.put(41, lease=3600)
    assert front.seen("h41") == {"192.0.2.41"}
    assert front.leases()["h41", "A", "192.0.2.41"] == 3600


# ---- down time ----

def test_down_time_is_credited(front):
    """Stopped for longer than the lease: what was left of it is still left."""
    front.put(50, lease=6)
    front.gateway.stop()
    end = time.monotonic() + 7
    wait_for(lambda: time.monotonic() > end, "the lease to be over")
    front.start_gateway()
    assert front.mirrored("h50") == {"192.0.2.50"}
    assert "h50" in front.lease_hosts()
    front.put(50, lease=3600)
    assert front.leases()["h50", "A", "192.0.2.50"] == 3600
    front.put(51)
    front.wait_gone("h51")  # while time goes on for others
    assert front.seen("h50") == {"192.0.2.50"}


def test_agreement(front):
    """After all that: no lease without its record."""
    wait_for(lambda: all(seconds > 60 for seconds in front.leases().values()),
             "short leases to end")
    front.assert_agreement()
    if front.servers:
        front.assert_same()


# ---- what heartbeats cost ----

def test_heartbeats_cost_nothing(tmp_path, gateways, admin):
    """No row, no commit, no request to the target, no serial, not even at the end."""
    if not is_installed("bind"):
        pytest.skip("bind is not installed")
    server = make_server("bind", tmp_path / "bind")
    with Wire(server.port) as wire, \
            Leased(gateways, admin, [server], lease={"default": "1h"}, wires=[wire],
                   zone={"refresh": "1h"}) as front:
        front.put(1, 2, 3)
        front.wait_delivered()
        journal = front.gateway.rows("SELECT * FROM journal")
        leases = front.lease_rows()
        octets, serial = wire.octets, server.serial(NAME)
        for _ in range(100):
            front.put(1, 2, 3)
        assert front.gateway.rows("SELECT * FROM journal") == journal
        assert front.lease_rows() == leases
        assert (wire.octets, server.serial(NAME)) == (octets, serial)
        front.gateway.stop()
        assert front.gateway.rows("SELECT * FROM journal") == journal
        assert front.lease_rows() == leases
