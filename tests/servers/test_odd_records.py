"""Records that no client could add, or that Muster cannot read at all, in the zones of real
servers: the zone is in service, they stay as they are, and clients work beside them."""

import sqlite3
import struct

import dns.message
import dns.opcode
import dns.rcode
import pytest

from front import NAME, Front, full, is_installed, make_server
from gateway import Tcp
from servers import ZONE, wait_for

# As Knot takes them from a zone file, and gives them on.
AT_KNOT = """\
naptr1	NAPTR	100 10 "u" "E2U+sip" "!^(.*$!sip:a!" .
naptr2	NAPTR	100 10 "u" "E2U+sip" "nodelim" .
https1	HTTPS	1 . no-default-alpn
https2	HTTPS	1 . key7="abc"
https4	HTTPS	1 . key65535="x"
https6	TYPE65	\\# 8 000100 0004 0001 01
ipsec4	TYPE45	\\# 5 0a0402ffff
nsec0	TYPE47	\\# 3 016100
sshfp1	SSHFP	1 1 aabb
sshfp2	TYPE44	\\# 2 0101
uri	TYPE256	\\# 4 000a0001
caa1	TYPE257	\\# 5 0000757678
caa2	CAA	0 iss-ue "x"
cds1	CDS	1 0 2 aabb
cdnskey	CDNSKEY	1 3 0 AQ==
tlsa0	TYPE52	\\# 3 030101
loc1	TYPE29	\\# 16 01121613800000008000000000989680
hinfo1	TYPE13	\\# 2 0161
hinfo3	TYPE13	\\# 6 016101620163
apl	TYPE42	\\# 4 00030000
wks	TYPE11	\\# 4 c0000201
txtbad	TYPE16	\\# 3 056162
key0	TYPE25	\\# 4 01000308
cert0	TYPE37	\\# 5 0000000000
dhcid1	TYPE49	\\# 1 01
csync1	TYPE62	\\# 8 0000000000030001
zonemd0	TYPE63	\\# 6 000000010101
hip	TYPE55	\\# 4 00020000
a6	TYPE38	\\# 1 40
svcb	TYPE64	\\# 2 0001
amtrelay	TYPE260	\\# 2 0a01
res	TYPE261	\\# 0
"""
AT_BIND = """\
https4	HTTPS	1 . key65535="x"
uri	URI	10 1 ""
cdnskey	TYPE60	\\# 5 0001030001
apl	TYPE42	\\# 4 00030000
dhcid1	TYPE49	\\# 1 01
loc1	TYPE29	\\# 16 01121613800000008000000000989680
"""
SIGNERS = {"nsec0"}  # what a signer makes is answered by other rules

# name, type, content: what PowerDNS gives back in its API, with either back end.
LONG = '"v=DKIM1; p=' + "A" * 392 + '"'
AT_POWERDNS = [
    ("dkim", "TXT", LONG),
    ("latin", "TXT", '"' + "\\233" * 300 + '"'),
    ("hinfo", "HINFO", '"PC" '),
    ("loc", "LOC", "60 8 60.000 N 24 38 60.000 E 10.00m 20.00m 2000.00m 20.00m"),
    ("uri", "URI", '10 1 ""'),
    ("sshfp", "SSHFP", "1 1 aabb"),
    ("auto", "HTTPS", "1 . ipv4hint=auto"),
    ("alpn", "HTTPS", "1 . no-default-alpn"),
    ("seven", "HTTPS", '1 . key7="abc"'),
    ("mandatory", "SVCB", "1 . mandatory=alpn"),
    ("lua", "LUA", 'A "' + "x" * 300 + '"'),
    ("luatype", "LUA", 'TYPE65280 "x"'),
    ("naptr", "NAPTR", '100 10 "u" "E2U+sip" "!^(.*$!sip:a!" .'),
    ("ds", "CDS", "1 8 2 aabb"),
    ("caa", "CAA", '0 iss-ue "x"'),
    ("nsec", "NSEC", "a.dyn.example."),
]
# What a client adds beside them.
BESIDE = {
    "TXT": ('"beside"', '"beside"'), "HINFO": ('"a" "b"', '"a" "b"'),
    "LOC": ("0 9 0.000 N 0 0 0.000 W 0.00m 1.00m 10000.00m 10.00m",) * 2,
    "URI": ('1 1 "x"',) * 2, "SSHFP": ("4 2 " + "ab" * 32,) * 2,
    "HTTPS": ("2 b.dyn.example.",) * 2, "SVCB": ("2 b.dyn.example.",) * 2,
    "NAPTR": ('1 1 "" "" "" b.',) * 2, "CAA": ('0 issue "x"',) * 2,
}
NOT_ON_LMDB = {"auto", "uri"}  # which loses them itself


@pytest.fixture(params=["pdns-sqlite", "pdns-lmdb"])
def powerdns(request, tmp_path, gateways, admin):
    if not is_installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    server = make_server(request.param, tmp_path / "pdns")
    server.start()
    is_lmdb = server.backend == "lmdb"
    server.odd = [record for record in AT_POWERDNS
                  if not (is_lmdb and record[0] in NOT_ON_LMDB)]
    for name, rdtype, content in server.odd:
        answer = server.patch(NAME, (full(name), rdtype, 60, [content]))
        assert answer.ok, answer.text
    assert server.api("PUT", f"/servers/localhost/zones/{NAME}",
                      json={"soa_edit_api": "INCREASE"}).ok
    with Front(gateways, admin, [server], zone={"refresh": "1h"}) as front:
        yield front


def contents(server, name, rdtype):
    """What the API has there now; PowerDNS spells some of it in its own way."""
    rrsets = server.api("GET", f"/servers/localhost/zones/{NAME}").json()["rrsets"]
    return {record["content"] for rrset in rrsets for record in rrset["records"]
            if (rrset["name"], rrset["type"]) == (full(name), rdtype)}


def wire_type(rdtype):
    return "TYPE65402" if rdtype == "LUA" else rdtype


def last_seq(front):
    return front.gateway.rows("SELECT max(seq) AS seq FROM journal")[0]["seq"]


def raw_answer(port, name, rdtype):
    """The RDATA of the answer, as octets: dnspython would refuse it."""
    query = dns.message.make_query(full(name), rdtype)
    with Tcp(port) as stream:
        stream.send(query.to_wire())
        wire = stream.receive_octets()
    flags, _, count = struct.unpack_from("!HHH", wire, 2)
    at = len(query.to_wire())
    records = []
    for _ in range(count):
        assert wire[at:at + 2] == b"\xc0\x0c"
        got, _, _, length = struct.unpack_from("!HHIH", wire, at + 2)
        records.append((got, wire[at + 12:at + 12 + length]))
        at += 12 + length
    return flags & 15, records


# ---- PowerDNS ----

def test_a_zone_with_odd_records_in_powerdns_is_served(powerdns):
    front, server = powerdns, powerdns.primary
    assert front.gateway.log().count("that Muster cannot read: ") <= 1
    before = {name: contents(server, name, rdtype) for name, rdtype, _ in server.odd}
    assert front.update(add=[("new", 60, "A", "192.0.2.9")]) == "NOERROR"
    for name, rdtype, _ in server.odd:
        # The name is in use and the RRset exists.
        message = front.message()
        message.present(full(name), wire_type(rdtype))
        message.present(full(name))
        assert front.send(message).rcode == "NOERROR", name
        if rdtype in BESIDE:
            theirs, text = BESIDE[rdtype]
            assert front.update(add=[(name, 60, rdtype, theirs)]) == "NOERROR", name
            assert contents(server, name, rdtype) == before[name] | {text}, name
            assert front.update(delete=[(name, rdtype, theirs)]) == "NOERROR", name
        assert contents(server, name, rdtype) == before[name], name
    for index, (name, rdtype, _) in enumerate(server.odd):
        # By RRset or by name.
        if rdtype == "NSEC":
            continue
        assert front.update(delete=[(name, wire_type(rdtype)) if index % 2
                                    else (name,)]) == "NOERROR"
        assert contents(server, name, rdtype) == set(), name
    assert contents(server, "new", "A") == {"192.0.2.9"}


def test_long_strings_are_answered_in_the_pieces_that_powerdns_serves(powerdns):
    front, server = powerdns, powerdns.primary
    for name in ("dkim", "latin", "hinfo", "loc"):
        rdtype = next(rdtype for owner, rdtype, _ in server.odd if owner == name)
        ours = raw_answer(front.gateway.port, name, rdtype)
        assert ours == raw_answer(server.port, name, rdtype) and ours[1], name


def test_what_only_powerdns_can_give_is_said_to_be_so(tmp_path, gateways, admin):
    if not is_installed("pdns-sqlite"):
        pytest.skip("PowerDNS is not installed")
    server = make_server("pdns-sqlite", tmp_path / "pdns")
    with server, Front(gateways, admin, [server], zone={"refresh": "1h"}) as front:
        assert len(front.gateway.axfr(NAME, key=admin)) > 5
        assert server.api("PUT", f"/servers/localhost/zones/{NAME}",
                          json={"soa_edit_api": "INCREASE"}).ok
        # Somebody else brings it, and later changes it.
        server.patch(NAME, (full("auto"), "HTTPS", 60, ["1 . ipv4hint=auto"]))
        assert front.update(add=[("a", 60, "A", "192.0.2.1")]) == "NOERROR"
        answer = front.gateway.query(full("auto"), "HTTPS", use_edns=0)
        assert answer.rcode() == dns.rcode.SERVFAIL
        assert "only the zone's own server" in answer.options[0].text
        answer = front.gateway.dig("-t", "AXFR", NAME, key=admin)
        assert "Transfer failed" in answer.output
        assert "only its own server can transfer" in front.gateway.log()
        server.patch(NAME, (full("auto"), "HTTPS", 60,
                            ["1 . ipv4hint=auto", "3 . alpn=h2 ipv6hint=auto"]))
        notify = dns.message.make_query(NAME, "SOA")
        notify.set_opcode(dns.opcode.NOTIFY)
        assert front.send(notify).rcode == "NOERROR"
        wait_for(lambda: front.gateway.serial(NAME) == server.serial(NAME), "a look there")
        assert front.update(add=[("auto", 60, "HTTPS", "2 b.dyn.example.")]) == "NOERROR"
        assert contents(server, "auto", "HTTPS") == {
            "1 . ipv4hint=auto", "3 . alpn=h2 ipv6hint=auto", "2 b.dyn.example."}
        # A value that nobody can name equals none.
        message = front.message()
        message.present(full("auto"), "HTTPS", "2 b.dyn.example.")
        assert front.send(message).rcode == "NXRRSET"
        # On its way, the gateway dies.
        before = last_seq(front)
        server.pause()
        message = front.message(add=[("auto", 60, "HTTPS", "4 c.dyn.example.")])
        pending = front.begin(message, timeout=2)
        wait_for(lambda: last_seq(front) > before, "the change to be in the journal")
        front.gateway.kill()
        server.resume()
        assert pending.exception() is not None
        front.start_gateway()
        wait_for(lambda: "4 c.dyn.example." in contents(server, "auto", "HTTPS"),
                 "the change to arrive")
        assert contents(server, "auto", "HTTPS") >= {
            "1 . ipv4hint=auto", "3 . alpn=h2 ipv6hint=auto", "2 b.dyn.example."}
        # Without them it can be transferred again.
        assert front.update(delete=[("auto",)]) == "NOERROR"
        assert len(front.gateway.axfr(NAME, key=admin)) > 5


def test_text_in_latin_1_and_disabled_records(tmp_path, gateways, admin):
    if not is_installed("pdns-sqlite"):
        pytest.skip("PowerDNS is not installed")
    server = make_server("pdns-sqlite", tmp_path / "pdns")
    with server:
        with sqlite3.connect(server.path("pdns.sqlite3")) as database:
            for name, content, disabled in (
                    ("latin", b'"caf\xe9"', 0), ("dkim", LONG.encode(), 0),
                    ("dkim", b'"off \\120"', 1), ("short", b"plain", 0)):
                database.execute(
                    "INSERT INTO records (domain_id, name, type, content, ttl, disabled, "
                    "auth) SELECT id, ?, 'TXT', cast(? AS text), 60, ?, 1 FROM domains",
                    (f"{name}.dyn.example", content, disabled))
        database.close()
        with Front(gateways, admin, [server]) as front:
            for name in ("latin", "dkim", "short"):
                ours = raw_answer(front.gateway.port, name, "TXT")
                assert ours == raw_answer(server.port, name, "TXT") and ours[1], name
                assert front.update(add=[(name, 60, "TXT", "beside")]) == "NOERROR"
                assert len(raw_answer(server.port, name, "TXT")[1]) == 2
            assert contents(server, "dkim", "TXT") == {LONG, '"off \\120"', '"beside"'}


# ---- by transfer ----

@pytest.mark.parametrize("kind, odd", [("knot", AT_KNOT), ("bind", AT_BIND)],
                         ids=["knot", "bind"])
def test_a_transferred_zone_with_odd_records_is_served(kind, odd, tmp_path, gateways, admin):
    if not is_installed(kind):
        pytest.skip(f"{kind} is not installed")
    # Knot can not write all of them into a file.
    options = {"zone_options": "    zonefile-sync: -1\n"} if kind == "knot" else {}
    server = make_server(kind, tmp_path / kind, zones={NAME: ZONE + odd}, **options)
    with Front(gateways, admin, [server]) as front:
        port = front.gateway.port
        assert front.gateway.log().count("that Muster cannot read: ") == 1
        assert front.update(add=[("new", 60, "A", "192.0.2.9")]) == "NOERROR"
        for line in odd.splitlines():
            name, rdtype, _ = line.split("\t")
            message = front.message()
            message.present(full(name), rdtype)
            assert front.send(message).rcode == "NOERROR", name
            if name not in SIGNERS:
                ours = raw_answer(port, name, rdtype)
                assert ours == raw_answer(server.port, name, rdtype), name
                assert len(ours[1]) == 1, name
        front.gateway.restart()
        front.wait_loaded()
        # All of them stay where something comes beside them, and go with their name.
        assert front.update(add=[("https4", 60, "HTTPS", "2 b.")]) == "NOERROR"
        assert len(raw_answer(server.port, "https4", "HTTPS")[1]) == 2
        for line in odd.splitlines():
            name, rdtype, _ = line.split("\t")
            if name in SIGNERS:
                continue
            assert front.update(delete=[(name,)]) == "NOERROR", name
            assert raw_answer(server.port, name, rdtype)[1] == [], name
        assert front.seen("new") == {"192.0.2.9"}
