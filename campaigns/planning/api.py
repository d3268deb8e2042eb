"""/campaigns and /drives: read only; what a mailing belongs to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.planning.models import Campaign, Drive
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import Codes, Names
from crm.api.registry import Section
from crm.api.views import Resource


class CampaignOut(serializers.Serializer[Campaign]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    names = Names()
    goal = serializers.CharField(allow_blank=True)
    starts_on = serializers.DateField(allow_null=True)
    ends_on = serializers.DateField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class DriveOut(serializers.Serializer[Drive]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    names = Names()
    campaign = serializers.UUIDField(source="campaign.uid")
    goal = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(Drive.Status.choices)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    owner = serializers.UUIDField(source="owner.uid", allow_null=True, default=None)
    countries = Codes()
    constituencies = Codes()
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def _archived(rows: Any, value: bool, user: User) -> Any:
    return rows.filter(archived_at__isnull=not value)


class CampaignResource(Resource):
    """The long effort."""

    serializer_class = CampaignOut
    sorts = {"name": ["sort_key"]}
    default_sort = "name"
    filters = [filters.flag("archived", "true: only archived ones; false: only those that go on.", _archived)]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Campaign.objects.visible_to(self.user, action)

    @extend_schema(summary="Campaigns")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One campaign")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))


class DriveResource(Resource):
    """A time-bound mobilization inside a campaign: countries × constituencies."""

    serializer_class = DriveOut
    sorts = {"name": ["sort_key"], "starts_on": ["starts_on"]}
    default_sort = "name"
    filters = [
        filters.uid("campaign", "Of this campaign.", lambda rows, uid, user: rows.filter(campaign__uid=uid)),
        filters.choice("status", "Its status.", Drive.Status.values, lambda rows, values, user: rows.filter(status__in=values)),
        filters.flag("archived", "true: only archived ones; false: only those that are not.", _archived),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Drive.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("campaign", "owner").prefetch_related("countries", "constituencies")

    @extend_schema(summary="Drives")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One drive")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))


SECTIONS = [
    Section(
        "Campaigns and drives",
        "What mailings belong to: the long effort, and the drives inside it.",
        [("campaigns", CampaignResource), ("drives", DriveResource)],
        order=55,
    )
]
