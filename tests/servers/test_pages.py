"""The configurations that the manual pages and README.md show are valid: the program that
reads them finds neither an error nor anything to warn of.  Only the files that they name are
others, which hold the keys that they name, and what a page leaves out is added."""

import os
import re

import pytest

from gateway import PROGRAM, TOP_FOLDER, is_built, run

AGENT = os.path.join(os.path.dirname(PROGRAM), "muster-agent")
KEY = 'key "%s" {\n\talgorithm hmac-sha256;\n\tsecret "bm90IGEgc2VjcmV0";\n};\n'
ZONE_FILE = "@ 300 SOA ns admin 1 3600 600 86400 60\n@ 300 NS ns\n"
OF_ZONE = ("ack", "allow", "expiry", "mname", "on_expire", "query_from", "targets")
PAGES = {  # and how many configurations each has at least
    "gateway/muster.conf.5": 12,
    "agent/muster-agent.conf.5": 1,
    "agent/muster-agent.8": 1,
    "README.md": 2,
}

pytestmark = pytest.mark.skipif(not is_built(), reason="musterd is not built")


def blocks_of(page):
    """The literal blocks that are settings, perhaps behind a comment or a command with the
    file's name."""
    with open(os.path.join(TOP_FOLDER, page)) as file:
        text = file.read()
    fence = r"^```\n(.*?)^```" if page.endswith(".md") else r"^\.Bd -literal.*?\n(.*?)^\.Ed"
    found = re.findall(fence, text, re.MULTILINE | re.DOTALL)
    return [block for block in found if re.match(r"(# .*\n)?[a-z_]+ += ", block)]


def cases():
    for page in PAGES:
        for number, block in enumerate(blocks_of(page), 1):
            is_agent = page.startswith("agent/") or "gateways" in block
            yield pytest.param(block, is_agent, id=f"{os.path.basename(page)}-{number}")


def whole_agent(block):
    """With what every configuration of an agent needs."""
    needed = {"gateways": '[ "gw1.example" ]', "key_file": '"host.key"'}
    return block + "".join(f"{name} = {value};\n" for name, value in needed.items()
                           if name not in block)


def whole(block):
    """The gateway's: with a zone around settings of one, and rules that it may leave out."""
    text = block
    if block.split()[0] in OF_ZONE:
        rules = "" if "allow" in block else "allow = ( );\n"
        text = f'zones = ( {{ name = "dyn.example.";\n{block}{rules}}} );\n'
    elif "zones" not in block:
        text += 'zones = ( { name = "dyn.example."; allow = ( ); } );\n'
    return text if "key_files" in text else f'key_files = [ "all.keys" ];\n{text}'


def with_files(block, folder):
    """The block with files of the folder in the place of those that it names."""
    names = set(re.findall(r'"((?:[\w-]+\.)+)"', block)) | {"host1.dyn.example."}
    content = {"host.key": KEY % "host1.dyn.example.", "pdns.key": "secret\n",
               "keys": "".join(KEY % name for name in sorted(names)),
               "secret": "bm90IGEgc2VjcmV0\n", "zone": ZONE_FILE}

    def place(match):
        path = os.path.join(folder, os.path.basename(match.group(1)))
        kind = os.path.basename(path) if path.endswith(".key") else path.rsplit(".")[-1]
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(content[kind])
        return f'"{path}"'

    return re.sub(r'"([\w./-]+\.(?:keys?|secret|zone))"', place, block)


@pytest.mark.parametrize("block,is_agent", cases())
def test_a_configuration_that_a_page_shows_is_valid(tmp_path, block, is_agent):
    path = tmp_path / "page.conf"
    path.write_text(with_files((whole_agent if is_agent else whole)(block), str(tmp_path)))
    path.chmod(0o600)
    done = run([AGENT, "--check", "-c", path] if is_agent else [PROGRAM, "-n", "-c", path])
    assert done.code == 0, done.output
    assert "valid" in done.output and "warning" not in done.output, done.output


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_configurations(page):
    assert len(blocks_of(page)) >= PAGES[page]
