"""A session ends while somebody types: nothing of it is lost, in a dialog or on a page of its own."""

import re

from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from contacts.directory.models import Person
from crm.accounts.models import Installation, User
from tests import factories

expect.set_options(timeout=20_000)


def administrator() -> User:
    user = factories.UserFactory(email="ana@example.org")
    factories.GrantFactory(user=user, role="admin")
    return user


def sign_in_again(page: Page) -> None:
    page.fill("input[name=login]", "ana@example.org")
    page.fill("input[name=password]", "password")
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/accounts/login" not in url)


def test_page_comes_back_with_what_was_typed(page: Page, sign_in_page) -> None:  # type: ignore[no-untyped-def]
    sign_in_page(administrator())
    page.goto("/settings/organization/")
    page.fill("[name=name]", "Coalition of the South")
    page.fill("[name=postal_address]", "1 Cairo Road\nLusaka")
    Session.objects.all().delete()
    page.get_by_role("button", name="Save").click()

    expect(page.locator("main")).to_contain_text("Your session had ended, so nothing was saved")
    sign_in_again(page)

    expect(page).to_have_url(re.compile(r"/settings/organization/$"))
    expect(page.locator("[name=name]")).to_have_value("Coalition of the South")
    expect(page.locator("[name=postal_address]")).to_have_value("1 Cairo Road\nLusaka")
    expect(page.get_by_text("What you had typed is back")).to_be_visible()
    assert Installation.current().name == ""
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The organization is saved.")).to_be_visible()
    assert Installation.current().name == "Coalition of the South"
    page.goto("/settings/organization/#typed")  # it is put back once
    expect(page.get_by_text("What you had typed is back")).to_have_count(0)


def test_dialog_stays_and_is_sent_after_signing_in_elsewhere(page: Page, sign_in_page) -> None:  # type: ignore[no-untyped-def]
    sign_in_page(administrator())
    page.goto("/directory/people/")
    page.get_by_role("link", name="Add a person").first.click()
    dialog = page.locator("#modal")
    dialog.locator("[name=given_name]").fill("Thandiwe")
    dialog.locator("[name=family_name]").fill("Mwale")
    Session.objects.all().delete()
    dialog.locator("[name=family_name]").press("Tab")  # what asks whether they are here already
    expect(page.get_by_text("What you typed is still here").first).to_be_visible()
    dialog.locator("button.btn-primary").click()

    expect(page.get_by_text("What you typed is still here").first).to_be_visible()
    expect(dialog.locator("[name=given_name]")).to_have_value("Thandiwe")
    with page.context.expect_page() as opened:
        dialog.get_by_role("link", name="Sign in in a new tab").click()
    sign_in_again(opened.value)
    opened.value.close()
    page.bring_to_front()
    page.evaluate(
        "window.dispatchEvent(new Event('focus'))"
    )  # a browser without windows tells no page that it is in front

    expect(page.get_by_text("You are signed in again")).to_be_visible()
    dialog.locator("button.btn-primary").click()
    page.wait_for_url(re.compile(r"/directory/people/[0-9a-f-]{36}/$"))
    assert Person.objects.get().name == "Thandiwe Mwale"
