"""What the platform serves itself: who I am, jobs, and the feed of what happened."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.accounts.rules import Action
from crm.api import filters, paging
from crm.api.problems import Problem
from crm.api.registry import Section
from crm.api.scopes import SCOPES
from crm.api.views import ApiView, Resource
from crm.audit.models import OutboxEvent
from crm.jobs import services
from crm.jobs.models import Job
from crm.jobs.queries import jobs_visible_to, pace_of


class MeOut(serializers.Serializer[Any]):
    user = serializers.UUIDField()
    name = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    countries = serializers.ListField(child=serializers.CharField(), allow_null=True, help_text="That you may see; null for all.")  # fmt: skip
    token = serializers.CharField(help_text="Its name.")
    scopes = serializers.ListField(child=serializers.ChoiceField(list(SCOPES)))
    may = serializers.ListField(
        child=serializers.CharField(), help_text="Actions: your grants, cut down to the scopes."
    )
    expires_at = serializers.DateTimeField(allow_null=True)
    time = serializers.DateTimeField(help_text="Of the server.")


class MeResource(ApiView):
    @extend_schema(summary="Who am I?", description="The token's user, what it may do and where: the first thing to ask.", responses=MeOut)  # fmt: skip
    def list(self, request: Request) -> Response:
        self.no_query()
        countries = self.user.scope(Action.SEE).countries
        return Response(
            {
                "user": str(self.user.uid), "name": self.user.name, "roles": self.user.roles,
                "countries": None if countries is None else sorted(countries), "token": self.token.name,
                "scopes": self.token.scopes, "may": [a.value for a in Action if self.user.may(a)],
                "expires_at": self.token.expires_at, "time": timezone.now(),
            }
        )  # fmt: skip


class JobOut(serializers.Serializer[Job]):
    uid = serializers.UUIDField()
    kind = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(Job.State.choices)
    phase = serializers.CharField(allow_blank=True)
    done = serializers.IntegerField(source="done_count")
    total = serializers.IntegerField(source="total_count", allow_null=True)
    percent = serializers.SerializerMethodField()
    object = serializers.UUIDField(source="object_uid", allow_null=True, help_text="What it works on.")
    error = serializers.CharField(allow_blank=True)
    result = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_percent(self, job: Job) -> float | None:
        return pace_of(job).percent

    def get_result(self, job: Job) -> dict[str, Any]:
        return {name: value for name, value in job.result.items() if not name.startswith("_")}


class JobResource(Resource):
    """Long work: ask for it until its state is done, failed or cancelled."""

    serializer_class = JobOut
    sorts = {"created_at": ["created_at"]}
    default_sort = "-created_at"
    filters = [filters.choice("state", "Its state.", Job.State.values, lambda rows, values, user: rows.filter(state__in=values))]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return jobs_visible_to(self.user)

    @extend_schema(summary="Your jobs")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One job")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Stop a job", description="At its next step; what is over is left as it is.", request=None, responses=JobOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, uid: UUID) -> Response:
        job = services.request_cancel(job=self.find(uid), actor=self.user)
        return self.show(job)


class EventOut(serializers.Serializer[OutboxEvent]):
    seq = serializers.IntegerField(help_text="Grows in the order of commits, without a later one below an earlier.")
    type = serializers.CharField(help_text="noun.past_participle: person.edited, mailing.sending, consent.granted…")
    object = serializers.UUIDField(source="object_uid")
    actor = serializers.UUIDField(source="actor_uid", allow_null=True)
    at = serializers.DateTimeField()
    payload = serializers.DictField()


class EventResource(Resource):
    """What happened, in the order in which it was committed."""

    serializer_class = EventOut
    needs = {"list": (Action.ADMINISTER, Action.EXPORT)}
    filters = [
        filters.codes("type", "One or several types.", lambda rows, codes, user: rows.filter(type__in=codes), pattern=r"^[a-z_.]{1,64}$", example="person.edited"),
        filters.uid("object", "Of this object.", lambda rows, uid, user: rows.filter(object_uid=uid)),
    ]  # fmt: skip
    is_counted = False
    most = 1000
    page_size = 100

    def rows(self, action: Action = Action.SEE) -> Any:
        """For whoever sees everything: an event names rows of all countries."""
        if not any(self.user.scope(one).is_everything for one in self.needed()):
            raise Problem(
                403, _("Events name rows of all countries and campaigns, and this token's user sees some of them."),
                code="some_countries_only",
            )  # fmt: skip
        return OutboxEvent.objects.filter(seq__isnull=False)

    @extend_schema(
        summary="Everything that happened",
        description="A feed. Keep `next_cursor`, which every page has, and ask again with it: events come in the "
        "order of commits, so none is ever skipped. Numbered within seconds of the change. For whoever administers or exports "
        "in all countries and campaigns; 403 for others.",
    )
    def list(self, request: Request) -> Response:
        return feed(self, self.rows(), ["seq"])


def feed(view: Resource, rows: Any, sort: Any) -> Response:
    """A page of a feed: it has a cursor to come back with also on its last page."""
    asked = paging.Asked.of(view.request, default=view.page_size, most=view.most)
    if asked.count or asked.sort:
        view.no_query(*({"limit", "after"} | {item.name for item in view.filters}))
    narrowed = filters.narrow(rows, view.filters, asked.filters, view.user)
    made = paging.page(asked, view.full(narrowed), sort)
    return with_cursor(view, asked, made, list(view.get_serializer(made.rows, many=True).data), sort)


def with_cursor(view: Resource, asked: paging.Asked, made: paging.Slice, data: Any, sort: Any) -> Response:
    from crm.ui.paging import sort_keys

    response = paging.answer(view.request, made, data)
    cursor = made.next_cursor or asked.after or None
    if made.rows and not made.next_cursor:
        keys = sort_keys(type(made.rows[-1])._default_manager.all(), sort)
        order = ",".join(("-" if key.is_descending else "") + key.name for key in keys)
        cursor = paging.seal(asked, order, [key.value_of(made.rows[-1]) for key in keys])
    response.data["next_cursor"] = cursor
    return response


SECTIONS = [
    Section("Start", "Who the token is, and what it may do.", [("me", MeResource)], order=5),
    Section("Jobs", "Long work that you started: imports, for one. Progress, result, stop.", [("jobs", JobResource)], order=70),
    Section("Feeds", "What happened, for programs that follow along. A cursor is a place in the order of commits: come back with it, a second or a month later, and nothing is skipped. Deliveries and engagement may come again when they change: take the last one.", [("events", EventResource)], order=80),
]  # fmt: skip
