"""musterd under test, and clients that decide exactly which octets they send.

    gateway = Gateway(folder, keys=[key])
    gateway.start()                   # returns when it is ready
    gateway.nsupdate("add host.dyn.example. 300 A 192.0.2.1", key)
    gateway.stop()                    # asserts exit status 0 and that no sanitizer spoke

The program is the environment's MUSTERD, else build-tests/musterd below the top folder.
Packet, sign() and Exchange write and read TSIG without any library, so that a message can be
wrong in one place, sent twice, or sent with another clock.
"""

import base64
import functools
import hashlib
import hmac
import ipaddress
import itertools
import os
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import time
from collections import namedtuple

import dns.edns
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.update

from packs import show_packed
from program import Program
from servers import CLIENT_PORTS, HOST, STOP_TIMEOUT_S, ZONE, Key, Server, find, wait_for

TOP_FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("MUSTERD", os.path.join(TOP_FOLDER, "build-tests", "musterd"))
ANSWER_TIMEOUT_S = 30
CLIENT_TIMEOUT_S = 120
FUDGE_S = 300

Ran = namedtuple("Ran", "code output")


def is_built():
    return os.access(PROGRAM, os.X_OK)


def add(name, *data, rdtype="A", ttl=300, zone="dyn.example."):
    """An UPDATE that adds records at one name."""
    message = dns.update.UpdateMessage(zone)
    for value in data:
        message.add(name, ttl, rdtype, value)
    return message


def run(command, text="", timeout=CLIENT_TIMEOUT_S, folder=None):
    """Runs a client to its end: its exit code, and everything that it printed."""
    done = subprocess.run(command, input=text, text=True, timeout=timeout, cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return Ran(done.returncode, done.stdout)


# ---- keys ----

class SharedKey(Key):
    """A key whose secret is given or drawn here, without a program."""

    def __init__(self, name, algorithm="hmac-sha256", secret=None):
        # pylint: disable=super-init-not-called
        self.name = name if name.endswith(".") else name + "."
        self.algorithm = algorithm
        self.secret = secret or base64.b64encode(os.urandom(32)).decode()
        self.text = f'key "{self.name}" {{\n\talgorithm {algorithm};\n' \
            f'\tsecret "{self.secret}";\n}};\n'

    @property
    def octets(self):
        return base64.b64decode(self.secret)


# ---- configuration ----

def to_libconfig(value, indent=0):
    """Dictionaries become groups, lists of dictionaries lists, other lists arrays.  Each
    setting and each group stands on a line of its own, for messages that name lines."""
    tabs = "\t" * indent
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{\n" + settings_text(value, indent + 1) + tabs + "}"
    parts = [to_libconfig(element, indent + 1) for element in value]
    if any(isinstance(element, dict) for element in value):
        return "(\n" + ",\n".join(f"{tabs}\t{part}" for part in parts) + f"\n{tabs})"
    return "[ " + ", ".join(parts) + " ]"


def settings_text(settings, indent=0):
    tabs = "\t" * indent
    return "".join(f"{tabs}{name} = {to_libconfig(value, indent)};\n"
                   for name, value in settings.items() if value is not None)


# ---- the gateway ----

# ---- the journal's octets ----

def key_text(row):
    if row["key"] is None:
        return "" if row["txn"] else None
    return dns.name.from_wire(row["key"], 0)[0].to_text()


def source_text(octets):
    """Address, and of a request the port and the transport."""
    if octets is None:
        return None
    length = 4 if len(octets) < 16 else 16
    address = str(ipaddress.ip_address(octets[:length]))
    if len(octets) == length:
        return address
    port, transport = struct.unpack("!HB", octets[length:])
    return f"{address}#{port}/{'udp' if transport == 1 else 'tcp'}"


def data_text(data):
    """Of a URI, dnspython can only write what is UTF-8."""
    try:
        return str(data)
    except UnicodeDecodeError:
        return str(data.to_generic())


def request_text(octets):
    """As musterctl audit has it; octets end before the additional section, or earlier if the
    request is large."""
    if octets is None:
        return None
    message = dns.message.from_wire(octets[:10] + b"\0\0" + octets[12:],
                                    continue_on_error=True)
    changes = []
    for rrset in message.sections[2]:
        form = {None: f"+{rrset.ttl}", dns.rdataclass.NONE: "-NONE",
                dns.rdataclass.ANY: "-ANY"}[rrset.deleting]
        rdtype = dns.rdatatype.to_text(rrset.rdtype)
        changes += [f"{form} {rrset.name} {rdtype} {text}".rstrip()
                    for text in [data_text(data) for data in rrset] or [""]]
    return "; ".join(changes)


def zone_threads():
    """ZONE_THREADS=3 runs every test with three of them."""
    count = os.environ.get("ZONE_THREADS")
    return {"zone_threads": int(count)} if count else {}


class Gateway(Program, Server):
    """musterd.  zones: name -> settings as in musterd.conf; one that names no targets is
    local and seeded with ZONE.  Without rules every key may do everything.  Other keyword
    arguments are settings at the top of the file; None takes one out."""

    program = "musterd"

    def __init__(self, folder, zones=None, keys=(), port=None, daemon=False, leaks=True,
                 **settings):
        super().__init__(folder, {}, keys, port)
        self.zones = {"dyn.example.": {}} if zones is None else dict(zones)
        self.daemon = daemon
        self.leaks = leaks  # looked for at the end?
        self.is_paused = False
        self.settings = settings
        self.database = self.path("muster.db")
        self.config_path = self.path("musterd.conf")
        self.pid_path = self.path("musterd.pid")

    # -- configuration --

    def whole_zone_rule(self):
        return {"keys": sorted({key.name for key in self.keys}), "match": "zone",
                "types": ["ANY"], "transfer": True}

    def write_keys(self):
        names = []
        for index, key in enumerate(self.keys):
            names.append(f"{index}.key")
            key.write(self.path(names[-1]))
        return names

    def zone_settings(self, name):
        settings = {"name": name}
        settings.update(self.zones[name])
        if "targets" not in settings:
            seed = self.path(name.replace("/", "-").rstrip(".")[-64:] + ".seed")
            if not os.path.exists(seed):
                with open(seed, "w") as file:
                    file.write(ZONE.replace("dyn.example.", name))
            settings["targets"] = [{"type": "local", "file": seed}]
        if "allow" not in settings and self.keys:
            settings["allow"] = [self.whole_zone_rule()]
        return settings

    def config(self):
        settings = {
            "listen": [{"address": HOST, "port": self.port}],
            "database": self.database,
            "pid_file": self.pid_path,
            "threads": 2,
            **zone_threads(),
            "key_files": self.write_keys(),
            "zones": [self.zone_settings(name) for name in self.zones],
        }
        settings.update(self.settings)
        return settings_text(settings)

    def prepare(self):
        self.write("musterd.conf", self.config())

    def reconfigure(self):
        """Writes the configuration anew and tells the gateway; returns when it has read it,
        with the lines that it logged since."""
        self.prepare()
        return self.reload()

    # -- life --

    def command(self):
        return [PROGRAM, "-c", self.config_path] + ([] if self.daemon else ["-f"])

    def start(self, wait=True):
        assert self.process is None, "already running"
        if not self.is_prepared:
            self.prepare()
            self.is_prepared = True
        if os.path.exists(self.pid_path):
            os.unlink(self.pid_path)
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd=self.folder, env=self.environment())
        if self.daemon:
            self._adopt_daemon()
        elif wait:
            self.wait_ready()
        return self

    def _adopt_daemon(self):
        code = self.process.wait(STOP_TIMEOUT_S)
        self.process = None
        if code != 0:
            raise RuntimeError(f"musterd ended with {code}:\n{self.log()[-4000:]}")
        self.process = Daemon(self.pid)

    @property
    def pid(self):
        with open(self.pid_path) as file:
            return int(file.read())

    def is_ready(self):
        self.assert_runs()
        return os.path.exists(self.pid_path)

    def stop(self):
        """Ends it with SIGTERM, and asserts that it ended as it should.  Harmless if it
        is not running."""
        if self.process is not None:
            # Not when it is not needed: it would take away the SIGSTOP by which the leak
            # check stops threads at the end.
            if self.is_paused:
                self.resume()
            self.end(signal.SIGTERM)
            assert not os.path.exists(self.pid_path), "the PID file is still there"
        self.check()

    def kill(self):
        super().kill()
        self.check()

    def pause(self):
        super().pause()
        self.is_paused = True

    def resume(self):
        super().resume()
        self.is_paused = False

    def restart(self):
        self.stop()
        return self.start()

    # -- what it says about a request --

    def lines_about(self, port):
        """The log's lines about requests from this port of ours."""
        return [line for line in self.log().splitlines() if f" from {HOST}#{port}/" in line]

    def rows(self, sql, *values):
        """Rows of the database, as dictionaries."""
        database = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)
        try:
            if "journal" in sql:
                show_packed(database)
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, values)]
        finally:
            database.close()

    def journal(self, condition):
        """The rows of the journal for which this is true, with text for octets."""
        return [{**row, "key": key_text(row), "source": source_text(row["source"]),
                 "request": request_text(row["request"])}
                for row in self.rows(f"SELECT * FROM journal WHERE {condition} ORDER BY seq")]

    def audit(self, port=None):
        """The journal's rows, or only those about requests from this port of ours."""
        rows = self.journal("true")
        if port is None:
            return rows
        return [row for row in rows if (row["source"] or "").startswith(f"{HOST}#{port}/")]

    # -- clients --

    def key_path(self, key):
        path = self.path(f"client-{hashlib.sha1(key.text.encode()).hexdigest()[:8]}.key")
        return path if os.path.exists(path) else key.write(path)

    def nsupdate(self, script, key=None, args=()):
        """nsupdate -k KEY; the script needs neither server nor send."""
        with_key = [] if key is None else ["-k", self.key_path(key)]
        lines = f"server {HOST} {self.port}\n{script}\n"
        if "send" not in script.split():
            lines += "send\n"
        return run([find("nsupdate"), *with_key, *args], lines, folder=self.folder)

    def knsupdate(self, script, key=None, args=()):
        with_key = [] if key is None else ["-y", key.line]
        lines = f"server {HOST} {self.port}\n{script}\n"
        if "send" not in script.split():
            lines += "send\n"
        return run([find("knsupdate"), *with_key, *args], lines, folder=self.folder)

    def dig(self, *args, key=None):
        with_key = [] if key is None else ["-k", self.key_path(key)]
        return run([find("dig"), f"@{HOST}", "-p", str(self.port), *with_key, *args],
                   folder=self.folder)

    def exchange(self, wire, tcp=False, timeout=ANSWER_TIMEOUT_S):
        """Sends these octets from a new port; what came back, as an Answer."""
        with Udp(self.port) if not tcp else Tcp(self.port) as client:
            client.send(wire)
            answer = client.receive(timeout)
            answer.port = client.local_port
            return answer


class Daemon:
    """A process that is not our child, with the methods of one that is."""

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None

    def poll(self):
        try:
            with open(f"/proc/{self.pid}/stat") as file:
                if file.read().rsplit(")", 1)[1].split()[0] != "Z":
                    return None
        except OSError:
            pass
        self.returncode = 0  # nobody can know it
        return 0

    def wait(self, timeout):
        wait_for(lambda: self.poll() is not None, f"process {self.pid} to end", timeout)
        return self.returncode

    def send_signal(self, signum):
        os.kill(self.pid, signum)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)


# ---- octets ----

# None that the kernel gives to others, so that a port in the log and the journal is ours, and
# one client's.
_own_ports = itertools.cycle(CLIENT_PORTS)
for _ in range(os.getpid() % len(CLIENT_PORTS)):
    next(_own_ports)


def own_socket(kind, source=HOST):
    while True:
        client = socket.socket(socket.AF_INET, kind)
        try:
            client.bind((source, next(_own_ports)))
            return client
        except OSError:
            client.close()


class Udp:
    """A client with one socket."""

    def __init__(self, port):
        self._connect(socket.SOCK_DGRAM, port)

    def _connect(self, kind, port, source=HOST):
        self.socket = own_socket(kind, source)
        self.socket.settimeout(ANSWER_TIMEOUT_S)
        self.socket.connect((HOST, port))
        self.local_port = self.socket.getsockname()[1]

    def send(self, wire):
        self.socket.send(wire)

    def receive(self, timeout=ANSWER_TIMEOUT_S):
        self.socket.settimeout(timeout)
        return Answer(self.socket.recv(65535))

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Tcp(Udp):
    """A client with one connection."""

    def __init__(self, port, source=HOST):
        # pylint: disable=super-init-not-called
        self._connect(socket.SOCK_STREAM, port, source)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, wire):
        self.socket.settimeout(ANSWER_TIMEOUT_S)
        self.socket.sendall(struct.pack("!H", len(wire)) + wire)

    def _read(self, count):
        octets = b""
        while len(octets) < count:
            more = self.socket.recv(count - len(octets))
            if not more:
                raise EOFError("the connection was closed")
            octets += more
        return octets

    def receive(self, timeout=ANSWER_TIMEOUT_S):
        return Answer(self.receive_octets(timeout))

    def receive_octets(self, timeout=ANSWER_TIMEOUT_S):
        self.socket.settimeout(timeout)
        return self._read(struct.unpack("!H", self._read(2))[0])

    def finish(self):
        """Ends the sending direction; answers can still be received."""
        self.socket.shutdown(socket.SHUT_WR)

    def is_closed(self, timeout=ANSWER_TIMEOUT_S):
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


Tsig = namedtuple("Tsig", "name algorithm time fudge mac original_id error other")

HASHES = {
    "hmac-md5": ("md5", "hmac-md5.sig-alg.reg.int."),
    "hmac-md5.sig-alg.reg.int": ("md5", "hmac-md5.sig-alg.reg.int."),
}


def algorithm_of(key):
    """Hash, name on the wire and octets of the MAC (RFC 8945 6)."""
    name, bits = key.algorithm, None
    found = re.fullmatch(r"(hmac-sha\d+)-(\d+)", name)
    if found and f"{name}." not in ("hmac-sha256-128.", "hmac-sha384-192.",
                                    "hmac-sha512-256."):
        name, bits = found.group(1), int(found.group(2))
    hash_name, wire_name = HASHES.get(name, (name.split("-")[1], name + "."))
    if found and bits is None:
        bits = int(found.group(2))
    return hash_name, wire_name, bits // 8 if bits else hashlib.new(hash_name).digest_size


def _canonical(name):
    return dns.name.from_text(name).canonicalize().to_wire()


def _u48(value):
    return struct.pack("!HI", value >> 32, value & 0xffffffff)


def digest(key, wire, time_signed, fudge=FUDGE_S, error=0, other=b"", request_mac=b"",
           variables=True):
    """RFC 8945 4.3 over a message without its TSIG."""
    hash_name, wire_name, length = algorithm_of(key)
    mac = hmac.new(base64.b64decode(key.secret), digestmod=hash_name)
    if request_mac:
        mac.update(struct.pack("!H", len(request_mac)) + request_mac)
    mac.update(wire)
    if variables:
        mac.update(_canonical(key.name) + struct.pack("!HI", 255, 0) + _canonical(wire_name))
    mac.update(_u48(time_signed) + struct.pack("!H", fudge))
    if variables:
        mac.update(struct.pack("!HH", error, len(other)) + other)
    return mac.digest()[:length]


def tsig_record(key, mac, time_signed, original_id, fudge=FUDGE_S, error=0, other=b"",
                algorithm=None):
    wire_name = algorithm or algorithm_of(key)[1]
    rdata = dns.name.from_text(wire_name).to_wire() + _u48(time_signed) + \
        struct.pack("!HH", fudge, len(mac)) + mac + \
        struct.pack("!HHH", original_id, error, len(other)) + other
    return dns.name.from_text(key.name).to_wire() + \
        struct.pack("!HHIH", 250, 255, 0, len(rdata)) + rdata


def append_record(wire, record):
    """With ARCOUNT raised."""
    count, = struct.unpack("!H", wire[10:12])
    return wire[:10] + struct.pack("!H", count + 1) + wire[12:] + record


class Signed:
    """A signed message: wire, and mac, which its answer's MAC is made with."""

    def __init__(self, wire, key, at=None, fudge=FUDGE_S, header_id=None, mac=None,
                 mac_len=None, algorithm=None):
        """at: its clock.  header_id: another id put in front after signing.  mac: another
        one.  mac_len: cut to so many octets.  algorithm: another one's name."""
        at = int(time.time()) if at is None else int(at)
        self.key = key
        self.mac = digest(key, wire, at, fudge) if mac is None else mac
        self.mac = self.mac[:mac_len]
        original_id, = struct.unpack("!H", wire[:2])
        self.wire = append_record(
            wire, tsig_record(key, self.mac, at, original_id, fudge, algorithm=algorithm))
        if header_id is not None:
            self.wire = struct.pack("!H", header_id) + self.wire[2:]


def sign(message, key, **options):
    """A dnspython message, or octets, signed by hand."""
    wire = message if isinstance(message, bytes) else message.to_wire(max_size=65535)
    return Signed(wire, key, **options)


def _skip_name(wire, at):
    while wire[at]:
        if wire[at] >= 0xc0:
            return at + 2
        at += 1 + wire[at]
    return at + 1


def split_tsig(wire):
    """The octets before the TSIG record with ARCOUNT as it was, and the record or None."""
    counts = struct.unpack("!HHHH", wire[4:12])
    at = 12
    for _ in range(counts[0]):
        at = _skip_name(wire, at) + 4
    start = at
    for _ in range(sum(counts[1:])):
        start, at = at, _skip_name(wire, at)
        rdtype, _, _, length = struct.unpack("!HHIH", wire[at:at + 10])
        at += 10 + length
    assert at == len(wire), f"{len(wire) - at} octets after the last record"
    if sum(counts[1:]) == 0 or rdtype != 250:
        return wire, None
    name, _ = dns.name.from_wire(wire, start)
    rdata = at - length
    algorithm, used = dns.name.from_wire(wire, rdata)
    rdata += used
    high, low, fudge, mac_len = struct.unpack("!HIHH", wire[rdata:rdata + 10])
    mac = wire[rdata + 10:rdata + 10 + mac_len]
    rdata += 10 + mac_len
    original_id, error, other_len = struct.unpack("!HHH", wire[rdata:rdata + 6])
    other = wire[rdata + 6:rdata + 6 + other_len]
    assert rdata + 6 + other_len == at, "TSIG RDATA has a wrong length"
    tsig = Tsig(name.to_text(), algorithm.to_text(), high << 32 | low, fudge, mac,
                original_id, error, other)
    return wire[:10] + struct.pack("!H", counts[3] - 1) + wire[12:start], tsig


class Answer:
    """A message that came back.  Its TSIG is taken off and judged by is_authentic only."""

    def __init__(self, wire):
        self.wire = wire
        self.plain, self.tsig = split_tsig(wire)
        self.id, self.flags = struct.unpack("!HH", wire[:4])
        # Read as an answer to a query: dnspython refuses UPDATEs whose zone section is what
        # we have sent to see whether it is refused.
        self._as_query = self.plain[:2] + struct.pack("!H", self.flags & ~0x7800) + \
            self.plain[4:]
        self.message = dns.message.from_wire(self._as_query)
        self.opcode = self.flags >> 11 & 15
        self.rcode = dns.rcode.to_text(self.message.rcode())
        self.port = None  # of ours, if somebody cares

    def is_authentic(self, request):
        """Was it made for this request, by somebody who knows its key (RFC 8945 5.3)?"""
        if self.tsig is None or not self.tsig.mac:
            return False
        plain = struct.pack("!H", self.tsig.original_id) + self.plain[2:]
        mac = digest(request.key, plain, self.tsig.time, self.tsig.fudge, self.tsig.error,
                     self.tsig.other, request.mac)
        return hmac.compare_digest(mac[:len(self.tsig.mac)], self.tsig.mac) and \
            len(self.tsig.mac) >= len(request.mac) and \
            self.tsig.name == request.key.name

    @functools.cached_property
    def rrs(self):
        """The answer section, record by record in order."""
        return dns.message.from_wire(self._as_query, one_rr_per_rrset=True).answer

    def records(self):
        """"owner ttl type rdata" in order."""
        return [f"{rr.name} {rr.ttl} {dns.rdatatype.to_text(rr.rdtype)} {rr[0]}"
                for rr in self.rrs]

    def soa_serials(self):
        return [rr[0].serial for rr in self.rrs if rr.rdtype == dns.rdatatype.SOA]

    @property
    def ede(self):
        """(code, text) of the EDE option, or None."""
        for option in self.message.options:
            if option.otype == dns.edns.OptionType.EDE:
                return int(option.code), option.text or ""
        return None
