#!/usr/bin/env python3
"""Hours of outage, in short: a target is away while many changes come in.

    outage.py [--peer lmdb] [--role second|primary] [--changes 1000000] [--hosts 100000]
              [--kill] [--build DIR]

The target stops, CHANGES changes of HOSTS hosts go to its zone, the gateway is restarted in
between (--kill: by SIGKILL; a primary must be back for that, so it stays up then), and the
target returns.  Meanwhile two other zones, a local one and one in front of a BIND that works,
get a lone update now and then, and so does the zone itself.  For each phase there is a line with
the latencies of these updates and the gateway's memory; at the end, how long the target took to
have everything, and in how many steps of its serial.  Loopback only; bounded by the number of
changes.
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
arguments.add_argument("--kill", action="store_true")
arguments.add_argument("--phase", type=float, default=5, help="seconds of quiet phases")
arguments.add_argument("--build", default=os.path.join(TOP, "build"))
options = arguments.parse_args()
os.environ["MUSTERD"] = os.path.join(options.build, "musterd")
os.environ["MUSTERCTL"] = os.path.join(options.build, "musterctl")

# pylint: disable=wrong-import-position
import dns.update  # noqa: E402
from gateway import Gateway, Udp, sign  # noqa: E402
from musterctl import controlled, ctl, ctl_json  # noqa: E402
from servers import HOST, Bind, Key, Knot, PowerDNS  # noqa: E402

ZONE, LOCAL, LIVE = "dyn.example.", "local.example.", "live.example."
CAUGHT_UP_S = 600


def zone_text(zone, hosts=0):
    lines = [f"$ORIGIN {zone}", "$TTL 300", "@ SOA ns1 hostmaster 10 3600 600 86400 60",
             "@ NS ns1", "ns1 A 192.0.2.1"]
    lines += [f"h{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in range(hosts)]
    return "\n".join(lines) + "\n"


def make_peer(folder, key):
    # Names of their own, unless all of them would be.
    zones = {ZONE: zone_text(ZONE, options.hosts if options.hosts < options.changes else 0)}
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

    def run(self):
        while not self.is_over:
            self._ask()
            time.sleep(0.01)

    def _ask(self):
        self.number += 1
        message = dns.update.UpdateMessage(self.zone)
        address = f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"
        message.replace("lone", 300, "A", address)
        began = time.monotonic()
        try:
            with Udp(self.gateway.port) as client:
                client.send(sign(message, self.key).wire)
                rcode = client.receive(2).rcode
        except OSError:
            rcode = "none"
        self.samples.append((1000 * (time.monotonic() - began), rcode))

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
    done = subprocess.run(
        [os.path.join(options.build, "tests", "bench", "load"), "-p", str(gateway.port), "-k",
         key_path, "-z", ZONE, "-m", "change", "-q", "256", "-H", str(options.hosts),
         "-n", str(options.changes), "-s", "3600"], capture_output=True, text=True, check=False)
    print(f"load: {done.stdout.strip()} {done.stderr.strip()}", flush=True)
    result = json.loads(done.stdout)
    return result["answered"] - result["wrong"]


def wait_caught_up(gateway):
    end = time.monotonic() + CAUGHT_UP_S
    while time.monotonic() < end:
        if not ctl_json(gateway, "queue")["targets"]:
            return
        time.sleep(0.1)
    raise SystemExit("the target has not caught up")


def count_differences(gateway, peer, key):
    """Records that only one of them has, without the SOA and the lone update's."""
    def content(server):
        return {line for line in server.axfr(ZONE, key)
                if " SOA " not in line and not line.startswith("lone.")}
    return len(content(gateway) ^ content(peer))


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
        if options.kill:
            gateway.kill()
        else:
            gateway.end(15)
        gateway.start()

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
    ctl(gateway, "retry", ZONE)  # it may be trying already
    phase("catching up", lambda: wait_caught_up(gateway))
    print(f"caught up in {time.monotonic() - began:.1f} s,"
          f" {peer.serial(ZONE) - serial} serials; database"
          f" {os.path.getsize(gateway.database) / 1e6:.0f} MB", flush=True)
    phase("afterwards", pause)
    for lone in lones:
        lone.is_over = True
        lone.join()
    wait_caught_up(gateway)
    print(f"{count_differences(gateway, peer, key)} differences", flush=True)


def main(folder):
    key = Key("bench.")
    key_path = key.write(os.path.join(folder, "bench.keys"))
    with make_peer(os.path.join(folder, "peer"), key) as peer, \
            Bind(os.path.join(folder, "live"), zones={LIVE: zone_text(LIVE)},
                 keys=[key]) as live:
        target = target_of(peer, folder, key)
        targets = [target]
        if options.role == "second":
            hosts = options.hosts if options.hosts < options.changes else 0
            targets = [local_target(folder, ZONE, hosts), target]
        zones = {ZONE: {"targets": targets}, LOCAL: {"targets": [local_target(folder, LOCAL)]},
                 LIVE: {"targets": [target_of(live, folder, key)]}}
        gateway = Gateway(os.path.join(folder, "muster"), zones=zones, keys=[key], leaks=False,
                          **controlled())
        with gateway:
            measure(gateway, peer, key, key_path)


with tempfile.TemporaryDirectory(prefix="muster-bench-") as work:
    main(work)
