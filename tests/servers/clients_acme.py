"""A certificate authority (RFC 8555) for clients that answer dns-01 challenges.

It speaks HTTP on loopback, accepts every signature of a request, looks for the TXT record
as soon as a client says that it is there, and then signs what the client asks for.  It
lacks accounts that last, deactivation and revocation.
"""

import base64
import hashlib
import json
import os
import re
import threading
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gateway import run
from servers import HOST, find

EXPIRES = "2099-01-01T00:00:00Z"
Look = namedtuple("Look", "name expected found")


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def thumbprint(jwk):
    """RFC 7638 3."""
    members = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}[jwk["kty"]]
    text = json.dumps({name: jwk[name] for name in members}, separators=(",", ":"))
    return encode(hashlib.sha256(text.encode()).digest())


class Authority:
    """look(name): the TXT data there, as a set of texts without quotes.  looks: what was
    looked for and found."""

    def __init__(self, folder, look):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.look = look
        self.looks = []
        self.orders = []
        self.challenges = []
        self.thumbprint = {}  # by account URL
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer((HOST, 0), Handler)
        self.server.daemon_threads = True
        self.server.authority = self
        self.url = f"http://{HOST}:{self.server.server_address[1]}"
        self._make_own_certificate()
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def directory(self):
        return self.url + "/directory"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def path(self, name):
        return os.path.join(self.folder, name)

    def _openssl(self, *arguments):
        ran = run([find("openssl"), *arguments], folder=self.folder)
        assert ran.code == 0, ran.output

    def _make_own_certificate(self):
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
                      "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem")

    # -- what clients ask for: path, payload, account -> status, body, location --

    def answer(self, path, protected, payload):
        """All but the directory and nonces."""
        with self.lock:
            kind, _, number = path.strip("/").partition("/")
            account = protected.get("kid")
            if kind == "account":
                return self._account(protected)
            if kind == "order" and not number:
                return self._new_order(payload, account)
            index = int(number)
            return {"order": self._order, "authz": self._authz,
                    "challenge": self._challenge, "finalize": self._finalize,
                    "cert": self._cert}[kind](index, payload)

    def _account(self, protected):
        url = protected.get("kid")
        if url is None:
            url = f"{self.url}/account/{len(self.thumbprint)}"
            self.thumbprint[url] = thumbprint(protected["jwk"])
        return 201, {"status": "valid", "contact": [], "orders": self.url + "/none"}, url

    def _new_order(self, payload, account):
        index = len(self.orders)
        order = {"identifiers": payload["identifiers"], "expires": EXPIRES,
                 "finalize": f"{self.url}/finalize/{index}", "authorizations": []}
        self.orders.append(order)
        for identifier in payload["identifiers"]:
            number = len(self.challenges)
            self.challenges.append({
                "domain": identifier["value"], "account": account, "status": "pending",
                "token": encode(os.urandom(16)), "order": order})
            order["authorizations"].append(f"{self.url}/authz/{number}")
        return 201, self._order(index, None)[1], f"{self.url}/order/{index}"

    def _order_status(self, order):
        states = {challenge["status"] for challenge in self.challenges
                  if challenge["order"] is order}
        if "invalid" in states:
            return "invalid"
        if "certificate" in order:
            return "valid"
        return "pending" if "pending" in states else "ready"

    def _order(self, index, _):
        order = self.orders[index]
        return 200, {**order, "status": self._order_status(order)}, None

    def _challenge_body(self, index):
        challenge = self.challenges[index]
        body = {"type": "dns-01", "url": f"{self.url}/challenge/{index}",
                "token": challenge["token"], "status": challenge["status"]}
        if challenge["status"] == "invalid":
            body["error"] = {"type": "urn:ietf:params:acme:error:unauthorized",
                             "detail": "no such TXT record", "status": 403}
        return body

    def _authz(self, index, _):
        challenge = self.challenges[index]
        domain = challenge["domain"]
        body = {"identifier": {"type": "dns", "value": domain.removeprefix("*.")},
                "status": challenge["status"], "expires": EXPIRES,
                "challenges": [self._challenge_body(index)]}
        if domain.startswith("*."):
            body["wildcard"] = True
        return 200, body, None

    def _challenge(self, index, payload):
        challenge = self.challenges[index]
        if payload is not None and challenge["status"] == "pending":
            text = f"{challenge['token']}.{self.thumbprint[challenge['account']]}"
            name = "_acme-challenge." + challenge["domain"].removeprefix("*.") + "."
            look = Look(name, encode(hashlib.sha256(text.encode()).digest()),
                        self.look(name))
            self.looks.append(look)
            challenge["status"] = "valid" if look.expected in look.found else "invalid"
        return 200, self._challenge_body(index), None

    def _finalize(self, index, payload):
        with open(self.path("request.der"), "wb") as file:
            file.write(decode(payload["csr"]))
        self._openssl("x509", "-req", "-inform", "DER", "-in", "request.der", "-CA",
                      "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "20",
                      "-copy_extensions", "copyall", "-out", f"{index}.pem")
        self.orders[index]["certificate"] = f"{self.url}/cert/{index}"
        return 200, self._order(index, None)[1], f"{self.url}/order/{index}"

    def _cert(self, index, _):
        chain = ""
        for name in f"{index}.pem", "ca.pem":
            with open(self.path(name)) as file:
                chain += file.read()
        return 200, chain, None


class Handler(BaseHTTPRequestHandler):
    """HTTP and JWS, without the signatures."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def do_HEAD(self):
        self.respond(200, "")

    def do_GET(self):
        url = self.server.authority.url
        if self.path == "/directory":
            self.respond(200, {"newNonce": url + "/nonce", "newAccount": url + "/account",
                               "newOrder": url + "/order", "revokeCert": url + "/none",
                               "keyChange": url + "/none", "meta": {
                                   "termsOfService": url + "/terms"}})
        else:
            self.respond(204 if self.path == "/nonce" else 404, "")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        protected = json.loads(decode(body["protected"]))
        payload = json.loads(decode(body["payload"])) if body["payload"] else None
        authority = self.server.authority
        self.respond(*authority.answer(self.path, protected, payload))

    def respond(self, status, body, location=None):
        is_text = isinstance(body, str)
        octets = (body if is_text else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Replay-Nonce", encode(os.urandom(16)))
        self.send_header("Content-Type", "application/pem-certificate-chain"
                         if is_text else "application/json")
        self.send_header("Content-Length", str(len(octets)))
        if self.path.startswith("/authz") or self.path.startswith("/challenge"):
            index = re.search(r"\d+$", self.path).group()
            self.send_header("Link", f'<{self.server.authority.url}/authz/{index}>; rel="up"')
        if location:
            self.send_header("Location", location)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(octets)
