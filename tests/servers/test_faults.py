"""Every call that can fails, once, in turn: the request gets the right answer, SERVFAIL or
none, what was acknowledged is there and stays, the rest is there whole or not at all, nothing
leaks, and the next request works.

FAULTS=all in the environment: every call of every request, instead of every place that calls.
"""

import itertools

import dns.exception
import dns.message
import dns.opcode
import dns.query
import dns.rdatatype
import dns.tsig
import pytest

import faults
from faults import ask
from front import NAME, Front, full, is_installed, make_server
from gateway import SharedKey
from servers import wait_for

# Ends and starts with a fault: as many as there is time for.
RESTARTS_MAX = faults.LIMIT if faults.EXHAUSTIVE else 15
# Faults between the gateway and its targets; the database's have been had by then.
ON_THE_WAY = faults.ALL if faults.EXHAUSTIVE else \
    faults.MEMORY | faults.LIBRARY | faults.SOCKET
HERE = "there"  # a name that is there


class Host:
    """A name whose two RRsets say which update made them."""

    def __init__(self, front, name):
        self.front = front
        self.name = name
        self.last = 0             # the number of the last update sent
        self.possible = {None}    # numbers that may be there

    def message(self):
        self.last += 1
        address = f"10.{self.last >> 16}.{self.last >> 8 & 255}.{self.last & 255}"
        return self.front.message(
            delete=[(self.name, "A"), (self.name, "TXT")],
            add=[(self.name, 60, "A", address), (self.name, 60, "TXT", f'"{self.last}"')])

    def answered(self, rcode):
        assert rcode in ("NOERROR", "SERVFAIL"), f"{rcode}; {self.front.gateway.last_fault()}"
        if rcode == "NOERROR":
            self.possible = {self.last}
        else:
            self.possible.add(self.last)

    def number(self, server):
        """Which update the server's zone has; asserts that it has all of it."""
        texts = server.records(full(self.name), "TXT")
        addresses = server.records(full(self.name), "A")
        if not texts and not addresses:
            return None
        assert len(texts) == 1 and len(addresses) == 1, f"{texts} {addresses}"
        number = int(next(iter(texts)).strip('"'))
        _, *octets = map(int, next(iter(addresses)).split("."))
        assert octets == [number >> 16, number >> 8 & 255, number & 255]
        return number

    def check(self, server):
        number = self.number(server)
        assert number in self.possible, \
            f"{number} is there, not one of {self.possible}; " \
            f"{self.front.gateway.last_fault()}"
        self.possible = {number}

    def update(self, tcp=False):
        """Sends one."""
        gateway = self.front.gateway
        rcode = ask(gateway, self.message(), self.front.admin, tcp).rcode
        self.answered(rcode)
        if rcode == "NOERROR":
            assert self.is_journalled(), f"not in the journal; {gateway.last_fault()}"
        return rcode

    def is_journalled(self):
        """The last one: its row is whole, but that there may be no text of the request."""
        text = str(self.last).encode()
        return self.front.gateway.rows(
            "SELECT seq FROM journal WHERE mac IS NOT NULL AND key IS NOT NULL AND "
            "source IS NOT NULL AND rcode = 0 AND instr(changes, ?) AND instr(changes, ?)",
            bytes([len(text)]) + text, bytes([len(self.name)]) + self.name.encode())


def other_answer(front, message, tcp, *expected):
    """One that changes nothing."""
    rcode = ask(front.gateway, message, front.admin, tcp).rcode
    assert rcode in ("SERVFAIL", *expected), f"{rcode}; {front.gateway.last_fault()}"
    return rcode


@pytest.fixture
def make(tmp_path, faulty, admin):
    """make(*kinds): a running front with these servers, ended with the test."""
    fronts = []

    def begin(*kinds, targets=None, is_started=True, **zone):
        for kind in kinds:
            if not is_installed(kind):
                pytest.skip(f"{kind} is not installed")
        servers = [make_server(kind, tmp_path / kind) for kind in kinds]
        front = Front(faulty, admin, servers, zone=zone, threads=1,
                      targets={"timeout": "2s", **(targets or {})} if servers else None)
        fronts.append(front)
        return front.start() if is_started else front

    yield begin
    for front in fronts:
        front.gateway.control.disarm()
        front.stop()


def assert_next_works(front, host):
    """At once, and without a fault."""
    assert host.update() == "NOERROR", f"the next one; {front.gateway.last_fault()}"


def assert_kept(front, *hosts):
    """The mirror and the database have the same, and it is what was acknowledged."""
    before = front.content(front.gateway, with_soa=True)
    front.gateway.restart()
    front.wait_loaded()
    assert front.content(front.gateway, with_soa=True) == before
    for host in hosts:
        host.check(front.gateway)


def exercise(front, act, hosts=(), kinds=faults.ALL, settle=None):
    """Until nothing fails any more: act() with one fault, then everything is as it must be."""
    gateway = front.gateway
    other = Host(front, "other")
    for _ in gateway.faults(kinds):
        act()
        gateway.control.disarm()
        assert_next_works(front, other)
        if settle:
            settle(other)
        for host in hosts:
            host.check(gateway)
    assert gateway.met, "nothing has failed"
    print(f"{len(gateway.met)} faults so far")
    return other


def notify(front):
    """Look at the primary target (RFC 1996)."""
    message = dns.message.make_query(NAME, "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    return ask(front.gateway, message, front.admin)


def is_seen(front, name, address):
    query = dns.message.make_query(full(name), "A")
    return any(address in rrset.to_text() for rrset in ask(front.gateway, query).message.answer)


# ---- requests to a zone of our own ----

@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_changes(make, tcp):
    front = make()
    host = Host(front, "host")
    other = exercise(front, lambda: host.update(tcp), [host])
    assert_kept(front, host, other)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_what_changes_nothing(make, tcp):
    """Heartbeats, refusals and queries, one after the other."""
    front = make(is_started=False)
    front.gateway.zones[NAME]["allow"] = [
        {"keys": ["admin."], "match": "name", "types": ["A", "TXT"], "transfer": True,
         "names": [full(name) for name in ("other", HERE, "elsewhere")]}]
    front.start()
    assert front.update(add=[(HERE, 60, "A", "192.0.2.1")]) == "NOERROR"
    content = front.content(front.gateway)

    def heartbeat():
        other_answer(front, front.message(add=[(HERE, 60, "A", "192.0.2.1")]), tcp, "NOERROR")

    def failed_prerequisite():
        message = front.message(add=[("elsewhere", 60, "A", "192.0.2.1")])
        message.absent(full(HERE))
        other_answer(front, message, tcp, "YXDOMAIN")

    def forbidden():
        other_answer(front, front.message(add=[("forbidden", 60, "A", "192.0.2.1")]), tcp,
                     "REFUSED")

    def queries():
        for name, rdtype, rcode in ((HERE, "A", "NOERROR"), (HERE, "AAAA", "NOERROR"),
                                    ("away", "A", "NXDOMAIN")):
            other_answer(front, dns.message.make_query(full(name), rdtype), tcp, rcode)

    for act in (heartbeat, failed_prerequisite, forbidden, queries):
        other = exercise(front, act)
    assert_kept(front, other)
    kept = {line for line in front.content(front.gateway) if not line.startswith("other.")}
    assert kept == content


@pytest.mark.parametrize("kind", ["AXFR", "IXFR"])
def test_transfers(make, kind):
    front = make()
    serial = front.gateway.serial()
    host = Host(front, "host")
    for _ in range(5):
        assert host.update() == "NOERROR"

    def transfer():
        records = []
        options = {"serial": serial} if kind == "IXFR" else {}
        try:
            for message in dns.query.xfr(
                    "127.0.0.1", NAME, kind, port=front.gateway.port, relativize=False,
                    keyring=front.admin.ring, keyname=front.admin.name, timeout=15,
                    lifetime=30, keyalgorithm=front.admin.dnspython_algorithm, **options):
                records.extend(message.answer)
        except (dns.exception.DNSException, OSError, EOFError):
            assert front.gateway.control.failed(), "a transfer fails without a fault"
            return
        texts = [text for rrset in records if rrset.rdtype == dns.rdatatype.TXT
                 for text in rrset]
        assert f'"{host.last}"' in map(str, texts)

    other = exercise(front, transfer, [host])
    assert_kept(front, host, other)


def test_strangers(make):
    """Unknown and wrong keys."""
    front = make()
    wrong = SharedKey(front.admin.name)

    def strange():
        for key, rcode in ((wrong, "NOTAUTH"), (SharedKey("nobody."), "NOTAUTH")):
            message = front.message(add=[("stranger", 60, "A", "192.0.2.1")])
            answer = ask(front.gateway, message, key, is_known=False)
            assert answer.rcode in (rcode, "SERVFAIL"), front.gateway.last_fault()

    exercise(front, strange)
    assert not front.mirrored("stranger")


# ---- its life ----

def test_reload(make):
    """The new configuration or the old one, and zones of both go on."""
    front = make()
    gateway = front.gateway
    host = Host(front, "host")
    extra = "extra.example."

    def reload():
        if extra in gateway.zones:
            del gateway.zones[extra]
        else:
            gateway.zones[extra] = {}
        gateway.reconfigure()
        host.update()

    other = exercise(front, reload, [host])
    gateway.zones[extra] = {}
    assert "reloaded" in gateway.reconfigure()
    wait_for(lambda: gateway.query(extra, "SOA").answer, "the other zone")
    assert_kept(front, host, other)


def test_the_end(make):
    """Whatever fails, it ends with status 0 (the gateway fixture asserts that), and what was
    acknowledged is there again."""
    front = make()
    host = Host(front, "host")
    for turn in front.gateway.faults(limit=RESTARTS_MAX):
        front.gateway.control.disarm()
        assert host.update() == "NOERROR"
        front.gateway.control.arm(faults.ALL, turn if faults.EXHAUSTIVE else 0)
        front.gateway.stop()
        fault = front.gateway.control.disarm()
        front.start_gateway()
        host.check(front.gateway)
        if fault is None:
            return


def test_the_start(make):
    """It starts, or says why not and leaves nothing behind that keeps the next start from
    working."""
    front = make()
    host = Host(front, "host")
    gateway = front.gateway
    assert host.update() == "NOERROR"
    gateway.stop()
    for _ in gateway.faults(limit=RESTARTS_MAX):
        gateway.start(wait=False)
        try:
            gateway.wait_ready()
        except RuntimeError:
            assert gateway.control.failed(), gateway.log()[-2000:]
            assert gateway.process.returncode == 1, gateway.last_fault()
            gateway.process = None
            gateway.check()
            continue
        gateway.control.disarm()
        front.wait_loaded()  # a zone that could not be opened is tried again
        host.check(gateway)
        gateway.stop()
    gateway.start()
    host.check(gateway)


# ---- targets ----

def is_delivered(host):
    try:
        return host.number(host.front.servers[-1]) in host.possible
    except AssertionError:
        return False  # between two looks it was


@pytest.mark.parametrize("kinds", [["bind"], ["pdns-sqlite"], ["bind", "pdns-sqlite"]],
                         ids="+".join)
def test_delivery(make, kinds):
    """A target gets everything, whatever failed meanwhile."""
    front = make(*kinds)
    host = Host(front, "host")

    def update():
        host.update()
        wait_for(lambda: front.gateway.control.failed() or is_delivered(host),
                 "the last target to have it")

    front.gateway.control.depth = faults.SITES

    def settle(_):
        """So that no pause after a failure grows from turn to turn."""
        wait_for(lambda: is_delivered(host), "the last target to have it")

    other = exercise(front, update, [host], ON_THE_WAY, settle)
    front.wait_delivered()
    front.assert_same()
    assert_kept(front, host, other)
    assert not front.set_aside()


@pytest.mark.parametrize("kind", ["bind", "pdns-sqlite"])
def test_loading(make, kind):
    """The zone is loaded by and by."""
    front = make(kind)
    host = Host(front, "host")
    server = front.servers[0]
    numbers = itertools.count(1)

    def change_behind():
        number = next(numbers)
        address = f"10.0.{number >> 8}.{number & 255}"
        if kind == "bind":
            assert server.update(delete=[(full("behind"), "A")],
                                 add=[(full("behind"), 60, "A", address)]) == "NOERROR"
        else:
            soa = server.rrset(NAME, "SOA")[0]
            soa = soa.replace(serial=soa.serial + 100).to_text()
            assert server.patch(NAME, (full("behind"), "A", 60, [address]),
                                (NAME, "SOA", 60, [soa])).ok
        wait_for(lambda: notify(front) and is_seen(front, "behind", address),
                 f"{address} to be seen", 20)

    front.gateway.control.depth = faults.SITES

    def settle(other):
        """If both write in the same moment, PowerDNS takes the gateway's SOA for theirs."""
        wait_for(lambda: is_delivered(other), "nothing to be on its way")

    exercise(front, change_behind, [host], ON_THE_WAY, settle)
    front.assert_same()
