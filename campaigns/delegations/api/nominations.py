"""/event-nominations: who was named for a seat of a delegation, and the decision about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.delegations import composing, deciding, naming, printing
from campaigns.delegations.api.shapes import SignedLinkOut
from campaigns.delegations.links import delegate_url
from campaigns.delegations.models import DelegateLetter, Delegation, Nomination, Paper, Role
from campaigns.delegations.naming import FIELDS, Named
from contacts.directory.models import Constituency, Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import CodeField, RowField
from crm.api.fields import text as words
from crm.api.problems import Problem, bad_query
from crm.api.views import Resource
from crm.errors import Conflict, Invalid
from crm.ui.public import LANGUAGES

PLAN = (Action.DRIVES,)
UID = "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c"
EXAMPLE = {
    "delegation": UID, "constituency": "GOV", "role": "delegate", "name": "Ada Banda", "function": "Director of Social Security",
    "email": "ada.banda@ministry.example", "gender": "female", "language": "en",
}  # fmt: skip


class DelegateLetterOut(serializers.Serializer[DelegateLetter]):
    kind = serializers.ChoiceField(Paper.choices)
    reference = serializers.CharField()
    on = serializers.DateField()


class NominationOut(serializers.Serializer[Nomination]):
    uid = serializers.UUIDField()
    event = serializers.UUIDField(source="delegation.event.uid")
    delegation = serializers.UUIDField(source="delegation.uid")
    constituency = serializers.CharField(source="constituency.code")
    role = serializers.ChoiceField(Role.choices)
    state = serializers.ChoiceField(Nomination.State.choices)
    name = serializers.CharField()
    honorific = serializers.CharField(help_text="Form of address.")
    function = serializers.CharField()
    email = serializers.CharField()
    gender = serializers.ChoiceField(
        Nomination.Gender.choices, help_text="As they were named; `secret`: they prefer not to say."
    )
    language = serializers.CharField(help_text="Of their mails, page and letters.")
    person = serializers.UUIDField(source="person.uid", allow_null=True, default=None)
    organization = serializers.UUIDField(
        source="organization.uid", allow_null=True, default=None, help_text="Which named them."
    )
    nominator = serializers.UUIDField(
        source="named_by.uid", allow_null=True, default=None, help_text="By whose link; null: by us."
    )
    registration = serializers.UUIDField(
        source="registration.uid", allow_null=True, default=None, help_text="Their seat at the event."
    )
    replaces = serializers.UUIDField(source="replaces.uid", allow_null=True, default=None)
    letters = DelegateLetterOut(source="papers", many=True, help_text="Of an accepted delegate.")
    reason = serializers.CharField(help_text="Why they were sent back.")
    decided_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class NamedIn(serializers.Serializer[Any]):
    name = words(200)
    honorific = words(60, help_text="Form of address, as it stands on a letter.")
    function = words(200)
    email = words(254, help_text="Their letters go there; without one nothing can be sent to them.")
    gender = serializers.ChoiceField(Nomination.Gender.choices, required=False, allow_blank=True)
    language = serializers.ChoiceField([*LANGUAGES.items()], required=False)
    passport_name = words(200, help_text="If it differs, for the letter to the consulate. Never told again.")


class NominationIn(NamedIn):
    delegation = RowField(lambda user: Delegation.objects.visible_to(user, Action.DRIVES).taking_part())
    constituency = CodeField(lambda user: Constituency.objects.filter(archived_at=None), required=False)
    role = serializers.ChoiceField(Role.choices, required=False)
    name = words(200, required=True)
    replaces = RowField(
        lambda user: Nomination.objects.visible_to(user, Action.DRIVES), required=False, allow_null=True,
        help_text="Who does not come after all: they have their seat. Then leave `constituency` and `role` out.",
    )  # fmt: skip

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        instead = data.get("replaces")
        for name in ("constituency", "role"):
            if instead is not None:
                data[name] = getattr(instead, name)
            elif name not in data:
                raise serializers.ValidationError({name: _("Say for which seat.")})
        return data


class NominationAcceptIn(serializers.Serializer[Any]):
    person = RowField(
        lambda user: Person.objects.active().visible_to(user),
        required=False,
        allow_null=True,
        default=None,
        help_text="Who of the directory it is.",
    )
    add = serializers.BooleanField(
        default=False, help_text="Nobody there yet: add them as they were named. Without either, they are found later."
    )
    if_sure = serializers.BooleanField(
        default=False, help_text="Only when they are certainly one of the directory, or like nobody there; 409 else. Goes alone."
    )  # fmt: skip


class NominationIdentifyIn(serializers.Serializer[Any]):
    person = RowField(lambda user: Person.objects.active().visible_to(user), required=False, allow_null=True)
    add = serializers.BooleanField(default=False, help_text="Nobody there yet: add them as they were named.")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data.get("person") is None and not data["add"]:
            raise serializers.ValidationError({"person": _("Say who it is, or that they are to be added.")})
        return data


class NominationSendBackIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, help_text="Whoever named them reads it.")


def _states(rows: Any, values: list[str], user: User) -> Any:
    return rows.filter(state__in=values)


class NominationResource(Resource):
    """Who was named for a seat of a delegation, and what became of it."""

    serializer_class = NominationOut
    needs = dict.fromkeys(("create", "partial_update", "accept", "identify", "send_back", "withdraw", "link"), PLAN)
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [
        filters.uid("event", "For this event.", lambda rows, uid, user: rows.filter(delegation__event__uid=uid)),
        filters.uid("delegation", "Of this delegation.", lambda rows, uid, user: rows.filter(delegation__uid=uid)),
        filters.flag("accepted", "true: only those who are accepted; false: only those who are not.", lambda rows, value, user: rows.filter(state="accepted") if value else rows.exclude(state="accepted")),
        filters.choice("state", "What became of it.", Nomination.State.values, _states),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Nomination.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related(
            "delegation__event", "constituency", "person", "organization", "replaces", "named_by", "registration"
        ).prefetch_related("papers")

    @extend_schema(summary="Names for delegations")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One name")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Name somebody",
        description="As you were told on the phone or in a letter; they wait to be accepted. Refused (409) where every seat of the kind has a name.",
        request=NominationIn,
        responses={201: NominationOut},
        examples=[OpenApiExample("A delegate of government", EXAMPLE, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        data = self.read(NominationIn)
        made = naming.nominate(
            delegation=data["delegation"], constituency=data["constituency"], role=data["role"], replaces=data.get("replaces"),
            who=Named(**{name: data.get(name, "") for name in FIELDS}), actor=self.user,
        )  # fmt: skip
        return self.created(made)

    @extend_schema(
        summary="Correct what was written",
        description="What is left out stays. Who was sent back is named anew by it.",
        request=NamedIn,
        responses=NominationOut,
    )
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = self.read(NamedIn, partial=True)
        with transaction.atomic():
            row = self.find(uid, Action.DRIVES)
            composing.lock(row.delegation)
            row = self.full(Nomination.objects.filter(pk=row.pk)).get()
            self.require_match(row)
            who = Named(**{name: data.get(name, getattr(row, name)) for name in FIELDS})
            naming.change(nomination=row, who=who, actor=self.user)
        return Response(self.again(row))

    @extend_schema(summary="Accept a name", description="A seat at the event, steps, letters, and a mail with their own page. Refused where all seats of their kind are taken.", request=NominationAcceptIn, responses=NominationOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        given = self.read(NominationAcceptIn)
        person, is_new = given["person"], given["add"] and given["person"] is None
        if not given["if_sure"]:
            deciding.accept(nomination=row, actor=self.user, person=person, is_new=is_new)
        elif person is not None or is_new:
            raise Invalid(_("Say who it is, or leave it to what is sure: not both."), code="if_sure")
        elif deciding.accept_if_sure(nomination=row, actor=self.user) is None:
            raise Conflict(_("They are like somebody in the directory. Look, and say who it is."), code="not_sure")
        return Response(self.again(row))

    @extend_schema(summary="Say who it is", description="Of an accepted delegate who stands in no directory yet.", request=NominationIdentifyIn, responses=NominationOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def identify(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        deciding.identify(nomination=row, actor=self.user, person=self.read(NominationIdentifyIn).get("person"))
        return Response(self.again(row))

    @extend_schema(summary="Send a name back", description="Whoever named them gets a mail with the reason.", request=NominationSendBackIn, responses=NominationOut)  # fmt: skip
    @action(detail=True, methods=["post"], url_path="send-back")
    def send_back(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        deciding.send_back(nomination=row, actor=self.user, **self.read(NominationSendBackIn))
        return Response(self.again(row))

    @extend_schema(summary="Withdraw a name", description="The seat is free.", request=None, responses=NominationOut)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        naming.withdraw(nomination=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(
        summary="The link to a delegate's own page", description="404 for who is not accepted.", responses=SignedLinkOut
    )
    @action(detail=True, methods=["get"])
    def link(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        row = self.find(uid, Action.DRIVES)
        if row.state != Nomination.State.ACCEPTED:
            raise Problem(404, _("Who is not accepted has no page."))
        return Response({"link": delegate_url(row)})

    @extend_schema(
        summary="A letter of theirs as PDF",
        description="404 for who is not accepted, and for a letter that they do not have.",
        parameters=[
            OpenApiParameter("kind", str, enum=Paper.values, description="By default the invitation."),
            OpenApiParameter("language", str, enum=[*LANGUAGES], description="By default theirs."),
        ],
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"])
    def letter(self, request: Request, uid: UUID) -> HttpResponse:
        self.no_query("kind", "language")
        kind = self._one_of("kind", Paper.values, Paper.INVITATION)
        language = self._one_of("language", [*LANGUAGES], "")
        rows = DelegateLetter.objects.select_related(*printing.SUBJECTS_OF).filter(nomination=self.find(uid), kind=kind)
        letter = rows.filter(nomination__state=Nomination.State.ACCEPTED).first()
        if letter is None:
            raise Problem(404, _("They have no such letter."))
        return printing.pdf_answer(
            printing.letters_pdf([letter], language=language), letter.reference.replace("/", "-")
        )

    def _one_of(self, name: str, known: Sequence[str], default: str) -> str:
        given = self.request.query_params.get(name, default)
        if given not in known and given != default:
            raise bad_query(name, _("“%(name)s” is one of: %(values)s.") % {"name": name, "values": ", ".join(known)})
        return str(given)
