"""When a client is answered while the primary target hangs (ack = wait, applied), and
what a gateway answers before its zone is loaded.  More in
tests/scenarios/ack-modes.scn."""

import time

import pytest

from front import NAME, Front, is_installed, make_server, paused
from gateway import sign
from servers import wait_for

ACK_TIMEOUT_S = 0.5
MORE_S = 20  # than it should take, on a busy machine
LONG = "60s"  # what has not ended after MORE_S must have waited for this
FAILS = " fails: "


@pytest.fixture(params=["bind", "knot", "pdns-sqlite"])
def kind(request):
    if not is_installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    return request.param


@pytest.fixture
def make(kind, tmp_path, gateways, admin):
    """make(ack): a running front, ended with the test."""
    fronts = []

    def begin(ack, **zone):
        front = Front(gateways, admin, [make_server(kind, tmp_path / kind)],
                      zone={"ack": ack, "ack_timeout": f"{int(ACK_TIMEOUT_S * 1000)}ms",
                            **zone},
                      targets={"timeout": LONG})
        fronts.append(front)
        return front.start()

    yield begin
    for front in fronts:
        front.stop()


def timed(front, *changes, **options):
    """The Reply, and how long it took in seconds."""
    start = time.monotonic()
    reply = front.send(front.message(*changes, **options))
    return reply, time.monotonic() - start


def wait_seen(front, name, expected=frozenset({"192.0.2.1"})):
    wait_for(lambda: front.seen(name) == expected, f"{name} to be {expected} at the target")


def wait_down(front):
    wait_for(lambda: FAILS in front.gateway.log(), "the gateway to know that it is away")


# ---- wait ----

@pytest.mark.parametrize("kind", ["bind"], indirect=True)
def test_wait_is_answered_in_time_and_delivered_later(make):
    front = make("wait")
    with paused(front.primary):
        reply, took_s = timed(front, [("host", 60, "A", "192.0.2.1")])
        assert reply == ("NOERROR", None)
        assert ACK_TIMEOUT_S <= took_s < ACK_TIMEOUT_S + MORE_S
        assert front.mirrored("host") == {"192.0.2.1"}
    wait_seen(front, "host")
    front.assert_same()


# ---- applied ----

def wait_applied(front, **changes):
    """The target may sometimes be too slow for ACK_TIMEOUT_S: then nothing was done."""
    wait_for(lambda: front.update(**changes) == "NOERROR", f"{changes} to be applied")


def assert_withdrawn(front, name="host"):
    """The change is nowhere, and does not appear later either."""
    assert front.mirrored(name) == set()
    wait_applied(front, add=[("later", 60, "A", "192.0.2.1")])
    assert front.seen("later") == {"192.0.2.1"}
    assert front.seen(name) == front.mirrored(name) == set()
    assert front.seen("host1") == front.mirrored("host1") == {"192.0.2.11", "192.0.2.12"}
    front.assert_same()


def withdrawn_change(front):
    return timed(front, [("host", 60, "A", "192.0.2.1"), ("host1", 60, "A", "192.0.2.13")],
                 [("host1", "A", "192.0.2.11")])


def test_applied_is_withdrawn_if_the_primary_hangs(make):
    front = make("applied")
    wait_applied(front, add=[("before", 60, "A", "192.0.2.1")])
    with paused(front.primary):
        reply, took_s = withdrawn_change(front)
        assert reply.rcode == "SERVFAIL"
        assert reply.ede and "withdrawn" in reply.ede[1]
        assert ACK_TIMEOUT_S <= took_s < ACK_TIMEOUT_S + MORE_S
        assert front.mirrored("host") == set()
        assert front.mirrored("host1") == {"192.0.2.11", "192.0.2.12"}
    assert_withdrawn(front)


# ---- before there is a zone ----

def test_a_gateway_that_could_not_load_says_so(kind, tmp_path, gateways, admin):
    server = make_server(kind, tmp_path / kind)
    server.start()
    server.stop()
    front = Front(gateways, admin, [server])
    front.gateway.start()
    wait_down(front)
    signed = sign(front.message([("early", 60, "A", "192.0.2.1")]), admin)
    reply = front.gateway.exchange(signed.wire)
    assert reply.rcode == "SERVFAIL" and reply.is_authentic(signed)
    code, text = reply.ede
    assert code == 14  # Not Ready (RFC 8914 4.15)
    assert "refused" in text or "connect" in text, text
    assert front.gateway.query(NAME, "SOA").rcode() == 2
    with server:
        front.wait_loaded()
        # What was refused then is executed now, from the same octets.
        assert front.gateway.exchange(signed.wire).rcode == "NOERROR"
        wait_seen(front, "early")
        front.assert_same()


@pytest.mark.parametrize("kind", ["bind"], indirect=True)
def test_a_gateway_without_its_primary_stops_in_order(kind, tmp_path, gateways, admin):
    server = make_server(kind, tmp_path / kind)
    server.prepare()
    front = Front(gateways, admin, [server])
    front.gateway.start()
    wait_down(front)
    front.gateway.stop()
