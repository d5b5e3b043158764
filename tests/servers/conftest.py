"""Fixtures for tests of musterd as a whole.  Tests of its parts have their own."""

import pytest

import agent
import gateway
from agent import Agents
from gateway import Gateways, SharedKey


def _gateways(folder):
    if not gateway.is_built():
        pytest.skip(f"{gateway.PROGRAM} is not there: build it, or set MUSTERD")
    made = Gateways(folder)
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
    made = Agents(tmp_path)
    yield made
    made.close()


@pytest.fixture
def host_key():
    """The key of a host, named like it."""
    return SharedKey(agent.NAME)
