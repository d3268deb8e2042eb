"""/calendar-feeds: one's own iCalendar addresses. They are secret; renew or revoke one that got about."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.calendars import services
from campaigns.calendars.models import CalendarFeed
from campaigns.planning.models import Drive
from crm.accounts.rules import Action
from crm.api.fields import RowField
from crm.api.registry import Section
from crm.api.views import Resource


class FeedOut(serializers.Serializer[CalendarFeed]):
    uid = serializers.UUIDField()
    drive = serializers.UUIDField(source="drive.uid", allow_null=True, default=None, help_text="null: one’s own work.")
    url = serializers.SerializerMethodField(help_text="Secret: whoever has it reads the calendar.")
    made_at = serializers.DateTimeField()
    fetched_at = serializers.DateTimeField(allow_null=True, help_text="When a calendar last asked, by the day.")

    def get_url(self, row: CalendarFeed) -> str:
        return services.url_of(row)


class NewFeedIn(serializers.Serializer[Any]):
    drive = RowField(lambda user: Drive.objects.visible_to(user), required=False, allow_null=True)


class FeedResource(Resource):
    """One address for a calendar program."""

    serializer_class = FeedOut

    def rows(self, action: Action = Action.SEE) -> Any:
        return CalendarFeed.objects.alive().filter(user=self.user)

    def full(self, rows: Any) -> Any:
        return rows.select_related("drive")

    @extend_schema(summary="One’s calendar feeds")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One calendar feed")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Make a calendar feed", description="The one there is, when there is one.", request=NewFeedIn, responses={201: FeedOut})  # fmt: skip
    def create(self, request: Request) -> Response:
        feed = services.make_feed(actor=self.user, **self.read(NewFeedIn))
        return self.created(feed)

    @extend_schema(summary="Renew it", description="Another address for the same; the old one leads nowhere any more.", request=None, responses=FeedOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def renew(self, request: Request, uid: UUID) -> Response:
        return Response(self.again(services.renew_feed(feed=self.find(uid), actor=self.user)))

    @extend_schema(summary="Revoke it", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with self.unchanged(uid) as feed:
            services.revoke_feed(feed=feed, actor=self.user)
        return Response(status=204)


SECTIONS = [
    Section(
        "Calendar feeds", "One’s own work, and drives, in real calendars.", [("calendar-feeds", FeedResource)], order=66
    )
]
