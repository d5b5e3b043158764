"""The ddns target and servers that grant its key less than everything: typical grants name the
types or the names that clients need, and not the SOA."""

import os
import re

import pytest

import servers
from servers import Bind, Key, Knot
from target_driver import PROGRAM, TargetDriver, delivered, loaded

pytestmark = pytest.mark.skipif(
    not os.access(PROGRAM, os.X_OK), reason="target_driver is not built")


def rewrite(server, name, pattern, replacement):
    """Changes the configuration, which is read at the next start."""
    if not server.is_prepared:
        server.prepare()
        server.is_prepared = True
    with open(server.path(name), encoding="ascii") as file:
        text, count = re.subn(pattern, lambda _: replacement, file.read())
    assert count == 1
    server.write(name, text)


def bind_with(folder, grant, options=""):
    server = Bind(folder, keys=[Key()], options=options)
    rewrite(server, "named.conf", "allow-update {[^}]*};",
            f"update-policy {{ grant {server.keys[0].name} {grant}; }};")
    return server


def knot_with(folder, *lines):
    """Updates only as the lines say, whatever else the key may do."""
    server = Knot(folder, keys=[Key()])
    key = f"    key: [{server.keys[0].name}]\n"
    rewrite(server, "knot.conf", re.escape("    action: [update, transfer]\n" + key),
            "    action: update\n" + key + "".join(f"    {line}\n" for line in lines) +
            "  - id: reader\n    action: transfer\n" + key)
    rewrite(server, "knot.conf", "acl: writer", "acl: [writer, reader]")
    return server


KINDS = {
    "bind": (Bind, lambda folder: bind_with(folder, "zonesub A TXT")),
    "knot": (Knot, lambda folder: knot_with(folder, "update-type: [A, TXT]")),
}


@pytest.fixture(params=sorted(KINDS))
def server(request, tmp_path):
    """It grants A and TXT, and no SOA."""
    cls, make = KINDS[request.param]
    if not servers.have(cls.program, "tsig-keygen"):
        pytest.skip(f"{cls.program} is not installed")
    with make(tmp_path / request.param) as running:
        yield running


@pytest.fixture
def target(server, tmp_path):
    with TargetDriver(server.port, tmp_path, server.keys[0]) as driver:
        yield driver


def expect_refusal(target):
    result = target.deliver()
    assert (result.outcome, result.rcode) == ("REJECTED", "REFUSED"), result
    target.command("undo")
    return result


def test_a_server_that_counts_its_serial_itself(server, target):
    loaded(target)
    for serial in 11, 12:
        target.set("host2", "A", 60, f"192.0.2.{serial}")
        assert delivered(target).serial == serial
        assert server.records("host2.dyn.example.", "A") == {f"192.0.2.{serial}"}
    # the mirror has been a copy all the time
    result = target.load(difference=True)
    assert (result.kind, result.count) == ("difference", 0)
    # what others do in between is seen
    assert server.update(add=[("new.dyn.example.", 60, "A", "192.0.2.77")]) == "NOERROR"
    target.set("host2", "A", 60, "192.0.2.99")
    assert target.deliver().outcome == "CHANGED"


def test_what_is_not_granted_is_refused_and_nothing_else_with_it(server, target):
    loaded(target)
    target.set("service", "SRV", 60, "0 0 1 host1")
    expect_refusal(target)
    target.set("@", "SOA", 300, "ns2 admin 40 7200 600 86400 30")
    expect_refusal(target)
    target.set("host2", "A", 60, "192.0.2.21")
    assert delivered(target).serial == 11
    target.set("service", "SRV", 60, "0 0 1 host1")
    why = expect_refusal(target).why
    assert why.startswith("target does not allow it" if isinstance(server, Knot)
                          else "target says REFUSED"), why
    assert server.serial() == 11


def test_a_key_that_is_not_known_is_nothing_that_a_change_did(server, tmp_path):
    for key in Key("stranger."), Key(server.keys[0].name):
        with TargetDriver(server.port, tmp_path, server.keys[0]) as target:
            loaded(target)
        with TargetDriver(server.port, tmp_path, key) as target:
            target.set("host2", "A", 60, "192.0.2.21")
            assert target.deliver().outcome == "FAILED"


def test_a_lost_answer_without_a_soa(server, tmp_path):
    with TargetDriver(server.port, tmp_path, server.keys[0], timeout_ms=3000) as target:
        loaded(target)
        target.set("host2", "A", 60, "192.0.2.21")
        assert delivered(target).serial == 11
        target.set("host2", "A", 60, "192.0.2.22")
        server.pause()
        assert target.deliver().outcome == "FAILED"
        server.resume()  # the request waits in the socket, and is read now
        servers.wait_for(lambda: server.serial() == 12, "the UPDATE to be applied")
        assert delivered(target, retry=True).serial == 12
        assert server.serial() == 12


def test_a_soa_is_tried_again(server, tmp_path):
    with TargetDriver(server.port, tmp_path, server.keys[0]) as target:
        loaded(target)
        target.set("host2", "A", 60, "192.0.2.21")
        assert delivered(target).serial == 11
        server.stop()
        name, types, more = (("named.conf", "zonesub A TXT", "zonesub A TXT SOA")
                             if isinstance(server, Bind) else
                             ("knot.conf", r"\[A, TXT\]", "[A, TXT, SOA]"))
        rewrite(server, name, types, more)
        target.set("@", "SOA", 300, "ns2 admin 40 7200 600 86400 30")
        assert target.deliver().outcome == "FAILED"
        server.start()
        assert delivered(target, retry=True).serial == 40
        target.set("host2", "A", 60, "192.0.2.22")
        assert delivered(target).serial == 41


def test_serials_by_the_clock_are_looked_into(tmp_path):
    if not servers.have(Bind.program, "tsig-keygen"):
        pytest.skip("named is not installed")
    with bind_with(tmp_path / "bind", "zonesub A TXT",
                   "serial-update-method unixtime;") as server, \
            TargetDriver(server.port, tmp_path, server.keys[0]) as target:
        loaded(target)
        target.set("host2", "A", 60, "192.0.2.21")
        assert delivered(target).serial is None
        result = target.load(difference=True)
        assert (result.kind, result.serial) == ("difference", server.serial())
        assert server.serial() > 11
        result = target.load(difference=True)
        assert (result.kind, result.count) == ("difference", 0)
        target.set("host2", "A", 60, "192.0.2.22")
        delivered(target)
        assert server.records("host2.dyn.example.", "A") == {"192.0.2.22"}


def test_servfail_without_a_soa_is_a_refusal_when_others_are_applied(tmp_path):
    """No RRset may have more than 20 records, and no serial can be moved to see whether the
    server writes at all."""
    if not servers.have(Bind.program, "tsig-keygen"):
        pytest.skip("named is not installed")
    with bind_with(tmp_path / "bind", "zonesub A TXT", "max-records-per-type 20;") as server, \
            TargetDriver(server.port, tmp_path, server.keys[0]) as target:
        loaded(target)
        crowd = [f"192.0.2.{i}" for i in range(21)]
        for _ in range(2):
            target.set("crowd", "A", 60, *crowd)
            result = target.deliver()
            assert (result.outcome, result.why) == ("FAILED", "target says SERVFAIL")
            target.command("undo")
        target.set("host2", "A", 60, "192.0.2.21")
        delivered(target)
        target.set("crowd", "A", 60, *crowd)
        result = target.deliver()
        assert (result.outcome, result.rcode) == ("REJECTED", "SERVFAIL")
