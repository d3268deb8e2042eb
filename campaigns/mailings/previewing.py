"""Previews of what somebody is typing are compiled in a child process with little time and memory.

The parent sends one JSON object and reads one back; the child imports neither models nor the database.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.mailings.content import Rendered, Writing
from campaigns.mailings.fields import Scalar
from campaigns.mailings.layouts import Frame
from crm.errors import Invalid, Unavailable

SECONDS = 4
MEMORY = 512 * 1024 * 1024
MAX_INPUT = 1_000_000


@dataclass(frozen=True)
class Preview:
    rendered: Rendered
    fields: list[str]
    links: list[str]
    size: int  # of the HTML, in bytes: mail programs clip at about 100 kB


def preview(*, writing: Writing, frame: Frame, fields: Mapping[str, Scalar]) -> Preview:
    """What one recipient would read. Invalid with the first problem; Unavailable when it takes too long."""
    job = json.dumps({"writing": asdict(writing), "frame": frame.as_dict(), "fields": dict(fields)})
    if len(job) > MAX_INPUT:
        raise Invalid(_("This text is too long for a preview. Shorten it."))
    try:
        done = subprocess.run(  # noqa: S603 our own module, nothing of the user's on the command line
            [sys.executable, "-m", "campaigns.mailings.preview_child"],
            input=job.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS + 2,
            cwd=settings.BASE_DIR,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(
            _("The preview took too long and was stopped. Your text is kept; simplify it and try again.")
        ) from None
    if done.returncode != 0 or not done.stdout:
        raise Unavailable(_("The preview could not be made. Your text is kept; simplify it and try again."))
    answer = json.loads(done.stdout)
    if "problems" in answer:
        raise Invalid(answer["problems"][0], code="template_refused", problems=answer["problems"])
    return Preview(Rendered(**answer["rendered"]), answer["fields"], answer["links"], answer["size"])
