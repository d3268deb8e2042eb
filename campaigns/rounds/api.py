"""/call-rounds and /call-lines: begin a round, take the next call alone, say what came of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.activities.models import Activity
from campaigns.activities.services import become_round
from campaigns.rounds import services
from campaigns.rounds.models import CallLine, CallRound
from contacts.segments.models import Segment
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import RowField
from crm.api.fields import text as line
from crm.api.problems import Problem
from crm.api.registry import Section
from crm.api.views import Resource

OUTCOMES = [choice for choice in CallLine.Outcome.choices if choice[0]]


class RoundOut(serializers.Serializer[CallRound]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    script = serializers.CharField(allow_blank=True)
    segment = serializers.UUIDField(source="segment.uid", allow_null=True, default=None)
    owner = serializers.UUIDField(source="owner.uid", allow_null=True, default=None)
    most_tries = serializers.IntegerField()
    total = serializers.IntegerField(help_text="Calls in it.")
    over = serializers.IntegerField(help_text="Calls that need no more.")
    activity = serializers.SerializerMethodField(
        help_text="The activity of a drive that it is, as far as you see it; or null."
    )
    closed_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_activity(self, row: CallRound) -> UUID | None:
        seen = getattr(row, "shown_activities", None)
        return seen[0].uid if seen else None


class NewRoundIn(serializers.Serializer[Any]):
    name = line(200, required=True)
    segment = RowField(
        lambda user: Segment.objects.filter(archived_at=None), help_text="Everybody whom it has now, within your scope."
    )
    script = line(20_000)
    most_tries = serializers.IntegerField(required=False, min_value=1, max_value=20)
    activity = RowField(
        lambda user: Activity.objects.visible_to(user).filter(kind="call_round", archived_at=None, call_round=None),
        required=False, allow_null=True, help_text="The activity of a drive that the round is.",
    )  # fmt: skip


class LineOut(serializers.Serializer[CallLine]):
    uid = serializers.UUIDField()
    round = serializers.UUIDField(source="round.uid")
    person = serializers.UUIDField(source="person.uid", allow_null=True, default=None)
    organization = serializers.UUIDField(source="organization.uid", allow_null=True, default=None)
    state = serializers.ChoiceField(CallLine.State.choices)
    outcome = serializers.ChoiceField(CallLine.Outcome.choices, allow_blank=True)
    tries = serializers.IntegerField()
    not_before = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField(allow_blank=True, help_text="Why it is held or skipped.")
    claimed_by = serializers.UUIDField(source="claimed_by.uid", allow_null=True, default=None)
    done_at = serializers.DateTimeField(allow_null=True)
    done_by = serializers.UUIDField(source="done_by.uid", allow_null=True, default=None)


class ClaimOut(serializers.Serializer[Any]):
    line = LineOut(allow_null=True, help_text="null: nobody is left to be called now.")
    token = serializers.UUIDField(
        allow_null=True, help_text="Send it with what came of the call. It holds for half an hour."
    )
    lease_until = serializers.DateTimeField(allow_null=True)


class TokenIn(serializers.Serializer[Any]):
    token = serializers.UUIDField(help_text="Of the claim.")


class OutcomeIn(TokenIn):
    outcome = serializers.ChoiceField(OUTCOMES)
    text = line(100_000)
    call_back_on = serializers.DateField(required=False, allow_null=True, help_text="Needed for call_back.")
    next_step = line(300)
    next_on = serializers.DateField(required=False, allow_null=True)
    override_reason = line(300, help_text="Why it was done although a contact guard stood against it (409 guarded).")


class HoldIn(TokenIn):
    until = serializers.DateField()
    why = line(300)


class SkipIn(TokenIn):
    why = line(300, required=True)


class RoundResource(Resource):
    """Calls with one script to those whom a segment had when the round began."""

    serializer_class = RoundOut
    needs = {name: (Action.LOG,) for name in ("create", "close", "claim")}
    sorts = {"created_at": ["created_at"], "name": ["name"]}
    default_sort = "created_at"
    filters = [
        filters.flag("running", "true: not closed yet.", lambda rows, yes, user: rows.filter(closed_at__isnull=yes))
    ]

    def rows(self, action: Action = Action.SEE) -> Any:
        return CallRound.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        activities = Activity.objects.visible_to(self.user).filter(archived_at=None)
        rows = rows.select_related("segment", "owner").with_counts()
        return rows.prefetch_related(Prefetch("activities", activities, to_attr="shown_activities"))

    @extend_schema(summary="Call rounds")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One call round")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Begin a call round", request=NewRoundIn, responses={201: RoundOut})
    def create(self, request: Request) -> Response:
        data = self.read(NewRoundIn)
        activity = data.pop("activity", None)
        with transaction.atomic():
            made = services.start_round(actor=self.user, **data)
            if activity:
                become_round(activity=activity, call_round=made, actor=self.user)
        return self.created(made)

    @extend_schema(summary="Close it", description="Nobody is called any more.", request=None, responses=RoundOut)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid)
        services.close_round(round_=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(
        summary="Take the next call", description="For you alone, while the claim holds; the one that you hold already, if you do.",
        request=None, responses=ClaimOut,
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def claim(self, request: Request, uid: UUID) -> Response:
        line = services.claim_next(round_=self.find(uid), actor=self.user)
        told = LineOut(_line_rows().get(pk=line.pk)).data if line else None
        return Response(
            {
                "line": told,
                "token": str(line.token) if line else None,
                "lease_until": line.lease_until if line else None,
            }
        )


def _line_rows() -> Any:
    return CallLine.objects.select_related("round", "person", "organization", "claimed_by", "done_by")


class LineResource(Resource):
    """Somebody to be called, or who was."""

    serializer_class = LineOut
    needs = {name: (Action.LOG,) for name in ("outcome", "hold", "skip", "give_back")}
    filters = [
        filters.uid("round", "Of this round.", lambda rows, uid, user: rows.filter(round__uid=uid)),
        filters.choice("state", "Its state.", CallLine.State.values, lambda rows, values, user: rows.filter(state__in=values)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return CallLine.objects.visible_to(self.user, action).filter(round__in=CallRound.objects.visible_to(self.user))

    def full(self, rows: Any) -> Any:
        return rows.select_related("round", "person", "organization", "claimed_by", "done_by")

    def _claimed(self, uid: UUID) -> CallLine:
        line: CallLine = self.find(uid, Action.LOG)
        return line

    @extend_schema(summary="Calls")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One call")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Say what came of it", description="Logged as a call, but for a wrong number. 409 claim_lost when another took it.",
        request=OutcomeIn, responses=LineOut,
        examples=[OpenApiExample("They want another time", {"token": "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c", "outcome": "call_back", "call_back_on": "2027-02-01"}, request_only=True)],
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def outcome(self, request: Request, uid: UUID) -> Response:
        line, data = self._claimed(uid), dict(self.read(OutcomeIn))
        if data["outcome"] == CallLine.Outcome.CALL_BACK and not data.get("call_back_on"):
            words = _("Say on which day to call again.")
            raise Problem(422, words, fields={"call_back_on": [words]})
        services.record_outcome(line=line, actor=self.user, **data)
        return Response(self.again(line))

    @extend_schema(summary="Hold it", description="It is free again on that day.", request=HoldIn, responses=LineOut)
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, uid: UUID) -> Response:
        line = self._claimed(uid)
        services.hold_line(line=line, actor=self.user, **self.read(HoldIn))
        return Response(self.again(line))

    @extend_schema(
        summary="Skip it", description="Not in this round; the reason is kept.", request=SkipIn, responses=LineOut
    )
    @action(detail=True, methods=["post"])
    def skip(self, request: Request, uid: UUID) -> Response:
        line = self._claimed(uid)
        services.skip_line(line=line, actor=self.user, **self.read(SkipIn))
        return Response(self.again(line))

    @extend_schema(
        summary="Give it back", description="Somebody else may take it at once.", request=TokenIn, responses=LineOut
    )
    @action(detail=True, methods=["post"], url_path="give-back")
    def give_back(self, request: Request, uid: UUID) -> Response:
        line = self._claimed(uid)
        services.give_back(line=line, actor=self.user, **self.read(TokenIn))
        return Response(self.again(line))


SECTIONS = [
    Section(
        "Call rounds",
        "A segment as call sheets, shared among officers without two calling the same person.",
        [("call-rounds", RoundResource), ("call-lines", LineResource)],
        order=64,
    )
]
