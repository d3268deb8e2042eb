"""The README tells the truth: each setting that is read is in it, and it names nothing that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "docs" / "operators" / "settings.md").read_text()


def test_every_setting_is_in_the_readme() -> None:
    read = set()
    for path in ["crm/settings.py", "crm/logs.py", "crm/clock.py"]:
        read |= set(re.findall(r"""env(?:_\w+)?\(\s*"([A-Z_]+)\"""", (ROOT / path).read_text()))

    assert {name for name in read if f"`{name}`" not in README} == set()
    assert {name for name in read if f"`{name}`" not in GUIDE} == set()


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()

    assert {
        name for name in re.findall(r"(?:`|^)make (\w+)", README, re.MULTILINE) if f"\n{name}:" not in makefile
    } == set()


def test_every_setting_is_in_the_changes_of_the_version_that_brought_it() -> None:
    """Operators are told to look there before an upgrade."""
    table = README.partition("| variable | default | meaning |")[2].partition("\n\n")[0]
    names = {name for row in table.splitlines() for name in re.findall(r"`([A-Z_]+)`", (row + "||").split("|")[1])}
    versions = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1:]
    told = [
        name
        for version in versions
        for paragraph in re.findall(r"^\*\*Settings.*?\n\n", version, re.MULTILINE | re.DOTALL)
        for name in re.findall(r"`([A-Z_]+)`", paragraph.partition(". ")[0])
    ]

    assert len(names) > 50
    assert sorted(told) == sorted(names)
    assert versions[-1].startswith("0.1.0")
