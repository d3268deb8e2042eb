"""/event-delegations: each delegation's seats, how many are taken, and what is its own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.delegations import composing
from campaigns.delegations.api.shapes import MOST_LINES, SeatIn, seats_of
from campaigns.delegations.models import Delegation, DelegationSeats, Role
from campaigns.delegations.presets import Seats
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import text as words
from crm.api.views import Resource
from crm.ui.public import LANGUAGES


class DelegationSeatsOut(serializers.Serializer[DelegationSeats]):
    constituency = serializers.CharField(source="constituency.code")
    role = serializers.ChoiceField(Role.choices)
    seats = serializers.IntegerField()
    taken = serializers.IntegerField(help_text="Accepted.")
    is_own = serializers.BooleanField(help_text="Differs from what the event asks.")


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
    note = serializers.CharField()
    left_out_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class DelegationIn(serializers.Serializer[Any]):
    seats = SeatIn(
        many=True, required=False, allow_null=True, max_length=MOST_LINES,
        help_text="All of its own seats; null for those that the event asks.",
    )  # fmt: skip
    nominate_by = serializers.DateField(
        required=False, allow_null=True, help_text="Its own last day; null for the event’s."
    )
    language = serializers.ChoiceField([*LANGUAGES.items()], required=False, help_text="Of letters and pages.")
    note = words(1000)

    def validate_seats(self, rows: list[dict[str, Any]] | None) -> Seats | None:
        return None if rows is None else seats_of(rows)


class DelegationResource(Resource):
    """The seats of a country or an institution at an event, and how many are taken."""

    serializer_class = DelegationOut
    needs = {"partial_update": (Action.DRIVES,)}
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

    @extend_schema(
        summary="Change a delegation",
        description="Seats, a day and a language of its own; what is left out stays. Refused where more were accepted than there would be seats.",
        request=DelegationIn,
        responses=DelegationOut,
    )
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(DelegationIn, partial=True))
        with transaction.atomic():
            row = composing.lock(self.find(uid, Action.DRIVES))
            self.require_match(self.full(Delegation.objects.filter(pk=row.pk)).get())
            values = {name: data.get(name, getattr(row, name)) for name in ("nominate_by", "language", "note")}
            if "seats" in data:
                own = data["seats"]
                values["seats"] = (
                    composing.asked_of(row, composing.rules_of(row.event.composition)) if own is None else own
                )
            composing.edit_delegation(delegation=row, actor=self.user, **values)
        return Response(self.again(row))
