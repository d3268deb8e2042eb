"""Freezing a report: its numbers, their definitions, its results and the ids behind each number, never changed again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.interactions.words import one_line
from campaigns.planning.models import Drive
from campaigns.results.figures import FIGURES, Counted, Part, Scope, breakdowns, rows_of
from campaigns.results.models import Snapshot, SnapshotRows
from campaigns.results.report import Report, live
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import record
from crm.errors import Invalid, NotAllowed
from crm.statistics import freshen

MOST_ROWS = 2_000_000  # ids of one snapshot
COUNTED = [
    "contacts_person", "contacts_organization", "contacts_membership", "campaigns_interaction", "campaigns_party", "campaigns_positionstep",
    "campaigns_commitment",
]  # fmt: skip
Key = tuple[str, str, str]  # figure, name of a breakdown or "", part of it or ""


def freeze(*, actor: User, scope: Scope, title: str, at: datetime | None = None) -> Snapshot:
    """Keep the report as it stands. The actor plans all of what it is about: a published number is not one person's view.

    Each number is how many ids are kept behind it, so that the two cannot differ, whatever others write meanwhile.
    """
    title = one_line(title)
    if not title:
        raise Invalid(_("Give it a name, such as “Report to donors, first half of 2027”."), field="title")
    _may_freeze(actor, scope)
    with transaction.atomic():
        freshen(COUNTED)  # after a large import the planner still takes them for empty
        ids = _ids(scope)
        rows = [SnapshotRows(figure=code, by=by, part=key, uids=uids) for (code, by, key), uids in ids.items()]
        content = _content(scope, _as_counted(scope, ids))
        snapshot = Snapshot.objects.create(
            campaign=scope.campaign, drive=scope.drive, title=title, first_on=scope.first, last_on=scope.last,
            taken_at=at or timezone.now(), taken_by=actor, content=content, fingerprint=fingerprint(content, rows),
        )  # fmt: skip
        for row in rows:
            row.snapshot = snapshot
        SnapshotRows.objects.bulk_create(rows)
        changes = [("fingerprint", None, snapshot.fingerprint)]
        record(verb="snapshot.frozen", target=snapshot, actor=actor, changes=changes, summary=title, event={})
    return snapshot


def _may_freeze(actor: User, scope: Scope) -> None:
    codes = actor.scope(Action.DRIVES).countries
    wanted = {code for drive in scope.drives for code in drive.countries.values_list("code", flat=True)}
    drives = Drive.objects.visible_to(actor, Action.DRIVES).filter(pk__in=[drive.pk for drive in scope.drives])
    reaches_all = drives.count() == len(scope.drives) and (codes is None or wanted <= codes)
    if not actor.may(Action.DRIVES) or not reaches_all:
        raise NotAllowed(
            _("A frozen report is about all of its countries, and your role reaches some of them. Nothing was saved.")
        )


def _ids(scope: Scope) -> dict[Key, list[UUID]]:
    found: dict[Key, list[UUID]] = {}
    total = 0
    for code, figure in FIGURES.items():
        parts = [(part.by, part.key) for found_parts in breakdowns(figure, scope).values() for part in found_parts]
        for by, key in [("", ""), *parts]:
            rows = rows_of(figure, scope, by, key).order_by("pk")
            found[code, by, key] = list(rows.values_list("uid", flat=True))
            total += len(found[code, by, key])
            if total > MOST_ROWS:
                raise Invalid(_("More than two million rows stand behind these numbers. Freeze drive by drive."))
    return found


def _as_counted(scope: Scope, ids: dict[Key, list[UUID]]) -> Report:
    """The report whose numbers are the lengths of these lists."""
    counted = {}
    for code, figure in FIGURES.items():
        parts = {
            by: [Part(by, part.key, part.label, len(ids.get((code, by, part.key), ()))) for part in known]
            for by, known in breakdowns(figure, scope).items()
        }
        counted[code] = Counted(figure, len(ids[code, "", ""]), parts)
    return live(scope, counted=counted)


def _content(scope: Scope, report: Report) -> dict[str, Any]:
    figures = []
    for stat in report.stats:
        parts = {
            key.split(":")[1]: [[part.key, part.label, part.value] for part in found]
            for key, found in report.parts.items()
            if key.startswith(f"{stat.code}:")
        }
        figures.append(
            {
                "code": stat.code, "label": stat.label, "definition": stat.definition, "value": stat.value,
                "note": stat.note, "parts": parts,
            }
        )  # fmt: skip
    return {
        "title": report.title, "about": report.about, "figures": figures, "lines": [asdict(line) for line in report.lines],
        "countries": scope.countries, "drives": [drive.label for drive in scope.drives],
    }  # fmt: skip


def fingerprint(content: dict[str, Any], rows: list[SnapshotRows]) -> str:
    """Of content and rows in one writing, so that anybody can compute it again from what is kept."""
    listed = sorted([row.figure, row.by, row.part, sorted(map(str, row.uids))] for row in rows)
    text = json.dumps(
        [content, listed], cls=DjangoJSONEncoder, sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()


def is_intact(snapshot: Snapshot) -> bool:
    """Whether what is kept is what was frozen."""
    return fingerprint(snapshot.content, list(snapshot.rows.all())) == snapshot.fingerprint


def uids_behind(snapshot: Snapshot, figure: str, by: str, key: str) -> list[UUID]:
    row = snapshot.rows.filter(figure=figure, by=by, part=key).first()
    return row.uids if row else []
