"""What mission reports hold about a person: their name in titles, summaries and drafts. What was filed is held by the log."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.missions.models import Mission
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import count_where, like, pattern, replace_names

COLUMNS = ("title", "summary", "draft")


def _naming(data: PersonalData) -> tuple[str, list[Any]]:
    found, words = like(data.needles), pattern(data.needles)
    rule = " OR ".join(f"({column} ILIKE ANY (%s) AND {column} ~* %s)" for column in COLUMNS)
    return rule, [value for _column in COLUMNS for value in (found, words)]


def count(data: PersonalData) -> int:
    return count_where("campaigns_mission", *_naming(data)) if data.needles else 0


def erase(data: PersonalData) -> int:
    return sum(replace_names("campaigns_mission", column, data) for column in COLUMNS)


def export(data: PersonalData) -> list[dict[str, Any]]:
    if not data.needles:
        return []
    words = pattern(data.needles)
    rows = Mission.objects.filter(Q(title__iregex=words) | Q(summary__iregex=words) | Q(draft__iregex=words)).order_by(
        "starts_on", "pk"
    )
    return [{"mission": row.title, "from": row.starts_on.isoformat(), "summary": row.summary} for row in rows]


def register() -> None:
    register_erasure(
        "missions", _("Mission reports that name them"), count=count, erase=erase, export=export, order=126,
        goes=_("Their name."), stays=_("The report of the trip."),
    )  # fmt: skip
