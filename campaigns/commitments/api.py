"""/commitments: recorded, changed, settled, verified; milestones and the institution's own link come along. /commitment-updates: what was
said of them since, by the institution or by staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.commitments import linking, services
from campaigns.commitments.models import Commitment, CommitmentLink, CommitmentUpdate, Milestone
from campaigns.commitments.rule import LIGHTS, light_of
from campaigns.planning.models import Drive
from campaigns.positions.models import Ask
from contacts.directory.models import Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import RowField
from crm.api.fields import text as words
from crm.api.problems import Problem
from crm.api.registry import Section
from crm.api.views import Resource

UID = "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c"
WRITE = (Action.LOG,)


class MilestoneOut(serializers.Serializer[Milestone]):
    uid = serializers.UUIDField()
    text = serializers.CharField()
    due_on = serializers.DateField()
    done_on = serializers.DateField(allow_null=True)


class CommitmentOut(serializers.Serializer[Commitment]):
    uid = serializers.UUIDField()
    organization = serializers.UUIDField(source="organization.uid")
    drive = serializers.UUIDField(source="drive.uid")
    ask = serializers.UUIDField(source="ask.uid", allow_null=True, default=None)
    text = serializers.CharField()
    promised_by = serializers.UUIDField(source="promised_by.uid", allow_null=True, default=None)
    made_on = serializers.DateField()
    due_on = serializers.DateField()
    evidence = serializers.CharField(allow_blank=True)
    link = serializers.CharField(allow_blank=True)
    owner = serializers.UUIDField(source="owner.uid", allow_null=True, default=None)
    is_public = serializers.BooleanField()
    heard_on = serializers.DateField(allow_null=True)
    state = serializers.ChoiceField(Commitment.State.choices)
    light = serializers.SerializerMethodField(help_text="green, yellow or red by the rule; of a settled one its state.")
    why = serializers.SerializerMethodField(help_text="The rule's sentence for it.")
    settled_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField(allow_blank=True)
    outcome_link = serializers.CharField(allow_blank=True)
    verified_at = serializers.DateTimeField(allow_null=True)
    verified_by = serializers.UUIDField(source="verified_by.uid", allow_null=True, default=None)
    milestones = MilestoneOut(many=True)
    has_update_link = serializers.BooleanField(help_text="The institution has a link by which it says how it stands.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_light(self, row: Commitment) -> str:
        return light_of(row, timezone.localdate()).code

    def get_why(self, row: Commitment) -> str:
        return light_of(row, timezone.localdate()).why


class CommitmentIn(serializers.Serializer[Any]):
    text = words(2000)
    due_on = serializers.DateField(required=False)
    made_on = serializers.DateField(required=False)
    ask = RowField(lambda user: Ask.objects.visible_to(user).active(), required=False, allow_null=True)
    promised_by = RowField(lambda user: Person.objects.active().visible_to(user), required=False, allow_null=True)
    owner = RowField(lambda user: User.objects.staff().filter(is_active=True), required=False, allow_null=True)
    evidence = words(5000)
    link = serializers.URLField(required=False, allow_blank=True, max_length=500)
    is_public = serializers.BooleanField(required=False)


class NewCommitmentIn(CommitmentIn):
    organization = RowField(lambda user: Organization.objects.active().visible_to(user, Action.LOG))
    drive = RowField(lambda user: Drive.objects.visible_to(user))
    text = words(2000, required=True)
    due_on = serializers.DateField()


class SettleIn(serializers.Serializer[Any]):
    state = serializers.ChoiceField(["kept", "broken", "withdrawn"])
    outcome = words(5000)
    outcome_link = serializers.URLField(required=False, allow_blank=True, max_length=500)


class NewMilestoneIn(serializers.Serializer[Any]):
    text = words(300, required=True)
    due_on = serializers.DateField()


class UpdateLinkOut(serializers.Serializer[CommitmentLink]):
    url = serializers.SerializerMethodField(help_text="Secret: whoever has it can say how the commitment stands.")
    made_at = serializers.DateTimeField()

    def get_url(self, row: CommitmentLink) -> str:
        return linking.url_of(row)


class DoneIn(serializers.Serializer[Any]):
    milestone = serializers.UUIDField()
    done_on = serializers.DateField(allow_null=True)


def _lights(rows: Any, values: list[str], user: User) -> Any:
    return rows.with_light(timezone.localdate()).filter(light__in=values)


class CommitmentResource(Resource):
    """What institutions promised, and how it stands."""

    serializer_class = CommitmentOut
    needs = {
        name: WRITE
        for name in ("create", "partial_update", "settle", "reopen", "verify", "milestones", "done", "update_link", "revoke_link")
    }  # fmt: skip
    without_etag = frozenset({"revoke_link"})
    sorts = {"due_on": ["due_on"], "made_on": ["made_on"], "updated_at": ["updated_at"]}
    default_sort = "due_on"
    filters = [
        filters.uid("organization", "Of this institution.", lambda rows, uid, user: rows.filter(organization__uid=uid)),
        filters.uid("drive", "Of this drive.", lambda rows, uid, user: rows.filter(drive__uid=uid)),
        filters.uid("ask", "On this ask.", lambda rows, uid, user: rows.filter(ask__uid=uid)),
        filters.uid("owner", "Followed by this user.", lambda rows, uid, user: rows.filter(owner__uid=uid)),
        filters.choice("light", "How it stands today.", list(LIGHTS), _lights),
        filters.flag("public", "true: only those that may be told to others.", lambda rows, value, user: rows.filter(is_public=value)),
        filters.flag("verified", "true: only those that somebody else verified.", lambda rows, value, user: rows.filter(verified_at__isnull=not value)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Commitment.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        related = ("organization", "drive", "ask", "promised_by", "owner", "verified_by")
        alive = CommitmentLink.objects.filter(commitment=OuterRef("pk"), revoked_at=None)
        return rows.select_related(*related).prefetch_related("milestones").annotate(has_update_link=Exists(alive))

    @extend_schema(summary="Commitments")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One commitment")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Record a commitment",
        request=NewCommitmentIn,
        responses={201: CommitmentOut},
        examples=[OpenApiExample("A plan by June", {"organization": UID, "drive": UID, "text": "Publish the draft plan", "due_on": "2027-06-30"}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        made = services.make_commitment(actor=self.user, **self.read(NewCommitmentIn))
        return self.created(made)

    @extend_schema(summary="Change a commitment", request=CommitmentIn, responses=CommitmentOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(CommitmentIn, partial=True))
        with self.unchanged(uid, Action.LOG) as row:
            services.edit_commitment(commitment=row, actor=self.user, changes=data)
        return Response(self.again(row))

    @extend_schema(summary="Say how it ended", description="kept, broken or withdrawn, with what shows it. Somebody else verifies it.", request=SettleIn, responses=CommitmentOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def settle(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        services.settle(commitment=row, actor=self.user, **self.read(SettleIn))
        return Response(self.again(row))

    @extend_schema(summary="Open it again", request=None, responses=CommitmentOut)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        services.reopen(commitment=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(summary="Verify how it ended", description="Refused (403) to whoever recorded or settled it.", request=None, responses=CommitmentOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        services.verify(commitment=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(summary="Add a milestone", request=NewMilestoneIn, responses={201: CommitmentOut})
    @action(detail=True, methods=["post"])
    def milestones(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        services.add_milestone(commitment=row, actor=self.user, **self.read(NewMilestoneIn))
        return Response(self.again(row), status=201)

    @extend_schema(summary="Tick a milestone", description="`done_on` null takes the tick away.", request=DoneIn, responses=CommitmentOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def done(self, request: Request, uid: UUID) -> Response:
        row, data = self.find(uid, Action.LOG), self.read(DoneIn)
        milestone = row.milestones.filter(uid=data["milestone"]).first()
        if milestone is None:
            raise Problem(404, "This commitment has no such milestone.")
        services.set_milestone(milestone=milestone, actor=self.user, done_on=data["done_on"])
        return Response(self.again(row))

    # --- the institution's own page
    @extend_schema(
        summary="Make the institution’s link", request=None, responses={201: UpdateLinkOut},
        description="Whoever has it says how the commitment stands; staff decide what counts (/commitment-updates). The one there is, when there is one.",
    )  # fmt: skip
    @action(detail=True, methods=["post"], url_path="update-link")
    def update_link(self, request: Request, uid: UUID) -> Response:
        link = linking.make_link(commitment=self.find(uid, Action.LOG), actor=self.user)
        return Response(UpdateLinkOut(link).data, status=201)

    @extend_schema(summary="Revoke the institution’s link", description="Its page says that it is over. A new one is another address.", responses={204: None})  # fmt: skip
    @update_link.mapping.delete
    def revoke_link(self, request: Request, uid: UUID) -> Response:
        linking.revoke_link(commitment=self.find(uid, Action.LOG), actor=self.user)
        return Response(status=204)


class UpdateOut(serializers.Serializer[CommitmentUpdate]):
    uid = serializers.UUIDField()
    commitment = serializers.UUIDField(source="commitment.uid")
    progress = serializers.ChoiceField(CommitmentUpdate.Progress.choices)
    text = serializers.CharField(allow_blank=True)
    link = serializers.CharField(allow_blank=True)
    new_due_on = serializers.DateField(allow_null=True, help_text="The day that they propose.")
    written_by = serializers.CharField(allow_blank=True, help_text="Name and post, as they wrote it.")
    received_at = serializers.DateTimeField()
    state = serializers.ChoiceField(CommitmentUpdate.State.choices)
    decided_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class WordIn(serializers.Serializer[Any]):
    commitment = RowField(lambda user: Commitment.objects.visible_to(user, Action.LOG))
    progress = serializers.ChoiceField(CommitmentUpdate.Progress.choices)
    text = words(5000, required=True)
    link = serializers.URLField(required=False, allow_blank=True, max_length=500)


class UpdateDeclineIn(serializers.Serializer[Any]):
    reason = words(300, required=True)


class UpdateResource(Resource):
    """How a commitment stands: told by the institution, which staff decide about, or heard by staff."""

    serializer_class = UpdateOut
    needs = {"create": WRITE, "accept": WRITE, "decline": WRITE}
    sorts = {"received_at": ["received_at"]}
    default_sort = "-received_at"
    filters = [
        filters.uid("commitment", "Of this commitment.", lambda rows, uid, user: rows.filter(commitment__uid=uid)),
        filters.choice("state", "Its state.", CommitmentUpdate.State.values, lambda rows, values, user: rows.filter(state__in=values)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return CommitmentUpdate.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("commitment")

    @extend_schema(summary="What was said of commitments, the latest first")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One of them")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Note what was heard of a commitment", description="By staff, in a call or at a meeting: it counts at once.", request=WordIn, responses={201: UpdateOut})  # fmt: skip
    def create(self, request: Request) -> Response:
        made = services.note_word(actor=self.user, **self.read(WordIn))
        return self.created(made)

    @extend_schema(summary="Accept it", description="Done: kept; cannot: broken; a new date moves it.", request=None, responses=UpdateOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.LOG)
        linking.accept_update(update=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(summary="Leave it aside", description="It is kept, with the reason.", request=UpdateDeclineIn, responses=UpdateOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, uid: UUID) -> Response:
        reason = self.read(UpdateDeclineIn)["reason"]
        row = self.find(uid, Action.LOG)
        linking.decline_update(update=row, actor=self.user, reason=reason)
        return Response(self.again(row))


SECTIONS = [
    Section(
        "Commitments",
        "What institutions promised, by when, how it stands by a rule, and who verified it.",
        [("commitments", CommitmentResource), ("commitment-updates", UpdateResource)],
        order=58,
    )
]
