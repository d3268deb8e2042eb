"""The fields that a segment may ask about, in one registry that features add to.

A field says what it is called, which operators it has, what may be chosen, and how it becomes SQL and words. The
builder, the validation, the compiler and the sentence are made from it; none of them knows a field by name, except
*in segment* (the compiler inlines those).

The SQL of a rule is one boolean expression over the aliases of `Context`. It is TRUE, FALSE, or NULL for *unknown*,
so that PostgreSQL's own logic of three values does the rest: unknown people are left out, whatever is negated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import User

Text = str | Promise
Takes = Literal[
    "nothing", "choices", "number", "range", "days", "date", "text", "period", "count", "year", "year_number", "change"
]
# values that are lists of a fixed length: period (two days), count (times, days), year_number, change (two years, a number)
PARTS: Mapping[str, int] = {"range": 2, "period": 2, "count": 2, "year_number": 2, "change": 3}
PEOPLE, ORGANIZATIONS = "people", "organizations"
BOTH = frozenset({PEOPLE, ORGANIZATIONS})


@dataclass(frozen=True)
class Operator:
    code: str
    label: Text
    takes: Takes


ANY_OF = Operator("any_of", _("is one of"), "choices")
NONE_OF = Operator("none_of", _("is not one of"), "choices")
CHOICE = (ANY_OF, NONE_OF)
NUMBER = (
    Operator("below", _("is below"), "number"),
    Operator("at_most", _("is at most"), "number"),
    Operator("above", _("is above"), "number"),
    Operator("at_least", _("is at least"), "number"),
    Operator("between", _("is between"), "range"),
    Operator("known", _("is known"), "nothing"),
    Operator("not_known", _("is not known"), "nothing"),
)
IN_A_YEAR = (
    Operator("below_in", _("was below, in a year"), "year_number"),
    Operator("at_least_in", _("was at least, in a year"), "year_number"),
    Operator("known_in", _("is known for a year"), "year"),
    Operator("not_known_in", _("is not known for a year"), "year"),
    Operator("rose", _("rose over years by at least"), "change"),
    Operator("fell", _("fell over years by at least"), "change"),
)
TEXT = (
    Operator("contains", _("contains"), "text"),
    Operator("not_contains", _("does not contain"), "text"),
)
WHEN = (
    Operator("not_within", _("not within"), "days"),
    Operator("within", _("within"), "days"),
    Operator("since", _("since"), "date"),
    Operator("not_since", _("not since"), "date"),
    Operator("never", _("never"), "nothing"),
    Operator("ever", _("at some time"), "nothing"),
)
# a moment that there always is, or a day that there may be
DATED = (
    Operator("within", _("within"), "days"),
    Operator("not_within", _("not within"), "days"),
    Operator("since", _("since"), "date"),
    Operator("not_since", _("before"), "date"),
    Operator("between", _("between"), "period"),
    Operator("not_between", _("not between"), "period"),
)
# whether and how often something happened within a time
HAPPENED = (
    Operator("within", _("within the last"), "days"),
    Operator("not_within", _("not within the last"), "days"),
    Operator("between", _("between"), "period"),
    Operator("not_between", _("not between"), "period"),
    Operator("at_least_times", _("at least so often"), "count"),
    Operator("fewer_times", _("fewer times than"), "count"),
)


@dataclass(frozen=True)
class Choice:
    """One value that may be chosen: how the tree writes it, what people read, and the key that SQL compares."""

    value: str
    label: str
    key: Any
    colour: str = ""  # name of a constituency's colour, for its tag
    note: str = ""
    said: str = ""  # what the sentence calls it, when not by its label


class Choices(Protocol):
    @property
    def is_short(self) -> bool:
        """All of them fit into one menu; else they are searched."""

    def get(self, values: Iterable[str], selects: str) -> dict[str, Choice]:
        """Those of `values` that exist, in one query."""

    def find(self, text: str, *, user: User | None, selects: str, limit: int = 30) -> list[Choice]:
        """What the picker offers for `text`; blank text offers the first ones."""


@dataclass(frozen=True)
class Split:
    """A condition as two plain ones: `yes`, and `unknown` where `yes` does not hold. Both become (anti-)semi-joins."""

    yes: str
    unknown: str


class Seated(str):
    """A condition that nobody meets who has no current primary membership: where it must hold, memberships can be counted
    without reading people."""

    __slots__ = ()


class Context(Protocol):
    """What a field's SQL may use. People: `p`, and by `join`: `m` current primary membership, `o` its organization, `po` its
    post. Organizations: `o`."""

    selects: str
    id: str  # p.id or o.id
    uid: str
    country: str  # column with the country's code
    language: str

    def param(self, value: Any) -> str:
        """A placeholder for `value`. Values never stand in the SQL itself."""

    def join(self, alias: str) -> str:
        """Make `m`, `o` or `po` available; joined once, whoever asks."""

    def cte(self, name: str, sql: str) -> str:
        """A common table expression of this name, made once."""

    def keys(self) -> list[Any]:
        """The keys of what was chosen in the rule at hand."""


Sql = Callable[[Context, str, Any], str | Split]
Evidence = Callable[[Context, str, Any], str]


@dataclass(frozen=True)
class Field:
    """Something to ask. `says` has a clause per operator, to follow "People …"; `**` marks what is bold.

    `evidence` is an SQL expression for the value that decides a rule, shown where somebody asks why a person is in or out;
    `reads` turns that value into words where it is no date, number, name or choice.
    """

    code: str
    label: Text
    group: Text
    operators: tuple[Operator, ...]
    sql: Sql
    says: Mapping[str, Text]
    says_of_organizations: Mapping[str, Text] = field(
        default_factory=dict
    )  # where it reads otherwise after "Organizations …"
    selects: frozenset[str] = BOTH
    choices: Choices | None = None
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    unknown: Text = ""  # why it may be unknown, to follow "left out: "; empty when it never is
    order: int = 100
    help: Text = ""
    subject: Text = field(default="", compare=False)  # what a number rule calls it in a sentence
    years: Callable[[], list[int]] | None = field(
        default=None, compare=False
    )  # those that may be asked about, latest first
    evidence: Evidence | None = field(default=None, compare=False)
    reads: Callable[[Any], str] | None = field(default=None, compare=False)

    def operator(self, code: str) -> Operator | None:
        return next((item for item in self.operators if item.code == code), None)


Catalogue = dict[str, Field]
_FIELDS: Catalogue = {}
_SOURCES: list[Callable[[], Iterable[Field]]] = []


def register(item: Field) -> None:
    """Add a field. Called once, from a feature's registration.py."""
    missing = [operator.code for operator in item.operators if operator.code not in item.says]
    if missing:
        raise ValueError(f"Field {item.code} has no words for {', '.join(missing)}.")
    _FIELDS[item.code] = item


def register_source(load: Callable[[], Iterable[Field]]) -> None:
    """Add fields that are rows, such as one per indicator; `load` is asked once per catalogue."""
    if load not in _SOURCES:
        _SOURCES.append(load)


def catalogue() -> Catalogue:
    """Every field there is now, by code."""
    found = dict(_FIELDS)
    for load in _SOURCES:
        found.update({item.code: item for item in load()})
    return found


def offered(fields: Catalogue, selects: str) -> list[tuple[Text, list[Field]]]:
    """The fields for people or organizations, by group, in the order of the builder's menu."""
    groups: dict[str, list[Field]] = {}
    for item in sorted(fields.values(), key=lambda f: f.order):
        if selects in item.selects:
            groups.setdefault(str(item.group), []).append(item)
    return list(groups.items())
