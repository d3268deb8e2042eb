from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.guard.services import set_guard
from campaigns.interactions.models import Party
from campaigns.interactions.services import log_interaction
from campaigns.outreach.models import Interaction
from campaigns.queue.building import queue_of
from campaigns.todo.absences import add_absence
from campaigns.todo.services import add_task
from tests.factories import CommitmentFactory, GrantFactory, MembershipFactory, OrganizationFactory, PersonFactory

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


def reply_from(organization, **values):
    row = Interaction.objects.create(
        kind="reply", organization=organization, at=timezone.now(), text="Whom do we call?", **values
    )
    Party.objects.create(interaction=row, organization=organization, at=row.at, is_two_way=True)
    return row


def told(user):
    return [(entry.title, [reason.words for reason in entry.reasons]) for entry in queue_of(user).entries]


def test_queue_says_who_and_why_the_most_pressing_first(outreach, planner):
    now = timezone.now()
    silent, asking, agreed = (OrganizationFactory(name=name) for name in ("Silent", "Asking", "Agreed"))
    log_interaction(actor=outreach, kind="meeting", organizations=[silent], at=now - timedelta(weeks=23, days=1))
    set_guard(organization=silent, actor=planner, owner=outreach)
    reply_from(asking)
    log_interaction(
        actor=outreach,
        kind="call",
        organizations=[agreed],
        at=now - timedelta(days=6),
        next_step="Send it",
        next_on=TODAY - timedelta(days=2),
    )
    add_task(actor=outreach, title="Also this", due_on=TODAY, organization=asking)
    add_task(actor=outreach, title="Write the report", due_on=TODAY)
    add_task(actor=outreach, title="Tomorrow", due_on=TODAY + timedelta(days=1))
    add_task(actor=planner, title="Of another", due_on=TODAY)

    found = told(outreach)

    assert [title for title, _reasons in found] == ["Asking", "Agreed", "Write the report", "Silent"]
    assert [reasons[-1] for _title, reasons in found if _title == "Asking"] == ["Task, today: Also this"]
    assert found[1][1][0].startswith("Next step of the call on ")
    assert found[1][1][0].endswith("2 days overdue: Send it")
    assert found[3][1] == ["You look after it: no two-way contact for 23 weeks"]


def test_reply_belongs_to_the_owner_of_its_institution(outreach, planner):
    ministry = OrganizationFactory(name="Ministry")
    reply_from(ministry)
    assert [title for title, _reasons in told(outreach)] == ["Ministry"]

    set_guard(organization=ministry, actor=planner, owner=planner)

    assert told(outreach) == []
    assert [title for title, _reasons in told(planner)] == ["Ministry"]


def test_context_tells_the_last_contact_who_else_and_what_holds_us_back(outreach, planner):
    ministry = OrganizationFactory(name="Ministry")
    now = timezone.now()
    log_interaction(actor=planner, kind="meeting", organizations=[ministry], at=now - timedelta(days=9))
    log_interaction(
        actor=outreach, kind="letter", organizations=[ministry], is_two_way=False, at=now - timedelta(days=3)
    )
    set_guard(organization=ministry, actor=planner, owner=planner, protocol="Only through the mission")
    add_task(actor=outreach, title="Call", due_on=TODAY, organization=ministry)

    [entry] = queue_of(outreach).entries

    lines = {str(line.label): line.words for line in entry.context}
    assert lines["Mind"] == "Only through the mission"
    assert lines["Owner"] == "Planner looks after it"
    assert lines["Also in touch"] == "Planner"
    assert lines["Last two-way"].endswith("meeting · Planner")
    assert entry.suggestion == "Hold, or go the way that it says: Only through the mission"


def test_promises_that_one_follows_come_when_they_are_due_and_stand_beside_others(outreach, planner):
    ministry, other = OrganizationFactory(name="Ministry"), OrganizationFactory(name="Other")
    dates = {"made_on": TODAY - timedelta(days=60), "owner": outreach}
    CommitmentFactory(organization=ministry, text="A draft", due_on=TODAY - timedelta(days=1), **dates)
    CommitmentFactory(organization=other, text="A budget line", due_on=TODAY + timedelta(days=30), **dates)
    add_task(actor=outreach, title="Call", due_on=TODAY, organization=other)

    first, second = queue_of(outreach).entries

    assert first.title == "Ministry"
    assert first.first.words.startswith("Their commitment was due on ")
    assert first.first.words.endswith(": A draft")
    assert [line.words.split(" · ")[0] for line in second.context if line.label == "Promised"] == ["A budget line"]
    assert told(planner) == []


def test_deputy_sees_it_in_their_own_queue_and_for_whom(sign_in, outreach, planner):
    add_task(actor=planner, title="Call the union", due_on=TODAY)
    add_absence(actor=planner, user=planner, deputy=outreach, starts_on=TODAY, ends_on=TODAY)

    page = sign_in(outreach).get(reverse("outreach_queue")).content.decode()

    assert "You stand in for Planner" in page
    assert "Call the union" in page
    assert "for Planner" in page
    assert told(planner) == []


def test_institution_out_of_scope_is_not_named(outreach):
    near = GrantFactory(role="outreach", is_everywhere=False, countries=["ZM"]).user
    far = OrganizationFactory(name="Far away", country__code="TD")
    task = add_task(actor=outreach, title="Call", due_on=TODAY, organization=far)
    task.assignee = near
    task.save()
    reply_from(far)

    assert told(near) == [("Call", ["Task, today: Call"])]


def test_page_asks_the_same_number_of_questions_for_one_entry_and_ten(sign_in, outreach, planner):
    client, counts = sign_in(outreach), []
    for more in (1, 9):
        for _number in range(more):
            ministry = OrganizationFactory()
            person = MembershipFactory(organization=ministry).person
            log_interaction(
                actor=planner,
                kind="call",
                organizations=[ministry],
                people=[person],
                at=timezone.now() - timedelta(days=90),
            )
            set_guard(organization=ministry, actor=planner, owner=outreach, most_touches=2, per_days=30)
            add_task(actor=outreach, title="Call", due_on=TODAY, organization=ministry, person=PersonFactory())
            reply_from(ministry)
        client.get(reverse("outreach_queue"))
        with CaptureQueriesContext(connection) as found:
            page = client.get(reverse("outreach_queue"))
        counts.append(len(found))
        assert page.content.decode().count("data-entry") == (1 if more == 1 else 10)

    assert counts[0] == counts[1] <= 25


def test_empty_queue_says_what_will_stand_here(sign_in, viewer):
    assert "Nobody waits for you today" in sign_in(viewer).get(reverse("outreach_queue")).content.decode()
