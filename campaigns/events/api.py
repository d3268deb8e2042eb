"""/campaign-events, /event-invitations and /event-registrations: read only; who is invited to what, how they answered, who came."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.events.models import Event, Invitation, Registration
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import Names
from crm.api.registry import Section
from crm.api.views import Resource


class CampaignEventOut(serializers.Serializer[Event]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    names = Names()
    drive = serializers.UUIDField(source="drive.uid")
    kind = serializers.ChoiceField(Event.Kind.choices)
    slug = serializers.CharField(help_text="In the address of its public page: /meet/<slug>/.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    zone = serializers.CharField(help_text="IANA name of the time zone where it is.")
    place = serializers.CharField()
    country = serializers.CharField(source="country_id", allow_null=True)
    capacity = serializers.IntegerField(allow_null=True, help_text="Seats; null for as many as come.")
    taken = serializers.IntegerField(help_text="Seats that are taken.")
    guests_each = serializers.IntegerField()
    allows_delegate = serializers.BooleanField()
    answer_by = serializers.DateField(allow_null=True)
    is_public = serializers.BooleanField()
    cancelled_at = serializers.DateTimeField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class InvitationOut(serializers.Serializer[Invitation]):
    uid = serializers.UUIDField()
    event = serializers.UUIDField(source="event.uid")
    person = serializers.UUIDField(source="person.uid", allow_null=True, default=None)
    organization = serializers.UUIDField(source="organization.uid", allow_null=True, default=None)
    answer = serializers.ChoiceField(Invitation.Answer.choices, help_text="Empty: no answer yet.")
    answered_at = serializers.DateTimeField(allow_null=True)
    came_by = serializers.ChoiceField(Invitation.Road.choices, help_text="How the answer came.")
    note = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class RegistrationOut(serializers.Serializer[Registration]):
    uid = serializers.UUIDField()
    event = serializers.UUIDField(source="event.uid")
    invitation = serializers.UUIDField(source="invitation.uid", allow_null=True, default=None)
    role = serializers.ChoiceField(Registration.Role.choices)
    state = serializers.ChoiceField(Registration.State.choices)
    name = serializers.CharField()
    email = serializers.CharField()
    person = serializers.UUIDField(source="person.uid", allow_null=True, default=None)
    organization = serializers.UUIDField(source="organization.uid", allow_null=True, default=None)
    constituency = serializers.CharField(source="constituency.code", allow_null=True, default=None)
    asked_at = serializers.DateTimeField(help_text="Since when they stand in the line.")
    came_at = serializers.DateTimeField(allow_null=True, help_text="When they were checked in.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CampaignEventResource(Resource):
    """Conferences, trainings, policy discussions and webinars."""

    serializer_class = CampaignEventOut
    sorts = {"starts_at": ["starts_at"], "name": ["sort_key"]}
    default_sort = "starts_at"
    filters = [
        filters.uid("drive", "Of this drive.", lambda rows, uid, user: rows.filter(drive__uid=uid)),
        filters.flag("archived", "true: only those taken out; false: only those that are not.", lambda rows, value, user: rows.filter(archived_at__isnull=not value)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Event.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("drive")

    @extend_schema(summary="Events")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One event")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))


class InvitationResource(Resource):
    """Who was invited to an event, and how they answered."""

    serializer_class = InvitationOut
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [
        filters.uid("event", "Of this event.", lambda rows, uid, user: rows.filter(event__uid=uid)),
        filters.flag("answered", "true: only those who answered; false: only those who did not.", lambda rows, value, user: rows.exclude(answer="") if value else rows.filter(answer="")),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Invitation.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("event", "person", "organization")

    @extend_schema(summary="Invitations to events")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One invitation")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))


class RegistrationResource(Resource):
    """Who takes part in an event, waits for a seat, or gave it back."""

    serializer_class = RegistrationOut
    sorts = {"asked_at": ["asked_at"]}
    default_sort = "asked_at"
    filters = [
        filters.uid("event", "Of this event.", lambda rows, uid, user: rows.filter(event__uid=uid)),
        filters.flag("came", "true: only those who were checked in; false: only those who were not.", lambda rows, value, user: rows.filter(came_at__isnull=not value)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Registration.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("event", "invitation", "person", "organization", "constituency")

    @extend_schema(summary="Seats at events")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One seat")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))


SECTIONS = [
    Section(
        "Events",
        "Who is invited to what, how they answered, and who came.",
        [
            ("campaign-events", CampaignEventResource),
            ("event-invitations", InvitationResource),
            ("event-registrations", RegistrationResource),
        ],
        order=59,
    )
]
