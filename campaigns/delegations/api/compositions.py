"""/event-compositions: what an event asks of all delegations at once, who names people for them, and the letters that ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.delegations import composing, letters, nominators
from campaigns.delegations.api.shapes import MOST_LINES, SeatIn, Texts, seats_of
from campaigns.delegations.composing import FIRST_DAY, MOST_DELEGATIONS
from campaigns.delegations.forms import MOST_STEPS
from campaigns.delegations.models import Composition, Delegation, Paper, Role
from campaigns.delegations.presets import Asked, Seats
from campaigns.events.models import Event
from campaigns.events.seats import lock_event
from campaigns.mailings.models import Sender
from campaigns.todo.forms import officers
from contacts.directory.models import Constituency, Country, Organization
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import CodeField, Names, RowField
from crm.api.fields import text as words
from crm.api.problems import Problem
from crm.api.views import Resource
from crm.errors import WrongState

UID = "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c"
PLAN = (Action.DRIVES,)
EXAMPLE = {
    "event": UID, "nominate_by": "2027-05-01", "countries": ["SN", "ZM"],
    "seats": [
        {"constituency": "GOV", "role": "delegate", "seats": 2},
        {"constituency": "EMP", "role": "delegate", "seats": 1},
        {"constituency": "WRK", "role": "delegate", "seats": 1},
    ],
    "steps": [{"days_before": 45, "titles": {"en": "Ask for the visa", "fr": "Demander le visa"}, "paper": "visa"}],
}  # fmt: skip


class SeatRuleOut(serializers.Serializer[Any]):
    constituency = serializers.CharField(source="constituency.code")
    role = serializers.ChoiceField(Role.choices)
    seats = serializers.IntegerField(help_text="In each delegation.")


class StepTemplateOut(serializers.Serializer[Any]):
    days_before = serializers.IntegerField(help_text="The event begins.")
    titles = Names(help_text="What is to be done, by language.")
    paper = serializers.ChoiceField(Paper.choices, allow_blank=True, help_text="The letter that it takes, if one.")


class CompositionOut(serializers.Serializer[Composition]):
    uid = serializers.UUIDField()
    event = serializers.UUIDField(source="event.uid")
    nominate_by = serializers.DateField(help_text="The last day for naming people, where the event is.")
    seats = SeatRuleOut(source="rules", many=True)
    countries = serializers.SerializerMethodField(help_text="That have a delegation and that you may see.")
    institutions = serializers.SerializerMethodField(help_text="Likewise; each is a delegation of its own.")
    steps = StepTemplateOut(source="templates", many=True, help_text="Of each accepted delegate.")
    asks_passport = serializers.BooleanField(help_text="Asks for the name in the passport.")
    sender = serializers.UUIDField(source="sender.uid", allow_null=True, default=None, help_text="Who signs letters.")
    officer = serializers.UUIDField(
        source="officer.uid", allow_null=True, default=None, help_text="Who gets the tasks."
    )
    letter_texts = Names(help_text="What letters also say, by language.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_countries(self, row: Composition) -> list[str]:
        return sorted(one.country_id for one in row.event.of_user if one.country_id)  # type: ignore[attr-defined]

    def get_institutions(self, row: Composition) -> list[UUID]:
        return sorted(one.organization.uid for one in row.event.of_user if one.organization)  # type: ignore[attr-defined]


class StepTemplateIn(serializers.Serializer[Any]):
    days_before = serializers.IntegerField(min_value=0, max_value=365)
    titles = Texts(most=200, allow_empty=False)
    paper = serializers.ChoiceField(Paper.choices, required=False, allow_blank=True)


def _countries(user: User) -> Any:
    codes = user.scope(Action.DRIVES).countries
    return Country.objects.all() if codes is None else Country.objects.filter(code__in=codes)


class CompositionIn(serializers.Serializer[Any]):
    nominate_by = serializers.DateField(required=False)
    seats = SeatIn(many=True, required=False, max_length=MOST_LINES, help_text="Replaces all, but for the delegations that have seats of their own.")  # fmt: skip
    countries = serializers.ListField(
        child=CodeField(_countries), required=False, max_length=MOST_DELEGATIONS,
        help_text="All that take part. One that is no longer here is left out, unless somebody was accepted for it; one that you may not change stays.",
    )  # fmt: skip
    institutions = serializers.ListField(
        child=RowField(lambda user: Organization.objects.active().visible_to(user, Action.DRIVES)), required=False, max_length=100,
        help_text="With delegations of their own, beside the countries. Replaces all, likewise.",
    )  # fmt: skip
    steps = StepTemplateIn(many=True, required=False, help_text=f"Replaces all; at most {MOST_STEPS}. Without it a new composition begins with four.")  # fmt: skip
    asks_passport = serializers.BooleanField(required=False)
    sender = RowField(lambda user: Sender.objects.filter(archived_at=None), required=False, allow_null=True)
    officer = RowField(lambda user: officers(Action.LOG), required=False, help_text="Without it the token’s user.")
    letter_texts = Texts(most=2000, required=False)

    def validate_nominate_by(self, day: date) -> date:
        if day < FIRST_DAY:
            raise serializers.ValidationError(_("Give a day after the year 2000."))
        return day

    def validate_seats(self, rows: list[dict[str, Any]]) -> Seats:
        return seats_of(rows)

    def validate_steps(self, rows: list[dict[str, Any]]) -> list[Asked]:
        if len(rows) > MOST_STEPS:
            raise serializers.ValidationError(_("At most %(n)s lines.") % {"n": MOST_STEPS})
        return [Asked(row["days_before"], row["titles"], row.get("paper", "")) for row in rows]


class NewCompositionIn(CompositionIn):
    event = RowField(lambda user: Event.objects.visible_to(user, Action.DRIVES).filter(archived_at=None))
    nominate_by = serializers.DateField()
    seats = SeatIn(many=True, max_length=MOST_LINES)


class FindNominatorsIn(serializers.Serializer[Any]):
    constituency = CodeField(lambda user: Constituency.objects.filter(archived_at=None))
    words = words(
        100, help_text="In the title of the post, such as Permanent Representative. Empty: heads of institutions."
    )


class FindNominatorsOut(serializers.Serializer[Any]):
    found = serializers.IntegerField(help_text="Delegations that have somebody who names for it now.")
    missing = serializers.ListField(child=serializers.CharField(), help_text="Delegations where nobody with an address is known.")  # fmt: skip


class LettersAskedIn(serializers.Serializer[Any]):
    remind = serializers.BooleanField(default=False, help_text="Those who were asked and have seats without a name; else those who were not asked.")  # fmt: skip
    delegations = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=MOST_DELEGATIONS,
        help_text="Only these; left out, all.",
    )


class LettersAskedOut(serializers.Serializer[Any]):
    letters = serializers.IntegerField(help_text="How many are on their way.")


class CompositionResource(Resource):
    """What an event asks of every delegation."""

    serializer_class = CompositionOut
    needs = dict.fromkeys(("create", "partial_update", "find_nominators", "ask"), PLAN)
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [filters.uid("event", "Of this event.", lambda rows, uid, user: rows.filter(event__uid=uid))]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Composition.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        mine = Delegation.objects.visible_to(self.user).taking_part().select_related("organization")
        return rows.select_related("event", "sender", "officer").prefetch_related(
            "rules__constituency", "templates", Prefetch("event__delegations", mine, to_attr="of_user")
        )

    @extend_schema(summary="Compositions of delegations")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One composition")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Compose delegations",
        description="Each country and each institution is a delegation with these seats. An event has one composition (409 when there is one).",
        request=NewCompositionIn,
        responses={201: CompositionOut},
        examples=[OpenApiExample("Two countries, tripartite", EXAMPLE, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        made = composing.create_composition(actor=self.user, **self.read(NewCompositionIn))
        return self.created(made)

    @extend_schema(summary="Change a composition", description="What is left out stays. Refused where more were accepted than there would be seats.", request=CompositionIn, responses=CompositionOut)  # fmt: skip
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(CompositionIn, partial=True))
        with transaction.atomic():
            row = self._editable(uid)
            lock_event(row.event)
            self.require_match(self.full(Composition.objects.filter(pk=row.pk)).get())
            composing.edit_composition(composition=row, actor=self.user, changes=data)
        return Response(self.again(row))

    @extend_schema(summary="Find who names people", description="For each delegation without anybody who names for a constituency: an institution of the directory, by a post. Nothing is sent.", request=FindNominatorsIn, responses=FindNominatorsOut)  # fmt: skip
    @action(detail=True, methods=["post"], url_path="find-nominators")
    def find_nominators(self, request: Request, uid: UUID) -> Response:
        row, data = self._editable(uid), self.read(FindNominatorsIn)
        found, missing = nominators.find_nominators(event=row.event, actor=self.user, **data)
        return Response({"found": found, "missing": missing})

    @extend_schema(summary="Ask for names, or remind", description="A letter to each who names people, in their language, with a link of their own.", request=LettersAskedIn, responses=LettersAskedOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def ask(self, request: Request, uid: UUID) -> Response:
        row, data = self._editable(uid), self.read(LettersAskedIn)
        chosen = self._chosen(row.event, data["delegations"]) if "delegations" in data else None
        n = letters.ask_for(event=row.event, actor=self.user, delegations=chosen, is_reminder=data["remind"])
        return Response({"letters": n})

    def _editable(self, uid: UUID) -> Composition:
        row: Composition = self.find(uid, Action.DRIVES)
        if row.event.archived_at:
            raise WrongState(_("This event is archived, so nothing was changed."))
        return row

    def _chosen(self, event: Event, uids: Sequence[UUID]) -> Any:
        rows = Delegation.objects.visible_to(self.user, Action.DRIVES).filter(event=event, uid__in=uids)
        if missing := set(uids) - set(rows.values_list("uid", flat=True)):
            sentence = _("There is no such row here, or none that you may use: %(uid)s. Nothing was changed.") % {"uid": min(missing)}  # fmt: skip
            raise Problem(422, sentence, fields={"delegations": [sentence]})
        return rows
