"""Leases when something is wrong: the gateway is killed or stopped, a target is away, refuses,
or is changed by others, too much ends at once.  Nobody is struck off by mistake.

KILL_ROUNDS and KILL_SEED as in test_kill.py.
"""

import glob
import os
import random
import re
import shutil
import threading
import time

import pytest

from front import NAME, full, is_installed, make_server, paused
from leased import REVERSE, SHORT, Leased
from musterctl import ask_http, controlled, ctl, ctl_json
from servers import Bind, wait_for

ROUNDS = int(os.environ.get("KILL_ROUNDS", "2"))
SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)
KINDS = ["local", "bind", "knot", "pdns-sqlite"]
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


@pytest.mark.parametrize("kind", KINDS)
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


def test_killed_after_a_refresh(make):
    """What was acknowledged is kept for as long as was promised."""
    front = make("local", lease={"default": "4s", "min": "1s"})
    front.put(1)
    stored = front.lease_rows()
    wait_for(after(2), "half a lease")
    front.put(1)
    end = time.monotonic() + 4
    assert front.lease_rows() == stored
    front.gateway.kill()
    front.start_gateway()
    while time.monotonic() < end:
        assert front.mirrored("h1") == {"192.0.2.1"}
        time.sleep(0.1)
    front.wait_gone("h1", timeout_s=30)


@pytest.mark.parametrize("backup", [False, True])
def test_a_heartbeat_that_nobody_heard(make, tmp_path, backup):
    """Most of the lease is over at the end; what was said in between is lost, or in another
    database than the one that is put back."""
    front = make("local", lease={"default": "6s", "min": "1s"})
    front.put(1)
    wait_for(after(4), "most of the lease")
    front.gateway.stop()
    if backup:
        copy = shutil.copy(front.gateway.database, tmp_path / "backup.db")
        front.start_gateway()
        front.put(1)
        front.gateway.stop()
        for path in glob.glob(f"{front.gateway.database}-*"):
            os.unlink(path)
        shutil.copy(copy, front.gateway.database)
    front.start_gateway()
    wait = after(4)
    while not wait():
        assert front.mirrored("h1") == {"192.0.2.1"}
        time.sleep(0.1)
    front.wait_gone("h1")


# ---- time ----

def test_stopped_for_longer_than_the_lease(make):
    front = make("local")
    front.put(1, lease=10)
    with paused(front.gateway):
        wait_for(after(12), "the lease to be over")
    assert front.mirrored("h1") == {"192.0.2.1"}
    front.put(1, lease=10)
    wait_for(after(2), "whoever expires late")
    assert front.mirrored("h1") == {"192.0.2.1"}
    front.put(2)
    front.wait_gone("h2")


def test_who_spoke_while_it_was_stopped_is_heard_first(make):
    """The refresh lies in the socket when the lease has run out."""
    front = make("local")
    front.put(1, lease=3)
    with paused(front.gateway):
        refresh = front.begin(front.message([("h1", 60, "A", "192.0.2.1")]))
        wait_for(after(9), "the lease to be over")
    assert refresh.result().rcode == "NOERROR"
    assert ("expired", full("h1")) not in front.events()
    front.wait_gone("h1")


# ---- targets ----

@pytest.mark.parametrize("kind", KINDS[1:])
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


def test_time_stands_still_while_a_zone_is_not_loaded(make):
    front = make("bind")
    front.put(1, lease=3)
    front.gateway.stop()
    front.primary.stop()
    front.gateway.start()
    wait_for(after(4), "the lease to be over")
    assert front.lease_hosts() == {"h1"}
    front.primary.start()
    front.wait_loaded()
    assert front.mirrored("h1") == {"192.0.2.1"}
    front.wait_gone("h1")


class PickyBind(Bind):
    """BIND that lets nobody delete at h66, once it has been told so."""

    def forbid(self):
        with open(self.path("named.conf")) as file:
            config = file.read()
        key = self.keys[0].name
        self.write("named.conf", re.sub(
            r"allow-update {[^}]*};", f"update-policy {{ deny {key} name {full('h66')} ANY; "
            f"grant {key} zonesub ANY; }};", config))
        self.stop()
        self.start()


def test_what_a_target_refuses_comes_back_with_its_lease(make, tmp_path):
    needs("bind")
    server = PickyBind(tmp_path / "picky", keys=make_server("bind", tmp_path / "picky").keys)
    front = make(servers=[server], lease={"default": "3s", "min": "1s"})
    front.put(65, 66, 67)
    server.forbid()
    wait_for(lambda: front.set_aside(), "a refusal", 40)
    wait_for(lambda: front.lease_hosts() and front.mirrored("h66"), "it to come back")
    # By themselves the others expire.
    front.wait_gone("h65", "h67", timeout_s=40)
    wait_for(lambda: front.lease_hosts() == {"h66"} or not front.lease_hosts(), "the rest")
    assert front.seen("h66") == {"192.0.2.66"}
    assert front.lease_hosts() <= {"h66"}
    wait_for(lambda: front.mirrored("h66") == {"192.0.2.66"}, "it to come back again")


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_withdrawn_update_takes_its_lease_along(make, kind):
    front = make(kind, zone={"ack": "applied", "ack_timeout": "200ms"}, lease={"default": "1h"})
    front.wait_accepted(front.message([("h1", 60, "A", "192.0.2.1")]), lease=3600)
    before = front.leases()
    with paused(front.primary):
        assert front.ask(front.message([("h2", 60, "A", "192.0.2.2")]))[0] == "SERVFAIL"
        assert front.ask(front.message(delete=[("h1", "A")]))[0] == "SERVFAIL"
        assert front.leases() == before
    front.assert_same()
    assert front.leases() == before
    assert front.seen("h1") == {"192.0.2.1"}
    front.assert_agreement()


def theirs(server, add=(), delete=()):
    assert server.update(add=[(full(name), *rest) for name, *rest in add],
                         delete=[(full(name), *rest) for name, *rest in delete]) == "NOERROR"


@pytest.mark.parametrize("kind", ["bind", "knot"])
def test_what_others_delete_has_no_lease_any_more(make, kind):
    front = make(kind, lease={"default": "1h"}, zone={"refresh": "1s"})
    front.put(1, 2)
    theirs(front.primary, delete=[("h1", "A")])
    wait_for(lambda: front.lease_hosts() == {"h2"}, "the lease to end")
    # What they add there is theirs.
    theirs(front.primary, add=[("h1", 60, "A", "192.0.2.1")])
    wait_for(lambda: front.mirrored("h1"), "it to be seen")
    front.put(1)
    assert front.lease_hosts() == {"h2"}


def test_what_others_delete_while_the_gateway_is_away(make):
    front = make("bind", lease={"default": "1h"})
    front.put(1, 2)
    front.gateway.stop()
    theirs(front.primary, delete=[("h1", "A")])
    front.start_gateway()
    wait_for(lambda: front.lease_hosts() == {"h2"}, "the lease to end")


def test_waiting_updates_that_are_judged_again_keep_their_leases(make):
    front = make("bind", lease={"default": "1h"}, zone={"ack_timeout": "20s",
                                                        "refresh": "1h"})
    front.put(1)
    message = front.message([("new", 60, "A", "192.0.2.9")])
    message.absent("new")
    late = front.message([("h2", 60, "A", "192.0.2.2")])
    theirs(front.primary, add=[("new", 60, "A", "192.0.2.66")])
    with paused(front.primary):
        replies = [front.begin(message)]
        wait_for(lambda: front.mirrored("new"), "the first to be accepted")
        replies.append(front.begin(late))
        wait_for(lambda: front.mirrored("h2"), "the second to be accepted")
    assert [reply.result().rcode for reply in replies] == ["YXDOMAIN", "NOERROR"]
    wait_for(lambda: front.lease_hosts() == {"h1", "h2"}, "the leases of what is there")
    front.assert_same()


def test_both_targets_lose_what_expires(make):
    front = make("bind", "pdns-sqlite")
    front.put(1, 2)
    for server in front.servers:
        wait_for(lambda server=server: server.records(full("h1"), "A"), "it to be there")
    for server in front.servers:
        wait_for(lambda server=server: not server.records(full("h1"), "A"), "it to be gone")
    front.assert_same()


# ---- the brake ----

def test_the_brake(make):
    front = make("local", zone={"expiry": {"brake_count": 20, "brake_percent": 50}},
                 **controlled())
    assert ask_http(front.gateway, "GET", "/health")[0] == 200
    front.put(*range(1, 41))
    front.put(50, lease=3600)
    wait_for(lambda: "expiry has stopped" in front.gateway.log(), "the brake")
    wait_for(after(2), "whatever goes in spite of it")
    assert len(hosts_of(front)) == 41
    assert ("brake", None) in front.events()
    status, _, body = ask_http(front.gateway, "GET", "/health")
    assert status == 503 and "expiry has stopped" in body
    # A restart changes nothing: they are as overdue as before.
    front.gateway.restart()
    wait_for(lambda: front.gateway.log().count("expiry has stopped") == 2, "the brake")
    assert len(hosts_of(front)) == 41
    # But when they speak again, it goes on, and for a few there is none.
    front.put(*range(1, 41), lease=3600)
    wait_for(lambda: ("resumed", None) in front.events(), "expiry to go on")
    front.put(60)
    front.wait_gone("h60")
    wait_for(lambda: len(hosts_of(front)) == 41, "the others to be all there are")


def test_the_brake_is_taken_out(make):
    front = make("local", zone={"expiry": {"brake_count": 20, "brake_percent": 50}})
    front.put(*range(1, 41))
    wait_for(lambda: ("brake", None) in front.events(), "the brake")
    front.gateway.zones[NAME]["expiry"] = NO_BRAKE
    front.gateway.reconfigure()
    wait_for(lambda: not hosts_of(front), "all to expire")
    assert ("resumed", None) in front.events()


# ---- the configuration changes ----

# ---- the database is lost ----

def lose_database(front):
    front.gateway.stop()
    for path in glob.glob(front.gateway.path("muster.db*")):
        os.remove(path)
    front.start_gateway()


def warnings(front):
    return "\n".join(ctl_json(front.gateway, "status")["warnings"])


def test_leases_are_given_again_after_the_database_was_lost(make, tmp_path):
    """What was under leases is at the server still; that is said, and can be mended."""
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
    assert "without the lease that the rules would give" in front.gateway.log()
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


def test_a_zone_that_is_removed_and_added_again(make):
    front = make("local")
    front.put(1, lease=6)
    zone = front.gateway.zones.pop(NAME)
    front.gateway.zones["other.example."] = {}
    front.gateway.reconfigure()
    wait_for(lambda: not front.mirrored("h1"), "the zone to be closed")
    wait_for(after(7), "the lease to be over")
    front.gateway.zones[NAME] = zone
    front.gateway.reconfigure()
    front.wait_loaded()
    assert front.mirrored("h1") == {"192.0.2.1"}
    front.wait_gone("h1")


def test_other_rules(make):
    """They hold from the next refresh on."""
    front = make("local", lease={"default": "1h"})
    front.put(1, 2)
    front.gateway.zones[NAME]["allow"][0]["lease"] = {"default": "2s", "min": "1s"}
    front.gateway.reconfigure()
    front.put(1)
    assert front.leases() == {("h1", "A", "192.0.2.1"): 2, ("h2", "A", "192.0.2.2"): 3600}
    front.wait_gone("h1")
    assert front.seen("h2") == {"192.0.2.2"}


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
