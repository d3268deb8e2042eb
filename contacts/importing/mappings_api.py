"""/import-mappings: what the columns of a header meant, one's own memories and those that colleagues share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.directory.models import Constituency
from contacts.importing import remembering
from contacts.importing.models import ImportMapping
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.views import Resource

BULK = (Action.BULK,)


class DefaultsOut(serializers.Serializer[Any]):
    """What holds for rows that do not say it themselves."""

    country = serializers.CharField(allow_blank=True)
    constituency = serializers.CharField(allow_blank=True)
    language = serializers.CharField(allow_blank=True)
    overwrite = serializers.BooleanField()


class ImportMappingOut(serializers.Serializer[ImportMapping]):
    uid = serializers.UUIDField()
    columns = serializers.ListField(child=serializers.CharField(allow_blank=True), help_text="The header.")
    mapping = serializers.DictField(help_text="Number of a column, from 0 → what it means.")
    defaults = serializers.SerializerMethodField()
    owner = serializers.UUIDField(source="owner.uid")
    is_shared = serializers.BooleanField(help_text="Proposed to all who import.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @extend_schema_field(DefaultsOut)
    def get_defaults(self, row: ImportMapping) -> dict[str, Any]:
        kept = row.options
        return {
            "country": kept.get("country") or "",
            "constituency": self.context["constituencies"].get(kept.get("constituency"), ""),
            "language": kept.get("language") or "",
            "overwrite": bool(kept.get("overwrite")),
        }


class SharingIn(serializers.Serializer[Any]):
    is_shared = serializers.BooleanField(help_text="true: proposed to all who import, for files with the same header.")


class ImportMappingResource(Resource):
    """What a header's columns meant last time: proposed for the next file that has the same."""

    serializer_class = ImportMappingOut
    needs = {name: BULK for name in ("list", "retrieve", "partial_update", "destroy")}
    sorts = {"updated_at": ["updated_at"]}
    default_sort = "-updated_at"
    filters = [
        filters.flag("mine", "true: only one's own; false: only those that colleagues share.", lambda rows, value, user: rows.filter(owner=user) if value else rows.exclude(owner=user))
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> QuerySet[ImportMapping]:
        return ImportMapping.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("owner")

    def represent_all(self, rows: Sequence[ImportMapping]) -> list[Any]:
        wanted = {row.options.get("constituency") for row in rows}
        codes = dict(Constituency.objects.filter(pk__in=wanted - {None}).values_list("pk", "code"))
        return list(ImportMappingOut(rows, many=True, context={"constituencies": codes}).data)

    @extend_schema(summary="Remembered mappings", description="Your own, and those that colleagues share. `PATCH /imports/{uid}` with `remember` makes one.")  # fmt: skip
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One remembered mapping")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Share a mapping, or keep it for oneself",
        request=SharingIn,
        responses=ImportMappingOut,
        examples=[OpenApiExample("Share it", {"is_shared": True}, request_only=True)],
    )
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = self.read(SharingIn, partial=True)
        with self.unchanged(uid, Action.BULK) as held:
            remembering.share(mapping=held, is_shared=data.get("is_shared", held.is_shared))
        return Response(self.again(held))

    @extend_schema(
        summary="Forget a mapping",
        description="Of your own; what a colleague shares stays theirs. Imports that were made with it stay as they are.",
        responses={204: None},
    )
    def destroy(self, request: Request, uid: UUID) -> Response:
        with self.unchanged(uid, Action.BULK) as held:
            remembering.forget_mapping(mapping=held)
        return Response(status=204)
