"""Servers that sign their zones, each in its own way, and what is theirs of such a zone."""

import re
import subprocess

import front
from servers import Bind, Knot, PowerDNS, find, wait_for

ZONE = front.NAME
DENIALS = ("nsec", "nsec3")
# BIND's note of what is still to sign is TYPE65534.
SIGNERS = {"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "TYPE65534"}

BIND_POLICY = """
dnssec-policy signed {{
	keys {{ csk lifetime unlimited algorithm ecdsap256sha256; }};
	{nsec3}
}};
"""
KNOT_POLICY = """\
policy:
  - id: signed
    single-type-signing: on
    algorithm: ecdsap256sha256
    nsec3: {nsec3}
    nsec3-salt-length: 0
    nsec3-iterations: 0
"""


class SigningBind(Bind):
    """is_inline: the zone that updates change is another one than the signed one."""

    def __init__(self, folder, denial, is_inline=False, **options):
        super().__init__(folder, zone_options=f"""\
dnssec-policy signed;
	key-directory "{folder}";
	inline-signing {"yes" if is_inline else "no"};""", **options)
        self.denial = denial

    def prepare(self):
        super().prepare()
        nsec3 = "nsec3param iterations 0 optout no salt-length 0;" \
            if self.denial == "nsec3" else ""
        with open(self.path("named.conf")) as file:
            config = file.read()
        self.write("named.conf", BIND_POLICY.format(nsec3=nsec3) + config)


class SigningKnot(Knot):
    def __init__(self, folder, denial, **options):
        super().__init__(folder, zone_options="""\
    dnssec-signing: on
    dnssec-policy: signed
""", **options)
        self.denial = denial

    def prepare(self):
        super().prepare()
        with open(self.path("knot.conf")) as file:
            config = file.read()
        policy = KNOT_POLICY.format(nsec3="on" if self.denial == "nsec3" else "off")
        self.write("knot.conf", config.replace("template:", policy + "template:", 1))


class SigningPowerDNS(PowerDNS):
    def __init__(self, folder, denial, **options):
        super().__init__(folder, options="gsqlite3-dnssec=yes", **options)
        self.denial = denial

    def _create_zone(self, zone):
        super()._create_zone(zone)
        self.pdnsutil("secure-zone", zone)
        if self.denial == "nsec3":
            self.pdnsutil("set-nsec3", zone, "1 0 0 -")
        self.pdnsutil("rectify-zone", zone)


def make_server(kind, denial, folder, **options):
    """Running, its zone signed."""
    if kind == "pdns":
        return SigningPowerDNS(folder, denial, **options).start()
    options.setdefault("keys", [front.Key()])
    if kind == "knot":
        server = SigningKnot(folder, denial, **options)
    else:
        server = SigningBind(folder, denial, is_inline=kind == "bind-inline", **options)
    server.start()
    wait_signed(server)
    return server


def wait_signed(server):
    wait_for(lambda: is_verified(server, content(server)), "the zone to be signed")


def content(server, key=None):
    """What it transfers, as sorted lines."""
    key = key or next(iter(server.keys), None)
    return sorted(server.axfr(ZONE, key=key))


def unsigned(lines):
    """Without what is the signer's, and the SOA."""
    return {line for line in lines if line.split()[2] not in SIGNERS | {"SOA"}}


def rrsigs(lines):
    """{(owner, type covered): TTL}, and the same of what is covered."""
    signatures, covered = {}, {}
    for line in lines:
        owner, ttl, rdtype, rdata = line.split(" ", 3)
        if rdtype == "RRSIG":
            signatures[owner, rdata.split()[0]] = ttl
        else:
            covered[owner, rdtype] = ttl
    return signatures, covered


def is_verified(server, lines):
    """Does ldns-verify-zone find nothing wrong with these lines?"""
    text = "".join(re.sub(r"^(\S+ \S+) ", r"\1 IN ", line) + "\n" for line in lines)
    path = server.write("transferred.zone", text)
    return subprocess.run([find("ldns-verify-zone"), "-V", "0", path], check=False,
                          capture_output=True).returncode == 0
