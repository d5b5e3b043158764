"""DHCP servers and clients that register names: Kea's D2, ISC's dhcpd and dhclient."""

import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess

from gateway import run
from servers import HOST, STOP_TIMEOUT_S, find, free_port, wait_for

ADD, REMOVE = 0, 1  # change-type
LEASE_S = 1200
# 100 in Debian, 500 in newer ones: a busy machine may take longer.
D2_PATIENCE_MS = int(os.environ.get("D2_PATIENCE_MS", "20000"))


def dhcid(client, name):
    """RFC 4701 3.3 with SHA-256, for a client identifier: the RDATA's octets."""
    labels = name.lower().rstrip(".").encode().split(b".")
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return b"\x00\x01\x01" + hashlib.sha256(client + wire).digest()


def release_frame(hardware, address, server):
    """A DHCPRELEASE (RFC 2131 4.4.4) in Ethernet, IPv4 and UDP without a checksum."""
    ours, theirs = socket.inet_aton(address), socket.inet_aton(server)
    bootp = struct.pack("!4BIHH4s12x", 1, 1, 6, 0, os.getpid(), 0, 0, ours) + \
        hardware.ljust(16, b"\0") + bytes(192) + b"\x63\x82\x53\x63" + \
        b"\x35\x01\x07" + b"\x36\x04" + theirs + b"\xff"
    udp = struct.pack("!4H", 68, 67, 8 + len(bootp), 0) + bootp
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, ours,
                         theirs)
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xffff) + (total >> 16)
    header = header[:10] + struct.pack("!H", ~total & 0xffff) + header[12:]
    return b"\xff" * 6 + hardware + b"\x08\x00" + header + udp


class Daemon:
    """A program in the foreground, with a log."""

    def __init__(self, folder, name):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.log_path = self.path(name + ".log")
        self.process = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
                  "w") as file:
            file.write(text)
        return self.path(name)

    def begin(self, command, **environment):
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd=self.folder,
                env={**os.environ, **environment})

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def wait_log(self, *texts, start=0):
        """Waits for one of the texts in the log from there on; says which."""
        def found():
            log = self.log()[start:]
            if any(text in log for text in texts):
                return [text for text in texts if text in log]
            assert self.process.poll() is None, self.log()
            return None

        return wait_for(found, f"{' or '.join(texts)} in {self.log_path}")[0]

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        finally:
            self.process.kill()
            self.process.wait(STOP_TIMEOUT_S)
        self.process = None


class Kea(Daemon):
    """The D2 server for all places of a site."""

    def __init__(self, folder, site, key):
        super().__init__(folder, "d2")
        self.port = free_port()
        server = {"ip-address": HOST, "port": site.gateway.port}

        def domains(zones):
            return {"ddns-domains": [{"name": zone, "key-name": key.name,
                                      "dns-servers": [server]} for zone in zones]}

        self.config = {"DhcpDdns": {
            "ip-address": HOST, "port": self.port, "dns-server-timeout": D2_PATIENCE_MS,
            "tsig-keys": [{"name": key.name, "algorithm": key.algorithm.upper(),
                           "secret": key.secret}],
            "forward-ddns": domains(place.zone for place in site.places.values()),
            "reverse-ddns": domains(place.reverse for place in site.places.values()),
            "loggers": [{"name": "kea-dhcp-ddns", "severity": "INFO",
                         "output_options": [{"output": "stdout"}]}],
        }}

    def start(self):
        config = self.write("d2.conf", json.dumps(self.config))
        self.begin([find("kea-dhcp-ddns"), "-c", config], KEA_PIDFILE_DIR=self.folder,
                   KEA_LOCKFILE_DIR=self.folder)
        self.wait_log("DHCP_DDNS_STARTED")
        return self

    def request(self, change, place, name, last, client=b"\x01client", resolves=True,
                forward=True, reverse=True):
        """As a DHCP server does it; True if D2 says that it has been done."""
        identifier = dhcid(client, place.full(name)).hex().upper()
        start = len(self.log())
        octets = json.dumps({
            "change-type": change, "forward-change": forward, "reverse-change": reverse,
            "fqdn": place.full(name), "ip-address": place.address(last),
            "dhcid": identifier, "lease-expires-on": "20350101000000",
            "lease-length": LEASE_S, "use-conflict-resolution": resolves}).encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client_socket:
            client_socket.sendto(struct.pack("!H", len(octets)) + octets, (HOST, self.port))
        verb = "ADD" if change == ADD else "REMOVE"
        said = self.wait_log(*(f"DHCP_DDNS_{verb}_{end} DHCP_DDNS Request ID {identifier}"
                               for end in ("SUCCEEDED", "FAILED")), start=start)
        return "SUCCEEDED" in said


class Isc(Daemon):
    """dhcpd for one network of each place, and a pair of interfaces for each: the server's
    ends are called dhcpN, the clients' leaseN.  Needs a network of its own."""

    def __init__(self, folder, site, key, client_updates=False):
        super().__init__(folder, "dhcpd")
        self.site = site
        self.key = key
        self.places = list(site.places.values())
        self.client_updates = client_updates
        self.clients = {}

    def number(self, place):
        return self.places.index(place) + 1

    def interface(self, place):
        return f"lease{self.number(place)}"

    @property
    def key_text(self):
        return f'key "{self.key.name}" {{ algorithm {self.key.algorithm}; ' \
            f'secret {self.key.secret}; }};\n'

    def zone_text(self, zone):
        return f"zone {zone} {{ primary {HOST}; key \"{self.key.name}\"; }}\n"

    def config(self):
        text = f"""\
authoritative;
ping-check false;
ddns-updates on;
ddns-update-style standard;
update-optimization off;
{"allow" if self.client_updates else "ignore"} client-updates;
default-lease-time {LEASE_S};
""" + self.key_text
        for place in self.places:
            text += self.zone_text(place.zone) + self.zone_text(place.reverse) + f"""\
subnet {place.network}0 netmask 255.255.255.0 {{
	range {place.address(100)} {place.address(120)};
	ddns-domainname "{place.zone.rstrip(".")}";
	ddns-rev-domainname "in-addr.arpa";
}}
"""
        return text

    def start(self):
        ip = find("ip")
        for place in self.places:
            name = f"dhcp{self.number(place)}"
            for command in (f"link add {name} type veth peer name {self.interface(place)}",
                            f"address add {place.address(1)}/24 dev {name}",
                            f"link set {name} up", f"link set {self.interface(place)} up"):
                ran = run([ip, *command.split()])
                assert ran.code == 0, ran.output
        self.write("dhcpd.leases", "")
        self.begin([find("dhcpd"), "-f", "-d", "-4", "--no-pid", "-user", "root", "-group",
                    "root", "-cf", self.write("dhcpd.conf", self.config()), "-lf",
                    self.path("dhcpd.leases"), *self.interfaces("dhcp")])
        self.wait_log("Server starting service")
        return self

    def interfaces(self, prefix):
        return [f"{prefix}{self.number(place)}" for place in self.places]

    def lease(self, place, host, config):
        """Runs a client until it is stopped or releases."""
        folder = self.path(f"{host}.{place.kind}")
        client = Daemon(folder, "dhclient")
        client.config = client.write("dhclient.conf", config)
        client.begin([*self.dhclient(client), "-d", "-1", self.interface(place)])
        self.clients[host, place.kind] = client
        client.wait_log("bound to")
        return client

    @staticmethod
    def dhclient(client):
        return [find("dhclient"), "-4", "-v", "-cf", client.config, "-lf",
                client.path("leases"), "-pf", client.path("pid"), "-sf", "/bin/true"]

    def release(self, place, host):
        """dhclient's way, but for its message, which it would send from an address that
        nobody gave to the interface."""
        client = self.clients.pop((host, place.kind))
        ran = run([*self.dhclient(client), "-r", self.interface(place)],
                  folder=client.folder)
        assert ran.code == 0, ran.output
        client.stop()
        found = re.findall(r"bound to (\S+)", client.log())
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as interface:
            interface.bind((self.interface(place), 0))
            hardware = interface.getsockname()[4]
            interface.send(release_frame(hardware, found[-1], place.address(1)))

    def stop(self):
        for client in self.clients.values():
            client.stop()
        super().stop()
        for name in self.interfaces("dhcp"):
            run([find("ip"), "link", "delete", name])
