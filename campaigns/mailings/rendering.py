"""From parsed templates to programs that are run once per recipient: flat, no parsing, no copying of what is the same.

A program is one frame with places in it and small functions of one recipient that fill them. The frame is made by `static` and
what the functions return by `dynamic`, so the same nodes give text for a preview and quoted-printable bytes for a message.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar, cast
from urllib.parse import quote

from babel import Locale, UnknownLocaleError
from babel.dates import format_date

from campaigns.mailings.expressions import Call, Compare, Condition, Has, Junction, Link, Not, Out
from campaigns.mailings.fields import Scalar
from campaigns.mailings.templates import If, Node

# what the composer adds to the fields, and never a person
OWN_URLS = ("unsubscribe_url", "preferences_url", "open_url", "trap_url")
LinkUrl = Callable[[int, str], str]  # (number, destination) → address to put into the message
Values = Mapping[str, Scalar]
Piece = TypeVar("Piece", str, bytes)
# control characters would end a header or a line; line and paragraph separators are line ends to some readers
KEPT_VALUES = 4096  # of a field, as they are written; an institution's people are all over a mailing
_SPECIAL = re.compile("[&<>\"']")
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]+")


class Recipient(NamedTuple):
    """What one rendering needs: field values and how to make a link's address. Addresses that are made and encoded already are
    bytes among the values: our own by name, links by number."""

    values: Values
    link: Callable[[int, Values], str]


def clean(value: str) -> str:
    """One line, whatever it was."""
    return value if value.isprintable() else _CONTROL.sub(" ", value)


class Numbers(NamedTuple):
    """How a language writes numbers."""

    decimal: str
    group: str
    language: str = "en"

    @classmethod
    def of(cls, language: str) -> Numbers:
        try:
            # Arabic mail is read with the Latin digits that our figures carry
            symbols = Locale.parse(language.replace("-", "_")).number_symbols["latn"]
        except (UnknownLocaleError, ValueError, KeyError):
            return cls(".", ",")
        return cls(symbols["decimal"], symbols["group"], language.replace("-", "_"))

    def day(self, value: str) -> str:
        """2027-03-01 → “1 mars 2027”; text that is no day stays as it is."""
        try:
            return format_date(
                date.fromisoformat(value), "long", locale="en_GB" if self.language == "en" else self.language
            )
        except ValueError:
            return value

    def plain(self, value: Scalar) -> str:
        """A field as text; a float with the language's decimal sign and without a trailing zero."""
        if value is None or value is False:
            return ""
        if isinstance(value, float):
            return f"{value:.10g}".replace(".", self.decimal)
        return str(value)

    def grouped(self, value: str, digits: int | None) -> str:
        """A number with thousands set apart; text that is no number stays as it is."""
        try:
            number = float(value.replace(self.group, "").replace(self.decimal, "."))
        except ValueError:
            return value
        text = f"{number:,.{digits}f}" if digits is not None else f"{number:,.10g}"
        return text.translate({ord(","): self.group, ord("."): self.decimal})


def _filter(call: Call, numbers: Numbers) -> Callable[[str], str]:
    argument: Any = call.arguments[0] if call.arguments else None
    filters: dict[str, Callable[[str], str]] = {
        "default": lambda v: v if v.strip() else str(argument),
        "upper": str.upper,
        "lower": str.lower,
        "title": lambda v: re.sub(r"(?<!\w)\w", lambda m: m.group().upper(), v),
        "capitalize": lambda v: v[:1].upper() + v[1:],
        "trim": str.strip,
        "truncate": lambda v: v if len(v) <= argument else v[: max(argument - 1, 0)].rstrip() + "…",
        "number": lambda v: numbers.grouped(v, argument),
        "day": numbers.day,
        "urlencode": lambda v: quote(v, safe=""),
    }
    return filters[call.name]


def shown(out: Out, numbers: Numbers) -> Callable[[Scalar], str]:
    """A field's value with its filters, as one cleaned line."""
    plain = numbers.plain
    steps = [_filter(call, numbers) for call in out.filters]

    def show(value: Scalar) -> str:
        text = clean(value if type(value) is str else plain(value))
        for step in steps:
            text = step(text)
        return text

    return show


def _filled(value: Scalar) -> bool:
    return bool(value.strip()) if isinstance(value, str) else bool(value)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _compare(value: Scalar, operator: str, literal: Scalar) -> bool:
    """Unknown is unknown: an empty field is never smaller or greater, and only `!=` is true of it."""
    if value is None or value == "":
        return (operator == "!=") == (literal != "") and operator in ("==", "!=")
    left: Any = value
    if isinstance(literal, int | float) and isinstance(value, str):
        try:
            left = float(value)
        except ValueError:
            return operator == "!="
    if isinstance(literal, str):
        left = str(value)
    return _COMPARE[operator](left, literal)


def test_of(condition: Condition) -> Callable[[Values], bool]:
    match condition:
        case Has(path):
            return lambda values: _filled(values.get(path))
        case Compare(path, operator, literal):
            return lambda values: _compare(values.get(path), operator, literal)
        case Not(inner):
            test = test_of(inner)
            return lambda values: not test(values)
        case Junction(is_all, inner):
            tests = [test_of(one) for one in inner]
            if is_all:
                return lambda values: all(test(values) for test in tests)
            return lambda values: any(test(values) for test in tests)
    raise TypeError(condition)


_Places = list[tuple[Callable[[Any], Piece], str]]


class Program(Generic[Piece]):
    """A frame of what is the same for everybody, and functions of one recipient that fill its places."""

    def __init__(self, frame: Piece, places: _Places[Piece]) -> None:
        """frame: a %-format. places: (function of a field's value, the field's path), or (function of a Recipient, "")."""
        self.frame: Any = frame
        self.places: _Places[Piece] = places
        # what stands in several places is made once
        self._once: _Places[Piece] = list(dict.fromkeys(places))
        where = {place: number for number, place in enumerate(self._once)}
        self._pick: Callable[[list[Any]], Any] | None = None
        if len(self._once) < len(places):
            self._pick = itemgetter(*[where[place] for place in places])

    def run(self, to: Recipient) -> Piece:
        get = to.values.get
        made = [make(get(path)) if path else make(to) for make, path in self._once]
        whole: Piece = self.frame % (self._pick(made) if self._pick else tuple(made))
        return whole


def framed(*parts: bytes | Program[bytes]) -> Program[bytes]:
    """One program of several, and of bytes between them."""
    frames = [part.replace(b"%", b"%%") if isinstance(part, bytes) else part.frame for part in parts]
    return Program(b"".join(frames), [place for part in parts if isinstance(part, Program) for place in part.places])


class _Kind(NamedTuple, Generic[Piece]):
    """Text or bytes: what a frame is made of."""

    empty: Piece
    place: Piece
    percent: tuple[Piece, Piece]


_TEXT = _Kind("", "%s", ("%", "%%"))
_BYTES = _Kind(b"", b"%b", (b"%", b"%%"))


class _Builder(Generic[Piece]):
    def __init__(
        self,
        kind: _Kind[Piece],
        numbers: Numbers,
        escape: bool,
        static: Callable[[str], Piece],
        dynamic: Callable[[str], Piece],
    ) -> None:
        self.kind: _Kind[Piece] = kind
        self.static: Callable[[str], Piece] = static
        self.numbers = numbers
        self.finish: Callable[[str], Piece] = (
            (lambda text: dynamic(html.escape(text) if _SPECIAL.search(text) else text)) if escape else dynamic
        )
        # the same place of the same text is the same function: a program calls it once
        self._made: dict[Any, Callable[[Any], Piece]] = {}

    def program(self, nodes: tuple[Node, ...]) -> Program[Piece]:
        frame: list[Any] = []
        places: _Places[Piece] = []
        for node in nodes:
            if isinstance(node, str):
                frame.append(self.static(node).replace(*self.kind.percent))
                continue
            frame.append(self.kind.place)
            if isinstance(node, Out):
                places.append((self._kept(("field", node), partial(self.field, node)), node.path))
            elif isinstance(node, Link):
                places.append((self._kept(("link", node.number), partial(self.link, node.number)), ""))
            elif isinstance(node, If):
                places.append((self.choice(node), ""))
        joined: Any = self.kind.empty
        return Program(joined.join(frame), places)

    def _kept(self, key: Any, make: Callable[[], Callable[[Any], Piece]]) -> Callable[[Any], Piece]:
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = make()
        return made

    def field(self, out: Out) -> Callable[[Scalar], Piece]:
        show, finish = shown(out, self.numbers), self.finish
        if out.path in OWN_URLS and not out.filters:  # another one in each message, and made by us
            return lambda value: cast(Piece, value) if type(value) is bytes else finish(str(value or ""))
        # countries, institutions, titles: most values come again and again
        return lru_cache(maxsize=KEPT_VALUES, typed=True)(lambda value: finish(show(value)))

    def link(self, number: int) -> Callable[[Recipient], Piece]:
        finish = self.finish

        def make(to: Recipient) -> Piece:
            made = to.values.get(number)  # type: ignore[call-overload]
            return finish(to.link(number, to.values)) if made is None else cast(Piece, made)

        return make

    def choice(self, node: If) -> Callable[[Recipient], Piece]:
        branches = [
            (None if b.condition is None else test_of(b.condition), self.program(b.nodes)) for b in node.branches
        ]
        empty = self.kind.empty

        def run(to: Recipient) -> Piece:
            for test, program in branches:
                if test is None or test(to.values):
                    return program.run(to)
            return empty

        return run


def bytes_program(
    nodes: tuple[Node, ...],
    *,
    numbers: Numbers,
    escape: bool,
    static: Callable[[str], bytes],
    dynamic: Callable[[str], bytes],
) -> Program[bytes]:
    """Nodes as a program that makes bytes. escape: field values and links are HTML-escaped on their way in."""
    return _Builder(_BYTES, numbers, escape, static, dynamic).program(nodes)


def text_program(nodes: tuple[Node, ...], *, numbers: Numbers, escape: bool = False) -> Program[str]:
    return _Builder(_TEXT, numbers, escape, str, str).program(nodes)
