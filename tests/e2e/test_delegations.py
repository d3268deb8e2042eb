"""A delegation in a real browser: seats are set, a ministry names somebody by its link and without JavaScript, staff accept, the letter is there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from playwright.sync_api import Browser, Page, expect

from campaigns.delegations.models import Delegation, Nomination
from campaigns.delegations.nominators import add_nominator
from campaigns.events.models import Event
from tests import factories
from tests import live as product
from tests.e2e.partner_door import found_in_mail
from tests.e2e.test_kit import complaints

NOMINATE, DELEGATE = r"https?://[^\s\"<>)]+/nominate/[\w.-]+/", r"https?://[^\s\"<>)]+/delegate/[\w.-]+/"


def test_from_seats_to_a_letter(page: Page, browser: Browser, live: product.Live, sign_in_page: Any) -> None:
    planner = factories.UserFactory(name="Paula Planner")
    factories.GrantFactory(user=planner, role="planner")
    event = factories.EventFactory(name="Dialogue on social protection")
    country = factories.CountryFactory(code="GH", name="Ghana", languages=["en"])
    ministry = factories.OrganizationFactory(name="Ministry of Labour", constituency__code="GOV", country=country)
    factories.ContactPointFactory(organization=ministry, person=None, value="cabinet@ministry.test")
    sign_in_page(planner)

    compose(page, event)
    delegation = Delegation.objects.get(event=event, country="GH")
    add_nominator(delegation=delegation, actor=planner, organization=ministry)
    page.reload()
    page.get_by_role("button", name="Ask 1 to name people").click()
    expect(page.get_by_text("1 letter is on its way")).to_be_visible()

    partner = browser.new_context(base_url=live.url, java_script_enabled=False, viewport={"width": 390, "height": 844})
    try:
        name_somebody(partner.new_page(), found_in_mail(page, live, "cabinet@ministry.test", NOMINATE))
        accept(page, Nomination.objects.get())
        assert delegation.seats.get(role="delegate").taken == 1
        own = partner.new_page()
        own.goto(found_in_mail(page, live, "mariam@people.test", DELEGATE))
        expect(own.get_by_text("Ask for the visa")).to_be_visible()
        letter = partner.request.get(own.get_by_role("link", name="English (PDF)").first.get_attribute("href") or "")
        assert letter.headers["content-type"] == "application/pdf" and letter.body().startswith(b"%PDF")
        own.get_by_role("button", name="It is done").first.click()
        expect(own.get_by_text("you say it is done")).to_be_visible()
        assert partner.cookies() == []
    finally:
        partner.close()
    page.goto(f"/events/{event.uid}/delegations/")
    expect(page.get_by_text("1 missing").first).to_be_visible()
    expect(page.get_by_text("1 of 1 women").first).to_be_visible()


def compose(page: Page, event: Event) -> None:
    """Two of government, in the form that a preset filled."""
    page.goto(f"/events/{event.uid}/delegations/")
    page.get_by_role("link", name="Compose delegations").first.click()
    expect(page.get_by_role("heading", name="Composition of the delegations")).to_be_visible()
    assert not complaints(page)
    for name in ("EMP", "WRK"):
        for role in ("delegate", "adviser"):
            page.locator(f"input[name=seats_{name}_{role}]").fill("")
    page.locator("input[name=nominate_by]").fill(str(event.starts_at.date() - timedelta(days=9)))
    page.get_by_role("checkbox", name="Ghana").check()
    page.get_by_role("button", name="Save the composition").click()
    page.wait_for_url(lambda url: url.endswith("/delegations/"))
    expect(page.get_by_role("link", name="Ghana")).to_be_visible()


def name_somebody(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Full name").fill("Mariam Sow")
    page.get_by_label("Form of address").fill("H.E.")
    page.get_by_label("Function").fill("Minister of Labour")
    page.get_by_label("E-mail").fill("mariam@people.test")
    page.get_by_label("Gender").select_option("female")
    page.get_by_role("button", name="Name them").click()
    expect(page.get_by_text("Mariam Sow is named")).to_be_visible()


def accept(page: Page, row: Nomination) -> None:
    page.goto("/")
    expect(page.get_by_text("1 delegate to look at").first).to_be_visible()
    page.goto(f"/events/{row.delegation.event.uid}/delegations/names/?state=proposed")
    page.get_by_role("link", name="Mariam Sow").click()
    expect(page.get_by_role("heading", name="As they were named")).to_be_visible()
    assert not complaints(page)
    page.get_by_role("button", name="Accept", exact=True).click()
    expect(page.get_by_text("Mariam Sow is accepted")).to_be_visible()
    letter = page.request.get(f"/events/nominations/{row.uid}/letters/invitation/?language=fr")
    assert letter.ok and letter.body().startswith(b"%PDF")
