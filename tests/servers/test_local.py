"""musterd with its embedded zone, and the clients that people really use."""

import threading

import dns.flags
import dns.message
import dns.rcode
import dns.update
import pytest

import servers
from gateway import SharedKey, Signed, Udp, add, run, sign
from servers import find

ZONE = "dyn.example."
ALGORITHMS = ["hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384",
              "hmac-sha512"]

needs_nsupdate = pytest.mark.skipif(
    not servers.have("nsupdate"), reason="nsupdate is not installed")
needs_knsupdate = pytest.mark.skipif(
    not servers.have("knsupdate"), reason="knsupdate is not installed")


@pytest.fixture(scope="module")
def algorithm_keys():
    return {name: SharedKey(f"key-{name}.", name) for name in ALGORITHMS}


@pytest.fixture(scope="module")
def rotated_keys():
    return [SharedKey("rotated."), SharedKey("rotated.")]


@pytest.fixture(scope="module")
def gateway(shared_gateways, shared_admin, algorithm_keys, rotated_keys):
    return shared_gateways(keys=[shared_admin, *algorithm_keys.values(), *rotated_keys])


def state(gateway):
    """What a heartbeat must not change."""
    return gateway.serial(), gateway.rows(
        "SELECT count(*) AS count, max(seq) AS seq FROM journal")[0]


# ---- nsupdate ----

@needs_nsupdate
@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("with_key", ["-k", "-y"])
@pytest.mark.parametrize("with_zone", [True, False])
def test_nsupdate(gateway, shared_admin, transport, with_key, with_zone):
    host = f"n{transport}{with_key}{with_zone}.{ZONE}".lower()
    args = ["-v"] if transport == "tcp" else []
    if with_key == "-y":
        args += ["-y", shared_admin.line]
    script = f"zone {ZONE}\n" if with_zone else ""
    ran = gateway.nsupdate(script + f"add {host} 300 A 192.0.2.1",
                           shared_admin if with_key == "-k" else None, args)
    assert ran == (0, "")
    assert gateway.records(host, "A") == {"192.0.2.1"}
    assert gateway.ttl(host, "A") == 300


@needs_nsupdate
def test_nsupdate_finds_the_zone_of_deep_names(gateway, shared_admin):
    assert gateway.nsupdate(f"add a.b.c.{ZONE} 60 TXT deep", shared_admin) == (0, "")
    assert gateway.records(f"a.b.c.{ZONE}", "TXT") == {'"deep"'}


PREREQUISITES = [  # there is there. A 192.0.2.1 and 192.0.2.2
    ("nxdomain away", "NOERROR"),
    ("nxdomain there", "YXDOMAIN"),
    ("yxdomain there", "NOERROR"),
    ("yxdomain away", "NXDOMAIN"),
    ("nxrrset there AAAA", "NOERROR"),
    ("nxrrset there A", "YXRRSET"),
    ("yxrrset there A", "NOERROR"),
    ("yxrrset there AAAA", "NXRRSET"),
    ("yxrrset away A", "NXRRSET"),
    ("yxrrset there A 192.0.2.1\nprereq yxrrset there A 192.0.2.2", "NOERROR"),
    ("yxrrset there A 192.0.2.2\nprereq yxrrset there A 192.0.2.1", "NOERROR"),
    ("yxrrset there A 192.0.2.1", "NXRRSET"),
    ("yxrrset there A 192.0.2.1\nprereq yxrrset there A 192.0.2.3", "NXRRSET"),
]


@pytest.fixture(scope="module")
def there(gateway, shared_admin):
    assert gateway.update(add=[(f"there.{ZONE}", 60, "A", "192.0.2.1"),
                               (f"there.{ZONE}", 60, "A", "192.0.2.2")],
                          key=shared_admin) == "NOERROR"


def qualified(prerequisite):
    return "prereq " + prerequisite.replace("there", f"there.{ZONE}").replace(
        "away", f"away.{ZONE}")


def expect_prerequisite(gateway, ran, index, rcode):
    added = gateway.records(f"prereq{index}.{ZONE}", "A")
    if rcode == "NOERROR":
        assert ran == (0, "") and added == {"192.0.2.9"}
    else:
        assert ran.code != 0 and rcode in ran.output and added == set()


@needs_nsupdate
@pytest.mark.parametrize("index", range(len(PREREQUISITES)))
def test_nsupdate_prerequisites(gateway, shared_admin, there, index):
    prerequisite, rcode = PREREQUISITES[index]
    ran = gateway.nsupdate(
        f"zone {ZONE}\n{qualified(prerequisite)}\nadd prereq{index}.{ZONE} 60 A 192.0.2.9",
        shared_admin)
    expect_prerequisite(gateway, ran, index, rcode)
    assert gateway.update(delete=[(f"prereq{index}.{ZONE}",)], key=shared_admin) == "NOERROR"


@needs_nsupdate
def test_nsupdate_several_sends_of_one_session(gateway, shared_admin):
    ran = gateway.nsupdate(f"""\
zone {ZONE}
add s1.{ZONE} 60 A 192.0.2.1
send
prereq nxdomain s1.{ZONE}
add s2.{ZONE} 60 A 192.0.2.2
send
add s3.{ZONE} 60 A 192.0.2.3
del s1.{ZONE}
send
""", shared_admin)
    assert ran == (2, "update failed: YXDOMAIN\n")
    assert gateway.records(f"s1.{ZONE}", "A") == set()
    assert gateway.records(f"s2.{ZONE}", "A") == set()
    assert gateway.records(f"s3.{ZONE}", "A") == {"192.0.2.3"}


@needs_nsupdate
@pytest.mark.parametrize("what, left", [
    ("", (set(), set())),
    ("A", (set(), {'"one"', '"two"'})),
    ("TXT one", ({"192.0.2.1", "192.0.2.2"}, {'"two"'})),
    ("A 192.0.2.2", ({"192.0.2.1"}, {'"one"', '"two"'})),
    ("A 192.0.2.3", ({"192.0.2.1", "192.0.2.2"}, {'"one"', '"two"'})),
    ("AAAA", ({"192.0.2.1", "192.0.2.2"}, {'"one"', '"two"'})),
])
def test_nsupdate_deletes(gateway, shared_admin, what, left):
    host = f"delete.{ZONE}"
    assert gateway.update(delete=[(host,)], add=[
        (host, 60, "A", "192.0.2.1"), (host, 60, "A", "192.0.2.2"),
        (host, 60, "TXT", "one"), (host, 60, "TXT", "two")], key=shared_admin) == "NOERROR"
    ran = gateway.nsupdate(f"zone {ZONE}\ndel {host} {what}", shared_admin)
    assert ran == (0, "")
    assert (gateway.records(host, "A"), gateway.records(host, "TXT")) == left


@needs_nsupdate
def test_a_whole_update_or_nothing_of_it(gateway, shared_admin):
    ran = gateway.nsupdate(f"""\
zone {ZONE}
prereq yxdomain away.{ZONE}
add whole1.{ZONE} 60 A 192.0.2.1
add whole2.{ZONE} 60 A 192.0.2.1
""", shared_admin)
    assert ran == (2, "update failed: NXDOMAIN\n")
    assert gateway.records(f"whole1.{ZONE}", "A") == set()


@needs_nsupdate
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_nsupdate_algorithms(gateway, algorithm_keys, algorithm):
    host = f"{algorithm}.{ZONE}"
    key = algorithm_keys[algorithm]
    assert gateway.nsupdate(f"add {host} 60 A 192.0.2.1", key) == (0, "")
    assert gateway.nsupdate(f"add {host} 60 A 192.0.2.2", None,
                            ["-v", "-y", key.line]) == (0, "")
    assert gateway.records(host, "A") == {"192.0.2.1", "192.0.2.2"}


@needs_nsupdate
@pytest.mark.parametrize("number", [0, 1])
def test_rotation_takes_both_secrets(gateway, rotated_keys, number):
    host = f"rotated{number}.{ZONE}"
    assert gateway.nsupdate(f"add {host} 60 A 192.0.2.1", rotated_keys[number]) == (0, "")
    assert gateway.records(host, "A") == {"192.0.2.1"}
    query = sign(dns.message.make_query(host, "A"), rotated_keys[number])
    assert gateway.exchange(query.wire).is_authentic(query)


# ---- knsupdate, dnspython, ldns-update ----

@needs_knsupdate
@pytest.mark.parametrize("transport", [[], ["-v"]])
def test_knsupdate(gateway, shared_admin, transport):
    host = f"kn{len(transport)}.{ZONE}"
    ran = gateway.knsupdate(
        f"zone {ZONE}\nadd {host} 60 A 192.0.2.1\nadd {host} 60 TXT kn\n", shared_admin,
        transport)
    assert ran == (0, "")
    assert gateway.records(host, "A") == {"192.0.2.1"}
    assert gateway.records(host, "TXT") == {'"kn"'}
    ran = gateway.knsupdate(f"zone {ZONE}\ndel {host} A\n", shared_admin, transport)
    assert ran == (0, "")
    assert gateway.records(host, "A") == set()
    assert gateway.records(host, "TXT") == {'"kn"'}


@needs_knsupdate
@pytest.mark.parametrize("index", range(len(PREREQUISITES)))
def test_knsupdate_prerequisites(gateway, shared_admin, there, index):
    prerequisite, rcode = PREREQUISITES[index]
    ran = gateway.knsupdate(
        f"zone {ZONE}\n{qualified(prerequisite)}\nadd prereq{index}.{ZONE} 60 A 192.0.2.9",
        shared_admin)
    expect_prerequisite(gateway, ran, index, rcode)
    assert gateway.update(delete=[(f"prereq{index}.{ZONE}",)], key=shared_admin) == "NOERROR"


@needs_knsupdate
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_knsupdate_algorithms(gateway, algorithm_keys, algorithm):
    host = f"kn-{algorithm}.{ZONE}"
    assert gateway.knsupdate(f"zone {ZONE}\nadd {host} 60 A 192.0.2.1",
                             algorithm_keys[algorithm]) == (0, "")
    assert gateway.records(host, "A") == {"192.0.2.1"}


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_dnspython(gateway, algorithm_keys, algorithm, tcp):
    host = f"py-{algorithm}-{tcp}.{ZONE}"
    message = add(host, "192.0.2.1")
    message.absent(host)
    answer = gateway.send(message, algorithm_keys[algorithm], tcp)
    assert answer.rcode() == dns.rcode.NOERROR and answer.had_tsig
    message = dns.update.UpdateMessage(ZONE)
    message.present(host, "A", "192.0.2.1")
    message.replace(host, 60, "A", "192.0.2.7")
    answer = gateway.send(message, algorithm_keys[algorithm], tcp)
    assert answer.rcode() == dns.rcode.NOERROR
    assert gateway.records(host, "A") == {"192.0.2.7"}


def test_recursion_desired_does_not_matter(gateway, shared_admin):
    """ldns-update and Dnsruby set RD in an UPDATE."""
    message = add(f"rd.{ZONE}", "192.0.2.1")
    message.flags |= dns.flags.RD
    request = sign(message, shared_admin)
    answer = gateway.exchange(request.wire)
    assert answer.rcode == "NOERROR" and answer.is_authentic(request)


def test_original_id_counts(gateway, shared_admin):
    """Kea's transport puts another id into the header after signing."""
    message = add(f"kea.{ZONE}", "192.0.2.1")
    request = sign(message, shared_admin, header_id=message.id ^ 0x5555)
    answer = gateway.exchange(request.wire)
    assert answer.rcode == "NOERROR" and answer.is_authentic(request)
    assert answer.id == message.id ^ 0x5555 and answer.tsig.original_id == message.id


@pytest.mark.skipif(not servers.have("ldns-update", "unshare", "ip", "mount"),
                    reason="ldns-update, unshare, ip or mount is not installed")
def test_ldns_update(gateways):
    """It asks the resolver of resolv.conf, on port 53: in a network of its own."""
    key = SharedKey("ldns.", "hmac-sha1")
    if run(["unshare", "-nm", "true"]).code:
        pytest.skip("not allowed to make a network of its own")
    gateway = gateways.make(keys=[key], port=53, zones={
        ZONE: {"targets": [{"type": "local", "file": "here.seed"}]}})
    gateway.write("here.seed", servers.ZONE.replace("192.0.2.1\n", "127.0.0.1\n"))
    gateway.prepare()
    gateway.is_prepared = True
    resolver = gateway.write("resolv.conf", "nameserver 127.0.0.1\n")
    script = gateway.write("session", f"""\
set -e
ip link set lo up
mount --bind {resolver} /etc/resolv.conf
{" ".join(gateway.command())} >{gateway.log_path} 2>&1 &
gateway=$!
until test -e {gateway.pid_path} || ! kill -0 $gateway; do :; done
ldns-update ldns.{ZONE} {ZONE} 192.0.2.53 {key.name} hmac-sha1 {key.secret} || echo failed: $?
{find("dig")} @127.0.0.1 +short ldns.{ZONE} A
kill $gateway
wait $gateway
echo ended: $?
""")
    ran = run(["unshare", "-nm", "sh", script])
    assert "192.0.2.53" in ran.output.splitlines(), ran.output + gateway.log()
    assert "ended: 0" in ran.output


# ---- heartbeats ----

@pytest.mark.parametrize("what", ["add", "delete and add", "delete all and add",
                                  "delete nothing", "prerequisite only", "other case"])
def test_heartbeats_change_nothing(gateway, shared_admin, what):
    host = f"beat.{ZONE}"
    gateway.update(add=[(host, 60, "A", "192.0.2.1"), (host, 60, "TXT", "text")],
                   key=shared_admin)
    before = state(gateway)
    message = dns.update.UpdateMessage(ZONE)
    if what == "delete and add":
        message.delete(host, "A")
    if what == "delete all and add":
        message.delete(host)
        message.add(host, 60, "TXT", "text")
    if what in ("add", "delete and add", "delete all and add"):
        message.add(host, 60, "A", "192.0.2.1")
    if what == "delete nothing":
        message.delete(host, "A", "192.0.2.77")
        message.delete(f"nobody.{ZONE}")
    if what == "prerequisite only":
        message.present(host, "A")
    if what == "other case":
        message.add(host.upper(), 60, "A", "192.0.2.1")
    for _ in range(3):
        request = sign(message, shared_admin)
        answer = gateway.exchange(request.wire)
        assert answer.rcode == "NOERROR" and answer.is_authentic(request)
    assert state(gateway) == before


def test_a_change_moves_the_serial_and_is_written_down(gateway, shared_admin):
    serial, journal = state(gateway)
    request = sign(add(f"change.{ZONE}", "192.0.2.1"), shared_admin)
    answer = gateway.exchange(request.wire)
    assert answer.rcode == "NOERROR"
    assert state(gateway) == (serial + 1, {"count": journal["count"] + 1,
                                           "seq": journal["seq"] + 1})
    row, = gateway.audit(answer.port)
    assert row["key"] == "admin." and row["source"].endswith("/udp")
    assert row["rcode"] == 0 and row["reason"] is None and row["changes"]
    assert "change.dyn.example. A 192.0.2.1" in row["request"]
    assert row["mac"] == request.mac[:16]


def test_a_ttl_alone_is_a_change(gateway, shared_admin):
    host = f"ttl.{ZONE}"
    gateway.update(add=[(host, 60, "A", "192.0.2.1")], key=shared_admin)
    serial = gateway.serial()
    gateway.update(add=[(host, 90, "A", "192.0.2.1")], key=shared_admin)
    assert (gateway.ttl(host, "A"), gateway.serial()) == (90, serial + 1)


# ---- retransmissions ----

@pytest.mark.parametrize("same_port", [True, False])
def test_a_retransmission_gets_the_first_answer(gateway, shared_admin, same_port):
    host = f"again{same_port}.{ZONE}"
    message = add(host, "192.0.2.1")
    message.absent(host)
    request = sign(message, shared_admin)
    with Udp(gateway.port) as first, Udp(gateway.port) as second:
        first.send(request.wire)
        assert first.receive().rcode == "NOERROR"
        assert gateway.records(host, "A") == {"192.0.2.1"}
        gateway.update(delete=[(host,)], key=shared_admin)
        before = state(gateway)
        client = first if same_port else second
        client.send(request.wire)
        answer = client.receive()
    assert answer.rcode == "NOERROR" and answer.is_authentic(request)
    assert gateway.records(host, "A") == set()
    assert state(gateway) == before


def test_twins_in_flight_are_executed_once(gateway, shared_admin):
    host = f"twins.{ZONE}"
    serial = gateway.serial()
    message = add(host, "192.0.2.1")
    message.absent(host)
    request = sign(message, shared_admin)
    clients = [Udp(gateway.port) for _ in range(8)]
    for client in clients:
        client.send(request.wire)
    for client in clients:
        answer = client.receive()
        assert answer.rcode == "NOERROR" and answer.is_authentic(request)
        client.close()
    assert gateway.serial() == serial + 1


def test_a_retransmitted_refusal_is_refused_alike(gateway, shared_admin):
    host = f"refused-again.{ZONE}"
    gateway.update(add=[(host, 60, "A", "192.0.2.1")], key=shared_admin)
    message = add(host, "192.0.2.2")
    message.absent(host)
    request = sign(message, shared_admin)
    assert gateway.exchange(request.wire).rcode == "YXDOMAIN"
    gateway.update(delete=[(host,)], key=shared_admin)
    answer = gateway.exchange(request.wire)
    assert answer.rcode == "YXDOMAIN" and answer.is_authentic(request)
    assert len(gateway.lines_about(answer.port)) == 1
    assert gateway.records(host, "A") == set()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_replay_after_a_restart_is_not_executed(gateways, admin, end):
    gateway = gateways(keys=[admin])
    host = f"replay.{ZONE}"
    message = add(host, "192.0.2.1")
    message.absent(host)
    request = sign(message, admin)
    # The same again, when its prerequisite is wrong.
    refused = Signed(bytes([message.id >> 8 ^ 1]) + message.to_wire()[1:], admin)
    assert gateway.exchange(request.wire).rcode == "NOERROR"
    assert gateway.exchange(refused.wire).rcode == "YXDOMAIN"
    assert gateway.update(delete=[(host,)], key=admin) == "NOERROR"
    before = state(gateway)
    getattr(gateway, end)()
    gateway.start()
    for sent, rcode in (request, "NOERROR"), (refused, "YXDOMAIN"):
        answer = gateway.exchange(sent.wire)
        assert answer.rcode == rcode and answer.is_authentic(sent)
    assert gateway.records(host, "A") == set()
    assert state(gateway) == before


def test_one_id_and_two_messages_are_two_updates(gateway, shared_admin):
    """ansible gives the same id to different updates in a row."""
    host = f"ansible.{ZONE}"
    with Udp(gateway.port) as client:
        for data in "192.0.2.1", "192.0.2.2":
            message = add(host, data)
            message.id = 4711
            client.send(sign(message, shared_admin).wire)
            assert client.receive().rcode == "NOERROR"
    assert gateway.records(host, "A") == {"192.0.2.1", "192.0.2.2"}


# ---- races ----

def in_parallel(count, work):
    """Results of work(0) to work(count - 1), started at once."""
    results = [None] * count
    barrier = threading.Barrier(count)

    def one(index):
        barrier.wait()
        results[index] = work(index)

    threads = [threading.Thread(target=one, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("tcp", [False, True])
def test_twelve_that_want_one_name_have_one_winner(gateway, shared_admin, tcp):
    host = f"race{tcp}.{ZONE}"

    def claim(index):
        message = add(host, f"192.0.2.{index}")
        message.absent(host)
        return gateway.exchange(sign(message, shared_admin).wire, tcp).rcode

    rcodes = in_parallel(12, claim)
    assert sorted(rcodes) == ["NOERROR"] + 11 * ["YXDOMAIN"]
    assert gateway.records(host, "A") == {f"192.0.2.{rcodes.index('NOERROR')}"}


@pytest.mark.parametrize("tcp", [False, True])
def test_twelve_that_add_to_one_rrset_lose_nothing(gateway, shared_admin, tcp):
    host = f"crowd{tcp}.{ZONE}"
    rcodes = in_parallel(12, lambda index: gateway.exchange(
        sign(add(host, f"192.0.2.{index}"), shared_admin).wire, tcp).rcode)
    assert rcodes == 12 * ["NOERROR"]
    assert gateway.records(host, "A") == {f"192.0.2.{index}" for index in range(12)}
