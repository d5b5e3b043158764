"""The powerdns target for tests: the driver, servers to drive it against, and a proxy
between the two."""

import http.server
import os
import subprocess
import threading

import dns.name
import dns.query
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
import requests

import servers
from servers import PowerDNS
from target_driver import PROGRAM, TIMEOUT_MS, TargetDriver

MARKS = [
    pytest.mark.skipif(
        not os.access(PROGRAM, os.X_OK), reason="target_driver is not built"),
    pytest.mark.skipif(
        not servers.have("pdns_server", "pdnsutil"), reason="PowerDNS is not installed"),
]

ZONE = "dyn.example."
API_KEY = "loopback-test"
ZONE_PATH = f"/servers/localhost/zones/{ZONE}"
HOST1 = {"192.0.2.11", "192.0.2.12"}


class Driver(TargetDriver):
    """The powerdns target for one server."""

    def __init__(self, url, key=API_KEY, zone=ZONE, timeout_ms=TIMEOUT_MS, server="localhost"):
        # pylint: disable=super-init-not-called
        self.process = subprocess.Popen(
            [PROGRAM, zone, "powerdns", url, server, str(timeout_ms), key],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)


class Between:
    """A proxy between target and server: passes requests on, loses answers, lets somebody
    else write first, or answers itself."""

    def __init__(self, url):
        outer = self
        self.url_behind = url
        self.before = {}      # method: called before a request is passed on
        self.lose = set()     # methods whose next answer does not arrive
        self.refuse = {}      # (method, end of the path): the status it is answered with
        self.canned = None    # octets to answer with instead
        self.old_serial = None  # put into answers, as PowerDNS 5.0 does
        self.requests = []    # "METHOD path"

        class Handler(http.server.BaseHTTPRequestHandler):
            def serve(self):
                outer.serve(self)

            do_GET = do_PATCH = do_PUT = do_DELETE = serve  # noqa: N815

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def serve(self, handler):
        method = handler.command
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.requests.append(f"{method} {handler.path}")
        handler.close_connection = True
        if self.canned is not None:
            handler.wfile.write(self.canned)
            return
        for (refused, end), status in self.refuse.items():
            if method == refused and handler.path.endswith(end):
                handler.send_error(status)
                return
        if method in self.before:
            self.before.pop(method)()
        answer = requests.request(
            method, self.url_behind + handler.path, data=body, timeout=30,
            headers={"X-API-Key": handler.headers["X-API-Key"]})
        if method in self.lose:
            self.lose.remove(method)
            return
        handler.send_response(answer.status_code)
        for name in ("X-PDNS-Old-Serial", "X-PDNS-New-Serial", "Content-Type"):
            if name in answer.headers:
                handler.send_header(name, self.old_serial if "Old" in name and self.old_serial
                                    else answer.headers[name])
        handler.send_header("Content-Length", str(len(answer.content)))
        handler.end_headers()
        handler.wfile.write(answer.content)

    def count(self, method, what=""):
        return sum(request.startswith(method + " ") and request.endswith(what)
                   for request in self.requests)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(params=["gsqlite3", "lmdb"])
def server(request, tmp_path):
    with PowerDNS(tmp_path / "pdns", backend=request.param, api_key=API_KEY) as running:
        set_kind(running, "DEFAULT")
        yield running


@pytest.fixture
def sqlite(tmp_path):
    with PowerDNS(tmp_path / "pdns", api_key=API_KEY) as running:
        set_kind(running, "DEFAULT")
        yield running


@pytest.fixture
def target(server):
    with Driver(server.url) as driver:
        yield driver


def change_zone(server, **settings):
    answer = server.api("PUT", ZONE_PATH, json=settings)
    assert answer.status_code == 204, answer.text


def set_kind(server, soa_edit_api, soa_edit=""):
    change_zone(server, soa_edit_api=soa_edit_api, soa_edit=soa_edit)


def api_rrset(server, owner, rdtype):
    """{content: disabled} and TTL of an RRset as the API has it."""
    # The whole zone: asked for one RRset, PowerDNS leaves disabled records out.
    for rrset in server.api("GET", ZONE_PATH).json()["rrsets"]:
        if rrset["name"] == owner and rrset["type"] == rdtype:
            return {r["content"]: r["disabled"] for r in rrset["records"]}, rrset["ttl"]
    return {}, None


def wires(lines):
    """(owner, ttl, type, RDATA in wire form) of "owner ttl type rdata" lines."""
    got = set()
    for line in lines:
        owner, ttl, rdtype, text = line.split(" ", 3)
        rdtype = dns.rdatatype.from_text(rdtype)
        rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text)
        got.add((dns.name.from_text(owner), int(ttl), rdtype, rdata.to_wire()))
    return got


def axfr_wires(server):
    got = set()
    for message in dns.query.xfr(
            servers.HOST, ZONE, port=server.port, relativize=False, timeout=30):
        for rrset in message.answer:
            for rdata in rrset:
                got.add((rrset.name, rrset.ttl, rrset.rdtype, rdata.to_wire()))
    return got


def same_zone(server, target):
    """Has the mirror of the target what the server serves, but for its SOA?"""
    def without_soa(records):
        return {record for record in records if record[2] != dns.rdatatype.SOA}
    return without_soa(wires(target.dump())) == without_soa(axfr_wires(server))
