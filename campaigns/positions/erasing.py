"""People who are named as those who say where an institution stands: the step stays, whoever said it goes."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.positions.models import PositionStep
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import replace_names

_TABLE = "campaigns_positionstep"


def _steps(data: PersonalData) -> Any:
    return PositionStep.objects.filter(Q(said_by__in=data.person_ids) | Q(said_by_name__in=data.names))


def erase(data: PersonalData) -> int:
    """The trigger lets an erasure blank who said it and take names out of the words; nothing else."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('groundswell.erasing', 'on', true)")
    count = int(_steps(data).update(said_by=None, said_by_name=""))
    found = [replace_names(_TABLE, column, data) for column in ("evidence", "link", "said_by_name", "withdrawn_why")]
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('groundswell.erasing', 'off', true)")
    return count + sum(found)


def export(data: PersonalData) -> list[dict[str, Any]]:
    rows = _steps(data).select_related("organization", "ask", "recorded_by").order_by("on", "pk")
    return [
        {
            "institution": row.organization.name, "ask": row.ask.name, "position": str(row.get_stance_display()),
            "on": row.on.isoformat(), "evidence": row.evidence, "link": row.link,
            "recorded_by": row.recorded_by.name if row.recorded_by else "",
        }
        for row in rows
    ]  # fmt: skip


def register() -> None:
    register_erasure(
        "positions", _("What they said of an institution’s position"), count=lambda data: _steps(data).count(),
        erase=erase, export=export, order=95,
        goes=_("Who said so, and their name in the words."), stays=_("Where the institution stood, and when."),
    )  # fmt: skip
