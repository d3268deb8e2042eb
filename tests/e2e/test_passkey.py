"""The second step and passkeys in a real browser, with Chromium's virtual authenticator, under the strict policy."""

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page, expect

from crm.audit.models import AuditEntry
from tests.e2e.test_kit import complaints
from tests.factories import GrantFactory, UserFactory


@pytest.fixture
def ana() -> Any:
    return GrantFactory(user=UserFactory(name="Ana Ferreira", email="ana@example.org"), role="planner").user


def say_password(page: Page) -> None:
    page.fill("input[name=password]", "password")
    page.get_by_role("button", name="Confirm").click()


def add_passkey(page: Page) -> None:
    """From the page of one's second step on; ends where the codes are shown."""
    page.goto("/accounts/2fa/")
    page.get_by_role("link", name="Add a passkey").click()
    say_password(page)
    page.fill("input[name=name]", "My laptop")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.locator("#codes li")).to_have_count(10)


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.locator("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/**")


def code_of(secret: str) -> str:
    """What the app shows, with some seconds left to type it."""
    if time.time() % 30 > 24:
        time.sleep(7)
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def test_passkey_is_added_and_opens_the_account_without_a_password(
    sign_in_page: Any, ana: Any, authenticator: Any
) -> None:
    page: Page = sign_in_page(ana)
    add_passkey(page)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("My laptop")).to_have_count(2)  # in the list, and in what happened
    assert complaints(page) == []

    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
    expect(page.get_by_text("Ana Ferreira").first).to_be_visible()
    assert AuditEntry.objects.filter(verb="sign_in.done").latest("id").summary.startswith("passkey · ")

    page.goto("/accounts/2fa/")
    page.get_by_role("link", name="Rename").click()
    page.get_by_role("link", name="passkey").or_(page.locator("input[name=password]")).first.wait_for()
    if page.locator("input[name=password]").count():
        say_password(page)
    page.fill("input[name=name]", "Old laptop")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Remove", exact=True).click()
    page.get_by_role("button", name="Remove it").click()
    page.wait_for_url("**/accounts/2fa/")
    assert not Authenticator.objects.exists()


def test_passkey_that_is_cancelled_says_so_and_the_password_still_works(
    sign_in_page: Any, ana: Any, authenticator: Any, page: Page
) -> None:
    page.goto("/accounts/login/")

    page.get_by_role("button", name="Sign in with a passkey").click()  # the device knows none for this place

    expect(page.get_by_text("No passkey was used")).to_be_visible()
    sign_in_page(ana)


def test_code_from_an_app_is_the_second_step(sign_in_page: Any, ana: Any) -> None:
    page: Page = sign_in_page(ana)
    page.goto("/accounts/2fa/")
    page.get_by_role("link", name="Set up an app").click()
    say_password(page)
    picture = page.get_by_alt_text("QR code")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    secret = page.locator("#totp-secret").inner_text()
    page.fill("input[name=code]", code_of(secret))
    page.get_by_role("button", name="Turn two-step on").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download them").click()
    kept = saved.value.path().read_text()
    codes = page.locator("#codes li").all_inner_texts()
    assert len(codes) == 10
    assert all(code in kept for code in codes)

    sign_out(page)
    page.fill("input[name=login]", ana.email)
    page.fill("input[name=password]", "password")
    page.press("input[name=password]", "Enter")
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    assert complaints(page) == []
    page.fill("input[name=code]", codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/accounts/" not in url)


def test_account_pages_meet_wcag_and_fit(sign_in_page: Any, ana: Any) -> None:
    page: Page = sign_in_page(ana)
    page.set_viewport_size({"width": 390, "height": 900})
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")

    for path in ["/profile/", "/accounts/password/change/", "/accounts/2fa/", "/profile/sessions/"]:
        page.goto(path)
        assert (path, complaints(page)) == (path, [])
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
