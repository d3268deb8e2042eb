"""/mission-reports: trips that were reported, to read and to report: all meetings of a trip, with what came of each, in one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.missions import services
from campaigns.missions.forms import MOST_LINES
from campaigns.missions.models import Mission
from campaigns.missions.services import MOST_MEETINGS, Heard, Met, Next, Promised
from campaigns.planning.models import Drive
from campaigns.positions.ladder import CODES
from campaigns.positions.models import Ask
from campaigns.todo.forms import officers
from contacts.directory.models import Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import RowField
from crm.api.fields import text as words
from crm.api.registry import Section
from crm.api.views import Resource
from crm.errors import Invalid

UID = "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c"
TRIP = {
    "title": "Dakar, before the budget", "starts_on": "2026-10-05", "ends_on": "2026-10-09",
    "meetings": [{
        "on": "2026-10-06", "organizations": [UID], "text": "They want figures.",
        "positions": [{"ask": UID, "stance": "interested"}],
        "commitments": [{"text": "Publish the draft", "due_on": "2027-03-01", "ask": UID}],
        "next_steps": [{"title": "Send figures", "due_on": "2026-10-20"}],
    }],
}  # fmt: skip


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


def _asks(user: User) -> Any:
    return Ask.objects.visible_to(user, Action.LOG).active().select_related("drive")


class HeardIn(serializers.Serializer[Any]):
    ask = RowField(_asks)
    stance = serializers.ChoiceField(list(CODES))
    evidence = words(5000, help_text="What shows it; without it, what was heard at the meeting does.")


class PromisedIn(serializers.Serializer[Any]):
    text = words(2000, required=True)
    due_on = serializers.DateField()
    ask = RowField(_asks, required=False, allow_null=True)


class NextIn(serializers.Serializer[Any]):
    title = words(300, required=True)
    due_on = serializers.DateField()
    assignee = RowField(
        lambda user: officers(Action.LOG), required=False, allow_null=True, help_text="You, without it."
    )


class MeetingIn(serializers.Serializer[Any]):
    on = serializers.DateField()
    organizations = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=20)
    people = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=60, help_text="Without an organization: of those that they stand for.")  # fmt: skip
    text = words(50_000, help_text="What was heard.")
    positions = HeardIn(many=True, required=False, max_length=MOST_LINES)
    commitments = PromisedIn(many=True, required=False, max_length=MOST_LINES)
    next_steps = NextIn(many=True, required=False, max_length=MOST_LINES, help_text="Become tasks.")


class MissionIn(serializers.Serializer[Any]):
    title = words(200, required=True)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    drive = RowField(lambda user: Drive.objects.visible_to(user, Action.LOG), required=False, allow_null=True)
    summary = words(20_000)
    meetings = MeetingIn(many=True, max_length=MOST_MEETINGS, allow_empty=False)
    override_reason = words(
        300, help_text="Why a meeting was held although a contact guard stood against it (409 guarded)."
    )


class MissionResource(Resource):
    """A trip that was reported."""

    serializer_class = MissionOut
    sorts = {"starts_on": ["starts_on"], "created_at": ["created_at"]}
    default_sort = "starts_on"
    needs = {"create": (Action.LOG,)}
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

    @extend_schema(
        summary="Report a trip",
        description="Logs every meeting with the positions heard, the promises made and the next steps: all of it or, where one is refused, nothing. `meeting` of a refusal says which (m1 is the first).",
        request=MissionIn, responses={201: MissionOut}, examples=[OpenApiExample("One meeting", TRIP, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        data = dict(self.read(MissionIn))
        data["meetings"] = [self._met(place, meeting) for place, meeting in enumerate(data["meetings"], start=1)]
        made = services.report_trip(actor=self.user, **data)
        return self.created(made)

    def _met(self, place: int, data: dict[str, Any]) -> Met:
        people = self._with(Person.objects.active(), data.get("people", []), f"meetings.{place - 1}.people")
        organizations = self._with(Organization.objects.all(), data.get("organizations", []), f"meetings.{place - 1}.organizations")  # fmt: skip
        return Met(
            key=f"m{place}", on=data["on"], people=people, organizations=organizations, text=data.get("text", ""),
            heard=[Heard(row["ask"], CODES[row["stance"]], row.get("evidence", "")) for row in data.get("positions", [])],
            promised=[Promised(row["text"], row["due_on"], row.get("ask")) for row in data.get("commitments", [])],
            following=[Next(row["title"], row["due_on"], row.get("assignee")) for row in data.get("next_steps", [])],
        )  # fmt: skip

    def _with(self, rows: Any, uids: Sequence[UUID], field: str) -> Any:
        wanted = list(dict.fromkeys(uids))
        found = list(rows.visible_to(self.user, Action.LOG).filter(uid__in=wanted).order_by("pk"))
        if len(found) != len(wanted):
            raise Invalid(_("There is no such row, or not for this token."), errors=[(field, _("Not found."))])
        return found


SECTIONS = [
    Section("Mission reports", "Trips, each with its meetings.", [("mission-reports", MissionResource)], order=63)
]
