"""What the API's own tables hold about a person, for erasure and for the file with their data."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.directory.models import ExternalId
from crm.api.models import KeptAnswer


def _keys(data: PersonalData) -> QuerySet[ExternalId]:
    return ExternalId.objects.filter(person__in=data.person_ids)


def _export(data: PersonalData) -> list[dict[str, Any]]:
    return [{"system": row.system, "key": row.key} for row in _keys(data).order_by("system")]


def _answers(data: PersonalData) -> QuerySet[KeptAnswer]:
    """Answers that name them by uid or by an address: kept for a day at most, and not longer than the person."""
    rule = Q(pk__in=[])
    for word in [*map(str, data.uids), *data.keys]:
        rule |= Q(body__icontains=word)
    return KeptAnswer.objects.filter(rule)


def register() -> None:
    register_erasure(
        "external_ids", _("What other systems call them"), count=lambda data: _keys(data).count(),
        erase=lambda data: _keys(data).delete()[0], export=_export, order=880, goes=_("All of it."),
    )  # fmt: skip
    register_erasure(
        "api_answers", _("Answers of the API"), count=lambda data: _answers(data).count(),
        erase=lambda data: _answers(data).delete()[0], order=720, goes=_("Answers that were kept to be repeated."),
    )  # fmt: skip
