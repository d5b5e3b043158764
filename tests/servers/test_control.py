"""musterd's control socket and HTTP address: who may ask what, limits, life."""

import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import threading

import pytest

import musterctl
from gateway import HOST, SharedKey
from musterctl import ask, ask_http, controlled, ctl, read_metrics, socket_path
from servers import find, free_port, wait_for

GUESTS_MAX = 16  # gateway/control/control.h


@pytest.fixture
def mine(gateways, admin):
    return gateways(**controlled(keys=[admin]))


@pytest.fixture(scope="module")
def shared(shared_gateways, shared_admin):
    gateway = shared_gateways(**controlled(keys=[shared_admin]))
    gateway.update(add=[("web.dyn.example.", 60, "A", "192.0.2.1")], key=shared_admin)
    return gateway


# ---- whom a URL may name ----

def ask_host(gateway, host, path="/status"):
    """Asks at http with this Host; None: without any.  The status."""
    with socket.create_connection((HOST, gateway.settings["http"]["port"]), 10) as client:
        header = f"Host: {host}\r\n" if host is not None else ""
        version = "1.1" if header else "1.0"
        client.sendall(f"GET {path} HTTP/{version}\r\n{header}Connection: close\r\n\r\n"
                       .encode())
        return int(client.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("host, status", [
    (None, 200), ("127.0.0.1", 200), ("127.0.0.1:8053", 200), ("[::1]:8053", 200),
    ("[2001:db8::1]", 200), ("localhost", 200), ("LOCALHOST:80", 200),
    (socket.gethostname(), 200), ("evil.example", 403), ("evil.example:8053", 403),
    ("localhost.evil.example", 403), ("127.0.0.1.evil.example", 403), ("[::1].evil", 403),
    ("a..b", 403), ("[", 403), ("x" * 300, 403)])
def test_no_foreign_name_leads_here(shared, host, status):
    """DNS rebinding: a page of evil.example, which leads to this address, reads nothing."""
    for path in "/", "/status", "/health", "/metrics":
        assert ask_host(shared, host, path) == status


def test_other_names_are_configured(gateways, admin):
    gateway = gateways.make(**controlled(keys=[admin]))
    gateway.settings["http"]["hosts"] = ["muster.example", "www.muster.example"]
    gateway.start()
    assert ask_host(gateway, "Muster.Example:443") == 200
    assert ask_host(gateway, "www.muster.example.") == 200
    assert ask_host(gateway, "other.muster.example") == 403


def test_without_keep_alive_nobody_waits_for_a_look(shared):
    """Many more connections than there is room for, each for one request or for none."""
    for number in range(10 * GUESTS_MAX):
        if number % 2:
            assert ask_host(shared, "localhost", "/health") == 200
        else:
            socket.create_connection((HOST, shared.settings["http"]["port"]), 10).close()


# ---- what is answered where ----

API = ["zones", "targets", "queue", "hosts", "leases", "audit", "keys", "why/%232"]


@pytest.mark.parametrize("path", ["/status", "/health"] + [f"/api/v1/{name}" for name in API])
def test_json(shared, path):
    status, headers, body = ask(shared, "GET", path)
    assert status == 200 and headers["Content-Type"] == "application/json"
    assert isinstance(json.loads(body), dict)


@pytest.mark.parametrize("path", ["/", "/status", "/health", "/metrics"])
def test_public(shared, path):
    for method in "GET", "HEAD":
        status, headers, body = ask_http(shared, method, path)
        assert status == 200 and headers["Cache-Control"] == "no-store"
        assert bool(body) == (method == "GET")
    assert shared.config_path not in body and "web.dyn" not in ask_http(
        shared, "GET", path)[2]


@pytest.mark.parametrize("method, path", [
    ("GET", "/api/v1/zones"), ("GET", "/api/v1/keys"), ("GET", "/api/v1/hosts"),
    ("POST", "/api/v1/reload"), ("POST", "/api/v1/zones/dyn.example/resume"),
    ("DELETE", "/api/v1/leases/x")])
def test_not_public(shared, method, path):
    status, _, body = ask_http(shared, method, path)
    assert status == 403 and "Unix socket" in json.loads(body)["error"]


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/nothing", 404), ("GET", "/api/v1", 404), ("GET", "/api/v1/zones/x", 404),
    ("GET", "/api/v1/hosts/x/y/z/w", 404), ("POST", "/status", 405), ("PUT", "/status", 405),
    ("GET", "/api/v1/reload", 405), ("POST", "/api/v1/hosts/x.dyn.example/frobnicate", 404),
    ("GET", "/api/v1/hosts?zone=a..b", 400), ("GET", "/api/v1/hosts?cursor=rubbish", 400),
    ("GET", "/api/v1/hosts?cursor=l%20x%20dyn.example.", 400),
    ("GET", "/api/v1/hosts?cursor=l%200%20gone.example.", 400),
    ("GET", "/api/v1/hosts?state=odd", 400), ("GET", "/api/v1/zones?cursor=x", 400),
    ("GET", "/api/v1/zones?cursor=99999999", 200), ("GET", "/api/v1/zones?cursor=-1", 400),
    ("GET", "/api/v1/zones?cursor=99999999999999999999", 400),
    ("GET", "/api/v1/audit?limit=x", 400), ("GET", "/api/v1/audit?zone=gone.example", 404),
    ("GET", "/api/v1/audit?since=9223372036854775807", 400),
    ("GET", "/api/v1/why/%00", 404), ("GET", "/api/v1/why/", 400),
    ("POST", "/api/v1/hosts//hold", 400), ("DELETE", "/api/v1/leases/%21", 400),
    ("POST", "/api/v1/explain", 400), ("GET", "/api/v1/%2e%2e/status", 404),
    ("GET", "/api/v1/hosts?nmae=x", 400), ("GET", "/api/v1/zones?zone=x", 400),
    ("GET", "/api/v1/hosts?zone=dyn.example&zone=x", 400), ("GET", "/status?x=1", 400),
    ("GET", "/api/v1/audit?events=maybe", 400), ("GET", "/api/v1/audit?events=1", 200),
    ("GET", "/api/v1/why/1?verbose=1", 400), ("POST", "/api/v1/reload?now=1", 400),
    ("GET", "/health?full", 400), ("GET", "/metrics?zone=x", 400), ("GET", "/?a=b", 400),
    ("GET", "/%73tatus", 200)])
def test_statuses(shared, method, path, status):
    got, _, body = ask(shared, method, path)
    assert got == status, body
    if status != 200:
        assert list(json.loads(body)) == ["error"]


@pytest.mark.parametrize("body", ["", "[]", "{", '{"key": 1}', '{"key": "a", "key": "b"}',
                                  '{"key": "a", "name": "b.dyn.example", "type": 5}',
                                  '{"key": "a", "name": "b.dyn.example", "type": "A", '
                                  '"ttl": -1}',
                                  '{"key": "a", "name": "b.dyn.example", "type": "A", '
                                  '"tll": 1}',
                                  '{"key": "a", "name": "b.dyn.example", "type": "A", '
                                  '"ttl": "60"}',
                                  '{"key": "a", "name": "b.dyn.example", "type": "A", '
                                  '"transport": "quic"}', "\0", "[" * 5000])
def test_bodies(shared, body):
    status, _, text = ask(shared, "POST", "/api/v1/explain", body)
    assert status == 400 and json.loads(text)["error"]


def test_the_page_needs_nothing_else(shared):
    body = ask_http(shared, "GET", "/")[2]
    assert body.startswith("<!doctype html>") and body.rstrip().endswith("</html>")
    assert not re.search(r"(src|href)=|https?://|innerHTML|document\.write|eval\(", body)
    policy = ask_http(shared, "GET", "/")[1]["Content-Security-Policy"]
    assert "default-src 'none'" in policy


def test_curl_as_in_the_manual_page(shared):
    curl = [find("curl"), "-sf", "--unix-socket", socket_path(shared)]
    assert json.loads(musterctl.run([*curl, "http://musterd/status"]).output)["version"]
    ran = musterctl.run([*curl, "-X", "POST",
                         "http://musterd/api/v1/hosts/web.dyn.example/hold"])
    assert json.loads(ran.output)["name"] == "web.dyn.example."


# ---- metrics ----

def test_metrics_count(mine, admin):
    before = read_metrics(mine)
    mine.update(add=[("web.dyn.example.", 60, "A", "192.0.2.1")], key=admin)
    mine.update(add=[("web.dyn.example.", 60, "A", "192.0.2.1")], key=admin)
    mine.nsupdate("update add web.dyn.example. 60 A 192.0.2.1",
                  SharedKey("admin.", secret="bm90IHRoZSBzZWNyZXQ="))
    assert mine.records("web.dyn.example.", "A")
    after = read_metrics(mine)

    def grown(name):
        return after[name] - before.get(name, 0)

    assert grown('muster_updates_total{rcode="NOERROR"}') == 2
    assert grown('muster_updates_total{rcode="NOTAUTH"}') >= 1
    assert grown('muster_tsig_errors_total{error="BADSIG"}') >= 1
    assert grown('muster_changes_total{zone="dyn.example."}') == 1
    assert grown('muster_heartbeats_total{zone="dyn.example."}') == 1
    assert grown("muster_queries_total") >= 1
    assert grown("muster_journal_commits_total") >= 1
    assert after["muster_zones"] == after["muster_zones_ready"] == 1
    assert after['muster_target_up{zone="dyn.example.",target="local"}'] == 1


def test_metrics_count_refusals_by_policy_too(gateways):
    key = SharedKey("host.dyn.example.")
    mine = gateways(**controlled(keys=[key], zones={"dyn.example.": {"allow": [
        {"keys": [key.name], "match": "self", "types": ["A"]}]}}))
    assert mine.update(add=[("other.dyn.example.", 60, "A", "192.0.2.1")],
                       key=key) == "REFUSED"
    mine.nsupdate("prereq yxdomain host.dyn.example.\n"
                  "update add host.dyn.example. 60 A 192.0.2.1", key)
    values = read_metrics(mine)
    assert values['muster_refused_total{zone="dyn.example."}'] == 2


def test_metrics_of_many_zones(gateways, admin):
    """All have series, beyond the 200 that are asked for at a time too."""
    names = [f"z{number}.example." for number in range(450)]
    mine = gateways(**controlled(keys=[admin], zones={name: {} for name in names}))
    wait_for(lambda: read_metrics(mine)["muster_zones_ready"] == 450, "all zones")
    values = read_metrics(mine)
    for name in names:
        assert values[f'muster_zone_ready{{zone="{name}"}}'] == 1
        assert values[f'muster_target_up{{zone="{name}",target="local"}}'] == 1
    assert values["muster_zones"] == 450 and values["muster_zones_without_series"] == 0


def test_seconds_have_thousandths(shared, shared_admin):
    text = "".join(ask(shared, "GET", f"/api/v1/{name}")[2]
                   for name in ("hosts", "leases", "targets", "zones", "queue"))
    text += ask(shared, "GET", "/status")[2]
    assert not re.search(r"\d\.\d{4}", text), text


def test_ready_tells_how_many_zones_are_loaded(gateways, admin):
    gateway = gateways(**controlled(keys=[admin], zones={
        "dyn.example.": {}, "far.example.": {"targets": [
            {"type": "ddns", "address": HOST, "port": free_port()}]}}))
    assert "is ready: 1 of 2 zones loaded, 1 key" in gateway.log()


def test_health(gateways, admin):
    gateway = gateways(**controlled(keys=[admin], zones={
        "dyn.example.": {}, "far.example.": {"targets": [
            {"type": "ddns", "address": HOST, "port": free_port()}]}}))
    status, _, body = ask_http(gateway, "GET", "/health")
    assert status == 503 and not json.loads(body)["healthy"]
    assert any("far.example." in reason for reason in json.loads(body)["reasons"])
    del gateway.zones["far.example."]
    gateway.reconfigure()
    wait_for(lambda: ask_http(gateway, "GET", "/health")[0] == 200, "health")


# ---- sockets ----

def test_the_socket_is_ours_alone(mine):
    status = os.stat(socket_path(mine))
    assert stat.S_ISSOCK(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o600
    mine.stop()
    assert not os.path.exists(socket_path(mine))


def test_a_stale_socket_is_replaced(mine):
    mine.kill()
    assert os.path.exists(socket_path(mine))
    mine.start()
    assert ask(mine, "GET", "/status")[0] == 200


def test_a_living_socket_is_left_alone(mine, gateways, admin):
    other = gateways.make(**controlled(keys=[admin]))
    other.settings["control"] = socket_path(mine)
    with pytest.raises(RuntimeError, match="another process listens there"):
        other.start()
    other.process = None
    assert ask(mine, "GET", "/status")[0] == 200


@pytest.mark.parametrize("what", ["file", "folder", "nowhere", "long"])
def test_a_socket_that_cannot_be(gateways, admin, what):
    gateway = gateways.make(**controlled(keys=[admin]))
    path = gateway.path("control.sock")
    if what == "file":
        gateway.write("control.sock", "precious")
    elif what == "folder":
        os.mkdir(path)
    elif what == "nowhere":
        gateway.settings["control"] = gateway.path("nowhere/control.sock")
    else:
        gateway.settings["control"] = "/tmp/" + 200 * "x"
    with pytest.raises(RuntimeError, match="error: control: "):
        gateway.start()
    gateway.process = None
    if what == "file":
        assert open(path).read() == "precious"


def test_http_comes_moves_and_goes(mine):
    old = mine.settings["http"]["port"]
    mine.settings["http"] = {"address": HOST, "port": free_port()}
    mine.reconfigure()
    wait_for(lambda: is_open(mine.settings["http"]["port"]), "the new address")
    wait_for(lambda: not is_open(old), "the end of the old one")
    assert ask_http(mine, "GET", "/health")[0] == 200
    port = mine.settings["http"]["port"]
    mine.settings["http"] = None
    mine.reconfigure()
    wait_for(lambda: not is_open(port), "the end of it")
    assert ask(mine, "GET", "/status")[0] == 200


def is_open(port):
    with socket.socket() as client:
        return client.connect_ex((HOST, port)) == 0


def test_without_either(gateways, admin):
    gateway = gateways(keys=[admin])
    assert gateway.update(add=[("web.dyn.example.", 60, "A", "192.0.2.1")],
                          key=admin) == "NOERROR"


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
def test_the_socket_belongs_to_the_user(gateways, admin):
    gateway = gateways.make(**controlled(keys=[admin], user="nobody"))
    folder = gateway.folder
    gateway.prepare()
    os.chmod(folder, 0o777)
    for name in os.listdir(folder):
        shutil.chown(os.path.join(folder, name), "nobody")
    shutil.chown(folder, "nobody")
    musterctl.open_folders(folder)
    if musterctl.run(["setpriv", "--reuid=65534", "--clear-groups", "test", "-w",
                      folder]).code != 0:
        pytest.skip("nobody cannot reach the folder")
    gateway.is_prepared = True
    gateway.start()
    assert os.stat(socket_path(gateway)).st_uid == 65534
    assert ask(gateway, "GET", "/status")[0] == 200
    gateway.stop()
    assert not os.path.exists(socket_path(gateway))


# ---- those who do harm ----

def connect_http(gateway):
    return socket.create_connection((HOST, gateway.settings["http"]["port"]), timeout=30)


def test_half_open_clients_do_not_keep_others_out(mine):
    """The socket's connections are its own; those of http are few, and do not last."""
    def descriptors():
        return len(os.listdir(f"/proc/{mine.process.pid}/fd"))

    slow, before = [], descriptors()
    for index in range(3 * GUESTS_MAX):
        client = connect_http(mine)
        client.sendall(b"GET /status HTTP/1.1\r\n" if index % 2 else b"")
        slow.append(client)
    assert ask(mine, "GET", "/status")[0] == 200, "the other door"
    assert descriptors() < before + 2 * GUESTS_MAX
    for client in slow[:GUESTS_MAX]:
        client.close()
    for client in slow[GUESTS_MAX:]:
        client.close()
    assert wait_for(lambda: ask_http(mine, "GET", "/health")[0] == 200, "a place")
    assert ask(mine, "GET", "/status")[0] == 200


def test_clients_that_leave_before_the_answer(mine):
    for _ in range(50):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(socket_path(mine))
        client.sendall(b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.close()
    assert wait_for(lambda: ask(mine, "GET", "/status")[0] == 200, "an answer")


@pytest.mark.parametrize("octets", [
    b"GET /" + 20000 * b"x" + b" HTTP/1.1\r\n\r\n",
    b"GET /status HTTP/1.1\r\nX: " + 20000 * b"y" + b"\r\n\r\n",
    b"POST /api/v1/explain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n",
    b"POST /api/v1/explain HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    + 20 * (b"4000\r\n" + 0x4000 * b"z" + b"\r\n"),
    b"\0\1\2\3\r\n\r\n", b"GET\r\n\r\n", b"FROB / HTTP/1.1\r\n\r\n",
    b"GET http://[ HTTP/1.1\r\n\r\n",
], ids=["path", "header", "length", "chunks", "octets", "line", "method", "uri"])
def test_huge_and_broken_requests(mine, octets):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(30)
    client.connect(socket_path(mine))
    try:
        client.sendall(octets)
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(65536)
        assert not answer or re.match(rb"HTTP/1.[01] [45]", answer), answer
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        client.close()
    assert ask(mine, "GET", "/status")[0] == 200


def test_pipelined_requests(mine):
    client = connect_http(mine)
    client.sendall(20 * b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    text = b""
    while text.count(b"HTTP/1.1 200") < 20:
        more = client.recv(65536)
        assert more, text
        text += more
    client.close()


def test_asking_while_it_stops(gateways, admin):
    for _ in range(3):
        gateway = gateways(**controlled(keys=[admin]))
        is_over = threading.Event()

        def look(gateway=gateway, is_over=is_over):
            while not is_over.is_set():
                ctl(gateway, "status")
                ctl(gateway, "reload")

        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_for(lambda gateway=gateway: "configuration reloaded" in gateway.log(), "a reload")
        try:
            gateway.stop()
        finally:
            is_over.set()
            for thread in threads:
                thread.join()


def test_reloads_from_both_sides(mine):
    for _ in range(10):
        mine.process.send_signal(signal.SIGHUP)
        assert ctl(mine, "reload").code == 0
    assert ask(mine, "GET", "/health")[0] == 200


def test_a_blocked_zone_thread_blocks_nobody_for_ever(mine):
    """A stopped process answers when it goes on."""
    mine.pause()
    process = subprocess.Popen(musterctl.command(mine, "status"), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    mine.resume()
    assert "1 ready" in process.communicate(timeout=60)[0]


# ---- reads of the database ----

SHM_READ_LOCKS = (123, 5)  # SQLite's walformat: a reader needs one of these octets' locks


@contextlib.contextmanager
def held_database(gateway):
    """Nobody can begin to read the database."""
    with open(gateway.database + "-shm", "r+b") as index:
        def is_locked():
            try:
                fcntl.lockf(index, fcntl.LOCK_EX | fcntl.LOCK_NB, SHM_READ_LOCKS[1],
                            SHM_READ_LOCKS[0])
            except BlockingIOError:
                return False
            return True

        assert wait_for(is_locked, "the locks")
        yield


def begin_to_ask(gateway, path):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(30)
    client.connect(socket_path(gateway))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client


def is_answered(client):
    return bool(select.select([client], [], [], 0)[0])


@pytest.mark.parametrize("path", [
    "/api/v1/audit", "/api/v1/audit?zone=dyn.example", "/api/v1/why/%231",
    "/api/v1/hosts?state=expired"])
def test_a_slow_read_holds_up_nobody_else(mine, path):
    assert ask(mine, "GET", path)[0] in (200, 404)
    with held_database(mine):
        slow = begin_to_ask(mine, path)
        for _ in range(3):
            for other in "/health", "/status", "/api/v1/keys", "/api/v1/hosts?state=active":
                assert ask(mine, "GET", other)[0] == 200
            assert ask_http(mine, "GET", "/metrics")[0] == 200
        assert not is_answered(slow)
    assert re.match(rb"HTTP/1.1 (200|404)", slow.recv(65536))
    slow.close()


def test_reads_of_whoever_has_left_are_given_up(mine):
    """Clients fill the socket and leave, again and again: nobody after them has to wait
    for their reads."""
    with held_database(mine):
        first = begin_to_ask(mine, "/api/v1/audit")
        for _ in range(GUESTS_MAX - 2):
            begin_to_ask(mine, "/api/v1/audit").close()
        last = begin_to_ask(mine, "/api/v1/audit")
        assert ask_http(mine, "GET", "/health")[0] == 200
        assert not is_answered(first) and not is_answered(last)
    for client in first, last:
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        client.close()


def test_looking_at_a_zone_writes_nothing(mine):
    """Asking for a zone without a number does not give it one."""
    zones = "SELECT count(*) AS zones FROM zones"
    with contextlib.closing(sqlite3.connect(mine.database, timeout=10)) as database:
        database.execute("DELETE FROM zones")
        database.commit()
    for path in "/api/v1/audit?zone=dyn.example", "/api/v1/hosts?zone=dyn.example":
        status, _, answer = ask(mine, "GET", path)
        assert status == 200
        assert json.loads(answer).get("rows", []) == []
    assert mine.rows(zones) == [{"zones": 0}]
