"""/meeting-briefs/{uid of an institution}: what the one-page brief says, as data."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.briefs.building import Brief, brief_of
from contacts.directory.aliases import resolve
from contacts.directory.models import Organization
from crm.api.registry import Section
from crm.api.views import ApiView


class BriefAskOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    done_when = serializers.CharField(allow_blank=True)
    stance = serializers.CharField(allow_blank=True, help_text="In words.")
    last_step = serializers.CharField(allow_blank=True)
    evidence = serializers.CharField(allow_blank=True)


class BriefPromiseOut(serializers.Serializer[Any]):
    uid = serializers.UUIDField()
    text = serializers.CharField()
    due_on = serializers.DateField()
    light = serializers.CharField(help_text="Why it is green, yellow or red, in words.")


class BriefPersonOut(serializers.Serializer[Any]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    said = serializers.CharField(allow_blank=True, help_text="How the name is said.")
    post = serializers.CharField(allow_blank=True)
    formal = serializers.CharField(help_text="On the envelope and the name plate.")
    greeting = serializers.CharField(help_text="How a letter begins.")
    language = serializers.CharField(allow_blank=True)


class BriefContactOut(serializers.Serializer[Any]):
    uid = serializers.UUIDField()
    at = serializers.DateTimeField()
    is_two_way = serializers.BooleanField()
    words = serializers.CharField(allow_blank=True)


class BriefFactOut(serializers.Serializer[Any]):
    label = serializers.CharField()
    words = serializers.CharField()
    source = serializers.CharField(allow_blank=True)


class BriefOut(serializers.Serializer[Any]):
    organization = serializers.UUIDField()
    name = serializers.CharField()
    made_on = serializers.DateField()
    asks = BriefAskOut(many=True)
    promises = BriefPromiseOut(many=True)
    people = BriefPersonOut(many=True)
    contacts = BriefContactOut(many=True, help_text="Two-way ones first.")
    facts = BriefFactOut(many=True)
    guards = serializers.ListField(
        child=serializers.CharField(), help_text="Who looks after it, and what holds us back."
    )
    more = serializers.DictField(child=serializers.IntegerField(), help_text="How many of a part did not fit.")


class BriefView(ApiView):
    """By the institution's uid."""

    lookup_field = "uid"
    lookup_value_converter = "uuid"

    @extend_schema(summary="The meeting brief of an institution", responses=BriefOut)
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        rows = Organization.objects.visible_to(self.user).select_related("constituency", "country")
        return Response(BriefOut(_told(brief_of(resolve(rows, uid), self.user))).data)


def _told(brief: Brief) -> dict[str, Any]:
    return {
        "organization": brief.organization.uid,
        "name": brief.organization.label,
        "made_on": brief.made_on,
        "asks": brief.asks,
        "promises": [
            {"uid": one.row.uid, "text": one.row.text, "due_on": one.row.due_on, "light": str(one.light.why)}
            for one in brief.promises
        ],
        "people": [
            {
                "uid": one.person.uid, "name": one.person.label, "said": one.said, "post": one.post, "formal": one.formal,
                "greeting": one.greeting, "language": one.language,
            }
            for one in brief.people
        ],
        "contacts": [
            {"uid": one.shown.row.uid, "at": one.shown.row.at, "is_two_way": one.shown.row.is_two_way, "words": one.words}
            for one in brief.contacts
        ],
        "facts": brief.facts,
        "guards": [one.words for one in brief.guards],
        "more": brief.more,
    }  # fmt: skip


SECTIONS = [Section("Meeting briefs", "What to know before the door opens.", [("meeting-briefs", BriefView)], order=62)]
