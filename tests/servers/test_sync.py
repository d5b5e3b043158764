"""Targets that have drifted: compared with the zone by order, mended, and noticed by
themselves when they have been put back to an older state."""

import os
import shutil

import pytest

from front import NAME, Front, full, is_installed, make_server
from musterctl import ask, controlled, ctl, ctl_json, read_metrics, table
from servers import Key, PowerDNS, wait_for

KINDS = [kind for kind in ("bind", "knot", "pdns-sqlite", "pdns-lmdb") if is_installed(kind)]
HOSTS = 700  # more than one batch

pytestmark = pytest.mark.skipif(len(KINDS) < 2, reason="no two servers are installed")


def by_hand(server, add=(), delete=()):
    """Somebody else changes the zone there."""
    if not isinstance(server, PowerDNS):
        assert server.update(NAME, [(full(name), *rest) for name, *rest in add],
                             [(full(name), *rest) for name, *rest in delete]) == "NOERROR"
        return
    for name, rdtype, *rdata in delete:
        kept = [text for text in server.records(full(name), rdtype) if text not in rdata]
        rrset = (full(name), rdtype, 60, kept if rdata else [])
        assert server.patch(NAME, rrset).status_code == 204
    for name, ttl, rdtype, rdata in add:
        texts = server.records(full(name), rdtype) | {rdata}
        assert server.patch(NAME, (full(name), rdtype, ttl, sorted(texts))).status_code == 204


@pytest.fixture
def make(tmp_path, gateways, admin):
    """Makes a front: a primary, and a second target of this kind."""
    fronts = []

    def make_front(kind, **options):
        first = "bind" if kind != "bind" else "knot" if "knot" in KINDS else "pdns-sqlite"
        keys = {} if kind.startswith("pdns") else {"keys": [Key("muster-to-second.")]}
        front = Front(gateways, admin,
                      [make_server(first, tmp_path / "first"),
                       make_server(kind, tmp_path / "second", **keys)],
                      **controlled(**options))
        fronts.append(front)
        return front.start()

    yield make_front
    for front in fronts:
        front.stop()


def drift(answer):
    return {(record["kind"], record["name"].removesuffix("." + NAME), record["type"],
             record["data"], record["action"]) for record in answer["records"]}


def wait_same(front):
    front.wait_delivered()
    front.assert_same()


@pytest.mark.parametrize("kind", KINDS)
def test_drift_is_shown_repaired_and_taken_over(kind, make):
    front = make(kind)
    second = front.servers[1]
    assert front.update(add=[("a", 60, "A", "192.0.2.1"), ("b", 60, "A", "192.0.2.2"),
                             ("c", 60, "TXT", '"ours"'), ("d", 60, "A", "192.0.2.4"),
                             ("gone", 60, "A", "192.0.2.5")]) == "NOERROR"
    assert front.update(delete=[("gone",)]) == "NOERROR"
    wait_same(front)
    assert ctl_json(front.gateway, "sync", NAME)["in_step"]

    by_hand(second, delete=[("a", "A"), ("b", "A"), ("d", "A"), ("www", "CNAME")])
    by_hand(second, add=[("b", 60, "A", "192.0.2.9"), ("c", 60, "TXT", '"theirs"'),
                         ("d", 60, "CNAME", f"host1.{NAME}"),
                         ("gone", 60, "A", "192.0.2.5"), ("hand", 60, "A", "192.0.2.8")])
    dry = ctl_json(front.gateway, "sync", "--dry-run", NAME, code=1)
    expected = {("missing", "a", "A", "192.0.2.1", "repair"),
                ("different", "b", "A", "192.0.2.2", "repair"),
                ("foreign", "c", "TXT", '"theirs"', "leave"),
                ("missing", "d", "A", "192.0.2.4", "repair"),
                ("foreign", "d", "CNAME", f"host1.{NAME}", "repair"),
                ("foreign", "gone", "A", "192.0.2.5", "repair"),
                ("foreign", "hand", "A", "192.0.2.8", "leave"),
                ("missing", "www", "CNAME", f"host1.{NAME}", "repair")}
    assert drift(dry) == expected and dry["more"] == 0
    first, target = dry["targets"]
    assert first["primary"] and first["left"] == 0
    assert (target["missing"], target["foreign"], target["different"]) == (3, 4, 1)
    assert not second.records(full("a"), "A"), "a dry run changes nothing"

    ran = ctl(front.gateway, "sync", "--target", target["target"].partition(" ")[2], NAME)
    assert ran.code == 1 and "6 repaired, 0 taken over, 2 left" in ran.output, ran
    assert second.records(full("a"), "A") == {"192.0.2.1"}
    assert second.records(full("b"), "A") == {"192.0.2.2"}
    assert second.records(full("c"), "TXT") == {'"ours"', '"theirs"'}
    assert second.records(full("d"), "A") == {"192.0.2.4"}
    assert not second.records(full("gone"), "A")
    assert second.records(full("hand"), "A") == {"192.0.2.8"}
    assert not front.mirrored("hand")

    taken = ctl_json(front.gateway, "sync", "--take", NAME)
    assert taken["targets"][1]["taken"] == 2
    assert front.mirrored("hand") == {"192.0.2.8"}
    wait_same(front)
    assert ctl(front.gateway, "sync", "--dry-run", NAME).code == 0
    rows = [row for row in ctl_json(front.gateway, "audit")["rows"]
            if row["event"] == "compared"]
    assert any("asked for by user id" in row["reason"] and
               "6 repaired, 0 taken over, 2 left" in row["reason"] for row in rows), rows


@pytest.mark.parametrize("kind, is_away", [*((kind, False) for kind in KINDS),
                                           (KINDS[-1], True)])
def test_a_second_target_that_was_put_back_is_filled_again(kind, is_away, make):
    """Also when the gateway was away meanwhile."""
    front = make(kind, zone={"refresh": "1s"})
    second = front.servers[1]
    assert front.update(add=[("old", 60, "A", "192.0.2.1"),
                             ("dropped", 60, "A", "192.0.2.2")]) == "NOERROR"
    wait_same(front)
    second.stop()
    shutil.copytree(second.folder, second.folder + ".backup",
                    ignore=shutil.ignore_patterns("*socket", "*.sock"))
    second.start()
    for at in range(0, HOSTS, 100):
        assert front.update(add=[(f"h{i}", 60, "A", "192.0.2.3")
                                 for i in range(at, at + 100)]) == "NOERROR"
    assert front.update(delete=[("dropped",)]) == "NOERROR"
    wait_same(front)
    if is_away:
        front.gateway.stop()
    second.stop()
    shutil.rmtree(second.folder)
    os.rename(second.folder + ".backup", second.folder)
    second.start()
    if is_away:
        front.start_gateway()
    wait_for(lambda: f"had drifted: {HOSTS} records missing, 1 foreign" in
             front.gateway.log(), "the log to tell")
    front.assert_same()
    assert f"{HOSTS + 1} repaired" in front.gateway.log()


def test_what_is_not_to_be_repaired_is_told(make):
    kind = KINDS[-1]
    front = make(kind, targets={"sync": {"repair": False}}, zone={"refresh": "1s"})
    second = front.servers[1]
    assert front.update(add=[("a", 60, "A", "192.0.2.1")]) == "NOERROR"
    wait_same(front)
    by_hand(second, delete=[("a", "A")])
    by_hand(second, add=[("hand", 60, "A", "192.0.2.8")])
    ctl(front.gateway, "sync", "--dry-run", NAME)
    warnings = "\n".join(ctl_json(front.gateway, "status")["warnings"])
    assert "1 record missing, 1 foreign, 0 different; musterctl sync" in warnings
    (series,) = [series for series, value in read_metrics(front.gateway).items()
                 if series.startswith("muster_target_drift_missing") and value == 1]
    assert f'zone="{NAME}"' in series
    rows = ctl_json(front.gateway, "zones")["zones"][0]["targets"]
    assert rows[1]["sync"]["foreign"] == 1 and rows[1]["sync"]["at"]
    assert ctl(front.gateway, "sync", NAME).code == 1
    assert second.records(full("a"), "A") == {"192.0.2.1"}, "an order repairs all the same"


def test_a_target_that_cannot_be_compared(make):
    front = make(KINDS[-1])
    front.servers[1].stop()
    answer = ctl_json(front.gateway, "sync", NAME, code=1)
    assert [target["compared"] for target in answer["targets"]] == [True, False]
    assert answer["targets"][1]["why"] and not answer["in_step"]
    assert ": not compared: " in ctl(front.gateway, "sync", NAME).output.splitlines()[-1]
    ran = ctl(front.gateway, "sync", "--target", "nobody", NAME)
    assert ran.code == 1 and "has no target nobody" in ran.errors
    assert ctl(front.gateway, "sync", "elsewhere.").code == 1
    status, _, body = ask(front.gateway, "POST", f"/api/v1/zones/{NAME}/sync?dry_run=2")
    assert status == 400, body


def test_the_primary_is_compared_too(make):
    """A change without a new serial is none that is followed: it is repaired, if it is ours."""
    kind = "pdns-sqlite" if "pdns-sqlite" in KINDS else None
    if not kind:
        pytest.skip("needs PowerDNS with SQLite")
    front = make(kind)
    server = front.servers[1]
    front.gateway.zones[NAME]["targets"].reverse()
    front.servers.reverse()
    front.gateway.reconfigure()
    front.gateway.restart()
    front.wait_loaded()
    server.pdnsutil("set-meta", NAME, "SOA-EDIT-API", "OFF")
    assert front.update(add=[("a", 60, "A", "192.0.2.1")]) == "NOERROR"
    wait_same(front)
    by_hand(server, delete=[("a", "A")])
    dry = ctl_json(front.gateway, "sync", "--dry-run", NAME, code=1)
    assert ("missing", "a", "A", "192.0.2.1", "repair") in drift(dry)
    assert ctl(front.gateway, "sync", NAME).code == 0
    assert server.records(full("a"), "A") == {"192.0.2.1"}
    wait_same(front)


def test_a_zone_of_the_gateway_alone_has_nothing_to_compare(gateways, admin):
    with Front(gateways, admin, [], **controlled()) as front:
        ran = ctl(front.gateway, "sync", NAME)
        assert ran.code == 1 and "its only server" in ran.errors


def test_the_table(make):
    front = make(KINDS[-1])
    assert front.update(add=[("a", 60, "A", "192.0.2.1")]) == "NOERROR"
    wait_same(front)
    by_hand(front.servers[1], delete=[("a", "A")])
    by_hand(front.servers[1], add=[("a", 90, "A", "192.0.2.7")])
    ran = ctl(front.gateway, "sync", "--dry-run", NAME)
    (row,) = table(ran._replace(output="\n".join(ran.output.splitlines()[:2])))
    assert row["NAME"] == full("a") and row["FOUND"] == "90 192.0.2.7"
    assert row["ACTION"] == "repair"
    assert "0 missing, 0 foreign, 1 different" in ran.output
