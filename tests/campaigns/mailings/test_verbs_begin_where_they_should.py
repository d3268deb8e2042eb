"""A verb is not a way round another verb's permission: the table's moves belong to the verbs that make them."""

import pytest

from campaigns.mailings import services
from campaigns.mailings.approval import content_hash
from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State
from crm.errors import Conflict, WrongState
from tests.factories import MailingFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("verb", "state"),
    [
        ("withdraw_review", "approved"),
        ("withdraw_review", "scheduled"),
        ("withdraw_review", "held"),
        ("send_now", "held"),
        ("send_now", "freezing"),
        ("schedule", "held"),
        ("resume", "freezing"),
    ],
)
def test_a_planner_cannot_move_what_another_verb_moves(planner, verb: str, state: str) -> None:
    mailing = MailingFactory(state=state)

    with pytest.raises(WrongState):
        getattr(services, verb)(mailing=mailing, actor=planner)

    assert Mailing.objects.get(pk=mailing.pk).state == state


def test_unscheduling_what_is_in_review_does_not_approve_it(editor) -> None:
    mailing = MailingFactory(state="approved")
    services.move(mailing=mailing, to=State.DRAFT)  # its approval still stands in the row
    services.ask_review(mailing=mailing, actor=editor)

    with pytest.raises(WrongState):
        services.unschedule(mailing=mailing, actor=editor)

    assert Mailing.objects.get(pk=mailing.pk).state == "in_review"


def test_an_approver_cannot_send_by_releasing_what_is_not_held(approver) -> None:
    mailing = MailingFactory(state="approved")

    with pytest.raises(WrongState):
        services.release_held(mailing=mailing, actor=approver, audience_count=3)

    assert Mailing.objects.get(pk=mailing.pk).state == "approved"


def test_release_of_what_changed_since_the_page_was_shown_is_refused(approver) -> None:
    mailing = MailingFactory(state="held")
    shown = content_hash(mailing)
    mailing.segment.tree = {"version": 1, "op": "all", "rules": [{"field": "last_mailed", "operator": "never"}]}
    mailing.segment.save()

    with pytest.raises(Conflict):
        services.release_held(mailing=mailing, actor=approver, audience_count=3, content_hash=shown)

    assert Mailing.objects.get(pk=mailing.pk).state == "held"
