"""/interactions: what was said with whom. Replies are seen by the system; calls, meetings, letters and messages are logged."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.files.serving import KeptFileOut
from campaigns.interactions import services
from campaigns.interactions.models import Party
from campaigns.interactions.words import MOST
from campaigns.outreach.models import Interaction
from contacts.directory.models import Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.registry import Section
from crm.api.views import Resource
from crm.errors import Invalid

CALL = {
    "kind": "call", "people": ["01890000-0000-7000-8000-000000000001"], "is_two_way": True,
    "text": "They sign in March.", "next_step": "Send the draft", "next_on": "2027-01-15",
}  # fmt: skip


class InteractionOut(serializers.Serializer[Interaction]):
    uid = serializers.UUIDField()
    kind = serializers.ChoiceField(Interaction.Kind.choices)
    at = serializers.DateTimeField()
    is_two_way = serializers.BooleanField()
    subject = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)
    people = serializers.ListField(child=serializers.UUIDField(), help_text="Those who took part and whom you may see.")
    organizations = serializers.ListField(child=serializers.UUIDField())
    files = KeptFileOut(many=True, help_text="That came with it by mail; see /interaction-files.")
    logged_by = serializers.UUIDField(source="logged_by.uid", allow_null=True, default=None)
    logged_at = serializers.DateTimeField(allow_null=True)


class HappenedIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField([kind for kind in Interaction.Kind.choices if kind[0] != "reply"])
    at = serializers.DateTimeField(required=False, help_text="By default now.")
    is_two_way = serializers.BooleanField(required=False, default=True)
    text = serializers.CharField(required=False, allow_blank=True, max_length=MOST)
    people = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=60)
    organizations = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=60,
        help_text="By default those that the people stand for.",
    )


class InteractionIn(HappenedIn):
    next_step = serializers.CharField(
        required=False, allow_blank=True, max_length=300, help_text="Becomes a task of yours."
    )
    next_on = serializers.DateField(required=False)
    override_reason = serializers.CharField(
        required=False,
        max_length=300,
        help_text="Why it was done although a contact guard stood against it (409 guarded).",
    )


class InteractionChange(HappenedIn):
    is_two_way = serializers.BooleanField(required=False)


def _with(field: str) -> Any:
    def narrow(rows: Any, uid: UUID, user: User) -> Any:
        return rows.filter(
            Exists(Party.objects.took_part().filter(interaction=OuterRef("pk"), **{f"{field}__uid": uid}))
        )

    return narrow


class InteractionResource(Resource):
    """A call, meeting, letter, message or reply."""

    serializer_class = InteractionOut
    sorts = {"at": ["at"]}
    default_sort = "-at"
    needs = {"create": (Action.LOG,), "partial_update": (Action.LOG,), "destroy": (Action.LOG,)}
    filters = [
        filters.choice("kind", "Of these kinds.", Interaction.Kind.values, lambda rows, values, user: rows.filter(kind__in=values)),
        filters.uid("person", "In which this person took part.", _with("person")),
        filters.uid("organization", "In which this organization took part.", _with("organization")),
        filters.moment("since", "That happened then or later.", lambda rows, at, user: rows.filter(at__gte=at)),
        filters.flag("two_way", "true: both ways; false: one way.", lambda rows, yes, user: rows.filter(is_two_way=yes)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Interaction.objects.standing().visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        parties = (
            Party.objects.took_part().visible_to(self.user).select_related("person", "organization").order_by("pk")
        )
        return rows.select_related("logged_by", "dropped").prefetch_related(
            Prefetch("parties", parties, to_attr="seen_parties"), "dropped__files__file"
        )

    def represent_all(self, rows: Any) -> Any:
        for row in rows:
            row.people = [party.person.uid for party in row.seen_parties if party.person]
            row.files = list(row.dropped.files.all()) if hasattr(row, "dropped") else []
            row.organizations = [party.organization.uid for party in row.seen_parties if party.organization]
        return super().represent_all(rows)

    @extend_schema(summary="Interactions, the latest first")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One interaction")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Log an interaction",
        request=InteractionIn,
        responses={201: InteractionOut},
        examples=[OpenApiExample("A call", CALL, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        data = dict(self.read(InteractionIn))
        logged = services.log_interaction(actor=self.user, **self._parties(data))
        return self.created(logged.interaction)

    @extend_schema(summary="Correct an interaction", request=InteractionChange, responses=InteractionOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(InteractionChange, partial=True))
        with self.unchanged(uid, Action.LOG) as row:
            services.edit_interaction(interaction=row, actor=self.user, **self._parties(data))
        return Response(self.again(row))

    @extend_schema(summary="Take away what was logged by mistake", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with self.unchanged(uid, Action.LOG) as row:
            services.remove_interaction(interaction=row, actor=self.user)
        return Response(status=204)

    def _parties(self, data: dict[str, Any]) -> dict[str, Any]:
        """Rows for uids; one that the user may not log with is as if it were not there."""
        for name, model in (("people", Person), ("organizations", Organization)):
            if name in data:
                wanted = list(dict.fromkeys(data[name]))
                manager: Any = model
                rows = list(manager.objects.visible_to(self.user, Action.LOG).filter(uid__in=wanted))
                if len(rows) != len(wanted):
                    raise Invalid("One of these is not there, or not for this token.", errors=[(name, "Not found.")])
                data[name] = rows
        return data


SECTIONS = [
    Section(
        "Contacts",
        "Calls, meetings, letters, messages and replies: with whom, when, whether both ways.",
        [("interactions", InteractionResource)],
        order=60,
    )
]
