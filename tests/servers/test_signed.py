"""Zones that their server signs: updates see them as they do at the server alone, and
signatures are the server's, as they are now.

Each step is done at a server alone and, through a gateway, at another one like it: with the
mirror as the gateway's own writes have kept it, and as it has been loaded anew.
"""

import base64

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset
import dns.update
import pytest

import signing
from clients_dhcp import dhcid
from front import API_KEY_FILE, full, target_settings, write_secret
from gateway import SharedKey
from servers import HOST, Key, PowerDNS, have, wait_for
from signing import ZONE, content, unsigned

SIGNED = [(kind, denial) for kind in ("bind", "knot") for denial in signing.DENIALS]
ALL = [*SIGNED, ("bind-inline", "nsec"), *(("pdns", denial) for denial in signing.DENIALS)]
ADMIN = SharedKey("admin.")  # any type
HOSTS = SharedKey("hosts.")  # the default ones
DO_TIMEOUT_S = 20

pytestmark = pytest.mark.skipif(
    not have("named", "knotd", "pdns_server", "pdnsutil", "ldns-verify-zone"),
    reason="needs BIND, Knot, PowerDNS and ldnsutils")


class Pair:
    """A server alone, and one with a gateway in front."""

    def __init__(self, kind, denial, folder, gateways):
        self.kind = kind
        self.behind = signing.make_server(kind, denial, folder / "behind")
        self.gateway = gateways.make(
            keys=[ADMIN, HOSTS, *self.behind.keys],
            zones={ZONE: {
                "targets": [{**target_settings(self.behind), "timeout": "5s"}],
                "ack_timeout": "30s",
                "allow": [{"keys": [ADMIN.name], "match": "zone", "types": ["ANY"],
                           "transfer": True},
                          {"keys": [HOSTS.name], "match": "zone", "max_records": 2}]}})
        if kind == "pdns":
            write_secret(self.gateway.path(API_KEY_FILE), self.behind.api_key)
            self.alone = signing.make_server(
                kind, denial, folder / "alone", dnsupdate=True, keys=[Key("alone.")])
        else:
            self.alone = signing.make_server(kind, denial, folder / "alone")
        self.gateway.start()
        self.wait_loaded()

    def wait_loaded(self):
        wait_for(lambda: self.gateway.query(ZONE, "SOA").answer, "the zone")

    def load_anew(self):
        self.gateway.stop()
        self.gateway.start()
        self.wait_loaded()

    def close(self):
        self.alone.stop()
        self.behind.stop()

    def both(self, step, key):
        """The rcodes: alone and through the gateway."""
        rcodes = []
        for server, signer in (self.alone, self.alone.keys[0]), (self.gateway, key):
            message = dns.update.UpdateMessage(ZONE)
            for way, *words in step:
                getattr(message, way)(*words)
            rcodes.append(dns.rcode.to_text(server.send(message, signer).rcode()))
        return rcodes

    def assert_same(self):
        """Inline signing comes a moment after the answer."""
        def contents():
            return [unsigned(content(server, key)) for server, key in (
                (self.alone, None), (self.behind, None), (self.gateway, ADMIN))]

        def is_same():
            found = contents()
            return found[0] == found[1] == found[2]

        try:
            wait_for(is_same, "the same content", 10)
        except Exception:
            alone, behind, seen = contents()
            raise AssertionError(f"alone {alone - behind}, behind {behind - alone}, "
                                 f"gateway {seen ^ behind}") from None


@pytest.fixture(scope="module", params=ALL, ids=lambda p: "-".join(p))
def pair(request, shared_gateways, tmp_path_factory):
    kind, denial = request.param
    made = Pair(kind, denial, tmp_path_factory.mktemp(f"{kind}-{denial}"), shared_gateways)
    yield made
    made.close()


def dhcid_text(client, name):
    return base64.b64encode(dhcid(client, full(name))).decode()


def steps(prefix):
    """(key, rcode, what): names of their own for each run."""
    host, other = f"{prefix}-host", f"{prefix}-other"
    deep, owner = f"a.b.{prefix}-deep", dhcid_text(b"one", f"{prefix}-host")
    return [
        # a lone name: comes, is there, is not there twice, goes, and is free at once
        (HOSTS, "NOERROR", [("absent", host), ("add", host, 300, "A", "192.0.2.50")]),
        (HOSTS, "YXDOMAIN", [("absent", host), ("add", host, 300, "A", "192.0.2.51")]),
        (HOSTS, "NOERROR", [("present", host), ("delete", host, "A")]),
        (HOSTS, "NXDOMAIN", [("present", host)]),
        (HOSTS, "NOERROR", [("absent", host)]),
        # deletion of the whole name, replacement in one message
        (HOSTS, "NOERROR", [("add", other, 300, "A", "192.0.2.52"),
                            ("add", other, 60, "TXT", '"t"')]),
        (HOSTS, "NOERROR", [("delete", other), ("add", other, 300, "A", "192.0.2.53")]),
        (HOSTS, "NOERROR", [("delete", other), ("add", other, 300, "CNAME", "www")]),
        (HOSTS, "NOERROR", [("delete", other)]),
        (HOSTS, "NOERROR", [("absent", other)]),
        # empty non-terminals
        (HOSTS, "NOERROR", [("add", deep, 300, "A", "192.0.2.54")]),
        (HOSTS, "NOERROR", [("absent", deep.partition(".")[2])]),
        (HOSTS, "NOERROR", [("delete", deep)]),
        # Kea's D2: RFC 4703 5.3.1, 5.3.2, 5.5
        (HOSTS, "NOERROR", [("absent", host), ("add", host, 300, "A", "192.0.2.60"),
                            ("add", host, 300, "DHCID", owner)]),
        (HOSTS, "YXDOMAIN", [("absent", host), ("add", host, 300, "A", "192.0.2.61"),
                             ("add", host, 300, "DHCID", owner)]),
        (HOSTS, "NOERROR", [("present", host, "DHCID", owner), ("delete", host, "A"),
                            ("add", host, 300, "A", "192.0.2.61")]),
        (HOSTS, "NOERROR", [("present", host, "DHCID", owner),
                            ("delete", host, "A", "192.0.2.61")]),
        (HOSTS, "NOERROR", [("present", host, "DHCID", owner), ("absent", host, "A"),
                            ("absent", host, "AAAA"), ("delete", host)]),
        (HOSTS, "NOERROR", [("absent", host)]),
        # an alias beside what proves it, and a heartbeat
        (HOSTS, "NOERROR", [("add", host, 300, "CNAME", "www")]),
        (HOSTS, "NOERROR", [("add", host, 300, "CNAME", "www")]),
        (HOSTS, "NOERROR", [("delete", host, "CNAME")]),
        (HOSTS, "NOERROR", [("absent", host), ("add", host, 300, "A", "192.0.2.55")]),
        (ADMIN, "NOERROR", [("delete", host)]),
    ]


# Before these the mirror is loaded anew: what deletes, and what asks whether a name is free.
ANEW = (4, 6, 8, 12, 17, 23)


@pytest.mark.parametrize("mirror", ["kept", "anew"])
def test_as_at_the_server_alone(pair, mirror):
    for number, (key, expected, step) in enumerate(steps(mirror)):
        if mirror == "anew" and number in ANEW:
            pair.load_anew()
        assert pair.both(step, key) == [expected, expected], (number, step)
        if number in ANEW:
            pair.assert_same()


def test_the_signers_own_records_stay_when_everything_at_the_apex_goes(pair):
    """Only BIND itself refuses to lose its keys; a gateway need not know that rule."""
    for mirror in "kept", "anew":
        if mirror == "anew":
            pair.load_anew()
        before = {line for line in content(pair.behind)
                  if line.startswith(ZONE) and line.split()[2] in signing.SIGNERS - {
                      "RRSIG", "NSEC", "TYPE65534"}}
        for key in ADMIN, HOSTS:
            assert pair.both([("add", "@", 300, "TXT", '"apex"')], key)[1] == "NOERROR"
            message = dns.update.UpdateMessage(ZONE)
            message.delete("@")
            answer = pair.gateway.send(message, key)
            assert answer.rcode() == dns.rcode.NOERROR, answer
            pair.alone.update(delete=[("@", "TXT")])
            pair.assert_same()
        assert before <= set(content(pair.behind))


# ---- signatures ----

@pytest.fixture(name="signed")
def only_where_the_server_has_signatures_in_the_zone(pair):
    if isinstance(pair.behind, PowerDNS):
        pytest.skip("PowerDNS signs when it answers")
    return pair


def assert_transfer_is_the_servers(pair, lines):
    theirs = content(pair.behind)
    assert set(lines) == set(theirs), set(lines) ^ set(theirs)
    assert signing.is_verified(pair.behind, lines)
    signatures, covered = signing.rrsigs(lines)
    assert signatures and all(covered[place] == ttl for place, ttl in signatures.items())


def test_transfers_are_the_servers(signed):
    for anew in False, True:
        if anew:
            signed.load_anew()
        step = [("add", f"transfer{int(anew)}", 300, "A", "192.0.2.1")]
        assert signed.both(step, ADMIN)[1] == "NOERROR"
        wait_for(lambda host=f"transfer{int(anew)}": signed.behind.records(full(host), "A"),
                 "the signed zone")
        assert_transfer_is_the_servers(signed, content(signed.gateway, ADMIN))


def ixfr(server, serial, key, udp=False):
    query = dns.message.make_query(ZONE, "IXFR")
    query.authority.append(dns.rrset.from_text(
        ZONE, 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
    query.use_tsig(key.ring, algorithm=key.dnspython_algorithm)
    if udp:
        return [dns.query.udp(query, HOST, port=server.port, timeout=DO_TIMEOUT_S,
                              one_rr_per_rrset=True)]
    return [dns.query.tcp(query, HOST, port=server.port, timeout=DO_TIMEOUT_S,
                          one_rr_per_rrset=True)]


def test_differences_are_the_servers(signed):
    serial = signed.behind.serial()
    assert signed.both([("add", "ixfr", 300, "A", "192.0.2.1")], ADMIN)[1] == "NOERROR"
    wait_for(lambda: signed.behind.records(full("ixfr"), "A"), "the signed zone")
    key = signed.behind.keys[0]

    def lines(messages):
        return [rrset.to_text().lower() for message in messages for rrset in message.answer]

    theirs = lines(ixfr(signed.behind, serial, key))
    assert any(" rrsig a " in line for line in theirs)
    assert lines(ixfr(signed.gateway, serial, ADMIN)) == theirs
    # up to date: the SOA alone; over UDP what does not fit, too
    now = signed.behind.serial()
    assert len(lines(ixfr(signed.gateway, now, ADMIN))) == 1
    assert len(lines(ixfr(signed.gateway, serial, ADMIN, udp=True))) == 1


def sections(answer):
    """Everything but the OPT record, the order within sections left aside."""
    return [dns.rcode.to_text(answer.rcode()), bool(answer.flags & dns.flags.AA)] + [
        sorted(line.lower() for rrset in section for line in rrset.to_text().splitlines())
        for section in (answer.answer, answer.authority, answer.additional)]


QUESTIONS = [
    ("host1", "A"), ("host1", "TXT"), ("no-such-name", "A"), ("www", "A"), ("@", "SOA"),
    ("@", "DNSKEY"), ("@", "NS"), ("x.wild", "A"), ("x.wild", "TXT"), ("wild", "A"),
    ("@", "NSEC3PARAM"), ("sub", "A"), ("below.sub", "A"), ("sub", "DS"), ("HOST1", "AAAA"),
]


def test_answers_with_signatures_are_the_servers(signed):
    assert signed.both([("add", "sub", 300, "NS", "ns1.sub"),
                        ("add", "ns1.sub", 300, "A", "192.0.2.3")], ADMIN)[1] == "NOERROR"
    wait_for(lambda: signed.behind.records(full("ns1.sub"), "A") or
             signed.behind.query(full("ns1.sub"), "A").additional, "the signed zone")
    for anew in False, True:
        if anew:
            signed.load_anew()
        for name, rdtype in QUESTIONS:
            theirs = signed.behind.query(full(name), rdtype, want_dnssec=True)
            ours = signed.gateway.query(full(name), rdtype, want_dnssec=True)
            assert sections(ours) == sections(theirs), (name, rdtype)
            assert ours.ednsflags & dns.flags.DO
            # without DO there are no signatures, but by asking for them
            plain = signed.gateway.query(full(name), rdtype)
            assert "RRSIG" not in plain.to_text(), plain
        for rdtype in "RRSIG", "NSEC":
            theirs = signed.behind.query(full("host1"), rdtype)
            ours = signed.gateway.query(full("host1"), rdtype)
            assert sections(ours) == sections(theirs), rdtype


def test_over_udp_signatures_are_truncated_or_whole(signed):
    small = signed.gateway.query(full("@"), "DNSKEY", tcp=False, want_dnssec=True, payload=512)
    assert small.flags & dns.flags.TC or small.answer
    query = dns.message.make_query(full("no-such-name"), "A", want_dnssec=True, payload=512)
    query.use_tsig(ADMIN.ring, algorithm=ADMIN.dnspython_algorithm)
    answer = dns.query.udp(query, HOST, port=signed.gateway.port, timeout=DO_TIMEOUT_S)
    assert bool(answer.flags & dns.flags.TC) == (not answer.authority)
    assert len(answer.to_wire()) <= 512


def test_without_the_server_there_are_reasons_instead(signed):
    def told(rdtype, **options):
        answer = signed.gateway.query(full("host1"), rdtype, use_edns=0, **options)
        return dns.rcode.to_text(answer.rcode()), [
            option.text for option in answer.options
            if option.otype == dns.edns.OptionType.EDE]

    signed.behind.stop()
    try:
        rcode, texts = told("A", want_dnssec=True)
        assert rcode == "SERVFAIL"
        assert "the server that signs the zone must answer this" in texts[0]
        assert told("A") == ("NOERROR", [])
        assert told("RRSIG")[0] == "SERVFAIL"
        with pytest.raises(dns.exception.DNSException):
            content(signed.gateway, ADMIN)
    finally:
        signed.behind.start()
    wait_for(lambda: told("A", want_dnssec=True)[0] == "NOERROR", "the server to be asked")


def test_whoami_is_still_told(signed):
    assert signed.gateway.query(full("whoami"), "A", want_dnssec=True).answer[0][0].address \
        == HOST


# ---- changes by others, and of the signer's own records ----

def test_what_others_change_is_seen(signed):
    """By a difference, which must not bring the proofs into the mirror."""
    for server in signed.alone, signed.behind:
        assert server.update(add=[("others", 300, "A", "192.0.2.70")]) == "NOERROR"
    signed.gateway.send(dns.message.from_text(
        f"id 1\nopcode NOTIFY\n;QUESTION\n{ZONE} IN SOA\n"))
    wait_for(lambda: signed.gateway.records(full("others"), "A"), "the difference")
    assert signed.both([("delete", "others")], HOSTS) == ["NOERROR", "NOERROR"]
    assert signed.both([("absent", "others")], HOSTS) == ["NOERROR", "NOERROR"]
    signed.assert_same()


def test_what_the_signer_makes_of_its_own_records_is_seen(signed):
    """Knot and BIND ignore some of it without a word."""
    cds = ("@", 300, "CDS", f"12345 13 2 {'ab' * 32}")
    for step in [("add", *cds)], [("delete", "@", "CDS")], [("delete", "@", "NSEC3PARAM")]:
        signed.both(step, ADMIN)

        def is_same():
            types = {"CDS", "CDNSKEY", "DNSKEY", "NSEC3PARAM"}
            return all(signed.gateway.records(ZONE, rdtype) ==
                       signed.behind.records(ZONE, rdtype) for rdtype in types)

        wait_for(is_same, f"what has come of {step}")
    if not signed.kind.startswith("bind"):
        return
    for rdtype in "RRSIG", "NSEC":
        assert signed.both([("delete", "host1", rdtype)], ADMIN) == ["REFUSED", "REFUSED"]
