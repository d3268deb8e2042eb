"""What segments may ask about forms: who answered one, and what they chose."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.forms.engine import questions_of
from campaigns.forms.given import given_sql
from campaigns.forms.models import Form
from campaigns.forms.questions import WITH_OPTIONS, Kind
from contacts.segments.choices import Rows
from contacts.segments.registry import NONE_OF, PEOPLE, Choice, Context, Field, Operator, register
from contacts.segments.tree import uids
from crm.accounts.models import User
from crm.ui.searchtext import normalise

FORMS = Rows(lambda selects: Form.objects.order_by("sort_key", "id"), "uid", narrow=True)
ANSWERED = (
    Operator("any_of", _("one of"), "choices"),
    Operator("none_of", _("none of"), "choices"),
    Operator("ever", _("any form"), "nothing"),
    Operator("never", _("no form"), "nothing"),
)
CHOSE = (Operator("any_of", _("is one of"), "choices"), NONE_OF)
LOOKED_THROUGH = 200  # forms whose options are offered, the newest first


class Options:
    """Options of forms: "<form's uid>:<question's key>:<option>"; the key is what SQL compares."""

    is_short = False

    def get(self, values: Iterable[str], selects: str) -> dict[str, Choice]:
        wanted = {tuple(value.split(":", 2)) for value in values if value.count(":") >= 2}
        forms = Form.objects.filter(uid__in=uids([uid for uid, _key, _option in wanted]))
        return {
            choice.value: choice for form in forms for choice in _options(form)
            if tuple(choice.value.split(":", 2)) in wanted
        }  # fmt: skip

    def find(self, text: str, *, user: User | None, selects: str, limit: int = 30) -> list[Choice]:
        rows = Form.objects.in_use() if user is None else Form.objects.visible_to(user).in_use()
        words, found = normalise(text).split(), []
        for form in rows.order_by("-created_at")[:LOOKED_THROUGH]:
            for choice in _options(form):
                if all(word in normalise(choice.label, choice.note) for word in words):
                    found.append(choice)
        return found[:limit]


def _options(form: Form) -> list[Choice]:
    return [
        Choice(
            value=f"{form.uid}:{question.key}:{option.value}",
            label=f"{question.label('en')} {option.label('en')}",
            key=(form.pk, question.key, option.value, question.kind == Kind.CHOICES),
            note=form.label,
        )
        for question in questions_of(form)
        if question.kind in WITH_OPTIONS
        for option in question.options
    ]


def _rows(person: str, joined: str = "") -> str:
    return f"FROM ({given_sql()}) f{joined} WHERE f.person_id = {person}"  # noqa: S608 our own words


def answered(ctx: Context, operator: str, value: Any) -> str:
    narrowed = f" AND f.form_id = ANY ({ctx.param(ctx.keys())}::bigint[])" if operator in ("any_of", "none_of") else ""
    found = f"EXISTS (SELECT 1 {_rows(ctx.id)}{narrowed})"
    return found if operator in ("any_of", "ever") else f"NOT {found}"


def chose(ctx: Context, operator: str, value: Any) -> str:
    """One scan of a person's few submissions, however many options are named."""
    chosen = ctx.keys()
    tests = [
        f"(f.form_id = {ctx.param(form)}::bigint AND f.answers @> {ctx.param(json.dumps({key: [option] if is_list else option}))}::jsonb)"
        for form, key, option, is_list in chosen
    ]
    found = f"EXISTS (SELECT 1 {_rows(ctx.id)} AND ({' OR '.join(tests) or 'false'}))"
    return found if operator == "any_of" else f"NOT {found}"


def _evidence(ctx: Context, operator: str, value: Any) -> str:
    rows = _rows(ctx.id, " JOIN campaigns_form w ON w.id = f.form_id")
    return f"ARRAY(SELECT DISTINCT w.name {rows} ORDER BY w.name)"


def register_fields() -> None:
    register(
        Field(
            "form_answered",
            _("Answered a form"),
            _("Forms"),
            ANSWERED,
            answered,
            {
                "any_of": _("who answered {values}"),
                "none_of": _("who did not answer {values}"),
                "ever": _("who **answered a form**"),
                "never": _("who **answered no form**"),
            },
            selects=frozenset({PEOPLE}),
            choices=FORMS,
            order=72,
            evidence=_evidence,
            help=_("Answers that were given to a person, by themselves or by a colleague."),
        )
    )
    register(
        Field(
            "form_answer",
            _("Answer to a question"),
            _("Forms"),
            CHOSE,
            chose,
            {"any_of": _("who answered {values}"), "none_of": _("who did not answer {values}")},
            selects=frozenset({PEOPLE}),
            choices=Options(),
            order=73,
            evidence=_evidence,
            help=_("Options of questions with options. Who was not asked did not answer so."),
        )
    )
