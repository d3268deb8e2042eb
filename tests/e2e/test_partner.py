"""A partner: an institution joins, is matched and let in, names two representatives, makes a commitment and says by link how it stands,
without a script and with one; somebody of it opens an account with a code from the mail, and comes back with a passkey."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from campaigns.commitments.models import Commitment, CommitmentUpdate
from campaigns.networks.models import Member, Representative
from contacts.directory.models import Organization
from tests import factories
from tests.e2e.partner_door import come_in, found_in_mail
from tests.e2e.test_kit import complaints
from tests.live import Live

QUICKEST = 3  # seconds that the form asks of a person


@pytest.mark.parametrize("scripts", [False, True], ids=["without a script", "with scripts"])
def test_institution_joins_names_people_keeps_its_word_and_opens_an_account(
    browser: Browser, live: Live, page: Page, sign_in_page: object, scripts: bool
) -> None:
    domain = f"m{time.time_ns()}.test"  # the mailbox may hold messages of an earlier run
    country = factories.CountryFactory(code="ZM", name="Zambia")
    union = factories.OrganizationFactory(
        name="Market Women’s Association", country=country, constituency=factories.ConstituencyFactory(code="CSO")
    )
    drive = factories.DriveFactory(name="Ten countries")
    factories.NetworkFactory(slug="for-all", name="Friends for All", campaign=drive.campaign)
    planner = factories.UserFactory(name="Ana Ferreira")
    factories.GrantFactory(user=planner, role="planner")
    window = browser.new_context(
        base_url=live.url, java_script_enabled=scripts, viewport={"width": 390, "height": 844}, locale="en-GB"
    )
    partner = window.new_page()

    # joins, and confirms the address
    partner.goto("/join/for-all/")
    partner.fill("input[name=email]", f"grace@{domain}")
    partner.fill("input[name=name]", "Grace Phiri")
    partner.select_option("select[name=kind]", "institution")
    partner.fill("input[name=organization_name]", "Market Women’s Association")
    partner.select_option("select[name=country]", "ZM")
    time.sleep(QUICKEST)
    partner.get_by_role("button", name="Join the network").click()
    partner.goto(found_in_mail(page, live, f"grace@{domain}", r"/join/confirm/[\w.-]+/"))
    partner.locator("main button").first.click()

    # staff see who it is in the directory, and let it in
    sign_in_page(planner)  # type: ignore[operator]
    page.goto("/networks/")
    page.get_by_role("link", name="Friends for All").first.click()
    page.get_by_role("link", name="To decide").click()
    page.get_by_role("link", name="Look at it").click()
    expect(page.locator(f"input[value='{union.uid}']")).to_be_checked()
    page.get_by_role("button", name="Accept").click()
    expect(page.locator("main")).to_contain_text("Nobody waits")
    member = Member.objects.get()
    assert member.organization == Organization.objects.get()

    # names two, by its own link; staff decide
    partner.goto(found_in_mail(page, live, f"grace@{domain}", r"/membership/[\w.-]+/"))
    for name, address in (("Jo Banda", f"jo@{domain}"), ("Mercy Tembo", f"mercy@{domain}")):
        partner.get_by_text("Name a representative").click()
        partner.fill("input[name=name]", name)
        partner.fill("input[name=email]", address)
        partner.get_by_role("button", name="Name them").click()
        expect(partner.locator("main")).to_contain_text(f"{name} is named")
    page.reload()
    for _each in range(2):
        page.get_by_role("button", name="Accept").first.click()
    expect(page.locator("main")).to_contain_text("Nobody waits")
    assert Representative.objects.filter(member=member, state="current").count() == 3
    found_in_mail(page, live, f"jo@{domain}", r"/membership/[\w.-]+/")

    # offers a commitment on the same page; staff take it on; how it stands is told by link, and in an account
    partner.get_by_text("Make a commitment").click()
    partner.get_by_label("What you will do").fill("Register 200 market women")
    partner.get_by_label("By when").fill((timezone.localdate() + timedelta(days=60)).isoformat())
    partner.locator("button[value=offer]").click()
    expect(partner.locator("main")).to_contain_text("We look at it")
    page.goto("/commitments/offers/")
    page.get_by_role("button", name="Take it on").click()
    page.wait_for_url("**/commitments/0*/")
    promise = Commitment.objects.get(organization=union)
    partner.reload()
    partner.get_by_role("link", name="Register 200 market women").click()
    partner.get_by_label("We are on track").check()
    partner.get_by_role("button", name="Send").click()
    assert CommitmentUpdate.objects.get().progress == "on_track"
    come_in(partner, live, f"jo@{domain}")
    expect(partner.locator("h1")).to_contain_text("Good day, Jo Banda")
    partner.get_by_role("link", name=promise.text[:40]).first.click()
    partner.get_by_label("It is done").check()
    partner.get_by_label("In a few words").fill("The act is passed.")
    partner.get_by_role("button", name="Send").click()
    expect(partner.locator("main")).to_contain_text("The act is passed.")
    partner.get_by_role("button", name="Sign out").click()
    window.close()
    assert list(CommitmentUpdate.objects.order_by("pk").values_list("progress", "state")) == [
        ("on_track", "waiting"),
        ("done", "waiting"),
    ]


def test_partner_makes_a_passkey_and_comes_in_with_it(live: Live, page: Page, authenticator: object) -> None:
    address = f"grace@k{time.time_ns()}.test"
    factories.MembershipFactory(
        person=factories.ContactPointFactory(value=address, person=factories.PersonFactory(name="Grace Phiri")).person
    )
    come_in(page, live, address)
    page.get_by_role("link", name="My data").click()
    page.get_by_role("link", name="Add a passkey").click()
    page.fill("input[name=name]", "My phone")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.locator("main")).to_contain_text("My phone")
    assert complaints(page) == []

    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/code/**")
    page.locator("form[data-passkey=sign-in] button").click()
    page.wait_for_url("**/partner/")
    expect(page.locator("h1")).to_contain_text("Good day, Grace Phiri")
    page.goto("/partner/data/")
    page.get_by_role("button", name="Remove My phone").click()
    expect(page.locator("main")).not_to_contain_text("My phone")
