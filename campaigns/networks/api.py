"""/networks, /network-members and /network-representatives: who supports the campaign together, and who acts for whom."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.networks import representatives, services
from campaigns.networks.deciding_api import ApplicationResource
from campaigns.networks.models import Kind, Member, Network, Representative, Shown
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import Codes, Names
from crm.api.registry import Section
from crm.api.views import Resource


class NetworkOut(serializers.Serializer[Network]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    names = Names()
    campaign = serializers.UUIDField(source="campaign.uid")
    slug = serializers.CharField(help_text="In the address of its public page: /join/<slug>/.")
    kinds = serializers.ListField(child=serializers.ChoiceField(Kind.choices))
    countries = Codes(help_text="Where members may come from; empty for everywhere.")
    rule = serializers.ChoiceField(Network.Rule.choices)
    votes_needed = serializers.IntegerField(help_text="Members who say yes, where they decide.")
    renews = serializers.BooleanField(help_text="Members are asked each year whether they stay.")
    is_public = serializers.BooleanField()
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class MemberOut(serializers.Serializer[Member]):
    uid = serializers.UUIDField()
    network = serializers.UUIDField(source="network.uid")
    kind = serializers.ChoiceField(Kind.choices)
    organization = serializers.UUIDField(source="organization.uid", allow_null=True, default=None)
    person = serializers.UUIDField(source="person.uid", allow_null=True, default=None)
    contact = serializers.UUIDField(
        source="contact.uid", allow_null=True, default=None, help_text="Who speaks for an institution."
    )
    is_listed = serializers.BooleanField(help_text="Shown in the public directory of the network.")
    shows = serializers.ListField(
        child=serializers.ChoiceField(Shown.choices), help_text="What the directory says of them beside the name."
    )
    joined_at = serializers.DateTimeField()
    left_at = serializers.DateTimeField(allow_null=True)
    renew_by = serializers.DateField(allow_null=True, help_text="Asked whether they stay; by this day they answer.")
    renewed_at = serializers.DateTimeField(allow_null=True)
    has_lapsed = serializers.BooleanField(help_text="Left because they did not answer.")
    brought_by = serializers.UUIDField(source="brought_by.uid", allow_null=True, default=None)


class RepresentativeOut(serializers.Serializer[Representative]):
    uid = serializers.UUIDField()
    member = serializers.UUIDField(source="member.uid")
    person = serializers.UUIDField(source="person.uid", allow_null=True, default=None)
    name = serializers.CharField()
    post = serializers.CharField()
    state = serializers.ChoiceField(Representative.State.choices)
    is_admin = serializers.BooleanField(help_text="Names and ends representatives without staff.")
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


def _archived(rows: Any, value: bool, user: User) -> Any:
    return rows.filter(archived_at__isnull=not value)


class NetworkResource(Resource):
    """Individuals and institutions that support a campaign together."""

    serializer_class = NetworkOut
    sorts = {"name": ["sort_key"]}
    default_sort = "name"
    filters = [
        filters.uid("campaign", "Of this campaign.", lambda rows, uid, user: rows.filter(campaign__uid=uid)),
        filters.flag("archived", "true: only closed ones; false: only those that are not.", _archived),
    ]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Network.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("campaign").prefetch_related("countries")

    @extend_schema(summary="Networks")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One network")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))


class MemberResource(Resource):
    """Who takes part in a network, and who did."""

    serializer_class = MemberOut
    needs = {"end": (Action.DRIVES,)}
    sorts = {"joined_at": ["joined_at"]}
    default_sort = "joined_at"
    filters = [
        filters.uid("network", "Of this network.", lambda rows, uid, user: rows.filter(network__uid=uid)),
        filters.flag("left", "true: only those who left; false: only members of today.", lambda rows, value, user: rows.filter(left_at__isnull=not value)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Member.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("network", "organization", "person", "contact", "brought_by")

    @extend_schema(summary="Members of networks")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One membership of a network")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="End a membership", request=None, responses=MemberOut)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        services.end_membership(member=row, actor=self.user)
        return Response(self.again(row))


class RepresentativeResource(Resource):
    """Who acts for institutions that are members, and who did or is to."""

    serializer_class = RepresentativeOut
    needs = {"accept": (Action.DRIVES,), "decline": (Action.DRIVES,), "end": (Action.DRIVES,)}
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [
        filters.uid("member", "Of this member.", lambda rows, uid, user: rows.filter(member__uid=uid)),
        filters.uid("person", "This person.", lambda rows, uid, user: rows.filter(person__uid=uid)),
    ]

    def rows(self, action: Action = Action.SEE) -> Any:
        return Representative.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("member", "person")

    @extend_schema(summary="Representatives of members")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One representative of a member")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Let them represent", request=None, responses=RepresentativeOut)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        representatives.accept_representative(representative=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(summary="Decline them", request=None, responses=RepresentativeOut)
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        representatives.decline_representative(representative=row, actor=self.user)
        return Response(self.again(row))

    @extend_schema(summary="They represent no longer", request=None, responses=RepresentativeOut)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, uid: UUID) -> Response:
        row = self.find(uid, Action.DRIVES)
        representatives.end_representative(representative=row, actor=self.user)
        return Response(self.again(row))


SECTIONS = [
    Section(
        "Networks",
        "Institutions and individuals that support a campaign together.",
        [
            ("networks", NetworkResource),
            ("network-applications", ApplicationResource),
            ("network-members", MemberResource),
            ("network-representatives", RepresentativeResource),
        ],
        order=58,
    )
]
