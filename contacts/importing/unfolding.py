"""A workbook is opened in a child process with little time and memory: a few kilobytes of it can ask for all that a machine has.

Two cells at opposite corners of a sheet are a grid of seventeen thousand million; one long text that a hundred thousand cells share
is held once for each. No library refuses that, and what cannot be had ends the process that asks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _

from contacts.importing.reading import BadFile

SECONDS = 40  # of the processor's time
MEMORY = 1024 * 1024 * 1024  # a hundred thousand rows of fifteen long cells take 220 MB


class Unfolded(NamedTuple):
    """The names of the sheets that hold something, and the one that was written as CSV."""

    sheets: list[str]
    sheet: str


def unfold(book: Path, target: Path, *, sheet: str = "") -> Unfolded:
    """Write a sheet of the workbook as CSV: the named one, else the fullest. Raises BadFile; what is in `target` is nothing then."""
    answer = _ask({"do": "unfold", "book": str(book), "target": str(target), "sheet": sheet})
    if answer is None:
        raise BadFile(
            _(
                "This workbook takes more memory or time than a list of people does: something stands far beside or below the table,"
                " or one long text in very many cells. Copy the table into a new workbook, and upload that. Nothing was imported."
            )
        )
    if "refused" in answer:
        raise BadFile(answer["refused"], line=answer["line"])
    return Unfolded(answer["sheets"], answer["sheet"])


def mentions(book: Path, needles: Sequence[str]) -> bool:
    """Whether a cell of any sheet has one of these texts in it; True where it cannot be read, for then nobody knows."""
    answer = _ask({"do": "mentions", "book": str(book), "needles": list(needles)})
    return answer is None or bool(answer.get("mentions", True))


def _ask(job: dict[str, Any]) -> dict[str, Any] | None:
    limits = {name: getattr(settings, name) for name in ("IMPORT_MAX_ROWS", "IMPORT_MAX_UNPACKED_BYTES")}
    try:
        done = subprocess.run(  # noqa: S603 our own module, nothing of the user's on the command line
            [sys.executable, "-m", "contacts.importing.unfolding_child"],
            input=json.dumps({**job, "limits": limits, "seconds": SECONDS, "memory": MEMORY}).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=3 * SECONDS,  # it may have to wait for the processor
            cwd=settings.BASE_DIR,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0 or not done.stdout:
        return None
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
