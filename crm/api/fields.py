"""Serializer fields that the API's serializers share: rows by their uid or code, and maps that stay small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.accounts.models import User

Rows = Callable[[User], QuerySet[Any]]


class RowField(serializers.UUIDField):
    """A row by its uid, among those that the user may use here. What he may not see and what is not there look the same."""

    default_error_messages = {"gone": _("There is no such row here, or none that you may use.")}

    def __init__(self, rows: Rows, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows = rows

    def __deepcopy__(self, memo: Any) -> RowField:
        kwargs = {name: value for name, value in self._kwargs.items() if name != "rows"}
        return type(self)(self.rows, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        uid = super().to_internal_value(data)
        row = self.rows(self.context["request"].user).filter(uid=uid).first()
        if row is None:
            self.fail("gone")
        return row

    def to_representation(self, value: Any) -> str:
        return str(value if isinstance(value, UUID) else value.uid)


@extend_schema_field({"type": "string", "pattern": "^[A-Z0-9_-]{1,40}$"})
class CodeField(serializers.CharField):
    """A row by its code: a country, a constituency."""

    default_error_messages = {"gone": _("“{value}” is no code here.")}

    def __init__(self, rows: Rows, *, key: str = "code", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows, self.key = rows, key

    def __deepcopy__(self, memo: Any) -> CodeField:
        return type(self)(self.rows, key=self.key, **{n: v for n, v in self._kwargs.items() if n not in {"rows", "key"}})  # fmt: skip

    def to_internal_value(self, data: Any) -> Any:
        code = super().to_internal_value(data)
        rows = self.rows(self.context["request"].user)
        row = rows.filter(**{self.key: code}).first() if len(code) <= 40 else None
        if row is None:
            self.fail("gone", value=code[:40])
        return row

    def to_representation(self, value: Any) -> str:
        return str(getattr(value, self.key, value))


def text(length: int, **kwargs: Any) -> serializers.CharField:
    """One line or several, trimmed; may be empty unless it is required."""
    kwargs.setdefault("required", False)
    return serializers.CharField(max_length=length, allow_blank=not kwargs["required"], **kwargs)


def language(**kwargs: Any) -> serializers.RegexField:
    kwargs.setdefault("required", False)
    about = "BCP 47, in lower case: en, fr, pt-br."
    return serializers.RegexField(r"^([a-z]{2,3}(-[a-z0-9]{2,4})?)?$", max_length=8, allow_blank=True, help_text=about, **kwargs)  # fmt: skip


class Names(serializers.DictField):
    """Language → text."""

    child = serializers.CharField(max_length=300)

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if len(found) > 60 or any(not 2 <= len(str(key)) <= 8 for key in found):
            raise serializers.ValidationError(_("Names are language codes with a text each."))
        return found


class Codes(serializers.ListField):
    """Rows by their codes, in order: countries, constituencies."""

    child = serializers.CharField()

    def to_representation(self, data: Any) -> list[str]:
        return sorted(row.code for row in data.all())
