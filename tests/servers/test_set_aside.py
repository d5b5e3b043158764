"""What a target has refused for good is listed, with its words and whose change it was, and can
be tried again or forgotten."""

import re
import threading

import pytest

from front import NAME, Front, full, is_installed, make_server
from musterctl import controlled, ctl, ctl_json
from powerdns_driver import Between
from servers import Bind, wait_for

pytestmark = pytest.mark.skipif(
    not (is_installed("bind") and is_installed("pdns-sqlite")),
    reason="BIND or PowerDNS is not installed")


class PickyBind(Bind):
    """BIND that lets nobody touch forbidden*.dyn.example, until it is restarted after
    relent()."""

    NAMES = [f"forbidden{i}" for i in range(3)]

    def prepare(self):
        super().prepare()
        with open(self.path("named.conf"), encoding="ascii") as file:
            self.config = file.read()
        key = self.keys[0].name
        deny = "".join(f"deny {key} name {full(name)} ANY; " for name in self.NAMES)
        policy = f"update-policy {{ {deny}grant {key} zonesub ANY; }};"
        picky, count = re.subn(r"allow-update {[^}]*};", policy, self.config)
        assert count == 1
        self.write("named.conf", picky)

    def relent(self):
        self.stop()
        self.write("named.conf", self.config)
        self.start()


@pytest.fixture
def servers(tmp_path):
    bind = PickyBind(tmp_path / "bind", keys=make_server("bind", tmp_path / "bind").keys)
    return bind, make_server("pdns-sqlite", tmp_path / "pdns")


def asides(front):
    return ctl_json(front.gateway, "queue")["set_aside"]


def wait_for_asides(front, count):
    wait_for(lambda: len(asides(front)) == count, f"{count} changes set aside")
    return asides(front)


def test_the_second_has_refused(servers, gateways, admin):
    bind, pdns = servers
    with Front(gateways, admin, [pdns, bind], **controlled()) as front:
        assert front.update(add=[("forbidden0", 60, "A", "192.0.2.1")]) == "NOERROR"
        assert front.update(add=[("forbidden1", 60, "A", "192.0.2.1")]) == "NOERROR"
        rows = wait_for_asides(front, 2)
        assert rows[0]["names"] == [full("forbidden0")]
        assert rows[0]["key"] == admin.name
        assert "REFUSED" in rows[0]["why"]
        assert rows[0]["target"].startswith("ddns ")
        second = ctl(front.gateway, "queue").output.split("\n\n")[-1]
        assert "forbidden0" in second and "REFUSED" in second
        assert any("refused" in text for text in
                   ctl_json(front.gateway, "status")["warnings"])
        # It is refused again, under a number of its own.
        assert ctl_json(front.gateway, "retry", NAME, str(rows[0]["seq"]))["retried"] == 1
        again = wait_for(lambda: [row for row in asides(front) if
                                  row["seq"] > rows[1]["seq"]], "it to be refused again")
        assert again[0]["names"] == [full("forbidden0")]
        assert "asked for by user id" in again[0]["reason"]
        # Meanwhile one of them is changed, and what it is now is what the target gets.
        assert front.update(delete=[("forbidden1",)],
                            add=[("forbidden1", 60, "A", "192.0.2.9")]) == "NOERROR"
        wait_for_asides(front, 3)
        bind.relent()
        assert ctl_json(front.gateway, "retry", NAME, "all")["retried"] == 3
        wait_for(lambda: bind.records(full("forbidden1"), "A") == {"192.0.2.9"},
                 "forbidden1 to be there")
        wait_for(lambda: bind.records(full("forbidden0"), "A") == {"192.0.2.1"},
                 "forbidden0 to be there")
        assert asides(front) == []
        front.assert_same()
        assert ctl(front.gateway, "retry", NAME, "all").code == 1
        assert ctl(front.gateway, "retry", NAME).code == 0


def test_what_was_refused_after_a_restart_has_a_sender(servers, gateways, admin):
    """What the second had missed when the gateway was killed is read back from the journal."""
    bind, pdns = servers
    with Front(gateways, admin, [pdns, bind], **controlled()) as front:
        bind.stop()
        for i in range(3):
            assert front.update(add=[(f"good{i}", 60, "A", "192.0.2.1")]) == "NOERROR"
            assert front.update(add=[(f"forbidden{i}", 60, "A", "192.0.2.1")]) == "NOERROR"
        front.gateway.kill()
        front.gateway.start()
        bind.start()
        rows = wait_for_asides(front, 3)
        assert [row["names"] for row in rows] == [[full(name)] for name in PickyBind.NAMES]
        assert {row["key"] for row in rows} == {admin.name}
        assert all("REFUSED" in row["why"] for row in rows)
        for i in range(3):
            wait_for(lambda i=i: bind.records(full(f"good{i}"), "A") == {"192.0.2.1"},
                     f"good{i} to be there")
        text = ctl(front.gateway, "queue").output
        assert all(name in text for name in PickyBind.NAMES) and admin.name.rstrip(".") in text
        bind.relent()
        assert ctl_json(front.gateway, "retry", NAME, "all")["retried"] == 3
        wait_for(lambda: bind.records(full("forbidden2"), "A") == {"192.0.2.1"},
                 "forbidden2 to be there")
        front.assert_same()


def test_what_is_dropped_is_forgotten(servers, gateways, admin):
    bind, pdns = servers
    with Front(gateways, admin, [pdns, bind], **controlled()) as front:
        for name in PickyBind.NAMES:
            assert front.update(add=[(name, 60, "A", "192.0.2.1")]) == "NOERROR"
        rows = wait_for_asides(front, 3)
        assert ctl(front.gateway, "drop", NAME, str(rows[1]["seq"])).code == 0
        assert [row["seq"] for row in asides(front)] == [rows[0]["seq"], rows[2]["seq"]]
        assert ctl(front.gateway, "drop", NAME, str(rows[1]["seq"])).code == 1
        ran = ctl(front.gateway, "drop", NAME, "1x")
        assert ran.code == 1 and "must be the number of a change, or all" in ran.errors
        assert ctl_json(front.gateway, "drop", NAME, "all")["dropped"] == 2
        assert asides(front) == []
        events = ctl_json(front.gateway, "audit")["rows"]
        last = [row for row in events if row["event"]][-1]
        assert last["event"] == "drop" and "what was refused is forgotten" in last["reason"]


def test_the_primary_has_refused(servers, gateways, admin):
    bind, _ = servers
    with Front(gateways, admin, [bind], zone={"ack": "durable"}, **controlled()) as front:
        assert front.update(add=[("forbidden0", 60, "A", "192.0.2.1"),
                                 ("beside", 60, "A", "192.0.2.1")]) == "NOERROR"
        assert front.update(add=[("forbidden1", 60, "A", "192.0.2.1")]) == "NOERROR"
        rows = wait_for_asides(front, 2)
        wait_for(lambda: front.seen("beside") == set(), "it to be taken back")
        bind.relent()
        assert front.update(add=[("forbidden1", 60, "A", "192.0.2.9")]) == "NOERROR"
        assert ctl_json(front.gateway, "retry", NAME, str(rows[0]["seq"]))["retried"] == 1
        wait_for(lambda: bind.records(full("forbidden0"), "A") == {"192.0.2.1"},
                 "forbidden0 to be there")
        assert bind.records(full("beside"), "A") == {"192.0.2.1"}
        # Its place is taken.
        ran = ctl(front.gateway, "retry", NAME, str(rows[1]["seq"]))
        assert ran.code == 1 and "taken the place" in ran.errors
        assert bind.records(full("forbidden1"), "A") == {"192.0.2.9"}
        assert len(asides(front)) == 1
        front.assert_same()


def test_what_powerdns_names_is_found_at_once(tmp_path, gateways, admin):
    """Of 32 changes in one batch it refuses one: what came before goes, then that one by
    itself, and then the rest."""
    pdns, freed = make_server("pdns-sqlite", tmp_path / "pdns"), threading.Event()
    pdns.start()
    with Between(pdns.url) as between, Front(
            gateways, admin, [pdns], zone={"ack": "durable"}, targets={"url": between.url},
            **controlled()) as front:
        between.before["PATCH"] = freed.wait
        assert front.update(add=[("first", 60, "A", "192.0.2.1")]) == "NOERROR"
        for i in range(32):
            record = ("bad", 60, "MX", "10 _no.host.") if i == 20 else (
                f"host{i}", 60, "A", "192.0.2.1")
            assert front.update(add=[record]) == "NOERROR"
        freed.set()
        (row,) = wait_for_asides(front, 1)
        assert row["names"] == [full("bad")] and "non-hostname content" in row["why"]
        wait_for(lambda: front.seen("host31"), "the rest")
        assert between.count("PATCH") == 5
