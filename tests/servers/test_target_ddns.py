"""The ddns target against real servers: what it loads, what it delivers, what it notices."""

import os
import re
import sqlite3
import subprocess

import pytest

import servers
from servers import Bind, Key, Knot, PowerDNS
from target_driver import PROGRAM, TargetDriver, delivered, loaded

pytestmark = pytest.mark.skipif(
    not os.access(PROGRAM, os.X_OK), reason="target_driver is not built")

KINDS = {
    "bind": (Bind, {}),
    "knot": (Knot, {}),
    "powerdns": (PowerDNS, {"dnsupdate": True}),
}
HOST1 = {"192.0.2.11", "192.0.2.12"}


def skip_without(cls):
    if not servers.have(cls.program, "tsig-keygen"):
        pytest.skip(f"{cls.program} is not installed")


@pytest.fixture(params=sorted(KINDS))
def server(request, tmp_path):
    cls, options = KINDS[request.param]
    skip_without(cls)
    with cls(tmp_path / request.param, keys=[Key()], **options) as running:
        yield running


@pytest.fixture
def bind(tmp_path):
    skip_without(Bind)
    with Bind(tmp_path / "bind", keys=[Key()]) as running:
        yield running


@pytest.fixture
def target(server, tmp_path):
    with TargetDriver(server.port, tmp_path, server.keys[0]) as driver:
        yield driver


def same_zone(server, target):
    """Has the mirror of the target what the server has?"""
    return target.dump() == server.axfr(key=server.keys[0])


# ---- load and probe ----

def test_a_transfer_that_is_refused_says_what_to_allow(server, tmp_path):
    with TargetDriver(server.port, tmp_path) as stranger:
        result = stranger.load()
        assert result.outcome == "FAILED"
        # BIND says REFUSED, the others NOTAUTH.
        assert result.why.endswith(
            "it must allow transfers to the target's key (allow-transfer in BIND, an acl with "
            "action transfer in Knot)" if isinstance(server, Bind) else
            "it does not serve the zone, does not know the key, or does not allow it "
            "transfers"), result


def test_load_gets_the_whole_zone(server, target):
    result = loaded(target)
    assert result.serial == 10
    assert result.count == 11
    assert same_zone(server, target)


def test_load_of_many_messages(tmp_path):
    skip_without(Bind)
    zone = servers.ZONE + "".join(
        f"h{i}\tA\t10.0.{i >> 8}.{i & 255}\n" for i in range(20000))
    with Bind(tmp_path / "bind", zones={"dyn.example.": zone}, keys=[Key()]) as server, \
            TargetDriver(server.port, tmp_path, server.keys[0]) as target:
        assert loaded(target).count == 20011


def test_probe_tells_the_serial(server, target):
    result = target.probe()
    assert (result.outcome, result.serial) == ("DONE", 10)


def test_load_without_a_change_is_an_empty_difference(server, target):
    loaded(target)
    result = target.load(difference=True)
    assert result.outcome == "DONE"
    if result.kind == "difference":
        assert (result.count, result.serial) == (0, 10)
    assert same_zone(server, target)


def test_difference_after_a_foreign_change(server, target):
    loaded(target)
    before = server.serial()
    assert server.update(
        delete=[("host1.dyn.example.", "A", "192.0.2.12")],
        add=[("new.dyn.example.", 60, "A", "192.0.2.77")]) == "NOERROR"
    result = target.load(difference=True)
    assert result.outcome == "DONE"
    assert result.serial == server.serial() != before
    if not isinstance(server, PowerDNS):  # has no history: answers with the whole zone
        assert result.kind == "difference"
        assert result.count == 4
        assert "- host1.dyn.example. 0 A 192.0.2.12" in result.records
        assert "+ new.dyn.example. 60 A 192.0.2.77" in result.records
        assert [line.split()[0] for line in result.records if " SOA " in line] == ["-", "+"]
    assert same_zone(server, target)


@pytest.mark.parametrize("ratio, kind", [("unlimited", "difference"), ("1%", "zone")])
def test_difference_over_several_versions(tmp_path, ratio, kind):
    skip_without(Bind)
    with Bind(tmp_path / "bind", keys=[Key()], options=f"max-ixfr-ratio {ratio};") as bind, \
            TargetDriver(bind.port, tmp_path, bind.keys[0]) as target:
        loaded(target)
        for i in range(5):
            assert bind.update(
                delete=[(f"n{i - 1}.dyn.example.", "A")],
                add=[(f"n{i}.dyn.example.", 60, "A", "192.0.2.77")]) == "NOERROR"
        result = target.load(difference=True)
        assert (result.kind, result.serial) == (kind, 15)
        assert same_zone(bind, target)


# ---- deliver ----

def test_deliver_adds_and_deletes(server, target):
    loaded(target)
    target.set("host2", "A", 60, "192.0.2.21", "192.0.2.22")
    target.set("host2", "TXT", 60, '"a" "b c"', '"\\200\\"\\\\"')
    target.set("host1", "A", 300, "192.0.2.12")
    target.set("host1", "AAAA")
    assert delivered(target).serial == 11
    assert server.serial() == 11
    assert server.records("host2.dyn.example.", "A") == {"192.0.2.21", "192.0.2.22"}
    assert server.ttl("host2.dyn.example.", "A") == 60
    assert server.records("host1.dyn.example.", "A") == {"192.0.2.12"}
    assert server.records("host1.dyn.example.", "AAAA") == set()
    loaded(target)
    assert same_zone(server, target)


def test_two_batches_in_order(server, target):
    loaded(target)
    target.set("host2", "A", 60, "192.0.2.21")
    assert delivered(target).serial == 11
    target.set("host2", "A", 60, "192.0.2.22")
    assert delivered(target).serial == 12
    assert server.serial() == 12
    assert server.records("host2.dyn.example.", "A") == {"192.0.2.22"}


def test_deliver_knows_the_serial_without_asking(server, target):
    loaded(target)
    target.set("host2", "A", 60, "192.0.2.21")
    delivered(target)
    result = target.load(difference=True)
    if result.kind == "difference":
        assert result.count == 0
    target.set("host3", "A", 60, "192.0.2.31")
    assert delivered(target).serial == 12


def test_deliver_nothing_touches_nothing(server, target):
    loaded(target)
    assert delivered(target).serial == 10
    assert server.serial() == 10


def test_new_ttl_of_the_same_records(server, target):
    loaded(target)
    target.set("host1", "A", 30, *HOST1)
    delivered(target)
    assert server.ttl("host1.dyn.example.", "A") == 30
    assert server.records("host1.dyn.example.", "A") == HOST1
    target.set("host1", "A", 3000, "192.0.2.13", "192.0.2.12")
    delivered(target)
    assert server.ttl("host1.dyn.example.", "A") == 3000
    assert server.records("host1.dyn.example.", "A") == {"192.0.2.13", "192.0.2.12"}


def test_cname_gives_way_to_data_and_back(server, target):
    loaded(target)
    target.set("www", "A", 60, "192.0.2.80")
    target.set("www", "CNAME")
    delivered(target)
    assert server.records("www.dyn.example.", "A") == {"192.0.2.80"}
    target.set("www", "CNAME", 60, "host1")
    target.set("www", "A")
    delivered(target)
    assert server.records("www.dyn.example.", "CNAME") == {"host1.dyn.example."}


def test_cname_and_dname_are_replaced(server, target):
    loaded(target)
    target.set("www", "CNAME", 300, "ns1")
    target.set("tree", "DNAME", 300, "elsewhere.example.")
    delivered(target)
    target.set("tree", "DNAME", 300, "elsewhere-else.example.")
    delivered(target)
    assert server.records("www.dyn.example.", "CNAME") == {"ns1.dyn.example."}
    assert server.records("tree.dyn.example.", "DNAME") == {"elsewhere-else.example."}


def test_apex_ns_replaced_wholly(server, target):
    loaded(target)
    target.set("@", "NS", 300, "ns3.other.example.", "ns4.other.example.")
    delivered(target)
    assert server.records("dyn.example.", "NS") == {"ns3.other.example.", "ns4.other.example."}


@pytest.mark.parametrize("names", ["ns1 ns2", "ns1 ns3", "ns1", "ns3", "ns1 ns2 ns3"])
def test_apex_ns_gets_a_new_ttl(server, target, names):
    loaded(target)
    target.set("ns3", "A", 300, "192.0.2.3")
    target.set("@", "NS", 900, *names.split())
    delivered(target)
    assert server.records("dyn.example.", "NS") == {
        f"{name}.dyn.example." for name in names.split()}
    assert server.ttl("dyn.example.", "NS") == 900


def test_only_apex_ns_gets_a_new_ttl(server, target):
    loaded(target)
    target.set("@", "NS", 300, "ns1")
    delivered(target)
    target.set("@", "NS", 900, "ns1")
    delivered(target)
    assert server.records("dyn.example.", "NS") == {"ns1.dyn.example."}
    assert server.ttl("dyn.example.", "NS") == 900


def test_the_clients_own_soa(server, target):
    loaded(target)
    target.set("@", "SOA", 600, "ns2 admin 40 7200 600 86400 30")
    target.set("host2", "A", 60, "192.0.2.21")
    assert delivered(target).serial == 40
    assert server.records("dyn.example.", "SOA") == {
        "ns2.dyn.example. admin.dyn.example. 40 7200 600 86400 30"}


def test_soa_fields_with_an_old_serial(server, target):
    loaded(target)
    target.set("@", "SOA", 300, "ns2 admin 9 7200 600 86400 30")
    assert delivered(target).serial == 11
    assert server.records("dyn.example.", "SOA") == {
        "ns2.dyn.example. admin.dyn.example. 11 7200 600 86400 30"}


def test_many_types_come_and_go(server, target):
    wanted = {
        "MX": ["10 mail.example.", "20 Mail2.Example."],
        "SRV": ["1 2 3 host.example."],
        "SSHFP": ["1 2 " + "ab" * 32],
        "TLSA": ["3 1 1 " + "cd" * 32],
        "CAA": ['0 issue "ca.example"'],
        "NAPTR": ['10 20 "u" "sip" "!^.*$!sip:a@b!" .'],
        "TYPE65280": ["\\# 3 010203"],
        "HTTPS": ["1 . alpn=h2"],
        "PTR": ["host.example."],
        "LOC": ["52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"],
    }
    if isinstance(server, PowerDNS):  # FORMERR for a type that it does not know
        del wanted["TYPE65280"]
    loaded(target)
    for rdtype, contents in wanted.items():
        target.set("kinds", rdtype, 60, *contents)
    delivered(target)
    loaded(target)
    got = {line.split()[2] for line in target.dump() if line.startswith("kinds.")}
    assert got == set(wanted)
    for rdtype in wanted:
        target.set("kinds", rdtype)
    delivered(target)
    loaded(target)
    assert not [line for line in target.dump() if line.startswith("kinds.")]


def test_a_batch_of_300_rrsets(server, target):
    loaded(target)
    for i in range(300):
        target.set(f"h{i}", "A", 60, f"10.1.{i >> 8}.{i & 255}", f"10.2.{i >> 8}.{i & 255}")
    assert delivered(target).serial == 11
    assert len(server.axfr(key=server.keys[0])) == 611


def test_a_batch_too_large_for_one_message(server, target):
    loaded(target)
    for i in range(300):
        target.set(f"h{i}", "TXT", 60, f'"{"x" * 250}"')
    result = target.deliver()
    assert (result.outcome, result.rcode) == ("REJECTED", "REFUSED")
    assert "too large for one UPDATE" in result.why
    assert server.serial() == 10


# ---- what happens behind our back ----

def test_changed_behind_our_back(server, target):
    loaded(target)
    assert server.update(add=[("new.dyn.example.", 60, "A", "192.0.2.77")]) == "NOERROR"
    target.set("host2", "A", 60, "192.0.2.21")
    result = target.deliver()
    assert (result.outcome, result.serial) == ("CHANGED", server.serial())
    assert server.records("host2.dyn.example.", "A") == set()
    # a target that is not the primary goes on from what is there
    serial = server.serial()
    assert delivered(target).serial == serial + 1
    assert server.records("host2.dyn.example.", "A") == {"192.0.2.21"}
    assert server.records("new.dyn.example.", "A") == {"192.0.2.77"}


def test_changed_is_caught_up_by_a_difference(bind, tmp_path):
    with TargetDriver(bind.port, tmp_path, bind.keys[0]) as target:
        loaded(target)
        assert bind.update(add=[("new.dyn.example.", 60, "A", "192.0.2.77")]) == "NOERROR"
        target.set("host2", "A", 60, "192.0.2.21")
        assert target.deliver().outcome == "CHANGED"
        target.command("undo")
        result = target.load(difference=True)
        assert (result.kind, result.count) == ("difference", 3)
        assert same_zone(bind, target)


def test_probe_does_not_accept_a_change(server, target):
    loaded(target)
    assert server.update(add=[("new.dyn.example.", 60, "A", "192.0.2.77")]) == "NOERROR"
    assert target.probe().serial == server.serial()
    target.set("host2", "A", 60, "192.0.2.21")
    assert target.deliver().outcome == "CHANGED"


def test_a_target_that_knows_nothing_learns_the_soa(server, target):
    loaded(target)
    target.command("forget")
    target.set("host1", "A", 300, "192.0.2.12")
    assert delivered(target).serial == 11
    assert server.records("host1.dyn.example.", "A") == {"192.0.2.12"}


# ---- failures ----

def test_server_killed_in_between(server, target):
    loaded(target)
    server.kill()
    target.set("host2", "A", 60, "192.0.2.21")
    result = target.deliver()
    assert result.outcome == "FAILED"
    assert "could not be reached: Connection refused" in result.why
    assert f"127.0.0.1#{server.port}" in result.why
    server.start()
    assert delivered(target, retry=True).serial == 11
    assert server.records("host2.dyn.example.", "A") == {"192.0.2.21"}


def test_server_restarted_while_idle(server, target):
    loaded(target)
    server.stop()
    server.start()
    target.set("host2", "A", 60, "192.0.2.21")
    assert delivered(target).serial == 11
    server.stop()
    server.start()
    assert target.probe().serial == 11


@pytest.mark.parametrize("applied_meanwhile", [False, True])
def test_outcome_unknown_then_retried(bind, tmp_path, applied_meanwhile):
    with TargetDriver(bind.port, tmp_path, bind.keys[0], timeout_ms=3000) as target:
        loaded(target)
        target.set("host2", "A", 60, "192.0.2.21")
        target.set("host1", "AAAA")
        bind.pause()
        result = target.deliver()
        assert result.outcome == "FAILED"
        assert "gave no answer within 3000 ms" in result.why
        if applied_meanwhile:  # the request waits in the socket, and is read now
            bind.resume()
            servers.wait_for(lambda: bind.serial() == 11, "the UPDATE to be applied")
        else:
            bind.kill()
            bind.start()
        assert delivered(target, retry=True).serial == 11
        assert bind.serial() == 11
        assert bind.records("host2.dyn.example.", "A") == {"192.0.2.21"}


def test_somebody_else_took_the_serial(bind, tmp_path):
    with TargetDriver(bind.port, tmp_path, bind.keys[0], timeout_ms=3000) as target:
        loaded(target)
        target.set("host2", "A", 60, "192.0.2.21")
        bind.pause()
        assert target.deliver().outcome == "FAILED"
        bind.kill()
        bind.start()
        assert bind.update(add=[("new.dyn.example.", 60, "A", "192.0.2.77")]) == "NOERROR"
        assert bind.serial() == 11
        result = target.deliver(retry=True)
        assert (result.outcome, result.serial) == ("CHANGED", 11)


def test_wrong_secret(server, tmp_path):
    other = Key(server.keys[0].name)
    with TargetDriver(server.port, tmp_path, other) as target:
        for result in (target.probe(), target.load()):
            assert result.outcome == "FAILED"
            assert "BADSIG" in result.why or "without signature" in result.why
        target.set("host2", "A", 60, "192.0.2.21")
        assert target.deliver().outcome == "FAILED"


def test_unknown_key(server, tmp_path):
    with TargetDriver(server.port, tmp_path, Key("stranger.")) as target:
        result = target.probe()
        assert result.outcome == "FAILED"
        assert "does not know key stranger. (BADKEY)" in result.why or (
            "without signature (does it know key stranger.?)" in result.why)


def test_clocks_differ(bind, tmp_path):
    with TargetDriver(bind.port, tmp_path, bind.keys[0]) as target:
        target.command("clock 4000")
        result = target.probe()
        assert result.outcome == "FAILED"
        assert "clocks differ by 4000 s (BADTIME)" in result.why or (
            "clocks differ by 3999 s (BADTIME)" in result.why)
        target.command("clock 0")
        assert target.probe().outcome == "DONE"


def rewrite(server, pattern, replacement):
    """Changes the server's configuration, which it reads at its next start."""
    if not server.is_prepared:
        server.prepare()
        server.is_prepared = True
    with open(server.path("named.conf"), encoding="ascii") as file:
        text, count = re.subn(pattern, lambda _: replacement, file.read())
    assert count == 1
    server.write("named.conf", text)


def without_soa(server):
    return {line for line in server.axfr(key=server.keys[0]) if " SOA " not in line}


def test_key_that_may_not_update_at_all(tmp_path):
    """It may be given the right later: nothing is lost until then."""
    skip_without(Bind)
    key, reader = Key(), Key("reader.")
    server = Bind(tmp_path / "bind", keys=[key])
    rewrite(server, r"\A", reader.text)
    with server, TargetDriver(server.port, tmp_path, reader) as target:
        assert target.probe().outcome == "DONE"
        target.set("host2", "A", 60, "192.0.2.21")
        result = target.deliver()
        assert result.outcome == "FAILED"
        assert result.why.startswith("target says REFUSED")
        result = target.load()
        assert result.outcome == "FAILED"
        assert "AXFR with " in result.why


@pytest.mark.parametrize("policy", ["allow-update { none; };", "allow-query { any; };"])
def test_server_that_takes_no_updates_for_a_while(bind, tmp_path, policy):
    with TargetDriver(bind.port, tmp_path, bind.keys[0]) as target:
        loaded(target)
        with open(bind.path("named.conf"), encoding="ascii") as file:
            config = file.read()
        bind.stop()
        rewrite(bind, "allow-update {[^}]*};", policy)
        bind.start()
        target.set("host2", "A", 60, "192.0.2.21")
        for retry in (False, True):
            result = target.deliver(retry=retry)
            assert (result.outcome, result.why) == ("FAILED", "target says REFUSED")
        bind.stop()
        bind.write("named.conf", config)
        bind.start()
        assert delivered(target, retry=True).serial == 11
        assert bind.records("host2.dyn.example.", "A") == {"192.0.2.21"}


@pytest.mark.parametrize("with_policy", [False, True])
def test_frozen_zone(tmp_path, with_policy):
    skip_without(Bind)
    if not servers.have("rndc"):
        pytest.skip("rndc is not installed")
    server = Bind(tmp_path / "bind", keys=[Key()])
    key = server.keys[0]
    port = servers.free_port()
    rewrite(server, "controls { };", f"controls {{ inet {servers.HOST} port {port} "
            f"allow {{ any; }} keys {{ \"{key.name}\"; }}; }};")
    if with_policy:
        rewrite(server, "allow-update {[^}]*};",
                f"update-policy {{ grant {key.name} zonesub ANY; }};")
    key_file = key.write(server.path("rndc.key"))

    def rndc(*arguments):
        subprocess.run([servers.find("rndc"), "-s", servers.HOST, "-p", str(port),
                        "-k", key_file, "-y", key.name, *arguments],
                       check=True, capture_output=True, timeout=60)

    with server, TargetDriver(server.port, tmp_path, key) as target:
        loaded(target)
        rndc("freeze", "dyn.example")
        target.set("host2", "A", 60, "192.0.2.21")
        result = target.deliver()
        assert (result.outcome, result.why) == ("FAILED", "target says REFUSED")
        assert server.serial() == 10
        rndc("thaw", "dyn.example")
        assert delivered(target, retry=True).serial == 11


def test_name_that_policy_forbids(tmp_path):
    skip_without(Bind)
    server = Bind(tmp_path / "bind", keys=[Key()])
    name = server.keys[0].name
    rewrite(server, "allow-update {[^}]*};", f"update-policy {{ "
            f"deny {name} name forbidden.dyn.example. ANY; grant {name} zonesub ANY; }};")
    with server, TargetDriver(server.port, tmp_path, server.keys[0]) as target:
        loaded(target)
        before = server.axfr(key=server.keys[0])
        target.set("forbidden", "A", 60, "192.0.2.21")
        target.set("allowed", "A", 60, "192.0.2.21")
        result = target.deliver()
        assert (result.outcome, result.rcode) == ("REJECTED", "REFUSED")
        assert server.axfr(key=server.keys[0]) == before
        target.set("forbidden", "A")
        assert delivered(target).serial == 11
        assert server.records("allowed.dyn.example.", "A") == {"192.0.2.21"}


# ---- SERVFAIL: for good, or for a while ----

def crowd(target, count):
    target.set("crowd", "A", 60, *(f"192.0.2.{i}" for i in range(count)))


class PoisonBind:
    """No RRset may have more than 20 records."""
    cls, options = Bind, {"options": "max-records-per-type 20;"}

    @staticmethod
    def prepare(_):
        pass

    @staticmethod
    def set(target):
        crowd(target, 21)


class PoisonKnot:
    """No change may be larger than the journal."""
    cls, options = Knot, {"zone_options": "    journal-max-usage: 40K"}

    @staticmethod
    def prepare(_):
        pass

    @staticmethod
    def set(target):
        for i in range(250):
            target.set(f"h{i}", "TXT", 60, f'"{"x" * 200}"')


class PoisonPowerDNS:
    """The database knows a name that it does not like."""
    cls, options = PowerDNS, {"dnsupdate": True}

    @staticmethod
    def prepare(server):
        database = sqlite3.connect(server.path("pdns.sqlite3"))
        database.execute(
            "CREATE TRIGGER no_crowd BEFORE INSERT ON records "
            "WHEN NEW.name = 'crowd.dyn.example' "
            "BEGIN SELECT RAISE(ABORT, 'no crowd here'); END")
        database.commit()
        database.close()

    @staticmethod
    def set(target):
        crowd(target, 2)


@pytest.fixture(params=[PoisonBind, PoisonKnot, PoisonPowerDNS])
def poison(request, tmp_path):
    """What a server answers with SERVFAIL, every time; its class, and the server."""
    kind = request.param
    skip_without(kind.cls)
    with kind.cls(tmp_path / "server", keys=[Key()], **kind.options) as server:
        kind.prepare(server)
        yield kind, server


def test_servfail_for_good_is_a_refusal(poison, tmp_path):
    kind, server = poison
    with TargetDriver(server.port, tmp_path, server.keys[0]) as target:
        loaded(target)
        target.set("host2", "A", 60, "192.0.2.21")
        assert delivered(target).serial == 11
        before = without_soa(server)
        kind.set(target)
        target.set("beside", "A", 60, "192.0.2.1")
        result = target.deliver()
        assert (result.outcome, result.rcode) == ("REJECTED", "SERVFAIL"), result
        assert result.why.startswith("target says SERVFAIL")
        assert result.serial == server.serial() == 15  # of the trials
        assert without_soa(server) == before
        target.command("undo")
        target.set("host2", "A", 60, "192.0.2.22")
        assert delivered(target).serial == 16
        assert server.records("host2.dyn.example.", "A") == {"192.0.2.22"}
        assert server.records("beside.dyn.example.", "A") == set()


def test_mirror_stays_a_copy_after_a_refusal(poison, tmp_path):
    kind, server = poison
    with TargetDriver(server.port, tmp_path, server.keys[0]) as target:
        loaded(target)
        kind.set(target)
        assert target.deliver().outcome == "REJECTED"
        target.command("undo")
        target.set("host2", "A", 60, "192.0.2.22")
        assert delivered(target).serial == 15
        result = target.load(difference=True)
        assert (result.outcome, result.serial) == ("DONE", 15)
        if not isinstance(server, PowerDNS):
            assert (result.kind, result.count) == ("difference", 0)
        assert {line for line in target.dump() if " SOA " not in line} == without_soa(server)


def test_servfail_for_a_while_is_a_failure(bind, tmp_path):
    """The journal can not be written."""
    with TargetDriver(bind.port, tmp_path, bind.keys[0]) as target:
        loaded(target)
        before = bind.axfr(key=bind.keys[0])
        os.mkdir(bind.path("dyn.example.zone.jnl"))
        target.set("host2", "A", 60, "192.0.2.21")
        for retry in (False, True):
            result = target.deliver(retry=retry)
            assert (result.outcome, result.serial) == ("FAILED", None)
            assert "an UPDATE of nothing but the serial with SERVFAIL" in result.why
        assert bind.axfr(key=bind.keys[0]) == before
        os.rmdir(bind.path("dyn.example.zone.jnl"))
        assert delivered(target, retry=True).serial == 11
        assert bind.records("host2.dyn.example.", "A") == {"192.0.2.21"}


# ---- other servers ----

def test_zone_that_is_not_there(server, tmp_path):
    with TargetDriver(server.port, tmp_path, server.keys[0], zone="other.example.") as target:
        assert target.probe().outcome == "FAILED"
        assert target.load().outcome == "FAILED"
        target.set("host2.other.example.", "A", 60, "192.0.2.21")
        assert target.deliver().outcome == "FAILED"


def test_other_algorithms(tmp_path):
    skip_without(Bind)
    for algorithm in ("hmac-md5", "hmac-sha1", "hmac-sha512"):
        with Bind(tmp_path / algorithm, keys=[Key(algorithm=algorithm)]) as server, \
                TargetDriver(server.port, tmp_path, server.keys[0]) as target:
            loaded(target)


def test_unsigned(tmp_path):
    skip_without(Bind)
    with Bind(tmp_path / "bind") as server, TargetDriver(server.port, tmp_path) as target:
        loaded(target)
        target.set("host2", "A", 60, "192.0.2.21")
        assert delivered(target).serial == 11


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("what", ["load", "probe", "deliver"])
def test_freed_in_the_middle(bind, tmp_path, what, turns):
    with TargetDriver(bind.port, tmp_path, bind.keys[0]) as target:
        target.set("host2", "A", 60, "192.0.2.21")
        target.command(f"abandon {turns} {what}")
        target.command("undo")
        assert target.probe().outcome == "DONE"
