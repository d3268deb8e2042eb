"""/commitment-offers: what institutions offer to do; take it on as a commitment, or say no."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.offers import services
from campaigns.offers.models import CommitmentOffer
from campaigns.planning.models import Drive
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import RowField
from crm.api.registry import Section
from crm.api.views import Resource


class OfferOut(serializers.Serializer[CommitmentOffer]):
    uid = serializers.UUIDField()
    organization = serializers.UUIDField(source="organization.uid")
    campaign = serializers.UUIDField(source="campaign.uid")
    offered_by = serializers.UUIDField(source="offered_by.uid", allow_null=True, default=None)
    text = serializers.CharField()
    due_on = serializers.DateField()
    is_public = serializers.BooleanField(help_text="They agree that it is told to others.")
    state = serializers.ChoiceField(CommitmentOffer.State.choices)
    reason = serializers.CharField(allow_blank=True, help_text="Why not; of one that was declined.")
    commitment = serializers.UUIDField(source="commitment.uid", allow_null=True, default=None)
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.UUIDField(source="decided_by.uid", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class DeclineOfferIn(serializers.Serializer[Any]):
    reason = serializers.CharField(
        max_length=1000, required=False, allow_blank=True, help_text="Their letter quotes it, in your words."
    )


class AcceptOfferIn(serializers.Serializer[Any]):
    drive = RowField(
        lambda user: Drive.objects.visible_to(user, Action.LOG).filter(archived_at=None),
        help_text="Of the offer's campaign: to which it belongs from now on.",
    )


def _states(rows: Any, values: list[str], user: User) -> Any:
    return rows.filter(state__in=values)


class OfferResource(Resource):
    """What institutions offer by their own link or in an account. It is no commitment before somebody takes it on."""

    serializer_class = OfferOut
    needs = {"accept": (Action.LOG,), "decline": (Action.LOG,)}
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [
        filters.uid("organization", "Of this institution.", lambda rows, uid, user: rows.filter(organization__uid=uid)),
        filters.choice("state", "What became of it.", [*CommitmentOffer.State.values], _states),
    ]

    def rows(self, action: Action = Action.SEE) -> Any:
        return CommitmentOffer.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("organization", "campaign", "offered_by", "commitment", "decided_by")

    @extend_schema(summary="Commitments that institutions offer")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One offer")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Take it on as a commitment", request=AcceptOfferIn, responses=OfferOut)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        services.accept_offer(offer=row, actor=self.user, **self.read(AcceptOfferIn))
        return Response(self.again(row))

    @extend_schema(summary="Say no; they are told by mail in five minutes", request=DeclineOfferIn, responses=OfferOut)
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        services.decline_offer(offer=row, actor=self.user, **self.read(DeclineOfferIn))
        return Response(self.again(row))


SECTIONS = [
    Section(
        "Offers",
        "What institutions offer to do.",
        [("commitment-offers", OfferResource)],
        order=59,
    )
]
