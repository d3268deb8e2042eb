"""/activities, /objectives and /team-members: the plan of a drive; /drive-templates: what it can begin from."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.activities import goals, services
from campaigns.activities.blueprints import BLUEPRINTS
from campaigns.activities.models import Activity, Objective, TeamMember
from campaigns.activities.services import Order
from campaigns.activities.states import Kind, State, TeamRole
from campaigns.events.models import Event
from campaigns.mailings.models import Mailing
from campaigns.planning.models import Drive
from campaigns.rounds.models import CallRound
from contacts.directory.models import Country
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import CodeField, RowField, text
from crm.api.problems import Problem
from crm.api.registry import Section
from crm.api.views import ApiView, Resource

ORDER_HELP = (
    "What becomes of others when days no longer follow one another. ask: nothing is saved and the answer is 409; carry: they "
    "move along; leave: they stay."
)


def _drives(user: User) -> Any:
    return Drive.objects.visible_to(user, Action.DRIVES)


def _activities(user: User) -> Any:
    return Activity.objects.visible_to(user).filter(archived_at=None)


def _colleagues(user: User) -> Any:
    return User.objects.staff().filter(is_active=True)


def _decimal(**more: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=16, decimal_places=2, coerce_to_string=False, **more)


class ActivityOut(serializers.Serializer[Activity]):
    uid = serializers.UUIDField()
    drive = serializers.UUIDField(source="drive.uid")
    name = serializers.CharField()
    kind = serializers.ChoiceField(Kind.choices)
    state = serializers.ChoiceField(State.choices)
    owner = serializers.UUIDField(source="owner.uid", allow_null=True, default=None)
    role = serializers.ChoiceField(TeamRole.choices, allow_blank=True, help_text="Whose work it is.")
    starts_on = serializers.DateField()
    due_on = serializers.DateField()
    done_on = serializers.DateField(allow_null=True)
    country = serializers.CharField(source="country_id", allow_null=True, help_text="null: all of the drive.")
    mailing = serializers.UUIDField(source="mailing.uid", allow_null=True, default=None, help_text="The mailing that it is.")  # fmt: skip
    call_round = serializers.UUIDField(source="call_round.uid", allow_null=True, default=None, help_text="The call round that it is.")  # fmt: skip
    event = serializers.UUIDField(source="event.uid", allow_null=True, default=None, help_text="The event that it is.")
    depends_on = serializers.SerializerMethodField()
    is_early = serializers.BooleanField(help_text="It begins before something it depends on is due.")
    is_held = serializers.BooleanField(help_text="Something that it depends on is not done.")
    note = serializers.CharField(allow_blank=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_depends_on(self, row: Activity) -> list[UUID]:
        return sorted(link.before.uid for link in row.depends_on.all())


class ActivityIn(serializers.Serializer[Any]):
    name = text(300)
    kind = serializers.ChoiceField(Kind.choices, required=False)
    owner = RowField(_colleagues, required=False, allow_null=True)
    role = serializers.ChoiceField(TeamRole.choices, required=False, allow_blank=True)
    starts_on = serializers.DateField(required=False)
    due_on = serializers.DateField(required=False)
    country = CodeField(lambda user: Country.objects.all(), required=False, allow_null=True)
    mailing = RowField(lambda user: Mailing.objects.visible_to(user), required=False, allow_null=True)
    call_round = RowField(lambda user: CallRound.objects.visible_to(user), required=False, allow_null=True)
    event = RowField(lambda user: Event.objects.visible_to(user), required=False, allow_null=True)
    depends_on = serializers.ListField(child=RowField(_activities), required=False, max_length=100)
    note = text(10_000)
    order = serializers.ChoiceField([order.value for order in Order], required=False, help_text=ORDER_HELP)


class ActivityChangeIn(ActivityIn):
    state = serializers.ChoiceField(State.choices, required=False)


class NewActivityIn(ActivityIn):
    drive = RowField(_drives)
    name = text(300, required=True)
    starts_on = serializers.DateField()
    due_on = serializers.DateField()


class ObjectiveOut(serializers.Serializer[Objective]):
    uid = serializers.UUIDField()
    drive = serializers.UUIDField(source="drive.uid")
    name = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    baseline = _decimal()
    target = _decimal()
    reached = _decimal(allow_null=True)
    reached_on = serializers.DateField(allow_null=True)
    due_on = serializers.DateField()
    done_share = serializers.IntegerField(help_text="Per cent of the way from baseline to target.")
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ObjectiveIn(serializers.Serializer[Any]):
    name = text(300)
    unit = text(80)
    baseline = _decimal(required=False)
    target = _decimal(required=False)
    reached = _decimal(required=False, allow_null=True)
    reached_on = serializers.DateField(required=False, allow_null=True)
    due_on = serializers.DateField(required=False)


class NewObjectiveIn(ObjectiveIn):
    drive = RowField(_drives)
    name = text(300, required=True)
    target = _decimal()
    due_on = serializers.DateField()


class TeamMemberOut(serializers.Serializer[TeamMember]):
    uid = serializers.UUIDField()
    drive = serializers.UUIDField(source="drive.uid")
    user = serializers.UUIDField(source="user.uid")
    role = serializers.ChoiceField(TeamRole.choices)
    created_at = serializers.DateTimeField()


class NewTeamMemberIn(serializers.Serializer[Any]):
    drive = RowField(_drives)
    user = RowField(_colleagues)
    role = serializers.ChoiceField(TeamRole.choices)


OF_DRIVE = filters.uid("drive", "Of this drive.", lambda rows, uid, user: rows.filter(drive__uid=uid))


class PlanResource(Resource):
    """Rows of a drive's plan: changed by who plans."""

    needs = {name: (Action.DRIVES,) for name in ("create", "partial_update", "destroy")}
    model: Any

    def rows(self, action: Action = Action.SEE) -> Any:
        return self.model.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("drive__campaign")


class ActivityResource(PlanResource):
    """What a drive does: who, when, after what."""

    serializer_class = ActivityOut
    model = Activity
    sorts = {"due_on": ["due_on"], "starts_on": ["starts_on"], "name": ["sort_key"]}
    default_sort = "due_on"
    needs = {**PlanResource.needs, "partial_update": (Action.DRIVES, Action.LOG)}
    filters = [
        OF_DRIVE,
        filters.choice("state", "Its state.", State.values, lambda rows, values, user: rows.filter(state__in=values)),
        filters.choice("kind", "Its kind.", Kind.values, lambda rows, values, user: rows.filter(kind__in=values)),
        filters.uid("owner", "Of this colleague.", lambda rows, uid, user: rows.filter(owner__uid=uid)),
        filters.codes("country", "Of these countries.", lambda rows, codes, user: rows.filter(country__in=codes), example="ZM"),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return super().rows(action).filter(archived_at=None)

    def full(self, rows: Any) -> Any:
        found = rows.with_waits().select_related(
            "drive__campaign", "owner", "mailing", "call_round", "event", "country"
        )
        return found.prefetch_related("depends_on__before")

    @extend_schema(summary="Activities")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One activity")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Plan an activity", request=NewActivityIn, responses={201: ActivityOut})
    def create(self, request: Request) -> Response:
        data = self.read(NewActivityIn)
        data["after"] = data.pop("depends_on", [])
        data["order"] = Order(data.pop("order", "ask"))
        activity = services.create_activity(actor=self.user, **data)
        fresh = self.full(Activity.objects.filter(pk=activity.pk)).get()
        return self.show(fresh, status=201, location=f"{request.path}/{activity.uid}")

    @extend_schema(
        summary="Change an activity",
        description="Its days, its state and all else. Its owner may move its state without a role that plans.",
        request=ActivityChangeIn,
        responses=ActivityOut,
        examples=[OpenApiExample("Done", {"state": "done"}, request_only=True)],
    )
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = self.read(ActivityChangeIn, partial=True)
        state = data.pop("state", None)
        order = Order(data.pop("order", "ask"))
        if "depends_on" in data:
            data["after"] = data.pop("depends_on")
        with transaction.atomic():
            activity = self._theirs(uid) if not data else self.held(uid, Action.DRIVES)
            if data:
                services.edit_activity(activity=activity, actor=self.user, order=order, **data)
            if state:
                services.move_state(activity=activity, actor=self.user, to=State(state))
        return Response(self.again(activity))

    def _theirs(self, uid: UUID) -> Activity:
        """For a move of its state: the planner's, or one's own."""
        activity: Activity = self.find(uid)
        if activity.owner_id == self.user.pk or self.rows(Action.DRIVES).filter(pk=activity.pk).exists():
            self.require_match(activity)
            return activity
        raise Problem(403, _("You may see this, but not change it here."))

    @extend_schema(summary="Take an activity out of the plan", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with transaction.atomic():
            services.archive_activity(activity=self.held(uid, Action.DRIVES), actor=self.user)
        return Response(status=204)


class ObjectiveResource(PlanResource):
    """What a drive is to reach: a number by a day."""

    serializer_class = ObjectiveOut
    model = Objective
    sorts = {"due_on": ["due_on"]}
    default_sort = "due_on"
    filters = [OF_DRIVE]

    def rows(self, action: Action = Action.SEE) -> Any:
        return super().rows(action).filter(archived_at=None)

    @extend_schema(summary="Objectives")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One objective")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Set an objective", request=NewObjectiveIn, responses={201: ObjectiveOut})
    def create(self, request: Request) -> Response:
        objective = goals.create_objective(actor=self.user, **self.read(NewObjectiveIn))
        return self.show(objective, status=201, location=f"{request.path}/{objective.uid}")

    @extend_schema(
        summary="Change an objective", description="Or write down what is reached.", request=ObjectiveIn,
        responses=ObjectiveOut,
    )  # fmt: skip
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = self.read(ObjectiveIn, partial=True)
        with transaction.atomic():
            objective = self.held(uid, Action.DRIVES)
            goals.edit_objective(objective=objective, actor=self.user, **data)
        return Response(self.again(objective))

    @extend_schema(summary="Take an objective out of the plan", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with transaction.atomic():
            goals.archive_objective(objective=self.held(uid, Action.DRIVES), actor=self.user)
        return Response(status=204)


class TeamMemberResource(PlanResource):
    """Who is on a drive's team, and as what."""

    serializer_class = TeamMemberOut
    model = TeamMember
    filters = [OF_DRIVE]

    def rows(self, action: Action = Action.SEE) -> Any:
        return super().rows(action).filter(removed_at=None)

    def full(self, rows: Any) -> Any:
        return rows.select_related("drive__campaign", "user")

    @extend_schema(summary="Teams")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One member of a team")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Add to a team", request=NewTeamMemberIn, responses={201: TeamMemberOut})
    def create(self, request: Request) -> Response:
        member = goals.add_member(actor=self.user, **self.read(NewTeamMemberIn))
        return self.show(member, status=201, location=f"{request.path}/{member.uid}")

    @extend_schema(summary="Take off a team", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with transaction.atomic():
            goals.remove_member(member=self.held(uid, Action.DRIVES), actor=self.user)
        return Response(status=204)


class TemplateStepOut(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(Kind.choices)
    role = serializers.ChoiceField(TeamRole.choices, help_text="Whose work it is.")
    first = serializers.IntegerField(help_text="Days after the start.")
    last = serializers.IntegerField()
    after = serializers.ListField(child=serializers.CharField(), help_text="Keys of the steps that it follows.")
    each = serializers.BooleanField(help_text="Once in every country.")


class TemplateOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    label = serializers.CharField()
    about = serializers.CharField()
    days = serializers.IntegerField()
    steps = TemplateStepOut(many=True)


class TemplatesOut(serializers.Serializer[Any]):
    data = TemplateOut(many=True)


class TemplateView(ApiView):
    """What a drive can begin from: send its code to /drives/{uid}/begin."""

    @extend_schema(summary="Templates of drives", responses=TemplatesOut)
    def list(self, request: Request) -> Response:
        self.no_query()
        return Response(TemplatesOut({"data": list(BLUEPRINTS.values())}).data)


SECTIONS = [
    Section(
        "Plans",
        "What a drive does by when: activities that follow one another, objectives, and the team.",
        [
            ("activities", ActivityResource),
            ("objectives", ObjectiveResource),
            ("team-members", TeamMemberResource),
            ("drive-templates", TemplateView),
        ],
        order=56,
    )
]
