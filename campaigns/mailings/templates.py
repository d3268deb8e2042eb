"""Template rules, and the only parser of templates: `{{ path | filter }}` and if / elif / else over paths and literals.

Everything else is refused when saved, in a sentence with its line. What passes has no loops, calls or assignments, so
its output is bounded by its own length and its fields: there is nothing left to sandbox. See docs/decisions/0011.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple

from django.utils.translation import gettext as _

from campaigns.mailings.fields import FIELDS, nearest
from crm.errors import Invalid

MAX_LENGTH = 200_000  # characters of one template: a very long letter is 30,000
MAX_TAGS = 1_000
MAX_DEPTH = 10
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


class Branch(NamedTuple):
    condition: Condition | None  # None for else
    nodes: tuple[Node, ...]


class If(NamedTuple):
    branches: tuple[Branch, ...]


class Link(NamedTuple):
    """A numbered link, put there by the compiler and never by a writer."""

    number: int


Node = str | Out | If | Link


@dataclass(frozen=True)
class Problem:
    """Why a template is refused: a sentence, and where."""

    line: int
    sentence: str
    excerpt: str = ""

    def __str__(self) -> str:
        return _("Line %(line)s: %(sentence)s") % {"line": self.line, "sentence": self.sentence}


class TemplateRefused(Invalid):
    code = "template_refused"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(str(problems[0]), problems=problems)
        self.problems = problems


class _Wrong(Exception):
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
_WORDS = {
    "for": lambda: _("A loop (for) is not allowed in a mailing. Write the lines out, or use “if”."),
    "set": lambda: _("Assigning a value (set) is not allowed. Use the fields as they are."),
    "macro": lambda: _("A macro is not allowed. Write the text where it belongs."),
    "import": lambda: _("Importing is not allowed. Everything that a mailing says stands in it."),
    "include": lambda: _("Including another template is not allowed. Choose a layout instead."),
    "extends": lambda: _("Extending another template is not allowed. Choose a layout instead."),
    "raw": lambda: _("“raw” is not allowed here."),
}
_TAG = re.compile(r"\{\{|\{%|\{#")
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*'|“[^”]*”)|(?P<number>-?\d+(?:\.\d+)?)(?![\w.])|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    |(?P<sign>==|!=|<=|>=|[<>|(),]))""",
    re.VERBOSE,
)
_BLOCK_END = re.compile(r"\n|</p>|</li>|</h[1-6]>|<br\s*/?>", re.IGNORECASE)


def validate(source: str, *, is_html: bool = False) -> list[Problem]:
    """What is wrong with a template as typed; empty when it may be saved. Never raises."""
    try:
        parse(source, is_html=is_html)
    except TemplateRefused as refused:
        return refused.problems
    return []


def parse(source: str, *, is_html: bool = False, internal: bool = False) -> tuple[Node, ...]:
    """Nodes of a template; TemplateRefused with every problem found.

    is_html: tags were typed into rich text, so quotes and comparison signs in them arrive as entities, and a "line" is
    a paragraph. internal: what the compiler made, where `{{ link(3) }}` and `urlencode` are known.
    """
    return _Parser(source, is_html, internal).parse()


def used_fields(nodes: tuple[Node, ...]) -> set[str]:
    """Paths that a template reads, in output or in conditions."""
    return {path for path, _default in _paths(nodes)}


def undefaulted_fields(nodes: tuple[Node, ...]) -> set[str]:
    """Paths that are written out somewhere without a default: an empty value leaves a hole there."""
    return {path for path, has_default in _paths(nodes) if has_default is False}


def _paths(nodes: tuple[Node, ...]) -> Iterator[tuple[str, bool | None]]:
    for node in nodes:
        if isinstance(node, Out):
            yield node.path, any(call.name == "default" for call in node.filters)
        elif isinstance(node, If):
            for branch in node.branches:
                if branch.condition is not None:
                    yield from ((path, None) for path in _condition_paths(branch.condition))
                yield from _paths(branch.nodes)


def _condition_paths(condition: Condition) -> Iterator[str]:
    match condition:
        case Has(path) | Compare(path):
            yield path
        case Not(inner):
            yield from _condition_paths(inner)
        case Junction(_, inner):
            for one in inner:
                yield from _condition_paths(one)


def tags(source: str, *, is_html: bool = False) -> Iterator[tuple[int, int, str, str]]:
    """(start, end, kind, inside) of each tag; kind is `{{`, `{%`, `{#`, and inside is "" for one that never closes."""
    position = 0
    while found := _TAG.search(source, position):
        kind = found.group()
        closing = source.find({"{{": "}}", "{%": "%}", "{#": "#}"}[kind], found.end())
        following = _TAG.search(source, found.end())
        if closing < 0 or (following and following.start() < closing):
            yield found.start(), found.end(), kind, "\0"
            position = found.end()
            continue
        inside = source[found.end() : closing]
        if is_html:
            inside = html.unescape(inside).replace("\xa0", " ")
        yield found.start(), closing + 2, kind, inside
        position = closing + 2


class _Frame:
    """An open if."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.branches: list[Branch] = []
        self.condition: Condition | None = None
        self.nodes: list[Node] = []
        self.has_else = False

    def turn(self, condition: Condition | None) -> None:
        self.branches.append(Branch(self.condition, tuple(self.nodes)))
        self.condition, self.nodes = condition, []


class _Parser:
    def __init__(self, source: str, is_html: bool, internal: bool) -> None:
        self.source, self.is_html, self.internal = source, is_html, internal
        self.problems: list[Problem] = []
        self.top: list[Node] = []
        self.open: list[_Frame] = []

    def parse(self) -> tuple[Node, ...]:
        if len(self.source) > MAX_LENGTH and not self.internal:
            raise TemplateRefused([Problem(1, _("This text is longer than 200,000 characters. Shorten it."))])
        end = count = 0
        for start, after, kind, inside in tags(self.source, is_html=self.is_html):
            if kind == "{#" and self.internal:
                continue
            self._add(self.source[end:start])
            end = after
            count += 1
            if count > MAX_TAGS:
                self._problem(start, _("There are more than 1,000 fields and conditions. Shorten the text."), "")
                break
            try:
                self._tag(kind, inside, start)
            except _Wrong as wrong:
                self._problem(start, str(wrong), self.source[start : min(after, start + 60)])
        self._add(self.source[end:])
        for frame in self.open:
            self.problems.append(
                Problem(frame.line, _("This “if” is never closed. Add {% endif %} where it ends."), "{% if")
            )
        if self.problems:
            raise TemplateRefused(sorted(self.problems, key=lambda p: p.line))
        return tuple(self.top)

    def _line(self, position: int) -> int:
        if self.is_html:
            return 1 + len(_BLOCK_END.findall(self.source, 0, position))
        return 1 + self.source.count("\n", 0, position)

    def _problem(self, position: int, sentence: str, excerpt: str) -> None:
        self.problems.append(Problem(self._line(position), sentence, excerpt))

    def _add(self, node: Node) -> None:
        if node != "":
            (self.open[-1].nodes if self.open else self.top).append(node)

    def _tag(self, kind: str, inside: str, position: int) -> None:
        if inside == "\0":
            closing = {"{{": "}}", "{%": "%}", "{#": "#}"}[kind]
            raise _Wrong(
                _("A tag opens with %(open)s and never closes. Add %(close)s.") % {"open": kind, "close": closing}
            )
        if kind == "{#":
            raise _Wrong(_("Comments ({# … #}) are not allowed: they would be easy to send by mistake."))
        if kind == "{{":
            self._add(_Expression(inside, self.internal).output())
        else:
            self._block(inside.strip().strip("-").strip(), position)

    def _block(self, text: str, position: int) -> None:
        word = (re.match(r"[A-Za-z_]*", text) or [""])[0]
        rest = text[len(word) :]
        if word == "if":
            frame = _Frame(self._line(position))
            self.open.append(frame)  # before its condition is read: one mistake there is one problem, not two
            if len(self.open) > MAX_DEPTH:
                raise _Wrong(_("Conditions stand more than 10 deep in one another. Simplify them."))
            frame.condition = _Expression(rest, self.internal).condition()
        elif word in ("elif", "else", "endif"):
            self._turn(word, rest)
        elif word in _WORDS:
            raise _Wrong(_WORDS[word]())
        else:
            raise _Wrong(
                _("“%(word)s” is not a tag that mailings know. Only if, elif, else and endif are allowed.")
                % {"word": text[:30] or "{% %}"}
            )

    def _turn(self, word: str, rest: str) -> None:
        if not self.open:
            raise _Wrong(_("“%(word)s” stands here without an “if” before it.") % {"word": word})
        frame = self.open[-1]
        if frame.has_else and word != "endif":
            raise _Wrong(_("“%(word)s” cannot follow “else”.") % {"word": word})
        if word != "elif" and rest.strip():
            raise _Wrong(_("Nothing may follow “%(word)s” inside its tag.") % {"word": word})
        if word == "endif":
            frame.turn(None)
            self.open.pop()
            self._add(If(tuple(frame.branches)))
            return
        frame.turn(None)
        if word == "else":
            frame.has_else = True
        else:
            frame.condition = Has("person.name")  # until the real one is read
            frame.condition = _Expression(rest, self.internal).condition()


class _Expression:
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
                    raise _Wrong(_("A quotation mark opens here and never closes: %(rest)s") % {"rest": rest[:30]})
                if rest[0] in "+-*/%~":
                    raise _Wrong(_("Arithmetic (%(sign)s) is not allowed in a mailing.") % {"sign": rest[0]})
                if rest[0] in "[{":
                    raise _Wrong(_("Lists and look-ups in brackets are not allowed. Use a field such as person.name."))
                raise _Wrong(_("“%(sign)s” cannot stand in a tag.") % {"sign": rest[0]})
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

    def output(self) -> Node:
        if not self.tokens:
            raise _Wrong(_("This tag is empty. Put a field in it, such as {{ person.name }}."))
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
            raise _Wrong(_("This condition is empty. Write a field after “if”, such as country.coverage."))
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
            raise _Wrong(_("A field is missing at the end of this tag."))
        if kind != "name" or text in ("and", "or", "not", "in", "is"):
            raise _Wrong(_("A field must stand here, such as person.name, not %(found)s.") % {"found": text[:30]})
        if self._peek("("):
            raise _Wrong(_("Calls such as %(name)s(…) are not allowed in a mailing.") % {"name": text[:30]})
        if self.internal and text in INTERNAL_FIELDS:
            return text
        if text not in FIELDS:
            guess = nearest(text)
            if guess:
                raise _Wrong(
                    _("There is no field “%(name)s”. Did you mean “%(guess)s”?") % {"name": text[:60], "guess": guess}
                )
            raise _Wrong(_("There is no field “%(name)s”. Choose one from the field menu.") % {"name": text[:60]})
        return text

    def _literal(self) -> Literal:
        kind, text = self._next()
        if kind == "text":
            return text[1:-1]
        if kind == "number":
            return float(text) if "." in text else int(text)
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise _Wrong(
            _("A text in quotation marks or a number must stand here, not %(found)s.") % {"found": text or "…"}
        )

    def _filter(self) -> Call:
        known = {**FILTERS, **INTERNAL_FILTERS} if self.internal else FILTERS
        kind, name = self._next()
        if kind != "name" or name not in known:
            guess = (get_close_matches(name, known, n=1) or [""])[0]
            hint = _("Did you mean “%(guess)s”?") % {"guess": guess} if guess else _("Known are: ") + ", ".join(known)
            raise _Wrong(_("“%(name)s” is not a filter of mailings.") % {"name": name[:30]} + " " + hint)
        least, most, type_ = known[name]
        arguments: list[Literal] = []
        if self._take("("):
            while not self._take(")"):
                if arguments and not self._take(","):
                    raise _Wrong(_("The brackets after “%(name)s” are not closed.") % {"name": name})
                arguments.append(self._literal())
        if not least <= len(arguments) <= most or not all(type(a) is type_ for a in arguments):
            example = {"default": '("colleague")', "truncate": "(40)", "number": "(1)"}.get(name, "")
            raise _Wrong(_("Write this filter so: %(example)s") % {"example": name + example})
        if type_ is int and any(not 0 <= int(a) <= MAX_CUT for a in arguments):
            raise _Wrong(_("The number in %(name)s(…) must lie between 0 and 1,000.") % {"name": name})
        return Call(name, tuple(arguments))

    def _end(self) -> None:
        if self.at >= len(self.tokens):
            return
        kind, text = self.tokens[self.at]
        if text == "(":
            raise _Wrong(_("Calls and brackets are not allowed in a mailing."))
        raise _Wrong(_("This part of the tag is not understood: %(rest)s") % {"rest": text[:30]})
