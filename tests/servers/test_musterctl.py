"""musterctl against a running musterd: every command, as a table and as JSON."""

import base64
import json
import os
import re
import signal
import subprocess
import threading
import zlib

import dns.name
import pytest

import musterctl
from gateway import HOST, SharedKey
from musterctl import command, controlled, ctl, ctl_json, table
from servers import free_port, wait_for

pytestmark = pytest.mark.skipif(not os.access(musterctl.PROGRAM, os.X_OK),
                                reason="musterctl is not built")

LEASED = {"keys": ["*.dyn.example."], "match": "self", "types": ["A", "AAAA"],
          "lease": {"default": "1h"}}


def admin_rule(key, **settings):
    return {"keys": [key.name], "match": "zone", "types": ["ANY"], **settings}


@pytest.fixture(scope="module")
def shared(shared_gateways):
    """A gateway that no test changes so that another would notice."""
    keys = [SharedKey("admin."), SharedKey("host1.dyn.example.")]
    gateway = shared_gateways(**controlled(keys=keys, zones={
        "dyn.example.": {"allow": [LEASED, admin_rule(keys[0], lease={"default": "20m"})]},
        "lab.dyn.example.": {"allow": [admin_rule(keys[0])]}}))
    gateway.nsupdate("update add host1.dyn.example. 300 A 192.0.2.1", keys[1])
    gateway.nsupdate("update add web.dyn.example. 300 A 192.0.2.2\n"
                     "update add web.dyn.example. 300 TXT \"text\"", keys[0])
    refused = gateway.nsupdate("update add other.dyn.example. 300 A 192.0.2.1", keys[1])
    assert "REFUSED" in refused.output
    gateway.nsupdate("zone lab.dyn.example.\nupdate add x.lab.dyn.example. 300 A 192.0.2.3",
                     keys[0])
    return gateway


@pytest.fixture
def mine(gateways, admin):
    """A gateway of the test's own."""
    return gateways(**controlled(keys=[admin], zones={
        "dyn.example.": {"allow": [admin_rule(admin, lease={"default": "20m"})]}}))


def add(gateway, key, *names):
    text = "\n".join(f"update add {name} 300 A 192.0.2.{index % 250 + 1}"
                     for index, name in enumerate(names))
    assert gateway.nsupdate(text, key).code == 0


# ---- looking ----

def test_status(shared):
    ran = ctl(shared, "status")
    assert ran.code == 0 and not ran.errors
    assert re.search(r"^musterd   \d+\.\d+\.\d+, process \d+, for \d+", ran.output)
    assert "zones     2, 2 ready" in ran.output and "database  ok" in ran.output
    value = ctl_json(shared, "status")
    assert value["pid"] == shared.process.pid and value["config"] == shared.config_path
    assert value["counts"]["leases"] == 3 and value["updates"] == {"NOERROR": 3, "REFUSED": 1}
    assert [zone["zone"] for zone in value["zones"]] == ["dyn.example.", "lab.dyn.example."]


def test_zones(shared):
    rows = table(ctl(shared, "zones"))
    assert [(row["ZONE"], row["STATE"], row["LEASES"]) for row in rows] == [
        ("dyn.example.", "ready", "3"), ("lab.dyn.example.", "ready", "0")]
    zone = ctl_json(shared, "zones")["zones"][0]
    assert zone["serial"] == shared.serial() and zone["targets"][0]["target"] == "local"


def test_hosts(shared):
    rows = table(ctl(shared, "hosts"))
    assert [(row["HOST"], row["STATE"], row["LEASES"], row["KEY"]) for row in rows] == [
        ("host1.dyn.example.", "active", "1", "host1.dyn.example."),
        ("web.dyn.example.", "active", "2", "admin.")]
    assert re.fullmatch(r"in (60|59)m", rows[0]["EXPIRES"])
    hosts = {host["name"]: host for host in ctl_json(shared, "hosts")["hosts"]}
    assert 3500 < hosts["host1.dyn.example."]["expires_in_s"] <= 3600
    assert hosts["web.dyn.example."]["source"] == "127.0.0.1"


@pytest.mark.parametrize("args, names", [
    (["web.dyn.example"], ["web.dyn.example."]), (["WEB.dyn.example."], ["web.dyn.example."]),
    (["web*"], ["web.dyn.example."]), (["*1.dyn.example"], ["host1.dyn.example."]),
    (["h?st1.*"], ["host1.dyn.example."]), (["*"], ["host1.dyn.example.", "web.dyn.example."]),
    (["z*"], []), (["--state", "active"], ["host1.dyn.example.", "web.dyn.example."]),
    (["--state", "stale"], []), (["--state", "held"], []), (["--state", "expired"], []),
    (["--zone", "dyn.example"], ["host1.dyn.example.", "web.dyn.example."]),
    (["--zone", "lab.dyn.example"], []),
])
def test_hosts_by_pattern_and_state(shared, args, names):
    hosts = ctl_json(shared, "hosts", *args)["hosts"]
    assert sorted(host["name"] for host in hosts) == names
    assert [row["HOST"] for row in table(ctl(shared, "hosts", *args))] == names


def test_leases(shared):
    rows = table(ctl(shared, "leases"))
    assert [(row["NAME"], row["TYPE"], row["DATA"]) for row in rows][0] == \
        ("host1.dyn.example.", "A", "192.0.2.1")
    leases = ctl_json(shared, "leases", "web.dyn.example")["leases"]
    assert sorted((lease["type"], lease["data"]) for lease in leases) == [
        ("A", "192.0.2.2"), ("TXT", '"text"')]
    assert all(lease["lease_s"] == 1200 and lease["id"] for lease in leases)


@pytest.mark.parametrize("args", [
    ["hosts", "nobody.dyn.example"], ["leases", "nobody.dyn.example"],
    ["hosts", "host.elsewhere.example"], ["hosts", "--zone", "elsewhere.example"],
    ["hosts", "--state", "bored"], ["hold", "host.elsewhere.example"],
    ["expire", "nobody.dyn.example"], ["release", "web.dyn.example"],
    ["resume", "dyn.example"], ["resume", "elsewhere.example"], ["retry", "web.dyn.example"],
    ["hold", "nobody.dyn.example"],
    ["why", "123456"], ["why", "#999999"], ["why", "xyz"], ["remove", "nothing"],
    ["remove", "A2R5bgdleGFtcGxlAANhYmMDZHluB2V4YW1wbGUAAAHAAAIC"], ["hold", "a..b"],
    ["explain", "admin.", "host.elsewhere.example.", "A"],
    ["explain", "admin.", "host.dyn.example.", "NOTYPE"],
    ["explain", "admin.", "host.dyn.example.", "A", "no address"],
])
def test_what_the_gateway_says_no_to(shared, args):
    ran = ctl(shared, *args)
    assert ran.code == 1 and ran.output == "", ran
    assert re.fullmatch(r"musterctl: .+\n", ran.errors)
    ran = ctl(shared, "--json", *args)
    assert ran.code == 1 and ran.errors == "", ran
    assert ran.output.count("\n") == 1 and isinstance(json.loads(ran.output), dict)


def test_keys_without_secrets(shared):
    rows = table(ctl(shared, "keys"))
    assert {row["KEY"]: row["USED IN"] for row in rows} == {
        "admin.": "dyn.example. rule 2, lab.dyn.example. rule 1",
        "host1.dyn.example.": "dyn.example. rule 1"}
    text = json.dumps(ctl_json(shared, "keys"))
    for key in shared.keys:
        assert key.secret not in text and key.octets.hex() not in text
    assert {key["bits"] for key in json.loads(text)["keys"]} == {256}


def test_audit(shared):
    lines = ctl(shared, "audit").output.splitlines()
    assert len(lines) == 4
    assert "REFUSED" in lines[2] and "is not the key's own name" in lines[2]
    rows = ctl_json(shared, "audit")["rows"]
    assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)
    assert [row["answer"] for row in rows] == ["NOERROR", "NOERROR", "REFUSED", "NOERROR"]


@pytest.mark.parametrize("args, count", [
    (["--limit", "2"], 2), (["--limit", "0"], 0), (["--zone", "lab.dyn.example"], 1),
    (["--name", "web.dyn.example"], 1), (["--name", "nobody.dyn.example"], 0),
    (["--key", "admin"], 2), (["--key", "host1.dyn.example."], 2), (["--since", "1h"], 4),
    (["--since", "2100-01-01T00:00:00Z"], 0),
    (["--key", "host1.dyn.example", "--name", "other.dyn.example"], 1),
])
def test_audit_by(shared, args, count):
    assert len(ctl_json(shared, "audit", *args)["rows"]) == count
    assert len(ctl(shared, "audit", *args).output.splitlines()) == count


def test_why(shared):
    refused = next(row for row in ctl_json(shared, "audit")["rows"] if row["answer"] != "NOERROR")
    assert refused["id"] in shared.log()
    output = ctl(shared, "why", refused["id"]).output
    assert "REFUSED: rule 1" in output and "host1.dyn.example." in output
    assert "targets" not in output
    assert ctl_json(shared, "why", refused["id"])["targets"] == []
    changed = ctl_json(shared, "audit", "--name", "web.dyn.example")["rows"][0]
    value = ctl_json(shared, "why", changed["id"])
    assert "+ web.dyn.example. 300 A 192.0.2.2" in value["changes"]
    assert value["targets"] == [{"target": "local", "state": "delivered", "reason": None,
                                 "failing": None}] or \
        value["targets"][0]["state"] == "pending"
    assert ctl_json(shared, "why", f"#{changed['seq']}") == value


@pytest.mark.parametrize("args, code, text", [
    (["host1.dyn.example.", "host1.dyn.example.", "A", "192.0.2.9"], 0, "by rule 1"),
    (["host1.dyn.example.", "host1.dyn.example.", "A"], 0, "lease of 60m"),
    (["admin", "anything.lab.dyn.example", "MX", "10 mail.example."], 0, "without a lease"),
    (["--delete", "admin", "web.dyn.example", "TXT", "text"], 0, "by rule 2"),
    (["host1.dyn.example.", "web.dyn.example.", "A"], 1, "is not the key's own name"),
    (["host1.dyn.example.", "host1.dyn.example.", "MX"], 1, "type MX"),
    (["nobody.", "web.dyn.example.", "A"], 1, "there is no key of this name"),
])
def test_explain(shared, args, code, text):
    ran = ctl(shared, "explain", *args)
    assert ran.code == code and text in ran.output
    assert ran.output.startswith("allowed" if code == 0 else "refused")
    value = ctl_json(shared, "explain", *args, code=code)
    assert value["allowed"] == (code == 0)
    note = "what stands in the zone was not looked at: "
    assert (note in ran.output) == (note in (value["note"] or "")) == value["allowed"]


def logged_ids(gateway, text):
    return re.findall(rf"\w+ ([0-9a-f]+) from [^\n]*{text}", gateway.log())


def test_why_of_what_no_valid_key_or_zone_came_with(mine, admin):
    """What the log calls a refusal is found, though the database knows nothing of it."""
    mine.nsupdate("update add web.dyn.example. 300 A 192.0.2.1",
                  SharedKey("admin.", secret="bm90IHRoZSBzZWNyZXQ="))
    mine.nsupdate("update add web.dyn.example. 300 A 192.0.2.1", SharedKey("stranger."))
    mine.nsupdate("zone elsewhere.example.\nupdate add a.elsewhere.example. 300 A 192.0.2.1",
                  admin)
    mine.nsupdate("update add web.dyn.example. 300 A 192.0.2.1")
    for text, key, zone in [("BADSIG", "admin.", None), ("BADKEY", "stranger.", None),
                            ("NOTAUTH: ", "admin.", None),
                            ("REFUSED", None, "dyn.example.")]:
        assert logged_ids(mine, text), mine.log()
        why = ctl_json(mine, "why", logged_ids(mine, text)[-1])
        assert text.split(":")[0] in why["answer"]
        assert (why["key"], why["zone"]) == (key, zone)
        assert why["source"].startswith("127.0.0.1#") and why["at"]
        assert why["reason"] and why["changes"] == why["targets"] == []
    output = ctl(mine, "why", logged_ids(mine, "BADKEY")[-1]).output
    assert "stranger." in output and "NOTAUTH(BADKEY)" in output
    rows = mine.rows("SELECT count(*) AS count FROM journal")
    assert rows[0]["count"] == 0, "nobody without a key writes to the disk"


def test_strangers_push_out_only_strangers(mine):
    """What is remembered is bounded; the log is too, and no more is remembered than that."""
    for _ in range(60):
        mine.nsupdate("update add web.dyn.example. 300 A 192.0.2.1", SharedKey("stranger."))
    for number in logged_ids(mine, "BADKEY"):
        assert ctl_json(mine, "why", number)["key"] == "stranger."


# ---- doing ----

def test_hold_and_release(mine, admin):
    add(mine, admin, "web.dyn.example.")
    assert ctl(mine, "hold", "web.dyn.example").output == \
        "web.dyn.example. is exempt from expiry\n"
    assert "is held already" in ctl(mine, "hold", "web.dyn.example").errors
    mine.kill()
    mine.start()
    host, = ctl_json(mine, "hosts")["hosts"]
    assert (host["state"], host["expires_in_s"]) == ("held", None)
    assert ctl(mine, "release", "web.dyn.example").code == 0
    host, = ctl_json(mine, "hosts", "web.dyn.example")["hosts"]
    assert host["state"] == "active" and host["expires_in_s"] > 1100
    events = [row["event"] for row in ctl_json(mine, "audit")["rows"] if row["event"]]
    assert events == ["held", "released"]
    assert ctl_json(mine, "status")["counts"]["held"] == 0
    held = next(row for row in ctl_json(mine, "audit")["rows"] if row["event"] == "held")
    assert f"user id {os.geteuid()}" in held["reason"]


def test_holds_without_leases_are_seen(mine, admin):
    """On a host whose leases ended, and on one whose records are permanent."""
    add(mine, admin, "web.dyn.example.", "both.dyn.example.")
    assert ctl(mine, "hold", "web.dyn.example").code == 0
    mine.nsupdate("update delete web.dyn.example.", admin)
    for args in [], ["--state", "held"], ["web.dyn.example"], ["web*"]:
        host = next(host for host in ctl_json(mine, "hosts", *args)["hosts"]
                    if host["name"] == "web.dyn.example.")
        assert (host["state"], host["leases"], host["expires_in_s"]) == ("held", 0, None)
        assert "held" in ctl(mine, "hosts", *args).output
    assert ctl(mine, "hold", "both.dyn.example").code == 0
    states = [(host["name"], host["leases"]) for host in ctl_json(mine, "hosts")["hosts"]]
    assert sorted(states) == [("both.dyn.example.", 1), ("web.dyn.example.", 0)]
    mine.kill()
    mine.start()
    assert len(ctl_json(mine, "hosts", "--state", "held")["hosts"]) == 2
    assert ctl(mine, "release", "web.dyn.example").code == 0
    assert ctl(mine, "hosts", "web.dyn.example").code == 1


def test_a_name_that_nobody_has_cannot_be_held(mine, admin):
    ran = ctl(mine, "hold", "typo.dyn.example")
    assert ran.code == 1 and "neither records nor leases" in ran.errors
    assert ctl_json(mine, "status")["counts"]["held"] == 0
    assert ctl_json(mine, "audit")["rows"] == []


def test_a_heartbeat_on_permanent_records_is_seen(gateways, admin):
    """No lease tells when their host last spoke; nothing is written for it."""
    gateway = gateways(**controlled(keys=[admin], zones={
        "dyn.example.": {"allow": [admin_rule(admin)]}}))
    add(gateway, admin, "web.dyn.example.")
    rows = gateway.rows("SELECT count(*) AS count FROM journal")
    assert ctl(gateway, "hosts", "web.dyn.example").code == 1
    add(gateway, admin, "web.dyn.example.")
    for args in ["web.dyn.example"], ["--state", "permanent"]:
        host, = ctl_json(gateway, "hosts", *args)["hosts"]
        assert (host["name"], host["state"], host["leases"]) == (
            "web.dyn.example.", "permanent", 0)
        assert (host["key"], host["source"]) == ("admin.", "127.0.0.1") and host["last_seen"]
    assert ctl_json(gateway, "hosts")["hosts"] == []
    assert gateway.rows("SELECT count(*) AS count FROM journal") == rows
    gateway.nsupdate("update delete web.dyn.example.", admin)
    assert ctl_json(gateway, "hosts", "--state", "permanent")["hosts"] == []


def test_expire(mine, admin):
    add(mine, admin, "web.dyn.example.", "stays.dyn.example.")
    assert ctl(mine, "hold", "web.dyn.example").code == 0
    assert ctl(mine, "expire", "web.dyn.example").output == "web.dyn.example. expires now\n"
    wait_for(lambda: not mine.records("web.dyn.example.", "A"), "the end of the record")
    assert mine.records("stays.dyn.example.", "A")
    host, = wait_for(lambda: ctl_json(mine, "hosts", "--state", "expired")["hosts"],
                     "the expired host")
    assert (host["name"], host["leases"]) == ("web.dyn.example.", 0)
    assert (host["key"], host["source"]) == ("admin.", "127.0.0.1")
    assert re.fullmatch(r"\d+-\d\d-\d\dT[\d:]+Z", host["last_seen"])
    row, = table(ctl(mine, "hosts", "--state", "expired"))
    assert (row["KEY"], row["FROM"]) == ("admin.", "127.0.0.1") and row["LAST SEEN"] != "-"
    assert [row["event"] for row in ctl_json(mine, "audit", "--key", "admin")["rows"]
            if row["event"]] == ["expired"]
    states = {host["name"]: host["state"] for host in ctl_json(mine, "hosts")["hosts"]}
    assert states == {"web.dyn.example.": "expired", "stays.dyn.example.": "active"}
    assert ctl(mine, "hosts", "web.dyn.example").code == 0


def test_remove(mine, admin):
    mine.nsupdate("update add web.dyn.example. 300 A 192.0.2.1\n"
                  "update add web.dyn.example. 300 A 192.0.2.2", admin)
    lease = next(lease for lease in ctl_json(mine, "leases")["leases"]
                 if lease["data"] == "192.0.2.1")
    assert ctl(mine, "remove", lease["id"]).code == 0
    assert mine.records("web.dyn.example.", "A") == {"192.0.2.2"}
    assert [lease["data"] for lease in ctl_json(mine, "leases")["leases"]] == ["192.0.2.2"]
    assert ctl(mine, "remove", lease["id"]).code == 1
    row = ctl_json(mine, "audit")["rows"][-1]
    assert f"user id {os.geteuid()}" in row["reason"]
    assert "-NONE web.dyn.example. A 192.0.2.1" in row["request"]


def test_reload_and_check(mine):
    good = open(mine.config_path).read()
    assert ctl(mine, "check").output == "valid\n"
    mine.write("musterd.conf", good.replace('"ANY"', '"AAAAA"'))
    for verb in "check", "reload":
        ran = ctl(mine, verb)
        assert ran.code == 1 and ran.output == ""
        assert re.search(r"musterd.conf:\d+: .*AAAAA", ran.errors), ran
        value = ctl_json(mine, verb, code=1)
        assert "AAAAA" in value["errors"][0]
    assert "stays in effect" in mine.log()
    mine.write("musterd.conf", good.replace('"ANY"', '"TXT"'))
    assert ctl(mine, "check").code == 0
    assert ctl(mine, "explain", "admin.", "x.dyn.example", "A").code == 0, "only checked"
    assert ctl(mine, "reload").output == "reloaded\n"
    assert ctl(mine, "explain", "admin.", "x.dyn.example", "A").code == 1
    assert ctl(mine, "explain", "admin.", "x.dyn.example", "TXT").code == 0


def test_another_socket_after_a_reload(mine):
    good = open(mine.config_path).read()
    old = mine.path("control.sock")
    mine.write("musterd.conf", good.replace("control.sock", "other.sock"))
    assert musterctl.run([musterctl.PROGRAM, "-s", old, "reload"]).output == "reloaded\n"
    assert not os.path.exists(old)
    assert ctl(mine, "status").code == 0
    mine.write("musterd.conf", good.replace("control.sock", "nowhere/other.sock"))
    other = mine.path("other.sock")
    ran = musterctl.run([musterctl.PROGRAM, "-s", other, "reload"])
    assert ran.code == 0 and "it stays as it was" in ran.errors
    assert musterctl.run([musterctl.PROGRAM, "-s", other, "status"]).code == 0


def test_queue_and_retry(gateways, admin):
    gateway = gateways(**controlled(keys=[admin], zones={"dyn.example.": {
        "ack": "durable", "allow": [admin_rule(admin)], "targets": [
            {"type": "local"}, {"type": "ddns", "address": HOST, "port": free_port()}]}}))
    assert table(ctl(gateway, "queue")) == []
    add(gateway, admin, "web.dyn.example.")
    target = wait_for(lambda: ctl_json(gateway, "queue")["targets"], "the queue")[0]
    assert target["pending"] == 1 and not target["primary"]
    wait_for(lambda: ctl_json(gateway, "queue")["targets"][0]["state"] == "down", "a failure")
    row, = table(ctl(gateway, "queue"))
    assert row["STATE"] == "down" and row["WHY"] != "-"
    failures = ctl_json(gateway, "queue")["targets"][0]["failures"]
    wait_for(lambda: "1 target is tried" in ctl(gateway, "retry", "dyn.example").output, "a retry")
    wait_for(lambda: ctl_json(gateway, "queue")["targets"][0]["failures"] > failures,
             "another try")
    # What is still in the journal after a start is counted too.
    gateway.restart()
    add(gateway, admin, "other.dyn.example.")
    wait_for(lambda: table(ctl(gateway, "queue"))[0]["PENDING"] == "2", "both changes")
    wait_for(lambda: ctl_json(gateway, "status")["counts"]["pending"] == 2, "the sum")
    update = ctl_json(gateway, "audit")["rows"][-1]
    states = {target["target"]: target["state"]
              for target in ctl_json(gateway, "why", update["id"])["targets"]}
    assert "pending" in states.values()
    assert any("fails" in text for text in ctl_json(gateway, "status")["warnings"])


def test_follow(mine, admin):
    add(mine, admin, "before.dyn.example.")
    process = subprocess.Popen(command(mine, "--json", "audit", "--follow"), text=True,
                               stdout=subprocess.PIPE, env=mine.environment())
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")))
    reader.start()
    try:
        wait_for(lambda: len(lines) == 1, "the past")
        add(mine, admin, "after.dyn.example.")
        add(mine, admin, "last.dyn.example.")
        wait_for(lambda: len(lines) == 3, "news")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        reader.join()
    names = [json.loads(line)["request"].split()[1] for line in lines]
    assert names == ["before.dyn.example.", "after.dyn.example.", "last.dyn.example."]


# ---- enrol ----

def read_line(line):
    """An enrolment line, as tsig/enrolment.h has it."""
    assert line.startswith("muster1:")
    text = line[len("muster1:"):]
    octets = base64.urlsafe_b64decode(text + -len(text) % 4 * "=")
    assert zlib.crc32(octets[:-4]) == int.from_bytes(octets[-4:], "big")
    at, gateways, names = 1, [], []
    for _ in range(octets[0]):
        gateways.append(octets[at + 1:at + 1 + octets[at]].decode())
        at += 1 + octets[at]
    for _ in range(4):
        name, used = dns.name.from_wire(octets, at)
        names.append(name.to_text())
        at += used
    secret = octets[at + 2:-4]
    assert len(secret) == int.from_bytes(octets[at:at + 2], "big") == 32
    return gateways, names, base64.b64encode(secret).decode()


@pytest.fixture
def enrolling(gateways, admin):
    return gateways(**controlled(keys=[admin], enrol_keys="enrolled.keys", zones={
        "dyn.example.": {"allow": [LEASED, admin_rule(admin)]}}))


def enrol(gateway, name, *args):
    return ctl(gateway, "enrol", "--gateway", "gw.example:5300", *args, name)


def test_enrol(enrolling):
    ran = enrol(enrolling, "Host8.dyn.example", "--gateway", "[2001:db8::1]:53", "--gateway",
                "gw2.example")
    assert ran.code == 0 and ran.errors == "" and ran.output.count("\n") == 1
    gateways, names, secret = read_line(ran.output.strip())
    assert gateways == ["gw.example:5300", "[2001:db8::1]:53", "gw2.example:53"]
    assert names == ["dyn.example.", "host8.dyn.example.", "host8.dyn.example.",
                     "hmac-sha256."]
    key = SharedKey("host8.dyn.example.", secret=secret)
    assert enrolling.update(add=[("host8.dyn.example.", 60, "A", "192.0.2.8")],
                            key=key) == "NOERROR"
    path = enrolling.path("enrolled.keys")
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert secret not in enrolling.log()
    assert not os.path.exists(path + ".new")
    enrolling.restart()
    assert enrolling.update(add=[("host8.dyn.example.", 60, "A", "192.0.2.9")],
                            key=key) == "NOERROR"


def test_enrol_again(enrolling):
    secrets = {}
    for name in "a.dyn.example.", "b.dyn.example.":
        secrets[name] = read_line(enrol(enrolling, name).output.strip())[2]
    ran = enrol(enrolling, "a.dyn.example")
    assert ran.code == 1 and ran.output == "" and "--again" in ran.errors
    new = read_line(ctl_json(enrolling, "enrol", "--gateway", "gw.example", "--again",
                             "a.dyn.example")["line"])[2]
    assert new != secrets["a.dyn.example."]
    for name, secret, error in [("a.dyn.example.", secrets["a.dyn.example."], "BADSIG"),
                                ("a.dyn.example.", new, ""),
                                ("b.dyn.example.", secrets["b.dyn.example."], "")]:
        ran = enrolling.nsupdate(f"update add {name} 60 A 192.0.2.1",
                                 SharedKey(name, secret=secret))
        assert (ran.code == 0) == (not error) and error in ran.output


def test_enrol_many_at_once(enrolling):
    names = [f"host{index}.dyn.example." for index in range(8)]
    threads = [threading.Thread(target=enrol, args=(enrolling, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = {key["name"] for key in ctl_json(enrolling, "keys")["keys"]}
    assert keys == {"admin.", *names}


def test_enrol_leaves_the_file_when_the_gateway_does_not_take_it(enrolling):
    assert enrol(enrolling, "a.dyn.example").code == 0
    path = enrolling.path("enrolled.keys")
    before = open(path).read()
    good = open(enrolling.config_path).read()
    enrolling.write("musterd.conf", good.replace('"ANY"', '"AAAAA"'))
    ran = enrol(enrolling, "b.dyn.example")
    assert ran.code == 1 and ran.output == "" and "AAAAA" in ran.errors
    assert open(path).read() == before
    enrolling.write("musterd.conf", good)
    assert enrol(enrolling, "b.dyn.example").code == 0


@pytest.mark.parametrize("args, code, error", [
    (["admin."], 1, "no zone"), (["web.elsewhere.example"], 1, "no zone"),
    (["--zone", "other.example", "web.dyn.example"], 2, "not in that zone"),
    (["--gateway", "bad host:\n", "web.dyn.example"], 2, "HOST:PORT"),
    (["a..b"], 2, "not a domain name"),
])
def test_enrol_what_cannot_be(enrolling, args, code, error):
    ran = ctl(enrolling, "enrol", "--gateway", "gw.example", *args)
    assert ran.code == code and ran.output == "" and error in ran.errors, ran
    assert not os.path.exists(enrolling.path("enrolled.keys"))


def test_enrol_without_a_file_for_it(mine):
    ran = enrol(mine, "web.dyn.example")
    assert ran.code == 2 and "enrol_keys" in ran.errors


def test_enrol_a_name_that_has_a_key(gateways):
    key = SharedKey("web.dyn.example.")
    gateway = gateways(**controlled(keys=[key], enrol_keys="enrolled.keys"))
    ran = enrol(gateway, "web.dyn.example", "--again")
    assert ran.code == 1 and "in another file" in ran.errors


# ---- many ----

def test_thousands_of_hosts(mine, admin):
    names = [f"host{index}.dyn.example." for index in range(3000)]
    for start in range(0, len(names), 500):
        add(mine, admin, *names[start:start + 500])
    assert sorted(host["name"] for host in ctl_json(mine, "hosts")["hosts"]) == sorted(names)
    rows = table(ctl(mine, "hosts"))
    assert len(rows) == 3000 and rows[0]["HOST"] == "host0.dyn.example."
    assert len(ctl_json(mine, "leases")["leases"]) == 3000
    assert len(ctl_json(mine, "hosts", "host29??.dyn.example")["hosts"]) == 100
    status, _, body = musterctl.ask(mine, "GET", "/api/v1/hosts")
    assert status == 200 and len(json.loads(body)["hosts"]) < 1100


def test_many_at_once_under_load(mine, admin):
    results = []

    def look():
        for _ in range(5):
            results.append(ctl(mine, "hosts").code)
            results.append(ctl(mine, "status").code)

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for index in range(40):
        add(mine, admin, f"host{index}.dyn.example.")
    for thread in threads:
        thread.join()
    assert results == 60 * [0]
    assert len(ctl_json(mine, "hosts")["hosts"]) == 40


# ---- could not ask ----

@pytest.mark.parametrize("args", [
    [], ["bogus"], ["hold"], ["hold", "a", "b"], ["keys", "--zone", "x"], ["-x", "status"],
    ["explain", "a", "b"], ["audit", "--since", "yesterday"], ["audit", "--limit", "x"],
    ["-c"], ["rectify", "dyn.example"], ["drop", "dyn.example"],
])
def test_wrong_usage(shared, args):
    ran = ctl(shared, *args)
    assert ran.code == 2 and ran.output == "" and ran.errors.startswith(("musterctl: ", "/"))
    assert ran.errors.count("\n") == 1


def test_help_and_version(shared):
    ran = ctl(shared, "--help")
    assert ran.code == 0 and "hosts [--zone Z]" in ran.output
    assert re.fullmatch(r"musterctl \d+\.\d+\.\d+\S*\n", ctl(shared, "-V").output)


def test_nobody_listens(gateways, admin):
    idle = gateways.make(**controlled(keys=[admin]))
    idle.prepare()
    ran = ctl(idle, "status")
    assert ran.code == 2 and "musterd does not run" in ran.errors
    ran = musterctl.run([musterctl.PROGRAM, "-c", "/nonexistent.conf", "status"])
    assert ran.code == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
def test_another_user_may_not_ask(mine):
    path = musterctl.socket_path(mine)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    words = [*nobody, musterctl.PROGRAM, "-s", path, "status"]
    if musterctl.run([*nobody, musterctl.PROGRAM, "-V"]).code != 0:
        pytest.skip("nobody cannot reach the program")
    ran = musterctl.run(words)
    assert ran.code == 2 and "sudo" in ran.errors

    def errors():
        # Another session of pytest may close the folder above all of them again.
        musterctl.open_folders(os.path.dirname(path))
        os.chmod(path, 0o666)
        ran = musterctl.run(words)
        assert ran.code == 2 and ran.output == ""
        return "" if "Permission denied" in ran.errors else ran.errors

    assert wait_for(errors, "an answer") == \
        "musterctl: only root and the gateway's own user may ask\n"
    assert "control: user id 65534 may not ask" in mine.log()


def test_output_that_cannot_be_written(mine):
    words = command(mine, "status")
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=musterctl.TIMEOUT_S,
                              env=mine.environment(), check=False)
    assert done.returncode == 2 and "cannot be written" in done.stderr
