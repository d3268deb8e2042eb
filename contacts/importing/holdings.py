"""How long the files of imports are kept, with the lines that were read of them. What they brought to the directory stays."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from contacts.importing.models import ImportLine, ImportRun
from contacts.importing.services import discard_import
from crm.retention.registry import Batch, Kind
from crm.retention.registry import register as register_kind

SIZE = 5  # of a hundred thousand lines each at most


def _old(before: datetime) -> QuerySet[ImportRun]:
    """Those that hold something still: an erasure may have taken the file and left the lines of others."""
    lines = ImportLine.objects.filter(run=OuterRef("pk"))
    holds = Q(Exists(lines)) | (~Q(file="") & Q(applied_at__isnull=False)) | Q(applied_at__isnull=True)
    return ImportRun.objects.filter(holds, updated_at__lt=before).exclude(state__in=ImportRun.BUSY_STATES)


def count_old(before: datetime, since: datetime | None, limit: int) -> int:
    return int(_old(before)[:limit].count())


def remove_old(before: datetime, since: datetime | None) -> Batch:
    runs = list(_old(before).order_by("updated_at", "pk")[:SIZE])
    for run in runs:
        discard_import(run=run, actor=None)
    return Batch(len(runs), more=len(runs) == SIZE)


def register() -> None:
    register_kind(
        Kind(
            code="imports",
            label=_("Files of imports"),
            what=_(
                "The files, workbooks and rows of imports on which nobody worked for so long, rejected rows too. What was"
                " imported stays, and can be undone as before."
            ),
            default_days=180,
            minimum_days=7,
            count=count_old,
            work=remove_old,
            order=42,
        )
    )
