#!/usr/bin/env python3
"""Many leased hosts in one local zone: memory, restart, and updates while many expire at once.

    leases.py [--hosts 1000000] [--expiring 100000] [--outstanding 1,32] [--seconds 5]
              [--build DIR]

The database is filled directly.  Memory is what the gateway's resident set grows by, over the
same gateway without hosts, divided by the hosts.  Restart is from exec to the first answer
about the zone.  Then updates (changes of other, permanent hosts over UDP) are measured when
nothing happens and while --expiring leases that end at the same moment are taken away, in
rounds of --seconds.  Loopback only.
"""

import argparse
import json
import os
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "servers"))

arguments = argparse.ArgumentParser()
arguments.add_argument("--hosts", type=int, default=1000000)
arguments.add_argument("--expiring", type=int, default=100000)
arguments.add_argument("--outstanding", default="1,32")
arguments.add_argument("--seconds", type=float, default=5)
arguments.add_argument("--build", default=os.path.join(TOP, "build"))
options = arguments.parse_args()
os.environ["MUSTERD"] = os.path.join(options.build, "musterd")

# pylint: disable=wrong-import-position
import dns.exception  # noqa: E402
import dns.name  # noqa: E402

from gateway import Gateway  # noqa: E402
from servers import Key, wait_for  # noqa: E402

ZONE = "dyn.example."
ORIGIN = dns.name.from_text(ZONE).to_wire()
DAY_S = 24 * 3600
LEAD_S = 3  # until the first expires, of service time
TYPE_A = 1


def owner(number):
    label = b"host-%07d" % number
    return bytes([len(label)]) + label + ORIGIN


def address(number):
    return struct.pack("!I", 0x0a000000 + number)


def fill(path, keep, expiring):
    """Hosts with leases of a day, or of LEAD_S: they begin anew with the start."""
    database = sqlite3.connect(path)
    zone, = database.execute("SELECT id FROM zones").fetchone()
    key = dns.name.from_text("hosts.").to_wire()
    now_s = int(time.time())

    def duration_s(number):
        return LEAD_S if number >= keep else DAY_S

    with database:
        database.executemany(
            "INSERT INTO records VALUES (?, ?, ?, 300, 1, ?)",
            ((zone, owner(n), TYPE_A, struct.pack("!H", 4) + address(n))
             for n in range(keep + expiring)))
        database.executemany(
            "INSERT INTO leases (zone, owner, type, rdata, key, source, duration_s, "
            "deadline_ms, seen_s, flags) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, 0)",
            ((zone, owner(n), TYPE_A, address(n), key, b"\x7f\0\0\1", duration_s(n), now_s)
             for n in range(keep + expiring)))
    database.close()


def resident_kib(gateway):
    with open(f"/proc/{gateway.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def cpu_seconds(gateway):
    with open(f"/proc/{gateway.process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_serving(gateway):
    try:
        return bool(gateway.query(ZONE, "SOA", timeout=0.2, tcp=False).answer)
    except (OSError, dns.exception.DNSException):
        return False


def start(gateway):
    """How long it takes until it answers, as text."""
    begin = time.monotonic()
    gateway.start(wait=False)
    wait_for(lambda: is_serving(gateway), "the zone to be served", 600)
    seconds = time.monotonic() - begin
    words = f"serving after {seconds:.2f} s, {cpu_seconds(gateway):.2f} s of CPU"
    gateway.wait_ready()
    return words


def load(gateway, key_path, outstanding, seconds):
    done = subprocess.run(
        [os.path.join(options.build, "tests", "bench", "load"), "-p", str(gateway.port),
         "-k", key_path, "-z", ZONE, "-m", "change", "-q", str(outstanding), "-H", "10000",
         "-s", str(seconds)], capture_output=True, text=True, check=False)
    result = json.loads(done.stdout or "{}")
    if not result or result["wrong"] or result["lost"]:
        raise SystemExit(f"load: {done.stderr}{done.stdout}")
    return result


def show(name, results):
    print(f"  {name:16} {statistics.median(r['rate'] for r in results):8.0f}/s"
          f"  p50 {statistics.median(r['p50_us'] for r in results) / 1000:.2f} ms"
          f"  p99 {statistics.median(r['p99_us'] for r in results) / 1000:.2f} ms"
          f"  [{min(r['p99_us'] for r in results) / 1000:.2f}-"
          f"{max(r['p99_us'] for r in results) / 1000:.2f}]", flush=True)
    return statistics.median(r["p99_us"] for r in results)


def left(gateway):
    return gateway.rows("SELECT count(*) AS left FROM leases")[0]["left"]


def measure(folder, outstanding):
    key = Key("bench.")
    gateway = Gateway(folder, keys=[key], zones={ZONE: {
        "targets": [{"type": "local"}], "expiry": {"brake_count": 0}}}, leaks=False)
    key_path = key.write(os.path.join(folder, "bench.keys"))
    keep = options.hosts - options.expiring
    try:
        gateway.start()
        load(gateway, key_path, 256, 2)  # the other hosts, and everything that grows only once
        gateway.restart()
        empty_kib = resident_kib(gateway)
        gateway.stop()
        fill(gateway.database, keep, options.expiring)
        started = start(gateway)
        kib = resident_kib(gateway)
        print(f"{options.hosts} hosts: {(kib - empty_kib) * 1024 / options.hosts:.0f} octets "
              f"each of {kib // 1024} MiB resident, {started}", flush=True)
        begin = time.monotonic()
        during = []
        wait_for(lambda: left(gateway) < options.hosts, "expiry to begin", 60)
        while left(gateway) > keep:
            during.append(load(gateway, key_path, outstanding, options.seconds))
        seconds = time.monotonic() - begin
        idle = [load(gateway, key_path, outstanding, options.seconds) for _ in during[:3]]
        print(f"{options.expiring} expired in {seconds:.0f} s, {outstanding} outstanding:")
        print(f"  p99 ratio        {show('during', during) / show('idle', idle):.2f}")
        begin = time.monotonic()
        gateway.stop()
        print(f"  stopped after {time.monotonic() - begin:.2f} s")
        print(f"  restarted, {start(gateway)}", flush=True)
    finally:
        gateway.stop()


for count in (int(number) for number in options.outstanding.split(",")):
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as work:
        measure(work, count)
