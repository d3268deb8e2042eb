"""Planning's cards on Today."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.planning.today import coming_up, running, running_drives
from tests.campaigns.ledger import delivery, sent_mailing
from tests.factories import (
    ContactPointFactory,
    DriveFactory,
    GrantFactory,
    MailingFactory,
    MembershipFactory,
    OrganizationFactory,
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

    card = coming_up(viewer)

    assert card is not None
    assert [(item.title, str(item.what)) for item in card.context["items"]] == [
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
