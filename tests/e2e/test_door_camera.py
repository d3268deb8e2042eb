"""The door's camera where the browser reads no codes by itself, as on iPhones and in Firefox: Chromium films a picture of a badge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import segno
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from campaigns.events.checking import door_url
from campaigns.events.models import CheckIn, Event
from crm.local.chromium import find_chromium
from tests import factories
from tests import live as product
from tests.e2e.test_events import until
from tests.e2e.test_kit import complaints

WIDTH, HEIGHT = 640, 480
WITHOUT_READER = "delete window.BarcodeDetector"


def film(place: Path, text: str) -> None:
    """What the camera sees from its next opening on: a code, printed dark on light, before a grey wall."""
    code = [list(row) for row in segno.make_qr(text, error="m").matrix_iter(scale=6, border=4)]
    wall = [bytearray(b"\x60" * WIDTH) for _ in range(HEIGHT)]
    top, left = (HEIGHT - len(code)) // 2, (WIDTH - len(code)) // 2
    for y, row in enumerate(code):
        wall[top + y][left : left + len(row)] = bytes(30 if dark else 220 for dark in row)
    frame = b"FRAME\n" + b"".join(wall) + b"\x80" * (WIDTH * HEIGHT // 2)
    place.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode() + frame * 2)


def launch(browser: Browser, *switches: str) -> Browser:
    options = find_chromium().launch_options()
    return browser.browser_type.launch(**options | {"args": [*options["args"], *switches]})


@pytest.fixture
def event() -> Event:
    return factories.EventFactory(starts_at=timezone.now() - timedelta(hours=1))


def door(window: Browser, live: product.Live, event: Event) -> Page:
    """The door's page, opened for the first time on this device."""
    officer = factories.GrantFactory(user=factories.UserFactory(name="Fatou"), role="outreach").user
    page = window.new_context(base_url=live.url, locale="en-GB", viewport={"width": 390, "height": 844}).new_page()
    page.set_default_timeout(15_000)
    page.add_init_script(WITHOUT_READER)
    page.goto("/accounts/login/")
    page.fill("input[name=login]", officer.email)
    page.fill("input[name=password]", "password")
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/accounts/login" not in url)
    page.goto(reverse("event_door", args=[event.uid]))
    expect(page.locator(".door-state")).to_contain_text("Up to date")
    return page


@pytest.fixture
def filming(browser: Browser, tmp_path: Path) -> Iterator[tuple[Browser, Path]]:
    """A browser whose camera sees what is in the file."""
    place = tmp_path / "seen.y4m"
    window = launch(
        browser, "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={place}",
    )  # fmt: skip
    yield window, place
    window.close()


def test_camera_checks_in_with_a_network_and_without(
    filming: tuple[Browser, Path], live: product.Live, event: Event
) -> None:
    ana, ben = (factories.RegistrationFactory(event=event, name=name) for name in ("Ana Diop", "Ben Sow"))
    window, seen = filming
    page = door(window, live, event)
    problems: list[Any] = []
    page.on("console", lambda message: problems.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    camera, video, last = page.locator("[data-door-camera]"), page.locator("video"), page.locator(".door-last")
    decoder = page.locator("[data-door]").get_attribute("data-decoder")
    is_run = "address => performance.getEntriesByType('resource').some(part => part.name.endsWith(address))"
    for part in (decoder, reverse("event_door", args=[event.uid])):
        until(
            lambda kept=part: page.evaluate("async part => Boolean(await caches.match(part))", kept), f"keeping {part}"
        )
    assert not page.evaluate(is_run, decoder)

    film(seen, door_url(ana))
    camera.click()
    expect(last).to_have_text("Welcome, Ana Diop")
    assert page.evaluate(is_run, decoder)
    until(lambda: CheckIn.objects.filter(registration=ana).count() == 1, "the check-in")
    page.evaluate("window.track = document.querySelector('video').srcObject.getTracks()[0]")
    assert complaints(page) == []
    camera.click()
    expect(video).to_be_hidden()
    expect(camera).to_have_text("Camera")
    assert page.evaluate("[track.readyState, document.querySelector('video').srcObject]") == ["ended", None]

    # a page that was opened once comes without a network, and so does what reads the codes
    page.context.set_offline(True)
    page.reload()
    film(seen, door_url(ben))
    camera.click()
    expect(last).to_have_text("Welcome, Ben Sow")
    expect(page.locator(".door-state")).to_contain_text("1 to send")
    assert not CheckIn.objects.filter(registration=ben).exists()

    # nobody looks at the page: the camera goes off
    page.evaluate("window.track = document.querySelector('video').srcObject.getTracks()[0]")
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true}); document.dispatchEvent(new Event('visibilitychange'))"
    )
    expect(video).to_be_hidden()
    assert page.evaluate("track.readyState") == "ended"

    page.context.set_offline(False)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    until(lambda: CheckIn.objects.filter(registration=ben).count() == 1, "the note")
    assert problems == []


@pytest.mark.parametrize(
    ("switches", "said"),
    [
        (["--use-fake-ui-for-media-stream=deny", "--use-fake-device-for-media-stream"], "allow it in the browser’s settings"),
        (["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream=device-count=0"], "There is no camera here"),
    ],
    ids=["refused", "missing"],
)  # fmt: skip
def test_door_says_what_to_do_without_a_camera(
    browser: Browser, live: product.Live, event: Event, switches: list[str], said: str
) -> None:
    factories.RegistrationFactory(event=event, name="Ana Diop")
    window = launch(browser, *switches)
    page = door(window, live, event)
    page.locator("[data-door-camera]").click()

    expect(page.locator(".door-last")).to_contain_text(said)
    expect(page.locator(".door-last")).to_contain_text("the phone’s own camera")
    expect(page.locator("[data-door-camera]")).to_have_text("Camera")
    page.get_by_role("button", name="Came: Ana Diop").click()
    expect(page.locator(".door-last")).to_have_text("Welcome, Ana Diop")
    window.close()
