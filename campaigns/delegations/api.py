"""/event-delegations and /event-nominations: each delegation's seats, who was named for them, and the decision about them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.delegations import deciding, naming
from campaigns.delegations.models import Delegation, DelegationSeats, Nomination, Role
from contacts.directory.models import Person
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import RowField
from crm.api.registry import Section
from crm.api.views import Resource

PLAN = (Action.DRIVES,)


class DelegationSeatsOut(serializers.Serializer[DelegationSeats]):
    constituency = serializers.CharField(source="constituency.code")
    role = serializers.ChoiceField(Role.choices)
    seats = serializers.IntegerField()
    taken = serializers.IntegerField(help_text="Accepted.")


class DelegationOut(serializers.Serializer[Delegation]):
    uid = serializers.UUIDField()
    event = serializers.UUIDField(source="event.uid")
    country = serializers.CharField(source="country_id", allow_null=True, help_text="Of a country's delegation.")
    organization = serializers.UUIDField(
        source="organization.uid", allow_null=True, default=None, help_text="Of an institution's."
    )
    seats = DelegationSeatsOut(many=True)
    nominate_by = serializers.DateField(source="last_day", help_text="The last day for naming people.")
    language = serializers.CharField()
    left_out_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class NominationOut(serializers.Serializer[Nomination]):
    uid = serializers.UUIDField()
    event = serializers.UUIDField(source="delegation.event.uid")
    delegation = serializers.UUIDField(source="delegation.uid")
    constituency = serializers.CharField(source="constituency.code")
    role = serializers.ChoiceField(Role.choices)
    state = serializers.ChoiceField(Nomination.State.choices)
    name = serializers.CharField()
    honorific = serializers.CharField(help_text="Form of address.")
    function = serializers.CharField()
    email = serializers.CharField()
    gender = serializers.ChoiceField(
        Nomination.Gender.choices, help_text="As they were named; `secret`: they prefer not to say."
    )
    person = serializers.UUIDField(source="person.uid", allow_null=True, default=None)
    organization = serializers.UUIDField(
        source="organization.uid", allow_null=True, default=None, help_text="Which named them."
    )
    replaces = serializers.UUIDField(source="replaces.uid", allow_null=True, default=None)
    reason = serializers.CharField(help_text="Why they were sent back.")
    decided_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class NominationAcceptIn(serializers.Serializer[Any]):
    person = RowField(
        lambda user: Person.objects.active().visible_to(user),
        required=False,
        allow_null=True,
        default=None,
        help_text="Who of the directory it is.",
    )
    add = serializers.BooleanField(
        default=False, help_text="Nobody there yet: add them as they were named. Without either, they are found later."
    )


class NominationSendBackIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, help_text="Whoever named them reads it.")


class DelegationResource(Resource):
    """The seats of a country or an institution at an event, and how many are taken."""

    serializer_class = DelegationOut
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [
        filters.uid("event", "Of this event.", lambda rows, uid, user: rows.filter(event__uid=uid)),
        filters.flag("complete", "true: only those whose delegates' seats are all taken; false: only those with gaps.", lambda rows, value, user: rows.filter(pk__in=(Delegation.objects.complete() if value else Delegation.objects.with_gaps()).values("pk"))),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Delegation.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("event__composition", "organization").prefetch_related("seats__constituency")

    @extend_schema(summary="Delegations to events")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One delegation")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))


class NominationResource(Resource):
    """Who was named for a seat of a delegation, and what became of it."""

    serializer_class = NominationOut
    needs = {"accept": PLAN, "send_back": PLAN, "withdraw": PLAN}
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [
        filters.uid("event", "For this event.", lambda rows, uid, user: rows.filter(delegation__event__uid=uid)),
        filters.uid("delegation", "Of this delegation.", lambda rows, uid, user: rows.filter(delegation__uid=uid)),
        filters.flag("accepted", "true: only those who are accepted; false: only those who are not.", lambda rows, value, user: rows.filter(state="accepted") if value else rows.exclude(state="accepted")),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Nomination.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("delegation__event", "constituency", "person", "organization", "replaces")

    @extend_schema(summary="Names for delegations")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One name")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Accept a name", description="A seat at the event, steps, letters, and a mail with their own page. Refused where all seats of their kind are taken.", request=NominationAcceptIn, responses=NominationOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        given = self.read(NominationAcceptIn)
        is_new = given["add"] and given["person"] is None
        deciding.accept(nomination=row, actor=self.user, person=given["person"], is_new=is_new)
        return Response(self.again(row))

    @extend_schema(summary="Send a name back", description="Whoever named them gets a mail with the reason.", request=NominationSendBackIn, responses=NominationOut)  # fmt: skip
    @action(detail=True, methods=["post"], url_path="send-back")
    def send_back(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        deciding.send_back(nomination=row, actor=self.user, **self.read(NominationSendBackIn))
        return Response(self.again(row))

    @extend_schema(summary="Withdraw a name", description="The seat is free.", request=None, responses=NominationOut)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        naming.withdraw(nomination=row, actor=self.user)
        return Response(self.again(row))


SECTIONS = [
    Section(
        "Delegations",
        "The seats of countries and institutions at events, and who was named for them.",
        [("event-delegations", DelegationResource), ("event-nominations", NominationResource)],
        order=59,
    )
]
