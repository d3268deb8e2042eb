"""Events in a real browser, against the whole product: from an invitation in a mailbox to the letter to those who came.

Each step of partners, and the follow-up of staff, is done once with JavaScript and once without. The mailing, the replies and the letters go
over SMTP; the door, which needs JavaScript, works while there is no network, in two windows of one device.
"""

from __future__ import annotations

import re
import smtplib
import time
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from campaigns.delivery.addresses import reply_address
from campaigns.delivery.models import Delivery
from campaigns.delivery.queries import counts
from campaigns.events.checking import door_url
from campaigns.events.models import CheckIn, Event, EventLetter, Invitation, Registration
from campaigns.mailings.editing import save_settings
from campaigns.mailings.models import Mailing
from contacts.consent.services import grant_consent
from crm.local.leftovers import about
from tests import factories
from tests import live as product
from tests.campaigns.delivery.building import EVERYBODY, to_freezing
from tests.e2e.partner_door import found_in_mail
from tests.e2e.test_kit import complaints

expect.set_options(timeout=20_000)
ANSWER = r"https?://[^\s\"<>)]+/answer/[\w.-]+/"
SEAT = r"https?://[^\s\"<>)]+/seat/[\w.-]+/"


def until(said: Callable[[], Any], what: str, seconds: float = 45) -> Any:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if answer := said():
            return answer
        time.sleep(0.2)
    raise AssertionError(f"{what} did not happen within {seconds:.0f} s")


def leave(mailing: Mailing, planner: Any, live: product.Live) -> None:
    """A draft, approved; the running product finds it, freezes its audience and sends it."""
    row = save_settings(
        mailing=mailing, actor=planner, version=mailing.content_version,
        values={"sender": factories.SenderFactory(), "transport": mailing.transport},
    )  # fmt: skip
    with override_settings(BASE_URL=live.url):  # its page's address is part of what is approved
        to_freezing(row)
    try:
        until(lambda: Mailing.objects.get(pk=row.pk).state == "finished", "sending")
    except AssertionError as late:
        now = Mailing.objects.get(pk=row.pk)
        raise AssertionError(f"{late}: {now.state} {now.state_reason} {counts(now.pk)}\n{live.log()}") from None


def say_by_mail(live: product.Live, invitation: Invitation, words: str) -> None:
    """A reply, as a mail program sends it, to the address that the mail named."""
    message = EmailMessage()
    message["From"], message["To"] = invitation.email, reply_address(invitation.mailing_id, invitation.seq)  # type: ignore[arg-type]
    message["Subject"], message["Message-ID"] = "Re: Invitation", f"<{time.time_ns()}@people.test>"
    message.set_content(f"{words}\n\nOn Monday the campaign wrote:\n> Simply answer this mail with YES or NO.\n")
    server = about(live.folder)["EMAIL_URL"].removeprefix("smtp://")
    with smtplib.SMTP(*server.split(":")) as smtp:  # type: ignore[arg-type]
        smtp.send_message(message)


def test_from_an_invitation_in_the_mailbox_to_the_letter_to_those_who_came(
    live: product.Live, browser: Browser, page: Page, sign_in_page: Any
) -> None:
    stamp = time.time_ns()  # the mailbox may hold messages of an earlier run
    planner = factories.GrantFactory(user=factories.UserFactory(name="Ana Ferreira"), role="planner").user
    topic, everybody = (
        factories.TopicFactory(name="Policy updates"),
        factories.SegmentFactory(name="Zambia", tree=EVERYBODY),
    )
    factories.TransportFactory(name="Local mailbox", is_default=True)
    zambia = factories.CountryFactory(code="ZM")
    guests = {}
    for name in ("Fatou", "Gita", "Ben", "Cem", "Dora"):
        person = factories.PersonFactory(name=f"{name} Banda", given_name=name, country=zambia, language="en")
        factories.ContactPointFactory(person=person, value=f"{name.lower()}@e{stamp}.test")
        grant_consent(subject=person, topic=topic, lawful_basis="consent", source="test")
        guests[name] = f"{name.lower()}@e{stamp}.test"
    event = factories.EventFactory(name="Dialogue", capacity=3)
    plain = browser.new_context(
        base_url=live.url, java_script_enabled=False, viewport={"width": 390, "height": 844}, locale="en-GB"
    )
    partner = plain.new_page()

    # staff invite from the event's page
    sign_in_page(planner)
    page.goto(f"/events/{event.uid}/")
    page.get_by_role("link", name="Invite", exact=True).click()
    page.get_by_label("Whom to invite").select_option(label="Zambia")
    page.get_by_label("Topic").select_option(label="Policy updates")
    page.locator("main form button").last.click()
    page.wait_for_url(re.compile(r"/mailings/[0-9a-f-]{36}/"))
    leave(Mailing.objects.get(), planner, live)

    # one sends a colleague, another takes the last seat, a third waits: each without a script and with one
    def answer(window: Page, address: str, label: str, colleague: str = "") -> None:
        window.goto(found_in_mail(page, live, address, ANSWER))
        window.get_by_label(label, exact=True).check()
        if colleague:
            window.get_by_text("If you send somebody else").click()
            window.get_by_label("Name of who comes instead of you").fill(colleague)
            window.get_by_label("Their e-mail").fill(f"{colleague[:4].strip().lower()}@e{stamp}.test")
        window.get_by_role("button", name="Send the answer").click()

    with_script = browser.new_context(base_url=live.url, locale="en-GB")
    third = with_script.new_page()
    for window, whom, colleague in ((partner, "Fatou", "Awa Sarr"), (third, "Gita", "Hana Phiri")):
        answer(window, guests[whom], "I cannot come, and send somebody else", colleague)
        expect(window.locator(".pub-seats")).to_contain_text(f"{colleague}: has a seat")
    answer(partner, guests["Ben"], "Yes, I will come")
    expect(partner.locator(".pub-seats")).to_contain_text("Ben Banda: has a seat")
    for window, whom, place in ((third, "Cem", 1), (partner, "Dora", 2)):
        answer(window, guests[whom], "Yes, I will come")
        expect(window.locator(".pub-seats")).to_contain_text(f"number {place} on the waiting list")

    # another declines by replying, and who waits moves up, with a letter; whoever was sent has one too, and gives the seat back by it
    say_by_mail(live, Invitation.objects.get(person__given_name="Ben"), "No, thank you.")
    until(lambda: Registration.objects.get(name="Cem Banda").state == "seat", "moving up")
    assert Invitation.objects.get(person__given_name="Ben").came_by == "reply"
    until(lambda: EventLetter.objects.filter(about="moved_up", sent_at__isnull=False).exists(), "the letter")
    third.goto(found_in_mail(page, live, guests["Cem"], SEAT))
    expect(third.locator("main")).to_contain_text("Cem Banda: has a seat")
    partner.goto(found_in_mail(page, live, f"awa@e{stamp}.test", SEAT))
    expect(partner.locator("main")).to_contain_text("Awa Sarr: has a seat")
    partner.get_by_role("button", name="Give my seat back").click()
    expect(partner.locator("main")).to_contain_text("Awa Sarr: does not come")
    partner.goto(found_in_mail(page, live, guests["Dora"], SEAT))
    expect(partner.locator("main")).to_contain_text("Dora Banda: has a seat")
    assert Event.objects.get().taken == 3 and plain.cookies() == [] and with_script.cookies() == []

    # the day comes: one is checked in, and the letter goes to those who came
    now = timezone.now()
    Event.objects.update(starts_at=now - timedelta(hours=5), ends_at=now - timedelta(hours=1))
    page.goto(f"/events/{event.uid}/")
    page.get_by_role("link", name="Check-in").click()
    page.get_by_label("Name, or scan a badge").fill(door_url(Registration.objects.get(name="Cem Banda")))
    page.keyboard.press("Enter")
    expect(page.locator(".door-last")).to_have_text("Welcome, Cem Banda")
    until(lambda: Registration.objects.get(name="Cem Banda").came_at, "the check-in")
    page.goto(f"/events/{event.uid}/")
    page.get_by_role("link", name="Write to those who came").click()
    page.get_by_label("Topic").select_option(label="Policy updates")
    page.locator("main form button").last.click()
    page.wait_for_url(re.compile(r"/mailings/[0-9a-f-]{36}/"))
    thanks = Mailing.objects.latest("pk")
    leave(thanks, planner, live)
    found_in_mail(page, live, guests["Cem"], "Thank you for coming|Thank you")
    assert list(Delivery.objects.filter(mailing_id=thanks.pk).values_list("address", flat=True)) == [guests["Cem"]]

    # and, without a script, a letter to those who did not
    plain.add_cookies(page.context.cookies())  # type: ignore[arg-type]
    staff = plain.new_page()
    staff.goto(f"/events/{event.uid}/")
    staff.get_by_role("link", name="Write to those who did not").click()
    staff.get_by_label("Topic").select_option(label="Policy updates")
    staff.locator("main form button").last.click()
    staff.wait_for_url(re.compile(r"/mailings/[0-9a-f-]{36}/"))
    missed = Mailing.objects.latest("pk")
    leave(missed, planner, live)
    assert list(Delivery.objects.filter(mailing_id=missed.pk, state="accepted").values_list("address", flat=True)) == [
        guests["Dora"]
    ]
    plain.close()
    with_script.close()
    assert complaints(page) == [] and everybody.pk


def test_a_badge_that_was_scanned_before_the_page_was_ready_counts(sign_in_page: Any, live: product.Live) -> None:
    officer = factories.GrantFactory(user=factories.UserFactory(name="Fatou"), role="outreach").user
    seat = factories.RegistrationFactory(
        event=factories.EventFactory(starts_at=timezone.now() - timedelta(hours=1)), name="Ana Diop"
    )
    page: Page = sign_in_page(officer)
    page.add_init_script(
        "const typed = new MutationObserver(() => { const field = document.getElementById('door-find');"
        f" if (field) {{ field.value = '{door_url(seat)}'; typed.disconnect(); }} }});"
        "typed.observe(document, { childList: true, subtree: true })"
    )

    page.goto(reverse("event_door", args=[seat.event.uid]))

    expect(page.locator(".door-last")).to_have_text("Welcome, Ana Diop")
    expect(page.get_by_label("Name, or scan a badge")).to_have_value("")


def test_two_windows_of_a_door_share_what_they_note_and_nothing_is_lost_or_doubled(
    sign_in_page: Any, live: product.Live
) -> None:
    officer = factories.GrantFactory(user=factories.UserFactory(name="Fatou"), role="outreach").user
    event = factories.EventFactory(starts_at=timezone.now() - timedelta(hours=1))
    ana, ben, gone = (
        factories.RegistrationFactory(event=event, name=name) for name in ("Ana Diop", "Ben Sow", "Not Here")
    )
    page: Page = sign_in_page(officer)
    path = reverse("event_door", args=[event.uid])
    page.goto(path)
    expect(page.locator("[data-door-list] li")).to_have_count(3)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()  # the worker keeps what the page is made of
    expect(page.locator("[data-door-list] li")).to_have_count(3)
    page.context.set_offline(True)
    other = page.context.new_page()
    page.reload()
    other.goto(path)
    for window in (page, other):
        expect(window.locator("[data-door-list] li")).to_have_count(3)
    gone.delete()  # meanwhile, elsewhere

    # one notes by a badge and somebody who walked in, the other one more; each sees what the other noted
    page.get_by_label("Name, or scan a badge").fill(door_url(ana))
    page.keyboard.press("Enter")
    expect(page.locator(".door-last")).to_have_text("Welcome, Ana Diop")
    page.get_by_text("Somebody who is not on the list").click()
    page.get_by_label("Name", exact=True).fill("Walk In")
    page.get_by_role("button", name="They came").click()
    other.get_by_role("button", name="Came: Ben Sow").click()
    other.get_by_role("button", name="Came: Not Here").click()
    for window in (page, other):
        expect(window.locator(".door-state")).to_contain_text("4 to send")
        expect(window.locator("[data-door-list] li.came")).to_have_count(4)
    other.get_by_text("This device", exact=True).click()
    other.get_by_role("button", name="Remove the list from this device").click()
    expect(other.locator(".door-last")).to_contain_text("nothing was removed")
    assert not CheckIn.objects.exists()

    # the network is back, and both send at once
    page.context.set_offline(False)
    for window in (page, other):
        window.evaluate("window.dispatchEvent(new Event('online'))")
    for window in (page, other):
        expect(window.locator(".door-state")).to_contain_text("3 of 3")
        expect(window.locator(".door-state")).to_contain_text("Up to date")
    assert sorted(CheckIn.objects.values_list("registration__name", flat=True)) == ["Ana Diop", "Ben Sow", "Walk In"]

    # what the server refused stays, says why, and is noted anew as somebody who is not on the list
    expect(page.locator("[data-door-refusals] li")).to_contain_text("Not Here")
    expect(page.locator("[data-door-refusals] li")).to_contain_text("does not know this seat")
    expect(other.locator(".door-last")).to_have_text("Not taken: Not Here")  # it said welcome before
    page.reload()
    page.get_by_role("button", name="Note as not on the list").click()
    expect(page.locator(".door-state")).to_contain_text("4 of 4")
    until(lambda: CheckIn.objects.count() == 4, "the last note")
    expect(other.locator("[data-door-refusals] li")).to_have_count(0)
    assert Registration.objects.filter(role="walk_in").count() == 2
    ben.refresh_from_db()
    assert ben.came_at and page.evaluate("document.scrollingElement.scrollWidth") <= 1440
    other.close()

    # the list goes from the device, and stays away although the network is there
    kept = """() => new Promise((resolve) => { const asked = indexedDB.open("groundswell-door"); asked.onsuccess = () => {
        const all = asked.result.transaction("lists").objectStore("lists").getAll(); all.onsuccess = () => resolve(all.result.length); }; })"""
    assert page.evaluate(kept) == 1
    page.get_by_text("This device", exact=True).click()
    page.get_by_role("button", name="Remove the list from this device").click()
    expect(page.locator(".door-last")).to_contain_text("The list is removed")
    with page.expect_response(lambda answer: "/door/list" in answer.url):
        page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator(".door-state")).to_contain_text("0 of 0")
    assert page.evaluate(kept) == 0
    assert complaints(page) == []
