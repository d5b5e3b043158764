"""ACME clients and their hooks, unmodified: the records that they write for dns-01 challenges,
at every kind of target, and how they look for the zone.

Those that are not installed are left out.
"""

import os
import subprocess
import sys

import pytest

import clients_acme
# pylint: disable=unused-import,redefined-outer-name
from clients_site import (at_once, needs, network, place, port_53, resolver, site,
                          succeeds)
from gateway import run
from servers import HOST, find


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


@pytest.fixture(scope="module")
def order(authority):
    """Calls a client and sees that it gets a certificate for host and *.host."""
    def check(place, name, client):
        challenge = place.full(f"_acme-challenge.{name}")
        output = succeeds(client(place.full(name).rstrip("."), authority.directory))
        looks = [look for look in authority.looks if look.name == challenge]
        assert len(looks) == 2, output
        assert all(look.expected in look.found for look in looks)
        assert place.seen(challenge, "TXT") == set()
        return looks

    return check


@pytest.fixture(scope="module")
def certbot(order, tmp_path_factory):
    def work(place):
        key = place.site.keys["hmac-md5"]  # which is its default
        folder = tmp_path_factory.mktemp("certbot")
        credentials = place.site.write(f"certbot-{place.kind}.ini", f"""\
dns_rfc2136_server = {HOST}
dns_rfc2136_port = {place.gateway.port}
dns_rfc2136_name = {key.name}
dns_rfc2136_secret = {key.secret}
""")
        return order(place, "certbot", lambda domain, directory: run([
            find("certbot"), "certonly", "-n", "--authenticator", "dns-rfc2136",
            "--dns-rfc2136-credentials", credentials,
            "--dns-rfc2136-propagation-seconds", "0", "--server", directory,
            "--agree-tos", "--register-unsafely-without-email", "--config-dir",
            folder / "config", "--work-dir", folder / "work", "--logs-dir",
            folder / "logs", "-d", domain, "-d", f"*.{domain}"]))

    return work


@needs("certbot")
def test_certbot(place, at_once, certbot):
    pytest.importorskip("certbot_dns_rfc2136")
    looks = at_once(certbot, place)
    assert len(looks[0].found) == len(looks[1].found) == 2  # both at once


@pytest.fixture(scope="module")
def lego(order, tmp_path_factory):
    def work(place):
        key = place.site.keys["hmac-sha1"]  # which is its default
        environment = {
            "RFC2136_NAMESERVER": f"{HOST}:{place.gateway.port}",
            "RFC2136_TSIG_KEY": key.name, "RFC2136_TSIG_SECRET": key.secret,
            "RFC2136_POLLING_INTERVAL": "1", "RFC2136_SEQUENCE_INTERVAL": "1"}
        return order(place, "lego", lambda domain, directory: run(place.site.with_resolver(
            "env", *(f"{name}={value}" for name, value in environment.items()),
            find("lego"), "--path", tmp_path_factory.mktemp("lego"), "--server", directory,
            "--accept-tos", "--email", "a@example.org", "--dns", "rfc2136",
            "--dns.resolvers", f"{HOST}:53", "-d", domain, "-d", f"*.{domain}", "run")))

    return work


@needs("lego")
def test_lego(place, resolver, at_once, lego):
    """It looks for the record at the zone's name servers before it goes on."""
    at_once(lego, place)


HOOK = "/usr/share/dehydrated-hook-ddns-tsig/dehydrated-hook-ddns-tsig.py"
# Runs the hook once for each line.
HOOKS = """
import runpy, sys
_, hook, domain = sys.argv
for line in sys.stdin:
    callback, token = line.split()
    sys.argv = [hook, callback, domain, "file", token]
    try:
        runpy.run_path(hook, run_name="__main__")
    except SystemExit as end:
        assert not end.code, end.code
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def dehydrated(tmp_path_factory):
    def work(place):
        key = place.site.keys["hmac-md5"]
        folder = tmp_path_factory.mktemp("dehydrated")
        (folder / "dehydrated-hook-ddns-tsig.conf").write_text(
            f"[DEFAULT]\nname_server_ip = {HOST}\nkey_name = {key.name}\n"
            f"key_secret = {key.secret}\n")

        domain = place.full("deep.dehydrated").rstrip(".")
        process = subprocess.Popen(
            place.site.with_resolver(sys.executable, "-c", HOOKS, HOOK, domain), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)

        def call(callback, token):
            process.stdin.write(f"{callback} {token}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
            return place.seen("_acme-challenge.deep.dehydrated", "TXT")

        with process:
            assert call("deploy_challenge", "one") == {'"one"'}
            assert call("deploy_challenge", "two") == {'"one"', '"two"'}
            assert call("clean_challenge", "one") == {'"two"'}
            assert call("clean_challenge", "two") == set()

    return work


@pytest.mark.skipif(not os.path.exists(HOOK), reason="dehydrated's hook is not installed")
def test_dehydrated(place, resolver, at_once, dehydrated):
    """Its hook sends the update itself to one parent after the other, and looks for the
    record at the zone's name servers."""
    at_once(dehydrated, place)


def test_lexicon(place, port_53):
    client = pytest.importorskip("lexicon.client")
    config = pytest.importorskip("lexicon.config")
    pytest.importorskip("lexicon.providers.ddns")
    zone, host = place.zone.rstrip("."), place.full("lexicon").rstrip(".")

    def call(action, **options):
        return client.Client(config.ConfigResolver().with_dict({
            "provider_name": "ddns", "action": action, "domain": zone, "type": "TXT",
            "name": host, "ddns": {"auth_token": place.site.admin.line, "domain": zone,
                                   "ddns_server": HOST},
            **options})).execute()

    assert call("create", content='"one"', ttl=77) is True
    assert place.ttl("lexicon", "TXT") == 77
    assert call("create", content='"two"', ttl=77) is True
    assert {record["content"] for record in call("list")} == {'"one"', '"two"'}
    whole = call("list", name=None)  # a transfer
    assert {f"{host}. 77 TXT {text}" for text in ('"one"', '"two"')} <= \
        {f"{record['name']}. {record['ttl']} TXT {record['content']}" for record in whole}
    assert call("delete", content='"one"') is True
    assert call("update", content='"three"', ttl=77) is True
    assert place.seen("lexicon", "TXT") == {'"three"'}


ACME_SH = "update add {name} 60 in txt \"{value}\"\n", "update delete {name} txt\n"


@needs("nsupdate")
@pytest.mark.parametrize("with_zone", [False, True])
def test_acme_sh(place, with_zone):
    """dns_nsupdate.sh writes these scripts."""
    name = place.full("_acme-challenge.acme.sh")
    head = f"server {HOST}  {place.gateway.port} \n" + \
        (f"zone {place.zone}\n" if with_zone else "")
    for script, left in (
            (ACME_SH[0].format(name=name, value="one"), {'"one"'}),
            (ACME_SH[0].format(name=name, value="two"), {'"one"', '"two"'}),
            (ACME_SH[1].format(name=name), set()), (ACME_SH[1].format(name=name), set())):
        key = place.gateway.key_path(place.site.admin)
        assert run([find("nsupdate"), "-k", key], f"{head}{script}send\n") == (0, "")
        assert place.seen(name, "TXT") == left
