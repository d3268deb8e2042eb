"""Grants are pairs of countries and campaigns: one for another campaign widens nothing here."""

import pytest

from campaigns.mailings import editing
from campaigns.mailings.models import Mailing
from tests.factories import CampaignFactory, DriveFactory, GrantFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def author():
    """Writes to Zambia for one campaign, and to everybody for another."""
    user = UserFactory()
    user.narrow, user.wide = CampaignFactory(), CampaignFactory()
    GrantFactory(user=user, role="editor", is_everywhere=False, campaigns=[user.narrow.uid], countries=["ZM"])
    GrantFactory(user=user, role="editor", is_everywhere=False, campaigns=[user.wide.uid])
    return user


def test_a_mailing_reaches_the_countries_of_the_grant_for_its_own_campaign(author) -> None:
    narrow = editing.create_mailing(
        drive=DriveFactory(campaign=author.narrow, countries=["ZM"]), actor=author, name="Here"
    )
    wide = editing.create_mailing(drive=DriveFactory(campaign=author.wide, countries=["ZM"]), actor=author, name="All")

    assert narrow.scope_countries == ["ZM"]
    assert wide.scope_countries is None


def test_moving_a_mailing_to_another_drive_does_not_take_its_reach_along(author) -> None:
    mailing = editing.create_mailing(
        drive=DriveFactory(campaign=author.wide, countries=["ZM"]), actor=author, name="All"
    )
    other = DriveFactory(campaign=author.narrow, countries=["ZM"])

    editing.save_settings(mailing=mailing, actor=author, version=mailing.content_version, values={"drive": other})

    assert Mailing.objects.get(pk=mailing.pk).scope_countries == ["ZM"]
