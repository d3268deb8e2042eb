"""/public-pages: what campaigns and drives show to everybody, and whether the page is open."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.face import services
from campaigns.face.models import Part, PublicPage
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.registry import Section
from crm.api.views import Resource


class FactField(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=2000)
    source = serializers.CharField(max_length=2000, allow_blank=True, required=False, default="")


class TextsField(serializers.DictField):
    """Language → text."""

    child = serializers.CharField(max_length=10_000)


class PageOut(serializers.Serializer[PublicPage]):
    uid = serializers.UUIDField()
    campaign = serializers.UUIDField(source="campaign.uid")
    drive = serializers.UUIDField(source="drive.uid", allow_null=True, default=None)
    slug = serializers.CharField(help_text="In its address: /about/<slug>/.")
    url = serializers.SerializerMethodField(help_text="Where everybody sees it, when it is open.")
    headlines = TextsField()
    leads = TextsField()
    stories = TextsField()
    facts = serializers.DictField(
        child=FactField(many=True), help_text="Language → facts; without any, those of the campaign."
    )
    parts = serializers.ListField(child=serializers.ChoiceField(Part.choices))
    is_public = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_url(self, row: PublicPage) -> str:
        return settings.BASE_URL + reverse("public_page", args=[row.slug]) if row.is_public else ""


class PageIn(serializers.Serializer[Any]):
    slug = serializers.SlugField(max_length=60, required=False)
    headlines = TextsField(required=False)
    leads = TextsField(required=False)
    stories = TextsField(required=False)
    facts = serializers.DictField(child=FactField(many=True), required=False)
    parts = serializers.ListField(child=serializers.ChoiceField(Part.choices), required=False)
    is_public = serializers.BooleanField(required=False)


class PageResource(Resource):
    """Public pages of campaigns (no drive) and of drives. They are made on the screen of the campaign or drive."""

    serializer_class = PageOut
    needs = {"partial_update": (Action.DRIVES,)}
    sorts = {"created_at": ["created_at"]}
    default_sort = "created_at"
    filters = [
        filters.uid("campaign", "Of this campaign and its drives.", lambda rows, uid, user: rows.filter(campaign__uid=uid)),
        filters.uid("drive", "Of this drive.", lambda rows, uid, user: rows.filter(drive__uid=uid)),
        filters.flag("open", "true: only those that everybody sees.", lambda rows, value, user: rows.filter(is_public=value)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return PublicPage.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("campaign", "drive")

    @extend_schema(summary="Public pages")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One public page")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Change a public page", request=PageIn, responses=PageOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(PageIn, partial=True))
        with self.unchanged(uid, Action.DRIVES) as row:
            services.save_page(subject=row.subject, actor=self.user, **data)
        return Response(self.again(row))


SECTIONS = [
    Section(
        "Public pages",
        "What campaigns and drives show to everybody.",
        [("public-pages", PageResource)],
        order=59,
    )
]
