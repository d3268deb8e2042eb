"""The mailing editor in a real browser: fields as chips, saving by keyboard, the live preview, two tabs."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from campaigns.mailings.models import Mailing
from tests.factories import GrantFactory, MailingFactory, UserFactory

AXE = Path(settings.BASE_DIR, "frontend/node_modules/axe-core/axe.min.js")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def editor() -> Any:
    return GrantFactory(user=UserFactory(name="Chidi Okafor"), role="editor").user


def open_editor(page: Page, mailing: Mailing) -> None:
    page.goto(f"/mailings/{mailing.uid}/edit/")
    expect(page.locator(".gs-rich-text")).to_be_visible()


def type_at_the_end(page: Page, words: str) -> None:
    page.locator(".gs-rich-text").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(words)


def test_editor_writes_previews_and_saves_without_leaving_the_page(sign_in_page, editor) -> None:  # type: ignore[no-untyped-def]
    mailing = MailingFactory()
    page = sign_in_page(editor)
    open_editor(page, mailing)
    expect(page.locator(".gs-field-chip").first).to_have_text("person.name")

    type_at_the_end(page, " See you, ")
    page.locator("[data-fields] > summary").click()
    page.locator("[data-field='organization.acronym']").click()
    frame = page.frame_locator("iframe[name=preview]")
    expect(frame.get_by_text("See you, NCW")).to_be_visible()

    page.locator(".gs-rich-text").press("Control+s")
    expect(page.locator("[data-saved]")).to_have_text("Saved.")
    stored = mailing.variants.get()
    assert "See you, {{ organization.acronym }}" in stored.body_html
    assert "<span" not in stored.body_html
    assert "See you, {{ organization.acronym }}" in stored.text

    page.locator("[data-cmd=button]").click()
    page.fill("#ask-label", "Join us")
    page.fill("#ask-address", "example.org/join")
    page.locator("#ask button[value=ok]").click()
    page.locator("[data-save]").first.click()
    expect(page.locator("[name=version]")).to_have_value("3")
    assert '<a class="button" href="https://example.org/join">Join us</a>' in mailing.variants.get().body_html


def test_second_tab_is_told_and_keeps_its_text(sign_in_page, editor, context, browser: Browser) -> None:  # type: ignore[no-untyped-def]
    mailing = MailingFactory()
    first = sign_in_page(editor)
    second = context.new_page()
    for page in (first, second):
        open_editor(page, mailing)

    first.fill("[name=subject]", "From the first tab")
    first.locator("[data-save]").first.click()
    expect(first.locator("[data-saved]")).to_have_text("Saved.")
    second.fill("[name=subject]", "From the second tab")
    second.locator("[data-save]").first.click()

    alert = second.locator("#editor-page > [role=alert]")
    expect(alert).to_contain_text("Chidi Okafor changed this mailing while you were writing (subject (en))")
    expect(alert).to_contain_text("From the first tab")
    expect(second.locator("[name=subject]")).to_have_value("From the second tab")
    assert mailing.variants.get().subject == "From the first tab"

    second.locator("[data-save]").first.click()
    expect(alert).to_have_count(0)
    assert mailing.variants.get().subject == "From the second tab"


def test_refused_text_is_kept_and_explained(sign_in_page, editor) -> None:  # type: ignore[no-untyped-def]
    mailing = MailingFactory()
    page = sign_in_page(editor)
    open_editor(page, mailing)

    type_at_the_end(page, " {% for x in person.name %}")
    page.keyboard.press("Control+s")

    expect(page.get_by_text("A loop (for) is not allowed in a mailing").first).to_be_visible()
    expect(page.locator(".gs-rich-text")).to_contain_text("{% for x in person.name %}")


def test_a_mailing_in_a_language_from_right_to_left_is_accessible(sign_in_page, editor) -> None:  # type: ignore[no-untyped-def]
    mailing = MailingFactory(languages=["en", "ar"])
    page = sign_in_page(editor)

    found = []
    home = f"/mailings/{mailing.uid}/"
    for path in (home, f"{home}edit/"):
        page.goto(path)
        page.evaluate(AXE.read_text())
        # the framed message is a page of its own, which this one cannot and must not look into
        violations = page.evaluate("rules => axe.run(document, {runOnly: rules, iframes: false})", RULES)["violations"]
        found += [f"{path} {rule['id']}: {node['html'][:140]}" for rule in violations for node in rule["nodes"]]

    assert found == []
