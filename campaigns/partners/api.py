"""/change-wishes: what partners want changed of their institution; accept or decline it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.partners import services
from campaigns.partners.models import ChangeWish
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.registry import Section
from crm.api.views import Resource


class ChangeWishOut(serializers.Serializer[ChangeWish]):
    uid = serializers.UUIDField()
    organization = serializers.UUIDField(source="organization.uid")
    asked_by = serializers.UUIDField(source="asked_by.uid", allow_null=True, default=None)
    values = serializers.DictField(
        child=serializers.CharField(allow_blank=True), help_text="Field of the institution → what it is to be."
    )
    note = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(ChangeWish.State.choices)
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.UUIDField(source="decided_by.uid", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(help_text="Send it back as `seen_at` when you decide.")


class DecideIn(serializers.Serializer[Any]):
    seen_at = serializers.DateTimeField(
        help_text="`updated_at` as you read it: refused (409) when they asked for something else since."
    )


def _states(rows: Any, values: list[str], user: User) -> Any:
    return rows.filter(state__in=values)


class ChangeWishResource(Resource):
    """What partners want changed of their institution. Nothing changes before somebody says so."""

    serializer_class = ChangeWishOut
    needs = {"accept": (Action.EDIT_DIRECTORY,), "decline": (Action.EDIT_DIRECTORY,)}
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [
        filters.uid("organization", "Of this institution.", lambda rows, uid, user: rows.filter(organization__uid=uid)),
        filters.choice("state", "What became of it.", [*ChangeWish.State.values], _states),
    ]

    def rows(self, action: Action = Action.SEE) -> Any:
        return ChangeWish.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("organization", "asked_by", "decided_by")

    @extend_schema(summary="Changes asked for by partners")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One change asked for")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Take it over", description="Changes the institution.", request=DecideIn, responses=ChangeWishOut
    )
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.EDIT_DIRECTORY)
        services.accept_wish(wish=row, actor=self.user, **self.read(DecideIn))
        return Response(self.again(row))

    @extend_schema(summary="Leave it as it is", request=DecideIn, responses=ChangeWishOut)
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.EDIT_DIRECTORY)
        services.decline_wish(wish=row, actor=self.user, **self.read(DecideIn))
        return Response(self.again(row))


SECTIONS = [
    Section(
        "Partners",
        "What partners ask for in their accounts.",
        [("change-wishes", ChangeWishResource)],
        order=59,
    )
]
