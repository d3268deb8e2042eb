"""A mission report as PDF: what was filed, meeting by meeting. All texts come as data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from campaigns.missions.models import Mission
from campaigns.missions.presenting import Meeting
from crm.accounts.models import Installation
from crm.paper import pdf
from crm.ui import formats

TEMPLATE = Path(__file__).with_name("mission.typ")
LONGEST = 20_000  # characters of one meeting's notes on paper; the page has them whole


def mission_pdf(mission: Mission, meetings: Sequence[Meeting]) -> bytes:
    return pdf(TEMPLATE, report=_data(mission, meetings))


def _data(mission: Mission, meetings: Sequence[Meeting]) -> dict[str, Any]:
    days = f"{formats.long_day(mission.starts_on)} – {formats.long_day(mission.ends_on)}"
    author = mission.author.name if mission.author else ""
    drive = mission.drive.label if mission.drive else ""
    return {
        "title": mission.title,
        "under": " · ".join(filter(None, [days, author, drive])),
        "summary": mission.summary,
        "footer": _("Mission report · %(who)s") % {"who": Installation.current().name},
        "lang": (get_language() or "en").split("-")[0],
        "words": {
            "heard": _("Positions"),
            "promised": _("Promised"),
            "next": _("Next steps"),
            "none": _("No meeting is shown."),
        },
        "meetings": [_meeting(each) for each in meetings],
    }


def _meeting(meeting: Meeting) -> dict[str, Any]:
    row = meeting.shown.row
    return {
        "title": meeting.shown.whom,
        "day": formats.long_day(row.at.date()),
        "text": row.text[:LONGEST],
        "heard": [f"{step.ask.label}: {step.get_stance_display()}" for step in meeting.steps],
        "promised": [f"{formats.day(one.due_on)} · {one.text}" for one, _light in meeting.promises],
        "next": [f"{formats.day(task.due_on)} · {task.title} ({task.assignee.name})" for task in meeting.tasks],
    }
