"""/network-applications: who wants to join, in confirmed words; taken in or declined."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.networks import services
from campaigns.networks.models import Application, Kind
from contacts.directory.models import Constituency, Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import RowField
from crm.api.fields import text as words
from crm.api.views import Resource


class AnswerOut(serializers.Serializer[Any]):
    question = serializers.CharField()
    answer = serializers.CharField(allow_blank=True)


class ApplicationOut(serializers.Serializer[Application]):
    uid = serializers.UUIDField()
    network = serializers.UUIDField(source="network.uid")
    state = serializers.ChoiceField(Application.State.choices)
    kind = serializers.ChoiceField(Kind.choices)
    name = serializers.CharField()
    email = serializers.CharField(help_text="Confirmed by a button in a mail to it.")
    organization_name = serializers.CharField(allow_blank=True)
    constituency = serializers.CharField(source="constituency.code", allow_null=True, default=None)
    country = serializers.CharField(source="country_id", allow_null=True)
    language = serializers.CharField()
    answers = AnswerOut(many=True, help_text="To the questions of the network.")
    wants_listing = serializers.BooleanField()
    wants_letter = serializers.BooleanField()
    brought_by = serializers.UUIDField(source="brought_by.uid", allow_null=True, default=None)
    confirmed_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.UUIDField(source="decided_by.uid", allow_null=True, default=None)
    reason = serializers.CharField(allow_blank=True, help_text="Of a refusal; the letter quotes it.")
    member = serializers.UUIDField(source="member.uid", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class AcceptIn(serializers.Serializer[Any]):
    person = RowField(
        lambda user: Person.objects.active().visible_to(user),
        required=False,
        allow_null=True,
        help_text="Who it is in the directory; left out, they are added as they named themselves.",
    )
    organization = RowField(
        lambda user: Organization.objects.active().visible_to(user),
        required=False,
        allow_null=True,
        help_text="The same for an institution.",
    )
    constituency = serializers.SlugRelatedField("code", queryset=Constituency.objects.active(), required=False, allow_null=True, help_text="Of an institution that is added.")  # fmt: skip


class DeclineIn(serializers.Serializer[Any]):
    reason = words(2000, help_text="The letter quotes it.")


def _states(rows: Any, values: list[str], user: User) -> Any:
    return rows.filter(state__in=values)


class ApplicationResource(Resource):
    """Who wants to join a network. Nobody is in it whose address is not confirmed."""

    serializer_class = ApplicationOut
    needs = {"accept": (Action.DRIVES,), "decline": (Action.DRIVES,)}
    sorts = {"confirmed_at": ["confirmed_at"]}
    default_sort = "confirmed_at"
    filters = [
        filters.uid("network", "Of this network.", lambda rows, uid, user: rows.filter(network__uid=uid)),
        filters.choice("state", "What became of it.", ["confirmed", "accepted", "declined"], _states),
    ]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Application.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("network", "constituency", "brought_by", "decided_by", "member")

    @extend_schema(summary="Applications to networks")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One application to a network")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Take them in", description="A letter welcomes them. Refused (409) when it is decided, or they are a member already.", request=AcceptIn, responses=ApplicationOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        services.accept(application=row, actor=self.user, **self.read(AcceptIn))
        return Response(self.again(row))

    @extend_schema(summary="Decline", description="A letter says so five minutes later.", request=DeclineIn, responses=ApplicationOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        services.decline(application=row, actor=self.user, **self.read(DeclineIn))
        return Response(self.again(row))
