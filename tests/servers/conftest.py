"""Fixtures for tests of musterd as a whole.  Tests of its parts have their own."""

import pytest

import agent
import gateway
import faults
from agent import Agent
from faults import FaultyGateway
from gateway import Gateway, SharedKey
from program import Programs


def _gateways(folder):
    if not gateway.is_built():
        pytest.skip(f"{gateway.PROGRAM} is not there: build it, or set MUSTERD")
    made = Programs(folder, Gateway)
    yield made
    made.close()


@pytest.fixture
def gateways(tmp_path):
    """Makes and starts gateways.  The test fails if one of them does not end with status 0,
    or a sanitizer has said anything."""
    yield from _gateways(tmp_path)


@pytest.fixture(scope="module")
def shared_gateways(tmp_path_factory):
    """The same, for gateways that all tests of a file share."""
    yield from _gateways(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def faulty(tmp_path):
    """The same, for gateways whose calls fail (faults.py)."""
    if not faults.is_built():
        pytest.skip(f"{faults.PROGRAM} is not there: make check builds it")
    made = Programs(tmp_path, FaultyGateway)
    yield made
    for faulty_gateway in made.made:
        faulty_gateway.control.disarm()
    made.close()


@pytest.fixture
def admin():
    """A key that may do everything in gateways that are made with it and without rules."""
    return SharedKey("admin.")


@pytest.fixture(scope="module")
def shared_admin():
    return SharedKey("admin.")


@pytest.fixture
def agents(tmp_path):
    """Makes and starts muster-agents.  The test fails if one of them does not end with status
    0, or a sanitizer has said anything."""
    if not agent.is_built():
        pytest.skip(f"{agent.PROGRAM} is not there: build it, or set MUSTER_AGENT")
    made = Programs(tmp_path, Agent)
    yield made
    made.close()


@pytest.fixture
def host_key():
    """The key of a host, named like it."""
    return SharedKey(agent.NAME)
