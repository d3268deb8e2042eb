"""An event in a real browser: answered without a script, and a door that goes on working without a network."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from campaigns.events import links
from campaigns.events.checking import door_url
from campaigns.events.models import CheckIn, Event, Invitation, Registration
from tests import live as product
from tests.e2e.test_kit import complaints
from tests.factories import EventFactory, GrantFactory, InvitationFactory, RegistrationFactory, UserFactory

expect.set_options(timeout=20_000)


def test_a_partner_sends_a_colleague_and_another_waits_and_moves_up_without_a_script(
    live: product.Live, browser: Browser
) -> None:
    event = EventFactory(name="Dialogue", capacity=1)
    first, second = (InvitationFactory(event=event, person__name=name) for name in ("Fatou Ndiaye", "Second Guest"))
    window = browser.new_context(base_url=live.url, java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = window.new_page()

    def answer(invitation: Invitation, label: str) -> None:
        page.goto("/" + links.invitation_url(invitation).split("/", 3)[3])
        page.get_by_label(label, exact=True).check()

    answer(first, "I cannot come, and send somebody else")
    page.get_by_text("If you send somebody else").click()
    page.get_by_label("Name of who comes instead of you").fill("Awa Sarr")
    page.get_by_label("Their e-mail").fill("awa@gov.test")
    page.get_by_role("button", name="Send the answer").click()
    expect(page.locator(".pub-seats")).to_contain_text("Awa Sarr: has a seat")
    answer(second, "Yes, I will come")
    page.get_by_role("button", name="Send the answer").click()
    expect(page.locator(".pub-seats")).to_contain_text("number 1 on the waiting list")
    answer(first, "No, I cannot come")
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_text("Thank you for telling us.")).to_be_visible()

    assert Registration.objects.get(name="Second Guest").state == "seat" and Event.objects.get().taken == 1
    assert window.cookies() == []
    window.close()


def test_the_door_works_offline_and_syncs_without_doubling(sign_in_page) -> None:  # type: ignore[no-untyped-def]
    officer = GrantFactory(user=UserFactory(name="Fatou"), role="outreach").user
    event = EventFactory(starts_at=timezone.now() - timedelta(hours=1))
    ana, ben = (RegistrationFactory(event=event, name=name) for name in ("Ana Diop", "Ben Sow"))
    page: Page = sign_in_page(officer)
    path = reverse("event_door", args=[event.uid])

    page.goto(path)
    expect(page.locator(".door-list li")).to_have_count(2)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()  # the worker keeps what the page is made of
    expect(page.locator(".door-list li")).to_have_count(2)
    page.context.set_offline(True)
    page.reload()
    expect(page.locator(".door-list li")).to_have_count(2)
    page.get_by_label("Name, or scan a badge").fill(door_url(ana))
    page.keyboard.press("Enter")
    expect(page.locator(".door-last")).to_have_text("Welcome, Ana Diop")
    page.get_by_text("Somebody who is not on the list").click()
    page.get_by_label("Name", exact=True).fill("Walk In")
    page.get_by_role("button", name="They came").click()
    expect(page.locator(".door-state")).to_contain_text("2 to send")
    assert not CheckIn.objects.exists()
    page.context.set_offline(False)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator(".door-state")).to_contain_text("2 of 3")
    expect(page.locator(".door-state")).to_contain_text("Up to date")
    page.reload()
    expect(page.locator(".door-list li.came")).to_have_count(2)

    assert CheckIn.objects.count() == 2 and Registration.objects.filter(role="walk_in").count() == 1
    ben.refresh_from_db()
    assert ben.came_at is None and page.evaluate("document.scrollingElement.scrollWidth") <= 1440
    assert complaints(page) == []
