"""What befalls a target while clients work: it is killed, stands still, breaks connections,
answers its API with errors, or runs out of disk.  Afterwards it has every acknowledged update,
and no update in part; or the gateway says what it set aside.  Each record has its lease, and no
lease is without its record.

TROUBLE_ROUNDS in the environment: how often each test makes its trouble, once unless it says
otherwise.  TROUBLE_SEED: where the random moments begin; each test prints it.
"""

import contextlib
import os
import random
import re
import subprocess
import threading

import pytest

from front import NAME, Wire, is_installed, make_server
from leased import Leased
from musterctl import controlled, ctl, ctl_json
from servers import PowerDNS, wait_for
from test_kill import Load

ROUNDS = int(os.environ.get("TROUBLE_ROUNDS", "1"))
SEED = int(os.environ.get("TROUBLE_SEED", "0")) or random.randrange(1 << 30)
KINDS = ["bind", "knot", "pdns-sqlite", "pdns-lmdb"]
APIS = ["pdns-sqlite", "pdns-lmdb"]
# Shorter than a server stands still, longer than it takes on a busy machine.
TARGET_TIMEOUT = "2s"
ACK_TIMEOUT = "1s"
DISK = "24m"  # the least in which all of them start
HAVE_ROOM = {"knot", "pdns-lmdb"}  # the files of LMDB, when the disk has none
ANSWERS_WHILE_FULL = 1000


class RudeWire(Wire):
    """Answers the API itself when it is told to."""

    def __init__(self, port):
        self.status = None       # the answer to every request, instead of the server's
        self.is_passed_on = False  # although the server has got it
        self.refused = 0
        super().__init__(port)

    def _pass_on(self, source, sink, is_counted):
        status = self.status
        if status and is_counted:
            with contextlib.suppress(OSError):
                self._answer(status, source, sink)
        super()._pass_on(source, sink, is_counted)

    def _answer(self, status, client, server):
        request = b""
        while b"\r\n\r\n" not in request:
            request += _receive(client)
        head, _, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        while length and len(body) < int(length.group(1)):
            body += _receive(client)
        if self.is_passed_on:
            server.sendall(head + b"\r\n\r\n" + body)
            _receive(server)
        self.refused += 1
        text = b'{"error": "a test refuses it"}'
        client.sendall(b"HTTP/1.1 %d No\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\nConnection: close\r\n\r\n%s"
                       % (status, len(text), text))


def _receive(end):
    octets = end.recv(65536)
    if not octets:
        raise OSError("closed")
    return octets


@pytest.fixture
def draw():
    print(f"TROUBLE_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture
def make(tmp_path, gateways, admin):
    """make(kind): a running front with this server behind a RudeWire, and its load."""
    with contextlib.ExitStack() as stack:
        def begin(kind, folder=None, refusals=("SERVFAIL",)):
            if not is_installed(kind):
                pytest.skip(f"{kind} is not installed")
            server = make_server(kind, folder or tmp_path / kind)
            server.log_path = str(tmp_path / f"{kind}.log")  # not on a small disk
            port = server.api_port if isinstance(server, PowerDNS) else server.port
            wire = stack.enter_context(RudeWire(port))
            front = Leased(gateways, admin, [server], wires=[wire],
                           lease={"default": "1h"}, zone={"ack_timeout": ACK_TIMEOUT},
                           targets={"timeout": TARGET_TIMEOUT}, **controlled())
            stack.callback(front.stop)
            front.start()
            return front, wire, Load(front, refusals)

        yield begin


def retry(front):
    """An administrator does not wait for the end of a pause."""
    assert ctl(front.gateway, "retry", NAME).code in (0, 1)  # 1: it does not pause


def failures(front):
    return sum(row["failures"] for row in ctl_json(front.gateway, "queue")["targets"])


def work_through(load, draw, trouble, end):
    """trouble() and end() at random moments."""
    load.start()
    for _ in range(ROUNDS):
        load.wait_for_more(draw.randrange(20, 300))
        trouble()
        load.wait_for_more(draw.randrange(20, 300))
        end()
        retry(load.front)
    load.wait_for_more(draw.randrange(1, 100))
    load.stop()
    retry(load.front)


def unleased(load):
    """Records of the hosts without a lease, and leases without a record."""
    hosts = {host.name for host in load.hosts}
    records = {(line[0].removesuffix(f".{NAME}"), line[2], line[3]) for line in (
        line.split(" ", 3) for line in load.front.content(load.front.gateway))}
    return {record for record in records if record[0] in hosts} ^ set(load.front.leases())


def assert_leased(load):
    try:
        wait_for(lambda: not unleased(load), "leases")
    except Exception:
        raise AssertionError(f"records or leases alone: {unleased(load)}") from None


def assert_whole(load):
    load.assert_kept()
    load.front.assert_same()
    assert not load.front.set_aside()
    assert_leased(load)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_killed(make, draw, kind):
    front, _, load = make(kind)
    work_through(load, draw, front.primary.kill, front.primary.start)
    assert_whole(load)


@pytest.mark.parametrize("kind", KINDS)
def test_it_stands_still(make, draw, kind):
    front, _, load = make(kind)
    work_through(load, draw, front.primary.pause, front.primary.resume)
    assert_whole(load)


@pytest.mark.parametrize("kind", KINDS)
def test_connections_break(make, draw, kind):
    _, wire, load = make(kind)
    work_through(load, draw, wire.break_all, wire.break_all)
    assert_whole(load)


@pytest.mark.parametrize("is_passed_on", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("status", [401, 500])
@pytest.mark.parametrize("kind", APIS)
def test_the_api_has_errors(make, draw, kind, status, is_passed_on):
    _, wire, load = make(kind)
    wire.is_passed_on = is_passed_on

    def begin():
        wire.status = status
        before = wire.refused
        wait_for(lambda: wire.refused > before, "a request that is refused")

    def end():
        wire.status = None

    work_through(load, draw, begin, end)
    assert_whole(load)


def is_accounted_for(front, fault):
    """Has the name of the fault a change that was set aside?"""
    name = fault.split()[0]
    asides = {row["seq"] for row in front.set_aside()}
    rows = front.gateway.rows("SELECT seq FROM journal WHERE instr(changes, ?)",
                              bytes([len(name)]) + name.encode())
    return bool(asides & {row["seq"] for row in rows})


@pytest.mark.parametrize("kind", APIS)
def test_the_api_refuses_for_good(make, draw, kind):
    """422: whoever waits is told; what nobody waits for any more is set aside."""
    front, wire, load = make(kind, refusals=("SERVFAIL", "REFUSED"))
    for _ in range(ROUNDS):
        load.start()
        load.wait_for_more(draw.randrange(20, 300))
        wire.status = 422
        before = wire.refused
        wait_for(lambda: wire.refused > before + draw.randrange(3), "refusals")
        wire.status = None
        load.wait_for_more(draw.randrange(1, 100))
        load.stop()
    wait_for(front.is_delivered, "everything to be delivered")
    front.assert_same()
    assert_leased(load)
    assert all(is_accounted_for(front, fault) for fault in load.faults(front.primary))


# ---- full disk ----

@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "muster-test", folder],
                      check=False, capture_output=True).returncode:
        pytest.skip("not allowed to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=False)


@pytest.mark.parametrize("kind", KINDS)
def test_its_disk_is_full(make, draw, small_disk, kind):
    front, _, load = make(kind, folder=small_disk)
    filler = small_disk / "filler"
    failed = []

    def fill():
        before, goal = failures(front), load.answer_count + ANSWERS_WHILE_FULL
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        wait_for(lambda: failures(front) > before or load.answer_count >= goal,
                 "the server to fail, or to get on", 60)
        failed.append(failures(front) > before)

    def make_room():
        filler.unlink()
        if front.primary.process.poll() is not None:  # it did not survive that
            front.primary.process = None
            front.primary.start()

    work_through(load, draw, fill, make_room)
    assert_whole(load)
    assert any(failed) or kind in HAVE_ROOM
