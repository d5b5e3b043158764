"""The program target_driver (target_driver.c) as an object."""

import os
import re
import subprocess

PROGRAM = os.environ.get("TARGET_DRIVER") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "target_driver")


TIMEOUT_MS = 30000  # of requests that are answered, on however busy a machine


class Result:
    """The result of one command: outcome, serial (None: not known), trouble (None: none),
    rcode, why."""

    def __init__(self, line, records):
        match = re.fullmatch(
            r"= (\w+) serial (\d+|-)(?: (zone|difference) (\d+))?(?: trouble (\S+))?: (\S+) ?(.*)",
            line)
        assert match, line
        self.outcome, serial, self.kind, count, self.trouble, self.rcode, self.why = \
            match.groups()
        self.serial = None if serial == "-" else int(serial)
        self.count = None if count is None else int(count)
        self.records = records  # of a difference: "- owner ttl type rdata", "+ ..."
        self.line = line

    def __repr__(self):
        return self.line


class TargetDriver:
    """A target for one server; with it as a context manager the program is ended, and has to
    have ended well (no leak, no sanitizer report)."""

    def __init__(self, port, folder, key=None, zone="dyn.example.", timeout_ms=TIMEOUT_MS,
                 address="127.0.0.1"):
        arguments = [PROGRAM, zone, address, str(port), str(timeout_ms)]
        if key is not None:
            path = key.write(os.path.join(str(folder), f"driver-{key.name}key"))
            arguments += [path, key.name]
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, exception_type, *_):
        if exception_type is not None:
            self.process.kill()
        _, errors = self.process.communicate(timeout=60)
        if exception_type is None:
            assert self.process.returncode == 0, errors

    def begin(self, command):
        """Sends a command and does not wait; finish() does."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def finish(self):
        lines = []
        while True:
            line = self.process.stdout.readline().rstrip("\n")
            if not line:
                raise AssertionError(self.process.communicate(timeout=60)[1])
            if line.startswith("="):
                return line, lines
            lines.append(line)

    def command(self, command):
        self.begin(command)
        return self.finish()

    def result(self):
        return Result(*self.finish())

    def ask(self, command):
        self.begin(command)
        return self.result()

    def load(self, difference=False):
        return self.ask("load difference" if difference else "load")

    def probe(self):
        return self.ask("probe")

    def set(self, owner, rdtype, ttl=None, *contents):
        """Sets the RRset; without contents, deletes it."""
        command = f"set {owner} {rdtype}"
        if contents:
            command += f" {ttl} " + " | ".join(contents)
        self.command(command)

    def deliver(self, retry=False):
        return self.ask("deliver retry" if retry else "deliver")

    def settle(self):
        """Until the target has done what it does between operations."""
        assert self.command("settle")[0] == "= SETTLED"

    def dump(self):
        """The mirror as a set of "owner ttl type rdata"."""
        return {line[len("RR "):] for line in self.command("dump")[1]}


def loaded(target):
    result = target.load()
    assert (result.outcome, result.kind) == ("DONE", "zone"), result
    return result


def delivered(target, **options):
    result = target.deliver(**options)
    assert result.outcome == "DONE", result
    return result
