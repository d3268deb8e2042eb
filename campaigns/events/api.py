"""/campaign-events, /event-invitations, /event-sign-ups and /event-registrations: planned, changed, called off; who is invited, how they
answered, who signed up, who came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.events import answering, checking, services, signing_up
from campaigns.events.answering import Human
from campaigns.events.forms import MOST_SESSIONS
from campaigns.events.models import Event, Invitation, Registration, Session, SignUp
from campaigns.planning.models import Drive
from contacts.directory.models import Constituency, Country, Organization, Person
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import CodeField, Names, RowField
from crm.api.fields import text as words
from crm.api.problems import Problem
from crm.api.registry import Section
from crm.api.views import Resource
from crm.zones import zones

UID = "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c"
PLAN, LOG = (Action.DRIVES,), (Action.LOG,)
MOST_AT_ONCE = 500  # people or institutions of one request


class SessionOut(serializers.Serializer[Session]):
    title = serializers.CharField()
    starts_local = serializers.DateTimeField(format="%Y-%m-%dT%H:%M", help_text="On the clocks of the event.")
    ends_local = serializers.DateTimeField(format="%Y-%m-%dT%H:%M")
    place = serializers.CharField()


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
    online_url = serializers.CharField(help_text="Told to those who have a seat.")
    abouts = Names(help_text="What it is about, by language.")
    sign_ups = serializers.ChoiceField(
        Event.SignUps.choices, help_text="Who can sign up on its page; empty for nobody."
    )
    sessions = SessionOut(many=True)
    quotas = serializers.SerializerMethodField(help_text="Seats set aside: code of a constituency → seats.")
    cancelled_at = serializers.DateTimeField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_quotas(self, row: Event) -> dict[str, int]:
        return {quota.constituency.code: quota.seats for quota in row.quotas.all()}


class SessionIn(serializers.Serializer[Any]):
    title = words(300, required=True)
    starts_local = serializers.DateTimeField(
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], default_timezone=None
    )
    ends_local = serializers.DateTimeField(input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], default_timezone=None)
    place = words(200)


class Abouts(Names):
    child = serializers.CharField(max_length=10_000)


class EventIn(serializers.Serializer[Any]):
    name = words(300)
    names = Names(required=False)
    kind = serializers.ChoiceField(Event.Kind.choices, required=False)
    slug = serializers.SlugField(max_length=60, required=False)
    abouts = Abouts(required=False)
    zone = serializers.CharField(max_length=64, required=False, help_text="IANA name, such as Africa/Dakar.")
    starts_local = serializers.DateTimeField(
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], default_timezone=None, required=False,
        help_text="Wall clock in `zone`, without an offset.",
    )  # fmt: skip
    ends_local = serializers.DateTimeField(
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], default_timezone=None, required=False
    )
    place = words(300)
    country = CodeField(lambda user: Country.objects.all(), required=False, allow_null=True)
    online_url = serializers.URLField(max_length=1000, required=False, allow_blank=True)
    capacity = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False, allow_null=True)
    guests_each = serializers.IntegerField(min_value=0, max_value=9, required=False)
    allows_delegate = serializers.BooleanField(required=False)
    answer_by = serializers.DateField(required=False, allow_null=True)
    is_public = serializers.BooleanField(required=False)
    sign_ups = serializers.ChoiceField(Event.SignUps.choices, required=False, allow_blank=True)
    sessions = SessionIn(many=True, required=False, help_text="Replaces all.")
    quotas = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=1_000_000), required=False, help_text="Code of a constituency → seats. Replaces all."
    )  # fmt: skip

    def validate_zone(self, value: str) -> str:
        if value not in zones():
            raise serializers.ValidationError(_("“%(zone)s” is not a time zone. Use a name such as Africa/Dakar.") % {"zone": value[:64]})  # fmt: skip
        return value

    def validate_sessions(self, rows: list[dict[str, Any]]) -> list[services.Part]:
        if len(rows) > MOST_SESSIONS:
            raise serializers.ValidationError(_("At most %(n)s lines.") % {"n": MOST_SESSIONS})
        return [
            services.Part(row["title"], row["starts_local"], row["ends_local"], row.get("place", "")) for row in rows
        ]

    def validate_quotas(self, rows: dict[str, int]) -> dict[Constituency, int]:
        known = {row.code: row for row in Constituency.objects.filter(archived_at=None, code__in=list(rows))}
        if strange := [code for code in rows if code not in known]:
            raise serializers.ValidationError(_("“%(code)s” is no code here.") % {"code": strange[0][:40]})
        return {known[code]: seats for code, seats in rows.items()}


class NewEventIn(EventIn):
    drive = RowField(lambda user: Drive.objects.visible_to(user, Action.DRIVES).filter(archived_at=None))
    name = words(300, required=True)
    slug = serializers.SlugField(max_length=60)
    starts_local = serializers.DateTimeField(
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], default_timezone=None, help_text="Wall clock in `zone`, without an offset."
    )  # fmt: skip
    ends_local = serializers.DateTimeField(input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], default_timezone=None)


class InviteIn(serializers.Serializer[Any]):
    people = serializers.ListField(child=serializers.UUIDField(), max_length=MOST_AT_ONCE, required=False)
    organizations = serializers.ListField(child=serializers.UUIDField(), max_length=MOST_AT_ONCE, required=False)


class InvitedOut(serializers.Serializer[Any]):
    invited = serializers.ListField(child=serializers.UUIDField(), help_text="The new invitations.")
    known = serializers.IntegerField(help_text="How many were invited before, and stay as they are.")


class HumanIn(serializers.Serializer[Any]):
    name = words(200, required=True)
    email = words(254)


class AnswerIn(serializers.Serializer[Any]):
    answer = serializers.ChoiceField([value for value, _label in Invitation.Answer.choices if value])
    delegate = HumanIn(required=False, allow_null=True, help_text="With `other`: who comes instead.")
    guests = HumanIn(many=True, required=False, help_text="All who come along; leave it out to keep them as they are.")
    note = words(1000)


class NoteIn(serializers.Serializer[Any]):
    key = serializers.UUIDField(help_text="Made by you, once for each note: sent twice it is taken once.")
    at = serializers.DateTimeField()
    seat = serializers.UUIDField(
        required=False, allow_null=True, help_text="uid of a registration; without one, somebody who walked in."
    )
    name = words(200)
    organization = words(300)
    out = serializers.BooleanField(required=False, help_text="true: it was a mistake, they are not here.")


class CheckInIn(serializers.Serializer[Any]):
    notes = NoteIn(many=True, allow_empty=False)

    def validate_notes(self, rows: list[dict[str, Any]]) -> list[checking.Note]:
        if len(rows) > checking.MOST_NOTES:
            raise serializers.ValidationError(_("At most %(n)s at once.") % {"n": checking.MOST_NOTES})
        return [
            checking.Note(
                key=row["key"], at=row["at"], seat=row.get("seat"), name=row.get("name", ""), organization=row.get("organization", ""),
                is_out=row.get("out", False),
            )
            for row in rows
        ]  # fmt: skip


class CheckInOut(serializers.Serializer[Any]):
    answers = serializers.DictField(
        child=serializers.CharField(), help_text="key → ok, unknown (no such seat here) or no_name."
    )


class SignUpRefusalIn(serializers.Serializer[Any]):
    reason = words(1000)


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


class SignUpOut(serializers.Serializer[SignUp]):
    uid = serializers.UUIDField()
    event = serializers.UUIDField(source="event.uid")
    state = serializers.ChoiceField([choice for choice in SignUp.State.choices if choice[0] != "asked"])
    name = serializers.CharField()
    email = serializers.CharField()
    organization_name = serializers.CharField()
    country = serializers.CharField(source="country_id", allow_null=True)
    note = serializers.CharField()
    answers = serializers.DictField(help_text="To the event’s questions, by their keys.")
    registration = serializers.UUIDField(source="registration.uid", allow_null=True, default=None)
    confirmed_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CampaignEventResource(Resource):
    """Conferences, trainings, policy discussions and webinars."""

    serializer_class = CampaignEventOut
    needs = {name: PLAN for name in ("create", "partial_update", "cancel", "invite")} | {"check_in": LOG}
    sorts = {"starts_at": ["starts_at"], "name": ["sort_key"]}
    default_sort = "starts_at"
    filters = [
        filters.uid("drive", "Of this drive.", lambda rows, uid, user: rows.filter(drive__uid=uid)),
        filters.flag("archived", "true: only those taken out; false: only those that are not.", lambda rows, value, user: rows.filter(archived_at__isnull=not value)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Event.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("drive").prefetch_related("sessions", "quotas__constituency")

    @extend_schema(summary="Events")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One event")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Plan an event",
        request=NewEventIn,
        responses={201: CampaignEventOut},
        examples=[OpenApiExample("A dialogue in Dakar", {"drive": UID, "name": "Dialogue", "slug": "dialogue-dakar", "kind": "discussion", "zone": "Africa/Dakar", "starts_local": "2027-06-09T09:00", "ends_local": "2027-06-09T17:00", "place": "Dakar", "capacity": 48, "quotas": {"GOV": 20, "WRK": 10}}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        made = services.create_event(actor=self.user, **self.read(NewEventIn))
        return self.created(made)

    @extend_schema(
        summary="Change an event",
        description="Who has a seat hears of another time or place, with a new calendar entry; more seats move up who waits.",
        request=EventIn,
        responses=CampaignEventOut,
    )
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(EventIn, partial=True))
        with self.unchanged(uid, Action.DRIVES) as row:
            services.edit_event(event=row, actor=self.user, **data)
        return Response(self.again(row))

    @extend_schema(summary="Call an event off", description="Everybody with a seat or in the line is told, and calendars drop it. It cannot be taken back.", request=None, responses=CampaignEventOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        services.cancel_event(event=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(summary="Invite people or institutions", description="They stand on the list, each once. No mail goes by this alone: begin a mailing of the event for that.", request=InviteIn, responses=InvitedOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def invite(self, request: Request, uid: UUID) -> Response:
        row, data = self.find(uid, Action.DRIVES), self.read(InviteIn)
        people = self._all("people", Person.objects.active().visible_to(self.user, Action.DRIVES), data)
        organizations = self._all(
            "organizations", Organization.objects.active().visible_to(self.user, Action.DRIVES), data
        )
        made = services.invite(event=row, actor=self.user, people=people, organizations=organizations)
        return Response(
            {"invited": [str(one.uid) for one in made], "known": len(people) + len(organizations) - len(made)}
        )

    def _all(self, name: str, rows: Any, data: Any) -> Sequence[Any]:
        wanted = set(data.get(name, []))
        found = list(rows.filter(uid__in=wanted))
        if missing := wanted - {row.uid for row in found}:
            sentence = _("There is no such row here, or none that you may use: %(uid)s. Nothing was changed.")
            raise Problem(422, sentence % {"uid": min(missing)}, fields={name: [sentence % {"uid": min(missing)}]})
        return found

    @extend_schema(
        summary="Check in",
        description="Notes of a door, whenever they come and in whatever order; each key is taken once. `seat` names a registration, `name` somebody who walked in.",
        request=CheckInIn,
        responses=CheckInOut,
    )  # fmt: skip
    @action(detail=True, methods=["post"], url_path="check-in")
    def check_in(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        answers = checking.take_notes(event=row, actor=self.user, notes=self.read(CheckInIn)["notes"])
        return Response({"answers": answers})


class InvitationResource(Resource):
    """Who was invited to an event, and how they answered."""

    serializer_class = InvitationOut
    needs = {"answer": LOG}
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

    @extend_schema(
        summary="Note an answer",
        description="What somebody said: `yes`, `maybe`, `no`, or `other` with who comes instead. The same answer twice changes nothing; another one replaces it.",
        request=AnswerIn,
        responses=InvitationOut,
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def answer(self, request: Request, uid: UUID) -> Response:
        row, data = self.find(uid, Action.LOG), self.read(AnswerIn)
        delegate, guests = data.get("delegate"), data.get("guests")
        answering.answer(
            invitation=row, says=data["answer"], road=Invitation.Road.STAFF, actor=self.user, note=data.get("note"),
            delegate=Human(delegate["name"], delegate.get("email", "")) if delegate else None,
            guests=None if guests is None else [Human(guest["name"], guest.get("email", "")) for guest in guests],
        )  # fmt: skip
        return Response(self.again(row))


class SignUpResource(Resource):
    """Who signed up on an event's page without an invitation, and confirmed the address."""

    serializer_class = SignUpOut
    needs = {"accept": PLAN, "decline": PLAN}
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [
        filters.uid("event", "Of this event.", lambda rows, uid, user: rows.filter(event__uid=uid)),
        filters.flag("decided", "true: only those that were decided; false: only those that wait.", lambda rows, value, user: rows.filter(decided_at__isnull=not value)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return SignUp.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("event", "registration")

    @extend_schema(summary="Sign-ups for events")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One sign-up")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Accept a sign-up", description="A seat, or the end of the line where none is free; a letter says which.", request=None, responses=SignUpOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        signing_up.accept(row=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(summary="Decline a sign-up", description="The letter leaves in five minutes, and quotes the reason.", request=SignUpRefusalIn, responses=SignUpOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        signing_up.decline(row=row, actor=self.user, **self.read(SignUpRefusalIn))
        return Response(self.again(row))


class RegistrationResource(Resource):
    """Who takes part in an event, waits for a seat, or gave it back."""

    serializer_class = RegistrationOut
    needs = {"leave": LOG}
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

    @extend_schema(summary="Give a seat back", description="Whoever waits longest moves up. Guests go with their host.", request=None, responses=RegistrationOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def leave(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        answering.leave(registration=row, actor=self.user)
        return Response(self.again(row))


SECTIONS = [
    Section(
        "Events",
        "Who is invited to what, how they answered, and who came.",
        [
            ("campaign-events", CampaignEventResource),
            ("event-invitations", InvitationResource),
            ("event-sign-ups", SignUpResource),
            ("event-registrations", RegistrationResource),
        ],
        order=59,
    )
]
