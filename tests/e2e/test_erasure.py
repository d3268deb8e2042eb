"""Erasure in a browser: look at what goes, erase, and find nothing of them anywhere, while the report still adds up."""

import re

from django.utils import timezone
from playwright.sync_api import Page, expect

from campaigns.delivery.auditing import audit
from campaigns.mailings.models import Mailing
from contacts.consent.models import Erasure
from contacts.consent.services import grant_consent
from contacts.directory.models import Organization, Person
from tests import factories
from tests.campaigns import ledger

expect.set_options(timeout=20_000)
NAME, ADDRESS = "Zenobia Quillfeather", "zenobia@quill.test"


def make_world() -> tuple[Person, Organization, Mailing]:
    ministry = factories.OrganizationFactory(name="Ministry of Labour")
    zenobia = factories.PersonFactory(name=NAME, given_name="Zenobia", family_name="Quillfeather")
    factories.MembershipFactory(person=zenobia, organization=ministry)
    factories.ContactPointFactory(person=zenobia, value=ADDRESS)
    topic = factories.TopicFactory(name="News")
    grant_consent(subject=zenobia, topic=topic, lawful_basis="consent", source="Form", evidence="Sheet 4")
    mailing = ledger.sent_mailing(name="September bulletin", topic=topic)
    point = zenobia.contact_points.get()
    ledger.delivery(
        mailing, person_id=zenobia.pk, organization_id=ministry.pk, address=ADDRESS, address_key=ADDRESS,
        contact_point_id=point.pk, fields={"person.name": NAME}, at=timezone.now(),
    )  # fmt: skip
    for _other in range(2):
        ledger.delivery(mailing)
    return zenobia, ministry, ledger.finish(mailing)


def test_an_administrator_erases_and_nothing_is_found(page: Page, sign_in_page) -> None:  # type: ignore[no-untyped-def]
    zenobia, ministry, mailing = make_world()
    admin = factories.UserFactory()
    factories.GrantFactory(user=admin, role="admin")
    sign_in_page(admin)

    page.goto(f"/directory/people/{zenobia.uid}/")
    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name="Erase …").click()
    expect(page.get_by_role("heading", name=f"Erase {NAME}")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Messages sent to them")
    expect(page.locator("main")).to_contain_text("A keyed hash of each address")

    page.get_by_role("button", name="Erase this person").click()
    expect(page.get_by_text("This field is required").first).to_be_visible()
    page.get_by_label("Why").select_option("request")
    page.get_by_label("I have made sure").check()
    page.get_by_role("button", name="Erase this person").click()

    page.wait_for_url(re.compile(r"/erased/$"))
    for _look in range(60):  # the job ends in a worker
        if Erasure.objects.filter(person_uid=zenobia.uid, finished_at__isnull=False).exists():
            break
        page.wait_for_timeout(500)
    page.reload()
    expect(page.locator("main")).to_contain_text("Nothing about this person is kept")
    expect(page.locator("main")).not_to_contain_text("Quillfeather")

    page.goto("/directory/people/?q=Quillfeather")
    expect(page.locator("main")).not_to_contain_text(NAME)
    page.goto("/search/?q=Quillfeather")
    expect(page.locator("main")).not_to_contain_text(NAME)
    page.goto(f"/directory/people/{zenobia.uid}/")
    expect(page).to_have_url(re.compile(r"/erased/$"))
    page.goto(f"/directory/organizations/{ministry.uid}/")
    expect(page.get_by_role("heading", name="Ministry of Labour")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("Quillfeather")

    page.goto(f"/mailings/{mailing.uid}/report/people/?who=accepted")
    expect(page.locator("main")).to_contain_text("Erased person")
    expect(page.locator("main")).not_to_contain_text(NAME)
    found = audit(mailing)
    assert found.problems == [] and found.counts["accepted"] == 3
