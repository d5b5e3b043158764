#!/usr/bin/env python3
"""Hours of outage, in short: a target is away while many changes come in.

    outage.py [--peer lmdb] [--role second|primary] [--changes 1000000] [--hosts 100000]
              [--zones 1] [--kill] [--build DIR]

The target stops, CHANGES changes of HOSTS hosts go to each of its ZONES zones, the gateway is
restarted in between (--kill: by SIGKILL; a primary must be back for that, so it stays up then),
and the target returns.  Meanwhile two other zones, a local one and one in front of a BIND that
works, get a lone update now and then, and so does the first zone itself.  For each phase there is
a line with the latencies of these updates and the gateway's memory; for the restart, when each
zone answered again; at the end, how long the target took to have everything, with how many
requests, and in how many steps of its serial.  Loopback only; bounded by the number of changes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "servers"))

arguments = argparse.ArgumentParser()
arguments.add_argument("--peer", default="lmdb", choices=["bind", "knot", "lmdb", "gsqlite3"])
arguments.add_argument("--role", default="second", choices=["second", "primary"])
arguments.add_argument("--changes", type=int, default=1000000)
arguments.add_argument("--hosts", type=int, default=100000)
arguments.add_argument("--zones", type=int, default=1)
arguments.add_argument("--kill", action="store_true")
arguments.add_argument("--phase", type=float, default=5, help="seconds of quiet phases")
arguments.add_argument("--build", default=os.path.join(TOP, "build"))
options = arguments.parse_args()
os.environ["MUSTERD"] = os.path.join(options.build, "musterd")
os.environ["MUSTERCTL"] = os.path.join(options.build, "musterctl")

# pylint: disable=wrong-import-position
import dns.update  # noqa: E402
from gateway import Gateway, Udp, sign  # noqa: E402
from musterctl import ask, controlled, ctl, ctl_json  # noqa: E402
from servers import HOST, Bind, Key, Knot, PowerDNS  # noqa: E402

ZONE, LOCAL, LIVE = "dyn.example.", "local.example.", "live.example."
BEHIND = [ZONE] + [f"dyn{i}.example." for i in range(1, options.zones)]
# Names of their own, unless all of them would be.
HOSTS = options.hosts if options.hosts < options.changes else 0
CAUGHT_UP_S = 600
LOOK = 3  # zones that are compared in the end
FRESH = 20  # pending changes: the lone updates'


def zone_text(zone, hosts=0):
    lines = [f"$ORIGIN {zone}", "$TTL 300", "@ SOA ns1 hostmaster 10 3600 600 86400 60",
             "@ NS ns1", "ns1 A 192.0.2.1"]
    lines += [f"h{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in range(hosts)]
    return "\n".join(lines) + "\n"


def make_peer(folder, key):
    zones = {zone: zone_text(zone, HOSTS) for zone in BEHIND}
    if options.peer == "bind":
        return Bind(folder, zones=zones, keys=[key])
    if options.peer == "knot":
        return Knot(folder, zones=zones, keys=[key])
    return PowerDNS(folder, zones=zones, keys=[key], backend=options.peer, dnsupdate=False,
                    caches=True)


def target_of(server, folder, key):
    if isinstance(server, PowerDNS):
        path = os.path.join(folder, "api.key")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(server.api_key + "\n")
        return {"type": "powerdns", "url": server.url, "server": "localhost",
                "api_key_file": path}
    return {"type": "ddns", "address": HOST, "port": server.port, "key": key.name}


def local_target(folder, zone, hosts=0):
    path = os.path.join(folder, zone + "zone")
    with open(path, "w") as file:
        file.write(zone_text(zone, hosts))
    return {"type": "local", "file": path}


class Lone(threading.Thread):
    """One update at a time, with pauses."""

    def __init__(self, gateway, zone, key):
        super().__init__(daemon=True)
        self.gateway, self.zone, self.key = gateway, zone, key
        self.samples = []  # (milliseconds, rcode), of this phase
        self.is_over = False
        self.number = 0
        self.turn = threading.Lock()  # somebody else's, while there is no gateway

    def run(self):
        while not self.is_over:
            with self.turn:
                self.ask()
            time.sleep(0.01)

    def ask(self, timeout=2):
        self.number += 1
        message = dns.update.UpdateMessage(self.zone)
        address = f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"
        message.replace("lone", 300, "A", address)
        began = time.monotonic()
        try:
            with Udp(self.gateway.port) as client:
                client.send(sign(message, self.key).wire)
                rcode = client.receive(timeout).rcode
        except OSError:
            rcode = "none"
        self.samples.append((1000 * (time.monotonic() - began), rcode))

    def wait_served(self):
        while not self.samples or self.samples[-1][1] != "NOERROR":
            self.ask(0.05)

    def take(self):
        samples, self.samples = self.samples, []
        return samples


class Memory(threading.Thread):
    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.gateway, self.peak_mb = gateway, 0

    def run(self):
        while True:
            try:
                with open(f"/proc/{self.gateway.process.pid}/status") as file:
                    rss = [line for line in file if line.startswith("VmRSS")]
                self.peak_mb = max(self.peak_mb, int(rss[0].split()[1]) / 1024)
            except (OSError, AttributeError, IndexError):
                pass  # it is being restarted
            time.sleep(0.05)


def show(phase, lones, memory, seconds):
    print(f"{phase:14} {seconds:6.1f} s  memory at most {memory.peak_mb:.0f} MB", flush=True)
    memory.peak_mb = 0
    for lone in lones:
        samples = lone.take()
        times = sorted(ms for ms, _ in samples)
        rcodes = {}
        for _, rcode in samples:
            rcodes[rcode] = rcodes.get(rcode, 0) + 1
        if times:
            print(f"    {lone.zone:16} p50 {statistics.median(times):7.2f} ms  p99"
                  f" {times[len(times) * 99 // 100]:7.2f} ms  most {times[-1]:7.2f} ms"
                  f"  {rcodes}", flush=True)


def fill(gateway, key_path):
    for zone in BEHIND:
        fill_zone(gateway, key_path, zone)


def fill_zone(gateway, key_path, zone):
    done = subprocess.run(
        [os.path.join(options.build, "tests", "bench", "load"), "-p", str(gateway.port), "-k",
         key_path, "-z", zone, "-m", "change", "-q", "256", "-H", str(options.hosts),
         "-n", str(options.changes), "-s", "3600"], capture_output=True, text=True, check=False)
    result = json.loads(done.stdout)
    if zone == ZONE or result["lost"] or result["wrong"]:
        print(f"load: {done.stdout.strip()} {done.stderr.strip()}", flush=True)


def count_requests(gateway):
    """Those that the target got, and the changes that were merged away."""
    lines = ask(gateway, "GET", "/metrics")[2].splitlines()
    return [sum(int(line.split()[-1]) for line in lines
                if line.startswith(f"muster_target_{what}_total{{") and '"dyn' in line
                and 'target="local' not in line) for what in ("requests", "merged")]


def wait_caught_up(gateway, fresh=FRESH):
    end = time.monotonic() + CAUGHT_UP_S
    while time.monotonic() < end:
        if not any(target["more_in_journal"] or target["pending"] > fresh
                   for target in ctl_json(gateway, "queue")["targets"]):
            return
        time.sleep(0.2)
    raise SystemExit("the target has not caught up")


def count_differences(gateway, peer, key):
    """Records that only one of them has, without the SOA and the lone update's."""
    def content(server, zone):
        return {line for line in server.axfr(zone, key)
                if " SOA " not in line and not line.startswith("lone.")}
    return sum(len(content(gateway, zone) ^ content(peer, zone)) for zone in BEHIND[:LOOK])


def measure(gateway, peer, key, key_path):
    lones = [Lone(gateway, zone, key) for zone in (LOCAL, LIVE, ZONE)]
    memory = Memory(gateway)
    for thread in [*lones, memory]:
        thread.start()
    time.sleep(1)
    for lone in lones:
        lone.take()

    def phase(name, do):
        began = time.monotonic()
        do()
        show(name, lones, memory, time.monotonic() - began)

    def pause():
        time.sleep(options.phase)

    def restart():
        for lone in lones:
            lone.turn.acquire()
            lone.take()
        if options.kill:
            gateway.kill()
        else:
            gateway.end(15)
        gateway.start(wait=False)
        began = time.monotonic()
        for lone in lones:
            lone.wait_served()
            lone.take()
            print(f"{lone.zone} is served after {time.monotonic() - began:.2f} s", flush=True)
            lone.turn.release()
        while not gateway.is_ready():
            time.sleep(0.01)

    phase("idle", pause)
    peer.stop()
    phase("filling", lambda: fill(gateway, key_path))
    phase("waiting", pause)
    if options.role == "second":
        phase("restart", restart)
        phase("waiting again", pause)
    peer.start()
    serial = peer.serial(ZONE)
    if options.role == "primary" and options.kill:
        phase("restart", restart)
    began = time.monotonic()
    for zone in BEHIND:
        ctl(gateway, "retry", zone)  # it may be trying already
    phase("catching up", lambda: wait_caught_up(gateway))
    print(f"caught up in {time.monotonic() - began:.1f} s,"
          f" {peer.serial(ZONE) - serial} serials; database"
          f" {os.path.getsize(gateway.database) / 1e6:.0f} MB; requests, changes merged away"
          f" {count_requests(gateway)}", flush=True)
    phase("afterwards", pause)
    for lone in lones:
        lone.is_over = True
        lone.join()
    wait_caught_up(gateway, 0)
    print(f"{count_differences(gateway, peer, key)} differences", flush=True)


def main(folder):
    key = Key("bench.")
    key_path = key.write(os.path.join(folder, "bench.keys"))
    with make_peer(os.path.join(folder, "peer"), key) as peer, \
            Bind(os.path.join(folder, "live"), zones={LIVE: zone_text(LIVE)},
                 keys=[key]) as live:
        target = target_of(peer, folder, key)

        def targets(zone):
            if options.role == "primary":
                return [target]
            return [local_target(folder, zone, HOSTS), target]
        zones = {LOCAL: {"targets": [local_target(folder, LOCAL)]},
                 LIVE: {"targets": [target_of(live, folder, key)]},
                 **{zone: {"targets": targets(zone)} for zone in BEHIND}}
        gateway = Gateway(os.path.join(folder, "muster"), zones=zones, keys=[key], leaks=False,
                          **controlled())
        with gateway:
            measure(gateway, peer, key, key_path)


with tempfile.TemporaryDirectory(prefix="muster-bench-") as work:
    main(work)
