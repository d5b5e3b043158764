"""PTR records that follow addresses into a served reverse zone, and leave it with them; more in
tests/scenarios/ptr-*."""

import dns.reversename
import pytest

from front import NAME, full, is_installed, make_server
from gateway import HOST
from leased import REVERSE, SHORT, Leased
from servers import wait_for

RULES = {
    "ptr.": {"types": ["A", "AAAA", "TXT"], "lease": SHORT, "ptr": True},
    "second.": {"types": ["A"], "lease": SHORT, "ptr": True},
    "permanent.": {"types": ["A"], "ptr": True},
}


@pytest.fixture
def front(gateways, admin):
    with Leased(gateways, admin, rules=RULES, reverse=True) as running:
        yield running


def pointers(front, number):
    return front.gateway.records(f"{number}.{REVERSE}", "PTR")


def names(*hosts):
    return {full(host) for host in hosts}


def wait_pointers(front, number, *hosts):
    wait_for(lambda: pointers(front, number) == names(*hosts),
             f"{number} to point to {hosts}")


def reverse_update(front, add=(), delete=()):
    assert front.gateway.update(REVERSE, add, delete, front.admin) == "NOERROR"


def ptr_leases(front):
    return {name: seconds for (name, rdtype, _), seconds in front.leases(REVERSE).items()
            if rdtype == "PTR"}


# ---- with the address ----

def test_it_comes_and_goes_with_the_address(front):
    serial = front.gateway.serial(REVERSE)
    front.put(1, key="ptr.", lease=4)
    assert pointers(front, 1) == names("h1")
    assert front.gateway.ttl(f"1.{REVERSE}", "PTR") == 60
    assert front.gateway.serial(REVERSE) == serial + 1
    wait_for(lambda: ptr_leases(front) == {"1": 4}, "its lease")
    wait_for(lambda: not front.mirrored("h1"), "the end of the address")
    wait_pointers(front, 1)
    wait_for(lambda: not ptr_leases(front), "the end of its lease")
    # It is nobody's host, so that nobody is told.
    assert {host for _, host in front.events()} == {full("h1")}


# ---- others' ----

def has(front, *hosts, key, number=1, lease=3600):
    """They have the address, by one update each."""
    for host in hosts:
        front.change([(host, 60, "A", f"192.0.2.{number}")], key=key, lease=lease)


def leave(front, *hosts):
    for host in hosts:
        front.change(delete=[(host, "A")])


def assert_tidy(front, number):
    """Nothing is left when nobody has the address."""
    assert pointers(front, number) == set()
    wait_for(lambda: not ptr_leases(front), "their leases to end")


def test_the_last_that_was_heard_of_is_next(front):
    """Also within a second, with leases and without."""
    for hosts in "abc", "cba", "bca":
        for number, key, lease in (1, "second.", 3600), (2, "permanent.", None):
            has(front, "first", key="ptr.", number=number)
            has(front, *hosts, key=key, number=number, lease=lease)
        if hosts == "bca":
            has(front, "c", key="second.")
            hosts = "bac"
        leave(front, "first")
        assert pointers(front, 1) == names(hosts[-1])
        assert pointers(front, 2) == names("a" if hosts == "bac" else hosts[-1])
        leave(front, *hosts)
    assert_tidy(front, 1)


@pytest.mark.parametrize("holder", [None, "ptr.", "second."])
def test_several_in_one_update(front, holder):
    """The first of them has it, and it goes through all that wait."""
    if holder:
        has(front, "holder", key=holder)
    front.change([(host, 60, "A", "192.0.2.1") for host in "abca"], key="ptr.", lease=3600)
    first = "holder" if holder == "second." else "a"
    assert pointers(front, 1) == names(first)
    seen = [first]
    while len(seen) < (4 if holder else 3):
        leave(front, seen[-1])
        host, = pointers(front, 1)
        seen.append(host.split(".")[0])
    assert set(seen) == set("abc") | ({"holder"} if holder else set())
    leave(front, seen[-1])
    assert_tidy(front, 1)


def test_it_moves_within_one_update(front):
    has(front, "old", key="ptr.")
    front.change([("a", 60, "A", "192.0.2.1"), ("b", 60, "A", "192.0.2.1")], [("old", "A")],
                 key="ptr.", lease=3600)
    assert pointers(front, 1) == names("a")
    leave(front, "a")
    assert pointers(front, 1) == names("b")
    leave(front, "b")
    assert_tidy(front, 1)


def test_the_ttl_is_that_of_the_set(front):
    front.change([("a", 60, "A", "192.0.2.1"), ("a", 90, "A", "192.0.2.1")], key="ptr.",
                 lease=3600)
    assert front.gateway.ttl("a.dyn.example.", "A") == 90
    assert front.gateway.ttl(f"1.{REVERSE}", "PTR") == 90


def test_whoever_speaks_from_the_address_over_tcp_has_it(front):
    name = dns.reversename.from_address(HOST).to_text()
    zone = "127.in-addr.arpa."
    front.gateway.zones[zone] = {
        "allow": [{"keys": [front.admin.name], "match": "zone", "types": ["ANY"]}],
        "targets": [{"type": "local"}]}
    front.gateway.reconfigure()
    wait_for(lambda: front.gateway.records(zone, "SOA"), "the zone")
    for key, host, tcp, wins in [("ptr.", "udp", False, "udp"), ("second.", "too", False, "udp"),
                                 ("second.", "tcp", True, "tcp")]:
        ran = front.gateway.nsupdate(f"update add {full(host)} 60 A {HOST}", front.keys[key],
                                     ["-v"] if tcp else [])
        assert ran.code == 0, ran
        assert front.gateway.records(name, "PTR") == names(wins)


def test_somebody_elses_record_is_not_taken_for_one_that_was_waited_for(front):
    has(front, "first", key="ptr.")
    has(front, "other", key="second.")
    reverse_update(front, [(f"1.{REVERSE}", 60, "PTR", full("other"))],
                   [(f"1.{REVERSE}", "PTR")])
    leave(front, "first", "other")
    assert pointers(front, 1) == names("other")
    assert not ptr_leases(front)


# ---- the reverse zone ----

def test_without_a_reverse_zone(gateways, admin):
    with Leased(gateways, admin, rules=RULES) as front:
        front.put(1, 2, key="ptr.", lease=3600)
        front.put(3, key="ptr.", lease=3600)
        assert front.mirrored("h3") == {"192.0.2.3"}
        assert front.gateway.log().count("gets no PTR record") == 1


def test_ipv6(gateways, admin):
    zone = "8.b.d.0.1.0.0.2.ip6.arpa."
    front = Leased(gateways, admin, rules=RULES)
    front.gateway.zones[zone] = {
        "allow": [{"keys": [admin.name], "match": "zone", "types": ["ANY"]}],
        "targets": [{"type": "local"}]}
    with front:
        front.change([("h1", 60, "AAAA", "2001:db8::1")], key="ptr.", lease=2)
        name = dns.reversename.from_address("2001:db8::1").to_text()
        assert front.gateway.records(name, "PTR") == names("h1")
        wait_for(lambda: not front.gateway.records(name, "PTR"), "it to go")


@pytest.mark.parametrize("ack", ["wait", "applied"])
def test_at_targets(gateways, admin, tmp_path, ack):
    """Both zones at one BIND; what is withdrawn leaves none behind."""
    if not is_installed("bind"):
        pytest.skip("bind is not installed")
    server = make_server("bind", tmp_path / "bind")
    front = Leased(gateways, admin, [server], rules=RULES, reverse=True,
                   zone={"ack": ack, "ack_timeout": "300ms"})
    seed = front.gateway.zones[REVERSE]["targets"][0]["file"]
    with open(seed) as file:
        server.zones[REVERSE] = file.read()
    front.gateway.zones[REVERSE]["targets"] = front.gateway.zones[NAME]["targets"]
    with front:
        wait_for(lambda: front.gateway.records(REVERSE, "NS"), "the reverse zone")
        front.wait_accepted(front.message([("h1", 60, "A", "192.0.2.1")]), "ptr.", 2)
        wait_for(lambda: server.records(f"1.{REVERSE}", "PTR") == names("h1"), "it to come")
        wait_for(lambda: not server.records(f"1.{REVERSE}", "PTR"), "it to go")
        if ack == "applied":
            server.pause()
            try:
                assert front.ask(front.message([("h2", 60, "A", "192.0.2.2")]), "ptr.",
                                 3600)[0] == "SERVFAIL"
                assert pointers(front, 2) == set()
            finally:
                server.resume()
            wait_for(lambda: not ptr_leases(front), "its lease to end")
        front.assert_same()
