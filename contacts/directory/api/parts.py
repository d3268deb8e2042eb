"""/posts, /memberships, /contact-points."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.directory import services
from contacts.directory.api.base import POINTS, DirectoryResource
from contacts.directory.api.serializers import (
    EndIn,
    MembershipOut,
    NewMembershipIn,
    NewPointIn,
    NewPostIn,
    OwnedPointOut,
    PointIn,
    PostIn,
    PostOut,
)
from contacts.directory.models import ContactPoint, Membership, Organization, Person, Post
from contacts.directory.queries import is_seen
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.problems import Problem
from crm.api.views import Resource

UID = "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c"
EDIT = (Action.EDIT_DIRECTORY,)


def _active(rows: Any, value: bool, user: Any) -> Any:
    return rows.filter(archived_at__isnull=not value)


class PostResource(DirectoryResource):
    """A seat in an organization that outlives its holder."""

    serializer_class = PostOut
    sorts = {"name": ["sort_key"], "updated_at": ["updated_at"]}
    default_sort = "name"
    filters = [
        filters.text("q", "Words of the title.", lambda rows, text, user: rows.search(text), example="minister"),
        filters.uid(
            "organization", "In this organization.", lambda rows, uid, user: rows.filter(organization__uid=uid)
        ),
        filters.flag("archived", "true: only archived ones. Without it, all.", _active),
    ]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Post.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("organization__constituency").prefetch_related(POINTS)

    @extend_schema(summary="Posts, a page at a time")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One post")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Add a post",
        request=NewPostIn,
        responses={201: PostOut},
        examples=[OpenApiExample("A minister", {"organization": UID, "name": "Minister of Labour", "is_head": True}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        made = services.create_post(actor=self.user, **self.read(NewPostIn))
        return self.created(made)

    @extend_schema(summary="Change a post", description="Its holders stay.", request=PostIn, responses=PostOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(PostIn, partial=True))
        with transaction.atomic():
            row = self.locked(uid)
            services.edit_post(post=row, actor=self.user, changes=data)
        return Response(self.again(row))

    @extend_schema(
        summary="Archive a post", description="Refused (409) while somebody holds it.", responses={204: None}
    )
    def destroy(self, request: Request, uid: UUID) -> Response:
        with transaction.atomic():
            services.archive_post(post=self.locked(uid), actor=self.user)
        return Response(status=204)


class MembershipResource(Resource):
    """This person holds this post, or belongs to this organization, from–to."""

    serializer_class = MembershipOut
    needs = {"create": EDIT, "end": EDIT, "make_primary": EDIT}
    sorts = {"started_on": ["started_on"]}
    default_sort = "-started_on"
    filters = [
        filters.uid("person", "Of this person.", lambda rows, uid, user: rows.filter(person__uid=uid)),
        filters.uid("organization", "In this organization.", lambda rows, uid, user: rows.filter(organization__uid=uid)),
        filters.uid("post", "Of this post.", lambda rows, uid, user: rows.filter(post__uid=uid)),
        filters.flag("current", "true: those that last; false: those that ended.", lambda rows, value, user: rows.filter(ended_on__isnull=value)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        """Those of people whom the user sees."""
        people = Person.objects.filter(erased_at__isnull=True)
        if self.user.scope(action).countries is not None:
            people = people.visible_to(self.user, action)
        return Membership.objects.filter(person__in=people)

    def full(self, rows: Any) -> Any:
        return rows.select_related("person", "organization__constituency", "post")

    @extend_schema(summary="Memberships, a page at a time")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One membership")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Begin a membership",
        description="Somebody takes up a post, or joins an organization. With `ends_previous`, the post's present holder leaves it the day before.",
        request=NewMembershipIn,
        responses={201: MembershipOut},
        examples=[OpenApiExample("A new minister", {"person": UID, "post": UID, "started_on": "2026-11-01", "ends_previous": True}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        made = services.start_membership(actor=self.user, **self.read(NewMembershipIn))
        return self.created(made)

    @extend_schema(
        summary="End a membership",
        description="It is not deleted: history stays. What was primary passes to the only other one that lasts.",
        request=EndIn,
        responses=MembershipOut,
    )
    @action(detail=True, methods=["post"])
    def end(self, request: Request, uid: UUID) -> Response:
        data = self.read(EndIn)
        membership = self.find(uid, Action.EDIT_DIRECTORY)
        services.end_membership(membership=membership, actor=self.user, **data)
        return Response(self.again(membership))

    @extend_schema(
        summary="Make it the primary one",
        description="What the person stands for; country and constituency follow.",
        request=None,
        responses=MembershipOut,
    )
    @action(detail=True, methods=["post"], url_path="make-primary")
    def make_primary(self, request: Request, uid: UUID) -> Response:
        membership = self.find(uid, Action.EDIT_DIRECTORY)
        services.set_primary(membership=membership, actor=self.user)
        return Response(self.again(membership))


class ContactPointResource(Resource):
    """An e-mail, phone, postal or messaging address with a status of its own."""

    serializer_class = OwnedPointOut
    needs = {"create": EDIT, "partial_update": EDIT, "destroy": EDIT}
    sorts = {"created_at": ["created_at"], "updated_at": ["updated_at"]}
    default_sort = "created_at"
    filters = [
        filters.uid("person", "Of this person.", lambda rows, uid, user: rows.filter(person__uid=uid)),
        filters.uid("organization", "Of this organization itself.", lambda rows, uid, user: rows.filter(organization__uid=uid)),
        filters.uid("post", "Of this post.", lambda rows, uid, user: rows.filter(post__uid=uid)),
        filters.choice("kind", "Kind of address.", ContactPoint.Kind.values, lambda rows, values, user: rows.filter(kind__in=values)),
        filters.choice("status", "What is known of it.", ContactPoint.Status.values, lambda rows, values, user: rows.filter(status__in=values)),
        filters.moment("updated_since", "Changed at or after this time: what began to bounce, say.", lambda rows, at, user: rows.filter(updated_at__gte=at)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        """Those of people, organizations and posts that the user sees."""
        if self.user.scope(action).countries is None:
            return ContactPoint.objects.all()
        places = Organization.objects.visible_to(self.user, action)
        return ContactPoint.objects.filter(is_seen(self.user, action) | Q(post__organization__in=places))

    def full(self, rows: Any) -> Any:
        return rows.select_related("person", "organization", "post__organization")

    @extend_schema(summary="Contact points, a page at a time")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One contact point")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Add an address",
        description="To exactly one of person, post and organization. The first of its kind is the preferred one.",
        request=NewPointIn,
        responses={201: OwnedPointOut},
        examples=[OpenApiExample("An e-mail address", {"person": UID, "value": "amina@ministry.example", "label": "work"}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        made = services.add_contact_point(actor=self.user, **self.read(NewPointIn))
        return self.created(made)

    @extend_schema(summary="Change an address", request=PointIn, responses=OwnedPointOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(PointIn, partial=True))
        with transaction.atomic():
            point = self._locked(uid)
            services.edit_contact_point(point=point, actor=self.user, changes=data)
        return Response(self.again(point))

    @extend_schema(
        summary="Take an address away",
        description="A suppression of it stays, whatever happens.",
        responses={204: None},
    )
    def destroy(self, request: Request, uid: UUID) -> Response:
        with transaction.atomic():
            services.remove_contact_point(point=self._locked(uid), actor=self.user)
        return Response(status=204)

    def _locked(self, uid: UUID) -> ContactPoint:
        point = self.find(uid, Action.EDIT_DIRECTORY)
        held = ContactPoint.objects.select_for_update(of=("self",)).filter(pk=point.pk).first()
        if held is None:
            raise Problem(404, _("It was removed a moment ago."))
        fresh: ContactPoint = self.full(ContactPoint.objects.filter(pk=point.pk)).get()
        self.require_match(fresh)
        return fresh
