"""The user guide says what the program has: its menu, its settings, and who may do what."""

import re
from pathlib import Path

from django.utils import translation

from crm.accounts.rules import TABLE, Action, Role
from crm.ui import menu, settings_pages

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"
COLUMNS = [Role.ADMIN, Role.PLANNER, Role.EDITOR, Role.APPROVER, Role.OUTREACH, Role.VIEWER]
# A row of the guide's table, by its first words, and the actions that it is about
ROWS = {
    "see directory": {Action.SEE},
    "change people": {Action.EDIT_DIRECTORY},
    "log contacts": {Action.LOG},
    "import": {Action.BULK},
    "export": {Action.EXPORT},
    "segments": {Action.SEGMENTS, Action.SEGMENTS_OWN},
    "drives": {Action.DRIVES},
    "write": {Action.WRITE},
    "approve": {Action.APPROVE},
    "send, resume": {Action.SEND},
    "pause": {Action.PAUSE},
    "settings": {Action.ADMINISTER},
}


def page(name: str) -> str:
    return (GUIDE / name).read_text(encoding="utf-8")


def test_the_menu_in_the_guide_is_the_menu() -> None:
    told = re.search(r"- \*\*The menu\*\* on the left: (.*?)\. What your role", page("first-steps.md"), re.DOTALL)

    assert told
    with translation.override("en"):
        there = [str(item.label) for item in menu.ITEMS]
    assert re.findall(r"\*([^*]+)\*", told[1]) == there


def test_the_table_of_roles_in_the_guide_is_the_table_of_the_program() -> None:
    lines = page("first-steps.md").partition("## Who may do what")[2].splitlines()
    table = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ") and "✓" in line
    ]

    assert len(table) == len(ROWS) and set().union(*ROWS.values()) == set(Action)
    for words, *cells in table:
        actions = next(found for begins, found in ROWS.items() if words.startswith(begins))
        for role, cell in zip(COLUMNS, cells, strict=True):
            may = actions & TABLE[role]
            assert cell == ("" if not may else "✓" if may == actions else "one's own"), (words, role)


def test_every_page_of_the_settings_has_its_section() -> None:
    sections = re.findall(r"^## (.+)$", page("settings.md"), re.MULTILINE)

    with translation.override("en"):
        missing = [
            str(row.label)
            for row in settings_pages.PAGES
            if not any(title.startswith(str(row.label)) for title in sections)
        ]
    assert missing == []
