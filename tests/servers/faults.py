"""musterd whose calls can be made to fail, one at a time (tests/faults/fault.h).

    gateway = FaultyGateway(folder, keys=[key])
    gateway.start()
    for _ in gateway.faults():        # until a turn has met no fault
        rcode = ask(gateway, message, key).rcode

As a rule a turn fails the first call that is made from a place where none has failed yet, in
the life of this gateway; with FAULTS=all in the environment the first call of the first turn
fails, the second one of the second turn, and so on.
"""

import itertools
import mmap
import os
import shutil
import socket
import struct
import subprocess
import time
from collections import namedtuple

import dns.exception

import gateway as musterd
from gateway import Gateway, Tcp, Udp, sign

PROGRAM = os.environ.get("MUSTERD_FAULTS", os.path.join(
    os.path.dirname(musterd.PROGRAM), "tests", "faults", "musterd_faults"))
EXHAUSTIVE = os.environ.get("FAULTS") == "all"
RETRANSMIT_S = 0.1
GIVE_UP_S = 60
LIMIT = 20000  # faults of one loop: more means that it does not come to its end

# How many calls make a place: that of the function that fails, or that of its caller too.
SITES, CALLERS = 1, 2

# enum fault_kind.  What SQLite allocates for itself is a kind of its own.
MEMORY, LIBRARY, DATABASE, DISK, SOCKET, SQL_MEMORY = (1 << bit for bit in range(6))
ALL = MEMORY | LIBRARY | DATABASE | DISK | SOCKET | SQL_MEMORY

Fault = namedtuple("Fault", "name place")


def is_built():
    return os.access(PROGRAM, os.X_OK)


class Control:
    """struct fault_control, in a file that the gateway has mapped."""

    HEAD = struct.Struct("=6IQ32s")
    SIZE = HEAD.size + 8 * 16384
    def __init__(self, path):
        self.depth = CALLERS
        with open(path, "wb") as file:
            file.truncate(self.SIZE)
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), self.SIZE)

    def arm(self, kinds, nth=0):
        struct.pack_into("=I", self.map, 0, 0)
        struct.pack_into("=IIII", self.map, 4, nth, self.depth, 0, 0)
        struct.pack_into("=I", self.map, 0, kinds)

    def failed(self):
        """The fault since arm, or None."""
        *_, has_failed, _, caller, name = self.HEAD.unpack_from(self.map)
        return Fault(name.split(b"\0")[0].decode(), caller) if has_failed else None

    def disarm(self):
        struct.pack_into("=I", self.map, 0, 0)
        return self.failed()


class FaultyGateway(Gateway):
    def __init__(self, folder, **options):
        super().__init__(folder, **options)
        self.control = Control(self.path("faults"))
        self.met = []

    def command(self):
        return [PROGRAM, *super().command()[1:]]

    def environment(self):
        return {**super().environment(), "FAULT_CONTROL": self.path("faults")}

    def faults(self, kinds=ALL, limit=LIMIT):
        """Arms before each turn of the caller's loop, until one has met no fault."""
        for nth in itertools.count(1):
            assert nth <= LIMIT, self.met[-5:]
            self.control.arm(kinds, nth if EXHAUSTIVE else 0)
            yield nth
            fault = self.control.disarm()
            if fault is None or nth >= limit:
                return
            self.met.append(fault)

    def last_fault(self):
        """For messages: which call of the program has failed."""
        fault = self.control.failed()
        if fault is None:
            return "no fault"
        where = hex(fault.place)
        if shutil.which("addr2line"):
            found = subprocess.run(
                ["addr2line", "-pfie", PROGRAM, hex(fault.place - 1)],
                capture_output=True, text=True, check=False).stdout.strip()
            where = found or where
        return f"{fault.name} fails in {where}"


def _receive(client, deadline, wire):
    """Sends it until there is an answer, as clients do; by TCP on a new connection."""
    while True:
        client.send(wire)
        try:
            return client.receive(RETRANSMIT_S)
        except socket.timeout:
            if isinstance(client, Tcp) or time.monotonic() > deadline:
                raise


def ask(gateway, message, key=None, tcp=False, is_known=True):
    """The gateway.Answer to this message, which is signed once and sent until it is
    answered.  Only a known client gets a signed answer."""
    signed = sign(message, key) if key else None
    wire = signed.wire if signed else message.to_wire()
    deadline = time.monotonic() + GIVE_UP_S
    while True:
        client = None
        try:
            client = Tcp(gateway.port) if tcp else Udp(gateway.port)
            answer = _receive(client, deadline, wire)
            break
        except (OSError, EOFError, dns.exception.DNSException) as error:
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"no answer: {error!r}; {gateway.last_fault()}") from None
        finally:
            if client:
                client.close()
    # Who has no memory to sign says SERVFAIL without.
    assert not signed or not is_known or answer.is_authentic(signed) or \
        answer.rcode == "SERVFAIL", f"{answer.rcode}, unsigned; {gateway.last_fault()}"
    return answer
