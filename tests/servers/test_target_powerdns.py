"""The powerdns target against real servers: what it loads and what it delivers."""

import sqlite3

import dns.rcode
import pytest

from powerdns_driver import (  # noqa: F401
    API_KEY, HOST1, MARKS, ZONE, ZONE_PATH, Driver, api_rrset, axfr_wires, change_zone,
    same_zone, server, set_kind, sqlite, target, wires)
from servers import PowerDNS, wait_for
from target_driver import delivered, loaded

pytestmark = MARKS

# One of each type whose text PowerDNS insists on, in the form of zone files.
RECORDS = [
    ("a", "A", ["192.0.2.1", "192.0.2.2"]),
    ("aaaa", "AAAA", ["2001:db8::1", "::", "0:0:0:0:0:ffff:c000:201", "0:0:0:0:0:0:102:304"]),
    ("afsdb", "AFSDB", ["1 afs.dyn.example."]),
    ("apl", "APL", ["1:192.0.2.0/24 !2:2001:db8::/32"]),
    ("caa", "CAA", ['0 issue "ca.example"', '128 iodef "mailto:a\\"b"']),
    ("cert", "CERT", ["1 2 5 AAAA"]),
    ("cname", "CNAME", ["odd\\032\\(name\\)\\;\\@\\$.dyn.example."]),
    ("csync", "CSYNC", ["66 3 A NS AAAA"]),
    ("dhcid", "DHCID", ["AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="]),
    ("dname", "DNAME", ["other.example."]),
    ("cut", "NS", ["ns.cut.dyn.example."]),
    ("cut", "DS", ["60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"]),
    ("eui48", "EUI48", ["00-00-5e-00-53-2a"]),
    ("hinfo", "HINFO", ['"a\\"b" "b c;d"']),
    ("https", "HTTPS", ['1 . alpn=h2,h3 no-default-alpn port=8443 ipv4hint=192.0.2.1 '
                        'ech="AAAA" ipv6hint=2001:db8::1 key65333="a\\001b"']),
    ("svcb", "SVCB", ["0 svc.dyn.example."]),
    ("ipseckey", "IPSECKEY", [
        "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="]),
    ("ipseckey0", "IPSECKEY", [
        "10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="]),
    ("kx", "KX", ["1 kx.dyn.example."]),
    ("loc", "LOC", ["51 56 0.123 N 5 54 0.000 E -4.00m 1.00m 10000.00m 10.00m"]),
    ("mx", "MX", ["10 mail.dyn.example.", "0 ."]),
    ("naptr", "NAPTR", ['100 10 "u" "E2U+sip" "!^(.*)$!sip:\\\\1@b!" .']),
    ("openpgpkey", "OPENPGPKEY", ["AAAA"]),
    ("ptr", "PTR", ["a\\.b.dyn.example.", "UPPER.dyn.example.", "b\\200c.dyn.example."]),
    ("rp", "RP", ["a.dyn.example. b.dyn.example."]),
    ("srv", "SRV", ["1 2 3 host1.dyn.example.", "0 0 0 ."]),
    ("sshfp", "SSHFP", ["1 1 aabbccddeeff00112233445566778899aabbccdd"]),
    ("tlsa", "TLSA", ["3 1 1 " + "ab" * 32]),
    ("txt", "TXT", ['"a\\"b\\\\c\\000\\001\\255;x"', '"a" "b c" ""', '"' + "x" * 255 + '" "y"']),
    ("unknown", "TYPE65280", ["\\# 3 abcdef"]),
    ("empty", "TYPE65281", ["\\# 0"]),
    ("uri", "URI", ['10 1 "ftp://x/\\"y"']),
    ("wks", "TYPE11", ["\\# 5 c000020106"]),
    ("x25", "TYPE19", ['\\# 5 0433313130']),
    ("*.wild2", "A", ["192.0.2.3"]),
    ("_under-score/slash", "A", ["192.0.2.4"]),
]


# ---- load and probe ----

def test_load_gets_the_whole_zone(server, target):
    result = loaded(target)
    assert result.serial == 10
    assert result.count == 11
    assert wires(target.dump()) == axfr_wires(server)


def test_every_type_goes_there_and_back(server, target):
    loaded(target)
    for owner, rdtype, contents in RECORDS:
        target.set(owner, rdtype, 300, *contents)
    delivered(target)
    assert same_zone(server, target)
    mirror = target.dump()
    target.command("forget")
    loaded(target)
    without_soa = {line for line in mirror if " SOA " not in line}
    assert without_soa <= target.dump()


def test_alias_and_lua_are_carried(server, target):
    server.patch(ZONE, ("alias." + ZONE, "ALIAS", 60, ["there.example."]),
                 ("lua." + ZONE, "LUA", 60, ['A "return \'192.0.2.1\'"']))
    loaded(target)
    dump = target.dump()
    assert f"alias.{ZONE} 60 TYPE65401 \\# 15 057468657265076578616d706c6500" in dump
    target.set("alias", "TYPE65401", 90, "\\# 6 046162636400")
    lua = next(line for line in dump if line.startswith("lua."))
    target.set("lua2", "TYPE65402", 60, lua.split(" ", 3)[3])
    delivered(target)
    assert api_rrset(server, "alias." + ZONE, "ALIAS") == ({"abcd.": False}, 90)
    assert api_rrset(server, "lua2." + ZONE, "LUA")[0] == \
        {'A "return \'192.0.2.1\'"': False}


def test_alias_that_is_no_name_is_rejected(server, target):
    loaded(target)
    target.set("alias", "TYPE65401", 90, "\\# 2 ffff")
    result = target.deliver()
    assert (result.outcome, result.rcode) == ("REJECTED", "REFUSED")
    assert "alias" in result.why


def test_what_no_client_could_add_does_not_keep_it_from_the_zone(server, target):
    # A SHA-1 of one octet.
    server.patch(ZONE, ("strange." + ZONE, "SSHFP", 60, ["1 1 00"]))
    assert loaded(target).count == 12
    target.set("other", "SSHFP", 60, "1 1 " + "00" * 20)
    delivered(target)
    assert same_zone(server, target)


def test_load_again_says_nothing_has_changed(server, target):
    loaded(target)
    result = target.load(difference=True)
    assert (result.outcome, result.kind, result.count) == ("DONE", "difference", 0)
    server.patch(ZONE, ("new." + ZONE, "A", 60, ["192.0.2.77"]))
    result = target.load(difference=True)
    assert (result.outcome, result.kind, result.count) == ("DONE", "zone", 12)


def test_probe_sees_a_change_and_deliver_does_too(server, target):
    serial = loaded(target).serial
    assert target.probe().serial == serial
    server.patch(ZONE, ("new." + ZONE, "A", 60, ["192.0.2.77"]))
    assert target.probe().serial == server.serial() != serial
    target.set("host1", "A", 60, "192.0.2.13")
    result = target.deliver()
    assert (result.outcome, result.serial) == ("CHANGED", None)
    assert server.records("host1." + ZONE, "A") == HOST1
    target.command("undo")
    loaded(target)
    target.set("host1", "A", 60, "192.0.2.13")
    delivered(target)
    assert server.records("host1." + ZONE, "A") == {"192.0.2.13"}
    assert same_zone(server, target)


def test_a_target_that_was_never_loaded_adopts_what_is_there(server, target):
    target.set("host1", "A", 60, "192.0.2.13")
    delivered(target)
    assert server.records("host1." + ZONE, "A") == {"192.0.2.13"}
    assert server.records("www." + ZONE, "CNAME") == {"host1." + ZONE}


def test_probe_before_load(server, target):
    assert target.probe().serial == 10


@pytest.mark.parametrize("key,zone,status", [
    ("wrong", ZONE, "API key refused: see api_key_file"),
    (API_KEY, "other.example.", "the zone does not exist there, or url or server leads"),
])
def test_what_the_server_does_not_grant(server, key, zone, status):
    with Driver(server.url, key=key, zone=zone) as target:
        for ask in target.load, target.probe, target.deliver:
            target.set("a", "A", 60, "192.0.2.1")
            result = ask()
            assert (result.outcome, result.rcode) == ("FAILED", "SERVFAIL")
            assert status in result.why
            assert key not in result.line


def test_wrong_server_id(server):
    with Driver(server.url, server="elsewhere") as target:
        result = target.load()
        assert result.outcome == "FAILED"
        assert "url or server leads elsewhere" in result.why


def test_a_record_that_powerdns_cannot_read_itself(sqlite):
    with sqlite3.connect(sqlite.path("pdns.sqlite3")) as database:
        database.execute(
            "INSERT INTO records (domain_id, name, type, content, ttl, disabled, auth) "
            "SELECT id, 'bad.dyn.example', 'A', 'none', 60, 0, 1 FROM domains")
    database.close()
    with Driver(sqlite.url) as target:
        result = target.load()
        assert result.outcome == "FAILED"
        assert "pdnsutil check-zone for a record that it cannot read" in result.why


def test_secondary_is_not_written_to(server, target):
    change_zone(server, kind="Slave", masters=["127.0.0.1"])
    target.set("a", "A", 60, "192.0.2.1")
    for ask in target.load, target.probe, target.deliver:
        result = ask()
        assert result.outcome == "FAILED"
        assert "secondary" in result.why
    assert api_rrset(server, "a." + ZONE, "A") == ({}, None)


def test_zone_names_are_escaped(tmp_path):
    zone = "a/b_c-d.example."
    with PowerDNS(tmp_path / "pdns", zones={}, api_key=API_KEY) as server:
        server.api("POST", "/servers/localhost/zones", json={
            "name": zone, "kind": "Native", "nameservers": ["ns.example."]})
        with Driver(server.url, zone=zone) as target:
            loaded(target)
            target.set("host", "A", 60, "192.0.2.1")
            delivered(target)
            assert target.probe().serial == server.serial(zone)


# ---- deliver ----

def test_add_replace_delete(server, target):
    serial = loaded(target).serial
    target.set("new", "A", 60, "192.0.2.50")
    target.set("host1", "AAAA", 60, "2001:db8::50")
    target.set("host1", "A")
    result = delivered(target)
    assert result.serial == server.serial() > serial
    assert server.records("new." + ZONE, "A") == {"192.0.2.50"}
    assert server.records("host1." + ZONE, "AAAA") == {"2001:db8::50"}
    assert server.records("host1." + ZONE, "A") == set()
    assert server.ttl("new." + ZONE, "A") == 60
    target.set("new", "A")
    assert delivered(target).serial == server.serial() > result.serial
    assert same_zone(server, target)


def test_nothing_to_deliver_writes_nothing(server, target):
    serial = loaded(target).serial
    assert delivered(target).serial == serial == server.serial()


def test_cname_and_address_change_places(server, target):
    loaded(target)
    target.set("www", "A", 60, "192.0.2.60")
    target.set("www", "CNAME")
    target.set("host1", "CNAME", 60, "www")
    target.set("host1", "A")
    target.set("host1", "AAAA")
    delivered(target)
    assert server.records("www." + ZONE, "A") == {"192.0.2.60"}
    assert server.rrset("host1." + ZONE, "CNAME") is not None
    assert same_zone(server, target)


def test_refused_by_the_server_is_rejected_and_nothing_applied(server, target):
    serial = loaded(target).serial
    target.set("good", "A", 60, "192.0.2.1")
    target.set("b\\032ad", "A", 60, "192.0.2.1")
    result = target.deliver()
    assert (result.outcome, result.rcode) == ("REJECTED", "REFUSED")
    assert "unsupported characters" in result.why
    assert server.records("good." + ZONE, "A") == set()
    target.command("undo")
    target.set("good", "A", 60, "192.0.2.1")
    assert delivered(target).serial > serial


def test_what_would_kill_lmdb_is_rejected(server, target):
    """PowerDNS 4.7 dies of a CAA record without a value each time it reads it from LMDB."""
    loaded(target)
    target.set("empty", "CAA", 60, '0 issue ""')
    result = target.deliver()
    if server.backend == "lmdb":
        assert (result.outcome, result.rcode) == ("REJECTED", "REFUSED")
        assert "LMDB" in result.why
    else:
        assert result.outcome == "DONE"
    assert len(server.records("empty." + ZONE, "CAA")) == (server.backend != "lmdb")
    assert server.is_ready()


def test_more_than_the_server_takes_is_rejected_without_asking(server, target):
    loaded(target)
    text = '"' + "x" * 250 + '"'
    for i in range(250):
        target.set(f"h{i}", "TXT", 60, *[f'"{j:03}" ' + text for j in range(40)])
    result = target.deliver()
    assert (result.outcome, result.rcode) == ("REJECTED", "REFUSED")
    assert "webserver-max-bodysize" in result.why


def test_almost_all_that_the_server_takes(server, target):
    loaded(target)
    text = '"' + "x" * 250 + '"'
    for i in range(170):
        target.set(f"h{i}", "TXT", 60, *[f'"{j:03}" ' + text for j in range(40)])
    delivered(target)


def test_disabled_records_stay(server, target):
    server.api("PATCH", ZONE_PATH, json={"rrsets": [
        {"name": "mixed." + ZONE, "type": "A", "ttl": 60, "changetype": "REPLACE", "records": [
            {"content": "192.0.2.1", "disabled": False},
            {"content": "192.0.2.2", "disabled": True},
            {"content": "192.0.2.3", "disabled": True}]},
        {"name": "off." + ZONE, "type": "CNAME", "ttl": 70, "changetype": "REPLACE",
         "records": [{"content": "host1." + ZONE, "disabled": True}]}]})
    loaded(target)
    mixed = "mixed." + ZONE
    assert [line for line in target.dump() if line.startswith(("mixed", "off"))] == \
        [f"{mixed} 60 A 192.0.2.1"]
    target.set("mixed", "A", 60, "192.0.2.4")
    delivered(target)
    assert api_rrset(server, mixed, "A")[0] == \
        {"192.0.2.4": False, "192.0.2.2": True, "192.0.2.3": True}
    target.set("mixed", "A", 60, "192.0.2.3")
    delivered(target)
    assert api_rrset(server, mixed, "A")[0] == {"192.0.2.3": False, "192.0.2.2": True}
    target.set("mixed", "A")
    target.set("off", "A", 60, "192.0.2.9")
    delivered(target)
    assert api_rrset(server, mixed, "A") == ({"192.0.2.2": True, "192.0.2.3": True}, 60)
    assert api_rrset(server, "off." + ZONE, "CNAME") == ({"host1." + ZONE: True}, 70)
    assert server.records("off." + ZONE, "A") == {"192.0.2.9"}


def test_comments_stay(sqlite):
    host1 = "host1." + ZONE
    sqlite.api("PATCH", ZONE_PATH, json={"rrsets": [
        {"name": host1, "type": "A", "changetype": "REPLACE",
         "comments": [{"content": "in the cellar", "account": ""}]}]})
    with Driver(sqlite.url) as target:
        loaded(target)
        target.set("host1", "A", 60, "192.0.2.90")
        delivered(target)
    zone = sqlite.api("GET", f"{ZONE_PATH}?rrset_name={host1}&rrset_type=A").json()
    assert [c["content"] for c in zone["rrsets"][0]["comments"]] == ["in the cellar"]


def test_a_thousand_rrsets_in_one_batch(server, target):
    loaded(target)
    for i in range(1000):
        target.set(f"h{i}.sub", "A", 60, f"10.0.{i >> 8}.{i & 255}")
    result = delivered(target)
    assert result.serial == server.serial()
    assert same_zone(server, target)
    target.settle()
    assert server.query("sub." + ZONE, "A").rcode() == dns.rcode.NOERROR


# ---- serials ----

KINDS = [("", ""), ("OFF", ""), ("DEFAULT", ""), ("INCREASE", ""), ("EPOCH", ""),
         ("SOA-EDIT", "INCREMENT-WEEKS"), ("SOA-EDIT", "INCEPTION-INCREMENT"),
         ("SOA-EDIT", ""), ("SOA-EDIT-INCREASE", ""),
         ("SOA-EDIT-INCREASE", "INCEPTION-INCREMENT"),
         ("", "INCEPTION-INCREMENT"), ("DEFAULT", "INCEPTION-INCREMENT"),
         ("INCREASE", "INCREMENT-WEEKS"), ("", "EPOCH")]


@pytest.mark.parametrize("soa_edit_api,soa_edit", KINDS)
def test_serial_moves_with_every_kind(server, target, soa_edit_api, soa_edit):
    set_kind(server, soa_edit_api, soa_edit)
    before = loaded(target).serial
    # A calendar may move the served serial between our look and the test's.
    assert before == server.serial() or "EPOCH" in soa_edit
    for last in range(3):
        target.set("host1", "A", 60, f"192.0.2.{50 + last}")
        result = delivered(target)
        assert result.serial == server.serial() or "EPOCH" in soa_edit, result
        assert result.serial > before or "EPOCH" in (soa_edit_api, soa_edit), result
        before = result.serial
    assert server.records("host1." + ZONE, "A") == {"192.0.2.52"}
    loaded(target)
    assert same_zone(server, target)


@pytest.mark.parametrize("soa_edit_api", ["", "INCREASE"])
def test_a_serial_that_runs_with_the_clock_is_nobodys_write(server, target, soa_edit_api):
    set_kind(server, soa_edit_api, "EPOCH")
    served = loaded(target).serial
    target.set("host1", "A", 60, "192.0.2.50")
    wait_for(lambda: server.serial() != served, "the clock to move on")
    delivered(target)
    assert server.records("host1." + ZONE, "A") == {"192.0.2.50"}


@pytest.mark.parametrize("soa_edit_api,soa_edit,wanted,becomes", [
    ("", "", 4000, 4000),
    ("OFF", "", 4000, 4000),
    ("INCREASE", "", 4000, 4000),
    ("INCREASE", "", 11, 11),
    ("SOA-EDIT-INCREASE", "", 4000, 4000),
    ("SOA-EDIT", "", 4000, 4000),
    ("DEFAULT", "", 3000000000, 3000000000),
])
def test_a_clients_serial_is_kept(server, target, soa_edit_api, soa_edit, wanted, becomes):
    # 3000000000 is ahead of the zone only when seen from a serial that is not 10.
    set_kind(server, soa_edit_api, soa_edit)
    if wanted > 2**31:
        server.patch(ZONE, ("x." + ZONE, "A", 60, ["192.0.2.1"]))
    loaded(target)
    target.set("host1", "A", 60, "192.0.2.50")
    target.set("@", "SOA", 77, f"ns1.{ZONE} root.{ZONE} {wanted} 1 2 3 4")
    result = delivered(target)
    assert result.serial == becomes == server.serial()
    soa = server.rrset(ZONE, "SOA")
    assert (soa.ttl, soa[0].minimum, str(soa[0].rname)) == (77, 4, f"root.{ZONE}")
    target.set("host1", "A", 60, "192.0.2.51")
    assert delivered(target).serial > becomes


def test_a_clients_serial_behind_the_zones_moves_on(server, target):
    set_kind(server, "INCREASE")
    loaded(target)
    for wanted in 20, 15:
        target.set("@", "SOA", 300, f"ns1.{ZONE} root.{ZONE} {wanted} 1 2 3 4")
        result = delivered(target)
    assert result.serial == server.serial() == 21


def test_default_lifts_a_clients_serial_to_the_date(server, target):
    loaded(target)
    target.set("@", "SOA", 300, f"ns1.{ZONE} root.{ZONE} 20 1 2 3 4")
    result = delivered(target)
    assert result.serial == server.serial() > 2020010101
