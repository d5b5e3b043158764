"""Leases when something is wrong: the gateway is killed or stopped, a target is away,
refuses, or is changed by others, too much ends at once.  No host is removed by mistake.

KILL_ROUNDS and KILL_SEED as in test_kill.py.
"""

import glob
import os
import random
import re
import threading
import time

import pytest

from front import NAME, full, is_installed, make_server
from leased import REVERSE, SHORT, Leased
from musterctl import ask_http, controlled, ctl, ctl_json
from servers import wait_for

ROUNDS = int(os.environ.get("KILL_ROUNDS", "2"))
SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)
HOSTS = range(1, 101)
NO_BRAKE = {"brake_count": 0}


def needs(kind):
    if kind != "local" and not is_installed(kind):
        pytest.skip(f"{kind} is not installed")


def after(seconds):
    """A condition that comes true then."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


@pytest.fixture
def make(tmp_path, gateways, admin):
    """make(kind, ...): a running front, whose server ends with the test."""
    fronts = []

    def begin(*kinds, servers=None, start=True, **options):
        for kind in kinds:
            needs(kind)
        if servers is None:
            servers = [make_server(kind, tmp_path / f"{kind}{index}")
                       for index, kind in enumerate(kinds) if kind != "local"]
        options.setdefault("lease", SHORT)
        if servers:
            options.setdefault("targets", {"timeout": "1s"})
        front = Leased(gateways, admin, servers, **options)
        fronts.append(front)
        return front.start() if start else front

    yield begin
    for front in fronts:
        front.stop()


# ---- kill -9 ----

def hosts_of(front):
    return {line.split(".")[0] for line in front.content(front.gateway)
            if re.match(r"h\d+\.", line)}


@pytest.mark.parametrize("kind", ["local", "bind"])
def test_killed_while_hosts_expire(make, kind):
    """Records and leases agree whenever that was: what is left has its lease, and expires by
    it."""
    print(f"KILL_SEED={SEED}")
    draw = random.Random(SEED)
    front = make(kind, lease={"default": "1s", "min": "1s"}, zone={"expiry": NO_BRAKE})
    for _ in range(ROUNDS):
        for first in range(0, len(HOSTS), 10):
            front.put(*HOSTS[first:first + 10])
        goal = draw.randrange(0, len(HOSTS))
        wait_for(lambda goal=goal: len(hosts_of(front)) <= goal, "some to expire")
        wait_for(after(draw.random() / 20), "a moment")
        front.gateway.kill()
        front.start_gateway()
        wait_for(lambda: hosts_of(front) == front.lease_hosts(), "records and leases to agree",
                 5)
        front.wait_gone("h1", f"h{HOSTS[-1]}", timeout_s=40)
        wait_for(lambda: not hosts_of(front), "the others")
        wait_for(lambda: not front.lease_hosts(), "their leases")
    if front.servers:
        front.assert_same()


# ---- targets ----

@pytest.mark.parametrize("kind", ["bind", "knot", "pdns-sqlite"])
def test_a_target_that_is_away_is_caught_up(make, kind):
    front = make(kind)
    front.put(1, 2)
    front.put(3, lease=8)
    server = front.primary
    server.stop()

    def are_others_gone():
        """Hosts are heard while the target is away: leases go on, and are refreshed."""
        front.put(3, lease=8)
        return not front.mirrored("h1") and not front.mirrored("h2")

    wait_for(are_others_gone, "the end")
    wait_for(lambda: front.lease_hosts() == {"h3"}, "the end of the leases")
    assert front.mirrored("h3")
    server.start()
    front.wait_gone("h1", "h2")
    assert front.seen("h3") == {"192.0.2.3"}
    front.assert_same()


# ---- the brake ----

def test_the_brake(make):
    """What lease-brake.scn cannot see: who is told, and by whom expiry goes on."""
    front = make("local", zone={"expiry": {"brake_count": 20, "brake_percent": 50}},
                 **controlled())
    assert ask_http(front.gateway, "GET", "/health")[0] == 200
    front.put(*range(1, 41))
    front.put(50, lease=3600)
    wait_for(lambda: "expiry has stopped" in front.gateway.log(), "the brake")
    wait_for(lambda: ("brake", None) in front.events(), "its row")
    assert len(hosts_of(front)) == 41
    status, _, body = ask_http(front.gateway, "GET", "/health")
    assert status == 503 and "expiry has stopped" in body
    assert ctl(front.gateway, "resume", NAME).code == 0
    wait_for(lambda: len(hosts_of(front)) == 1, "the others to go")
    assert ask_http(front.gateway, "GET", "/health")[0] == 200


# ---- the database is lost ----

def lose_database(front):
    front.gateway.stop()
    for path in glob.glob(front.gateway.path("muster.db*")):
        os.remove(path)
    front.start_gateway()


def warnings(front):
    return "\n".join(ctl_json(front.gateway, "status")["warnings"])


def test_leases_are_given_again_after_the_database_was_lost(make, tmp_path):
    """Records that had leases are still at the server; the gateway says so, and adopt
    gives them leases again."""
    needs("bind")
    server = make_server("bind", tmp_path / "bind")
    front = make(servers=[server], reverse=True, start=False, lease=None, rules={
        "hosts.": {"types": ["A"], "lease": {"default": "4s", "min": "1s"}, "ptr": True}})
    with open(front.gateway.zones[REVERSE]["targets"][0]["file"]) as file:
        server.zones[REVERSE] = file.read()
    front.gateway.zones[REVERSE]["targets"] = front.gateway.zones[NAME]["targets"]
    front.gateway.settings["control"] = "control.sock"
    front.start()
    wait_for(lambda: front.gateway.records(REVERSE, "NS"), "the reverse zone")
    front.wait_accepted(front.message([("h1", 60, "A", "192.0.2.1")]), "hosts.", 3600)
    wait_for(lambda: server.records(f"1.{REVERSE}", "PTR"), "its PTR record")
    front.change([("kept", 60, "TXT", '"permanent"')])
    records = front.content(front.gateway)

    lose_database(front)
    assert "permanent, although the rules would give leases" in front.gateway.log()
    assert front.leases() == {}
    assert "musterctl adopt" in warnings(front)
    assert "unleased" in [row["event"] for row in ctl_json(front.gateway, "audit")["rows"]]

    dry = ctl_json(front.gateway, "adopt", "--dry-run", NAME, "h1.*")
    assert dry["dry_run"] and dry["leases"] == 1
    assert (dry["records"][0]["data"], dry["records"][0]["key"]) == ("192.0.2.1", "hosts.")
    assert front.leases() == {} and "musterctl adopt" in warnings(front)
    assert ctl_json(front.gateway, "adopt", NAME, "nobody*")["leases"] == 0

    output = ctl(front.gateway, "adopt", NAME, "h1.*").output
    assert "1 record of 1 name under a lease from now on" in output
    assert front.leases() == {("h1", "A", "192.0.2.1"): 4}
    wait_for(lambda: ("1", "PTR", full("h1")) in front.leases(REVERSE), "that of the PTR record")
    assert "musterctl adopt" not in warnings(front)
    row = [row for row in ctl_json(front.gateway, "audit")["rows"]
           if row["event"] == "adopted"][-1]
    assert "1 lease of 1 name: adopted by user id" in row["reason"]
    assert front.content(front.gateway) == records, "no record is touched"
    # Whoever does not refresh goes; what the rules do not lease stays.
    front.wait_gone("h1")
    wait_for(lambda: not server.records(f"1.{REVERSE}", "PTR"), "its PTR record to go")
    assert front.seen("kept", "TXT")
    # The second start knows the zone.
    count = front.gateway.log().count("that the rules would give")
    front.gateway.restart()
    assert front.gateway.log().count("that the rules would give") == count


# ---- beside everything else ----

def test_updates_go_on_while_hundreds_expire(make):
    front = make("local", lease={"default": "2s", "min": "1s"}, zone={"expiry": NO_BRAKE})
    for first in range(0, 1000, 50):
        front.change([(f"h{n}", 60, "A", "192.0.2.1") for n in range(first, first + 50)])
    stop = threading.Event()
    rcodes = []

    def work():
        number = 0
        while not stop.is_set():
            number += 1
            rcodes.append(front.send(front.message(
                [(f"busy{number % 7}", 60, "TXT", f'"{number}"')])).rcode)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        wait_for(lambda: not hosts_of(front), "all to expire", 40)
    finally:
        stop.set()
        worker.join()
    assert set(rcodes) == {"NOERROR"}
    assert len(front.batches()) >= 1000 // 128
