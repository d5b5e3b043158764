"""musterd's start, reload, end, and what it survives."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile

import dns.message
import dns.update
import pytest

import gateway as gateway_module
import musterctl
from gateway import SharedKey, Tcp, Udp, add, run, sign
from load import Load, some_acknowledged, update_wire
from servers import HOST, free_port, wait_for

ZONE = "dyn.example."
is_root = os.geteuid() == 0
needs_root = pytest.mark.skipif(not is_root, reason="not root")


def rcode_of(gateway, message, key, tcp=False):
    request = sign(message, key)
    return gateway.exchange(request.wire, tcp).rcode


def local(file=None, **settings):
    return {"type": "local", **({"file": file} if file else {}), **settings}


# ---- command line ----

@pytest.fixture
def idle(gateways, admin):
    """A gateway that is not started, with its configuration written."""
    made = gateways.make(keys=[admin])
    made.prepare()
    return made


def musterd(idle, *args):
    done = subprocess.run([gateway_module.PROGRAM, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=idle.environment(),
                          cwd=idle.folder, timeout=60, check=False)
    idle.check()
    return done.returncode, done.stdout


def test_version(idle):
    code, output = musterd(idle, "-V")
    assert code == 0 and re.fullmatch(r"musterd \d+\.\d+\.\d+\S*\n", output)


@pytest.mark.parametrize("args", [["-x"], ["-c"], ["extra"], ["-f", "extra"]])
def test_wrong_usage(idle, args):
    code, output = musterd(idle, *args)
    assert code == 2 and "usage: musterd" in output


def test_check_of_a_good_configuration(idle):
    assert musterd(idle, "-n", "-c", idle.config_path) == (
        0, f"{idle.config_path}: 1 zone, 1 key: valid\n")
    assert not os.path.exists(idle.database) and not os.path.exists(idle.pid_path)
    assert musterd(idle, "-n", "-c", "musterd.conf")[0] == 0, "a relative path"


def line_of(idle, text):
    with open(idle.config_path) as file:
        return next(number for number, line in enumerate(file, 1) if text in line)


@pytest.mark.parametrize("old, new, where, reason", [
    ("threads = 2", "threads = 0", "threads = 0", "threads"),
    ("threads = 2", "thread = 2", "thread = 2", "thread"),
    ("threads = 2;", "threads = ;", "threads = ;", "a value expected"),
    ('match = "zone"', 'match = "zones"', 'match = "zones"', '"zones"'),
    ('types = [ "ANY" ]', 'types = [ "AAAAA" ]', "AAAAA", "AAAAA"),
    ('name = "dyn.example."', 'name = "dyn..example."', "dyn..example.", "name"),
    ('key_files = [ "0.key" ]', 'key_files = [ "1.key" ]', None, "1.key"),
    (f'address = "{HOST}"', 'address = "localhost"', 'address = "localhost"', "numeric"),
])
def test_check_of_a_bad_configuration(idle, old, new, where, reason):
    with open(idle.config_path) as file:
        text = file.read()
    assert old in text
    idle.write("musterd.conf", text.replace(old, new))
    code, output = musterd(idle, "-n", "-c", idle.config_path)
    assert code == 1
    line = next(line for line in output.splitlines() if "error: " in line)
    if where:
        assert f"{idle.config_path}:{line_of(idle, where)}: " in line, output
    assert reason in line
    assert musterd(idle, "-f", "-c", idle.config_path)[0] == 1
    assert not os.path.exists(idle.database)


def test_all_problems_are_told_at_once(idle):
    with open(idle.config_path) as file:
        text = file.read()
    idle.write("musterd.conf", text.replace("threads = 2", "threads = 0").replace(
        '"ANY"', '"AAAAA"'))
    code, output = musterd(idle, "-n", "-c", idle.config_path)
    assert code == 1 and output.count("error: ") == 2


def test_no_configuration(idle):
    code, output = musterd(idle, "-f", "-c", "nowhere.conf")
    assert code == 1 and "nowhere.conf: No such file" in output


@pytest.mark.parametrize("mode, code", [(0o604, 1), (0o644, 1), (0o602, 1), (0o640, 0),
                                        (0o400, 0)])
def test_keys_that_others_can_read_are_refused(idle, mode, code):
    os.chmod(idle.path("0.key"), mode)
    got, output = musterd(idle, "-n", "-c", idle.config_path)
    assert got == code
    assert code == 0 or "0.key: open to others" in output
    if code:
        assert musterd(idle, "-f", "-c", idle.config_path)[0] == 1
    assert idle.keys[0].secret not in output


# ---- starts that fail ----

def expect_no_start(idle, *words):
    code, output = musterd(idle, "-f", "-c", idle.config_path)
    assert code == 1, output
    for word in words:
        assert word in output
    assert not os.path.exists(idle.pid_path)


def test_a_database_of_a_newer_version_is_refused(gateways, admin):
    gateway = gateways(keys=[admin])
    gateway.stop()
    database = sqlite3.connect(gateway.database)
    version, = database.execute("PRAGMA user_version").fetchone()
    database.execute(f"PRAGMA user_version = {version + 1}")
    database.close()
    expect_no_start(gateway, gateway.database, f"version {version + 1}")
    database = sqlite3.connect(gateway.database)
    database.execute(f"PRAGMA user_version = {version}")
    database.close()
    gateway.start()
    assert gateway.serial()


def test_another_programs_database_is_refused(idle):
    database = sqlite3.connect(idle.database)
    database.execute("PRAGMA application_id = 4711")
    database.execute("CREATE TABLE theirs (a)")
    database.commit()
    database.close()
    expect_no_start(idle, "another program's database")
    database = sqlite3.connect(idle.database)
    assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    database.close()


def test_a_file_that_is_no_database_is_refused(idle):
    idle.write("muster.db", "no database\n" * 100)
    expect_no_start(idle, idle.database)
    with open(idle.database) as file:
        assert file.read().startswith("no database")


def test_a_second_gateway_on_the_same_database_is_refused(gateways, admin):
    gateway = gateways(keys=[admin])
    code, output = musterd(gateway, "-f", "-c", gateway.config_path)
    assert code == 1 and gateway.database in output
    assert rcode_of(gateway, add(f"one.{ZONE}", "192.0.2.1"), admin) == "NOERROR"
    # Not by a file that a crash leaves behind.
    gateway.kill()
    gateway.start()
    assert gateway.records(f"one.{ZONE}", "A") == {"192.0.2.1"}


def test_a_folder_that_is_not_there(gateways, admin):
    idle = gateways.make(keys=[admin], database="/nowhere/at/all/muster.db")
    idle.prepare()
    expect_no_start(idle, "/nowhere/at/all/muster.db")


def test_an_address_that_is_not_ours(gateways, admin):
    idle = gateways.make(keys=[admin], listen=[{"address": "192.0.2.1", "port": 5300}])
    idle.prepare()
    expect_no_start(idle, "192.0.2.1#5300")


@pytest.mark.parametrize("seed", ["missing.seed", "broken.seed"])
def test_zone_files_that_leave_nothing_to_serve(gateways, admin, seed):
    idle = gateways.make(keys=[admin], zones={ZONE: {"targets": [local(seed)]}})
    idle.write("broken.seed", "@ 60 IN SOA . . 1 2 3 4 5\nx 60 IN A 192.0.2.256\n")
    idle.prepare()
    expect_no_start(idle, seed, "no zone can be served")


# ---- daemon ----

@pytest.mark.parametrize("zone_names", [["zone"], ["zone-0", "zone-1"]], ids=len)
def test_threads_have_names(gateways, admin, zone_names):
    gateway = gateways(keys=[admin], threads=2, zone_threads=len(zone_names))
    folder = f"/proc/{gateway.pid}/task"
    names = []
    for task in os.listdir(folder):
        with open(f"{folder}/{task}/comm", encoding="ascii") as file:
            names.append(file.read().strip())
    assert sorted(names) == ["checkpoint", "control", "control-reads", "journal",
                             "listen-0", "listen-1", "musterd"] + zone_names + \
        ["zone-reads"] * len(zone_names)


def test_daemon(gateways, admin):
    gateway = gateways(keys=[admin], daemon=True)
    # The parent has come back: it answers.
    assert gateway.query(ZONE, "SOA", tcp=False).answer
    pid = gateway.pid
    with open(f"/proc/{pid}/stat") as file:
        session = int(file.read().rsplit(")", 1)[1].split()[3])
    assert session == pid
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
    assert rcode_of(gateway, add(f"daemon.{ZONE}", "192.0.2.1"), admin) == "NOERROR"
    gateway.stop()
    gateway.start()
    assert gateway.records(f"daemon.{ZONE}", "A") == {"192.0.2.1"}


def test_daemon_that_can_not_start_says_why(gateways, admin):
    idle = gateways.make(keys=[admin], listen=[{"address": "192.0.2.1", "port": 5300}])
    idle.prepare()
    code, output = musterd(idle, "-c", idle.config_path)
    assert code == 1
    assert "musterd: error: listen 192.0.2.1#5300: Cannot assign requested address" in output
    assert not os.path.exists(idle.pid_path)


def test_daemon_whose_terminal_is_closed(gateways, admin):
    """What it opens gets none of the numbers that are written to as standard streams."""
    gateway = gateways.make(keys=[admin], daemon=True)
    command = gateway.command
    gateway.command = lambda: ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command()]
    gateway.start()
    assert {os.readlink(f"/proc/{gateway.pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
    for tcp in False, True:
        assert rcode_of(gateway, add(f"closed{tcp}.{ZONE}", "192.0.2.1"), admin, tcp) == \
            "NOERROR"
    gateway.stop()


def test_service_manager_is_told(gateways, admin, monkeypatch, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        gateway = gateways(keys=[admin])
        said = []

        def hear(word):
            while said[-1:] != [word]:
                said.append(manager.recv(1000).decode().split("\n")[0])

        hear("READY=1")
        hear("WATCHDOG=1")
        gateway.process.send_signal(signal.SIGHUP)
        hear("RELOADING=1")
        hear("READY=1")
        gateway.stop()
        hear("STOPPING=1")


# ---- privileges ----

@pytest.fixture
def open_folder():
    """A folder that others can enter, unlike pytest's."""
    folder = tempfile.mkdtemp(prefix="muster-test-")
    yield folder
    shutil.rmtree(folder)


@needs_root
def test_privileges_are_dropped(gateways, admin, open_folder):
    nobody = pwd.getpwnam("nobody")
    os.chown(open_folder, nobody.pw_uid, nobody.pw_gid)
    gateway = gateways.make(keys=[admin], folder=open_folder, user="nobody",
                            leaks=False)  # the leak check may not look into this process
    gateway.prepare()
    gateway.is_prepared = True
    os.chown(gateway.path("0.key"), 0, nobody.pw_gid)
    os.chmod(gateway.path("0.key"), 0o640)
    gateway.start()
    with open(f"/proc/{gateway.pid}/status") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines())
    assert set(status["Uid"].split()) == {str(nobody.pw_uid)}
    assert set(status["Gid"].split()) == {str(nobody.pw_gid)}
    assert "0" not in status["Groups"].split()
    assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0
    assert rcode_of(gateway, add(f"drop.{ZONE}", "192.0.2.1"), admin) == "NOERROR"
    for name in "muster.db", "muster.db-wal", "musterd.pid":
        assert os.stat(gateway.path(name)).st_uid == nobody.pw_uid, name
    # A reload reads as the user that it is now.
    os.chmod(gateway.path("0.key"), 0o600)
    before = len(gateway.log())
    gateway.process.send_signal(signal.SIGHUP)
    lines = wait_for(lambda: gateway.reload_lines(before), "the reload")
    assert "Permission denied" in lines and "stays in effect" in lines
    assert rcode_of(gateway, add(f"drop2.{ZONE}", "192.0.2.1"), admin) == "NOERROR"
    gateway.stop()


@needs_root
def test_unknown_user(gateways, admin):
    idle = gateways.make(keys=[admin], user="no-such-user")
    idle.prepare()
    expect_no_start(idle, "no-such-user")


# ---- reload ----

def test_reload_under_load_loses_nothing(gateways, admin):
    gateway = gateways(keys=[admin])
    load = Load(gateway, admin)
    load.start()
    new = SharedKey("new.")
    wait_for(some_acknowledged(load, 50, 100), "the load")
    gateway.keys.append(new)  # and with it the rule that names it
    gateway.zones["second.example."] = {}
    lines = gateway.reconfigure()
    assert "configuration reloaded" in lines and "error" not in lines
    for _ in range(4):
        count = len(load.rcodes)
        wait_for(lambda: len(load.rcodes) > count + 50, "the load to go on")
        gateway.reconfigure()
    wait_for(lambda: rcode_of(gateway, add("a.second.example.", "192.0.2.1",
                                           zone="second.example."), new) == "NOERROR",
             "the new zone")
    assert rcode_of(gateway, add(f"new.{ZONE}", "192.0.2.1"), new) == "NOERROR"
    load.finish()
    assert set(load.rcodes.values()) == {"NOERROR"}
    load.assert_kept(gateway.axfr(ZONE, admin))


def test_reload_takes_keys_rules_and_zones_away(gateways, admin):
    other = SharedKey("other.")
    gateway = gateways(keys=[admin, other], zones={ZONE: {}, "second.example.": {}})
    second = add("a.second.example.", "192.0.2.1", zone="second.example.")
    assert rcode_of(gateway, second, other) == "NOERROR"
    serial = gateway.serial("second.example.")
    gateway.keys.remove(other)
    zone = gateway.zones.pop("second.example.")
    gateway.zones[ZONE] = {"allow": [
        {"keys": ["admin."], "match": "zone", "types": ["TXT"]}]}
    gateway.reconfigure()
    assert rcode_of(gateway, add(f"a.{ZONE}", "192.0.2.1"), other) == "NOTAUTH"
    assert rcode_of(gateway, add(f"a.{ZONE}", "192.0.2.1"), admin) == "REFUSED"
    assert rcode_of(gateway, add(f"a.{ZONE}", "x", rdtype="TXT"), admin) == "NOERROR"
    assert rcode_of(gateway, second, admin) == "NOTAUTH"
    assert gateway.query("second.example.", "SOA").rcode() == dns.rcode.REFUSED
    # It is not forgotten.
    gateway.zones["second.example."] = zone
    gateway.reconfigure()
    wait_for(lambda: gateway.query("second.example.", "SOA").answer, "the zone")
    assert gateway.records("a.second.example.", "A") == {"192.0.2.1"}
    assert gateway.serial("second.example.") == serial


def test_reload_changes_a_secret(gateways, admin):
    gateway = gateways(keys=[admin])
    message = add(f"a.{ZONE}", "192.0.2.1")
    for _ in range(3):
        assert rcode_of(gateway, message, admin) == "NOERROR"
        new = SharedKey("admin.")
        gateway.keys = [admin, new]  # for the time of the change both
        gateway.reconfigure()
        assert rcode_of(gateway, message, admin) == "NOERROR"
        assert rcode_of(gateway, message, new) == "NOERROR"
        gateway.keys = [new]
        gateway.reconfigure()
        answer = gateway.exchange(sign(add(f"b.{ZONE}", "192.0.2.1"), admin).wire)
        assert (answer.rcode, answer.tsig.error) == ("NOTAUTH", 16)
        admin = new


def test_reload_changes_the_settings_of_zones(gateways, admin):
    gateway = gateways(keys=[admin])
    assert gateway.rrset(ZONE, "SOA")[0].mname.to_text() == f"ns1.{ZONE}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as secondary:
        secondary.bind((HOST, free_port()))
        secondary.settimeout(30)
        port = secondary.getsockname()[1]
        gateway.zones[ZONE] = {"mname": "gw.example.", "query_from": ["192.0.2.1"],
                               "targets": [local(f"{ZONE.rstrip('.')}.seed",
                                                 notify=[f"{HOST}#{port}"])]}
        gateway.reconfigure()
        assert gateway.query(ZONE, "SOA").rcode() == dns.rcode.REFUSED
        answer = gateway.query(ZONE, "SOA", key=admin)
        assert answer.answer[0][0].mname.to_text() == "gw.example."
        assert rcode_of(gateway, add(f"n.{ZONE}", "192.0.2.1"), admin) == "NOERROR"
        assert dns.message.from_wire(secondary.recv(512)).opcode() == dns.opcode.NOTIFY


def test_a_bad_file_keeps_the_old_configuration(gateways, admin):
    gateway = gateways(keys=[admin])
    text = gateway.config()
    gateway.write("musterd.conf", text.replace('"ANY"', '"AAAAA"'))
    before = len(gateway.log())
    gateway.process.send_signal(signal.SIGHUP)
    lines = wait_for(lambda: gateway.reload_lines(before), "the reload")
    assert f"{gateway.config_path}:{line_of(gateway, 'AAAAA')}: " in lines
    assert "the previous configuration stays in effect" in lines
    assert rcode_of(gateway, add(f"a.{ZONE}", "192.0.2.1"), admin) == "NOERROR"
    os.unlink(gateway.config_path)
    before = len(gateway.log())
    gateway.process.send_signal(signal.SIGHUP)
    lines = wait_for(lambda: gateway.reload_lines(before), "the reload")
    assert "No such file" in lines
    assert rcode_of(gateway, add(f"b.{ZONE}", "192.0.2.1"), admin) == "NOERROR"


@pytest.mark.parametrize("text, reason", [
    ('@include "."\n', '1: @include ".": is a folder, not a file'),
    ('\n@include "musterd.conf"\n', '2: @include "musterd.conf": is included from within itself'),
    ('@include "/dev/zero"\n', '1: @include "/dev/zero": is not a regular file'),
    ("audit_days = 1h;\n", '1: audit_days: text must stand between quotes: "1h"'),
    ("zones = (\n{ },\n\n);\n", '2: zones[0]: a value expected after ",", not ")"'),
    ("zones = " + "(" * 100000, "brackets nest more than"),
    ('user = "' + "x" * 100000 + '";', "1: user: a string of more than"),
    ("\x7fELF\x02\x01", "1: an octet 7f outside of a string"),
    ("user = \"\0\";", "1: a NUL octet"),
])
def test_no_configuration_file_ends_the_gateway(gateways, admin, text, reason):
    gateway = gateways(**musterctl.controlled(keys=[admin]))
    gateway.write("musterd.conf", text)
    before = len(gateway.log())
    gateway.process.send_signal(signal.SIGHUP)
    lines = wait_for(lambda: gateway.reload_lines(before), "the reload")
    assert f"{gateway.config_path}:" in lines and reason in lines
    checked = musterctl.run(
        [musterctl.PROGRAM, "-s", musterctl.socket_path(gateway), "check"])
    assert checked.code == 1 and reason in checked.output + checked.errors
    assert rcode_of(gateway, add(f"a.{ZONE}", "192.0.2.1"), admin) == "NOERROR"


def test_many_reloads_at_once(gateways, admin):
    gateway = gateways(keys=[admin])
    load = Load(gateway, admin)
    load.start()
    for _ in range(30):
        gateway.process.send_signal(signal.SIGHUP)
        count = len(load.rcodes)
        wait_for(lambda: len(load.rcodes) > count, "the load to go on")
    load.finish()
    assert set(load.rcodes.values()) == {"NOERROR"}
    load.assert_kept(gateway.axfr(ZONE, admin))


# ---- the end ----

def test_restart_serves_the_same(gateways, admin):
    gateway = gateways(keys=[admin])
    for index in range(5):
        assert rcode_of(gateway, add(f"h{index}.{ZONE}", "192.0.2.1"), admin) == "NOERROR"
    assert gateway.update(delete=[("host1.dyn.example.", "A")], key=admin) == "NOERROR"
    content, journal = gateway.axfr(ZONE, admin), gateway.audit()
    for end in "stop", "kill", "kill", "stop":
        getattr(gateway, end)()
        gateway.start()
        assert gateway.axfr(ZONE, admin) == content
        assert gateway.audit() == journal
    assert rcode_of(gateway, add(f"after.{ZONE}", "192.0.2.1"), admin) == "NOERROR"
    assert gateway.audit()[-1]["seq"] == journal[-1]["seq"] + 1


def test_the_seed_is_read_once(gateways, admin):
    gateway = gateways(keys=[admin])
    assert gateway.update(delete=[(f"host1.{ZONE}",)], key=admin) == "NOERROR"
    gateway.restart()
    assert gateway.query(f"host1.{ZONE}", "A").rcode() == dns.rcode.NXDOMAIN


def test_a_seed_that_was_not_stored_to_its_end_is_stored_anew(gateways, admin):
    """The SOA comes last: without it there is no zone, but what has been stored of one."""
    gateway = gateways(keys=[admin])
    assert gateway.update(add=[(f"left.{ZONE}", 60, "A", "192.0.2.9")], key=admin) == "NOERROR"
    gateway.stop()
    with contextlib.closing(sqlite3.connect(gateway.database)) as database, database:
        database.execute("DELETE FROM records WHERE type = 6")
    for _ in range(2):
        gateway.start()
        assert gateway.query(f"left.{ZONE}", "A").rcode() == dns.rcode.NXDOMAIN
        assert gateway.records(f"host1.{ZONE}", "A")
        gateway.stop()
    assert not gateway.rows("SELECT 1 FROM records WHERE owner LIKE '%left%'")


# ---- one zone that cannot be opened stops no other ----

OTHER = "other.example."
GOOD_SEED = "@ 60 IN SOA ns admin 7 2 3 4 5\n@ 60 IN NS ns\nx 60 IN A 192.0.2.6\n"
BAD_SEED = GOOD_SEED.replace("192.0.2.6", "192.0.2.256")
BAD_SEED_WHY = "other.seed:3: '192.0.2.256' where an IPv4 address belongs"


def zone_state(gateway, zone=OTHER):
    found, = (entry for entry in musterctl.ctl_json(gateway, "zones")["zones"]
              if entry["zone"] == zone)
    return found["state"], found["why"]


def with_other(admin, **options):
    return musterctl.controlled(
        keys=[admin], zones={ZONE: {}, OTHER: {"targets": [local("other.seed")]}}, **options)


def test_a_bad_zone_file_stops_no_other_zone(gateways, admin):
    gateway = gateways.make(**with_other(admin))
    gateway.prepare()
    for text, why in [(None, "other.seed: No such file or directory"), (BAD_SEED, BAD_SEED_WHY)]:
        if text:
            gateway.write("other.seed", text)
        code, output = musterd(gateway, "-n", "-c", gateway.config_path)
        assert code == 1 and f"error: zone {OTHER}: {gateway.path(why)}\n" in output
    gateway.start()
    assert rcode_of(gateway, add(f"a.{ZONE}", "192.0.2.1"), admin) == "NOERROR"
    assert zone_state(gateway) == ("failed", gateway.path(BAD_SEED_WHY))
    assert f"zone {OTHER}: out of service: {gateway.path(BAD_SEED_WHY)}\n" in gateway.log()
    code, _, body = musterctl.ask(gateway, "GET", "/health")
    assert code == 503 and BAD_SEED_WHY in body
    metrics = musterctl.read_metrics(gateway)
    assert metrics[f'muster_zone_failed{{zone="{OTHER}"}}'] == 1
    assert metrics[f'muster_zone_failed{{zone="{ZONE}"}}'] == 0
    checked = musterctl.ctl(gateway, "check")
    assert checked.code == 1 and BAD_SEED_WHY in checked.output + checked.errors
    answer = gateway.query(OTHER, "SOA", use_edns=0)
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert gateway.folder not in answer.to_text(), "clients are not told where files are"
    # As soon as the file is right the zone is there, and the file not read any more.
    gateway.write("other.seed", GOOD_SEED)
    wait_for(lambda: gateway.query(f"x.{OTHER}", "A").answer, "the zone")
    assert zone_state(gateway) == ("ready", None)
    os.unlink(gateway.path("other.seed"))
    assert musterctl.ctl(gateway, "check").code == 0
    gateway.stop()
    before = sorted(os.listdir(gateway.folder))
    assert musterd(gateway, "-n", "-c", gateway.config_path)[0] == 0
    assert sorted(os.listdir(gateway.folder)) == before


def test_a_reload_tries_a_zone_again(gateways, admin):
    gateway = gateways(**musterctl.controlled(keys=[admin]))
    gateway.zones[OTHER] = {"targets": [local("other.seed")]}
    gateway.write("other.seed", BAD_SEED)
    for _ in range(2):  # whoever reloads is told each time
        told = gateway.log().count(BAD_SEED_WHY)
        gateway.reconfigure()
        wait_for(lambda: gateway.log().count(BAD_SEED_WHY) > told, "the reason")
        assert zone_state(gateway) == ("failed", gateway.path(BAD_SEED_WHY))
    gateway.zones[OTHER] = {"targets": [local("better.seed")]}
    gateway.write("better.seed", GOOD_SEED)
    gateway.reconfigure()
    wait_for(lambda: zone_state(gateway) == ("ready", None), "the zone")


@pytest.mark.parametrize("table, values, why", [
    ("records (zone, owner, type, ttl, count, data)", "x'ff', 1, 60, 1, x'0004c0000201'",
     "its records cannot be read: "),
    ("leases", None, "cannot be opened: the database: "),
])
def test_a_zone_that_the_database_cannot_give_stops_no_other(gateways, admin, table, values, why):
    rule = {"keys": ["admin."], "match": "zone", "types": ["ANY"], "lease": {"default": "1h"}}
    gateway = gateways(**musterctl.controlled(
        keys=[admin], zones={ZONE: {}, OTHER: {"allow": [rule]}}))
    assert rcode_of(gateway, add(f"a.{OTHER}", "192.0.2.1", zone=OTHER), admin) == "NOERROR"
    gateway.stop()
    other, = gateway.rows("SELECT id FROM zones WHERE name = ?", b"\5other\7example\0")
    database = sqlite3.connect(gateway.database, isolation_level=None)
    if values:
        database.execute(f"INSERT INTO {table} VALUES ({other['id']}, {values})")
    else:
        database.execute("UPDATE leases SET owner = x'ff'")
    gateway.start()
    assert rcode_of(gateway, add(f"b.{ZONE}", "192.0.2.1"), admin) == "NOERROR"
    state, reason = zone_state(gateway)
    assert state == "failed" and reason.startswith(why), reason
    assert rcode_of(gateway, add(f"b.{OTHER}", "192.0.2.1", zone=OTHER), admin) == "SERVFAIL"
    database.execute(f"DELETE FROM {table.split()[0]} WHERE owner = x'ff'")
    database.close()
    wait_for(lambda: zone_state(gateway) == ("ready", None), "the zone")
    assert rcode_of(gateway, add(f"b.{OTHER}", "192.0.2.1", zone=OTHER), admin) == "NOERROR"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_sigterm_answers_what_was_accepted(gateways, admin, signum):
    """Everything in the zone afterwards was acknowledged, and vice versa."""
    gateway = gateways(keys=[admin])
    clients = [Tcp(gateway.port) for _ in range(4)]
    for index, client in enumerate(clients):
        for number in range(100):
            client.send(sign(update_wire(
                number, ZONE, (f"c{index}n{number}", 1, b"\x0a\0\0\1")), admin).wire)
    acknowledged = {("c0", clients[0].receive().id)}
    gateway.process.send_signal(signum)
    for index, client in enumerate(clients):
        try:
            while True:
                answer = client.receive()
                assert answer.rcode == "NOERROR"
                acknowledged.add((f"c{index}", answer.id))
        except (EOFError, ConnectionResetError):
            client.close()
    gateway.stop()
    gateway.start()
    there = {line.split(".")[0] for line in gateway.axfr(ZONE, admin)
             if re.match(r"c\dn\d+\.", line)}
    assert there == {f"{client}n{number}" for client, number in acknowledged}


def test_sigterm_under_load(gateways, admin):
    gateway = gateways(keys=[admin])
    load = Load(gateway, admin)
    load.start()
    wait_for(some_acknowledged(load, 50, 200), "the load")
    gateway.stop()
    load.give_up()
    gateway.start()
    assert load.assert_kept(gateway.axfr(ZONE, admin)) == 0, "what it did, it answered"


@pytest.mark.parametrize("number", range(4))
def test_kill_under_load(gateways, admin, number):
    gateway = gateways(keys=[admin])
    loads = []
    for round_number in range(3):
        load = Load(gateway, admin, tag=f"r{round_number}u")
        loads.append(load)
        serial = gateway.serial()
        load.start()
        wait_for(some_acknowledged(load, 1, 400), "the load")
        gateway.kill()
        load.give_up()
        gateway.start()
        content = gateway.axfr(ZONE, admin)
        unsure = sum(each.assert_kept(content) for each in loads)
        assert gateway.serial() >= serial + len(load.acknowledged)
        assert unsure <= 64 * len(loads)
        rows = gateway.rows("SELECT seq FROM journal WHERE changes IS NOT NULL")
        assert len(rows) == unsure + sum(len(each.acknowledged) for each in loads)


def test_a_retransmission_spans_a_kill(gateways, admin):
    """Did the update that nobody answered happen?  Each asks for a name that is not in use:
    who happened is told so, not that the name is taken.  Who did not happens now, or is told
    to sign anew (NOTAUTH, BADTIME)."""
    gateway = gateways(keys=[admin])
    for round_number in range(3):
        load = Load(gateway, admin, tag=f"r{round_number}u")
        load.start()
        wait_for(some_acknowledged(load, 1, 400), "the load")
        gateway.kill()
        load.give_up()
        gateway.start()
        assert set(load.retransmit()) <= {"NOERROR", "NOTAUTH"}
        content = gateway.axfr(ZONE, admin)
        assert load.assert_kept(content) == 0
        rows = gateway.rows("SELECT count(*) AS count FROM journal WHERE changes IS NOT NULL"
                            " AND instr(request, ?)", load.tag.encode())
        assert rows[0]["count"] == len(load.acknowledged), "each exactly once"


def test_kill_while_it_seeds_and_flushes(gateways, admin):
    """Many short lives: after each, the zone is whole, and has everything that was
    acknowledged."""
    gateway = gateways.make(keys=[admin])
    acknowledged = set()
    for number in range(6):
        gateway.start(wait=number % 2 == 0)
        if number % 2 == 0:
            assert rcode_of(gateway, add(f"k{number}.{ZONE}", "192.0.2.1"), admin) == \
                "NOERROR"
            acknowledged.add(f"k{number}")
        gateway.kill()
    gateway.start()
    content = gateway.axfr(ZONE, admin)
    assert {line.split(".")[0] for line in content if line.startswith("k")} == acknowledged
    assert f"host1.{ZONE} 300 AAAA 2001:db8::11" in content


def test_pause_and_resume(gateways, admin):
    gateway = gateways(keys=[admin])
    with Udp(gateway.port) as udp, Tcp(gateway.port) as tcp:
        gateway.pause()
        requests = [sign(add(f"p{index}.{ZONE}", "192.0.2.1"), admin) for index in range(8)]
        for request in requests:
            udp.send(request.wire)
            udp.send(request.wire)
        tcp.send(sign(add(f"ptcp.{ZONE}", "192.0.2.1"), admin).wire)
        with pytest.raises(TimeoutError):
            udp.receive(0.1)
        gateway.resume()
        assert {udp.receive().rcode for _ in range(16)} == {"NOERROR"}
        assert tcp.receive().rcode == "NOERROR"
    assert gateway.serial() == 10 + 9


# ---- full disk ----

@pytest.fixture
def small_disk(tmp_path):
    folder = str(tmp_path / "small")
    os.mkdir(folder)
    if run(["mount", "-t", "tmpfs", "-o", "size=3m", "muster-test", folder]).code:
        pytest.skip("not allowed to mount a small disk")
    yield folder
    run(["umount", "-l", folder])


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            for size in 65536, 4096, 1:
                try:
                    while file.write(size * b"x") == size:
                        pass
                except OSError:
                    continue
        except OSError:
            pass


@needs_root
def test_full_disk(gateways, admin, small_disk):
    gateway = gateways(keys=[admin], database=os.path.join(small_disk, "muster.db"))
    gateway.database = os.path.join(small_disk, "muster.db")
    ballast = os.path.join(small_disk, "ballast")
    acknowledged, refused = {"beat"}, set()
    assert rcode_of(gateway, add(f"beat.{ZONE}", "192.0.2.1"), admin) == "NOERROR"
    fill(ballast)

    def try_one(name):
        message = add(f"{name}.{ZONE}", "192.0.2.1")
        message.use_edns(0)
        request = sign(message, admin)
        answer = gateway.exchange(request.wire)
        assert answer.is_authentic(request)
        (acknowledged if answer.rcode == "NOERROR" else refused).add(name)
        return answer

    wait_for(lambda: try_one(f"f{len(acknowledged)}").rcode == "SERVFAIL", "a full disk")
    for number in range(20):
        answer = try_one(f"full{number}")
        assert answer.rcode == "SERVFAIL" and "disk is full" in answer.ede[1]
        line, = gateway.lines_about(answer.port)
        assert "SERVFAIL" in line and "disk is full" in line
        assert gateway.records(f"full{number}.{ZONE}", "A") == set()
        assert gateway.records(f"beat.{ZONE}", "A") == {"192.0.2.1"}
        assert rcode_of(gateway, add(f"beat.{ZONE}", "192.0.2.1"), admin) == "NOERROR"
    # A refusal by policy needs no disk either.
    assert rcode_of(gateway, add("x.other.example.", "192.0.2.1"), admin) == "NOTZONE"
    os.unlink(ballast)
    wait_for(lambda: try_one("again").rcode == "NOERROR", "it to recover by itself")
    refused -= acknowledged
    # What was refused may come again with the same octets: SERVFAIL is no answer to keep.
    gateway.kill()
    gateway.start()
    there = {line.split(".")[0] for line in gateway.axfr(ZONE, admin)}
    assert acknowledged <= there and not refused & there
    gateway.stop()
