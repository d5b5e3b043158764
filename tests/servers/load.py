"""A client with many updates outstanding that remembers what it was promised."""

import contextlib
import random
import select
import socket
import struct
import threading
import time

import dns.name

from gateway import Udp, Signed

DRAIN_S = 60
BUFFER = 4 << 20  # octets: the answers to all that is outstanding
SO_RCVBUFFORCE = 33  # of Linux


def _record(label, rdtype, rdclass, ttl, rdata):
    label = label.encode()
    return bytes([len(label)]) + label + b"\xc0\x0c" + \
        struct.pack("!HHIH", rdtype, rdclass, ttl, len(rdata)) + rdata


def update_wire(message_id, zone, *records, unused=()):
    """An UPDATE that adds records (owner label, type number, rdata octets), if the unused
    labels are."""
    wire = struct.pack("!6H", message_id, 5 << 11, 1, len(unused), len(records), 0)
    wire += dns.name.from_text(zone).to_wire() + struct.pack("!HH", 6, 1)
    for label in unused:
        wire += _record(label, 255, 254, 0, b"")
    for label, rdtype, rdata in records:
        wire += _record(label, rdtype, 1, 300, rdata)
    return wire


class Load(threading.Thread):
    """Update number n adds an A at TAGn.zone, which must not be in use, and a TXT at
    TAGnt.zone, or nothing at all."""

    def __init__(self, gateway, key, tag="u", zone="dyn.example.", outstanding=64,
                 most=None):
        """most: then it sends no more."""
        super().__init__(daemon=True)
        self.port = gateway.port
        self.key = key
        self.tag = tag
        self.zone = zone
        self.outstanding = outstanding
        self.most = most or 1 << 30
        self.sent = 0
        self.rcodes = {}      # number -> rcode
        self.pending = {}     # id -> number
        self.wires = {}       # id -> octets that were sent last
        self.ending = threading.Event()
        self.is_given_up = False
        self.failure = None

    # -- what it promised --

    @property
    def acknowledged(self):
        return {number for number, rcode in list(self.rcodes.items()) if rcode == "NOERROR"}

    def names(self, number):
        return f"{self.tag}{number}.{self.zone}", f"{self.tag}{number}t.{self.zone}"

    def assert_kept(self, lines):
        """Compares with the zone's "owner ttl type rdata" lines: what was acknowledged is
        there, what was refused is not, and each of the others is there whole or not at
        all.  Returns how many of the others are there."""
        owners = {line.split()[0] for line in lines}
        unsure = 0
        for number in range(self.sent):
            there = [name in owners for name in self.names(number)]
            rcode = self.rcodes.get(number)
            if rcode == "NOERROR":
                assert all(there), f"update {number} was acknowledged, but is {there}"
            elif rcode is not None:
                assert not any(there), f"update {number} was refused: {rcode}, but is there"
            else:
                assert there[0] == there[1], f"half of update {number} is there"
                unsure += there[0]
        return unsure

    # -- the thread --

    def run(self):
        try:
            with Udp(self.port) as client:
                self._run(client)
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def _run(self, client):
        for option in socket.SO_RCVBUF, SO_RCVBUFFORCE:  # as far as the system lets us
            with contextlib.suppress(PermissionError):
                client.socket.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        deadline = None
        while self._may_send() or self.pending:
            if self.ending.is_set():
                deadline = deadline or time.monotonic() + DRAIN_S
            if deadline is not None and time.monotonic() > deadline:
                return
            try:
                while len(self.pending) < self.outstanding and self._may_send():
                    self._send(client)
                if select.select([client.socket], [], [], 0.05)[0]:
                    self._take(client)
            except ConnectionRefusedError:
                break  # the gateway is gone
            if self.is_given_up:
                break
        self._take_the_rest(client)

    def _may_send(self):
        return not self.ending.is_set() and self.sent < self.most

    def _take(self, client):
        answer = client.receive()
        self.rcodes[self.pending.pop(answer.id)] = answer.rcode

    def _take_the_rest(self, client):
        """Answers that have arrived are promises, too."""
        while select.select([client.socket], [], [], 0)[0]:
            try:
                self._take(client)
            except ConnectionRefusedError:
                pass

    def _send(self, client):
        number, message_id = self.sent, self.sent & 0xffff
        wire = update_wire(
            message_id, self.zone,
            (f"{self.tag}{number}", 1, struct.pack("!I", 0x0a000000 + number)),
            (f"{self.tag}{number}t", 16, b"\x04load"), unused=[f"{self.tag}{number}"])
        wire = Signed(wire, self.key).wire
        self.pending[message_id] = number
        self.wires[message_id] = wire
        self.sent += 1
        client.send(wire)

    def retransmit(self):
        """Sends again, unchanged, what was not answered.  Returns the rcodes."""
        rcodes = []
        with Udp(self.port) as client:
            for message_id, number in sorted(self.pending.items()):
                client.send(self.wires[message_id])
                answer = client.receive()
                assert answer.id == message_id
                self.rcodes[number] = answer.rcode
                rcodes.append(answer.rcode)
        self.pending.clear()
        return rcodes

    def finish(self):
        """Sends no more, waits for the answers, and asserts that all came."""
        self.ending.set()
        self.join()
        if self.failure:
            raise self.failure
        assert not self.pending, f"{len(self.pending)} updates were never answered"
        return self

    def give_up(self):
        """Sends no more, and waits for nothing: the gateway is gone."""
        self.is_given_up = True
        self.ending.set()
        self.join()
        if self.failure:
            raise self.failure


def some_acknowledged(load, least, most):
    """For wait_for: has it been told yes so often?"""
    goal = random.randrange(least, most)
    return lambda: len(load.rcodes) >= goal or not load.is_alive()
