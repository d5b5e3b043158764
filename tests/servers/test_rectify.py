"""Rectification of a PowerDNS zone while the gateway's configuration changes: it is given back
when the target leaves, whenever that is noticed, and not left undone by a stop."""

import contextlib
import json
import os

import dns.rcode
import pytest

import front
import servers
from gateway import Gateway, is_built
from musterctl import ask, controlled, ctl, ctl_json, read_metrics
from powerdns_driver import Between
from servers import Key, PowerDNS, wait_for

pytestmark = pytest.mark.skipif(
    not is_built() or not servers.have("pdns_server", "pdnsutil", "tsig-keygen"),
    reason="musterd or PowerDNS is missing")

ZONE, OTHER = "dyn.example.", "other.example."
NOTE = "X-MUSTER-API-RECTIFY"


def rectifier(server, zone=ZONE):
    """API-RECTIFY and what Muster has noted of it."""
    found = {entry["kind"]: entry["metadata"]
             for entry in server.api("GET", f"/servers/localhost/zones/{zone}/metadata").json()}
    return found.get("API-RECTIFY"), found.get(NOTE)


TAKEN, GIVEN_BACK = (["0"], ["unset"]), (["1"], None)


def wait_until(server, expected, zone=ZONE):
    wait_for(lambda: rectifier(server, zone) == expected, f"{zone} to be {expected}")


@pytest.fixture
def server(tmp_path):
    zones = {zone: servers.ZONE.replace(ZONE, zone) for zone in (ZONE, OTHER)}
    with PowerDNS(tmp_path / "pdns", zones=zones, backend="lmdb") as running:
        yield running


@contextlib.contextmanager
def gateway_for(tmp_path, server, zones=(ZONE, OTHER), **options):  # noqa: F811
    folder = tmp_path / "muster"
    os.makedirs(folder, exist_ok=True)
    front.write_secret(str(folder / front.API_KEY_FILE), server.api_key)
    gateway = Gateway(folder, keys=[Key("admin.")], **controlled(), zones={
        zone: {"targets": [{**front.target_settings(server), **options}]} for zone in zones})
    with gateway:
        for zone in zones:
            wait_until(server, TAKEN, zone)
        yield gateway


def test_a_zone_that_a_reload_removes_is_given_back(tmp_path, server):
    with gateway_for(tmp_path, server) as gateway:
        settings = gateway.zones.pop(ZONE)
        gateway.reconfigure()
        wait_until(server, GIVEN_BACK)
        assert rectifier(server, OTHER) == TAKEN
        gateway.zones[ZONE] = settings
        gateway.reconfigure()
        wait_until(server, (["0"], ["1"]))  # as it had been made


def test_a_target_that_a_reload_removes_is_given_back(tmp_path, server):
    with gateway_for(tmp_path, server) as gateway:
        target = gateway.zones[ZONE]["targets"][0]
        gateway.zones[ZONE]["targets"] = [{"type": "local"}, target]
        gateway.reconfigure()  # it is not the primary any more
        assert rectifier(server) == TAKEN
        gateway.zones[ZONE]["targets"].pop()
        gateway.reconfigure()
        wait_until(server, GIVEN_BACK)


def test_the_setting_gives_it_back(tmp_path, server):
    with gateway_for(tmp_path, server) as gateway:
        gateway.zones[ZONE]["targets"][0]["rectify"] = "server"
        gateway.reconfigure()
        wait_until(server, GIVEN_BACK)


def test_a_server_that_is_down_is_told_later(tmp_path, server):
    with gateway_for(tmp_path, server) as gateway:
        server.stop()
        gateway.zones.pop(ZONE)
        gateway.reconfigure()
        wait_for(lambda: "is no longer configured, cannot be undone there" in gateway.log(),
                 "the gateway to have tried")
        server.start()
        wait_until(server, GIVEN_BACK)


def test_a_target_that_left_while_the_gateway_was_down(tmp_path, server):
    """Another zone still has its server, so the key is known."""
    with gateway_for(tmp_path, server) as gateway:
        gateway.stop()
        gateway.zones[ZONE]["targets"] = [{"type": "local"}]
        gateway.prepare()
        gateway.start()
        wait_until(server, GIVEN_BACK)
        assert rectifier(server, OTHER) == TAKEN


def test_a_stop_leaves_nothing_unrectified(tmp_path, server):
    with gateway_for(tmp_path, server, [ZONE]) as gateway:
        for i in range(5):
            answer = gateway.update(add=[(f"a.b{i}.{ZONE}", 60, "A", "192.0.2.1")],
                                    key=gateway.keys[0])
            assert answer == "NOERROR"
        gateway.stop()
        for i in range(5):
            assert server.query(f"b{i}.{ZONE}").rcode() == dns.rcode.NOERROR
        assert rectifier(server) == TAKEN


def test_what_cannot_be_rectified_is_shown(tmp_path, server):
    """Changes arrive, but some names have the wrong answers there."""
    with Between(server.url) as between, \
            gateway_for(tmp_path, server, [ZONE], url=between.url) as gateway:
        between.refuse["PUT", "/rectify"] = 500
        assert gateway.update(add=[(f"a.b.{ZONE}", 60, "A", "192.0.2.1")],
                              key=gateway.keys[0]) == "NOERROR"
        (row,) = wait_for(lambda: ctl_json(gateway, "queue")["targets"], "it to be in the queue")
        assert (row["state"], row["trouble"]) == ("up", "not-rectified")
        assert "could not be rectified: PowerDNS: HTTP 500" in row["why"]
        assert "pdnsutil check-zone" in row["advice"]
        assert "not-rectified" in ctl(gateway, "queue").output
        labels = f'zone="{ZONE}",target="{row["target"]}"'
        values = read_metrics(gateway)
        assert values[f'muster_target_trouble{{{labels},trouble="not-rectified"}}'] == 1
        assert values[f"muster_target_up{{{labels}}}"] == 1
        status, _, body = ask(gateway, "GET", "/health")
        assert (status, json.loads(body)["state"]) == (200, "degraded")
        assert f"{row['why']} (not-rectified: " in ctl(gateway, "status").output
        assert server.query(f"b.{ZONE}").rcode() == dns.rcode.NXDOMAIN
        between.refuse.clear()
        wait_for(lambda: not ctl_json(gateway, "queue")["targets"], "it to be rectified")
        assert server.query(f"b.{ZONE}").rcode() == dns.rcode.NOERROR
        assert "has rectified it" in gateway.log()


def test_an_administrator_gives_back_what_was_removed_meanwhile(tmp_path, server):
    with gateway_for(tmp_path, server) as gateway:
        said = ctl(gateway, "rectify", "--give-back", ZONE)
        assert said.code == 1 and 'set rectify = "server"' in said.errors
        gateway.stop()
        del gateway.zones[ZONE]
        gateway.prepare()
        gateway.start()
        assert rectifier(server) == TAKEN
        said = ctl(gateway, "rectify", "--give-back", ZONE)
        assert said.code == 0, said.errors
        assert rectifier(server) == GIVEN_BACK
        assert rectifier(server, OTHER) == TAKEN
        said = ctl(gateway, "rectify", "--give-back", "nowhere.example")
        assert said.code == 1 and "HTTP 404" in said.errors
        assert ctl(gateway, "rectify", ZONE).code == 2
