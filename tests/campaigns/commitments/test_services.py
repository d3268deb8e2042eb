"""Commitments: recorded, settled, verified by another; the rule as SQL and as a sentence; reminders."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns.commitments import reminding, services
from campaigns.commitments.models import Commitment, Milestone, Reminder
from campaigns.commitments.rule import light_of
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit
from crm.ids import new_uid
from tests.factories import AskFactory, CommitmentFactory, DriveFactory, OrganizationFactory

pytestmark = pytest.mark.django_db


def promise(actor, **values) -> Commitment:
    given = {"organization": OrganizationFactory(), "drive": DriveFactory(), "text": "Publish a draft", "due_on": timezone.localdate() + timedelta(days=60)}  # fmt: skip
    return services.make_commitment(actor=actor, **{**given, **values})


def test_a_form_sent_twice_records_one(planner):
    key = new_uid()

    first, second = promise(planner, form_key=key), promise(planner, form_key=key)

    assert first == second
    assert (Commitment.objects.count(), AuditEntry.objects.filter(verb="commitment.created").count()) == (1, 1)


def test_wrong_ones_are_refused_and_nothing_is_kept(planner):
    with pytest.raises(Invalid, match="another drive"):
        promise(planner, ask=AskFactory())
    with pytest.raises(Invalid, match="before it was promised"):
        promise(planner, made_on=date(2027, 1, 1), due_on=date(2026, 1, 1))
    with pytest.raises(Invalid):
        promise(planner, text=" ")

    assert not Commitment.objects.exists()
    assert not AuditEntry.objects.exists()


def test_changes_go_back_and_stale_ones_are_told(planner):
    row = promise(planner)
    entry = services.edit_commitment(commitment=row, actor=planner, changes={"owner": planner, "is_public": True})
    with pytest.raises(StaleEdit):
        services.edit_commitment(commitment=row, actor=planner, changes={"text": "Else"}, seen={"text": "Another"})

    undo(entry=entry, actor=planner)

    row.refresh_from_db()
    assert (row.owner, row.is_public) == (None, False)


def test_settled_by_one_and_verified_by_another(planner, outreach, admin):
    row = promise(outreach)

    with pytest.raises(Conflict, match="kept or broken"):
        services.verify(commitment=row, actor=planner)
    with pytest.raises(Invalid, match="what shows it"):
        services.settle(commitment=row, actor=planner, state="kept")
    entry = services.settle(commitment=row, actor=planner, state="kept", outcome="In the gazette")
    for author in (planner, outreach):
        with pytest.raises(NotAllowed, match="Somebody else"):
            services.verify(commitment=row, actor=author)
    services.verify(commitment=row, actor=admin)

    row.refresh_from_db()
    assert (row.state, row.settled_by, row.verified_by) == ("kept", planner, admin)
    with pytest.raises(Conflict):  # it was verified since
        services.settle(commitment=row, actor=planner, state="kept", outcome="In the gazette")
        undo(entry=entry, actor=planner)
    row.refresh_from_db()
    assert row.verified_by == admin


def test_opened_again_the_proof_is_gone_and_undo_brings_it_back(planner):
    row = promise(planner)
    services.settle(commitment=row, actor=planner, state="broken", outcome="The minister said so")

    entry = services.reopen(commitment=row, actor=planner)
    row.refresh_from_db()
    assert (row.state, row.outcome, row.settled_at) == ("open", "", None)
    undo(entry=entry, actor=planner)

    row.refresh_from_db()
    assert (row.state, row.outcome, row.settled_by) == ("broken", "The minister said so", planner)


@pytest.mark.parametrize("field", ["settled_by", "recorded_by"])
def test_database_refuses_an_author_as_verifier(planner, field):
    row = CommitmentFactory(**{field: planner}, state="kept", settled_at=timezone.now(), outcome="x")

    with pytest.raises(IntegrityError, match="commitment_verifier_is_another"), transaction.atomic():
        Commitment.objects.filter(pk=row.pk).update(verified_by=planner, verified_at=timezone.now())


def test_milestones_are_ticked_and_come_back(planner):
    row = promise(planner)
    milestone = services.add_milestone(commitment=row, actor=planner, text="Draft", due_on=row.due_on)

    services.set_milestone(milestone=milestone, actor=planner, done_on=timezone.localdate())
    assert services.set_milestone(milestone=milestone, actor=planner, done_on=timezone.localdate()) is None
    entry = services.remove_milestone(milestone=milestone, actor=planner)
    assert not Milestone.objects.exists()
    undo(entry=entry, actor=planner)

    again = Milestone.objects.get()
    row.refresh_from_db()
    assert (again.uid, again.done_on, row.heard_on) == (milestone.uid, timezone.localdate(), timezone.localdate())
    with pytest.raises(Invalid, match="already"):
        services.add_milestone(commitment=row, actor=planner, text="Draft", due_on=row.due_on)


# --- the rule
@pytest.mark.parametrize(
    ("due", "made", "heard", "late", "light", "words"),
    [
        (60, 0, None, None, "green", "no milestone is late"),
        (60, 91, None, None, "yellow", "Nobody has heard of it for 91 days"),
        (60, 90, None, None, "green", "heard of 90 days ago"),
        (60, 200, 5, None, "green", "heard of 5 days ago"),
        (30, 31, None, None, "yellow", "due in 30 days, and nobody"),
        (31, 31, None, None, "green", "It is due on"),
        (60, 0, None, 1, "yellow", "Its milestone “Draft” was due on"),
        (60, 0, None, 14, "yellow", "Its milestone “Draft” was due on"),
        (60, 0, None, 15, "red", "more than 14 days ago"),
        (-1, 40, 0, None, "red", "is not settled"),
        (0, 0, None, None, "green", "It is due on"),
    ],
    ids=["new", "silent", "nearly-silent", "heard", "soon-silent", "not-soon", "late", "slack", "long-late", "past", "today"],
)  # fmt: skip
def test_sql_and_sentence_are_one_rule(due, made, heard, late, light, words):
    today = timezone.localdate()
    row = CommitmentFactory(
        made_on=today - timedelta(days=made), due_on=today + timedelta(days=due),
        heard_on=None if heard is None else today - timedelta(days=heard),
    )  # fmt: skip
    if late:
        row.milestones.create(text="Draft", due_on=today - timedelta(days=late))
    row.milestones.create(text="Done long ago", due_on=today - timedelta(days=99), done_on=today)

    told = light_of(row, today)

    assert (told.code, Commitment.objects.with_light(today).get().light) == (light, light)
    assert words in told.why


# --- reminders
def at(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day, 9))


def test_owner_is_reminded_once_of_each(planner):
    due = timezone.localdate() + timedelta(days=14)
    row = CommitmentFactory(owner=planner, due_on=due, organization__name="Ministry\r\nBcc: x@example.org")
    now = at(timezone.localdate())

    assert (reminding.note_due(now=now), reminding.note_due(now=now)) == (1, 0)
    assert (reminding.mail_due(now=now), reminding.mail_due(now=now + timedelta(days=1))) == (1, 0)

    [message] = mail.outbox
    assert message.to == [planner.email]
    assert message.subject == "In two weeks: Ministry Bcc: x@example.org"
    assert row.text in message.body and str(row.uid) in message.body
    assert (reminding.note_due(now=at(due)), reminding.note_due(now=at(due + timedelta(days=7)))) == (1, 1)
    assert list(Reminder.objects.order_by("pk").values_list("kind", flat=True)) == ["soon", "due", "overdue"]


def test_what_is_settled_or_moved_is_not_reminded_of(planner):
    today = timezone.localdate()
    settled, moved = (CommitmentFactory(owner=planner, due_on=today) for _ in range(2))
    CommitmentFactory(owner=None, due_on=today)
    assert reminding.note_due(now=at(today)) == 2
    services.settle(commitment=settled, actor=planner, state="kept", outcome="x")
    services.edit_commitment(commitment=moved, actor=planner, changes={"due_on": today + timedelta(days=90)})

    assert reminding.mail_due(now=at(today)) == 0

    assert mail.outbox == []
    assert set(Reminder.objects.values_list("dropped", flat=True)) == {"over"}


def test_a_mail_server_that_is_down_is_tried_again_and_given_up(planner, monkeypatch):
    CommitmentFactory(owner=planner, due_on=timezone.localdate())
    now = at(timezone.localdate())
    reminding.note_due(now=now)
    monkeypatch.setattr(reminding, "send_mail", lambda **kwargs: (_ for _ in ()).throw(OSError("down")))

    for hours in range(0, 100, 10):
        assert reminding.mail_due(now=now + timedelta(hours=hours)) == 0

    reminder = Reminder.objects.get()
    assert (reminder.tries, reminder.dropped, reminder.sent_at) == (4, "mail_down", None)


def test_milestones_are_reminded_of(planner):
    row = CommitmentFactory(owner=planner)
    row.milestones.create(text="The draft", due_on=timezone.localdate())
    now = at(timezone.localdate())

    reminding.note_due(now=now)
    reminding.mail_due(now=now)

    assert "- The draft" in mail.outbox[0].body
    assert Reminder.objects.get().kind == "milestone"
