"""Where muster-agent's records come from: hosts files, programs, the gateway's view, and a
container engine."""

import mmap
import os
import re
import shutil
import subprocess

import pytest

from agent import NAME, Act, FakeEngine, FakeGateway
from servers import HOST, wait_for


@pytest.fixture
def server(gateways, host_key):
    """A gateway in which the host's key may do everything."""
    return gateways(keys=[host_key])


@pytest.fixture
def short_server(gateways, host_key):
    """The same, which grants leases of seconds."""
    return gateways(keys=[host_key], zones={"dyn.example.": {"allow": [
        {"keys": [NAME], "match": "zone", "types": ["ANY"], "transfer": True,
         "lease": {"min": "1s"}}]}})


def wait_records(server, name, rdtype, *wanted, timeout_s=20):
    wait_for(lambda: server.records(f"{name}.dyn.example.", rdtype) == set(wanted),
             f"{name} {rdtype} {wanted}", timeout_s)


# ---- hosts ----

def hosts_source(path, **settings):
    return {"type": "hosts", "path": str(path), **settings}


def test_a_hosts_file_is_followed(server, agents, host_key):
    own = agents.make(host_key, [server.port], sources=[hosts_source("hosts")])
    own.write("hosts", "192.0.2.7 web\n127.0.0.1 localhost\n")
    own.start()
    wait_records(server, "web", "A", "192.0.2.7")
    own.write("hosts", "192.0.2.8 web mail\n2001:db8::8 web\n")  # replaced by rename
    wait_records(server, "web", "A", "192.0.2.8")
    wait_records(server, "mail", "A", "192.0.2.8")
    wait_records(server, "web", "AAAA", "2001:db8::8")
    with open(own.path("hosts"), "a") as file:  # written in place
        file.write("192.0.2.9 more\n")
    wait_records(server, "more", "A", "192.0.2.9")
    os.unlink(own.path("hosts"))
    wait_records(server, "web", "A")
    own.write("hosts", "192.0.2.7 web\n")
    wait_records(server, "web", "A", "192.0.2.7")
    assert server.records("localhost.dyn.example.", "A") == set()


def test_a_folder_of_hosts_files_is_followed(server, agents, host_key, tmp_path):
    folder = tmp_path / "hosts.d"
    own = agents(host_key, [server.port], sources=[hosts_source(folder)])
    own.wait_published()
    folder.mkdir()
    (folder / "a").write_text("192.0.2.1 a\n")
    (folder / "b").write_text("192.0.2.2 b\nnonsense\n")
    (folder / ".hidden").write_text("192.0.2.3 c\n")
    wait_records(server, "a", "A", "192.0.2.1")
    wait_records(server, "b", "A", "192.0.2.2")
    assert server.records("c.dyn.example.", "A") == set()
    assert f"{folder}/b:2: no line of a hosts file" in own.log()
    (folder / "a").unlink()
    wait_records(server, "a", "A")
    os.rename(folder / "b", folder / "b~")
    wait_records(server, "b", "A")
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "again").write_text("192.0.2.4 again\n")
    wait_records(server, "again", "A", "192.0.2.4")


def test_an_unreadable_file_takes_no_names(server, agents, host_key):
    own = agents.make(host_key, [server.port], sources=[hosts_source("hosts")])
    own.write("hosts", "192.0.2.7 web\n")
    own.start()
    wait_records(server, "web", "A", "192.0.2.7")
    os.unlink(own.path("hosts"))
    os.mkfifo(own.path("hosts"))
    wait_for(lambda: "its names stay as they were" in own.log(), "the complaint")
    assert server.records("web.dyn.example.", "A") == {"192.0.2.7"}


def test_hosts_files_behind_symbolic_links(server, agents, host_key, tmp_path):
    """The link is replaced, what it leads to is replaced, and a folder on the way."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "file").write_text("192.0.2.1 web\n")
    (tmp_path / "two" / "file").write_text("192.0.2.2 web\n")
    os.symlink("one", tmp_path / "current")
    os.symlink("current/file", tmp_path / "hosts")
    agents(host_key, [server.port], sources=[hosts_source(tmp_path / "hosts")])
    wait_records(server, "web", "A", "192.0.2.1")
    (tmp_path / "new").write_text("192.0.2.3 web\n")
    os.rename(tmp_path / "new", tmp_path / "one" / "file")
    wait_records(server, "web", "A", "192.0.2.3")
    os.symlink("two", tmp_path / "next")
    os.rename(tmp_path / "next", tmp_path / "current")
    wait_records(server, "web", "A", "192.0.2.2")
    with open(tmp_path / "two" / "file", "a") as file:
        file.write("192.0.2.4 more\n")
    wait_records(server, "more", "A", "192.0.2.4")
    os.unlink(tmp_path / "hosts")
    os.symlink(tmp_path / "one" / "file", tmp_path / "hosts")
    wait_records(server, "web", "A", "192.0.2.3")


def test_hosts_files_of_a_config_map(server, agents, host_key, tmp_path):
    """As the kubelet writes them: a new folder, and "..data" renamed to lead there."""
    folder = tmp_path / "hosts.d"
    folder.mkdir()

    def publish(version, text):
        (folder / f"..{version}").mkdir()
        (folder / f"..{version}" / "names").write_text(text)
        os.symlink(f"..{version}", folder / "..data_tmp")
        os.rename(folder / "..data_tmp", folder / "..data")

    publish("1", "192.0.2.1 web\n")
    os.symlink("..data/names", folder / "names")
    own = agents(host_key, [server.port], sources=[hosts_source(folder)])
    wait_records(server, "web", "A", "192.0.2.1")
    publish("2", "192.0.2.2 web\n")
    wait_records(server, "web", "A", "192.0.2.2")
    shutil.rmtree(folder / "..1")
    publish("3", "192.0.2.3 web\n")
    wait_records(server, "web", "A", "192.0.2.3")
    own.stop()


def test_a_hosts_file_that_is_written_to_from_elsewhere(server, agents, host_key, tmp_path):
    """A file that is mounted alone: its folder here sees nothing.  A hard link is like that."""
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "there" / "hosts").write_text("192.0.2.1 web\n")
    os.link(tmp_path / "there" / "hosts", tmp_path / "here" / "hosts")
    agents(host_key, [server.port], sources=[hosts_source(tmp_path / "here" / "hosts")])
    wait_records(server, "web", "A", "192.0.2.1")
    with open(tmp_path / "there" / "hosts", "w") as file:
        file.write("192.0.2.2 web\n")
    wait_records(server, "web", "A", "192.0.2.2")


def test_what_no_event_tells_is_seen_with_the_refresh(short_server, agents, host_key, tmp_path):
    """The time of its change stands still for inotify: written through a mapping."""
    path = tmp_path / "hosts"
    path.write_text("192.0.2.1 web\n")
    agents(host_key, [short_server.port], lease="2s", sources=[hosts_source(path)])
    wait_records(short_server, "web", "A", "192.0.2.1")
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
        mapping[8:9] = b"7"
        mapping.flush()
        wait_records(short_server, "web", "A", "192.0.2.7")


def test_25000_names(agents, host_key, tmp_path):
    """Within the limit they are published; beyond it, the log names the limit."""
    path = tmp_path / "hosts"
    path.write_text("".join(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255} h{i}\n"
                            for i in range(25000)))
    with FakeGateway(host_key, lambda seen: Act(lease=3600)) as fake:
        own = agents(host_key, [fake.port], records=[], sources=[hosts_source(path)])
        own.wait_published(120)
        assert sum(len(seen.message.update) for seen in fake.updates()) == 50000
        with open(path, "a") as file:
            file.write("".join(f"10.9.{i >> 8}.{i & 255} g{i}\n" for i in range(26000)))
        wait_for(lambda: "more than 100000 records" in own.log(), "the limit", 60)
        code, text, _ = own.run("--status")
        assert code == 1 and "FAILS: more than 100000 records" in text


# ---- command ----

def script(folder, text):
    path = os.path.join(str(folder), "records.sh")
    with open(path + "~", "w") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path + "~", 0o755)
    os.rename(path + "~", path)
    return path


def command_source(path, **settings):
    return {"type": "command", "command": [path, "one"], "interval": "1s", **settings}


def test_a_program_prints_records(server, agents, host_key, tmp_path):
    path = script(tmp_path, 'echo "@ TXT $1"; echo "_ssh._tcp SRV 0 0 22 @"\n')
    agents(host_key, [server.port], sources=[command_source(path)], records=[])
    wait_records(server, "host1", "TXT", '"one"')
    wait_records(server, "_ssh._tcp.host1", "SRV", f"0 0 22 {NAME}")
    script(tmp_path, 'echo "@ TXT two"\n')
    wait_records(server, "host1", "TXT", '"two"')
    wait_records(server, "_ssh._tcp.host1", "SRV")


def test_records_as_tools_print_them(server, agents, host_key, tmp_path):
    """Comments, parentheses over several lines, units: in a program's output, in the
    configuration, in a label."""
    path = script(tmp_path, """cat <<'END'
# opendkim-genkey
sel._domainkey\tIN\tTXT\t( "v=DKIM1; k=rsa; "
\t  "p=MIIB" )  ; ----- DKIM key sel for example.com
ftp 1h A 192.0.2.9 ; files
    IN A 192.0.2.10
END
""")
    with FakeEngine(tmp_path / "engine.sock") as engine:
        engine.run("spf", {"muster.name": "mail", "muster.type": "TXT",
                           "muster.data": '( "v=spf1" " -all" ) ; spf'})
        agents(host_key, [server.port], records=['_ssh._tcp SRV ( 0 0 22 @ ) ; ssh'],
               sources=[command_source(path), docker_source(engine)])
        wait_records(server, "sel._domainkey.host1", "TXT", '"v=DKIM1; k=rsa; " "p=MIIB"')
        wait_records(server, "ftp.host1", "A", "192.0.2.9", "192.0.2.10")
        wait_records(server, "_ssh._tcp.host1", "SRV", f"0 0 22 {NAME}")
        wait_records(server, "mail", "TXT", '"v=spf1" " -all"')


@pytest.mark.parametrize("text, complaint", [
    ("echo '@ TXT no'; exit 3", "exit status 3"),
    ("echo '@ TXT no'; kill -9 $$", "ended by signal 9"),
    ("echo '@ A nonsense'", "line 1 of its output: "),
    ("echo '@ TXT ('; echo x", "line 1 of its output: the parenthesis that opens here"),
    ("echo 'www.example.net. A 192.0.2.1'", "lies in none of the zones"),
    ("echo '@ TXT no'; sleep 60", "ended by signal 9"),
    ("while :; do echo '; filling'; done", "octets of output"),
])
def test_a_program_that_fails_takes_nothing_away(server, agents, host_key, tmp_path, text,
                                                 complaint):
    path = script(tmp_path, 'echo "@ TXT yes"\n')
    own = agents(host_key, [server.port], records=[],
                 sources=[command_source(path, timeout="500ms")])
    wait_records(server, "host1", "TXT", '"yes"')
    script(tmp_path, text + "\n")
    wait_for(lambda: complaint in own.log(), complaint)
    assert server.records(NAME, "TXT") == {'"yes"'}
    script(tmp_path, 'echo "@ TXT again"\n')
    wait_records(server, "host1", "TXT", '"again"')


def test_a_program_that_hangs_holds_nobody_up(server, agents, host_key, tmp_path):
    """Other sources are published, and what an earlier run has published stays."""
    path = script(tmp_path, 'echo "@ TXT yes"\n')
    own = agents.make(host_key, [server.port], sources=[command_source(path)],
                      records=["@ A 192.0.2.1"])
    own.start()
    wait_records(server, "host1", "TXT", '"yes"')
    own.stop()
    script(tmp_path, "exec sleep 60\n")
    own.configure(records=["@ A 192.0.2.2"])
    own.start()
    wait_records(server, "host1", "A", "192.0.2.2")
    assert server.records(NAME, "TXT") == {'"yes"'}


# ---- whoami ----

def test_whoami(server, agents, host_key):
    own = agents(host_key, [server.port], sources=[{"type": "whoami"}], records=[])
    wait_records(server, "host1", "A", HOST)
    assert "no IPv6" not in own.log(), "there is no gateway with an IPv6 address"
    assert server.records(NAME, "AAAA") == set()


def test_whoami_of_a_server_that_does_not_answer_it(agents, host_key):
    with FakeGateway(host_key) as fake:
        own = agents(host_key, [fake.port], sources=[{"type": "whoami"}])
        wait_for(lambda: "only Muster gateways answer whoami" in own.log(), "the advice")


def test_ssh_fingerprints(server, agents, host_key, tmp_path):
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    for kind in ("ed25519", "ecdsa", "rsa"):
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", kind, "-f",
                        str(tmp_path / f"ssh_host_{kind}_key")], check=True)
    agents(host_key, [server.port], publish=["SSHFP"], records=["@ TXT x"],
           ssh_keys=str(tmp_path / "ssh_host_*_key.pub")).wait_published()
    wanted = set()
    for kind in ("ed25519", "ecdsa", "rsa"):
        text = subprocess.run(
            ["ssh-keygen", "-r", "x", "-f", str(tmp_path / f"ssh_host_{kind}_key.pub")],
            check=True, capture_output=True, text=True).stdout
        wanted |= set(re.findall(r"SSHFP (\d 2 [0-9a-f]+)", text))
    got = {" ".join(text.split()[:2] + ["".join(text.split()[2:])])
           for text in server.records(NAME, "SSHFP")}
    assert got == wanted and len(wanted) == 3


def test_several_zones(gateways, agents, host_key, tmp_path):
    """One update for each zone that the names lie in; PTR on request."""
    server = gateways(keys=[host_key], zones={"dyn.example.": {}, "example.net.": {}})
    (tmp_path / "hosts").write_text("192.0.2.1 a b.example.net\n192.0.2.2 c\n")
    own = agents(host_key, [server.port], zone=["dyn.example.", "example.net."],
                 name=NAME, sources=[hosts_source(tmp_path / "hosts")])
    wait_records(server, "c", "A", "192.0.2.2")
    wait_for(lambda: server.records("b.example.net.", "A") == {"192.0.2.1"}, "b")
    wait_for(lambda: all(zone["ok"] for zone in own.status()["zones"]), "all to be well")
    assert [zone["updates"] for zone in own.status()["zones"]] == [1, 1]


# ---- containers ----

@pytest.fixture
def engine(tmp_path):
    with FakeEngine(tmp_path / "engine.sock") as made:
        yield made


def docker_source(engine, **settings):
    return {"type": "docker", "path": engine.path, "grace": "500ms", **settings}


def test_containers_come_and_go(server, agents, host_key, engine):
    engine.run("before", {"muster.name": "before"}, "172.18.0.9")
    own = agents(host_key, [server.port], sources=[docker_source(engine)])
    wait_records(server, "before", "A", "172.18.0.9")
    web = engine.run("web", {"muster.name": "web,shop"}, "172.18.0.2", "2001:db8::2")
    wait_records(server, "web", "A", "172.18.0.2")
    wait_records(server, "shop", "AAAA", "2001:db8::2")
    engine.run("other", {"something": "else"}, "172.18.0.3")
    engine.run("old", {"joyride.host.name": "old.dyn.example"}, "172.18.0.4")
    wait_records(server, "old", "A", "172.18.0.4")
    engine.rename(web, "webber")
    engine.run("alias", {"muster.name": "alias", "muster.type": "CNAME",
                         "muster.data": "web.dyn.example."})
    wait_records(server, "alias", "CNAME", "web.dyn.example.")
    assert server.records("web.dyn.example.", "A") == {"172.18.0.2"}
    engine.stop_container(web)
    wait_records(server, "web", "A")
    wait_records(server, "shop", "AAAA")
    engine.start_container(web, "172.18.0.7")
    wait_records(server, "web", "A", "172.18.0.7")
    engine.remove(web)
    wait_records(server, "web", "A")
    assert server.records("before.dyn.example.", "A") == {"172.18.0.9"}
    assert own.zone_status()["ok"]


def test_a_restart_within_the_grace_changes_nothing(server, agents, host_key, engine):
    web = engine.run("web", {"muster.name": "web"})
    own = agents(host_key, [server.port], sources=[docker_source(engine, grace="1h")])
    wait_records(server, "web", "A", "172.18.0.2")
    serial = server.serial()
    for _ in range(3):
        lists = engine.lists
        engine.stop_container(web)
        wait_for(lambda n=lists: engine.lists >= n + 2, "a new list")
        engine.start_container(web)
    engine.run("last", {"muster.name": "last"}, "172.18.0.3")
    wait_records(server, "last", "A", "172.18.0.3")
    assert server.serial() == serial + 1, "one change for the last container"
    # Another container with the name of one that is gone has it at once.
    engine.remove(web)
    engine.run("web", {"muster.name": "web"}, "172.18.0.99")
    wait_records(server, "web", "A", "172.18.0.99")
    assert own.zone_status()["ok"]


def test_an_engine_that_restarts(server, agents, host_key, engine):
    """While the engine is away everything stays; afterwards, only what is there
    counts."""
    web = engine.run("web", {"muster.name": "web"})
    engine.run("mail", {"muster.name": "mail"}, "172.18.0.3")
    own = agents(host_key, [server.port], sources=[docker_source(engine)])
    wait_records(server, "mail", "A", "172.18.0.3")
    engine.stop()
    wait_for(lambda: "its names stay as they were; does the engine run" in own.log(),
             "the complaint")
    assert server.records("web.dyn.example.", "A") == {"172.18.0.2"}
    engine.remove(web)
    engine.run("new", {"muster.name": "new"}, "172.18.0.4")
    engine.start()
    wait_records(server, "new", "A", "172.18.0.4")
    wait_records(server, "web", "A")
    assert server.records("mail.dyn.example.", "A") == {"172.18.0.3"}
    wait_for(lambda: "source docker: works again" in own.log(), "the good news")


def test_an_engine_that_is_not_there_at_the_start(server, agents, host_key, engine):
    """Names of an earlier run stay until the engine says otherwise."""
    engine.run("web", {"muster.name": "web"})
    own = agents(host_key, [server.port], sources=[docker_source(engine)])
    wait_records(server, "web", "A", "172.18.0.2")
    own.stop()
    engine.stop()
    own.configure(records=["@ TXT second"])
    own.start()
    wait_records(server, "host1", "TXT", '"second"')
    assert server.records("web.dyn.example.", "A") == {"172.18.0.2"}
    engine.containers.clear()
    engine.start()
    wait_records(server, "web", "A")


def test_hundreds_of_containers(server, agents, host_key, engine):
    own = agents(host_key, [server.port], sources=[docker_source(engine)], lease="1h")
    for number in range(500):
        engine.run(f"c{number}", {"muster.name": f"c{number}"},
                   f"172.20.{number // 250}.{number % 250 + 1}")
    wait_records(server, "c499", "A", "172.20.1.250", timeout_s=60)
    for number in (0, 123, 250, 498):
        assert server.records(f"c{number}.dyn.example.", "A") == \
            {f"172.20.{number // 250}.{number % 250 + 1}"}
    wait_for(lambda: sum(record["state"] == "published" for record
                         in own.zone_status()["records"]) == 501, "all of them")
    assert own.zone_status()["updates"] <= 30
    assert engine.lists <= 60
    for identity in list(engine.containers):
        engine.remove(identity)
    wait_records(server, "c0", "A", timeout_s=60)
    wait_records(server, "c499", "A", timeout_s=60)


def test_addresses_of_the_host_for_containers(agents, host_key, engine, server):
    """"host", and containers in the host's network: what the host itself has."""
    engine.run("proxy", {"muster.name": "proxy"}, "", mode="host", network="host")
    agents(host_key, [server.port], records=["@ A 192.0.2.50"],
           sources=[docker_source(engine)])
    wait_records(server, "proxy", "A", "192.0.2.50")


def test_podman_of_old(server, agents, host_key, tmp_path):
    """Before 4.4 it says "died" and "remove"."""
    with FakeEngine(tmp_path / "podman.sock", words=FakeEngine.PODMAN_WORDS) as engine:
        web = engine.run("web", {"muster.name": "web"})
        agents(host_key, [server.port], sources=[docker_source(engine)])
        wait_records(server, "web", "A", "172.18.0.2")
        engine.stop_container(web)
        wait_records(server, "web", "A")
        engine.start_container(web)
        wait_records(server, "web", "A", "172.18.0.2")
        engine.remove(web)
        wait_records(server, "web", "A")


def test_an_engine_that_tells_nothing(short_server, agents, host_key, engine):
    """Events that are lost: the list is asked for at each refresh."""
    web = engine.run("web", {"muster.name": "web"})
    agents(host_key, [short_server.port], lease="2s", sources=[docker_source(engine)])
    wait_records(short_server, "web", "A", "172.18.0.2")
    engine.is_mute = True
    engine.remove(web)
    engine.run("new", {"muster.name": "new"}, "172.18.0.4")
    wait_records(short_server, "new", "A", "172.18.0.4")
    wait_records(short_server, "web", "A")


def test_a_bad_label_is_said_once_and_takes_no_good_one_with_it(server, agents, host_key, engine):
    engine.run("some", {"muster.name": "good,www.example.net,better"}, "172.18.0.3")
    own = agents(host_key, [server.port], sources=[docker_source(engine)])
    wait_records(server, "good", "A", "172.18.0.3")
    wait_records(server, "better", "A", "172.18.0.3")
    for number in range(3):
        lists = engine.lists
        engine.run(f"c{number}", {"muster.name": f"c{number}"}, f"172.18.0.{number + 10}")
        wait_for(lambda n=lists: engine.lists >= n + 2, "a new list")
    wait_records(server, "c2", "A", "172.18.0.12")
    assert own.log().count('"www.example.net" lies in none of the zones') == 1


def test_bad_labels_are_said_and_left_out(server, agents, host_key, engine):
    engine.run("bad", {"muster.name": "www.example.net"})
    engine.run("good", {"muster.name": "good"}, "172.18.0.3")
    own = agents(host_key, [server.port], sources=[docker_source(engine)])
    wait_records(server, "good", "A", "172.18.0.3")
    assert 'the name "www.example.net" lies in none of the zones' in own.log()


def test_shared_names_leave_others_alone(server, agents, host_key, engine):
    """shared = true: what another agent has added to the RRset stays."""
    server.update(add=[("web", 300, "A", "192.0.2.200")])
    web = engine.run("web", {"muster.name": "web"})
    agents(host_key, [server.port], sources=[docker_source(engine, shared=True)])
    wait_records(server, "web", "A", "172.18.0.2", "192.0.2.200")
    engine.stop_container(web)
    wait_records(server, "web", "A", "192.0.2.200")


def test_a_real_engine(agents, host_key):
    """Where the machine has one."""
    if not os.path.exists("/var/run/docker.sock") or not shutil.which("docker"):
        pytest.skip("there is no container engine here")
    probe = subprocess.run(["docker", "images", "-q"], capture_output=True, text=True,
                           check=False)
    if probe.returncode or not probe.stdout.split():
        pytest.skip("the container engine does not answer, or has no image")
    image = probe.stdout.split()[0]
    with FakeGateway(host_key, lambda seen: Act(lease=3600)) as fake:
        own = agents(host_key, [fake.port],
                     sources=[{"type": "docker", "grace": "200ms"}])
        own.wait_published()
        started = subprocess.run(
            ["docker", "run", "-d", "--rm", "--label", "muster.name=real", "--entrypoint",
             "sleep", image, "60"], capture_output=True, text=True, check=False)
        if started.returncode:
            pytest.skip(f"no container could be started: {started.stderr}")
        try:
            wait_for(lambda: any("+real A " in change for update in fake.updates()
                                 for change in update.changes), "the container's name")
        finally:
            subprocess.run(["docker", "kill", started.stdout.strip()], check=False,
                           capture_output=True)
        wait_for(lambda: any("-real A " in change for update in fake.updates()
                             for change in update.changes), "it to go")
