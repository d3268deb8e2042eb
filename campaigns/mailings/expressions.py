"""What may stand in one tag of a template: a field with filters, or a condition. The parser of templates reads the tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

from django.utils.translation import gettext as _

from campaigns.mailings.fields import is_known, nearest

MAX_CUT = 1_000  # characters that truncate() may keep

Literal = str | int | float | bool


class Call(NamedTuple):
    """A filter with its literal arguments."""

    name: str
    arguments: tuple[Literal, ...] = ()


class Out(NamedTuple):
    path: str
    filters: tuple[Call, ...] = ()


class Has(NamedTuple):
    path: str


class Compare(NamedTuple):
    path: str
    operator: str
    value: Literal


class Not(NamedTuple):
    condition: Condition


class Junction(NamedTuple):
    is_all: bool
    conditions: tuple[Condition, ...]


Condition = Has | Compare | Not | Junction


class Link(NamedTuple):
    """A numbered link, put there by the compiler and never by a writer."""

    number: int


class Wrong(Exception):
    """One sentence about one tag; the parser adds the line and goes on to the next tag."""


# name → (least, most arguments, type of the arguments)
FILTERS: dict[str, tuple[int, int, type]] = {
    "default": (1, 1, str),
    "upper": (0, 0, str),
    "lower": (0, 0, str),
    "title": (0, 0, str),
    "capitalize": (0, 0, str),
    "trim": (0, 0, str),
    "truncate": (1, 1, int),
    "number": (0, 1, int),
    "day": (0, 0, str),
}
INTERNAL_FILTERS = {"urlencode": (0, 0, str)}
INTERNAL_FIELDS = {"open_url", "trap_url", "copy.to", "copy.of", "copy.more"}
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*'|“[^”]*”)|(?P<number>-?\d+(?:\.\d+)?)(?![\w.])|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    |(?P<sign>==|!=|<=|>=|[<>|(),]))""",
    re.VERBOSE,
)


class Expression:
    """What stands in one tag."""

    def __init__(self, text: str, internal: bool) -> None:
        self.text, self.internal = text.strip().strip("-").strip(), internal
        self.tokens = list(self._tokens())
        self.at = 0

    def _tokens(self) -> Iterator[tuple[str, str]]:
        position = 0
        while position < len(self.text):
            found = _TOKEN.match(self.text, position)
            if not found:
                rest = self.text[position:].strip()
                if not rest:
                    return
                if rest[0] in "\"'“":
                    raise Wrong(_("A quotation mark opens here and never closes: %(rest)s") % {"rest": rest[:30]})
                if rest[0] in "+-*/%~":
                    raise Wrong(_("Arithmetic (%(sign)s) is not allowed in a mailing.") % {"sign": rest[0]})
                if rest[0] in "[{":
                    raise Wrong(_("Lists and look-ups in brackets are not allowed. Use a field such as person.name."))
                raise Wrong(_("“%(sign)s” cannot stand in a tag.") % {"sign": rest[0]})
            yield str(found.lastgroup), found.group(found.lastgroup or 0)
            position = found.end()

    def _peek(self, sign: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at][1] == sign and self.tokens[self.at][0] != "text"

    def _take(self, sign: str) -> bool:
        if self._peek(sign):
            self.at += 1
            return True
        return False

    def _next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            return "end", ""
        self.at += 1
        return self.tokens[self.at - 1]

    def output(self) -> Out | Link:
        if not self.tokens:
            raise Wrong(_("This tag is empty. Put a field in it, such as {{ person.name }}."))
        if self.internal and self.tokens[0][1] == "link":
            return Link(int(self.tokens[2][1]))
        path = self._path()
        filters: list[Call] = []
        while self._take("|"):
            filters.append(self._filter())
        self._end()
        return Out(path, tuple(filters))

    def condition(self) -> Condition:
        if not self.tokens:
            raise Wrong(_("This condition is empty. Write a field after “if”, such as country.coverage."))
        found = self._junction("or", lambda: self._junction("and", self._single))
        self._end()
        return found

    def _junction(self, word: str, inner: Callable[[], Condition]) -> Condition:
        conditions = [inner()]
        while self._take(word):
            conditions.append(inner())
        return conditions[0] if len(conditions) == 1 else Junction(word == "and", tuple(conditions))

    def _single(self) -> Condition:
        negations = 0
        while self._take("not"):
            negations += 1
        found: Condition = self._comparison()
        return Not(found) if negations % 2 else found

    def _comparison(self) -> Condition:
        path = self._path()
        if self.at < len(self.tokens) and self.tokens[self.at][1] in ("==", "!=", "<", "<=", ">", ">="):
            operator = self._next()[1]
            return Compare(path, operator, self._literal())
        return Has(path)

    def _path(self) -> str:
        kind, text = self._next()
        if kind == "end":
            raise Wrong(_("A field is missing at the end of this tag."))
        if kind != "name" or text in ("and", "or", "not", "in", "is"):
            raise Wrong(_("A field must stand here, such as person.name, not %(found)s.") % {"found": text[:30]})
        if self._peek("("):
            raise Wrong(_("Calls such as %(name)s(…) are not allowed in a mailing.") % {"name": text[:30]})
        if self.internal and text in INTERNAL_FIELDS:
            return text
        if not is_known(text):
            guess = nearest(text)
            if guess:
                raise Wrong(
                    _("There is no field “%(name)s”. Did you mean “%(guess)s”?") % {"name": text[:60], "guess": guess}
                )
            raise Wrong(_("There is no field “%(name)s”. Choose one from the field menu.") % {"name": text[:60]})
        return text

    def _literal(self) -> Literal:
        kind, text = self._next()
        if kind == "text":
            return text[1:-1]
        if kind == "number":
            return float(text) if "." in text else int(text)
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise Wrong(_("A text in quotation marks or a number must stand here, not %(found)s.") % {"found": text or "…"})

    def _filter(self) -> Call:
        known = {**FILTERS, **INTERNAL_FILTERS} if self.internal else FILTERS
        kind, name = self._next()
        if kind != "name" or name not in known:
            guess = (get_close_matches(name, known, n=1) or [""])[0]
            hint = _("Did you mean “%(guess)s”?") % {"guess": guess} if guess else _("Known are: ") + ", ".join(known)
            raise Wrong(_("“%(name)s” is not a filter of mailings.") % {"name": name[:30]} + " " + hint)
        least, most, type_ = known[name]
        arguments: list[Literal] = []
        if self._take("("):
            while not self._take(")"):
                if arguments and not self._take(","):
                    raise Wrong(_("The brackets after “%(name)s” are not closed.") % {"name": name})
                arguments.append(self._literal())
        if not least <= len(arguments) <= most or not all(type(a) is type_ for a in arguments):
            example = {"default": '("colleague")', "truncate": "(40)", "number": "(1)"}.get(name, "")
            raise Wrong(_("Write this filter so: %(example)s") % {"example": name + example})
        if type_ is int and any(not 0 <= int(a) <= MAX_CUT for a in arguments):
            raise Wrong(_("The number in %(name)s(…) must lie between 0 and 1,000.") % {"name": name})
        return Call(name, tuple(arguments))

    def _end(self) -> None:
        if self.at >= len(self.tokens):
            return
        kind, text = self.tokens[self.at]
        if text == "(":
            raise Wrong(_("Calls and brackets are not allowed in a mailing."))
        raise Wrong(_("This part of the tag is not understood: %(rest)s") % {"rest": text[:30]})
