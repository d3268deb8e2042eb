"""What the API says of a kept file, and how it gives its bytes away."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

CONTENT = extend_schema(
    summary="The file itself",
    description="Octets to be saved, never to be shown in a page.",
    responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
)


class KeptFileOut(serializers.Serializer[Any]):
    """Rows with a `name` and a `file`."""

    uid = serializers.UUIDField()
    name = serializers.CharField()
    size = serializers.IntegerField(source="file.size", help_text="Octets.")
    media_type = serializers.CharField(source="file.media_type", help_text="By its content, whatever it is called.")
