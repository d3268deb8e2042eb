"""/weekly-digest: what the weekly mail of the token's user says today; the same as the page."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.digest.building import digest_of
from crm.api.registry import Section
from crm.api.views import ApiView


class DigestLineOut(serializers.Serializer[Any]):
    words = serializers.CharField(help_text="In the language of the token’s user.")
    url = serializers.CharField(allow_blank=True, help_text="The page that it is about.")


class DigestSectionOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="moved, cools, due or blind")
    title = serializers.CharField()
    lines = DigestLineOut(many=True)
    more = serializers.IntegerField(help_text="Lines beyond these.")


class DigestOut(serializers.Serializer[Any]):
    first_on = serializers.DateField(source="first")
    last_on = serializers.DateField(source="last")
    subject = serializers.CharField()
    sections = DigestSectionOut(many=True)


class DigestView(ApiView):
    """For the week that begins today, in the user's time zone."""

    @extend_schema(
        summary="What moved, what cools, what is due, what is blind", description="Only looking: no mail is sent.",
        responses=DigestOut,
    )  # fmt: skip
    def list(self, request: Request) -> Response:
        self.no_query()
        return Response(DigestOut(digest_of(self.user)).data)


SECTIONS = [
    Section(
        "Weekly digest",
        "The weekly mail, from the same queries as the screens.",
        [("weekly-digest", DigestView)],
        order=61,
    )
]
