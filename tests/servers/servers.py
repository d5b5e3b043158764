"""Real DNS servers on loopback, for tests.

Each class runs one server in the foreground, without privileges beyond those of the test, in
a folder of its own that holds its configuration, its data and its log.  A server keeps its
port over stop(), kill() and start(), so that tests can take it away and bring it back.

    server = Bind(folder, zones={"dyn.example.": ZONE}, keys=[key])
    server.start()                    # returns when it answers
    server.records("host.dyn.example.", "A")
    server.kill()

Nothing here sleeps for a fixed time: everything waits for a condition, with a bound.
"""

import contextlib
import fcntl
import glob
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.zone
import requests

HOST = "127.0.0.1"
# Long enough for a busy machine: nothing takes so long unless it fails.
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
QUERY_TIMEOUT_S = 30

ZONE = """\
$ORIGIN dyn.example.
$TTL 300
@	SOA	ns1 hostmaster 10 3600 600 86400 60
@	NS	ns1
@	NS	ns2
ns1	A	192.0.2.1
ns2	A	192.0.2.2
host1	A	192.0.2.11
host1	A	192.0.2.12
host1	AAAA	2001:db8::11
www	CNAME	host1
text	TXT	"first" "second; with spaces"
*.wild	A	192.0.2.99
"""


class Timeout(Exception):
    """A condition did not come true in time."""


def wait_for(condition, what, timeout_s=START_TIMEOUT_S):
    """Waits until condition() is true; returns its value."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f"waited {timeout_s} s for {what}")
        time.sleep(0.02)  # between two looks, not instead of one


# Neither of these ranges is one that the kernel or a name server picks from on its own.
SERVER_PORTS = range(2048, 20480)
CLIENT_PORTS = range(20480, 32000)


def _ports_of_this_process():
    """Ports, each locked for as long as this process lives: tests run in several processes,
    and servers that are down have nothing else that keeps theirs for them."""
    path = os.path.join(tempfile.gettempdir(), f"muster-test-ports-{os.getuid()}")
    start = random.SystemRandom().randrange(len(SERVER_PORTS))
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb") as locks:
        for port in [*SERVER_PORTS[start:], *SERVER_PORTS[:start]]:
            with contextlib.suppress(OSError):
                fcntl.lockf(locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                yield port


_ports = _ports_of_this_process()
_ports_lock = threading.Lock()


def free_port():
    """A port free for UDP and TCP on HOST, never the same twice in one run."""
    while True:
        with _ports_lock:
            port = next(_ports)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            with contextlib.suppress(OSError):
                tcp.bind((HOST, port))
                udp.bind((HOST, port))
                return port


def have(*programs):
    """Are all of these programs installed?  For pytest.mark.skipif."""
    return all(find(program) for program in programs)


def find(program):
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin" + os.pathsep + "/sbin"
    return shutil.which(program, path=path)


class Key:
    """A TSIG key, made by tsig-keygen."""

    def __init__(self, name="muster-to-target.", algorithm="hmac-sha256"):
        self.name = name if name.endswith(".") else name + "."
        self.algorithm = algorithm
        self.text = subprocess.run(
            [find("tsig-keygen"), "-a", algorithm, self.name],
            check=True, capture_output=True, text=True).stdout
        self.secret = re.search(r'secret "([^"]+)"', self.text).group(1)

    def write(self, path):
        """Writes the key as tsig-keygen prints it, readable by its owner only."""
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(self.text)
        return path

    @property
    def line(self):
        """alg:name:secret, as nsupdate -y takes it."""
        return f"{self.algorithm}:{self.name}:{self.secret}"

    @property
    def ring(self):
        return dns.tsigkeyring.from_text({self.name: self.secret})

    @property
    def dnspython_algorithm(self):
        if self.algorithm == "hmac-md5":
            return dns.tsig.HMAC_MD5
        return dns.name.from_text(self.algorithm)


class Server:
    """What all servers have in common; subclasses know the files and command lines.

    They have few threads, and what makes tests fast, unless as_packaged is true: then only
    addresses, folders and keys differ from what their packages install.
    """

    program = None

    def __init__(self, folder, zones=None, keys=(), port=None, as_packaged=False):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.zones = {"dyn.example.": ZONE} if zones is None else dict(zones)
        self.keys = list(keys)
        self.port = port or free_port()
        self.as_packaged = as_packaged
        self.log_path = os.path.join(self.folder, "server.log")
        self.process = None
        self.is_prepared = False

    # -- life --

    def command(self):
        raise NotImplementedError

    def prepare(self):
        """Writes configuration and data, once, before the first start."""
        raise NotImplementedError

    def start(self, wait=True):
        assert self.process is None, "already running"
        if not self.is_prepared:
            self.prepare()
            self.is_prepared = True
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd=self.folder)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        wait_for(self.is_ready, f"{self.program} to answer, see {self.log_path}")

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(
                f"{self.program} ended with {self.process.returncode}:\n{self.log()[-4000:]}")
        try:
            return all(
                self.query(zone, "SOA", timeout=1, tcp=True).answer for zone in self.zones)
        except (OSError, dns.exception.DNSException, EOFError):
            return False

    def _end(self, signum):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signum)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_TIMEOUT_S)
        self.process = None

    def stop(self):
        """Ends it in order.  Harmless when it does not run."""
        self._end(signal.SIGTERM)

    def kill(self):
        """Ends it like a crash."""
        self._end(signal.SIGKILL)

    def pause(self):
        """Stops the process: its connections stay open, but it does not answer."""
        self.process.send_signal(signal.SIGSTOP)
        wait_for(self._is_stopped, f"{self.program} to stand still")

    def _is_stopped(self):
        """All its threads: one may go on for a moment, take a message in, and die over it."""
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/stat"):
            try:
                with open(path) as file:
                    state = file.read().rpartition(")")[2].split()[0]
            except OSError:  # the thread has ended
                continue
            if state not in "TtZX":
                return False
        return True

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def write_zone_files(self):
        for zone, text in self.zones.items():
            self.write(zone.rstrip(".") + ".zone", text)

    # -- asking --

    def query(self, name, rdtype="A", key=None, tcp=True, timeout=QUERY_TIMEOUT_S, **options):
        """One question; the answer as dns.message.Message."""
        query = dns.message.make_query(name, rdtype, **options)
        query.flags &= ~dns.flags.RD
        return self.send(query, key, tcp, timeout)

    def send(self, message, key=None, tcp=True, timeout=QUERY_TIMEOUT_S):
        if key is not None:
            message.use_tsig(key.ring, algorithm=key.dnspython_algorithm)
        ask = dns.query.tcp if tcp else dns.query.udp
        return ask(message, HOST, timeout=timeout, port=self.port)

    def rrset(self, name, rdtype):
        """The RRset at name itself, or None."""
        answer = self.query(name, rdtype)
        return answer.get_rrset(
            answer.answer, dns.name.from_text(name), dns.rdataclass.IN,
            dns.rdatatype.from_text(rdtype))

    def records(self, name, rdtype):
        """The RDATA at name as a set of texts; empty when there is none."""
        found = self.rrset(name, rdtype)
        return set() if found is None else {rdata.to_text() for rdata in found}

    def ttl(self, name, rdtype):
        found = self.rrset(name, rdtype)
        return None if found is None else found.ttl

    def serial(self, zone="dyn.example."):
        return self.rrset(zone, "SOA")[0].serial

    def axfr(self, zone="dyn.example.", key=None):
        """The zone as a set of "owner ttl type rdata" lines."""
        options = {}
        if key is not None:
            options = {"keyring": key.ring, "keyname": key.name,
                       "keyalgorithm": key.dnspython_algorithm}
        transfer = dns.query.xfr(HOST, zone, port=self.port, relativize=False,
                                 timeout=QUERY_TIMEOUT_S, lifetime=60, **options)
        got = dns.zone.from_xfr(transfer, relativize=False)
        return {f"{name} {ttl} {dns.rdatatype.to_text(rdata.rdtype)} {rdata}"
                for name, ttl, rdata in got.iterate_rdatas()}

    def update(self, zone="dyn.example.", add=(), delete=(), key=None):
        """A client's UPDATE.  delete: (name[, type[, rdata]]); add: (name, ttl, type, rdata).
        Deletions stand first.  The rcode as text."""
        message = dns.update.UpdateMessage(zone)
        for entry in delete:
            message.delete(*entry)
        for entry in add:
            message.add(*entry)
        answer = self.send(message, key if key is not None else self.update_key())
        return dns.rcode.to_text(answer.rcode())

    def update_key(self):
        return self.keys[0] if self.keys else None


def _bind_name(key):
    return key.name.rstrip(".")


class Bind(Server):
    """named.  Keys may update and transfer; without keys every loopback client may."""

    program = "named"

    def __init__(self, folder, zones=None, keys=(), port=None, options="", zone_options="",
                 as_packaged=False):
        super().__init__(folder, zones, keys, port, as_packaged)
        self.options = options
        self.zone_options = zone_options

    def prepare(self):
        self.write_zone_files()
        who = "".join(f"key \"{_bind_name(key)}\"; " for key in self.keys) or f"{HOST}; "
        config = "".join(key.text for key in self.keys)
        config += f"""
options {{
	directory "{self.folder}";
	listen-on port {self.port} {{ {HOST}; }};
	listen-on-v6 {{ none; }};
	pid-file "{self.path("named.pid")}";
	session-keyfile none;
	lock-file none;
	recursion no;
	notify no;
	dnssec-validation no;
	{"" if self.as_packaged else "minimal-responses yes;"}
	{self.options}
}};
controls {{ }};
"""
        for zone in self.zones:
            config += f"""
zone "{zone}" {{
	type primary;
	file "{zone.rstrip(".")}.zone";
	allow-update {{ {who}}};
	allow-transfer {{ {who}}};
	{self.zone_options}
}};
"""
        self.write("named.conf", config)

    def command(self):
        threads = [] if self.as_packaged else ["-n", "1"]
        return [find("named"), "-g", *threads, "-c", self.path("named.conf"),
                "-p", str(self.port)]


class Knot(Server):
    """knotd.  Keys may update and transfer; without keys every loopback client may."""

    program = "knotd"

    def __init__(self, folder, zones=None, keys=(), port=None, zone_options="", server_options="",
                 as_packaged=False):
        super().__init__(folder, zones, keys, port, as_packaged)
        self.zone_options = zone_options
        self.server_options = server_options

    def prepare(self):
        self.write_zone_files()
        workers = "" if self.as_packaged else \
            "    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n"
        config = f"""\
server:
    listen: {HOST}@{self.port}
    rundir: {self.folder}
{workers}{self.server_options}
log:
  - target: stderr
    any: info
database:
    storage: {self.folder}
"""
        if self.keys:
            config += "key:\n"
        for key in self.keys:
            config += f"""\
  - id: {key.name}
    algorithm: {key.algorithm}
    secret: {key.secret}
"""
        config += "acl:\n  - id: writer\n    action: [update, transfer]\n"
        if self.keys:
            config += f"    key: [{', '.join(key.name for key in self.keys)}]\n"
        else:
            config += f"    address: {HOST}\n"
        checks = "" if self.as_packaged else "    semantic-checks: off\n"
        config += f"""\
template:
  - id: default
    storage: {self.folder}
{checks}zone:
"""
        for zone in self.zones:
            config += f"""\
  - domain: {zone}
    file: {zone.rstrip(".")}.zone
    acl: writer
{self.zone_options}
"""
        self.write("knot.conf", config)

    def command(self):
        return [find("knotd"), "-c", self.path("knot.conf")]


class PowerDNS(Server):
    """pdns_server with its HTTP API, and RFC 2136 if dnsupdate is true.

    backend is "gsqlite3" or "lmdb".  Caches are off, so that what is written can be read at
    once; caches=True leaves the defaults, as as_packaged does.  Keys may update (with dnsupdate) and transfer.
    """

    program = "pdns_server"
    SCHEMA = ("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql",
              "/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql",
              "/usr/share/doc/pdns/schema.sqlite3.sql")

    def __init__(self, folder, zones=None, keys=(), port=None, backend="gsqlite3",
                 dnsupdate=False, caches=False, options="", api_key="loopback-test",
                 as_packaged=False):
        super().__init__(folder, zones, keys, port, as_packaged)
        self.backend = backend
        self.dnsupdate = dnsupdate
        self.caches = caches or as_packaged
        self.options = options
        self.api_key = api_key
        self.api_port = free_port()

    @property
    def url(self):
        """What musterd.conf takes as url."""
        return f"http://{HOST}:{self.api_port}"

    def prepare(self):
        self.write_zone_files()
        yes_no = "yes" if self.dnsupdate else "no"
        config = f"""\
config-dir={self.folder}
socket-dir={self.folder}
daemon=no
guardian=no
local-address={HOST}
local-port={self.port}
primary=no
version-string=anonymous
security-poll-suffix=
loglevel=5
api=yes
api-key={self.api_key}
webserver=yes
webserver-address={HOST}
webserver-port={self.api_port}
webserver-allow-from={HOST}
dnsupdate={yes_no}
allow-dnsupdate-from={HOST}
allow-axfr-ips={"" if self.keys else HOST}
disable-axfr=no
"""
        if not self.as_packaged:
            config += "receiver-threads=1\ndistributor-threads=1\n"
        if not self.caches:
            config += "cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\n" \
                "zone-cache-refresh-interval=0\nzone-metadata-cache-ttl=0\n" \
                "domain-metadata-cache-ttl=0\n"
        config += self._backend_config() + self.options + "\n"
        self.write("pdns.conf", config)
        for key in self.keys:
            self.pdnsutil("import-tsig-key", key.name, key.algorithm, key.secret)
        for zone in self.zones:
            self._create_zone(zone)

    def _backend_config(self):
        if self.backend == "lmdb":
            return f"launch=lmdb\nlmdb-filename={self.path('pdns.lmdb')}\n" + \
                ("" if self.as_packaged else "lmdb-shards=1\n")
        schema = next(path for path in self.SCHEMA if os.path.exists(path))
        database = sqlite3.connect(self.path("pdns.sqlite3"))
        with open(schema) as file:
            database.executescript(file.read())
        database.execute("PRAGMA journal_mode=WAL")
        database.commit()
        database.close()
        return f"launch=gsqlite3\ngsqlite3-database={self.path('pdns.sqlite3')}\n" + \
            ("gsqlite3-dnssec=yes\n" if self.as_packaged else "gsqlite3-pragma-synchronous=0\n")

    def _create_zone(self, zone):
        self.pdnsutil("load-zone", zone, self.path(zone.rstrip(".") + ".zone"))
        self.pdnsutil("set-kind", zone, "primary")
        for key in self.keys:
            self.pdnsutil("add-meta", zone, "TSIG-ALLOW-AXFR", key.name.rstrip("."))
            self.pdnsutil("add-meta", zone, "TSIG-ALLOW-DNSUPDATE", key.name.rstrip("."))

    def pdnsutil(self, *arguments):
        done = subprocess.run(
            [find("pdnsutil"), f"--config-dir={self.folder}", *arguments],
            capture_output=True, text=True, cwd=self.folder, check=False)
        assert done.returncode == 0, f"pdnsutil {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def command(self):
        return [find("pdns_server"), f"--config-dir={self.folder}"]

    def is_ready(self):
        if not super().is_ready():
            return False
        try:
            return self.api("GET", "/servers/localhost").status_code == 200
        except requests.RequestException:
            return False

    def api(self, method, path, json=None, **options):
        """A request to the HTTP API; path without /api/v1."""
        return requests.request(
            method, f"{self.url}/api/v1{path}", json=json, timeout=QUERY_TIMEOUT_S,
            headers={"X-API-Key": self.api_key}, **options)

    def patch(self, zone, *rrsets):
        """PATCHes RRsets behind everybody's back: (name, type, ttl, [contents]); no contents
        delete."""
        body = {"rrsets": [
            {"name": name, "type": rdtype, "ttl": ttl,
             "changetype": "REPLACE" if contents else "DELETE",
             "records": [{"content": content, "disabled": False} for content in contents]}
            for name, rdtype, ttl, contents in rrsets]}
        return self.api("PATCH", f"/servers/localhost/zones/{zone}", json=body)
