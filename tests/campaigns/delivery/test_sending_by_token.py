"""A mail server that takes no password: the engine signs in with a token, one worker renews it, and a withdrawn consent pauses."""

import threading

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.sweeping import sweep
from campaigns.delivery.tasks import deliver
from campaigns.mailings.models import Transport
from campaigns.mailings.transports import check
from campaigns.oauth.consent import keep_consent, new_state, read_state, verifier_of
from campaigns.oauth.tokens import token_for
from campaigns.safety.models import PauseNotice
from crm.errors import Unavailable
from tests.campaigns.delivery.building import subscriber, to_sending
from tests.campaigns.delivery.sinks import running_sink
from tests.campaigns.oauth.oauth_server import oauth_service

pytestmark = pytest.mark.django_db(transaction=True)
USER = "news@example.org"


def sign_in_by_token(transport, service, sink):
    service.refresh_token = "r1"
    transport.kind, transport.url = "smtp", sink.url.replace("//", "//news%40example.org@")
    transport.sign_in, transport.token_service = "token", "other"
    transport.client_id, transport.client_secret = service.client_id, service.client_secret
    transport.token_url, transport.refresh_token = service.token_url, "r1"
    transport.save()


def renewing(row):
    """Ask for its token in eight threads at once, as eight workers would."""
    found, start = [], threading.Barrier(8)

    def work():
        start.wait()
        try:
            found.append(token_for(type(row).objects.get(pk=row.pk)))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def test_a_mailing_leaves_by_a_token_and_waits_while_the_consent_is_withdrawn(mailing, sign_in, admin, monkeypatch):
    monkeypatch.setattr("campaigns.delivery.addresses.RESERVED", frozenset(), raising=False)
    monkeypatch.setattr("campaigns.delivery.composing.is_reserved", lambda domain: False)
    tokens: dict[str, str] = {USER: "none yet"}
    with oauth_service() as service, running_sink(tokens=tokens) as sink:
        service.on_token = lambda token: tokens.update({USER: token})
        sign_in_by_token(mailing.transport, service, sink)
        for number in (1, 2):
            subscriber(mailing.topic, number)
        to_sending(mailing)

        # many want a token: one asks
        service.delay = 0.3
        assert renewing(mailing.transport) == ["access-1"] * 8
        assert [one["refresh_token"] for one in service.asked] == ["r1"]
        service.delay = 0.0
        assert "answers" in check(Transport.objects.get(pk=mailing.transport_id))

        # the mail server forgets it, and its owner has taken the consent back
        tokens[USER] = "another"
        service.withdraw()
        deliver(mailing.pk)
        mailing.refresh_from_db()
        assert mailing.state == "paused" and sink.recipients == []
        assert "withdrawn or has ended" in mailing.state_reason
        assert PauseNotice.objects.get().reason == mailing.state_reason  # that is mailed to its owner
        page = sign_in(admin).get(reverse("sending")).content.decode()
        assert "consent withdrawn" in page and "Token has been expired or revoked" in page
        Transport.objects.update(open_until=timezone.now())
        sweep()  # it is still withdrawn, and nobody is asked again
        assert len(service.asked) == 2
        mailing.refresh_from_db()
        assert mailing.state == "paused"

        # somebody signs in there again
        transport = Transport.objects.get(pk=mailing.transport_id)
        assert transport.failures == 2
        asked = read_state(new_state("transport", str(transport.uid), session="s"), session="s")
        monkeypatch.setattr(service, "_by_code", lambda asked: service._give(renews=True))
        keep_consent(transport, code="c", asked=asked, session="s", actor=admin)
        assert service.asked[-1]["code_verifier"] == verifier_of(asked, session="s")
        sweep()
        deliver(mailing.pk)
        assert sink.recipients == ["p1@people.test", "p2@people.test"]
        mailing.refresh_from_db()
        assert mailing.state == "finished"
        transport.refresh_from_db()
        assert (transport.failures, transport.open_until, transport.consent_lost_at) == (0, None, None)


def test_what_a_service_gave_is_not_asked_for_where_it_could_be_taken_back(mailing):
    """Within a transaction a renewed refresh token could be rolled back: it is refused before anybody is asked."""
    from django.db import transaction

    with oauth_service() as service, running_sink() as sink:
        sign_in_by_token(mailing.transport, service, sink)
        with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
            token_for(mailing.transport)
        assert service.asked == []
        Transport.objects.update(renewal="01890000-0000-7000-8000-000000000000", renewal_until=timezone.now())
        assert token_for(Transport.objects.get()) == "access-1"  # whoever had claimed it is gone
        service.fails = 503, b""
        Transport.objects.update(access_until=timezone.now())
        with pytest.raises(Unavailable, match="HTTP 503"):
            token_for(Transport.objects.get())
        assert Transport.objects.get().renewal is None
