#!/usr/bin/env python3
"""Gives out the tokens of a registry: JSON Web Tokens, signed by openssl (RS256), good for a few seconds.

usage: token_server.py PORT KEY CERTIFICATE USER PASSWORD

Source: distribution, "Token Authentication Specification".
"""
import base64
import json
import subprocess
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, key, certificate, user, password = sys.argv[1:]
# One certificate: the lines between BEGIN and END.
x5c = "".join(line for line in open(certificate).read().splitlines() if not line.startswith("-"))


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(scopes):
    access = []
    for scope in scopes:
        kind, name, actions = scope.rsplit(":", 1)[0].split(":", 1) + [scope.rsplit(":", 1)[1]]
        access.append({"type": kind, "name": name, "actions": actions.split(",")})
    now = int(time.time())
    claims = {
        "iss": "test", "sub": user, "aud": "test", "iat": now, "nbf": now - 10, "exp": now + 8,
        "jti": str(time.time_ns()), "access": access,
    }
    head = {"typ": "JWT", "alg": "RS256", "x5c": [x5c]}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
    signature = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", key], input=text.encode(), capture_output=True, check=True).stdout
    return f"{text}.{encoded(signature)}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        if self.headers.get("Authorization") != expected:
            return self.answer(401, {"details": "incorrect username or password"})
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        return self.answer(200, {"token": token(query.get("scope", [])), "expires_in": 8})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
