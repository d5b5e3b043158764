"""Many zones of one PowerDNS: what they ask is asked in turn, and none of them is called down
because of the others."""

import contextlib
import threading

import dns.update
import pytest

from front import API_KEY_FILE, PATIENCE, Wire, is_installed, write_secret
from gateway import Udp, sign
from musterctl import controlled, ctl, ctl_json, read_metrics
from servers import HOST, ZONE, PowerDNS, wait_for

MANY = 500
MOST_PLACES = 2 * 16  # POOL_MAX for reads and for writes
BACKENDS = [kind.partition("-")[2] for kind in ("pdns-sqlite", "pdns-lmdb")]

pytestmark = pytest.mark.skipif(
    not is_installed("pdns-sqlite"), reason="PowerDNS is not installed")


def zone_names(count):
    return [f"z{number}.example." for number in range(count)]


def make_server(folder, backend, **options):
    return PowerDNS(folder, backend={"sqlite": "gsqlite3"}.get(backend, backend), **options)


def fill(server, names):
    """Zones by the API: a program for each would take too long."""
    for name in names:
        answer = server.api("POST", "/servers/localhost/zones?rrsets=false", json={
            "name": name, "kind": "Native", "nameservers": [f"ns.{name}"],
            "soa_edit_api": "DEFAULT"})
        assert answer.status_code == 201, answer.text


def make_gateway(gateways, admin, server, names, urls, **options):
    zone = {"ack_timeout": PATIENCE, **options.pop("zone", {}), "targets": [
        {"type": "powerdns", "url": urls, "api_key_file": API_KEY_FILE,
         "timeout": options.pop("timeout", PATIENCE)}]}
    gateway = gateways.make(zones={name: zone for name in names}, keys=[admin],
                            **controlled(**options))
    write_secret(gateway.path(API_KEY_FILE), server.api_key)
    return gateway


def replace(gateway, key, zone, host, address, client=None):
    """The rcode."""
    message = dns.update.UpdateMessage(zone)
    message.replace(host, 60, "A", address)
    with contextlib.ExitStack() as stack:
        client = client or stack.enter_context(Udp(gateway.port))
        client.send(sign(message, key).wire)
        return client.receive(60).rcode


def is_loaded(gateway, name):
    return bool(gateway.query(name, "SOA").answer)


def wait_loaded(gateway, names):
    wait_for(lambda: all(zone["state"] == "ready" for zone in
                         ctl_json(gateway, "zones")["zones"]), "all zones to be loaded", 120)
    assert len(ctl_json(gateway, "zones")["zones"]) >= min(len(names), 100)


def failures(gateway):
    return [line for line in gateway.log().splitlines() if " fails: " in line]


# ---- writers ----

def check_counts(gateway, target, names, backend):
    """What the server and its zones have been sent is shown."""
    (server,) = ctl_json(gateway, "targets")["servers"]
    assert (server["target"], server["state"]) == (target, "up")
    assert server["writes"]["total"] >= len(names)
    assert (server["writes"]["limit"] == 1) == (backend == "sqlite")
    values = read_metrics(gateway)
    for kind in "read", "write":
        labels = f'target="{target}",kind="{kind}"'
        assert values[f"muster_server_requests_total{{{labels}}}"] >= len(names)
        assert values[f"muster_server_requests_limit{{{labels}}}"] >= 1
        assert values[f"muster_server_requests_waiting{{{labels}}}"] == 0
    batches = [values[f'muster_target_requests_total{{zone="{name}",target="{target}"}}']
               for name in names]
    assert all(1 <= count <= 40 for count in batches)
    text = ctl(gateway, "targets").output
    assert text.count(target) == len(names) + 1 and "waiting" in text


@pytest.mark.parametrize("backend", BACKENDS)
def test_ten_zones_write_at_once(gateways, admin, tmp_path, backend):
    names = zone_names(10)
    rcodes = []

    def work(gateway, zone):
        with Udp(gateway.port) as client:
            rcodes.extend(replace(gateway, admin, zone, f"h{n % 3}", f"192.0.2.{n}", client)
                          for n in range(40))

    with make_server(tmp_path / "pdns", backend, zones={}) as server:
        fill(server, names)
        gateway = make_gateway(gateways, admin, server, names, server.url, zone_threads=3)
        gateway.start()
        wait_loaded(gateway, names)
        threads = [threading.Thread(target=work, args=(gateway, zone)) for zone in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert rcodes == ["NOERROR"] * 400
        for zone in names:
            assert server.records(f"h0.{zone}", "A") == {"192.0.2.39"}
        assert "locked" not in server.log() and "HTTP ISE" not in server.log()
        assert not failures(gateway)
        check_counts(gateway, f"powerdns {server.url} localhost", names, backend)


# ---- many zones ----

def test_500_zones_ask_in_turn(gateways, admin, tmp_path):
    names = zone_names(MANY)
    with make_server(tmp_path / "pdns", "lmdb", zones={}) as server, \
            Wire(server.api_port) as wire:
        fill(server, names)
        gateway = make_gateway(gateways, admin, server, names, f"http://{HOST}:{wire.port}",
                               zone={"refresh": "1s"}, timeout="5s", zone_threads=2)
        gateway.start()
        wait_loaded(gateway, names)
        before = wire.connections
        wait_for(lambda: wire.connections > before + 2 * MANY, "two rounds of probes", 120)
        for name in names[::100]:
            assert replace(gateway, admin, name, "host", "192.0.2.1") == "NOERROR"
        assert not failures(gateway)
        assert wire.most_open <= MOST_PLACES


def test_a_server_that_was_away_is_found_by_all_zones(gateways, admin, tmp_path):
    names = zone_names(20)
    with make_server(tmp_path / "pdns", "lmdb", zones={}) as server:
        fill(server, names)
        gateway = make_gateway(gateways, admin, server, names, server.url,
                               zone={"ack": "durable"})
        gateway.start()
        wait_loaded(gateway, names)
        server.kill()
        for name in names:
            assert replace(gateway, admin, name, "host", "192.0.2.7") == "NOERROR"
        wait_for(lambda: len(failures(gateway)) == len(names), "all zones to know it")
        server.start()
        wait_for(lambda: all(server.records(f"host.{name}", "A") for name in names),
                 "all zones to catch up")


# ---- several URLs ----

def places(gateway):
    """Those that are not the first of their targets."""
    return [target["at"] for target in ctl_json(gateway, "queue")["targets"]]


def test_the_next_url_is_used_when_one_cannot_be_reached(gateways, admin, tmp_path):
    name = "dyn.example."
    with make_server(tmp_path / "pdns", "sqlite", zones={name: ZONE}) as server, \
            Wire(server.api_port) as first, Wire(server.api_port) as second:
        urls = [f"http://{HOST}:{first.port}", f"http://localhost:{second.port}"]
        gateway = make_gateway(gateways, admin, server, [name], urls)
        gateway.start()
        wait_for(lambda: is_loaded(gateway, name), "the zone to be loaded")
        assert places(gateway) == []
        assert replace(gateway, admin, name, "host", "192.0.2.1") == "NOERROR"
        assert second.connections == 0
        first.close()
        assert replace(gateway, admin, name, "host", "192.0.2.2") == "NOERROR"
        assert server.records(f"host.{name}", "A") == {"192.0.2.2"}
        assert places(gateway) == [urls[1]]
        assert "is reached at" in str(ctl_json(gateway, "status")["warnings"])
        assert f"asked at {urls[1]} from now on: " in gateway.log()
        assert not failures(gateway)


def test_another_url_is_not_another_target(gateways, admin, tmp_path):
    """What waits for it when the second URL is added is not lost."""
    name = "dyn.example."
    with make_server(tmp_path / "pdns", "sqlite", zones={name: ZONE}) as server, \
            Wire(server.api_port) as first, Wire(server.api_port) as second:
        gateway = make_gateway(gateways, admin, server, [name],
                               [f"http://{HOST}:{first.port}"], zone={"ack": "durable"})
        gateway.start()
        wait_for(lambda: is_loaded(gateway, name), "the zone to be loaded")
        first.close()
        assert replace(gateway, admin, name, "host", "192.0.2.3") == "NOERROR"
        wait_for(lambda: failures(gateway), "the first URL to fail")
        target = gateway.zones[name]["targets"][0]
        target["url"] = [*target["url"], f"http://{HOST}:{second.port}"]
        gateway.reconfigure()
        wait_for(lambda: server.records(f"host.{name}", "A") == {"192.0.2.3"},
                 "the change to arrive at the second URL")
