"""Names of people in the words of plans, chances and results: activities, objectives, policy windows, what shows that something was
reached. The words stay, the name goes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.activities.models import Activity
from campaigns.activities.states import State
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import count_where, like, pattern, replace_names
from crm.retention.registry import Batch, Kind
from crm.retention.registry import register as register_kind

TEXTS = {
    "campaigns_activity": ("name", "note", "sort_key", "search_text"),
    "campaigns_objective": ("name",),
    "campaigns_policywindow": ("note",),
    "campaigns_actual": ("evidence", "link", "contribution"),
}


SIZE = 500


def _with_notes(before: datetime) -> Any:
    """Of what is over: done, dropped, or taken out of the plan."""
    over = Q(state=State.DONE, done_on__lt=before.date()) | Q(state=State.DROPPED) | Q(archived_at__lt=before)
    return Activity.objects.exclude(note="").filter(over, due_on__lt=before.date(), updated_at__lt=before)


def count_notes(before: datetime, since: datetime | None, limit: int) -> int:
    return int(_with_notes(before).order_by()[:limit].count())


def blank_notes(before: datetime, since: datetime | None) -> Batch:
    ids = list(_with_notes(before).order_by("pk").values_list("pk", flat=True)[:SIZE])
    Activity.objects.filter(pk__in=ids).update(note="")
    return Batch(len(ids), more=len(ids) == SIZE)


def count(data: PersonalData) -> int:
    if not data.needles:
        return 0
    found = [like(data.needles), pattern(data.needles)]
    return sum(
        count_where(table, " OR ".join(f"({column} ILIKE ANY (%s) AND {column} ~* %s)" for column in columns), found * len(columns))
        for table, columns in TEXTS.items()
    )  # fmt: skip


def erase(data: PersonalData) -> int:
    """What was measured is never rewritten, but for this: a trigger lets an erasure take names out of its words."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('groundswell.erasing', 'on', true)")
    found = sum(replace_names(table, column, data) for table, columns in TEXTS.items() for column in columns)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('groundswell.erasing', 'off', true)")
    return found


def export(data: PersonalData) -> list[dict[str, Any]]:
    """Nothing of theirs: plans are ours."""
    return []


def register() -> None:
    register_erasure(
        "plans", _("Activities, policy windows and results that name them"), count=count, erase=erase, export=export, order=93,
        goes=_("Their name in the words."), stays=_("The plan."),
    )  # fmt: skip
    register_kind(
        Kind(
            code="activity_notes", label=_("Notes of activities that are over"),
            what=_("The note of an activity that was done, dropped or taken out of the plan. The activity, its days and its state stay."),
            default_days=None, minimum_days=90, count=count_notes, work=blank_notes, order=47,
        )
    )  # fmt: skip
