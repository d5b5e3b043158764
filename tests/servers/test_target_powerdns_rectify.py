"""Who rectifies a zone in PowerDNS, and when: the powerdns target against real servers with
their default settings."""

import random

import dns.rcode
import dns.rdatatype
import pytest

from powerdns_driver import (  # noqa: F401
    API_KEY, MARKS, ZONE, ZONE_PATH, Between, Driver, change_zone, server, set_kind,
    sqlite, target)
from servers import PowerDNS, wait_for
from target_driver import delivered, loaded

pytestmark = MARKS

DENIALS = ["none", "nsec", "nsec3", "nsec3-optout", "nsec3-narrow"]
NOTE = "X-MUSTER-API-RECTIFY"


def metadata(running, kind):
    for entry in running.api("GET", ZONE_PATH + "/metadata").json():
        if entry["kind"] == kind:
            return entry["metadata"]
    return None


def rectifier(running):
    return metadata(running, "API-RECTIFY"), metadata(running, NOTE)


def rcode(running, label, rdtype="A"):
    return dns.rcode.to_text(running.query(f"{label}.{ZONE}", rdtype).rcode())


# ---- whose task it is ----

@pytest.mark.parametrize("before", ["unset", "1"])
def test_muster_takes_it_over_and_gives_it_back(server, before):  # noqa: F811
    if before == "1":
        change_zone(server, api_rectify=True)
    with Between(server.url) as between, Driver(between.url) as target:  # noqa: F811
        loaded(target)
        target.settle()
        assert rectifier(server) == (["0"], [before])
        loaded(target)
        target.settle()
        assert rectifier(server) == (["0"], [before])
        target.set("a.b", "A", 60, "192.0.2.1")
        delivered(target)
        target.command("rectify server")  # and nothing is remembered here
        loaded(target)
        target.settle()
        # The API cannot remove API-RECTIFY; 1 is what "not set" means by default.
        assert rectifier(server) == (["1"], None)
        assert rcode(server, "b") == "NOERROR"
        asked = between.count("PUT")
        target.set("c.d", "A", 60, "192.0.2.1")
        delivered(target)
        assert rcode(server, "d") == "NOERROR"  # PowerDNS does it with each PATCH
        target.settle()
        assert between.count("PUT") == asked


def test_what_was_off_is_not_taken_over(server, target):  # noqa: F811
    change_zone(server, api_rectify=False)
    loaded(target)
    target.set("a.b", "A", 60, "192.0.2.1")
    delivered(target)
    target.settle()
    assert rectifier(server) == (["0"], None)
    assert rcode(server, "b") == "NOERROR"
    target.command("rectify server")
    loaded(target)
    target.set("c.d", "A", 60, "192.0.2.1")
    delivered(target)
    target.settle()
    assert rectifier(server) == (["0"], None)
    assert rcode(server, "d") == "NXDOMAIN"  # as the server's administrator wants it


def test_what_is_off_by_default_is_not_taken_over(tmp_path):
    with PowerDNS(tmp_path / "pdns", options="default-api-rectify=no\n",
                  api_key=API_KEY) as running, Driver(running.url) as target:  # noqa: F811
        loaded(target)
        target.set("a.b", "A", 60, "192.0.2.1")
        delivered(target)
        target.settle()
        assert rectifier(running) == (None, None)
        assert rcode(running, "b") == "NOERROR"


def test_a_presigned_zone_is_left_alone(tmp_path):
    with PowerDNS(tmp_path / "pdns", options="gsqlite3-dnssec=yes\n",
                  api_key=API_KEY) as running, \
            Between(running.url) as between, Driver(between.url) as target:  # noqa: F811
        running.pdnsutil("set-presigned", ZONE)
        loaded(target)
        target.set("a.b", "A", 60, "192.0.2.1")
        delivered(target)
        target.settle()
        assert rectifier(running) == (None, None)
        assert between.count("PUT") == 0


@pytest.mark.parametrize("what", [f"/metadata/{NOTE}", f"/zones/{ZONE}"])
def test_a_server_that_refuses_goes_on_by_itself(sqlite, what):  # noqa: F811
    with Between(sqlite.url) as between, Driver(between.url) as target:  # noqa: F811
        between.refuse["PUT", what] = 403
        loaded(target)
        for i in range(3):
            target.set(f"a.b{i}", "A", 60, "192.0.2.1")
            delivered(target)
            assert rcode(sqlite, f"b{i}") == "NOERROR"
        target.settle()
        assert between.count("PUT", "/rectify") == 0
        assert metadata(sqlite, "API-RECTIFY") is None


# ---- when ----

def test_only_when_it_is_needed_and_once_for_a_burst(server):  # noqa: F811
    with Between(server.url) as between, Driver(between.url) as target:  # noqa: F811
        loaded(target)
        target.settle()
        between.requests.clear()
        target.set("one", "A", 60, "192.0.2.1")
        target.set("host1", "A", 60, "192.0.2.13")
        delivered(target)
        target.settle()
        assert between.count("PUT") == 0
        for i in range(10):
            target.set(f"a{i}.b.c", "A", 60, "192.0.2.1")
            target.set("x.one", "A", 60, "192.0.2.1")
            delivered(target)
        target.settle()
        assert between.count("PUT", "/rectify") in (1, 2)
        assert rcode(server, "c") == rcode(server, "b.c") == "NOERROR"
        asked = between.count("PUT")
        target.set("a1.b.c", "A", 60, "192.0.2.2")
        delivered(target)
        target.settle()
        assert between.count("PUT") == asked
        target.set("one", "A")
        delivered(target)
        target.settle()
        assert rcode(server, "one") == "NOERROR"
        for i in range(10):
            target.set(f"a{i}.b.c", "A")
        target.set("x.one", "A")
        delivered(target)
        target.settle()
        assert rcode(server, "c") == rcode(server, "one") == "NXDOMAIN"


def test_a_loaded_zones_names_are_known(server, target):  # noqa: F811
    server.patch(ZONE, ("x.host1." + ZONE, "A", 60, ["192.0.2.77"]))
    loaded(target)
    target.settle()
    target.set("host1", "A")
    target.set("host1", "AAAA")
    delivered(target)
    target.settle()
    assert rcode(server, "host1") == "NOERROR"


def test_one_that_a_crash_prevented_is_made_up_for(server, target):  # noqa: F811
    loaded(target)
    target.set("a.b", "A", 60, "192.0.2.1")
    delivered(target)
    target.command("forget")  # before it was asked for
    loaded(target)
    target.settle()
    assert rcode(server, "b") == "NOERROR"
    target.set("a.b", "A")
    delivered(target)
    target.command("forget")
    loaded(target)
    target.settle()
    assert rcode(server, "b") == "NXDOMAIN"


def test_what_others_change_is_rectified_too(server, target):  # noqa: F811
    loaded(target)
    target.settle()
    server.patch(ZONE, ("x.theirs." + ZONE, "A", 60, ["192.0.2.77"]))
    assert rcode(server, "theirs") == "NXDOMAIN"
    target.load(difference=True)
    target.settle()
    assert rcode(server, "theirs") == "NOERROR"


def test_one_that_fails_is_asked_for_again(server):  # noqa: F811
    with Between(server.url) as between, Driver(between.url) as target:  # noqa: F811
        loaded(target)
        target.settle()
        between.refuse["PUT", "/rectify"] = 500
        target.set("a.b", "A", 60, "192.0.2.1")
        delivered(target)
        target.settle()
        assert rcode(server, "b") == "NXDOMAIN"
        between.refuse.clear()
        wait_for(lambda: target.probe() and rcode(server, "b") == "NOERROR",
                 "the zone to be rectified")


def test_one_that_the_server_did_not_answer_waits_for_no_pause_when_it_does(server):  # noqa: F811
    """Each failure doubles the pause, so that the last ones would be minutes."""
    with Between(server.url) as between, Driver(between.url) as target:  # noqa: F811
        loaded(target)
        target.settle()
        between.requests.clear()
        between.lose.add("PUT")
        target.set("a.b", "A", 60, "192.0.2.1")
        delivered(target)
        for asked in range(1, 10):
            wait_for(lambda: between.count("PUT", "/rectify") == asked, "a rectification")
            target.settle()
            between.lose.add("PUT")
            assert target.probe().outcome == "DONE"


# ---- with which result ----

def secured(tmp_path, backend, denial):
    options = "gsqlite3-dnssec=yes\n" if backend == "gsqlite3" else ""
    running = PowerDNS(tmp_path / "pdns", backend=backend, api_key=API_KEY,
                       options=options + "dnssec-key-cache-ttl=0\n")
    running.start()
    set_kind(running, "DEFAULT")
    if denial != "none":
        running.pdnsutil("secure-zone", ZONE)
    if denial.startswith("nsec3"):
        optout = "1" if denial.endswith("optout") else "0"
        narrow = ["narrow"] if denial.endswith("narrow") else []
        running.pdnsutil("set-nsec3", ZONE, f"1 {optout} 0 -", *narrow)
        running.pdnsutil("rectify-zone", ZONE)
    return running


NAMES = ["h1", "h2", "a.h1", "x.ent", "y.ent", "deep.er.ent", "*.wild2", "a.wild2", "one.two.three",
         "cut", "ns.cut", "signedcut", "ns.signedcut", "alias", "below.alias"]
DS = "60485 13 2 " + "ab" * 32


def burst(chance, target, there):  # noqa: F811
    """Some changes in several batches; there: the RRsets of these names."""
    for _ in range(chance.randrange(1, 4)):
        for label in chance.sample(NAMES, 4):
            rdtype, data = "A", f"192.0.2.{chance.randrange(1, 255)}"
            if label.startswith(("cut", "signedcut")):
                rdtype, data = "NS", f"ns.{label}.{ZONE}"
            elif label == "alias":
                rdtype, data = "CNAME", f"h1.{ZONE}"
            if label in there and chance.random() < 0.6:
                target.set(label, rdtype)
                there.discard(label)
                if label == "signedcut":
                    target.set(label, "DS")
            else:
                target.set(label, rdtype, 60, data)
                there.add(label)
                if label == "signedcut":
                    target.set(label, "DS", 60, DS)
        delivered(target)


def answers(running):
    """What queries see, without signatures, which may differ."""
    seen = {}
    for label in {*NAMES, "ent", "er.ent", "two.three", "three", "wild2", "b.wild2", "nope",
                  "nope.h1", "nope.ent", "zz.cut", "zz.signedcut", "n.o.pe"}:
        for rdtype in ("A", "TXT", "DS"):
            answer = running.query(f"{label}.{ZONE}", rdtype, want_dnssec=True)
            seen[label, rdtype] = dns.rcode.to_text(answer.rcode()), answer.flags, sorted(
                rrset.to_text() for section in (answer.answer, answer.authority)
                for rrset in section
                if rrset.rdtype not in (dns.rdatatype.RRSIG, dns.rdatatype.SOA))
    return seen


@pytest.mark.parametrize("backend", ["gsqlite3", "lmdb"])
@pytest.mark.parametrize("denial", DENIALS)
def test_answers_are_as_if_powerdns_had_rectified_it(tmp_path, backend, denial):
    chance = random.Random(f"{backend} {denial}")
    running = secured(tmp_path, backend, denial)
    try:
        with Driver(running.url) as target:  # noqa: F811
            loaded(target)
            there = set()
            for _ in range(6):
                burst(chance, target, there)
                target.settle()
                ours = answers(running)
                running.pdnsutil("rectify-zone", ZONE)
                assert ours == answers(running)
            assert "0 errors" in running.pdnsutil("check-zone", ZONE)
            assert rectifier(running) == (["0"], ["unset"])
    finally:
        running.stop()
