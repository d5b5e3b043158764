"""Rules with merge: ACME clients that prove themselves at one name do not wipe each other's
challenges, and what they leave behind goes with its lease.  The sequences are lego's and
acme.sh's own (tests/scenarios/client-lego.scn, clients.md)."""

import pytest

from front import full
from leased import Leased
from servers import wait_for

CHALLENGE = "_acme-challenge.www"
RULES = {
    "lego.": {"types": ["TXT"], "lease": {"default": "6s", "min": "1s"}, "merge": True},
    "acme-sh.": {"types": ["TXT"], "lease": {"default": "1h", "min": "1s"}, "merge": True},
    "plain.": {"types": ["TXT"], "lease": {"default": "1h", "min": "1s"}},
}


@pytest.fixture
def front(gateways, admin):
    with Leased(gateways, admin, rules=RULES) as running:
        yield running


def lego_present(front, token, key="lego."):
    """dns01 of lego: removes the RRset, inserts its own, in one message."""
    front.change([(CHALLENGE, 120, "TXT", f'"{token}"')], [(CHALLENGE, "TXT")], key=key)


def lego_clean_up(front, token, key="lego."):
    front.change(delete=[(CHALLENGE, "TXT", f'"{token}"')], key=key)


def acme_sh_present(front, token, key="acme-sh."):
    """dns_nsupdate of acme.sh: adds."""
    front.change([(CHALLENGE, 60, "TXT", f'"{token}"')], key=key)


def acme_sh_clean_up(front, key="acme-sh."):
    """And deletes the whole RRset."""
    front.change(delete=[(CHALLENGE, "TXT")], key=key)


def challenges(front):
    return {text.strip('"') for text in front.mirrored(CHALLENGE, "TXT")}


def test_two_legos(front):
    """host and *.host, at once."""
    lego_present(front, "one")
    lego_present(front, "two")
    assert challenges(front) == {"one", "two"}
    lego_clean_up(front, "one")
    assert challenges(front) == {"two"}
    lego_clean_up(front, "two")
    assert challenges(front) == set()
    assert not front.leases()


def test_acme_sh_spares_others(front):
    acme_sh_present(front, "theirs")
    lego_present(front, "ours")
    assert challenges(front) == {"theirs", "ours"}
    acme_sh_clean_up(front)
    assert challenges(front) == {"ours"}
    acme_sh_present(front, "more")
    lego_clean_up(front, "ours")
    assert challenges(front) == {"more"}


def test_what_is_permanent_goes(front):
    """As the client says; nobody has it pending."""
    assert front.update(add=[(CHALLENGE, 60, "TXT", '"stale"')]) == "NOERROR"
    lego_present(front, "new")
    assert challenges(front) == {"new"}


def test_what_nobody_takes_away_expires(front):
    lego_present(front, "left")
    acme_sh_present(front, "beside")
    wait_for(lambda: challenges(front) == {"beside"}, "the end of the lease")
    assert ("expired", full(CHALLENGE)) in front.events()


def test_without_merge_the_rule_is_the_protocols(front):
    acme_sh_present(front, "theirs")
    lego_present(front, "ours", key="plain.")
    assert challenges(front) == {"ours"}
    assert set(front.leases()) == {(CHALLENGE, "TXT", '"ours"')}
