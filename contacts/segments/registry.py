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
Takes = Literal["nothing", "choices", "number", "range", "days", "date", "text"]
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


@dataclass(frozen=True)
class Field:
    """Something to ask. `says` has a clause per operator, to follow "People …"; `**` marks what is bold."""

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
