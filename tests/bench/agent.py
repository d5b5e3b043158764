#!/usr/bin/env python3
"""What muster-agent costs: memory, time to the first update, wake-ups while nothing happens.

    tests/bench/agent.py PROGRAM [--idle SECONDS]

PROGRAM is a muster-agent built without sanitizers.  Runs it against a gateway of its own on
loopback (tests/servers/agent.py) and prints one line for each figure:

    memory     largest resident set: /usr/bin/time -v, or the kernel's VmHWM without it; with
               addresses only, and with a container engine that has 500 containers
    first      milliseconds from exec to the first update, initial_delay being 0; of 20 runs
    idle       system calls and returns of epoll_wait in SECONDS (600 by default) without any
               event, by strace; the lease is longer than that
    refreshes  the same with a lease of a tenth of it: what a refresh costs
"""

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "servers"))

# pylint: disable=wrong-import-position
import agent as agent_module
from agent import Act, Agent, FakeEngine, FakeGateway
from gateway import SharedKey
from servers import wait_for

LEASE_S = 86400
CONTAINERS = 500
STARTS = 20
INTERFACES = [{"type": "interfaces", "interfaces": ["lo"], "scope": ["host"]}]


def make(folder, name, gateway, **settings):
    settings.setdefault("sources", INTERFACES)
    return Agent(os.path.join(folder, name), gateway.key, [gateway.port], **settings)


def high_water_kib(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1))


def measure_memory(folder, gateway):
    own = make(folder, "memory", gateway)
    if os.access("/usr/bin/time", os.X_OK):
        own.prefix = ["/usr/bin/time", "-v"]
        own.start()
        own.wait_published()
        child, = subprocess.run(["ps", "-o", "pid=", "--ppid", str(own.process.pid)],
                                capture_output=True, text=True, check=True).stdout.split()
        os.kill(int(child), signal.SIGTERM)
        own.process.wait(20)
        own.process = None
        kib = int(re.search(r"Maximum resident set size \(kbytes\): (\d+)",
                            own.log()).group(1))
    else:
        own.start()
        own.wait_published()
        kib = high_water_kib(own.process.pid)
        own.stop()
    print(f"memory     addresses: {kib} KiB")
    with FakeEngine(os.path.join(folder, "engine.sock")) as engine:
        for number in range(CONTAINERS):
            engine.run(f"c{number}", {"muster.name": f"c{number}", "x": "y" * 2000},
                       f"172.20.{number // 250}.{number % 250 + 1}")
        own = make(folder, "docker", gateway, sources=[
            *INTERFACES, {"type": "docker", "path": engine.path}])
        own.start()
        wait_for(lambda: sum(
            record["state"] == "published" for record in own.zone_status()["records"]
        ) > CONTAINERS, "all containers")
        print(f"memory     {CONTAINERS} containers: {high_water_kib(own.process.pid)} KiB")
        own.stop()


def measure_first(folder, gateway):
    took = []
    for _ in range(STARTS):
        own = make(folder, "first", gateway)
        count = len(gateway.seen)
        started = time.monotonic()
        own.start(wait=False)
        took.append(1000 * (gateway.wait_updates(count + 1)[count].at - started))
        wait_for(own.is_ready, "the agent to be ready")
        own.stop()
    print(f"first      median {statistics.median(took):.1f} ms, largest {max(took):.1f} ms")


def measure_idle(folder, gateway, what, seconds, lease):
    if not shutil.which("strace"):
        print(f"{what:<10} strace is not installed")
        return
    own = make(folder, what, gateway)
    gateway.act = lambda seen: Act(lease=lease)
    own.start()
    own.wait_published()
    trace = own.path("strace")
    pid = str(own.process.pid)
    count = len(gateway.seen)
    with subprocess.Popen(["strace", "-f", "-o", trace, "-p", pid], stderr=subprocess.PIPE,
                          text=True) as tracer:
        tracer.stderr.readline()  # attached
        time.sleep(seconds)
        tracer.send_signal(signal.SIGINT)
        tracer.wait(20)
    refreshes = len(gateway.seen) - count
    with open(trace) as file:
        # The calls in which strace finds it and leaves it are no wake-ups.
        calls = [line for line in file if " = " in line and "resumed" not in line
                 and "detached" not in line]
    waits = [line for line in calls if "epoll_wait" in line or "epoll_pwait" in line]
    print(f"{what:<10} {seconds} s: {len(waits)} wake-ups, {len(calls)} system calls, "
          f"{refreshes} refreshes")
    own.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--idle", type=int, default=600, metavar="SECONDS")
    options = parser.parse_args()
    agent_module.PROGRAM = os.path.abspath(options.program)
    key = SharedKey(agent_module.NAME)
    with tempfile.TemporaryDirectory() as folder, \
            FakeGateway(key, lambda seen: Act(lease=LEASE_S)) as gateway:
        measure_memory(folder, gateway)
        measure_first(folder, gateway)
        measure_idle(folder, gateway, "idle", options.idle, LEASE_S)
        measure_idle(folder, gateway, "refreshes", options.idle, max(options.idle // 10, 2))


if __name__ == "__main__":
    main()
