"""/mission-reports: trips that were reported, to read. Writing one goes through its screen; each of its parts has an endpoint."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.missions.models import Mission
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.registry import Section
from crm.api.views import Resource


class MissionOut(serializers.Serializer[Mission]):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    drive = serializers.UUIDField(source="drive.uid", allow_null=True, default=None)
    author = serializers.UUIDField(source="author.uid", allow_null=True, default=None)
    summary = serializers.CharField(allow_blank=True)
    filed_at = serializers.DateTimeField(allow_null=True)
    interactions = serializers.SerializerMethodField(help_text="Its meetings, in their order: see /interactions.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_interactions(self, row: Mission) -> list[UUID]:
        return [meeting.interaction.uid for meeting in row.meetings.all() if meeting.interaction.removed_at is None]


class MissionResource(Resource):
    """A trip that was reported."""

    serializer_class = MissionOut
    sorts = {"starts_on": ["starts_on"], "created_at": ["created_at"]}
    default_sort = "starts_on"
    filters = [filters.uid("author", "Written by this user.", lambda rows, uid, user: rows.filter(author__uid=uid))]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Mission.objects.visible_to(self.user, action).filter(state=Mission.State.FILED)

    def full(self, rows: Any) -> Any:
        return rows.select_related("drive", "author").prefetch_related("meetings__interaction")

    @extend_schema(summary="Mission reports, the earliest first")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One mission report")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))


SECTIONS = [
    Section("Mission reports", "Trips, each with its meetings.", [("mission-reports", MissionResource)], order=63)
]
