"""PTR records that follow addresses into a served reverse zone, and leave it with them."""

import dns.reversename
import pytest

from front import NAME, full, is_installed, make_server
from leased import REVERSE, SHORT, Leased, keep_speaking
from servers import wait_for

RULES = {
    "ptr.": {"types": ["A", "AAAA", "TXT"], "lease": SHORT, "ptr": True},
    "second.": {"types": ["A"], "lease": SHORT, "ptr": True},
    "adopting.": {"types": ["A"], "lease": SHORT, "ptr": True, "adopt": True},
    "permanent.": {"types": ["A"], "ptr": True},
    "without.": {"types": ["A"], "lease": SHORT},
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


def test_it_is_refreshed_with_the_address(front):
    lease_s = 2

    def by_adding():
        return front.message([("h1", 60, "A", "192.0.2.1")])

    def by_asking():
        message = front.message()
        message.present("h1", "A")
        return message

    def is_refreshed(beat, lease):
        front.put(1, key="ptr.", lease=lease_s)
        serial = front.gateway.serial(REVERSE)
        return keep_speaking(
            lease_s, 2.5 * lease_s,
            lambda: front.ask(beat(), "ptr.", lease)[0] == "NOERROR" and
            pointers(front, 1) == names("h1") and front.gateway.serial(REVERSE) == serial)

    for beat, lease in (by_adding, lease_s), (by_asking, None):
        wait_for(lambda beat=beat, lease=lease: is_refreshed(beat, lease),
                 "heartbeats in time")
    wait_pointers(front, 1)


def test_it_goes_when_the_address_is_deleted(front):
    front.put(1, 2, key="ptr.", lease=3600)
    front.change(delete=[("h1", "A")], key="ptr.")
    assert (pointers(front, 1), pointers(front, 2)) == (set(), names("h2"))
    front.change([("h2", 60, "A", "192.0.2.3")], [("h2", "A")], key="ptr.", lease=3600)
    assert (pointers(front, 2), pointers(front, 3)) == (set(), names("h2"))
    front.change(delete=[("h2",)])  # by somebody else
    assert pointers(front, 3) == set()
    assert not ptr_leases(front)


def test_another_ttl(front):
    front.put(1, key="ptr.", lease=3600)
    front.change([("h1", 300, "A", "192.0.2.1")], key="ptr.", lease=3600)
    assert pointers(front, 1) == names("h1")
    assert front.gateway.ttl(f"1.{REVERSE}", "PTR") == 300


def test_it_comes_back_when_it_was_lost(front):
    front.put(1, key="ptr.", lease=3600)
    reverse_update(front, delete=[(f"1.{REVERSE}", "PTR")])
    assert pointers(front, 1) == set()
    front.put(1, key="ptr.", lease=3600)
    assert pointers(front, 1) == names("h1")


def test_permanent_addresses_have_permanent_ones(front):
    front.put(1, key="permanent.")
    front.put(2, key="ptr.", lease=2)
    wait_pointers(front, 2)
    assert pointers(front, 1) == names("h1")
    # Queries see what is not on the disk yet.
    wait_for(lambda: ptr_leases(front) == {"1": 0}, "the other's lease to end on the disk")
    front.change(delete=[("h1", "A")])
    assert pointers(front, 1) == set()


def test_only_where_the_rule_says_so(front):
    front.put(1, key="without.", lease=3600)
    front.change([("h2", 60, "TXT", '"192.0.2.2"')], key="ptr.", lease=3600)
    assert pointers(front, 1) == pointers(front, 2) == set()


# ---- others' ----

def test_who_adds_an_address_takes_it_over(front):
    front.change([("old", 60, "A", "192.0.2.1")], key="ptr.", lease=3600)
    front.change([("new", 60, "A", "192.0.2.1")], key="second.", lease=3600)
    assert pointers(front, 1) == names("new")
    # Who had it before and only refreshes it does not get it back,
    front.change([("old", 60, "A", "192.0.2.1")], key="ptr.", lease=3600)
    assert pointers(front, 1) == names("new")
    # but when the newer one is gone.
    front.change(delete=[("new", "A")])
    assert pointers(front, 1) == set()
    front.change([("old", 60, "A", "192.0.2.1")], key="ptr.", lease=3600)
    assert pointers(front, 1) == names("old")


def test_foreign_ones_are_left_alone(front):
    reverse_update(front, [(f"1.{REVERSE}", 60, "PTR", "somebody.else.example.")])
    front.put(1, key="ptr.", lease=2)
    assert pointers(front, 1) == {"somebody.else.example."}
    front.wait_gone("h1")
    assert pointers(front, 1) == {"somebody.else.example."}
    front.put(1, key="adopting.", lease=2)
    assert pointers(front, 1) == names("h1")
    wait_pointers(front, 1)


def test_one_that_was_right_already_is_left_alone(front):
    reverse_update(front, [(f"1.{REVERSE}", 60, "PTR", full("h1"))])
    front.put(1, key="ptr.", lease=3600)
    assert not ptr_leases(front)
    front.change(delete=[("h1", "A")])
    assert pointers(front, 1) == names("h1")


# ---- the reverse zone ----

def test_without_a_reverse_zone(gateways, admin):
    with Leased(gateways, admin, rules=RULES) as front:
        front.put(1, 2, key="ptr.", lease=3600)
        front.put(3, key="ptr.", lease=3600)
        assert front.mirrored("h3") == {"192.0.2.3"}
        assert front.gateway.log().count("go without PTR records") == 1


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


def test_kill_leaves_none_behind(front):
    front.put(*range(1, 21), key="ptr.", lease=5)
    front.put(30, key="permanent.")
    wait_for(lambda: len(ptr_leases(front)) == 21, "their leases")
    wait_for(lambda: not front.mirrored("h1"), "the first to go")
    front.gateway.kill()
    front.start_gateway()
    wait_for(lambda: not any(pointers(front, number) for number in range(1, 21)),
             "all to go", 40)
    wait_for(lambda: ptr_leases(front) == {"30": 0}, "their leases to end")
    assert pointers(front, 30) == names("h30")
