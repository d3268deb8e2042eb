"""/contact-guards: who looks after an institution, and what holds us back from it. Addressed by the organization's uid. /quiet-dates.
/guard-overrides: who went over a guard, with which reason."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.guard import services
from campaigns.guard.models import ContactGuard, GuardOverride, QuietDates
from campaigns.guard.queries import Conflict, conflicts_of
from campaigns.mailings.models import Mailing
from contacts.directory.bulk_jobs import rows_for
from contacts.directory.models import Organization
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import RowField
from crm.api.fields import text as words
from crm.api.problems import Problem
from crm.api.registry import Section
from crm.api.views import Resource
from crm.errors import Invalid

MOST_UIDS = 1_000


class GuardOut(serializers.Serializer[ContactGuard]):
    uid = serializers.UUIDField(source="organization.uid", help_text="The organization’s.")
    owner = serializers.UUIDField(source="owner.uid", allow_null=True, default=None)
    silent_weeks = serializers.IntegerField()
    most_touches = serializers.IntegerField(allow_null=True)
    per_days = serializers.IntegerField(allow_null=True)
    protocol = serializers.CharField(allow_blank=True)
    updated_at = serializers.DateTimeField()


class GuardIn(serializers.Serializer[Any]):
    owner = serializers.UUIDField(required=False, allow_null=True)
    silent_weeks = serializers.IntegerField(required=False, min_value=1, max_value=104)
    most_touches = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=100)
    per_days = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=730)
    protocol = serializers.CharField(required=False, allow_blank=True, max_length=300)


class ConflictOut(serializers.Serializer[Conflict]):
    kind = serializers.ChoiceField(["quiet", "touches", "protocol", "owner"])
    words = serializers.CharField(help_text="As a sentence, in the language of the token’s user.")
    until = serializers.DateField(allow_null=True, help_text="The first day on which it does not any more.")
    is_hard = serializers.BooleanField(help_text="It holds back; false: only to be known of.")


class ConflictsOut(serializers.Serializer[Any]):
    data = ConflictOut(many=True)


class OwnersIn(serializers.Serializer[Any]):
    organizations = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST_UIDS)
    owner = RowField(lambda user: User.objects.staff().filter(is_active=True), allow_null=True, help_text="null: nobody any more.")  # fmt: skip


class OwnersOut(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="Of how many the owner is another one now.")


class GuardResource(Resource):
    """What is agreed about turning to an organization."""

    serializer_class = GuardOut
    needs = {"partial_update": (Action.EDIT_DIRECTORY,), "owners": (Action.BULK,)}
    filters = [filters.uid("owner", "Looked after by this user.", lambda rows, uid, user: rows.filter(owner__uid=uid))]

    def rows(self, action: Action = Action.SEE) -> Any:
        return ContactGuard.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("organization", "owner")

    def resolve(self, rows: Any, uid: UUID) -> Any:
        row = rows.filter(organization__uid=uid).first()
        if row is None:
            raise Problem(404, _("No such thing, or nothing that this token may see."))
        return row

    @extend_schema(summary="Contact guards")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="The guard of one organization")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="What stands against turning to it now", description="Asked before a call, a letter or a meeting; empty: nothing does. An organization without a guard has nothing either.", responses=ConflictsOut)  # fmt: skip
    @action(detail=True, methods=["get"])
    def conflicts(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        seen = Organization.objects.visible_to(self.user).filter(uid=uid).first()
        if seen is None:
            raise Problem(404, _("No such thing, or nothing that this token may see."))
        found = conflicts_of([seen.pk], now=timezone.now(), user=self.user).get(seen.pk, [])
        return Response(ConflictsOut({"data": found}).data)

    @extend_schema(
        summary="Set the guard of an organization",
        description="Makes it, where the organization has none.",
        request=GuardIn,
        responses=GuardOut,
        examples=[OpenApiExample("Twice a month", {"most_touches": 2, "per_days": 30}, request_only=True)],
    )
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(GuardIn, partial=True))
        seen = Organization.objects.visible_to(self.user).filter(uid=uid).first()
        if seen is None:
            raise Problem(404, _("No such thing, or nothing that this token may see."))
        if not Organization.objects.visible_to(self.user, Action.EDIT_DIRECTORY).filter(pk=seen.pk).exists():
            raise Problem(403, _("You may see this, but not change it here."))
        if data.get("owner"):
            data["owner"] = User.objects.filter(uid=data["owner"], is_active=True).first()
            if data["owner"] is None:
                raise Invalid(_("There is no such user."), errors=[("owner", _("Not found."))])
        with transaction.atomic():
            guard = self.full(ContactGuard.objects.filter(organization=seen)).select_for_update(of=("self",)).first()
            if guard is not None:
                self.require_match(guard)
            services.set_guard(organization=seen, actor=self.user, **data)
            guard, _made = ContactGuard.objects.get_or_create(organization=seen)
        return Response(self.again(guard))

    @extend_schema(
        summary="Say who looks after many", request=OwnersIn, responses=OwnersOut,
        description="Sets the owner of up to 1,000 organizations, all or none; their other rules stay. One entry in the trail takes it back.",
    )  # fmt: skip
    @action(detail=False, methods=["post"])
    def owners(self, request: Request) -> Response:
        data = self.read(OwnersIn)
        wanted = set(data["organizations"])
        rows = rows_for(self.user, "organization").filter(uid__in=wanted)
        if rows.count() != len(wanted):
            sentence = _("One of these is not there, or you may not change many there. Nothing was changed.")
            raise Invalid(sentence, errors=[("organizations", sentence)])
        changed, _entry = services.set_owner_of_many(rows=rows, owner=data["owner"], actor=self.user)
        return Response({"changed": changed})


class QuietOut(serializers.Serializer[QuietDates]):
    uid = serializers.UUIDField()
    organization = serializers.UUIDField(source="organization.uid")
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(help_text="The last day, included.")
    why = serializers.CharField(allow_blank=True)


class QuietIn(serializers.Serializer[Any]):
    organization = RowField(lambda user: Organization.objects.visible_to(user, Action.EDIT_DIRECTORY))
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    why = serializers.CharField(required=False, allow_blank=True, max_length=200)


class QuietResource(Resource):
    """Days on which an organization is left alone: an election, a mourning, a move."""

    serializer_class = QuietOut
    needs = {"create": (Action.EDIT_DIRECTORY,), "destroy": (Action.EDIT_DIRECTORY,)}
    sorts = {"starts_on": ["starts_on"], "ends_on": ["ends_on"]}
    default_sort = "starts_on"
    filters = [
        filters.uid("organization", "Of this organization.", lambda rows, uid, user: rows.filter(organization__uid=uid)),
        filters.day("on", "That day is among them.", lambda rows, day, user: rows.filter(starts_on__lte=day, ends_on__gte=day)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return QuietDates.objects.visible_to(self.user, action).standing()

    def full(self, rows: Any) -> Any:
        return rows.select_related("organization")

    @extend_schema(summary="Quiet dates, the earliest first")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One pair of quiet dates")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Leave an organization alone for some days", request=QuietIn, responses={201: QuietOut})
    def create(self, request: Request) -> Response:
        quiet = services.add_quiet_dates(actor=self.user, **self.read(QuietIn))
        return self.created(quiet)

    @extend_schema(summary="Take quiet dates away", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with self.unchanged(uid, Action.EDIT_DIRECTORY) as quiet:
            services.remove_quiet_dates(quiet=quiet, actor=self.user)
        return Response(status=204)


class OverrideOut(serializers.Serializer[GuardOverride]):
    uid = serializers.UUIDField()
    organization = serializers.UUIDField(source="organization.uid")
    door = serializers.ChoiceField(GuardOverride.Door.choices)
    mailing = serializers.UUIDField(source="mailing.uid", allow_null=True, default=None)
    conflict = serializers.CharField(help_text="What the guard said.")
    reason = serializers.CharField()
    by = serializers.UUIDField(source="by.uid", allow_null=True, default=None)
    at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True, help_text="Taken back.")


class OverrideIn(serializers.Serializer[Any]):
    mailing = RowField(lambda user: Mailing.objects.visible_to(user, Action.WRITE))
    organization = RowField(lambda user: Organization.objects.visible_to(user))
    reason = words(300, required=True)


class OverrideResource(Resource):
    """Somebody turned to an organization although its guard stood against it. Calls and contacts are overridden where they are logged."""

    serializer_class = OverrideOut
    needs = {"create": (Action.WRITE,)}
    sorts = {"at": ["at"]}
    default_sort = "-at"
    filters = [
        filters.uid("organization", "The guard of this organization.", lambda rows, uid, user: rows.filter(organization__uid=uid)),
        filters.uid("mailing", "For this mailing.", lambda rows, uid, user: rows.filter(mailing__uid=uid)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return GuardOverride.objects.filter(organization__in=Organization.objects.visible_to(self.user, action))

    def full(self, rows: Any) -> Any:
        return rows.select_related("organization", "mailing", "by")

    @extend_schema(summary="Guards that were gone over, the latest first")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One of them")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Write to an organization all the same", description="With this mailing, before it is approved: pre-flight counts it in. The reason is kept.", request=OverrideIn, responses={201: OverrideOut})  # fmt: skip
    def create(self, request: Request) -> Response:
        data = self.read(OverrideIn)
        services.override_for_mailing(actor=self.user, **data)
        made = GuardOverride.objects.get(mailing=data["mailing"], organization=data["organization"], ended_at=None)
        return self.created(made)


SECTIONS = [
    Section(
        "Contact guard",
        "Who looks after an organization, the most touches in a period, quiet dates, and protocol.",
        [("contact-guards", GuardResource), ("quiet-dates", QuietResource), ("guard-overrides", OverrideResource)],
        order=62,
    )
]
