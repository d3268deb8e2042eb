"""Campaigns and drives: what is written down, refused, and taken back."""

from datetime import date

import pytest

from campaigns.mailings.models import Mailing
from campaigns.planning import services
from campaigns.planning.models import Campaign, Drive
from contacts.directory.models import Constituency, Country
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit
from tests.factories import CampaignFactory, DriveFactory, GrantFactory, UserFactory

pytestmark = pytest.mark.django_db
DATES = {"starts_on": date(2026, 9, 1), "ends_on": date(2026, 12, 15)}


def countries(*codes: str) -> list[Country]:
    return list(Country.objects.filter(code__in=codes))


def constituencies(*codes: str) -> list[Constituency]:
    return list(Constituency.objects.filter(code__in=codes))


def test_create_drive_with_its_countries_and_constituencies(planner):
    drive = services.create_drive(
        actor=planner,
        campaign=CampaignFactory(),
        name="Ten countries",
        countries=countries("TD", "ZM"),
        constituencies=constituencies("GOV", "EMP"),
        **DATES,
    )

    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.object_uid) == ("drive.created", drive.uid)
    assert entry.changes.get(field="countries").after == ["TD", "ZM"]
    assert drive.constituencies.count() == 2


def test_a_drive_does_not_end_before_it_starts(planner):
    with pytest.raises(Invalid, match="cannot end before it starts"):
        services.create_drive(
            actor=planner,
            campaign=CampaignFactory(),
            name="Backwards",
            countries=[],
            constituencies=[],
            starts_on=date(2026, 2, 1),
            ends_on=date(2026, 1, 1),
        )

    assert not Drive.objects.exists()


def test_planners_of_one_country_plan_there_only():
    user = UserFactory()
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["TD"])
    values = {"campaign": CampaignFactory(), "name": "x", "constituencies": [], **DATES}

    with pytest.raises(NotAllowed):
        services.create_drive(actor=user, countries=countries("TD", "ZM"), **values)

    assert services.create_drive(actor=user, countries=countries("TD"), **values).pk


def test_edit_drive_changes_and_undo_brings_back(planner):
    drive = DriveFactory(name="Old", countries=["TD"])

    entry = services.edit_drive(drive=drive, actor=planner, name="New", countries=countries("ZM"), owner=planner)

    drive.refresh_from_db()
    assert (drive.name, drive.owner, [c.code for c in drive.countries.all()]) == ("New", planner, ["ZM"])
    undo(entry=entry, actor=planner)
    drive.refresh_from_db()
    assert (drive.name, drive.owner, [c.code for c in drive.countries.all()]) == ("Old", None, ["TD"])


def test_edit_that_changes_nothing_writes_nothing(planner):
    drive = DriveFactory()

    assert services.edit_drive(drive=drive, actor=planner, name=drive.name, countries=countries("ZM")) is None
    assert not AuditEntry.objects.exists()


def test_stale_edit_of_a_drive_names_who_changed_it(planner):
    drive = DriveFactory()
    opened = drive.updated_at
    services.edit_drive(drive=drive, actor=planner, goal="theirs", seen_at=opened)

    with pytest.raises(StaleEdit, match="Planner changed this at"):
        services.edit_drive(drive=drive, actor=planner, goal="mine", seen_at=opened)

    drive.refresh_from_db()
    assert drive.goal == "theirs"


def test_a_drive_with_mail_on_its_way_is_not_archived(planner):
    drive = DriveFactory()
    Mailing.objects.create(drive=drive, name="Draft")

    assert services.archive_drive(drive=drive, actor=planner)
    assert services.archive_drive(drive=drive, actor=planner) is None


def test_campaign_keeps_pillars_in_their_order_and_facts_with_sources(planner):
    campaign = services.create_campaign(
        actor=planner,
        name="Social Security for All",
        pillars=[("Understanding", "what it is"), ("Coverage", "")],
        facts=[{"text": "Half the world has none.", "source": "brochure"}],
    )

    entry = services.edit_campaign(campaign=campaign, actor=planner, pillars=[("Coverage", "more"), ("Awareness", "")])

    assert [(p.name, p.description) for p in campaign.pillars.all()] == [("Coverage", "more"), ("Awareness", "")]
    undo(entry=entry, actor=planner)
    assert [p.name for p in Campaign.objects.get().pillars.all()] == ["Understanding", "Coverage"]


def test_undo_of_a_drive_leaves_what_was_changed_again(planner):
    drive = DriveFactory(goal="one")
    entry = services.edit_drive(drive=drive, actor=planner, goal="two")
    services.edit_drive(drive=drive, actor=planner, goal="three")

    with pytest.raises(Conflict):
        undo(entry=entry, actor=planner)

    drive.refresh_from_db()
    assert drive.goal == "three"
