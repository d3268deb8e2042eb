"""A drive, end to end, in a browser: from a template in two countries to a report whose numbers open their rows.

An institution's own word about its commitment comes through its signed link, from a window that nobody has signed in to.
"""

import re
from datetime import timedelta
from typing import Any

from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from tests import factories
from tests.live import Live

expect.set_options(timeout=20_000)
MINISTRY, UNIONS = "Ministry of Labour, Chad", "Confederation of Trade Unions, Niger"
PROMISE = "A draft plan before the council in spring"


def known(name: str, side: str, country: str, person: str) -> Any:
    """An institution with one person who has an address."""
    organization = factories.OrganizationFactory(
        name=name, constituency__code=side, country=factories.CountryFactory(code=country)
    )
    given, family = person.split()
    someone = factories.PersonFactory(name=person, given_name=given, family_name=family, country=organization.country)
    factories.MembershipFactory(person=someone, organization=organization)
    factories.ContactPointFactory(person=someone)
    return organization


def plan_from_template(page: Page) -> str:
    """A drive in two countries, with the plan of its template; returns its address."""
    page.goto("/drives/templates/")
    page.get_by_role("link", name="New drive from this : Country action plan").click()
    page.get_by_label("Name", exact=True).fill("Plans in two countries")
    page.get_by_label("From", exact=True).fill(timezone.localdate().isoformat())
    page.get_by_label("Until").fill((timezone.localdate() + timedelta(days=365)).isoformat())
    for name in ("Government", "Workers’ organization", "Chad", "Niger"):
        page.get_by_role("checkbox", name=name, exact=True).check()
    page.locator("main form button[type=submit], main form button:not([type])").last.click()
    page.get_by_role("button", name="Plan it").click()
    page.wait_for_url(re.compile(r"/plan/$"))
    # what is done in each country stands there once for each
    expect(page.get_by_role("link", name="Diagnosis of needs that nobody meets")).to_have_count(2)
    return page.url.removesuffix("plan/")


def test_a_drive_is_planned_carried_out_and_reported(
    live: Live, browser: Browser, sign_in_page: Any, page: Page
) -> None:
    planner = factories.GrantFactory(user=factories.UserFactory(name="Ana Ferreira"), role="planner").user
    known(MINISTRY, "GOV", "TD", "Aicha Mahamat")
    known(UNIONS, "WRK", "NE", "Modibo Issa")
    factories.CampaignFactory(name="Social Security for All")
    sign_in_page(planner)
    drive = plan_from_template(page)

    # the grid shows where nobody is known
    page.goto(drive)
    expect(page.locator("a.gs-stat", has_text="Blind spots")).to_contain_text("2")
    page.get_by_role("link", name="Find : Government, Niger").click()
    page.get_by_label("Name", exact=True).fill("Ministry of Labour, Niger")
    page.locator("form", has=page.get_by_label("Name", exact=True)).get_by_role("button").last.click()
    page.wait_for_url(re.compile(r"organizations/[0-9a-f-]{36}/$"))
    page.goto(drive)
    expect(page.locator("a.gs-stat", has_text="Blind spots")).to_contain_text("1")

    # whom next, and a meeting with them
    page.get_by_role("navigation", name="Pages of this drive").get_by_role("link", name="Who next?").click()
    page.get_by_role("link", name=f"Call and log : Call: {MINISTRY}").click()
    log = page.get_by_role("dialog")
    log.get_by_text("Meeting", exact=True).click()
    log.get_by_label("Notes").fill("The minister wants the plan before the budget.")
    log.get_by_label("Next step").fill("Send the diagnosis")
    log.get_by_role("button", name="Log it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto(f"/directory/organizations/?q={MINISTRY}")
    page.locator("main table").get_by_role("link", name=MINISTRY).click()
    expect(page.locator("main")).to_contain_text("The minister wants the plan before the budget.")
    organization = page.url

    # where it stands, with what shows it: first as it was, then moved
    for stance, evidence in (("unaware", "Asked what the campaign is."), ("supportive", "Said so in the meeting.")):
        page.goto(f"{organization}positions/new/")
        plan = page.locator("select[name=ask] option", has_text="Adopt a national action plan")
        page.get_by_label("Ask", exact=True).select_option(value=plan.get_attribute("value"))
        page.get_by_text(stance, exact=True).click()
        page.get_by_label("What shows it").fill(evidence)
        page.get_by_role("button", name="Save the step").click()
        page.wait_for_url(lambda url: "/new/" not in url)

    # what it promised, and its own word about that
    page.goto(f"{organization}commitments/new/")
    page.get_by_label("What they promised").fill(PROMISE)
    page.get_by_label("Due").fill((timezone.localdate() + timedelta(days=90)).isoformat())
    page.get_by_label("Drive").select_option(label="Plans in two countries")
    page.get_by_role("button", name="Record the commitment").click()
    page.wait_for_url(lambda url: "/new/" not in url)
    page.get_by_role("button", name="Make the link").click()
    link = page.locator("#promise-link").inner_text()
    _say_that_it_is_done(browser, live, link)
    page.goto("/commitments/updates/")
    page.get_by_role("button", name="Accept: it is kept").click()

    # the report shows all of it, and each of its numbers opens as many rows
    page.goto(f"{drive}report/")
    for figure, row in (
        ("Institutions reached", MINISTRY),
        ("Two-way contacts", MINISTRY),
        ("Positions moved up", MINISTRY),
        ("Commitments made", PROMISE),
        ("Commitments kept", PROMISE),
    ):
        stat = page.locator("a.gs-stat", has_text=figure)
        expect(stat).to_contain_text("1")
        stat.click()
        expect(page.locator("main table")).to_contain_text(row)
        page.go_back()
    stats = page.locator("a.gs-stat").all()
    numbers = [(stat.get_attribute("href"), int(stat.locator("b").inner_text())) for stat in stats]
    assert len(numbers) > 8
    for url, number in numbers:
        page.goto(url)
        expect(page.locator("main table tbody tr")).to_have_count(number)


def _say_that_it_is_done(browser: Browser, live: Live, link: str) -> None:
    """As the institution: without an account and without JavaScript."""
    window = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = window.new_page()
    page.goto(link)
    expect(page.locator("body")).to_contain_text(PROMISE)
    page.get_by_label("It is done").check()
    page.get_by_label("In a few words").fill("The council has the draft.")
    page.get_by_label("Your name and post").fill("Aicha Mahamat, minister")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("body")).not_to_contain_text("Nothing was sent")
    window.close()
