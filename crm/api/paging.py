"""Keyset pages for the API: a signed cursor, `Link` headers, no total unless it is asked for.

A cursor is bound to the path, the order and the filters that it was given for, so a page is never silently of another list.
"""

from __future__ import annotations

import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from crm import base64url, keyring
from crm.api.problems import Problem, bad_query
from crm.patience import TookTooLong, statements_within
from crm.ui.paging import ExactEncoder, Key, fetch, sort_keys

DEFAULT, MOST = 50, 200
PAGING = {"limit", "after", "sort", "count"}
PURPOSE = "api.cursor"
COUNT_SECONDS = 5
COUNT_CAP = 10_000


@dataclass
class Asked:
    """What a list was asked for, from the query (GET) or the body (POST /…/query)."""

    path: str
    filters: dict[str, Any] = field(default_factory=dict)
    limit: int = DEFAULT
    after: str = ""
    sort: str = ""
    count: str = ""

    @classmethod
    def of(cls, request: Request, *, most: int = MOST, default: int = DEFAULT) -> Asked:
        given = request.query_params
        for name in PAGING & set(given):
            if len(given.getlist(name)) > 1:
                raise bad_query(name, _("Give “%(name)s” once.") % {"name": name})
        text = given.get("limit", "")
        if "limit" in given and not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most):
            raise bad_query("limit", _("“limit” is a whole number from 1 to %(most)s.") % {"most": most})
        if given.get("count", "exact") not in {"exact", "estimate"}:
            raise bad_query("count", _("“count” is “exact” or “estimate”."))
        filters = {name: given.getlist(name) for name in given if name not in PAGING}
        return cls(
            request.path, filters, int(text) if text else default, given.get("after", ""),
            given.get("sort", ""), given.get("count", ""),
        )  # fmt: skip


def seal(asked: Asked, order: str, values: Sequence[Any]) -> str:
    """A cursor that begins after `values` of this list."""
    packed = json.dumps(list(values), cls=ExactEncoder, separators=(",", ":")).encode()
    key_id, mac = keyring.sign(PURPOSE, _bound(asked, order) + packed)
    return f"{base64url.encode(packed)}.{key_id}.{base64url.encode(mac)}"


def unseal(asked: Asked, order: str) -> list[Any] | None:
    """The values of the cursor that was sent; None on the first page. A cursor that we did not give for this list is refused."""
    if not asked.after:
        return None
    wrong = bad_query("after", _("This cursor is not one of this list with these filters. Begin again without it."))
    try:
        body, key_id, mac = asked.after.split(".")
        packed = base64url.decode(body)
        if not keyring.verify(PURPOSE, _bound(asked, order) + packed, key_id, base64url.decode(mac)):
            raise wrong
        found = json.loads(packed)
    except (ValueError, binascii.Error) as error:
        raise wrong from error
    return found if isinstance(found, list) else None


def _bound(asked: Asked, order: str) -> bytes:
    about = json.dumps([asked.path, order, asked.filters], sort_keys=True, default=str)
    return hashlib.sha256(about.encode()).digest()


@dataclass
class Slice:
    rows: list[Any]
    next_cursor: str | None
    count: int | None = None
    is_estimate: bool = False


def page(asked: Asked, rows: QuerySet[Any], sort: Sequence[str]) -> Slice:
    """One page of `rows` in the order of `sort`, which ends with the primary key."""
    keys = sort_keys(rows, sort)
    order = ",".join(("-" if key.is_descending else "") + key.name for key in keys)
    found, has_more = fetch(rows, keys, _values(unseal(asked, order), keys), reverse=False, size=asked.limit)
    cursor = seal(asked, order, [key.value_of(found[-1]) for key in keys]) if has_more and found else None
    made = Slice(found, cursor)
    if asked.count:
        made.count, made.is_estimate = count(rows, exact=asked.count == "exact")
    return made


def _values(values: list[Any] | None, keys: list[Key]) -> list[Any] | None:
    if values is None:
        return None
    try:
        return [None if value is None else key.field.to_python(value) for key, value in zip(keys, values, strict=True)]
    except (ValueError, TypeError, ValidationError) as error:
        raise bad_query("after", _("This cursor is of an earlier version. Begin again without it.")) from error


def count(rows: QuerySet[Any], *, exact: bool) -> tuple[int, bool]:
    """(how many, whether that is the planner's estimate). An exact count ends after a few seconds rather than hold up others."""
    if not exact:
        capped = rows.order_by()[: COUNT_CAP + 1].count()
        if capped <= COUNT_CAP:
            return capped, False
        with connection.cursor() as cursor:
            sql, params = rows.order_by().values("pk").query.sql_with_params()
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            return max(int(cursor.fetchone()[0][0]["Plan"]["Plan Rows"]), capped), True
    try:
        with statements_within(COUNT_SECONDS * 1000):
            return rows.order_by().count(), False
    except TookTooLong as error:
        raise Problem(503, _("Counting took too long. Ask for count=estimate."), code="too_slow") from error


def answer(request: Request, made: Slice, data: list[Any]) -> Response:
    """The envelope of every list."""
    body: dict[str, Any] = {"data": data, "next": None, "next_cursor": made.next_cursor}
    if made.count is not None:
        body |= {"count": made.count, "count_is_estimate": made.is_estimate}
    response = Response(body)
    if made.next_cursor and request.method == "GET":
        query = request.query_params.copy()
        query["after"] = made.next_cursor
        body["next"] = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
        response["Link"] = f'<{body["next"]}>; rel="next"'
    return response
