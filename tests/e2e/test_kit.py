"""The kit in a real browser, on the page that shows every component: keyboard, dialogs, filters, messages, accessibility."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from tests.factories import GrantFactory, UserFactory

COMPONENTS = "/settings/components/"
AXE = Path(settings.BASE_DIR, "frontend/node_modules/axe-core/axe.min.js")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def admin() -> Any:
    return GrantFactory(user=UserFactory(name="Ana Ferreira"), role="admin").user


@pytest.fixture
def kit(sign_in_page, admin) -> Page:  # type: ignore[no-untyped-def]
    page: Page = sign_in_page(admin)
    page.goto(COMPONENTS)
    return page


def complaints(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA, as readable lines."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_every_component_meets_wcag_and_fits(kit: Page, width: int, scheme: Any) -> None:
    kit.set_viewport_size({"width": width, "height": 900})
    kit.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    kit.reload()
    expect(kit.locator("html")).to_have_attribute("data-bs-theme", scheme)
    expect(kit.locator("[data-chart].drawn")).to_have_count(3)

    assert complaints(kit) == []
    assert kit.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", ["/", "/search/?q=zzzz", "/jobs/", "/nothing/"])
def test_pages_of_the_platform_meet_wcag(kit: Page, path: str) -> None:
    kit.goto(path)

    assert complaints(kit) == []


def test_sign_in_page_meets_wcag(page: Page) -> None:
    page.goto("/accounts/login/")

    assert complaints(page) == []


def test_search_opens_by_keyboard_moves_and_goes(kit: Page) -> None:
    kit.keyboard.press("Control+k")
    palette = kit.locator("#palette")
    expect(palette).to_be_visible()
    expect(palette.locator(".gs-hit[aria-selected=true]")).to_have_text(re.compile("Today"))

    kit.keyboard.type("settings")
    expect(palette.locator(".gs-hit[aria-selected=true]")).to_have_text(re.compile("Settings"))
    kit.keyboard.press("Escape")
    expect(palette).to_be_hidden()

    kit.keyboard.press("Control+k")
    kit.keyboard.press("Control+a")
    kit.keyboard.type("today")
    expect(palette.locator(".gs-hit[aria-selected=true]")).to_have_text(re.compile("Today"))
    kit.keyboard.press("Enter")
    kit.wait_for_url(lambda url: url.rstrip("/").count("/") == 2)


def test_dialog_says_what_is_wrong_and_closes_when_done(kit: Page) -> None:
    dialog = kit.locator("#modal")
    kit.get_by_role("link", name="In a dialog").click()
    expect(dialog.get_by_role("heading", name="Add an institution")).to_be_visible()

    dialog.get_by_role("button", name="Add it").click()
    expect(dialog.locator("[aria-invalid=true]").first).to_be_visible()

    dialog.get_by_label("Name").fill("Ministry of Labour")
    dialog.get_by_label("E-mail").fill("labour@example.org")
    dialog.get_by_label("legitimate interest").check()
    dialog.get_by_label("Write to me once a month").check()
    dialog.get_by_role("button", name="Add it").click()
    expect(kit.locator(".gs-toast")).to_contain_text("only a sample")
    expect(dialog).to_be_hidden()


def test_list_follows_the_words_the_facets_and_the_back_button(kit: Page) -> None:
    GrantFactory(user=UserFactory(name="Chidi Okafor"), role="editor")
    rows = kit.locator("#sample tbody tr")

    kit.get_by_role("searchbox", name="Find a colleague").fill("chidi")
    expect(rows).to_have_count(1)
    expect(kit).to_have_url(re.compile(r"\?q=chidi$"))
    kit.get_by_role("searchbox", name="Find a colleague").fill("")
    expect(rows).to_have_count(2)

    kit.locator(".gs-facet summary", has_text="Role").click()
    expect(kit.locator("[data-facet=role] label", has_text="Editor").locator(".gs-n")).to_have_text("1")
    kit.locator("[data-facet=role]").get_by_label("Editor").check()
    expect(rows).to_have_count(1)
    expect(kit.locator("#filter-chips")).to_contain_text("Editor")

    kit.go_back()
    expect(rows).to_have_count(2)
    expect(kit.locator(".gs-side")).to_be_visible()


def test_selection_shows_what_can_be_done_with_it(kit: Page) -> None:
    UserFactory.create_batch(6)
    kit.reload()
    bulk = kit.locator(".gs-bulk")
    expect(bulk).to_be_hidden()

    kit.get_by_label("Select all on this page").check()
    expect(bulk).to_contain_text("5 selected")
    kit.get_by_label("all 7 that match").check()
    expect(bulk).to_contain_text("7 selected")
    kit.get_by_role("button", name="Select none").click()
    expect(bulk).to_be_hidden()


def test_inline_edit_by_keyboard_and_back_by_escape(kit: Page) -> None:
    field = kit.locator("#edit-sample")
    field.get_by_role("link").click()
    expect(field.get_by_label("Name")).to_be_focused()
    kit.keyboard.press("Escape")
    expect(field.get_by_role("link")).to_contain_text("Ministère du Travail")

    field.get_by_role("link").click()
    field.get_by_label("Name").fill("Ministry of Labour, Chad")
    kit.keyboard.press("Enter")
    expect(field.get_by_role("link")).to_contain_text("Ministry of Labour, Chad")
    expect(kit.locator(".gs-toast")).to_contain_text("saved")


def test_theme_is_kept_and_set_before_the_first_paint(kit: Page) -> None:
    kit.get_by_role("button", name="Switch between light and dark").click()
    expect(kit.locator("html")).to_have_attribute("data-bs-theme", "dark")

    kit.goto("/")
    expect(kit.locator("html")).to_have_attribute("data-bs-theme", "dark")
    # the script that sets it stands before the style sheet and is no module, so nothing is painted before it
    assert kit.locator("head script[src*=theme]").get_attribute("type") is None


def test_everything_is_there_without_javascript(browser: Browser, live: Any, kit: Page) -> None:
    window = browser.new_context(
        base_url=live.url,
        java_script_enabled=False,
        viewport={"width": 390, "height": 844},
        storage_state=kit.context.storage_state(),
    )
    page = window.new_page()
    page.goto(COMPONENTS)

    page.get_by_role("link", name="Menu").click()
    expect(page.locator("#nav")).to_be_visible()
    page.goto(COMPONENTS)
    expect(page.locator("#sample tbody tr")).to_have_count(1)
    page.locator(".gs-chart-table summary").first.click()
    expect(page.get_by_role("cell", name="68")).to_be_visible()
    page.get_by_role("link", name="In a dialog").click()
    expect(page.get_by_role("heading", name="Add an institution")).to_be_visible()
    page.goto(COMPONENTS)
    page.get_by_role("button", name="warning").click()
    expect(page.locator(".gs-toast")).to_contain_text("Moved 3 people")
    window.close()


def test_right_to_left_keeps_the_page_whole(kit: Page) -> None:
    kit.evaluate("document.documentElement.dir = 'rtl'")

    box = kit.locator(".gs-side").bounding_box()
    assert box is not None
    assert box["x"] > 1000
    assert kit.evaluate("document.documentElement.scrollWidth") <= 1440
