"""Merge fields of what the recipient answered to the questions of one form: `answer.<key of the question>`.

The form is a setting of the mailing; it may be an event's or a network's. The last answer to a question counts; of a mailing to institutions
also what was answered in their name. Values are words in the language of the text, so they are copied with the other fields.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils.translation import gettext as _

from campaigns.forms.engine import questions_of
from campaigns.forms.given import forms_named, given_sql
from campaigns.forms.models import Form
from campaigns.forms.questions import WITH_OPTIONS, Kind, Question
from campaigns.mailings.fields import ANSWER, MergeField, Scalar, answers_in, is_answer
from campaigns.mailings.templates import Problem, parse, used_fields
from contacts.consent.models import Topic
from contacts.directory.models import Country
from contacts.segments.nesting import inline_tree
from crm.languages import text_in

if TYPE_CHECKING:
    from campaigns.mailings.content import Writing
    from campaigns.mailings.models import Mailing
    from contacts.segments.models import Segment

EXAMPLES: dict[Kind, Scalar] = {
    Kind.NUMBER: 12,
    Kind.DATE: "2026-11-30",
    Kind.EMAIL: "fatou@example.org",
    Kind.PHONE: "+221 77 123 45 67",
    Kind.FILE: "plan.pdf",
}
# a number stays one, a file is its name, options and codes are their words
_VALUE = """(SELECT CASE jsonb_typeof(g.a)
 WHEN 'number' THEN g.a
 WHEN 'array' THEN to_jsonb((SELECT string_agg(coalesce({words} ->> t.x, t.x), ', ' ORDER BY t.n)
                              FROM jsonb_array_elements_text(g.a) WITH ORDINALITY t(x, n)))
 WHEN 'object' THEN g.a -> 'name'
 ELSE to_jsonb(coalesce({words} ->> (g.a #>> '{{}}'), g.a #>> '{{}}')) END
 FROM (SELECT f.answers -> '{key}' AS a FROM ({given}) f
        WHERE f.form_id = %(answers_of)s AND {whose} AND f.answers -> '{key}' IS NOT NULL
        ORDER BY {first}f.at DESC LIMIT 1) g)"""


def forms_of(segment: Segment | None) -> set[int]:
    """Ids of the forms that the rules of a segment are about, by themselves or by their event or network."""
    return forms_named(inline_tree(segment)) if segment else set()


def form_of(segment: Segment | None) -> int | None:
    """The one form that a segment is about; None when there is none or a choice."""
    found = forms_of(segment)
    return next(iter(found)) if len(found) == 1 else None


def merge_fields(mailing: Mailing) -> list[MergeField]:
    """What a text of this mailing may say of answers, in the order of the form."""
    form = mailing.answers_of
    if form is None:
        return []
    return [MergeField(ANSWER + q.key, q.label("en"), _example(q, "en")) for q in questions_of(form)]


def unknown_answers(writing: Writing, mailing: Mailing) -> list[Problem]:
    """What a text says of questions that the mailing's form does not ask."""
    sources = [(writing.subject, False), (writing.preheader, False), (writing.body_html, True)]
    sources += [(writing.text, False)] if writing.is_text_own else []
    named = set().union(*(used_fields(parse(source, is_html=is_html)) for source, is_html in sources))
    missing = sorted({path for path in named if is_answer(path)} - {field.path for field in merge_fields(mailing)})
    if not missing:
        return []
    if mailing.answers_of is None:
        why = _(
            "“%(field)s” is an answer, and no form is chosen. Choose under Settings whose answers this mailing names."
        )
    else:
        why = _("“%(field)s”: “%(form)s” does not ask that. Choose one of its questions from the field menu.")
    form = mailing.answers_of.label if mailing.answers_of else ""
    return [Problem(1, why % {"field": path, "form": form}, path) for path in missing]


# --- values -----------------------------------------------------------------------------------------------------------
def fields_sql(
    paths: Iterable[str], *, person: str, organization: str, language: str, in_their_name: bool
) -> dict[str, str]:
    """path → SQL of a jsonb value, NULL for no answer; the arguments are SQL. Uses the placeholders of `values_of`.

    in_their_name: of institutions, whose answers count beside the person's who reads it.
    """
    whose = f"f.person_id = {person}"
    first = ""
    if in_their_name:
        whose, first = f"({whose} OR f.organization_id = {organization})", f"(f.person_id = {person}) DESC NULLS LAST, "
    return {
        path: _VALUE.format(
            words=f"(%(answer_words)s::jsonb -> {language} -> '{path.removeprefix(ANSWER)}')",
            key=path.removeprefix(ANSWER), given=given_sql(), whose=whose, first=first,
        )
        for path in paths
    }  # fmt: skip


def values_of(mailing: Mailing, paths: Collection[str], languages: Iterable[str]) -> dict[str, Any]:
    form = mailing.answers_of if paths else None
    words = {language: words_in(form, language) for language in languages} if form else {}
    return {"answers_of": form.pk if form else None, "answer_words": json.dumps(words)}


def words_in(form: Form, language: str) -> dict[str, dict[str, str]]:
    """key of a question → what its options are called in a language; nothing of questions without."""
    return {question.key: words for question in questions_of(form) if (words := _words(question, language))}


def _words(question: Question, language: str) -> dict[str, str]:
    if question.kind in WITH_OPTIONS:
        return {option.value: option.label(language) for option in question.options}
    if question.kind == Kind.COUNTRY:
        rows = Country.objects.values_list("code", "name", "names")
        return {code: str(names.get(language) or name) for code, name, names in rows}
    if question.kind == Kind.CONSENT:
        topics = Topic.objects.filter(uid__in=question.topics)
        return {str(topic.uid): str(topic.names.get(language) or topic.name) for topic in topics}
    return {}


def answers_of(mailing: Mailing, person: int | None, organization: int | None, language: str) -> dict[str, Scalar]:
    """All answers of one reader, as they stand now."""
    paths = [field.path for field in merge_fields(mailing)]
    if not paths:
        return {}
    sql = fields_sql(
        paths, person="%(person)s::bigint", organization="%(organization)s::bigint", language="%(language)s::text",
        in_their_name=person is None,
    )  # fmt: skip
    values = {"person": person, "organization": organization, "language": language}
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(sql.values()), values | values_of(mailing, paths, [language]))
        [row] = cursor.fetchall()
    return {path: "" if value is None else json.loads(value) for path, value in zip(sql, row, strict=True)}


def example_answers(mailing: Mailing, language: str) -> dict[str, Scalar]:
    form = mailing.answers_of
    return {ANSWER + q.key: _example(q, language) for q in questions_of(form)} if form else {}


def _example(question: Question, language: str) -> Scalar:
    if question.kind in (*WITH_OPTIONS, Kind.COUNTRY, Kind.CONSENT):
        return next(iter(_words(question, language).values()), "")
    return EXAMPLES.get(question.kind, "…")


def bound_to_approval(mailing: Mailing) -> list[Any]:
    """What is hashed: the form, and what its options are called, of the answers that are named."""
    form = mailing.answers_of
    if form is None:
        return []
    variants = list(mailing.variants.order_by("position", "pk"))
    named = answers_in(" ".join(f"{v.subject} {v.preheader} {v.body_html} {v.text}" for v in variants))
    shown = [q for q in questions_of(form) if ANSWER + q.key in named and q.kind in WITH_OPTIONS]
    return [str(form.uid), {v.language: {q.key: _words(q, v.language) for q in shown} for v in variants}]


def label_of(mailing: Mailing, path: str) -> str:
    """The question behind a path, in the words of staff."""
    form = mailing.answers_of
    key = path.removeprefix(ANSWER)
    found = next((q for q in questions_of(form) if q.key == key), None) if form else None
    return text_in(found.labels, "en")[0] if found else path
