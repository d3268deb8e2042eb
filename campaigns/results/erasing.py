"""Names of people in the words of frozen reports: what shows a result, what was contributed, titles.

A frozen report never changes, but for this. The numbers and the rows behind them stay; what is left gets a fingerprint of its own, and the
report keeps the one that it was published with, and says when names were taken out.
"""

from __future__ import annotations

import re
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.results.models import Snapshot
from campaigns.results.snapshots import fingerprint
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import BLANK, json_like


def _naming(data: PersonalData) -> list[Snapshot]:
    if not data.needles:
        return []
    named = "(title ILIKE ANY (%s) OR content::text ILIKE ANY (%s))"
    patterns = json_like(data.needles)
    rows = Snapshot.objects.extra(where=[named], params=[patterns, patterns])  # noqa: S610 our own words
    return [row for row in rows.order_by("pk") if _blanked(row, data) != (row.title, row.content)]


def _blanked(row: Snapshot, data: PersonalData) -> tuple[str, Any]:
    finds = re.compile(r"(?<!\w)(" + "|".join(map(re.escape, data.needles)) + r")(?!\w)", re.IGNORECASE)

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return finds.sub(BLANK, value)
        if isinstance(value, list):
            return [clean(each) for each in value]
        if isinstance(value, dict):
            return {key: clean(each) for key, each in value.items()}
        return value

    return clean(row.title), clean(row.content)


def count(data: PersonalData) -> int:
    return len(_naming(data))


def erase(data: PersonalData) -> int:
    rows = _naming(data)
    if not rows:
        return 0
    with connection.cursor() as cursor:  # the trigger that keeps reports as they are lets this through
        cursor.execute("SELECT set_config('groundswell.erasing', 'on', true)")
    for row in rows:
        row.title, row.content = _blanked(row, data)
        row.published_fingerprint = row.published_fingerprint or row.fingerprint
        row.fingerprint, row.names_taken_at = fingerprint(row.content, list(row.rows.all())), timezone.now()
        row.save(update_fields=["title", "content", "published_fingerprint", "fingerprint", "names_taken_at"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('groundswell.erasing', 'off', true)")
    return len(rows)


def export(data: PersonalData) -> list[dict[str, Any]]:
    """Nothing of theirs: reports are ours."""
    return []


def register() -> None:
    register_erasure(
        "snapshots", _("Frozen reports that name them"), count=count, erase=erase, export=export, order=94,
        goes=_("Their name in the words. The report says that names were taken out, and keeps the fingerprint that it was published with."),
        stays=_("The numbers, and that somebody stood behind them."),
    )  # fmt: skip
