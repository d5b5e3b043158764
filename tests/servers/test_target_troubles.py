"""What is wrong with a target has a name, which real servers in real troubles get; and nothing
is lost by it."""

import contextlib
import os
import re
import socket
import subprocess

import pytest

import servers
from front import Front, paused
from musterctl import controlled, ctl_json, read_metrics
from powerdns_driver import ZONE
from powerdns_driver import Driver as PowerDNSDriver
from servers import HOST, Bind, Key, Knot, PowerDNS, free_port, wait_for
from target_driver import PROGRAM, TargetDriver, delivered, loaded

pytestmark = pytest.mark.skipif(
    not os.access(PROGRAM, os.X_OK), reason="target_driver is not built")

KINDS = {
    "bind": (Bind, {}),
    "knot": (Knot, {}),
    "powerdns": (PowerDNS, {"dnsupdate": True, "options": "forward-dnsupdate=no"}),
    "powerdns-api": (PowerDNS, {}),
}
SOON_MS = 500  # for what never answers


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    cls, _ = KINDS[request.param]
    if not servers.have(cls.program, "tsig-keygen"):
        pytest.skip(f"{cls.program} is not installed")
    return request.param


def make(kind, folder, keys):
    cls, options = KINDS[kind]
    return cls(folder, keys=keys, **options)


class Drive:
    """Drivers for one server, as it should be or with one thing wrong."""

    def __init__(self, kind, server, folder):
        self.is_api = kind == "powerdns-api"
        self.server = server
        self.folder = folder

    def __call__(self, zone=ZONE, key=None, port=None, **options):
        if self.is_api:
            url = f"http://{HOST}:{port}" if port else self.server.url
            return PowerDNSDriver(url, key="wrong" if key else self.server.api_key, zone=zone,
                                  **options)
        return TargetDriver(port or self.server.port, self.folder,
                            key or self.server.keys[0], zone=zone, **options)


@contextlib.contextmanager
def running(kind, folder, keys=None):
    with make(kind, folder / kind, keys or [Key()]) as server:
        yield server, Drive(kind, server, folder)


def troubles(target):
    """Of everything that a target is asked for."""
    target.set("new", "A", 60, "192.0.2.1")
    found = []
    for ask in target.probe, target.load, target.deliver:
        result = ask()
        assert result.outcome == "FAILED", result
        assert result.why, result
        found.append(result.trouble)
    return found


@contextlib.contextmanager
def crowded():
    """A port whose connections nobody accepts, without room for another one."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((HOST, 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_each_trouble_has_its_name(kind, tmp_path):
    with running(kind, tmp_path) as (server, drive):
        with drive(port=free_port()) as target:
            assert troubles(target) == ["unreachable"] * 3
        with crowded() as port, drive(port=port, timeout_ms=SOON_MS) as target:
            assert troubles(target) == ["unreachable"] * 3
        with drive(zone="other.example.") as target:
            assert troubles(target) == ["zone-missing"] * 3
        with drive(key=Key(server.keys[0].name)) as target:
            assert troubles(target) == ["credentials"] * 3
        with drive(key=Key("stranger.")) as target:
            assert troubles(target) == ["credentials"] * 3
        with drive(timeout_ms=SOON_MS) as target, paused(server):
            assert troubles(target) == ["timed-out"] * 3
        with drive() as target:  # and none is taken for another one that is over
            assert loaded(target).trouble is None


@pytest.mark.parametrize("kind", ["bind", "powerdns"], indirect=True)
def test_a_server_that_gives_no_transfer_has_the_zone(kind, tmp_path):
    reader = Key("reader.")
    server = make(kind, tmp_path / kind, [Key(), reader])
    server.prepare()
    server.is_prepared = True
    if kind == "bind":
        with open(server.path("named.conf"), encoding="ascii") as file:
            config = re.sub(r'(allow-transfer {[^}]*)key "reader"; ', r"\1", file.read())
        server.write("named.conf", config)
    else:
        server.pdnsutil("set-meta", ZONE, "TSIG-ALLOW-AXFR", server.keys[0].name.rstrip("."))
    with server, TargetDriver(server.port, tmp_path, reader) as target:
        assert target.probe().outcome == "DONE"
        result = target.load()
        assert (result.outcome, result.trouble) == ("FAILED", "no-transfer")


@pytest.mark.parametrize("kind, trouble", [
    ("bind", "refused"), ("powerdns", "refused"), ("powerdns-api", "not-primary"),
], indirect=["kind"])
def test_a_secondary_server_takes_no_changes(kind, trouble, tmp_path):
    with running(kind, tmp_path) as (server, drive):
        with drive() as target:
            loaded(target)
            make_secondary(kind, server)
            target.set("new", "A", 60, "192.0.2.1")
            result = target.deliver()
            assert (result.outcome, result.trouble) == ("FAILED", trouble)


def make_secondary(kind, server):
    """It keeps its content, and its primary is not there."""
    if kind != "bind":
        server.pdnsutil("set-kind", ZONE, "secondary")
        server.pdnsutil("change-secondary-zone-primary", ZONE, f"{HOST}:{free_port()}")
        return
    server.stop()
    with open(server.path("named.conf"), encoding="ascii") as file:
        config = file.read().replace(
            "type primary;", f"type secondary; primaries {{ {HOST} port {free_port()}; }}; "
            "masterfile-format text;")
    server.write("named.conf", re.sub(r"allow-update {[^}]*};", "", config))
    server.start()


@contextlib.contextmanager
def small_disk(folder):
    """A disk of 4 MiB in the place of folder; yields what fills it, which can be removed."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder],
                             capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder / "full"
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(path):
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in 65536, 4096, 1:
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


@pytest.mark.parametrize("kind", ["bind", "powerdns-api"], indirect=True)  # others just end
def test_a_full_disk_loses_nothing(kind, tmp_path):
    with small_disk(tmp_path) as full, running(kind, tmp_path) as (_, drive):
        with drive() as target:
            loaded(target)
            fill(full)
            for i in range(100):
                target.set(f"new{i}", "TXT", 60, f'"{"x" * 200}"')
            result = target.deliver()
            assert (result.outcome, result.trouble) == ("FAILED", "cannot-write"), result
            full.unlink()
            delivered(target, retry=True)


# ---- what the gateway shows ----

def test_what_is_wrong_is_shown_with_what_to_do(tmp_path, gateways, admin):
    if not servers.have("pdns_server"):
        pytest.skip("PowerDNS is not installed")
    pdns = PowerDNS(tmp_path / "pdns")
    with Front(gateways, admin, [pdns], zone={"ack": "durable"}, **controlled()) as front:
        for i in range(20):
            assert front.update(add=[("host", 60, "A", f"192.0.2.{i}")]) == "NOERROR"
        pdns.stop()
        assert front.update(add=[("other", 60, "A", "192.0.2.1")]) == "NOERROR"
        row = wait_for(lambda: ctl_json(front.gateway, "queue")["targets"],
                       "the target to be in the queue")[0]
        wait_for(lambda: ctl_json(front.gateway, "queue")["targets"][0]["trouble"],
                 "the trouble to have a name")
        row = ctl_json(front.gateway, "queue")["targets"][0]
        assert (row["state"], row["trouble"]) == ("down", "unreachable")
        assert row["why"] and "see whether it runs" in row["advice"]
        assert f"({row['trouble']}: {row['advice']})" in front.gateway.log()
        assert any(row["trouble"] in text for text in
                   ctl_json(front.gateway, "status")["warnings"])
        labels = f'zone="{ZONE}",target="{row["target"]}"'
        found = read_metrics(front.gateway)
        assert found[f'muster_target_trouble{{{labels},trouble="unreachable"}}'] == 1
        assert found['muster_targets_in_trouble{trouble="unreachable"}'] == 1
        assert found['muster_targets_in_trouble{trouble="timed-out"}'] == 0
        # Batches: each answered request is in both histograms.
        count = found[f"muster_target_batch_rrsets_count{{{labels}}}"]
        assert 1 <= count <= 20
        assert found[f'muster_target_batch_rrsets_bucket{{{labels},le="+Inf"}}'] == count
        assert found[f"muster_target_batch_seconds_count{{{labels}}}"] == count
        assert found[f"muster_target_requests_total{{{labels}}}"] > count
        assert row["batches"]["rrsets"]["count"] == count
        pdns.start()
        wait_for(lambda: not ctl_json(front.gateway, "queue")["targets"], "it to catch up")
        assert front.seen("other") == {"192.0.2.1"}
        assert not any("muster_target_trouble" in name for name in read_metrics(front.gateway))
