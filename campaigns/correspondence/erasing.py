"""What the register holds about a person: that they signed or were addressed, and their name in its words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.correspondence.models import Letter
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import count_where, like, pattern, replace_names

COLUMNS = ("subject", "ours", "copies", "note")


def count(data: PersonalData) -> int:
    if not data.needles:
        return Letter.objects.filter(person__in=data.person_ids).count()
    found, words = like(data.needles), pattern(data.needles)
    rule = " OR ".join(f"({column} ILIKE ANY (%s) AND {column} ~* %s)" for column in COLUMNS)
    values = [value for _column in COLUMNS for value in (found, words)]
    return count_where("campaigns_letter", f"person_id = ANY (%s) OR {rule}", [list(data.person_ids), *values])


def erase(data: PersonalData) -> int:
    touched = Letter.objects.filter(person__in=data.person_ids).update(person=None)
    names = sum(replace_names("campaigns_letter", column, data) for column in COLUMNS)
    return touched + names + replace_names("campaigns_letterdocument", "name", data)


def export(data: PersonalData) -> list[dict[str, Any]]:
    rows = Letter.objects.filter(person__in=data.person_ids).select_related("organization").order_by("on", "pk")
    return [
        {
            "reference": row.reference,
            "way": row.way,
            "on": row.on.isoformat(),
            "subject": row.subject,
            "organization": row.organization.name,
        }
        for row in rows
    ]


def register() -> None:
    register_erasure(
        "correspondence", _("Letters of the register"), count=count, erase=erase, export=export, order=127,
        goes=_("That it was they, and their name in subject, copies and notes."),
        stays=_("The entry of the institution, and its documents, which are its own."),
    )  # fmt: skip
