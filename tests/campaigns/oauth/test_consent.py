"""From the form to a stored token, with a real service: consent, PKCE, the state, and what can go wrong on the way."""

import datetime as dt
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from campaigns.mailings.models import Transport
from campaigns.oauth import asking
from campaigns.oauth.asking import is_safe
from campaigns.outreach.models import Inbox
from crm.audit.models import AuditChange, AuditEntry
from crm.errors import Unavailable
from tests.campaigns.delivery.sinks import running_sink
from tests.campaigns.oauth.oauth_server import say_yes

pytestmark = pytest.mark.django_db
USER = "news@example.org"


def form_of(service, port=2525, **values):
    return {
        "name": "Workspace", "kind": "smtp", "url": f"smtp://news%40example.org@127.0.0.1:{port}", "max_connections": 2,
        "sign_in": "token", "token_service": "other", "token_grant": "consent", "client_id": service.client_id,
        "client_secret": service.client_secret, "consent_url": service.consent_url, "token_url": service.token_url,
        "scope": "mail offline_access", **values,
    }  # fmt: skip


def way_out(client, transport):
    """The link to the service on the consent page."""
    page = client.get(reverse("consent_page", args=["transport", transport.uid])).content.decode()
    return unescape(re.search(r'class="btn btn-primary" href="([^"]+)"', page)[1])


def kept(client, address):
    """Come back from the service, and keep what it said."""
    parts = urlsplit(address)
    page = client.get(f"{parts.path}?{parts.query}")
    assert page.status_code == 200
    values = dict(re.findall(r'name="(state|code)" value="([^"]+)"', page.content.decode()))
    return client.post(reverse("consent_keep"), {name: unescape(value) for name, value in values.items()})


def messages(client, response):
    return client.get(response.headers["Location"]).content.decode()


def test_somebody_says_yes_and_the_transport_signs_in(admin, sign_in, service):
    client = sign_in(admin)
    tokens: dict[str, str] = {USER: "none yet"}
    service.on_token = lambda token: tokens.update({USER: token})
    with running_sink(tokens=tokens) as sink:
        saved = client.post(reverse("transport_create"), form_of(service, sink.port))
        transport = Transport.objects.get()
        assert saved.headers["Location"] == reverse("consent_page", args=["transport", transport.uid])
        assert "nobody signed in yet" in client.get(reverse("transport_list")).content.decode()

        out = way_out(client, transport)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(out).query).items()}
        assert asked["scope"] == "mail offline_access" and asked["login_hint"] == USER
        assert asked["redirect_uri"].endswith("/settings/sign-in/back/")
        back = say_yes(out)
        client.get(f"{urlsplit(back).path}?{urlsplit(back).query}")
        transport.refresh_from_db()
        assert transport.refresh_token == ""  # a GET changes nothing

        said = messages(client, kept(client, back))

        assert f"127.0.0.1:{sink.port} answers" in said  # it was tried with the new token
    transport.refresh_from_db()
    assert (transport.access_token, transport.refresh_token) == ("access-1", "refresh-1")
    assert transport.consented_at and not transport.needs_consent
    question = service.asked[0]
    assert (question["grant_type"], len(question["code_verifier"])) == ("authorization_code", 43)
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_secret, refresh_token, access_token FROM campaigns_transport")
        assert all(stored.startswith("enc:") for stored in cursor.fetchone())
    assert AuditEntry.objects.filter(verb="transport.consented").count() == 1
    trail = str(list(AuditChange.objects.values_list("before", "after")))
    assert not any(secret in trail for secret in ("s3cret", "refresh-1", "access-1"))


def test_an_answer_counts_in_the_session_that_asked_and_for_some_minutes(admin, sign_in, service, planner, monkeypatch):
    client = sign_in(admin)
    client.post(reverse("transport_create"), form_of(service))
    transport = Transport.objects.get()
    back = urlsplit(say_yes(way_out(client, transport)))
    state, code = (parse_qs(back.query)[name][0] for name in ("state", "code"))

    other = sign_in(admin)  # the same person, in another browser
    for one, given in [(other, state), (client, state[:-2] + "xx"), (client, "")]:
        assert one.get(back.path, {"state": given, "code": code}).status_code == 422
        assert one.post(reverse("consent_keep"), {"state": given, "code": code}).status_code == 302
    monkeypatch.setattr("campaigns.oauth.consent.MINUTES", -1)
    assert client.get(back.path, {"state": state, "code": code}).status_code == 422
    monkeypatch.undo()
    assert sign_in(planner).get(back.path, {"state": state, "code": code}).status_code == 403

    refused = client.get(back.path, {"state": state, "error": "access_denied", "error_description": "No <b>thanks"})
    assert refused.status_code == 422 and "No &lt;b&gt;thanks" in refused.content.decode()
    assert service.asked == [] and Transport.objects.get().refresh_token == ""

    # a code of somebody else's try: PKCE refuses it
    service.codes[code]["code_challenge"] = "another"
    answer = client.post(reverse("consent_keep"), {"state": state, "code": code})
    assert "Bad code" in messages(client, answer)
    # a yes for an hour is none
    service.gives_refresh_tokens = False
    assert "no refresh token" in messages(client, kept(client, say_yes(way_out(client, transport))))
    assert Transport.objects.get().consented_at is None


def test_tokens_stay_with_what_they_were_given_for(admin, sign_in, service):
    client = sign_in(admin)
    client.post(reverse("transport_create"), form_of(service))
    transport = Transport.objects.get()
    kept(client, say_yes(way_out(client, transport)))
    edit = reverse("transport_edit", args=[transport.uid])
    assert not any(secret in client.get(edit).content.decode() for secret in ("s3cret", "refresh-1", "access-1"))

    # another name: they stay, and the secret that nobody typed again
    assert client.post(edit, form_of(service, name="Main", client_secret="")).status_code == 302
    transport.refresh_from_db()
    assert (transport.refresh_token, transport.client_secret) == ("refresh-1", "s3cret")
    # another place: the secret does not go there
    elsewhere = form_of(service, token_url="https://evil.example.org/token", client_secret="")
    assert client.post(edit, elsewhere).status_code == 422
    # another account: its yes was for the one before
    client.post(edit, form_of(service, url="smtp://other%40example.org@127.0.0.1:2525", client_secret=""))
    transport.refresh_from_db()
    assert transport.refresh_token == "" and transport.needs_consent

    kept(client, say_yes(way_out(client, transport)))
    client.post(reverse("consent_forget", args=["transport", transport.uid]))
    transport.refresh_from_db()
    assert (transport.refresh_token, transport.access_token) == ("", "")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"url": "smtp://127.0.0.1:2525"}, "url"),
        ({"url": "smtp://a:b@127.0.0.1:2525"}, "url"),
        ({"url": "smtp://a@mail.example.org"}, "url"),
        ({"kind": "local"}, "sign_in"),
        ({"client_id": ""}, "client_id"),
        ({"token_url": "http://login.example.org/token"}, "token_url"),
        ({"consent_url": "javascript:alert(1)"}, "consent_url"),
        ({"token_service": "microsoft", "tenant": "a/../b"}, "tenant"),
        ({"token_service": "google", "token_grant": "program"}, "token_grant"),
        ({"token_grant": "program", "client_secret": ""}, "client_secret"),
    ],
)
def test_a_form_that_could_not_work_is_refused(service, values, field):
    from campaigns.mailings.forms import TransportForm

    form = TransportForm(form_of(service, **values), instance=Transport())
    assert field in form.errors


def test_what_is_known_of_a_service_need_not_be_written(service):
    from campaigns.mailings.forms import TransportForm
    from campaigns.outreach.forms import InboxForm

    empty = {"scope": "", "token_url": "", "consent_url": ""}
    google = TransportForm(form_of(service, token_service="google", **empty), instance=Transport())
    assert google.is_valid() and google.instance.token_url == "https://oauth2.googleapis.com/token"
    assert google.instance.scope == "https://mail.google.com/"
    mailbox = {
        "name": "Bounces", "host": "outlook.office365.com", "port": "993", "security": "tls", "user": "b@x.org", "folder": "INBOX",
        "after": "move", "move_to": "Done",
    }  # fmt: skip
    values = form_of(service, token_service="microsoft", token_grant="program", tenant="x.onmicrosoft.com", **empty)
    form = InboxForm(values | mailbox, instance=Inbox())
    assert form.is_valid(), form.errors
    assert form.instance.token_url == "https://login.microsoftonline.com/x.onmicrosoft.com/oauth2/v2.0/token"
    assert form.instance.scope == "https://outlook.office365.com/.default"
    again = InboxForm(instance=form.instance)
    assert (again["tenant"].value(), again["scope"].value(), again["token_url"].value()) == (
        "x.onmicrosoft.com",
        "",
        "",
    )


@pytest.mark.parametrize(
    "url", ["http://x.org/t", "https://", "ftp://x", "https://u@x.org/", "http://127.0.0.1.x.org", "x", "https://["]
)
def test_no_secret_goes_there(url):
    assert not is_safe(url)
    with pytest.raises(Unavailable):
        asking.ask(url, {})


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "::ffff:127.0.0.1", "fe80::1", "0.0.0.0"])  # noqa: S104 no socket is bound
def test_a_name_that_leads_into_this_machine_is_not_asked(monkeypatch, address):
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **kwargs: [(0, 0, 0, "", (address, 0))])
    with pytest.raises(Unavailable, match="Nothing was sent"):
        asking.ask("https://login.example.org/token", {})


def test_expired_consent_page_is_for_those_who_sign_in_by_token(admin, sign_in, service):
    client = sign_in(admin)
    plain = Transport.objects.create(name="Plain", kind="smtp", url="smtp://x.example.org")
    assert client.get(reverse("consent_page", args=["transport", plain.uid])).status_code == 404
    assert client.get(reverse("consent_page", args=["nothing", plain.uid])).status_code == 404
    lost = Inbox.objects.create(
        name="B", host="127.0.0.1", user="b@x.org", sign_in="token", token_url=service.token_url, client_id="us",
        consent_url=service.consent_url, refresh_token="r", consented_at=timezone.now() - dt.timedelta(days=2),
        consent_lost_at=timezone.now(), consent_lost_why="revoked by Ana",
    )  # fmt: skip
    page = client.get(reverse("consent_page", args=["inbox", lost.uid])).content.decode()
    assert "revoked by Ana" in page
    assert "Sign in there again" in client.get(reverse("returned_mail")).content.decode()
