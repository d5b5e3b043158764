"""muster-agent against real servers and against gateways that misbehave: registration,
refreshing, failover, and all that an answer may be."""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time

import pytest

import agent as agent_module
from agent import NAME, Act, FakeGateway, LossyRelay
from gateway import SharedKey
from servers import HOST, Bind, Knot, PowerDNS, free_port, have, wait_for

SELF_RULES = [
    {"keys": ["*.dyn.example."], "match": "self", "types": ["A", "AAAA", "TXT", "SSHFP"],
     "lease": {"min": "1s"}},
    {"keys": ["admin."], "match": "zone", "types": ["ANY"], "transfer": True},
]
TXT = {'"agent"'}


@pytest.fixture(params=["musterd", "bind", "knot", "pdns"])
def server(request, tmp_path, gateways, host_key):
    """Servers that take the host's updates; musterd under a rule that lets it have its own
    name only."""
    if request.param == "musterd":
        yield gateways(keys=[host_key, SharedKey("admin.")],
                       zones={"dyn.example.": {"allow": SELF_RULES}})
        return
    kind, options = {"bind": (Bind, {}), "knot": (Knot, {}),
                     "pdns": (PowerDNS, {"dnsupdate": True})}[request.param]
    if not have(kind.program):
        pytest.skip(f"{kind.program} is not installed")
    with kind(tmp_path / "server", keys=[host_key], **options) as made:
        yield made


# ---- any server ----

def test_publishes_and_withdraws(server, agents, host_key):
    """What others left in a claimed RRset is removed; everything else of others stays."""
    own = agents(host_key, [server.port], records=["@ A 192.0.2.77", "@ TXT agent"])
    own.wait_published()
    assert server.records(NAME, "A") == {"192.0.2.77"}
    assert server.records(NAME, "TXT") == TXT
    assert server.records(NAME, "AAAA") == {"2001:db8::11"}
    own.stop()
    assert server.records(NAME, "TXT") == TXT, "SIGTERM keeps the records"
    assert own.run("--withdraw")[0] == 0
    assert server.records(NAME, "A") == set()
    assert server.records(NAME, "TXT") == set()
    assert server.records(NAME, "AAAA") == {"2001:db8::11"}


def test_refreshes_are_heartbeats(server, agents, host_key):
    """Neither a refresh nor a restart causes a new serial."""
    own = agents(host_key, [server.port], lease="3s", records=["@ A 192.0.2.77"])
    own.wait_published()
    serial = server.serial()
    wait_for(lambda: own.zone_status()["updates"] >= 3, "two refreshes")
    assert server.serial() == serial
    own.stop()
    own.start()
    own.wait_published()
    assert server.records(NAME, "A") == {"192.0.2.77"}


def test_a_change_replaces_what_differs(server, agents, host_key):
    own = agents(host_key, [server.port], records=["@ A 192.0.2.77", "@ A 192.0.2.78"])
    own.wait_published()
    own.configure(records=["@ A 192.0.2.78", "@ A 192.0.2.79"])
    own.reload()
    wait_for(lambda: server.records(NAME, "A") == {"192.0.2.78", "192.0.2.79"}, "the change")


def test_what_an_earlier_run_left_is_removed(server, agents, host_key):
    own = agents(host_key, [server.port], records=["@ A 192.0.2.77", "@ TXT agent"])
    own.wait_published()
    own.kill()
    own.configure(records=["@ A 192.0.2.77"])
    own.start()
    wait_for(lambda: server.records(NAME, "TXT") == set(), "the old record to go")
    assert server.records(NAME, "A") == {"192.0.2.77"}


def test_withdraw_on_exit(server, agents, host_key):
    own = agents(host_key, [server.port], withdraw_on_exit=True)
    own.wait_published()
    own.stop()
    assert server.records(NAME, "TXT") == set()


def test_once(server, agents, host_key):
    own = agents.make(host_key, [server.port])
    code, _, error = own.run("--once")
    assert code == 0, error
    assert server.records(NAME, "TXT") == TXT


def test_many_records_go_over_tcp(server, agents, host_key, tmp_path):
    if isinstance(server, agent_module.gateway.Gateway):
        del server.zones["dyn.example."]["allow"]
        server.reconfigure()
    lines = "".join(f"10.1.{i // 250}.{i % 250 + 1} h{i}\n" for i in range(1200))
    (tmp_path / "hosts").write_text(lines)
    own = agents(host_key, [server.port], records=[],
                 sources=[{"type": "hosts", "path": str(tmp_path / "hosts")}])
    own.wait_published(60)
    assert server.records("h0.dyn.example.", "A") == {"10.1.0.1"}
    assert server.records("h1199.dyn.example.", "A") == {"10.1.4.200"}
    wait_for(lambda: own.zone_status()["ok"], "it to be well")


# ---- registration and refreshing, RFC 9664 ----

def test_registration_and_refresh_as_the_rfc_says(agents, host_key):
    with FakeGateway(host_key, lambda seen: Act(lease=4)) as fake:
        own = agents(host_key, [fake.port], lease="2h")
        first, second, third = fake.wait_updates(3, 60)[:3]
        assert first.lease == 7200
        assert first.changes == {"-host1 TXT", '+host1 TXT "agent"'}
        assert second.changes == third.changes == {'+host1 TXT "agent"'}
        assert not first.message.prerequisite and not second.message.prerequisite
        # Refreshed by what the server grants, not by what was asked for; when exactly says
        # unit/agent_schedule.
        zone = own.zone_status()
        assert zone["lease"] == 4 and zone["granted"] is True


def test_without_lease_option_it_keeps_refreshing(agents, host_key):
    with FakeGateway(host_key) as fake:
        own = agents(host_key, [fake.port], lease="2s")
        fake.wait_updates(3)
        assert own.zone_status()["granted"] is False


def test_a_refresh_without_answer_is_tried_again_before_the_end(agents, host_key):
    """And again; how the tries are spread until the end says unit/agent_schedule."""
    with FakeGateway(host_key, lambda seen: Act(lease=10) if len(fake.seen) == 1
                     else Act(rcode="SERVFAIL")) as fake:
        own = agents(host_key, [fake.port])
        updates = fake.wait_updates(6, 60)
        assert all(update.changes == {'+host1 TXT "agent"'} for update in updates[1:])
        assert not own.zone_status()["ok"]


def test_a_registration_that_fails_backs_off(agents, host_key):
    with FakeGateway(host_key, lambda seen: Act(rcode="SERVFAIL")) as fake:
        own = agents(host_key, [fake.port])
        fake.wait_updates(3, 60)
        wait_for(lambda: own.zone_status()["failures"] >= 3, "failures")
        # The pauses grow: the next one is unit/agent_schedule's; here, that there is one.
        status = own.status()
        assert status["zones"][0]["next"] > status["zones"][0]["answered"]
        assert "the server's log says what it is missing" in own.log()


def test_the_initial_delay_is_random(agents, host_key):
    """What it draws is unit/agent_schedule's; here, that it draws, and begins nonetheless."""
    delays = set()
    with FakeGateway(host_key) as fake:
        for _ in range(5):
            own = agents.make(host_key, [fake.port], initial_delay="1s")
            count = len(fake.seen)
            own.start()
            started = time.monotonic()
            update = fake.wait_updates(count + 1, 60)[count]
            delays.add(round(update.at - started, 3))
            own.stop()
    assert len(delays) > 1


# ---- several gateways ----

@pytest.mark.parametrize("act", [Act(rcode="SERVFAIL"), Act(rcode="NOTAUTH"), Act(drop=True)])
def test_the_next_gateway_takes_over(agents, host_key, act):
    with FakeGateway(host_key, lambda seen: act) as first, FakeGateway(host_key) as second:
        own = agents(host_key, [first.port, second.port], timeout="1s")
        second.wait_updates(1)
        own.wait_published()
        assert own.zone_status()["gateway"].endswith(str(second.port))


def test_a_gateway_that_is_not_there_costs_no_time(agents, host_key):
    with FakeGateway(host_key) as second:
        own = agents(host_key, [free_port(), second.port], timeout="1m")
        own.wait_published(50)


def test_a_refusal_is_not_taken_to_the_next(agents, host_key):
    with FakeGateway(host_key, lambda seen: Act(rcode="REFUSED", ede="rule 3")) as first, \
            FakeGateway(host_key) as second:
        own = agents(host_key, [first.port, second.port])
        wait_for(lambda: "REFUSED (Prohibited: rule 3)" in own.log(), "the refusal's reason")
        assert "policy must allow" in own.log()
        assert not second.seen
        assert own.run("--status")[0] == 1


def test_names_of_gateways_are_looked_up(agents, host_key):
    if not any(info[4][0] == HOST for info in socket.getaddrinfo("localhost", 53)):
        pytest.skip("localhost has another address here")
    with FakeGateway(host_key) as fake:
        agents(host_key, [f"localhost:{fake.port}"]).wait_published()


def test_a_gateway_without_address_is_passed_over(agents, host_key):
    with FakeGateway(host_key) as fake:
        own = agents(host_key, ["gateway.invalid:53", endpoint(fake.port)])
        own.wait_published(60)


def endpoint(port):
    return f"{HOST}:{port}"


# ---- answers of all kinds ----

def test_a_truncated_answer_is_asked_for_over_tcp(agents, host_key):
    with FakeGateway(host_key, lambda seen: Act(truncate=True)) as fake:
        agents(host_key, [fake.port]).wait_published()
        assert [seen.transport for seen in fake.updates()] == ["udp", "tcp"]


def test_transport_tcp(agents, host_key):
    with FakeGateway(host_key) as fake:
        agents(host_key, [fake.port], transport="tcp").wait_published()
        assert [seen.transport for seen in fake.updates()] == ["tcp"]


def test_a_forged_answer_is_waited_out(agents, host_key):
    """One with a wrong MAC comes first: the genuine one counts."""
    with FakeGateway(host_key, lambda seen: Act(wrong_mac=True)) as fake:
        own = agents(host_key, [fake.port])
        own.wait_published()
        assert len(fake.seen) == 1
        assert "not updated" not in own.log()


def test_an_unsigned_answer_proves_nothing(agents, host_key):
    with FakeGateway(host_key, lambda seen: Act(unsigned=True)) as fake:
        own = agents(host_key, [fake.port])
        wait_for(lambda: "NOERROR, which proves nothing" in own.log(), "the complaint")
        assert "are published" not in own.log()
        assert "compare name, algorithm and secret" in own.log()


def test_a_wrong_key_is_said(agents, host_key):
    other = SharedKey(host_key.name)
    with FakeGateway(other) as fake:
        own = agents(host_key, [fake.port])
        wait_for(lambda: "NOTAUTH(BADKEY)" in own.log(), "the complaint")
        assert "compare name, algorithm and secret" in own.log()


def test_the_other_secret_of_a_key_is_tried(agents, host_key):
    """Rotation: the file holds the old one and the new one."""
    new = SharedKey(host_key.name)
    host_key.text += new.text
    with FakeGateway(new) as fake:
        agents(host_key, [fake.port]).wait_published()


@pytest.mark.parametrize("clock", [100000, -100000])
def test_a_wrong_clock_is_learnt(agents, host_key, clock):
    with FakeGateway(host_key, clock=clock) as fake:
        own = agents(host_key, [fake.port], lease="2s")
        own.wait_published()
        fake.wait_updates(2)
        assert fake.bad_times == 1, "it is learnt once"
        assert own.log().count("set the clocks by NTP") == 1


def test_duplicate_answers_are_harmless(agents, host_key):
    with FakeGateway(host_key, lambda seen: Act(twice=True)) as fake:
        own = agents(host_key, [fake.port], lease="2s")
        fake.wait_updates(3)
        wait_for(lambda: own.zone_status()["ok"], "it to be well")


def test_what_is_refused_takes_nothing_else_with_it(agents, host_key, tmp_path):
    """One name of 60 is not allowed; all others are published, with few updates."""
    (tmp_path / "hosts").write_text("".join(f"192.0.2.{i} h{i}\n" for i in range(1, 61)))

    def act(seen):
        is_bad = any(" h17 " in f" {change[1:]} " for change in seen.changes)
        return Act(rcode="REFUSED", ede="not h17") if is_bad else Act()

    with FakeGateway(host_key, act) as fake:
        own = agents(host_key, [fake.port], records=[],
                     sources=[{"type": "hosts", "path": str(tmp_path / "hosts")}])
        wait_for(lambda: "does not take h17.dyn.example. A" in own.log(), "the refusal")
        wait_for(lambda: sum(record["state"] == "published" for record
                             in own.zone_status()["records"]) == 59, "the others")
        states = {record["name"]: record["state"] for record in own.zone_status()["records"]}
        assert states["h17.dyn.example."] == "refused"
        assert len(fake.seen) <= 20


def test_a_policy_that_allows_nothing_is_found_out_soon(agents, host_key, tmp_path):
    (tmp_path / "hosts").write_text("".join(f"192.0.2.{i} h{i}\n" for i in range(1, 201)))
    with FakeGateway(host_key, lambda seen: Act(rcode="REFUSED")) as fake:
        own = agents(host_key, [fake.port], records=[],
                     sources=[{"type": "hosts", "path": str(tmp_path / "hosts")}])
        wait_for(lambda: own.zone_status()["records"] and
                 all(record["state"] == "refused" for record in own.zone_status()["records"]),
                 "all to be refused")
        assert len(fake.seen) <= 64


# ---- a bad network ----

def test_packet_loss_and_disorder(agents, gateways, host_key):
    """A third of all datagrams is lost, a third comes late or twice: the zone is right, and
    a lease is never without its refresh for long."""
    musterd = gateways(keys=[host_key])
    with LossyRelay(musterd.port, loss=0.3, disorder=0.3) as relay:
        own = agents(host_key, [relay.port], lease="3s", timeout="10s")
        own.wait_published(60)
        for number in range(5):
            own.configure(records=[f"@ A 192.0.2.{number}"])
            own.reload()
            wait_for(lambda n=number: musterd.records(NAME, "A") == {f"192.0.2.{n}"},
                     "the change", 60)
        assert relay.lost > 0
        assert relay.passed + relay.lost < 400


def test_no_storm_while_nobody_answers(agents, host_key):
    with FakeGateway(host_key) as fake, LossyRelay(fake.port) as relay:
        own = agents(host_key, [relay.port], lease="2s", timeout="500ms")
        fake.wait_updates(1)
        relay.cut()
        wait_for(lambda: own.zone_status()["failures"] >= 3, "failures", 60)
        before = relay.lost
        wait_for(lambda: own.zone_status()["failures"] >= 5, "more failures", 60)
        assert relay.lost - before <= 12
        relay.cut(False)
        count = len(fake.seen)
        fake.wait_updates(count + 1, 60)


# ---- the command ----

def test_status_for_people(agents, host_key):
    with FakeGateway(host_key, lambda seen: Act(lease=3600)) as fake:
        own = agents(host_key, [fake.port])
        own.wait_published()
        wait_for(lambda: own.run("--status")[0] == 0, "it to be well")
        text = own.run("--status")[1]
        assert 'published  host1.dyn.example. TXT "agent"  until 2' in text
        assert "answer   NOERROR" in text
        assert "3600 s, granted by the server" in text
        own.stop()
        code, text, _ = own.run("--status")
        assert code == 1 and "does not run" in text


def test_status_without_state(agents, host_key):
    code, _, error = agents.make(host_key, [1]).run("--status")
    assert code == 2 and "has the agent run" in error


def test_only_one_with_the_same_state(agents, host_key):
    with FakeGateway(host_key) as fake:
        own = agents(host_key, [fake.port])
        own.wait_published()
        for option in ("-f", "--once", "--withdraw"):
            code, _, error = own.run(option)
            assert code == 1 and "another muster-agent runs" in error


def test_once_fails_when_nobody_answers(agents, host_key):
    code, _, error = agents.make(host_key, [free_port()]).run("--once")
    assert code == 1
    assert "Connection refused; is it running, and do firewalls let" in error


def test_check(agents, host_key):
    own = agents.make(host_key, [53])
    assert own.run("--check")[0] == 0
    own.configure(leese="1h")
    code, _, error = own.run("--check")
    assert code == 1
    assert "agent.conf:" in error and 'leese: unknown setting' in error


def test_a_readable_key_is_refused(agents, host_key):
    own = agents.make(host_key, [53])
    os.chmod(own.path("host.key"), 0o644)
    code, _, error = own.run("--check")
    assert code == 1 and "chmod 640" in error


def test_a_bad_reload_changes_nothing(agents, host_key):
    with FakeGateway(host_key, lambda seen: Act(lease=3)) as fake:
        own = agents(host_key, [fake.port])
        own.wait_published()
        own.configure(leese="1h")
        assert "the previous configuration stays in effect" in own.reload()
        fake.wait_updates(2)


def test_create_config_overwrites_nothing(agents, host_key, tmp_path):
    own = agents.make(host_key, [53])
    own.config_path = str(tmp_path / "new.conf")
    assert own.run("--create-config")[0] == 0
    text = (tmp_path / "new.conf").read_text()
    code, _, error = own.run("--create-config")
    assert code == 1 and "nothing is overwritten" in error
    assert (tmp_path / "new.conf").read_text() == text
    host_key.write(str(tmp_path / "host.key"))
    assert own.run("--check")[0] == 0


def test_enrolment(agents, host_key, tmp_path):
    """The line of tests/unit/test_enrolment.c's form, made here by hand."""
    import base64
    import binascii
    import struct

    def name(text):
        return b"".join(bytes([len(label)]) + label.encode()
                        for label in text.rstrip(".").split(".")) + b"\0"

    with FakeGateway(host_key) as fake:
        place = f"{HOST}:{fake.port}".encode()
        secret = base64.b64decode(host_key.secret)
        body = bytes([1, len(place)]) + place + name("dyn.example.") + name(NAME) + \
            name(host_key.name) + name(host_key.algorithm) + \
            struct.pack("!H", len(secret)) + secret
        body += struct.pack("!I", binascii.crc32(body))
        line = "muster1:" + base64.urlsafe_b64encode(body).decode().rstrip("=")

        folder = tmp_path / "enrolled"
        folder.mkdir()
        own = agents.make(host_key, [53])
        own.config_path = str(folder / "agent.conf")
        code, _, error = own.run("--enrol", line[:-1])
        assert code == 1 and "was cut or mistyped" in error
        assert not list(folder.iterdir())
        code, output, error = own.run("--enrol", "-", text=line + "\n")
        assert code == 0, error
        assert host_key.secret not in output
        assert stat.S_IMODE(os.stat(folder / "host.key").st_mode) == 0o600
        assert own.run("--check")[0] == 0
        assert own.run("--enrol", line)[0] == 1, "nothing is overwritten"
        with open(own.config_path, "a") as file:
            file.write(f'state = "{own.state_path}"; records = [ "@ TXT agent" ];\n')
        assert own.run("--once")[0] == 0
        assert '+host1 TXT "agent"' in fake.updates()[0].changes


def test_install_service(agents, host_key, tmp_path):
    own = agents.make(host_key, [53])
    code, _, error = own.run(f"--install-service={tmp_path}")
    assert code == 0, error
    unit = (tmp_path / "muster-agent.service").read_text()
    assert f"ExecStart={os.path.realpath(agent_module.PROGRAM)} -f -c {own.config_path}" in unit
    assert own.run(f"--install-service={tmp_path}")[0] == 1
    if have("systemd-analyze"):
        done = subprocess.run(
            ["systemd-analyze", "verify", str(tmp_path / "muster-agent.service")],
            capture_output=True, text=True, check=False)
        assert "Unknown" not in done.stderr, done.stderr


def test_background_and_notify(agents, host_key, tmp_path):
    """Without -f the command returns when the agent is ready; the PID file says who."""
    with FakeGateway(host_key) as fake:
        own = agents.make(host_key, [fake.port], pid_file=str(tmp_path / "pid"))
        assert own.run()[0] == 0
        pid = int((tmp_path / "pid").read_text())
        fake.wait_updates(1)
        assert own.status()["pid"] == pid
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not (tmp_path / "pid").exists(), "the end")
        wait_for(lambda: own.status()["running"] is False, "the lock to be free")


def test_service_manager_is_told(agents, host_key, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, \
            FakeGateway(host_key) as fake:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        own = agents(host_key, [fake.port])
        told = [manager.recv(4096).decode()]
        while "1 record published" not in told[-1]:
            told.append(manager.recv(4096).decode())
        assert told[0] == "READY=1"
        assert f"at {HOST}:{fake.port}; next update" in told[-1]
        own.stop()
        while told[-1] != "STOPPING=1":
            told.append(manager.recv(4096).decode())


def test_a_credential_stands_for_the_key_file(agents, host_key, tmp_path, monkeypatch):
    """systemd's LoadCredential=: the key file itself can not be read."""
    own = agents.make(host_key, [53], key_file="/nonexistent/host.key")
    assert own.run("--check")[0] == 1
    (tmp_path / "credentials").mkdir()
    host_key.write(str(tmp_path / "credentials" / "host.key"))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    code, _, error = own.run("--check")
    assert code == 0, error


def test_rights_are_given_up(agents, host_key, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root has rights to give up")
    place = tempfile.mkdtemp()  # nobody can enter tmp_path
    try:
        os.chmod(place, 0o777)
        with FakeGateway(host_key) as fake:
            own = agents.make(host_key, [fake.port], user="nobody",
                              state=os.path.join(place, "state.json"))
            own.start()
            own.wait_published()
            with open(f"/proc/{own.process.pid}/status") as file:
                status = file.read()
            uid = pwd.getpwnam("nobody").pw_uid
            assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in status
            assert os.stat(os.path.join(place, "state.json")).st_uid == uid
            own.stop()
            own.configure(user="no such user")
            assert "no such user" in own.run("-f")[2]
    finally:
        shutil.rmtree(place)


def test_secrets_stay_secret(agents, host_key):
    with FakeGateway(host_key) as fake:
        own = agents(host_key, [fake.port])
        own.wait_published()
        own.stop()
        with open(own.state_path) as file:
            assert host_key.secret not in file.read()
        assert host_key.secret not in own.log()


# ---- leases of a gateway ----

LEASED = [{"keys": [NAME], "match": "self", "types": ["A", "TXT"],
           "lease": {"default": "4s", "min": "1s", "max": "1h"}}]


def test_records_end_with_their_host(agents, gateways, host_key):
    """Records stay while the agent lives, for several leases, and go afterwards."""
    musterd = gateways(keys=[host_key], zones={"dyn.example.": {"allow": LEASED}})
    own = agents(host_key, [musterd.port], lease="3s", records=["@ A 192.0.2.77"])
    own.wait_published()
    zone = own.zone_status()
    assert zone["granted"] is True and zone["lease"] == 3
    serial = musterd.serial()
    wait_for(lambda: own.zone_status()["updates"] >= 4, "refreshes over two leases")
    assert musterd.records(NAME, "A") == {"192.0.2.77"}
    assert musterd.serial() == serial
    own.kill()
    wait_for(lambda: musterd.records(NAME, "A") == set(), "the lease to end")


def test_a_gateway_that_was_away_ends_nothing(agents, gateways, host_key):
    """The gateway is killed for longer than the lease: its own absence lets nothing expire,
    and no storm greets it."""
    musterd = gateways(keys=[host_key], zones={"dyn.example.": {"allow": LEASED}})
    own = agents(host_key, [musterd.port], lease="3s", timeout="1s",
                 records=["@ A 192.0.2.77", "@ TXT agent"])
    own.wait_published()
    musterd.kill()
    failures = own.zone_status()["failures"]
    wait_for(lambda: own.zone_status()["failures"] >= failures + 4, "failures", 60)
    assert "not updated" in own.log()
    musterd.start()
    updates = own.zone_status()["updates"]
    assert musterd.records(NAME, "A") == {"192.0.2.77"}
    wait_for(lambda: own.zone_status()["ok"], "it to be well again", 60)
    assert own.zone_status()["updates"] - updates < 15
    assert musterd.records(NAME, "A") == {"192.0.2.77"}
    assert musterd.records(NAME, "TXT") == TXT


def test_the_example_is_right(agents, host_key, tmp_path):
    """contrib/examples/muster-agent.conf, prepared as its comment says."""
    example = os.path.join(agent_module.gateway.TOP_FOLDER, "contrib", "examples",
                           "muster-agent.conf")
    shutil.copy(example, tmp_path / "muster-agent.conf")
    host_key.write(str(tmp_path / "host.key"))
    own = agents.make(host_key, [53])
    own.config_path = str(tmp_path / "muster-agent.conf")
    code, output, error = own.run("--check")
    assert code == 0, error
    assert "host1.dyn.example., 2 gateways, 1 zone, 1 source: valid" in output
