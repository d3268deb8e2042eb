"""A mailing service on this machine that speaks as Postmark does: what it was given, and how it is told to answer."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def settings_of(url="", **more):
    """What a transport keeps of a service's settings."""
    return json.dumps({"server_token": "secret-token", "webhook": "hook-password", "api_url": url, **more})


class FakePostmark:
    def __init__(self):
        self.messages, self.tokens, self.answers, self.calls = [], set(), {}, []
        self.poison = ""  # an address that makes it refuse a whole call
        self.status, self.port = 200, 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def refuse(self, address, code, message):
        """The API's answer for one recipient, as Postmark numbers its errors."""
        self.answers[address] = (422, {"ErrorCode": code, "Message": message})

    def take(self, token, payload):
        if self.status != 200:
            return self.status, {"ErrorCode": 10, "Message": "No, thank you."}
        self.tokens.add(token)
        if isinstance(payload, list):
            self.calls.append(len(payload))
            if any(self.poison and self.poison in each["To"] for each in payload):
                return 422, {"ErrorCode": 402, "Message": "Invalid JSON"}
            return 200, [self._take_one(each)[1] for each in payload]
        self.calls.append(1)
        if self.poison and self.poison in payload["To"]:
            return 422, {"ErrorCode": 402, "Message": "Invalid JSON"}
        return self._take_one(payload)

    def _take_one(self, payload):
        address = payload["To"].rpartition("<")[2].rstrip(">")
        if address in self.answers:
            return self.answers[address]
        self.messages.append(payload)
        number = f"m-{len(self.messages)}"
        return 200, {
            "ErrorCode": 0,
            "Message": "OK",
            "MessageID": number,
            "To": address,
            "SubmittedAt": "2026-11-26T12:00:00Z",
        }


@contextmanager
def fake_postmark() -> Iterator[FakePostmark]:
    service = FakePostmark()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(*service.take(self.headers["X-Postmark-Server-Token"], payload))

        def do_GET(self):
            self._answer(404, {})

        def _answer(self, status, value):
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
