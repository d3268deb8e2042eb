"""An import with errors, its rejected rows mended and imported, and the whole first import taken back, in a browser."""

import os
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from contacts.directory.models import Person
from tests.factories import ConstituencyFactory, CountryFactory, GrantFactory, UserFactory

PATIENCE_MS = 60_000
FILE = """Name,E-mail,Organization,Country,Constituency
Ada Banda,ada@example.org,Ministry of Labour,ZM,GOV
Bob Phiri,bob@example.org,Ministry of Labour,ZM,GOV
Eve Zulu,not an address,Ministry of Labour,ZM,GOV
"""
PICTURES = os.environ.get("IMPORT_PICTURES")


def picture(page: Page, name: str) -> None:
    """Only when asked for: the screen wide and narrow, light and dark."""
    if not PICTURES:
        return
    before = page.viewport_size
    for width in (1440, 390):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.screenshot(path=str(Path(PICTURES) / f"{name}-{width}-{scheme}.png"), full_page=True)
    page.emulate_media(color_scheme="light")
    if before:
        page.set_viewport_size(before)


def bring(page: Page, name: str, content: str) -> None:
    page.goto("/directory/imports/new/")
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content.encode()})
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("button", name="Begin the dry run")).to_be_visible()
    picture(page, f"columns-{name}")
    page.get_by_role("button", name="Begin the dry run").click()
    expect(page.get_by_role("button", name="Import now")).to_be_visible(timeout=PATIENCE_MS)


def test_mend_what_was_rejected_and_take_an_import_back(sign_in_page) -> None:  # type: ignore[no-untyped-def]
    CountryFactory()
    ConstituencyFactory()
    planner = UserFactory(name="Petra Planner")
    GrantFactory(user=planner, role="planner")
    page: Page = sign_in_page(planner)

    bring(page, "people.csv", FILE)
    expect(page.locator("#import")).to_contain_text("is not an e-mail address")
    picture(page, "dry-run")
    with page.expect_download() as found:
        page.get_by_role("link", name="Rejected rows as CSV").click()
    rejected = Path(found.value.path()).read_text(encoding="utf-8-sig")
    assert rejected.startswith("Line,Reason,Name") and rejected.splitlines()[1].startswith("4,")
    page.get_by_role("button", name="Import now").click()
    expect(page.locator("#import")).to_contain_text("Done: 2 new, 0 changed.", timeout=PATIENCE_MS)
    first = page.url

    bring(page, "mended.csv", re.sub(r"(?m)not an address(?=,)", "eve@example.org", rejected))
    page.get_by_role("button", name="Import now").click()
    expect(page.locator("#import")).to_contain_text("Done: 1 new, 0 changed.", timeout=PATIENCE_MS)
    assert set(Person.objects.values_list("name", flat=True)) == {"Ada Banda", "Bob Phiri", "Eve Zulu"}
    Person.objects.filter(name="Bob Phiri").update(last_mailed_at="2026-01-01T00:00Z")

    page.goto(first)
    picture(page, "applied")
    page.get_by_role("button", name="Undo this import").click()
    expect(page.locator("#import")).to_contain_text("Removed: people 1", timeout=PATIENCE_MS)
    picture(page, "undone")
    page.get_by_role("link", name="What was kept").click()
    expect(page.locator("#kept")).to_contain_text("Bob Phiri")
    expect(page.locator("#kept")).to_contain_text("written to since")
    expect(page.locator("#kept")).to_contain_text("Ministry of Labour")
    picture(page, "kept")
    assert set(Person.objects.values_list("name", flat=True)) == {"Bob Phiri", "Eve Zulu"}
