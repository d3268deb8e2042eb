"""What several shapes of delegations are made of: seats, texts by language, links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from campaigns.delegations.forms import MOST_SEATS
from campaigns.delegations.models import Role
from campaigns.delegations.presets import Seats
from contacts.directory.models import Constituency
from crm.api.fields import CodeField, Names
from crm.ui.public import LANGUAGES

MOST_LINES = 200  # constituencies × roles


class SeatIn(serializers.Serializer[Any]):
    constituency = CodeField(lambda user: Constituency.objects.filter(archived_at=None))
    role = serializers.ChoiceField(Role.choices)
    seats = serializers.IntegerField(min_value=0, max_value=MOST_SEATS)


def seats_of(rows: Sequence[dict[str, Any]]) -> Seats:
    """As services take them. A constituency has one line for each role."""
    found = {(row["constituency"].code, row["role"]): row["seats"] for row in rows}
    if len(found) != len(rows):
        raise serializers.ValidationError(_("Give each constituency and role once."))
    return found


class Texts(Names):
    """Texts in languages that pages and letters are written in."""

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        super().__init__(child=serializers.CharField(max_length=most), **kwargs)

    def __deepcopy__(self, memo: Any) -> Texts:
        kwargs = {name: value for name, value in self._kwargs.items() if name != "most"}
        return type(self)(most=self._kwargs["most"], **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if strange := sorted(str(key) for key in found if key not in LANGUAGES):
            raise serializers.ValidationError(
                _("“%(code)s” is none of the languages here: %(known)s.")
                % {"code": strange[0][:8], "known": ", ".join(LANGUAGES)}
            )
        return found


class SignedLinkOut(serializers.Serializer[Any]):
    link = serializers.URLField(help_text="Whoever has it can do what its page does. Treat it as a password.")
