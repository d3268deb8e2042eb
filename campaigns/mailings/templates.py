"""Template rules, and the only parser of templates: `{{ path | filter }}` and if / elif / else over paths and literals.

Everything else is refused when saved, in a sentence with its line. What passes has no loops, calls or assignments, so
its output is bounded by its own length and its fields: there is nothing left to sandbox. See docs/decisions/0011.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext as _

from campaigns.mailings.expressions import Compare, Condition, Expression, Has, Junction, Link, Not, Out, Wrong
from crm.errors import Invalid

MAX_LENGTH = 200_000  # characters of one template: a very long letter is 30,000
MAX_TAGS = 1_000
MAX_DEPTH = 10


class Branch(NamedTuple):
    condition: Condition | None  # None for else
    nodes: tuple[Node, ...]


class If(NamedTuple):
    branches: tuple[Branch, ...]


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
            except Wrong as wrong:
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
            raise Wrong(
                _("A tag opens with %(open)s and never closes. Add %(close)s.") % {"open": kind, "close": closing}
            )
        if kind == "{#":
            raise Wrong(_("Comments ({# … #}) are not allowed: they would be easy to send by mistake."))
        if kind == "{{":
            self._add(Expression(inside, self.internal).output())
        else:
            self._block(inside.strip().strip("-").strip(), position)

    def _block(self, text: str, position: int) -> None:
        word = (re.match(r"[A-Za-z_]*", text) or [""])[0]
        rest = text[len(word) :]
        if word == "if":
            frame = _Frame(self._line(position))
            self.open.append(frame)  # before its condition is read: one mistake there is one problem, not two
            if len(self.open) > MAX_DEPTH:
                raise Wrong(_("Conditions stand more than 10 deep in one another. Simplify them."))
            frame.condition = Expression(rest, self.internal).condition()
        elif word in ("elif", "else", "endif"):
            self._turn(word, rest)
        elif word in _WORDS:
            raise Wrong(_WORDS[word]())
        else:
            raise Wrong(
                _("“%(word)s” is not a tag that mailings know. Only if, elif, else and endif are allowed.")
                % {"word": text[:30] or "{% %}"}
            )

    def _turn(self, word: str, rest: str) -> None:
        if not self.open:
            raise Wrong(_("“%(word)s” stands here without an “if” before it.") % {"word": word})
        frame = self.open[-1]
        if frame.has_else and word != "endif":
            raise Wrong(_("“%(word)s” cannot follow “else”.") % {"word": word})
        if word != "elif" and rest.strip():
            raise Wrong(_("Nothing may follow “%(word)s” inside its tag.") % {"word": word})
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
            frame.condition = Expression(rest, self.internal).condition()
