"""The ddns target against real servers: what it loads, what it delivers, what it notices."""

import os

import pytest

import servers
from servers import Bind, Key, Knot, PowerDNS
from target_driver import PROGRAM, TargetDriver

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


def loaded(target):
    result = target.load()
    assert (result.outcome, result.kind) == ("DONE", "zone"), result
    return result


def delivered(target, **options):
    result = target.deliver(**options)
    assert result.outcome == "DONE", result
    return result


def same_zone(server, target):
    """Has the mirror of the target what the server has?"""
    return target.dump() == server.axfr(key=server.keys[0])


# ---- load and probe ----

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
    with TargetDriver(bind.port, tmp_path, bind.keys[0], timeout_ms=300) as target:
        loaded(target)
        target.set("host2", "A", 60, "192.0.2.21")
        target.set("host1", "AAAA")
        bind.pause()
        result = target.deliver()
        assert result.outcome == "FAILED"
        assert "gave no answer within 300 ms" in result.why
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
    with TargetDriver(bind.port, tmp_path, bind.keys[0], timeout_ms=300) as target:
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


def test_update_not_allowed(tmp_path):
    skip_without(Bind)
    key, reader = Key(), Key("reader.")
    server = Bind(tmp_path / "bind", keys=[key])
    server.prepare()
    config = server.path("named.conf")
    with open(config, encoding="ascii") as file:
        text = file.read()
    with open(config, "w", encoding="ascii") as file:
        file.write(reader.text + text)
    server.is_prepared = True
    with server, TargetDriver(server.port, tmp_path, reader) as target:
        assert target.probe().outcome == "DONE"
        target.set("host2", "A", 60, "192.0.2.21")
        result = target.deliver()
        assert (result.outcome, result.rcode) == ("REJECTED", "REFUSED")
        assert result.why.startswith("target says REFUSED")
        result = target.load()
        assert result.outcome == "FAILED"
        assert "AXFR with " in result.why


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
