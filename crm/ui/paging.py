"""Keyset paging: each page begins after the last row of the one before, so page 1,000 costs as much as page 1.

    page = paginate(request, Person.objects.visible_to(user), sort=["sort_key"])

The cursor in the URL (`after=` or `before=`) holds the sort values of one row. It says nothing that the list did not show, and
a broken or foreign cursor just shows the first page.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import CompositePrimaryKey, F, Field, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import ngettext

from crm import base64url
from crm.ui import formats
from crm.ui.large_counts import remembered

PAGE_SIZE = 50
COUNT_CAP = 10_000  # counting further than this costs more than it tells
LARGE, REMEMBER_SECONDS = 1_000, 60  # from here on a total may be a minute old
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Total:
    """How many rows there are, exactly up to COUNT_CAP; beyond that "10,000+"."""

    count: int
    is_capped: bool = False

    def __str__(self) -> str:
        return formats.number(self.count) + ("+" if self.is_capped else "")


def capped_total(queryset: QuerySet[Any], cap: int = COUNT_CAP) -> Total:
    """Count at most `cap` rows. A queryset may know a quicker way, `counted(cap)`, or give None."""
    plain = queryset.order_by()[: cap + 1]

    def count() -> int:
        counted = getattr(queryset, "quick_total", None)
        number: int | None = counted(cap + 1) if counted else None
        return plain.count() if number is None else number

    found = remembered("total", plain, count, seconds=REMEMBER_SECONDS, is_large=lambda n: n >= LARGE)
    return Total(min(found, cap), is_capped=found > cap)


@dataclass(frozen=True)
class Key:
    """One sort key. Rows without a value come last, in either direction."""

    name: str
    is_descending: bool
    is_nullable: bool
    field: Field[Any, Any]

    def order(self, *, reverse: bool) -> Any:
        down = self.is_descending != reverse
        expression = F(self.name)
        if not self.is_nullable:
            return expression.desc() if down else expression.asc()
        first = {"nulls_first": True} if reverse else {"nulls_last": True}
        return expression.desc(**first) if down else expression.asc(**first)

    def beyond(self, value: Any, *, reverse: bool) -> Q | None:
        """Rows strictly further than `value` in the direction we read; None if there can be none."""
        compare = "lt" if self.is_descending != reverse else "gt"
        if value is None:
            return Q(**{f"{self.name}__isnull": False}) if reverse else None
        further = Q(**{f"{self.name}__{compare}": value})
        return further | Q(**{f"{self.name}__isnull": True}) if self.is_nullable and not reverse else further

    def same(self, value: Any) -> Q:
        return Q(**{f"{self.name}__isnull": True}) if value is None else Q(**{self.name: value})

    def value_of(self, row: Any) -> Any:
        for part in self.name.split("__"):
            row = getattr(row, part) if row is not None else None
        return row

    def write(self, row: Any) -> Any:
        """The row's value as JSON has it."""
        return json.loads(json.dumps(self.value_of(row), cls=ExactEncoder))

    def read(self, value: Any) -> Any:
        return None if value is None else self.field.to_python(value)


@dataclass
class Page(Generic[Row]):
    rows: list[Row]
    next_url: str
    previous_url: str
    queryset: QuerySet[Any]
    count_cap: int = COUNT_CAP

    @cached_property
    def total(self) -> Total:
        if not self.has_more:
            return Total(len(self.rows))
        return capped_total(self.queryset, self.count_cap)

    @property
    def has_more(self) -> bool:
        return bool(self.next_url or self.previous_url)

    @property
    def summary(self) -> str:
        """ "1,284 rows", and how many of them are here."""
        if not self.has_more:
            return ngettext("%(n)s in all", "%(n)s in all", len(self.rows)) % {"n": formats.number(len(self.rows))}
        return ngettext("%(here)s of %(n)s", "%(here)s of %(n)s", self.total.count) % {
            "here": formats.number(len(self.rows)),
            "n": self.total,
        }

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def paginate(
    request: HttpRequest, queryset: QuerySet[Row], *, sort: Sequence[str] = (), size: int = PAGE_SIZE
) -> Page[Row]:
    """The page of `queryset` that the request's cursor asks for.

    sort: names of stored columns or annotations, "-" for descending, also over relations ("country__sort_key"); the primary
    key is added, so that the order is total.
    """
    keys = sort_keys(queryset, sort)
    signature = ",".join(("-" if key.is_descending else "") + key.name for key in keys)
    backwards, values = _read_cursor(request, keys, signature)
    rows, has_further = fetch(queryset, keys, values, reverse=backwards, size=size)
    has_next = has_further if not backwards else True
    has_previous = has_further if backwards else values is not None
    if backwards and not rows:  # everything before was deleted meanwhile
        rows, has_next = fetch(queryset, keys, None, reverse=False, size=size)
        has_previous = False
    return Page(
        rows=rows,
        next_url=_url(request, "after", keys, signature, rows[-1]) if has_next and rows else "",
        previous_url=_url(request, "before", keys, signature, rows[0]) if has_previous and rows else "",
        queryset=queryset,
    )


def sort_keys(queryset: QuerySet[Any], sort: Sequence[str]) -> list[Key]:
    """`sort` as keys, ended by the primary key."""
    names = list(sort)
    # rows with a composite key are ordered by a part of it that is unique where they are listed
    if not any(name.lstrip("-") in {"pk", "id"} for name in sort) and not isinstance(
        queryset.model._meta.pk, CompositePrimaryKey
    ):
        names.append("pk")
    keys = []
    for name in names:
        bare = name.removeprefix("-")
        field, is_nullable = _field_of(queryset, bare)
        keys.append(Key(bare, name.startswith("-"), is_nullable, field))
    return keys


def _field_of(queryset: QuerySet[Any], name: str) -> tuple[Any, bool]:
    if name in queryset.query.annotations:
        return queryset.query.annotations[name].output_field, True
    model: Any = queryset.model
    is_nullable = False
    *path, last = name.split("__")
    for step in path:
        relation = model._meta.get_field(step)
        is_nullable |= bool(relation.null)
        model = relation.related_model
    try:
        field = model._meta.pk if last == "pk" else model._meta.get_field(last)
    except FieldDoesNotExist as error:
        raise ValueError(f"{queryset.model.__name__} cannot be sorted by {name}") from error
    return field, is_nullable or bool(field.null)


def fetch(
    queryset: QuerySet[Row], keys: list[Key], values: list[Any] | None, *, reverse: bool, size: int
) -> tuple[list[Row], bool]:
    """Up to `size` rows in reading order, and whether there are more in the direction of reading.

    A queryset may know a quicker way to the first rows, `first_in_order(keys, values, …)`, or give None.
    """
    quicker = getattr(queryset, "first_in_order", None)
    rows = quicker(keys, values, reverse=reverse, limit=size + 1) if quicker else None
    if rows is None:
        rows = in_order(queryset, keys, values, reverse=reverse, limit=size + 1)
    has_further = len(rows) > size
    rows = rows[:size]
    return (rows[::-1] if reverse else rows), has_further


def in_order(
    queryset: QuerySet[Row],
    keys: Sequence[Key],
    values: Sequence[Any] | None,
    *,
    reverse: bool,
    limit: int,
    order: Sequence[Any] | None = None,
) -> list[Row]:
    """The first `limit` rows beyond `values` in the direction of reading. order: the same order as `keys` in other words."""
    if values is not None:
        queryset = queryset.filter(beyond(keys, values, reverse=reverse))
    return list(queryset.order_by(*(order or [key.order(reverse=reverse) for key in keys]))[:limit])


def beyond(keys: Sequence[Key], values: Sequence[Any], *, reverse: bool = False) -> Q:
    """k1 beyond v1, or k1 = v1 and k2 beyond v2, and so on; with a plain bound on k1 that an index can use."""
    found, prefix = Q(pk__in=[]), Q()
    for key, value in zip(keys, values, strict=True):
        beyond = key.beyond(value, reverse=reverse)
        if beyond is not None:
            found |= prefix & beyond
        prefix &= key.same(value)
    first, value = keys[0], values[0]
    if len(keys) > 1 and not first.is_nullable and value is not None:
        compare = "lte" if first.is_descending != reverse else "gte"
        return Q(**{f"{first.name}__{compare}": value}) & found
    return found


def _url(request: HttpRequest, side: str, keys: list[Key], signature: str, row: Any) -> str:
    packed = json.dumps([signature, *(key.value_of(row) for key in keys)], cls=ExactEncoder, separators=(",", ":"))
    query = request.GET.copy()
    query.pop("after", None)
    query.pop("before", None)
    query[side] = base64url.encode(packed.encode())
    return f"{request.path}?{query.urlencode()}"


class ExactEncoder(DjangoJSONEncoder):
    """Django's encoder cuts times to milliseconds, and a cut cursor would show a row twice."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)


def _read_cursor(request: HttpRequest, keys: list[Key], signature: str) -> tuple[bool, list[Any] | None]:
    side = "before" if "before" in request.GET else "after"
    text = request.GET.get(side, "")
    if not text:
        return False, None
    try:
        found = json.loads(base64url.decode(text))
        if (
            not isinstance(found, list)
            or found[:1] != [signature]
            or len(found) != len(keys) + 1
            or "\\u0000" in json.dumps(found)
        ):
            return False, None
        return side == "before", [
            None if value is None and key.is_nullable else key.field.to_python(value)
            for key, value in zip(keys, found[1:], strict=True)
        ]
    except (binascii.Error, ValueError, TypeError, ValidationError, RecursionError, KeyError):
        return False, None
