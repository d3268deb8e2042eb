"""/event-nominators: which institution names people for a delegation, and the signed link that it has."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.delegations import letters, nominators
from campaigns.delegations.api.shapes import SignedLinkOut
from campaigns.delegations.links import nominate_url
from campaigns.delegations.models import Delegation, Nominator
from contacts.directory.models import Constituency, Organization, Person, Post
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import CodeField, RowField
from crm.api.fields import text as words
from crm.api.problems import Problem
from crm.api.views import Resource
from crm.errors import WrongState

PLAN = (Action.DRIVES,)


class NominatorOut(serializers.Serializer[Nominator]):
    uid = serializers.UUIDField()
    event = serializers.UUIDField(source="delegation.event.uid")
    delegation = serializers.UUIDField(source="delegation.uid")
    organization = serializers.UUIDField(source="organization.uid", allow_null=True, default=None)
    constituency = serializers.CharField(
        source="constituency.code", allow_null=True, default=None, help_text="Whom they name for; null for all."
    )
    post = serializers.UUIDField(source="post.uid", allow_null=True, default=None)
    person = serializers.UUIDField(source="person.uid", allow_null=True, default=None)
    email = serializers.CharField(help_text="Where the link goes.")
    language = serializers.CharField()
    edition = serializers.IntegerField(help_text="Which link it is; those before open nothing.")
    asked_at = serializers.DateTimeField(allow_null=True)
    reminded_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class NominatorIn(serializers.Serializer[Any]):
    delegation = RowField(lambda user: Delegation.objects.visible_to(user, Action.DRIVES).taking_part())
    organization = RowField(lambda user: Organization.objects.active().visible_to(user))
    constituency = CodeField(
        lambda user: Constituency.objects.filter(archived_at=None), required=False, allow_null=True, help_text="Left out, for all."
    )  # fmt: skip
    post = RowField(
        lambda user: Post.objects.visible_to(user).filter(archived_at=None), required=False, allow_null=True
    )
    person = RowField(lambda user: Person.objects.active().visible_to(user), required=False, allow_null=True)
    email = words(254, help_text="Left out: that of the person, the post, its holder or the institution.")


def _revoked(rows: Any, value: bool, user: User) -> Any:
    return rows.filter(revoked_at__isnull=not value)


def _asked(rows: Any, value: bool, user: User) -> Any:
    return rows.filter(asked_at__isnull=not value)


class NominatorResource(Resource):
    """An institution that names people for a delegation, by a link of its own. Nothing is sent before you ask."""

    serializer_class = NominatorOut
    needs = dict.fromkeys(("create", "ask", "remind", "revoke", "renew", "link"), PLAN)
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [
        filters.uid("event", "For this event.", lambda rows, uid, user: rows.filter(delegation__event__uid=uid)),
        filters.uid("delegation", "For this delegation.", lambda rows, uid, user: rows.filter(delegation__uid=uid)),
        filters.flag("asked", "true: only those who were asked; false: only those who were not.", _asked),
        filters.flag(
            "revoked", "true: only those whose link was revoked; false: only those whose link opens.", _revoked
        ),
    ]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Nominator.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("delegation__event", "organization", "constituency", "post", "person")

    @extend_schema(summary="Who names people for delegations")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One who names people")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Let an institution name people",
        description="Refused where no mail can go (422) and where it names for this already (409). One whose link was revoked gets a new one.",
        request=NominatorIn,
        responses={201: NominatorOut},
    )
    def create(self, request: Request) -> Response:
        made = nominators.add_nominator(actor=self.user, **self.read(NominatorIn))
        return self.created(made)

    @extend_schema(summary="Ask them for names", description="A letter with their link. Refused (409) when they were asked, one is on its way, or the last day is over.", request=None, responses=NominatorOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def ask(self, request: Request, uid: UUID) -> Response:
        return self._write(uid, is_reminder=False)

    @extend_schema(summary="Remind them", description="Another letter with their link. Refused (409) when one is on its way, or the last day is over.", request=None, responses=NominatorOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def remind(self, request: Request, uid: UUID) -> Response:
        return self._write(uid, is_reminder=True)

    def _write(self, uid: UUID, *, is_reminder: bool) -> Response:
        row = self.find(uid, Action.DRIVES)
        if not letters.ask([row], actor=self.user, is_reminder=is_reminder):
            raise WrongState(
                _(
                    "No letter went: they were asked already, one is on its way, their link was revoked, or the last day is over."
                )
            )
        return Response(self.again(row))

    @extend_schema(summary="Revoke their link", description="It opens nothing any more, wherever it was passed on to. A letter that waits does not go.", request=None, responses=NominatorOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        nominators.revoke_link(nominator=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(
        summary="Make a new link", description="Those before open nothing.", request=None, responses=NominatorOut
    )
    @action(detail=True, methods=["post"])
    def renew(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        nominators.renew_link(nominator=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(
        summary="Their link",
        description="To be handed over in another way than by our letter. 404 once it is revoked.",
        responses=SignedLinkOut,
    )
    @action(detail=True, methods=["get"])
    def link(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        row = self.find(uid, Action.DRIVES)
        if row.revoked_at:
            raise Problem(404, _("Their link was revoked. Make a new one."))
        return Response({"link": nominate_url(row)})
