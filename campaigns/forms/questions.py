"""What may be asked, as typed values. A form keeps its questions as JSON; `parse` is the only way from there to here.

A question: {"key", "kind", "labels": {language: text}, "hints"?, "is_required"?, "options"?: [{"value", "labels"}], "topics"?: [uid],
"least"?, "most"?, "tells"?, "shown_if"?: {"match": "all"|"any", "rules": [{"key", "is", "value"?}]}}. `least` and `most` bound
a number, a date (ISO), how many options are ticked, how many letters a text has, or (`most`, in bytes) a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from graphlib import CycleError, TopologicalSorter
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.errors import Invalid
from crm.languages import text_in

MAX_QUESTIONS = 60
MAX_OPTIONS = 100
MAX_RULES = 6
MAX_LETTERS = 10_000
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Kind(models.TextChoices):
    TEXT = "text", gettext_lazy("a line of text")
    LONG = "long", gettext_lazy("a longer text")
    CHOICE = "choice", gettext_lazy("one of several")
    CHOICES = "choices", gettext_lazy("several of several")
    NUMBER = "number", gettext_lazy("a number")
    DATE = "date", gettext_lazy("a day")
    EMAIL = "email", gettext_lazy("an e-mail address")
    PHONE = "phone", gettext_lazy("a phone number")
    COUNTRY = "country", gettext_lazy("a country")
    CONSENT = "consent", gettext_lazy("what may be sent: topics")
    FILE = "file", gettext_lazy("a file")


class Tells(models.TextChoices):
    """What of the directory an answer says."""

    NAME = "name", gettext_lazy("their name")
    EMAIL = "email", gettext_lazy("their e-mail address")
    PHONE = "phone", gettext_lazy("their phone number")
    COUNTRY = "country", gettext_lazy("their country")
    ORGANIZATION = "organization", gettext_lazy("their institution’s name")


class Is(models.TextChoices):
    IS = "is", gettext_lazy("is")
    IS_NOT = "is_not", gettext_lazy("is not")
    ANSWERED = "answered", gettext_lazy("is answered")
    NOT_ANSWERED = "not_answered", gettext_lazy("is not answered")
    AT_LEAST = "at_least", gettext_lazy("is at least")
    AT_MOST = "at_most", gettext_lazy("is at most")


WITH_OPTIONS = frozenset({Kind.CHOICE, Kind.CHOICES})
IN_ORDER = frozenset({Kind.NUMBER, Kind.DATE})
ALONE = frozenset({Is.ANSWERED, Is.NOT_ANSWERED})
FITS = {
    Tells.NAME: {Kind.TEXT}, Tells.ORGANIZATION: {Kind.TEXT}, Tells.EMAIL: {Kind.EMAIL}, Tells.PHONE: {Kind.PHONE},
    Tells.COUNTRY: {Kind.COUNTRY},
}  # fmt: skip


@dataclass(frozen=True)
class Option:
    value: str
    labels: Mapping[str, str]

    def label(self, language: str) -> str:
        return text_in(self.labels, language)[0]


@dataclass(frozen=True)
class Rule:
    """About the answer to another question. Only an answer that is there makes any but *is not answered* true."""

    key: str
    test: str
    value: str = ""


@dataclass(frozen=True)
class Condition:
    rules: tuple[Rule, ...]
    needs_all: bool = True


@dataclass(frozen=True)
class Question:
    key: str
    kind: Kind
    labels: Mapping[str, str]
    hints: Mapping[str, str] = field(default_factory=dict)
    is_required: bool = False
    options: tuple[Option, ...] = ()
    topics: tuple[str, ...] = ()  # uids
    least: float | str | None = None
    most: float | str | None = None
    tells: str = ""
    shown_if: Condition | None = None

    def label(self, language: str) -> str:
        return text_in(self.labels, language)[0]

    @property
    def values(self) -> list[str]:
        return [option.value for option in self.options]

    @property
    def needs(self) -> set[str]:
        """Keys of the questions that decide whether this one is shown."""
        return {rule.key for rule in self.shown_if.rules} if self.shown_if else set()


Questions = tuple[Question, ...]


def parse(raw: Any) -> Questions:
    """Questions in their order. Raises Invalid with a sentence for each thing that cannot be, all at once (`data["sentences"]`)."""
    if not isinstance(raw, list) or any(not isinstance(each, dict) for each in raw):
        raise Invalid(_("Questions are a list."), code="bad_questions")
    said: list[str] = []
    if len(raw) > MAX_QUESTIONS:
        said.append(_("At most %(n)s questions: each one costs answers.") % {"n": MAX_QUESTIONS})
    questions = []
    for number, each in enumerate(raw[:MAX_QUESTIONS], 1):
        try:
            questions.append(_question(each))
        except _Wrong as error:
            said.append(_("Question %(n)s: %(why)s") % {"n": number, "why": error})
    if not said:
        said += _together(questions)
    if said:
        raise Invalid(" ".join(said), code="bad_questions", sentences=said)
    return tuple(questions)


def dump(questions: Iterable[Question]) -> list[dict[str, Any]]:
    """The JSON that `parse` reads, without what is empty."""
    return [_plain(question) for question in questions]


def in_order(questions: Sequence[Question]) -> list[Question]:
    """Each after those that decide whether it is shown. Raises graphlib.CycleError."""
    by_key = {question.key: question for question in questions}
    sorter = TopologicalSorter({question.key: question.needs & by_key.keys() for question in questions})
    return [by_key[key] for key in sorter.static_order()]


# --- one question -----------------------------------------------------------------------------------------------------
class _Wrong(Exception):
    """A sentence about one question."""


def _question(raw: dict[str, Any]) -> Question:
    key, kind = str(raw.get("key", "")), raw.get("kind")
    if not KEY.fullmatch(key):
        raise _Wrong(_("its key is small letters, digits and low lines, beginning with a letter."))
    if kind not in Kind.values:
        raise _Wrong(_("nothing of the kind “%(kind)s” can be asked.") % {"kind": str(kind)[:40]})
    kind = Kind(kind)
    labels = _texts(raw.get("labels"))
    if not labels:
        raise _Wrong(_("it has no words in any language."))
    least, most = (_bound(raw.get(name), kind) for name in ("least", "most"))
    if least is not None and most is not None and least > most:  # type: ignore[operator]  # both of the kind's type
        raise _Wrong(_("the least is more than the most."))
    tells = str(raw.get("tells") or "")
    if tells and (tells not in Tells.values or kind not in FITS[Tells(tells)]):
        raise _Wrong(_("an answer of this kind cannot say that of a person."))
    return Question(
        key=key,
        kind=kind,
        labels=labels,
        hints=_texts(raw.get("hints")),
        is_required=bool(raw.get("is_required")),
        options=_options(raw.get("options") or []) if kind in WITH_OPTIONS else (),
        topics=_topics(raw.get("topics") or []) if kind == Kind.CONSENT else (),
        least=least,
        most=most,
        tells=tells,
        shown_if=_condition(raw.get("shown_if")),
    )


def _texts(raw: Any) -> dict[str, str]:
    if not isinstance(raw, dict):
        return {}
    return {str(code)[:8]: str(text).strip()[:1000] for code, text in raw.items() if text and str(text).strip()}


def _options(raw: Any) -> tuple[Option, ...]:
    if not isinstance(raw, list) or not 2 <= len(raw) <= MAX_OPTIONS:
        raise _Wrong(_("it offers two options at least, and at most %(n)s.") % {"n": MAX_OPTIONS})
    options = []
    for each in raw:
        labels = _texts(each.get("labels")) if isinstance(each, dict) else {}
        value = str(each.get("value", "")) if isinstance(each, dict) else ""
        if not labels or not value or len(value) > 60:
            raise _Wrong(_("an option has no words."))
        options.append(Option(value, labels))
    if len({option.value for option in options}) != len(options):
        raise _Wrong(_("two options are the same."))
    return tuple(options)


def _topics(raw: Any) -> tuple[str, ...]:
    topics = tuple(dict.fromkeys(str(each) for each in raw))
    if not topics:
        raise _Wrong(_("it names no topic."))
    return topics


def _bound(raw: Any, kind: Kind) -> float | str | None:
    if raw is None or raw == "":
        return None
    try:
        if kind == Kind.DATE:
            return date.fromisoformat(str(raw)).isoformat()
        number = float(raw)
    except (TypeError, ValueError):
        raise _Wrong(_("“%(value)s” is no bound that it can have.") % {"value": str(raw)[:40]}) from None
    return int(number) if number.is_integer() else number


def _condition(raw: Any) -> Condition | None:
    if not raw:
        return None
    rules = raw.get("rules") if isinstance(raw, dict) else None
    if not isinstance(rules, list) or len(rules) > MAX_RULES or any(not isinstance(each, dict) for each in rules):
        raise _Wrong(_("its condition cannot be read; it has at most %(n)s rules.") % {"n": MAX_RULES})
    if not rules:
        return None
    found = []
    for each in rules:
        test, value = str(each.get("is", "")), str(each.get("value", ""))[:200]
        if test not in Is.values:
            raise _Wrong(_("its condition asks for something that cannot be asked."))
        found.append(Rule(str(each.get("key", "")), test, "" if test in ALONE else value))
    return Condition(tuple(found), needs_all=raw.get("match") != "any")


# --- all together -----------------------------------------------------------------------------------------------------
def _together(questions: list[Question]) -> list[str]:
    """What is wrong between them."""
    said = []
    by_key = {question.key: question for question in questions}
    if len(by_key) != len(questions):
        said.append(_("Two questions have the same key."))
    told = [question.tells for question in questions if question.tells]
    if len(set(told)) != len(told):
        said.append(_("Two questions ask for the same thing of a person."))
    for question in questions:
        for rule in question.shown_if.rules if question.shown_if else ():
            if why := _misfit(by_key.get(rule.key), rule):
                said.append(_("“%(question)s” %(why)s") % {"question": text_in(question.labels, "")[0], "why": why})
    if not said:
        try:
            in_order(questions)
        except CycleError as error:
            names = [text_in(by_key[key].labels, "")[0] for key in error.args[1]]
            said.append(
                _("These questions wait for each other, so none of them would ever be shown: %(names)s.")
                % {"names": " → ".join(names)}
            )
    return said


def _misfit(other: Question | None, rule: Rule) -> str:
    if other is None:
        return _("depends on a question that is not there any more.")
    if rule.test in (Is.IS, Is.IS_NOT) and other.kind in WITH_OPTIONS and rule.value not in other.values:
        return _("depends on an option that is not there any more.")
    if rule.test in (Is.AT_LEAST, Is.AT_MOST):
        if other.kind not in IN_ORDER:
            return _("compares an answer that is neither a number nor a day.")
        try:
            _bound(rule.value or "-", other.kind)
        except _Wrong:
            return _("compares with “%(value)s”, which is no such value.") % {"value": rule.value[:40]}
    return ""


def _plain(question: Question) -> dict[str, Any]:
    rules = question.shown_if.rules if question.shown_if else ()
    found: dict[str, Any] = {
        "key": question.key,
        "kind": question.kind.value,
        "labels": dict(question.labels),
        "hints": dict(question.hints),
        "is_required": question.is_required,
        "options": [{"value": option.value, "labels": dict(option.labels)} for option in question.options],
        "topics": list(question.topics),
        "least": question.least,
        "most": question.most,
        "tells": question.tells,
    }
    if question.shown_if:
        found["shown_if"] = {
            "match": "all" if question.shown_if.needs_all else "any",
            "rules": [
                {"key": rule.key, "is": rule.test} | ({"value": rule.value} if rule.test not in ALONE else {})
                for rule in rules
            ],
        }
    return {name: value for name, value in found.items() if value or value == 0 and value is not False}
