"""The examples in contrib/examples do what their comments say: prepared with the commands
that stand in them, each starts its server and musterd, and an update arrives.  Only the ports
are others."""

import os
import re
import shutil
import signal
import subprocess

import dns.exception
import dns.message
import dns.query
import pytest

from front import NAME, full
from gateway import PROGRAM, TOP_FOLDER, is_built, run
from servers import HOST, PowerDNS, find, free_port, have, wait_for

FOLDER = os.path.join(TOP_FOLDER, "contrib", "examples")
NEEDS = {
    "local": [],
    "bind": ["named"],
    "knot": ["knotd", "keymgr"],
    "powerdns": ["pdns_server", "pdnsutil", "openssl"],
}

pytestmark = pytest.mark.skipif(
    not (is_built() and os.path.isdir(FOLDER)), reason="musterd is not built")


def commands_of(path):
    """The lines of the comment that are indented, as a shell takes them; what a person reads
    beside them, in brackets far to the right, is not for it."""
    with open(path) as file:
        lines = re.findall(r"^# {5,}(\S.*)$", file.read(), re.MULTILINE)
    return [re.sub(r"\s{4,}\(.*\)$", "", line)
            for line in "\n".join(lines).replace("\\\n", "").split("\n")]


def schema():
    return next(path for path in PowerDNS.SCHEMA if os.path.exists(path))


class Example:
    """A copy of the folder, with ports of its own."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = str(folder)
        shutil.copytree(FOLDER, self.folder, dirs_exist_ok=True)
        self.ports = {"5300": free_port(), "5301": free_port(), "5353": free_port(),
                      "8081": free_port()}
        for top, _, files in os.walk(self.folder):
            for file in files:
                self._change_ports(os.path.join(top, file))
        self.config = os.path.join(self.folder, f"{name}.conf")
        self.group = None
        self.log_path = os.path.join(self.folder, "run.log")

    def _change_ports(self, path):
        with open(path) as file:
            text = file.read()
        for old, new in self.ports.items():
            text = re.sub(rf"\b{old}\b", str(new), text)
        with open(path, "w") as file:
            file.write(text)

    def script(self, with_programs):
        """What the comment says; without the lines that start something, unless wanted."""
        lines = []
        for line in commands_of(self.config):
            is_program = line.endswith("&") or line.startswith(("musterd", "nsupdate"))
            if line.startswith("nsupdate") or (is_program and not with_programs):
                continue
            line = line.replace(".../schema.sqlite3.sql", schema() if ".../" in line else "")
            if line.startswith("sqlite3 "):  # not everybody has the program
                line = line.replace("sqlite3 ", f"{shutil.which('python3')} -c 'import sqlite3"
                                    ", sys; sqlite3.connect(sys.argv[1])"
                                    ".executescript(sys.stdin.read())' ", 1)
            lines.append(re.sub(r"^musterd ", f"exec {PROGRAM} ", line))
        return "set -e\nset -x\n" + "\n".join(lines) + "\n"

    def environment(self):
        return {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}

    def prepare(self):
        done = subprocess.run(["bash"], input=self.script(False), text=True, cwd=self.folder,
                              env=self.environment(), timeout=60, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout

    def start(self):
        with open(self.log_path, "w") as log:
            self.group = subprocess.Popen(
                ["bash", "-c", self.script(True)], stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd=self.folder, env=self.environment(),
                start_new_session=True)

    def stop(self):
        if self.group is None:
            return
        self.group.terminate()  # musterd has taken the shell's place
        code = self.group.wait(20)
        os.killpg(self.group.pid, signal.SIGKILL)  # and its server
        assert code == 0, self.log()

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()[-8000:]

    def records(self, port, name, rdtype="A"):
        try:
            answer = dns.query.tcp(dns.message.make_query(name, rdtype), HOST, port=port,
                                   timeout=2)
        except (OSError, EOFError, dns.exception.DNSException):
            return set()
        return {rdata.to_text() for rrset in answer.answer for rdata in rrset}


@pytest.fixture(params=sorted(NEEDS))
def example(request, tmp_path):
    if not have("tsig-keygen", *NEEDS[request.param]):
        pytest.skip(f"{NEEDS[request.param]} are not installed")
    made = Example(request.param, tmp_path / "examples")
    yield made
    try:
        made.stop()
    except ProcessLookupError:
        pass


def key_of(folder, name):
    """The text of one key of example.keys, in a file that nsupdate takes."""
    with open(os.path.join(folder, "example.keys")) as file:
        text = re.search(rf'key "{re.escape(name)}" {{.*?}};', file.read(), re.DOTALL).group(0)
    path = os.path.join(folder, f"only-{name}key")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(text + "\n")
    return path


def test_an_example_is_valid_once_its_keys_are_there(example):
    before = run([PROGRAM, "-n", "-c", example.config])
    assert before.code == 1
    assert ".key" in before.output
    example.prepare()
    done = run([PROGRAM, "-n", "-c", example.config])
    assert done.code == 0, done.output
    assert "valid" in done.output and "warning" not in done.output


def test_an_example_does_what_it_is_for(example):
    if "::1" in open(example.config).read() and not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("there is no IPv6 here")
    example.start()
    port = example.ports["5300"]
    wait_for(lambda: example.group.poll() is not None or example.records(port, NAME, "SOA"),
             f"the zone, see {example.log_path}")
    assert example.group.poll() is None, example.log()
    keys = example.folder
    wait_for(lambda: os.path.exists(os.path.join(keys, "example.keys")), "the keys")

    def update(key, line):
        return run([find("nsupdate"), "-k", key_of(keys, key)],
                   f"server {HOST} {port}\nzone {NAME}\nupdate {line}\nsend\n")

    behind = port if example.name == "local" else example.ports["5353"]
    host = full("host1")
    assert update(host, f"add {host} 300 A 192.0.2.1") == (0, "")
    assert example.records(behind, host) == {"192.0.2.1"}
    assert update("acme.", f"add _acme-challenge.{host} 60 TXT token") == (0, "")
    assert example.records(behind, f"_acme-challenge.{host}", "TXT") == {'"token"'}
    assert "REFUSED" in update(host, f"add {full('host2')} 300 A 192.0.2.1").output
    assert update("admin.", f"add {full('host2')} 300 MX 10 {host}") == (0, "")
    assert example.records(behind, full("host2"), "MX") == {f"10 {host}"}
