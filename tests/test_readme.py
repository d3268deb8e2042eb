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
