"""A gateway and the servers behind it, for tests.

    front = Front(gateways, admin, [Bind(folder, keys=[Key()])])
    front.start()                     # the servers, the gateway; returns when it has its zone
    front.update(add=[("host2", 300, "A", "192.0.2.2")])
    front.servers[0].records("host2.dyn.example.", "A")

Names in updates are relative to the zone.  The servers are ended by stop(), the gateway by
whoever made it (the fixtures of conftest.py).
"""

import contextlib
import os
import random
import socket
import struct
import threading
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import dns.edns
import dns.query
import dns.rcode
import dns.update

from servers import HOST, Bind, Key, Knot, PowerDNS, have, wait_for

NAME = "dyn.example."
UDP_MAX = 1200
# On a busy machine a target may take a while; that is no time for the gateway to acknowledge
# what is not there yet, unless a test is about that and has times of its own.
PATIENCE = "30s"
ANSWER_TIMEOUT_S = 60  # longer than that
API_KEY_FILE = "api.key"

KINDS = {
    "bind": (Bind, {}),
    "knot": (Knot, {}),
    "pdns-sqlite": (PowerDNS, {"backend": "gsqlite3"}),
    "pdns-lmdb": (PowerDNS, {"backend": "lmdb"}),
}

Reply = namedtuple("Reply", "rcode ede")  # as text; (code, text) or None


def full(name):
    """The absolute name of one that is relative to the zone; "@" is the zone's own."""
    return NAME if name == "@" else f"{name}.{NAME}"


def is_installed(kind):
    cls, _ = KINDS[kind]
    return have(cls.program, "tsig-keygen") and (cls is not PowerDNS or have("pdnsutil"))


def make_server(kind, folder, **options):
    """BIND and Knot want a key; PowerDNS has its API, and gives transfers to everyone."""
    cls, defaults = KINDS[kind]
    if cls is not PowerDNS:
        options.setdefault("keys", [Key()])
    return cls(folder, **{**defaults, **options})


def target_settings(server, port=None):
    """What musterd.conf says of this server.  port: of a Wire in front of it."""
    if isinstance(server, PowerDNS):
        return {"type": "powerdns", "url": f"http://{HOST}:{port or server.api_port}",
                "api_key_file": API_KEY_FILE, "timeout": PATIENCE}
    return {"type": "ddns", "address": HOST, "port": port or server.port,
            "key": server.keys[0].name, "timeout": PATIENCE}


def try_theirs(server, add=(), delete=()):
    """Somebody else's change, at the server itself.  False: the server has no time for it
    now, as BIND does in the middle of another change, and PowerDNS when SQLite is locked."""
    if not isinstance(server, PowerDNS):
        entries = [(full(name), *rest) for name, *rest in add]
        gone = [(full(name), *rest) for name, *rest in delete]
        return server.update(NAME, entries, gone) == "NOERROR"
    rrsets = {(full(name), rdtype): (60, []) for name, rdtype, *_ in delete}
    for name, ttl, rdtype, text in add:
        rrsets.setdefault((full(name), rdtype), (ttl, []))[1].append(text)
    return server.patch(NAME, *((name, rdtype, ttl, contents) for
                                (name, rdtype), (ttl, contents) in rrsets.items())).ok


def write_secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")


@contextlib.contextmanager
def paused(server):
    """A server that is stopped where it stands, and goes on in any case."""
    server.pause()
    try:
        yield server
    finally:
        server.resume()


class Front:
    """servers: the first is the primary target; none: the zone is local.  targets: settings
    that each of them gets besides.  zone: settings of the zone."""

    def __init__(self, gateways, admin, servers, zone=None, targets=None, wires=(),
                 **options):
        self.admin = admin
        self.servers = list(servers)
        self.pool = None
        settings = {"ack_timeout": PATIENCE, **(zone or {})}
        settings["allow"] = [{"keys": [admin.name], "match": "zone", "types": ["ANY"],
                              "transfer": True}]
        if servers:
            ports = [wire.port for wire in wires] or [None] * len(self.servers)
            settings["targets"] = [{**target_settings(server, port), **(targets or {})}
                                   for server, port in zip(self.servers, ports)]
        keys = {key.name: key for server in self.servers for key in server.keys}
        keys[admin.name] = admin
        self.gateway = gateways.make(
            zones={NAME: settings}, keys=[admin, *(keys[name] for name in keys
                                                   if name != admin.name)], **options)
        for server in self.servers:
            if isinstance(server, PowerDNS):
                write_secret(self.gateway.path(API_KEY_FILE), server.api_key)

    @property
    def primary(self):
        """Where the effect of an update is to be seen at once."""
        return self.servers[0] if self.servers else self.gateway

    # -- life --

    def start(self):
        for server in self.servers:
            if server.process is None:
                server.start()
        return self.start_gateway()

    def start_gateway(self):
        self.gateway.start()
        self.wait_loaded()
        return self

    def wait_loaded(self):
        wait_for(self.is_loaded, f"{NAME} to be loaded, see {self.gateway.log_path}")

    def is_loaded(self):
        assert self.gateway.process.poll() is None, self.gateway.log()[-4000:]
        return bool(self.gateway.query(NAME, "SOA").answer)

    def stop(self):
        """The servers."""
        if self.pool:
            self.pool.shutdown()
        for server in self.servers:
            server.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # -- asking --

    def message(self, add=(), delete=()):
        """An update to which prerequisites can be added; deletions stand first."""
        message = dns.update.UpdateMessage(NAME)
        message.use_edns(0, request_payload=65535)
        for entry in delete:
            message.delete(*entry)
        for entry in add:
            message.add(*entry)
        return message

    def send(self, message, timeout=ANSWER_TIMEOUT_S):
        """Signs and sends it, by UDP if it fits."""
        message.use_tsig(self.admin.ring, algorithm=self.admin.dnspython_algorithm)
        wire = message.to_wire(max_size=65535)
        ask = dns.query.udp if len(wire) <= UDP_MAX else dns.query.tcp
        answer = ask(message, HOST, timeout=timeout, port=self.gateway.port)
        ede = [(int(option.code), option.text or "") for option in answer.options
               if option.otype == dns.edns.OptionType.EDE]
        return Reply(dns.rcode.to_text(answer.rcode()), ede[0] if ede else None)

    def update(self, add=(), delete=()):
        """The rcode."""
        return self.send(self.message(add, delete)).rcode

    def begin(self, message, timeout=ANSWER_TIMEOUT_S):
        """Sends it from a thread; .result() is the Reply."""
        self.pool = self.pool or ThreadPoolExecutor(64)
        return self.pool.submit(self.send, message, timeout)

    def seen(self, name, rdtype="A"):
        """What the primary target has there now, as a set of texts."""
        return self.primary.records(full(name), rdtype)

    def mirrored(self, name, rdtype="A"):
        """What the gateway itself says."""
        return self.gateway.records(full(name), rdtype)

    # -- comparing --

    def content(self, server, with_soa=False):
        """The zone that a server has, as lines."""
        key = self.admin if server is self.gateway else next(iter(server.keys), None)
        return {line for line in server.axfr(NAME, key=key)
                if with_soa or " SOA " not in line}

    def assert_same(self):
        """Waits until all have the same zone, and the mirror has the primary's SOA."""
        for server in self.servers:
            is_primary = server is self.primary
            try:
                wait_for(lambda s=server, soa=is_primary: self.content(s, soa) ==
                         self.content(self.gateway, soa), "the same content")
            except Exception:
                theirs = self.content(server, is_primary)
                ours = self.content(self.gateway, is_primary)
                raise AssertionError(
                    f"only {server.program} has {sorted(theirs - ours)[:20]}, only the "
                    f"gateway {sorted(ours - theirs)[:20]}") from None

    def is_delivered(self):
        """Does the gateway know that all targets have all changes?"""
        last = self.gateway.rows("SELECT max(seq) AS seq FROM journal "
                                 "WHERE changes IS NOT NULL")[0]["seq"] or 0
        return all(row["seq"] >= last for row in self.gateway.rows("SELECT seq FROM cursors"))

    def wait_delivered(self):
        wait_for(self.is_delivered, "all targets to have everything")

    def set_aside(self):
        return self.gateway.rows("SELECT * FROM set_aside ORDER BY seq")


class Wire:
    """Passes TCP connections on to a port, and counts what the client says.  Answers take
    delay_s longer: a server that is slow, however much it is told at once."""

    def __init__(self, port, delay_s=0, at=(HOST, 0)):
        self.port_behind = port
        self.delay_s = delay_s
        self.octets = 0
        self.connections = 0
        self.open = 0       # of them, now
        self.most_open = 0  # at any time
        self.lock = threading.Lock()
        self.ends = set()   # of those that are open
        self.listener = socket.create_server(at)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self._count(1)
            try:
                server = socket.create_connection((HOST, self.port_behind))
            except OSError:
                client.close()
                self._count(-1)
                continue
            for source, sink, is_counted in (client, server, True), (server, client, False):
                threading.Thread(target=self._pass_on, args=(source, sink, is_counted),
                                 daemon=True).start()

    def _pass_on(self, source, sink, is_counted):
        with self.lock:
            self.ends |= {source, sink}
        try:
            while octets := source.recv(65536):
                if is_counted:
                    self.octets += len(octets)
                else:
                    time.sleep(self.delay_s)
                sink.sendall(octets)
        except OSError:
            pass
        for end in source, sink:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self.lock:
            self.ends -= {source, sink}
        if is_counted:
            self._count(-1)

    def _count(self, step):
        with self.lock:
            self.connections += step > 0
            self.open += step
            self.most_open = max(self.most_open, self.open)

    def break_all(self):
        """Resets all connections."""
        with self.lock:
            ends, self.ends = self.ends, set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RD)  # wakes who reads
                end.close()

    def close(self):
        """Nobody is let in any more."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- zones that change at random ----

def random_change(draw, hosts):
    """(delete, add) for one update: what clients do to a few names, mixed."""
    host = f"r{draw.randrange(hosts)}"
    address = f"192.0.2.{draw.randrange(250)}"
    ttl = draw.choice((60, 60, 300))
    return draw.choice((
        ((), [(host, ttl, "A", address)]),
        ([(host, "A")], [(host, ttl, "A", address)]),
        ([(host,)], [(host, ttl, "A", address), (host, ttl, "TXT", '"t"', '"a" "b"')]),
        ([(host,)], [(host, ttl, "CNAME", f"r{draw.randrange(hosts)}")]),
        ([(host, "TXT")], ()),
        ([(host,)], ()),
        ([(host, "CNAME")], [(host, ttl, "AAAA", f"2001:db8::{draw.randrange(99)}")]),
        ((), [("@", ttl, "NS", f"ns{draw.randrange(4)}.elsewhere.example.")]),
        ([("@", "NS", f"ns{draw.randrange(4)}.elsewhere.example.")], ()),
    ))


def random_changes(seed, count, hosts=6):
    draw = random.Random(seed)
    return [random_change(draw, hosts) for _ in range(count)]
