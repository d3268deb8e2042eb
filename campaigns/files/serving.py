"""What the API says of a kept file, and how it gives its bytes away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from campaigns.files.saving import octets
from crm.api.views import Resource


class KeptFileOut(serializers.Serializer[Any]):
    """Rows with a `name` and a `file`."""

    uid = serializers.UUIDField()
    name = serializers.CharField()
    size = serializers.IntegerField(source="file.size", help_text="Octets.")
    media_type = serializers.CharField(source="file.media_type", help_text="By its content, whatever it is called.")


class KeptFileResource(Resource):
    """Rows with a `name` and a `file`; the bytes have an address of their own."""

    @extend_schema(
        summary="The file itself",
        description="Octets to be saved, never to be shown in a page.",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"])
    def content(self, request: Request, uid: UUID) -> HttpResponse:
        self.no_query()
        row = self.find(uid)
        return octets(row.file, row.name)
