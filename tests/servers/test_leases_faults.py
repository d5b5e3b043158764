"""Every call that can fails, once, in turn, while leases begin, are refreshed, written and end:
records and leases always agree, and nobody loses what was promised.

FAULTS=all in the environment: every call instead of every place that calls.
"""

import dns.message

import faults
from faults import ask
from front import NAME, full
from leased import Leased
from servers import wait_for

TURNS_MAX = faults.LIMIT if faults.EXHAUSTIVE else 15  # where a turn takes seconds
TURNS_FEW = faults.LIMIT if faults.EXHAUSTIVE else 5   # or ten


def begin(faulty, admin, lease, grace="0s", **options):
    return Leased(faulty, admin, lease={"default": lease, "min": "1s"}, threads=1,
                  zone={"expiry": {"brake_count": 0, "grace": grace}}, **options).start()


def put(front, name, address):
    message = front.message([(name, 60, "A", address)], [(name, "A")])
    return ask(front.gateway, message, front.admin).rcode


def is_there(front, name):
    """Asked until there is an answer, and not SERVFAIL."""
    while True:
        answer = ask(front.gateway, dns.message.make_query(full(name), "A"))
        if answer.rcode != "SERVFAIL":
            return bool(answer.rrs)


def assert_same_as_records(front):
    """All hosts are leased, in memory and in the database."""
    hosts = {line.split(".")[0] for line in front.content(front.gateway)
             if line.startswith("f")}
    found = f"{hosts} {front.lease_hosts()}; {front.gateway.last_fault()}"
    assert hosts == front.lease_hosts(), found


def assert_still_same_after_a_restart(front):
    before = front.leases()
    front.gateway.restart()
    front.wait_loaded()
    assert_same_as_records(front)
    assert front.leases() == before


def test_beginnings(faulty, admin):
    front = begin(faulty, admin, "1h")
    possible = set()
    for turn in front.gateway.faults():
        address = f"192.0.2.{turn % 250}"
        rcode = put(front, f"f{turn % 7}", address)
        assert rcode in ("NOERROR", "SERVFAIL"), front.gateway.last_fault()
        front.gateway.control.disarm()
        assert put(front, "f-other", address) == "NOERROR", front.gateway.last_fault()
        if rcode == "NOERROR":
            possible.add(f"f{turn % 7}")
            assert front.mirrored(f"f{turn % 7}") == {address}
        assert_same_as_records(front)
    assert possible <= front.lease_hosts()
    assert_still_same_after_a_restart(front)


def test_expiry(faulty, admin):
    front = begin(faulty, admin, "1s")
    for turn in front.gateway.faults(limit=TURNS_MAX):
        front.gateway.control.disarm()
        assert put(front, f"f{turn}", "192.0.2.1") == "NOERROR"
        front.gateway.control.arm(faults.ALL, turn if faults.EXHAUSTIVE else 0)
        wait_for(lambda: front.gateway.control.failed() or not front.lease_hosts(), "a fault")
        wait_for(lambda: not front.lease_hosts(), f"the end; {front.gateway.last_fault()}", 40)
        front.gateway.control.disarm()
        assert not front.mirrored(f"f{turn}")
        assert_same_as_records(front)
    assert front.gateway.met
    assert_still_same_after_a_restart(front)


def test_refreshes_do_without_the_database(faulty, admin):
    front = begin(faulty, admin, "1h")
    assert put(front, "f1", "192.0.2.1") == "NOERROR"
    front.gateway.control.arm(faults.DATABASE)
    for _ in range(100):
        assert put(front, "f1", "192.0.2.1") == "NOERROR"
    assert front.gateway.control.disarm() is None, "no call of SQLite's was made"


def test_stale_and_back(faulty, admin):
    """What was acknowledged keeps the host, though the store fails to hear of it."""
    front = begin(faulty, admin, "2s", "1h")
    control = front.gateway.control
    assert put(front, "f1", "192.0.2.1") == "NOERROR"
    for _ in front.gateway.faults(limit=TURNS_FEW):
        stale = len(front.events("stale"))
        wait_for(lambda stale=stale: control.failed() or len(front.events("stale")) > stale,
                 f"it to go stale; {front.gateway.last_fault()}")
        while put(front, "f1", "192.0.2.1") != "NOERROR":
            pass
        assert is_there(front, "f1"), front.gateway.last_fault()
    assert_same_as_records(front)
    assert ("expired", full("f1")) not in front.events()


def test_ends_and_starts(faulty, admin):
    front = begin(faulty, admin, "1h")
    assert put(front, "f1", "192.0.2.1") == "NOERROR"
    before = front.leases()
    gateway = front.gateway
    kinds = faults.DATABASE | faults.DISK | faults.MEMORY
    for _ in gateway.faults(kinds, limit=TURNS_MAX):
        gateway.stop()
        gateway.control.disarm()
        front.start_gateway()
        assert front.leases() == before, NAME
        assert_same_as_records(front)
        assert put(front, "f1", "192.0.2.1") == "NOERROR"
