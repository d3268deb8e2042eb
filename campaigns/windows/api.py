"""/policy-windows: dated chances per country, and what is to be done before them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.windows import services
from campaigns.windows.forms import countries_of
from campaigns.windows.leads import MOST
from campaigns.windows.models import FARTHEST_LEAD, Kind, PolicyWindow
from campaigns.windows.reading import LARGEST, read
from contacts.directory.models import Country
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import CodeField, RowField, text
from crm.api.problems import Problem
from crm.api.registry import Section
from crm.api.views import Resource
from crm.ui import formats

WRONG_SHOWN = 100


class LeadShape(serializers.Serializer[Any]):
    days = serializers.IntegerField(min_value=0, max_value=FARTHEST_LEAD, help_text="Days before the window opens.")
    title = serializers.CharField(max_length=200, help_text="What is to be done; it becomes a task.")


class WindowOut(serializers.Serializer[PolicyWindow]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(Kind.choices)
    country = serializers.CharField(source="country_id", allow_null=True, help_text="null: all countries.")
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    is_expected = serializers.BooleanField(help_text="Nobody has confirmed the day.")
    owner = serializers.UUIDField(source="owner.uid", allow_null=True, default=None)
    leads = LeadShape(many=True, source="leads.all")
    note = serializers.CharField(allow_blank=True)
    link = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class WindowIn(serializers.Serializer[Any]):
    name = text(300)
    kind = serializers.ChoiceField(Kind.choices, required=False)
    country = CodeField(lambda user: Country.objects.all(), required=False, allow_null=True)
    starts_on = serializers.DateField(required=False)
    ends_on = serializers.DateField(required=False)
    is_expected = serializers.BooleanField(required=False)
    owner = RowField(lambda user: User.objects.staff().filter(is_active=True), required=False, allow_null=True)
    leads = LeadShape(many=True, required=False, max_length=MOST)
    note = text(10_000)
    link = serializers.URLField(max_length=1000, required=False, allow_blank=True)


class NewWindowIn(WindowIn):
    name = text(300, required=True)
    starts_on = serializers.DateField()


class TakeInIn(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=LARGEST, trim_whitespace=False, help_text="A calendar (BEGIN:VCALENDAR …), or a table whose first line names its columns: country, name, kind, from, until, note, link, lead times, expected.")  # fmt: skip
    country = CodeField(
        lambda user: countries_of(user), required=False, allow_null=True, help_text="Where none is named; null: all."
    )
    kind = serializers.ChoiceField(Kind.choices, default=Kind.OTHER.value, help_text="Where none is named.")
    owner = RowField(lambda user: User.objects.staff().filter(is_active=True), required=False, allow_null=True)
    leads = LeadShape(many=True, required=False, max_length=MOST, help_text="Where none are named.")
    only_right = serializers.BooleanField(default=False, help_text="Take what can be read, although something cannot.")


class UnreadOut(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    text = serializers.CharField()
    why = serializers.CharField()


class TakenOut(serializers.Serializer[Any]):
    added = serializers.IntegerField()
    moved = serializers.IntegerField(help_text="Events that came before, on another day.")
    known = serializers.IntegerField(help_text="There already, as they are.")
    unread = UnreadOut(many=True)


def _ahead(rows: Any, value: bool, user: User) -> Any:
    today = timezone.localdate()
    return rows.filter(ends_on__gte=today) if value else rows.filter(ends_on__lt=today)


class WindowResource(Resource):
    """A dated chance in a country, or in all."""

    serializer_class = WindowOut
    needs = {name: (Action.DRIVES,) for name in ("create", "partial_update", "destroy", "take_in")}
    sorts = {"starts_on": ["starts_on"], "name": ["sort_key"]}
    default_sort = "starts_on"
    filters = [
        filters.codes("country", "Of these countries.", lambda rows, codes, user: rows.filter(country__in=codes), example="ZM"),
        filters.choice("kind", "Its kind.", Kind.values, lambda rows, values, user: rows.filter(kind__in=values)),
        filters.flag("ahead", "true: open today or later; false: past.", _ahead),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return PolicyWindow.objects.visible_to(self.user, action).live()

    def full(self, rows: Any) -> Any:
        return rows.select_related("owner").prefetch_related("leads")

    def _values(self, shape: type[WindowIn], **how: Any) -> dict[str, Any]:
        data = dict(self.read(shape, **how))
        if "leads" in data:
            data["leads"] = [(lead["days"], lead["title"]) for lead in data["leads"]]
        return data

    @extend_schema(summary="Policy windows")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One policy window")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Note a policy window", request=NewWindowIn, responses={201: WindowOut},
        examples=[OpenApiExample("A budget debate", {"name": "Budget debate", "kind": "budget", "country": "ZM", "starts_on": "2027-10-01", "leads": [{"days": 60, "title": "Brief of two pages"}]}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        window = services.create_window(actor=self.user, **self._values(NewWindowIn))
        fresh = self.full(PolicyWindow.objects.filter(pk=window.pk)).get()
        return self.show(fresh, status=201, location=f"{request.path}/{window.uid}")

    @extend_schema(summary="Change a policy window", request=WindowIn, responses=WindowOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = self._values(WindowIn, partial=True)
        with transaction.atomic():
            window = self.held(uid, Action.DRIVES)
            services.edit_window(window=window, actor=self.user, **data)
        return Response(self.again(window))

    @extend_schema(summary="Take a policy window out", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with transaction.atomic():
            services.archive_window(window=self.held(uid, Action.DRIVES), actor=self.user)
        return Response(status=204)

    @extend_schema(
        summary="Take in a calendar or a table", request=TakeInIn, responses={201: TakenOut},
        description="The text of an ICS or CSV file. What came before is not taken twice; an event that moved moves. While something cannot be read nothing is taken (422, with `unread`), unless `only_right` says so.",
        examples=[OpenApiExample("A table", {"text": "country,name,from\nZM,Budget speech,2027-09-24"}, request_only=True)],
    )  # fmt: skip
    @action(detail=False, methods=["post"], url_path="take-in")
    def take_in(self, request: Request) -> Response:
        data = self.read(TakeInIn)
        found = read(data["text"], country=data.get("country"), kind=data["kind"], today=timezone.localdate())
        unread = [{"line": wrong.line, "text": wrong.text, "why": wrong.why} for wrong in found.wrong[:WRONG_SHOWN]]
        if found.wrong and not data["only_right"]:
            sentence = _("%(n)s could not be read, so nothing was taken.") % {"n": formats.number(len(found.wrong))}
            raise Problem(422, sentence, fields={"text": [sentence]}, data={"unread": unread})
        leads = [(lead["days"], lead["title"]) for lead in data.get("leads", [])]
        taken = services.take_in(
            actor=self.user, found=found.found, origin=found.origin, owner=data.get("owner"), leads=leads
        )
        told = {"added": taken.added, "moved": taken.moved, "known": taken.known, "unread": unread}
        return Response(TakenOut(told).data, status=201)


SECTIONS = [
    Section(
        "Policy windows",
        "Dated chances in countries: budget debates, sessions, elections, anniversaries.",
        [("policy-windows", WindowResource)],
        order=57,
    )
]
