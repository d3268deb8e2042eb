"""What forms hold about a person, for erasure, for the file with their data, and how long it is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.forms import taking
from campaigns.forms.engine import in_words
from campaigns.forms.models import FormDraft, Submission
from contacts.consent.erasure.registry import PersonalData, register_erasure
from crm.retention.registry import Batch, Kind
from crm.retention.registry import register as register_kind

SIZE = 500


def _theirs(data: PersonalData) -> QuerySet[Submission]:
    return Submission.objects.filter(Q(address_hash__in=data.hashes) | Q(person__in=data.person_ids))


def _export(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {
            "form": row.form.name, "at": row.created_at.isoformat(), "name": row.name, "email": row.email,
            "phone": row.phone, "organization": row.organization_name, "state": row.state,
            "answers": [{"question": question, "answer": answer} for question, answer in in_words(row.form, row.answers, language=row.language)],
        }
        for row in _theirs(data).select_related("form").order_by("pk")
    ] + [
        {
            "form": row.form.name, "at": row.created_at.isoformat(), "state": "begun",
            "answers": [{"question": question, "answer": answer} for question, answer in in_words(row.form, row.answers, language=row.language)],
        }
        for row in FormDraft.objects.filter(pk__in=_drafts_of(data)).select_related("form").order_by("pk")
    ]  # fmt: skip


def _erase(data: PersonalData) -> int:
    """Answers go whole, with their files; kept answers in which nobody is named cannot be found, and go by age."""
    gone = taking.forget_submissions(list(_theirs(data).values_list("pk", flat=True)))
    drafts = FormDraft.objects.filter(pk__in=_drafts_of(data))
    return gone + taking.forget_drafts(list(drafts.values_list("pk", flat=True)))


def _drafts_of(data: PersonalData) -> list[int]:
    """Drafts have no column for an address: there are few, and they are looked through."""
    keys = {key.casefold() for key in data.keys}
    return [
        pk
        for pk, answers in FormDraft.objects.values_list("pk", "answers").iterator()
        if any(isinstance(value, str) and value.strip().casefold() in keys for value in answers.values())
    ]


def _old(before: datetime) -> QuerySet[Submission]:
    return Submission.objects.filter(created_at__lt=before)


def count_old(before: datetime, since: datetime | None, limit: int) -> int:
    return _old(before)[:limit].count()


def remove_old(before: datetime, since: datetime | None) -> Batch:
    ids = list(_old(before).order_by("created_at", "id").values_list("pk", flat=True)[:SIZE])
    return Batch(taking.forget_submissions(ids), more=len(ids) == SIZE)


def count_drafts(before: datetime, since: datetime | None, limit: int) -> int:
    return int(taking.old_drafts(before)[:limit].count())


def remove_drafts(before: datetime, since: datetime | None) -> Batch:
    ids = list(taking.old_drafts(before).values_list("pk", flat=True)[:SIZE])
    return Batch(taking.forget_drafts(ids), more=len(ids) == SIZE)


def register() -> None:
    register_erasure(
        "form_answers", _("Answers to forms"), count=lambda data: _theirs(data).count() + len(_drafts_of(data)), erase=_erase,
        export=_export, order=152, goes=_("All of them, with the files that they sent, and what they began."),
    )  # fmt: skip
    register_kind(
        Kind(
            code="form_answers",
            label=_("Answers to forms"),
            what=_("What was answered, with the files that were sent. What it added to the directory stays."),
            default_days=1095,
            minimum_days=30,
            count=count_old,
            work=remove_old,
            order=44,
        )
    )
    register_kind(
        Kind(
            code="form_drafts",
            label=_("Answers that were begun"),
            what=_("Answers that somebody kept to go on with, and did not send."),
            default_days=taking.DRAFT_DAYS,
            minimum_days=1,
            count=count_drafts,
            work=remove_drafts,
            order=45,
        )
    )
