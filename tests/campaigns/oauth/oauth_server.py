"""A small OAuth 2 service on the loopback: it asks for consent, checks PKCE, gives tokens, and takes a refresh token once."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests


class Service:
    """`asked`: what its token address was asked. Without `fails` it does as RFC 6749 and 7636 say."""

    client_id, client_secret = "us", "s3cret"

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[dict[str, str]] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_token = ""  # the one that is good
        self.access_token = ""
        self.made = 0
        self.rotates = True
        self.gives_refresh_tokens = True
        self.seconds = 3600
        self.delay = 0.0
        self.fails: tuple[int, bytes] | None = None  # (status, body) of every answer for tokens
        self.on_token: Any = lambda token: None
        self._lock = threading.Lock()

    @property
    def token_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    @property
    def consent_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/authorize?tenant=x"

    def withdraw(self) -> None:
        """The account's owner takes the program off the list."""
        self.refresh_token = self.access_token = ""

    def authorize(self, asked: dict[str, str]) -> str:
        """Where somebody who said yes is sent."""
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == self.client_id and asked["tenant"] == "x"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, asked: dict[str, str]) -> tuple[int, bytes]:
        time.sleep(self.delay)
        with self._lock:
            self.asked.append(asked)
            if self.fails:
                return self.fails
            if asked.get("client_id") != self.client_id or asked.get("client_secret") != self.client_secret:
                return self._error("invalid_client", "The secret is wrong.")
            if asked["grant_type"] == "authorization_code":
                return self._by_code(asked)
            if asked["grant_type"] == "refresh_token":
                if not self.refresh_token or asked["refresh_token"] != self.refresh_token:
                    return self._error("invalid_grant", "Token has been expired or revoked.")
                return self._give(renews=self.rotates)
            return self._give(renews=False)

    def _by_code(self, asked: dict[str, str]) -> tuple[int, bytes]:
        known = self.codes.pop(asked["code"], None)
        digest = hashlib.sha256(asked["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if known is None or known["code_challenge"] != challenge or known["redirect_uri"] != asked["redirect_uri"]:
            return self._error("invalid_grant", "Bad code.")
        return self._give(renews=self.gives_refresh_tokens)

    def _give(self, *, renews: bool) -> tuple[int, bytes]:
        self.made += 1
        self.access_token = f"access-{self.made}"
        answer: dict[str, Any] = {"access_token": self.access_token, "token_type": "Bearer", "expires_in": self.seconds}
        if renews:
            self.refresh_token = answer["refresh_token"] = f"refresh-{self.made}"
        self.on_token(self.access_token)
        return 200, json.dumps(answer).encode()

    @staticmethod
    def _error(code: str, words: str) -> tuple[int, bytes]:
        return 400, json.dumps({"error": code, "error_description": words}).encode()


@contextmanager
def oauth_service() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            self.send_response(302)
            self.send_header("Location", service.authorize(asked))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, answer = service.token({name: values[0] for name, values in parse_qs(body).items()})
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def say_yes(address: str) -> str:
    """As a browser would at the service: the address that it sends one back to."""
    response = requests.get(address, allow_redirects=False, timeout=5)
    return str(response.headers["Location"])
