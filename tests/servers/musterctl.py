"""Asking a running musterd: musterctl, and HTTP over its Unix socket by hand.

    gateway = gateways(**controlled(keys=[admin]))
    ctl(gateway, "hosts", "web*")           # Ran(code, output, errors)
    ctl_json(gateway, "hosts")["hosts"]
    ask(gateway, "GET", "/api/v1/zones")    # (status, headers, body)
"""

import http.client
import json
import os
import re
import socket
import subprocess
import tempfile
from collections import namedtuple

import gateway as gateway_module
from gateway import HOST
from servers import free_port

PROGRAM = os.environ.get(
    "MUSTERCTL", os.path.join(os.path.dirname(gateway_module.PROGRAM), "musterctl"))
TIMEOUT_S = 30

Ran = namedtuple("Ran", "code output errors")


def controlled(**options):
    """Options of a gateway that can be asked."""
    return {"control": "control.sock", "http": {"address": HOST, "port": free_port()},
            **options}


def socket_path(gateway):
    return gateway.path("control.sock")


def command(gateway, *args):
    return [PROGRAM, "-c", gateway.config_path, *args]


def run(words, **options):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=False,
                          **options)
    return Ran(done.returncode, done.stdout, done.stderr)


def ctl(gateway, *args):
    return run(command(gateway, *args), env=gateway.environment())


def ctl_json(gateway, *args, code=0):
    ran = ctl(gateway, "--json", *args)
    assert ran.code == code, ran
    return json.loads(ran.output)


def table(ran):
    """Rows of a table as dictionaries, by the words of its first line.  Columns are at least
    two blanks apart."""
    lines = ran.output.splitlines()
    titles = lines[0].split("  ")
    titles = [title.strip() for title in titles if title.strip()]
    rows = []
    for line in lines[1:]:
        cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
        assert len(cells) == len(titles), (titles, line)
        rows.append(dict(zip(titles, cells)))
    return rows


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("musterd", timeout=TIMEOUT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self.path)


def exchange(connection, method, path, body=None):
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def ask(gateway, method, path, body=None):
    return exchange(UnixConnection(socket_path(gateway)), method, path, body)


def ask_http(gateway, method, path, body=None):
    port = gateway.settings["http"]["port"]
    return exchange(http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S), method, path,
                    body)


SERIES = re.compile(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)+\})? (-?[0-9.e+]+)')


def check_histograms(values):
    """Each bucket contains the ones before it, and the last one all."""
    counts = {}
    for series, value in values.items():
        match = re.fullmatch(r'([a-z_]+)_bucket(\{.*),le="([^"]+)"\}', series)
        if match:
            name = f"{match[1]}_count{match[2]}}}"
            assert value >= counts.get(name, 0), series
            assert match[3] == "+Inf" or float(match[3]) > 0
            counts[name] = value
    for name, count in counts.items():
        assert values[name] == count and name.replace("_count", "_sum", 1) in values, name


def read_metrics(gateway):
    """Series -> value, by the rules of the text format: each metric has help and a type, and
    all its series behind them."""
    text = ask(gateway, "GET", "/metrics")[2]
    types, values, helped, names = {}, {}, None, ()
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            assert not helped and re.fullmatch(r"# HELP muster_[a-z_]+ [A-Z].*[^ ]\.", line), line
            helped = line.split()[2]
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name == helped and name not in types, line
            assert kind in ("gauge", "counter", "histogram"), line
            assert name.endswith("_total") == (kind == "counter"), line
            types[name] = kind
            names = ([f"{name}_{part}" for part in ("bucket", "sum", "count")]
                     if kind == "histogram" else [name])
            helped = None
        else:
            match = SERIES.fullmatch(line)
            assert match and match[1] in names, line
            assert match[1] + (match[2] or "") not in values, line
            values[match[1] + (match[2] or "")] = float(match[3])
    check_histograms(values)
    return values


def open_folders(folder):
    """Other users may pass through it, and what encloses it among temporary files."""
    while folder.startswith(tempfile.gettempdir() + "/"):
        os.chmod(folder, os.stat(folder).st_mode | 0o011)
        folder = os.path.dirname(folder)
