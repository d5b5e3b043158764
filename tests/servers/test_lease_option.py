"""The Update Lease option (RFC 9664): what clients send is understood, and what is granted is
in the answer."""

import struct
import threading

import dns.edns
import dns.flags
import dns.message
import dns.update
import pytest

from gateway import SharedKey, Tcp, Udp, sign

ZONE = "dyn.example."
UPDATE_LEASE = 2
DAY, WEEK = 24 * 3600, 7 * 24 * 3600


@pytest.fixture(scope="module")
def keys(shared_admin):
    return {"admin": shared_admin, "limits": SharedKey("limits."), "long": SharedKey("long."),
            "asking": SharedKey("asking."), "nobody": SharedKey("nobody.")}


def rules():
    return [
        {"keys": ["limits."], "match": "zone", "types": ["A", "KEY"],
         "lease": {"default": "1h", "min": "60s", "max": "2h"}},
        {"keys": ["limits."], "match": "zone", "types": ["TXT"],
         "lease": {"min": "30s", "max": "30m"}},
        {"keys": ["long."], "match": "zone",
         "lease": {"default": "1h", "max": "7d", "key_max": "30d"}},
        {"keys": ["asking."], "match": "zone", "lease": {"min": "30s"}},
        {"keys": ["admin."], "match": "zone", "types": ["ANY"]},
    ]


@pytest.fixture(scope="module")
def gateway(shared_gateways, keys):
    return shared_gateways(keys=list(keys.values()), zones={ZONE: {"allow": rules()}})


def short(seconds):
    return struct.pack("!I", seconds)


def long(seconds, key_seconds):
    return struct.pack("!II", seconds, key_seconds)


def with_option(message, data, dnssec_ok=False):
    message.use_edns(0, ednsflags=dns.flags.DO if dnssec_ok else 0, payload=1232,
                     options=[dns.edns.GenericOption(UPDATE_LEASE, data)])
    return message


def update(*records):
    message = dns.update.UpdateMessage(ZONE)
    for record in records or [("host", 300, "A", "192.0.2.1")]:
        message.add(*record)
    return message


def granted(answer):
    """The data of the answer's option; None: there is none."""
    found = [option.to_wire() for option in answer.message.options
             if option.otype == UPDATE_LEASE]
    assert len(found) < 2
    return found[0] if found else None


def ask(gateway, message, key, tcp=False):
    request = sign(message, key)
    answer = gateway.exchange(request.wire, tcp)
    assert answer.is_authentic(request)
    return answer


# ---- what is granted ----

@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("key, asked, expected", [
    ("limits", short(7200), short(7200)),             # as macOS asks
    ("limits", short(10), short(60)),
    ("limits", short(0), short(60)),
    ("limits", short(0xffffffff), short(7200)),
    ("limits", long(60, 7200), long(60, 7200)),
    ("limits", long(7201, 1209600), long(7200, 7200)),  # a max is for KEY records too
    ("long", short(WEEK), short(WEEK)),
    ("long", long(8 * DAY, 31 * DAY), long(WEEK, 30 * DAY)),
    ("asking", short(DAY + 1), short(DAY)),
    ("asking", long(DAY + 1, WEEK + 1), long(DAY, WEEK)),
    # A rule without leases: as if there was one with the limits of RFC 9664 8.
    ("admin", short(7200), short(7200)),
    ("admin", short(1), short(30)),
    ("admin", long(2 * DAY, 14 * DAY), long(DAY, WEEK)),
])
def test_grant(gateway, keys, key, asked, expected, tcp):
    answer = ask(gateway, with_option(update(), asked), keys[key], tcp)
    assert answer.rcode == "NOERROR"
    assert granted(answer) == expected


def test_macos(gateway, keys):
    """mDNSResponder: four octets, two hours, one record deleted before it is added."""
    message = dns.update.UpdateMessage(ZONE)
    message.delete("mac", "A", "192.0.2.7")
    message.add("mac", 7200, "A", "192.0.2.8")
    answer = ask(gateway, with_option(message, short(7200)), keys["limits"])
    assert (answer.rcode, granted(answer)) == ("NOERROR", short(7200))
    # Its reader of answers takes the OPT record for what follows the header, RFC 2136 3.8:
    # "not including any part of the original update".
    assert struct.unpack("!4H", answer.wire[4:12]) == (0, 0, 0, 2)  # OPT, TSIG
    assert answer.wire[12:15] == b"\0\0\x29"


@pytest.mark.parametrize("key, zone, rcode", [
    ("nobody", ZONE, "REFUSED"), ("limits", "elsewhere.example.", "NOTAUTH")])
def test_refusals_repeat_nothing_either(gateway, keys, key, zone, rcode):
    message = dns.update.UpdateMessage(zone)
    message.add("mac", 7200, "A", "192.0.2.8")
    answer = ask(gateway, with_option(message, short(7200)), keys[key])
    assert answer.rcode == rcode
    assert struct.unpack("!4H", answer.wire[4:12]) == (0, 0, 0, 2)


def test_matter(gateway, keys):
    """Eight octets, DO set, a whole service with its KEY record."""
    message = update(
        ("0123456789abcdef", 120, "AAAA", "2001:db8::1"),
        ("0123456789abcdef", 120, "KEY", r"\# 8 0201030d00010001"),
        ("x._matter._tcp", 120, "SRV", f"0 0 5540 0123456789abcdef.{ZONE}"),
        ("x._matter._tcp", 120, "TXT", '"SII=500"'),
        ("_matter._tcp", 120, "PTR", f"x._matter._tcp.{ZONE}"))
    answer = ask(gateway, with_option(message, long(7200, 1209600), True), keys["long"])
    assert (answer.rcode, granted(answer)) == ("NOERROR", long(7200, 1209600))
    assert answer.message.ednsflags & dns.flags.DO  # RFC 3225 3


def test_the_shortest_limit_counts_for_all(gateway, keys):
    """An update by two rules has one answer."""
    message = update(("two", 300, "A", "192.0.2.1"), ("two", 300, "TXT", '"x"'))
    answer = ask(gateway, with_option(message, short(7200)), keys["limits"])
    assert granted(answer) == short(1800)


def test_nsupdate(gateway, keys):
    ran = gateway.nsupdate("debug yes\nlease 3600 7200\n"
                           f"add nsupdate.{ZONE} 300 A 192.0.2.1", keys["limits"])
    if "incorrect section name: lease" in ran.output:
        pytest.skip("this nsupdate has no leases")
    assert ran.code == 0, ran.output
    assert gateway.dig(f"nsupdate.{ZONE}", "A", "+short").output == "192.0.2.1\n"


# ---- when it is in the answer ----

def test_heartbeats_are_granted_the_same(gateway, keys):
    first, second = [ask(gateway, with_option(update(("beat", 300, "A", "192.0.2.1")),
                                              short(1234)), keys["limits"])
                     for _ in range(2)]
    assert granted(first) == granted(second) == short(1234)
    message = dns.update.UpdateMessage(ZONE)
    message.present("beat", "A")
    answer = ask(gateway, with_option(message, short(1234)), keys["limits"])
    assert (answer.rcode, granted(answer)) == ("NOERROR", short(1234))


def test_deletions_alone_are_answered_too(gateway, keys):
    """"in response to any successful DNS Update (RCODE=0) that includes" it (4.3)."""
    message = dns.update.UpdateMessage(ZONE)
    message.delete("not-there", "A")
    answer = ask(gateway, with_option(message, short(1200)), keys["limits"])
    assert (answer.rcode, granted(answer)) == ("NOERROR", short(1200))


def test_not_asked_not_answered(gateway, keys):
    assert granted(ask(gateway, update(), keys["limits"])) is None
    message = update()
    message.use_edns(0, payload=1232)
    answer = ask(gateway, message, keys["limits"])
    assert answer.rcode == "NOERROR" and answer.message.edns == 0
    assert granted(answer) is None


def refused_by_policy():
    return update(("host", 300, "MX", "10 mail"))


def refused_by_prerequisite():
    message = update()
    message.present("not-there")
    return message


def refused_by_zone():
    return update(("www.example.net.", 300, "A", "192.0.2.1"))


@pytest.mark.parametrize("make, rcode", [
    (refused_by_policy, "REFUSED"), (refused_by_prerequisite, "NXDOMAIN"),
    (refused_by_zone, "NOTZONE")])
def test_who_is_refused_has_no_lease(gateway, keys, make, rcode):
    answer = ask(gateway, with_option(make(), short(7200)), keys["limits"])
    assert (answer.rcode, granted(answer)) == (rcode, None)


def test_an_unsigned_update_has_no_lease(gateway):
    answer = gateway.exchange(with_option(update(), short(7200)).to_wire())
    assert (answer.rcode, granted(answer)) == ("REFUSED", None)


@pytest.mark.parametrize("length", [0, 1, 3, 5, 7, 9, 12])
def test_a_malformed_option_is_a_malformed_update(gateway, keys, length):
    name = f"malformed{length}"
    message = with_option(update((name, 300, "A", "192.0.2.1")), b"\0" * length)
    answer = ask(gateway, message, keys["limits"])
    assert (answer.rcode, granted(answer)) == ("FORMERR", None)
    assert gateway.dig(f"{name}.{ZONE}", "A", "+short").output == ""


@pytest.mark.parametrize("length", [0, 3, 4, 8])
def test_queries_do_not_care(gateway, length):
    query = with_option(dns.message.make_query(ZONE, "SOA"), b"\1" * length)
    answer = gateway.exchange(query.to_wire())
    assert answer.rcode == "NOERROR" and len(answer.records()) == 1
    assert granted(answer) is None


# ---- the same message again ----

def exchange_twice(gateway, request, between):
    answers = []
    for again in range(2):
        if again:
            between()
        answers.append(gateway.exchange(request.wire))
        assert answers[-1].is_authentic(request)
    return answers


def nothing():
    pass


def test_a_twin_is_granted_the_same(gateway, keys):
    request = sign(with_option(update(("twin", 300, "A", "192.0.2.1")), long(77, 99)),
                   keys["limits"])
    first, second = exchange_twice(gateway, request, nothing)
    assert granted(first) == granted(second) == long(77, 99)


def test_twins_in_flight_are_granted_the_same(gateway, keys):
    request = sign(with_option(update(("twins", 300, "A", "192.0.2.1")), short(88)),
                   keys["limits"])
    clients = [Udp(gateway.port) if i % 2 else Tcp(gateway.port) for i in range(8)]
    threads = [threading.Thread(target=client.send, args=[request.wire])
               for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        answer = client.receive()
        assert answer.is_authentic(request)
        assert (answer.rcode, granted(answer)) == ("NOERROR", short(88))
        client.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("is_heartbeat", [False, True])
def test_a_twin_after_a_restart_is_granted_the_same(gateways, keys, end, is_heartbeat):
    gateway = gateways(keys=list(keys.values()), zones={ZONE: {"allow": rules()}})
    if is_heartbeat:
        assert ask(gateway, update(), keys["limits"]).rcode == "NOERROR"
    request = sign(with_option(update(), short(99)), keys["limits"])

    def begin_again():
        getattr(gateway, end)()
        gateway.start()

    first, second = exchange_twice(gateway, request, begin_again)
    assert first.rcode == second.rcode == "NOERROR"
    assert granted(first) == granted(second) == short(99)


def test_a_refused_twin_has_none(gateway, keys):
    request = sign(with_option(refused_by_prerequisite(), short(7200)), keys["limits"])
    first, second = exchange_twice(gateway, request, nothing)
    assert first.rcode == second.rcode == "NXDOMAIN"
    assert granted(first) is None and granted(second) is None
