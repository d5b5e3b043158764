"""What a zone answers: RFC 1034 4.3.2, 1035, 2181, 2308, 4592, 6672.

Each: section, name, type, rcode, AA, answer section, authority section, as records
"owner ttl type rdata" in any order.  NEGATIVE is the SOA of negative answers, whose serial
is not looked at.
"""

NEGATIVE = "@ 60 SOA"
SUB = ["sub 300 NS ns.sub", "sub 300 NS ns.elsewhere.example."]
SUB_DS = "sub 300 DS 12345 8 1 00112233445566778899aabbccddeeff00112233"
HOST = ["host 300 A 192.0.2.11", "host 300 A 192.0.2.12"]
HOST_TEXT = 'host 300 TXT "first" "second; with spaces"'
ALIAS = "alias 300 CNAME host"
DNAME = "redirect 300 DNAME target"

CASES = [
    ("1034 4.3.2", "host", "A", "NOERROR", True, HOST, []),
    ("1034 4.3.2", "host", "AAAA", "NOERROR", True, ["host 300 AAAA 2001:db8::11"], []),
    ("1034 4.3.2", "host", "TXT", "NOERROR", True, [HOST_TEXT], []),
    ("1034 3.7.1", "host", "ANY", "NOERROR", True,
     [*HOST, "host 300 AAAA 2001:db8::11", HOST_TEXT], []),
    ("3597 3", "type", "TYPE65280", "NOERROR", True, ["type 300 TYPE65280 0x01020304"], []),
    ("1034 4.3.2", "@", "NS", "NOERROR", True, ["@ 300 NS ns1", "@ 300 NS ns2"], []),
    ("1034 4.3.2", "@", "MX", "NOERROR", True, ["@ 300 MX 10 mail"], []),
    # RFC 2308 2: NXDOMAIN and NODATA, with the SOA and the lesser of its TTL and MINIMUM
    ("2308 2.1", "nope", "A", "NXDOMAIN", True, [], [NEGATIVE]),
    ("2308 2.1", "x.nope", "A", "NXDOMAIN", True, [], [NEGATIVE]),
    ("2308 2.1", "x.host", "A", "NXDOMAIN", True, [], [NEGATIVE]),
    ("2308 2.2", "host", "MX", "NOERROR", True, [], [NEGATIVE]),
    ("2308 2.2", "@", "A", "NOERROR", True, [], [NEGATIVE]),
    ("2308 2.2", "host", "CNAME", "NOERROR", True, [], [NEGATIVE]),
    ("2308 2.2", "host", "SOA", "NOERROR", True, [], [NEGATIVE]),
    # RFC 4592 2.2.2: an empty non-terminal exists
    ("4592 2.2.2", "ent", "A", "NOERROR", True, [], [NEGATIVE]),
    ("4592 2.2.2", "ent", "ANY", "NOERROR", True, [], [NEGATIVE]),
    ("4592 2.2.2", "b.ent", "A", "NXDOMAIN", True, [], [NEGATIVE]),
    ("4592 2.2.2", "a.ent", "A", "NOERROR", True, ["a.ent 300 A 192.0.2.21"], []),
    # aliases
    ("1034 3.6.2", "alias", "A", "NOERROR", True, [ALIAS, *HOST], []),
    ("1034 3.6.2", "alias", "CNAME", "NOERROR", True, [ALIAS], []),
    ("1034 3.6.2", "alias", "ANY", "NOERROR", True, [ALIAS], []),
    ("2308 2.2", "alias", "MX", "NOERROR", True, [ALIAS], [NEGATIVE]),
    # wildcards
    ("4592 3.3.1", "x.wild", "A", "NOERROR", True, ["x.wild 300 A 192.0.2.31"], []),
    ("4592 3.3.1", "y.x.wild", "A", "NOERROR", True, ["y.x.wild 300 A 192.0.2.31"], []),
    ("4592 3.3.1", "x.wild", "TXT", "NOERROR", True, ['x.wild 300 TXT "wild"'], []),
    ("4592 3.3.1", "x.wild", "MX", "NOERROR", True, [], [NEGATIVE]),
    ("4592 2.1.1", "*.wild", "A", "NOERROR", True, ["*.wild 300 A 192.0.2.31"], []),
    ("4592 2.2.2", "wild", "A", "NOERROR", True, [], [NEGATIVE]),
    # RFC 6672 3.2
    ("6672 3.2", "www.redirect", "A", "NOERROR", True,
     [DNAME, "www.redirect 300 CNAME www.target", "www.target 300 A 192.0.2.51"], []),
    ("6672 3.2", "nope.redirect", "A", "NXDOMAIN", True,
     [DNAME, "nope.redirect 300 CNAME nope.target"], [NEGATIVE]),
    ("6672 2.3", "redirect", "A", "NOERROR", True, [], [NEGATIVE]),
    ("6672 2.3", "redirect", "DNAME", "NOERROR", True, [DNAME], []),
    # referrals
    ("1034 4.3.2", "sub", "A", "NOERROR", False, [], SUB),
    ("1034 4.3.2", "sub", "NS", "NOERROR", False, [], SUB),
    ("1034 4.3.2", "x.sub", "A", "NOERROR", False, [], SUB),
    ("2181 6.1", "ns.sub", "A", "NOERROR", False, [], SUB),
    ("4035 3.1.4.1", "sub", "DS", "NOERROR", True, [SUB_DS], []),
    ("4035 3.1.4.1", "x.sub", "DS", "NOERROR", False, [], SUB),
    # names of others
    ("1034 4.3.2", "example.", "A", "REFUSED", False, [], []),
    ("1034 4.3.2", "www.example.net.", "A", "REFUSED", False, [], []),
    ("1034 4.3.2", ".", "NS", "REFUSED", False, [], []),
]
