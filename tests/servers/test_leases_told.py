"""Who is told when a host goes stale, comes back or expires: the log, the audit, and what
on_stale and on_expire name."""

import http.server
import json
import os
import threading
import time

import pytest

from front import NAME, full
from leased import SHORT, Leased
from servers import HOST, wait_for

PROGRAM = """\
#!/bin/sh
{ printf '%s\\n' "$0" "$#" "$@"; env | sort; ls -l /proc/self/fd | wc -l; } > "FOLDER/told.$$"
mv "FOLDER/told.$$" "FOLDER/$1.$3"
"""


@pytest.fixture
def program(tmp_path):
    """A program that writes down what it is told, in a folder that it is the path of."""
    path = tmp_path / "tell"
    path.write_text(PROGRAM.replace("FOLDER", str(tmp_path)))
    os.chmod(path, 0o755)
    return path


class Listener(http.server.ThreadingHTTPServer):
    """Remembers what was posted to it, and answers with a status."""

    daemon_threads = True

    def __init__(self, status=204):
        self.posts = []
        self.status = status
        super().__init__((HOST, 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://{HOST}:{self.server_port}/hook?x=1"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # pylint: disable=invalid-name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.posts.append(
                (self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *_):
            pass


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    listener.shutdown()
    listener.server_close()


def told(program, event, host):
    """The lines that it wrote, once it has."""
    path = program.parent / f"{event}.{full(host)}"
    wait_for(path.exists, f"{program} to be told of {event} {host}")
    return path.read_text().splitlines()


def front_with(gateways, admin, **zone):
    return Leased(gateways, admin, lease=SHORT, zone=zone)


def test_stale_back_expired(gateways, admin):
    with front_with(gateways, admin, expiry={"grace": "3s"}) as front:
        front.put(1, lease=2)
        wait_for(lambda: ("stale", full("h1")) in front.events(), "it to go stale")
        front.put(1, lease=2)
        front.wait_gone("h1")
        wait_for(lambda: len(front.events()) == 4, "all events")
        assert front.events() == [(event, full("h1"))
                                  for event in ("stale", "active", "stale", "expired")]
        log = front.gateway.log()
        for text in ("h1.dyn.example. is stale, it missed its heartbeat: last seen 2",
                     "h1.dyn.example. is back,",
                     "h1.dyn.example. has expired, its lease ended: last seen 2"):
            assert text in log
        assert f"by key admin. from {HOST}" in log
        row = front.gateway.journal("event = 'expired'")[0]
        assert row["reason"].startswith("its lease ended: last seen 2")
        assert (row["key"], row["source"]) == ("admin.", HOST), "who was last heard of"
        assert (row["request"], row["changes"]) == (None, None)


def test_who_was_last_seen_outlives_a_restart(gateways, admin):
    """When a host goes stale, and when it comes back, its leases are told."""
    with front_with(gateways, admin, expiry={"grace": "1h"}) as front:
        front.put(1, lease=3)
        begun = front.lease_rows()
        wait_for(lambda: int(time.time()) > begun[0]["seen_s"], "another second")
        front.put(1, lease=3)
        assert front.lease_rows() == begun
        wait_for(lambda: ("stale", full("h1")) in front.events(), "it to go stale")
        stale = front.lease_rows()
        assert stale[0]["seen_s"] > begun[0]["seen_s"]
        front.put(1, lease=3)
        wait_for(lambda: ("active", full("h1")) in front.events(), "it to be back")
        stored = front.lease_rows()
        assert stored[0]["seen_s"] > stale[0]["seen_s"]
        front.gateway.restart()
        assert front.lease_rows() == stored


def test_log_lines_are_bounded(gateways, admin):
    with front_with(gateways, admin, expiry={"brake_count": 0}) as front:
        front.put(*range(1, 121))
        wait_for(lambda: not front.lease_hosts(), "all to expire")
        front.wait_gone(*(f"h{n}" for n in (1, 120)))
        wait_for(lambda: len(front.events("expired")) == 120, "120 rows")
        front.put(200)
        front.wait_gone("h200")
        wait_for(lambda: "h200.dyn.example. has expired" in front.gateway.log(), "the line")
        lines = [line for line in front.gateway.log().splitlines() if " is stale, " in line
                 or " has expired, " in line]
        assert len(lines) < 240
        assert any("more like it left out" in line for line in lines)


def test_a_program(gateways, admin, program):
    with front_with(gateways, admin, on_stale=str(program), on_expire=str(program)) as front:
        front.change([("h1", 60, "A", "192.0.2.1"), ("h1", 60, "AAAA", "2001:db8::1")])
        for event in ("stale", "expired"):
            lines = told(program, event, "h1")
            assert lines[:5] == [str(program), "3", event, NAME, full("h1")]
            told_by = dict(line.split("=", 1) for line in lines[5:-1])
            assert told_by["MUSTER_EVENT"] == event
            assert told_by["MUSTER_ZONE"] == NAME
            assert told_by["MUSTER_HOST"] == full("h1")
            assert told_by["MUSTER_KEY"] == "admin."
            assert told_by["MUSTER_SOURCE"] == HOST
            assert told_by["MUSTER_LAST_SEEN"].startswith("2")
            assert set(told_by["MUSTER_RECORDS"].split(",")) == \
                {"A 192.0.2.1", "AAAA 2001:db8::1"}
            assert set(told_by) <= {"PATH", "PWD", "_", "SHLVL", "OLDPWD"} | \
                {name for name in told_by if name.startswith("MUSTER_")}
            # Of the gateway's files it has none: three streams, and ls' own folder.
            assert int(lines[-1]) <= 1 + 4 + 1


def test_a_url(gateways, admin, listener):
    with front_with(gateways, admin, on_stale=listener.url, on_expire=listener.url) as front:
        front.put(1)
        wait_for(lambda: len(listener.posts) == 2, "two posts")
        for event, (path, kind, body) in zip(("stale", "expired"), listener.posts):
            assert (path, kind) == ("/hook?x=1", "application/json")
            seen = body.pop("last_seen")
            assert seen.startswith("2") and seen.endswith("Z")
            assert body == {"event": event, "zone": NAME, "host": full("h1"), "key": "admin.",
                            "source": HOST, "records": ["A 192.0.2.1"]}


@pytest.mark.parametrize("what, said", [
    ("missing", "No such file or directory"),
    ("failing", "exit status 3"),
    ("refused", "Connection refused|Failed to connect|Couldn't connect"),
    ("broken", "it answered 500"),
])
def test_failures_are_logged_and_nothing_else(gateways, admin, tmp_path, listener, what, said):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 3\n")
    os.chmod(program, 0o755)
    listener.status = 500
    named = {"missing": str(tmp_path / "nowhere"), "failing": str(program),
             "refused": f"http://{HOST}:1/", "broken": listener.url}[what]
    with front_with(gateways, admin, on_expire=named) as front:
        front.put(1)
        front.wait_gone("h1")
        wait_for(lambda: any(text in front.gateway.log() for text in said.split("|")),
                 f"{said} in the log")
        assert front.update(add=[("after", 60, "A", "192.0.2.9")]) == "NOERROR"


def test_programs_that_hang_hold_nothing_up(gateways, admin, tmp_path):
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid.$$\nexec sleep 300\n")
    os.chmod(program, 0o755)
    with front_with(gateways, admin, on_expire=str(program),
                    expiry={"brake_count": 0}) as front:
        front.put(*range(1, 21))
        front.wait_gone("h1", "h20")
        wait_for(lambda: len(list(tmp_path.glob("pid.*"))) == 4, "four at once")
        assert front.update(add=[("after", 60, "A", "192.0.2.9")]) == "NOERROR"
        front.gateway.stop()
        pids = [int(path.read_text()) for path in tmp_path.glob("pid.*")]
        assert len(pids) == 4
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") and
                                 "Z" not in open(f"/proc/{pid}/stat").read().split()[2]
                                 for pid in pids), "them to be ended")
