"""/personal-messages: one message to one person, sent by the engine and logged, as from the button on their page."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.mailings.models import Sender
from campaigns.personal import services
from campaigns.planning.models import Drive
from contacts.consent.models import Topic
from contacts.directory.models import ContactPoint, Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.fields import RowField
from crm.api.fields import text as words
from crm.api.registry import Section
from crm.api.views import ApiView
from crm.ids import new_uid

UID = "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c"


def _points(user: User) -> Any:
    people = Person.objects.active().visible_to(user, Action.LOG)
    return ContactPoint.objects.filter(kind=ContactPoint.Kind.EMAIL, person__in=people).select_related("person")


class MessageIn(serializers.Serializer[Any]):
    point = RowField(_points, help_text="An e-mail address of theirs: see /contact-points.")
    sender = RowField(
        lambda user: Sender.objects.filter(archived_at=None), help_text="Who it is from; a proven address."
    )
    topic = RowField(
        lambda user: Topic.objects.filter(archived_at=None), help_text="One on which they may be written to."
    )
    drive = RowField(lambda user: Drive.objects.visible_to(user, Action.LOG))
    subject = words(250, required=True)
    text = words(services.MOST_TEXT, required=True, help_text="As plain text; close with your name.")
    override_reason = words(300, help_text="Why it goes although a contact guard stands against it (409 guarded).")


class MessageOut(serializers.Serializer[Any]):
    interaction = serializers.UUIDField(help_text="As it was logged: see /interactions.")


class MessageView(ApiView):
    """A message from one to one."""

    needs = {"create": (Action.LOG,)}

    @extend_schema(
        summary="Write to one person",
        description="What pre-flight asks is asked here: the address, permission for the topic, the contact guard. Send an `Idempotency-Key`, and a request that is repeated sends once.",
        request=MessageIn, responses={201: MessageOut},
        examples=[OpenApiExample("A message", {"point": UID, "sender": UID, "topic": UID, "drive": UID, "subject": "Tuesday", "text": "Shall we meet?"}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        logged = services.write_to(actor=self.user, form_key=new_uid(), **self.read(MessageIn))
        place = f"{request.path.rpartition('/personal-messages')[0]}/interactions/{logged.uid}"
        return Response({"interaction": logged.uid}, status=201, headers={"Location": place})


SECTIONS = [
    Section("Personal messages", "One message to one person.", [("personal-messages", MessageView)], order=61),
]
