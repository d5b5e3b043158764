"""UPDATEs of the ddns target in flight, one behind the other, at a server that does not
simply apply them."""

import os
import socket
import struct
import threading

import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from servers import HOST
from target_driver import PROGRAM, TargetDriver
from test_target_ddns_hostile import FakeServer, answer, framed, is_update, soa

pytestmark = pytest.mark.skipif(
    not os.access(PROGRAM, os.X_OK), reason="target_driver is not built")

VERSION = dns.rrset.from_text("version.bind.", 0, "CH", "TXT", '"9.18.28"')


class Primary:
    """Gives each UPDATE a serial of its own, and looks at the first two when it has both.
    answers: to the UPDATEs, in order: an rcode; "" or nothing: it is applied, if the zone has
    the SOA that it requires; "lost": the same, and the connection ends after the two; "gone":
    it ends without anything being applied."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.serial = 5
        self.applied = []  # the number of records that each UPDATE added
        self.waiting = []
        self.error = None
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self.error:
            raise self.error

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as file:
            try:
                while (prefix := file.read(2)) and self._take(
                        connection, dns.message.from_wire(
                            file.read(struct.unpack("!H", prefix)[0]))):
                    pass
            except OSError:
                pass
            except Exception as error:  # pylint: disable=broad-except
                self.error = error

    def _take(self, connection, query):
        """False: the connection ends."""
        if not is_update(query):
            is_version = query.question[0].rdtype == dns.rdatatype.TXT
            connection.sendall(framed(
                answer(query, VERSION if is_version else soa(self.serial))))
            return True
        if self.waiting is not None:
            self.waiting.append(query)
            if len(self.waiting) < 2:
                return True
            queries, self.waiting = self.waiting, None
            replies = [self._apply(query) for query in queries]
        else:
            replies = [self._apply(query)]
        if None in replies:
            return False
        connection.sendall(framed(*replies))
        return True

    def _apply(self, query):
        """The answer; None: there is none."""
        what = self.answers.pop(0) if self.answers else ""
        if what == "gone":
            return None
        if what not in ("", "lost"):
            return answer(query, rcode=dns.rcode.from_text(what))
        required = [rrset for rrset in query.sections[1]
                    if rrset.rdtype == dns.rdatatype.SOA]
        if required and required[0][0].serial != self.serial:
            reply = answer(query, rcode=dns.rcode.NXRRSET)
        else:
            changes = [rrset.name for rrset in query.sections[2]
                       if rrset.rdtype != dns.rdatatype.SOA]
            self.serial += bool(query.sections[2])
            self.applied += [str(name.labels[0], "ascii") for name in changes]
            reply = answer(query)
        return None if what == "lost" else reply


@pytest.mark.parametrize("answers, ahead, outcome, applied", [
    ([], "DONE", "DONE", ["x", "y"]),
    # What was not applied at first is, and what was behind it comes after it.
    (["SERVFAIL"], "DONE", "DONE", ["x", "y"]),
    (["SERVFAIL", "SERVFAIL"], "DONE", "DONE", ["x", "y"]),
    (["gone", "gone"], "DONE", "DONE", ["x", "y"]),
    (["lost", "gone"], "DONE", "DONE", ["x", "y"]),
    (["", "SERVFAIL"], "DONE", "DONE", ["x", "y"]),
    # The zone is as nobody expects: a load shows why.
    (["lost", "lost"], "CHANGED", "CHANGED", ["x", "y"]),
    # Nothing of what was behind it is applied, or told.
    (["NOTZONE", "", "NOTZONE", "", "NOTZONE"], "REJECTED", "REJECTED", []),
    (["FORMERR", ""] + ["FORMERR"], "REJECTED", "REJECTED", []),
    (["SERVFAIL"] * 9, "FAILED", "FAILED", []),
])
def test_two_in_flight(tmp_path, answers, ahead, outcome, applied):
    with Primary(*answers) as primary, TargetDriver(primary.port, tmp_path) as target:
        assert target.probe().outcome == "DONE"
        target.set("x", "A", 60, "192.0.2.1")
        assert target.command("ahead")[0] == "= AHEAD"
        target.set("y", "A", 60, "192.0.2.2")
        result = target.deliver()
        assert (result.records, result.outcome) == ([f"ahead {ahead}"], outcome), result
        assert primary.applied == applied
        assert target.probe().serial == primary.serial


# ---- a server that groups ----

class Grouping:
    """Like Knot, as long as it is busy: it answers nothing but queries until there are so many
    UPDATEs with changes and so many without, and then all of them."""

    def __init__(self, updates, fillers):
        self.enough = {True: updates, False: fillers}
        self.waiting = []
        self.fillers = 0

    def __call__(self, query):
        if query.opcode() != dns.opcode.UPDATE:
            return framed(answer(query, soa(5)))
        self.fillers += not is_update(query)
        self.waiting.append(query)
        has = [is_update(query) for query in self.waiting]
        if any(has.count(kind) < enough for kind, enough in self.enough.items()):
            return b""
        replies = [answer(query) for query in self.waiting]
        self.enough = {True: 1, False: 0}
        self.waiting = []
        return framed(*replies)


def test_it_is_kept_busy_while_an_update_is_in_flight(tmp_path):
    grouping = Grouping(updates=1, fillers=20)
    with FakeServer(grouping) as server, TargetDriver(server.port, tmp_path) as target:
        assert target.probe().outcome == "DONE"
        target.set("x", "A", 60, "192.0.2.1")
        assert target.deliver().outcome == "DONE"
        assert target.probe().outcome == "DONE"
        fillers = grouping.fillers
        assert target.probe().outcome == "DONE"
        assert grouping.fillers == fillers >= 20


def test_what_is_too_much_for_one_update_follows_at_once(tmp_path):
    grouping = Grouping(updates=2, fillers=0)
    with FakeServer(grouping) as server, TargetDriver(server.port, tmp_path) as target:
        assert target.probe().outcome == "DONE"
        for index in range(250):
            target.set(f"x{index}", "A", 60, "192.0.2.1")
        assert target.command("ahead")[0] == "= AHEAD"
        target.set("y", "A", 60, "192.0.2.2")
        result = target.deliver()
        assert (result.records, result.outcome) == (["ahead DONE"], "DONE"), result
