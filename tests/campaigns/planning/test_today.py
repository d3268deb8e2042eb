"""Planning's cards on Today."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.commitments.models import CommitmentUpdate
from campaigns.correspondence.services import register_letter
from campaigns.outreach.models import Interaction
from campaigns.planning.today import coming, coming_up, running, running_drives
from campaigns.todo.models import Task
from crm.ui.today import needs_of
from tests.campaigns.ledger import delivery, feedback, finish, sent_mailing
from tests.factories import (
    ActivityFactory,
    ApplicationFactory,
    CommitmentFactory,
    ContactPointFactory,
    DriveFactory,
    GrantFactory,
    MailingFactory,
    MembershipFactory,
    OrganizationFactory,
    RepresentativeFactory,
    SubmissionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def reachable(country):
    membership = MembershipFactory(organization=OrganizationFactory(country__code=country))
    ContactPointFactory(person=membership.person)
    return membership.organization


def test_running_drive_says_whom_it_reached_and_who_is_missing(planner):
    drive = DriveFactory(
        countries=["TD", "ZM"], constituencies=["GOV"], ends_on=timezone.localdate() + timedelta(days=22)
    )
    reached, _other = reachable("ZM"), reachable("ZM")
    OrganizationFactory(country__code="ZM")
    mailing = sent_mailing(drive=drive)
    delivery(mailing, organization_id=reached.pk)

    (row,) = running(planner)

    assert row.days_left == 22
    assert [(part["kind"], part["count"]) for part in row.parts] == [("ok", 1), ("rest", 1), ("warn", 1)]
    assert row.missing == "Government in Chad"


def test_numbers_of_the_card_open_as_many_rows(planner, sign_in):
    DriveFactory(countries=["ZM"], constituencies=["GOV"])
    reachable("ZM")
    OrganizationFactory(country__code="ZM")
    client = sign_in(planner)

    for part in running(planner)[0].parts:
        assert len(client.get(part["url"]).context["table"].rows) == part["count"], part["label"]


def test_ones_own_drives_come_first_and_others_regions_not_at_all(planner):
    DriveFactory(name="Somebody's", ends_on=timezone.localdate() + timedelta(days=1))
    DriveFactory(name="Mine", owner=planner, ends_on=timezone.localdate() + timedelta(days=9))
    stranger = GrantFactory(user=UserFactory(), role="viewer", is_everywhere=False, countries=["TD"]).user

    assert [row.drive.name for row in running(planner)] == ["Mine", "Somebody's"]
    assert running(stranger) == []
    assert running_drives(stranger) is None


def test_coming_up_lists_what_lies_ahead_by_day(viewer):
    day = timezone.localdate()
    far = day + timedelta(days=200)
    drive = DriveFactory(name="Far", starts_on=day - timedelta(days=9), ends_on=far)
    DriveFactory(name="Ends", starts_on=day - timedelta(days=9), ends_on=day + timedelta(days=5))
    MailingFactory(name="Leaves", state="scheduled", drive=drive, send_at=timezone.now() + timedelta(days=2))
    MailingFactory(name="Late", state="scheduled", drive=drive, send_at=timezone.now() - timedelta(days=2))
    MailingFactory(name="Draft", drive=drive)

    assert coming_up(viewer) is not None
    assert [(item.title, str(item.what)) for item in coming(viewer)] == [
        ("Leaves", "Mailing"),
        ("Ends", "Drive ends"),
    ]


def test_nothing_ahead_is_no_card(viewer):
    assert coming_up(viewer) is None
    assert running_drives(viewer) is None


def test_today_shows_the_cards(planner, sign_in):
    DriveFactory(name="Ten countries", owner=planner, ends_on=timezone.localdate() + timedelta(days=5))

    client = sign_in(planner)
    page = client.get("/").content.decode()
    card = client.get("/drives/today/", headers={"HX-Request": "true"}).content.decode()

    assert "Drive under way" in page
    assert 'hx-get="/drives/today/"' in page
    assert "Coming up" in page
    assert "Ten countries" in card
    assert "5 days left" in card
    assert "Ten countries" in client.get("/drives/coming/", headers={"HX-Request": "true"}).content.decode()


def test_today_asks_few_statements_on_the_worst_of_days(planner, sign_in, django_assert_max_num_queries):
    """Something of every kind waits, and more than are shown one by one."""
    GrantFactory(user=planner, role="approver")
    day, now = timezone.localdate(), timezone.now()
    drive = DriveFactory(owner=planner)
    for state in ("in_review", "paused", "approved"):
        MailingFactory(drive=drive, state=state)
    MailingFactory(drive=drive, written_by=planner, state_reason="Somebody sent it back.")
    done = sent_mailing(drive=drive)
    feedback(delivery(done))
    finish(done)
    sender = UserFactory()
    for _each in range(5):
        organization = OrganizationFactory()
        Interaction.objects.create(kind="reply", organization=organization, text="Yes.", at=now, is_two_way=True)
        Task.objects.create(title="Call", due_on=day, assignee=planner, created_by=planner)
        ActivityFactory(drive=drive, owner=planner, starts_on=day - timedelta(3), due_on=day)
        promise = CommitmentFactory(organization=organization, owner=planner, due_on=day + timedelta(2))
        CommitmentUpdate.objects.create(commitment=promise, progress="on_track", text="Soon.", received_at=now)
        register_letter(
            actor=planner, way="in", on=day, organization=organization, subject="A question", responsible=planner, answer_due_on=day
        )  # fmt: skip
    CommitmentFactory(state="kept", settled_at=now, settled_by=sender, recorded_by=sender, outcome="There.")
    SubmissionFactory(state="waiting")
    ApplicationFactory(state="confirmed")
    RepresentativeFactory(state="proposed")
    client = sign_in(planner)
    client.get("/")

    with django_assert_max_num_queries(25):
        page = client.get("/").content.decode()

    assert re.search(r"All (\d+)", page)[1] == str(len(needs_of(planner)))
    assert {need.icon for need in needs_of(planner)} >= {
        "shield-check",
        "player-pause",
        "send",
        "arrow-back-up",
        "mail-x",
        "messages",
    }
