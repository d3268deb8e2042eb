"""What other packages use of forms: an event's questions, a network's, a pledge's.

Keep a `Form` row (made by `services.create_form` with its purpose) and a foreign key to it; staff edit its questions at
`builder_url(form)`. On a page of your own:

    form = answers_form(row, request.POST or None, request.FILES or None, language=language)
    if form.is_valid():
        answers = form.answers          # JSON, to keep with your own row …
        kept = keep_files(form)         # … and the bytes of its files: store the rows that come back beside it

and in the template, inside your own <form enctype="multipart/form-data">:

    {% include "campaigns/forms/_questions.html" with answers_form=form %}

`in_words` gives what was answered as (question, answer) for people; `questions_of` the typed questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from campaigns.files.models import StoredFile
from campaigns.files.storage import store
from campaigns.forms import checking
from campaigns.forms.answering import AnswersForm, offers_for
from campaigns.forms.checking import Answers, Checked, Offers, check
from campaigns.forms.questions import Question, Questions, parse

if TYPE_CHECKING:
    from campaigns.forms.models import Form

__all__ = [
    "Checked",
    "Offers",
    "answers_form",
    "builder_url",
    "check",
    "in_words",
    "keep_files",
    "question_of",
    "questions_of",
]


def questions_of(form: Form) -> Questions:
    """Its questions, typed. They were checked when they were saved."""
    return parse(form.questions)


def answers_form(
    form: Form,
    data: Any = None,
    files: Any = None,
    *,
    language: str,
    before: Mapping[str, Any] | None = None,
    prefix: str = "q",
) -> AnswersForm:
    return AnswersForm(questions_of(form), data, files, language=language, before=before, prefix=prefix)


def in_words(form: Form, answers: Answers, *, language: str) -> list[tuple[str, str]]:
    """(question, answer) in the reader's language, of what was answered, in the order of the form."""
    questions = [question for question in questions_of(form) if question.key in answers]
    offers = offers_for(questions)
    return [(q.label(language), checking.readable(q, answers[q.key], language, offers)) for q in questions]


def keep_files(form: AnswersForm) -> list[StoredFile]:
    """Store the files of a valid form, in the caller's transaction. Their owner points at the rows with a protected key."""
    return [
        store(content, media_type=media_type)
        for key, (content, media_type) in form.contents.items()
        if key in form.answers
    ]


def question_of(form: Form, key: str) -> Question | None:
    return next((question for question in questions_of(form) if question.key == key), None)


def builder_url(form: Form) -> str:
    return reverse("form_detail", args=[form.uid])
