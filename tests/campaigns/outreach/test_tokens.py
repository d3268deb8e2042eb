"""A mailbox whose service asks for OAuth 2: tokens are fetched, kept until shortly before they end, and renewed."""

import datetime as dt
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from campaigns.outreach import inboxes
from campaigns.outreach.models import Inbox
from crm.errors import Unavailable
from tests.campaigns.outreach.imap_server import Server
from tests.campaigns.outreach.test_inboxes import again, filed, inbox_at, letter

pytestmark = pytest.mark.django_db


class Tokens:
    """A service's token address: what it was asked, and what it answers."""

    def __init__(self):
        self.asked, self.status, self.answer = [], 200, {"access_token": "t1", "expires_in": 3600}
        self.port = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/token"


@contextmanager
def token_service():
    service = Tokens()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            service.asked.append({name: values[0] for name, values in parse_qs(body).items()})
            answer = service.answer if isinstance(service.answer, bytes) else json.dumps(service.answer).encode()
            self.send_response(service.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args):
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


@pytest.fixture
def service():
    with token_service() as running:
        yield running


def inbox_by_token(server, service, **kwargs):
    values = {"client_id": "us", "client_secret": "cs", "refresh_token": "r1", "scope": "mail", **kwargs}
    return inbox_at(server, sign_in="token", password="", token_url=service.url, **values)


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_mailbox_is_read_with_a_token_that_is_kept_and_renewed(service, mechanism):
    with Server(extensions=f"MOVE AUTH={mechanism}", plain=False) as server:
        server.token = "t1"
        service.answer = {"access_token": "t1", "expires_in": 3600, "refresh_token": "r2"}
        inbox = inbox_by_token(server, service)
        server.inbox.add(letter(1))

        assert (again(inbox).filed, filed()) == (1, ["1"])
        assert again(inbox).filed == 0
        assert service.asked == [
            {
                "grant_type": "refresh_token",
                "refresh_token": "r1",
                "client_id": "us",
                "client_secret": "cs",
                "scope": "mail",
            }
        ]
        with connection.cursor() as cursor:
            cursor.execute("SELECT client_secret, refresh_token, access_token FROM campaigns_inbox")
            assert all(stored.startswith("enc:") for stored in cursor.fetchone())

        # it ends soon: another one, by the refresh token that came with the last
        Inbox.objects.update(access_until=timezone.now() + dt.timedelta(seconds=90))
        server.token, service.answer = "t2", {"access_token": "t2", "expires_in": 3600}
        server.inbox.add(letter(2))
        assert again(inbox).filed == 1
        assert service.asked[1]["refresh_token"] == "r2"
        assert Inbox.objects.get().refresh_token == "r2"

        # the mail server takes it no more: the next try asks anew
        server.token = service.answer["access_token"] = "t3"
        assert again(inbox).filed == 0
        inbox.refresh_from_db()
        assert "refused the token" in inbox.last_error
        assert server.tokens[-1] == ("" if mechanism == "XOAUTH2" else "\1")
        server.inbox.add(letter(3))
        assert again(inbox).filed == 1
        inbox.refresh_from_db()
        assert (inbox.failures, inbox.last_error, filed()) == (0, "", ["1", "2", "3"])


def test_a_program_signs_in_as_itself(service):
    with Server(extensions="MOVE AUTH=XOAUTH2", plain=False) as server:
        server.token = "t1"
        inbox = inbox_by_token(server, service, refresh_token="")

        assert "lets us in" in inboxes.try_inbox(inbox)
        assert service.asked[0]["grant_type"] == "client_credentials"
        assert "refresh_token" not in service.asked[0]


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (400, {"error": "invalid_grant", "error_description": "Token has been revoked."}, "Token has been revoked"),
        (401, b"<html>", "HTTP 401"),
        (200, {"expires_in": 3600}, "no token"),
        (200, {"access_token": "with\nline"}, "no token"),
        (200, b"x" * 200_000, "no token"),
    ],
)
def test_a_token_that_is_not_to_be_had_is_said(service, status, answer, words):
    service.status, service.answer = status, answer
    with Server(extensions="AUTH=XOAUTH2", plain=False) as server:
        inbox = inbox_by_token(server, service)
        with pytest.raises(Unavailable, match=words):
            inboxes.try_inbox(inbox)
        assert server.tokens == []


def test_secrets_are_kept_where_none_are_written_and_never_go_to_another_place(admin, sign_in):
    client = sign_in(admin)
    form = {
        "name": "Bounces", "host": "imap.example.org", "port": "993", "security": "tls", "user": "b@x.org", "password": "",
        "folder": "INBOX", "after": "move", "move_to": "Done", "sign_in": "token", "client_id": "us", "scope": "mail",
        "token_url": "https://login.example.org/token", "client_secret": "s3cret", "refresh_token": "r3fresh",
    }  # fmt: skip
    assert client.post(reverse("inbox_create"), form).status_code == 302
    inbox = Inbox.objects.get()
    Inbox.objects.update(access_token="t0ken", access_until=timezone.now() + dt.timedelta(hours=1))
    page = client.get(reverse("inbox_edit", args=[inbox.uid])).content.decode()
    assert not any(secret in page for secret in ("s3cret", "r3fresh", "t0ken"))

    empty = {**form, "client_secret": "", "refresh_token": ""}
    elsewhere = client.post(
        reverse("inbox_edit", args=[inbox.uid]), {**empty, "token_url": "https://evil.example.org/t"}
    )
    assert elsewhere.status_code == 422
    assert client.post(reverse("inbox_edit", args=[inbox.uid]), empty).status_code == 302
    inbox.refresh_from_db()
    assert (inbox.client_secret, inbox.refresh_token, inbox.access_token) == ("s3cret", "r3fresh", "")
