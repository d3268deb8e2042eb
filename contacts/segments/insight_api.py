"""One segment looked at, over the API: why somebody is in or out, its sizes and versions, what it shares with another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.directory.models import Organization, Person
from contacts.segments.compiler import compile_segment
from contacts.segments.counting import overlap
from contacts.segments.models import SegmentSize, SegmentVersion
from contacts.segments.presenting import described
from contacts.segments.registry import PEOPLE
from contacts.segments.sentence import without_markup
from contacts.segments.why import Reason, Why, explain
from crm.accounts.rules import Action
from crm.api import paging
from crm.api.problems import bad_query

ANSWERS = ("yes", "no", "unknown")


@extend_schema_field({"type": "array", "items": {"$ref": "#/components/schemas/SegmentReasonOut"}})
class Reasons(serializers.Field[Any, Any, Any, Any]):
    """Those of a group, each as its group is told."""

    def to_representation(self, value: Sequence[Reason]) -> list[Any]:
        return list(SegmentReasonOut(value, many=True).data)


class SegmentReasonOut(serializers.Serializer[Reason]):
    """One rule or group, answered for one row."""

    words = serializers.SerializerMethodField()
    answer = serializers.ChoiceField(ANSWERS, source="mark")
    value = serializers.CharField(
        allow_blank=True, help_text="What is known and decided it; empty where there is nothing."
    )
    unknown = serializers.CharField(allow_blank=True, help_text="Why it may be unknown.")
    is_segment = serializers.BooleanField(help_text="Another segment, whose own rules stand in `rules`.")
    rules = Reasons(source="children", help_text="Of a group; empty for a rule.")

    def get_words(self, reason: Reason) -> str:
        return without_markup(reason.words)


class WhyOut(serializers.Serializer[Why]):
    is_in = serializers.BooleanField()
    answer = serializers.SerializerMethodField(help_text="Of the rules alone. Whoever it is unknown of is left out.")
    is_active = serializers.BooleanField(help_text="What is archived is in no segment, whatever the rules say.")
    reasons = SegmentReasonOut(many=True)

    @extend_schema_field(serializers.ChoiceField(ANSWERS))
    def get_answer(self, why: Why) -> str:
        return why.reasons[0].mark


class SizeOut(serializers.Serializer[SegmentSize]):
    day = serializers.DateField()
    count = serializers.IntegerField()
    version = serializers.IntegerField(help_text="Of the rules that were counted.")


class VersionChangesOut(serializers.Serializer[Any]):
    is_first = serializers.BooleanField()
    is_readable = serializers.BooleanField(help_text="False when rules of then cannot be used any more.")
    is_regrouped = serializers.BooleanField(help_text="The same rules, grouped otherwise, or another name.")
    added = serializers.ListField(child=serializers.CharField(), help_text="Rules that came, in plain words.")
    removed = serializers.ListField(child=serializers.CharField(), help_text="Rules that went.")


class SegmentVersionOut(serializers.Serializer[SegmentVersion]):
    version = serializers.IntegerField()
    tree = serializers.JSONField()
    sentence = serializers.SerializerMethodField(help_text="The rules in plain words.")
    changes = serializers.SerializerMethodField()
    saved_by = serializers.UUIDField(source="saved_by.uid", allow_null=True, default=None)
    saved_at = serializers.DateTimeField()

    def get_sentence(self, row: Any) -> str:
        return without_markup(row.words)

    @extend_schema_field(VersionChangesOut)
    def get_changes(self, row: Any) -> dict[str, Any]:
        made = row.changes
        told = {name: getattr(made, name) for name in ("is_first", "is_readable", "is_regrouped")}
        return told | {name: [without_markup(words) for words in getattr(made, name)] for name in ("added", "removed")}


class OverlapOut(serializers.Serializer[Any]):
    both = serializers.IntegerField()
    only_here = serializers.IntegerField(help_text="In this segment, and not in that of `with`.")
    only_there = serializers.IntegerField(help_text="In that of `with`, and not in this one.")


ABOUT = {
    "person": OpenApiParameter("person", OpenApiTypes.UUID, description="Whom it is about, when it selects people."),
    "organization": OpenApiParameter(
        "organization", OpenApiTypes.UUID, description="Which one it is about, when it selects organizations."
    ),
    "with": OpenApiParameter(
        "with", OpenApiTypes.UUID, required=True, description="Another segment that selects the same kind."
    ),
}


class InsightMixin:
    """What the pages of one segment tell, for `SegmentResource`."""

    def _named(self: Any, name: str, rows: Any) -> Any:
        """The row that this parameter names, among `rows` (400): what one may not see and what is not there look the same."""
        given = self.request.query_params.getlist(name)
        try:
            row = rows.filter(uid=UUID(given[0])).first() if len(given) == 1 else None
        except ValueError:
            row = None
        if row is None:
            raise bad_query(name, _("Give “%(name)s” once: the uid of one that you may see.") % {"name": name})
        return row

    @extend_schema(
        summary="Why somebody is in, or out",
        description="Each rule answered for one person (`person`), or one organization where it selects those, with the value that decided it. "
        "The answers are those by which the segment itself selects.",
        parameters=[ABOUT["person"], ABOUT["organization"]],
        responses=WhyOut,
    )
    @action(detail=True, methods=["get"])
    def why(self: Any, request: Request, uid: UUID) -> Response:
        segment = self.find(uid)
        is_people = segment.selects == PEOPLE
        name, rows = ("person", Person.objects) if is_people else ("organization", Organization.objects)
        self.no_query(name)
        row = self._named(name, rows.visible_to(self.user))
        return Response(WhyOut(explain(segment, row)).data)

    @extend_schema(
        summary="Its size over time",
        description="One count a day, the latest first, of everywhere, whoever asks: so that the line is the same for all. "
        "A day on which it could not be counted is missing.",
        responses=SizeOut(many=True),
    )
    @action(detail=True, methods=["get"])
    def sizes(self: Any, request: Request, uid: UUID) -> Response:
        asked = paging.Asked.of(request)
        self.no_query(*paging.PAGING - {"sort"})
        made = paging.page(asked, SegmentSize.objects.filter(segment=self.find(uid)), ["-day"])
        return paging.answer(request, made, list(SizeOut(made.rows, many=True).data))

    @extend_schema(
        summary="Its versions",
        description="The latest first: the rules of each, and which came and went with it.",
        responses=SegmentVersionOut(many=True),
    )
    @action(detail=True, methods=["get"])
    def versions(self: Any, request: Request, uid: UUID) -> Response:
        asked = paging.Asked.of(request)
        self.no_query(*paging.PAGING - {"sort"})
        segment = self.find(uid)
        made = paging.page(asked, segment.versions.select_related("saved_by"), ["-version"])
        described(made.rows, segment)
        return paging.answer(request, made, list(SegmentVersionOut(made.rows, many=True).data))

    @extend_schema(
        summary="What it shares with another",
        description="How many are in both, and in one alone, within your countries, now.",
        parameters=[ABOUT["with"]],
        responses=OverlapOut,
    )
    @action(detail=True, methods=["get"])
    def overlap(self: Any, request: Request, uid: UUID) -> Response:
        self.no_query("with")
        segment = self.find(uid)
        other = self._named("with", self.rows().filter(selects=segment.selects).exclude(pk=segment.pk))
        countries = self.user.scope(Action.SEE).countries
        here, there = (compile_segment(row, scope_countries=countries) for row in (segment, other))
        return Response(OverlapOut(overlap(here, there)).data)
