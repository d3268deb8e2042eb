"""A country action plan from its template to the report, in a browser: blind spot, contact, position, promise, and each number's rows."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from campaigns.activities.blueprints import ACTION_PLAN
from campaigns.activities.models import Activity
from campaigns.commitments.models import Commitment, CommitmentUpdate
from campaigns.planning.models import Drive
from contacts.directory.models import Organization
from tests.e2e.test_kit import complaints
from tests.factories import (
    CampaignFactory,
    ConstituencyFactory,
    ContactPointFactory,
    CountryFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    UserFactory,
)

expect.set_options(timeout=20_000)


def make_ministry() -> Organization:
    """Chad's ministry is known, with a minister who can be written to; nobody else is, in either country."""
    for code in ("TD", "SN"):
        CountryFactory(code=code)
    for code in ("GOV", "EMP"):
        ConstituencyFactory(code=code)
    ministry: Organization = OrganizationFactory(
        name="Ministry of Labour", country__code="TD", constituency__code="GOV"
    )
    minister = PersonFactory(name="Achta Yadé", country__code="TD", gender="female", language="fr")
    MembershipFactory(person=minister, organization=ministry)
    ContactPointFactory(person=minister, value="achta@labour.td.test")
    return ministry


def plan(page: Page) -> Drive:
    """Two countries × two sides, from the template."""
    page.goto(reverse("template_list"))
    page.locator(".gs-blueprint", has_text="Country action plan").get_by_role("link").click()
    page.get_by_label("Name").fill("Plans in two countries")
    today = timezone.localdate()
    page.get_by_label("From").fill(str(today - timedelta(days=7)))
    page.get_by_label("Until").fill(str(today + timedelta(days=180)))
    page.get_by_label("Status").select_option("active")
    for code in ("GOV", "EMP", "TD", "SN"):
        page.locator(f"input[type=checkbox][value={code}]").check()
    page.get_by_role("button", name="Save the drive").click()
    page.get_by_role("button", name="Plan it").click()
    expect(page.locator("#plan")).to_contain_text("Diagnosis of needs that nobody meets")
    drive = Drive.objects.get()
    each = sum(1 for step in ACTION_PLAN.steps if step.each)
    assert Activity.objects.filter(drive=drive).count() == len(ACTION_PLAN.steps) + each
    return drive


def fill_blind_spot(page: Page, drive: Drive) -> None:
    page.goto(reverse("drive_detail", args=[drive.uid]))
    blind = page.locator(".gs-cell-nobody")
    expect(blind).to_have_count(3)
    blind.first.click()
    dialog = page.locator("#modal")
    dialog.get_by_label("Name", exact=True).fill("Employers’ Council")
    dialog.locator("button.btn-primary").click()
    expect(page.get_by_role("heading", name="Employers’ Council")).to_be_visible()
    page.goto(reverse("drive_detail", args=[drive.uid]))
    expect(page.locator(".gs-cell-nobody")).to_have_count(2)


def talk(page: Page, drive: Drive) -> None:
    """Through the worklist to the ministry; a meeting, logged."""
    page.goto(reverse("drive_next", args=[drive.uid]))
    row = page.locator("tr", has_text="Call: Ministry of Labour")
    expect(row).to_contain_text("Never talked with us.")
    row.get_by_role("link").click()
    dialog = page.locator("#modal")
    dialog.get_by_text("Meeting", exact=True).click()
    dialog.get_by_label("Notes").fill("Two hours. They will put it before the council.")
    dialog.get_by_role("button", name="Log it").click()
    expect(dialog).not_to_be_visible()


def move_and_promise(page: Page, ministry: Organization) -> Commitment:
    page.goto(reverse("position_add", args=[ministry.uid]))
    page.get_by_text("supportive", exact=True).click()
    page.get_by_label("What shows it").fill("“We will bring it to the council.”")
    page.get_by_role("button", name="Save the step").click()
    page.wait_for_url(lambda url: "/positions/new/" not in url)
    page.goto(reverse("commitment_create", args=[ministry.uid]))
    page.get_by_label("What they promised").fill("A draft plan before the council of ministers.")
    page.get_by_label("Due", exact=True).fill(str(timezone.localdate() + timedelta(days=60)))
    page.get_by_label("On the ask").select_option(label="Adopt a national action plan")
    page.locator(
        "form.gs-form button.btn-primary, c-form button.btn-primary, main form button.btn-primary"
    ).last.click()
    page.wait_for_url(lambda url: "/commitments/new/" not in url)
    commitment = Commitment.objects.get()
    page.goto(reverse("commitment_detail", args=[commitment.uid]))
    page.get_by_role("button", name="Make the link").click()
    expect(page.locator("#promise-link")).to_be_visible()
    return commitment


def test_from_a_template_to_a_report_whose_numbers_open_their_rows(sign_in_page, browser: Browser) -> None:  # type: ignore[no-untyped-def]
    planner = GrantFactory(user=UserFactory(name="Ana Ferreira"), role="planner").user
    CampaignFactory(name="Social security for all")
    ministry = make_ministry()
    page: Page = sign_in_page(planner)

    drive = plan(page)
    fill_blind_spot(page, drive)
    talk(page, drive)
    commitment = move_and_promise(page, ministry)
    link = page.locator("#promise-link").inner_text()

    visitor = browser.new_context().new_page()  # no account, no cookie
    visitor.goto(link)
    visitor.get_by_label("We are on track").check()
    visitor.get_by_label("In a few words").fill("The draft is with the minister.")
    visitor.get_by_role("button", name="Send").click()
    expect(visitor.get_by_role("heading", name="Thank you")).to_be_visible()
    visitor.context.close()
    assert CommitmentUpdate.objects.get(commitment=commitment).state == "waiting"

    url = reverse("drive_report", args=[drive.uid])
    opened = {
        "Institutions reached": "Ministry of Labour",
        "Two-way contacts": "Two hours.",
        "Positions heard for the first time": "Ministry of Labour",
        "Commitments made": "A draft plan",
    }
    for label, words in opened.items():
        page.goto(url)
        stat = page.locator(".gs-stat", has_text=label)
        expect(stat.locator("b")).to_have_text("1")
        stat.click()
        expect(page.locator("#list")).to_contain_text(words)
    assert complaints(page) == []
