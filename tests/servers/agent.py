"""muster-agent under test, and what it deals with: gateways that behave as told, a relay
that loses datagrams, a container engine.

    agent = Agent(folder, key, [server.port], sources=[{"type": "hosts", "path": "hosts"}])
    agent.start()
    wait_for(lambda: server.records("web.dyn.example.", "A"), "web")
    agent.stop()                      # asserts exit status 0 and that no sanitizer spoke

The program is the environment's MUSTER_AGENT, else muster-agent beside musterd.
"""

import json
import os
import random
import signal
import socket
import socketserver
import struct
import subprocess
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype

import gateway
from gateway import (FUDGE_S, SharedKey, append_record, digest, settings_text, split_tsig,
                     tsig_record)
from program import Program
from servers import HOST, STOP_TIMEOUT_S, free_port, wait_for

PROGRAM = os.environ.get(
    "MUSTER_AGENT", os.path.join(os.path.dirname(gateway.PROGRAM), "muster-agent"))
NAME = "host1.dyn.example."
RUN_TIMEOUT_S = 60
LEASE_OPTION = 2
EDE_OPTION = 15


def is_built():
    return os.access(PROGRAM, os.X_OK)


def endpoint(port):
    return f"{HOST}:{port}"


class Agent(Program):
    """One agent, in a folder of its own.  gateways: ports of HOST, or whole endpoints.
    Keyword arguments are settings of the file; those named here have other defaults."""

    def __init__(self, folder, key, gateways, prefix=(), **settings):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.key = key
        self.prefix = list(prefix)  # words before the program: nsenter and its like
        self.config_path = self.path("agent.conf")
        self.state_path = self.path("state.json")
        self.log_path = self.path("agent.log")
        self.process = None
        self.started_at = 0  # octets of the log before this start
        self.settings = {
            "gateways": [g if isinstance(g, str) else endpoint(g) for g in gateways],
            "key_file": "host.key",
            "state": self.state_path,
            "initial_delay": 0,
            "sources": [],
            "records": ["@ TXT agent"],
        }
        self.settings.update(settings)
        self.configure()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        """Replaces a file whole, as editors do."""
        with open(self.path(name) + "~", "w") as file:
            file.write(text)
        os.rename(self.path(name) + "~", self.path(name))
        return self.path(name)

    def configure(self, **settings):
        self.settings.update(settings)
        self.key.write(self.path("host.key"))
        text = settings_text({name: value for name, value in self.settings.items()
                              if value not in ([], None)})
        if self.settings["sources"] == []:
            text += "sources = ( );\n"
        self.write("agent.conf", text)

    def command(self, *args):
        return [*self.prefix, PROGRAM, "-c", self.config_path, *args]

    def start(self, *args, wait=True):
        assert self.process is None
        self.started_at = len(self.log())
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                self.command("-f", "-v", *args), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd=self.folder, env=self.environment())
        if wait:
            wait_for(self.is_ready, "the agent to be ready")
        return self

    def is_ready(self):
        self.assert_runs()
        return "is ready" in self.log()[self.started_at:]

    def run(self, *args, text=""):
        """Runs the agent once more, to its end: (exit status, standard output, standard
        error)."""
        done = subprocess.run(self.command(*args), input=text, text=True, cwd=self.folder,
                              capture_output=True, timeout=RUN_TIMEOUT_S, check=False,
                              env=self.environment())
        self.check()
        return done.returncode, done.stdout, done.stderr

    def status(self):
        """The output of --status --json."""
        return json.loads(self.run("--status", "--json")[1])

    def zone_status(self, zone="dyn.example."):
        return next(z for z in self.status()["zones"] if z["zone"] == zone)

    def wait_published(self, timeout_s=20):
        return wait_for(lambda: "are published at" in self.log()[self.started_at:],
                        "a publication", timeout_s)

    def stop(self, signum=signal.SIGTERM):
        """Harmless if the agent is not running."""
        if self.process is not None:
            self.end(signum)
        self.check()

    def kill(self):
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)
        self.process = None

    def log(self):
        try:
            with open(self.log_path, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""


# ---- a gateway that does as it is told ----

class Act:
    """What a fake gateway does with a request.  lease: seconds granted, None: no option."""

    def __init__(self, rcode="NOERROR", lease=None, ede=None, drop=False, truncate=False,
                 unsigned=False, wrong_mac=False, twice=False):
        self.rcode = rcode
        self.lease = lease
        self.ede = ede
        self.drop = drop
        self.truncate = truncate
        self.unsigned = unsigned
        self.wrong_mac = wrong_mac
        self.twice = twice


class Seen:
    """An update as it was received."""

    def __init__(self, message, transport):
        self.at = time.monotonic()
        self.message = message
        self.transport = transport

    @property
    def changes(self):
        """{"+host1 A 192.0.2.1", "-host1 A", "-host1 A 192.0.2.1"}"""
        found = set()
        for rrset in self.message.update:
            name = rrset.name.relativize(dns.name.from_text("dyn.example.")).to_text()
            rdtype = dns.rdatatype.to_text(rrset.rdtype)
            sign = "-" if rrset.deleting else "+"
            found |= {f"{sign}{name} {rdtype} {rdata.to_text()}" for rdata in rrset} or \
                {f"{sign}{name} {rdtype}"}
        return found

    @property
    def lease(self):
        for option in self.message.options:
            if option.otype == LEASE_OPTION:
                return struct.unpack("!I", option.to_wire()[:4])[0]
        return None


class FakeGateway:
    """Answers updates by act(seen), and remembers what it saw.  clock: how far its clock
    is ahead."""

    def __init__(self, key, act=None, clock=0):
        self.key = key
        self.act = act or (lambda seen: Act())
        self.clock = clock
        self.port = free_port()
        self.seen = []
        self.bad_times = 0
        self.is_closing = False
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((HOST, self.port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((HOST, self.port))
        self.tcp.listen(8)
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=target, daemon=True)
                        for target in (self._serve_udp, self._serve_tcp)]
        for thread in self.threads:
            thread.start()

    def close(self):
        self.is_closing = True
        for sock in (self.udp, self.tcp):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        for thread in self.threads:
            thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _serve_udp(self):
        while not self.is_closing:
            try:
                wire, source = self.udp.recvfrom(65535)
                for answer in self.handle(wire, "udp"):
                    self.udp.sendto(answer, source)
            except OSError:
                return

    def _serve_tcp(self):
        while not self.is_closing:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    length = struct.unpack("!H", self._read(connection, 2))[0]
                    for answer in self.handle(self._read(connection, length), "tcp"):
                        connection.sendall(struct.pack("!H", len(answer)) + answer)
                    connection.recv(1)
                except (OSError, EOFError):
                    pass

    @staticmethod
    def _read(connection, count):
        octets = b""
        while len(octets) < count:
            more = connection.recv(count - len(octets))
            if not more:
                raise EOFError
            octets += more
        return octets

    def handle(self, wire, transport):
        """The answers to a request, one after the other."""
        if len(wire) < 12:
            return []  # the socket is being closed
        with self.lock:
            plain, tsig = split_tsig(wire)
            now = int(time.time() + self.clock)
            mac = digest(self.key, struct.pack("!H", tsig.original_id) + plain[2:],
                         tsig.time, tsig.fudge)
            if mac != tsig.mac:
                return [self._refuse_key(plain, tsig)]
            if abs(now - tsig.time) > tsig.fudge:
                self.bad_times += 1
                return [self._sign(self._bare(plain, 9), tsig, at=tsig.time, error=18,
                                   other=struct.pack("!Q", now)[2:])]
            query = dns.message.from_wire(plain)
            seen = Seen(query, transport)
            if query.opcode() == dns.opcode.UPDATE:
                self.seen.append(seen)
            return self._answer(seen, tsig, plain, self.act(seen))

    def _answer(self, seen, tsig, plain, act):
        if act.drop:
            return []
        response = dns.message.make_response(seen.message)
        response.set_rcode(dns.rcode.from_text(act.rcode))
        options = []
        if act.lease is not None:
            options.append(dns.edns.GenericOption(
                LEASE_OPTION, struct.pack("!I", act.lease)))
        if act.ede is not None:
            options.append(dns.edns.GenericOption(
                EDE_OPTION, struct.pack("!H", 18) + act.ede.encode()))
        if options:
            response.use_edns(0, 0, 1232, options=options)
        else:
            response.use_edns(False)
        if act.truncate and seen.transport == "udp":
            response.flags |= dns.flags.TC
        wire = response.to_wire()
        if act.unsigned:
            return [wire]
        genuine = self._sign(wire, tsig)
        if act.wrong_mac:
            stranger = SharedKey(self.key.name)
            return [self._sign(self._bare(plain, 5), tsig, key=stranger), genuine]
        return [genuine, genuine] if act.twice else [genuine]

    @staticmethod
    def _bare(plain, rcode):
        """Only a header that answers a request."""
        flags = 0x8000 | struct.unpack("!H", plain[2:4])[0] & 0x7800 | rcode
        return plain[:2] + struct.pack("!HHHHH", flags, 0, 0, 0, 0)

    def _sign(self, wire, tsig, at=None, error=0, other=b"", key=None):
        key = key or self.key
        at = int(time.time() + self.clock) if at is None else at
        mac = digest(key, wire, at, FUDGE_S, error, other, tsig.mac)
        return append_record(wire, tsig_record(
            key, mac, at, struct.unpack("!H", wire[:2])[0], error=error, other=other))

    def _refuse_key(self, plain, tsig):
        """RFC 8945 5.3.2: BADKEY, unsigned."""
        return append_record(self._bare(plain, 9), tsig_record(
            self.key, b"", tsig.time, tsig.original_id, error=17))

    def updates(self):
        return list(self.seen)

    def wait_updates(self, count, timeout_s=20):
        wait_for(lambda: len(self.seen) >= count, f"{count} updates", timeout_s)
        return self.updates()


# ---- a network that loses and reorders ----

class LossyRelay:
    """UDP and TCP to a port.  Each datagram is lost with probability loss, doubled or held
    back behind others with probability disorder.  TCP passes.  cut() lets nothing through."""

    def __init__(self, target, loss=0.0, disorder=0.0, seed=1):
        self.target = target
        self.loss = loss
        self.disorder = disorder
        self.draw = random.Random(seed)
        self.port = free_port()
        self.is_cut = False
        self.is_closing = False
        self.passed = self.lost = 0
        self.clients = {}
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind((HOST, self.port))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def cut(self, is_cut=True):
        self.is_cut = is_cut

    def _send(self, sock, wire, address):
        if self.is_cut or self.draw.random() < self.loss:
            self.lost += 1
            return
        self.passed += 1
        delays = [0.0]
        if self.draw.random() < self.disorder:
            delays = [self.draw.uniform(0, 0.3)]
        if self.draw.random() < self.disorder:
            delays.append(self.draw.uniform(0, 0.3))
        for delay in delays:
            if delay:
                threading.Timer(delay, self._send_now, (sock, wire, address)).start()
            else:
                self._send_now(sock, wire, address)

    def _send_now(self, sock, wire, address):
        try:
            sock.sendto(wire, address)
        except OSError:
            pass  # its socket is closed, or its server is

    def _serve(self):
        while not self.is_closing:
            try:
                wire, client = self.front.recvfrom(65535)
            except OSError:
                return
            if client not in self.clients:
                back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                self.clients[client] = back
                back.bind((HOST, 0))
                threading.Thread(target=self._serve_back, args=(back, client),
                                 daemon=True).start()
            self._send(self.clients[client], wire, (HOST, self.target))

    def _serve_back(self, back, client):
        while not self.is_closing:
            try:
                wire, _ = back.recvfrom(65535)
            except ConnectionError:
                continue
            except OSError:
                return
            self._send(self.front, wire, client)

    def close(self):
        self.is_closing = True
        for sock in (self.front, *self.clients.values()):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- a container engine ----

class _EngineServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


class FakeEngine:
    """The part of a container engine's HTTP API that the agent asks for, on a Unix socket:
    GET /containers/json with filters of labels, GET /events, chunked as the real one."""

    # Podman before 4.4 has other words for some events.
    PODMAN_WORDS = {"die": "died", "destroy": "remove", "kill": "kill"}

    def __init__(self, path, words=None):
        self.path = str(path)
        self.words = words or {}
        self.is_mute = False  # no events
        self.containers = {}
        self.listeners = []
        self.lists = 0
        self.lock = threading.RLock()
        self.server = None
        self.serial = 0

    def start(self):
        engine = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                engine.serve(self)

        if os.path.exists(self.path):
            os.unlink(self.path)
        self.server = _EngineServer(self.path, Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()
        return self

    def stop(self):
        """Ends it like a crash: connections are cut, and the socket is gone."""
        if self.server is None:
            return
        self.server.shutdown()
        self.server.server_close()
        self.server = None
        os.unlink(self.path)
        with self.lock:
            listeners, self.listeners = self.listeners, []
        for listener in listeners:
            try:
                listener.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # -- containers --

    def run(self, name, labels, address="172.18.0.2", address6="", network="bridge",
            mode="bridge"):
        """Creates and starts one; its id."""
        with self.lock:
            self.serial += 1
            identity = f"{self.serial:064x}"
            self.containers[identity] = {
                "Id": identity, "Names": [f"/{name}"], "Image": "image", "State": "running",
                "Status": "Up", "Labels": labels, "Created": 0, "Ports": [], "Mounts": [],
                "HostConfig": {"NetworkMode": mode},
                "NetworkSettings": {"Networks": {network: {
                    "IPAddress": address, "GlobalIPv6Address": address6}}},
            }
        self.tell("create", identity)
        self.tell("start", identity)
        return identity

    def start_container(self, identity, address=None):
        with self.lock:
            container = self.containers[identity]
            container["State"] = "running"
            if address is not None:
                next(iter(container["NetworkSettings"]["Networks"].values()))["IPAddress"] = \
                    address
        self.tell("start", identity)

    def stop_container(self, identity):
        with self.lock:
            self.containers[identity]["State"] = "exited"
        for action in ("kill", "die", "stop"):
            self.tell(action, identity)

    def remove(self, identity):
        self.stop_container(identity)
        with self.lock:
            del self.containers[identity]
        self.tell("destroy", identity)

    def rename(self, identity, name):
        with self.lock:
            self.containers[identity]["Names"] = [f"/{name}"]
        self.tell("rename", identity)

    def tell(self, action, identity, kind="container"):
        if self.is_mute:
            return
        action = self.words.get(action, action)
        event = {"status": action, "id": identity, "Type": kind, "Action": action,
                 "Actor": {"ID": identity, "Attributes": {}}, "scope": "local",
                 "time": int(time.time()), "timeNano": time.time_ns()}
        with self.lock:
            for listener in list(self.listeners):
                wanted = listener.filters.get("event", [action])
                if action not in wanted or kind not in listener.filters.get("type", [kind]):
                    continue
                try:
                    self._chunk(listener, json.dumps(event) + "\n")
                except OSError:
                    self.listeners.remove(listener)

    # -- HTTP --

    @staticmethod
    def _chunk(handler, text):
        octets = text.encode()
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(octets), octets))
        handler.wfile.flush()

    def serve(self, handler):
        from urllib.parse import parse_qs, urlsplit
        line = handler.rfile.readline().decode()
        while handler.rfile.readline() not in (b"\r\n", b""):
            pass
        if not line.startswith("GET "):
            return
        url = urlsplit(line.split()[1])
        filters = json.loads(parse_qs(url.query).get("filters", ["{}"])[0])
        handler.filters = filters
        if url.path == "/events":
            self._serve_events(handler)
        elif url.path == "/containers/json":
            self._serve_list(handler, filters)
        else:
            handler.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    def _head(self, handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nApi-Version: 1.43\r\n"
                            b"Content-Type: application/json\r\nServer: fake\r\n"
                            b"Transfer-Encoding: chunked\r\n\r\n")
        handler.wfile.flush()

    def _serve_events(self, handler):
        with self.lock:
            self._head(handler)
            self.listeners.append(handler)
        try:
            handler.rfile.read(1)  # until the client goes
        except OSError:
            pass
        with self.lock:
            if handler in self.listeners:
                self.listeners.remove(handler)

    def _serve_list(self, handler, filters):
        with self.lock:
            self.lists += 1
            chosen = [container for container in self.containers.values()
                      if container["State"] == "running" and
                      all(label in container["Labels"] for label in filters.get("label", []))]
            text = json.dumps(chosen) + "\n"
        self._head(handler)
        for start in range(0, len(text), 1000):
            self._chunk(handler, text[start:start + 1000])
        handler.wfile.write(b"0\r\n\r\n")
