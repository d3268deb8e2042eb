"""What words about institutions may hold of a person: a name in a protocol, also as it was kept when somebody went over it, or in a reason."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import count_where, like, pattern, replace_names

COLUMNS = (
    ("campaigns_contactguard", "protocol"),
    ("campaigns_quietdates", "why"),
    ("campaigns_guardoverride", "reason"),
    ("campaigns_guardoverride", "conflict"),  # the protocol's words, as they stood then
)


def count(data: PersonalData) -> int:
    if not data.needles:
        return 0
    words, found = pattern(data.needles), like(data.needles)
    return sum(
        count_where(table, f"{column} ILIKE ANY (%s) AND {column} ~* %s", [found, words]) for table, column in COLUMNS
    )


def erase(data: PersonalData) -> int:
    return sum(replace_names(table, column, data) for table, column in COLUMNS)


def register() -> None:
    register_erasure(
        "guard",
        _("Their name in contact guards"),
        count=count,
        erase=erase,
        order=126,
        goes=_("Their name."),
        stays=_("The rest of the words."),
    )
