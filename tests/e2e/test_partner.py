"""A partner, without a script: an institution joins, is matched and let in, names two representatives, says how its commitment stands by
link, and opens an account with a code from the mail. Staff with one."""

import time
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from campaigns.commitments.linking import make_link, url_of
from campaigns.commitments.models import CommitmentUpdate
from campaigns.networks.models import Member, Representative
from contacts.directory.models import Organization
from tests import factories
from tests.e2e.partner_door import come_in, found_in_mail
from tests.live import Live

QUICKEST = 3  # seconds that the form asks of a person


def test_institution_joins_names_people_keeps_its_word_and_opens_an_account(
    browser: Browser, live: Live, page: Page, sign_in_page: object
) -> None:
    domain = f"m{time.time_ns()}.test"  # the mailbox may hold messages of an earlier run
    country = factories.CountryFactory(code="ZM", name="Zambia")
    union = factories.OrganizationFactory(
        name="Market Women’s Association", country=country, constituency=factories.ConstituencyFactory(code="CSO")
    )
    factories.NetworkFactory(slug="for-all", name="Friends for All")
    planner = factories.UserFactory(name="Ana Ferreira")
    factories.GrantFactory(user=planner, role="planner")
    window = browser.new_context(
        base_url=live.url, java_script_enabled=False, viewport={"width": 390, "height": 844}, locale="en-GB"
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

    # a commitment, and how it stands: by link, and in an account
    promise = factories.CommitmentFactory(organization=union, due_on=timezone.localdate() + timedelta(days=60))
    partner.goto("/" + url_of(make_link(commitment=promise, actor=planner)).split("/", 3)[3])
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
