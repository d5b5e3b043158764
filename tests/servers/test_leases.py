"""Leases end at every kind of target, and cost nothing until then.  Who gets one, what
refreshes it and what ends it is told by tests/scenarios/lease-*."""

import pytest

from front import NAME, Wire, full, is_installed, make_server
from leased import SHORT, Leased
from servers import wait_for

KINDS = ["local", "bind", "knot", "pdns-sqlite"]
LEASE_S = 2


@pytest.fixture(scope="module", params=KINDS)
def front(request, shared_gateways, shared_admin, tmp_path_factory):
    servers = []
    if request.param != "local":
        if not is_installed(request.param):
            pytest.skip(f"{request.param} is not installed")
        servers = [make_server(request.param, tmp_path_factory.mktemp(request.param))]
    with Leased(shared_gateways, shared_admin, servers, lease=SHORT) as running:
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


def test_agreement(front):
    """After the tests above, no lease lacks its record."""
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
