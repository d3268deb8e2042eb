"""/tasks: what somebody has to do by a day. /absences: who is away, and who stands in."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.interactions.words import MOST
from campaigns.todo import absences, services
from campaigns.todo.models import Absence, Task
from contacts.directory.models import Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import RowField
from crm.api.registry import Section
from crm.api.views import Resource
from crm.errors import Invalid

DRAFT = {"title": "Send the draft", "due_on": "2027-01-15", "organization": "01890000-0000-7000-8000-000000000002"}


class TaskOut(serializers.Serializer[Task]):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    note = serializers.CharField(allow_blank=True)
    due_on = serializers.DateField()
    repeat = serializers.ChoiceField(Task.Repeat.choices, allow_blank=True)
    assignee = serializers.UUIDField(source="assignee.uid")
    organization = serializers.UUIDField(source="organization.uid", allow_null=True, default=None)
    person = serializers.UUIDField(source="person.uid", allow_null=True, default=None)
    done_at = serializers.DateTimeField(allow_null=True)
    dropped_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class TaskIn(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=300)
    due_on = serializers.DateField()
    note = serializers.CharField(required=False, allow_blank=True, max_length=MOST)
    repeat = serializers.ChoiceField(Task.Repeat.choices, required=False, allow_blank=True)
    assignee = serializers.UUIDField(required=False, help_text="By default the token’s user.")
    organization = serializers.UUIDField(required=False, allow_null=True)
    person = serializers.UUIDField(required=False, allow_null=True)


def _open(rows: Any, is_open: bool, user: User) -> Any:
    return rows.open() if is_open else rows.exclude(pk__in=rows.open().values("pk"))


class TaskResource(Resource):
    """One thing to do, by a day, by somebody."""

    serializer_class = TaskOut
    sorts = {"due_on": ["due_on"], "created_at": ["created_at"]}
    default_sort = "due_on"
    needs = {
        "create": (Action.LOG,),
        "partial_update": (Action.LOG,),
        "destroy": (Action.LOG,),
        "complete": (Action.LOG,),
    }
    filters = [
        filters.flag("open", "true: still to be done; false: done or dropped.", _open),
        filters.uid("assignee", "Of this user.", lambda rows, uid, user: rows.filter(assignee__uid=uid)),
        filters.uid("organization", "About this organization.", lambda rows, uid, user: rows.filter(organization__uid=uid)),
        filters.uid("person", "About this person.", lambda rows, uid, user: rows.filter(person__uid=uid)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Task.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("assignee", "organization", "person")

    @extend_schema(summary="Tasks, the next first")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One task")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Give a task",
        request=TaskIn,
        responses={201: TaskOut},
        examples=[OpenApiExample("A next step", DRAFT, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        task = services.add_task(actor=self.user, **self._rows(dict(self.read(TaskIn))))
        return self.created(task)

    @extend_schema(summary="Change a task", request=TaskIn, responses=TaskOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = self._rows(dict(self.read(TaskIn, partial=True)))
        with self.unchanged(uid, Action.LOG) as task:
            services.edit_task(task=task, actor=self.user, **data)
        return Response(self.again(task))

    @extend_schema(summary="Drop a task", description="It is not to be done any more.", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with self.unchanged(uid, Action.LOG) as task:
            services.drop_task(task=task, actor=self.user)
        return Response(status=204)

    @extend_schema(
        summary="Do a task",
        description="A task that repeats is there again for its next day. Done twice is done once.",
        request=None,
        responses=TaskOut,
    )
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, uid: UUID) -> Response:
        task = self.find(uid, Action.LOG)
        services.complete_task(task=task, actor=self.user)
        return Response(self.again(task))

    def _rows(self, data: dict[str, Any]) -> dict[str, Any]:
        """Rows for uids; one out of reach is as if it were not there."""
        reach = {
            "assignee": User.objects.staff().filter(is_active=True),
            "organization": Organization.objects.visible_to(self.user, Action.LOG),
            "person": Person.objects.visible_to(self.user, Action.LOG),
        }
        for name, rows in reach.items():
            if data.get(name):
                row = rows.filter(uid=data[name]).first()
                if row is None:
                    raise Invalid(_("There is no such row, or not for this token."), errors=[(name, _("Not found."))])
                data[name] = row
        return data


class AbsenceOut(serializers.Serializer[Absence]):
    uid = serializers.UUIDField()
    user = serializers.UUIDField(source="user.uid")
    deputy = serializers.UUIDField(source="deputy.uid", help_text="Who does their work meanwhile.")
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(help_text="The last day, included.")
    note = serializers.CharField(allow_blank=True)
    cancelled_at = serializers.DateTimeField(allow_null=True, help_text="They are here after all.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def _staff(user: User) -> Any:
    return User.objects.staff().filter(is_active=True)


class AbsenceIn(serializers.Serializer[Any]):
    user = RowField(_staff, required=False, help_text="By default the token’s user; of others, by whoever plans.")
    deputy = RowField(_staff)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    note = serializers.CharField(required=False, allow_blank=True, max_length=200)


def _away_on(rows: Any, day: date, user: User) -> Any:
    return rows.on(day)


class AbsenceResource(Resource):
    """Days on which somebody is away. Nothing is given to others: whoever stands in sees the work, and it ends by itself."""

    serializer_class = AbsenceOut
    sorts = {"starts_on": ["starts_on"], "ends_on": ["ends_on"]}
    default_sort = "starts_on"
    needs = {"create": (Action.LOG, Action.DRIVES), "destroy": (Action.LOG, Action.DRIVES)}
    filters = [
        filters.uid("user", "Of this user.", lambda rows, uid, user: rows.filter(user__uid=uid)),
        filters.uid("deputy", "For whom this user stands in.", lambda rows, uid, user: rows.filter(deputy__uid=uid)),
        filters.day("on", "That day, and not cancelled.", _away_on),
        filters.flag("cancelled", "true: cancelled; false: standing.", lambda rows, yes, user: rows.filter(cancelled_at__isnull=not yes)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Absence.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("user", "deputy")

    @extend_schema(summary="Who is away, the earliest first")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One absence")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Say that somebody is away", request=AbsenceIn, responses={201: AbsenceOut})
    def create(self, request: Request) -> Response:
        absence = absences.add_absence(actor=self.user, **{"user": self.user, **self.read(AbsenceIn)})
        return self.created(absence)

    @extend_schema(
        summary="Cancel an absence",
        description="They are here after all: their work is theirs again at once. Cancelled twice is cancelled once.",
        responses={204: None},
    )
    def destroy(self, request: Request, uid: UUID) -> Response:
        with self.unchanged(uid) as absence:
            absences.cancel_absence(absence=absence, actor=self.user)
        return Response(status=204)


SECTIONS = [
    Section(
        "Tasks",
        "What somebody has to do by a day; who is away, and who stands in.",
        [("tasks", TaskResource), ("absences", AbsenceResource)],
        order=61,
    )
]
