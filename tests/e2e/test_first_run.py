"""First run, in a browser, on an installation without the demo: from nothing to the first segment, led by the assistant."""

import re

from playwright.sync_api import Page, expect

from campaigns.mailings.models import Sender
from contacts.consent.models import Topic
from contacts.directory.models import Person
from contacts.segments.models import Segment
from crm.accounts.models import Installation
from tests import factories
from tests.live import Live

PATIENCE_MS = 45_000  # for a busy machine
SETTLING_MS = 150  # htmx wires new elements a moment after it shows them; nobody chooses that quickly
PEOPLE = """Name,E-mail,Organization,Country,Constituency
Ada Banda,ada@example.org,Ministry of Labour,ZM,GOV
Bob Phiri,bob@example.org,Ministry of Labour and Employment,MW,GOV
Eve Zulu,not an address,Ministry of Labour,ZM,GOV
"""


def step(page: Page, title: str):  # type: ignore[no-untyped-def]
    return page.locator(".gs-steps-list > li", has_text=title)


def do_it(page: Page, title: str) -> None:
    page.goto("/setup/")
    step(page, title).get_by_role("link", name=re.compile("^Do it")).click()


def link_in_mailbox(page: Page, live: Live, words: str) -> str:
    """What a person does who reads the sender's address: open the message, find its link."""
    page.goto(live.mailbox_url)
    page.locator("#mb-list a", has_text=words).first.click()
    page.wait_for_url(re.compile(r"/m/\d+/"))
    message = page.request.get(re.sub(r"(/m/\d+/).*", r"\1frame", page.url)).text() + page.content()
    found = re.search(r"/sender/[\w.-]+/", message)
    assert found is not None, message[:3000]
    return found[0]


def import_people(page: Page) -> None:
    """From the assistant: a file, a dry run, a row that is refused and said to be, and two people with an institution."""
    do_it(page, "Import your first people")
    page.locator("input[type=file]").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": PEOPLE.encode()}
    )
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("button", name="Begin the dry run").click()
    expect(page.get_by_role("button", name="Import now")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#import")).to_contain_text("is not an e-mail address")
    page.get_by_role("button", name="Import now").click()
    expect(page.locator("#import")).to_contain_text("Done: 2 new, 0 changed.", timeout=PATIENCE_MS)
    assert set(Person.objects.values_list("name", flat=True)) == {"Ada Banda", "Bob Phiri"}
    page.get_by_role("link", name="Back to the steps").click()
    expect(page.get_by_text("4 of 6 done")).to_be_visible()


def build_segment(page: Page) -> None:
    """From the assistant: one rule, whose count moves as it is chosen, saved under a name."""
    do_it(page, "Build your first segment")
    page.locator("button[name=do][value='add-rule:r']").click()
    page.wait_for_timeout(SETTLING_MS)
    page.locator(".gs-rule select[name^=field-]").select_option("country")
    expect(page.locator(".gs-rule select[name^=operator-]")).to_be_visible()
    page.wait_for_timeout(SETTLING_MS)
    picker = page.locator(".gs-rule details.gs-picker")
    if picker.get_attribute("open") is None:
        picker.locator("summary").click()
    picker.locator("input[type=search]").press_sequentially("Zamb")
    picker.get_by_role("button", name="Zambia").click()
    expect(page.locator("#results .gs-huge")).to_have_text("1", timeout=PATIENCE_MS)
    page.fill("input[name=name]", "Zambia")
    page.locator("button[name=do][value=save]").click()
    expect(page.get_by_text("Version 1, saved")).to_be_visible()
    assert Segment.objects.get().name == "Zambia"


def test_empty_installation_is_set_up_step_by_step(live: Live, page: Page, sign_in_page) -> None:  # type: ignore[no-untyped-def]
    page.set_default_timeout(PATIENCE_MS)
    admin = factories.UserFactory(name="Ada Okonkwo", email="ada@campaign.test")
    factories.GrantFactory(user=admin, role="admin")
    sign_in_page(admin)

    expect(page.get_by_role("heading", name="Set up Groundswell")).to_be_visible()
    page.get_by_role("link", name="Begin").click()
    expect(page.get_by_text("0 of 6 done")).to_be_visible()

    # who we are
    do_it(page, "Say who you are")
    page.fill("input[name=name]", "Campaign office")
    page.fill("textarea[name=postal_address]", "4 route des Exemples, Geneva")
    page.locator("main").get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Back to the steps").click()
    expect(page.get_by_text("1 of 6 done")).to_be_visible()
    assert Installation.current().name == "Campaign office"

    # the transport is left out: the local mailbox is the installation's own
    step(page, "Add a transport").get_by_role("button", name=re.compile("^Skip for now")).click()
    expect(step(page, "Add a transport")).to_contain_text("left out for now")

    # a sender, whose address says yes
    do_it(page, "Add a sender")
    page.get_by_role("link", name="New sender").click()
    page.fill("dialog input[name=name]", "Social Security for All")
    page.fill("dialog input[name=email]", "news@campaign.test")
    page.locator("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_text("waits for its reader")).to_be_visible()
    page.goto(link_in_mailbox(page, live, "May Groundswell send mail"))
    expect(page.get_by_text("Ada Okonkwo", exact=False)).to_be_visible()
    assert not Sender.objects.get().is_confirmed
    page.get_by_role("button", name="Yes, use this address").click()
    expect(page.get_by_role("heading", name="Thank you, the address is confirmed")).to_be_visible()

    # a topic
    do_it(page, "Add a topic")
    page.get_by_role("link", name="New topic").first.click()
    page.fill("input[name=name]", "Campaign news")
    page.locator("main").get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Back to the steps").click()
    expect(page.get_by_text("3 of 6 done")).to_be_visible()
    assert Topic.objects.get().name == "Campaign news"

    import_people(page)
    build_segment(page)

    page.goto("/setup/")
    expect(page.get_by_text("Groundswell is set up.")).to_be_visible()
    step(page, "Add a transport").get_by_role("button", name=re.compile("^Take up again")).click()
    expect(page.get_by_text("Groundswell is set up.")).to_have_count(0)
    factories.TransportFactory(is_default=True)
    page.goto("/")
    expect(page.get_by_role("heading", name="Set-up")).to_have_count(0)
    expect(page.get_by_text("Back to the steps")).to_have_count(0)
