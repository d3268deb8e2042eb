"""From what was typed to answers: pure, the same for pages, embedded forms, the API and other packages.

Answers are JSON: text, number, "2026-11-26", an option's value or a list of them, a country's code, a list of topics' uids, and
for a file {"name", "size", "media_type", "sha256"}. A question that is not shown has no answer, whatever was sent for it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from campaigns.forms.questions import MAX_LETTERS, Condition, Is, Kind, Question, Rule, in_order
from contacts.consent.addresses import address_key
from crm.errors import Invalid
from crm.ui import formats

Answers = Mapping[str, Any]
LINE = 300
FILE_BYTES = 5 * 2**20
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,9})?")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:[\s\u00a0\u202f’',.]\d{3})+")
_SIGNS = str.maketrans({"٫": ".", "\N{MINUS SIGN}": "-"})
_NOT_IN_PHONES = re.compile(r"[\s()./\u00a0-]+")


@dataclass(frozen=True)
class Offers:
    """What the database offers to choose from: names by country code, and by topic uid."""

    countries: Mapping[str, str] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FileGiven:
    """A file that was looked at: what it is by its content, or why it is not taken."""

    name: str = ""
    size: int = 0
    media_type: str = ""
    sha256: str = ""
    refused: str = ""


@dataclass
class Checked:
    answers: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)


class Wrong(Exception):
    """A sentence for whoever answered."""


def check(
    questions: Sequence[Question],
    given: Mapping[str, Sequence[str]],
    *,
    offers: Offers,
    files: Mapping[str, FileGiven] | None = None,
) -> Checked:
    """given: what was typed, a list of texts for each key. Every error is a sentence that says what to do."""
    checked, files = Checked(), files or {}
    for question in in_order(questions):
        if question.shown_if and not holds(question.shown_if, checked.answers):
            continue
        checked.shown.add(question.key)
        try:
            if question.kind == Kind.FILE:
                value: Any = _file(question, files.get(question.key))
            else:
                value = _value(question, [each for each in given.get(question.key, ()) if each.strip()], offers)
        except Wrong as error:
            checked.errors[question.key] = str(error)
        else:
            if value not in (None, "", []):
                checked.answers[question.key] = value
            elif question.is_required:
                checked.errors[question.key] = _missing(question)
    checked.answers = {q.key: checked.answers[q.key] for q in questions if q.key in checked.answers}
    return checked


def _missing(question: Question) -> str:
    if question.kind in (Kind.CHOICE, Kind.CHOICES, Kind.COUNTRY):
        return _("Please choose.")
    if question.kind == Kind.CONSENT:
        return _("We need your tick here to go on.")
    if question.kind == Kind.FILE:
        return _("Please choose a file.")
    return _("Please answer this.")


# --- conditions -------------------------------------------------------------------------------------------------------
def holds(condition: Condition, answers: Answers) -> bool:
    found = (_rule_holds(rule, answers.get(rule.key)) for rule in condition.rules)
    return all(found) if condition.needs_all else any(found)


def _rule_holds(rule: Rule, answer: Any) -> bool:
    if rule.test == Is.NOT_ANSWERED:
        return answer is None
    if answer is None:
        return False
    if rule.test == Is.ANSWERED:
        return True
    if rule.test in (Is.IS, Is.IS_NOT):
        same = rule.value in answer if isinstance(answer, list) else _as_text(answer) == rule.value.casefold()
        return same == (rule.test == Is.IS)
    bound: Any = rule.value if isinstance(answer, str) else float(rule.value)
    return bool(answer >= bound if rule.test == Is.AT_LEAST else answer <= bound)


def _as_text(answer: Any) -> str:
    return str(answer).casefold()


def shown(questions: Iterable[Question], answers: Answers) -> list[Question]:
    """Those that belong to these answers, in their order."""
    questions = list(questions)
    seen: dict[str, Any] = {}
    for question in in_order(questions):
        if question.shown_if is None or holds(question.shown_if, seen):
            seen[question.key] = answers.get(question.key)
    return [question for question in questions if question.key in seen]


# --- values -----------------------------------------------------------------------------------------------------------
def _value(question: Question, texts: list[str], offers: Offers) -> Any:
    if question.kind in (Kind.CHOICES, Kind.CONSENT):
        return _several(question, texts, offers)
    if not texts:
        return None
    return _ONE[question.kind](question, unicodedata.normalize("NFC", texts[-1]).strip(), offers)


def _text(question: Question, text: str, offers: Offers) -> str:
    del offers
    own = question.most if isinstance(question.most, int | float) else None
    most = int(own or (LINE if question.kind == Kind.TEXT else MAX_LETTERS))
    text = text.replace("\r\n", "\n").replace("\x00", "")
    if question.kind == Kind.TEXT:
        text = " ".join(text.split())
    if len(text) > most:
        raise Wrong(
            _("This has %(n)s letters; there is room for %(most)s.")
            % {"n": formats.number(len(text)), "most": formats.number(most)}
        )
    least = int(question.least) if isinstance(question.least, int | float) else 0
    if len(text) < least:
        raise Wrong(_("Please write %(least)s letters at least.") % {"least": formats.number(least)})
    return text


def _choice(question: Question, text: str, offers: Offers) -> str:
    del offers
    if text not in question.values:
        raise Wrong(_("This is not offered any more. Please choose again."))
    return text


def _several(question: Question, texts: list[str], offers: Offers) -> list[str]:
    offered = question.values if question.kind == Kind.CHOICES else [t for t in question.topics if t in offers.topics]
    picked = [value for value in offered if value in texts]
    if set(texts) - set(offered):
        raise Wrong(_("This is not offered any more. Please choose again."))
    least, most = (int(b) if isinstance(b, int | float) else None for b in (question.least, question.most))
    if picked and least is not None and len(picked) < least:
        raise Wrong(_("Please choose %(n)s at least.") % {"n": least})
    if most is not None and len(picked) > most:
        raise Wrong(_("Please choose %(n)s at most.") % {"n": most})
    return picked


def _number(question: Question, text: str, offers: Offers) -> int | float:
    """12,5 and 12.5 are the same; so are 1 200, 1’200 and 1200. What could be either (1,200) is asked again."""
    del offers
    text = unicodedata.normalize("NFKC", text)
    text = "".join(str(unicodedata.digit(each)) if each.isdigit() else each for each in text).translate(_SIGNS)
    if _GROUPED.fullmatch(text):
        if re.fullmatch(r"[+-]?\d{1,3}[.,]\d{3}", text):
            raise Wrong(_("Is this a large number or one with decimals? Please write it without a separator."))
        text = re.sub(r"[\s’',.]", "", text)
    text = text.replace(",", ".").replace(" ", "")
    if not _NUMBER.fullmatch(text):
        raise Wrong(_("Please write a number, in digits only."))
    value = float(text)
    if not math.isfinite(value):
        raise Wrong(_("Please write a number, in digits only."))
    _bounded(question, value, formats.number)
    return int(value) if value.is_integer() else value


def _date(question: Question, text: str, offers: Offers) -> str:
    del offers
    try:
        value = date.fromisoformat(text)
    except ValueError:
        raise Wrong(_("Please write the day as 2026-11-30: year, month, day.")) from None
    _bounded(question, value.isoformat(), str)
    return value.isoformat()


def _bounded(question: Question, value: Any, words: Any) -> None:
    if question.least is not None and value < question.least:
        raise Wrong(_("The least is %(n)s.") % {"n": words(question.least)})
    if question.most is not None and value > question.most:
        raise Wrong(_("The most is %(n)s.") % {"n": words(question.most)})


def _email(question: Question, text: str, offers: Offers) -> str:
    del question, offers
    try:
        key = address_key(text)
    except Invalid:
        key = ""
    if "." not in key.rpartition("@")[2]:
        raise Wrong(_("This is not an e-mail address that mail can go to. Please look for a slip of the hand."))
    return text


def _phone(question: Question, text: str, offers: Offers) -> str:
    """As written, for people; digits enough to be called."""
    del question, offers
    text = " ".join(text.split())
    digits = _NOT_IN_PHONES.sub("", unicodedata.normalize("NFKC", text)).removeprefix("+")
    if not digits.isdecimal() or not 5 <= len(digits) <= 17 or len(text) > 40:
        raise Wrong(_("Please write a phone number, with the country in front: +260 97 1234567."))
    return text


def _country(question: Question, text: str, offers: Offers) -> str:
    del question
    if text not in offers.countries:
        raise Wrong(_("Please choose a country from the list."))
    return text


_ONE = {
    Kind.TEXT: _text, Kind.LONG: _text, Kind.CHOICE: _choice, Kind.NUMBER: _number, Kind.DATE: _date, Kind.EMAIL: _email,
    Kind.PHONE: _phone, Kind.COUNTRY: _country,
}  # fmt: skip


def _file(question: Question, file: FileGiven | None) -> dict[str, Any] | None:
    if file is None:
        return None
    if file.refused:
        raise Wrong(file.refused)
    most = int(question.most) if isinstance(question.most, int | float) else FILE_BYTES
    if file.size > most:
        raise Wrong(_("This file is larger than %(limit)s. Please send a smaller one.") % {"limit": formats.size(most)})
    return {"name": file.name, "size": file.size, "media_type": file.media_type, "sha256": file.sha256}


# --- in words ---------------------------------------------------------------------------------------------------------
def readable(question: Question, answer: Any, language: str, offers: Offers) -> str:
    """An answer as people read it; "" for none. One of another type, of a question that was made anew, is shown as it is."""
    if answer is None:
        return ""
    if not _fits(question.kind, answer):
        return ", ".join(str(each) for each in answer) if isinstance(answer, list) else str(answer)
    if question.kind in (Kind.CHOICE, Kind.CHOICES):
        names: dict[str, str] = {option.value: option.label(language) for option in question.options}
        return ", ".join(names.get(value) or str(value) for value in (answer if isinstance(answer, list) else [answer]))
    if question.kind == Kind.COUNTRY:
        return offers.countries.get(answer, answer)
    if question.kind == Kind.CONSENT:
        return ", ".join(offers.topics.get(uid) or uid for uid in answer)
    if question.kind == Kind.FILE:
        return f"{answer['name']} ({formats.size(answer['size'])})"
    if question.kind == Kind.NUMBER:
        return formats.number(answer, digits=len(str(answer).partition(".")[2]))
    return str(answer)


def _fits(kind: Kind, answer: Any) -> bool:
    if kind == Kind.FILE:
        return isinstance(answer, dict) and {"name", "size"} <= set(answer)
    if kind == Kind.NUMBER:
        return isinstance(answer, int | float) and not isinstance(answer, bool)
    if kind in (Kind.CHOICES, Kind.CONSENT) or (kind == Kind.CHOICE and isinstance(answer, list)):
        return isinstance(answer, list) and all(isinstance(each, str) for each in answer)
    return isinstance(answer, str)
