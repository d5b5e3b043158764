"""Clients that people run, unmodified, through the gateway to every kind of target: what they
say themselves, and what the target has afterwards.

Those that are not installed are left out.  test_clients_certificates.py has those that get
certificates, and test_clients_sequences.py messages of more.
"""

import importlib.util
import json
import subprocess
import sys

import dns.rcode
import dns.reversename
import pytest

import clients_dhcp
from clients_dhcp import ADD, REMOVE
# pylint: disable=unused-import,redefined-outer-name
from clients_site import at_once, needs, network, place, resolver, site, succeeds
from gateway import SharedKey, run
from servers import HOST, find, wait_for


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
@pytest.mark.parametrize("finds", ["server", "resolver"])
def test_nsupdate_finds_the_zone_of_odd_names(place, request, finds):
    """Aliases, into the zone and out of it, wildcards, names that are cut off, and the
    zone's own: the answers to its SOA question differ."""
    assert place.update(add=[
        (place.full("away"), 60, "CNAME", "elsewhere.example.org."),
        (place.full("cut"), 60, "NS", "ns.elsewhere.example."),
        (place.full("moved"), 60, "DNAME", "elsewhere.example.org.")]) == "NOERROR"
    command = [find("nsupdate"), "-k", place.gateway.key_path(place.site.admin)]
    head = f"server {HOST} {place.gateway.port}\n"
    if finds == "resolver":
        request.getfixturevalue("resolver")
        command, head = place.site.with_resolver(*command), ""
    for name in "www", "away", "x.wild", "x.y.wild", "cut", "@", "moved":
        host = place.full(name)
        assert run(command, f"{head}prereq nxrrset {host} TYPE65400\n"
                   f"del {host} TYPE65400\nsend\n") == (0, ""), name
    changed = "".join(f"del {place.full(name)}\nadd {place.full(name)} 60 A 192.0.2.1\nsend\n"
                      for name in ("away", "cut", "moved"))
    assert run(command, head + changed) == (0, "")
    for name in "away", "cut", "moved":
        assert place.seen(name) == {"192.0.2.1"}


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


@needs("dig")
def test_dig(place):
    """With EDNS, a cookie and AD, signed: what has just been written, and the whole zone."""
    assert place.update(add=[(place.full("dig"), 60, "A", "192.0.2.1")]) == "NOERROR"
    admin = place.site.admin
    for transport in "+notcp", "+tcp":
        ran = place.gateway.dig(place.full("dig"), "A", transport, key=admin)
        assert "status: NOERROR" in ran.output and "192.0.2.1" in ran.output
        assert "TSIG" in ran.output and ";; Couldn't verify" not in ran.output
    ran = place.gateway.dig(place.zone, "AXFR", key=admin)
    assert f"dig.{place.zone}" in ran.output and "Transfer failed" not in ran.output
    assert "Couldn't verify" not in ran.output and "XFR size" in ran.output


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
    if not network:
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
