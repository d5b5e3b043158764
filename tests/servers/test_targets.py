"""Updates through the gateway, seen at the target right after the answer: with BIND, Knot,
PowerDNS on SQLite and on LMDB, and with a local zone, where the gateway's own answers are what
counts."""

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

from front import KINDS, NAME, Front, Wire, full, is_installed, make_server, random_changes
from gateway import run
from servers import HOST, find, have, wait_for

HOST1 = {"192.0.2.11", "192.0.2.12"}


def _front(kind, folder, gateways, admin, **options):
    if kind == "local":
        servers = []
    elif not is_installed(kind):
        pytest.skip(f"{kind} is not installed")
    else:
        servers = [make_server(kind, folder)]
    return Front(gateways, admin, servers, **options)


@pytest.fixture(scope="module", params=[*sorted(KINDS), "local"])
def front(request, tmp_path_factory, shared_gateways, shared_admin):
    """One for all tests of a kind: each test has names of its own."""
    with _front(request.param, tmp_path_factory.mktemp(request.param), shared_gateways,
                shared_admin) as running:
        running.kind = request.param
        yield running


def serial_of(front):
    return front.primary.serial(NAME)


# ---- what clients do ----

def by_nsupdate(front, script):
    ran = front.gateway.nsupdate(f"zone {NAME}\n{script}", front.admin)
    assert ran == (0, ""), ran


def by_knsupdate(front, script):
    ran = front.gateway.knsupdate(f"zone {NAME}\n{script}", front.admin)
    assert ran.code == 0, ran


def by_dnspython(front, script):
    message = front.message()
    for line in script.splitlines():
        verb, name, *rest = line.split(maxsplit=2)[:3]
        rest = rest[0].split(maxsplit=2 if verb == "add" else 1) if rest else []
        getattr(message, verb)(dns.name.from_text(name), *rest)
    assert front.send(message).rcode == "NOERROR"


CLIENTS = {"nsupdate": by_nsupdate, "knsupdate": by_knsupdate, "dnspython": by_dnspython}


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_what_a_client_does_is_there_when_it_is_answered(front, client):
    if client != "dnspython" and not have(client):
        pytest.skip(f"{client} is not installed")
    host = f"{client}.{NAME}"

    def do(script):
        CLIENTS[client](front, script.replace("HOST", host))

    do("add HOST 300 A 192.0.2.1")
    assert front.seen(client) == {"192.0.2.1"}
    do("add HOST 300 A 192.0.2.2\nadd HOST 300 TXT \"one\" \"two words\"")
    assert front.seen(client) == {"192.0.2.1", "192.0.2.2"}
    assert front.seen(client, "TXT") == {'"one" "two words"'}
    do("delete HOST A\nadd HOST 60 A 192.0.2.3")
    assert front.seen(client) == {"192.0.2.3"}
    assert front.primary.ttl(host, "A") == 60
    do("add HOST 60 A 192.0.2.4")
    do("delete HOST A 192.0.2.3")
    assert front.seen(client) == {"192.0.2.4"}
    do("delete HOST A")
    assert front.seen(client) == set()
    assert front.seen(client, "TXT") == {'"one" "two words"'}
    do("add HOST 60 AAAA 2001:db8::1")
    do("delete HOST")
    assert front.primary.query(host, "ANY").rcode() == 3  # NXDOMAIN
    front.assert_same()


def test_dig_reads_what_was_written(front):
    assert front.update(add=[("dug", 300, "TXT", '"a;b \\"c\\""')]) == "NOERROR"
    ran = run([find("dig"), f"@{HOST}", "-p", str(front.primary.port), "+short",
               full("dug"), "TXT"])
    assert ran == (0, '"a;b \\"c\\""\n')


# ---- changes of all kinds ----

def test_a_new_ttl_is_the_whole_rrsets(front):
    front.update(add=[("ttl", 300, "A", "192.0.2.1"), ("ttl", 300, "A", "192.0.2.2")])
    assert front.update(add=[("ttl", 60, "A", "192.0.2.1")]) == "NOERROR"
    assert front.seen("ttl") == {"192.0.2.1", "192.0.2.2"}
    assert front.primary.ttl(full("ttl"), "A") == 60
    assert front.update(add=[("ttl", 90, "A", "192.0.2.3")]) == "NOERROR"
    assert front.primary.ttl(full("ttl"), "A") == 90
    assert len(front.seen("ttl")) == 3
    front.assert_same()


def test_a_cname_comes_and_goes_in_the_place_of_addresses(front):
    assert front.update(add=[("swap", 60, "A", "192.0.2.1"),
                             ("swap", 60, "AAAA", "2001:db8::1")]) == "NOERROR"
    assert front.update(delete=[("swap",)],
                        add=[("swap", 60, "CNAME", "host1")]) == "NOERROR"
    assert front.seen("swap", "CNAME") == {full("host1")}
    assert front.update(add=[("swap", 60, "CNAME", "text")]) == "NOERROR"
    assert front.seen("swap", "CNAME") == {full("text")}
    assert front.update(add=[("swap", 60, "A", "192.0.2.1")]) == "NOERROR"  # ignored
    assert front.seen("swap", "CNAME") == {full("text")}
    assert front.update(delete=[("swap", "CNAME")],
                        add=[("swap", 60, "A", "192.0.2.2")]) == "NOERROR"
    assert front.seen("swap") == {"192.0.2.2"}
    assert front.update(add=[("swap", 60, "CNAME", "host1")]) == "NOERROR"  # ignored
    assert front.seen("swap", "CNAME") == set()
    assert front.seen("swap") == {"192.0.2.2"}
    front.assert_same()


def test_the_name_servers_of_the_apex_are_replaced(front):
    old = {full("ns1"), full("ns2")}
    new = {"ns3.elsewhere.example.", "ns4.elsewhere.example."}  # BIND wants addresses here
    assert front.seen("@", "NS") == old
    assert front.update(delete=[("@", "NS")]) == "NOERROR"  # RFC 2136 3.4.2.3: ignored
    assert front.seen("@", "NS") == old
    assert front.update(add=[("@", 120, "NS", name) for name in new]) == "NOERROR"
    assert front.update(delete=[("@", "NS", "ns1"), ("@", "NS", "ns2")]) == "NOERROR"
    assert front.seen("@", "NS") == new
    assert front.primary.ttl(NAME, "NS") == 120
    assert front.update(add=[("@", 60, "NS", "ns3.elsewhere.example.")]) == "NOERROR"
    assert front.primary.ttl(NAME, "NS") == 60
    assert front.seen("@", "NS") == new
    front.assert_same()
    # The last one stays, whoever wants it gone.
    assert front.update(delete=[("@", "NS", name) for name in sorted(new)]) == "NOERROR"
    assert front.seen("@", "NS") == {"ns4.elsewhere.example."}
    message = front.message(add=[("@", 300, "NS", "ns1"), ("@", 300, "NS", "ns2")])
    message.delete("@", "NS", "ns4.elsewhere.example.")
    assert front.send(message).rcode == "NOERROR"
    assert front.seen("@", "NS") == old
    assert front.update(delete=[("@",)]) == "NOERROR"
    assert front.seen("@", "NS") == old
    front.assert_same()


TYPES = [
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::ffff:192.0.2.1"),
    ("TXT", '"a\\"b\\\\c\\000\\001\\255;x" "" "second"'),
    ("TXT", '"' + "x" * 255 + '" "' + "y" * 255 + '"'),
    ("MX", "10 mail.other.example."),
    ("MX", "0 ."),
    ("SRV", "1 2 443 host1.dyn.example."),
    ("CAA", '128 issue "ca.example; policy=ev"'),
    ("SSHFP", "4 2 " + "ab" * 32),
    ("TLSA", "3 1 1 " + "cd" * 32),
    ("NAPTR", '100 10 "u" "E2U+sip" "!^(.*)$!sip:\\\\1@b!" .'),
    ("SVCB", "0 svc.other.example."),
    ("SVCB", "1 . alpn=h2 port=8443 key65333=ab"),
    ("HTTPS", "1 . alpn=h2,h3 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"),
    ("TYPE65280", "\\# 5 00ff00ff22"),
    ("TYPE65281", "\\# 0"),
    ("DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="),
    ("PTR", "a\\.b.UPPER.example."),
    ("URI", '10 1 "https://x/\\"y"'),
    ("DNAME", "other.example."),
    ("DS", "60485 8 2 " + "ef" * 32),
    ("LOC", "51 56 0.123 N 5 54 0.000 E -4.00m 1m 10000m 10m"),
    ("HINFO", '"a\\"b" "c d"'),
    ("OPENPGPKEY", "AAAA"),
    ("EUI48", "00-00-5e-00-53-2a"),
    ("CERT", "1 2 5 AAAA"),
    ("RP", "a.dyn.example. b.dyn.example."),
    ("NS", "ns.elsewhere.example."),
]


def rdata_of(rdtype, text):
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rdtype), text)


@pytest.mark.parametrize("rdtype, text", TYPES, ids=[
    f"{rdtype}-{index}" for index, (rdtype, _) in enumerate(TYPES)])
def test_a_type_arrives_octet_for_octet_and_goes(front, rdtype, text):
    name = f"type-{TYPES.index((rdtype, text))}"
    cut = [(name, 60, "NS", "ns.elsewhere.example.")] if rdtype == "DS" else []
    assert front.update(add=[*cut, (name, 60, rdtype, text)]) == "NOERROR"
    if rdtype == "NS":  # a referral
        authority = front.primary.query(full(name), "NS").authority
        found = [rdata for rrset in authority for rdata in rrset]
    else:
        found = list(front.primary.rrset(full(name), rdtype))
    assert found == [rdata_of(rdtype, text)]
    assert front.update(delete=[(name, rdtype, text)]) == "NOERROR"
    assert front.seen(name, rdtype) == set()
    assert front.update(delete=[(name,)]) == "NOERROR"


ODD_NAMES = [
    "dot\\.inside", "UPPER.Case", "*.star", "_443._tcp", "sp\\032ace", "at\\@", "semi\\;",
    "quote\\\"", "back\\\\slash", "dollar\\$", "paren\\(", "sla/sh", "col:on", "un_der",
    "\\200\\255", "zero\\000", "x" * 63, ".".join(["y" * 48] * 4), "-", "1", "xn--bcher-kva",
]
# Its API takes these for no names.
REFUSED_BY_POWERDNS = {
    "sp\\032ace", "at\\@", "semi\\;", "quote\\\"", "back\\\\slash", "dollar\\$", "paren\\(",
    "col:on", "\\200\\255", "zero\\000", "dot\\.inside",
}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name(front, name):
    reply = front.send(front.message(add=[(name, 60, "TXT", '"odd"')]))  # BIND checks others
    if reply.rcode == "REFUSED":
        assert front.kind.startswith("pdns") and name in REFUSED_BY_POWERDNS
        assert "PowerDNS" in reply.ede[1]
        assert front.mirrored(name, "TXT") == set()
        return
    assert reply == ("NOERROR", None)
    assert front.seen(name, "TXT") == {'"odd"'}
    assert front.update(delete=[(name, "TXT")]) == "NOERROR"
    assert front.seen(name, "TXT") == set()


# What the servers refuse, as they are installed.
REFUSED_BY = {
    "bind": ("no_host", 60, "A", "192.0.2.1"),  # check-names
    "knot": ("below.hiding", 60, "A", "192.0.2.1"),
    "pdns-lmdb": ("sp\\032ace", 60, "A", "192.0.2.1"),
    "pdns-sqlite": ("sp\\032ace", 60, "A", "192.0.2.1"),
}


@pytest.mark.parametrize("fields", ["hostmaster", "another"])
def test_a_serial_that_is_refused_is_not_the_mirrors(front, fields):
    if front.kind == "local":
        pytest.skip("refuses nothing")
    assert front.update(add=[("hiding", 60, "DNAME", "example.net.")]) == "NOERROR"
    before = serial_of(front)
    soa = f"ns1.{NAME} {fields}.{NAME} {before + 10} 3600 600 86400 60"
    assert front.update(add=[REFUSED_BY[front.kind], ("@", 300, "SOA", soa)]) == "REFUSED"
    assert serial_of(front) == before
    assert front.gateway.serial(NAME) == before
    front.assert_same()
    assert front.update(add=[(f"after-{fields}", 60, "A", "192.0.2.1")]) == "NOERROR"
    assert front.gateway.serial(NAME) == before + 1
    front.assert_same()
    assert front.update(delete=[("hiding",), (f"after-{fields}",)]) == "NOERROR"


def test_many_records_in_one_message(front):
    names = [f"many{i}" for i in range(210)]
    add = [(name, 60, "A", f"192.0.2.{i}") for i, name in enumerate(names)]
    add += [("crowd", 60, "A", f"198.51.100.{i}") for i in range(90)]
    before = serial_of(front)
    assert front.update(add=add) == "NOERROR"
    assert serial_of(front) != before or front.kind.startswith("pdns")
    assert front.seen("many0") == {"192.0.2.0"}
    assert front.seen("many209") == {"192.0.2.209"}
    assert len(front.seen("crowd")) == 90
    front.assert_same()
    assert front.update(delete=[(name,) for name in [*names, "crowd"]]) == "NOERROR"
    assert front.seen("many209") == front.seen("crowd") == set()
    front.assert_same()


def test_changes_at_random(front):
    for delete, add in random_changes(seed=1, count=60):
        assert front.update(add, delete) == "NOERROR"
        for entry in add:
            if entry[2] == "TXT":
                assert front.seen(entry[0], "TXT")
    front.assert_same()
    servers = [("@", "NS", f"ns{i}.elsewhere.example.") for i in range(4)]
    assert front.update(delete=[*servers, *((f"r{i}",) for i in range(6))],
                        add=[("@", 300, "NS", "ns1")]) == "NOERROR"
    assert front.seen("@", "NS") == {full("ns1"), full("ns2")}


# ---- prerequisites ----

@pytest.mark.parametrize("prerequisite, rcode", [
    (("present", "host1"), "NOERROR"),
    (("present", "host1", "A"), "NOERROR"),
    (("present", "host1", "A", "192.0.2.12", "192.0.2.11"), "NOERROR"),
    (("present", "host1", "A", "192.0.2.12"), "NXRRSET"),
    (("present", "host1", "MX"), "NXRRSET"),
    (("present", "nobody"), "NXDOMAIN"),
    (("absent", "host1"), "YXDOMAIN"),
    (("absent", "host1", "A"), "YXRRSET"),
    (("absent", "host1", "MX"), "NOERROR"),
    (("absent", "nobody"), "NOERROR"),
    (("present", "text", "TXT", '"first" "second; with spaces"'), "NOERROR"),
    (("present", "WWW", "CNAME", "HOST1"), "NOERROR"),
    (("present", "*.wild", "A"), "NOERROR"),
    (("present", "x.wild", "A"), "NXRRSET"),
])
def test_prerequisites_are_judged_by_what_was_there_before_the_gateway(
        front, prerequisite, rcode):
    name = "prerequisite"
    verb, *arguments = prerequisite
    alone = front.message()
    getattr(alone, verb)(*arguments)
    before = serial_of(front)
    assert front.send(alone).rcode == rcode
    assert serial_of(front) == before
    with_change = front.message(add=[(name, 60, "A", "192.0.2.1")])
    getattr(with_change, verb)(*arguments)
    assert front.send(with_change).rcode == rcode
    assert front.seen(name) == ({"192.0.2.1"} if rcode == "NOERROR" else set())
    front.update(delete=[(name,)])


# ---- serials ----

def test_each_change_has_a_newer_serial_in_the_mirror_too(front):
    for last in range(3):
        before = serial_of(front)
        assert front.update(add=[("serial", 60, "A", f"192.0.2.{last}")]) == "NOERROR"
        if not front.kind.startswith("pdns"):  # there the zone's SOA-EDIT-API decides
            assert serial_of(front) == before + 1
        assert front.gateway.serial(NAME) == serial_of(front)


def test_a_serial_that_the_client_gives_is_taken_if_it_is_newer(front):
    def soa(serial):
        return ("@", 300, "SOA", f"ns1 hostmaster {serial} 3600 600 86400 60")

    wanted = serial_of(front) + 1000
    assert front.update(add=[soa(wanted), ("soa", 60, "A", "192.0.2.1")]) == "NOERROR"
    assert serial_of(front) == front.gateway.serial(NAME) == wanted
    assert front.update(add=[soa(wanted + 500)]) == "NOERROR"
    assert serial_of(front) == front.gateway.serial(NAME) == wanted + 500
    assert front.update(add=[soa(wanted)]) == "NOERROR"  # RFC 2136 3.4.2.2: ignored
    assert serial_of(front) == wanted + 500
    assert front.update(add=[soa(7), ("soa", 60, "A", "192.0.2.2")]) == "NOERROR"
    assert serial_of(front) >= wanted + 500
    assert len(front.seen("soa")) == 2
    front.assert_same()


def test_other_fields_of_the_soa_arrive(front):
    serial = serial_of(front) + 1
    text = f"ns1 hostmaster {serial} 3600 600 86400 "
    assert front.update(add=[("@", 300, "SOA", text + "90")]) == "NOERROR"
    assert front.primary.rrset(NAME, "SOA")[0].minimum == 90
    front.assert_same()
    text = f"ns1 hostmaster {serial + 1} 3600 600 86400 "
    assert front.update(add=[("@", 300, "SOA", text + "60")]) == "NOERROR"
    front.assert_same()


# ---- heartbeats ----

def heartbeats(front):
    """Updates that change nothing, each by the name of what it is."""
    has_prerequisite = front.message(add=[("host1", 300, "A", "192.0.2.11")])
    has_prerequisite.present("host1", "A")
    return {
        "the same record": front.message(add=[("host1", 300, "A", "192.0.2.11")]),
        "replaced by itself": front.message(
            delete=[("host1", "A")],
            add=[("host1", 300, "A", "192.0.2.12"), ("host1", 300, "A", "192.0.2.11")]),
        "absent": front.message(delete=[("nobody",), ("nobody", "A"), ("host1", "MX"),
                                        ("host1", "A", "192.0.2.99")]),
        "ignored": front.message(add=[("host1", 300, "CNAME", "text")]),
        "with a prerequisite": has_prerequisite,
        "nothing": front.message(),
    }


@pytest.mark.parametrize("kind", [*sorted(KINDS), "local"])
def test_a_heartbeat_says_nothing_to_the_target(kind, tmp_path, gateways, admin):
    if kind != "local" and not is_installed(kind):
        pytest.skip(f"{kind} is not installed")
    servers = [] if kind == "local" else [make_server(kind, tmp_path / kind).start()]
    wires = [Wire(getattr(server, "api_port", server.port)) for server in servers]
    front = Front(gateways, admin, servers, wires=wires)
    with front:
        assert front.update(add=[("first", 60, "A", "192.0.2.1")]) == "NOERROR"
        serial = serial_of(front)
        assert all(wire.octets for wire in wires)

        def say_nothing():
            octets = [wire.octets for wire in wires]
            for name, message in heartbeats(front).items():
                for _ in range(2):
                    assert front.send(message) == ("NOERROR", None), name
            assert front.gateway.serial(NAME) == serial_of(front) == serial
            return octets == [wire.octets for wire in wires]

        # PowerDNS is looked at once more after the update before.
        wait_for(say_nothing, "heartbeats of which the target hears nothing")
        octets = [wire.octets for wire in wires]
        assert front.update(add=[("last", 60, "A", "192.0.2.1")]) == "NOERROR"
        assert [wire.octets for wire in wires] != octets or kind == "local"
    for wire in wires:
        wire.close()


# ---- what a refusal takes along ----

def test_a_refusal_is_for_whom_it_concerns(tmp_path, gateways, admin):
    """Updates that change nothing wait for what is pending when they come.  If that is
    refused, they are judged by what is there then."""
    if not is_installed("bind"):
        pytest.skip("BIND is not installed")
    server = make_server("bind", tmp_path / "bind").start()
    wire = Wire(server.port, delay_s=0.3)
    with Front(gateways, admin, [server], wires=[wire]) as front:
        refused = ("no_host", 60, "A", "192.0.2.1")
        serial = serial_of(front)
        first = front.begin(front.message(add=[refused]))
        wait_for(lambda: front.mirrored("no_host"), "the first update to be pending")
        others = {
            "the same": front.message(add=[refused]),
            "nothing to add": front.message(add=[("host1", 300, "A", "192.0.2.11")]),
            "nothing to delete": front.message(delete=[("nobody",)]),
            "it is there": front.message(),
        }
        others["it is there"].present("no_host")
        waiting = {what: front.begin(message) for what, message in others.items()}
        assert first.result().rcode == "REFUSED"
        assert {what: reply.result().rcode for what, reply in waiting.items()} == {
            "the same": "REFUSED", "nothing to add": "NOERROR",
            "nothing to delete": "NOERROR", "it is there": "NXDOMAIN"}
        assert serial_of(front) == serial
        assert front.mirrored("no_host") == set()
    wire.close()


# ---- reading back ----

def test_the_gateway_answers_as_the_target_does(front):
    assert front.update(add=[("both", 60, "A", "192.0.2.1"),
                             ("both", 60, "TXT", '"x"')]) == "NOERROR"
    assert front.mirrored("both") == front.seen("both") == {"192.0.2.1"}
    assert front.gateway.query(full("no-such"), "A").rcode() == \
        front.primary.query(full("no-such"), "A").rcode() == 3
    front.assert_same()


def test_a_restarted_gateway_has_the_same_zone(front):
    assert front.update(add=[("kept", 60, "A", "192.0.2.1")]) == "NOERROR"
    content = front.content(front.gateway, with_soa=True)
    front.gateway.restart()
    front.wait_loaded()
    assert front.content(front.gateway, with_soa=True) == content
    assert HOST1 == front.mirrored("host1") == front.seen("host1")


# ---- case ----

def test_owners_keep_their_case(front):
    """RFC 1035 2.3.3, as far as the server does: Knot and PowerDNS fold it."""
    name, folded = full("Mixed-Host"), full("mixed-host")
    folds = front.kind not in ("bind", "local")

    def spelled(server):
        key = front.admin if server is front.gateway else next(iter(server.keys), None)
        return {line.split()[0] for line in server.axfr(NAME, key=key)
                if line.lower().startswith(folded)}

    assert front.update(add=[("Mixed-Host", 300, "A", "192.0.2.1")]) == "NOERROR"
    assert front.update(add=[("MIXED-host", 300, "A", "192.0.2.2")]) == "NOERROR"
    assert spelled(front.gateway) == {name}
    assert spelled(front.primary) == {folded if folds else name}
    answer = front.gateway.query(folded, "A").answer[0]
    assert (answer.name.to_text(), len(answer)) == (name, 2)
    front.gateway.stop()
    front.start_gateway()
    assert spelled(front.gateway) == {folded if folds else name}
    assert front.update(delete=[("mIXED-hOST",)]) == "NOERROR"
    assert spelled(front.primary) == set()
