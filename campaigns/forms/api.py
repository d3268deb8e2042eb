"""/forms and /submissions: made, changed, opened and closed; what was answered, and answers from your own system."""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.forms import services, taking
from campaigns.forms.engine import answers_form, questions_of
from campaigns.forms.models import Form, Submission
from campaigns.forms.questions import Kind
from campaigns.planning.models import Campaign
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import Names, RowField
from crm.api.fields import text as words
from crm.api.problems import Problem
from crm.api.registry import Section
from crm.api.views import Resource
from crm.ui.public import LANGUAGES

UID = "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c"
PLAN, LOG = (Action.DRIVES,), (Action.LOG,)
SOURCE = "api"


class Texts(Names):
    child = serializers.CharField(max_length=10_000, allow_blank=True)


class FormIn(serializers.Serializer[Any]):
    name = words(300)
    names = Names(required=False)
    purpose = serializers.ChoiceField(Form.Purpose.choices, required=False)
    slug = serializers.SlugField(max_length=60, required=False)
    headlines = Texts(required=False)
    leads = Texts(required=False)
    thanks = Texts(required=False)
    questions = serializers.ListField(
        child=serializers.DictField(), required=False,
        help_text="Replaces all. A key stands for one question for ever: it cannot be given to another one, nor change its kind.",
    )  # fmt: skip
    closes_on = serializers.DateField(required=False, allow_null=True)
    origins = serializers.ListField(child=serializers.CharField(max_length=200), max_length=20, required=False)


class NewFormIn(FormIn):
    campaign = RowField(lambda user: Campaign.objects.visible_to(user, Action.DRIVES).filter(archived_at=None))
    name = words(300, required=True)
    slug = serializers.SlugField(max_length=60)


class AnswersIn(serializers.Serializer[Any]):
    language = serializers.CharField(max_length=8, required=False, help_text="Of who answered; en without one.")
    answers = serializers.DictField(
        help_text="By the question’s key: text, a number, a day as 2027-06-30, an option’s value, or a list of them. Files are not taken here."
    )


class FormOut(serializers.Serializer[Form]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    names = Names()
    campaign = serializers.UUIDField(source="campaign.uid")
    purpose = serializers.ChoiceField(Form.Purpose.choices)
    slug = serializers.CharField(help_text="In the address of its public page: /answer/<slug>/.")
    questions = serializers.ListField(
        child=serializers.DictField(), help_text="key, kind, labels by language, and what the kind has: options, least, most, shown_if."
    )  # fmt: skip
    is_public = serializers.BooleanField()
    closes_on = serializers.DateField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SubmissionOut(serializers.Serializer[Submission]):
    uid = serializers.UUIDField()
    form = serializers.UUIDField(source="form.uid")
    state = serializers.ChoiceField(Submission.State.choices)
    answers = serializers.DictField(
        help_text="By the question's key: text, number, day, an option or a list of them, a country, topics, or a file's name, size and type."
    )
    language = serializers.CharField()
    person = serializers.UUIDField(source="person.uid", allow_null=True, default=None)
    name = serializers.CharField()
    email = serializers.CharField()
    country = serializers.CharField(source="country_id", allow_null=True)
    source = serializers.CharField(help_text="The partner's site that it was sent from; empty for our own page.")
    created_at = serializers.DateTimeField()


def _archived(rows: Any, value: bool, user: User) -> Any:
    return rows.filter(archived_at__isnull=not value)


class FormResource(Resource):
    """Surveys, pledges, registrations and joining questions."""

    serializer_class = FormOut
    needs = {name: PLAN for name in ("create", "partial_update", "publish", "close")} | {"answer": LOG}
    sorts = {"name": ["sort_key"]}
    default_sort = "name"
    filters = [
        filters.uid("campaign", "Of this campaign.", lambda rows, uid, user: rows.filter(campaign__uid=uid)),
        filters.flag("archived", "true: only closed ones; false: only those that are not.", _archived),
    ]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Form.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("campaign")

    @extend_schema(summary="Forms")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One form")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Make a form",
        description="It is open to nobody until it is published.",
        request=NewFormIn,
        responses={201: FormOut},
        examples=[OpenApiExample("One question", {"campaign": UID, "name": "What would help?", "slug": "what-would-help", "questions": [{"key": "need", "kind": "choice", "labels": {"en": "What would help you most?"}, "is_required": True, "options": [{"value": "law", "labels": {"en": "Help with the law"}}, {"value": "costing", "labels": {"en": "A costing"}}]}]}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        made = services.create_form(actor=self.user, **self.read(NewFormIn))
        return self.created(made)

    @extend_schema(summary="Change a form", request=FormIn, responses=FormOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(FormIn, partial=True))
        with self.unchanged(uid, Action.DRIVES) as row:
            services.edit_form(form=row, actor=self.user, **data)
        return Response(self.again(row))

    @extend_schema(summary="Open a form", description="Its page can be answered by everybody from now on.", request=None, responses=FormOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        if not row.questions:
            raise Problem(422, _("A form without questions cannot be opened. Give it some first."), code="no_questions")
        services.edit_form(form=row, actor=self.user, is_public=True)
        return Response(self.again(row))

    @extend_schema(summary="Close a form", description="Nobody can answer it any more. What was answered stays.", request=None, responses=FormOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def close(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        services.archive_form(form=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(
        summary="Send answers",
        description="Answers that came in elsewhere, checked as on the page. Nobody in the directory is changed by it before they are looked at, as with answers on the page.",
        request=AnswersIn,
        responses={201: SubmissionOut},
        examples=[OpenApiExample("An answer", {"language": "fr", "answers": {"need": "law"}}, request_only=True)],
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def answer(self, request: Request, uid: UUID) -> Response:
        row, data = self.find(uid, Action.LOG), self.read(AnswersIn)
        if row.archived_at or (row.closes_on and row.closes_on < timezone.localdate()):
            raise Problem(409, _("This form is closed: it takes no answers any more."), code="form_closed")
        questions = {question.key: question for question in questions_of(row)}
        given = data["answers"]
        strange = [key for key in given if key not in questions or questions[key].kind == Kind.FILE]
        if strange:
            sentence = _("This form has no such question that can be answered here.")
            raise Problem(422, sentence, code="unknown_question", fields={key[:60]: [sentence] for key in strange[:10]})
        language = data.get("language") or "en"
        with translation.override(language if language in LANGUAGES else "en"):
            sent = answers_form(
                row, {f"q-{key}": _as_sent(value) for key, value in given.items()}, {}, language=language
            )
            if not sent.is_valid():
                raise Problem(
                    422, _("Some answers cannot be taken. Nothing was kept."), code="bad_answers",
                    fields={name: [str(text) for text in texts] for name, texts in sent.errors.items()},
                )  # fmt: skip
        receipt = os.urandom(taking.RECEIPT_BYTES)
        taking.take(form=row, sent=sent, language=language, receipt=receipt, source=SOURCE)
        made = Submission.objects.select_related("form", "person").get(form=row, receipt=receipt)
        return Response(SubmissionOut(made).data, status=201)


def _as_sent(value: Any) -> list[str]:
    """As a browser would send it."""
    values = value if isinstance(value, list) else [value]
    return ["" if each is None else str(each) for each in values]


class SubmissionResource(Resource):
    """What was answered."""

    serializer_class = SubmissionOut
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [
        filters.uid("form", "Of this form.", lambda rows, uid, user: rows.filter(form__uid=uid)),
        filters.uid("person", "Of this person.", lambda rows, uid, user: rows.filter(person__uid=uid)),
    ]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Submission.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("form", "person")

    @extend_schema(summary="Answers to forms")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="The answers of one")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))


SECTIONS = [
    Section(
        "Forms",
        "Questions that are asked in public, and what was answered.",
        [("forms", FormResource), ("submissions", SubmissionResource)],
        order=59,
    )
]
