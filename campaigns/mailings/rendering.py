"""From parsed templates to programs that are run once per recipient: flat, no parsing, no copying of what is the same.

A program is a sequence of finished pieces and of small functions of one recipient. The pieces are made by `static` and
what the functions return by `dynamic`, so the same parts give text for a preview and quoted-printable bytes for a message.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from babel import Locale, UnknownLocaleError

from campaigns.mailings.fields import Scalar
from campaigns.mailings.templates import (
    Call,
    Compare,
    Condition,
    Has,
    If,
    Junction,
    Link,
    Node,
    Not,
    Out,
)

LinkUrl = Callable[[int, str], str]  # (number, destination) → address to put into the message
Values = Mapping[str, Scalar]
Piece = TypeVar("Piece", str, bytes)
# control characters would end a header or a line; line and paragraph separators are line ends to some readers
_SPECIAL = re.compile("[&<>\"']")
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]+")


class Recipient(NamedTuple):
    """What one rendering needs: field values and how to make a link's address."""

    values: Values
    link: Callable[[int, Values], str]


def clean(value: str) -> str:
    """One line, whatever it was."""
    return value if value.isprintable() else _CONTROL.sub(" ", value)


class Numbers(NamedTuple):
    """How a language writes numbers."""

    decimal: str
    group: str

    @classmethod
    def of(cls, language: str) -> Numbers:
        try:
            # Arabic mail is read with the Latin digits that our figures carry
            symbols = Locale.parse(language.replace("-", "_")).number_symbols["latn"]
        except (UnknownLocaleError, ValueError, KeyError):
            return cls(".", ",")
        return cls(symbols["decimal"], symbols["group"])

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
        "urlencode": lambda v: quote(v, safe=""),
    }
    return filters[call.name]


def value_of(out: Out, numbers: Numbers) -> Callable[[Values], str]:
    """A field with its filters, as one cleaned line."""
    path, plain = out.path, numbers.plain
    steps = [_filter(call, numbers) for call in out.filters]

    def get(values: Values) -> str:
        value = values.get(path)
        text = clean(value if type(value) is str else plain(value))
        for step in steps:
            text = step(text)
        return text

    return get


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


class Program(tuple[Any, ...]):
    """Pieces and functions; `run` joins them for one recipient."""

    def run(self, to: Recipient, empty: Piece) -> Piece:
        kind = type(empty)
        return empty.join([part if part.__class__ is kind else part(to) for part in self])


def build(
    nodes: tuple[Node, ...],
    *,
    numbers: Numbers,
    escape: bool,
    static: Callable[[str], Piece],
    dynamic: Callable[[str], Piece],
    empty: Piece,
) -> Program:
    """Nodes as a program. escape: field values and links are HTML-escaped on their way in."""

    def finish(text: str) -> Piece:
        return dynamic(html.escape(text) if escape and _SPECIAL.search(text) else text)

    def field(get: Callable[[Values], str]) -> Callable[[Recipient], Piece]:
        return lambda to: finish(get(to.values))

    def link(number: int) -> Callable[[Recipient], Piece]:
        return lambda to: finish(to.link(number, to.values))

    def choose(branches: list[tuple[Callable[[Values], bool] | None, Program]]) -> Callable[[Recipient], Piece]:
        def run(to: Recipient) -> Piece:
            for test, program in branches:
                if test is None or test(to.values):
                    return program.run(to, empty)
            return empty

        return run

    def parts(some: tuple[Node, ...]) -> Program:
        made: list[Any] = []
        for node in some:
            if isinstance(node, str):
                made.append(static(node))
            elif isinstance(node, Out):
                made.append(field(value_of(node, numbers)))
            elif isinstance(node, Link):
                made.append(link(node.number))
            elif isinstance(node, If):
                made.append(
                    choose(
                        [(None if b.condition is None else test_of(b.condition), parts(b.nodes)) for b in node.branches]
                    )
                )
        return Program(made)

    return parts(nodes)


def text_program(nodes: tuple[Node, ...], *, numbers: Numbers, escape: bool = False) -> Program:
    return build(nodes, numbers=numbers, escape=escape, static=str, dynamic=str, empty="")
