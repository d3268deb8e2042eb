"""The screens of drives and campaigns."""

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.mailings.models import Mailing
from campaigns.planning.forms import parted_lines
from campaigns.planning.models import Campaign, Drive
from crm.audit.models import AuditEntry
from tests.factories import (
    CampaignFactory,
    ContactPointFactory,
    DriveFactory,
    GrantFactory,
    OrganizationFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def drive_data(campaign: Campaign, **more) -> dict:
    return {
        "campaign": str(campaign.uid),
        "name": "Ten countries",
        "starts_on": "2026-09-01",
        "ends_on": "2026-12-15",
        "status": "active",
        "countries": ["TD", "ZM"],
        "constituencies": ["GOV", "EMP"],
        **more,
    }


def test_drive_is_planned_by_its_form(sign_in, planner):
    response = sign_in(planner).post(reverse("drive_create"), drive_data(CampaignFactory(), owner=str(planner.uid)))

    drive = Drive.objects.get()
    assert response.headers["Location"] == reverse("drive_detail", args=[drive.uid])
    assert (drive.owner, drive.countries.count(), drive.constituencies.count()) == (planner, 2, 2)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ends_on": "2026-08-01"}, "lies before the beginning"),
        ({"countries": ["XX"]}, "XX"),
        ({"name": ""}, "required"),
        ({"starts_on": "soon"}, "valid date"),
    ],
)
def test_a_wrong_drive_is_refused_and_nothing_is_made(sign_in, planner, wrong, words):
    response = sign_in(planner).post(reverse("drive_create"), drive_data(CampaignFactory(), **wrong))

    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Drive.objects.exists()


def test_two_tabs_saving_the_same_drive(sign_in, planner):
    drive = DriveFactory(name="Old")
    client, url = sign_in(planner), reverse("drive_edit", args=[drive.uid])
    seen = client.get(url).context["form"].initial["seen_at"]
    client.post(url, drive_data(drive.campaign, name="First tab", seen_at=seen))

    response = client.post(url, drive_data(drive.campaign, name="Second tab", seen_at=seen))

    drive.refresh_from_db()
    page = response.content.decode()
    assert (response.status_code, drive.name) == (422, "First tab")
    assert "Planner changed this" in page and "Second tab" in page
    newer = response.context["form"]["seen_at"].value()
    client.post(url, drive_data(drive.campaign, name="Second tab", seen_at=newer))
    drive.refresh_from_db()
    assert drive.name == "Second tab"


def test_drive_page_shows_grid_coverage_source_mailings_and_who_is_missing(sign_in, planner):
    drive = DriveFactory(countries=["TD"], constituencies=["GOV", "EMP"])
    ministry = OrganizationFactory(country__code="TD")
    ContactPointFactory(person=None, organization=ministry)
    Mailing.objects.create(drive=drive, name="First letter")

    page = sign_in(planner).get(reverse("drive_detail", args=[drive.uid])).content.decode()

    for text in ("Chad", "2.5", "ILO", "Not reached", "Nobody", "First letter", "Find: Employers’ organization, Chad"):
        assert text in page
    assert f"{reverse('organization_create')}?country=TD&amp;constituency=EMP" in page


def test_find_leads_to_quick_add_that_knows_where(sign_in, planner):
    response = sign_in(planner).get(reverse("organization_create"), {"country": "TD", "constituency": "EMP"})

    form = response.context["form"]
    assert (form["country"].value(), form["constituency"].value()) == ("TD", "EMP")


def test_a_cell_opens_the_institutions_behind_it(sign_in, viewer):
    drive = DriveFactory(countries=["TD", "ZM"], constituencies=["GOV", "EMP"])
    inside = OrganizationFactory(country__code="TD")
    OrganizationFactory(country__code="TD", constituency__code="EMP")
    OrganizationFactory()
    url = reverse("drive_institutions", args=[drive.uid])

    response = sign_in(viewer).get(url, {"country": "TD", "constituency": "GOV", "state": "closed"})

    assert response.context["table"].rows == [inside]
    assert "no address that works" in response.content.decode()


def test_pages_need_as_many_queries_with_one_row_as_with_three(
    sign_in, planner, django_assert_num_queries, django_assert_max_num_queries
):
    client = sign_in(planner)
    drive = DriveFactory(countries=["TD", "ZM", "NE"], constituencies=["GOV", "EMP"])
    urls = [
        reverse("drive_list"),
        reverse("drive_detail", args=[drive.uid]),
        reverse("drive_institutions", args=[drive.uid]),
        reverse("campaign_detail", args=[drive.campaign.uid]),
    ]
    OrganizationFactory(country__code="TD")
    Mailing.objects.create(drive=drive, name="One")
    before = []
    for url in urls:
        client.get(url)
        with django_assert_max_num_queries(25) as queries:
            client.get(url)
        before.append(len(queries))
    for code in ("ZM", "NE"):
        OrganizationFactory(country__code=code)
        DriveFactory(campaign=drive.campaign)
        Mailing.objects.create(drive=drive, name=f"More {code}")

    for url, count in zip(urls, before, strict=True):
        with django_assert_num_queries(count):
            client.get(url)


def test_drives_of_other_countries_and_campaigns_are_not_found(sign_in):
    drive = DriveFactory(countries=["ZM"])
    mine = DriveFactory(countries=["TD", "ZM"])
    user = UserFactory()
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["TD"])
    client = sign_in(user)

    assert client.get(reverse("drive_detail", args=[drive.uid])).status_code == 404
    assert client.post(reverse("drive_archive", args=[drive.uid])).status_code == 404
    page = client.get(reverse("drive_detail", args=[mine.uid])).content.decode()
    assert "Chad" in page and "Zambia" not in page
    assert list(client.get(reverse("drive_list")).context["table"].rows) == [mine]


def test_who_may_not_plan_sees_no_button_and_is_refused(sign_in, viewer):
    drive = DriveFactory()
    client = sign_in(viewer)

    assert (
        reverse("drive_edit", args=[drive.uid])
        not in client.get(reverse("drive_detail", args=[drive.uid])).content.decode()
    )
    assert client.post(reverse("drive_edit", args=[drive.uid]), {}).status_code == 403
    assert not AuditEntry.objects.exists()


def test_a_drive_without_countries_says_what_to_do(sign_in, planner):
    drive = DriveFactory(countries=[], constituencies=[])

    page = sign_in(planner).get(reverse("drive_detail", args=[drive.uid])).content.decode()

    assert "No countries or no constituencies are chosen" in page


def test_archived_drive_leaves_the_list(sign_in, planner):
    drive = DriveFactory()
    client = sign_in(planner)

    client.post(reverse("drive_archive", args=[drive.uid]))

    assert list(client.get(reverse("drive_list")).context["table"].rows) == []
    drive.refresh_from_db()
    assert drive.archived_at <= timezone.now()


def test_campaign_page_shows_facts_with_their_source(sign_in, planner):
    client = sign_in(planner)
    client.post(
        reverse("campaign_create"),
        {
            "name": "Social Security for All",
            "goal": "Everybody",
            "pillars": "Understanding | of it",
            "facts": "One in five | brochure\nNo source",
        },
    )

    campaign = Campaign.objects.get()
    page = client.get(reverse("campaign_detail", args=[campaign.uid])).content.decode()
    for text in ("Everybody", "Understanding", "One in five", "brochure", "No source is given"):
        assert text in page
    form = client.get(reverse("campaign_edit", args=[campaign.uid])).context["form"]
    assert form.initial["facts"] == "One in five | brochure\nNo source"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_any_text_parts_into_lines_with_something_in_front(text):
    for first, second in parted_lines(text):
        assert first and first == first.strip() and second == second.strip()
