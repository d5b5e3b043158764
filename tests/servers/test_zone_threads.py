"""Several zone threads: everything that one does for all zones, and what zones of different
threads have to do with each other.  ZONE_THREADS=3 runs all other tests with three of them."""

import contextlib
import itertools
import resource
import signal
import socket
import sqlite3
import threading

import dns.name
import dns.update
import pytest

from gateway import Udp, sign
from musterctl import controlled, ctl_json
from servers import wait_for

ZONES = [f"z{index}.example." for index in range(8)]
FORWARD, REVERSE = "forward.example.", "2.0.192.in-addr.arpa."
REVERSE_ZONE = f"""\
$ORIGIN {REVERSE}
$TTL 300
@ SOA ns.example. host.example. 1 3600 600 86400 60
@ NS ns.example.
"""


@pytest.fixture
def gateway(gateways, admin):
    return gateways(keys=[admin], zones={zone: {} for zone in ZONES}, zone_threads=3,
                    **controlled())


class Load:
    """One client for each zone, with one update on its way: host n gets address n."""

    def __init__(self, gateway, key, zones):
        self.gateway, self.key = gateway, key
        self.acknowledged = {zone: {} for zone in zones}  # host: addresses it may have
        self.answers = []
        self.is_stopping = False
        self.threads = [threading.Thread(target=self._run, args=(zone,)) for zone in zones]
        for thread in self.threads:
            thread.start()

    def _run(self, zone):
        with Udp(self.gateway.port) as client:
            for number in itertools.count():
                if self.is_stopping:
                    return
                self._update(client, zone, number)

    def _update(self, client, zone, number):
        host, address = f"h{number % 4}.{zone}", f"192.0.2.{number % 250}"
        message = dns.update.UpdateMessage(zone)
        message.replace(host, 60, "A", address)
        maybe = self.acknowledged[zone].setdefault(host, {None})
        try:
            client.send(sign(message, self.key).wire)
            maybe.add(address)
            rcode = self._receive(client).rcode
        except OSError:
            return  # it has been killed
        self.answers.append(rcode)
        if rcode == "NOERROR":
            self.acknowledged[zone][host] = {address}
        else:
            maybe.discard(address)

    def _receive(self, client):
        """A client that is stopped does not wait for ever."""
        for _ in range(100):
            try:
                return client.receive(0.3)
            except socket.timeout:
                if self.is_stopping:
                    raise
        raise AssertionError("no answer")

    def wait_for(self, rcode, count):
        """So many more of these answers."""
        goal = self.answers.count(rcode) + count
        wait_for(lambda: self.answers.count(rcode) >= goal, f"{count} times {rcode}")

    def is_acknowledged(self, *zones):
        """Has an update of one of them been?"""
        return any(None not in maybe for zone in zones
                   for maybe in list(self.acknowledged.get(zone, {}).values()))

    def stop(self):
        self.is_stopping = True
        for thread in self.threads:
            thread.join()

    def assert_kept(self):
        for zone, hosts in self.acknowledged.items():
            for host, maybe in hosts.items():
                found = self.gateway.records(host, "A") or {None}
                assert len(found) == 1 and found <= maybe, f"{host}: {found}, not {maybe}"
            assert hosts, zone


def audit(gateway):
    return ctl_json(gateway, "audit", "--limit", "1000")["rows"]


# ---- many zones ----

def test_what_was_acknowledged_stays_whatever_their_number(gateway, admin):
    """Killed with three, started with one, stopped, started with two."""
    load = Load(gateway, admin, ZONES)
    load.wait_for("NOERROR", 200)
    load.is_stopping = True
    gateway.kill()
    load.stop()
    for count in 1, 2:
        gateway.settings["zone_threads"] = count
        gateway.prepare()
        gateway.start()
        load.assert_kept()
        gateway.stop()


def test_a_reload_while_they_work(gateway, admin):
    load = Load(gateway, admin, ZONES[:4])
    for gone in ZONES[4:6], ZONES[6:]:
        for zone in gone:
            del gateway.zones[zone]
        assert "configuration reloaded" in gateway.reconfigure()
        load.wait_for("NOERROR", 50)
    for zone in ZONES[4:]:
        gateway.zones[zone] = {}
    assert "configuration reloaded" in gateway.reconfigure()
    for zone in ZONES[4:]:
        host = (f"new.{zone}", 60, "A", "192.0.2.1")
        wait_for(lambda: gateway.update(zone, [host], key=admin) == "NOERROR", zone)
    load.stop()
    assert set(load.answers) == {"NOERROR"}
    load.assert_kept()


def zones_by_number(first, count):
    return {f"s{number}.example.": {} for number in range(first, first + count)}


@pytest.mark.parametrize("count", [1, 3])
def test_killed_while_a_reload_opens_and_closes_many(gateways, admin, count):
    """What was acknowledged is there again, also in zones that the reload had just opened or
    was about to close, and each zone is in one thread."""
    stay, go, come = ZONES[:2], zones_by_number(0, 100), zones_by_number(100, 200)
    gateway = gateways(keys=[admin], zones={**{zone: {} for zone in stay}, **go},
                       zone_threads=count, **controlled())
    ends = [*go][::33] + [*come][::66]
    load = Load(gateway, admin, [*stay, *ends])
    load.wait_for("NOERROR", 100)
    for zone in go:
        del gateway.zones[zone]
    gateway.zones.update(come)
    gateway.prepare()
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: load.is_acknowledged(*come), "one to open")
    load.is_stopping = True
    gateway.kill()
    load.stop()
    gateway.zones.update(go)
    gateway.prepare()
    gateway.start()
    wait_for(lambda: all(gateway.query(zone, "SOA").answer for zone in gateway.zones), "all")
    load.assert_kept()
    zones = [zone["zone"] for zone in ctl_json(gateway, "zones")["zones"]]
    assert sorted(zones) == sorted(gateway.zones)


def fill(gateway, zone, count):
    """Hosts h000000 and so on, with a lease and a record each, while it is stopped."""
    apex = dns.name.from_text(zone).to_wire()
    number = gateway.rows("SELECT id FROM zones WHERE name = ?", apex)[0]["id"]
    owners = [(b"\7h%06d" % index + apex,) for index in range(count)]
    with contextlib.closing(sqlite3.connect(gateway.database)) as database, database:
        database.executemany(
            f"INSERT INTO records VALUES ({number}, ?, 1, 60, 1, x'0004c0000201')", owners)
        database.executemany(
            f"INSERT INTO leases VALUES ({number}, ?, 1, x'c0000201', x'0561646d696e00', NULL,"
            " 3600, 0, 0, 0)", owners)


def test_a_large_zone_is_opened_beside_others(gateways, admin):
    """No answer of another zone of its thread waits until it has been read."""
    large, hosts = ZONES[1], 100000
    gateway = gateways(keys=[admin], zones={zone: {} for zone in ZONES[:2]}, zone_threads=1,
                       **controlled())
    gateway.stop()
    fill(gateway, large, hosts)
    del gateway.zones[large]
    gateway.prepare()
    gateway.start()
    load = Load(gateway, admin, ZONES[:1])
    load.wait_for("NOERROR", 10)
    gateway.zones[large] = {}
    assert "configuration reloaded" in gateway.reconfigure()
    before = len(load.answers)
    wait_for(lambda: gateway.records(f"h{hosts - 1:06}.{large}", "A"), "the large zone")
    assert len(load.answers) - before >= 6  # it was one
    load.stop()
    assert set(load.answers) == {"NOERROR"}
    zones = {zone["zone"]: zone for zone in ctl_json(gateway, "zones")["zones"]}
    assert zones[large]["leases"] == hosts


def test_control_sees_all_of_them(gateway, admin):
    for zone in ZONES:
        assert gateway.update(zone, [(f"a.{zone}", 60, "A", "192.0.2.1")], key=admin) \
            == "NOERROR"
    zones = ctl_json(gateway, "zones")["zones"]
    assert {zone["zone"]: zone["totals"]["updates"] for zone in zones} == \
        {zone: 1 for zone in ZONES}
    rows = audit(gateway)
    assert {row["zone"] for row in rows if row["request"]} == set(ZONES)


# ---- the database fails ----

def test_a_failing_commit_takes_back_what_each_of_them_had(gateway, admin):
    load = Load(gateway, admin, ZONES)
    load.wait_for("NOERROR", 100)
    _, most = resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (4096, most))
    load.wait_for("SERVFAIL", 2 * len(ZONES))
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (most, most))
    load.wait_for("NOERROR", 10 * len(ZONES))
    load.stop()
    load.assert_kept()
    gateway.kill()
    gateway.start()
    load.assert_kept()
    log = gateway.log()
    assert log.count("the database fails") == log.count("the database works again") >= 1


# ---- the memory of requests ----

def signed_once(zone, admin):
    message = dns.update.UpdateMessage(zone)
    message.add(f"once.{zone}", 60, "A", "192.0.2.1")
    message.absent(f"once.{zone}")
    return sign(message, admin)


def assert_is_not_executed_again(gateway, requests):
    for zone, request in requests.items():
        answer = gateway.exchange(request.wire)
        assert answer.rcode == "NOERROR" and answer.is_authentic(request)
        assert gateway.records(f"once.{zone}", "A") == set()


def test_a_replay_is_known_whatever_their_number(gateway, admin):
    requests = {zone: signed_once(zone, admin) for zone in ZONES}
    for zone, request in requests.items():
        assert gateway.exchange(request.wire).rcode == "NOERROR"
        assert gateway.update(zone, delete=[(f"once.{zone}",)], key=admin) == "NOERROR"
    assert_is_not_executed_again(gateway, requests)
    for count, end in (1, gateway.stop), (2, gateway.kill):
        end()
        gateway.settings["zone_threads"] = count
        gateway.prepare()
        gateway.start()
        assert_is_not_executed_again(gateway, requests)


# ---- PTR records ----

def rules(admin, ptr):
    return [{"keys": [admin.name], "match": "zone", "types": ["ANY"], "ptr": ptr,
             "lease": {"default": "1h"}}]


def test_a_zone_moves_to_where_ptr_records_are(gateways, admin):
    """Its first rule with ptr comes while it is at work; a message that is replayed then
    is still recognised."""
    zones = {FORWARD: {"allow": rules(admin, False)}, REVERSE: {}, ZONES[0]: {}}
    gateway = gateways.make(keys=[admin], zones=zones, zone_threads=3)
    gateway.write(f"{REVERSE.rstrip('.')}.seed", REVERSE_ZONE)
    gateway.start()
    request = signed_once(FORWARD, admin)
    assert gateway.exchange(request.wire).rcode == "NOERROR"
    assert gateway.update(FORWARD, delete=[(f"once.{FORWARD}",)], key=admin) == "NOERROR"
    load = Load(gateway, admin, [ZONES[0]])
    gateway.zones[FORWARD] = {"allow": rules(admin, True)}
    assert "configuration reloaded" in gateway.reconfigure()
    host = (f"host.{FORWARD}", 60, "A", "192.0.2.7")
    wait_for(lambda: gateway.update(FORWARD, [host], key=admin) == "NOERROR", "the zone")
    assert gateway.records(f"7.{REVERSE}", "PTR") == {f"host.{FORWARD}"}
    assert_is_not_executed_again(gateway, {FORWARD: request})
    # The rule goes, and its PTR records still follow.
    gateway.zones[FORWARD] = {"allow": rules(admin, False)}
    assert "configuration reloaded" in gateway.reconfigure()
    assert gateway.update(FORWARD, delete=[(f"host.{FORWARD}",)], key=admin) == "NOERROR"
    wait_for(lambda: not gateway.records(f"7.{REVERSE}", "PTR"), "the PTR record to go")
    load.stop()
    assert set(load.answers) == {"NOERROR"}
