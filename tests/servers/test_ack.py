"""When a client is answered while the primary target hangs, or is away: ack = wait, applied,
durable; and what a gateway says that has no zone yet."""

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

def test_wait_is_answered_in_time_and_delivered_later(make):
    front = make("wait")
    with paused(front.primary):
        reply, took_s = timed(front, [("host", 60, "A", "192.0.2.1")])
        assert reply == ("NOERROR", None)
        assert ACK_TIMEOUT_S <= took_s < ACK_TIMEOUT_S + MORE_S
        assert front.mirrored("host") == {"192.0.2.1"}
    wait_seen(front, "host")
    front.assert_same()


def test_wait_does_not_wait_for_who_is_known_to_be_away(make):
    front = make("wait", ack_timeout=LONG)
    front.primary.kill()
    # The first one finds out; nobody need wait longer than that takes.
    assert front.update(add=[("first", 60, "A", "192.0.2.1")]) == "NOERROR"
    wait_down(front)
    reply, took_s = timed(front, [("second", 60, "A", "192.0.2.1")])
    assert reply == ("NOERROR", None)
    assert took_s < MORE_S
    front.primary.start()
    wait_seen(front, "second")
    wait_seen(front, "first")
    front.assert_same()
    with paused(front.primary):  # it is waited for again
        later = front.begin(front.message([("third", 60, "A", "192.0.2.1")]))
        wait_for(lambda: front.mirrored("third"), "the third to be in the mirror")
        assert not later.done()
    assert later.result().rcode == "NOERROR"
    assert front.seen("third") == {"192.0.2.1"}


def test_wait_survives_a_kill(make):
    front = make("wait")
    front.primary.kill()
    assert front.update(add=[("host", 60, "A", "192.0.2.1")]) == "NOERROR"
    front.gateway.kill()
    front.primary.start()
    front.start_gateway()
    wait_seen(front, "host")
    assert front.mirrored("host") == {"192.0.2.1"}
    front.assert_same()


# ---- applied ----

def wait_applied(front, **changes):
    """The target may be too slow for ACK_TIMEOUT_S now and then: then nothing was done."""
    wait_for(lambda: front.update(**changes) == "NOERROR", f"{changes} to be applied")


def assert_withdrawn(front, name="host"):
    """It is nowhere, and stays so, also behind what comes later."""
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


def test_applied_is_withdrawn_if_the_primary_is_down(make):
    front = make("applied")
    front.primary.kill()
    reply, took_s = withdrawn_change(front)
    assert reply.rcode == "SERVFAIL"
    assert took_s < ACK_TIMEOUT_S + MORE_S
    front.primary.start()
    assert_withdrawn(front)


def test_what_was_withdrawn_stays_so_over_a_kill(make):
    front = make("applied")
    front.primary.kill()
    assert withdrawn_change(front)[0].rcode == "SERVFAIL"
    front.gateway.kill()
    front.primary.start()
    front.start_gateway()
    assert_withdrawn(front)


def test_what_hangs_when_the_gateway_is_killed_is_withdrawn_or_whole(make):
    front = make("applied", ack_timeout=LONG)
    with paused(front.primary):
        front.begin(front.message([("host", 60, "A", "192.0.2.1"),
                                   ("host", 60, "TXT", '"x"')]), timeout=1)
        wait_for(lambda: front.mirrored("host"), "it to be durable, or nearly")
        front.gateway.kill()
    front.start_gateway()
    front.wait_delivered()
    assert bool(front.seen("host")) == bool(front.seen("host", "TXT"))
    front.assert_same()


def test_applied_waits_until_it_is_there(make):
    front = make("applied", ack_timeout=LONG)
    with paused(front.primary):
        reply = front.begin(front.message([("host", 60, "A", "192.0.2.1")]))
        wait_for(lambda: front.mirrored("host"), "it to be in the mirror")
        assert not reply.done()
    assert reply.result() == ("NOERROR", None)
    assert front.seen("host") == {"192.0.2.1"}


def test_the_same_message_is_executed_anew_after_servfail(make):
    front = make("applied")
    signed = sign(front.message([("again", 60, "A", "192.0.2.1")]), front.admin)
    with paused(front.primary):
        assert front.gateway.exchange(signed.wire).rcode == "SERVFAIL"
    wait_applied(front, add=[("later", 60, "A", "192.0.2.1")])
    assert front.seen("again") == set()

    def is_executed():
        answer = front.gateway.exchange(signed.wire)  # the very same octets
        assert answer.is_authentic(signed)
        return answer.rcode == "NOERROR"

    wait_for(is_executed, "it to be applied")
    assert front.seen("again") == {"192.0.2.1"}
    # And now it has an answer that is repeated: nothing is done once more.
    wait_applied(front, delete=[("again",)])
    rows = len(front.gateway.audit())
    assert front.gateway.exchange(signed.wire).rcode == "NOERROR"
    assert front.seen("again") == set()
    assert len(front.gateway.audit()) == rows


# ---- durable ----

def test_durable_waits_for_nobody(make):
    front = make("durable", ack_timeout=LONG)
    with paused(front.primary):
        for last in range(3):
            reply, took_s = timed(front, [("host", 60, "A", f"192.0.2.{last}")])
            assert reply == ("NOERROR", None)
            assert took_s < MORE_S
        assert len(front.mirrored("host")) == 3
    wait_for(lambda: len(front.seen("host")) == 3, "all of them at the target")
    front.assert_same()


# ---- before there is a zone ----

@pytest.mark.parametrize("ack", ["wait", "applied", "durable"])
def test_a_gateway_that_could_not_load_says_so(kind, ack, tmp_path, gateways, admin):
    server = make_server(kind, tmp_path / kind)
    server.start()
    server.stop()
    front = Front(gateways, admin, [server], zone={"ack": ack})
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


def test_a_gateway_without_its_primary_stops_in_order(kind, tmp_path, gateways, admin):
    server = make_server(kind, tmp_path / kind)
    server.prepare()
    front = Front(gateways, admin, [server])
    front.gateway.start()
    wait_down(front)
    front.gateway.stop()
