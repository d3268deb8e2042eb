"""The child that opens a workbook: reads a job from stdin, sets itself limits of time, memory and disk, and answers on stdout.

Run as `python -m contacts.importing.unfolding_child`. No database, no network, no secrets in its environment.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    job = json.load(sys.stdin)
    from django.conf import settings

    settings.configure(USE_I18N=False, **job["limits"])
    from contacts.importing import workbooks
    from contacts.importing.reading import BadFile

    resource.setrlimit(resource.RLIMIT_CPU, (job["seconds"], job["seconds"]))
    resource.setrlimit(resource.RLIMIT_AS, (job["memory"], job["memory"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (settings.IMPORT_MAX_UNPACKED_BYTES, settings.IMPORT_MAX_UNPACKED_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    book = Path(job["book"])
    try:
        workbooks.guard(book)
        answer = _mentions(book, job["needles"]) if job["do"] == "mentions" else _unfold(book, job)
    except BadFile as refused:
        answer = {"refused": refused.message, "line": refused.line}
    json.dump(answer, sys.stdout)


def _unfold(book: Path, job: dict[str, Any]) -> dict[str, Any]:
    from contacts.importing import workbooks

    found = workbooks.sheets(book)
    chosen = job["sheet"] or max(found, key=lambda sheet: sheet.rows).name
    workbooks.write_csv(book, chosen, Path(job["target"]))
    return {"sheets": [sheet.name for sheet in found], "sheet": chosen}


def _mentions(book: Path, needles: list[str]) -> dict[str, Any]:
    from contacts.importing import workbooks

    wanted = [needle.casefold() for needle in needles]
    return {"mentions": any(needle in text.casefold() for text in workbooks.texts(book) for needle in wanted)}


if __name__ == "__main__":
    main()
