"""/asks, /positions, /position-steps, /powers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.planning.models import Campaign, Drive
from campaigns.positions import services
from campaigns.positions.ladder import CODES, Confidence, EvidenceKind, Stance
from campaigns.positions.models import Ask, Position, PositionStep, Power
from contacts.directory.models import Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import Names, RowField, text
from crm.api.registry import Section
from crm.api.views import Resource

UID = "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c"
STANCES = list(CODES)


class StanceField(serializers.ChoiceField):
    """A rung by its code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=STANCES, **kwargs)

    def to_representation(self, value: Any) -> Any:
        return Stance(value).code if value else None

    def to_internal_value(self, data: Any) -> Stance:
        return CODES[super().to_internal_value(data)]


class AskOut(serializers.Serializer[Ask]):
    uid = serializers.UUIDField()
    drive = serializers.UUIDField(source="drive.uid")
    name = serializers.CharField()
    names = Names()
    description = serializers.CharField(allow_blank=True)
    done_when = serializers.CharField(allow_blank=True, help_text="What counts as done.")
    place = serializers.IntegerField(help_text="Its order in the drive.")
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class AskIn(serializers.Serializer[Any]):
    name = text(300)
    names = Names(required=False)
    description = text(10_000)
    done_when = text(2000)
    place = serializers.IntegerField(required=False, min_value=1, max_value=999)


class NewAskIn(AskIn):
    drive = RowField(lambda user: Drive.objects.visible_to(user, Action.DRIVES))
    name = text(300, required=True)


class StepOut(serializers.Serializer[PositionStep]):
    uid = serializers.UUIDField()
    organization = serializers.UUIDField(source="organization.uid")
    ask = serializers.UUIDField(source="ask.uid")
    stance = StanceField()
    previous = StanceField(allow_null=True, help_text="Where it stood before; null: nothing was known.")
    on = serializers.DateField(help_text="The day it was said, done or seen.")
    evidence_kind = serializers.ChoiceField(EvidenceKind.choices)
    evidence = serializers.CharField(allow_blank=True)
    link = serializers.CharField(allow_blank=True)
    confidence = serializers.ChoiceField(Confidence.choices)
    said_by = serializers.UUIDField(source="said_by.uid", allow_null=True, default=None)
    said_by_name = serializers.CharField(allow_blank=True)
    recorded_by = serializers.UUIDField(source="recorded_by.uid", allow_null=True, default=None)
    recorded_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True, help_text="Set when it was withdrawn as wrong.")
    withdrawn_why = serializers.CharField(allow_blank=True)


class NewStepIn(serializers.Serializer[Any]):
    organization = RowField(lambda user: Organization.objects.active().visible_to(user, Action.LOG))
    ask = RowField(lambda user: Ask.objects.visible_to(user).active())
    stance = StanceField()
    on = serializers.DateField()
    evidence_kind = serializers.ChoiceField(EvidenceKind.choices)
    evidence = text(5000)
    link = serializers.URLField(required=False, allow_blank=True, max_length=500)
    confidence = serializers.ChoiceField(Confidence.choices, required=False)
    said_by = RowField(lambda user: Person.objects.active().visible_to(user), required=False, allow_null=True)
    said_by_name = text(200)


class WithdrawIn(serializers.Serializer[Any]):
    why = text(300, required=True)


class PositionOut(serializers.Serializer[Position]):
    uid = serializers.UUIDField()
    organization = serializers.UUIDField(source="organization.uid")
    ask = serializers.UUIDField(source="ask.uid")
    stance = StanceField()
    on = serializers.DateField(help_text="Since when it is known to stand there.")
    step = serializers.UUIDField(source="step.uid", help_text="The step that says so, with its evidence.")


WAYS = ["up", "down", "first", "same"]


def _stances(rows: Any, values: list[str], user: User) -> Any:
    return rows.filter(stance__in=[CODES[value] for value in values])


def _countries(rows: Any, values: list[str], user: User) -> Any:
    return rows.filter(organization__country_id__in=[value.upper() for value in values])


ABOUT = [
    filters.uid("organization", "Of this institution.", lambda rows, uid, user: rows.filter(organization__uid=uid)),
    filters.uid("ask", "On this ask.", lambda rows, uid, user: rows.filter(ask__uid=uid)),
    filters.uid("drive", "On asks of this drive.", lambda rows, uid, user: rows.filter(ask__drive__uid=uid)),
    filters.choice("stance", "Where it stands.", STANCES, _stances),
    filters.codes("country", "Of institutions in these countries.", _countries, pattern="^[A-Za-z]{2}$", example="ZM"),
]


class AskResource(Resource):
    """What a drive wants institutions to do."""

    serializer_class = AskOut
    needs = {"create": (Action.DRIVES,), "partial_update": (Action.DRIVES,)}
    sorts = {"place": ["place", "sort_key"], "updated_at": ["updated_at"]}
    default_sort = "place"
    filters = [
        filters.uid("drive", "Of this drive.", lambda rows, uid, user: rows.filter(drive__uid=uid)),
        filters.flag("archived", "true: only those asked no longer; false: only those asked.", lambda rows, value, user: rows.filter(archived_at__isnull=not value)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Ask.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("drive")

    @extend_schema(summary="Asks")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One ask")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Add an ask",
        request=NewAskIn,
        responses={201: AskOut},
        examples=[OpenApiExample("A plan", {"drive": UID, "name": "Adopt a national action plan", "done_when": "It is published and has a budget line."}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        made = services.create_ask(actor=self.user, **self.read(NewAskIn))
        return self.created(made)

    @extend_schema(summary="Change an ask", request=AskIn, responses=AskOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(AskIn, partial=True))
        with self.unchanged(uid, Action.DRIVES) as row:
            services.edit_ask(ask=row, actor=self.user, changes=data)
        return Response(self.again(row))


class PositionResource(Resource):
    """Where institutions stand now."""

    serializer_class = PositionOut
    sorts = {"on": ["on"], "stance": ["stance"]}
    default_sort = "-on"
    filters = ABOUT

    def rows(self, action: Action = Action.SEE) -> Any:
        return Position.objects.visible_to(self.user, action).known()

    def full(self, rows: Any) -> Any:
        return rows.select_related("organization", "ask", "step")

    @extend_schema(summary="Present positions")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One present position")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))


class StepResource(Resource):
    """Steps on the ladder, each with its evidence. They are never changed: record a newer one, or withdraw one as wrong."""

    serializer_class = StepOut
    needs = {"create": (Action.LOG,), "withdraw": (Action.LOG,)}
    sorts = {"on": ["on"], "recorded_at": ["recorded_at"]}
    default_sort = "-on"
    filters = [
        *ABOUT,
        filters.day("since", "Of that day or later.", lambda rows, day, user: rows.filter(on__gte=day)),
        filters.day("until", "Of that day or earlier.", lambda rows, day, user: rows.filter(on__lte=day)),
        filters.choice("moved", "What moved: standing steps up, down, first (nothing was known before) or same.", WAYS, lambda rows, values, user: rows.moves().direction(values)),
        filters.flag("withdrawn", "true: only those withdrawn as wrong; false: only those that stand.", lambda rows, value, user: rows.filter(withdrawn_at__isnull=not value)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return PositionStep.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("organization", "ask", "said_by", "recorded_by").with_previous()

    @extend_schema(summary="Steps on the ladder")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One step")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Record where an institution stands",
        request=NewStepIn,
        responses={201: StepOut},
        examples=[OpenApiExample("Said in a meeting", {"organization": UID, "ask": UID, "stance": "interested", "on": "2026-11-12", "evidence_kind": "meeting", "evidence": "The director asked for a costing."}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        made = services.record_step(actor=self.user, **self.read(NewStepIn))
        return self.created(made)

    @extend_schema(summary="Withdraw a step as wrong", description="It stays, with the reason; the step before it counts again.", request=WithdrawIn, responses=StepOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        services.withdraw_step(step=row, actor=self.user, why=self.read(WithdrawIn)["why"])
        return Response(self.again(row))


class PowerOut(serializers.Serializer[Power]):
    uid = serializers.UUIDField()
    organization = serializers.UUIDField(source="organization.uid")
    campaign = serializers.UUIDField(source="campaign.uid")
    power = serializers.IntegerField(help_text="1: hardly any; 5: it decides.")
    why = serializers.CharField(allow_blank=True)
    updated_at = serializers.DateTimeField()


class PowerIn(serializers.Serializer[Any]):
    organization = RowField(lambda user: Organization.objects.visible_to(user, Action.LOG))
    campaign = RowField(lambda user: Campaign.objects.visible_to(user, Action.LOG).filter(archived_at=None))
    power = serializers.IntegerField(min_value=1, max_value=5)
    why = text(300)


class PowerResource(Resource):
    """How much an organization can do for or against a campaign."""

    serializer_class = PowerOut
    needs = {"create": (Action.LOG,), "destroy": (Action.LOG,)}
    filters = [
        filters.uid("organization", "Of this organization.", lambda rows, uid, user: rows.filter(organization__uid=uid)),
        filters.uid("campaign", "In this campaign.", lambda rows, uid, user: rows.filter(campaign__uid=uid)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Power.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("organization", "campaign")

    @extend_schema(summary="What organizations can do")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="What one organization can do in one campaign")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Say how much an organization can do", description="Said again, it replaces what was said.", request=PowerIn, responses={201: PowerOut})  # fmt: skip
    def create(self, request: Request) -> Response:
        data = self.read(PowerIn)
        services.set_power(actor=self.user, **data)
        row = Power.objects.get(organization=data["organization"], campaign=data["campaign"])
        return self.created(row)

    @extend_schema(summary="Not known any more", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with self.unchanged(uid, Action.LOG) as row:
            services.set_power(organization=row.organization, campaign=row.campaign, actor=self.user, power=None)
        return Response(status=204)


SECTIONS = [
    Section(
        "Asks and positions",
        "What a drive asks of institutions, and where each stands on it, step by step with evidence.",
        [
            ("asks", AskResource),
            ("positions", PositionResource),
            ("position-steps", StepResource),
            ("powers", PowerResource),
        ],
        order=57,
    )
]
