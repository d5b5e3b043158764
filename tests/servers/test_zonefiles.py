"""Zone files as musterd reads them, held against named-compilezone and kzonecheck: what one
of them loads loads, with the content that BIND finds, and what they refuse is refused.  Where
it is otherwise the difference stands below, with its reason."""

import concurrent.futures
import os
import subprocess

import pytest

import gateway
import servers

ORIGIN = "dyn.example."
DRIVER = os.path.join(os.path.dirname(gateway.PROGRAM), "tests", "servers", "zonefile_driver")
TIMEOUT_S = 60

HEAD = """\
$TTL 300
@ IN SOA ns1 h 10 3600 600 86400 60
@ IN NS ns1
ns1 IN A 192.0.2.1
"""

# ---- records: for each type data that is right, then data that is not ----

DATA = {
    "A": (["192.0.2.2", "\\# 4 c0000202", "\\# 4 c000 0202"],
          ["192.0.2.256", "192.0.2", "192.0.2.2.", "192.0.2.2 x", "::1", "\\# 3 c00002",
           "\\# 4 c00002", ""]),
    "AAAA": (["2001:db8::1", "::ffff:192.0.2.1"], ["192.0.2.1", "2001:db8::g", "1:2:3:4:5:6:7"]),
    "NS": (["ns1", "@", "ns.other."], ["", "a..b", "ns1 ns2", "a" * 64]),
    "CNAME": (["b", "\\@.sub", "*.x", "b\\.c\\032d"], ["b c", "\\256"]),
    "PTR": (["host.example.net."], ["."*2]),
    "DNAME": (["other.example."], [""]),
    "MX": (["10 mail", "0 .", "65535 @"], ["mail", "65536 mail", "-1 mail", "10", "10 \"mail\"",
                                           "\"10\" mail", "1x mail"]),
    "SRV": (["0 5 5060 sip", "0 0 0 ."], ["0 0 99999 sip", "0 0 sip", "0 0 65536 sip",
                                          "0 -1 1 sip"]),
    "TXT": (['"x"', "x y", '"a b" c', '""', '"a\\"b\\\\c\\032"', "a\\;b", '"a;b(c)"', '"a""b"',
             "a\"b\"", "\\# 2 0161", '"' + 'y' * 255 + '"'],
            ['"x', "", 'x"', '"' + 'y' * 256 + '"', "\\300", '"\\300"', "\\# 2 0261",
             "\\# x 0161"]),
    "HINFO": (['"PC" Linux'], ["PC", "a b c"]),
    "NAPTR": (['100 10 "u" "E2U+sip" "!^.*$!sip:a@example.net!" .', '1 2 "" "" "" x'],
              ['100 10 "u" "E2U+sip" "!^.*$!x!"', '65536 1 "" "" "" .']),
    "CAA": (['0 issue "ca.example"', "0 issue x", '128 issuewild ""'],
            ['256 issue "x"', "0 issue", '-1 issue x', '0 is-sue "x"']),
    "SSHFP": (["1 2 " + "ab" * 32, "4 1 " + "AB" * 10 + " " + "cd" * 10],
              ["256 1 abcd", "1 2 abc", "1 2"]),
    "TLSA": (["3 1 1 " + "ab" * 32], ["3 1 256 ab", "3 1 1"]),
    "SMIMEA": (["3 1 1 " + "ab" * 32], ["3 1 1 xy"]),
    "DS": (["1 8 2 " + "ab" * 32],
           ["1 8 2 abcd", "1 NOALG 2 " + "ab" * 32, "65536 8 2 " + "ab" * 32]),
    "CDS": (["1 8 2 " + "ab" * 32], ["1 8"]),
    "DNSKEY": (["256 3 8 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="],
               ["256 3 8", "256 3 8 !!", "65536 3 8 AQ=="]),
    "CDNSKEY": (["256 3 8 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="], ["256 3 8 A"]),
    "CERT": (["PKIX 1 RSASHA256 AQNRU3mG", "1 2 8 AQNRU3mG"], ["NOTYPE 1 8 AQ=="]),
    "LOC": (["51 30 12.748 N 0 7 39.612 W 0.00m", "1 N 2 E -10m 1m 2m 3m"],
            ["91 N 5 E 4m", "51 N 181 E 4m", "51 30 61 N 0 W 0m"]),
    "SVCB": (['1 . alpn="h2,h3" port="53"', "0 svc", "1 . mandatory=alpn alpn=h2",
              "1 . key65000=x ipv4hint=192.0.2.1,192.0.2.2"],
             ["1 . alpn=h2 alpn=h3", "1 . port=65536", "1 . bogus=1", "1 . mandatory=port"]),
    "HTTPS": (["1 . alpn=h2 no-default-alpn ipv6hint=2001:db8::1", "1 ."], ["1", "x ."]),
    "URI": (['1 2 "http://example.net/"'], ['1 2', '65536 1 "x"']),
    "RP": (["admin txt"], ["admin"]),
    "AFSDB": (["1 afs"], ["x afs"]),
    "KX": (["1 kx"], ["kx"]),
    "APL": (["1:192.0.2.0/24 !2:2001:db8::/32", ""], ["1:192.0.2.0/33", "3:192.0.2.0/24"]),
    "NSEC3PARAM": (["1 0 0 -", "1 0 10 aabb"], ["1 0 0 aab"]),
    "NSEC": (["b A NS TYPE1234"], ["b BOGUS"]),
    "CSYNC": (["66 3 A NS AAAA"], ["4294967296 3 A"]),
    "EUI48": (["00-00-5e-00-53-2a"], ["00-00-5e-00-53", "00:00:5e:00:53:2a"]),
    "EUI64": (["00-00-5e-ef-10-00-00-2a"], ["00-00-5e-ef-10-00-00"]),
    "L32": (["10 192.0.2.1"], ["10"]),
    "NID": (["10 14:4fff:ff20:ee64"], ["10 14:4fff:ff20"]),
    "LP": (["10 l64"], ["65536 l64"]),
    "OPENPGPKEY": (["AQNRU3mG"], ["!"]),
    "ZONEMD": (["10 1 1 " + "ab" * 48], ["10 1 1 abcd"]),
    "TYPE65280": (["\\# 0", "\\# 3 010203"], ["\\# 3 0102", "x", ""]),
    "AMTRELAY": (["10 0 1 192.0.2.3", "10 1 3 relay"], ["10 2 0 .", "10 0 1 ::1"]),
    "RESINFO": (["qnamemin exterr=15-17"], [""]),
    "WALLET": (["BTC address"], [""]),
    "DSYNC": (["CDS NOTIFY 5359 endpoint"], ["CDS NOTIFY 65536 x"]),
    "IPSECKEY": (["10 1 2 192.0.2.38 AQNRU3mG", "10 3 2 gw AQNRU3mG", "10 0 2 . AQNRU3mG"],
                 ["10 1 2 ::1 AQ==", "10"]),
}

LAYOUTS = ["{o} {t} {d}", "{o} 600 IN {t} {d}", "{o} IN 600 {t} {d}", "{o} in {t} {d}",
           "{o} 1h30m {t} {d} ; a comment", "{o} IN {t} ( {d} )",
           "{o} (\n 60 ; a TTL\n\n {t}\n {d} )",
           "{o}\t{t}\t{d}\t"]

# ---- what stands around the data ----

FILES = {
    # TTLs
    "ttl zero": "a 0 A 192.0.2.2",
    "ttl units": "a 1w2d3h4m5s A 192.0.2.2\nb 1W A 192.0.2.2\nc 1h1h A 192.0.2.2",
    "ttl without a unit at the end": "a 1h30 A 192.0.2.2",
    "ttl of an unknown unit": "a 1z A 192.0.2.2",
    "ttl too large": "a 99999999999 A 192.0.2.2",
    "ttl of 32 bits": "a 2147483648 A 192.0.2.2",
    "two ttls": "a 5 6 A 192.0.2.2",
    "negative ttl": "a -1 A 192.0.2.2",
    "ttls of one rrset differ": "a 5 A 192.0.2.2\na 6 A 192.0.2.3",
    "$TTL": "$TTL 5\na A 192.0.2.2\n$ttl 1d\nb A 192.0.2.2",
    "$TTL abc": "$TTL abc\na A 192.0.2.2",
    "$TTL with more": "$TTL 5 6\na A 192.0.2.2",
    "$TTL with nothing": "$TTL\na A 192.0.2.2",
    # classes and types
    "class twice": "a IN IN A 192.0.2.2",
    "class CH": "a CH A 192.0.2.2",
    "class HS": "a HS TXT x",
    "CLASS1": "a CLASS1 A 192.0.2.2",
    "no type": "a",
    "no type behind a ttl": "a 600",
    "unknown type": "a BOGUS 192.0.2.2",
    "type by number": "a TYPE1 192.0.2.2\na TYPE16 \\# 2 0161",
    "AXFR": "a AXFR", "ANY": "a ANY x", "OPT": "a OPT \\# 0", "TYPE0": "a TYPE0 \\# 0",
    # owners
    "blank owner": "a A 192.0.2.2\n\tTXT x\n   AAAA ::1",
    "blank owner behind a comment": "a A 192.0.2.2\n; c\n\n TXT x",
    "owner like a type": "A A 192.0.2.2\nIN A 192.0.2.2\nmx MX 1 a",
    "owner like a ttl": "60 60 A 192.0.2.2",
    "quoted owner": '"www" A 192.0.2.2',
    "quoted at": '"@" A 192.0.2.2',
    "at within a name": "@.sub A 192.0.2.2",
    "escaped at": "\\@ A 192.0.2.2",
    "escapes in an owner": "a\\.b.c A 192.0.2.2\n\\065\\066 A 192.0.2.2\n\\032 A 192.0.2.2",
    "bad escape in an owner": "\\999 A 192.0.2.2",
    "wildcard": "*.w A 192.0.2.2",
    "upper case": "AbC A 192.0.2.2\naBc TXT x",
    "octets beyond ascii": "\xc3\xa4 A 192.0.2.2",
    "empty label": "a..b A 192.0.2.2",
    "long label": "a" * 64 + " A 192.0.2.2",
    "longest label": "a" * 63 + " A 192.0.2.2",
    "long name": ".".join(["a" * 60] * 5) + " A 192.0.2.2",
    "outside": "x.other. A 192.0.2.2\na A 192.0.2.2",
    # parentheses, quotes, comments
    "parentheses without spaces": 'a TXT("x")\nb TXT((x)(y))',
    "parentheses before the owner": "( a A 192.0.2.2 )",
    "unclosed parenthesis": 'a TXT ( "x"\nwww A 192.0.2.80',
    "parenthesis too many": "a TXT x )\nwww A 192.0.2.80",
    "unclosed quote": 'a TXT "x\nwww A 192.0.2.80',
    "quote over two lines": 'a TXT "x\ny"\nwww A 192.0.2.80',
    "quote within a word": 'a TXT a"b\nwww A 192.0.2.80',
    "comment without space": "a TXT x;y\nb A 192.0.2.2;c",
    "comment in parentheses": "a TXT ( x ; ) \" (\n y )",
    "comment alone": "; x\n   ; y\n\t\n",
    "backslash at the end": "a TXT x\\\nwww A 192.0.2.80",
    # octets
    "crlf": "a A 192.0.2.2\r\nb TXT ( x\r\n y )\r",
    "cr": "a A 192.0.2.2\rb A 192.0.2.3",
    "form feed": "a A 192.0.2.2\f",
    "nul": "a A 192.0.2.2\0",
    "tab in a string": 'a TXT "x\ty"',
    "long line": "a TXT " + " ".join(["x" * 200] * 300),
    # directives
    "$ORIGIN": "$ORIGIN sub\nx A 192.0.2.2\n$origin y.sub.dyn.example.\n@ A 192.0.2.2\n$ORIGIN .\n"
               "z.dyn.example A 192.0.2.2",
    "$ORIGIN keeps the owner": "a A 192.0.2.2\n$ORIGIN sub\n TXT x",
    "$ORIGIN with nothing": "$ORIGIN\na A 192.0.2.2",
    "$ORIGIN of no name": "$ORIGIN a..b\na A 192.0.2.2",
    "unknown directive": "$BOGUS x\na A 192.0.2.2",
    "indented directive": "  $TTL 5\na A 192.0.2.2",
    "$INCLUDE": "a A 192.0.2.2\n$INCLUDE {folder}/included.inc\n TXT x\nb A 192.0.2.3",
    "$INCLUDE with an origin": "$INCLUDE {folder}/included.inc sub\nb A 192.0.2.3",
    "$INCLUDE of nothing": "$INCLUDE {folder}/none.inc",
    "$INCLUDE of itself": "$INCLUDE {folder}/itself.inc",
    "$INCLUDE of an error": "$INCLUDE {folder}/wrong.inc",
    "$GENERATE": "$GENERATE 1-3 pool$ A 192.0.2.$",
    "$GENERATE with a step": "$GENERATE 0-10/5 p$ 5 IN A 192.0.2.$\n"
                             "$GENERATE 3-3 q$ IN 5 A 192.0.2.$",
    "$GENERATE with braces": "$GENERATE 1-3 p${10,4,x} TXT x${0,3}y${-1}z${0,2,o}\n"
                             "$GENERATE 9-11 q${0,0,X} CNAME p${1,2,d}",
    "$GENERATE nibbles": "$GENERATE 250-257 ${0,5,n}.r PTR h-${0,0,N}.x.",
    "$GENERATE dollars": "$GENERATE 1-1 a$$b\\$ CNAME x",
    "$GENERATE in quotes": '$GENERATE 1-2 a$ MX "10 m$"\n$GENERATE 1-2 b$ TXT "host $"',
    "$GENERATE with a comment": "$GENERATE 1-2 a$ A 192.0.2.$ ; pool",
    "$GENERATE backwards": "$GENERATE 3-1 a$ A 192.0.2.$",
    "$GENERATE of no range": "$GENERATE x a$ A 192.0.2.$",
    "$GENERATE without data": "$GENERATE 1-2 a$ A",
    "$GENERATE of bad data": "$GENERATE 255-256 a$ A 192.0.2.$",
    # the zone
    "duplicates": "a A 192.0.2.2\na A 192.0.2.2\nA A 192.0.2.2",
    "cname twice": "a CNAME b\na CNAME b",
    "two cnames": "a CNAME b\na CNAME c",
    "cname beside others": "a CNAME b\na A 192.0.2.2",
    "others beside cname": "a A 192.0.2.2\na CNAME b",
    "cname at the top": "@ CNAME b",
    "two dnames": "a DNAME b\na DNAME c",
    "soa twice": "@ SOA ns1 h 10 3600 600 86400 60",
    "two soas": "@ SOA ns1 h 11 3600 600 86400 60",
    "soa below": "sub SOA ns1 h 10 3600 600 86400 60",
    "delegation": "sub NS ns.sub\nns.sub A 192.0.2.9",
}

# Files without HEAD.
WHOLE = {
    "empty": "",
    "no soa": "$TTL 5\n@ NS ns1\nns1 A 192.0.2.1",
    "no ns": "@ 60 SOA ns1 h 1 2 3 4 5\nns1 60 A 192.0.2.1",
    "no ttl": "@ SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\nb 7 A 192.0.2.2\nc A 192.0.2.3",
    "last ttl": "@ 60 SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 9 A 192.0.2.1\nb A 192.0.2.2",
    "no ttl before the soa": "ns1 A 192.0.2.1\n@ SOA ns1 h 1 2 3 4 5\n@ NS ns1",
    "soa over lines": "@ IN SOA ns1 h (\n 2021122713 ; serial\n 1h 10m\n 1w 60 )\n@ NS ns1\n"
                      "ns1 A 192.0.2.1",
    "serial of 11 digits": HEAD.replace("h 10", "h 20211227139"),
    "negative serial": HEAD.replace("h 10", "h -1"),
    "soa of six": HEAD.replace("h 10", "h"),
    "soa timer": HEAD.replace("3600", "3600x"),
    "soa in quotes": HEAD.replace("h 10", '"h" 10'),
    "blank owner first": " A 192.0.2.1\n" + HEAD,
    "byte order mark": "\ufeff" + HEAD,
    "utf-16": HEAD.encode("utf-16").decode("latin-1"),
    "no line end": HEAD.rstrip(),
    "origin and owners by name": "$ORIGIN example.\n$TTL 5\ndyn SOA ns1.dyn h 1 2 3 4 5\n"
                                 "dyn NS ns1.dyn\nns1.dyn A 192.0.2.1",
    "windows": HEAD + "a [AGE:3567890] 1200 A 192.0.2.1",
    "wins": HEAD + "@ WINS L1 C60 ( 192.0.2.1 )",
}

INCLUDED = {"included.inc": "i A 192.0.2.7\n$ORIGIN deep\n@ TXT x\n",
            "wrong.inc": "i A 192.0.2.777\n",
            "itself.inc": "$INCLUDE {folder}/itself.inc\n"}

# What musterd does otherwise than named-compilezone (it loads: True), and why.
OTHER_THAN_BIND = {
    # RFC 2181 8; BIND makes it 0.
    "ttl of 32 bits": False,
    # RFC 3597 5; BIND takes it for three strings.
    "TXT bad 7": False,
    # Editors of Windows write it.
    "byte order mark": True,
}

# What both load, with another content: "@" in quotes is a label here, not the origin.
OTHER_CONTENT = {"quoted at"}

# What Knot DNS 3.2 does otherwise than musterd and BIND: it refuses what is right ...
OTHER_THAN_KNOT = {
    # ... since it does not know it,
    "AMTRELAY", "RESINFO", "WALLET", "DSYNC", "CLASS1", "$ORIGIN", "$ORIGIN keeps the owner",
    "$GENERATE", "$GENERATE with a step", "$GENERATE with braces", "$GENERATE nibbles",
    "$GENERATE dollars", "$GENERATE in quotes", "$GENERATE with a comment",
    # or for the way it is written;
    "TXT", "NID", "quoted owner", "quoted at", "at within a name", "octets beyond ascii",
    "parentheses without spaces", "parentheses before the owner", "crlf", "cr",
    "byte order mark",
    # "@" or a relative name as $INCLUDE's origin, and NS to "@" without an address.
    "$INCLUDE", "$INCLUDE with an origin", "NS",
    # It loads what is not: data that does not have the shape of its type,
    "A bad 5", "TXT bad 6", "CAA bad 3", "ZONEMD bad 0",
    # a string or a number that is too long for it,
    "CNAME bad 1", "TXT bad 3", "bad escape in an owner", "ttl of 32 bits",
    # a type that is none, a zone that is none, and it guesses TTLs.
    "TYPE0", "two soas", "soa below", "no ttl before the soa",
}

CASES = {}
for _type, (_good, _bad) in DATA.items():
    _lines = [_layout.format(o=f"g{_i}-{_j}", t=_type, d=_data)
              for _i, _data in enumerate(_good) for _j, _layout in enumerate(LAYOUTS)
              if _i == 0 or _j == 0]
    CASES[_type] = HEAD + "\n".join(_lines)
    CASES.update({f"{_type} bad {_i}": f"{HEAD}bad {_type} {_data}\nwww A 192.0.2.80"
                  for _i, _data in enumerate(_bad)})
CASES.update({_name: HEAD + _text for _name, _text in FILES.items()})
CASES.update(WHOLE)


def path_of(folder, name):
    return os.path.join(folder, name.replace("/", "-") + ".zone")


def write(folder):
    for name, text in {**{path_of(folder, name): text for name, text in CASES.items()},
                       **{os.path.join(folder, n): t for n, t in INCLUDED.items()}}.items():
        text = text.replace("{folder}", folder)
        if not text.endswith("\n") and "no line end" not in name:
            text += "\n"
        with open(name, "wb") as file:
            file.write(text.encode("latin-1") if "utf-16" in name or "\xc3" in text
                       else text.encode())


def run(words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, timeout=TIMEOUT_S, check=False)
    return done.returncode, done.stdout.decode("latin-1")


def read_all(paths):
    """What musterd's reader makes of each file: (reason, warnings, records); reason "" if
    it loads."""
    code, output = run([DRIVER, ORIGIN, *paths])
    assert code == 0, output[-3000:]
    found = {}
    for block in output.split("== ")[1:]:
        path, *lines = block.splitlines()
        reason = "".join(line for line in lines if line.startswith("refused: "))
        warnings = [line for line in lines if line.startswith("warning: ")]
        found[path] = (reason, warnings,
                       sorted(set(lines) - set(warnings) if not reason else ()))
    return found


def run_named(path):
    return run([servers.find("named-compilezone"), "-q", "-i", "none", "-k", "ignore", "-o",
                path + ".named", ORIGIN, path])[0] == 0


def run_knot(path):
    return run([servers.find("kzonecheck"), "-o", ORIGIN, path])[0] == 0


def for_all(function, paths):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(paths, pool.map(function, paths)))


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("zonefiles"))
    write(folder)
    return folder, read_all([path_of(folder, name) for name in CASES])


@pytest.mark.skipif(not servers.have("named-compilezone"), reason="no named-compilezone")
def test_against_named_compilezone(ours):
    folder, found = ours
    theirs = for_all(run_named, list(found))
    wrong = []
    for name in CASES:
        path = path_of(folder, name)
        loads = OTHER_THAN_BIND.get(name, theirs[path])
        if loads != (not found[path][0]):
            wrong.append(f"{name}: BIND {'loads' if theirs[path] else 'refuses'} it; "
                         f"{found[path][0]}")
    assert not wrong, "\n".join(wrong)
    # Of what both load BIND's own writing of it is read, and must be the same.
    both = [path for path in (path_of(folder, name) for name in CASES if name not in OTHER_CONTENT)
            if theirs[path] and not found[path][0]]
    written = read_all([path + ".named" for path in both])
    for path in both:
        assert written[path + ".named"] == ("", [], found[path][2]), path


@pytest.mark.skipif(not servers.have("kzonecheck"), reason="no kzonecheck")
def test_against_kzonecheck(ours):
    folder, found = ours
    theirs = for_all(run_knot, list(found))
    differences = {name for name in CASES
                   if theirs[path_of(folder, name)] != (not found[path_of(folder, name)][0])}
    assert differences <= OTHER_THAN_KNOT


def test_refusals_name_the_place(ours):
    folder, found = ours
    for name in CASES:
        path = path_of(folder, name)
        reason = found[path][0].removeprefix("refused: ")
        if " bad " in name:
            assert reason.startswith(f"{path}:5: "), (name, reason)
        elif reason:
            assert reason.startswith(folder) and reason.isprintable(), (name, reason)
