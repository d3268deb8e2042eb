"""A mailbox whose service asks for OAuth 2: tokens are fetched, kept until shortly before they end, and renewed."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.oauth.asking import ConsentLost, ask
from campaigns.oauth.tasks import renew
from campaigns.oauth.tokens import token_for
from campaigns.outreach import inboxes
from campaigns.outreach.models import Inbox
from crm.errors import Unavailable
from tests.campaigns.outreach.imap_server import Server
from tests.campaigns.outreach.test_inboxes import again, filed, inbox_at, letter

pytestmark = pytest.mark.django_db


def inbox_by_token(server, service, **kwargs):
    service.refresh_token = "r1"
    values = {
        "client_id": service.client_id, "client_secret": service.client_secret, "refresh_token": "r1", "token_url": service.token_url,
        "scope": "mail", "token_service": "other", "renewed_at": timezone.now(), **kwargs,
    }  # fmt: skip
    return inbox_at(server, sign_in="token", password="", **values)


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_mailbox_is_read_with_a_token_that_is_kept_and_renewed(service, mechanism):
    with Server(extensions=f"MOVE AUTH={mechanism}", plain=False) as server:
        service.on_token = lambda token: setattr(server, "token", token)
        inbox = inbox_by_token(server, service)
        server.inbox.add(letter(1))

        assert (again(inbox).filed, filed()) == (1, ["1"])
        assert again(inbox).filed == 0
        assert service.asked == [
            {"grant_type": "refresh_token", "refresh_token": "r1", "client_id": "us", "client_secret": "s3cret"}
        ]
        with connection.cursor() as cursor:
            cursor.execute("SELECT client_secret, refresh_token, access_token FROM campaigns_inbox")
            assert all(stored.startswith("enc:") for stored in cursor.fetchone())

        # it ends soon: another one, by the refresh token that came with the last
        Inbox.objects.update(access_until=timezone.now() + dt.timedelta(seconds=90))
        service.rotates = False
        server.inbox.add(letter(2))
        assert again(inbox).filed == 1
        assert service.asked[1]["refresh_token"] == "refresh-1" == Inbox.objects.get().refresh_token

        # the mail server takes it no more: the next try asks anew
        server.token = "another"
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
        service.on_token = lambda token: setattr(server, "token", token)
        inbox = inbox_by_token(server, service, token_grant="program", refresh_token="")

        assert "lets us in" in inboxes.try_inbox(inbox)
        assert (service.asked[0]["grant_type"], service.asked[0]["scope"]) == ("client_credentials", "mail")
        assert "refresh_token" not in service.asked[0]


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (401, b"<html>", "HTTP 401"),
        (400, b'{"error": "invalid_client", "error_description": "AADSTS7000222: the secret has ended"}', "secret has ended"),
        (200, b'{"expires_in": 3600}', "no token"),
        (200, b'{"access_token": "with\\nline"}', "no token"),
        (200, b"x" * 200_000, "no token"),
        (302, b"", "HTTP 302"),
    ],
)  # fmt: skip
def test_a_token_that_is_not_to_be_had_is_said_and_asked_for_again(service, status, answer, words):
    service.fails = status, answer
    with Server(extensions="AUTH=XOAUTH2", plain=False) as server:
        inbox = inbox_by_token(server, service)
        for number in (1, 2):
            with pytest.raises(Unavailable, match=words):
                inboxes.try_inbox(inbox)
            assert (len(service.asked), server.tokens) == (number, [])
        stored = Inbox.objects.get()
        assert (stored.refresh_token, stored.consent_lost_at, stored.renewal) == ("r1", None, None)


def test_a_withdrawn_consent_is_found_out_once_and_asked_again_only_by_hand(service):
    with Server(extensions="AUTH=XOAUTH2", plain=False) as server:
        inbox = inbox_by_token(server, service, renewed_at=timezone.now() - dt.timedelta(days=1))
        service.withdraw()

        renew()  # nobody has read it for a day

        stored = Inbox.objects.get()
        assert stored.lost_consent and stored.consent_lost_why == "Token has been expired or revoked"
        assert again(inbox).filed == 0
        renew()
        assert len(service.asked) == 1
        assert "withdrawn or has ended" in inboxes.standings()[0].why
        with pytest.raises(ConsentLost):
            inboxes.try_inbox(Inbox.objects.get())
        assert len(service.asked) == 2
        service.refresh_token = "r1"
        service.on_token = lambda token: setattr(server, "token", token)
        assert "lets us in" in inboxes.try_inbox(Inbox.objects.get())
        assert not Inbox.objects.get().lost_consent


def test_who_renews_for_too_long_loses_nothing_that_the_service_gave(service, monkeypatch):
    """Its claim is over and another one asked with the same refresh token, which the service had taken back by then."""
    with Server() as server:
        inbox = inbox_by_token(server, service)

        def slow_ask(url, asked):
            monkeypatch.setattr("campaigns.oauth.tokens.ask", ask)
            answer = ask(url, asked)
            Inbox.objects.update(renewal_until=timezone.now())
            with pytest.raises(ConsentLost):
                token_for(Inbox.objects.get())
            return answer

        monkeypatch.setattr("campaigns.oauth.tokens.ask", slow_ask)
        assert token_for(Inbox.objects.get(pk=inbox.pk)) == "access-1"

    stored = Inbox.objects.get()
    assert (stored.refresh_token, stored.access_token, stored.consent_lost_at) == ("refresh-1", "access-1", None)
