"""The main job, end to end, in a browser, against the whole product: from rules to an honest report.

Nothing is faked: Celery sends over SMTP to the local mailbox, the link goes through the track process, the unsubscribe is a
one-click POST, and the report and the person's timeline show what came of it.
"""

import re
import time
from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from campaigns.delivery.models import Delivery
from campaigns.delivery.queries import counts
from campaigns.mailings.models import Mailing
from contacts.consent.models import ConsentState
from contacts.consent.services import grant_consent
from contacts.directory.models import Person
from contacts.segments.models import Segment
from crm.accounts.models import Installation
from tests import factories
from tests.live import Live

# as people's browsers say of themselves: a headless one is rightly taken for a program
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36"
READING_SECONDS = 4
PATIENCE_MS = 45_000  # for a busy machine; a good one needs a fraction
expect.set_options(timeout=20_000)
SETTLING_MS = 150  # htmx wires new elements a moment after it shows them; nobody chooses that quickly


def make_member(code: str, side: str, language: str, name: str, address: str, topic: object) -> Person:
    organization = factories.OrganizationFactory(
        name=f"{side} {code} {name}",
        country=factories.CountryFactory(code=code),
        constituency=factories.ConstituencyFactory(code=side),
    )
    person = factories.PersonFactory(
        name=name,
        given_name=name.split()[0],
        family_name=name.split()[-1],
        language=language,
        country=organization.country,
    )
    factories.MembershipFactory(person=person, organization=organization)
    factories.ContactPointFactory(person=person, value=address)
    if topic is not None:
        grant_consent(subject=person, topic=topic, lawful_basis="consent", source="test", evidence="test", actor=None)
    return person


def make_world() -> dict[str, object]:
    """Ten people in reach of the segment (one without permission, one that bounces), and two outside of it."""
    topic = factories.TopicFactory(code="policy-updates", name="Policy updates")
    people = {
        "reader": make_member("TD", "CSO", "fr", "Achta Yadé", "achta@cso.td.test", topic),
        "leaver": make_member("UG", "CSO", "en", "Grace Auma", "grace@cso.ug.test", topic),
        "union": make_member("UG", "WRK", "en", "Joseph Okello", "joseph@union.ug.test", topic),
        "bounces": make_member("TD", "CSO", "fr", "Idriss Allafi", "bounce+idriss@cso.td.test", topic),
        "replies": make_member("TD", "WRK", "fr", "Zara Ngaro", "reply+zara@union.td.test", topic),
        "unasked": make_member("UG", "CSO", "en", "Mercy Kato", "mercy@cso.ug.test", None),
        "rich": make_member("NO", "CSO", "en", "Kari Nordmann", "kari@cso.no.test", topic),
        "ministry": make_member("TD", "GOV", "fr", "Abakar Ngoma", "abakar@gov.td.test", topic),
    }
    factories.DriveFactory(name="Two countries", countries=["TD", "UG"], constituencies=["CSO", "WRK"])
    factories.SenderFactory(name="Social Security for All", email="news@campaign.test")
    factories.TransportFactory(name="Local mailbox", is_default=True)
    Installation.objects.update_or_create(
        id=1, defaults={"name": "Campaign office", "postal_address": "4 route des Exemples"}
    )
    return people


def sign_in(browser: Browser, live: Live, user: object, complaints: list[str]) -> Page:
    window = browser.new_context(base_url=live.url, viewport={"width": 1440, "height": 900}, locale="en-GB")
    window.set_default_timeout(PATIENCE_MS)
    window.on(
        "console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None
    )
    page = window.new_page()
    page.goto("/accounts/login/")
    page.fill("input[name=login]", user.email)  # type: ignore[attr-defined]
    page.fill("input[name=password]", "password")
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/accounts/login" not in url)
    return page


def until(said: Callable[[], object], what: str, seconds: float = 60) -> object:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = said()
        if answer:
            return answer
        time.sleep(0.25)
    raise AssertionError(f"{what} did not happen within {seconds:.0f} s")


def choose(page: Page, rule: int, option: str) -> None:
    """Open the picker of a rule and take one option."""
    row = page.locator(".gs-rule").nth(rule)
    picker = row.locator("details.gs-picker")
    if picker.get_attribute("open") is None:
        picker.locator("summary").click()
    row.locator(".gs-picker-list").get_by_role("button", name=option).click()
    expect(page.locator(".gs-rule").nth(rule).locator(".gs-tag", has_text=option)).to_be_visible()
    page.wait_for_timeout(SETTLING_MS)


def build_segment(page: Page) -> None:
    """Workers' organizations and civil society, coverage below 20 %, nobody contacted their institution in 90 days."""
    page.goto("/segments/new/")
    for number, field in enumerate(["constituency", "indicator.SI_COV_BENFTS", "institution_contacted"]):
        page.locator("button[name=do][value='add-rule:r']").click()
        expect(page.locator(".gs-rule")).to_have_count(number + 1)
        page.wait_for_timeout(SETTLING_MS)
        page.locator(".gs-rule").nth(number).locator("select[name^=field-]").select_option(field)
        expect(page.locator(".gs-rule").nth(number).locator("select[name^=operator-]")).to_be_visible()
    choose(page, 0, "Workers’ organization")
    choose(page, 0, "Civil society organization")
    # "is below", "not within" and 90 days stand there already
    page.locator(".gs-rule").nth(1).locator("input.gs-value").press_sequentially("20")
    expect(page.locator("#results .gs-huge")).to_have_text("6")
    expect(page.locator("#sentence")).to_contain_text("nobody has contacted in 90 days")
    page.fill("input[name=name]", "Low coverage, silent")
    page.locator("button[name=do][value=save]").click()
    until(lambda: Segment.objects.filter(name="Low coverage, silent").exists(), "saving the segment")


def write_mailing(page: Page, live: Live) -> Mailing:
    page.goto("/mailings/new/")
    page.fill("input[name=name]", "What you can do this year")
    for field, label in [
        ("drive", "Two countries"),
        ("segment", "Low coverage, silent"),
        ("sender", "Social Security for All <news@campaign.test>"),
        ("topic", "Policy updates"),
    ]:
        page.locator(f"select[name={field}]").select_option(label=label)
    page.get_by_role("button", name="Create and write").click()
    page.wait_for_url(re.compile(r"/edit/"))
    write_variant(
        page,
        "What your organization can do in {{ country.name }}",
        "Dear {{ person.name }}, half the world has none.",
        live,
    )
    page.locator("details.gs-menu", has=page.locator("#add-language")).locator("summary").click()
    page.locator("#add-language").select_option("fr")
    page.locator("form[action$='/languages/'] button").click()
    page.wait_for_url(re.compile(r"lang=fr"))
    write_variant(
        page, "Ce que vous pouvez faire : {{ country.name }}", "{{ person.name }}, la moitié du monde n’a rien.", live
    )
    mailing = Mailing.objects.get(name="What you can do this year")
    assert {v.language for v in mailing.variants.all()} == {"en", "fr"}
    return mailing


def write_variant(page: Page, subject: str, words: str, live: Live) -> None:
    page.fill("input[name=subject]", subject)
    editor = page.locator("[data-rich] [contenteditable=true]")
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(words + " ")
    page.locator("[data-cmd=link]").click()
    page.fill("#ask-label", "Guidelines")
    page.fill("#ask-address", guidelines(live))
    page.locator("#ask button[value=ok]").click()
    before = page.locator("[data-saved]").inner_text()
    page.locator("form#editor [data-save]").click()
    expect(page.locator("[data-saved]")).not_to_have_text(before)


def guidelines(live: Live) -> str:
    """A page that answers on this machine, under a name that a web address can have."""
    return f"{live.url}/healthz?guidelines".replace("localhost", "127.0.0.1")


def message_for(reader: Page, live: Live, address: str) -> None:
    """Open the newest message to this address in the local mailbox."""
    reader.goto(f"{live.mailbox_url}/?q={address}")
    link = reader.locator(".mb-list li a", has_text=address).first
    expect(link).to_be_visible()
    link.click()
    expect(reader.locator(".mb-message h1")).to_be_visible()


def test_from_rules_to_an_honest_report(browser: Browser, live: Live) -> None:
    people = make_world()
    planner, approver = factories.UserFactory(name="Ana Ferreira"), factories.UserFactory(name="Marta Lindqvist")
    factories.GrantFactory(user=planner, role="planner")
    factories.GrantFactory(user=approver, role="approver")
    complaints: list[str] = []

    # segment, write, pre-flight
    ana = sign_in(browser, live, planner, complaints)
    build_segment(ana)
    mailing = write_mailing(ana, live)
    ana.goto(f"/mailings/{mailing.uid}/pre-flight/")
    expect(ana.locator("main")).to_contain_text("1 no permission for “Policy updates”")
    expect(ana.locator("main")).to_contain_text("5 will get it")
    ana.locator("#approval").get_by_role("button", name="Ask for approval").click()
    until(lambda: Mailing.objects.get().state == "in_review", "asking for approval")

    # another user approves exactly what she sees
    marta = sign_in(browser, live, approver, complaints)
    expect(marta.locator("main")).to_contain_text("What you can do this year")
    marta.goto(f"/mailings/{mailing.uid}/pre-flight/")
    marta.locator("#approval").get_by_role("button", name="Approve this, exactly").click()
    until(lambda: Mailing.objects.get().state == "approved", "the approval")

    # send, and watch it go out; the window to stop is real, so the test waits for it
    ana.goto(f"/mailings/{mailing.uid}/")
    ana.get_by_role("button", name="Send now").dblclick()
    expect(ana.locator("#next")).to_contain_text("Stop")
    until(lambda: Mailing.objects.get().state in {"sending", "finished"}, "freezing", seconds=120)
    ana.goto(f"/mailings/{mailing.uid}/report/")
    try:
        until(lambda: Mailing.objects.get().state == "finished", "sending", seconds=120)
    except AssertionError as late:
        now = Mailing.objects.get()
        raise AssertionError(f"{late}: {now.state} {now.state_reason} {counts(now.pk)}\n{live.log()}") from None
    expect(ana.locator("main")).to_contain_text("adds up")
    states = sorted(Delivery.objects.filter(mailing_id=mailing.pk).values_list("state", flat=True))
    assert states == ["accepted"] * 5 + ["skipped"]

    # read the mail, click as a person does, unsubscribe with one click
    reading = browser.new_context(user_agent=BROWSER, viewport={"width": 1440, "height": 900}, locale="fr-FR")
    reader = reading.new_page()
    message_for(reader, live, "achta@cso.td.test")
    expect(reader.locator(".mb-message h1")).to_contain_text("Ce que vous pouvez faire : Tchad")
    time.sleep(READING_SECONDS)  # quicker than this is taken for a machine, rightly
    with reading.expect_page() as opened:
        reader.frame_locator("iframe.mb-frame").get_by_role("link", name="Guidelines").click()
    opened.value.wait_for_load_state()
    assert opened.value.url == guidelines(live)
    message_for(reader, live, "grace@cso.ug.test")
    reader.get_by_role("link", name="Headers").click()
    header = reader.locator("tr", has=reader.locator("th", has_text=re.compile(r"^List-Unsubscribe$"))).locator("td")
    target = re.search(r"<(https?://[^>]+)>", header.inner_text())[1]  # type: ignore[index]
    assert reading.request.get(target).ok
    leaver, state = people["leaver"], ConsentState.objects.filter(subject_uid=people["leaver"].uid)  # type: ignore[attr-defined]
    assert state.get().is_granted  # opening the link changed nothing
    assert reading.request.post(target, form={"List-Unsubscribe": "One-Click"}).ok
    assert not state.get().is_granted
    reading.close()

    # the report and the timeline say so; the bounce and the reply came in by mail
    def report_says() -> bool:
        ana.goto(f"/mailings/{mailing.uid}/report/")
        stats = ana.locator(".gs-stat").all_inner_texts()
        found = {text.split("\n")[0]: text.split("\n")[1] for text in stats if "\n" in text}
        wanted = {"People who clicked": "1", "Replies": "1", "Unsubscribed": "1", "Bounced later": "1"}
        return wanted.items() <= found.items()

    until(report_says, "the report's filling", seconds=60)
    expect(ana.locator("main")).to_contain_text("total only")
    ana.goto(f"/directory/people/{people['reader'].uid}/")  # type: ignore[attr-defined]
    expect(ana.locator(".gs-timeline")).to_contain_text("What you can do this year")
    expect(ana.locator(".gs-timeline")).to_contain_text("Clicked a link")
    ana.goto(f"/directory/people/{leaver.uid}/")  # type: ignore[attr-defined]
    expect(ana.locator("main")).to_contain_text("withdrawn")
    audit = live.manage("audit_mailing", str(mailing.uid))
    assert '"adds_up": true' in audit
    assert '"problems": []' in audit
    assert complaints == []
    for page in (ana, marta):
        page.context.close()
