"""Who gets a mailing and who does not, counted and listed. The rows behind every number come from the same query."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from campaigns.delivery.copies import extra_columns
from campaigns.delivery.members import COLUMNS, TABLES, audience_sql
from campaigns.delivery.models import SkipReason
from campaigns.delivery.relations import fields_shown
from campaigns.mailings.bound import PREFIX, bound_to
from campaigns.mailings.fields import FIELDS, is_answer
from campaigns.mailings.models import Mailing
from crm.statistics import freshen

__all__ = ["COLUMNS", "Member", "Summary", "audience_summary", "audience_sql", "members", "sample"]
FIRST_MEMBERS = 200  # among whom an example is looked for first
# Fields that every message has, whoever gets it.
_GIVEN = ("sender.name", "reference", "unsubscribe_url", "preferences_url")


_COPIES = """
            UNION ALL SELECT 'copy', coalesce(reason, ''), '', count(*), NULL FROM audience WHERE copy_of IS NOT NULL GROUP BY reason
            UNION ALL SELECT 'gap', copy_gap, '', count(*), NULL FROM letters WHERE copy_gap IS NOT NULL GROUP BY copy_gap
            UNION ALL SELECT 'uncopied', country_code, '', count(*), NULL FROM letters WHERE copy_gap = 'none' GROUP BY country_code"""


@dataclass(frozen=True)
class Summary:
    """An audience in numbers. total = will_get + the sum of `reasons`."""

    at: datetime
    total: int
    will_get: int
    reasons: dict[str, int]
    languages: dict[str, int]
    countries: dict[str, int]
    constituencies: dict[str, int]
    # country code → root codes of the constituencies that get it there
    sides: dict[str, set[str]] = field(default_factory=dict)
    empty: dict[str, int] = field(default_factory=dict)  # field → how many who get it have nothing in it
    # of a mailing with a rule for copies: reason ("" for those that go) → copies, and why letters go uncopied → letters
    copies: dict[str, int] = field(default_factory=dict)
    copy_gaps: dict[str, int] = field(default_factory=dict)
    uncopied_countries: list[str] = field(default_factory=list)  # codes, where there is no such institution

    @property
    def skipped(self) -> int:
        return self.total - self.will_get

    @property
    def copies_going(self) -> int:
        return self.copies.get("", 0)


def audience_summary(mailing: Mailing, *, now: datetime | None = None) -> Summary:
    """Counts of the audience as it is now, by reason, language, country and constituency. One query."""
    moment = now or timezone.now()
    shown = fields_shown(mailing)
    sql, params = audience_sql(mailing, now=moment, fields=shown)
    paths = _shown_by_writers(mailing, shown)
    with _calculating() as cursor:
        cursor.execute(_summary_sql(sql, paths, has_copies=bool(mailing.copies_to_id)), params)
        tally = _Tally()
        for kind, key, second, count, numbers in cursor.fetchall():
            tally.add(kind, key, second, count)
            if kind == "empty":
                tally.empty = {path: number for path, number in zip(paths, numbers, strict=True) if number}
    return tally.summary(moment)


def _shown_by_writers(mailing: Mailing, shown: Collection[str]) -> list[str]:
    """Merge fields whose emptiness somebody should know of."""
    bound = bound_to(mailing) is not None
    paths = [*FIELDS, *sorted(filter(is_answer, shown))]
    return [path for path in paths if path in shown and path not in _GIVEN and not (bound and path.startswith(PREFIX))]


def _summary_sql(audience: str, paths: Collection[str], *, has_copies: bool) -> str:
    """Rows (what is counted, key, second key, count, counts of empty fields)."""
    empties = ", ".join(f"count(*) FILTER (WHERE coalesce(fields->>'{path}', '') = '')" for path in paths)
    # a copy shows its letter's fields, and stands for no side
    only_letters = " WHERE copy_of IS NULL" if has_copies else ""
    return f"""
            WITH audience AS MATERIALIZED ({audience}),
                 getting AS (SELECT * FROM audience WHERE reason IS NULL),
                 letters AS (SELECT * FROM getting{only_letters})
            SELECT 'reason', coalesce(reason, ''), '', count(*)::int, NULL::bigint[] FROM audience GROUP BY reason
            UNION ALL SELECT 'language', language, '', count(*), NULL FROM getting GROUP BY language
            UNION ALL SELECT 'place', country_code, root_code, count(*), NULL FROM getting GROUP BY country_code, root_code
            UNION ALL SELECT 'constituency', constituency_code, '', count(*), NULL FROM getting GROUP BY constituency_code
            UNION ALL SELECT 'side', country_code, root_code, count(*), NULL FROM letters GROUP BY country_code, root_code
            UNION ALL SELECT 'empty', '', '', count(*), ARRAY[{empties}] FROM letters{_COPIES if has_copies else ""}"""


@dataclass
class _Tally:
    """The rows of the query, put where they belong."""

    counts: dict[str, dict[str, int]] = field(
        default_factory=lambda: {
            kind: {} for kind in ("reason", "language", "place", "constituency", "copy", "gap", "uncopied")
        }
    )
    sides: dict[str, set[str]] = field(default_factory=dict)
    empty: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, key: str, second: str, count: int) -> None:
        if kind == "side":
            self.sides.setdefault(key, set()).add(second)
        elif kind in self.counts:
            found = self.counts[kind]
            found[key] = found.get(key, 0) + count

    def summary(self, moment: datetime) -> Summary:
        reasons = dict(self.counts["reason"])
        will_get = reasons.pop("", 0)
        return Summary(
            at=moment,
            total=will_get + sum(reasons.values()),
            will_get=will_get,
            reasons={reason.value: reasons[reason.value] for reason in SkipReason if reason.value in reasons},
            languages=_falling(self.counts["language"]),
            countries=_falling(self.counts["place"]),
            constituencies=_falling(self.counts["constituency"]),
            sides=self.sides,
            empty=self.empty,
            copies=self.counts["copy"],
            copy_gaps=self.counts["gap"],
            uncopied_countries=sorted(self.counts["uncopied"]),
        )


def _falling(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True)
class Member:
    """One row of the audience, as pre-flight lists it."""

    reason: str | None
    also: list[str]
    address: str
    address_key: str | None
    address_hash: bytes | None
    variant_id: int | None
    person_id: int | None
    post_id: int | None
    organization_id: int | None
    contact_point_id: int | None
    constituency_code: str
    country_code: str
    language: str
    is_tracked: bool
    fields: dict[str, Any]
    sort_key: str
    root_code: str
    copy_of: int | None = None
    copy_gap: str | None = None

    @property
    def key(self) -> int:
        return self.person_id or self.organization_id or 0


def members(
    mailing: Mailing,
    *,
    reason: str | None = None,
    empty_field: str = "",
    country: str = "",
    language: str = "",
    countries: Collection[str] | None = None,
    copies: bool = False,
    copy_gap: str = "",
    after: tuple[str, int] | None = None,
    limit: int = 50,
    now: datetime | None = None,
) -> list[Member]:
    """People behind a number, by name. reason: a SkipReason, "" for those who get it, None for all.

    countries: only those of these countries, None for all; empty_field: only those whose merge field is empty; copies: only these;
    copy_gap: only letters without a copy for this reason (see `Gap`); after: (sort key, id) of the last one shown.
    """
    where: list[str] = ["true"]
    values: list[Any] = []
    if reason is not None:
        where.append("reason IS NULL" if reason == "" else "reason = %s")
        values += [reason] if reason else []
    more = extra_columns(mailing)
    if (copies or copy_gap) and not more:
        return []
    if empty_field:
        where.append("reason IS NULL AND coalesce(fields->>%s, '') = ''" + (" AND copy_of IS NULL" if more else ""))
        values.append(empty_field)
    if copies:
        where.append("copy_of IS NOT NULL")
    if copy_gap:
        where.append("copy_gap = %s")
        values.append(copy_gap)
    if countries is not None:
        where.append("country_code = ANY (%s)")
        values.append(list(countries))
    if country:
        where.append("country_code = %s")
        values.append(country)
    if language:
        where.append("language = %s")
        values.append(language)
    if after:
        where.append("(sort_key, coalesce(person_id, organization_id)) > (%s, %s)")
        values += list(after)
    sql, params = audience_sql(mailing, now=now, fields=fields_shown(mailing))
    with _calculating() as cursor:
        cursor.execute(
            f"SELECT {', '.join([*COLUMNS, 'sort_key', 'root_code', *more])} FROM ({sql}) audience WHERE {' AND '.join(where)}"
            " ORDER BY sort_key, coalesce(person_id, organization_id) LIMIT %s",
            [*params, *values, limit],
        )
        return [Member(*row) for row in _decoded(cursor.fetchall())]


def sample(
    mailing: Mailing, *, language: str = "", how: str = "", countries: Collection[str] | None = None
) -> Member | None:
    """One who gets it, to preview: the first by name, the one with the `longest` name, or with the most `empty` fields.

    The first by name is looked for among the first members, as a rule in milliseconds; the others are known when all were looked at.
    """
    orders = {
        "longest": "length(fields->>'person.name') DESC, sort_key",
        "empty": "(SELECT count(*) FROM jsonb_each_text(fields) e WHERE coalesce(e.value, '') = '') DESC, sort_key",
    }
    shown = fields_shown(mailing)
    for first in (0,) if how in orders else (FIRST_MEMBERS, 0):
        sql, params = audience_sql(mailing, fields=shown, first=first, countries=countries)
        letters = " AND copy_of IS NULL" if mailing.copies_to_id else ""
        with _calculating() as cursor:
            cursor.execute(
                f"SELECT {', '.join(COLUMNS)}, sort_key, root_code FROM ({sql}) audience"
                f" WHERE reason IS NULL{letters} AND (%s = '' OR language = %s) AND (%s::text[] IS NULL OR country_code = ANY (%s::text[]))"
                f" ORDER BY {orders.get(how, 'sort_key')} LIMIT 1",
                [*params, language, language, *[None if countries is None else list(countries)] * 2],
            )
            if rows := _decoded(cursor.fetchall()):
                return Member(*rows[0])
    return None


def _decoded(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Django's cursors give jsonb as text."""
    import json

    at = COLUMNS.index("fields")
    return [(*row[:at], json.loads(row[at]) if isinstance(row[at], str) else row[at], *row[at + 1 :]) for row in rows]


class _calculating:  # noqa: N801 reads like a function
    """A cursor with room to sort and hash in memory, for the length of one query."""

    def __enter__(self) -> Any:
        freshen(TABLES)
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.cursor = connection.cursor()
        self.cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
        return self.cursor

    def __exit__(self, *exc_info: Any) -> None:
        self.cursor.close()
        self.atomic.__exit__(*exc_info)
