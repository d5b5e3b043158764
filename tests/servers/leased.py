"""A gateway whose records get short leases, and what the database says about them.

    front = Leased(gateways, admin, [], lease={"default": "2s", "min": "1s"})
    front.start()
    front.update(add=[("host", 60, "A", "192.0.2.1")])
    front.leases()                    # {("host", "A", "192.0.2.1"): 2}

Keys that are given besides the administrator's have the rules that are given for them;
"admin." may do everything, under the lease unless lease is None.
"""

import struct

import dns.edns
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from front import NAME, Front, full
from gateway import SharedKey, sign
from servers import wait_for

UPDATE_LEASE = 2
SHORT = {"default": "2s", "min": "1s"}
REVERSE = "2.0.192.in-addr.arpa."
REVERSE_ZONE = f"""\
$ORIGIN {REVERSE}
$TTL 300
@	SOA	ns1.dyn.example. hostmaster.dyn.example. 10 3600 600 86400 60
@	NS	ns1.dyn.example.
"""
GONE_S = 60


class Leased(Front):
    """rules: name of a key to its rule, a dictionary that lacks only the key; each comes
    before the administrator's.  reverse: is there a local reverse zone for 192.0.2.0/24?"""

    def __init__(self, gateways, admin, servers=(), lease=None, rules=None, reverse=False,
                 **options):
        super().__init__(gateways, admin, servers, **options)
        everything = {"keys": [admin.name], "match": "zone", "types": ["ANY"],
                      "transfer": True}
        if lease is not None:
            everything["lease"] = lease
        self.keys = {name: SharedKey(name) for name in rules or {}}
        self.gateway.keys += list(self.keys.values())
        self.gateway.zones[NAME]["allow"] = [
            {"keys": [self.keys[name].name], "match": "zone", **rule}
            for name, rule in (rules or {}).items()] + [everything]
        if reverse:
            seed = self.gateway.path("reverse.seed")
            with open(seed, "w") as file:
                file.write(REVERSE_ZONE)
            self.gateway.zones[REVERSE] = {
                "targets": [{"type": "local", "file": seed}],
                "allow": [{"keys": [admin.name], "match": "zone", "types": ["ANY"],
                           "transfer": True}]}

    def ask(self, message, key=None, lease=None):
        """Sends an update by this key (its name), asking for a lease of so many seconds.
        The rcode, and what was granted."""
        if lease is not None:
            message.use_edns(0, payload=1232, options=[
                dns.edns.GenericOption(UPDATE_LEASE, struct.pack("!I", lease))])
        signed = sign(message, self.keys[key] if key else self.admin)
        answer = self.gateway.exchange(signed.wire)
        assert answer.is_authentic(signed)
        granted = [option.to_wire() for option in answer.message.options
                   if option.otype == UPDATE_LEASE]
        return answer.rcode, struct.unpack("!I", granted[0])[0] if granted else None

    def change(self, add=(), delete=(), key=None, lease=None):
        """The same, for an update that must be accepted."""
        rcode, granted = self.ask(self.message(add, delete), key, lease)
        assert rcode == "NOERROR"
        return granted

    def put(self, *hosts, key=None, lease=None):
        """Hosts with the address 192.0.2.N."""
        return self.change([(f"h{n}", 60, "A", f"192.0.2.{n}") for n in hosts], key=key,
                           lease=lease)

    # -- what the database has --

    def lease_rows(self, zone=NAME):
        return self.gateway.rows(
            "SELECT leases.* FROM leases JOIN zones ON zones.id = zone WHERE name = ?",
            dns.name.from_text(zone).to_wire())

    def leases(self, zone=NAME):
        """(name relative to the zone, type, data) to seconds."""
        origin = dns.name.from_text(zone)
        return {(dns.name.from_wire(row["owner"], 0)[0].relativize(origin).to_text(),
                 dns.rdatatype.to_text(row["type"]),
                 dns.rdata.from_wire(dns.rdataclass.IN, row["type"], row["rdata"], 0,
                                     len(row["rdata"])).to_text()): row["duration_s"]
                for row in self.lease_rows(zone)}

    def lease_hosts(self, zone=NAME):
        return {name for name, _, _ in self.leases(zone)}

    def events(self, event=None):
        """(event, host), oldest first; host None: of the zone."""
        rows = self.gateway.rows("SELECT event, host FROM journal WHERE event IS NOT NULL "
                                 "ORDER BY seq")
        return [(row["event"], row["host"] and
                 dns.name.from_wire(row["host"], 0)[0].to_text())
                for row in rows if event in (None, row["event"])]

    def batches(self):
        """Expiries, by their rows."""
        return self.gateway.journal("reason LIKE 'expired: %'")

    # -- waiting --

    def wait_accepted(self, message, key=None, lease=None):
        """Where ack is applied, a target may be too slow now and then."""
        wait_for(lambda: self.ask(message, key, lease)[0] == "NOERROR", "an update")

    def wait_gone(self, *names, rdtype="A", timeout_s=GONE_S):
        """Waits until the primary does not have them any more."""
        wait_for(lambda: not any(self.seen(name, rdtype) for name in names),
                 f"{names} to be gone", timeout_s)

    def assert_agreement(self):
        """Asserts that no lease lacks its record."""
        content = self.content(self.gateway)
        for name, rdtype, data in self.leases():
            assert any(line.startswith(f"{full(name)} ") and f" {rdtype} {data}" in line
                       for line in content), (name, rdtype, data)
