"""/countries, /constituencies, /tags: read only, by code."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.directory.models import Constituency, Country, Tag
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import Names
from crm.api.views import Resource


class CountryOut(serializers.Serializer[Country]):
    code = serializers.CharField(help_text="ISO 3166-1 alpha-2.")
    alpha3 = serializers.CharField()
    name = serializers.CharField()
    names = Names()
    region = serializers.CharField(source="region_id", allow_null=True, help_text="UN M49.")
    languages = serializers.ListField(child=serializers.CharField())
    time_zone = serializers.CharField()


class ConstituencyOut(serializers.Serializer[Constituency]):
    code = serializers.CharField()
    name = serializers.CharField()
    names = Names()
    parent = serializers.CharField(source="parent.code", allow_null=True, default=None)
    root = serializers.CharField(source="root_code", help_text="The top of its branch.")
    is_fixed = serializers.BooleanField(help_text="One of the seven that every installation has.")


class TagOut(serializers.Serializer[Tag]):
    name = serializers.CharField()


class CountryResource(Resource):
    """A country."""

    serializer_class = CountryOut
    sorts = {"name": ["sort_key"]}
    default_sort = "name"
    page_size = 200
    most = 300
    filters = [filters.text("q", "Words of the name.", lambda rows, text, user: rows.filter(search_text__contains=text.lower()), example="senegal")]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Country.objects.all()

    @extend_schema(summary="Countries")
    def list(self, request: Request) -> Response:
        return self.page()


class ConstituencyResource(Resource):
    """A kind of institution."""

    serializer_class = ConstituencyOut
    sorts = {"name": ["sort_key"]}
    default_sort = "name"

    def rows(self, action: Action = Action.SEE) -> Any:
        return Constituency.objects.all()

    def full(self, rows: Any) -> Any:
        return rows.select_related("parent")

    @extend_schema(summary="Constituencies")
    def list(self, request: Request) -> Response:
        return self.page()


class TagResource(Resource):
    """A tag in use."""

    serializer_class = TagOut
    sorts = {"name": ["name"]}
    default_sort = "name"

    def rows(self, action: Action = Action.SEE) -> Any:
        return Tag.objects.filter(archived_at__isnull=True)

    @extend_schema(summary="Tags")
    def list(self, request: Request) -> Response:
        return self.page()
