"""The documentation hangs together: links and pictures lead somewhere, each guide is in its index, named files exist."""

import ast
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCREENSHOTS = ROOT / "docs" / "screenshots"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
INDEXES = [ROOT / "docs" / folder / "README.md" for folder in ("guide", "operators", "integrators")]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def links_of(page: Path) -> list[str]:
    """Targets inside of this repository; what stands in code is no link."""
    found = _LINK.findall(_CODE.sub("", page.read_text()))
    return [unquote(target) for target in found if not re.match(r"[a-z]+:", target)]


def anchors_of(page: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_fault_that_is_said_to_be_tried_has_its_test() -> None:
    said = re.findall(r"`(test_\w+)`", (ROOT / "docs" / "operators" / "promises.md").read_text())
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))

    assert len(said) > 20
    assert [name for name in said if f"def {name}(" not in tests] == []


def pictures_by_command() -> set[str]:
    """Names that `make screenshots` takes, in each size and scheme. Read, not imported: it prepares a product of its own."""
    tree = ast.parse((ROOT / "tests" / "e2e" / "screenshots.py").read_text())
    assigned = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    pages, sizes = assigned["PAGES"], assigned["SIZES"]
    assert isinstance(pages, ast.List) and isinstance(sizes, ast.Dict)
    names = [ast.literal_eval(row.elts[0]) for row in pages.elts if isinstance(row, ast.Tuple)]
    return {
        f"{name}-{ast.literal_eval(size)}-{scheme}.png"
        for name in [*names, "mailbox", "door-refused"]
        for size in sizes.keys
        if size is not None
        for scheme in ("light", "dark")
    }


def leads_nowhere(page: Path, target: str, made: set[str]) -> bool:
    path, _hash, anchor = target.partition("#")
    there = (page.parent / path).resolve() if path else page
    if anchor and there.suffix == ".md" and there.exists():
        return anchor not in anchors_of(there)
    return not (there.exists() or (there.parent == SCREENSHOTS and there.name in made))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_and_picture_leads_somewhere(page: Path) -> None:
    made = pictures_by_command()

    assert [target for target in links_of(page) if leads_nowhere(page, target, made)] == []


def test_a_link_that_leads_nowhere_is_found() -> None:
    made = pictures_by_command()
    page = ROOT / "docs" / "guide" / "README.md"

    assert leads_nowhere(page, "nowhere.md", made)
    assert leads_nowhere(page, "settings.md#nowhere", made)
    assert leads_nowhere(page, "../screenshots/nowhere-wide-light.png", made)
    assert not leads_nowhere(page, "settings.md#tags", made)
    assert not leads_nowhere(page, "../screenshots/report-wide-light.png", made)


@pytest.mark.parametrize("index", INDEXES, ids=name_of)
def test_every_guide_is_in_its_index(index: Path) -> None:
    listed = {target.partition("#")[0] for target in links_of(index)}

    assert {page.name for page in index.parent.glob("*.md")} - {"README.md"} - listed == set()


def test_the_indexes_are_linked_from_the_readme() -> None:
    assert {name_of(index) for index in INDEXES} - set(links_of(ROOT / "README.md")) == set()


def test_every_path_through_the_screens_names_what_stands_there() -> None:
    """*Settings › Tags*: each step is written on a screen, so it is a text of a template or of Python."""
    screens = [*(ROOT / "templates").rglob("*.html")]
    screens += [path for app in ("crm", "contacts", "campaigns") for path in (ROOT / app).rglob("*.py")]
    written = "".join(path.read_text() for path in screens)
    steps = {
        (name_of(page), step.strip(" .…"))
        for page in PAGES
        if page.parent.name in {"guide", "operators", "integrators"}
        for path in re.findall(r"\*([A-Z][^*\n]+›[^*\n]+)\*", _CODE.sub("", page.read_text()))
        for step in path.split("›")
        if "(" not in step  # (the person) stands for a name
    }

    assert len(steps) > 30
    assert {step for step in steps if not re.search(rf"[\"'>]{re.escape(step[1])}[\"'<… ]", written)} == set()


def test_what_contributing_names_exists() -> None:
    """Files in backticks; a name without a folder is that of any feature."""
    named = set(re.findall(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|html|md|toml|js))`", (ROOT / "CONTRIBUTING.md").read_text()))

    assert "contacts/directory/models.py" in named
    assert {name for name in named if not (ROOT / name).exists()} == set()
