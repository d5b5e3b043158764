"""RFC 2136 2.4 and 3.2: prerequisites, which hold, which do not, and which are no
prerequisites at all."""

# What stands at the case's own name.
STATES = {
    "none": [],
    "a": ["% 300 IN A 192.0.2.1"],
    "two": ["% 300 IN A 192.0.2.1", "% 300 IN A 192.0.2.2"],
    "text": ['% 300 IN TXT "a"'],
    "alias": ["% 300 IN CNAME host"],
    "ent": ["x.% 300 IN A 192.0.2.1"],
    "wild": ["*.% 300 IN A 192.0.2.1"],
    "cut": ["% 300 IN NS ns.%", "ns.% 300 IN A 192.0.2.9"],
    "dname": ["% 300 IN DNAME host"],
    "odd": ["% 300 IN TYPE65281 0x0102"],
    "mail": ["% 300 IN MX 10 Mail.Example."],
}

# Each prerequisite (2.4.1 ANY, a type; 2.4.2 IN; 2.4.3 NONE, a type; 2.4.4 ANY ANY; 2.4.5
# NONE ANY) in each of these states.  "-" holds.
SHORT = {"-": "NOERROR", "NXD": "NXDOMAIN", "NXR": "NXRRSET", "YXD": "YXDOMAIN",
         "YXR": "YXRRSET"}
MATRIX = """
                               none a    two  text alias ent wild cut dname odd  mail
% 0 ANY ANY                    NXD  -    -    -    -    NXD  NXD  -    -    -    -
% 0 ANY A                      NXR  -    -    NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR
% 0 ANY CNAME                  NXR  NXR  NXR  NXR  -    NXR  NXR  NXR  NXR  NXR  NXR
% 0 ANY TXT                    NXR  NXR  NXR  -    NXR  NXR  NXR  NXR  NXR  NXR  NXR
% 0 ANY NS                     NXR  NXR  NXR  NXR  NXR  NXR  NXR  -    NXR  NXR  NXR
% 0 ANY TYPE65281              NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  -    NXR
% 0 NONE ANY                   -    YXD  YXD  YXD  YXD  -    -    YXD  YXD  YXD  YXD
% 0 NONE A                     -    YXR  YXR  -    -    -    -    -    -    -    -
% 0 NONE CNAME                 -    -    -    -    YXR  -    -    -    -    -    -
% 0 NONE NS                    -    -    -    -    -    -    -    YXR  -    -    -
% 0 NONE TYPE65281             -    -    -    -    -    -    -    -    -    YXR  -
% 0 IN A 192.0.2.1             NXR  -    NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR
% 0 IN CNAME host              NXR  NXR  NXR  NXR  -    NXR  NXR  NXR  NXR  NXR  NXR
% 0 IN CNAME HOST              NXR  NXR  NXR  NXR  -    NXR  NXR  NXR  NXR  NXR  NXR
% 0 IN TYPE65281 0x0102        NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  -    NXR
% 0 IN TYPE65281 0x0103        NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR
% 0 IN TYPE65281               NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR
% 0 IN MX 10 mail.EXAMPLE.     NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  -
% 0 IN MX 11 mail.example.     NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR
% 0 IN TXT "a"                 NXR  NXR  NXR  -    NXR  NXR  NXR  NXR  NXR  NXR  NXR
% 0 IN TXT "A"                 NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR  NXR
x.% 0 ANY ANY                  NXD  NXD  NXD  NXD  NXD  -    NXD  NXD  NXD  NXD  NXD
x.% 0 NONE ANY                 -    -    -    -    -    YXD  -    -    -    -    -
x.% 0 ANY A                    NXR  NXR  NXR  NXR  NXR  -    NXR  NXR  NXR  NXR  NXR
x.% 0 NONE A                   -    -    -    -    -    YXR  -    -    -    -    -
*.% 0 ANY ANY                  NXD  NXD  NXD  NXD  NXD  NXD  -    NXD  NXD  NXD  NXD
*.% 0 NONE ANY                 -    -    -    -    -    -    YXD  -    -    -    -
*.% 0 ANY A                    NXR  NXR  NXR  NXR  NXR  NXR  -    NXR  NXR  NXR  NXR
ns.% 0 ANY A                   NXR  NXR  NXR  NXR  NXR  NXR  NXR  -    NXR  NXR  NXR
ns.% 0 NONE ANY                -    -    -    -    -    -    -    YXD  -    -    -
ns.% 0 IN A 192.0.2.9          NXR  NXR  NXR  NXR  NXR  NXR  NXR  -    NXR  NXR  NXR
"""


def matrix():
    """State -> [(prerequisite, rcode)]."""
    states, *rows = [line.rstrip() for line in MATRIX.strip("\n").split("\n")]
    states = states.split()
    table = {state: [] for state in states}
    for row in rows:
        prereq, *rcodes = row.rsplit(None, len(states))
        for state, rcode in zip(states, rcodes, strict=True):
            table[state].append((prereq.strip(), SHORT[rcode]))
    return table


# Several at once, against the state "two": RFC section, prerequisites, rcode.
SEVERAL = [
    ("3.2.3", ["% 0 IN A 192.0.2.1", "% 0 IN A 192.0.2.2"], "NOERROR"),
    ("3.2.3", ["% 0 IN A 192.0.2.2", "% 0 IN A 192.0.2.1"], "NOERROR"),
    ("3.2.3", ["% 0 IN A 192.0.2.1", "% 0 IN A 192.0.2.1"], "NXRRSET"),
    ("3.2.3", [f"% 0 IN A 192.0.2.{i}" for i in (1, 2, 3)], "NXRRSET"),
    ("3.2.3", ["% 0 IN A 192.0.2.1", "% 0 ANY A", "% 0 IN A 192.0.2.2"], "NOERROR"),
    ("3.2.3", ["% 0 IN A 192.0.2.1", "x.% 0 IN A 192.0.2.2"], "NXRRSET"),
    ("3.2.5", ["% 0 ANY A", "% 0 NONE TXT"], "NOERROR"),
    ("3.2.5", ["% 0 ANY A", "% 0 NONE A"], "YXRRSET"),
    ("3.2.5", ["% 0 NONE A", "x.% 0 ANY ANY"], "YXRRSET"),
    ("3.2.5", ["x.% 0 ANY ANY", "% 0 NONE A"], "NXDOMAIN"),
    ("3.2.5", ["% 0 ANY TXT", "% 0 NONE ANY"], "NXRRSET"),
    ("3.2.5", ["% 0 IN A 192.0.2.1", "% 0 NONE ANY"], "YXDOMAIN"),  # values come last
    ("3.2.5", ["% 0 ANY TXT", "% 1 ANY A"], "NXRRSET"),  # form in its turn
    ("3.2.5", ["% 0 ANY A", "% 1 ANY A"], "FORMERR"),
    ("3.2.5", ["% 0 NONE A", "other.example. 0 ANY A"], "YXRRSET"),
    ("3.2.5", ["% 0 ANY A", "other.example. 0 ANY A"], "NOTZONE"),
    ("3.2.5", ["% 0 IN A 192.0.2.9", "% 1 ANY A"], "FORMERR"),
]

# Against ZONE_TEXT.
IN_THE_ZONE = [
    ("@ 0 ANY ANY", "NOERROR"), ("@ 0 ANY SOA", "NOERROR"), ("@ 0 ANY NS", "NOERROR"),
    ("@ 0 ANY A", "NXRRSET"), ("@ 0 NONE ANY", "YXDOMAIN"), ("@ 0 NONE SOA", "YXRRSET"),
    ("@ 0 NONE A", "NOERROR"), ("@ 0 IN NS ns1", "NXRRSET"), ("@ 0 IN MX 10 MAIL", "NOERROR"),
    ("sub 0 ANY NS", "NOERROR"), ("sub 0 ANY DS", "NOERROR"), ("sub 0 NONE ANY", "YXDOMAIN"),
    ("sub 0 ANY A", "NXRRSET"), ("ns.sub 0 ANY A", "NOERROR"), ("ns.sub 0 ANY ANY", "NOERROR"),
    ("ns.sub 0 IN A 192.0.2.41", "NOERROR"), ("x.sub 0 ANY ANY", "NXDOMAIN"),
    ("x.sub 0 NONE ANY", "NOERROR"), ("www.redirect 0 ANY ANY", "NXDOMAIN"),
    ("www.redirect 0 ANY A", "NXRRSET"), ("redirect 0 ANY DNAME", "NOERROR"),
    ("alias 0 ANY A", "NXRRSET"), ("alias 0 NONE A", "NOERROR"), ("ent 0 ANY ANY", "NXDOMAIN"),
    ("ent 0 NONE ANY", "NOERROR"), ("a.ent 0 ANY A", "NOERROR"),
    ("x.wild 0 ANY ANY", "NXDOMAIN"), ("x.wild 0 NONE A", "NOERROR"),
    ("*.wild 0 IN A 192.0.2.31", "NOERROR"), ("wild 0 ANY ANY", "NXDOMAIN"),
    ("HoSt 0 ANY A", "NOERROR"), ("host 0 IN AAAA 2001:db8::11", "NOERROR"),
    ('host 0 IN TXT "first" "second; with spaces"', "NOERROR"),
    ('host 0 IN TXT "firstsecond; with spaces"', "NXRRSET"),
    ('host 0 IN TXT "First" "second; with spaces"', "NXRRSET"),
    ("type 0 IN TYPE65280 0x01020304", "NOERROR"), ("type 0 IN TYPE65280 0x010203", "NXRRSET"),
]

# What is no prerequisite, or none that can hold: RFC section, record, rcode.
WRONG = [
    ("3.2", "% 1 ANY ANY", "FORMERR"), ("3.2", "% 1 ANY A", "FORMERR"),
    ("3.2", "% 1 NONE ANY", "FORMERR"), ("3.2", "% 1 NONE A", "FORMERR"),
    ("3.2", "% 1 IN A 192.0.2.1", "FORMERR"), ("3.2", "% 4294967295 ANY A", "FORMERR"),
    ("3.2", "% 2147483648 IN A 192.0.2.1", "FORMERR"),
    ("3.2.1", "% 0 ANY A 192.0.2.1", "FORMERR"), ("3.2.1", "% 0 ANY ANY 0x00", "FORMERR"),
    ("3.2.2", "% 0 NONE A 192.0.2.1", "FORMERR"), ("3.2.2", "% 0 NONE ANY 0x00", "FORMERR"),
    ("3.2.4", "% 0 CH A 192.0.2.1", "FORMERR"), ("3.2.4", "% 0 CH A", "FORMERR"),
    ("3.2.4", "% 0 HS ANY", "FORMERR"), ("3.2.4", "% 0 CLASS0 A", "FORMERR"),
    ("3.2.4", "% 0 CLASS65280 A", "FORMERR"), ("3.2.4", "% 1 CH A 192.0.2.1", "FORMERR"),
    ("3.2", "other.example. 0 ANY ANY", "NOTZONE"), ("3.2", "other.example. 0 ANY A", "NOTZONE"),
    ("3.2", "other.example. 0 NONE ANY", "NOTZONE"),
    ("3.2", "other.example. 0 NONE A", "NOTZONE"),
    ("3.2", "other.example. 0 IN A 192.0.2.1", "NOTZONE"),
    ("3.2", "example. 0 ANY ANY", "NOTZONE"), ("3.2", ". 0 NONE ANY", "NOTZONE"),
    ("3.2", "xdyn.example. 0 ANY A", "NOTZONE"), ("3.2.5", "other.example. 1 ANY A", "FORMERR"),
    # RDATA that its type has not.
    ("2.2", "% 0 IN A", "FORMERR"), ("2.2", "% 0 IN A 0xc00002", "FORMERR"),
    ("2.2", "% 0 IN A 0xc000020101", "FORMERR"), ("2.2", "% 0 IN TXT 0x0561", "FORMERR"),
    ("2.2", "% 0 IN SOA 0x00", "FORMERR"),
    # Metatypes: no such RRset is there, whatever is asked of it (3.2.5).
    ("3.2.5", "% 0 IN ANY", "NXRRSET"), ("3.2.5", "% 0 IN ANY 0x00", "NXRRSET"),
    ("3.2.5", "% 0 ANY AXFR", "NXRRSET"), ("3.2.5", "% 0 ANY IXFR", "NXRRSET"),
    ("3.2.5", "% 0 ANY MAILA", "NXRRSET"), ("3.2.5", "% 0 ANY MAILB", "NXRRSET"),
    ("3.2.5", "% 0 ANY TKEY", "NXRRSET"), ("3.2.5", "% 0 ANY TYPE0", "NXRRSET"),
    ("3.2.5", "% 0 ANY TYPE128", "NXRRSET"), ("3.2.5", "% 0 IN AXFR 0x00", "NXRRSET"),
    ("3.2.5", "% 0 NONE AXFR", "NOERROR"), ("3.2.5", "% 0 NONE MAILB", "NOERROR"),
    ("3.2.5", "% 0 NONE TKEY", "NOERROR"), ("3.2.5", "% 0 NONE TYPE200", "NOERROR"),
    # These two have one place in a message, and it is not this one.
    ("6891 6.1.1", "% 0 ANY OPT", "FORMERR"), ("6891 6.1.1", "% 0 NONE OPT", "FORMERR"),
    ("8945 5.2", "% 0 ANY TSIG", "FORMERR"), ("8945 5.2", "% 0 NONE TSIG", "FORMERR"),
]
