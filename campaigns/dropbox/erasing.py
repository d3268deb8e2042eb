"""What dropped mail holds about a person, and how long what was dismissed is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.dropbox.attachments import remove_files
from campaigns.dropbox.models import DroppedFile, DroppedMail
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import replace_names
from crm.retention.registry import Batch, Kind
from crm.retention.registry import register as register_kind

SIZE = 500


def _about(data: PersonalData) -> Any:
    rule = Q(interaction__person__in=data.person_ids)
    for key in data.keys:
        rule |= Q(addresses__contains=[[key]]) | Q(sender=key)
    for needle in data.needles:
        rule |= Q(subject__icontains=needle) | Q(text__icontains=needle) | Q(left_out__icontains=needle)
        rule |= Q(pk__in=DroppedFile.objects.filter(name__icontains=needle).values("mail"))
    return DroppedMail.objects.filter(rule)


def count(data: PersonalData) -> int:
    return int(_about(data).count())


def erase(data: PersonalData) -> int:
    """Mail with them loses its words and addresses; where others' mail names them, the name goes."""
    keys = set(data.keys)
    rule = Q(interaction__person__in=data.person_ids)
    for key in keys:
        rule |= Q(addresses__contains=[[key]])
    rows = list(DroppedMail.objects.filter(rule).values_list("pk", flat=True))
    gone = DroppedMail.objects.filter(pk__in=rows).update(subject="", text="", addresses=[], left_out="")
    gone += remove_files(rows)
    gone += DroppedMail.objects.filter(sender__in=keys).update(sender="")
    return (
        gone
        + replace_names("campaigns_droppedmail", "subject", data)
        + replace_names("campaigns_droppedmail", "text", data)
        + replace_names("campaigns_droppedmail", "left_out", data)
        + replace_names("campaigns_droppedfile", "name", data)
    )


def export(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {
            "subject": row.subject,
            "text": row.text,
            "at": row.at.isoformat(),
            "from_them": row.is_from_them,
            "attachments": [file.name for file in row.files.all()],
        }
        for row in _about(data).prefetch_related("files").order_by("at", "pk")
    ]


def _dismissed(before: datetime) -> Any:
    return DroppedMail.objects.filter(state="dismissed", settled_at__lt=before)


def count_dismissed(before: datetime, since: datetime | None, limit: int) -> int:
    return int(_dismissed(before).order_by()[:limit].count())


def remove_dismissed(before: datetime, since: datetime | None) -> Batch:
    ids = list(_dismissed(before).order_by("pk").values_list("pk", flat=True)[:SIZE])
    with transaction.atomic():
        remove_files(ids)
        DroppedMail.objects.filter(pk__in=ids).delete()
    return Batch(len(ids), more=len(ids) == SIZE)


def register() -> None:
    register_erasure(
        "dropbox", _("Mail that officers dropped"), count=count, erase=erase, export=export, order=85,
        goes=_("Words, addresses, names and attachments."), stays=_("That there was a message, and when."),
    )  # fmt: skip
    register_kind(
        Kind(
            code="dropped_mail", label=_("Dismissed mail of dropboxes"), what=_("What an officer dropped and then dismissed. What was filed stays."),
            default_days=90, minimum_days=7, count=count_dismissed, work=remove_dismissed, order=45,
        )
    )  # fmt: skip
