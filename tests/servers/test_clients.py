"""Clients that people run, unmodified, through the gateway to every kind of target: what they
say themselves, and what the target has afterwards.

Those that are not installed are left out; test_clients_sequences.py has the messages of more.
"""

import importlib.util
import json
import os
import subprocess
import sys

import dns.rcode
import dns.reversename
import pytest

import clients_acme
import clients_dhcp
import servers
from clients_dhcp import ADD, REMOVE
from clients_site import at_once, network, place, port_53, resolver, site
from gateway import SharedKey, run
from servers import HOST, find, wait_for


def needs(*programs):
    return pytest.mark.skipif(not servers.have(*programs),
                              reason=f"{', '.join(programs)}: not installed")


def succeeds(ran):
    assert ran.code == 0, ran.output
    return ran.output


# ---- nsupdate ----

@needs("nsupdate")
@pytest.mark.parametrize("transport", [[], ["-v"]], ids=["udp", "tcp"])
@pytest.mark.parametrize("finds", ["zone given", "zone from server", "all from resolver"])
def test_nsupdate(place, request, transport, finds):
    """It finds the zone of a deep name, and sends to the SOA's MNAME if it has no server."""
    host = place.full(f"a.b.{'-'.join([finds.split()[-1], *transport])}")
    key = place.gateway.key_path(place.site.admin)
    command = [find("nsupdate"), "-k", key, *transport]
    script = f"""\
prereq nxdomain {host}
add {host} 60 A 192.0.2.1
add {host} 60 TXT "one" "two"
send
del {host} A 192.0.2.1
add {host} 90 TXT three
send
"""
    if finds == "zone given":
        script = f"zone {place.zone}\n" + script
    if finds == "all from resolver":
        request.getfixturevalue("resolver")
        command = place.site.with_resolver(*command)
    else:
        script = f"server {HOST} {place.gateway.port}\n" + script
    assert run(command, script) == (0, "")
    assert place.seen(host) == set()
    assert place.seen(host, "TXT") == {'"one" "two"', '"three"'}
    assert place.ttl(host, "TXT") == 90
    assert run(command, script).output.count("YXDOMAIN") == 1


@needs("nsupdate")
def test_nsupdate_compresses_names_in_rdata(place):
    names = {"CNAME": "www", "MX": "10 host1", "NS": "ns1", "PTR": "host1",
             "SRV": "0 5 443 host1"}
    script = "".join(f"add {place.full('into-' + rdtype.lower())} 60 {rdtype} "
                     f"{place.full(rdata)}\n" for rdtype, rdata in names.items())
    assert place.gateway.nsupdate(f"zone {place.zone}\n{script}", place.site.admin) == (0, "")
    for rdtype in "CNAME", "MX", "PTR", "SRV":
        assert place.seen(f"into-{rdtype.lower()}", rdtype) == {place.full(names[rdtype])}
    lines = place.contents()
    assert f"into-ns.{place.zone} 60 NS {place.full('ns1')}" in lines


@needs("nsupdate")
def test_nsupdate_switches_to_tcp_when_it_is_much(place):
    script = "".join(f"add many{i}.{place.zone} 60 TXT {'x' * 200}\n" for i in range(60))
    assert place.gateway.nsupdate(script, place.site.admin) == (0, "")
    assert place.seen("many59", "TXT") == {f'"{"x" * 200}"'}
    script = "".join(f"del many{i}.{place.zone}\n" for i in range(60))
    assert place.gateway.nsupdate(script, place.site.admin) == (0, "")
    assert place.seen("many0", "TXT") == set()


@needs("nsupdate")
@pytest.mark.parametrize("what, says", [
    ("unknown key", "NOTAUTH(BADKEY)"), ("wrong secret", "NOTAUTH(BADSIG)"),
    ("zone below", "NOTAUTH"), ("zone above", "NOTAUTH"), ("outside", "NOTZONE")])
def test_nsupdate_says_why_it_failed(place, what, says):
    admin = place.site.admin
    key = {"unknown key": SharedKey("stranger."),
           "wrong secret": SharedKey(admin.name, admin.algorithm)}.get(what, admin)
    zone = {"zone below": place.full("www"), "zone above": "example."}.get(what, place.zone)
    name = "elsewhere.example.org." if what == "outside" else place.full("failed.www")
    state = place.state()
    ran = place.gateway.nsupdate(f"zone {zone}\nadd {name} 60 A 192.0.2.1\nsend", None,
                                 ["-y", key.line])
    assert ran.code != 0 and f"update failed: {says}\n" in ran.output, ran.output
    assert place.state() == state


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


# ---- knsupdate ----

@needs("knsupdate")
@pytest.mark.parametrize("transport", [[], ["-v"]], ids=["udp", "tcp"])
def test_knsupdate(place, transport):
    """Its UDP messages have any size."""
    names = [f"kn{i}" for i in range(250)]
    adds = "".join(f"add {name} 60 A 192.0.2.{i}\n" for i, name in enumerate(names))
    head = f"zone {place.zone}\norigin {place.zone}\nttl 60\n"
    ran = place.gateway.knsupdate(f"{head}prereq nxdomain kn0\n{adds}send\n"
                                  "prereq yxrrset kn0 A 192.0.2.0\ndel kn0 A\nsend\n",
                                  place.site.admin, transport)
    assert ran == (0, "")
    assert place.seen("kn249") == {"192.0.2.249"} and not place.seen("kn0")
    deletes = "".join(f"del {name}\n" for name in names)
    ran = place.gateway.knsupdate(f"{head}prereq yxrrset kn0 A\n{deletes}",
                                  place.site.admin, transport)
    assert "NXRRSET" in ran.output and place.seen("kn249")
    ran = place.gateway.knsupdate(head + deletes, place.site.admin, transport)
    assert ran == (0, "") and not place.seen("kn249")


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


# ---- hosts and scripts ----

@needs("ddclient", "nsupdate")
@pytest.mark.parametrize("tcp", ["no", "yes"])
def test_ddclient(place, tmp_path, tcp):
    host = place.full(f"ddclient-{tcp}").rstrip(".")
    config = place.site.write("ddclient.conf", f"""\
protocol=nsupdate
use=ip
server={HOST}:{place.gateway.port}
login={find("nsupdate")}
password={place.gateway.key_path(place.site.admin)}
zone={place.zone.rstrip(".")}
tcp={tcp}
ttl=600
{host}
""")
    command = [find("ddclient"), "-daemon=0", "-noquiet", "-verbose", "-file", config,
               "-cache", tmp_path / "cache"]
    for address in "192.0.2.1", "192.0.2.2":
        (tmp_path / "cache").unlink(missing_ok=True)
        output = succeeds(run([*command, "-ip", address]))
        assert f"SUCCESS:  updating {host}: 1: IP address set to {address}" in output
        assert place.seen(host + ".") == {address}
    assert place.ttl(host + ".", "A") == 600
    state = place.state()
    (tmp_path / "cache").unlink()
    succeeds(run([*command, "-ip", "192.0.2.2"]))
    assert place.state() == state  # it deletes, and adds the same


@needs("ldns-update")
@pytest.mark.parametrize("algorithm", ["hmac-md5", "hmac-sha1"])
def test_ldns_update(place, resolver, algorithm):
    """It asks resolv.conf's server for SOA, name servers and addresses."""
    host = place.full(f"ldns-{algorithm}")
    key = place.site.keys[algorithm]
    command = place.site.with_resolver(find("ldns-update"), host, place.zone)
    succeeds(run([*command, "192.0.2.7", key.name, algorithm, key.secret]))
    assert place.seen(host) == {"192.0.2.7"}
    succeeds(run([*command, "none", key.name, algorithm, key.secret]))
    assert place.seen(host) == set()


NET_DNS = r"""
use strict;
use Net::DNS;
my ($host, $port, $key, $zone, $tcp) = @ARGV;
my $resolver = Net::DNS::Resolver->new(nameservers => [$host], port => $port, recurse => 0);
$resolver->usevc($tcp);
sub deliver {
    my ($update) = @_;
    $update->sign_tsig($key);
    my $reply = $resolver->send($update) or die $resolver->errorstring;
    die $reply->verifyerr unless $reply->verify($update);
    print $reply->header->rcode, "\n";
}
my $update = Net::DNS::Update->new($zone);
$update->push(pre => nxdomain("perl$tcp.$zone"));
$update->push(update => rr_add("perl$tcp.$zone 60 A 192.0.2.1"));
$update->push(update => rr_add("perl$tcp.$zone 60 MX 10 host1.$zone"));
deliver($update);
$update = Net::DNS::Update->new($zone);
$update->push(pre => yxrrset("perl$tcp.$zone A 192.0.2.1"));
$update->push(pre => yxdomain("perl$tcp.$zone"), nxrrset("perl$tcp.$zone AAAA"));
$update->push(update => rr_del("perl$tcp.$zone A 192.0.2.1"));
deliver($update);
$update = Net::DNS::Update->new($zone);
$update->push(pre => yxrrset("perl$tcp.$zone A"), update => rr_del("perl$tcp.$zone"));
deliver($update);
my $query = $resolver->query("perl$tcp.$zone", "MX");
print join(" ", map { $_->exchange } $query->answer), "\n";
$resolver->tsig($key);
print scalar(grep { $_->name =~ /^perl$tcp\./ } $resolver->axfr($zone)), "\n";
"""


@needs("perl")
@pytest.mark.parametrize("tcp", [0, 1])
def test_net_dns(place, tcp):
    if run([find("perl"), "-MNet::DNS", "-e1"]).code:
        pytest.skip("Net::DNS is not installed")
    key = place.gateway.key_path(place.site.admin)
    output = succeeds(run([find("perl"), "-", HOST, str(place.gateway.port), key,
                           place.zone.rstrip("."), str(tcp)], NET_DNS))
    assert output.split() == ["NOERROR", "NOERROR", "NXRRSET",
                              place.full("host1").rstrip("."), "1"]
    assert place.seen(f"perl{tcp}") == set() and place.seen(f"perl{tcp}", "MX")


DNSRUBY = r"""
require 'dnsruby'
host, port, name, secret, algorithm, zone, tcp = ARGV
resolver = Dnsruby::Resolver.new(nameserver: [host], port: port.to_i, use_tcp: tcp == '1')
resolver.do_validation = false
resolver.do_caching = false
resolver.recurse = false
resolver.tsig = Dnsruby::RR.create(name: name, type: 'TSIG', klass: 'ANY', key: secret,
                                   algorithm: algorithm, fudge: 300)
tell = lambda do |update|
  begin
    puts resolver.send_message(update).rcode
  rescue Dnsruby::YXDomain, Dnsruby::NXRRSet => failure
    puts failure.class
  end
end
owner = "ruby#{tcp}.#{zone}"
2.times do
  update = Dnsruby::Update.new(zone)
  update.absent(owner)
  update.add(owner, 'A', 60, '192.0.2.1')
  update.add(owner, 'TXT', 60, 'ruby')
  tell.call(update)
end
update = Dnsruby::Update.new(zone)
update.present(owner, 'A', '192.0.2.1')
update.delete(owner, 'A', '192.0.2.1')
2.times { tell.call(update) }
puts resolver.query(owner, 'TXT').answer[0].strings[0]
"""


@needs("ruby")
@pytest.mark.parametrize("tcp", [0, 1])
def test_dnsruby(place, tcp):
    if run([find("ruby"), "-rdnsruby", "-e1"]).code:
        pytest.skip("Dnsruby is not installed")
    key = place.site.admin
    output = succeeds(run([
        find("ruby"), "-", HOST, str(place.gateway.port), key.name, key.secret,
        key.algorithm, place.zone.rstrip("."), str(tcp)], DNSRUBY))
    assert output.split() == ["NOERROR", "Dnsruby::YXDomain", "NOERROR", "NOERROR", "ruby"]
    assert place.seen(f"ruby{tcp}") == set()


@needs("dnsperf")
def test_dnsperf(place):
    script = "".join(f"""\
{place.zone}
prohibit perf{i}
add perf{i} 60 A 192.0.2.{i}
send
{place.zone}
require perf{i} A
delete perf{i} A
add perf{i} 60 TXT perf
send
""" for i in range(20))
    data = place.site.write("dnsperf.data", script)
    output = succeeds(run([
        find("dnsperf"), "-u", "-y", place.site.admin.line, "-s", HOST, "-p",
        str(place.gateway.port), "-d", data, "-n", "1", "-q", "1"]))
    assert "Updates completed:    40 (100.00%)" in output, output
    assert "Response codes:       NOERROR 40 (100.00%)" in output, output
    assert place.seen("perf0") == set() and place.seen("perf19", "TXT") == {'"perf"'}


# ---- Ansible ----

# Runs the module once for each line, as Ansible does on the managed host.
ANSIBLE = """
import contextlib, io, sys
from ansible.module_utils import basic
from ansible_collections.community.general.plugins.modules import nsupdate
for line in sys.stdin:
    basic._ANSIBLE_ARGS = line.encode()
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        nsupdate.main()
    print(out.getvalue().strip(), flush=True)
"""


class Ansible:
    def __init__(self, place):
        key = place.site.admin
        self.common = {
            "server": HOST, "port": place.gateway.port, "key_name": key.name,
            "key_secret": key.secret, "key_algorithm": key.algorithm, "zone": place.zone}
        self.process = subprocess.Popen([sys.executable, "-c", ANSIBLE], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, **arguments):
        arguments = {"ANSIBLE_MODULE_ARGS": {**self.common, **arguments}}
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate(timeout=20)


@pytest.fixture(scope="module")
def playbook():
    def work(place):
        a = {"record": "ansible", "value": ["192.0.2.1", "192.0.2.2"], "ttl": 60}
        txt = {"record": place.full("text.ansible"), "zone": None, "type": "TXT",
               "value": ["v=spf1 -all", "a \"b\" c;d"], "protocol": "udp"}
        names = {"record": place.zone, "type": "NS", "ttl": 300}
        ns1, ns2 = place.full("ns1"), "ns.elsewhere.example."
        tasks = [
            (a, True), (a, False), ({**a, "ttl": 90}, True), ({**a, "ttl": 90}, False),
            ({**a, "ttl": 90, "value": ["192.0.2.2", "192.0.2.1"]}, False),
            ({**a, "value": ["192.0.2.3"]}, True),
            (txt, True), (txt, False),
            ({**names, "value": [ns1, ns2]}, True), ({**names, "value": [ns1, ns2]}, False),
            ({**names, "value": [ns1]}, True), ({**names, "value": [ns1]}, False),
            ({**txt, "state": "absent"}, True), ({**txt, "state": "absent"}, False),
        ]
        with Ansible(place) as ansible:
            for arguments, is_changed in tasks:
                state = place.state()
                result = ansible.run(**arguments)
                assert not result.get("failed"), result
                assert result["changed"] == is_changed, (arguments, result)
                assert (place.state() != state) == is_changed
        assert place.seen("ansible") == {"192.0.2.3"} and place.ttl("ansible", "A") == 60

    return work


@pytest.mark.skipif(importlib.util.find_spec("ansible_collections") is None,
                    reason="community.general is not installed")
def test_ansible(place, at_once, playbook):
    """A second run of the same task reports changed=false, and changes nothing."""
    at_once(playbook, place)


# ---- DHCP ----

@pytest.fixture(scope="module")
def kea(site, tmp_path_factory):
    made = clients_dhcp.Kea(tmp_path_factory.mktemp("kea"), site, site.admin)
    yield made.start()
    made.stop()


@needs("kea-dhcp-ddns")
def test_kea(place, kea):
    """A lease, the same host elsewhere, and its end."""
    pointers = place.pointer(10), place.pointer(11)
    for last in 10, 11, 11:
        assert kea.request(ADD, place, "kea", last)
        assert place.seen("kea") == {place.address(last)}
        assert place.seen(place.pointer(last), "PTR") == {place.full("kea")}
    assert place.ttl("kea", "A") == clients_dhcp.LEASE_S
    assert len(place.seen("kea", "DHCID")) == 1
    for last in 10, 11:
        assert kea.request(REMOVE, place, "kea", last, forward=last == 11)
    assert place.seen("kea") == place.seen("kea", "DHCID") == set()
    assert not any(place.seen(pointer, "PTR") for pointer in pointers)
    assert place.gateway.query(place.full("kea"), "A").rcode() == dns.rcode.NXDOMAIN


@needs("kea-dhcp-ddns")
def test_kea_leaves_the_names_of_others_alone(place, kea):
    assert kea.request(ADD, place, "taken", 20, client=b"first")
    assert place.update(add=[(place.full("static"), 60, "A", "192.0.2.1")]) == "NOERROR"
    state = place.state()
    for name in "taken", "static":
        assert not kea.request(ADD, place, name, 21, client=b"second")
        assert not kea.request(REMOVE, place, name, 20, client=b"second", reverse=False)
    assert place.state() == state
    assert place.seen(place.pointer(21), "PTR") == set()
    assert place.seen("taken") == {place.address(20)}


@needs("kea-dhcp-ddns")
def test_kea_without_conflict_resolution(place, kea):
    assert place.update(add=[(place.full("free"), 60, "A", "192.0.2.1")]) == "NOERROR"
    for client in b"one", b"two":
        assert kea.request(ADD, place, "free", 30, client=client, resolves=False)
        assert place.seen("free") == {place.address(30)}
        assert len(place.seen("free", "DHCID")) == 1
    assert kea.request(REMOVE, place, "free", 30, client=b"one", resolves=False)
    assert place.seen("free") == place.seen(place.pointer(30), "PTR") == set()


@pytest.fixture(scope="module", params=[False, True], ids=["by server", "by client"])
def isc(request, site, network, tmp_path_factory):
    """client_updates: do clients register their own addresses?"""
    if not network or not site.has_port_53:
        pytest.skip("no network namespace")
    if request.param:
        with open(find("dhclient"), "rb") as program:
            if b"DDNS update" not in program.read():
                pytest.skip("dhclient is built without updates")
    made = clients_dhcp.Isc(tmp_path_factory.mktemp("isc"), site, site.admin, request.param)
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(scope="module")
def lease(isc):
    def work(place):
        host = "dhclient" if isc.client_updates else "dhcpd"
        assert place.update(delete=[(place.full(host),)]) == "NOERROR"
        if isc.client_updates:
            config = f"""\
{isc.key_text}{isc.zone_text(place.zone)}
send fqdn.fqdn "{place.full(host)}";
send fqdn.encoded on;
send fqdn.server-update off;
do-forward-updates true;
"""
        else:
            config = f'send host-name "{host}";\n'
        isc.lease(place, host, config)
        address, = wait_for(lambda: place.seen(host), "the address")
        pointer = dns.reversename.from_address(address).to_text()
        wait_for(lambda: place.seen(pointer, "PTR") == {place.full(host)}, "the pointer")
        guards = place.seen(host, "TXT"), place.seen(host, "DHCID")
        isc.release(place, host)
        wait_for(lambda: not place.seen(pointer, "PTR"), "the pointer's end")
        if not isc.client_updates:
            wait_for(lambda: not place.seen(host, "DHCID"), "the address' end")
            assert not place.seen(host)
        return guards

    return work


@needs("dhcpd", "dhclient", "ip")
def test_isc_dhcp(place, isc, lease, at_once):
    texts, dhcids = at_once(lease, place)
    assert (len(texts), len(dhcids)) == ((1, 0) if isc.client_updates else (0, 1))
    log = isc.log()
    name = place.full("dhclient" if isc.client_updates else "dhcpd").rstrip(".")
    if not isc.client_updates:
        assert f"Added new forward map from {name} to" in log
        assert f"Removed forward map from {name} to" in log
    assert f"in-addr.arpa to {name}" in log
    assert "Unable to" not in log and "timed out" not in log
