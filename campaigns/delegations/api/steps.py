"""/event-delegate-steps: what each accepted delegate needs before the journey, and by when."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.delegations import steps
from campaigns.delegations.models import Paper, Step
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import Names
from crm.api.views import Resource


class DelegateStepOut(serializers.Serializer[Step]):
    uid = serializers.UUIDField()
    event = serializers.UUIDField(source="nomination.delegation.event.uid")
    nomination = serializers.UUIDField(source="nomination.uid")
    titles = Names(help_text="What is to be done, by language.")
    due_on = serializers.DateField()
    paper = serializers.ChoiceField(Paper.choices, allow_blank=True, help_text="The letter that it takes, if one.")
    told_at = serializers.DateTimeField(allow_null=True, help_text="When the delegate said that it is done.")
    task = serializers.UUIDField(source="task.uid", allow_null=True, default=None, help_text="Of whoever sees to it.")
    done_at = serializers.DateTimeField(source="task.done_at", allow_null=True, default=None)
    dropped_at = serializers.DateTimeField(source="task.dropped_at", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def _open(rows: Any, is_open: bool, user: User) -> Any:
    return rows.open() if is_open else rows.exclude(pk__in=rows.open().values("pk"))


class StepResource(Resource):
    """A practical step of one delegate, with its day and the task that it is."""

    serializer_class = DelegateStepOut
    needs = {"done": (Action.LOG,)}
    sorts = {"due_on": ["due_on"]}
    default_sort = "due_on"
    filters = [
        filters.uid("event", "For this event.", lambda rows, uid, user: rows.filter(nomination__delegation__event__uid=uid)),
        filters.uid("nomination", "Of this delegate.", lambda rows, uid, user: rows.filter(nomination__uid=uid)),
        filters.flag("open", "true: still to be done; false: done or dropped.", _open),
        filters.flag("told", "true: only those that the delegate says are done; false: the others.", lambda rows, value, user: rows.filter(told_at__isnull=not value)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Step.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("nomination__delegation__event", "task")

    @extend_schema(summary="Steps of delegates, the next first")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One step of a delegate")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="It is done",
        description="Its task is closed. Done twice is done once.",
        request=None,
        responses=DelegateStepOut,
    )
    @action(detail=True, methods=["post"])
    def done(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        steps.finish(step=row, actor=self.user)
        return Response(self.again(row))
