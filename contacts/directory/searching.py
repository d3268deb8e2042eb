"""People and institutions by what somebody types: names in any order, script or spelling, acronyms, parts of addresses.

What must stay quick with a million rows is asked in steps that each stop early: names that begin so (by the index of the
order), names that contain the words (trigrams), addresses that begin so, and only when all that found nothing, names that are
like it. Each step takes CAP rows at most, under a time limit; what is found is put in order here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import permutations
from typing import Any

import phonenumbers
from django.db import connection
from django.db.models import F, FloatField, Func, Q, QuerySet, Value

from contacts.directory.queries import among
from crm.patience import TookTooLong, statements_within
from crm.ui.searchtext import acronyms, typed_words, without_marks

CAP = 300  # candidates of one step: more are not read, let alone put in order
# Up to so many, or that share of a large table, a list is narrowed to exactly these rows; beyond, its own order finds them soon.
LIST_CAP, LIST_MOST, LIST_SHARE = 1000, 4000, 200
FAR_MORE = 5  # times as many expected: not even tried
MILLISECONDS = 250  # of one step
FLOOR = 0.4  # how like a word must be, from 0 to 1
LEAST_LETTERS = 4  # of a word that may be misspelt
_PHONE = re.compile(r"^[+(]?[\d\s().\-/]+$")
_ADDRESS = re.compile(r"^[^\s@]*@?[^\s@]*$")


@dataclass(frozen=True)
class Typed:
    """What somebody typed, read once."""

    text: str
    words: list[tuple[str, ...]]

    @property
    def plain(self) -> list[str]:
        return [ways[0] for ways in self.words]

    @property
    def digits(self) -> list[str]:
        """Parts of a phone number to look for, without what is only dialled in one country: +221 77…, 0 77… → 77…"""
        if not _PHONE.match(self.text):
            return []
        digits = re.sub(r"\D", "", self.text)
        found = [digits.lstrip("0")]
        try:
            number = phonenumbers.parse("+" + found[0] if digits.startswith("00") else self.text, None)
            found.append(str(number.national_number))
        except phonenumbers.NumberParseException:
            pass
        return [part for part in dict.fromkeys(found) if len(part) >= LEAST_LETTERS]

    @property
    def address(self) -> str:
        """An e-mail address or part of one, as addresses are stored; empty when it cannot be any."""
        text = self.text.strip().lower()
        return text if len(text) > 2 and _ADDRESS.match(text) and not _PHONE.match(text) else ""


def read(text: str) -> Typed:
    text = text.replace("\x00", "").strip()[:200]
    return Typed(text, typed_words(text))


def named(typed: Typed) -> Q:
    """Every word somewhere in the names, in one of its ways."""
    rule = Q()
    for ways in typed.words:
        one = Q()
        for way in ways:
            one |= Q(search_text__contains=way)
        rule &= one
    return rule


def is_called(row: Any, text: str) -> bool:
    """Whether this row's names have every word, as `named` asks of the database; not only nearly, and not by an address."""
    typed = read(text)
    return bool(typed.words) and all(any(way in row.search_text for way in ways) for ways in typed.words)


def _swaps(word: str) -> list[str]:
    """The word with each two neighbouring letters in the other order, the commonest slip of a hand."""
    if not LEAST_LETTERS <= len(word) <= 20:
        return []
    return [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]


MARKS = ("pk", "sort_key", "search_text", "updated_at")
Mark = tuple[int, str, str, datetime]


# --- steps ----------------------------------------------------------------------------------------------------------
@dataclass
class Found:
    """Ids of one search with what puts them in order, where that was read, and whether a step was stopped by its time limit."""

    ids: dict[int, Mark | None] = field(default_factory=dict)
    is_cut: bool = False

    def add(self, ids: Iterable[int]) -> None:
        self.ids |= dict.fromkeys(ids)

    def add_marked(self, rows: QuerySet[Any]) -> None:
        """Rows with their marks, in the same statement."""
        self.ids |= {mark[0]: mark for mark in rows.values_list(*MARKS)}

    @contextmanager
    def steps(self, milliseconds: int | None = None) -> Iterator[None]:
        """Each statement inside has so long; at the first that takes longer the steps end, and what was found is kept."""
        try:
            with statements_within(milliseconds or MILLISECONDS, {"pg_trgm.word_similarity_threshold": str(FLOOR)}):
                yield
        except TookTooLong:
            self.is_cut = True


def _beginning(rows: QuerySet[Any], typed: Typed, limit: int) -> QuerySet[Any]:
    """Names that begin with the words, in any order of up to three: by the index of the order of lists."""
    words = [without_marks(word) for word in typed.plain]
    orders = permutations(words) if len(words) <= 3 else [tuple(words)]
    rule = Q()
    for order in orders:
        rule |= Q(sort_key__startswith=" ".join(order)[:300])
    return rows.filter(rule).order_by()[:limit]


def _containing(rows: QuerySet[Any], typed: Typed, limit: int) -> QuerySet[Any]:
    return rows.filter(named(typed)).order_by()[:limit]


def _short(rows: QuerySet[Any], typed: Typed) -> list[int]:
    """Institutions that are called by the initials of what was typed: a long name finds what is stored as its acronym."""
    return list(rows.filter(sort_key__in=acronyms(typed.text)).order_by()[:CAP].values_list("pk", flat=True))


def points_of(typed: Typed) -> Q | None:
    """Addresses and numbers that have what was typed in them; None when it can be part of none."""
    rule = Q()
    if address := typed.address:
        local, at, domain = address.rpartition("@")
        if at and not local:
            rule |= Q(kind="email", domain__startswith=domain)
        elif at:
            rule |= Q(kind="email", address_key__startswith=address)
        else:
            rule |= Q(kind="email", address_key__startswith=address) | Q(kind="email", domain__startswith=address)
    for part in typed.digits:
        rule |= Q(kind="phone", digits__contains=part)
    return rule or None


def _owners(owner: str, rule: Q, limit: int) -> list[int]:
    from contacts.directory.models import ContactPoint

    points = ContactPoint.objects.with_parts().filter(rule, **{f"{owner}__isnull": False}).order_by()
    return list(points[:limit].values_list(owner, flat=True))


def _like(rows: QuerySet[Any], typed: Typed, limit: int) -> list[int]:
    """Names with a word like the longest of the words typed, and like the others: the best first.

    The index answers for the longest word, which is the rarest as a rule; CAP of its rows are looked at.
    """
    words = sorted((word for word in typed.plain if len(word) >= LEAST_LETTERS), key=len, reverse=True)
    if not words:
        return []
    near = Q(search_text__trigram_word_similar=words[0])
    for other in _swaps(words[0]):
        near |= Q(search_text__contains=other)
    likeness = {f"likeness_{number}": _likeness(word) for number, word in enumerate(words)}
    found = rows.filter(near).order_by().annotate(**likeness).values_list("pk", "search_text", *likeness)[:CAP]
    scored = [(_score(words, text, marks), pk) for pk, text, *marks in found]
    return [pk for score, pk in sorted(scored, reverse=True) if score][:limit]


def _likeness(word: str) -> Func:
    return Func(Value(word), F("search_text"), function="word_similarity", output_field=FloatField())


def _score(words: list[str], text: str, marks: list[float]) -> float:
    """The sum of what each word scores, 0 when one is like nothing there; two letters swapped are as good as right."""
    scores = [
        1.0 if any(way in text for way in _swaps(word)) else mark for word, mark in zip(words, marks, strict=True)
    ]
    return sum(scores) if all(score >= FLOOR for score in scores) else 0.0


# --- whole searches -------------------------------------------------------------------------------------------------
def narrowed(rows: QuerySet[Any], text: str, *, owner: str) -> QuerySet[Any]:
    """A list narrowed to what was typed: exactly the rows found when they are few, else by the names alone or the address."""
    typed = read(text)
    if not typed.words:
        return rows
    model: Any = rows.model
    found, many_points, cap = Found(), False, LIST_CAP
    points = points_of(typed)
    with found.steps():
        cap = _list_cap(model)
        if len(typed.words) == 1 and _expected(model.objects.filter(named(typed))) > FAR_MORE * cap:
            return rows.filter(named(typed))
        found.add(_keys(_containing(model.objects.all(), typed, cap + 1)))
        if len(found.ids) <= cap:
            if points is not None:
                owners = _owners(f"{owner}_id", points, cap + 1)
                many_points = len(owners) > cap
                if not many_points:
                    found.add(owners)
            if not found.ids and not many_points:
                _further(found, model.objects.all(), typed, owner, CAP)
    if many_points and points is not None:
        from contacts.directory.models import ContactPoint

        theirs = Q(pk__in=ContactPoint.objects.with_parts().filter(points).values(f"{owner}_id"))
        return rows.filter(theirs | Q(pk__in=list(found.ids)) if found.ids else theirs)
    if len(found.ids) > cap or found.is_cut:
        return rows.filter(named(typed))
    return rows.filter(among("pk", found.ids)) if found.ids else rows.filter(pk__in=[])


def _list_cap(model: Any) -> int:
    """By how many rows the table had when it was last counted: among few, many matches are soon met in any order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [model._meta.db_table])
        rows = int(cursor.fetchone()[0])
    return min(LIST_MOST, max(LIST_CAP, rows // LIST_SHARE))


def _expected(rows: QuerySet[Any]) -> int:
    """How many the planner expects. Of one word it knows well when it is common; of several it only knows each by itself."""
    with connection.cursor() as cursor:
        sql, params = rows.order_by().values("pk").query.sql_with_params()
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        return int(cursor.fetchone()[0][0]["Plan"]["Plan Rows"])


def _keys(rows: QuerySet[Any]) -> list[int]:
    """Thousands of keys as one value instead of as many rows."""
    with connection.cursor() as cursor:
        sql, params = rows.values("pk").query.sql_with_params()
        cursor.execute(f"SELECT ARRAY({sql})", params)
        return list(cursor.fetchone()[0])


def _further(found: Found, rows: QuerySet[Any], typed: Typed, owner: str, limit: int) -> None:
    """What is tried when nothing was found: initials, then names that are like it."""
    if owner == "organization" and len(typed.words) > 1:
        found.add(_short(rows, typed))
    if not found.ids:
        found.add(_like(rows, typed, limit))


def ranked(rows: QuerySet[Any], text: str, *, owner: str, limit: int) -> tuple[list[Any], bool]:
    """The best `limit` of `rows` (what the user may see), and whether some step was stopped.

    Exact, then beginnings, then words, then parts and addresses, then what is like it; within each the most recent. A step
    is left out when those before it found enough of what stands higher.
    """
    typed = read(text)
    if not typed.words:
        return [], False
    found, is_like = Found(), False
    points = points_of(typed)
    with found.steps():
        found.add_marked(_beginning(rows, typed, CAP))
        if len(found.ids) < limit:
            found.add_marked(_containing(rows, typed, CAP))
        if points is not None and len(found.ids) < limit and (owners := _owners(f"{owner}_id", points, CAP)):
            found.add_marked(rows.filter(pk__in=owners).order_by())
        if not found.ids:
            is_like = True
            _further(found, rows, typed, owner, limit)
    best = list(found.ids)[:limit] if is_like or not found.ids else _best(found, typed, limit)
    by_pk = rows.in_bulk(best) if best else {}
    return [by_pk[pk] for pk in best if pk in by_pk], found.is_cut


def _best(found: Found, typed: Typed, limit: int) -> list[int]:
    marks = [mark for mark in found.ids.values() if mark is not None]
    order = sorted(marks, key=lambda mark: (_rank(typed, mark[1], mark[2]), -mark[3].timestamp(), mark[1]))
    return [mark[0] for mark in order[:limit]]


def _rank(typed: Typed, sort_key: str, search_text: str) -> int:
    """0 the very name, or what it is called for short; 1 it begins so; 2 words begin so; 3 the rest."""
    words, names, there = typed.plain, sort_key.split(), search_text.split()
    bare = [without_marks(word) for word in words]
    if sorted(bare) == sorted(names) or (len(words) == 1 and words[0] in there and bare[0] not in names):
        return 0
    joined = " ".join(words)
    if sort_key.startswith(" ".join(bare)) or search_text.startswith(joined):
        return 1
    if all(any(word.startswith(way) for way in ways for word in there) for ways in typed.words):
        return 2
    return 3
