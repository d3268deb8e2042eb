"""Questions as a Django form: shown as the answers so far ask for, checked by `checking`, without JavaScript.

A page shows the questions that belong to what was answered until then. When an answer opens others, the page comes back with
them (and says so) instead of being taken; a button beside such a question does that on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import format_html
from django.utils.translation import gettext as _

from campaigns.files.sniffing import safe_name, sniff
from campaigns.files.storage import digest
from campaigns.forms import checking
from campaigns.forms.checking import FILE_BYTES, Checked, FileGiven, Offers
from campaigns.forms.questions import WITH_OPTIONS, Kind, Question
from contacts.consent.models import Topic
from contacts.directory.models import Country
from crm.errors import Invalid
from crm.languages import direction, text_in
from crm.ui import formats

RADIOS = 7  # so many options are buttons; more are a list to choose from
LOOK = "look"  # the button that shows what follows, and takes nothing
SEEN = "seen"  # names the questions that the page showed
MAX_SENT = 200  # values of one field that are looked at


def offers_for(questions: Sequence[Question]) -> Offers:
    """Countries and topics as far as the questions need them, in the reader's language."""
    kinds = {question.kind for question in questions}
    countries = Country.objects.order_by("sort_key") if Kind.COUNTRY in kinds else ()
    wanted = [uid for question in questions for uid in question.topics]
    topics = Topic.objects.filter(uid__in=wanted, archived_at=None) if wanted else ()
    return Offers({row.code: row.label for row in countries}, {str(row.uid): row.label for row in topics})


@dataclass(frozen=True)
class Row:
    """A question as the template shows it. decides: others hang on it."""

    question: Question
    field: Any
    decides: bool


class AnswersForm(forms.Form):
    """`answers` after `is_valid()`; `contents` the bytes of files by key, to be kept by whoever takes the answers.

    data, files: of the request, or None. before: answers given earlier (of a draft), shown and, for files, kept.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        data: Any = None,
        files: Any = None,
        *,
        language: str,
        offers: Offers | None = None,
        before: Mapping[str, Any] | None = None,
        prefix: str = "q",
    ) -> None:
        super().__init__(data, files, prefix=prefix, auto_id=f"id_{prefix}-%s", use_required_attribute=False)
        self.questions = list(questions)
        self.language = language
        self.before = dict(before or {})
        self.offers = offers if offers is not None else offers_for(questions)
        self.contents: dict[str, tuple[bytes, str]] = {}
        self.checked = self._check()
        self.appeared = self._appeared()
        fields: Any = self.fields
        for question in self.questions:
            if question.key in self.checked.shown:
                fields[question.key] = self._field(question)
        if not self.is_bound:
            self.initial = self.before

    # --- what was sent ------------------------------------------------------------------------------------------------
    def _check(self) -> Checked:
        if not self.is_bound:
            keys = {question.key for question in checking.shown(self.questions, self.before)}
            return Checked(answers=self.before, shown=keys)
        given, files = {}, {}
        for question in self.questions:
            name = self.add_prefix(question.key)
            if question.kind == Kind.FILE:
                if found := self._file(question, self.files.get(name)):
                    files[question.key] = found
            else:
                given[question.key] = _sent(self.data, name)
        return checking.check(self.questions, given, offers=self.offers, files=files)

    def _file(self, question: Question, upload: UploadedFile | None) -> FileGiven | None:
        if upload is None:
            kept = self.before.get(question.key)
            is_off = bool(self.data.get(self.add_prefix(f"{question.key}-clear")))
            return FileGiven(**kept) if kept and not is_off else None
        most = int(question.most) if isinstance(question.most, int | float) else FILE_BYTES
        if (upload.size or 0) > most:
            limit = formats.size(most)
            return FileGiven(
                refused=_("This file is larger than %(limit)s. Please send a smaller one.") % {"limit": limit}
            )
        content = upload.read()
        try:
            kind = sniff(content, upload.name or "")
        except Invalid as error:
            return FileGiven(refused=error.message)
        self.contents[question.key] = content, kind.media_type
        return FileGiven(safe_name(upload.name or "", kind), len(content), kind.media_type, digest(content))

    def _appeared(self) -> set[str]:
        """Questions that the page did not show. A page that does not say which it showed (an embedded one) showed all."""
        seen = self.data.get(self.add_prefix(SEEN)) if self.is_bound else None
        if seen is None:
            return set()
        return self.checked.shown - set(str(seen)[:4000].split())

    @property
    def is_only_a_look(self) -> bool:
        return self.is_bound and bool(self.data.get(self.add_prefix(LOOK)))

    @property
    def has_more(self) -> bool:
        """Sent to be taken, and answers opened questions that wait."""
        return bool(self.appeared) and not self.is_only_a_look

    def is_valid(self) -> bool:
        return super().is_valid() and not self.is_only_a_look and not self.appeared

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_bound and not self.is_only_a_look:
            for key, sentence in self.checked.errors.items():
                if key not in self.appeared:
                    self.add_error(key, sentence)

    def _clean_fields(self) -> None:
        """`checking` has done it, for all fields together."""

    @property
    def answers(self) -> dict[str, Any]:
        return self.checked.answers

    # --- what is shown ------------------------------------------------------------------------------------------------
    @property
    def rows(self) -> list[Row]:
        decide = {key for question in self.questions for key in question.needs}
        return [Row(q, self[q.key], q.key in decide) for q in self.questions if q.key in self.fields]

    @property
    def seen_name(self) -> str:
        return self.add_prefix(SEEN)

    @property
    def seen_keys(self) -> str:
        return " ".join(self.fields)

    @property
    def look_name(self) -> str:
        return self.add_prefix(LOOK)

    @property
    def has_files(self) -> bool:
        return any(question.kind == Kind.FILE for question in self.questions)

    def _field(self, question: Question) -> forms.Field:
        field = _FIELDS[question.kind](question, self)
        field.required = question.is_required
        field.label = self._words(question.labels)
        field.help_text = self._words(question.hints) if question.hints else self._usual_hint(question)
        return field

    def _usual_hint(self, question: Question) -> str:
        if question.kind == Kind.FILE:
            most = int(question.most) if isinstance(question.most, int | float) else FILE_BYTES
            hint = _("PDF, Word, Excel, PowerPoint, picture or text, up to %(limit)s.") % {"limit": formats.size(most)}
            if kept := self.before.get(question.key):
                hint = _("We have %(name)s. Choose another file to replace it.") % {"name": kept["name"]} + " " + hint
            return hint
        return ""

    def _words(self, texts: Mapping[str, str]) -> str:
        """In the reader's language, else marked with the one that there is, so that it is read out rightly."""
        text, found = text_in(texts, self.language)
        if found == self.language:
            return text
        return format_html('<span lang="{}" dir="{}">{}</span>', found, direction(found), text)

    def _choices(self, question: Question) -> list[tuple[str, str]]:
        return [(option.value, self._words(option.labels)) for option in question.options]


def _sent(data: Any, name: str) -> list[str]:
    values = data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])
    return [str(value) for value in (values if isinstance(values, list) else [values])][:MAX_SENT]


def _line(kind: str = "text", **attrs: str) -> Any:
    def field(question: Question, form: AnswersForm) -> forms.Field:
        about = {"name": "name", "email": "email", "phone": "tel", "organization": "organization"}.get(question.tells)
        more = {"autocomplete": about} if about else {}
        return forms.CharField(widget=forms.TextInput({"type": kind, "dir": "auto"} | attrs | more))

    return field


def _long(question: Question, form: AnswersForm) -> forms.Field:
    return forms.CharField(widget=forms.Textarea({"rows": 4, "dir": "auto"}))


def _one_of(question: Question, form: AnswersForm) -> forms.Field:
    choices = form._choices(question)
    if len(choices) > RADIOS:
        return forms.ChoiceField(choices=[("", _("Please choose")), *choices])
    return forms.ChoiceField(choices=choices, widget=forms.RadioSelect)


def _some_of(question: Question, form: AnswersForm) -> forms.Field:
    choices = (
        form._choices(question)
        if question.kind in WITH_OPTIONS
        else [(uid, form.offers.topics[uid]) for uid in question.topics if uid in form.offers.topics]
    )
    return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple)


def _country(question: Question, form: AnswersForm) -> forms.Field:
    choices = [("", _("Choose your country")), *form.offers.countries.items()]
    return forms.ChoiceField(choices=choices, widget=forms.Select({"autocomplete": "country"}))


def _day(question: Question, form: AnswersForm) -> forms.Field:
    bounds = {"min": question.least, "max": question.most}
    attrs = {"type": "date"} | {name: str(value) for name, value in bounds.items() if value is not None}
    return forms.CharField(widget=forms.TextInput(attrs))


class PlainFile(forms.FileInput):
    """The browser's own: a visitor's page has no script that would show what was dropped."""

    template_name = "django/forms/widgets/input.html"


def _upload(question: Question, form: AnswersForm) -> forms.Field:
    return forms.FileField(widget=PlainFile())


_FIELDS = {
    Kind.TEXT: _line(), Kind.LONG: _long, Kind.CHOICE: _one_of, Kind.CHOICES: _some_of,
    Kind.NUMBER: _line(inputmode="decimal"), Kind.DATE: _day, Kind.COUNTRY: _country, Kind.CONSENT: _some_of, Kind.FILE: _upload,
    Kind.EMAIL: _line("email", inputmode="email", dir="ltr"), Kind.PHONE: _line("tel", inputmode="tel", dir="ltr"),
}  # fmt: skip
