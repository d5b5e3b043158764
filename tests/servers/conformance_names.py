"""Names and serials.

RFC 1035 3.1 and 2181 11 let any octet stand in a label.
"""

# One label, or more, as in a zone file; and whether PowerDNS' API takes it for an owner.
OWNERS = [
    ("UPPER", True), ("1", True), ("-a-", True), ("_a._tcp", True), ("0/25", True),
    ("a\\032b", False), ("\\032", False), ("a\\.b", False), ("a\\000b", False),
    ("a\\200\\255b", False), ('a\\"b', False), ("a\\\\b", False), ("a\\;b", False),
    ("\\@x", False), ("a\\$b", False), ("a\\(b\\)", False), ("a*b", False), ("x.*", False),
    ("*.*", False), ("a\\010b", False), ("a\\009b", False), ("a\\127b", False),
    ("m\\195\\188nchen", False), ("a,b", False), ("a:b", False), ("a+b", False),
    ("a=b", False), ("a#b", False), ("a'b", False), ("a!b", False), ("a~b", False),
    ("a^b", False), ("a{b}", False), ("a`b", False), ("a[b]", False), ("a|b", False),
    ("a<b>", False), ("a&b", False), ("a?b", False),
    (63 * "a", True), (".".join(10 * ["a"]), True),
]

# Serials (2136 3.4.2.2, 3.6, 7.11; 1982 3.2): section, what, the serial before (None: as it
# is), the update, the serial after or how far it has moved, the SOA's other fields if they
# have changed.  {+n} in an update is the serial before, and n, modulo 2^32.
SOA = "@ 300 IN SOA {} hostmaster {{{}}} 3600 600 86400 60"
NS2 = "300 ns2.dyn.example. hostmaster.dyn.example. 3600 600 86400 60"
ADD = "% 300 IN A 192.0.2.1"
LAST = (1 << 32) - 1
SERIALS = [
    ("2136 3.6", "a change moves it by one", None, [ADD], "+1", None),
    ("2136 3.6", "no change does not", None, ["% 0 ANY A"], "+0", None),
    ("2136 3.6", "nor a duplicate", None, ["host 300 IN A 192.0.2.11"], "+0", None),
    ("2136 3.6", "nor what is taken back", None, [ADD, "% 0 ANY A"], "+0", None),
    ("2136 7.11", "from the last to 1: 0 is left out", LAST, [ADD], 1, None),
    ("2136 7.11", "to the last", LAST - 1, [ADD], LAST, None),
    ("1982 3.1", "over the middle", (1 << 31) - 1, [ADD], 1 << 31, None),
    ("2136 3.4.2.2", "a SOA with a higher serial", None, [SOA.format("ns2", "+1")], "+1", NS2),
    ("2136 3.4.2.2", "a much higher one", None, [SOA.format("ns2", "+100")], "+100", NS2),
    ("2136 3.4.2.2", "the highest there is", 100,
     [SOA.format("ns2", "+2147483647")], 100 + (1 << 31) - 1, NS2),
    ("2136 3.4.2.2", "the same is ignored", None, [SOA.format("ns2", "+0")], "+0", None),
    ("2136 3.4.2.2", "a lower one is ignored", None, [SOA.format("ns2", "-1")], "+0", None),
    ("1982 3.2", "half a circle away is ignored", 100,
     [SOA.format("ns2", "+2147483648")], 100, None),
    ("1982 3.2", "and more", 100, [SOA.format("ns2", "+2147483649")], 100, None),
    ("1982 3.2", "a serial that wraps", LAST - 4, [SOA.format("ns2", "+10")], 5, NS2),
    ("2136 3.6", "a SOA and other data: the SOA's serial", None,
     [SOA.format("ns2", "+7"), ADD], "+7", NS2),
    ("2136 3.6", "in the other order", None, [ADD, SOA.format("ns2", "+7")], "+7", NS2),
    ("2136 3.6", "other data, and a SOA that is ignored", None,
     [SOA.format("ns2", "-1"), ADD], "+1", None),
    ("2136 3.4.2.2", "two SOAs, ascending", None,
     [SOA.format("ns1", "+1"), SOA.format("ns2", "+5")], "+5", NS2),
    ("2136 3.4.2.2", "two SOAs, descending", None,
     [SOA.format("ns2", "+5"), SOA.format("ns1", "+1")], "+5", NS2),
    ("2136 3.4.2.3", "deleted before: it is there all the same", None,
     ["@ 0 ANY SOA", SOA.format("ns2", "+1")], "+1", NS2),
    ("2136 3.4.2.4", "deleting the SOA that is there", None,
     ["@ 0 NONE SOA ns1 hostmaster {+0} 3600 600 86400 60"], "+0", None),
    ("2136 3.4.2.2", "another TTL with it", None,
     ["@ 60 IN SOA ns1 hostmaster {+1} 3600 600 86400 60"], "+1",
     "60 ns1.dyn.example. hostmaster.dyn.example. 3600 600 86400 60"),
    ("2136 3.4.2.2", "below the apex", None,
     ["% 300 IN SOA ns2 hostmaster {+5} 1 2 3 4"], "+0", None),
]
