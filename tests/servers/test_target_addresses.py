"""A ddns target with several addresses, or the name of a host."""

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import pytest

from front import NAME, Front, Wire
from gateway import Gateway
from musterctl import controlled, ctl_json, run
from program import Programs
from servers import HOST, Bind, Key, have, wait_for

pytestmark = pytest.mark.skipif(not have("named", "tsig-keygen"),
                                reason="BIND is not installed")


@pytest.fixture(scope="module")
def bind(tmp_path_factory):
    with Bind(tmp_path_factory.mktemp("bind"), keys=[Key()]) as server:
        yield server


def make_front(gateways, admin, bind, addresses, **target):
    return Front(gateways, admin, [bind],
                 targets={"address": addresses, "timeout": "5s", **target}, **controlled())


def places(front):
    """Those that are not the first of their targets."""
    return [target["at"] for target in ctl_json(front.gateway, "queue")["targets"]]


def says(front, text):
    wait_for(lambda: text in front.gateway.log(), text)


def test_the_next_address_is_used(gateways, admin, bind):
    front = make_front(gateways, admin, bind, ["127.0.0.2", HOST]).start_gateway()
    assert front.update(add=[("first", 60, "A", "192.0.2.1")]) == "NOERROR"
    assert front.seen("first") == {"192.0.2.1"}
    assert places(front) == [f"{HOST}#{bind.port}"]
    assert "fails" not in front.gateway.log()


def test_another_address_is_used_when_one_fails(gateways, admin, bind):
    """Even if it only falls silent."""
    with Wire(bind.port, at=("127.0.0.2", 0)) as near, \
            Wire(bind.port, at=("127.0.0.3", near.port)) as far:
        front = make_front(gateways, admin, bind, ["127.0.0.2", "127.0.0.3"],
                           port=near.port, timeout="300ms").start_gateway()
        assert front.update(add=[("near", 60, "A", "192.0.2.1")]) == "NOERROR"
        assert near.connections and not far.connections
        near.close()
        near.break_all()
        assert front.update(add=[("far", 60, "A", "192.0.2.1")]) == "NOERROR"
        assert front.seen("far") == {"192.0.2.1"}
        says(front, f"is asked at 127.0.0.3#{near.port} now")
        assert places(front) == [f"127.0.0.3#{near.port}"]
        with Wire(bind.port, at=("127.0.0.2", near.port)):
            far.delay_s = 2
            assert front.update(add=[("back", 60, "A", "192.0.2.1")]) == "NOERROR"
            says(front, f"is asked at 127.0.0.2#{near.port} now")
            assert places(front) == []
            front.assert_same()


def notify_unsigned(gateway):
    message = dns.message.make_query(NAME, "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    message.flags = (message.flags & ~dns.flags.RD) | dns.flags.AA
    answer = dns.query.udp(message, HOST, timeout=5, port=gateway.port)
    return dns.rcode.to_text(answer.rcode())


def test_a_host_is_looked_up(gateways, admin, bind):
    front = make_front(gateways, admin, bind, "localhost.").start_gateway()
    assert front.update(add=[("named", 60, "A", "192.0.2.1")]) == "NOERROR"
    assert front.seen("named") == {"192.0.2.1"}
    # Its addresses are the target's, who may notify.
    assert notify_unsigned(front.gateway) == "NOERROR"


class HostsGateway(Gateway):
    """With an /etc/hosts of its own, and a name server that does not answer."""

    def command(self):
        return ["unshare", "-m", "sh", "-c",
                'mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/resolv.conf && '
                'shift && exec "$@"',
                self.path("hosts"), self.path("resolv.conf"), *super().command()]


@pytest.fixture
def hosted(tmp_path):
    if not have("unshare", "mount") or run(["unshare", "-m", "true"]).code:
        pytest.skip("not allowed to have files of its own")
    made = Programs(tmp_path, HostsGateway)
    yield made
    made.close()


def write_hosts(front, text):
    front.gateway.write("hosts", text)
    front.gateway.write("resolv.conf", f"nameserver {HOST}\n")


def test_a_host_that_has_moved_is_found_again(hosted, admin, bind):
    with Wire(bind.port, at=("127.0.0.2", 0)) as old, \
            Wire(bind.port, at=("127.0.0.3", old.port)):
        front = make_front(hosted, admin, bind, "ns.test", port=old.port)
        write_hosts(front, "127.0.0.2 ns.test\n")
        front.start_gateway()
        write_hosts(front, "127.0.0.3 ns.test\n")
        old.close()
        old.break_all()
        assert front.update(add=[("moved", 60, "A", "192.0.2.1")]) == "NOERROR"
        assert front.seen("moved") == {"192.0.2.1"}
        says(front, f"is asked at ns.test#{old.port} (127.0.0.3#{old.port}) now")


def test_a_host_that_does_not_exist(hosted, admin, bind):
    front = make_front(hosted, admin, bind, ["nowhere.test", HOST])
    write_hosts(front, "")
    front.start_gateway()
    assert front.update(add=[("found", 60, "A", "192.0.2.1")]) == "NOERROR"
    assert front.seen("found") == {"192.0.2.1"}
