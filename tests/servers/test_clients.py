"""Clients that people run, unmodified, through the gateway to every kind of target: what they
say themselves, and what the target has afterwards.

Those that are not installed are left out; test_clients_sequences.py has the messages of more.
"""

import functools
import json
import os

import dns.rcode
import pytest

import clients_acme
import servers
from clients_site import KINDS, Site, own_network
from gateway import run
from servers import HOST, find


@pytest.fixture(scope="module")
def network():
    with own_network():
        yield


@pytest.fixture(scope="module")
def site(network, shared_gateways, tmp_path_factory):
    made = Site(shared_gateways, tmp_path_factory.mktemp("site"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(params=KINDS)
def place(request, site):
    if request.param not in site.places:
        pytest.skip(f"{request.param} is not installed")
    return site.places[request.param]


@pytest.fixture
def port_53(site):
    if not site.has_port_53:
        pytest.skip("no network namespace, and port 53 cannot be had")


@pytest.fixture
def resolver(site):
    if not site.can_set_resolver():
        pytest.skip("no network namespace with a resolv.conf of its own")


def needs(*programs):
    return pytest.mark.skipif(not servers.have(*programs),
                              reason=f"{', '.join(programs)}: not installed")


def succeeds(ran):
    assert ran.code == 0, ran.output
    return ran.output


# ---- certificates ----

def unquoted(texts):
    return {text.strip('"') for text in texts}


@pytest.fixture(scope="module")
def authority(site, tmp_path_factory):
    """It looks where the zone is: at the target."""
    def look(name):
        place, = (place for place in site.places.values() if name.endswith("." + place.zone))
        return unquoted(place.seen(name, "TXT"))

    with clients_acme.Authority(tmp_path_factory.mktemp("authority"), look) as made:
        yield made


@pytest.fixture
def order(authority, place):
    """Calls a client and sees that it has found a certificate for host and *.host."""
    def check(name, client):
        before = len(authority.looks)
        challenge = place.full(f"_acme-challenge.{name}")
        serial, changes = place.state()
        output = succeeds(client(place.full(name).rstrip("."), authority.directory))
        looks = authority.looks[before:]
        assert [look.name for look in looks] == [challenge] * 2, output
        for look in looks:
            assert look.expected in look.found
        assert place.seen(challenge, "TXT") == set()
        assert place.state()[1] == changes + 4  # two came, two went
        return looks

    return check


@needs("certbot")
@pytest.mark.parametrize("algorithm", ["hmac-md5", "hmac-sha512"])
def test_certbot(place, order, tmp_path, algorithm):
    pytest.importorskip("certbot_dns_rfc2136")
    key = place.site.keys[algorithm]
    credentials = place.site.write("certbot.ini", f"""\
dns_rfc2136_server = {HOST}
dns_rfc2136_port = {place.gateway.port}
dns_rfc2136_name = {key.name}
dns_rfc2136_secret = {key.secret}
""" + (f"dns_rfc2136_algorithm = {algorithm.upper()}\n" if algorithm != "hmac-md5" else ""))

    def client(domain, directory):
        return run([
            find("certbot"), "certonly", "-n", "--authenticator", "dns-rfc2136",
            "--dns-rfc2136-credentials", credentials,
            "--dns-rfc2136-propagation-seconds", "0", "--server", directory,
            "--agree-tos", "--register-unsafely-without-email",
            "--config-dir", tmp_path / "config", "--work-dir", tmp_path / "work",
            "--logs-dir", tmp_path / "logs", "-d", domain, "-d", f"*.{domain}"])

    looks = order(f"certbot-{algorithm}", client)
    assert len(looks[0].found) == len(looks[1].found) == 2  # both at once


@needs("lego")
@pytest.mark.parametrize("algorithm", ["hmac-sha1", "hmac-sha256"])
def test_lego(place, resolver, order, tmp_path, algorithm):
    key = place.site.keys[algorithm]
    environment = {
        "RFC2136_NAMESERVER": f"{HOST}:{place.gateway.port}",
        "RFC2136_TSIG_KEY": key.name, "RFC2136_TSIG_SECRET": key.secret,
        "RFC2136_POLLING_INTERVAL": "1", "RFC2136_SEQUENCE_INTERVAL": "1"}
    if algorithm != "hmac-sha1":
        environment["RFC2136_TSIG_ALGORITHM"] = f"{algorithm}."

    def client(domain, directory):
        return run(place.site.with_resolver(
            "env", *(f"{name}={value}" for name, value in environment.items()),
            find("lego"), "--path", tmp_path, "--server", directory, "--accept-tos",
            "--email", "a@example.org", "--dns", "rfc2136", "--dns.resolvers",
            f"{HOST}:53", "-d", domain, "-d", f"*.{domain}", "run"))

    order(f"lego-{algorithm}", client)


HOOK = "/usr/share/dehydrated-hook-ddns-tsig/dehydrated-hook-ddns-tsig.py"


@needs("dehydrated", "curl")
@pytest.mark.skipif(not os.path.exists(HOOK), reason="its hook is not installed")
def test_dehydrated(place, resolver, order, tmp_path):
    key = place.site.keys["hmac-md5"]
    (tmp_path / "config").write_text(
        f"BASEDIR={tmp_path}\nCHALLENGETYPE=dns-01\nHOOK={HOOK}\nOCSP_FETCH=no\n"
        f"ACCOUNT_KEYSIZE=2048\nKEY_ALGO=prime256v1\n")
    (tmp_path / "dehydrated-hook-ddns-tsig.conf").write_text(f"""\
[DEFAULT]
name_server_ip = {HOST}
key_name = {key.name}
key_secret = {key.secret}
""")

    def client(domain, directory):
        dehydrated = ["env", "-C", tmp_path, find("dehydrated"), "--config",
                      tmp_path / "config", "--ca", directory]
        succeeds(run([*dehydrated, "--register", "--accept-terms"]))
        return run(place.site.with_resolver(
            *dehydrated, "--cron", "--alias", "one", "-d", f"{domain} *.{domain}"))

    order("dehydrated", client)
