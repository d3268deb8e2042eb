"""/forms and /submissions: read only; what is asked, and what was answered."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.forms.models import Form, Submission
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import Names
from crm.api.registry import Section
from crm.api.views import Resource


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
