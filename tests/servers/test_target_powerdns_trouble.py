"""The powerdns target against real servers: others who write, servers that fail, and what
queries see."""

import random
import sqlite3

import pytest

from powerdns_driver import (  # noqa: F401
    API_KEY, MARKS, ZONE, Between, Driver, same_zone, server, set_kind,
    sqlite, target)
from servers import PowerDNS, wait_for
from target_driver import delivered, loaded

pytestmark = MARKS


# ---- others write, too ----

@pytest.mark.parametrize("soa_edit_api", ["INCREASE", "DEFAULT"])
def test_somebody_writes_between_our_look_and_our_patch(server, soa_edit_api):
    set_kind(server, soa_edit_api)
    server.patch(ZONE, ("first." + ZONE, "A", 60, ["192.0.2.76"]))
    with Between(server.url) as between, Driver(between.url) as target:
        loaded(target)
        between.before["PATCH"] = lambda: server.patch(
            ZONE, ("theirs." + ZONE, "A", 60, ["192.0.2.77"]))
        target.set("ours", "A", 60, "192.0.2.78")
        result = delivered(target)
        assert result.serial is None
        assert server.records("ours." + ZONE, "A") == {"192.0.2.78"}
        assert target.probe().serial is None
        target.set("ours", "A", 60, "192.0.2.79")
        assert target.deliver().outcome == "CHANGED"
        assert between.count("PATCH") == 1
        target.command("undo")
        loaded(target)
        assert same_zone(server, target)
        assert server.records("theirs." + ZONE, "A") == {"192.0.2.77"}


@pytest.mark.parametrize("soa_edit_api", ["INCREASE", "DEFAULT"])
def test_somebody_writes_between_two_batches(server, target, soa_edit_api):
    """Right after our own write nobody looks first, and then the answer tells."""
    set_kind(server, soa_edit_api)
    loaded(target)
    for last in range(5):
        target.set("ours", "A", 60, f"192.0.2.{10 + last}")
        delivered(target)
        server.patch(ZONE, ("theirs." + ZONE, "A", 60, [f"192.0.2.{20 + last}"]))
        target.set("more", "A", 60, f"192.0.2.{30 + last}")
        result = target.deliver()
        if result.outcome == "DONE":
            assert result.serial is None
            target.set("more", "A", 60, f"192.0.2.{40 + last}")
            result = target.deliver()
        assert result.outcome == "CHANGED"
        target.command("undo")
        loaded(target)
        assert same_zone(server, target)


def test_the_serial_that_a_newer_server_has_found_tells(sqlite):
    with Between(sqlite.url) as between, Driver(between.url) as target:
        between.old_serial = str(loaded(target).serial)
        target.set("host1", "A", 60, "192.0.2.50")
        assert delivered(target).serial == sqlite.serial()
        target.set("host1", "A", 60, "192.0.2.51")
        assert delivered(target).serial is None  # its answer has another one
        target.set("host1", "A", 60, "192.0.2.52")
        assert target.deliver().outcome == "CHANGED"


@pytest.mark.parametrize("soa_edit_api", ["", "DEFAULT", "EPOCH"])
def test_batches_after_one_another_need_one_request(server, soa_edit_api):
    set_kind(server, soa_edit_api)
    with Between(server.url) as between, Driver(between.url) as target:
        loaded(target)

        def is_one_request():
            target.settle()
            between.requests.clear()
            target.set("host1", "A", 60, f"192.0.2.{random.randrange(1, 250)}")
            delivered(target)
            # Where the answer does not tell whether others wrote, a look comes afterwards.
            return between.requests[0].startswith("PATCH ")

        target.set("host1", "A", 60, "192.0.2.250")
        delivered(target)
        wait_for(is_one_request, "a batch that nobody had to look for")


def test_after_changed_a_delivery_goes_on_from_what_is_there(server, target):
    """As the zone thread does with targets that are not the primary one."""
    loaded(target)
    server.patch(ZONE, ("theirs." + ZONE, "A", 60, ["192.0.2.77"]))
    target.set("ours", "A", 60, "192.0.2.78")
    assert target.deliver().outcome == "CHANGED"
    assert delivered(target).serial == server.serial()
    assert server.records("theirs." + ZONE, "A") == {"192.0.2.77"}
    assert server.records("ours." + ZONE, "A") == {"192.0.2.78"}


# ---- failures and retries ----

@pytest.mark.parametrize("soa_edit_api", ["", "INCREASE", "DEFAULT"])
def test_an_answer_that_is_lost_is_found_out_about(server, soa_edit_api):
    set_kind(server, soa_edit_api)
    with Between(server.url) as between, Driver(between.url) as target:
        loaded(target)
        between.lose.add("PATCH")
        target.set("host1", "A", 60, "192.0.2.50")
        assert target.deliver().outcome == "FAILED"
        assert server.records("host1." + ZONE, "A") == {"192.0.2.50"}
        result = delivered(target, retry=True)
        assert result.serial == server.serial()
        assert target.load(difference=True).outcome == "DONE"
        assert same_zone(server, target)


def test_a_lost_answer_with_a_clients_serial_keeps_the_serial(server):
    set_kind(server, "INCREASE")
    with Between(server.url) as between, Driver(between.url) as target:
        loaded(target)
        between.lose.add("PATCH")
        target.set("@", "SOA", 300, f"ns1.{ZONE} root.{ZONE} 4000 1 2 3 4")
        assert target.deliver().outcome == "FAILED"
        assert delivered(target, retry=True).serial == 4000 == server.serial()


def test_a_retry_notices_others(server):
    set_kind(server, "INCREASE")
    with Between(server.url) as between, Driver(between.url) as target:
        loaded(target)
        between.lose.add("PATCH")
        target.set("host1", "A", 60, "192.0.2.50")
        assert target.deliver().outcome == "FAILED"
        server.patch(ZONE, ("theirs." + ZONE, "A", 60, ["192.0.2.77"]))
        assert target.deliver(retry=True).outcome == "CHANGED"
        assert between.count("PATCH") == 1


def test_without_retry_an_unknown_serial_is_not_taken_for_ours(server):
    set_kind(server, "INCREASE")
    with Between(server.url) as between, Driver(between.url) as target:
        loaded(target)
        between.lose.add("PATCH")
        target.set("host1", "A", 60, "192.0.2.50")
        assert target.deliver().outcome == "FAILED"
        assert target.deliver().outcome == "CHANGED"


def test_the_read_back_fails_after_the_patch(server):
    set_kind(server, "INCREASE", "INCREMENT-WEEKS")
    with Between(server.url) as between, Driver(between.url) as target:
        loaded(target)
        target.set("host1", "A", 60, "192.0.2.50")
        between.before["PATCH"] = lambda: between.lose.add("GET")
        assert delivered(target).serial is None
        target.set("host1", "A", 60, "192.0.2.51")
        assert target.deliver().outcome == "CHANGED"


def test_server_is_killed_and_comes_back(server):
    with Driver(server.url, timeout_ms=3000) as target:
        loaded(target)
        server.pause()
        target.set("host1", "A", 60, "192.0.2.50")
        result = target.deliver()
        assert (result.outcome, result.rcode) == ("FAILED", "SERVFAIL")
        assert target.load().outcome == "FAILED"
        server.kill()
        assert target.deliver(retry=True).outcome == "FAILED"
        assert target.probe().outcome == "FAILED"
        server.start()
        delivered(target, retry=True)
        assert server.records("host1." + ZONE, "A") == {"192.0.2.50"}
        assert same_zone(server, target)


def test_server_is_killed_while_it_patches(server):
    with Between(server.url) as between, Driver(between.url) as target:
        loaded(target)
        between.before["PATCH"] = server.kill
        target.set("host1", "A", 60, "192.0.2.50")
        assert target.deliver().outcome == "FAILED"
        server.start()
        delivered(target, retry=True)
        assert server.records("host1." + ZONE, "A") == {"192.0.2.50"}


def test_locked_database_is_tried_again(sqlite):
    with Driver(sqlite.url, timeout_ms=5000) as target:  # PowerDNS waits for a minute
        loaded(target)
        database = sqlite3.connect(sqlite.path("pdns.sqlite3"), isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        target.set("host1", "A", 60, "192.0.2.50")
        assert target.deliver().outcome == "FAILED"
        database.execute("ROLLBACK")
        database.close()
        delivered(target, retry=True)
        assert sqlite.records("host1." + ZONE, "A") == {"192.0.2.50"}


@pytest.mark.parametrize("answer", [
    b"",
    b"garbage\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"name\"",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 20000 + b"\r\n\r\n{}",
    b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 500 Oops\r\nContent-Length: 8\r\n\r\n\x1b[1mhey\n",
    b'HTTP/1.1 422 No\r\nContent-Length: 19\r\n\r\n{"error": "\\u001b"}',
    b"HTTP/1.1 204 No Content\r\n\r\n",
])
def test_strange_answers_fail(sqlite, answer):
    with Between(sqlite.url) as between, Driver(between.url) as target:
        between.canned = answer
        for ask in target.load, target.probe:
            result = ask()
            assert (result.outcome, result.rcode) == ("FAILED", "SERVFAIL"), result
            assert result.why.isprintable()
            assert API_KEY not in result.line
        between.canned = None
        loaded(target)
        between.canned = answer
        target.set("host1", "A", 60, "192.0.2.50")
        assert target.deliver().outcome == "FAILED"
        between.canned = None
        delivered(target)


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "502 Bad Gateway"])
def test_a_web_page_is_not_powerdns(sqlite, status):
    page = "<!DOCTYPE html>\n<html>A proxy</html>\n"
    with Between(sqlite.url) as between, Driver(between.url) as target:
        between.canned = (f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\n"
                          f"Content-Length: {len(page)}\r\n\r\n{page}").encode()
        for ask in target.load, target.probe:
            result = ask()
            assert result.outcome == "FAILED"
            assert f"HTTP {status[:3]} with a web page: a proxy answers" in result.why


@pytest.mark.parametrize("what", ["load", "probe", "deliver"])
def test_abandoned_operations_leave_nothing_behind(server, target, what):
    loaded(target)
    target.set("host1", "A", 60, "192.0.2.50")
    target.command(f"abandon {what}")
    loaded(target)


# ---- what queries see ----

def test_read_your_writes_with_caches(tmp_path):
    with PowerDNS(tmp_path / "pdns", caches=True, api_key=API_KEY) as server, \
            Driver(server.url) as target:
        set_kind(server, "DEFAULT")
        loaded(target)
        for last in range(20):
            owner = f"h{last % 3}"
            server.records(owner + "." + ZONE, "A")
            server.records(owner + "." + ZONE, "AAAA")
            target.set(owner, "A", 60, f"192.0.2.{last}")
            serial = delivered(target).serial
            assert server.records(owner + "." + ZONE, "A") == {f"192.0.2.{last}"}
            assert server.serial() == serial
