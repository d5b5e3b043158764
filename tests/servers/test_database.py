"""The gateway's database in trouble: its files removed or replaced while they are in use, put
back to an older state, no room on the disk; and that health says what is wrong.

No room is a limit of file size: what would grow beyond it fails, as on a full disk.
"""

import glob
import json
import os
import re
import resource
import shutil

import pytest

from front import Front, is_installed, make_server
from gateway import Gateway
from musterctl import ask_http, controlled, ctl, read_metrics
from servers import wait_for

ROOM = 32768  # octets: SQLite's index of its log, and what is stored in so small a log


def put(number):
    return [(f"h{number}", 60, "A", f"192.0.2.{number}")]


def there(front):
    """The numbers of the hosts that the gateway has."""
    found = (re.match(r"h(\d+)\.dyn\.example\. ", line)
             for line in front.content(front.gateway))
    return {int(match[1]) for match in found if match}


def ask_health(front):
    status, _, body = ask_http(front.gateway, "GET", "/health")
    answer = json.loads(body)
    assert (status == 200) == answer["healthy"] == (answer["state"] != "unhealthy")
    return answer


def health(front):
    """What /health and /status say alike, at a moment in which nothing changes."""
    def ask_both():
        answer = ask_health(front)
        overview = json.loads(ask_http(front.gateway, "GET", "/status")[2])
        return answer == ask_health(front) and (answer, overview)

    answer, overview = wait_for(ask_both, "health to stay as it is for a moment")
    assert overview["health"] == answer["state"]
    assert overview["warnings"] == answer["reasons"]
    return answer["state"], " ".join(answer["reasons"])


def is_database_up(front):
    return read_metrics(front.gateway)["muster_database_up"]


@pytest.fixture
def front(gateways, admin):
    with Front(gateways, admin, [], **controlled()) as made:
        yield made


# ---- files ----

@pytest.mark.parametrize("which", ["muster.db*", "muster.db", "muster.db-wal", "muster.db-shm"])
def test_files_that_are_removed_are_written_anew(front, which):
    assert front.update(add=put(1)) == "NOERROR"
    for path in glob.glob(front.gateway.path(which)):
        os.unlink(path)
    assert front.update(add=put(2)) == "NOERROR"
    assert "removed while in use" in front.gateway.log()
    assert "nothing is lost" in front.gateway.log()
    assert len(front.gateway.audit()) == 2 and ctl(front.gateway, "audit").code == 0
    front.gateway.kill()
    front.start_gateway()
    assert there(front) == {1, 2}


def test_they_are_also_missed_when_nothing_is_written(front):
    assert front.update(add=put(1)) == "NOERROR"
    os.unlink(front.gateway.database)
    wait_for(lambda: os.path.exists(front.gateway.database), "the database")
    front.gateway.kill()
    front.start_gateway()
    assert there(front) == {1}


def test_another_file_in_the_place_of_the_database_is_not_touched(front):
    assert front.update(add=put(1)) == "NOERROR"
    backup = front.gateway.path("backup")
    shutil.copy(front.gateway.database, backup)
    octets = open(backup, "rb").read()
    os.rename(backup, front.gateway.database)
    reply = front.send(front.message(add=put(2)))
    assert reply.rcode == "SERVFAIL" and "another file" in reply.ede[1]
    assert open(front.gateway.database, "rb").read() == octets
    assert health(front)[0] == "unhealthy" and not is_database_up(front)
    assert there(front) == {1}


def copy_database(gateway, where):
    os.makedirs(where)
    for path in glob.glob(gateway.path("muster.db*")):
        shutil.copy2(path, where)


def put_back(gateway, where):
    for path in glob.glob(gateway.path("muster.db*")):
        os.unlink(path)
    for path in glob.glob(os.path.join(where, "*")):
        shutil.copy2(path, gateway.folder)


def test_an_older_database_is_known_for_that(front, tmp_path):
    assert front.update(add=put(1)) == "NOERROR"
    front.gateway.stop()
    assert "acknowledged" not in front.gateway.log()
    copy_database(front.gateway, tmp_path / "backup")
    front.start_gateway()
    assert front.update(add=put(2)) == "NOERROR"
    front.gateway.stop()
    put_back(front.gateway, tmp_path / "backup")
    front.start_gateway()
    assert re.search(r"older than what was acknowledged \(up to change \d+, ",
                     front.gateway.log())
    assert health(front)[0] == "degraded"
    assert front.update(add=put(3)) == "NOERROR"
    front.gateway.restart()
    front.wait_loaded()
    assert there(front) == {1, 3} and health(front) == ("healthy", "")
    front.gateway.stop()
    put_back(front.gateway, tmp_path / "nothing")
    front.start_gateway()
    assert "it is empty, although changes were acknowledged" in front.gateway.log()


@pytest.mark.skipif(not is_installed("bind"), reason="no named")
def test_an_older_database_does_not_bring_back_what_was_deleted(gateways, admin, tmp_path):
    with Front(gateways, admin, [make_server("bind", tmp_path / "bind")],
               **controlled()) as front:
        assert health(front) == ("healthy", "")
        front.primary.kill()
        assert front.update(add=put(1)) == front.update(add=put(2)) == "NOERROR"
        state, reasons = health(front)
        assert state == "unhealthy" and "fails" in reasons
        front.gateway.kill()
        copy_database(front.gateway, tmp_path / "backup")
        front.primary.start()
        front.start_gateway()
        wait_for(lambda: front.seen("h1") and front.seen("h2"), "both to be delivered")
        assert front.update(delete=[("h1",)]) == "NOERROR"
        front.gateway.stop()
        put_back(front.gateway, tmp_path / "backup")
        front.start_gateway()
        assert front.update(add=put(3)) == "NOERROR"
        wait_for(lambda: front.seen("h3"), "a new change")
        assert not front.seen("h1") and front.seen("h2")
        assert there(front) == {2, 3}
        assert "2 changes that the older database has for it" in front.gateway.log()
        assert health(front)[0] == "degraded"


# ---- no room ----

def give_room(gateway, octets):
    _, most = resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (octets, most))


def expect_no_room(front):
    """Updates are refused, and everything says so; what needs no room goes on."""
    reply = front.send(front.message(add=put(9)))
    assert reply.rcode == "SERVFAIL" and "could not be stored" in reply.ede[1]
    state, reasons = health(front)
    assert state == "unhealthy" and "database fails" in reasons
    assert not is_database_up(front)
    assert "unhealthy" in ctl(front.gateway, "status").output
    assert there(front) - {8} == {1} and front.update(add=put(1)) == "NOERROR"


def expect_room(front):
    """It recovers even if nobody sends anything."""
    wait_for(lambda: health(front) == ("healthy", ""), "the database to work again")
    assert is_database_up(front) and "the database works again" in front.gateway.log()
    assert front.update(add=put(2)) == "NOERROR"
    front.gateway.kill()
    front.start_gateway()
    assert there(front) - {8} == {1, 2}


def test_no_room(front):
    assert front.update(add=put(1)) == "NOERROR"
    give_room(front.gateway, 0)
    expect_no_room(front)
    give_room(front.gateway, resource.RLIM_INFINITY)
    expect_room(front)


class Cramped(Gateway):
    """Starts without room."""

    def command(self):
        return ["prlimit", f"--fsize={ROOM}:unlimited", *super().command()]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_no_room_from_the_start(front, end):
    assert front.update(add=put(1)) == "NOERROR"
    getattr(front.gateway, end)()
    front.gateway.__class__ = Cramped
    front.start_gateway()
    wait_for(lambda: "SERVFAIL" in (front.update(add=put(8)),
                                    front.update(delete=[("h8",)])), "no room")
    expect_no_room(front)
    front.gateway.__class__ = Gateway
    give_room(front.gateway, resource.RLIM_INFINITY)
    expect_room(front)
