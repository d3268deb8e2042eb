"""/organizations: list, one, add, change, archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.consent.api import PermissionActions
from contacts.directory import services
from contacts.directory.api import shown
from contacts.directory.api.base import DirectoryResource
from contacts.directory.api.filters import organization_filters
from contacts.directory.api.serializers import NewOrganizationIn, OrganizationIn, OrganizationOut
from contacts.directory.models import Organization
from crm.accounts.rules import Action

MINISTRY = {
    "name": "Ministry of Labour", "names": {"fr": "Ministère du Travail"}, "constituency": "GOV", "country": "SN",
    "email": "info@labour.example", "external_ids": {"erp": "O-77"},
}  # fmt: skip


class OrganizationResource(PermissionActions, DirectoryResource):
    """An institution."""

    serializer_class = OrganizationOut
    filters = organization_filters()
    sorts = {"name": ["sort_key"], "created_at": ["created_at"], "updated_at": ["updated_at"], "last_contacted_at": ["last_contacted_at"]}  # fmt: skip
    default_sort = "name"
    needs = {**DirectoryResource.needs, **PermissionActions.needs}
    paged = frozenset({"list", "consent_events"})

    def rows(self, action: Action = Action.SEE) -> Any:
        return Organization.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return shown.with_refs(rows)

    def represent_all(self, rows: Sequence[Organization]) -> Any:
        return shown.organizations(rows)

    @extend_schema(summary="Organizations, a page at a time")
    def list(self, request: Request) -> Response:
        archived = "archived" in request.query_params
        return self.page(self.rows() if archived else self.rows().filter(archived_at__isnull=True))

    @extend_schema(summary="One organization")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Add an organization",
        request=NewOrganizationIn,
        responses={201: OrganizationOut},
        examples=[OpenApiExample("A ministry", MINISTRY, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        data = dict(self.read(NewOrganizationIn))
        self.stay_in_reach(data.get("country"))
        more = {name: data.pop(name) for name in ("tags", "external_ids") if name in data}
        with transaction.atomic():
            made = services.create_organization(actor=self.user, **data)
            self.extras(made, more)
        return self.created(made)

    @extend_schema(
        summary="Change an organization",
        description="Only what you send changes. With the country, the people whose primary membership is here move along.",
        request=OrganizationIn,
        responses=OrganizationOut,
        examples=[OpenApiExample("A website", {"website": "https://labour.example"}, request_only=True)],
    )
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(OrganizationIn, partial=True))
        with transaction.atomic():
            row = self.locked(uid)
            if "country" in data:
                self.stay_in_reach(data["country"])
            self.extras(row, data)
            services.edit_organization(organization=row, actor=self.user, changes=data)
        return Response(self.again(row))

    @extend_schema(
        summary="Archive an organization",
        description="Out of lists and grids; its posts, people and history stay.",
        responses={204: None},
    )
    def destroy(self, request: Request, uid: UUID) -> Response:
        with transaction.atomic():
            services.archive_organization(organization=self.locked(uid), actor=self.user)
        return Response(status=204)
