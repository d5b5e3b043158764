#!/usr/bin/python3
"""
Captures signed UPDATE messages of real clients into <client>-<what>.hex.

Starts itself again inside namespaces of its own (user, mount, network), where it is the only
name server on the only loopback and resolv.conf points to it, since some clients let nobody
choose the port.  There it runs one client after the other against itself, keeps the first
UPDATE that each sends, and refuses it with an unsigned answer, so that the client gives up.

    tests/vectors/capture.py [PREFIX...]     only the vectors whose names begin so

A client that is not installed is reported and left out.  The keys are in vectors.keys, which
is written when it is not there; they protect nothing, and must stay as they are as long as
one of the messages does.  Needs: bind9-dnsutils, knot-dnsutils, python3-dnspython, ldnsutils,
libnet-dns-perl, libdigest-hmac-perl, util-linux, iproute2.
"""
import base64
import os
import re
import secrets
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEYS = HERE / "vectors.keys"
INSIDE = "MUSTER_CAPTURE_INSIDE"
ADDRESS = ("127.0.0.1", 53)
CLIENT_LIMIT_S = 20
ZONE = "dyn.example."
UPDATE = 5
SOA, NS, A = 6, 2, 1

# key name: algorithm, octets of secret
KEY_SHAPES = {
    "md5.key.example.": ("hmac-md5", 16),
    "sha1.key.example.": ("hmac-sha1", 20),
    "sha224.key.example.": ("hmac-sha224", 28),
    "sha256.key.example.": ("hmac-sha256", 32),
    "sha384.key.example.": ("hmac-sha384", 48),
    "sha512.key.example.": ("hmac-sha512", 64),
    "sha256-128.key.example.": ("hmac-sha256-128", 32),
    "sha1-80.key.example.": ("hmac-sha1-80", 20),
    "long.key.example.": ("hmac-sha512", 200),  # longer than the block of its hash
}
PLAIN = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]

# ---- keys ----


def write_keys():
    text = "# Test keys of the vectors beside this file.  They are public: never use them.\n"
    for name, (algorithm, octets) in KEY_SHAPES.items():
        secret = base64.b64encode(secrets.token_bytes(octets)).decode()
        text += f'key "{name}" {{\n\talgorithm {algorithm};\n\tsecret "{secret}";\n}};\n'
    KEYS.write_text(text)


def read_keys():
    if not KEYS.exists():
        write_keys()
    found = re.findall(
        r'key "([^"]+)" \{\s*algorithm ([^;]+);\s*secret "([^"]+)";', KEYS.read_text()
    )
    return {name: (algorithm, secret) for name, algorithm, secret in found}


# ---- the server that is none ----


def wire_name(text):
    labels = [label.encode() for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner, rtype, rdata):
    return wire_name(owner) + struct.pack("!HHIH", rtype, 1, 60, len(rdata)) + rdata


def question_end(query):
    at = 12
    while query[at]:
        at += 1 + query[at]
    return at + 5


def answer(query):
    """Enough zone for a client to find where it wants to send its update."""
    ident, flags = struct.unpack("!HH", query[:4])
    if flags >> 11 & 15 == UPDATE:
        return struct.pack("!HHHHHH", ident, 0x8000 | UPDATE << 11 | 5, 0, 0, 0, 0)
    end = question_end(query)
    qtype = struct.unpack("!H", query[end - 4 : end - 2])[0]
    soa = record(
        ZONE,
        SOA,
        wire_name("ns." + ZONE) + wire_name("admin." + ZONE) + struct.pack("!5I", 1, 2, 3, 4, 5),
    )
    found = {
        SOA: soa,
        NS: record(ZONE, NS, wire_name("ns." + ZONE)),
        A: record("ns." + ZONE, A, socket.inet_aton(ADDRESS[0])),
    }.get(qtype)
    header = struct.pack("!HHHHHH", ident, 0x8400, 1, found is not None, found is None, 0)
    return header + query[12:end] + (found or soa)


def read_exactly(connection, count):
    octets = b""
    while len(octets) < count:
        more = connection.recv(count - len(octets))
        if not more:
            return None
        octets += more
    return octets


def serve_tcp(listener):
    """The first message of a connection."""
    with listener.accept()[0] as connection:
        connection.settimeout(CLIENT_LIMIT_S)
        length = read_exactly(connection, 2)
        message = length and read_exactly(connection, struct.unpack("!H", length)[0])
        if message:
            reply = answer(message)
            connection.sendall(struct.pack("!H", len(reply)) + reply)
        return message


def serve_udp(udp):
    message, peer = udp.recvfrom(65535)
    udp.sendto(answer(message), peer)
    return message


class Server:
    """UDP and TCP on ADDRESS; keeps the first UPDATE of each client."""

    def __init__(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(ADDRESS)
        self.tcp = socket.create_server(ADDRESS)

    def capture(self, client):
        """(transport, message, time) or None; the client is gone afterwards."""
        first, deadline = None, time.monotonic() + CLIENT_LIMIT_S
        while client.poll() is None and time.monotonic() < deadline:
            for ready in select.select([self.udp, self.tcp], [], [], 0.1)[0]:
                transport = "udp" if ready is self.udp else "tcp"
                message = serve_udp(ready) if transport == "udp" else serve_tcp(ready)
                if message and message[2] >> 3 & 15 == UPDATE and not first:
                    first = (transport, message, int(time.time()))
        client.kill()
        return first


# ---- the clients ----

ADD = ["update add host1.dyn.example. 300 A 192.0.2.1"]
MIXED = [
    "update delete host1.dyn.example. A",
    "update delete host2.dyn.example.",
    "update delete host1.dyn.example. TXT \"old\"",
    "update add host1.dyn.example. 300 AAAA 2001:db8::1",
    "update add alias.dyn.example. 60 CNAME host1.dyn.example.",
    "update add dyn.example. 3600 MX 10 host1.dyn.example.",
    "update add _sip._udp.dyn.example. 60 SRV 1 2 5060 host1.dyn.example.",
    "update add host1.dyn.example. 0 TXT \"two\" \"strings\"",
    "update add host1.dyn.example. 60 SSHFP 4 2 " + "ab" * 32,
    "update add host1.dyn.example. 60 TYPE65280 \\# 3 010203",
]
PREREQS = [
    "prereq nxdomain new.dyn.example.",
    "prereq yxdomain host1.dyn.example.",
    "prereq nxrrset host1.dyn.example. AAAA",
    "prereq yxrrset host1.dyn.example. A",
    "prereq yxrrset host1.dyn.example. TXT \"old\"",
    "prereq yxrrset host1.dyn.example. MX 10 mail.dyn.example.",
]
LARGE = [f"update add host1.dyn.example. 300 TXT \"{i:03d} {'x' * 200}\"" for i in range(60)]


class Vector:
    def __init__(self, name, key, argv, script="", counts=(0, 1), note=""):
        self.name, self.key, self.argv, self.script = name, key, argv, script
        self.counts, self.note = counts, note


def counts_of(lines):
    return (
        sum(line.startswith("prereq") for line in lines),
        sum(line.startswith("update") for line in lines),
    )


def key_file(name, keys, directory):
    algorithm, secret = keys[name]
    path = Path(directory, name + "key")
    path.write_text(f'key "{name}" {{ algorithm {algorithm}; secret "{secret}"; }};\n')
    path.chmod(0o600)
    return str(path)


def pair_file(name, keys, directory):
    """What dnssec-keygen -a HMAC-SHA256 made before it stopped making such keys."""
    secret = keys[name][1]
    path = Path(directory, f"K{name}+163+04711.private")
    path.write_text(f"Private-key-format: v1.3\nAlgorithm: 163 (HMAC_SHA256)\nKey: {secret}\n"
                    "Bits: AAA=\n")
    path.chmod(0o600)
    path.with_suffix(".key").write_text(f"{name} IN KEY 512 3 163 {secret}\n")
    return str(path)


def script_of(lines, extra=()):
    return "\n".join(
        [f"server {ADDRESS[0]} {ADDRESS[1]}", f"zone {ZONE}", *extra, *lines, "send", ""]
    )


def nsupdate_vectors(keys, directory):
    def vector(what, key, lines, options=(), key_options=None, note=""):
        key_options = key_options or ["-k", key_file(key, keys, directory)]
        argv = ["nsupdate", "-t", "2", "-r", "0", *options, *key_options]
        return Vector("nsupdate-" + what, key, argv, script_of(lines), counts_of(lines), note)

    for hash_name in PLAIN:
        key = f"{hash_name}.key.example."
        yield vector(f"udp-{hash_name}", key, ADD)
        yield vector(f"tcp-{hash_name}", key, ADD, ["-v"])
    key = "sha256.key.example."
    yield vector("udp-sha256-128", "sha256-128.key.example.", ADD, note="truncated MAC")
    yield vector("udp-sha1-80", "sha1-80.key.example.", ADD, note="truncated MAC")
    yield vector("udp-long-secret", "long.key.example.", ADD)
    yield vector("udp-prereqs", key, PREREQS + ADD)
    yield vector("udp-only-prereqs", key, PREREQS)
    yield vector("udp-mixed", key, MIXED)
    yield vector("tcp-mixed", key, PREREQS + MIXED, ["-v"])
    yield vector("tcp-large", key, LARGE, note="too large for UDP: TCP without being asked")
    yield vector("udp-pair-file", key, ADD, (), ["-k", pair_file(key, keys, directory)],
                 "key from a K*.private file")
    # Without algorithm nsupdate takes MD5 (and knsupdate SHA-256).
    key = "md5.key.example."
    yield vector("udp-command-line", key, ADD, (), ["-y", f"{key}:{keys[key][1]}"],
                 "-y name:secret, without algorithm")


def knsupdate_vectors(keys, directory):
    def vector(what, key, lines, options=()):
        algorithm, secret = keys[key]
        argv = ["knsupdate", "-t", "2", "-r", "0", *options]
        argv += ["-y", f"{algorithm}:{key}:{secret}"]
        return Vector("knsupdate-" + what, key, argv, script_of(lines), counts_of(lines))

    for hash_name in PLAIN:
        yield vector(f"udp-{hash_name}", f"{hash_name}.key.example.", ADD)
    key = "sha256.key.example."
    yield vector("tcp-sha256", key, ADD, ["-v"])
    yield vector("udp-prereqs", key, PREREQS + ADD)
    yield vector("udp-mixed", key, MIXED)
    yield vector("udp-large", key, LARGE[:20])
    argv = ["knsupdate", "-t", "2", "-r", "0", "-y", f"{key}:{keys[key][1]}"]
    yield Vector("knsupdate-udp-command-line", key, argv, script_of(ADD), counts_of(ADD),
                 "-y name:secret, without algorithm")


DNSPYTHON = """
import sys
import dns.query, dns.tsigkeyring, dns.update
where, transport, what, name, algorithm, secret = sys.argv[1:]
ring = dns.tsigkeyring.from_text({name: secret})
update = dns.update.Update("dyn.example.", keyring=ring, keyname=name, keyalgorithm=algorithm)
if what == "mixed":
    update.absent("new")
    update.present("host1", "A")
    update.present("host1", "TXT", '"old"')
    update.delete("host2")
    update.delete("host1", "A", "192.0.2.7")
    update.replace("host1", 300, "MX", "10 mail.dyn.example.")
update.add("host1", 300, "A", "192.0.2.1")
{"udp": dns.query.udp, "tcp": dns.query.tcp}[transport](update, where, timeout=2)
"""


def dnspython_vectors(keys, _directory):
    def vector(what, key, transport, content, counts):
        algorithm, secret = keys[key]
        if algorithm == "hmac-md5":
            algorithm += ".sig-alg.reg.int"  # dnspython knows MD5 by this name alone
        argv = [sys.executable, "-c", DNSPYTHON, ADDRESS[0], transport, content, key]
        return Vector("dnspython-" + what, key, argv + [algorithm, secret], counts=counts)

    for hash_name in PLAIN:
        key = f"{hash_name}.key.example."
        yield vector(f"udp-{hash_name}", key, "udp", "add", (0, 1))
    key = "sha256.key.example."
    yield vector("tcp-sha256", key, "tcp", "add", (0, 1))
    yield vector("udp-mixed", key, "udp", "mixed", (3, 5))
    yield vector("udp-sha256-128", "sha256-128.key.example.", "udp", "add", (0, 1))


def ldns_vectors(keys, _directory):
    wire_algorithms = {"md5": "hmac-md5.sig-alg.reg.int.", "sha1": "hmac-sha1."}
    for hash_name, wire in wire_algorithms.items():
        key = f"{hash_name}.key.example."
        argv = ["ldns-update", "host1.dyn.example.", ZONE]
        tail = [key, wire, keys[key][1]]
        yield Vector(f"ldns-add-{hash_name}", key, argv + ["192.0.2.1"] + tail)
        yield Vector(f"ldns-none-{hash_name}", key, argv + ["none"] + tail, counts=(0, 2))


NET_DNS = """
use strict;
use Net::DNS;
my ($where, $transport, $what, $name, $algorithm, $secret) = @ARGV;
my $update = Net::DNS::Update->new("dyn.example");
if ($what eq "mixed") {
	$update->push(pre => nxdomain("new.dyn.example"));
	$update->push(pre => yxrrset("host1.dyn.example A"));
	$update->push(update => rr_del("host2.dyn.example"));
	$update->push(update => rr_del("host1.dyn.example TXT"));
	$update->push(update => rr_add("alias.dyn.example 60 CNAME host1.dyn.example"));
}
$update->push(update => rr_add("host1.dyn.example 300 A 192.0.2.1"));
my $tsig = Net::DNS::RR->new(
	name => $name, type => "TSIG", algorithm => $algorithm, key => $secret);
$update->sign_tsig($tsig);
my $resolver = Net::DNS::Resolver->new(
	nameservers => [$where], retry => 1, udp_timeout => 2, tcp_timeout => 2,
	usevc => $transport eq "tcp");
$resolver->send($update);
"""


def net_dns_vectors(keys, _directory):
    def vector(what, key, transport, content, counts):
        algorithm, secret = keys[key]
        argv = ["perl", "-e", NET_DNS, ADDRESS[0], transport, content, key]
        argv += [algorithm.upper(), secret]
        return Vector("netdns-" + what, key, argv, counts=counts)

    for hash_name in PLAIN:
        key = f"{hash_name}.key.example."
        yield vector(f"udp-{hash_name}", key, "udp", "add", (0, 1))
    key = "sha256.key.example."
    yield vector("tcp-sha256", key, "tcp", "add", (0, 1))
    yield vector("udp-mixed", key, "udp", "mixed", (2, 4))


# name, command that prints the version, vectors
CLIENTS = [
    ("nsupdate", ["nsupdate", "-V"], nsupdate_vectors),
    ("knsupdate", ["knsupdate", "-V"], knsupdate_vectors),
    ("dnspython", [sys.executable, "-c", "import dns.version as v; print(v.version)"],
     dnspython_vectors),
    ("ldns-update", ["dpkg-query", "-W", "-f", "${Version}", "ldnsutils"], ldns_vectors),
    ("Net::DNS", ["perl", "-MNet::DNS", "-MDigest::HMAC", "-e", "print Net::DNS->version"],
     net_dns_vectors),
]


def version_of(command):
    """None: not installed."""
    if not shutil.which(command[0]):
        return None
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    text = (done.stdout or done.stderr).strip()
    return text.splitlines()[0] if done.returncode == 0 and text else None


# ---- capturing ----


def write_vector(vector, client, version, algorithm, captured):
    transport, message, now = captured
    lines = [
        f"# client: {client}",
        f"# version: {version}",
        f"# transport: {transport}",
        f"# key: {vector.key}",
        f"# algorithm: {algorithm}",
        f"# time: {now}",
        f"# zone: {ZONE}",
        f"# prereqs: {vector.counts[0]}",
        f"# changes: {vector.counts[1]}",
    ]
    if vector.note:
        lines.append(f"# note: {vector.note}")
    lines += [message[at : at + 32].hex() for at in range(0, len(message), 32)]
    (HERE / (vector.name + ".hex")).write_text("\n".join(lines) + "\n")


def run_vector(server, vector):
    with tempfile.TemporaryFile() as script, tempfile.TemporaryFile() as output:
        script.write(vector.script.encode())
        script.seek(0)
        client = subprocess.Popen(vector.argv, stdin=script, stdout=output, stderr=output)
        captured = server.capture(client)
        client.wait()
        if not captured:
            output.seek(0)
            print(output.read().decode(errors="replace"), file=sys.stderr)
        return captured


def capture_all(prefixes):
    keys, server, failed = read_keys(), Server(), 0
    with tempfile.TemporaryDirectory() as directory:
        for client, version_command, vectors in CLIENTS:
            version = version_of(version_command)
            if not version:
                print(f"{client}: not installed")
                continue
            for vector in vectors(keys, directory):
                if prefixes and not vector.name.startswith(tuple(prefixes)):
                    continue
                captured = run_vector(server, vector)
                said = f"{len(captured[1])} octets" if captured else "NOTHING CAPTURED"
                print(f"{vector.name}: {said}")
                failed += captured is None
                if captured:
                    write_vector(vector, client, version, keys[vector.key][0], captured)
    return 1 if failed else 0


def enter_namespaces(arguments):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as resolv:
        resolv.write(f"nameserver {ADDRESS[0]}\n")
        resolv.flush()
        inside = (
            "ip link set lo up && mount --bind \"$1\" /etc/resolv.conf && shift && exec \"$@\""
        )
        command = ["unshare", "--user", "--map-root-user", "--mount", "--net"]
        command += ["sh", "-c", inside, "sh", resolv.name, sys.executable, __file__, *arguments]
        return subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode


def main():
    if INSIDE in os.environ:
        return capture_all(sys.argv[1:])
    return enter_namespaces(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
