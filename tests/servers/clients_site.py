"""One gateway with zones at every kind of target, on port 53 of a network of its own, for
tests with the clients that people run.

    with own_network() as has_port_53:
        site = Site(gateways, folder, has_port_53)
        site.start()
        place = site.places["bind"]
        place.seen("www", "TXT")          # what BIND has there

Many clients speak to port 53 only, so the whole site runs there if it can.
"""

import contextlib
import ctypes
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import dns.name
import dns.reversename
import pytest

from front import (API_KEY_FILE, PATIENCE, is_installed, make_server, target_settings,
                   write_secret)
from gateway import SharedKey, run
from servers import HOST, Key, PowerDNS, find, have, wait_for

CLONE_NEWNET = 0x40000000
KINDS = {"local": None, "bind": "bind", "knot": "knot", "pdns": "pdns-sqlite"}
LEAST = {  # keys that may do what their clients need, by the type of the zone
    "acme.": {"forward": {"match": "pattern", "names": ["_acme-challenge.*"],
                          "types": ["TXT"]}},
    "dhcp.": {"forward": {"match": "zone", "types": ["A", "AAAA", "DHCID"]},
              "reverse": {"match": "zone", "types": ["PTR", "DHCID"]}},
    "sync.": {"forward": {"match": "zone", "types": ["A", "AAAA", "CNAME", "TXT"],
                          "transfer": True}},
}
ALGORITHMS = ["hmac-md5", "hmac-sha1", "hmac-sha256", "hmac-sha512"]


@contextlib.contextmanager
def own_network():
    """A network namespace for this thread and what it starts, with nothing but lo: True.  If
    that is not allowed, everything stays as it is: False."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    is_own = find("ip") is not None and libc.unshare(CLONE_NEWNET) == 0
    try:
        if is_own:
            subprocess.run([find("ip"), "link", "set", "lo", "up"], check=True)
        yield is_own
    finally:
        if is_own and libc.setns(before, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "cannot return to the network")
        os.close(before)


class Place:
    """A zone at one target, and the reverse zone beside it."""

    def __init__(self, site, kind, number):
        self.site = site
        self.kind = kind
        self.zone = f"{kind}.example."
        self.network = f"10.0.{number}."
        self.reverse = f"{number}.0.10.in-addr.arpa."
        self.server = None

    @property
    def gateway(self):
        return self.site.gateway

    @property
    def zone_texts(self):
        """The zones as they begin."""
        forward = f"""\
$ORIGIN {self.zone}
$TTL 300
@	SOA	ns1 hostmaster 10 3600 600 86400 60
@	NS	ns1
ns1	A	{HOST}
gateway	A	{HOST}
host1	A	192.0.2.11
host1	A	192.0.2.12
host1	TXT	"first" "second; with spaces"
www	CNAME	host1
*.wild	A	192.0.2.99
"""
        reverse = f"""\
$ORIGIN {self.reverse}
$TTL 300
@	SOA	ns1.{self.zone} hostmaster.{self.zone} 10 3600 600 86400 60
@	NS	ns1.{self.zone}
"""
        return {self.zone: forward, self.reverse: reverse}

    def address(self, last):
        return f"{self.network}{last}"

    def pointer(self, last):
        return dns.reversename.from_address(self.address(last)).to_text()

    def full(self, name):
        return self.zone if name == "@" else f"{name}.{self.zone}"

    # -- what there is --

    @property
    def target(self):
        """Where the effect of an update can be seen at once."""
        return self.server or self.gateway

    def seen(self, name, rdtype="A"):
        """RDATA at the target; name is relative to the zone, or ends with a dot."""
        return self.target.records(self._absolute(name), rdtype)

    def mirrored(self, name, rdtype="A"):
        return self.gateway.records(self._absolute(name), rdtype)

    def ttl(self, name, rdtype):
        return self.target.ttl(self._absolute(name), rdtype)

    def _absolute(self, name):
        return name if name.endswith(".") else self.full(name)

    def state(self):
        """Everything that a request without a change must leave alone."""
        rows = self.gateway.rows("SELECT count(*) AS count FROM journal JOIN zones "
                                 "ON zones.id = zone WHERE name = ? AND changes IS NOT "
                                 "NULL", dns.name.from_text(self.zone).to_wire())
        return self.target.serial(self.zone), rows[0]["count"]

    def update(self, key=None, **options):
        """By a client without peculiarities; names are absolute."""
        return self.gateway.update(self.zone, key=key or self.site.admin, **options)

    def contents(self):
        """The zone at the target, without its SOA."""
        key = self.site.admin if self.server is None else next(iter(self.server.keys), None)
        return {line for line in self.target.axfr(self.zone, key=key) if " SOA " not in line}


class Site:
    """The gateway, its keys, and a Place for each kind of target that is installed."""

    def __init__(self, gateways, folder, has_port_53):
        self.folder = str(folder)
        self.keys = {name: SharedKey(f"key-{name}.", name) for name in ALGORITHMS}
        self.admin = self.keys["hmac-sha256"]
        self.least = {name: SharedKey(name) for name in LEAST}
        self.has_port_53 = has_port_53
        self.places = {}
        for number, (kind, server_kind) in enumerate(KINDS.items(), 1):
            if server_kind is None or is_installed(server_kind):
                self.places[kind] = Place(self, kind, number)
        for kind, place in self.places.items():
            if KINDS[kind]:
                keys = [] if kind == "pdns" else [Key(f"to-{kind}.")]
                place.server = make_server(KINDS[kind], self.path(kind), keys=keys,
                                           zones=place.zone_texts)
        self.gateway = self._make_gateway(gateways)

    def path(self, name):
        return os.path.join(self.folder, name)

    def _make_gateway(self, gateways):
        zones, target_keys = {}, []
        for place in self.places.values():
            for zone, text in place.zone_texts.items():
                kind = "forward" if zone == place.zone else "reverse"
                zones[zone] = {"mname": place.full("gateway"), "allow": self._rules(kind),
                               "ack_timeout": PATIENCE,
                               "targets": [self._target(place, zone, text)]}
            target_keys += place.server.keys if place.server else ()
        gateway = gateways.make(zones=zones, folder=self.path("gateway"),
                                keys=[*self.keys.values(), *self.least.values(),
                                      *target_keys])
        listen = [{"address": HOST, "port": gateway.port}]
        if self.has_port_53:
            listen.append({"address": HOST, "port": 53})
        gateway.settings["listen"] = listen
        for place in self.places.values():
            if isinstance(place.server, PowerDNS):
                write_secret(gateway.path(API_KEY_FILE), place.server.api_key)
        return gateway

    def _rules(self, kind):
        rules = [{"keys": [key.name for key in self.keys.values()], "match": "zone",
                  "types": ["ANY"], "transfer": True}]
        return rules + [{"keys": [name], **rights[kind]} for name, rights in LEAST.items()
                        if kind in rights]

    def _target(self, place, zone, text):
        if place.server is not None:
            return target_settings(place.server)
        os.makedirs(self.folder, exist_ok=True)
        path = self.path(zone + "seed")
        with open(path, "w") as file:
            file.write(text)
        return {"type": "local", "file": path}

    # -- life --

    def start(self):
        for place in self.places.values():
            if place.server:
                place.server.start(wait=False)
        for place in self.places.values():
            if place.server:
                place.server.wait_ready()
        self.gateway.start()
        wait_for(self.is_loaded, "all zones to be loaded")

    def is_loaded(self):
        return all(self.gateway.query(zone, "SOA").answer for zone in self.gateway.zones)

    def stop(self):
        for place in self.places.values():
            if place.server:
                place.server.stop()

    # -- files for clients --

    def write(self, name, text):
        """A file for a client's use, readable by its owner only."""
        path = self.path(name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        return path

    def with_resolver(self, *command):
        """The command, run with an /etc/resolv.conf that names the gateway."""
        resolver = self.write("resolv.conf", f"nameserver {HOST}\n")
        return [find("unshare"), "-m", "sh", "-c",
                'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolver, *command]

    def can_set_resolver(self):
        return self.has_port_53 and have("unshare", "mount") and \
            run(self.with_resolver("true")).code == 0


# ---- for the files that import them ----

def needs(*programs):
    return pytest.mark.skipif(not have(*programs),
                              reason=f"{', '.join(programs)}: not installed")


def succeeds(ran):
    assert ran.code == 0, ran.output
    return ran.output


@pytest.fixture(scope="module")
def network():
    """Is the network one of its own, with a port 53?"""
    with own_network() as is_own:
        yield is_own


@pytest.fixture(scope="module")
def site(network, shared_gateways, tmp_path_factory):
    made = Site(shared_gateways, tmp_path_factory.mktemp("site"), network)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(params=KINDS)
def place(request, site):
    if request.param not in site.places:
        pytest.skip(f"{request.param} is not installed")
    return site.places[request.param]


@pytest.fixture
def port_53(site):
    if not site.has_port_53:
        pytest.skip("no network namespace, and so no port 53")


@pytest.fixture
def resolver(site):
    if not site.can_set_resolver():
        pytest.skip("no network namespace with a resolv.conf of its own")


@pytest.fixture(scope="module")
def at_once(site):
    """Runs work(place) at all places at once when it is first asked for; slow clients take
    no longer with four zones than with one."""
    begun = {}
    with ThreadPoolExecutor(len(site.places)) as pool:
        def result(work, place):
            if work not in begun:
                begun[work] = {kind: pool.submit(work, there)
                               for kind, there in site.places.items()}
            return begun[work][place.kind].result()

        yield result
