"""`make check`: every gate that needs no running service, two at a time, all of them even when one fails.

python -m crm.local.check [name …]
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from crm.local.output import emit
from crm.local.places import ROOT

_BIN = Path(sys.executable).parent
_MANAGE = [sys.executable, "-W", "ignore::RuntimeWarning:django", "-m", "django"]

# Text that betrays the machine it was written on, or an address that a locked file must not name.
_MACHINE = [
    (re.compile(r"/(?:root|home|Users|work)/[\w.-]+/"), "a path of one machine"),
    (re.compile(r"https?://(?:registry\.|pypi\.|files\.pythonhosted)"), "the address of a package registry"),
    (re.compile(r'"resolved":'), "an address in a lock file"),
]
_EXEMPT = {"crm/local/check.py", "tests/crm/local/test_check.py"}


@dataclass
class Outcome:
    """What one gate said, and how long it took."""

    ok: bool
    said: str
    seconds: float


def _command(*words: str | Path) -> Callable[[], tuple[bool, str]]:
    def run() -> tuple[bool, str]:
        done = subprocess.run(
            [str(word) for word in words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode == 0, done.stdout

    return run


def machine_names(root: Path = ROOT) -> tuple[bool, str]:
    """Look for machine paths and registry addresses in every file that git knows or would add."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root, capture_output=True, text=True, check=True
    )
    found = []
    for name in filter(None, listing.stdout.split("\0")):
        path = root / name
        if name in _EXEMPT or not path.is_file() or path.stat().st_size > 2_000_000:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            found += [f"{name}:{number}: {meaning}" for pattern, meaning in _MACHINE if pattern.search(line)]
    return not found, "\n".join(found)


GATES: dict[str, Callable[[], tuple[bool, str]]] = {
    "mypy": _command(_BIN / "mypy", "--no-error-summary"),
    "ruff": _command(_BIN / "ruff", "check", "--quiet", "."),
    "format": _command(_BIN / "ruff", "format", "--check", "--quiet", "."),
    "imports": _command(_BIN / "lint-imports", "--no-logo"),
    "django": _command(*_MANAGE, "check", "--fail-level", "WARNING", "--settings", "crm.local.offline_settings"),
    "migrations": _command(
        *_MANAGE, "makemigrations", "--check", "--dry-run", "--settings", "crm.local.offline_settings"
    ),
    "machine": machine_names,
}


def _timed(name: str) -> Outcome:
    begun = time.monotonic()
    ok, said = GATES[name]()
    return Outcome(ok, said, time.monotonic() - begun)


def main(names: list[str]) -> int:
    """Run the named gates, or all; returns 1 when one is not passed."""
    unknown = set(names) - set(GATES)
    if unknown:
        emit(f"There is no check named {', '.join(sorted(unknown))}. Known: {', '.join(GATES)}.")
        return 2
    wanted = [name for name in GATES if not names or name in names]
    with ThreadPoolExecutor(max_workers=2) as pool:
        outcomes = dict(zip(wanted, pool.map(_timed, wanted), strict=True))
    for name, outcome in outcomes.items():
        emit(f"{'ok  ' if outcome.ok else 'FAIL'} {name:<10} {outcome.seconds:5.1f} s")
        if not outcome.ok:
            emit("\n".join(f"     {line}" for line in outcome.said.strip().splitlines()))
    return 0 if all(outcome.ok for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
