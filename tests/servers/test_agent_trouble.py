"""muster-agent where something is wrong: bad reloads, refusals that last, state that is lost,
containers that crash in a loop; and a host that is enrolled by musterctl."""

import os
import pwd
import shutil
import signal
import tempfile

import pytest

from agent import NAME, Act, FakeEngine, FakeGateway
from gateway import SharedKey
from musterctl import controlled, ctl
from servers import HOST, free_port, wait_for

TXT = {'"agent"'}


def test_a_reload_with_nothing_to_publish_changes_nothing(agents, host_key):
    """The configuration is valid but cannot work: the agent goes on as before."""
    with FakeGateway(host_key, lambda seen: Act(lease=3)) as fake:
        own = agents(host_key, [fake.port])
        own.wait_published()
        own.configure(records=[])
        assert "the previous configuration stays in effect" in own.reload()
        count = len(fake.seen)
        wait_for(lambda: len(fake.seen) > count, "a refresh")
        assert fake.updates()[-1].changes == {'+host1 TXT "agent"'}


def test_what_is_refused_is_not_well_after_the_next_success(agents, host_key, tmp_path):
    """--status says so as long as it is refused, whatever else is published."""
    def act(seen):
        is_bad = any(" A " in f"{change} " for change in seen.changes)
        return Act(rcode="REFUSED") if is_bad else Act(lease=2)

    with FakeGateway(host_key, act) as fake:
        own = agents(host_key, [fake.port], records=["@ A 192.0.2.1", "@ TXT agent"])
        wait_for(lambda: "does not take host1.dyn.example. A" in own.log(), "the refusal")
        updates = own.zone_status()["updates"]
        wait_for(lambda: own.zone_status()["updates"] >= updates + 2, "refreshes of the rest")
        assert not own.zone_status()["ok"]
        assert own.run("--status")[0] == 1


def refusing(text, lease=3600):
    """Refuses updates in which this stands."""
    def act(seen):
        is_bad = any(text in change for change in seen.changes)
        return Act(rcode="REFUSED") if is_bad else Act(lease=lease)
    return act


def test_what_was_never_taken_leaves_no_trace(agents, host_key, tmp_path):
    """A container with a name that the policy forbids comes and goes: nothing of it is left
    to be removed, here or after a restart."""
    with FakeEngine(tmp_path / "engine.sock") as engine, \
            FakeGateway(host_key, refusing("forbidden")) as fake:
        own = agents(host_key, [fake.port], sources=[
            {"type": "docker", "path": engine.path, "grace": "0"}])
        own.wait_published()
        bad = engine.run("bad", {"muster.name": "forbidden"})
        wait_for(lambda: "does not take forbidden" in own.log(), "the refusal")
        wait_for(lambda: not own.zone_status()["ok"], "it to be said")
        engine.remove(bad)
        wait_for(lambda: own.run("--status")[0] == 0, "it to be well again")
        assert [r["name"] for r in own.zone_status()["records"]] == [NAME]
        own.stop()
        assert own.run("--once")[0] == 0
        assert own.run("--withdraw")[0] == 0


def test_a_removal_that_is_refused_ends_with_the_lease(agents, host_key):
    """The policy has changed: the record is there, and may not be removed."""
    with FakeGateway(host_key, refusing("-host1 A 192.0.2.1", lease=4)) as fake:
        own = agents(host_key, [fake.port], records=["@ A 192.0.2.1", "@ TXT agent"])
        own.wait_published()
        own.configure(records=["@ TXT agent"])
        own.reload()
        wait_for(lambda: "does not remove host1.dyn.example. A 192.0.2.1" in own.log(),
                 "the refusal")
        wait_for(lambda: own.run("--status")[0] == 0, "the lease to end")
        assert [r["type"] for r in own.zone_status()["records"]] == ["TXT"]


def test_a_source_that_fails_is_not_well(agents, host_key, tmp_path):
    """--status and --once say so, although all that is known is published."""
    with FakeGateway(host_key, lambda seen: Act(lease=3600)) as fake:
        own = agents.make(host_key, [fake.port], sources=[
            {"type": "command", "command": [str(tmp_path / "program")]}])
        code, _, error = own.run("--once")
        assert code == 1
        assert f"source command: {tmp_path}/program: No such file" in error
        assert fake.updates()[0].changes == {"-host1 TXT", '+host1 TXT "agent"'}
        own.start()
        own.wait_published()
        code, text, _ = own.run("--status")
        assert code == 1
        assert f"source   command {tmp_path}/program: FAILS: No such file" in text
        source, = own.status()["sources"]
        assert source["ok"] is False and source["records"] == 0
        own.configure(sources=[{"type": "hosts", "path": "hosts"}])
        own.write("hosts", "192.0.2.1 web\n")
        own.reload()
        wait_for(lambda: own.run("--status")[0] == 0, "it to be well")
        assert f"source   hosts {own.path('hosts')}: 1 record" in own.run("--status")[1]
        own.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: "status: 2 records published at" in own.log(), "the status")
        os.unlink(own.path("hosts"))
        wait_for(lambda: own.run("--status")[0] == 1, "it to be said")
        own.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: f"status: source hosts {own.path('hosts')}: No such file" in own.log(),
                 "the source that fails")


def test_once_that_is_ended_has_failed(agents, host_key):
    with FakeGateway(host_key, lambda seen: Act(drop=True)) as fake:
        own = agents.make(host_key, [fake.port], timeout="60s")
        own.start("--once", wait=False)
        fake.wait_updates(1)
        process, own.process = own.process, None
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 1


def test_withdraw_with_a_damaged_state_file_fails(agents, host_key):
    with FakeGateway(host_key) as fake:
        own = agents(host_key, [fake.port])
        own.wait_published()
        own.stop()
        own.write("state.json", '{"version": 1, "zones": [')
        code, _, error = own.run("--withdraw")
        assert code == 1 and "what is published is not known" in error
        os.unlink(own.state_path)
        code, _, error = own.run("--withdraw")
        assert code == 0 and "nothing is known to be published" in error


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
def test_the_folder_of_the_state_is_the_users(agents, host_key):
    """It is made by root, and written to by the account that the agent runs as."""
    place = tempfile.mkdtemp()  # nobody can enter tmp_path
    try:
        os.chmod(place, 0o755)
        state = os.path.join(place, "made", "state.json")
        with FakeGateway(host_key) as fake:
            own = agents(host_key, [fake.port], user="nobody", state=state)
            own.wait_published()
            assert os.stat(state).st_uid == pwd.getpwnam("nobody").pw_uid
            own.stop()
    finally:
        shutil.rmtree(place)


def test_a_state_file_that_can_not_be_written(agents, host_key):
    """Publishing goes on, and the log says it once."""
    with FakeGateway(host_key, lambda seen: Act(lease=2)) as fake:
        own = agents.make(host_key, [fake.port])
        os.mkdir(own.path("state.json"))  # can not be replaced by a file
        own.start()
        fake.wait_updates(3)
        assert own.log().count("will not know what is published") == 1
        os.rmdir(own.path("state.json"))
        wait_for(lambda: os.path.exists(own.state_path), "the state")


def test_the_service_takes_the_key_that_is_configured(agents, host_key, tmp_path):
    own = agents.make(host_key, [53], key_file="other.key")
    os.rename(own.path("host.key"), own.path("other.key"))
    code, _, error = own.run(f"--install-service={tmp_path}")
    assert code == 0, error
    unit = (tmp_path / "muster-agent.service").read_text()
    assert f"LoadCredential=other.key:{own.path('other.key')}\n" in unit


def test_a_container_that_crashes_in_a_loop_keeps_its_name(gateways, agents, host_key,
                                                           tmp_path):
    """Between two starts the engine lists it without addresses: within the grace that
    changes nothing."""
    server = gateways(keys=[host_key])
    with FakeEngine(tmp_path / "engine.sock") as engine:
        web = engine.run("web", {"muster.name": "web"})
        own = agents(host_key, [server.port], sources=[
            {"type": "docker", "path": engine.path, "grace": "1h"}])
        wait_for(lambda: server.records("web.dyn.example.", "A") == {"172.18.0.2"}, "web")
        engine.stop_container(web)
        engine.start_container(web, "")
        engine.run("last", {"muster.name": "last"}, "172.18.0.3")
        wait_for(lambda: server.records("last.dyn.example.", "A"), "the last one")
        assert server.records("web.dyn.example.", "A") == {"172.18.0.2"}
        engine.start_container(web, "172.18.0.7")
        wait_for(lambda: server.records("web.dyn.example.", "A") == {"172.18.0.7"}, "web")
        own.configure(sources=[{"type": "docker", "path": engine.path, "grace": "0"}])
        own.reload()
        engine.start_container(web, "")
        wait_for(lambda: not server.records("web.dyn.example.", "A"), "it to go")


def test_enrolled_by_musterctl(gateways, agents, host_key, tmp_path):
    """musterctl enrol, muster-agent --enrol, and the name is there under a lease.  The
    folder of the configuration need not exist."""
    admin = SharedKey("admin.")
    server = gateways(**controlled(keys=[admin], enrol_keys="enrolled.keys", zones={
        "dyn.example.": {"allow": [
            {"keys": ["*.dyn.example."], "match": "self", "types": ["A", "AAAA", "TXT"]},
            {"keys": ["admin."], "match": "zone", "types": ["ANY"], "transfer": True}]}}))
    ran = ctl(server, "enrol", "--gateway", f"{HOST}:{server.port}", NAME)
    assert ran.code == 0, ran
    line = next(word for word in ran.output.split() if word.startswith("muster1:"))
    own = agents.make(host_key, [53])
    own.config_path = str(tmp_path / "new" / "agent.conf")
    code, _, error = own.run("--enrol", "-", text=line + "\r\n")
    assert code == 0, error
    with open(own.config_path, "a") as file:
        file.write(f'state = "{own.state_path}"; records = [ "@ TXT agent" ]; sources = ();\n')
    own.start()
    own.wait_published()
    assert server.records(NAME, "TXT") == TXT
    zone = own.zone_status()
    assert zone["granted"] is True and zone["lease"] == 3600
    # Enrolled again, the old key is worth nothing; the new one works after a reload.
    ran = ctl(server, "enrol", "--again", "--gateway", f"{HOST}:{server.port}", NAME)
    assert ran.code == 0, ran
    own.reload()
    wait_for(lambda: "NOTAUTH(BAD" in own.log(), "the old key to be refused")


def test_two_agents_with_one_name(gateways, agents, host_key):
    """The same key, on two hosts by mistake: one after the other has the name, and neither
    makes a storm of it."""
    server = gateways(keys=[host_key])
    first = agents(host_key, [server.port], records=["@ A 192.0.2.1"], lease="1h")
    first.wait_published()
    second = agents(host_key, [server.port], records=["@ A 192.0.2.2"], lease="1h")
    second.wait_published()
    assert server.records(NAME, "A") == {"192.0.2.2"}
    assert first.zone_status()["updates"] == second.zone_status()["updates"] == 1


def test_a_gateway_that_is_not_there_and_a_reload_to_one_that_is(agents, host_key):
    with FakeGateway(host_key) as fake:
        own = agents(host_key, [free_port()])
        wait_for(lambda: "not updated" in own.log(), "a failure")
        own.configure(gateways=[f"{HOST}:{fake.port}"])
        own.reload()
        own.wait_published()
