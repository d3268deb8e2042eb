"""The table of moves, the services that use it, and the constraints of the database say the same."""

import pytest
from django.db import IntegrityError, transaction

from campaigns.mailings import services
from campaigns.mailings.models import Mailing
from campaigns.mailings.states import MOVES, State
from crm.audit.models import AuditEntry, OutboxEvent
from crm.errors import WrongState
from tests.factories import MailingFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("before", list(State))
@pytest.mark.parametrize("after", list(State))
def test_move_follows_the_table(before: State, after: State) -> None:
    mailing = MailingFactory(state=before)
    complete = MailingFactory(state=State.FINISHED)
    values = {"approval": complete.approval, "send_at": complete.frozen_at}
    values |= {"frozen_at": complete.frozen_at, "audience_count": 3}

    if after in MOVES[before]:
        services.move(mailing=mailing, to=after, reason="a test", **values)
        mailing.refresh_from_db()
        assert mailing.state == after
        assert OutboxEvent.objects.get(object_uid=mailing.uid).payload["to"] == after
    else:
        with pytest.raises(WrongState):
            services.move(mailing=mailing, to=after, reason="a test", **values)
        mailing.refresh_from_db()
        assert mailing.state == before
        assert not AuditEntry.objects.filter(object_uid=mailing.uid).exists()


@pytest.mark.parametrize(
    ("state", "gap"),
    [
        ("in_review", {"segment": None}),
        ("in_review", {"transport": None}),
        ("approved", {"approval": None}),
        ("scheduled", {"send_at": None}),
        ("sending", {"audience_count": None}),
        ("finished", {"frozen_at": None}),
        ("held", {"state_reason": ""}),
        ("paused", {"state_reason": ""}),
        ("draft", {"state": "sent"}),
    ],
)
def test_database_refuses_a_state_without_what_it_needs(state: str, gap: dict) -> None:
    mailing = MailingFactory(state=state)

    with pytest.raises(IntegrityError), transaction.atomic():
        Mailing.objects.filter(pk=mailing.pk).update(**gap)


def test_listener_hears_of_a_move_in_its_transaction() -> None:
    heard: list[tuple] = []
    listener = services.on_move(lambda mailing, before, after: heard.append((mailing.pk, before, after)))
    mailing = MailingFactory(state="sending")

    try:
        services.move(mailing=mailing, to=State.PAUSED, reason="a test")
    finally:
        services._LISTENERS.remove(listener)

    assert heard == [(mailing.pk, State.SENDING, State.PAUSED)]
