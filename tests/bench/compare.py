#!/usr/bin/env python3
"""A server alone against the same server behind Muster, interleaved.

    compare.py [--peer bind,knot,lmdb,gsqlite3] [--mode change,same,add] [--outstanding 256]
               [--hosts 100000] [--rounds 3] [--seconds 3] [--transport udp] [--build DIR]

Each round loads the peer directly, then the gateway in front of a second instance of the same
peer; figures are medians with their range, the ratio of the medians, and what Muster adds to
the median latency.  Every run's addresses are new, so that a change is one; "add" adds new
hosts, which is what PowerDNS with SQLite does best.  CPU is what the servers' processes used per
update.  The peers run with the settings that their packages install, except that BIND needs
a larger quota of updates for so many at once (SETTINGS below, printed beside its figures).
Loopback only; bounded by rounds times seconds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "servers"))

arguments = argparse.ArgumentParser()
arguments.add_argument("--peer", default="bind,lmdb,gsqlite3,knot")
arguments.add_argument("--mode", default="change,same")
arguments.add_argument("--outstanding", default="1,256")
arguments.add_argument("--hosts", type=int, default=100000)
arguments.add_argument("--rounds", type=int, default=3)
arguments.add_argument("--seconds", type=float, default=3)
arguments.add_argument("--transport", default="udp")
arguments.add_argument("--build", default=os.path.join(TOP, "build"))
options = arguments.parse_args()
os.environ["MUSTERD"] = os.path.join(options.build, "musterd")

# pylint: disable=wrong-import-position
from gateway import Gateway  # noqa: E402
from servers import HOST, Bind, Key, Knot, PowerDNS, wait_for  # noqa: E402

ZONE = "dyn.example."
SETTINGS = {"bind": "update-quota 5000; tcp-clients 1000;"}


def zone_text(hosts):
    lines = ["$ORIGIN dyn.example.", "$TTL 300",
             "@ SOA ns1 hostmaster 10 3600 600 86400 60", "@ NS ns1", "ns1 A 192.0.2.1"]
    lines += [f"h{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in range(hosts)]
    return "\n".join(lines) + "\n"


def make_peer(kind, folder, key, behind):
    zones = {ZONE: zone_text(options.hosts)}
    if kind == "bind":
        return Bind(folder, zones=zones, keys=[key], options=SETTINGS[kind], as_packaged=True)
    if kind == "knot":
        return Knot(folder, zones=zones, keys=[key], as_packaged=True)
    return PowerDNS(folder, zones=zones, keys=[key], backend=kind, dnsupdate=not behind,
                    as_packaged=True)


def target_settings(peer, kind, folder, key):
    if kind in ("bind", "knot"):
        return {"type": "ddns", "address": HOST, "port": peer.port, "key": key.name}
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "api.key")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(peer.api_key + "\n")
    return {"type": "powerdns", "url": peer.url, "server": "localhost", "api_key_file": path}


def make_gateway(peer, kind, folder, key):
    return Gateway(folder, zones={ZONE: {"targets": [target_settings(peer, kind, folder, key)]}},
                   keys=[key])


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def run_load(port, key_path, mode, outstanding, *more):
    return subprocess.run(
        [os.path.join(options.build, "tests", "bench", "load"), "-p", str(port), "-k", key_path,
         "-z", ZONE, "-m", mode, "-q", str(outstanding), "-H", str(options.hosts),
         "-t", options.transport, *more],
        capture_output=True, text=True, check=False)


def load(port, key_path, mode, outstanding, pids):
    if mode == "same":  # the first update is a change
        run_load(port, key_path, mode, 256, "-n", str(options.hosts), "-s", "60")
    before = cpu_seconds(pids)
    done = run_load(port, key_path, mode, outstanding, "-s", str(options.seconds))
    result = json.loads(done.stdout or "{}")
    if not result or result["answered"] == 0:
        raise SystemExit(f"load: {done.stderr}{done.stdout}")
    result["cpu_us"] = (cpu_seconds(pids) - before) / result["answered"] * 1e6
    return result


def show(name, results):
    rates = [r["rate"] for r in results]
    p50_ms = statistics.median(r["p50_us"] for r in results) / 1000
    print(f"  {name:8} {statistics.median(rates):8.0f}/s [{min(rates):.0f}-{max(rates):.0f}]"
          f"  p50 {p50_ms:.2f} ms"
          f"  p99 {statistics.median(r['p99_us'] for r in results) / 1000:.2f} ms"
          f"  cpu {statistics.median(r['cpu_us'] for r in results):.0f} us"
          f"  lost {sum(r['lost'] for r in results)}"
          f"  wrong {sum(r['wrong'] for r in results)}"
          f"  bad MAC {sum(r['bad_mac'] for r in results)}", flush=True)
    return statistics.median(rates), p50_ms


def compare(kind, folder):
    key = Key("bench.")
    key_path = key.write(os.path.join(folder, "bench.keys"))
    with make_peer(kind, os.path.join(folder, "direct"), key, False) as direct, \
            make_peer(kind, os.path.join(folder, "behind"), key, True) as behind, \
            make_gateway(behind, kind, os.path.join(folder, "muster"), key) as gateway:
        wait_for(lambda: gateway.query(ZONE, "SOA").answer, f"{ZONE} to be loaded", 60)
        for mode in options.mode.split(","):
            for outstanding in (int(q) for q in options.outstanding.split(",")):
                alone, through = [], []
                for _ in range(options.rounds):
                    alone.append(load(direct.port, key_path, mode, outstanding,
                                      [direct.process.pid]))
                    through.append(load(gateway.port, key_path, mode, outstanding,
                                        [gateway.process.pid, behind.process.pid]))
                print(f"{kind} {mode} {options.transport} q{outstanding}"
                      f" {options.hosts} hosts", SETTINGS.get(kind, ""))
                rate, p50_ms = show("alone", alone)
                ours, our_p50_ms = show("muster", through)
                print(f"  ratio    {ours / rate:.2f}  median {our_p50_ms - p50_ms:+.2f} ms",
                      flush=True)


for peer_kind in options.peer.split(","):
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as work:
        compare(peer_kind, work)
