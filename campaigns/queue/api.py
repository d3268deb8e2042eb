"""/outreach-queue: whom to turn to today, and why; the same as the screen."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.queue.building import Entry, queue_of
from crm.api.registry import Section
from crm.api.views import ApiView


class ReasonOut(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="reply, task, commitment, silent …")
    words = serializers.CharField(help_text="In the language of the token’s user.")
    on = serializers.DateField(allow_null=True)
    next = serializers.CharField(allow_blank=True, help_text="What to do now.")
    task = serializers.UUIDField(allow_null=True, help_text="The task that is done by it: see /tasks.")


class FactOut(serializers.Serializer[Any]):
    label = serializers.CharField()
    words = serializers.CharField()


class EntryOut(serializers.Serializer[Any]):
    organization = serializers.UUIDField(allow_null=True)
    person = serializers.UUIDField(allow_null=True)
    title = serializers.CharField()
    suggestion = serializers.CharField(allow_blank=True)
    reasons = ReasonOut(many=True, help_text="The most pressing first.")
    context = FactOut(
        many=True, help_text="Last two-way contact, who else is in touch, positions, promises, what holds us back."
    )


class QueueOut(serializers.Serializer[Any]):
    data = EntryOut(many=True)
    more = serializers.IntegerField(help_text="Entries beyond these.")


class QueueView(ApiView):
    """For the token's user, today in their time zone."""

    @extend_schema(summary="Whom to turn to today", responses=QueueOut)
    def list(self, request: Request) -> Response:
        self.no_query()
        queue = queue_of(self.user)
        return Response(QueueOut({"data": [_told(entry) for entry in queue.entries], "more": queue.more}).data)


def _told(entry: Entry) -> dict[str, Any]:
    return {
        "organization": entry.organization.uid if entry.organization else None,
        "person": entry.person.uid if entry.person else None,
        "title": entry.title,
        "suggestion": entry.suggestion,
        "reasons": [
            {"kind": one.kind, "words": one.words, "on": one.on, "next": one.next, "task": one.task}
            for one in entry.reasons
        ],
        "context": [{"label": str(line.label), "words": line.words} for line in entry.context],
    }


SECTIONS = [
    Section(
        "Outreach queue",
        "For me, today: each entry with its reasons and what to know first.",
        [("outreach-queue", QueueView)],
        order=60,
    )
]
