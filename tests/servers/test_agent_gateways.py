"""muster-agent and gateways that do not share a store: a host stays registered wherever
it was registered; and machines with a copy of another machine's state."""

import os
import shutil

import pytest

from agent import NAME, Act, FakeGateway, LossyRelay
from gateway import SharedKey
from servers import HOST, Bind, free_port, have, wait_for

ZONE_NAME = "dyn.example."


def lease_rule(longest):
    return [{"keys": [NAME], "match": "self", "types": ["A", "TXT"],
             "lease": {"min": "1s", "max": longest}}]


@pytest.fixture
def site(tmp_path, gateways, host_key):
    """One named, and two gateways in front of it that it notifies; make(i) starts them."""
    if not have(Bind.program):
        pytest.skip("named is not installed")
    key = SharedKey("muster.")
    ports = [free_port(), free_port()]
    told = "; ".join(f"{HOST} port {port}" for port in ports)
    with Bind(tmp_path / "named", keys=[key], zone_options=f"notify explicit; notify-delay 0; "
              f"also-notify {{ {told}; }};") as named:
        def make(index, longest="1h"):
            target = {"type": "ddns", "address": HOST, "port": named.port, "key": key.name}
            return gateways(keys=[host_key, key], port=ports[index], zones={ZONE_NAME: {
                "targets": [target], "allow": lease_rule(longest)}})
        named.ports = ports
        named.make = make
        yield named


def place(agent, index):
    """What --status says of one of the gateways; None: not registered there."""
    port = agent.settings["gateways"][index]
    return next((g for g in agent.zone_status()["gateways"] if g["gateway"] == port), None)


def test_a_live_host_stays_when_the_first_gateway_comes_back(site, agents, host_key):
    """Registered at the second while the first was away, refreshed at the first afterwards:
    the second's lease does not end.  Nor does it after a restart of the agent."""
    site.make(1)
    own = agents(host_key, site.ports, lease="2s", timeout="1s", records=["@ A 192.0.2.77"])
    own.wait_published()
    site.make(0)
    wait_for(lambda: place(own, 0)["ok"], "the first gateway to be used")
    serial = site.serial()
    for _ in range(2):
        updates = place(own, 1)["updates"]
        wait_for(lambda n=updates: place(own, 1)["updates"] >= n + 3, "refreshes of the second")
        assert site.records(NAME, "A") == {"192.0.2.77"}
        own.stop()
        own.start()
        own.wait_published()
    assert site.serial() == serial, "nobody has removed anything"
    own.stop()
    assert own.run("--withdraw")[0] == 0
    assert site.records(NAME, "A") == set()


def test_what_an_unreachable_gateway_removes_is_put_back(site, agents, host_key):
    """The first runs, but cannot be reached: its lease ends, and it removes the record that
    the second keeps.  It is back long before the second's refresh is due."""
    first = site.make(0, "2s")
    site.make(1)
    with LossyRelay(first.port) as relay:
        own = agents(host_key, [relay.port, site.ports[1]], timeout="500ms",
                     records=["@ A 192.0.2.77"])
        own.wait_published()
        serial = site.serial()
        relay.cut()
        wait_for(lambda: site.serial() >= serial + 2, "the record to go and come back", 30)
        assert site.records(NAME, "A") == {"192.0.2.77"}
        assert own.zone_status()["ok"], "one gateway is enough"
        relay.cut(False)
        wait_for(lambda: place(own, 0)["ok"], "the first to be back", 30)


def test_each_gateway_that_fails_is_told_of(agents, host_key):
    ports = [free_port(), free_port()]
    own = agents(host_key, ports)
    for port in ports:
        wait_for(lambda p=port: f"gateway {HOST}:{p}: Connection refused" in own.log(), port)
    with FakeGateway(host_key) as fake:
        own.configure(gateways=[f"{HOST}:{ports[0]}", f"{HOST}:{fake.port}"])
        own.reload()
        own.wait_published()
        wait_for(lambda: own.run("--status")[0] == 0, "it to be well")
        text = own.run("--status")[1]
        assert f"at       {HOST}:{ports[0]}: FAILS, 0 records, Connection refused" in text
        assert f"at       {HOST}:{fake.port}: 1 record, NOERROR" in text


def test_withdrawn_wherever_it_is(agents, host_key):
    """Withdrawn at both if both have it, and at the other if the one that has it is
    gone."""
    is_away = True

    def act(seen):
        return Act(drop=True) if is_away else Act(lease=3600)

    with FakeGateway(host_key, act) as first, \
            FakeGateway(host_key, lambda seen: Act(lease=3600)) as second:
        own = agents(host_key, [first.port, second.port], timeout="500ms")
        own.wait_published()
        is_away = False
        wait_for(lambda: place(own, 0)["ok"], "the first", 60)
        own.stop()
        is_away = True
        code, _, error = own.run("--withdraw")
        assert code == 0, error
        assert f"gateway {HOST}:{first.port}: no answer" in error
        assert second.updates()[-1].changes == {'-host1 TXT "agent"'}
        is_away = False
        assert own.run("--withdraw")[0] == 0
        assert first.updates()[-1].changes == {'-host1 TXT "agent"'}
        count = len(second.seen)
        assert own.run("--withdraw")[0] == 0
        assert len(second.seen) == count, "it has nothing any more"


def test_what_is_left_at_one_gateway_is_known(agents, host_key):
    """One removes a record, the other refuses to: it is left there, and there alone."""
    def refuse(seen):
        is_bad = "-host1 A 192.0.2.1" in seen.changes
        return Act(rcode="REFUSED") if is_bad else Act(lease=3600)

    with FakeGateway(host_key, lambda seen: Act(lease=3600)) as first, \
            FakeGateway(host_key, refuse) as second:
        own = agents(host_key, [free_port(), second.port],
                     records=["@ A 192.0.2.1", "@ TXT agent"])
        own.wait_published()
        own.configure(gateways=[f"{HOST}:{first.port}", f"{HOST}:{second.port}"])
        own.reload()
        wait_for(lambda: place(own, 0)["ok"], "the first")
        own.configure(records=["@ TXT agent"])
        own.reload()
        wait_for(lambda: "does not remove host1.dyn.example. A" in own.log(), "the refusal")
        left = wait_for(lambda: next((r for r in own.zone_status()["records"]
                                      if r["state"] == "leaving" and r["at"] == [1]), None),
                        "it to be left at the second")
        assert left["data"] == "192.0.2.1" and left["there"]
        assert own.run("--status")[0] == 0, "the first has all that is wanted"


def test_a_gateway_taken_out_of_the_configuration(agents, host_key):
    """Its lease ends: then the others are sent everything once more."""
    with FakeGateway(host_key, lambda seen: Act(lease=3)) as first, \
            FakeGateway(host_key, lambda seen: Act(lease=3600)) as second:
        own = agents(host_key, [first.port])
        own.wait_published()
        own.configure(gateways=[f"{HOST}:{second.port}"])
        own.reload()
        updates = second.wait_updates(2, 30)
        assert updates[1].changes == {'+host1 TXT "agent"'}


def test_check_says_what_several_gateways_need(agents, host_key):
    code, output, _ = agents.make(host_key, [1, 2]).run("--check")
    assert code == 0 and "must each be told of changes" in output
    assert "must each" not in agents.make(host_key, [1]).run("--check")[1]


# ---- copies of a machine ----

def clone(original, agents, key, port, **settings):
    """Another machine with a copy of key and state."""
    copy = agents.make(key, [port], **settings)
    shutil.copy(original.state_path, copy.state_path)
    return copy


def test_a_cloned_host_leaves_the_first_ones_address(gateways, agents, host_key):
    server = gateways(keys=[host_key])
    first = agents(host_key, [server.port], records=["@ A 192.0.2.1"])
    first.wait_published()
    second = clone(first, agents, host_key, server.port, records=["@ A 192.0.2.2"]).start()
    second.wait_published()
    assert "state of another machine" in second.log()
    assert server.records(NAME, "A") == {"192.0.2.1", "192.0.2.2"}
    second.stop()
    second.configure(records=["@ A 192.0.2.3"])
    second.start()  # what it has added itself is its own to remove
    wait_for(lambda: server.records(NAME, "A") == {"192.0.2.1", "192.0.2.3"}, "the change")
    assert "Enrol it under a name of its own" in second.log()[second.started_at:]
    second.stop()
    assert second.run("--withdraw")[0] == 0
    assert server.records(NAME, "A") == {"192.0.2.1"}


def test_a_clone_withdraws_nothing(gateways, agents, host_key):
    server = gateways(keys=[host_key])
    first = agents(host_key, [server.port], records=["@ A 192.0.2.1"])
    first.wait_published()
    code, _, error = clone(first, agents, host_key, server.port).run("--withdraw")
    assert code == 1 and "state of another machine" in error
    assert server.records(NAME, "A") == {"192.0.2.1"}
    assert os.path.exists(first.state_path)
